"""CSV files as text: whole, in UTF-8, their rows counted as a spreadsheet counts them.

No pandas: codebooks and places of one's own are read by the lookup library.
"""

from __future__ import annotations

import csv

from foxgrape.errors import TableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["iter_dict_rows", "read_rows", "require_unique_names"]


def read_rows(path: str | Path) -> tuple[list[str], list[list[str]]]:
    """Read a CSV file and make sure that names differ and rows fit the header.

    Raises
    ------
    TableError
        Names file and row.
    """
    header, *rows = list(_lines(path, TableError)) or [[]]
    if not header:
        raise TableError("the file is empty", file=path, expected="a header row")
    header = require_unique_names([name.strip() for name in header], path)
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise TableError(
                "the row is not as long as the header",
                file=path,
                row=number,
                expected=f"{len(header)} cells",
                got=len(row),
                hint="quote cells that hold commas or line breaks",
            )
    return header, rows


def iter_dict_rows(
    path: str | Path,
    *,
    needed: Iterable[str],
    optional: Iterable[str] = (),
    table: str,
    error: type[TableError] = TableError,
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file kept by hand: number, and cells by name, stripped of blanks.

    Other columns are ignored; what a row or the file lacks is the empty text.

    Parameters
    ----------
    needed, optional
        The columns that are read. Without one of the former there is nothing to read.
    table
        What the file is called in errors.
    error
        What is raised.

    Raises
    ------
    TableError
        Names file and row.
    """
    lines = _lines(path, error)
    header = [name.strip() for name in next(lines, [])]
    for name in needed:
        if name not in header:
            raise error.missing_column(name, header, table=table, file=path)
    names = (*needed, *optional)
    for number, cells in enumerate(lines, start=2):
        if any(cells[len(header) :]):
            raise error(
                "the row is longer than the header",
                file=path,
                row=number,
                got=", ".join(cells[len(header) :]),
                hint="quote cells that hold commas or line breaks",
            )
        row = dict(zip(header, map(str.strip, cells), strict=False))
        if row:
            yield number, {name: row.get(name, "") for name in names}


def require_unique_names(names: list[str], file: object) -> list[str]:
    """Return the names of a file's columns, or say which one stands twice."""
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise TableError.named_twice(min(repeated), file=file)
    return names


def _lines(path: str | Path, error: type[TableError]) -> Iterator[list[str]]:
    try:
        # pathlib costs 4 ms, which the first look-up of a code need not pay.
        with open(path, encoding="utf-8-sig", newline="") as handle:  # noqa: PTH123
            # A quote that nobody closes would swallow the rest of the file: hence strict.
            yield from csv.reader(handle, strict=True)
    except FileNotFoundError:
        raise error("there is no such file", file=path) from None
    except OSError as failed:
        raise error(f"cannot be read: {failed.strerror}", file=path) from None
    except (UnicodeDecodeError, csv.Error) as failed:
        raise error(
            f"cannot be read as CSV: {failed}", file=path, hint="save it as CSV, UTF-8"
        ) from None
