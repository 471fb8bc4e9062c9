"""The desk as it is used: a real JupyterLab in Chromium, and what is wrong there is said."""

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
def test_a_notebook_is_drawn_in_the_lab_and_faults_are_seen(tmp_path):
    """The first notebook passes; one that fails, and one that asks elsewhere, do not.

    `make desk` looks at all of them.
    """
    desk = tmp_path / "desk"
    desk.mkdir()
    shutil.copy(ROOT / "notebooks" / f"{FIRST}.ipynb", desk)
    faulty = {
        "08-fails": "raise ValueError('on purpose')",
        "09-asks": "from IPython.display import HTML\nHTML('<img src=http://evil.example/x>')",
    }
    for name, code in faulty.items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, desk / f"{name}.ipynb")
    done = subprocess.run(
        [
            *(sys.executable, ROOT / "scripts" / "look_at_desk.py", "--folder", desk),
            *("--pictures", tmp_path / "pictures"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    first, fails, asks = done.stdout.splitlines()
    assert first.startswith(f"{FIRST}: as it should be")
    assert "08-fails: error: ValueError: on purpose" in fails
    assert "09-asks: asked for http://evil.example/x" in asks
    assert list((tmp_path / "pictures").glob(f"{FIRST}-*.png"))
