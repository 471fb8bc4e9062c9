"""Scripts for coverage and mutation testing name existing files and fail below their limits."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def study(monkeypatch):
    """Load a script by its name."""

    def load(name):
        spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def test_studies_name_existing_modules_and_tests(study):
    cover, mutate = study("cover"), study("mutate")
    package = ROOT / "toolkit" / "foxgrape"
    named = [name for files in cover.PARTS.values() for name in files]
    named += [f"{name}.py" for name in mutate.MODULES]
    assert all((package / name).is_file() for name in named)
    assert "places/gazetteer.py" in named
    tests = {*cover.TESTS, *cover.UNCOMPILED, *mutate.TESTS}
    assert all((ROOT / "tests" / name).is_file() for name in tests)


def test_too_few_detected_mutations_of_one_module_fail_the_run(study, capsys):
    tell = study("mutate").report
    good = {f"good_{number}": "killed" for number in range(17)} | {"g": "timeout", "s": "segfault"}
    poor = {"a": "killed", "b": "survived", "c": "no tests", "d": "suspicious"}
    assert tell({"good": good}, 85) == 0
    assert capsys.readouterr().out == (
        "good: 19 of 19 detected, 100.0%\nall: 19 of 19 detected, 100.0%\n"
    )
    assert tell({"good": good, "poor": poor}, 85) == 1
    assert capsys.readouterr().out.splitlines() == [
        "survived: b",
        "no tests: c",
        "suspicious: d",
        "good: 19 of 19 detected, 100.0%",
        "poor: 1 of 4 detected, 25.0%",
        "all: 20 of 23 detected, 87.0%",
    ]
    assert tell({"good": good, "poor": poor}, 25) == 0


def test_too_few_branches_in_one_part_fail_the_run(study, capsys):
    cover = study("cover")
    plain = {"plain.py": cover.Count(0, 0, 3, 3)}
    forked = {"one.py": cover.Count(18, 20, 9, 10), "two.py": cover.Count(1, 20, 9, 10)}
    assert cover.report({"plain": plain}, 95) == 0
    assert capsys.readouterr().out == (
        "plain.py: 0 of 0 branches, 100.0%; 3 of 3 lines\n"
        "plain: 0 of 0 branches, 100.0%; 3 of 3 lines\n"
    )
    # Lines would be 90% of both: branches alone count, and of the part, not of each file.
    assert cover.report({"plain": plain, "forked": forked}, 48) == 1
    assert "forked: 19 of 40 branches, 47.5%; 18 of 20 lines" in capsys.readouterr().out
    assert cover.report({"plain": plain, "forked": forked}, 47.5) == 0
