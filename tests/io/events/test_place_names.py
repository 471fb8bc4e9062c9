"""What a source writes for a place: types of settlement, and regions."""

from __future__ import annotations

import pytest

from foxgrape import read_events
from foxgrape.io.base import ReadContext
from foxgrape.io.events.place_names import parse_place_name
from foxgrape.io.events.place_resolver import StatedPlace
from foxgrape.places import Gazetteer


def parse(text, admin1=""):
    context = ReadContext("events.csv")
    stated = StatedPlace(text, admin1=admin1)
    place = parse_place_name(stated, Gazetteer.default(), context)
    return place.name, place.admin1, [*context.notes]


TYPE = "the type of settlement is read from the place's name"
REGION = "a region is read from the place's name"
REST = "a part of the place's name is left out"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("с.Гракове", "Гракове"),
        ("с. Гракове", "Гракове"),
        ("село Гракове", "Гракове"),
        ("смт. Оскіл", "Оскіл"),
        ("смт Борова", "Борова"),
        ("с.м.т. Борова", "Борова"),
        ("м. Ізюм", "Ізюм"),
        ("м.Ізюм", "Ізюм"),
        ("місто Ізюм", "Ізюм"),
        ("г. Изюм", "Изюм"),
        ("пгт. Боровая", "Боровая"),
        ("Izium town", "Izium"),
        ("town of Izium", "Izium"),
    ],
)
def test_the_type_of_settlement_is_left_out(text, name):
    assert parse(text) == (name, "", [TYPE])


@pytest.mark.parametrize(
    ("text", "name", "region"),
    [
        ("Izium, Kharkiv Oblast", "Izium", "Kharkiv Oblast"),
        ("Izium, Kharkiv", "Izium", "Kharkiv"),
        ("Izium (Kharkiv Oblast)", "Izium", "Kharkiv Oblast"),
        ("Ізюм (Харківська обл.)", "Ізюм", "Харківська обл."),
        ("Ізюм, Харківська", "Ізюм", "Харківська"),
        ("Ізюм, Ізюмський район, Харківська область, Україна", "Ізюм", "Харківська область"),
        ("Izium, Izium Raion, Kharkiv Oblast, Ukraine", "Izium", "Kharkiv Oblast"),
        ("Lyman (Donetsk)", "Lyman", "Donetsk"),
        ("Лиман (Донеччина)", "Лиман", "Донеччина"),
        ("Харківська область, Ізюм", "Ізюм", "Харківська область"),
        ("Харківська область, Ізюмський район, Ізюм", "Ізюм", "Харківська область"),
    ],
)
def test_the_region_is_read_from_the_name(text, name, region):
    assert parse(text) == (name, region, [REGION])


def test_type_and_region_together():
    assert parse("м. Ізюм, Харківська область") == ("Ізюм", "Харківська область", [TYPE, REGION])


@pytest.mark.parametrize(
    "text",
    ["Izium", "Bila Tserkva", "Велика Новосілка", "Старий Салтів", "Sloviansk", "Нове Село"],
)
def test_a_name_without_type_and_region_is_unchanged(text):
    assert parse(text) == (text, "", [])


def test_a_region_in_its_own_column_is_kept():
    assert parse("Izium, Poltava Oblast", "Kharkiv") == ("Izium", "Kharkiv", [REST])


@pytest.mark.parametrize("text", ["Бахмут (Артемівськ)", "Izium, Ukraine", "Izium (city)"])
def test_what_names_no_region_is_left_out_and_noted(text):
    name, region, notes = parse(text)
    assert (name, region) == (text.split("(", maxsplit=1)[0].split(",")[0].strip(), "")
    assert notes == [REST]


def test_names_in_a_table_are_resolved(tmp_path):
    file = tmp_path / "t.csv"
    rows = ["м. Ізюм", '"Izium, Kharkiv"', '"Lyman, Donetsk"', "село Гракове"]
    lines = [f"{n},{place},2022-09-10" for n, place in enumerate(rows)]
    file.write_text("\n".join(["id,place,date", *lines]), encoding="utf-8")
    events, report = read_events(file, timezone="Europe/Kyiv", with_report=True)
    assert events["place"].tolist()[:2] == ["Izium", "Izium"]
    assert {(note.what, note.count) for note in report.notes} >= {(TYPE, 2), (REGION, 2)}
