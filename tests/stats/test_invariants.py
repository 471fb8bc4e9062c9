"""Invariance of results under dates, order, ids and unrelated rows; counts equal brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from foxgrape import alarm, coincidence, hazard
from foxgrape.stats import simulate
from foxgrape.stats.alarms.molchan import event_scores
from foxgrape.stats.coincidence.significance import adjust_fdr, p_values
from foxgrape.stats.coincidence.surrogates import NULLS, Surrogates
from foxgrape.stats.hazard import conditional_logit
from foxgrape.stats.hazard.risk_sets import NEVER, risk_sets
from place_worlds import molchan_trajectory

START = pd.Timestamp("2022-01-01T00:00Z")
DAY = pd.Timedelta(days=1)
FEW = settings(max_examples=6)


def small_world(number, rough=0.0):
    """Return a small world with a front, in which every third code was decoded days later."""
    world = simulate.world(
        signals=16, events=30, places=6, days=120, leads=0.3, front=2.5, rough=rough,
        accounts=2, rng=number,
    )  # fmt: skip
    later = world.signals["posted_until"] + pd.to_timedelta(number % 7 + 1, unit="D")
    third = np.arange(len(later)) % 3 == 0
    return world.signals.assign(decoded_at=later.where(third)), world.events


worlds = st.builds(small_world, st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 1.0, 3.0]))


def of_coincidence(tables, null="local"):
    """Return all values but the observation period."""
    result = coincidence(*tables, window=["3D", "9D"], lag="6h", null=null, n=19, by="account")
    values = result.to_dict()
    del values["observed"]
    return values | {"surrogates": result.surrogates.tolist(), "map": result.map_size}


def of_hazard(tables):
    result = hazard(*tables, window=["5D", "9D"])
    return result.to_dict() | {"terms": result.terms.to_dict("records")}


def of_alarm(tables):
    result = alarm(*tables, window=["2D", "8D"], n=19)
    return result.to_dict() | {"scores": result.scores.drop(columns="place_id").to_dict("records")}


def moved(frame, by):
    times = frame.select_dtypes("datetimetz").columns
    return frame.assign(**{name: frame[name] + by for name in times})


def same(values, expected):
    """Assert that all values are equal to the last bit; NaN equals NaN, and NaT equals NaT."""
    assert repr(values) == repr(expected)


@FEW
@given(worlds, st.integers(-60_000, 60_000), st.sampled_from(list(NULLS)))
@example(small_world(1), -30_000, "place")
def test_results_do_not_depend_on_the_date(tables, days, null):
    """Up to a century and a half earlier or later, plus a microsecond; also before 1970."""
    by = pd.Timedelta(days=days, microseconds=1)
    then = tuple(moved(frame, by) for frame in tables)
    same(of_coincidence(tables, null), of_coincidence(then, null))
    same(of_hazard(tables), of_hazard(then))
    same(of_alarm(tables), of_alarm(then))


@FEW
@given(worlds, st.randoms(use_true_random=False), st.sampled_from(list(NULLS)))
def test_results_do_not_depend_on_the_order_of_rows(tables, random, null):
    mixed = [frame.iloc[random.sample(range(len(frame)), len(frame))] for frame in tables]
    before = [frame.copy() for frame in mixed]
    same(of_coincidence(tables, null), of_coincidence(mixed, null))
    same(of_hazard(tables), of_hazard(mixed))
    same(of_alarm(tables), of_alarm(mixed))
    for frame, copy in zip(mixed, before, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


def test_results_do_not_depend_on_the_order_of_coordinates():
    """Events give two coordinates for each place."""
    signals, events = small_world(3)
    events = events.assign(lat=events["lat"] + 0.01 * (np.arange(len(events)) % 2))
    same(of_hazard((signals, events)), of_hazard((signals, events.iloc[::-1])))


@FEW
@given(worlds, st.permutations(range(6)), st.sampled_from(list(NULLS)))
def test_results_do_not_depend_on_place_ids(tables, numbers, null):
    """Only the draws of `alarm` depend on ids: it draws place by place, in their order."""
    names = {f"world:{place}": f"my:{number}" for place, number in enumerate(numbers)}
    called = [frame.assign(place_id=frame["place_id"].map(names)) for frame in tables]
    same(of_coincidence(tables, null), of_coincidence(called, null))
    original, renamed = (hazard(*pair, window="5D") for pair in (tables, called))
    close = {"rel": 1e-6, "abs": 1e-9, "nan_ok": True}
    assert renamed.terms["term"].tolist() == original.terms["term"].tolist()
    assert renamed.ratio == pytest.approx(original.ratio, **close)
    assert renamed.p_value == pytest.approx(original.p_value, **close)
    original, renamed = (alarm(*pair, window=["2D", "8D"], n=19) for pair in (tables, called))
    expected = original.nulls["expected"].to_numpy()
    assert renamed.nulls["expected"].to_numpy() == pytest.approx(expected)
    pd.testing.assert_frame_equal(renamed.windows, original.windows)
    longer = [frame.assign(place_id="my:" + frame["place_id"]) for frame in tables]
    same(of_alarm(tables), of_alarm(longer))


@FEW
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(0, 10_000))
def test_events_and_signals_at_unrelated_places_change_no_count(world, number, seed):
    """Events at a place without signals, and signals for a place without events.

    With exact times only: additional rows change the draws of rough times.
    """
    signals, events = small_world(world)
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(events), number)
    apart = events.iloc[rows].assign(
        event_id=[f"apart{row}" for row in range(number)], place_id="my:events"
    )
    unrelated = signals.iloc[rng.integers(0, len(signals), number)].assign(
        signal_id=[f"apart{row}" for row in range(number)], place_id="my:signals"
    )
    observed = START, START + 120 * DAY

    def counted(signals, events):
        result = coincidence(signals, events, window="9D", null="place", n=1, observed=observed)
        signalled = result.trigger_rate, result.echo_rate
        alarms = alarm(signals, events, window=["2D", "8D"], n=1, observed=observed)
        return (
            np.array(signalled) * result.n_signals,
            result.precursor_rate * result.n_events,
            alarms.windows["hits"].tolist(),
            (alarms.windows["precision"] * alarms.windows["signals"]).fillna(0.0).tolist(),
            hazard(signals, events, window="9D", observed=observed).n_exposed,
        )

    before = counted(signals, events)
    for after in (
        counted(signals, pd.concat([events, apart])),
        counted(pd.concat([signals, unrelated]), events),
    ):
        for mine, theirs in zip(before, after, strict=True):
            assert theirs == pytest.approx(mine)


def tables_of(posted, happened):
    """Return tables in days: a signal is (day, place, days to its decoding or None)."""
    signals = pd.DataFrame(
        {
            "signal_id": [f"s{number}" for number in range(len(posted))],
            "place_id": [f"my:{place}" for _, place, _ in posted],
            "posted_at": [START + day * DAY for day, _, _ in posted],
            "decoded_at": pd.to_datetime(
                [None if late is None else START + (day + late) * DAY for day, _, late in posted],
                utc=True,
            ),
        }
    )
    days = [START + day * DAY for day, _ in happened]
    events = pd.DataFrame(
        {
            "event_id": [f"e{number}" for number in range(len(happened))],
            "place_id": [f"my:{place}" for _, place in happened],
            "occurred_at": days,
            "confirmed_at": days,
        }
    )
    return signals, events


days, sites = st.integers(0, 60), st.integers(0, 2)
posts = st.lists(st.tuples(days, sites, st.none() | st.integers(-3, 20)), min_size=1, max_size=12)
happenings = st.lists(st.tuples(days, sites), min_size=1, max_size=12)
SPAN = START, START + 60 * DAY


def ahead(post, event):
    """Return the days from a post to an event; None elsewhere, or decoded after the event."""
    (day, place, late), (then, where) = post, event
    unread = late is not None and day + late > then
    return None if place != where or unread else then - day


@settings(max_examples=40)
@given(posts, happenings, st.integers(1, 15), st.sampled_from([0, 1, 4]))
def test_rates_equal_counting_all_pairs(posted, happened, window, lag):
    signals, events = tables_of(posted, happened)
    result = coincidence(
        signals, events, window=f"{window}D", lag=f"{lag}D", null="place", n=1, observed=SPAN
    )
    within = np.array(
        [
            [(gap := ahead(post, event)) is not None and 0 <= gap - lag <= window
             for event in happened]
            for post in posted
        ]
    )  # fmt: skip
    echoes = [
        any(place == where and 0 <= day - then <= window for then, where in happened)
        for day, place, _ in posted
    ]
    seen = np.array([day + lag + window <= 60 for day, _, _ in posted])
    assert (result.n_signals, result.n_unfollowed) == (seen.sum(), (~seen).sum())
    if seen.any():  # a signal whose window is not observed counts in no rate
        assert result.trigger_rate == pytest.approx(within[seen].any(axis=1).mean())
        assert result.precursor_rate == pytest.approx(within[seen].any(axis=0).mean())
        assert result.echo_rate == pytest.approx(np.mean(np.array(echoes)[seen]))


@settings(max_examples=40)
@given(posts, happenings, st.integers(1, 15), st.booleans())
def test_risk_sets_and_alarms_equal_counting_all_pairs(posted, happened, window, hindsight):
    """Each day at each place is a cell; an alarm begins with its post or with its decoding."""
    signals, events = tables_of(posted, happened)
    if hindsight:
        posted = [(day, place, None) for day, place, _ in posted]
    risk = risk_sets(signals, events, observed=SPAN)
    since = risk.recency(hindsight=hindsight)
    for row, event_id in enumerate(risk.events):
        then, _ = happened[int(event_id[1:])]
        for column, place in enumerate(risk.places):
            gaps = [ahead(post, (then, int(place[3:]))) for post in posted]
            passed = [gap for gap in gaps if gap is not None and gap > 0]
            expected = min(passed) * DAY // pd.Timedelta(1, "us") if passed else NEVER
            assert since[row, column] == expected
    (row,) = alarm(
        signals, events, window=f"{window}D", n=1, observed=SPAN, hindsight=hindsight
    ).windows.itertuples()
    gaps = [
        [gap for event in happened if (gap := ahead(post, event)) is not None and gap > 0]
        for post in posted
    ]
    over = [day + window <= 60 for day, _, _ in posted]
    followed = [any(gap <= window for gap in ahead_of) for ahead_of in gaps]
    assert row.signals == sum(over)
    if sum(over):
        assert row.precision == pytest.approx(np.mean([f for f, o in zip(followed, over) if o]))  # noqa: B905
    hits = [
        any((gap := ahead(post, event)) is not None and 0 < gap <= window for post in posted)
        for event in happened
    ]
    assert row.hits == sum(hits)
    alarmed = {
        (cell, place)
        for day, place, late in posted
        for cell in range(day + max(late or 0, 0), min(day + window, 60))
    }
    weight = [sum(where == place for _, place in happened) for where in range(3)]
    share = sum(weight[place] for _, place in alarmed) / (60 * len(happened))
    assert row.alarmed == pytest.approx(share)


cells = arrays.arrays(float, 10, elements=st.integers(1, 6).map(float))


@given(cells, cells, st.permutations(range(10)), st.floats(0.01, 100))
def test_area_skill_does_not_depend_on_order_unit_or_cell_size(level, measure, order, scale):
    """Cells are permuted, measured in another unit, and split into halves."""

    def skill(level, measure, hits):
        alarmed, event_level = molchan_trajectory(level, measure, hits)
        return event_scores(alarmed[None], event_level[None]).mean()

    hits = np.arange(10) % 3
    expected = pytest.approx(skill(level, measure, hits))
    order = np.array(order)
    assert skill(level[order], measure[order], hits[order]) == expected
    assert skill(level, scale * measure, 7 * hits) == expected
    # Only the ranks of the cells matter.
    assert skill(np.exp(level), measure, hits) == expected
    halves = np.tile(level, 2), np.tile(measure / 2, 2), np.concatenate([hits, 0 * hits])
    assert skill(*halves) == expected


drawn = arrays.arrays(float, (9, 2, 1, 2), elements=st.integers(0, 4).map(float))


@given(drawn, st.floats(0.1, 50), st.floats(-50, 50), st.permutations(range(8)))
def test_p_does_not_depend_on_unit_or_order_of_surrogates(values, scale, shift, order):
    before = p_values(Surrogates(values[0], values[1:]))
    after = p_values(Surrogates(scale * values[0] + shift, scale * values[1:][order] + shift))
    for mine, theirs in zip(before, after, strict=True):
        np.testing.assert_allclose(theirs, mine)
        assert (mine >= 1 / 9).all()
        assert (mine <= 1).all()
    assert (before[1].min(axis=0) >= before[0].min(axis=0)).all()


@given(
    arrays.arrays(float, 6, elements=st.floats(0, 1) | st.just(np.nan)), st.permutations(range(6))
)
def test_fdr_does_not_depend_on_order_and_lowers_no_p(p, order):
    q = adjust_fdr(p)
    np.testing.assert_array_equal(adjust_fdr(p[order]), q[order])
    known = ~np.isnan(p)
    assert (np.isnan(q) == ~known).all()
    assert (q[known] >= p[known]).all()
    assert (q[known] <= 1).all()


@FEW
@given(st.integers(0, 10_000))
def test_the_fit_does_not_depend_on_what_all_places_share(number):
    """A constant added to a term at all places of an event, or duplicated data, change nothing."""
    rng = np.random.default_rng(number)
    terms, case = rng.normal(size=(2, 30, 4)), rng.integers(0, 4, 30)
    single = conditional_logit.fit_logit(terms, case)
    shifted = conditional_logit.fit_logit(terms + rng.normal(size=(2, 30, 1)), case)
    twice = conditional_logit.fit_logit(np.tile(terms, (1, 2, 1)), np.tile(case, 2))
    for fitted, times in ((shifted, 1), (twice, 2)):
        assert fitted.beta == pytest.approx(single.beta, abs=1e-3)
        assert fitted.log_likelihood == pytest.approx(times * single.log_likelihood, abs=1e-5)
        np.testing.assert_allclose(fitted.information, times * single.information, rtol=1e-2)
