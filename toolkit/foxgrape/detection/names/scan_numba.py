# ruff: noqa: PLR2004 - the byte values are those of RFC 3629
"""Find the words of UTF-8 texts that may name a place.

A word is a run of bytes between separators. Words without a capital letter are skipped; the others
are numbered in a hash table, so that each distinct word is judged once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from foxgrape._util.jit import load_uint64, njit_inline, njit_without_refcounts

if TYPE_CHECKING:
    from foxgrape._util.typing import BoolArray, Int32Array, IntArray, UInt8Array, UInt64Array

__all__ = ["BEGINS_LONGER", "BLOCK", "CAPITAL", "LETTER", "NAME", "N_DATA", "N_WORDS"]
__all__ += ["SEPARATOR", "SIGN"]
__all__ += ["WordTable", "character_at", "end_of_word", "find_words", "number_of", "quote_at"]
__all__ += ["quote_before"]

#: Kinds of characters: those between words; of those in words, signs, letters and digits other
#: than capital letters, and capital letters.
SEPARATOR, SIGN, LETTER, CAPITAL = range(4)
#: What is known about a word: it may be a name, or the first word of a longer one.
NAME, BEGINS_LONGER = 1, 2
#: Where, in `WordTable.kinds`, the kinds of U+2000 to U+2FFF and of U+1F000 to U+1FFFF begin.
PUNCTUATION, EMOJI = 0x800, 0x1800
#: Number of 64-bit words that are searched together.
BLOCK = 512
#: Positions in `WordTable.counts`.
N_WORDS, N_DATA = range(2)
#: Rows of the marks: those of all words of a block, and the indices of words that have any.
_MARKS, _INDICES = range(2)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_ALL, _ZERO = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0)
_QUOTE, _ASTERISK, _BLANK = 0x22, 0x2A, 0x20
_HIGH, _LOW, _NOT_HIGH = (np.uint64(byte * 0x0101010101010101) for byte in (0x80, 1, 0x7F))
_CASE = np.uint64(0x2020202020202020)
_FROM_A, _FROM_BEYOND_Z, _FROM_SMALL_A, _FROM_BEYOND_SMALL_Z, _FROM_0, _FROM_BEYOND_9 = (
    np.uint64((0x80 - byte) * 0x0101010101010101) for byte in (0x41, 0x5B, 0x61, 0x7B, 0x30, 0x3A)
)
_80, _94, _95, _D0, _E2, _FC, _FE = (
    np.uint64(byte * 0x0101010101010101) for byte in (0x80, 0x94, 0x95, 0xD0, 0xE2, 0xFC, 0xFE)
)
_1, _2, _3, _7, _8, _32, _56, _64 = map(np.uint64, (1, 2, 3, 7, 8, 32, 56, 64))


class WordTable(NamedTuple):
    """Distinct words by number, in arrays of fixed size.

    Attributes
    ----------
    kinds
        The kind of each character of one or two bytes in UTF-8, by code point, then the kinds of
        U+2000 to U+2FFF and of U+1F000 to U+1FFFF.
    slots
        An open-addressing hash table: the number of a word plus one, or 0. Its length is a power of
        two, and at least twice the number of words.
    begins
        The position in `data` at which each word begins, then the end of the last word.
    data
        The bytes of the words, eight at a time; zeros behind the end of each.
    judged
        Flags: what is known about each word.
    counts
        The number of words so far, and the length of their data.
    """

    kinds: UInt8Array
    slots: Int32Array
    begins: IntArray
    data: UInt64Array
    judged: UInt8Array
    counts: IntArray


@njit_inline
def _zero_bytes(word: np.uint64) -> np.uint64:
    """Set the highest bit of each byte that is zero."""
    return ~((word & _NOT_HIGH) + _NOT_HIGH | word) & _HIGH


@njit_without_refcounts
def _capital_bytes(word: np.uint64, after: np.uint64) -> np.uint64:
    """Set the highest bit of each byte that may begin a capital letter; `after` is the next word.

    These are A to Z and all bytes that begin a character, except those of small Cyrillic letters
    (0xD0 0xB0 to 0xBF; 0xD1 0x80 to 0x8F, 0x94, 0x96 and 0x97) and of punctuation (0xE2 0x80).
    """
    following = word >> _8 | after << _56
    ascii_part = word & _NOT_HIGH
    capital = (ascii_part + _FROM_A) & ~(ascii_part + _FROM_BEYOND_Z) & ~word
    cyrillic = _zero_bytes((word ^ _D0) & _FE)
    is_d1, bit_5, bit_4 = word << _7, following << _2, following << _3
    small_d0 = ~is_d1 & bit_5 & bit_4
    small_d1 = is_d1 & ~(bit_5 | bit_4)
    small_d1 |= is_d1 & _zero_bytes((following ^ _94) & _FC) & ~_zero_bytes(following ^ _95)
    punctuation = _zero_bytes(word ^ _E2) & _zero_bytes(following ^ _80)
    begins = word & (word << _1) & ~punctuation & ~(cyrillic & (small_d0 | small_d1))
    return (capital | begins) & _HIGH


@njit_without_refcounts
def _mark_capitals(
    data: UInt8Array, words: UInt64Array, first: int, size: int, marks: UInt64Array
) -> int:
    """Mark capital letters in a block of words; return the number of words with marks.

    The indices are unsigned, so that numba omits the check for negative indices and vectorizes the
    loops.
    """
    begin, limit = np.uint64(first), np.uint64(size)
    k, complete = _ZERO, np.uint64(max(min(size, len(words) - first - 1), 0))
    while k < complete:
        marks[_MARKS, k] = _capital_bytes(words[begin + k], words[begin + k + _1])
        k += _1
    while k < limit:
        # In the last words, any byte may begin a capital letter.
        n_bytes = np.uint64(len(data)) - (begin + k << _3)
        marks[_MARKS, k] = _HIGH >> (_64 - (min(n_bytes, _8) << _3))
        k += _1
    n = k = _ZERO
    while k < limit:
        marks[_INDICES, n] = k
        n += np.uint64(marks[_MARKS, k] != _ZERO)
        k += _1
    return np.int64(n)  # type: ignore[return-value]


@njit_inline
def character_at(kinds: UInt8Array, data: UInt8Array, at: int, stop: int) -> tuple[int, int]:
    """Return the kind and the size of a character; without a known kind, of a byte of it.

    Characters without a known kind are taken for capital letters, but variation selectors, which
    follow emoji, are not.
    """
    lead = int(data[at])
    if lead < 0x80:
        return int(kinds[lead]), 1
    second = int(data[at + 1]) if at + 1 < stop else 0
    if 0xC2 <= lead < 0xE0 and second & 0xC0 == 0x80:
        return int(kinds[(lead & 0x1F) << 6 | second & 0x3F]), 2
    third = int(data[at + 2]) if at + 2 < stop else 0
    if lead >= 0xE0 and second & 0xC0 == 0x80 and third & 0xC0 == 0x80:
        point = (second & 0x3F) << 6 | third & 0x3F
        if lead == 0xE2:
            return int(kinds[PUNCTUATION + point]), 3
        if lead == 0xEF and 0xE00 <= point < 0xE10:
            return SEPARATOR, 3
        if lead == 0xF0 and second == 0x9F and at + 3 < stop and data[at + 3] & 0xC0 == 0x80:
            return int(kinds[EMOJI + ((point & 0x3F) << 6 | int(data[at + 3]) & 0x3F)]), 4
    return CAPITAL, 1


@njit_inline
def end_of_word(
    kinds: UInt8Array, data: UInt8Array, at: int, stop: int, points: int
) -> tuple[int, int, bool]:
    """Return the end of a word in bytes and in code points, and whether it has a letter."""
    has_letter = False
    while at < stop:
        n_bytes, n_points = _letters_at(data, at, stop)
        if n_bytes:
            has_letter = True
            at, points = at + n_bytes, points + n_points
            if n_bytes == 8:
                continue
        if at == stop or data[at] == _BLANK:
            break
        kind, size = character_at(kinds, data, at, stop)
        if kind == SEPARATOR:
            break
        has_letter = has_letter or kind >= LETTER
        points += int(data[at] & 0xC0 != 0x80)
        at += size
    return at, points, has_letter


@njit_inline
def _letters_at(data: UInt8Array, at: int, stop: int) -> tuple[int, int]:
    """Return the number of bytes, and of code points, from a position on that are surely letters.

    These are digits and letters of ASCII, U+0400 to U+047F, and bytes within any character; at most
    eight bytes.
    """
    word = eight_bytes(data, at, stop)
    ascii_part = word & _NOT_HIGH
    lower = ascii_part | _CASE
    letters = (lower + _FROM_SMALL_A) & ~(lower + _FROM_BEYOND_SMALL_Z)
    letters |= (ascii_part + _FROM_0) & ~(ascii_part + _FROM_BEYOND_9)
    within = word & ~(word << _1)
    others = ~(letters & ~word | within | _zero_bytes((word ^ _D0) & _FE)) & _HIGH
    n_bytes = 8
    if others:
        n_bytes = byte_number(others & (~others + _1))
        within &= (_1 << (np.uint64(n_bytes) << _3)) - _1
    n_within = ((within & _HIGH) >> _7) * _LOW >> _56
    return n_bytes, n_bytes - np.int64(n_within)  # type: ignore[return-value]


@njit_inline
def _begin_of_word(kinds: UInt8Array, data: UInt8Array, at: int, start: int, stop: int) -> int:
    """Return the begin of the word with the character at a position."""
    begin = at
    while at > start and data[at - 1] != _BLANK:
        at -= 1
        if data[at] & 0xC0 != 0x80:
            if character_at(kinds, data, at, stop)[0] == SEPARATOR:
                break
            begin = at
    return begin


@njit_inline
def quote_at(data: UInt8Array, at: int, end: int) -> int:
    """Return the size of a quotation mark or an asterisk at the begin of a word, or 0."""
    if data[at] == 0x22 or data[at] == 0x2A:
        return 1
    is_long = at + 2 < end and data[at] == 0xE2 and data[at + 1] == 0x80
    return 3 if is_long and (data[at + 2] == 0x9C or data[at + 2] == 0x9D) else 0


@njit_inline
def quote_before(data: UInt8Array, begin: int, end: int) -> int:
    """Return the size of a quotation mark or an asterisk at the end of a word, or 0."""
    if data[end - 1] == 0x22 or data[end - 1] == 0x2A:
        return 1
    return 3 if end - 3 >= begin and quote_at(data, end - 3, end) == 3 else 0


@njit_inline
def _continues(kinds: UInt8Array, data: UInt8Array, at: int, stop: int) -> bool:
    """Return whether, behind the end of a word and one blank, a capitalised word may follow."""
    if at + 1 < stop and data[at] == 0xC2 and data[at + 1] == 0xA0:
        at += 1
    elif at == stop or data[at] != _BLANK:
        return False
    if at + 1 >= stop:
        return False
    kind = character_at(kinds, data, at + 1, stop)[0]
    return kind in (CAPITAL, SIGN)


@njit_without_refcounts
def find_words(  # noqa: C901 - the state of the hot loop is its variables
    table: WordTable, data: UInt8Array, words: UInt64Array, offsets: IntArray, valid: BoolArray,
    row: int, named: IntArray, marks: UInt64Array,
) -> tuple[int, int]:  # fmt: skip
    """Write the words with a capital letter that may be names, from `row` on.

    Writes row, number, and whether a capitalised word may follow. Words not in the table before may
    be names. Returns the number of words written, and the row to continue with: if `named` or the
    table is full, the last row is to be read again.
    """
    n = first = 0
    n_known = int(table.counts[N_WORDS])
    start = stop = done = int(offsets[row])
    limit = int(offsets[-1])
    i, last = start >> 3, (limit + 7) >> 3
    while i < last:
        size = min(BLOCK, last - i)
        for k in range(_mark_capitals(data, words, i, size, marks)):
            index = marks[_INDICES, k]
            bits = marks[_MARKS, index]
            while bits:
                lowest = bits & (~bits + _1)
                bits ^= lowest
                at: int = (np.int64(index) + i << 3) + byte_number(lowest)  # type: ignore[assignment]
                if at < done or at >= limit:
                    continue
                if at >= stop:
                    while offsets[row + 1] <= at:
                        row += 1
                    start, stop = int(offsets[row]), int(offsets[row + 1])
                    first = n
                    if len(valid) and not valid[row]:
                        done = stop
                        continue
                    done = start
                if character_at(table.kinds, data, at, stop)[0] != CAPITAL:
                    continue
                begin = _begin_of_word(table.kinds, data, at, max(start, done), stop)
                done = end_of_word(table.kinds, data, at, stop, 0)[0]
                end = done
                while data[begin] == _QUOTE or data[begin] == _ASTERISK:
                    begin += 1
                while data[end - 1] == _QUOTE or data[end - 1] == _ASTERISK:
                    end -= 1
                number = number_of(table, data, begin, end)
                if number < 0 or n == named.shape[1]:
                    return first, row
                if number >= n_known or table.judged[number] & (NAME | BEGINS_LONGER):
                    named[0, n], named[1, n] = row, number
                    named[2, n] = _continues(table.kinds, data, done, stop)
                    n += 1
        i += BLOCK
    return n, len(offsets) - 1


@njit_inline
def byte_number(mark: np.uint64) -> int:
    """Return the number of the byte whose highest bit is the only one that is set."""
    return np.int64((((mark - _1) & _LOW) * _LOW) >> _56) - 1  # type: ignore[return-value]


@njit_inline
def number_of(table: WordTable, data: UInt8Array, begin: int, end: int) -> int:
    """Return the number of a word; -1 if the table is full."""
    key = _ZERO
    for at in range(begin, end, 8):
        key = (key ^ eight_bytes(data, at, end)) * _FACTOR
        key ^= key >> _32
    mask = len(table.slots) - 1
    slot = np.int64(key & np.uint64(mask))
    size = (end - begin + 7) >> 3
    while table.slots[slot]:
        number = int(table.slots[slot]) - 1
        start = int(table.begins[number])
        if int(table.begins[number + 1]) - start == size:
            k = 0
            while k < size and table.data[start + k] == eight_bytes(data, begin + 8 * k, end):
                k += 1
            if k == size:
                return number
        slot = (slot + 1) & mask
    number, start = int(table.counts[N_WORDS]), int(table.counts[N_DATA])
    if number == len(table.judged) or start + size > len(table.data):
        return -1
    for k in range(size):
        table.data[start + k] = eight_bytes(data, begin + 8 * k, end)
    table.begins[number + 1] = start + size
    table.slots[slot] = number + 1
    table.counts[N_WORDS], table.counts[N_DATA] = number + 1, start + size
    return number


@njit_inline
def eight_bytes(data: UInt8Array, at: int, end: int) -> np.uint64:
    """Return the eight bytes from a position on; zero from `end` on, which is behind it."""
    word = _ZERO
    if at + 8 <= len(data):
        word = load_uint64(data, at)
    else:
        for byte in range(at, len(data)):
            word |= np.uint64(data[byte]) << (np.uint64(byte - at) << _3)
    return word & _ALL >> (np.uint64(8 - min(end - at, 8)) << _3)
