"""Read the words around names once for all texts that share them.

Most texts that name a place differ in words at which no rule looks. `foxgrape.places.mention_reach`
tells which these are; here they are replaced by a substitute, and only a few words before and after
a possible name are read. A text is read as a whole where that may give another result.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from foxgrape.detection.names import context_numba as kernel
from foxgrape.detection.names.scan_numba import N_DATA, N_WORDS
from foxgrape.detection.names.vocabulary import is_in_word, word_table
from foxgrape.places.mention_places import WORD, names_region
from foxgrape.places.mention_reach import (
    REACH,
    WIDTH,
    abstract_separator,
    abstract_word,
    begins_distant_rule,
    decides_about_quoted,
    ends_distant_rule,
    needs_whole_text,
)
from foxgrape.places.mentions import begins_longer_name, has_name, read_names
from foxgrape.places.plain_text import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator

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
#: Maximum number of words, of texts and of contexts per call of the kernel.
_MAX_SPLIT, _MAX_TEXTS, _MAX_FOUND = 1 << 18, 1 << 14, 1 << 17
#: What is known about a context: it has names, or words that may be; other places, or regions, of
#: the text may decide about them; it names a region or a sector, or is of another distant rule.
_ACTIVE, _NEEDS_PLACES, _NEEDS_REGIONS, _REGION, _DISTANT, _READ = (1 << bit for bit in range(6))
_CAPITALISED, _OPENING = re.compile(WORD), '«„“"'
#: The word and the position in it of the first and the last character of a name in a context; its
#: mention, and the name as it is written.
_Written = tuple["Mention", str]
_Named = tuple[tuple[int, int, int, int], _Written]


class ContextNames(NamedTuple):
    """The names in texts: row, start, end, and number in `mentions`; and the rows still to read."""

    names: IntArray
    mentions: list[_Written]
    rest: IntArray


class Contexts:
    """The distinct words around possible names in all texts so far, in arrays of fixed size."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self._table = word_table()
        self._forms = np.empty((2, len(self._table.judged)), np.int32)
        self._contexts = kernel.ContextTable(
            np.zeros(2 * _MAX_CONTEXTS, np.int32),
            np.zeros(_MAX_CONTEXTS + 1, np.int64),
            np.empty(_MAX_FORMS, np.int32),
            np.zeros(1, np.int64),
        )
        separator, word, start, end = np.empty((4, _MAX_SPLIT), np.int32)
        first = np.empty(_MAX_TEXTS + 1, np.int32)
        self._words = kernel.Words(separator, word, start, end, first)
        self._kept = np.empty(_MAX_SPLIT, np.bool_)
        self._found = np.empty((3, _MAX_FOUND), np.int32)
        self._whole = np.empty(_MAX_TEXTS, np.bool_)
        self._n_judged = self._n_found = 0
        self._texts: list[str] = []
        self._numbers: dict[str, int] = {}
        self._known = np.zeros(_MAX_CONTEXTS, np.uint8)
        self._names_of: dict[int, list[_Named]] = {}
        self._lock = Lock()
        self._clear()

    def find(self, texts: TextBuffers, rows: IntArray) -> ContextNames:
        """Return the names in the texts at some rows, and the rows that must be read as a whole."""
        is_long = texts.offsets[rows + 1] - texts.offsets[rows] > _MAX_LENGTH
        names, rest = [np.empty((4, 0), np.int64)], [rows[is_long]]
        rows = rows[~is_long]
        mentions: list[_Written] = []
        with self._lock:
            for position, n_texts in self._split(texts, rows):
                some, is_whole = self._read_texts(n_texts, mentions)
                part = rows[position : position + n_texts]
                some[0] = part[some[0]]
                names.append(some)
                rest.append(part[is_whole])
        return ContextNames(np.concatenate(names, axis=1), mentions, np.concatenate(rest))

    def _split(self, texts: TextBuffers, rows: IntArray) -> Iterator[tuple[int, int]]:
        """Yield the position in `rows` and the number of texts whose contexts were found."""
        position = 0
        is_clear = False
        while position < len(rows):
            columns = texts.data, texts.offsets, rows
            n = kernel.split_texts(self._table, *columns, position, self._words)
            self._judge()
            self._kept[:] = False
            arguments = self._words, n, self._table.judged, self._forms, REACH, WIDTH
            outputs = self._contexts, self._kept, self._found, self._whole
            self._n_found, n = kernel.find_contexts(*arguments, *outputs)
            if not n and is_clear:
                # A text with more words than the arrays can hold is read as a whole.
                n, self._n_found, self._whole[0] = 1, 0, True
            is_clear = not n
            if n:
                yield position, n
            else:
                self._clear()
            position += n

    def _judge(self) -> None:
        """Judge new words and separators, and number their forms."""
        first, last = self._n_judged, int(self._table.counts[N_WORDS])
        self._n_judged = last
        starts = (self._table.begins[first : last + 1] * 8).tolist()
        data = self._table.data[: int(self._table.counts[N_DATA])].view(np.uint8)
        for number, start, stop in zip(range(first, last), starts, starts[1:], strict=False):
            content = data[start:stop].tobytes().rstrip(b"\0")
            self._table.judged[number], written, shared = self._judge_text(content)
            self._forms[:, number] = self._form(written), self._form(shared)
        self._table.judged[kernel.UNKNOWN] = kernel.WHOLE

    def _form(self, text: str) -> int:
        number = self._numbers.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
        return number

    def _judge_text(self, content: bytes) -> tuple[int, str, str]:
        """Return the flags of a word or separator, how it is written, and the form it shares."""
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return kernel.WHOLE, "", ""
        quoted = kernel.BEFORE_QUOTED * decides_about_quoted(text)
        if not any(map(str.isalnum, text)):
            # Marks alone are words to the kernel, but not to the rules.
            if any(map(is_in_word, text)):
                return kernel.WHOLE, "", ""
            opens = kernel.OPENS * any(sign in text for sign in _OPENING)
            return quoted | opens, text, abstract_separator(text)
        if needs_whole_text(text):
            return kernel.WHOLE, "", ""
        opens = kernel.OPENS * any(sign in text for sign in _OPENING)
        flags = quoted | opens | kernel.DISTANT * begins_distant_rule(text)
        if not _CAPITALISED.search(plain_text(text).text):
            return flags, text, abstract_word(text)
        flags |= kernel.CAPITALISED
        flags |= kernel.NAME * has_name(text, self._gazetteer)
        flags |= kernel.BEGINS_LONGER * begins_longer_name(text, self._gazetteer)
        is_name = flags & (kernel.NAME | kernel.BEGINS_LONGER)
        return flags, text, text if is_name else abstract_word(text)

    def _read_texts(self, n_texts: int, mentions: list[_Written]) -> tuple[IntArray, BoolArray]:
        """Return the names in the texts that were split, and which must be read as a whole."""
        text, context, first = self._found[:, : self._n_found].astype(np.int64)
        for new in np.unique(context[self._known[context] == 0]).tolist():
            self._read_context(new)
        known = self._known[context]

        def has(flag: int) -> BoolArray:
            of_texts = np.zeros(n_texts, np.bool_)
            of_texts[text[known & flag > 0]] = True
            return of_texts

        n_active = np.bincount(text[known & _ACTIVE > 0], minlength=n_texts)
        is_whole = self._whole[:n_texts] | has(_DISTANT) & (n_active > 0)
        is_whole |= has(_NEEDS_PLACES) & (n_active > 1) | has(_NEEDS_REGIONS) & has(_REGION)
        used = ~is_whole[text]
        return self._names(text[used], context[used], first[used], mentions), is_whole

    def _names(
        self,
        text: IntArray,
        context: IntArray,
        first: IntArray,
        mentions: list[_Written],
    ) -> IntArray:
        """Return the names in contexts, and append their mentions."""
        distinct, at = np.unique(context, return_inverse=True)
        named = [self._names_of[number] for number in distinct.tolist()]
        counts = np.array([len(names) for names in named], np.int64)
        first_name = np.cumsum(counts) - counts
        name, occurrence = repeat_counts(first_name[at], counts[at])
        spans = [span for names in named for span, _ in names]
        begin, start, final, end = np.array(spans, np.int64).reshape(-1, 4)[name].T
        first = first[occurrence]
        start += self._words.start[first + begin]
        end += self._words.start[first + final]
        number = name + len(mentions)
        mentions += [mention for names in named for _, mention in names]
        return np.stack([text[occurrence], start, end, number])

    def _read_context(self, number: int) -> None:
        """Read a new context."""
        start, stop = self._contexts.begins[number : number + 2]
        kind, *forms = self._contexts.data[start:stop].tolist()
        texts = [self._texts[form] for form in forms]
        text = "".join(texts)
        self._known[number] = _READ
        self._names_of[number] = []
        if kind == kernel.PAIR:
            plain = plain_text(text).text
            region, other = names_region(plain), ends_distant_rule(plain)
            self._known[number] |= _REGION * region | _DISTANT * other
            return
        starts = [0]
        for part in texts:
            starts.append(starts[-1] + len(part))
        # Words alternate with separators.
        starts = starts[kind == kernel.FROM_START :: 2]
        reading = read_names(text, self._gazetteer)
        for mention in reading.mentions:
            begin = bisect_right(starts, mention.start) - 1
            final = bisect_right(starts, mention.end - 1) - 1
            span = begin, mention.start - starts[begin], final, mention.end - starts[final]
            spelling = text[mention.start : mention.end]
            self._names_of[number].append((span, (mention, spelling)))
        self._known[number] |= (
            _ACTIVE * bool(reading.mentions or reading.needs_places)
            | _NEEDS_PLACES * reading.needs_places
            | _NEEDS_REGIONS * reading.needs_regions
        )

    def _clear(self) -> None:
        self._table.slots[:] = 0
        self._table.counts[:] = 0
        # A blank, nothing, and what cannot be distinguished have the numbers that the kernel uses.
        self._table.data[0] = ord(" ")
        self._table.begins[:4] = 0, 1, 1, 1
        self._table.counts[[N_WORDS, N_DATA]] = 3, 1
        self._contexts.slots[:] = 0
        self._contexts.counts[:] = 0
        self._n_judged = 0
        self._texts.clear()
        self._numbers.clear()
        self._known[:] = 0
        self._names_of.clear()


@lru_cache(maxsize=4)
def contexts(gazetteer: Gazetteer) -> Contexts:
    """Return the contexts of a gazetteer's names, which grow with each search."""
    return Contexts(gazetteer)


def repeat_counts(first: IntArray, counts: IntArray) -> tuple[IntArray, IntArray]:
    """Return for each count the numbers from `first` on, and the position of the count.

    Examples
    --------
    >>> [array.tolist() for array in repeat_counts(np.array([5, 0, 7]), np.array([2, 0, 3]))]
    [[5, 6, 7, 8, 9], [0, 0, 2, 2, 2]]
    """
    position = np.repeat(np.arange(len(counts)), counts)
    total = np.cumsum(counts)
    within = np.arange(total[-1] if len(total) else 0) - np.repeat(total - counts, counts)
    return first[position] + within, position
