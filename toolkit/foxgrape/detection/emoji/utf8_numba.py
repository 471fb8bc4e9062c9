"""Counting code points eight bytes at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foxgrape._util.jit import njit_callable, njit_without_refcounts
from foxgrape.detection.emoji import utf8
from foxgrape.detection.emoji.utf8 import decode

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Words = npt.NDArray[np.uint64]

__all__ = ["count_code_points"]

_HIGH = np.uint64(0x8080808080808080)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_LOW = np.uint64(0x0101010101010101)
_NOTHING = np.uint64(0)
_1, _2, _3, _4, _5, _6, _7 = (np.uint64(bits) for bits in range(1, 8))
_8, _16, _24, _40, _48, _56 = (np.uint64(bits) for bits in (8, 16, 24, 40, 48, 56))

njit_callable(utf8)


@njit_without_refcounts
def count_code_points(data: Bytes, words: Words, begin: int, end: int) -> int:
    """Count the code points from one that begins at `begin` to one that begins at `end`.

    `words` are the same bytes by eight, but for a last few. They are counted as if nothing was
    broken; a text that looks as if something was is read again, one code point at a time.
    """
    first, last = begin >> 3, end >> 3
    word = _word(data, words, first) & (_ALL << np.uint64((begin & 7) << 3))
    until_here = ~(_ALL << np.uint64((end & 7) << 3))
    if first == last:
        word &= until_here
    found = end - begin - _ones(_tails(word))
    wrong = _wrong(word, _NOTHING)
    if first < last:
        some = words[first + 1 : last]
        before = words[first:last]
        for k in range(len(some)):
            found -= _ones(_tails(some[k]))
            wrong |= _wrong(some[k], before[k])
        word = _word(data, words, last) & until_here
        found -= _ones(_tails(word))
        wrong |= _wrong(word, words[last - 1])
    if not wrong:
        return found
    found, at = 0, begin
    while at < end:
        _, size = decode(data, at, end)
        found += 1
        at += size
    return found


@njit_without_refcounts
def _word(data: Bytes, words: Words, i: int) -> Any:
    """Return eight bytes; beyond the last whole word, what there is and nothing more."""
    word = _NOTHING
    if i < len(words):
        return words[i]
    for at in range(i << 3, len(data)):
        word |= np.uint64(data[at]) << np.uint64((at & 7) << 3)
    return word


@njit_without_refcounts
def _tails(word: np.uint64) -> np.uint64:
    """Mark the bytes, by their highest bits, that begin no code point."""
    return word & ~(word << _1) & _HIGH


@njit_without_refcounts
def _ones(marks: np.uint64) -> int:
    """Count the marked bytes."""
    return int(((marks >> _7) * _LOW) >> _56)


@njit_without_refcounts
def _wrong(word: np.uint64, before: np.uint64) -> np.uint64:
    """Return something wherever bytes may be broken: more than is, and never less.

    Suspected are leads without their tails and tails without a lead; and 0xC0, 0xC1, 0xEC to 0xEE,
    0xE0, 0xE1 and 0xF1 to 0xFF, because they are never right, or not before every tail.
    """
    two, two_before = word & (word << _1) & _HIGH, before & (before << _1) & _HIGH
    three, three_before = two & (word << _2), two_before & (before << _2)
    four, four_before = three & (word << _3), three_before & (before << _3)
    needed = two << _8 | two_before >> _56 | three << _16 | three_before >> _48
    needed |= four << _24 | four_before >> _40
    wrong = needed ^ (word & ~(word << _1) & _HIGH)
    low = word << _4 | word << _5 | word << _6
    wrong |= two & ~(word << _3 | low)
    wrong |= three & ~(word << _3 | word << _6) & (word << _4) & (word << _5)
    wrong |= four & (low | word << _7)
    # 0xF0 is followed by 0x90 or more.
    return wrong | ((four << _8 | four_before >> _56) & ~(word << _2 | word << _3))
