"""When a schedule is due: by hand on the days of clock changes, and against counting minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape.reports.schedule.cron import Cron

KYIV = ZoneInfo("Europe/Kyiv")
# In Kyiv clocks went from 03:00 to 04:00 on 27 March 2022, and from 04:00 to 03:00 on 30 October.
SPRING, AUTUMN = datetime(2022, 3, 26, 12, tzinfo=UTC), datetime(2022, 10, 29, 12, tzinfo=UTC)


def shown(expression, start, count):
    found = Cron(expression, "Europe/Kyiv").after(start, count)
    return [due.astimezone(KYIV).strftime("%d %H:%M%z") for due in found]


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
        # Each real hour is another one, whatever it is called.
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
    assert shown(expression, start, len(expected)) == expected


def test_within_the_hour_that_comes_twice_nothing_comes_again():
    second = datetime(2022, 10, 30, 1, 10, tzinfo=UTC)  # 03:10 for the second time
    assert shown("30 3 * * *", second, 1) == ["31 03:30+0200"]
    assert Cron("30 3 * * *", "Europe/Kyiv").until(second, 1, SPRING) == [
        datetime(2022, 10, 30, 0, 30, tzinfo=UTC)
    ]


@pytest.mark.parametrize(
    ("expression", "zone", "says"),
    [
        ("0 7 * *", "UTC", "it has 4 fields"),
        ("0 0 7 * * *", "UTC", "it has 6 fields"),
        ("61 * * * *", "UTC", "minute"),
        ("0 7 * * FUN", "UTC", "day-of-week"),
        ("0 7 31 2 *", "UTC", "day"),
        ("0 7 * * *", "Europe/Kiew", "unknown time zone"),
        ("0 7 * * *", "../etc/passwd", "unknown time zone"),
        ("", "UTC", "it has 0 fields"),
    ],
)
def test_what_is_never_due_is_refused(expression, zone, says):
    with pytest.raises(ValueError, match=says):
        Cron(expression, zone)


def test_until_is_bounded_on_both_sides():
    daily = Cron("0 7 * * *", "UTC")
    seven = datetime(2022, 9, 10, 7, tzinfo=UTC)
    day = timedelta(days=1)
    assert daily.until(seven, 3, seven - 30 * day) == [seven - 2 * day, seven - day, seven]
    assert daily.until(seven, 30, seven - day) == [seven - day, seven]
    assert daily.until(seven - timedelta(seconds=1), 30, seven) == []
    # As far back as is asked, and not beyond what a calendar has.
    monthly = Cron("0 7 1 * *", "UTC")
    assert len(monthly.until(seven, 99_999, datetime(1000, 1, 1, tzinfo=UTC))) == 1022 * 12 + 9
    yearly = Cron("0 7 29 2 *", "UTC")
    assert [due.year for due in yearly.until(seven, 2, datetime(2000, 1, 1, tzinfo=UTC))] == [
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
def test_forwards_and_backwards_are_one_list(fields, zone, minutes, count):
    cron = Cron(" ".join(fields), zone)
    start = datetime(2022, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    after = cron.after(start, count)
    assert after == sorted(set(after))
    assert start < after[0]
    assert cron.until(after[-1], count, start + timedelta(microseconds=1)) == after
    # Where the walk begins does not matter.
    assert cron.after(after[0], count - 1) == after[1:]


@pytest.mark.parametrize("start", [SPRING - timedelta(days=3), AUTUMN - timedelta(days=3)])
@pytest.mark.parametrize("hour", [2, 3, 4])
def test_a_named_time_comes_once_on_each_day(start, hour):
    """Counted minute by minute: the first minute at which the wall shows the time, or later."""
    found = Cron(f"30 {hour} * * *", "Europe/Kyiv").after(start, 6)
    expected = {}
    for minute in range(7 * 24 * 60):
        wall = (start + timedelta(minutes=minute)).astimezone(KYIV)
        if (wall.hour, wall.minute) >= (hour, 30) and wall.date() not in expected:
            expected[wall.date()] = wall
    del expected[min(expected)]  # the walk began in the middle of it
    assert [due.astimezone(KYIV) for due in found] == list(expected.values())[:6]
