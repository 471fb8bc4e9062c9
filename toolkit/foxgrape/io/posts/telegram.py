"""Read posts from Telegram: Telegram Desktop's ``result.json``, and JSON dumps made by Telethon."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.errors import TableError
from foxgrape.io.base import ReadContext, Reader, make_post
from foxgrape.io.convert import (
    as_int,
    expect,
    get_nested,
    parse_clock_cell,
    parse_timestamp,
    parse_unix_time,
    require_dict,
    require_text,
)
from foxgrape.io.json_records import iter_values, json_preview
from foxgrape.io.stream import BadRecordError, CorruptFileError, Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from foxgrape.io.stream import InputFile

__all__ = ["TelegramDesktopReader", "TelethonReader"]

_CHATS = ((), ("chats", "list", "item"), ("left_chats", "list", "item"))
_CHAT_FIELDS = ("name", "type", "id")
#: Types of public chats. An account's export also contains private chats, which are left out.
_PUBLIC = {"public_channel", "public_supergroup"}
_CHANNELS = {"public_channel", "private_channel"}
#: Date of Unix time 0 in any time zone; Telegram Desktop writes that time for "never edited".
_NEVER = re.compile("19(70-01-01|69-12-31)T")


class TelegramDesktopReader(Reader):
    """Reads ``result.json`` as Telegram Desktop writes it."""

    name = "telegram_desktop"

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the JSON has the keys of a chat export or of an account export."""
        return {("messages",), ("type",), ("id",)} <= paths or (
            ("chats", "list") in paths or {("about",), ("personal_information",)} <= paths
        )

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Yield each message, including service messages, with the fields of its chat."""
        wanted = {(*chat, key) for chat in _CHATS for key in _CHAT_FIELDS}
        wanted |= {(*chat, "messages", "item") for chat in _CHATS}
        lists = {("chats",), *((*chat, "messages") for chat in _CHATS)}
        chat: dict[str, Any] = {}
        number, has_list = 0, False
        with file.open() as stream:
            for path, value in iter_values(stream, wanted, starts={*_CHATS, *lists}):
                if path in lists:
                    has_list = True
                elif path in _CHATS:
                    chat = {"is_only_chat": path == ()}
                elif path[-1] != "item":
                    chat[path[-1]] = value
                else:
                    number += 1
                    yield Record(number, (dict(chat), value), json_preview(value))
        if not has_list:
            raise CorruptFileError("no messages and no chats")

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a message; none for service messages and private conversations."""
        chat, message = value[0], require_dict(value[1])
        kind = require_text(message.get("type"), "type")
        if kind != "message" or not (chat["is_only_chat"] or str(chat.get("type")) in _PUBLIC):
            return []
        chat_id = expect(chat.get("id"), int, "post_id", "the chat's id before its messages")
        number = expect(message.get("id"), int, "post_id", "the message's id")
        row = make_post(
            post_id=f"{chat_id}/{number}",
            platform="telegram",
            account=_account(chat, message, context),
            posted=_posted(message, context),
            text=_text(message.get("text")),
            repost="forwarded_from" in message or "forwarded_from_id" in message,
            edited_at=_edited(message, context),
        )
        return [row]


def _account(chat: dict[str, Any], message: dict[str, Any], context: ReadContext) -> Any:
    """Return a channel's title, or the caller's name for it; in a group, the message's author."""
    if str(chat.get("type")) in _CHANNELS:
        given = context.account if chat["is_only_chat"] else None
        return given or chat.get("name") or context.account or str(chat.get("id"))
    return message.get("from") or message.get("from_id") or context.account


def _posted(message: dict[str, Any], context: ReadContext) -> tuple[datetime, datetime]:
    if message.get("date_unixtime") is not None:
        instant = parse_unix_time(message["date_unixtime"])
        return instant, instant
    return parse_clock_cell(message.get("date"), _zone(context))


def _edited(message: dict[str, Any], context: ReadContext) -> datetime | None:
    if message.get("edited_unixtime") is not None:
        instant = parse_unix_time(message["edited_unixtime"], "edited_at")
        return instant if instant.timestamp() > 0 else None
    edited = message.get("edited")
    if edited is None or _NEVER.match(str(edited)):
        return None
    return parse_clock_cell(edited, _zone(context), "edited_at")[1]


def _zone(context: ReadContext) -> str:
    if context.timezone is None:
        raise TableError(
            "the export has only local times (no date_unixtime)",
            file=context.path,
            hint='pass the time zone of the computer that exported it, timezone="Europe/Kyiv"',
        )
    return context.timezone


def _text(text: Any) -> str:
    """Join the pieces of a message's text: strings, and objects for links, mentions or emoji."""
    if isinstance(text, str):
        return text
    pieces = []
    for piece in expect(text, list, "text", "text, or an array of its pieces"):
        string = piece.get("text") if isinstance(piece, dict) else piece
        if not isinstance(string, str):
            raise BadRecordError(f"expected a piece of text; got {piece!r:.80}", "text")
        pieces.append(string)
    return "".join(pieces)


_CHANNEL = re.compile(r"-100(?P<id>[0-9]+)")


class TelethonReader(Reader):
    """Reads Telethon's ``Message.to_json()``, and dumps with ``message_id`` and ``sender_id``."""

    name = "telethon"
    extra: ClassVar = {"views": "Int64", "forwards": "Int64", "grouped_id": "str"}

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the JSON has the keys of a message."""
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
        # Telegram also sets edit_date for new reactions, but then with edit_hide.
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
    # Strip the prefix -100, so that a channel's id is the same as in Telegram Desktop's exports.
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
