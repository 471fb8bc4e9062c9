"""Posts in a table that any tool may have written: CSV, TSV, JSON lines, Parquet or Excel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from foxgrape.io.base import FilePart, ReadContext, Reader
from foxgrape.io.columns import extra_cells, none_if_blank, normalize_name, record_mapping
from foxgrape.io.convert import (
    get_text,
    optional_text,
    parse_bool,
    parse_exact_id,
    parse_interval,
    parse_time_interval,
)
from foxgrape.io.posts.base import make_post
from foxgrape.io.posts.table_arrow import posts_from_arrow, posts_from_json_lines
from foxgrape.io.stream import CorruptFileError
from foxgrape.io.tabular import (
    csv_blocks,
    is_table,
    names_in,
    objects,
    parquet_batches,
    records,
    records_from_batch,
    table_kind,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from foxgrape.io.stream import InputFile, Record

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


class Table(Reader):
    """A table with a column for each of ours, under its own or a usual name."""

    name = "table"

    def recognise(self, door: InputFile, shape: frozenset[tuple[str, ...]]) -> bool:
        """Tell a binary table by its first bytes, a text one by names or separators."""
        if shape:
            usual = {"posted_at", *USUAL["posted_at"]}
            return table_kind(door) == "lines" and bool(
                usual & {normalize_name(path[0]) for path in shape}
            )
        return is_table(door)

    def records(self, door: InputFile, context: ReadContext) -> Iterator[Record]:
        """Return each row as a record; a file with a header has its first row of data at 2."""
        return records(door, _learn(context))

    def parts(self, door: InputFile, context: ReadContext, size: int) -> Iterator[FilePart]:
        """Read JSON lines and Parquet part by part, column by column where a part is plain."""
        how = {"lines": _parts_of_lines, "parquet": _parts_of_parquet}.get(table_kind(door))
        if how is None:
            return super().parts(door, context, size)
        return how(door, context, size)

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row: cells under our names, the rest as text."""
        mapping: dict[str, str] = context.told["mapping"]
        cell = {ours: none_if_blank(value.get(theirs)) for ours, theirs in mapping.items()}
        edited = cell.get("edited_at")
        made = make_post(
            post_id=parse_exact_id(cell.get("post_id"), "post_id"),
            platform=get_text(cell.get("platform"), "platform"),
            account=get_text(cell.get("account"), "account") or context.account,
            posted=parse_interval(cell, "posted", context.timezone),
            text=optional_text(value.get(mapping["text"]), "text"),
            lang=get_text(cell.get("lang"), "lang"),
            url=get_text(cell.get("url"), "url"),
            repost=parse_bool(cell.get("repost"), "repost"),
            edited_at=None
            if edited is None
            else parse_time_interval(edited, context.timezone, "edited_at")[1],
        )
        return [{**extra_cells(value, context), **made}]


def _learn(context: ReadContext) -> Callable[[list[str]], None]:
    return lambda names: record_mapping(
        names, context, table="posts", usual=USUAL, required=_REQUIRED
    )


def _parts_of_lines(door: InputFile, context: ReadContext, size: int) -> Iterator[FilePart]:
    known = names_in(door.head)
    _learn(context)(known)
    after = 0
    with door.open() as stream:
        try:
            for block in csv_blocks(stream, size):
                rows = posts_from_json_lines(block, context)
                if rows is None:
                    yield FilePart(
                        objects(block.numbered(), known, _learn(context)), after=block.after
                    )
                else:
                    yield FilePart(rows=rows)
                after = block.last
        except CorruptFileError as broken:
            yield FilePart(_broken(broken), after=after)


def _broken(error: CorruptFileError) -> Iterator[Record]:
    """Be the records of a file from where it cannot be read."""
    raise error
    yield


def _parts_of_parquet(door: InputFile, context: ReadContext, size: int) -> Iterator[FilePart]:
    after = 0
    try:
        for batch in parquet_batches(door, _learn(context), size):
            rows = posts_from_arrow(pa.Table.from_batches([batch]), context)
            yield (
                FilePart(records_from_batch(batch, after)) if rows is None else FilePart(rows=rows)
            )
            after += batch.num_rows
    except CorruptFileError as broken:
        yield FilePart(_broken(broken), after=after)
