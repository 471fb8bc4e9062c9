# ruff: noqa: PLR2004 - the byte values are those of RFC 3629
"""Split texts into words, and number the contexts of the words that may be names.

A context is a few words before and after such words. Each distinct word and separator has the
number of a form, which alike words share; a context is a sequence of forms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from foxgrape._util.jit import njit_inline, njit_without_refcounts
from foxgrape.detection.names.scan_numba import (
    BEGINS_LONGER,
    NAME,
    SEPARATOR,
    WordTable,
    character_at,
    end_of_word,
    number_of,
    quote_at,
    quote_before,
)

if TYPE_CHECKING:
    from foxgrape._util.typing import BoolArray, Int32Array, IntArray, UInt8Array

__all__ = ["BLANK", "NOTHING", "UNKNOWN"]
__all__ += ["BEFORE_QUOTED", "CAPITALISED", "DISTANT", "OPENS", "WHOLE"]
__all__ += ["FROM_START", "FROM_WORD", "PAIR", "ContextTable", "Words", "find_contexts"]
__all__ += ["split_texts"]

#: Numbers of the separators that are a blank, nothing, and end with a zero byte: in a `WordTable`,
#: these are like those without.
BLANK, NOTHING, UNKNOWN = range(3)
#: What else is known about words and separators: a word with a capital letter; of a distant rule;
#: what opens a quotation, or decides from a distance about names in quotation marks; what needs the
#: whole text.
CAPITALISED, DISTANT, OPENS, BEFORE_QUOTED, WHOLE = (1 << bit for bit in range(2, 7))
#: First number of a context: it begins with a word, or with what is before the first word of a
#: text; or it is a word of a distant rule with the word before it and the separator behind it.
FROM_WORD, FROM_START, PAIR = range(3)
#: Number of words that a longer name may have after its first.
_MORE_WORDS = 2
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_32 = np.uint64(32)


class Words(NamedTuple):
    """The words of several texts, in arrays of fixed size. Behind the last of a text is `NOTHING`.

    Attributes
    ----------
    separator, word
        The numbers of what is before a word, and of the word.
    start, end
        Span in code points.
    first
        The position of the first word of each text, then that after the last.
    """

    separator: Int32Array
    word: Int32Array
    start: Int32Array
    end: Int32Array
    first: Int32Array


class ContextTable(NamedTuple):
    """Distinct contexts by number, in arrays of fixed size.

    Attributes
    ----------
    slots
        An open-addressing hash table: the number of a context plus one, or 0.
    begins
        The position in `data` at which each context begins, then the end of the last.
    data
        The first number of each context, and its forms.
    counts
        The number of contexts.
    """

    slots: Int32Array
    begins: IntArray
    data: Int32Array
    counts: IntArray


@njit_without_refcounts
def split_texts(
    table: WordTable, data: UInt8Array, offsets: IntArray, rows: IntArray,
    begin: int, words: Words,
) -> int:  # fmt: skip
    """Write the words of the texts at some rows, from the row at `begin` on.

    Returns how many texts were split completely until `words` or the table was full.
    """
    n = done = 0
    words.first[0] = 0
    while begin + done < len(rows) and done + 1 < len(words.first):
        row = rows[begin + done]
        n = _split_text(table, data, int(offsets[row]), int(offsets[row + 1]), words, n)
        if n < 0:
            break
        done += 1
        words.first[done] = n
    return done


@njit_without_refcounts
def _split_text(
    table: WordTable, data: UInt8Array, start: int, stop: int, words: Words,
    n: int,
) -> int:  # fmt: skip
    """Write the words of a text, from position `n` on; return that after the last, or -1."""
    at = separator = start
    points = 0
    while at < stop:
        kind, size = SEPARATOR, 1
        if data[at] != 0x20:
            kind, size = character_at(table.kinds, data, at, stop)
        if kind == SEPARATOR:
            points += 1
            at += size
            continue
        begin, first = at, points
        at, points, has_letter = end_of_word(table.kinds, data, at, stop, points)
        if not has_letter:
            continue
        end, last = at, points
        quote = quote_at(data, begin, end)
        while quote:
            begin, first = begin + quote, first + 1
            quote = quote_at(data, begin, end)
        quote = quote_before(data, begin, end)
        while quote:
            end, last = end - quote, last - 1
            quote = quote_before(data, begin, end)
        number = number_of(table, data, begin, end)
        if number < 0 or not _write(table, data, words, n, separator, begin, number, first, last):
            return -1
        n += 1
        separator = end
    if not _write(table, data, words, n, separator, stop, NOTHING, points, points):
        return -1
    return n + 1


@njit_inline
def _write(
    table: WordTable, data: UInt8Array, words: Words, n: int, separator: int,
    begin: int, number: int, first: int, last: int,
) -> bool:  # fmt: skip
    """Write a word and the separator before it; return False if there is no space for it."""
    between = BLANK
    if begin > separator and data[begin - 1] == 0:
        between = UNKNOWN
    elif begin - separator != 1 or data[separator] != 0x20:
        between = number_of(table, data, separator, begin)
    if between < 0 or n == len(words.word):
        return False
    words.separator[n], words.word[n] = between, number
    words.start[n], words.end[n] = first, last
    return True


@njit_without_refcounts
def find_contexts(
    words: Words, n_texts: int, flags: UInt8Array, forms: Int32Array, reach: tuple[int, int],
    width: tuple[int, int], contexts: ContextTable, kept: BoolArray, output: IntArray,
    is_whole: BoolArray, spots: Int32Array,
) -> tuple[int, int]:  # fmt: skip
    """Write the contexts of the words that may be names, and which texts need to be read whole.

    Writes the position of the text, the number of the context, and its first word. `forms` has the
    form of each word or separator as it is written, and the form that it shares with others.
    `reach` is the number of words before and after a name, `width` that of their characters.
    Returns the number of contexts written, and the number of texts done until an array was full.
    """
    n = 0
    for text in range(n_texts):
        first, last = int(words.first[text]), int(words.first[text + 1]) - 1
        n_spots, seen = _find_spots(words, flags, first, last, spots)
        is_whole[text] = seen & WHOLE != 0 or not _mark_names(
            words, flags, seen, reach, width, kept, first, last, spots, n_spots
        )
        if is_whole[text]:
            continue
        after = _add_contexts(
            words, flags, forms, reach, contexts, kept, output, n, text, first, last, spots, n_spots
        )
        if after < 0:
            return n, text
        n = after
    return n, n_texts


@njit_inline
def _add_contexts(
    words: Words, flags: UInt8Array, forms: Int32Array, reach: tuple[int, int],
    contexts: ContextTable, kept: BoolArray, output: IntArray, n: int, text: int, first: int,
    last: int, spots: Int32Array, n_spots: int,
) -> int:  # fmt: skip
    """Write the contexts of a text; return the number written so far, or -1 if an array is full."""
    begin = end = -1
    kind = FROM_WORD
    for spot in range(n_spots):
        at = int(spots[spot])
        final = _name_end(words, flags, at)
        if begin >= 0 and final >= at and at - reach[0] > end:
            n = _add(words, forms, contexts, kept, output, n, text, kind, begin, end)
            begin = -1
        if n >= 0 and flags[words.word[at]] & DISTANT:
            before = max(first, at - 1)
            n = _add(words, forms, contexts, kept, output, n, text, PAIR, before, at)
        if n < 0:
            return -1
        if final >= at:
            if begin < 0:
                begin, kind = max(first, at - reach[0]), FROM_WORD
                if at - reach[0] < first:
                    kind = FROM_START
            end = max(end, min(last, final + reach[1]))
    if begin >= 0:
        n = _add(words, forms, contexts, kept, output, n, text, kind, begin, end)
    return n


@njit_inline
def _find_spots(
    words: Words, flags: UInt8Array, first: int, last: int, spots: Int32Array
) -> tuple[int, int]:
    """Write the words that may begin names, or are of a distant rule; return their number.

    Also returns all flags of the words of a text and of what is between them.
    """
    n = seen = 0
    for at in range(first, last + 1):
        flag = int(flags[words.word[at]])
        seen |= flag | int(flags[words.separator[at]])
        if flag & (NAME | BEGINS_LONGER | DISTANT):
            spots[n] = at
            n += 1
    return n, seen


@njit_inline
def _name_end(words: Words, flags: UInt8Array, at: int) -> int:
    """Return the last word of the name that may begin with a word; less if none does."""
    flag = flags[words.word[at]]
    final = at if flag & NAME else at - 1
    if flag & BEGINS_LONGER and flags[words.word[at + 1]] & CAPITALISED:
        final = at + 1
        while final < at + _MORE_WORDS and flags[words.word[final + 1]] & CAPITALISED:
            final += 1
    return final


@njit_without_refcounts
def _mark_names(
    words: Words, flags: UInt8Array, seen: int, reach: tuple[int, int], width: tuple[int, int],
    kept: BoolArray, first: int, last: int, spots: Int32Array, n_spots: int,
) -> bool:  # fmt: skip
    """Mark the words to keep as they are written; return False if the text is to be read whole.

    Rules look for words within a number of characters, and far before names in quotation marks.
    """
    for spot in range(n_spots):
        at = int(spots[spot])
        if flags[words.word[at]] & DISTANT:
            kept[max(first, at - 1)] = kept[at] = True
        final = _name_end(words, flags, at)
        if final < at:
            continue
        for word in range(at, final + 1):
            kept[word] = True
        left = words.start[at - reach[0]] if at - reach[0] >= first else 0
        right = words.end[min(last, final + reach[1])]
        if words.start[at] - left > width[0] or right - words.end[final] > width[1]:
            return False
        opens = (flags[words.separator[at]] | flags[words.word[at]]) & OPENS
        if opens and seen & BEFORE_QUOTED and _may_decide_about_quoted(words, flags, first, at):
            return False
    return True


@njit_inline
def _may_decide_about_quoted(words: Words, flags: UInt8Array, first: int, at: int) -> bool:
    for before in range(first, at + 1):
        flag = flags[words.separator[before]]
        if before < at:
            flag |= flags[words.word[before]]
        if flag & BEFORE_QUOTED:
            return True
    return False


@njit_without_refcounts
def _add(
    words: Words, forms: Int32Array, contexts: ContextTable, kept: BoolArray, output: IntArray,
    n: int, text: int, kind: int, begin: int, end: int,
) -> int:  # fmt: skip
    """Write a context; return the number of contexts written, or -1 if an array is full."""
    start = contexts.begins[contexts.counts[0]]
    if n == output.shape[1] or start + 2 * (end - begin) + 4 > len(contexts.data):
        return -1
    stop = start
    contexts.data[stop] = kind
    stop += 1
    for at in range(begin, end + 1):
        if at > begin or kind == FROM_START:
            contexts.data[stop] = forms[1, words.separator[at]]
            stop += 1
        contexts.data[stop] = forms[0 if kept[at] else 1, words.word[at]]
        stop += 1
    if kind == PAIR:
        contexts.data[stop] = forms[1, words.separator[end + 1]]
        stop += 1
    number = _number_context(contexts, start, stop)
    if number < 0:
        return -1
    output[0, n], output[1, n], output[2, n] = text, number, begin
    return n + 1


@njit_without_refcounts
def _number_context(contexts: ContextTable, start: int, stop: int) -> int:
    """Return the number of the context written at the end of the data; -1 if the table is full."""
    key = np.uint64(0)
    for at in range(start, stop):
        key = (key ^ np.uint64(contexts.data[at])) * _FACTOR
        key ^= key >> _32
    mask = len(contexts.slots) - 1
    slot = np.int64(key & np.uint64(mask))
    while contexts.slots[slot]:
        number = int(contexts.slots[slot]) - 1
        other = contexts.begins[number]
        if contexts.begins[number + 1] - other == stop - start:
            same = start
            while same < stop and contexts.data[same] == contexts.data[other + same - start]:
                same += 1
            if same == stop:
                return number
        slot = (slot + 1) & mask
    number = int(contexts.counts[0])
    if number + 1 == len(contexts.begins):
        return -1
    contexts.slots[slot] = number + 1
    contexts.begins[number + 1] = stop
    contexts.counts[0] = number + 1
    return number
