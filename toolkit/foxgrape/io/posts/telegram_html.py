"""Read posts from Telegram Desktop's HTML export: ``messages.html``, ``messages2.html``, …"""

from __future__ import annotations

import html
import re
from typing import IO, TYPE_CHECKING, Any

from bs4 import BeautifulSoup, Tag
from bs4.exceptions import ParserRejectedMarkup

from foxgrape.io.base import ReadContext, Reader, make_post, note_unread
from foxgrape.io.convert import parse_clock_cell, parse_timestamp
from foxgrape.io.posts.telegram import POLL, require_zone
from foxgrape.io.stream import CHUNK, MAX_RECORD, BadRecordError, CorruptFileError, Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from foxgrape.io.stream import InputFile

__all__ = ["TelegramHtmlReader"]

#: Start of a message; texts cannot contain it, since their "<" is written as "&lt;".
_MESSAGE = b'<div class="message '
_TITLE = re.compile(rb'<div class="text bold">\s*(?P<title>[^<]*?)\s*</div>')
_NUMBER = re.compile(r"message(?P<number>\d+)")
_DATE = re.compile(
    r"(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d{4}) (?P<clock>\d\d:\d\d:\d\d)"
    r"( UTC(?P<offset>[+-]\d\d:\d\d)?)?"
)
#: Limit on tags per message, since parsing nested tags takes quadratic time.
_MAX_TAGS = 5_000
_PREVIEW = 4_000
_SENDER, _CHAT = "telegram_html_sender", "telegram_html_chat"


class TelegramHtmlReader(Reader):
    """Reads the pages of a chat as Telegram Desktop writes them."""

    name = "telegram_html"
    members = re.compile(r"messages\d*\.html")

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the page has the header of an exported chat and a message."""
        return b'class="page_body chat_page"' in file.head and _TITLE.search(file.head) is not None

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Yield the HTML of each message, with the sender of the message before it."""
        title = _TITLE.search(file.head)
        if title is None:
            raise CorruptFileError("the page does not name its chat")
        name = html.unescape(title["title"].decode("utf-8", "surrogateescape"))
        context.state[_CHAT] = " ".join(name.split())
        if file.path.name == "messages.html":
            note_unread(file, "messages2.html", context)
        with file.open() as stream:
            for number, data in enumerate(_split(stream), start=1):
                text = data.decode("utf-8", "surrogateescape")
                raw = text[:_PREVIEW].encode("utf-8", "replace").decode()
                yield Record(number, text, raw)

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a message; none for service messages, which include dates."""
        if " joined" not in value.partition(">")[0]:
            context.state[_SENDER] = None
        message = _parse(value)
        classes = message.get_attribute_list("class")
        if "service" in classes:
            return []
        body = _child(message, "body")
        if body is None:
            raise BadRecordError("the message has no body")
        if "joined" not in classes:
            name = _child(body, "from_name")
            context.state[_SENDER] = None if name is None else _line(name)
        number = _NUMBER.fullmatch(str(message.get("id")))
        if number is None:
            raise BadRecordError(f"expected an id; got {message.get('id')!r:.80}", "post_id")
        chat = context.state[_CHAT]
        forwarded = _child(body, "forwarded body")
        row = make_post(
            post_id=f"{context.account or chat}/{number['number']}",
            platform="telegram",
            account=_account(context),
            posted=_posted(_child(body, "date"), context),
            text=_text(body if forwarded is None else forwarded, context),
            repost=forwarded is not None,
        )
        return [row]


def _split(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the bytes of each message, without the start of the page; the last ends the page."""
    data, started = b"", False
    while chunk := stream.read(CHUNK):
        *messages, data = (data + chunk).split(_MESSAGE)
        if not started and messages:
            messages, started = messages[1:], True
        for message in messages:
            yield _MESSAGE + message
        if len(data) > MAX_RECORD:
            raise CorruptFileError(f"a message is larger than {MAX_RECORD >> 20} MB")
    if not started:
        raise CorruptFileError("the page has no messages")
    if b"</html>" not in data:
        raise CorruptFileError("the page is cut off")
    yield _MESSAGE + data.partition(b"</body>")[0]


def _parse(text: str) -> Tag:
    if text.count("<") > _MAX_TAGS:
        raise BadRecordError(f"the message has more than {_MAX_TAGS:,} tags", "text")
    try:
        message = BeautifulSoup(text, "html.parser").find("div", class_="message")
        for line_break in message.find_all("br") if isinstance(message, Tag) else ():
            line_break.replace_with("\n")
    except (ParserRejectedMarkup, RecursionError, AssertionError) as error:
        raise BadRecordError(f"the HTML cannot be parsed: {type(error).__name__}") from None
    if not isinstance(message, Tag):
        raise BadRecordError("expected a message")
    return message


def _child(tag: Tag, name: str) -> Tag | None:
    """Return the first child with this class, or these classes; not a descendant of a child."""
    child = tag.find("div", class_=name, recursive=False)
    return child if isinstance(child, Tag) else None


def _line(tag: Tag) -> str:
    """Return a name, without the date and the bot that Telegram adds to it."""
    for date in tag.find_all("span"):
        date.decompose()
    return " ".join(tag.get_text().split()).partition(" via @")[0]


def _account(context: ReadContext) -> str | None:
    """Return a channel's title, or the caller's name for it; in a group, the message's author."""
    sender, chat = context.state.get(_SENDER), context.state[_CHAT]
    if sender == "Deleted Account":
        context.note("several deleted accounts have the same name, Deleted Account")
    if sender is None or sender == chat:
        return context.account or sender
    return str(sender)


def _posted(date: Tag | None, context: ReadContext) -> tuple[datetime, datetime]:
    stated = str(date.get("title")) if date is not None else ""
    match = _DATE.fullmatch(stated)
    if match is None:
        raise BadRecordError(
            f"expected a time such as 10.09.2022 15:16:00 UTC+03:00; got {stated!r:.80}",
            "posted_at",
        )
    clock = f"{match['year']}-{match['month']}-{match['day']}T{match['clock']}"
    if " UTC" in stated:
        instant = parse_timestamp(f"{clock}{match['offset'] or '+00:00'}")
        return instant, instant
    zone = require_zone(
        context, "export has local times without an offset", "computer that exported it"
    )
    return parse_clock_cell(clock, zone)


def _text(body: Tag, context: ReadContext) -> str:
    """Return a message's text and the question of its poll; Telegram pads both with line breaks."""
    poll = body.find("div", class_="media_poll")
    question = _child(poll, "question") if isinstance(poll, Tag) else None
    if question is not None:
        context.note(POLL, warn=False)
    texts = [tag for tag in (_child(body, "text"), question) if tag is not None]
    return "\n".join(tag.get_text().strip() for tag in texts)
