"""Read posts from ``tweets.js`` of an X account archive, and from the files beside it."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.errors import TableError
from foxgrape.io.base import ReadContext, Reader, make_post, note_unread
from foxgrape.io.convert import get_nested, parse_timestamp, require_dict, require_text
from foxgrape.io.json_records import document_records
from foxgrape.io.posts.x import parse_stated, require_x_id, tweet_times, unescape_text
from foxgrape.io.stream import BadRecordError, CorruptFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.stream import InputFile, Record

__all__ = ["XArchiveReader"]

_START = re.compile(rb"\s*window\.YTD\.tweets?\.part[0-9]+\s*=\s*")
#: The archive marks retweets only by their text.
_RETWEET = re.compile(r"RT @[A-Za-z0-9_]{1,15}: ")


#: Ends of texts that are cut off: a long post ends in a link to itself, a retweet in an ellipsis.
_CUT = re.compile(r"\s*…\s*(?P<link>https://t\.co/[A-Za-z0-9]+)?\s*$")
_MENTIONS = re.compile(r"(@[A-Za-z0-9_]{1,15}\s+)*")
_NOTES, _ACCOUNT = "x_archive_notes", "x_archive_account"
#: A note of the same second is the tweet's; otherwise this many equal characters must show it.
_MAX_DIFFERENCE, _MIN_PREFIX = timedelta(seconds=2), 40
_CUT_OFF = "the text is cut off: note-tweet.js does not complete it"


@dataclass(frozen=True, slots=True)
class _Note:
    """The full text of a long post."""

    note_id: object
    created: datetime | None
    text: str


class XArchiveReader(Reader):
    """Reads ``tweets.js`` of an account archive: a script that assigns an array to a variable."""

    name = "x_archive"
    extra: ClassVar = {"truncated": "boolean"}
    members = re.compile(r"tweets?(-part\d+)?\.js")

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return whether the script assigns to the archive's variable, or has been made JSON."""
        return _START.match(file.head) is not None or ("tweet", "full_text") in paths

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Yield each tweet, after reading the account and the long posts in the files beside it."""
        if _ACCOUNT not in context.state:
            context.state[_ACCOUNT] = context.account or _archive_account(file)
            context.state[_NOTES] = _long_posts(file)
        if context.state[_ACCOUNT] is None:
            raise TableError(
                "the archive's tweets do not name their account",
                file=file.path,
                hint="pass account=, the user name without @, or the archive with its account.js",
            )
        if file.path.name == "tweets.js":
            note_unread(file, "tweets-part1.js", context)
        yield from _script_records(file)

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a tweet."""
        tweet = require_dict(value)
        tweet = require_dict(tweet.get("tweet", tweet))
        tweet_id = require_x_id(tweet.get("id_str", tweet.get("id")))
        stated = parse_stated(tweet.get("created_at"))
        posted, edited = tweet_times(tweet_id, _history(tweet), stated)
        account, notes = context.state[_ACCOUNT], context.state[_NOTES]
        text = require_text(tweet.get("full_text", tweet.get("text")))
        repost = _RETWEET.match(text) is not None
        full = None if repost else _full_text(text, tweet_id, stated or posted, notes)
        truncated = full is None and _is_cut_off(text, repost=repost, notes=notes)
        if truncated:
            context.note(_CUT_OFF, tweet_id)
        row = make_post(
            post_id=tweet_id,
            platform="x",
            account=account,
            posted=(posted, posted),
            text=unescape_text(text) if full is None else full,
            lang=tweet.get("lang"),
            url=f"https://x.com/{account}/status/{tweet_id}",
            repost=repost,
            edited_at=edited,
            truncated=truncated,
        )
        return [row]


def _script_records(file: InputFile) -> Iterator[Record]:
    """Skip everything before the first bracket, and yield each element of the array."""
    prefix = file.head.find(b"[")
    if prefix < 0:
        raise CorruptFileError("the script contains no array")
    with file.open() as stream:
        stream.read(prefix)
        yield from document_records(stream, ("item",))


def _archive_account(file: InputFile) -> str | None:
    """Return the user name in the archive's ``account.js``."""
    account = file.sibling("account.js")
    if account is None:
        return None
    for record in _script_records(account):
        name = get_nested(record.value, "account", "username")
        if isinstance(name, str) and name:
            return name
    return None


def _long_posts(file: InputFile) -> list[_Note] | None:
    """Return the long posts in the archive's ``note-tweet.js``; None if there is no such file."""
    notes = file.sibling("note-tweet.js")
    if notes is None:
        return None
    posts = []
    for record in _script_records(notes):
        note = get_nested(record.value, "noteTweet")
        text = get_nested(note, "core", "text")
        if isinstance(text, str):
            posts.append(_Note(note.get("noteTweetId"), _instant(note.get("createdAt")), text))
    return posts


def _instant(value: Any) -> datetime | None:
    try:
        return parse_timestamp(value)
    except BadRecordError:
        return None


def _full_text(
    text: str, tweet_id: str, created: datetime, notes: list[_Note] | None
) -> str | None:
    """Return the full text of a long post from its note; None if it has no note.

    The note starts with the words of the post. In most archives its id is another than the post's,
    so that words and time decide.
    """
    cut = _CUT.search(text)
    if not notes or cut is None:
        return None
    start = _plain(text[: cut.start()])
    similar = [note for note in notes if start and _plain(note.text).startswith(start)]
    exact = [note for note in similar if note.note_id == tweet_id]
    near = [
        note
        for note in similar
        if note.created is not None and abs(note.created - created) <= _MAX_DIFFERENCE
    ]
    candidates = exact or near or (similar if len(start) >= _MIN_PREFIX else [])
    return candidates[0].text if len({note.text for note in candidates}) == 1 else None


def _plain(text: str) -> str:
    """Return a text to compare: without entities, spacing and the mentions of a reply."""
    return " ".join(_MENTIONS.sub("", html.unescape(text), count=1).split())


def _is_cut_off(text: str, *, repost: bool, notes: list[_Note] | None) -> bool:
    cut = _CUT.search(text)
    # With a list of long posts, an ellipsis alone is the author's own.
    return cut is not None and (repost or notes is None or cut["link"] is not None)


def _history(tweet: dict[str, Any]) -> list[Any] | None:
    """Return a tweet's version ids: all ids for a first version, only the first id for an edit."""
    first = get_nested(tweet, "edit_info", "edit", "initialTweetId")
    if first is not None:
        return [first]
    ids = get_nested(tweet, "edit_info", "initial", "editTweetIds")
    return ids if isinstance(ids, list) else None
