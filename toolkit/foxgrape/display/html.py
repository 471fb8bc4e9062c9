"""Build HTML fragments for notebooks and report pages: text, tables, links, headlines."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "HEADLINE",
    "SUBJECT",
    "Group",
    "Headline",
    "Html",
    "bullets",
    "finding_block",
    "html_link",
    "section",
    "sentence",
    "table",
]

#: MIME type of a report's headline in an executed notebook.
HEADLINE = "application/vnd.foxgrape.headline"
#: MIME type of what a report is about, by which the catalogue names the report.
SUBJECT = "application/vnd.foxgrape.subject"
_NUMBER = re.compile(r"(?:&[lg]t;)?[-\N{MINUS SIGN}]?[\d.,]*\d(e[-+]?\d+)?%?")


class Html:
    """HTML that a notebook displays unchanged; the caller must escape untrusted text.

    Examples
    --------
    >>> Html("<p>n = 3</p>")
    Html('<p>n = 3</p>')
    """

    def __init__(self, markup: str) -> None:
        self.markup = markup

    def __repr__(self) -> str:
        return f"Html({self.markup!r})"

    def _repr_html_(self) -> str:
        return self.markup


class Headline(Html):
    """A report's main finding in one sentence, shown on the report page and in the catalogue.

    Examples
    --------
    >>> Headline("3 < 5 leads").markup
    '<div class="headline"><p class="finding"><strong>3 &lt; 5 leads</strong></p></div>'
    """

    def __init__(self, text: str, claim: str = "", details: str = "", *, more: str = "") -> None:
        """Set the sentence as text, and the claim and details below the sentence as HTML.

        Further sentences, in `more`, are part of the text but not printed large.
        """
        further = f'<p class="more">{html.escape(more)}</p>' if more else ""
        super().__init__(
            '<div class="headline"><p class="finding"><strong>'
            f"{html.escape(text)}</strong></p>{further}{claim}</div>{details}"
        )
        self.text = f"{text} {more}".strip()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.markup, "text/plain": self.text, HEADLINE: self.text}


class Group:
    """Several outputs that a notebook displays one after the other, such as a figure and a table.

    Examples
    --------
    >>> len(Group(Html("<p>a</p>"), Html("<p>b</p>")).parts)
    2
    """

    def __init__(self, *parts: object) -> None:
        self.parts = parts

    def _ipython_display_(self) -> None:
        from IPython.display import display

        for part in self.parts:
            display(part)  # type: ignore[no-untyped-call]


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str | Html]],
    note: str | None = None,
    *,
    empty: str = "There are no rows to show.",
) -> Html:
    """Return a table with a note below, by default the number of rows; escape all but `Html`.

    Parameters
    ----------
    heads
        Names of the columns.
    rows
        One sequence of cells for each row.
    note
        Text below the table; an empty string for none.
    empty
        Sentence that replaces a table without rows: why there are none, and what to do.

    Examples
    --------
    >>> ">&lt;b&gt;</td>" in table(["Text"], [["<b>"]]).markup
    True
    >>> table(["Text"], [], empty="No texts: there are no posts.").markup
    '<p class="soft">No texts: there are no posts.</p>'
    """
    if not rows:
        return Html(f'<p class="soft">{html.escape(empty)}</p>')
    cells = [
        [cell.markup if isinstance(cell, Html) else html.escape(cell) for cell in row]
        for row in rows
    ]
    sides = [_alignment(column) for column in zip(*cells, strict=True)]
    head = "".join(
        f'<th scope="col"{side}>{html.escape(name)}</th>'
        for side, name in zip(sides, heads, strict=True)
    )
    body = "".join(f"<tr>{''.join(map('<td{}>{}</td>'.format, sides, row))}</tr>" for row in cells)
    note = f"n = {len(rows):,}." if note is None else note
    caption = f'<p class="soft">{html.escape(note)}</p>' if note else ""
    return Html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{caption}")


def _alignment(column: Sequence[str]) -> str:
    """Return attributes that align numbers right and text left; JupyterLab aligns all right."""
    values = set(column) - {"", "–"}
    if values and all(map(_NUMBER.fullmatch, values)):
        return ' class="number" style="text-align:right"'
    return ' style="text-align:left"'


def html_link(address: object, words: str) -> str:
    """Return a link with the given text if the address is http or https, else the escaped text.

    Examples
    --------
    >>> html_link("https://example.org/", "a < b")
    '<a href="https://example.org/" rel="noopener noreferrer" target="_blank">a &lt; b</a>'
    >>> html_link("javascript:run()", "a < b")
    'a &lt; b'
    """
    text = html.escape(words)
    try:
        parts = urlsplit(str(address))
    except ValueError:
        return text
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return text
    # If the text is the address itself, show only the host name.
    text = html.escape(parts.hostname) if words == address else text
    safe = html.escape(str(address))
    return f'<a href="{safe}" rel="noopener noreferrer" target="_blank">{text}</a>'


def bullets(lines: Sequence[str]) -> str:
    """Return sentences as an HTML list; an empty string if there are none.

    Examples
    --------
    >>> bullets(["3 < 5."]), bullets([])
    ('<ul><li>3 &lt; 5.</li></ul>', '')
    """
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def finding_block(finding: str, warnings: Sequence[str] = (), *, more: str = "") -> Html:
    """Return a test's finding as a paragraph, with more words, and its warnings as a list.

    Examples
    --------
    >>> finding_block("Too few to test.", ["5 signals"]).markup.count("<li>")
    1
    """
    items = "".join(f"<li>{html.escape(sentence(warning))}</li>" for warning in warnings)
    warning_list = f'<ul class="warnings">{items}</ul>' if items else ""
    words = f" {html.escape(more)}" if more else ""
    return Html(f"<p><strong>{html.escape(finding)}</strong>{words}</p>{warning_list}")


def sentence(words: str) -> str:
    """Return the text with its first letter in upper case and one full stop at the end.

    Examples
    --------
    >>> sentence("posts are few")
    'Posts are few.'
    """
    return f"{words[:1].upper()}{words[1:]}".removesuffix(".") + "."


def section(heading: str, words: str, level: int = 2) -> Html:
    """Return a heading and a paragraph from plain text, which is escaped.

    Examples
    --------
    >>> section("Izium", "One place.", level=1).markup
    '<h1>Izium</h1><p>One place.</p>'
    """
    return Html(f"<h{level}>{html.escape(heading)}</h{level}><p>{html.escape(words)}</p>")
