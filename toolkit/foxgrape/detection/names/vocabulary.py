"""The distinct words of all texts so far, and what is between them, each judged once.

What a name may look like is known only to `foxgrape.places.mentions`, and at which words its rules
look only to `foxgrape.places.mention_reach`. So a word in any spelling or case form in which a name
is found alone is also found here.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from foxgrape.detection.names import context_numba as kernel
from foxgrape.detection.names.scan_numba import (
    BEGINS_LONGER,
    CAPITAL,
    LETTER,
    N_DATA,
    N_WORDS,
    NAME,
    SEPARATOR,
    SIGN,
    WordTable,
)
from foxgrape.places.mention_places import WORD
from foxgrape.places.mention_reach import (
    abstract_separator,
    abstract_word,
    begins_distant_rule,
    decides_about_quoted,
    needs_whole_text,
)
from foxgrape.places.mentions import begins_longer_name, has_name
from foxgrape.places.plain_text import WITHIN_WORDS, plain_text
from foxgrape.places.scripts import has_native_letters

if TYPE_CHECKING:
    from foxgrape.places import Gazetteer

__all__ = ["Vocabulary"]

#: Maximum number of words and separators, and of eight bytes of them, after which all are
#: forgotten.
_MAX_WORDS, _MAX_DATA = 1 << 18, 1 << 20
#: Characters whose kinds are known to the kernel.
_KNOWN = (range(0x800), range(0x2000, 0x3000), range(0x1F000, 0x20000))
_CAPITALISED, _OPENING = re.compile(WORD), re.compile('[«„“"]')
#: Flags of a word or separator, how it is written, and the form that it shares with others.
_Judged = tuple[int, str, str]


class Vocabulary:
    """The distinct words and separators of all texts so far, in arrays of fixed size.

    Attributes
    ----------
    table
        Words and separators by number, and their flags.
    forms
        For each, the numbers of how it is written and of the form that it shares with others.
    texts
        What has these numbers.
    """

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self.table = WordTable(
            kinds=np.array([_kind(chr(point)) for points in _KNOWN for point in points], np.uint8),
            slots=np.zeros(2 * _MAX_WORDS, np.int32),
            begins=np.zeros(_MAX_WORDS + 1, np.int64),
            data=np.empty(_MAX_DATA, np.uint64),
            judged=np.zeros(_MAX_WORDS, np.uint8),
            counts=np.zeros(2, np.int64),
        )
        self.forms = np.empty((2, _MAX_WORDS), np.int32)
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}
        self.clear()

    def clear(self) -> None:
        """Forget all words but those whose numbers the kernel knows."""
        self.table.slots[:] = 0
        self.table.data[0] = ord(" ")
        self.table.begins[:4] = 0, 1, 1, 1
        self.table.counts[[N_WORDS, N_DATA]] = 3, 1
        self.texts.clear()
        self._numbers.clear()
        self._n_judged = 0
        self.judge()

    def judge(self) -> None:
        """Judge new words and separators, and number their forms."""
        first, last = self._n_judged, int(self.table.counts[N_WORDS])
        self._n_judged = last
        begins = self.table.begins[first : last + 1]
        data = self.table.data[begins[0] : begins[-1]].tobytes()
        ends = pairwise(((begins - begins[0]) * 8).tolist())
        judged = [self._judge(data[begin:end].rstrip(b"\0")) for begin, end in ends]
        self.table.judged[first:last] = [flags for flags, _, _ in judged]
        self.forms[0, first:last] = [self._number(written) for _, written, _ in judged]
        self.forms[1, first:last] = [self._number(shared) for _, _, shared in judged]
        self.table.judged[kernel.UNKNOWN] = kernel.WHOLE

    def _number(self, text: str) -> int:
        number = self._numbers.setdefault(text, len(self.texts))
        if number == len(self.texts):
            self.texts.append(text)
        return number

    def _judge(self, content: bytes) -> _Judged:
        text = content.decode("utf-8", "replace")
        if not any(map(str.isalnum, text)):
            # Marks alone are words to the kernel, but not to the rules.
            is_word = any(map(_is_in_word, text))
            return (kernel.WHOLE, "", "") if is_word else _judge_separator(abstract_separator(text))
        plain = plain_text(text).text
        flags = 0
        if _CAPITALISED.search(plain) or has_native_letters(text):
            flags |= kernel.CAPITALISED
            flags |= NAME * has_name(text, self._gazetteer)
            flags |= BEGINS_LONGER * begins_longer_name(text, self._gazetteer)
        if "\ufffd" in text or needs_whole_text(text):
            return flags | kernel.WHOLE, "", ""
        flags |= kernel.BEFORE_QUOTED * decides_about_quoted(text)
        flags |= kernel.OPENS * bool(_OPENING.search(text))
        flags |= kernel.DISTANT * begins_distant_rule(text)
        is_name = flags & (NAME | BEGINS_LONGER)
        return flags, text, text if is_name else abstract_word(text)


@lru_cache(maxsize=1 << 12)
def _judge_separator(text: str) -> _Judged:
    quoted = kernel.BEFORE_QUOTED * decides_about_quoted(text)
    return quoted | kernel.OPENS * bool(_OPENING.search(text)), text, text


@lru_cache(maxsize=4096)
def _is_in_word(character: str) -> bool:
    """Return whether a character makes a word of a run of signs, as the kernel sees it."""
    point = ord(character)
    if any(point in known for known in _KNOWN):
        return _kind(character) >= LETTER
    return not 0xFE00 <= point < 0xFE10  # noqa: PLR2004 - variation selectors


def _kind(character: str) -> int:
    # A combining mark may make a capital letter of the letter before it.
    if _CAPITALISED.match(character) or unicodedata.combining(character):
        return CAPITAL
    if WITHIN_WORDS.match(character):
        return LETTER if character.isalnum() else SIGN
    return SEPARATOR
