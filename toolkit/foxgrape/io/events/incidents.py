"""Lists of geolocated incidents: Bellingcat's Civilian Harm in Ukraine, GeoConfirmed and Atlos.

Their coordinates are those of the incident, found by researchers in photos and videos. The place is
the settlement with the stated name if it is near, else the nearest one.
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from foxgrape.io.convert import require_dict
from foxgrape.io.events.base import (
    PLACE_COLUMNS,
    ExportReader,
    country_zone,
    lower_names,
    make_event,
    require_cell,
    require_day,
    text_records,
)
from foxgrape.io.events.coordinates import Point, parse_coordinates, parse_point
from foxgrape.io.events.days import local_day_interval
from foxgrape.io.events.located import locate
from foxgrape.io.events.place_resolver import StatedPlace
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from foxgrape.io.base import ReadContext
    from foxgrape.io.stream import InputFile

__all__ = ["AtlosReader", "BellingcatReader", "GeoConfirmedReader"]

_LINK = re.compile(r"https?://[^\s,;\"'<>\]}]+")
_PLUS_CODE = re.compile(r"[23456789CFGHJMPQRVWX]{2,8}\+[23456789CFGHJMPQRVWX]{0,4}", re.IGNORECASE)
_CIVILIAN_HARM_ID = re.compile(rb"\bCIV\d{3,}")
_TIME_OF_DAY = re.compile(r"[T ](?!00:00)\d\d:\d\d.*$")


class _Incident(NamedTuple):
    """What a list states about an incident."""

    id: str
    place: StatedPlace
    country: str | None = None
    kind: str | None = None
    links: tuple[str, ...] = ()


class _IncidentReader(ExportReader):
    """Base class for readers of lists of incidents."""

    #: Name of the publisher, for the column ``source``.
    publisher: ClassVar[str]
    day_columns = ("date",)
    #: Columns that are kept as text.
    texts: ClassVar[tuple[str, ...]]

    @abstractmethod
    def incident(self, row: dict[str, Any]) -> _Incident:
        """Return what a row states."""

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row's event, on the local day that it states."""
        row = require_dict(value)
        column = self.day_columns[0]
        if isinstance(row.get(column), str) and _TIME_OF_DAY.search(row[column]):
            context.note("the time of day is left out: its time zone is not known", row[column])
            row[column] = _TIME_OF_DAY.sub("", row[column])
        incident = self.incident(row)
        day = require_day(row, column, context)
        located = locate(self.name, incident.place, context, name_may_be_title=True)
        texts: dict[str, Any] = {name: _text(row.get(name)) for name in self.texts}
        event = make_event(
            event_id=f"{self.name}:{incident.id}",
            place=located.place,
            point=(incident.place.lat, incident.place.lon),
            kind=incident.kind,
            occurred=local_day_interval(day, day, country_zone(incident.country, context)),
            precision="day",
            source=self.publisher,
            url=next(iter(incident.links), None),
            stated_place=incident.place.name or None,
            place_precision=located.precision,
            place_km=located.km,
            **texts,
        )
        return [event]


class BellingcatReader(_IncidentReader):
    """Reader for the Civilian Harm in Ukraine list, as JSON or CSV."""

    name = "bellingcat"
    publisher = "Bellingcat"
    signatures = (
        frozenset({"id", "date", "latitude", "longitude", "location", "description", "sources"}),
    )
    usual_days = "mdy"
    texts = ("description", "filters", "sources")
    extra: ClassVar = {**PLACE_COLUMNS, **dict.fromkeys(texts, "str")}

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return whether the rows have the columns, and the filters or the ids of this list."""
        if not super().matches(file, paths):
            return False
        has_filters = "filters" in lower_names(file, paths)
        return has_filters or _CIVILIAN_HARM_ID.search(file.head) is not None

    def incident(self, row: dict[str, Any]) -> _Incident:
        """Return what a row states; all incidents are in Ukraine."""
        place = StatedPlace(str(row.get("location") or ""), *parse_coordinates(row))
        links = _links(row.get("sources"))
        row["filters"] = _filters(row.get("filters"))
        row["sources"] = " ".join(links)
        return _Incident(str(require_cell(row, "id")), place, "Ukraine", "civilian harm", links)


class GeoConfirmedReader(_IncidentReader):
    """Reader for GeoConfirmed's CSV export and API; its KML export is read as KML."""

    name = "geoconfirmed"
    publisher = "GeoConfirmed"
    signatures = (
        frozenset({"id", "date", "faction", "latitude", "longitude", "pluscode"}),
        frozenset({"id", "date", "la", "lo", "icon"}),
        frozenset({"id", "date", "coordinates", "originalsource", "geolocation"}),
    )
    page_key = "items"
    texts = ("name", "description", "faction", "origin", "equipment", "units", "geolocation")
    extra: ClassVar = {**PLACE_COLUMNS, **dict.fromkeys(texts, "str")}

    def incident(self, row: dict[str, Any]) -> _Incident:
        """Return what a row states; town, region and country follow its plus code."""
        code = _PLUS_CODE.sub("", str(row.get("pluscode") or "")).strip()
        parts = [part.strip() for part in code.split(",") if part.strip()]
        country = parts.pop() if len(parts) > 1 else None
        region = parts[-1] if len(parts) > 1 else ""
        place = StatedPlace(parts[0] if parts else "", *_geoconfirmed_point(row), region)
        links = _links([row.get("source"), row.get("originalsource"), row.get("geolocation")])
        return _Incident(str(require_cell(row, "id")), place, country, links=links)


class AtlosReader(_IncidentReader):
    """Reader for incidents that Atlos exports as CSV or returns from its API."""

    name = "atlos"
    publisher = "Atlos"
    signatures = (
        frozenset({"slug", "attr_date"}),
        frozenset({"slug", "date", "inserted_at", "status"}),
    )
    page_key = "results"
    texts = ("status", "description", "inserted_at", "updated_at", "tags")
    extra: ClassVar = {**PLACE_COLUMNS, **dict.fromkeys(texts, "str")}

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row's event; attributes may have the prefix ``attr_``."""
        row = {name.removeprefix("attr_"): cell for name, cell in require_dict(value).items()}
        return super().rows(row, context)

    def _days(self, file: InputFile) -> Iterator[Any]:
        """Yield the days of all rows, with or without the prefix of attributes."""
        for record in text_records(file, self.page_key):
            if isinstance(record.value, dict):
                yield record.value.get("date") or record.value.get("attr_date")

    def incident(self, row: dict[str, Any]) -> _Incident:
        """Return what a row states: a point, and no name of a place."""
        point = parse_coordinates(row)
        if None in point:
            point = parse_point(row.get("geolocation"), "geolocation")
        if None in point:
            raise BadRecordError("the incident has no coordinates", "geolocation")
        kind = _text(row.get("type"))
        sources = [cell for name, cell in row.items() if name.startswith("source_")]
        slug = str(require_cell(row, "slug"))
        return _Incident(slug, StatedPlace("", *point), kind=kind, links=_links(sources))


def _geoconfirmed_point(row: Mapping[str, Any]) -> Point:
    """Return the point in any of the columns of the export and of both versions of the API."""
    pair = row.get("coordinates")
    if isinstance(pair, list):  # longitude first
        return parse_point({"coordinates": pair}, "coordinates")
    if "la" in row:
        return parse_coordinates(row, "la", "lo")
    return parse_coordinates(row)


def _links(value: Any) -> tuple[str, ...]:
    """Return the links in a value's texts, without repetition; lists hide some sources."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=float)
    return tuple(dict.fromkeys(_LINK.findall(text)))


def _filters(value: Any) -> str | None:
    """Return filters as text: ``key: value; key: value``."""
    if not isinstance(value, list):
        return _text(value)
    pairs = [item for item in value if isinstance(item, dict)]
    return "; ".join(f"{item.get('key')}: {item.get('value')}" for item in pairs) or None


def _text(value: Any) -> str | None:
    """Return a cell as text; lists as their elements, separated by commas."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or None
    return None if value is None or value == "" else str(value)
