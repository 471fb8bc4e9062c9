"""Pages printed as PDF by an installed browser."""

from __future__ import annotations

import re
import zlib

import nbformat
import pytest

from foxgrape._util.directories import WorkFolder
from foxgrape.cli.app import run
from foxgrape.display.html import table
from foxgrape.errors import ReportError
from foxgrape.plots.offline import MIMETYPE
from foxgrape.reports.rendering import pdf
from foxgrape.reports.rendering.page import render_page
from hostile_strings import ATTACKS

CURVE = {"data": [{"x": [0, 1], "y": [0, 1]}], "layout": {"meta": {"alt": "A line."}}}


def page(folder, count: int):
    rows = [[f"row {at}", ATTACKS[at % len(ATTACKS)]] for at in range(count)]
    bundles = [{MIMETYPE: CURVE}, {"text/html": table(["Row", "Text"], rows).markup}]
    outputs = [nbformat.v4.new_output("display_data", data=data) for data in bundles]
    heads = [nbformat.v4.new_markdown_cell(f"## Section {letter}") for letter in "ABC"]
    notebook = nbformat.v4.new_notebook(cells=[*heads, nbformat.v4.new_code_cell("")])
    notebook.cells[-1].outputs = outputs
    file = folder / "report.html"
    file.write_text(render_page(notebook, title="Printed", footer={}), encoding="utf-8")
    return file


def parts(file) -> bytes:
    """Return a PDF with its compressed streams unpacked."""
    content = file.read_bytes()
    text = content
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        try:
            text += zlib.decompress(stream)
        except zlib.error:
            continue
    return text


def sheets(text: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", text))


@pytest.mark.browser
@pytest.mark.usefixtures("browser_path")
def test_a_printed_page_has_all_rows_contents_and_an_outline(tmp_path):
    few, many = tmp_path / "few", tmp_path / "many"
    few.mkdir()
    many.mkdir()
    short = pdf.write_pdf(page(few, 20))
    long = pdf.write_pdf(page(many, 300))
    assert short == few / "report.pdf"
    assert short.read_bytes().startswith(b"%PDF-")
    text = parts(short)
    titles = re.findall(rb"/Title\s*\(([^)]*)\)", text)
    assert [title for title in titles if title.startswith(b"Section")] == [
        b"Section A",
        b"Section B",
        b"Section C",
    ]
    # The list of contents leads to the sections.
    assert text.count(b"/Subtype /Link") >= 3
    # On the screen, both tables show 25 rows or fewer.
    assert sheets(parts(long)) > 3 * sheets(text)


def test_without_a_browser_nothing_is_built(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(pdf.shutil, "which", lambda _: None)
    monkeypatch.setattr(pdf.sys, "platform", "linux")
    out = tmp_path / "out"
    assert run(["report", "build", "lead_times", "--pdf", "--out", str(out)]) == 1
    message = capfd.readouterr().err
    assert "a PDF needs Chromium or Chrome, which was not found" in message
    assert message.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("browser", ["#!/bin/sh\necho it broke >&2; exit 3\n", "not a program"])
def test_a_browser_that_fails_is_an_error(tmp_path, monkeypatch, browser):
    program = tmp_path / "chromium"
    program.write_text(browser, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(pdf, "find_chromium", lambda: str(program))
    with pytest.raises(ReportError, match=r"it broke|cannot start"):
        pdf.write_pdf(tmp_path / "report.html")
    assert not (tmp_path / "report.pdf").exists()


def test_the_folder_of_a_killed_browser_is_deleted_by_the_next_call(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(pdf, "find_chromium", lambda: str(tmp_path / "none"))
    killed = WorkFolder(tmp_path, "foxgrape-pdf-")
    (killed.path / "profile").mkdir()
    killed._folder.close()  # releases the lock, as the death of its process does
    foreign = tmp_path / "foxgrape-pdf-abcdefgh"
    foreign.mkdir()
    (foreign / "mine").touch()
    with pytest.raises(ReportError, match="cannot start"):
        pdf.write_pdf(tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == [foreign]
