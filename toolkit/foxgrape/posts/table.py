"""Posts in a table that any tool may have written: CSV, TSV, JSON lines, Parquet or Excel."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from foxgrape import tables
from foxgrape.doors import (
    MAX_RECORD,
    UNREADABLE,
    BadRecordError,
    BrokenError,
    Record,
    is_spreadsheet,
)
from foxgrape.errors import TableError, did_you_mean
from foxgrape.json_records import in_short, is_lines, json_lines
from foxgrape.posts.rows import Context, Format, an_id, clock, row, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from foxgrape.doors import Door

__all__ = ["Table", "guessed"]

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
#: Numbers are Unix times where posts can be from: 2000 to 2100, so that seconds, milliseconds and
#: microseconds never overlap.
_FROM, _TO = 946_684_800, 4_102_444_800
_UNITS = (1, 1_000, 1_000_000)
_NUMBER = re.compile(r"[0-9]{9,17}")
#: To the second or finer, with an offset.
_EXACT = re.compile(r".{10}.\d\d:\d\d:\d\d(\.\d+)? ?(Z|[+-]\d\d:?\d\d)")
#: Whole numbers beyond this are rounded in a spreadsheet.
_SAFE = 2**53
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


class Table(Format):
    """A table with a column for each of ours, under its own or a usual name."""

    name = "table"

    def recognise(self, door: Door, shape: frozenset[tuple[str, ...]]) -> bool:
        """Tell a binary table by its first bytes, a text one by names or separators."""
        if _kind(door) != "text":
            return True
        if shape:
            return is_lines(door.head) and bool(_names("posted_at") & {_plain(k[0]) for k in shape})
        first = door.head.split(b"\n", 1)[0]
        return b"\0" not in first and any(sign in first for sign in (b",", b";", b"\t"))

    def records(self, door: Door, context: Context) -> Iterator[Record]:
        """Return each row as a record; a CSV file's first row of data is number 2."""
        kind = _kind(door)
        if kind == "parquet":
            return _parquet(door, context)
        if kind == "excel":
            return _excel(door, context)
        return _lines(door, context) if is_lines(door.head) else _csv(door, context)

    def rows(self, value: Any, context: Context) -> list[dict[str, Any]]:
        """Return the row: cells under our names, the rest as text."""
        mapping: dict[str, str] = context.told["mapping"]
        cell = {ours: _filled(value.get(theirs)) for ours, theirs in mapping.items()}
        posted = _when(cell.get("posted_at"), context, "posted_at")
        if cell.get("posted_until") is not None:
            posted = posted[0], _when(cell["posted_until"], context, "posted_until")[1]
            if posted[1] < posted[0]:
                raise BadRecordError("posted_until is before posted_at", "posted_until")
        edited = cell.get("edited_at")
        taken = set(mapping.values())
        made = row(
            post_id=_exact_id(cell.get("post_id")),
            platform=_word(cell.get("platform"), "platform"),
            account=_word(cell.get("account"), "account") or context.account,
            posted=posted,
            text=_said(value.get(mapping["text"])),
            lang=_word(cell.get("lang"), "lang"),
            url=_word(cell.get("url"), "url"),
            repost=_truth(cell.get("repost")),
            edited_at=None if edited is None else _when(edited, context, "edited_at")[1],
        )
        extra = context.told["extra"]
        rest = {name: as_text(value.get(name)) for name in extra if name not in taken}
        for name, told in rest.items():
            if told is not None and any("\ud800" <= sign <= "\udfff" for sign in told):
                raise BadRecordError("not UTF-8", name)
        return [{**rest, **made}]


def guessed(names: Iterable[str], context: Context) -> dict[str, str]:
    """Return the table's column for each of ours: as told, by our name, or by a usual one.

    Raises
    ------
    TableError
        If a told column is not there, several have usual names for the same, or a required one
        has none.
    """
    names = list(names)
    told = dict(context.columns or {})
    ours = tables.columns("posts")
    for own, theirs in told.items():
        if own not in ours:
            raise TableError(
                "the posts table has no such column", got=own, hint=did_you_mean(own, ours)
            )
        if theirs not in names:
            raise TableError.missing_column(theirs, names, table="given", file=context.path)
    mapping = dict(told)
    for own in ours:
        if own in told:
            continue
        free = [name for name in names if name not in told.values()]
        usual = [own] if own in free else [n for n in free if _plain(n) in _names(own)]
        if len(usual) > 1:
            raise TableError(
                f"several columns may be {own}",
                file=context.path,
                row=1,
                got=", ".join(usual),
                hint=f"columns={{{own!r}: {usual[0]!r}}} says which",
            )
        if usual:
            mapping[own] = usual[0]
        elif own in _REQUIRED:
            raise TableError(
                f"no column has a usual name for {own}",
                file=context.path,
                row=1,
                got=", ".join(names),
                hint=f"columns={{{own!r}: '…'}} says which it is",
            )
    return mapping


def _learn(names: Iterable[str], context: Context) -> None:
    """Decide which column is which, once a file."""
    names = list(names)
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise TableError("columns have the same name", file=context.path, row=1, got=min(repeated))
    mapping = guessed(names, context)
    context.told["mapping"] = mapping
    ours = set(tables.columns("posts"))
    rest = [name for name in names if name not in mapping.values() and name not in ours]
    context.told["extra"] = dict.fromkeys(rest, "str")


def _names(own: str) -> set[str]:
    return {own, *USUAL.get(own, ())}


def _plain(name: str) -> str:
    return re.sub(r"\W+", "_", name.strip().lower()).strip("_")


def _kind(door: Door) -> str:
    if door.head.startswith(b"PAR1"):
        return "parquet"
    return "excel" if door.packing is None and is_spreadsheet(door.path) else "text"


def _csv(door: Door, context: Context) -> Iterator[Record]:
    first = door.head.split(b"\n", 1)[0]
    separator = max((b"\t", b";", b","), key=first.count).decode()
    with door.open() as stream:
        reader = csv.reader(_decoded(stream), delimiter=separator, strict=True)
        try:
            header = [name.strip() for name in next(reader)]
            _learn(header, context)
            for number, cells in enumerate(reader, start=2):
                raw = separator.join(cells).encode("utf-8", "replace").decode()
                if len(cells) != len(header):
                    bad = BadRecordError(f"expected {len(header)} cells; got {len(cells)}")
                    yield Record(number, raw=raw, bad=bad)
                else:
                    yield Record(number, dict(zip(header, cells, strict=True)), raw)
        except csv.Error as error:
            raise BrokenError(f"no CSV: {error}") from None


def _decoded(stream: IO[bytes]) -> Iterator[str]:
    """Return lines as text; what is not UTF-8 becomes surrogates, and its record is refused."""
    while line := stream.readline(MAX_RECORD + 1):
        if len(line) > MAX_RECORD:
            raise BrokenError(f"a line is longer than {MAX_RECORD >> 20} MB")
        yield line.decode("utf-8", "surrogateescape")


def _lines(door: Door, context: Context) -> Iterator[Record]:
    with door.open() as stream:
        for record in json_lines(stream):
            if record.bad is None and not isinstance(record.value, dict):
                bad = BadRecordError("expected an object")
                yield Record(record.number, raw=record.raw, bad=bad)
                continue
            if record.bad is None and "mapping" not in context.told:
                _learn(record.value, context)
            yield record


def _parquet(door: Door, context: Context) -> Iterator[Record]:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    if door.packing is not None:
        raise TableError("Parquet is packed already: unpack it", file=door.path, got=door.packing)
    number = 0
    try:
        with pq.ParquetFile(door.path) as file:
            _learn(file.schema_arrow.names, context)
            for batch in file.iter_batches(1_000):
                for value in batch.to_pylist():
                    number += 1
                    yield Record(number, value, in_short(value))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BrokenError(f"the Parquet file cannot be read: {error}") from None


def _excel(door: Door, context: Context) -> Iterator[Record]:
    import openpyxl  # noqa: PLC0415

    # As a handle: openpyxl goes by the name of a path.
    with door.path.open("rb") as handle:
        try:
            book = openpyxl.load_workbook(handle, read_only=True, data_only=True)
            rows = book.worksheets[0].iter_rows(values_only=True)
            header = [str(name).strip() for name in next(rows, ()) if name is not None]
            _learn(header, context)
            for number, cells in enumerate(rows, start=2):
                if any(cell is not None for cell in cells):
                    value = dict(zip(header, cells, strict=False))
                    yield Record(number, value, in_short(value))
        except (*UNREADABLE, KeyError, ValueError, IndexError, SyntaxError) as error:
            raise BrokenError(f"the workbook cannot be read: {error}") from None


def _filled(cell: Any) -> Any:
    return None if cell is None or (isinstance(cell, str) and not cell.strip()) else cell


def _when(cell: Any, context: Context, column: str) -> tuple[datetime, datetime]:
    """Return the interval of a time: an instant, a Unix time, or what a clock showed."""
    if cell is None:
        raise BadRecordError("expected a time; got nothing", column)
    if isinstance(cell, datetime):
        if cell.tzinfo is not None:
            instant = cell.astimezone(UTC)
            return instant, instant
        cell = cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    told = str(cell).strip()
    if _NUMBER.fullmatch(told):
        return _unix(int(told), column)
    try:
        if _EXACT.fullmatch(told):
            instant = stamp(told, column)
            return instant, instant
        return clock(told, context.timezone, column)
    except BadRecordError as bad:
        if "neither an offset" in bad.reason:
            raise BadRecordError(f"{bad.reason}; timezone= names the zone", column) from None
        raise


def _unix(number: int, column: str) -> tuple[datetime, datetime]:
    for unit in _UNITS:
        if _FROM <= number / unit < _TO:
            seconds, rest = divmod(number, unit)
            instant = datetime.fromtimestamp(seconds, UTC).replace(
                microsecond=rest * 1_000_000 // unit
            )
            return instant, instant
    raise BadRecordError(
        f"no Unix time between 2000 and 2100, in seconds, milli- or microseconds: {number}", column
    )


def _exact_id(cell: Any) -> str:
    if isinstance(cell, float):
        cell = int(cell) if cell.is_integer() and abs(cell) < _SAFE else None
    return an_id(cell)


def _word(cell: Any, column: str) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    raise BadRecordError(f"expected text; got {cell!r:.80}", column)


def _said(cell: Any) -> str | None:
    """Return a text, which may be empty or missing."""
    if cell is None or isinstance(cell, str):
        return cell
    raise BadRecordError(f"expected text; got {cell!r:.80}", "text")


def _truth(cell: Any) -> bool | None:
    if cell is None:
        return None
    known = _TRUTH.get(str(cell).strip().lower())
    if known is None:
        raise BadRecordError(f"expected true or false; got {cell!r:.80}", "repost")
    return known


def as_text(cell: Any) -> str | None:
    """Return any cell as text: structures as JSON."""
    plain: Callable[..., str] = json.dumps if isinstance(cell, (dict, list, bool)) else str
    return None if cell is None or cell == "" else plain(cell)
