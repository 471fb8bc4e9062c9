"""Recognize files of events that are given as posts, and the reverse."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from foxgrape.errors import TableError
from foxgrape.io.convert import normalize_name
from foxgrape.io.tabular import column_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foxgrape.io.base import Reader
    from foxgrape.io.stream import InputFile

__all__ = ["reject_other_table"]

#: Columns that a table of posts has and a table of events lacks, and the reverse.
_DISTINCTIVE = {
    "posts": {"text", "message", "content", "body", "full_text", "tweet", "caption"},
    "events": {
        *("place", "place_id", "settlement", "town", "lat", "latitude"),
        *("coordinates", "geolocation"),
    },
}


def reject_other_table(file: InputFile, paths: frozenset[tuple[str, ...]], table: str) -> None:
    """Raise `TableError` if a file given as posts holds events, or the reverse."""
    other = "events" if table == "posts" else "posts"
    names = {normalize_name(name) for name in column_names(file)}
    # Imported by name, since the readers of both tables import this module indirectly.
    formats: Mapping[str, Reader] = import_module(f"foxgrape.io.{other}.read").FORMATS
    matching = (reader.name for reader in formats.values() if reader.matches(file, paths))
    kind = next((name for name in matching if name != "table"), None)
    is_plain = kind is None and not names & _DISTINCTIVE[table]
    if is_plain and table == "posts":
        import_module("foxgrape.io.events.unsupported").reject_unsupported(file)
    if is_plain and names & _DISTINCTIVE[other]:
        kind = "table"
    if kind is not None:
        raise TableError(
            f"this looks like {other} ({kind}), not {table}",
            file=file.path,
            hint=f"read it with read_{other} or `foxgrape ingest {other}`, or pass it as {other}=",
        )
