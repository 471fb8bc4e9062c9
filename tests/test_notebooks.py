"""Notebooks equal their scripts, have no outputs, and state goal and running time."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
import write_notebooks_page

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"


SCRIPTS = [*NOTEBOOKS.glob("0*.py"), *(NOTEBOOKS / "templates").glob("*.py")]


@pytest.mark.parametrize("script", sorted(SCRIPTS), ids=lambda path: path.stem)
def test_notebook_equals_its_script(script):
    """The notebook has the text of its script and no outputs."""
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
    """Return a script without its header, which contains the version of jupytext."""
    return script.split("# ---\n", 2)[2].strip()


@pytest.mark.parametrize("script", sorted(NOTEBOOKS.glob("0*.py")), ids=lambda path: path.stem)
def test_notebook_states_goal_running_time_and_exercises(script):
    words = re.sub(r"^# ?", "", script.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = " ".join(words.split())
    assert "After this notebook you" in text
    assert re.search(r"runs in about (ten|fifteen|twenty|thirty|forty) seconds", text)
    assert "## Exercises" in text


def test_notebooks_page_is_up_to_date():
    page = write_notebooks_page.PAGE.read_text(encoding="utf-8")
    assert page == write_notebooks_page.page()
    assert page.count("\n## ") == len(list(NOTEBOOKS.glob("0*.ipynb")))


def test_warning_fails_a_notebook(monkeypatch, tmp_path):
    monkeypatch.setenv("IPYTHONDIR", str(Path(__file__).parent / "ipython"))
    cell = nbformat.v4.new_code_cell("import warnings\nwarnings.warn('careful')")
    with pytest.raises(CellExecutionError, match="careful"):
        NotebookClient(nbformat.v4.new_notebook(cells=[cell]), kernel_name="python3").execute(
            cwd=str(tmp_path)
        )


def git(folder, *words):
    return subprocess.run(
        ["git", "-c", "user.name=Tester", "-c", "user.email=tester@example.org", *words],
        cwd=folder,
        capture_output=True,
        check=True,
    ).stdout


@pytest.fixture
def clone(tmp_path):
    """Create a repository with the project's attributes, and enable its filter with make."""
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "strip_outputs.py", tmp_path / "scripts")
    shutil.copy(ROOT / "Makefile", tmp_path)
    git(tmp_path, "init", "--quiet")
    subprocess.run(
        ["make", "--silent", "filter", f"PYTHON={sys.executable}"], cwd=tmp_path, check=True
    )
    return tmp_path


@pytest.mark.skipif(not all(map(shutil.which, ("git", "make"))), reason="needs git and make")
def test_filter_strips_outputs_in_git_and_keeps_them_on_disk(clone):
    script = min(NOTEBOOKS.glob("0*.py"))
    notebook = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
    for count, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("stream", text="kept on disk 🍇")]
            cell.execution_count = count
            cell.metadata["execution"] = {"iopub.execute_input": "2026-01-01T00:00:00Z"}
    nbformat.write(notebook, clone / "run.ipynb")
    before = (clone / "run.ipynb").read_bytes()
    git(clone, "add", "run.ipynb")
    git(clone, "commit", "--quiet", "--message", "an executed notebook")
    assert git(clone, "show", "HEAD:run.ipynb") == script.with_suffix(".ipynb").read_bytes()
    assert (clone / "run.ipynb").read_bytes() == before
    assert git(clone, "status", "--porcelain", "run.ipynb") == b""


@pytest.mark.parametrize("script", sorted(SCRIPTS), ids=lambda path: path.stem)
def test_filter_leaves_stripped_notebook_unchanged(script):
    notebook = script.with_suffix(".ipynb").read_bytes()
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "strip_outputs.py"],
        input=notebook,
        capture_output=True,
        check=True,
    )
    assert result.stdout == notebook


@pytest.mark.skipif(not all(map(shutil.which, ("git", "make"))), reason="needs git and make")
def test_invalid_notebook_is_not_added(clone):
    (clone / "broken.ipynb").write_text("{", encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        git(clone, "add", "broken.ipynb")
