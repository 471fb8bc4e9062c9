"""Fast report builders for tests of the schedule; importable by worker processes."""

# ruff: noqa: ARG001 - all have the signature of run_report
from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import cronsim  # noqa: F401 - preload for the fork server
import filelock  # noqa: F401
import jsonschema  # noqa: F401
from yaml import safe_load

from fake_runs import PNG
from foxgrape.reports.changes import fill_page
from foxgrape.reports.schedule.config import read_schedule
from foxgrape.reports.schedule.due import run_due
from foxgrape.reports.templates import parameters as _  # noqa: F401

TEMPLATE = """title: A test
description: For tests.
parameters:
  properties:
    entry: {type: string, default: ""}
    start: {type: string, format: date-time, default: now}
    end: {type: string, format: date-time, default: now}
"""


@dataclass
class FakeRun:
    """The attributes of a run that the schedule reads."""

    run_id: str | None = None
    error: str | None = None


def make_template(folder: Path) -> Path:
    (folder / "mine.yaml").write_text(TEMPLATE, encoding="utf-8")
    (folder / "mine.ipynb").write_text("{}", encoding="utf-8")
    return folder / "mine.ipynb"


def append(file: Path, line: str) -> None:
    with file.open("a", encoding="utf-8") as log:
        log.write(f"{line}\n")


def lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def build(template: str, *, parameters: dict[str, str], out: Path) -> FakeRun:
    """Log that a report was built."""
    append(out / "built.log", f"{parameters['entry']} {parameters['end']}")
    return FakeRun(run_id="run")


HEADLINE_HTML = (
    '<div class="headline"><p class="finding"><strong>x</strong></p><p class="claim">Too few to '
    "test &amp; <b>claim</b>.</p></div><ul><li>1 of 5 is hindsight.</li></ul>"
)


def build_page(template: str, *, parameters: dict[str, str], out: Path) -> FakeRun:
    """Create the folder of a run with a page and a picture; one signal more per day."""
    day = parameters["end"][8:10]
    run_id = f"mine-{parameters['entry']}-{day}"
    folder = out / run_id
    folder.mkdir(exist_ok=True)
    headline = f"{int(day)} signals <b>until</b> the {day}th of September 🍇"
    figures = {"heads": ["", "This period"], "rows": [["posts", "61"], ["signals", str(int(day))]]}
    data = {
        "application/vnd.foxgrape.headline": headline,
        "text/html": HEADLINE_HTML,
    }
    cells = [
        {"outputs": [{"data": data}]},
        {"outputs": [{"data": {"application/vnd.foxgrape.figures+json": figures}}]},
    ]
    (folder / "notebook.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    (folder / "figure.png").write_bytes(PNG)
    (folder / "figure.txt").write_text("Posts & days", encoding="utf-8")
    page = (
        "<!DOCTYPE html><html><head><title>x</title></head><body><main>"
        f"<p>{headline}</p></main></body></html>"
    )
    (folder / "report.html").write_text(page, encoding="utf-8")
    manifest = {
        "run_id": run_id,
        "status": "done",
        "template": "mine",
        "title": "Mine: <i>Izium</i>",
        "headline": headline,
        "store": {"path": "store", "versions": {"posts": int(day), "events": 3}},
        "versions": {"foxgrape": "0.1.0"},
        "built_at": f"2022-09-{day}T05:00:00+00:00",
        "parameters": parameters,
    }
    rules = safe_load(TEMPLATE)["parameters"]["properties"]
    before, changes = fill_page(folder, out, manifest, rules)
    manifest |= {"compared_with": before, "changes": changes}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    append(out / "built.log", f"{parameters['entry']} {parameters['end']}")
    return FakeRun(run_id=run_id)


#: Reports with a fate below this kill their process at the first attempt.
DIES = 3


def fate_of(name: str) -> int:
    """Return a number from 0 to 99 that depends on the name."""
    return crc32(name.encode()) % 100


def build_badly(template: str, *, parameters: dict[str, str], out: Path) -> FakeRun:
    """Fail or die at the first attempt of some reports, selected by name."""
    name = f"{parameters['entry']} {parameters['end']}"
    tried = name in lines(out / "tried.log")
    append(out / "tried.log", name)
    fate = fate_of(name)
    if not tried and fate < DIES:
        os.kill(os.getpid(), signal.SIGKILL)
    if not tried and fate < 20:
        return FakeRun(error="an error of the test")
    append(out / "by.log", str(os.getpid()))
    return build(template, parameters=parameters, out=out)


def build_or_fail(template: str, *, parameters: dict[str, str], out: Path) -> FakeRun:
    """Fail while a file named fail exists."""
    if (out / "fail").exists():
        raise RuntimeError((out / "fail").read_text())
    return build(template, parameters=parameters, out=out)


def build_slowly(template: str, *, parameters: dict[str, str], out: Path) -> FakeRun:
    """Start a child process, log its id, and do not return."""
    child = subprocess.Popen(["sleep", "60"])
    append(out / "started.log", str(child.pid))
    time.sleep(60)
    return FakeRun()


def build_once(file: Path, out: Path, now, run) -> None:
    """Build due reports in a process."""
    run_due(read_schedule(file), now=now, out=out, run=run)


def serve(calls, file: Path, out: Path) -> None:
    """Build due reports for each instant received."""
    schedule = read_schedule(file)
    while (now := calls.recv()) is not None:
        calls.send(len(run_due(schedule, now=now, out=out, run=build_badly).runs))
