"""Resolve relative dates such as today, -7d and -1month_start from a given current time."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FORMS", "add_calendar_units", "is_relative", "resolve_day", "resolve_instant"]

#: Examples of relative dates, for error messages.
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
_HOURS = re.compile(r"(?P<count>[+-]\d{1,6})(?P<unit>h|min)")
_T = TypeVar("_T")


def is_relative(text: str) -> bool:
    """Return whether a text has the form of a relative date or time.

    Examples
    --------
    >>> [is_relative(text) for text in ("-7d", "now", "2022-09-10", "7d")]
    [True, True, False, False]
    """
    return text == "now" or bool(_RELATIVE.fullmatch(text) or _HOURS.fullmatch(text))


def resolve_day(text: str, now: datetime, zone: str) -> date:
    """Return the date that a relative date refers to.

    Weeks begin on Monday. ``_start`` and ``_end`` are the first and the last day of a unit. If the
    target month has no such day, its last day is used: ``-1month`` on 31 March is the last day of
    February.

    Parameters
    ----------
    text
        The relative date, such as ``today``, ``-7d`` or ``-1month_start``.
    now
        The current time, with a UTC offset.
    zone
        IANA name of the time zone that determines the current date.

    Raises
    ------
    ValueError
        If the text is not a relative date, or the date is outside the years 1 to 9999.

    Examples
    --------
    >>> late = datetime(2022, 9, 10, 22, tzinfo=UTC)  # the 11th in Kyiv
    >>> for text in ("today", "-1month_start", "week_start"):
    ...     print(resolve_day(text, late, "Europe/Kyiv"))
    2022-09-11
    2022-08-01
    2022-09-05
    """
    day, unit, edge = _parse(text, now, zone)
    if edge is None:
        return day
    first = _first_day(day, unit)
    return first if edge == "start" else add_calendar_units(first, unit, 1) - timedelta(days=1)


def resolve_instant(text: str, now: datetime, zone: str) -> datetime:
    """Return the instant that a relative time refers to, in UTC.

    Hours and minutes, as in ``-6h`` and ``+30min``, count elapsed time. Days, weeks, months and
    years are calendar units, so the local time of day stays the same even if clocks change.
    ``today``, ``yesterday`` and ``tomorrow`` are the first instant of the day. ``_start`` is the
    first instant of a unit, and ``_end`` the first instant after it, so an interval that ends
    before ``_end`` covers the complete unit.

    Parameters
    ----------
    text
        The relative time, such as ``now``, ``-6h``, ``-7d`` or ``-1month_end``.
    now, zone
        As for `resolve_day`.

    Raises
    ------
    ValueError
        If the text is not a relative time, or the instant is outside the years 1 to 9999.

    Examples
    --------
    >>> spring = datetime(2022, 3, 27, 9, tzinfo=UTC)  # noon in Kyiv, after the clocks went forward
    >>> resolve_instant("-1d", spring, "Europe/Kyiv").isoformat()
    '2022-03-26T10:00:00+00:00'
    >>> resolve_instant("-24h", spring, "Europe/Kyiv").isoformat()
    '2022-03-26T09:00:00+00:00'
    """
    if text == "now":
        return now.astimezone(UTC)
    if hours := _HOURS.fullmatch(text):
        unit = "hours" if hours["unit"] == "h" else "minutes"
        return _in_calendar(
            lambda: now.astimezone(UTC) + timedelta(**{unit: int(hours["count"])}), text
        )
    day, unit, edge = _parse(text, now, zone)
    tz = ZoneInfo(zone)
    if edge is not None:
        first = _first_day(day, unit)
        day = first if edge == "start" else add_calendar_units(first, unit, 1)
        local = time()
    else:
        local = time() if text in _WORDS else now.astimezone(tz).time()
    return _in_calendar(lambda: datetime.combine(day, local, tz).astimezone(UTC), text)


def add_calendar_units(day: date, unit: str, count: int) -> date:
    """Add `count` days, weeks, months or years to a date.

    If the target month has no such day, its last day is returned.

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


def _parse(text: str, now: datetime, zone: str) -> tuple[date, str, str | None]:
    """Return a day within a calendar unit, the unit's name, and ``start``, ``end`` or None."""
    match = _RELATIVE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a relative date: {text!r}")
    today = now.astimezone(ZoneInfo(zone)).date()
    if match["word"]:
        return _in_calendar(lambda: today + timedelta(days=_WORDS[text]), text), "day", None
    if match["this"]:
        return today, match["this"], match["this_edge"]
    unit, count = _UNITS[match["unit"]], int(match["count"])
    day = _in_calendar(lambda: add_calendar_units(today, unit, count), text)
    return day, unit, match["edge"]


def _first_day(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def _in_calendar(compute: Callable[[], _T], text: str) -> _T:
    try:
        return compute()
    except (OverflowError, ValueError):
        raise ValueError(f"{text!r} is outside the calendar") from None
