"""Decide which places a name in a text may mean: by region, population and neighbours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from foxgrape.places.divisions import division_root, read_divisions
from foxgrape.places.namesakes import (
    NEARBY,
    NEARBY_TOWN,
    TOWN_POPULATION,
    current_places,
    dominant_places,
    is_around,
    is_near,
    places_near,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from foxgrape.places import Gazetteer, Place, PlaceMatch
    from foxgrape.places.divisions import Divisions

__all__ = ["WORD", "Surroundings", "candidate_places", "names_region"]

_T = TypeVar("_T")

#: A capitalised word.
WORD = r"[^\W\d_a-zа-яґєії][\w'’ʼ]*(?:[-‑][\w'’ʼ]+)*"
#: Minimum population of a town after which a sector of a front may be named, and how many times
#: that of any other town of this name.
_SECTOR_POPULATION, _SECTOR_RATIO = 3000, 2
#: Number of characters between a name and a region behind it; in English, up to twice as many.
_REACH = 40
_DIVISION = re.compile(
    rf"(?P<name>{WORD})\s+(?:(?P<region>област|обл\b|[Oo]blast|Obl\b|[Rr]egion|[Pp]rovince)"
    r"|район|[Rr]aion|[Dd]istrict)"
    r"|\b(?P<noun>[А-ЯІЇЄҐ][\w'’ʼ]+[щч]ин(?:а|и|і|у|ою|е|ы|ой)|[ДЛ]НР)\b"
)
#: What may stand between a name and its region: other names, and small words.
_UP_TO_DIVISION = re.compile(
    rf"(?:[\s,()–-]|\b{WORD}\b|\b(?:в|у|на|in|of|the|та|і|й|и|and|village|town|city|district|raion"
    r"|район\w*)\b)*"
)
_OPENED = re.compile(r" \(")
_ANY_ASCII = re.compile(r"[\x00-\x7f]*")
#: A sector of a front or a community, named after a town: Куп’янський напрямок, Avdiivka sector.
_SECTOR = re.compile(
    rf"(?P<adjective>{WORD}?[сц]ь?к)(?:ий|ого|ому|им|ім|а|ої|ій|у|ою|ой|ом|ое|ая|ую|их|ие)\s+"
    r"(?:напрям|направлен|участ|дільниц|відтин|фронт|громад)"
    rf"|(?P<name>{WORD})\s+(?:[Ss]ector|[Dd]irection|[Aa]xis|[Ff]ront|[Hh]romada|[Cc]ommunity)\b"
)
#: An adjective in -ський without its ending.
_ADJECTIVE = re.compile(r"([сц]ь?к)(?:ий|ого|ому|им|ім|ої|ій|ою|ой|ом|ую|ая|а|у)$")


@dataclass
class Surroundings:
    """What else a text names: places that are known, and regions and sectors of a front."""

    text: str
    gazetteer: Gazetteer
    anchors: list[Place]

    def choose(self, at: int, places: list[Place], namesakes: list[Place]) -> list[Place]:
        """Return the places that a name at a position means, of those that it may mean.

        Of several, those in a region named before, then those near other places. A single one is
        the largest, and not meant if it is far from all other places and a namesake is near one; a
        town is not meant only if, besides, a sector is named before, or the region of the namesake.
        """
        if len(namesakes) == 1:
            return places
        sectors = self._before(at, self._sectors)
        known = [place for place in (*self.anchors, *sectors) if place not in places]
        if len(places) > 1:
            inside = self._in_regions(at, places)
            return places_near(dominant_places(inside) if inside else places, known)
        (largest,) = places
        nearby = [place for place in namesakes if is_around(place, known)]
        if (
            not nearby
            or places != dominant_places(namesakes)  # decided by a region behind the name
            or is_near(largest, known, NEARBY if sectors else NEARBY_TOWN)
        ):
            return places
        if (largest.population or 0) >= TOWN_POPULATION and not sectors:
            nearby = [] if self._in_regions(at, places) else self._in_regions(at, nearby)
        return dominant_places(nearby) if nearby else places

    def _in_regions(self, at: int, places: list[Place]) -> list[Place]:
        """Return the places in the last region or district before a position that has any."""
        inside = (regions.select(places) for regions in self._before(at, self._divisions)[::-1])
        return next(filter(None, inside), [])

    def _before(self, at: int, named: list[tuple[int, _T]]) -> list[_T]:
        """Return what is named before a position in its line."""
        start = self.text.rfind("\n", 0, at) + 1
        return [item for position, item in named if start <= position < at]

    @cached_property
    def _divisions(self) -> list[tuple[int, Divisions]]:
        """Return the regions and districts, and the regions of sectors, with their positions."""
        named = [
            (part.start(), _read_division(part, self.gazetteer))
            for part in _DIVISION.finditer(self.text)
        ]
        of_sectors = [
            (sector.start(), read_divisions(f"{_sector_name(sector)} область", self.gazetteer))
            for sector in _SECTOR.finditer(self.text)
        ]
        known = [(start, divisions) for start, divisions in named + of_sectors if divisions]
        return sorted(known, key=itemgetter(0))

    @cached_property
    def _sectors(self) -> list[tuple[int, Place]]:
        """Return the towns after which sectors and communities are named, with their positions."""
        towns = (
            (sector.start(), _sector_town(_sector_name(sector), self.gazetteer))
            for sector in _SECTOR.finditer(self.text)
        )
        return [(start, town) for start, town in towns if town]


def names_region(text: str) -> bool:
    """Return whether a text may name a region, a district or a sector of a front.

    Examples
    --------
    >>> [names_region(text) for text in ("Донецька область", "безпека області", "Донеччина")]
    [True, False, True]
    """
    return _DIVISION.search(text) is not None or _SECTOR.search(text) is not None


@lru_cache(maxsize=1024)
def _sector_town(name: str, gazetteer: Gazetteer) -> Place | None:
    if read_divisions(f"{name} область", gazetteer):
        return None  # the sector of a region
    matches = gazetteer.find_in_text(name)
    places = dominant_places(current_places(matches)) if matches else []
    if len(places) == 1:
        return places[0]
    return _towns_by_root(gazetteer).get(division_root(name))


def _sector_name(sector: re.Match[str]) -> str:
    return sector["name"] or sector["adjective"]


@lru_cache(maxsize=4)
def _towns_by_root(gazetteer: Gazetteer) -> dict[str, Place]:
    """Return the largest town by the part of its name that an adjective shares."""
    named: dict[str, list[Place]] = {}
    for place in gazetteer.populated_places():
        if (place.population or 0) >= _SECTOR_POPULATION:
            for root in {division_root(name) for name in (place.name, *place.names_in("uk")[:1])}:
                named.setdefault(root, []).append(place)
    largest = {
        root: sorted(places, key=lambda place: -(place.population or 0))
        for root, places in named.items()
    }
    return {
        root: first
        for root, (first, *others) in largest.items()
        if not others or (first.population or 0) >= _SECTOR_RATIO * (others[0].population or 0)
    }


def _read_division(part: re.Match[str], gazetteer: Gazetteer) -> Divisions:
    if part["noun"]:
        return read_divisions(part["noun"], gazetteer)
    name = _ADJECTIVE.sub(r"\1ий", part["name"])
    return read_divisions(f"{name} {'область' if part['region'] else 'район'}", gazetteer)


def candidate_places(
    text: str, end: int, matches: Sequence[PlaceMatch], gazetteer: Gazetteer
) -> list[Place]:
    """Return the places that a name may mean, by the region behind its `end` and by population.

    A region in parentheses decides. Any other decides before population, unless the place is a
    town, if only names and small words are in between. In English, where words for the region
    follow its name, it otherwise decides after population.
    """
    everyone = [match.place for match in matches]
    stated = _in_division_behind(text, end, everyone, gazetteer, _REACH, _OPENED)
    if stated:
        return dominant_places(stated)
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
        divisions = _read_division(part, gazetteer)
        inside = divisions.select(places) if divisions else []
        if inside:
            return inside
    return []
