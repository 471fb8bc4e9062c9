"""Run an IPython kernel with limited printed output and seeded random generators.

The module is started as ``python -P -m foxgrape.reports.execution.kernel_process CONNECTION_FILE
SEED``, or called in a process forked after all imports.
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

from foxgrape._util.files import IN_RUN_FOLDER
from foxgrape.plots.offline import offline_config
from foxgrape.plots.pictures import PICTURES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["MAX_PRINTED", "BoundedStream", "serve"]

#: Maximum number of printed characters in a report, for stdout and for stderr.
MAX_PRINTED = 1_000_000
_PLOTLY, _CONFIG_FUNCTION = "plotly.offline.offline", "_get_jconfig"


class BoundedStream(OutStream):
    """A kernel's output stream with a size limit, so that endless output does not fill memory."""

    printed = 0

    def write(self, string: str) -> int:
        """Write text up to the limit, then a note; text beyond the limit is dropped.

        The return value is always the length of `string`, so that cells do not fail at the limit.
        """
        before, size = self.printed, len(string)
        self.printed += size
        if self.printed > MAX_PRINTED:
            note = f"\n[cut: a report keeps {MAX_PRINTED:,} characters of printed output]\n"
            string = string[: MAX_PRINTED - before] + note if before <= MAX_PRINTED else ""
        if string:
            super().write(string)
        return size


class _PlotlyImportHook(MetaPathFinder):
    """Configure plotly on its first import: notebooks without figures start faster without it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of plotly's module, with a loader that also configures plotly."""
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
                _configure_plotly()

            loader.exec_module = exec_module
        return spec


def _configure_plotly() -> None:
    """Remove the controls that upload a figure, whatever configuration a cell passes.

    plotly has no setting for this. All its code that displays or exports figures gets the
    configuration from one function, which is replaced in each module that imported it by name.
    """
    original = vars(sys.modules[_PLOTLY]).get(_CONFIG_FUNCTION)
    if original is None:
        return

    def get_offline_config(config: Any = None) -> dict[str, Any]:
        return offline_config(original(config))

    for name, module in list(sys.modules.items()):
        if name.startswith("plotly.") and vars(module).get(_CONFIG_FUNCTION) is original:
            setattr(module, _CONFIG_FUNCTION, get_offline_config)


def serve(connection_file: str, seed: int) -> None:
    """Run a kernel until it is shut down.

    The random generators are seeded with the run's seed. Otherwise all forks would have the same
    state, and new processes an unknown state.
    """
    # The page draws the figures itself.
    os.environ[PICTURES] = "0"
    os.environ[IN_RUN_FOLDER] = "1"
    app: Any = IPKernelApp.instance()
    # ipykernel reads this variable at import, so a fork has inherited the parent's value.
    app.parent_handle = int(os.environ.get("JPY_PARENT_PID") or 0)
    app.outstream_class = f"foxgrape.reports.execution.kernel_process.{BoundedStream.__name__}"
    # Disable history and start-up files: they belong to the user and could affect the report.
    app.initialize(
        [
            *("-f", connection_file),
            "--HistoryManager.enabled=False",
            "--IPKernelApp.exec_PYTHONSTARTUP=False",
            f"--ipython-dir={os.path.dirname(connection_file)}",  # noqa: PTH120
        ]
    )

    def set_seeds(*_: Any) -> None:
        # Seed right before the first cell, since start-up draws a varying number of random numbers.
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - for cells that use the global generator
        app.shell.events.unregister("pre_run_cell", set_seeds)

    app.shell.events.register("pre_run_cell", set_seeds)
    if _PLOTLY in sys.modules:
        _configure_plotly()
    else:
        sys.meta_path.insert(0, _PlotlyImportHook())
    app.start()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
