"""A test that is repeated while data come in claims falsely in at most 5% of all series."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from foxgrape import coincidence, open_study, simulate
from foxgrape.errors import FoxgrapeError
from foxgrape.stats.coincidence.repeated import _levels, repeated_level, spent
from foxgrape.stats.coincidence.significance import p_values
from foxgrape.stats.coincidence.surrogates import draw_surrogates
from foxgrape.stats.power import simulate_pattern
from foxgrape.stats.simulate import make_arrays

END = "2023-01-01T00:00Z"


@pytest.fixture(scope="module")
def world():
    return simulate.world(leads=0.5, rng=1)


def test_error_is_spent_late_and_is_3_percent_in_all():
    # 2 (1 - Phi(2.170090 / sqrt(t))), from a table of the normal distribution.
    assert spent(np.array([0.25, 0.5, 0.75, 1.0])) == pytest.approx(
        [1.425e-5, 2.147e-3, 0.012211, 0.03], rel=2e-3
    )


def test_levels_of_a_case_computed_by_hand():
    # Ten rows, two readings, 10% and then 30% in all: one row may claim first, then two more.
    first = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) / 10
    second = np.array([1, 5, 2, 3, 4, 6, 7, 8, 9, 10]) / 10
    levels = _levels(np.column_stack([first, second]), np.array([0.1, 0.3]))
    # The row with 0.1 has claimed; of the others, those with 0.2 and 0.3 may.
    assert levels == [0.1, 0.3]


def test_a_level_is_kept_when_nothing_more_is_spent():
    p = np.column_stack([np.arange(1, 11) / 10] * 3)
    assert _levels(p, np.array([0.2, 0.2, 0.25])) == [0.2, 0.2, 0.2]


def test_rows_with_equal_p_claim_together_or_not_at_all():
    tied = np.array([[0.2], [0.2], [0.3], [0.4], [0.5], [0.6], [0.7], [0.8], [0.9], [1.0]])
    assert _levels(tied, np.array([0.1])) == [0.0]
    assert _levels(tied, np.array([0.2])) == [0.2]


@given(
    arrays.arrays(float, (40, 5), elements=st.integers(1, 40).map(lambda k: k / 40)),
    st.lists(st.floats(0, 1), min_size=5, max_size=5).map(sorted),
)
def test_no_reading_exceeds_what_is_spent(p, budgets):
    levels = _levels(p, np.array(budgets))
    claims = np.logical_or.accumulate(p <= levels, axis=1).mean(axis=0)
    assert (claims <= np.array(budgets) + 1e-9).all()


def test_a_single_reading_at_the_planned_end_has_all_that_may_be_spent():
    world = make_arrays(np.random.default_rng(3), signals=60, events=600, places=5)
    posted = np.linspace(354.6, 357.9, 60)
    pattern = simulate_pattern(world._replace(posted=(posted, posted)), (7.0,))
    end = pattern.observed[0] + pd.Timedelta(days=358)
    assert repeated_level(pattern, "place", end, n=1999) == pytest.approx(0.03, abs=0.005)


def test_a_claim_needs_less_the_nearer_the_planned_end(world):
    def level(until):
        return coincidence(
            world.signals, world.events, window="7D", n=1999, observed=world.observed,
            repeated_until=until,
        ).level  # fmt: skip

    levels = [level(f"{year}-01-01T00:00Z") for year in (2023, 2024, 2025, 2030)]
    assert levels == sorted(levels, reverse=True)
    assert 0.01 < levels[0] < 0.03
    assert levels[-1] == 0.0


def test_result_says_which_p_is_a_claim(world):
    options = {"window": "7D", "n": 999, "observed": world.observed}
    once = coincidence(world.signals, world.events, **options)
    repeated = coincidence(world.signals, world.events, **options, repeated_until=END)
    assert repeated.p_trigger == once.p_trigger
    assert repeated.claim == "More than chance"
    assert f"at most {repeated.level:.2g} is a claim" in repeated.sentence()
    assert "until 1 Jan 2023" in repeated.sentence()
    assert replace(repeated, p_trigger=0.049).claim == "No claim yet"
    assert replace(repeated, p_trigger=0.051).claim == "Consistent with chance"
    assert repeated.to_dict()["repeated_until"].startswith("2023-01-01")
    far = coincidence(world.signals, world.events, **options, repeated_until="2030-01-01T00:00Z")
    assert far.claim == "No claim yet"
    assert "no p is a claim yet" in far.sentence()


def test_data_after_the_planned_end_claim_nothing_and_say_so(world):
    result = coincidence(
        world.signals, world.events, window="7D", n=99, observed=world.observed,
        repeated_until="2022-06-01T00:00Z",
    )  # fmt: skip
    assert (result.level, result.claim) == (0.0, "No claim")
    assert "no p is a claim, because the test was to be repeated until 1 Jun 2022" in (
        result.sentence()
    )
    assert any("planned until 1 Jun 2022" in line for line in result.warnings)


def test_a_group_claims_only_what_the_level_of_the_repeated_test_allows():
    world = simulate.world(leads=0.9, rng=1, signals=120)
    options = {"window": "7D", "n": 999, "observed": world.observed, "by": "account"}
    once, far = (
        coincidence(world.signals, world.events, **options, repeated_until=until)
        for until in (None, "2030-01-01T00:00Z")
    )
    assert [once.claim_of(q, 120) for q in once.p_adjusted] == ["More than chance"]
    assert [far.claim_of(q, 120) for q in far.p_adjusted] == ["No claim yet"]


def test_null_models_with_new_times_cannot_be_repeated(world):
    with pytest.raises(FoxgrapeError, match="exchange places") as caught:
        coincidence(world.signals, world.events, window="7D", null="uniform", repeated_until=END)
    assert "place or local" in str(caught.value)


def test_an_analysis_repeats_its_test_until_the_end_that_its_study_states():
    analysis = replace(open_study(), repeated_until="2030-01-01T00:00Z").analyse()
    assert analysis.coincidence(n=19).repeated_until == pd.Timestamp("2030-01-01", tz="UTC")
    assert analysis.coincidence(n=19, null="uniform").repeated_until is None
    assert open_study().analyse().coincidence(n=19).repeated_until is None


@pytest.mark.slow
def test_series_of_readings_claim_no_more_often_than_a_single_test():
    """In 60 worlds without leads, read 20 times each; `make calibrate` has more."""
    single, ever, ever_at_5 = 0, 0, 0
    for number in range(60):
        world = make_arrays(np.random.default_rng(number), signals=60, events=120, places=25)
        claims, naive = [], []
        for day in range(175, 366, 10):
            pattern = simulate_pattern(_until(world, day), (7.0,), day)
            p = p_values(draw_surrogates(pattern, "place", 999, number))[1][0, -1, 0]
            end = pattern.observed[0] + pd.Timedelta(days=358)
            naive.append(p <= 0.05)
            claims.append(p <= 0.05 and p <= repeated_level(pattern, "place", end, n=999))
        single += naive[-1]
        ever += any(claims)
        ever_at_5 += any(naive)
    assert ever <= 7  # of 60: P(more than 7 | 5%) = 1.5%
    assert ever_at_5 > ever


def _until(world, day):
    """Return what is known of a world on a day: events so far, signals a week before."""
    posted, happened = world.posted[1] <= day - 7, world.happened[1] <= day
    return world._replace(
        posted=tuple(times[posted] for times in world.posted),
        place=world.place[posted],
        happened=tuple(times[happened] for times in world.happened),
        event_place=world.event_place[happened],
    )
