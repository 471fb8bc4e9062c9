"""Exports that come as CSV from a page and as pages of JSON from an API, with the same columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from foxgrape.formats import Context, Format
from foxgrape.json_records import items
from foxgrape.tabular import header, records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.doors import Door, Record

__all__ = ["Exported"]


class Exported(Format):
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

    def recognise(self, door: Door, shape: frozenset[tuple[str, ...]]) -> bool:
        """Tell by the columns of a row, with or without pages."""
        found = {path[-1] for path in shape if path[:-1] in {(), (self.key, "item")}}
        return (found or set(header(door))) >= self.signs

    def records(self, door: Door, context: Context) -> Iterator[Record]:  # noqa: ARG002
        """Return each row."""
        if header(door):
            yield from records(door, lambda _: None)
            return
        with door.open() as stream:
            yield from items(stream, door.head, self.key)
