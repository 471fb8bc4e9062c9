"""Telegram Desktop's export, ``result.json``: of one chat, or of everything an account can see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from foxgrape.errors import TableError
from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import (
    expect,
    parse_clock_cell,
    parse_unix_time,
    require_dict,
    require_text,
)
from foxgrape.io.json_records import json_preview, values
from foxgrape.io.posts.base import make_post
from foxgrape.io.stream import BadRecordError, CorruptFileError, Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from foxgrape.io.stream import InputFile

__all__ = ["TelegramDesktop"]

_CHATS = ((), ("chats", "list", "item"), ("left_chats", "list", "item"))
_KEYS = ("name", "type", "id")
#: Of a full export only what anybody can read is a post: the rest are people's conversations.
_PUBLIC = {"public_channel", "public_supergroup"}
_CHANNELS = {"public_channel", "private_channel"}
# What Qt writes for "never", in any zone.
_NEVER = re.compile("19(70-01-01|69-12-31)T")


class TelegramDesktop(Reader):
    """``result.json`` as Telegram Desktop writes it."""

    name = "telegram_desktop"

    def recognise(self, door: InputFile, shape: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Tell by the chat's or the account's header."""
        return {("messages",), ("type",), ("id",)} <= shape or (
            ("chats", "list") in shape or {("about",), ("personal_information",)} <= shape
        )

    def records(self, door: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Return each message with its chat; service messages are records too."""
        wanted = {(*chat, key) for chat in _CHATS for key in _KEYS}
        wanted |= {(*chat, "messages", "item") for chat in _CHATS}
        lists = {("chats",), *((*chat, "messages") for chat in _CHATS)}
        chat: dict[str, Any] = {}
        number, there = 0, False
        with door.open() as stream:
            for path, value in values(stream, wanted, marks={*_CHATS, *lists}):
                if path in lists:
                    there = True
                elif path in _CHATS:
                    chat = {"whole": path == ()}
                elif path[-1] != "item":
                    chat[path[-1]] = value
                else:
                    number += 1
                    yield Record(number, (dict(chat), value), json_preview(value))
        if not there:
            raise CorruptFileError("there are neither messages nor chats")

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a message; none for service messages and private conversations."""
        chat, message = value[0], require_dict(value[1])
        kind = require_text(message.get("type"), "type")
        if kind != "message" or not (chat["whole"] or str(chat.get("type")) in _PUBLIC):
            return []
        chat_id = expect(chat.get("id"), int, "post_id", "the chat's id before its messages")
        number = expect(message.get("id"), int, "post_id", "the message's id")
        made = make_post(
            post_id=f"{chat_id}/{number}",
            platform="telegram",
            account=_account(chat, message, context),
            posted=_posted(message, context),
            text=_text(message.get("text")),
            repost="forwarded_from" in message or "forwarded_from_id" in message,
            edited_at=_edited(message, context),
        )
        return [made]


def _account(chat: dict[str, Any], message: dict[str, Any], context: ReadContext) -> Any:
    """Return who posted: in a channel the channel, whose name changes and may be given."""
    if str(chat.get("type")) in _CHANNELS:
        given = context.account if chat["whole"] else None
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
            "the export has local times only (no date_unixtime)",
            file=context.path,
            expected="timezone=, the zone of the computer that made it",
            hint='timezone="Europe/Kyiv"',
        )
    return context.timezone


def _text(text: Any) -> str:
    """Join the pieces of a text: strings, and links, mentions or emoji that carry one."""
    if isinstance(text, str):
        return text
    pieces = expect(text, list, "text", "text, or an array of its pieces")
    joined = []
    for piece in pieces:
        told = piece.get("text") if isinstance(piece, dict) else piece
        if not isinstance(told, str):
            raise BadRecordError("a piece of the text is no text", "text")
        joined.append(told)
    return "".join(joined)
