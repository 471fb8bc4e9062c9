"""Indexes of places by id, name and sound: in memory, or in a folder of sorted text tables.

A folder has three text files, whose lines are sorted by their bytes so that a line can be found by
bisection and parsed only when it is needed:

- ``places.txt``: id, name, names in each language (uk, ru, en and other, or as ``gazetteer.json``
  states), lat, lon, country, admin1, admin2, population; separated by tabs, names by bars.
- ``names.txt``: folded name, or second id of a place (KATOTTG), and the numbers of its places.
  Numbers after a semicolon are of populated places of whose names this name is an inflected form.
- ``sounds.txt``: stem of a phonetic key, and the numbers of its places.

Numbers are line numbers in ``places.txt``, counted from 0, in base 36.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property

from foxgrape._util.regular_files import read_regular
from foxgrape.errors import FoxgrapeError
from foxgrape.places.normalize import fold
from foxgrape.places.place import LANGUAGES, from_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from foxgrape.places.place import Place

__all__ = ["FileIndex", "InMemoryIndex"]

_BASE = 36


class InMemoryIndex:
    """An index of places in memory, built on first use."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._places = {place.id: place for place in places}

    def get(self, place_id: str) -> Place | None:
        """Return the place with this id, or None."""
        return self._places.get(place_id)

    def by_name(self, key: str) -> list[Place]:
        """Return the places with a name whose folded form is `key`."""
        return self._by_name.get(key, [])

    def by_inflected_name(self, key: str) -> list[Place]:  # noqa: ARG002 - as in FileIndex
        """Return an empty list: inflected forms are matched at query time."""
        return []

    def by_stem(self, key: str) -> list[Place]:
        """Return the places with a name whose phonetic stem is `key`."""
        return self._by_stem.get(key, [])

    def name_keys(self) -> Iterator[str]:
        """Yield the folded form of every name."""
        return iter(self._by_name)

    @cached_property
    def stems(self) -> Sequence[str]:
        """All phonetic stems, sorted."""
        return sorted(self._by_stem)

    @cached_property
    def _by_name(self) -> dict[str, list[Place]]:
        return self._index(fold)

    @cached_property
    def _by_stem(self) -> dict[str, list[Place]]:
        from foxgrape.places.phonetic import phonetic_key, stem

        return self._index(lambda name: stem(phonetic_key(name)))

    def _index(self, key_of: Callable[[str], str]) -> dict[str, list[Place]]:
        index: dict[str, list[Place]] = {}
        for place in self:
            for key in dict.fromkeys(key_of(name) for name in (place.name, *place.names)):
                index.setdefault(key, []).append(place)
        return index

    def divisions(self) -> set[tuple[str, str]]:
        """Return the first- and second-level divisions of all places, as pairs of names."""
        return {(place.admin1, place.admin2) for place in self}

    def populated_places(self) -> list[Place]:
        """Return every place, with or without a known population."""
        return list(self)

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places.values())

    def __len__(self) -> int:
        return len(self._places)


class FileIndex:
    """An index in a folder of sorted text tables, each read on first use; see the module."""

    def __init__(self, folder: str, languages: tuple[str, ...] = LANGUAGES) -> None:
        self._folder = folder
        self._languages = languages
        self._by_number: dict[int, Place] = {}
        self._by_id: dict[str, Place] = {}

    def get(self, place_id: str) -> Place | None:
        """Return the place with this first or second id, or None."""
        if place_id in self._by_id:
            return self._by_id[place_id]
        try:
            line = _find_line(self._bytes, _line_start(place_id))
            if line:
                place = self._by_id[place_id] = from_line(line.decode(), self._languages)
                return place
        except (ValueError, LookupError):
            raise self._damaged() from None
        if place_id.startswith("katottg:"):
            return next(iter(self._find(self._names, place_id)), None)
        return None

    def by_name(self, key: str) -> list[Place]:
        """Return the places with a name whose folded form is `key`."""
        return self._find(self._names, key)

    def by_inflected_name(self, key: str) -> list[Place]:
        """Return the populated places for which `key` is an inflected form of a name.

        Only keys that equal the normalized name of a hamlet are indexed.
        """
        return self._find(self._names, key, after=b";")

    def by_stem(self, key: str) -> list[Place]:
        """Return the places with a name whose phonetic stem is `key`."""
        return self._find(self._sounds, key)

    def name_keys(self) -> Iterator[str]:
        """Yield the folded form of every name."""
        return (line[: line.index(b"\t")].decode() for line in self._names)

    @cached_property
    def stems(self) -> Sequence[str]:
        """All phonetic stems, sorted."""
        return [line[: line.index(b"\t")].decode() for line in self._sounds]

    @cached_property
    def _bytes(self) -> bytes:
        # Not split into lines: that takes longer than reading, and look-ups by id do not need it.
        return self._read("places.txt")

    @cached_property
    def _places(self) -> list[bytes]:
        return self._bytes.split(b"\n")[:-1]

    @cached_property
    def _names(self) -> list[bytes]:
        return self._read("names.txt").split(b"\n")[:-1]

    @cached_property
    def _sounds(self) -> list[bytes]:
        return self._read("sounds.txt").split(b"\n")[:-1]

    def _read(self, name: str) -> bytes:
        return read_regular(f"{self._folder}/{name}")

    def _find(self, table: list[bytes], key: str, *, after: bytes = b"\t") -> list[Place]:
        start = _line_start(key)
        at = bisect_left(table, start)
        if at == len(table) or not table[at].startswith(start):
            return []
        numbers = table[at].partition(after)[2].partition(b";")[0]
        try:
            return [self._place(int(number, _BASE)) for number in numbers.split(b",") if number]
        except (ValueError, LookupError):
            raise self._damaged() from None

    def _damaged(self) -> FoxgrapeError:
        return FoxgrapeError(
            "the tables of this gazetteer are damaged",
            file=self._folder,
            hint="restore them, or build them again: foxgrape gazetteer build",
        )

    def _place(self, number: int) -> Place:
        place = self._by_number.get(number)
        if place is None:
            line = self._places[number]
            # Look-ups by number and by id must return the same object.
            place_id = line[: line.index(b"\t")].decode()
            place = self._by_id.get(place_id)
            if place is None:
                place = self._by_id[place_id] = from_line(line.decode(), self._languages)
            self._by_number[number] = place
        return place

    def divisions(self) -> set[tuple[str, str]]:
        """Return the first- and second-level divisions of all places, as pairs of names."""
        pairs = {tuple(line.rsplit(b"\t", 3)[1:3]) for line in self._places}
        return {(admin1.decode(), admin2.decode()) for admin1, admin2 in pairs}

    def populated_places(self) -> list[Place]:
        """Return the places whose population is known, without parsing the other lines."""
        return [self._place(at) for at, line in enumerate(self._places) if line[-1:] != b"\t"]

    def __iter__(self) -> Iterator[Place]:
        return map(self._place, range(len(self)))

    def __len__(self) -> int:
        return len(self._places)


def _find_line(table: bytes, start: bytes) -> bytes:
    """Return the line of a sorted table that begins with `start`, or ``b""``, by bisection."""
    low, high = 0, len(table)
    while low < high:
        begin = table.rfind(b"\n", low, (low + high) // 2) + 1 or low
        end = table.index(b"\n", begin)
        line = table[begin:end]
        if line.startswith(start):
            return line
        if line < start:
            low = end + 1
        else:
            high = begin
    return b""


def _line_start(key: str) -> bytes:
    """Return the bytes with which the line of a key begins.

    A lone surrogate is encoded as well, so that looking it up finds no line instead of failing.
    """
    return f"{key}\t".encode("utf-8", "surrogatepass")
