"""Slow packages are imported only where they are needed, so that commands start quickly.

benchmarks/startup.py measures the time; a test of time would fail on a busy machine.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED = """
import sys
from foxgrape.cli.app import run
code = run(sys.argv[2:])
sys.stdout.flush()
print(sorted(set(sys.argv[1].split(",")) & set(sys.modules)), file=sys.stderr)
sys.exit(code)
"""
DATA = "numpy,pandas,pyarrow,scipy,statsmodels,numba,plotly,deltalake,httpx"
REPORTS = "nbformat,nbconvert,papermill,jsonschema,jinja2,jupyter_client"


@pytest.mark.parametrize(
    ("call", "unloaded"),
    [
        ("--help", f"{DATA},{REPORTS},yaml,pydantic,rich.console,rich.markdown,emoji,rapidfuzz"),
        ("report --help", f"{DATA},{REPORTS},yaml,rich.console"),
        ("lookup 🍇", f"{DATA},{REPORTS},yaml,rich.console,emoji,rapidfuzz"),
        ("lookup 🍇 --json", f"{DATA},{REPORTS},yaml,rich,emoji,rapidfuzz"),
        ("find Izyum", f"{DATA},{REPORTS},yaml,rich.console,emoji"),
        ("report list", f"{DATA},{REPORTS},rich.console"),
        ("data list", f"{DATA},{REPORTS},yaml,rich.console"),
    ],
)
def test_a_command_imports_only_what_it_needs(call, unloaded):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, unloaded, *call.split()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("module", "unloaded"),
    [
        ("foxgrape", f"{DATA},{REPORTS},yaml,typing"),
        ("foxgrape.places", f"{DATA},{REPORTS},yaml,emoji,rapidfuzz"),
        ("foxgrape.reports", f"{DATA},{REPORTS}"),
    ],
)
def test_a_module_imports_only_what_it_needs(module, unloaded):
    code = f"import sys, {module}; print(sorted(set({unloaded!r}.split(',')) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_lookup_library_is_an_attribute_of_the_package():
    code = 'import foxgrape, sys; print(foxgrape.places.lookup("🍇")[0].place.name)'
    code += '; print("pandas" in sys.modules)'
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Izium", "False"]
