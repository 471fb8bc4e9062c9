"""Kill the calls of a schedule at random moments, and check what is left; see `make kills`.

Ingest, the states of periods, pages, feeds, rules and delivery are the real ones. In the series
``stub``, 30 reports are built by a stub that creates run folders as real runs do, and takes as long
to build one as to deliver it. In the series ``real``, one report a day is built by `run_report`,
with its worker process, its kernel and its page. Processes are killed by SIGKILL, and the phase in
which each was killed is counted.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bs4  # noqa: F401 - preload for the fork server, so that calls are not spent on imports
import deltalake  # noqa: F401
import httpx  # noqa: F401
import nbformat
import pandas as pd  # noqa: F401
import pyarrow.csv
import pyarrow.parquet  # noqa: F401

import foxgrape.io.ingest
import foxgrape.reports.addresses  # noqa: F401
from fake_http_server import Reply, serving
from fake_reports import FakeRun, make_template
from foxgrape import Store
from foxgrape._util.directories import directory_at
from foxgrape.reports.run_folder import StagingFolder, is_complete
from foxgrape.reports.schedule import due
from foxgrape.reports.schedule.config import read_schedule
from foxgrape.reports.schedule.ledger import Ledger

KILLS_A_DAY, KILLS_A_FOLDER = 2, 100
#: Seconds that a report takes to build, and a message to deliver, in addition to the real work.
PAUSE = 0.05
#: What a call does, in order.
PHASES = ("start", "ingest", "build", "rules", "deliver")
#: Seconds that the processes of a killed run have to end.
_END_SECONDS = 60
START = datetime(2022, 1, 1, 8, tzinfo=UTC)
#: Names that begin with a dot and are not temporary.
_KNOWN = {".schedule", ".waiting", ".sent", ".ingest", ".alerts", ".foxgrape-pages.json"}


@dataclass(frozen=True, slots=True)
class Series:
    """What is killed.

    Attributes
    ----------
    entries
        Number of entries; of several, each is due on one day of the week.
    is_real
        Whether reports are built by `run_report` instead of a stub.
    weights
        How often a call is killed in each phase.
    """

    entries: int
    is_real: bool
    weights: tuple[int, ...]


SERIES = {
    "stub": Series(30, is_real=False, weights=(1, 3, 4, 1, 3)),
    "real": Series(1, is_real=True, weights=(1, 1, 12, 1, 2)),
}
#: The code of the notebook of the real series.
_PARAMETERS = 'entry = ""\nend = "now"\nstart = "now"\nstore = None\nversions = None'
_REPORT = """
from datetime import datetime

from foxgrape import Store
from foxgrape.display.html import Headline
from foxgrape.display.key_figures import KeyFigures

n_posts = len(Store(store).read("posts", version=versions["posts"]))
Headline(f"{entry}: {n_posts} posts")
"""
_FIGURES = """
n = 5 if datetime.fromisoformat(end).toordinal() // 7 % 2 else 1
KeyFigures(["", "n"], [["n", str(n)]])
"""


def write_notebook(folder: Path) -> Path:
    """Write a template whose notebook a kernel executes."""
    template = make_template(folder)
    cells = [nbformat.v4.new_code_cell(text.strip()) for text in (_PARAMETERS, _REPORT, _FIGURES)]
    cells[0].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, template)
    return template


def figure_of(end: str) -> int:
    """Return the key figure of a period: above the threshold in every other week."""
    return 5 if datetime.fromisoformat(end).toordinal() // 7 % 2 else 1


def build(template, *, parameters, out, store):  # noqa: ARG001 - as run_report
    """Create the folder of a run as `run_report` does: in a staging folder, then renamed."""
    run_id = f"mine-{parameters['entry']}-{parameters['end'][:10]}"
    target = Path(out) / run_id
    if is_complete(target):
        return FakeRun(run_id)
    staging = StagingFolder.make(Path(out), run_id)
    try:
        figures = {"heads": ["", "n"], "rows": [["n", str(figure_of(parameters["end"]))]]}
        outputs = [{"data": {"application/vnd.foxgrape.figures+json": figures}}]
        notebook = {"cells": [{"outputs": outputs}]}
        (staging.path / "notebook.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
        time.sleep(PAUSE)
        page = f"<html><body><main>{run_id}</main></body></html>"
        (staging.path / "report.html").write_text(page, encoding="utf-8")
        manifest = {"run_id": run_id, "status": "done", "template": "mine", "headline": run_id}
        manifest["built_at"] = parameters["end"]
        # At once, as runs do: a folder with an incomplete manifest is left, as it may be a user's.
        with directory_at(staging.path) as directory:
            directory.write("manifest.json", json.dumps(manifest).encode())
        staging.move(target)
    finally:
        staging.close()
    return FakeRun(run_id)


def respond(_: object) -> Reply:
    time.sleep(PAUSE)
    return Reply()


def call(file: str, out: str, address: str, is_real: bool, now: datetime, begins) -> None:
    """Read, build and send what is due, in a process that may be killed.

    `begins` receives the time at which each phase begins.
    """

    def enter(number: int, function):
        def run(*arguments, **options):
            begins[number] = time.monotonic()
            return function(*arguments, **options)

        return run

    steps = ("_ingest", "run_tasks", "apply_rules", "deliver")
    for number, name in enumerate(steps, start=1):
        setattr(due, name, enter(number, getattr(due, name)))
    environ = {"DESK": address}
    begins[0] = time.monotonic()
    run = None if is_real else build
    due.run_due(read_schedule(file), now=now, out=out, run=run, environ=environ)


def write_schedule(folder: Path, kind: Series) -> Path:
    template = write_notebook(folder) if kind.is_real else make_template(folder)
    lines = ['timezone = "UTC"', '[notify.desk]\nkind = "webhook"\nurl_env = "DESK"']
    lines.append(f'[ingest.posts]\ntable = "posts"\nfiles = ["{folder}/exports/*.csv"]')
    lines.append('[alert.high]\nwhen = "figure"\nreport = "entry0"\nfigure = "n"\nabove = 3')
    lines.append('notify = ["desk"]')
    for number in range(kind.entries):
        day = number % 7 if kind.entries > 1 else "*"
        name = f"entry{number}"
        lines.append(f'[[report]]\nname = "{name}"\ntemplate = "{template}"')
        lines.append(f'store = "{folder}/store"\ningest = ["posts"]\ndeliver = ["desk"]')
        lines.append(f'cron = "0 7 * * {day}"\nstart = 2022-01-01')
        lines.append(f'parameters = {{ entry = "{name}" }}\nperiod = {{ end = "end" }}')
    file = folder / "schedule.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def export(folder: Path, day: int) -> None:
    posted = START + timedelta(days=day)
    rows = [f"{day}-{number},me,{posted.isoformat()},text" for number in range(3)]
    (folder / "exports" / f"{day}.csv").write_text(
        "\n".join(["post_id,account,posted_at,text", *rows]), encoding="utf-8"
    )


@dataclass(slots=True)
class Killer:
    """Runs calls, and kills them at random moments.

    Attributes
    ----------
    lasts
        Seconds that each phase lasted in the last call that ended.
    """

    draw: random.Random
    counts: Counter[str]
    context: Any
    weights: tuple[int, ...]
    lasts: list[float] = field(default_factory=lambda: [0.5] * len(PHASES))

    def run(self, *arguments: object) -> None:
        """Run a call to its end."""
        process, begins = self._start(arguments)
        process.join()
        ends = [*begins[1:], time.monotonic()]
        self.lasts = [end - begin for begin, end in zip(begins, ends, strict=True)]
        assert process.exitcode == 0, process.exitcode

    def kill(self, *arguments: object) -> None:
        """Run a call and kill it at a random moment of a random phase."""
        process, begins = self._start(arguments)
        (phase,) = self.draw.choices(range(len(PHASES)), self.weights)
        while not begins[phase] and process.exitcode is None:
            time.sleep(0.001)
        process.join(self.draw.uniform(0, self.lasts[phase]))
        if process.exitcode is None:
            process.kill()
            process.join()
        if process.exitcode == 0:
            self.counts["ended before the kill"] += 1
            return
        assert process.exitcode == -signal.SIGKILL, process.exitcode
        self.counts["killed"] += 1
        reached = max(number for number, begin in enumerate(begins) if begin)
        self.counts[f"killed in {PHASES[reached]}"] += 1

    def _start(self, arguments: tuple[object, ...]) -> tuple[Any, Any]:
        begins = self.context.Array("d", len(PHASES), lock=False)
        process = self.context.Process(target=call, args=(*arguments, begins))
        process.start()
        while not begins[0]:
            assert process.exitcode is None, process.exitcode
            time.sleep(0.001)
        return process, begins


def study(kills: int, seed: int, folder: Path, name: str = "stub") -> dict[str, int]:
    """Kill calls, each day twice and then one that ends; count outcomes."""
    kind = SERIES[name]
    file, out = write_schedule(folder, kind), folder / "out"
    (folder / "exports").mkdir()
    out.mkdir()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["killed_schedule"])
    days = -(-kills // KILLS_A_DAY)
    counts: Counter[str] = Counter(days=days)
    killer = Killer(random.Random(seed), counts, context, kind.weights)
    with serving(respond) as server:
        common = str(file), str(out), f"{server.address}/hook", kind.is_real
        for day in range(days):
            export(folder, day)
            now = START + timedelta(days=day)
            # Later calls wait for messages that an interrupted attempt may have sent.
            for _ in range(KILLS_A_DAY):
                killer.kill(*common, now)
                now += timedelta(minutes=10)
            killer.run(*common, now)
        for _ in range(3):  # messages that wait for a second attempt
            now += timedelta(hours=6)
            killer.run(*common, now)
        messages = list(filter(None, map(message_of, server.requests)))
    check(out, folder, days, messages, counts)
    check_processes(folder)
    return dict(counts)


def message_of(request: Any) -> dict[str, Any] | None:
    """Return the message of a request; None if its sender was killed while it sent it."""
    try:
        return dict(json.loads(request.body))
    except ValueError:
        return None


def check_processes(folder: Path) -> None:
    """Raise AssertionError if a process of a run still works in a folder."""
    until = time.monotonic() + _END_SECONDS
    while left := processes_in(folder):
        assert time.monotonic() < until, left
        time.sleep(0.2)


def processes_in(folder: Path) -> list[int]:
    """Return the ids of the processes whose working directory is in a folder; Linux only."""
    processes = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                processes.append(int(process.name))
    return processes


def check(out: Path, folder: Path, days: int, messages: list, counts: Counter) -> None:
    """Raise AssertionError if something was lost, done twice without a mark, or left over."""
    schedule = read_schedule(folder / "schedule.toml")
    ledger = Ledger(out / ".schedule")
    end = START + timedelta(days=days - 1)
    expected = {
        (entry.name, period.end)
        for entry in schedule.entries
        for period in entry.periods(end, 10_000, entry.start)
    }
    for name, period_end in expected:
        key = period_end.strftime("%Y%m%dT%H%M%SZ")
        record = ledger.read_state(f"{name}/{key}")
        assert record.state == "done", (name, key, record)
        assert is_complete(out / str(record.run_id)), record
        assert (out / name / f"{key}.html").read_text().endswith("</html>"), key
        counts["periods whose process died"] += any(attempt.died for attempt in record.tries)
    runs = [path for path in out.glob("mine-*") if path.is_dir()]
    assert len(runs) == len(expected), (len(runs), len(expected))
    counts["reports"] = len(expected)
    arrived = Counter()
    for message in messages:
        key = message["entry"], message.get("period_end", message.get("at"))
        if message["kind"] == "alert":
            key = "alert", message["id"]
        arrived[key] += 1
        assert arrived[key] == 1 or message["repeated"], f"twice without a mark: {key}"
        counts["messages marked as possibly twice"] += message["repeated"]
    built = {key for key in arrived if key[0] != "alert"}
    assert built == {(name, period_end.isoformat()) for name, period_end in expected}
    counts["messages that arrived twice, marked"] = sum(arrived.values()) - len(arrived)
    values = [figure_of(at.isoformat()) for name, at in sorted(expected) if name == "entry0"]
    rises = sum(b > 3 >= a for a, b in zip([0, *values], values, strict=False))
    assert sum(key[0] == "alert" for key in arrived) == rises
    counts["messages"], counts["alerts"] = len(arrived), rises
    stored = Store(folder / "store").read("posts")
    assert len(stored) == 3 * days
    assert stored["post_id"].is_unique
    counts["posts"] = len(stored)
    left = [
        path
        for path in [*out.rglob(".*"), *out.rglob("*.part")]
        if path.name not in _KNOWN and not path.name.endswith(".lock")
    ]
    assert not left, left
    period_locks = list((out / ".schedule").glob("entry*/2*.lock"))
    assert not period_locks, period_locks
    assert not list((out / ".schedule" / ".waiting").glob("*.json"))


def series(kills: int, seed: int, name: str) -> dict[str, int]:
    """Kill calls of several schedules, each in a new folder, since a call takes longer each day."""
    counts: Counter[str] = Counter()
    for number, done in enumerate(range(0, kills, KILLS_A_FOLDER)):
        with TemporaryDirectory() as folder:
            share = min(KILLS_A_FOLDER, kills - done)
            counts.update(study(share, seed + number, Path(folder), name))
    return dict(counts)


if __name__ == "__main__":
    number, seeded = (int(text) for text in sys.argv[1:3])
    began = time.monotonic()
    result = series(number, seeded, *(sys.argv[3:] or ["stub"]))
    minutes = (time.monotonic() - began) / 60
    print(json.dumps({**result, "minutes": round(minutes, 1), "processors": os.cpu_count()}))  # noqa: T201
