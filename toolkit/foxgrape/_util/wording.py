"""Short texts: days of a period, texts cut between words, and lists cut between items."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

__all__ = ["days_in_words", "join_items", "shorten"]


def days_in_words(first: date, last: date) -> str:
    """Return the first and last day of a period in words, a shared month or year only once.

    Examples
    --------
    >>> from datetime import date
    >>> days_in_words(date(2022, 9, 5), date(2022, 9, 11))
    '5 to 11 Sep 2022'
    >>> days_in_words(date(2022, 9, 26), date(2022, 10, 2))
    '26 Sep to 2 Oct 2022'
    >>> days_in_words(date(2022, 9, 5), date(2022, 9, 5))
    '5 Sep 2022'
    """
    end = f"{last.day} {last:%b} {last.year}"
    if first == last:
        return end
    if first.year != last.year:
        return f"{first.day} {first:%b} {first.year} to {end}"
    if first.month != last.month:
        return f"{first.day} {first:%b} to {end}"
    return f"{first.day} to {end}"


def shorten(text: str, length: int) -> str:
    """Return a text of at most `length` characters, cut between words if it is longer.

    Examples
    --------
    >>> shorten("two words", 9), shorten("two words", 8), shorten("letters", 4)
    ('two words', 'two…', 'let…')
    """
    if len(text) <= length:
        return text
    # A long word is cut, so that something of it remains.
    before = text.rfind(" ", length // 3, length)
    before = length - 1 if before < 0 else before
    return f"{text[:before].rstrip()}…"


def join_items(items: Sequence[str], length: int, most: int, separator: str = "; ") -> str:
    """Return the first items as one text, and the number of those left out.

    The text has at least one item, at most `most` items, and no more of them than fit `length`
    characters.

    Examples
    --------
    >>> join_items(["Izium", "Kherson", "Lyman"], length=80, most=3)
    'Izium; Kherson; Lyman'
    >>> join_items(["Izium", "Kherson", "Lyman"], length=20, most=3)
    'Izium; and 2 more'
    """
    for number in range(min(len(items), most), 1, -1):
        text = _joined(items, number, separator)
        if len(text) <= length:
            return text
    return _joined(items, min(len(items), 1), separator)


def _joined(items: Sequence[str], number: int, separator: str) -> str:
    left = len(items) - number
    return separator.join([*items[:number], *([f"and {left:,} more"] if left else [])])
