"""Durations and counts in words, to the precision that a reader can use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = ["counted", "describe_time", "duration_in_words", "lead_in_words"]

_DAY = pd.Timedelta(days=1)
_TICK = pd.Timedelta(1, "us")


def duration_in_words(duration: pd.Timedelta) -> str:
    """Say a duration to the precision that a reader can use.

    Examples
    --------
    >>> for text in ("1D 23:59:59.999999", "1us", "-7h", "1D 6h"):
    ...     print(duration_in_words(pd.Timedelta(text)))
    2 days
    just above zero
    −7 hours
    1 day 6 hours
    """
    sign = "\N{MINUS SIGN}" if duration < pd.Timedelta(0) else ""
    size = abs(duration)
    if size == pd.Timedelta(0):
        return "zero"
    if size < pd.Timedelta(minutes=1):
        return "just below zero" if sign else "just above zero"
    if size < pd.Timedelta(minutes=59.5):
        return f"{sign}{counted(round(size.total_seconds() / 60), 'minute')}"
    days, hours = divmod(round(size.total_seconds() / 3600), 24)
    if size >= pd.Timedelta(days=10):
        days, hours = round(size / _DAY), 0
    parts = [counted(days, "day")] if days else []
    parts += [counted(hours, "hour")] if hours else []
    return f"{sign}{' '.join(parts)}"


def describe_time(earliest: pd.Timestamp, latest: pd.Timestamp, zone: str | tzinfo) -> str:
    """Return an interval of time in words, to the precision it has, in a time zone.

    Examples
    --------
    >>> day = pd.Timestamp("2022-09-09T21:00Z"), pd.Timestamp("2022-09-10T20:59:59.999999Z")
    >>> describe_time(*day, "Europe/Kyiv")
    '10 Sep 2022, time unknown'
    >>> describe_time(day[0], pd.Timestamp("2022-09-10T12:16Z"), "Europe/Kyiv")
    '10 Sep 2022, by 15:16'
    >>> describe_time(day[0], day[1] + _DAY, "Europe/Kyiv")
    '10 to 11 Sep 2022'
    """
    first, last = earliest.tz_convert(zone), latest.tz_convert(zone)
    if latest - earliest < pd.Timedelta(minutes=1):
        return f"{first:%-d %b %Y, %H:%M}"
    if first.date() != last.date():
        # Name a shared month or year once: 10 to 11 Sep 2022.
        start = "%-d %b %Y" if first.year != last.year else "%-d %b"
        start = "%-d" if (first.year, first.month) == (last.year, last.month) else start
        return f"{first.strftime(start)} to {last:%-d %b %Y}"
    from_start = first == first.normalize()
    to_end = (last + _TICK) == (last + _TICK).normalize()
    if from_start and to_end:
        return f"{first:%-d %b %Y}, time unknown"
    if from_start:
        return f"{last:%-d %b %Y}, by {last:%H:%M}"
    return f"{first:%-d %b %Y}, {first:%H:%M} to {last:%H:%M}"


def lead_in_words(row: Any) -> str:
    """Say the lead of one row of `Analysis.table`; a censored one as more than it was watched."""
    if not row.observed:
        return f"more than {duration_in_words(row.lead_min)}"
    low, high = duration_in_words(row.lead_min), duration_in_words(row.lead_max)
    return low if low == high else f"{low} to {high}"


def counted(count: int, unit: str) -> str:
    """Say how many, such as 1 day or 2 days."""
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
