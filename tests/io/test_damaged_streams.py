"""Compressed files that are cut off keep their whole records; pipes and devices are not read."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import signal
import sys
import tarfile
import warnings
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

import pytest

from foxgrape import (
    Codebook,
    Store,
    ingest,
    iter_posts,
    new_study,
    open_study,
    read_events,
    read_posts,
)
from foxgrape._util.files import study_folder
from foxgrape.cli.app import run
from foxgrape.detection.batch import detect_all
from foxgrape.errors import FoxgrapeError
from foxgrape.io.read_report import REST_UNREAD
from foxgrape.io.stream import CorruptFileError, InputFile
from foxgrape.reports.plan import ReportRequest, Software, plan
from foxgrape.reports.schedule.config import find_problems
from report_templates import template

FIXTURES = Path(__file__).parents[1] / "fixtures"
ROWS = [
    {"id": n, "date": "2022-09-10T12:16:00Z", "text": f"text {n * 7919} 🍇"} for n in range(20_000)
]
CHANNEL = {"name": "a", "type": "public_channel", "id": 5}
MESSAGES = [{"type": "message", "from": "a", "from_id": "channel5", **row} for row in ROWS]
#: The same posts in several kinds of files.
KINDS = {
    "lines": "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in ROWS),
    "array": json.dumps(ROWS, ensure_ascii=False),
    "indented": json.dumps(ROWS, indent=1, ensure_ascii=False),
    "csv": "id,date,text\n" + "".join(f"{','.join(map(str, r.values()))}\n" for r in ROWS),
    "messages": json.dumps({**CHANNEL, "messages": MESSAGES}, ensure_ascii=False),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_compressed_file_cut_off_in_the_middle_keeps_its_whole_records(tmp_path, kind):
    file, options = tmp_path / "x", {"account": "a", "timezone": "UTC"}
    packed = gzip.compress(KINDS[kind].encode())
    file.write_bytes(packed[: len(packed) // 2])
    expected = zlib.decompressobj(31).decompress(file.read_bytes()).count("🍇".encode())
    assert 5_000 < expected < 15_000
    posts, report = read_posts(file, on_error="quarantine", with_report=True, **options)
    batches = iter_posts(file, on_error="quarantine", batch=3_000, with_report=True, **options)
    result = ingest("posts", file, Store(tmp_path / "store"), **options)
    for count in (len(posts), sum(len(rows) for rows, _ in batches), result.rows_read):
        # The last record may be cut off, or be complete without what shows that it is.
        assert expected - 2 <= count <= expected
    assert "cannot be decompressed or is cut off" in report.quarantine[-1]["reason"]
    assert result.quarantined


def test_what_precedes_damage_is_read_in_pieces_of_any_size(tmp_path):
    packed = gzip.compress(os.urandom(200_000))
    (tmp_path / "x").write_bytes(packed[:150_000])
    contents = []
    for size in (1, 1_000, 65_536, 1_000_000):
        pieces: list[bytes] = []
        with InputFile(tmp_path / "x").open() as stream, pytest.raises(CorruptFileError):
            pieces.extend(iter(lambda: stream.read(size), b""))  # noqa: B023 - called here
        contents.append(b"".join(pieces))
    assert len(contents[0]) > 140_000
    assert len(set(contents)) == 1


@pytest.mark.parametrize("kind", ["gzip", "zip", "tar.gz"])
def test_a_compressed_file_with_a_flipped_bit_gives_no_rows(tmp_path, kind):
    file, content = tmp_path / "x.csv", KINDS["csv"].encode()
    if kind == "gzip":
        file.write_bytes(gzip.compress(content))
    elif kind == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("posts.csv", content)
    else:
        with tarfile.open(file, "w:gz") as archive:
            member = tarfile.TarInfo("posts.csv")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    options = {"account": "a", "timezone": "UTC", "on_error": "quarantine", "with_report": True}
    assert len(read_posts(file, **options)[0]) == len(ROWS)
    packed = bytearray(file.read_bytes())
    for position in range(100, len(packed) - 200, len(packed) // 7):
        packed[position] ^= 4
        file.write_bytes(packed)
        packed[position] ^= 4
        with pytest.raises(FoxgrapeError, match=r"damaged|cannot read") as raised:
            read_posts(file, **options)
        assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_a_small_compressed_file_that_is_cut_off_keeps_its_rows(tmp_path, rows):
    text = "id,date,text\n" + "".join(f"{n},2022-09-10T12:16:00Z,x\n" for n in range(rows))
    (tmp_path / "x").write_bytes(gzip.compress(text.encode())[:-4])
    options = {"account": "a", "on_error": "quarantine", "with_report": True}
    posts, report = read_posts(tmp_path / "x", **options)
    assert len(posts) == rows
    assert REST_UNREAD in [note.what for note in report.notes]


def test_whole_records_before_a_cut_within_a_long_one_are_kept(tmp_path):
    rows = [{**ROWS[0], "text": "x" * 150_000}, *ROWS[1:3]]
    packed = gzip.compress(json.dumps(rows).encode(), 0)
    (tmp_path / "x").write_bytes(packed[:-40])
    options = {"account": "a", "on_error": "quarantine", "with_report": True}
    assert len(read_posts(tmp_path / "x", **options)[0]) == 2


def test_the_shell_says_that_a_file_was_not_read_to_its_end(tmp_path, capsys):
    packed = gzip.compress(KINDS["lines"].encode())
    (tmp_path / "x").write_bytes(packed[: len(packed) // 2])
    words = ["ingest", "posts", str(tmp_path / "x"), "--store", str(tmp_path / "store")]
    assert run([*words, "--account", "a"]) == 1
    assert "the rest of the file could not be read" in capsys.readouterr().out
    assert len(Store(tmp_path / "store").read("posts")) > 5_000


@pytest.fixture
def pipe(tmp_path):
    """Return a named pipe, which blocks a process that opens it; a test that hangs is ended."""

    def give_up(*_):
        raise TimeoutError("the call waits for the pipe")

    os.mkfifo(tmp_path / "pipe")
    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    yield tmp_path / "pipe"
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
def test_a_named_pipe_is_an_error_wherever_a_file_is_expected(pipe, tmp_path):
    source = study_folder("izium-2022")
    posts, events = source / "posts.csv", source / "events.csv"
    calls = {
        "posts": lambda: read_posts(pipe),
        "codebook": lambda: Codebook.from_csv(pipe),
        "new study": lambda: new_study(tmp_path / "a", posts=[pipe], events=[events]),
        "its codebook": lambda: new_study(
            tmp_path / "a", posts=[posts], events=[events], codebook=pipe
        ),
        "detection": lambda: detect_all(pipe, tmp_path / "b"),
    }
    for name, call in calls.items():
        with pytest.raises(FoxgrapeError, match="is not a regular file") as caught:
            call()
        assert "\n" not in str(caught.value), name
    assert "is not a regular file" in str(find_problems(pipe)[0])
    with pytest.raises(FoxgrapeError, match="is not a regular file"):
        read_posts(os.devnull)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
@pytest.mark.parametrize(
    "name", ["datapackage.json", "posts.csv", "events.csv", "confirmations.csv", "codebook.csv"]
)
def test_a_named_pipe_in_a_study_is_an_error(pipe, study_copy, name):
    shutil.move(pipe, study_copy / name)
    with pytest.raises(FoxgrapeError, match="is not a regular file") as caught:
        open_study(study_copy)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
@pytest.mark.parametrize("suffix", [".ipynb", ".yaml"])
def test_a_named_pipe_in_place_of_a_template_is_an_error(pipe, tmp_path, suffix):
    notebook = template(tmp_path, "mine", "number")
    notebook.with_suffix(suffix).unlink()
    shutil.move(pipe, Path(notebook.with_suffix(suffix)))
    with pytest.raises(FoxgrapeError, match=r"is not a regular file|no such notebook"):
        plan(ReportRequest(notebook), Software("", {}, None))


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("suffix", ["", ".gz", ".zip"])
def test_no_file_stays_open_whether_it_is_read_or_refused(tmp_path, suffix):
    content = (FIXTURES / "events" / "acled_new.csv").read_bytes()
    pack = {"": bytes, ".gz": gzip.compress, ".zip": zipped}[suffix]
    damaged = bytearray(pack(content))
    damaged[len(damaged) // 2] ^= 4
    for variant in (pack(content), pack(content)[: len(pack(content)) // 2], bytes(damaged)):
        file = tmp_path / f"acled_new.csv{suffix}"
        file.write_bytes(variant)
        before = sum(1 for _ in Path("/proc/self/fd").iterdir())
        for options in ({}, {"on_error": "quarantine"}, {"format": "ucdp"}):
            with suppress(FoxgrapeError), warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                read_events(file, **options)
        assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


def zipped(content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("acled_new.csv", content)
    return packed.getvalue()
