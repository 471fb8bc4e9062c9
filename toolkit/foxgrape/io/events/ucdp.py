"""UCDP's georeferenced events: the yearly release, the monthly candidates, and the API's pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.convert import require_dict
from foxgrape.io.events.base import (
    PLACING,
    code,
    coordinates,
    country_zone,
    days,
    make_event,
    parse_day,
    require_cell,
)
from foxgrape.io.events.exported import Exported
from foxgrape.io.events.place_resolver import StatedPlace

if TYPE_CHECKING:
    from foxgrape.io.base import ReadContext
    from foxgrape.io.events.place_resolver import PlaceResolver

__all__ = ["Ucdp"]

_KINDS = {"1": "state-based violence", "2": "non-state violence", "3": "one-sided violence"}
_TIME = {"1": "day", "2": "days", "3": "week", "4": "month", "5": "more than a month"}
#: Precision in words, what is named instead of a settlement, and kilometres where they are stated.
_PLACE = {
    "1": ("exact", None, 0.0),
    "2": ("near", None, 25.0),
    "3": ("district", "a district", None),
    "4": ("region", "a region", None),
    "5": ("area", "a line or an area", None),
    "6": ("country", "a country", None),
    "7": ("area", "waters or air space", None),
}
_KIND_OF_PLACE = re.compile(r" (town|city|village|settlement|hamlet)$")


class Ucdp(Exported):
    """UCDP GED and Candidate as CSV, with or without the second header line of HXL, or JSON."""

    name = "ucdp"
    key = "Result"
    signs = frozenset({"date_prec", "where_prec", "date_start", "type_of_violence"})
    extra: ClassVar = {
        **PLACING,
        "side_a": "str",
        "side_b": "str",
        "admin1": "str",
        "deaths_best": "str",
        "headline": "str",
    }

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the event of a row; none for the line of HXL tags."""
        told = require_dict(value)
        if str(told.get("date_start", "")).startswith("#"):
            return []
        where = code(told, "where_prec", _PLACE)
        precision, what, km = _PLACE[where]
        point = coordinates(told)
        name = str(require_cell(told, "where_coordinates"))
        country = told.get("country")
        stated = StatedPlace(_KIND_OF_PLACE.sub("", name), *point, str(told.get("adm_1") or ""))
        places: PlaceResolver = context.state["places"]
        place = places.larger("ucdp", stated, what) if what else places.settlement("ucdp", stated)
        made = make_event(
            event_id=f"ucdp:{require_cell(told, 'id')}",
            place=place,
            point=point,
            kind=_KINDS[code(told, "type_of_violence", _KINDS)],
            # The first and the last day on which it may have been, whatever the precision.
            occurred=days(
                parse_day(require_cell(told, "date_start"), "date_start"),
                parse_day(require_cell(told, "date_end"), "date_end"),
                country_zone(country, context),
            ),
            precision=_TIME[code(told, "date_prec", _TIME)],
            source=told.get("source_office") or told.get("source_article"),
            stated_place=name,
            place_precision=precision,
            place_km=km,
            side_a=told.get("side_a"),
            side_b=told.get("side_b"),
            admin1=told.get("adm_1"),
            deaths_best=None if told.get("best") is None else str(told["best"]),
            headline=told.get("source_headline"),
        )
        return [made]
