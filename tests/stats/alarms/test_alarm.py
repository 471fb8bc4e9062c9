"""Alarms: Molchan diagram, comparison with pyCSEP, null models, comparison of alarms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from foxgrape import FoxgrapeError, alarm
from foxgrape.stats.alarms.comparison import compare
from foxgrape.stats.alarms.molchan import _p_value, event_scores
from place_worlds import days, events, molchan_trajectory, moving, planted, signals

GOLDEN = Path(__file__).parents[2] / "golden"
YEAR = ("2022-03-01T00:00Z", "2022-06-09T00:00Z")  # 100 days from the tests' first


def test_curve_matches_hand_calculation():
    """A hundred days, two places; three events at the first and one at the second.

    Signals for the first place on days 10, 12 and 99, for the second on day 50. With a window of 5
    days, 7 + 1 days are alarmed at the first place (the last alarm is cut off) and 5 at the second.
    """
    event_table = events([11, 14, 80, 60], [0, 0, 0, 1])
    result = alarm(
        signals([10, 12, 99, 50], [0, 0, 0, 1]), event_table, window=["5D", "20D"], observed=YEAR
    )
    windows = result.windows
    # Weighted by base rate: 3/4 · 8/100 + 1/4 · 5/100; then 3/4 · 23/100 + 1/4 · 20/100.
    assert windows["alarmed"].to_numpy() == pytest.approx([0.0725, 0.2225])
    assert windows["hits"].tolist() == [2, 3]
    assert windows["missed"].to_numpy() == pytest.approx([0.5, 0.25])
    assert windows["gain"].to_numpy() == pytest.approx([0.5 / 0.0725, 0.75 / 0.2225])
    # The window of the signal on day 99 ends after observation, so it is not counted.
    assert windows["signals"].tolist() == [3, 3]
    assert windows["precision"].to_numpy() == pytest.approx([2 / 3, 1])


def test_area_skill_leaves_each_event_out_of_its_own_base_rate():
    """Two events, one per place, and an alarm for the first place of 10 in 100 days.

    For the event at the first place, all other events are at the second, which is never alarmed:
    it is met at no cost and scores 1. For the other event, which is not met, all others are at the
    first place: the tie from 0.1 to 1 has its middle at 0.55.
    """
    event_table = events([15, 40], [0, 1])
    result = alarm(signals([14], [0]), event_table, window=["10D"], observed=YEAR)
    assert result.scores["score"].to_numpy() == pytest.approx([1, 0.45])
    assert result.area_skill == pytest.approx(0.725)


def test_rough_times_and_hindsight_count_as_in_risk_sets():
    rough = signals([10], [0], posted_until=days([12]))
    assert alarm(rough, events([11, 13], [0, 0]), window=["5D"]).windows["hits"].tolist() == [1]
    late = signals([10], [0], decoded_at=days([20]))
    event_table = events([11, 30], [0, 0])
    result = alarm(late, event_table, window=["5D", "25D"], observed=YEAR)
    assert result.windows["hits"].tolist() == [0, 1]
    # The alarm from day 10 to 35 begins only when the code is decoded, on day 20.
    assert result.windows["alarmed"].to_numpy() == pytest.approx([0, 0.15])
    assert result.n_hindsight == 1
    with_hindsight = alarm(late, event_table, window=["5D", "25D"], observed=YEAR, hindsight=True)
    assert with_hindsight.windows["hits"].tolist() == [1, 2]


levels = arrays.arrays(float, 12, elements=st.integers(0, 5).map(float))


@given(levels, arrays.arrays(np.int64, 12, elements=st.integers(0, 3)))
def test_area_skill_is_the_area_above_the_trajectory(level, hits):
    assume(hits.sum() > 0)
    alarmed, event_level = molchan_trajectory(level, np.ones(12), hits)
    assert alarmed[0] == 0
    assert alarmed[-1] == pytest.approx(1)
    assert (np.diff(alarmed) > 0).all()
    skill = event_scores(alarmed[None], event_level[None]).mean()
    missed = 1 - np.searchsorted(np.sort(event_level), np.arange(len(alarmed))) / hits.sum()
    assert skill == pytest.approx(1 - np.trapezoid(missed, alarmed))
    # The reversed alarm function is as bad as this one is good.
    alarmed, event_level = molchan_trajectory(-level, np.ones(12), hits)
    reverse = event_scores(alarmed[None], event_level[None]).mean()
    assert skill + reverse == pytest.approx(1)


def test_area_skill_equals_pycsep_above_one_half():
    """Golden numbers of pyCSEP 0.8, from tests/golden/molchan_pycsep.py.

    It counts cells with events instead of events, rounds to two digits, and shows no score below
    one half, so that alarms worse than chance look like chance.
    """
    cases = json.loads((GOLDEN / "molchan_pycsep.json").read_text(encoding="utf-8"))
    scores = []
    for case in cases:
        rate, hits = np.array(case["rate"]), np.array(case["hits"])
        alarmed, event_level = molchan_trajectory(rate, np.ones(len(rate)), hits > 0)
        ours = event_scores(alarmed[None], event_level[None]).mean()
        scores.append(ours)
        assert round(max(ours, 0.5), 2) == pytest.approx(case["area_skill"], abs=0.0100001)
    assert min(scores) < 0.45
    assert max(scores) > 0.7


def test_p_value_is_exact():
    """Two events, each met with probability 1/4: both are met with probability 1/16."""
    chances, score = np.array([[0.25, 0.75]] * 2), np.array([[1.0, 0.0]] * 2)
    rng = np.random.default_rng(1)
    both = _p_value(2 - 0.5, chances, score, 40_000, rng)
    assert both == pytest.approx(1 / 16, abs=0.005)
    assert _p_value(0 - 0.5, chances, score, 999, rng) == 1
    many = np.tile(chances[:1], (600, 1)), np.tile(score[:1], (600, 1))
    # 177 of 600 is 27 above the mean, where the spread is √(600 · 3/16) = 10.6.
    assert _p_value(27, *many, 99, rng) == pytest.approx(0.0054, abs=5e-4)


def test_planted_leads_are_detected_and_reproducible():
    event_table = planted(led=0.7)
    result = alarm(*event_table, window=["1D", "2D", "3D"], n=999, rng=4)
    assert result.area_skill > result.expected
    assert result.p_value < 0.01
    again = alarm(*event_table, window=["3D", "1D", "2D"], n=999, rng=np.int64(4))
    assert again.to_dict() == result.to_dict()
    assert json.loads(json.dumps(again.to_dict()))["seed"] == 4
    assert result.scores["score"].mean() == pytest.approx(result.area_skill)


def test_shared_front_misleads_the_uniform_null_but_not_the_local_one():
    """At 5%, at most 6 of 40 worlds are significant in 98.6% of cases."""
    claims = {"local": 0, "uniform": 0}
    for seed in range(40):
        result = alarm(*moving(np.random.default_rng(seed), 6.0), window=["3D", "7D"], n=199)
        for row in result.nulls.itertuples():
            if row.null in claims:
                claims[row.null] += row.p_value <= 0.05
    assert claims["uniform"] >= 36
    assert claims["local"] <= 6


def test_events_at_base_rate_have_skill_one_half():
    rng = np.random.default_rng(9)
    event_table = events(np.sort(rng.uniform(0, 300, 2000)), rng.integers(0, 10, 2000))
    result = alarm(
        signals(rng.uniform(0, 300, 200), rng.integers(0, 10, 200)), event_table, window=["7D"]
    )
    assert result.area_skill == pytest.approx(0.5, abs=0.02)
    assert result.windows["gain"].iloc[0] == pytest.approx(1, abs=0.1)
    assert (result.nulls["p_value"] > 0.01).all()


def test_two_kinds_of_signals_are_compared_on_the_same_events():
    _, event_table = planted(1)
    at = (event_table["occurred_at"] - pd.Timestamp("2022-03-01", tz="UTC")) / pd.Timedelta("1D")
    place = event_table["place_id"].str[3:]
    rng = np.random.default_rng(2)
    options = {"window": ["2D", "5D"], "observed": ("2022-02-20T00:00Z", "2023-03-01T00:00Z")}
    coded = alarm(signals(at - 1, place), event_table, n=99, **options)
    named = alarm(signals(at + 1, place), event_table, n=99, **options)
    result = coded.compare(named, n=999)
    assert result.difference > 0
    assert result.p_value < 0.01
    back = compare(named, coded, n=999)
    assert back.difference == pytest.approx(-result.difference)
    assert back.p_value == result.p_value
    assert "The first kind of signal warned better" in result.sentence()
    same = compare(coded, coded, n=99)
    assert (same.difference, same.p_value) == (0, 1)
    assert same.sentence().startswith(
        "Neither kind of signal warned better (standard error 0.000, p = 1; "
    )
    with pytest.raises(FoxgrapeError, match="at least 1; got 0"):
        compare(coded, coded, n=0)
    fewer = alarm(signals(at - 1, place), event_table.iloc[1:], n=99, **options)
    with pytest.raises(FoxgrapeError, match="same events"):
        compare(coded, fewer)
    other = alarm(
        signals(rng.uniform(0, 9, 5), range(5)), event_table, n=99, null="place", **options
    )
    with pytest.raises(FoxgrapeError, match="same null model"):
        compare(coded, other)


@pytest.mark.parametrize(
    "options",
    [
        {"window": []},
        {"window": ["soon"]},
        {"window": ["7D"], "null": "locl"},
        {"window": ["7D"], "n": 0},
        {"window": 7},
        {"window": ["7D"], "rng": -1},
        {"window": ["7D"], "observed": ("2030-01-01T00:00Z", "2031-01-01T00:00Z")},
    ],
)
def test_invalid_options_are_refused(options):
    with pytest.raises(FoxgrapeError) as refused:
        alarm(*planted(), **options)
    assert "\n" not in str(refused.value)


def test_no_signals_or_a_single_event():
    no_signals = alarm(signals([], []), events([1, 2, 3], [0, 1, 0]), window=["7D"])
    assert no_signals.area_skill == pytest.approx(0.5)
    assert no_signals.p_value == 1
    single = alarm(signals([1], [0]), events([2], [0]), window=["7D"])
    assert single.n_events == 1
    for result in (no_signals, single):
        result.figure()
        json.dumps(result.to_dict(), allow_nan=False)
    assert single.sentence() == (
        "One signal is too few to test (n = 1 event, by their confirmation; 1 place of signals or "
        "events)."
    )
    (alone,) = alarm(signals([1], [0]), events([2], [0]), window="7D").windows.itertuples()
    assert alone.window == pd.Timedelta("7D")


def test_a_tiny_p_is_not_shown_as_zero():
    """With many events the sum of scores is taken as normal, and p may be tiny."""
    event_table = planted(led=1.0, number=600)
    result = alarm(*event_table, window=["3D"], n=99)
    assert 0 < result.p_value < 5e-5
    assert f"(p = {result.p_value:.2g}, local null model;" in result.sentence()


def test_sentence_and_figure_state_n():
    result = alarm(*planted(), window=["3D"], n=99)
    assert f"n = {result.n_events} events" in result.sentence()
    assert "events, by their confirmation; " in result.sentence()
    assert f"; {result.n_places} places of signals or events" in result.sentence()
    assert "n = 80 events" in result.figure().layout.title.text
    assert "<p>" in result._repr_html_()
