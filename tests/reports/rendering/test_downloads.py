"""Downloads from an offline page: tables as Excel files, figures as pictures; no network."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import nbformat
import openpyxl
import plotly.graph_objects as go
import pytest
from defusedxml import ElementTree

from accessibility import grave
from foxgrape import open_study
from foxgrape.display.html import Html, table
from foxgrape.display.report_tables import signals_table
from foxgrape.plots.offline import MIMETYPE
from foxgrape.plots.theme import BLUE, apply_theme
from foxgrape.reports.rendering.page import render_page
from hostile_strings import ATTACKS, seen

LONG = "я" * 40_000
TEXTS = [*ATTACKS, "=1+1", "-1", "007", "1234567890123456789", "_x000D_", "🍇", LONG]
COUNTS = ["1,234", "-5", "\N{MINUS SIGN}7", "2.5", "–", "12%"]


def page(folder: Path, *data: dict[str, object]) -> Path:
    cell = nbformat.v4.new_code_cell(
        "", outputs=[nbformat.v4.new_output("display_data", data=bundle) for bundle in data]
    )
    notebook = nbformat.v4.new_notebook(cells=[cell])
    file = folder / "page.html"
    file.write_text(render_page(notebook, title="Downloads", footer={}), encoding="utf-8")
    return file


def downloaded(tab, name: str) -> Path:
    with tab.expect_download() as download:
        tab.get_by_role("button", name=name, exact=True).first.click()
    target = Path(download.value.path()).parent / download.value.suggested_filename
    download.value.save_as(target)
    return target


def figure(text: str) -> go.Figure:
    drawn = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], text=[text] * 2, mode="markers+text"))
    drawn.update_layout(title={"text": text}, xaxis={"title": text}, height=300)
    return apply_theme(drawn, text)


@pytest.fixture
def tables(tmp_path, opened):
    """Open a page with a table of hostile texts and one of numbers."""
    rows: list[list[str | Html]] = [[str(at), text] for at, text in enumerate(TEXTS)]
    markup = table(["Row", "Text"], rows).markup
    counts = table(["Count"], [[count] for count in COUNTS[:-1]]).markup
    return opened(page(tmp_path, {"text/html": markup}, {"text/html": counts}), drawn=False)


def cells(file: Path) -> list[list[object]]:
    book = openpyxl.load_workbook(file)
    assert book.sheetnames == ["Table"]
    for row in book.active.iter_rows():
        assert {cell.data_type for cell in row} <= {"s", "n", "inlineStr"}, "no formula"
    return [list(row) for row in book.active.iter_rows(values_only=True)]


@pytest.mark.browser
def test_a_table_of_hostile_texts_downloads_as_an_excel_file(tables):
    file = downloaded(tables, "Excel")
    assert file.name == "downloads-table-1.xlsx"
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert all(info.date_time[:3] == (1980, 1, 1) for info in archive.infolist())
        for name in archive.namelist():
            ElementTree.fromstring(archive.read(name))
    head, *rows = cells(file)
    assert head == ["Row", "Text"]
    assert [row[0] for row in rows] == list(range(len(TEXTS)))
    texts = [str(row[1]) for row in rows]
    shown = dict(zip(TEXTS, texts, strict=True))
    assert shown["=1+1"] == "=1+1"
    assert [shown[text] for text in ("-1", "007", "1234567890123456789")] == [
        "-1",
        "007",
        "1234567890123456789",
    ]
    for attack in ATTACKS:
        assert seen(shown[attack]) == seen(attack)
    assert len(shown[LONG]) == 32_767
    assert shown[LONG].endswith("я [cut: the text is longer than a cell of Excel]")
    assert tables.messages == []
    assert tables.evaluate("window.ran") is None
    assert [url for url in tables.requested_urls if url[:5] not in {"blob:", "file:"}] == []


@pytest.mark.browser
def test_numbers_are_numbers_in_an_excel_file(tables):
    with tables.expect_download() as download:
        tables.get_by_role("button", name="Excel").last.click()
    target = Path(download.value.path()).with_suffix(".xlsx")
    download.value.save_as(target)
    assert cells(target) == [["Count"], [1234], [-5], [-7], [2.5], ["–"]]


@pytest.mark.browser
def test_a_downloaded_table_of_signals_has_one_value_a_cell(tmp_path, opened):
    analysis = open_study().analyse()
    tab = opened(page(tmp_path, {"text/html": signals_table(analysis).markup}), drawn=False)
    head, *rows = cells(downloaded(tab, "Excel"))
    assert {"Signal", "Signal: place", "Post", "Post: account", "Post: time"} <= set(head)
    assert {"Post: source", "Post: address", "Event confirmed: kind"} <= set(head)
    assert "Lead to confirmation" in head
    first = dict(zip(head, rows[0], strict=True))
    assert (first["Signal"], first["Signal: place"]) == ("🦊", "Lysychansk")
    assert first["Post: account"] == "Andriy Yermak"
    assert "Yermak" not in first["Post"]
    assert not any("\n" in str(row[head.index("Lead to confirmation")]) for row in rows)


@pytest.mark.browser
def test_the_rows_that_a_filter_leaves_are_downloaded(tmp_path, opened):
    rows = [[f"row {at}", "even" if at % 2 == 0 else "odd"] for at in range(60)]
    tab = opened(page(tmp_path, {"text/html": table(["A", "B"], rows).markup}), drawn=False)
    tab.get_by_label("Filter").fill("even")
    assert len(cells(downloaded(tab, "Excel"))) == 31
    assert grave(tab) == []


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "colour"), [("light", "#0072B2"), ("dark", "#4DA3E8")])
def test_dark_marks_are_lighter_on_a_dark_page_and_not_in_a_download(
    tmp_path, opened, scheme, colour
):
    drawn = figure("Marks").update_traces(marker={"color": BLUE})
    tab = opened(page(tmp_path, {MIMETYPE: drawn.to_plotly_json()}), color_scheme=scheme)
    assert tab.evaluate("document.querySelector('.drawing').data[0].marker.color") == colour
    svg = downloaded(tab, "SVG").read_text(encoding="utf-8")
    assert "rgb(0, 114, 178)" in svg
    assert "rgb(77, 163, 232)" not in svg


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figure_downloads_as_png_and_svg(tmp_path, opened, scheme):
    hostile = " ".join(attack[:80] for attack in ATTACKS if "\0" not in attack)
    file = page(tmp_path, {MIMETYPE: figure(hostile).to_plotly_json()})
    tab = opened(file, color_scheme=scheme)
    png = downloaded(tab, "PNG")
    assert (png.name, png.read_bytes()[:8]) == ("downloads-figure-1.png", b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(png.read_bytes()[at : at + 4]) for at in (16, 20))
    assert (width, height) == (1920, 600)
    svg = downloaded(tab, "SVG")
    assert svg.name == "downloads-figure-1.svg"
    text = svg.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    tags = {node.tag.rpartition("}")[2].lower() for node in root.iter()}
    assert not tags & {"script", "foreignobject", "iframe", "image", "animate"}
    names = {name.rpartition("}")[2].lower() for node in root.iter() for name in node.attrib}
    assert not [name for name in names if name.startswith("on")]
    links = [value for node in root.iter() for name, value in node.attrib.items() if "href" in name]
    assert not [link for link in links if not re.match(r"#|https://evil\.example/", link)]
    # Black on white, whatever the colours of the page are.
    assert "fill: rgb(255, 255, 255); fill-opacity: 1;" in root[0].get("style", "")
    assert tab.messages == []
    assert tab.evaluate("window.ran") is None
    assert [url for url in tab.requested_urls if url[:5] not in {"blob:", "data:"}] == [
        file.as_uri()
    ]
    assert grave(tab) == []
