"""Where a gazetteer keeps its places: in memory, or in a folder of sorted text tables.

A folder holds three files of lines sorted by their bytes, so that a line is found by bisection and
parsed only when it is asked for:

- ``places.txt``: id, name, names in uk, ru, en and other, lat, lon, country, admin1, admin2,
  population; between tabs, names between bars.
- ``names.txt``: folded name, or KATOTTG code of a place that was merged, and the numbers of the
  places that bear it.
  After a semicolon stand the inhabited places of whose names it is another case.
- ``sounds.txt``: stem of a sound, and the numbers of the places that sound so.

Numbers are positions in ``places.txt``, from 0, in base 36.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property

from foxgrape.errors import FoxgrapeError
from foxgrape.places.normalize import fold
from foxgrape.places.place import from_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from foxgrape.places.place import Place

__all__ = ["FileIndex", "InMemoryIndex"]

_BASE = 36


class InMemoryIndex:
    """A handful of places, indexed when they are first asked for."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._places = {place.id: place for place in places}

    def get(self, place_id: str) -> Place | None:
        """Return the place of an id, or None."""
        return self._places.get(place_id)

    def named(self, key: str) -> list[Place]:
        """Return the places that bear a folded name."""
        return self._by_name.get(key, [])

    def declined(self, key: str) -> list[Place]:  # noqa: ARG002 - as Folder's
        """Return nothing: a handful of places is asked by form, not told beforehand."""
        return []

    def sounding(self, key: str) -> list[Place]:
        """Return the places one of whose names has this stem."""
        return self._by_stem.get(key, [])

    @cached_property
    def stems(self) -> Sequence[str]:
        """Every stem, sorted."""
        return sorted(self._by_stem)

    @cached_property
    def _by_name(self) -> dict[str, list[Place]]:
        return self._index(fold)

    @cached_property
    def _by_stem(self) -> dict[str, list[Place]]:
        from foxgrape.places.phonetic import phonetic_key, stem

        return self._index(lambda name: stem(phonetic_key(name)))

    def _index(self, key_of: Callable[[str], str]) -> dict[str, list[Place]]:
        found: dict[str, list[Place]] = {}
        for place in self:
            for key in dict.fromkeys(key_of(name) for name in (place.name, *place.names)):
                found.setdefault(key, []).append(place)
        return found

    def inhabited(self) -> list[Place]:
        """Return every place: in a handful, each counts."""
        return list(self)

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places.values())

    def __len__(self) -> int:
        return len(self._places)


class FileIndex:
    """Sorted text tables, each read whole when it is first needed; see the module."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._parsed: dict[int, Place] = {}
        self._known: dict[str, Place] = {}

    def get(self, place_id: str) -> Place | None:
        """Return the place of an id (or of a KATOTTG code that it was merged with), or None."""
        if place_id in self._known:
            return self._known[place_id]
        try:
            line = _line_beginning(self._bytes, _key(place_id))
            if line:
                place = self._known[place_id] = from_line(line.decode())
                return place
        except (ValueError, LookupError):
            raise self._damaged() from None
        if place_id.startswith("katottg:"):
            return next(iter(self._numbered(self._names, place_id)), None)
        return None

    def named(self, key: str) -> list[Place]:
        """Return the places that bear a folded name."""
        return self._numbered(self._names, key)

    def declined(self, key: str) -> list[Place]:
        """Return the inhabited places of whose names a hamlet's name is another case."""
        return self._numbered(self._names, key, after=b";")

    def sounding(self, key: str) -> list[Place]:
        """Return the places one of whose names has this stem."""
        return self._numbered(self._sounds, key)

    @cached_property
    def stems(self) -> Sequence[str]:
        """Every stem, sorted."""
        return [line[: line.index(b"\t")].decode() for line in self._sounds]

    @cached_property
    def _bytes(self) -> bytes:
        # Splitting takes longer than reading, and a place that is asked for by id needs it not.
        return self._read("places.txt")

    @cached_property
    def _places(self) -> list[bytes]:
        return self._bytes.split(b"\n")[:-1]

    @cached_property
    def _names(self) -> list[bytes]:
        return self._lines("names.txt")

    @cached_property
    def _sounds(self) -> list[bytes]:
        return self._lines("sounds.txt")

    def _lines(self, name: str) -> list[bytes]:
        return self._read(name).split(b"\n")[:-1]

    def _read(self, name: str) -> bytes:
        with open(f"{self._folder}/{name}", "rb") as file:  # noqa: PTH123 - pathlib costs 4 ms
            return file.read()

    def _numbered(self, table: list[bytes], key: str, *, after: bytes = b"\t") -> list[Place]:
        wanted = _key(key)
        at = bisect_left(table, wanted)
        if at == len(table) or not table[at].startswith(wanted):
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
            hint="put them back, or build them again: foxgrape data build-gazetteer",
        )

    def _place(self, number: int) -> Place:
        place = self._parsed.get(number)
        if place is None:
            line = self._places[number]
            # The same object, whether it was asked for by number or by id.
            place_id = line[: line.index(b"\t")].decode()
            place = self._known.get(place_id)
            if place is None:
                place = self._known[place_id] = from_line(line.decode())
            self._parsed[number] = place
        return place

    def inhabited(self) -> list[Place]:
        """Return the places whose population is known; the rest are not even parsed."""
        return [self._place(at) for at, line in enumerate(self._places) if line[-1:] != b"\t"]

    def __iter__(self) -> Iterator[Place]:
        return map(self._place, range(len(self)))

    def __len__(self) -> int:
        return len(self._places)


def _line_beginning(table: bytes, wanted: bytes) -> bytes:
    """Return the line of a sorted table that begins so, or nothing: by bisection of its bytes."""
    low, high = 0, len(table)
    while low < high:
        begin = table.rfind(b"\n", low, (low + high) // 2) + 1 or low
        end = table.index(b"\n", begin)
        line = table[begin:end]
        if line.startswith(wanted):
            return line
        if line < wanted:
            low = end + 1
        else:
            high = begin
    return b""


def _key(text: str) -> bytes:
    """Return how the line of a text begins; half of a surrogate pair is in none, and no error."""
    return f"{text}\t".encode("utf-8", "surrogatepass")
