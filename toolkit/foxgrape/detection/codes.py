"""Where the codes of a codebook stand in a column of texts.

Emoji are told by number, and never become a text of their own; words are looked for by automata
over the column, RE2's, which pass over a text as fast as it can be read.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foxgrape.detection.arrow_text import as_arrow, texts_at
from foxgrape.detection.emoji.scan import scan_emoji
from foxgrape.detection.emoji.trie import emoji_trie
from foxgrape.places import fold, normal_emoji
from foxgrape.places.normalize import word_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from foxgrape.detection.emoji.scan import EmojiSpans
    from foxgrape.places import Code

    Whole = npt.NDArray[np.int64]

__all__ = ["find_codes"]

#: Code points beyond are folded into none that a word is looked for by.
_FOLDED = range(0x20, 0x2200)
_WRITTEN = {"emoji", "word", "hashtag"}
#: What `fold` drops, and what it makes a space, as RE2 says it. Few of all marks may stand between
#: letters: with all of them an automaton of some words outgrows its memory, and is slow.
_MARKS = r"\x{300}-\x{36f}\x{fe0e}\x{fe0f}"
_DROPPED, _OTHER_MARKS = rf"[{_MARKS}'’ʼ‘`′ʹ]*", rf"[^\PM{_MARKS}]"
#: Words of one automaton, and their letters that it looks at.
_TOGETHER, _LONGEST = 50, 24
_JOINT = r"[\s\pZ\x1c-\x1f\x{85}\-‐‑‒–—_]"


def find_codes(column: Any, codes: Sequence[Code]) -> tuple[Whole, Whole]:
    """Return the rows in which codes stand, and which codes: emoji first, then words.

    Parameters
    ----------
    column
        Texts, as `scan_emoji` takes them.
    codes
        Those of kind ``emoji``, ``word`` and ``hashtag`` are looked for.

    Examples
    --------
    >>> from foxgrape.places import Codebook
    >>> codes = Codebook.default().codes
    >>> rows, found = code_hits(["🦊", "a bullfinch"], codes)
    >>> rows.tolist(), [codes[number].code for number in found]
    ([0, 1], ['🦊', 'bullfinch'])
    """
    by_key: dict[str, list[int]] = {}
    for number, code in enumerate(codes):
        if code.kind in _WRITTEN:
            by_key.setdefault(_key(code), []).append(number)
    column, keys = as_arrow(column), list(by_key)
    words = {_key(code) for code in codes if code.kind in {"word", "hashtag"}}
    found = [_emoji_in(scan_emoji(column), keys), *_words_in(column, words, keys)]
    row = np.concatenate([rows for rows, _ in found])
    key = np.concatenate([numbers for _, numbers in found])
    return _read(row, key, [by_key[each] for each in keys])


def _key(code: Code) -> str:
    return normal_emoji(fold(code.code))


def _read(row: Whole, key: Whole, readings: list[list[int]]) -> tuple[Whole, Whole]:
    """Return each hit once for each code of its key."""
    counts = np.array([len(each) for each in readings], np.int64)[key] if len(key) else key
    codes = [number for each in key.tolist() for number in readings[each]]
    return np.repeat(row, counts), np.array(codes, np.int64)


@cache
def _forms() -> tuple[dict[str, int], npt.NDArray[np.int64]]:
    """Return numbers of emoji without selectors and skin tones, and the number of each emoji."""
    number: dict[str, int] = {}
    signs = emoji_trie().signs.tolist()
    forms = [number.setdefault(normal_emoji(fold(sign)), len(number)) for sign in signs]
    return number, np.array(forms, np.int64)


def _emoji_in(spans: EmojiSpans, keys: list[str]) -> tuple[Whole, Whole]:
    """Return rows and keys of emoji; one within a sequence that is a code is not read alone."""
    number, form_of = _forms()
    form = form_of[spans.sign]
    alone = np.full(len(number), -1)
    sequences = []
    for position, key in enumerate(keys):
        if key in number:
            alone[number[key]] = position
        elif (parts := _parts(key)) is not None:
            sequences.append((parts, position))
    key_of = alone[form]
    # Longest first, so that 🍇🦊🍇 is not read as 🍇🦊.
    taken = np.zeros(len(spans), np.bool_)
    for parts, position in sorted(sequences, key=lambda each: -len(each[0])):
        for at in _beginnings(spans, form, parts).tolist():
            stretch = slice(at, at + len(parts))
            if not taken[stretch].any():
                taken[stretch] = True
                key_of[stretch] = -1
                key_of[at] = position
    hit = np.flatnonzero(key_of >= 0)
    return spans.row[hit], key_of[hit]


def _parts(key: str) -> list[int] | None:
    """Return the forms of which a sequence of emoji consists; None for what is none."""
    spans = scan_emoji([key])
    whole = "".join(spans.emoji.tolist()) == key
    return _forms()[1][spans.sign].tolist() if whole and len(spans) > 1 else None


def _beginnings(spans: EmojiSpans, form: Whole, parts: list[int]) -> Whole:
    """Return where spans begin that follow one another as a sequence does."""
    last = len(spans) - len(parts) + 1
    fits = np.ones(max(last, 0), np.bool_)
    for step, part in enumerate(parts if last > 0 else []):
        fits &= form[step : step + last] == part
        if step:
            before, here = slice(step - 1, step - 1 + last), slice(step, step + last)
            fits &= (spans.row[before] == spans.row[here]) & (
                spans.end[before] == spans.start[here]
            )
    return np.flatnonzero(fits)


def _words_in(column: Any, words: set[str], keys: list[str]) -> Iterable[tuple[Whole, Whole]]:
    """Return rows and keys of words, whole, in any case, with any apostrophes and hyphens."""
    pattern = word_pattern(words)
    if pattern is None:
        return
    position = {key: number for number, key in enumerate(keys)}
    rows = _candidates(column, words)
    hits = [
        (row, position[word])
        for row, text in zip(rows.tolist(), texts_at(column, rows), strict=True)
        for word in pattern.findall(fold(text))
    ]
    told = np.array(hits, np.int64).reshape(-1, 2)
    yield told[:, 0], told[:, 1]


def _candidates(column: Any, words: set[str]) -> Whole:
    """Return the rows that may hold a word: all that do, and few others."""
    if any(ord(sign) >= _FOLDED.stop for word in words for sign in word):
        return np.arange(len(column))
    if not pa.types.is_large_string(column.type) and not pa.types.is_string(column.type):
        column = column.cast(pa.large_string())
    several, spelt = _spellings()
    patterns = [
        "".join(f"{spelt.get(sign, re.escape(sign))}{_DROPPED}" for sign in word[:_LONGEST])
        for word in words
    ]
    found = np.zeros(len(column), np.bool_)
    for first in range(0, len(patterns), _TOGETHER):
        some = [*patterns[first : first + _TOGETHER], several, _OTHER_MARKS]
        told = pc.fill_null(pc.match_substring_regex(column, "|".join(some)), fill_value=False)
        found |= told.to_numpy(zero_copy_only=False)
    return np.flatnonzero(found)


@cache
def _spellings() -> tuple[str, dict[str, str]]:
    """Return what may stand for several letters, and for each letter what may stand for it."""
    stands: dict[str, str] = {}
    several = ""
    for point in _FOLDED:
        sign = chr(point)
        folded = fold(f"a{sign}a")[1:-1]
        if len(folded) > 1:
            several += sign
        elif folded and folded not in " #":
            stands[folded] = stands.get(folded, "") + sign
    # A letter of its own may be written as another and a mark.
    stands["й"] += "иИ"
    stands["ї"] += "іІ"
    spelt = {folded: f"[{re.escape(signs)}]" for folded, signs in stands.items()}
    return f"[{several}]", {**spelt, " ": f"{_JOINT}+", "#": "#"}
