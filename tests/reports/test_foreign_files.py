"""Folders with foreign files: links are not followed, and only foxgrape's files are deleted."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from fake_reports import build as build_nothing
from fake_reports import make_template
from fake_runs import NOW, fake
from foxgrape import Store, detect_all, ingest, new_study, open_study, run_report
from foxgrape._util.files import study_folder, write_atomic
from foxgrape.errors import ScheduleError, StoreError, StudyError
from foxgrape.reports.prune import prune
from foxgrape.reports.rendering import assets
from foxgrape.reports.rendering.run_index import run_summaries, write_catalogue
from foxgrape.reports.run_folder import StagingFolder
from foxgrape.reports.schedule.config import read_schedule
from foxgrape.reports.schedule.due import run_due
from foxgrape.reports.schedule.ledger import Ledger
from foxgrape.reports.schedule.outbox import deliver
from report_templates import names, template

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")

#: Names of folders for work in progress, with and without a run id.
REMNANTS = (
    ".replaced-x",
    ".replaced-abcdefgh",
    ".replaced-weekly_brief-0000-abcdefgh",
    ".deleting-abcdefgh",
    ".building-weekly_brief-0000-abcdefgh",
)


def contents(folder: Path) -> dict[str, bytes | str]:
    """Return the entries of a folder by path: content of files, targets of links."""
    entries: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            entries[name] = f"link to {path.readlink()}"
        else:
            entries[name] = path.read_bytes() if path.is_file() else "folder"
    return entries


@pytest.fixture
def elsewhere(tmp_path):
    """Create a user's folder whose content resembles foxgrape's."""
    folder = tmp_path / "elsewhere"
    (folder / "photos").mkdir(parents=True)
    (folder / "photos" / "izium.jpg").write_text("a photo", encoding="utf-8")
    (folder / "letter.txt").write_text("a letter", encoding="utf-8")
    (folder / "note.json").write_text('{"channel": "none"}', encoding="utf-8")
    (folder / "plotly-mine.min.js").write_text("mine", encoding="utf-8")
    for number in range(5):
        fake(folder, number)
    fake(folder, 8)
    return folder


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def act(name: str, out: Path, tmp_path: Path) -> None:
    """Trigger the deletion of leftovers: prune, start a run, or build due reports."""
    if name == "prune":
        prune(out, keep=1, now=NOW)
    elif name == "build":
        StagingFolder.make(out, "weekly_brief-0000").close()
    else:
        file = tmp_path / "schedule.toml"
        file.write_text(
            f'[[report]]\nname = "mine"\ntemplate = "{make_template(tmp_path)}"\n'
            'cron = "0 7 * * *"\ntimezone = "Europe/Kyiv"\nstart = 2022-09-01\nkeep = 1\n',
            encoding="utf-8",
        )
        noon = datetime(2022, 9, 2, 9, tzinfo=UTC)

        def build(notebook, *, parameters, out):
            StagingFolder.make(out, "weekly_brief-0000").close()
            return build_nothing(
                notebook, parameters={"entry": "", "end": "", **parameters}, out=out
            )

        assert run_due(read_schedule(file), now=noon, out=out, run=build, prune=prune).runs


# ---- links in a folder of reports


@pytest.mark.parametrize("action", ["prune", "build", "due"])
@pytest.mark.parametrize("name", REMNANTS)
@pytest.mark.parametrize("place", ["", "failed", "rebuilt"])
def test_a_link_named_like_a_leftover_is_not_followed(
    out, elsewhere, tmp_path, action, name, place
):
    (out / place).mkdir(exist_ok=True)
    (out / place / name).symlink_to(elsewhere)
    before = contents(elsewhere)
    act(action, out, tmp_path)
    assert contents(elsewhere) == before
    assert (out / place / name).is_symlink()
    own = {".schedule", "index.html", "built.log", place} - {""}
    assert names(out) <= own | {name}
    assert names(out / place) <= own | {name}


@pytest.mark.parametrize("action", ["prune", "build", "due"])
@pytest.mark.parametrize("name", REMNANTS)
def test_a_user_folder_named_like_a_leftover_is_not_deleted(out, tmp_path, action, name):
    (out / name / "photos").mkdir(parents=True)
    (out / name / "photos" / "izium.jpg").write_text("a photo", encoding="utf-8")
    (out / name / "manifest.json").write_text('{"run_id": "another"}', encoding="utf-8")
    before = contents(out / name)
    act(action, out, tmp_path)
    assert contents(out / name) == before


@pytest.mark.parametrize("place", ["failed", "rebuilt"])
def test_a_link_in_place_of_a_run_folder_is_not_followed(out, elsewhere, place):
    (out / place).symlink_to(elsewhere)
    before = contents(elsewhere)
    assert prune(out, keep=1, now=NOW) == []
    staging = StagingFolder.make(out, "mine-1")
    with pytest.raises(OSError, match="link"):
        staging.move(out / place / "mine-1")
    staging.close()
    write_catalogue(out, now=NOW)
    assert contents(elsewhere) == before
    assert run_summaries(out) == [], "runs behind a link do not belong to this folder"
    assert names(out) == {place, "index.html"}


def test_a_failed_run_is_not_written_through_a_link(out, elsewhere, tmp_path):
    (out / "failed").symlink_to(elsewhere)
    before = contents(elsewhere)
    failed = run_report(template(tmp_path, "fails", "1 / 0"), out=out, now=NOW)
    assert (failed.status, failed.html) == ("failed", None)
    assert contents(elsewhere) == before
    assert names(out) == {"failed", "index.html"}


def test_a_link_named_like_a_run_is_neither_pruned_nor_followed(out, elsewhere):
    for number in (0, 2):
        fake(out, number, study={"name": str(number)})
    (out / "weekly_brief-0008").symlink_to(elsewhere / "weekly_brief-0008")
    before = contents(elsewhere)
    assert prune(out, keep=1, now=NOW) == []
    staging = StagingFolder.make(out, "weekly_brief-0008")
    with pytest.raises(OSError, match="link"):
        staging.move(out / "weekly_brief-0008")
    staging.close()
    assert contents(elsewhere) == before
    assert names(out) == {f"weekly_brief-000{number}" for number in (0, 2, 8)}


def test_pruning_a_run_keeps_the_targets_of_its_links(out, elsewhere):
    for number in (0, 2, 5, 6):
        fake(out, number, study={"name": "one"})
    oldest = out / "weekly_brief-0006"
    (oldest / "data").symlink_to(elsewhere)
    (oldest / "deep").mkdir()
    (oldest / "deep" / "letter.txt").symlink_to(elsewhere / "letter.txt")
    before = contents(elsewhere)
    assert "weekly_brief-0006" in prune(out, keep=1, now=NOW)
    assert not oldest.exists()
    assert contents(elsewhere) == before


@pytest.mark.parametrize(
    "manifest",
    [
        {"name": "My app", "start_url": "/"},
        {"run_id": "another", "template": "weekly_brief", "status": "done", "built_at": "2020"},
        {"run_id": "mine-0", "name": "a run of another program"},
        {"run_id": "mine-0", "template": "x", "status": "Succeeded", "built_at": "2020-01-01"},
        {"run_id": "mine-0", "template": "x", "status": "done", "built_at": "once"},
    ],
)
def test_a_foreign_folder_with_a_manifest_is_not_pruned(out, manifest):
    for number in range(3):
        folder = out / f"mine-{number}"
        folder.mkdir()
        own = {key: str(value).replace("mine-0", folder.name) for key, value in manifest.items()}
        (folder / "manifest.json").write_text(json.dumps(own), encoding="utf-8")
        (folder / "letter.txt").write_text("a letter", encoding="utf-8")
    before = contents(out)
    assert prune(out, keep=1, now=NOW) == []
    assert {name: held for name, held in contents(out).items() if name != "index.html"} == before


@pytest.mark.parametrize("value", [[], {}, [[]], None, 1.5])
@pytest.mark.parametrize("key", ["run_id", "status", "template", "built_at", "study", "store"])
def test_values_of_any_type_in_a_manifest_block_no_pruning(out, key, value):
    for number in (0, 1, 2, 6):
        fake(out, number)
    file = out / "place_brief-0001" / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), key: value}), "utf-8")
    write_catalogue(out, now=NOW)
    assert "weekly_brief-0002" in prune(out, keep=1, now=NOW)
    assert file.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names of any bytes")
def test_a_folder_whose_name_is_not_utf8_blocks_no_catalogue(out):
    fake(out, 1)
    for parent in (out, out / "failed"):
        shutil.copytree(out / "place_brief-0001", parent / os.fsdecode(b"place_brief-\xff"))
    assert "Report 1" in write_catalogue(out, now=NOW).read_text("utf-8")
    prune(out, keep=1, now=NOW)


def test_a_foreign_folder_named_like_a_run_is_not_replaced(out):
    (out / "mine-1").mkdir()
    (out / "mine-1" / "letter.txt").write_text("a letter", encoding="utf-8")
    staging = StagingFolder.make(out, "mine-1")
    with pytest.raises(OSError, match="not a run"):
        staging.move(out / "mine-1")
    staging.close()
    assert contents(out) == {"mine-1": "folder", "mine-1/letter.txt": b"a letter"}


def test_the_reports_folder_itself_may_be_a_link(out, tmp_path):
    for number in (0, 2, 5, 6):
        fake(out, number, study={"name": "one"})
    (tmp_path / "named").symlink_to(out)
    assert prune(tmp_path / "named", keep=1, now=NOW)
    staging = StagingFolder.make(tmp_path / "named", "mine-1")
    staging.move(tmp_path / "named" / "mine-1")
    staging.close()
    assert (out / "mine-1").is_dir()


# ---- shared files, catalogue and period states


def test_a_link_in_place_of_the_assets_folder_is_not_followed(out, elsewhere):
    (out / "assets").symlink_to(elsewhere)
    before = contents(elsewhere)
    assert assets.remove_unused_assets(out) == []
    with pytest.raises(OSError, match="link"):
        assets.ensure_plotly_asset(out)
    assert contents(elsewhere) == before


def test_only_assets_named_by_their_hash_are_deleted(out, elsewhere):
    folder = out / "assets"
    folder.mkdir()
    old = f"plotly-{hashlib.sha256(b'old').hexdigest()[:16]}.min.js"
    (folder / old).write_text("old", encoding="utf-8")
    (folder / "plotly-mine.min.js").write_text("mine", encoding="utf-8")
    (folder / "plotly-0123456789abcdef.min.js").symlink_to(elsewhere / "letter.txt")
    assert assets.remove_unused_assets(out) == [old]
    assert names(folder) == {"plotly-mine.min.js", "plotly-0123456789abcdef.min.js"}


def test_a_link_named_like_a_temporary_file_is_not_followed(out, elsewhere):
    letter = elsewhere / "letter.txt"
    (out / ".index.html.writing").symlink_to(letter)
    (out / ".schedule" / "mine").mkdir(parents=True)
    (out / ".schedule" / "mine" / ".health.json.writing").symlink_to(letter)
    write_catalogue(out, now=NOW)
    Ledger(out / ".schedule").write_json("mine/health", {"failing_since": None})
    assert letter.read_text(encoding="utf-8") == "a letter"
    assert not (out / "index.html").is_symlink()


@pytest.mark.parametrize("link", [".schedule", ".schedule/mine"])
def test_a_link_in_place_of_a_state_folder_is_not_followed(out, elsewhere, tmp_path, link):
    (out / link).parent.mkdir(exist_ok=True)
    (out / link).symlink_to(elsewhere)
    before = contents(elsewhere)
    with pytest.raises(ScheduleError, match="link"):
        act("due", out, tmp_path)
    assert contents(elsewhere) == before


def test_a_link_named_like_a_lock_file_is_not_followed(out, elsewhere):
    (out / ".schedule" / "mine").mkdir(parents=True)
    (out / ".schedule" / "mine" / "health.lock").symlink_to(elsewhere / "letter.txt")
    before = contents(elsewhere)
    with (
        pytest.raises(OSError, match="link"),
        Ledger(out / ".schedule").lock("mine/health"),
    ):
        pass
    assert contents(elsewhere) == before


def test_messages_are_not_sent_or_deleted_through_a_link(out, elsewhere):
    (out / ".schedule").mkdir()
    (out / ".schedule" / ".waiting").symlink_to(elsewhere)
    before = contents(elsewhere)
    with pytest.raises(OSError, match="link"):
        deliver({}, Ledger(out / ".schedule"), NOW, {})
    assert contents(elsewhere) == before


# ---- detection, studies, stores


@pytest.fixture
def posts(tmp_path):
    file = tmp_path / "posts.parquet"
    open_study().posts.to_parquet(file)
    return file


def test_detection_rejects_a_parts_folder_that_it_did_not_create(posts, out, elsewhere):
    (out / "parts").symlink_to(elsewhere)
    before = contents(elsewhere)
    with pytest.raises(StoreError, match="link"):
        detect_all(posts, out)
    assert contents(elsewhere) == before
    (out / "parts").unlink()
    shutil.copytree(elsewhere, out / "parts")
    with pytest.raises(StoreError, match="was not made by a detection"):
        detect_all(posts, out)
    assert contents(out / "parts") == before


def test_detection_keeps_foreign_files_in_its_parts_folder(posts, out, elsewhere, monkeypatch):
    def stop(*_):
        (out / "parts" / "letter.txt").symlink_to(elsewhere / "letter.txt")
        (out / "parts" / "mine.txt").write_text("mine", encoding="utf-8")
        return real(*_)

    module = sys.modules["foxgrape.detection.batch"]
    real = module.merge_partitions
    monkeypatch.setattr(module, "merge_partitions", stop)
    detect_all(posts, out)
    assert names(out / "parts") == {"letter.txt", "mine.txt"}
    assert (out / "signals.parquet").is_file()


def test_the_signals_file_replaces_a_link_but_not_its_target(posts, out, elsewhere):
    (out / "signals.parquet").symlink_to(elsewhere / "letter.txt")
    detect_all(posts, out)
    assert not (out / "signals.parquet").is_symlink()
    assert (elsewhere / "letter.txt").read_text(encoding="utf-8") == "a letter"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("row", ["2,2022-09-10T12:00:00Z,x", "bad"])
def test_bad_records_replace_and_delete_no_other_file(tmp_path, row):
    (tmp_path / "notes.txt").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "none")
    os.mkfifo(tmp_path / "null")  # stands for /dev/null
    (tmp_path / "posts.csv").write_text(f"id,date,text\n1,2022-09-10T12:00:00Z,x\n{row}\n")
    for name in ("null", "notes.txt", "link"):
        with pytest.raises(StoreError, match=r"bad records"):
            ingest(
                "posts",
                tmp_path / "posts.csv",
                tmp_path / "store",
                quarantine=tmp_path / name,
                account="a",
            )
    assert (tmp_path / "notes.txt").read_text() == "precious"
    assert (tmp_path / "link").is_symlink()
    for _ in range(2):  # the bad records of an earlier call are replaced
        own = tmp_path / "bad.jsonl"
        ingest("posts", tmp_path / "posts.csv", tmp_path / "store", quarantine=own, account="a")
        assert own.exists() == (row == "bad")
    assert (tmp_path / "null").is_fifo()
    with pytest.raises(OSError, match="is not a regular file"):
        write_atomic(tmp_path / "null", "x")
    assert (tmp_path / "null").is_fifo()


def test_bad_records_are_not_written_through_a_link(tmp_path, elsewhere):
    file = tmp_path / "bad.jsonl"
    file.write_text('{"id": "x"}\n', encoding="utf-8")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "quarantine").symlink_to(elsewhere)
    before = contents(elsewhere)
    with pytest.raises(StoreError, match="link"):
        ingest("posts", file, Store(tmp_path / "store"))
    assert contents(elsewhere) == before


def test_a_study_is_not_created_through_a_link(tmp_path):
    (tmp_path / "mine").symlink_to(tmp_path / "empty")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StudyError):
        make_study(tmp_path / "mine")
    assert names(tmp_path / "empty") == set()
    assert names(tmp_path) == {"mine", "empty"}


# ---- files left by killed processes


def make_study(folder: Path) -> None:
    old = study_folder("izium-2022")
    new_study(folder, posts=[old / "posts.csv"], events=[old / "events.csv"])


def hang(code: str, *arguments: object) -> subprocess.Popen:
    """Start a process that runs `code`, prints a line at WAIT, and hangs."""
    waits = "print('here', flush=True)\n    time.sleep(600)"
    process = subprocess.Popen(
        [sys.executable, "-c", code.replace("WAIT", waits), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "here\n"
    return process


@pytest.fixture
def hanging():
    """Return a function that starts a hanging process; kill all of them after the test."""
    begun: list[subprocess.Popen] = []

    def start(*words: object) -> subprocess.Popen:
        begun.append(hang(*words))
        return begun[-1]

    yield start
    for process in begun:
        end(process)


def end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


STUDY = """
import sys, time
from foxgrape import new_study
from foxgrape.studies import create
from foxgrape._util.files import study_folder
def wait(*_):
    WAIT
create._write_table = wait
old = study_folder("izium-2022")
new_study(sys.argv[1], posts=[old / "posts.csv"], events=[old / "events.csv"])
"""


def test_the_files_of_a_killed_study_creation_are_deleted_by_the_next_call(tmp_path, hanging):
    end(hanging(STUDY, tmp_path / "mine"))
    (left,) = names(tmp_path)
    shutil.copytree(tmp_path / left, tmp_path / ".mine-bcdefghi")
    hanging(STUDY, tmp_path / "mine")
    (living,) = names(tmp_path) - {left, ".mine-bcdefghi"}
    for name in (".mine-abcdefgh", ".other-abcdefgh"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "letter.txt").write_text("a letter", encoding="utf-8")
    (tmp_path / ".mine-cdefghij").symlink_to(tmp_path / ".other-abcdefgh")
    make_study(tmp_path / "mine")
    assert names(tmp_path) == {
        *("mine", living, ".mine-abcdefgh", ".other-abcdefgh"),
        *(".mine-bcdefghi", ".mine-cdefghij"),
    }, "only folders with foxgrape's name and marker, and without a live process, are deleted"
    assert not [name for name in names(tmp_path / "mine") if name.startswith(".")]


DETECTION = """
import sys, time
from foxgrape import detect_all
from foxgrape.detection import batch
def wait(*_):
    WAIT
real = batch.pq.ParquetWriter
def writer(*of):
    made = real(*of)
    made.write_table = wait
    return made
batch.pq.ParquetWriter = writer
detect_all(sys.argv[1], sys.argv[2])
"""


def test_the_files_of_a_killed_detection_are_deleted_by_the_next_call(posts, out, hanging):
    process = hanging(DETECTION, posts, out)
    with pytest.raises(StoreError, match="another process"):
        detect_all(posts, out)
    end(process)
    # A file left by an earlier version, and a file that a live process is writing.
    gone = out / f"signals.parquet.{process.pid}.part"
    gone.write_bytes(b"PAR1 and so on")
    living = out / f"signals.parquet.{os.getpid()}.part"
    living.write_bytes(b"PAR1 and so on")
    (out / "signals.parquet.mine.part").touch()
    result = detect_all(posts, out)
    assert result.resumed == result.parts
    assert names(out) == {"signals.parquet", living.name, "signals.parquet.mine.part"}
    assert len(pd.read_parquet(out / "signals.parquet"))


INGESTED = """
import sys, time
from foxgrape import Store, ingest
def wait(*_):
    WAIT
Store.upsert = wait
ingest("posts", sys.argv[1], Store(sys.argv[2]))
"""


def test_the_bad_records_of_a_killed_ingest_are_deleted_by_the_next_call(tmp_path, hanging):
    file, store = tmp_path / "a.jsonl", tmp_path / "store"
    good = {"id": "p1", "date": "2022-06-01T12:00:00Z", "text": "Скоро 🍇", "account": "a"}
    file.write_text(f'{json.dumps(good)}\n{{"id": "x"}}\n', encoding="utf-8")
    process = hanging(INGESTED, file, store)
    (left,) = names(store / "quarantine")
    end(process)
    hanging(INGESTED, file, store)
    (living,) = names(store / "quarantine") - {left}
    mine = left.replace(str(process.pid), "1")
    (store / "quarantine" / mine).write_text("a letter", encoding="utf-8")
    result = ingest("posts", file, Store(store))
    assert names(store / "quarantine") == {living, mine, Path(result.quarantine).name}


RUN = """
import sys
from foxgrape import run_report
run_report(sys.argv[1], out=sys.argv[2])
"""


@pytest.fixture
def short_folder():
    with tempfile.TemporaryDirectory(prefix="fg-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("plain", [False, True])
def test_the_temporary_folders_of_a_killed_run_are_deleted_by_the_next_run(
    tmp_path, out, monkeypatch, short_folder, plain
):
    # The path of a kernel's socket is limited to 107 bytes, which `tmp_path` may exceed.
    temporary = short_folder
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    notebook = template(
        tmp_path, "loops", "from pathlib import Path", "Path('here').touch()\nwhile 1: 1"
    )
    code = f"import foxgrape.reports.execution.runner as b\nb.can_fork = lambda: False\n{RUN}"

    def begin(where):
        process = subprocess.Popen(
            [sys.executable, "-c", code if plain else RUN, str(notebook), str(where)]
        )
        patience = time.monotonic() + 60
        while not list(where.glob(".building-*/here")):
            assert time.monotonic() < patience, "the notebook did not start"
            time.sleep(0.05)
        return process

    killed = begin(out)
    left = names(temporary)
    assert left
    living = begin(tmp_path / "other")
    try:
        held = names(temporary) - left
        end(killed)
        mine = temporary / "foxgrape-abcdefgh"
        mine.mkdir()
        (mine / "letter.txt").write_text("a letter", encoding="utf-8")
        (temporary / "foxgrape-bcdefghi").symlink_to(mine)
        time.sleep(1)  # let the children of the killed process exit
        run_report(template(tmp_path, "mine", "number"), out=out)
        assert names(temporary) == held | {mine.name, "foxgrape-bcdefghi"}
        assert names(mine) == {"letter.txt"}
        assert not list(out.glob(".*"))
    finally:
        end(living)
    with suppress(FileNotFoundError):
        shutil.rmtree(tmp_path / "other")


DELETES = """
import sys, time
from foxgrape.reports import run_folder
from foxgrape.reports.prune import prune
def wait(*_, **__):
    WAIT
run_folder.Directory.clear = wait
prune(sys.argv[1], keep=1)
"""


def test_a_killed_deletion_of_a_run_is_completed_by_the_next_pruning(out, hanging):
    for number in (0, 2, 5, 6):
        fake(out, number, study={"name": "one"})
    process = hanging(DELETES, out)
    end(process)
    assert [name for name in names(out) if name.startswith(".deleting-")]
    prune(out, keep=1, now=NOW)
    assert not [name for name in names(out) if name.startswith(".")]


def test_a_run_is_restored_if_its_replacement_was_interrupted(out):
    """A killed process leaves this state where folders cannot be exchanged atomically."""
    fake(out, 0)
    fake(out, 2)
    (out / "weekly_brief-0000").rename(out / ".replaced-weekly_brief-0000-abcdefgh")
    (out / ".replaced-bcdefghi").mkdir()  # as earlier versions did
    (out / "weekly_brief-0002").rename(out / ".replaced-bcdefghi" / "weekly_brief-0002")
    StagingFolder.make(out, "mine").close()
    assert names(out) == {"weekly_brief-0000", "weekly_brief-0002"}


@pytest.mark.parametrize("left", [(), (".manifest.json.writing",)])
def test_a_folder_whose_process_died_before_its_manifest_is_deleted(out, left):
    folder = out / ".building-mine-abcdefgh"
    folder.mkdir()
    for name in left:
        (folder / name).write_text("{", encoding="utf-8")
    StagingFolder.make(out, "other").close()
    assert names(out) == set()


def test_a_folder_with_another_file_and_no_manifest_is_kept(out):
    folder = out / ".building-mine-abcdefgh"
    folder.mkdir()
    (folder / "mine.txt").touch()
    StagingFolder.make(out, "other").close()
    assert names(folder) == {"mine.txt"}


def test_a_run_replaces_an_empty_folder_of_the_same_name(out):
    """A full disk can leave such a folder."""
    (out / "failed" / "mine").mkdir(parents=True)
    (out / "failed" / "mine" / "log.txt").touch()
    staging = StagingFolder.make(out, "mine")
    staging.move(out / "failed" / "mine")
    staging.close()
    assert names(out / "failed" / "mine") == {"manifest.json"}
    assert names(out) == {"failed"}
