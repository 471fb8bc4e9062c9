"""The section *What changed* of a report, and the tables with which later runs are compared."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any

from foxgrape.display.html import Html

if TYPE_CHECKING:
    from collections.abc import Hashable

    from foxgrape.studies.analysis import Analysis

__all__ = ["NOT_COMPARED", "TABLES", "TABLE_NAMES", "WhatChanged", "changes_block"]

#: MIME type of a report's tables in a notebook: Parquet files in base64, by name.
TABLES = "application/vnd.foxgrape.tables+json"
#: Names of the tables that a run keeps.
TABLE_NAMES = ("signals", "links", "events")
NOT_COMPARED = "<p>This run was not compared with an earlier one.</p>"


class WhatChanged(Html):
    """The section that says what changed since the run before; a run fills it when it is published.

    The signals and links of the analysis, and the linked events, are saved beside the page as
    Parquet files. That of the signals has the attributes ``timezone`` and ``period`` of the study.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> WhatChanged(open_study().analyse()).markup
    '<h2>What changed</h2><div class="changes"><p>This run was not compared with an ...'
    """

    def __init__(self, analysis: Analysis) -> None:
        super().__init__(f"<h2>What changed</h2>{changes_block(NOT_COMPARED)}")
        study = analysis.study
        linked = study.events["event_id"].isin(analysis.links["event_id"])
        self._tables = {
            "signals": analysis.signals,
            "links": analysis.links,
            "events": study.events[linked],
        }
        period = [None if bound is None else bound.isoformat() for bound in study.period]
        self._attributes: dict[Hashable | None, Any] = {
            "timezone": study.timezone,
            "period": period,
        }

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from foxgrape import schemas

        tables = {}
        for name, table in self._tables.items():
            buffer = BytesIO()
            columns = table[schemas.columns(name)]
            columns.attrs = self._attributes
            columns.to_parquet(buffer, index=False, compression="zstd")
            tables[name] = b64encode(buffer.getvalue()).decode()
        return {"text/html": self.markup, "text/plain": "What changed", TABLES: tables}


def changes_block(markup: str) -> str:
    """Return the part of a page that says what changed.

    Examples
    --------
    >>> changes_block("<p>Nothing.</p>")
    '<div class="changes"><p>Nothing.</p></div>'
    """
    return f'<div class="changes">{markup}</div>'
