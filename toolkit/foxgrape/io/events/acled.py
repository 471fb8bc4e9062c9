"""ACLED events: API pages, and CSV exports in the layouts before and after March 2023."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.convert import parse_unix_time, require_dict
from foxgrape.io.events.base import (
    PLACE_COLUMNS,
    ExportReader,
    country_zone,
    make_event,
    require_cell,
    require_code,
    require_day,
)
from foxgrape.io.events.coordinates import Point, parse_coordinates
from foxgrape.io.events.days import enclosing_month, local_day_interval
from foxgrape.io.events.place_resolver import StatedPlace
from foxgrape.times import DTYPE

if TYPE_CHECKING:
    from foxgrape.io.base import ReadContext
    from foxgrape.io.events.place_resolver import PlaceResolver

__all__ = ["AcledReader"]

_TEXT_COLUMNS = ("event_type", "actor1", "actor2", "admin1", "notes")
_PLACE_PRECISION = {"1": "exact", "2": "near", "3": "region"}
_TIME_PRECISION = {"1": "day", "2": "week", "3": "month"}
#: Event types that change control of a place; for other types, ACLED codes no side.
_CHANGES_OF_CONTROL = {
    "Government regains territory",
    "Non-state actor overtakes territory",
    "Non-violent transfer of territory",
}
_COUNTRY = re.compile(r"of (?P<name>Ukraine|Russia)\b")
_SIDES = {"Ukraine": "UA", "Russia": "RU"}
#: Days before and after the stated date on which the event may have happened. With week or month
#: precision, ACLED does not say which day of the week or month the date is.
_WEEK_MARGIN, _MONTH_MARGIN = 6, 15


class AcledReader(ExportReader):
    """Reader for ACLED: an export in either layout, as CSV or Excel, or API pages."""

    name = "acled"
    page_key = "data"
    signatures = (frozenset({"event_id_cnty", "event_date", "time_precision"}),)
    day_columns = ("event_date",)
    extra: ClassVar = {
        **PLACE_COLUMNS,
        **dict.fromkeys((*_TEXT_COLUMNS, "fatalities"), "str"),
        "updated_at": DTYPE,
    }

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row's event."""
        row = require_dict(value)
        zone = country_zone(row.get("country"), context)
        time_precision = require_code(row, "time_precision", _TIME_PRECISION)
        place_precision = _PLACE_PRECISION[require_code(row, "geo_precision", _PLACE_PRECISION)]
        kind = str(require_cell(row, "sub_event_type"))
        day = require_day(row, "event_date", context)
        point = parse_coordinates(row, context=context)
        fatalities, timestamp = row.get("fatalities"), row.get("timestamp")
        event = make_event(
            event_id=f"acled:{require_cell(row, 'event_id_cnty')}",
            place=_resolve_place(row, place_precision, point, context),
            point=point,
            kind=kind.lower(),
            by_side=_side(row) if kind in _CHANGES_OF_CONTROL else None,
            occurred=local_day_interval(*_possible_days(day, time_precision), zone),
            precision=_TIME_PRECISION[time_precision],
            source=row.get("source"),
            stated_place=row.get("location"),
            place_precision=place_precision,
            place_km=None,
            **{name: row.get(name) for name in _TEXT_COLUMNS},
            fatalities=None if fatalities is None else str(fatalities),
            updated_at=parse_unix_time(timestamp, "timestamp") if timestamp else None,
        )
        return [event]


def _possible_days(day: date, precision: str) -> tuple[date, date]:
    """Return the first and last day on which the event may have happened."""
    if precision == "3":
        return enclosing_month(day, _MONTH_MARGIN)
    margin = timedelta(days=_WEEK_MARGIN if precision == "2" else 0)
    return day - margin, day + margin


def _resolve_place(
    row: dict[str, Any], precision: str, point: Point, context: ReadContext
) -> tuple[str, str]:
    places: PlaceResolver = context.state["places"]
    admin1, location = str(row.get("admin1") or ""), str(require_cell(row, "location"))
    if precision == "region":
        # ACLED knows only the region; the named town stands in for it.
        return places.resolve_area(
            "acled", StatedPlace(admin1 or location, *point), "only a region is named"
        )
    # Drop the district: "Kyiv - Sviatoshynskyi" is looked up as "Kyiv".
    city = location.split(" - ", maxsplit=1)[0]
    return places.resolve_settlement("acled", StatedPlace(city, *point, admin1))


def _side(row: dict[str, Any]) -> str | None:
    """Return the side that took the place, by the country in the first actor's name."""
    match = _COUNTRY.search(str(row.get("actor1") or ""))
    return _SIDES[match["name"]] if match else None
