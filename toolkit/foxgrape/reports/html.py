"""One page from an executed notebook: offline, without code, and safe to open.

Text that came from outside never becomes markup (an allow-list cleans all HTML that cells
printed), and a Content-Security-Policy lets only the two scripts below run, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import nh3

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbformat import NotebookNode

__all__ = ["clean", "page"]

_PAGE = files("foxgrape.reports") / "page"
# What of an output is shown: figures as data, even where a cell also printed them as HTML.
_SHOWN = [
    "application/vnd.plotly.v1+json",
    "text/html",
    "text/markdown",
    "image/png",
    "text/plain",
]

_TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "section", "span", "br", "hr", "pre"),
    *("a", "abbr", "b", "blockquote", "code", "del", "em", "i", "kbd", "q", "s", "small"),
    *("strong", "sub", "sup", "time", "u", "ul", "ol", "li", "dl", "dt", "dd", "details"),
    *("summary", "table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "th"),
    "td",
}
_ATTRIBUTES = {
    "*": {"class", "title", "lang", "dir"},
    "a": {"href"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "time": {"datetime"},
}


def clean(markup: str) -> str:
    """Return markup with nothing left in it that could run or be fetched.

    Examples
    --------
    >>> clean('<p onclick="x()">a<img src=x onerror=y()></p>')
    '<p>a</p>'
    """
    return nh3.clean(
        markup,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )


def page(notebook: NotebookNode, *, title: str, footer: Mapping[str, str]) -> str:
    """Return the page of an executed notebook.

    Parameters
    ----------
    notebook
        With outputs. Plotly figures must be there as JSON.
    title
        Title of the page.
    footer
        What to say at its foot: names and values.
    """
    from nbconvert.exporters import HTMLExporter  # noqa: PLC0415 - 3 s
    from traitlets.config import Config  # noqa: PLC0415

    exporter = HTMLExporter(
        template_file=str(_PAGE / "page.html.j2"),
        filters={"clean": clean, "plotly_figure": _figure},
        config=Config({"NbConvertBase": {"display_data_priority": _SHOWN}}),
        exclude_anchor_links=True,
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    exporter.environment.globals.update(
        page_title=title,
        page_footer=footer,
        page_style=(_PAGE / "page.css").read_text(encoding="utf-8"),
        page_scripts=_scripts(),
        page_policy=_policy(),
    )
    body, _ = exporter.from_notebook_node(notebook)
    return str(body)


@cache
def _scripts() -> tuple[str, ...]:
    from plotly.offline import get_plotlyjs  # noqa: PLC0415

    return str(get_plotlyjs()), (_PAGE / "page.js").read_text(encoding="utf-8")


@cache
def _policy() -> str:
    """Allow our own scripts by their hashes, inline styles and pictures in the page; no request."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in _scripts())
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _figure(data: Mapping[str, Any]) -> str:
    """Return a figure as data that the page's script draws, with its alt text."""
    figure = {"data": data["data"], "layout": data["layout"]}
    alt = html.escape(str(data["layout"].get("meta", {}).get("alt", "figure")))
    # "<" would end the script element early.
    text = json.dumps(figure, ensure_ascii=False).replace("<", "\\u003c")
    height = int(data["layout"].get("height", 450))
    return (
        f'<figure class="plot"><div role="img" aria-label="{alt}" style="height:{height}px"></div>'
        f'<script type="application/json">{text}</script><figcaption>{alt}</figcaption></figure>'
    )
