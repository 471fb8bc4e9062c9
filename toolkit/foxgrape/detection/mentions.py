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

from foxgrape.places import fold
from foxgrape.places.gazetteer import is_current_name
from foxgrape.places.phonetic import ending_variants, phonetic_key
from foxgrape.places.place import distance_km

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
_FIRST_NAMES = tuple(_WORDS["first_names"])
_ORDINARY = _WORDS["ordinary"] | {"нью йорк", "new york"}
_WORD = r"[^\W\d_a-zа-яґєії][\w'’ʼ]*(?:[-‑][\w'’ʼ]+)*"
_RUN = re.compile(rf"{_WORD}(?:[ \u00a0]{_WORD})*")
_CAPITALISED = re.compile(_WORD)
_WORD_REVERSED = re.compile(r"[\w'’ʼ]*")
#: Characters that may stand between a word and the name that follows it, besides blanks.
_OPENING = '«„“"*('
_AFTER = re.compile(r"[\s»”\"*)]+([\w'’ʼ]+)")
_AFTER_LIST = re.compile(r"(?:(?:,|\s+(?:та|і|й|и|and))\s+[\w'’ʼ-]+)+\s+([\w'’ʼ]+)")
#: A region or district that follows a place name: Піски, Донецька область.
_WITHIN = re.compile(rf",? \(?{_WORD} ([\w'’ʼ]+)")
_LIST_SEPARATOR = re.compile(
    r"[»”\"*)]*(?:,|,?\s+(?:та|і|й|и|або|чи|and|or)|\s*[–—-]|/)"
    r"\s*(?:(?:в|у|на|під|до|з|із|in|near|at|to)\s+)?[«„“\"*(]*",
    re.IGNORECASE,
)
#: Number of characters before a name that are searched for other words; up to twice as many after.
_CONTEXT = 40
#: Minimum population of a place whose name can count without other words around it.
_KNOWN_POPULATION = 5000
#: A shared name means only its first place if that has this many times the population of any other;
#: and the population assumed for a place whose population is unknown.
_DOMINANCE, _DEFAULT_POPULATION = 10, 500
#: A gazetteer of at most this many places is taken to be the user's own selection, in which even
#: the names of small places can count without other words around them.
_CHOSEN = 1000
#: Places within this many kilometres of an unambiguous place in the same text are preferred.
_NEARBY = 60.0
_MAX_WORDS, _MAX_ACRONYM = 3, 3
#: A name shared by more places than this does not count by itself. Former and foreign names must
#: have at least this many characters.
_MAX_SHARED, _MIN_FORMER_LENGTH = 20, 6
#: Languages in which former and foreign names count; in other languages, some of a place's names
#: are also names of places abroad.
_LANGUAGES = ("uk", "ru", "en")
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
_ABBREVIATED = _WORDS["settlement"] | _WORDS["street"]


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
    kept = [
        (name, well_known and (chosen or not _is_ordinary(name)))
        for name, well_known, accept in zip(names, known, accepted, strict=True)
        if accept
    ]
    candidates = [_candidates(name.matches) for name, _ in kept]
    unambiguous = [places[0] for places in candidates if len(places) == 1]
    anchors = [
        (place.lat, place.lon)
        for place in unambiguous
        if place.lat is not None and place.lon is not None
    ]
    regions = _named_regions(all_names)
    return [
        _mention(name, places, certain, anchors, regions)
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
            accepted[neighbour] = not _is_ordinary(names[neighbour])


def _named_regions(names: list[_Name]) -> list[tuple[int, str]]:
    """Return the position and name of each region in the text that is named after its capital."""
    capitals = [
        (name.start, name.matches[0].place)
        for name in names
        if folded(name.after) in _WORDS["region"]
    ]
    return [(at, place.admin1) for at, place in capitals if _names_its_region(place)]


def _names_its_region(place: Place) -> bool:
    return place.admin1.startswith(f"{place.name} ")


def _find_names(text: str, gazetteer: Gazetteer) -> list[_Name]:
    """Find the longest gazetteer names in capitalised words, without checking their context."""
    names = []
    for run in _RUN.finditer(text):
        words = [word.span() for word in _CAPITALISED.finditer(text, *run.span())]
        at = 0
        while at < len(words):
            begin, end = words[at]
            longest = _MAX_WORDS if _begins_longer_name(gazetteer, text[begin:end]) else 1
            for length in range(min(longest, len(words) - at), 0, -1):
                end = words[at + length - 1][1]
                matches = _matches(gazetteer, text[begin:end])
                if matches:
                    before, after = _word_before(text, begin), _word_after(text, end, _AFTER)
                    names.append(_Name(begin, end, matches, before, after))
                    at += length - 1
                    break
            at += 1
    return names


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
    many = (name.matches[0].place.population or 0) >= _KNOWN_POPULATION
    return many and len(_candidates(name.matches)) <= _MAX_SHARED


def _is_own_name(text: str, name: _Name) -> bool:
    """Return whether a name is neither a minor former or foreign name nor part of a longer one."""
    best = name.matches[0]
    if not is_current_name(best):
        spoken = any(best.matched in best.place.names_in(language) for language in _LANGUAGES)
        return spoken and len(best.matched) >= _MIN_FORMER_LENGTH and _is_known(name)
    goes_on = re.match(rf" {_WORD}", text[name.end : name.end + _CONTEXT])
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
    if folded(name.after) in _WORDS["region"] or folded(name.before) in _WORDS["street"]:
        return True
    if folded(_word_after(text, name.end, _AFTER_LIST)) in _WORDS["regions"]:
        return True
    if folded(name.after) in _WORDS["nuclear"] and _names_its_region(name.matches[0].place):
        return True
    if folded(name.before) in _WORDS["mayor"]:
        return False
    return any(
        word[:1].isupper() and folded(word).startswith(_FIRST_NAMES)
        for word in (name.before, name.after)
    )


def _refers_to_place(text: str, name: _Name, known: bool) -> bool:
    """Return whether the name counts, by itself or because of the words around it."""
    before = folded(name.before)
    if before == "of":
        before = folded(_word_before(text, text.rindex(name.before, 0, name.start)))
        if before in _WORDS["around"]:
            return True
    after = folded(name.after)
    if before in _WORDS["settlement"] or (after.isascii() and after in _WORDS["settlement"]):
        return True
    if folded(name.matches[0].matched) in _WORDS["lands"]:
        return False
    if folded(_word_after(text, name.end, _WITHIN)) in _WORDS["region"]:
        return True
    if _is_ordinary(name):
        spelling = folded(text[name.start : name.end])
        inside = before in _WORDS["in"] and (spelling.isascii() or spelling.endswith(_LOCATIVE))
        return inside or before in _WORDS["at"]
    return known or before in _WORDS["in"] or before in _WORDS["at"]


def _are_listed(text: str, name: _Name, other: _Name) -> bool:
    """Return whether only a separator of a list lies between two names."""
    first, second = sorted((name, other))
    return _LIST_SEPARATOR.fullmatch(text[first.end : second.start]) is not None


def _candidates(matches: tuple[PlaceMatch, ...]) -> list[Place]:
    """Return the places that a name may mean: only the first, if far more people live there.

    Former names count only if no place has the name today.
    """
    places = [match.place for match in matches if is_current_name(match)]
    places = places or [match.place for match in matches]
    people = [place.population or _DEFAULT_POPULATION for place in places]
    return places[:1] if people[0] >= _DOMINANCE * max(people[1:], default=0) else places


def _mention(
    name: _Name,
    places: list[Place],
    certain: bool,
    anchors: list[tuple[float, float]],
    regions: list[tuple[int, str]],
) -> Mention:
    """Prefer, among several places, those in a region that follows the name, then near anchors."""
    if len(places) > 1:
        behind = {region for at, region in regions if 0 < at - name.end <= 2 * _CONTEXT}
        places = [place for place in places if place.admin1 in behind] or places
        near = [
            place
            for place in places
            if any(distance_km(place, point) <= _NEARBY for point in anchors)
        ]
        places = near or places
    matched = name.matches[0].matched
    return Mention(name.start, name.end, tuple(places), matched, certain and len(places) == 1)
