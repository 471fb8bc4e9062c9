"""Decide which place a name means, from all that is known about it.

Every reader and command decides here, so that a name in an event and the same name in a question
mean the same place. The evidence, from strong to weak: coordinates, region or district, how well
the name matches, whether the name is current, type of settlement, the study's own places, and
population. Each kind of evidence may only remove candidates. If several remain, the name is
ambiguous and no place is chosen.

**Population.** Of namesakes, one is chosen for its population if it has at least 20,000 people and
10 times as many as any other, or at least 5,000 and 20 times as many. How often the most populous
namesake is the one meant was measured in two lists that state coordinates, the list of territorial
control in Wikipedia and UCDP GED for Ukraine: in 39 of 39 names under the first condition, in 14 of
16 that satisfy only the second, and in 6 of 8 of those with 20,000 people and a ratio below 10.
Quarters of cities do not count: in these lists their names meant villages elsewhere. A population
that the gazetteer does not state is taken as 500, since GeoNames has most places above that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

from foxgrape.places.divisions import read_divisions
from foxgrape.places.gazetteer import Gazetteer, PlaceMatch, is_current_name
from foxgrape.places.namesakes import (
    UNKNOWN_POPULATION,
    current_places,
    is_dominant,
    is_quarter,
)
from foxgrape.places.place import MATCH, Place, distance_km
from foxgrape.places.settlement_types import are_of_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

__all__ = ["FAR_KM", "Resolution", "place_id_of", "resolve"]

_CURIE = re.compile(r"[a-z][a-z0-9_.-]*:\S+")
_TWO_NAMES = re.compile(r"([^()]*[^()\s])\s*\(([^()]+)\)")
#: Maximum distance of a place from the stated coordinates.
FAR_KM = 20.0
#: Distance within which sources differ in where they put the centre of a town. A place this much
#: farther than the nearest namesake is not meant.
_CLOSE_KM = 5.0
#: A place that had the name is noted if the place of this name has less than this many times its
#: population.
_NOTED_RATIO = 10
#: Places by whose districts the district of a point is judged: their number and maximum distance.
_NEIGHBOURS, _NEIGHBOUR_KM = 5, 30.0


@dataclass(frozen=True, slots=True)
class Resolution:
    """The place that a name means, or why none was chosen.

    Attributes
    ----------
    place
        The place; None if no place has the name, or several might be meant.
    candidates
        The places with this name that the evidence allows, best first. If it allows none, all
        places with this name.
    reason
        Why no place was chosen; empty if one was.
    notes
        What was decided on weak evidence or against some of it, in fixed phrases that can be
        counted.
    """

    place: Place | None
    candidates: tuple[PlaceMatch, ...]
    reason: str = ""
    notes: tuple[str, ...] = ()


REGION_UNREAD = "the region or district cannot be read; the place was found without it"
REGION_CONTRADICTED = "the coordinates are in another region than stated; the coordinates were used"
MISSPELT = "the name is misspelt; the only similar name was used"
FORMER = "the name is also a former name of another place; the place of this name today was used"
PREFERRED = "several places have the name; the one among the study's places was used"
IN_PARENTHESES = "one of two names, of which one is in parentheses, was not found"
UNCHECKED = "the place has neither coordinates nor a district; those stated were not checked"
OF_TYPE = "several places have the name; those of another type of settlement were left out"
LARGEST = "several places have the name; the one with far more people was used"


def resolve(
    name: str,
    *,
    admin1: str = "",
    point: tuple[float, float] | None = None,
    country: str | None = None,
    kind: str = "",
    prefer: Collection[str] = (),
    gazetteer: Gazetteer | None = None,
) -> Resolution:
    """Decide which place a name means.

    Parameters
    ----------
    name
        The name in any spelling.
    admin1
        The region or district in any spelling: ``Харківська обл.``, ``Kharkov``. If it cannot be
        read, it is ignored and a note says so.
    point
        Latitude and longitude in degrees, as stated. A place more than 20 km away is not meant.
    country
        ISO 3166-1 alpha-2.
    kind
        The stated type of settlement: ``city``, ``settlement`` or ``village``.
    prefer
        Ids of places that are more likely to be meant, such as those of a study.
    gazetteer
        Where to look; by default in the packaged gazetteer.

    Returns
    -------
    Resolution

    Examples
    --------
    >>> resolve("Лиман", admin1="Донецька область").place.population
    20066
    >>> resolve("Лиман").reason
    '11 places have this name; no region and no coordinates are stated'
    >>> resolve("Київ").notes
    ('several places have the name; the one with far more people was used',)
    """
    gazetteer = gazetteer or Gazetteer.default()
    matches = gazetteer.find(name, country=country, limit=None, near=point)
    search = _Search([match for match in matches if match.score >= MATCH])
    if not search.matches:
        both = _TWO_NAMES.fullmatch(name)
        if both:
            stated = {"point": point, "country": country, "kind": kind, "prefer": prefer}
            return _resolve_either(both[1], both[2], admin1, gazetteer, stated)
        return Resolution(None, (), "no place has this name")
    reason = search.use_point(point, gazetteer) or search.use_divisions(admin1, point, gazetteer)
    if reason:
        return search.result(None, reason)
    search.use_names()
    search.use_type(kind)
    search.use_preferred(prefer)
    search.use_population(gazetteer)
    if len(search.matches) == 1:
        if search.matches[0].how == "misspelt":
            search.notes.append(MISSPELT)
        return search.result(search.matches[0].place, "")
    return search.result(None, search.ambiguity(admin1, point))


def _resolve_either(
    first: str, second: str, admin1: str, gazetteer: Gazetteer, stated: dict[str, Any]
) -> Resolution:
    """Resolve a name with another, or with its region, in parentheses: Bile (Snake Island)."""
    if not admin1 and not read_divisions(second, gazetteer).unread:
        within = resolve(first, admin1=second, gazetteer=gazetteer, **stated)
        if within.place is not None:
            return within
    both = [resolve(name, admin1=admin1, gazetteer=gazetteer, **stated) for name in (first, second)]
    resolved = [resolution for resolution in both if resolution.place is not None]
    if len({resolution.place for resolution in resolved}) == 1:
        return replace(resolved[0], notes=(*resolved[0].notes, IN_PARENTHESES))
    candidates = tuple(match for resolution in both for match in resolution.candidates)
    if resolved:
        return Resolution(None, candidates, "the name and that in parentheses are of two places")
    return replace(both[0], candidates=candidates)


def place_id_of(text: str, gazetteer: Gazetteer | None = None) -> str:
    """Return the id of a place given by id, by name, or by name and region.

    Parameters
    ----------
    text
        An id such as ``geonames:707292``, which is not looked up, since a study may have places
        that are not in the gazetteer; ``Izium``; or ``Lyman, Donetsk``.
    gazetteer
        Where to look; by default in the packaged gazetteer.

    Raises
    ------
    ValueError
        If no place has the name, or several; the message says so, and names some of them.

    Examples
    --------
    >>> place_id_of("Izium"), place_id_of("geonames:707292")
    ('geonames:707292', 'geonames:707292')
    """
    if _CURIE.fullmatch(text):
        return text
    name, _, division = text.partition(",")
    resolution = resolve(name, admin1=division, gazetteer=gazetteer)
    if resolution.place is None:
        places = [match.place for match in resolution.candidates[:4]]
        ids = ", ".join(f"{place.id} ({place.admin1 or place.country})" for place in places)
        raise ValueError(f"{resolution.reason}: {ids}" if ids else resolution.reason)
    return resolution.place.id


@dataclass(slots=True)
class _Search:
    """The candidates that remain, and the notes so far."""

    matches: list[PlaceMatch]
    notes: list[str] = field(default_factory=list)
    within: str = ""

    def result(self, place: Place | None, reason: str) -> Resolution:
        return Resolution(place, tuple(self.matches), reason, tuple(self.notes))

    def keep(self, is_kept: Callable[[PlaceMatch], bool]) -> bool:
        """Keep the candidates that satisfy a condition, if any; return whether this removed any."""
        kept = [match for match in self.matches if is_kept(match)]
        removes = 0 < len(kept) < len(self.matches)
        self.matches = kept or self.matches
        return removes

    def use_point(self, point: tuple[float, float] | None, gazetteer: Gazetteer) -> str:
        """Keep the candidates near the stated coordinates; return a reason if there are none."""
        if point is None:
            return ""
        distances = {match.place.id: distance_km(match.place, point) for match in self.matches}
        nearest = min(distances.values())
        limit = min(nearest + _CLOSE_KM, FAR_KM)
        kept = [match for match in self.matches if distances[match.place.id] <= limit]
        if nearest > _CLOSE_KM:
            districts = _districts_near(gazetteer, point)
            kept += [
                match
                for match in self.matches
                if match.place.lat is None and (match.place.admin1, match.place.admin2) in districts
            ]
        if kept:
            self.matches = kept
            return ""
        unlocated = [match for match in self.matches if match.place.lat is None]
        if len(self.matches) == 1 and unlocated and not unlocated[0].place.admin2:
            self.notes.append(UNCHECKED)
            return ""
        if len(unlocated) == len(self.matches):
            return "the coordinates are not in the district of any place with this name"
        return f"no place near the coordinates has this name; the nearest is {nearest:.0f} km away"

    def use_divisions(
        self, text: str, point: tuple[float, float] | None, gazetteer: Gazetteer
    ) -> str:
        """Keep the candidates in the stated region; return a reason if there are none."""
        if not text:
            return ""
        divisions = read_divisions(text, gazetteer)
        if divisions.unread:
            self.notes.append(REGION_UNREAD)
        if not divisions:
            return ""
        inside = {place.id for place in divisions.select(match.place for match in self.matches)}
        if inside:
            self.keep(lambda match: match.place.id in inside)
            self.within = text
        elif point is not None:
            self.notes.append(REGION_CONTRADICTED)
        else:
            elsewhere = sorted({match.place.admin1 for match in self.matches})
            some = ", ".join(elsewhere[:3]) + (", …" if len(elsewhere) > 3 else "")  # noqa: PLR2004
            return f"no place in the stated region has this name, only in {some}"
        return ""

    def use_type(self, kind: str) -> None:
        """Keep the candidates of the stated type of settlement."""
        ids = are_of_type([match.place for match in self.matches], kind)
        if self.keep(lambda match: match.place.id in ids):
            self.notes.append(OF_TYPE)

    def use_names(self) -> None:
        """Keep the best spellings, and names of today before former names."""
        # An apostrophe or a capital letter more or less is no evidence.
        best = max(_spelling_score(match) for match in self.matches)
        self.keep(lambda match: _spelling_score(match) == best)
        current = [match for match in self.matches if is_current_name(match)]
        former = [match for match in self.matches if match not in current]
        if current and former:
            people = max(map(_population, current))
            kept = {place.id for place in current_places(self.matches)}
            self.keep(lambda match: match.place.id in kept)
            if any(_population(match) * _NOTED_RATIO > people for match in former):
                self.notes.append(FORMER)

    def use_preferred(self, prefer: Collection[str]) -> None:
        """Keep the candidates among the preferred places."""
        if prefer and self.keep(lambda match: match.place.id in prefer):
            self.notes.append(PREFERRED)

    def use_population(self, gazetteer: Gazetteer) -> None:
        """Keep only the most populous candidate, if far more people live there."""
        first, *others = sorted(self.matches, key=_population, reverse=True)
        if (
            others
            and is_dominant(_population(first), [*map(_population, others)])
            and not is_quarter(first.place, gazetteer)
        ):
            self.matches = [first]
            self.notes.append(LARGEST)

    def ambiguity(self, admin1: str, point: tuple[float, float] | None) -> str:
        """Return why several candidates remain."""
        count = len(self.matches)
        if point is not None:
            return f"{count} places near the coordinates have this name"
        if self.within:
            return f"{count} places in the stated region have this name; no coordinates are stated"
        if admin1:
            return f"{count} places have this name; the region {admin1!r:.60} cannot be read"
        return f"{count} places have this name; no region and no coordinates are stated"


def _spelling_score(match: PlaceMatch) -> float:
    return 1.0 if match.how == "folded" else match.score


def _population(match: PlaceMatch) -> int:
    return match.place.population or UNKNOWN_POPULATION


def _districts_near(gazetteer: Gazetteer, point: tuple[float, float]) -> set[tuple[str, str]]:
    """Return the districts of the populated places nearest to a point, as pairs with the region."""
    # A degree of latitude is about 111 km; one of longitude is shorter.
    near = sorted(
        (distance_km(place, point), place.admin1, place.admin2)
        for place in _located(gazetteer)
        if place.admin2 and abs(place.lat - point[0]) * 111 < _NEIGHBOUR_KM  # type: ignore[operator]
    )
    return {
        (admin1, admin2)
        for distance, admin1, admin2 in near[:_NEIGHBOURS]
        if distance <= _NEIGHBOUR_KM
    }


@lru_cache(maxsize=4)
def _with_districts(gazetteer: Gazetteer) -> frozenset[str]:
    """Return the countries of which the gazetteer has districts."""
    return frozenset(place.country for place in _located(gazetteer) if place.admin2)


@lru_cache(maxsize=4)
def _located(gazetteer: Gazetteer) -> list[Place]:
    """Return the populated places that have coordinates."""
    return [place for place in gazetteer.populated_places() if place.lat is not None]
