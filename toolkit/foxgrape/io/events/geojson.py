"""GeoJSON points (RFC 7946): a collection, or a feature per line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foxgrape.io.convert import require_dict
from foxgrape.io.events.map_points import MapReader
from foxgrape.io.json_records import document_records, iter_records, key_paths
from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.base import ReadContext
    from foxgrape.io.stream import InputFile, Record

__all__ = ["GeoJsonReader"]

_LENGTHS = (2, 3)


class GeoJsonReader(MapReader):
    """Reader for GeoJSON: the properties of features are columns, and points their coordinates."""

    name = "geojson"

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the keys are those of a feature collection, or of features."""
        is_collection = ("features",) in paths and ("type",) in paths
        return is_collection or {("geometry",), ("properties",), ("type",)} <= paths

    def features(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Yield each feature of the collection, or each line."""
        if ("features",) not in key_paths(file.head):
            with file.open() as stream:
                yield from iter_records(stream, file.head)
            return
        with file.open() as stream:
            yield from document_records(stream, ("features", "item"), several=True)

    def properties(self, feature: Any, context: ReadContext) -> dict[str, Any]:
        """Return the properties, the id and the coordinates of a feature."""
        feature = require_dict(feature)
        if not isinstance(feature.get("properties"), (dict, type(None))):
            raise BadRecordError("expected an object", "properties")
        flat = dict(feature.get("properties") or {})
        if feature.get("id") is not None and not {"id", "event_id"} & flat.keys():
            flat["id"] = feature["id"]
        geometry = feature.get("geometry")
        if geometry is None:
            return flat
        geometry = require_dict(geometry, "geometry")
        point = _single_point(geometry)
        if point is None:
            kind = str(geometry.get("type"))
            context.note("the geometry is not a point: it states no coordinates", kind)
            return flat
        return flat | {"lat": point[1], "lon": point[0]}


def _single_point(geometry: dict[str, Any]) -> list[Any] | None:
    """Return the longitude and latitude of a point, or of the only point of several."""
    coordinates = geometry.get("coordinates")
    if geometry.get("type") == "MultiPoint" and isinstance(coordinates, list):
        coordinates = coordinates[0] if len(coordinates) == 1 else None
    elif geometry.get("type") != "Point":
        return None
    if coordinates is None:
        return None
    if not isinstance(coordinates, list) or len(coordinates) not in _LENGTHS:
        raise BadRecordError(
            f"expected longitude and latitude; got {coordinates!r:.80}", "geometry"
        )
    return coordinates
