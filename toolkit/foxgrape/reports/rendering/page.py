"""One page from an executed notebook: offline, without code, and safe to open.

Text that came from outside never becomes markup (an allow-list cleans all HTML that cells
printed), and a Content-Security-Policy lets only our own scripts run, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import nh3

from foxgrape.plots.offline import MIMETYPE, OFFLINE_CONFIG
from foxgrape.reports.rendering.assets import plotly_asset
from foxgrape.reports.rendering.images import image_data_urls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbformat import NotebookNode

__all__ = [
    "figure_scripts",
    "hashed",
    "part",
    "policy",
    "render_page",
    "renumber_headings",
    "sanitize",
]

_PAGE = files("foxgrape.reports.rendering") / "static"
# What of an output is shown: figures as data, even where a cell also printed them as HTML.
_SHOWN = [MIMETYPE, "text/html", "text/markdown", "image/png", "text/plain"]

_TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "section", "span", "br", "hr", "pre"),
    *("a", "abbr", "b", "blockquote", "code", "data", "del", "em", "i", "kbd", "q", "s", "small"),
    *("strong", "sub", "sup", "time", "u", "ul", "ol", "li", "dl", "dt", "dd", "details"),
    *("summary", "table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "th"),
    "td",
}
_ATTRIBUTES = {
    "*": {"class", "title", "lang", "dir"},
    "a": {"href"},
    "data": {"value"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "time": {"datetime"},
}
_TABLE = re.compile(r"<(/?)table(?=[\s>/])([^>]*)>", re.IGNORECASE)
_HEADING = re.compile(r"<(/?)h([1-6])(?=[\s>])")


def sanitize(markup: str) -> str:
    """Return markup with nothing left in it that could run or be fetched.

    Examples
    --------
    >>> sanitize('<p onclick="x()">a<img src=x onerror=y()></p>')
    '<p>a</p>'
    """
    return nh3.clean(
        markup,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )


def render_page(
    notebook: NotebookNode,
    *,
    title: str,
    footer: Mapping[str, str],
    assets: str | None = None,
    pictures: Sequence[bytes] = (),
) -> str:
    """Return the page of an executed notebook.

    Parameters
    ----------
    notebook
        With outputs. Plotly figures must be there as JSON.
    title
        Title of the page.
    footer
        What to say at its foot: names and values.
    assets
        How the page names the folder where plotly.js lies; None to carry it itself.
    pictures
        A PNG of each figure, in the order of `figures`, to be seen where no script runs; may be
        empty.
    """
    from nbconvert.exporters import HTMLExporter
    from traitlets.config import Config

    waiting = image_data_urls(pictures)
    exporter = HTMLExporter(
        template_file=str(_PAGE / "page.html.j2"),
        filters={
            "clean": lambda markup: sanitize(_boxed(markup)),
            "plotly_figure": lambda data: _figure(data, waiting.pop(0) if waiting else None),
        },
        config=Config({"NbConvertBase": {"display_data_priority": _SHOWN}}),
        exclude_anchor_links=True,
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    own = part("page.js")
    shared = None if assets is None else f"{assets}/{plotly_asset().name}"
    scripts = (plotly_asset().text, own) if shared is None else (own,)
    exporter.environment.globals.update(
        page_title=title,
        page_footer=footer,
        page_style=part("page.css"),
        page_scripts=scripts,
        page_policy=policy(scripts, loads=shared is not None),
        page_plotly=shared,
        page_integrity=plotly_asset().integrity,
    )
    body, _ = exporter.from_notebook_node(notebook)
    return renumber_headings(str(body), title)


def figure_scripts(notebook: NotebookNode) -> list[Mapping[str, Any]]:
    """Return the figures that a page of the notebook shows, as plotly's JSON, in their order."""
    return [
        output.data[MIMETYPE]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if MIMETYPE in output.get("data", {})
    ]


@cache
def part(name: str) -> str:
    """Return one of the files that pages are made of."""
    return (_PAGE / name).read_text(encoding="utf-8")


def policy(scripts: Sequence[str], *, loads: bool = False) -> str:
    """Return what a browser may do with a page: run its own scripts, and make no request.

    Parameters
    ----------
    scripts
        The page's own, which may run; no other may.
    loads
        Whether they load another. No browser checks the hash of a file that is loaded from beside
        a page on a disk, and none has another word for such a file that would not mean every file
        there is. So our own script loads it, and what a trusted script loads is trusted.
    """
    hashes = " ".join(f"'{hashed(script)}'" for script in scripts)
    allowed = f"{hashes} 'strict-dynamic'" if loads else hashes
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


@cache
def hashed(script: str) -> str:
    """Return the hash of a script or style sheet, as a policy names it.

    Examples
    --------
    >>> hashed("x")
    'sha256-LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE='
    """
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _boxed(markup: str) -> str:
    """Put each table into a box that scrolls; it is cleaned afterwards, whatever was in it."""
    return _TABLE.sub(
        lambda tag: "</table></div>" if tag[1] else f'<div class="scroll"><table{tag[2]}>', markup
    )


def renumber_headings(markup: str, title: str) -> str:
    """Return a page whose headings are in order: one first, and no level left out on the way down.

    Only the digits of tags are changed. Who reads by ear goes from heading to heading.

    Examples
    --------
    >>> renumber_headings("<main><h1>a</h1><h4>b</h4><h4>c</h4><h1>d</h1></main>", "")
    '<main><h1>a</h1><h2>b</h2><h2>c</h2><h2>d</h2></main>'
    >>> renumber_headings("<main><h3>a</h3></main>", "A & B")
    '<main><h1>A &amp; B</h1><h2>a</h2></main>'
    """
    start = markup.index(">", markup.index("<main")) + 1
    end = markup.rindex("</main>")
    head, body, foot = markup[:start], markup[start:end], markup[end:]
    first = _HEADING.search(body)
    if first is None or first[2] != "1":
        body = f"<h1>{html.escape(title)}</h1>{body}"
    above: list[tuple[int, int]] = []
    opened: list[int] = []

    def renumbered(tag: re.Match[str]) -> str:
        if tag[1]:
            return f"</h{opened.pop() if opened else tag[2]}"
        told = int(tag[2])
        while above and above[-1][0] >= told and above[-1][1] > 1:
            above.pop()
        given = above[-1][1] + 1 if above else 1
        above.append((told, given))
        opened.append(given)
        return f"<h{given}"

    return head + _HEADING.sub(renumbered, body) + foot


def _figure(data: Mapping[str, Any], picture: str | None) -> str:
    """Return a figure as data that the page's script draws, with its alt text."""
    layout = data["layout"]
    # Never the configuration that a notebook brings: it may offer to upload the figure.
    figure = {"data": data["data"], "layout": layout, "config": dict(OFFLINE_CONFIG)}
    alt = html.escape(str(layout.get("meta", {}).get("alt", "figure")))
    name = html.escape(_words(layout.get("title", {}).get("text")) or "Figure")
    # "<" would end the script element early.
    text = json.dumps(figure, ensure_ascii=False).replace("<", "\\u003c")
    height = int(layout.get("height", 450))
    shown = f'<img class="picture" alt="{name}" src="{picture}">' if picture else ""
    return (
        f'<figure class="plot"><div class="scroll"><div class="drawing" style="height:{height}px" '
        f'role="group" aria-label="{name}"></div></div>{shown}'
        f'<script type="application/json">{text}</script><figcaption>{alt}</figcaption></figure>'
    )


def _words(text: Any) -> str:
    """Return the words of a label in which plotly allows some markup."""
    return html.unescape(nh3.clean(str(text or "").replace("<br>", " "), tags=set())).strip()
