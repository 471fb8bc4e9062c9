"""Events in a table from any tool: CSV, TSV, JSON lines, Parquet or Excel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from foxgrape.errors import TableError
from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import (
    extra_cells,
    get_text,
    none_if_blank,
    normalize_name,
    optional_cell,
    parse_exact_id,
    record_mapping,
)
from foxgrape.io.events.base import make_event
from foxgrape.io.events.content_ids import content_id
from foxgrape.io.events.coordinates import (
    COORDINATE_COLUMNS,
    Point,
    parse_coordinates,
    parse_point,
    stated_point,
)
from foxgrape.io.events.located import Located, locate
from foxgrape.io.events.place_names import is_region
from foxgrape.io.events.place_resolver import StatedPlace
from foxgrape.io.stream import BadRecordError
from foxgrape.io.table_times import table_times
from foxgrape.io.tabular import is_table, records, table_kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from foxgrape.io.events.place_resolver import PlaceResolver
    from foxgrape.io.stream import InputFile, Record

__all__ = ["USUAL", "EventTableReader"]

#: Common names for the columns of the events table, as normalized by `normalize_name`.
USUAL: dict[str, tuple[str, ...]] = {
    "event_id": ("id",),
    "place": (
        *("settlement", "town", "location", "name", "city"),
        *("місто", "населений_пункт", "місце", "город", "населённый_пункт", "населенный_пункт"),
    ),
    "lat": ("latitude", "широта"),
    "lon": ("longitude", "lng", "довгота", "долгота"),
    "kind": ("type", "event_type", "тип", "event"),
    "by_side": ("side",),
    "occurred_at": ("occurred", "date", "event_date", "when", "дата"),
    "confirmed_at": ("confirmed", "announced_at", "announced", "first_seen"),
    "source": ("source_title", "publisher"),
    "url": ("link", "source_url"),
}
#: Common names of columns that the events table lacks, the best first.
_USUAL_READ = {
    "admin1": ("oblast", "область", "region", "регіон", "регион"),
    "coordinates": COORDINATE_COLUMNS,
}
#: Columns of which an event needs one.
_PLACES = {"place", "place_id", "lat", "coordinates"}
#: Columns that may hold other regions, such as a continent or a part of the front.
_REGIONS = {"region", "регіон", "регион"}
_TEXT_COLUMNS = ("kind", "by_side", "confirmed_by", "precision", "source", "url")


class EventTableReader(Reader):
    """Reader for tables with the column names of the events table, or common alternatives."""

    name = "table"
    #: Common names for the columns of the events table.
    usual: ClassVar[Mapping[str, tuple[str, ...]]] = USUAL
    #: Columns with the event's title, which may be the name of its place.
    titles: ClassVar[tuple[str, ...]] = ()

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return whether the file is a table; JSON lines must have a column for the event time."""
        if paths:
            times = {"occurred_at", *USUAL["occurred_at"]}
            names = {normalize_name(path[0]) for path in paths}
            return table_kind(file) in {"lines", "array"} and bool(times & names)
        return is_table(file)

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Yield each row with its number; after a header, the first data row is number 2."""
        return records(file, lambda names: self.map_columns(names, context), context.note)

    def map_columns(self, names: list[str], context: ReadContext) -> None:
        """Map the columns of the events table to those of the file."""
        before = context.mapping
        record_mapping(
            names, context, table="events", aliases=self.usual, required=("occurred_at",)
        )
        by_name = {normalize_name(name): name for name in reversed(names)}
        for ours, usual in _USUAL_READ.items():
            known = (by_name[name] for name in usual if name in by_name)
            theirs = before.get(ours) or next(known, None)
            if theirs is not None and theirs not in context.mapping.values():
                context.mapping.setdefault(ours, theirs)
        if not self.titles and not _PLACES & set(context.mapping):
            raise TableError(
                "no column has a usual name for the place",
                file=context.path,
                got=", ".join(names),
                hint="pass columns={'place': '…'}",
            )
        if "admin1" in context.mapping:
            context.extra_columns["admin1"] = "str"
        if "coordinates" in context.mapping:
            context.extra_columns[context.mapping["coordinates"]] = "str"

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row as an event; columns that the events table lacks are kept as text."""
        mapping, clock = context.mapping, table_times(context)
        cells = {
            ours: optional_cell(value.get(theirs), ours, context)
            for ours, theirs in mapping.items()
        }
        place_id = get_text(cells.get("place_id"), "place_id")
        stated = _stated_place(cells, context, has_id=place_id is not None)
        has_title = bool(self.titles) and "place" not in mapping and not stated.name
        if has_title:
            stated = replace(stated, name=self._title(value))
        located = _locate(place_id, stated, context, name_may_be_title=has_title)
        occurred = clock.interval(cells, "occurred")
        is_confirmed = cells.get("confirmed_at") is not None
        event_id = cells.get("event_id")
        texts = {name: get_text(cells.get(name), name) for name in _TEXT_COLUMNS}
        event = make_event(
            event_id=content_id(place_id, stated, occurred, texts["kind"], context)
            if event_id is None
            else parse_exact_id(event_id, "event_id"),
            place=located.place,
            point=(stated.lat, stated.lon),
            occurred=occurred,
            confirmed=clock.interval(cells, "confirmed") if is_confirmed else None,
            **texts,
        )
        extra = extra_cells(value, context) | _precision_cells(located, context)
        if "admin1" in mapping:
            extra["admin1"] = stated.admin1 or None
        return [{**extra, **event}]

    def finish(self, context: ReadContext) -> list[dict[str, Any]]:
        """Add the columns for the precision of places if an event uses them; return no rows."""
        if context.state.get("has_precision"):
            context.extra_columns.setdefault("place_precision", "str")
            context.extra_columns.setdefault("place_km", "Float64")
        return []

    def _title(self, value: Mapping[str, Any]) -> str:
        """Return the row's title; empty if it has none."""
        cells = (cell for name, cell in value.items() if normalize_name(name) in self.titles)
        return next((str(cell) for cell in cells if none_if_blank(cell) is not None), "")


def _locate(
    place_id: str | None, stated: StatedPlace, context: ReadContext, *, name_may_be_title: bool
) -> Located:
    """Look up a place by its id if given, else by name, coordinates and division.

    If the row has both an id and a name, keep the row's name instead of the gazetteer's.
    """
    if place_id is None:
        return locate("place", stated, context, name_may_be_title=name_may_be_title)
    places: PlaceResolver = context.state["places"]
    resolved_id, official_name = places.resolve_id(
        place_id, replace(stated, name=stated.name or place_id)
    )
    return Located((resolved_id, stated.name or official_name))


def _stated_place(cells: Mapping[str, Any], context: ReadContext, *, has_id: bool) -> StatedPlace:
    """Return the place as stated; coordinates in the column of the name are not a name.

    A column for coordinates may hold other text, if the row names its place.
    """
    name = get_text(cells.get("place"), "place") or ""
    admin1 = get_text(cells.get("admin1"), "admin1") or ""
    is_usual = normalize_name(context.mapping.get("admin1", "")) in _REGIONS
    is_given = "admin1" in (context.columns or {})
    if is_usual and not is_given and not is_region(admin1, context.state["places"].gazetteer):
        admin1 = ""
    point: Point = parse_coordinates(cells, "lat", "lon", context)
    if None in point:
        try:
            point = parse_point(cells.get("coordinates"), "coordinates")
        except BadRecordError:
            if not name and not has_id:
                raise
            context.note("the coordinates cannot be read: the place's name is used", name)
    if None in point and name and stated_point(name):
        point, name = parse_point(name, "place"), ""
    return StatedPlace(name, *point, admin1)


def _precision_cells(located: Located, context: ReadContext) -> dict[str, Any]:
    """Return the cells for the precision of a place, if the event uses the nearest place."""
    if located.precision != "near":
        return {}
    context.state["has_precision"] = True
    is_text = "place_km" in context.extra_columns
    return {
        "place_precision": located.precision,
        "place_km": str(located.km) if is_text else located.km,
    }
