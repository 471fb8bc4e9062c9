"""Places, and finding them by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from os import path

from foxgrape.errors import FoxgrapeError
from foxgrape.places.index import FileIndex, InMemoryIndex
from foxgrape.places.normalize import fold
from foxgrape.places.place import Place, kilometres

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Self

    from foxgrape.places.fuzzy_match import Reading, Shelf

__all__ = ["Gazetteer", "Place", "PlaceMatch", "find", "is_current_name"]

_RESOURCE = path.join(path.dirname(__file__), "resources", "gazetteer")  # noqa: PTH118, PTH120
_EXACT, _FOLDED = 1.0, 0.95


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
    how
        ``exact``, ``folded`` (case, apostrophes, hyphens, diacritics), ``respelt`` (another
        alphabet, romanization or language), ``inflected``, ``respelt and inflected`` or
        ``misspelt``.
    """

    place: Place
    score: float
    matched: str
    how: str = "exact"


class Gazetteer:
    """Places by id and by name.

    Examples
    --------
    >>> gazetteer = Gazetteer.default()
    >>> [match.place.name for match in gazetteer.find("Izyum")]
    ['Izium']
    """

    def __init__(self, places: Iterable[Place]) -> None:
        self._shelves: tuple[Shelf, ...] = (InMemoryIndex(places),)
        self._folded: dict[tuple[str, str], str] = {}

    @classmethod
    @cache
    def default(cls) -> Self:
        """Return the packaged gazetteer: Ukraine and its borders, GeoNames (CC BY 4.0), KATOTTG."""
        return cls.from_folder(_RESOURCE)

    @classmethod
    def from_folder(cls, folder: str | Path) -> Self:
        """Open a gazetteer that `foxgrape data build-gazetteer` wrote.

        Raises
        ------
        FoxgrapeError
            If the folder has no such tables.
        """
        for name in ("places.txt", "names.txt", "sounds.txt"):
            if not path.isfile(path.join(folder, name)):  # noqa: PTH113, PTH118 - pathlib costs 4 ms
                raise FoxgrapeError(
                    "no gazetteer: this file is missing",
                    file=path.join(folder, name),  # noqa: PTH118
                    hint="foxgrape data build-gazetteer writes one",
                )
        return cls._of((FileIndex(str(folder)),))

    @classmethod
    def from_csv(cls, path: str | Path) -> Self:
        """Read places of one's own: columns ``id`` and ``name``, and others of `Place`.

        Raises
        ------
        TableError
            Names file, row and column of the first bad cell.
        """
        from foxgrape.places.gazetteer_csv import read_places

        return cls(read_places(path))

    @classmethod
    def _of(cls, shelves: tuple[Shelf, ...]) -> Self:
        made = cls(())
        made._shelves = shelves
        return made

    def extended(self, other: Gazetteer) -> Gazetteer:
        """Return this gazetteer with the places of another, which win where both have an id."""
        mine = tuple(shelf for shelf in self._shelves if shelf not in other._shelves)
        return Gazetteer._of((*other._shelves, *mine)) if mine else other

    def __getitem__(self, place_id: str) -> Place:
        for shelf in self._shelves:
            place = shelf.get(place_id)
            if place is not None:
                return place
        raise KeyError(place_id)

    def __contains__(self, place_id: object) -> bool:
        return isinstance(place_id, str) and any(
            shelf.get(place_id) is not None for shelf in self._shelves
        )

    def inhabited(self) -> list[Place]:
        """Return the places whose population is known; of a gazetteer of one's own, all."""
        found = [place for shelf in self._shelves for place in shelf.inhabited()]
        return [place for place in found if self._stands(place)]

    def __iter__(self) -> Iterator[Place]:
        if len(self._shelves) == 1:
            return iter(self._shelves[0])
        return iter({place.id: place for shelf in self._shelves[::-1] for place in shelf}.values())

    def __len__(self) -> int:
        if len(self._shelves) == 1:
            return len(self._shelves[0])
        return len({place.id for shelf in self._shelves for place in shelf})

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

        With `exact`, only places that bear the name as written, but for case, apostrophes,
        hyphens and diacritics: for a text in which every word is asked about.
        """

        def within(matches: Iterable[PlaceMatch]) -> list[PlaceMatch]:
            if country is None and admin1 is None:
                return list(matches)
            return [match for match in matches if _lies_within(match.place, country, admin1)]

        found = within(self._named(name))
        if not exact:
            hamlets = not any(match.place.population for match in found)
            readings = self._declined(name) if found and hamlets else []
            if not found:
                # Spelling, cases and sounds are loaded by the first name that needs them.
                from foxgrape.places.fuzzy_match import fuzzy_matches, strip_prepositions

                alone = strip_prepositions(name)
                found = within(self._named(alone)) if alone != name else []
                readings = self._declined(alone) if found else fuzzy_matches(alone, self._shelves)
            found = _best([*found, *within(self._matches(readings))]) if readings else found
        if len(found) > 1:
            found.sort(key=_rank if near is None else lambda match: _rank_near(match, near))
        return found[:limit]

    def named_in_text(self, name: str) -> list[PlaceMatch]:
        """Find the places that a capitalised name in a text means: as written, or inflected.

        Unlike `find`, it takes no other spelling for this one, because in a text every word is
        asked about; only hamlets yield to a town of which their name is a case form.

        Examples
        --------
        >>> [match.place.name for match in Gazetteer.default().named_in_text("Ізюмом")]
        ['Izium']
        """
        from foxgrape.places.fuzzy_match import inflected_matches

        found = self._named(name)
        hamlets = not any(match.place.population for match in found)
        readings = self._declined(name) if found and hamlets else []
        if not found:
            readings = inflected_matches(name, self._shelves)
        return sorted(_best([*found, *self._matches(readings)]), key=_rank)

    def stems(self) -> Iterator[str]:
        """Yield the stem of every name, as ``sounds.stem`` makes them; some more than once."""
        for shelf in self._shelves:
            yield from shelf.stems

    def _named(self, name: str) -> list[PlaceMatch]:
        """Return the places that bear a folded name."""
        key = fold(name)
        found: dict[str, PlaceMatch] = {}
        for shelf in self._shelves:
            for place in shelf.named(key):
                if place.id not in found and self._stands(place):
                    found[place.id] = self._match(place, name.strip(), key)
        return list(found.values())

    def _declined(self, name: str) -> list[Reading]:
        """Return the towns of whose names a hamlet's name is another case."""
        key = fold(name)
        there = [place for shelf in self._shelves for place in shelf.declined(key)]
        if not there:
            return []
        from foxgrape.places.fuzzy_match import fuzzy_matches

        return fuzzy_matches(name, [InMemoryIndex(there)])

    def _stands(self, place: Place) -> bool:
        """Tell a place from one of the same id that an added gazetteer put in its stead."""
        return len(self._shelves) == 1 or self[place.id] is place

    def _matches(self, readings: Iterable[Reading]) -> Iterator[PlaceMatch]:
        for each in readings:
            if self._stands(each.place):
                yield PlaceMatch(each.place, each.score, each.matched, each.how)

    def _match(self, place: Place, name: str, key: str) -> PlaceMatch:
        if name == place.name or name in place.names:
            return PlaceMatch(place, _EXACT, name)
        spelling = self._folded.get((place.id, key))
        if spelling is None:
            spellings = (place.name, *place.names)
            # A place is also found by a KATOTTG code, which is not among its names.
            spelling = next((each for each in spellings if fold(each) == key), place.name)
            self._folded[place.id, key] = spelling
        return PlaceMatch(place, _FOLDED, spelling, "folded")


def find(
    name: str,
    *,
    country: str | None = None,
    limit: int | None = 5,
    admin1: str | None = None,
    near: tuple[float, float] | None = None,
) -> list[PlaceMatch]:
    """Find the places that a name may mean, in any known spelling or alphabet, best first.

    Answers which place is "Izyum", "ІЗЮМ", "Изюма", "під Лисичанськом" or "Kupjansk". A name that
    a place bears comes before one that is only spelled otherwise, that before an inflected form,
    and a misspelling last. An ambiguous name returns every place that bears it, the more populous
    first; read the score before the first answer is taken.

    Parameters
    ----------
    name
        The name as it was met, with or without a preposition. Names have a capital letter: in
        small letters, only a name as it stands is more than a guess.
    country
        ISO 3166-1 alpha-2 code to stay within.
    limit
        At most so many matches; None for all.
    admin1
        First-level division to stay within: ``Kharkiv`` or ``Kharkiv Oblast``.
    near
        Latitude and longitude in degrees: of names that match alike, the nearest place comes
        first, places without coordinates last.

    Returns
    -------
    list of PlaceMatch
        Empty when the name is unknown.

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


def _lies_within(place: Place, country: str | None, admin1: str | None) -> bool:
    if country is not None and place.country != country:
        return False
    if admin1 is None:
        return True
    own, asked = fold(place.admin1), fold(admin1)
    return own == asked or own.startswith(f"{asked} ")


def _rank(match: PlaceMatch) -> tuple[float, bool, int, str]:
    """Order by score; then today's name before another one; then by population."""
    return (
        -match.score,
        not is_current_name(match),
        -(match.place.population or 0),
        match.place.id,
    )


def is_current_name(match: PlaceMatch) -> bool:
    """Tell today's name, in any spelling, from a former or other one, by its consonants."""
    name = match.place.name
    return match.matched == name or _bones(match.matched) == _bones(name)


@lru_cache(maxsize=8192)
def _bones(name: str) -> str:
    from foxgrape.places.phonetic import phonetic_key

    return "".join(sign for sign in phonetic_key(name) if sign not in "aeu")


def _rank_near(match: PlaceMatch, near: tuple[float, float]) -> tuple[float, float, str]:
    return (-match.score, kilometres(match.place, near), match.place.id)
