"""What many reports cost: forked from one process, against one command line after another.

Run as `python benchmarks/reports.py`, with `--reports 20` for a shorter one. The brief of a place,
of the embedded study, other parameters each time: a hundred reports on two workers by
`run_reports`, and a sample of them as anyone would build them, `papermill` and then `jupyter
nbconvert`. Both are measured in the same run, the sample before and after, because a machine is
not always equally busy. Ratios are printed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from foxgrape import ReportRequest, open_study, run_report, run_reports
from foxgrape.reports.catalogue import find_template
from foxgrape.reports.workers import _ONE_THREAD
from foxgrape.shipped import study_folder

WORKERS, TEMPLATE = 2, "place_brief"


def parameters(number: int) -> dict[str, str]:
    """Return parameters that no other report has."""
    places = sorted(open_study().events["place_id"].unique())
    again, place = divmod(number, len(places))
    return {"place": places[place], "horizon": f"{30 + again}D"}


def command_lines(number: int, folder: Path) -> float:
    """Build one report as command lines do; return seconds."""
    executed = folder / f"{number}.ipynb"
    env = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
    begin = time.perf_counter()
    given = {**parameters(number), "study": str(study_folder("izium-2022"))}
    values = [word for name, value in given.items() for word in ("-p", name, value)]
    notebook = str(find_template(TEMPLATE).notebook)
    for words in (
        ["papermill", notebook, str(executed), "-k", "python3", *values],
        ["nbconvert", "--to", "html", "--no-input", str(executed)],
    ):
        subprocess.run(
            [sys.executable, "-m", *words], check=True, capture_output=True, cwd=folder, env=env
        )
    return time.perf_counter() - begin


def ours(folder: Path, reports: int) -> float:
    """Build all reports; return seconds."""
    requests = [
        ReportRequest(TEMPLATE, parameters=parameters(number), out=folder)
        for number in range(reports)
    ]
    begin = time.perf_counter()
    runs = run_reports(requests, workers=WORKERS)
    seconds = time.perf_counter() - begin
    failed = [run.error for run in runs if run.error]
    if failed or len({run.run_id for run in runs}) != reports:
        raise SystemExit(f"not what was to be measured: {failed}")
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=int, default=100)
    reports = parser.parse_args().reports
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sample = [command_lines(number, folder) for number in range(2)]
        seconds = ours(folder / "reports", reports)
        sample.append(command_lines(2, folder))
        begin = time.perf_counter()
        run_report(TEMPLATE, parameters=parameters(reports), out=folder / "one")
        single = time.perf_counter() - begin
    each = statistics.mean(sample)
    print(f"load of the machine now                {os.getloadavg()[0]:6.1f}")
    print(f"papermill + nbconvert, one report      {each:6.1f} s  (mean of {len(sample)})")
    print(f"so {reports:4} of them                       {reports * each:6.1f} s")
    print(f"run_reports, {reports:4} on {WORKERS} workers         {seconds:6.1f} s")
    print(f"share of the time                      {seconds / (reports * each):6.2f}")
    print(f"run_report, one alone                  {single:6.1f} s  ({single / each:.2f} of one)")


if __name__ == "__main__":
    main()
