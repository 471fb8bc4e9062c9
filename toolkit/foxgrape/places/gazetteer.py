"""Places, and finding them by name."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Self

from foxgrape.places.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Gazetteer", "Place", "PlaceMatch", "find"]

_RESOURCE = files("foxgrape.places") / "resources" / "gazetteer.csv"
_EXACT, _FOLDED = 1.0, 0.95


@dataclass(frozen=True, slots=True)
class Place:
    """A settlement.

    Attributes
    ----------
    id
        CURIE: ``geonames:707292``, or ``katottg:UA…`` for a village that GeoNames lacks.
    name
        Official name in today's romanization: Izium, not Izyum.
    names
        Other spellings and former names, in any alphabet.
    lat, lon
        Degrees, WGS 84; None where no source gives them.
    country
        ISO 3166-1 alpha-2.
    admin1
        Name of the first-level division.
    population
        None where unknown.

    Examples
    --------
    >>> Gazetteer.default()["geonames:707292"].name
    'Izium'
    """

    id: str
    name: str
    names: tuple[str, ...]
    lat: float | None
    lon: float | None
    country: str
    admin1: str
    population: int | None

    def __str__(self) -> str:
        return f"{self.name}, {self.admin1}"


@dataclass(frozen=True, slots=True)
class PlaceMatch:
    """A place that a name may mean.

    Attributes
    ----------
    place
        The place.
    score
        1 for the exact name, from 0.8 a match, below that a guess. Higher is better.
    matched
        The spelling that matched.
    """

    place: Place
    score: float
    matched: str


class Gazetteer:
    """Places by id and by name.

    Examples
    --------
    >>> gazetteer = Gazetteer.default()
    >>> [match.place.name for match in gazetteer.find("Izyum")]
    ['Izium']
    """

    def __init__(self, places: Iterable[Place]) -> None:
        self._places = {place.id: place for place in places}
        self._by_fold: dict[str, list[tuple[Place, str]]] = {}
        for place in self._places.values():
            for name in dict.fromkeys((place.name, *place.names)):
                self._by_fold.setdefault(fold(name), []).append((place, name))

    @classmethod
    @cache
    def default(cls) -> Self:
        """Return the packaged gazetteer: Ukraine, from GeoNames (CC BY 4.0) and KATOTTG."""
        with _RESOURCE.open(encoding="utf-8") as handle:
            return cls(map(_place, csv.DictReader(handle)))

    def __getitem__(self, place_id: str) -> Place:
        return self._places[place_id]

    def __contains__(self, place_id: object) -> bool:
        return place_id in self._places

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places.values())

    def __len__(self) -> int:
        return len(self._places)

    def find(
        self, name: str, *, country: str | None = None, limit: int | None = 5
    ) -> list[PlaceMatch]:
        """Find places by name; see `foxgrape.places.find`."""
        best: dict[str, PlaceMatch] = {}
        for place, spelling in self._by_fold.get(fold(name), ()):
            if country is not None and place.country != country:
                continue
            score = _EXACT if spelling == name.strip() else _FOLDED
            known = best.get(place.id)
            if known is None or score > known.score:
                best[place.id] = PlaceMatch(place, score, spelling)
        return sorted(best.values(), key=_rank)[:limit]


def find(name: str, *, country: str | None = None, limit: int | None = 5) -> list[PlaceMatch]:
    """Find the places that a name may mean, in any known spelling or alphabet, best first.

    Answers which place is "Izyum", "ІЗЮМ" or "Kupyansk". Case, apostrophes, hyphens and
    diacritics make no difference beyond the score. An ambiguous name returns every place that
    bears it, the more populous first.

    Parameters
    ----------
    name
        The name as it was met.
    country
        ISO 3166-1 alpha-2 code to stay within.
    limit
        At most so many matches; None for all.

    Returns
    -------
    list of PlaceMatch
        Empty when the name is unknown.

    Examples
    --------
    >>> find("Izyum")[0].place.name
    'Izium'
    >>> find("nowhere at all")
    []
    """
    return Gazetteer.default().find(name, country=country, limit=limit)


def _rank(match: PlaceMatch) -> tuple[float, int, str]:
    return (-match.score, -(match.place.population or 0), match.place.id)


def _place(row: dict[str, str]) -> Place:
    names = [row["name_uk"], *row["other_names"].split("|")]
    return Place(
        id=row["place_id"],
        name=row["name"],
        names=tuple(name for name in names if name),
        lat=float(row["lat"]) if row["lat"] else None,
        lon=float(row["lon"]) if row["lon"] else None,
        country=row["country"],
        admin1=row["admin1"],
        population=int(row["population"]) if row["population"] else None,
    )
