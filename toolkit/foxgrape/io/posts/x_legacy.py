"""Read tweets in the shape of the API, version 1.1, also in captures of Zeeschuimer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.io.base import ReadContext, Reader, make_post
from foxgrape.io.convert import as_int, get_nested, require_dict, require_text
from foxgrape.io.json_records import iter_records, page_items
from foxgrape.io.posts.x import agreed_time, parse_stated, require_x_id, unescape_text
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.stream import InputFile, Record

__all__ = ["COUNTS", "CUT_OFF", "XLegacyReader", "ZeeschuimerReader"]

COUNTS = {
    "retweets": "retweet_count",
    "replies": "reply_count",
    "likes": "favorite_count",
    "quotes": "quote_count",
}
CUT_OFF = "the text is cut off, and the file does not have the full text"
#: Messages of the streaming API that are not tweets.
_NOTICES = {"delete", "limit", "scrub_geo", "status_withheld", "user_withheld", "warning"}


class XLegacyReader(Reader):
    """Reads tweets of the API, version 1.1: JSON lines, an array, or pages with ``statuses``."""

    name = "x_legacy"
    extra: ClassVar = dict.fromkeys(COUNTS, "Int64") | {"truncated": "boolean"}

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the JSON has the keys of a tweet or of a page of search results."""
        tweet = {("id_str",), ("created_at",), ("user", "screen_name")} <= paths
        return tweet or {("search_metadata",), ("statuses",)} <= paths or _is_page(paths)

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Yield each tweet."""
        with file.open() as stream:
            yield from page_items(stream, file.head, "statuses")

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a tweet; none for notices, such as deletions."""
        tweet = require_dict(value)
        if len(tweet) == 1 and _NOTICES & set(tweet):
            return []
        original = tweet.get("retweeted_status")
        source = tweet if original is None else require_dict(original, "retweeted_status")
        text, truncated = _text(source)
        return [_row(tweet, get_nested(tweet, "user"), text, truncated, context)]


def _is_page(paths: frozenset[tuple[str, ...]]) -> bool:
    return {("statuses", "item", "id_str"), ("statuses", "item", "user")} <= paths


def _text(tweet: dict[str, Any]) -> tuple[str, bool]:
    """Return the longest text of a tweet, and whether it is cut off."""
    for text in (get_nested(tweet, "extended_tweet", "full_text"), tweet.get("full_text")):
        if isinstance(text, str):
            return text, False
    return require_text(tweet.get("text")), tweet.get("truncated") is True


def _row(
    tweet: dict[str, Any], user: Any, text: str, truncated: bool, context: ReadContext
) -> dict[str, Any]:
    """Return the row of a tweet; `user` is the object with its author's name."""
    tweet_id = require_x_id(tweet.get("id_str"))
    stated = parse_stated(tweet.get("created_at"))
    if stated is None:
        raise BadRecordError("expected a time; got nothing", "posted_at")
    posted = agreed_time(tweet_id, stated, context)
    if truncated:
        context.note(CUT_OFF, tweet_id)
    name = get_nested(user, "screen_name")
    counts: dict[str, Any] = {ours: as_int(tweet.get(key)) for ours, key in COUNTS.items()}
    repost = any(key in tweet for key in ("retweeted_status", "retweeted_status_result"))
    return make_post(
        post_id=tweet_id,
        platform="x",
        account=name or context.account or tweet.get("user_id_str"),
        posted=(posted, posted),
        text=unescape_text(text),
        lang=tweet.get("lang"),
        url=f"https://x.com/{name or 'i'}/status/{tweet_id}",
        repost=repost,
        truncated=truncated,
        **counts,
    )


_X = {"twitter.com", "x.com", "twitter", "x"}
_CUT = re.compile(r"…\s*(https://t\.co/\w+)?$")


class ZeeschuimerReader(Reader):
    """Reads captures of X by Zeeschuimer; items of other sites are bad records."""

    name = "zeeschuimer"
    extra: ClassVar = XLegacyReader.extra

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the JSON has the keys of a captured item."""
        return {("item_id",), ("source_platform",), ("data",)} <= paths

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Yield each item."""
        with file.open() as stream:
            yield from iter_records(stream, file.head)

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a tweet; none for the place of a deleted tweet."""
        item = require_dict(value)
        site = require_text(item.get("source_platform"), "source_platform")
        if site not in _X:
            raise BadRecordError(
                f"items of {site} are not read; upload the file to 4CAT and download its CSV",
                "source_platform",
            )
        tweet = _unwrap(require_dict(item.get("data"), "data"))
        if get_nested(tweet, "__typename") == "TweetTombstone":
            return []
        legacy = require_dict(tweet.get("legacy"), "data")
        original = get_nested(legacy, "retweeted_status_result", "result")
        text, truncated = _graph_text(tweet if original is None else _unwrap(original))
        user = get_nested(tweet, "core", "user_results", "result")
        # The name has moved from `legacy` to `core`.
        names = [get_nested(user, key) for key in ("legacy", "core")]
        name = next((name for name in names if get_nested(name, "screen_name")), None)
        legacy = {"id_str": tweet.get("rest_id")} | legacy
        return [_row(legacy, name, text, truncated, context)]


def _unwrap(tweet: Any) -> dict[str, Any]:
    """Return a tweet without the object around one whose visibility is limited."""
    inner = get_nested(tweet, "tweet")
    return require_dict(inner if isinstance(inner, dict) else tweet, "data")


def _graph_text(tweet: dict[str, Any]) -> tuple[str, bool]:
    note = get_nested(tweet, "note_tweet", "note_tweet_results", "result", "text")
    if isinstance(note, str):
        return note, False
    text = require_text(get_nested(tweet, "legacy", "full_text"))
    return text, "note_tweet" in tweet and _CUT.search(text) is not None
