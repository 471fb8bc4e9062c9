"""Parse times as intervals of UTC instants, and determine the order of posts and events.

An imprecise time is a closed interval [earliest, latest]; an exact time has two equal ends.
Only this module converts text, numbers and pandas columns to instants in microseconds.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal, overload
from zoneinfo import ZoneInfo

from foxgrape.errors import FoxgrapeError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from foxgrape._util.typing import DurationArray, FloatArray, IntArray

__all__ = [
    "CLOCKS",
    "DTYPE",
    "NAT",
    "RELATIONS",
    "Clock",
    "from_days",
    "get_zone",
    "in_days",
    "microseconds",
    "parse_clock_time",
    "parse_duration",
    "parse_instant",
    "parse_stated_time",
    "relations",
    "resolve_clock",
]

Clock = Literal["confirmed", "occurred"]
CLOCKS: tuple[Clock, ...] = ("confirmed", "occurred")

DTYPE = "datetime64[us, UTC]"
#: Value that `microseconds` returns for a missing time: pandas' NaT as an integer.
NAT = -(2**63)

#: Orders of a post and an event that their time intervals can prove, strongest first; the last two
#: mean that no order is proven.
RELATIONS = ("anticipates", "announces", "precedes", "follows", "undetermined", "unconfirmed")

_STATED = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,6}))?)?)?"
    r"\s?(?P<offset>Z|[+-]\d\d:?\d\d)?)?)?)?"
)
_DAY, _TICK = timedelta(days=1), timedelta(microseconds=1)


def start_of_day(day: str | date, zone: str) -> datetime:
    """Return the first instant of a date in a time zone, in UTC.

    Raises
    ------
    ValueError
        If the text is not a date such as ``2022-09-10``.

    Examples
    --------
    >>> start_of_day("2022-09-10", "Europe/Kyiv").isoformat()
    '2022-09-09T21:00:00+00:00'
    """
    parsed = day if isinstance(day, date) else date.fromisoformat(day)
    return parse_stated_time(f"{parsed:%Y-%m-%d}", zone)[0]


def get_zone(name: object) -> ZoneInfo:
    """Return the time zone with an IANA name, or raise ValueError if the name is unknown.

    Examples
    --------
    >>> get_zone("Europe/Kyiv")
    zoneinfo.ZoneInfo(key='Europe/Kyiv')
    """
    try:
        return ZoneInfo(name)  # type: ignore[arg-type] # a file may hold a value of any type
    except (KeyError, TypeError, ValueError, OSError):  # OSError: "Europe" is a folder
        raise ValueError(f"unknown time zone {name!r}") from None


def parse_stated_time(text: str, zone: str | None = None) -> tuple[datetime, datetime]:
    """Return the earliest and latest instant that a time stated by a source can mean.

    The interval is the last unit given in the text: a year, month, day, hour, minute, second or
    fraction of a second. Days and times without an offset are local times in `zone`.

    Parameters
    ----------
    text
        ISO 8601, as precise as the source: ``2022-09``, ``2022-09-10``, ``2022-09-10T12:16Z``.
    zone
        IANA name of the time zone, for a text without an offset.

    Returns
    -------
    tuple of datetime
        Earliest and latest instant, both inclusive, in UTC.

    Raises
    ------
    ValueError
        If the text is not such a time, neither an offset nor `zone` is given, the interval reaches
        the limits of Python's calendar (years 1 to 9999), or the local time does not exist because
        clocks went forward over it.

    Examples
    --------
    >>> earliest, latest = parse_stated_time("2022-09-10", "Europe/Kyiv")
    >>> earliest.isoformat(), latest.isoformat()
    ('2022-09-09T21:00:00+00:00', '2022-09-10T20:59:59.999999+00:00')
    """
    first, after, _, offset = _parse_parts(text, zone)
    return _to_utc(text, first, after - _TICK, offset, zone)


def parse_clock_time(text: str, zone: str | None = None) -> tuple[datetime, datetime]:
    """Return the earliest and latest instant that a time shown by a clock can mean.

    Like `parse_stated_time`, except that a time given to the second or finer is exact. If a local
    time occurs twice because clocks go back, the interval spans both occurrences.

    Examples
    --------
    >>> [end.hour for end in parse_clock_time("2022-10-30T03:30:00", "Europe/Kyiv")]
    [0, 1]
    """
    first, after, to_the_second, offset = _parse_parts(text, zone)
    return _to_utc(text, first, first if to_the_second else after - _TICK, offset, zone)


def _parse_parts(text: str, zone: str | None) -> tuple[datetime, datetime, bool, str | None]:
    """Return local start, exclusive local end, whether seconds are given, and the offset."""
    match = _STATED.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an ISO 8601 time: {text!r}")
    part = match.groupdict()
    offset = part.pop("offset")
    if offset is None and zone is None:
        raise ValueError(f"neither an offset nor a time zone is given for {text!r}")
    fraction = part.pop("fraction")
    given = {name: int(value) for name, value in part.items() if value is not None}
    naive = datetime(**{"month": 1, "day": 1} | given)  # type: ignore[arg-type]  # noqa: DTZ001
    try:
        if fraction is not None:
            naive += timedelta(microseconds=int(fraction.ljust(6, "0")))
            after = naive + timedelta(microseconds=10 ** (6 - len(fraction)))
        else:
            after = _unit_end(naive, list(given)[-1])
    except OverflowError:
        raise ValueError(f"date out of range: {text!r}") from None
    return naive, after, "second" in given, offset


def _unit_end(start: datetime, unit: str) -> datetime:
    """Return the first instant after the calendar unit that begins at `start`."""
    if unit == "year":
        return start.replace(year=start.year + 1)
    if unit == "month":
        return (start + timedelta(days=32)).replace(day=1)
    return start + timedelta(**{f"{unit}s": 1})


def _to_utc(
    text: str, first: datetime, last: datetime, offset: str | None, zone: str | None
) -> tuple[datetime, datetime]:
    """Convert the ends of a local interval to UTC.

    If clocks go back and an end occurs twice, use the first occurrence of `first` and the second
    occurrence of `last`.
    """
    try:
        if offset is not None:
            begin, end = (
                datetime.fromisoformat(f"{at.isoformat()}{offset}") for at in (first, last)
            )
        else:
            # fold=1 selects the second occurrence of a local time.
            local = ZoneInfo(str(zone))
            begin, end = first.replace(tzinfo=local), last.replace(tzinfo=local, fold=1)
        ends = begin.astimezone(UTC), end.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"date out of range: {text!r}") from None
    if ends[1] < ends[0]:
        raise ValueError(f"{text!r} does not exist in {zone}: clocks went forward over it")
    return ends


def parse_instant(text: str) -> datetime:
    """Return an ISO 8601 time with an offset as an instant in UTC, or raise ValueError.

    Examples
    --------
    >>> parse_instant("2022-09-10T15:16:00+03:00")
    datetime.datetime(2022, 9, 10, 12, 16, tzinfo=datetime.timezone.utc)
    """
    instant = datetime.fromisoformat(text.strip())
    if instant.tzinfo is None:
        raise ValueError(f"no offset in {text!r}")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"date out of range: {text!r}") from None


def microseconds(times: pd.Series) -> IntArray:
    """Return the instants of a UTC column in microseconds since 1970, `NAT` where missing.

    Examples
    --------
    >>> import pandas as pd
    >>> microseconds(pd.Series(pd.to_datetime(["1970-01-01T00:00:01Z"])))
    array([1000000])
    """
    import pandas as pd

    instants = pd.DatetimeIndex(times.astype(DTYPE))  # type: ignore[call-overload]
    return instants.as_unit("us").asi8


def resolve_clock(events: pd.DataFrame, clock: str | None) -> Clock:
    """Check the clock; None means ``confirmed`` if any event is confirmed, else ``occurred``.

    Examples
    --------
    >>> import pandas as pd
    >>> resolve_clock(pd.DataFrame({"confirmed_at": [pd.NaT]}), None)
    'occurred'
    """
    if clock is None:
        return "confirmed" if events["confirmed_at"].notna().any() else "occurred"
    if clock not in CLOCKS:
        hint = did_you_mean(clock, CLOCKS)
        raise FoxgrapeError("unknown clock", got=clock, hint=hint, argument=True)
    return clock


def parse_duration(value: str | pd.Timedelta, name: str, *, zero: bool = False) -> pd.Timedelta:
    """Return a duration, which must be at least 1 microsecond, or at least 0 with `zero`.

    pandas reads a bare number such as 7 as nanoseconds, so the minimum of 1 microsecond rejects it.
    Error messages call the value `name`.

    Examples
    --------
    >>> parse_duration("36h", "horizon")
    Timedelta('1 days 12:00:00')
    """
    import pandas as pd

    try:
        length = pd.Timedelta(value)
    except (ValueError, TypeError):
        length = pd.NaT  # type: ignore[assignment]
    if not length >= pd.Timedelta(0 if zero else 1, "us"):
        allowed = "a duration of 0 or more" if zero else "a positive duration"
        raise FoxgrapeError(f"{name} must be {allowed}, such as 7D", got=value, argument=True)
    return length


def in_days(durations: pd.Series) -> pd.Series:
    """Return durations in days, NaN where missing.

    Examples
    --------
    >>> import pandas as pd
    >>> in_days(pd.Series(pd.to_timedelta(["36h"]))).tolist()
    [1.5]
    """
    days: pd.Series = durations.dt.total_seconds() / _DAY.total_seconds()
    return days


@overload
def from_days(days: float) -> pd.Timedelta: ...
@overload
def from_days(days: FloatArray) -> DurationArray: ...
def from_days(days: float | FloatArray) -> pd.Timedelta | DurationArray:
    """Convert a number or an array of days to durations, rounded to a microsecond.

    Examples
    --------
    >>> from_days(1 / 3)
    Timedelta('0 days 08:00:00')
    """
    import numpy as np
    import pandas as pd

    ticks = np.rint(np.multiply(days, _DAY / _TICK)).astype(np.int64)
    return ticks.astype("timedelta64[us]") if ticks.ndim else pd.Timedelta(ticks.item(), "us")


def relations(
    posted: tuple[IntArray, IntArray],
    occurred: tuple[IntArray, IntArray],
    confirmed: tuple[IntArray, IntArray],
) -> IntArray:
    """Return the strongest relation that the time intervals prove, by its position in `RELATIONS`.

    A relation is proven if it holds for every choice of instants within the intervals: the post
    came before the event occurred (`anticipates`), between occurrence and confirmation
    (`announces`), before the confirmation (`precedes`) or after the confirmation (`follows`; for
    an event without a confirmation, after it occurred). If none is proven, the relation is
    `undetermined`. Intervals are in microseconds; both ends of `confirmed` are `NAT` for an
    unconfirmed event.

    Examples
    --------
    >>> import numpy as np
    >>> at = lambda *hours: np.array(hours)
    >>> RELATIONS[relations((at(1), at(2)), (at(3), at(4)), (at(5), at(6)))[0]]
    'anticipates'
    """
    import numpy as np

    (p0, p1), (o0, o1), (c0, c1) = posted, occurred, confirmed
    is_confirmed = c1 != NAT
    before = is_confirmed & (p1 < c0)
    follows = np.where(is_confirmed, c1, o1) < p0
    claims = [p1 < o0, follows, before & (o1 < p0), before]
    names = ("anticipates", "follows", "announces", "precedes")
    numbers = [np.int64(RELATIONS.index(name)) for name in names]
    return np.select(claims, numbers, np.int64(RELATIONS.index("undetermined")))
