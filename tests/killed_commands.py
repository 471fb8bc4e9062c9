"""Kill commands at random moments, several at once, and check the history of what they made.

Run as `python killed_commands.py KILLS SEED`; see `make kills`. Posts are ingested into a store and
read from it, studies are created, signals detected, a data set fetched, reports built and pruned.
A report is a stub that creates its run folder as real runs do; all else is real. What a command
acknowledged, by its exit code, every later reader must see exactly once.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from fake_http_server import Reply, serving
from foxgrape import Store, open_study, read_posts
from foxgrape._util.files import study_folder
from foxgrape.cli.app import run
from foxgrape.reports.rendering.run_index import write_catalogue
from foxgrape.reports.run_folder import StagingFolder, is_complete

SOURCE = study_folder("izium-2022")
CONTENT = (SOURCE / "posts.csv").read_bytes() * 200
VERBS = ("ingest", "ingest", "read", "study new", "detect", "data fetch", "report build", "prune")
AT_ONCE = 6
_TEMPORARY = re.compile(r"\.(building|study|replaced|deleting)-.*|.*\.(part|new|writing|tmp)|tmp.+")


def words_of(verb: str, folder: Path, number: int) -> list[str]:
    """Return the words of a command."""
    return {
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
        "prune": ["report", "prune", "--keep", "3", "--out", f"{folder}/out"],
    }[verb]


def call(verb: str, folder: str, number: int, started) -> None:
    """Run a command in a process that may be killed; exit with its code."""
    os.environ["TMPDIR"] = str(Path(folder) / "tmp")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    where = Path(folder)
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


def build(out: Path, number: int) -> None:
    """Create the folder of a run as `run_report` does: in a staging folder, then renamed."""
    from datetime import UTC, datetime

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
    studies: set[int] = field(default_factory=set)
    reports: set[int] = field(default_factory=set)
    has_signals: bool = False
    has_data: bool = False
    counts: Counter[str] = field(default_factory=Counter)

    def prepare(self, verb: str, number: int) -> None:
        """Write the file that a command reads: three new posts, and one of an earlier file."""
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
        # A folder of signals is locked by one detection at a time.
        assert code in {None, 0} or (verb, code) == ("detect", 1), (verb, number, code)
        if code != 0:
            return
        if verb == "ingest":
            ids = {f"{number}-{at}" for at in range(3)}
            self.acknowledged |= {*ids, f"{max(number - 7, 0)}-0"}
        elif verb == "study new":
            self.studies.add(number)
        elif verb == "report build":
            self.reports.add(number)
        elif verb == "read":
            self.check_posts(pd.read_parquet(self.folder / f"read-{number}.parquet"))
        self.has_signals |= verb == "detect"
        self.has_data |= verb == "data fetch"

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
        if self.acknowledged:
            posts = Store(self.folder / "store").read("posts")
            self.check_posts(posts, self.acknowledged | self.seen)
            self.seen = set(posts["post_id"])
        for number in sorted(self.studies)[-3:]:
            assert len(open_study(self.folder / "studies" / str(number)).posts) == 61
        for study in (self.folder / "studies").glob("[0-9]*"):
            assert (study / "datapackage.json").is_file(), study
        runs = [path for path in (self.folder / "out").glob("mine-*") if path.is_dir()]
        assert all(map(is_complete, runs)), runs
        newest = sorted(self.reports)[-1:]
        assert all(is_complete(self.folder / "out" / f"mine-a-{n:06}") for n in newest), newest
        index = self.folder / "out" / "index.html"
        assert not index.exists() or index.read_text("utf-8").rstrip().endswith("</html>")
        signals = self.folder / "signals" / "signals.parquet"
        if signals.exists() or self.has_signals:
            assert len(pd.read_parquet(signals)) > 0
        data = self.folder / "data" / "a.csv"
        if data.exists() or self.has_data:
            assert hashlib.sha256(data.read_bytes()).digest() == hashlib.sha256(CONTENT).digest()

    def leftovers(self) -> list[str]:
        """Return the temporary files and folders, and the store's files that no version has."""
        paths = [path for path in self.folder.rglob("*") if _TEMPORARY.fullmatch(path.name)]
        paths = [path for path in paths if path != self.folder / "tmp"]
        return [path.relative_to(self.folder).as_posix() for path in paths]


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


def study(kills: int, seed: int, folder: Path, seconds: float = float("inf")) -> dict[str, int]:
    """Run and kill commands, several at once, until `kills` were killed; count outcomes."""
    ends = time.monotonic() + seconds
    draw, history = random.Random(seed), History(folder)
    for name in ("exports", "studies", "out", "tmp", "data"):
        (folder / name).mkdir()
    read_posts(SOURCE / "posts.csv").to_parquet(folder / "posts.parquet")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["killed_commands"])
    #: The longest duration of each verb so far, within which it is killed.
    longest = dict.fromkeys(VERBS, 2.0)
    number = 0
    with serving(lambda _: Reply(body=CONTENT)) as server:
        (folder / "registry.toml").write_text(registry(server.address), encoding="utf-8")

        def start(verb: str):
            nonlocal number
            number += 1
            history.prepare(verb, number)
            started = context.Event()
            process = context.Process(target=call, args=(verb, str(folder), number, started))
            process.start()
            return verb, number, process, started

        def finish(verb, at, process, started, *, may_kill: bool) -> None:
            latest = draw.uniform(0, longest[verb]) if may_kill else 300
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
        for verb in dict.fromkeys(VERBS):
            finish(*start(verb), may_kill=False)
        history.check()
    left = history.leftovers()
    if left:
        print("left over:", left[:20])  # noqa: T201
    assert not left or seconds < float("inf")
    return {**history.counts, "posts": len(history.seen), "acknowledged": len(history.acknowledged)}


if __name__ == "__main__":
    number_of_kills, seeded = (int(text) for text in sys.argv[1:3])
    limit = float(sys.argv[3]) if len(sys.argv) > 3 else float("inf")
    began = time.monotonic()
    with TemporaryDirectory() as temporary:
        result = study(number_of_kills, seeded, Path(temporary), limit)
    minutes = (time.monotonic() - began) / 60
    print(json.dumps({**result, "minutes": round(minutes, 1), "processors": os.cpu_count()}))  # noqa: T201
