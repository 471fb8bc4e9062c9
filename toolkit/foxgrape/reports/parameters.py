"""Parameters of a report, checked before a kernel starts: papermill itself checks nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from jsonschema import Draft202012Validator, FormatChecker

from foxgrape.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foxgrape.reports.catalogue import Template

__all__ = ["checked", "from_text"]

_FORMATS = FormatChecker(formats=("date",))


@_FORMATS.checks("duration-of-time", raises=ValueError)
def _is_duration(value: object) -> bool:
    return not isinstance(value, str) or pd.Timedelta(value) > pd.Timedelta(0)


def checked(template: Template, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every parameter of the template, as given or by default.

    Raises
    ------
    ParameterError
        If one is unknown or not of its type.

    Examples
    --------
    >>> from foxgrape.reports.catalogue import find_template
    >>> checked(find_template("lead_times"), {"horizon": "60D"})["horizon"]
    '60D'
    """
    known = template.schema["properties"]
    for name in given:
        if name not in known:
            raise ParameterError.unknown(name, known, template=template.name)
    values = {name: rule["default"] for name, rule in known.items()} | dict(given)
    validator = Draft202012Validator(template.schema, format_checker=_FORMATS)
    for error in validator.iter_errors(values):
        name = str(error.path[0])
        rule = known[name]
        raise ParameterError.bad_value(name, values[name], expected=_expected(rule))
    return values


def from_text(template: Template, pairs: Mapping[str, str]) -> dict[str, Any]:
    """Read parameters as a shell gives them; text stays exactly as it was typed.

    Examples
    --------
    >>> from foxgrape.reports.catalogue import find_template
    >>> from_text(find_template("lead_times"), {"baseline": "false", "horizon": "01D"})
    {'baseline': False, 'horizon': '01D'}
    """
    rules = template.schema["properties"]
    return {name: _read(rules.get(name, {}), text) for name, text in pairs.items()}


def _read(rule: Mapping[str, Any], text: str) -> Any:
    """Turn text into the type that the rule asks for; what does not fit is left to be refused."""
    kinds = rule.get("type", "string")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "null" in kinds and text == "":
        return None
    if "boolean" in kinds and text in {"true", "false"}:
        return text == "true"
    for kind, convert in (("integer", int), ("number", float)):
        if kind in kinds:
            try:
                return convert(text)
            except ValueError:
                continue
    return text


def _expected(rule: Mapping[str, Any]) -> str:
    if "enum" in rule:
        return f"one of {', '.join('nothing' if one is None else str(one) for one in rule['enum'])}"
    if rule.get("format") == "duration-of-time":
        return "a duration such as 30D"
    return str(rule.get("format") or rule.get("type"))
