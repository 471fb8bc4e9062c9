"""Format values for output: times, durations and counts in words, JSON values, HTML tables."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

__all__ = [
    "count_or_none",
    "counted",
    "describe_time",
    "duration_in_words",
    "happened",
    "lead_in_words",
    "moment",
    "more_than_in_words",
    "number_in_words",
    "percent",
    "sentence_with_table",
    "to_json_records",
    "to_json_value",
    "unlimited_or",
]

_NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
)
_DAY, _TICK = pd.Timedelta(days=1), pd.Timedelta(1, "us")


def describe_time(earliest: pd.Timestamp, latest: pd.Timestamp, zone: str | tzinfo) -> str:
    """Describe a time interval in a time zone, no more precisely than the time is known.

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
        # Give a shared month or year only once: 10 to 11 Sep 2022.
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


def duration_in_words(duration: pd.Timedelta) -> str:
    """Return a duration in words, rounded to minutes, to hours, or to days from ten days on.

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


def more_than_in_words(duration: pd.Timedelta) -> str:
    """Return a lower bound in words, rounded down so that it is true.

    Examples
    --------
    >>> for text in ("29D 23h", "29D 23:59:59.999999", "6D 53m", "59m", "10s"):
    ...     print(more_than_in_words(pd.Timedelta(text)))
    more than 29 days
    more than 30 days
    more than 6 days
    more than 59 minutes
    more than zero
    """
    # Days end with their last microsecond.
    size = duration + pd.Timedelta(1, "us")
    unit = "D" if size >= pd.Timedelta(days=10) else "h" if size >= pd.Timedelta(hours=1) else "min"
    return f"more than {duration_in_words(size.floor(unit))}"


def lead_in_words(row: Any) -> str:
    """Return the lead in one row of `Analysis.table` in words, such as 1 day to 2 days.

    A right-censored lead is given as more than the time observed. A lead that is certain to be
    positive, by however little, is *up to* its longest value.
    """
    if not row.observed:
        is_watched = row.lead_min > pd.Timedelta(0)
        return more_than_in_words(row.lead_min) if is_watched else "not observed"
    low, high = duration_in_words(row.lead_min), duration_in_words(row.lead_max)
    if low == high:
        return low
    if low == "just above zero":
        return f"up to {high}"
    return f"{low} to {high.replace('just below zero', 'zero')}"


def moment(clock: str) -> str:
    """Return to which moment of an event a clock measures.

    Examples
    --------
    >>> moment("confirmed"), moment("occurred")
    ('confirmation', 'occurrence')
    """
    return "confirmation" if clock == "confirmed" else "occurrence"


def happened(clock: str) -> str:
    """Return what an event did at the moment that a clock measures to.

    Examples
    --------
    >>> happened("confirmed"), happened("occurred")
    ('was confirmed', 'occurred')
    """
    return "was confirmed" if clock == "confirmed" else "occurred"


def counted(count: int, unit: str) -> str:
    """Return a count with its unit, such as 1 day or 2,000 days."""
    return f"{count} {unit}" if count == 1 else f"{count:,} {unit}s"


def count_or_none(count: int) -> str:
    """Return a count in digits, or *none* for zero.

    Examples
    --------
    >>> count_or_none(2_000), count_or_none(0)
    ('2,000', 'none')
    """
    return f"{count:,}" if count else "none"


def percent(value: float, digits: int = 0) -> str:
    """Return a share in percent, or a dash if it is undefined.

    Only none is 0%, and only all is 100%.

    Examples
    --------
    >>> percent(0.25), percent(0.0123, 1), percent(float("nan"))
    ('25%', '1.2%', '–')
    >>> percent(0.998), percent(0.0004), percent(1.0)
    ('>99%', '<1%', '100%')
    """
    if pd.isna(value):
        return "–"
    words, smallest = f"{value:.{digits}%}", 10.0**-digits
    if value < 1 and words == f"{1:.{digits}%}":
        return f">{100 - smallest:.{digits}f}%"
    return f"<{smallest:.{digits}f}%" if value > 0 and words == f"{0:.{digits}%}" else words


def to_json_value(value: Any) -> Any:
    """Convert a value for JSON: durations to ISO 8601, NaN, NaT and infinity to None.

    Examples
    --------
    >>> values = (0.5, float("inf"), float("nan"), pd.Timedelta("1D"), pd.NaT)
    >>> [to_json_value(value) for value in values]
    [0.5, None, None, 'P1DT0H0M0S', None]
    """
    if isinstance(value, pd.Timedelta):
        return value.isoformat()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return None if value is pd.NaT else value


def to_json_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows as dictionaries of JSON values.

    Examples
    --------
    >>> to_json_records(pd.DataFrame({"n": [1, 2], "share": [0.5, None]}))
    [{'n': 1, 'share': 0.5}, {'n': 2, 'share': None}]
    """
    return [
        {str(name): to_json_value(value) for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def sentence_with_table(sentence: str, frame: pd.DataFrame, warnings: Iterable[str] = ()) -> str:
    """Return a sentence, warnings and a table as escaped HTML.

    Examples
    --------
    >>> sentence_with_table("1 < 2", pd.DataFrame({"n": [1]})).startswith("<p>1 &lt; 2</p><table")
    True
    """
    items = "".join(f"<li>{html.escape(warning)}</li>" for warning in warnings)
    bullets = f"<ul>{items}</ul>" if items else ""
    shown = frame.to_html(index=False, border=0, na_rep="–", float_format="{:.3g}".format)
    return f"<p>{html.escape(sentence)}</p>{bullets}{shown}"


def number_in_words(number: int) -> str:
    """Return a number up to ten as a word, a larger one in digits.

    Examples
    --------
    >>> number_in_words(5), number_in_words(19)
    ('five', '19')
    """
    return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else str(number)


def unlimited_or(value: float) -> str:
    """Return a ratio in words or digits.

    Examples
    --------
    >>> unlimited_or(0.537), unlimited_or(float("inf"))
    ('0.54', 'unlimited')
    """
    return "unlimited" if value == float("inf") else f"{value:.2f}"
