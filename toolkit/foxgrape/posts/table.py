"""Posts in a table that any tool may have written: CSV, TSV, JSON lines, Parquet or Excel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from foxgrape.cells import exact_id, interval, said, truth, when, word
from foxgrape.columns import filled, learn, plain, rest
from foxgrape.doors import BrokenError
from foxgrape.formats import Context, Format, Part
from foxgrape.posts.columnar import plain_lines, plain_posts
from foxgrape.posts.rows import row
from foxgrape.tabular import (
    blocks,
    is_table,
    kind,
    names_in,
    objects,
    parquet_batches,
    records,
    values_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from foxgrape.doors import Door, Record

__all__ = ["Table"]

#: Names that tools give to what a posts table has, in lower case with underscores.
USUAL = {
    "post_id": ("id", "message_id", "tweet_id", "status_id", "msg_id", "id_str"),
    "platform": ("network",),
    "account": ("username", "user", "author", "screen_name", "handle", "channel", "page_name"),
    "posted_at": ("date", "created_at", "timestamp", "time", "datetime", "published", "posted"),
    "text": ("message", "content", "body", "full_text", "tweet", "caption"),
    "lang": ("language",),
    "url": ("link", "permalink", "post_url"),
    "repost": ("is_retweet", "is_repost", "is_forward", "retweet"),
    "edited_at": ("edit_date", "edited", "updated_at"),
}
_REQUIRED = ("post_id", "posted_at", "text")


class Table(Format):
    """A table with a column for each of ours, under its own or a usual name."""

    name = "table"

    def recognise(self, door: Door, shape: frozenset[tuple[str, ...]]) -> bool:
        """Tell a binary table by its first bytes, a text one by names or separators."""
        if shape:
            usual = {"posted_at", *USUAL["posted_at"]}
            return kind(door) == "lines" and bool(usual & {plain(path[0]) for path in shape})
        return is_table(door)

    def records(self, door: Door, context: Context) -> Iterator[Record]:
        """Return each row as a record; a file with a header has its first row of data at 2."""
        return records(door, _learn(context))

    def parts(self, door: Door, context: Context, size: int) -> Iterator[Part]:
        """Read JSON lines and Parquet part by part, column by column where a part is plain."""
        how = {"lines": _parts_of_lines, "parquet": _parts_of_parquet}.get(kind(door))
        if how is None:
            return super().parts(door, context, size)
        return how(door, context, size)

    def rows(self, value: Any, context: Context) -> list[dict[str, Any]]:
        """Return the row: cells under our names, the rest as text."""
        mapping: dict[str, str] = context.told["mapping"]
        cell = {ours: filled(value.get(theirs)) for ours, theirs in mapping.items()}
        edited = cell.get("edited_at")
        made = row(
            post_id=exact_id(cell.get("post_id"), "post_id"),
            platform=word(cell.get("platform"), "platform"),
            account=word(cell.get("account"), "account") or context.account,
            posted=interval(cell, "posted", context.timezone),
            text=said(value.get(mapping["text"]), "text"),
            lang=word(cell.get("lang"), "lang"),
            url=word(cell.get("url"), "url"),
            repost=truth(cell.get("repost"), "repost"),
            edited_at=None if edited is None else when(edited, context.timezone, "edited_at")[1],
        )
        return [{**rest(value, context), **made}]


def _learn(context: Context) -> Callable[[list[str]], None]:
    return lambda names: learn(names, context, table="posts", usual=USUAL, required=_REQUIRED)


def _parts_of_lines(door: Door, context: Context, size: int) -> Iterator[Part]:
    known = names_in(door.head)
    _learn(context)(known)
    after = 0
    with door.open() as stream:
        try:
            for block in blocks(stream, size):
                rows = plain_lines(block, context)
                if rows is None:
                    yield Part(objects(block.numbered(), known, _learn(context)), after=block.after)
                else:
                    yield Part(rows=rows)
                after = block.last
        except BrokenError as broken:
            yield Part(_broken(broken), after=after)


def _broken(error: BrokenError) -> Iterator[Record]:
    """Be the records of a file from where it cannot be read."""
    raise error
    yield


def _parts_of_parquet(door: Door, context: Context, size: int) -> Iterator[Part]:
    after = 0
    try:
        for batch in parquet_batches(door, _learn(context), size):
            rows = plain_posts(pa.Table.from_batches([batch]), context)
            yield Part(values_of(batch, after)) if rows is None else Part(rows=rows)
            after += batch.num_rows
    except BrokenError as broken:
        yield Part(_broken(broken), after=after)
