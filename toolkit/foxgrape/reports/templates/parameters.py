"""Parameters of a report, checked before a kernel starts: papermill itself checks nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.errors import ParameterError
from foxgrape.reports.templates.parameter_types import (
    ParameterContext,
    allows_null,
    parameter_type,
    to_plain_value,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from foxgrape.reports.templates.discovery import Template

__all__ = ["parse_parameters", "secret_values", "validate_parameters"]


def validate_parameters(
    template: Template,
    given: Mapping[str, Any],
    *,
    now: datetime | None = None,
    zone: str | None = None,
    base: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return every parameter of the template, as given or by default, ready for the notebook.

    A value reaches the notebook as it was given. What was told by reference becomes what it
    refers to: a day or instant from now on, a place by name (its id), a path (whole).

    Parameters
    ----------
    template
        Whose sidecar tells names, types and defaults.
    given
        Values by name; numbers of numpy are numbers, dates and datetimes become ISO 8601 text.
    now
        The instant that counts as now, for days from now on; without it, they are refused.
    zone
        IANA name of the zone whose days count; UTC by default.
    base
        The folder from which relative paths start; the working folder by default.
    environ
        Where the variables stand that secrets are in; those of this process by default.

    Raises
    ------
    ParameterError
        If one is unknown, missing or not of its type, or if the sidecar's own rules are broken.

    Examples
    --------
    >>> from foxgrape.reports.templates.discovery import find_template
    >>> validate_parameters(find_template("lead_times"), {"horizon": "60D"})["horizon"]
    '60D'
    """
    _check_rules(template)
    known = template.schema["properties"]
    for name in given:
        if name not in known:
            raise ParameterError.unknown(name, known, template=template.name)
    context = ParameterContext(
        now, zone, Path(base or ""), os.environ if environ is None else environ
    )
    values = {}
    for name, rule in known.items():
        if name not in given and "default" not in rule:
            raise ParameterError.missing(name, template=template.name, expected=_expected(rule))
        values[name] = _accepted(name, given.get(name, rule.get("default")), rule, context)
    _check_bounds(template, values)
    return values


def parse_parameters(template: Template, pairs: Mapping[str, str]) -> dict[str, Any]:
    """Read parameters as a shell gives them; text stays exactly as it was typed.

    A list is JSON, or items with commas between.

    Examples
    --------
    >>> from foxgrape.reports.templates.discovery import find_template
    >>> parse_parameters(find_template("lead_times"), {"baseline": "false", "horizon": "01D"})
    {'baseline': False, 'horizon': '01D'}
    """
    _check_rules(template)
    rules = template.schema["properties"]
    return {name: _read(rules.get(name, {}), text) for name, text in pairs.items()}


def secret_values(
    template: Template, values: Mapping[str, Any], environ: Mapping[str, str] | None = None
) -> list[str]:
    """Return what the secrets among the parameters hold, for it to be kept out of messages.

    Examples
    --------
    >>> from foxgrape.reports.templates.discovery import find_template
    >>> secret_values(find_template("lead_times"), {"horizon": "60D"})
    []
    """
    where = os.environ if environ is None else environ
    return [
        where[str(values[name])]
        for name, rule in template.schema["properties"].items()
        if rule.get("format") == "secret" and str(values.get(name)) in where
    ]


def _read(rule: Mapping[str, Any], text: str) -> Any:
    if allows_null(rule) and text == "":
        return None
    return parameter_type(rule).read(text, rule)


def _accepted(name: str, value: Any, rule: Mapping[str, Any], context: ParameterContext) -> Any:
    value = to_plain_value(value)
    if value is None and allows_null(rule):
        return None
    kind = parameter_type(rule)
    try:
        return kind.accept(value, rule, context)
    except (ValueError, OverflowError) as error:
        raise ParameterError.bad_value(
            name,
            value if kind.shown else None,
            expected=_expected(rule),
            hint=str(error) if kind.shown and isinstance(value, str) else None,
        ) from None


def _check_rules(template: Template) -> None:
    """Check that the rules are JSON Schema, of types and formats that there are."""
    for rule in template.schema["properties"].values():
        if all(isinstance(rule.get(word, ""), str) for word in ("type", "format")):
            parameter_type(rule)  # says what a misspelt one was meant to be
    # It is slow to import, and most calls of a schedule have nothing to build.
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(template.schema)
    except SchemaError as error:
        raise ParameterError.bad_rule(template.name, error.message) from None


def _check_bounds(template: Template, values: Mapping[str, Any]) -> None:
    """Check what else the rules of JSON Schema say: minimum, enum, pattern, minItems."""
    from jsonschema import Draft202012Validator
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    known = template.schema["properties"]
    # With a registry of one's own, a reference is never fetched from elsewhere.
    validator = Draft202012Validator(template.schema, registry=Registry())
    try:
        faults = list(validator.iter_errors(values))
    except (Unresolvable, re.error, RecursionError) as error:
        raise ParameterError.bad_rule(template.name, error) from None
    for fault in faults:
        if not fault.path:
            raise ParameterError(f"the parameters of {template.name} do not fit: {fault.message}")
        name = str(fault.path[0])
        rule = known[name]
        expected = _expected(rule) if "enum" in rule else f"{_expected(rule)}; {_bound(fault)}"
        raise ParameterError.bad_value(name, values[name], expected=expected)


def _bound(fault: Any) -> str:
    return f"{fault.validator} {fault.validator_value}"


def _expected(rule: Mapping[str, Any]) -> str:
    if "enum" in rule:
        return f"one of {', '.join('nothing' if one is None else str(one) for one in rule['enum'])}"
    return parameter_type(rule).expected(rule)
