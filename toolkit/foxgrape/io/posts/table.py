"""Read posts from tables of any tool: CSV, TSV, JSON lines, Parquet or Excel.

JSON lines and Parquet are read column by column with Arrow, about ten times as fast as row by row,
as long as every cell has the type of its column. Any other part is read row by row; both ways give
the same table.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from foxgrape import schemas, times
from foxgrape.io.base import FilePart, ReadContext, Reader, make_post
from foxgrape.io.convert import (
    BLANKS,
    CHANGED_ID_PATTERN,
    MISSING_WORDS,
    extra_cells,
    get_text,
    normalize_name,
    optional_cell,
    parse_bool,
    parse_exact_id,
    record_mapping,
)
from foxgrape.io.stream import CorruptFileError
from foxgrape.io.table_times import has_too_many_midnights, table_times
from foxgrape.io.tabular import (
    FrameInput,
    column_names,
    is_table,
    json_line_keys,
    line_blocks,
    object_records,
    parquet_batches,
    records,
    records_from_batch,
    table_kind,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pandas as pd

    from foxgrape.io.stream import InputFile, Record
    from foxgrape.io.tabular import LineBlock

__all__ = ["PostTableReader", "posts_from_arrow", "posts_from_json_lines"]

#: Names that other tools use for the columns of a posts table, as `normalize_name` returns them.
ALIASES = {
    "post_id": ("id", "message_id", "tweet_id", "status_id", "msg_id", "id_str", "postid"),
    "platform": ("network",),
    "account": (
        *("username", "user", "author", "screen_name", "handle", "channel", "page_name"),
        *("user_name", "channel_name", "канал", "автор"),
    ),
    "posted_at": (
        *("date", "created_at", "createdat", "timestamp", "time", "datetime", "published"),
        *("posted", "date_time", "published_at", "date_utc", "utc_date", "дата"),
    ),
    "text": (
        *("message", "content", "body", "full_text", "fulltext", "tweet", "caption"),
        *("текст", "повідомлення", "сообщение"),
    ),
    "lang": ("language",),
    "url": ("link", "permalink", "post_url", "tweet_url", "посилання", "ссылка"),
    "repost": ("is_retweet", "is_repost", "is_forward", "retweet", "isretweet"),
    "edited_at": ("edit_date", "edited", "updated_at"),
}
_REQUIRED = ("post_id", "posted_at", "text")
#: Columns whose cells are read as they are, even if they look like a word for a missing value.
_VERBATIM = {"post_id", "text"}

#: Pattern of a visible character, and a faster pattern that nearly every text matches.
_VISIBLE = r"[^\s\p{Z}\p{C}]"
_STARTS_VISIBLE = "^[!-~]"
#: An instant to the second or finer, with an offset, in the syntax that Python and Arrow share.
_INSTANT = r"^[12]\d{3}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-](0\d|1[0-4]):[0-5]\d)$"
_STAMP = pa.timestamp("us", "UTC")
_MIN_STAMP = pa.scalar(datetime(1990, 1, 1, tzinfo=UTC), _STAMP)
_MAX_STAMP = pa.scalar(datetime.max.replace(tzinfo=UTC), _STAMP)
_TEXT = pa.string()
_NO_TEXT = pa.scalar(None, _TEXT)
_MISSING = pa.array(sorted(MISSING_WORDS), _TEXT)
_NONCHARACTER = "\uffff"
_TICKS_PER_DAY, _TICKS_PER_HOUR = 86_400 * 10**6, 3_600 * 10**6
#: Number of bytes from which column types are inferred.
_SAMPLE = 2**14
#: Arrow's block size in bytes; a part with a longer line is left to the row reader.
_BLOCK = 2**21
_TYPES = {str: _TEXT, int: pa.int64(), bool: pa.bool_()}


class PostTableReader(Reader):
    """Reads tables whose columns have foxgrape's names or aliases, or are named by the caller."""

    name = "table"

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return True for Parquet, Excel, delimited text, and JSON lines that have a time."""
        if paths:
            known = {"posted_at", *ALIASES["posted_at"]}
            # The first record may be longer than the head, whose keys the paths are.
            names = {normalize_name(name) for name in [*column_names(file), *(p[0] for p in paths)]}
            return table_kind(file) in {"lines", "array"} and bool(known & names)
        return is_table(file)

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Return each row as a record; in a file with a header, the first data row is number 2."""
        return records(file, _column_recorder(context), context.note)

    def parts(self, file: InputFile, context: ReadContext, size: int) -> Iterator[FilePart]:
        """Split JSON lines and Parquet into parts, read column by column where possible."""
        kinds = {"lines": _json_parts, "parquet": _parquet_parts, "frame": _frame_parts}
        return kinds.get(table_kind(file), super().parts)(file, context, size)

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Convert a record to a row: mapped columns under our names, all other columns as text."""
        mapping, clock = context.mapping, table_times(context)
        cell = {
            ours: optional_cell(value.get(theirs), ours, context)
            for ours, theirs in mapping.items()
            if ours not in _VERBATIM
        }
        edited = cell.get("edited_at")
        row = make_post(
            post_id=parse_exact_id(value.get(mapping["post_id"]), "post_id"),
            platform=get_text(cell.get("platform"), "platform"),
            account=get_text(cell.get("account"), "account") or context.account,
            posted=clock.interval(cell, "posted"),
            text=_post_text(value.get(mapping["text"]), context),
            lang=get_text(cell.get("lang"), "lang"),
            url=get_text(cell.get("url"), "url"),
            repost=parse_bool(cell.get("repost"), "repost"),
            edited_at=None if edited is None else clock.read(edited, "edited_at")[1],
        )
        return [{**extra_cells(value, context), **row}]


def _post_text(cell: Any, context: ReadContext) -> str | None:
    """Return a post's text as it is; None for an empty cell."""
    if isinstance(cell, bool):
        context.note("a text read from a cell of true or false", cell)
        return str(cell).upper()
    if cell == "" or (isinstance(cell, float) and math.isnan(cell)):
        return None
    return get_text(cell, "text")


def _column_recorder(context: ReadContext) -> Callable[[list[str]], None]:
    return lambda names: record_mapping(
        names,
        context,
        table="posts",
        aliases=ALIASES,
        required=_REQUIRED,
        # Links to posts are unique, and some tools export no other id.
        substitutes={"post_id": "url"},
    )


def _json_parts(file: InputFile, context: ReadContext, size: int) -> Iterator[FilePart]:
    record_columns = _column_recorder(context)
    known = json_line_keys(file)
    record_columns(known)
    offset = 0
    with file.open() as stream:
        try:
            for block in line_blocks(stream, size):
                frame = posts_from_json_lines(block, context)
                if frame is None:
                    rows = object_records(block.numbered(), known, record_columns)
                    yield FilePart(rows, offset=block.offset)
                else:
                    yield FilePart(frame=frame)
                offset = block.last
        except CorruptFileError as error:
            yield FilePart(_unreadable(error), offset=offset)


def _parquet_parts(file: InputFile, context: ReadContext, size: int) -> Iterator[FilePart]:
    offset = 0
    try:
        for batch in parquet_batches(file, _column_recorder(context), size):
            frame = posts_from_arrow(pa.Table.from_batches([batch]), context)
            if frame is None:
                yield FilePart(records_from_batch(batch, offset))
            else:
                yield FilePart(frame=frame)
            offset += batch.num_rows
    except CorruptFileError as error:
        yield FilePart(_unreadable(error), offset=offset)


def _frame_parts(file: InputFile, context: ReadContext, _: int) -> Iterator[FilePart]:
    """Yield a frame as a single part: it is in memory already."""
    assert isinstance(file, FrameInput)  # noqa: S101 - by the kind of table
    _column_recorder(context)(list(file.frame.columns))
    frame = None
    # Object columns may hold cells of several types.
    if not any(dtype.kind == "O" and dtype.name == "object" for dtype in file.frame.dtypes):
        with suppress(pa.ArrowException, ValueError):
            table = pa.Table.from_pandas(file.frame, preserve_index=False)
            frame = posts_from_arrow(table, context)
    if frame is None:
        yield FilePart(records(file, _column_recorder(context)))
    else:
        yield FilePart(frame=frame)


def _unreadable(error: CorruptFileError) -> Iterator[Record]:
    """Return an iterator that raises `error`, in place of the rest of an unreadable file."""
    raise error
    yield


class _NeedsRowReader(Exception):  # noqa: N818 - not an error: the part is read another way
    """A part cannot be converted column by column, for example because a cell has another type."""


def posts_from_json_lines(block: LineBlock, context: ReadContext) -> pd.DataFrame | None:
    """Return the posts of JSON lines, read column by column; None if they need the row reader."""
    data = block.data
    if data is None or not _are_objects(block, data):
        return None
    names = [*context.mapping.values(), *context.extra_columns]
    try:
        schema = pa.schema(_infer_types(names, data[:_SAMPLE].split(b"\n")[:-1]))
        table = pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(block_size=_BLOCK),
            parse_options=pj.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="error"
            ),
        )
    except (_NeedsRowReader, pa.ArrowException, ValueError, RecursionError):
        return None
    return posts_from_arrow(table, context) if table.num_rows == block.last - block.offset else None


def _are_objects(block: LineBlock, data: bytes) -> bool:
    """Return whether each line starts with ``{`` and ends with ``}``.

    Otherwise Arrow would also accept an object that spans lines, or two objects on one line.
    """
    characters = np.frombuffer(data, np.uint8)
    starts = np.append(0, block.line_ends)[: block.last - block.offset]
    ends = block.line_ends - 2
    ends = ends - (characters[ends] == ord("\r"))
    if not block.is_closed:
        ends = np.append(ends, len(characters) - 1)
    return bool((characters[starts] == ord("{")).all() and (characters[ends] == ord("}")).all())


def _infer_types(names: Iterable[str], lines: Iterable[bytes]) -> Iterable[tuple[str, pa.DataType]]:
    """Return each column's type, inferred from the given lines; text if a column has no value."""
    types: dict[str, pa.DataType] = dict.fromkeys(names, _TEXT)
    for line in lines:
        for name, cell in json.loads(line).items():
            if cell is not None:
                _require(type(cell) in _TYPES and name in types)
                types[name] = _TYPES[type(cell)]
    return types.items()


def posts_from_arrow(table: pa.Table, context: ReadContext) -> pd.DataFrame | None:
    """Return the posts of an Arrow table; None if any cell needs the row reader."""
    try:
        table.validate(full=True)
        return _convert_columns(table, context)
    except (_NeedsRowReader, pa.ArrowException, UnicodeDecodeError):
        return None


def _convert_columns(table: pa.Table, context: ReadContext) -> pd.DataFrame:
    rows = table.num_rows
    given = {ours: table[theirs].combine_chunks() for ours, theirs in context.mapping.items()}
    extra = [name for name in context.extra_columns if name not in given]
    empty = pa.nulls(rows, _TEXT)
    posted = _instants(given["posted_at"])
    _require("posted_clock" not in given)
    _require("posted_until" in given or _has_few_midnights(posted, context))
    _require(_is_text(given["text"]))
    account = given.get("account")
    if account is None:
        account = pa.repeat(pa.scalar(context.account, _TEXT), rows)
    columns = {
        "post_id": _without_nulls(_ids(given["post_id"])),
        "platform": _words(given.get("platform", empty)),
        "account": _without_nulls(_words(account)),
        "posted_at": _without_nulls(posted),
        "posted_until": _latest(posted, given.get("posted_until")),
        "text": _texts_or_null(given["text"]),
        "lang": _words(given.get("lang", empty)),
        "url": _words(given.get("url", empty)),
        "repost": _booleans(given.get("repost", pa.nulls(rows, pa.bool_()))),
        "edited_at": _instants(given.get("edited_at", pa.nulls(rows, _STAMP))),
    }
    _require(_has_few_midnights(columns["edited_at"], context))
    # Same conversion as in `foxgrape.io.convert.extra_cells`.
    columns |= {name: _texts_or_null(table[name].combine_chunks()) for name in extra}
    frame = pa.table(columns).to_pandas()
    if pc.count_distinct(columns["post_id"]).as_py() < rows:  # faster than pandas
        _require(not schemas.has_repeated_keys(frame, schemas.KEYS["posts"][0]))
    frame["repost"] = frame["repost"].astype("boolean")
    typed: pd.DataFrame = frame.astype(schemas.dtypes("posts") | dict.fromkeys(extra, "str"))
    return typed


def _require(condition: object) -> None:
    if not condition:
        raise _NeedsRowReader


def _texts(column: pa.Array) -> pa.Array:
    """Return texts, integers or booleans as text."""
    kind = column.type
    _require(_is_text(column) or pa.types.is_integer(kind) or pa.types.is_boolean(kind))
    text = column.cast(_TEXT)
    # As a regular expression, because Arrow finds those nine times as fast as plain strings.
    _require(not pc.any(pc.match_substring_regex(text, _NONCHARACTER)).as_py())
    return text


def _texts_or_null(column: pa.Array) -> pa.Array:
    return _null_if_empty(_texts(column))


def _null_if_empty(text: pa.Array) -> pa.Array:
    is_empty = pc.equal(text, "")
    # Without an empty cell the column is used as it is, because a copy of all texts is large.
    return pc.if_else(is_empty, _NO_TEXT, text) if pc.any(is_empty).as_py() else text


def _ids(column: pa.Array) -> pa.Array:
    """Return ids as text; none may need the changes of `parse_exact_id`."""
    text = _words(column)
    if not pc.all(pc.utf8_is_decimal(text), min_count=0).as_py():
        _require(not pc.any(pc.match_substring_regex(text, CHANGED_ID_PATTERN)).as_py())
    return text


def _words(column: pa.Array) -> pa.Array:
    """Return texts or integers as text, null if empty.

    Texts must have a visible character and not be a word for a missing value.
    """
    _require(not pa.types.is_boolean(column.type))
    text = _texts_or_null(column)
    if text.null_count == len(text):
        return text
    trimmed = pc.utf8_trim(text, characters=BLANKS)
    _require(not pc.any(pc.is_in(trimmed, _MISSING)).as_py())
    _require(_all_match(text, _STARTS_VISIBLE) or _all_match(text, _VISIBLE))
    return text


def _all_match(text: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(text, pattern), min_count=0).as_py())


def _without_nulls(column: pa.Array) -> pa.Array:
    _require(not column.null_count)
    return column


def _booleans(column: pa.Array) -> pa.Array:
    if pa.types.is_boolean(column.type):
        return column.cast(pa.bool_())
    _require(column.null_count == len(column))
    return pa.nulls(len(column))


def _instants(column: pa.Array) -> pa.Array:
    """Return the column as exact instants; null for an empty cell."""
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        instants = column.cast(_STAMP)
        limits = pc.min_max(instants)
        _require(not pc.less(limits["min"], _MIN_STAMP).as_py())
        _require(not pc.greater(limits["max"], _MAX_STAMP).as_py())
        return instants
    if column.null_count == len(column):
        return pa.nulls(len(column), _STAMP)
    _require(_is_text(column))
    text = _null_if_empty(column)
    _require(_all_match(text, _INSTANT))
    instants = text.cast(_STAMP)
    _require(not pc.less(pc.min_max(instants)["min"], _MIN_STAMP).as_py())
    return instants


def _has_few_midnights(instants: pa.Array, context: ReadContext) -> bool:
    """Return whether few instants may be days, in UTC or in the caller's zone."""
    known = instants.drop_null().cast(pa.int64()).to_numpy()
    shifts = {0}
    if context.timezone is not None and len(known):
        zone = times.get_zone(context.timezone)
        ends = (datetime.fromtimestamp(tick / 10**6, zone) for tick in (known.min(), known.max()))
        shifts |= {int((end.utcoffset() or timedelta(0)).total_seconds()) * 10**6 for end in ends}
    hours = known[known % _TICKS_PER_HOUR == 0]
    midnights = max(int(((hours + shift) % _TICKS_PER_DAY == 0).sum()) for shift in shifts)
    return not has_too_many_midnights(len(known), midnights, len(hours))


def _latest(posted: pa.Array, until: pa.Array | None) -> pa.Array:
    """Return each post's latest instant; its earliest instant if no latest one is given."""
    if until is None:
        return posted
    latest = pc.coalesce(_instants(until), posted)
    _require(not pc.any(pc.less(latest, posted)).as_py())
    return latest


def _is_text(column: pa.Array) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))
