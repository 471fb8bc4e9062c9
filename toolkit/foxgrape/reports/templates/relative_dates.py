"""Days and instants told from now on: today, -7d, -1month_start. What now is, the caller says."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FORMS", "add_calendar_units", "is_relative", "resolve_day", "resolve_instant"]

#: For errors and pages.
FORMS = "today, -7d, +2w, -1month, month_start, -1month_start, -1year_end"
_WORDS = {"today": 0, "yesterday": -1, "tomorrow": 1}
_UNITS = {
    **dict.fromkeys(("d", "day", "days"), "day"),
    **dict.fromkeys(("w", "week", "weeks"), "week"),
    **dict.fromkeys(("month", "months"), "month"),
    **dict.fromkeys(("y", "year", "years"), "year"),
}
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_RELATIVE = re.compile(
    rf"(?P<word>{'|'.join(_WORDS)})"
    rf"|(?P<count>[+-]\d{{1,5}})(?P<unit>{_UNIT})(?:_(?P<edge>start|end))?"
    rf"|(?P<this>day|week|month|year)_(?P<this_edge>start|end)"
)
_T = TypeVar("_T")
_HOURS = re.compile(r"(?P<count>[+-]\d{1,6})(?P<unit>h|min)")


def is_relative(text: str) -> bool:
    """Tell whether a text says a time from now on.

    Examples
    --------
    >>> [is_relative(text) for text in ("-7d", "now", "2022-09-10", "7d")]
    [True, True, False, False]
    """
    return text == "now" or bool(_RELATIVE.fullmatch(text) or _HOURS.fullmatch(text))


def resolve_day(text: str, now: datetime, zone: str) -> date:
    """Return the day that a text means on the day that it is in a zone.

    Weeks begin on Monday; ``_start`` and ``_end`` are the first and the last day of their unit. A
    month has no 31st where it has none: a month before 31 March is the last of February.

    Parameters
    ----------
    text
        Such as ``today``, ``-7d``, ``-1month_start``.
    now
        The instant that counts as now, with an offset.
    zone
        IANA name of the zone whose day it is.

    Raises
    ------
    ValueError
        If the text says no day, or one that no calendar has.

    Examples
    --------
    >>> late = datetime(2022, 9, 10, 22, tzinfo=UTC)  # the 11th in Kyiv
    >>> for text in ("today", "-1month_start", "week_start"):
    ...     print(resolve_day(text, late, "Europe/Kyiv"))
    2022-09-11
    2022-08-01
    2022-09-05
    """
    day, unit, edge = _moved(text, now, zone)
    if edge is None:
        return day
    first = _first(day, unit)
    return first if edge == "start" else add_calendar_units(first, unit, 1) - timedelta(days=1)


def resolve_instant(text: str, now: datetime, zone: str) -> datetime:
    """Return the instant that a text means, in UTC.

    ``now``, ``-6h`` and ``+30min`` are counted in real hours. A day, week, month or year is one of
    the zone's calendar: the clock shows the same time there. ``_start`` is its first instant, and
    ``_end`` the first instant after it, so that a span up to ``_end`` is whole.

    Parameters
    ----------
    text
        Such as ``now``, ``-6h``, ``-7d``, ``-1month_end``.
    now, zone
        As for `day_from`.

    Raises
    ------
    ValueError
        If the text says no instant, or one that no calendar has.

    Examples
    --------
    >>> spring = datetime(2022, 3, 27, 9, tzinfo=UTC)  # noon in Kyiv, clocks were put forward
    >>> resolve_instant("-1d", spring, "Europe/Kyiv").isoformat()
    '2022-03-26T10:00:00+00:00'
    >>> resolve_instant("-24h", spring, "Europe/Kyiv").isoformat()
    '2022-03-26T09:00:00+00:00'
    """
    if text == "now":
        return now.astimezone(UTC)
    if hours := _HOURS.fullmatch(text):
        unit = "hours" if hours["unit"] == "h" else "minutes"
        return _within(lambda: now.astimezone(UTC) + timedelta(**{unit: int(hours["count"])}), text)
    day, unit, edge = _moved(text, now, zone)
    clock = ZoneInfo(zone)
    if edge is not None:
        first = _first(day, unit)
        day = first if edge == "start" else add_calendar_units(first, unit, 1)
        shown = time()
    else:
        shown = time() if text in _WORDS else now.astimezone(clock).time()
    return _within(lambda: datetime.combine(day, shown, clock).astimezone(UTC), text)


def _moved(text: str, now: datetime, zone: str) -> tuple[date, str, str | None]:
    """Return the day that is meant, the unit in which it was told, and which edge of that."""
    match = _RELATIVE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a time from now on: {text!r}")
    today = now.astimezone(ZoneInfo(zone)).date()
    if match["word"]:
        return _within(lambda: today + timedelta(days=_WORDS[text]), text), "day", None
    if match["this"]:
        return today, match["this"], match["this_edge"]
    unit = _UNITS[match["unit"]]
    return (
        _within(lambda: add_calendar_units(today, unit, int(match["count"])), text),
        unit,
        match["edge"],
    )


def add_calendar_units(day: date, unit: str, count: int) -> date:
    """Return the day so many days, weeks, months or years later, the last of a shorter month.

    Examples
    --------
    >>> print(add_calendar_units(date(2024, 3, 31), "month", -1))
    2024-02-29
    """
    if unit in {"day", "week"}:
        return day + timedelta(days=count * (7 if unit == "week" else 1))
    year, month = divmod(day.year * 12 + day.month - 1 + count * (12 if unit == "year" else 1), 12)
    if not date.min.year <= year <= date.max.year:
        raise OverflowError
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _first(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def _within(count: Callable[[], _T], text: str) -> _T:
    try:
        return count()
    except (OverflowError, ValueError):
        raise ValueError(f"no calendar has the day of {text!r}") from None
