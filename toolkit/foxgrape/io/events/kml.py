"""KML and KMZ points, such as exports of Google Earth, My Maps and GeoConfirmed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError, XMLParser

from foxgrape.io.convert import MONTHS
from foxgrape.io.events.map_points import MapReader
from foxgrape.io.json_records import json_preview
from foxgrape.io.stream import (
    CHUNK,
    MAX_DEPTH,
    MAX_RECORD,
    BadRecordError,
    CorruptFileError,
    Record,
)

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

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return whether the file is XML with the root element ``kml``."""
        start = file.head[:4096]
        return not paths and start.lstrip().startswith(b"<") and bool(_KML.search(start))

    def features(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Yield each placemark."""
        target = _Placemarks()
        parser = XMLParser(target=target)  # noqa: S314 - the target rejects document types
        number, is_open = 0, True
        with file.open() as stream:
            while is_open:
                damage = None
                try:
                    chunk = stream.read(CHUNK)
                    is_open = bool(chunk)
                    parser.feed(chunk) if chunk else parser.close()
                except CorruptFileError as error:
                    damage = error
                except (ParseError, ValueError, LookupError) as error:
                    damage = CorruptFileError(f"the KML is invalid or cut off: {error}")
                # The placemarks before the damage are complete.
                for value in target.take():
                    number += 1
                    yield Record(number, value, json_preview(value))
                if damage is not None:
                    raise damage

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


class _Placemarks:
    """Target of an XML parser that collects placemarks, and rejects document types.

    A document type can declare entities that expand to gigabytes or name files of this machine;
    KML has none.
    """

    def __init__(self) -> None:
        self._ready: list[dict[str, Any]] = []
        self._tags: list[str] = []
        self._text: list[str] = []
        self._size = 0
        self._placemark: dict[str, Any] | None = None
        self._name = ""

    def take(self) -> list[dict[str, Any]]:
        """Return the placemarks since the last call."""
        ready, self._ready = self._ready, []
        return ready

    def doctype(self, *_: str | None) -> None:
        """Reject the document type when it starts, before it can declare anything."""
        raise CorruptFileError("the KML declares a document type; remove the line with DOCTYPE")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Begin an element."""
        self._tags.append(tag.rpartition("}")[2])
        self._size += len(tag) + sum(map(len, attributes.values()))
        if len(self._tags) > MAX_DEPTH:
            raise CorruptFileError(f"the KML is nested deeper than {MAX_DEPTH}")
        self._check_size()
        if self._tags[-1] == "Placemark":
            self._placemark, self._size = {"points": [], "has_other": False}, 0
        if self._tags[-1] in {"Data", "SimpleData"}:
            self._name = attributes.get("name", "")
        self._text = []

    def data(self, text: str) -> None:
        """Keep the text of an element."""
        self._size += len(text)
        self._text.append(text)
        self._check_size()

    def end(self, tag: str) -> None:  # noqa: ARG002 - the method of an XML parser's target
        """End an element; keep its text if it belongs to the placemark."""
        name = self._tags.pop()
        if self._placemark is None:
            self._size = 0
            return
        parent = self._tags[-1] if self._tags else ""
        text = "".join(self._text).strip()
        self._text = []
        if name == "Placemark":
            self._ready.append(self._placemark)
            self._placemark = None
        elif name == "coordinates":
            if parent == "Point":
                self._placemark["points"].append(text)
            else:
                self._placemark["has_other"] = True
        elif name in _TEXT_ELEMENTS and parent == "Placemark":
            self._placemark[name] = text
        elif name in _TIME_COLUMNS and parent in {"TimeStamp", "TimeSpan"} and text:
            self._placemark[_TIME_COLUMNS[name]] = text
        elif name == "TimeSpan" and "occurred_until" not in self._placemark:
            self._placemark["is_open"] = "occurred_at" in self._placemark
        elif name == "SimpleData" or (name == "value" and parent == "Data"):
            self._placemark.setdefault(self._name or "data", text)

    def _check_size(self) -> None:
        if self._size > MAX_RECORD:
            raise CorruptFileError(f"a placemark is larger than {MAX_RECORD >> 20} MB")

    def close(self) -> None:
        """End the document."""
