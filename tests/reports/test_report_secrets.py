"""The secret of a report's parameter appears in none of the files of a run, and in no message."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from foxgrape._util.secrets import SecretFilter
from foxgrape.cli.app import run
from report_templates import SIDECAR, template

VALUE = 'p/w "hunter2" & käse'
READS = "import base64, html, json, os, urllib.parse\nsecret = os.environ[token]"
SHOWS = """
from IPython.display import HTML
print(secret, json.dumps(secret).replace("/", r"\\/"), urllib.parse.quote(secret, safe=""))
print(base64.b64encode(f"me:{secret}".encode()).decode(), secret.encode(), file=sys.stderr)
HTML("<h2>" + html.escape(secret) + "</h2>")
"""
FIGURE = """
import plotly.graph_objects as go
go.Figure(layout={"title": {"text": "Figure " + secret}})
"""


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """Return a function that creates a template with a secret parameter."""
    monkeypatch.setenv("MY_TOKEN", VALUE)

    def create(*cells: str) -> Path:
        first = "study = None\nnumber = 1\ntoken = 'MY_TOKEN'"
        path = template(tmp_path, "mine", f"import sys\n{READS}", *cells, first=first)
        rule = "    token: {type: string, format: secret, default: MY_TOKEN}\n"
        path.with_suffix(".yaml").write_text(SIDECAR + rule, encoding="utf-8")
        return path

    return create


def all_texts(folder: Path, output: tuple[str, str]) -> str:
    """Return what was printed and the content of all files; figures in a page as parsed text."""
    files = [path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()]
    assert len(files) >= 3
    return "\n".join([*files, *output])


def test_the_outputs_of_a_report_are_published_without_its_secret(notebook, tmp_path, capfd):
    out = tmp_path / "out"
    assert run(["report", "build", str(notebook(SHOWS, FIGURE)), "--out", str(out)]) == 0
    text = all_texts(out, capfd.readouterr())
    assert not SecretFilter([VALUE]).found_in(text.encode())
    (path,) = out.glob("mine-*/notebook.ipynb")
    content = nbformat.read(path, as_version=4)
    nbformat.validate(content)
    assert '... "..." ...' in content.cells[3].outputs[0].text
    assert "Figure ..." in (path.parent / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("raise ValueError(f'refused: {secret}')", "cell 4: ValueError: refused: ..."),
        (
            "raise ValueError('/?t=' + urllib.parse.quote(secret, safe=''))",
            "cell 4: ValueError: /?t=...",
        ),
        # A message is truncated, here within the secret.
        ("raise ValueError('x' * 1_970 + secret)", "cell 4: ValueError: xxx"),
        ("print(secret, flush=True)\nos.kill(os.getppid(), 9)", "the run's process was killed"),
    ],
    ids=["plain", "quoted", "truncated", "killed"],
)
def test_a_failed_report_is_kept_and_reported_without_its_secret(
    notebook, tmp_path, capfd, cell, error
):
    out = tmp_path / "out"
    assert run(["report", "build", str(notebook(cell)), "--out", str(out)]) == 1
    output = capfd.readouterr()
    assert error in output.err
    text = all_texts(out, output)
    assert not SecretFilter([VALUE]).found_in(text.encode())
    assert "hunter2" not in text
    (manifest,) = out.glob("failed/mine-*/manifest.json")
    assert error in json.loads(manifest.read_text(encoding="utf-8"))["error"]
    assert error in (out / "index.html").read_text(encoding="utf-8").replace("&#39;", "'")
