"""Find places mentioned by name in a text, in inflected Ukrainian and Russian or in English.

Not every capitalised word that matches a place name is a mention. The name of a small place, or a
name that is also an ordinary word or a first name, counts only where the words around it refer to a
place.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from foxgrape.places.gazetteer import is_current_name
from foxgrape.places.inflection import word_forms
from foxgrape.places.mention_places import (
    TOWN_POPULATION,
    WORD,
    candidate_places,
    current_places,
    dominant_places,
    is_around,
    places_near,
)
from foxgrape.places.normalize import fold
from foxgrape.places.phonetic import ending_variants, phonetic_key
from foxgrape.places.plain_text import plain_text

if TYPE_CHECKING:
    from foxgrape.places import Gazetteer, Place, PlaceMatch

__all__ = ["Mention", "find_mentions", "folded"]


#: Words by which to decide whether a name refers to a place, grouped by role.
_WORDS: dict[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in tomllib.loads(
        (files("foxgrape") / "resources" / "mention_words.toml").read_text(encoding="utf-8")
    ).items()
}
_NOT_BEFORE = _WORDS["street"] | _WORDS["monument"] | _WORDS["thing"]
_BEFORE_TOWN = _WORDS["mayor"] | _WORDS["in"] | _WORDS["at"] | {"of"}
_FIRST_NAMES = tuple(_WORDS["first_names"])
_CROSSING, _NAMED = tuple(_WORDS["crossing"]), tuple(_WORDS["named"])
_ORDINARY = _WORDS["ordinary"]
_RUN = re.compile(rf"{WORD}(?:[ \u00a0]{WORD})*")
_CAPITALISED = re.compile(WORD)
_WORD_REVERSED = re.compile(r"[\w'’ʼ]*")
#: Characters that may stand between a word and the name that follows it, besides blanks.
_OPENING = '«„“"*('
_AFTER = re.compile(r"[\s»”\"*)]+([\w'’ʼ]+)")
_AFTER_LIST = re.compile(r"(?:(?:,|\s+(?:та|і|й|и|and))\s+[\w'’ʼ-]+)+\s+([\w'’ʼ]+)")
#: A region or district that follows a place name: Піски, Донецька область.
_WITHIN = re.compile(rf",? \(?{WORD} ([\w'’ʼ]+)")
_LIST_SEPARATOR = re.compile(
    r"[»”\"*)]*(?:,|,?\s+(?:та|і|й|и|або|чи|and|or)|\s*[–—-]|/)"
    r"\s*(?:(?:в|у|на|під|до|з|із|in|near|at|to)\s+)?[«„“\"*(]*",
    re.IGNORECASE,
)
#: Number of characters before a name that are searched for other words; up to twice as many after.
_CONTEXT = 40
#: Minimum population of a place whose name can count without other words around it.
_KNOWN_POPULATION = 5000
#: Registers of settlements. Places with other ids were added on purpose, and are known.
_REGISTERS = ("geonames:", "katottg:")
#: A gazetteer of at most this many places is taken to be the user's own selection, in which even
#: the names of small places can count without other words around them.
_CHOSEN = 1000
_MAX_WORDS, _MAX_ACRONYM = 3, 3
#: A name shared by more places than this does not count by itself. Former and foreign names must
#: have at least this many characters.
_MAX_SHARED, _MIN_FORMER_LENGTH = 20, 6
#: Languages in which former and foreign names count; in other languages, some of a place's names
#: are also names of places abroad.
_LANGUAGES = ("uk", "ru", "en")
#: Endings of the locative and the instrumental of rivers, and of adjectives.
_ON, _BEYOND = ("і", "е", "у"), ("ом", "ем", "ою", "ой", "ю")
_ADJECTIVE_ENDINGS = (
    *("ий", "ый", "ій", "ого", "ому", "им", "ым", "ом", "ім", "а", "ая", "у", "ую", "ої", "ой"),
    *("ою", "е", "ое", "і", "ие", "ые", "их", "ых", "ними", "ными"),
)
#: Endings that names of places have, and those of persons rarely.
_PLACE_ENDINGS = (
    *("ка", "не", "ве", "ино", "ово", "ево", "ськ", "цьк", "ск", "вці", "вцы", "піль", "поль"),
    *("ka", "ne", "ve", "sk", "tsk", "vtsi", "pil", "pol"),
)
_SURNAME_ENDINGS = ("ов", "ев", "єв", "ин", "ін", "їн", "ий", "ко", "ov", "ev", "in", "yi")
#: A club's name in quotation marks right before the name of a place.
_CLOSING = ("»", "”", '"')
_CLUB = re.compile(r"([\w-]+)([»”\"][ \u00a0]\(?)$")
#: Initials next to a surname: О. Васильков, but not М. Київ or Г. Киев, which are kinds of place.
_INITIAL_BEFORE = re.compile(r"(?<!\w)(?![МмГгСсПпРр])[^\W\d_a-zа-яґєії]\.[ \u00a0]?$")
_INITIALS_AFTER = re.compile(r"[ \u00a0][^\W\d_a-zа-яґєії]\.[ \u00a0]?[^\W\d_a-zа-яґєії]\.")
_LOCATIVE = ("і", "ї", "у", "ю", "ах", "ях", "ому", "ім", "ом", "ой", "ій", "е")


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


class _Name(NamedTuple):
    """A name in a text, with the words before and after it."""

    start: int
    end: int
    matches: tuple[PlaceMatch, ...]
    before: str
    after: str


#: Cached, because folding costs as much as matching, and words recur.
folded = lru_cache(maxsize=1 << 16)(fold)
_ABBREVIATED = frozenset(("м", "с", "смт", "г", "п", "пгт", "вул", "ул", "просп", "р"))


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


def _find_mentions(text: str, gazetteer: Gazetteer) -> list[Mention]:
    chosen = _is_chosen(gazetteer)
    all_names = _find_names(text, gazetteer)
    names = [
        name
        for name in all_names
        if not _names_other(text, name) and (chosen or _is_own_name(text, name))
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
        (name, well_known and (chosen or not (_is_ordinary(name) or _is_abroad(text, name))))
        for name, well_known, accept in zip(names, known, accepted, strict=True)
        if accept
    ]
    candidates = [candidate_places(text, name.end, name.matches, gazetteer) for name, _ in kept]
    anchors = [places[0] for places in candidates if len(places) == 1]
    return [
        _mention(name, places, certain, anchors)
        for (name, certain), places in zip(kept, candidates, strict=True)
    ]


def _accept_neighbours(text: str, names: list[_Name], accepted: list[bool]) -> None:
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
                not _is_ordinary(other) or (at < neighbour and _are_in(text, names[at], other))
            )
    # A name that is also an ordinary word counts between two other names of the list.
    for at in range(1, len(names) - 1):
        if not accepted[at] and accepted[at - 1] and accepted[at + 1]:
            accepted[at] = all(_are_listed(text, names[at], names[at + step]) for step in (-1, 1))


def _are_in(text: str, name: _Name, other: _Name) -> bool:
    """Return whether a list of names follows a word such as in: у Рівному й Хмельницькому."""
    spelling = folded(text[other.start : other.end])
    return folded(name.before) in _WORDS["in"] and spelling.endswith(_LOCATIVE)


def _accept_near_accepted(text: str, names: list[_Name], accepted: list[bool]) -> None:
    """Accept names of small places, and of cities abroad, near another place of the text."""
    anchors = [
        name.matches[0].place
        for name, accept in zip(names, accepted, strict=True)
        if accept and len(dominant_places(current_places(name.matches))) == 1
    ]
    for at, name in enumerate(names):
        if accepted[at] or _is_ordinary(name):
            continue
        best = name.matches[0]
        is_typical = is_current_name(best) and folded(best.matched).endswith(_PLACE_ENDINGS)
        if is_typical or _is_abroad(text, name):
            accepted[at] = any(is_around(place, anchors) for place in current_places(name.matches))


def _names_its_region(place: Place) -> bool:
    return place.admin1.startswith(f"{place.name} ")


def _find_names(text: str, gazetteer: Gazetteer) -> list[_Name]:
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


def _find_longest_names(text: str, start: int, stop: int, gazetteer: Gazetteer) -> list[_Name]:
    """Find the longest names in a run of several capitalised words."""
    names = []
    words = [word.span() for word in _CAPITALISED.finditer(text, start, stop)]
    at = 0
    while at < len(words):
        begin, end = words[at]
        longest = _MAX_WORDS if _begins_longer_name(gazetteer, text[begin:end]) else 1
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


def _with_context(text: str, begin: int, end: int, matches: tuple[PlaceMatch, ...]) -> _Name:
    before, after = _word_before(text, begin), _word_after(text, end, _AFTER)
    return _Name(begin, end, _of_case(text[begin:end], before, matches), before, after)


def _of_case(spelling: str, before: str, matches: tuple[PlaceMatch, ...]) -> tuple[PlaceMatch, ...]:
    """Return the matches of a form in -ском in the case that the word before it takes.

    Под Покровском is near Pokrovsk, в Покровском is in Pokrovske.
    """
    if not spelling.endswith(("ском", "цком")):
        return matches
    is_neuter = [match.matched.endswith(("е", "e")) for match in matches]
    if folded(before) in _WORDS["with_instrumental"]:
        matched = [match for match, neuter in zip(matches, is_neuter, strict=True) if not neuter]
    elif folded(before) in _WORDS["in"]:
        matched = [match for match, neuter in zip(matches, is_neuter, strict=True) if neuter]
    else:
        return matches
    return tuple(matched) or matches


def _joined_names(text: str, begin: int, end: int, gazetteer: Gazetteer) -> list[_Name]:
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


def _is_known(name: _Name) -> bool:
    """Return whether the place has many inhabitants, and few others share its name."""
    best = name.matches[0]
    if not best.place.id.startswith(_REGISTERS) or folded(best.matched) in _WORDS["famous"]:
        return True
    many = (best.place.population or 0) >= _KNOWN_POPULATION
    return many and len(dominant_places(current_places(name.matches))) <= _MAX_SHARED


def _is_own_name(text: str, name: _Name) -> bool:
    """Return whether a name is neither a minor former or foreign name nor part of a longer one."""
    best = name.matches[0]
    if not is_current_name(best):
        spoken = any(best.matched in best.place.names_in(language) for language in _LANGUAGES)
        return spoken and len(best.matched) >= _MIN_FORMER_LENGTH and _is_known(name)
    goes_on = re.match(rf" {WORD}", text[name.end : name.end + _CONTEXT])
    return goes_on is None or _is_known(name)


def _is_ordinary(name: _Name) -> bool:
    return folded(name.matches[0].matched) in _ORDINARY


def _word_before(text: str, at: int) -> str:
    """Return the word before a name; with a full stop, only an abbreviation, as in "м. Ізюм"."""
    before = text[max(0, at - _CONTEXT) : at]
    while (shorter := before.rstrip().rstrip(_OPENING)) != before:
        before = shorter
    stopped = before.endswith(".")
    # Matching the reversed text finds the last word without a search.
    match = _WORD_REVERSED.match(before[::-1], int(stopped))
    word = match[0][::-1] if match else ""
    return word if not stopped or folded(word) in _ABBREVIATED else ""


def _word_after(text: str, at: int, pattern: re.Pattern[str]) -> str:
    match = pattern.match(text, at, at + 2 * _CONTEXT)
    return match[1] if match else ""


def _names_other(text: str, name: _Name) -> bool:
    """Return whether the words around a name show that it means a region, a street or a person."""
    before, after = folded(name.before), folded(name.after)
    if (
        after in _WORDS["region"]
        or before in _NOT_BEFORE
        or (after in _WORDS["road"] and name.after[:1].isupper())
        or (after in _WORDS["nuclear"] and _names_its_region(name.matches[0].place))
        or folded(_word_after(text, name.end, _AFTER_LIST)) in _WORDS["regions"]
    ):
        return True
    kinds = (_names_river, _names_institution, _names_club, _names_surname)
    if any(is_of_kind(text, name) for is_of_kind in kinds):
        return True
    if before in _BEFORE_TOWN:
        return False  # у Харкові Ігор Терехов: a person next to a place
    return any(
        word[:1].isupper() and folded(word).startswith(_FIRST_NAMES)
        for word in (name.before, name.after)
    )


def _names_club(text: str, name: _Name) -> bool:
    """Return whether a name follows that of a club: Dynamo Kyiv, «Шахтёр» (Донецк), «Рух» Львів."""
    if folded(name.before) in _WORDS["club"]:
        return True
    if not text[max(0, name.start - 3) : name.start].rstrip(" \u00a0(").endswith(_CLOSING):
        return False
    before = _CLUB.search(text, max(0, name.start - _CONTEXT), name.start)
    if before is None:
        return False
    is_nominative = folded(text[name.start : name.end]) == folded(name.matches[0].matched)
    return folded(before[1]) in _WORDS["club"] or (is_nominative and before[2] in {"» ", "»\u00a0"})


def _names_surname(text: str, name: _Name) -> bool:
    """Return whether a name is a surname: after a title in the nominative, or next to initials."""
    spelling = folded(text[name.start : name.end])
    if _INITIALS_AFTER.match(text, name.end):
        return True
    if "." in text[max(0, name.start - 2) : name.start] and _INITIAL_BEFORE.search(
        text, max(0, name.start - _CONTEXT), name.start
    ):
        return True
    return (
        folded(name.before) in _WORDS["person"]
        and spelling == folded(name.matches[0].matched)
        and spelling.endswith(_SURNAME_ENDINGS)
    )


def _names_river(text: str, name: _Name) -> bool:
    """Return whether the words around a name show that it means a river."""
    before, after = folded(name.before), folded(name.after)
    if before in _WORDS["river"] or after in _WORDS["river"]:
        return True
    if folded(name.matches[0].matched) not in _WORDS["rivers"]:
        return False
    spelling = folded(text[name.start : name.end])
    return (
        before.startswith(_CROSSING)
        or before in _WORDS["over"]
        or (before in _WORDS["on_the_river"] and spelling.endswith(_ON))
        or (before in _WORDS["beyond"] and spelling.endswith(_BEYOND))
    )


def _names_institution(text: str, name: _Name) -> bool:
    """Return whether a name is an adjective before a noun such as bank: Центральный банк."""
    spelling = folded(text[name.start : name.end])
    return (
        folded(name.after).startswith(_NAMED)
        and spelling.endswith(_ADJECTIVE_ENDINGS)
        and (_is_ordinary(name) or (name.matches[0].place.population or 0) < TOWN_POPULATION)
    )


@cache
def _abroad_forms(group: str) -> frozenset[str]:
    """Return the case forms of the names of cities abroad."""
    names = (name.split("-") for name in _WORDS[group])
    return frozenset(
        " ".join([*first, form]) for *first, last in names for form in word_forms(last)
    )


def _is_abroad(text: str, name: _Name) -> bool:
    """Return whether a place has the name of a far larger city abroad.

    A case form of that name which is the own name of a place here means this place.
    """
    best, spelling = name.matches[0], folded(text[name.start : name.end])
    if spelling in _abroad_forms("abroad_larger"):
        return True
    return (
        (best.place.population or 0) < TOWN_POPULATION
        and spelling in _abroad_forms("abroad")
        and (spelling != folded(best.matched) or spelling.replace(" ", "-") in _WORDS["abroad"])
    )


def _refers_to_place(text: str, name: _Name, known: bool) -> bool:
    """Return whether the name counts, by itself or because of the words around it."""
    before = folded(name.before)
    if before == "of":
        before = folded(_word_before(text, text.rindex(name.before, 0, name.start)))
        if before in _WORDS["around"]:
            return True
    after = folded(name.after)
    kinds = _WORDS["settlement"]
    if before in kinds or before in _WORDS["island"] or (after.isascii() and after in kinds):
        return True
    if folded(name.matches[0].matched) in _WORDS["lands"]:
        return False
    if folded(_word_after(text, name.end, _WITHIN)) in _WORDS["region"]:
        return True
    is_at = before in _WORDS["at"]
    is_in = before in _WORDS["in"]
    if _is_ordinary(name):
        spelling = folded(text[name.start : name.end])
        is_in = is_in and (spelling.isascii() or spelling.endswith(_LOCATIVE))
        known = False
    return not _is_abroad(text, name) and (known or is_in or is_at)


def _are_listed(text: str, name: _Name, other: _Name) -> bool:
    """Return whether only a separator of a list lies between two names."""
    first, second = sorted((name, other))
    return _LIST_SEPARATOR.fullmatch(text[first.end : second.start]) is not None


def _mention(name: _Name, places: list[Place], certain: bool, anchors: list[Place]) -> Mention:
    """Prefer, among several places, those near places that other names of the text mean."""
    places = places_near(places, anchors)
    matched = name.matches[0].matched
    return Mention(name.start, name.end, tuple(places), matched, certain and len(places) == 1)
