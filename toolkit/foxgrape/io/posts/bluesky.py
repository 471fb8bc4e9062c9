"""Read Bluesky posts: feeds and search results with the server's time, and an account's records.

A record has only the time that the author's device claims.
"""

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
from foxgrape.io.json_records import key_paths, page_items
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.stream import InputFile, Record

__all__ = ["BlueskyReader", "record_rows"]

#: Phone clocks are off by seconds and delivery takes seconds. A larger difference means that the
#: post was written earlier, scheduled, imported, or given a false date.
_MAX_CLOCK_ERROR = timedelta(minutes=1)
_URI = re.compile(r"at://(?P<did>[^/]+)/app\.bsky\.feed\.post/(?P<key>[^/]+)")
_RECORD = re.compile(r"at://(?P<did>[^/]+)/app\.bsky\.feed\.(post|repost)/[^/]+")
_COUNTS = {
    "replies": "replyCount",
    "reposts": "repostCount",
    "likes": "likeCount",
    "quotes": "quoteCount",
}


_POST, _REPOST = "app.bsky.feed.post", "app.bsky.feed.repost"
_CLAIMED = "the time is the one that the author's device claims: records have no server time"


class BlueskyReader(Reader):
    """Reads pages of feeds, of search results and of records, or their items.

    These are the answers of ``app.bsky.feed.getAuthorFeed`` and ``app.bsky.feed.searchPosts``, and
    of ``com.atproto.repo.listRecords``.
    """

    name = "bluesky"
    extra: ClassVar = {
        "claimed_at": times.DTYPE,
        "claim_differs": "boolean",
        **dict.fromkeys(_COUNTS, "Int64"),
    }

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the JSON has the keys of a feed page or of a feed item."""
        item = {("post", "uri"), ("post", "record")} <= paths
        feed = ("feed", "item", "post") in paths
        post = {("uri",), ("record",), ("indexedAt",)} <= paths
        return item or feed or post or _page_key(paths) is not None

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Yield each item of a page."""
        key = _page_key(key_paths(file.head)) or "feed"
        with file.open() as stream:
            yield from page_items(stream, file.head, key)

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a post or repost."""
        item = require_dict(value)
        if "value" in item:
            return record_rows(item.get("uri"), item["value"], context)
        if "record" in item:
            item = {"post": item}  # search results have no repost around the post
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


def _page_key(paths: frozenset[tuple[str, ...]]) -> str | None:
    """Return the name of the array of records or of found posts; None for other pages."""
    keys = {"records": ("value", "uri"), "posts": ("record", "uri")}
    for key, names in keys.items():
        # Tools save the records of a page as lines as well.
        if all((key, "item", name) in paths for name in names):
            return key
    return "records" if {("uri",), ("cid",), ("value", "$type")} <= paths else None


def record_rows(uri: Any, record: Any, context: ReadContext) -> list[dict[str, Any]]:
    """Return the row of a record in an account's repository; none if it is not a post or repost."""
    record = require_dict(record, "value")
    kind = require_text(record.get("$type"), "$type")
    if kind not in {_POST, _REPOST}:
        return []
    match = _RECORD.fullmatch(require_id(uri))
    if match is None:
        raise BadRecordError(f"expected at://DID/{kind}/KEY; got {uri!r:.80}", "post_id")
    claimed = parse_timestamp(record.get("createdAt"))
    context.note(_CLAIMED, uri)
    langs, repost = record.get("langs"), kind == _REPOST
    return [
        make_post(
            post_id=uri,
            platform="bluesky",
            account=context.account or match["did"],
            posted=(claimed, claimed),
            # A repost has only the address of the original, not its text.
            text=None if repost else require_text(record.get("text")),
            lang=langs[0] if isinstance(langs, list) and len(langs) == 1 else None,
            url=_url(str(get_nested(record, "subject", "uri")) if repost else uri),
            repost=repost,
            claimed_at=claimed,
        )
    ]


def _claimed_time(value: Any) -> datetime | None:
    """Return the time that the author's device claims; None if it is not an instant."""
    try:
        return parse_timestamp(value)
    except BadRecordError:
        return None


def _url(uri: str) -> str | None:
    match = _URI.fullmatch(uri)
    return f"https://bsky.app/profile/{match['did']}/post/{match['key']}" if match else None
