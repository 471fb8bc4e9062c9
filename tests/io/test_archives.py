"""Folders, zip and tar archives: the export in them is read in place, and nothing else."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from foxgrape import Store, ingest, iter_posts, read_events, read_posts
from foxgrape.errors import TableError

FIXTURES = Path(__file__).parents[1] / "fixtures"
RESULT = (FIXTURES / "posts" / "telegram_desktop_channel.json").read_bytes()
EVENTS = (FIXTURES / "events" / "table.csv").read_bytes()
GOOD = json.dumps({"id": 1, "date": "2022-09-10T12:16:00Z", "text": "🍇"}).encode()


def write_zip(file, members):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def write_tar(file, members, mode="w"):
    with tarfile.open(file, mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file


def write_folder(folder, members):
    for name, content in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_zstd(file, members):
    content = write_tar(file, members).read_bytes()
    file.write_bytes(pa.Codec("zstd").compress(content, asbytes=True))
    return file


WRITERS = {
    "folder": write_folder,
    "zip": write_zip,
    "tar": write_tar,
    "tar.gz": lambda file, members: write_tar(file, members, "w:gz"),
    "tar.zst": write_zstd,
}
EXPORT = {
    "ChatExport_2022-09-10/result.json": RESULT,
    "ChatExport_2022-09-10/photos/photo_1.jpg": b"\xff\xd8\xff",
    "ChatExport_2022-09-10/.DS_Store": b"x",
    "__MACOSX/ChatExport_2022-09-10/._result.json": b"x",
}


def message(path, **options):
    with pytest.raises(TableError) as caught:
        read_posts(path, account="a", **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def expected(tmp_path):
    (tmp_path / "plain.json").write_bytes(RESULT)
    return read_posts(tmp_path / "plain.json")


@pytest.mark.parametrize("kind", WRITERS)
def test_an_export_is_read_from_a_folder_and_from_archives(tmp_path, expected, kind):
    path = WRITERS[kind](tmp_path / "export", EXPORT)
    before = sorted(tmp_path.rglob("*"))
    pd.testing.assert_frame_equal(read_posts(path), expected)
    pd.testing.assert_frame_equal(pd.concat(iter_posts(path, batch=2), ignore_index=True), expected)
    pd.testing.assert_frame_equal(read_posts(path, format="telegram_desktop"), expected)
    member = path / "ChatExport_2022-09-10" / "result.json"
    pd.testing.assert_frame_equal(read_posts(member), expected)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", ["folder", "zip", "tar.gz"])
def test_an_archive_is_added_to_a_store(tmp_path, kind):
    path = WRITERS[kind](tmp_path / "export", EXPORT)
    store = Store(tmp_path / "store")
    assert ingest("posts", path, store).new == 3
    assert ingest("posts", path, store).unchanged == 3


@pytest.mark.parametrize("kind", WRITERS)
def test_a_single_file_is_read_whatever_its_name(tmp_path, kind):
    path = WRITERS[kind](tmp_path / "export", {"a/dump.jsonl": GOOD, "a/.DS_Store": b"x"})
    assert read_posts(path, account="a")["text"].item() == "🍇"
    assert read_posts(path / "a/dump.jsonl", account="a")["text"].item() == "🍇"


def test_the_only_file_of_a_zip_can_be_named(tmp_path):
    path = write_zip(tmp_path / "x.zip", {"a.jsonl": GOOD})
    assert read_posts(path / "a.jsonl", account="a")["text"].item() == "🍇"


@pytest.mark.parametrize("kind", WRITERS)
def test_several_files_are_listed_and_one_can_be_named(tmp_path, kind):
    path = WRITERS[kind](tmp_path / "export", {"b.jsonl": GOOD, "a/x.jsonl": GOOD})
    error = message(path)
    assert "must hold one export or one file; got 'a/x.jsonl, b.jsonl'" in error
    assert f"name a file, such as {path}/a/x.jsonl" in error
    assert read_posts(path / "a/x.jsonl", account="a")["post_id"].item() == "1"
    if kind != "folder":
        assert "no such file; got 'b.json'. Hint: did you mean 'b.jsonl'?" in message(
            path / "b.json"
        )


def test_an_export_of_another_kind_in_the_folder_is_noted(tmp_path):
    path = write_zip(tmp_path / "x", {"a/result.json": RESULT, "b/messages.html": b"<html>"})
    _, report = read_posts(path, with_report=True)
    what = "another export beside this one was not read; pass its path to read it"
    assert f"1 × {what}; first: b/messages.html" in map(str, report.notes)


def test_several_exports_are_listed(tmp_path):
    path = write_zip(tmp_path / "x", {"a/result.json": RESULT, "b/result.json": RESULT})
    assert "got 'a/result.json, b/result.json'" in message(path)


@pytest.mark.parametrize("kind", WRITERS)
def test_an_archive_without_files_is_an_error(tmp_path, kind):
    path = WRITERS[kind](tmp_path / "export", {"__MACOSX/x": b"x", ".hidden": b"x"})
    assert "got 'no file'" in message(path)


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_events_are_read_from_a_folder_and_from_archives(tmp_path, kind):
    path = WRITERS[kind](tmp_path / "x", {"events.csv": EVENTS, "notes.txt": b"text"})
    (tmp_path / "plain.csv").write_bytes(EVENTS)
    options = {"timezone": "Europe/Kyiv", "on_error": "quarantine", "with_report": True}
    frame, report = read_events(path / "events.csv", **options)
    expected, expected_report = read_events(tmp_path / "plain.csv", **options)
    pd.testing.assert_frame_equal(frame, expected)
    assert report == expected_report
    with pytest.raises(TableError, match="one export or one file"):
        read_events(path)


def test_links_and_paths_out_of_an_archive_are_left_out(tmp_path):
    (tmp_path / "secret.jsonl").write_bytes(GOOD)
    folder = write_folder(tmp_path / "folder", {"notes.txt": b"text"})
    (folder / "result.json").symlink_to(tmp_path / "secret.jsonl")
    assert "cannot detect the format" in message(folder)
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name, kind in (("result.json", tarfile.SYMTYPE), ("outbox.json", tarfile.LNKTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, str(tmp_path / "secret.jsonl")
            archive.addfile(member)
        for name in ("../result.json", "/tmp/result.json"):  # noqa: S108 - not written
            member = tarfile.TarInfo(name)
            member.size = len(RESULT)
            archive.addfile(member, io.BytesIO(RESULT))
    assert "got 'no file'" in message(tmp_path / "x.tar")
    link = zipfile.ZipInfo("result.json")
    link.external_attr = 0o120777 << 16
    write_zip(tmp_path / "x.zip", {link: b"/etc/passwd", "../result.json": RESULT, "/a": RESULT})
    assert "got 'no file'" in message(tmp_path / "x.zip")


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_decompression_bomb_is_an_error(tmp_path, kind):
    zeros = b" " * (200 << 20)
    path = WRITERS[kind](tmp_path / "x", {"result.json": zeros, "b": b"x"})
    assert path.stat().st_size < 1 << 20
    assert "unpacks to more than" in message(path) or "is empty" in message(path)
    start = b'{"name": "a", "type": "public_channel", "id": 1, "messages": ['
    path = WRITERS[kind](tmp_path / "y", {"result.json": start + zeros, "b": b"x"})
    error = message(path)
    assert "unpacks to more than" in error or "a record is larger than" in error


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_damaged_archive_is_an_error(tmp_path, kind):
    noise = os.urandom(100_000)
    path = WRITERS[kind](tmp_path / "x", {"a.bin": noise, "result.json": RESULT})
    content = path.read_bytes()
    for length in (600, 50_000, 100_500):
        path.write_bytes(content[:length])
        message(path)


def test_a_member_that_is_an_archive_is_named(tmp_path):
    inner = write_zip(tmp_path / "inner", {"x": GOOD}).read_bytes()
    path = write_tar(tmp_path / "x", {"a.zip": inner, "b.gz": gzip.compress(GOOD)})
    assert "cannot read a zip archive within an archive" in message(path / "a.zip")
    assert "cannot read a file that is compressed twice" in message(path / "b.gz")


def test_a_folder_with_too_many_files_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("foxgrape.io.archives._MAX_FILES", 3)
    write_folder(tmp_path, {f"{n}.json": b"{}" for n in range(4)})
    assert "more than 3 files" in message(tmp_path)
