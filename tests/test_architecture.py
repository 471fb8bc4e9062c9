"""The code is built as docs/architecture.md says: a module imports from no room further down."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLKIT = ROOT / "toolkit"


def dotted(file):
    parts = file.relative_to(TOOLKIT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {dotted(file): file for file in sorted(TOOLKIT.rglob("*.py"))}


@cache
def rooms():
    """Return the rooms of the page in order, and the patterns of their modules."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.split("## Rooms")[1].split("## ")[0]
    found = re.findall(r"^\| (\w+) \| .+ \| (`.+`) \|$", section, flags=re.MULTILINE)
    return {room: re.findall(r"`([^`]+)`", modules) for room, modules in found}


def room_of(module):
    """Return the number of a module's room; the package itself loads all of them, on first use."""
    name = module.split(".")[1]
    exact = [at for at, names in enumerate(rooms().values()) if name in names]
    alike = [
        at for at, names in enumerate(rooms().values()) if any(fnmatch(name, n) for n in names)
    ]
    (room,) = exact or alike
    return room


def imported(module):
    """Return what a module imports when it runs, at whatever line."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    for_types = {
        id(below)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for below in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("foxgrape"):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)


@pytest.mark.parametrize("module", [name for name in MODULES if name != "foxgrape"])
def test_a_module_imports_from_no_room_further_down(module):
    own = room_of(module)
    for other in imported(module):
        if other != "foxgrape":
            assert room_of(other) <= own, f"{module} imports {other}"


def test_every_name_on_the_page_is_a_module():
    names = {module.split(".")[1] for module in MODULES if module != "foxgrape"}
    for patterns in rooms().values():
        for pattern in patterns:
            assert any(fnmatch(name, pattern) for name in names), pattern
