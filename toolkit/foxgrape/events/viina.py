"""VIINA 2.0's reports of events: ``event_info`` and ``event_1pd`` files."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.cells import clock
from foxgrape.doors import BadRecordError
from foxgrape.events.resolving import Stated
from foxgrape.events.rows import PLACING, a_day, code, coordinates, days, event, need
from foxgrape.formats import Context, Format
from foxgrape.tabular import header, records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from foxgrape.doors import Door, Record

__all__ = ["Viina", "compact_day"]

_SIGNS = {"event_id", "GEO_PRECISION", "date", "geonameid"}
#: Precision in words, and what is named instead of a settlement.
_PLACE = {
    "STREET": ("exact", None),
    "ADM3": ("near", None),
    "ADM2": ("district", "a district"),
    "ADM1": ("region", "a region"),
}
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
#: A report tells of what was lately; how lately is not said, and a week is taken to hold it.
_LATELY = timedelta(days=7)


class Viina(Format):
    """Reports by the press, placed by machine: the time is that of the report's publication."""

    name = "viina"
    extra: ClassVar = {**PLACING, "labels": "str", "text": "str", "lang": "str"}

    def recognise(self, door: Door, shape: frozenset[tuple[str, ...]]) -> bool:
        """Tell by the columns that only VIINA has."""
        return not shape and set(header(door)) >= _SIGNS

    def records(self, door: Door, context: Context) -> Iterator[Record]:  # noqa: ARG002
        """Return each row."""
        return records(door, lambda _: None)

    def rows(self, value: Any, context: Context) -> list[dict[str, Any]]:
        """Return the event of a report."""
        precision, what = _PLACE[code(value, "GEO_PRECISION", _PLACE)]
        point = coordinates(value)
        name = str(need(value, "asciiname"))
        place_id = f"geonames:{need(value, 'geonameid')}"
        places = context.told["places"]
        stated = Stated(name, *point, str(value.get("ADM1_NAME") or ""))
        reported = _reported(value, context)
        made = event(
            event_id=f"viina:{need(value, 'event_id')}",
            place=places.larger("viina", stated, what) if what else places.by_id(place_id, stated),
            point=point,
            kind=None,
            occurred=(reported[0] - _LATELY, reported[1]),
            confirmed=reported,
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
        return [made]


def compact_day(text: Any, column: str) -> date:
    """Return a day written as ``20220910``, or as `a_day` reads it.

    Examples
    --------
    >>> compact_day("20220910", "date")
    datetime.date(2022, 9, 10)
    """
    match = _COMPACT.fullmatch(str(text).strip())
    return a_day("-".join(match.groups()) if match else text, column)


def _reported(value: Mapping[str, Any], context: Context) -> tuple[datetime, datetime]:
    """Return when the report appeared: the minute, or the day where midnight stands for unknown."""
    if context.timezone is None:
        raise BadRecordError(
            "VIINA does not document the zone of its times (Europe/Kyiv is likely); "
            "timezone= names it",
            "date",
        )
    day = compact_day(need(value, "date"), "date")
    minute = str(value.get("time") or "00:00")
    if not _CLOCK.fullmatch(minute):
        raise BadRecordError(f"expected a time such as 14:05; got {minute!r:.80}", "time")
    if minute == "00:00":
        return days(day, day, context.timezone)
    return clock(f"{day.isoformat()}T{minute}", context.timezone, "time")


def _labels(value: Mapping[str, Any]) -> str | None:
    """Return the labels that a file with labels says are true."""
    true = [name.removesuffix("_b") for name in value if name.endswith("_b") and value[name] == "1"]
    return ",".join(true) or None
