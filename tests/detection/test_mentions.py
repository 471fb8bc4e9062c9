"""Mentions: inflected names in three languages, only where they refer to a place."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape.detection.mentions import _CONTEXT, _word_before, find_mentions
from foxgrape.places import Gazetteer

DEFAULT = Gazetteer.default()


def spelling_and_place(text, gazetteer=DEFAULT):
    return [
        (text[mention.start : mention.end], mention.places[0].name)
        for mention in find_mentions(text, gazetteer)
    ]


def ids(text):
    return [{place.id for place in mention.places} for mention in find_mentions(text, DEFAULT)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Наші в Ізюмі", [("Ізюмі", "Izium")]),
        ("під Лисичанськом тихо", [("Лисичанськом", "Lysychansk")]),
        ("Бои за Изюм и Лисичанск", [("Изюм", "Izium"), ("Лисичанск", "Lysychansk")]),
        ("обстріли Херсона", [("Херсона", "Kherson")]),
        ("у Кривому Розі", [("Кривому Розі", "Kryvyi Rih")]),
        ("Біла Церква, Київ", [("Біла Церква", "Bila Tserkva"), ("Київ", "Kyiv")]),
        ("Izium’s liberation", [("Izium’s", "Izium")]),
        ("КУПЯНСЬК НАШ", [("КУПЯНСЬК", "Kupiansk")]),
        ("**Харків**!", [("Харків", "Kharkiv")]),
        ("\U0001f347 Харків", [("Харків", "Kharkiv")]),
    ],
)
def test_names_are_found_in_any_inflected_form(text, expected):
    assert spelling_and_place(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "ізюм і родзинки",
        "Українці! Українки!",
        "Перемога буде за нами",
        "День Перемоги",
        "Станіслав сказав",
        "Володимир Зеленський",
        "Vladimir Putin",
        "Мені сказали",
        "орден Богдана Хмельницького",
        "Kharkiv region",
        "Сумська та Чернігівська області",
        "на Київському та Чернігівському напрямках",
        "вулиця Полтава",
        "Duchess of Cambridge",
        "ЗСУ і США",
        "Мирний, гордий, сильний",
        "the Donetsk People's Republic",
        "Lugansk republic",
        "Donetsk Obl",
        "the Luhansk sector",
        "загрози в Чорному морі",
        "the Zaporizhzhia Nuclear Power Plant",
        "нет в Чечне",
        "one of Pisky",
        "",
    ],
)
def test_words_first_names_regions_and_streets_are_not_mentions(text):
    assert spelling_and_place(text) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("бій під Станіславом", "Stanislav"),
        ("село Перемога", "Peremoha"),
        ("біля Гракового", "Hrakove"),
        ("near Robotyne", "Robotyne"),
        ("в Ізюмі, Балаклії та Граковому", "Hrakove"),
        ("Гракове, Ізюм", "Hrakove"),
        ("the village of Hrakove", "Hrakove"),
        ("on the outskirts of Hrakove", "Hrakove"),
        ("Hrakove village", "Hrakove"),
        ("at Hrakove", "Hrakove"),
        ("Гракове, Чугуївський район", "Hrakove"),
        ("Hrakove (Kharkiv region)", "Hrakove"),
        ("село Чечня", "Chechnya"),
    ],
)
def test_a_weak_name_counts_where_the_words_around_refer_to_a_place(text, name):
    certain = {mention.places[0].name: mention.certain for mention in find_mentions(text, DEFAULT)}
    assert certain[name] is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("полон мера Мелітополя Івана Федорова", [("Мелітополя", "Melitopol")]),
        # A plant named after a town mentions the town; one named after a region does not.
        ("the Enerhodar nuclear power plant", [("Enerhodar", "Enerhodar")]),
    ],
)
def test_a_town_is_mentioned_by_its_mayor_and_by_its_plant(text, expected):
    assert spelling_and_place(text) == expected


def test_the_region_behind_a_shared_name_decides_which_place_is_meant():
    def regions(text):
        (first, *_) = find_mentions(text, DEFAULT)
        return {place.admin1 for place in first.places}

    assert len(regions("the village of Pisky")) > 1
    assert regions("the village of Pisky, Donetsk region") == {"Donetsk Oblast"}
    assert regions("the village of Pisky (Yasynuvata district, Donetsk Obl)") == {"Donetsk Oblast"}
    # A region far behind the name does not decide.
    assert len(regions("the village of Pisky" + " and so on" * 9 + " in Donetsk region")) > 1


def test_a_hamlet_without_context_is_not_a_mention():
    assert spelling_and_place("Гракове") == []
    assert spelling_and_place("Гракове", Gazetteer([DEFAULT["geonames:707292"]])) == []


def test_in_a_small_gazetteer_no_place_is_too_small():
    hamlet = next(match.place for match in DEFAULT.find("Гракове"))
    assert spelling_and_place("Гракове", Gazetteer([hamlet])) == [("Гракове", "Hrakove")]


def test_a_shared_name_means_the_place_near_another_mention():
    (alone,) = ids("Лиман")
    assert len(alone) > 1
    (beside, _) = ids("Лиман і Слов'янськ")
    assert beside < alone
    assert "geonames:704204" in beside
    # Far more people live in one Mykolaiv than in all others.
    assert [len(places) for places in ids("Миколаїв")] == [1]


def test_spans_are_code_points_and_do_not_overlap():
    text = "🍇🇺🇦 Велика Олександрівка, Нова Каховка та Каховка 🦊"
    spans = find_mentions(f"у {text}", DEFAULT)
    assert [f"у {text}"[span.start : span.end] for span in spans] == [
        "Велика Олександрівка",
        "Нова Каховка",
        "Каховка",
    ]
    assert all(first.end <= second.start for first, second in pairwise(spans))


@given(st.text(alphabet="Іа9_'’-. \n\u00a0«\"(*,–", max_size=60))
def test_the_word_before_equals_a_regular_expression(text):
    pattern = re.compile(r"([\w'’ʼ]+)(\.?)[\s«„“\"*(]*$")
    match = pattern.search(text[-_CONTEXT:])
    word = match[1] if match and not match[2] else ""
    assert _word_before(text, len(text)) == word


def test_a_full_stop_is_allowed_only_after_an_abbreviation():
    assert _word_before("у м. «", 6) == "м"
    assert _word_before("на вул.\u00a0", 8) == "вул"
    assert _word_before("у полі. ", 8) == ""
