"""Read the words around names once for all texts that share them.

Most texts that name a place differ in words at which no rule looks. `foxgrape.places.mention_reach`
tells which these are; here they are replaced by a substitute, and only a few words before and after
a possible name are read. A text is read as a whole where that may give another result.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from foxgrape.detection.codes import repeat_counts
from foxgrape.detection.names import context_numba as kernel
from foxgrape.detection.names.scan_numba import BEGINS_LONGER, BLOCK, NAME, find_words
from foxgrape.detection.names.vocabulary import Vocabulary
from foxgrape.places.mention_places import names_region
from foxgrape.places.mention_reach import REACH, WIDTH, ends_distant_rule
from foxgrape.places.mentions import read_names
from foxgrape.places.plain_text import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from foxgrape._util.typing import BoolArray, IntArray
    from foxgrape.detection.arrow_text import TextBuffers
    from foxgrape.places import Gazetteer
    from foxgrape.places.mentions import Mention

__all__ = ["Contexts", "contexts"]

#: Maximum number of distinct contexts, and of forms in them. All is emptied when these are full, or
#: the table of words and separators.
_MAX_CONTEXTS, _MAX_FORMS = 1 << 16, 1 << 21
#: Size in bytes above which a text is read as a whole: it has too many names for its contexts.
_MAX_LENGTH = 1 << 11
#: Maximum number of words, of texts and of contexts per call of a kernel.
_MAX_SPLIT, _MAX_TEXTS, _MAX_FOUND = 1 << 18, 1 << 14, 1 << 17
#: What is known about a context: it has names, or words that may be; other places, or regions, of
#: the text may decide about them; it names a region or a sector, or is of another distant rule.
_ACTIVE, _NEEDS_PLACES, _NEEDS_REGIONS, _REGION, _DISTANT = (1 << bit for bit in range(5))
#: A mention, and the name as it is written.
_Written = tuple["Mention", str]


class ContextNames(NamedTuple):
    """The names in texts: row, start, end, and number in `mentions`; and the rows still to read."""

    names: IntArray
    mentions: list[_Written]
    rest: IntArray


class Contexts:
    """The distinct words around possible names in all texts so far, in arrays of fixed size."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self._vocabulary = Vocabulary(gazetteer)
        self._contexts = kernel.ContextTable(
            np.zeros(2 * _MAX_CONTEXTS, np.int32),
            np.zeros(_MAX_CONTEXTS + 1, np.int64),
            np.empty(_MAX_FORMS, np.int32),
            np.zeros(1, np.int64),
        )
        separator, word, start, end = np.empty((4, _MAX_SPLIT), np.int32)
        first = np.empty(_MAX_TEXTS + 1, np.int32)
        self._words = kernel.Words(separator, word, start, end, first)
        self._kept, self._spots = np.empty(_MAX_SPLIT, np.bool_), np.empty(_MAX_SPLIT, np.int32)
        self._found = np.empty((3, _MAX_FOUND), np.int64)
        self._marks = np.empty((2, BLOCK), np.uint64)
        self._whole = np.empty(_MAX_TEXTS, np.bool_)
        self._lock = Lock()
        self._clear()

    def _clear(self) -> None:
        self._vocabulary.clear()
        self._contexts.slots[:] = 0
        self._contexts.counts[:] = 0
        # What is known about each context, and the number of its first name, then that of the next.
        self._known = np.empty(0, np.uint8)
        self._first_name = np.zeros(1, np.int64)
        # For each name: the word and the position in it of its first and its last character, and
        # the number of what it means.
        self._names = np.empty((5, 0), np.int64)
        self._mentions: list[_Written] = []
        self._numbers: dict[tuple[object, ...], int] = {}

    def find(self, texts: TextBuffers) -> ContextNames:
        """Return the names in the texts, and the rows that must be read as a whole."""
        names, rest = [np.empty((4, 0), np.int64)], []
        mentions: list[_Written] = []
        with self._lock:
            rows = np.concatenate([np.empty(0, np.int64), *self._find_rows(texts)])
            is_long = texts.offsets[rows + 1] - texts.offsets[rows] > _MAX_LENGTH
            rest.append(rows[is_long])
            rows = rows[~is_long]
            for position, n_texts, n_found in self._split(texts, rows):
                some, is_whole = self._read_texts(n_texts, n_found, mentions)
                part = rows[position : position + n_texts]
                some[0] = part[some[0]]
                names.append(some)
                rest.append(part[is_whole])
        return ContextNames(np.concatenate(names, axis=1), mentions, np.concatenate(rest))

    def _steps(
        self, n: int, step: Callable[[int], tuple[int, int]]
    ) -> Iterator[tuple[int, int, int]]:
        """Yield the position, the number of texts, and of what was found, for each step up to `n`.

        A step writes what is in the texts from a position on until an array is full, and returns
        the number of texts done, and of what was found. If none was done, all words are forgotten;
        if none is done even then, the text has more words than the arrays can hold: -1 is found.
        """
        position, is_clear = 0, False
        while position < n:
            n_texts, n_found = step(position)
            if not n_texts and not is_clear:
                self._clear()
                is_clear = True
                continue
            if not n_texts:
                n_texts, n_found = 1, -1
            yield position, n_texts, n_found
            position += n_texts
            is_clear = False

    def _find_rows(self, texts: TextBuffers) -> Iterator[IntArray]:
        """Yield the rows of texts that may name a place."""
        vocabulary = self._vocabulary
        columns = texts.data, texts.words, texts.offsets, texts.valid

        def step(row: int) -> tuple[int, int]:
            n_found, after = find_words(vocabulary.table, *columns, row, self._found, self._marks)
            vocabulary.judge()
            return after - row, n_found

        for row, _, n_found in self._steps(len(texts), step):
            if n_found < 0:
                yield np.array([row])
                continue
            row_of_word, number, continues = self._found[:, :n_found]
            flags = vocabulary.table.judged[number]
            is_name = (flags & NAME) + (flags & BEGINS_LONGER) * continues > 0
            named = row_of_word[is_name]
            yield named[np.diff(named, prepend=-1) > 0]

    def _split(self, texts: TextBuffers, rows: IntArray) -> Iterator[tuple[int, int, int]]:
        """Find the contexts in the texts at some rows; see `_steps`."""
        vocabulary = self._vocabulary

        def step(position: int) -> tuple[int, int]:
            columns = texts.data, texts.offsets, rows
            n = kernel.split_texts(vocabulary.table, *columns, position, self._words)
            vocabulary.judge()
            self._kept[:] = False
            arguments = self._words, n, vocabulary.table.judged, vocabulary.forms, REACH, WIDTH
            outputs = self._contexts, self._kept, self._found, self._whole, self._spots
            n_found, n_texts = kernel.find_contexts(*arguments, *outputs)
            return n_texts, n_found

        return self._steps(len(rows), step)

    def _read_texts(
        self, n_texts: int, n_found: int, mentions: list[_Written]
    ) -> tuple[IntArray, BoolArray]:
        """Return the names in the texts that were split, and which must be read as a whole."""
        if n_found < 0:
            return np.empty((4, 0), np.int64), np.ones(n_texts, np.bool_)
        self._read_contexts()
        text, context, first = self._found[:, :n_found]
        known = self._known[context]

        def has(flag: int) -> BoolArray:
            of_texts = np.zeros(n_texts, np.bool_)
            of_texts[text[known & flag > 0]] = True
            return of_texts

        n_active = np.bincount(text[known & _ACTIVE > 0], minlength=n_texts)
        is_whole = self._whole[:n_texts] | has(_DISTANT) & (n_active > 0)
        is_whole |= has(_NEEDS_PLACES) & (n_active > 1) | has(_NEEDS_REGIONS) & has(_REGION)
        used = ~is_whole[text]
        return self._names_in(text[used], context[used], first[used], mentions), is_whole

    def _names_in(
        self, text: IntArray, context: IntArray, first: IntArray, mentions: list[_Written]
    ) -> IntArray:
        """Return the names in contexts, and append what they mean."""
        first_name = self._first_name[context]
        name, at = repeat_counts(first_name, self._first_name[context + 1] - first_name)
        begin, start, final, end, number = self._names[:, name]
        word = first[at]
        start += self._words.start[word + begin]
        end += self._words.start[word + final]
        is_used = np.zeros(len(self._mentions), np.bool_)
        is_used[number] = True
        numbers = np.cumsum(is_used) + (len(mentions) - 1)
        mentions += [self._mentions[used] for used in np.flatnonzero(is_used).tolist()]
        return np.stack([text[at], start, end, numbers[number]])

    def _read_contexts(self) -> None:
        """Read new contexts."""
        first, last = len(self._known), int(self._contexts.counts[0])
        known, counts = [], [int(self._first_name[-1])]
        names: list[tuple[int, ...]] = []
        for number in range(first, last):
            flags, named = self._read_context(number)
            known.append(flags)
            names += named
            counts.append(len(named))
        self._known = np.append(self._known, np.array(known, np.uint8))
        self._first_name = np.append(self._first_name, np.cumsum(counts)[1:])
        self._names = np.append(self._names, np.array(names, np.int64).reshape(-1, 5).T, axis=1)

    def _read_context(self, number: int) -> tuple[int, list[tuple[int, ...]]]:
        """Return what is known about a context, and its names."""
        start, stop = self._contexts.begins[number : number + 2]
        kind, *forms = self._contexts.data[start:stop].tolist()
        texts = [self._vocabulary.texts[form] for form in forms]
        text = "".join(texts)
        if kind == kernel.PAIR:
            plain = plain_text(text).text
            return _REGION * names_region(plain) | _DISTANT * ends_distant_rule(plain), []
        starts = [0]
        for part in texts:
            starts.append(starts[-1] + len(part))
        # Words alternate with separators.
        starts = starts[kind == kernel.FROM_START :: 2]
        reading = read_names(text, self._gazetteer)
        names: list[tuple[int, ...]] = []
        for mention in reading.mentions:
            begin = bisect_right(starts, mention.start) - 1
            final = bisect_right(starts, mention.end - 1) - 1
            span = begin, mention.start - starts[begin], final, mention.end - starts[final]
            names.append((*span, self._number(mention, text[mention.start : mention.end])))
        known = (
            _ACTIVE * bool(reading.mentions or reading.needs_places)
            | _NEEDS_PLACES * reading.needs_places
            | _NEEDS_REGIONS * reading.needs_regions
        )
        return known, names

    def _number(self, mention: Mention, spelling: str) -> int:
        """Return the number of what a name means."""
        places = tuple(place.id for place in mention.places)
        key = (places, mention.matched, mention.confidence, spelling)
        number = self._numbers.setdefault(key, len(self._mentions))
        if number == len(self._mentions):
            self._mentions.append((mention, spelling))
        return number


@lru_cache(maxsize=4)
def contexts(gazetteer: Gazetteer) -> Contexts:
    """Return the contexts of a gazetteer's names, which grow with each search."""
    return Contexts(gazetteer)
