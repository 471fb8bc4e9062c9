"""Encodings of text files: detected where that is safe, given by the caller where not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape import read_posts
from foxgrape.errors import TableError
from foxgrape.io.read_report import ReadWarning
from foxgrape.io.stream import InputFile

UKRAINIAN = "Сьогодні наші воїни звільнили місто. Ґанок і їжак 1\n"
HEADER = "id,date,username,text\n"
ROW = f"1,2022-09-10T12:16:00Z,river,{UKRAINIAN}"


def save(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_encodings_are_recognized(tmp_path, encoding):
    file = save(tmp_path / "a.csv", (HEADER + ROW).encode(encoding))
    assert read_posts(file, account="a")["text"].tolist() == [UKRAINIAN.strip()]


@pytest.mark.parametrize("encoding", ["cp1251", "koi8_u", "iso8859_5"])
def test_an_eight_bit_encoding_is_a_guess_that_is_said(tmp_path, encoding):
    rows = (HEADER + ROW * 3).replace("1\n", "2\n").replace("Ґ", "Г")
    file = save(tmp_path / "a.csv", rows.encode(encoding))
    with pytest.warns(ReadWarning, match=f"encoding {encoding} assumed"):
        posts = read_posts(file)
    assert set(posts["text"]) == {UKRAINIAN.strip().replace("1", "2").replace("Ґ", "Г")}


def test_a_short_text_is_not_guessed_and_the_hint_works_as_written(tmp_path):
    file = save(tmp_path / "a.csv", f"{HEADER}1,2022-09-10T12:16:00Z,r,наш дім\n".encode("cp1251"))
    with pytest.raises(TableError, match="Hint: pass encoding='cp1251'"):
        read_posts(file)
    assert read_posts(file, encoding="cp1251")["text"].tolist() == ["наш дім"]


def test_single_bad_bytes_do_not_change_the_encoding_of_the_file(tmp_path):
    bad = f"2,2022-09-10T12:16:00Z,river,{'x' * 9}\n".encode().replace(b"xxx", b"x\xe9x", 1)
    file = save(tmp_path / "a.csv", (HEADER + ROW).encode() + bad)
    posts, report = read_posts(file, on_error="quarantine", with_report=True)
    assert posts["post_id"].tolist() == ["1"]
    assert "not UTF-8" in report.quarantine[0]["reason"]


def test_a_byte_that_the_encoding_lacks_makes_a_bad_record(tmp_path):
    row = "2,2022-09-10T12:16:00Z,river,ok\n"
    content = (HEADER + ROW + row).encode("cp1251").replace(b"ok", b"o\x98k")
    posts, report = read_posts(
        save(tmp_path / "a.csv", content),
        encoding="cp1251",
        on_error="quarantine",
        with_report=True,
    )
    assert posts["post_id"].tolist() == ["1"]
    assert "invalid text" in report.quarantine[0]["reason"]


def test_lines_may_end_as_on_an_old_mac(tmp_path):
    content = (HEADER + ROW + ROW.replace("1,", "2,", 1)).replace("\n", "\r").encode()
    assert read_posts(save(tmp_path / "a.csv", content))["post_id"].tolist() == ["1", "2"]


def test_an_unknown_encoding_is_an_error(tmp_path):
    file = save(tmp_path / "a.csv", (HEADER + ROW).encode())
    for name in ("cp125", "base64", ""):
        with pytest.raises(TableError, match="unknown encoding"):
            read_posts(file, encoding=name)


@given(st.text(st.characters(codec="cp1251", exclude_characters="\r\n\0"), min_size=1))
def test_transcoding_loses_nothing(tmp_path_factory, text):
    file = save(tmp_path_factory.mktemp("x") / "a.txt", f"{text}.\n".encode("cp1251"))
    with InputFile(file, encoding="cp1251").open() as stream:
        assert stream.read().decode() == f"{text}.\n"


FEED = """<?xml version="1.0" encoding="{0}"?><rss version="2.0"><channel><title>Café</title>
<item><guid>1</guid><pubDate>Sat, 10 Sep 2022 12:16:00 GMT</pubDate><title>été à Izium</title>
</item></channel></rss>"""


@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1252"])
def test_the_encoding_that_xml_declares_is_used(tmp_path, declared):
    file = save(tmp_path / "a.xml", FEED.format(declared).encode(declared))
    assert read_posts(file)["account"].tolist() == ["Café"]
    converted = save(tmp_path / "b.xml", FEED.format(declared).encode())
    assert read_posts(converted)["text"].tolist() == ["été à Izium"]
