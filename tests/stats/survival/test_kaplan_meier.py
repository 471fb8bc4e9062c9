"""Turnbull, parametric fits, log-rank test, restricted mean and cumulative incidence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import events as events_of
from factories import leads_of as links
from foxgrape import FoxgrapeError, lead_times, open_study
from foxgrape.errors import TableError
from foxgrape.stats.survival.competing_risks import cumulative_incidence
from foxgrape.stats.survival.kaplan_meier import fit_parametric, kaplan_meier, quantile
from foxgrape.stats.survival.turnbull import turnbull

DAY = pd.Timedelta(days=1)


def test_turnbull_matches_hand_calculation():
    """Of [0, 2], [1, 3] and [4, 5], the first two share [1, 2], which gets two thirds."""
    estimate = turnbull(np.array([0.0, 1.0, 4.0]), np.array([2.0, 3.0, 5.0]))
    assert estimate.mass[["from", "until"]].to_numpy().tolist() == [[1, 2], [4, 5]]
    assert estimate.mass["mass"].to_numpy() == pytest.approx([2 / 3, 1 / 3])
    assert estimate.log_likelihood == pytest.approx(2 * np.log(2 / 3) + np.log(1 / 3))
    assert estimate.quantile(0.5) == (1 * DAY, 2 * DAY)
    assert estimate.survival(1.5) == pytest.approx((1 / 3, 1))
    assert estimate.survival(3) == pytest.approx((1 / 3, 1 / 3))


def test_turnbull_excludes_the_end_of_a_censored_watch():
    """A lead longer than 2 is not 2: the mass is a third at 2 and a third beyond."""
    estimate = turnbull(np.array([1.0, 2.0, 2.0]), np.array([1.0, 2.0, np.inf]))
    assert estimate.mass["mass"].to_numpy() == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert estimate.mass["until"].tolist() == [1, 2, np.inf]
    assert pd.isna(estimate.quantile(0.9)[1])


def test_turnbull_without_leads_and_with_an_invalid_share():
    assert turnbull(np.array([]), np.array([])).n == 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        turnbull(np.array([1.0]), np.array([1.0])).quantile(2)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=15),
)
def test_turnbull_of_exact_leads_equals_kaplan_meier(pairs):
    lead = np.array([pair[0] for pair in pairs], dtype=float)
    observed = np.array([pair[1] for pair in pairs])
    estimate = turnbull(lead, np.where(observed, lead, np.inf))
    curve = kaplan_meier(lead, observed)
    for at, share in zip(curve["time"] / DAY, curve["survival"], strict=True):
        low, high = estimate.survival(at)
        assert low - 1e-5 <= share <= high + 1e-5


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6)), min_size=1, max_size=15),
    st.lists(st.integers(0, 12), max_size=5),
)
def test_turnbull_maximizes_the_likelihood(pairs, watched):
    low = np.array([pair[0] for pair in pairs] + watched, dtype=float)
    high = np.array([pair[0] + pair[1] for pair in pairs] + [np.inf] * len(watched))
    estimate = turnbull(low, high)
    assert estimate.mass["mass"].sum() == pytest.approx(1)
    assert estimate.gap <= 1e-6


spans = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6)), min_size=1, max_size=12)
watches = st.lists(st.integers(0, 12), max_size=5)


def bounds(pairs, watched):
    """Return intervals and censored leads as two arrays."""
    low = np.array([first for first, _ in pairs] + watched, dtype=float)
    return low, np.array([first + wide for first, wide in pairs] + [np.inf] * len(watched))


@settings(max_examples=25)
@given(spans, watches, st.randoms(use_true_random=False))
def test_turnbull_does_not_depend_on_order(pairs, watched, random):
    low, high = bounds(pairs, watched)
    order = random.sample(range(len(low)), len(low))
    estimate, shuffled = turnbull(low, high), turnbull(low[order], high[order])
    assert estimate.log_likelihood == pytest.approx(shuffled.log_likelihood, abs=1e-5)
    for at in range(20):
        assert estimate.survival(at) == pytest.approx(shuffled.survival(at), abs=1e-3)


@settings(max_examples=25)
@given(spans, watches, st.integers(1, 1000))
def test_turnbull_shifts_with_the_leads(pairs, watched, shift):
    low, high = bounds(pairs, watched)
    estimate, moved = turnbull(low, high), turnbull(low + shift, high + shift)
    pd.testing.assert_frame_equal(
        estimate.mass.assign(**{end: estimate.mass[end] + shift for end in ("from", "until")}),
        moved.mass,
    )


@settings(max_examples=25)
@given(spans, watches, st.integers(0, 20))
def test_a_censored_lead_never_shortens_the_turnbull_median(pairs, watched, more):
    before, after = (turnbull(*bounds(pairs, ends)) for ends in (watched, [*watched, more]))
    for early, late in zip(before.quantile(0.5), after.quantile(0.5), strict=True):
        assert pd.isna(late) or late >= early


def test_intervals_of_quantiles_move_with_rough_leads():
    exact = lead_times(links(range(1, 31)))
    rough = lead_times(links(range(1, 31), width=2))
    for p in (0.25, 0.5, 0.75):
        assert rough.quantile(p) == exact.quantile(p) + DAY
        low, high = rough.quantile_ci(p)
        assert low < rough.quantile(p) < high
    assert rough.quantile_ci(0.5) == rough.median_ci


def test_restricted_mean_matches_hand_calculation():
    """Leads 1 and 3: the curve is 1 for a day and 1/2 for two more."""
    leads = lead_times(links([1, 3]))
    assert leads.restricted_mean().mean == 2 * DAY
    estimate = leads.restricted_mean("2D")
    assert estimate.mean == 1.5 * DAY
    # One event with two at risk, and an area of half a day after it: 0.5² · 1 / (2 · 1).
    assert estimate.standard_error / DAY == pytest.approx(np.sqrt(0.125))
    assert estimate.interval[1] <= 2 * DAY
    with pytest.raises(FoxgrapeError, match="horizon"):
        leads.restricted_mean("0D")
    with pytest.raises(FoxgrapeError, match="at least one signal"):
        lead_times(links([])).restricted_mean()


def test_censored_signals_lengthen_the_restricted_mean():
    alone = lead_times(links([1, 2, 3])).restricted_mean("10D").mean
    with_waiting = lead_times(links([1, 2, 3], [10, 10])).restricted_mean("10D").mean
    assert with_waiting > alone


def test_parametric_fits_recover_the_true_distribution():
    rng = np.random.default_rng(1)
    lead = 6 * rng.weibull(1.7, 800)
    watched = rng.uniform(2, 20, 800)
    observed = lead <= watched
    seen = np.minimum(lead, watched)
    low = np.where(observed, np.floor(seen), seen)  # rough to the day
    high = np.where(observed, np.floor(seen) + 1, seen)
    estimate = fit_parametric(low, high, observed).set_index("law")
    assert estimate.loc["Weibull", "shape"] == pytest.approx(1.7, rel=0.1)
    assert estimate.loc["Weibull", "scale"] == pytest.approx(6, rel=0.1)
    assert estimate["aic"].idxmin() == "Weibull"
    truth = 6 * np.log(2) ** (1 / 1.7)
    assert estimate.loc["Weibull", "median"] / DAY == pytest.approx(truth, rel=0.05)


def test_parametric_fit_of_exact_leads_equals_the_closed_form():
    lead = np.array([0.5, 1.0, 2.0, 4.0, 9.0])
    estimate = fit_parametric(lead, lead, lead > 0).set_index("law").loc["log-normal"]
    assert estimate["scale"] == pytest.approx(np.exp(np.log(lead).mean()), rel=1e-3)
    assert estimate["shape"] == pytest.approx(np.log(lead).std(), rel=1e-3)


def test_too_few_leads_are_not_fitted():
    assert fit_parametric(np.array([1.0, 2.0]), np.array([1.0, 2.0]), np.ones(2, dtype=bool)).empty
    waiting = lead_times(links([1, 2, 3], [30] * 400)).fits()
    assert len(waiting) == 2
    zero = lead_times(links([0, 0, 1, 2])).fits()
    assert np.isfinite(zero["log_likelihood"]).all()


@pytest.mark.parametrize(
    ("low", "high", "watched"),
    [
        ([2, 2, 2, 2], [2, 2, 2, 2], []),
        ([0, 0, 0], [0, 0, 0], [5, 5]),
        ([0, 0, 0], [2, 2, 2], []),
        ([0, 1, 1], [2, 3, 2], [1]),
    ],
)
def test_leads_that_may_be_equal_are_not_fitted(low, high, watched):
    observed = np.array([True] * len(low) + [False] * len(watched))
    assert fit_parametric(
        np.array(low + watched, float), np.array(high + watched, float), observed
    ).empty


@settings(max_examples=10)
@given(
    st.lists(st.integers(1, 40), min_size=3, max_size=12),
    watches,
    st.integers(0, 2),
    st.randoms(use_true_random=False),
)
def test_parametric_fits_do_not_depend_on_order(leads, watched, wide, random):
    low = np.array(leads + watched, float)
    observed = np.array([True] * len(leads) + [False] * len(watched))
    high = np.where(observed, low + wide, low)
    order = random.sample(range(len(low)), len(low))
    estimate, shuffled = (
        fit_parametric(low, high, observed),
        fit_parametric(low[order], high[order], observed[order]),
    )
    assert estimate["log_likelihood"].tolist() == pytest.approx(
        shuffled["log_likelihood"].tolist(), rel=1e-3
    )


def test_groups_are_tested_and_joined_from_signals():
    frame = links([1, 1, 2, 2, 3, 9, 10, 11, 12, 13])
    signals = pd.DataFrame(
        {
            "signal_id": frame["signal_id"],
            "place_id": frame["place_id"],
            "posted_at": pd.Timestamp("2022-09-10", tz="UTC"),
            "account": ["near"] * 5 + ["far"] * 5,
            "kind": ["emoji", "word"] * 5,
        }
    )
    leads = lead_times(frame, by="account", signals=signals)
    assert list(leads.groups) == ["far", "near"]
    assert leads.log_rank.p_value < 0.01
    assert leads.log_rank.degrees == 1
    assert leads.log_rank.p_bounds == (leads.log_rank.p_value,) * 2
    both = lead_times(frame, by=["account", "kind"], signals=signals)
    assert set(both.groups) == {"far, emoji", "far, word", "near, emoji", "near, word"}
    assert both.log_rank.degrees == 3
    assert both.to_dict()["log_rank"]["groups"] == sorted(both.groups)
    assert "p = " in leads.log_rank.sentence()
    with pytest.raises(TableError, match="acount"):
        lead_times(frame, by="acount", signals=signals)


def test_rough_leads_give_bounds_of_the_p_value():
    frame = links([10, 12, 14, 16, 18, 20], width=3, account=list("aabbab"))
    frame.loc[frame["account"] == "a", "lead_max"] += 4 * DAY
    low, high = lead_times(frame, by="account").log_rank.p_bounds
    assert low < high


def test_a_single_group_or_no_event_is_not_compared():
    assert lead_times(links([1, 2], code="x"), by="code").log_rank is None
    assert lead_times(links([], [5, 6], code=["x", "y"]), by="code").log_rank is None
    assert lead_times(links([5, 1], code=["x", "y"], hindsight=True), by="code").log_rank is None
    assert lead_times(links([5], [1], code=["x", "y"]), by="code").log_rank is None


@pytest.mark.parametrize("code", ["bbaa", "bbac"])
def test_groups_never_at_risk_together_are_not_compared(code):
    """All other signals are censored before the first event of group b."""
    leads = lead_times(links([5, 6], [1, 2], code=list(code)), by="code")
    assert leads.log_rank is None
    assert leads.groups["b"].n_observed == 2


def test_hindsight_counts_only_on_request():
    frame = links([1, 2, 3])
    frame["hindsight"] = [True, False, False]
    assert (lead_times(frame).n, lead_times(frame).n_hindsight) == (2, 1)
    with_hindsight = lead_times(frame, hindsight=True)
    assert (with_hindsight.n, with_hindsight.n_hindsight) == (3, 1)
    assert with_hindsight.quantile(0.3) == DAY


def retractions(*ids):
    frame = events_of(*[("2022-09-10", "2022-09-11")] * 4, place="geonames:1")
    taken = frame["event_id"].isin(ids)
    return frame.assign(retracted_at=pd.Timestamp("2022-09-12", tz="UTC")).assign(
        retracted_at=lambda part: part["retracted_at"].where(taken)
    )


def test_cumulative_incidence_matches_hand_calculation():
    """Leads 1 (stood), 2 (retracted), 4 and 4 (stood); one signal censored at 3.

    At 1: 1/5 stood. At 2: 4/5 · 1/4 = 1/5 retracted. At 4: 3/5 · 2/2 stood.
    """
    estimate = cumulative_incidence(links([1, 2, 4, 4], [3]), retractions("e1"))
    assert estimate.counts == {"stood": 3, "retracted": 1}
    assert estimate.n_censored == 1
    assert estimate.at("1D") == pytest.approx({"stood": 0.2, "retracted": 0})
    assert estimate.at("3D") == pytest.approx({"stood": 0.2, "retracted": 0.2})
    assert estimate.at("4D") == pytest.approx({"stood": 0.8, "retracted": 0.2})
    assert "n = 5" in estimate.sentence()


def test_without_retractions_incidence_is_one_minus_kaplan_meier():
    frame = links([1, 2, 4, 4], [3, 5])
    estimate = cumulative_incidence(frame, retractions())
    stood = estimate.curve[estimate.curve["outcome"] == "stood"]
    curve = lead_times(frame).survival
    assert stood["incidence"].to_numpy() == pytest.approx(1 - curve["survival"].to_numpy())
    plain = cumulative_incidence(frame, retractions().drop(columns="retracted_at"))
    pd.testing.assert_frame_equal(estimate.curve, plain.curve)


ends = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=10)


def outcomes(ends, watched):
    """Return links and events of leads that stood or were retracted, and of censored signals."""
    frame = links([lead for lead, _ in ends], watched)
    taken = [f"e{number}" for number, (_, retracted) in enumerate(ends) if retracted]
    seen = events_of(*[("2022-09-10", "2022-09-11")] * len(ends), place="geonames:1")
    day = pd.Series(pd.Timestamp("2022-09-12", tz="UTC"), index=seen.index)
    return frame, seen.assign(retracted_at=day.where(seen["event_id"].isin(taken)))


@settings(max_examples=20)
@given(ends, watches, st.randoms(use_true_random=False))
def test_incidence_does_not_depend_on_order_and_sums_to_all_events(ends, watched, random):
    frame, seen = outcomes(ends, watched)
    estimate = cumulative_incidence(frame, seen)
    shuffled = cumulative_incidence(
        frame.iloc[random.sample(range(len(frame)), len(frame))],
        seen.iloc[random.sample(range(len(seen)), len(seen))],
    )
    pd.testing.assert_frame_equal(estimate.curve, shuffled.curve)
    both = estimate.curve.groupby("time")["incidence"].sum()
    assert both.tolist() == pytest.approx((1 - lead_times(frame).survival["survival"]).tolist())


@settings(max_examples=20)
@given(ends, watches, st.integers(0, 20))
def test_a_censored_signal_never_raises_the_total_incidence(ends, watched, more):
    before, after = (
        cumulative_incidence(*outcomes(ends, days)) for days in (watched, [*watched, more])
    )
    for day in range(21):
        at = f"{day}D"
        assert sum(after.at(at).values()) <= sum(before.at(at).values()) + 1e-12


def test_censoring_retractions_would_overstate_events_that_stood():
    frame = links([1, 2, 3, 4])
    estimate = cumulative_incidence(frame, retractions("e0", "e1"))
    naive = links([3, 4], [1, 2])
    assert estimate.at("4D")["stood"] == pytest.approx(0.5)
    assert 1 - lead_times(naive).survival["survival"].iloc[-1] == pytest.approx(1)


def test_links_to_unknown_events_are_refused():
    with pytest.raises(TableError, match="e3"):
        cumulative_incidence(links([1, 2, 4, 4]), retractions().iloc[:3])
    none = cumulative_incidence(links([]), retractions())
    assert none.n == 0
    none.figure()


def test_an_analysis_on_both_clocks():
    study = open_study().analyse()
    clocks = study.clocks()
    assert list(clocks) == ["confirmed", "occurred"]
    assert clocks["confirmed"].lead_times.to_dict() == study.lead_times.to_dict()
    assert clocks["occurred"].lead_times.clock == "occurred"


@pytest.mark.parametrize("censored", [0.0, 0.2, 0.4])
def test_the_interval_covers_the_true_median_and_the_naive_median_is_short(censored):
    """In 400 worlds, the inverted log-log band covers the median in 92% to 98%."""
    rng = np.random.default_rng(5)
    held, naive, worlds, number = 0, [], 400, 60
    # The log ratio of log-normal leads and watches has standard deviation √2.
    shift = {0.0: np.inf, 0.2: 0.8416 * np.sqrt(2), 0.4: 0.2533 * np.sqrt(2)}[censored]
    for _ in range(worlds):
        lead, watch = 5 * np.exp(rng.normal(0, 1, number)), 5 * np.exp(rng.normal(0, 1, number))
        watch = watch * np.exp(shift)
        observed = lead <= watch
        curve = kaplan_meier(np.minimum(lead, watch), observed)
        low, high = (quantile(curve, 0.5, edge) for edge in ("lower", "upper"))
        held += low <= 5 * DAY and (pd.isna(high) or high >= 5 * DAY)
        naive.append(np.median(lead[observed]))
    assert 0.92 <= held / worlds <= 0.98
    if censored:
        assert np.mean(naive) < 4.5


def test_left_open_intervals_do_not_share_their_ends():
    """As (1, 2] and (2, 3] the leads differ; as [1, 2] and [2, 3] both can be 2."""
    bounds = np.array([1.0, 2.0]), np.array([2.0, 3.0])
    assert turnbull(*bounds, left_open=True).mass.to_numpy().tolist() == [[1, 2, 0.5], [2, 3, 0.5]]
    assert turnbull(*bounds).mass.to_numpy().tolist() == [[2, 2, 1]]
    # Exact leads have no lower bound to leave out.
    exact = np.array([2.0, 2.0]), np.array([2.0, 3.0])
    assert turnbull(*exact, left_open=True).mass.to_numpy().tolist() == [[2, 2, 0.5], [2, 3, 0.5]]
