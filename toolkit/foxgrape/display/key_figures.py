"""The key figures of a report: messages about the report repeat them, the catalogue draws one."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from foxgrape.display.html import Html, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from foxgrape.studies.briefs import PeriodBrief

__all__ = ["KEY_FIGURE", "KEY_FIGURES", "KeyFigures", "figures_in_a_row", "period_figures"]

#: MIME type of the one figure of a report that the catalogue compares between its runs.
KEY_FIGURE = "application/vnd.foxgrape.figure+json"

#: MIME type of a report's key figures in an executed notebook.
KEY_FIGURES = "application/vnd.foxgrape.figures+json"
#: The row of a table of key figures that is compared.
_COMPARED = "signals"


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

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, Any]:
        text = "\n".join(map("  ".join, self._rows))
        figures = {"heads": self._heads, "rows": self._rows}
        bundle = {"text/html": self.markup, "text/plain": text, KEY_FIGURES: figures}
        for name, figure, *_ in self._rows:
            count = figure.replace(",", "")
            if name.lower() == _COMPARED and count.isdecimal():
                bundle[KEY_FIGURE] = {"name": _COMPARED, "value": int(count)}
        return bundle


def figures_in_a_row(figures: Mapping[str, str]) -> KeyFigures:
    """Return key figures as a row of large numbers, each below its name.

    Examples
    --------
    >>> figures_in_a_row({"Signals": "12"}).markup
    '<dl class="key"><div><dt>Signals</dt><dd>12</dd></div></dl>'
    """
    items = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>"
        for name, value in figures.items()
    )
    rows = list(figures.items())
    return KeyFigures(["", "This report"], rows, markup=f'<dl class="key">{items}</dl>')


def period_figures(brief: PeriodBrief) -> KeyFigures:
    """Return the counts of a period beside those of the period before, and what can be claimed.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> from foxgrape.studies.briefs import period_brief
    >>> brief = period_brief(open_study(), until="2022-09-12")
    >>> "Leads to confirmation" in period_figures(brief).markup
    True
    """
    # Both import pandas, which the list of reports does not need.
    from foxgrape._util.formatting import moment
    from foxgrape.display.chance import within_a_week

    rows = brief.counts.astype("str").to_numpy().tolist()
    rows.append(["More than chance?", within_a_week(brief.analysis).claim, ""])
    heads = [f"Leads to {moment(brief.analysis.clock)}", "This period", "Previous period"]
    return KeyFigures(heads, rows)
