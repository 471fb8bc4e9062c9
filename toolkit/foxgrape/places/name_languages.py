"""Group a place's names by language, and drop what is no name."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from foxgrape.places.phonetic import phonetic_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from foxgrape.places.geonames import AlternateName

__all__ = ["clean_name", "group_by_language", "group_names"]

_APOSTROPHES = re.compile("['`\u2018\u2019\u02b9\u02bc\u2032]")
_UKRAINIAN = re.compile("[абвгґдеєжзиіїйклмнопрстуфхцчшщьюя\u2019 -]+")
_RUSSIAN = re.compile("[абвгдеёжзийклмнопрстуфхцчшщъыьэюя -]+")
_ENGLISH = re.compile(r"[a-ik-pr-vyz\u2019 -]+")
_OTHER = "other"
#: Scripts of languages, as in the names of Unicode's characters; Latin for any language not listed.
_SCRIPTS = {
    "ARABIC": "ar fa ur ps ku ckb sd ug arz prs",
    "CYRILLIC": "uk ru be bg sr mk kk ky tg mn tt ba cv os ab",
    "HEBREW": "he yi",
    "CJK": "zh ja yue wuu nan hak cmn lzh",
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "GREEK": "el",
    "ARMENIAN": "hy",
    "GEORGIAN": "ka",
    "ETHIOPIC": "am ti",
    "THAI": "th",
    "LAO": "lo",
    "KHMER": "km",
    "MYANMAR": "my",
    "DEVANAGARI": "hi mr ne",
    "BENGALI": "bn as",
    "TAMIL": "ta",
    "TELUGU": "te",
    "SINHALA": "si",
    "TIBETAN": "bo dz",
}
_CASED = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN"}


def clean_name(name: str) -> str:
    """Return a name with uniform apostrophes, and without stress marks or repeated spaces."""
    composed = unicodedata.normalize("NFC", name).replace("\u0301", "")
    return " ".join(_APOSTROPHES.sub("\u2019", composed).split())


def group_by_language(
    names: Iterable[str], name: str, uk: str = "", heard: Iterable[str] = ()
) -> dict[str, list[str]]:
    """Group a place's names by language, and drop codes and transliterations.

    The language is guessed, since GeoNames does not give it. A name is Ukrainian or Russian if it
    can be written in that alphabet only. A name that fits both alphabets is Ukrainian if it equals
    `uk` or contains -ьк-, else Russian. A name in plain Latin letters is English if it has the
    same phonetic key as `name`, `uk` or one of `heard`. Every other name is in the group
    ``other``.
    """
    groups: dict[str, list[str]] = {"uk": [uk] if uk else [], "ru": [], "en": [], "other": []}
    keys = {phonetic_key(known) for known in (name, uk, *heard) if known}
    seen = {name, uk}
    for spelling in sorted({clean_name(spelling) for spelling in names}):
        if spelling in seen or not _is_name(spelling):
            continue
        seen.add(spelling)
        lower = spelling.casefold()
        language = "other"
        if _UKRAINIAN.fullmatch(lower) and (not _RUSSIAN.fullmatch(lower) or "ьк" in lower):
            language = "uk"
        elif _RUSSIAN.fullmatch(lower):
            language = "ru"
        elif _ENGLISH.fullmatch(lower) and phonetic_key(spelling) in keys:
            language = "en"
        groups[language].append(spelling)
    return groups


def group_names(
    names: Iterable[str],
    name: str,
    labelled: list[AlternateName],
    languages: tuple[str, ...],
    is_labelled: bool,
) -> dict[str, list[str]]:
    """Group a place's names by language: as stated or, if no name is labelled, by script.

    Former names, and names in none of the languages, are in the last group, ``other``. Names in a
    script of none of the languages are dropped, except Latin and Cyrillic ones.
    """
    groups: dict[str, set[str]] = {language: set() for language in languages}
    for other in labelled:
        language = other.language if other.language in groups and not other.former else _OTHER
        groups[language].add(clean_name(other.name))
    known = set().union(*groups.values())
    for spelling in {clean_name(spelling) for spelling in names} - known:
        language = _OTHER if is_labelled else _guess_language(spelling, name, languages)
        groups[language].add(spelling)
    scripts = {"LATIN", "CYRILLIC"} | {s for language in languages for s in _scripts_of(language)}
    seen = {name}
    grouped: dict[str, list[str]] = {}
    for language, spellings in groups.items():
        kept = sorted(other for other in spellings - seen if _is_name(other, scripts))
        grouped[language] = kept
        seen.update(kept)
    return grouped


def _guess_language(spelling: str, name: str, languages: tuple[str, ...]) -> str:
    """Return the first of the languages that is written in the script of a name, or ``other``.

    Languages in Latin letters cannot be distinguished: a name is English if it has the phonetic key
    of the main name.
    """
    scripts = {script for script in _scripts_in(spelling) if script != "LATIN"}
    if not scripts:
        is_english = "en" in languages and phonetic_key(spelling) == phonetic_key(name)
        return "en" if is_english else _OTHER
    lower = spelling.casefold()
    for language, letters in (("uk", _UKRAINIAN), ("ru", _RUSSIAN)):
        if language in languages and letters.fullmatch(lower):
            return language
    written = (language for language in languages[:-1] if scripts <= _scripts_of(language))
    return next((language for language in written if language not in {"uk", "ru"}), _OTHER)


@cache
def _scripts_of(language: str) -> frozenset[str]:
    scripts = {script for script, spoken in _SCRIPTS.items() if language in spoken.split()}
    return frozenset(scripts or {"LATIN"})


def _scripts_in(name: str) -> set[str]:
    return {unicodedata.name(sign, "").split(" ")[0] for sign in name if sign.isalpha()}


def _is_name(name: str, scripts: Iterable[str] = ("LATIN", "CYRILLIC")) -> bool:
    """Return whether a text is a name, not a code (UAODS) or a transliteration (yi jiu mu).

    It is a name if it has letters of one script, or of those of Japanese, and begins with a
    capital letter if the script has them.
    """
    if len(name) < 2:  # noqa: PLR2004
        return False
    own = _scripts_in(name)
    if not own or not own <= set(scripts):
        return False
    signs = {sign for sign in name if not sign.isalpha() and sign not in " -.\u2019"}
    if own <= _CASED:
        return len(own) == 1 and not signs and name[0].isupper() and not name.isupper()
    marks = {sign for sign in signs if unicodedata.category(sign)[0] == "M" or sign in "·־״׳"}
    return signs == marks and (len(own) == 1 or own <= {"CJK", "HIRAGANA", "KATAKANA"})
