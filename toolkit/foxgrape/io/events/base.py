"""A row of the events table, as every reader of events makes it, and the days it is made from."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from foxgrape import schemas, times
from foxgrape.io.convert import MONTHS, reject_invalid_unicode
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from foxgrape.io.base import ReadContext

__all__ = [
    "PLACING",
    "code",
    "coordinates",
    "country_zone",
    "days",
    "enclosing_month",
    "make_event",
    "parse_day",
    "require_cell",
    "require_curie",
]

#: What every format of events tells of a place: its name in the source, and how well the source
#: knows it: ``exact``, ``near``, ``district``, ``region``, ``country``, ``area``; and within how
#: many kilometres, where the source says so.
PLACING = {"stated_place": "str", "place_precision": "str", "place_km": "Float64"}

_ISO_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ]00:00:00(?:\.0+)?)?")
_LONG_DAY = re.compile(r"(\d{1,2})[ -]([A-Z][a-z]{2})[a-z]*[ -](\d{4})")
#: Where a day is lived, for countries of one zone.
_ZONES = {"Ukraine": "Europe/Kyiv"}


def make_event(
    *,
    event_id: str,
    place: tuple[str, str],
    point: tuple[float | None, float | None],
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
    """Return a row of the events table, after a look at what every row must have."""
    made = {
        "event_id": event_id,
        "place_id": place[0],
        "place": place[1],
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
    require_curie(place[0])
    if confirmed and confirmed[1] < occurred[0]:
        raise BadRecordError("confirmed before it occurred", "confirmed_until")
    reject_invalid_unicode(made)
    return made


def require_curie(place_id: str) -> str:
    """Return the id of a place, which has a scheme and no blanks."""
    if not re.fullmatch(schemas.CURIE, place_id):
        raise BadRecordError(
            f"expected an id such as geonames:707292; got {place_id!r:.80}", "place_id"
        )
    return place_id


def require_cell(value: Mapping[str, Any], column: str) -> Any:
    """Return a cell that a row cannot do without."""
    cell = value.get(column)
    if cell is None or cell == "":
        raise BadRecordError("expected a value; got nothing", column)
    return cell


def code(value: Mapping[str, Any], column: str, known: Collection[str]) -> str:
    """Return one of a format's codes."""
    cell = str(require_cell(value, column))
    if cell not in known:
        raise BadRecordError(f"expected one of {', '.join(known)}; got {cell!r:.80}", column)
    return cell


def degree(value: Mapping[str, Any], column: str, largest: int) -> float | None:
    """Return a coordinate in degrees, None where there is none."""
    cell = value.get(column)
    if cell is None or cell == "":
        return None
    try:
        number = float(cell)
    except (ValueError, TypeError):
        number = float("nan")
    if not -largest <= number <= largest:
        raise BadRecordError(f"expected -{largest} to {largest}; got {cell!r:.80}", column)
    return number


def coordinates(
    value: Mapping[str, Any], lat: str = "latitude", lon: str = "longitude"
) -> tuple[float | None, float | None]:
    """Return latitude and longitude: both, or neither."""
    point = degree(value, lat, 90), degree(value, lon, 180)
    return (None, None) if None in point else point


def parse_day(text: Any, column: str) -> date:
    """Return a day written as ``2022-09-10`` or ``10 September 2022``.

    Examples
    --------
    >>> a_day("10 September 2022", "event_date")
    datetime.date(2022, 9, 10)
    """
    told = str(text).strip()
    iso, long = _ISO_DAY.fullmatch(told), _LONG_DAY.fullmatch(told)
    try:
        if iso:
            return date(*map(int, iso.groups()))
        if long and long[2] in MONTHS:
            return date(int(long[3]), MONTHS.index(long[2]) + 1, int(long[1]))
    except ValueError:
        pass  # there is no such day
    raise BadRecordError(f"expected a day such as 2022-09-10; got {told!r:.80}", column)


def days(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """Return the interval from the start of one day to the end of another, as lived in a zone."""
    try:
        ends = (
            times.parse_stated_time(first.isoformat(), zone)[0],
            times.parse_stated_time(last.isoformat(), zone)[1],
        )
    except ValueError:
        raise BadRecordError(f"beyond the calendar: {first} to {last}") from None
    if ends[1] < ends[0]:
        raise BadRecordError(f"the last day is before the first: {last} before {first}")
    return ends


def enclosing_month(day: date, reach: int) -> tuple[date, date]:
    """Return first and last day of the calendar month and of all within `reach` days."""
    first = day.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    around = timedelta(days=reach)
    return min(first, day - around), max(last, day + around)


def country_zone(country: Any, context: ReadContext) -> str:
    """Return the zone in which a day was lived: as told, or that of a country with one zone."""
    zone = context.timezone or (_ZONES.get(country) if isinstance(country, str) else None)
    if zone is None:
        raise BadRecordError("where were its days lived? timezone= names the zone", "country")
    return zone
