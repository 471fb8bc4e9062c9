"""Parsing of times to intervals of their precision, and the relations that intervals prove."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape import FoxgrapeError, times


@pytest.mark.parametrize(
    ("text", "zone", "earliest", "latest"),
    [
        ("2022", "UTC", "2022-01-01T00:00:00", "2022-12-31T23:59:59.999999"),
        ("2024-02", "UTC", "2024-02-01T00:00:00", "2024-02-29T23:59:59.999999"),
        ("2022-12", "UTC", "2022-12-01T00:00:00", "2022-12-31T23:59:59.999999"),
        # A day in Kyiv: three hours ahead of UTC in summer, two in winter.
        ("2022-09-10", "Europe/Kyiv", "2022-09-09T21:00:00", "2022-09-10T20:59:59.999999"),
        ("2022-11-10", "Europe/Kyiv", "2022-11-09T22:00:00", "2022-11-10T21:59:59.999999"),
        # The day on which clocks go back has 25 hours, the one on which they go forward 23.
        ("2022-10-30", "Europe/Kyiv", "2022-10-29T21:00:00", "2022-10-30T21:59:59.999999"),
        ("2022-03-27", "Europe/Kyiv", "2022-03-26T22:00:00", "2022-03-27T20:59:59.999999"),
        ("2022-09-10T12", "UTC", "2022-09-10T12:00:00", "2022-09-10T12:59:59.999999"),
        ("2022-09-10 12:16Z", None, "2022-09-10T12:16:00", "2022-09-10T12:16:59.999999"),
        ("2022-09-10T15:16:05+03:00", None, "2022-09-10T12:16:05", "2022-09-10T12:16:05.999999"),
        ("2022-09-10T12:16:05.1Z", None, "2022-09-10T12:16:05.1", "2022-09-10T12:16:05.199999"),
        ("2022-09-10T12:16:05.123456Z", None, *["2022-09-10T12:16:05.123456"] * 2),
        # Clocks went back on 30 October: the hour from three to four came twice.
        ("2022-10-30T03", "Europe/Kyiv", "2022-10-30T00:00:00", "2022-10-30T01:59:59.999999"),
        ("2022-10-30T03:30", "Europe/Kyiv", "2022-10-30T00:30:00", "2022-10-30T01:30:59.999999"),
        ("2022-10-30T03:59:59", "Europe/Kyiv", "2022-10-30T00:59:59", "2022-10-30T01:59:59.999999"),
        # Midnight of 6 November came twice in Havana; that of 27 March did not exist in Beirut.
        ("2022-11-06", "America/Havana", "2022-11-06T04:00:00", "2022-11-07T04:59:59.999999"),
        ("2022-03-27", "Asia/Beirut", "2022-03-26T22:00:00", "2022-03-27T20:59:59.999999"),
    ],
)
def test_a_stated_time_is_as_wide_as_its_precision(text, zone, earliest, latest):
    expected = tuple(datetime.fromisoformat(end).replace(tzinfo=UTC) for end in (earliest, latest))
    assert times.parse_stated_time(text, zone) == expected
    assert times.parse_stated_time(f" {text} ", zone) == expected
    assert all(end.tzinfo is UTC for end in times.parse_stated_time(text, zone))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *(
            (text, f"not an ISO 8601 time: {text!r}")
            for text in ("10.09.2022", "2022-9-10", "", "2022-09-10T12:16:05,1Z", "2022-09-10 z")
        ),
        ("2022-13", "month must be in 1..12"),
        ("2022-02-30", "day is out of range for month"),
        ("2022-09-10T25:00Z", "hour must be in 0..23"),
    ],
)
def test_a_text_that_is_not_iso_8601_is_rejected(text, message):
    for parse in (times.parse_stated_time, times.parse_clock_time):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            parse(text, "UTC")


def test_a_time_without_offset_needs_a_zone():
    message = r"^neither an offset nor a time zone is given for '2022'$"
    for parse in (times.parse_stated_time, times.parse_clock_time):
        with pytest.raises(ValueError, match=message):
            parse("2022")


@pytest.mark.parametrize(
    "text",
    [
        "9999-12",
        "9999-12-31",
        "9999-12-31T23:59:59.999999Z",
        "0001-01-01T00:00:00+03:00",
        "0001-01-01T00:00:00.5+03:00",
    ],
)
def test_a_time_beyond_the_calendar_is_rejected(text):
    """Python raises OverflowError there, which readers do not expect."""
    message = re.escape(f"date out of range: {text!r}")
    for parse in (times.parse_stated_time, times.parse_clock_time):
        with pytest.raises(ValueError, match=f"^{message}$"):
            parse(text, "UTC")
    if text.startswith("0001"):
        with pytest.raises(ValueError, match=f"^{message}$"):
            times.parse_instant(text)
    assert (
        times.parse_stated_time("9999-11", "UTC")[1].isoformat()
        == "9999-11-30T23:59:59.999999+00:00"
    )


@pytest.mark.parametrize(
    ("text", "zone", "first", "last"),
    [
        # A time with seconds is exact; another is as exact as its last unit.
        ("2022-09-10T15:16:05", "Europe/Kyiv", *["2022-09-10T12:16:05"] * 2),
        (" 2022-09-10 15:16:05.25 ", "Europe/Kyiv", *["2022-09-10T12:16:05.25"] * 2),
        ("2022-09-10T15:16:05+03:00", None, *["2022-09-10T12:16:05"] * 2),
        # An offset wins over the zone.
        ("2022-09-10T15:16:05+0300", "America/Lima", *["2022-09-10T12:16:05"] * 2),
        ("2022-09-10T15:16", "Europe/Kyiv", "2022-09-10T12:16:00", "2022-09-10T12:16:59.999999"),
        ("2022-09-10T15:16+03:00", None, "2022-09-10T12:16:00", "2022-09-10T12:16:59.999999"),
        ("2022-09-10T15", "Europe/Kyiv", "2022-09-10T12:00:00", "2022-09-10T12:59:59.999999"),
        ("2022-09-10", "Europe/Kyiv", "2022-09-09T21:00:00", "2022-09-10T20:59:59.999999"),
        ("2022-10-30", "Europe/Kyiv", "2022-10-29T21:00:00", "2022-10-30T21:59:59.999999"),
        ("2022", "UTC", "2022-01-01T00:00:00", "2022-12-31T23:59:59.999999"),
        # Clocks went back on 30 October and showed the hour from three to four twice.
        ("2022-10-30T02:59:59", "Europe/Kyiv", *["2022-10-29T23:59:59"] * 2),
        ("2022-10-30T03:30:00", "Europe/Kyiv", "2022-10-30T00:30:00", "2022-10-30T01:30:00"),
        ("2022-10-30T03:30", "Europe/Kyiv", "2022-10-30T00:30:00", "2022-10-30T01:30:59.999999"),
        ("2022-10-30T03:59", "Europe/Kyiv", "2022-10-30T00:59:00", "2022-10-30T01:59:59.999999"),
        ("2022-10-30T03", "Europe/Kyiv", "2022-10-30T00:00:00", "2022-10-30T01:59:59.999999"),
        ("2022-10-30T04:00:00", "Europe/Kyiv", *["2022-10-30T02:00:00"] * 2),
    ],
)
def test_a_clock_time_with_seconds_is_exact_unless_shown_twice(text, zone, first, last):
    expected = tuple(datetime.fromisoformat(end).replace(tzinfo=UTC) for end in (first, last))
    assert times.parse_clock_time(text, zone) == expected
    assert all(end.tzinfo is UTC for end in times.parse_clock_time(text, zone))


@pytest.mark.parametrize("text", ["2022-03-27T03:00:00", "2022-03-27T03:30", "2022-03-27T03"])
def test_a_time_that_clocks_skipped_is_rejected(text):
    """Clocks in Kyiv went forward from three to four on 27 March."""
    message = f"{text!r} does not exist in Europe/Kyiv: clocks went forward over it"
    for parse in (times.parse_stated_time, times.parse_clock_time):
        with pytest.raises(ValueError, match=f"^{message}$"):
            parse(text, "Europe/Kyiv")
    assert times.parse_clock_time(text, "UTC")[0].hour == 3


def test_an_instant_needs_its_offset():
    assert times.parse_instant(" 2022-09-10T15:00:00+03:00 ") == datetime(
        2022, 9, 10, 12, tzinfo=UTC
    )
    assert times.parse_instant("2022-09-10T15:00:00+03:00").tzinfo is UTC
    with pytest.raises(ValueError, match=r"^no offset in '2022-09-10 12:00'$"):
        times.parse_instant("2022-09-10 12:00")


def test_the_default_clock_is_confirmed_where_any_event_was_confirmed():
    some = pd.DataFrame({"confirmed_at": [pd.NaT, pd.Timestamp("2022-09-11T00:00Z")]})
    none = some.iloc[:1]
    assert [times.resolve_clock(part, None) for part in (some, none)] == ["confirmed", "occurred"]
    for clock in times.CLOCKS:
        assert [times.resolve_clock(part, clock) for part in (some, none)] == [clock] * 2
    with pytest.raises(FoxgrapeError) as error:
        times.resolve_clock(some, "confirmd")
    assert str(error.value) == "unknown clock; got 'confirmd'. Hint: did you mean 'confirmed'?"


def test_durations_in_days():
    days = times.in_days(pd.Series(pd.to_timedelta(["36h", "-12h", None, "1us"])))
    assert days.iloc[:2].tolist() == [1.5, -0.5]
    assert np.isnan(days.iloc[2])
    assert days.iloc[3] == pytest.approx(1 / 86_400e6)


@given(st.lists(st.integers(-(10**15), 10**15), max_size=20))
def test_durations_survive_conversion_to_days_and_back_to_the_microsecond(ticks):
    durations = pd.Series(pd.to_timedelta(ticks, unit="us").as_unit("us"))
    back = times.from_days(times.in_days(durations).to_numpy())
    assert (back.dtype, back.tolist()) == ("timedelta64[us]", durations.to_numpy().tolist())
    assert [times.from_days(days) for days in times.in_days(durations)] == durations.tolist()


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_microseconds_do_not_depend_on_the_unit_of_the_column(unit):
    column = pd.Series(pd.to_datetime(["2022-09-10T12:00:00Z", None])).dt.as_unit(unit)
    since = datetime(2022, 9, 10, 12, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    expected = [since // timedelta(microseconds=1), np.iinfo(np.int64).min]
    assert times.microseconds(column).tolist() == expected


def relation(posted, occurred, confirmed):
    """Return the relation of three intervals, given as pairs of numbers."""
    ends = [tuple(np.array([end]) for end in pair) for pair in (posted, occurred, confirmed)]
    return times.RELATIONS[times.relations(*ends)[0]]


NEVER = (np.iinfo(np.int64).min,) * 2


@pytest.mark.parametrize(
    ("posted", "occurred", "confirmed", "expected"),
    [
        ((1, 2), (3, 4), (5, 6), "anticipates"),
        ((1, 2), (2, 4), (5, 6), "precedes"),  # they may touch, so the order is not certain
        ((3, 3), (1, 2), (4, 5), "announces"),
        ((2, 3), (1, 2), (4, 5), "precedes"),  # it may have occurred at the instant of the post
        ((1, 4), (2, 3), (5, 6), "precedes"),  # before or after it occurred is open
        ((1, 5), (2, 3), (5, 6), "undetermined"),  # the post may be at the confirmation
        ((6, 7), (1, 2), (3, 6), "undetermined"),
        ((7, 8), (1, 2), (3, 6), "follows"),
        ((4, 4), (1, 1), (4, 4), "undetermined"),  # exact and equal, so neither came first
        # The confirmation is known roughly, but the post is certainly before the event.
        ((2, 3), (4, 5), (1, 9), "anticipates"),
        # Without a confirmation, a post before or after the event is certain.
        ((1, 2), (3, 4), NEVER, "anticipates"),
        ((5, 6), (3, 4), NEVER, "follows"),
        ((4, 6), (3, 4), NEVER, "undetermined"),
        ((3, 6), (3, 4), NEVER, "undetermined"),
    ],
)
def test_a_relation_is_the_strongest_certain_claim(posted, occurred, confirmed, expected):
    assert relation(posted, occurred, confirmed) == expected


ends = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda pair: tuple(sorted(pair)))


@given(ends, ends, ends)
def test_a_relation_holds_for_every_pair_of_instants(posted, occurred, confirmed):
    """The relation is true for any choice of instants in the intervals."""
    if confirmed[1] < occurred[0]:
        return  # the schema rejects an event confirmed before it occurred
    proved = relation(posted, occurred, confirmed)
    true_of_all = {
        "anticipates": posted[1] < occurred[0],
        "announces": posted[0] > occurred[1] and posted[1] < confirmed[0],
        "precedes": posted[1] < confirmed[0],
        "follows": posted[0] > confirmed[1],
        "undetermined": True,
    }
    assert true_of_all[proved]
    if proved in {"precedes", "undetermined"}:
        stronger = ["anticipates", "announces"] + (["precedes"] if proved == "undetermined" else [])
        assert not any(true_of_all[name] for name in stronger)
        assert proved == "precedes" or not true_of_all["follows"]


@given(ends, ends, ends, st.integers(-1000, 1000))
def test_a_relation_does_not_depend_on_the_origin_of_time(posted, occurred, confirmed, shift):
    moved = [tuple(end + shift for end in pair) for pair in (posted, occurred, confirmed)]
    assert relation(*moved) == relation(posted, occurred, confirmed)
