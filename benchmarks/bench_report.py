"""Cost of many reports: forked from one process, compared with one command after another.

Builds place briefs of the embedded study with different parameters; `--reports 100` builds 100.
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
from foxgrape._util.files import study_folder
from foxgrape.reports.execution.workers import _THREAD_VARIABLES
from foxgrape.reports.templates.discovery import find_template
from measuring import describe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

    from foxgrape import ReportRun
    from measuring import Size

pytestmark = pytest.mark.benchmark(timer=time.perf_counter)

WORKERS, TEMPLATE = 2, "place_brief"
GROUP = "Building reports (place briefs)"
COMMANDS = "papermill and jupyter nbconvert are called once per report, one after another."


@pytest.fixture(scope="module")
def parameters() -> Callable[[], dict[str, str]]:
    """Return a function whose results are parameters of a new report each."""
    places = sorted(open_study().events["place_id"].unique())
    numbers = count()

    def next_parameters() -> dict[str, str]:
        again, place = divmod(next(numbers), len(places))
        return {"place": places[place], "horizon": f"{30 + again}D"}

    return next_parameters


def run_commands(parameters: dict[str, str], folder: Path) -> None:
    """Build one report by commands, with the same number of threads as our workers."""
    executed = folder / "executed.ipynb"
    parameters = {**parameters, "study": str(study_folder("izium-2022"))}
    values = [word for name, value in parameters.items() for word in ("-p", name, value)]
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


def assert_built(runs: list[ReportRun], n: int) -> None:
    """Fail unless `n` different reports were built."""
    errors = [run.error for run in runs if run.error]
    if errors or len({run.run_id for run in runs}) != n:
        pytest.fail(f"there must be {n} reports without errors; got {len(runs)}, errors {errors}")


def test_command_lines(
    benchmark: BenchmarkFixture,
    size: Size,
    parameters: Callable[[], dict[str, str]],
    tmp_path: Path,
) -> None:
    """The usual commands, one report after another."""
    what = "papermill and nbconvert"
    describe(benchmark, GROUP, what, n=1, of="report", peer=what, note=COMMANDS)
    benchmark.pedantic(run_commands, setup=lambda: ((parameters(), tmp_path), {}), rounds=size.few)


def test_one(
    benchmark: BenchmarkFixture,
    size: Size,
    parameters: Callable[[], dict[str, str]],
    tmp_path: Path,
) -> None:
    """A single report, for which all libraries are loaded."""

    def setup() -> tuple[tuple[str], dict[str, object]]:
        return (TEMPLATE,), {"parameters": parameters(), "out": tmp_path}

    describe(benchmark, GROUP, "run_report, a single report", n=1, of="report")
    assert_built([benchmark.pedantic(run_report, setup=setup, rounds=size.few)], 1)


def test_many(
    benchmark: BenchmarkFixture,
    size: Size,
    parameters: Callable[[], dict[str, str]],
    tmp_path: Path,
) -> None:
    """Many reports, forked from a process that has loaded the libraries."""
    requests = [
        ReportRequest(TEMPLATE, parameters=parameters(), out=tmp_path) for _ in range(size.reports)
    ]
    what = f"run_reports, {size.reports:,} on {WORKERS} workers"
    describe(benchmark, GROUP, what, n=size.reports, of="report")
    assert_built(
        benchmark.pedantic(run_reports, [requests], {"workers": WORKERS}, rounds=1), size.reports
    )
