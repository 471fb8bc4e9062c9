"""Ukrainian and Russian case forms of names: в Ізюмі, під Лисичанськом, из Купянска.

One table serves both languages, since texts in one language also use endings of the other. Some of
the forms are ungrammatical: they are used to recognize names, not to write them.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["short_adjective_forms", "word_forms"]

_HARD = ["а", "у", "ом", "ові", "і", "е"]
_SOFT = ["я", "ю", "ем", "єм", "еві", "єві", "і", "ї", "е"]
_ADJECTIVE = ["ого", "ому", "им", "ім", "ом", "ой", "ым", "його", "ьому", "їм", "его", "ему", "ем"]
_FEMININE_ADJECTIVE = ["ої", "ій", "у", "ою", "ой", "ую", "ей", "ею", "юю"]
_PLURAL = ["ів", "ов", "їв", "ев", "єв", "ей", "ам", "ами", "ах", "ям", "ями", "ях"]
_PLURAL_ADJECTIVE = ["их", "им", "ими", "ых", "ым", "ыми", "їх", "їм", "їми"]

# (ending of the nominative, endings of the other cases); the first row with the ending of a word is
# used. Words are folded: ё and ґ are replaced with е and г, and apostrophes are removed.
_TABLE: list[tuple[str, list[str]]] = [
    ("ая", _FEMININE_ADJECTIVE),
    ("яя", _FEMININE_ADJECTIVE),
    ("ое", _ADJECTIVE),
    ("ее", _ADJECTIVE),
    ("ые", _PLURAL_ADJECTIVE),
    ("ие", _PLURAL_ADJECTIVE),
    ("ий", [*_ADJECTIVE, *_SOFT, "ия", "ию", "иєм", "ием", "иї"]),
    ("ый", [*_ADJECTIVE, "ыя", "ыю", "ыем", "ые"]),
    ("ій", _ADJECTIVE),
    ("ой", [*_ADJECTIVE, "оя", "ою", "оем", "оєм", "ое", "ої"]),
    ("й", _SOFT),
    ("ія", ["ії", "ію", "ією"]),
    ("ия", ["ии", "ию", "ией", "ії", "иї", "иєю"]),
    ("иська", ["иськ", "иськи", "иськах", "иськам", "иськами", "иську", "иською"]),
    ("ща", ["щи", "щі", "щу", "щею", "щою", "щой", "щей", "ще", "щ", "щах", "щам", "щами"]),
    ("а", ["и", "ы", "і", "ої", "ій", "у", "ою", "ой", "е", "ей", "ею", "ую"]),
    ("я", ["і", "ї", "ю", "ею", "єю", "ей", "и", "е", "ям", "я", "ьою", "ьої", "ої", "ій"]),
    # Not -ові, which is the locative of names in -ове: у Шевченкові is in Шевченкове.
    ("о", ["а", "у", "ом", "і", "е", "ого", "ому", "им"]),
    ("е", [*_ADJECTIVE, "ього", "я", "ю", "і", "ем", "ям", "и"]),
    ("и", [*_PLURAL, *_PLURAL_ADJECTIVE, ""]),
    ("ы", [*_PLURAL, *_PLURAL_ADJECTIVE, ""]),
    ("і", [*_PLURAL, *_PLURAL_ADJECTIVE, ""]),
    ("ї", ["їв", "їх", "їм", "їми", "ям", "ями", "ях"]),
    ("ь", [*_SOFT, "и", "ью", "ю"]),
]
# Names in -е with a locative in -і: Курахове, Роботине, Гуляйполе. For others, such as Мирне, this
# form is a plural of the adjective: мирні.
_NOUN_BASES = ("ов", "ев", "єв", "ин", "їн", "л", "р", "щ")
_SOFTENED = {"к": "ц", "г": "з", "х": "с"}
_CONSONANTS = "бвгджзклмнпрстфхцчшщ"
_HISSING = "жцчшщ"
#: Doubled in the Ukrainian instrumental of feminine names in -ь: Умань, під Уманню.
_DOUBLED = "нлтдсз"
# Before an ending, the last vowel of some stems changes or disappears: Харків, genitive Харкова;
# Forms without an ending have a vowel before the last consonant that the others lack: Козелець,
# genitive Козельця; Ромни, genitive plural Ромен.
_OPENED = {"і": ("о", "е"), "ї": ("є", "е"), "е": ("", "ь"), "о": ("",), "є": ("й",)}


@lru_cache(maxsize=4096)
def word_forms(word: str) -> frozenset[str]:
    """Return the case forms of a folded word of a name, including the word.

    Examples
    --------
    >>> sorted({"лисичанськом", "лисичанську", "лисичанські", "лисиця"} & word_forms("лисичанськ"))
    ['лисичанськом', 'лисичанську', 'лисичанські']
    >>> "харкова" in word_forms("харків"), "горлівці" in word_forms("горлівка")
    (True, True)
    """
    if word[-1:] in _CONSONANTS and word:
        endings = [*_HARD, *_SOFT] if word[-1] in _HISSING else _HARD
        bases = _open_stems(word)
        # The last consonant softens before і: Ріг, у Розі; Кременчук, у Кременчуці.
        soft = {base[:-1] + _SOFTENED.get(base[-1], base[-1]) + "і" for base in bases}
        return frozenset({word, *soft, *_combine(bases, endings)})
    rows = (row for row in _TABLE if word.endswith(row[0]) and len(word) > len(row[0]))
    ending, endings = next(rows, ("", []))
    if not endings:
        return frozenset({word})
    base = word.removesuffix(ending)
    bases = _open_stems(base) if ending == "ь" else [base]
    forms = {word, *_combine(bases, endings)}
    if ending == "ь" and base[-1:] in _DOUBLED:
        forms.add(f"{base}{base[-1]}ю")
    if ending == "е" and not base.endswith(_NOUN_BASES):
        forms.discard(f"{base}і")
    if ending in {"а", "я"} and base[-1] in _SOFTENED:
        forms.add(base[:-1] + _SOFTENED[base[-1]] + "і")
    if "" in endings and len(base) > 1 and base[-2] in _CONSONANTS:
        forms.update(base[:-1] + vowel + base[-1] for vowel in "ое")
    return frozenset(forms)


def short_adjective_forms(word: str) -> frozenset[str]:
    """Return the case forms of a folded possessive adjective before a noun: Часів Яр, Бабин Яр.

    Examples
    --------
    >>> sorted(short_adjective_forms("часів"))
    ['часова', 'часовим', 'часового', 'часовому', 'часову', 'часовым']
    """
    for ending, stems in (("ів", "ов"), ("їв", "єв"), ("ов", "ов"), ("ев", "ев"), ("ин", "ин")):
        if word.endswith(ending):
            base = word.removesuffix(ending) + stems
            return frozenset(base + case for case in ("ого", "ому", "им", "а", "у", "ым"))
    return frozenset()


def _combine(bases: list[str], endings: list[str]) -> set[str]:
    return {base + ending for base in bases for ending in endings}


def _open_stems(word: str) -> list[str]:
    """Return the stems that a word may have before an ending."""
    bases = [word]
    if word.endswith(("ев", "єв")):
        return bases  # Киева
    if len(word) > 3 and word[-1] in _CONSONANTS:  # noqa: PLR2004 - Ріг opens, Ор does not
        bases += [word[:-2] + vowel + word[-1] for vowel in _OPENED.get(word[-2], ())]
        if word.endswith("вец"):  # Краковець, на Краківці
            bases += [f"{word[:-4]}івц" for vowel in word[-4] if vowel in "оеє"]
    elif word[-2:-1] == "і":
        bases.append(word[:-2] + "о" + word[-1])
    return bases
