"""A place, and how it is written in one line of a packaged table."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["LANGUAGES", "MATCH", "Place", "from_line", "kilometres", "to_line"]

_EARTH_KM = 6371.0088

#: How a place's names are sorted; ``other`` is a language that was not told apart.
LANGUAGES = ("uk", "ru", "en", "other")
#: From here on a score is a match, below it a guess.
MATCH = 0.8


@dataclass(frozen=True, slots=True)
class Place:
    """A settlement, or anything else that a code can stand for.

    Attributes
    ----------
    id
        CURIE: ``geonames:707292``, or ``katottg:UA…`` for a village that GeoNames lacks.
    name
        Official name in today's romanization: Izium, not Izyum.
    names
        Other spellings and former names, in any alphabet: uk, then ru, en and others.
    lat, lon
        Degrees, WGS 84; None where no source gives them.
    country
        ISO 3166-1 alpha-2.
    admin1
        Name of the first-level division.
    population
        None where unknown.
    admin2
        Name of the second-level division, empty where no source gives it.
    languages
        The language of each of `names`; empty where nobody sorted them.

    Examples
    --------
    >>> from foxgrape.places import Gazetteer
    >>> izium = Gazetteer.default()["geonames:707292"]
    >>> izium.name, izium.names_in("uk"), izium.names_in("ru")
    ('Izium', ('Ізюм',), ('Изюм',))
    """

    id: str
    name: str
    names: tuple[str, ...]
    lat: float | None
    lon: float | None
    country: str
    admin1: str
    population: int | None
    admin2: str = ""
    languages: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}, {self.admin1}"

    def names_in(self, language: str) -> tuple[str, ...]:
        """Return the names in a language: ``uk``, ``ru``, ``en`` or ``other``."""
        pairs = zip(self.names, self.languages, strict=False)
        return tuple(name for name, spoken in pairs if spoken == language)


def kilometres(place: Place, near: tuple[float, float]) -> float:
    """Return the distance on a sphere; infinity for a place without coordinates.

    Examples
    --------
    >>> izium = Place("x:1", "Izium", (), 49.21, 37.25, "UA", "", None)
    >>> round(kilometres(izium, (49.99, 36.23)))
    114
    """
    if place.lat is None or place.lon is None:
        return math.inf
    here, there = math.radians(place.lat), math.radians(near[0])
    east = math.radians(place.lon - near[1])
    chord = math.sin((here - there) / 2) ** 2
    chord += math.cos(here) * math.cos(there) * math.sin(east / 2) ** 2
    return 2 * _EARTH_KM * math.asin(math.sqrt(min(1.0, chord)))


def to_line(place: Place) -> str:
    """Write a place as a line between tabs."""
    given = [place.lat, place.lon, place.country, place.admin1, place.admin2, place.population]
    cells = [
        place.id,
        place.name,
        *("|".join(place.names_in(language)) for language in LANGUAGES),
        *("" if value is None else str(value) for value in given),
    ]
    return "\t".join(cells)


def from_line(line: str) -> Place:
    r"""Read a place from its line.

    Examples
    --------
    >>> from_line("x:1\tFox\t\t\t\tVixen\t\t\tGB\tKent\t\t").names
    ('Vixen',)
    """
    place_id, name, *by_language, lat, lon, country, admin1, admin2, population = line.split("\t")
    names: list[str] = []
    languages: list[str] = []
    for language, cell in zip(LANGUAGES, by_language, strict=True):
        if cell:
            spellings = cell.split("|")
            names += spellings
            languages += [language] * len(spellings)
    return Place(
        place_id,
        name,
        tuple(names),
        float(lat) if lat else None,
        float(lon) if lon else None,
        country,
        admin1,
        int(population) if population else None,
        admin2,
        tuple(languages),
    )
