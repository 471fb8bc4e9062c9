"""Suggest places that an undecoded emoji could mean, with the reason and chance level of each.

The words for an emoji come from Unicode's CLDR annotations in Ukrainian and Russian, from a table
of kinds (raisins are a kind of grape) and from the codebook's meanings. They are compared with the
beginnings of place names. A suggestion is a guess, not evidence.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache, lru_cache
from os import path

from foxgrape.errors import require_str
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
#: Weights of the words that link an emoji to a place: the emoji's name, its keywords, kinds of what
#: these name, and meanings in the codebook by grade.
_NAME, _KEYWORD, _KIND = 1.0, 0.9, 0.85
_MEANING = {"A": 0.9, "B": 0.85, "C": 0.6}
#: Maximum number of emoji that a word may describe; more general words (animal, face) are ignored.
_MAX_EMOJI = 12
#: Minimum length of a stem to compare, and minimum share of a name's root that it must cover.
_SHORTEST, _MIN_COVERAGE = 3, 0.6
_LARGE_CITY = 6.0  # log10 of a million people

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
        From 0 to 1, higher is better: the weight of the reason, the share of the name that it
        explains, and the size of the place. Not a probability.
    because
        The chain from emoji to name, with the source of each link.
    chance
        Average number of places that an unrelated emoji matches with this score or a better one:
        0.1 is a notable match, 3 an ordinary one.
    """

    place: Place
    score: float
    because: str
    chance: float


@dataclass(frozen=True, slots=True)
class _Hint:
    """A word that the emoji may stand for, its weight, and the chain from the emoji to it."""

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

    A suggestion is a starting point for research, not evidence. Check `because`, the
    reason for the match, and `chance`: the average number of places that an unrelated emoji would
    match at least as well.

    Parameters
    ----------
    emoji
        One emoji, in any form.
    country
        Only places of this country; ISO 3166-1 alpha-2.
    limit
        Maximum number of suggestions; None for all.
    codebook
        The meanings and the gazetteer to use; by default the packaged codebook with proposals.

    Returns
    -------
    list of Suggestion
        Empty if nothing matches.

    Examples
    --------
    >>> suggest("🦊")[0].place.name
    'Lysychansk'
    >>> izium = next(match for match in suggest("🍇", limit=3) if match.place.name == "Izium")
    >>> izium.because
    'изюм is a kind of виноград (Wiktionary), the name of 🍇 (CLDR, ru); the name Изюм'
    """
    codebook = Codebook.default(proposed=True) if codebook is None else codebook
    scores = _score_places(normal_emoji(require_str(emoji, "emoji").strip()), codebook)
    return [
        Suggestion(place, score, because, _chance(score))
        for score, place, because in scores
        if country is None or place.country == country
    ][:limit]


def _score_places(emoji: str, codebook: Codebook) -> list[tuple[float, Place, str]]:
    """Return the score, place and reason of each place that an emoji suggests, best first."""
    hints = list(_hints(emoji))
    best: dict[str, tuple[float, Place, str]] = {}

    def offer(place: Place, weight: float, because: str) -> None:
        size = math.log10(max(place.population, 10)) / _LARGE_CITY if place.population else 0.5
        score = round(weight * min(1.0, size), 3)
        if place.id not in best or score > best[place.id][0]:
            best[place.id] = (score, place, because)

    roots = _roots(codebook.gazetteer)
    for hint in hints:
        for place, name, coverage in roots.starting_with(hint.word):
            offer(place, hint.weight * coverage, f"{hint.chain}; the name {name}")
    by_word = {hint.word: hint for hint in reversed(hints)}
    for code in codebook:
        for word in sorted(_meanings(code) & by_word.keys()):
            source = code.source_title if code.basis != "proposed" else "unsourced reading"
            weight = _MEANING[code.confidence] * by_word[word].weight
            because = f"{by_word[word].chain}; {code.meaning} ({source})"
            offer(codebook.gazetteer[code.place_id], weight, because)
    return sorted(best.values(), key=lambda match: (-match[0], match[1].id))


def _meanings(code: Code) -> set[str]:
    words = re.split(r"[;,/\s]+", f"{code.meaning_uk} {code.meaning_ru}")
    return {fold(word) for word in words if len(word) >= _SHORTEST}


def _hints(emoji: str) -> Iterator[_Hint]:
    """Yield the words that an emoji may stand for; if a word is repeated, the best is first."""
    counts, kinds = _counts(), _kinds()
    direct = []
    for language, words in _annotations().get(emoji, {}).items():
        for rank, word in enumerate(words):
            count = counts[fold(word)]
            if " " in word or len(word) < _SHORTEST or count > _MAX_EMOJI:
                continue
            role = "a keyword" if rank else "the name"
            weight = (_KEYWORD if rank else _NAME) / count**0.25
            direct.append((word, weight, f"{role} of {emoji} (CLDR, {language})", language))
    for word, weight, chain, _ in direct:
        yield _Hint(fold(word), weight, f"{word}, {chain}")
    for word, weight, chain, language in direct:
        # The table of kinds has Russian words only.
        for kind in kinds.get(fold(word), ()) if language == "ru" else ():
            yield _Hint(kind, _KIND * weight, f"{kind} is a kind of {word} (Wiktionary), {chain}")


class _Roots:
    """Sorted roots of the names of populated places, searchable by prefix."""

    def __init__(self, places: Iterable[Place]) -> None:
        roots = set()
        self._places: dict[str, Place] = {}
        for place in places:
            names = [*place.names_in("uk")[:1], *place.names_in("ru")]
            self._places[place.id] = place
            for name in names:
                words = fold(name).split(" ")
                for word in words:
                    root = _SUFFIX.sub("", word)
                    if len(root) >= _SHORTEST:
                        roots.add((root, 1 / len(words) ** 0.5, place.id, name))
        self._sorted = sorted(roots)

    def starting_with(self, word: str) -> Iterator[tuple[Place, str, float]]:
        """Yield places whose name begins with a stem of `word`: the place, the name, and a score.

        The score is the share of the name's root that the stem covers, less for names of several
        words.
        """
        for stem in _stems(word):
            first = bisect_left(self._sorted, (stem,))
            last = bisect_right(self._sorted, (f"{stem}\uffff",))
            for root, share, place_id, name in self._sorted[first:last]:
                coverage = len(stem) / len(root)
                if coverage >= _MIN_COVERAGE:
                    yield self._places[place_id], name, coverage * share


def _stems(word: str) -> list[str]:
    """Return the forms that a word's stem has in names: вовк- and вовч- for вовк."""
    bare = _WORD_END.sub("", word)
    stems = [bare]
    if len(bare) > _SHORTEST:
        last, before = bare[-1], bare[-2]
        if before == "і":
            stems += [bare[:-2] + vowel + last for vowel in "ое"]
        if before in "ое":
            stems.append(bare[:-2] + last)
    stems += [stem[:-1] + _SOFTENED[stem[-1]] for stem in stems if stem[-1:] in _SOFTENED]
    return [stem for stem in dict.fromkeys(stems) if len(stem) >= _SHORTEST]


@lru_cache(maxsize=4)
def _roots(gazetteer: Gazetteer) -> _Roots:
    return _Roots(gazetteer.populated_places())


def _chance(score: float) -> float:
    """Return how many places an unrelated emoji matches at this score or better, on average."""
    # chance.txt has one line per hundredth of the score, from 0. Round the score to thousandths
    # first, since a float may be slightly below its decimal value: 0.29 * 100 < 29.
    return _chances()[min(round(score * 1000) // 10, 100)]


@cache
def _chances() -> list[float]:
    return [float(line) for line in _lines("chance.txt")]


@cache
def _annotations() -> dict[str, dict[str, list[str]]]:
    """Return the name and the keywords of each emoji by language."""
    annotations = {}
    for line in _lines("annotations.txt"):
        emoji, _, uk, ru = line.split("\t")
        annotations[emoji] = {"uk": uk.split("|"), "ru": ru.split("|")}
    return annotations


@cache
def _counts() -> dict[str, int]:
    """Return, for each word, the number of emoji that have it as a name or keyword."""
    counts: dict[str, int] = {}
    for by_language in _annotations().values():
        for word in {fold(word) for words in by_language.values() for word in words}:
            counts[word] = counts.get(word, 0) + 1
    return counts


@cache
def _kinds() -> dict[str, list[str]]:
    """Map each Russian word to the words for its kinds, such as grapes to raisins."""
    kinds = {}
    for line in _lines("kinds.txt"):
        word, words = line.split("\t")
        kinds[word] = words.split("|")
    return kinds


def _lines(name: str) -> list[str]:
    with open(path.join(_RESOURCES, name), encoding="utf-8") as file:  # noqa: PTH118, PTH123
        return file.read().splitlines()
