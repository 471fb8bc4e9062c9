"""Days as sources write them, and how days in numbers are decided."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape.io.base import ReadContext
from foxgrape.io.events.days import DayOrder, parse_source_day
from foxgrape.io.stream import BadRecordError

SEPTEMBER_10 = date(2022, 9, 10)


def parse(text, *others, usual=None):
    context = ReadContext("events.csv")
    order = DayOrder(lambda: [text, *others], usual)
    return parse_source_day(text, "date", context, order), [*context.notes]


@pytest.mark.parametrize(
    "text",
    [
        "2022-09-10",
        "2022/09/10",
        "2022-09-10 00:00:00.000",
        "2022-09-10T00:00:00",
        "2022-09-10T00:00:00Z",
        "2022-09-10 00:00:00+00:00",
        "10 September 2022",
        "10-Sep-2022",
        "10 sep 2022",
        "10-Sep-22",
        "20220910",
        "September 10, 2022",
        " 2022-09-10 ",
    ],
)
def test_a_day_that_is_certain_is_read_without_a_note(text):
    assert parse(text) == (SEPTEMBER_10, [])


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("1662768000", "a Unix time of midnight is read as the day"),
        ("1662768000000", "a Unix time of midnight is read as the day"),
    ],
)
def test_a_day_that_is_reinterpreted_is_noted(text, note):
    day, notes = parse(text)
    assert day == SEPTEMBER_10
    assert note in notes


def test_years_of_two_digits_have_the_century_of_spreadsheets():
    assert parse("10-Sep-29")[0].year == 2029
    assert parse("10-Sep-30")[0].year == 1930


@pytest.mark.parametrize(
    ("text", "other", "day"),
    [
        ("9/10/2022", "9/13/2022", SEPTEMBER_10),
        ("10/9/2022", "13/9/2022", SEPTEMBER_10),
        ("9/10/2022 12:00:00 AM", "12/31/2022 12:00:00 AM", SEPTEMBER_10),
        ("10-09-2022", "31-12-2022", SEPTEMBER_10),
        ("10.09.22", "31.12.22", SEPTEMBER_10),
        ("9/13/2022", "", date(2022, 9, 13)),
    ],
)
def test_a_13th_day_decides_the_order(text, other, day):
    assert parse(text, other)[0] == day


def test_equal_numbers_need_no_decision():
    assert parse("9/9/2022") == (date(2022, 9, 9), [])


@pytest.mark.parametrize("others", [[], ["11/10/2022"], ["9/13/2022", "13/9/2022"], [None, "x"]])
def test_an_undecided_day_is_refused(others):
    with pytest.raises(BadRecordError, match="cannot tell the day from the month in '9/10/2022'"):
        parse("9/10/2022", *others)


def test_the_usual_order_yields_to_the_days_of_the_file():
    assert parse("9/10/2022", usual="mdy")[0] == SEPTEMBER_10
    assert parse("10/9/2022", "13/9/2022", usual="mdy")[0] == SEPTEMBER_10
    with pytest.raises(BadRecordError, match="cannot tell"):
        parse("9/10/2022", "9/13/2022", "13/9/2022", usual="mdy")


@pytest.mark.parametrize(
    "text",
    [
        "2022-09-10T11:00:00",
        "9/10/2022 12:00",
        "9/13/2022 11:00",
        "2022-02-30",
        "30-Feb-22",
        "10 вер 2022",
        "1662768001",
        "44814",
        "9/10-2022",
        "",
    ],
)
def test_other_text_is_refused(text):
    with pytest.raises(BadRecordError, match="expected a day such as 2022-09-10"):
        parse(text, "9/13/2022")


DAYS = st.dates(date(1989, 1, 1), date(2024, 12, 31))


@given(DAYS, st.sampled_from(["%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y-%m-%d 00:00:00"]))
def test_every_day_of_a_decided_file_round_trips(day, template):
    decisive = date(2022, 12, 31).strftime(template)
    assert parse(day.strftime(template), decisive)[0] == day
