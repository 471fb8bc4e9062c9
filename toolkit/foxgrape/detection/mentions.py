"""Places called by name in a text: inflected, in Ukrainian, Russian and English.

A capital letter makes no name. A name that few people live under, or that is also a word or a
first name, is read only where the words around it speak of a place.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from foxgrape.detection.lexicon import (
    AROUND,
    AT,
    FIRST_NAMES,
    IN,
    LANDS,
    MAYOR,
    NUCLEAR,
    ORDINARY,
    REGION,
    REGIONS,
    SETTLEMENT,
    STREET,
)
from foxgrape.places import fold
from foxgrape.places.gazetteer import is_current_name
from foxgrape.places.phonetic import ending_variants, phonetic_key
from foxgrape.places.place import distance_km

if TYPE_CHECKING:
    from foxgrape.places import Gazetteer, Place, PlaceMatch

__all__ = ["Mention", "find_mentions", "folded"]

_WORD = r"[^\W\d_a-zа-яґєії][\w'’ʼ]*(?:[-‑][\w'’ʼ]+)*"
_RUN = re.compile(rf"{_WORD}(?:[ \u00a0]{_WORD})*")
_WORDS = re.compile(_WORD)
_BACK = re.compile(r"[\w'’ʼ]*")
#: What may stand between a word and the name behind it, beside blanks.
_OPENING = '«„“"*('
_AFTER = re.compile(r"[\s»”\"*)]+([\w'’ʼ]+)")
_AFTER_LIST = re.compile(r"(?:(?:,|\s+(?:та|і|й|и|and))\s+[\w'’ʼ-]+)+\s+([\w'’ʼ]+)")
#: What lies in a region or a district: Піски, Донецька область; Pisky (Donetsk region).
_WITHIN = re.compile(rf",? \(?{_WORD} ([\w'’ʼ]+)")
_LISTED = re.compile(
    r"[»”\"*)]*(?:,|,?\s+(?:та|і|й|и|або|чи|and|or)|\s*[–—-]|/)"
    r"\s*(?:(?:в|у|на|під|до|з|із|in|near|at|to)\s+)?[«„“\"*(]*",
    re.IGNORECASE,
)
#: Characters on either side in which the words around a name are looked for.
_NEAR = 40
#: People who make a name known enough to be read by its capital alone.
_KNOWN = 5000
#: How many times as many people make one of several places of a name the one that is meant.
_FAR_MORE, _FEW = 10, 500
#: Places of which none is too small to be meant: somebody has chosen them.
_CHOSEN = 1000
#: Kilometres from a place that is named in the same text.
_NEARBY = 60.0
_LONGEST, _SHORT = 3, 3
#: A name that more places bear says too little by itself; a former one must be long enough.
_MANY, _FORMER = 20, 6
#: Languages of former names; in others, places abroad are called like some of ours.
_SPOKEN = ("uk", "ru", "en")
_LOCATIVE = ("і", "ї", "у", "ю", "ах", "ях", "ому", "ім", "ом", "ой", "ій", "е")


class Mention(NamedTuple):
    """A name in a text.

    Attributes
    ----------
    start, end
        Span in code points.
    places
        The places that it may mean.
    matched
        The spelling, of the first of them, that matched.
    sure
        Whether it is a known name that means one place.
    """

    start: int
    end: int
    places: tuple[Place, ...]
    matched: str
    sure: bool


class _Found(NamedTuple):
    start: int
    end: int
    matches: tuple[PlaceMatch, ...]
    before: str  # the words before and after it
    after: str


#: Folding costs as much as finding, and words come again.
folded = lru_cache(maxsize=1 << 16)(fold)
_SHORTENED = SETTLEMENT | STREET


def find_mentions(text: str, gazetteer: Gazetteer) -> list[Mention]:
    """Find the places that a text calls by name, in reading order.

    Examples
    --------
    >>> from foxgrape.places import Gazetteer
    >>> told = mentions_in("Українки! Наші в Ізюмі та під Лисичанськом.", Gazetteer.default())
    >>> [(text.start, text.places[0].name) for text in told]
    [(17, 'Izium'), (30, 'Lysychansk')]
    """
    chosen = _is_chosen(gazetteer)
    names = _names(text, gazetteer)
    found = [
        each
        for each in names
        if not _names_other(text, each) and (chosen or _is_own_name(text, each))
    ]
    if not found:
        return []
    known = [chosen or _is_known(each) for each in found]
    taken = [_speaks_of(text, each, sure) for each, sure in zip(found, known, strict=True)]
    # A name beside one that is taken is taken, from either side.
    order = range(len(found) - 1)
    for at in (*order, *(-1 - at for at in order)):
        one, other = (at, at + 1) if at >= 0 else (at, at - 1)
        if taken[one] and not taken[other] and _listed(text, found[one], found[other]):
            taken[other] = not _is_ordinary(found[other])
    kept = [
        (each, sure and not (_is_ordinary(each) and not chosen))
        for each, sure, there in zip(found, known, taken, strict=True)
        if there
    ]
    alone = [places[0] for each, _ in kept if len(places := _meant(each.matches)) == 1]
    anchors = [(one.lat, one.lon) for one in alone if one.lat is not None and one.lon is not None]
    regions = _regions(names)
    return [_mention(each, sure, anchors, regions) for each, sure in kept]


def _regions(names: list[_Found]) -> list[tuple[int, str]]:
    """Return where the text names a region that is called after its capital, and which."""
    first = [(each.start, each.matches[0].place) for each in names if folded(each.after) in REGION]
    return [(at, place.admin1) for at, place in first if _has_its_region(place)]


def _has_its_region(place: Place) -> bool:
    return place.admin1.startswith(f"{place.name} ")


def _names(text: str, gazetteer: Gazetteer) -> list[_Found]:
    """Find the longest names among capitalised words, whatever they mean."""
    found = []
    for run in _RUN.finditer(text):
        words = [word.span() for word in _WORDS.finditer(text, *run.span())]
        at = 0
        while at < len(words):
            begin, end = words[at]
            longest = _LONGEST if _begins_longer(gazetteer, text[begin:end]) else 1
            for length in range(min(longest, len(words) - at), 0, -1):
                end = words[at + length - 1][1]
                matches = _matches(gazetteer, text[begin:end])
                if matches:
                    beside = _word_before(text, begin), _after(text, end, _AFTER)
                    found.append(_Found(begin, end, matches, *beside))
                    at += length - 1
                    break
            at += 1
    return found


@lru_cache(maxsize=1 << 17)
def _matches(gazetteer: Gazetteer, name: str) -> tuple[PlaceMatch, ...]:
    if len(name) <= _SHORT and name.isupper():
        return ()  # ЗСУ, США, EU
    bare = re.sub("(?<=[a-z])['’ʼ]s$", "", name)
    return tuple(gazetteer.find_in_text(bare))


@lru_cache(maxsize=1 << 17)
def _begins_longer(gazetteer: Gazetteer, word: str) -> bool:
    """Tell whether a name of several words may begin so."""
    heard = phonetic_key(word)
    return bool(heard) and not _first_stems(gazetteer).isdisjoint(ending_variants(heard))


@cache
def _first_stems(gazetteer: Gazetteer) -> frozenset[str]:
    stems = (stem.partition(" ") for stem in gazetteer.stems())
    return frozenset(first for first, several, _ in stems if several)


@cache
def _is_chosen(gazetteer: Gazetteer) -> bool:
    return len(gazetteer) <= _CHOSEN


def _is_known(found: _Found) -> bool:
    """Tell whether many people live there, and few places share the name."""
    many = (found.matches[0].place.population or 0) >= _KNOWN
    return many and len(_meant(found.matches)) <= _MANY


def _is_own_name(text: str, found: _Found) -> bool:
    """Tell a name from one borne in the past or abroad, and from the beginning of a longer one."""
    best = found.matches[0]
    if not is_current_name(best):
        spoken = any(best.matched in best.place.names_in(language) for language in _SPOKEN)
        return spoken and len(best.matched) >= _FORMER and _is_known(found)
    goes_on = re.match(rf" {_WORD}", text[found.end : found.end + _NEAR])
    return goes_on is None or _is_known(found)


def _is_ordinary(found: _Found) -> bool:
    return folded(found.matches[0].matched) in ORDINARY


def _word_before(text: str, at: int) -> str:
    """Return the word before; behind a full stop only one that it shortens: м. Ізюм."""
    before = text[max(0, at - _NEAR) : at]
    while (shorter := before.rstrip().rstrip(_OPENING)) != before:
        before = shorter
    stopped = before.endswith(".")
    # Searched for from its end on, a word is found at once.
    match = _BACK.match(before[::-1], int(stopped))
    word = match[0][::-1] if match else ""
    return word if not stopped or folded(word) in _SHORTENED else ""


def _after(text: str, at: int, pattern: re.Pattern[str]) -> str:
    match = pattern.match(text, at, at + 2 * _NEAR)
    return match[1] if match else ""


def _names_other(text: str, found: _Found) -> bool:
    """Tell whether the words around speak of a region, a street or a person."""
    if folded(found.after) in REGION or folded(found.before) in STREET:
        return True
    if folded(_after(text, found.end, _AFTER_LIST)) in REGIONS:
        return True
    place = found.matches[0].place
    if folded(found.after) in NUCLEAR and _has_its_region(place):
        return True
    if folded(found.before) in MAYOR:
        return False
    return any(
        beside[:1].isupper() and folded(beside).startswith(FIRST_NAMES)
        for beside in (found.before, found.after)
    )


def _speaks_of(text: str, found: _Found, known: bool) -> bool:
    """Tell whether a name is read as a place, by itself or by the word before it."""
    before = folded(found.before)
    if before == "of":
        before = folded(_word_before(text, text.rindex(found.before, 0, found.start)))
        if before in AROUND:
            return True
    after = folded(found.after)
    if before in SETTLEMENT or (after.isascii() and after in SETTLEMENT):
        return True
    if folded(found.matches[0].matched) in LANDS:
        return False
    if folded(_after(text, found.end, _WITHIN)) in REGION:
        return True
    if _is_ordinary(found):
        name = folded(text[found.start : found.end])
        inside = before in IN and (name.isascii() or name.endswith(_LOCATIVE))
        return inside or before in AT
    return known or before in IN or before in AT


def _listed(text: str, one: _Found, other: _Found) -> bool:
    first, second = sorted((one, other))
    between = text[first.end : second.start]
    return _LISTED.fullmatch(between) is not None


def _meant(matches: tuple[PlaceMatch, ...]) -> list[Place]:
    """Return the places that a name may mean: one alone, if far more people live there.

    Those that were called so in the past are not meant where one is today.
    """
    places = [match.place for match in matches if is_current_name(match)]
    places = places or [match.place for match in matches]
    people = [place.population or _FEW for place in places]
    return places[:1] if people[0] >= _FAR_MORE * max(people[1:], default=0) else places


def _mention(
    found: _Found, sure: bool, anchors: list[tuple[float, float]], regions: list[tuple[int, str]]
) -> Mention:
    places = _meant(found.matches)
    if len(places) > 1:
        behind = {region for at, region in regions if 0 < at - found.end <= 2 * _NEAR}
        places = [place for place in places if place.admin1 in behind] or places
        near = [
            place
            for place in places
            if any(distance_km(place, point) <= _NEARBY for point in anchors)
        ]
        places = near or places
    matched = found.matches[0].matched
    return Mention(found.start, found.end, tuple(places), matched, sure and len(places) == 1)
