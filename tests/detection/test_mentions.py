"""Names in texts: inflected, in three languages, and only where they speak of a place."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape.detection.mentions import _NEAR, _word_before, find_mentions
from foxgrape.places import Gazetteer

DEFAULT = Gazetteer.default()


def told(text, gazetteer=DEFAULT):
    return [
        (text[each.start : each.end], each.places[0].name)
        for each in find_mentions(text, gazetteer)
    ]


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
def test_names_are_found_in_any_case_form(text, expected):
    assert told(text) == expected


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
def test_words_first_names_regions_and_streets_are_no_mentions(text):
    assert told(text) == []


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
def test_a_weak_name_is_read_where_the_words_around_speak_of_a_place(text, name):
    signals = {each.places[0].name: each.sure for each in find_mentions(text, DEFAULT)}
    assert signals[name] is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("полон мера Мелітополя Івана Федорова", [("Мелітополя", "Melitopol")]),
        # The plant of a town is a mention of it, that of a region is none.
        ("the Enerhodar nuclear power plant", [("Enerhodar", "Enerhodar")]),
    ],
)
def test_a_town_is_read_in_the_name_of_its_mayor_and_of_its_plant(text, expected):
    assert told(text) == expected


def test_a_name_of_several_places_means_the_one_in_the_region_behind_it():
    def regions(text):
        (first, *_) = find_mentions(text, DEFAULT)
        return {place.admin1 for place in first.places}

    assert len(regions("the village of Pisky")) > 1
    assert regions("the village of Pisky, Donetsk region") == {"Donetsk Oblast"}
    assert regions("the village of Pisky (Yasynuvata district, Donetsk Obl)") == {"Donetsk Oblast"}
    # A region before the name, or far behind it, says nothing of it.
    assert len(regions("the village of Pisky" + " and so on" * 9 + " in Donetsk region")) > 1


def test_a_hamlet_alone_is_not_read():
    assert told("Гракове") == []
    assert told("Гракове", Gazetteer([DEFAULT["geonames:707292"]])) == []


def test_in_a_list_of_ones_own_no_place_is_too_small():
    hamlet = next(match.place for match in DEFAULT.find("Гракове"))
    assert told("Гракове", Gazetteer([hamlet])) == [("Гракове", "Hrakove")]


def test_a_name_of_several_places_means_the_one_near_another_that_is_named():
    def ids(text):
        return [{place.id for place in each.places} for each in find_mentions(text, DEFAULT)]

    (alone,) = ids("Лиман")
    assert len(alone) > 1
    (beside, _) = ids("Лиман і Слов'янськ")
    assert beside < alone
    assert "geonames:704204" in beside
    # Far more people live in one Mykolaiv than in all others.
    assert [len(each) for each in ids("Миколаїв")] == [1]


def test_spans_are_code_points_and_do_not_overlap():
    text = "🍇🇺🇦 Велика Олександрівка, Нова Каховка та Каховка 🦊"
    spans = find_mentions(f"у {text}", DEFAULT)
    assert [f"у {text}"[each.start : each.end] for each in spans] == [
        "Велика Олександрівка",
        "Нова Каховка",
        "Каховка",
    ]
    assert all(one.end <= other.start for one, other in pairwise(spans))


@given(st.text(alphabet="Іа9_'’-. \n\u00a0«\"(*,–", max_size=60))
def test_the_word_before_is_what_a_pattern_finds(text):
    pattern = re.compile(r"([\w'’ʼ]+)(\.?)[\s«„“\"*(]*$")
    match = pattern.search(text[-_NEAR:])
    word = match[1] if match and not match[2] else ""
    assert _word_before(text, len(text)) == word


def test_a_full_stop_is_read_behind_what_it_shortens_alone():
    assert _word_before("у м. «", 6) == "м"
    assert _word_before("на вул.\u00a0", 8) == "вул"
    assert _word_before("у полі. ", 8) == ""
