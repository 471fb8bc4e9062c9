"""Decide which places a name in a text may mean: by region, population and neighbours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from foxgrape.places.divisions import read_divisions
from foxgrape.places.gazetteer import is_current_name
from foxgrape.places.place import distance_km

if TYPE_CHECKING:
    from collections.abc import Sequence

    from foxgrape.places import Gazetteer, Place, PlaceMatch

__all__ = [
    "DIVISION_REACH",
    "TOWN_POPULATION",
    "WORD",
    "candidate_places",
    "current_places",
    "dominant_places",
    "is_around",
    "is_near",
    "places_near",
]

#: A capitalised word.
WORD = r"[^\W\d_a-zа-яґєії][\w'’ʼ]*(?:[-‑][\w'’ʼ]+)*"
#: Minimum population of a town: a larger place is meant whatever region or place is named near it.
TOWN_POPULATION = 20_000
#: A shared name means only its largest place if that has this many times the people of any other,
#: and no fewer people than all others together; and the population assumed for a place whose
#: population is unknown.
_DOMINANCE, _DEFAULT_POPULATION = 10, 500
#: Places within this many kilometres of an unambiguous place in the same text are preferred.
_NEARBY, _NEARBY_TOWN = 60.0, 150.0
#: Number of characters between a name and a region behind it; in English, up to twice as many.
_REACH = 40
#: Number of characters behind a name that are searched for a region.
DIVISION_REACH = 3 * _REACH
_DIVISION = re.compile(
    rf"(?P<name>{WORD})\s+(?:(?P<region>област|обл\b|[Oo]blast|Obl\b|[Rr]egion|[Pp]rovince)"
    r"|район|[Rr]aion|[Dd]istrict)"
    r"|\b(?P<noun>[А-ЯІЇЄҐ][\w'’ʼ]+щин(?:а|и|і|у|ою|е|ы|ой))\b"
)
#: What may stand between a name and its region: other names, and small words.
_UP_TO_DIVISION = re.compile(
    rf"(?:[\s,()–-]|\b{WORD}\b|\b(?:в|у|на|in|of|the|та|і|й|и|and|village|town|city|district|raion"
    r"|район\w*)\b)*"
)
_ANY_ASCII = re.compile(r"[\x00-\x7f]*")


def candidate_places(
    text: str, end: int, matches: Sequence[PlaceMatch], gazetteer: Gazetteer
) -> list[Place]:
    """Return the places that a name may mean, by the region behind its `end` and by population.

    A region decides before population, unless the place is a town, if only names and small words
    are in between. In English, where words for the region follow its name, it otherwise decides
    after population.
    """
    places = current_places(matches)
    largest = dominant_places(places)
    if len(places) == 1:
        return places
    if len(largest) == 1 and (largest[0].population or 0) >= TOWN_POPULATION:
        return largest
    tied = _in_division_behind(text, end, places, gazetteer, _REACH, _UP_TO_DIVISION)
    if tied:
        return dominant_places(tied)
    loose = _in_division_behind(text, end, largest, gazetteer, 2 * _REACH, _ANY_ASCII)
    return loose or largest


def _in_division_behind(
    text: str,
    end: int,
    places: list[Place],
    gazetteer: Gazetteer,
    reach: int,
    between: re.Pattern[str],
) -> list[Place]:
    """Return the places in the first region or district behind a name in which any of them is."""
    for part in _DIVISION.finditer(text, end, end + reach + _REACH):
        if part.start() - end > reach or not between.fullmatch(text, end, part.start()):
            break
        kind = "область" if part["region"] else "район"
        divisions = read_divisions(part["noun"] or f"{part['name']} {kind}", gazetteer)
        inside = divisions.select(places) if divisions else []
        if inside:
            return inside
    return []


def current_places(matches: Sequence[PlaceMatch]) -> list[Place]:
    """Return the places that have the name today; if none has, those that had it."""
    places = [match.place for match in matches if is_current_name(match)]
    return places or [match.place for match in matches]


def dominant_places(places: list[Place]) -> list[Place]:
    """Return only the largest place, if far more people live there than in the others."""
    ranked = sorted(places, key=lambda place: -(place.population or _DEFAULT_POPULATION))
    first, *others = [place.population or _DEFAULT_POPULATION for place in ranked]
    is_dominant = first >= _DOMINANCE * max(others, default=0) and first >= sum(others)
    return ranked[:1] if is_dominant else places


def places_near(places: list[Place], anchors: list[Place]) -> list[Place]:
    """Return those of several places that are near places that other names mean, if any are.

    A town counts as near from farther away than a village, and is then preferred to villages.
    """
    if len(places) == 1:
        return places
    around = [
        place
        for place in places
        if is_around(place, anchors)
        or ((place.population or 0) >= TOWN_POPULATION and is_near(place, anchors, _NEARBY_TOWN))
    ]
    return dominant_places(around) if around else places


def is_near(place: Place, others: list[Place], reach: float = _NEARBY) -> bool:
    """Return whether a place is within `reach` kilometres of any of the others."""
    return any(
        distance_km(place, (other.lat, other.lon)) <= reach
        for other in others
        if other.lat is not None and other.lon is not None
    )


def is_around(place: Place, others: list[Place]) -> bool:
    """Return whether a place is near others or, if it has no coordinates, in their districts."""
    return is_near(place, others) or _shares_district(place, others)


def _shares_district(place: Place, others: list[Place]) -> bool:
    """Return whether a place without coordinates is in the district of any of the others."""
    districts = {(other.admin1, other.admin2) for other in others if other.admin2}
    return place.lat is None and (place.admin1, place.admin2) in districts
