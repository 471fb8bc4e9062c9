"""Delimited text (CSV, TSV) as records: a bad row costs that row only."""

from __future__ import annotations

import csv
import re
from collections import deque
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Self

from foxgrape.io.stream import CHUNK, MAX_RECORD, BadRecordError, CorruptFileError, Record
from foxgrape.io.table_header import HEADER_ROWS, Header, split_title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.stream import InputFile
    from foxgrape.io.table_header import OnColumns, OnNote

    #: The number and the cells of a row.
    _Row = tuple[int, Any]

__all__ = ["csv_records", "has_separator", "separator"]

#: A record with more lines than this has an unclosed quote. The smaller limit applies once rows
#: have been read again so often that the time would no longer be proportional to the file.
_MAX_RECORD_LINES, _FEW_RECORD_LINES = 20_000, 50
#: Number of characters that may be read again for each character of the file, in addition to those
#: of one record.
_READ_AGAIN = 4
#: Number of rows that show whether the rows have names.
_PEEKED = 3
_SEPARATORS = (b"\t", b";", b",", b"|")
_QUOTED = re.compile(rb'"[^"]*"')
#: A quote within a quoted cell, written with a backslash (R, MySQL) or twice (the usual way).
_ESCAPED = re.compile(rb'(?:^|[\t;,|])"[^"\n]*\\"(?![\t;,|\r\n]|$)', re.MULTILINE)
_DOUBLED = re.compile(rb'(?<![\t;,|\n])""(?![\t;,|\r\n]|$)')
#: A line that states the separator, for spreadsheets.
_SEP_LINE = re.compile(rb'"?sep=(?P<separator>.)"?\s*')


def has_separator(file: InputFile) -> bool:
    """Return whether one of the first lines has a separator."""
    return any(sign in line for line in _first_lines(file) for sign in _SEPARATORS)


def _first_lines(file: InputFile) -> list[bytes]:
    return file.head.split(b"\n", HEADER_ROWS)[:HEADER_ROWS]


def separator(file: InputFile) -> str:
    """Return the separator of delimited text: the most frequent one in its header.

    The header is the first line that has a separator outside quotes; a line ``sep=;`` before it
    decides.
    """
    for line in _first_lines(file):
        if match := _SEP_LINE.fullmatch(line):
            return match["separator"].decode("ascii", "replace")
        bare = _QUOTED.sub(b"", line)
        best = max(_SEPARATORS, key=bare.count)
        if best in bare:
            return best.decode()
    return ","


def csv_records(file: InputFile, on_columns: OnColumns, note: OnNote) -> Iterator[Record]:
    """Yield the rows after the header as records; see `foxgrape.io.tabular.records`."""
    if b"\0" in file.head.split(b"\n", 1)[0]:
        raise CorruptFileError("the content is not text: it has zero bytes")
    delimiter = separator(file)
    escaped = _has_escaped_quotes(file.head)
    if escaped is not None:
        note("quotes within cells are written with a backslash", escaped)
    with file.open() as stream:
        lines = _RowLines(stream, has_escapes=escaped is not None)
        rows = split_title(enumerate(_csv_rows(lines, delimiter), start=1), note)
        _, cells = next(rows)
        if isinstance(cells, _BadRowError):
            raise CorruptFileError(f"the header cannot be read: {cells}")
        first, rows = _peek(rows)
        names = {
            row[0]
            for _, row in first
            if not isinstance(row, _BadRowError) and len(row) == len(cells) + 1
        }
        # R writes names of rows by default, without a name in the header. A single longer row may
        # as well have a separator in its text, unless its name is the default one.
        if first and len(names) == len(first) and (len(first) > 1 or names == {"1"}):
            note("names of rows left out: the header has one cell fewer", min(names))
            cells = ["", *cells]
        head = Header(cells, file)
        on_columns(head.names)
        for number, cells in rows:
            if isinstance(cells, _BadRowError):
                yield Record(number, raw=cells.raw, error=cells)
                continue
            if not any(cells):
                continue
            raw = delimiter.join(cells).encode("utf-8", "replace").decode()
            if len(cells) < head.width or any(cells[head.width :]):
                error = BadRecordError(f"expected {head.width} cells; got {len(cells)}")
                yield Record(number, raw=raw, error=error)
            else:
                yield Record(number, head.row(cells[: head.width], note), raw)


def _peek(rows: Iterator[_Row]) -> tuple[list[_Row], Iterator[_Row]]:
    """Return the first rows, and an iterator over all rows, which raises what ended them."""
    first: list[_Row] = []
    damage: list[CorruptFileError] = []
    try:
        first.extend(islice(rows, _PEEKED))
    except CorruptFileError as error:
        damage.append(error)

    def iterate() -> Iterator[_Row]:
        yield from first
        for error in damage:
            raise error
        yield from rows

    return first, iterate()


class _BadRowError(BadRecordError):
    """A row that cannot be parsed; `raw` is its first line."""

    def __init__(self, reason: str, raw: str) -> None:
        super().__init__(reason)
        self.raw = raw


def _has_escaped_quotes(head: bytes) -> str | None:
    r"""Return the first line in which a quote is written as ``\"``; None if they are doubled."""
    match = _ESCAPED.search(head)
    if match is None or _DOUBLED.search(head):
        return None
    start, end = head.rfind(b"\n", 0, match.start()) + 1, head.find(b"\n", match.end())
    return head[start : end if end >= 0 else None].decode("utf-8", "replace").strip()


def _csv_rows(lines: _RowLines, delimiter: str) -> Iterator[list[str] | _BadRowError]:
    """Yield each row's cells; for a row that cannot be parsed, an error.

    After an error, reading resumes at the second line of the bad row, so that a stray quote does
    not take more rows with it.
    """
    csv.field_size_limit(MAX_RECORD)  # applies to the whole process; the default is 131,072
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.current.clear()
        try:
            yield next(reader)
        except StopIteration:
            return
        except (csv.Error, BadRecordError) as error:
            if not lines.current:
                return
            yield _BadRowError(f"invalid CSV: {error}", lines.push_back())
            reader = csv.reader(lines, delimiter=delimiter, strict=True)


class _RowLines:
    """The lines of a CSV file; those of the current row can be read again.

    Parameters
    ----------
    stream
        The file.
    has_escapes
        Whether quotes within cells are written with a backslash; they are doubled here.
    """

    def __init__(self, stream: IO[bytes], *, has_escapes: bool) -> None:
        self._lines = _decode_lines(stream)
        self._has_escapes = has_escapes
        self._again: deque[str] = deque()
        self.current: list[str] = []
        self._length = 0  # of the current row
        self._spare = MAX_RECORD  # characters that may still be read again

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if self._again:
            line: str | None = self._again.popleft()
        else:
            line = next(self._lines)
            self._spare += _READ_AGAIN * len(line or "")
        if not self.current:
            self._length = 0
        self.current.append(line if line is not None else "")
        self._length += len(self.current[-1])
        if line is None:
            raise BadRecordError(f"the line is longer than {MAX_RECORD >> 20} MB")
        if self._length > MAX_RECORD:
            raise BadRecordError(f"the row is longer than {MAX_RECORD >> 20} MB")
        limit = _MAX_RECORD_LINES if self._spare > 0 else _FEW_RECORD_LINES
        if len(self.current) > limit:
            raise BadRecordError(f"a quote is not closed within {limit:,} lines")
        return line.replace('\\"', '""') if self._has_escapes else line

    def push_back(self) -> str:
        """Put back all but the first line of the current row, and return that line."""
        first, *rest = self.current
        self._again.extendleft(reversed(rest))
        self._spare -= self._length
        return first.strip().encode("utf-8", "replace").decode()


def _decode_lines(stream: IO[bytes]) -> Iterator[str | None]:
    """Yield lines as text, and None for a line that is too long.

    Invalid bytes become surrogates, so that the record is rejected.
    """
    while line := stream.readline(MAX_RECORD + 1):
        if len(line) <= MAX_RECORD:
            yield line.decode("utf-8", "surrogateescape")
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(CHUNK)
        yield None
