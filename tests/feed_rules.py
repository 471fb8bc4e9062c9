"""The rules of RFC 4287 (Atom) and of JSON Feed 1.1 for the elements that foxgrape writes.

Each function returns what is wrong with a feed. They were compared with the schema of RFC 4287 and
with the rules of the W3C's feed validator, which are stricter than this for warnings only.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from defusedxml import ElementTree

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ATOM = "{http://www.w3.org/2005/Atom}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
#: Elements that must be there once, and those that may be there once or more often.
_ONCE = {"feed": ("id", "title", "updated"), "entry": ("id", "title", "updated")}
_OPTIONAL = {"feed": ("generator", "icon", "logo", "rights", "subtitle")}
_OPTIONAL |= {"entry": ("content", "published", "rights", "source", "summary")}
_MANY = {"feed": ("author", "category", "contributor", "link", "entry")}
_MANY |= {"entry": ("author", "category", "contributor", "link")}
_LINK = {"href", "rel", "type", "hreflang", "title", "length"}
#: RFC 3339 as RFC 4287 asks for: an upper-case T, and Z or an offset.
_DATE = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?"
    r"(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"
)
_IRI = re.compile(r"[a-z][a-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
_REFERENCE = re.compile(r"[^\s<>\"{}|\\^`]+")
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(;.*)?")


def atom_problems(content: bytes) -> list[str]:
    """Return which rules of RFC 4287 an Atom feed breaks."""
    feed = ElementTree.fromstring(content)
    if feed.tag != f"{ATOM}feed":
        return [f"2: the root is {feed.tag}"]
    problems = _container(feed, "feed")
    if not re.fullmatch(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", feed.get(_LANG, "en")):
        problems.append("2: xml:lang is no language tag")
    entries = feed.findall(f"{ATOM}entry")
    if not feed.findall(f"{ATOM}author") and any(
        entry.find(f"{ATOM}author") is None for entry in entries or [feed]
    ):
        problems.append("4.1.1: no author")
    tags = [child.tag for child in feed]
    if (
        entries
        and f"{ATOM}entry" in tags
        and set(tags[tags.index(f"{ATOM}entry") :]) != {f"{ATOM}entry"}
    ):
        problems.append("4.1.1: metadata after an entry")
    if not any(link.get("rel") == "self" for link in feed.findall(f"{ATOM}link")):
        problems.append("4.1.1: no link to the feed itself")
    for entry in entries:
        problems += _container(entry, "entry")
        links = entry.findall(f"{ATOM}link")
        if entry.find(f"{ATOM}content") is None and not any(
            link.get("rel", "alternate") == "alternate" for link in links
        ):
            problems.append("4.1.2: neither content nor an alternate link")
    ids = Counter(element.text for element in feed.iter(f"{ATOM}id"))
    problems += [f"4.2.6: the id {name} is not unique" for name, n in ids.items() if n > 1]
    return problems


def _container(element: Element, kind: str) -> list[str]:
    counts = Counter(child.tag.removeprefix(ATOM) for child in element)
    known = {*_ONCE[kind], *_OPTIONAL[kind], *_MANY[kind]}
    problems = [f"4.1: {kind} has {name}" for name in counts if name not in known]
    problems += [
        f"4.1: {kind} has {counts[name]} {name}" for name in _ONCE[kind] if counts[name] != 1
    ]
    problems += [f"4.1: {kind} has several {name}" for name in _OPTIONAL[kind] if counts[name] > 1]
    if (element.text or "").strip() or any((child.tail or "").strip() for child in element):
        problems.append(f"4.1: text between the elements of {kind}")
    for child in element:
        name, text = child.tag.removeprefix(ATOM), child.text or ""
        if name in {"updated", "published"} and not _DATE.fullmatch(text):
            problems.append(f"3.3: {name} is {text!r}")
        if name == "id" and not _IRI.fullmatch(text):
            problems.append(f"4.2.6: the id is no absolute IRI: {text!r}")
        if name in {"title", "summary", "subtitle", "rights"}:
            problems += _text_construct(child, name)
        if name in {"author", "contributor"}:
            people = Counter(part.tag.removeprefix(ATOM) for part in child)
            if people["name"] != 1 or set(people) - {"name", "uri", "email"}:
                problems.append(f"3.2: {name} must have one name; got {dict(people)}")
            if not (child.findtext(f"{ATOM}name") or "").strip():
                problems.append(f"3.2: the name of {name} is empty")
    return problems + _links(element)


def _text_construct(element: Element, name: str) -> list[str]:
    problems = []
    if element.get("type", "text") not in {"text", "html", "xhtml"}:
        problems.append(f"3.1: {name} has the type {element.get('type')}")
    if element.get("type", "text") != "xhtml" and len(element):
        problems.append(f"3.1: {name} has elements")
    if name == "title" and not (element.text or "").strip():
        problems.append("W3C: a blank title")
    return problems


def _links(element: Element) -> list[str]:
    problems = []
    alternates: Counter[tuple[str | None, str | None]] = Counter()
    for link in element.findall(f"{ATOM}link"):
        if len(link) or (link.text or "").strip():
            problems.append("4.2.7: a link with content")
        if set(link.attrib) - _LINK:
            problems.append(f"4.2.7: a link with {sorted(set(link.attrib) - _LINK)}")
        if not _REFERENCE.fullmatch(link.get("href", "")):
            problems.append(f"4.2.7: href is no IRI: {link.get('href')!r}")
        if not _MEDIA_TYPE.fullmatch(link.get("type", "text/html")):
            problems.append(f"4.2.7: type is no media type: {link.get('type')!r}")
        rel = link.get("rel", "alternate")
        if not re.fullmatch(r"[a-z][a-z-]*", rel) and not _IRI.fullmatch(rel):
            problems.append(f"4.2.7: rel is {rel!r}")
        if rel == "self" and link.get("type") != "application/atom+xml":
            problems.append("W3C: the feed's link to itself has another type")
        if rel == "alternate":
            alternates[link.get("type"), link.get("hreflang")] += 1
    problems += [
        f"4.1: {n} alternate links of type {key}" for key, n in alternates.items() if n > 1
    ]
    return problems


def json_problems(content: bytes) -> list[str]:
    """Return which rules of JSON Feed 1.1 a feed breaks."""
    feed: dict[str, Any] = json.loads(content.decode("utf-8"))
    problems = []
    if feed.get("version") != "https://jsonfeed.org/version/1.1":
        problems.append(f"version is {feed.get('version')}")
    if not isinstance(feed.get("title"), str) or not feed["title"].strip():
        problems.append("no title")
    if not isinstance(feed.get("items"), list):
        return [*problems, "items is no array"]
    problems += [
        f"{key} is no URL" for key in ("home_page_url", "feed_url") if not _is_url(feed, key)
    ]
    for author in feed.get("authors", []):
        if not isinstance(author, dict) or not {"name", "url", "avatar"} & set(author):
            problems.append("an author without name, url and avatar")
    for item in feed["items"]:
        if not isinstance(item.get("id"), str) or not item["id"]:
            problems.append("an item without an id that is a string")
        if not any(isinstance(item.get(key), str) for key in ("content_text", "content_html")):
            problems.append("an item without content")
        if not _is_url(item, "url"):
            problems.append("the url of an item is no URL")
        problems += [
            f"{key} is {item[key]!r}"
            for key in ("date_published", "date_modified")
            if key in item and not _DATE.fullmatch(str(item[key]))
        ]
    ids = Counter(item.get("id") for item in feed["items"])
    problems += [f"the id {name} is not unique" for name, n in ids.items() if n > 1]
    return problems


def _is_url(values: dict[str, Any], key: str) -> bool:
    """Return whether a value is an absolute URL, or missing."""
    if key not in values:
        return True
    parts = urlsplit(str(values[key]))
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
