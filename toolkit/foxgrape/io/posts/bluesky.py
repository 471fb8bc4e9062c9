"""Read Bluesky author feeds: the server's time, and the time claimed by the author's device."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape import times
from foxgrape.io.base import ReadContext, Reader, make_post
from foxgrape.io.convert import (
    as_int,
    get_nested,
    parse_timestamp,
    require_dict,
    require_id,
    require_text,
)
from foxgrape.io.json_records import page_items
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.stream import InputFile, Record

__all__ = ["BlueskyReader"]

#: Phone clocks are off by seconds and delivery takes seconds. A larger difference means that the
#: post was written earlier, scheduled, imported, or given a false date.
_MAX_CLOCK_ERROR = timedelta(minutes=1)
_URI = re.compile(r"at://(?P<did>[^/]+)/app\.bsky\.feed\.post/(?P<key>[^/]+)")
_COUNTS = {
    "replies": "replyCount",
    "reposts": "repostCount",
    "likes": "likeCount",
    "quotes": "quoteCount",
}


class BlueskyReader(Reader):
    """Reads ``app.bsky.feed.getAuthorFeed``: a page, pages as JSON lines, or feed items."""

    name = "bluesky"
    extra: ClassVar = {
        "claimed_at": times.DTYPE,
        "claim_differs": "boolean",
        **dict.fromkeys(_COUNTS, "Int64"),
    }

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the JSON has the keys of a feed page or of a feed item."""
        item = {("post", "uri"), ("post", "record")} <= paths
        return item or ("feed", "item", "post") in paths

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Yield each item of the feed."""
        with file.open() as stream:
            yield from page_items(stream, file.head, "feed")

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a post or repost."""
        item = require_dict(value)
        post = require_dict(item.get("post"), "post")
        record = require_dict(post.get("record"), "record")
        counts: dict[str, Any] = {ours: as_int(post.get(key)) for ours, key in _COUNTS.items()}
        uri = require_id(post.get("uri"))
        reason = item.get("reason")
        repost = str(get_nested(reason, "$type") or "").endswith("#reasonRepost")
        author = get_nested(reason, "by") if repost else post.get("author")
        indexed = parse_timestamp(get_nested(reason if repost else post, "indexedAt"))
        # A repost has no claimed time of its own: `createdAt` is that of the original post.
        claimed = None if repost else _claimed_time(record.get("createdAt"))
        langs = record.get("langs")
        row = make_post(
            post_id=f"{uri}#repost-by-{require_id(get_nested(author, 'did'))}" if repost else uri,
            platform="bluesky",
            account=get_nested(author, "handle") or get_nested(author, "did") or context.account,
            posted=(indexed, indexed),
            text=require_text(record.get("text")),
            lang=langs[0] if isinstance(langs, list) and len(langs) == 1 else None,
            url=_url(uri),
            repost=repost,
            claimed_at=claimed,
            claim_differs=None if claimed is None else abs(indexed - claimed) > _MAX_CLOCK_ERROR,
            **counts,
        )
        return [row]


def _claimed_time(value: Any) -> datetime | None:
    """Return the time that the author's device claims; None if it is not an instant."""
    try:
        return parse_timestamp(value)
    except BadRecordError:
        return None


def _url(uri: str) -> str | None:
    match = _URI.fullmatch(uri)
    return f"https://bsky.app/profile/{match['did']}/post/{match['key']}" if match else None
