"""Strict reading of UTF-8 CSV files as text, without pandas.

Row numbers in errors are those of a spreadsheet: the header is row 1.
"""

from __future__ import annotations

import csv

from foxgrape._util.regular_files import open_regular
from foxgrape.errors import TableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["iter_dict_rows", "read_rows", "require_unique_names"]


def read_rows(path: str | Path) -> tuple[list[str], list[list[str]]]:
    """Read a CSV file's header and rows; every row must be as long as the header."""
    header, *rows = list(_lines(path, TableError)) or [[]]
    if not header:
        raise TableError("the file is empty", file=path, expected="a header row")
    header = require_unique_names([name.strip() for name in header], path)
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise TableError(
                "the row must be as long as the header",
                file=path,
                row=number,
                expected=f"{len(header)} cells",
                got=len(row),
                hint="quote cells that contain commas or line breaks",
            )
    return header, rows


def iter_dict_rows(
    path: str | Path,
    *,
    required: Iterable[str],
    optional: Iterable[str] = (),
    table: str,
    error: type[TableError] = TableError,
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row of a hand-edited CSV file: its number, and its stripped cells by column.

    Only the required and optional columns are read. Cells of a missing optional column, and cells
    missing at the end of a row, are "". Errors are raised as `error`; `table` is the name of the
    table in messages.
    """
    lines = _lines(path, error)
    header = [name.strip() for name in next(lines, [])]
    for name in required:
        if name not in header:
            raise error.missing_column(name, header, table=table, file=path)
    names = (*required, *optional)
    for number, cells in enumerate(lines, start=2):
        if any(cells[len(header) :]):
            raise error(
                "the row is longer than the header",
                file=path,
                row=number,
                got=", ".join(cells[len(header) :]),
                hint="quote cells that contain commas or line breaks",
            )
        row = dict(zip(header, map(str.strip, cells), strict=False))
        if row:
            yield number, {name: row.get(name, "") for name in names}


def require_unique_names(names: list[str], file: object) -> list[str]:
    """Return the column names, or raise if one is repeated."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise TableError.duplicate_column(name, file=file)
        seen.add(name)
    return names


def _lines(path: str | Path, error: type[TableError]) -> Iterator[list[str]]:
    try:
        with open(path, encoding="utf-8-sig", newline="", opener=open_regular) as handle:
            # Without strict, an unclosed quote would swallow the rest of the file.
            yield from csv.reader(handle, strict=True)
    except FileNotFoundError:
        raise error("there is no such file", file=path) from None
    except OSError as failed:
        raise error(f"cannot be read: {failed.strerror}", file=path) from None
    except (UnicodeDecodeError, csv.Error) as failed:
        raise error(
            f"cannot be read as CSV: {failed}", file=path, hint="save it as CSV, UTF-8"
        ) from None
