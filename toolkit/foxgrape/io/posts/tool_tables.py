"""Base of readers of tables that a known tool writes, recognized by the names of their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from foxgrape.errors import TableError
from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.json_records import iter_records
from foxgrape.io.tabular import header, records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from foxgrape.io.stream import InputFile, Record

__all__ = ["ToolTableReader"]


class ToolTableReader(Reader):
    """Reads CSV and JSON whose rows have all columns of a known tool."""

    #: Columns that together identify the tool.
    columns: ClassVar[frozenset[str]]

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return whether the header of the CSV, or the JSON's keys, are those of the tool."""
        names = [path[0] for path in paths if len(path) == 1] if paths else header(file)
        return not self._missing(names)

    def _missing(self, names: Iterable[str]) -> set[str]:
        """Return the columns that the names lack, without regard to upper and lower case."""
        lower = {name.lower() for name in names}
        return {column for column in self.columns if column.lower() not in lower}

    def _require(self, names: list[str], context: ReadContext) -> None:
        if missing := self._missing(names):
            table = f"{self.name} table"
            raise TableError.missing_column(min(missing), names, table=table, file=context.path)

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Yield each row as a dictionary; in a CSV, the first row of data is number 2."""
        if file.head.lstrip()[:1] in {b"{", b"["}:
            with file.open() as stream:
                yield from iter_records(stream, file.head)
        else:
            yield from records(file, lambda names: self._require(names, context))
