# ruff: noqa: PLR2004 - the byte values are those of RFC 3629
"""Find emoji in UTF-8 with a compiled kernel: the path for large columns.

Bytes that cannot begin an emoji are skipped, eight at a time; code points are counted only in texts
that contain an emoji.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foxgrape._util.jit import njit_callable, njit_without_refcounts
from foxgrape.detection.arrow_text import decode_code_point, decode_malformed
from foxgrape.detection.emoji import trie
from foxgrape.detection.emoji.trie import first_node, symbol_of

if TYPE_CHECKING:
    from foxgrape._util.typing import BoolArray, Int32Array, IntArray, UInt8Array, UInt64Array


__all__ = ["BLOCK", "scan_with_numba", "word_at"]

#: Number of 64-bit words that are searched together.
BLOCK = 512
#: Rows of the candidates array: byte positions of candidates, indices of words that contain any,
#: and the candidate marks of all words.
_POSITIONS, _WORD_INDICES, _MARKS = range(3)
_HIGH_BITS = np.uint64(0x8080808080808080)
_LOW_BITS = np.uint64(0x0101010101010101)
_ALL, _ZERO = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0)
_NOT_HIGH = np.uint64(0x7F7F7F7F7F7F7F7F)
_1, _2, _3, _4, _5, _6, _7 = (np.uint64(bits) for bits in range(1, 8))
_8, _13, _14, _16, _24, _40, _48, _56 = map(np.uint64, (8, 13, 14, 16, 24, 40, 48, 56))

njit_callable(decode_code_point, decode_malformed, trie)


@njit_without_refcounts
def _candidate_bytes(word: np.uint64, cyrillic: np.uint64, not_punctuation: np.uint64) -> np.uint64:
    """Set the highest bit of each byte that may begin an emoji.

    These bytes are 111....., which begins three or four bytes, and 1100...., which begins two;
    also 1101...., which begins Cyrillic, if all bits of `cyrillic` are set. If all bits of
    `not_punctuation` are set, bytes followed by 10000000 and 1001.... or 1010.... in the same word
    are excluded: they begin dashes and quotation marks, which occur in most texts.
    """
    marks = word & (word << _1) & ((word << _2) | ~(word << _3) | cyrillic) & _HIGH_BITS
    after = (word >> _8) ^ _HIGH_BITS
    dash = ~((after & _NOT_HIGH) + _NOT_HIGH | after) & (word >> _14 ^ word >> _13)
    return marks & ~(dash & not_punctuation)


@njit_without_refcounts
def _find_candidates(
    table: Int32Array,
    data: UInt8Array,
    words: UInt64Array,
    i: int,
    until: int,
    candidates: UInt64Array,
) -> int:
    """Find the bytes in a block of words at which an emoji may begin; return their number.

    Writes their positions to `candidates`. The indices are unsigned, so that numba omits the check
    for negative indices and vectorizes the loops.
    """
    cyrillic = _ALL if table[trie.CYRILLIC] else _ZERO
    not_punctuation = _ZERO if table[trie.PUNCTUATION] else _ALL
    first, size = np.uint64(i), np.uint64(max(min(until, len(words)) - i, 0))
    k = _ZERO
    while k < size:
        candidates[_MARKS, k] = _candidate_bytes(words[first + k], cyrillic, not_punctuation)
        k += _1
    n_words = k = _ZERO
    while k < size:
        candidates[_WORD_INDICES, n_words] = k
        n_words += np.uint64(candidates[_MARKS, k] != _ZERO)
        k += _1
    n = j = _ZERO
    while j < n_words:
        k = candidates[_WORD_INDICES, j]
        j += _1
        marks = candidates[_MARKS, k]
        while marks:
            lowest = marks & (~marks + _1)
            byte = (((lowest - _1) & _LOW_BITS) * _LOW_BITS) >> _56
            candidates[_POSITIONS, n] = ((first + k) << _3) + byte - _1
            n += _1
            marks ^= lowest
    if until > len(words):
        for at in range(max(i, len(words)) << 3, len(data)):
            candidates[_POSITIONS, n] = at
            n += _1
    return np.int64(n)  # type: ignore[return-value]


@njit_without_refcounts
def _begins_emoji(table: Int32Array, byte: int) -> bool:
    """Return whether a byte is an ASCII character that begins an emoji, such as a keycap."""
    return byte < 0x80 and first_node(table, symbol_of(table, byte)) != 0


@njit_without_refcounts
def _match_at(
    table: Int32Array, data: UInt8Array, symbol: int, at: int, after: int, done: int, stop: int
) -> tuple[int, int, int, int]:
    """Return the match at byte `at` or the byte before: begin, end, number of code points, emoji.

    Without an emoji, its number is -1. Without a match, begin and end are equal.
    """
    if symbol <= table[trie.N_FIRST]:
        end, count, match = trie.longest_match(table, data, symbol, after, stop)
        return at, end, count, match
    if at > done and _begins_emoji(table, int(data[at - 1])):
        before = symbol_of(table, int(data[at - 1]))
        end, count, match = trie.longest_match(table, data, before, at, stop)
        if match >= 0:
            return at - 1, end, count, match
    return at, at, 0, -1


@njit_without_refcounts
def _append_span(spans: Int32Array, n: int, row: int, start: int, end: int, match: int) -> int:
    """Store a span if it fits; return the number of spans so far, whether or not it fits."""
    if n < spans.shape[1]:
        spans[0, n], spans[1, n], spans[2, n], spans[3, n] = row, start, end, match
    return n + 1


@njit_without_refcounts
def _rescan(
    table: Int32Array, data: UInt8Array, row: int, start: int, stop: int,
    spans: Int32Array, n: int, scratch: IntArray,
) -> int:  # fmt: skip
    """Append a text's spans; return the number so far, or -1 if the scratch array is too small."""
    n_emoji = trie.rescan_like_reference(table, data, start, stop, scratch)
    for k in range(n_emoji):
        begin, length = int(scratch[k, trie.BEGIN]), int(scratch[k, trie.LENGTH])
        n = _append_span(spans, n, row, begin, begin + length, int(scratch[k, trie.EMOJI]))
    return n if n_emoji >= 0 else -1


@njit_without_refcounts
def scan_with_numba(  # noqa: C901, PLR0912 - the state of the hot loop is its variables
    table: Int32Array, data: UInt8Array, words: UInt64Array, offsets: IntArray, valid: BoolArray,
    row: int, spans: Int32Array, scratch: IntArray, candidates: UInt64Array,
) -> tuple[int, int]:  # fmt: skip
    """Write row, start, end and emoji of each span from `row` on, until `spans` is full.

    `data`, `words`, `offsets` and `valid` are those of `TextBuffers`. Returns the number of spans
    and the row to continue with, which is the number of rows once all rows are scanned. Within a
    text, `done` is the end of the last match, whether or not that is an emoji; if a joiner directly
    follows it, the text is rescanned in the steps of the reference.
    """
    n = first = counted = 0
    start = stop = free = done = counted_at = int(offsets[row])
    limit = int(offsets[-1])
    i, last = start >> 3, (limit + 7) >> 3
    while i < last:
        block_end = min(i + BLOCK, last)
        for k in range(_find_candidates(table, data, words, i, block_end, candidates)):
            at: int = np.int64(candidates[_POSITIONS, k])  # type: ignore[assignment]
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
            point, size = decode_code_point(data, at, stop)
            symbol = symbol_of(table, point)
            if not symbol:
                continue
            if point == trie.ZWJ and at == done and at > start:
                n = _rescan(table, data, row, start, stop, spans, first, scratch)
                if n < 0:
                    return first, row
                free = stop
                continue
            begin, end, count, match = _match_at(table, data, symbol, at, at + size, done, stop)
            if end > at:
                done = free = end
            if match >= 0:
                if begin > counted_at:
                    counted += _count_code_points(data, words, counted_at, begin)
                n = _append_span(spans, n, row, counted, counted + count, match)
                counted, counted_at = counted + count, end
        i += BLOCK
    return (first, row) if n > spans.shape[1] else (n, len(offsets) - 1)


@njit_without_refcounts
def _count_code_points(data: UInt8Array, words: UInt64Array, begin: int, end: int) -> int:
    """Count the code points from byte `begin` to byte `end`, which are code point boundaries.

    Counts eight bytes at a time as if they were valid; if any may be malformed, decodes them again,
    one code point at a time.
    """
    first, last = begin >> 3, end >> 3
    word = word_at(data, words, first) & (_ALL << np.uint64((begin & 7) << 3))
    until_end = ~(_ALL << np.uint64((end & 7) << 3))
    if first == last:
        word &= until_end
    n = end - begin - _count_marks(_continuation_bytes(word))
    malformed = _maybe_malformed(word, _ZERO)
    if first < last:
        inner = words[first + 1 : last]
        before = words[first:last]
        for k in range(len(inner)):
            n -= _count_marks(_continuation_bytes(inner[k]))
            malformed |= _maybe_malformed(inner[k], before[k])
        word = word_at(data, words, last) & until_end
        n -= _count_marks(_continuation_bytes(word))
        malformed |= _maybe_malformed(word, words[last - 1])
    if not malformed:
        return n
    n, at = 0, begin
    while at < end:
        _, size = decode_code_point(data, at, end)
        n += 1
        at += size
    return n


@njit_without_refcounts
def word_at(data: UInt8Array, words: UInt64Array, i: int) -> Any:
    """Return the eight bytes of word `i`; after the last complete word, the remaining bytes."""
    word = _ZERO
    if i < len(words):
        return words[i]
    for at in range(i << 3, len(data)):
        word |= np.uint64(data[at]) << np.uint64((at & 7) << 3)
    return word


@njit_without_refcounts
def _continuation_bytes(word: np.uint64) -> np.uint64:
    """Set the highest bit of each continuation byte (10......)."""
    return word & ~(word << _1) & _HIGH_BITS


@njit_without_refcounts
def _count_marks(marks: np.uint64) -> int:
    return int(((marks >> _7) * _LOW_BITS) >> _56)


@njit_without_refcounts
def _maybe_malformed(word: np.uint64, before: np.uint64) -> np.uint64:
    """Return nonzero if bytes may be malformed; false alarms are possible, misses are not.

    Suspects are lead bytes without their continuation bytes, continuation bytes without a lead
    byte, and 0xC0, 0xC1, 0xE0, 0xE1, 0xEC to 0xEE and 0xF1 to 0xFF: each of these is never valid,
    is not valid before every continuation byte, or is a false alarm.
    """
    two, two_before = word & (word << _1) & _HIGH_BITS, before & (before << _1) & _HIGH_BITS
    three, three_before = two & (word << _2), two_before & (before << _2)
    four, four_before = three & (word << _3), three_before & (before << _3)
    needed = two << _8 | two_before >> _56 | three << _16 | three_before >> _48
    needed |= four << _24 | four_before >> _40
    suspect = needed ^ (word & ~(word << _1) & _HIGH_BITS)
    low = word << _4 | word << _5 | word << _6
    suspect |= two & ~(word << _3 | low)
    suspect |= three & ~(word << _3 | word << _6) & (word << _4) & (word << _5)
    suspect |= four & (low | word << _7)
    # 0xF0 must be followed by 0x90 or more.
    return suspect | ((four << _8 | four_before >> _56) & ~(word << _2 | word << _3))
