"""Quantiles, their intervals, mean and curve of censored and rough leads; test of rough groups."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from factories import leads_of as links
from foxgrape import lead_times
from foxgrape.stats.survival import beta_product
from foxgrape.stats.survival.estimates import KAPLAN_MEIER, TURNBULL, Leads
from foxgrape.stats.survival.interval_draws import draw_curves
from foxgrape.stats.survival.turnbull import interval_log_rank, turnbull

DAY = pd.Timedelta(days=1)
SCRIPT = Path(__file__).parents[3] / "benchmarks" / "median_coverage.py"


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("median_coverage", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def exact(*days):
    return np.array(days, float), np.full(len(days), fill_value=True)


@pytest.mark.parametrize("n", [6, 9, 12, 20, 40])
def test_without_censoring_the_interval_is_that_of_order_statistics(n):
    """The k-th lead is longer than the median with the probability of fewer than k below it."""
    low, high = beta_product.quantile_interval(*exact(*range(1, n + 1)), 0.5)
    ranks = np.arange(1, n + 1)
    certain = ranks[binom.cdf(ranks - 1, n, 0.5) <= 0.025].max()
    assert certain <= low <= certain + 1
    assert n - certain <= high <= n + 1 - certain
    assert low + high == pytest.approx(n + 1, abs=0.25)


def test_five_leads_have_no_upper_bound():
    """With a probability of 1/32, more than 2.5%, all five are shorter than the median."""
    low, high = beta_product.quantile_interval(*exact(1, 2, 3, 4, 5), 0.5)
    assert 0 < low < 1
    assert np.isinf(high)


def test_a_quantile_without_an_event_lies_beyond_what_was_observed():
    """0.5^5 is more than 2.5%, and 0.5^6 less: six signals at risk exclude the median, five not."""
    none = np.zeros(10, dtype=bool)
    ends = np.arange(1.0, 11.0)
    assert beta_product.quantile_interval(ends, none, 0.5) == (5, np.inf)
    assert beta_product.quantile_interval(np.full(6, 30.0), none[:6], 0.5) == (30, np.inf)
    assert beta_product.quantile_interval(np.full(5, 30.0), none[:5], 0.5) == (0, np.inf)
    assert beta_product.quantile_interval(ends[:0], none[:0], 0.5) == (0, np.inf)


def test_equal_middles_of_rough_leads_are_spread():
    """Four leads of 2 to 4 days take the middles of the quarters of [2.5, 3.5]."""
    short = np.array([2.0, 2, 2, 2, 9, 3, 3])
    long = np.array([4.0, 4, 4, 4, 9, 3, 8])
    observed = np.array([True] * 6 + [False])
    spread = beta_product.spread_ties(short, long, observed)
    assert sorted(spread[:4]) == [2.625, 2.875, 3.125, 3.375]
    assert spread[4:].tolist() == [9, 3, 8]
    assert beta_product.spread_ties(np.zeros(3), np.zeros(3), observed[:3]).tolist() == [0, 0, 0]
    zero = beta_product.spread_ties(np.array([0.0, 0, 1]), np.array([0.0, 0, 3]), observed[:3])
    assert zero.tolist() == [0, 0, 2]


leads_of = st.lists(st.integers(0, 20), min_size=1, max_size=12)


@settings(max_examples=40)
@given(leads_of, leads_of, st.integers(0, 30), st.sampled_from([0.25, 0.5, 0.75]))
def test_a_longer_watch_never_lowers_a_bound(failed, waiting, more, p):
    leads = np.array([*failed, *waiting], float)
    observed = np.arange(len(leads)) < len(failed)
    longer = np.where(observed, leads, leads + more)
    before, after = (beta_product.quantile_interval(at, observed, p) for at in (leads, longer))
    assert all(late >= early - 1e-9 for early, late in zip(before, after, strict=True))


@pytest.mark.parametrize(("n", "censored"), [(12, 0), (20, 6), (40, 15)])
def test_draws_of_exact_leads_have_the_interval_of_the_beta_product(n, censored):
    """Both are intervals of one distribution: each bound has 2.5% of the draws beyond it."""
    rng = np.random.default_rng(n)
    leads = np.sort(rng.exponential(5, n))
    observed = rng.permutation(n) >= censored
    bounds = beta_product.quantile_interval(leads, observed, 0.5)
    drawn = draw_curves(leads, leads, observed, (0.5,))
    assert 0.015 < (drawn.high[:, 0] < bounds[0]).mean() < 0.035
    assert 0.015 < (drawn.low[:, 0] > bounds[1]).mean() < 0.035


def test_draws_do_not_depend_on_order():
    rng = np.random.default_rng(2)
    low = np.floor(rng.exponential(5, 30))
    observed = rng.random(30) < 0.7
    order = rng.permutation(30)
    ours = draw_curves(low, low + 4, observed, (0.5,)).interval()
    assert draw_curves(low[order], low[order] + 4, observed[order], (0.5,)).interval() == ours


def test_draws_keep_the_order_that_intervals_prove():
    """Ten leads of 0 to 1 day and ten of 8 to 9: the median lies between them, in every draw."""
    low = np.repeat([0.0, 8.0], 10)
    draws = draw_curves(low, low + 1, low >= 0, (0.5,), np.array([4.0]))
    assert (draws.at_least == draws.at_least[:, :1]).all()
    assert (draws.at_most < draws.at_least).all()
    assert abs(draws.at_most.mean() - 10 / 21) < 0.02  # the tenth of 20 sorted uniform numbers
    assert abs(draws.at_least.mean() - 11 / 21) < 0.02


def wide_leads():
    """Two leads of 0 to 4 days, two of 2 to 6, one signal censored at 10 (four fifths in [2, 4])"""
    return lead_times(links([0.0, 0.0, 2.0, 2.0], [10], width=4))


def test_curve_and_mean_follow_turnbulls_estimate():
    """Level at 1 for two days, falling to 1/5 over the next two, then level: 2 + 1.2 + 1.2 days."""
    leads = wide_leads()
    assert leads.method == TURNBULL
    curve = leads.survival
    assert (curve["time"] / DAY).tolist() == [2, 4, 10]
    assert curve["survival"].tolist() == pytest.approx([1, 0.2, 0.2])
    assert curve["events"].sum() == 4
    assert curve["at_risk"].tolist() == [5, 5, 3]
    assert ((curve["lower"] <= curve["survival"]) & (curve["survival"] <= curve["upper"])).all()
    mean = leads.restricted_mean("10D")
    assert mean.mean / DAY == pytest.approx(4.4)
    assert mean.interval[0] < mean.mean < mean.interval[1] <= 10 * DAY
    assert leads.restricted_mean("3D").mean / DAY == pytest.approx(2 + (1 + 0.6) / 2)


def test_a_point_with_mass_is_a_step_of_turnbulls_curve():
    """Of five leads, one is 3 days exactly, four lie between 4 and 8: 3 + 4/5 + 2 · 4/5 days."""
    low, high = np.array([3.0, 4, 4, 4, 4]), np.array([3.0, 8, 8, 8, 8])
    leads = Leads.of(low, high, low > 0)
    assert leads.method == TURNBULL
    assert leads.restricted_mean(8 * DAY).mean / DAY == pytest.approx(5.4, abs=1e-6)


def test_turnbulls_quantiles_are_interpolated():
    estimate = turnbull(np.array([0.0, 2.0]), np.array([1.0, 4.0]))
    assert [estimate.interpolate(p) for p in (0.25, 0.5, 0.75, 1)] == [0.5, 1.5, 3, 4]
    assert estimate.curve(np.array([0.5, 1, 2, 3, 9])).tolist() == [0.75, 0.5, 0.5, 0.25, 0]


def test_left_open_bounds_can_be_asked_for():
    """As [1, 2] and [2, 3] both leads can be 2 days; as (1, 2] and (2, 3] they differ."""
    leads = lead_times(links([1.0, 2.0], width=1))
    assert leads.turnbull().mass.to_numpy().tolist() == [[2, 2, 1]]
    assert leads.turnbull(left_open=True).mass.to_numpy().tolist() == [[1, 2, 0.5], [2, 3, 0.5]]


def test_the_figure_follows_the_estimator():
    """Turnbull's curve is joined by lines, Kaplan–Meier's is in steps; titles name them."""
    for leads, shape in ((wide_leads(), "linear"), (lead_times(links([1, 2], [9])), "hv")):
        figure = leads.figure()
        (curve,) = (trace for trace in figure.data if str(trace.name).startswith(leads.method))
        assert curve.line.shape == shape
        assert list(curve.y)[1:] == leads.survival["survival"].tolist()
        assert f"{leads.method} estimate" in figure.layout.title.subtitle.text


def test_quantiles_of_the_followed_leave_the_others_out():
    """Of ten signals four were followed, after 1 to 4 days; six not within 30."""
    leads = lead_times(links([1, 2, 3, 4], [30] * 6))
    assert pd.isna(leads.quantile(0.5))
    assert leads.quantile_of_followed(0.5) == 2.5 * DAY
    assert leads.quantile_of_followed(1) == 4 * DAY
    assert leads.median_ci[0] > 2 * DAY
    assert pd.isna(leads.median_ci[1])
    assert pd.isna(lead_times(links([], [30])).quantile_of_followed(0.5))


def test_scores_of_rough_groups_match_a_hand_calculation():
    """Ten leads of 0 to 4 days, half of them of each group, and ten of 9 to 13 in group b.

    Turnbull's curve is 1, then 1/2, then 0. Scores are 1/2 ln(1/2) / (-1/2) for the short leads
    and (1/2 ln(1/2) - 0) / (1/2) for the long ones: plus and minus ln 2.
    """
    low = np.repeat([0.0, 9.0], 10)
    group = np.array(["a"] * 5 + ["b"] * 15)
    test = interval_log_rank(low, low + 4, low >= 0, group)
    # Sums are 5 ln 2 and -5 ln 2 of 5 and 15 signals; the variance is 20 (ln 2)² / 19.
    assert test.statistic == pytest.approx((25 / 5 + 25 / 15) * 19 / 20)
    assert (test.degrees, test.groups) == (1, ("a", "b"))
    assert test.p_bounds == (test.p_value,) * 2
    assert test.sentence().startswith("Interval-censored log-rank test of 2 groups")


def test_the_test_of_groups_follows_the_estimator():
    rough = links([0.0] * 8 + [7.0] * 8, width=6, account=["a", "b"] * 8)
    assert lead_times(rough, by="account").log_rank.test == "interval-censored log-rank"
    assert lead_times(rough, by="account").log_rank.p_value == pytest.approx(1)
    sharp = links(range(16), account=["a", "b"] * 8)
    assert lead_times(sharp, by="account").log_rank.test == "log-rank"


def test_leads_that_may_all_be_equal_are_not_compared():
    low = np.array([1.0, 2.0, 3.0])
    assert interval_log_rank(low, low + 9, low > 0, np.array(["a", "b", "b"])) is None
    assert interval_log_rank(low, low + 9, low > 0, np.array(["a", "a", "a"])) is None


@settings(max_examples=20)
@given(leads_of, leads_of)
def test_scores_of_exact_leads_agree_with_the_log_rank_test_about_the_order(first, second):
    """The groups differ in the same direction, and equal groups do not."""
    low = np.array([*first, *first, *second, *second], float)
    group = np.array((["a"] * len(first) + ["b"] * len(first)) + ["a", "b"] * len(second))
    test = interval_log_rank(low, low, low >= 0, group)
    assert test is None or 0 <= test.p_value <= 1


def test_the_size_of_the_score_test_is_nominal_for_day_stamps():
    """In 300 worlds without a difference, 5% within three standard deviations."""
    rng = np.random.default_rng(4)
    claims = 0
    for _ in range(300):
        lead = rng.exponential(2, 40)
        low = np.floor(lead)
        observed = lead < 4
        short, long = np.where(observed, low, 4.0), np.where(observed, low + 1, 4.0)
        test = interval_log_rank(short, long, observed, rng.permutation(["a", "b"] * 20))
        claims += test.p_value <= 0.05
    assert 4 <= claims <= 27


@pytest.mark.parametrize(
    ("precision", "signals", "censoring"),
    [
        ("exact", 10, "none"),
        ("exact", 20, "40%"),
        ("hourly", 60, "20%"),
        ("daily", 20, "20%"),
        ("daily", 60, "horizon 7 days"),
        ("mixed", 60, "40%"),
        ("edited", 60, "20%"),
        ("events by week", 20, "20%"),
    ],
)
def test_the_interval_of_the_median_covers_it(study, precision, signals, censoring):
    """Small version of benchmarks/median_coverage.py: at least 138 of 150 worlds in 99%."""
    row = study.cell(150, precision, signals, censoring)
    assert row["covered"] >= 0.92
    assert row["bias"] is None or abs(row["bias"]) < 0.1


def test_the_interval_of_the_mean_covers_it(study):
    """The mean of log-normal leads, each counted up to 10 days, in at least 92% of 150 worlds."""
    first, last = (np.log(10 / study.MEDIAN) - shift for shift in (1, 0))
    true = study.MEDIAN * np.exp(0.5) * norm.cdf(first) + 10 * (1 - norm.cdf(last))
    covered = []
    for leads in study.worlds_of(np.random.default_rng(3), 150, 30, "daily", "20%"):
        low, high = leads.restricted_mean(10 * DAY).interval
        covered.append(low <= true * DAY <= high)
    assert len(covered) == 150
    assert np.mean(covered) >= 0.92


def test_five_signals_are_covered_although_their_interval_is_unlimited(study):
    row = study.cell(150, "daily", 5, "90%")
    assert row["covered"] >= 0.97
    assert row["reached"] < 0.5


def test_a_stopped_study_is_resumed(study, tmp_path, monkeypatch):
    monkeypatch.setattr(study, "SIGNALS", (5,))
    monkeypatch.setattr(study, "CENSORING", {"none": (0.0, 1000.0), "20%": (0.2, 1000.0)})
    done = tmp_path / "done.jsonl"
    rows = study.run(4, done)
    kept = done.read_text("utf-8").splitlines()
    done.write_text("\n".join(kept[:3]) + "\n", "utf-8")
    assert study.run(4, done) == rows
    assert done.read_text("utf-8").splitlines() == kept
    page = tmp_path / "page.md"
    page.write_text(f"before\n{study.START}{study.END}\nafter\n", "utf-8")
    study.write(rows, page)
    text = page.read_text("utf-8")
    assert "| exact | none |" in text
    assert text.startswith("before")
    assert text.endswith("after\n")


def test_the_method_of_exact_leads_is_kaplan_meier():
    day = np.array([1.0, 2.0])
    assert Leads.of(day, day, day > 0).method == KAPLAN_MEIER
