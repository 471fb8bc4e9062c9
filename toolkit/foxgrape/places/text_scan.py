"""Find every code and every place name in a text, with its span, in pure Python."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from foxgrape.places.codebook import Codebook
from foxgrape.places.mention_context import folded
from foxgrape.places.mentions import find_mentions
from foxgrape.places.normalize import find_words, fold, normal_emoji, word_pattern
from foxgrape.places.place import parse_day

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from foxgrape.places.mentions import Mention
    from foxgrape.places.place import Code, Place

__all__ = ["Reference", "scan"]

_FLAG_LETTERS = re.compile("[\U0001f1e6-\U0001f1ff]+")
#: A character that belongs to no emoji.
_NO_EMOJI = "\ue000"


@dataclass(frozen=True, slots=True)
class Reference:
    """A code or a place name in a text, and the places that it stands for.

    Attributes
    ----------
    start, end
        Span in code points: ``text[start:end]`` is `matched`.
    matched
        The code or name as it is written in the text.
    kind
        ``emoji``, ``word``, ``hashtag``, or ``mention`` for a name.
    places
        The places that the code stands for, or that the name may mean.
    codes
        The readings of the code, one for each place; empty for a name that is no code.
    confidence
        The best grade of the codes, C for a proposal; for a name, A if it means only one town, is
        well known and its context confirms that it is a place, B without such a context, otherwise
        C.
    """

    start: int
    end: int
    matched: str
    kind: str
    places: tuple[Place, ...]
    codes: tuple[Code, ...]
    confidence: str


def scan(
    text: str,
    *,
    codebook: Codebook | None = None,
    mentions: bool = True,
    at: date | str | None = None,
) -> list[Reference]:
    """Find the codes and the place names in a text, in reading order.

    The rules are those of `foxgrape.detect`, which reads tables of posts. Here every occurrence
    counts, not only the first.

    Parameters
    ----------
    text
        Any text.
    codebook
        By default the packaged one; its gazetteer is where names are looked up.
    mentions
        Also find places called by name.
    at
        Only codes valid on this day or at this instant; a date, a datetime or ISO 8601 text.

    Returns
    -------
    list of Reference
        Empty if there are none.

    Raises
    ------
    ValueError
        If `at` is text that is not ISO 8601.

    Examples
    --------
    >>> for reference in scan("🍇 soon! Бої під Лисичанськом"):
    ...     print(reference.start, reference.matched, reference.places[0].name)
    0 🍇 Izium
    16 Лисичанськом Lysychansk
    """
    codebook = Codebook.default() if codebook is None else codebook
    when = parse_day(at) if isinstance(at, str) else at
    codes = [code for code in codebook if when is None or code.valid_at(when)]
    emoji = _by_key(code for code in codes if code.kind == "emoji")
    words = _by_key(code for code in codes if code.kind in {"word", "hashtag"})
    # A key may be both: an emoji in a codebook of words is still found as an emoji.
    either = {key: [*emoji.get(key, []), *words.get(key, [])] for key in {**emoji, **words}}
    spans = {*_find_emoji(text, either), *_find_words(text, words)}
    references = [_of_codes(text, start, end, either[key], codebook) for key, start, end in spans]
    if mentions:
        names = _by_key(code for code in codes if code.kind == "mention")
        references += [
            _of_name(text, mention, names, codebook)
            for mention in find_mentions(text, codebook.gazetteer)
        ]
    return sorted(references, key=lambda reference: (reference.start, reference.end))


def _by_key(codes: Iterable[Code]) -> dict[str, list[Code]]:
    by_key: dict[str, list[Code]] = {}
    for code in codes:
        by_key.setdefault(normal_emoji(fold(code.code)), []).append(code)
    return by_key


def _find_words(text: str, words: dict[str, list[Code]]) -> Iterator[tuple[str, int, int]]:
    pattern = _pattern(tuple(words))
    return find_words(pattern, text) if pattern else iter(())


_pattern = lru_cache(maxsize=64)(word_pattern)


def _find_emoji(text: str, keys: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    """Yield the keys that are emoji or sequences of emoji, except emoji in a longer sequence."""
    if text.isascii():
        return
    spans = _emoji_spans(text)
    forms = [normal_emoji(fold(text[start:end])) for start, end in spans]
    taken = [False] * len(spans)
    for key in sorted(keys, key=len, reverse=True):
        parts = _emoji_in_key(key)
        for first in range(len(spans) - len(parts) + 1 if parts else 0):
            covered = slice(first, first + len(parts))
            if forms[covered] != parts or any(taken[covered]) or not _are_adjacent(spans[covered]):
                continue
            taken[covered] = [True] * len(parts)
            yield key, spans[first][0], spans[covered][-1][1]


@lru_cache(maxsize=4096)
def _emoji_in_key(key: str) -> list[str]:
    """Return the emoji of a key that consists of emoji only; none for any other key."""
    parts = [normal_emoji(fold(key[start:end])) for start, end in _emoji_spans(key)]
    return parts if "".join(parts) == key else []


def _are_adjacent(spans: list[tuple[int, int]]) -> bool:
    return all(before[1] == after[0] for before, after in pairwise(spans))


def _emoji_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of emoji as `foxgrape.scan_emoji` does: flag letters pair from the left."""
    from emoji import EMOJI_DATA, emoji_list

    spans = [
        (start, start + 2)
        for run in _FLAG_LETTERS.finditer(text)
        for start in range(run.start(), run.end() - 1, 2)
        if text[start : start + 2] in EMOJI_DATA
    ]
    masked = _FLAG_LETTERS.sub(lambda run: _NO_EMOJI * len(run[0]), text)
    spans += [(int(span["match_start"]), int(span["match_end"])) for span in emoji_list(masked)]
    return sorted(spans)


def _of_codes(text: str, start: int, end: int, codes: list[Code], book: Codebook) -> Reference:
    confidence = min(code.signal_confidence for code in codes)
    places = tuple(dict.fromkeys(book.gazetteer[code.place_id] for code in codes))
    kind = codes[0].kind
    return Reference(start, end, text[start:end], kind, places, tuple(codes), confidence)


def _of_name(
    text: str, mention: Mention, names: dict[str, list[Code]], book: Codebook
) -> Reference:
    start, end = mention.start, mention.end
    spellings = sorted({folded(text[start:end]), folded(mention.matched)} & names.keys())
    if spellings:
        codes = [code for spelling in spellings for code in names[spelling]]
        return _of_codes(text, start, end, codes, book)
    places, confidence = mention.places, mention.confidence
    return Reference(start, end, text[start:end], "mention", places, (), confidence)
