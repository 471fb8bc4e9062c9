"""The key figures of a report: messages about the report repeat them, the catalogue draws one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foxgrape.display.html import Html, table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["KEY_FIGURE", "KEY_FIGURES", "HtmlWithFigure", "KeyFigures"]

#: MIME type of the one figure of a report that the catalogue compares between its runs.
KEY_FIGURE = "application/vnd.foxgrape.figure+json"

#: MIME type of a report's key figures in an executed notebook.
KEY_FIGURES = "application/vnd.foxgrape.figures+json"
#: The row of a table of key figures that is compared.
_COMPARED = "signals"


class HtmlWithFigure(Html):
    """HTML with the figure of a report that the catalogue compares between its runs.

    Examples
    --------
    >>> HtmlWithFigure("<p>2</p>", "signals", 2)._repr_mimebundle_()[KEY_FIGURE]
    {'name': 'signals', 'value': 2}
    """

    def __init__(self, markup: str, name: str, value: float) -> None:
        super().__init__(markup)
        self._figure = {"name": name, "value": value}

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {"text/html": self.markup, "text/plain": repr(self), KEY_FIGURE: self._figure}


class KeyFigures(Html):
    """A table of key figures, shown on the report page and in messages about the report.

    Examples
    --------
    >>> figures = KeyFigures(["", "This period"], [["posts", "12"]])
    >>> figures._repr_mimebundle_()[KEY_FIGURES]
    {'heads': ['', 'This period'], 'rows': [['posts', '12']]}
    """

    def __init__(self, heads: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> None:
        super().__init__(table(heads, rows, note).markup)
        self._heads, self._rows = list(heads), [list(row) for row in rows]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        text = "\n".join(map("  ".join, self._rows))
        figures = {"heads": self._heads, "rows": self._rows}
        bundle = {"text/html": self.markup, "text/plain": text, KEY_FIGURES: figures}
        counts = {row[0]: int(row[1]) for row in self._rows if row[1:] and row[1].isdecimal()}
        if _COMPARED in counts:
            bundle[KEY_FIGURE] = {"name": _COMPARED, "value": counts[_COMPARED]}
        return bundle
