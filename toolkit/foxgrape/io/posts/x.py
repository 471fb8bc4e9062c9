"""Read posts from X: pages of the API, version 2, as saved by twarc."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.base import ReadContext, Reader, make_post
from foxgrape.io.convert import (
    as_int,
    get_nested,
    get_or_none,
    parse_timestamp,
    require_dict,
    require_text,
)
from foxgrape.io.json_records import iter_records, json_preview
from foxgrape.io.stream import BadRecordError, Record
from foxgrape.io.written_times import MONTHS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.stream import InputFile

__all__ = [
    "XApiReader",
    "agreed_time",
    "parse_created_at",
    "parse_stated",
    "require_x_id",
    "tweet_times",
    "unescape_text",
]

_ID = re.compile(r"[0-9]{1,19}")
#: The smallest id that encodes its creation time.
_FIRST_SNOWFLAKE = 30_000_000_000
_TWITTER_EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657_000, tzinfo=UTC)
_MAX_DIFFERENCE = timedelta(seconds=1)
_CREATED = re.compile(
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) (?P<day>[0-9]{2}) (?P<clock>[0-9:]{8}) "
    r"(?P<offset>[+-][0-9]{4}) (?P<year>[0-9]{4})"
)
_METRICS = {
    "retweets": "retweet_count",
    "replies": "reply_count",
    "likes": "like_count",
    "quotes": "quote_count",
}


def require_x_id(value: Any) -> str:
    """Return a tweet's id; raise `BadRecordError` if it is not text, since numbers get rounded."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise BadRecordError(f"expected the id of a tweet, as text; got {value!r:.80}", "post_id")
    return value


def parse_created_at(tweet_id: str) -> datetime | None:
    """Return the creation time that a tweet's id encodes; None for ids before November 2010.

    Examples
    --------
    >>> parse_created_at("1380246903284752386").isoformat()
    '2021-04-08T19:51:20.147000+00:00'
    """
    number = int(tweet_id)
    if number < _FIRST_SNOWFLAKE:
        return None
    return _TWITTER_EPOCH + timedelta(milliseconds=number >> 22)


def tweet_times(
    tweet_id: str, history: Any, stated: datetime | None
) -> tuple[datetime, datetime | None]:
    """Return when a tweet was posted, and when this version was edited (None if it is the first).

    Each version has its own id, which encodes its time; `history` has the ids of all versions,
    oldest first. The time `stated` in the file must be within a second of the first id's time or
    this id's time.
    """
    versions = history if isinstance(history, list) and history else [tweet_id]
    ids = [require_x_id(version) for version in versions]
    own, first = parse_created_at(tweet_id), parse_created_at(ids[0])
    if own is None or first is None:
        if stated is None:
            raise BadRecordError("no created_at, and the id contains no time", "posted_at")
        return stated, None
    if stated is not None and min(abs(stated - own), abs(stated - first)) > _MAX_DIFFERENCE:
        raise BadRecordError(
            f"the id was created at {own.isoformat()}, but created_at is {stated.isoformat()}",
            "posted_at",
        )
    return first, own if ids[0] != tweet_id else None


def parse_stated(value: Any) -> datetime | None:
    """Parse ``created_at`` as in ``Wed Oct 10 20:19:24 +0000 2018``; None for None."""
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


def agreed_time(tweet_id: str, stated: datetime, context: ReadContext) -> datetime:
    """Return the time of a tweet that another tool saved: the id's, if it agrees with `stated`.

    Such tools round ids and convert times, so that both may be wrong; the difference is noted.
    """
    own = parse_created_at(tweet_id)
    if own is None:
        return stated
    if abs(stated - own) > _MAX_DIFFERENCE:
        context.note(
            "the id was created at another time than the stated one, which is used",
            f"{tweet_id}: {own.isoformat()} and {stated.isoformat()}",
        )
        return stated
    return own


class XApiReader(Reader):
    """Reads tweets as the API returns them, with the users and tweets that they refer to."""

    name = "x_api"
    extra: ClassVar = dict.fromkeys(_METRICS, "Int64") | {"truncated": "boolean", "withheld": "str"}

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the JSON has twarc's metadata, or the keys of a page or of a tweet."""
        page = {("data",), ("errors",)} & paths and {("meta",), ("includes",)} & paths
        tweet = {("id",), ("text",), ("author_id",)} <= paths
        data = ("data", "text") in paths or ("data", "item", "text") in paths
        return ("__twarc",) in paths or bool(page) or tweet or data

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Yield each tweet with its page's users and tweets; a record if the page has no tweets."""
        with file.open() as stream:
            for record in iter_records(stream, file.head):
                page = record.value
                if not isinstance(page, dict) or not {"data", "errors"} & set(page):
                    yield record if record.error else replace(record, value=(page, {}, {}))
                    continue
                users, included = (_by_id(page, kind) for kind in ("users", "tweets"))
                data = page.get("data") or []
                tweets = data if isinstance(data, list) else [data]
                if not tweets:
                    yield replace(record, value=None)
                for tweet in tweets:
                    yield Record(record.number, (tweet, users, included), json_preview(tweet))

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a tweet; none for a page that has only errors."""
        if value is None:
            return []
        tweet, users, included = value
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
        text, repost, truncated = _text(tweet, included)
        countries = get_nested(tweet, "withheld", "country_codes")
        counts = {
            ours: as_int(get_nested(tweet, "public_metrics", key)) for ours, key in _METRICS.items()
        }
        row = make_post(
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
            withheld=",".join(map(str, countries)) or None if isinstance(countries, list) else None,
            **counts,
        )
        return [row]


def _by_id(page: dict[str, Any], kind: str) -> dict[Any, Any]:
    included = get_nested(page, "includes", kind)
    if not isinstance(included, list):
        return {}
    return {item["id"]: item for item in included if isinstance(get_nested(item, "id"), str)}


def _text(tweet: dict[str, Any], included: dict[Any, Any]) -> tuple[str | None, bool, bool]:
    """Return the full text, whether the tweet is a retweet, and whether the text is cut off."""
    references = tweet.get("referenced_tweets") or []
    for reference in references if isinstance(references, list) else []:
        if get_nested(reference, "type") != "retweeted":
            continue
        # Flattened tweets contain the original tweet; a page has it under `includes`.
        original = (
            reference
            if isinstance(reference.get("text"), str)
            else get_or_none(included, reference.get("id"))
        )
        if isinstance(original, dict):
            return _full_text(original), True, False
        text = unescape_text(require_text(tweet.get("text")))
        return text, True, text.endswith("…")
    return _full_text(tweet), False, False


def unescape_text(text: str) -> str:
    """Return a tweet's text with the three characters that X writes as in HTML.

    Examples
    --------
    >>> unescape_text("a &lt;3 &amp; b")
    'a <3 & b'
    """
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _full_text(tweet: dict[str, Any]) -> str | None:
    """Return the text; ``text`` holds only the first 280 characters of a long tweet."""
    note = get_nested(tweet, "note_tweet", "text")
    if isinstance(note, str):
        return unescape_text(note)
    if tweet.get("text") is None and "withheld" in tweet:
        return None
    return unescape_text(require_text(tweet.get("text")))
