"""Tables of posts: the mapping of columns is guessed and reported, times are never guessed."""

from __future__ import annotations

import csv
import json
import struct
from datetime import UTC, datetime

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape import iter_posts, read_events, read_posts, schemas
from foxgrape.errors import TableError
from foxgrape.io.read_report import ReadWarning

WHEN = datetime(2022, 9, 10, 12, 16, 0, 123456, tzinfo=UTC)


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def save(file, *rows, separator=","):
    with file.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle, delimiter=separator).writerows(rows)
    return file


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_with_usual_names_are_mapped_and_reported(tmp_path, separator):
    file = save(
        tmp_path / "dump.txt",
        ["Message ID", "Date", "Message", "Username", "views"],
        ["7", "2022-09-10T12:16:00Z", 'a, "b"; c\t\n\nd', "river", "12"],
        separator=separator,
    )
    posts, report = read_posts(file, with_report=True)
    assert posts.loc[0, ["post_id", "text", "account", "views"]].tolist() == [
        "7",
        'a, "b"; c\t\n\nd',
        "river",
        "12",
    ]
    assert report.mapping == {
        "post_id": "Message ID",
        "account": "Username",
        "posted_at": "Date",
        "text": "Message",
    }


@pytest.mark.parametrize(
    ("cell", "zone", "first", "last"),
    [
        ("2022-09-10T15:16:00+03:00", None, "2022-09-10T12:16:00", None),
        ("2022-09-10 12:16:00.123456789Z", None, "2022-09-10T12:16:00.123456", None),
        ("1662812160", None, "2022-09-10T12:16:00", None),
        ("1662812160123", None, "2022-09-10T12:16:00.123", None),
        ("1662812160123456", None, "2022-09-10T12:16:00.123456", None),
        ("2022-09-10 15:16:07", "Europe/Kyiv", "2022-09-10T12:16:07", None),
        ("2022-09-10 15:16", "Europe/Kyiv", "2022-09-10T12:16:00", "2022-09-10T12:16:59.999999"),
        ("2022-09-10", "Europe/Kyiv", "2022-09-09T21:00:00", "2022-09-10T20:59:59.999999"),
        ("2022-10-30 03:30:00", "Europe/Kyiv", "2022-10-30T00:30", "2022-10-30T01:30"),
        ("2022-253T10:00:00Z", None, "2022-09-10T10:00:00", None),
    ],
)
def test_a_time_becomes_its_interval(tmp_path, cell, zone, first, last):
    file = save(tmp_path / "a.csv", ["id", "date", "text"], ["1", cell, "x"])
    posts = read_posts(file, account="a", timezone=zone)
    assert posts["posted_at"].item() == utc(first)
    assert posts["posted_until"].item() == utc(last or first)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("2022-09-10 15:16:07", "timezone="),
        ("2022-09-10 12:34:56 CST", "invalid time"),
        ("166281216", "expected a Unix time between 2000 and 2100"),
        ("20220910", "timezone="),
        ("2022091012", "may be a Unix time or a date and an hour"),
        ("2022-02-30T00:00:00Z", "invalid time"),
        ("9999-12-31T24:00:00Z", "out of range"),
        ("2022-366T10:00:00Z", "no day of its year"),
        ("0001-01-01T00:00:00+09:00", "invalid time"),
        ("", "expected a time"),
        ("2022-03-27 03:30:00", "timezone="),
    ],
)
def test_an_ambiguous_time_is_a_bad_record(tmp_path, cell, reason):
    file = save(tmp_path / "a.csv", ["id", "date", "text"], ["1", cell, "x"])
    with pytest.raises(TableError, match=rf"row 2, column posted_at.*{reason}"):
        read_posts(file, account="a")


def test_an_ambiguous_mapping_needs_columns(tmp_path):
    row = ["1", "2022-09-10T12:16:00Z", "2022-09-10T12:16:05Z", "x", "river"]
    file = save(tmp_path / "a.csv", ["id", "date", "created_at", "what", "user"], row)
    with pytest.raises(TableError, match="several columns may be posted_at"):
        read_posts(file)
    with pytest.raises(TableError, match="usual name for text"):
        read_posts(file, columns={"posted_at": "created_at"})
    posts = read_posts(file, columns={"posted_at": "created_at", "text": "what"})
    assert posts["posted_at"].item() == utc("2022-09-10T12:16:05")
    assert posts["date"].item() == "2022-09-10T12:16:00Z"
    with pytest.raises(TableError, match="did you mean 'text'"):
        read_posts(file, columns={"texts": "what"})
    with pytest.raises(TableError, match="did you mean 'what'"):
        read_posts(file, columns={"text": "whta"})


def test_bad_rows_do_not_affect_good_ones(tmp_path):
    file = tmp_path / "a.csv"
    good = "2022-09-10T12:16:00Z"
    file.write_bytes(
        f"id,date,text,user\n1,{good},ok,u\n2,{good},short\n3,yesterday,x,u\n4,{good},".encode()
        + b"\xcf\xf0\xe8,u\n"
        + f"5,{good},x,\n6,{good},ok,u\n6,{good},ok,u\n6,{good},other,u\n".encode()
    )
    posts, report = read_posts(file, on_error="quarantine", with_report=True)
    assert posts["post_id"].tolist() == ["1", "6"]
    assert [(bad["record"], bad["column"]) for bad in report.quarantine] == [
        (3, None),
        (4, "posted_at"),
        (5, "text"),
        (6, "account"),
        (9, "post_id"),
    ]
    assert report.repeated == 1


def frame(texts, times):
    return pd.DataFrame(
        {
            "post_id": [f"p{n}" for n in range(len(texts))],
            "platform": "telegram",
            "account": "river",
            "posted_at": pd.Series(times, dtype="datetime64[us, UTC]"),
            "posted_until": pd.Series(times, dtype="datetime64[us, UTC]"),
            "text": pd.Series(texts, dtype="str"),
            "lang": "uk",
            "url": None,
            "repost": pd.Series([True, None, False] * len(texts), dtype="boolean")[: len(texts)],
            "edited_at": pd.Series([WHEN] * len(texts), dtype="datetime64[us, UTC]"),
        }
    )


# CSV does not distinguish an empty text from a missing one, nor, in all tools, \r from \n.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\uffff"), min_size=1
)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "xlsx"])
@given(st.lists(st.tuples(TEXTS, TIMES), min_size=1, max_size=5))
def test_a_written_table_is_read_back(tmp_path_factory, kind, rows):
    wanted = schemas.validate(frame(*map(list, zip(*rows, strict=True))), "posts")
    file = tmp_path_factory.mktemp("table") / "no-suffix"
    texts = wanted.copy()
    for name in ("posted_at", "posted_until", "edited_at"):
        texts[name] = [when.isoformat() for when in wanted[name]]
    if kind == "csv":
        texts.to_csv(file, index=False)
    elif kind == "jsonl":
        records = texts.astype(object).where(texts.notna(), None).to_dict("records")
        file.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    elif kind == "parquet":
        wanted.to_parquet(file)
    else:
        book = openpyxl.Workbook()
        book.active.append(list(texts))
        for cells in texts.astype(object).where(texts.notna(), None).to_numpy().tolist():
            book.active.append(cells)
        for line in book.active.iter_rows(min_row=2):
            for cell in line:
                cell.data_type = "s" if isinstance(cell.value, str) else cell.data_type
        book.save(file)
    posts = read_posts(file, midnight="exact")
    pd.testing.assert_frame_equal(posts, wanted, check_like=True)


def test_an_id_that_a_spreadsheet_rounded_is_a_bad_record(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["id", "date", "text", "user"])
    book.active.append([1.5690000000000001e18, "2022-09-10T12:16:00Z", "x", "u"])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(TableError, match="row 2, column post_id"):
        read_posts(tmp_path / "a.xlsx")


def test_an_unnamed_spreadsheet_column_is_left_out(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["id", None, "date", "text", "user"])
    book.active.append(["1", "a remark", "2022-09-10T12:16:00Z", "x", "u"])
    book.save(tmp_path / "a.xlsx")
    with pytest.warns(ReadWarning, match="without a name left out; first: a remark"):
        posts = read_posts(tmp_path / "a.xlsx")
    assert posts.loc[0, ["post_id", "text", "account"]].tolist() == ["1", "x", "u"]
    assert "a remark" not in posts.to_string()


def test_an_empty_parquet_file_is_an_empty_table(tmp_path):
    frame([], []).to_parquet(tmp_path / "x")
    posts, _ = read_posts(tmp_path / "x", with_report=True)
    assert (len(posts), list(posts)) == (0, schemas.columns("posts"))


@pytest.mark.parametrize("invalid", ["date out of range", "not UTF-8"])
def test_a_parquet_cell_that_python_cannot_hold_is_a_bad_record(tmp_path, invalid):
    """Writers do not validate text columns, and Arrow's instants exceed Python's."""
    second = 2**62 if invalid == "date out of range" else 2**50 + 1
    times = pa.array([2**50, second, 2**50 + 2], pa.timestamp("us", "UTC"))
    data = [pa.py_buffer(part) for part in (struct.pack("4i", 0, 1, 2, 3), b"a\xffc")]
    texts = (
        pa.Array.from_buffers(pa.string(), 3, [None, *data]) if invalid == "not UTF-8" else [*"abc"]
    )
    file = tmp_path / "x"
    pq.write_table(pa.table({"id": [*"123"], "text": texts, "date": times, "place": texts}), file)
    for read, options in ((read_posts, {"account": "me"}), (read_events, {})):
        table, report = read(
            file, on_error="quarantine", midnight="exact", with_report=True, **options
        )
        assert table.iloc[:, 0].tolist() == ["1", "3"]
        assert [bad["record"] for bad in report.quarantine] == [2]
        with pytest.raises(TableError, match="row 2: a cell cannot be read") as caught:
            read(file, midnight="exact", **options)
        assert "\n" not in str(caught.value)


def test_batches_add_up_to_the_whole_table(tmp_path):
    rows = [[str(n), f"2022-09-10T12:16:{n % 60:02}Z", f"text {n}"] for n in range(100)]
    file = save(tmp_path / "a.csv", ["id", "date", "text"], *rows)
    batches = list(iter_posts(file, account="a", batch=30))
    assert [len(part) for part in batches] == [30, 30, 30, 10]
    expected = read_posts(file, account="a")
    pd.testing.assert_frame_equal(pd.concat(batches, ignore_index=True), expected)


def test_a_column_that_only_later_lines_have_is_kept(tmp_path):
    """A line omits what it does not have, so the first line does not show all columns."""
    first = {"id": "1", "date": "2022-09-10T12:16:00Z", "text": "a", "user": "me"}
    filler = [first | {"id": str(n), "text": "x" * 1000} for n in range(100, 200)]
    late = first | {"id": "2", "lang": "uk", "edited": "2022-09-10T12:20:00Z", "views": 3}
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in [first, *filler, late]))
    for posts in (read_posts(file), pd.concat(iter_posts(file, batch=10))):
        last = posts.iloc[-1]
        assert (last["lang"], last["views"]) == ("uk", "3")
        assert last["edited_at"] == utc("2022-09-10T12:20:00")
    assert read_posts(file)["lang"].isna().sum() == 101


def test_a_late_column_with_a_better_name_is_an_error(tmp_path):
    row = {"id": "1", "date": "2022-09-10T12:16:00Z", "message": "x" * 1000, "user": "me"}
    rows = [*(row | {"id": str(n)} for n in range(100)), row | {"text": "which?"}]
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(TableError, match="several columns may be text"):
        read_posts(file)
    _, report = read_posts(file, columns={"text": "message"}, with_report=True)
    assert report.mapping["text"] == "message"


CELL = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from(["", " ", "\x1c", "\u200b", "x", "🍇", "a￿", "true", "1", "1662812160"])
    | st.sampled_from(["2022-09-10T12:16:00Z", "2022-09-10 15:16:00.1+03:00", "2022-09-10"])
    | st.sampled_from(["2022-02-30T00:00:00Z", "2022-09-10T24:00:00Z", "0001-01-01T00:00:00+09:00"])
    | st.sampled_from(["9999-12-31T24:00:00Z", "2022-400T10:00:00Z"])
    | st.text(max_size=3)
    | st.lists(st.integers(), max_size=1)
    | st.dictionaries(st.text(max_size=1), st.integers(), max_size=1)
)
PLAIN = st.fixed_dictionaries(
    {"id": st.integers(0, 10**6).map(str), "date": st.just("2022-09-10T12:16:00Z")},
    optional={"text": st.text(max_size=5), "user": st.just("me"), "views": st.integers(0, 9)},
)
ODD = st.dictionaries(
    st.sampled_from(["id", "date", "text", "user", "lang", "url", "is_repost", "edited", "x"]),
    CELL,
)


@pytest.mark.parametrize("kind", ["lines", "parquet"])
@given(st.lists(st.tuples(PLAIN, st.just({}) | st.just({}) | ODD), min_size=1, max_size=8))
def test_reading_by_column_and_by_row_gives_the_same(tmp_path_factory, kind, rows):
    records = [row | odd for row, odd in rows]
    file = tmp_path_factory.mktemp("both") / "x"
    if kind == "lines":
        file.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    else:
        try:
            pq.write_table(pa.Table.from_pylist(records), file)
        except (pa.ArrowException, UnicodeEncodeError, OverflowError):
            return  # no Parquet file can hold these
    options = {"account": "me", "timezone": "UTC", "on_error": "quarantine", "with_report": True}
    with pytest.MonkeyPatch.context() as patch:
        by_column = [attempt(lambda: read_posts(file, **options))]
        by_column += [attempt(lambda: list(iter_posts(file, batch=3, **options)))]
        for name in ("posts_from_json_lines", "posts_from_arrow"):
            patch.setattr(f"foxgrape.io.posts.table.{name}", lambda *_: None)
        by_row = [attempt(lambda: read_posts(file, **options))]
        by_row += [attempt(lambda: list(iter_posts(file, batch=3, **options)))]
    assert list(map(comparable, by_column)) == list(map(comparable, by_row))


def attempt(read):
    try:
        return read()
    except TableError as error:
        return str(error)


def comparable(result):
    """Return tables and their reports as values that compare cell by cell, types included."""
    if isinstance(result, str):
        return result
    batches = result if isinstance(result, list) else [result]
    return [
        (frame.dtypes.astype(str).to_dict(), report, frame.to_csv(), len(frame))
        for frame, report in batches
    ]


def test_cells_of_the_expected_types_are_read_by_column(tmp_path):
    """Otherwise the test above would compare the row reader with itself."""
    rows = [{"id": str(n), "date": "2022-09-10T12:16:00Z", "text": "🍇"} for n in range(100)]
    file = tmp_path / "x"
    file.write_text("\n".join(map(json.dumps, rows)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "foxgrape.io.posts.table.PostTableReader.rows", lambda *_: pytest.fail("row by row")
        )
        assert len(read_posts(file, account="me")) == 100
        pq.write_table(pa.Table.from_pylist(rows), file)
        assert len(read_posts(file, account="me")) == 100


def test_a_table_written_by_telegramr(tmp_path):
    """The columns of that R package: Unix seconds, and TRUE in capitals."""
    file = save(
        tmp_path / "messages.csv",
        ["id", "date", "text", "views", "reactions_json", "edit_date", "is_forward", "channel"],
        ["812", "1662812160", "Скоро 🍇", "1000", "{}", "1662812300", "FALSE", "president"],
        ["813", "1662812161", "", "", "", "", "TRUE", "president"],
    )
    posts = read_posts(file)
    assert posts["account"].tolist() == ["president"] * 2
    assert posts["posted_at"].tolist() == [utc("2022-09-10T12:16:00"), utc("2022-09-10T12:16:01")]
    assert posts["edited_at"].tolist() == [utc("2022-09-10T12:18:20"), pd.NaT]
    assert posts["repost"].tolist() == [False, True]
    assert posts["views"].tolist()[0] == "1000"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_header_that_is_not_utf8_is_an_error(tmp_path, end):
    file = tmp_path / "dump.csv"
    file.write_bytes(
        f"id,date,text{end}7,2022-09-10T12:16:00Z,a".encode().replace(b"text", b"t\xeft")
    )
    for on_error in ("raise", "quarantine"):
        with pytest.raises(
            TableError, match=r"row 1: the name of column 3 is not UTF-8; got 't\?t'"
        ):
            read_posts(file, format="table", account="me", on_error=on_error)


def test_a_json_key_with_an_unpaired_surrogate_is_a_bad_record(tmp_path):
    rows = [
        '{"id": "1", "date": "2022-09-10T12:16:00Z", "text": "a"}',
        '{"id": "2", "date": "2022-09-10T12:16:00Z", "text": "b", "\\ud800": 1}',
    ]
    file = tmp_path / "dump.jsonl"
    file.write_text("\n".join(rows), encoding="utf-8")
    posts, report = read_posts(file, account="me", on_error="quarantine", with_report=True)
    assert posts["post_id"].tolist() == ["1"]
    assert report.quarantine[0]["reason"] == "a key has an unpaired surrogate"


def test_two_columns_with_the_same_name_are_an_error(tmp_path):
    header = ["post_id", "account", "posted_at", "text", "note", "note"]
    file = save(tmp_path / "posts.csv", header, ["1", "me", "2022-09-10T12:16:00Z", "a", "x", "y"])
    for on_error in ("raise", "quarantine"):
        with pytest.raises(TableError, match="row 1: column names must be unique; got 'note'"):
            read_posts(file, on_error=on_error)


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_characters_that_are_written_as_numbers_are_noted(tmp_path, kind):
    texts = ["&#127815; a", "&#x1F347; b", "&amp; &#; &# 5; c", "🍇"]
    rows = [
        {"id": str(number), "date": "2022-09-10T12:16:00Z", "username": "a", "text": text}
        for number, text in enumerate(texts)
    ]
    frame = pd.DataFrame(rows)
    if kind == "csv":
        frame.to_csv(tmp_path / "x", index=False)
    else:
        frame.to_json(tmp_path / "x", orient="records", lines=True)
    posts, report = read_posts(tmp_path / "x", with_report=True)
    assert posts["text"].tolist() == texts
    (note,) = report.notes
    assert "written as a number" in note.what
    assert (note.count, note.record, note.example) == (2, None, "&#127815; a")


def test_texts_are_not_copied_when_parquet_is_read_by_column(tmp_path):
    texts = [f"{number} " + "Ізюм " * 400 for number in range(4_000)]
    rows = [{"id": str(n), "date": "2022-09-10T12:16:00Z", "text": t} for n, t in enumerate(texts)]
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "x.parquet")
    pool = pa.proxy_memory_pool(pa.default_memory_pool())
    previous = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        read_posts(tmp_path / "x.parquet", account="me")
    finally:
        pa.set_memory_pool(previous)
    # Arrow's read buffer and the texts; a copy would be a third.
    assert pool.max_memory() < 2.7 * table["text"].nbytes
