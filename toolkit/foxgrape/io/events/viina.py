"""VIINA 2.0's reports of events: ``event_info`` and ``event_1pd`` files."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import parse_clock_cell
from foxgrape.io.events.base import (
    PLACING,
    code,
    coordinates,
    days,
    make_event,
    parse_day,
    require_cell,
)
from foxgrape.io.events.place_resolver import StatedPlace
from foxgrape.io.stream import BadRecordError
from foxgrape.io.tabular import header, records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from foxgrape.io.stream import InputFile, Record

__all__ = ["Viina", "parse_compact_day"]

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


class Viina(Reader):
    """Reports by the press, placed by machine: the time is that of the report's publication."""

    name = "viina"
    extra: ClassVar = {**PLACING, "labels": "str", "text": "str", "lang": "str"}

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Tell by the columns that only VIINA has."""
        return not paths and set(header(file)) >= _SIGNS

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Return each row."""
        return records(file, lambda _: None)

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the event of a report."""
        precision, what = _PLACE[code(value, "GEO_PRECISION", _PLACE)]
        point = coordinates(value)
        name = str(require_cell(value, "asciiname"))
        place_id = f"geonames:{require_cell(value, 'geonameid')}"
        places = context.state["places"]
        stated = StatedPlace(name, *point, str(value.get("ADM1_NAME") or ""))
        reported = _reported(value, context)
        made = make_event(
            event_id=f"viina:{require_cell(value, 'event_id')}",
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


def parse_compact_day(text: Any, column: str) -> date:
    """Return a day written as ``20220910``, or as `a_day` reads it.

    Examples
    --------
    >>> compact_day("20220910", "date")
    datetime.date(2022, 9, 10)
    """
    match = _COMPACT.fullmatch(str(text).strip())
    return parse_day("-".join(match.groups()) if match else text, column)


def _reported(value: Mapping[str, Any], context: ReadContext) -> tuple[datetime, datetime]:
    """Return when the report appeared: the minute, or the day where midnight stands for unknown."""
    if context.timezone is None:
        raise BadRecordError(
            "VIINA does not document the zone of its times (Europe/Kyiv is likely); "
            "timezone= names it",
            "date",
        )
    day = parse_compact_day(require_cell(value, "date"), "date")
    minute = str(value.get("time") or "00:00")
    if not _CLOCK.fullmatch(minute):
        raise BadRecordError(f"expected a time such as 14:05; got {minute!r:.80}", "time")
    if minute == "00:00":
        return days(day, day, context.timezone)
    return parse_clock_cell(f"{day.isoformat()}T{minute}", context.timezone, "time")


def _labels(value: Mapping[str, Any]) -> str | None:
    """Return the labels that a file with labels says are true."""
    true = [name.removesuffix("_b") for name in value if name.endswith("_b") and value[name] == "1"]
    return ",".join(true) or None
