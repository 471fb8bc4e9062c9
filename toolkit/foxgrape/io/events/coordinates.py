"""Coordinates as sources write them: two columns, or one column with latitude and longitude."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from foxgrape.io.stream import BadRecordError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foxgrape.io.base import ReadContext

__all__ = ["COORDINATE_COLUMNS", "Point", "parse_coordinates", "parse_point", "stated_point"]

#: Latitude and longitude in degrees.
Point: TypeAlias = tuple[float | None, float | None]

#: Usual names of a column with latitude and longitude, as normalized by `normalize_name`.
COORDINATE_COLUMNS = (
    "geolocation",
    "coords",
    "lat_lon",
    "latlon",
    "lat_lng",
    "latlng",
    "lat_long",
    "latitude_longitude",
    "gps",
    "attr_geolocation",
)
#: A comma before the decimals; degrees have no thousands that a comma could separate.
_DECIMAL_COMMA = re.compile(r"[+-]?\d{1,3},\d+")
_NUMBER = r"[+-]?\d{1,3}(?:\.\d+)?"
_COMMA_NUMBER = r"[+-]?\d{1,3},\d+"
_PAIR = re.compile(rf"\(?({_NUMBER})°?\s*[,;\s]\s*({_NUMBER})°?\)?")
#: Decimal commas need another separator: "49,2087; 37,2485" or a comma and a space.
_COMMA_PAIR = re.compile(rf"\(?({_COMMA_NUMBER})°?(?:\s*;\s*|,?\s+)({_COMMA_NUMBER})°?\)?")
_WKT_POINT = re.compile(rf"POINT\s*\(\s*({_NUMBER})\s+({_NUMBER})\s*\)", re.IGNORECASE)
#: One coordinate with its hemisphere, in degrees or in degrees, minutes and seconds.
_SEXAGESIMAL = re.compile(
    r"(\d{1,3}(?:\.\d+)?)\s*°?\s*(?:(\d{1,2}(?:\.\d+)?)\s*['′’]\s*)?"
    r"(?:(\d{1,2}(?:\.\d+)?)\s*(?:[\"″”]|'')\s*)?([NSEW])"
)
_GEOJSON_LENGTHS = (2, 3)


def parse_coordinates(
    row: Mapping[str, Any],
    lat: str = "latitude",
    lon: str = "longitude",
    context: ReadContext | None = None,
) -> Point:
    """Return latitude and longitude; (None, None) if either is missing."""
    point = _parse_degrees(row, lat, 90, context), _parse_degrees(row, lon, 180, context)
    return (None, None) if None in point else point


def _parse_degrees(
    row: Mapping[str, Any], column: str, limit: int, context: ReadContext | None
) -> float | None:
    cell = row.get(column)
    if cell is None or cell == "":
        return None
    if isinstance(cell, str) and _DECIMAL_COMMA.fullmatch(cell.strip()):
        if context is not None:
            context.note("a decimal comma is read in a coordinate", cell)
        cell = cell.replace(",", ".")
    try:
        number = float(cell)
    except (ValueError, TypeError):
        number = float("nan")
    if not -limit <= number <= limit:
        raise BadRecordError(f"expected -{limit} to {limit}; got {cell!r:.80}", column)
    return number


def stated_point(text: str) -> tuple[str, str] | None:
    """Return latitude and longitude as text if the text is such a pair; else None.

    Examples
    --------
    >>> stated_point("49.2087, 37.2485"), stated_point("49,2087; 37,2485"), stated_point("Izium")
    (('49.2087', '37.2485'), ('49.2087', '37.2485'), None)
    """
    text = text.strip()
    if wkt := _WKT_POINT.fullmatch(text):
        return wkt[2], wkt[1]
    if _DECIMAL_COMMA.fullmatch(text):  # one number, such as 49,20
        return None
    if pair := _PAIR.fullmatch(text):
        return pair[1], pair[2]
    if pair := _COMMA_PAIR.fullmatch(text):
        return pair[1].replace(",", "."), pair[2].replace(",", ".")
    return _with_hemispheres(text)


def _with_hemispheres(text: str) -> tuple[str, str] | None:
    """Return latitude and longitude of text such as 49°12'31.3"N 37°14'54.6"E; else None."""
    parts = list(_SEXAGESIMAL.finditer(text))
    if len(parts) != len(("N", "E")) or _SEXAGESIMAL.sub("", text).strip(" ,;"):
        return None
    if parts[0][4] not in "NS" or parts[1][4] not in "EW":
        return None
    degrees = []
    for part in parts:
        size = sum(float(part[n] or 0) / 60 ** (n - 1) for n in (1, 2, 3))
        degrees.append(-size if part[4] in "SW" else size)
    return f"{degrees[0]:.7f}", f"{degrees[1]:.7f}"


def parse_point(cell: Any, column: str) -> Point:
    """Return the point in a cell: text with latitude and longitude, WKT, or a GeoJSON point."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None, None
    pair: tuple[Any, Any] | None = None
    if isinstance(cell, str):
        pair = stated_point(cell)
    elif isinstance(cell, dict) and isinstance(cell.get("coordinates"), list):
        numbers = cell["coordinates"]
        if cell.get("type", "Point") == "Point" and len(numbers) in _GEOJSON_LENGTHS:
            pair = numbers[1], numbers[0]
    if pair is None:
        raise BadRecordError(
            f"expected latitude and longitude such as 49.2087, 37.2485; got {cell!r:.80}", column
        )
    return parse_coordinates(dict(zip(("latitude", "longitude"), pair, strict=True)))
