"""How far runs have come, on stderr, where somebody looks."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from rich.progress import TaskID

__all__ = ["Progress"]


class Progress:
    """Bars of all runs and of the cells of each that goes on; nothing where no terminal is.

    Parameters
    ----------
    runs
        How many there will be.
    """

    def __init__(self, runs: int) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bars

        self._shown = sys.stderr.isatty()
        self._bars = Bars(console=Console(stderr=True), disable=not self._shown, transient=True)
        self._tasks: dict[int, TaskID] = {}
        self._all = self._bars.add_task("reports", total=runs)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def begin(self, number: int, run_id: str, notebook: Path) -> None:
        """Show a run that begins."""
        if self._shown:
            # One more than the template has: the cell of the values that were given.
            cells = 1 + len(json.loads(notebook.read_text(encoding="utf-8"))["cells"])
            self._tasks[number] = self._bars.add_task(run_id, total=cells)

    def hear(self, number: int, word: Mapping[str, Any]) -> None:
        """Show what a run says."""
        if number in self._tasks and "cell" in word:
            self._bars.update(self._tasks[number], completed=word["cell"])

    def end(self, number: int) -> None:
        """Take a run that has ended off the screen, and count it."""
        if number in self._tasks:
            self._bars.remove_task(self._tasks.pop(number))
        self._bars.advance(self._all)
