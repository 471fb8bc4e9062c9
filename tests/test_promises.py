"""A page that names the test of each promise names tests that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("SECURITY.md", "docs/explanation/faults.md")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows(text: str) -> list[tuple[str, str]]:
    """Return what stands in the tables of promises: promise and cell of tests."""
    found, inside = [], False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells == ["promise", "test"]:
            inside = True
        elif inside and set(line) - set("|- "):
            found.append((cells[0], cells[-1]))
    return found


def missing(text: str, root: Path = ROOT) -> list[str]:
    """Return what is promised without a test, and tests that are named and are none."""
    wrong = [promise for promise, cell in rows(text) if not NAMED.search(cell)]
    for file, name in NAMED.findall(text):
        path = root / file
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.parse("")
        if name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
            wrong.append(f"{file}::{name}")
    return wrong


@pytest.mark.parametrize("page", PAGES)
def test_each_promise_names_a_test_that_there_is(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert len(rows(text)) > 20
    assert missing(text) == []


def test_a_promise_without_a_test_is_seen():
    table = "| promise | test |\n|---|---|\n"
    here = "`tests/test_promises.py::test_a_promise_without_a_test_is_seen`"
    assert missing(f"{table}| It works | {here} |\n") == []
    assert missing(f"{table}| It works | we hope |\n") == ["It works"]
    for name in ("tests/test_promises.py::test_nothing", "tests/test_none.py::test_x"):
        assert missing(f"{table}| It works | `{name}` |\n") == [name]
