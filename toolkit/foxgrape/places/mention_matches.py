"""Choose what a name in a text matches, by the word before it and by population."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foxgrape.places.gazetteer import is_current_name
from foxgrape.places.mention_context import AFTER, WORDS, Name, folded, word_after, word_before
from foxgrape.places.namesakes import TOWN_POPULATION
from foxgrape.places.settlement_types import are_of_type, settlement_type

if TYPE_CHECKING:
    from foxgrape.places import PlaceMatch

__all__ = ["largest_first", "with_context"]


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
    return (largest, *(match for match in matches if match is not largest))


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
    return tuple(match for match in matches if match.place.id in ids)


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
    return tuple(matched) or matches
