"""The header of delimited text or of a worksheet: where it is, and which columns it names."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from foxgrape._util.csv import require_unique_names
from foxgrape.errors import TableError
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from foxgrape.io.stream import InputFile

    #: Called with all column names so far, before the first row that has new ones.
    OnColumns = Callable[[list[str]], None]
    #: Called with what was left out and an example, as `foxgrape.io.base.ReadContext.note`.
    OnNote = Callable[..., None]

__all__ = [
    "HEADER_ROWS",
    "MAX_COLUMNS",
    "Header",
    "is_unicode",
    "require_few",
    "split_title",
    "valid_names",
]

#: Maximum number of columns. Wide exports of surveys have some hundred; more are a broken file.
MAX_COLUMNS = 2_000
#: The header is looked for in the first lines of a text and the first rows of a worksheet.
HEADER_ROWS = 20
#: A header has at least this many names; rows with fewer cells above it are a title.
_MIN_NAMES = 2
_EMPTY = (None, "")


def is_unicode(name: str) -> bool:
    """Return whether a name can be encoded as UTF-8: it has no unpaired surrogate."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def valid_names(names: list[str], file: InputFile) -> list[str]:
    """Return the column names; raise `TableError` if they are too many, not unique or not text."""
    require_few(len(names), file)
    for number, name in enumerate(names, start=1):
        if not is_unicode(name):
            raise TableError(
                f"the name of column {number} is not UTF-8",
                file=file.path,
                row=1,
                got=name.encode("utf-8", "replace").decode(),
            )
    return require_unique_names(names, file.path)


def require_few(count: int, file: InputFile) -> None:
    """Raise `TableError` if a table has more than `MAX_COLUMNS` columns."""
    if count > MAX_COLUMNS:
        raise TableError(
            f"a table must have at most {MAX_COLUMNS:,} columns", file=file.path, got=f"{count:,}"
        )


class Header:
    """The header of delimited text or of a worksheet, with the position of each named column."""

    def __init__(self, cells: Sequence[Any], file: InputFile) -> None:
        texts = ["" if cell is None else str(cell).strip() for cell in cells]
        require_few(len(texts), file)
        self.positions = [position for position, text in enumerate(texts) if text]
        self.names = valid_names([texts[position] for position in self.positions], file)
        self.width = len(texts)

    def row(self, cells: Sequence[Any], note: OnNote) -> dict[str, Any]:
        """Return a row's cells by column name."""
        if len(self.positions) < len(cells):
            nameless = (at for at in range(len(cells)) if at not in self._named)
            lost = [at for at in nameless if cells[at] not in _EMPTY]
            if lost:
                # The first one numbers the rows in tables of pandas and R.
                note("cells in columns without a name left out", cells[lost[-1]], warn=lost != [0])
        count = len(cells)
        return {
            name: cells[at] if at < count else None
            for name, at in zip(self.names, self.positions, strict=True)
        }

    @cached_property
    def _named(self) -> frozenset[int]:
        return frozenset(self.positions)


def split_title(rows: Iterator[tuple[int, Any]], note: OnNote) -> Iterator[tuple[int, Any]]:
    """Yield the rows from the header on: the first row with at least two cells that are not empty.

    If none of the first rows has two, the first row that is not empty is the header.
    """
    title: list[tuple[int, Any, object]] = []
    for number, cells in rows:
        if isinstance(cells, BadRecordError):
            yield number, cells
            return
        filled = [cell for cell in cells if cell not in _EMPTY]
        if len(filled) >= _MIN_NAMES or len(title) + 1 >= HEADER_ROWS:
            lost = [row for row in title if not str(row[2]).lower().startswith("sep=")]
            if lost:
                note("rows above the header left out", lost[0][2])
            yield number, cells
            yield from rows
            return
        if filled:
            title.append((number, cells, filled[0]))
    yield from ((number, cells) for number, cells, _ in title)
