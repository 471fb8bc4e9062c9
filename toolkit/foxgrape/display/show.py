"""Format a table for reading: intervals in words, times in a chosen time zone, links.

The original table is not changed. Untrusted text is escaped. If itables is installed, long tables
are paged and searchable.
"""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass
from datetime import UTC, date
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape import times
from foxgrape._util.formatting import describe_time, duration_in_words, more_than_in_words
from foxgrape.display.html import Html, html_link, table
from foxgrape.errors import CONTROLS, FoxgrapeError
from foxgrape.places import Codebook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

__all__ = ["TableView", "show"]

#: Default maximum number of rows, chosen so that browsers stay responsive.
ROWS = 1000
#: Number of rows per page; tables with at most this many rows are not paged by default.
_PAGE = 10
#: Maximum number of rows in the plain text for terminals.
_LINES = 20
_NOTHING = "–"
#: Columns shown together: name and kind of a column, and the name of its partner.
_PARTNERS = {
    ("lead_min", "duration"): "lead_max",
    ("url", ""): "source",
    ("source_url", ""): "source_title",
}


@dataclass(frozen=True, slots=True)
class TableView:
    """A formatted table: HTML for notebooks, plain text for terminals.

    Attributes
    ----------
    markup
        HTML in which untrusted text is escaped.
    text
        The first rows as plain text.
    """

    markup: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.markup


@dataclass(frozen=True, slots=True)
class _Column:
    """A column's cells as text, optionally with HTML and sort keys for them."""

    name: str
    words: list[str]
    markup: list[str] | None = None
    order: list[float] | None = None


def show(
    frame: pd.DataFrame | Codebook,
    *,
    timezone: str | None = None,
    rows: int = ROWS,
    interactive: bool | None = None,
) -> TableView:
    """Format a table for reading, and show each time with its precision.

    Columns `x_at` and `x_until` are shown as one column of times with their precision; `lead_min`
    and `lead_max`, as one column of leads; and addresses, as links. Other columns are not combined.

    Parameters
    ----------
    frame
        A table of posts, events, confirmations, signals or links, a selection of its rows and
        columns, or a codebook. It is not changed.
    timezone
        IANA time zone for the times; by default this computer's time zone. Set it if others will
        read the table: a day in Kyiv is *10 Sep 2022, time unknown* in Europe/Kyiv, and
        *9 to 10 Sep 2022* in other zones.
    rows
        Maximum number of rows to show; the total is stated below the table.
    interactive
        Add paging and search with itables, which work offline and add 1 MB to the output. By
        default, this is done for tables of more than ten rows if itables is installed. Set it to
        False in reports, whose pages run only their own scripts.

    Returns
    -------
    TableView

    Raises
    ------
    FoxgrapeError
        If the time zone is unknown or `rows` is below 1.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> irpin = open_study().events.iloc[:1][["place", "confirmed_at", "confirmed_until"]]
    >>> show(irpin, timezone="Europe/Kyiv", interactive=False)  # doctest: +NORMALIZE_WHITESPACE
    place                 confirmed
    Irpin 28 Mar 2022, time unknown
    n = 1. Times in Europe/Kyiv.
    """
    if rows < 1:
        raise FoxgrapeError("rows must be at least 1", got=rows)
    zone, zone_name = _zone(timezone)
    full = _frame(frame)
    columns = _columns(full.head(rows), zone)
    count = f"n = {len(full):,}." if len(full) <= rows else f"{rows:,} of {len(full):,} rows."
    note = f"{count} Times in {zone_name}."
    is_long = len(full) > _PAGE and find_spec("itables") is not None
    paged = is_long if interactive is None else interactive
    markup = _paged(columns, note) if paged and len(full) else _plain(columns, note).markup
    return TableView(markup, _text(columns, note, len(full)))


def _zone(name: str | None) -> tuple[tzinfo, str]:
    """Return a time zone and the name to show for it."""
    if name is None:
        # pandas depends on dateutil.
        from dateutil.tz import gettz  # type: ignore[import-untyped]

        # Unlike the current UTC offset, gettz() is correct for past times with another offset.
        return gettz() or UTC, "the time zone of this computer"
    try:
        return times.get_zone(name), name
    except ValueError:
        raise FoxgrapeError.unknown_timezone(name) from None


def _frame(frame: pd.DataFrame | Codebook) -> pd.DataFrame:
    if isinstance(frame, Codebook):
        return pd.DataFrame([asdict(code) for code in frame])
    return frame


def _columns(frame: pd.DataFrame, zone: tzinfo) -> list[_Column]:
    """Format the columns as text, and combine pairs of columns into one."""
    # Select columns by position, since column names in a user's table may repeat.
    cells = [frame.iloc[:, at].tolist() for at in range(frame.shape[1])]
    keys = [(str(name), _kind(dtype)) for name, dtype in frame.dtypes.items()]
    partners = {
        at: keys.index(partner)
        for at, (name, kind) in enumerate(keys)
        if (partner := (_partner(name, kind), kind)) in keys
    }
    return [
        _column(name, kind, cells[at], cells[partners[at]] if at in partners else None, zone)
        for at, (name, kind) in enumerate(keys)
        if at not in partners.values()
    ]


def _kind(dtype: Any) -> str:
    """Return a column's kind: ``instant``, ``duration`` or an empty string."""
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "instant"
    return "duration" if pd.api.types.is_timedelta64_dtype(dtype) else ""


def _partner(name: str, kind: str) -> str:
    """Return the name of the column to combine with this column, or an empty string."""
    if kind == "instant" and name.endswith("_at"):
        return f"{name.removesuffix('_at')}_until"
    return _PARTNERS.get((name, kind), "")


def _column(
    name: str, kind: str, cells: list[Any], partner: list[Any] | None, zone: tzinfo
) -> _Column:
    if (name, kind) == ("lead_min", "duration") and partner is not None:
        return _leads(cells, partner)
    days = kind == "instant" or all(isinstance(cell, date) or _missing(cell) for cell in cells)
    if name == "decoded_at" and days:
        return _days("decoded", cells, zone)
    if kind == "instant":
        return _times(name.removesuffix("_at"), cells, partner or cells, zone)
    if name.endswith("url"):
        return _links(name if partner is None else "source", cells, partner or cells)
    return _others(name, cells)


def _times(name: str, starts: list[Any], ends: list[Any], zone: tzinfo) -> _Column:
    words = [_time(start, end, zone) for start, end in zip(starts, ends, strict=True)]
    return _Column(name, words, order=[_since(start) for start in starts])


def _time(start: Any, end: Any, zone: tzinfo) -> str:
    """Return an interval in words; its start or end may be missing."""
    if _missing(start) and _missing(end):
        return _NOTHING
    if _missing(end):
        return f"from {describe_time(start, start, zone)}"
    if _missing(start):
        return f"until {describe_time(end, end, zone)}"
    return describe_time(start, end, zone)


def _since(time: Any) -> float:
    """Return the sort key of a time; missing times sort last."""
    return float("inf") if _missing(time) else float(pd.Timestamp(time).timestamp())


def _days(name: str, cells: list[Any], zone: tzinfo) -> _Column:
    """Format decoding dates: exact in a codebook; in signals, the latest possible date."""
    words = [_NOTHING if _missing(cell) else _day(cell, zone) for cell in cells]
    return _Column(name, words, order=[_since(cell) for cell in cells])


def _day(cell: Any, zone: tzinfo) -> str:
    day = pd.Timestamp(cell)
    return f"{day:%-d %b %Y}" if day.tz is None else f"by {day.tz_convert(zone):%-d %b %Y}"


def _leads(shortest: list[Any], longest: list[Any]) -> _Column:
    words = []
    for low, high in zip(shortest, longest, strict=True):
        if _missing(low):
            words.append(_NOTHING)
        elif _missing(high):
            words.append(more_than_in_words(low))
        else:
            ends = dict.fromkeys((duration_in_words(low), duration_in_words(high)))
            words.append(" to ".join(ends))
    order = [float("inf") if _missing(low) else low / pd.Timedelta("1s") for low in shortest]
    return _Column("lead", words, order=order)


def _links(name: str, addresses: list[Any], titles: list[Any]) -> _Column:
    """Format titles as links; show the address if the title is missing."""
    words = [
        _NOTHING if _missing(either) else str(either)
        for address, title in zip(addresses, titles, strict=True)
        for either in [address if _missing(title) else title]
    ]
    pairs = zip(addresses, words, strict=True)
    return _Column(name, words, [html_link(address, title) for address, title in pairs])


def _others(name: str, cells: list[Any]) -> _Column:
    order = None
    known = [cell for cell in cells if not _missing(cell)]
    if known and all(isinstance(cell, int | float) for cell in known):
        order = [float("inf") if _missing(cell) else float(cell) for cell in cells]
    return _Column(name, [_word(cell) for cell in cells], order=order)


def _word(cell: Any) -> str:
    if _missing(cell):
        return _NOTHING
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _missing(cell: Any) -> bool:
    """Return whether a cell is missing; lists in a user's column count as present."""
    return cell is None or (pd.api.types.is_scalar(cell) and bool(pd.isna(cell)))


def _markup(column: _Column) -> list[str]:
    return list(map(html.escape, column.words)) if column.markup is None else column.markup


def _plain(columns: Sequence[_Column], note: str) -> Html:
    cells = [[Html(cell) for cell in _markup(column)] for column in columns]
    heads = [column.name.replace("_", " ") for column in columns]
    return table(heads, [list(row) for row in zip(*cells, strict=True)], note)


def _paged(columns: Sequence[_Column], note: str) -> str:
    """Return an offline itables table.

    Hidden columns hold sort keys, so that *9 Oct* comes after *10 Sep*.
    """
    from itables import options, to_html_datatable
    from itables.javascript import (
        generate_init_offline_itables_html,
    )

    cells: list[list[Any]] = [list(_markup(column)) for column in columns]
    heads = [html.escape(column.name.replace("_", " ")) for column in columns]
    # Align text left, since JupyterLab's default is right.
    rules: list[dict[str, Any]] = [{"targets": "_all", "className": "dt-left"}]
    for position, column in enumerate(columns):
        if column.order is None:
            continue
        rules.append({"targets": position, "orderData": len(cells)})
        rules.append({"targets": len(cells), "visible": False, "searchable": False})
        heads.append("")
        ranks = pd.Series(column.order).rank(method="dense")
        cells.append(ranks.astype("int64").tolist())
    frame = pd.DataFrame(dict(enumerate(cells)))
    frame.columns = pd.Index(heads)
    datatable = to_html_datatable(
        frame,
        connected=False,
        allow_html=True,
        showIndex=False,
        maxBytes=0,
        maxColumns=0,
        columnDefs=rules,
        order=[],
        text_in_header_can_be_selected=False,  # otherwise only a click on the arrow sorts
        classes="display compact",
        style="table-layout:auto; width:auto; margin:0",
    )
    return (
        generate_init_offline_itables_html(options.dt_bundle)
        + datatable
        + f'<p class="soft">{html.escape(note)}</p>'
    )


def _text(columns: Sequence[_Column], note: str, n: int) -> str:
    """Return the first rows as plain text without control characters."""
    if not n:
        return "None."
    words = pd.DataFrame(
        {
            place: [word.translate(CONTROLS) for word in column.words]
            for place, column in enumerate(columns)
        }
    ).head(_LINES)
    heads = [column.name.replace("_", " ") for column in columns]
    text = words.to_string(index=False, header=heads, max_colwidth=60)
    return f"{text}\n{note}" if n <= _LINES else f"{text}\nFirst {_LINES} rows. {note}"
