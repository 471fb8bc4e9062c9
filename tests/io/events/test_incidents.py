"""Lists of geolocated incidents: Bellingcat, GeoConfirmed and Atlos."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from foxgrape import read_events
from foxgrape.errors import TableError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "events"
IZIUM = "geonames:707292"
NO_NAME = "a point has no place name: the nearest place is used"


def kyiv_days(events):
    ends = [events[f"occurred_{end}"].dt.tz_convert("Europe/Kyiv") for end in ("at", "until")]
    assert (ends[1] - ends[0] == pd.Timedelta("1D") - pd.Timedelta("1us")).all()
    return ends[0].dt.strftime("%Y-%m-%d").tolist()


def notes_of(report):
    return {note.what: note.count for note in report.notes}


def cells(events, *names):
    frame = events[list(names)].astype(object)
    return frame.where(frame.notna(), None).to_numpy().tolist()


@pytest.mark.parametrize("name", ["bellingcat.json", "bellingcat.csv"])
def test_civilian_harm(name):
    events, report = read_events(FIXTURES / name, with_report=True)
    assert report.format == "bellingcat"
    assert events["event_id"].tolist() == ["bellingcat:CIV9001", "bellingcat:CIV9002"]
    assert kyiv_days(events) == ["2022-09-10", "2022-09-13"]
    assert cells(events, "place_id", "stated_place", "place_precision", "place_km") == [
        [IZIUM, "Izium, Kharkiv Oblast", "exact", None],
        [IZIUM, "Unknown", "near", 2.06],
    ]
    assert cells(events, "url", "sources", "filters") == [
        [
            "https://example.org/1",
            "https://example.org/1 https://example.org/2",
            "Type of area affected: Residential; Weapon System: Unknown",
        ],
        [None, None, None],
    ]
    assert set(events["kind"]) == {"civilian harm"}
    assert events[["lat", "lon"]].drop_duplicates().to_numpy().tolist() == [[49.2087, 37.2485]]
    assert notes_of(report)[NO_NAME] == 1
    is_numeric = name.endswith(".json")
    assert notes_of(report).get("days in numbers read in the order mdy") == (
        2 if is_numeric else None
    )


def test_civilian_harm_resaved_with_days_first(tmp_path):
    rows = json.loads((FIXTURES / "bellingcat.json").read_text("utf-8"))
    for row, day in zip(rows, ["10/09/2022", "13/09/2022"], strict=True):
        row["date"] = day
    file = tmp_path / "x.json"
    file.write_text(json.dumps(rows))
    events, _ = read_events(file, with_report=True)
    assert kyiv_days(events) == ["2022-09-10", "2022-09-13"]


def test_an_own_table_with_such_columns_is_not_civilian_harm(tmp_path):
    file = tmp_path / "x.csv"
    names = "id,date,latitude,longitude,location,description,sources\n"
    file.write_text(f"{names}a,2022-09-10,49.2087,37.2485,Izium,d,s\n")
    _, report = read_events(file, timezone="UTC", with_report=True)
    assert report.format == "table"


def test_geoconfirmed_csv():
    events, report = read_events(
        FIXTURES / "geoconfirmed.csv", timezone="Europe/Kyiv", with_report=True
    )
    assert events["event_id"].tolist() == ["geoconfirmed:a1", "geoconfirmed:a2"]
    assert kyiv_days(events) == ["2022-09-10", "2022-09-13"]
    assert cells(events, "place_id", "stated_place", "place_precision", "faction", "url") == [
        [IZIUM, "Izium", "exact", "Russia", "https://example.org/1"],
        [IZIUM, None, "near", "Neutral", None],
    ]
    assert notes_of(report) == {NO_NAME: 1}


def test_geoconfirmed_needs_a_time_zone_where_the_country_is_unknown():
    with pytest.raises(TableError, match=r"row 3, column country: .*pass timezone="):
        read_events(FIXTURES / "geoconfirmed.csv")


def test_geoconfirmed_api():
    events, report = read_events(
        FIXTURES / "geoconfirmed.json", timezone="Europe/Kyiv", with_report=True
    )
    assert kyiv_days(events) == ["2022-09-10", "2022-09-13"]
    assert events[["lat", "lon"]].to_numpy().tolist() == [[49.2087, 37.2485]] * 2
    unknown = "the time of day is left out: its time zone is not known"
    assert notes_of(report) == {NO_NAME: 2, unknown: 1}


def test_geoconfirmed_placemarks_with_longitude_first(tmp_path):
    file = tmp_path / "x.json"
    row = {
        "id": "a1",
        "date": "2022-09-10T00:00:00",
        "name": "n",
        "description": "d",
        "originalSource": "https://example.org/1",
        "geolocation": "https://example.org/2",
        "plusCode": "6672+FC Izium, Kharkiv Oblast, Ukraine",
        "coordinates": [37.2485, 49.2087],
    }
    file.write_text(json.dumps([row]))
    events, report = read_events(file, with_report=True)
    assert report.format == "geoconfirmed"
    assert cells(events, "place_id", "lat", "lon", "url") == [
        [IZIUM, 49.2087, 37.2485, "https://example.org/1"]
    ]


@pytest.mark.parametrize("name", ["atlos.csv", "atlos_attributes.csv"])
def test_atlos(name):
    events, report = read_events(
        FIXTURES / name, timezone="Europe/Kyiv", on_error="quarantine", with_report=True
    )
    assert kyiv_days(events) == ["2022-09-10"]
    assert cells(events, "event_id", "place_id", "place_precision", "place_km", "kind") == [
        ["atlos:CIV-ABC1", IZIUM, "near", 2.06, "Military Activity, Civilian Activity"]
    ]
    assert events["status"].tolist() == ["Completed"]
    bad = [row["reason"] for row in report.quarantine]
    assert bad == (["the incident has no coordinates"] if name == "atlos.csv" else [])


def test_atlos_needs_a_time_zone():
    with pytest.raises(TableError, match="pass timezone="):
        read_events(FIXTURES / "atlos.csv")


def test_atlos_api(tmp_path):
    file = tmp_path / "x.json"
    attributes = {
        "slug": "CIV-ABC1",
        "attr_date": "2022-09-10",
        "attr_geolocation": {"type": "Point", "coordinates": [37.2485, 49.2087]},
        "attr_type": ["Military Activity"],
    }
    file.write_text(json.dumps({"results": [attributes], "next": None}))
    events, _ = read_events(file, timezone="Europe/Kyiv", with_report=True)
    assert cells(events, "event_id", "place_id", "kind") == [
        ["atlos:CIV-ABC1", IZIUM, "Military Activity"]
    ]
