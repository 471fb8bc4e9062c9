"""Notations of times: what each means, and which ones are refused as ambiguous."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape.io.written_times import day_and_month, parse_unix, to_iso


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2022-09-10T12:16:00Z", "2022-09-10T12:16:00+00:00"),
        ("2022-09-10 12:16:00+00", "2022-09-10T12:16:00+00:00"),
        ("2022-09-10 15:16:00 +0300", "2022-09-10T15:16:00+03:00"),
        ("2022-09-10 15:16:00 UTC+3", "2022-09-10T15:16:00+03:00"),
        ("2022-09-10 12:16:00 UTC", "2022-09-10T12:16:00+00:00"),
        ("2022-09-10 15:16:00 EEST", "2022-09-10T15:16:00+03:00"),
        ("2022-09-10 08:16:00 EDT", "2022-09-10T08:16:00-04:00"),
        ("20220910T121600Z", "2022-09-10T12:16:00+00:00"),
        ("20220910121600", "2022-09-10T12:16:00"),
        ("2022-09-10T12:16:00.123456789Z", "2022-09-10T12:16:00.123456+00:00"),
        ("2022-09-10T12:16:00,5Z", "2022-09-10T12:16:00.5+00:00"),
        ("Sat, 10 Sep 2022 12:16:00 +0000", "2022-09-10T12:16:00+00:00"),
        ("Sat, 10 Sep 2022 12:16:00 GMT", "2022-09-10T12:16:00+00:00"),
        ("Sat Sep 10 12:16:00 +0000 2022", "2022-09-10T12:16:00+00:00"),
        ("Saturday, September 10, 2022 3:16 PM", "2022-09-10T15:16"),
        ("12:16 AM, 10 Sep 2022", "2022-09-10T00:16"),
        ("2022/9/1 1:02", "2022-09-01T01:02"),
        ("10-Sep-22", "2022-09-10"),
        ("10 September 2022", "2022-09-10"),
        ("1st May 2022", "2022-05-01"),
        ("10 вересня 2022 року, 15:16", "2022-09-10T15:16"),
        ("10 сентября 2022 г.", "2022-09-10"),
        ("2022-W36-6", "2022-09-10"),
        ("2022-253", "2022-09-10"),
        ("20220910", "2022-09-10"),
        ("2022-09", "2022-09"),
        ("2024-366", "2024-12-31"),
        ("2022-12-31T24:00:00Z", "2023-01-01T00:00:00+00:00"),
        ("2022-09-10 24:00", "2022-09-11T00:00"),
        ("2022", "2022"),
        ("10\u00a0Sep\u202f2022", "2022-09-10"),
    ],
)
def test_a_notation_is_read_as_precisely_as_it_is_written(text, iso):
    assert to_iso(text) == iso


@pytest.mark.parametrize(
    ("text", "day_first", "month_first"),
    [
        ("10/09/2022", "2022-09-10", "2022-10-09"),
        ("10.09.22 15:16", "2022-09-10T15:16", "2022-10-09T15:16"),
        ("1-2-1969", "1969-02-01", "1969-01-02"),
        ("01.02.30", "1930-02-01", "1930-01-02"),
        ("01.02.29", "2029-02-01", "2029-01-02"),
    ],
)
def test_the_caller_states_the_order_of_a_numeric_date(text, day_first, month_first):
    assert (to_iso(text, "dmy"), to_iso(text, "mdy")) == (day_first, month_first)
    with pytest.raises(ValueError, match="does not say which number is the month"):
        to_iso(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2022-09-10 12:16 CST", "names no single offset"),
        ("2022-09-10 13:16 PM", "12-hour clock"),
        ("2022091012", "may be a Unix time or a date and an hour"),
        ("166281216", "between 2000 and 2100"),
    ],
)
def test_an_ambiguous_notation_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_unix(text) or to_iso(text)


@given(
    st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1)),  # noqa: DTZ001 - hypothesis wants it
    st.sampled_from([("seconds", 10**6), ("milliseconds", 10**3), ("microseconds", 1)]),
)
def test_the_size_of_a_unix_time_gives_its_unit(when, unit):
    name, microseconds = unit
    instant = when.replace(tzinfo=UTC)
    ticks = (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=microseconds)
    exact = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks * microseconds)
    try:
        assert parse_unix(str(ticks)) == (exact, name)
    except ValueError as error:
        assert "date and an hour" in str(error)  # noqa: PT017 - not every time is ambiguous
        assert datetime(2033, 5, 18, tzinfo=UTC) <= instant < datetime(2034, 1, 1, tzinfo=UTC) or (
            instant.year >= 2034
        )


def test_a_year_that_comes_first_is_no_numeric_date():
    assert day_and_month("2022-09-10 12:16") is None
    assert day_and_month("10.09.2022 12:16") == (10, 9)
