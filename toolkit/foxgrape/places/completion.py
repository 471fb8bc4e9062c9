"""Complete the packaged gazetteer with coordinates from GeoNames' dump.

A place without coordinates and a settlement of the dump are the same if each is the only one of its
name in the region, or else in the district. GeoNames' codes of regions and districts are matched
with the gazetteer's names by the places that both have.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from foxgrape.places.gazetteer import Gazetteer
from foxgrape.places.normalize import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from foxgrape.places.place import Place

__all__ = ["complete"]

#: Minimum number and share of places that must agree on what a code stands for.
_MIN_PLACES, _MIN_SHARE = 2, 0.8


class _Row(NamedTuple):
    """A settlement of the dump: its point, its folded names, and its divisions if known."""

    point: tuple[float, float]
    names: frozenset[str]
    admin1: str
    admin2: str


def complete(
    rows: Iterable[dict[str, Any]], base: Gazetteer | None = None
) -> tuple[list[tuple[Place, str]], int]:
    """Return the places of a gazetteer with their second ids, and how many were located.

    Parameters
    ----------
    rows
        The settlements of a dump, as `read_dump` yields them.
    base
        The gazetteer to complete; by default the packaged one.
    """
    base = Gazetteer.default() if base is None else base
    aliases = {base[key].id: key for key in base.name_keys() if key.startswith("katottg:")}
    places = {place.id: place for place in base}
    points = _match(places.values(), _new_rows(list(rows), places))
    located = [
        replace(place, lat=points[place.id][0], lon=points[place.id][1])
        if place.id in points
        else place
        for place in places.values()
    ]
    return [(place, aliases.get(place.id, "")) for place in located], len(points)


def _new_rows(rows: list[dict[str, Any]], places: dict[str, Place]) -> list[_Row]:
    """Return the settlements that are not in the gazetteer, in regions that it knows."""
    known = {row["geonameid"]: places.get(f"geonames:{row['geonameid']}") for row in rows}
    regions: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    districts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for row in rows:
        place = known[row["geonameid"]]
        if place is not None:
            regions[_codes(row)[:2]][place.admin1] += 1
            if place.admin2:
                districts[_codes(row)][place.admin2] += 1
    return [
        _Row(
            (row["latitude"], row["longitude"]),
            frozenset(map(fold, [row["name"], *row["alternatenames"]])),
            admin1,
            _agreed(districts[_codes(row)]),
        )
        for row in rows
        if known[row["geonameid"]] is None and (admin1 := _agreed(regions[_codes(row)[:2]]))
    ]


def _codes(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["countrycode"], row["admin1code"], row.get("admin2code", "")


def _agreed(votes: Counter[str]) -> str:
    """Return the name that most places agree on; empty if too few do."""
    for name, count in votes.most_common(1):
        if count >= _MIN_PLACES and count >= _MIN_SHARE * votes.total():
            return name
    return ""


def _match(places: Iterable[Place], rows: list[_Row]) -> dict[str, tuple[float, float]]:
    """Return the points of the places without coordinates that have a single match."""
    unlocated: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for place in places:
        if place.lat is None:
            for name in {fold(spelling) for spelling in (place.name, *place.names_in("uk"))}:
                unlocated[place.admin1, name].append(place)
    named: dict[tuple[str, str], list[_Row]] = defaultdict(list)
    for row in rows:
        for name in row.names:
            named[row.admin1, name].append(row)
    points: dict[str, set[tuple[float, float]]] = defaultdict(set)
    for key, candidates in unlocated.items():
        for place, row in _pairs(candidates, named.get(key, [])):
            points[place.id].add(row.point)
    claims = Counter(point for own in points.values() for point in own)
    return {
        place_id: point
        for place_id, own in points.items()
        if len(own) == 1 and claims[point := next(iter(own))] == 1
    }


def _pairs(places: list[Place], rows: list[_Row]) -> list[tuple[Place, _Row]]:
    """Return the places and rows of a name in a region that are the same."""
    if len(places) == len(rows) == 1:
        place, row = places[0], rows[0]
        contradicts = place.admin2 and row.admin2 and place.admin2 != row.admin2
        return [] if contradicts else [(place, row)]
    pairs = []
    for district in {place.admin2 for place in places if place.admin2}:
        here = [place for place in places if place.admin2 == district]
        there = [row for row in rows if row.admin2 == district]
        if len(here) == len(there) == 1:
            pairs.append((here[0], there[0]))
    return pairs
