"""Find places mentioned by name in a text, in inflected Ukrainian and Russian or in English.

Not every capitalised word that matches a place name is a mention. The name of a small place, or a
name that is also an ordinary word or a first name, counts only where the words around it refer to a
place.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from foxgrape.places.gazetteer import is_current_name
from foxgrape.places.inflection import word_forms
from foxgrape.places.mention_context import (
    AFTER,
    CONTEXT,
    WORDS,
    Name,
    folded,
    is_ordinary,
    names_other,
    word_after,
    word_before,
)
from foxgrape.places.mention_places import (
    DIVISION_REACH,
    TOWN_POPULATION,
    WORD,
    candidate_places,
    current_places,
    dominant_places,
    is_around,
    places_near,
)
from foxgrape.places.phonetic import ending_variants, phonetic_key
from foxgrape.places.plain_text import plain_text

if TYPE_CHECKING:
    from foxgrape.places import Gazetteer, Place, PlaceMatch

__all__ = ["MAX_WORDS", "REACH", "WORDS_BEFORE", "Mention"]
__all__ += ["begins_longer_name", "find_mentions", "has_name"]


_RUN = re.compile(rf"{WORD}(?:[ \u00a0]{WORD})*")
_CAPITALISED = re.compile(WORD)
#: A region or district that follows a place name: Піски, Донецька область.
_WITHIN = re.compile(rf",? \(?{WORD} ([\w'’ʼ]+)")
_LIST_SEPARATOR = re.compile(
    r"[»”\"*)]*(?:,|,?\s+(?:та|і|й|и|або|чи|and|or)|\s*[–—-]|/)"
    r"\s*(?:(?:в|у|на|під|до|з|із|in|near|at|to)\s+)?[«„“\"*(]*",
    re.IGNORECASE,
)
#: Minimum population of a place whose name can count without other words around it.
_KNOWN_POPULATION = 5000
#: Registers of settlements. Places with other ids were added on purpose, and are known.
_REGISTERS = ("geonames:", "katottg:")
#: A gazetteer of at most this many places is taken to be the user's own selection, in which even
#: the names of small places can count without other words around them.
_CHOSEN = 1000
MAX_WORDS, _MAX_ACRONYM = 3, 3
#: A name shared by more places than this does not count by itself. Former and foreign names must
#: have at least this many characters.
_MAX_SHARED, _MIN_FORMER_LENGTH = 20, 6
#: Languages in which former and foreign names count; in other languages, some of a place's names
#: are also names of places abroad.
_LANGUAGES = ("uk", "ru", "en")
#: Endings that names of places have, and those of persons rarely.
_PLACE_ENDINGS = (
    *("ка", "не", "ве", "ино", "ово", "ево", "ськ", "цьк", "ск", "вці", "вцы", "піль", "поль"),
    *("ka", "ne", "ve", "sk", "tsk", "vtsi", "pil", "pol"),
)
_LOCATIVE = ("і", "ї", "у", "ю", "ах", "ях", "ому", "ім", "ом", "ой", "ій", "е")


#: How far the rules read: the words before a name, and the code points behind it. None reads across
#: a symbol such as an emoji.
WORDS_BEFORE, REACH = 2, max(2 * CONTEXT, DIVISION_REACH)


class Mention(NamedTuple):
    """A place name in a text.

    Attributes
    ----------
    start, end
        Span in code points.
    places
        The places that the name may mean.
    matched
        The name in the gazetteer that matched best.
    certain
        Whether the name is well known and means only one place.
    """

    start: int
    end: int
    places: tuple[Place, ...]
    matched: str
    certain: bool


def find_mentions(text: str, gazetteer: Gazetteer) -> list[Mention]:
    """Find the places that a text mentions by name, in reading order.

    Examples
    --------
    >>> from foxgrape.places import Gazetteer
    >>> text = "Українки! Наші в Ізюмі та під Лисичанськом."
    >>> mentions = find_mentions(text, Gazetteer.default())
    >>> [(mention.start, mention.places[0].name) for mention in mentions]
    [(17, 'Izium'), (30, 'Lysychansk')]
    """
    plain = plain_text(text)
    mentions = _find_mentions(plain.text, gazetteer)
    if plain.starts is None:
        return mentions
    return [
        mention._replace(start=start, end=end)
        for mention in mentions
        for start, end in [plain.original_span(mention.start, mention.end)]
    ]


def has_name(word: str, gazetteer: Gazetteer) -> bool:
    """Return whether a word alone, in any spelling that is read in texts, is a name.

    Examples
    --------
    >>> from foxgrape.places import Gazetteer
    >>> [has_name(word, Gazetteer.default()) for word in ("Ізюмом", "#Ізюм_наш", "Кожен")]
    [True, True, False]
    """
    return bool(_find_names(plain_text(word).text, gazetteer))


def begins_longer_name(word: str, gazetteer: Gazetteer) -> bool:
    """Return whether a word may be the first of a name of several words.

    Examples
    --------
    >>> from foxgrape.places import Gazetteer
    >>> [begins_longer_name(word, Gazetteer.default()) for word in ("Кривому", "Кожен")]
    [True, False]
    """
    words = _CAPITALISED.findall(plain_text(word).text)
    return any(_begins_longer_name(gazetteer, part) for part in words)


def _find_mentions(text: str, gazetteer: Gazetteer) -> list[Mention]:
    chosen = _is_chosen(gazetteer)
    all_names = _find_names(text, gazetteer)
    names = [
        name
        for name in all_names
        if not names_other(text, name) and (chosen or _is_own_name(text, name))
    ]
    if not names:
        return []
    known = [chosen or _is_known(name) for name in names]
    accepted = [
        _refers_to_place(text, name, well_known)
        for name, well_known in zip(names, known, strict=True)
    ]
    _accept_neighbours(text, names, accepted)
    _accept_near_accepted(text, names, accepted)
    kept = [
        (name, well_known and (chosen or not (is_ordinary(name) or _is_abroad(text, name))))
        for name, well_known, accept in zip(names, known, accepted, strict=True)
        if accept
    ]
    candidates = [candidate_places(text, name.end, name.matches, gazetteer) for name, _ in kept]
    anchors = [places[0] for places in candidates if len(places) == 1]
    return [
        _mention(name, places, certain, anchors)
        for (name, certain), places in zip(kept, candidates, strict=True)
    ]


def _accept_neighbours(text: str, names: list[Name], accepted: list[bool]) -> None:
    """Accept names listed next to an accepted name, first left to right, then right to left."""
    pairs = [(at, at + 1) for at in range(len(names) - 1)]
    for at, neighbour in [*pairs, *((right, left) for left, right in reversed(pairs))]:
        if (
            accepted[at]
            and not accepted[neighbour]
            and _are_listed(text, names[at], names[neighbour])
        ):
            other = names[neighbour]
            accepted[neighbour] = not _is_abroad(text, other) and (
                not is_ordinary(other) or (at < neighbour and _are_in(text, names[at], other))
            )
    # A name that is also an ordinary word counts between two other names of the list.
    for at in range(1, len(names) - 1):
        if not accepted[at] and accepted[at - 1] and accepted[at + 1]:
            accepted[at] = all(_are_listed(text, names[at], names[at + step]) for step in (-1, 1))


def _are_in(text: str, name: Name, other: Name) -> bool:
    """Return whether a list of names follows a word such as in: у Рівному й Хмельницькому."""
    spelling = folded(text[other.start : other.end])
    return folded(name.before) in WORDS["in"] and spelling.endswith(_LOCATIVE)


def _accept_near_accepted(text: str, names: list[Name], accepted: list[bool]) -> None:
    """Accept names of small places, and of cities abroad, near another place of the text."""
    anchors = [
        name.matches[0].place
        for name, accept in zip(names, accepted, strict=True)
        if accept and len(dominant_places(current_places(name.matches))) == 1
    ]
    for at, name in enumerate(names):
        if accepted[at] or is_ordinary(name):
            continue
        best = name.matches[0]
        is_typical = is_current_name(best) and folded(best.matched).endswith(_PLACE_ENDINGS)
        if is_typical or _is_abroad(text, name):
            accepted[at] = any(is_around(place, anchors) for place in current_places(name.matches))


def _find_names(text: str, gazetteer: Gazetteer) -> list[Name]:
    """Find the longest gazetteer names in capitalised words, without checking their context."""
    names = []
    for run in _RUN.finditer(text):
        phrase = run[0]
        if " " in phrase or "\u00a0" in phrase:
            names += _find_longest_names(text, run.start(), run.end(), gazetteer)
        elif matches := _matches(gazetteer, phrase):
            names.append(_with_context(text, run.start(), run.end(), matches))
        elif "-" in phrase:
            names += _joined_names(text, run.start(), run.end(), gazetteer)
    return names


def _find_longest_names(text: str, start: int, stop: int, gazetteer: Gazetteer) -> list[Name]:
    """Find the longest names in a run of several capitalised words."""
    names = []
    words = [word.span() for word in _CAPITALISED.finditer(text, start, stop)]
    at = 0
    while at < len(words):
        begin, end = words[at]
        longest = MAX_WORDS if _begins_longer_name(gazetteer, text[begin:end]) else 1
        for length in range(min(longest, len(words) - at), 0, -1):
            end = words[at + length - 1][1]
            matches = _matches(gazetteer, text[begin:end])
            if matches:
                names.append(_with_context(text, begin, end, matches))
                at += length - 1
                break
        else:
            names += _joined_names(text, begin, end, gazetteer)
        at += 1
    return names


def _with_context(text: str, begin: int, end: int, matches: tuple[PlaceMatch, ...]) -> Name:
    before, after = word_before(text, begin), word_after(text, end, AFTER)
    return Name(begin, end, _of_case(text[begin:end], before, matches), before, after)


def _of_case(spelling: str, before: str, matches: tuple[PlaceMatch, ...]) -> tuple[PlaceMatch, ...]:
    """Return the matches of a form in -ском in the case that the word before it takes.

    Под Покровском is near Pokrovsk, в Покровском is in Pokrovske.
    """
    if not spelling.endswith(("ском", "цком")):
        return matches
    is_neuter = [match.matched.endswith(("е", "e")) for match in matches]
    if folded(before) in WORDS["with_instrumental"]:
        matched = [match for match, neuter in zip(matches, is_neuter, strict=True) if not neuter]
    elif folded(before) in WORDS["in"]:
        matched = [match for match, neuter in zip(matches, is_neuter, strict=True) if neuter]
    else:
        return matches
    return tuple(matched) or matches


def _joined_names(text: str, begin: int, end: int, gazetteer: Gazetteer) -> list[Name]:
    """Return the names in a word such as Харків-Ізюм, if all its parts are names of towns."""
    word = text[begin:end]
    if "-" not in word:
        return []
    parts = [(begin + part.start(), begin + part.end()) for part in re.finditer("[^-]+", word)]
    matches = [
        _matches(gazetteer, text[start:stop]) if text[start].isupper() else ()
        for start, stop in parts
    ]
    if not all(some and (some[0].place.population or 0) >= _KNOWN_POPULATION for some in matches):
        return []
    return [_with_context(text, *span, places) for span, places in zip(parts, matches, strict=True)]


@lru_cache(maxsize=1 << 17)
def _matches(gazetteer: Gazetteer, name: str) -> tuple[PlaceMatch, ...]:
    if len(name) <= _MAX_ACRONYM and name.isupper():
        return ()  # ЗСУ, США, EU
    bare = re.sub("(?<=[a-z])['’ʼ]s$", "", name)
    return tuple(gazetteer.find_in_text(bare))


@lru_cache(maxsize=1 << 17)
def _begins_longer_name(gazetteer: Gazetteer, word: str) -> bool:
    key = phonetic_key(word)
    return bool(key) and not _first_stems(gazetteer).isdisjoint(ending_variants(key))


@cache
def _first_stems(gazetteer: Gazetteer) -> frozenset[str]:
    """Return the stem of the first word of each name that has several words."""
    stems = (stem.partition(" ") for stem in gazetteer.stems())
    return frozenset(first for first, several, _ in stems if several)


@cache
def _is_chosen(gazetteer: Gazetteer) -> bool:
    return len(gazetteer) <= _CHOSEN


def _is_known(name: Name) -> bool:
    """Return whether the place has many inhabitants, and few others share its name."""
    best = name.matches[0]
    if not best.place.id.startswith(_REGISTERS) or folded(best.matched) in WORDS["famous"]:
        return True
    many = (best.place.population or 0) >= _KNOWN_POPULATION
    return many and len(dominant_places(current_places(name.matches))) <= _MAX_SHARED


def _is_own_name(text: str, name: Name) -> bool:
    """Return whether a name is neither a minor former or foreign name nor part of a longer one."""
    best = name.matches[0]
    if not is_current_name(best):
        spoken = any(best.matched in best.place.names_in(language) for language in _LANGUAGES)
        return spoken and len(best.matched) >= _MIN_FORMER_LENGTH and _is_known(name)
    goes_on = re.match(rf" {WORD}", text[name.end : name.end + CONTEXT])
    return goes_on is None or _is_known(name)


@cache
def _abroad_forms(group: str) -> frozenset[str]:
    """Return the case forms of the names of cities abroad."""
    names = (name.split("-") for name in WORDS[group])
    return frozenset(
        " ".join([*first, form]) for *first, last in names for form in word_forms(last)
    )


def _is_abroad(text: str, name: Name) -> bool:
    """Return whether a place has the name of a far larger city abroad.

    A case form of that name which is the own name of a place here means this place.
    """
    best, spelling = name.matches[0], folded(text[name.start : name.end])
    if spelling in _abroad_forms("abroad_larger"):
        return True
    return (
        (best.place.population or 0) < TOWN_POPULATION
        and spelling in _abroad_forms("abroad")
        and (spelling != folded(best.matched) or spelling.replace(" ", "-") in WORDS["abroad"])
    )


def _refers_to_place(text: str, name: Name, known: bool) -> bool:
    """Return whether the name counts, by itself or because of the words around it."""
    before = folded(name.before)
    if before == "of":
        before = folded(word_before(text, text.rindex(name.before, 0, name.start)))
        if before in WORDS["around"]:
            return True
    after = folded(name.after)
    kinds = WORDS["settlement"]
    if before in kinds or before in WORDS["island"] or (after.isascii() and after in kinds):
        return True
    if folded(name.matches[0].matched) in WORDS["lands"]:
        return False
    if folded(word_after(text, name.end, _WITHIN)) in WORDS["region"]:
        return True
    is_at = before in WORDS["at"]
    is_in = before in WORDS["in"]
    if is_ordinary(name):
        spelling = folded(text[name.start : name.end])
        is_in = is_in and (spelling.isascii() or spelling.endswith(_LOCATIVE))
        known = False
    return not _is_abroad(text, name) and (known or is_in or is_at)


def _are_listed(text: str, name: Name, other: Name) -> bool:
    """Return whether only a separator of a list lies between two names."""
    first, second = sorted((name, other))
    return _LIST_SEPARATOR.fullmatch(text[first.end : second.start]) is not None


def _mention(name: Name, places: list[Place], certain: bool, anchors: list[Place]) -> Mention:
    """Prefer, among several places, those near places that other names of the text mean."""
    places = places_near(places, anchors)
    matched = name.matches[0].matched
    return Mention(name.start, name.end, tuple(places), matched, certain and len(places) == 1)
