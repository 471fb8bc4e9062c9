"""Tell which branches of the statistics and of the places no test takes (coverage).

Run as `python scripts/cover.py [--least 95]`, or by `make coverage`. The share is of branches
alone: of the ways out of each place where the code forks, those that a test took. Lines are told
beside it. Under `--least` percent in either part fails. Pages that show what is missing, line by
line, are in build/coverage.

Compiled code runs where coverage does not see it, so that tests of the null models run a second
time as plain Python, on small worlds.
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
#: What estimates, tests and simulates, and what these rest on.
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
    "_util/shutdown",
    "detection/surprisal",
    "stats/coincidence/surrogates",
    "stats/survival/kaplan_meier",
    "_util/serialize",
    "times",
    "stats/survival/turnbull",
)
PARTS = {
    "statistics": [f"{name}.py" for name in STATISTICS],
    "places": [f"places/{path.name}" for path in sorted((PACKAGE / "places").glob("*.py"))],
}
#: The tests that ask these, as they run every day.
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
    "detection/test_mentions.py",
    "places/test_packaged_data.py",
    "studies/test_study.py",
    "places/test_suggestions.py",
    "stats/coincidence/test_surrogates.py",
    "stats/survival/test_kaplan_meier.py",
    "test_times.py",
    "stats/test_sentences.py",
    "stats/test_simulate.py",
)
#: And those that run again uncompiled, for they need few surrogates. Random bits are made to
#: overflow, of which plain Python warns.
UNCOMPILED = (
    "stats/coincidence/test_event_coincidence.py",
    "stats/coincidence/test_surrogates.py",
    "stats/test_sentences.py",
)
FEW = "hand or rough_times or ties or hindsight or without_signals or json or draws or field"
OVERFLOW = "ignore:overflow encountered:RuntimeWarning"


@dataclass(frozen=True)
class Count:
    """Ways and lines taken, of how many."""

    ways: int
    of_ways: int
    lines: int
    of_lines: int

    def share(self) -> float:
        """Return the share of ways taken, in percent; what never forks is taken whole."""
        return 100 * self.ways / self.of_ways if self.of_ways else 100.0


def main() -> int:
    """Run the tests under coverage; return 1 where too few branches are taken, or a test fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--least", type=float, default=95, help="percent of branches, each part")
    options = parser.parse_args()
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    files = [f"toolkit/foxgrape/{name}" for names in PARTS.values() for name in names]
    run("compiled", files, [f"tests/{name}" for name in TESTS] + files)
    plain = ["-W", OVERFLOW, "-k", FEW, *(f"tests/{name}" for name in UNCOMPILED)]
    run("plain", files, plain, NUMBA_DISABLE_JIT="1")
    told = ["--data-file", str(KEPT / "data")]
    coverage("combine", *told, "--keep", *map(str, KEPT.glob("data.*")))
    coverage("html", *told, "--quiet", "-d", str(KEPT / "html"))
    coverage("json", *told, "--quiet", "-o", str(KEPT / "all.json"))
    found = json.loads((KEPT / "all.json").read_text(encoding="utf-8"))["files"]
    return tell({part: counts(names, found) for part, names in PARTS.items()}, options.least)


def run(name: str, files: list[str], tests: list[str], **surroundings: str) -> None:
    """Run tests under coverage, which writes what it saw of the files to a file of its own."""
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
        **surroundings,
    )


def coverage(*words: str, **surroundings: str) -> None:
    """Do one thing with coverage; where that fails there is nothing to tell."""
    path = os.pathsep.join([str(ROOT / "toolkit"), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = os.environ | {"TZ": "UTC", "PYTHONPATH": path} | surroundings
    command = [sys.executable, "-m", "coverage", *words]
    if subprocess.run(command, check=False, cwd=ROOT, env=env).returncode:  # noqa: S603 - our own words
        sys.exit(1)


def counts(names: list[str], found: dict[str, dict[str, dict[str, int]]]) -> dict[str, Count]:
    """Return what was taken of each file; a file that no test imports is an error."""
    told = {}
    for name in names:
        seen = found[f"toolkit/foxgrape/{name}"]["summary"]
        told[name] = Count(
            seen["covered_branches"],
            seen["num_branches"],
            seen["covered_lines"],
            seen["num_statements"],
        )
    return told


def tell(parts: dict[str, dict[str, Count]], least: float) -> int:
    """Print the share of branches of each file and part; return 1 where one part has too few."""
    low = False
    for part, files in parts.items():
        whole = Count(
            sum(count.ways for count in files.values()),
            sum(count.of_ways for count in files.values()),
            sum(count.lines for count in files.values()),
            sum(count.of_lines for count in files.values()),
        )
        low |= whole.share() < least
        for name, count in [*files.items(), (part, whole)]:
            print(
                f"{name}: {count.ways} of {count.of_ways} branches, {count.share():.1f}%; "
                f"{count.lines} of {count.of_lines} lines"
            )
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
