"""What many reports cost: forked from one process, against one command line after another.

Run as `python benchmarks/reports.py`. The same template, the embedded study, other parameters each
time: twenty reports on two workers by `run_reports`, and a sample of them as anyone would build
them, `papermill` and then `jupyter nbconvert`. Both are measured in the same run, the sample once
before and once after, because a machine is not always equally busy. Ratios are printed.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from foxgrape import ReportRequest, run_report, run_reports
from foxgrape.reports.catalogue import find_template
from foxgrape.reports.workers import _ONE_THREAD
from foxgrape.shipped import study_folder

REPORTS, WORKERS, TEMPLATE = 20, 2, "lead_times"


def horizon(number: int) -> str:
    """Return the parameter that makes a report another one."""
    return f"{10 + number}D"


def command_lines(number: int, folder: Path) -> float:
    """Build one report as command lines do; return seconds."""
    executed = folder / f"{number}.ipynb"
    env = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
    begin = time.perf_counter()
    values = ["-p", "horizon", horizon(number), "-p", "study", str(study_folder("izium-2022"))]
    notebook = str(find_template(TEMPLATE).notebook)
    for words in (
        ["papermill", notebook, str(executed), "-k", "python3", *values],
        ["nbconvert", "--to", "html", "--no-input", str(executed)],
    ):
        subprocess.run(
            [sys.executable, "-m", *words], check=True, capture_output=True, cwd=folder, env=env
        )
    return time.perf_counter() - begin


def ours(folder: Path) -> float:
    """Build all reports; return seconds."""
    requests = [
        ReportRequest(TEMPLATE, parameters={"horizon": horizon(number)}, out=folder)
        for number in range(REPORTS)
    ]
    begin = time.perf_counter()
    runs = run_reports(requests, workers=WORKERS)
    seconds = time.perf_counter() - begin
    failed = [run.error for run in runs if run.error]
    if failed or len({run.run_id for run in runs}) != REPORTS:
        raise SystemExit(f"not what was to be measured: {failed}")
    return seconds


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sample = [command_lines(number, folder) for number in range(2)]
        seconds = ours(folder / "reports")
        sample.append(command_lines(2, folder))
        begin = time.perf_counter()
        run_report(TEMPLATE, parameters={"horizon": "99D"}, out=folder / "one")
        single = time.perf_counter() - begin
    each = statistics.mean(sample)
    print(f"load of the machine now                {os.getloadavg()[0]:6.1f}")
    print(f"papermill + nbconvert, one report      {each:6.1f} s  (mean of {len(sample)})")
    print(f"so {REPORTS} of them                         {REPORTS * each:6.1f} s")
    print(f"run_reports, {REPORTS} on {WORKERS} workers           {seconds:6.1f} s")
    print(f"share of the time                      {seconds / (REPORTS * each):6.2f}")
    print(f"run_report, one alone                  {single:6.1f} s  ({single / each:.2f} of one)")


if __name__ == "__main__":
    main()
