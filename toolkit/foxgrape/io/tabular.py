"""Tables that any tool may have written: CSV, TSV, JSON lines, Parquet or Excel, as records.

A record is a row as a dictionary.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np

from foxgrape._util.csv import require_unique_names
from foxgrape.errors import TableError
from foxgrape.io.json_records import is_lines, json_lines, json_preview
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

__all__ = [
    "CsvBlock",
    "csv_blocks",
    "header",
    "is_table",
    "names_in",
    "objects",
    "parquet_batches",
    "records",
    "records_from_batch",
    "separator",
    "table_kind",
]


def table_kind(door: InputFile) -> str:
    """Tell a table by its first bytes: ``parquet``, ``excel``, ``lines`` (of JSON) or ``csv``."""
    if door.head.startswith(b"PAR1"):
        return "parquet"
    if door.packing is None and is_spreadsheet(door.path):
        return "excel"
    return "lines" if is_lines(door.head) else "csv"


def is_table(door: InputFile) -> bool:
    """Tell whether the content may be a table with a header: binary, or text with separators."""
    if table_kind(door) in {"parquet", "excel"}:
        return True
    first = door.head.split(b"\n", 1)[0]
    return b"\0" not in first and any(sign in first for sign in (b",", b";", b"\t"))


def header(door: InputFile) -> list[str]:
    """Return the names of a CSV file's columns; none for what is no CSV."""
    if door.head.lstrip()[:1] in {b"{", b"["} or table_kind(door) != "csv" or not is_table(door):
        return []
    first = door.head.split(b"\n", 1)[0].decode("utf-8", "replace")
    try:
        return [name.strip() for name in next(csv.reader([first], delimiter=separator(door)), [])]
    except csv.Error:
        return []


def records(door: InputFile, learn: Callable[[list[str]], None]) -> Iterator[Record]:
    """Return each row as a record; a file with a header has its first row of data at number 2.

    Parameters
    ----------
    door
        A table of any kind.
    learn
        Is told the names of the columns before the first row that has them.
    """
    read = {"parquet": _parquet, "excel": _excel, "lines": _lines, "csv": _csv}[table_kind(door)]
    return read(door, learn)


def _is_text(name: str) -> bool:
    """Tell whether a name can be one of a column: half of a surrogate pair is no character."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _named(names: list[str], door: InputFile) -> list[str]:
    """Return the names of columns, or say which one stands twice, or is no text."""
    for number, name in enumerate(names, start=1):
        if not _is_text(name):
            raise TableError(
                f"the name of column {number} is not UTF-8",
                file=door.path,
                row=1,
                got=name.encode("utf-8", "replace").decode(),
            )
    return require_unique_names(names, door.path)


def separator(door: InputFile) -> str:
    """Return what most often stands between names in the first line of a CSV file."""
    first = door.head.split(b"\n", 1)[0]
    return max((b"\t", b";", b","), key=first.count).decode()


def _csv(door: InputFile, learn: Callable[[list[str]], None]) -> Iterator[Record]:
    sign = separator(door)
    with door.open() as stream:
        reader = csv.reader(_decoded(stream), delimiter=sign, strict=True)
        try:
            names = [name.strip() for name in next(reader)]
            learn(_named(names, door))
            for number, cells in enumerate(reader, start=2):
                raw = sign.join(cells).encode("utf-8", "replace").decode()
                if len(cells) != len(names):
                    bad = BadRecordError(f"expected {len(names)} cells; got {len(cells)}")
                    yield Record(number, raw=raw, bad=bad)
                else:
                    yield Record(number, dict(zip(names, cells, strict=True)), raw)
        except csv.Error as error:
            raise CorruptFileError(f"no CSV: {error}") from None


def _decoded(stream: IO[bytes]) -> Iterator[str]:
    """Return lines as text; what is not UTF-8 becomes surrogates, and its record is refused."""
    while line := stream.readline(MAX_RECORD + 1):
        if len(line) > MAX_RECORD:
            raise CorruptFileError(f"a line is longer than {MAX_RECORD >> 20} MB")
        yield line.decode("utf-8", "surrogateescape")


def names_in(head: bytes) -> list[str]:
    """Return the keys of the JSON lines that stand whole in the beginning of a file."""
    found: dict[str, None] = {}
    for line in head.split(b"\n"):
        try:
            value = json.loads(line.decode("utf-8"))
        except (ValueError, RecursionError):
            continue  # cut off where the head ends, or its record will be refused
        if isinstance(value, dict):
            found.update(dict.fromkeys(filter(_is_text, value)))
    return list(found)


def _lines(door: InputFile, learn: Callable[[list[str]], None]) -> Iterator[Record]:
    known = names_in(door.head)
    learn(known)
    with door.open() as stream:
        yield from objects(lines(stream), known, learn)


def objects(
    numbered: Iterable[tuple[int, bytes | None]],
    known: list[str],
    learn: Callable[[list[str]], None],
) -> Iterator[Record]:
    """Return each line as a record.

    A line leaves out what it lacks, so that no one line tells all columns: `known` grows, and
    `learn` is told, whenever one brings a new name.
    """
    there = set(known)
    for record in json_lines(numbered):
        if record.bad is None and not isinstance(record.value, dict):
            bad = BadRecordError("expected an object")
            yield Record(record.number, raw=record.raw, bad=bad)
            continue
        if record.bad is None and not there.issuperset(record.value):
            new = [name for name in record.value if name not in there]
            if not all(map(_is_text, new)):
                yield Record(record.number, raw=record.raw, bad=BadRecordError("a name is no text"))
                continue
            known += new
            there.update(new)
            learn(known)
        yield record


@dataclass(frozen=True, slots=True)
class CsvBlock:
    """Some lines of a file as they stand there, each with its end but perhaps the last.

    Attributes
    ----------
    data
        Whole lines; None for one line that is too long to be read.
    after
        The number of the last line before them.
    ends
        Where in the data lines end, after the sign for it.
    """

    data: bytes | None
    after: int
    ends: npt.NDArray[np.int64]

    @property
    def last(self) -> int:
        """The number of the last of these lines."""
        closed = len(self.ends) > 0 and self.ends[-1] == len(self.data or b"")
        return self.after + len(self.ends) + (not closed)

    def numbered(self) -> Iterator[tuple[int, bytes | None]]:
        """Return the lines as `foxgrape.io.stream.lines` does."""
        if self.data is None:
            yield self.after + 1, None
            return
        for number, line in lines(io.BytesIO(self.data)):
            yield self.after + number, line


def csv_blocks(stream: IO[bytes], size: int) -> Iterator[CsvBlock]:
    """Cut a stream into blocks of `size` lines, or fewer where lines are long.

    Raises
    ------
    BrokenError
        Where the stream breaks, after the whole lines before it.
    """
    rest, after = b"", 0
    while True:
        try:
            piece, broken = stream.read(MAX_RECORD), None
        except CorruptFileError as error:
            piece, broken = b"", error
        data = rest + piece
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1
        start = 0
        for stop in _stops(ends, len(data), size, last=not piece):
            count = int(np.searchsorted(ends, stop, "right"))
            inside, ends = ends[:count] - start, ends[count:]
            block = CsvBlock(data[start:stop], after, inside)
            yield block
            after, start = block.last, stop
        rest = data[start:]
        if broken is not None:
            raise broken
        if not piece:
            return
        if len(rest) > MAX_RECORD and b"\n" not in rest:
            yield CsvBlock(None, after, np.empty(0, np.int64))
            after += 1
            rest = _beyond_line(stream)


def _stops(ends: npt.NDArray[np.int64], length: int, size: int, *, last: bool) -> list[int]:
    """Return where blocks of `size` lines end; at the end of a file, and of much, also fewer."""
    stops: list[int] = ends[size - 1 :: size].tolist()
    if last and length and stops[-1:] != [length]:
        stops.append(length)
    elif not stops and len(ends) and length > 2 * MAX_RECORD:
        stops.append(int(ends[-1]))
    return stops


def _beyond_line(stream: IO[bytes]) -> bytes:
    """Read on to the end of a line, and return what was read of the next."""
    while piece := stream.read(CHUNK):
        end = piece.find(b"\n") + 1
        if end:
            return piece[end:]
    return b""


def _parquet(door: InputFile, learn: Callable[[list[str]], None]) -> Iterator[Record]:
    number = 0
    for batch in parquet_batches(door, learn, 1_000):
        yield from records_from_batch(batch, number)
        number += batch.num_rows


def records_from_batch(batch: pa.RecordBatch, after: int) -> Iterator[Record]:
    """Return each row of an Arrow batch as a record; one with a cell beyond Python's is bad."""
    try:
        values = batch.to_pylist()
    except (ValueError, OverflowError) as error:
        if batch.num_rows > 1:
            for at in range(batch.num_rows):
                yield from records_from_batch(batch.slice(at, 1), after + at)
        else:
            yield Record(after + 1, bad=BadRecordError(f"a cell cannot be read: {error}"))
        return
    for number, value in enumerate(values, start=after + 1):
        yield Record(number, value, json_preview(value))


def parquet_batches(
    door: InputFile, learn: Callable[[list[str]], None], size: int
) -> Iterator[pa.RecordBatch]:
    """Return the rows of a Parquet file, `size` at once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if door.packing is not None:
        raise TableError("Parquet is packed already: unpack it", file=door.path, got=door.packing)
    try:
        with pq.ParquetFile(door.path) as file:
            learn(_named(file.schema_arrow.names, door))
            yield from file.iter_batches(size)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CorruptFileError(f"the Parquet file cannot be read: {error}") from None


def _excel(door: InputFile, learn: Callable[[list[str]], None]) -> Iterator[Record]:
    import openpyxl

    _check_workbook(door)
    # As a handle: openpyxl goes by the name of a path.
    with door.path.open("rb") as handle:
        try:
            book = openpyxl.load_workbook(handle, read_only=True, data_only=True)
            rows = book.worksheets[0].iter_rows(values_only=True)
            # A column without a name keeps its place, and is left out.
            names = [None if name is None else str(name).strip() for name in next(rows, ())]
            learn(_named([name for name in names if name is not None], door))
            for number, cells in enumerate(rows, start=2):
                if any(cell is not None for cell in cells):
                    row = zip(names, cells, strict=False)
                    value = {name: cell for name, cell in row if name is not None}
                    yield Record(number, value, json_preview(value))
        except (*UNREADABLE, KeyError, ValueError, IndexError, SyntaxError) as error:
            raise CorruptFileError(f"the workbook cannot be read: {error}") from None


def _check_workbook(door: InputFile) -> None:
    """Refuse a workbook that unpacks to too much: cells and words are read whole, piece by piece.

    What an archive says of the size of its members holds, for no more of them is unpacked.
    """
    with zipfile.ZipFile(door.path) as archive:
        sizes = [member.file_size for member in archive.infolist()]
    if sum(sizes) > max_unpacked_size(door.path.stat().st_size):
        raise CorruptFileError("the workbook unpacks to far more than its size: save it as CSV")
