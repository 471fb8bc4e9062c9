"""Read posts from Telegram Desktop's ``result.json``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from foxgrape.io.base import ReadContext, Reader, make_post
from foxgrape.io.convert import (
    expect,
    get_nested,
    parse_clock_cell,
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

__all__ = ["POLL", "TelegramDesktopReader", "join_text", "require_zone", "text_with_poll"]

_CHATS = ((), ("chats", "list", "item"), ("left_chats", "list", "item"))
_CHAT_FIELDS = ("name", "type", "id")
#: Types of public chats. An account's export also contains private chats, which are left out.
_PUBLIC = {"public_channel", "public_supergroup"}
_EPOCH_YEAR = 1970
_CHANNELS = {"public_channel", "private_channel"}
#: Notes of the readers of Telegram.
POLL = "the text is the question of a poll; its answers are not read"
_RICH = "the text is that of a rich message, without its layout"
_REACTION = "edited_at may be the time of a reaction: the export does not distinguish them"
#: Date of Unix time 0 in any time zone; Telegram Desktop writes that time for "never edited".
_NEVER = re.compile("19(70-01-01|69-12-31)T")


class TelegramDesktopReader(Reader):
    """Reads ``result.json`` as Telegram Desktop writes it."""

    name = "telegram_desktop"
    members = re.compile(r"result\.json")

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
            text=_text(message, context),
            repost="forwarded_from" in message or "forwarded_from_id" in message,
            edited_at=_edited(message, context),
        )
        if row["edited_at"] is not None and message.get("reactions"):
            context.note(_REACTION, row["edited_at"], warn=False)
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
        return instant if instant.year > _EPOCH_YEAR else None
    edited = message.get("edited")
    if edited is None or _NEVER.match(str(edited)):
        return None
    return parse_clock_cell(edited, _zone(context), "edited_at")[1]


def require_zone(context: ReadContext, times: str, clock: str) -> str:
    """Return the caller's time zone; raise `BadRecordError` if a local time needs one."""
    if context.timezone is None:
        raise BadRecordError(
            f'the {times}; pass the time zone of the {clock}, timezone="Europe/Kyiv"', "posted_at"
        )
    return context.timezone


def _zone(context: ReadContext) -> str:
    return require_zone(
        context,
        "message has only a local time (no date_unixtime)",
        "computer that exported it",
    )


def _text(message: dict[str, Any], context: ReadContext) -> str:
    blocks = get_nested(message, "rich_message", "blocks")
    if message.get("text") is None and isinstance(blocks, list):
        context.note(_RICH, warn=False)
        return "\n".join(_block_texts(blocks))
    return text_with_poll(join_text(message.get("text")), message.get("poll"), context)


def _block_texts(blocks: list[Any]) -> Iterator[str]:
    """Yield the texts of a rich message's blocks, such as paragraphs, and of the blocks in them."""
    for block in blocks:
        if isinstance(block, str):
            yield block
        elif isinstance(block, list):
            yield from _block_texts(block)
        elif isinstance(block, dict):
            if block.get("text") is not None:
                yield join_text(block["text"])
            inner = [part for key, part in block.items() if key != "text"]
            yield from _block_texts([part for part in inner if isinstance(part, (dict, list))])


def text_with_poll(text: str, poll: Any, context: ReadContext) -> str:
    """Return a message's text, followed by its poll's question, which is text or has a text."""
    question = get_nested(poll, "question")
    if question is None:
        return text
    context.note(POLL, warn=False)
    question = join_text(question if isinstance(question, list) else [question])
    return f"{text}\n{question}" if text else question


def join_text(text: Any) -> str:
    """Join the pieces of a message's text: strings, and objects for links, mentions or emoji.

    Examples
    --------
    >>> join_text(["Soon ", {"type": "bold", "text": "🍇"}])
    'Soon 🍇'
    """
    if isinstance(text, str):
        return text
    pieces = []
    for piece in expect(text, list, "text", "text, or an array of its pieces"):
        string = piece.get("text") if isinstance(piece, dict) else piece
        if isinstance(string, (list, dict)):
            string = join_text(string if isinstance(string, list) else [string])
        if not isinstance(string, str):
            raise BadRecordError(f"expected a piece of text; got {piece!r:.80}", "text")
        pieces.append(string)
    return "".join(pieces)
