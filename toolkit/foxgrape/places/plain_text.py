"""Text without what hides names in it: invisible characters, stress marks, look-alike letters.

People type ` or * for an apostrophe, phones and web pages insert soft hyphens, some systems store
й as и and a mark, and hashtags join words. `plain_text` undoes this for reading, and keeps where
each character stands in the original.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

__all__ = ["WITHIN_WORDS", "PlainText", "plain_text"]

_INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_CYRILLIC, _LATIN = "а-яёіїєґА-ЯЁІЇЄҐ", "a-zA-Z"
#: Characters that may stand within a word as it is written: no change reads across any others.
WITHIN_WORDS = re.compile(rf"[\w'’ʼ\-‑\u0300-\u036f{_INVISIBLE}`´‘ʻ′ʹ＇*\"“”#]")
#: What a text that needs a change has. Most texts have none of the first, which is fastest to see.
_SUSPECT = re.compile(rf"[\u0300-\u036f{_INVISIBLE}`´‘ʻ′ʹ＇*\"“”#{_LATIN}]")
_SUSPECT_ASCII = re.compile("[`#]")
_UNUSUAL = re.compile(
    rf"[\u0300-\u036f{_INVISIBLE}`´‘ʻ′ʹ＇]|[*\"“”][яюєїЯЮЄЇ]|#\w+[_{_CYRILLIC}{_LATIN}]"
    rf"|[{_CYRILLIC}]['’ʼ-]?[{_LATIN}]|[{_LATIN}]['’ʼ-]?[{_CYRILLIC}]"
)
#: A letter with marks, or invisible characters, which are removed wherever they stand.
_MARKED = re.compile(rf"[^\W\d_][\u0300-\u036f{_INVISIBLE}]*[\u0300-\u036f]+|[{_INVISIBLE}]+")
_ACCENTS = dict.fromkeys(map(ord, "\u0300\u0301"))
#: Signs typed for an apostrophe. Those that have other uses count only where Ukrainian has one.
_APOSTROPHE = re.compile(
    r"(?<=[^\W\d_])[`´‘ʻ′ʹ＇](?=[^\W\d_])|(?<=[бпвмфркБПВМФРК])[*\"“”](?=[яюєїЯЮЄЇ])"
)
_WORD = re.compile(r"[\w'’ʼ-]+")
_MIXED = re.compile(rf"[{_CYRILLIC}]['’ʼ-]?[{_LATIN}]|[{_LATIN}]['’ʼ-]?[{_CYRILLIC}]")
_LOOK_ALIKE = dict(zip("aceiopxyABCEHIKMOPTXYïë", "асеіорхуАВСЕНІКМОРТХУїё", strict=True))
_TO_CYRILLIC = str.maketrans(_LOOK_ALIKE)
_TO_LATIN = str.maketrans({cyrillic: latin for latin, cyrillic in _LOOK_ALIKE.items()})
_HASHTAG = re.compile(r"#\w+")
#: Where the words of a hashtag meet: at an underscore, and before a capital after a small letter.
_SEAM = re.compile(
    r"_+|(?<=[a-zа-яёіїєґ'’ʼ])(?=[A-ZА-ЯЁІЇЄҐ])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])"
)


class PlainText(NamedTuple):
    """A text to search, and where its characters stand in the original text.

    Attributes
    ----------
    text
        The text to search.
    starts, ends
        For each character, where the characters that it replaces start and end. None if the text
        is the original.
    """

    text: str
    starts: list[int] | None = None
    ends: list[int] | None = None

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span in the original text of a span that is not empty."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def plain_text(text: str) -> PlainText:
    r"""Return a text without what hides names in it.

    Examples
    --------
    >>> plain_text("під Слов`янськом, в Ізю\xadмі").text
    "під Слов'янськом, в Ізюмі"
    >>> plain = plain_text("#ЛисичанськЦеУкраїна")
    >>> plain.text, plain.original_span(1, 11)
    ('#Лисичанськ Це Україна', (1, 11))
    """
    suspect = _SUSPECT_ASCII if text.isascii() else _SUSPECT
    if suspect.search(text) is None or _UNUSUAL.search(text) is None:
        return PlainText(text)
    plain = PlainText(text, list(range(len(text))), list(range(1, len(text) + 1)))
    for find_edits in (_marks, _apostrophes, _look_alikes, _hashtag_seams):
        edits = find_edits(plain.text)
        if edits:
            plain = _apply(plain, edits)
    return plain


#: Start and end of the characters to replace, and their replacement.
_Edit = tuple[int, int, str]


def _marks(text: str) -> list[_Edit]:
    return [(*match.span(), _compose(match[0])) for match in _MARKED.finditer(text)]


def _compose(cluster: str) -> str:
    """Return a letter with its marks as one character, without stress or invisible characters."""
    visible = re.sub(f"[{_INVISIBLE}]", "", cluster)
    return unicodedata.normalize("NFC", visible.translate(_ACCENTS))


def _apostrophes(text: str) -> list[_Edit]:
    return [(*match.span(), "'") for match in _APOSTROPHE.finditer(text)]


def _look_alikes(text: str) -> list[_Edit]:
    words = (word for word in _WORD.finditer(text) if _MIXED.search(word[0]))
    return [(*word.span(), _one_alphabet(word[0])) for word in words]


def _one_alphabet(word: str) -> str:
    """Return a word of two alphabets in one, if all its letters of the other are look-alikes."""
    cyrillic, latin = word.translate(_TO_CYRILLIC), word.translate(_TO_LATIN)
    if not re.search(f"[{_LATIN}]", cyrillic):
        return cyrillic
    return latin if not re.search(f"[{_CYRILLIC}]", latin) else word


def _hashtag_seams(text: str) -> list[_Edit]:
    return [
        (*seam.span(), " ")
        for hashtag in _HASHTAG.finditer(text)
        for seam in _SEAM.finditer(text, hashtag.start() + 1, hashtag.end())
    ]


def _apply(plain: PlainText, edits: list[_Edit]) -> PlainText:
    """Return the text with edits applied; the edits are in order and do not overlap."""
    text, old_starts, old_ends = plain.text, plain.starts or [], plain.ends or []
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    last = 0
    for start, end, new in edits:
        parts += text[last:start], new
        starts += old_starts[last:start]
        ends += old_ends[last:start]
        if len(new) == end - start:
            starts += old_starts[start:end]
            ends += old_ends[start:end]
        elif new:
            before = old_ends[start - 1] if start else 0
            starts += [old_starts[start] if end > start else before] * len(new)
            ends += [old_ends[end - 1] if end > start else before] * len(new)
        last = end
    parts.append(text[last:])
    return PlainText("".join(parts), starts + old_starts[last:], ends + old_ends[last:])
