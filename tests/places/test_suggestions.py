"""Suggestions of places for an emoji: order, reason and chance."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from foxgrape.places import Codebook, Gazetteer, Place, suggest, suggestions

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import suggestions as benchmark

RESOURCES = Path(__file__).parents[2] / "toolkit/foxgrape/places/resources"


@pytest.mark.parametrize(("emoji", "place"), [("🦊", "Lysychansk"), ("🐺", "Vovchansk")])
def test_the_place_named_after_the_animal_comes_first(emoji: str, place: str):
    assert suggest(emoji)[0].place.name == place
    alone = Codebook((), Gazetteer.default())
    assert suggest(emoji, codebook=alone)[0].place.name == place


def test_grapes_suggest_izium_through_raisins_without_the_codebook():
    alone = Codebook((), Gazetteer.default())
    izium = [s for s in suggest("🍇", limit=3, codebook=alone) if s.place.name == "Izium"]
    assert len(izium) == 1
    assert "изюм is a kind of виноград" in izium[0].because


def test_chance_rises_as_scores_fall():
    suggested = suggest("🍉", limit=None)
    scores = [suggestion.score for suggestion in suggested]
    chances = [suggestion.chance for suggestion in suggested]
    assert scores == sorted(scores, reverse=True)
    assert chances == sorted(chances)
    assert chances[0] < 0.1
    assert chances[-1] > 1


def test_a_score_has_the_chance_of_its_hundredth():
    lines = (RESOURCES / "chance.txt").read_text(encoding="utf-8").split()
    for at, line in enumerate(lines):
        for thousandths in range(10 if at < 100 else 1):
            assert suggestions._chance(round(at / 100 + thousandths / 1000, 3)) == float(line)


def test_a_suggestion_from_a_meaning_names_its_source():
    kiliia = next(s for s in suggest("🐺") if s.place.name == "Kiliia")
    assert "Кругляк" in kiliia.because
    assert any("unsourced" in suggestion.because for suggestion in suggest("🦅", limit=None))


def test_forms_of_an_emoji_give_the_same_suggestions_and_other_text_none():
    assert suggest("🕊️") == suggest("🕊")
    assert suggest("🕊")
    assert suggest("fox") == []
    assert suggest("🦊", country="PL") == []


def test_suggestions_use_the_gazetteer_of_the_codebook():
    mine = Gazetteer(
        [Place("x:1", "Lysytsia", ("Лисиця",), None, None, "XX", "", 5000, "", ("uk",))]
    )
    (suggestion,) = suggest("🦊", codebook=Codebook((), mine))
    assert suggestion.place.id == "x:1"


def test_known_codes_are_suggested_far_more_often_than_random_emoji():
    shares = {name: share for name, (_, share) in benchmark.measure().items()}
    assert shares["attested"][10] > 0.5
    assert shares["all sourced"][10] > 10 * shares["random emoji"][10]


def test_the_annotations_carry_their_licence():
    assert "UNICODE LICENSE V3" in (RESOURCES / "UNICODE-LICENSE.txt").read_text(encoding="utf-8")
