"""A malicious file gives a one-line error or a quarantine, in bounded memory, and no wrong row."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from foxgrape import iter_posts, read_posts
from foxgrape.errors import TableError
from foxgrape.io.posts.read import FORMATS
from foxgrape.io.read_report import QuarantineWarning
from foxgrape.io.stream import MAX_RECORD, InputFile
from peak_memory import measure_reading

FIXTURES = Path(__file__).parents[1] / "fixtures" / "posts"
ALL = sorted(FIXTURES.iterdir(), key=lambda file: file.name)
KNOWN = {"account": "a", "timezone": "Europe/Kyiv"}
GOOD = {"id": 1, "date": "2022-09-10T12:16:00Z", "text": "🍇"}


def read(file, **options):
    return read_posts(file, on_error="quarantine", with_report=True, **KNOWN | options)


def row_set(posts):
    return set(posts.drop(columns="repost").map(str).itertuples(index=False, name=None))


def one_line_error(file, **options):
    with pytest.raises(TableError) as caught:
        read_posts(file, **KNOWN | options)
    text = str(caught.value)
    assert "\n" not in text
    assert str(file) in text
    return text


@pytest.mark.parametrize("format_name", [None, *FORMATS, "posts"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n\n ",
        b"\xef\xbb\xbf",
        b"\0" * 5_000,
        bytes(range(256)) * 300,
        b"\x89PNG\r\n\x1a\n" + b"\0\1\2" * 900,
        "дата,текст\n2022-09-10,привіт\n".encode("utf-16"),
        "дата,текст\n2022-09-10,привіт\n".encode("cp1251"),
        b"<!DOCTYPE html><html><body>Not found, sorry; go home</body></html>",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"messages": [' + b"[" * 200_000,
        b"null",
        b"{}",
        b'{"orderedItems": 5, "feed": 5, "messages": 5, "chats": 5, "data": 5}',
        b"[]garbage",
        b'{"name": "a", "type": "public_channel", "id": 1, "messages": 5',
        b"window.YTD.tweets.part0 = alert(1)",
        b"window.YTD.tweets.part0 = [alert(1)]",
        b"PAR1" + b"\0" * 300,
        b"PK\x03\x04" + b"\0" * 300,
        b"\x1f\x8b\x08\x00" + b"\0" * 300,
        b"\x28\xb5\x2f\xfd" + b"\xff" * 300,
    ],
    ids=range(23),
)
def test_a_file_that_is_not_an_export_gives_no_rows_and_a_one_line_error(
    tmp_path, format_name, content
):
    file = tmp_path / "x"
    file.write_bytes(content)
    one_line_error(file, format=format_name)
    try:
        posts, report = read(file, format=format_name)
    except TableError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert posts.empty
        assert report.quarantine


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.name)
def test_a_truncated_file_gives_some_of_its_rows(tmp_path, file):
    content = file.read_bytes()
    complete, complete_report = read(file)
    rows = row_set(complete)
    truncated = tmp_path / "x"
    for length in range(len(content) // 17, len(content) - 2, max(1, len(content) // 17)):
        truncated.write_bytes(content[:length])
        try:
            posts, report = read(truncated, format=complete_report.format)
        except TableError as error:
            assert "\n" not in str(error)  # noqa: PT017
            continue
        assert row_set(posts) <= rows
        if not content[:length].endswith(b"}\n"):
            assert report.quarantine


@pytest.mark.parametrize("compression", ["gzip", "zstd", "zip"])
def test_a_truncated_compressed_file_is_an_error(tmp_path, compression):
    lines = b"".join(json.dumps(GOOD | {"id": n}).encode() + b"\n" for n in range(20_000))
    file = tmp_path / "x"
    if compression == "gzip":
        file.write_bytes(gzip.compress(lines))
    elif compression == "zstd":
        file.write_bytes(pa.Codec("zstd").compress(lines, asbytes=True))
    else:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x", lines)
    assert len(read_posts(file, **KNOWN)) == 20_000
    file.write_bytes(file.read_bytes()[: -len(file.read_bytes()) // 3])
    one_line_error(file)


def test_a_damaged_compressed_file_is_an_error(tmp_path):
    packed = bytearray(gzip.compress(json.dumps(GOOD).encode() + b"\n"))
    packed[-6] ^= 1
    (tmp_path / "x").write_bytes(packed)
    assert "CRC" in one_line_error(tmp_path / "x")


def test_a_zip_of_several_files_is_an_error(tmp_path):
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("b", "2")
    assert "a, b" in one_line_error(tmp_path / "x")


def test_a_folder_and_a_missing_file_are_errors(tmp_path):
    assert "must hold one export or one file" in one_line_error(tmp_path)
    assert "no such file" in one_line_error(tmp_path / "none")


def test_invalid_options_are_errors(tmp_path):
    file = tmp_path / "x"
    file.write_text(json.dumps(GOOD), encoding="utf-8")
    assert "did you mean 'telethon'" in one_line_error(file, format="teleton")
    assert "time zone" in one_line_error(file, timezone="Europe/Kiew")
    assert "on_error" in one_line_error(file, on_error="ignore")
    assert "did you mean" in one_line_error(file, columns={"text": "tex"})


def test_bad_lines_do_not_affect_good_ones(tmp_path):
    good = json.dumps(GOOD).encode()
    deep = b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    lines = [good, b"{", b"\xff\xfe", deep, b"[1]", b'"x"', b"NaN", b"", good.replace(b"1,", b"2,")]
    file = tmp_path / "x"
    file.write_bytes(b"\n".join(lines))
    posts, report = read(file)
    assert posts["post_id"].tolist() == ["1", "2"]
    assert [bad["record"] for bad in report.quarantine] == [2, 3, 4, 5, 6, 7]
    assert all(len(bad["raw"]) <= 2_000 for bad in report.quarantine)


def test_the_first_line_may_be_the_bad_one(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(b'{"id": 1, "da\n' + json.dumps(GOOD).encode())
    posts, report = read(file)
    assert (len(posts), report.quarantine[0]["record"]) == (1, 1)


def test_bad_records_count_towards_the_size_of_a_batch(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(json.dumps(GOOD).encode() + b"\n{" * 25)
    batches = iter_posts(file, on_error="quarantine", batch=10, with_report=True, **KNOWN)
    assert [len(report.quarantine) for _, report in batches] == [9, 10, 6]


def test_the_head_of_a_file_is_its_decompressed_content(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(gzip.compress(b"\xef\xbb\xbfabc"))
    opened = InputFile(file)
    assert (opened.head, opened.compression) == (b"abc", "gzip")


@pytest.mark.parametrize("kind", ["lines", "array", "csv", "telegram", "compressed"])
def test_a_line_of_100_mb_is_one_bad_record_and_takes_little_memory(tmp_path, kind):
    long, file = b"x" * 100_000_000, tmp_path / "x"
    good = [json.dumps(GOOD | {"id": n}).encode() for n in (1, 2)]
    huge = good[0].replace(b'"id": 1', b'"id": 3').replace(b"2022", long)
    small, expected = tmp_path / "small", (2, 1)
    small.write_bytes(good[0])
    if kind in {"lines", "compressed"}:
        file.write_bytes(b"\n".join([good[0], huge, good[1]]))
    elif kind == "array":
        telethon = (FIXTURES / "telethon.jsonl").read_bytes().split(b"\n")[0]
        file.write_bytes(b"[" + telethon + b", " + huge + b"]")
        expected = (1, 1)
    elif kind == "csv":
        file.write_bytes(b"id,date,text\n1,2022-09-10T12:16:00Z,a\n2," + long)
        expected = (1, 1)
    else:
        head = (FIXTURES / "telegram_desktop_channel.json").read_bytes()
        file.write_bytes(head[: head.index(b'"id": 4')] + b'"text": "' + long + b'"}]}')
        expected = (2, 1)
    if kind == "compressed":
        file.write_bytes(gzip.compress(file.read_bytes(), 1))
    rows, bad, grown = measure_reading(file, small)
    assert (rows, bad) == expected
    assert grown < 6 * MAX_RECORD >> 20


@pytest.mark.parametrize("kind", ["lines", "csv", "telegram"])
def test_a_file_four_times_as_large_takes_little_more_memory(tmp_path, kind):
    small = tmp_path / "small"
    small.write_text(json.dumps(GOOD), encoding="utf-8")
    grown = []
    for count in (10_000, 40_000):
        file = tmp_path / f"{count}"
        if kind == "lines":
            rows = (json.dumps(GOOD | {"id": n, "text": "🍇" * 50}) for n in range(count))
            file.write_text("\n".join(rows), encoding="utf-8")
        elif kind == "csv":
            rows = (f"{n},{GOOD['date']},{'🍇' * 50}" for n in range(count))
            file.write_text("id,date,text\n" + "\n".join(rows), encoding="utf-8")
        else:
            message = {"type": "message", "date_unixtime": "1662812160", "text": "🍇" * 50}
            chat = {"name": "c", "type": "public_channel", "id": 1}
            messages = [message | {"id": n} for n in range(count)]
            file.write_text(json.dumps(chat | {"messages": messages}), encoding="utf-8")
        rows, bad, more = measure_reading(file, small)
        assert (rows, bad) == (count, 0)
        grown.append(more)
    assert grown[1] <= grown[0] + 12


def test_reading_in_batches_reports_a_truncated_file(tmp_path):
    """Even if nothing but the error comes after the last full batch."""
    line = json.dumps(GOOD).encode() + b"\n"
    (tmp_path / "x").write_bytes(
        gzip.compress(line) + gzip.compress((b" " * 65_535 + b"\n") * 600)[:-9]
    )
    options = {"account": "a", "on_error": "quarantine", "batch": 1}
    batches = list(iter_posts(tmp_path / "x", with_report=True, **options))
    assert [len(posts) for posts, _ in batches] == [1, 0]
    assert "cut off" in batches[-1][1].quarantine[0]["reason"]


def test_a_quarantine_without_a_report_warns_once(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(json.dumps(GOOD).encode() + b"\n{" * 25)
    expected = r"x: 25 bad records left out; the first is record 2: not JSON.*with_report=True"
    with pytest.warns(QuarantineWarning, match=expected) as warned:
        assert len(read_posts(file, on_error="quarantine", **KNOWN)) == 1
    with pytest.warns(QuarantineWarning, match=expected) as warned_by_batches:
        assert len(list(iter_posts(file, on_error="quarantine", batch=10, **KNOWN))) == 3
    assert [len(warned), len(warned_by_batches)] == [1, 1]
    assert {warning.filename for warning in [*warned, *warned_by_batches]} == {__file__}
