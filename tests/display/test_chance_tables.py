"""What the report on chance says of its tests, in sentences."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from foxgrape import open_study
from foxgrape.display.chance import chance_in_words, p_in_words, verdict_in_words
from foxgrape.display.chance_tables import (
    groups_table,
    nulls_answer,
    sensitivity_block,
    verdict_headline,
)
from foxgrape.display.sections import outcomes_section
from foxgrape.stats import simulate
from foxgrape.stats.survival.competing_risks import cumulative_incidence


def analysis_of(leads):
    """Return the analysis of a world of 90 signals, with its own events and observation."""
    world = simulate.world(signals=90, events=120, leads=leads, rng=4)
    study = replace(
        open_study(),
        events=world.events,
        observed_until=world.observed[1].isoformat(),
        kinds=(),
    )
    analysis = study.analyse(clock="occurred")
    return replace(analysis, signals=world.signals)


@pytest.fixture(scope="module")
def led():
    return analysis_of(0.8)


@pytest.fixture(scope="module")
def unrelated():
    return analysis_of(0.0)


def test_the_strength_of_a_hidden_cause_is_given_only_with_a_claim(led, unrelated):
    claim = led.coincidence(window="7D", n=199)
    assert claim.claim == "More than chance"
    block = sensitivity_block(led, claim)
    limit = led.sensitivity(window="7D", rng=claim.seed).limit
    assert limit > 1.5
    assert f"hidden preference by a factor of {limit:.1f}." in block.markup
    assert f"choose such places {limit:.1f} times as readily" in block.markup
    none = unrelated.coincidence(window="7D", n=199)
    assert none.claim == "Consistent with chance"
    assert sensitivity_block(unrelated, none) is None
    # The other null models exchange no places, so that no preference is defined.
    other = replace(claim, null="shuffle")
    assert sensitivity_block(led, other) is None


def test_whether_the_null_models_agree(led):
    result = led.coincidence(window="7D", n=19)
    low, high = (replace(result, p_trigger=p, null=name) for p, name in ((0.01, "a"), (0.2, "b")))
    assert nulls_answer([high, high]) == (
        "No: with each of the 2, the result is consistent with chance (p from 0.2 to 0.2)."
    )
    assert (
        nulls_answer([low, low])
        == "No: with each of the 2, p is at most 0.05 (p from 0.01 to 0.01)."
    )
    assert nulls_answer([low, high]) == (
        "Yes: p is at most 0.05 with a, and above it with b (p from 0.01 to 0.2)."
    )
    assert nulls_answer([replace(high, n_events=0)]) == ""
    few = replace(high, n_signals=7)
    assert nulls_answer([few]) == "Seven signals are too few to test, whatever the null model."


@pytest.mark.parametrize(
    ("p_values", "words"),
    [
        (
            [0.01, 0.4],
            "2 of them with enough signals to test; the controlled p is at most 0.05 in",
        ),
        ([0.3, 0.4], "in none of them. Without the control, about 1 of 20 groups"),
        ([None, None], "each with too few signals to test."),
    ],
)
def test_groups_are_summed_up(led, p_values, words):
    groups = pd.DataFrame(
        {
            "group": ["a", "b"],
            "n_signals": 40,
            "trigger_rate": 0.5,
            "p_trigger": 0.3,
            "p_adjusted": pd.Series(p_values, dtype=float),
        }
    )
    result = replace(led.coincidence(window="7D", n=19), groups=groups)
    assert words in groups_table(result).markup


def test_a_headline_of_three_tests_says_what_each_asks_and_answers(led):
    verdict = led.verdict(n=199)
    headline = verdict_headline(verdict)
    assert headline.text.startswith(f"{verdict.claim}: ")
    assert headline.text.count("p = ") == 0
    assert headline.markup.count("<li>") == 3
    for row in verdict.to_frame().itertuples():
        assert f"? {row.claim} (p = {row.p_value:.2g})." in headline.markup
    assert verdict.sizes() in headline.markup


def test_a_p_value_is_put_in_words(led):
    result = led.coincidence(window="7D", n=199)
    claimed = replace(result, p_trigger=0.2)
    assert chance_in_words(claimed).startswith("Consistent with chance: ")
    assert chance_in_words(claimed).endswith("seen in about 20 of 100 cases.")
    assert not chance_in_words(claimed, claim=False).startswith("Consistent")
    assert p_in_words(0.004).endswith("in fewer than 1 of 100 cases.")
    assert "100 cases" not in chance_in_words(replace(result, p_trigger=float("nan")))
    assert "of 100 cases" not in chance_in_words(replace(claimed, n_signals=3))
    assert verdict_in_words(claimed) == "Consistent with chance."


def test_outcomes_are_shown_only_if_an_event_was_retracted(led):
    study = led.study
    analysis = study.analyse(clock="occurred", signals="codes")
    outcomes = cumulative_incidence(analysis.links, study.events)
    assert not outcomes.counts["retracted"]
    shown = outcomes_section(replace(outcomes, n=5)).markup
    assert shown.startswith('<p class="soft">No event was retracted')
