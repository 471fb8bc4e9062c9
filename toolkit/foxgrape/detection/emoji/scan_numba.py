# ruff: noqa: PLR2004 - what bytes mean is told by RFC 3629, not by names of ours
"""The hot loop: from the UTF-8 of a column of texts to spans of emoji.

Bytes that begin no letter of any emoji are passed over, eight at a time, whatever text they are of;
code points are counted only in texts in which an emoji is found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foxgrape._util.jit import njit_callable, njit_without_refcounts
from foxgrape.detection.emoji import trie, trie_walk
from foxgrape.detection.emoji.trie import DASHES, ROOT, WIDE
from foxgrape.detection.emoji.trie_walk import (
    BEGIN,
    LENGTH,
    TOKEN,
    ZWJ,
    first_node,
    letter_of,
    longest_match,
    rescan_like_reference,
)
from foxgrape.detection.emoji.utf8 import decode
from foxgrape.detection.emoji.utf8_numba import count_code_points

if TYPE_CHECKING:
    import numpy.typing as npt

    Walk = npt.NDArray[np.int32]
    Bytes = npt.NDArray[np.uint8]
    Words = npt.NDArray[np.uint64]
    Whole = npt.NDArray[np.int64]
    Spans = npt.NDArray[np.int32]
    Paper = npt.NDArray[np.uint64]
    Scratch = npt.NDArray[np.int64]
    Truths = npt.NDArray[np.bool_]

__all__ = ["BLOCK", "scan_with_numba"]

_HIGH = np.uint64(0x8080808080808080)
_LOW = np.uint64(0x0101010101010101)
#: Words that are looked at together; what is written down of them, and its longest.
BLOCK = 512
PLACES, WORDS, HITS = range(3)
_ALL, _NONE = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0)
_REST = np.uint64(0x7F7F7F7F7F7F7F7F)
_8, _13, _14 = np.uint64(8), np.uint64(13), np.uint64(14)
_ONE, _TWO, _THREE, _TOP_BYTE = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(56)

njit_callable(trie.slot, trie_walk)


@njit_without_refcounts
def _hits(word: np.uint64, wide: np.uint64, plain: np.uint64) -> np.uint64:
    """Mark the bytes, by their highest bits, that begin three bytes, or two beyond Cyrillic.

    Those are 111..... and 1100....; with all bits of `wide` set also 1101..... With all bits of
    `plain` set, none that 10000000 and 1001.... or 1010.... follow within the word: dashes and
    quotation marks stand in most texts.
    """
    hits = word & (word << _ONE) & ((word << _TWO) | ~(word << _THREE) | wide) & _HIGH
    after = (word >> _8) ^ _HIGH
    dash = ~((after & _REST) + _REST | after) & (word >> _14 ^ word >> _13)
    return hits & ~(dash & plain)


@njit_without_refcounts
def _marked(walk: Walk, data: Bytes, words: Words, i: int, until: int, paper: Paper) -> int:
    """Write down where in a block of words a letter beyond ASCII may begin; return how many.

    `paper` holds places, hit words and hits; numbers without a sign keep an index from being
    checked for one, so that several words are looked at at once.
    """
    wide = _ALL if walk[WIDE] else _NONE
    plain = _NONE if walk[DASHES] else _ALL
    first, size = np.uint64(i), np.uint64(max(min(until, len(words)) - i, 0))
    k = _NONE
    while k < size:
        paper[HITS, k] = _hits(words[first + k], wide, plain)
        k += _ONE
    some = k = _NONE
    while k < size:
        paper[WORDS, some] = k
        some += np.uint64(paper[HITS, k] != _NONE)
        k += _ONE
    n = j = _NONE
    while j < some:
        k = paper[WORDS, j]
        j += _ONE
        hits = paper[HITS, k]
        while hits:
            lowest = hits & (~hits + _ONE)
            byte = (((lowest - _ONE) & _LOW) * _LOW) >> _TOP_BYTE
            paper[PLACES, n] = ((first + k) << _THREE) + byte - _ONE
            n += _ONE
            hits ^= lowest
    if until > len(words):
        for at in range(max(i, len(words)) << 3, len(data)):
            paper[PLACES, n] = at
            n += _ONE
    return np.int64(n)  # type: ignore[return-value]


@njit_without_refcounts
def _base(walk: Walk, byte: int) -> bool:
    """Tell whether a byte is a sign of ASCII that begins an emoji, as a digit does a keycap."""
    return byte < 0x80 and first_node(walk, letter_of(walk, byte)) != 0


@njit_without_refcounts
def _emoji_at(
    walk: Walk, data: Bytes, letter: int, at: int, after: int, done: int, stop: int
) -> tuple[int, int, int, int]:
    """Return begin, end, code points and emoji, or -1, of what begins at a letter or before it.

    Where nothing begins, it ends where it begins.
    """
    if letter <= walk[ROOT]:
        end, count, sign = longest_match(walk, data, letter, after, stop)
        return at, end, count, sign
    if at > done and _base(walk, int(data[at - 1])):
        end, count, sign = longest_match(walk, data, letter_of(walk, int(data[at - 1])), at, stop)
        if sign >= 0:
            return at - 1, end, count, sign
    return at, at, 0, -1


@njit_without_refcounts
def _span(spans: Spans, n: int, row: int, start: int, end: int, sign: int) -> int:
    """Put a span down, if there is room, and count it."""
    if n < spans.shape[1]:
        spans[0, n], spans[1, n], spans[2, n], spans[3, n] = row, start, end, sign
    return n + 1


@njit_without_refcounts
def _again(
    walk: Walk, data: Bytes, row: int, start: int, stop: int,
    spans: Spans, n: int, scratch: Scratch,
) -> int:  # fmt: skip
    """Put down the spans of a text step by step; -1 if there is no paper to do it on."""
    found = rescan_like_reference(walk, data, start, stop, scratch)
    for k in range(found):
        begin = int(scratch[k, BEGIN])
        n = _span(spans, n, row, begin, begin + int(scratch[k, LENGTH]), int(scratch[k, TOKEN]))
    return n if found >= 0 else -1


@njit_without_refcounts
def scan_with_numba(  # noqa: C901, PLR0912 - the state of the hot loop is its variables
    walk: Walk, data: Bytes, words: Words, offsets: Whole, valid: Truths,
    row: int, spans: Spans, scratch: Scratch, paper: Paper,
) -> tuple[int, int]:  # fmt: skip
    """Put down row, start, end and emoji of every span from a row on, as long as there is room.

    Text `row` is ``data[offsets[row]:offsets[row + 1]]``, and missing where `valid` is not empty
    and false; `words` are the same bytes, by eight. In a text, `done` is where the last emoji
    ends, or what begins one and is none; where a joiner follows it, the text is read again as the
    reference reads it. Returns how many spans there are, and the row to go on with: the number of
    rows when all is done.
    """
    n = first = counted = 0
    start = stop = free = done = counted_at = int(offsets[row])
    limit = int(offsets[-1])
    i, last = start >> 3, (limit + 7) >> 3
    while i < last:
        for k in range(_marked(walk, data, words, i, min(i + BLOCK, last), paper)):
            at: int = np.int64(paper[PLACES, k])  # type: ignore[assignment]
            if at < free or at >= limit:
                continue
            if at >= stop:
                if n > spans.shape[1]:
                    return first, row
                while offsets[row + 1] <= at:
                    row += 1
                start, stop = int(offsets[row]), int(offsets[row + 1])
                done = counted_at = start
                first, counted = n, 0
                if len(valid) and not valid[row]:
                    free = stop
                    continue
            point, size = decode(data, at, stop)
            letter = letter_of(walk, point)
            if not letter:
                continue
            if point == ZWJ and at == done and at > start:
                n = _again(walk, data, row, start, stop, spans, first, scratch)
                if n < 0:
                    return first, row
                free = stop
                continue
            begin, end, count, sign = _emoji_at(walk, data, letter, at, at + size, done, stop)
            if end > at:
                done = free = end
            if sign >= 0:
                if begin > counted_at:
                    counted += count_code_points(data, words, counted_at, begin)
                n = _span(spans, n, row, counted, counted + count, sign)
                counted, counted_at = counted + count, end
        i += BLOCK
    return (first, row) if n > spans.shape[1] else (n, len(offsets) - 1)
