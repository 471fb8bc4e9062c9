"""Notebooks: each equals its script, keeps no output, and says what a reader needs to know."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


SCRIPTS = [*NOTEBOOKS.glob("0*.py"), *(NOTEBOOKS / "templates").glob("*.py")]


@pytest.mark.parametrize("script", sorted(SCRIPTS), ids=lambda path: path.stem)
def test_each_notebook_equals_its_script(script):
    """Notebook and script are one text, and no output is kept."""
    converted = subprocess.run(
        [
            sys.executable,
            "-m",
            "jupytext",
            "--to",
            "py:percent",
            "--output",
            "-",
            str(script.with_suffix(".ipynb")),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert body(converted) == body(script.read_text(encoding="utf-8"))
    notebook = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert notebook.metadata["kernelspec"]["language"] == "python"


def body(script: str) -> str:
    """Return a script without its header, which names the tool's version."""
    return script.split("# ---\n", 2)[2].strip()


@pytest.mark.parametrize("script", sorted(NOTEBOOKS.glob("0*.py")), ids=lambda path: path.stem)
def test_each_says_what_for_how_long_and_what_next(script):
    words = re.sub(r"^# ?", "", script.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = " ".join(words.split())
    assert "After this notebook you" in text
    assert re.search(r"runs in about (ten|fifteen|twenty|thirty|forty) seconds", text)
    assert "## Exercises" in text


def test_a_warning_fails_a_notebook(monkeypatch, tmp_path):
    monkeypatch.setenv("IPYTHONDIR", str(Path(__file__).parent / "ipython"))
    cell = nbformat.v4.new_code_cell("import warnings\nwarnings.warn('beware')")
    with pytest.raises(CellExecutionError, match="beware"):
        NotebookClient(nbformat.v4.new_notebook(cells=[cell]), kernel_name="python3").execute(
            cwd=str(tmp_path)
        )
