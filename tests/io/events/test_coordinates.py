"""Coordinates in two columns or one, with decimal commas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape.io.base import ReadContext
from foxgrape.io.events.coordinates import parse_coordinates, parse_point
from foxgrape.io.stream import BadRecordError

POINT = (49.2087, 37.2485)


@pytest.mark.parametrize(
    "cell",
    [
        "49.2087, 37.2485",
        "49.2087,37.2485",
        "49.2087;37.2485",
        "49.2087 37.2485",
        "(49.2087, 37.2485)",
        "49.2087°, 37.2485°",
        "49,2087; 37,2485",
        "49,2087 37,2485",
        "49,2087, 37,2485",
        "POINT (37.2485 49.2087)",
        {"type": "Point", "coordinates": [37.2485, 49.2087]},
    ],
)
def test_a_point_in_one_column(cell):
    assert parse_point(cell, "geolocation") == POINT


@pytest.mark.parametrize(
    "cell",
    ["49,2087", "49,2", "49,2,37,2", "Izium", "49.2087", "149.2, 37.2", "1,2,3", [49.2, 37.2], 5],
)
def test_an_unclear_point_is_refused(cell):
    with pytest.raises(BadRecordError, match="expected"):
        parse_point(cell, "geolocation")


@pytest.mark.parametrize(
    ("cell", "point"),
    [
        ("49°12'31.32\"N 37°14'54.6\"E", (49.2087, 37.2485)),
        ("49°12′31.32″ N, 37°14′54.6″ E", (49.2087, 37.2485)),
        ("49.2087 N, 37.2485 E", (49.2087, 37.2485)),
        ("49.2087°S 37.2485°W", (-49.2087, -37.2485)),
        ("49°30'N, 37°15'E", (49.5, 37.25)),
    ],
)
def test_hemispheres(cell, point):
    assert parse_point(cell, "geolocation") == pytest.approx(point, abs=1e-7)


@pytest.mark.parametrize("cell", ["37°E 49°N", "49°N", "49°N 37°E 12°E", "x 49°N 37°E"])
def test_other_hemispheres_are_refused(cell):
    with pytest.raises(BadRecordError, match="expected latitude and longitude"):
        parse_point(cell, "geolocation")


@pytest.mark.parametrize("cell", [None, "", " "])
def test_no_point(cell):
    assert parse_point(cell, "geolocation") == (None, None)


def test_decimal_commas_are_read_and_noted():
    context = ReadContext("events.csv")
    row = {"latitude": "49,2087", "longitude": "-37,2485"}
    assert parse_coordinates(row, context=context) == (49.2087, -37.2485)
    assert [note.count for note in context.notes.values()] == [2]


@pytest.mark.parametrize("cell", ["49,208,7", "4900,2087", "91,5", "nan", "49.20.87", "x"])
def test_other_numbers_are_refused(cell):
    with pytest.raises(BadRecordError, match="expected -90 to 90"):
        parse_coordinates({"latitude": cell, "longitude": "37.2"})


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_every_point_round_trips(lat, lon):
    lat, lon = round(lat, 5) + 0.0, round(lon, 5) + 0.0
    text = f"{lat:.5f}, {lon:.5f}"
    assert parse_point(text, "c") == (lat, lon)
    assert parse_point(text.replace(", ", "; ").replace(".", ","), "c") == (lat, lon)
