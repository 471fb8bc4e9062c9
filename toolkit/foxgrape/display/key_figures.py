"""The key figures of a report: a table whose rows messages about the report repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foxgrape.display.html import Html, table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["KEY_FIGURES", "KeyFigures"]

#: MIME type of a report's key figures in an executed notebook.
KEY_FIGURES = "application/vnd.foxgrape.figures+json"


class KeyFigures(Html):
    """A table of key figures, shown on the report page and in messages about the report.

    Examples
    --------
    >>> figures = KeyFigures(["", "This period"], [["posts", "12"]])
    >>> figures._repr_mimebundle_()[KEY_FIGURES]
    {'heads': ['', 'This period'], 'rows': [['posts', '12']]}
    """

    def __init__(
        self,
        heads: Sequence[str],
        rows: Sequence[Sequence[str]],
        note: str = "",
        *,
        markup: str | None = None,
    ) -> None:
        """Set heads and rows, and the HTML that shows them, by default a table with a note."""
        super().__init__(table(heads, rows, note).markup if markup is None else markup)
        self._heads, self._rows = list(heads), [list(row) for row in rows]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        text = "\n".join(map("  ".join, self._rows))
        figures = {"heads": self._heads, "rows": self._rows}
        return {"text/html": self.markup, "text/plain": text, KEY_FIGURES: figures}
