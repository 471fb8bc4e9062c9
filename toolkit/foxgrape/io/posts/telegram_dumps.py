"""Read Telegram messages that Telethon, Pyrogram or a scraper wrote as JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.base import ReadContext, Reader, make_post
from foxgrape.io.convert import (
    as_int,
    get_nested,
    parse_clock_cell,
    parse_timestamp,
    parse_unix_time,
    require_dict,
    require_text,
)
from foxgrape.io.posts.telegram import join_text, require_zone, text_with_poll
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from datetime import datetime

    from foxgrape.io.stream import InputFile

__all__ = ["PyrogramReader", "TelethonReader", "chat_number", "dump_author", "message_number"]

#: Spreadsheets and pandas write ids with ".0" if some are missing.
_CHAT = re.compile(r"(-100(?P<channel>[0-9]{5,})|(?P<id>-?[0-9]+|[A-Za-z]\w*))(\.0)?")


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
        chat = message_number(peer.get("channel_id", peer.get("chat_id")))
        author = as_int(get_nested(message, "from_id", "user_id"))
        edited = message.get("edit_date")
        # Telegram also sets edit_date for new reactions, but then with edit_hide.
        hidden = edited is None or message.get("edit_hide") is True
        album = as_int(message.get("grouped_id"))
        posted = parse_timestamp(message.get("date"))
        row = make_post(
            post_id=f"{chat}/{message_number(message.get('id'))}",
            platform="telegram",
            account=f"user{author}" if author is not None else context.account or str(chat),
            posted=(posted, posted),
            text=text_with_poll(
                require_text(message.get("message")),
                get_nested(message, "media", "poll"),
                context,
            ),
            repost=message.get("fwd_from") is not None,
            edited_at=None if hidden else parse_timestamp(edited, "edited_at"),
            views=as_int(message.get("views")),
            forwards=as_int(message.get("forwards")),
            grouped_id=None if album is None else str(album),
        )
        return [row]


def _dump_row(message: dict[str, Any], context: ReadContext) -> dict[str, Any]:
    chat, account = dump_author(message, context)
    posted = parse_timestamp(message.get("date"))
    return make_post(
        post_id=f"{chat}/{message_number(message['message_id'])}",
        platform="telegram",
        account=account,
        posted=(posted, posted),
        text=require_text(message.get("text")),
        views=as_int(message.get("views")),
        forwards=as_int(message.get("forwards")),
    )


def chat_number(value: Any) -> str:
    """Return the id of a chat or a sender as text, without the prefix -100 of channels.

    It is then the same as in Telegram Desktop's exports.

    Examples
    --------
    >>> chat_number(-1001234567890), chat_number("1234567890"), chat_number(-77.0)
    ('1234567890', '1234567890', '-77')
    """
    match = _CHAT.fullmatch(str(value))
    if match is None or isinstance(value, bool):
        raise BadRecordError(f"expected the id of a chat or sender; got {value!r:.80}", "account")
    return match["channel"] or match["id"]


def _is_missing(value: Any) -> bool:
    """Return whether a value is missing, or how tools write a missing value as text."""
    return str(value).strip().lower() in {"", "none", "nan", "null"}


def dump_author(message: dict[str, Any], context: ReadContext) -> tuple[str, Any]:
    """Return the chat and the account of a message in a dump with `sender_id`.

    Many dumps name only the sender, which in a channel is the channel. If there is neither a chat
    nor a sender, the caller's account is the only name of the channel.
    """
    sender = message.get("sender_id")
    chats = [message.get(key) for key in ("chat_id", "channel_id", "peer_id")]
    chat = next((chat for chat in chats if not _is_missing(chat)), None)
    if _is_missing(sender) and chat is None:
        if context.account is None:
            raise BadRecordError(
                "the record does not name its channel or sender; pass account=", "account"
            )
        return context.account, context.account
    given = message.get("channel") or message.get("username")
    if chat is None:
        return chat_number(sender), context.account or given or chat_number(sender)
    chat = chat_number(chat)
    if _is_missing(sender) or chat_number(sender) == chat:
        return chat, context.account or given or chat
    return chat, message.get("username") or f"user{chat_number(sender)}"


def message_number(value: Any) -> int:
    """Return a message's number; raise `BadRecordError` if it is not an integer."""
    number = as_int(value)
    if number is None:
        raise BadRecordError(f"expected a number; got {value!r:.80}", "post_id")
    return number


_FORWARDS = (
    "forward_origin",
    "forward_date",
    "forward_from",
    "forward_from_chat",
    "forward_sender_name",
)
_OFFSET = re.compile(r"\d\d:\d\d.*(Z|[+-]\d\d:?\d\d)$")


class PyrogramReader(Reader):
    """Reads the JSON of ``str(message)`` of Pyrogram and its successors, such as Kurigram."""

    name = "pyrogram"
    extra: ClassVar = {"views": "Int64", "forwards": "Int64", "grouped_id": "str"}

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the JSON has the keys of a message and of its chat."""
        return {("_",), ("date",), ("chat", "id")} <= paths

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a message; none for service messages and private conversations."""
        message = require_dict(value)
        kind = require_text(message.get("_"), "_")
        if kind != "Message":
            raise BadRecordError(f"expected a Message; got {kind!r:.80}", "_")
        chat = require_dict(message.get("chat"), "chat")
        # "ChatType.CHANNEL" in version 2, "channel" in version 1
        chat_type = str(chat.get("type")).rpartition(".")[2].lower()
        if message.get("service") or message.get("empty") or chat_type in {"private", "bot"}:
            return []
        number = message_number(message.get("id", message.get("message_id")))
        posted = _local_times(message.get("date"), "posted_at", context)
        edited = message.get("edit_date")
        forwarded = any(message.get(key) is not None for key in _FORWARDS)
        text = join_text(message.get("text") or message.get("caption") or "")
        album = message.get("media_group_id")
        row = make_post(
            post_id=f"{chat_number(chat.get('id'))}/{number}",
            platform="telegram",
            account=_author(message, chat, chat_type, context),
            posted=posted,
            text=text_with_poll(text, message.get("poll"), context),
            url=message.get("link"),
            repost=forwarded,
            edited_at=None
            if edited is None or message.get("edit_hidden") is True
            else _local_times(edited, "edited_at", context)[1],
            views=as_int(message.get("views")),
            forwards=as_int(message.get("forwards")),
            grouped_id=None if album is None else str(album),
        )
        return [row]


def _author(
    message: dict[str, Any], chat: dict[str, Any], chat_type: str, context: ReadContext
) -> Any:
    """Return a channel's user name, title or id; in a group, those of the message's author."""
    if chat_type == "channel":
        return (
            context.account
            or chat.get("username")
            or chat.get("title")
            or chat_number(chat.get("id"))
        )
    author = message.get("from_user") or message.get("sender_chat")
    if isinstance(author, dict):
        given = author.get("username") or author.get("title")
        return given or f"user{message_number(author.get('id'))}"
    return context.account


def _local_times(value: Any, column: str, context: ReadContext) -> tuple[datetime, datetime]:
    """Return the instants of Pyrogram's times: local times of the computer, or Unix seconds."""
    if isinstance(value, int):
        instant = parse_unix_time(value, column)
        return instant, instant
    if isinstance(value, str) and _OFFSET.search(value):
        instant = parse_timestamp(value, column)
        return instant, instant
    zone = require_zone(
        context, "messages have local times without an offset", "computer that saved them"
    )
    return parse_clock_cell(value, zone, column)
