"""ACLED: exports before and after March 2023, and what its API answers."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.convert import parse_unix_time, require_dict
from foxgrape.io.events.base import (
    PLACING,
    code,
    coordinates,
    country_zone,
    days,
    enclosing_month,
    make_event,
    parse_day,
    require_cell,
)
from foxgrape.io.events.exported import Exported
from foxgrape.io.events.place_resolver import StatedPlace
from foxgrape.times import DTYPE

if TYPE_CHECKING:
    from foxgrape.io.base import ReadContext
    from foxgrape.io.events.place_resolver import PlaceResolver

__all__ = ["Acled"]

_PLACE = {"1": "exact", "2": "near", "3": "region"}
_TIME = {"1": "day", "2": "week", "3": "month"}
#: Events that change who holds a place; of others ACLED does not say whose they are.
_TAKES = {
    "Government regains territory",
    "Non-state actor overtakes territory",
    "Non-violent transfer of territory",
}
_SIDE = re.compile(r"of (?P<name>Ukraine|Russia)\b")
_SIDES = {"Ukraine": "UA", "Russia": "RU"}
#: The day that is told stands for a week or a weekend, or for weeks about it: which of its days it
#: is, first or middle, is not said.
_WEEK, _WEEKS = 6, 15


class Acled(Exported):
    """A CSV export of either shape, or the API's pages."""

    name = "acled"
    key = "data"
    signs = frozenset({"event_id_cnty", "event_date", "time_precision"})
    extra: ClassVar = {
        **PLACING,
        "event_type": "str",
        "actor1": "str",
        "actor2": "str",
        "admin1": "str",
        "notes": "str",
        "fatalities": "str",
        "updated_at": DTYPE,
    }

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the event of a row."""
        told = require_dict(value)
        zone = country_zone(told.get("country"), context)
        precision = code(told, "time_precision", _TIME)
        where = code(told, "geo_precision", _PLACE)
        kind = str(require_cell(told, "sub_event_type"))
        stamp = told.get("timestamp")
        point = coordinates(told)
        made = make_event(
            event_id=f"acled:{require_cell(told, 'event_id_cnty')}",
            place=_place(told, _PLACE[where], point, context),
            point=point,
            kind=kind.lower(),
            by_side=_side(told) if kind in _TAKES else None,
            occurred=days(
                *_span(parse_day(require_cell(told, "event_date"), "event_date"), precision), zone
            ),
            precision=_TIME[precision],
            source=told.get("source"),
            stated_place=told.get("location"),
            place_precision=_PLACE[where],
            place_km=None,
            event_type=told.get("event_type"),
            actor1=told.get("actor1"),
            actor2=told.get("actor2"),
            admin1=told.get("admin1"),
            notes=told.get("notes"),
            fatalities=None if told.get("fatalities") is None else str(told["fatalities"]),
            updated_at=parse_unix_time(stamp, "timestamp") if stamp else None,
        )
        return [made]


def _span(day: date, precision: str) -> tuple[date, date]:
    """Return the days that an event of a stated precision may have been on."""
    if precision == "1":
        return day, day
    if precision == "2":
        return day - timedelta(days=_WEEK), day + timedelta(days=_WEEK)
    return enclosing_month(day, _WEEKS)


def _place(
    told: dict[str, Any],
    precision: str,
    point: tuple[float | None, float | None],
    context: ReadContext,
) -> tuple[str, str]:
    places: PlaceResolver = context.state["places"]
    admin1, location = str(told.get("admin1") or ""), str(require_cell(told, "location"))
    # A town that stands for its region is not where it was.
    if precision == "region":
        return places.larger("acled", StatedPlace(admin1 or location, *point), "a region")
    # Cities are cut into districts: "Kyiv - Sviatoshynskyi".
    return places.settlement(
        "acled", StatedPlace(location.split(" - ", maxsplit=1)[0], *point, admin1)
    )


def _side(told: dict[str, Any]) -> str | None:
    """Return whose forces took the place, where the first actor's name says it."""
    match = _SIDE.search(str(told.get("actor1") or ""))
    return _SIDES[match["name"]] if match else None
