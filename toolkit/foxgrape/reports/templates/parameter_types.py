"""Parameter types: parse a shell argument, and validate a value.

A rule in a sidecar declares its type by ``type`` and ``format``, as in JSON Schema, with formats
that foxgrape defines. Validation returns the value for the notebook. It is the given value, except
that relative dates, place names and paths are resolved.
"""

# ruff: noqa: ARG002 - all types have methods of the same signature
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

    from foxgrape.places import Gazetteer

__all__ = [
    "ParameterContext",
    "ParameterType",
    "allows_null",
    "holds_secret",
    "map_paths",
    "parameter_type",
]

_INTEGER = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_BARE_NUMBER = re.compile(r"\s*[+-]?[\d.]+\s*")
_LONGEST_CODE = 100


class InvalidValueError(ValueError):
    """A parameter's value is not allowed by its type; the message may be empty."""


@dataclass(frozen=True, slots=True)
class ParameterContext:
    """The settings with which parameter values are validated.

    Attributes
    ----------
    now
        The current time; None if unknown, which makes relative dates an error.
    zone
        IANA name of the time zone for relative dates; None for UTC.
    base
        The folder that paths are relative to.
    environ
        The environment variables in which secrets are looked up.
    gazetteer
        Where places are looked up by name; None for the packaged gazetteer.
    """

    now: datetime | None = None
    zone: str | None = None
    base: Path = field(default_factory=Path)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    gazetteer: Gazetteer | None = None


class ParameterType(Protocol):
    """The interface of parameter types."""

    def expected(self, rule: Mapping[str, Any]) -> str:
        """Return a description of the allowed values, for error messages."""

    def parse(self, text: str, rule: Mapping[str, Any]) -> Any:
        """Return the value of a shell argument; text that cannot be parsed is returned as it is."""

    def validate(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        """Return the value for the notebook; raise ValueError if it is not allowed."""


class _Text:
    description = "a string"

    def expected(self, rule: Mapping[str, Any]) -> str:
        return self.description

    def parse(self, text: str, rule: Mapping[str, Any]) -> Any:
        return text

    def validate(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if not isinstance(value, str):
            raise InvalidValueError
        return str(value)


class _Integer(_Text):
    description = "an integer in digits, such as 30"

    def parse(self, text: str, rule: Mapping[str, Any]) -> Any:
        # int() also accepts 01, 1_000 and non-ASCII digits, which are more likely ids than numbers.
        return int(text) if _INTEGER.fullmatch(text) else text

    def validate(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        # JSON Schema accepts 100000.0 as an integer. A long id read as a float has lost digits.
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidValueError
        return int(value)


class _Number(_Text):
    description = "a number"

    def parse(self, text: str, rule: Mapping[str, Any]) -> Any:
        if _INTEGER.fullmatch(text):
            return int(text)
        return float(text) if _NUMBER.fullmatch(text) else text

    def validate(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidValueError
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidValueError
        return value


class _Boolean(_Text):
    description = "true or false"

    def parse(self, text: str, rule: Mapping[str, Any]) -> Any:
        return text == "true" if text in {"true", "false"} else text

    def validate(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if not isinstance(value, bool):
            raise InvalidValueError
        return value


class _Day(_Text):
    description = f"a date such as 2022-09-10, or a relative one ({FORMS})"

    def validate(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value.isoformat()
        if not isinstance(value, str):
            raise InvalidValueError
        if is_relative(value):
            return resolve_day(value, *_reference_time(context)).isoformat()
        if not _DAY.fullmatch(value):
            raise InvalidValueError
        return date.fromisoformat(value).isoformat()


class _Instant(_Text):
    description = (
        "a time with its UTC offset such as 2022-09-10T12:16Z, "
        f"or a relative one (now, -6h, {FORMS})"
    )

    def validate(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if isinstance(value, str) and is_relative(value):
            return resolve_instant(value, *_reference_time(context)).isoformat()
        instant = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(instant, datetime) or instant.tzinfo is None:
            raise InvalidValueError("add the UTC offset")
        return value if isinstance(value, str) else instant.isoformat()


class _Duration(_Text):
    description = "a duration such as 30D"

    def validate(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        import pandas as pd

        if isinstance(value, timedelta):
            value = pd.Timedelta(value).isoformat()
        # pandas reads a bare 30 as nanoseconds.
        if not isinstance(value, str) or _BARE_NUMBER.fullmatch(value):
            raise InvalidValueError
        if not pd.Timedelta(value) > pd.Timedelta(0):
            raise InvalidValueError
        return value


class _PlaceId(_Text):
    description = "a place, by id such as geonames:707292 or by name: Izium; Lyman, Donetsk"

    def validate(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        from foxgrape.places.resolution import place_id_of

        if not isinstance(value, str) or not value.strip():
            raise InvalidValueError
        return place_id_of(value, context.gazetteer)


class _Code(_Text):
    description = "a code: one emoji, word or hashtag"

    def validate(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_CODE:
            raise InvalidValueError
        import emoji

        if emoji.is_emoji(value) or emoji.is_emoji(value.removesuffix("\ufe0f")):
            return value
        if emoji.emoji_count(value) or not value.isprintable() or value != value.strip():
            raise InvalidValueError
        return value


class _Path(_Text):
    description = "a file or folder"

    def expected(self, rule: Mapping[str, Any]) -> str:
        return f"a file or folder that exists within {' or '.join(_roots(rule))}"

    def validate(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if not isinstance(value, str | Path) or not str(value):
            raise InvalidValueError
        base = context.base.resolve()
        # Resolve links and .. before checking that the path is inside an allowed folder. Return
        # an absolute path, since the kernel has a different working folder.
        target = (base / value).resolve()
        if not any(target.is_relative_to((base / root).resolve()) for root in _roots(rule)):
            raise InvalidValueError
        if not target.exists():
            raise InvalidValueError("no such file")
        return str(target)


class _Secret(_Text):
    description = "the name of an environment variable that is set, such as FOXGRAPE_TOKEN"
    _name = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)

    def validate(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        # The value may be the secret itself, given by mistake, so errors must not repeat it.
        if not isinstance(value, str) or not self._name.fullmatch(value):
            raise InvalidValueError
        if not context.environ.get(value):
            raise InvalidValueError
        return value


class _List(_Text):
    def expected(self, rule: Mapping[str, Any]) -> str:
        return f"a list, each item {parameter_type(_items(rule)).expected(_items(rule))}"

    def parse(self, text: str, rule: Mapping[str, Any]) -> Any:
        if text.lstrip().startswith("["):
            try:
                return json.loads(text)
            except (ValueError, RecursionError):
                return text
        item_type = parameter_type(_items(rule))
        return [item_type.parse(part, _items(rule)) for part in text.split(",")] if text else []

    def validate(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
        if not isinstance(value, list | tuple):
            raise InvalidValueError
        item_type = parameter_type(_items(rule))
        return [item_type.validate(to_plain_value(item), _items(rule), context) for item in value]


class _Anything(_Text):
    description = "any value"

    def validate(self, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
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
    """Return the parameter type that a rule in a sidecar declares.

    Raises
    ------
    ParameterError
        If the type or format is unknown. (JSON Schema validators ignore unknown formats.)

    Examples
    --------
    >>> parameter_type({"type": "string", "format": "place"}).parse("01", {})
    '01'
    """
    if (name := rule.get("format")) is not None:
        if name not in _BY_FORMAT:
            raise ParameterError("unknown format", got=name, hint=did_you_mean(name, _BY_FORMAT))
        return _BY_FORMAT[name]
    types = [name for name in _types(rule) if name != "null"]
    if not types:
        return _Anything()
    if types[0] not in _BY_TYPE:
        raise ParameterError("unknown type", got=types[0], hint=did_you_mean(types[0], _BY_TYPE))
    return _BY_TYPE[types[0]]


def allows_null(rule: Mapping[str, Any]) -> bool:
    """Return whether a rule allows null as a value.

    Examples
    --------
    >>> allows_null({"type": ["string", "null"]})
    True
    """
    return "null" in _types(rule)


def holds_secret(rule: Mapping[str, Any]) -> bool:
    """Return whether a parameter is a secret, or a list of secrets.

    Examples
    --------
    >>> holds_secret({"type": "array", "items": {"format": "secret"}})
    True
    """
    return "secret" in {rule.get("format"), _items(rule).get("format")}


def to_plain_value(value: Any) -> Any:
    """Convert a NumPy scalar to a Python scalar; return any other value as it is."""
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value


def map_paths(rule: Mapping[str, Any], value: Any, replace: Callable[[str], str]) -> Any:
    """Return a parameter's value with `replace` applied to all paths in it.

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
    names = rule.get("type", [])
    return [names] if isinstance(names, str) else list(names)


def _items(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    items = rule.get("items")
    return items if isinstance(items, dict) else {}


def _roots(rule: Mapping[str, Any]) -> list[str]:
    return list(rule.get("x-roots", ["."]))


def _reference_time(context: ParameterContext) -> tuple[datetime, str]:
    if context.now is None:
        raise InvalidValueError("a relative date needs a reference time; pass now=")
    return context.now, context.zone or "UTC"
