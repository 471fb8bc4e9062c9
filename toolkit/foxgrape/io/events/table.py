"""Events in a table from any tool: CSV, TSV, JSON lines, Parquet or Excel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import (
    extra_cells,
    get_text,
    normalize_name,
    optional_cell,
    parse_exact_id,
    record_mapping,
)
from foxgrape.io.events.base import Point, make_event, parse_coordinates
from foxgrape.io.events.place_resolver import StatedPlace
from foxgrape.io.stream import BadRecordError
from foxgrape.io.table_times import table_times
from foxgrape.io.tabular import is_table, records, table_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.events.place_resolver import PlaceResolver
    from foxgrape.io.stream import InputFile, Record

__all__ = ["EventTableReader"]

#: Common names for the columns of the events table, as normalized by `normalize_name`.
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
_TEXT_COLUMNS = ("kind", "by_side", "confirmed_by", "precision", "source", "url")


class EventTableReader(Reader):
    """Reader for tables with the column names of the events table, or common alternatives."""

    name = "table"

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return whether the file is a table; JSON lines must have a column for the event time."""
        if paths:
            times = {"occurred_at", *USUAL["occurred_at"]}
            names = {normalize_name(path[0]) for path in paths}
            return table_kind(file) in {"lines", "array"} and bool(times & names)
        return is_table(file)

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Yield each row with its number; after a header, the first data row is number 2."""
        return records(
            file,
            lambda names: record_mapping(
                names, context, table="events", aliases=USUAL, required=_REQUIRED
            ),
            context.note,
        )

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row as an event; columns that the events table lacks are kept as text."""
        mapping, clock = context.mapping, table_times(context)
        cells = {
            ours: optional_cell(value.get(theirs), ours, context)
            for ours, theirs in mapping.items()
            if ours != "event_id"
        }
        point = parse_coordinates(cells, "lat", "lon")
        is_confirmed = cells.get("confirmed_at") is not None
        event = make_event(
            event_id=parse_exact_id(value.get(mapping["event_id"]), "event_id"),
            place=_resolve_place(cells, point, context),
            point=point,
            occurred=clock.interval(cells, "occurred"),
            confirmed=clock.interval(cells, "confirmed") if is_confirmed else None,
            **{name: get_text(cells.get(name), name) for name in _TEXT_COLUMNS},
        )
        return [{**extra_cells(value, context), **event}]


def _resolve_place(cells: dict[str, Any], point: Point, context: ReadContext) -> tuple[str, str]:
    """Look up a place by its id if given, else by name, coordinates and division.

    If the row has both an id and a name, keep the row's name instead of the gazetteer's.
    """
    place_id = get_text(cells.get("place_id"), "place_id")
    admin1 = get_text(cells.get("admin1"), "admin1") or ""
    name = get_text(cells.get("place"), "place")
    places: PlaceResolver = context.state["places"]
    if place_id is not None:
        resolved_id, official_name = places.resolve_id(
            place_id, StatedPlace(name or place_id, *point, admin1)
        )
        return resolved_id, name or official_name
    if name is None:
        raise BadRecordError("place or place_id is required", "place")
    return places.resolve_settlement("place", StatedPlace(name, *point, admin1))
