"""Spelling: what two spellings of one name, or two forms of one emoji, have in common."""

from __future__ import annotations

import re
import unicodedata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["fold", "normal_emoji", "whole_words"]

# Kup'iansk is written with ', ’, ʼ, ` or ′, or with none; "ь" is romanized as ’ by GeoNames.
_APOSTROPHES = re.compile("['’ʼ‘`′ʹ]")
_JOINTS = re.compile(r"[\s\-‐‑‒–—_]+")
# й and ї decompose into letter and mark, but are letters of their own.
_LETTERS = str.maketrans({"й": "\ue000", "ї": "\ue001", "ё": "е", "ґ": "г"})
_LETTERS_BACK = str.maketrans({"\ue000": "й", "\ue001": "ї"})

_PRESENTATION = "\ufe0f\ufe0e"
_SKIN_TONES = "".join(map(chr, range(0x1F3FB, 0x1F400)))
_FORM_ONLY = str.maketrans("", "", _PRESENTATION + _SKIN_TONES)


def fold(name: str) -> str:
    """Return what is left of a name without case, apostrophes, hyphens and diacritics.

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
    text = _APOSTROPHES.sub("", text.translate(_LETTERS_BACK))
    return _JOINTS.sub(" ", text).strip()


def whole_words(keys: Iterable[str]) -> re.Pattern[str] | None:
    """Return the pattern of any of the folded words, whole, in a folded text; None for none.

    Examples
    --------
    >>> whole_words(["raisin", "#izium"]).findall("raisins, a raisin, #izium")
    ['raisin', '#izium']
    """
    # Longest first, so that #izium2022 is not read as #izium.
    words = "|".join(map(re.escape, sorted(set(keys), key=lambda key: (-len(key), key))))
    return re.compile(rf"(?<![\w#])(?:{words})(?!\w)") if words else None


def normal_emoji(emoji: str) -> str:
    """Return the form of an emoji that codebooks use: no variation selector, no skin tone.

    Examples
    --------
    >>> normal_emoji("✈️") == "✈", normal_emoji("👍🏽")
    (True, '👍')
    """
    # A lone skin tone is an emoji of its own, and stays.
    return emoji.translate(_FORM_ONLY) or emoji
