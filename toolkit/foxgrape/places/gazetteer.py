"""Gazetteers: collections of places that are looked up by id or searched by name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from os import path

from foxgrape.errors import FoxgrapeError, require_str
from foxgrape.places.gazetteer_info import TABLES, GazetteerInfo, read_info
from foxgrape.places.index import FileIndex, InMemoryIndex
from foxgrape.places.normalize import fold
from foxgrape.places.place import MATCH, Place, distance_km, read_places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Self

    from foxgrape.places.fuzzy_match import Candidate, Index

__all__ = ["Gazetteer", "PlaceMatch", "find", "is_current_name"]

_RESOURCE = path.join(path.dirname(__file__), "resources", "gazetteer")  # noqa: PTH118, PTH120
_EXACT, _FOLDED, _ATTACHED = 1.0, 0.95, 0.87
#: The first letter of the scripts after Latin, Greek, Cyrillic and Armenian.
_FIRST_NATIVE = "\u05d0"
#: Minimum similarity of the consonants of a Russian name and of the official name.
_SIMILAR_CONSONANTS = 60
#: Endings that names of villages have in Russian texts, in any case. Not -ово, with which
#: Ukrainian adverbs end.
_RUSSIAN_NAME = re.compile(
    "[оеёі]вк(?:а|и|у|е|ой|ою|ам|ах)$|[иы]но$|.{4}(?:ое|ая|[нвк]ого|[нвк]ому)$|цы$"
)


@dataclass(frozen=True, slots=True)
class PlaceMatch:
    """A place that a name may mean.

    Attributes
    ----------
    place
        The place.
    score
        From 0 to 1, higher is better: 1 for the exact name, 0.8 or more for a match, less for a
        guess.
    matched
        The spelling of the place's name that matched.
    how
        ``exact``, ``folded`` (equal but for case, apostrophes, hyphens and diacritics),
        ``respelt`` (another alphabet, romanization or language), ``inflected``,
        ``respelt and inflected`` or ``misspelt``.
    """

    place: Place
    score: float
    matched: str
    how: str = "exact"


class Gazetteer:
    """Places that can be looked up by id and searched by name.

    Attributes
    ----------
    infos
        What each gazetteer folder among the sources holds; empty for places in memory only.

    Examples
    --------
    >>> gazetteer = Gazetteer.default()
    >>> [match.place.name for match in gazetteer.find("Izyum")]
    ['Izium']
    """

    def __init__(self, places: Iterable[Place]) -> None:
        self.infos: tuple[GazetteerInfo, ...] = ()
        self._indexes: tuple[Index, ...] = (InMemoryIndex(places),)
        self._spellings: dict[tuple[str, str], str] = {}

    @classmethod
    @cache
    def default(cls) -> Self:
        """Return the packaged gazetteer of Ukraine and its border regions.

        The data are from GeoNames (CC BY 4.0) and KATOTTG.
        """
        return cls.from_folder(_RESOURCE)

    @classmethod
    def from_folder(cls, folder: str | Path) -> Self:
        """Open a gazetteer written by `foxgrape gazetteer build`.

        Raises
        ------
        FoxgrapeError
            If a table is missing.
        """
        for name in TABLES:
            if not path.isfile(path.join(folder, name)):  # noqa: PTH113, PTH118 - pathlib costs 4 ms
                raise FoxgrapeError(
                    "not a gazetteer: this file is missing",
                    file=path.join(folder, name),  # noqa: PTH118
                    hint="build one with foxgrape gazetteer build",
                )
        info = read_info(folder)
        return cls._from_indexes((FileIndex(info.folder, info.languages),), (info,))

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a gazetteer folder or a CSV file of places; see `from_folder` and `from_csv`."""
        return cls.from_csv(path) if _is_file(path) else cls.from_folder(path)

    @classmethod
    def from_csv(cls, path: str | Path) -> Self:
        """Read your own places from a CSV file with the attributes of `Place` as columns.

        Only the columns ``id`` and ``name`` are required.

        Raises
        ------
        TableError
            If a row is invalid; the message gives the file, row and column of the first bad cell.
        """
        return cls(read_places(path))

    @classmethod
    def _from_indexes(
        cls, indexes: tuple[Index, ...], infos: tuple[GazetteerInfo, ...] = ()
    ) -> Self:
        gazetteer = cls(())
        gazetteer._indexes = indexes
        gazetteer.infos = infos
        return gazetteer

    def extended(self, other: Gazetteer) -> Gazetteer:
        """Return this gazetteer with the places of `other`, which replace places with equal ids."""
        own = tuple(index for index in self._indexes if index not in other._indexes)
        infos = *other.infos, *(info for info in self.infos if info not in other.infos)
        return Gazetteer._from_indexes((*other._indexes, *own), infos) if own else other

    @property
    def is_packaged(self) -> bool:
        """Whether the packaged gazetteer is among the sources."""
        return any(info.folder == _RESOURCE for info in self.infos)

    @property
    def countries(self) -> tuple[str, ...]:
        """ISO 3166-1 alpha-2 codes of the countries, as far as the sources state them."""
        return tuple(dict.fromkeys(code for info in self.infos for code in info.countries))

    def __getitem__(self, place_id: str) -> Place:
        for index in self._indexes:
            place = index.get(place_id)
            if place is not None:
                return place
        raise KeyError(place_id)

    def __contains__(self, place_id: object) -> bool:
        return isinstance(place_id, str) and any(
            index.get(place_id) is not None for index in self._indexes
        )

    def __iter__(self) -> Iterator[Place]:
        if len(self._indexes) == 1:
            return iter(self._indexes[0])
        return iter({place.id: place for index in self._indexes[::-1] for place in index}.values())

    def __len__(self) -> int:
        if len(self._indexes) == 1:
            return len(self._indexes[0])
        return len({place.id for index in self._indexes for place in index})

    def populated_places(self) -> list[Place]:
        """Return the places with a known population, and every place that is held in memory."""
        places = [place for index in self._indexes for place in index.populated_places()]
        return [place for place in places if self._is_current(place)]

    def find(
        self,
        name: str,
        *,
        country: str | None = None,
        limit: int | None = 5,
        admin1: str | None = None,
        near: tuple[float, float] | None = None,
        exact: bool = False,
    ) -> list[PlaceMatch]:
        """Find places by name; see `foxgrape.places.find`.

        With `exact`, return only places that have the name as written, ignoring case, apostrophes,
        hyphens and diacritics. Use it to look up every word of a text.
        """

        def within(matches: Iterable[PlaceMatch]) -> list[PlaceMatch]:
            kept = [match for match in matches if country in {None, match.place.country}]
            return kept if admin1 is None else self._in_division(kept, admin1)

        matches = within(self._named(require_str(name, "name")))
        if not exact:
            if matches:
                candidates = self._towns_inflected_as(name, matches)
            else:
                # Imported here, since most look-ups do not need these modules.
                from foxgrape.places.fuzzy_match import fuzzy_matches, strip_prepositions

                bare = strip_prepositions(name)
                matches = within(self._named(bare)) if bare != name else []
                matches = matches or within(self._with_attached_words(name))
                candidates = (
                    self._inflected(bare) if matches else fuzzy_matches(bare, self._indexes)
                )
            if candidates:
                matches = _best([*matches, *within(self._matches(candidates))])
            matches = within(self._with_namesakes(matches))
        if len(matches) > 1:
            matches.sort(key=_rank if near is None else lambda match: _rank_near(match, near))
        return matches[:limit]

    def find_in_text(self, name: str, *, oblique: bool = False) -> list[PlaceMatch]:
        """Find the places that a capitalized name in a text may mean, as written or inflected.

        Unlike `find`, accept another spelling only of names of several words, and of Russian names
        such as Новомихайловка, because every word of a text is looked up and many would match by
        chance. If a hamlet's name is also a case form
        of a town's name, return both places. With `oblique`, the name is not in the nominative: it
        means the places of whose names it is a case form, and those that it names only if there are
        none.

        Examples
        --------
        >>> [match.place.name for match in Gazetteer.default().find_in_text("Ізюмом")]
        ['Izium']
        """
        from foxgrape.places.fuzzy_match import (
            inflected_matches,
            respelt_matches,
            ukrainian_spellings,
        )

        inflected = inflected_matches(name, self._indexes) if oblique else []
        matches = [] if inflected else self._named(name)
        if matches:
            candidates = self._towns_inflected_as(name, matches)
        else:
            candidates = inflected or inflected_matches(name, self._indexes)
            if not candidates and (" " in name or "-" in name or _RUSSIAN_NAME.search(name)):
                candidates = respelt_matches(name, self._indexes)
            for spelling in () if candidates else ukrainian_spellings(name):
                candidates = inflected_matches(spelling, self._indexes)
                matches = self._named(spelling)
                if candidates or matches:
                    break
        matches = _best([*matches, *self._matches(candidates)])
        return sorted(self._with_namesakes(matches), key=_rank)

    def _with_namesakes(self, matches: list[PlaceMatch]) -> list[PlaceMatch]:
        """Return the matches and the other places that have a matched place's name today.

        A spelling may be recorded for one of several namesakes only: Vodyane, Лысовка.
        """
        known = {match.place.id for match in matches}
        others: dict[str, PlaceMatch] = {}
        for match in matches:
            if match.matched != match.place.name and is_current_name(match):
                for other in self._named(match.place.name):
                    place = other.place
                    if place.name == match.place.name and place.id not in known:
                        others.setdefault(place.id, replace(match, place=place))
        return [*matches, *others.values()]

    def namesakes(self, name: str) -> list[Place]:
        """Return the places that have a name, and others of the same name today.

        Examples
        --------
        >>> places = Gazetteer.default().namesakes("Bilyaivka")
        >>> len(places), {place.name for place in places}
        (5, {'Biliaivka'})
        """
        matches = self._named(name)
        if not matches:
            matches = [match for match in self.find(name, limit=1) if match.score >= MATCH]
        return [match.place for match in self._with_namesakes(matches)]

    def divisions(self) -> set[tuple[str, str]]:
        """Return the first- and second-level divisions of all places, as pairs of names."""
        return {pair for index in self._indexes for pair in index.divisions()}

    def _in_division(self, matches: list[PlaceMatch], text: str) -> list[PlaceMatch]:
        """Return the matches in a region or district; none if it is unknown."""
        # Imported here, since most look-ups do not need this module.
        from foxgrape.places.divisions import read_divisions

        divisions = read_divisions(text, self)
        if divisions.unread or not divisions:
            return []
        inside = {place.id for place in divisions.select(match.place for match in matches)}
        return [match for match in matches if match.place.id in inside]

    def name_keys(self) -> Iterator[str]:
        """Yield the folded form of every name; a form may be repeated."""
        for index in self._indexes:
            yield from index.name_keys()

    def stems(self) -> Iterator[str]:
        """Yield the phonetic stems of all names; a stem may be repeated."""
        for index in self._indexes:
            yield from index.stems

    def _named(self, name: str) -> list[PlaceMatch]:
        """Return the places that have a name with the same folded form."""
        key = fold(name)
        matches: dict[str, PlaceMatch] = {}
        for index in self._indexes:
            for place in index.by_name(key):
                if place.id not in matches and self._is_current(place):
                    matches[place.id] = self._match(place, name.strip(), key)
        return list(matches.values())

    def _with_attached_words(self, name: str) -> list[PlaceMatch]:
        """Return the places that an Arabic or Hebrew name with words joined to it may mean."""
        if not any(sign >= _FIRST_NATIVE and sign.isalpha() for sign in name):
            return []
        from foxgrape.places.scripts import native_forms

        forms = (self._named(form) for form in native_forms(name))
        return [
            PlaceMatch(match.place, _ATTACHED, match.matched, "inflected")
            for match in next((matches for matches in forms if matches), [])
        ]

    def _towns_inflected_as(self, name: str, matches: list[PlaceMatch]) -> list[Candidate]:
        """Return the towns of whose names `name` is a case form, if all `matches` are hamlets."""
        return [] if any(match.place.population for match in matches) else self._inflected(name)

    def _inflected(self, name: str) -> list[Candidate]:
        key = fold(name)
        towns = [place for index in self._indexes for place in index.by_inflected_name(key)]
        if not towns:
            return []
        from foxgrape.places.fuzzy_match import fuzzy_matches

        return fuzzy_matches(name, [InMemoryIndex(towns)])

    def _is_current(self, place: Place) -> bool:
        """Return True unless an added gazetteer has a different place with the same id."""
        return len(self._indexes) == 1 or self[place.id] is place

    def _matches(self, candidates: Iterable[Candidate]) -> Iterator[PlaceMatch]:
        for candidate in candidates:
            if self._is_current(candidate.place):
                yield PlaceMatch(candidate.place, candidate.score, candidate.matched, candidate.how)

    def _match(self, place: Place, name: str, key: str) -> PlaceMatch:
        if name == place.name or name in place.names:
            return PlaceMatch(place, _EXACT, name)
        spelling = self._spellings.get((place.id, key))
        if spelling is None:
            names = (place.name, *place.names)
            # A place is also found by its KATOTTG code, which is not among its names.
            spelling = next((known for known in names if fold(known) == key), place.name)
            self._spellings[place.id, key] = spelling
        return PlaceMatch(place, _FOLDED, spelling, "folded")


def _is_file(file: str | Path) -> bool:
    return path.isfile(file)  # noqa: PTH113 - pathlib costs 4 ms


def find(
    name: str,
    *,
    country: str | None = None,
    limit: int | None = 5,
    admin1: str | None = None,
    near: tuple[float, float] | None = None,
) -> list[PlaceMatch]:
    """Find the places that a name may mean, in any known spelling or alphabet, best first.

    Finds "Izyum", "ІЗЮМ", "Изюма", "під Лисичанськом" and "Kupjansk". Exact names come first, then
    other spellings, inflected forms and misspellings. For an ambiguous name, all places
    with this name are returned, the most populous first. Check the score before you take the first
    match.

    Parameters
    ----------
    name
        The name as written, with or without a preposition. Without a capital letter, only an
        exact name is more than a guess.
    country
        Only places of this country; ISO 3166-1 alpha-2.
    limit
        Maximum number of matches; None for all.
    admin1
        Only places of this region or district, in any spelling: ``Kharkiv``, ``Харківська обл.``,
        ``Iziumskyi Raion``. None are found if it is unknown.
    near
        Latitude and longitude in degrees: among equal scores the nearest place comes first, and
        places without coordinates last.

    Returns
    -------
    list of PlaceMatch
        Empty if the name is unknown.

    Examples
    --------
    >>> find("Izyum")[0].place.name
    'Izium'
    >>> match = find("под Лисичанском")[0]
    >>> match.place.name, match.how
    ('Lysychansk', 'inflected')
    >>> find("nowhere at all")
    []
    """
    gazetteer = Gazetteer.default()
    return gazetteer.find(name, country=country, limit=limit, admin1=admin1, near=near)


def _best(matches: list[PlaceMatch]) -> list[PlaceMatch]:
    """Keep the best match of each place."""
    best: dict[str, PlaceMatch] = {}
    for match in matches:
        known = best.get(match.place.id)
        if known is None or match.score > known.score:
            best[match.place.id] = match
    return list(best.values())


def _rank(match: PlaceMatch) -> tuple[float, bool, int, str]:
    """Sort by score, then current names before former names, then by population."""
    population = match.place.population or 0
    return (-match.score, not is_current_name(match), -population, match.place.id)


def _rank_near(match: PlaceMatch, near: tuple[float, float]) -> tuple[float, float, str]:
    return (-match.score, distance_km(match.place, near), match.place.id)


def is_current_name(match: PlaceMatch) -> bool:
    """Return whether the matched name is a spelling of the place's current name.

    Two spellings of a name have the same consonants in their phonetic keys. In Russian, similar
    consonants are enough if no Russian name of the place has the same: Николаев for Mykolaiv.
    """
    name, matched = match.place.name, match.matched
    return (
        matched == name
        or _consonants(matched) == _consonants(name)
        or _is_translation(matched, name, match.place.names_in("ru"))
    )


@lru_cache(maxsize=8192)
def _is_translation(matched: str, name: str, russian: tuple[str, ...]) -> bool:
    consonants = _consonants(name)
    if matched not in russian or any(_consonants(other) == consonants for other in russian):
        return False
    from rapidfuzz import fuzz

    return fuzz.ratio(_consonants(matched), consonants) >= _SIMILAR_CONSONANTS


@lru_cache(maxsize=1 << 15)
def _consonants(name: str) -> str:
    from foxgrape.places.phonetic import phonetic_key

    return "".join(sign for sign in phonetic_key(name) if sign not in "aeu")
