"""Outlines of countries for maps: packaged ones, and those in a GeoJSON file."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.errors import FoxgrapeError
from foxgrape.places.gazetteer_info import OUTLINES_FILE

if TYPE_CHECKING:
    from collections.abc import Collection

    from foxgrape.places.gazetteer import Gazetteer

__all__ = ["country_features", "gazetteer_features"]

_AREAS = ("Polygon", "MultiPolygon")
#: Properties in which files of outlines state the country, in lower case: Natural Earth, and
#: geo-countries.
_COUNTRY_KEYS = ("iso_3166_2", "iso_a2", "iso3166-1-alpha-2")


def gazetteer_features(gazetteer: Gazetteer) -> list[dict[str, Any]]:
    """Return the outlines for maps of a gazetteer, as GeoJSON features; empty if there are none.

    These are the outlines that a gazetteer was built with; for the packaged gazetteer the regions
    of Ukraine; otherwise the packaged outlines of the gazetteer's countries.

    Examples
    --------
    >>> from foxgrape.places import Gazetteer
    >>> gazetteer_features(Gazetteer.default())[0]["properties"]["iso_3166_2"]
    'UA-05'
    >>> gazetteer_features(Gazetteer([]))
    []
    """
    resources = files("foxgrape") / "resources"
    features: list[dict[str, Any]] = []
    codes: list[str] = []
    for info in gazetteer.infos:
        own = info.file(OUTLINES_FILE)
        if own is not None:
            features += _read(own)
        else:
            codes += info.countries
    if gazetteer.is_packaged:
        text = (resources / "ukraine.geojson").read_text(encoding="utf-8")
        features += json.loads(text)["features"]
    if codes:
        with (resources / "countries.geojson").open(encoding="utf-8") as lines:
            # A feature is on a line of its own: parse only the lines that are needed.
            starts = tuple(f'{{"type":"Feature","properties":{{"iso_a2":"{code}"' for code in codes)
            features += [
                json.loads(line.rstrip(",\n")) for line in lines if line.startswith(starts)
            ]
    return features


def country_features(file: str | Path, codes: Collection[str]) -> list[dict[str, Any]]:
    """Return the areas of these countries in a GeoJSON file, or all if it states no countries.

    Raises
    ------
    FoxgrapeError
        If the file is no GeoJSON of areas, or has no area of these countries.
    """
    features = _read(file)
    areas = [
        {"type": "Feature", "properties": item["properties"], "geometry": item["geometry"]}
        for item in features
        if (item.get("geometry") or {}).get("type") in _AREAS
    ]
    countries = [_country(area["properties"]) for area in areas]
    if any(countries):
        areas = [area for area, code in zip(areas, countries, strict=True) if code in codes]
    if not areas:
        raise FoxgrapeError(
            "the file has no areas of these countries", file=file, got=", ".join(codes)
        )
    return areas


def _read(file: str | Path) -> list[dict[str, Any]]:
    try:
        features = json.loads(Path(file).read_text(encoding="utf-8"))["features"]
        for item in features:
            item["properties"] = item.get("properties") or {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FoxgrapeError(
            f"the outlines cannot be read: {error}", file=file, expected="a GeoJSON file of areas"
        ) from None
    return list(features)


def _country(properties: dict[str, Any]) -> str:
    lower = {str(key).lower(): value for key, value in properties.items()}
    for key in _COUNTRY_KEYS:
        value = str(lower.get(key) or "")
        # Natural Earth writes -99 where the country is disputed or has no code.
        if value[:2].isalpha():
            return value[:2].upper()
    return ""
