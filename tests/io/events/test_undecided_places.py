"""Which places an event may mean whose place could not be decided."""

from __future__ import annotations

import pandas as pd
import pytest

from foxgrape.io.events.undecided_places import undecided_places
from foxgrape.places import Gazetteer, Place

NAN = float("nan")


def place(number, name="Bila", admin1="Odesa Oblast", population=None, point=(None, None)):
    return Place(
        id=f"geonames:{number}", name=name, names=(), lat=point[0], lon=point[1], country="UA",
        admin1=admin1, admin2="", population=population,
    )  # fmt: skip


GAZETTEER = Gazetteer(
    [
        place(1, point=(47.0, 31.0), population=900),
        place(2, point=(47.1, 31.0), population=30_000),
        place(3, admin1="Donetsk Oblast"),
        place(4, name="Nova"),
    ]
)


@pytest.mark.parametrize(
    ("place_id", "name", "point", "numbers"),
    [
        ("place:Bila", "Bila", (NAN, NAN), {1, 2, 3}),
        ("place:Odesa_Oblast/Bila", "Bila", (NAN, NAN), {1, 2}),
        # 47.25 is 17 km from the second and 28 km from the first; the third has no coordinates.
        ("acled:Bila", "Bila", (47.25, 31.0), {2, 3}),
        ("acled:Odesa_Oblast/Bila", "Bila", (47.25, 31.0), {2}),
        # The list's coordinates were joined by name; 30,000 people are 33 times 900.
        ("control:Bila_(population_900)", "Bila (population 900)", (47.25, 31.0), {1, 3}),
        ("control:Bila_(2)", "Bila (2)", (47.25, 31.0), {1, 2, 3}),
        ("x:1", "Bila", (NAN, NAN), {1, 2, 3}),
        ("place:Bila", None, (NAN, NAN), {1, 2, 3}),
        # Decided, or unknown to the gazetteer.
        ("geonames:1", "Bila", (NAN, NAN), None),
        ("place:Elsewhere", "Elsewhere", (NAN, NAN), None),
        ("acled:Bila", "Bila", (50.0, 30.0), {3}),
    ],
)
def test_the_places_of_its_name_that_the_evidence_allows(place_id, name, point, numbers):
    rows = [(place_id, name, *point), ("geonames:4", "Nova", NAN, NAN)]
    events = pd.DataFrame(rows, columns=["place_id", "place", "lat", "lon"])
    expected = {} if numbers is None else {place_id: {f"geonames:{n}" for n in numbers}}
    assert undecided_places(events, GAZETTEER) == expected


def test_a_place_that_a_study_added_for_an_event_is_undecided():
    """`new_study` adds it without a country; a place with a country is one of the study's own."""
    events = pd.DataFrame(
        {"place_id": ["place:Bila", "my:Bila"], "place": "Bila", "lat": NAN, "lon": NAN}
    )
    added = [
        Place("place:Bila", "Bila", (), None, None, "", "", "", None),
        Place("my:Bila", "Bila", (), None, None, "UA", "", "", None),
    ]
    places = undecided_places(events, GAZETTEER.extended(Gazetteer(added)))
    assert places.keys() == {"place:Bila"}
    assert places["place:Bila"] == {"geonames:1", "geonames:2", "geonames:3", "my:Bila"}


def test_a_name_with_several_coordinates_means_the_places_near_any_of_them():
    rows = [("acled:Bila", "Bila", 46.9, 31.0), ("acled:Bila", "Bila", 47.25, 31.0)]
    events = pd.DataFrame(rows, columns=["place_id", "place", "lat", "lon"])
    assert undecided_places(events, GAZETTEER)["acled:Bila"] == {f"geonames:{n}" for n in (1, 2, 3)}
