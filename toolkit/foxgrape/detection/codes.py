"""Find the codes of a codebook in a column of texts.

Emoji are compared by number and never become strings. For words, regular expressions (RE2) select
the few rows of the column that may contain one; these are then checked word by word.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foxgrape.detection.arrow_text import as_arrow, texts_at
from foxgrape.detection.emoji.scan import scan_emoji
from foxgrape.detection.emoji.trie import emoji_trie
from foxgrape.places import fold, normal_emoji
from foxgrape.places.normalize import find_words, word_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from foxgrape._util.typing import IntArray, ObjectArray
    from foxgrape.detection.emoji.scan import EmojiSpans
    from foxgrape.places import Code


__all__ = ["Hits", "expand_keys", "find_codes", "repeat_counts"]

_SEARCHED_KINDS = {"emoji", "word", "hashtag"}
#: Code points that are tried as spellings of a letter. If any word has a letter beyond this range,
#: all texts are checked word by word.
_FOLDED = range(0x20, 0x2200)
#: Characters that `fold` drops or turns into a space, as RE2 patterns. Only common combining marks
#: are matched between letters, because with all marks the automaton exceeds RE2's memory limit.
_MARKS = r"\x{300}-\x{36f}\x{fe0e}\x{fe0f}"
_INVISIBLE = r"\x{ad}\x{200b}-\x{200f}\x{2060}\x{feff}"
_DROPPED = rf"[{_MARKS}{_INVISIBLE}'’ʼ‘`′ʹ´ʻ＇*\"“”]*"
_OTHER_MARKS = rf"[^\PM{_MARKS}]"
_SEPARATOR = r"[\s\pZ\x1c-\x1f\x{85}\-‐‑‒–—_]"
#: Maximum number of words in one pattern, and of leading letters of each word that it matches.
_WORDS_PER_PATTERN, _PREFIX_LENGTH = 50, 24


class Hits(NamedTuple):
    """Codes found in texts: arrays of equal length.

    Attributes
    ----------
    row
        Position of the text in the column.
    code
        Position of the code in the codebook; numbers beyond the codebook's end are place names that
        are not codes.
    start, end
        Span in code points.
    matched
        The text of this span.
    """

    row: IntArray
    code: IntArray
    start: IntArray
    end: IntArray
    matched: ObjectArray

    def take(self, index: npt.NDArray[Any]) -> Hits:
        """Return the hits at these positions, or where a mask is true."""
        return Hits(*(values[index] for values in self))

    def append(self, other: Hits) -> Hits:
        """Return these hits followed by those of `other`."""
        return Hits(*(np.append(*pair) for pair in zip(self, other, strict=True)))


def find_codes(column: Any, codes: Sequence[Code]) -> Hits:
    """Return the codes in each text: emoji first, then words.

    Parameters
    ----------
    column
        Texts in any form that `scan_emoji` accepts.
    codes
        The codebook's codes; only kinds ``emoji``, ``word`` and ``hashtag`` are searched for.

    Examples
    --------
    >>> from foxgrape.places import Codebook
    >>> codes = Codebook.default().codes
    >>> hits = find_codes(["🦊", "a bullfinch"], codes)
    >>> hits.row.tolist(), [codes[number].code for number in hits.code]
    ([0, 1], ['🦊', 'bullfinch'])
    """
    numbers_by_key: dict[str, list[int]] = {}
    for number, code in enumerate(codes):
        if code.kind in _SEARCHED_KINDS:
            numbers_by_key.setdefault(_key(code), []).append(number)
    column, keys = as_arrow(column), list(numbers_by_key)
    words = {_key(code) for code in codes if code.kind in {"word", "hashtag"}}
    by_key = _find_emoji(scan_emoji(column), keys).append(_find_words(column, words, keys))
    return expand_keys(by_key, list(numbers_by_key.values()))


def _key(code: Code) -> str:
    return normal_emoji(fold(code.code))


def expand_keys(by_key: Hits, numbers: list[list[int]]) -> Hits:
    """Replace each hit of a key by one hit for every code that has this key."""
    counts = np.array([len(codes) for codes in numbers], np.int64)
    first = np.cumsum(counts) - counts
    codes = np.array([code for some in numbers for code in some], np.int64)
    position, at = repeat_counts(first[by_key.code], counts[by_key.code])
    return by_key.take(at)._replace(code=codes[position])


def repeat_counts(first: IntArray, counts: IntArray) -> tuple[IntArray, IntArray]:
    """Return for each count the numbers from `first` on, and the position of the count.

    Examples
    --------
    >>> [array.tolist() for array in repeat_counts(np.array([5, 0, 7]), np.array([2, 0, 3]))]
    [[5, 6, 7, 8, 9], [0, 0, 2, 2, 2]]
    """
    position = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
    return first[position] + within, position


@cache
def _normal_forms() -> tuple[dict[str, int], IntArray]:
    """Return the number of each normal form, and the number of each emoji's normal form.

    A normal form is an emoji without variation selectors and skin tones.
    """
    numbers: dict[str, int] = {}
    emoji = emoji_trie().emoji.tolist()
    forms = [numbers.setdefault(normal_emoji(fold(text)), len(numbers)) for text in emoji]
    return numbers, np.array(forms, np.int64)


def _find_emoji(spans: EmojiSpans, keys: list[str]) -> Hits:
    """Return the hits of keys that are emoji, except emoji within a sequence that is also a key."""
    numbers, form_of = _normal_forms()
    form, all_emoji = form_of[spans.emoji_id], emoji_trie().emoji
    single = np.full(len(numbers), -1)
    sequences = []
    for position, key in enumerate(keys):
        if key in numbers:
            single[numbers[key]] = position
        elif (parts := _sequence_parts(key)) is not None:
            sequences.append((parts, position))
    key_of = single[form]
    # Longest first, so that 🍇🦊🍇 is not read as 🍇🦊.
    taken = np.zeros(len(spans), np.bool_)
    end = spans.end.copy()
    joined: dict[int, str] = {}
    for parts, position in sorted(sequences, key=lambda sequence: -len(sequence[0])):
        for at in _find_sequence(spans, form, parts).tolist():
            covered = slice(at, at + len(parts))
            if not taken[covered].any():
                taken[covered] = True
                key_of[covered] = -1
                key_of[at] = position
                end[at] = spans.end[covered][-1]
                joined[at] = "".join(all_emoji[spans.emoji_id[covered]])
    hit = np.flatnonzero(key_of >= 0)
    matched = all_emoji[spans.emoji_id[hit]].astype(np.object_)
    matched[np.searchsorted(hit, list(joined))] = list(joined.values())
    return Hits(spans.row[hit], key_of[hit], spans.start[hit], end[hit], matched)


def _sequence_parts(key: str) -> list[int] | None:
    """Return the normal forms of a key that consists of several emoji; None for any other key."""
    spans = scan_emoji([key])
    only_emoji = "".join(spans.emoji.tolist()) == key
    return _normal_forms()[1][spans.emoji_id].tolist() if only_emoji and len(spans) > 1 else None


def _find_sequence(spans: EmojiSpans, form: IntArray, parts: list[int]) -> IntArray:
    """Return the positions of the spans at which the adjacent emoji `parts` begin."""
    last = len(spans) - len(parts) + 1
    matches = np.ones(max(last, 0), np.bool_)
    for step, part in enumerate(parts if last > 0 else []):
        matches &= form[step : step + last] == part
        if step:
            before, here = slice(step - 1, step - 1 + last), slice(step, step + last)
            matches &= spans.row[before] == spans.row[here]
            matches &= spans.end[before] == spans.start[here]
    return np.flatnonzero(matches)


def _find_words(column: Any, words: set[str], keys: list[str]) -> Hits:
    """Return the hits of keys that are complete words in the folded texts."""
    pattern = word_pattern(words)
    hits: list[tuple[int, int, int, int]] = []
    matched: list[str] = []
    if pattern is not None:
        position = {key: number for number, key in enumerate(keys)}
        rows = _candidate_rows(column, words)
        for row, text in zip(rows.tolist(), texts_at(column, rows), strict=True):
            for word, start, end in find_words(pattern, text):
                hits.append((row, position[word], start, end))
                matched.append(text[start:end])
    row, code, start_of, end_of = np.array(hits, np.int64).reshape(-1, 4).T
    return Hits(row, code, start_of, end_of, np.array(matched, np.object_))


def _candidate_rows(column: Any, words: set[str]) -> IntArray:
    """Return all rows that contain a word, and a few that do not."""
    if any(ord(letter) >= _FOLDED.stop for word in words for letter in word):
        return np.arange(len(column))
    if not pa.types.is_large_string(column.type) and not pa.types.is_string(column.type):
        column = column.cast(pa.large_string())
    expanding, spellings = _spellings()
    patterns = [
        "".join(
            f"{spellings.get(letter, re.escape(letter))}{_DROPPED}"
            for letter in word[:_PREFIX_LENGTH]
        )
        for word in words
    ]
    candidate = np.zeros(len(column), np.bool_)
    for first in range(0, len(patterns), _WORDS_PER_PATTERN):
        group = [*patterns[first : first + _WORDS_PER_PATTERN], expanding, _OTHER_MARKS]
        matches = pc.match_substring_regex(column, "|".join(group))
        candidate |= pc.fill_null(matches, fill_value=False).to_numpy(zero_copy_only=False)
    return np.flatnonzero(candidate)


@cache
def _spellings() -> tuple[str, dict[str, str]]:
    """Return a pattern of the characters that fold to several letters, and a pattern per letter."""
    classes: dict[str, str] = {}
    expanding = ""
    for point in _FOLDED:
        character = chr(point)
        folded = fold(f"a{character}a")[1:-1]
        if len(folded) > 1:
            expanding += character
        elif folded and folded not in " #":
            classes[folded] = classes.get(folded, "") + character
    # These letters may also be written as a base letter and a combining mark.
    classes["й"] += "иИ"
    classes["ї"] += "іІ"
    spellings = {letter: f"[{re.escape(characters)}]" for letter, characters in classes.items()}
    return f"[{expanding}]", {**spellings, " ": f"{_SEPARATOR}+", "#": "#"}
