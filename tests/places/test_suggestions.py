"""Suggesting places for an emoji: the order, the reason, and the chance."""

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


def test_grapes_lead_to_izium_by_way_of_raisins_without_the_codebook():
    alone = Codebook((), Gazetteer.default())
    izium = [each for each in suggest("🍇", limit=3, codebook=alone) if each.place.name == "Izium"]
    assert len(izium) == 1
    assert "изюм is a kind of виноград" in izium[0].because


def test_chance_grows_as_scores_fall_and_tells_look_alikes():
    found = suggest("🍉", limit=None)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert [each.chance for each in found] == sorted(each.chance for each in found)
    assert found[0].chance < 0.1
    assert found[-1].chance > 1


def test_each_hundredth_has_the_chance_of_its_own_line():
    lines = (RESOURCES / "chance.txt").read_text(encoding="utf-8").split()
    for at, line in enumerate(lines):
        for thousandths in range(10 if at < 100 else 1):
            assert suggestions._chance_of(round(at / 100 + thousandths / 1000, 3)) == float(line)


def test_a_suggestion_from_a_meaning_says_whose():
    kiliia = next(each for each in suggest("🐺") if each.place.name == "Kiliia")
    assert "Кругляк" in kiliia.because
    unsourced = [each for each in suggest("🦅", limit=None) if "unsourced" in each.because]
    assert unsourced


def test_forms_of_an_emoji_suggest_alike_and_what_is_none_nothing():
    assert suggest("🕊️") == suggest("🕊")
    assert suggest("🕊")
    assert suggest("fox") == []
    assert suggest("🦊", country="PL") == []


def test_a_gazetteer_of_ones_own_is_enough():
    mine = Gazetteer(
        [Place("x:1", "Lysytsia", ("Лисиця",), None, None, "XX", "", 5000, "", ("uk",))]
    )
    (found,) = suggest("🦊", codebook=Codebook((), mine))
    assert found.place.id == "x:1"


def test_known_codes_are_suggested_far_more_often_than_random_emoji():
    shares = {name: found for name, (_, found) in benchmark.measure().items()}
    assert shares["attested"][10] > 0.5
    assert shares["all sourced"][10] > 10 * shares["random emoji"][10]


def test_the_annotations_carry_their_licence():
    assert "UNICODE LICENSE V3" in (RESOURCES / "UNICODE-LICENSE.txt").read_text(encoding="utf-8")
