"""The types that a parameter can have: how each is read from a shell, checked, and told.

A rule of a sidecar names its type as JSON Schema does, by ``type`` and ``format``; the formats
here are ours. Each class has the same methods. What a check returns is what the notebook gets:
the very value that was given, unless it was told by reference (a day from now on, a place by
name, a path), which becomes what it refers to.
"""

# ruff: noqa: ARG002 - every type has the same methods, whether it needs their arguments or not
from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from foxgrape.errors import ParameterError, did_you_mean
from foxgrape.reports.templates.relative_dates import (
    FORMS,
    is_relative,
    resolve_day,
    resolve_instant,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ParameterContext", "ParameterType", "allows_null", "map_paths", "parameter_type"]

_INTEGER = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CURIE = re.compile(r"[a-z][a-z0-9_.-]*:\S+")
_BARE_NUMBER = re.compile(r"\s*[+-]?[\d.]+\s*")
#: As for the codebook: below this a name is a guess.
_SURE = 0.8
_LONGEST_CODE = 100


class InvalidValueError(ValueError):
    """A value is not of its type; the text, if any, says why."""


@dataclass(frozen=True, slots=True)
class ParameterContext:
    """What a check may look at beside the value itself.

    Attributes
    ----------
    now, zone
        The instant that counts as now, and the zone whose days count; None where nobody told.
    base
        The folder from which relative paths start.
    environ
        Where the variables stand that secrets are in.
    """

    now: datetime | None = None
    zone: str | None = None
    base: Path = field(default_factory=Path)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)


class ParameterType(Protocol):
    """A type of parameter."""

    #: Whether an error may repeat what was given.
    shown: bool

    def expected(self, rule: Mapping[str, Any]) -> str:
        """Say what is accepted."""

    def read(self, text: str, rule: Mapping[str, Any]) -> Any:
        """Turn text from a shell into a value; what does not fit is left to be refused."""

    def accept(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        """Return what the notebook gets; ValueError, perhaps with a reason, if it is refused."""


class _Text:
    shown = True
    words = "string"

    def expected(self, rule: Mapping[str, Any]) -> str:
        return self.words

    def read(self, text: str, rule: Mapping[str, Any]) -> Any:
        return text

    def accept(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if not isinstance(value, str):
            raise InvalidValueError
        return str(value)


class _Integer(_Text):
    words = "integer, in digits"

    def read(self, text: str, rule: Mapping[str, Any]) -> Any:
        # int() would take 01, 1_000 and digits of other alphabets, which are ids more often.
        return int(text) if _INTEGER.fullmatch(text) else text

    def accept(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        # JSON Schema takes 100000.0 for an integer: a post id read as a float has lost digits.
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidValueError
        return int(value)


class _Number(_Text):
    words = "number"

    def read(self, text: str, rule: Mapping[str, Any]) -> Any:
        if _INTEGER.fullmatch(text):
            return int(text)
        return float(text) if _NUMBER.fullmatch(text) else text

    def accept(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidValueError
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidValueError
        return value


class _Boolean(_Text):
    words = "boolean: true or false"

    def read(self, text: str, rule: Mapping[str, Any]) -> Any:
        return text == "true" if text in {"true", "false"} else text

    def accept(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if not isinstance(value, bool):
            raise InvalidValueError
        return value


class _Day(_Text):
    words = f"a day such as 2022-09-10, or one from now on ({FORMS})"

    def accept(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value.isoformat()
        if not isinstance(value, str):
            raise InvalidValueError
        if is_relative(value):
            return resolve_day(value, *_here_and_now(context)).isoformat()
        if not _DAY.fullmatch(value):
            raise InvalidValueError
        return date.fromisoformat(value).isoformat()


class _Instant(_Text):
    words = (
        f"an instant with its offset such as 2022-09-10T12:16Z, or from now on (now, -6h, {FORMS})"
    )

    def accept(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if isinstance(value, str) and is_relative(value):
            return resolve_instant(value, *_here_and_now(context)).isoformat()
        read = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(read, datetime) or read.tzinfo is None:
            raise InvalidValueError("no offset")
        return value if isinstance(value, str) else read.isoformat()


class _Duration(_Text):
    words = "a duration such as 30D"

    def accept(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        import pandas as pd

        if isinstance(value, timedelta):
            value = pd.Timedelta(value).isoformat()
        # pandas takes a bare 30 for nanoseconds.
        if not isinstance(value, str) or _BARE_NUMBER.fullmatch(value):
            raise InvalidValueError
        if not pd.Timedelta(value) > pd.Timedelta(0):
            raise InvalidValueError
        return value


class _PlaceId(_Text):
    words = "a place, by id such as geonames:707292 or by a name that only one has"

    def accept(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        from foxgrape.places import find

        if not isinstance(value, str) or not value.strip():
            raise InvalidValueError
        if _CURIE.fullmatch(value):
            return value  # a study may have places that no gazetteer knows
        matches = [match for match in find(value, limit=10) if match.score >= _SURE]
        if not matches:
            raise InvalidValueError("no place has this name")
        alike = [match.place for match in matches if match.score == matches[0].score]
        named = ", ".join(f"{place.id} ({place.admin1 or place.country})" for place in alike[:4])
        if len(alike) > 1:
            raise InvalidValueError(f"{len(alike)} places have this name: {named}")
        return matches[0].place.id


class _Code(_Text):
    words = "a code: one emoji, word or hashtag"

    def accept(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_CODE:
            raise InvalidValueError
        import emoji

        if emoji.is_emoji(value) or emoji.is_emoji(value.removesuffix("\ufe0f")):
            return value
        if emoji.emoji_count(value) or not value.isprintable() or value != value.strip():
            raise InvalidValueError
        return value


class _Path(_Text):
    words = "a file or folder"

    def expected(self, rule: Mapping[str, Any]) -> str:
        return f"a file or folder that exists within {' or '.join(_roots(rule))}"

    def accept(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if not isinstance(value, str | Path) or not str(value):
            raise InvalidValueError
        base = context.base.resolve()
        # Links and .. are followed before it is asked where the path leads. The kernel works in
        # another folder, so it gets the whole path.
        target = (base / value).resolve()
        if not any(target.is_relative_to((base / root).resolve()) for root in _roots(rule)):
            raise InvalidValueError
        if not target.exists():
            raise InvalidValueError("there is no such file")
        return str(target)


class _Secret(_Text):
    shown = False
    words = "the name of an environment variable that is set, such as FOXGRAPE_TOKEN"
    _name = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)

    def accept(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        # What was given may be the secret itself: no error repeats it.
        if not isinstance(value, str) or not self._name.fullmatch(value):
            raise InvalidValueError
        if not context.environ.get(value):
            raise InvalidValueError
        return value


class _List(_Text):
    def expected(self, rule: Mapping[str, Any]) -> str:
        return f"a list, each item {parameter_type(_items(rule)).expected(_items(rule))}"

    def read(self, text: str, rule: Mapping[str, Any]) -> Any:
        if text.lstrip().startswith("["):
            try:
                return json.loads(text)
            except (ValueError, RecursionError):
                return text
        kind = parameter_type(_items(rule))
        return [kind.read(part, _items(rule)) for part in text.split(",")] if text else []

    def accept(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if not isinstance(value, list | tuple):
            raise InvalidValueError
        kind = parameter_type(_items(rule))
        return [kind.accept(to_plain_value(item), _items(rule), context) for item in value]


class _Anything(_Text):
    words = "any value"

    def accept(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        return value


_BY_TYPE: dict[str, ParameterType] = {
    "string": _Text(),
    "integer": _Integer(),
    "number": _Number(),
    "boolean": _Boolean(),
    "array": _List(),
}
_BY_FORMAT: dict[str, ParameterType] = {
    "date": _Day(),
    "date-time": _Instant(),
    "duration-of-time": _Duration(),
    "place": _PlaceId(),
    "code": _Code(),
    "path": _Path(),
    "secret": _Secret(),
}


def parameter_type(rule: Mapping[str, Any]) -> ParameterType:
    """Return the type that a rule of a sidecar asks for.

    Raises
    ------
    ParameterError
        If there is no such type or format: a misspelt one would check nothing.

    Examples
    --------
    >>> parameter_type({"type": "string", "format": "place"}).read("01", {})
    '01'
    """
    if (told := rule.get("format")) is not None:
        if told not in _BY_FORMAT:
            raise ParameterError("no such format", got=told, hint=did_you_mean(told, _BY_FORMAT))
        return _BY_FORMAT[told]
    types = [name for name in _types(rule) if name != "null"]
    if not types:
        return _Anything()
    if types[0] not in _BY_TYPE:
        raise ParameterError("no such type", got=types[0], hint=did_you_mean(types[0], _BY_TYPE))
    return _BY_TYPE[types[0]]


def allows_null(rule: Mapping[str, Any]) -> bool:
    """Tell whether a parameter may be left empty.

    Examples
    --------
    >>> allows_null({"type": ["string", "null"]})
    True
    """
    return "null" in _types(rule)


def to_plain_value(value: Any) -> Any:
    """Return a scalar of numpy as what it is in Python, everything else untouched."""
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value


def map_paths(rule: Mapping[str, Any], value: Any, replace: Callable[[str], str]) -> Any:
    """Return a value with each path in it replaced; as it is where its type has none.

    Examples
    --------
    >>> map_paths({"type": "array", "items": {"format": "path"}}, ["a", "b"], str.upper)
    ['A', 'B']
    >>> map_paths({"type": "string"}, "a", str.upper)
    'a'
    """
    if isinstance(value, list):
        return [map_paths(_items(rule), item, replace) for item in value]
    return replace(value) if rule.get("format") == "path" and value is not None else value


def _types(rule: Mapping[str, Any]) -> list[str]:
    told = rule.get("type", [])
    return [told] if isinstance(told, str) else list(told)


def _items(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    items = rule.get("items")
    return items if isinstance(items, dict) else {}


def _roots(rule: Mapping[str, Any]) -> list[str]:
    return list(rule.get("x-roots", ["."]))


def _here_and_now(context: ParameterContext) -> tuple[datetime, str]:
    if context.now is None:
        raise InvalidValueError("what now is was not told")
    return context.now, context.zone or "UTC"
