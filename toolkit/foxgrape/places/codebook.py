"""Read, check and merge codebooks, and look up codes, alone or in a text."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields
from functools import cache
from os import path

from foxgrape._util.csv import iter_dict_rows
from foxgrape.errors import CodebookError, require_str
from foxgrape.places.gazetteer import Gazetteer
from foxgrape.places.normalize import fold, normal_emoji, word_pattern
from foxgrape.places.place import BASES, GRADES, KINDS, MATCH, Code, Place, day_interval, parse_day

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date
    from pathlib import Path
    from typing import Any, Self

__all__ = ["Code", "CodeMatch", "Codebook", "Conflict", "check_codebook", "codes_for", "lookup"]

_RESOURCES = path.join(path.dirname(__file__), "resources")  # noqa: PTH118, PTH120 - pathlib: 4 ms
_CACHE_SIZE = 4096
#: Number of codes in the short description of a codebook.
_SHOWN = 5

_ALL = [field.name for field in fields(Code)]
_REQUIRED = [field.name for field in fields(Code) if field.default is MISSING]
_ALLOWED = {"kind": KINDS, "basis": tuple(BASES), "confidence": tuple(GRADES)}
_DAYS = ("decoded_at", "valid_from", "valid_until")


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
        From 0 to 1, higher is better: weight of the basis times weight of the confidence.
    """

    place: Place
    code: Code
    score: float

    @property
    def why(self) -> str:
        """One sentence that explains the match and its score."""
        code = self.code
        source = f"according to {code.source_title}" if code.source_title else "without a source"
        return (
            f"{code.code} stands for {self.place.name} ({code.meaning}) {source}; "
            f"{code.basis} ({BASES[code.basis]:g}) at confidence {code.confidence} "
            f"({GRADES[code.confidence]:g}) gives {self.score:.2f}"
        )


@dataclass(frozen=True, slots=True)
class Conflict:
    """A reading whose details differ between two merged codebooks.

    Attributes
    ----------
    new
        The added codebook's entry, which is kept.
    old
        The entry that `new` replaces.
    columns
        The columns in which `new` and `old` differ.
    """

    new: Code
    old: Code
    columns: tuple[str, ...]

    def __str__(self) -> str:
        changes = ", ".join(
            f"{column} {getattr(self.new, column)!s} instead of {getattr(self.old, column)!s}"
            for column in self.columns
        )
        return f"{self.new.code} for {self.new.place_id}: {changes}"


class Codebook:
    """Codes in the order of their rows, with the gazetteer of their places.

    A code may stand for several places, and a place may have several codes.

    Attributes
    ----------
    codes
        All entries.
    gazetteer
        The places.
    conflicts
        Differences between the codebooks that were merged into this one; see `extended`.

    Examples
    --------
    >>> [match.place.name for match in Codebook.default().lookup("🦊")]
    ['Lysychansk']
    >>> Codebook.default()
    <Codebook of 4 codes: 🍇 🦊 bullfinch 🍉>
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
        self._cache: dict[str, list[CodeMatch]] = {}
        self._by_key: dict[str, list[Code]] = {}
        for code in self.codes:
            self._by_key.setdefault(_key(code.code), []).append(code)
        self._words = word_pattern(_key(code.code) for code in self.codes if code.kind != "emoji")

    @classmethod
    @cache
    def default(cls, *, proposed: bool = False) -> Self:
        """Return the packaged codebook: codes for Ukraine that officials are known to have used.

        With `proposed`, add the proposals: emoji that could stand for a place because of what its
        name means or looks like, of which no use is known. Their `basis` says which they are.
        """
        book = cls.from_csv(path.join(_RESOURCES, "codebook.csv"))  # noqa: PTH118
        if not proposed:
            return book
        proposals = cls.from_csv(path.join(_RESOURCES, "proposed.csv"))  # noqa: PTH118
        return cls((*book.codes, *proposals.codes), book.gazetteer)

    @classmethod
    def for_gazetteer(cls, gazetteer: Gazetteer, *, proposed: bool = False) -> Self:
        """Return the packaged codes of the places that a gazetteer has, with that gazetteer.

        For the gazetteer of another country, the codebook is empty.
        """
        packaged = cls.default(proposed=True) if proposed else cls.default()
        if gazetteer is packaged.gazetteer:
            return packaged
        return cls((code for code in packaged if code.place_id in gazetteer), gazetteer)

    @classmethod
    def from_csv(cls, path: str | Path, gazetteer: Gazetteer | None = None) -> Self:
        """Read a codebook with the attributes of `Code` as columns; other columns are ignored.

        Parameters
        ----------
        path
            CSV in UTF-8. The columns ``meaning_uk``, ``meaning_ru`` and ``timezone`` are optional;
            days without a time zone are days in Kyiv.
        gazetteer
            Gazetteer with the places of the codes; by default the packaged one. For codes that
            stand for clubs, companies and the like, pass a `Gazetteer` of your own places.

        Raises
        ------
        CodebookError
            If a row cannot be used; the message gives the file, row and column of the first bad
            cell. `foxgrape codebook check` lists every problem.
        """
        gazetteer = Gazetteer.default() if gazetteer is None else gazetteer
        return cls(_read_codes(path, gazetteer), gazetteer)

    def extended(self, other: Codebook) -> Codebook:
        """Return this codebook extended with the entries of `other`.

        An entry of `other` replaces the entry with the same code and place, if there is one. If
        the two differ, the result's `conflicts` lists that code and place.

        Examples
        --------
        >>> from dataclasses import replace
        >>> book = Codebook.default()
        >>> mine = Codebook([replace(book.codes[0], confidence="C")])
        >>> print(*book.extended(mine).conflicts)
        🍇 for geonames:707292: confidence C instead of A
        """
        new_codes = {(_key(code.code), code.place_id): code for code in other.codes}
        conflicts, kept = [], []
        for code in self.codes:
            new = new_codes.get((_key(code.code), code.place_id))
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

    def __repr__(self) -> str:
        n_proposals = sum(not code.attested for code in self.codes)
        proposals = f", {n_proposals} of them proposals" if n_proposals else ""
        first = ": " * bool(self.codes) + " ".join(code.code for code in self.codes[:_SHOWN])
        more = " …" if len(self.codes) > _SHOWN else ""
        plural = "" if len(self.codes) == 1 else "s"
        return f"<Codebook of {len(self.codes)} code{plural}{proposals}{first}{more}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the codes as a list of dictionaries, each with the name of its place.

        Examples
        --------
        >>> code = Codebook.default().to_dict()["codes"][0]
        >>> code["code"], code["place"], str(code["decoded_at"])
        ('🍇', 'Izium', '2022-09-10')
        """
        return {
            "codes": [
                {**asdict(code), "place": self.gazetteer[code.place_id].name} for code in self.codes
            ]
        }

    def lookup(
        self, code: str, *, at: date | str | None = None, country: str | None = None
    ) -> list[CodeMatch]:
        """Look a code up; see `foxgrape.places.lookup`."""
        matches = self._cache.get(require_str(code, "code"))
        if matches is None:
            matches = self._matches(code)
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            self._cache[code] = matches
        if at is None and country is None:
            return matches.copy()
        when = parse_day(at) if isinstance(at, str) else at
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
        """Return the keys of the codes in a text, each key once."""
        text_key = _key(text)
        if text_key in self._by_key:
            return [text_key]
        keys = self._words.findall(fold(text)) if self._words else []
        if not text_key.isascii() and len(text_key) > 1:
            from emoji import emoji_list

            keys += [_key(str(span["emoji"])) for span in emoji_list(text)]
        return [key for key in dict.fromkeys(keys) if key in self._by_key]

    def codes_for(self, place: Place | str) -> list[Code]:
        """List the codes of a place; see `foxgrape.places.codes_for`."""
        if isinstance(place, Place):
            ids = {place.id}
        elif require_str(place, "place") in self.gazetteer:
            ids = {self.gazetteer[place].id}
        else:
            matches = self.gazetteer.find(place, limit=None)
            ids = {match.place.id for match in matches if match.score >= MATCH}
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
        An emoji in any form, a word or a hashtag; or a text, in which every code is looked up,
        such as 🍇🦊 with two codes.
    at
        Only readings valid on this day or at this instant; a date, a datetime or ISO 8601 text.
    country
        Only places of this country; ISO 3166-1 alpha-2.
    codebook
        By default the packaged one, `Codebook.default`. For emoji that could stand for a place but
        are not known to have been used, pass ``Codebook.default(proposed=True)``, or see
        `foxgrape.places.suggest`.

    Returns
    -------
    list of CodeMatch
        Empty if no reading is known.

    Raises
    ------
    ValueError
        If `at` is text that is not ISO 8601.

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
        The place, its id, or any of its names; an ambiguous name gives the codes of all its places.

    Returns
    -------
    list of Code
        In the order of the codebook; empty if no code is known.

    Examples
    --------
    >>> [code.code for code in codes_for("Ізюм")]
    ['🍇']
    """
    return Codebook.default().codes_for(place)


def _key(code: str) -> str:
    return normal_emoji(fold(code))


def check_codebook(path: str | Path, gazetteer: Gazetteer) -> list[CodebookError]:
    """List every problem in a codebook, in the order of its rows.

    Problems are cells that make a row unusable, and probable mistakes: an emoji code that is not an
    emoji, a hashtag without its #, a repeated reading, a value of ``place`` that is not a name of
    the place, an attested reading without a source, and a bad source URL.
    """
    try:
        rows = list(_rows(path))
    except CodebookError as error:
        return [error]
    problems: list[CodebookError] = []
    seen: dict[tuple[str, ...], int] = {}
    for number, row in rows:
        cells = _RowChecker(row, path, number)
        problems += cells.errors(gazetteer)
        problems += cells.warnings(gazetteer)
        key = tuple(fold(row[name]) for name in ("code", "place_id", "valid_from", "valid_until"))
        if key in seen and row["code"]:
            problems.append(
                CodebookError(
                    f"this code, place and validity period is already in row {seen[key]}",
                    file=path,
                    row=number,
                    column="code",
                    got=row["code"],
                    hint="delete one of the rows, or change its valid_from and valid_until",
                )
            )
        seen.setdefault(key, number)
    return problems


def _read_codes(path: str | Path, gazetteer: Gazetteer) -> Iterator[Code]:
    """Yield the codes of a file, or raise the first error."""
    for number, row in _rows(path):
        for error in _RowChecker(row, path, number).errors(gazetteer):
            raise error
        days: dict[str, date | None] = {
            column: parse_day(row[column]) if row[column] else None for column in _DAYS
        }
        code = normal_emoji(row["code"]) if row["kind"] == "emoji" else row["code"]
        cells = {name: row[name] for name in _ALL if row[name] or name != "timezone"}
        # If the place has two ids, use the one that events and signals use.
        place_id = gazetteer[row["place_id"]].id
        yield Code(**{**cells, **days, "code": code, "place_id": place_id})  # type: ignore[arg-type]


def _rows(path: str | Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield row numbers and rows; every row has a cell for each attribute of `Code`."""
    optional = [name for name in (*_ALL, "place") if name not in _REQUIRED]
    return iter_dict_rows(
        path, required=_REQUIRED, optional=optional, table="codebook", error=CodebookError
    )


def _is_zone(name: str) -> bool:
    # Imported here, since the packaged codebook does not need it.
    from foxgrape.times import get_zone

    try:
        get_zone(name)
    except ValueError:
        return False
    return True


class _RowChecker:
    """Checks of the cells in one row of a codebook."""

    def __init__(self, row: dict[str, str], file: str | Path, number: int) -> None:
        self.row, self.file, self.number = row, file, number

    def _bad(self, column: str, expected: str, hint: str | None = None) -> CodebookError:
        return CodebookError.bad_value(
            self.row[column],
            expected=expected,
            file=self.file,
            row=self.number,
            column=column,
            hint=hint,
        )

    def errors(self, gazetteer: Gazetteer) -> Iterator[CodebookError]:
        """Yield the problems that make the row unusable."""
        row, bad = self.row, self._bad
        if not row["code"]:
            yield bad("code", "an emoji, a word or a hashtag")
        for column, allowed in _ALLOWED.items():
            if row[column] not in allowed:
                yield bad(column, f"one of {', '.join(allowed)}")
        if row["place_id"] not in gazetteer:
            yield bad("place_id", "a place of the gazetteer", "foxgrape find NAME shows its id")
        if row["timezone"] and not _is_zone(row["timezone"]):
            yield bad("timezone", "an IANA time zone such as Asia/Taipei, or nothing")
        days = {}
        for column in _DAYS:
            try:
                days[column] = parse_day(row[column]) if row[column] else None
            except ValueError:
                yield bad(column, "a day such as 2022-09-10, or an instant with an offset")
        first, last = days.get("valid_from"), days.get("valid_until")
        if first and last and day_interval(last)[1] < day_interval(first)[0]:
            yield bad("valid_until", f"not before valid_from, {row['valid_from']}")

    def warnings(self, gazetteer: Gazetteer) -> Iterator[CodebookError]:
        """Yield probable mistakes that leave the row usable."""
        from emoji import is_emoji

        row, bad, code = self.row, self._bad, self.row["code"]
        if row["kind"] == "emoji" and code and not (is_emoji(code) or is_emoji(normal_emoji(code))):
            yield bad("code", "one emoji", "other codes have the kind word, hashtag or image")
        if row["kind"] == "hashtag" and code and not code.startswith("#"):
            yield bad("code", "a hashtag, with its #")
        if row["place"] and row["place_id"] in gazetteer:
            place = gazetteer[row["place_id"]]
            if fold(row["place"]) not in {fold(name) for name in (place.name, *place.names)}:
                yield bad("place", f"a name of {row['place_id']}, such as {place.name}")
        if row["basis"] == "attested" and not row["source_title"]:
            yield bad("source_title", "a source", "the basis of a reading without one is proposed")
        if row["source_url"] and not row["source_url"].startswith(("http://", "https://")):
            yield bad("source_url", "an address that begins with https://")
