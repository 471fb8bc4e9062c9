"""X's API v2 as twarc keeps it: a page of answers a line, or flattened to a tweet a line."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import (
    as_int,
    get_nested,
    get_or_none,
    parse_timestamp,
    require_dict,
    require_text,
)
from foxgrape.io.json_records import json_preview, records_in
from foxgrape.io.posts.base import make_post
from foxgrape.io.stream import BadRecordError, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.stream import InputFile

__all__ = ["XApi", "parse_created_at", "tweet_times"]

_ID = re.compile(r"[0-9]{1,19}")
#: From here on an id holds the millisecond at which it was made.
_SNOWFLAKES = 30_000_000_000
_TWITTER_EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657_000, tzinfo=UTC)
_CLOSE = timedelta(seconds=1)
_METRICS = {
    "retweets": "retweet_count",
    "replies": "reply_count",
    "likes": "like_count",
    "quotes": "quote_count",
}


def require_x_id(value: Any) -> str:
    """Return the id of a tweet, which is text: as a number it may have been rounded."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise BadRecordError(f"expected the id of a tweet, as text; got {value!r:.80}", "post_id")
    return value


def parse_created_at(tweet_id: str) -> datetime | None:
    """Return the millisecond at which an id was made, None for ids from before November 2010.

    Examples
    --------
    >>> made_at("1380246903284752386").isoformat()
    '2021-04-08T19:51:20.147000+00:00'
    """
    number = int(tweet_id)
    if number < _SNOWFLAKES:
        return None
    return _TWITTER_EPOCH + timedelta(milliseconds=number >> 22)


def tweet_times(
    tweet_id: str, history: Any, stated: datetime | None
) -> tuple[datetime, datetime | None]:
    """Return when a tweet was posted and when it was edited: each edit has an id of its own.

    Parameters
    ----------
    tweet_id
        The id of this version.
    history
        The ids of all versions, the first first; None where edits are not told.
    stated
        What the file says beside the id; it must agree to a second.
    """
    ids = (
        [require_x_id(one) for one in history]
        if isinstance(history, list) and history
        else [tweet_id]
    )
    own, first = parse_created_at(tweet_id), parse_created_at(ids[0])
    if own is None or first is None:
        if stated is None:
            raise BadRecordError("neither created_at nor an id that tells the time", "posted_at")
        return stated, None
    if stated is not None and min(abs(stated - own), abs(stated - first)) > _CLOSE:
        raise BadRecordError(
            f"the id was made at {own.isoformat()}, but created_at is {stated.isoformat()}",
            "posted_at",
        )
    return first, own if ids[0] != tweet_id else None


class XApi(Reader):
    """Tweets as the API gives them, with what they refer to."""

    name = "x_api"
    extra: ClassVar = dict.fromkeys(_METRICS, "Int64") | {"truncated": "boolean", "withheld": "str"}

    def recognise(self, door: InputFile, shape: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Tell by twarc's stamp, by a page's parts or by a tweet's fields."""
        page = {("data",), ("errors",)} & shape and {("meta",), ("includes",)} & shape
        tweet = {("id",), ("text",), ("author_id",)} <= shape
        fields = ("data", "text") in shape or ("data", "item", "text") in shape
        return ("__twarc",) in shape or bool(page) or tweet or fields

    def records(self, door: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Return each tweet with what its page includes; a page without tweets is one record."""
        with door.open() as stream:
            for record in records_in(stream, door.head):
                page = record.value
                if not isinstance(page, dict) or not {"data", "errors"} & set(page):
                    yield record if record.bad else replace(record, value=(page, {}, {}))
                    continue
                users, tweets = (_by_id(page, kind) for kind in ("users", "tweets"))
                found = page.get("data") or []
                found = found if isinstance(found, list) else [found]
                if not found:
                    yield replace(record, value=None)
                for tweet in found:
                    yield Record(record.number, (tweet, users, tweets), json_preview(tweet))

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a tweet; none for a page that has only errors."""
        if value is None:
            return []
        tweet, users, tweets = value
        tweet = require_dict(tweet)
        tweet_id = require_x_id(tweet.get("id"))
        created = tweet.get("created_at")
        posted, edited = tweet_times(
            tweet_id,
            tweet.get("edit_history_tweet_ids"),
            None if created is None else parse_timestamp(created),
        )
        author = tweet.get("author_id")
        name = get_nested(tweet, "author", "username") or get_nested(
            get_or_none(users, author), "username"
        )
        text, repost, truncated = _text(tweet, tweets)
        counts = {
            ours: as_int(get_nested(tweet, "public_metrics", key)) for ours, key in _METRICS.items()
        }
        made = make_post(
            post_id=tweet_id,
            platform="x",
            account=name or context.account or author,
            posted=(posted, posted),
            text=text,
            lang=tweet.get("lang"),
            url=f"https://x.com/{name or 'i'}/status/{tweet_id}",
            repost=repost,
            edited_at=edited,
            truncated=truncated,
            withheld=_withheld(tweet),
            **counts,
        )
        return [made]


def _by_id(page: dict[str, Any], kind: str) -> dict[Any, Any]:
    included = get_nested(page, "includes", kind)
    if not isinstance(included, list):
        return {}
    return {one["id"]: one for one in included if isinstance(get_nested(one, "id"), str)}


def _text(tweet: dict[str, Any], tweets: dict[Any, Any]) -> tuple[str | None, bool, bool]:
    """Return the whole text, whether it is a retweet, and whether it is cut off after all."""
    referred = tweet.get("referenced_tweets") or []
    for one in referred if isinstance(referred, list) else []:
        if get_nested(one, "type") != "retweeted":
            continue
        # Flattened, the original stands inside; in a page among what it includes.
        original = one if isinstance(one.get("text"), str) else get_or_none(tweets, one.get("id"))
        if isinstance(original, dict):
            return _long(original), True, False
        text = require_text(tweet.get("text"))
        return text, True, text.endswith("…")
    return _long(tweet), False, False


def _long(tweet: dict[str, Any]) -> str | None:
    """Return the text; that of a long tweet stands beside its first 280 signs."""
    note = get_nested(tweet, "note_tweet", "text")
    if isinstance(note, str):
        return note
    if tweet.get("text") is None and "withheld" in tweet:
        return None
    return require_text(tweet.get("text"))


def _withheld(tweet: dict[str, Any]) -> str | None:
    countries = get_nested(tweet, "withheld", "country_codes")
    return ",".join(map(str, countries)) if isinstance(countries, list) and countries else None
