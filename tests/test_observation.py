"""Observation: gaps, kinds, places and several sources, compared with a count hour by hour."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape import FoxgrapeError, times
from foxgrape.observation import Coverage, Observation

ORIGIN = pd.Timestamp("2022-09-01T00:00Z")
HOUR = pd.Timedelta(hours=1)
_HOUR_US = 3_600_000_000
KINDS, PLACES = ("liberated", "shelled"), ("x:1", "x:2")


def at(hour):
    return ORIGIN + hour * HOUR


def microseconds(hours):
    return times.microseconds(pd.Series([at(hour) for hour in hours], dtype=times.DTYPE))


def some_of(names):
    return st.lists(st.sampled_from(names), max_size=2, unique=True).map(tuple)


spans = st.tuples(st.integers(0, 40), st.integers(1, 20)).map(lambda p: (p[0], sum(p)))
coverages = st.builds(
    lambda span, gaps, kinds, places: (span, gaps, kinds, places),
    spans, st.lists(spans, max_size=2), some_of(KINDS), some_of(PLACES),
)  # fmt: skip


def covered_by(coverage, hour, kind, place):
    """Return whether half an hour after `hour` is recorded, by the definition."""
    (start, end), gaps, kinds, places = coverage
    middle = hour + 0.5
    return (
        start < middle < end
        and not any(first < middle < last for first, last in gaps)
        and (not kinds or kind is None or kind in kinds)
        and (not places or place in places)
    )


@given(
    st.lists(coverages, max_size=3),
    some_of(KINDS),
    st.sampled_from(["x:1", "x:2", "x:3"]),
    st.integers(0, 60),
    st.integers(1, 20),
)
def test_a_window_is_covered_if_each_of_its_hours_is(parts, kinds, place, start, length):
    observation = Observation(
        tuple(
            Coverage(at(a), at(b), tuple((at(c), at(d)) for c, d in gaps), of_kinds, of_places)
            for (a, b), gaps, of_kinds, of_places in parts
        ),
        kinds,
    )
    wanted = kinds or (None,)

    def is_covered(hour):
        return all(any(covered_by(part, hour, kind, place) for part in parts) for kind in wanted)

    expected = all(is_covered(hour) for hour in range(start, start + length))
    places = pd.Series([place])
    begin, end = microseconds([start]), microseconds([start + length])
    assert observation.covers(places, begin, end).tolist() == [expected]
    some = any(is_covered(hour) for hour in range(start, start + length))
    inside = microseconds([start]) + 1, microseconds([start + length]) - 1
    assert observation.overlaps(places, *inside).tolist() == [some]
    until = observation.followed_until(places, begin + 1)[0]
    followed = 0
    while is_covered(start + followed):
        followed += 1
    if followed:
        assert until == microseconds([start + followed])[0]
    else:
        assert until == times.NAT


def test_kinds_must_all_be_recorded_and_sources_complete_each_other():
    """Liberations are recorded to hour 20, shellings from 10 on, by two sources."""
    parts = (
        Coverage(at(0), at(20), kinds=("liberated",)),
        Coverage(at(10), at(40), kinds=("shelled",)),
    )
    both = Observation(parts, ("liberated", "shelled"))
    assert list(both) == [at(10), at(20)]
    assert list(Observation(parts, ("liberated",))) == [at(0), at(20)]
    assert list(Observation(parts)) == [at(0), at(40)]
    assert [len(both), both[0], both[1]] == [2, at(10), at(20)]


def test_days_that_follow_each_other_have_no_gap():
    first = Coverage(at(0), at(24) - pd.Timedelta(1, "us"))
    joined = Observation((first, Coverage(at(24), at(48))))
    assert not joined.has_gaps
    assert Observation((first, Coverage(at(25), at(48)))).has_gaps


def test_an_open_start_covers_all_time_before():
    observation = Observation((Coverage(observed_until=at(5)),))
    assert pd.isna(observation[0])
    assert observation.covers(pd.Series(["x:1"]), microseconds([-10_000]), microseconds([5])).all()
    assert pd.isna(Observation()[1])
    assert not Observation().covers(pd.Series(["x:1"]), microseconds([0]), microseconds([1])).any()


def test_other_bounds_leave_gaps_and_extend_the_last_source_only():
    parts = (
        Coverage(at(0), at(10), source="first"),
        Coverage(at(20), at(30), ((at(22), at(23)),), source="second", guessed=True),
    )
    observation = Observation(parts)
    later = observation.bounded(observed_until=at(50))
    hours = [(0, 10), (20, 22), (23, 50)]
    assert later.spans() == [tuple(microseconds(span)) for span in hours]
    assert (observation.guessed, later.guessed) == (True, False)
    earlier = observation.bounded(observed_until=at(21))
    assert earlier.spans() == [tuple(microseconds(span)) for span in [(0, 10), (20, 21)]]
    in_gap = observation.bounded(observed_until=at(15))
    assert in_gap[1] == at(10)
    assert observation.bounded(at(25))[0] == at(25)
    assert observation.bounded(at(-5)).spans()[0] == tuple(microseconds((-5, 10)))
    assert list(Observation().bounded(at(1), at(2))) == [at(1), at(2)]


@given(coverages, st.booleans(), st.text(max_size=5))
def test_a_coverage_is_read_back_from_json_and_from_a_row(part, guessed, source):
    (start, end), gaps, kinds, places = part
    moments = tuple(sorted((at(c), at(d)) for c, d in gaps))
    coverage = Coverage(at(start), at(end), moments, kinds, places, source, guessed)
    assert Coverage.parse(json.loads(json.dumps(coverage.to_dict()))) == coverage
    assert Coverage.from_row(coverage.to_row()) == coverage


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"observed_until": "2022-09-01"}, "observed_until must be an instant with an offset"),
        ({"observed_from": 5}, "observed_from must be an instant with an offset"),
        ({"observed_util": "2022-09-01T00:00Z"}, "expected observed_from, observed_until, gaps"),
        ({"gaps": ["2022-09-01T00:00Z"]}, "a gap must be START/END"),
        ({"gaps": ["2022-09-02T00:00Z/2022-09-01T00:00Z"]}, "with START before END"),
        ({"gaps": "2022-09-01T00:00Z/2022-09-02T00:00Z"}, "gaps must be a list"),
        ({"kinds": "liberated"}, "kinds must be a list of names"),
        ({"places": [1]}, "places must be a list of names"),
        (
            {"observed_from": "2022-09-02T00:00Z", "observed_until": "2022-09-01T00:00Z"},
            "observed_until must be after observed_from",
        ),
    ],
)
def test_an_invalid_observation_is_refused(values, message):
    with pytest.raises(FoxgrapeError, match=message):
        Coverage.parse(values)


def test_a_coverage_in_words():
    coverage = Coverage(
        at(0), at(240), ((at(24), at(72)),), ("liberated",), ("x:1",), "kyiv.csv"
    )  # fmt: skip
    assert coverage.describe("Europe/Kyiv") == (
        "kyiv.csv: from 1 Sep 2022 until 11 Sep 2022; not from 2 Sep 2022 to 4 Sep 2022; "
        "only liberated; only at 1 place"
    )
    assert Coverage(kinds=tuple("abcdef")).describe("UTC") == (
        "one source: no period stated; only 6 kinds"
    )


def test_an_event_at_a_place_that_is_not_observed_is_outside():
    observation = Observation((Coverage(at(0), at(10), places=("x:1",)),))
    places, when = pd.Series(["x:1", "x:2"]), microseconds([5, 5])
    assert observation.overlaps(places, when, when).tolist() == [True, False]
    assert observation.has_places
    missing = np.array([times.NAT])
    assert not observation.overlaps(pd.Series(["x:1"]), missing, missing).any()
