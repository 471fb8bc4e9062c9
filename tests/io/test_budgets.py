"""The time to read a file is proportional to its size, whatever it holds; limits are errors."""

from __future__ import annotations

import gc
import json
import time
import zipfile

import openpyxl
import pytest

from foxgrape import read_posts
from foxgrape.errors import TableError
from foxgrape.io.tabular import MAX_COLUMNS

POST = {"post_id": "1", "account": "me", "posted_at": "2022-09-10T12:16:00Z", "text": "x"}
HEADER = ",".join(POST)
ROW = ",".join(POST.values())


def csv(*lines):
    return "\n".join([HEADER, ROW, *lines])


def line(**values):
    return json.dumps({**POST, **values})


def lines(*rows):
    return "\n".join([line(), *rows])


def array(*rest):
    return f"[{line()},{''.join(rest)}]"


#: Contents of `n` parts, which a reader that starts over at each part would read in quadratic time.
CONTENTS = {
    "csv, long cell": lambda n: csv("2,me,2022-09-10T12:16:00Z," + "x" * 50 * n),
    "csv, cells without a name": lambda n: csv(ROW + "," * 50 * n),
    "csv, quotes in a cell": lambda n: csv('2,me,2022-09-10T12:16:00Z,"' + '""' * 20 * n + '"'),
    "csv, cells that open again": lambda n: csv(*['x","'] * n),
    "csv, an error at the end of cells that open again": lambda n: csv(
        *([*['x","'] * 19_000, 'x"y'] * (n // 19_000 + 1))[:n]
    ),
    "csv, lines of a quote": lambda n: csv(*['"'] * n),
    "csv, blank lines": lambda n: csv(*[""] * 50 * n),
    "csv, zero bytes": lambda n: csv("\0" * 50 * n),
    "csv, numbers of characters": lambda n: csv("2,me,2022-09-10T12:16:00Z," + "&#x1F347;" * n),
    "lines, long list": lambda n: lines(line(more=list(range(10 * n)))),
    "lines, many keys in a value": lambda n: lines(line(more={f"k{k}": 1 for k in range(3 * n)})),
    "lines, escapes": lambda n: lines(line(text='\\"\ud83d\ude00' * n)),
    "lines, open brackets": lambda n: lines('{"a":[' * 10 * n),
    "lines, digits": lambda n: lines('{"post_id": ' + "1" * 50 * n + "}"),
    "array, long record": lambda n: array(line(text="x" * 100 * n)),
    "array, record without an end": lambda n: "".join(["[", line(), ',{"a":"', "x" * 100 * n]),
    "array, commas": lambda n: array("," * 100 * n),
    "array, empty records": lambda n: array("{}," * n, "{}"),
    "arrays": lambda n: array() + "[]" * 10 * n,
    "document, long text": lambda n: json.dumps({"messages": [{"text": "x" * 100 * n}]}),
    "html, open elements": lambda n: "<html><body>" + "<div class='message'>" * n,
    "xml, elements": lambda n: "<rss>" + '<item a="x">x</item>' * n + "</rss>",
}


def seconds(content, file):
    """Return the processor time for reading a content."""
    file.write_text(content, encoding="utf-8")
    gc.collect()
    started = time.process_time()
    try:
        read_posts(file, timezone="UTC", account="me", on_error="quarantine", with_report=True)
    except TableError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - some contents are refused
    return time.process_time() - started


@pytest.mark.parametrize("name", CONTENTS)
def test_the_time_is_proportional_to_the_size(name, tmp_path):
    seconds(CONTENTS[name](100), tmp_path / "x")  # imports
    small = seconds(CONTENTS[name](2_500), tmp_path / "x")
    large = seconds(CONTENTS[name](20_000), tmp_path / "x")
    # Eight times the size; quadratic time would be 64 times as long. Short times vary.
    assert large < max(24 * small, 1.0), (small, large)


def workbook(file, rows):
    """Write a workbook with a row of a post and rows of XML."""
    book = openpyxl.Workbook()
    book.active.append(list(POST))
    book.active.append(list(POST.values()))
    book.save(file)
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    members[name] = members[name].replace(b"</sheetData>", rows.encode() + b"</sheetData>")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def test_a_cell_in_the_last_column_of_each_row_takes_little_time(tmp_path):
    far = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(3, 1_003))
    file = workbook(tmp_path / "x.xlsx", far)
    started = time.process_time()
    posts, report = read_posts(file, with_report=True, on_error="quarantine")
    assert time.process_time() - started < 5
    assert len(posts) == 1
    assert len(report.quarantine) == 1_000
    assert "cells in columns without a name left out" in [note.what for note in report.notes]


def test_a_row_beyond_the_last_one_ends_a_worksheet(tmp_path):
    file = workbook(tmp_path / "x.xlsx", '<row r="99000000"><c r="A99000000"><v>1</v></c></row>')
    started = time.process_time()
    posts, report = read_posts(file, with_report=True, on_error="quarantine")
    assert time.process_time() - started < 5
    assert len(posts) == 1
    assert "at most 1,048,576 rows" in report.quarantine[0]["reason"]


def test_rows_of_a_worksheet_keep_their_numbers_and_may_be_missing(tmp_path):
    cell = '<c r="{0}9" t="inlineStr"><is><t>{1}</t></is></c>'
    cells = "".join(cell.format(*pair) for pair in zip("ABCD", ["2", "", "x", "y"], strict=True))
    file = workbook(tmp_path / "x.xlsx", f'<row r="9">{cells}</row>')
    posts, report = read_posts(file, with_report=True, on_error="quarantine")
    assert len(posts) == 1
    assert [row["record"] for row in report.quarantine] == [9]


@pytest.mark.parametrize("count", [20_000, 200_000])
def test_a_line_with_too_many_keys_is_named(tmp_path, count):
    file = tmp_path / "x.jsonl"
    file.write_text(line(**{f"k{k}": 1 for k in range(count)}), encoding="utf-8")
    with pytest.raises(TableError, match=f"at most 2,000 columns; got '{count + 4:,}'"):
        read_posts(file)


@pytest.mark.parametrize("kind", ["lines", "array"])
def test_rows_before_too_many_keys_are_kept(tmp_path, kind):
    rows = [line(post_id=f"{k}", **{f"k{k}": 1}) for k in range(2_500)]
    file = tmp_path / "x"
    file.write_text("\n".join(rows) if kind == "lines" else f"[{','.join(rows)}]", "utf-8")
    started = time.process_time()
    posts, report = read_posts(file, on_error="quarantine", with_report=True)
    assert time.process_time() - started < 30
    assert 1_000 < len(posts) <= MAX_COLUMNS
    assert "different keys" in report.quarantine[-1]["reason"]


def test_a_wide_object_before_many_small_ones_does_not_fill_the_memory(tmp_path):
    wide = line(**{f"k{k}": 1 for k in range(1_900)})
    rows = "\n".join(line(post_id=str(n)) for n in range(2, 3_000))
    (tmp_path / "x").write_text(f"{wide}\n{rows}", "utf-8")
    posts, report = read_posts(tmp_path / "x", on_error="quarantine", with_report=True)
    assert 1_000 < len(posts) < 2_000
    assert (
        "objects have 1,904 different keys, but few of them each"
        in (report.quarantine[-1]["reason"])
    )


def test_the_first_line_may_be_longer_than_what_is_peeked_at(tmp_path):
    first = {"text": "x" * 100_000, **{name: POST[name] for name in POST if name != "text"}}
    (tmp_path / "x").write_text(f"{json.dumps(first)}\n{line(post_id='2')}\n", "utf-8")
    assert read_posts(tmp_path / "x")["post_id"].tolist() == ["1", "2"]
