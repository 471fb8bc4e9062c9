"""Reports that take no time, for tests of what calls them; processes find these by name."""

# ruff: noqa: ARG001 - all take what run_report takes
from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import cronsim  # noqa: F401 - what is imported late is imported here once for all processes
import filelock  # noqa: F401
import jsonschema  # noqa: F401

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
class Made:
    """What of a run a scheduler looks at."""

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


def build(template: str, *, parameters: dict[str, str], out: Path) -> Made:
    """Note that a report was built."""
    append(out / "built.log", f"{parameters['entry']} {parameters['end']}")
    return Made(run_id="run")


#: Whose fate is less than this dies at its first attempt.
DIES = 3


def fate_of(name: str) -> int:
    """Draw a number from 0 to 99 from a name."""
    return crc32(name.encode()) % 100


def build_badly(template: str, *, parameters: dict[str, str], out: Path) -> Made:
    """Fail, or die, at the first attempt of some; which ones, only their names decide."""
    name = f"{parameters['entry']} {parameters['end']}"
    tried = name in lines(out / "tried.log")
    append(out / "tried.log", name)
    fate = fate_of(name)
    if not tried and fate < DIES:
        os.kill(os.getpid(), signal.SIGKILL)
    if not tried and fate < 20:
        return Made(error="an error of the test")
    append(out / "by.log", str(os.getpid()))
    return build(template, parameters=parameters, out=out)


def build_or_fail(template: str, *, parameters: dict[str, str], out: Path) -> Made:
    """Fail as long as there is a file called fail."""
    if (out / "fail").exists():
        raise RuntimeError((out / "fail").read_text())
    return build(template, parameters=parameters, out=out)


def build_slowly(template: str, *, parameters: dict[str, str], out: Path) -> Made:
    """Start a child that outlives us, say so, and never end."""
    child = subprocess.Popen(["sleep", "60"])
    append(out / "started.log", str(child.pid))
    time.sleep(60)
    return Made()


def build_once(file: Path, out: Path, now, run) -> None:
    """Build what is due, as a process does."""
    run_due(read_schedule(file), now=now, out=out, run=run)


def serve(calls, file: Path, out: Path) -> None:
    """Build what is due whenever an instant comes in."""
    schedule = read_schedule(file)
    while (now := calls.recv()) is not None:
        calls.send(len(run_due(schedule, now=now, out=out, run=build_badly).runs))
