"""Coincidence on the embedded study, in the shell, and on real data."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from foxgrape import coincidence, open_study
from foxgrape.cli import app

ROOT = Path(__file__).parents[3]
_SPEC = importlib.util.spec_from_file_location(
    "write_president_example", ROOT / "scripts" / "write_president_example.py"
)
SCRIPT = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(SCRIPT)


def test_the_embedded_study_has_too_few_signals():
    analysis = open_study().analyse()
    for clock in ("occurred", "confirmed"):
        result = analysis.coincidence(window="7D", clock=clock, n=999)
        assert result.sentence().startswith("Five signals are too few to test.")
        assert result.n_signals == len(analysis.signals)
    assert (
        analysis.coincidence(n=99).to_dict()
        == analysis.coincidence(clock="confirmed", n=99).to_dict()
    )


def test_each_side_has_its_own_clock():
    study = open_study()
    kyiv = study.analyse(confirmed_by="UA").coincidence(window="3D", n=99)
    moscow = study.analyse(confirmed_by="RU").coincidence(window="3D", n=99)
    assert kyiv.n_events > moscow.n_events > 0


def test_the_command_prints_the_sentence_or_json(capsys):
    assert app.run(["test", "--window", "3D", "--window", "7D", "--surrogates", "99"]) == 0
    assert "Five signals are too few to test." in capsys.readouterr().out
    options = ["--by", "code", "--null", "place", "--seed", "3", "--json"]
    assert app.run(["test", "--surrogates", "99", *options]) == 0
    (values,) = json.loads(capsys.readouterr().out)
    assert (values["null"], values["seed"], values["n_surrogates"]) == ("place", 3, 99)
    assert {group["group"] for group in values["groups"]} >= {"🍇", "🦊"}


def test_the_command_reports_invalid_options(capsys):
    assert app.run(["test", "--null", "locale"]) == 2
    assert "did you mean 'local'" in capsys.readouterr().err
    assert app.run(["test", "--surrogates", "0"]) == 2


def test_the_command_estimates_power(capsys):
    assert app.run(["test", "--power", "--leads", "1", "--worlds", "10", "--json"]) == 0
    (values,) = json.loads(capsys.readouterr().out)
    assert values["needed"] <= 20
    assert values["world"]["events"] > 50


@pytest.fixture(scope="module")
def president(real_data):
    """Mentions of towns by the president's channel, and when towns were first seen liberated."""
    return SCRIPT.tables(real_data / "president_2022")


def of_president(president, **options):
    observed = ("2022-03-13T00:00:00Z", "2023-01-01T00:00:00Z")
    return coincidence(*president, observed=observed, rng=1, **options)


@pytest.mark.real
def test_common_nulls_detect_only_the_front_of_2022(president):
    """At a week they disagree: six mentions were followed, and four times as many came after."""
    usual = of_president(president, window="7D", null="uniform")
    assert usual.p_trigger < 0.05
    assert sum("mistakes it for foresight" in warning for warning in usual.warnings) == 2
    assert of_president(president, window="7D", null="place").p_trigger < 0.05
    result = of_president(president, window="7D")
    assert result.p_trigger > 0.1
    assert result.sentence().startswith("Consistent with chance")
    assert round(result.trigger_rate * result.n_signals) == 6
    assert result.echo_rate > 4 * result.trigger_rate


@pytest.mark.real
def test_short_windows_are_not_significant_after_adjustment(president):
    windows = ["1D", "2D", "3D", "5D", "7D", "10D", "14D"]
    result = of_president(president, window=windows)
    assert result.p_trigger > 0.05
    assert of_president(president, window=windows, null="place").p_trigger < 0.05


@pytest.mark.real
def test_the_page_has_the_numbers_of_todays_code(president):
    """Run scripts/write_president_example.py if this fails."""
    assert f"{SCRIPT.START}{SCRIPT.paragraph(*president)}{SCRIPT.END}" in SCRIPT.PAGE.read_text(
        "utf-8"
    )
