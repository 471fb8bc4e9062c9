"""Checks of the tables of a schedule file that have a class of their own."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from foxgrape.errors import ScheduleError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["check", "check_keys", "parse_span", "span_in_words"]

_SPAN = re.compile(r"(\d{1,6})\s?(s|min|h|d)")
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}


def check_keys(table: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise ScheduleError for the first key that a table cannot have.

    Examples
    --------
    >>> check_keys({"fils": []}, ["files", "table"])
    Traceback (most recent call last):
    foxgrape.errors.ScheduleError: unknown key fils. Hint: did you mean 'files'?
    """
    known = tuple(known)
    for key in table:
        if key not in known:
            raise ScheduleError(f"unknown key {key}", hint=did_you_mean(key, known))


def check(key: str, valid: object, expected: str, got: object) -> None:
    """Raise ScheduleError if a value is not valid.

    Examples
    --------
    >>> check("above", False, "a number", "ten")
    Traceback (most recent call last):
    foxgrape.errors.ScheduleError: above must be a number; got 'ten'
    """
    if not valid:
        raise ScheduleError(f"{key} must be {expected}", got=got)


def parse_span(text: object) -> timedelta:
    """Parse an elapsed time: ``90s``, ``10min``, ``6h``, ``1d``.

    Raises
    ------
    ValueError
        If the text is not an integer followed by a unit.

    Examples
    --------
    >>> parse_span("10min")
    datetime.timedelta(seconds=600)
    """
    match = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def span_in_words(span: timedelta) -> str:
    """Return a time span in the largest unit without a remainder.

    Examples
    --------
    >>> span_in_words(parse_span("48h")), span_in_words(parse_span("90min"))
    ('2 days', '90 minutes')
    """
    seconds = round(span.total_seconds())
    sizes = {"day": 24 * 3600, "hour": 3600, "minute": 60, "second": 1}
    unit = next(unit for unit, size in sizes.items() if seconds % size == 0)
    count = seconds // sizes[unit]
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
