"""Times: UTC to the microsecond, rough ones as intervals, and what two intervals can prove.

Everything in foxgrape that is known only roughly is a closed interval [earliest, latest] of
instants; an exact time is an interval whose ends are equal. This is the only module that turns
text, numbers and pandas columns into instants, so the factor of 1000 between microseconds and
nanoseconds can go wrong nowhere else.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, overload
from zoneinfo import ZoneInfo

from foxgrape.errors import FoxgrapeError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

__all__ = [
    "BEFORE",
    "CLOCKS",
    "DTYPE",
    "NAT",
    "RELATIONS",
    "Clock",
    "chosen_clock",
    "duration",
    "from_days",
    "get_zone",
    "in_days",
    "microseconds",
    "parse_clock_time",
    "parse_instant",
    "parse_stated_time",
    "relations",
]

Clock = Literal["confirmed", "occurred"]
CLOCKS: tuple[Clock, ...] = ("confirmed", "occurred")

DTYPE = "datetime64[us, UTC]"
#: What `microseconds` says where there is no time.
NAT = -(2**63)

#: What a pair of intervals can prove about a post and an event, strongest first.
RELATIONS = ("anticipates", "announces", "precedes", "follows", "undetermined", "unconfirmed")
#: Those in which the post certainly came before the confirmation.
BEFORE = RELATIONS[:3]

_STATED = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,6}))?)?)?"
    r"\s?(?P<offset>Z|[+-]\d\d:?\d\d)?)?)?)?"
)
_DAY, _TICK = timedelta(days=1), timedelta(microseconds=1)


def get_zone(name: object) -> ZoneInfo:
    """Return the time zone of an IANA name.

    Raises
    ------
    ValueError
        If there is no such zone.

    Examples
    --------
    >>> zone_of("Europe/Kyiv")
    zoneinfo.ZoneInfo(key='Europe/Kyiv')
    """
    try:
        return ZoneInfo(name)  # type: ignore[arg-type] # a file's own word may be of any type
    except (KeyError, TypeError, ValueError, OSError):  # "Europe" alone is a folder of zones
        raise ValueError(f"no time zone is called {name!r}") from None


def parse_stated_time(text: str, zone: str | None = None) -> tuple[datetime, datetime]:
    """Turn a time as a source states it into the earliest and latest instant it can mean.

    The precision is read off the text: a year, month, day, hour, minute, second or fraction. A
    day is a day where it was lived, so anything without an offset needs a `zone`.

    Parameters
    ----------
    text
        ISO 8601, as precise as the source: ``2022-09``, ``2022-09-10``, ``2022-09-10T12:16Z``.
    zone
        IANA name of the zone in which a time without an offset was lived.

    Returns
    -------
    tuple of datetime
        Earliest and latest instant, both inclusive, in UTC.

    Raises
    ------
    ValueError
        If the text is no such time, has neither offset nor `zone`, touches an end of the
        calendar (the years 1 and 9999), or was never shown, because clocks were put forward over
        it.

    Examples
    --------
    >>> earliest, latest = stated("2022-09-10", "Europe/Kyiv")
    >>> earliest.isoformat(), latest.isoformat()
    ('2022-09-09T21:00:00+00:00', '2022-09-10T20:59:59.999999+00:00')
    """
    first, after, _, offset = _read(text, zone)
    return _ends(text, first, after - _TICK, offset, zone)


def _read(text: str, zone: str | None) -> tuple[datetime, datetime, bool, str | None]:
    """Return what a text says: from when, before when, whether it has seconds, and its offset."""
    match = _STATED.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an ISO 8601 time: {text!r}")
    part = match.groupdict()
    offset = part.pop("offset")
    if offset is None and zone is None:
        raise ValueError(f"neither an offset nor a zone is known for {text!r}")
    fraction = part.pop("fraction")
    given = {name: int(value) for name, value in part.items() if value is not None}
    naive = datetime(**{"month": 1, "day": 1} | given)  # type: ignore[arg-type]  # noqa: DTZ001
    try:
        if fraction is not None:
            naive += timedelta(microseconds=int(fraction.ljust(6, "0")))
            after = naive + timedelta(microseconds=10 ** (6 - len(fraction)))
        else:
            after = _next(naive, list(given)[-1])
    except OverflowError:
        raise ValueError(f"beyond the calendar: {text!r}") from None
    return naive, after, "second" in given, offset


def _next(start: datetime, unit: str) -> datetime:
    """Return the first instant after the calendar unit that begins at `start`."""
    if unit == "year":
        return start.replace(year=start.year + 1)
    if unit == "month":
        return (start + timedelta(days=32)).replace(day=1)
    return start + timedelta(**{f"{unit}s": 1})


def _ends(
    text: str, first: datetime, last: datetime, offset: str | None, zone: str | None
) -> tuple[datetime, datetime]:
    """Return the first and the last instant at which clocks can have shown these times."""
    try:
        if offset is not None:
            begin, end = (
                datetime.fromisoformat(f"{at.isoformat()}{offset}") for at in (first, last)
            )
        else:
            # What was shown twice began with the first showing and ended with the second.
            clock = ZoneInfo(str(zone))
            begin, end = first.replace(tzinfo=clock), last.replace(tzinfo=clock, fold=1)
        ends = begin.astimezone(UTC), end.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"beyond the calendar: {text!r}") from None
    if ends[1] < ends[0]:
        raise ValueError(f"no clock in {zone} showed {text!r}: it was put forward over it")
    return ends


def parse_clock_time(text: str, zone: str | None = None) -> tuple[datetime, datetime]:
    """Turn a time as a clock showed it into the earliest and latest instant it can mean.

    As `stated`, but a time to the second is exact, and so is a finer one. A clock that was put
    back showed an hour twice: such a time is the interval of both readings.

    Parameters
    ----------
    text
        ISO 8601, with or without an offset.
    zone
        IANA name of the zone of a clock whose time has no offset.

    Raises
    ------
    ValueError
        As `stated` does.

    Examples
    --------
    >>> [end.hour for end in shown("2022-10-30T03:30:00", "Europe/Kyiv")]
    [0, 1]
    """
    first, after, to_the_second, offset = _read(text, zone)
    return _ends(text, first, first if to_the_second else after - _TICK, offset, zone)


def parse_instant(text: str) -> datetime:
    """Read one instant that carries its own offset.

    Raises
    ------
    ValueError
        If the text is no ISO 8601 instant, has no offset (a naive time is no instant), or lies
        beyond the years 1 to 9999 in UTC.

    Examples
    --------
    >>> exact("2022-09-10T15:16:00+03:00")
    datetime.datetime(2022, 9, 10, 12, 16, tzinfo=datetime.timezone.utc)
    """
    instant = datetime.fromisoformat(text.strip())
    if instant.tzinfo is None:
        raise ValueError(f"no offset in {text!r}")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"beyond the calendar: {text!r}") from None


def microseconds(times: pd.Series) -> npt.NDArray[np.int64]:
    """Return the instants of a UTC column as microseconds since 1970; where there is none, `NAT`.

    Examples
    --------
    >>> import pandas as pd
    >>> microseconds(pd.Series(pd.to_datetime(["1970-01-01T00:00:01Z"])))
    array([1000000])
    """
    import pandas as pd

    instants = pd.DatetimeIndex(times.astype(DTYPE))  # type: ignore[call-overload]
    return instants.as_unit("us").asi8


def chosen_clock(events: pd.DataFrame, asked: str | None) -> Clock:
    """Return the clock to count on: as asked, else ``confirmed`` if any event was confirmed.

    Raises
    ------
    FoxgrapeError
        If there is no such clock.

    Examples
    --------
    >>> import pandas as pd
    >>> chosen_clock(pd.DataFrame({"confirmed_at": [pd.NaT]}), None)
    'occurred'
    """
    if asked is None:
        return "confirmed" if events["confirmed_at"].notna().any() else "occurred"
    if asked not in CLOCKS:
        raise FoxgrapeError("no such clock", got=asked, hint=did_you_mean(asked, CLOCKS))
    return asked


def duration(value: str | pd.Timedelta, name: str, *, zero: bool = False) -> pd.Timedelta:
    """Return a duration of a microsecond or more, or 0 if told so; or say that it is none.

    A bare number is none, such as 7: pandas takes it for nanoseconds.

    Raises
    ------
    FoxgrapeError
        If it is no such duration; the text says so of `name`.

    Examples
    --------
    >>> duration("36h", "horizon")
    Timedelta('1 days 12:00:00')
    """
    import pandas as pd

    try:
        length = pd.Timedelta(value)
    except (ValueError, TypeError):
        length = pd.NaT  # type: ignore[assignment]
    if not length >= pd.Timedelta(0 if zero else 1, "us"):
        raise FoxgrapeError(f"no such {name}", expected="a duration such as 7D", got=value)
    return length


def in_days(durations: pd.Series) -> pd.Series:
    """Return durations as days, NaN where there is none.

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
def from_days(days: npt.NDArray[np.float64]) -> npt.NDArray[np.timedelta64]: ...
def from_days(
    days: float | npt.NDArray[np.float64],
) -> pd.Timedelta | npt.NDArray[np.timedelta64]:
    """Return days, or an array of days, as durations to the nearest microsecond.

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
    posted: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    occurred: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    confirmed: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
) -> npt.NDArray[np.str_]:
    """Name the strongest claim about post and event that their intervals support.

    Answers, elementwise: did the post certainly come before the event occurred (`anticipates`),
    between occurrence and confirmation (`announces`), before the confirmation (`precedes`), after
    it (`follows`), or can none of these be told (`undetermined`)? Nothing is guessed: each claim
    holds for every choice of instants within the intervals.

    Parameters
    ----------
    posted, occurred, confirmed
        Earliest and latest instants as integer microseconds, as from `microseconds`; an event
        that nobody confirmed has NaT (the least integer) at both ends.

    Returns
    -------
    ndarray of str

    Examples
    --------
    >>> import numpy as np
    >>> at = lambda *hours: np.array(hours)
    >>> relations((at(1), at(2)), (at(3), at(4)), (at(5), at(6)))
    array(['anticipates'], dtype='<U12')
    """
    import numpy as np

    (p0, p1), (o0, o1), (c0, c1) = posted, occurred, confirmed
    never = c1 == NAT
    claims = [p1 < o0, ~never & (c1 < p0), ~never & (p1 < c0) & (o1 < p0), ~never & (p1 < c0)]
    names = ["anticipates", "follows", "announces", "precedes"]
    return np.select(claims, names, "undetermined").astype("<U12")
