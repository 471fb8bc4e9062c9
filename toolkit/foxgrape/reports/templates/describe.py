"""What a run is about, in words: its parameters, places and period, read by their types."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["day_in_words", "describe_run"]

#: So much of a text that was given says what it was; a card has little room.
_LONGEST = 160
_DAYS = {"date", "date-time"}


def describe_run(
    rules: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the typed parameters of a run say of it.

    Parameters
    ----------
    rules
        The template's parameters, by name, as JSON Schema.
    values
        What the run was given.

    Returns
    -------
    dict
        ``places``: names of the places; ``period``: first and last day, or None if no parameter is
        a day or an instant; ``words``: each other parameter that has a value, by its name in words.

    Examples
    --------
    >>> rules = {"since": {"format": "date"}, "place": {"format": "place"}, "horizon": {}}
    >>> describe_run(rules, {"since": "2022-09-01", "place": "geonames:707292", "horizon": "30D"})
    {'places': ['Izium'], 'period': ['2022-09-01', '2022-09-01'], 'words': {'horizon': '30D'}}
    """
    typed = [
        (name, _inner(rules.get(name, {})), item)
        for name, value in values.items()
        for item in (value if isinstance(value, list | tuple) else [value])
        if item is not None and rules.get(name, {}).get("format") != "secret"
    ]
    words: dict[str, list[str]] = {}
    for name, kind, item in typed:
        if kind not in {"place", *_DAYS}:
            words.setdefault(name.replace("_", " "), []).append(_in_words(kind, item))
    days = sorted(day for _, kind, item in typed if kind in _DAYS and (day := _day(item)))
    return {
        "places": list(dict.fromkeys(_places(typed))),
        "period": [days[0], days[-1]] if days else None,
        "words": {name: _short(", ".join(items)) for name, items in words.items()},
    }


def day_in_words(day: str) -> str:
    """Say a day that is told as 2022-09-01.

    Examples
    --------
    >>> day_in_words("2022-09-01")
    '1 Sep 2022'
    """
    read = date.fromisoformat(day)
    return f"{read.day} {read:%b %Y}"


def _inner(rule: Mapping[str, Any]) -> str:
    """Return the format of a parameter, or of the items of a list."""
    return str(rule.get("items", rule).get("format", ""))


def _places(typed: list[tuple[str, str, Any]]) -> Iterator[str]:
    for _, kind, item in typed:
        if kind == "place":
            yield _short(_in_words(kind, item))


def _day(item: Any) -> str | None:
    """Return the day of a day or an instant, in whatever form of ISO 8601 it is."""
    with suppress(ValueError):
        return datetime.fromisoformat(str(item)).date().isoformat()
    return None


def _in_words(kind: str, item: Any) -> str:
    if isinstance(item, bool):
        return "yes" if item else "no"
    text = str(item)
    if kind == "place":
        from foxgrape.places import Gazetteer

        with suppress(KeyError):
            return str(Gazetteer.default()[text].name)
    elif kind == "duration-of-time":
        import pandas as pd

        from foxgrape._util.formatting import duration_in_words

        with suppress(ValueError):
            return duration_in_words(pd.Timedelta(text))
    return text


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
