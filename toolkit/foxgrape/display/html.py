"""Markup that notebooks show and pages keep: escaped text, tables, and what a report found."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "HEADLINE",
    "Headline",
    "Html",
    "finding_block",
    "html_link",
    "section",
    "sentence",
    "table",
]

#: The type under which an executed notebook carries what it found.
HEADLINE = "application/vnd.foxgrape.headline"
_NUMBER = re.compile(r"[-\N{MINUS SIGN}]?[\d.,]*\d(e[-+]?\d+)?%?")


class Html:
    """Markup that a notebook shows as it is; whoever makes it has escaped what came from outside.

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
    """What a report found, in one sentence: its page shows it, and the list of reports repeats it.

    Examples
    --------
    >>> Headline("3 < 5 leads").markup
    '<div class="headline"><p class="finding"><strong>3 &lt; 5 leads</strong></p></div>'
    """

    def __init__(self, text: str, claim: str = "", details: str = "") -> None:
        """Take the sentence as text, what is claimed with it and what stands below as markup."""
        super().__init__(
            '<div class="headline"><p class="finding"><strong>'
            f"{html.escape(text)}</strong></p>{claim}</div>{details}"
        )
        self.text = text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.markup, "text/plain": self.text, HEADLINE: self.text}


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str | Html]], note: str | None = None
) -> Html:
    """Return a table with a note below, by default its n; text is escaped, `Html` stands as it is.

    Examples
    --------
    >>> ">&lt;b&gt;</td>" in table(["Text"], [["<b>"]]).markup
    True
    >>> table(["Text"], []).markup
    '<p class="soft">None, n = 0.</p>'
    """
    if not rows:
        return Html('<p class="soft">None, n = 0.</p>')
    cells = [
        [one.markup if isinstance(one, Html) else html.escape(one) for one in row] for row in rows
    ]
    sides = [_side(column) for column in zip(*cells, strict=True)]
    head = "".join(
        f'<th scope="col"{side}>{html.escape(name)}</th>'
        for side, name in zip(sides, heads, strict=True)
    )
    body = "".join(f"<tr>{''.join(map('<td{}>{}</td>'.format, sides, row))}</tr>" for row in cells)
    told = html.escape(f"n = {len(rows)}." if note is None else note)
    return Html(
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f'<p class="soft">{told}</p>'
    )


def _side(column: Sequence[str]) -> str:
    """Have numbers end at the right, and words begin at the left, which the lab would not do."""
    told = set(column) - {"", "–"}
    if told and all(map(_NUMBER.fullmatch, told)):
        return ' class="number" style="text-align:right"'
    return ' style="text-align:left"'


def html_link(address: object, words: str) -> str:
    """Return words as a link to the web; whatever else stands where an address should, is none.

    Examples
    --------
    >>> html_link("https://example.org/", "a < b")
    '<a href="https://example.org/" rel="noopener noreferrer" target="_blank">a &lt; b</a>'
    >>> html_link("javascript:run()", "a < b")
    'a &lt; b'
    """
    told = html.escape(words)
    try:
        parts = urlsplit(str(address))
    except ValueError:
        return told
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return told
    # An address that is its own words says its host.
    told = html.escape(parts.hostname) if words == address else told
    safe = html.escape(str(address))
    return f'<a href="{safe}" rel="noopener noreferrer" target="_blank">{told}</a>'


def finding_block(finding: str, warnings: Sequence[str] = ()) -> Html:
    """Return what a test found, and below it what to beware of.

    Examples
    --------
    >>> finding_block("Nothing can be claimed.", ["5 signals are too few"]).markup.count("<li>")
    1
    """
    items = "".join(f"<li>{html.escape(sentence(warning))}</li>" for warning in warnings)
    beware = f'<ul class="warnings">{items}</ul>' if items else ""
    return Html(f"<p><strong>{html.escape(finding)}</strong></p>{beware}")


def sentence(words: str) -> str:
    """Begin with a capital, and end with a stop.

    Examples
    --------
    >>> sentence("posts are few")
    'Posts are few.'
    """
    return f"{words[:1].upper()}{words[1:]}".removesuffix(".") + "."


def section(heading: str, words: str, level: int = 2) -> Html:
    """Return a heading of a level, and the first paragraph below it; both are escaped.

    Examples
    --------
    >>> section("Izium", "One place.", level=1).markup
    '<h1>Izium</h1><p>One place.</p>'
    """
    return Html(f"<h{level}>{html.escape(heading)}</h{level}><p>{html.escape(words)}</p>")
