"""Check a report's parameters before a kernel starts, since papermill does not check them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.errors import ParameterError
from foxgrape.reports.templates.parameter_types import (
    ParameterContext,
    ParameterType,
    allows_null,
    parameter_type,
    to_plain_value,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from foxgrape.places import Gazetteer
    from foxgrape.reports.templates.discovery import Template

__all__ = ["Parameter", "parse_parameters", "secret_values", "validate_parameters"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a template.

    Attributes
    ----------
    name
        Name in the sidecar and in the notebook.
    rule
        JSON Schema of the parameter in the sidecar.
    type
        Type according to the rule's ``type`` and ``format``.
    """

    name: str
    rule: Mapping[str, Any]
    type: ParameterType

    @property
    def expected(self) -> str:
        """A description of the allowed values, for error messages."""
        if "enum" in self.rule:
            allowed = ("nothing" if value is None else str(value) for value in self.rule["enum"])
            return f"one of {', '.join(allowed)}"
        return self.type.expected(self.rule)

    def parse(self, text: str) -> Any:
        """Return the value of a shell argument; empty text is None if the rule allows null."""
        if allows_null(self.rule) and text == "":
            return None
        return self.type.parse(text, self.rule)

    def validate(self, value: Any, context: ParameterContext) -> Any:
        """Return the value for the notebook, or raise ParameterError."""
        value = to_plain_value(value)
        if value is None and allows_null(self.rule):
            return None
        try:
            return self.type.validate(value, self.rule, context)
        except (ValueError, OverflowError) as error:
            public = not self.type.is_secret
            raise ParameterError.bad_value(
                self.name,
                value if public else None,
                expected=self.expected,
                hint=str(error) if public and isinstance(value, str) else None,
            ) from None


def validate_parameters(
    template: Template,
    given: Mapping[str, Any],
    *,
    now: datetime | None = None,
    zone: str | None = None,
    base: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    gazetteer: Gazetteer | None = None,
) -> dict[str, Any]:
    """Check the given values, and return a value for every parameter of a template.

    Values are returned unchanged, except that relative dates become dates, place names become
    ids, and paths become absolute.

    Parameters
    ----------
    template
        The template; its sidecar declares the names, types and defaults.
    given
        Values by name; parameters without a value take their defaults. NumPy scalars become Python
        scalars, and dates and datetimes become ISO 8601 text.
    now
        The current time; required if a value is a relative date.
    zone
        IANA name of the time zone for relative dates; UTC by default.
    base
        The folder that paths are relative to; the working folder by default.
    environ
        The environment variables in which secrets are looked up; by default, those of this process.
    gazetteer
        Where places are looked up by name; by default in the packaged gazetteer.

    Raises
    ------
    ParameterError
        If a parameter is unknown or missing, a value is not allowed, or the sidecar has an invalid
        rule.

    Examples
    --------
    >>> from foxgrape.reports.templates.discovery import find_template
    >>> validate_parameters(find_template("lead_times"), {"horizon": "60D"})["horizon"]
    '60D'
    """
    parameters = _parse_schema(template)
    for name in given:
        if name not in parameters:
            raise ParameterError.unknown(name, parameters, template=template.name)
    environ = os.environ if environ is None else environ
    context = ParameterContext(now, zone, Path(base or ""), environ, gazetteer)
    values = {}
    for name, parameter in parameters.items():
        if name not in given and "default" not in parameter.rule:
            raise ParameterError.missing(name, template=template.name, expected=parameter.expected)
        values[name] = parameter.validate(given.get(name, parameter.rule.get("default")), context)
    _check_schema(template, parameters, values)
    return values


def parse_parameters(template: Template, pairs: Mapping[str, str]) -> dict[str, Any]:
    """Convert parameters given as text in a shell to the types that the template declares.

    Strings are returned exactly as typed. A list can be JSON, or items separated by commas. Text
    that cannot be converted is returned as it is; `validate_parameters` reports it.

    Examples
    --------
    >>> from foxgrape.reports.templates.discovery import find_template
    >>> parse_parameters(find_template("lead_times"), {"baseline": "false", "horizon": "01D"})
    {'baseline': False, 'horizon': '01D'}
    """
    parameters = _parse_schema(template)
    # An unknown name is reported by `validate_parameters`.
    return {
        name: parameters[name].parse(text) if name in parameters else text
        for name, text in pairs.items()
    }


def secret_values(
    template: Template, values: Mapping[str, Any], environ: Mapping[str, str] | None = None
) -> list[str]:
    """Return the secrets that parameters refer to, so that they can be redacted from messages.

    Examples
    --------
    >>> from foxgrape.reports.templates.discovery import find_template
    >>> secret_values(find_template("lead_times"), {"horizon": "60D"})
    []
    """
    environ = os.environ if environ is None else environ
    return [
        environ[str(values[name])]
        for name, rule in template.schema["properties"].items()
        if rule.get("format") == "secret" and str(values.get(name)) in environ
    ]


def _parse_schema(template: Template) -> dict[str, Parameter]:
    """Return a template's parameters; raise ParameterError if the JSON Schema is invalid."""
    rules = template.schema["properties"]
    for rule in rules.values():
        if all(isinstance(rule.get(key, ""), str) for key in ("type", "format")):
            # Check the names first: unlike jsonschema's errors, these suggest the right spelling.
            parameter_type(rule)
    # Import here: jsonschema is slow to import, and most runs of a schedule build nothing.
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(template.schema)
    except SchemaError as error:
        raise ParameterError.bad_rule(template.name, error.message) from None
    return {name: Parameter(name, rule, parameter_type(rule)) for name, rule in rules.items()}


def _check_schema(
    template: Template, parameters: Mapping[str, Parameter], values: Mapping[str, Any]
) -> None:
    """Check the values against the schema's other rules, such as minimum, enum and pattern."""
    from jsonschema import Draft202012Validator
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # With an empty registry, references in the schema are not fetched over the network.
    validator = Draft202012Validator(template.schema, registry=Registry())
    try:
        errors = list(validator.iter_errors(values))
    except (Unresolvable, re.error, RecursionError) as error:
        raise ParameterError.bad_rule(template.name, error) from None
    for violation in errors:
        if not violation.path:
            raise ParameterError(f"bad parameters for {template.name}: {violation.message}")
        parameter = parameters[str(violation.path[0])]
        expected = parameter.expected
        if "enum" not in parameter.rule:
            expected += f"; {violation.validator} {violation.validator_value}"
        raise ParameterError.bad_value(parameter.name, values[parameter.name], expected=expected)
