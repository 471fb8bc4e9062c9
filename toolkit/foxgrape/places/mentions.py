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
from foxgrape.places.mention_context import (
    CONTEXT,
    WORDS,
    Name,
    folded,
    follows_settlement,
    is_before_person,
    is_ordinary,
    is_person,
    names_other,
)
from foxgrape.places.mention_matches import (
    find_matches,
    has_rival,
    largest_first,
    with_context,
)
from foxgrape.places.mention_places import (
    WORD,
    Surroundings,
    candidate_places,
    is_in_region_abroad,
)
from foxgrape.places.mention_support import (
    LOCATIVE,
    TOWN_ENDINGS,
    has_typical_ending,
    is_city_in_list,
    is_in_region,
    is_inside_sentence,
    refers_to_place,
)
from foxgrape.places.namesakes import (
    CITY_POPULATION,
    TOWN_POPULATION,
    current_places,
    dominant_places,
    former_towns,
    in_shared_district,
    is_around,
    shared_districts,
)
from foxgrape.places.native_names import find_native_names
from foxgrape.places.phonetic import ending_variants, phonetic_key
from foxgrape.places.plain_text import plain_text
from foxgrape.places.scripts import has_native_letters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from foxgrape.places import Gazetteer, Place, PlaceMatch

__all__ = ["Mention", "Reading", "begins_longer_name", "find_mentions", "has_name", "read_names"]


_RUN = re.compile(rf"{WORD}(?:[ \u00a0]{WORD})*")
_CAPITALISED = re.compile(WORD)
_GOES_ON = re.compile(rf" ({WORD})")
_LIST_SEPARATOR = re.compile(
    r"[»”\"*)]*(?:,|,?\s+(?:та|і|й|и|або|чи|and|or)\b|\s*[–—-]|/)"
    r"\s*(?:(?:в|у|на|під|до|з|із|in|near|at|to)\s+)?[«„“\"*(]*",
    re.IGNORECASE,
)
#: Minimum population of a place whose name can count without other words around it.
_KNOWN_POPULATION = 5000
#: The same for a place that alone has its name, if it has an ending of names of towns.
_ONLY_POPULATION = 2000
#: Registers of settlements. Places with other ids were added on purpose, and are known.
_REGISTERS = ("geonames:", "katottg:")
#: A gazetteer in memory of at most this many places is taken to be the user's own selection, in
#: which even the names of small places can count without other words around them.
_CHOSEN = 1000
_MAX_WORDS = 3
#: Endings of the locative of names in -івка, which plurals of other names have in the nominative.
_LOCATIVE_OF_VILLAGES = ("івці", "ївці")
#: Minimum number of names in a list that count because places of one district have them.
_MANY = 3
#: A name shared by more places than this does not count by itself. Former and foreign names must
#: have at least this many characters.
_MAX_SHARED, _MIN_FORMER_LENGTH = 20, 6
#: The names that are in none of the gazetteer's languages: former and foreign names in it do not
#: count, since some are also names of places abroad.
_OTHER = "other"


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
    confidence
        A if the name is well known, means a city or the only town of this name, and is in a list of
        names or after a word such as *in*; B if it is well known and means only one place;
        otherwise C.
    """

    start: int
    end: int
    places: tuple[Place, ...]
    matched: str
    confidence: str


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
    return read_names(text, gazetteer).mentions


class Reading(NamedTuple):
    """What was found in a text, and whether it would also be found there in a longer text.

    Attributes
    ----------
    mentions
        The mentions.
    needs_places
        Whether other places, named elsewhere in the text, may decide what counts or what it means.
    needs_regions
        Whether a region or a sector of a front named elsewhere may decide what a name means.
    """

    mentions: list[Mention]
    needs_places: bool
    needs_regions: bool


def read_names(text: str, gazetteer: Gazetteer) -> Reading:
    """Find the mentions in a text or in a part of it, and what else may decide about them.

    Examples
    --------
    >>> from foxgrape.places import Gazetteer
    >>> read_names("Наші в Лисичанську", Gazetteer.default()).needs_places
    False
    >>> read_names("бої за Піски", Gazetteer.default()).needs_places
    True
    """
    plain = plain_text(text)
    reading = _read_names(plain.text, gazetteer)
    if plain.starts is None:
        return reading
    mentions = [
        mention._replace(start=start, end=end)
        for mention in reading.mentions
        for start, end in [plain.original_span(mention.start, mention.end)]
    ]
    return reading._replace(mentions=mentions)


def has_name(word: str, gazetteer: Gazetteer) -> bool:
    """Return whether a word alone, in any spelling that is read in texts, is a name.

    Examples
    --------
    >>> from foxgrape.places import Gazetteer
    >>> [has_name(word, Gazetteer.default()) for word in ("Ізюмом", "#Ізюм_наш", "Кожен")]
    [True, True, False]
    """
    # A script without capital letters may have no spaces, or join words to a name.
    return has_native_letters(word) or bool(_find_names(plain_text(word).text, gazetteer))


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


def _read_names(text: str, gazetteer: Gazetteer) -> Reading:
    chosen = _is_chosen(gazetteer)
    all_names = _find_names(text, gazetteer)
    names = [
        name if chosen else name._replace(rival=has_rival(text, name, gazetteer))
        for name in all_names
        if not names_other(text, name)
        and (chosen or not is_in_region_abroad(text, name, gazetteer))
        and (chosen or _is_own_name(text, name) or is_in_region(text, name))
    ]
    known = [chosen or _is_known(name) for name in names]
    accepted = [
        refers_to_place(text, name, well_known)
        for name, well_known in zip(names, known, strict=True)
    ]
    _accept_lists(text, names, accepted)
    before: list[bool] = []
    while before != accepted and not all(accepted):  # what is accepted supports others
        before = list(accepted)
        _accept_neighbours(text, names, accepted)
        _accept_near_accepted(text, names, accepted)
        _accept_repeated(names, accepted)
    kept = [name for name, accept in zip(names, accepted, strict=True) if accept]
    kept = sorted([*kept, *_native_names(text, gazetteer, chosen)], key=lambda name: name.start)
    candidates = [candidate_places(text, name.end, name.matches, gazetteer) for name in kept]
    anchors = [places[0] for places in candidates if len(places) == 1]
    surroundings = Surroundings(text, gazetteer, anchors)
    candidates = _choose_in_lists(text, kept, candidates)
    # Of several namesakes, others decide; a name that does not count may count near others.
    needs_places = any(map(_has_namesakes, kept)) or any(
        not accept and not is_ordinary(name) for name, accept in zip(names, accepted, strict=True)
    )
    needs_regions = any(len(name.matches) > 1 for name in kept)
    mentions = []
    for at, (name, several) in enumerate(zip(kept, candidates, strict=True)):
        places = surroundings.choose_among(name.start, several, name)
        listed = any(_are_listed(text, name, other) for other in kept[max(0, at - 1) : at + 2])
        confidence = _confidence(text, name, places, listed=listed, chosen=chosen)
        matched = name.matches[0].matched
        mentions.append(Mention(name.start, name.end, tuple(places), matched, confidence))
    return Reading(mentions, needs_places, needs_regions)


def _has_namesakes(name: Name) -> bool:
    return len(current_places(name.matches)) > 1 or bool(former_towns(name.matches))


def _native_names(text: str, gazetteer: Gazetteer, chosen: bool) -> list[Name]:
    """Return the names in scripts without capital letters; ordinary words are their own rivals."""
    return [
        name._replace(rival=ordinary and not chosen)
        for name, located, ordinary in find_native_names(text, gazetteer)
        if chosen or located or (_is_known(name) and not ordinary)
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
            accepted[neighbour] = not other.rival and (
                not is_ordinary(other)
                or (
                    (
                        not is_person(other)
                        or is_city_in_list(text, other, names[at], after=at < neighbour)
                    )
                    and is_inside_sentence(text, other.start)
                )
                or (at < neighbour and _are_in(text, names[at], other))
            )
    # A name that is also an ordinary word counts between two other names of the list.
    for at in range(1, len(names) - 1):
        if not accepted[at] and accepted[at - 1] and accepted[at + 1]:
            accepted[at] = all(_are_listed(text, names[at], names[at + step]) for step in (-1, 1))


def _accept_lists(text: str, names: list[Name], accepted: list[bool]) -> None:
    """Accept lists of several names that places of one district have."""
    for first, last in _lists(text, names):
        listed = names[first : last + 1]
        if (
            len(listed) >= _MANY
            and not any(name.rival or is_ordinary(name) for name in listed)
            and shared_districts([current_places(name.matches) for name in listed])
        ):
            accepted[first : last + 1] = [True] * len(listed)


def _lists(text: str, names: list[Name]) -> Iterator[tuple[int, int]]:
    """Yield the positions of the first and the last name of each list."""
    first = 0
    for last, name in enumerate(names):
        if last + 1 == len(names) or not _are_listed(text, name, names[last + 1]):
            yield first, last
            first = last + 1


def _accept_repeated(names: list[Name], accepted: list[bool]) -> None:
    """Accept other forms of an accepted name, unless it is also an ordinary word."""
    known = {
        name.matches[0].place.id for name, accept in zip(names, accepted, strict=True) if accept
    }
    for at, name in enumerate(names):
        if not is_ordinary(name) and not name.rival:
            accepted[at] = accepted[at] or name.matches[0].place.id in known


def _choose_in_lists(
    text: str, names: list[Name], candidates: list[list[Place]]
) -> list[list[Place]]:
    """Choose among places of each list of names those in the only district of all its names."""
    chosen = list(candidates)
    for first, last in _lists(text, names):
        if first < last:
            several = [current_places(names[at].matches) for at in range(first, last + 1)]
            chosen[first : last + 1] = in_shared_district(several, chosen[first : last + 1])
    return chosen


def _are_in(text: str, name: Name, other: Name) -> bool:
    """Return whether a list of names follows a word such as in: у Рівному й Хмельницькому."""
    spelling = folded(text[other.start : other.end])
    return folded(name.before) in WORDS["in"] and spelling.endswith(LOCATIVE)


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
        is_typical = has_typical_ending(name) and is_inside_sentence(text, name.start)
        if (is_typical and not name.rival) or (name.rival and _is_known(name)):
            accepted[at] = any(is_around(place, anchors) for place in current_places(name.matches))


def _find_names(text: str, gazetteer: Gazetteer) -> list[Name]:
    """Find the longest gazetteer names in capitalised words, without checking their context."""
    names = []
    for run in _RUN.finditer(text):
        phrase = run[0]
        if " " in phrase or "\u00a0" in phrase:
            names += _find_longest_names(text, run.start(), run.end(), gazetteer)
        elif matches := find_matches(gazetteer, phrase):
            names.append(with_context(text, run.start(), run.end(), matches))
        elif "-" in phrase:
            names += _joined_names(text, run.start(), run.end(), gazetteer)
    return _read_in_case(text, names, gazetteer)


def _read_in_case(text: str, names: list[Name], gazetteer: Gazetteer) -> list[Name]:
    """Return the names, those after a word that takes another case read as case forms.

    Біля Шевченка та Новосілки is near Shevchenko and Novosilka, although other villages have these
    forms as their names. Во Львове may be in Lvove, but means Lviv, which is much larger.
    """
    read: list[Name] = []
    case = ""
    for at, name in enumerate(names):
        before, spelling = folded(name.before), text[name.start : name.end]
        if before in WORDS["with_genitive"]:
            case = "genitive"
        elif before in WORDS["in"]:
            case = "locative"
        elif not at or not _are_listed(text, names[at - 1], name):
            case = ""
        if case and not spelling.isascii() and spelling[-1] in "аяиыіїеую":
            forms: Sequence[PlaceMatch] = find_matches(gazetteer, spelling, oblique=True)
            if case == "locative":  # or the accusative, which many names share with the nominative
                forms = [match for match in forms if is_current_name(match)] or forms
                if not spelling.endswith(_LOCATIVE_OF_VILLAGES):
                    forms = tuple(m for m in forms if (m.place.population or 0) >= TOWN_POPULATION)
                known = {match.place.id for match in forms}
                others = (match for match in name.matches if match.place.id not in known)
                forms = (*forms, *others) if forms else ()
            read.append(name._replace(matches=largest_first(tuple(forms))) if forms else name)
        else:
            read.append(name)
    return read


def _find_longest_names(text: str, start: int, stop: int, gazetteer: Gazetteer) -> list[Name]:
    """Find the longest names in a run of several capitalised words."""
    names = []
    words = [word.span() for word in _CAPITALISED.finditer(text, start, stop)]
    at = 0
    while at < len(words):
        begin, end = words[at]
        longest = _MAX_WORDS if _begins_longer_name(gazetteer, text[begin:end]) else 1
        for length in range(min(longest, len(words) - at), 0, -1):
            end = words[at + length - 1][1]
            matches = find_matches(gazetteer, text[begin:end])
            if matches:
                names.append(with_context(text, begin, end, matches))
                at += length - 1
                break
        else:
            names += _joined_names(text, begin, end, gazetteer)
        at += 1
    return names


def _joined_names(text: str, begin: int, end: int, gazetteer: Gazetteer) -> list[Name]:
    """Return the names in a word such as Харків-Ізюм, if all its parts are names of towns."""
    word = text[begin:end]
    if "-" not in word:
        return []
    parts = [(begin + part.start(), begin + part.end()) for part in re.finditer("[^-]+", word)]
    matches = [
        find_matches(gazetteer, text[start:stop]) if text[start].isupper() else ()
        for start, stop in parts
    ]
    if not all(some and (some[0].place.population or 0) >= _KNOWN_POPULATION for some in matches):
        return []
    return [with_context(text, *span, places) for span, places in zip(parts, matches, strict=True)]


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
    return len(gazetteer) <= _CHOSEN and not gazetteer.infos


def _is_known(name: Name) -> bool:
    """Return whether the place has many inhabitants, and few others share its name."""
    best = name.matches[0]
    if not best.place.id.startswith(_REGISTERS) or folded(best.matched) in WORDS["famous"]:
        return True
    places = current_places(name.matches)
    is_only = len(places) == 1 and folded(best.matched).endswith(TOWN_ENDINGS)
    many = (best.place.population or 0) >= (_ONLY_POPULATION if is_only else _KNOWN_POPULATION)
    return many and len(dominant_places(places)) <= _MAX_SHARED


def _is_own_name(text: str, name: Name) -> bool:
    """Return whether a name is neither a minor former or foreign name nor part of a longer one."""
    best = name.matches[0]
    if not is_current_name(best):
        pairs = zip(best.place.names, best.place.languages, strict=False)
        spoken = any(name == best.matched and language != _OTHER for name, language in pairs)
        return spoken and len(best.matched) >= _MIN_FORMER_LENGTH and _is_known(name)
    goes_on = _GOES_ON.match(text, name.end, name.end + CONTEXT)
    is_alone = goes_on is None or goes_on[1].isupper() or is_before_person(name)
    return is_alone or _is_known(name)


def _are_listed(text: str, name: Name, other: Name) -> bool:
    """Return whether only a separator of a list lies between two names."""
    first, second = sorted((name, other))
    return _LIST_SEPARATOR.fullmatch(text[first.end : second.start]) is not None


def _confidence(text: str, name: Name, places: list[Place], *, listed: bool, chosen: bool) -> str:
    """Grade a mention; tests/labels/README.md has how often each grade is right."""
    is_known = chosen or (_is_known(name) and not is_ordinary(name) and not name.rival)
    if len(places) > 1 or not is_known:
        return "C"
    if has_native_letters(text[name.start : name.end]):
        return "B"
    people = places[0].population or 0
    if people < TOWN_POPULATION and len(current_places(name.matches)) > 1:
        return "C"  # of namesakes, the one chosen for its population is a small town
    before = folded(name.before)
    is_located = before in WORDS["in"] | WORDS["at"] or follows_settlement(text, name)
    is_river = folded(name.matches[0].matched) in WORDS["rivers"]
    is_clear = people >= CITY_POPULATION or len(current_places(name.matches)) == 1
    return (
        "A"
        if is_clear and not is_river and people >= TOWN_POPULATION and (listed or is_located)
        else "B"
    )
