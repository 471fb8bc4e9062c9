"""Files that are not read: the error names the kind of the file and how to convert it."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from foxgrape import read_events, read_posts
from foxgrape.errors import TableError

KINDS = {
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n",
    "an old Excel workbook": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500,
    "a file compressed with bzip2": b"BZh91AY&SY" + b"\1" * 50,
    "a file compressed with xz": b"\xfd7zXZ\x00" + b"\1" * 50,
    "a 7z archive": b"7z\xbc\xaf\x27\x1c" + b"\1" * 50,
    "a RAR archive": b"Rar!\x1a\x07\x01\x00",
    "a PDF document": b"%PDF-1.7\n1, 2; 3\n",
    "a rich text document": b"{\\rtf1\\ansi, x}",
    "a Python pickle": b"\x80\x04\x95,",
    "a Feather file": b"ARROW1\x00\x00" + b"\0" * 50,
    "an HDF5 file": b"\x89HDF\r\n\x1a\n",
    "an image or a video": b"\x89PNG\r\n\x1a\n,",
    "a web page": b"<!DOCTYPE html><html><body>a, b</body></html>",
    "a page of Nitter": b'<!DOCTYPE html><html><body><div class="timeline-item ">a, b</div>',
    "a page of a Telegram channel's preview": b'<html><div class="tgme_page">a, b</div>',
    "an HTML export of DiscordChatExporter": b'<!DOCTYPE html><div class="chatlog">a, b',
    "an XML file": b"<?xml version='1.0'?><map><a>b, c</a></map>",
    "XML with a document type": b"<?xml version='1.0'?><!DOCTYPE rss [,]><rss></rss>",
    "a file of an X archive": b'window.YTD.like.part0 = [{"like": {}}]',
    "a file of an X archive from before 2018": b"Grailbird.data.tweets_2017_09 = [{}, {}]",
    "a JSON table stored column by column": b'{"id": {"0": 2, "1": 3}, "date": {"0": 5}}',
    "an export of DiscordChatExporter": b'{"guild": {}, "channel": {}, "messages": [{"id": "1"}]}',
    "private messages of Facebook or Instagram": b'{"participants": [{}], "messages": [{"a": 1}]}',
    "a download of TikTok data": b'{"Activity": {"a": 1}, "Profile": {"b": 1}}',
    "a download of Instagram data": b'[{"media": [{"uri": "a"}], "creation_timestamp": 166281}]',
    "a JSON table whose columns": b'{"columns": ["id"], "index": [0], "data": [[1]]}',
    "a download of Facebook data": b'[{"timestamp": 1662812160, "data": [{"post": "a"}]}]',
}
WHATSAPP = (
    "[10.09.22, 15:16:00] Olena: Скоро 🍇",
    "\u200e[10/09/2022, 3:16:00\u202fPM] Olena: a",
    "10.09.2022, 15:16 - Olena: a",
    "9/10/22, 3:16 pm - Olena: a",
)


def message(read, file, **options):
    with pytest.raises(TableError) as caught:
        read(file, **options)
    assert "\n" not in str(caught.value)
    assert "Hint: " in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("read", [read_posts, read_events])
@pytest.mark.parametrize("name", KINDS)
def test_the_kind_of_a_file_is_named(tmp_path, read, name):
    (tmp_path / "x").write_bytes(KINDS[name])
    assert f"cannot read {name}" in message(read, tmp_path / "x")


@pytest.mark.parametrize("name", ["telegram_html.html", "feed_rss.xml", "feed_atom.xml"])
def test_an_export_of_posts_is_named_by_the_reader_of_events(name):
    file = Path(__file__).parents[1] / "fixtures" / "posts" / name
    assert "Hint: read it with read_posts" in message(read_events, file)


def test_the_hint_for_a_discord_export_can_be_followed(tmp_path):
    row = {"id": "1", "date": "2022-09-10T12:16:00.5+00:00", "username": "olena", "text": "🍇"}
    (tmp_path / "x").write_text(json.dumps(row), "utf-8")
    assert read_posts(tmp_path / "x")["account"].item() == "olena"


@pytest.mark.parametrize("line", WHATSAPP)
def test_a_whatsapp_chat_is_named(tmp_path, line):
    (tmp_path / "x").write_text(f"{line}\n{line}\n", "utf-8")
    assert "cannot read a WhatsApp chat" in message(read_posts, tmp_path / "x")


def test_a_table_that_begins_with_a_date_is_no_whatsapp_chat(tmp_path):
    (tmp_path / "x").write_text("10.09.2022,text\n", "utf-8")
    assert "WhatsApp" not in message(read_posts, tmp_path / "x")


def test_a_session_and_another_database_are_named(tmp_path):
    for name, kind in (("sessions", "a Telethon or Pyrogram session"), ("a", "a SQLite database")):
        with closing(sqlite3.connect(tmp_path / name)) as database, database:
            database.execute(f"CREATE TABLE {name} (dc_id INTEGER, auth_key BLOB)")
        assert f"cannot read {kind}" in message(read_posts, tmp_path / name)


def test_an_open_document_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<a/>")
    for read in (read_posts, read_events):
        assert "cannot read an OpenDocument file" in message(read, tmp_path / "x.ods")


@pytest.mark.parametrize("orient", ["columns", "records"])
def test_only_the_column_orientation_of_pandas_is_named(tmp_path, orient):
    frame = pd.DataFrame({"id": [2, 3], "date": ["2022-09-10T12:16:00Z"] * 2, "text": ["🍇", "ok"]})
    lines = orient == "records"
    frame.to_json(tmp_path / "x", orient=orient, lines=lines)
    if lines:
        assert len(read_posts(tmp_path / "x", account="a")) == 2
    else:
        assert 'orient="records", lines=True' in message(read_posts, tmp_path / "x")


def test_json_with_other_keys_is_not_named(tmp_path):
    (tmp_path / "x").write_text(json.dumps({"a": {"b": 1}, "c": {"0": 2}}), "utf-8")
    assert "cannot detect the format" in message(read_posts, tmp_path / "x")
