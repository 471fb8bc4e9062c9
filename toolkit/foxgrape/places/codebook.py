"""Codes: which emoji, word or hashtag stands for which place, says who, and since when."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Self

from foxgrape.errors import CodebookError
from foxgrape.places.gazetteer import Gazetteer, Place
from foxgrape.places.matching import MATCH
from foxgrape.places.names import fold, normal_emoji
from foxgrape.times import stated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Code", "CodeMatch", "Codebook", "codes_for", "lookup"]

_RESOURCE = Path(str(files("foxgrape.places") / "resources" / "codebook.csv"))

KINDS = ("emoji", "word", "hashtag", "mention")
#: How a code is known to stand for its place, and how far that carries a match.
BASES = {"attested": 1.0, "symbol": 0.8, "etymology": 0.8, "look-alike": 0.6, "proposed": 0.4}
_GRADES = {"A": 1.0, "B": 0.9, "C": 0.6}
_ZONE = "Europe/Kyiv"


@dataclass(frozen=True, slots=True)
class Code:
    """One reading of a code: this emoji, word or hashtag stands for that place.

    Attributes
    ----------
    code
        The emoji (without variation selector or skin tone), word or hashtag.
    kind
        ``emoji``, ``word`` or ``hashtag``; or ``mention``: a name that several places bear, read
        as this one.
    place_id
        The place, as in the gazetteer.
    meaning
        What links code and place, in English: *izium* means raisins.
    basis
        ``attested``: officials used it and the press read it so. ``etymology``, ``look-alike``,
        ``symbol``: why it might be used. ``proposed``: somebody's idea.
    decoded_at
        Day (or instant) by which this reading stood in public; None if it never did.
    valid_from, valid_until
        First and last day on which the code is read so; None for no bound.
    confidence
        A (primary or two independent outlets), B (one reputable outlet) or C (weaker).
    source_title, source_url
        Where this is known from; an empty address is one that nobody recorded.
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

    def valid_at(self, when: date) -> bool:
        """Tell whether the code is read so on that day (or, for an instant, that day in Kyiv)."""
        earliest, latest = _span(when)
        return (self.valid_from is None or latest >= _span(self.valid_from)[0]) and (
            self.valid_until is None or earliest <= _span(self.valid_until)[1]
        )

    @property
    def public_by(self) -> datetime | None:
        """The instant by which this reading certainly stood in public."""
        return None if self.decoded_at is None else _span(self.decoded_at)[1]


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
        return (
            f"{code.code} stands for {self.place.name} ({code.meaning}): {code.basis}, "
            f"confidence {code.confidence}, {code.source_title}"
        )


class Codebook:
    """Codes in the order of their rows, with the gazetteer that their places are in.

    Examples
    --------
    >>> [match.place.name for match in Codebook.default().lookup("🦊")]
    ['Lysychansk']
    """

    def __init__(self, codes: Iterable[Code], gazetteer: Gazetteer | None = None) -> None:
        self.gazetteer = Gazetteer.default() if gazetteer is None else gazetteer
        self.codes = tuple(codes)
        self._by_key: dict[str, list[Code]] = {}
        for code in self.codes:
            self._by_key.setdefault(_key(code.code), []).append(code)

    @classmethod
    @cache
    def default(cls) -> Self:
        """Return the packaged codebook: Ukraine, every reading graded A or B."""
        return cls.from_csv(_RESOURCE)

    @classmethod
    def from_csv(cls, path: str | Path, gazetteer: Gazetteer | None = None) -> Self:
        """Read a codebook; its columns are the attributes of `Code`, others are ignored.

        Raises
        ------
        CodebookError
            Names file, row and column of the first bad cell.
        """
        gazetteer = Gazetteer.default() if gazetteer is None else gazetteer
        return cls(_read(Path(path), gazetteer), gazetteer)

    def extended(self, other: Codebook) -> Codebook:
        """Return this codebook with the codes of another, which win where both have a reading."""
        theirs = {(_key(code.code), code.place_id) for code in other.codes}
        kept = [code for code in self.codes if (_key(code.code), code.place_id) not in theirs]
        places = {place.id: place for place in (*self.gazetteer, *other.gazetteer)}
        same = self.gazetteer is other.gazetteer
        gazetteer = self.gazetteer if same else Gazetteer(places.values())
        return Codebook([*kept, *other.codes], gazetteer)

    def __iter__(self) -> Iterator[Code]:
        return iter(self.codes)

    def __len__(self) -> int:
        return len(self.codes)

    def lookup(
        self, code: str, *, at: date | str | None = None, country: str | None = None
    ) -> list[CodeMatch]:
        """Look a code up; see `foxgrape.places.lookup`."""
        when = _stated_date(at) if isinstance(at, str) else at
        matches = [
            CodeMatch(place, entry, BASES[entry.basis] * _GRADES[entry.confidence])
            for key in _keys(code, self._by_key)
            for entry in self._by_key[key]
            if (place := self.gazetteer[entry.place_id])
            and (country is None or place.country == country)
            and (when is None or entry.valid_at(when))
        ]
        return sorted(matches, key=lambda match: -match.score)

    def codes_for(self, place: Place | str) -> list[Code]:
        """List the codes of a place; see `foxgrape.places.codes_for`."""
        if isinstance(place, Place):
            ids = {place.id}
        elif place in self.gazetteer:
            ids = {place}
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
        An emoji in any form, a word or a hashtag; or a text, in which every emoji that is a code
        is looked up.
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
    """List the packaged codes that stand for a place, given as such, by id or by any name.

    Examples
    --------
    >>> [code.code for code in codes_for("Ізюм")]
    ['🍇']
    """
    return Codebook.default().codes_for(place)


def _key(code: str) -> str:
    return normal_emoji(fold(code))


def _keys(text: str, known: dict[str, list[Code]]) -> list[str]:
    """Return the codes in a text: the text itself if it is one, else each emoji in it once."""
    whole = _key(text)
    if whole in known:
        return [whole]
    from emoji import emoji_list  # noqa: PLC0415 - 90 ms, which a plain lookup need not pay

    found = [_key(str(span["emoji"])) for span in emoji_list(text)]
    return [key for key in dict.fromkeys(found) if key in known]


def _span(when: date) -> tuple[datetime, datetime]:
    """Return the earliest and latest instant of a day as lived in Kyiv, or of an instant."""
    if isinstance(when, datetime) and when.tzinfo is not None:
        instant = when.astimezone(UTC)
        return instant, instant
    return stated(when.isoformat(), _ZONE)


def _stated_date(text: str) -> date:
    """Read a day, or an instant with its offset."""
    if len(text.strip()) == len("2022-09-10"):
        return date.fromisoformat(text.strip())
    return stated(text)[0]


def _read(path: Path, gazetteer: Gazetteer) -> Iterator[Code]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.DictReader(handle, restval=""))
    except FileNotFoundError:
        raise CodebookError("there is no such file", file=path) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CodebookError(f"cannot be read as CSV: {error}", file=path) from None
    wanted = [field.name for field in fields(Code)]
    for name in wanted:
        if rows and name not in rows[0]:
            raise CodebookError.missing_column(name, rows[0], table="codebook", file=path)
    for number, row in enumerate(rows, start=2):
        yield _code({name: row[name].strip() for name in wanted}, gazetteer, path, number)


def _code(row: dict[str, str], gazetteer: Gazetteer, file: Path, number: int) -> Code:
    def bad(column: str, expected: str, hint: str | None = None) -> CodebookError:
        return CodebookError.bad_value(
            row[column], expected=expected, file=file, row=number, column=column, hint=hint
        )

    for column, allowed in (("kind", KINDS), ("basis", BASES), ("confidence", _GRADES)):
        if row[column] not in allowed:
            raise bad(column, f"one of {', '.join(allowed)}")
    if not row["code"]:
        raise bad("code", "an emoji, a word or a hashtag")
    if row["place_id"] not in gazetteer:
        raise bad("place_id", "a place of the gazetteer", "foxgrape find NAME tells its id")
    days: dict[str, date | None] = {}
    for column in ("decoded_at", "valid_from", "valid_until"):
        try:
            days[column] = _stated_date(row[column]) if row[column] else None
        except ValueError:
            raise bad(column, "a day such as 2022-09-10, or an instant with its offset") from None
    code = normal_emoji(row["code"]) if row["kind"] == "emoji" else row["code"]
    return Code(**{**row, **days, "code": code})  # type: ignore[arg-type]
