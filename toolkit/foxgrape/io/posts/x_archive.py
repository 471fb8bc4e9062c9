"""X's "download your data" archive: ``tweets.js``, a script that is never run."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.errors import TableError
from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import MONTHS, get_nested, require_dict, require_text
from foxgrape.io.json_records import document
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
#: How the archive writes what somebody passed on; it has no other sign of it.
_RETWEET = re.compile(r"RT @[A-Za-z0-9_]{1,15}: ")


class XArchive(Reader):
    """``tweets.js`` of one's own archive: a prefix, then an array."""

    name = "x_archive"
    extra: ClassVar = {"truncated": "boolean"}

    def recognise(self, door: InputFile, shape: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Tell by the name that the script assigns to."""
        return _START.match(door.head) is not None

    def records(self, door: InputFile, context: ReadContext) -> Iterator[Record]:
        """Cut the prefix up to the first bracket, and return each element of the array."""
        if context.account is None:
            raise TableError(
                "the archive's tweets do not name their account",
                file=door.path,
                expected="account=, the name without @",
            )
        prefix = door.head.find(b"[")
        if prefix < 0:
            raise CorruptFileError("there is no array")
        with door.open() as stream:
            stream.read(prefix)
            yield from document(stream, ("item",))

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a tweet."""
        tweet = require_dict(value)
        tweet = require_dict(tweet.get("tweet", tweet))
        tweet_id = require_x_id(tweet.get("id_str", tweet.get("id")))
        posted, edited = tweet_times(tweet_id, _history(tweet), _created(tweet.get("created_at")))
        text = require_text(tweet.get("full_text", tweet.get("text")))
        repost = _RETWEET.match(text) is not None
        made = make_post(
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
        return [made]


def _history(tweet: dict[str, Any]) -> list[Any] | None:
    """Return the ids of all versions: the first version lists them, an edit names the first."""
    first = get_nested(tweet, "edit_info", "edit", "initialTweetId")
    if first is not None:
        return [first]
    ids = get_nested(tweet, "edit_info", "initial", "editTweetIds")
    return ids if isinstance(ids, list) else None


def _created(value: Any) -> datetime | None:
    if value is None:
        return None
    match = _CREATED.fullmatch(value) if isinstance(value, str) else None
    if match is None or match["month"] not in MONTHS:
        raise BadRecordError(
            f"expected a time such as Wed Oct 10 20:19:24 +0000 2018; got {value!r:.80}",
            "posted_at",
        )
    month = MONTHS.index(match["month"]) + 1
    stated = f"{match['year']}-{month:02}-{match['day']}T{match['clock']}{match['offset']}"
    try:
        return datetime.fromisoformat(stated).astimezone(UTC)
    except ValueError:
        raise BadRecordError(f"no such time: {value!r:.80}", "posted_at") from None
