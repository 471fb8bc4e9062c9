"""Durations and counts in words, to the precision that a reader can use."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["counted", "duration_in_words", "lead_in_words", "number_in_words", "share_in_words"]

_DAY = pd.Timedelta(days=1)


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


def lead_in_words(row: Any) -> str:
    """Say the lead of one row of `Analysis.table`; a censored one as more than it was watched."""
    if not row.observed:
        return f"more than {duration_in_words(row.lead_min)}"
    low, high = duration_in_words(row.lead_min), duration_in_words(row.lead_max)
    return low if low == high else f"{low} to {high}"


def counted(count: int, unit: str) -> str:
    """Say how many, such as 1 day or 2 days."""
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_FRACTIONS = {
    1 / 10: "a tenth",
    1 / 5: "a fifth",
    1 / 4: "a quarter",
    1 / 3: "a third",
    1 / 2: "half",
    2 / 3: "two thirds",
    3 / 4: "three quarters",
    4 / 5: "four fifths",
    9 / 10: "nine tenths",
}
_NEAR, _ROUNDING = 0.02, 1e-9


def number_in_words(number: int) -> str:
    """Return a number up to ten as a word, a larger one in digits.

    Examples
    --------
    >>> number_in_words(5), number_in_words(19)
    ('five', '19')
    """
    return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else str(number)


def share_in_words(share: float) -> str:
    """Return a share as the nearest simple fraction.

    Examples
    --------
    >>> [share_in_words(share) for share in (0, 0.02, 0.32, 0.45, 0.5, 0.55, 1)]
    ['none', 'fewer than a tenth', 'about a third', 'nearly half', 'half', 'more than half', 'all']
    """
    if share in (0, 1):
        return "all" if share else "none"
    nearest = min(_FRACTIONS, key=lambda fraction: abs(fraction - share))
    words, gap = _FRACTIONS[nearest], share - nearest
    if abs(gap) < _ROUNDING:
        return words
    if abs(gap) <= _NEAR:
        return f"about {words}"
    if gap > 0:
        return f"more than {words}"
    return f"fewer than {words}" if nearest == min(_FRACTIONS) else f"nearly {words}"
