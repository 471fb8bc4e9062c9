"""Mastodon: statuses as its API gives them, and the ``outbox.json`` of an archive."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import (
    as_int,
    get_nested,
    parse_timestamp,
    require_dict,
    require_id,
    require_text,
)
from foxgrape.io.json_records import document, key_paths, records_in
from foxgrape.io.posts.base import make_post
from foxgrape.io.posts.html_text import html_to_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.stream import InputFile, Record

__all__ = ["Mastodon"]

_OPEN = {"public", "unlisted"}
#: The address of everybody, in its three spellings.
_EVERYBODY = {"https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"}
_ACTOR = re.compile(r"https://(?P<host>[^/]+)/(?:users/|@)(?P<name>[^/]+)/?")


class Mastodon(Reader):
    """Statuses (an array, or lines) and outboxes."""

    name = "mastodon"
    extra: ClassVar = {
        "content_warning": "str",
        "replies": "Int64",
        "reposts": "Int64",
        "likes": "Int64",
    }

    def recognise(self, door: InputFile, shape: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Tell by a status's fields, or an outbox's."""
        return ("orderedItems",) in shape or {("uri",), ("visibility",), ("content",)} <= shape

    def records(self, door: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Return each status or activity."""
        with door.open() as stream:
            if ("orderedItems",) in key_paths(door.head):
                yield from document(stream, ("orderedItems", "item"))
            else:
                yield from records_in(stream, door.head)

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a public post; none for others."""
        record = require_dict(value)
        made = _activity(record, context) if "actor" in record else _status(record, context)
        return [] if made is None else [made]


def _status(status: dict[str, Any], context: ReadContext) -> dict[str, Any] | None:
    if require_text(status.get("visibility"), "visibility") not in _OPEN:
        return None
    original = status.get("reblog")
    told = status if original is None else require_dict(original)
    created = parse_timestamp(status.get("created_at"))
    edited = status.get("edited_at")
    return make_post(
        post_id=require_id(status.get("uri")),
        platform="mastodon",
        account=get_nested(status, "account", "acct") or context.account,
        posted=(created, created),
        text=html_to_text(require_text(told.get("content"))),
        lang=told.get("language"),
        url=status.get("url") or told.get("url"),
        repost=original is not None,
        edited_at=None if edited is None else parse_timestamp(edited, "edited_at"),
        content_warning=_warning(told.get("spoiler_text")),
        replies=as_int(told.get("replies_count")),
        reposts=as_int(told.get("reblogs_count")),
        likes=as_int(told.get("favourites_count")),
    )


def _activity(activity: dict[str, Any], context: ReadContext) -> dict[str, Any] | None:
    kind, told = require_text(activity.get("type"), "type"), activity.get("object")
    if kind not in {"Create", "Announce"} or not _EVERYBODY & _addressed(activity):
        return None
    # What is passed on stands in the archive by its address alone: its text is not known.
    note = {} if kind == "Announce" else require_dict(told, "object")
    created = parse_timestamp(activity.get("published") or note.get("published"))
    edited = note.get("updated")
    content = note.get("content")
    address = told if isinstance(told, str) else get_nested(told, "id")
    return make_post(
        post_id=require_id(activity.get("id") if kind == "Announce" else note.get("id")),
        platform="mastodon",
        account=context.account or _name(activity.get("actor")),
        posted=(created, created),
        text=None if kind == "Announce" else html_to_text(require_text(content)),
        lang=_language(note),
        url=note.get("url") or address,
        repost=kind == "Announce",
        edited_at=None if edited is None else parse_timestamp(edited, "edited_at"),
        content_warning=_warning(note.get("summary")),
        replies=None,
        reposts=None,
        likes=None,
    )


def _addressed(activity: dict[str, Any]) -> set[str]:
    """Return to whom it went; unlisted posts have everybody in the copy."""
    told = [activity.get("to"), activity.get("cc")]
    lists = [one if isinstance(one, list) else [one] for one in told]
    return {address for one in lists for address in one if isinstance(address, str)}


def _name(actor: Any) -> Any:
    match = _ACTOR.fullmatch(actor) if isinstance(actor, str) else None
    return f"{match['name']}@{match['host']}" if match else actor


def _language(note: dict[str, Any]) -> str | None:
    """Return the language, where the post has a text in one only."""
    texts = note.get("contentMap")
    return next(iter(texts)) if isinstance(texts, dict) and len(texts) == 1 else None


def _warning(text: Any) -> str | None:
    return text if isinstance(text, str) and text else None
