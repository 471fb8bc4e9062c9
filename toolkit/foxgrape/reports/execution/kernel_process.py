"""The process of a kernel: IPython as it comes, but that what it prints has an end.

Started as ``python -P -m foxgrape.reports.execution.kernel_process CONNECTION_FILE SEED``, or
called in a
process that was forked with everything imported.
"""

from __future__ import annotations

import os
import random
import sys
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from ipykernel.iostream import OutStream
from ipykernel.kernelapp import IPKernelApp

from foxgrape.plots.offline import offline_config

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["MOST_PRINTED", "BoundedStream", "serve"]

#: How many characters of each stream a report keeps.
MOST_PRINTED = 1_000_000
_PLOTLY, _READER = "plotly.offline.offline", "_get_jconfig"


class BoundedStream(OutStream):
    """What a kernel prints, up to a limit: beyond it nothing is kept, sent or piled up."""

    printed = 0

    def write(self, string: str) -> int:
        """Send text on; the first text beyond the limit is cut, with a note, and more is dropped.

        The answer is always that all was written: a cell must not fail by printing.
        """
        before, size = self.printed, len(string)
        self.printed += size
        if self.printed > MOST_PRINTED:
            note = f"\n[cut: a report keeps {MOST_PRINTED:,} characters of what cells print]\n"
            string = string[: MOST_PRINTED - before] + note if before <= MOST_PRINTED else ""
        if string:
            super().write(string)
        return size


class _PlotlyWatch(MetaPathFinder):
    """Configure plotly as soon as a cell imports it; a notebook without figures need not wait."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find plotly's module where it is, and have it configured once it has run."""
        del path, target
        if fullname != _PLOTLY:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        loader: Any = spec and spec.loader
        if loader is not None:
            execute = loader.exec_module

            def exec_module(module: Any) -> None:
                execute(module)
                _configure()

            loader.exec_module = exec_module
        return spec


def _configure() -> None:
    """Have plotly give no figure a control that leaves the page, whatever a cell asks for.

    plotly has no setting for that. Every route from a figure to HTML or to the front end reads its
    configuration by one function, which modules import by name.
    """
    read = vars(sys.modules[_PLOTLY]).get(_READER)
    if read is None:
        return

    def read_offline(config: Any = None) -> dict[str, Any]:
        return offline_config(read(config))

    for name, module in list(sys.modules.items()):
        if name.startswith("plotly.") and vars(module).get(_READER) is read:
            setattr(module, _READER, read_offline)


def serve(connection_file: str, seed: int) -> None:
    """Be a kernel until it is told to end.

    Forked kernels would share the state of their random generators, and fresh ones have one that
    nobody knows: each run has a seed of its own instead.
    """
    app: Any = IPKernelApp.instance()
    # ipykernel read this when it was imported, which in a fork was somebody else's time.
    app.parent_handle = int(os.environ.get("JPY_PARENT_PID") or 0)
    app.outstream_class = f"foxgrape.reports.execution.kernel_process.{BoundedStream.__name__}"
    # Neither history nor start-up files of whoever builds the report: they are no part of it.
    app.initialize(
        [
            *("-f", connection_file),
            "--HistoryManager.enabled=False",
            "--IPKernelApp.exec_PYTHONSTARTUP=False",
            f"--ipython-dir={os.path.dirname(connection_file)}",  # noqa: PTH120
        ]
    )

    def sow(*_: Any) -> None:
        # When the first cell comes: the start itself draws numbers, now more and now fewer.
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the generator of those who have none of their own
        app.shell.events.unregister("pre_run_cell", sow)

    app.shell.events.register("pre_run_cell", sow)
    if _PLOTLY in sys.modules:
        _configure()
    else:
        sys.meta_path.insert(0, _PlotlyWatch())
    app.start()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
