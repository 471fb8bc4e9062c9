"""The same table as CSV, JSON, Parquet, Excel or pandas frame gives the same posts and events."""

from __future__ import annotations

import gc
import json
import weakref
from datetime import UTC, date, datetime, time, timedelta

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foxgrape import read_events, read_posts
from foxgrape.errors import TableError
from foxgrape.io.read_report import ReadWarning
from foxgrape.io.tabular import FrameInput, column_names

KYIV = "Europe/Kyiv"
KINDS = ["csv", "tsv", "utf-16", "cp1251", "lines", "array", "parquet", "excel", "frame"]


def save(folder, kind, rows):
    """Write rows with one kind of writer, as a user of that tool would."""
    frame = pd.DataFrame(rows)
    file = folder / "x"
    if kind == "frame":
        return frame
    if kind == "parquet":
        frame.to_parquet(file)
    elif kind == "excel":
        with file.open("wb") as handle:
            frame.to_excel(handle, index=False, engine="openpyxl")
    elif kind == "array":
        frame.to_json(file, orient="records", date_format="iso")
    elif kind == "lines":
        for name in frame.select_dtypes("datetime"):  # in milliseconds, as older pandas writes them
            milliseconds = frame[name].dt.as_unit("ms").astype("int64")
            frame[name] = milliseconds.astype("object").where(frame[name].notna(), None)
        frame.to_json(file, orient="records", lines=True)
    else:
        separator = "\t" if kind in {"tsv", "utf-16"} else ";"
        encoding = kind if kind in {"utf-16", "cp1251"} else "utf-8"
        frame.to_csv(file, index=False, sep=separator, encoding=encoding)
    return file


def read_all(factory, read, rows, **options):
    tables = {}
    for kind in KINDS:
        source = save(factory.mktemp(kind), kind, rows)
        own = {"encoding": "cp1251"} if kind == "cp1251" else {}
        tables[kind], _ = read(source, with_report=True, **own, **options)
    return tables


def assert_equal(tables):
    expected = tables["csv"]
    for kind, table in tables.items():
        pd.testing.assert_frame_equal(table[list(expected)], expected, obj=kind)


#: Texts that every kind of file can hold: Excel and CSV drop control characters and outer spaces.
TEXT = st.text(
    st.characters(codec="cp1251", categories=["L", "N", "P", "S"], exclude_characters="\xad"),
    min_size=2,
    max_size=9,
).map(lambda text: f"x {text}")
#: Excel knows times to the millisecond only. Midnight has tests of its own: pandas writes a column
#: of midnights as days.
WHEN = st.datetimes(datetime(2001, 1, 1), datetime(2032, 1, 1)).map(  # noqa: DTZ001
    lambda when: when.replace(microsecond=0, minute=when.minute or 1)
)
FEW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@FEW
@given(
    st.lists(
        st.tuples(WHEN, TEXT | st.none(), st.sampled_from([True, False, None])),
        min_size=1,
        max_size=5,
    )
)
def test_posts_are_equal_cell_by_cell(tmp_path_factory, rows):
    records = [
        {
            "id": number,
            "date": when,
            "username": "river",
            "text": text,
            "is_repost": repost,
            "edited": when + timedelta(minutes=1) if number % 2 else None,
        }
        for number, (when, text, repost) in enumerate(rows, start=1)
    ]
    tables = read_all(tmp_path_factory, read_posts, records, timezone="UTC", midnight="exact")
    assert_equal(tables)
    assert tables["csv"]["posted_at"].tolist() == [when.replace(tzinfo=UTC) for when, *_ in rows]
    assert tables["csv"]["post_id"].tolist() == [str(n) for n in range(1, len(rows) + 1)]


@FEW
@given(st.lists(st.dates(date(2001, 1, 1), date(2037, 1, 1)), min_size=1, max_size=5))
def test_days_are_days_whatever_carries_them(tmp_path_factory, days):
    """Pandas stores a day as midnight; Excel, JSON and Parquet hand that on."""
    rows = [
        {
            "id": f"e{number}",
            "place": "Ізюм",
            "date": pd.Timestamp(day),
            "confirmed": pd.Timestamp(day) + pd.Timedelta("1D") if number else None,
        }
        for number, day in enumerate(days)
    ]
    tables = read_all(tmp_path_factory, read_events, rows, timezone=KYIV)
    assert_equal(tables)
    for row, day in zip(tables["csv"].itertuples(), days, strict=True):
        first = pd.Timestamp(day).tz_localize(KYIV)
        assert row.occurred_at == first
        assert row.occurred_until == first + pd.DateOffset(days=1) - pd.Timedelta("1us")
        assert pd.isna(row.confirmed_at) == (row.event_id == "e0")


def lines(path, *rows):
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def posts_at(path, *times, **options):
    rows = [
        {"id": str(n), "date": time, "username": "a", "text": "x"} for n, time in enumerate(times)
    ]
    return read_posts(lines(path, *rows), with_report=True, **options)


def lengths(posts):
    return (posts["posted_until"] - posts["posted_at"]).tolist()


DAY, NOTHING = pd.Timedelta("1D") - pd.Timedelta("1us"), pd.Timedelta(0)


def test_midnight_in_the_zone_of_the_data_is_a_day_too(tmp_path):
    """JavaScript writes a local day as an instant in UTC."""
    posts, _ = posts_at(
        tmp_path / "a", "2022-09-09T21:00:00.000Z", "2022-09-10T21:00:00.000Z", timezone=KYIV
    )
    assert lengths(posts) == [DAY, DAY]
    assert posts["posted_at"][0] == pd.Timestamp("2022-09-09T21:00Z")


def test_some_midnights_among_other_times_are_asked_about(tmp_path):
    times = ["2022-09-10T00:00:00Z", "2022-09-11T00:00:00Z", "2022-09-12T07:01:00Z"]
    with pytest.raises(TableError, match=r"2 of 3 times are at midnight.*Hint: pass midnight="):
        posts_at(tmp_path / "a", *times)
    days, _ = posts_at(tmp_path / "a", *times, midnight="day")
    assert lengths(days) == [DAY, DAY, NOTHING]
    exact, _ = posts_at(tmp_path / "a", *times, midnight="exact")
    assert lengths(exact) == [NOTHING] * 3


def test_a_midnight_that_chance_explains_is_exact_and_noted(tmp_path):
    times = [f"2022-09-{10 + n % 9}T{n % 23:02}:{n % 60:02}:01Z" for n in range(99)]
    file = tmp_path / "a.csv"
    rows = "".join(f"{n},{t},a,x\n" for n, t in enumerate([*times, "2022-09-10T00:00:00Z"]))
    file.write_text(f"id,date,username,text\n{rows}", encoding="utf-8")
    posts, report = read_posts(file, with_report=True)
    assert lengths(posts)[-1] == NOTHING
    assert any("read as exact" in note.what for note in report.notes)


def test_whole_hours_are_midnight_once_a_day(tmp_path):
    times = [f"2022-09-{10 + n // 24}T{n % 24:02}:00:00Z" for n in range(72)]
    posts, _ = posts_at(tmp_path / "a", *times)
    assert set(lengths(posts)) == {NOTHING}


def test_two_stated_ends_are_an_interval_even_at_midnight(tmp_path):
    row = {"id": "e", "place": "Ізюм", "occurred_at": "2022-09-10T00:00:00Z"}
    file = lines(tmp_path / "a", row | {"occurred_until": "2022-09-10T06:00:00Z"})
    events = read_events(file)
    assert events["occurred_until"].tolist() == [pd.Timestamp("2022-09-10T06:00Z")]


def test_a_later_day_of_the_month_decides_the_order_of_dates(tmp_path):
    file = tmp_path / "a.csv"
    rows = ["1;10.09.2022 15:16;a;x", "2;13.09.2022 15:16;a;x"]
    file.write_text("\n".join(["id;date;username;text", *rows]), encoding="utf-8")
    posts, report = read_posts(file, timezone=KYIV, with_report=True)
    assert posts["posted_at"][0] == pd.Timestamp("2022-09-10T12:16Z")
    assert [note.count for note in report.notes if "order dmy" in note.what] == [2]
    with pytest.warns(ReadWarning, match="read in the order dmy; first: 10.09.2022 15:16"):
        read_posts(file, timezone=KYIV)
    file.write_text(file.read_text(encoding="utf-8").replace("13.09", "12.09"), encoding="utf-8")
    with pytest.raises(TableError, match='Hint: pass dates="dmy" or dates="mdy"'):
        read_posts(file, timezone=KYIV)
    us = read_posts(file, timezone=KYIV, dates="mdy")
    assert us["posted_at"].dt.month.tolist() == [10, 12]
    file.write_text("\n".join(["id;date;username;text", rows[1], "3;09/13/2022;a;x"]))
    with pytest.raises(TableError, match="first or the second number"):
        read_posts(file, timezone=KYIV)


@pytest.mark.parametrize("word", ["None", "NaN", "NaT", "NA", "<NA>", "nan", "null", "NULL", "N/A"])
def test_words_for_missing_values_are_missing_in_optional_columns(tmp_path, word):
    file = tmp_path / "a.csv"
    file.write_text(
        "id,date,username,text,edit_date,lang,is_retweet,link\n"
        f"1,2022-09-10T12:16:00Z,a,{word},{word},{word},{word},{word}\n",
        encoding="utf-8",
    )
    posts, report = read_posts(file, with_report=True)
    assert posts[["edited_at", "lang", "repost", "url"]].isna().all(axis=None)
    assert posts["text"].tolist() == [word]  # a text is read as it is
    assert sum(note.count for note in report.notes if "read as missing" in note.what) == 4


@pytest.mark.parametrize("word", ["None", "nan", "null", ""])
def test_a_word_for_a_missing_value_is_no_account_and_no_id(tmp_path, word):
    file = tmp_path / "a.csv"
    file.write_text(
        f"id,date,username,text\n1,2022-09-10T12:16:00Z,{word},x\n{word},2022-09-10T12:16:00Z,a,x\n",
        encoding="utf-8",
    )
    posts, report = read_posts(file, on_error="quarantine", with_report=True)
    assert posts.empty
    assert [bad["column"] for bad in report.quarantine] == ["account", "post_id"]


@pytest.mark.parametrize(
    ("cell", "post_id"),
    [("2.0", "2"), (" 7 ", "7"), ("007", "007"), ("a.0", "a.0"), ("9007199254740991.0", None)],
)
def test_ids_that_a_float_column_rewrote_are_restored_or_refused(tmp_path, cell, post_id):
    file = tmp_path / "a.csv"
    file.write_text(f"id,date,username,text\n{cell},2022-09-10T12:16:00Z,a,x\n", encoding="utf-8")
    posts, _ = read_posts(file, on_error="quarantine", with_report=True)
    assert posts["post_id"].tolist() == [post_id or "9007199254740991"]


def test_yes_and_no_are_booleans(tmp_path):
    file = tmp_path / "a.csv"
    rows = "2,2022-09-10T12:16:00Z,a,r,no\n3,2022-09-10T12:17:00Z,b,r,Yes\n"
    file.write_text(f"id,date,text,user,is_retweet\n{rows}", encoding="utf-8")
    assert read_posts(file)["repost"].tolist() == [False, True]


@pytest.mark.parametrize("cell", ["1.56857E+18", "1,56857E+18", "15685740043928862.0", "1e18"])
def test_a_rounded_id_is_refused_with_the_reason(tmp_path, cell):
    file = tmp_path / "a.csv"
    file.write_text(f"id;date;username;text\n{cell};2022-09-10T12:16:00Z;a;x\n", encoding="utf-8")
    with pytest.raises(TableError, match="a rounded number: its last digits are lost"):
        read_posts(file)


def test_a_table_of_events_in_ukrainian_is_read(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text(
        "Населений пункт;Область;Широта;Довгота;Дата;Тип\n"
        "м. Ізюм;Харківська;49,2087;37,2485;10 вересня 2022;liberated\n",
        encoding="utf-8",
    )
    events, _ = read_events(file, timezone=KYIV, with_report=True)
    assert events[["place", "kind", "lat"]].to_numpy().tolist() == [["Izium", "liberated", 49.2087]]


def test_events_without_a_column_for_the_place_are_an_error_of_the_table(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("id,what,date\n1,Izium,2022-09-10\n", encoding="utf-8")
    hint = r"usual name for the place; got 'id, what, date'. Hint: pass columns=\{'place': '…'\}"
    with pytest.raises(TableError, match=hint):
        read_events(file, timezone=KYIV)
    events, _ = read_events(file, timezone=KYIV, columns={"place": "what"}, with_report=True)
    assert events["place"].tolist() == ["Izium"]


def test_a_district_in_a_column_for_regions_is_used(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("id,town,region,date\n1,Гракове,Чугуївський район,2022-09-08\n", "utf-8")
    events, report = read_events(file, timezone=KYIV, with_report=True)
    assert (events["place"].tolist(), report.unresolved) == (["Hrakove"], [])


@pytest.mark.parametrize("kind", ["csv", "excel", "parquet", "frame"])
def test_a_time_of_day_in_its_own_column_is_joined_with_the_day(tmp_path, kind):
    day = pd.Timestamp("2022-09-10")
    clocks = ["15:16:00", "15:17", None] if kind != "excel" else [time(15, 16), time(15, 17), None]
    rows = [
        {"id": n, "date": day, "time": clock, "username": "a", "text": "x"}
        for n, clock in enumerate(clocks)
    ]
    posts, report = read_posts(save(tmp_path, kind, rows), timezone=KYIV, with_report=True)
    assert report.mapping["posted_clock"] == "time"
    assert posts["posted_at"].tolist() == [
        pd.Timestamp(f"2022-09-{at}Z") for at in ("10T12:16", "10T12:17", "09T21:00")
    ]
    minute = NOTHING if kind == "excel" else pd.Timedelta("1min") - pd.Timedelta("1us")
    assert lengths(posts) == [NOTHING, minute, DAY]


def test_a_time_of_day_of_events_is_joined_too(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("id,place,date,час\n1,Ізюм,10.09.2022,7:05\n2,Ізюм,13.09.2022,\n", "utf-8")
    events, _ = read_events(file, timezone=KYIV, with_report=True)
    assert events["occurred_at"].tolist() == [
        pd.Timestamp("2022-09-10T04:05Z"),
        pd.Timestamp("2022-09-12T21:00Z"),
    ]


def test_a_column_with_a_full_time_needs_no_clock(tmp_path):
    row = {"id": "1", "created_at": "2022-09-10T12:16:00Z", "time": "x", "user": "a", "text": "x"}
    posts = read_posts(lines(tmp_path / "a", row))
    assert posts["posted_at"].tolist() == [pd.Timestamp("2022-09-10T12:16Z")]


AWARE, NAIVE = pd.Timestamp("2022-09-10 15:16+03:00"), pd.Timestamp("2022-09-10 15:20")


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
@pytest.mark.parametrize("as_text", [False, True])
def test_aware_and_naive_times_of_a_frame_do_not_depend_on_their_order(order, as_text):
    """Arrow takes the zone of the first cell for all."""
    times = [AWARE, NAIVE]
    cells = pd.Series([times[at] for at in order], dtype="object")
    if as_text:
        cells = cells.map(str)
    frame = pd.DataFrame({"id": order, "date": cells, "username": "r", "text": "x"})
    posts = read_posts(frame, timezone=KYIV).set_index("post_id")["posted_at"]
    assert posts["0"] == pd.Timestamp("2022-09-10T12:16Z")
    assert posts["1"] == pd.Timestamp("2022-09-10T12:20Z")
    kept, report = read_posts(frame, on_error="quarantine", with_report=True)
    assert (kept["post_id"].tolist(), len(report.quarantine)) == (["0"], 1)


def test_an_impossible_year_is_a_bad_record(tmp_path):
    for stated in ("0001-01-01T00:00:00Z", "1970-01-01T00:00:01Z"):
        with pytest.raises(TableError, match="expected a time after 1990"):
            posts_at(tmp_path / "a", stated)


def test_a_contents_sheet_does_not_hide_the_dates_of_the_others(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["Звіт", "про пости"])
    for title, day in (("вересень", "08.09.2022"), ("жовтень", "19.09.2022")):
        sheet = book.create_sheet(title)
        sheet.append(["id", "date", "user", "text"])
        sheet.append([title, day, "a", "x"])
    book.save(tmp_path / "a.xlsx")
    posts, report = read_posts(tmp_path / "a.xlsx", timezone=KYIV, with_report=True)
    assert posts["posted_at"].dt.month.tolist() == [9, 9]
    notes = {note.what: note.example for note in report.notes}
    assert notes["sheets with other columns left out"] == "Sheet"
    assert notes["sheets with the same columns read together"] == "жовтень"
    with pytest.raises(TableError, match="sheet= applies to workbooks"):
        posts_at(tmp_path / "b", "2022-09-10T12:16:00Z", sheet="x")


def test_names_of_rows_that_r_writes_are_left_out(tmp_path):
    file = tmp_path / "a.tsv"
    rows = '"1"\t"t1"\t"скоро 🍇"\t"r"\t2022-09-10 12:16:00\n' * 1
    file.write_text(f'"id"\t"text"\t"username"\t"date"\n{rows}', encoding="utf-8")
    posts, report = read_posts(file, timezone="UTC", with_report=True)
    assert posts[["post_id", "text"]].to_numpy().tolist() == [["t1", "скоро 🍇"]]
    assert any("names of rows" in note.what for note in report.notes)


def test_a_single_row_with_a_separator_in_its_text_has_no_name(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("id;date;username;text\n2;2022-09-10T12:16:00Z;a;one; two\n", encoding="utf-8")
    _, report = read_posts(file, on_error="quarantine", with_report=True)
    assert [bad["reason"] for bad in report.quarantine] == ["expected 4 cells; got 5"]


def test_a_cell_of_many_lines_is_one_cell(tmp_path):
    text = "a,b\n" * 15_000
    file = tmp_path / "a.csv"
    frame = pd.DataFrame({"id": [1, 2], "date": "2022-09-10T12:16:00Z", "user": "a"})
    frame.assign(text=[text, "x"]).to_csv(file, index=False)
    assert read_posts(file)["text"].tolist() == [text, "x"]


def test_json_with_record_separators_is_read(tmp_path):
    feature = {
        "type": "Feature",
        "properties": {"date": "2022-09-10", "name": "Ізюм"},
        "geometry": {"type": "Point", "coordinates": [37.2485, 49.2087]},
    }
    file = tmp_path / "a.geojsons"
    file.write_text(f"\x1e{json.dumps(feature)}\n" * 2, encoding="utf-8")
    events, report = read_events(file, timezone=KYIV, with_report=True)
    assert (report.format, set(events["place"])) == ("geojson", {"Izium"})


@pytest.mark.parametrize("kind", ["csv", pytest.param("lines", marks=pytest.mark.slow)])
def test_a_table_with_too_many_columns_is_refused_at_once(tmp_path, kind):
    file = tmp_path / "a"
    if kind == "csv":
        names = ",".join(f"c{n}" for n in range(100_000))
        file.write_text(f"id,date,user,text,{names}\n", encoding="utf-8")
    else:
        row = {"id": 1, "date": "2022-09-10T12:16:00Z", "user": "a", "text": "x"}
        lines(file, *(row | {f"c{n}": 1} for n in range(20_000)))
    with pytest.raises(TableError, match=r"at most 2,000|1,413 objects have 1,417 different keys"):
        read_posts(file, format="table")


def test_quotes_with_a_backslash_are_part_of_the_cell(tmp_path):
    # As write.table(qmethod = "escape") of R and INTO OUTFILE of MySQL write them.
    file = tmp_path / "x.csv"
    file.write_text(
        '"id","date","text"\n'
        '"1","2022-09-10T12:00:00Z","He said \\"grapes, soon\\""\n'
        '"2","2022-09-11T12:00:00Z","C:\\new"\n'
    )
    posts, report = read_posts(file, account="a", with_report=True)
    assert posts["text"].tolist() == ['He said "grapes, soon"', "C:\\new"]
    assert [note.what for note in report.notes] == [
        "quotes within cells are written with a backslash"
    ]


def test_a_backslash_in_a_table_with_doubled_quotes_is_text(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text(
        "id,date,text\n"
        '1,2022-09-10T12:00:00Z,"{""a"": ""b\\""c""}"\n'
        '2,2022-09-11T12:00:00Z,"C:\\"\n'
    )
    posts = read_posts(file, account="a")
    assert posts["text"].tolist() == ['{"a": "b\\"c"}', "C:\\"]


@pytest.mark.parametrize("kind", ["frame", "parquet"])
@pytest.mark.parametrize("column", ["id", "date"])
def test_rounded_numbers_of_32_bits_are_refused(tmp_path, kind, column):
    frame = pd.DataFrame(
        {"id": [1.0, 7.0], "date": [1_662_812_160.0, 1_662_812_166.0], "text": ["a", "b"]}
    )
    frame["id"] += 16_777_300 if column == "id" else 0
    frame = frame.astype({column: "float32"})
    if kind == "parquet":
        frame.to_parquet(tmp_path / "x")
    source = frame if kind == "frame" else tmp_path / "x"
    with pytest.raises(TableError, match="rounded number" if column == "id" else "invalid time"):
        read_posts(source, account="a", columns={"post_id": "id"})


def test_small_numbers_of_32_bits_are_exact():
    frame = pd.DataFrame({"id": [1.0, 7.0], "date": ["2022-09-10T12:00Z"] * 2, "text": ["a", "b"]})
    posts = read_posts(frame.astype({"id": "float32"}), account="a")
    assert posts["post_id"].tolist() == ["1", "7"]


@pytest.mark.parametrize(("kind", "number"), [("float32", 2**24 + 1), ("float16", 2**11 + 1)])
def test_the_smallest_number_that_floats_of_few_bits_round_is_refused(kind, number):
    frame = pd.DataFrame({"id": [number, 2], "date": "2022-09-10T12:16:00Z", "text": "x"})
    with pytest.raises(TableError, match="rounded"):
        read_posts(frame.astype({"id": kind}), account="a")
    posts = read_posts(frame.assign(id=[number - 2, 2]).astype({"id": kind}), account="a")
    assert posts["post_id"].tolist() == [str(number - 2), "2"]


def test_a_number_of_a_spreadsheet_for_a_day_is_named(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("id,date,text\n1,44814.511,a\n")
    with pytest.raises(TableError, match=r"44814\.511 may be a spreadsheet's number for a day"):
        read_posts(file, account="a", timezone=KYIV)


def test_a_time_shown_without_seconds_is_a_minute_in_excel_too(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["id", "date", "text"])
    for number, shown in ((1, "dd.mm.yyyy hh:mm"), (2, "dd.mm.yyyy hh:mm:ss")):
        book.active.append([str(number), datetime(2022, 9, 10, 12, 16), "a"])  # noqa: DTZ001
        book.active.cell(number + 1, 2).number_format = shown
    book.save(tmp_path / "x.xlsx")
    posts = read_posts(tmp_path / "x.xlsx", account="a", timezone="UTC")
    length = (posts["posted_until"] - posts["posted_at"]).dt.total_seconds()
    assert length.tolist() == [59.999999, 0.0]


def test_a_table_with_a_header_only_causes_a_warning(tmp_path):
    file = tmp_path / "x.csv"
    file.write_text("id,date,text\n")
    with pytest.warns(ReadWarning, match="the file has no records"):
        assert read_posts(file, account="a").empty


def test_a_frame_is_not_kept_in_memory_for_its_columns():
    file = FrameInput(pd.DataFrame({"id": [1], "text": ["a"]}))
    assert column_names(file) == column_names(file) == ["id", "text"]
    kept = weakref.ref(file)
    del file
    gc.collect()
    assert kept() is None
