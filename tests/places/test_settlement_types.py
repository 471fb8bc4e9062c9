"""The type of settlement that is stated with a name decides between places of that name."""

from __future__ import annotations

import pandas as pd
import pytest

from foxgrape.io.events import read_events
from foxgrape.places import Gazetteer
from foxgrape.places.mentions import find_mentions
from foxgrape.places.namesakes import in_shared_district
from foxgrape.places.place import Place
from foxgrape.places.resolution import OF_TYPE, resolve
from foxgrape.places.settlement_types import are_of_type, settlement_type

GAZETTEER = Gazetteer.default()
LYMAN, KOSTIANTYNIVKA = "geonames:704204", "geonames:705104"


def places_of(text):
    return {
        text[mention.start : mention.end]: {place.id for place in mention.places}
        for mention in find_mentions(text, GAZETTEER)
    }


@pytest.mark.parametrize(
    ("word", "kind"),
    [("м.", "city"), ("Місті", "city"), ("пгт.", "settlement"), ("селу", "village"), ("town", "")],
)
def test_words_and_abbreviations_state_a_type(word, kind):
    assert settlement_type(word) == kind


def test_only_one_of_eleven_places_named_lyman_is_a_city():
    assert resolve("Лиман").place is None
    city = resolve("Лиман", kind="city")
    assert (city.place.id, city.notes) == (LYMAN, (OF_TYPE,))
    villages = {match.place.id for match in resolve("Лиман", kind="village").candidates}
    assert len(villages) > 1
    assert LYMAN not in villages


def test_a_type_that_no_place_has_changes_nothing():
    places = [match.place for match in GAZETTEER.find("Роботине")]
    assert are_of_type(places, "city") == {place.id for place in places}
    abroad = [Place(f"x:{n}", "Fox", (), None, None, "GB", "", None) for n in (1, 2)]
    assert are_of_type(abroad, "city") == are_of_type(abroad, "") == {"x:1", "x:2"}


def test_types_in_texts():
    assert places_of("Удар по м. Лиман.") == {"Лиман": {LYMAN}}
    assert KOSTIANTYNIVKA in places_of("Удар по м. Костянтинівка.")["Костянтинівка"]
    assert KOSTIANTYNIVKA not in places_of("Удар по с. Костянтинівка.")["Костянтинівка"]
    # Without a full stop, с is a preposition.
    assert (
        KOSTIANTYNIVKA
        in places_of("Он вернулся с Константиновки, из Константиновки.")["Константиновки"]
    )


def test_types_in_a_table(tmp_path):
    file = tmp_path / "events.csv"
    rows = [
        ("м. Лиман", "2022-10-01T12:00Z"),
        ("с. Лиман", "2022-10-02T12:00Z"),
        ("Лиман", "2022-10-03T12:00Z"),
    ]
    table = pd.DataFrame(rows, columns=["place", "occurred_at"]).assign(kind="liberated")
    table.to_csv(file, index=False)
    events, report = read_events(file, with_report=True)
    events = events.sort_values("occurred_at")
    assert OF_TYPE in {note.what for note in report.notes}
    assert events["place_id"].tolist()[0] == LYMAN
    assert LYMAN not in events["place_id"].tolist()[1:]


def place(name, district, people=None):
    return Place(f"x:{name}/{district}", name, (), None, None, "UA", "Region", people, district)


def test_names_of_a_list_mean_the_places_of_their_only_common_district():
    foxes, hares = [place("Fox", "A"), place("Fox", "B")], [place("Hare", "B"), place("Hare", "C")]
    assert in_shared_district([foxes, hares], [foxes, hares]) == [foxes[1:], hares[:1]]
    # Two common districts decide nothing, and neither does a list without one.
    both = [place("Owl", "A"), place("Owl", "B")]
    assert in_shared_district([foxes, both], [foxes, both]) == [foxes, both]
    apart = [place("Elk", "D")]
    assert in_shared_district([foxes, apart], [foxes, apart]) == [foxes, apart]
    # A town elsewhere is meant, and a place of unknown district may be.
    towns = [place("Fox", "A", 20_000), place("Fox", "B")]
    assert in_shared_district([towns, hares], [towns[:1], hares])[0] == towns[:1]
    unknown = [place("Fox", "B"), place("Fox", "")]
    assert in_shared_district([unknown, hares], [unknown, hares])[0] == unknown


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ми пам'ятаємо Оленівку, і не лише її.", ["Оленівку"]),
        ("Удар пришёлся и на Великий Бурлук.", ["Великий Бурлук"]),
        ("Обстріляно Семенівку, Городню та прикордонні громади.", ["Семенівку", "Городню"]),
        ("Актор приїде до Черкас завтра.", ["Черкас"]),
        ("Рух через пункт пропуску «Устилуг» відновлено.", ["Устилуг"]),
        ("Бойцы взяли Опытное, сообщил он.", ["Опытное"]),
        ("In the Chernihiv, Sumy, Kharkiv and other regions it rains.", []),
        ("Удар по військах міста Черкаське, кажуть.", ["Черкаське"]),
        ("Після дощу Інгулець вийшов з берегів.", []),
        ("Заяву зробив адвокат Черкасов.", []),
        ("Учора Ганна Дубно співала.", []),
    ],
)
def test_kinds_that_labelled_texts_showed(text, names):
    assert list(places_of(text)) == names


def test_a_former_name_of_a_city_is_no_evidence():
    assert "geonames:686956" not in places_of("Госпіталь міста Черкаське.")["Черкаське"]


def test_khmelnytskyi_in_the_russian_locative():
    assert "geonames:706369" in places_of("Взрывы слышали в Хмельницком.")["Хмельницком"]
