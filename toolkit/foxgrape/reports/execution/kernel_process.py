"""The process of a kernel: IPython with limited printed output and a seed.

Started as ``python -P -m foxgrape.reports.execution.kernel_process CONNECTION_FILE SEED``, or
called in a process that was forked with everything imported.
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

__all__ = ["MAX_PRINTED", "BoundedStream", "serve"]

#: Maximum characters of stdout and of stderr in a report.
MAX_PRINTED = 1_000_000
_PLOTLY, _CONFIG_FUNCTION = "plotly.offline.offline", "_get_jconfig"


class BoundedStream(OutStream):
    """The output stream of a kernel, cut at a limit so that endless output does not fill memory."""

    printed = 0

    def write(self, string: str) -> int:
        """Write text; at the limit it is cut, with a note, and further text is dropped.

        Always returns the full length: printing too much must not fail the cell.
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
    """Configure plotly when a cell first imports it, so notebooks without figures start faster."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of plotly's module, with a loader that configures it after loading."""
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

    plotly has no setting for that, but all ways from a figure to HTML or to the front end get the
    configuration from one function, which modules import by name.
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

    Random generators get the seed of the run: forks would otherwise share a state, and new
    processes have an unknown one.
    """
    app: Any = IPKernelApp.instance()
    # ipykernel reads this at import; after a fork the value is the parent's.
    app.parent_handle = int(os.environ.get("JPY_PARENT_PID") or 0)
    app.outstream_class = f"foxgrape.reports.execution.kernel_process.{BoundedStream.__name__}"
    # No history and no start-up files: they belong to the user and would affect the report.
    app.initialize(
        [
            *("-f", connection_file),
            "--HistoryManager.enabled=False",
            "--IPKernelApp.exec_PYTHONSTARTUP=False",
            f"--ipython-dir={os.path.dirname(connection_file)}",  # noqa: PTH120
        ]
    )

    def set_seeds(*_: Any) -> None:
        # Before the first cell, since starting up draws a varying number of random numbers.
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
