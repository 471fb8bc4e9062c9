"""Coincidence: rates, exact p, ties, rough times, hindsight, groups, several windows, sentences."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foxgrape import coincidence, hazard
from foxgrape.display.chance import verdict_in_words
from foxgrape.display.chance_tables import nulls_answer
from foxgrape.errors import FoxgrapeError, TableError
from foxgrape.observation import Observation
from foxgrape.stats import simulate
from foxgrape.stats.coincidence.significance import adjust_fdr
from foxgrape.stats.coincidence.surrogates import NULLS
from foxgrape.stats.inputs import place_coordinates

START = pd.Timestamp("2022-01-01T00:00Z")
YEAR = (START, START + pd.Timedelta(days=365))


def day(number):
    return START + pd.Timedelta(days=number)


def signals(*posted, **columns):
    """Return one signal per (day, place); a pair of days is a rough time."""
    rows = []
    for number, (when, place) in enumerate(posted):
        low, high = when if isinstance(when, tuple) else (when, when)
        rows.append(
            {
                "signal_id": f"s{number}",
                "place_id": f"x:{place}",
                "posted_at": day(low),
                "posted_until": day(high),
                "account": "me",
                "code": "🍇",
            }
        )
    return pd.DataFrame(rows).assign(**columns)


def events(*happened, **columns):
    rows = []
    for number, (when, place) in enumerate(happened):
        low, high = when if isinstance(when, tuple) else (when, when)
        rows.append(
            {
                "event_id": f"e{number}",
                "place_id": f"x:{place}",
                "occurred_at": day(low),
                "occurred_until": day(high),
                "confirmed_at": day(high),
            }
        )
    return pd.DataFrame(rows).assign(**columns)


def ask(posted, happened, **options):
    return coincidence(posted, happened, **{"window": "7D", "n": 99, "observed": YEAR} | options)


def test_rates_match_hand_calculation():
    """The first is followed after 3 days and the second after 7, the edge of the window."""
    posted = signals((10, "a"), (20, "a"), (30, "a"), (200, "b"))
    happened = events((13, "a"), (27, "a"), (202, "a"), (100, "b"), (28, "c"))
    result = ask(posted, happened)
    assert result.trigger_rate == 2 / 4
    assert result.precursor_rate == 2 / 5
    assert result.echo_rate == 2 / 4  # the third, 3 days after day 27; the second, 7 after day 13
    assert (result.n_signals, result.n_events, result.n_unfollowed) == (4, 5, 0)


def test_lag_opens_the_window_later():
    posted, happened = signals((10, "a"), (50, "a")), events((12, "a"), (55, "a"))
    assert ask(posted, happened, window="3D", lag="3D").trigger_rate == 1 / 2
    assert ask(posted, happened, window="3D", lag="2D").trigger_rate == 1


def test_a_simultaneous_event_counts_and_an_earlier_one_does_not():
    assert ask(signals((10, "a")), events((10, "a"))).trigger_rate == 1
    assert ask(signals((10.001, "a")), events((10, "a"))).trigger_rate == 0


def test_an_event_after_several_signals_is_preceded_once():
    result = ask(signals((10, "a"), (11, "a"), (12, "a")), events((13, "a"), (300, "b")))
    assert (result.trigger_rate, result.precursor_rate) == (1.0, 0.5)


def test_rough_times_count_by_the_share_that_coincides():
    """A signal during day 10 and an event during day 17: half of all pairs lie within 7 days."""
    result = ask(signals(((10, 11), "a")), events(((17, 18), "a")), clock="occurred")
    assert result.trigger_rate == pytest.approx(0.5, abs=0.2)
    sure = ask(signals(((10, 11), "a")), events(((12, 13), "a")))
    assert sure.trigger_rate == 1
    never = ask(signals(((10, 11), "a")), events(((19, 20), "a")))
    assert never.trigger_rate == 0


def test_rough_times_are_sorted_after_drawing():
    """In any order of the two signals and two events, each event is within 7 days of both."""
    posted = signals(((10, 12), "a"), ((10.5, 12.5), "a"))
    happened = events(((13, 15), "a"), ((13.5, 15.5), "a"))
    for null in ("uniform", "shuffle", "circular"):
        result = ask(posted, happened, null=null, n=199, clock="occurred")
        assert (result.trigger_rate, result.precursor_rate, result.echo_rate) == (1, 1, 0)
        assert result.p_trigger < 0.05


def test_seventy_events_after_one_signal_match_hand_calculation():
    """The signal counts by the first event; every event is preceded by it."""
    posted = signals((10, "a"), (100, "b"))
    happened = events(*((10 + 0.09 * k, "a") for k in range(1, 71)))
    result = ask(posted, happened, null="place", n=30)
    assert (result.trigger_rate, result.precursor_rate) == (0.5, 1)
    assert result.statistic == pytest.approx(1 - 0.5 * 0.09 / 7)
    assert set(result.surrogates.round(9)) == {0.0, round(result.statistic, 9)}


def test_hindsight_counts_only_on_request():
    posted = signals((10, "a"), decoded_at=day(14))
    happened = events((13, "a"))
    assert ask(posted, happened).trigger_rate == 0
    assert ask(posted, happened, hindsight=True).trigger_rate == 1
    assert ask(posted, events((13, "a"), (15, "a"))).trigger_rate == 1
    in_time = signals((10, "a"), decoded_at=day(12))
    assert ask(in_time, happened).trigger_rate == 1


def test_hindsight_does_not_lower_p():
    posted = signals(*((10 * k, k) for k in range(1, 31)), decoded_at=day(360))
    happened = events(*((10 * k + 1, k) for k in range(1, 31)))
    for null in NULLS:
        assert ask(posted, happened, null=null).p_trigger == 1
        assert ask(posted, happened, null=null, hindsight=True).p_trigger < 0.05


def test_p_of_the_uniform_null_equals_the_formula():
    """One signal, one event: a uniform pair coincides with probability w/T - w²/(2T²)."""
    result = ask(
        signals((100, "a")), events((107, "a")), window="36.5D", null="uniform", n=20_000, rng=5
    )
    share = 0.1
    half = 1 - 0.5 * 7 / 36.5  # a surrogate must be as soon as the observed event
    w = share * (1 - half) / 0.5
    assert result.p_trigger == pytest.approx(w - w * w / 2, abs=0.004)


def test_p_of_the_place_null_equals_counting_permutations():
    """Three places, each with its own event: one permutation of six reaches the observed one."""
    posted = signals((10, "a"), (100, "b"), (200, "c"))
    happened = events((11, "a"), (101, "b"), (201, "c"))
    result = ask(posted, happened, null="place", n=60_000, rng=1)
    assert result.p_trigger == pytest.approx(1 / 6, abs=0.006)
    assert result.p_precursor == pytest.approx(1 / 6, abs=0.006)


@pytest.mark.parametrize("null", NULLS)
def test_ties_count_against_the_claim(null):
    """Nothing coincides, observed or simulated: all surrogates are ties, and p is 1."""
    result = ask(signals((10, "a"), (20, "b")), events((15, "c")), null=null)
    assert (result.p_trigger, result.p_precursor) == (1.0, 1.0)


@pytest.mark.parametrize("null", ["place", "local"])
def test_a_single_place_has_no_p(null):
    """With one place there is nothing to exchange."""
    posted = signals(*((10 * k, "a") for k in range(1, 30)))
    result = ask(posted, events(*((10 * k + 1, "a") for k in range(1, 30))), null=null)
    assert result.trigger_rate == 1
    assert np.isnan(result.p_trigger)


@pytest.mark.parametrize("null", NULLS)
def test_p_is_never_zero(null):
    world = simulate.world(leads=1.0, rng=1)
    result = ask(world.signals, world.events, null=null, n=19, observed=world.observed)
    assert result.p_trigger == 1 / 20


@pytest.mark.parametrize("null", NULLS)
@pytest.mark.parametrize("rough", [0.0, 1.0])
def test_numbers_depend_on_the_seed_and_not_on_threads(null, rough):
    world = simulate.world(signals=30, events=60, leads=0.2, rough=rough, rng=2)
    serial, threaded, generated, other = (
        ask(world.signals, world.events, null=null, rng=seed, threads=threads, by="code")
        for seed, threads in ((4, 1), (4, 2), (np.random.default_rng(4), 1), (5, 1))
    )
    assert serial.to_dict() == threaded.to_dict()
    assert (serial.surrogates == threaded.surrogates).all()
    again = ask(world.signals, world.events, null=null, rng=np.random.default_rng(4), by="code")
    assert generated.to_dict() == again.to_dict()
    assert not (serial.surrogates == other.surrogates).all()


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_a_wider_window_never_has_lower_rates(number):
    world = simulate.world(signals=15, events=40, places=5, leads=0.3, rng=number)
    table = ask(world.signals, world.events, window=["1D", "5D", "30D"], n=9).windows
    assert table["trigger_rate"].is_monotonic_increasing
    assert table["precursor_rate"].is_monotonic_increasing


def test_p_is_adjusted_for_choosing_the_window():
    world = simulate.world(leads=0.2, rng=11)
    many = ask(world.signals, world.events, window=[f"{k}D" for k in range(1, 11)], n=999)
    table = many.windows
    assert (table["p_trigger_adjusted"] >= table["p_trigger"]).all()
    assert many.p_trigger == table["p_trigger_adjusted"].min()
    assert table["p_trigger"].min() < table["p_trigger_adjusted"].max()
    best = table.iloc[table["p_trigger"].argmin()]
    assert (many.window, many.trigger_rate) == (best["window"], best["trigger_rate"])
    assert "best of 10 windows" in many.sentence()


def test_groups_are_tested_and_adjusted_for_their_number():
    world = simulate.world(signals=90, leads=0.0, accounts=3, rng=12)
    lucky = world.signals.copy()
    mine = lucky["account"] == "account 1"
    happened = world.events.copy()
    target = happened.sample(int(mine.sum()), random_state=1)
    lucky.loc[mine, "place_id"] = target["place_id"].to_numpy()
    lucky.loc[mine, "posted_at"] = (target["occurred_at"] - pd.Timedelta(days=1)).to_numpy()
    lucky["posted_until"] = lucky["posted_at"]
    result = ask(lucky, happened, by="account", n=999)
    table = result.to_frame().set_index("group")
    assert table["n_signals"].sum() == 90 - result.n_unfollowed == 88
    assert result.p_adjusted.idxmin() == "account 1"
    assert result.p_adjusted["account 1"] < 0.05
    assert result.p_adjusted.drop("account 1").min() > 0.05
    assert (result.p_adjusted >= table["p_trigger"]).all()


def test_nan_does_not_affect_other_p_values():
    """With a NaN, statsmodels' multipletests returns NaN for every q but still rejects."""
    from statsmodels.stats.multitest import multipletests

    p = np.array([0.001, np.nan, 0.9])
    reject, q, _, _ = multipletests(p, method="fdr_bh")
    assert np.isnan(q).all()
    assert reject.any()
    ours = adjust_fdr(p)
    assert ours[0] == pytest.approx(0.002)
    assert np.isnan(ours[1])
    assert ours[2] == pytest.approx(0.9)
    assert np.isnan(adjust_fdr(np.array([np.nan]))).all()


def test_rows_outside_observation_are_left_out():
    posted = signals((10, "a"), (400, "a"))
    result = ask(posted, events((11, "a"), (401, "a")))
    assert (result.n_signals, result.n_events) == (1, 1)
    assert result.observed == YEAR


def test_a_signal_whose_window_is_not_observed_is_left_out_and_counted():
    """Days 358 and 10 have a week until the end, day 365; day 359 has not, but is followed."""
    posted = signals((359, "a"), (358, "a"), (10, "a"))
    result = ask(posted, events((12, "a"), (360, "a")))
    assert (result.n_signals, result.n_unfollowed) == (2, 1)
    assert result.trigger_rate == 1
    words = "1 signal was not tested, because events were not recorded for all of the 7 days "
    words += "after the post."
    assert words in result.warnings
    # Of several windows the longest must be observed, so that all have the same signals.
    both = ask(posted, events((12, "a"), (360, "a")), window=["1D", "14D"])
    assert (both.n_signals, both.n_unfollowed) == (1, 2)
    assert ask(posted, events((12, "a")), lag="1D").n_unfollowed == 2


def test_a_code_decoded_after_an_event_that_was_never_confirmed_does_not_count_for_it():
    """Posted on day 10, decoded on day 14: after the event of day 12, before the one of day 15."""
    posted = signals((10, "a"), decoded_at=day(14))
    for happened, rate in ((events((12, "a")), 0.0), (events((15, "a")), 1.0)):
        never = happened.assign(confirmed_at=pd.NaT)
        options = {"clock": "occurred"}
        assert ask(posted, never, **options).trigger_rate == rate
        assert ask(posted, never, hindsight=True, **options).trigger_rate == 1
        risk = {"window": "7D", "observed": YEAR, "clock": "occurred"}
        assert hazard(posted, never, **risk).n_exposed == rate
        assert hazard(posted, never, **risk).n_hindsight == 1 - rate


def test_a_window_across_a_gap_is_not_observed():
    """Events were not recorded from day 100 to 120: weeks from day 93 on until then are open."""
    observed = Observation.stated(*YEAR, gaps=[(day(100), day(120))])
    posted = signals((92, "a"), (93, "a"), (94, "a"), (110, "a"), (120, "a"))
    happened = events((93, "a"), (101, "a"), (121, "a"))
    result = ask(posted, happened, observed=observed)
    assert (result.n_signals, result.n_unfollowed, result.n_events) == (3, 1, 2)
    assert result.trigger_rate == pytest.approx(3 / 3)
    assert "1 of 5 signals lies outside the observation period and was left out." in result.warnings
    assert ask(posted, happened).n_signals == 5


def test_the_confirmed_clock_leaves_out_unconfirmed_events():
    happened = events((12, "a"), (30, "a"))
    happened["confirmed_at"] = [day(15), pd.NaT]
    posted = signals((10, "a"), (29, "a"))
    assert ask(posted, happened, clock="occurred").trigger_rate == 1
    result = ask(posted, happened)
    assert (result.n_events, result.trigger_rate) == (1, 0.5)
    # Without any confirmation, events count when they occurred.
    happened["confirmed_at"] = pd.NaT
    assert ask(posted, happened).trigger_rate == 1
    with pytest.raises(FoxgrapeError, match="unknown clock"):
        ask(posted, happened, clock="ocurred")


@pytest.mark.parametrize("null", NULLS)
def test_without_signals_or_events_p_is_nan(null):
    nothing, something = signals((400, "a")), events((10, "a"))
    none = ask(nothing, something, null=null)
    assert math.isnan(none.p_trigger)
    assert none.to_dict()["p_trigger"] is None
    assert none.sentence() == (
        "Nothing to test: no signal with its window lies within the observation period."
    )
    no_event = ask(signals((10, "a")), events((400, "a")), null=null)
    assert "no confirmation of an event lies within the observation" in no_event.sentence()
    for result in (none, no_event):
        result.figure()
        assert isinstance(result._repr_html_(), str)


@pytest.mark.parametrize("null", NULLS)
def test_a_single_instant_is_observed_for_a_microsecond(null):
    """No window is observed, so that there is nothing to test."""
    for happened in (events((10, "a")), events((10, "a")).iloc[:0]):
        result = ask(signals((10, "a")), happened, null=null, observed=None)
        assert (result.n_signals, result.n_unfollowed) == (0, 1)
        assert math.isnan(result.trigger_rate)
        assert result.observed == (day(10), day(10) + pd.Timedelta(1, "us"))


def test_few_signals_are_too_few_whatever_p_is():
    posted = signals(*((20 * k, k) for k in range(1, 16)))
    result = ask(posted, events(*((20 * k + 1, k) for k in range(1, 16))), n=999)
    assert result.p_trigger < 0.01
    assert result.sentence().startswith("15 signals are too few to test.")


def test_planted_leads_are_detected_and_reported():
    world = simulate.world(signals=120, leads=0.3, rng=3)
    result = ask(world.signals, world.events, n=999, observed=world.observed)
    assert result.p_trigger < 0.01
    assert result.sentence().startswith("More than chance")


def test_an_anti_conservative_null_is_reported():
    """Under a shared tempo and front, all null models but the local one are significant."""
    world = simulate.world(tempo="bursts", front=6.0, signals=120, events=240, rng=4)
    for null in ("uniform", "shuffle", "circular", "place"):
        result = ask(world.signals, world.events, null=null, n=499, observed=world.observed)
        assert result.p_trigger < 0.05
        assert any("mistakes it for foresight" in warning for warning in result.warnings)
        assert result.sentence().startswith("Unreliable: ")
    local = ask(world.signals, world.events, n=499, observed=world.observed)
    assert local.p_trigger > 0.05
    assert local.warnings == ()
    assert local.tempo.significant
    assert local.front.significant


def test_no_warning_without_a_shared_tempo_or_front():
    """About one world in ten has a warning by chance (two measures at 5% each)."""
    warned = 0
    for number in range(30):
        world = simulate.world(rng=number)
        result = ask(world.signals, world.events, null="uniform", n=9, observed=world.observed)
        warned += bool(result.warnings and any("foresight" in text for text in result.warnings))
    assert warned <= 5


def test_places_without_coordinates_are_reported_and_tested():
    world = simulate.world(signals=120, leads=0.4, rng=3)
    lost = world.events.assign(lat=np.nan, lon=np.nan)
    result = ask(world.signals, lost, n=499, observed=world.observed)
    assert result.p_trigger < 0.05
    assert any("places have no known coordinates" in warning for warning in result.warnings)
    single = ask(signals((10, "a")), events((12, "b"), lat=50.0, lon=30.0))
    assert any(warning.startswith("1 of 2 places has no known") for warning in single.warnings)


def test_missing_coordinates_are_taken_from_the_gazetteer():
    where = place_coordinates(
        ["geonames:707292", "x:nowhere"],
        pd.DataFrame({"place_id": ["x:nowhere"], "lat": [np.nan], "lon": [np.nan]}),
    )
    assert where[0] == pytest.approx([49.2, 37.3], abs=0.1)
    assert np.isnan(where[1]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": "soon"}, "window must be a positive duration"),
        ({"window": "0D"}, "window must be a positive duration"),
        ({"window": 7}, "window must be a positive duration"),
        ({"window": "1ns"}, "window must be a positive duration"),
        ({"window": []}, "window must be a duration"),
        ({"lag": "-1D"}, "lag must be a duration"),
        ({"null": "locale"}, "did you mean 'local'"),
        ({"n": 0}, "must be at least 1; got 0"),
        ({"clock": "clock"}, "unknown clock"),
        ({"observed": ("2022-02-01T00:00Z", "2022-01-01T00:00Z")}, "start before end"),
        ({"observed": ("2022-02-01", "2022-03-01")}, "start before end"),
        ({"observed": 2022}, "start before end"),
        ({"rng": -1}, "a seed must be"),
        ({"rng": 2**63}, "a seed must be"),
    ],
)
def test_invalid_options_are_refused(options, message):
    with pytest.raises(FoxgrapeError, match=message):
        ask(signals((1, "a")), events((2, "a")), **options)


def test_an_unknown_group_column_is_refused():
    with pytest.raises(TableError, match="did you mean 'account'"):
        ask(signals((1, "a")), events((2, "a")), by="acount")


def test_html_is_escaped():
    posted = signals((10, "a"), (20, "b"), code="<img src=x>")
    shown = ask(posted, events((11, "a")), by="code")._repr_html_()
    assert "<img" not in shown
    assert "&lt;img" in shown


def test_each_null_states_what_it_preserves_and_when_it_fails():
    assert list(NULLS) == ["uniform", "shuffle", "circular", "place", "local"]
    for null in NULLS.values():
        assert null.preserves
        assert null.randomizes
        assert null.fails_when


def test_a_single_signal_has_a_sentence_in_the_singular():
    result = ask(signals((10, "a")), events((12, "a"), (90, "b")))
    assert result.sentence() == "One signal is too few to test."
    assert "One signal is too few to test." in result.warnings


def test_the_local_null_claims_nothing_where_it_cannot_see_the_front():
    """With coordinates of every place the claim stands; without them it is unreliable."""
    world = simulate.world(leads=0.6, rng=1)
    options = {"window": "7D", "n": 199, "observed": world.observed}
    located = coincidence(world.signals, world.events, **options)
    assert (located.n_unlocated, located.sentence()[:17]) == (0, "More than chance:")
    nowhere = world.events.assign(lat=float("nan"), lon=float("nan"))
    result = coincidence(world.signals, nowhere, **options)
    assert result.n_unlocated == result.n_places
    assert result.p_trigger <= 0.05
    assert result.sentence().startswith("Unreliable: ")
    assert any(line.endswith(" The test is then unreliable.") for line in result.warnings)


@pytest.mark.parametrize(
    ("hour", "stamped"),
    [
        (lambda _: 0, True),  # midnight UTC
        (lambda number: 21 + number % 2, True),  # midnight in Kyiv, in summer and in winter
        (lambda number: number % 24, False),
        (lambda number: 0 if number % 10 else 7, False),  # nine tenths
    ],
)
def test_days_that_are_given_as_instants_are_recognised(hour, stamped):
    posted = signals(*((number + hour(number) / 24, "a") for number in range(100)))
    happened = events((200.3, "a"))
    warned = [line for line in ask(posted, happened).warnings if "same time of day" in line]
    assert bool(warned) == stamped
    if stamped:
        assert warned[0].startswith(
            "100 signals have the same time of day: they seem to be known to "
        )


def test_days_that_are_given_as_intervals_and_few_instants_are_not_warned_about():
    days = [((number, number + 0.99999), "a") for number in range(20)]
    few = [(number, "a") for number in range(9)]
    for rows in (days, few):
        result = ask(signals(*rows), events((200.3, "a")))
        assert not any("same time of day" in line for line in result.warnings)


@pytest.mark.parametrize("null", ["local", "place"])
def test_signals_for_one_place_cannot_be_exchanged(null):
    """Each surrogate equals the data, so that p would be 1 whatever came after the signals."""
    days = pd.date_range("2022-09-01", periods=30, freq="3D", tz="UTC")
    posted = pd.DataFrame(
        {"signal_id": [f"s{n}" for n in range(30)], "place_id": "geonames:707292"}
    )
    posted["posted_at"] = days
    happened = pd.DataFrame({"event_id": [f"e{n}" for n in range(30)], "place_id": "geonames:1"})
    happened["occurred_at"] = days + pd.Timedelta("1D")
    happened.loc[:9, "place_id"] = "geonames:707292"
    options = {"window": "2D", "clock": "occurred", "null": null, "n": 99}
    result = coincidence(posted, happened, **options)
    assert (result.claim, result.n_signal_places) == ("Too few to test", 1)
    assert np.isnan(result.p_trigger)
    n = result.n_signals
    assert result.sentence().startswith(f"Too few places to test: the {n} signals name one. ")
    assert result.warnings[0].startswith(f"All {n} signals name one place: the {null} null model")
    assert verdict_in_words(result) == f"Too few places to test: the {n} signals name one."
    assert nulls_answer([result]) == "The signals name one place, too few to test."
    # New times can be drawn at one place.
    shuffled = coincidence(posted, happened, **options | {"null": "uniform"})
    assert not np.isnan(shuffled.p_trigger)
    assert "Too few" not in shuffled.sentence()
    posted.loc[5:, "place_id"] = "geonames:1"
    assert not np.isnan(coincidence(posted, happened, **options).p_trigger)
