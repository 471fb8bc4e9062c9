"""Tell places of a control list apart that have the same name.

Lists number such places, but the numbers move between them when rows are sorted anew, and the
coordinates were joined by name, so that places of one name may share them. Their populations stay.
So a place is known by name and population. It is identified in the gazetteer only if:

- coordinates that only this place has, where the list has others for the name, lead to a place of
  a similar population;
- or coordinates that it shares lead to the only place of the name that has a similar population, to
  the only one that has nearly the same, or to one of a similar population if no other's is closer;
- or one place alone has the same population, or nearly the same while no other has a similar one.
  The coordinates of the name are then those of another place.

Populations are similar up to a factor of 1.5, and nearly the same up to 5 per cent. A place of
unknown population agrees with less than 1000, since GeoNames has most places above 500.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from foxgrape.places.place import km_between
from foxgrape.places.resolution import FAR_KM, resolve

if TYPE_CHECKING:
    from foxgrape.places import Gazetteer, Place

    Point = tuple[float, float]

__all__ = ["Identified", "ListedNames", "is_other_population", "parse_population", "split_number"]

#: Populations of one name that differ by less are those of one place in different years.
_SAME = 1.03
#: Maximum ratio of the populations in the list and in the gazetteer, if they are similar and if
#: they are nearly equal, and the population below which a place of unknown population agrees.
_SIMILAR, _EQUAL, _UNKNOWN = 1.5, 1.05, 1000
#: Above this ratio, a place that coordinates lead to is not meant if others have its name.
_OTHER = 3
_PREFIX = "population "
_NUMBER = re.compile(rf" \((?:{_PREFIX})?\d+\)$")


class Identified(NamedTuple):
    """A place, and the coordinates of the list that lie there."""

    place: Place
    point: Point | None


class Row(NamedTuple):
    """Which place of its name a row means."""

    key: str
    #: Whether the row before it with this number meant the same place.
    continues: bool


def parse_population(text: object) -> int | None:
    """Return a population such as ``72,310``; None for anything else.

    Examples
    --------
    >>> parse_population("72,310"), parse_population("NA")
    (72310, None)
    """
    digits = re.sub(r"[,\s]", "", str(text or ""))
    return int(digits) if digits.isdecimal() and int(digits) else None


def split_number(name: str) -> tuple[str, str]:
    """Return a name without the number or population of a place of this name, and that number.

    Examples
    --------
    >>> split_number("Ivanivka (population 135)"), split_number("Izium")
    (('Ivanivka', 'population 135'), ('Izium', ''))
    """
    number = _NUMBER.search(name)
    return (name[: number.start()], number[0][2:-1]) if number else (name, "")


def is_other_population(place: Place, key: str) -> bool:
    """Return whether a place has by far another population than the number of its name states.

    Examples
    --------
    >>> from foxgrape.places import find
    >>> kyiv = find("Kyiv")[0].place
    >>> is_other_population(kyiv, "population 135"), is_other_population(kyiv, "2")
    (True, False)
    """
    if not key.startswith(_PREFIX) or place.population is None:
        return False
    return _ratio(place.population, _number(key)) > _OTHER


class ListedNames:
    """The places of a list by name and population, with their coordinates."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, set[str]] = defaultdict(set)
        self._points: dict[str, dict[str, set[Point]]] = defaultdict(lambda: defaultdict(set))

    def add(self, name: str, number: str, population: int | None, point: Point | None) -> Row:
        """Record a row; without population, it means the place of the last row with its number."""
        last = self._last.get((name, number))
        if population is None:
            key = last or number
        else:
            same = (key for key in self._points[name] if _ratio(_number(key), population) < _SAME)
            key = next(same, f"{_PREFIX}{population}")
            points = self._points[name][key]
            if point is not None:
                points.add(point)
        self._last[name, number] = key
        self._numbers[name].add(number)
        return Row(key, continues=last in {key, None})

    def is_repeated(self, name: str) -> bool:
        """Return whether the list numbers several places of a name and states populations."""
        return len(self._numbers[name]) > 1 and bool(self._points[name])

    def identify(self, name: str, key: str, gazetteer: Gazetteer) -> Identified | None:
        """Return the place of a name and population that the evidence agrees on."""
        identified = self._identify(name, key, gazetteer)
        if identified is None:
            return None
        others = (self._identify(name, other, gazetteer) for other in self._points[name])
        same = [other for other in others if other and other.place == identified.place]
        return identified if len(same) == 1 else None

    def disagrees(self, name: str, key: str, place: Place) -> bool:
        """Return whether a place has by far another population than the list states."""
        return key in self._points[name] and is_other_population(place, key)

    def _identify(self, name: str, key: str, gazetteer: Gazetteer) -> Identified | None:
        if key not in self._points[name]:
            return None
        points, population = self._points[name][key], _number(key)
        own = {point for point in points if not self._is_shared(name, key, point)}
        is_corrected = bool(own) and len(self._all_points(name)) > 1
        at = {
            resolve(name, point=point, gazetteer=gazetteer).place: point
            for point in sorted(own if is_corrected else points)
        }
        similar = [
            place for place in gazetteer.namesakes(name) if _agrees(place, population, _SIMILAR)
        ]
        nearly = [place for place in similar if _agrees(place, population, _EQUAL)]
        located = [place for place in similar if place in at]
        if len(located) > 1:
            located = [place for place in nearly if place in at]
        if len(located) == 1 and (
            is_corrected or located in (similar, nearly, _closest(similar, population))
        ):
            return Identified(located[0], at[located[0]])
        if is_corrected:
            return None
        # The coordinates of the name are those of a namesake.
        equal = [place for place in similar if place.population == population]
        for some in (equal, nearly if nearly == similar else []):
            if len(some) == 1 and some[0].population is not None:
                return Identified(some[0], None)
        return None

    def _all_points(self, name: str) -> set[Point]:
        return set().union(*self._points[name].values())

    def _is_shared(self, name: str, key: str, point: Point) -> bool:
        """Return whether other places of the name have the coordinates, or some near them."""
        return any(
            km_between(point, other) <= FAR_KM
            for other_key, points in self._points[name].items()
            if other_key != key
            for other in points
        )


def _closest(places: list[Place], population: int) -> list[Place]:
    """Return the places whose population is closest; none if that of any is unknown."""
    if not all(place.population for place in places):
        return []
    ratios = [_ratio(place.population or 0, population) for place in places]
    return [place for place, ratio in zip(places, ratios, strict=True) if ratio == min(ratios)]


def _number(key: str) -> int:
    return int(key.removeprefix(_PREFIX))


def _agrees(place: Place, population: int, ratio: float) -> bool:
    if place.population is None:
        return population < _UNKNOWN
    return _ratio(place.population, population) <= ratio


def _ratio(first: int, second: int) -> float:
    return max(first, second) / max(min(first, second), 1)
