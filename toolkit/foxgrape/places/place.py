"""Places and codes, and reading of places from packaged tables and from CSV files."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime

from foxgrape.errors import TableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "BASES",
    "GRADES",
    "KINDS",
    "LANGUAGES",
    "MATCH",
    "Code",
    "Place",
    "day_interval",
    "distance_km",
    "from_line",
    "parse_day",
    "read_places",
    "to_line",
]

_EARTH_KM = 6371.0088

#: Languages by which the packaged gazetteer groups names; ``other`` is any other or unidentified
#: language.
LANGUAGES = ("uk", "ru", "en", "other")
#: Minimum score of a match; a lower score is a guess.
MATCH = 0.8

_REQUIRED = ("id", "name")
_OPTIONAL = ("names", "lat", "lon", "country", "admin1", "admin2", "population")
_EXPECTED = {
    "lat": "degrees north, from -90 to 90, or nothing",
    "lon": "degrees east, from -180 to 180, or nothing",
    "population": "a whole number from 0, or nothing",
}


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
        Other spellings and former names, in any alphabet, ordered by language: in the packaged
        gazetteer uk, ru, en, other.
    lat, lon
        Degrees, WGS 84; None if unknown.
    country
        ISO 3166-1 alpha-2.
    admin1
        Name of the first-level division.
    population
        None if unknown.
    admin2
        Name of the second-level division, empty if unknown.
    languages
        The language of each name in `names`; empty if `names` are not grouped by language.

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
        """Return the names in a language of the gazetteer, such as ``uk``, or in ``other``."""
        pairs = zip(self.names, self.languages, strict=False)
        return tuple(name for name, spoken in pairs if spoken == language)


def distance_km(place: Place, point: tuple[float, float]) -> float:
    """Return the great-circle distance to a point; infinity for a place without coordinates.

    Examples
    --------
    >>> izium = Place("x:1", "Izium", (), 49.21, 37.25, "UA", "", None)
    >>> round(distance_km(izium, (49.99, 36.23)))
    114
    """
    if place.lat is None or place.lon is None:
        return math.inf
    return km_between((place.lat, place.lon), point)


def km_between(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Return the great-circle distance between two points.

    Examples
    --------
    >>> round(km_between((49.21, 37.25), (49.99, 36.23)))
    114
    """
    lat, other_lat = math.radians(first[0]), math.radians(second[0])
    east = math.radians(first[1] - second[1])
    chord = math.sin((lat - other_lat) / 2) ** 2
    chord += math.cos(lat) * math.cos(other_lat) * math.sin(east / 2) ** 2
    return 2 * _EARTH_KM * math.asin(math.sqrt(min(1.0, chord)))


def to_line(place: Place, languages: tuple[str, ...] = LANGUAGES) -> str:
    """Format a place as a line of tab-separated cells, with one cell for each language."""
    values = [place.lat, place.lon, place.country, place.admin1, place.admin2, place.population]
    cells = [
        place.id,
        place.name,
        *("|".join(place.names_in(language)) for language in languages),
        *("" if value is None else str(value) for value in values),
    ]
    return "\t".join(cells)


def from_line(line: str, languages: tuple[str, ...] = LANGUAGES) -> Place:
    r"""Parse a line written by `to_line` with the same languages.

    Examples
    --------
    >>> from_line("x:1\tFox\t\t\t\tVixen\t\t\tGB\tKent\t\t").names
    ('Vixen',)
    """
    place_id, name, *by_language, lat, lon, country, admin1, admin2, population = line.split("\t")
    names: list[str] = []
    spoken: list[str] = []
    for language, cell in zip(languages, by_language, strict=True):
        if cell:
            spellings = cell.split("|")
            names += spellings
            spoken += [language] * len(spellings)
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
        tuple(spoken),
    )


def read_places(path: str | Path) -> list[Place]:
    """Read places from a CSV file with the attributes of `Place` as columns.

    Only ``id`` and ``name`` are required; ``names`` are separated by ``|``.
    """
    from foxgrape._util.csv import iter_dict_rows

    places: list[Place] = []
    rows: dict[str, int] = {}
    for number, row in iter_dict_rows(path, required=_REQUIRED, optional=_OPTIONAL, table="places"):
        for column in _REQUIRED:
            if not row[column]:
                raise TableError.bad_value(
                    "", expected="a value", file=path, row=number, column=column
                )
        first_row = rows.setdefault(row["id"], number)
        if first_row != number:
            raise TableError.duplicate_key(
                row["id"], column="id", row=number, first_row=first_row, file=path
            )
        population = _number(row, "population", path, number)
        places.append(
            Place(
                id=row["id"],
                name=row["name"],
                names=tuple(name.strip() for name in row["names"].split("|") if name.strip()),
                lat=_number(row, "lat", path, number),
                lon=_number(row, "lon", path, number),
                country=row["country"],
                admin1=row["admin1"],
                population=None if population is None else int(population),
                admin2=row["admin2"],
            )
        )
    return places


def _number(row: dict[str, str], column: str, file: str | Path, number: int) -> float | None:
    text = row[column]
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if column == "population":
        is_valid = value >= 0 and value.is_integer()
    else:
        is_valid = abs(value) <= (90 if column == "lat" else 180)
    if is_valid:
        return value
    raise TableError.bad_value(
        text, expected=_EXPECTED[column], file=file, row=number, column=column
    )


KINDS = ("emoji", "word", "hashtag", "image", "mention")
#: Kinds of evidence that a code stands for its place, and their weights in a match's score.
BASES = {"attested": 1.0, "symbol": 0.8, "etymology": 0.8, "look-alike": 0.6, "proposed": 0.4}
#: Grades of a source's reliability, and their weights in a match's score.
GRADES = {"A": 1.0, "B": 0.9, "C": 0.6}
_ZONE = "Europe/Kyiv"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)")
_DAY = len("2022-09-10")


@dataclass(frozen=True, slots=True)
class Code:
    """One reading of a code: this emoji, word or hashtag stands for that place.

    Attributes
    ----------
    code
        The emoji (without variation selector or skin tone), word or hashtag.
    kind
        ``emoji``, ``word`` or ``hashtag``; ``image``: a word for what a picture shows; or
        ``mention``: a name of several places, read as this one.
    place_id
        The place, as in the gazetteer.
    meaning
        What links code and place, in English: *izium* means raisins.
    basis
        ``attested``: officials used the code, and the press reported this reading. ``etymology``,
        ``look-alike``, ``symbol``: how the code might refer to the place, according to the source.
        ``proposed``: an idea without a source.
    decoded_at
        Day (or instant) by which this reading was public; None if it never was.
    valid_from, valid_until
        First and last day on which the reading is valid; None for no bound.
    confidence
        How good the source is: A (primary or two independent outlets), B (one reputable outlet) or
        C (weaker).
    source_title, source_url
        The source; the address is empty if unknown.
    meaning_uk, meaning_ru
        The meaning in Ukrainian and Russian, the words that the code puns on; empty if unknown.
    timezone
        IANA time zone of the days.
    """

    code: str
    kind: str
    place_id: str
    meaning: str
    basis: str
    decoded_at: date | None
    valid_from: date | None
    valid_until: date | None
    confidence: str
    source_title: str
    source_url: str
    meaning_uk: str = ""
    meaning_ru: str = ""
    timezone: str = _ZONE

    @property
    def attested(self) -> bool:
        """Whether the code is known to have been used; otherwise it is a proposal."""
        return self.basis == "attested"

    @property
    def signal_confidence(self) -> str:
        """Confidence that a post with this code refers to the place: C for a proposal."""
        return self.confidence if self.attested else "C"

    def valid_at(self, when: date) -> bool:
        """Return whether this meaning of the code applies on a day or at an instant."""
        earliest, latest = day_interval(when, self.timezone)
        first, last = self.valid_span
        return (first is None or latest >= first) and (last is None or earliest <= last)

    @property
    def valid_span(self) -> tuple[datetime | None, datetime | None]:
        """The first and the last instant at which the reading is valid; None for no bound."""
        return (
            None if self.valid_from is None else day_interval(self.valid_from, self.timezone)[0],
            None if self.valid_until is None else day_interval(self.valid_until, self.timezone)[1],
        )

    @property
    def public_by(self) -> datetime | None:
        """The instant by which the reading was certainly public; None if it never was."""
        if self.decoded_at is None:
            return None
        return day_interval(self.decoded_at, self.timezone)[1]


def day_interval(when: date, timezone: str = _ZONE) -> tuple[datetime, datetime]:
    """Return the earliest and latest instant of a day; for an instant, both are equal."""
    if isinstance(when, datetime) and when.tzinfo is not None:
        instant = when.astimezone(UTC)
        return instant, instant
    from foxgrape.times import parse_stated_time

    return parse_stated_time(when.isoformat(), timezone)


def parse_day(text: str) -> date:
    """Parse an ISO 8601 day, or an instant with an offset; raise ValueError for other text."""
    text = text.strip()
    if len(text) == _DAY:
        day = date.fromisoformat(text)
    elif _INSTANT.fullmatch(text):
        day = datetime.fromisoformat(text)
    else:
        raise ValueError(f"neither a day nor an instant with an offset: {text!r}")
    if day.year in {MINYEAR, MAXYEAR}:  # may overflow when converted to UTC
        raise ValueError(f"date out of range: {text!r}")
    return day.astimezone(UTC) if isinstance(day, datetime) else day
