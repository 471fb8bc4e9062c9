"""Helpers for event readers: build event rows, convert days to intervals, parse cells."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from foxgrape import schemas, times
from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import reject_invalid_unicode
from foxgrape.io.json_records import page_items
from foxgrape.io.stream import BadRecordError
from foxgrape.io.tabular import header, records
from foxgrape.io.written_times import MONTHS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from foxgrape.io.stream import InputFile, Record

__all__ = [
    "PLACE_COLUMNS",
    "ExportReader",
    "Point",
    "country_zone",
    "enclosing_month",
    "local_day_interval",
    "make_event",
    "parse_coordinates",
    "parse_source_day",
    "require_cell",
    "require_code",
    "require_curie",
]

#: Latitude and longitude in degrees.
Point: TypeAlias = tuple[float | None, float | None]

#: Columns that the readers of data sets add: the place name as stated by the source, the precision
#: of the place (``exact``, ``near``, ``district``, ``region``, ``country`` or ``area``), and its
#: uncertainty in kilometres, if the source states one.
PLACE_COLUMNS = {"stated_place": "str", "place_precision": "str", "place_km": "Float64"}

_ISO_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ]00:00:00(?:\.0+)?)?")
_LONG_DAY = re.compile(r"(\d{1,2})[ -]([A-Z][a-z]{2})[a-z]*[ -](\d{4})")
#: Time zones of countries with a single time zone.
_ZONES = {"Ukraine": "Europe/Kyiv"}


class ExportReader(Reader):
    """Base class for readers of one source's export: CSV or, optionally, API pages."""

    #: Columns that identify an export of this source.
    signature: ClassVar[frozenset[str]]
    #: Key of the list of rows in an API page; None if the reader accepts CSV only.
    page_key: ClassVar[str | None] = None

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return whether the file's rows, in CSV or in API pages, have the signature columns."""
        if paths and self.page_key is None:
            return False
        parents = {(), (self.page_key, "item")}
        names = {path[-1] for path in paths if path[:-1] in parents}
        return (names or set(header(file))) >= self.signature

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Yield each row of the CSV file or of the API pages."""
        if self.page_key is None or header(file):
            yield from records(file, lambda _: None)
            return
        with file.open() as stream:
            yield from page_items(stream, file.head, self.page_key)


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
    """Return a cell; raise `BadRecordError` if it is missing or empty."""
    cell = row.get(column)
    if cell is None or cell == "":
        raise BadRecordError("a value is required", column)
    return cell


def require_code(row: Mapping[str, Any], column: str, codes: Collection[str]) -> str:
    """Return a cell as text; raise `BadRecordError` unless it is one of `codes`."""
    cell = str(require_cell(row, column))
    if cell not in codes:
        raise BadRecordError(f"expected one of {', '.join(codes)}; got {cell!r:.80}", column)
    return cell


def parse_coordinates(
    row: Mapping[str, Any], lat: str = "latitude", lon: str = "longitude"
) -> Point:
    """Return latitude and longitude; (None, None) if either is missing."""
    point = _parse_degrees(row, lat, 90), _parse_degrees(row, lon, 180)
    return (None, None) if None in point else point


def _parse_degrees(row: Mapping[str, Any], column: str, limit: int) -> float | None:
    cell = row.get(column)
    if cell is None or cell == "":
        return None
    try:
        number = float(cell)
    except (ValueError, TypeError):
        number = float("nan")
    if not -limit <= number <= limit:
        raise BadRecordError(f"expected -{limit} to {limit}; got {cell!r:.80}", column)
    return number


def parse_source_day(value: Any, column: str) -> date:
    """Return a day written as ``2022-09-10`` or ``10 September 2022``.

    Examples
    --------
    >>> parse_source_day("10 September 2022", "event_date")
    datetime.date(2022, 9, 10)
    """
    text = str(value).strip()
    iso, long = _ISO_DAY.fullmatch(text), _LONG_DAY.fullmatch(text)
    try:
        if iso:
            return date(*map(int, iso.groups()))
        if long and long[2] in MONTHS:
            return date(int(long[3]), MONTHS.index(long[2]) + 1, int(long[1]))
    except ValueError:
        pass  # not in the calendar, such as 30 February
    raise BadRecordError(f"expected a day such as 2022-09-10; got {text!r:.80}", column)


def local_day_interval(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """Return the interval from the start of one day to the end of another in a time zone."""
    if last < first:
        raise BadRecordError(f"the last day {last} is before the first day {first}")
    try:
        return (
            times.parse_stated_time(first.isoformat(), zone)[0],
            times.parse_stated_time(last.isoformat(), zone)[1],
        )
    except ValueError:
        raise BadRecordError(f"date out of range: {first} to {last}") from None


def enclosing_month(day: date, margin: int) -> tuple[date, date]:
    """Return the first and last day of a day's month, at least `margin` days from the day."""
    first = day.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    reach = timedelta(days=margin)
    return min(first, day - reach), max(last, day + reach)


def country_zone(country: Any, context: ReadContext) -> str:
    """Return the caller's time zone if given, else the country's if it has a single one."""
    zone = context.timezone or (_ZONES.get(country) if isinstance(country, str) else None)
    if zone is None:
        raise BadRecordError(
            "cannot infer the time zone of this country; pass timezone=", "country"
        )
    return zone
