"""The templates run by stock papermill and exported by stock nbconvert."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest

from foxgrape._util.files import template_folder
from foxgrape.plots import pictures
from foxgrape.plots.offline import MIMETYPE
from foxgrape.reports.templates.discovery import find_template, new_template, templates
from hostile_strings import ATTACKS

PNG = re.compile(r'<img [^>]*src="data:image/png;base64,iVBOR[^"]{10000,}"')


def call(*arguments: str | Path, **variables: str) -> str:
    """Run a module of Jupyter in a new process; return what it printed."""
    environment = os.environ | {"FOXGRAPE_PICTURES": "1"} | variables
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_and_export(template: str, folder: Path, *parameters: str, **variables: str):
    """Run a template with papermill, and return the notebook and nbconvert's page of it."""
    ran = folder / "ran.ipynb"
    call("papermill", find_template(template).notebook, ran, *parameters, **variables)
    call("nbconvert", "--to", "html", ran, **variables)
    notebook = nbformat.read(ran, as_version=4)
    return notebook, ran.with_suffix(".html").read_text(encoding="utf-8")


def outputs(notebook):
    return [
        output.data
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if MIMETYPE in output.get("data", {})
    ]


@pytest.mark.browser
@pytest.mark.usefixtures("browser_path")
def test_every_figure_is_in_the_page_of_stock_nbconvert(tmp_path):
    notebook, page = run_and_export("place_brief", tmp_path, "-p", "place", "Izium")
    figures = outputs(notebook)
    assert len(figures) == 2
    assert all("image/png" in data for data in figures)
    assert len(PNG.findall(page)) == 2
    assert "Izium: 1 event, 4 signals" in page
    assert max(len(data["image/png"]) for data in figures) < 400_000


def test_without_a_picture_the_page_of_nbconvert_describes_the_figure(tmp_path):
    notebook, page = run_and_export("place_brief", tmp_path, FOXGRAPE_PICTURES="0")
    figures = outputs(notebook)
    assert len(figures) == 2
    for data in figures:
        assert data[MIMETYPE]["layout"]["meta"]["alt"][:60] in data["text/html"]
    assert page.count("This viewer does not draw the figure") == 2
    assert page.count("it was built with FOXGRAPE_PICTURES=0") == 2


@pytest.mark.parametrize("name", sorted(templates()))
def test_papermill_knows_the_type_of_every_parameter(name):
    template = find_template(name)
    types = {"string": "str", "integer": "int", "boolean": "bool", "array": "list[str]"}
    inspected = papermill.inspect_notebook(str(template.notebook))
    for parameter, rule in template.schema["properties"].items():
        known = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
        expected = types[known[0]]
        expected = f"Optional[{expected}]" if "null" in known else expected
        assert inspected[parameter]["inferred_type_name"] == expected, parameter
        assert inspected[parameter]["help"], parameter
        # A notebook cannot resolve the relative dates of a sidecar.
        if "default" in rule and rule.get("format") != "date":
            assert ast.literal_eval(inspected[parameter]["default"]) == rule["default"], parameter
    own = {"study": "Optional[str]", "store": "Optional[str]"}
    own["versions"] = "Optional[dict[str, int]]"
    assert {key: inspected[key]["inferred_type_name"] for key in own} == own
    assert set(inspected) == set(template.schema["properties"]) | set(own)


def test_papermill_knows_the_types_of_a_new_template(tmp_path):
    inspected = papermill.inspect_notebook(str(new_template("mine", tmp_path)))
    assert {entry["inferred_type_name"] for entry in inspected.values()} == {
        "str",
        "Optional[str]",
        "Optional[dict[str, int]]",
    }


def test_parameter_cells_run_without_imports():
    for notebook in template_folder().glob("*.ipynb"):
        cell = nbformat.read(notebook, as_version=4).cells[0]
        exec(cell.source, {})  # noqa: S102 - a template of the project


def test_a_note_shows_text_as_text(monkeypatch):
    monkeypatch.setenv("FOXGRAPE_PICTURES", "0")
    for attack in ATTACKS:
        figure = {"data": [], "layout": {"meta": {"alt": attack}}}
        data, _ = pictures.picture_or_note(figure)
        markup = data["text/html"]
        assert re.findall(r"</?(\w+)", markup) == ["p", "p", "p", "em", "code", "code", "em", "p"]


def test_a_browser_that_fails_is_asked_once(monkeypatch):
    calls = []

    def fails(seconds):
        calls.append(seconds)
        raise type("ChromeNotFoundError", (Exception,), {})("no browser")

    monkeypatch.setenv("FOXGRAPE_PICTURES", "1")
    monkeypatch.setattr(pictures, "open_kaleido", fails)
    browser = pictures._Browser()
    monkeypatch.setattr(pictures, "_browser", lambda: browser)
    for _ in range(2):
        data, _ = pictures.picture_or_note({"data": [], "layout": {"meta": {"alt": "Posts"}}})
        assert "no Chromium or Chrome was found" in data["text/html"]
    assert len(calls) == 1
