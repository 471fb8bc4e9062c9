"""Which words around a name the rules for mentions look at, and from how far.

Texts that differ only in words at which no rule looks have the same mentions. So
`foxgrape.detection` reads the words around a name once for all texts that share them. The words of
the rules are collected from the modules of the rules, so that a new rule needs no change here; a
rule that looks farther than `REACH` words does, and tests fail without it.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from foxgrape.places import mentions, settlement_types
from foxgrape.places.mention_context import CONTEXT, WORDS, folded
from foxgrape.places.plain_text import WITHIN_WORDS, plain_text
from foxgrape.places.scripts import has_native_letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "REACH",
    "RULES",
    "WIDTH",
    "abstract_separator",
    "abstract_word",
    "begins_distant_rule",
    "decides_about_quoted",
    "ends_distant_rule",
    "needs_whole_text",
]

_PREFIX = mentions.__name__.removesuffix("s")
#: The modules that look at the words of a text: those of the rules, on which `mentions` builds.
RULES = (
    *(
        module
        for name, module in sorted(sys.modules.items())
        if name.startswith(_PREFIX) and name != __name__
    ),
    settlement_types,
)
#: Number of words before and after a name that any rule looks at, except distant ones; and of
#: characters in which they look for these words.
REACH, WIDTH = (3, 6), (CONTEXT, 2 * CONTEXT)
#: Words of rules that look at the whole text before a name, or at up to 80 characters next to it.
#: The second word for a region or a sector of a front is one of these, or the last of a list of
#: regions or of power plants, or the second of a phrase about the level of a river.
_DISTANT = re.compile(
    "област|обл|oblast|region|province|район|raion|district|[щч]ин|[дл]нр|кра[йяюе]|krai"
    "|напрям|направлен|участ|дільниц|відтин|фронт|громад|водосхов|водохран|[сц]ь?кому?$"
    "|sector|direction|axis|front|hromada|community|nuclear|npp|вод[иы]"
)
#: What decides about a name in quotation marks up to 80 characters behind it: the end of another
#: quotation, as in a list of ships, or a word for a place that has such a name.
_BEFORE_QUOTED = re.compile(
    "»|пропуск|кордон|черг|очеред|границ|погран|аеропорт|аэропорт|кпвв|кпп|checkpoint|crossing|airport"
)
_IN_LIST = re.compile(r"(?!(?!other|інш|друг)[a-zа-яґєії])[\w'’ʼ-]+\s+([\w'’ʼ]+)")
_PHRASE = re.compile(
    "[A-Z]\\w+ (?:nuclear|NPP)|(?:рівн|рівен|уровн|уровен)\\w* вод[иы]", re.IGNORECASE
)
#: A list of regions before its names has one of these between the word for regions and the names.
_INCLUDING = frozenset(("including", "зокрема", "включно", "числе", "числі"))
#: Endings for which a rule looks in any word: those of feminine adjectives.
_ENDINGS = re.compile("(?:[нв]а|[сц]ька)$")
#: Minimum length of a word of the rules that other words may begin with.
_STEM = 3
#: Words of one kind are alike if no rule has them. Those of one or two characters are kept: some
#: rules look for a short word.
_ALIKE = (
    (re.compile("[а-яґєії]{3,}"), "ььь"),
    (re.compile("[a-z]{3,}"), "zzz"),
    (re.compile("[А-ЯҐЄІЇ]{3,}"), "ЬЬЬ"),
    (re.compile("[A-Z]{3,}"), "ZZZ"),
    (re.compile("[А-ЯҐЄІЇ][А-ЯҐЄІЇа-яґєії]{2,}"), "Ььь"),
    (re.compile("[A-Z][A-Za-z]{2,}"), "Zzz"),
    (re.compile("[0-9]{3,}"), "111"),
)
#: Words in which `plain_text` changes nothing.
_PLAIN = re.compile("[а-яґєіїА-ЯҐЄІЇ]+|[A-Za-z]+|[0-9]+")
#: What stands for symbols that are in no rule; several in a row, also joined, are like one. What is
#: not between words is kept: signs that `plain_text` removes.
_SYMBOL, _ADJACENT = "☆", re.compile("☆(?:\u200d?☆)+")
_OPTIONAL = re.compile(r"\w\?")
_ESCAPE, _LETTERS = re.compile(r"\\."), re.compile(r"[^\W\d_]+")


def abstract_word(word: str) -> str:
    """Return a word at which rules look, or what stands for all words like it.

    Examples
    --------
    >>> [abstract_word(word) for word in ("під", "уночі", "Уночі", "night", "2022", "о")]
    ['під', 'ььь', 'Ььь', 'zzz', '111', 'о']
    """
    for pattern, substitute in _ALIKE:
        if pattern.fullmatch(word):
            is_kept = _ENDINGS.search(word) or _is_in_rules(folded(word))
            return word if is_kept else substitute
    return word


def abstract_separator(separator: str) -> str:
    """Return what is between two words, with one symbol for all in a row at which no rule looks.

    Examples
    --------
    >>> abstract_separator(", 🔥❤️"), abstract_separator(" «")
    (', ☆', ' «')
    """
    return _ADJACENT.sub(_SYMBOL, separator.translate(_SYMBOLS))


class _Symbols(dict[int, str]):
    """For each character, itself or the symbol, by code point."""

    def __missing__(self, point: int) -> str:
        sign = chr(point)
        is_symbol = not sign.isspace() and not WITHIN_WORDS.match(sign) and sign not in _signs()
        self[point] = _SYMBOL if is_symbol else sign
        return self[point]


def needs_whole_text(word: str) -> bool:
    """Return whether a text with a word must be read as a whole.

    Examples
    --------
    >>> [needs_whole_text(word) for word in ("Ізюм", "зокрема", "חיפה")]
    [False, True, True]
    """
    if _PLAIN.fullmatch(word):
        return folded(word) in _INCLUDING
    plain = plain_text(word).text
    return (
        has_native_letters(word)
        or any(folded(part) in _INCLUDING for part in _LETTERS.findall(plain))
        # Changes elsewhere in the text change it too.
        or plain_text(f"{word} \u00ad").text != f"{plain} "
    )


def begins_distant_rule(word: str) -> bool:
    """Return whether a word, after the word before it, may be one that a distant rule looks for.

    Examples
    --------
    >>> [begins_distant_rule(word) for word in ("напрямку", "областей", "Сумщині", "Ізюм")]
    [True, True, True, False]
    """
    plain = word if _PLAIN.fullmatch(word) else plain_text(word).text
    return _DISTANT.search(folded(plain)) is not None or any(
        folded(part) in WORDS["regions"] for part in _LETTERS.findall(plain)
    )


def decides_about_quoted(text: str) -> bool:
    """Return whether a word or what is between words may decide about a name in quotation marks.

    Examples
    --------
    >>> decides_about_quoted("» і "), decides_about_quoted("пропуску"), decides_about_quoted("міст")
    (True, True, False)
    """
    plain = text if _PLAIN.fullmatch(text) else plain_text(text).text
    return _BEFORE_QUOTED.search(folded(plain)) is not None


def ends_distant_rule(text: str) -> bool:
    """Return whether two words may be the end of a list of regions, or of what else is distant.

    Examples
    --------
    >>> ends_distant_rule("Сумській областях"), ends_distant_rule("інших областях")
    (True, True)
    >>> ends_distant_rule("цих областях")
    False
    """
    plain = plain_text(text).text
    return _PHRASE.search(plain) is not None or any(
        folded(pair[1]) in WORDS["regions"] for pair in _IN_LIST.finditer(plain)
    )


def _is_in_rules(key: str) -> bool:
    """Return whether rules have a folded word, or a word with which it begins."""
    words = _rule_words()
    return key in words or any(key[:size] in words for size in range(_STEM, len(key)))


@cache
def _rule_words() -> frozenset[str]:
    return frozenset(folded(word) for text in _rule_texts() for word in _LETTERS.findall(text))


@cache
def _signs() -> frozenset[str]:
    """Return the characters of the rules that are neither letters nor digits, and all of ASCII."""
    signs = {sign for text in _rule_texts() for sign in text} | set(map(chr, range(0x80)))
    return frozenset(sign for sign in signs if not sign.isalnum())


@cache
def _rule_texts() -> tuple[str, ...]:
    """Return the words and the patterns of the modules of the rules, without escapes."""
    named = (item for module in RULES for item in vars(module).items())
    own = (text for name, value in named if name[:2] != "__" for text in _texts(value))
    return tuple(dict.fromkeys(_ESCAPE.sub(" ", text) for text in own))


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a value of a module, in a pattern or in the code of a function."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, re.Pattern):
        yield value.pattern
        yield _OPTIONAL.sub("", value.pattern)
    elif isinstance(value, (tuple, list, set, frozenset)):
        yield from _all_texts(value)
    elif isinstance(value, dict):
        yield from _all_texts((*value.keys(), *value.values()))
    elif code := getattr(getattr(value, "__wrapped__", value), "__code__", None):
        # Not docstrings.
        yield from (text for text in _all_texts(code.co_consts) if " " not in text)


def _all_texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        yield from _texts(value)


_SYMBOLS = _Symbols()
