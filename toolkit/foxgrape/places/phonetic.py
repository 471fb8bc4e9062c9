"""How a name sounds, coarsely enough for Ukrainian, Russian and every romanization to agree.

Izium, Izyum, Изюм and Ізюм are one sound; so are Харків, Харьков, Kharkiv and Kharkov. A sound
is a key for finding candidates, never a proof: what it finds is compared spelling by spelling.
"""

from __future__ import annotations

import re

from foxgrape.places.normalize import fold

__all__ = ["ending_variants", "normalize_spelling", "phonetic_key", "stem"]

_CONSONANTS = dict(zip("бвгґджзклмнпрстфхцчшьъў", "bvggdJzklmnprstfxcCS  v", strict=True))
# Vowels fall into three classes, since і/и/ы/е/о change into each other between the two
# languages (Харків, Харьков), in declension (Ріг, Рогу) and in every romanization.
_HEARD = dict.fromkeys("еєэоиіїый", "e") | dict.fromkeys("ая", "a") | dict.fromkeys("ую", "u")
_SPELT = _HEARD | dict.fromkeys("иіїый", "i") | {"о": "o"}
_CYRILLIC = str.maketrans(_CONSONANTS | _HEARD | {"щ": "SC", "ь": "", "ъ": ""})
_CYRILLIC_SPELT = str.maketrans(_CONSONANTS | _SPELT | {"щ": "SC", "ь": "", "ъ": ""})
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
_LATIN_SPELT = str.maketrans({"y": "i", "j": "i", **_OTHERS})
# A glide is not heard, nor is the j that softens a consonant: Lysychansjk.
_GLIDE = re.compile("[iyj](?=[aeiouy])|(?<=[^aeiouy ])j(?![aeiouy])")
_TWICE = re.compile(r"(.)\1+")
_VOWELS = "aeu"


def phonetic_key(name: str) -> str:
    """Return how a name sounds: words of consonants and three classes of vowels.

    Examples
    --------
    >>> {sound(name) for name in ("Izium", "Izyum", "Изюм", "Ізюм")}
    {'ezum'}
    >>> sound("Kupyans’k") == sound("Куп'янськ"), sound("Харків") == sound("Kharkov")
    (True, True)
    """
    return _spoken(name, _CYRILLIC, _LATIN)


def normalize_spelling(name: str) -> str:
    """Return a name in the letters of `sound`, with the vowels as they are spelt.

    Examples
    --------
    >>> spelt("Харків"), spelt("Kharkov")
    ('xarkiv', 'xarkov')
    """
    return _spoken(name, _CYRILLIC_SPELT, _LATIN_SPELT)


def _spoken(name: str, cyrillic: dict[int, str], latin: dict[int, str]) -> str:
    text = fold(name)
    if text.isascii():
        text = _GLIDE.sub("", text)
        for written, heard in _DIGRAPHS:
            text = text.replace(written, heard)
        text = text.translate(latin)
    else:
        text = text.translate(cyrillic).replace("ts", "c")
    return _TWICE.sub(r"\1", text)


def stem(heard: str) -> str:
    """Return a sound without the vowels that end its words: what declension leaves alone.

    Examples
    --------
    >>> stem(sound("Біла Церква")), stem(sound("Білій Церкві"))
    ('bel cerkv', 'bel cerkv')
    """
    return " ".join(word.rstrip(_VOWELS) or word for word in heard.split(" "))


def ending_variants(heard: str) -> list[str]:
    """Return the stems that a sound may have, if it is inflected: ``ezumem`` of ``ezum``.

    Examples
    --------
    >>> ending_variants(sound("Ізюмом"))
    ['ezumem', 'ezum', 'ezumm']
    >>> ending_variants(sound("Горлівці"))
    ['gerlevc', 'gerlevec', 'gerlevk']
    """
    variants = [""]
    for word in heard.split(" ")[:4]:
        variants = [f"{done} {tail}" for done in variants for tail in _word_variants(word)][:64]
    return [variant[1:] for variant in variants]


def _word_variants(word: str) -> list[str]:
    bare = word.rstrip(_VOWELS) or word
    found = [bare]
    shorter = bare
    # -ом -ам -ах -ів -ого, and twice for -ими + what follows; a stem keeps two letters.
    if bare[-1:] in {"m", "x", "v", "g"} and bare[-2:-1] in set(_VOWELS):
        shorter = bare[:-1].rstrip(_VOWELS)
        if len(shorter) > 1:
            found.append(shorter)
    for base in list(found):
        if len(base) < 3:  # noqa: PLR2004 - nothing would be left to recognise
            continue
        last, before = base[-1], base[-2]
        if before not in _VOWELS and last != before:  # Козельця: Козелець
            found.append(f"{base[:-1]}e{last}")
        elif before == "e" and base == word:  # Сокирок: Сокирки
            found.append(base[:-2] + last)
        softened = {"c": "k", "z": "g", "s": "x"}.get(last)  # Горлівці: Горлівка
        if softened and base != word:
            found.append(base[:-1] + softened)
    return list(dict.fromkeys(found))
