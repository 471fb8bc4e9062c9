"""Runs: many at once, with real faults, and the files and processes left after each."""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
import yaml

from foxgrape import ReportRequest, run_report, run_reports
from foxgrape.reports.execution import job
from foxgrape.reports.execution.kernel import MAX_DISPLAYED
from foxgrape.reports.execution.kernel_process import MAX_PRINTED
from foxgrape.reports.execution.workers import Workers
from foxgrape.reports.run_folder import StagingFolder
from report_templates import names, printed, template

NOW = datetime(2026, 1, 1, tzinfo=UTC)

# Fails if the kernel shares state with an earlier report.
LEAKS = """
import builtins, os, random, sys
import numpy as np
before = getattr(builtins, "seen", None), os.environ.get("SEEN"), "leaked_module" in sys.modules
assert before == (None, None, False), before
builtins.seen = os.environ["SEEN"] = "yes"
sys.modules["leaked_module"] = sys
import pandas as pd
assert pd.get_option("display.max_rows") != 7
pd.set_option("display.max_rows", 7)
# Forked: in the group of its run.
assert os.getpgid(0) == os.getppid() or sys.platform != "linux"
from pathlib import Path
assert not list(Path().glob("*.txt.mine"))
Path("a.txt.mine").touch()
print(random.random(), np.random.random(), os.getpid())
"""


SHOWS = """
from IPython.display import HTML, display
for _ in range(4): display(HTML('y' * {}))
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Run many templates in one call, good and bad ones, on two workers."""
    root = tmp_path_factory.mktemp("many")
    cells = {
        "looks": [LEAKS],
        "fails": ["print('so far')", "1 / 0", "print('never')"],
        "dies": ["import os", "os._exit(3)"],
        "loops": ["number", "while True: pass"],
        "prints": ["for _ in range(200): print('x' * 1_000_000)", "print('and on')"],
        "shows": [SHOWS.format(MAX_DISPLAYED // 2 - 100)],
        "kills": ["import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nwhile True: pass"],
        "leaves": ["import subprocess\nleft = subprocess.Popen(['sleep', '600'])\nprint(left.pid)"],
    }
    notebooks = {name: template(root, name, *texts) for name, texts in cells.items()}
    requests = [
        ReportRequest(notebooks["looks"], parameters={"number": n}, out=root / "out")
        for n in range(4)
    ]
    requests += [
        ReportRequest(path, out=root / "out") for name, path in notebooks.items() if name != "looks"
    ]
    requests.append(requests[0])
    runs = run_reports(requests, workers=2, now=NOW, cell_seconds=4.5)
    return dict(zip([*"0123", *list(notebooks)[1:], "again"], runs, strict=True))


def test_each_report_runs_in_its_own_kernel(many):
    looked = [many[number] for number in "0123"]
    assert [run.error for run in looked] == [None] * 4
    outputs = [printed(run.notebook).split() for run in looked]
    for column in zip(*outputs, strict=True):
        assert len(set(column)) == 4, "random numbers or a process are shared"


def test_the_same_run_requested_twice_is_built_once(many):
    assert many["again"] == many["0"]


@pytest.mark.parametrize(
    ("name", "says", "cell"),
    [
        ("fails", "cell 4: ZeroDivisionError: division by zero", "1 / 0"),
        ("dies", "the kernel died: Kernel died", "os._exit(3)"),
        ("loops", "cell 4 took longer than 4.5 s", "while True: pass"),
        ("kills", "the run's process was killed by SIGKILL", "os.kill("),
    ],
)
def test_a_failed_run_keeps_notebook_log_and_message(many, name, says, cell):
    run = many[name]
    assert (run.status, run.html) == ("failed", None)
    assert says in run.error
    assert json.loads(run.manifest.read_text(encoding="utf-8"))["error"] == run.error
    assert names(run.notebook.parent) == {"notebook.ipynb", "manifest.json", "log.txt"}
    broken = [
        code_cell
        for code_cell in nbformat.read(run.notebook, as_version=4).cells
        if any(output.output_type == "error" for output in code_cell.get("outputs", ()))
    ]
    assert [cell in code_cell.source for code_cell in broken] == [True]
    assert broken[0].metadata.papermill.status == "failed"


@pytest.mark.parametrize("sign", ["x", "🍇", "\0"])
def test_a_message_is_shorter_than_the_pipe_buffer(sign, tmp_path, monkeypatch):
    """Longer messages may be interleaved with those of another run."""
    messages = []
    monkeypatch.setattr(job, "_execute", lambda *_: f"{sign * 9_000}\nand on")
    job.run_job({"folder": str(tmp_path), "secrets": []}, messages.append)
    (message,) = messages
    assert message["result"]["error"].startswith(sign * 100)
    assert len(json.dumps(message)) < select.PIPE_BUF


def test_printed_and_displayed_output_is_cut_with_a_note(many):
    run = many["prints"]
    assert run.error is None
    text = printed(run.notebook)
    assert MAX_PRINTED <= len(text) < MAX_PRINTED + 200
    assert "[cut: a report keeps 1,000,000 characters of printed output]" in text
    manifest = json.loads(run.manifest.read_text(encoding="utf-8"))
    assert max(manifest["peak_mb"].values()) < 700
    shown = many["shows"]
    assert shown.error is None
    assert shown.notebook.stat().st_size < MAX_DISPLAYED + 100_000
    assert "[cut: a report keeps" in printed(shown.notebook)


def test_processes_that_a_cell_started_end_with_the_run(many):
    pid = printed(many["leaves"].notebook).strip()
    patience = time.monotonic() + 10
    # A zombie counts as ended.
    while (state := Path(f"/proc/{pid}/stat")).exists() and ") Z " not in state.read_text("utf-8"):
        assert time.monotonic() < patience, "it outlives its run"
        time.sleep(0.05)


def test_no_other_files_are_left(many):
    out = many["0"].html.parents[1]
    good = {run.run_id for run in many.values() if run.error is None}
    assert names(out) == good | {"failed", "index.html"}
    assert len(names(out / "failed")) == 4


def test_a_run_that_takes_too_long_is_stopped(tmp_path):
    slow = template(tmp_path, "slow", "print('begun')", "import time\ntime.sleep(60)")
    run = run_report(slow, out=tmp_path / "out", run_seconds=2)
    assert run.error == "the run took longer than 2 s"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Build a report for tests to copy and damage."""
    root = tmp_path_factory.mktemp("good")
    cell = "import os, random, numpy\nprint(number, random.random(), numpy.random.random())"
    notebook = template(root, "mine", cell, "from time import sleep\nsleep(0.3)")
    began = time.monotonic()
    run = run_report(notebook, out=root / "out", now=NOW)
    assert run.error is None
    return notebook, run, time.monotonic() - began


RUN = """
import sys
from foxgrape import run_report
print("begun", flush=True)
run = run_report(sys.argv[1], out=sys.argv[2], force=True)
print(run.status, run.error, flush=True)
"""


def begin(
    notebook: Path, out: Path, mark: str, *, limit: int | None = None, plain: bool = False
) -> subprocess.Popen:
    code = RUN
    if limit is not None:
        code = f"import resource as r; r.setrlimit(r.RLIMIT_FSIZE, ({limit}, {limit}))\n{RUN}"
    if plain:
        code = f"import foxgrape.reports.execution.runner as b\nb.can_fork = lambda: False\n{RUN}"
    return subprocess.Popen(
        [sys.executable, "-c", code, str(notebook), str(out)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "FOXGRAPE_TEST_MARK": mark},
    )


def alive(mark: str) -> list[str]:
    """Return the processes that have a mark in their environment."""
    marked = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                marked.append(process.name)
        except OSError:
            continue
    return marked


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_last_good_page_survives_a_kill_at_any_moment(tmp_path, good):
    notebook, built, duration = good
    out = Path(shutil.copytree(built.html.parents[1], tmp_path / "out"))
    run_id = built.run_id
    before = {item.name: item.read_bytes() for item in (out / run_id).iterdir()}
    chance = random.Random(1)
    for number in range(int(os.environ.get("FOXGRAPE_TEST_KILLS", "2"))):
        mark = f"killed-{number}"
        with begin(notebook, out, mark) as run:
            # The later half more often: that is when files are written and moved.
            time.sleep(1 + duration * chance.random() ** 0.5)
            run.kill()
        page = (out / run_id / "report.html").read_bytes()
        assert page == before["report.html"]
        assert names(out / run_id) == set(before)
        shown = {item for item in names(out) if not item.startswith(".")}
        assert shown == {run_id, "index.html"}
        patience = time.monotonic() + 20
        while alive(mark):
            assert time.monotonic() < patience, "something outlives its run"
            time.sleep(0.05)
    assert run_report(notebook, out=out, force=True).status == "done"
    assert names(out) == {run_id, "index.html"}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_without_a_fork_server_no_process_outlives_its_run(tmp_path):
    loops = template(
        tmp_path, "loops", "from pathlib import Path", "Path('here').touch()\nwhile 1: 1"
    )
    out = tmp_path / "out"
    with begin(loops, out, "plain", plain=True) as run:
        patience = time.monotonic() + 60
        while not list(out.glob(".building-*/here")):
            assert time.monotonic() < patience, "its cells do not run"
            time.sleep(0.05)
        assert len(alive("plain")) == 3, "the caller, the run and its kernel"
        run.kill()
    while alive("plain"):
        assert time.monotonic() < patience, "something outlives its run"
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_abandoned_folders_are_cleared_and_locked_ones_are_not(tmp_path):
    (tmp_path / ".building-a-1b2c3d4e").mkdir()
    for what, name in (("deleting", "b"), ("replaced", "gone"), ("replaced", "there")):
        old = tmp_path / f".{what}-{name}-1b2c3d4e"
        old.mkdir()
        (old / "report.html").write_text("old", encoding="utf-8")
        (old / "manifest.json").write_text(json.dumps({"run_id": name}), encoding="utf-8")
    shutil.copytree(old, tmp_path / "there")
    first = StagingFolder.make(tmp_path, "first")
    second = StagingFolder.make(tmp_path, "second")
    assert names(tmp_path) == {first.path.name, second.path.name, "gone", "there"}
    assert (tmp_path / "gone" / "report.html").read_text(encoding="utf-8") == "old"
    first.close()
    second.move(tmp_path / "there")
    second.close()
    assert names(tmp_path) == {"gone", "there"}


def test_a_run_fails_if_its_folder_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out"
    run = run_report(template(tmp_path, "mine", "number"), out=out)
    assert run.error == f"cannot write to {out}: Not a directory"


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of 8 MB; None where mounting is not allowed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(words, check=False).returncode:
        yield None
        return
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_on_a_full_disk_the_run_fails_and_the_good_page_stays(tmp_path, small_disk, good):
    notebook, built, _ = good
    out = (small_disk or tmp_path) / "out"
    shutil.copytree(built.html.parents[1], out)
    if small_disk:
        # Not a byte more: neither page nor notebook nor manifest can be written.
        with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while filler.write(b"x" * 4096):
                pass
        failed = run_report(notebook, out=out, force=True)
        assert (failed.status, failed.html) == ("failed", None)
        assert "No space left on device" in failed.error
        (small_disk / "filler").unlink()
        subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    else:
        with begin(notebook, out, "limited", limit=1_000_000) as limited:
            output = limited.communicate()[0].split("\n")[1]
        assert output == "failed cannot render the page: File too large"
    page = out / built.run_id / "report.html"
    assert page.read_bytes() == built.html.read_bytes()
    assert run_report(notebook, out=out, force=True).status == "done"
    assert names(out) == {built.run_id, "failed", "index.html"}


KILLS_THE_FORK_SERVER = """
import os, pathlib, signal
run = os.getppid()
fork_server = int(pathlib.Path(f"/proc/{run}/stat").read_text().rsplit(")", 1)[1].split()[1])
os.kill(fork_server, signal.SIGKILL)
while True: pass
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
def test_when_the_fork_server_is_killed_its_run_fails_and_the_next_starts_without_it(tmp_path):
    paths = [
        template(tmp_path, "kills", KILLS_THE_FORK_SERVER),
        template(tmp_path, "mine", "print(number)"),
    ]
    requests = [ReportRequest(path, out=tmp_path / "out") for path in paths]
    first, second = run_reports(requests, workers=1)
    assert first.error == "the run's process was killed by SIGKILL"
    assert (second.error, printed(second.notebook)) == (None, "1\n")


def test_a_fork_server_with_threads_is_not_used_and_the_page_is_the_same(
    tmp_path, monkeypatch, good
):
    """An installed package may start a thread in every Python process."""
    notebook, forked, _ = good
    (tmp_path / "sitecustomize.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    started = []
    plain = Workers._start_process
    monkeypatch.setattr(
        Workers,
        "_start_process",
        lambda self, number: (started.append(number), plain(self, number)),
    )
    run = run_report(notebook, out=tmp_path / "out", now=NOW)
    assert (run.error, started) == (None, [0])
    assert run.run_id == forked.run_id
    assert printed(run.notebook) == printed(forked.notebook) != ""
    assert run.html.read_bytes() == forked.html.read_bytes()


def test_relative_dates_are_counted_in_the_time_zone_of_the_study(tmp_path):
    """22:30 UTC is the next day in Kyiv, the time zone of the embedded study."""
    notebook = template(
        tmp_path, "since", "print(since)", first="study = None\nnumber = 1\nsince = None"
    )
    sidecar = notebook.with_suffix(".yaml")
    rules = yaml.safe_load(sidecar.read_text("utf-8"))
    rules["parameters"]["properties"]["since"] = {"type": "string", "format": "date"}
    sidecar.write_text(yaml.safe_dump(rules), encoding="utf-8")
    late = datetime(2026, 1, 7, 22, 30, tzinfo=UTC)
    run = run_report(notebook, parameters={"since": "-7d"}, out=tmp_path / "out", now=late)
    assert run.error is None
    assert printed(run.notebook).strip() == "2026-01-01"
    assert json.loads(run.manifest.read_text("utf-8"))["parameters"]["since"] == "2026-01-01"
