"""Places of a control list that share a name, distinguished by population."""

from __future__ import annotations

import pytest

from foxgrape import read_events
from foxgrape.io.events.listed_names import ListedNames, parse_population
from foxgrape.places import Gazetteer, Place

FIRST, SECOND = (49.0, 37.0), (47.0, 33.0)


def place(number, population, point=(None, None), admin2=""):
    return Place(
        f"x:{number}", "Lyman", (), *point, "UA", f"Region {number}", population, admin2, ()
    )


def identify(gazetteer, rows, population):
    listed = ListedNames()
    keys = {row[1]: listed.add("Lyman", *row).key for row in rows}
    identified = listed.identify("Lyman", keys[population], gazetteer)
    return identified and (identified.place.id, identified.point)


def test_numbers_that_move_between_places_do_not_mix_them():
    listed = ListedNames()
    first = listed.add("Lyman", "1", 20_000, FIRST)
    second = listed.add("Lyman", "2", 300, FIRST)
    assert first.key != second.key
    moved = listed.add("Lyman", "1", 300, FIRST)
    assert moved.key == second.key
    assert not moved.continues
    assert listed.add("Lyman", "1", 302, FIRST) == (second.key, True)  # of another year
    assert listed.add("Lyman", "1", None, None) == (second.key, True)


def test_of_places_that_share_coordinates_the_one_of_a_similar_population_is_meant():
    gazetteer = Gazetteer([place(1, 21_000, FIRST), place(2, 5000, SECOND)])
    rows = [("1", 20_000, FIRST), ("2", 300, FIRST)]
    assert identify(gazetteer, rows, 20_000) == ("x:1", FIRST)
    assert identify(gazetteer, rows, 300) is None


def test_coordinates_that_a_place_alone_has_identify_it():
    gazetteer = Gazetteer([place(1, 21_000, FIRST), place(2, None, SECOND), place(3, None)])
    rows = [("1", 20_000, FIRST), ("2", 300, FIRST), ("2", 300, SECOND)]
    assert identify(gazetteer, rows, 300) == ("x:2", SECOND)
    # Of two places of unknown population, shared coordinates tell nothing.
    assert identify(gazetteer, rows[:2], 300) is None


def test_the_only_place_of_the_same_population_is_meant_wherever_the_coordinates_are():
    gazetteer = Gazetteer([place(1, 7000, FIRST), place(2, 5174, SECOND), place(3, 5000)])
    assert identify(gazetteer, [("1", 5174, FIRST)], 5174) == ("x:2", None)
    assert identify(gazetteer, [("1", 5174, None)], 5174) == ("x:2", None)
    assert identify(gazetteer, [("1", 5175, None)], 5175) is None


def test_coordinates_and_the_closest_population_agree_on_a_place():
    gazetteer = Gazetteer([place(1, 2950, FIRST), place(2, 2022, SECOND)])
    assert identify(gazetteer, [("1", 2571, FIRST)], 2571) == ("x:1", FIRST)
    assert identify(gazetteer, [("1", 2571, SECOND)], 2571) is None
    unknown = Gazetteer([place(1, 900, FIRST), place(2, None, SECOND)])
    assert identify(unknown, [("1", 990, FIRST)], 990) is None


def test_of_places_at_coordinates_of_a_name_the_one_of_nearly_the_same_population_is_meant():
    gazetteer = Gazetteer([place(1, 7000, FIRST), place(2, 5174, SECOND)])
    rows = [("1", 5174, FIRST), ("1", 5174, SECOND)]
    assert identify(gazetteer, rows, 5174) == ("x:2", SECOND)


def test_a_place_of_another_population_is_not_meant():
    listed = ListedNames()
    key = listed.add("Ozerne", "1", 171, FIRST).key
    assert listed.disagrees("Ozerne", key, place(1, 5777, FIRST))
    assert not listed.disagrees("Ozerne", key, place(1, None, FIRST))


@pytest.mark.parametrize(("text", "expected"), [("7,952", 7952), ("", None), ("?", None)])
def test_populations_are_numbers_with_commas(text, expected):
    assert parse_population(text) == expected


def test_a_column_event_is_the_kind_and_not_the_id(tmp_path):
    rows = "".join(f"2022-09-{day:02},Ізюм,shelling\n" for day in range(1, 21))
    (tmp_path / "own.csv").write_text(f"date,place,event\n{rows}", encoding="utf-8")
    events, report = read_events(tmp_path / "own.csv", timezone="Europe/Kyiv", with_report=True)
    assert (len(events), report.quarantine, set(events["kind"])) == (20, [], {"shelling"})
