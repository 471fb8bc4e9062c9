"""Places of events: every town by its names and regions, and what is reported about the others."""

from __future__ import annotations

import csv

import pytest

from foxgrape import read_events
from foxgrape.places import Gazetteer
from foxgrape.places.gazetteer import is_current_name
from foxgrape.places.resolution import LARGEST, REGION_CONTRADICTED, REGION_UNREAD

DEFAULT = Gazetteer.default()
IZIUM, LYMAN = "geonames:707292", "geonames:704204"
ROBOTYNE = "katottg:UA23100270150025192"
#: Ukrainian and Russian adjectives of each region; English, its adjective romanized, and older.
REGIONS = {
    "Autonomous Republic of Crimea": "Кримська Крымская Crimea Krymska Krym",
    "Cherkasy Oblast": "Черкаська Черкасская Cherkasy Cherkaska Cherkassy",
    "Chernihiv Oblast": "Чернігівська Черниговская Chernihiv Chernihivska Chernigov",
    "Chernivtsi Oblast": "Чернівецька Черновицкая Chernivtsi Chernivetska Chernovtsy",
    "Dnipropetrovsk Oblast": "Дніпропетровська Днепропетровская Dnipropetrovsk "
    "Dnipropetrovska Dnepropetrovsk",
    "Donetsk Oblast": "Донецька Донецкая Donetsk Donetska Donets'k",
    "Ivano-Frankivsk Oblast": "Івано-Франківська Ивано-Франковская Ivano-Frankivsk "
    "Ivano-Frankivska Ivano-Frankovsk",
    "Kharkiv Oblast": "Харківська Харьковская Kharkiv Kharkivska Kharkov",
    "Kherson Oblast": "Херсонська Херсонская Kherson Khersonska Kherson",
    "Khmelnytskyi Oblast": "Хмельницька Хмельницкая Khmelnytskyi Khmelnytska Khmelnitsky",
    "Kirovohrad Oblast": "Кіровоградська Кировоградская Kirovohrad Kirovohradska Kirovograd",
    "Kyiv": "Київська Киевская Kyiv Kyivska Kiev",
    "Kyiv Oblast": "Київська Киевская Kyiv Kyivska Kiev",
    "Luhansk Oblast": "Луганська Луганская Luhansk Luhanska Lugansk",
    "Lviv Oblast": "Львівська Львовская Lviv Lvivska Lvov",
    "Mykolaiv Oblast": "Миколаївська Николаевская Mykolaiv Mykolaivska Nikolaev",
    "Odesa Oblast": "Одеська Одесская Odesa Odeska Odessa",
    "Poltava Oblast": "Полтавська Полтавская Poltava Poltavska Poltava",
    "Rivne Oblast": "Рівненська Ровенская Rivne Rivnenska Rovno",
    "Sevastopol": "Севастопольська Севастопольская Sevastopol Sevastopolska Sevastopol",
    "Sumy Oblast": "Сумська Сумская Sumy Sumska Sumy",
    "Ternopil Oblast": "Тернопільська Тернопольская Ternopil Ternopilska Ternopol",
    "Vinnytsia Oblast": "Вінницька Винницкая Vinnytsia Vinnytska Vinnitsa",
    "Volyn Oblast": "Волинська Волынская Volyn Volynska Volyn",
    "Zakarpattia Oblast": "Закарпатська Закарпатская Zakarpattia Zakarpatska Transcarpathia",
    "Zaporizhzhia Oblast": "Запорізька Запорожская Zaporizhzhia Zaporizka Zaporozhye",
    "Zhytomyr Oblast": "Житомирська Житомирская Zhytomyr Zhytomyrska Zhitomir",
}


#: Towns whose namesakes have more than a tenth of their population, and Sokolohirsk, which lost its
#: name to a larger town.
AMBIGUOUS = {
    *("Berehove", "Lebedyn", "Lyman", "Pivdenne"),
    *("Podilsk", "Rovenky", "Znamianka", "Zolochiv"),
}


def spellings(region):
    uk, ru, en, romanized, older = REGIONS[region].split()
    russian = [f"{ru} область", f"{ru} обл."]
    return [
        *(f"{uk} область", f"{uk} обл.", uk),
        *russian,
        *(en, f"{en} Oblast", f"{en} region", f"{romanized} oblast", older),
    ]


def read(tmp_path, rows):
    """Read rows of place, admin1, lat, lon; return place ids and the report."""
    file = tmp_path / "events.csv"
    with file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["id", "date", "place", "admin1", "lat", "lon"])
        writer.writerows([n, "2022-09-10", *row] for n, row in enumerate(rows))
    events, report = read_events(file, timezone="Europe/Kyiv", with_report=True)
    return events["place_id"].tolist(), report


def notes(report):
    return {note.what: note.count for note in report.notes}


@pytest.fixture(scope="module")
def towns():
    """Return each place of Ukraine with at least 20,000 people, with each of its names."""
    places = [p for p in DEFAULT if p.country == "UA" and (p.population or 0) >= 20_000]
    assert len(places) == 310
    return [
        (place, name)
        for place in places
        for name in (*place.names_in("uk")[:1], *russian_today(place), place.name)
    ]


def russian_today(place):
    """Return the first Russian name that is no former one, such as that of Zaporizhzhia."""
    for name in place.names_in("ru"):
        matches = DEFAULT.find(name, exact=True, limit=200)
        if any(match.place == place and is_current_name(match) for match in matches):
            return [name]
    return []


def is_settlement(place):
    """Return whether the register of settlements, which has no quarters of cities, has a place."""
    return bool(place.admin2) or place.name == place.admin1


def test_every_town_is_found_by_its_names_with_its_region_in_ten_spellings(tmp_path, towns):
    rows = [(p, name, text) for p, name in towns for text in spellings(p.admin1)]
    ids, _ = read(tmp_path, [(name, text, "", "") for _, name, text in rows])
    missed = {
        (place.name, name, text)
        for (place, name, text), place_id in zip(rows, ids, strict=True)
        if is_settlement(place) and place_id != place.id
    }
    assert sum(is_settlement(place) for place in {place for place, _ in towns}) > 190
    assert missed == set()
    # A quarter of a city is found, or reported: never taken for another place that has its name.
    wrong = {
        (place.name, name)
        for (place, name, _), place_id in zip(rows, ids, strict=True)
        if place_id != place.id and not place_id.startswith("place:")
    }
    assert wrong == set()


def test_every_town_is_found_by_its_names_alone_unless_a_namesake_is_comparable(tmp_path, towns):
    ids, report = read(tmp_path, [(name, "", "", "") for _, name in towns])
    missed = {
        place.name
        for (place, _), place_id in zip(towns, ids, strict=True)
        if is_settlement(place) and place_id != place.id
    }
    assert missed == AMBIGUOUS
    reasons = set(report.unresolved_frame()["reason"].str.replace(r"^\d+ ", "", regex=True))
    assert reasons == {"places have this name; no region and no coordinates are stated"}


def test_what_was_decided_on_weak_evidence_is_counted(tmp_path):
    rows = [("Роботине", "an unknown region", "", "")] * 2
    rows += [("Київ", "", "", ""), ("Ізюм", "Одеська", 49.2, 37.25), ("Ізюм", "", "", "")]
    ids, report = read(tmp_path, rows)
    assert ids == [ROBOTYNE, ROBOTYNE, "geonames:703448", IZIUM, IZIUM]
    assert notes(report) == {
        REGION_UNREAD: 2,
        LARGEST: 1,
        REGION_CONTRADICTED: 1,
    }
    assert report.unresolved_frame().empty


def test_the_coordinates_of_any_row_identify_a_name(tmp_path):
    rows = [("Лиман", "", "", ""), ("Лиман", "", 49.0, 37.8), ("Лиман", "", "", "")]
    ids, report = read(tmp_path, rows)
    assert ids == [LYMAN] * 3
    assert list(notes(report).values()) == [2]
    assert report.unresolved_frame().empty
    # Two places of one name: the row without coordinates may mean either.
    ids, report = read(tmp_path, [*rows, ("Лиман", "", 49.58, 36.5)])
    assert ids[0] == ids[2] == "place:Лиман"
    assert report.unresolved_frame()["rows"].tolist() == [2]
    assert notes(report) == {}


def test_coordinates_far_from_the_place_with_the_stated_id_are_counted(tmp_path):
    file = tmp_path / "events.csv"
    file.write_text(f"id,date,place_id,lat,lon\n1,2022-09-10,{IZIUM},37.2,49.2\n")
    events, report = read_events(file, timezone="Europe/Kyiv", with_report=True)
    assert events["place_id"].tolist() == [IZIUM]
    assert [note.count for note in report.notes] == [1]


def test_a_control_list_may_state_coordinates_in_any_row(tmp_path):
    file = tmp_path / "changes.csv"
    header = "commit,first_seen,name,held_by_prev,held_by,lat,lon\n"
    rows = [
        "1,2022-09-01T00:00Z,Lyman,,Russia,,",
        "2,2022-10-01T12:00Z,Lyman,Russia,Ukraine,49,37.8",
    ]
    rows += ["3,2022-10-09T12:00Z,Izium,,Ukraine,,"]
    file.write_text(header + "\n".join(rows))
    assert read_events(file)["place_id"].tolist() == [LYMAN]


def test_a_table_of_events_with_names_alone_is_read_like_any_table(tmp_path):
    """The columns are those of the events table, but places have no ids."""
    file = tmp_path / "events.csv"
    rows = ["event_id,occurred_at,place,kind", "1,2022-09-10,Гуляйполе,shelling"]
    file.write_text("\n".join([*rows, "2,2022-09-10,Костянтинівка,shelling"]))
    events, report = read_events(file, timezone="Europe/Kyiv", with_report=True)
    assert events["event_id"].tolist() == ["1", "2"]
    assert events["place"].tolist() == ["Huliaipole", "Kostiantynivka"]
    assert notes(report)[LARGEST] == 2
