"""Points without a name, and events without an id."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape import read_events
from foxgrape.errors import TableError
from foxgrape.io.events.located import MAX_KM, nearest_place
from foxgrape.places import Gazetteer
from foxgrape.places.place import Place, distance_km

IZIUM = "geonames:707292"


def read(tmp_path, text, **options):
    file = tmp_path / "t.csv"
    file.write_text(text, encoding="utf-8")
    known = {"timezone": "Europe/Kyiv", "with_report": True}
    return read_events(file, **known | options)


def test_a_point_without_a_name_gets_its_nearest_place(tmp_path):
    events, report = read(tmp_path, "id,date,lat,lon\n1,2022-09-10,49.2087,37.2485\n")
    row = events.iloc[0]
    assert (row["place_id"], row["place"], row["place_precision"]) == (IZIUM, "Izium", "near")
    izium = Gazetteer.default()[IZIUM]
    assert row["place_km"] == round(distance_km(izium, (49.2087, 37.2485)), 2) == 2.06
    assert (row["lat"], row["lon"]) == (49.2087, 37.2485)
    notes = [(note.what, note.count, note.example) for note in report.notes]
    assert notes == [
        ("a point has no place name: the nearest place is used", 1, "Izium, 2.1 km"),
    ]


def test_a_point_far_from_every_place_is_unresolved(tmp_path):
    events, report = read(tmp_path, "id,date,lat,lon\n1,2022-09-10,60,10\n")
    assert events["place_id"].tolist() == ["place:60,10"]
    assert "place_precision" not in events
    unresolved = report.unresolved_frame()
    assert unresolved["rows"].tolist() == [1]
    assert "no place is within 25 km of the point; the nearest is 12" in unresolved["reason"][0]


@pytest.mark.parametrize("column", ["geolocation", "coordinates", '"lat,lon"', "GPS", "location"])
def test_coordinates_in_one_column_are_split(tmp_path, column):
    text = f'id,date,{column}\n1,2022-09-10,"49.2087, 37.2485"\n'
    events, _ = read(tmp_path, text)
    assert events[["lat", "lon"]].to_numpy().tolist() == [[49.2087, 37.2485]]
    assert events["place_id"].tolist() == [IZIUM]


def test_swapped_coordinates_are_not_replaced_by_the_nearest_place(tmp_path):
    events, report = read(tmp_path, "id,date,place,lat,lon\n1,2022-09-10,Ізюм,37.2485,49.2087\n")
    assert events["place_id"].tolist() == ["place:Ізюм"]
    assert "km away" in report.unresolved_frame()["reason"][0]


def test_a_row_needs_a_place_or_a_point(tmp_path):
    with pytest.raises(TableError, match="row 2, column place: a place name, an id or coord"):
        read(tmp_path, "id,date,place\n1,2022-09-10,\n")


def test_columns_maps_admin1(tmp_path):
    text = "id,date,place,rayon\n1,2022-10-01,Yampil,Donetsk\n"
    events, report = read(tmp_path, text, columns={"admin1": "rayon"})
    assert events["place_id"].tolist() == ["geonames:688505"]
    assert events["admin1"].tolist() == ["Donetsk"]
    assert report.mapping["admin1"] == "rayon"
    assert read(tmp_path, text)[0]["place_id"].tolist() == ["place:Yampil"]


@pytest.mark.parametrize("name", ["admin1", "Oblast", "Region", "область"])
def test_the_column_of_the_region_has_usual_names(tmp_path, name):
    events, report = read(tmp_path, f"id,date,place,{name}\n1,2022-10-01,Yampil,Donetsk\n")
    assert events["place_id"].tolist() == ["geonames:688505"]
    assert events["admin1"].tolist() == ["Donetsk"]
    assert report.mapping["admin1"] == name


def test_a_region_that_is_no_division_is_ignored(tmp_path):
    events, _ = read(tmp_path, "id,date,place,region\n1,2022-10-01,Izium,Europe\n")
    assert events["place_id"].tolist() == [IZIUM]
    assert events["region"].tolist() == ["Europe"]


def test_the_best_of_several_columns_for_the_region_is_used(tmp_path):
    text = "id,date,place,region,oblast\n1,2022-10-01,Yampil,East,Donetsk\n"
    events, report = read(tmp_path, text)
    assert events["place_id"].tolist() == ["geonames:688505"]
    assert report.mapping["admin1"] == "oblast"


def test_text_in_a_column_for_coordinates_is_kept(tmp_path):
    rows = ["1,2022-09-10,Izium,near the bridge", "2,2022-09-10,Izium,"]
    events, report = read(tmp_path, "\n".join(["id,date,place,geolocation", *rows]))
    assert events["place_id"].tolist() == [IZIUM, IZIUM]
    assert events["geolocation"].tolist()[0] == "near the bridge"
    note = "the coordinates cannot be read: the place's name is used"
    assert {line.what: line.count for line in report.notes} == {note: 1}
    with pytest.raises(TableError, match="column coordinates: expected latitude and longitude"):
        read(tmp_path, "id,date,place,geolocation\n1,2022-09-10,,near the bridge\n")


def test_columns_of_precision_in_the_file_are_kept(tmp_path):
    text = (
        "id,date,lat,lon,place_km,place\n1,2022-09-10,49.2087,37.2485,,\n2,2022-09-10,,,7,Izium\n"
    )
    events, _ = read(tmp_path, text)
    assert events["place_km"].tolist() == ["2.06", "7"]


@given(st.floats(-80, 80), st.floats(-179, 179))
def test_the_nearest_place_has_the_smallest_distance(lat, lon):
    places = [
        Place(f"x:{n}", f"p{n}", (), 10.0 * n - 40, (53.0 * n) % 360 - 180, "UA", "", None)
        for n in range(9)
    ]
    place, km = nearest_place(Gazetteer(places), (lat, lon))
    assert km == distance_km(place, (lat, lon))
    assert km <= min(distance_km(other, (lat, lon)) for other in places) + 1e-3


@pytest.mark.parametrize(
    ("point", "name"),
    [
        ((47.9985, 37.8041), "Donetsk"),  # in Yuzivskyi, a part of the city
        ((50.4547, 30.5238), "Kyiv"),  # in the old town
        ((50.0290, 36.3480), "Kharkiv"),  # in Saltivka
        ((50.5460, 30.2120), "Bucha"),  # a town beside Kyiv
        ((50.5840, 30.4890), "Vyshhorod"),
    ],
)
def test_a_part_of_a_city_is_the_city(point, name):
    place, km = nearest_place(Gazetteer.default(), point)
    assert place.name == name
    assert km == distance_km(place, point) < 12


def test_a_gazetteer_without_coordinates_has_no_nearest_place():
    gazetteer = Gazetteer([Place("x:1", "p", (), None, None, "UA", "", None)])
    assert nearest_place(gazetteer, (0.0, 0.0)) is None
    assert math.isfinite(MAX_KM)


ROWS = [
    "2022-09-10,Izium,strike",
    "2022-09-10,Izium,strike",
    "2022-09-10,Izium,siege",
    "2022-09-11,Izium,strike",
    "2022-09-10,Lyman,strike",
]


def test_ids_from_content_do_not_depend_on_the_order_or_the_kind_of_table(tmp_path):
    header = "date,place,kind\n"
    events, report = read(tmp_path, header + "\n".join(ROWS))
    ids = events["event_id"].tolist()
    assert ids[1] == f"{ids[0]}-2"
    assert len(set(ids)) == len(ROWS)
    assert all(name.startswith("row:") for name in ids)
    counts = {note.what: note.count for note in report.notes}
    assert counts == {
        "an event has no id: it gets one from its place, time and kind": 5,
        "several events have the same place, time and kind: their ids are numbered": 1,
    }
    reverse, _ = read(tmp_path, header + "\n".join(ROWS[::-1]))
    assert sorted(reverse["event_id"]) == sorted(ids)
    file = tmp_path / "t.jsonl"
    frame = pd.DataFrame([row.split(",") for row in ROWS], columns=["date", "place", "kind"])
    frame.to_json(file, orient="records", lines=True)
    events, _ = read_events(file, timezone="Europe/Kyiv", with_report=True)
    assert events["event_id"].tolist() == ids


def test_an_empty_id_is_replaced_and_others_are_kept(tmp_path):
    events, _ = read(tmp_path, "id,date,place\nx1,2022-09-10,Izium\n,2022-09-10,Izium\n")
    assert events["event_id"].tolist()[0] == "x1"
    assert events["event_id"].tolist()[1].startswith("row:")
