"""Read JSON lines of snscrape: posts of X and of Telegram's public pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.base import ReadContext, Reader, make_post
from foxgrape.io.convert import (
    as_int,
    get_nested,
    parse_timestamp,
    require_dict,
    require_id,
    require_text,
)
from foxgrape.io.posts.x import agreed_time, require_x_id
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from foxgrape.io.stream import InputFile

__all__ = ["SnscrapeReader"]

_TELEGRAM = re.compile(r"https?://t\.me/(s/)?(?P<chat>[A-Za-z0-9_]+)/(?P<number>[0-9]+)")
_STATUS = re.compile(r"https?://(www\.|mobile\.)?(twitter|x)\.com/(?P<name>\w+)/status/(?P<id>\d+)")
_COUNTS = {
    "retweets": "retweetCount",
    "replies": "replyCount",
    "likes": "likeCount",
    "quotes": "quoteCount",
}
#: Types of entries that stand for a tweet that could not be downloaded.
_MISSING = {"Tombstone", "TweetRef"}


class SnscrapeReader(Reader):
    """Reads the JSON lines of ``snscrape --jsonl``, of old and new versions."""

    name = "snscrape"
    extra: ClassVar = dict.fromkeys(_COUNTS, "Int64")

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return whether the JSON names a type of snscrape, or has the keys of its tweets."""
        has_type = ("_type",) in paths and b'"snscrape.' in file.head
        return has_type or {("url",), ("date",), ("rawContent",), ("user", "username")} <= paths

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a post; none for a tweet that could not be downloaded."""
        item = require_dict(value)
        # Without its type, it is a tweet that other code has saved.
        kind = str(item.get("_type", "Tweet")).rpartition(".")[2]
        if kind == "TelegramPost":
            return [_telegram(item, context)]
        if kind in _MISSING:
            return []
        if kind != "Tweet":
            raise BadRecordError(f"expected a Tweet or a TelegramPost; got {kind!r:.80}", "_type")
        return [_tweet(item, context)]


def _telegram(item: dict[str, Any], context: ReadContext) -> dict[str, Any]:
    url = require_text(item.get("url"), "url")
    match = _TELEGRAM.fullmatch(url)
    if match is None:
        raise BadRecordError(f"expected https://t.me/s/NAME/NUMBER; got {url!r:.80}", "url")
    posted = parse_timestamp(item.get("date"))
    forwarded = [item[key] for key in ("forwarded", "forwardedUrl") if key in item]
    text = item.get("content")
    return make_post(
        post_id=f"{match['chat']}/{match['number']}",
        platform="telegram",
        account=context.account or match["chat"],
        posted=(posted, posted),
        # A post that has only a picture has no text.
        text="" if text is None else require_text(text),
        url=f"https://t.me/{match['chat']}/{match['number']}",
        repost=any(value is not None for value in forwarded) if forwarded else None,
    )


def _tweet(item: dict[str, Any], context: ReadContext) -> dict[str, Any]:
    tweet_id = require_x_id(require_id(item.get("id")))
    name = get_nested(item, "user", "username") or item.get("username")
    url = _STATUS.match(str(item.get("url")))
    if url is not None and url["id"] != tweet_id:
        raise BadRecordError(
            f"the id is {tweet_id}, but that of the url is {url['id']}: one is rounded", "post_id"
        )
    posted = agreed_time(tweet_id, parse_timestamp(item.get("date")), context)
    counts: dict[str, Any] = {ours: as_int(item.get(key)) for ours, key in _COUNTS.items()}
    original = item.get("retweetedTweet")
    source = original if isinstance(original, dict) and _content(original) else item
    return make_post(
        post_id=tweet_id,
        platform="x",
        account=name or (url and url["name"]) or context.account,
        posted=(posted, posted),
        text=require_text(_content(source)),
        lang=item.get("lang"),
        url=item.get("url"),
        # Old versions omit the key for tweets that are not retweets.
        repost=original is not None,
        **counts,
    )


def _content(tweet: dict[str, Any]) -> Any:
    """Return the text of a tweet: `content` in old versions, `rawContent` in new ones."""
    return tweet.get("rawContent", tweet.get("content"))
