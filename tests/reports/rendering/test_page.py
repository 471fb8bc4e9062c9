"""Pages in a real browser: hostile text, sorting, keyboard, phones, printing, shared assets."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from accessibility import grave
from factories import change
from foxgrape import ReportRequest, open_study, run_report, run_reports, schemas
from foxgrape._util.files import study_folder
from foxgrape.cli.app import run
from foxgrape.display import html
from foxgrape.display.sections import signals_section
from foxgrape.errors import ReportError
from foxgrape.plots.grouped import grouped_timeline
from foxgrape.plots.offline import MIMETYPE
from foxgrape.plots.place_map import place_map
from foxgrape.reports.execution.job import _write_page
from foxgrape.reports.execution.runner import is_up_to_date, report_run_for
from foxgrape.reports.plan import Software, plan
from foxgrape.reports.prune import prune
from foxgrape.reports.rendering import assets
from foxgrape.reports.rendering.page import _TAGS, add_contents, render_page, sanitize
from foxgrape.reports.rendering.terms import explain_terms
from foxgrape.reports.run_folder import folder_lock
from foxgrape.reports.serve import server
from hostile_strings import ATTACKS, seen
from in_process import run_cells
from report_templates import template

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALL = " ¦ ".join(ATTACKS)
MOST_ALONE, MOST_SHARED = 5_500_000, 400_000

# A careless template: it displays its input in every way that a notebook allows.
CARELESS = [
    """
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
from IPython.display import HTML, Markdown, display
from foxgrape import open_study
pio.renderers.default = "plotly_mimetype"
pd.set_option("display.max_colwidth", None, "display.max_rows", None)
data = open_study(study)
texts = list(data.posts["text"])
meanings = [code.meaning for code in data.codebook]
""",
    "data.posts[['account', 'text']]",
    "print(note)",
    "pd.DataFrame({'meaning': meanings})",
    "display(HTML(' '.join(texts + [note])))",
    "display(HTML(''.join(f'<p title=\"{text}\">{text}</p>' for text in texts)))",
    "display(Markdown('\\n\\n'.join(texts)))",
    "data.posts.style",
    """
short = [text[:200] for text in texts]
figure = go.Figure(go.Scatter(x=short, y=list(range(len(short))), text=short, hovertext=short,
    customdata=short, hovertemplate="%{customdata}<extra>%{x}</extra>", mode="markers+text"))
figure.update_layout(title={"text": "".join(short), "subtitle": {"text": note}}, height=400,
    xaxis={"title": note}, meta={"alt": note},
    annotations=[{"text": text, "x": 0, "y": 0} for text in short])
figure
""",
]


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    """Build the embedded study's report beside shared files, and three of a hostile study.

    Of a study whose every text attacks: a house report, a careless one, and one that fails.
    """
    root = tmp_path_factory.mktemp("hostile")
    folder = Path(shutil.copytree(study_folder("izium-2022"), root / "study"))

    def attacked(rows):
        grapes = next(row for row in rows if row["text"] == "🍇")
        return rows + [
            {
                **grapes,
                "post_id": f"{attack}{number}",
                "account": attack,
                "text": f"🍇 {attack}",
                "source_title": attack,
                "source_url": "javascript:window.ran=1",
            }
            for number, attack in enumerate(ATTACKS)
        ]

    change(folder, "posts.csv", attacked)
    change(folder, "codebook.csv", lambda rows: [row | {"meaning": ALL} for row in rows])
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    package["title"] = ATTACKS[1]
    package["name"] = "../../escaped"
    (folder / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    first = "study = None\nnumber = 1\ntold = ''"
    careless = template(root, "careless", *CARELESS, first=first)
    fails = template(root, "fails", "raise ValueError(note)", first=first)
    for notebook in (careless, fails):
        with notebook.with_suffix(".yaml").open("a", encoding="utf-8") as sidecar:
            sidecar.write("    note: {type: string, default: ''}\n")
    values = {"note": ALL}
    requests = [
        ReportRequest("lead_times", folder, parameters={"baseline": False}, out=root / "out"),
        ReportRequest(careless, folder, parameters=values, out=root / "out", shared_assets=True),
        ReportRequest(fails, folder, parameters=values, out=root / "out"),
        ReportRequest("lead_times", out=root / "shared", shared_assets=True),
    ]
    return run_reports(requests, workers=2, now=NOW)


@pytest.fixture(scope="module")
def hostile(builds):
    """Return the reports of the hostile study."""
    return builds[:3]


@pytest.fixture(scope="module")
def shared(builds):
    """Return the report beside shared files."""
    return builds[3]


def harmless(tab, *requested):
    """Assert that no script ran, nothing was logged, and only these addresses were requested."""
    tab.locator("body").hover()
    for box in tab.locator("figure.plot .main-svg, th button, summary").all()[:6]:
        box.hover(force=True)
    assert tab.evaluate("window.ran") is None
    assert tab.messages == []
    assert tab.requested_urls == [
        address if isinstance(address, str) else address.as_uri() for address in requested
    ]
    assert (
        tab.locator("a[href^='javascript'], a[href^='data:'], iframe, object, embed").count() == 0
    )
    assert tab.locator("main style, main form input[autofocus], base, main meta").count() == 0


EVERYTHING = """main => {
    main.querySelectorAll("details").forEach(item => { item.open = true; });
    main.querySelectorAll("tr[hidden]").forEach(row => { row.hidden = false; });
    return main.innerText;
}"""


@pytest.mark.browser
def test_hostile_text_is_displayed_as_text(hostile, opened):
    house = hostile[0]
    assert house.error is None
    tab = opened(house.html)
    shown = seen(tab.locator("main").evaluate(EVERYTHING))
    for attack in ATTACKS:
        assert seen(attack) in shown, attack
    assert tab.locator("main img, main svg[onload]").count() == 0
    harmless(tab, house.html)


@pytest.mark.browser
def test_a_careless_template_runs_nothing_either(hostile, opened):
    careless = hostile[1]
    assert careless.error is None
    tab = opened(careless.html)
    tab.locator("main").evaluate(EVERYTHING)
    rows = seen(tab.locator("table").first.inner_text())
    printed = seen(tab.locator("pre").first.inner_text())
    meanings = seen(tab.locator("table").nth(1).inner_text())
    for attack in ATTACKS:
        for shown in (rows, printed, meanings):
            assert seen(attack) in shown, attack
    plotly = careless.html.parents[1] / "assets" / assets.plotly_asset().name
    harmless(tab, careless.html, plotly)


@pytest.mark.browser
def test_the_catalogue_shows_hostile_text_as_text(hostile, opened):
    out = hostile[0].html.parents[1]
    tab = opened(out / "index.html", drawn=False)
    cards = tab.locator("main li")
    assert cards.count() == len(hostile)
    assert tab.get_by_role("heading", name=ATTACKS[1]).count() == len(hostile)
    failed = tab.locator("li.failed")
    assert seen("ValueError: " + ATTACKS[0]) in seen(failed.locator(".error").inner_text())
    # An entry shows only the beginning of long values.
    assert seen(ATTACKS[0]) in seen(failed.inner_text())
    tab.get_by_label("Search").fill("<script>")
    assert tab.locator("main li:visible").count() == len(hostile)
    harmless(tab, out / "index.html")


def test_a_study_cannot_choose_where_its_report_is_written(hostile):
    for built in hostile:
        assert built.manifest.is_relative_to(hostile[0].html.parents[1])
        assert "/" not in built.run_id


class Reader(HTMLParser):
    """Collect all elements and attributes of a text."""

    def __init__(self, text):
        super().__init__()
        self.attributes = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in [(None, ""), *attrs]]


@pytest.mark.parametrize("attack", ATTACKS)
def test_sanitized_markup_has_only_allowed_elements(attack):
    for tag, name, value in Reader(
        sanitize(f"<p>{attack}</p><p title='{attack}'>x</p>")
    ).attributes:
        assert tag in _TAGS
        assert name in {None, "title", "rel", "href"}
        assert name != "href" or value.startswith("https://")


#: Elements of a page that may not occur in the HTML of a cell.
def test_a_term_in_a_post_or_a_script_is_left_alone():
    page = explain_terms(
        "<main><script>horizon</script><table><tr><td><p>horizon</p></td></tr></table>"
        "<p>The horizon; <b>horizon</b> & more</p></main>"
    )
    assert page.count('class="term"') == 1
    assert '<p>The <a class="term" href="#term-horizon">horizon</a>; <b>horizon</b>' in page
    assert "<script>horizon</script>" in page
    assert "<td><p>horizon</p></td>" in page


PAGE_ONLY = {"main", "h1", "img", "figure", "figcaption", "script"}
REFRESH = '<meta http-equiv=refresh content="0;url=https://evil.example/"><img src=x onerror=y()>'


@pytest.mark.filterwarnings("ignore:Your element with mimetype")
@pytest.mark.parametrize("attack", [*ATTACKS, REFRESH])
def test_no_kind_of_cell_or_output_is_displayed_unsanitized(attack):
    """Raw cells were: their HTML could make the page navigate."""
    new, kinds = nbformat.v4, ["text/html", "text/markdown", "text/latex", "text/plain"]
    kinds += ["image/svg+xml", "image/png", "image/jpeg", "application/javascript"]
    kinds += ["application/json", "application/vnd.jupyter.widget-view+json", "text/vnd.mermaid"]
    outputs = [new.new_output("display_data", data={kind: attack}) for kind in kinds]
    outputs += [new.new_output("execute_result", data={kind: attack}) for kind in kinds]
    outputs += [new.new_output("stream", name=name, text=attack) for name in ("stdout", "stderr")]
    outputs.append(new.new_output("error", ename=attack, evalue=attack, traceback=[attack]))
    shown = new.new_notebook(metadata={"title": attack, "language_info": {"name": attack}})
    shown.cells = [new.new_code_cell(attack, outputs=outputs), new.new_markdown_cell(attack)]
    for kind in ("", *kinds):
        shown.cells.append(new.new_raw_cell(attack, metadata={"raw_mimetype": kind}))
    shown.cells.append(new.new_raw_cell(f"<p>kept</p>{attack}"))
    page = render_page(shown, title=attack, footer={attack: attack}, assets="assets")
    main = page[page.index("<main") : page.index("</main>")]
    assert "<p>kept</p>" in main
    for tag, name, value in Reader(main).attributes:
        assert tag in _TAGS | PAGE_ONLY
        assert tag not in {"script", "figure"}
        assert name in {None, "class", "id", "tabindex", "title", "rel", "href", "alt", "src"}
        assert name != "src" or value.startswith("data:image/png;base64,")
        assert name != "href" or value.startswith("https://")


def notebook(*outputs) -> nbformat.NotebookNode:
    """Return an executed notebook with these outputs."""
    executed = nbformat.v4.new_notebook()
    executed.cells = [
        nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("display_data", data=data)])
        for data in outputs
    ]
    return executed


def table(heads, *rows) -> dict[str, str]:
    cells = "".join("<tr>" + "".join(f"<td>{x}</td>" for x in row) + "</tr>" for row in rows)
    head = "".join(f"<th>{name}</th>" for name in heads)
    return {"text/html": f"<table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table>"}


FIGURE = {
    "application/vnd.plotly.v1+json": {
        "data": [{"type": "scatter", "x": [0, 1], "y": [0, 1]}],
        "layout": {"title": {"text": "A <b>line</b>"}, "meta": {"alt": "A line that rises."}},
    }
}

# Columns unsorted and sorted; sorting them as text would give another order.
NONE = {"NaN", "NaT", "", "—", "None", "no", "no event"}
EXACT = '<data value="{}">{}</data>'
COLUMNS = {
    "number": ("10|9|NaN|−3|1,234|<0.5", "−3|<0.5|9|10|1,234|NaN"),
    "share": ("5%|12.5%||0%|100%|3%", "0%|3%|5%|12.5%|100%|"),
    "day": (
        "11 Nov 2022|2 Dec 2021|10 to 11 Sep 2022|—|30 Aug 2022, by 15:16|1 Jan 2023",
        "2 Dec 2021|30 Aug 2022, by 15:16|10 to 11 Sep 2022|11 Nov 2022|1 Jan 2023|—",
    ),
    "iso": (
        "2022-09-10 13:30:00+02:00|2022-09-10T09:00Z|NaT|2022-09-10 11:00|2022-09-09|2021-12-31",
        "2021-12-31|2022-09-09|2022-09-10T09:00Z|2022-09-10 11:00|2022-09-10 13:30:00+02:00|NaT",
    ),
    "span": (
        "3 days 04:00:00|-1 days +23:00:00|0 days|3 days 03:59:59|NaT|10 days",
        "-1 days +23:00:00|0 days|3 days 03:59:59|3 days 04:00:00|10 days|NaT",
    ),
    "exact": (
        "|".join([EXACT.format(3, "c"), EXACT.format(-1, "z"), "no", EXACT.format(20, "a"),
                  EXACT.format(0, "b"), EXACT.format(100, "y")]),
        "z|b|c|a|y|no",
    ),
    "length": (
        "10 days|more than 30 days|−1 day 2 hours to 1 day|just above zero|no event|7 hours",
        "−1 day 2 hours to 1 day|just above zero|7 hours|10 days|more than 30 days|no event",
    ),
    "text": ("b10|b9|Äpfel|apfel|None|Zug", "apfel|Äpfel|b9|b10|Zug|None"),
}  # fmt: skip
TIES = "110010"


@pytest.fixture(scope="module")
def sorting(tmp_path_factory):
    """Render a page with a sortable table and two others."""
    given = [cells.split("|") for cells, _ in COLUMNS.values()]
    rows = zip(*given, TIES, "abcdef", strict=True)
    wide = table([f"column {n}" for n in range(40)], ["word"] * 40, ["other"] * 40)
    merged = table(["a"], [1, 2], [3, 4])
    merged = {"text/html": merged["text/html"].replace("<th>", "<th colspan=2>")}
    shown = notebook(table([*COLUMNS, "ties", "row"], *rows), wide, merged, FIGURE)
    file = tmp_path_factory.mktemp("page") / "page.html"
    text = render_page(shown, title="Sorting & <more>", footer={})
    file.write_text(text, encoding="utf-8")
    return file


def column(tab, name):
    at = [*COLUMNS, "ties", "row"].index(name) + 1
    return tab.locator("table").first.locator(f"tbody td:nth-child({at})").all_inner_texts()


@pytest.mark.browser
def test_tables_sort_by_value_with_the_missing_last(sorting, opened):
    tab = opened(sorting)
    for name, (_, sorted_) in COLUMNS.items():
        wanted = sorted_.split("|")
        head = tab.locator("table").first.get_by_role("columnheader", name=name, exact=True)
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "ascending"
        assert column(tab, name) == wanted, name
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "descending"
        there = [text for text in wanted if text not in NONE]
        missing = [text for text in wanted if text in NONE]
        assert column(tab, name) == [*reversed(there), *missing], name
    assert tab.locator("th[aria-sort]").count() == 1


@pytest.mark.browser
def test_sorting_is_stable_and_can_be_undone_by_keys(sorting, opened):
    tab = opened(sorting)
    head = tab.locator("table").first.get_by_role("columnheader", name="ties")
    head.get_by_role("button").focus()
    orders = []
    for key in ("Enter", "Space", "Enter"):
        tab.keyboard.press(key)
        orders.append("".join(column(tab, "row")))
    assert orders == ["cdfabe", "abecdf", "abcdef"]
    assert head.get_attribute("aria-sort") is None


@pytest.mark.browser
def test_tables_with_merged_cells_are_left_alone(sorting, opened):
    tab = opened(sorting)
    assert tab.locator("table").nth(2).locator("button").count() == 0


@pytest.mark.browser
@pytest.mark.parametrize("lab", [True, False], ids=["lab", "page"])
def test_text_is_left_aligned_and_numbers_are_right_aligned(tmp_path, opened, lab):
    """Also in JupyterLab, whose style has all cells end at the right."""
    rows = [["a 1", "1,234", "12%", "1"], ["–", "–", "−0.5%", "7 days"]]
    shown = html.table(["word", "number", "share", "other"], rows).markup
    text = render_page(notebook({"text/html": shown}), title="x", footer={})
    if lab:
        text = f"<!doctype html><style>td, th, tr {{ text-align: right; }}</style>{shown}"
    file = tmp_path / "page.html"
    file.write_text(text, encoding="utf-8")
    tab = opened(file, drawn=False)
    side = "cells => cells.map(cell => getComputedStyle(cell).textAlign)"
    wanted = ["left", "right", "right", "left"]
    assert tab.locator("th").evaluate_all(side) == wanted
    assert tab.locator("td").evaluate_all(side) == wanted * 2


@pytest.mark.browser
def test_the_keyboard_reaches_the_content_and_scrolls_tables(sorting, opened):
    tab = opened(sorting, width=390)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "content"
    # On a phone, a wide table shows its rows as paragraphs; elsewhere it scrolls.
    assert tab.locator("table.short").count() == 1
    assert tab.locator(".scroll[tabindex]").count() == 0
    tab = opened(sorting, width=700)
    tab.add_style_tag(content=".scroll { max-width: 12rem; }")
    box = tab.locator(".scroll").nth(1)
    tab.wait_for_function("document.querySelectorAll('.scroll')[1].tabIndex === 0")
    box.focus()
    tab.keyboard.press("ArrowRight")
    patience = time.monotonic() + 10
    while not box.evaluate("box => box.scrollLeft"):
        assert time.monotonic() < patience, "arrow keys do not scroll it"
    tab = opened(sorting)
    tools = tab.locator("figure.plot .modebar-btn").first
    tools.focus()
    assert tab.locator(".modebar").evaluate("bar => getComputedStyle(bar).opacity") == "1"
    assert tools.get_attribute("aria-label")
    # Boxes that do not scroll get no focus.
    assert tab.locator(".scroll").last.get_attribute("tabindex") is None


@pytest.mark.browser
def test_a_page_has_language_title_and_headings_in_order(sorting, opened):
    tab = opened(sorting)
    assert tab.locator("html").get_attribute("lang") == "en"
    assert tab.title() == "Sorting & <more>"
    assert tab.locator("h1").all_inner_texts() == ["Sorting & <more>"]
    assert tab.locator("figure.plot .drawing").get_attribute("aria-label") == "A line"
    assert tab.locator("figcaption").inner_text() == "A line that rises."


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1200)])
def test_axe_reports_no_serious_violation(shared, sorting, opened, scheme, width):
    catalogue = shared.html.parents[1] / "index.html"
    for file in (shared.html, sorting, catalogue):
        tab = opened(file, drawn=file != catalogue, width=width, color_scheme=scheme)
        assert grave(tab) == [], file


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_printed_pages_are_black_without_controls_and_with_link_addresses(tmp_path, opened, scheme):
    link = {"text/html": '<p>See <a href="https://example.org/a?b=c">this</a>.</p>'}
    file = tmp_path / "page.html"
    shown = notebook(FIGURE, link, table(["a"], ["1"], ["2"]))
    file.write_text(render_page(shown, title="Paper", footer={}), encoding="utf-8")
    tab = opened(file, color_scheme=scheme, width=1600)
    tab.emulate_media(media="print", color_scheme=scheme)
    tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    for hidden in (".modebar-container", ".skip"):
        assert tab.locator(hidden).first.evaluate("e => getComputedStyle(e).display") == "none"
    content = "e => getComputedStyle(e, '::after').content"
    assert tab.locator("th button").evaluate(content) in {"none", "normal", '"⇅" / ""'}
    display = "e => getComputedStyle(e, '::after').display"
    assert tab.locator("th button").evaluate(display) == "none"
    assert "https://example.org/a?b=c" in tab.locator("p a").evaluate(content)
    assert tab.locator(".main-svg").first.evaluate("svg => svg.clientWidth") <= 680
    ink = tab.locator(".gtitle").evaluate("text => getComputedStyle(text).fill")
    assert ink == "rgb(0, 0, 0)"
    tab.evaluate("window.dispatchEvent(new Event('afterprint'))")
    tab.emulate_media(media="screen", color_scheme=scheme)
    assert tab.locator(".main-svg").first.evaluate("svg => svg.clientWidth") > 680


@pytest.mark.browser
def test_a_table_of_signals_fits_on_a_sheet_of_a4(tmp_path, opened):
    page = render_page(run_cells("lead_times", {}), title="Paper", footer={})
    file = tmp_path / "page.html"
    file.write_text(page, encoding="utf-8")
    # 210 mm without two margins of 14 mm, at 96 pixels an inch.
    tab = opened(file, width=688)
    tab.emulate_media(media="print")
    tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 688


@pytest.fixture(scope="module")
def long_table(tmp_path_factory):
    """Render a page with a table of 60 rows, of which some would be formulas."""
    rows = [[str(n), f"post {n} {'even' if n % 2 == 0 else 'odd'}"] for n in range(58)]
    rows += [["−5", '=HYPERLINK("http://x","y")'], ["-6", "@SUM(1)"]]
    sections = "".join(f"<h2>Section {n}</h2><p>Words.</p>" for n in range(3))
    shown = notebook(table(["n", "text"], *rows), {"text/html": sections}, FIGURE)
    file = tmp_path_factory.mktemp("long") / "page.html"
    file.write_text(render_page(shown, title="Long", footer={}), encoding="utf-8")
    return file


@pytest.mark.browser
def test_a_long_table_has_pages_and_a_filter(long_table, opened):
    tab = opened(long_table)
    rows, status = tab.locator("tbody tr:visible"), tab.locator(".tools [role=status]")
    assert rows.count() == 25
    assert status.inner_text() == "1 to 25 of 60 rows"
    assert tab.get_by_role("button", name="Previous").is_disabled()
    tab.get_by_role("button", name="Next").click()
    tab.get_by_role("button", name="Next").click()
    assert rows.count() == 10
    assert tab.get_by_role("button", name="Next").is_disabled()
    tab.get_by_label("Filter").fill("EVEN")
    assert status.inner_text() == "1 to 25 of 29 rows"
    tab.get_by_role("columnheader", name="n").get_by_role("button").click()
    tab.get_by_role("columnheader", name="n").get_by_role("button").click()
    assert rows.first.inner_text().split()[0] == "56"
    tab.get_by_label("Filter").fill("none-such")
    assert rows.count() == 0
    assert status.inner_text() == "No row contains these words."
    assert tab.messages == []


@pytest.mark.browser
def test_a_table_downloads_as_csv_without_formulas(long_table, opened):
    tab = opened(long_table)
    tab.get_by_label("Filter").fill("(1)")
    with tab.expect_download() as download:
        tab.get_by_role("button", name="CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert text == '"n","text"\n"-6","\'@SUM(1)"\n'
    tab.get_by_label("Filter").fill("")
    with tab.expect_download() as download:
        tab.get_by_role("button", name="CSV").click()
    rows = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(rows) == 61
    assert rows[-2] == '"−5","\'=HYPERLINK(""http://x"",""y"")"'
    assert [url for url in tab.requested_urls if not url.startswith("blob:")] == [
        long_table.as_uri()
    ]


@pytest.mark.browser
def test_sections_have_addresses_and_a_list(long_table, opened):
    tab = opened(long_table, width=390)
    tab.get_by_role("navigation", name="Contents").get_by_role("link", name="Section 2").click()
    assert tab.url.endswith("#section-2")
    assert tab.locator("h2#section-2").count() == 1
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    for box in tab.locator("figure.plot .scroll").all():
        assert box.evaluate("box => box.scrollWidth <= box.clientWidth + 1")
    assert grave(tab) == []


PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f"
    "00010501012718e3660000000049454e44ae426082"
)


@pytest.mark.browser
def test_without_scripts_figures_are_replaced_by_pictures_or_captions(tmp_path, opened):
    file = tmp_path / "page.html"
    for pictures in ([PIXEL], []):
        shown = render_page(notebook(FIGURE), title="x", footer={}, pictures=pictures)
        file.write_text(shown, encoding="utf-8")
        tab = opened(file, drawn=False, java_script_enabled=False)
        assert tab.locator("figcaption").inner_text() == "A line that rises."
        assert not tab.locator(".drawing").is_visible(), "an empty box says nothing"
        assert tab.locator("img.picture:visible").count() == len(pictures)
    drawn = render_page(notebook(FIGURE), title="x", footer={}, pictures=[PIXEL])
    file.write_text(drawn, encoding="utf-8")
    assert opened(file).locator("img.picture:visible").count() == 0


@pytest.mark.browser
@pytest.mark.parametrize("pictures", [[PIXEL], []], ids=["pictures", "words"])
def test_a_page_without_its_assets_shows_a_message_and_the_captions(tmp_path, opened, pictures):
    file = tmp_path / "page.html"
    text = render_page(notebook(FIGURE), title="x", footer={}, assets="assets", pictures=pictures)
    file.write_text(text, encoding="utf-8")
    tab = opened(file, drawn=False)
    tab.wait_for_selector("figure.failed")
    message = tab.locator("figure").evaluate("f => getComputedStyle(f, '::before').content")
    assert ("could not be drawn" in message) is not bool(pictures)
    assert tab.locator("img.picture:visible").count() == len(pictures)
    assert tab.locator("figcaption").is_visible()


@pytest.mark.browser
def test_a_shared_plotly_is_loaded_from_a_disk_and_from_a_server(shared, opened):
    out = shared.html.parents[1]
    file = out / "assets" / assets.plotly_asset().name
    assert file.read_text(encoding="utf-8") == assets.plotly_asset().text
    tab = opened(shared.html)
    assert tab.locator("figure.plot.drawn").count() == 4
    harmless(tab, shared.html, file)
    with server(out, port=0) as http_server:
        thread = threading.Thread(target=http_server.serve_forever)
        thread.start()
        try:
            root = f"http://127.0.0.1:{http_server.server_address[1]}"
            where = f"{root}/{shared.run_id}/report.html"
            tab = opened(where)
            assert tab.locator("figure.plot.drawn").count() == 4
            harmless(tab, where, f"{root}/assets/{file.name}")
            # From a server, a file with another hash is rejected.
            good = file.read_bytes()
            file.write_bytes(b"window.ran = 1;")
            tab = opened(where, drawn=False)
            tab.wait_for_selector("figure.failed")
            assert tab.evaluate("window.ran") is None
        finally:
            file.write_bytes(good)
            http_server.shutdown()
            thread.join()


def test_pages_are_small_with_shared_assets_and_fit_an_email_without(shared):
    size = shared.html.stat().st_size
    assert size < MOST_SHARED
    assert size + len(assets.plotly_asset().text.encode()) < MOST_ALONE


def test_shared_assets_are_kept_while_a_manifest_lists_them(shared, tmp_path):
    out = Path(shutil.copytree(shared.html.parents[1], tmp_path / "out"))
    name = f"plotly-{hashlib.sha256(b'old').hexdigest()[:16]}.min.js"
    old, used = out / "assets" / name, assets.plotly_asset().name
    old.write_bytes(b"old")
    assert prune(out, keep=5) == []
    assert {file.name for file in (out / "assets").iterdir()} == {used}
    # Manifests of running and rebuilt reports count, and an unreadable one may list any file.
    run = out / shared.run_id
    for keeper in (out / ".building-x", out / "rebuilt" / "x"):
        keeper.mkdir(parents=True)
        shutil.move(run / "manifest.json", keeper / "manifest.json")
        assert assets.remove_unused_assets(out) == []
        shutil.move(keeper / "manifest.json", run / "manifest.json")
    (run / "manifest.json").write_text("{", encoding="utf-8")
    assert assets.remove_unused_assets(out) == []
    (run / "manifest.json").unlink()
    assert assets.remove_unused_assets(out) == [used]


def test_a_run_is_up_to_date_if_its_page_options_match_and_its_assets_exist(shared):
    out = shared.html.parents[1]
    plotly = out / "assets" / assets.plotly_asset().name

    def up_to_date(**options):
        request = ReportRequest("lead_times", out=out, **options)
        return is_up_to_date(plan(request, Software.here()))

    assert up_to_date(shared_assets=True)
    assert not up_to_date(shared_assets=False)
    plotly.rename(out / "elsewhere")
    assert not up_to_date(shared_assets=True)
    with folder_lock(out):
        assert assets.ensure_plotly_asset(out) == plotly.name
    assert up_to_date(shared_assets=True)
    (out / "elsewhere").unlink()


MORNINGS = """
[[report]]
name = "mornings"
template = "lead_times"
cron = "0 7 * * *"
timezone = "Europe/Kyiv"
start = 2025-12-31
"""


@pytest.mark.parametrize(
    "words",
    [
        ["build", "lead_times"],
        ["due", "--now", "2026-01-01T12:00Z"],
        ["due", "--now", "2026-01-01T12:00Z", "--workers", "2"],
        ["backfill", "lead_times", "--from", "2022-09-01", "--to", "2022-09-02", "--every", "1d",
         "--timezone", "Europe/Kyiv"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_each_build_command_passes_on_the_page_options(tmp_path, monkeypatch, words):
    built = []
    done = report_run_for("x", "done", tmp_path, None)

    def run_one(template, **options):  # noqa: ARG001
        built.append((options["shared_assets"], options["pictures"]))
        return done

    def run_many(requests, **_):
        built.extend((request.shared_assets, request.pictures) for request in requests)
        return [done for _ in requests]

    for home in ("foxgrape.reports", "foxgrape.reports.run"):
        monkeypatch.setattr(f"{home}.run_report", run_one)
        monkeypatch.setattr(f"{home}.run_reports", run_many)
    schedule = tmp_path / "schedule.toml"
    schedule.write_text(MORNINGS, encoding="utf-8")
    more = ["--schedule", str(schedule)] if words[0] == "due" else []
    for number, options in enumerate(([], ["--shared-assets"], ["--pictures"])):
        out = ["--out", str(tmp_path / str(number)), "--json"]
        assert run(["report", *words, *more, *out, *options]) == 0
    assert set(built) == {(False, False), (True, False), (False, True)}


def test_pictures_without_kaleido_are_rejected_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr("foxgrape.reports.rendering.assets.find_spec", lambda name: None)  # noqa: ARG005
    with pytest.raises(ReportError, match="need kaleido"):
        run_report("lead_times", out=tmp_path / "out", pictures=True)
    assert not (tmp_path / "out").exists()


def test_an_error_of_pictures_is_recorded_and_the_page_is_complete(tmp_path, monkeypatch):
    def fails(_):
        raise OSError(2, "there is no browser")

    monkeypatch.setattr("foxgrape.reports.rendering.assets.render_images", fails)
    result = {}
    nbformat.write(notebook(FIGURE), tmp_path / "notebook.ipynb")
    spec = {"title": "x", "footer": {}, "assets": None, "pictures": True}
    _write_page(spec, tmp_path, result)
    assert result["pictures_failed"] == "cannot render the pictures: there is no browser"
    assert "A line that rises." in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not (tmp_path / "thumbnail.png").exists()


@pytest.mark.browser
def test_pictures_are_in_the_page_and_one_is_the_thumbnail(tmp_path, opened):
    pytest.importorskip("kaleido", reason="kaleido is not installed, so no picture was drawn")
    cell = (
        "import plotly.graph_objects as go, plotly.io as pio\npio.renderers.default = "
        "'plotly_mimetype'\ngo.Figure(go.Scatter(x=[0, 1], y=[0, 1]), layout={'height': 300})"
    )
    notebook = template(tmp_path, "pictured", cell)
    built = run_report(notebook, out=tmp_path / "out", pictures=True, shared_assets=True)
    manifest = json.loads(built.manifest.read_text(encoding="utf-8"))
    assert manifest["page"] == {"shared_assets": True, "pictures": True, "pictures_failed": None}
    assert (built.html.parent / "thumbnail.png").read_bytes().startswith(b"\x89PNG")
    # The picture for messages is 560 pixels wide, at twice the resolution.
    size = (built.html.parent / "figure.png").read_bytes()[16:24]
    assert (int.from_bytes(size[:4]), int.from_bytes(size[4:])) == (1120, 600)
    assert (built.html.parent / "figure.txt").read_text(encoding="utf-8") == "Figure"
    tab = opened(built.html, drawn=False, java_script_enabled=False)
    picture = tab.locator("img.picture")
    assert picture.evaluate("img => img.naturalHeight") == 450
    catalogue = opened(tmp_path / "out" / "index.html", drawn=False)
    assert catalogue.locator(".thumbnail img").evaluate("img => img.naturalWidth") > 100
    assert catalogue.messages == []


@pytest.fixture(scope="module")
def many_signals(tmp_path_factory):
    """Render a page of 30 signals with hostile accounts: their timeline, table and map."""
    posts = [
        {
            "post_id": f"p{n}",
            "account": ATTACKS[0] if n % 3 else "river",
            "text": "🍇" if n % 2 else "🦊",
            "posted_at": day,
            "posted_until": day,
        }
        for n, day in enumerate(pd.date_range("2022-08-01", periods=30, tz="UTC", unit="us"))
    ]
    study = open_study()
    study = replace(study, posts=schemas.validate(pd.DataFrame(posts), "posts", fill=True))
    analysis = study.analyse()
    section = signals_section(analysis)
    figures = [section.parts[0], grouped_timeline(analysis), place_map(analysis)]
    outputs = [{MIMETYPE: json.loads(figure.to_json())} for figure in figures]
    shown = notebook({"text/html": "<h2>Signals</h2>"}, outputs[0])
    shown.cells += notebook({"text/html": section.parts[1].markup}).cells
    shown.cells += notebook({"text/html": "<h2>Where</h2>"}, *outputs[1:]).cells
    file = tmp_path_factory.mktemp("many") / "page.html"
    file.write_text(render_page(shown, title="Many", footer={}), encoding="utf-8")
    return file


@pytest.mark.browser
def test_timeline_and_map_follow_the_filter_of_the_table(many_signals, opened):
    tab = opened(many_signals)
    marks = "e => e.querySelectorAll('.scatterlayer .point').length"
    timeline, grouped, place = (tab.locator("figure.plot").nth(number) for number in range(3))
    before = [figure.evaluate(marks) for figure in (timeline, grouped, place)]
    assert timeline.locator(".ytick").count() == 30
    tab.get_by_label("Filter").fill("Izium")
    wait = "n => document.querySelector('figure.plot').querySelectorAll('.ytick').length === n"
    tab.wait_for_function(wait, arg=15)
    assert timeline.get_by_role("status").inner_text().startswith("Filtered: only marks of the 15")
    assert grouped.evaluate(marks) < before[1]
    assert place.evaluate(marks) < before[2]
    # Marks of several signals count those that are left.
    tab.get_by_label("Filter").fill("river")
    tab.wait_for_function(wait, arg=10)
    assert grouped.locator(".annotation-text").all_text_contents() == ["n = 5 of 15"] * 2
    # A text that is in no row leaves no mark of a signal, whatever it holds.
    for attack in ATTACKS[1:3]:
        tab.get_by_label("Filter").fill(f"{attack} none-such")
        tab.wait_for_function(wait, arg=0)
    tab.get_by_label("Filter").fill(ATTACKS[0])
    tab.wait_for_timeout(500)
    assert timeline.locator(".ytick").count() in {0, 20}
    tab.get_by_label("Filter").fill("")
    tab.wait_for_function(wait, arg=30)
    assert [figure.evaluate(marks) for figure in (timeline, grouped, place)] == before
    assert tab.messages == []
    assert tab.requested_urls == [many_signals.as_uri()]


@pytest.mark.browser
def test_a_timeline_is_laid_out_anew_on_a_phone(many_signals, opened):
    tab = opened(many_signals, width=390)
    timeline = tab.locator("figure.plot").first
    assert timeline.locator(".ytick").count() == 0
    assert timeline.locator(".modebar-btn").count() == 0
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    sides = "e => [e.getBoundingClientRect().left, e.getBoundingClientRect().right]"
    names = timeline.locator(".xtitle, .gtitle, .xtick text").all()
    boxes = [name.evaluate(sides) for name in names]
    assert all(left >= 0 and right <= 390 for left, right in boxes)
    ticks = sorted(tick.evaluate(sides) for tick in timeline.locator(".xtick text").all())
    assert all(first[1] <= second[0] for first, second in pairwise(ticks))


def test_the_data_of_a_page_are_named_below_its_headline():
    file = '<p class="soft">2 rows: <a class="file" href="signals.csv">signals.csv</a></p>'
    sections = "<h2>A</h2><table></table><h2>B</h2><h2>C</h2>"
    headline = '<div class="headline"><p>One <strong>finding</strong>.</p></div>'
    page = add_contents(f"<main><h1>a</h1>{headline}<p>More.</p>{sections}{file}</main>")
    nav, data = page.index("<nav"), page.index('<p class="soft data">')
    assert page.index(headline) < nav < data < page.index("<p>More.</p>")
    assert 'files beside this page: <a href="signals.csv">signals.csv</a>.' in page
    without = add_contents(f"<main><h1>a</h1>{sections}</main>")
    assert "beside this page" not in without
    assert without.index("<nav") < without.index("<h2 ")
    # Only names of files are linked.
    hostile = file.replace('href="signals.csv"', 'href="../../x"')
    assert "beside this page" not in add_contents(f"<main><h1>a</h1>{sections}{hostile}</main>")
