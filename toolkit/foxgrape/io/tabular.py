"""Tables of any tool (CSV, JSON, Parquet, Excel, pandas) as records: a dictionary per row."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from foxgrape.errors import TableError
from foxgrape.io.delimited import csv_records, has_separator, separator
from foxgrape.io.json_records import (
    array_records,
    is_json_lines,
    json_lines,
    json_preview,
)
from foxgrape.io.stream import (
    CHUNK,
    MAX_RECORD,
    BadRecordError,
    CorruptFileError,
    InputFile,
    Record,
    is_spreadsheet,
    lines,
)
from foxgrape.io.table_header import MAX_COLUMNS, is_unicode, require_few, valid_names
from foxgrape.io.workbook import excel_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa

    from foxgrape.io.table_header import OnColumns, OnNote

__all__ = [
    "MAX_COLUMNS",
    "FrameInput",
    "LineBlock",
    "column_names",
    "header",
    "is_table",
    "json_line_keys",
    "line_blocks",
    "object_records",
    "parquet_batches",
    "records",
    "records_from_batch",
    "separator",
    "table_kind",
]

#: Floats of 32 and of 16 bits round integers above this; this one may be the next one, rounded.
_MAX_EXACT_FLOAT32, _MAX_EXACT_FLOAT16 = 2**24, 2**11
#: A table of JSON objects may have this many cells; a larger one must fill one of `_SPARSE` cells.
_MAX_SPARSE_CELLS, _SPARSE = 2_000_000, 50
#: Rows of a frame that are converted at a time.
_FRAME_ROWS = 10_000
#: Readers ask several times. An input, such as a large frame, must not be kept in memory for it.
_COLUMN_NAMES: WeakKeyDictionary[InputFile, list[str]] = WeakKeyDictionary()


class FrameInput(InputFile):
    """A pandas frame in place of a file; an index with names becomes columns."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.path = Path("DataFrame")
        if not len(frame):
            raise TableError("the frame is empty", file=self.path)
        if any(name is not None for name in frame.index.names):
            frame = frame.reset_index()
        self.frame = frame.set_axis([str(name) for name in frame.columns], axis="columns")


def table_kind(file: InputFile) -> str:
    """Return a table's kind by its content, not by its name.

    It is ``frame``, ``parquet``, ``excel``, ``array`` or ``lines`` (of JSON objects), or ``csv``.
    """
    if isinstance(file, FrameInput):
        return "frame"
    if file.head.startswith(b"PAR1"):
        return "parquet"
    if file.compression is None and is_spreadsheet(file.path):
        return "excel"
    if file.head.lstrip().startswith(b"["):
        return "array"
    return "lines" if is_json_lines(file.head) else "csv"


def is_table(file: InputFile) -> bool:
    """Return whether the content may be a table without keys: not JSON, and with separators."""
    kind = table_kind(file)
    if kind in {"frame", "parquet", "excel"}:
        return True
    # Texts may have zero bytes, but names of columns do not.
    if kind != "csv" or b"\0" in file.head.split(b"\n", 1)[0]:
        return False
    if file.head.lstrip()[:1] in {b"{", b"<"}:
        return False
    return has_separator(file)


class _NamesKnown(Exception):  # noqa: N818 - not an error: stops before the first row
    """The names of the columns are known."""


def column_names(file: InputFile) -> list[str]:
    """Return the names of a table's columns, whatever its kind; an empty list if it has none.

    For JSON, these are the keys of the first objects.
    """
    if file not in _COLUMN_NAMES:
        _COLUMN_NAMES[file] = _read_column_names(file)
    return _COLUMN_NAMES[file]


def _read_column_names(file: InputFile) -> list[str]:
    names: list[str] = []

    def keep(columns: list[str]) -> None:
        names[:] = columns
        if names:
            raise _NamesKnown

    if table_kind(file) not in {"lines", "array"} and not is_table(file):
        return []
    with suppress(TableError, CorruptFileError, _NamesKnown):
        next(records(file, keep), None)
    return names


def header(file: InputFile) -> list[str]:
    """Return the column names of a table that has a header; an empty list for JSON."""
    return [] if table_kind(file) in {"lines", "array"} else column_names(file)


def records(
    file: InputFile, on_columns: OnColumns, note: OnNote = lambda *_, **__: None
) -> Iterator[Record]:
    """Return a table's rows as records; rows are numbered as in a spreadsheet.

    Parameters
    ----------
    file
        The table.
    on_columns
        Called with the column names, before the first row that has them.
    note
        Called for what is left out, with a few words and an example.
    """
    kind = table_kind(file)
    if kind == "csv":
        return csv_records(file, on_columns, note)
    if kind == "excel":
        return excel_records(file, on_columns, note)
    kinds = {"parquet": _parquet, "frame": _frame, "lines": _json_lines, "array": _json_array}
    return kinds[kind](file, on_columns)


def json_line_keys(file: InputFile) -> list[str]:
    """Return the keys of the complete JSON lines at the start of a file, or of its first line.

    Raises
    ------
    TableError
        If they are more than `MAX_COLUMNS`.
    """
    keys = _keys_of_lines(file.head.split(b"\n"))
    if not keys:  # the first line is longer than the head
        with suppress(CorruptFileError), file.open() as stream:
            keys = _keys_of_lines(line for _, line in islice(lines(stream), 1) if line is not None)
    require_few(len(keys), file)
    return keys


def _keys_of_lines(candidates: Iterable[bytes]) -> list[str]:
    keys: dict[str, None] = {}
    for line in candidates:
        try:
            value = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError):
            continue  # cut off at the end of the head, or rejected later
        if isinstance(value, dict):
            keys.update(dict.fromkeys(filter(is_unicode, value)))
    return list(keys)


def _json_lines(file: InputFile, on_columns: OnColumns) -> Iterator[Record]:
    known = json_line_keys(file)
    on_columns(known)
    with file.open() as stream:
        yield from object_records(lines(stream), known, on_columns)


def _json_array(file: InputFile, on_columns: OnColumns) -> Iterator[Record]:
    with file.open() as stream:
        yield from _keyed(array_records(stream), [], on_columns)


def object_records(
    numbered: Iterable[tuple[int, bytes | None]], known: list[str], on_columns: OnColumns
) -> Iterator[Record]:
    """Yield each JSON line as a record; see `_keyed`."""
    return _keyed(json_lines(numbered), known, on_columns)


def _keyed(values: Iterable[Record], known: list[str], on_columns: OnColumns) -> Iterator[Record]:
    """Yield records whose values are objects.

    A record may omit keys without a value, so later ones can have new columns: their names are
    added to `known`, and `on_columns` is called again.
    """
    names = set(known)
    filled = 0
    for count, record in enumerate(values, start=1):
        if record.error is None and not isinstance(record.value, dict):
            error = BadRecordError("expected an object")
            yield Record(record.number, raw=record.raw, error=error)
            continue
        if record.error is None and not names.issuperset(record.value):
            new = [name for name in record.value if name not in names]
            if not all(map(is_unicode, new)):
                error = BadRecordError("a key has an unpaired surrogate")
                yield Record(record.number, raw=record.raw, error=error)
                continue
            known += new
            names.update(new)
            if len(known) > MAX_COLUMNS:
                raise CorruptFileError(f"the objects have more than {MAX_COLUMNS:,} different keys")
            on_columns(known)
        if record.error is None:
            filled += len(record.value)
            if count * len(known) > _MAX_SPARSE_CELLS and count * len(known) > _SPARSE * filled:
                raise CorruptFileError(
                    f"{count:,} objects have {len(known):,} different keys, but few of them each"
                )
        yield record


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Consecutive lines of a file, as bytes."""

    #: Complete lines; the file's last line may lack a line break. None if a line is too long.
    data: bytes | None
    #: Number of the last line before the block.
    offset: int
    #: The position after each line break in `data`.
    line_ends: npt.NDArray[np.int64]

    @property
    def is_closed(self) -> bool:
        """Whether the data ends with a line break."""
        return len(self.line_ends) > 0 and bool(self.line_ends[-1] == len(self.data or b""))

    @property
    def last(self) -> int:
        """Number of the last line of the block."""
        return self.offset + len(self.line_ends) + (not self.is_closed)

    def numbered(self) -> Iterator[tuple[int, bytes | None]]:
        """Yield the lines as `foxgrape.io.stream.lines` does."""
        if self.data is None:
            yield self.offset + 1, None
            return
        for number, line in lines(io.BytesIO(self.data)):
            yield self.offset + number, line


def line_blocks(stream: IO[bytes], size: int) -> Iterator[LineBlock]:
    """Split a stream into blocks of `size` lines, or fewer if lines are long.

    If the stream is corrupt, the complete lines before the damage are still yielded.
    """
    rest, offset = b"", 0
    while True:
        try:
            chunk, corrupt = stream.read(MAX_RECORD), None
        except CorruptFileError as error:
            chunk, corrupt = b"", error
        data = rest + chunk
        line_ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1
        start = 0
        # Before damage, the last line is incomplete.
        length = len(data) if corrupt is None else int(line_ends[-1:].sum())
        for stop in _block_ends(line_ends, length, size, last=not chunk):
            count = int(np.searchsorted(line_ends, stop, "right"))
            inside, line_ends = line_ends[:count] - start, line_ends[count:]
            block = LineBlock(data[start:stop], offset, inside)
            yield block
            offset, start = block.last, stop
        rest = data[start:]
        if corrupt is not None:
            raise corrupt
        if not chunk:
            return
        if len(rest) > MAX_RECORD and b"\n" not in rest:
            yield LineBlock(None, offset, np.empty(0, np.int64))
            offset += 1
            rest = _skip_line(stream)


def _block_ends(
    line_ends: npt.NDArray[np.int64], length: int, size: int, *, last: bool
) -> list[int]:
    """Return where blocks end: after `size` lines, or earlier at the end or for long lines."""
    stops: list[int] = line_ends[size - 1 :: size].tolist()
    if last and length and stops[-1:] != [length]:
        stops.append(length)
    elif not stops and len(line_ends) and length > 2 * MAX_RECORD:
        stops.append(int(line_ends[-1]))
    return stops


def _skip_line(stream: IO[bytes]) -> bytes:
    """Read to the end of a line, and return what was read of the next one."""
    while chunk := stream.read(CHUNK):
        end = chunk.find(b"\n") + 1
        if end:
            return chunk[end:]
    return b""


def _parquet(file: InputFile, on_columns: OnColumns) -> Iterator[Record]:
    number = 0
    for batch in parquet_batches(file, on_columns, 1_000):
        yield from records_from_batch(batch, number)
        number += batch.num_rows


def records_from_batch(batch: pa.RecordBatch, offset: int) -> Iterator[Record]:
    """Yield each row of an Arrow batch as a record, with an error if a cell has no Python value."""
    try:
        values = _mark_rounded(batch).to_pylist()
    except (ValueError, OverflowError) as error:
        if batch.num_rows > 1:
            for row in range(batch.num_rows):
                yield from records_from_batch(batch.slice(row, 1), offset + row)
        else:
            yield Record(offset + 1, error=BadRecordError(f"a cell cannot be read: {error}"))
        return
    for number, value in enumerate(values, start=offset + 1):
        yield Record(number, value, json_preview(value))


def _mark_rounded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Write large numbers of 32- and 16-bit floats as text that shows the rounding: 1.6e+09.

    Readers reject such texts as ids and times; as numbers, the values would look exact.
    """
    import pyarrow as pa

    for position, column in enumerate(batch.columns):
        if not (pa.types.is_float32(column.type) or pa.types.is_float16(column.type)):
            continue
        numbers = column.cast(pa.float32()).to_numpy(zero_copy_only=False)
        is_half = pa.types.is_float16(column.type)
        if not (np.abs(numbers) >= (_MAX_EXACT_FLOAT16 if is_half else _MAX_EXACT_FLOAT32)).any():
            continue
        texts = [None if value is None else f"{value:e}" for value in column.to_pylist()]
        batch = batch.set_column(position, batch.schema.names[position], pa.array(texts))
    return batch


def parquet_batches(file: InputFile, on_columns: OnColumns, size: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a Parquet file, `size` at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.compression is not None:
        raise TableError(
            "Parquet must not be compressed again", file=file.path, got=file.compression
        )
    try:
        with pq.ParquetFile(file.path) as parquet:
            on_columns(valid_names(parquet.schema_arrow.names, file))
            yield from parquet.iter_batches(size)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CorruptFileError(f"the Parquet file cannot be read: {error}") from None


def _frame(file: InputFile, on_columns: OnColumns) -> Iterator[Record]:
    import pandas as pd
    import pyarrow as pa

    assert isinstance(file, FrameInput)  # noqa: S101 - by the kind of table
    on_columns(valid_names(list(file.frame.columns), file))
    for start in range(0, len(file.frame), _FRAME_ROWS):
        part = file.frame.iloc[start : start + _FRAME_ROWS]
        columns = []
        for cells in (part.iloc[:, position] for position in range(part.shape[1])):
            # For cells of several types, Arrow would take the type of the first one for all.
            array = None
            if not pd.api.types.is_object_dtype(cells.dtype):
                with suppress(pa.ArrowException, ValueError, OverflowError):
                    array = pa.array(cells, from_pandas=True)
            if array is not None:
                columns.append(_mark_rounded(pa.record_batch([array], [""])).column(0).to_pylist())
            else:
                columns.append(
                    [None if pd.api.types.is_scalar(c) and pd.isna(c) else c for c in cells]
                )
        for number, row in enumerate(zip(*columns, strict=True), start=start):
            value = dict(zip(part.columns, row, strict=True))
            yield Record(number, value, json_preview(value))
