"""Hazard: risk sets, certain orders, hindsight, unlocated places, the front, several windows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from foxgrape import FoxgrapeError, hazard, open_study
from foxgrape.stats.hazard import conditional_logit
from foxgrape.stats.hazard.risk_sets import (
    DAY,
    FRONT,
    NEVER,
    _smooth_in_time,
    build_covariates,
    fit_baseline,
    risk_sets,
)
from foxgrape.stats.inputs import duration_us
from place_worlds import days, events, moving, planted, signals


def test_choice_model_matches_hand_calculation():
    """The exposed of two places had the event three times in four: the ratio is 3."""
    exposed = np.array([[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    best = conditional_logit.fit_logit(exposed, np.zeros(4, dtype=int))
    assert np.exp(best.beta[0]) == pytest.approx(3)
    assert best.log_likelihood == pytest.approx(3 * np.log(3 / 4) + np.log(1 / 4))
    # Information: four times p (1 - p).
    assert best.information[0, 0] == pytest.approx(0.75)
    assert conditional_logit.fit_logit(
        exposed[:0], np.zeros(4, dtype=int)
    ).log_likelihood == pytest.approx(4 * np.log(0.5))


def test_a_fit_of_many_events_starts_from_a_sample():
    """Four events repeated 500 times, and as many events that separate the places."""
    exposed = np.array([[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    never = np.zeros(2000, dtype=int)
    best = conditional_logit.fit_logit(np.tile(exposed, (1, 500, 1)), never)
    assert np.exp(best.beta[0]) == pytest.approx(3)
    assert best.bounded
    apart = np.tile(np.array([[[1.0, 0.0]]]), (1, 2000, 1))
    assert not conditional_logit.fit_logit(apart, never).bounded


def test_profile_bounds_are_where_the_likelihood_has_dropped():
    rng = np.random.default_rng(3)
    terms = rng.normal(size=(3, 40, 6))
    case = rng.integers(0, 6, 40)
    best = conditional_logit.fit_logit(terms, case)
    for side in (-1, 1):
        bound = conditional_logit.profile_bound(terms, case, best, drop=1.92, side=side)

        def loss(rest, bound=bound):
            score = np.tensordot(np.concatenate([[bound], rest]), terms, axes=1)
            return -(score[np.arange(40), case] - np.log(np.exp(score).sum(axis=1))).sum()

        peer = minimize(loss, best.beta[1:]).fun
        assert best.log_likelihood + peer == pytest.approx(1.92, abs=5e-3)
        assert side * (bound - best.beta[0]) > 0


def test_a_separated_term_is_infinite_with_a_finite_lower_bound():
    exposed = np.zeros((1, 8, 4))
    exposed[0, :, 0] = 1
    best = conditional_logit.fit_logit(exposed, np.zeros(8, dtype=int))
    assert not best.bounded
    assert (
        conditional_logit.profile_bound(exposed, np.zeros(8, dtype=int), best, drop=1.92, side=1)
        == np.inf
    )
    low = conditional_logit.profile_bound(exposed, np.zeros(8, dtype=int), best, drop=1.92, side=-1)
    # 8 log(r / (r + 3)) = -1.92 at the bound.
    share = np.exp(-1.92 / 8)
    assert np.exp(low) == pytest.approx(3 * share / (1 - share), rel=2e-2)


def test_only_a_certain_order_counts_for_any_place():
    """The signal ends on day 1; the event begins at that instant, or 1 µs later."""
    for tick, ago in ((0, NEVER), (1, 1)):
        event_table = events([1, 5], [0, 1])
        event_table["occurred_at"] += pd.Timedelta(tick, "us")
        event_table["confirmed_at"] = event_table["occurred_at"]
        event_table["confirmed_until"] = event_table["confirmed_at"] + pd.Timedelta("1D")
        rough = signals([0.5], [0], posted_until=days([1]))
        since = risk_sets(rough, event_table).recency()
        assert since[0, 0] == ago
        assert since[1].tolist() == [4 * DAY + tick, NEVER]


@pytest.mark.parametrize(("lead", "exposed"), [(7, 1), (7 + 1e-6, 0), (0, 0), (1e-6, 1)])
def test_the_window_includes_its_far_end_and_not_its_near_one(lead, exposed):
    event_table = hazard(
        signals([10 - lead, 1], [0, 1]), events([10, 12, 1], [0, 1, 2]), window="7D"
    )
    assert event_table.n_exposed == exposed


def test_a_code_decoded_after_the_confirmation_counts_for_no_place():
    event_table = events([10, 11], [0, 1])
    late = signals([9], [0], decoded_at=days([10.5]))
    risk = risk_sets(late, event_table)
    # The code was decoded after the first event was confirmed and before the second.
    assert risk.recency()[:, 0].tolist() == [NEVER, 2 * DAY]
    assert risk.recency(hindsight=True)[:, 0].tolist() == [DAY, 2 * DAY]
    assert risk.count_hindsight(7 * DAY) == 1
    result = hazard(late, event_table, window="7D")
    assert (result.n_exposed, result.n_hindsight) == (0, 1)
    assert hazard(late, event_table, window="7D", hindsight=True).n_exposed == 1


def test_clock_and_observation_select_events():
    event_table = events([10, 20, 30], [0, 1, 0])
    event_table["confirmed_at"] = [*days([12, 22]), pd.NaT]
    event_table["confirmed_until"] = event_table["confirmed_at"]
    assert hazard(signals([9], [0]), event_table, window="5D").n_events == 2
    assert hazard(signals([9], [0]), event_table, window="5D").n_left_out == 1
    assert hazard(signals([9], [0]), event_table, window="5D", clock="occurred").n_events == 3
    part = ("2022-03-02T00:00Z", "2022-03-15T00:00Z")
    assert hazard(signals([9], [0]), event_table, window="5D", observed=part).n_events == 1


@pytest.mark.parametrize(
    "options",
    [
        {"window": "soon"},
        {"window": "7D", "history": "-1D"},
        {"window": 7},
        {"window": "1ns"},
        {"window": "7D", "observed": 2022},
        {"window": "7D", "clock": "wall"},
        {"window": "7D", "observed": ("2022-03-01", "2022-04-01")},
        {"window": "7D", "observed": ("2022-04-01T00:00Z", "2022-03-01T00:00Z")},
        {"window": "7D", "observed": ("2022-04-01T00:00Z",)},
    ],
)
def test_invalid_options_are_refused(options):
    with pytest.raises(FoxgrapeError) as refused:
        hazard(*planted(), **options)
    assert "\n" not in str(refused.value)
    assert duration_us("36h", "window") == 1.5 * DAY


def test_smoothing_in_time_equals_the_direct_sum():
    """Longer than one chunk, with ties, and instants in any order."""
    rng = np.random.default_rng(4)
    when = np.round(rng.uniform(0, 5000, 60))
    place = rng.integers(0, 3, 60)
    at = rng.permutation(np.concatenate([when[:20], rng.uniform(0, 5000, 20)]))
    smooth = _smooth_in_time(at, when, place, 3, 2.0)
    plain = np.exp(-np.abs(at[:, None] - when) / 2.0) @ np.eye(3)[place]
    assert smooth == pytest.approx(plain, abs=1e-12)


def test_front_terms_leave_the_event_itself_out():
    """Two events far apart in time have nothing near them, so the terms are dropped."""
    risk = risk_sets(signals([0], [2]), events([100, 900], [0, 1], lat=[48.0, 49.0], lon=30.0))
    around = build_covariates(risk, window=7 * DAY, history=30 * DAY)
    assert not any(name.startswith(FRONT) for name in around.names)


def test_distances_are_great_circles_and_unlocated_places_are_kept():
    event_table = events([1, 2, 3], [0, 1, 2], lat=[0.0, 0.0, np.nan], lon=[0.0, 90.0, np.nan])
    risk = risk_sets(signals([0], [0]), event_table)
    assert risk.distance[0, 1] == pytest.approx(6371 * np.pi / 2)
    assert np.isnan(risk.distance[0, 2])
    assert risk.located.tolist() == [True, True, False]
    # The coordinates of Izium come from the gazetteer.
    known = risk_sets(
        signals([0], [0]), event_table.assign(place_id=["geonames:707292", "my:1", "my:2"])
    )
    assert np.isfinite(known.distance[known.places.index("geonames:707292")]).sum() > 1


@pytest.mark.parametrize("located", [True, False])
def test_planted_leads_are_detected_with_and_without_coordinates(located):
    result = hazard(*planted(led=0.7, located=located), window="3D")
    assert result.ratio > 2
    assert result.p_value < 0.001
    assert result.ratio_ci[0] > 1
    unknown = any("no known coordinates" in line for line in result.warnings)
    assert unknown == (not located)


def test_a_signal_a_day_before_every_event_is_detected():
    """With signals and events in pairs, no count may identify the place of the event."""
    rng = np.random.default_rng(8)
    at, place = np.sort(rng.uniform(2, 300, 80)), rng.integers(0, 12, 80)
    where = rng.uniform(48, 50, (12, 2))
    event_table = events(at, place, lat=where[place, 0], lon=where[place, 1])
    result = hazard(signals(at - 1, place), event_table, window="7D")
    assert result.n_exposed == 80
    assert result.ratio > 1
    assert result.p_value < 0.001


def test_one_event_per_place_does_not_identify_the_place():
    """Leaving the event out of its base rate makes its place the only one without events."""
    event_table = events(range(10, 40), range(30))
    result = hazard(signals([5, 6, 7], [3, 50, 51]), event_table, window="7D")
    assert "other events at the place (log)" not in result.terms["term"].tolist()
    assert result.p_value > 0.05


def test_the_embedded_study_has_too_few_events_after_signals():
    study = open_study()
    seen = study.analyse().signals
    for clock in ("confirmed", "occurred"):
        result = hazard(seen, study.events, window="30D", clock=clock)
        assert result.p_value > 0.05
        assert any("too few" in line for line in result.warnings)


def test_interval_and_test_agree():
    for seed in range(6):
        result = hazard(*planted(seed, led=0.15), window="3D")
        assert (result.p_value < 0.05) == (not result.ratio_ci[0] <= 1 <= result.ratio_ci[1])


def test_the_best_of_several_windows_is_adjusted_for_choosing_it():
    tables = planted(led=0.15)
    windows = ["1D", "2D", "3D", "5D", "8D"]
    result = hazard(*tables, window=windows)
    alone = [hazard(*tables, window=window) for window in windows]
    assert result.windows["p_value"].tolist() == [single.p_value for single in alone]
    assert result.windows["ratio"].tolist() == [single.ratio for single in alone]
    best = result.windows.loc[result.windows["p_value"].idxmin()]
    assert (result.window, result.ratio) == (best["window"], best["ratio"])
    assert result.p_value == best["p_value_adjusted"]
    assert (result.windows["p_value_adjusted"] >= result.windows["p_value"]).all()
    assert best["p_value"] < result.p_value <= len(windows) * best["p_value"]
    assert "(best of 5 windows, adjusted)" in result.sentence()
    assert any("not adjusted" in warning for warning in result.warnings)


def test_equal_or_empty_windows_cost_little():
    """Windows of 3 and 3.000001 days have the same exposure: one test."""
    tables = planted(led=0.3)
    single = hazard(*tables, window="3D").p_value
    twice = hazard(*tables, window=["3D", "3D 00:00:00.000001"])
    assert twice.p_value == pytest.approx(single, rel=0.05, abs=2e-5)
    empty = hazard(*tables, window=["3D", "1us"])
    assert empty.windows["p_value"].tolist()[1] == 1
    assert single <= empty.p_value <= 2 * single


def test_the_best_of_several_windows_keeps_its_level():
    """At 5%, at most 12 of 100 worlds without leads are significant in 99.9% of cases."""
    claims = alone = 0
    for seed in range(100):
        result = hazard(*planted(seed, led=0.0), window=["2D", "7D", "20D"])
        claims += result.p_value < 0.05
        alone += result.windows["p_value"].min() < 0.05
    assert claims <= 12
    assert claims < alone


def test_nothing_to_compare_has_p_1():
    for signal_table, event_table in (
        (signals([], []), events([1, 2], [0, 1])),
        (signals([1], [0]), events([], [])),
        (signals([], []), events([], [])),
        (signals([1], [0]), events([2], [0])),
    ):
        result = hazard(signal_table, event_table, window="7D")
        assert np.isnan(result.ratio)
        assert result.p_value == 1
        assert result.warnings
        result.figure()
        assert result.to_dict()["ratio"] is None


def test_equal_exposure_is_not_reported_as_no_signal():
    """At a single place there is nothing to compare, whatever the signals."""
    result = hazard(signals([1, 2], [0, 0]), events([2, 3], [0, 0]), window="7D")
    assert (result.n_exposed, result.p_value) == (2, 1)
    assert result.sentence() == (
        "Two signals are too few to test. 2 of 2 events were confirmed within 7 days after a "
        "signal for the same place."
    )
    assert result.warnings == (
        (
            "At each event, all places or none had a signal in the 7 days before: there is nothing "
            "to compare."
        ),
    )


def test_simultaneous_events_have_their_own_risk_sets():
    event_table = events([10, 10, 12], [0, 1, 2])
    result = hazard(signals([9, 9], [0, 1]), event_table, window="2D")
    assert (result.n_events, result.n_exposed) == (3, 2)


def test_front_terms_are_never_negative():
    risk = risk_sets(*planted(5, led=0.9))
    around, fitted = fit_baseline(risk, window=3 * DAY, history=30 * DAY)
    fields = [name.startswith(FRONT) for name in around.names]
    assert (fitted.beta[fields] >= 0).all()


def test_warnings_use_the_singular_and_p_its_digits():
    warning, *_ = hazard(signals([1], [0]), events([2, 3], [0, 1]), window="7D").warnings
    assert warning == "Only 1 event confirmed after a signal: too few to base a claim on."
    event_table = events([2, 3, 4], [0, 1, 2], lat=[50.0, 51.0, np.nan], lon=[30.0, 30.0, np.nan])
    warnings = hazard(signals([1], [0]), event_table, window="7D").warnings
    assert any("1 of 3 places has no known coordinates" in warning for warning in warnings)
    result = hazard(*planted(led=0.7), window="3D")
    assert 0 < result.p_value < 0.0005
    assert f"p = {result.p_value:.2g})." in result.sentence()


def test_output_states_n_and_is_escaped():
    result = hazard(*planted(), window="3D")
    assert f"of {result.n_events} events" in result.sentence()
    assert result.terms["term"].iloc[0].startswith("signal")
    assert "<p>" in result._repr_html_()
    assert "80 events" in result.figure().layout.title.text


def test_false_claims_are_rare_under_a_fast_front():
    """Small version of benchmarks/lead_worlds.py: at most 8 of 60 worlds at 5% in 99.6%."""
    bare = ours = 0
    for seed in range(60):
        event_table = moving(np.random.default_rng(seed), 6.0)
        ours += hazard(*event_table, window="7D").p_value < 0.05
        risk = risk_sets(*event_table)
        exposed = (risk.recency() <= 7 * DAY).astype(float)[None]
        gain = conditional_logit.fit_logit(exposed, risk.event_place).log_likelihood + len(
            risk.event_place
        ) * np.log(len(risk.places))
        bare += 2 * gain > 3.84
    assert bare >= 50
    assert ours <= 8


def test_the_interval_covers_the_true_ratio():
    """Small version of benchmarks/lead_worlds.py: 134 to 150 of 150 worlds in 99.9%."""
    held = 0
    for seed in range(150):
        rng = np.random.default_rng([seed, 1])
        at, post_at = np.sort(rng.uniform(0, 365, 120)), rng.uniform(0, 365, 120)
        post_place = rng.integers(0, 20, 120)
        ago = at[:, None] - post_at
        exposed = np.zeros((120, 20), dtype=bool)
        for post, place in enumerate(post_place):
            exposed[:, place] |= (ago[:, post] > 0) & (ago[:, post] <= 7)
        weight = np.cumsum(np.where(exposed, 3.0, 1.0), axis=1)
        place = (weight < rng.random((120, 1)) * weight[:, -1:]).sum(axis=1)
        low, high = hazard(signals(post_at, post_place), events(at, place), window="7D").ratio_ci
        held += low <= 3 <= high
    assert held >= 134
