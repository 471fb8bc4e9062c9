"""Read posts from feeds: RSS 2.0, RSS 1.0 and Atom."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Any, ClassVar

from defusedxml.ElementTree import ParseError, iterparse

from foxgrape.io.base import ReadContext, Reader, make_post
from foxgrape.io.convert import parse_written, require_id
from foxgrape.io.json_records import json_preview
from foxgrape.io.posts.mastodon import html_to_text
from foxgrape.io.posts.zones import parse_zoned
from foxgrape.io.stream import CHUNK, MAX_DEPTH, MAX_RECORD, CorruptFileError, Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from foxgrape.io.stream import InputFile

__all__ = ["FeedReader"]

#: Everything before the root element, without a document type.
_ROOT = re.compile(
    rb"\s*(<\?xml[^>]*\?>\s*)?((<!--((?!-->).)*-->|<\?xml-stylesheet[^>]*\?>)\s*)*"
    rb"<(rss|feed|rdf:RDF|atom:feed)[\s>]",
    re.DOTALL,
)
_DECLARATION = re.compile(rb"\s*<\?xml[^>]*\?>")
_ATOM = "{http://www.w3.org/2005/Atom}"
#: Elements with the text of an item, the most complete first.
_BODIES = ("encoded", "content", "description", "summary")
_TITLE = "feed_title"
_NAMED_ZONE = re.compile(r"(?P<clock>.*\d) (?P<zone>[A-Za-z]{1,5})")
#: How Nitter's feeds mark posts of others.
_NITTER_REPOST = re.compile(r"RT by @\w+: ")


class FeedReader(Reader):
    """Reads the items of a feed, whose title is the account."""

    name = "feed"
    extra: ClassVar = {"author": "str"}

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the root element is that of a feed, without a document type before it."""
        return _ROOT.match(file.head) is not None

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Yield the fields of each item or entry."""
        if _ROOT.match(file.head) is None:
            raise CorruptFileError("the file is not a feed, or has a document type")
        number, path = 0, []  # type: tuple[int, list[Any]]
        for event, element in _elements(file):
            if event == "start":
                path.append(element)
                if len(path) > MAX_DEPTH:
                    raise CorruptFileError(f"an element is nested deeper than {MAX_DEPTH}")
                continue
            path.pop()
            kind = _local(element)
            if kind == "title" and path and _local(path[-1]) in {"channel", "feed"}:
                context.state[_TITLE] = " ".join("".join(element.itertext()).split())
            if kind in {"item", "entry"}:
                number += 1
                fields = _fields(element)
                path[-1].remove(element)
                yield Record(number, fields, json_preview(fields))

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of an item."""
        stated = value.get("published") or value.get("pubDate") or value.get("date")
        updated = value.get("updated")
        if stated is None and updated is not None:
            context.note("the time is that of the last update; the entry has no other", updated)
        posted = _times(stated or updated, "posted_at", context)
        edited = _times(updated, "edited_at", context)[1] if stated and updated else None
        title = value.get("title", "")
        return [
            make_post(
                post_id=require_id(
                    value.get("guid") or value.get("id") or value.get("about") or value.get("link")
                ),
                platform="web",
                account=context.account or context.state.get(_TITLE),
                posted=posted,
                text=_text(value),
                url=value.get("link"),
                repost=True if _NITTER_REPOST.match(title) else None,
                edited_at=edited if edited is not None and edited > posted[1] else None,
                author=value.get("creator") or value.get("author") or None,
            )
        ]


def _elements(file: InputFile) -> Iterator[tuple[str, Any]]:
    """Yield the start and the end of each element."""
    try:
        with file.open() as stream:
            source = _FeedStream(stream)
            for event in iterparse(source, ("start", "end"), forbid_dtd=True):
                source.size = 0
                yield event
    except (ParseError, ValueError, LookupError) as error:
        raise CorruptFileError(f"the XML is invalid or cut off: {error}") from None


class _FeedStream:
    """Input stream for the parser; raises an error if an element is too large.

    The declaration is left out, because the text was converted to UTF-8.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self.size = 0
        self._stream = stream
        self._start = _DECLARATION.sub(b"", stream.read(CHUNK), count=1)

    def read(self, size: int) -> bytes:
        """Return the next bytes, at first all of the start."""
        data, self._start = self._start or self._stream.read(size), b""
        self.size += len(data)
        if self.size > MAX_RECORD:
            raise CorruptFileError(f"an element is larger than {MAX_RECORD >> 20} MB")
        return data


def _local(element: Any) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def _fields(item: Any) -> dict[str, str]:
    """Return an item's texts by name; that of its body is ``html`` or ``plain``."""
    about = [text for key, text in item.attrib.items() if key.rpartition("}")[2] == "about"]
    fields = {"about": about[0]} if about else {}
    bodies = {}
    # YouTube puts the description of a video into an element of the media extension.
    grouped = (part for child in item if _local(child) == "group" for part in child)
    for child in (*item, *(part for part in grouped if _local(part) == "description")):
        name, text = _local(child), "".join(child.itertext()).strip()
        if name == "link" and child.get("href"):
            text = str(child.get("href")) if child.get("rel", "alternate") == "alternate" else ""
        elif name == "author":
            names = [part.text or "" for part in child if _local(part) == "name"]
            text = names[0].strip() if names else text
        if name in _BODIES:
            bodies[name] = ("html" if _is_html(child) else "plain", text)
        elif text:
            fields.setdefault(name, text)
    best = [bodies[name] for name in _BODIES if name in bodies and bodies[name][1]]
    return fields | dict(best[:1])


def _is_html(body: Any) -> bool:
    """Return whether the text is HTML: always in RSS, by its type in Atom."""
    return _ATOM not in str(body.tag) or body.get("type") in {"html", "text/html"}


def _text(fields: dict[str, str]) -> str:
    """Return the title and the body; the body alone if it repeats the title."""
    title = html_to_text(fields.get("title", "").replace("\n", " "))
    body = html_to_text(fields["html"]) if "html" in fields else fields.get("plain", "")
    start = " ".join(title.split()).rstrip("….")
    if not body or " ".join(body.split()).startswith(start):
        return body or title
    return f"{title}\n\n{body}"


def _times(stated: str | None, column: str, context: ReadContext) -> tuple[datetime, datetime]:
    """Return the instants of a time as in RFC 822 or ISO 8601; a time without seconds is rough."""
    match = _NAMED_ZONE.fullmatch(stated or "")
    if match is None:
        return parse_written(stated or None, context.timezone, column)
    return parse_zoned(match["clock"], match["zone"], context, column)
