"""Compressed files that are cut off keep their whole records; pipes and devices are not read."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import sys
import zlib
from pathlib import Path

import pytest

from foxgrape import Codebook, Store, ingest, iter_posts, new_study, open_study, read_posts
from foxgrape._util.files import study_folder
from foxgrape.detection.batch import detect_all
from foxgrape.errors import FoxgrapeError
from foxgrape.io.stream import CorruptFileError, InputFile
from foxgrape.reports.plan import ReportRequest, Software, plan
from foxgrape.reports.schedule.config import find_problems
from report_templates import template

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
