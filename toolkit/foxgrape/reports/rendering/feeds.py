"""Atom feeds (RFC 4287) and JSON feeds (version 1.1) of reports."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ATOM", "JSON", "Feed", "FeedItem", "atom_feed", "json_feed"]

#: File names of the feeds in a folder of pages.
ATOM, JSON = "feed.xml", "feed.json"
_NAMESPACE = "http://www.w3.org/2005/Atom"
_AUTHOR = "foxgrape"
#: Characters that XML 1.0 does not allow, not even as numbers.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class FeedItem:
    """A report in a feed.

    Attributes
    ----------
    id
        Permanent id, an IRI.
    path
        Path of the page in the reports folder.
    title, summary
        Plain text.
    updated
        Time of publication in ISO 8601, with an offset.
    """

    id: str
    path: str
    title: str
    summary: str
    updated: str


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed of reports, newest first.

    Attributes
    ----------
    id
        Permanent id, an IRI.
    title
        Plain text.
    folder
        Folder of the feed in the reports folder.
    home
        Path of the page to which the feed belongs.
    items
        At least one report.
    base_url
        Address of the reports folder, ending in a slash. Without it, the links of the Atom feed are
        relative, and the JSON feed has none, since its links must be absolute.
    """

    id: str
    title: str
    folder: str
    home: str
    items: Sequence[FeedItem]
    base_url: str | None = None

    def href(self, path: str) -> str:
        """Return the address of a file in the reports folder."""
        return f"../{path}" if self.base_url is None else f"{self.base_url}{path}"


def atom_feed(feed: Feed) -> bytes:
    """Return a feed as Atom.

    Examples
    --------
    >>> item = FeedItem("urn:x:1", "weekly/1.html", "1 < 2", "", "2022-09-12T04:00:00+00:00")
    >>> text = atom_feed(Feed("urn:x", "weekly", "weekly", "latest/weekly.html", [item])).decode()
    >>> "<title>1 &lt; 2</title>" in text, 'href="../weekly/1.html"' in text
    (True, True)
    """
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<feed xmlns="{_NAMESPACE}" xml:lang="en">',
        _element("id", feed.id),
        _element("title", feed.title),
        _element("updated", max(item.updated for item in feed.items)),
        f"<author>{_element('name', _AUTHOR)}</author>",
        _link("self", "application/atom+xml", feed.href(f"{feed.folder}/{ATOM}")),
        _link("alternate", "text/html", feed.href(feed.home)),
    ]
    for item in feed.items:
        lines += [
            "<entry>",
            _element("id", item.id),
            _element("title", item.title),
            _element("updated", item.updated),
            _link("alternate", "text/html", feed.href(item.path)),
            _element("summary", item.summary or item.title),
            "</entry>",
        ]
    return "\n".join([*lines, "</feed>", ""]).encode()


def _element(tag: str, text: str) -> str:
    return f"<{tag}>{html.escape(_NOT_XML.sub(' ', text), quote=False)}</{tag}>"


def _link(relation: str, media_type: str, href: str) -> str:
    return f'<link rel="{relation}" type="{media_type}" href="{html.escape(href)}"/>'


def json_feed(feed: Feed) -> bytes:
    """Return a feed as JSON Feed.

    Examples
    --------
    >>> item = FeedItem("urn:x:1", "weekly/1.html", "1 < 2", "", "2022-09-12T04:00:00+00:00")
    >>> content = json.loads(json_feed(Feed("urn:x", "weekly", "weekly", "index.html", [item])))
    >>> content["items"][0]["content_text"]
    '1 < 2'
    """
    content: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "language": "en",
        "authors": [{"name": _AUTHOR}],
    }
    if feed.base_url is not None:
        content["home_page_url"] = feed.href(feed.home)
        content["feed_url"] = feed.href(f"{feed.folder}/{JSON}")
    content["items"] = [
        {
            "id": item.id,
            **({} if feed.base_url is None else {"url": feed.href(item.path)}),
            "title": item.title,
            "content_text": item.summary or item.title,
            "date_modified": item.updated,
        }
        for item in feed.items
    ]
    return f"{json.dumps(content, indent=1)}\n".encode()
