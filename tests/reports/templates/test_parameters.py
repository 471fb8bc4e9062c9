"""Parameters: each type, unchanged values, relative dates, and secrets that are never shown."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape.errors import ParameterError
from foxgrape.reports.templates import parameters
from foxgrape.reports.templates.discovery import Template
from foxgrape.reports.templates.parameters import (
    parse_parameters,
    secret_variables,
    validate_parameters,
)
from foxgrape.reports.templates.relative_dates import resolve_day, resolve_instant

NOW = datetime(2022, 9, 10, 22, tzinfo=UTC)  # the 11th, one o'clock at night, in Kyiv
KYIV = "Europe/Kyiv"


def template(**rules) -> Template:
    schema = {"type": "object", "additionalProperties": False, "properties": rules}
    return Template("mine", "Mine", "For tests.", Path("mine.ipynb"), schema)


def check(rule, value, **more):
    return validate_parameters(
        template(it=rule), {"it": value}, **{"now": NOW, "zone": KYIV} | more
    )["it"]


def typed(rule, text):
    mine = template(it=rule)
    return validate_parameters(mine, parse_parameters(mine, {"it": text}), now=NOW, zone=KYIV)["it"]


@pytest.mark.parametrize(
    ("rule", "text", "value"),
    [
        ({"type": "string"}, "01", "01"),
        ({"type": "string"}, "1e5", "1e5"),
        ({"type": "string"}, "true", "true"),
        ({"type": "string"}, "", ""),
        ({"type": "string"}, "# no comment: 'b' \"c\" \\n {x}", "# no comment: 'b' \"c\" \\n {x}"),
        ({"type": ["string", "null"]}, "", None),
        ({"type": "integer"}, "-12345678901234567890", -12345678901234567890),
        ({"type": "number"}, "1e5", 100000.0),
        ({"type": "number"}, "7", 7),
        ({"type": "boolean"}, "true", True),
        ({"type": "string", "enum": ["a", "b"]}, "b", "b"),
        ({"type": "integer", "enum": [1, 2]}, "2", 2),
        ({"type": "string", "format": "duration-of-time"}, "01D", "01D"),
        ({"type": "string", "format": "date"}, "2022-09-10", "2022-09-10"),
        ({"type": "string", "format": "date-time"}, "2022-09-10T12:16Z", "2022-09-10T12:16Z"),
        ({"type": "string", "format": "place"}, "geonames:707292", "geonames:707292"),
        ({"type": "string", "format": "place"}, "Ізюм", "geonames:707292"),
        ({"type": "string", "format": "place"}, "own:village-7", "own:village-7"),
        ({"type": "string", "format": "code"}, "🍇", "🍇"),
        ({"type": "string", "format": "code"}, "✈️", "✈️"),
        ({"type": "string", "format": "code"}, "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "🏴󠁧󠁢󠁷󠁬󠁳󠁿"),
        ({"type": "string", "format": "code"}, "#Ізюм", "#Ізюм"),
        ({"type": "array", "items": {"type": "integer"}}, "1,2,3", [1, 2, 3]),
        ({"type": "array", "items": {"type": "string"}}, "01,1e5", ["01", "1e5"]),
        ({"type": "array", "items": {"type": "string"}}, '["a,b", "c"]', ["a,b", "c"]),
        ({"type": "array", "items": {"type": "string"}}, "", []),
        ({"type": "array", "items": {"type": "string", "format": "date"}}, "today", ["2022-09-11"]),
    ],
)
def test_each_type_is_parsed_from_a_shell_argument(rule, text, value):
    got = typed(rule, text)
    assert (got, type(got)) == (value, type(value))
    assert json.loads(json.dumps(got)) == value


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"type": "integer"}, "1e5"),
        ({"type": "integer"}, "01"),
        ({"type": "integer"}, "1_000"),
        ({"type": "integer"}, "1.0"),
        ({"type": "integer"}, "٣"),
        ({"type": "integer"}, ""),
        ({"type": "integer", "minimum": 3}, "2"),
        ({"type": "integer", "enum": [1, 2]}, "3"),
        ({"type": "number"}, "nan"),
        ({"type": "number"}, "inf"),
        ({"type": "number"}, "soon"),
        ({"type": "boolean"}, "yes"),
        ({"type": "boolean"}, "1"),
        ({"type": "string", "pattern": "^a"}, "b"),
        ({"type": "string", "format": "duration-of-time"}, "30"),
        ({"type": "string", "format": "duration-of-time"}, "-3D"),
        ({"type": "string", "format": "duration-of-time"}, "NaT"),
        ({"type": "string", "format": "date"}, "2022-02-30"),
        ({"type": "string", "format": "date"}, "20220910"),
        ({"type": "string", "format": "date"}, "2022-09-10T12:16Z"),
        ({"type": "string", "format": "date"}, "-99999year"),
        ({"type": "string", "format": "date-time"}, "2022-09-10T12:16"),
        ({"type": "string", "format": "date-time"}, "-99999month_start"),
        ({"type": "string", "format": "place"}, "nowhere at all"),
        ({"type": "string", "format": "code"}, "🍇🦊"),
        ({"type": "string", "format": "code"}, "🍇 Izium"),
        ({"type": "string", "format": "code"}, ""),
        ({"type": "string", "format": "code"}, "a\nb"),
        ({"type": "array", "items": {"type": "integer"}}, "1,b"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, "a"),
        ({"type": "array", "items": {"type": "string"}}, '["a"'),
    ],
)
def test_a_value_of_the_wrong_type_is_rejected_in_one_line(rule, text):
    with pytest.raises(ParameterError, match="bad value for the parameter it; expected") as caught:
        typed(rule, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ({"type": "integer"}, np.int64(3), 3),
        ({"type": "number"}, np.float32(0.5), 0.5),
        ({"type": "boolean"}, np.bool_(True), True),  # noqa: FBT003
        ({"type": "string"}, np.str_("01"), "01"),
        ({"type": "array", "items": {"type": "integer"}}, (np.int8(1), 2), [1, 2]),
        ({"type": "string", "format": "date"}, date(2022, 9, 10), "2022-09-10"),
        (
            {"type": "string", "format": "date-time"},
            pd.Timestamp("2022-09-10T12:16Z"),
            "2022-09-10T12:16:00+00:00",
        ),
        ({"type": "string", "format": "duration-of-time"}, timedelta(days=30), "P30DT0H0M0S"),
        ({}, {"any": ["thing"]}, {"any": ["thing"]}),
    ],
)
def test_python_values_become_json_values(rule, value, expected):
    got = check(rule, value)
    assert (got, type(got)) == (expected, type(expected))
    json.dumps(got)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"type": "integer"}, 100000.0),
        ({"type": "integer"}, True),
        ({"type": "integer"}, None),
        ({"type": "string"}, 1),
        ({"type": "number"}, float("nan")),
        ({"type": "boolean"}, 1),
        ({"type": "string", "format": "date"}, datetime(2022, 9, 10, tzinfo=UTC)),
        ({"type": "string", "format": "date-time"}, datetime(2022, 9, 10)),  # noqa: DTZ001
        ({"type": "array", "items": {"type": "string"}}, "abc"),
    ],
)
def test_python_values_of_the_wrong_type_are_rejected(rule, value):
    with pytest.raises(ParameterError, match="bad value"):
        check(rule, value)


def test_an_ambiguous_place_name_is_rejected_with_the_ids():
    with pytest.raises(ParameterError, match=r"places have this name; .+: \w+:\w+ \(.+\), \w+:"):
        typed({"type": "string", "format": "place"}, "Іванівка")


def test_a_path_stays_within_its_roots(tmp_path):
    (tmp_path / "data" / "mine").mkdir(parents=True)
    (tmp_path / "secret.txt").touch()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "secret.txt")
    rule = {"type": "string", "format": "path", "x-roots": ["data"]}
    absolute = str((tmp_path / "data" / "mine").resolve())
    assert check(rule, "data/mine", base=tmp_path) == absolute
    assert check(rule, Path(absolute), base=tmp_path) == absolute
    for bad in ("secret.txt", "data/../secret.txt", "data/link", "/etc", "data/none", "", "a\0b"):
        with pytest.raises(ParameterError, match="a file or folder that exists within data"):
            check(rule, bad, base=tmp_path)


def test_a_secret_is_the_name_of_a_variable_and_is_never_shown(monkeypatch):
    rule = {"type": "string", "format": "secret"}
    environ = {"MY_TOKEN": "hunter2", "EMPTY": ""}
    mine = template(it=rule)
    values = validate_parameters(mine, {"it": "MY_TOKEN"}, environ=environ)
    assert values == {"it": "MY_TOKEN"}
    monkeypatch.setenv("MY_TOKEN", "hunter2")
    assert secret_variables(mine, values) == ["MY_TOKEN"]
    many = template(it={"type": "array", "items": rule})
    assert secret_variables(many, {"it": ["MY_TOKEN", "UNSET"]}) == ["MY_TOKEN"]
    # An error never repeats the secret if it was given instead of the name.
    for bad in ("hunter2", "HUNTER2", "EMPTY", 7):
        with pytest.raises(ParameterError) as caught:
            validate_parameters(mine, {"it": bad}, environ=environ)
        assert str(bad) not in str(caught.value)
        with pytest.raises(ParameterError) as caught:
            validate_parameters(many, {"it": ["MY_TOKEN", bad]}, environ=environ)
        assert str(bad) not in str(caught.value)


def test_a_parameter_without_default_must_be_given():
    mine = template(it={"type": "string", "format": "place"})
    with pytest.raises(ParameterError, match="mine needs the parameter it; expected a place"):
        validate_parameters(mine, {})


def test_broken_rules_are_named():
    with pytest.raises(ParameterError, match=r"unknown format.*did you mean 'place'"):
        check({"type": "string", "format": "plcae"}, "x")
    with pytest.raises(ParameterError, match=r"unknown type.*did you mean 'string'"):
        check({"type": "strng"}, "x")
    with pytest.raises(ParameterError, match="not valid JSON Schema"):
        check({"type": "integer", "minimum": "three"}, 3)


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*b", "(a*)*c"])
def test_a_pattern_that_takes_forever_is_an_error(pattern, monkeypatch):
    monkeypatch.setattr(parameters, "_PATTERN_SECONDS", 0.5)
    with pytest.raises(ParameterError, match="takes more than") as caught:
        check({"type": "string", "pattern": pattern}, "a" * 60 + "!")
    assert "\n" not in str(caught.value)


def test_a_relative_date_needs_a_reference_time():
    mine = template(it={"type": "string", "format": "date", "default": "today"})
    assert validate_parameters(mine, {}, now=NOW) == {"it": "2022-09-10"}
    assert validate_parameters(mine, {}, now=NOW, zone=KYIV) == {"it": "2022-09-11"}
    with pytest.raises(ParameterError, match="a relative date needs a reference time; pass now="):
        validate_parameters(mine, {})


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", "2022-09-11"),
        ("yesterday", "2022-09-10"),
        ("-7d", "2022-09-04"),
        ("+2w", "2022-09-25"),
        ("-1month", "2022-08-11"),
        ("-1month_start", "2022-08-01"),
        ("-1month_end", "2022-08-31"),
        ("month_end", "2022-09-30"),
        ("week_start", "2022-09-05"),
        ("-1week_end", "2022-09-04"),
        ("-1year_start", "2021-01-01"),
        ("year_end", "2022-12-31"),
    ],
)
def test_relative_days(text, day):
    assert resolve_day(text, NOW, KYIV).isoformat() == day


def test_a_month_before_the_31st_is_the_last_day_of_a_shorter_month():
    march = datetime(2024, 3, 31, 12, tzinfo=UTC)
    assert resolve_day("-1month", march, "UTC") == date(2024, 2, 29)
    assert resolve_day("-13month", march, "UTC") == date(2023, 2, 28)
    assert resolve_day("-1year", datetime(2024, 2, 29, tzinfo=UTC), "UTC") == date(2023, 2, 28)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("now", "2022-09-10T22:00:00+00:00"),
        ("-90min", "2022-09-10T20:30:00+00:00"),
        ("today", "2022-09-10T21:00:00+00:00"),
        ("-7d", "2022-09-03T22:00:00+00:00"),
        ("month_start", "2022-08-31T21:00:00+00:00"),
        ("-1month_end", "2022-08-31T21:00:00+00:00"),
        ("year_start", "2021-12-31T22:00:00+00:00"),
    ],
)
def test_relative_instants(text, instant):
    assert resolve_instant(text, NOW, KYIV).isoformat() == instant


@pytest.mark.parametrize("text", ["7d", "-d", "- 7d", "-7 d", "today ", "-7D", "-1monthstart", ""])
def test_other_text_is_not_a_relative_date(text):
    for read in (resolve_day, resolve_instant):
        with pytest.raises(ValueError, match="not a relative date"):
            read(text, NOW, KYIV)


@given(
    st.datetimes(datetime(1995, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(["day", "week", "month", "year"]),
    st.integers(-40, 40),
)
def test_a_unit_starts_where_the_previous_unit_ends(now, unit, count):
    """The end of a period is the start of the next, in every time zone and season."""
    for zone in (KYIV, "UTC", "America/New_York"):
        ends = resolve_instant(f"{count:+d}{unit}_end", now, zone)
        assert ends == resolve_instant(f"{count + 1:+d}{unit}_start", now, zone)
        assert ends.astimezone(ZoneInfo(zone)).hour in {0, 1}
        last = resolve_day(f"{count:+d}{unit}_end", now, zone)
        assert resolve_day(f"{count + 1:+d}{unit}_start", now, zone) == last + timedelta(days=1)


@given(st.text(max_size=30) | st.integers() | st.floats() | st.booleans() | st.none())
def test_a_string_is_unchanged_or_rejected(value):
    try:
        got = check({"type": "string"}, value)
    except ParameterError:
        assert not isinstance(value, str)
    else:
        assert got == value


@pytest.mark.parametrize(
    "rule",
    [
        {"type": None},
        {"type": "string", "format": ["date"]},
        {"type": "string", "pattern": "("},
        {"$ref": "https://example.org/rules.json"},
    ],
)
def test_invalid_rules_of_a_sidecar_are_reported(rule):
    with pytest.raises(
        ParameterError, match="the template mine has a rule that is not valid JSON Schema"
    ):
        check(rule, "x")


def test_items_of_a_list_may_have_any_type():
    assert check({"type": "array", "items": True}, ["x"]) == ["x"]
