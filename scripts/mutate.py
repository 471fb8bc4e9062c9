"""Mutation testing with mutmut: the share of small changes to the code that a test detects.

Run as `python scripts/mutate.py [MODULE ...] [--least 85]`, or by `make mutate`. Works on a copy in
build/mutation; run `mutmut show NAME` there to see a mutation. Fails if a test detects less than
`--least` percent of a module's mutations. Mutations that no test reaches, and mutations that do not
change the behaviour, count as survived; those that cause an endless loop count as detected.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAB = ROOT / "build" / "mutation"
#: Modules in which a bug would produce false findings in a study.
MODULES = ("linking", "stats/survival/lead_times", "stats/coincidence/event_coincidence", "times")
#: Tests of the modules in `MODULES`.
TESTS = (
    "test_times.py",
    "test_linking.py",
    "stats/survival/test_lead_times.py",
    "stats/test_sentences.py",
    "stats/survival/test_kaplan_meier.py",
    "stats/coincidence/test_event_coincidence.py",
)
#: A mutation is detected if a test fails, never ends, or crashes the interpreter.
DETECTED = frozenset({"killed", "timeout", "segfault"})


def main() -> int:
    """Run all mutations of the modules; return 1 if too few are detected in any of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(MODULES))
    parser.add_argument("--least", type=float, default=85, help="percent, for each module")
    options = parser.parse_args()
    modules = options.modules or list(MODULES)
    lost = [name for name in modules if not (ROOT / "toolkit" / "foxgrape" / f"{name}.py").exists()]
    if lost:
        parser.error(f"no such module: {', '.join(lost)}")
    copy(modules)
    # PYTHONPATH is dropped, because its folders would come before the copy.
    words = [sys.executable, "-m", "mutmut", "run", "--max-children", "1"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(words, check=False, cwd=LAB, env=environment | {"TZ": "UTC"})  # noqa: S603 - our own words
    if run.returncode:
        return run.returncode
    return report({name: outcomes(name) for name in modules}, options.least)


def copy(modules: list[str]) -> None:
    """Copy the project in the layout that mutmut needs: the package in a folder called src."""
    shutil.rmtree(LAB, ignore_errors=True)
    left = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for folder, name in (("toolkit", "src"), ("tests", "tests"), ("data", "data")):
        shutil.copytree(ROOT / folder, LAB / name, ignore=left)
    shutil.copytree(ROOT / "notebooks", LAB / "notebooks", ignore=left)
    settings = {
        "source_paths": ["src"],
        "only_mutate": [f"src/foxgrape/{name}.py" for name in modules],
        "also_copy": ["data", "notebooks"],
        "pytest_add_cli_args": ["--hypothesis-seed=0"],
        "pytest_add_cli_args_test_selection": [f"tests/{name}" for name in TESTS],
        "track_dependencies": False,
    }
    # Lists of text have the same syntax in JSON and TOML.
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text = "\n".join([text, "[tool.mutmut]", *lines, ""])
    tomllib.loads(text)
    (LAB / "pyproject.toml").write_text(text, encoding="utf-8")


def outcomes(module: str) -> dict[str, str]:
    """Return the status of each mutation of a module: killed, survived, no tests, timeout."""
    from mutmut.stats import status_by_exit_code

    meta = LAB / "mutants" / "src" / "foxgrape" / f"{module}.py.meta"
    codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return {name: status_by_exit_code[code] for name, code in codes.items()}


def report(results: dict[str, dict[str, str]], least: float) -> int:
    """Print each module's survivors and share detected; return 1 if any share is too low."""
    for changes in results.values():
        for name, status in changes.items():
            if status not in DETECTED:
                print(f"{status}: {name}")
    everything = [status for changes in results.values() for status in changes.values()]
    rows = {name: list(changes.values()) for name, changes in results.items()} | {"all": everything}
    low = False
    for name, statuses in rows.items():
        detected = sum(status in DETECTED for status in statuses)
        share = 100 * detected / max(len(statuses), 1)
        low |= share < least
        print(f"{name}: {detected} of {len(statuses)} detected, {share:.1f}%")
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
