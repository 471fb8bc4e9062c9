"""Tell places of one name apart by population, distance and district.

`resolution` decides so for names in tables, and `mention_places` for names in texts.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache

from foxgrape.places.gazetteer import PlaceMatch, is_current_name
from foxgrape.places.place import distance_km

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from foxgrape.places.gazetteer import Gazetteer
    from foxgrape.places.place import Place

__all__ = [
    "CITY_POPULATION",
    "NEARBY",
    "NEARBY_TOWN",
    "TOWN_POPULATION",
    "UNKNOWN_POPULATION",
    "Matches",
    "current_places",
    "dominant_places",
    "former_towns",
    "in_shared_district",
    "is_around",
    "is_city_district",
    "is_dominant",
    "is_near",
    "is_quarter",
    "places_near",
    "shared_districts",
]

#: Population assumed for a place whose population is unknown.
UNKNOWN_POPULATION = 500
#: Minimum population of a town: a larger place is meant whatever region or place is named near it.
TOWN_POPULATION = 20_000
#: A shared name means only its largest place if that has this many times the people of any other,
#: and no fewer people than all others together.
_DOMINANCE = 10
#: For a city of this many people, fewer times suffice: Kostiantynivka.
_DOMINANT_CITY, _DOMINANCE_OF_CITY = 50_000, 5
#: At most this many hamlets have a name that may still mean the place that had it.
_FEW, _HAMLET_POPULATION = 3, 1000
#: Minimum population of a place that is meant rather than a hamlet near the other names of a list.
_SMALL_TOWN = 5000
#: Places within this many kilometres of an unambiguous place in the same text are preferred.
NEARBY, NEARBY_TOWN = 60.0, 150.0
#: Minimum population of a city with quarters and of a quarter, and its distance from the centre.
CITY_POPULATION, _QUARTER_POPULATION, _QUARTER_KM = 100_000, 5000, 12.0
#: The same for the largest cities.
_LARGE_CITY, _LARGE_CITY_KM = 500_000, 16.0
_CALLED_DISTRICT = re.compile(" (?:район|[Rr]ai?yon|[Rr]aion|[Dd]istrict)$")


def is_quarter(place: Place, gazetteer: Gazetteer) -> bool:
    """Return whether a place is a quarter of a city, such as Obolon in Kyiv.

    Quarters have no district in the gazetteer, in which their cities have one, or are a region.
    """
    people = place.population or 0
    if place.admin2 or place.admin1 == place.name or people < _QUARTER_POPULATION:
        return False
    if place.country not in _with_districts(gazetteer):
        return False
    return any(
        city.admin1 == place.admin1
        and city is not place
        and is_near(place, [city], _reach_of(city))
        for city in _cities(gazetteer)
    )


def is_city_district(place: Place) -> bool:
    """Return whether a place is called a district, as those of cities: Zarichnyi in Sumy."""
    return any(map(_CALLED_DISTRICT.search, place.names))


def _reach_of(city: Place) -> float:
    return _LARGE_CITY_KM if (city.population or 0) >= _LARGE_CITY else _QUARTER_KM


@lru_cache(maxsize=4)
def _cities(gazetteer: Gazetteer) -> list[Place]:
    return [
        place
        for place in gazetteer.populated_places()
        if (place.population or 0) >= CITY_POPULATION
        and (place.admin2 or place.admin1 == place.name)
    ]


@lru_cache(maxsize=4)
def _with_districts(gazetteer: Gazetteer) -> frozenset[str]:
    """Return the countries of which the gazetteer has districts."""
    places = gazetteer.populated_places()
    return frozenset(place.country for place in places if place.admin2)


class Matches(tuple[PlaceMatch, ...]):  # noqa: SLOT001 - keeps what is computed
    """What a name in a text may mean, of which `current_places` are computed only once."""

    @cached_property
    def current(self) -> list[Place]:
        """The places as `current_places` returns them."""
        return _current_places(self)


def current_places(matches: Sequence[PlaceMatch]) -> list[Place]:
    """Return the places that have the name today; if none or few hamlets have, also those that had.

    Красний Лиман is the former name of Lyman and the name of two hamlets.
    """
    return matches.current if isinstance(matches, Matches) else _current_places(matches)


def _current_places(matches: Sequence[PlaceMatch]) -> list[Place]:
    current = [match.place for match in matches if is_current_name(match)]
    are_hamlets = all((place.population or 0) < _HAMLET_POPULATION for place in current)
    if len(current) <= _FEW and are_hamlets:
        return [match.place for match in matches]
    return current


def former_towns(matches: Sequence[PlaceMatch]) -> list[Place]:
    """Return the towns that had the name, but do not have it today."""
    former = (match.place for match in matches if not is_current_name(match))
    return [place for place in former if (place.population or 0) >= TOWN_POPULATION]


def dominant_places(places: list[Place]) -> list[Place]:
    """Return only the largest place, if far more people live there than in the others."""
    if len(places) == 1:
        return places
    ranked = sorted(places, key=lambda place: -(place.population or UNKNOWN_POPULATION))
    first, *others = [place.population or UNKNOWN_POPULATION for place in ranked]
    return ranked[:1] if is_dominant(first, others) else places


def is_dominant(people: int, others: Sequence[int]) -> bool:
    """Return whether a place has far more people than each other of its name."""
    ratio = _DOMINANCE_OF_CITY if people >= _DOMINANT_CITY else _DOMINANCE
    return people >= ratio * max(others, default=0) and people >= sum(others)


def places_near(places: list[Place], anchors: list[Place]) -> list[Place]:
    """Return those of several places that are near places that other names mean, if any are.

    A town counts as near from farther away than a village, and is then preferred to villages. What
    has no coordinates is near in the same district; if the district is unknown, in the region.
    """
    if len(places) == 1:
        return places
    around = [
        place
        for place in places
        if is_near(place, anchors, _reach(place))
        or _shares_district(place, anchors)
        or _may_share_district(place, anchors)
    ]
    return dominant_places(around or places)


def in_shared_district(
    namesakes: list[list[Place]], candidates: list[list[Place]]
) -> list[list[Place]]:
    """Return the candidates in the only district that has a place of each name of a list.

    The candidates stay if the largest place of the name is a small town elsewhere. A place of
    unknown district may lie in any district of its region.
    """
    shared = shared_districts(namesakes)
    if len(shared) != 1:
        return candidates
    kept = []
    for some, places in zip(namesakes, candidates, strict=True):
        (region, district), *_ = shared
        inside = [p for p in some if p.admin1 == region and p.admin2 in {district, ""}]
        largest = max(some, key=lambda place: place.population or 0)
        is_elsewhere = largest not in inside and (largest.population or 0) >= _SMALL_TOWN
        kept.append(places if is_elsewhere else dominant_places(inside))
    return kept


def shared_districts(namesakes: list[list[Place]]) -> set[tuple[str, str]]:
    """Return the districts, with their regions, that have a place of each name."""
    districts = [{(p.admin1, p.admin2) for p in some if p.admin2} for some in namesakes]
    return set.intersection(*districts)


def _reach(place: Place) -> float:
    return NEARBY_TOWN if (place.population or 0) >= TOWN_POPULATION else NEARBY


def is_near(place: Place, others: list[Place], reach: float = NEARBY) -> bool:
    """Return whether a place is within `reach` kilometres of any of the others."""
    return any(
        distance_km(place, (other.lat, other.lon)) <= reach
        for other in others
        if other.lat is not None and other.lon is not None
    )


def is_around(place: Place, others: list[Place]) -> bool:
    """Return whether a place is near others or, if it has no coordinates, in their districts."""
    return is_near(place, others) or _shares_district(place, others)


def _may_share_district(place: Place, others: list[Place]) -> bool:
    """Return whether a place of unknown district is in the region of one without coordinates."""
    return not place.admin2 and any(
        other.lat is None and other.admin1 == place.admin1 for other in others
    )


def _shares_district(place: Place, others: list[Place]) -> bool:
    """Return whether a place without coordinates is in the district of any of the others."""
    return place.lat is None and any(
        other.admin2 and other.admin2 == place.admin2 and other.admin1 == place.admin1
        for other in others
    )
