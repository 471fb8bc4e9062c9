"""The keys of a schedule file: what each must hold, and how it is told where it does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from foxgrape.errors import ScheduleError, did_you_mean
from foxgrape.reports.schedule.cron import EXPECTED
from foxgrape.times import get_zone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["BOUNDS", "ENTRY", "TOP", "Key", "span", "validate_keys"]

#: A check that returns the value or raises ValueError, what it expects, and whether it is needed.
Key = tuple[Callable[[Any], Any], str, bool]

#: What of a period a parameter can get.
BOUNDS = ("start", "end", "last_day")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_SPAN = re.compile(r"(\d{1,6})\s?(s|min|h|d)")
_YEARS = range(1970, 9999)
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}


def validate_keys(
    table: Mapping[str, Any],
    known: Mapping[str, Key],
    entry: str | None,
    path: Path,
    wrong: list[ScheduleError],
) -> dict[str, Any]:
    """Return the values of a table that are as they should be; note those that are not."""
    got = {}
    bad = partial(ScheduleError.bad_key, entry=entry, file=path)
    for key in table:
        if key not in known:
            wrong += [bad(key, what="no such key", hint=did_you_mean(key, known))]
    for key, (check, expected, needed) in known.items():
        if key not in table:
            wrong += [bad(key, what="is missing", expected=expected)] if needed else []
            continue
        try:
            got[key] = check(table[key])
        except ValueError as error:
            hint = str(error) or None
            wrong += [bad(key, expected=expected, got=table[key], hint=hint)]
    return got


def span(text: object) -> timedelta:
    """Read a span of real time: ``90s``, ``10min``, ``6h``, ``1d``.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> span("10min")
    datetime.timedelta(seconds=600)
    """
    match = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError
    return value


def _zone(value: object) -> str:
    return get_zone(_text(value)).key


def _count(least: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST:
            raise ValueError
        return value

    return check


def _instant(value: object) -> datetime:
    # At the ends of the calendar no zone can be told, and no day before.
    if not isinstance(value, date) or value.year not in _YEARS:
        raise ValueError
    if isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - its zone comes later


def _table(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError  # noqa: TRY004 - one kind of refusal
    return dict(value)


def _bounds(value: object) -> Mapping[str, str]:
    table = _table(value)
    if not all(bound in BOUNDS for bound in table.values()):
        raise ValueError
    return table


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError
    return tuple(value)


def _tables(value: object) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        raise ValueError
    return value


_MOST = 10_000
TOP: Mapping[str, Key] = {
    "timezone": (_zone, "the IANA name of a time zone", False),
    "report": (_tables, "tables [[report]]", True),
    "notify": (_table, "tables [notify.NAME]", False),
}
ENTRY: Mapping[str, Key] = {
    "name": (_name, "a name of small letters, digits, - and _", True),
    "template": (_text, "the name of a template or the path of a notebook", True),
    "study": (_text, "the folder of a study", False),
    "store": (_text, "the folder or URL of a store", False),
    "parameters": (_table, "a table of the template's parameters", False),
    "period": (_bounds, f"a table of parameters, each with one of {', '.join(BOUNDS)}", False),
    "cron": (_text, EXPECTED, True),
    "timezone": (_zone, "the IANA name of a time zone", False),
    "start": (_instant, "a day or an instant since 1970, not in quotes: 2022-09-01", False),
    "retries": (_count(0), f"a whole number from 0 to {_MOST}", False),
    "retry_after": (span, "a span of time such as 90s, 10min, 6h, 1d", False),
    "catch_up": (_count(0), f"a whole number from 0 to {_MOST}", False),
    "keep": (_count(1), f"a whole number from 1 to {_MOST}", False),
    "notify": (_names, "a list of names of [notify.NAME] tables", False),
}
