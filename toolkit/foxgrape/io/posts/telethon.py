"""Telethon's messages as JSON lines, and similar dumps of Telegram's own protocol."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import as_int, get_nested, parse_timestamp, require_dict, require_text
from foxgrape.io.posts.base import make_post
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from foxgrape.io.stream import InputFile

__all__ = ["Telethon"]

_CHANNEL = re.compile(r"-100(?P<id>[0-9]+)")


class Telethon(Reader):
    """Telethon's ``Message.to_json()``, and dumps with ``message_id`` and ``sender_id``."""

    name = "telethon"
    extra: ClassVar = {"views": "Int64", "forwards": "Int64", "grouped_id": "str"}

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether there are the fields of a message."""
        message = {("_",), ("peer_id",), ("date",)} <= paths
        return message or {("message_id",), ("sender_id",), ("date",), ("text",)} <= paths

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a message; none for service messages and private conversations."""
        message = require_dict(value)
        if "sender_id" in message and "message_id" in message:
            return [_dump_row(message, context)]
        kind = require_text(message.get("_"), "_")
        if kind in {"MessageService", "MessageEmpty"}:
            return []
        if kind != "Message":
            raise BadRecordError(f"expected a Message; got {kind!r:.80}", "_")
        peer = require_dict(message.get("peer_id"), "peer_id")
        if peer.get("_") == "PeerUser":
            return []
        chat = _number(peer.get("channel_id", peer.get("chat_id")))
        author = as_int(get_nested(message, "from_id", "user_id"))
        edited = message.get("edit_date")
        # Telegram dates new reactions as edits too, and marks those with edit_hide.
        hidden = edited is None or message.get("edit_hide") is True
        album = as_int(message.get("grouped_id"))
        posted = parse_timestamp(message.get("date"))
        row = make_post(
            post_id=f"{chat}/{_number(message.get('id'))}",
            platform="telegram",
            account=f"user{author}" if author is not None else context.account or str(chat),
            posted=(posted, posted),
            text=require_text(message.get("message")),
            repost=message.get("fwd_from") is not None,
            edited_at=None if hidden else parse_timestamp(edited, "edited_at"),
            views=as_int(message.get("views")),
            forwards=as_int(message.get("forwards")),
            grouped_id=None if album is None else str(album),
        )
        return [row]


def _dump_row(message: dict[str, Any], context: ReadContext) -> dict[str, Any]:
    sender = str(message["sender_id"])
    channel = _CHANNEL.fullmatch(sender)
    # Without its prefix -100, a channel's id is the one that Telegram Desktop writes.
    chat = channel["id"] if channel else sender
    posted = parse_timestamp(message.get("date"))
    return make_post(
        post_id=f"{chat}/{_number(message['message_id'])}",
        platform="telegram",
        account=context.account or message.get("channel") or chat,
        posted=(posted, posted),
        text=require_text(message.get("text")),
        views=as_int(message.get("views")),
        forwards=as_int(message.get("forwards")),
    )


def _number(value: Any) -> int:
    number = as_int(value)
    if number is None:
        raise BadRecordError(f"expected a number; got {value!r:.80}", "post_id")
    return number
