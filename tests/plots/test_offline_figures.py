"""Test that figures in pages, notebooks and exported files have no control that leaves the page."""

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
from foxgrape.plots.place_map import place_map
from foxgrape.plots.signals import survival, timeline
from foxgrape.plots.theme import Figure, apply_theme
from foxgrape.reports.rendering.page import render_page
from report_templates import template

TOOLKIT = Path(__file__).parents[2] / "toolkit" / "foxgrape"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
#: Options of the current plotly.js that enable controls which leave the page.
LEAKY = {
    "showSendToCloud": True,
    "plotlyServerURL": "https://cloud.example",
    "displaylogo": True,
    "watermark": True,
    "displayModeBar": True,
}
#: The same for earlier versions of plotly.js.
FORMER = {"showEditInChartStudio": True, "showLink": True, "linkText": "Edit", "sendData": True}
BUTTONS = {"modeBarButtons": [["sendChartToCloud", "toImage"]], "modeBarButtonsToRemove": []}
#: JavaScript: the label and address of every button, link and form of the drawn figures.
CONTROLS = """() => [...document.querySelectorAll(
    ".modebar-btn, .js-plotly-plot a, .js-plotly-plot button, .js-plotly-plot form, body > form"
)].map(e => [e.dataset.title || e.ariaLabel || e.textContent,
    e.getAttribute("href") || e.getAttribute("xlink:href") || e.getAttribute("action") || ""])"""
LEAVES_PAGE = re.compile(r"share|cloud|studio|edit in|produced with", re.IGNORECASE)

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


def plotly_figure() -> go.Figure:
    """Return a plain plotly figure whose layout asks for the cloud button."""
    drawn = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], text=["@account"] * 2, mode="markers+text"))
    return drawn.update_layout(modebar={"add": ["sendChartToCloud", "drawline"]}, height=300)


def is_offline(config) -> bool:
    return isinstance(config, dict) and offline_config(config) == config


@pytest.fixture(scope="module")
def drawn():
    """Return figures of the bundled study, and a plotly figure with the theme applied."""
    analysis = open_study().analyse()
    return [
        timeline(analysis),
        survival(analysis.lead_times),
        place_map(analysis),
        analysis.figure(),
        apply_theme(plotly_figure(), "From a template."),
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Build three reports from a template that shows figures in every way a notebook can.

    The first runs in a new process; the other two run in parallel, forked from a process that
    has already imported plotly.
    """
    folder = tmp_path_factory.mktemp("own")
    path = template(folder, "own", *TEMPLATE)
    out = folder / "out"
    single = run_report(path, out=out, now=NOW)
    requests = [ReportRequest(path, parameters={"number": n}, out=out) for n in (2, 3)]
    results = [single, *run_reports(requests, workers=2, now=NOW)]
    assert [run.error for run in results] == [None] * 3
    return results


@pytest.fixture(scope="module")
def built(runs):
    """Return the first of these reports."""
    return runs[0]


@pytest.fixture
def renderer():
    """Return plotly's renderers; restore their defaults afterwards."""
    before = pio.renderers.default
    config = dict(pio.renderers["plotly_mimetype"].config)
    yield pio.renderers
    pio.renderers["plotly_mimetype"].config = config
    pio.renderers.default = before


def configs(text: str) -> list[dict]:
    """Return the configuration of each figure drawn by some HTML."""
    calls = text.split("Plotly.newPlot(")[1:]
    configurations = []
    for call in calls:
        decoder, rest, parts = json.JSONDecoder(), call.lstrip(), []
        while len(parts) < 4:
            part, end = decoder.raw_decode(rest)
            parts.append(part)
            rest = rest[end:].lstrip(" ,\n")
        configurations.append(parts[-1])
    return configurations


def is_offline_in_html(config: dict) -> bool:
    """Return whether a configuration in HTML is offline; plotly omits the server address there."""
    return is_offline({**config, "plotlyServerURL": ""}) and "plotlyServerURL" not in config


def check_controls(tab) -> list[list[str]]:
    """Return the label and address of each control; fail if one leaves the page."""
    controls = tab.evaluate(CONTROLS)
    for label, address in controls:
        assert not LEAVES_PAGE.search(label), label
        assert not re.match(r"(?!data:|blob:|#|$)", address), (label, address)
    return controls


def click_all_buttons(tab) -> int:
    """Click every button of every mode bar and return the number of buttons."""
    clicked = 0
    figures = tab.locator(".js-plotly-plot")
    for number in range(figures.count()):
        figure = figures.nth(number)
        figure.scroll_into_view_if_needed()
        figure.hover(force=True)
        for index in range(figure.locator(".modebar-btn").count()):
            figure.locator(".modebar-btn").nth(index).click(force=True)
            # The first click may only open a dialog whose button sends the figure.
            for button in tab.locator(".plotly-cloud-dialog-box button, dialog button").all():
                button.click(force=True)
            clicked += 1
    return clicked


def check_stays_on_page(tab, file: Path) -> None:
    """Click every button; assert that nothing is requested, opened, submitted or navigated to."""
    popups = []
    tab.context.on("page", lambda opened: popups.append(opened.url))
    tab.evaluate(
        "window.addEventListener('submit', e => { window.sent = true; e.preventDefault(); }, true)"
    )
    check_controls(tab)
    n_before = len(tab.requested_urls)
    assert click_all_buttons(tab) > 0
    check_controls(tab)
    tab.wait_for_timeout(300)
    requests = tab.requested_urls[n_before:]
    assert [url for url in requests if not url.startswith(("blob:", "data:"))] == []
    assert popups == []
    assert tab.evaluate("window.sent") is None
    assert tab.url == file.as_uri()


def test_offline_config_changes_only_options_that_leave_the_page():
    config = offline_config(LEAKY | FORMER | {"scrollZoom": True})
    assert config == {"scrollZoom": True, "displayModeBar": True, **OFFLINE_CONFIG}
    for invalid in (None, {}, [], "x", 1):
        assert offline_config(invalid) == OFFLINE_CONFIG


def test_every_figure_function_returns_an_offline_figure():
    """A function annotated to return a figure returns `Figure(…)` or the result of another one."""
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


def test_copies_of_a_figure_have_no_cloud_button(drawn):
    """The layout is kept by JSON, by a copy and by conversion to a plain plotly figure."""
    for figure in drawn:
        copies = [
            figure,
            copy.deepcopy(figure),
            pio.from_json(figure.to_json()),
            go.Figure(figure),
        ]
        for copied in copies:
            assert "sendChartToCloud" in copied.layout.modebar.remove
        assert [isinstance(copied, Figure) for copied in copies] == [True, True, False, False]


def test_a_figure_in_a_notebook_has_no_cloud_button(drawn, renderer):
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
            assert shell.display_formatter.format(figure) == ({}, {}), "the figure displays itself"
        assert len(captured.outputs) == 4
        for output in captured.outputs:
            assert is_offline(output.data[MIMETYPE]["config"])


def test_a_figure_exported_as_html_has_no_cloud_button(drawn, renderer, tmp_path):
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
            assert [is_offline_in_html(config) for config in configs(text)] == [True]
        renderer.default = "plotly_mimetype"
        assert [is_offline_in_html(config) for config in configs(figure._repr_html_())] == [True]
        renderer.default = "notebook_connected"


def test_figures_in_an_executed_notebook_have_no_cloud_button(runs):
    """A user may open the notebook in JupyterLab or convert it to HTML."""
    for run in runs:
        notebook = nbformat.read(run.notebook, as_version=4)
        bundles = [output.data for cell in notebook.cells for output in cell.get("outputs", ())]
        figures = [data[MIMETYPE] for data in bundles if MIMETYPE in data]
        assert len(figures) == 4
        for figure in figures:
            assert is_offline(dict(figure["config"]))
            assert not set(FORMER) & set(figure["config"])
        markup = [config for data in bundles for config in configs(data.get("text/html", ""))]
        assert [is_offline_in_html(config) for config in markup] == [True] * 3


@pytest.mark.browser
def test_a_page_has_no_control_that_leaves_it(built, opened):
    tab = opened(built.html)
    assert tab.locator("figure.plot.drawn").count() == 4
    check_stays_on_page(tab, built.html)
    assert tab.messages == []


@pytest.mark.browser
def test_a_page_overrides_the_figure_options_of_its_notebook(tmp_path, opened):
    output = nbformat.v4.new_output(
        "display_data",
        data={MIMETYPE: plotly_figure().to_plotly_json() | {"config": LEAKY | FORMER | BUTTONS}},
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output])])
    file = tmp_path / "page.html"
    file.write_text(render_page(notebook, title="x", footer={}), encoding="utf-8")
    tab = opened(file)
    check_stays_on_page(tab, file)
    labels = [label for label, _ in check_controls(tab)]
    assert "Draw line" in labels, "a harmless button was removed"
    # The page also blocks window.open, in case a script of plotly calls it.
    assert tab.evaluate("window.open('https://cloud.example')") is None
    assert tab.context.pages == [tab]


@pytest.mark.browser
def test_an_exported_figure_has_no_control_that_leaves_the_page(drawn, tmp_path, opened):
    file = tmp_path / "figure.html"
    for figure in (drawn[0], drawn[-1]):
        figure.write_html(file, config=LEAKY)
        tab = opened(file, drawn=False)
        tab.wait_for_selector(".main-svg")
        check_stays_on_page(tab, file)
        # This function ignores the configuration of the figure.
        pio.write_html(go.Figure(figure), file)
        tab = opened(file, drawn=False)
        tab.wait_for_selector(".main-svg")
        names = tab.locator(".modebar-btn").evaluate_all("all => all.map(e => e.dataset.title)")
        assert not [name for name in names if re.search("share|cloud", name, re.IGNORECASE)]


@pytest.mark.browser
def test_the_checks_see_controls_that_leave_the_page(tmp_path, opened):
    """The checks above would see the button and the link that plotly adds by default."""
    file = tmp_path / "figure.html"
    pio.write_html(plotly_figure(), file)
    tab = opened(file, drawn=False)
    tab.wait_for_selector(".main-svg")
    controls = tab.evaluate(CONTROLS)
    leaving = sorted(label for label, _ in controls if LEAVES_PAGE.search(label))
    assert [label.split()[0] for label in leaving] == ["Produced", "Share"]
    tab.context.route(lambda url: not url.startswith("file:"), lambda route: route.abort())
    tab.hover(".js-plotly-plot", force=True)
    tab.locator(".modebar-btn[data-title^='Share']").click(force=True)
    with tab.context.expect_page() as popup:
        tab.locator(".plotly-cloud-dialog-box button").last.click(force=True)
    assert popup.value is not tab
