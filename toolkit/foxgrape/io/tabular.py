"""Tables of any tool (CSV, TSV, JSON lines, Parquet, Excel) as records: a dictionary per row."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, TYPE_CHECKING

import numpy as np

from foxgrape._util.csv import require_unique_names
from foxgrape.errors import TableError
from foxgrape.io.json_records import is_json_lines, json_lines, json_preview, key_paths
from foxgrape.io.stream import (
    CHUNK,
    MAX_RECORD,
    UNREADABLE,
    BadRecordError,
    CorruptFileError,
    Record,
    is_spreadsheet,
    lines,
    max_unpacked_size,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy.typing as npt
    import pyarrow as pa

    from foxgrape.io.stream import InputFile

    #: Called with all column names so far, before the first row that has new ones.
    OnColumns = Callable[[list[str]], None]

__all__ = [
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


def table_kind(file: InputFile) -> str:
    """Return a table's kind by its content: ``parquet``, ``excel``, ``lines`` (JSON) or ``csv``."""
    if file.head.startswith(b"PAR1"):
        return "parquet"
    if file.compression is None and is_spreadsheet(file.path):
        return "excel"
    return "lines" if is_json_lines(file.head) else "csv"


def is_table(file: InputFile) -> bool:
    """Return whether the content may be a table: Parquet, Excel, or text with separators."""
    if table_kind(file) in {"parquet", "excel"}:
        return True
    first_line = file.head.split(b"\n", 1)[0]
    return b"\0" not in first_line and any(sign in first_line for sign in (b",", b";", b"\t"))


def header(file: InputFile) -> list[str]:
    """Return a CSV file's column names; an empty list for any other file."""
    if file.head.lstrip()[:1] in {b"{", b"["} or table_kind(file) != "csv" or not is_table(file):
        return []
    first_line = file.head.split(b"\n", 1)[0].decode("utf-8", "replace")
    try:
        cells = next(csv.reader([first_line], delimiter=separator(file)), [])
    except csv.Error:
        return []
    return [name.strip() for name in cells]


@lru_cache(maxsize=1)
def column_names(file: InputFile) -> list[str]:
    """Return the names of a table's columns, whatever its kind; an empty list if it has none.

    They are read from the first row of a workbook, and from the first rows of JSON.
    """
    if file.head.lstrip()[:1] in {b"{", b"["}:
        return list(dict.fromkeys(path[0] for path in sorted(key_paths(file.head))))
    names: list[str] = []
    try:
        if table_kind(file) == "excel":
            next(_excel(file, names.extend), None)
        elif table_kind(file) == "parquet":
            next(parquet_batches(file, names.extend, 1), None)
    except (CorruptFileError, TableError):
        return []
    return names or header(file)


def separator(file: InputFile) -> str:
    """Return the most frequent separator in the first line of a CSV file."""
    first_line = file.head.split(b"\n", 1)[0]
    return max((b"\t", b";", b","), key=first_line.count).decode()


def records(file: InputFile, on_columns: OnColumns) -> Iterator[Record]:
    """Return a table's rows as records; in a file with a header, the first data row is number 2."""
    kinds = {"parquet": _parquet, "excel": _excel, "lines": _json_lines, "csv": _csv}
    return kinds[table_kind(file)](file, on_columns)


def _is_unicode(name: str) -> bool:
    """Return whether a name can be encoded as UTF-8: it has no unpaired surrogate."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _valid_names(names: list[str], file: InputFile) -> list[str]:
    """Return the column names; raise `TableError` if they are not unique, valid text."""
    for number, name in enumerate(names, start=1):
        if not _is_unicode(name):
            raise TableError(
                f"the name of column {number} is not UTF-8",
                file=file.path,
                row=1,
                got=name.encode("utf-8", "replace").decode(),
            )
    return require_unique_names(names, file.path)


def _csv(file: InputFile, on_columns: OnColumns) -> Iterator[Record]:
    delimiter = separator(file)
    with file.open() as stream:
        reader = csv.reader(_decode_lines(stream), delimiter=delimiter, strict=True)
        try:
            names = [name.strip() for name in next(reader)]
            on_columns(_valid_names(names, file))
            for number, cells in enumerate(reader, start=2):
                raw = delimiter.join(cells).encode("utf-8", "replace").decode()
                if len(cells) != len(names):
                    error = BadRecordError(f"expected {len(names)} cells; got {len(cells)}")
                    yield Record(number, raw=raw, error=error)
                else:
                    yield Record(number, dict(zip(names, cells, strict=True)), raw)
        except csv.Error as error:
            raise CorruptFileError(f"invalid CSV: {error}") from None


def _decode_lines(stream: IO[bytes]) -> Iterator[str]:
    """Yield lines as text; invalid bytes become surrogates, so the record is rejected."""
    while line := stream.readline(MAX_RECORD + 1):
        if len(line) > MAX_RECORD:
            raise CorruptFileError(f"a line is longer than {MAX_RECORD >> 20} MB")
        yield line.decode("utf-8", "surrogateescape")


def json_line_keys(head: bytes) -> list[str]:
    """Return the keys of the complete JSON lines at the start of a file."""
    keys: dict[str, None] = {}
    for line in head.split(b"\n"):
        try:
            value = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError):
            continue  # cut off at the end of the head, or rejected later
        if isinstance(value, dict):
            keys.update(dict.fromkeys(filter(_is_unicode, value)))
    return list(keys)


def _json_lines(file: InputFile, on_columns: OnColumns) -> Iterator[Record]:
    known = json_line_keys(file.head)
    on_columns(known)
    with file.open() as stream:
        yield from object_records(lines(stream), known, on_columns)


def object_records(
    numbered: Iterable[tuple[int, bytes | None]], known: list[str], on_columns: OnColumns
) -> Iterator[Record]:
    """Yield each JSON line as a record.

    A line may omit keys without a value, so later lines can have new columns: their names are added
    to `known`, and `on_columns` is called again.
    """
    names = set(known)
    for record in json_lines(numbered):
        if record.error is None and not isinstance(record.value, dict):
            error = BadRecordError("expected an object")
            yield Record(record.number, raw=record.raw, error=error)
            continue
        if record.error is None and not names.issuperset(record.value):
            new = [name for name in record.value if name not in names]
            if not all(map(_is_unicode, new)):
                error = BadRecordError("a key has an unpaired surrogate")
                yield Record(record.number, raw=record.raw, error=error)
                continue
            known += new
            names.update(new)
            on_columns(known)
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
        for stop in _block_ends(line_ends, len(data), size, last=not chunk):
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
        values = batch.to_pylist()
    except (ValueError, OverflowError) as error:
        if batch.num_rows > 1:
            for row in range(batch.num_rows):
                yield from records_from_batch(batch.slice(row, 1), offset + row)
        else:
            yield Record(offset + 1, error=BadRecordError(f"a cell cannot be read: {error}"))
        return
    for number, value in enumerate(values, start=offset + 1):
        yield Record(number, value, json_preview(value))


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
            on_columns(_valid_names(parquet.schema_arrow.names, file))
            yield from parquet.iter_batches(size)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CorruptFileError(f"the Parquet file cannot be read: {error}") from None


def _excel(file: InputFile, on_columns: OnColumns) -> Iterator[Record]:
    import openpyxl

    _check_workbook_size(file)
    # Pass a handle, since openpyxl rejects paths with an unknown suffix.
    with file.path.open("rb") as handle:
        try:
            book = openpyxl.load_workbook(handle, read_only=True, data_only=True)
            rows = book.worksheets[0].iter_rows(values_only=True)
            # None marks a column without a name, whose cells are left out.
            names = [None if name is None else str(name).strip() for name in next(rows, ())]
            on_columns(_valid_names([name for name in names if name is not None], file))
            for number, cells in enumerate(rows, start=2):
                if any(cell is not None for cell in cells):
                    row = zip(names, cells, strict=False)
                    value = {name: cell for name, cell in row if name is not None}
                    yield Record(number, value, json_preview(value))
        except (*UNREADABLE, KeyError, ValueError, IndexError, SyntaxError) as error:
            raise CorruptFileError(f"the workbook cannot be read: {error}") from None


def _check_workbook_size(file: InputFile) -> None:
    """Reject a workbook that unpacks to too much data, since openpyxl reads members as a whole.

    The sizes stated in the archive can be trusted: zipfile never unpacks more than that.
    """
    with zipfile.ZipFile(file.path) as archive:
        sizes = [member.file_size for member in archive.infolist()]
    if sum(sizes) > max_unpacked_size(file.path.stat().st_size):
        raise CorruptFileError("the workbook unpacks to far more than its size; save it as CSV")
