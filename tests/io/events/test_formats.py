"""Readers of events: every format gives the events table, with the precision of its source."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape import FoxgrapeError, read_events
from foxgrape._util.files import study_folder
from foxgrape.errors import TableError

FIXTURES = Path(__file__).parents[2] / "fixtures" / "events"
FORMAT_OF = {
    "acled_api.jsonl": "acled",
    "acled_new.csv": "acled",
    "acled_old.csv": "acled",
    "control_changes.csv": "control_changes",
    "table.csv": "table",
    "ucdp_api.jsonl": "ucdp",
    "ucdp_candidate.csv": "ucdp",
    "ucdp_hxl.csv": "ucdp",
    "viina_control.csv": "viina_control",
    "viina_event_info.csv": "viina",
}
IZIUM, LYSYCHANSK, BALAKLIIA = "geonames:707292", "geonames:702972", "geonames:712926"


def read(name, **options):
    return read_with_report(name, **options)[0]


def read_with_report(name, **options):
    known = {"timezone": "Europe/Kyiv", "on_error": "quarantine"}
    return read_events(FIXTURES / name, with_report=True, **known | options)


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def ends(events, event_id, name="occurred"):
    row = events.set_index("event_id").loc[event_id]
    return row[f"{name}_at"], row[f"{name}_until"]


def in_kyiv(first, last):
    """Return the interval of days in summer in Kyiv."""
    return utc(first) - pd.Timedelta("3h"), utc(last) + pd.Timedelta("21h") - pd.Timedelta("1us")


def column(events, name):
    return events[name].astype(object).where(events[name].notna(), None).tolist()


def test_every_fixture_has_a_format():
    assert {file.name for file in FIXTURES.iterdir()} == set(FORMAT_OF)


@pytest.mark.parametrize("name", FORMAT_OF)
def test_formats_are_detected_by_content(tmp_path, name):
    file = tmp_path / "export.bin"
    file.write_bytes(gzip.compress((FIXTURES / name).read_bytes()))
    events, report = read_with_report(file)
    assert report.format == FORMAT_OF[name]
    pd.testing.assert_frame_equal(events, read(name))


@pytest.mark.parametrize("name", ["acled_old.csv", "acled_new.csv", "acled_api.jsonl"])
def test_acled_exports_of_every_layout_agree(name):
    events, report = read_with_report(name, timezone=None, on_error="raise")
    assert events["event_id"].tolist() == [f"acled:UKR90000{n}" for n in (1, 2, 3, 4)]
    assert events["place_id"].tolist() == [
        IZIUM,
        "geonames:706483",  # a district of Kharkiv
        "acled:Kharkiv",  # somewhere in the region, not in its main town
        LYSYCHANSK,
    ]
    assert events["place_precision"].tolist() == ["exact", "exact", "region", "near"]
    assert events["precision"].tolist() == ["day", "week", "month", "day"]
    assert column(events, "by_side") == ["UA", None, None, "RU"]
    assert events["kind"][0] == "government regains territory"
    assert events["confirmed_at"].isna().all()
    assert ends(events, "acled:UKR900001") == in_kyiv("2022-09-10", "2022-09-10")
    assert ends(events, "acled:UKR900002") == in_kyiv("2022-09-08", "2022-09-20")
    assert ends(events, "acled:UKR900003") == in_kyiv("2022-08-31", "2022-09-30")
    assert events["updated_at"][0] == utc("2022-09-12T16:26:40")
    unresolved = report.unresolved_frame()[["place_id", "rows"]]
    assert unresolved.to_numpy().tolist() == [["acled:Kharkiv", 1]]


def test_a_day_outside_ukraine_needs_a_time_zone(tmp_path):
    file = tmp_path / "acled.csv"
    text = (FIXTURES / "acled_new.csv").read_text("utf-8-sig").replace(",Ukraine,", ",Moldova,")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=r"row 2, column country: .*timezone="):
        read_events(file)
    assert ends(read_events(file, timezone="UTC"), "acled:UKR900001")[0] == utc("2022-09-10")


@pytest.mark.parametrize("name", ["ucdp_hxl.csv", "ucdp_candidate.csv", "ucdp_api.jsonl"])
def test_ucdp_exports_with_and_without_hxl_agree(name):
    events, report = read_with_report(name, timezone=None, on_error="raise")
    assert events["event_id"].tolist() == ["ucdp:900001", "ucdp:900002", "ucdp:900003"]
    assert events["place"].tolist() == ["Izium", "Lyman", "Donetsk oblast"]
    assert events["place_id"][0] == IZIUM
    assert events["place_precision"].tolist() == ["exact", "near", "region"]
    assert column(events, "place_km") == [0.0, 25.0, None]
    assert events["kind"][1] == "one-sided violence"
    assert ends(events, "ucdp:900002") == in_kyiv("2022-09-28", "2022-10-01")
    assert events["precision"].tolist() == ["day", "days", "month"]
    assert report.skipped == (name == "ucdp_hxl.csv")


def test_viina_reports_have_their_time_of_publication():
    events = read("viina_event_info.csv", on_error="raise")
    assert events["place_id"].tolist() == [IZIUM, LYSYCHANSK, "viina:Kharkivska/Kharkivska"]
    first = utc("2022-09-10T12:16:00"), utc("2022-09-10T12:16:59.999999")
    assert ends(events, "viina:1", "confirmed") == first
    # Midnight means that the time is unknown.
    assert ends(events, "viina:2", "confirmed") == in_kyiv("2022-09-11", "2022-09-11")
    assert ends(events, "viina:1") == (first[0] - pd.Timedelta("7D"), first[1])
    with pytest.raises(TableError, match="VIINA does not document the time zone"):
        read("viina_event_info.csv", timezone=None, on_error="raise")


def test_viina_control_reports_persistent_changes():
    events = read("viina_control.csv", on_error="raise")
    assert events[["place_id", "kind", "by_side"]].to_numpy().tolist() == [
        [IZIUM, "liberated", "UA"]
    ]
    event_id = events["event_id"].item()
    assert ends(events, event_id, "confirmed") == in_kyiv("2022-09-11", "2022-09-11")
    assert ends(events, event_id) == in_kyiv("2022-09-01", "2022-09-11")
    unfiltered = read("viina_control.csv", persistence="0h")
    assert unfiltered["place_id"].tolist() == [IZIUM, LYSYCHANSK, LYSYCHANSK]
    assert unfiltered["kind"].tolist() == ["liberated", "liberated", "captured"]


def test_control_changes_report_persistent_changes():
    events, report = read_with_report("control_changes.csv")
    assert events[["place", "kind", "by_side"]].to_numpy().tolist() == [
        ["Izium", "liberated", "UA"],
        ["Lyman", "liberated", "UA"],  # only in October: the change of 10 September did not persist
        ["Balakliia", "liberated", "UA"],  # after being contested for a day and a half
        ["Andriivka (1)", "liberated", "UA"],
    ]
    assert events["place_id"].tolist()[::2] == [IZIUM, BALAKLIIA]
    izium = events["event_id"][0]
    # Between the snapshot before (that of Balakliia) and this one.
    assert ends(events, izium, "confirmed") == (
        utc("2022-09-09T00:20:00"),
        utc("2022-09-10T11:29:59.999999"),
    )
    assert ends(events, izium)[0] == utc("2022-09-01T05:40:00")
    table = report.quarantine_frame()
    assert table["record"].tolist() == [12]
    assert "https://example.org/shifted" in table["reason"][0]
    with pytest.raises(TableError, match=r"row 12, column held_by: .*a state such as"):
        read("control_changes.csv", on_error="raise")
    unfiltered = read("control_changes.csv", persistence="1h")
    assert unfiltered["kind"].value_counts().to_dict() == {
        "liberated": 5,
        "captured": 1,
        "contested": 1,
    }


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        # (day, state) pairs; the list ends on day 20
        ([(0, "Russia"), (5, "Ukraine")], [("liberated", 5)]),
        ([(0, "Ukraine"), (5, "Russia")], [("captured", 5)]),
        ([(0, "Russia"), (5, "Contested"), (9, "Russia")], [("contested", 5), ("held", 9)]),
        ([(0, "Contested"), (5, "Ukraine")], [("held", 5)]),
        ([(0, "Russia"), (5, "Ukraine"), (6, "Russia")], []),
        ([(0, "Russia"), (5, "Ukraine"), (6, "Russia"), (8, "Ukraine")], [("liberated", 8)]),
        # The shortest state is removed first, so the state that it interrupted persists.
        ([(0, "Russia"), (5, "Ukraine"), (6, "Russia"), (6.5, "Ukraine")], [("liberated", 5)]),
        ([(0, "Russia"), (5, "Unknown"), (9, "Ukraine")], [("liberated", 9)]),
        ([(0, "Russia"), (5, "(row removed)"), (9, "Russia")], []),
        # A state persists through a gap in the list, but not if it never appears again.
        ([(0, "Russia"), (5, "Ukraine"), (6, ""), (9, "Ukraine")], [("liberated", 5)]),
        ([(0, "Russia"), (5, "Ukraine"), (6, "(row removed)")], []),
        # Too close to the end of the list to persist.
        ([(0, "Russia"), (19, "Ukraine")], []),
        ([(19.5, "Ukraine")], []),
    ],
)
def test_a_state_counts_only_if_it_persists(tmp_path, states, expected):
    start = pd.Timestamp("2022-09-01T00:00:00Z")
    rows = [["place", "from", "to", "first_seen"]]
    before = ""
    for day, state in states:
        rows.append(["Izium", before, state, (start + pd.Timedelta(days=day)).isoformat()])
        before = state
    rows.append(["Lyman", "", "Russia", (start + pd.Timedelta(days=20)).isoformat()])
    file = tmp_path / "list.csv"
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    events = read_events(file)
    days = (events["confirmed_at"] - start) / pd.Timedelta(days=1)
    assert list(zip(events["kind"], days, strict=True)) == expected


def test_a_first_change_uses_the_state_before_it(tmp_path):
    file = tmp_path / "changes.csv"
    file.write_text(
        "place_id,place,from,to,first_seen\n"
        f"{LYSYCHANSK},Lysychansk,UA,RU,2022-07-03\n{IZIUM},Izium,RU,UA,2022-09-10\n"
        f"{IZIUM},Izium,UA,UA,2022-09-20\n"
    )
    events = read_events(file, timezone="Europe/Kyiv")
    assert events["kind"].tolist() == ["captured", "liberated"]
    assert ends(events, events["event_id"][1], "confirmed") == in_kyiv("2022-09-10", "2022-09-10")


CHANGES = [
    f"{place},Russia,Ukraine,2022-09-{day}T00:00:00Z"
    for day, place in enumerate(("Izium", "Kupiansk", "Balakliia", "Kherson"), start=10)
]
CHANGES += [
    "Izium,Ukraine,Russia,2022-10-10T00:00:00Z",
    "Lyman,Russia,Ukraine,2022-11-10T00:00:00Z",
]


@pytest.mark.parametrize("rows", [CHANGES, CHANGES[::-1], sorted(CHANGES)])
def test_the_order_of_rows_does_not_affect_changes(tmp_path, rows):
    """The state before the list began persists equally long for every place."""
    file = tmp_path / "changes.csv"
    file.write_text("\n".join(["place,from,to,first_seen", *rows]))
    events = read_events(file, persistence="2D").sort_values("confirmed_at")
    listed = events[["place", "kind"]].to_numpy().tolist()
    liberated = [[place, "liberated"] for place in ("Izium", "Kupiansk", "Balakliia", "Kherson")]
    assert listed == [*liberated, ["Izium", "captured"]]
    since = events["occurred_at"].dt.strftime("%m-%d").tolist()
    assert since == ["09-08"] * 4 + ["09-10"]


def test_a_place_with_two_spellings_has_one_change(tmp_path):
    file = tmp_path / "changes.csv"
    rows = [f"{name},RU,UA,2022-09-10T00:00:00Z" for name in ("Izium", "Izyum")]
    rows += ["Kherson,RU,UA,2022-11-11T00:00:00Z"]
    file.write_text("\n".join(["place,from,to,first_seen", *rows]))
    events, report = read_events(file, with_report=True)
    assert events["place_id"].tolist() == [IZIUM]
    assert report.repeated == 1
    differing = [
        f"{name},{state},UA,2022-09-10T00:00:00Z"
        for name, state in (("Izium", "RU"), ("Izyum", "Contested"))
    ]
    file.write_text("\n".join(["place,from,to,first_seen", *differing, rows[-1]]))
    events, report = read_events(file, on_error="quarantine", with_report=True)
    assert events["kind"].tolist() == ["liberated"]
    assert "with other content" in report.quarantine[0]["reason"]
    with pytest.raises(TableError, match="with other content"):
        read_events(file)


def test_changes_in_the_year_1_are_read_and_numeric_ids_are_quarantined(tmp_path):
    file = tmp_path / "changes"
    rows = [
        {"place": "Izium", "from": "RU", "to": "UA", "first_seen": "0001-01-02T00:00:00Z"},
        {
            "place_id": 5,
            "place": "?",
            "from": "RU",
            "to": "UA",
            "first_seen": "0001-01-02T00:00:00Z",
        },
        {"place": "Lyman", "from": "RU", "to": "UA", "first_seen": "2022-10-01T00:00:00Z"},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))
    events, report = read_events(
        file, format="control_changes", on_error="quarantine", with_report=True
    )
    assert events.empty
    assert [(bad["record"], bad["column"]) for bad in report.quarantine] == [(2, "place_id")]


def test_a_table_resolves_names_and_reports_unresolved_ones():
    events, report = read_with_report("table.csv", on_error="raise")
    assert events["place_id"].tolist() == [IZIUM, "place:Nowhere_at_all"]
    assert events["place"].tolist() == ["Izium", "Nowhere at all"]
    assert events["remark"][0] == "an invented remark"
    assert ends(events, "e1") == in_kyiv("2022-09-10", "2022-09-10")
    assert ends(events, "e1", "confirmed") == (utc("2022-09-11T12:00:00"),) * 2
    assert pd.isna(events["confirmed_at"][1])
    columns = ["place_id", "rows", "reason"]
    assert report.unresolved_frame()[columns].to_numpy().tolist() == [
        ["place:Nowhere_at_all", 1, "no place has this name"]
    ]


def test_an_ambiguous_name_is_reported_and_not_guessed(tmp_path):
    file = tmp_path / "t.csv"
    header = "id,place,admin1,lat,lon,date\n"
    rows = ["1,Lyman,,,,2022-10-01", "2,Lyman,Donetsk,48.98,37.80,2022-10-01"]
    rows += ["3,Lyman,,50.45,30.52,2022-10-01"]
    file.write_text(header + "\n".join(rows))
    events, report = read_events(file, timezone="Europe/Kyiv", with_report=True)
    assert events["place_id"][1] == "geonames:704204"
    assert events["place_id"][0] == events["place_id"][2] == "place:Lyman"
    reasons = report.unresolved_frame()["reason"].tolist()
    assert reasons == ["11 places have this name; no region and no coordinates are stated"]


DAYS = st.dates(date(2014, 1, 1), date(2024, 12, 31))
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\uffff"))


@given(st.lists(st.tuples(DAYS, TEXTS), min_size=1, max_size=5), st.sampled_from(["csv", "json"]))
def test_acled_round_trip(tmp_path_factory, rows, packing):
    names = (FIXTURES / "acled_new.csv").read_text("utf-8-sig").splitlines()[0].split(",")
    template = json.loads((FIXTURES / "acled_api.jsonl").read_text().splitlines()[0])["data"][0]
    records = [
        template | {"event_id_cnty": f"UKR{n}", "event_date": day.isoformat(), "notes": text}
        for n, (day, text) in enumerate(rows)
    ]
    file = tmp_path_factory.mktemp("acled") / "x"
    if packing == "json":
        file.write_text(json.dumps({"data": records}), encoding="utf-8")
    else:
        with file.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, names)
            writer.writeheader()
            writer.writerows(records)
    events = read_events(file)
    assert column(events, "notes") == [text for _, text in rows]
    zone = "Europe/Kyiv"
    starts = [pd.Timestamp(day, tz=zone).tz_convert("UTC") for day, _ in rows]
    after = [pd.Timestamp(day + timedelta(days=1), tz=zone).tz_convert("UTC") for day, _ in rows]
    assert events["occurred_at"].tolist() == starts
    assert (events["occurred_until"] + pd.Timedelta("1us")).tolist() == after


@given(st.lists(st.tuples(DAYS, st.integers(0, 40)), min_size=1, max_size=5))
def test_ucdp_round_trip(tmp_path_factory, rows):
    page = json.loads((FIXTURES / "ucdp_api.jsonl").read_text().splitlines()[0])
    template = page["Result"][0]
    spans = [(day, day + timedelta(days=length)) for day, length in rows]
    page["Result"] = [
        template | {"id": n, "date_start": f"{first}T00:00:00", "date_end": f"{last}T00:00:00"}
        for n, (first, last) in enumerate(spans)
    ]
    file = tmp_path_factory.mktemp("ucdp") / "x"
    file.write_text(json.dumps(page))
    events = read_events(file)
    days = [
        events[f"occurred_{end}"].dt.tz_convert("Europe/Kyiv").dt.date for end in ("at", "until")
    ]
    assert list(zip(*days, strict=True)) == spans


CELLS = st.sampled_from(
    [
        "0001-01-01",
        "9999-12-31",
        "00010101",
        "x",
        "🍇",
        "-1",
        "99999",
        "1e400",
        "nan",
        "2022-13-45",
        "#",
        "=1+1",
    ]
)


@pytest.mark.parametrize("name", [name for name in FORMAT_OF if name.endswith(".csv")])
@given(st.data())
def test_any_cell_gives_rows_quarantine_or_a_one_line_error(tmp_path_factory, name, data):
    rows = list(csv.reader((FIXTURES / name).read_text("utf-8-sig").splitlines()))
    row = data.draw(st.integers(1, len(rows) - 1))
    rows[row][data.draw(st.integers(0, len(rows[row]) - 1))] = data.draw(CELLS)
    file = tmp_path_factory.mktemp("odd") / "x.csv"
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    try:
        events, report = read_with_report(file, format=FORMAT_OF[name])
    except FoxgrapeError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert events["event_id"].is_unique
        assert all(bad["reason"] for bad in report.quarantine)


@pytest.mark.parametrize(
    ("name", "cell", "day", "other_cells"),
    [
        ("acled_new.csv", "event_date", "0001-01-01", {"time_precision": "2"}),
        ("acled_new.csv", "event_date", "9999-12-01", {"time_precision": "3"}),
        ("viina_event_info.csv", "date", "00010102", {"time": "12:00"}),
    ],
)
def test_a_day_whose_precision_exceeds_the_calendar_is_quarantined(
    tmp_path, name, cell, day, other_cells
):
    first, *rest = csv.DictReader((FIXTURES / name).read_text("utf-8-sig").splitlines())
    rows = [first | {cell: day} | other_cells, *rest]
    file = write_csv(tmp_path, list(first), [row.values() for row in rows])
    events, report = read_with_report(file)
    assert len(events) == len(rest)
    assert report.quarantine_frame()["record"].tolist() == [2]
    with pytest.raises(TableError, match="row 2: date out of range"):
        read(file, on_error="raise")


@pytest.mark.parametrize("on_error", ["raise", "quarantine"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n\n",
        bytes(range(256)) * 50,
        "Події".encode("utf-16"),
        gzip.compress(b"event_id,date\n1,2022-09-10\n" * 2_000)[:-50],
        b'{"data": [{"event_id_cnty": "UKR1", "event_date": "2022-09-10", "time_precision": "1"',
        b'{"Result": ' + b"[" * 5_000,
        b"event_id_cnty,event_date,time_precision\n" + b'"x' * 1_000,
        b"geonameid,date,status\n707292,20220910,UA\n\xff\xfe,20220911,RU\n",
        b"PK\x03\x04 no archive",
        b"PAR1 no Parquet",
    ],
)
def test_an_invalid_file_gives_a_one_line_error_or_quarantine(tmp_path, content, on_error):
    file = tmp_path / "x"
    file.write_bytes(content)
    try:
        events, report = read_events(file, timezone="UTC", on_error=on_error, with_report=True)
    except FoxgrapeError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert str(file) in str(error)  # noqa: PT017
    else:
        assert on_error == "quarantine" or not content.strip()
        assert all(bad["reason"] for bad in report.quarantine)
        assert len(events) == 0


def test_a_place_id_must_have_a_scheme(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("id,place_id,date\n1,Izium,2022-09-10\n2,geonames:707292,2022-09-10\n")
    events, report = read_events(file, timezone="UTC", on_error="quarantine", with_report=True)
    assert events["place_id"].tolist() == [IZIUM]
    assert [(bad["record"], bad["column"]) for bad in report.quarantine] == [(2, "place_id")]


MINUTES = st.datetimes(
    pd.Timestamp("2022-03-01").to_pydatetime(), pd.Timestamp("2024-12-31").to_pydatetime()
).map(lambda when: when.replace(second=0, microsecond=0))


def write_csv(folder, names, rows):
    file = folder / "x.csv"
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([names, *rows])
    return file


@given(st.lists(st.tuples(MINUTES, TEXTS), min_size=1, max_size=5))
def test_viina_round_trip(tmp_path_factory, rows):
    fixture = (FIXTURES / "viina_event_info.csv").read_text("utf-8").splitlines()
    names, first = list(csv.reader(fixture))[:2]
    template = dict(zip(names, first, strict=True))
    records = [
        template | {"event_id": n, "date": f"{when:%Y%m%d}", "time": f"{when:%H:%M}", "text": text}
        for n, (when, text) in enumerate(rows)
    ]
    lines = [[row[name] for name in names] for row in records]
    events = read_events(write_csv(tmp_path_factory.mktemp("viina"), names, lines), timezone="UTC")
    assert events["event_id"].tolist() == [f"viina:{n}" for n in range(len(rows))]
    assert events["confirmed_at"].dt.tz_localize(None).tolist() == [when for when, _ in rows]
    assert column(events, "text") == [text or None for _, text in rows]


@given(st.lists(st.sampled_from(["UA", "RU", "CONTESTED"]), min_size=1, max_size=12))
def test_viina_control_round_trip(tmp_path_factory, states):
    """Without persistence, every change from one day to the next is an event."""
    rows = [[707292, f"202209{day:02}", state] for day, state in enumerate(states, start=1)]
    file = write_csv(tmp_path_factory.mktemp("control"), ["geonameid", "date", "status"], rows)
    events = read_events(file, timezone="UTC", persistence="0h")
    changes = [
        (day + 1, after)
        for day, (before, after) in enumerate(pairwise(states), start=1)
        if before != after and day + 1 < len(states)  # a change on the last day has no duration yet
    ]
    days = events["confirmed_at"].dt.day.tolist()
    sides = [side or "CONTESTED" for side in column(events, "by_side")]
    assert list(zip(days, sides, strict=True)) == changes


@given(st.lists(st.sampled_from(["Ukraine", "Russia", "Contested"]), min_size=2, max_size=10))
def test_control_changes_round_trip(tmp_path_factory, states):
    """The kind depends on the last holder of the place."""
    rows = [
        ["Izium", before, after, f"2022-09-{day:02}T12:00:00Z"]
        for day, (before, after) in enumerate(zip(["", *states], states, strict=False), start=1)
    ]
    rows.append(["Lyman", "", "Russia", "2022-09-30T12:00:00Z"])
    names = ["place", "from", "to", "first_seen"]
    file = write_csv(tmp_path_factory.mktemp("changes"), names, rows)
    events = read_events(file, persistence="1h")
    expected, holder = [], None
    for day, (before, after) in enumerate(zip([None, *states], states, strict=False), start=1):
        if before is not None and before != after:
            kind = {"Ukraine": "liberated", "Russia": "captured"}.get(after, "contested")
            same = after != "Contested" and holder in {None, after}
            expected.append((day, "held" if same else kind))
        holder = after if after != "Contested" else holder
    assert list(zip(events["confirmed_at"].dt.day, events["kind"], strict=True)) == expected


@pytest.mark.parametrize("kind", ["csv", "tsv", "lines", "parquet", "excel"])
@given(st.lists(st.tuples(MINUTES, TEXTS.map(str.strip)), min_size=1, max_size=4))
def test_table_round_trip(tmp_path_factory, kind, rows):
    frame = pd.DataFrame(
        [
            {
                "id": f"e{n}",
                "place": "Ізюм",
                "date": f"{when.isoformat()}Z",
                "announced": f"{(when + timedelta(days=1)).isoformat()}+00:00",
                "remark": f"x{''.join(filter(str.isprintable, text))}",
            }
            for n, (when, text) in enumerate(rows)
        ]
    )
    file = tmp_path_factory.mktemp("table") / "x"
    if kind == "parquet":
        frame.to_parquet(file)
    elif kind == "excel":
        with file.open("wb") as handle:
            frame.to_excel(handle, index=False, engine="openpyxl")
    elif kind == "lines":
        frame.to_json(file, orient="records", lines=True, force_ascii=False)
    else:
        frame.to_csv(file, index=False, sep="\t" if kind == "tsv" else ",")
    events = read_events(file, midnight="exact")
    assert events["event_id"].tolist() == frame["id"].tolist()
    assert set(events["place_id"]) == {IZIUM}
    for name, days in (("occurred", 0), ("confirmed", 1)):
        expected = [when + timedelta(days=days) for when, _ in rows]
        assert events[f"{name}_at"].dt.tz_localize(None).tolist() == expected
        assert events[f"{name}_at"].equals(events[f"{name}_until"].rename(f"{name}_at"))
    assert column(events, "remark") == frame["remark"].tolist()


def test_a_carriage_return_in_the_header_is_an_error(tmp_path):
    file = tmp_path / "events.csv"
    file.write_bytes((FIXTURES / "acled_old.csv").read_bytes().replace(b"iso3", b"iso\r3", 1))
    with pytest.raises(FoxgrapeError, match="invalid CSV: new-line character"):
        read_events(file)
    _, report = read_events(file, on_error="quarantine", with_report=True)
    assert all("invalid CSV" in bad["reason"] for bad in report.quarantine)


@pytest.mark.parametrize("on_error", ["raise", "quarantine"])
def test_a_place_with_two_ids_is_read_under_the_current_one(tmp_path, on_error):
    """In a file of the events table, and in any other table."""
    old = study_folder("izium-2022") / "events.csv"
    expected = read_events(old)["place_id"].tolist()
    file = tmp_path / "events.csv"
    text = old.read_text(encoding="utf-8")
    file.write_text(text.replace("geonames:707292", "katottg:UA63040090010029555"), "utf-8")
    assert "geonames:707292" in expected
    assert read_events(file, on_error=on_error)["place_id"].tolist() == expected
