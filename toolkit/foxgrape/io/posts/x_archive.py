"""X's "download your data" archive: ``tweets.js``, a script that is parsed and never run."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.errors import TableError
from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import MONTHS, get_nested, require_dict, require_text
from foxgrape.io.json_records import document_records
from foxgrape.io.posts.base import make_post
from foxgrape.io.posts.x_api import require_x_id, tweet_times
from foxgrape.io.stream import BadRecordError, CorruptFileError, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.stream import InputFile

__all__ = ["XArchive"]

_START = re.compile(rb"\s*window\.YTD\.tweets?\.part[0-9]+\s*=\s*")
_CREATED = re.compile(
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) (?P<day>[0-9]{2}) (?P<clock>[0-9:]{8}) "
    r"(?P<offset>[+-][0-9]{4}) (?P<year>[0-9]{4})"
)
#: The archive marks retweets only by their text.
_RETWEET = re.compile(r"RT @[A-Za-z0-9_]{1,15}: ")


class XArchive(Reader):
    """``tweets.js`` of the user's own archive: an assignment of an array."""

    name = "x_archive"
    extra: ClassVar = {"truncated": "boolean"}

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the script assigns to the archive's variable."""
        return _START.match(file.head) is not None

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Skip everything before the first bracket, and yield each element of the array."""
        if context.account is None:
            raise TableError(
                "the archive's tweets do not name their account",
                file=file.path,
                hint="pass account=, the user name without @",
            )
        prefix = file.head.find(b"[")
        if prefix < 0:
            raise CorruptFileError("the script contains no array")
        with file.open() as stream:
            stream.read(prefix)
            yield from document_records(stream, ("item",))

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a tweet."""
        tweet = require_dict(value)
        tweet = require_dict(tweet.get("tweet", tweet))
        tweet_id = require_x_id(tweet.get("id_str", tweet.get("id")))
        posted, edited = tweet_times(tweet_id, _history(tweet), _created(tweet.get("created_at")))
        text = require_text(tweet.get("full_text", tweet.get("text")))
        repost = _RETWEET.match(text) is not None
        row = make_post(
            post_id=tweet_id,
            platform="x",
            account=context.account,
            posted=(posted, posted),
            text=text,
            lang=tweet.get("lang"),
            url=f"https://x.com/{context.account}/status/{tweet_id}",
            repost=repost,
            edited_at=edited,
            truncated=repost and text.endswith("…"),
        )
        return [row]


def _history(tweet: dict[str, Any]) -> list[Any] | None:
    """Return the ids of all versions from the first version, or the first id from an edit."""
    first = get_nested(tweet, "edit_info", "edit", "initialTweetId")
    if first is not None:
        return [first]
    ids = get_nested(tweet, "edit_info", "initial", "editTweetIds")
    return ids if isinstance(ids, list) else None


def _created(value: Any) -> datetime | None:
    if value is None:
        return None
    match = _CREATED.fullmatch(value) if isinstance(value, str) else None
    error = BadRecordError(
        f"expected a time such as Wed Oct 10 20:19:24 +0000 2018; got {value!r:.80}", "posted_at"
    )
    if match is None or match["month"] not in MONTHS:
        raise error
    month = MONTHS.index(match["month"]) + 1
    stated = f"{match['year']}-{month:02}-{match['day']}T{match['clock']}{match['offset']}"
    try:
        return datetime.fromisoformat(stated).astimezone(UTC)
    except ValueError:
        raise error from None
