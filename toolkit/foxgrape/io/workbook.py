"""Excel workbooks as records."""

from __future__ import annotations

import re
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING, Any

from foxgrape._util.regular_files import open_regular
from foxgrape.errors import TableError, did_you_mean
from foxgrape.io.json_records import json_preview
from foxgrape.io.stream import UNREADABLE, CorruptFileError, Record, max_unpacked_size
from foxgrape.io.table_header import MAX_COLUMNS, Header, split_title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openpyxl import Workbook

    from foxgrape.io.stream import InputFile
    from foxgrape.io.table_header import OnColumns, OnNote

__all__ = ["excel_records"]

#: The number of rows that a spreadsheet can have.
_MAX_ROWS = 2**20
#: Spreadsheets store numbers as floats and show at most 15 digits.
_MAX_EXACT = 10**15
#: Parts of a number format that are shown as they are, or set colours and languages.
_FORMAT_LITERAL = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')


def excel_records(file: InputFile, on_columns: OnColumns, note: OnNote) -> Iterator[Record]:
    """Yield the rows after the header as records; see `foxgrape.io.tabular.records`."""
    import openpyxl

    _check_workbook_size(file)
    # Pass a handle, since openpyxl rejects paths with an unknown suffix.
    with open(file.path, "rb", opener=open_regular) as handle:
        try:
            book = openpyxl.load_workbook(handle, read_only=True, data_only=True)
            yield from _sheets(book, file, on_columns, note)
        except (*UNREADABLE, KeyError, ValueError, IndexError, SyntaxError) as error:
            raise CorruptFileError(f"the workbook cannot be read: {error}") from None


def _sheets(
    book: Workbook, file: InputFile, on_columns: OnColumns, note: OnNote
) -> Iterator[Record]:
    """Yield the rows of the chosen sheet, or of the first one whose columns are accepted.

    Other sheets with the same header are read too; those with another header are noted.
    """
    names: list[str] = []
    refused: TableError | None = None
    left_out: list[str] = []
    for sheet in _chosen_sheets(book, file):
        rows = split_title(_sheet_rows(sheet), note)
        top = next(rows, None)
        if top is None:
            continue
        try:
            head = Header(top[1], file)
            if not names:
                on_columns(head.names)
        except TableError as error:
            refused = refused or error
            left_out.append(sheet.title)
            continue
        if names and names != head.names:
            note("sheets with other columns left out", sheet.title)
            continue
        if names:
            note("sheets with the same columns read together", sheet.title)
        names = head.names
        yield from _sheet_records(rows, head, note)
    for title in left_out:
        note("sheets with other columns left out", title)
    if not names:
        raise refused or CorruptFileError("the workbook has no table")


def _sheet_records(rows: Iterator[tuple[int, Any]], head: Header, note: OnNote) -> Iterator[Record]:
    for number, cells in rows:
        if any(cell is not None for cell in cells):
            value = head.row(cells, note)
            yield Record(number, value, json_preview(value))


def _chosen_sheets(book: Workbook, file: InputFile) -> list[Any]:
    if file.sheet is None:
        return list(book.worksheets)
    if file.sheet not in book.sheetnames:
        hint = did_you_mean(file.sheet, book.sheetnames)
        raise TableError("no such sheet", file=file.path, got=file.sheet, hint=hint)
    return [book[file.sheet]]


def _sheet_rows(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """Yield the number and the cells of each row that the file contains.

    openpyxl's own iterator creates all rows and cells that are missing before others: a file of a
    few bytes with a cell in the last column and row would take hours.
    """
    from openpyxl.worksheet._reader import WorkSheetParser

    book = sheet.parent
    with sheet._get_source() as source:  # noqa: SLF001 - as its own iterator
        parser = WorkSheetParser(
            source,
            sheet._shared_strings,  # noqa: SLF001
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,  # noqa: SLF001
            timedelta_formats=book._timedelta_formats,  # noqa: SLF001
        )
        for count, (number, row) in enumerate(parser.parse(), start=1):
            if count > _MAX_ROWS or number > _MAX_ROWS:
                raise CorruptFileError(f"a worksheet has at most {_MAX_ROWS:,} rows")
            yield number, _row_cells(sheet, row)


def _row_cells(sheet: Any, row: list[dict[str, Any]]) -> list[Any]:
    """Return the values of a row's cells, and None for each missing one before them.

    Cells beyond the largest number of columns are put into one column after them.
    """
    from openpyxl.cell.read_only import ReadOnlyCell

    at = [min(cell["column"] - 1, MAX_COLUMNS) for cell in row]
    cells: list[Any] = [None] * (max(at, default=-1) + 1)
    for position, cell in zip(at, row, strict=True):
        value = _cell_value(ReadOnlyCell(sheet, **cell))
        if value is not None:
            cells[position] = value
    return cells


def _cell_value(cell: Any) -> Any:
    """Return a cell's value: a date if it is shown without a time of day.

    A time that is shown without seconds is text with hours and minutes, as it would be in CSV.
    Integers beyond 15 digits become floats, because spreadsheets store no more digits.
    """
    value = cell.value
    if isinstance(value, datetime):
        shown = _FORMAT_LITERAL.sub("", cell.number_format).lower()
        is_day = not (value.hour or value.minute or value.second or value.microsecond)
        if "h" not in shown:
            return value.date() if is_day else value
        is_minute = not (value.second or value.microsecond) and "s" not in shown
        return value.isoformat(timespec="minutes") if is_minute else value
    if isinstance(value, int) and abs(value) >= _MAX_EXACT:
        return float(value)
    return value


def _check_workbook_size(file: InputFile) -> None:
    """Reject a workbook that unpacks to too much data, since openpyxl reads members as a whole.

    The sizes stated in the archive can be trusted: zipfile never unpacks more than that.
    """
    with zipfile.ZipFile(file.path) as archive:
        sizes = [member.file_size for member in archive.infolist()]
    if sum(sizes) > max_unpacked_size(file.path.stat().st_size):
        raise CorruptFileError("the workbook unpacks to far more than its size; save it as CSV")
