"""Sentences, JSON and HTML of results, and durations in words."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from factories import leads_of
from foxgrape import FoxgrapeError, coincidence, lead_times
from foxgrape._util.formatting import duration_in_words, lead_in_words
from foxgrape.stats import simulate
from foxgrape.stats.alarms.comparison import Comparison
from foxgrape.stats.coincidence.surrogates import Confounding
from foxgrape.stats.power import Power
from foxgrape.stats.survival.competing_risks import cumulative_incidence
from foxgrape.stats.survival.lead_times import counted_leads
from foxgrape.stats.survival.turnbull import turnbull

DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2022-01-01T00:00Z")
YEAR = (START, START + 365 * DAY)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        ("0s", "zero"),
        ("1us", "just above zero"),
        ("-1us", "just below zero"),
        ("59.999999s", "just above zero"),
        ("-59.999999s", "just below zero"),
        ("1min", "1 minute"),
        ("-1min", "−1 minute"),
        ("90s", "2 minutes"),
        ("2min", "2 minutes"),
        ("29min 31s", "30 minutes"),
        ("59min 29s", "59 minutes"),
        ("59min 30s", "1 hour"),
        ("-59min 30s", "−1 hour"),
        ("59min 59s", "1 hour"),
        ("1h", "1 hour"),
        ("1h 29min", "1 hour"),
        ("1h 31min", "2 hours"),
        ("23h 29min", "23 hours"),
        ("23h 31min", "1 day"),
        ("23h 45min", "1 day"),
        ("1D", "1 day"),
        ("1D 1h", "1 day 1 hour"),
        ("1D 12h", "1 day 12 hours"),
        ("-36h", "−1 day 12 hours"),
        ("2D 2h", "2 days 2 hours"),
        ("9D 23h", "9 days 23 hours"),
        ("9D 23h 31min", "10 days"),
        ("9D 23h 59min", "10 days"),
        # From ten days on, hours are left out.
        ("10D 1h", "10 days"),
        ("10D 11h", "10 days"),
        ("10D 13h", "11 days"),
        ("30D 11h", "30 days"),
        ("-30D 13h", "−31 days"),
    ],
)
def test_durations_in_words(duration, words):
    assert duration_in_words(pd.Timedelta(duration)) == words


@pytest.mark.parametrize(
    ("low", "high", "observed", "words"),
    [
        ("30D", None, False, "more than 30 days"),
        ("1us", "47h 59min", True, "up to 2 days"),
        ("2h", "2h", True, "2 hours"),
        ("47h 50min", "48h 10min", True, "2 days"),  # equal when rounded
        ("-3h", "1h", True, "−3 hours to 1 hour"),
    ],
)
def test_leads_in_words(low, high, observed, words):
    row = SimpleNamespace(
        lead_min=pd.Timedelta(low), lead_max=pd.Timedelta(high), observed=observed
    )
    assert lead_in_words(row) == words


@pytest.fixture
def rough():
    """Leads of 1 to 2, 2 to 3 and 3 to 4 days, and a signal watched for 5."""
    return leads_of([1, 2, 3], [5], width=1, code=["a", "a", "b", "b"])


@pytest.fixture
def leads(rough):
    return lead_times(rough)


COUNTS = "n = 4, 1 right-censored"


def test_lead_times_in_one_sentence(leads):
    """Half of the signals had their event by 2.5 days, and no other until 3.5 days."""
    assert leads.sentence() == (
        f"Median time from post to confirmation: four signals are too few to say ({COUNTS})."
    )
    bounded = replace(leads, n=40, clock="occurred", median_ci=(0 * DAY, 9 * DAY))
    assert bounded.sentence() == (
        "Median time from post to occurrence: 3 days "
        "(95% interval: 0 to 9 days; n = 40, 1 right-censored)."
    )
    assert leads.warnings == ("Four signals are too few for a reliable lead time.",)
    assert bounded.warnings == ()


def test_sentence_without_a_known_order_or_median(leads):
    some = "For 2 signals the times are too rough to say which came first."
    rough = replace(leads, n_undetermined=2)
    assert rough.sentence() == f"{leads.sentence()} {some}"
    assert rough.warnings[1] == some
    all_rough = replace(leads, n_undetermined=3).sentence()
    assert all_rough.endswith("For the 3 with an event we cannot tell which came first.")
    # With few signals, a median that is not reached is not stated either.
    assert replace(leads, median=pd.NaT).sentence() == leads.sentence()
    many = replace(leads, median=pd.NaT, n=40)
    assert many.sentence() == (
        "No median: for fewer than half of the signals, an event was confirmed within 5 days "
        "(n = 40, 1 right-censored)."
    )
    assert "an event occurred within 5 days" in replace(many, clock="occurred").sentence()
    assert lead_times(leads_of([])).sentence() == "There is no signal with a lead time (n = 0)."


def lead_values(counts, median, bounds, interval):
    """Return the numbers in `to_dict` of leads on the confirmed clock."""
    n, observed = counts
    return {
        "clock": "confirmed",
        "n": n,
        "n_observed": observed,
        "n_censored": n - observed,
        "n_undetermined": 0,
        "n_hindsight": 0,
        "n_follows": 0,
        "n_unfollowed": 0,
        "n_beyond": 0,
        "method": "Kaplan–Meier",
        "median": median,
        "median_bounds": bounds,
        "median_ci": interval,
        "log_rank": None,
        "groups": {},
    }


def test_lead_times_are_plain_json(rough, leads):
    low = leads.median_ci[0].isoformat()
    expected = lead_values((4, 3), "P3DT0H0M0S", ["P2DT12H0M0S", "P3DT12H0M0S"], [low, None])
    words = {"warnings": list(leads.warnings), "sentence": leads.sentence()}
    assert leads.to_dict() == expected | words
    parts = lead_times(rough, by="code")
    grouped = parts.to_dict()
    assert json.loads(json.dumps(grouped)) == grouped
    assert {**grouped, "groups": {}, "log_rank": None} == expected | words
    groups = {
        name: {key: value for key, value in group.items() if key not in words}
        for name, group in grouped["groups"].items()
    }
    # Two signals leave the median open on both sides: the bounds are those of the leads.
    lows = {name: group.median_ci[0].isoformat() for name, group in parts.groups.items()}
    assert groups == {
        "a": lead_values((2, 2), "P2DT0H0M0S", ["P1DT12H0M0S", "P2DT12H0M0S"], [lows["a"], None]),
        "b": lead_values((2, 1), "P3DT12H0M0S", ["P3DT0H0M0S", "P4DT0H0M0S"], [lows["b"], None]),
    }
    # Expected of the two of a: 2/4 at the first lead, 1/3 at the second, none at the third;
    # variances 1/4 and 2/9.
    assert grouped["log_rank"] == {
        "statistic": pytest.approx((2 - 5 / 6) ** 2 / (1 / 4 + 2 / 9)),
        "degrees": 1,
        "p_value": pytest.approx(0.0895551, abs=1e-7),
        "p_bounds": [pytest.approx(0.0895551, abs=1e-7)] * 2,
        "groups": ["a", "b"],
        "test": "log-rank",
    }
    nothing = lead_times(leads_of([])).to_dict()
    expected = lead_values((0, 0), None, [None, None], [None, None])
    assert nothing == expected | {
        "clock": "",
        "warnings": [],
        "sentence": "There is no signal with a lead time (n = 0).",
    }


def test_lead_times_have_one_row_per_group(rough, leads):
    (row,) = leads.to_frame().to_dict("records")
    assert pd.isna(row.pop("median_ci_high"))
    assert row == {
        "group": "all",
        "clock": "confirmed",
        "n": 4,
        "n_observed": 3,
        "n_censored": 1,
        "n_undetermined": 0,
        "n_hindsight": 0,
        "n_follows": 0,
        "n_unfollowed": 0,
        "n_beyond": 0,
        "method": "Kaplan–Meier",
        "median": 3 * DAY,
        "median_bounds_low": 2.5 * DAY,
        "median_bounds_high": 3.5 * DAY,
        "median_ci_low": leads.median_ci[0],
    }
    table = lead_times(rough, by="code").to_frame()
    assert table["group"].tolist() == ["a", "b"]
    assert table["median"].tolist() == [2 * DAY, 3.5 * DAY]


def test_html_of_lead_times_has_sentence_warnings_and_table(leads):
    shown = replace(leads, clock="<i>")._repr_html_()
    assert shown.startswith("<p>Median time from post to occurrence: four signals are too few ")
    assert "<li>Four signals are too few for a reliable lead time.</li>" in shown
    assert shown.count("<tr") == 2
    assert '<table class="dataframe">' in shown
    assert "<tr>\n      <td>all</td>\n      <td>&lt;i&gt;</td>" in shown  # no number before the row


def test_quantiles_and_intervals_match_hand_calculation(leads):
    """A quarter had their event by the first lead, and three quarters by the third."""
    assert [leads.quantile(p) / DAY for p in (0.0, 0.24, 0.25, 0.5)] == [1.5, 1.5, 2, 3]
    assert leads.quantile(0.75) / DAY == 3.5
    assert pd.isna(leads.quantile(1))
    # All four are longer than the median with a probability of 1/16, more than 2.5%.
    assert 0 * DAY < leads.quantile_ci(0.5)[0] < 1.5 * DAY
    assert leads.quantile_ci(0.25)[0] < leads.quantile_ci(0.5)[0]
    for p in (-0.1, 1.1):
        for ask in (leads.quantile, leads.quantile_ci):
            with pytest.raises(ValueError, match=f"^a quantile must be between 0 and 1; got {p}$"):
                ask(p)


def test_mean_up_to_a_horizon_matches_hand_calculation(leads):
    """The curve at mid-interval: 1 until 1.5, then 3/4, 1/2 and 1/4 for a day each, and on."""
    assert leads.restricted_mean("1D").mean == 1 * DAY
    assert leads.restricted_mean("2D").mean == 1.875 * DAY
    assert leads.restricted_mean(2 * DAY) == leads.restricted_mean("2D")
    # By default up to the end of the watch, 5 days.
    assert leads.restricted_mean() == leads.restricted_mean("5D")
    assert leads.restricted_mean().horizon == 5 * DAY
    assert leads.restricted_mean().mean == (1.5 + 0.75 + 0.5 + 0.25 * 1.5) * DAY


@pytest.mark.parametrize("horizon", ["0D", "-1D", "soon"])
def test_a_mean_needs_a_horizon_and_a_signal(leads, horizon):
    with pytest.raises(FoxgrapeError) as refused:
        leads.restricted_mean(horizon)
    assert str(refused.value) == f"horizon must be a positive duration, such as 7D; got {horizon!r}"
    with pytest.raises(FoxgrapeError, match="got 0 days"):
        leads.restricted_mean(0 * DAY)
    with pytest.raises(FoxgrapeError, match=r"^the mean lead needs at least one signal; got none$"):
        lead_times(leads_of([])).restricted_mean()
    # All at once at time zero: there is nothing up to which to count.
    with pytest.raises(FoxgrapeError, match="horizon must be"):
        lead_times(leads_of([0, 0])).restricted_mean()
    assert lead_times(leads_of([0, 0])).restricted_mean("1us").mean == pd.Timedelta(0)


def test_turnbull_takes_rough_and_censored_leads_as_intervals():
    """Leads of 0 to 2 and 1 to 3 days share the day from 1 to 2; the third is censored at 4."""
    values = lead_times(leads_of([0, 1], [4], width=2)).turnbull()
    assert values.mass[["from", "until"]].to_numpy().tolist() == [[1, 2], [4, np.inf]]
    assert values.mass["mass"].to_numpy() == pytest.approx([2 / 3, 1 / 3])
    assert values.quantile(0.5) == (1 * DAY, 2 * DAY)


def test_which_links_count_as_leads():
    frame = pd.concat(
        [
            leads_of([1], [7], width=2),  # 1 to 3 days; watched for 7
            leads_of([-1], width=3, relation="undetermined"),  # from zero up to 2
            leads_of([-4], width=1, relation="announces"),  # after its event on this clock
            leads_of([5], hindsight=True),
            leads_of([-9], width=1, relation="follows"),
            leads_of([-9], relation="follows", hindsight=True),
        ],
        ignore_index=True,
    ).assign(signal_id=list("abcdefg"))
    kept, leads = counted_leads(frame)
    assert kept["signal_id"].tolist() == leads["signal_id"].tolist() == list("abc")
    assert (leads["shortest"] / DAY).tolist() == [1, 7, 0]
    assert (leads["longest"] / DAY).tolist() == [3, 7, 2]
    assert leads["observed"].tolist() == [True, False, True]
    assert counted_leads(frame, hindsight=True)[0]["signal_id"].tolist() == list("abce")
    result, with_hindsight = lead_times(frame), lead_times(frame, hindsight=True)
    assert (result.n, result.n_undetermined, result.n_hindsight, result.n_follows) == (3, 1, 2, 2)
    assert (
        with_hindsight.n,
        with_hindsight.n_undetermined,
        with_hindsight.n_hindsight,
        with_hindsight.n_follows,
    ) == (4, 1, 1, 3)


def posts(*pairs, **columns):
    """Return one signal per (day, place)."""
    return pd.DataFrame(
        {
            "signal_id": [f"s{number}" for number in range(len(pairs))],
            "place_id": [f"x:{place}" for _, place in pairs],
            "posted_at": [START + day * DAY for day, _ in pairs],
        }
    ).assign(**columns)


def happened(*pairs, **columns):
    """Return one event per (day, place)."""
    return pd.DataFrame(
        {
            "event_id": [f"e{number}" for number in range(len(pairs))],
            "place_id": [f"x:{place}" for _, place in pairs],
            "occurred_at": [START + day * DAY for day, _ in pairs],
            "confirmed_at": [START + day * DAY for day, _ in pairs],
        }
    ).assign(**columns)


def test_coincidence_is_plain_json():
    """With one place nothing can be exchanged, so every p is unknown.

    Within 7 days the first two of three signals are followed, within 3 the first; the second comes
    7 days after the first event. The third is not followed.
    """
    result = coincidence(
        posts((10, "a"), (20, "a"), (350, "a"), account=["u", "v", "v"]),
        happened((13, "a"), (27, "a")),
        window=["7D", "3D"],
        lag="0D",
        null="place",
        n=9,
        rng=7,
        by="account",
        observed=YEAR,
    )
    names = ("p_trigger", "p_precursor", "p_trigger_adjusted", "p_precursor_adjusted")
    unknown = dict.fromkeys(names)
    alone = dict.fromkeys(("p_trigger", "p_precursor", "p_adjusted", "p_precursor_adjusted"))
    values = result.to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values == {
        "trigger_rate": 2 / 3,
        "precursor_rate": 1.0,
        "echo_rate": 1 / 3,
        "p_trigger": None,
        "p_precursor": None,
        "window": "P7DT0H0M0S",
        "lag": "P0DT0H0M0S",
        "level": 0.05,
        "repeated_until": None,
        "n_signals": 3,
        "n_events": 2,
        "n_places": 1,
        "n_unlocated": 1,
        "observed": ["2022-01-01T00:00:00+00:00", "2023-01-01T00:00:00+00:00"],
        "n_unfollowed": 0,
        "null": "place",
        "n_surrogates": 9,
        "seed": 7,
        "clock": "confirmed",
        "tempo": result.tempo.to_dict(),
        "front": result.front.to_dict(),
        "warnings": list(result.warnings),
        "windows": [
            {"window": "P7DT0H0M0S", "trigger_rate": 2 / 3, "precursor_rate": 1.0, **unknown},
            {"window": "P3DT0H0M0S", "trigger_rate": 1 / 3, "precursor_rate": 0.5, **unknown},
        ],
        "groups": [
            {"group": "u", "n_signals": 1, "trigger_rate": 1.0, "precursor_rate": 0.5, **alone},
            {"group": "v", "n_signals": 2, "trigger_rate": 0.5, "precursor_rate": 0.5, **alone},
        ],
        "sentence": result.sentence(),
    }
    assert result.sentence() == (
        "Three signals are too few to test. 2 of 3 were followed by the confirmation of an event "
        "at the same place within 7 days (best of 2 windows, adjusted). For comparison, 1 of 3 "
        "came within 7 days after one."
    )
    assert result.warnings == ("Three signals are too few to test.",)
    assert (result.to_frame()["group"].tolist(), result.windows["window"].tolist()) == (
        ["u", "v"],
        [7 * DAY, 3 * DAY],
    )


def test_statistic_and_surrogates_match_hand_calculation():
    """An event counts from 1 at once to 1/2 at the end of the window."""
    result = coincidence(
        posts((10, "a"), (20, "b")),
        happened((13, "a"), (27, "b"), lat=[50.0, 52.0], lon=[30.0, 30.0]),
        window="7D",
        null="place",
        n=50,
        observed=YEAR,
    )
    assert result.statistic == pytest.approx((1 - 3 / 14) + (1 - 7 / 14))
    assert set(result.surrogates.round(9)) == {0.0, round(result.statistic, 9)}
    assert result.p_trigger == (1 + (result.surrogates > 1).sum()) / 51
    assert result.map_size == pytest.approx(222.39)  # two degrees of latitude
    assert len(result.surrogates) == result.n_surrogates == 50
    assert (result.seed, result.lag, result.n_places) == (0, pd.Timedelta(0), 2)
    assert result.to_frame()["window"].tolist() == [7 * DAY]


@pytest.fixture
def judged():
    """Return the result of 30 signals unrelated to the events."""
    world = simulate.world(signals=30, events=60, rng=1)
    result = coincidence(
        world.signals, world.events, window="7D", null="uniform", n=19, observed=world.observed,
        clock="occurred",
    )  # fmt: skip
    return replace(result, trigger_rate=0.25, echo_rate=0.1, warnings=())


FINDING = (
    "25% of 30 signals were followed by the occurrence of an event at the same place within 7 days "
    "(p = {}, uniform null model). For comparison, 10% came within 7 days after one."
)


@pytest.mark.parametrize(
    ("p", "n", "claim"),
    [
        (0.049, 30, "More than chance"),
        (0.05, 30, "More than chance"),
        (0.051, 30, "Consistent with chance"),
        (float("nan"), 30, "Consistent with chance"),
        (0.001, 20, "More than chance"),
    ],
)
def test_the_claim_follows_from_p(judged, p, n, claim):
    sentence = replace(judged, p_trigger=p, n_signals=n).sentence()
    assert sentence == f"{claim}: {FINDING.format(f'{p:.2g}').replace('30', str(n))}"


@pytest.mark.parametrize(
    ("n", "words", "followed", "after"),
    [
        (19, "19 signals are", "About 5 of 19", "about 2 of 19"),
        (4, "Four signals are", "1 of 4", "fewer than 1 of 4"),
    ],
)
def test_few_signals_are_not_tested_whatever_p_is(judged, n, words, followed, after):
    sentence = replace(judged, p_trigger=0.001, n_signals=n).sentence()
    assert sentence == (
        f"{words} too few to test. {followed} were followed by the occurrence of an event at the "
        f"same place within 7 days. For comparison, {after} came within 7 days after one."
    )


def test_a_sentence_names_the_clock(judged):
    confirmed = replace(judged, clock="confirmed").sentence()
    assert confirmed == judged.sentence().replace("the occurrence", "the confirmation")


def test_a_result_of_a_misled_null_is_unreliable(judged):
    shared, unrelated = Confounding(2.0, 0.01), Confounding(1.0, 0.5)
    claimed = replace(judged, p_trigger=0.01, tempo=shared, front=unrelated)
    assert claimed.sentence() == f"Unreliable: {FINDING.format('0.01')}"
    # The place null preserves the tempo, and the local null the front as well.
    assert replace(claimed, null="place").sentence().startswith("More than chance: ")
    front = replace(claimed, tempo=unrelated, front=shared, null="place")
    assert front.sentence().startswith("Unreliable: ")
    assert replace(front, null="local").sentence().startswith("More than chance: ")
    assert replace(claimed, p_trigger=0.2).sentence().startswith("Consistent with chance: ")


def test_sentence_without_signals_or_events(judged):
    empty = "Nothing to test: no {} within the observation period."
    signal = empty.format("signal with its window lies")
    event = empty.format("event lies")
    assert replace(judged, n_signals=0).sentence() == signal
    assert replace(judged, n_events=0).sentence() == event
    assert replace(judged, n_signals=0, n_events=0).sentence() == signal


def test_html_of_coincidence_has_sentence_warnings_and_table(judged):
    shown = replace(judged, warnings=("<a>", "b"))._repr_html_()
    sentence, rest = shown.split("</p>", 1)
    assert sentence == f"<p>{judged.sentence()}"
    assert rest.startswith('<ul><li>&lt;a&gt;</li><li>b</li></ul><table class="dataframe">')
    assert "<tbody>\n    <tr>\n      <td>7 days</td>" in shown  # no number before the row
    hostile = replace(judged, null="<img src=x>")._repr_html_()
    assert "&lt;img src=x&gt; null model). For comparison" in hostile


def test_nan_is_none_in_json(judged):
    unknown = float("nan")
    nothing = replace(
        judged, p_trigger=unknown, tempo=Confounding(unknown, unknown), front=Confounding(1.5, 0.2)
    ).to_dict()
    assert nothing["p_trigger"] is None
    assert nothing["tempo"] == {"ratio": None, "p_value": None}
    assert nothing["front"] == {"ratio": 1.5, "p_value": 0.2}
    json.dumps(nothing, allow_nan=False)


def test_infinity_is_none_in_json(judged):
    """A hazard ratio, for example, may be infinite."""
    endless = float("inf")
    values = replace(judged, trigger_rate=endless, tempo=Confounding(endless, 0.1)).to_dict()
    assert (values["trigger_rate"], values["tempo"]["ratio"]) == (None, None)
    json.dumps(values, allow_nan=False)


def test_changing_a_returned_table_does_not_change_the_result(judged):
    table = judged.to_frame()
    table["trigger_rate"] = 9.0
    assert (judged.to_frame()["trigger_rate"] <= 1).all()


def test_turnbull_is_plain_json_without_infinity():
    values = turnbull(np.array([0.0, 1.0, 4.0]), np.array([2.0, 3.0, np.inf]))
    assert json.loads(json.dumps(values.to_dict(), allow_nan=False)) == {
        "n": 3,
        "log_likelihood": pytest.approx(2 * np.log(2 / 3) + np.log(1 / 3)),
        "gap": pytest.approx(0, abs=1e-7),
        "mass": [
            {"from": 1.0, "until": 2.0, "mass": pytest.approx(2 / 3)},
            {"from": 4.0, "until": None, "mass": pytest.approx(1 / 3)},
        ],
        "warnings": [],
        "sentence": "Turnbull estimate, n = 3.",
    }
    assert values._repr_html_().startswith("<p>Turnbull estimate, n = 3.</p><table")
    table = values.to_frame()
    table["mass"] = 0.0
    assert values.mass["mass"].sum() == pytest.approx(1)
    empty = turnbull(np.array([]), np.array([]))
    assert empty.quantile(0.5) == (pd.NaT, pd.NaT)
    assert empty.to_dict()["mass"] == []


def test_cumulative_incidence_is_plain_json():
    """Leads of 1 (stood) and 2 days (retracted), and one watched for 3: a third each."""
    events = pd.DataFrame(
        {
            "event_id": ["e0", "e1"],
            "place_id": "geonames:1",
            "occurred_at": START,
            "retracted_at": [pd.NaT, START + 9 * DAY],
        }
    )
    result = cumulative_incidence(leads_of([1, 2], [3]), events)
    values = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    curve = values.pop("curve")
    assert values == {
        "n": 3,
        "n_censored": 1,
        "counts": {"stood": 1, "retracted": 1},
        "clock": "confirmed",
        "warnings": ["Three signals are too few for a reliable estimate."],
        "sentence": result.sentence(),
    }
    days = ["P1DT0H0M0S", "P2DT0H0M0S", "P3DT0H0M0S"]
    assert [(row["outcome"], row["time"]) for row in curve] == [
        (outcome, day) for outcome in ("stood", "retracted") for day in days
    ]
    third = pytest.approx(1 / 3)
    assert [row["incidence"] for row in curve] == [third, third, third, 0.0, third, third]
    assert [row["at_risk"] for row in curve] == [3, 2, 1] * 2
    assert [row["events"] for row in curve] == [1, 0, 0, 0, 1, 0]
    counts = "(n = {}: 1 stood, 1 retracted, 1 right-censored)."
    assert result.sentence() == f"Three signals are too few to estimate shares {counts.format(3)}"
    assert replace(result, n=20).sentence() == (
        "Within 3 days after the post, 33% of signals had an event that was confirmed and "
        f"stood, and 33% one that was retracted {counts.format(20)}"
    )
    html = result._repr_html_()
    assert html.startswith(f"<p>{result.sentence()}</p><ul><li>Three signals are too few")
    assert len(result.to_frame()) == 6
    nothing = cumulative_incidence(leads_of([]), events)
    assert nothing.sentence() == "There is no signal with a lead time (n = 0)."


def test_a_comparison_of_alarms_in_words_and_as_json():
    values = Comparison(
        difference=-0.0844,
        standard_error=0.0376,
        p_value=0.05,
        n_events=40,
        n_places=20,
        n_surrogates=19,
        seed=0,
        n_signals=20,
    )
    by = (
        "by 0.084 of area skill above chance (standard error 0.038, p = {}; n = 40 events at 20 "
        "places)."
    )
    kinds = "the first kind of signal", "the second kind"
    assert values.sentence() == f"The second kind warned better than {kinds[0]}, {by.format(0.05)}"
    better = f"The first kind of signal warned better than {kinds[1]}, {by.format(0.05)}"
    assert replace(values, difference=0.0844).sentence() == better
    assert replace(values, p_value=0.051).sentence("codes", "names") == (
        f"In these data names warned better than codes, {by.format(0.051)} So large a difference "
        "is consistent with chance."
    )
    assert values._repr_html_().startswith(f"<p>{values.sentence()}</p><table")
    few = replace(values, n_signals=19).sentence()
    assert few == "19 signals are too few to compare."
    assert values.warnings == ()
    assert replace(values, n_places=5).warnings == (
        "With 5 places, p cannot be smaller than 0.0625: too few to compare.",
    )
    plain_values = {
        "difference": -0.0844,
        "standard_error": 0.0376,
        "p_value": 0.05,
        "n_events": 40,
        "n_places": 20,
        "n_surrogates": 19,
        "seed": 0,
        "n_signals": 20,
    }
    words = {"warnings": [], "sentence": values.sentence()}
    assert json.loads(json.dumps(values.to_dict())) == plain_values | words
    assert values.to_frame().to_dict("records") == [plain_values]


def test_how_many_signals_it_takes_in_words():
    table = pd.DataFrame({"signals": [10, 20, 40], "power": [0.3, 0.79, 0.8]})
    result = Power(table, leads=0.15, world={"events": 5}, null="local", worlds=9, seed=1)
    assert result.sentence() == (
        "About 40 signals are needed to detect events after 15% of signals with 80% power."
    )
    few = replace(result, table=table.iloc[:2])
    assert few.sentence() == (
        "20 signals are too few to detect events after 15% of signals with 80% power."
    )
    assert (result.needed, few.needed) == (40, None)
    assert json.loads(json.dumps(few.to_dict())) == {
        "needed": None,
        "leads": 0.15,
        "null": "local",
        "worlds": 9,
        "seed": 1,
        "world": {"events": 5},
        "table": [{"signals": 10, "power": 0.3}, {"signals": 20, "power": 0.79}],
        "warnings": ["9 worlds are too few for a precise estimate of power."],
        "sentence": few.sentence(),
    }
    taken = result.to_frame()
    taken["power"] = 1.0
    assert result.needed == 40
