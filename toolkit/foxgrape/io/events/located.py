"""Places of events that state a point: by their name near the point, else the nearest place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from foxgrape.io.events.place_names import parse_place_name
from foxgrape.io.events.place_resolver import StatedPlace
from foxgrape.io.stream import BadRecordError
from foxgrape.places.place import distance_km

if TYPE_CHECKING:
    import numpy.typing as npt

    from foxgrape.io.base import ReadContext
    from foxgrape.io.events.place_resolver import PlaceResolver
    from foxgrape.places import Gazetteer, Place

__all__ = ["MAX_KM", "Located", "locate", "nearest_place"]

#: Maximum distance from a point to the place that is taken for it. Of the packaged gazetteer, only
#: 5,655 places have coordinates; few points in Ukraine are farther from one of them.
MAX_KM = 25.0
#: Inhabitants per square kilometre of the area that is taken for a city's.
_DENSITY = 1_500
#: Words that stand for a missing name.
_NO_NAME = {"unknown", "unnamed", "untitled", "undisclosed", "n/a", "-", "невідомо", "неизвестно"}
_INDEXES: WeakKeyDictionary[Gazetteer, tuple[list[Place], npt.NDArray[np.float64]]]
_INDEXES = WeakKeyDictionary()


class Located(NamedTuple):
    """An event's place: its id and name, and the precision and distance if it is the nearest."""

    place: tuple[str, str]
    precision: str | None = None
    km: float | None = None


def locate(
    source: str, stated: StatedPlace, context: ReadContext, *, name_may_be_title: bool = False
) -> Located:
    """Return the place of an event.

    With a name, it is the place with that name; if the name may be the title of the event and no
    such place is near the point, the name is ignored. Without a name, it is the place nearest to
    the point, within `MAX_KM`; beyond, the place is unresolved.
    """
    places: PlaceResolver = context.state["places"]
    name = "" if stated.name.strip().casefold() in _NO_NAME else stated.name.strip()
    if name:
        parsed = parse_place_name(
            StatedPlace(name, stated.lat, stated.lon, stated.admin1), places.gazetteer, context
        )
        if not name_may_be_title or stated.point is None:
            return Located(places.resolve_settlement(source, parsed))
        if places.is_known(parsed):
            return Located(places.resolve_settlement(source, parsed), "exact")
    point = stated.point
    if point is None:
        raise BadRecordError("a place name, an id or coordinates are required", "place")
    cache: dict[tuple[float, float], tuple[Place, float] | None]
    cache = context.state.setdefault("nearest", {})
    if point not in cache:
        cache[point] = nearest_place(places.gazetteer, point)
    nearest = cache[point]
    if nearest is None or nearest[1] > MAX_KM:
        away = "" if nearest is None else f"; the nearest is {nearest[1]:.0f} km away"
        reason = f"no place is within {MAX_KM:.0f} km of the point{away}"
        label = f"{point[0]:g},{point[1]:g}"
        return Located(places.resolve_area(source, StatedPlace(label, *point), reason))
    place, km = nearest
    what = "no place near the point has the stated name" if name else "a point has no place name"
    context.note(f"{what}: the nearest place is used", f"{place.name}, {km:.1f} km")
    return Located((place.id, place.name), "near", round(km, 2))


def nearest_place(gazetteer: Gazetteer, point: tuple[float, float]) -> tuple[Place, float] | None:
    """Return the place nearest to a point and its distance in kilometres; None without places.

    GeoNames lists parts of large cities as places of their own: for them, return the city.

    Examples
    --------
    >>> from foxgrape.places import Gazetteer
    >>> place, km = nearest_place(Gazetteer.default(), (49.2087, 37.2485))
    >>> place.name, round(km, 1)
    ('Izium', 2.1)
    """
    places, unit_vectors = _places_with_points(gazetteer)
    if not places:
        return None
    closeness = unit_vectors @ _unit_vectors(np.array([point]))[0]
    place = places[int(np.argmax(closeness))]
    place = _city_around(place, places) or place
    return place, distance_km(place, point)


def _city_around(place: Place, places: list[Place]) -> Place | None:
    """Return the largest city around a place that the register of settlements does not have."""
    if place.country != "UA" or _is_registered(place) or not place.id.startswith("geonames:"):
        return None
    point = (place.lat or 0.0, place.lon or 0.0)
    cities = [
        city
        for city in places
        if (city.population or 0) > (place.population or 0)
        and _is_registered(city)
        and distance_km(city, point) <= math.sqrt((city.population or 0) / math.pi / _DENSITY)
    ]
    return max(cities, key=lambda city: city.population or 0, default=None)


def _is_registered(place: Place) -> bool:
    """Return whether a place of Ukraine is in KATOTTG, which states its district.

    Kyiv and Sevastopol, regions of their own, have no district.
    """
    return bool(place.admin2) or place.name == place.admin1


def _places_with_points(gazetteer: Gazetteer) -> tuple[list[Place], npt.NDArray[np.float64]]:
    """Return a gazetteer's places with coordinates, sorted by id, and their unit vectors."""
    if gazetteer not in _INDEXES:
        places = sorted(
            (place for place in gazetteer if place.lat is not None and place.lon is not None),
            key=lambda place: place.id,
        )
        points = np.array([(place.lat, place.lon) for place in places], dtype="float64")
        _INDEXES[gazetteer] = places, _unit_vectors(points.reshape(-1, 2))
    return _INDEXES[gazetteer]


def _unit_vectors(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return points on a sphere of radius 1: the nearest has the largest scalar product."""
    lat, lon = np.radians(points).T
    return np.column_stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)))
