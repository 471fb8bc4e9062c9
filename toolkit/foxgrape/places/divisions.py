"""Read the names of regions and districts in any spelling, and keep the places that lie there.

``Донецька обл.``, ``Донецкая область``, ``Donets'k`` and ``Donetsk region`` are one region.
``resources/divisions.txt`` has a line for each region of Ukraine: its names in the gazetteer, the
preferred one first, and its names in Ukrainian, Russian and English, all separated by tabs. Names
are compared by their phonetic keys, which older romanizations share, and without the ending of
adjectives. The gazetteer's own names of regions and districts are known as well. A gazetteer of
other countries may have a table ``divisions.txt`` of its own, in the same form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from os import path

from foxgrape.places.gazetteer_info import DIVISIONS_FILE
from foxgrape.places.normalize import fold
from foxgrape.places.phonetic import phonetic_key, stem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from foxgrape.places.gazetteer import Gazetteer
    from foxgrape.places.place import Place

__all__ = ["Divisions", "division_root", "read_divisions"]

_RESOURCE = path.join(path.dirname(__file__), "resources", "divisions.txt")  # noqa: PTH118, PTH120

_REGION_WORDS = frozenset(
    (
        *("область", "області", "обл", "обласна", "области", "регіон", "регион", "край"),
        *("автономна", "автономная", "республіка", "республика", "народна", "народная", "ар"),
        *("oblast", "oblasti", "obl", "region", "province", "krai", "autonomous", "republic"),
        *("peoples", "state", "governorate"),
    )
)
_DISTRICT_WORDS = frozenset(
    ("район", "району", "районі", "района", "районе", "raion", "rayon", "district")
)
#: Words that tell nothing about which division is meant.
_OTHER_WORDS = frozenset(("of", "the", "україна", "украина", "ukraine", "ukraina"))
_DISTRICT_ABBREVIATION = re.compile(r"\bр-н\b\.?", re.IGNORECASE)
#: Minimum length of the key of an abbreviated name: Дніпропетр. обл.
_SHORTEST_ABBREVIATION = 4
_SHORTEST_STEM = 2


@dataclass(frozen=True, slots=True)
class Divisions:
    """The regions and districts that a text names.

    Attributes
    ----------
    text
        The text as stated.
    admin1
        The gazetteer's names of the region. Of two, the first is preferred: a place in the region
        of Kyiv may be the city of Kyiv, which is a region of its own.
    admin2
        The gazetteer's names of the district.
    unread
        The parts of the text that name no known division.
    """

    text: str
    admin1: tuple[str, ...] = ()
    admin2: frozenset[str] = frozenset()
    unread: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.admin1 or self.admin2)

    def select(self, places: Iterable[Place]) -> list[Place]:
        """Return the places that lie in the region and in the district, as far as these are known.

        A place whose district is unknown may lie in any district of its region.
        """
        inside = list(places)
        if self.admin1:
            by_region = ([p for p in inside if p.admin1 == name] for name in self.admin1)
            inside = next((some for some in by_region if some), [])
        if self.admin2:
            certain = [place for place in inside if place.admin2 in self.admin2]
            inside = certain or [p for p in inside if self.admin1 and not p.admin2]
        return inside


def read_divisions(text: str, gazetteer: Gazetteer) -> Divisions:
    """Return the regions and districts that a text names: ``Ізюмський р-н``, ``Донецька``.

    Examples
    --------
    >>> from foxgrape.places import Gazetteer
    >>> gazetteer = Gazetteer.default()
    >>> for text in ("Донецька обл.", "Zaporozhye", "Kyiv", "Izium district", "Nowhere"):
    ...     divisions = read_divisions(text, gazetteer)
    ...     print(divisions.admin1, sorted(divisions.admin2), divisions.unread)
    ('Donetsk Oblast',) [] ()
    ('Zaporizhzhia Oblast',) [] ()
    ('Kyiv Oblast', 'Kyiv') [] ()
    () ['Iziumskyi Raion'] ()
    () [] ('Nowhere',)
    """
    return _read(text, gazetteer)


@lru_cache(maxsize=4096)
def _read(text: str, gazetteer: Gazetteer) -> Divisions:
    admin1: tuple[str, ...] = ()
    admin2: frozenset[str] = frozenset()
    unread = []
    for part in re.split(r"[,;/()|]", text):
        words = fold(_DISTRICT_ABBREVIATION.sub("район", part).replace(".", " ")).split()
        bare = [word for word in words if word not in _REGION_WORDS | _OTHER_WORDS]
        is_district = not _DISTRICT_WORDS.isdisjoint(words)
        # Some regions are called districts: Northern District in Israel.
        regions = _known_regions(gazetteer).get(_key(bare), ()) if is_district and bare else ()
        bare = [word for word in bare if word not in _DISTRICT_WORDS]
        if not bare:
            continue
        if not is_district:
            regions = _regions(bare, gazetteer, abbreviated="." in part)
        districts = () if regions else _known_districts(gazetteer).get(_key(bare), ())
        if not _REGION_WORDS.isdisjoint(words):
            districts = ()
        admin1 = admin1 or regions
        admin2 = admin2 or frozenset(districts)
        if not regions and not districts:
            unread.append(part.strip())
    return Divisions(text, admin1, admin2, tuple(unread))


def _regions(words: list[str], gazetteer: Gazetteer, *, abbreviated: bool) -> tuple[str, ...]:
    key = _key(words)
    known = _listed_regions(gazetteer), _known_regions(gazetteer)
    for regions in known:
        if key in regions:
            return regions[key]
    if abbreviated and len(key) >= _SHORTEST_ABBREVIATION:
        named = {
            names for regions in known for other, names in regions.items() if other.startswith(key)
        }
        if len(named) == 1:
            return named.pop()
    return ()


def _key(words: Iterable[str]) -> str:
    """Return a key that a division's noun and adjective share: Kharkiv, Харківська, Харьковская."""
    return " ".join(sorted(division_root(word) for word in words))


def division_root(word: str) -> str:
    """Return what a name and its adjective have in common.

    Examples
    --------
    >>> division_root("Харків") == division_root("Харківський") == division_root("Kharkiv")
    True
    """
    root = stem(phonetic_key(word))
    shorter = root.removesuffix("sk")
    return shorter if len(shorter) > _SHORTEST_STEM else root


@lru_cache(maxsize=8)
def _listed_regions(gazetteer: Gazetteer) -> dict[str, tuple[str, ...]]:
    """Return the regions in the tables of a gazetteer; those of Ukraine if it states no country."""
    if gazetteer.is_packaged or not gazetteer.infos:
        return _read_regions(_RESOURCE)
    tables = filter(None, (info.file(DIVISIONS_FILE) for info in gazetteer.infos))
    return {key: names for table in tables for key, names in _read_regions(table).items()}


@lru_cache(maxsize=8)
def _read_regions(table: str) -> dict[str, tuple[str, ...]]:
    regions: dict[str, tuple[str, ...]] = {}
    with open(table, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs 4 ms
        for line in file:
            names, *spellings = line.rstrip("\n").split("\t")
            for spelling in spellings:
                regions.setdefault(_key(fold(spelling).split()), tuple(names.split("|")))
    return regions


@lru_cache(maxsize=8)
def _known_regions(gazetteer: Gazetteer) -> dict[str, tuple[str, ...]]:
    return _by_key((admin1 for admin1, _ in gazetteer.divisions()), _REGION_WORDS)


@lru_cache(maxsize=8)
def _known_districts(gazetteer: Gazetteer) -> dict[str, tuple[str, ...]]:
    return _by_key((admin2 for _, admin2 in gazetteer.divisions()), _DISTRICT_WORDS)


def _by_key(names: Iterable[str], kinds: frozenset[str]) -> dict[str, tuple[str, ...]]:
    by_key: dict[str, tuple[str, ...]] = {}
    for name in sorted({name for name in names if name}):
        words = [word for word in fold(name).split() if word not in kinds | _OTHER_WORDS]
        if words:
            key = _key(words)
            by_key[key] = (*by_key.get(key, ()), name)
    return by_key
