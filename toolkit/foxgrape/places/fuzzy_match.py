"""Match names whose exact spelling no place has: respelt, inflected or misspelt names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from foxgrape.places.inflection import short_adjective_forms, word_forms
from foxgrape.places.normalize import fold
from foxgrape.places.phonetic import ending_variants, normalize_spelling, phonetic_key, stem
from foxgrape.places.place import MATCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from foxgrape.places.index import FileIndex, InMemoryIndex
    from foxgrape.places.place import Place

    Index = FileIndex | InMemoryIndex

__all__ = [
    "Candidate",
    "fuzzy_matches",
    "inflected_matches",
    "respelt_matches",
    "strip_prepositions",
    "ukrainian_spellings",
]

_RESPELT, _INFLECTED, _RESPELT_AND_INFLECTED, _SAME_ALPHABET = 0.9, 0.87, 0.84, 0.82
#: Maximum score of a guess, such as every fuzzy match of a name without a capital letter.
_GUESS = 0.79
#: Minimum similarity of spellings for a respelt match, and for a respelt and inflected match of one
#: word and of several.
_SIMILAR, _SIMILAR_INFLECTED, _SIMILAR_WORDS = 0.8, 0.75, 0.65
#: Minimum length of a phonetic key for more than a guess, since different names share short keys:
#: Суми and Сімі.
_SHORTEST = 5
_MAX_STEMS, _SHORTEST_STEM = 60, 3

_PREPOSITIONS = re.compile(
    r"^(?:(?:в|у|на|під|біля|коло|до|від|з|із|зі|за|над|через|поблизу|во|под|возле|около|из|от|"
    r"near|in|at|from|to|місто|міста|місті|м\.|село|села|селі|с\.|смт|селище|селища|город|города|"
    r"городе|г\.|посёлок|поселок|п\.|пгт|city of|town of|village of)\s+)+",
    re.IGNORECASE,
)
#: Roots of Russian names with other consonants in Ukrainian, or with vowels of another class.
_UKRAINIAN_ROOTS = {
    "([Кк])амен": r"\1ам'ян",
    r"\bПерв": "Перш",
    r"\bВтор": "Друг",
    r"\bБольш": "Велик",
    "([Гг])лубок": r"\1либок",
    "Александр": "Олександр",
    "александр": "олександр",
    "Алексе(?=[ев])": "Олексі",
    "([Вв])ладимир": r"\1олодимир",
    r"\bСчастл": "Щасл",
    r"\bОтрад": "Відрад",
    r"\bРазд": "Розд",
    r"\bСолнечн": "Сонячн",
    r"\bЯстреб": "Яструб",
    "([Кк])олодез": r"\1олодяз",
    r"\bДнепр": "Дніпр",
    r"\bЕкатерин": "Катерин",
    r"\bПод(?=[^аеёиіоуыяюй])": "Під",
    "([Вв])олч": r"\1овч",
    r"\bГорьк": "Гірк",
}
#: Endings and letters of Russian names, and what Ukrainian names have instead.
_UKRAINIAN_ENDINGS = {
    "(?<=..[сц])к(?=(?:а|у|ом|е|ое)?$)": "ьк",
    "(?<=[аи])ево$": "єве",
    "(?<=...[ое]в)о$|(?<=..)ое$": "е",
    "(?<=..)поль$": "піль",
    "(?<=..)полье$": "пілля",
    "(?<=...)([лнсжчтдз])ье$": r"\1\1я",
    "(?<=..ич)и$": "і",
    "(?<=..)ец$": "ець",
}
_UKRAINIAN_LETTERS = str.maketrans("ыэЭ", "иеЕ", "ъ")
#: Any of these: most names have none.
_RUSSIAN = re.compile("|".join((*_UKRAINIAN_ROOTS, *_UKRAINIAN_ENDINGS, "[ыэЭъ]")))
_POSSESSIVE = re.compile("(?<=[a-z])['’ʼ]s$")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that a name may mean, with its score, the matching spelling and how it matched."""

    place: Place
    score: float
    matched: str
    how: str


def strip_prepositions(name: str) -> str:
    """Return a name without prepositions and words such as town or місто.

    Examples
    --------
    >>> names = ("під Лисичанськом", "м. Ізюм", "Izium’s")
    >>> [strip_prepositions(name) for name in names]
    ['Лисичанськом', 'Ізюм', 'Izium']
    """
    return _POSSESSIVE.sub("", _PREPOSITIONS.sub("", name.strip()))


def fuzzy_matches(name: str, indexes: Sequence[Index]) -> list[Candidate]:
    """Return the places that a name may mean, in no particular order.

    Misspellings are considered only if no respelt or inflected name matches.
    """
    query = _Query(name)
    if not query.key:
        return []
    best = {}
    for candidate in _same_stem(query, indexes):
        if candidate.score:
            best[candidate.place.id] = candidate
    if any(candidate.score >= MATCH for candidate in best.values()):
        return list(best.values())
    for candidate in _misspelt(query, indexes):
        known = best.get(candidate.place.id)
        if known is None or candidate.score > known.score:
            best[candidate.place.id] = candidate
    return list(best.values())


def inflected_matches(name: str, indexes: Sequence[Index]) -> list[Candidate]:
    """Return the places for which a capitalized name is a case form, without respelling."""
    query = _Query(name)
    if not query.key or not query.is_capitalized:
        return []
    return [candidate for candidate in _same_stem(query, indexes) if candidate.how == "inflected"]


def respelt_matches(name: str, indexes: Sequence[Index]) -> list[Candidate]:
    """Return the places whose names best match a name in another spelling, case form, or both."""
    candidates: list[Candidate] = []
    for spelling in (name, _in_ukrainian(name)):
        query = _Query(spelling)
        if candidates or not query.key or not query.is_capitalized:
            break
        candidates = [
            match
            for match in _same_stem(query, indexes)
            if match.score >= MATCH and not _differ_in_gender(query.folded, match.matched)
        ]
    best = max((match.score for match in candidates), default=0.0)
    return [match for match in candidates if match.score == best]


def ukrainian_spellings(name: str) -> list[str]:
    """Return how a Ukrainian name may be spelt that is written as in Russian; of others, nothing.

    Examples
    --------
    >>> ukrainian_spellings("Сычавкой"), ukrainian_spellings("Зеленодольске")
    (['Сичавкой', 'Січавкой'], ['Зеленодольське'])
    """
    if _RUSSIAN.search(name) is None:
        return []
    spelling = _in_ukrainian(name).translate(_UKRAINIAN_LETTERS)
    for russian, ukrainian in _UKRAINIAN_ENDINGS.items():
        spelling = re.sub(russian, ukrainian, spelling)
    return list(dict.fromkeys((spelling, spelling.replace("и", "і").replace("И", "І"))))


def _differ_in_gender(name: str, matched: str) -> bool:
    """Return whether a Russian name is an adjective, and the other is not of its gender."""
    if name.endswith(("ский", "цкий", "ський", "цький")):
        return not matched.endswith(("ий", "ый", "yi"))
    if name.endswith("ая"):
        return not matched.endswith(("а", "я", "a"))
    return name.endswith("ое") and not matched.endswith(("е", "о", "e", "o"))


def _in_ukrainian(name: str) -> str:
    """Return a Russian name with the Ukrainian forms of words that differ in more than vowels.

    Examples
    --------
    >>> _in_ukrainian("Новосёлка Первая"), _in_ukrainian("Верхнекаменское")
    ('Новосёлка Першая', "Верхнекам'янское")
    """
    for russian, ukrainian in _UKRAINIAN_ROOTS.items():
        name = re.sub(russian, ukrainian, name)
    return name


class _Query:
    """A name to search for, with the normalized forms used in comparisons."""

    def __init__(self, name: str) -> None:
        self.folded = fold(name)
        self.key = phonetic_key(name)
        self.words = self.folded.split(" ")
        self.key_words = self.key.split(" ")
        self._name = name
        self.stems = ending_variants(self.key) if self.key else []
        # A word without a capital letter may be an ordinary word rather than a name.
        self.is_capitalized = any(sign.isupper() for sign in name) or name == name.upper()

    @cached_property
    def spelling(self) -> str:
        """The name as `normalize_spelling` returns it; few queries need it."""
        return normalize_spelling(self._name)

    def comparable_names(self, place: Place) -> tuple[str, ...]:
        """Return a place's names to compare: for a Cyrillic query, its Cyrillic names if any.

        Romanized names do not distinguish case endings, such as those of Харкові and Харкове.
        """
        names = (place.name, *place.names)
        if self.folded.isascii():
            return names
        return tuple(name for name in names if not fold(name).isascii()) or names


def _same_stem(query: _Query, indexes: Sequence[Index]) -> Iterator[Candidate]:
    """Yield the best match of each place that shares a stem with the query; its score may be 0."""
    seen = set()
    for key_stem in query.stems:
        for index in indexes:
            for place in index.by_stem(key_stem):
                if place.id not in seen:
                    seen.add(place.id)
                    names = query.comparable_names(place)
                    yield Candidate(place, *max(_compare(query, name) for name in names))


def _compare(query: _Query, name: str) -> tuple[float, str, str]:
    """Compare one name of a place with the query; return score, name and kind of match.

    The score is 0 if the name does not match.
    """
    folded, key, key_stem = _forms(name)
    if key_stem not in query.stems:
        return 0.0, name, ""
    words = folded.split(" ")
    is_comparable = not folded.isascii() and len(words) == len(query.words)
    # Before respelt names: у Дніпрі has the phonetic key of Дніпро, whose locative it is.
    if is_comparable and folded != query.folded and _is_inflected(query.words, words):
        return (_INFLECTED if query.is_capitalized else _GUESS), name, "inflected"
    if key == query.key:
        return _respelt_score(query, folded), name, "respelt"
    if not is_comparable:
        return 0.0, name, ""
    if len(query.key) >= _SHORTEST and all(
        form in _key_forms(word) for form, word in zip(query.key_words, words, strict=True)
    ):
        similarity = _similarity(query.spelling, normalize_spelling(folded))
        least = _SIMILAR_WORDS if len(words) > 1 else _SIMILAR_INFLECTED
        is_match = query.is_capitalized and similarity >= least
        return (_RESPELT_AND_INFLECTED if is_match else _GUESS), name, "respelt and inflected"
    return 0.0, name, ""


def _is_inflected(forms: list[str], words: list[str]) -> bool:
    """Return whether each form is a case form of the word in its place."""
    *first, last = zip(forms, words, strict=True)
    return last[0] in word_forms(last[1]) and all(
        form in word_forms(word) or form in short_adjective_forms(word) for form, word in first
    )


@lru_cache(maxsize=4096)
def _forms(name: str) -> tuple[str, str, str]:
    key = phonetic_key(name)
    return fold(name), key, stem(key)


@lru_cache(maxsize=1024)
def _key_forms(word: str) -> frozenset[str]:
    return frozenset(phonetic_key(form) for form in word_forms(word))


def _respelt_score(query: _Query, folded: str) -> float:
    """Return the score of a name that has the same phonetic key as the query."""
    similarity = _similarity(query.spelling, normalize_spelling(folded))
    if not query.is_capitalized or similarity < _SIMILAR or len(query.key) < _SHORTEST:
        is_same = similarity == 1 and query.is_capitalized
        return _GUESS if is_same else round(_GUESS * similarity, 2)
    return _RESPELT if folded.isascii() or query.folded.isascii() else _SAME_ALPHABET


def _similarity(first: str, second: str) -> float:
    """Return the share of letters that two names have in common, in order."""
    if first == second:
        return 1.0
    from difflib import SequenceMatcher

    return SequenceMatcher(None, first, second, autojunk=False).ratio()


def _misspelt(query: _Query, indexes: Sequence[Index]) -> Iterator[Candidate]:
    """Yield the places whose stems are at most two edits from the query's, nearest first."""
    stems = [key_stem for key_stem in query.stems[:3] if len(key_stem) >= _SHORTEST_STEM]
    if not stems:
        return
    from rapidfuzz import fuzz, process
    from rapidfuzz.distance import OSA

    for index in indexes:
        near: dict[str, None] = {}
        for key_stem in stems:
            cutoff = 1 if len(key_stem) < _SHORTEST else 2
            nearest = process.extract(
                key_stem, index.stems, scorer=OSA.distance, score_cutoff=cutoff, limit=_MAX_STEMS
            )
            near.update(dict.fromkeys(str(other) for other, _, _ in nearest))
        for other in near:
            for place in index.by_stem(other):
                name = next(n for n in (place.name, *place.names) if _forms(n)[2] == other)
                spelling = normalize_spelling(name)
                score = round(_GUESS * fuzz.ratio(query.spelling, spelling) / 100, 2)
                edits = OSA.distance(query.spelling, spelling)
                if query.is_capitalized and _is_tolerable(edits, len(spelling)):
                    score = round(_SAME_ALPHABET - 0.01 * max(edits, 1), 2)
                yield Candidate(place, score, name, "misspelt")


def _is_tolerable(edits: int, length: int) -> bool:
    """Return whether a name of this length counts as a match despite this number of edits."""
    return (edits <= 1 and length >= 9) or (edits == 2 and length >= 12)  # noqa: PLR2004
