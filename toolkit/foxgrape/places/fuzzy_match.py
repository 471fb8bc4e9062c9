"""Matching a name that no place bears as it is written: respelt, inflected or misspelt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from foxgrape.places.inflection import word_forms
from foxgrape.places.normalize import fold
from foxgrape.places.phonetic import ending_variants, normalize_spelling, phonetic_key, stem
from foxgrape.places.place import MATCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from foxgrape.places.index import FileIndex, InMemoryIndex
    from foxgrape.places.place import Place

    Shelf = FileIndex | InMemoryIndex

__all__ = ["Reading", "fuzzy_matches", "inflected_matches", "strip_prepositions"]

RESPELT, INFLECTED, BOTH, LOOSE = 0.9, 0.87, 0.84, 0.82
#: The best score of a guess, and of a reading in small letters that needs more than an ending.
GUESS = 0.79
#: Share of letters in common that a respelling needs; less for a form with another ending.
ALIKE, ALIKE_INFLECTED = 0.8, 0.75
#: A shorter sound is not taken for another, but as a guess: Суми is not Сімі.
SHORTEST = 5
_NEAREST, _LEAST = 60, 3

_COMPANY = re.compile(
    r"^(?:(?:в|у|на|під|біля|коло|до|від|з|із|зі|за|над|через|поблизу|во|под|возле|около|из|от|"
    r"near|in|at|from|to|місто|міста|місті|м\.|село|села|селі|с\.|смт|селище|селища|город|города|"
    r"городе|г\.|посёлок|поселок|п\.|пгт|city of|town of|village of)\s+)+",
    re.IGNORECASE,
)
_POSSESSIVE = re.compile("(?<=[a-z])['’ʼ]s$")


@dataclass(frozen=True, slots=True)
class Reading:
    """A place that a name may mean: how well, by which spelling, and how it matched."""

    place: Place
    score: float
    matched: str
    how: str


def strip_prepositions(name: str) -> str:
    """Take off prepositions and words such as town or місто.

    Examples
    --------
    >>> without_company("під Лисичанськом"), without_company("м. Ізюм"), without_company("Izium’s")
    ('Лисичанськом', 'Ізюм', 'Izium')
    """
    return _POSSESSIVE.sub("", _COMPANY.sub("", name.strip()))


def fuzzy_matches(name: str, shelves: Sequence[Shelf]) -> list[Reading]:
    """Return the places that a name may mean, if not one bears it as written; in no order.

    A misspelling is considered only where no respelt or inflected name matches.
    """
    asked = _Query(name)
    if not asked.heard:
        return []
    readings = {}
    for place in _sounding(asked.variants, shelves):
        best = max(_compare(asked, known) for known in asked.comparable(place))
        if best[0]:
            readings[place.id] = Reading(place, *best)
    if any(reading.score >= MATCH for reading in readings.values()):
        return list(readings.values())
    for reading in _misspelt(asked, shelves):
        known = readings.get(reading.place.id)
        if known is None or reading.score > known.score:
            readings[reading.place.id] = reading
    return list(readings.values())


def inflected_matches(name: str, shelves: Sequence[Shelf]) -> list[Reading]:
    """Return the places of one of whose names this is a case form, as written, capital and all."""
    asked = _Query(name)
    if not asked.heard or not asked.capital:
        return []
    readings = {}
    for place in _sounding(asked.variants, shelves):
        best = max(_compare(asked, known) for known in asked.comparable(place))
        if best[2] == "inflected":
            readings[place.id] = Reading(place, *best)
    return list(readings.values())


class _Query:
    """What is asked for, in the forms in which it is compared."""

    def __init__(self, name: str) -> None:
        self.key = fold(name)
        self.heard = phonetic_key(name)
        self.words = self.key.split(" ")
        self.heard_words = self.heard.split(" ")
        self.spelt = normalize_spelling(name)
        self.variants = ending_variants(self.heard) if self.heard else []
        # A name has a capital; a word without one may be any word.
        self.capital = any(sign.isupper() for sign in name) or name == name.upper()

    def comparable(self, place: Place) -> tuple[str, ...]:
        """Return the names to compare with: for a name in Cyrillic, those in Cyrillic if any.

        A Latin name shows no endings that Харкові could be told from Харкове by.
        """
        names = (place.name, *place.names)
        if self.key.isascii():
            return names
        return tuple(name for name in names if not fold(name).isascii()) or names


def _sounding(variants: Iterable[str], shelves: Sequence[Shelf]) -> Iterator[Place]:
    seen = set()
    for variant in variants:
        for shelf in shelves:
            for place in shelf.sounding(variant):
                if place.id not in seen:
                    seen.add(place.id)
                    yield place


def _compare(asked: _Query, known: str) -> tuple[float, str, str]:
    """Score one name of a place as what is asked for; 0 where it is not."""
    key, heard, heard_stem = _heard(known)
    if heard_stem not in asked.variants:
        return 0.0, known, ""
    if heard == asked.heard:
        return _respelt_score(asked, key), known, "respelt"
    words = key.split(" ")
    if key.isascii() or len(words) != len(asked.words):
        return 0.0, known, ""
    if all(one in word_forms(word) for one, word in zip(asked.words, words, strict=True)):
        return (INFLECTED if asked.capital else GUESS), known, "inflected"
    if len(asked.heard) >= SHORTEST and all(
        one in _heard_forms(word) for one, word in zip(asked.heard_words, words, strict=True)
    ):
        enough = asked.capital and _alike(asked.spelt, normalize_spelling(key)) >= ALIKE_INFLECTED
        return (BOTH if enough else GUESS), known, "respelt and inflected"
    return 0.0, known, ""


@lru_cache(maxsize=4096)
def _heard(name: str) -> tuple[str, str, str]:
    heard = phonetic_key(name)
    return fold(name), heard, stem(heard)


@lru_cache(maxsize=1024)
def _heard_forms(word: str) -> frozenset[str]:
    return frozenset(phonetic_key(form) for form in word_forms(word))


def _respelt_score(asked: _Query, key: str) -> float:
    """Score a name that sounds as what is asked for: in another alphabet, or only alike."""
    alike = _alike(asked.spelt, normalize_spelling(key))
    if not asked.capital or alike < ALIKE or len(asked.heard) < SHORTEST:
        return GUESS if alike == 1 and asked.capital else round(GUESS * alike, 2)
    other_alphabet = key.isascii() or asked.key.isascii()
    return RESPELT if other_alphabet else LOOSE


def _alike(one: str, other: str) -> float:
    """Return the share of letters that two names have in common, in order."""
    if one == other:
        return 1.0
    from difflib import SequenceMatcher

    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _misspelt(asked: _Query, shelves: Sequence[Shelf]) -> Iterator[Reading]:
    """Yield the places whose stems are few edits away, nearest first."""
    stems = [variant for variant in asked.variants[:3] if len(variant) >= _LEAST]
    if not stems:
        return
    from rapidfuzz import fuzz, process
    from rapidfuzz.distance import OSA

    for shelf in shelves:
        near: dict[str, None] = {}
        for wanted in stems:
            most = 1 if len(wanted) < SHORTEST else 2
            nearest = process.extract(
                wanted, shelf.stems, scorer=OSA.distance, score_cutoff=most, limit=_NEAREST
            )
            near.update(dict.fromkeys(str(found) for found, _, _ in nearest))
        for found in near:
            for place in shelf.sounding(found):
                spelling = _nearest_name(place, found)
                letters = normalize_spelling(spelling)
                score = round(GUESS * fuzz.ratio(asked.spelt, letters) / 100, 2)
                wrong = OSA.distance(asked.spelt, letters)
                if asked.capital and _forgiven(wrong, len(letters)):
                    score = round(LOOSE - 0.01 * max(wrong, 1), 2)
                yield Reading(place, score, spelling, "misspelt")


def _nearest_name(place: Place, wanted: str) -> str:
    return next(name for name in (place.name, *place.names) if _heard(name)[2] == wanted)


def _forgiven(wrong: int, length: int) -> bool:
    """Tell whether so few letters are wrong that the name can still be meant for sure."""
    return (wrong <= 1 and length >= 9) or (wrong == 2 and length >= 12)  # noqa: PLR2004
