"""Daily tables of who holds each place, one file per day in a folder."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape import read_events
from foxgrape.errors import TableError

IZIUM, KUPIANSK = "geonames:707292", "geonames:703656"


def write_days(folder, days, name="control_{}.csv"):
    """Write a file per day, given as a dictionary of place -> state."""
    for day, states in days.items():
        lines = ["place,status", *(f"{place},{state}" for place, state in states.items())]
        (folder / name.format(day)).write_text("\n".join(lines), encoding="utf-8")


def read(folder, **options):
    return read_events(folder, with_report=True, persistence="0h", **options)


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def day_first(days):
    return {"{2}.{1}.{0}".format(*day.split("-")): states for day, states in days.items()}


def test_the_day_may_come_first_in_the_names(tmp_path):
    held, freed = {"Ізюм": "RU"}, {"Ізюм": "UA"}
    days = dict.fromkeys(["2022-08-31", "2022-09-01"], held)
    days |= dict.fromkeys(["2022-09-02", "2022-09-03"], freed)
    write_days(tmp_path, day_first(days), "{}.csv")
    events, _ = read(tmp_path)
    assert events["confirmed_at"].item() == utc("2022-09-01T21:00")


def test_names_in_which_the_day_may_be_either_number_are_asked_about(tmp_path):
    days = {f"2022-09-{day}": {"Ізюм": "RU" if day == 10 else "UA"} for day in (10, 11, 12)}
    write_days(tmp_path, day_first(days), "{}.csv")
    with pytest.raises(TableError, match=r'the day may be .* pass dates="dmy" or dates="mdy"'):
        read(tmp_path)
    assert read(tmp_path, dates="dmy")[0]["confirmed_at"].item() == utc("2022-09-10T21:00")
    assert read(tmp_path, dates="mdy")[0]["confirmed_at"].item() == utc("2022-10-09T21:00")


@pytest.mark.parametrize("name", ["control_{}.csv", "{}", "map-{}-final.csv"])
def test_a_change_happened_since_the_previous_table(tmp_path, name):
    held = {"Ізюм": "RU", "Lyman": "RU"}
    freed = held | {"Ізюм": "Ukraine"}
    days = dict.fromkeys(["2022-09-08", "2022-09-09"], held)
    write_days(tmp_path, days | dict.fromkeys(["2022-09-11", "2022-09-12"], freed), name)
    events, report = read(tmp_path)
    assert report.format == "daily_control"
    assert events[["place_id", "kind", "by_side"]].to_numpy().tolist() == [
        [IZIUM, "liberated", "UA"]
    ]
    # There is no table of the 10th: the change is listed on the 10th or 11th, in Kyiv time.
    assert events["confirmed_at"].item() == utc("2022-09-09T21:00")
    assert events["confirmed_until"].item() == utc("2022-09-11T20:59:59.999999")
    assert events["occurred_at"].item() == utc("2022-09-07T21:00")


def test_the_persistence_of_states_applies(tmp_path):
    states = ["RU", "RU", "RU", "UA", "RU", "RU", "UA", "UA", "UA"]
    write_days(tmp_path, {f"2022090{n}": {"Izium": side} for n, side in enumerate(states, 1)})
    assert read(tmp_path)[0]["kind"].tolist() == ["liberated", "captured", "liberated"]
    events = read_events(tmp_path, persistence="48h")
    assert events["kind"].tolist() == ["liberated"]
    assert events["confirmed_until"].item() == utc("2022-09-07T20:59:59.999999")


def test_states_that_do_not_count_are_noted(tmp_path):
    izium = ["RU", "UA", "RU", "RU", "RU", "UA", "UA", "UA"]
    lyman = ["RU", "UA", *["UA"] * 6]
    write_days(
        tmp_path,
        {
            f"2022090{day}": {"Izium": side, "Lyman": other}
            for day, (side, other) in enumerate(zip(izium, lyman, strict=True), 1)
        },
    )
    events, report = read_events(tmp_path, persistence="48h", with_report=True)
    assert events[["place_id", "kind"]].to_numpy().tolist() == [[IZIUM, "liberated"]]
    short = "a state that lasted less than 48 hours (persistence=) is left out"
    first = "a state of the list's first 48 hours (persistence=) is left out: it may be older"
    assert [str(note) for note in report.notes] == [
        f"1 × {short}; first: Izium",
        f"2 × {first}; first: Izium",
    ]
    assert len(read_events(tmp_path, persistence="24h")) == 4


def test_the_day_may_be_in_a_column_and_the_place_an_id(tmp_path):
    for n, side in enumerate(["RU", "UA", "UA"], 1):
        row = {"DAY": [f"2022-09-0{n}"], "ID": [IZIUM], "Held_by": [side]}
        with (tmp_path / f"part{n}.xlsx").open("wb") as handle:
            pd.DataFrame(row).to_excel(handle, index=False, engine="openpyxl")
    events, _ = read(tmp_path)
    assert events[["place_id", "place", "kind"]].to_numpy().tolist() == [
        [IZIUM, "Izium", "liberated"]
    ]
    assert events["confirmed_at"].item() == utc("2022-09-01T21:00")


def test_numbers_of_geonames_and_codes_of_katottg_are_ids(tmp_path):
    for n, side in enumerate(["RU", "UA", "UA"], 1):
        text = f"geonameid,name,state\n707292,x,{side}\n703656,y,RU\n"
        (tmp_path / f"2022-09-0{n}.csv").write_text(text)
    assert read(tmp_path)[0]["place_id"].tolist() == [IZIUM]


def test_other_files_are_noted(tmp_path):
    write_days(tmp_path, {"2022-09-01": {"Izium": "RU"}, "2022-09-02": {"Izium": "UA"}})
    (tmp_path / "README.md").write_text("the source, and more")
    (tmp_path / "empty_2022-09-03.csv").write_text("")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "sub").mkdir()
    _, report = read(tmp_path)
    note = "a file of the folder is not a daily table: it is left out"
    assert {line.what: line.count for line in report.notes} == {note: 3}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Izium,Narnia", "2022-09-03.csv: expected a state such as Ukraine"),
        (",UA", "2022-09-03.csv: expected an id such as geonames:707292; got ''"),
    ],
)
def test_bad_rows_name_their_file(tmp_path, text, reason):
    write_days(tmp_path, {"2022-09-01": {"Izium": "RU"}, "2022-09-02": {"Izium": "UA"}})
    good = "\n".join(["Lyman,RU"] * 25)
    (tmp_path / "2022-09-03.csv").write_text(f"place,status\n{good}\n{text}\n")
    _, report = read(tmp_path, on_error="quarantine")
    assert [row["record"] for row in report.quarantine] == [27]
    assert reason in report.quarantine[0]["reason"]


def test_a_day_in_a_column_must_be_that_of_the_name(tmp_path):
    (tmp_path / "2022-09-01.csv").write_text("date,place,status\n2022-09-02,Izium,UA\n")
    with pytest.raises(TableError, match=r"2022-09-01.csv: the file's name states another day"):
        read(tmp_path)


def test_a_folder_without_daily_tables_holds_one_file(tmp_path):
    with pytest.raises(TableError, match="must hold one export or one file; got 'no file'"):
        read(tmp_path)
    (tmp_path / "events.csv").write_text("id,place,date\n1,Izium,2022-09-10\n")
    assert len(read(tmp_path, timezone="Europe/Kyiv")[0]) == 1
    (tmp_path / "other.csv").write_text("id,place,date\n2,Izium,2022-09-10\n")
    with pytest.raises(TableError, match=r"one file; got 'events\.csv, other\.csv'"):
        read(tmp_path)


def test_a_single_list_of_events_with_a_status_is_not_a_daily_table(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("date,place,status\n2022-09-10,Izium,UA\n2022-10-01,Lyman,UA\n")
    events, report = read(file, timezone="Europe/Kyiv")
    assert (report.format, len(events)) == ("table", 2)
    assert len(read(file, format="daily_control")[0]) == 0


@given(st.lists(st.sampled_from(["UA", "RU", "contested"]), min_size=1, max_size=9))
def test_every_change_of_a_daily_table_is_an_event(tmp_path_factory, states):
    folder = tmp_path_factory.mktemp("days")
    days = {f"2022-09-0{n}": {"Izium": side} for n, side in enumerate(states, 1)}
    write_days(folder, days)
    events, _ = read(folder, timezone="UTC")
    changes = [
        day
        for day, (before, after) in enumerate(pairwise(states), start=2)
        if before != after and day < len(states)  # the last day has no duration
    ]
    assert events["confirmed_at"].dt.day.tolist() == changes
