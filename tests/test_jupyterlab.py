"""Notebooks run in a real JupyterLab in Chromium, and problems are reported."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
FIRST = "01-the-grapes-of-izium"


@pytest.mark.browser
@pytest.mark.usefixtures("browser_path")
def test_a_good_notebook_passes_and_problems_are_reported(tmp_path):
    """The first notebook passes; one that raises and one that requests another host do not.

    `make check-lab` checks all notebooks.
    """
    folder = tmp_path / "notebooks"
    folder.mkdir()
    shutil.copy(ROOT / "notebooks" / f"{FIRST}.ipynb", folder)
    faulty = {
        "08-raises": "raise ValueError('on purpose')",
        "09-requests": "from IPython.display import HTML\nHTML('<img src=http://evil.example/x>')",
    }
    for name, code in faulty.items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, folder / f"{name}.ipynb")
    checked = subprocess.run(
        [
            *(sys.executable, ROOT / "scripts" / "check_jupyterlab.py", "--folder", folder),
            *("--screenshots", tmp_path / "screenshots"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 1, checked.stderr
    first, raises, requests = checked.stdout.splitlines()
    assert first.startswith(f"{FIRST}: OK")
    assert "08-raises: error: ValueError: on purpose" in raises
    assert "09-requests: request to http://evil.example/x" in requests
    assert list((tmp_path / "screenshots").glob(f"{FIRST}-*.png"))
