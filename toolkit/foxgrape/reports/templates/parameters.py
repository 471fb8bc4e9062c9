"""Check a report's parameters before a kernel starts, since papermill does not check them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.unicode import replace_surrogates
from foxgrape.errors import ParameterError
from foxgrape.reports.templates.parameter_types import (
    ParameterContext,
    ParameterType,
    allows_null,
    holds_secret,
    parameter_type,
    to_plain_value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from jsonschema import ValidationError

    from foxgrape.places import Gazetteer
    from foxgrape.reports.templates.discovery import Template

__all__ = ["Parameter", "parse_parameters", "secret_variables", "validate_parameters"]


#: Maximum duration of a search for a sidecar's pattern.
_PATTERN_SECONDS = 5
_SEARCH = (
    "import json, re, sys; pattern, text = json.load(sys.stdin); "
    "print(re.search(pattern, text) is not None)"
)


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
            return _encodable(self.type.validate(value, self.rule, context))
        except (ValueError, OverflowError) as error:
            public = not holds_secret(self.rule)
            raise ParameterError.bad_value(
                self.name,
                value if public else None,
                expected=self.expected,
                hint=str(error) if public and isinstance(value, str) else None,
            ) from None


def _encodable(value: Any) -> Any:
    if replace_surrogates(value) != value:
        raise ValueError("a character of it cannot be encoded as UTF-8")
    return value


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


def secret_variables(template: Template, values: Mapping[str, Any]) -> list[str]:
    """Return the names of the environment variables with secrets that parameters refer to.

    Examples
    --------
    >>> from foxgrape.reports.templates.discovery import find_template
    >>> secret_variables(find_template("lead_times"), {"horizon": "60D"})
    []
    """
    names: list[str] = []
    for name, rule in template.schema["properties"].items():
        if holds_secret(rule):
            value = values.get(name)
            names += map(str, value if isinstance(value, list | tuple) else [value])
    return [name for name in names if name in os.environ]


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


class _PatternError(ValueError):
    """A pattern in a sidecar cannot be used."""


def _check_pattern(
    _validator: object, pattern: str, value: object, _schema: object
) -> Iterator[ValidationError]:
    """Search for a pattern in another process, because a search may take forever."""
    from jsonschema import ValidationError

    if not isinstance(value, str):
        return
    command = [sys.executable, "-I", "-S", "-c", _SEARCH]
    try:
        search = subprocess.run(  # noqa: S603 - fixed code, which gets the pattern as data
            command,
            input=json.dumps([pattern, value]),
            text=True,
            capture_output=True,
            check=False,
            timeout=_PATTERN_SECONDS,
        )
    except subprocess.TimeoutExpired:
        what = f"the search for the pattern {pattern!r} takes more than {_PATTERN_SECONDS} s"
        raise _PatternError(what) from None
    if search.returncode:
        raise _PatternError(f"the pattern {pattern!r} is not a valid regular expression")
    if search.stdout.strip() != "True":
        yield ValidationError(f"does not match {pattern!r}")


def _refuse_pattern_properties(*_: object) -> Iterator[ValidationError]:
    raise _PatternError("patternProperties is not supported; list the properties")


def _check_schema(
    template: Template, parameters: Mapping[str, Parameter], values: Mapping[str, Any]
) -> None:
    """Check the values against the schema's other rules, such as minimum, enum and pattern."""
    from jsonschema import Draft202012Validator, validators
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # With an empty registry, references in the schema are not fetched over the network.
    bounded = {"pattern": _check_pattern, "patternProperties": _refuse_pattern_properties}
    validator = validators.extend(Draft202012Validator, bounded)(  # type: ignore[no-untyped-call]
        template.schema, registry=Registry()
    )
    try:
        errors = list(validator.iter_errors(values))
    except (Unresolvable, _PatternError, RecursionError) as error:
        raise ParameterError.bad_rule(template.name, error) from None
    for violation in errors:
        if not violation.path:
            raise ParameterError(f"bad parameters for {template.name}: {violation.message}")
        parameter = parameters[str(violation.path[0])]
        expected = parameter.expected
        if "enum" not in parameter.rule:
            expected += f"; {violation.validator} {violation.validator_value}"
        raise ParameterError.bad_value(parameter.name, values[parameter.name], expected=expected)
