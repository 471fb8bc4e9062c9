"""Times with the abbreviation of a time zone, such as EST, beside the clock time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from foxgrape import times
from foxgrape.io.stream import BadRecordError
from foxgrape.io.written_times import to_iso

if TYPE_CHECKING:
    from datetime import datetime

    from foxgrape.io.base import ReadContext

__all__ = ["parse_written", "parse_zoned"]

_OFFSET = re.compile(r"(?P<hours>[+-]\d{2}):?(?P<minutes>\d{2})")
#: The abbreviations that RFC 822 defines, in hours; others, such as IST, have several meanings.
_HOURS = dict.fromkeys(("UT", "UTC", "GMT", "Z"), 0) | {
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}
_AMBIGUOUS = "a time zone is abbreviated in a way that is not defined; timezone= is used instead"


def parse_zoned(
    clock: str, zone: str | None, context: ReadContext, column: str = "posted_at"
) -> tuple[datetime, datetime]:
    """Return the earliest and latest instant of a clock time with an offset or an abbreviated zone.

    Without a zone, or with one that RFC 822 does not define, the caller's time zone is required.

    Examples
    --------
    >>> from foxgrape.io.base import ReadContext
    >>> parse_zoned("2022-09-10T08:16:00", "EDT", ReadContext("a.csv"))[0].isoformat()
    '2022-09-10T12:16:00+00:00'
    """
    zone = (zone or "").strip()
    offset = _OFFSET.fullmatch(zone)
    if offset is not None:
        suffix = f"{offset['hours']}:{offset['minutes']}"
    elif zone.upper() in _HOURS:
        suffix = f"{_HOURS[zone.upper()]:+03d}:00"
    else:
        if zone and context.timezone is not None:
            context.note(_AMBIGUOUS, f"{clock} {zone}")
        return parse_written(clock, context.timezone, column)
    return parse_written(f"{clock}{suffix}", None, column)


def parse_written(
    text: str | None, zone: str | None, column: str = "posted_at"
) -> tuple[datetime, datetime]:
    """Return the earliest and latest instant of a time with an offset, or in the given zone.

    Examples
    --------
    >>> [time.isoformat() for time in parse_written("2022-09-10T12:16Z", None)]
    ['2022-09-10T12:16:00+00:00', '2022-09-10T12:16:59.999999+00:00']
    """
    if text is None:
        raise BadRecordError("expected a time; got nothing", column)
    try:
        iso = to_iso(text)
        if zone is None:
            times.parse_clock_time(iso, "UTC")  # raises if the time is invalid in any zone
    except (ValueError, OverflowError) as error:
        raise BadRecordError(f"invalid time: {error}", column) from None
    try:
        return times.parse_clock_time(iso, zone)
    except ValueError as error:
        reason = f"invalid time: {error}" if zone else f"the time {text!r:.80} has no offset"
        raise BadRecordError(f"{reason}{'' if zone else '; pass timezone='}", column) from None
