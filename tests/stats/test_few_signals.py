"""Fewer than 20 signals are counted: no median, percentage or p-value is stated anywhere."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest

from foxgrape import alarm, coincidence, hazard, lead_times, link, open_study
from foxgrape.cli.app import run
from foxgrape.display.chance_tables import (
    alarms_table,
    groups_table,
    nulls_table,
    windows_table,
)
from foxgrape.display.report_tables import (
    calibration_table,
    emoji_table,
    headline,
    key_figures,
)
from foxgrape.stats import simulate
from foxgrape.stats.survival.competing_risks import cumulative_incidence
from foxgrape.stats.verdict import Verdict
from foxgrape.studies.account_profile import account_profile

#: A p-value, a percentage, a ratio, or a median that is stated.
STATED = re.compile(r"\bp = |\bq = |\d%|ratio \d|skill \d|post to \w+: \d+ [dhm]|median \d")


def results_of(n_signals):
    """Return every result of a world whose events often follow a signal."""
    world = simulate.world(signals=n_signals, events=60, leads=0.6, rng=2)
    tables, options = (world.signals, world.events), {"window": "7D", "observed": world.observed}
    links = link(*tables, observed_until=world.observed[1], clock="occurred")
    first = coincidence(*tables, n=99, **options)
    second = hazard(*tables, **options)
    third = alarm(*tables, n=99, **options)
    return {
        "lead times": lead_times(links),
        "outcomes": cumulative_incidence(links, world.events),
        "coincidence": first,
        "groups": coincidence(*tables, n=99, by="kind", **options),
        "hazard": second,
        "alarm": third,
        "comparison": third.compare(third, n=99),
        "verdict": Verdict(first, second, third),
    }


@pytest.fixture(scope="module")
def few():
    return results_of(15)


@pytest.fixture(scope="module")
def enough():
    return results_of(60)


def texts(result):
    """Return all words of a result: sentence, repr, HTML, warnings, and titles of its figure."""
    words = [result.sentence(), repr(result), result._repr_html_(), *result.warnings]
    if hasattr(result, "figure"):
        layout = result.figure().layout
        words += [str(layout.title.text), str(layout.meta), str(layout.annotations)]
    return " ".join(words)


NAMES = (
    "lead times", "outcomes", "coincidence", "groups", "hazard", "alarm", "comparison", "verdict",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_result_of_few_signals_states_more_than_counts(name, few, enough):
    words = texts(few[name])
    assert "too few" in words
    assert not STATED.search(words.replace("95%", "")), STATED.search(words.replace("95%", ""))
    # The same result of enough signals does.
    if name != "comparison":
        assert STATED.search(enough[name].sentence())


@pytest.mark.parametrize("name", ["lead times", "coincidence", "groups", "hazard", "alarm"])
def test_tables_that_are_shown_have_no_estimates_of_few_signals(name, few, enough):
    estimates = re.compile(r"^p_|_rate$|^median|^ratio$|^recall$|^precision$")
    shown = few[name].shown().filter(regex=estimates)
    assert len(shown.columns)
    assert shown.isna().all(axis=None)
    assert len(few[name].shown()) == len(few[name].to_frame())
    assert enough[name].shown().filter(regex=estimates).notna().any(axis=None)


def test_tables_of_reports_give_counts_of_few_signals(few):
    first, groups, scored = few["coincidence"], few["groups"], few["alarm"]
    n = first.n_signals
    for part in (windows_table(first), groups_table(groups)):
        assert f" of {n}</td>" in part.markup
        assert ">–</td>" in part.markup
    for part in (windows_table(first), groups_table(groups), nulls_table([first])):
        assert not re.search(r"\d%|\d\.\d\d\d\d", part.markup)
    # How much of space and time is alarmed is no share of a number of signals.
    assert alarms_table(scored).markup.count("%") == len(scored.windows)
    profile = account_profile(open_study().analyse(), "Andriy Yermak")
    assert "%" not in calibration_table(profile).markup.replace("95% interval", "")
    assert re.search(r"\d of \d+</td>", emoji_table(profile).markup)


def test_the_shell_prints_no_p_of_few_signals(capsys):
    """The embedded study has five signals; p would be below 0.01 by the uniform null model."""
    assert run(["test", "--surrogates", "999", "--null", "uniform"]) == 0
    assert run(["test", "--surrogates", "19", "--by", "code"]) == 0
    assert run(["analyse"]) == 0
    out = capsys.readouterr().out
    assert "Five signals are too few to test." in out
    assert not re.search(r"0\.\d\d\d|\bp = |\d%|: \d+ days? .*interval", out)


def test_headline_and_key_figures_of_few_signals_are_counts():
    analysis = open_study().analyse()
    words = headline(analysis)._repr_html_() + key_figures(analysis).markup + repr(analysis)
    assert not STATED.search(words)
    assert "too few" in words


def test_small_groups_have_neither_median_nor_share():
    """A group of 15 and one of 60: the median of the small one is left out, its counts are not."""
    world = simulate.world(signals=75, events=90, leads=0.6, rng=4)
    small = pd.Series(["small"] * 15 + ["large"] * 60)
    signals = world.signals.assign(account=small)
    base = open_study()
    end = world.observed[1]
    study = replace(base, events=world.events, observed_until=end.isoformat(), kinds=())
    links = link(signals, world.events, observed_until=end, clock="occurred", horizon="90D")
    analysis = replace(base.analyse(), study=study, signals=signals, links=links, clock="occurred")
    groups = analysis.by("account", n=99)
    table = groups.to_frame().set_index("group")
    estimates = ["median", "median_low", "median_high", "trigger_rate", "p", "q"]
    assert table.loc["small", estimates].isna().all()
    assert table.loc["large", ["median", "median_low", "trigger_rate", "p", "q"]].notna().all()
    assert 0 < table.loc["small", "n_followed"] <= table.loc["small", "n"] <= 15
    # The library still estimates, for those who know what they do.
    assert pd.notna(groups.lead_times.groups["small"].median)
    assert table.loc["large", "median"] == groups.lead_times.groups["large"].median
    # One tested group: q is p, whatever the small group has.
    assert table.loc["large", "q"] == table.loc["large", "p"]
    tested = analysis.coincidence(by="account", n=99).groups.set_index("group")["p_adjusted"]
    assert (tested["large"], pd.isna(tested["small"])) == (table.loc["large", "q"], True)
    figure = groups.figure()
    lines = [trace for trace in figure.data if getattr(trace, "mode", None) == "lines"]
    assert len(lines) == 1
    html = groups._repr_html_()
    assert "small" in html


def test_what_a_sentence_says_is_not_repeated_below_it(capsys):
    result = open_study().analyse().coincidence(n=19)
    few = "Five signals are too few to test."
    assert few in result.warnings
    assert result._repr_html_().count(few) == 1
    assert run(["test", "--surrogates", "19"]) == 0
    assert capsys.readouterr().out.count(few) == 1
