"""UCDP georeferenced events: yearly releases, monthly candidate releases, and API pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.convert import require_dict
from foxgrape.io.events.base import (
    PLACE_COLUMNS,
    ExportReader,
    country_zone,
    make_event,
    require_cell,
    require_code,
    require_day,
)
from foxgrape.io.events.coordinates import parse_coordinates
from foxgrape.io.events.days import local_day_interval
from foxgrape.io.events.place_resolver import StatedPlace

if TYPE_CHECKING:
    from foxgrape.io.base import ReadContext
    from foxgrape.io.events.place_resolver import PlaceResolver

__all__ = ["UcdpReader"]

_KINDS = {"1": "state-based violence", "2": "non-state violence", "3": "one-sided violence"}
_TIME_PRECISION = {"1": "day", "2": "days", "3": "week", "4": "month", "5": "more than a month"}
#: By ``where_prec``: place precision, what is named instead of a settlement, uncertainty in km.
_PLACE_PRECISION = {
    "1": ("exact", None, 0.0),
    "2": ("near", None, 25.0),
    "3": ("district", "a district", None),
    "4": ("region", "a region", None),
    "5": ("area", "a line or an area", None),
    "6": ("country", "a country", None),
    "7": ("area", "waters or air space", None),
}
_SETTLEMENT_TYPE = re.compile(r" (town|city|village|settlement|hamlet)$")


class UcdpReader(ExportReader):
    """Reader for UCDP GED and Candidate: a table, with or without HXL tags, or API pages."""

    name = "ucdp"
    page_key = "Result"
    signatures = (frozenset({"date_prec", "where_prec", "date_start", "type_of_violence"}),)
    day_columns = ("date_start", "date_end")
    extra: ClassVar = {
        **PLACE_COLUMNS,
        **dict.fromkeys(("side_a", "side_b", "admin1", "deaths_best", "headline"), "str"),
    }

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row's event; no event for the row of HXL tags."""
        row = require_dict(value)
        if str(row.get("date_start", "")).startswith("#"):
            return []
        places: PlaceResolver = context.state["places"]
        precision, area, km = _PLACE_PRECISION[require_code(row, "where_prec", _PLACE_PRECISION)]
        point = parse_coordinates(row, context=context)
        name = str(require_cell(row, "where_coordinates"))
        stated = StatedPlace(_SETTLEMENT_TYPE.sub("", name), *point, str(row.get("adm_1") or ""))
        event = make_event(
            event_id=f"ucdp:{require_cell(row, 'id')}",
            place=places.resolve_area("ucdp", stated, f"only {area} is named")
            if area
            else places.resolve_settlement("ucdp", stated),
            point=point,
            kind=_KINDS[require_code(row, "type_of_violence", _KINDS)],
            # Whatever the precision, the columns state the first and last possible day.
            occurred=local_day_interval(
                require_day(row, "date_start", context),
                require_day(row, "date_end", context),
                country_zone(row.get("country"), context),
            ),
            precision=_TIME_PRECISION[require_code(row, "date_prec", _TIME_PRECISION)],
            source=row.get("source_office") or row.get("source_article"),
            stated_place=name,
            place_precision=precision,
            place_km=km,
            side_a=row.get("side_a"),
            side_b=row.get("side_b"),
            admin1=row.get("adm_1"),
            deaths_best=None if row.get("best") is None else str(row["best"]),
            headline=row.get("source_headline"),
        )
        return [event]
