"""Exports that come as CSV from a page and as pages of JSON from an API, with the same columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.json_records import page_items
from foxgrape.io.tabular import header, records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.stream import InputFile, Record

__all__ = ["Exported"]


class Exported(Reader):
    """A format of rows, told by the columns that only it has.

    Attributes
    ----------
    signs
        Those columns.
    key
        What an API's page keeps its rows under.
    """

    signs: ClassVar[frozenset[str]]
    key: ClassVar[str]

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Tell by the columns of a row, with or without pages."""
        found = {path[-1] for path in paths if path[:-1] in {(), (self.key, "item")}}
        return (found or set(header(file))) >= self.signs

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Return each row."""
        if header(file):
            yield from records(file, lambda _: None)
            return
        with file.open() as stream:
            yield from page_items(stream, file.head, self.key)
