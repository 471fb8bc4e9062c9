"""Which places could an undecoded emoji mean? Ranked guesses, each with its reason and its chance.

What an emoji shows is taken from Unicode's CLDR annotations in Ukrainian and Russian, from the
meanings in the codebook, and from a table of kinds (raisins are a kind of grape). What a place is
called after is guessed from the beginning of its name. A guess is no evidence.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache, lru_cache
from os import path

from foxgrape.places.codebook import Codebook
from foxgrape.places.normalize import fold, normal_emoji

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from foxgrape.places.codebook import Code
    from foxgrape.places.gazetteer import Gazetteer
    from foxgrape.places.place import Place

__all__ = ["Suggestion", "suggest"]

_RESOURCES = path.join(path.dirname(__file__), "resources")  # noqa: PTH118, PTH120
#: How far a reason carries: what the emoji is called, a keyword of it, a kind of either, and what
#: the codebook says that the place means, by a source or by nobody's.
_CALLED, _KEYWORD, _KIND = 1.0, 0.9, 0.85
_MEANING = {"A": 0.9, "B": 0.85, "C": 0.6}
#: A keyword of more emoji than this says nothing: animal, face, food.
_COMMON = 12
_SHORTEST, _COVERED = 3, 0.6
_CITY = 6.0  # log10 of a million people

_SUFFIX = re.compile(
    r"(?:(?:[аяеиіо]н)?[цс]ь?к(?:ий|ій|а|ая|е|ое|і|ие)?|(?:[іїоеє]в|[иы]н)?[кц][аиіы]"
    r"|[іїоеє]в(?:е|о|а|ий|ой|ая|ое)?|[иіы]н(?:е|о|а|ець|ец)?|н(?:е|а|ий|ое|ая|ый|і)"
    r"|[еє]ць|ец|ий|ый|ая|ое|ь|[аяеоиіїы])$"
)
_WORD_END = re.compile("(?:ий|ый|ая|ое|ь|[аяеоиіїы])$")
_SOFTENED = {"к": "ч", "г": "ж", "х": "ш", "ц": "ч"}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A place that an emoji could mean.

    Attributes
    ----------
    place
        The place.
    score
        Between 0 and 1, higher is better: how far the reason carries, how much of the name it
        explains, how well known the place is. No probability.
    because
        The chain from emoji to name, with where each link is from.
    chance
        How many places an unrelated emoji matches as well, on average, at this score or better:
        0.1 is telling, 3 is a look-alike.
    """

    place: Place
    score: float
    because: str
    chance: float


@dataclass(frozen=True, slots=True)
class _Hint:
    """A word that the emoji may stand for, how far it carries, and how it was reached."""

    word: str
    weight: float
    chain: str


def suggest(
    emoji: str,
    *,
    country: str | None = None,
    limit: int | None = 10,
    codebook: Codebook | None = None,
) -> list[Suggestion]:
    """Suggest which places an undecoded emoji could mean, best first.

    A suggestion is where to begin looking for evidence, and none itself: read `because`, and
    `chance`, the number of places that an emoji with nothing to do with any of them matches as
    well.

    Parameters
    ----------
    emoji
        One emoji, in any form.
    country
        ISO 3166-1 alpha-2 code to stay within.
    limit
        At most so many; None for all.
    codebook
        Whose meanings to use, and whose gazetteer; by default the packaged one with its proposals.

    Returns
    -------
    list of Suggestion
        Empty where nothing matches.

    Examples
    --------
    >>> suggest("🦊")[0].place.name
    'Lysychansk'
    >>> izium = next(found for found in suggest("🍇", limit=3) if found.place.name == "Izium")
    >>> izium.because
    'изюм is a kind of виноград (Wiktionary), what 🍇 is called (CLDR, ru); the name Изюм'
    """
    codebook = Codebook.default(proposed=True) if codebook is None else codebook
    found = _scored(normal_emoji(emoji.strip()), codebook)
    chosen = [each for each in found if country is None or each[1].country == country][:limit]
    return [
        Suggestion(place, score, because, _chance_of(score)) for score, place, because in chosen
    ]


def _scored(emoji: str, codebook: Codebook) -> list[tuple[float, Place, str]]:
    """Return what an emoji suggests: score, place and reason, best first."""
    hints = list(_hints(emoji))
    best: dict[str, tuple[float, Place, str]] = {}

    def offer(place: Place, carried: float, because: str) -> None:
        known = 0.5 if not place.population else math.log10(max(place.population, 10)) / _CITY
        score = round(carried * min(1.0, known), 3)
        if place.id not in best or score > best[place.id][0]:
            best[place.id] = (score, place, because)

    roots = _roots(codebook.gazetteer)
    for hint in hints:
        for place, name, covered in roots.beginning(hint.word):
            offer(place, hint.weight * covered, f"{hint.chain}; the name {name}")
    words = {hint.word: hint for hint in reversed(hints)}
    for code in codebook:
        for word in _meant(code):
            if word in words:
                source = code.source_title if code.basis != "proposed" else "unsourced reading"
                carried = _MEANING[code.confidence] * words[word].weight
                told = f"{words[word].chain}; {code.meaning} ({source})"
                offer(codebook.gazetteer[code.place_id], carried, told)
    return sorted(best.values(), key=lambda each: (-each[0], each[1].id))


def _meant(code: Code) -> set[str]:
    words = re.split(r"[;,/\s]+", f"{code.meaning_uk} {code.meaning_ru}")
    return {fold(word) for word in words if len(word) >= _SHORTEST}


def _hints(emoji: str) -> Iterator[_Hint]:
    """Yield the words that an emoji may stand for, the best first for each."""
    annotations = _annotations()
    counts, kinds = _counts(), _kinds()
    direct = []
    for language, words in annotations.get(emoji, {}).items():
        for place, word in enumerate(words):
            seen = counts[fold(word)]
            if " " in word or len(word) < _SHORTEST or seen > _COMMON:
                continue
            called = "what" if place == 0 else "a keyword of what"
            weight = (_KEYWORD if place else _CALLED) / seen**0.25
            chain = f"{called} {emoji} is called (CLDR, {language})"
            direct.append((word, weight, chain, language))
    for word, weight, chain, _ in direct:
        yield _Hint(fold(word), weight, f"{word}, {chain}")
    for word, weight, chain, language in direct:
        # The table of kinds is Russian.
        for kind in kinds.get(fold(word), ()) if language == "ru" else ():
            yield _Hint(kind, _KIND * weight, f"{kind} is a kind of {word} (Wiktionary), {chain}")


class _Roots:
    """What the names of inhabited places begin with, sorted."""

    def __init__(self, places: Iterable[Place]) -> None:
        found = set()
        self._places: dict[str, Place] = {}
        for place in places:
            names = [*place.names_in("uk")[:1], *place.names_in("ru")]
            self._places[place.id] = place
            for name in names:
                words = fold(name).split(" ")
                for word in words:
                    root = _SUFFIX.sub("", word)
                    if len(root) >= _SHORTEST:
                        found.add((root, 1 / len(words) ** 0.5, place.id, name))
        self._sorted = sorted(found)

    def beginning(self, word: str) -> Iterator[tuple[Place, str, float]]:
        """Yield the places whose name begins with a word's stem, and the share it explains."""
        for stem in _stems(word):
            first = bisect_left(self._sorted, (stem,))
            last = bisect_right(self._sorted, (f"{stem}\uffff",))
            for root, share, place_id, name in self._sorted[first:last]:
                covered = len(stem) / len(root)
                if covered >= _COVERED:
                    yield self._places[place_id], name, covered * share


def _stems(word: str) -> list[str]:
    """Return the stems of a word as names continue them: вовк, вовч; лебідь, лебед."""
    bare = _WORD_END.sub("", word)
    found = [bare]
    if len(bare) > _SHORTEST:
        last, before = bare[-1], bare[-2]
        if before == "і":
            found += [bare[:-2] + vowel + last for vowel in "ое"]
        if before in "ое":
            found.append(bare[:-2] + last)
    found += [stem[:-1] + _SOFTENED[stem[-1]] for stem in found if stem[-1:] in _SOFTENED]
    return [stem for stem in dict.fromkeys(found) if len(stem) >= _SHORTEST]


@lru_cache(maxsize=4)
def _roots(gazetteer: Gazetteer) -> _Roots:
    return _Roots(gazetteer.inhabited())


def _chance_of(score: float) -> float:
    """Return how many places an unrelated emoji matches at this score or better, on average."""
    # chance.txt: that number for each hundredth, from 0; scores have thousandths, which as floats
    # may lie a little below what they are.
    return _chances()[min(round(score * 1000) // 10, 100)]


@cache
def _chances() -> list[float]:
    return [float(line) for line in _lines("chance.txt")]


@cache
def _annotations() -> dict[str, dict[str, list[str]]]:
    """Return, for an emoji and a language, what it is called and its keywords."""
    found = {}
    for line in _lines("annotations.txt"):
        emoji, _, uk, ru = line.split("\t")
        found[emoji] = {"uk": uk.split("|"), "ru": ru.split("|")}
    return found


@cache
def _counts() -> dict[str, int]:
    """Return of how many emoji a word is a keyword, in either language."""
    counts: dict[str, int] = {}
    for by_language in _annotations().values():
        for word in {fold(word) for words in by_language.values() for word in words}:
            counts[word] = counts.get(word, 0) + 1
    return counts


@cache
def _kinds() -> dict[str, list[str]]:
    """Return the kinds of what a word names: raisins, of grapes."""
    found = {}
    for line in _lines("kinds.txt"):
        word, kinds = line.split("\t")
        found[word] = kinds.split("|")
    return found


def _lines(name: str) -> list[str]:
    with open(path.join(_RESOURCES, name), encoding="utf-8") as file:  # noqa: PTH118, PTH123
        return file.read().splitlines()
