"""Lead times: Kaplan–Meier, comparison with statsmodels, censoring, rough times, groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from factories import IZIUM
from factories import leads_of as links
from foxgrape import lead_times, link
from foxgrape.errors import TableError
from foxgrape.stats.survival.counted_leads import middle_of_leads
from foxgrape.stats.survival.kaplan_meier import kaplan_meier, quantile

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
    ends = [quantile(leads.survival, 0.5, edge) for edge in ("lower", "upper")]
    assert in_days(ends[0]) == low
    assert np.isinf(high) if pd.isna(ends[1]) else in_days(ends[1]) == high


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
    """Ten events between day 0.9 and 1.3, 100 signals censored at 1.08, five events at day 20.

    Spread around mid-interval, from 1.01 to 1.19, six of the ten come after the 100: the curve is
    (111 / 115) · (5 / 11) after the last. At their shortest, all ten come when 115 are at risk.
    """
    frame = links([0.9] * 10 + [20.0] * 5, [1.08] * 100)
    frame.loc[:9, "lead_max"] = pd.Timedelta("1.3D")
    leads = lead_times(frame)
    assert in_days(leads.median) == 1.19
    assert [in_days(end) for end in leads.median_bounds] == [1.19, 20]
    assert leads.median_ci == leads.quantile_ci(0.5)


@settings(max_examples=40)
@given(leads_of, leads_of, st.integers(0, 3))
def test_the_middle_lies_between_the_shortest_and_the_longest(failed, waiting, width):
    leads = lead_times(links(failed, waiting, width=width))
    ends = [*leads.median_bounds, *leads.median_ci]
    never = pd.Timedelta("1000D")
    low, high, lower, upper = (never if pd.isna(end) else end for end in ends)
    median = never if pd.isna(leads.median) else leads.median
    assert low <= median <= high
    assert lower <= median <= upper


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
    assert leads.median_ci[0] < leads.median
    assert pd.isna(leads.median_ci[1])  # three leads may all be shorter than the median


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
    waiting = lead_times(links([], [10, 20] * 10))
    assert (waiting.n, waiting.n_observed) == (20, 0)
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
    assert [in_days(leads.quantile(p)) for p in (0.25, 0.5, 0.75, 1)] == [1.5, 2.5, 3.5, 4]
    assert [in_days(leads.quantile(p)) for p in (0, 0.2, 0.4)] == [1, 1, 2]
    with pytest.raises(ValueError, match="between 0 and 1"):
        leads.quantile(1.1)


def test_what_is_shown_is_escaped_and_says_n():
    leads = lead_times(links([1, 2], code="<img src=x>"), by="code")
    shown = leads._repr_html_()
    assert "<img" not in shown
    assert "n = 2" in shown


def exact_world(posts, happened, *, confirmed=None, width=0):
    """Return signals and events at Izium at these days of September; events last `width` days."""
    day = pd.Timestamp("2022-09-01T00:00Z") - DAY
    posted = pd.DataFrame({"signal_id": [f"s{n}" for n in range(len(posts))], "place_id": IZIUM})
    posted["posted_at"] = [day + pd.Timedelta(at, "D") for at in posts]
    seen = pd.DataFrame({"event_id": [f"e{n}" for n in range(len(happened))], "place_id": IZIUM})
    for clock, days in (("occurred", happened), ("confirmed", confirmed or [None] * len(happened))):
        starts = [pd.NaT if at is None else day + pd.Timedelta(at, "D") for at in days]
        seen[f"{clock}_at"] = pd.Series(starts, dtype="datetime64[us, UTC]")
        seen[f"{clock}_until"] = seen[f"{clock}_at"] + width * DAY
    return posted, seen


@pytest.mark.parametrize("horizon", [7, 14, 30, 60])
def test_an_event_whose_interval_reaches_beyond_the_horizon_is_censored_there(horizon):
    """Of 200 signals, 3 have an event whose day straddles the horizon; the others have none.

    The three may have had their event within the horizon or after it: so the median is not reached.
    """
    posted = pd.DataFrame({"signal_id": [f"s{n}" for n in range(200)], "place_id": "geonames:1"})
    posted["posted_at"] = pd.Timestamp("2022-01-01T12:00Z")
    posted.loc[:2, "place_id"] = IZIUM
    day = pd.Timestamp("2022-01-01T00:00Z") + pd.Timedelta(horizon, "D")
    seen = pd.DataFrame({"event_id": ["e"], "place_id": [IZIUM], "occurred_at": [day]})
    seen["occurred_until"] = day + DAY
    links = link(posted, seen, horizon=f"{horizon}D", observed_until="2023-01-01T00:00Z")
    assert links["observed"].sum() == 3  # the link stays: the post came before the event
    leads = lead_times(links)
    assert (leads.n, leads.n_observed, leads.n_censored, leads.n_beyond) == (200, 0, 200, 3)
    assert pd.isna(leads.median)
    assert [pd.isna(end) for end in leads.median_bounds] == [True, True]
    assert leads.survival["time"].tolist() == [horizon * DAY]
    assert "No median" in leads.sentence()
    assert any("3 signals the event may lie beyond the horizon" in line for line in leads.warnings)


def test_a_lead_that_ends_at_the_horizon_is_observed():
    posted, seen = exact_world([1], [7], width=1)
    for horizon, beyond in (("7D", 0), ("6D12h", 1), ("6D", 1)):
        leads = lead_times(link(posted, seen, horizon=horizon, observed_until="2023-01-01T00:00Z"))
        assert (leads.n_observed, leads.n_beyond) == (1 - beyond, beyond)


def test_the_restricted_mean_and_turnbull_know_that_a_lead_may_lie_beyond_the_horizon():
    """One lead of 4 days exactly, one between 6 and 7 days with a horizon of 6.5 days."""
    rough = exact_world([1], [7], width=1)
    exact = [frame.assign(place_id="geonames:1") for frame in exact_world([1], [5])]
    exact[0]["signal_id"], exact[1]["event_id"] = "x", "f"
    tables = [pd.concat(pair, ignore_index=True) for pair in zip(rough, exact, strict=True)]
    leads = lead_times(link(*tables, horizon="6D12h", observed_until="2023-01-01T00:00Z"))
    assert leads.survival["survival"].tolist() == [0.5, 0.5]
    assert in_days(leads.restricted_mean("6D12h").mean) == (4 + 6.5) / 2
    # The estimate knows no more than that this lead is longer than 6 days.
    assert leads.turnbull().survival(5.9) == (0.5, 0.5)
    assert leads.turnbull().survival(6.4) == (0.0, 0.5)


def test_posts_after_an_unconfirmed_event_are_no_leads():
    """Of four posts one came 3 days before the event, and three after it."""
    tables = exact_world([2, 6, 7, 8], [5])
    leads = lead_times(link(*tables, observed_until="2023-01-01T00:00Z"))
    assert (leads.clock, leads.n, leads.n_follows, leads.n_undetermined) == ("occurred", 1, 3, 0)
    assert in_days(leads.median) == 3


def test_a_lead_counts_what_came_before_the_clock_that_it_is_measured_on():
    """Event on the 5th, confirmed on the 8th; posts on the 2nd, 6th, 7th and 9th."""
    tables = exact_world([2, 6, 7, 9], [5], confirmed=[8])
    confirmed, occurred = (
        lead_times(link(*tables, clock=clock, observed_until="2023-01-01T00:00Z"))
        for clock in ("confirmed", "occurred")
    )
    assert (confirmed.n, confirmed.n_follows) == (3, 1)
    assert confirmed.leads["shortest"].tolist() == [6 * DAY, 2 * DAY, 1 * DAY]
    assert (occurred.n, occurred.n_follows) == (1, 3)
    assert occurred.leads["shortest"].tolist() == [3 * DAY]


def test_posts_after_their_event_can_be_counted_as_right_censored():
    """Posts on days 2, 6, 7 and 20, events on days 5 and 24 elsewhere; watched up to 10 days.

    The first post leads by 3 days. Of the next two no later event came within 10 days, and the
    event before the last is too long ago, so that it is right-censored anyway.
    """
    posted, seen = exact_world([2, 6, 7, 20], [5, 24])
    seen.loc[1, "place_id"] = "geonames:1"
    links = link(posted, seen, horizon="10D")
    assert links["relation"].tolist() == ["anticipates", "follows", "follows", "unconfirmed"]
    assert links["watched"].tolist() == [10 * DAY, 10 * DAY, 10 * DAY, 4 * DAY]
    left_out, counted = lead_times(links), lead_times(links, follows=True)
    assert (left_out.n, left_out.n_observed, left_out.n_censored) == (2, 1, 1)
    assert (counted.n, counted.n_observed, counted.n_censored) == (4, 1, 3)
    assert counted.leads["longest"].tolist() == [3 * DAY, 10 * DAY, 10 * DAY, 4 * DAY]
    assert (in_days(left_out.median), pd.isna(counted.median)) == (3, True)
    assert (counted.n_follows, counted.n_undetermined, counted.n_beyond) == (2, 0, 0)


def test_a_post_around_the_event_is_undetermined_on_the_occurred_clock():
    """The post lies between day 4 and 7, the event on day 5, its confirmation on day 8."""
    posted, seen = exact_world([4], [5], confirmed=[8])
    posted["posted_until"] = posted["posted_at"] + 3 * DAY
    leads = lead_times(link(posted, seen, clock="occurred"))
    assert (leads.n, leads.n_undetermined) == (1, 1)
    assert (leads.leads["shortest"].item(), leads.leads["longest"].item()) == (0 * DAY, DAY)
    assert lead_times(link(posted, seen, clock="confirmed")).n_undetermined == 0


def test_signals_after_the_end_of_observation_are_left_out_and_counted():
    """The last event is of day 20: a post of day 18 was followed for 2 days, later posts never."""
    posted, seen = exact_world([2, 18, 20, 25, 26], [5, 20])
    seen.loc[1, "place_id"] = posted.loc[2:, "place_id"] = "geonames:1"
    posted.loc[1, "place_id"] = "geonames:2"
    leads = lead_times(link(posted, seen))
    # The post at the instant of the last event is linked to it, its order unknown.
    assert (leads.n, leads.n_observed, leads.n_undetermined) == (3, 2, 1)
    # What came before a post that was not followed makes no difference.
    assert (leads.n_censored, leads.n_follows, leads.n_unfollowed) == (1, 0, 2)
    posted.loc[2:, "place_id"] = "geonames:2"
    leads = lead_times(link(posted, seen))
    assert (leads.n, leads.n_censored, leads.n_unfollowed) == (2, 1, 3)
    assert leads.leads["shortest"].tolist() == [3 * DAY, 2 * DAY]
    assert "3 signals were left out, because no events were recorded at that time and place." in (
        leads.warnings
    )


def day_stamped(posted, until, *, horizon="30D"):
    """Return the leads of a post of a whole day after which no event came."""
    signals = pd.DataFrame({"signal_id": ["s"], "place_id": [IZIUM], "posted_at": [posted]})
    signals["posted_until"] = posted + DAY
    other = pd.DataFrame({"event_id": ["e"], "place_id": ["geonames:1"], "occurred_at": [posted]})
    links = link(signals, other, horizon=horizon, clock="occurred", observed_until=until)
    return links, lead_times(links)


@pytest.mark.parametrize(
    ("until", "horizon", "watched", "lead"),
    [
        # Posted on day 0, observed to the end of day 4: for 4 to 5 days, 4.5 in the middle.
        (5, "30D", (4, 5), 4.5),
        # Observed to noon of the day of the post: for up to 12 hours, and not left out.
        (0.5, "30D", (0, 0.5), 0.25),
        # The horizon ends the longest of these times.
        (5, "108h", (4, 4.5), 4.25),
        (30, "7D", (7, 7), 7),
    ],
)
def test_a_censored_signal_known_to_the_day_is_observed_from_the_middle_of_its_day(
    until, horizon, watched, lead
):
    start = pd.Timestamp("2022-09-10T00:00Z")
    table, leads = day_stamped(start, (start + until * DAY).isoformat(), horizon=horizon)
    assert table[["watched", "watched_max"]].iloc[0].tolist() == [n * DAY for n in watched]
    assert table["lead_min"].item() == watched[0] * DAY
    assert (leads.n, leads.n_censored, leads.n_unfollowed) == (1, 1, 0)
    assert leads.leads[["shortest", "longest"]].iloc[0].tolist() == [lead * DAY] * 2


def test_a_table_without_the_longest_time_observed_is_censored_at_the_shortest():
    start = pd.Timestamp("2022-09-10T00:00Z")
    table, _ = day_stamped(start, (start + 5 * DAY).isoformat())
    for columns in (["watched_max"], ["watched", "watched_max"]):
        old = lead_times(table.drop(columns=columns))
        assert old.leads["shortest"].tolist() == [4 * DAY]
    mixed = pd.concat([table, table.drop(columns="watched_max").assign(signal_id="t")])
    assert lead_times(mixed).leads["shortest"].tolist() == [4.5 * DAY, 4 * DAY]


def test_wide_leads_are_estimated_from_their_intervals():
    """Two leads of 0 to 4 days, two of 2 to 6, one signal censored at 10.

    The four leads overlap from 2 to 4 days, where the most likely distribution has them all. At
    mid-interval the curve would be 3/5 at 2 days and 1/5 at 4. Spread over the two days, four of
    five leads reach one half after 5/8 of them.
    """
    leads = lead_times(links([0.0, 0.0, 2.0, 2.0], [10], width=4))
    assert leads.method == "Turnbull"
    assert in_days(leads.median) == in_days(leads.quantile(0.5)) == 3.25
    assert [in_days(end) for end in leads.median_bounds] == [2, 6]
    assert leads.quantile_ci(0.5) == leads.median_ci
    assert pd.isna(leads.quantile(0.9))
    assert "Turnbull's estimate, because the times are rough)." in leads.sentence()
    assert (leads.to_dict()["method"], leads.to_frame()["method"].item()) == ("Turnbull",) * 2


def test_the_median_of_wide_leads_may_not_be_reached():
    leads = lead_times(links([0.0] * 8, [7] * 12, width=4))
    assert leads.method == "Turnbull"
    assert pd.isna(leads.median)
    assert "No median" in leads.sentence()


@pytest.mark.parametrize(
    ("width", "method"), [(0, "Kaplan–Meier"), (1, "Kaplan–Meier"), (4, "Turnbull")]
)
def test_the_method_depends_on_the_width_of_the_leads(width, method):
    """Leads from 3 to 7 days: widths of 1 and 4 are 1/5.5 and 4/7 of the median lead."""
    leads = lead_times(links([3.0, 4, 5, 6, 7], width=width))
    assert leads.method == method
    if width == 0:
        assert in_days(leads.median) == 5


def test_too_many_wide_leads_are_taken_at_mid_interval_with_a_warning():
    rng = np.random.default_rng(1)
    frame = links(rng.uniform(0, 5, 1000))
    frame["lead_max"] = frame["lead_min"] + pd.to_timedelta(rng.uniform(0, 9, 1000), unit="D")
    leads = lead_times(frame)
    assert leads.method == "Kaplan–Meier"
    assert any("too many for Turnbull's estimate" in line for line in leads.warnings)
    assert not any("too many" in line for line in lead_times(frame.iloc[:50]).warnings)


def monthly_world(rng, n=100):
    """Return leads with a median of 10 days, known to the month of the event; 60 days watched."""
    true = rng.lognormal(np.log(10), 1, n)
    posted = rng.uniform(0, 360, n)
    begin = (posted + true) // 30 * 30 - posted
    seen = (true <= 60) & (begin + 30 <= 60)
    frame = links(np.maximum(begin[seen], 0.0), [60.0] * int((~seen).sum()))
    frame.loc[: seen.sum() - 1, "lead_max"] = pd.to_timedelta(begin[seen] + 30, unit="D").to_numpy()
    return frame


def test_the_median_of_leads_known_to_the_month_is_close_to_the_truth_and_covered():
    """At mid-interval the median is a quarter or more too long."""
    rng = np.random.default_rng(3)
    results = [lead_times(monthly_world(rng)) for _ in range(40)]
    assert {leads.method for leads in results} == {"Turnbull"}
    turnbull = np.median([in_days(leads.median) for leads in results])
    tables = [leads.leads for leads in results]
    middle = np.median(
        [
            in_days(quantile(kaplan_meier(middle_of_leads(rows), rows["observed"].to_numpy()), 0.5))
            for rows in tables
        ]
    )
    assert abs(turnbull - 10) < 2.5 < middle - 10
    covered = [leads.median_ci[0] <= 10 * DAY <= leads.median_ci[1] for leads in results]
    assert sum(covered) >= 38
