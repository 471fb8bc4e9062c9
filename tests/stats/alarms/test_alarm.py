"""Alarms: the Molchan diagram by hand and against pyCSEP's, null models, comparisons."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from foxgrape import FoxgrapeError, alarm
from foxgrape.stats.alarms.comparison import compare
from foxgrape.stats.alarms.molchan import area_skill, trajectory
from foxgrape.stats.alarms.null_models import _p_value
from place_worlds import days, events, moving, planted, signals

GOLDEN = Path(__file__).parents[2] / "golden"
YEAR = ("2022-03-01T00:00Z", "2022-06-09T00:00Z")  # 100 days from the tests' first


def test_the_curve_by_hand():
    """A hundred days; two places, three events at the first, one at the second.

    Signals for the first on days 10, 12 and 99, for the second on day 50. In windows of 5 days:
    7 and 1 days of the first are alarmed (the last is cut off by the end), 5 of the second.
    """
    told = events([11, 14, 80, 60], [0, 0, 0, 1])
    found = alarm(
        signals([10, 12, 99, 50], [0, 0, 0, 1]), told, windows=["5D", "20D"], observed=YEAR
    )
    curve = found.curve
    # Weighted by base rate: 3/4 · 8/100 + 1/4 · 5/100; then 3/4 · 23/100 + 1/4 · 20/100.
    assert curve["alarmed"].to_numpy() == pytest.approx([0.0725, 0.2225])
    assert curve["hits"].tolist() == [2, 3]
    assert curve["missed"].to_numpy() == pytest.approx([0.5, 0.25])
    assert curve["gain"].to_numpy() == pytest.approx([0.5 / 0.0725, 0.75 / 0.2225])
    # The signal of day 99 is watched for a day only: it is neither followed nor not.
    assert curve["signals"].tolist() == [3, 3]
    assert curve["precision"].to_numpy() == pytest.approx([2 / 3, 1])


def test_the_area_skill_by_hand_leaves_each_event_out_of_its_own_base_rate():
    """Two events, one at each place; a signal for the first, met in 10 of 100 days.

    For the event at the first place all others are at the second, which is never alarmed: it is
    met at no cost, and all of the rest is one tie: score 1 - 0. For the other event, unmet, the
    others are at the first: from 0.1 to 1 is a tie, whose middle is 0.55.
    """
    told = events([15, 40], [0, 1])
    found = alarm(signals([14], [0]), told, windows=["10D"], observed=YEAR)
    assert found.scores["score"].to_numpy() == pytest.approx([1, 0.45])
    assert found.area_skill == pytest.approx(0.725)


def test_rough_times_and_hindsight_follow_the_rule_of_risk_sets():
    rough = signals([10], [0], posted_until=days([12]))
    assert alarm(rough, events([11, 13], [0, 0]), windows=["5D"]).curve["hits"].tolist() == [1]
    late = signals([10], [0], decoded_at=days([20]))
    told = events([11, 30], [0, 0])
    found = alarm(late, told, windows=["5D", "25D"], observed=YEAR)
    assert found.curve["hits"].tolist() == [0, 1]
    # The alarm of a code that nobody could read begins with its decoding: on day 20 of 10 to 35.
    assert found.curve["alarmed"].to_numpy() == pytest.approx([0, 0.15])
    assert found.n_hindsight == 1
    asked = alarm(late, told, windows=["5D", "25D"], observed=YEAR, hindsight=True)
    assert asked.curve["hits"].tolist() == [1, 2]


levels = arrays.arrays(float, 12, elements=st.integers(0, 5).map(float))


@given(levels, arrays.arrays(np.int64, 12, elements=st.integers(0, 3)))
def test_a_trajectory_falls_from_one_to_none_and_turns_over(level, hits):
    if hits.sum() == 0:
        with pytest.raises(FoxgrapeError, match="cells and events"):
            trajectory(level, np.ones(12), hits)
        return
    alarmed, missed = trajectory(level, np.ones(12), hits)
    assert (alarmed[0], missed[0]) == (0, 1)
    assert (alarmed[-1], missed[-1]) == pytest.approx((1, 0))
    assert (np.diff(alarmed) > 0).all()
    assert (np.diff(missed) <= 1e-12).all()
    # The alarm function turned around is as bad as this one is good.
    other = area_skill(*trajectory(-level, np.ones(12), hits))
    assert area_skill(alarmed, missed) + other == pytest.approx(1)


def test_area_skill_equals_that_of_pycsep_but_for_scores_below_one_half():
    """Golden numbers of pyCSEP 0.8; tests/golden/molchan_pycsep.py made them.

    It counts cells with events, not events; rounds to two digits; and shows no score below one
    half: alarms worse than chance look like chance.
    """
    cases = json.loads((GOLDEN / "molchan_pycsep.json").read_text(encoding="utf-8"))
    scores = []
    for case in cases:
        rate, hits = np.array(case["rate"]), np.array(case["hits"])
        ours = area_skill(*trajectory(rate, np.ones(len(rate)), hits > 0))
        scores.append(ours)
        assert round(max(ours, 0.5), 2) == pytest.approx(case["area_skill"], abs=0.0100001)
    assert min(scores) < 0.45
    assert max(scores) > 0.7


def test_the_p_value_is_exact():
    """Two events that are met with chance 1/4 each: both by chance in 1 of 16."""
    chances, score = np.array([[0.25, 0.75]] * 2), np.array([[1.0, 0.0]] * 2)
    rng = np.random.default_rng(1)
    both = _p_value(2 - 0.5, chances, score, 40_000, rng)
    assert both == pytest.approx(1 / 16, abs=0.005)
    assert _p_value(0 - 0.5, chances, score, 999, rng) == 1
    many = np.tile(chances[:1], (600, 1)), np.tile(score[:1], (600, 1))
    # 177 of 600 is 27 above the mean, where the spread is √(600 · 3/16) = 10.6.
    assert _p_value(27, *many, 99, rng) == pytest.approx(0.0054, abs=5e-4)


def test_planted_leads_are_found_and_reproduced_by_their_seed():
    told = planted(led=0.7)
    found = alarm(*told, windows=["1D", "2D", "3D"], n=999, rng=4)
    assert found.area_skill > found.expected
    assert found.p_value < 0.01
    again = alarm(*told, windows=["3D", "1D", "2D"], n=999, rng=np.int64(4))
    assert again.to_dict() == found.to_dict()
    assert json.loads(json.dumps(again.to_dict()))["seed"] == 4
    assert found.scores["score"].mean() == pytest.approx(found.area_skill)


def test_what_is_shared_fools_the_uniform_null_and_not_the_local_one():
    """At 5%, 40 worlds give at most 6 claims in 98.6%."""
    claims = {"local": 0, "uniform": 0}
    for seed in range(40):
        found = alarm(*moving(np.random.default_rng(seed), 6.0), windows=["3D", "7D"], n=199)
        for row in found.chance.itertuples():
            if row.null in claims:
                claims[row.null] += row.p_value <= 0.05
    assert claims["uniform"] >= 36
    assert claims["local"] <= 6


def test_events_that_fall_by_base_rate_have_skill_one_half():
    rng = np.random.default_rng(9)
    told = events(np.sort(rng.uniform(0, 300, 2000)), rng.integers(0, 10, 2000))
    found = alarm(signals(rng.uniform(0, 300, 200), rng.integers(0, 10, 200)), told, windows=["7D"])
    assert found.area_skill == pytest.approx(0.5, abs=0.02)
    assert found.curve["gain"].iloc[0] == pytest.approx(1, abs=0.1)
    assert (found.chance["p_value"] > 0.01).all()


def test_two_kinds_of_signals_are_compared_on_the_same_events():
    _, told = planted(1)
    at = (told["occurred_at"] - pd.Timestamp("2022-03-01", tz="UTC")) / pd.Timedelta("1D")
    place = told["place_id"].str[3:]
    rng = np.random.default_rng(2)
    options = {"windows": ["2D", "5D"], "observed": ("2022-02-20T00:00Z", "2023-03-01T00:00Z")}
    coded = alarm(signals(at - 1, place), told, n=99, **options)
    named = alarm(signals(at + 1, place), told, n=99, **options)
    found = coded.compare(named, n=999)
    assert found.difference > 0
    assert found.p_value < 0.01
    back = compare(named, coded, n=999)
    assert back.difference == pytest.approx(-found.difference)
    assert back.p_value == found.p_value
    assert "first warned better" in found.sentence()
    same = compare(coded, coded, n=99)
    assert (same.difference, same.p_value) == (0, 1)
    assert same.sentence().startswith("Neither warned better (standard error 0.000, p = 1; ")
    with pytest.raises(FoxgrapeError, match="too few surrogates"):
        compare(coded, coded, n=0)
    fewer = alarm(signals(at - 1, place), told.iloc[1:], n=99, **options)
    with pytest.raises(FoxgrapeError, match="same events"):
        compare(coded, fewer)
    other = alarm(signals(rng.uniform(0, 9, 5), range(5)), told, n=99, null="place", **options)
    with pytest.raises(FoxgrapeError, match="null models"):
        compare(coded, other)


@pytest.mark.parametrize(
    "options",
    [
        {"windows": []},
        {"windows": ["soon"]},
        {"windows": ["7D"], "null": "locl"},
        {"windows": ["7D"], "n": 0},
        {"windows": 7},
        {"windows": ["7D"], "rng": -1},
        {"windows": ["7D"], "observed": ("2030-01-01T00:00Z", "2031-01-01T00:00Z")},
    ],
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(FoxgrapeError) as refused:
        alarm(*planted(), **options)
    assert "\n" not in str(refused.value)


def test_no_signal_and_a_single_event():
    none = alarm(signals([], []), events([1, 2, 3], [0, 1, 0]), windows=["7D"])
    assert none.area_skill == pytest.approx(0.5)
    assert none.p_value == 1
    one = alarm(signals([1], [0]), events([2], [0]), windows=["7D"])
    assert one.n_events == 1
    for found in (none, one):
        found.figure()
        json.dumps(found.to_dict(), allow_nan=False)
    assert one.sentence().endswith("n = 1 event at 1 place, 1 signal.")
    (alone,) = alarm(signals([1], [0]), events([2], [0]), windows="7D").curve.itertuples()
    assert alone.window == pd.Timedelta("7D")


def test_a_p_below_four_digits_is_no_zero():
    """Of many events the sum of scores is taken as normal, and its p may be as small as it is."""
    told = planted(led=1.0, number=600)
    found = alarm(*told, windows=["3D"], n=99)
    assert 0 < found.p_value < 5e-5
    assert f"(p = {found.p_value:.2g})" in found.sentence()


def test_what_is_shown_says_n():
    found = alarm(*planted(), windows=["3D"], n=99)
    assert f"n = {found.n_events} events" in found.sentence()
    assert "n = 80 events" in found.figure().layout.title.text
    assert "<p>" in found._repr_html_()
