"""Guarantees of docs/explanation/faults.md on disks, clocks and damaged files."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from fake_reports import build, lines, make_template
from foxgrape import Gazetteer, Store, ingest, open_study, run_report
from foxgrape.cli.app import run
from foxgrape.errors import FoxgrapeError, StoreError
from foxgrape.reports.schedule.config import read_schedule
from foxgrape.reports.schedule.due import run_due
from report_templates import template

NOON = pd.Timestamp("2022-09-10T12:00Z")
DAY = timedelta(days=1)


def posts(first: int, count: int) -> pd.DataFrame:
    rows = [
        {"post_id": f"p{n}", "account": "me", "text": f"{n * 7919}", "posted_at": NOON}
        for n in range(first, first + count)
    ]
    return pd.DataFrame(rows)


# ---- disks

#: After `fill()`, files cannot grow beyond `most` bytes, as on a full disk.
SMALL = """
import resource, sys
from foxgrape.cli.app import run
from foxgrape.errors import FoxgrapeError
def fill():
    resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))
try:
{code}
except FoxgrapeError as error:
    print(error)
    sys.exit(1)
"""


def on_a_full_disk(most: int, code: str, *words: str) -> str:
    """Run code that calls `fill()` after its imports; return its one-line error."""
    code = SMALL.format(most=most, code="\n".join(f"    {line}" for line in code.splitlines()))
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("\n") == 1
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_a_failed_write_on_a_full_disk_leaves_the_store_unchanged(tmp_path):
    path = tmp_path / "store"
    Store(path).upsert("posts", posts(0, 10))
    before = Store(path).read("posts")
    many = tmp_path / "many.parquet"
    posts(5, 50_000).to_parquet(many)
    code = (
        "import pandas as pd, deltalake\nfrom foxgrape import Store\n"
        "many = pd.read_parquet(sys.argv[2])\nfill()\nStore(sys.argv[1]).upsert('posts', many)"
    )
    assert "nothing was changed" in on_a_full_disk(20_000, code, str(path), str(many))
    assert Store(path).read("posts").equals(before)
    result = Store(path).upsert("posts", pd.read_parquet(many))
    assert (result.new, result.unchanged) == (49_995, 5)


def test_an_ingest_that_fails_after_some_rows_says_how_many_are_stored(tmp_path, monkeypatch):
    """Only the first batches fit on the disk."""
    file = tmp_path / "posts.jsonl"
    rows = [
        {"id": n, "date": "2022-09-10T12:16:00Z", "text": f"{n}", "account": "a"} for n in range(30)
    ]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    upsert, calls = Store.upsert, []

    def fill(self, table, frame):
        calls.append(table)
        if len(calls) > 2:
            raise StoreError.unwritable(self.path, table, "No space left on device")
        return upsert(self, table, frame)

    monkeypatch.setattr(Store, "upsert", fill)
    with pytest.raises(StoreError, match="20 rows before these were stored; repeat") as caught:
        ingest("posts", file, Store(tmp_path / "store"), batch=10)
    assert "nothing was changed" not in str(caught.value)
    monkeypatch.undo()
    assert ingest("posts", file, Store(tmp_path / "store")).new == 10
    calls.extend(["posts", "posts"])
    monkeypatch.setattr(Store, "upsert", fill)
    with pytest.raises(StoreError, match="nothing was changed"):
        ingest("posts", file, Store(tmp_path / "other"), batch=10)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_a_full_disk_leaves_no_incomplete_study(tmp_path):
    file = tmp_path / "posts.jsonl"
    lines_of_posts = [
        json.dumps({"id": n, "date": "2022-09-10T12:16:00Z", "text": "🍇" * 20}) for n in range(500)
    ]
    file.write_text("\n".join(lines_of_posts), encoding="utf-8")
    events = Path(__file__).parents[1] / "data" / "studies" / "izium-2022" / "events.csv"
    code = (
        "from foxgrape import new_study\nfill()\n"
        "new_study(sys.argv[1], posts=[sys.argv[2]], events=[sys.argv[3]], account='me')"
    )
    words = [str(tmp_path / "mine"), str(file), str(events)]
    assert "File too large" in on_a_full_disk(20_000, code, *words)
    assert {path.name for path in tmp_path.iterdir()} == {"posts.jsonl"}


def test_a_study_is_read_from_a_read_only_folder(study_copy):
    """Compare modification times as well, because root can write to a read-only folder."""
    for path in (study_copy, *study_copy.iterdir()):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)
    before = {path: path.stat().st_mtime_ns for path in (study_copy, *study_copy.iterdir())}
    assert len(open_study(study_copy).analyse().links) > 0
    assert {path: path.stat().st_mtime_ns for path in (study_copy, *study_copy.iterdir())} == before
    study_copy.chmod(0o755)


# ---- clocks


def test_each_period_is_built_once_when_the_clock_jumps(tmp_path):
    file, out = tmp_path / "schedule.toml", tmp_path / "out"
    out.mkdir()
    schedule = [
        'timezone = "Europe/Kyiv"',
        "[[report]]",
        'name = "daily"',
        f'template = "{make_template(tmp_path)}"',
        'cron = "0 7 * * *"',
        'parameters = { entry = "daily" }',
        'period = { start = "start", end = "end" }',
        "start = 2022-09-06",
    ]
    file.write_text("\n".join(schedule), encoding="utf-8")
    noon = datetime(2022, 9, 10, 9, tzinfo=UTC)
    for now in (noon, noon - 3 * DAY, noon - 365 * DAY, noon, noon + 4 * DAY, noon - DAY):
        run_due(read_schedule(file), now=now, out=out, run=build)
    built = lines(out / "built.log")
    # Due at 07:00 in Kyiv from the 6th to the 14th, however the clock jumped in between.
    assert len(built) == len({*built})
    days = sorted(line.split()[1][:10] for line in built)
    assert days == [f"2022-09-{day:02}" for day in range(int(days[0][-2:]), 15)]
    assert days[0] <= "2022-09-07"


# ---- damaged files

DAMAGES = {
    "cut": lambda content: content[: len(content) // 2],
    "emptied": lambda _: b"",
    "zeroed": lambda content: b"\0" * len(content),
    "gone": lambda _: None,
}


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
@pytest.mark.parametrize("what", ["*.parquet", "*.json"])
def test_a_named_pipe_in_a_store_is_an_error(tmp_path, what):
    path = tmp_path / "store"
    Store(path).upsert("posts", posts(0, 5))
    file = next(path.rglob(what))
    file.unlink()
    os.mkfifo(file)
    # In a process of its own: a call that waits for the pipe cannot be interrupted.
    code = "import sys; from foxgrape.cli.app import run; sys.exit(run(sys.argv[1:]))"
    words = ["analyse", "--store", str(path), "--kind", "liberated"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert b"is not a regular file" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_store_that_cannot_be_reached_is_a_one_line_error(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("Kernel error -> \x1b[31mOperation not supported\nfile=x")

    monkeypatch.setattr("deltalake.DeltaTable", fail)
    with pytest.raises(StoreError, match="Kernel error") as raised:
        Store(tmp_path).read("posts")
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("what", ["*.parquet", "*.json"])
def test_a_damaged_store_raises_an_error_and_is_complete_after_repair(tmp_path, what, how):
    path = tmp_path / "store"
    for first in range(0, 40, 10):
        Store(path).upsert("posts", posts(first, 12))
    before = Store(path).read("posts")
    files = sorted(path.rglob(what))
    if what == "*.json" and how == "gone":
        files = files[:-1]  # without its newest log file, a store has its previous version
    needed = 0
    for file in files:
        content = file.read_bytes()
        damaged = DAMAGES[how](content)
        file.unlink()
        if damaged is not None:
            file.write_bytes(damaged)
        try:
            assert Store(path).read("posts").equals(before)
        except StoreError as error:
            needed += 1
            message = str(error)
            assert len(message.splitlines()) == 1
            assert str(path) in message
            with pytest.raises(StoreError):
                Store(path).upsert("posts", posts(0, 60))
        file.write_bytes(content)
    assert needed > 0
    assert Store(path).read("posts").equals(before)


def test_a_log_cut_at_the_end_of_any_line_raises_an_error(tmp_path):
    """The lines that remain are valid, so deltalake would read fewer rows."""
    path = tmp_path / "store"
    many = posts(0, 12).assign(posted_at=[NOON + pd.Timedelta(31 * n, "D") for n in range(12)])
    Store(path).upsert("posts", many)
    Store(path).upsert("posts", many.assign(text="edited", edited_at=NOON + pd.Timedelta("9D")))
    before, cut = Store(path).read("posts"), 0
    for log in sorted((path / "posts" / "_delta_log").glob("*.json")):
        content = log.read_bytes()
        written = content.rstrip(b"\n").split(b"\n")
        for count in range(1, len(written)):
            log.write_bytes(b"\n".join(written[:count]) + b"\n")
            with pytest.raises(StoreError, match=r"cannot open posts"):
                Store(path).read("posts")
            cut += 1
        log.write_bytes(content)
    assert cut > 20
    assert Store(path).read("posts").equals(before)


def test_a_crash_within_deltalake_is_a_one_line_error(tmp_path, monkeypatch):
    """As for a data file whose changed length makes Rust code panic."""

    class PanicException(BaseException):
        pass

    def crash(*_):
        raise PanicException("range end index 9 out of range\nat src/lib.rs")

    Store(tmp_path).upsert("posts", posts(0, 3))
    monkeypatch.setattr("foxgrape.io.store.scan", crash)
    with pytest.raises(StoreError, match="deltalake crashed: range end index 9") as caught:
        Store(tmp_path).read("posts")
    assert "\n" not in str(caught.value)


def test_the_shell_reports_a_failed_write_in_one_line(tmp_path, capfd):
    (tmp_path / "file").touch()
    posts_file = Path(__file__).parent / "fixtures" / "posts" / "telethon.jsonl"
    words = ["detect", str(posts_file), "--out", str(tmp_path / "file" / "out")]
    assert run(words) == 1
    assert capfd.readouterr().err.count("\n") == 1


def test_a_run_with_a_damaged_manifest_is_rebuilt(tmp_path):
    notebook, out = template(tmp_path, "mine", "number"), tmp_path / "out"
    first = run_report(notebook, out=out)
    assert run_report(notebook, out=out).status == "unchanged"
    for left in (b"", first.manifest.read_bytes()[:40]):
        first.manifest.write_bytes(left)
        again = run_report(notebook, out=out)
        assert (again.status, again.run_id) == ("done", first.run_id)
        assert json.loads(again.manifest.read_text(encoding="utf-8"))["run_id"] == first.run_id


@pytest.mark.parametrize("name", ["report.html", "notebook.ipynb"])
def test_a_run_with_a_truncated_or_changed_file_is_rebuilt(tmp_path, name):
    notebook, out = template(tmp_path, "mine", "number"), tmp_path / "out"
    first = run_report(notebook, out=out)
    file = first.manifest.parent / name
    content = file.read_bytes()
    for left in (content[:100], content.replace(b"e", b"f", 1)):
        file.write_bytes(left)
        assert run_report(notebook, out=out).status == "done"
        assert len(file.read_bytes()) > len(content) - 100
        assert run_report(notebook, out=out).status == "unchanged"


@pytest.mark.parametrize(
    ("table", "left"),
    [
        ("places.txt", b""),
        ("places.txt", b"\0" * 5_000),
        ("places.txt", b"geonames:707292\n" * 500),
        ("names.txt", b"izium\tzzzzzz\n"),
        ("names.txt", b"izium\t\xff\xfe!\n"),
    ],
)
def test_a_damaged_gazetteer_gives_a_one_line_error(tmp_path, table, left):
    packaged = Path(sys.modules["foxgrape"].__file__).parent / "places/resources/gazetteer"
    folder = Path(shutil.copytree(packaged, tmp_path / "gazetteer"))
    (folder / table).write_bytes(left)
    with pytest.raises(FoxgrapeError, match="are damaged") as caught:
        Gazetteer.from_folder(folder).find("Izium", exact=True)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
