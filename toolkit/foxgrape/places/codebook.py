"""Codebooks: codes in order, looked up alone or in a text, and merged with others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from os import path

from foxgrape.places.code import BASES, GRADES, KINDS, Code, read_day
from foxgrape.places.gazetteer import Gazetteer
from foxgrape.places.normalize import fold, normal_emoji, whole_words
from foxgrape.places.place import MATCH, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date
    from pathlib import Path
    from typing import Self

__all__ = ["BASES", "GRADES", "KINDS", "Code", "CodeMatch", "Codebook", "Conflict"]
__all__ += ["codes_for", "lookup", "read_day"]

_RESOURCES = path.join(path.dirname(__file__), "resources")  # noqa: PTH118, PTH120 - pathlib: 4 ms

_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class CodeMatch:
    """A place that a code stands for.

    Attributes
    ----------
    place
        The place.
    code
        The codebook's entry, with its evidence.
    score
        Between 0 and 1, higher is better: weight of the basis times weight of the confidence.
    """

    place: Place
    code: Code
    score: float

    @property
    def why(self) -> str:
        """One sentence that explains the match and its score."""
        code = self.code
        source = f", says {code.source_title}" if code.source_title else ", no source"
        return (
            f"{code.code} stands for {self.place.name} ({code.meaning}){source}; "
            f"{code.basis} ({BASES[code.basis]:g}) at confidence {code.confidence} "
            f"({GRADES[code.confidence]:g}) makes {self.score:.2f}"
        )


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two codebooks read one code as one place and do not agree on the rest.

    Attributes
    ----------
    kept
        The entry of the codebook that was added, which stands.
    dropped
        The entry that it replaces.
    columns
        What they disagree on.
    """

    kept: Code
    dropped: Code
    columns: tuple[str, ...]

    def __str__(self) -> str:
        told = ", ".join(
            f"{column} {getattr(self.kept, column)!s} instead of {getattr(self.dropped, column)!s}"
            for column in self.columns
        )
        return f"{self.kept.code} for {self.kept.place_id}: {told}"


class Codebook:
    """Codes in the order of their rows, with the gazetteer that their places are in.

    A code may stand for several places, and a place have several codes.

    Attributes
    ----------
    codes
        Every entry.
    gazetteer
        Where their places are.
    conflicts
        What the codebooks that were merged into this one did not agree on; see `extended`.

    Examples
    --------
    >>> [match.place.name for match in Codebook.default().lookup("🦊")]
    ['Lysychansk']
    """

    def __init__(
        self,
        codes: Iterable[Code],
        gazetteer: Gazetteer | None = None,
        *,
        conflicts: Iterable[Conflict] = (),
    ) -> None:
        self.gazetteer = Gazetteer.default() if gazetteer is None else gazetteer
        self.codes = tuple(codes)
        self.conflicts = tuple(conflicts)
        self._remembered: dict[str, list[CodeMatch]] = {}
        self._by_key: dict[str, list[Code]] = {}
        for code in self.codes:
            self._by_key.setdefault(_key(code.code), []).append(code)
        self._words = whole_words(_key(code.code) for code in self.codes if code.kind != "emoji")

    @classmethod
    @cache
    def default(cls, *, proposed: bool = False) -> Self:
        """Return the packaged codebook: Ukraine, every reading graded A or B.

        With `proposed`, also the readings that nobody attested (basis ``proposed``, grade C).
        """
        book = cls.from_csv(path.join(_RESOURCES, "codebook.csv"))  # noqa: PTH118
        if not proposed:
            return book
        ideas = cls.from_csv(path.join(_RESOURCES, "proposed.csv"))  # noqa: PTH118
        return cls((*book.codes, *ideas.codes), book.gazetteer)

    @classmethod
    def from_csv(cls, path: str | Path, gazetteer: Gazetteer | None = None) -> Self:
        """Read a codebook; its columns are the attributes of `Code`, others are ignored.

        Parameters
        ----------
        path
            CSV in UTF-8. ``meaning_uk`` and ``meaning_ru`` may be left out.
        gazetteer
            Where the codes' places are; the packaged one by default. For codes outside geography
            (clubs, companies), a `Gazetteer` of places of your own.

        Raises
        ------
        CodebookError
            Names file, row and column of the first bad cell; `foxgrape codebook check` names all.
        """
        from foxgrape.places.codebook_csv import read_codes

        gazetteer = Gazetteer.default() if gazetteer is None else gazetteer
        return cls(read_codes(path, gazetteer), gazetteer)

    def extended(self, other: Codebook) -> Codebook:
        """Return this codebook with the codes of another, which win where both have a reading.

        Where both read a code as the same place and differ in anything else, the result's
        `conflicts` says so; readings as other places stand side by side and are no conflict.

        Examples
        --------
        >>> from dataclasses import replace
        >>> book = Codebook.default()
        >>> mine = Codebook([replace(book.codes[0], confidence="C")])
        >>> print(*book.extended(mine).conflicts)
        🍇 for geonames:707292: confidence C instead of A
        """
        theirs = {(_key(code.code), code.place_id): code for code in other.codes}
        conflicts, kept = [], []
        for code in self.codes:
            new = theirs.get((_key(code.code), code.place_id))
            if new is None:
                kept.append(code)
            elif new != code:
                columns = tuple(
                    name for name in Code.__slots__ if getattr(new, name) != getattr(code, name)
                )
                conflicts.append(Conflict(new, code, columns))
        return Codebook(
            [*kept, *other.codes],
            self.gazetteer.extended(other.gazetteer),
            conflicts=(*self.conflicts, *other.conflicts, *conflicts),
        )

    def __iter__(self) -> Iterator[Code]:
        return iter(self.codes)

    def __len__(self) -> int:
        return len(self.codes)

    def lookup(
        self, code: str, *, at: date | str | None = None, country: str | None = None
    ) -> list[CodeMatch]:
        """Look a code up; see `foxgrape.places.lookup`."""
        matches = self._remembered.get(code)
        if matches is None:
            matches = self._matches(code)
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[code] = matches
        if at is None and country is None:
            return matches.copy()
        when = read_day(at) if isinstance(at, str) else at
        return [
            match
            for match in matches
            if (country is None or match.place.country == country)
            and (when is None or match.code.valid_at(when))
        ]

    def _matches(self, text: str) -> list[CodeMatch]:
        entries = [entry for key in self._keys(text) for entry in self._by_key[key]]
        matches = [
            CodeMatch(
                self.gazetteer[entry.place_id],
                entry,
                round(BASES[entry.basis] * GRADES[entry.confidence], 4),
            )
            for entry in entries
        ]
        return sorted(matches, key=lambda match: -match.score)

    def _keys(self, text: str) -> list[str]:
        """Return the codes in a text: the text itself if it is one, else each in it once."""
        whole = _key(text)
        if whole in self._by_key:
            return [whole]
        found = self._words.findall(fold(text)) if self._words else []
        if not whole.isascii() and len(whole) > 1:
            from emoji import emoji_list

            found += [_key(str(span["emoji"])) for span in emoji_list(text)]
        return [key for key in dict.fromkeys(found) if key in self._by_key]

    def codes_for(self, place: Place | str) -> list[Code]:
        """List the codes of a place; see `foxgrape.places.codes_for`."""
        if isinstance(place, Place):
            ids = {place.id}
        elif place in self.gazetteer:
            ids = {self.gazetteer[place].id}
        else:
            found = self.gazetteer.find(place, limit=None)
            ids = {match.place.id for match in found if match.score >= MATCH}
        return [code for code in self.codes if code.place_id in ids]


def lookup(
    code: str,
    *,
    at: date | str | None = None,
    country: str | None = None,
    codebook: Codebook | None = None,
) -> list[CodeMatch]:
    """Look up which places a code stands for, best first.

    Parameters
    ----------
    code
        An emoji in any form, a word or a hashtag; or a text, in which every code is looked up
        and everything else ignored: 🍇🦊 is two codes.
    at
        Only readings that hold on that day; a date, an instant or ISO 8601 text.
    country
        ISO 3166-1 alpha-2 code to stay within.
    codebook
        The packaged one by default.

    Returns
    -------
    list of CodeMatch
        Empty when no reading is known.

    Raises
    ------
    ValueError
        If `at` is text and not ISO 8601.

    Examples
    --------
    >>> match = lookup("🍇")[0]
    >>> match.place.name, match.code.meaning, match.code.basis
    ('Izium', 'raisins', 'attested')
    >>> lookup("🪑")
    []
    """
    codebook = Codebook.default() if codebook is None else codebook
    return codebook.lookup(code, at=at, country=country)


def codes_for(place: Place | str) -> list[Code]:
    """List the packaged codes that stand for a place.

    Parameters
    ----------
    place
        The place itself, its id, or any of its names; an ambiguous name lists the codes of each.

    Returns
    -------
    list of Code
        In the order of the codebook; empty when none is known.

    Examples
    --------
    >>> [code.code for code in codes_for("Ізюм")]
    ['🍇']
    """
    return Codebook.default().codes_for(place)


def _key(code: str) -> str:
    return normal_emoji(fold(code))
