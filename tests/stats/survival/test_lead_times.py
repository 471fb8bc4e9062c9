"""Lead times: Kaplan–Meier, comparison with statsmodels, censoring, rough times, groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from factories import leads_of as links
from foxgrape import lead_times
from foxgrape.errors import TableError

DAY = pd.Timedelta(days=1)


def in_days(duration):
    return duration / DAY


def test_curve_matches_hand_calculation():
    """The 6-MP arm of Freireich et al. (1963), the textbook example of Kaplan and Meier.

    Survival at 6, 7, 10, 13, 16, 22 and 23 weeks is 18/21, then times 16/17, 14/15, 11/12, 10/11,
    6/7, 5/6; the median remission is 23 weeks.
    """
    failed = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    waiting = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    leads = lead_times(links(failed, waiting))
    curve = leads.survival[leads.survival["events"] > 0]
    steps = [18 / 21, 16 / 17, 14 / 15, 11 / 12, 10 / 11, 6 / 7, 5 / 6]
    assert curve["survival"].to_numpy() == pytest.approx(np.cumprod(steps))
    assert curve["at_risk"].tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert (leads.n, leads.n_observed, leads.n_censored) == (21, 9, 12)
    assert in_days(leads.median) == 23


leads_of = st.lists(st.integers(0, 20), min_size=1, max_size=12)


@given(leads_of, leads_of)
def test_curve_and_interval_equal_statsmodels(failed, waiting):
    """Same curve, and same inversion of the log-log band where it is defined."""
    leads = lead_times(links(failed, waiting))
    times = np.array([*failed, *waiting], dtype=float)
    status = np.array([1] * len(failed) + [0] * len(waiting))
    peer = SurvfuncRight(times, status)
    ours = leads.survival[leads.survival["events"] > 0]
    assert ours["survival"].to_numpy() == pytest.approx(peer.surv_prob)
    assert ours["at_risk"].tolist() == peer.n_risk.tolist()
    assume(peer.surv_prob.min() > 0)  # undefined where all signals had an event
    low, high = peer.quantile_ci(0.5, method="cloglog")
    if np.isnan(low):
        return  # statsmodels returns NaN where the curve stays far from one half
    assert in_days(leads.median_ci[0]) == low
    assert np.isinf(high) if pd.isna(leads.median_ci[1]) else in_days(leads.median_ci[1]) == high


@settings(max_examples=50)
@given(leads_of, leads_of, st.integers(0, 40), st.integers(0, 3))
def test_a_censored_signal_never_shortens_the_median_or_its_lower_bounds(
    failed, waiting, watched, width
):
    before, after = (
        lead_times(links(failed, censored, width=width))
        for censored in (waiting, [*waiting, watched])
    )
    pairs = [(before.median, after.median), (before.median_ci[0], after.median_ci[0])]
    pairs += zip(before.median_bounds, after.median_bounds, strict=True)
    assert all(pd.isna(late) or (pd.notna(early) and late >= early) for early, late in pairs)
    assert after.restricted_mean("50D").mean >= before.restricted_mean("50D").mean


@settings(max_examples=30)
@given(leads_of, leads_of, st.integers(0, 3), st.randoms(use_true_random=False))
def test_lead_times_do_not_depend_on_order(failed, waiting, width, random):
    frame = links(failed, waiting, width=width)
    frame["code"] = [random.choice("ab") for _ in range(len(frame))]
    leads, shuffled = (
        lead_times(rows, by="code")
        for rows in (frame, frame.iloc[random.sample(range(len(frame)), len(frame))])
    )
    ours, theirs = leads.to_dict(), shuffled.to_dict()
    ranked = [values.pop("log_rank") for values in (ours, theirs)]
    assert ours == theirs
    assert (ranked[0] is None) == (ranked[1] is None)
    if ranked[0]:
        assert ranked[0]["p_bounds"] == pytest.approx(ranked[1]["p_bounds"])
    pd.testing.assert_frame_equal(leads.survival, shuffled.survival)


def test_a_median_may_be_shorter_than_that_of_the_shortest_leads():
    """Ten events between day 0 and 2.2, 100 signals censored at day 1, five events at day 20.

    At mid-interval the ten come when 15 are at risk; at their shortest, when 115 are.
    """
    frame = links([0.0] * 10 + [20.0] * 5, [1.0] * 100)
    frame.loc[:9, "lead_max"] = pd.Timedelta("2.2D")
    leads = lead_times(frame)
    assert in_days(leads.median) == 1.1
    assert [in_days(end) for end in leads.median_bounds] == [1.1, 20]
    assert in_days(leads.median_ci[0]) == in_days(leads.quantile_ci(0.5)[0]) == 1.1


@settings(max_examples=40)
@given(leads_of, leads_of, st.integers(0, 3))
def test_the_middle_lies_between_the_shortest_and_the_longest(failed, waiting, width):
    leads = lead_times(links(failed, waiting, width=width))
    ends = [*leads.median_bounds, *leads.median_ci]
    never = pd.Timedelta("1000D")
    low, high, lower, upper = (never if pd.isna(end) else end for end in ends)
    assert lower <= low <= (never if pd.isna(leads.median) else leads.median) <= high <= upper


def test_leads_are_exact_to_the_microsecond():
    """A third of a day is not a finite binary fraction."""
    frame = links([1])
    frame["lead_min"] = frame["lead_max"] = pd.Timedelta("8h")
    leads = lead_times(frame)
    assert leads.median == pd.Timedelta("8h")
    assert leads.turnbull().quantile(0.5) == (pd.Timedelta("8h"),) * 2
    assert leads.restricted_mean().horizon == pd.Timedelta("8h")


def test_dropping_censored_signals_shortens_the_median():
    assert in_days(lead_times(links([1, 2, 3])).median) == 2
    assert in_days(lead_times(links([1, 2, 3], [10, 10])).median) == 3
    assert pd.isna(lead_times(links([1, 2, 3], [10] * 5)).median)


def test_a_rough_lead_gives_bounds_around_the_median():
    leads = lead_times(links([1, 2, 3], width=2))
    assert [in_days(bound) for bound in leads.median_bounds] == [2, 4]
    assert in_days(leads.median) == 3
    exact = [lead_times(links([lead + more for lead in (1, 2, 3)])).median_ci for more in (0, 2)]
    assert leads.median_ci[0] == exact[0][0]
    assert leads.median_ci[1] is exact[1][1] or leads.median_ci[1] == exact[1][1]


def test_a_lead_of_unknown_order_counts_from_zero():
    leads = lead_times(links([-1.0], width=2, relation="undetermined"))
    assert (leads.n, leads.n_undetermined) == (1, 1)
    assert [in_days(bound) for bound in leads.median_bounds] == [0, 1]


def test_hindsight_and_following_posts_are_counted_separately():
    late = links([5.0], hindsight=True, signal_id="h")
    behind = links([-5.0], relation="follows", signal_id="f")
    both = links([-6.0], relation="follows", hindsight=True, signal_id="b")
    leads = lead_times(pd.concat([links([1.0], [9.0]), late, behind, both]))
    assert (leads.n, leads.n_hindsight, leads.n_follows) == (2, 2, 1)
    assert in_days(leads.median) == 1


def test_only_censored_signals_or_none():
    waiting = lead_times(links([], [10, 20]))
    assert (waiting.n, waiting.n_observed) == (2, 0)
    assert pd.isna(waiting.median)
    assert "No median" in waiting.sentence()
    none = lead_times(links([]))
    assert none.n == 0
    assert "n = 0" in none.sentence()
    for leads in (waiting, none):
        leads.figure()
        assert isinstance(leads.to_frame(), pd.DataFrame)


def test_groups():
    frame = links([1, 2, 9], [30], code=["🍇", "🍇", "🦊", "🦊"])
    leads = lead_times(frame, by="code")
    assert {name: group.n for name, group in leads.groups.items()} == {"🍇": 2, "🦊": 2}
    assert leads.n == 4
    assert leads.to_frame()["group"].tolist() == ["🍇", "🦊"]
    with pytest.raises(TableError, match="kode: the links table has no such column; got"):
        lead_times(frame, by="kode")


def test_a_signal_without_a_group_counts_only_in_the_total():
    frame = links([1, 2, 9])
    known = pd.DataFrame(
        {
            "signal_id": ["s2", "s0", "elsewhere"],
            "place_id": "geonames:1",
            "posted_at": pd.Timestamp("2022-09-10T00:00Z"),
            "account": ["a", "b", "c"],
        }
    )
    leads = lead_times(frame, by="account", signals=known)
    assert leads.n == 3
    assert {name: in_days(group.median) for name, group in leads.groups.items()} == {"a": 9, "b": 1}
    assert leads.leads["signal_id"].tolist() == ["s0", "s1", "s2"]


def test_groups_count_hindsight_like_the_total_and_are_never_empty():
    code = pd.Categorical(["a", "a", "b"], categories=["b", "a", "never"])
    frame = links([1, 2, 9], hindsight=[True, False, False], code=code)
    for hindsight, counted in ((False, 1), (True, 2)):
        leads = lead_times(frame, by="code", hindsight=hindsight)
        assert leads.n == counted + 1
        assert {name: group.n for name, group in leads.groups.items()} == {"b": 1, "a": counted}
    table = lead_times(frame).leads
    assert table.columns.tolist() == ["signal_id", "shortest", "longest", "observed"]
    assert table.index.tolist() == [0, 1]
    assert table["signal_id"].tolist() == ["s1", "s2"]


def test_mixed_clocks_are_refused():
    frame = links([1, 2])
    frame["clock"] = ["confirmed", "occurred"]
    with pytest.raises(TableError) as refused:
        lead_times(frame)
    assert str(refused.value) == (
        "column clock: links must have a single clock; got ['confirmed', 'occurred']"
    )


def test_quantiles():
    leads = lead_times(links([1, 2, 3, 4]))
    assert [in_days(leads.quantile(p)) for p in (0.25, 0.5, 0.75, 1)] == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="between 0 and 1"):
        leads.quantile(1.1)


def test_what_is_shown_is_escaped_and_says_n():
    leads = lead_times(links([1, 2], code="<img src=x>"), by="code")
    shown = leads._repr_html_()
    assert "<img" not in shown
    assert "n = 2" in shown
