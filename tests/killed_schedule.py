"""Kill the calls of a schedule at random moments, and check what is left; see `make kills`.

Reports are built by a stub that creates run folders as real runs do. Ingest, the states of
periods, pages, feeds, rules and delivery are the real ones.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from fake_http_server import Reply, serving
from fake_reports import FakeRun, make_template
from foxgrape import Store
from foxgrape.reports.run_folder import StagingFolder, is_complete
from foxgrape.reports.schedule.config import read_schedule
from foxgrape.reports.schedule.due import run_due
from foxgrape.reports.schedule.ledger import Ledger

ENTRIES, KILLS_A_DAY = 30, 2
START = datetime(2022, 1, 1, 8, tzinfo=UTC)
#: Names that begin with a dot and are not temporary.
_KNOWN = {".schedule", ".waiting", ".sent", ".ingest", ".alerts", ".foxgrape-pages.json"}


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
        page = f"<html><body><main>{run_id}</main></body></html>"
        (staging.path / "report.html").write_text(page, encoding="utf-8")
        manifest = {"run_id": run_id, "status": "done", "template": "mine", "headline": run_id}
        manifest["built_at"] = parameters["end"]
        (staging.path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        staging.move(target)
    finally:
        staging.close()
    return FakeRun(run_id)


def call(file: str, out: str, now: datetime, address: str, started) -> None:
    """Read, build and send what is due, in a process that may be killed."""
    environ = {"DESK": address}
    started.set()
    run_due(read_schedule(file), now=now, out=out, run=build, environ=environ)


def write_schedule(folder: Path) -> Path:
    template = make_template(folder)
    lines = ['timezone = "UTC"', '[notify.desk]\nkind = "webhook"\nurl_env = "DESK"']
    lines.append(f'[ingest.posts]\ntable = "posts"\nfiles = ["{folder}/exports/*.csv"]')
    lines.append('[alert.high]\nwhen = "figure"\nreport = "entry0"\nfigure = "n"\nabove = 3')
    lines.append('notify = ["desk"]')
    for number in range(ENTRIES):
        name = f"entry{number}"
        lines.append(f'[[report]]\nname = "{name}"\ntemplate = "{template}"')
        lines.append(f'store = "{folder}/store"\ningest = ["posts"]\ndeliver = ["desk"]')
        lines.append(f'cron = "0 7 * * {number % 7}"\nstart = 2022-01-01')
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


def study(kills: int, seed: int, folder: Path, *, longest: float = 3.0) -> dict[str, int]:
    """Kill calls, each day twice at a random moment and then one that ends; count outcomes."""
    draw, file, out = random.Random(seed), write_schedule(folder), folder / "out"
    (folder / "exports").mkdir()
    out.mkdir()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["killed_schedule"])
    days = -(-kills // KILLS_A_DAY)
    counts: Counter[str] = Counter(days=days)
    with serving(lambda _: Reply()) as server:
        for day in range(days):
            export(folder, day)
            now = START + timedelta(days=day)
            for attempt in range(KILLS_A_DAY + 1):
                # Later calls wait for messages that an interrupted attempt may have sent.
                at = now + attempt * timedelta(minutes=10)
                last = attempt == KILLS_A_DAY
                arguments = (str(file), str(out), at, f"{server.address}/hook")
                ended = _run(context, arguments, last, longest, draw)
                if last:
                    # The next kills fall into the whole duration of a call.
                    longest = ended
                elif ended is None:
                    counts["killed"] += 1
                else:
                    counts["ended before the kill"] += 1
        for extra in range(3):  # messages that wait for a second attempt
            later = now + timedelta(hours=6 * (extra + 1))
            call(str(file), str(out), later, f"{server.address}/hook", context.Event())
        messages = [json.loads(request.body) for request in server.requests]
    check(out, folder, days, messages, counts)
    return dict(counts)


def _run(context, arguments, last: bool, longest: float, draw) -> float | None:
    """Run a call and kill it, unless it is the last of its day; return its duration if it ended."""
    started = context.Event()
    process = context.Process(target=call, args=(*arguments, started))
    process.start()
    assert started.wait(120)
    began = time.monotonic()
    process.join(None if last else draw.uniform(0, longest))
    duration = time.monotonic() - began
    if process.exitcode is None:
        process.kill()
        process.join()
        return None
    assert process.exitcode == 0, process.exitcode
    return duration


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


if __name__ == "__main__":
    number, seeded = (int(text) for text in sys.argv[1:3])
    began = time.monotonic()
    with TemporaryDirectory() as temporary:
        result = study(number, seeded, Path(temporary))
    minutes = (time.monotonic() - began) / 60
    print(json.dumps({**result, "minutes": round(minutes, 1), "processors": os.cpu_count()}))  # noqa: T201
