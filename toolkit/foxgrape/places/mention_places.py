"""Decide which places a name in a text may mean: by region, population and neighbours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from foxgrape.places.divisions import division_root, read_divisions
from foxgrape.places.namesakes import (
    CITY_POPULATION,
    NEARBY,
    NEARBY_TOWN,
    TOWN_POPULATION,
    current_places,
    dominant_places,
    former_towns,
    is_around,
    is_near,
    places_near,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from foxgrape.places import Gazetteer, Place, PlaceMatch
    from foxgrape.places.divisions import Divisions
    from foxgrape.places.mention_context import Name

__all__ = ["WORD", "Surroundings", "candidate_places", "is_in_region_abroad", "names_region"]

_T = TypeVar("_T")

#: A capitalised word.
WORD = r"[^\W\d_a-zа-яґєії][\w'’ʼ]*(?:[-‑][\w'’ʼ]+)*"
#: Minimum population of a town after which a sector of a front may be named, and how many times
#: that of any other town of this name.
_SECTOR_POPULATION, _SECTOR_RATIO = 3000, 2
#: Number of villages near a namesake of a town far away for which both may be meant.
_SEVERAL = 2
#: A town of fewer people may not be meant if it is far from all that is named.
_SMALL_TOWN = 50_000
#: Number of characters between a name and a region behind it; in English, up to twice as many.
_REACH = 40
_DIVISION = re.compile(
    rf"(?P<name>{WORD})\s+(?:(?P<region>област|обл\b|регі?он|кра[йяюе]\b|[Kk]rai\b|[Oo]blast|Obl\b|[Rr]egion|[Pp]rovince)"
    r"|район|[Rr]aion|[Dd]istrict)"
    r"|\b(?P<noun>[А-ЯІЇЄҐ][\w'’ʼ]+[щч]ин(?:а|и|і|у|ою|е|ы|ой)|[ДЛ]НР)\b"
)
#: What may stand between a name and its region: other names, and small words.
_UP_TO_DIVISION = re.compile(
    rf"(?:[\s,()–-]|\b{WORD}\b|\b(?:в|у|на|in|of|the|та|і|й|и|and|village|town|city|district|raion"
    r"|район\w*)\b)*"
)
#: A region right behind a name; with a comma, in the nominative, it may be the next clause.
_REGION_BEHIND = re.compile(
    rf"(?P<comma>,)?(?: \(?| in )({WORD}) (?:област|обл\b|кра[йяюе]\b|[Oo]blast\b|[Kk]rai\b)"
)
_RIGHT_BEHIND = re.compile(",? (?:(?:що |что )?(?:на|у|в) )?")
#: Minimum population of the namesake of a town that the region after a comma means.
_STATED = 5000
_OPENED = re.compile(r" \(")
_ANY_ASCII = re.compile(r"[\x00-\x7f]*")
#: A sector of a front or a community, named after a town: Куп’янський напрямок, Avdiivka sector.
_SECTOR = re.compile(
    rf"(?P<adjective>{WORD}?[сц]ь?к)(?:ий|ого|ому|им|ім|а|ої|ій|у|ою|ой|ом|ое|ая|ую|их|ие)\s+"
    r"(?:напрям|направлен|участ|дільниц|відтин|фронт|громад|водосхов|водохран)"
    # Left out after another sector: На Лиманському – біля Торського.
    rf"|\b[Нн]а (?P<bare>{WORD}?[сц]ь?к)(?:ому|ом)(?= ?[-–—:,(])"
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

    def choose_among(self, at: int, places: list[Place], name: Name) -> list[Place]:
        """Return the places that a name means, of those that it may mean and towns that had it.

        Of the towns, a region named before decides, or places near one if none is near the others.
        """
        former = [place for place in former_towns(name.matches) if place not in places]
        if former:
            inside = self._in_regions(at, [*places, *former])
            known = [place for place in self.anchors if place not in places]
            nearby = [place for place in former if is_near(place, known)]
            if inside and not set(inside) & set(places):
                return dominant_places(inside)
            if nearby and not inside and not any(is_near(p, known, NEARBY_TOWN) for p in places):
                return dominant_places(nearby)
        return self.choose(at, places, current_places(name.matches))

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
        people = largest.population or 0
        is_town = people >= TOWN_POPULATION
        small_anchors = [place for place in known if (place.population or 0) < CITY_POPULATION]
        is_far = bool(small_anchors) and not is_near(largest, known, NEARBY_TOWN)
        if is_town and people < _SMALL_TOWN and is_far:
            regions = {place.admin1 for place in small_anchors}
            nearby = nearby or [p for p in namesakes if p.lat is None and p.admin1 in regions]
        if (
            not nearby
            or places != dominant_places(namesakes)  # decided by a region behind the name
            or is_near(largest, known, NEARBY)
        ):
            return places
        inside = [] if self._in_regions(at, places) else self._in_regions(at, nearby)
        if inside or sectors or not is_town:
            return dominant_places(inside or nearby)
        # Undecided, if several villages are named around a namesake, and none near the town; for a
        # small town far away, if anything is.
        if people < _SMALL_TOWN and is_far:
            return [*places, *nearby]
        villages = [place for place in known if (place.population or 0) < TOWN_POPULATION]
        around = [p for p in nearby if sum(is_around(p, [other]) for other in villages) >= _SEVERAL]
        return [*places, *around]

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
    return sector["name"] or sector["adjective"] or sector["bare"]


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
    if part["region"]:
        return _read_region(part["name"], gazetteer)
    name = _ADJECTIVE.sub(r"\1ий", part["name"])
    return read_divisions(f"{name} район", gazetteer)


def _read_region(name: str, gazetteer: Gazetteer) -> Divisions:
    return read_divisions(_ADJECTIVE.sub(r"\1ий", name) + " область", gazetteer)


def candidate_places(
    text: str, end: int, matches: Sequence[PlaceMatch], gazetteer: Gazetteer
) -> list[Place]:
    """Return the places that a name may mean, by the region behind its `end` and by population.

    A region in parentheses or right behind the name decides; after a comma, which may begin another
    clause, only between towns. Any other decides before population, unless the place is a
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
    right_behind = _in_division_behind(text, end, places, gazetteer, _REACH, _RIGHT_BEHIND)
    if right_behind and largest != right_behind:
        has_comma = len(largest) == 1 and text[end] == ","
        namesakes = [p for p in right_behind if not has_comma or (p.population or 0) >= _STATED]
        if namesakes:
            return dominant_places(namesakes)
    if len(largest) == 1 and (largest[0].population or 0) >= TOWN_POPULATION:
        return largest
    tied = _in_division_behind(text, end, places, gazetteer, _REACH, _UP_TO_DIVISION)
    if tied:
        return dominant_places(tied)
    loose = _in_division_behind(text, end, largest, gazetteer, 2 * _REACH, _ANY_ASCII)
    return loose or largest


def is_in_region_abroad(text: str, name: Name, gazetteer: Gazetteer) -> bool:
    """Return whether a region that has none of the places is behind a name: в Клинцах Брянской обл.

    That is a region that the gazetteer does not know, or one of another country.
    """
    behind = _REGION_BEHIND.match(text, name.end)
    if behind is None:
        return False
    places = [match.place for match in name.matches]
    if behind["comma"] and (places[0].population or 0) >= TOWN_POPULATION:
        return False  # Сум, Белгородская область без света
    divisions = _read_region(behind[2], gazetteer)
    if not divisions:
        return True
    countries = _countries(gazetteer)
    is_abroad = any(
        (region, place.country) not in countries for place in places for region in divisions.admin1
    )
    return is_abroad and not divisions.select(places)


@lru_cache(maxsize=4)
def _countries(gazetteer: Gazetteer) -> frozenset[tuple[str, str]]:
    """Return the regions with their countries."""
    return frozenset((place.admin1, place.country) for place in gazetteer.populated_places())


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
