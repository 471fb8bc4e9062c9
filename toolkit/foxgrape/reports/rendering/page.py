"""Render an executed notebook as one page that works offline, shows no code and is safe to open.

HTML in cell outputs is sanitized with an allow-list. A Content-Security-Policy with hashes allows
only the page's own scripts, and plotly.js if the page loads it from a shared file.
"""

from __future__ import annotations

import html
import json
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import nh3

from foxgrape.plots.offline import MIMETYPE, OFFLINE_CONFIG
from foxgrape.reports.rendering.assets import csp_hash, image_data_url, plotly_asset
from foxgrape.reports.rendering.terms import explain_terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbformat import NotebookNode

__all__ = [
    "add_contents",
    "content_security_policy",
    "notebook_figures",
    "render_page",
    "renumber_headings",
    "sanitize",
    "static_text",
]

_STATIC = files("foxgrape.reports.rendering") / "static"
#: Formats of outputs in order of preference. Figures come first as data, even if the output has
#: HTML too.
_FORMATS = [MIMETYPE, "text/html", "text/markdown", "image/png", "text/plain"]

_TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "section", "span", "br", "hr", "pre"),
    *("a", "abbr", "b", "blockquote", "code", "data", "del", "em", "i", "kbd", "mark", "q", "s"),
    "small",
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
_SECTION = re.compile(r"<h2([^>]*)>(.*?)</h2>", re.DOTALL)
_HEADLINE = re.compile(r'<div class="headline">.*?</div>', re.DOTALL)
#: Files of rows beside the page that a template links to.
_FILE = re.compile(r'<a class="file" href="([\w.-]+)"')
#: A page with at least this many sections has a list of them.
_MIN_CONTENTS = 3


def sanitize(markup: str) -> str:
    """Remove everything from HTML that could run a script or load a resource.

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
    """Return the page of an executed notebook as HTML.

    Parameters
    ----------
    notebook
        The executed notebook. Plotly figures must be in its outputs as JSON.
    title
        Title of the page.
    footer
        Names and values for the footer.
    assets
        Path of the folder with the shared plotly.js, relative to the page; None to embed plotly.js.
    pictures
        PNG images of the figures, in the order of `notebook_figures`, for readers without scripts;
        may be empty.
    """
    from nbconvert.exporters import HTMLExporter
    from traitlets.config import Config

    urls = iter([image_data_url(png) for png in pictures])
    exporter = HTMLExporter(
        template_file=str(_STATIC / "page.html.j2"),
        filters={
            "clean": lambda markup: sanitize(_wrap_tables(markup)),
            "plotly_figure": lambda data: (
                _reason(data) if _is_empty(data) else _figure(data, next(urls, None))
            ),
        },
        config=Config({"NbConvertBase": {"display_data_priority": _FORMATS}}),
        exclude_anchor_links=True,
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    own = (static_text("downloads.js"), static_text("page.js"))
    shared = None if assets is None else f"{assets}/{plotly_asset().name}"
    scripts = (plotly_asset().text, *own) if shared is None else own
    exporter.environment.globals.update(
        page_title=title,
        page_footer=footer,
        page_style=static_text("page.css"),
        page_scripts=scripts,
        page_policy=content_security_policy(scripts, loads_script=shared is not None),
        page_plotly=shared,
        page_integrity=plotly_asset().integrity,
    )
    body, _ = exporter.from_notebook_node(notebook)
    return add_contents(explain_terms(renumber_headings(str(body), title)))


def notebook_figures(notebook: NotebookNode) -> list[Mapping[str, Any]]:
    """Return the figures in a notebook's outputs as plotly's JSON, in order of output.

    Figures that only say why there is nothing to draw are left out.
    """
    return [
        output.data[MIMETYPE]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if MIMETYPE in output.get("data", {}) and not _is_empty(output.data[MIMETYPE])
    ]


def _is_empty(figure: Mapping[str, Any]) -> bool:
    """Return whether a figure only says why there is nothing to draw; see `empty_figure`."""
    meta = figure.get("layout", {}).get("meta")
    return isinstance(meta, dict) and isinstance(meta.get("empty"), str)


def _reason(figure: Mapping[str, Any]) -> str:
    return f'<p class="soft">{html.escape(figure["layout"]["meta"]["empty"])}</p>'


@cache
def static_text(name: str) -> str:
    """Return the text of a file in the ``static`` folder: a style sheet, script or template."""
    return (_STATIC / name).read_text(encoding="utf-8")


def content_security_policy(scripts: Sequence[str], *, loads_script: bool = False) -> str:
    """Return a Content-Security-Policy that allows a page's own scripts but no network requests.

    Parameters
    ----------
    scripts
        The text of the page's own scripts.
    loads_script
        Whether these scripts load another script, which is then allowed by 'strict-dynamic'. For a
        page opened from disk, browsers cannot check the hash of a file beside it, and no source
        expression allows a single file.
    """
    hashes = " ".join(f"'{csp_hash(script)}'" for script in scripts)
    allowed = f"{hashes} 'strict-dynamic'" if loads_script else hashes
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _wrap_tables(markup: str) -> str:
    """Wrap tables in scrollable boxes; call before `sanitize`."""
    return _TABLE.sub(
        lambda tag: "</table></div>" if tag[1] else f'<div class="scroll"><table{tag[2]}>', markup
    )


def renumber_headings(markup: str, title: str) -> str:
    """Renumber a page's headings: a single h1 first, and no skipped levels, for screen readers.

    Only the digits of heading tags are changed. If the first heading is not an h1, `title` is
    inserted as one.

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
    parents: list[tuple[int, int]] = []  # original and new level
    opened: list[int] = []

    def renumbered(tag: re.Match[str]) -> str:
        if tag[1]:
            return f"</h{opened.pop() if opened else tag[2]}"
        original = int(tag[2])
        while parents and parents[-1][0] >= original and parents[-1][1] > 1:
            parents.pop()
        level = parents[-1][1] + 1 if parents else 1
        parents.append((original, level))
        opened.append(level)
        return f"<h{level}"

    return head + _HEADING.sub(renumbered, body) + foot


def add_contents(markup: str) -> str:
    """Give each section of a page an address, and list three or more of them.

    The list, with a line on where the data are, comes below the headline, or before the first
    section.

    Examples
    --------
    >>> page = add_contents("<main><h1>a</h1><h2>Where?</h2><h2>B &amp; b</h2><h2>C</h2></main>")
    >>> '<a href="#b-b">B &amp; b</a>' in page, '<h2 id="where">Where?' in page
    (True, True)
    """
    start, end = markup.index("<main"), markup.rindex("</main>")
    head, body, foot = markup[:start], markup[start:end], markup[end:]
    names: dict[str, str] = {}

    def addressed(section: re.Match[str]) -> str:
        text = _plain_text(section[2])
        name = base = "-".join(re.findall(r"\w+", text.lower())) or "section"
        # The skip link leads to "content".
        while name in names or name == "content":
            name = f"{base}-{len(names) + 1}"
        names[name] = text
        link = f'<a class="anchor" href="#{name}" aria-label="Link to this section"></a>'
        return f'<h2 id="{name}"{section[1]}>{section[2]}{link}</h2>'

    body = _SECTION.sub(addressed, body)
    if len(names) >= _MIN_CONTENTS:
        items = "".join(
            f'<li><a href="#{name}">{html.escape(text)}</a></li>' for name, text in names.items()
        )
        contents = f'<nav class="contents" aria-label="Contents"><ul>{items}</ul></nav>'
        headline = _HEADLINE.search(body)
        at = min(headline.end() if headline else len(body), body.index("<h2 "))
        body = body[:at] + contents + _data_line(body) + body[at:]
    return head + body + foot


def _data_line(body: str) -> str:
    """Return where the data of a page are; empty for a page without tables."""
    if "<table" not in body:
        return ""
    files = list(dict.fromkeys(_FILE.findall(body)))
    links = ", ".join(f'<a href="{file}">{file}</a>' for file in files)
    beside = f"All rows, in files beside this page: {links}. " if files else ""
    return (
        f'<p class="soft data"><strong>Data</strong> {beside}Each table can be downloaded as CSV '
        "or Excel, each figure as PNG or SVG.</p>"
    )


def _figure(data: Mapping[str, Any], picture: str | None) -> str:
    """Return the HTML of a figure: JSON for the page's script, and the alt text as caption."""
    layout = data["layout"]
    # Do not use the configuration in the notebook, which may have a button to upload the figure.
    figure = {"data": data["data"], "layout": layout, "config": dict(OFFLINE_CONFIG)}
    alt = html.escape(str(layout.get("meta", {}).get("alt", "figure")))
    name = html.escape(_plain_text(layout.get("title", {}).get("text")) or "Figure")
    # Escape "<", since "</script" in the data would end the script element.
    text = json.dumps(figure, ensure_ascii=False).replace("<", "\\u003c")
    height = int(layout.get("height", 450))
    image = f'<img class="picture" alt="{name}" src="{picture}">' if picture else ""
    return (
        f'<figure class="plot"><div class="scroll"><div class="drawing" style="height:{height}px" '
        f'role="group" aria-label="{name}"></div></div>{image}'
        f'<script type="application/json">{text}</script><figcaption>{alt}</figcaption></figure>'
    )


def _plain_text(text: Any) -> str:
    """Return the plain text of a label, without the HTML tags that plotly allows in labels."""
    return html.unescape(nh3.clean(str(text or "").replace("<br>", " "), tags=set())).strip()
