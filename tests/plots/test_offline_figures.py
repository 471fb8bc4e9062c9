"""Figures offer nothing that leaves the page: in pages, notebooks and exported files."""

from __future__ import annotations

import ast
import copy
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import plotly.graph_objects as go
import plotly.io as pio
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from foxgrape import ReportRequest, open_study, run_report, run_reports
from foxgrape.plots.offline import MIMETYPE, OFFLINE_CONFIG, offline_config
from foxgrape.plots.signals import place_map, survival, timeline
from foxgrape.plots.theme import Figure, apply_theme
from foxgrape.reports.rendering.page import render_page
from report_templates import template

TOOLKIT = Path(__file__).parents[2] / "toolkit" / "foxgrape"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
#: Asks for everything that leaves a page, of this plotly.js and of former ones.
LEAKY = {
    "showSendToCloud": True,
    "plotlyServerURL": "https://cloud.example",
    "displaylogo": True,
    "watermark": True,
    "displayModeBar": True,
}
FORMER = {"showEditInChartStudio": True, "showLink": True, "linkText": "Edit", "sendData": True}
BUTTONS = {"modeBarButtons": [["sendChartToCloud", "toImage"]], "modeBarButtonsToRemove": []}
#: What drawn figures offer to press, follow or send: its words, and where it leads.
CONTROLS = """() => [...document.querySelectorAll(
    ".modebar-btn, .js-plotly-plot a, .js-plotly-plot button, .js-plotly-plot form, body > form"
)].map(e => [e.dataset.title || e.ariaLabel || e.textContent,
    e.getAttribute("href") || e.getAttribute("xlink:href") || e.getAttribute("action") || ""])"""
LEAVES = re.compile(r"share|cloud|studio|edit in|produced with", re.IGNORECASE)

TEMPLATE = [
    """
import plotly.graph_objects as go, plotly.io as pio
drawn = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], text=["@account"] * 2))
""",
    "drawn",
    f"drawn.show(config={LEAKY | BUTTONS})",
    f"""
from IPython.display import display
handle = display({{"text/plain": "waiting"}}, raw=True, display_id="later")
bundle = {{"{MIMETYPE}": drawn.to_plotly_json() | {{"config": {LEAKY | FORMER}}}}}
handle.update(bundle, raw=True)
""",
    "pio.renderers.default = 'notebook_connected'\ndrawn",
    f"drawn.show(config={LEAKY})",
    f"""
from IPython.display import HTML
display(HTML(drawn.to_html(config={LEAKY}, include_plotlyjs=False, full_html=False)))
""",
    """
from foxgrape import open_study
from foxgrape.plots.signals import timeline
pio.renderers.default = "plotly_mimetype"
timeline(open_study().analyse())
""",
]


def plain() -> go.Figure:
    """Return a figure of somebody else's making, that asks for the button in its layout."""
    drawn = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], text=["@account"] * 2, mode="markers+text"))
    return drawn.update_layout(modebar={"add": ["sendChartToCloud", "drawline"]}, height=300)


def is_offline(config) -> bool:
    return isinstance(config, dict) and offline_config(config) == config


@pytest.fixture(scope="module")
def drawn():
    """Draw figures of the embedded study, and one of a template's own in the house look."""
    analysis = open_study().analyse()
    return [
        timeline(analysis),
        survival(analysis.lead_times),
        place_map(analysis),
        analysis.figure(),
        apply_theme(plain(), "Of a template."),
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Build reports whose template shows figures in every way that a notebook has.

    One in a process of its own, and two forked from one that has imported plotly already.
    """
    folder = tmp_path_factory.mktemp("own")
    own = template(folder, "own", *TEMPLATE)
    out = folder / "out"
    alone = run_report(own, out=out, now=NOW)
    requests = [ReportRequest(own, parameters={"number": n}, out=out) for n in (2, 3)]
    made = [alone, *run_reports(requests, workers=2, now=NOW)]
    assert [one.error for one in made] == [None] * 3
    return made


@pytest.fixture(scope="module")
def built(runs):
    """Return the first of these reports."""
    return runs[0]


@pytest.fixture
def renderer():
    """Let a test choose how figures are shown, and put it back."""
    before = pio.renderers.default
    kept = dict(pio.renderers["plotly_mimetype"].config)
    yield pio.renderers
    pio.renderers["plotly_mimetype"].config = kept
    pio.renderers.default = before


def configs(text: str) -> list[dict]:
    """Return the configuration that each drawn figure of a piece of HTML is given."""
    calls = text.split("Plotly.newPlot(")[1:]
    found = []
    for call in calls:
        decoder, rest, parts = json.JSONDecoder(), call.lstrip(), []
        while len(parts) < 4:
            part, end = decoder.raw_decode(rest)
            parts.append(part)
            rest = rest[end:].lstrip(" ,\n")
        found.append(parts[-1])
    return found


def in_html(config: dict) -> bool:
    """Tell whether a configuration in HTML is offline; plotly leaves the address out there."""
    return is_offline({**config, "plotlyServerURL": ""}) and "plotlyServerURL" not in config


def offered(tab) -> list[list[str]]:
    """Return what figures offer, and fail if anything of it leads out of the page."""
    controls = tab.evaluate(CONTROLS)
    for words, address in controls:
        assert not LEAVES.search(words), words
        assert not re.match(r"(?!data:|blob:|#|$)", address), (words, address)
    return controls


def press_all(tab) -> int:
    """Press every button of every mode bar, as a reader does, and return how many there were."""
    pressed = 0
    figures = tab.locator(".js-plotly-plot")
    for number in range(figures.count()):
        figure = figures.nth(number)
        figure.scroll_into_view_if_needed()
        figure.hover(force=True)
        for at in range(figure.locator(".modebar-btn").count()):
            figure.locator(".modebar-btn").nth(at).click(force=True)
            # A first click may only ask; the second sends.
            for more in tab.locator(".plotly-cloud-dialog-box button, dialog button").all():
                more.click(force=True)
            pressed += 1
    return pressed


def stays(tab, file: Path) -> None:
    """Press everything, and assert that nothing was asked for, opened, offered or navigated to."""
    popups = []
    tab.context.on("page", lambda opened: popups.append(opened.url))
    tab.evaluate(
        "window.addEventListener('submit', e => { window.sent = true; e.preventDefault(); }, true)"
    )
    offered(tab)
    before = list(tab.asked)
    assert press_all(tab) > 0
    offered(tab)
    tab.wait_for_timeout(300)
    asked = [url for url in tab.asked[len(before) :] if not url.startswith(("blob:", "data:"))]
    assert asked == []
    assert popups == []
    assert tab.evaluate("window.sent") is None
    assert tab.url == file.as_uri()


def test_a_configuration_is_kept_but_for_what_leaves_the_page():
    kept = offline_config(LEAKY | FORMER | {"scrollZoom": True})
    assert kept == {"scrollZoom": True, "displayModeBar": True, **OFFLINE_CONFIG}
    for nothing in (None, {}, [], "x", 1):
        assert offline_config(nothing) == OFFLINE_CONFIG


def test_every_figure_of_the_package_is_finished():
    """Whatever function says it returns a figure returns one that `finished` returned."""
    functions = [
        node
        for file in sorted(TOOLKIT.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and node.returns is not None
        and ast.unparse(node.returns) in {"go.Figure", "Figure"}
    ]
    names = {node.name for node in functions}
    assert len(names) > 10
    for function in functions:
        for node in ast.walk(function):
            if isinstance(node, ast.Return):
                assert isinstance(node.value, ast.Call), function.name
                assert ast.unparse(node.value.func).split(".")[-1] in names | {"Figure"}


def test_a_figure_keeps_the_button_out_wherever_it_is_drawn(drawn):
    """The layout goes with a figure through JSON, a copy, and into a plain figure."""
    for figure in drawn:
        copies = [
            figure,
            copy.deepcopy(figure),
            pio.from_json(figure.to_json()),
            go.Figure(figure),
        ]
        for one in copies:
            assert "sendChartToCloud" in one.layout.modebar.remove
        assert [isinstance(one, Figure) for one in copies] == [True, True, False, False]


def test_a_figure_is_shown_in_a_notebook_without_it(drawn, renderer):
    shell = InteractiveShell.instance()
    renderer.default = "plotly_mimetype"
    renderer["plotly_mimetype"].config = {"scrollZoom": True, "showSendToCloud": True}
    for figure in drawn:
        bundle = figure._repr_mimebundle_()
        assert is_offline(bundle[MIMETYPE]["config"])
        assert bundle[MIMETYPE]["config"]["scrollZoom"] is True
        with capture_output() as captured:
            figure.show()
            figure.show(config=LEAKY)
            figure.show("plotly_mimetype", config=LEAKY)
            assert shell.display_formatter.format(figure) == ({}, {}), "it shows itself"
        assert len(captured.outputs) == 4
        for output in captured.outputs:
            assert is_offline(output.data[MIMETYPE]["config"])


def test_a_figure_is_html_without_it(drawn, renderer, tmp_path):
    renderer.default = "notebook_connected"
    for figure in drawn:
        figure.write_html(tmp_path / "a.html", include_plotlyjs=False)
        figure.write_html(tmp_path / "b.html", LEAKY, include_plotlyjs=False)
        texts = [
            figure.to_html(include_plotlyjs=False),
            figure.to_html(LEAKY, include_plotlyjs=False),
            figure.to_html(config=LEAKY, include_plotlyjs=False, full_html=False),
            figure._repr_html_(),
            *((tmp_path / name).read_text(encoding="utf-8") for name in ("a.html", "b.html")),
        ]
        for text in texts:
            assert [in_html(config) for config in configs(text)] == [True]
        renderer.default = "plotly_mimetype"
        assert [in_html(config) for config in configs(figure._repr_html_())] == [True]
        renderer.default = "notebook_connected"


def test_an_executed_notebook_keeps_figures_without_it(runs):
    """Whatever a template asks for: its notebook is opened in a lab, or made into HTML."""
    for run in runs:
        notebook = nbformat.read(run.notebook, as_version=4)
        shown = [output.data for cell in notebook.cells for output in cell.get("outputs", ())]
        figures = [data[MIMETYPE] for data in shown if MIMETYPE in data]
        assert len(figures) == 4
        for figure in figures:
            assert is_offline(dict(figure["config"]))
            assert not set(FORMER) & set(figure["config"])
        markup = [config for data in shown for config in configs(data.get("text/html", ""))]
        assert [in_html(config) for config in markup] == [True] * 3


@pytest.mark.browser
def test_a_page_has_no_control_that_leaves_it(built, opened):
    tab = opened(built.html)
    assert tab.locator("figure.plot.drawn").count() == 4
    stays(tab, built.html)
    assert tab.said == []


@pytest.mark.browser
def test_a_page_overrides_what_a_notebook_asks_for(tmp_path, opened):
    output = nbformat.v4.new_output(
        "display_data",
        data={MIMETYPE: plain().to_plotly_json() | {"config": LEAKY | FORMER | BUTTONS}},
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output])])
    file = tmp_path / "page.html"
    file.write_text(render_page(notebook, title="x", footer={}), encoding="utf-8")
    tab = opened(file)
    stays(tab, file)
    names = [words for words, _ in offered(tab)]
    assert "Draw line" in names, "what a figure asks for else is there"
    # Where a script of plotly's opened a window all the same, there is none.
    assert tab.evaluate("window.open('https://cloud.example')") is None
    assert tab.context.pages == [tab]


@pytest.mark.browser
def test_an_exported_figure_has_no_control_that_leaves_it(drawn, tmp_path, opened):
    file = tmp_path / "figure.html"
    for figure in (drawn[0], drawn[-1]):
        figure.write_html(file, config=LEAKY)
        tab = opened(file, drawn=False)
        tab.wait_for_selector(".main-svg")
        stays(tab, file)
        # By a way that asks no figure for its configuration.
        pio.write_html(go.Figure(figure), file)
        tab = opened(file, drawn=False)
        tab.wait_for_selector(".main-svg")
        names = tab.locator(".modebar-btn").evaluate_all("all => all.map(e => e.dataset.title)")
        assert not [name for name in names if re.search("share|cloud", name, re.IGNORECASE)]


@pytest.mark.browser
def test_what_leaves_a_page_is_seen(tmp_path, opened):
    """The checks above see the button and the link that plotly brings by default."""
    file = tmp_path / "figure.html"
    pio.write_html(plain(), file)
    tab = opened(file, drawn=False)
    tab.wait_for_selector(".main-svg")
    controls = tab.evaluate(CONTROLS)
    found = sorted(words for words, _ in controls if LEAVES.search(words))
    assert [words.split()[0] for words in found] == ["Produced", "Share"]
    tab.context.route(lambda url: not url.startswith("file:"), lambda route: route.abort())
    tab.hover(".js-plotly-plot", force=True)
    tab.locator(".modebar-btn[data-title^='Share']").click(force=True)
    with tab.context.expect_page() as popup:
        tab.locator(".plotly-cloud-dialog-box button").last.click(force=True)
    assert popup.value is not tab
