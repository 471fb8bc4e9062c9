"""HTML as its reader sees it: plain text with line breaks."""

from __future__ import annotations

from bs4 import BeautifulSoup
from bs4.exceptions import ParserRejectedMarkup

from foxgrape.io.stream import BadRecordError

__all__ = ["html_to_text"]

#: A long post of a hundred links has some 800 tags; nested ones take the square of their number.
_MAX_TAGS = 5_000
_MAX_SIGNS = 200_000
_LINES = ("li", "div", "h1", "h2", "h3", "h4", "h5", "h6", "tr")


def html_to_text(html: str) -> str:
    r"""Return the text of HTML: a line break for each, an empty line between paragraphs.

    Raises
    ------
    BadRecordError
        If it is far larger than a post, nested too deeply, or no parser accepts it.

    Examples
    --------
    >>> plain_text("<p>Soon 🍇<br>See</p><p>a &lt; b</p>")
    'Soon 🍇\nSee\n\na < b'
    """
    if html.count("<") > _MAX_TAGS or len(html) > _MAX_SIGNS:
        raise BadRecordError(
            f"HTML of more than {_MAX_TAGS:,} tags or {_MAX_SIGNS:,} signs is no post", "text"
        )
    try:
        # Inside an element, or Beautiful Soup warns about texts that look like a path or address.
        soup = BeautifulSoup(f"<body>{html}</body>", "html.parser")
        for mark in soup.find_all(["script", "style"]):
            mark.decompose()
        for mark in soup.find_all("br"):
            mark.insert_after("\n")
        for mark in soup.find_all(["p", "blockquote", "ul", "ol", "pre"]):
            mark.insert_after("\n\n")
        for mark in soup.find_all(_LINES):
            mark.insert_after("\n")
        return soup.get_text().strip("\n")
    except (ParserRejectedMarkup, RecursionError, AssertionError) as error:
        raise BadRecordError(f"HTML that cannot be read: {type(error).__name__}", "text") from None
