"""Bluesky's author feed: the server's time, and beside it what the author's device claimed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape import times
from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import (
    as_int,
    get_nested,
    parse_timestamp,
    require_dict,
    require_id,
    require_text,
)
from foxgrape.io.json_records import items
from foxgrape.io.posts.base import make_post
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.stream import InputFile, Record

__all__ = ["Bluesky"]

#: Clocks of telephones are off by seconds and a post needs seconds to arrive; what differs by
#: more than a minute was written before, scheduled, imported or given a false date.
_SAME = timedelta(minutes=1)
_URI = re.compile(r"at://(?P<did>[^/]+)/app\.bsky\.feed\.post/(?P<key>[^/]+)")
_COUNTS = {
    "replies": "replyCount",
    "reposts": "repostCount",
    "likes": "likeCount",
    "quotes": "quoteCount",
}


class Bluesky(Reader):
    """``app.bsky.feed.getAuthorFeed``: pages, a page a line, or the items of the feed."""

    name = "bluesky"
    extra: ClassVar = {
        "claimed_at": times.DTYPE,
        "claim_differs": "boolean",
        **dict.fromkeys(_COUNTS, "Int64"),
    }

    def recognise(self, door: InputFile, shape: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Tell by a feed, or by the record of a post."""
        item = {("post", "uri"), ("post", "record")} <= shape
        return item or ("feed", "item", "post") in shape

    def records(self, door: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Return each item of the feed."""
        with door.open() as stream:
            yield from items(stream, door.head, "feed")

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a post, or of its being passed on."""
        item = require_dict(value)
        post = require_dict(item.get("post"), "post")
        record = require_dict(post.get("record"), "record")
        counts: dict[str, Any] = {ours: as_int(post.get(key)) for ours, key in _COUNTS.items()}
        uri = require_id(post.get("uri"))
        reason = item.get("reason")
        repost = str(get_nested(reason, "$type") or "").endswith("#reasonRepost")
        by = get_nested(reason, "by") if repost else post.get("author")
        seen = parse_timestamp(get_nested(reason, "indexedAt") if repost else post.get("indexedAt"))
        # Whoever passes a post on claims no time; the author's claim is not about this row.
        claimed = None if repost else _claim(record.get("createdAt"))
        langs = record.get("langs")
        made = make_post(
            post_id=f"{uri}#repost-by-{require_id(get_nested(by, 'did'))}" if repost else uri,
            platform="bluesky",
            account=get_nested(by, "handle") or get_nested(by, "did") or context.account,
            posted=(seen, seen),
            text=require_text(record.get("text")),
            lang=langs[0] if isinstance(langs, list) and len(langs) == 1 else None,
            url=_url(uri),
            repost=repost,
            claimed_at=claimed,
            claim_differs=None if claimed is None else abs(seen - claimed) > _SAME,
            **counts,
        )
        return [made]


def _claim(value: Any) -> datetime | None:
    """Return what the author's device claimed, None where that is no instant at all."""
    try:
        return parse_timestamp(value)
    except BadRecordError:
        return None


def _url(uri: str) -> str | None:
    match = _URI.fullmatch(uri)
    return f"https://bsky.app/profile/{match['did']}/post/{match['key']}" if match else None
