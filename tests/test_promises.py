"""Pages that name a test for each guarantee must name existing tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("SECURITY.md", "docs/explanation/faults.md")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows(text: str) -> list[tuple[str, str]]:
    """Return guarantee and test cell of each row in the tables of guarantees."""
    pairs, inside = [], False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells == ["promise", "test"]:
            inside = True
        elif inside and set(line) - set("|- "):
            pairs.append((cells[0], cells[-1]))
    return pairs


def missing(text: str, root: Path = ROOT) -> list[str]:
    """Return guarantees without a test, and named tests that do not exist."""
    problems = [promise for promise, cell in rows(text) if not NAMED.search(cell)]
    for file, name in NAMED.findall(text):
        path = root / file
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.parse("")
        if name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
            problems.append(f"{file}::{name}")
    return problems


@pytest.mark.parametrize("page", PAGES)
def test_each_promise_names_existing_test(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert len(rows(text)) > 20
    assert missing(text) == []


def test_missing_test_is_detected():
    table = "| promise | test |\n|---|---|\n"
    existing = "`tests/test_promises.py::test_missing_test_is_detected`"
    assert missing(f"{table}| It works | {existing} |\n") == []
    assert missing(f"{table}| It works | we hope |\n") == ["It works"]
    for name in ("tests/test_promises.py::test_nothing", "tests/test_none.py::test_x"):
        assert missing(f"{table}| It works | `{name}` |\n") == [name]
