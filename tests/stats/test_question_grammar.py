"""All questions take the same arguments, and all results have the same parts."""

from __future__ import annotations

import inspect
import json
from dataclasses import FrozenInstanceError, fields, is_dataclass

import pandas as pd
import pytest

from factories import leads_of
from foxgrape import alarm, coincidence, hazard, lead_times, open_study, simulate
from foxgrape.errors import FoxgrapeError
from foxgrape.stats.alarms.comparison import compare
from foxgrape.stats.power import estimate_power
from foxgrape.stats.survival.competing_risks import cumulative_incidence

QUESTIONS = (coincidence, hazard, alarm)
RANDOMIZED = (*QUESTIONS, compare, estimate_power, simulate.world)
FEW_DRAWS = {coincidence: {"n": 19}, hazard: {}, alarm: {"n": 19}}
WINDOWS = ["2D", "5D", "9D"]


@pytest.fixture(scope="module")
def world():
    return simulate.world(signals=30, events=60, leads=0.3, rng=2)


def ask(question, world, window, **options):
    return question(
        world.signals, world.events, window=window, observed=world.observed,
        **FEW_DRAWS[question] | options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def results(world):
    """Return one result of each question, with several windows where it takes them."""
    alarms = ask(alarm, world, WINDOWS)
    links = leads_of([1, 2, 3], [5])
    events = open_study().events
    return {
        "lead_times": lead_times(links),
        "cumulative_incidence": cumulative_incidence(leads_of([], [5]), events),
        "turnbull": lead_times(links).turnbull(),
        "coincidence": ask(coincidence, world, WINDOWS),
        "hazard": ask(hazard, world, WINDOWS),
        "alarm": alarms,
        "compare": alarms.compare(alarms, n=19),
        "power": estimate_power({"events": 20}, leads=0.5, signals=(5,), worlds=2, n=19),
    }


@pytest.mark.parametrize("question", QUESTIONS)
def test_window_and_observed_and_rng_are_the_same_arguments_everywhere(question):
    parameters = inspect.signature(question).parameters
    expected = inspect.signature(coincidence).parameters
    for name in ("window", "rng", "observed", "clock", "hindsight"):
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[name].annotation == expected[name].annotation
        assert parameters[name].default == expected[name].default
    assert "windows" not in parameters


@pytest.mark.parametrize("function", RANDOMIZED)
def test_the_seed_is_0_by_default(function):
    rng = inspect.signature(function).parameters["rng"]
    assert rng.default == 0
    assert rng.annotation == "np.random.Generator | int | None"


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_repeats_its_numbers_unless_rng_is_none(question, world):
    same = [ask(question, world, WINDOWS).to_dict() for _ in range(2)]
    assert same[0] == same[1]
    assert same[0]["seed"] == 0
    fresh = [ask(question, world, WINDOWS, rng=None) for _ in range(2)]
    assert fresh[0].seed != fresh[1].seed
    assert ask(question, world, WINDOWS, rng=fresh[0].seed).to_dict() == fresh[0].to_dict()


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_result_has_one_row_per_window(question, world):
    several = ask(question, world, WINDOWS)
    assert several.to_frame()["window"].tolist() == [pd.Timedelta(window) for window in WINDOWS]
    assert len(several.to_dict()["windows"]) == len(WINDOWS)
    single = ask(question, world, "5D")
    assert len(single.windows) == 1
    listed = ask(question, world, ["5D"])
    assert listed.to_dict() == single.to_dict()


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    "options",
    [
        {"window": []},
        {"window": 7},
        {"window": "7D", "rng": -1},
        {"window": "7D", "observed": ("2022-02-01T00:00Z", "2022-01-01T00:00Z")},
    ],
)
def test_invalid_arguments_are_refused_with_the_same_message(question, options, world):
    messages = []
    for function in (question, coincidence):
        with pytest.raises(FoxgrapeError) as refused:
            function(world.signals, world.events, **options)
        messages.append(str(refused.value))
    assert messages[0] == messages[1]
    assert "\n" not in messages[0]


NAMES = (
    "lead_times", "cumulative_incidence", "turnbull", "coincidence", "hazard", "alarm", "compare",
    "power",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_result_is_frozen_and_has_all_its_parts(name, results):
    result = results[name]
    assert is_dataclass(result)
    with pytest.raises(FrozenInstanceError):
        setattr(result, fields(result)[0].name, 0)
    assert isinstance(result.to_frame(), pd.DataFrame)
    values = result.to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["sentence"] == result.sentence()
    assert values["warnings"] == list(result.warnings)
    html = result._repr_html_()
    assert html.startswith("<p>")
    assert html.count("<li>") == len(result.warnings)
    assert "<table" in html


@pytest.mark.parametrize("name", ["lead_times", "cumulative_incidence", *QUESTIONS])
def test_a_result_of_a_question_has_a_figure(name, results):
    result = results[name if isinstance(name, str) else name.__name__]
    assert result.figure().layout.meta["alt"]


@pytest.mark.parametrize("name", NAMES)
def test_warnings_are_sentences(name, results):
    result = results[name]
    assert isinstance(result.warnings, tuple)
    for text in (result.sentence(), *result.warnings):
        assert text[0].isupper() or text[0].isdigit()
        assert text.endswith(".")


@pytest.mark.parametrize("question", QUESTIONS)
def test_too_few_signals_are_reported_in_the_same_words(question, world):
    few = question(
        world.signals.iloc[:5], world.events, window="5D", observed=world.observed,
        **FEW_DRAWS[question],
    )  # fmt: skip
    assert "too few" in few.sentence() + " ".join(few.warnings)
