"""Branch coverage of the statistics and of the places library.

Run as `python scripts/cover.py [--least 95]`, or by `make coverage`. Fails if less than `--least`
percent of the branches are covered in either part; lines are reported for information. HTML pages
that show the missing lines are written to build/coverage.

Coverage cannot see compiled code, so some tests of the null models run a second time as plain
Python.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "build" / "coverage"
PACKAGE = ROOT / "toolkit" / "foxgrape"
#: The statistics and the modules that they depend on.
STATISTICS = (
    "stats/alarms/comparison",
    "stats/hazard/conditional_logit",
    "stats/coincidence/event_coincidence",
    "stats/survival/competing_risks",
    "stats/hazard/hazard_ratio",
    "stats/survival/lead_times",
    "linking",
    "stats/coincidence/place_intensity",
    "stats/alarms/molchan",
    "stats/power",
    "stats/coincidence/kernels",
    "stats/hazard/risk_sets",
    "stats/coincidence/point_pattern",
    "stats/inputs",
    "stats/simulate",
    "cli/output",
    "detection/detect",
    "stats/coincidence/significance",
    "stats/coincidence/surrogates",
    "stats/survival/kaplan_meier",
    "_util/formatting",
    "times",
    "stats/survival/turnbull",
)
PARTS = {
    "statistics": [f"{name}.py" for name in STATISTICS],
    "places": [f"places/{path.name}" for path in sorted((PACKAGE / "places").glob("*.py"))],
}
#: Tests of the modules in `PARTS`.
TESTS = (
    "stats/alarms/test_alarm.py",
    "test_calibration.py",
    "cli/test_places.py",
    "places/test_codebook.py",
    "stats/coincidence/test_event_coincidence.py",
    "stats/coincidence/test_on_studies.py",
    "detection/test_detect.py",
    "places/test_find.py",
    "test_fuzz.py",
    "stats/survival/test_against_r.py",
    "stats/hazard/test_hazard_ratio.py",
    "stats/test_invariants.py",
    "stats/survival/test_lead_times.py",
    "test_linking.py",
    "places/test_mentions.py",
    "places/test_packaged_data.py",
    "studies/test_study.py",
    "places/test_suggestions.py",
    "stats/coincidence/test_surrogates.py",
    "stats/survival/test_kaplan_meier.py",
    "test_times.py",
    "stats/test_sentences.py",
    "stats/test_simulate.py",
)
#: Tests that are also run as plain Python, which is slow, because they need few surrogates. The
#: random number generator overflows on purpose, of which plain Python warns.
UNCOMPILED = (
    "stats/coincidence/test_event_coincidence.py",
    "stats/coincidence/test_surrogates.py",
    "stats/test_sentences.py",
)
FEW = "hand or rough_times or ties or hindsight or without_signals or json or draws or field"
OVERFLOW = "ignore:overflow encountered:RuntimeWarning"


@dataclass(frozen=True)
class Count:
    """Branches and lines covered, and their totals."""

    branches: int
    all_branches: int
    lines: int
    all_lines: int

    def share(self) -> float:
        """Return the percentage of branches covered, 100 if there are none."""
        return 100 * self.branches / self.all_branches if self.all_branches else 100.0


def main() -> int:
    """Run the tests under coverage; return 1 if a test fails or too few branches are covered."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--least", type=float, default=95, help="percent of branches, each part")
    options = parser.parse_args()
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    files = [f"toolkit/foxgrape/{name}" for names in PARTS.values() for name in names]
    run("compiled", files, [f"tests/{name}" for name in TESTS] + files)
    plain = ["-W", OVERFLOW, "-k", FEW, *(f"tests/{name}" for name in UNCOMPILED)]
    run("plain", files, plain, NUMBA_DISABLE_JIT="1")
    data_file = ["--data-file", str(KEPT / "data")]
    coverage("combine", *data_file, "--keep", *map(str, KEPT.glob("data.*")))
    coverage("html", *data_file, "--quiet", "-d", str(KEPT / "html"))
    coverage("json", *data_file, "--quiet", "-o", str(KEPT / "all.json"))
    files = json.loads((KEPT / "all.json").read_text(encoding="utf-8"))["files"]
    return report({part: counts(names, files) for part, names in PARTS.items()}, options.least)


def run(name: str, files: list[str], tests: list[str], **environment: str) -> None:
    """Run tests under coverage, with a separate data file for the run `name`."""
    coverage(
        "run",
        "--branch",
        f"--data-file={KEPT / 'data'}.{name}",
        f"--include={','.join(files)}",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *tests,
        **environment,
    )


def coverage(*words: str, **environment: str) -> None:
    """Run a coverage command; exit if it fails."""
    path = os.pathsep.join([str(ROOT / "toolkit"), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = os.environ | {"TZ": "UTC", "PYTHONPATH": path} | environment
    command = [sys.executable, "-m", "coverage", *words]
    if subprocess.run(command, check=False, cwd=ROOT, env=env).returncode:  # noqa: S603 - our own words
        sys.exit(1)


def counts(names: list[str], files: dict[str, dict[str, dict[str, int]]]) -> dict[str, Count]:
    """Return the counts of each file; a file that no test imports is an error."""
    keys = ("covered_branches", "num_branches", "covered_lines", "num_statements")
    summaries = {name: files[f"toolkit/foxgrape/{name}"]["summary"] for name in names}
    return {name: Count(*(summary[key] for key in keys)) for name, summary in summaries.items()}


def report(parts: dict[str, dict[str, Count]], least: float) -> int:
    """Print the branch coverage of each file and part; return 1 if that of any part is too low."""
    low = False
    for part, files in parts.items():
        total = Count(
            sum(count.branches for count in files.values()),
            sum(count.all_branches for count in files.values()),
            sum(count.lines for count in files.values()),
            sum(count.all_lines for count in files.values()),
        )
        low |= total.share() < least
        for name, count in [*files.items(), (part, total)]:
            print(
                f"{name}: {count.branches} of {count.all_branches} branches, {count.share():.1f}%; "
                f"{count.lines} of {count.all_lines} lines"
            )
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
