"""Find what a name in a text matches, by its form, the word before it and population."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from foxgrape.places.gazetteer import is_current_name
from foxgrape.places.inflection import word_forms
from foxgrape.places.mention_context import AFTER, WORDS, Name, folded, word_after, word_before
from foxgrape.places.namesakes import (
    TOWN_POPULATION,
    Matches,
    current_places,
    dominant_places,
    is_city_district,
    is_quarter,
)
from foxgrape.places.phonetic import phonetic_key
from foxgrape.places.scripts import has_native_letters
from foxgrape.places.settlement_types import are_of_type, settlement_type

if TYPE_CHECKING:
    from foxgrape.places import Gazetteer, Place, PlaceMatch

__all__ = ["find_matches", "has_rival", "largest_first", "with_context"]

_MAX_ACRONYM = 3
#: Countries to which the list of larger cities abroad is foreign; in the gazetteer of another
#: country, those cities may be its own.
_HOME = ("UA", "RU", "BY")


def with_context(text: str, begin: int, end: int, matches: tuple[PlaceMatch, ...]) -> Name:
    """Return a name with the words around it, and what it may mean after the word before it."""
    before, after = word_before(text, begin), word_after(text, end, AFTER)
    if before:
        matches = _of_type(text[max(0, begin - 2) : begin], before, matches)
    matches = largest_first(_of_case(text[begin:end], before, matches))
    return Name(begin, end, matches, before, after)


def largest_first(matches: tuple[PlaceMatch, ...]) -> tuple[PlaceMatch, ...]:
    """Return the matches, first a town that has this name today and far more people than others.

    Черкас is the name of a hamlet, and the genitive of Черкаси.
    """
    best = matches[0]
    if len(matches) == 1 or (best.place.population or 0) >= TOWN_POPULATION:
        return matches
    largest = max(matches, key=lambda match: match.place.population or 0)
    if (largest.place.population or 0) < TOWN_POPULATION or not is_current_name(largest):
        return matches
    return Matches((largest, *(match for match in matches if match is not largest)))


def _of_type(between: str, before: str, matches: tuple[PlaceMatch, ...]) -> tuple[PlaceMatch, ...]:
    """Return the matches of the type of settlement before a name; letters need a full stop."""
    kind = settlement_type(folded(before))
    if not kind or len(matches) == 1 or (len(before) == 1 and "." not in between):
        return matches
    current = [match.place for match in matches if is_current_name(match)]
    ids = are_of_type(current, kind) if current else set()
    # A former name of a city says nothing of a place that has the name today.
    if not ids or len(ids) == len(current):
        return matches
    return Matches(match for match in matches if match.place.id in ids)


def _of_case(spelling: str, before: str, matches: tuple[PlaceMatch, ...]) -> tuple[PlaceMatch, ...]:
    """Return the matches of a form in -ском in the case that the word before it takes.

    Под Покровском is near Pokrovsk, в Покровском is in Pokrovske, в Хмельницком in Khmelnytskyi.
    """
    if not spelling.endswith(("ском", "цком")):
        return matches
    is_neuter = [match.matched.endswith(("е", "e", "ий")) for match in matches]
    if folded(before) in WORDS["with_instrumental"]:
        matched = [match for match, neuter in zip(matches, is_neuter, strict=True) if not neuter]
    elif folded(before) in WORDS["in"]:
        matched = [match for match, neuter in zip(matches, is_neuter, strict=True) if neuter]
    else:
        return matches
    return Matches(matched) or matches


@lru_cache(maxsize=1 << 15)
def _find_in_text(
    gazetteer: Gazetteer, name: str, *, oblique: bool = False
) -> tuple[PlaceMatch, ...]:
    """Return what the gazetteer finds; cached, because names recur and each look-up is slow."""
    return tuple(gazetteer.find_in_text(name, oblique=oblique))


@lru_cache(maxsize=1 << 17)
def find_matches(
    gazetteer: Gazetteer, name: str, *, oblique: bool = False
) -> tuple[PlaceMatch, ...]:
    """Return what a name matches, but no quarters of cities."""
    if len(name) <= _MAX_ACRONYM and name.isupper():
        return ()  # ЗСУ, США, EU
    if has_native_letters(name):
        return ()  # found by find_native_names
    bare = re.sub("(?<=[a-z])['’ʼ]s$", "", name)
    matches = _find_in_text(gazetteer, bare, oblique=oblique)
    return Matches(match for match in matches if not _is_part(match.place, gazetteer))


def _is_part(place: Place, gazetteer: Gazetteer) -> bool:
    """Return whether a place is part of a city."""
    return is_quarter(place, gazetteer) or is_city_district(place)


def has_rival(text: str, name: Name, gazetteer: Gazetteer) -> bool:
    """Return whether a city abroad, or a quarter of a city, is larger than the place of a name."""
    if _is_abroad(text, name):
        return True
    best = name.matches[0].place
    spelling = text[name.start : name.end]
    others = _of_case(spelling, name.before, _find_in_text(gazetteer, spelling))
    return len(dominant_places(current_places(name.matches))) == 1 and any(
        is_current_name(match)
        and (match.place.population or 0) > (best.population or 0)
        and _is_part(match.place, gazetteer)
        # Not another name: Подільськ for the district Podilskyi of Kropyvnytskyi.
        and not (match.matched.endswith("ий") and name.matches[0].matched.endswith(("ськ", "ск")))
        and phonetic_key(match.matched) == phonetic_key(match.place.name)
        for match in others
    )


@cache
def _abroad_forms(group: str) -> frozenset[str]:
    """Return the case forms of the names of cities abroad."""
    names = (name.split("-") for name in WORDS[group])
    return frozenset(
        " ".join([*first, form]) for *first, last in names for form in word_forms(last)
    )


def _is_abroad(text: str, name: Name) -> bool:
    """Return whether a place has the name of a far larger city abroad.

    A case form of that name which is the own name of a place here means this place, except after
    *в*, which the case form follows: в Люблине.
    """
    best, spelling = name.matches[0], folded(text[name.start : name.end])
    if best.place.country and best.place.country not in _HOME:
        return False
    if spelling in _abroad_forms("abroad_larger"):
        return True
    if (best.place.population or 0) < TOWN_POPULATION and spelling in _abroad_forms("quarters"):
        return True
    return (
        (best.place.population or 0) < TOWN_POPULATION
        and spelling in _abroad_forms("abroad")
        and (
            spelling != folded(best.matched)
            or spelling.replace(" ", "-") in WORDS["abroad"]
            or folded(name.before) in WORDS["in"]
        )
    )
