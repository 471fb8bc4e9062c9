"""VIINA 2.0 reports of events: ``event_info`` and ``event_1pd`` files."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.convert import parse_clock_cell, require_dict
from foxgrape.io.events.base import (
    PLACE_COLUMNS,
    ExportReader,
    make_event,
    require_cell,
    require_code,
)
from foxgrape.io.events.coordinates import parse_coordinates
from foxgrape.io.events.days import local_day_interval, parse_source_day
from foxgrape.io.events.place_resolver import StatedPlace
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foxgrape.io.base import ReadContext
    from foxgrape.io.events.place_resolver import PlaceResolver

__all__ = ["ViinaReader"]

#: By ``GEO_PRECISION``: place precision, and what is named instead of a settlement.
_PLACE_PRECISION = {
    "STREET": ("exact", None),
    "ADM3": ("near", None),
    "ADM2": ("district", "a district"),
    "ADM1": ("region", "a region"),
}
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
#: Assumed maximum age of an event at publication: reports do not state when the event happened.
_MAX_AGE = timedelta(days=7)


class ViinaReader(ExportReader):
    """Reader for automatically geocoded press reports; times are publication times."""

    name = "viina"
    signatures = tuple(
        frozenset({key, "geo_precision", "date", "geonameid"})
        for key in ("event_id", "event_id_1pd")
    )
    extra: ClassVar = {**PLACE_COLUMNS, "labels": "str", "text": "str", "lang": "str"}

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the report's event."""
        value = require_dict(value)
        places: PlaceResolver = context.state["places"]
        precision, area = _PLACE_PRECISION[require_code(value, "geo_precision", _PLACE_PRECISION)]
        point = parse_coordinates(value)
        name = str(require_cell(value, "asciiname"))
        place_id = f"geonames:{require_cell(value, 'geonameid')}"
        stated = StatedPlace(name, *point, str(value.get("adm1_name") or ""))
        published = _publication_time(value, context)
        event = make_event(
            event_id=_event_id(value),
            place=places.resolve_area("viina", stated, f"only {area} is named")
            if area
            else places.resolve_id(place_id, stated),
            point=point,
            kind=None,
            occurred=(published[0] - _MAX_AGE, published[1]),
            confirmed=published,
            precision="report",
            source=value.get("source") or value.get("sources"),
            url=value.get("url"),
            stated_place=name,
            place_precision=precision,
            place_km=None,
            labels=_labels(value),
            text=value.get("text") or None,
            lang=value.get("lang") or None,
        )
        return [event]


def _publication_time(row: Mapping[str, Any], context: ReadContext) -> tuple[datetime, datetime]:
    """Return the minute of publication, or the day if the time is unknown, stated as 00:00."""
    if context.timezone is None:
        raise BadRecordError(
            "VIINA does not document the time zone of its times; pass timezone= "
            "(Europe/Kyiv is likely)",
            "date",
        )
    day = parse_source_day(require_cell(row, "date"), "date")
    minute = str(row.get("time") or "00:00")
    if not _CLOCK.fullmatch(minute):
        raise BadRecordError(f"expected a time such as 14:05; got {minute!r:.80}", "time")
    if minute == "00:00":
        return local_day_interval(day, day, context.timezone)
    return parse_clock_cell(f"{day.isoformat()}T{minute}", context.timezone, "time")


def _event_id(row: Mapping[str, Any]) -> str:
    """Return the id of a report, or of an event of one day that several reports describe."""
    if "event_id" in row:
        return f"viina:{require_cell(row, 'event_id')}"
    return f"viina:1pd/{require_cell(row, 'event_id_1pd')}"


def _labels(row: Mapping[str, Any]) -> str | None:
    """Return the labels set to 1, separated by commas; None if there are none."""
    true = [name.removesuffix("_b") for name in row if name.endswith("_b") and row[name] == "1"]
    return ",".join(true) or None
