"""Normalize names and emoji, so that different spellings can be compared."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["find_words", "fold", "normal_emoji", "word_pattern"]

# Kup'iansk is written with ', ’, ʼ, `, ´ or ′, with * or ", or with none; GeoNames romanizes "ь"
# as ’. Soft hyphens and other invisible characters come from web pages and phones.
_REMOVED = re.compile(
    "['’ʼ‘`′ʹ´ʻ＇״׳ـ\u00ad\u200b-\u200f\u2060\ufeff]|(?<=[бпвмфрк])[*\"“”](?=[яюєї])"
)
_JOINTS = re.compile(r"[\s\-‐‑‒–—־_]+")
# Protect й and ї, which NFD decomposes into a letter and a mark, from the removal of marks. Arabic
# and Persian letters that are typed for each other, and two forms of a Chinese sign, are one.
_LETTERS = str.maketrans(
    {"й": "\ue000", "ї": "\ue001", "ё": "е", "ґ": "г"}
    | {"ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ہ": "ه", "臺": "台"}
)
_LETTERS_BACK = str.maketrans({"\ue000": "й", "\ue001": "ї"})

#: Signs of Chinese and Japanese, which are written without spaces between words.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")

_PRESENTATION = "\ufe0f\ufe0e"
_SKIN_TONES = "".join(map(chr, range(0x1F3FB, 0x1F400)))
_FORM_ONLY = str.maketrans("", "", _PRESENTATION + _SKIN_TONES)


def fold(name: str) -> str:
    """Return a name without case, apostrophes, hyphens and diacritics.

    Examples
    --------
    >>> fold("Куп’янськ-Вузловий"), fold("KUP'YANSK"), fold("Łódź")
    ('купянськ вузловий', 'kupyansk', 'łodz')
    """
    if name.isascii():
        return _JOINTS.sub(" ", name.lower().replace("'", "").replace("`", "")).strip()
    text = unicodedata.normalize("NFC", name).casefold().translate(_LETTERS)
    text = unicodedata.normalize("NFD", text)
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    text = _REMOVED.sub("", text.translate(_LETTERS_BACK))
    return _JOINTS.sub(" ", text).strip()


def word_pattern(keys: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern that matches the folded words in a folded text; None if `keys` is empty.

    Examples
    --------
    >>> word_pattern(["raisin", "#izium"]).findall("raisins, a raisin, #izium")
    ['raisin', '#izium']
    """
    # Longest first, so that #izium2022 does not match as #izium.
    ordered = sorted(set(keys), key=lambda key: (-len(key), key))
    spaced = "|".join(re.escape(key) for key in ordered if not _UNSPACED.match(key))
    unspaced = "|".join(re.escape(key) for key in ordered if _UNSPACED.match(key))
    parts = [rf"(?<![\w#])(?:{spaced})(?!\w)"] * bool(spaced) + [unspaced] * bool(unspaced)
    return re.compile("|".join(parts)) if parts else None


def find_words(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the folded words in a text, each with its span in the text as it is written.

    Examples
    --------
    >>> list(find_words(word_pattern(["raisin"]), "Один RAI\u00adSIN!"))
    [('raisin', 5, 12)]
    """
    for match in pattern.finditer(fold(text)):
        word = match[0]
        # The length of the folded text grows with the text.
        start = bisect_right(
            range(len(text) + 1), match.start(), key=lambda end: len(fold(text[:end]))
        )
        start -= 1
        end = bisect_right(
            range(start, len(text) + 1),
            len(word) - 1,
            key=lambda end, start=start: len(fold(text[start:end])),  # type: ignore[misc]
        )
        end += start
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        yield word, start, end


def normal_emoji(emoji: str) -> str:
    """Return an emoji without variation selectors and skin tone, as codebooks store it.

    Examples
    --------
    >>> normal_emoji("✈️") == "✈", normal_emoji("👍🏽")
    (True, '👍')
    """
    # A skin tone on its own is an emoji, so keep it.
    return emoji.translate(_FORM_ONLY) or emoji
