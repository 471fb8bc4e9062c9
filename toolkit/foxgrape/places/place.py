"""A place, and how it is written in one line of a packaged table."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LANGUAGES", "MATCH", "Place", "from_line", "to_line"]

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
