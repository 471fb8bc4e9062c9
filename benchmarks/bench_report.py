"""What many reports cost: forked from one process, against one command line after another.

The brief of a place, of the embedded study, other parameters each time. `--reports 100` builds a
hundred.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from itertools import count
from typing import TYPE_CHECKING

import pytest

from foxgrape import ReportRequest, open_study, run_report, run_reports
from foxgrape._util.resources import study_folder
from foxgrape.reports.execution.workers import _THREAD_VARIABLES
from foxgrape.reports.templates.discovery import find_template
from measuring import tell

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

    from foxgrape import ReportRun
    from measuring import Size

pytestmark = pytest.mark.benchmark(timer=time.perf_counter)

WORKERS, TEMPLATE = 2, "place_brief"
GROUP = "Building reports, the brief of a place"
COMMANDS = "papermill and jupyter nbconvert are called for one report after another."


@pytest.fixture(scope="module")
def parameters() -> Callable[[], dict[str, str]]:
    """Return what makes parameters that no other report has."""
    places = sorted(open_study().events["place_id"].unique())
    numbers = count()

    def made() -> dict[str, str]:
        again, place = divmod(next(numbers), len(places))
        return {"place": places[place], "horizon": f"{30 + again}D"}

    return made


def called(given: dict[str, str], folder: Path) -> None:
    """Build one report as command lines do, with as many threads as ours have."""
    executed = folder / "executed.ipynb"
    given = {**given, "study": str(study_folder("izium-2022"))}
    values = [word for name, value in given.items() for word in ("-p", name, value)]
    notebook = str(find_template(TEMPLATE).notebook)
    for words in (
        ["papermill", notebook, str(executed), "-k", "python3", *values],
        ["nbconvert", "--to", "html", "--no-input", str(executed)],
    ):
        subprocess.run(
            [sys.executable, "-m", *words],
            check=True,
            capture_output=True,
            cwd=folder,
            env={**os.environ, **dict.fromkeys(_THREAD_VARIABLES, "1")},
        )


def built(runs: list[ReportRun], n: int) -> None:
    """Fail unless so many reports were built."""
    failed = [run.error for run in runs if run.error]
    if failed or len({run.run_id for run in runs}) != n:
        pytest.fail(f"not what was to be measured: {failed}")


def test_command_lines(
    benchmark: BenchmarkFixture,
    size: Size,
    parameters: Callable[[], dict[str, str]],
    tmp_path: Path,
) -> None:
    """As anyone would build them."""
    what = "papermill and nbconvert"
    tell(benchmark, GROUP, what, n=1, of="report", peer=what, note=COMMANDS)
    benchmark.pedantic(called, setup=lambda: ((parameters(), tmp_path), {}), rounds=size.few)


def test_one(
    benchmark: BenchmarkFixture,
    size: Size,
    parameters: Callable[[], dict[str, str]],
    tmp_path: Path,
) -> None:
    """One alone, for which all has to be loaded."""

    def another() -> tuple[tuple[str], dict[str, object]]:
        return (TEMPLATE,), {"parameters": parameters(), "out": tmp_path}

    tell(benchmark, GROUP, "run_report, one alone", n=1, of="report")
    built([benchmark.pedantic(run_report, setup=another, rounds=size.few)], 1)


def test_many(
    benchmark: BenchmarkFixture,
    size: Size,
    parameters: Callable[[], dict[str, str]],
    tmp_path: Path,
) -> None:
    """Many at once, forked from what is loaded."""
    asked = [
        ReportRequest(TEMPLATE, parameters=parameters(), out=tmp_path) for _ in range(size.reports)
    ]
    what = f"run_reports, {size.reports:,} on {WORKERS} workers"
    tell(benchmark, GROUP, what, n=size.reports, of="report")
    built(benchmark.pedantic(run_reports, [asked], {"workers": WORKERS}, rounds=1), size.reports)
