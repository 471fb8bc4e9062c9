"""Events in a table of one's own: CSV, TSV, JSON lines, Parquet or Excel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foxgrape.cells import exact_id, interval, word
from foxgrape.columns import filled, learn, plain, rest
from foxgrape.doors import BadRecordError
from foxgrape.events.resolving import Stated
from foxgrape.events.rows import coordinates, event
from foxgrape.formats import Context, Format
from foxgrape.tabular import is_table, kind, records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.doors import Door, Record
    from foxgrape.events.resolving import Resolver

__all__ = ["Table"]

#: Names that tools give to what an events table has, in lower case with underscores.
USUAL = {
    "event_id": ("id", "event"),
    "place": ("settlement", "town", "location", "name", "city"),
    "lat": ("latitude",),
    "lon": ("longitude", "lng"),
    "kind": ("type", "event_type"),
    "by_side": ("side",),
    "occurred_at": ("occurred", "date", "event_date", "when"),
    "confirmed_at": ("confirmed", "announced_at", "announced", "first_seen"),
    "source": ("source_title", "publisher"),
    "url": ("link", "source_url"),
}
_REQUIRED = ("event_id", "occurred_at")
_WORDS = ("kind", "by_side", "confirmed_by", "precision", "source", "url")


class Table(Format):
    """A table with a column for each of ours, under its own or a usual name."""

    name = "table"

    def recognise(self, door: Door, shape: frozenset[tuple[str, ...]]) -> bool:
        """Tell a binary table by its first bytes, a text one by names or separators."""
        if shape:
            usual = {"occurred_at", *USUAL["occurred_at"]}
            return kind(door) == "lines" and bool(usual & {plain(path[0]) for path in shape})
        return is_table(door)

    def records(self, door: Door, context: Context) -> Iterator[Record]:
        """Return each row as a record; a file with a header has its first row of data at 2."""
        return records(
            door,
            lambda names: learn(names, context, table="events", usual=USUAL, required=_REQUIRED),
        )

    def rows(self, value: Any, context: Context) -> list[dict[str, Any]]:
        """Return the row: cells under our names, the rest as text."""
        mapping: dict[str, str] = context.told["mapping"]
        cell = {ours: filled(value.get(theirs)) for ours, theirs in mapping.items()}
        point = coordinates(cell, "lat", "lon")
        known = cell.get("confirmed_at") is not None
        words = {name: word(cell.get(name), name) for name in _WORDS}
        made = event(
            event_id=exact_id(cell.get("event_id"), "event_id"),
            place=_place(cell, point, str(value.get("admin1") or ""), context),
            point=point,
            occurred=interval(cell, "occurred", context.timezone),
            confirmed=interval(cell, "confirmed", context.timezone) if known else None,
            **words,
        )
        return [{**rest(value, context), **made}]


def _place(
    cell: dict[str, Any], point: tuple[float | None, float | None], admin1: str, context: Context
) -> tuple[str, str]:
    """Return the place by its id, else by its name, where it lies and in which division.

    Where both are told, the name stays as it is told.
    """
    place_id, name = word(cell.get("place_id"), "place_id"), word(cell.get("place"), "place")
    places: Resolver = context.told["places"]
    if place_id is not None:
        known, today = places.by_id(place_id, Stated(name or place_id, *point, admin1))
        return known, name or today
    if name is None:
        raise BadRecordError("expected a place or a place_id; got neither", "place")
    return places.settlement("place", Stated(name, *point, admin1))
