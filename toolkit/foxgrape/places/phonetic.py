"""Phonetic keys of names, coarse enough to agree for Ukrainian, Russian and romanizations.

Izium, Izyum, Изюм and Ізюм share one key; so do Харків, Харьков, Kharkiv and Kharkov. Keys are used
to find candidates, whose spellings are then compared.
"""

from __future__ import annotations

import re
from functools import lru_cache

from foxgrape.places.normalize import fold

__all__ = ["ending_variants", "normalize_spelling", "phonetic_key", "stem"]

_CONSONANTS = dict(zip("бвгґджзклмнпрстфхцчшьъў", "bvggdJzklmnprstfxcCS  v", strict=True))
# Vowels fall into three classes, since і/и/ы/е/о change into each other between the two
# languages (Харків, Харьков), in declension (Ріг, Рогу) and in every romanization.
_COARSE = dict.fromkeys("еєэоиіїый", "e") | dict.fromkeys("ая", "a") | dict.fromkeys("ую", "u")
_EXACT = _COARSE | dict.fromkeys("иіїый", "i") | {"о": "o"}
_CYRILLIC = str.maketrans(_CONSONANTS | _COARSE | {"щ": "SC", "ь": "", "ъ": ""})
_CYRILLIC_EXACT = str.maketrans(_CONSONANTS | _EXACT | {"щ": "SC", "ь": "", "ъ": ""})
_DIGRAPHS = [
    ("shch", "SC"),
    ("shh", "SC"),
    ("zgh", "zg"),
    ("sch", "S"),
    ("gh", "g"),
    ("kh", "x"),
    ("zh", "J"),
    ("ch", "C"),
    ("sh", "S"),
    ("ts", "c"),
    ("tz", "c"),
    ("ph", "f"),
]
_OTHERS = {"h": "g", "w": "v", "q": "k"}
_LATIN = str.maketrans({**dict.fromkeys("eioyj", "e"), **_OTHERS})
_LATIN_EXACT = str.maketrans({"y": "i", "j": "i", **_OTHERS})
# Remove glides, and the j that softens a consonant: Lysychansjk.
_GLIDE = re.compile("[iyj](?=[aeiouy])|(?<=[^aeiouy ])j(?![aeiouy])")
_REPEATED = re.compile(r"(.)\1+")
_VOWELS = "aeu"


@lru_cache(maxsize=4096)
def phonetic_key(name: str) -> str:
    """Return the phonetic key of a name: its consonants and three classes of vowels.

    Examples
    --------
    >>> {phonetic_key(name) for name in ("Izium", "Izyum", "Изюм", "Ізюм")}
    {'ezum'}
    >>> phonetic_key("Харків") == phonetic_key("Kharkov")
    True
    """
    return _transcribe(name, _CYRILLIC, _LATIN)


def normalize_spelling(name: str) -> str:
    """Transcribe a name like `phonetic_key`, but distinguish the vowels e, i and o.

    Examples
    --------
    >>> normalize_spelling("Харків"), normalize_spelling("Kharkov")
    ('xarkiv', 'xarkov')
    """
    return _transcribe(name, _CYRILLIC_EXACT, _LATIN_EXACT)


def _transcribe(name: str, cyrillic: dict[int, str], latin: dict[int, str]) -> str:
    text = fold(name)
    if text.isascii():
        text = _GLIDE.sub("", text)
        for digraph, letter in _DIGRAPHS:
            text = text.replace(digraph, letter)
        text = text.translate(latin)
    else:
        text = text.translate(cyrillic).replace("ts", "c")
    return _REPEATED.sub(r"\1", text)


def stem(key: str) -> str:
    """Return a phonetic key without the vowels at the ends of its words, which declension changes.

    Examples
    --------
    >>> stem(phonetic_key("Біла Церква")), stem(phonetic_key("Білій Церкві"))
    ('bel cerkv', 'bel cerkv')
    """
    return " ".join(word.rstrip(_VOWELS) or word for word in key.split(" "))


def ending_variants(key: str) -> list[str]:
    """Return the stems that a phonetic key may have if the name is inflected.

    Examples
    --------
    >>> ending_variants(phonetic_key("Ізюмом"))
    ['ezumem', 'ezum', 'ezumm']
    >>> ending_variants(phonetic_key("Горлівці"))
    ['gerlevc', 'gerlevec', 'gerlevk']
    """
    variants = [""]
    for word in key.split(" ")[:4]:
        variants = [f"{start} {end}" for start in variants for end in _word_variants(word)][:64]
    return [variant[1:] for variant in variants]


def _word_variants(word: str) -> list[str]:
    bare = word.rstrip(_VOWELS) or word
    stems = [bare]
    # Remove -ом, -ам, -ах, -ів and -ого, but keep a stem of at least two letters.
    if bare[-1:] in {"m", "x", "v", "g"} and bare[-2:-1] in set(_VOWELS):
        shorter = bare[:-1].rstrip(_VOWELS)
        if len(shorter) > 1:
            stems.append(shorter)
    for base in list(stems):
        if len(base) < 3:  # noqa: PLR2004 - too short to recognize
            continue
        last, before = base[-1], base[-2]
        if before not in _VOWELS and last != before:  # a lost vowel: Козельця, from Козелець
            stems.append(f"{base[:-1]}e{last}")
        elif before == "e" and base == word:  # an inserted vowel: Сокирок, from Сокирки
            stems.append(base[:-2] + last)
        softened = {"c": "k", "z": "g", "s": "x"}.get(last)  # e.g. Горлівці, from Горлівка
        if softened and base != word:
            stems.append(base[:-1] + softened)
    return list(dict.fromkeys(stems))
