"""Show any table to a reader: times in their zone, roughness in words, addresses as links."""

from __future__ import annotations

import html
import math
from functools import cache
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pandas as pd

from foxgrape.errors import TableError
from foxgrape.leadtime import lead_in_words
from foxgrape.markup import Html, table
from foxgrape.show import time_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    Row = dict[Hashable, Any]
    #: Makes of a row one cell, as text and as markup.
    Writer = Callable[[Row], tuple[str, str]]

__all__ = ["Shown", "show"]

#: Rows that are shown at once, and of a long table at all.
_PAGE, _MOST = 10, 5_000
#: A column of addresses, and the column of words that each address stands behind.
_BEHIND = {"url": "source", "source_url": "source_title", "post_source_url": "post_source_title"}
_WEB = ("https://", "http://")


class Shown:
    """A table as a reader sees it; see `show`.

    Attributes
    ----------
    words
        The same rows, every cell a text.
    note
        How many rows there are, and in which zone their times are.
    """

    def __init__(self, cells: pd.DataFrame, note: str) -> None:
        self._cells = cells
        self.words: pd.DataFrame = cells.map(lambda cell: cell[0]).astype("str")
        self.note = note

    def __repr__(self) -> str:
        told = "" if self.words.empty else self.words.to_string(index=False, max_rows=_PAGE)
        return f"{told}\n{self.note}".strip()

    def _repr_html_(self) -> str:
        markup = self._cells.map(lambda cell: cell[1])
        if len(markup) > _PAGE and find_spec("itables"):
            return f"{_paged(markup.rename(columns=html.escape))}<p>{self.note}</p>"
        rows = [[Html(cell) for cell in row] for row in markup.itertuples(index=False)]
        return table(list(map(str, markup.columns)), rows, self.note).markup


def show(frame: pd.DataFrame, *, timezone: str = "UTC") -> Shown:
    """Show posts, events, confirmations, signals or links, or what was made of them, to a reader.

    The two ends of a rough time become one cell in words, such as *10 Sep 2022, time unknown*; so
    do the ends of a lead. Addresses become links behind the words that name them. A table of more
    than ten rows is paged, sorted and filtered by itables, where that is installed; the scripts
    come along, so that no network is needed. The frame itself stays as it is.

    Parameters
    ----------
    frame
        A table. Not changed.
    timezone
        IANA name of the reader's time zone.

    Returns
    -------
    Shown
        A notebook shows it as a table; `words` holds its cells as text. Of more than 5,000 rows,
        the first 5,000, as its note says.

    Raises
    ------
    TableError
        If there is no such time zone.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> posts = open_study().posts
    >>> show(posts[posts["text"] == "🍇"], timezone="Europe/Kyiv").words[["posted", "text"]]
                          posted text
    0  10 Sep 2022, time unknown    🍇
    """
    try:
        ZoneInfo(timezone)
    except (ValueError, OSError, KeyError):
        raise TableError(
            "no such time zone", got=timezone, hint="an IANA name: Europe/Kyiv"
        ) from None
    part = frame.iloc[:_MOST].reset_index(drop=True)
    writers, rows = _writers(part, timezone), part.to_dict("records")
    cells = pd.DataFrame(
        {head: list(map(write, rows)) for head, write in writers.items()},
        columns=pd.Index(list(writers)),
        dtype=object,
    )
    much = f"{len(part):,} of {len(frame):,} rows" if len(part) < len(frame) else f"n = {len(part)}"
    dated = any(isinstance(each, pd.DatetimeTZDtype) for each in part.dtypes)
    return Shown(cells, f"{much}; times in {timezone}." if dated else f"{much}.")


def _writers(part: pd.DataFrame, zone: str) -> dict[str, Writer]:
    """Return the columns that a reader sees, in order, and what writes a cell of each."""
    names = list(map(str, part.columns))
    behind = {_BEHIND[name]: name for name in names if _BEHIND.get(name) in names}
    writers: dict[str, Writer] = {}
    for name, kind in zip(names, part.dtypes, strict=True):
        stem, _, end = name.rpartition("_")
        if name in behind.values() or (end == "until" and f"{stem}_at" in names):
            continue
        if {"lead_min", "lead_max", "observed"} <= set(names) and stem == "lead":
            writers["lead"] = _lead
        elif isinstance(kind, pd.DatetimeTZDtype):
            until = f"{stem}_until" if f"{stem}_until" in names else name
            writers[stem if end == "at" else name] = _time(name, until, zone)
        elif name in behind or name in _BEHIND:
            writers[name] = _link(name, behind.get(name, name))
        else:
            writers[name] = _plain(name)
    return writers


def _time(earliest: str, latest: str, zone: str) -> Writer:
    def write(row: Row) -> tuple[str, str]:
        if pd.isna(row[earliest]):
            return "", ""
        words = time_in_words(row[earliest], row[latest], zone)
        # A column of times is sorted by its markup without tags.
        return words, f"<span hidden>{row[earliest].isoformat()} </span>{html.escape(words)}"

    return write


def _lead(row: Row) -> tuple[str, str]:
    if pd.isna(row["lead_min"]):
        return "", ""
    words = lead_in_words(SimpleNamespace(**row))
    seconds = int(row["lead_min"].total_seconds()) + 10**11  # none is negative then
    return words, f"<span hidden>{seconds:012d} </span>{html.escape(words)}"


def _link(words: str, address: str) -> Writer:
    def write(row: Row) -> tuple[str, str]:
        told, where = _text(row[words]), _text(row[address])
        if not where.startswith(_WEB):
            return told or where, html.escape(told or where)
        linked = f'<a href="{html.escape(where)}">{html.escape(told or where)}</a>'
        return told or where, linked

    return write


def _plain(name: str) -> Writer:
    def write(row: Row) -> tuple[str, str]:
        words = _text(row[name])
        return words, html.escape(words)

    return write


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.7g}"
    missing = pd.api.types.is_scalar(value) and pd.isna(value)
    return "" if missing else str(value)


def _paged(markup: pd.DataFrame) -> str:
    """Return a table that is paged and filtered, with all scripts that it needs."""
    import itables  # noqa: PLC0415 - only a notebook shows

    return _scripts() + itables.to_html_datatable(
        markup,
        connected=False,
        allow_html=True,
        showIndex=False,
        maxBytes=0,
        maxRows=0,
        pageLength=_PAGE,
        scrollX=True,
        classes="display",
        order=[],
    )


@cache
def _scripts() -> str:
    from itables.javascript import generate_init_offline_itables_html  # noqa: PLC0415
    from itables.options import dt_bundle  # noqa: PLC0415

    return str(generate_init_offline_itables_html(dt_bundle))
