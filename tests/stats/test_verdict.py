"""The verdict on coincidence, hazard and alarms: agreement, disagreement, too few."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from foxgrape import alarm, coincidence, hazard, link, open_study
from foxgrape.stats import simulate
from foxgrape.stats.survival.competing_risks import cumulative_incidence
from foxgrape.stats.verdict import Verdict

MORE, CHANCE, FEW = "More than chance", "Consistent with chance", "Too few to test"


@pytest.fixture(scope="module")
def results():
    world = simulate.world(leads=0.5, rng=1)
    options = {"window": "7D", "observed": world.observed}
    tables = world.signals, world.events
    return (
        coincidence(*tables, n=99, **options),
        hazard(*tables, **options),
        alarm(*tables, n=99, **options),
    )


def verdict(results, *, p=(0.01, 0.01, 0.01), ratio=2.0, exposed=20, **changes):
    """Return a verdict of results with these p-values; other changes are of the coincidence."""
    first, second, third = results
    return Verdict(
        replace(first, p_trigger=p[0], **changes),
        replace(second, p_value=p[1], ratio=ratio, n_exposed=exposed),
        replace(third, p_value=p[2]),
    )


@pytest.mark.parametrize(
    ("options", "claims", "claim"),
    [
        ({}, (MORE, MORE, MORE), MORE),
        ({"p": (0.06, 0.5, 1.0)}, (CHANCE, CHANCE, CHANCE), CHANCE),
        ({"p": (0.05, 0.05, 0.05)}, (MORE, MORE, MORE), MORE),
        # One of three claims alone is no claim, and neither are two.
        ({"p": (0.044, 0.2, 1.0)}, (MORE, CHANCE, CHANCE), "No claim"),
        ({"p": (0.01, 0.01, 0.06)}, (MORE, MORE, CHANCE), "No claim"),
        # The data set of the issue: hazard ratio 0.70 with a tiny p.
        (
            {"p": (0.044, 2e-14, 1.0), "ratio": 0.7},
            (MORE, "Less than chance", CHANCE),
            "No claim",
        ),
        # A result without enough data has no vote.
        ({"exposed": 4}, (MORE, FEW, MORE), MORE),
        ({"ratio": float("nan")}, (MORE, FEW, MORE), MORE),
        ({"n_unlocated": 99}, ("Unreliable", MORE, MORE), "No claim"),
        ({"n_signals": 19}, (FEW, MORE, MORE), FEW),
    ],
)
def test_a_claim_is_made_only_if_all_results_with_enough_data_make_it(
    results, options, claims, claim
):
    reading = verdict(results, **options)
    assert tuple(reading.claims.values()) == claims
    assert reading.claim == claim


def test_a_verdict_states_what_was_asked_how_much_data_and_whether_the_results_agree(results):
    reading = verdict(results)
    first = reading.coincidence
    assert reading.sentence() == (
        f"More than chance: the three results agree. Of {first.n_signals} signals and "
        f"{first.n_events} events, by their confirmation, at {first.n_places} places of signals or "
        "events: coincidence within 7 days, more than chance (p = 0.01); hazard ratio 2.00, more "
        "than chance (p = 0.01); alarms, more than chance (p = 0.01)."
    )
    partial = verdict(results, exposed=2).sentence()
    assert partial.startswith("More than chance: two of three results have enough data. ")


def test_a_disagreement_comes_with_reasons(results):
    options = {"p": (0.044, 2e-14, 1.0), "ratio": 0.7}
    words = verdict(results, trigger_rate=0.08, echo_rate=0.25, **options).sentence()
    assert words.startswith("No claim: the three results disagree. ")
    assert "hazard ratio 0.70, less than chance (p = 2e-14)" in words
    assert (
        "More signals came within the window after the confirmation of an event (25%) than before "
        "one (8%)" in words
    )
    without = verdict(results, trigger_rate=0.25, echo_rate=0.08, **options).sentence()
    assert "More signals came" not in without
    assert "The coincidence test compares" in without
    assert "only just above" not in without


def test_reasons_depend_on_the_data(results):
    near = verdict(results, p=(0.04, 0.01, 0.06)).sentence()
    assert "p = 0.06 is only just above 0.05: a result that claims a lead and one that does" in near
    assert "only just above" not in verdict(results, p=(0.04, 0.01, 0.5)).sentence()
    assert "only just above" not in verdict(results, p=(0.06, 0.01, 0.5), ratio=0.7).sentence()
    unlocated = verdict(results, n_unlocated=99).sentence()
    assert "The coincidence test is unreliable here; its warnings say why." in unlocated
    first, second, third = results
    other = replace(second, window=2 * second.window, n_signals=first.n_signals + 3, ratio=0.7)
    apart = verdict((first, other, third), ratio=0.7).sentence()
    assert "The hazard ratio is for 14 days, the coincidence for 7 days." in apart
    assert f"{first.n_signals + 3} in place of {first.n_signals}." in apart
    agreeing = verdict((first, other, third)).sentence()
    assert "14 days" not in agreeing


def test_a_result_of_too_few_data_has_no_p_in_the_verdict(results):
    reading = verdict(results, exposed=4)
    assert "; hazard ratio, too few to test; " in reading.sentence()
    p_values = reading.to_frame().set_index("result")["p_value"]
    assert p_values.isna().tolist() == [False, True, False]
    assert reading.to_dict()["results"][1]["p_value"] is None


def test_too_few_signals_are_stated_and_nothing_else():
    reading = open_study().analyse().verdict(n=19)
    assert reading.sentence() == "Five signals are too few to test."
    assert reading.claim == FEW


def test_a_verdict_has_the_parts_of_a_result(results):
    reading = verdict(results)
    values = reading.to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["sentence"] == reading.sentence()
    assert reading.to_frame()["result"].tolist() == ["coincidence", "hazard", "alarm"]
    assert len(reading.warnings) == len(set(reading.warnings))
    assert reading._repr_html_().startswith("<p>More than chance: ")
    assert reading.figure().layout.meta["alt"]


def test_the_verdict_of_an_analysis_is_of_its_own_results():
    analysis = open_study().analyse(signals="mentions")
    reading = analysis.verdict(n=19)
    assert reading.coincidence.to_dict() == analysis.coincidence(n=19).to_dict()
    assert reading.hazard.to_dict() == analysis.hazard().to_dict()
    assert reading.alarm.to_dict() == analysis.alarm(n=19).to_dict()


def wordings(leads):
    """Return every sentence of the chance report for a world, most without their numbers."""
    world = simulate.world(signals=90, leads=leads, rng=3)
    options = {"window": "7D", "observed": world.observed}
    tables = world.signals, world.events
    first = coincidence(*tables, n=199, **options)
    second = hazard(*tables, **options)
    third = alarm(*tables, n=199, **options)
    half = world.signals.iloc[::2]
    other = alarm(half, world.events, n=199, **options)
    links = link(*tables, observed_until=world.observed[1], clock="occurred")
    sentences = {
        "verdict": Verdict(first, second, third).sentence(),
        "coincidence": first.sentence(),
        "hazard": second.sentence(),
        "alarm": third.sentence(),
        "comparison": third.compare(other, n=199).sentence(),
        "swapped": other.compare(third, n=199).sentence(),
        "the same": third.compare(third, n=199).sentence(),
        "outcomes": cumulative_incidence(links, world.events).sentence(),
    }
    words = {name: re.sub(r"\d[\d.,%e-]*", "N", text) for name, text in sentences.items()}
    return words | {"outcomes": sentences["outcomes"]}


def test_every_sentence_of_the_chance_report_depends_on_the_data():
    """No sentence is printed whatever the data, as "Neither number of posts allows …" once was."""
    with_leads, without = wordings(0.5), wordings(0.0)
    for name, claimed in (("verdict", MORE), ("coincidence", MORE), ("hazard", MORE)):
        assert with_leads[name].startswith(claimed)
        assert without[name].startswith(CHANCE)
    assert with_leads["alarm"].startswith(MORE)
    assert without["alarm"].startswith(CHANCE)
    for words in (with_leads, without):
        assert words["the same"].startswith("Neither kind of signal warned better")
        better = {re.search("first|second", words[name])[0] for name in ("comparison", "swapped")}
        assert better == {"first", "second"}
    assert with_leads["outcomes"] != without["outcomes"]


def test_p_just_above_the_level_is_not_shown_as_the_level(results):
    first = replace(results[0], p_trigger=0.0504)
    assert "(p = 0.0504, local null model)" in first.sentence()
    assert first.sentence().startswith(CHANCE)
    assert "(p = 0.05, local" in replace(first, p_trigger=0.05).sentence()
    repeated = replace(first, p_trigger=0.01004, level=0.01, repeated_until=first.observed[1])
    assert "(p = 0.01004, " in repeated.sentence()
