"""How papermill runs a notebook here: what cells show has an end, and each cell is announced."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.translators import translate_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

from foxgrape.plots.offline import MIMETYPE, offline_config

__all__ = ["ENGINE", "MOST_SHOWN", "OUTPUT_SECONDS", "register"]

ENGINE = "foxgrape"
#: How many characters of figures, tables and pictures a report keeps.
MOST_SHOWN = 30_000_000
#: Seconds within which the output of a cell that has ended must be here, on a busy machine too.
OUTPUT_SECONDS = 60


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    shown = 0

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """Keep a message; a figure in it gets a configuration that cannot upload it."""
        data = msg["content"].get("data")
        figure = data.get(MIMETYPE) if isinstance(data, dict) else None
        if isinstance(figure, dict):
            figure["config"] = offline_config(figure.get("config"))
        return super().process_message(msg, cell, cell_index)

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> Any:
        """Keep an output, or a note in place of the first that is too much."""
        if msg["msg_type"] in {"display_data", "execute_result"}:
            before, size = self.shown, len(json.dumps(msg["content"]["data"]))
            self.shown += size
            if before > MOST_SHOWN:
                return None
            if self.shown > MOST_SHOWN:
                note = f"[cut: a report keeps {MOST_SHOWN:,} characters of what cells show]\n"
                said = {"name": "stderr", "text": note}
                msg = {**msg, "msg_type": "stream", "content": said}
                msg["header"] = {**msg["header"], "msg_type": "stream"}
                return super().output(outs, msg, None, cell_index)
        return super().output(outs, msg, display_id, cell_index)


class _Engine(Engine):  # type: ignore[misc]
    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        shown: Mapping[str, Any],
        execution_timeout: float | None = None,
        start_timeout: float = 60,
        **options: Any,
    ) -> None:
        """Run every cell in the kernel that the manager class brings.

        The kernel gets the paths of copies; afterwards the notebook shows what was asked for
        (`shown`, as papermill's metadata), with which whoever opens it can run it again.
        """
        options.pop("log_output", None)
        limits = {
            # Its other option takes whole seconds only.
            "timeout_func": lambda _: execution_timeout,
            "startup_timeout": start_timeout,
            "iopub_timeout": OUTPUT_SECONDS,
        }
        try:
            _Client(nb_man, kernel_name=kernel_name, **limits, **options).execute()
        finally:
            _show(nb_man.nb, kernel_name, shown)


def _show(notebook: Any, kernel_name: str, shown: Mapping[str, Any]) -> None:
    """Put parameters into a notebook that was run with others."""
    notebook.metadata.papermill.update(shown)
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell.source = translate_parameters(
                kernel_name, "python", shown["parameters"], "Parameters"
            )


def register() -> None:
    """Make the engine known to papermill."""
    papermill_engines.register(ENGINE, _Engine)
