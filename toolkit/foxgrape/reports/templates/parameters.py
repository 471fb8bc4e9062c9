"""Check the parameters of a report before a kernel starts: papermill itself checks nothing."""

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

    from foxgrape.reports.templates.discovery import Template

__all__ = ["Parameter", "parse_parameters", "secret_values", "validate_parameters"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a template.

    Attributes
    ----------
    name
        Its name in the sidecar and in the notebook.
    rule
        Its JSON Schema.
    type
        The type that the rule names.
    """

    name: str
    rule: Mapping[str, Any]
    type: ParameterType

    @property
    def expected(self) -> str:
        """The allowed values, for errors."""
        if "enum" in self.rule:
            allowed = ("nothing" if value is None else str(value) for value in self.rule["enum"])
            return f"one of {', '.join(allowed)}"
        return self.type.expected(self.rule)

    def parse(self, text: str) -> Any:
        """Return a value from a shell argument."""
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
) -> dict[str, Any]:
    """Return a value for every parameter of the template, given or by default.

    Values are passed on unchanged, except references: a relative date becomes a date, the name of
    a place its id, a path an absolute path.

    Parameters
    ----------
    template
        The template; its sidecar has the names, types and defaults.
    given
        Values by name. NumPy scalars become Python scalars, dates and datetimes ISO 8601 text.
    now
        The current time, required by relative dates.
    zone
        IANA name of the time zone of relative dates; UTC by default.
    base
        The folder from which relative paths start; the working folder by default.
    environ
        The environment variables that hold secrets; those of this process by default.

    Raises
    ------
    ParameterError
        If a parameter is unknown, missing or not of its type, or a rule of the sidecar is invalid.

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
    context = ParameterContext(now, zone, Path(base or ""), environ)
    values = {}
    for name, parameter in parameters.items():
        if name not in given and "default" not in parameter.rule:
            raise ParameterError.missing(name, template=template.name, expected=parameter.expected)
        values[name] = parameter.validate(given.get(name, parameter.rule.get("default")), context)
    _check_schema(template, parameters, values)
    return values


def parse_parameters(template: Template, pairs: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of parameters given as text in a shell.

    Strings stay exactly as they were typed. A list is JSON, or items separated by commas.

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
    """Return the values of the secrets among the parameters, to be redacted from messages.

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
    """Return the parameters of a template, whose schema must be valid JSON Schema."""
    rules = template.schema["properties"]
    for rule in rules.values():
        if all(isinstance(rule.get(key, ""), str) for key in ("type", "format")):
            parameter_type(rule)  # its error suggests the right spelling, the schema's does not
    # It is slow to import, and most calls of a schedule have nothing to build.
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(template.schema)
    except SchemaError as error:
        raise ParameterError.bad_rule(template.name, error.message) from None
    return {name: Parameter(name, rule, parameter_type(rule)) for name, rule in rules.items()}


def _check_schema(
    template: Template, parameters: Mapping[str, Parameter], values: Mapping[str, Any]
) -> None:
    """Check the other rules of the schema: minimum, enum, pattern, minItems."""
    from jsonschema import Draft202012Validator
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # An empty registry keeps references from being fetched over the network.
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
