"""Kill commands at random moments, several at once, and check the history of what they made.

Run as `python killed_commands.py KILLS SEED`; see `make kills`. Posts and events are ingested into
a store and read from it, studies are created, signals detected, data and posts downloaded,
templates and entries of a schedule created, reports built, published when due and pruned. What a
command acknowledged, by its exit code, every later reader must see exactly once. Most reports are
stubs that create their run folder as real runs do; `report due` builds real ones from a small
template.
"""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import os
import random
import re
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import bs4  # noqa: F401 - preload for the fork server, so that commands are not spent on imports
import deltalake  # noqa: F401
import httpx  # noqa: F401
import jsonschema  # noqa: F401
import nbformat  # noqa: F401
import pandas as pd
import pyarrow.csv
import pyarrow.parquet  # noqa: F401

import foxgrape.detection.batch
import foxgrape.io.download
import foxgrape.io.ingest
import foxgrape.reports.schedule.due
import foxgrape.studies.create
import foxgrape.studies.study  # noqa: F401
from fake_apis import FakeMastodon
from fake_http_server import Reply, serving
from foxgrape import Store, open_study, read_posts
from foxgrape._util.files import study_folder
from foxgrape.cli.app import run
from foxgrape.reports.rendering.run_index import write_catalogue
from foxgrape.reports.run_folder import StagingFolder, is_complete
from foxgrape.reports.schedule.config import read_schedule
from report_templates import template

LOG = logging.getLogger(__name__)
SOURCE = study_folder("izium-2022")
CONTENT = (SOURCE / "posts.csv").read_bytes() * 200
#: Commands, some of them more than once to be drawn more often.
VERBS = (
    *("ingest", "ingest", "ingest events", "read", "study new", "detect", "data fetch", "fetch"),
    *("report build", "report build", "prune", "catalogue", "report new", "schedule new"),
    *("codebook check", "report due"),
)
#: Commands that may refuse to run beside another one of their kind, with exit code 1.
EXCLUSIVE = {"detect", "fetch", "report due"}
AT_ONCE, N_STATUSES, KEPT = 6, 200, 3
SMALL = """title: A test
description: For tests.
parameters:
  properties:
    end: {type: string, format: date-time, default: now}
"""
_TEMPORARY = re.compile(
    r"\.(building|mine|study|replaced|deleting)-.*|\..*\.(part|writing)|.*\.(part|part\.json|new|tmp)|tmp.+"
)
ENTRY = """timezone = "UTC"
[[report]]
name = "daily"
template = "FOLDER/small.ipynb"
cron = "0 7 * * *"
start = 2022-09-10
catch_up = 1000
period = { end = "end" }
"""


def words_of(verb: str, folder: Path, number: int) -> list[str]:
    """Return the words of a command."""
    now = datetime(2022, 9, 11, 12, tzinfo=UTC) + timedelta(hours=2 * number)
    address = (folder / "address.txt").read_text("utf-8")
    return {
        "fetch": ["fetch", "mastodon", address, "minister", "--out", str(free(folder))],
        "ingest events": [
            *("ingest", "events", f"{folder}/events/{number}.csv", "--store", f"{folder}/store"),
        ],
        "codebook check": ["codebook", "check", f"{SOURCE}/codebook.csv"],
        "report new": ["report", "new", f"t{number}", "--folder", f"{folder}/templates"],
        "schedule new": [
            *("schedule", "new", "--schedule", f"{folder}/made.toml", "--name", f"entry{number}"),
            *("--template", "lead_times", "--study", str(SOURCE), "--every", "day"),
            *("--timezone", "UTC"),
        ],
        "report due": [
            *("report", "due", "--schedule", f"{folder}/schedule.toml"),
            *("--out", f"{folder}/published", "--now", now.isoformat()),
        ],
        "catalogue": ["report", "catalogue", "--out", f"{folder}/out"],
        "ingest": [
            *("ingest", "posts", f"{folder}/exports/{number}.csv"),
            *("--store", f"{folder}/store", "--account", "me"),
        ],
        "study new": [
            *("study", "new", f"{folder}/studies/{number}", "--posts", f"{SOURCE}/posts.csv"),
            *("--events", f"{SOURCE}/events.csv", "--codebook", f"{SOURCE}/codebook.csv"),
        ],
        "detect": ["detect", f"{folder}/posts.parquet", "--out", f"{folder}/signals"],
        "data fetch": ["data", "fetch", "ours", "--folder", f"{folder}/data", "--refresh"],
        "prune": ["report", "prune", "--keep", str(KEPT), "--out", f"{folder}/out"],
    }[verb]


def call(verb: str, folder: str, number: int, started) -> None:
    """Run a command in a process that may be killed; exit with its code."""
    os.environ["TMPDIR"] = str(Path(folder) / "tmp")
    where = Path(folder)
    output = os.open(where / "output" / f"{number}.txt", os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if verb == "data fetch":
        from foxgrape.io import datasets

        datasets._REGISTRY = where / "registry.toml"
    started.set()
    if verb == "read":
        Store(where / "store").read("posts").to_parquet(where / f"read-{number}.parquet")
    elif verb == "report build":
        build(where / "out", number)
    else:
        sys.exit(run(words_of(verb, where, number)))


def free(folder: Path) -> Path:
    """Return the first file of downloaded posts that does not exist yet."""
    files = (folder / "fetched" / f"{number}.jsonl" for number in count())
    return next(file for file in files if not file.exists())


def build(out: Path, number: int) -> None:
    """Create the folder of a run as `run_report` does: in a staging folder, then renamed."""
    run_id = f"mine-a-{number:06}"
    staging = StagingFolder.make(out, run_id)
    try:
        (staging.path / "notebook.ipynb").write_text("{}", encoding="utf-8")
        page = f"<html><body><main>{'x' * 100_000}</main><dl><dt>Run</dt><dd>{run_id}</dd></dl>"
        (staging.path / "report.html").write_text(f"{page}</body></html>", encoding="utf-8")
        manifest = {"run_id": run_id, "status": "done", "template": "mine", "error": None}
        manifest["built_at"] = f"2022-09-10T05:{number // 60 % 60:02}:{number % 60:02}+00:00"
        (staging.path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        staging.move(out / run_id)
    finally:
        staging.close()
    write_catalogue(out, now=datetime.now(UTC))


@dataclass
class History:
    """What commands acknowledged and readers saw so far."""

    folder: Path
    #: Ids of posts that a command acknowledged, and that were given to any command.
    acknowledged: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    #: Numbers of the commands that ended and that were killed, by verb.
    ended: dict[str, set[int]] = field(default_factory=lambda: {verb: set() for verb in VERBS})
    killed: dict[str, set[int]] = field(default_factory=lambda: {verb: set() for verb in VERBS})
    counts: Counter[str] = field(default_factory=Counter)

    def prepare(self, verb: str, number: int) -> None:
        """Write the file that a command reads: three new posts and one of an earlier file."""
        if verb == "ingest events":
            text = f"{number},Izium,2022-09-10T08:00:00Z,2022-09-11T08:00:00Z"
            heads = "event_id,place,occurred_at,confirmed_at"
            (self.folder / "events" / f"{number}.csv").write_text(f"{heads}\n{text}\n")
        if verb != "ingest":
            return
        ids = [f"{number}-{at}" for at in range(3)] + [f"{max(number - 7, 0)}-0"]
        rows = [f"{post},2022-09-{1 + number % 28:02}T08:00:00Z,text" for post in ids[:3]]
        rows.append(f"{ids[3]},2022-09-{1 + max(number - 7, 0) % 28:02}T08:00:00Z,text")
        text = "\n".join(["id,date,text", *dict.fromkeys(rows)])
        (self.folder / "exports" / f"{number}.csv").write_text(text, encoding="utf-8")
        self.given.update(ids)

    def add(self, verb: str, number: int, code: int | None) -> None:
        """Record how a command ended; None if it was killed."""
        self.counts["killed" if code is None else "ended"] += 1
        self.counts[f"{verb}: {'killed' if code is None else 'ended'}"] += 1
        if code not in {None, 0}:
            text = (self.folder / "output" / f"{number}.txt").read_text("utf-8").strip()
            assert (code, verb in EXCLUSIVE) == (1, True), (verb, number, code, text)
            # Another process has the lock or was quicker, or killed a period for the third time.
            assert re.search(r"another process|file exists|its process died", text), (verb, text)
        if code is None:
            self.killed[verb].add(number)
        if code != 0:
            self.counts[f"{verb}: refused"] += code == 1
            return
        self.ended[verb].add(number)
        if verb == "ingest":
            ids = {f"{number}-{at}" for at in range(3)}
            self.acknowledged |= {*ids, f"{max(number - 7, 0)}-0"}
        elif verb == "read":
            self.check_posts(pd.read_parquet(self.folder / f"read-{number}.parquet"))

    def check_posts(self, posts: pd.DataFrame, acknowledged: set[str] = frozenset()) -> None:
        """Check what a reader saw: each post once, and all that was acknowledged or seen before."""
        assert posts["post_id"].is_unique
        ids = set(posts["post_id"])
        assert ids <= self.given, ids - self.given
        assert acknowledged <= ids, acknowledged - ids
        self.counts["reads"] += 1
        self.counts["rows read"] += len(ids)

    def check(self) -> None:
        """Check the state between commands, when none runs."""
        store = Store(self.folder / "store")
        if self.acknowledged:
            posts = store.read("posts")
            self.check_posts(posts, self.acknowledged | self.seen)
            self.seen = set(posts["post_id"])
        if self.ended["ingest events"]:
            events = store.read("events")["event_id"]
            assert events.is_unique
            assert set(map(str, self.ended["ingest events"])) <= set(events)
        for number in sorted(self.ended["study new"])[-3:]:
            assert len(open_study(self.folder / "studies" / str(number)).posts) == 61
        for study in (self.folder / "studies").glob("[0-9]*"):
            assert (study / "datapackage.json").is_file(), study
        signals = self.folder / "signals" / "signals.parquet"
        if signals.exists() or self.ended["detect"]:
            assert len(pd.read_parquet(signals)) > 0
        self.check_downloads()
        self.check_reports()

    def check_downloads(self) -> None:
        """Check that what was downloaded is complete."""
        data = self.folder / "data" / "a.csv"
        if data.exists() or self.ended["data fetch"]:
            assert hashlib.sha256(data.read_bytes()).digest() == hashlib.sha256(CONTENT).digest()
        fetched = list((self.folder / "fetched").glob("*.jsonl"))
        assert len(fetched) >= len(self.ended["fetch"])
        for file in fetched:
            lines = file.read_text("utf-8").splitlines()
            assert len({json.loads(line)["id"] for line in lines}) == len(lines) == N_STATUSES

    def check_reports(self) -> None:
        """Check that all runs, pages, templates and the schedule are complete."""
        runs = [path for path in (self.folder / "out").glob("mine-*") if path.is_dir()]
        assert all(map(is_complete, runs)), runs
        newest = max(self.ended["report build"], default=0)
        complete = {int(run.name.rpartition("-")[2]) for run in runs}
        # It may be deleted only for newer ones, whose commands were killed after they had built.
        newer = {number for number in complete if number > newest}
        assert not newest or newest in complete or len(newer) >= KEPT, (newest, complete)
        published = self.folder / "published"
        states = [json.loads(file.read_text("utf-8")) for file in _states(published)]
        for state in states:
            assert state["state"] != "done" or is_complete(published / state["run_id"]), state
        pages = {*published.glob("*.html"), *published.glob("daily/*.html")}
        done = {f.stem for f, s in zip(_states(published), states, strict=True) if _done(s)}
        assert done <= {page.stem for page in pages}, done
        pages |= {*(self.folder / "out").glob("*.html"), *published.glob("[a-z]*/report.html")}
        for page in pages:
            assert page.read_text("utf-8").rstrip().endswith("</html>"), page
        for number in self.ended["report new"]:
            assert (self.folder / "templates" / f"t{number}.yaml").is_file()
            json.loads((self.folder / "templates" / f"t{number}.ipynb").read_text("utf-8"))
        if self.ended["schedule new"]:
            entries = {entry.name for entry in read_schedule(self.folder / "made.toml").entries}
            expected = {f"entry{number}" for number in self.ended["schedule new"]}
            assert expected <= entries, expected - entries

    def check_end(self) -> None:
        """Check what the calls that were not killed recovered at the end."""
        templates = self.folder / "templates"
        assert len(list(templates.glob("*.ipynb"))) == len(list(templates.glob("*.yaml")))
        for file in _states(self.folder / "published"):
            state = json.loads(file.read_text("utf-8"))
            self.counts["periods"] += 1
            deaths = sum(attempt["died"] for attempt in state["tries"])
            self.counts["periods given up"] += not _done(state)
            assert _done(state) or deaths >= 3, state

    def incomplete_templates(self) -> list[int]:
        """Return the numbers of the killed commands whose template has no notebook."""
        numbers = sorted(self.killed["report new"])
        return [n for n in numbers if not (self.folder / "templates" / f"t{n}.ipynb").exists()]

    def leftovers(self) -> list[str]:
        """Return the temporary files and folders, and the store's files that no version has."""
        paths = [path for path in self.folder.rglob("*") if _TEMPORARY.fullmatch(path.name)]
        paths = [path for path in paths if path != self.folder / "tmp"]
        return [path.relative_to(self.folder).as_posix() for path in paths]


def _states(published: Path) -> list[Path]:
    return sorted((published / ".schedule" / "daily").glob("2*.json"))


def _done(state: dict) -> bool:
    return state["state"] == "done"


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of living processes whose temporary files are in a folder."""
    lines = []
    variable = f"TMPDIR={folder / 'tmp'}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another user's
            if variable in (process / "environ").read_bytes():
                lines.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return lines


def registry(address: str) -> str:
    """Return a registry of data sets with one that the test's server has."""
    values = {"homepage": "x", "licence": "x", "licence_url": "x", "citation": "x"}
    entry = {
        "publisher": "us",
        "description": "A test.",
        "url": f"{address}/a.csv",
        "filename": "a.csv",
        "format": "none",
        "url_note": "x",
        "checksum": "none: it is updated in place",
    }
    lines = ["[publishers.us]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    lines += ["[sets.ours]", "url_checked = true"]
    return "\n".join([*lines, *(f"{key} = {json.dumps(value)}" for key, value in entry.items())])


def end(process, started, latest: float) -> tuple[int | None, float]:
    """Wait for a process, and kill it after a time; return its exit code, None if it was killed."""
    assert started.wait(300)
    began = time.monotonic()
    process.join(latest)
    code = process.exitcode
    if code is None:
        process.kill()
        process.join()
    return code, time.monotonic() - began


def prepare_folder(folder: Path) -> None:
    """Create the folders and files that commands read and write."""
    names = ("exports", "events", "studies", "out", "published", "templates", "fetched", "data")
    for name in (*names, "output", "tmp"):
        (folder / name).mkdir()
    read_posts(SOURCE / "posts.csv").to_parquet(folder / "posts.parquet")
    small = template(folder, "small", "print(end)", first='study, end = None, "now"')
    small.with_suffix(".yaml").write_text(SMALL, encoding="utf-8")
    (folder / "schedule.toml").write_text(ENTRY.replace("FOLDER", str(folder)), encoding="utf-8")


def study(kills: int, seed: int, folder: Path, seconds: float = float("inf")) -> dict[str, int]:
    """Run and kill commands, several at once, until `kills` were killed; count outcomes."""
    ends = time.monotonic() + seconds
    draw, history = random.Random(seed), History(folder)
    prepare_folder(folder)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["killed_commands"])
    #: The longest duration of each verb so far, within which it is killed.
    longest = dict.fromkeys(VERBS, 2.0)
    numbers = count(1)
    with (
        serving(lambda _: Reply(body=CONTENT)) as server,
        serving(FakeMastodon(N_STATUSES)) as statuses,
    ):
        (folder / "registry.toml").write_text(registry(server.address), encoding="utf-8")
        (folder / "address.txt").write_text(statuses.address, encoding="utf-8")

        def start(verb: str, number: int | None = None):
            number = next(numbers) if number is None else number
            history.prepare(verb, number)
            started = context.Event()
            process = context.Process(target=call, args=(verb, str(folder), number, started))
            process.start()
            return verb, number, process, started

        def finish(verb, at, process, started, *, may_kill: bool) -> None:
            latest = draw.uniform(0, longest[verb]) if may_kill else 3600
            code, duration = end(process, started, latest)
            if not may_kill:
                longest[verb] = min(max(duration, 0.2), 10)
            history.add(verb, at, code)

        for verb in dict.fromkeys(VERBS):  # once each, undisturbed
            finish(*start(verb), may_kill=False)
        history.check()
        while history.counts["killed"] < kills and time.monotonic() < ends:
            for running in [start(draw.choice(VERBS)) for _ in range(AT_ONCE)]:
                finish(*running, may_kill=draw.random() < 0.9)
            history.check()
            LOG.info("%s", dict(history.counts))
        for verb in dict.fromkeys(VERBS):
            finish(*start(verb), may_kill=False)
        for number in history.incomplete_templates():
            finish(*start("report new", number), may_kill=False)
        finish(*start("report due", next(numbers) + 12), may_kill=False)  # retries after a delay
        history.check()
        history.check_end()
    left, alive = history.leftovers(), processes_of(folder)
    assert (left, alive) == ([], [])
    return {**history.counts, "posts": len(history.seen), "acknowledged": len(history.acknowledged)}


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    number_of_kills, seeded = (int(text) for text in sys.argv[1:3])
    limit = float(sys.argv[3]) if len(sys.argv) > 3 else float("inf")
    began = time.monotonic()
    with TemporaryDirectory() as temporary:
        result = study(number_of_kills, seeded, Path(temporary), limit)
    minutes = (time.monotonic() - began) / 60
    print(json.dumps({**result, "minutes": round(minutes, 1), "processors": os.cpu_count()}))  # noqa: T201
