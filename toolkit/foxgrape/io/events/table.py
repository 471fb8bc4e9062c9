"""Events in a table of one's own: CSV, TSV, JSON lines, Parquet or Excel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import (
    extra_cells,
    get_text,
    none_if_blank,
    normalize_name,
    parse_exact_id,
    parse_interval,
    record_mapping,
)
from foxgrape.io.events.base import coordinates, make_event
from foxgrape.io.events.place_resolver import StatedPlace
from foxgrape.io.stream import BadRecordError
from foxgrape.io.tabular import is_table, records, table_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.events.place_resolver import PlaceResolver
    from foxgrape.io.stream import InputFile, Record

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


class Table(Reader):
    """A table with a column for each of ours, under its own or a usual name."""

    name = "table"

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Tell a binary table by its first bytes, a text one by names or separators."""
        if paths:
            usual = {"occurred_at", *USUAL["occurred_at"]}
            return table_kind(file) == "lines" and bool(
                usual & {normalize_name(path[0]) for path in paths}
            )
        return is_table(file)

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Return each row as a record; a file with a header has its first row of data at 2."""
        return records(
            file,
            lambda names: record_mapping(
                names, context, table="events", aliases=USUAL, required=_REQUIRED
            ),
        )

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row: cells under our names, the rest as text."""
        mapping: dict[str, str] = context.mapping
        cell = {ours: none_if_blank(value.get(theirs)) for ours, theirs in mapping.items()}
        point = coordinates(cell, "lat", "lon")
        known = cell.get("confirmed_at") is not None
        words = {name: get_text(cell.get(name), name) for name in _WORDS}
        made = make_event(
            event_id=parse_exact_id(cell.get("event_id"), "event_id"),
            place=_place(cell, point, str(value.get("admin1") or ""), context),
            point=point,
            occurred=parse_interval(cell, "occurred", context.timezone),
            confirmed=parse_interval(cell, "confirmed", context.timezone) if known else None,
            **words,
        )
        return [{**extra_cells(value, context), **made}]


def _place(
    cell: dict[str, Any],
    point: tuple[float | None, float | None],
    admin1: str,
    context: ReadContext,
) -> tuple[str, str]:
    """Return the place by its id, else by its name, where it lies and in which division.

    Where both are told, the name stays as it is told.
    """
    place_id, name = (
        get_text(cell.get("place_id"), "place_id"),
        get_text(cell.get("place"), "place"),
    )
    places: PlaceResolver = context.state["places"]
    if place_id is not None:
        known, today = places.by_id(place_id, StatedPlace(name or place_id, *point, admin1))
        return known, name or today
    if name is None:
        raise BadRecordError("expected a place or a place_id; got neither", "place")
    return places.settlement("place", StatedPlace(name, *point, admin1))
