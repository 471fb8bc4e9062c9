"""KML and KMZ points, such as exports of Google Earth, My Maps and GeoConfirmed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from foxgrape.io.events.map_points import MapReader
from foxgrape.io.json_records import json_preview
from foxgrape.io.stream import MAX_RECORD, BadRecordError, CorruptFileError, Record
from foxgrape.io.written_times import MONTHS
from foxgrape.io.xml_stream import XmlTarget, parse_xml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from foxgrape.io.base import ReadContext
    from foxgrape.io.stream import InputFile

__all__ = ["KmlReader"]

_KML = re.compile(rb"<(?:\w+:)?kml[\s>]")
#: GeoConfirmed names placemarks by the day: "20 APR 2026".
_DAY_NAME = re.compile(r"(?P<day>\d{1,2}) (?P<month>[A-Za-z]{3}) (?P<year>\d{4})\b[\s:,-]*")
#: Elements of a placemark that become columns.
_TEXT_ELEMENTS = {"name", "description", "address"}
_TIME_COLUMNS = {"when": "occurred_at", "begin": "occurred_at", "end": "occurred_until"}
_LENGTHS = (2, 3)


class KmlReader(MapReader):
    """Reader for KML: a row per placemark; in a KMZ archive, of its KML file."""

    name = "kml"
    #: A KMZ archive holds one KML file, and images.
    members = re.compile(r".*\.kml", re.IGNORECASE)

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return whether the file is XML with the root element ``kml``."""
        start = file.head[:4096]
        return not paths and start.lstrip().startswith(b"<") and bool(_KML.search(start))

    def features(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Yield each placemark."""
        target = _Placemarks()
        number = 0
        with file.open() as stream:
            for _ in parse_xml(stream, target):
                for value in target.take():
                    number += 1
                    yield Record(number, value, json_preview(value))

    def properties(self, feature: Any, context: ReadContext) -> dict[str, Any]:
        """Return a placemark's columns, with the coordinates of its only point."""
        flat: dict[str, Any] = dict(feature)
        points, has_other = flat.pop("points"), flat.pop("has_other")
        if flat.pop("is_open", False):
            context.note("a time span without an end is read as its beginning", flat["occurred_at"])
        if len(points) == 1:
            flat |= _coordinates(points[0])
        elif points or has_other:
            context.note("the geometry is not a point: it states no coordinates", flat.get("name"))
        if "occurred_until" in flat and "occurred_at" not in flat:
            raise BadRecordError("the time span has no beginning", "TimeSpan")
        if "occurred_at" not in flat:
            flat = _with_day_of_name(flat, context)
        return flat


def _coordinates(text: str) -> dict[str, str]:
    """Return latitude and longitude of ``longitude,latitude[,altitude]``."""
    parts = text.strip().split(",")
    if len(parts) not in _LENGTHS:
        raise BadRecordError(f"expected longitude,latitude; got {text!r:.80}", "coordinates")
    return {"lat": parts[1].strip(), "lon": parts[0].strip()}


def _with_day_of_name(flat: Mapping[str, Any], context: ReadContext) -> dict[str, Any]:
    """Return the columns with the day that the placemark's name states, if it does."""
    name = str(flat.get("name") or "")
    match = _DAY_NAME.match(name)
    if match is None or match["month"].title() not in MONTHS:
        return dict(flat)
    context.note("a placemark states no time: the day in its name is used", name)
    month = MONTHS.index(match["month"].title()) + 1
    day = f"{match['year']}-{month:02}-{int(match['day']):02}"
    return dict(flat) | {"occurred_at": day, "name": name[match.end() :]}


class _Placemarks(XmlTarget):
    """Collects the placemarks of a document."""

    def __init__(self) -> None:
        super().__init__()
        self._ready: list[dict[str, Any]] = []
        self._text: list[str] = []
        self._size = 0
        self._placemark: dict[str, Any] | None = None
        self._name = ""

    def take(self) -> list[dict[str, Any]]:
        """Return the placemarks since the last call."""
        ready, self._ready = self._ready, []
        return ready

    def on_start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Begin an element."""
        self._grow(len(name) + sum(map(len, attributes.values())))
        if name == "Placemark":
            self._placemark, self._size = {"points": [], "has_other": False}, 0
        if name in {"Data", "SimpleData"}:
            self._name = attributes.get("name", "")
        self._text = []

    def data(self, text: str) -> None:
        """Keep the text of an element."""
        self._grow(len(text))
        self._text.append(text)

    def on_end(self, name: str) -> None:
        """End an element; keep its text if it belongs to the placemark."""
        text = "".join(self._text).strip()
        self._text = []
        if self._placemark is None:
            self._size = 0
        elif name == "Placemark":
            self._ready.append(self._placemark)
            self._placemark = None
        else:
            self._keep(self._placemark, name, self.tags[-1] if self.tags else "", text)

    def _keep(self, placemark: dict[str, Any], name: str, parent: str, text: str) -> None:
        """Keep the text of an element in the placemark's columns."""
        if name == "coordinates":
            if parent == "Point":
                placemark["points"].append(text)
            else:
                placemark["has_other"] = True
        elif name in _TEXT_ELEMENTS and parent == "Placemark":
            placemark[name] = text
        elif name in _TIME_COLUMNS and parent in {"TimeStamp", "TimeSpan"} and text:
            placemark[_TIME_COLUMNS[name]] = text
        elif name == "TimeSpan" and "occurred_until" not in placemark:
            placemark["is_open"] = "occurred_at" in placemark
        elif name == "SimpleData" or (name == "value" and parent == "Data"):
            placemark.setdefault(self._name or "data", text)

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MAX_RECORD:
            raise CorruptFileError(f"a placemark is larger than {MAX_RECORD >> 20} MB")
