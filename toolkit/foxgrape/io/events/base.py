"""Helpers for event readers: read exports of any table kind, build event rows, check cells."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape import schemas
from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import reject_invalid_unicode
from foxgrape.io.events.days import DayOrder, parse_source_day
from foxgrape.io.json_records import page_items
from foxgrape.io.stream import BadRecordError
from foxgrape.io.tabular import column_names, records

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from foxgrape.io.events.coordinates import Point
    from foxgrape.io.stream import InputFile, Record
    from foxgrape.io.written_times import DateOrder

__all__ = [
    "PLACE_COLUMNS",
    "ExportReader",
    "country_zone",
    "lower_names",
    "make_event",
    "require_cell",
    "require_code",
    "require_curie",
    "require_day",
    "text_records",
]

#: Columns that the readers of data sets add: the place name as stated by the source, the precision
#: of the place (``exact``, ``near``, ``district``, ``region``, ``country`` or ``area``), and its
#: uncertainty in kilometres, if the source states one.
PLACE_COLUMNS = {"stated_place": "str", "place_precision": "str", "place_km": "Float64"}

#: Words that R, pandas and databases write for a missing value.
_MISSING = {"", "na", "<na>", "nan", "nat", "none", "null"}
#: Time zones of countries with a single time zone.
_ZONES = {"Ukraine": "Europe/Kyiv"}


class ExportReader(Reader):
    """Base class for readers of one source's export: a table of any kind, or API pages.

    The names of columns are read in lower case, and cells as the text that a CSV file would have,
    so that an export reads the same as CSV, Excel, Parquet and JSON.
    """

    #: Sets of columns, in lower case; an export of this source has all columns of one of them.
    signatures: ClassVar[tuple[frozenset[str], ...]]
    #: Columns with days, and the order in which this source writes days in numbers, if it does.
    day_columns: ClassVar[tuple[str, ...]] = ()
    usual_days: ClassVar[DateOrder | None] = None
    #: Key of the list of rows in an API page; None if the source has no API.
    page_key: ClassVar[str | None] = None

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return whether the file's rows, in a table or in API pages, have a signature."""
        names = lower_names(file, paths, self.page_key)
        return any(signature <= names for signature in self.signatures)

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Yield each row of the table or of the API pages."""
        order = DayOrder(lambda: self._days(file), context.dates or self.usual_days)
        context.state["day_order"] = order
        return text_records(file, self.page_key)

    def _days(self, file: InputFile) -> Iterator[Any]:
        """Yield the days of all rows."""
        for record in text_records(file, self.page_key):
            if isinstance(record.value, dict):
                yield from (record.value.get(name) for name in self.day_columns)


def lower_names(
    file: InputFile, paths: frozenset[tuple[str, ...]], page_key: str | None = None
) -> frozenset[str]:
    """Return the names of a table's columns, or of the keys in API pages, in lower case."""
    parents = {(), (page_key, "item")}
    names = {path[-1] for path in paths if path[:-1] in parents} if paths else column_names(file)
    return frozenset(name.strip().lower() for name in names)


def text_records(file: InputFile, page_key: str | None = None) -> Iterator[Record]:
    """Yield the rows of a table, or of API pages: lower-case names, and cells as in a CSV file."""
    if file.head.lstrip()[:1] not in {b"{", b"["}:
        yield from map(_as_text, records(file, lambda _: None))
        return
    with file.open() as stream:
        yield from map(_as_text, page_items(stream, file.head, page_key or ""))


def _as_text(record: Record) -> Record:
    """Return a record whose names are in lower case, and whose cells are text as in a CSV file."""
    if not isinstance(record.value, dict):
        return record
    value: dict[str, Any] = {}
    for name, cell in record.value.items():
        value.setdefault(name.strip().lower(), _cell_text(cell))
    return replace(record, value=value)


def _cell_text(cell: Any) -> Any:
    """Return a cell as text; None if it is missing, and lists and objects unchanged.

    Examples
    --------
    >>> _cell_text(1.0), _cell_text(datetime(2022, 9, 10)), _cell_text("NA")
    ('1', '2022-09-10', None)
    """
    if isinstance(cell, str):
        return None if len(cell) <= len("<NA>") and cell.lower() in _MISSING else cell
    if isinstance(cell, datetime):
        return (cell.date() if cell.time() == time.min else cell).isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float):
        if cell.is_integer():
            return str(int(cell))
        return None if math.isnan(cell) else str(cell)
    return cell if cell is None or isinstance(cell, (dict, list)) else str(cell)


def make_event(
    *,
    event_id: str,
    place: tuple[str, str],
    point: Point,
    kind: str | None,
    occurred: tuple[datetime, datetime],
    confirmed: tuple[datetime, datetime] | None = None,
    by_side: str | None = None,
    confirmed_by: str | None = None,
    precision: str | None = None,
    source: str | None = None,
    url: str | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """Return a row of the events table; raise `BadRecordError` if it is invalid."""
    place_id, name = place
    event = {
        "event_id": event_id,
        "place_id": require_curie(place_id),
        "place": name,
        "lat": point[0],
        "lon": point[1],
        "kind": kind or None,
        "by_side": by_side,
        "occurred_at": occurred[0],
        "occurred_until": occurred[1],
        "confirmed_at": confirmed[0] if confirmed else None,
        "confirmed_until": confirmed[1] if confirmed else None,
        "confirmed_by": confirmed_by,
        "precision": precision,
        "source": source or None,
        "url": url or None,
        **extra,
    }
    if confirmed and confirmed[1] < occurred[0]:
        raise BadRecordError("confirmed_until is before occurred_at", "confirmed_until")
    reject_invalid_unicode(event)
    return event


def require_curie(place_id: str) -> str:
    """Return the place id; raise `BadRecordError` unless it has a scheme and no spaces."""
    if not re.fullmatch(schemas.CURIE, place_id):
        raise BadRecordError(
            f"expected an id such as geonames:707292; got {place_id!r:.80}", "place_id"
        )
    return place_id


def require_cell(row: Mapping[str, Any], column: str) -> Any:
    """Return a cell; raise `BadRecordError` if it is missing or blank."""
    cell = row.get(column)
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        raise BadRecordError("a value is required", column)
    return cell


def require_code(row: Mapping[str, Any], column: str, codes: Collection[str]) -> str:
    """Return a cell as text; raise `BadRecordError` unless it is one of `codes`.

    Codes that pandas has written as decimals, such as 1.0, are accepted.
    """
    cell = str(require_cell(row, column))
    code = cell.strip().removesuffix(".0")
    if code not in codes:
        raise BadRecordError(f"expected one of {', '.join(codes)}; got {cell!r:.80}", column)
    return code


def require_day(row: Mapping[str, Any], column: str, context: ReadContext) -> date:
    """Return a cell's day; raise `BadRecordError` if it is missing, or the order is unknown."""
    cell = require_cell(row, column)
    return parse_source_day(cell, column, context, context.state.get("day_order"))


def country_zone(country: Any, context: ReadContext) -> str:
    """Return the country's time zone if it has a single one, else the caller's."""
    own = _ZONES.get(country) if isinstance(country, str) else None
    if own is not None and context.timezone not in {None, own}:
        context.note(f"days of {country} are days in {own}: timezone= is not used", country)
    zone = own or context.timezone
    if zone is None:
        raise BadRecordError(
            f"the time zone of the country {country!r} is not known; pass timezone=", "country"
        )
    return zone
