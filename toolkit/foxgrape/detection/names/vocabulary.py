"""The distinct words of all texts so far, and whether the search for names must look at them.

What a name may look like is known only to `foxgrape.places.mentions`, which judges each word once.
So a word in any spelling or case form in which a name is found alone is also found here.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from foxgrape.detection.names.scan_numba import (
    BLOCK,
    CAPITAL,
    LETTER,
    N_DATA,
    N_WORDS,
    SEPARATOR,
    SIGN,
    WordTable,
    find_words,
)
from foxgrape.places.mention_places import WORD
from foxgrape.places.mentions import begins_longer_name, has_name
from foxgrape.places.plain_text import WITHIN_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape._util.typing import IntArray
    from foxgrape.detection.arrow_text import TextBuffers
    from foxgrape.places import Gazetteer

__all__ = ["Vocabulary", "is_in_word", "vocabulary", "word_table"]

#: What is known about a word. It may both be a name and begin a longer one.
_NAME, _BEGINS_LONGER, _UNKNOWN = 1, 2, 255
#: Maximum number of words in a table, and of eight bytes of them, after which it is emptied; and of
#: words found per call of the kernel.
_MAX_WORDS, _MAX_DATA, _MAX_FOUND = 1 << 18, 1 << 20, 1 << 17
#: Characters whose kinds are known to the kernel.
_KNOWN = (range(0x800), range(0x2000, 0x3000), range(0x1F000, 0x20000))
_CAPITAL_LETTER = re.compile(WORD)


class Vocabulary:
    """The distinct words with a capital letter in all texts so far, in arrays of fixed size."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self._table = word_table()
        self._found_words = np.empty((3, _MAX_FOUND), np.int64)
        self._marks = np.empty((2, BLOCK), np.uint64)
        self._lock = Lock()
        self._clear()

    def find_rows(self, texts: TextBuffers) -> IntArray:
        """Return the rows of the texts that may name a place."""
        with self._lock:
            rows = [np.unique(row) for row in self._find_words(texts)]
        return np.concatenate(rows) if rows else np.empty(0, np.int64)

    def _find_words(self, texts: TextBuffers) -> Iterator[IntArray]:
        row, is_clear = 0, False
        while row < len(texts):
            columns = texts.data, texts.words, texts.offsets, texts.valid
            n, after = find_words(self._table, *columns, row, self._found_words, self._marks)
            if after > row:
                yield self._names(self._found_words[:, :n])
            elif is_clear:
                # A text with more words than the arrays can hold is read as a whole.
                after = row + 1
                yield np.array([row])
            else:
                self._clear()
            row, is_clear = after, after == row

    def _names(self, words: IntArray) -> IntArray:
        """Judge new words; return the rows of words that are names or begin a longer name."""
        row, number, continues = words
        judged = self._table.judged
        for new in np.unique(number[judged[number] == _UNKNOWN]).tolist():
            first, last = self._table.begins[new : new + 2]
            word = self._table.data[first:last].tobytes().rstrip(b"\0").decode("utf-8", "replace")
            judged[new] = _judge(word, self._gazetteer)
        known = judged[number]
        continues &= known >> 1
        named: IntArray = row[(known & _NAME | continues) > 0]
        return named

    def _clear(self) -> None:
        self._table.slots[:] = 0
        self._table.judged[:] = _UNKNOWN
        self._table.counts[[N_WORDS, N_DATA]] = 0


@lru_cache(maxsize=4)
def vocabulary(gazetteer: Gazetteer) -> Vocabulary:
    """Return the vocabulary of a gazetteer, which grows with each search."""
    return Vocabulary(gazetteer)


def _judge(word: str, gazetteer: Gazetteer) -> int:
    return _NAME * has_name(word, gazetteer) + _BEGINS_LONGER * begins_longer_name(word, gazetteer)


def word_table() -> WordTable:
    """Return a table without words."""
    return WordTable(
        kinds=np.array([_kind(chr(point)) for points in _KNOWN for point in points], np.uint8),
        slots=np.zeros(2 * _MAX_WORDS, np.int32),
        begins=np.zeros(_MAX_WORDS + 1, np.int64),
        data=np.empty(_MAX_DATA, np.uint64),
        judged=np.zeros(_MAX_WORDS, np.uint8),
        counts=np.zeros(2, np.int64),
    )


@lru_cache(maxsize=4096)
def is_in_word(character: str) -> bool:
    """Return whether a character makes a word of a run of signs, as the kernel sees it."""
    point = ord(character)
    if any(point in known for known in _KNOWN):
        return _kind(character) >= LETTER
    return not 0xFE00 <= point < 0xFE10  # noqa: PLR2004 - variation selectors


def _kind(character: str) -> int:
    # A combining mark may make a capital letter of the letter before it.
    if _CAPITAL_LETTER.match(character) or unicodedata.combining(character):
        return CAPITAL
    if WITHIN_WORDS.match(character):
        return LETTER if character.isalnum() else SIGN
    return SEPARATOR
