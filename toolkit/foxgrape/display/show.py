"""Any of the tables for a reader: times in the reader's zone, roughness said, sources as links.

The tables stay what they are. What is shown is a table of words made from one, in which whatever
came from outside is escaped; it is paged and filtered where itables is installed.
"""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass
from datetime import UTC, date
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape import times
from foxgrape._util.formatting import describe_time, duration_in_words
from foxgrape.display.html import Html, html_link, table
from foxgrape.errors import CONTROLS, FoxgrapeError
from foxgrape.places import Codebook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

__all__ = ["TableView", "show"]

#: Rows that are shown at most, unless asked for more: what a browser draws at once.
ROWS = 1000
#: Rows of a page: what has no more needs no paging.
_PAGE = 10
#: Rows of the plain text, which is for a terminal.
_LINES = 20
_NOTHING = "–"
#: Columns that are shown as one; a time is shown with its end.
_PARTNERS = {
    ("lead_min", "duration"): "lead_max",
    ("url", ""): "source",
    ("source_url", ""): "source_title",
}


@dataclass(frozen=True, slots=True)
class TableView:
    """A table as a reader sees it; a notebook shows its markup, a terminal its text.

    Attributes
    ----------
    markup
        HTML in which all that came from outside is escaped.
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
    """A column of words: plain, as markup where that differs, and by what it is ordered."""

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
    """Show a table to a reader: what do these rows say, and how exactly is it known?

    A pair `x_at`, `x_until` becomes one column that says the time to the precision it has, a pair
    `lead_min`, `lead_max` a lead, an address a link. Other columns, and those of a table of one's
    own, stand as they are.

    Parameters
    ----------
    frame
        Posts, events, confirmations, signals or links, whole or some rows and columns of them, or
        a codebook. Not changed.
    timezone
        IANA name of the reader's zone; by default that of the computer, which is the reader's in
        the lab. Give it where others will read what is shown: a day as lived in Kyiv is *10 Sep
        2022, time unknown* in Europe/Kyiv, and *9 to 10 Sep 2022* anywhere else.
    rows
        How many rows to show at most; below the table stands how many there are.
    interactive
        Pages and filters by itables, which works without network and adds 1 MB to the output. By
        default for tables of more than ten rows, where itables is installed. Not for reports,
        whose pages run no scripts but their own.

    Returns
    -------
    Shown

    Raises
    ------
    FoxgrapeError
        If there is no such zone, or `rows` is below 1.

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
        raise FoxgrapeError("too few rows to show", expected="1 or more", got=rows)
    zone, told = _zone(timezone)
    whole = _frame(frame)
    shown = _columns(whole.head(rows), zone)
    count = f"n = {len(whole):,}." if len(whole) <= rows else f"{rows:,} of {len(whole):,} rows."
    note = f"{count} Times in {told}."
    long = len(whole) > _PAGE and find_spec("itables") is not None
    paged = long if interactive is None else interactive
    markup = _paged(shown, note) if paged and len(whole) else _plain(shown, note).markup
    return TableView(markup, _text(shown, note, len(whole)))


def _zone(name: str | None) -> tuple[tzinfo, str]:
    """Return a zone, and what to call it."""
    if name is None:
        # pandas needs dateutil, so it is there.
        from dateutil.tz import gettz  # type: ignore[import-untyped]

        # Unlike an offset, this knows the summers of years gone by.
        return gettz() or UTC, "the zone of this computer"
    try:
        return times.get_zone(name), name
    except ValueError:
        raise FoxgrapeError.unknown_timezone(name) from None


def _frame(frame: pd.DataFrame | Codebook) -> pd.DataFrame:
    if isinstance(frame, Codebook):
        return pd.DataFrame([asdict(code) for code in frame])
    return frame


def _columns(frame: pd.DataFrame, zone: tzinfo) -> list[_Column]:
    """Make words of each column, and one column of each pair."""
    # By place: of columns of one's own two may have the same name, and one the name of ours.
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
    """Tell instants and durations from all else."""
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "instant"
    return "duration" if pd.api.types.is_timedelta64_dtype(dtype) else ""


def _partner(name: str, kind: str) -> str:
    """Return the column that is shown with this one, if it is there and of the same kind."""
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
    """Say an interval, of which an end may be open."""
    if _missing(start) and _missing(end):
        return _NOTHING
    if _missing(end):
        return f"from {describe_time(start, start, zone)} on"
    if _missing(start):
        return f"until {describe_time(end, end, zone)}"
    return describe_time(start, end, zone)


def _since(time: Any) -> float:
    """Return where a time stands in the order; one that is not known stands last."""
    return float("inf") if _missing(time) else float(pd.Timestamp(time).timestamp())


def _days(name: str, cells: list[Any], zone: tzinfo) -> _Column:
    """Say on which day a code was read: as stated in a codebook, as its latest in signals."""
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
            words.append(f"more than {duration_in_words(low)}")
        else:
            ends = dict.fromkeys((duration_in_words(low), duration_in_words(high)))
            words.append(" to ".join(ends))
    order = [float("inf") if _missing(low) else low / pd.Timedelta("1s") for low in shortest]
    return _Column("lead", words, order=order)


def _links(name: str, addresses: list[Any], titles: list[Any]) -> _Column:
    """Return titles that lead to addresses; an address that is its own title says its host."""
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
    """Tell whether a cell is empty; a list in a column of one's own is none of ours, and is not."""
    return cell is None or (pd.api.types.is_scalar(cell) and bool(pd.isna(cell)))


def _markup(column: _Column) -> list[str]:
    return list(map(html.escape, column.words)) if column.markup is None else column.markup


def _plain(columns: Sequence[_Column], note: str) -> Html:
    cells = [[Html(cell) for cell in _markup(column)] for column in columns]
    heads = [column.name.replace("_", " ") for column in columns]
    return table(heads, [list(row) for row in zip(*cells, strict=True)], note)


def _paged(columns: Sequence[_Column], note: str) -> str:
    """Return a table that itables pages and filters, with all that it needs from the package.

    Hidden columns hold what words are ordered by: *9 Oct* comes after *10 Sep*.
    """
    from itables import options, to_html_datatable
    from itables.javascript import (
        generate_init_offline_itables_html,
    )

    cells: list[list[Any]] = [list(_markup(column)) for column in columns]
    heads = [html.escape(column.name.replace("_", " ")) for column in columns]
    # Words begin at the left; the lab would have all cells end at the right.
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
    made = to_html_datatable(
        frame,
        connected=False,
        allow_html=True,
        showIndex=False,
        maxBytes=0,
        maxColumns=0,
        columnDefs=rules,
        order=[],
        text_in_header_can_be_selected=False,  # or only its arrow orders by a column
        classes="display compact",
        style="table-layout:auto; width:auto; margin:0",
    )
    return (
        generate_init_offline_itables_html(options.dt_bundle)
        + made
        + f'<p class="soft">{html.escape(note)}</p>'
    )


def _text(columns: Sequence[_Column], note: str, n: int) -> str:
    """Return the first rows as text, in which nothing moves a terminal's cursor."""
    if not n:
        return "None, n = 0."
    words = pd.DataFrame(
        {
            place: [word.translate(CONTROLS) for word in column.words]
            for place, column in enumerate(columns)
        }
    ).head(_LINES)
    heads = [column.name.replace("_", " ") for column in columns]
    drawn = words.to_string(index=False, header=heads, max_colwidth=60)
    return f"{drawn}\n{note}" if n <= _LINES else f"{drawn}\nThe first {_LINES}: {note}"
