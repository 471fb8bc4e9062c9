"""Due times at clock changes, checked by hand and against counting minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape.reports.schedule.cron import Cron

KYIV = ZoneInfo("Europe/Kyiv")
# Clocks in Kyiv went from 03:00 to 04:00 on 27 March 2022, and from 04:00 to 03:00 on 30 October.
SPRING, AUTUMN = datetime(2022, 3, 26, 12, tzinfo=UTC), datetime(2022, 10, 29, 12, tzinfo=UTC)


def local_times(expression, start, count):
    times = Cron(expression, "Europe/Kyiv").next_times(start, count)
    return [due.astimezone(KYIV).strftime("%d %H:%M%z") for due in times]


@pytest.mark.parametrize(
    ("expression", "start", "expected"),
    [
        ("30 3 * * *", SPRING, ["27 04:00+0300", "28 03:30+0300"]),
        ("30 3 * * *", AUTUMN, ["30 03:30+0300", "31 03:30+0200"]),
        ("0 3,4 * * *", SPRING, ["27 04:00+0300", "28 03:00+0300"]),
        ("15,45 3 * * *", SPRING, ["27 04:00+0300", "28 03:15+0300"]),
        ("15,45 3 * * *", AUTUMN, ["30 03:15+0300", "30 03:45+0300", "31 03:15+0200"]),
        ("*/30 3 * * *", AUTUMN, ["30 03:00+0300", "30 03:30+0300", "31 03:00+0200"]),
        ("*/30 3 * * *", SPRING, ["27 04:00+0300", "28 03:00+0300"]),
        ("0 */3 * * *", datetime(2022, 3, 26, 23, tzinfo=UTC), ["27 04:00+0300", "27 06:00+0300"]),
        (
            "0 */3 * * *",
            datetime(2022, 10, 29, 22, tzinfo=UTC),
            ["30 03:00+0300", "30 06:00+0200"],
        ),
        # Elapsed time: the repeated hour is due twice.
        (
            "0 * * * *",
            datetime(2022, 10, 29, 23, 30, tzinfo=UTC),
            ["30 03:00+0300", "30 03:00+0200", "30 04:00+0200"],
        ),
        ("0 * * * *", datetime(2022, 3, 27, 0, 30, tzinfo=UTC), ["27 04:00+0300", "27 05:00+0300"]),
        ("0 8 * * MON", SPRING, ["28 08:00+0300"]),
        ("0 8 * * 0", SPRING, ["27 08:00+0300"]),
        ("0 8 29 2 *", SPRING, ["29 08:00+0200"]),
        ("0 8 L * *", SPRING, ["31 08:00+0300"]),
    ],
)
def test_clock_changes_in_kyiv(expression, start, expected):
    assert local_times(expression, start, len(expected)) == expected


def test_nothing_is_due_again_in_the_repeated_hour():
    second = datetime(2022, 10, 30, 1, 10, tzinfo=UTC)  # 03:10 for the second time
    assert local_times("30 3 * * *", second, 1) == ["31 03:30+0200"]
    assert Cron("30 3 * * *", "Europe/Kyiv").last_times(second, 1, SPRING) == [
        datetime(2022, 10, 30, 0, 30, tzinfo=UTC)
    ]


@pytest.mark.parametrize(
    ("expression", "zone", "message"),
    [
        ("0 7 * *", "UTC", "has 4 fields"),
        ("0 0 7 * * *", "UTC", "has 6 fields"),
        ("61 * * * *", "UTC", "minute"),
        ("0 7 * * FUN", "UTC", "day-of-week"),
        ("0 7 31 2 *", "UTC", "day"),
        ("0 7 * * *", "Europe/Kiew", "unknown time zone"),
        ("0 7 * * *", "../etc/passwd", "unknown time zone"),
        ("", "UTC", "has 0 fields"),
    ],
)
def test_an_invalid_expression_or_zone_is_refused(expression, zone, message):
    with pytest.raises(ValueError, match=message):
        Cron(expression, zone)


def test_last_times_is_bounded_on_both_sides():
    daily = Cron("0 7 * * *", "UTC")
    seven = datetime(2022, 9, 10, 7, tzinfo=UTC)
    day = timedelta(days=1)
    assert daily.last_times(seven, 3, seven - 30 * day) == [seven - 2 * day, seven - day, seven]
    assert daily.last_times(seven, 30, seven - day) == [seven - day, seven]
    assert daily.last_times(seven - timedelta(seconds=1), 30, seven) == []
    # As far back as requested, within the range of the calendar.
    monthly = Cron("0 7 1 * *", "UTC")
    assert len(monthly.last_times(seven, 99_999, datetime(1000, 1, 1, tzinfo=UTC))) == 1022 * 12 + 9
    yearly = Cron("0 7 29 2 *", "UTC")
    assert [due.year for due in yearly.last_times(seven, 2, datetime(2000, 1, 1, tzinfo=UTC))] == [
        2016,
        2020,
    ]


FIELDS = st.tuples(
    st.sampled_from(["0", "30", "*/20", "5,50"]),
    st.sampled_from(["*", "3", "2-4", "*/2", "0,3,23"]),
    st.sampled_from(["*", "*", "30,31"]),
    st.just("*"),
    st.sampled_from(["*", "SUN"]),
)


@given(
    FIELDS,
    st.sampled_from(["Europe/Kyiv", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.integers(0, 365 * 24 * 60),
    st.integers(1, 40),
)
def test_next_times_and_last_times_agree(fields, zone, minutes, count):
    cron = Cron(" ".join(fields), zone)
    start = datetime(2022, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    after = cron.next_times(start, count)
    assert after == sorted(set(after))
    assert start < after[0]
    assert cron.last_times(after[-1], count, start + timedelta(microseconds=1)) == after
    # The result does not depend on where iteration starts.
    assert cron.next_times(after[0], count - 1) == after[1:]


@pytest.mark.parametrize("start", [SPRING - timedelta(days=3), AUTUMN - timedelta(days=3)])
@pytest.mark.parametrize("hour", [2, 3, 4])
def test_a_named_time_is_due_once_a_day(start, hour):
    """Reference: the first minute of each day at or after the local time, found by counting."""
    times = Cron(f"30 {hour} * * *", "Europe/Kyiv").next_times(start, 6)
    expected = {}
    for minute in range(7 * 24 * 60):
        local = (start + timedelta(minutes=minute)).astimezone(KYIV)
        if (local.hour, local.minute) >= (hour, 30) and local.date() not in expected:
            expected[local.date()] = local
    del expected[min(expected)]  # counting started in the middle of this day
    assert [due.astimezone(KYIV) for due in times] == list(expected.values())[:6]
