"""How results tell themselves to others: as plain values for JSON, and as HTML."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["sentence_with_table", "to_json_records", "to_json_value"]


def to_json_value(value: Any) -> Any:
    """Return a value as JSON can hold it: durations are ISO 8601 text, what is not finite is None.

    Examples
    --------
    >>> [plain(value) for value in (0.5, float("inf"), float("nan"), pd.Timedelta("1D"), pd.NaT)]
    [0.5, None, None, 'P1DT0H0M0S', None]
    """
    if isinstance(value, pd.Timedelta):
        return value.isoformat()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return None if value is pd.NaT else value


def to_json_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as plain values.

    Examples
    --------
    >>> records(pd.DataFrame({"n": [1, 2], "share": [0.5, None]}))
    [{'n': 1, 'share': 0.5}, {'n': 2, 'share': None}]
    """
    return [
        {str(name): to_json_value(value) for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def sentence_with_table(sentence: str, frame: pd.DataFrame, warnings: Iterable[str] = ()) -> str:
    """Return a sentence, warnings and a table as escaped HTML.

    Examples
    --------
    >>> sentence_with_table("1 < 2", pd.DataFrame({"n": [1]})).startswith("<p>1 &lt; 2</p><table")
    True
    """
    items = "".join(f"<li>{html.escape(warning)}</li>" for warning in warnings)
    bullets = f"<ul>{items}</ul>" if items else ""
    shown = frame.to_html(index=False, border=0, float_format="{:.3g}".format)
    return f"<p>{html.escape(sentence)}</p>{bullets}{shown}"
