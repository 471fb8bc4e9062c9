"""The words around a name in a text that show that it means a place."""

from __future__ import annotations

import re

from foxgrape.places.gazetteer import is_current_name
from foxgrape.places.mention_context import (
    CONTEXT,
    WORDS,
    Name,
    folded,
    follows_settlement,
    is_alone_in_quotes,
    is_at_border,
    is_ordinary,
    is_person,
    word_after,
    word_before,
)
from foxgrape.places.mention_places import WORD
from foxgrape.places.namesakes import CITY_POPULATION, TOWN_POPULATION

__all__ = [
    "LOCATIVE",
    "TOWN_ENDINGS",
    "has_typical_ending",
    "is_city_in_list",
    "is_in_region",
    "is_inside_sentence",
    "refers_to_place",
]

#: A region before a list of places: Сумська область – Шалигине; Сумщина: Глухів.
_REGION_BEFORE = re.compile(
    r"(?:област[ьи]|обл\.|[щч]ин[аіиуы]|район\w?|р-н|[Rr]egion|[Oo]blast) ?[:–—-] ?$"
)
#: Before a place, but not after the name of a sector: у напрямку Ставків.
_TOWARDS = re.compile(r"\b(?:у|в) (?:напрямку|напрямі|направлении) $")
#: A region or district that follows a place name: Піски, Донецька область; Піски на Донеччині.
_WITHIN = re.compile(rf",? \(?(?:(?:на|у|в|in) )?{WORD} ([\w'’ʼ]+)")
_WITHIN_NOUN = re.compile(r",? \(?(?:на )?[А-ЯІЇЄҐ][\w'’ʼ]+[щч]ин(?:а|и|і|у|ы|е)\b")
#: A sentence that consists of a name, or of a name and *is ours*.
_SENTENCE_BEFORE = re.compile(r"(?:^|[.!?…\n]|[^\w\s,;:\"'«»()-])[ \u00a0]*$")
_SENTENCE_AFTER = re.compile(
    r"[ \u00a0]*(?:[.!…:,\n–—]|$)| (?:наш|взят|звільнен|освобожд|вільн|is )"
)
_HEADING = re.compile(r": ?(?![\s«„“\"])| [–—](?! [«„“\"])|!")
#: What is said of a place rather than of a person: Хотень під ударом, Lyptsi is under fire.
_PREDICATE = re.compile(
    r" (?:евакую|эвакуир|обстріл|обстрел|бомб[ля]|штурму|накри|накры|затоп|підтоп|подтоп|затян"
    r"|стира|відбудов|отстраива|восстанавл|оточ|окружен|окружил|зруйнов|разруш|атаку|атакова"
    r"|горить|горит|палає|пылает|дотла|гатять|кошмар)"
    r"|(?:,|:| [–—-])? (?:"
    r"(?:під|под) (?:удар|вогнем|огн[её]м|обстр|атак|контрол|окупац|оккупац|КАБ|ФАБ)\w*"
    r"|(?:уважно|укриття|в укриття|увага|в укрытие|внимание)\b"
    r"|без (?:світла|води|газу|зв[’'ʼ]язку|света|воды|газа|связи)\b"
    r"|(?:гучно|голосно|громко|чисто|відбій|отбой|сіра зона|серая зона|вибух|взрыв)\w*"
    r"|(?:знеструмлен|обесточен|обстріляно|обстрелян|звільнен|освобожд[её]н|деокупован|окупован)\w*"
    r"|(?:is|are|was|were|came|come|remains?|has been|have been) (?:\w+ )?"
    r"(?:under (?:fire|attack|control)|without (?:power|water)|shelled|liberated"
    r"|captured|contested|bombed|de-occupied)\b)"
)
#: Endings that names of places have, and those of persons rarely.
_PLACE_ENDINGS = (
    *(
        "ка",
        "не",
        "ве",
        "ино",
        "ово",
        "ево",
        "ськ",
        "цьк",
        "ск",
        "вці",
        "иця",
        "ица",
        "вцы",
        "піль",
        "поль",
    ),
    *(
        "ське",
        "цьке",
        "ское",
        "цкое",
        "ное",
        "вое",
        "ани",
        "яни",
        "аны",
        "яны",
        "ичі",
        "ичи",
        "лля",
    ),
    *(
        "ka",
        "ne",
        "ve",
        "sk",
        "tsk",
        "vtsi",
        "pil",
        "pol",
        "ytsia",
        "ske",
        "tske",
        "any",
        "ychi",
        "llia",
    ),
)
#: Endings that names of villages have, and few other words.
_VILLAGE_ENDINGS = (
    *("івка", "ївка", "овка", "евка", "ине", "ово", "ево", "ивка", "івці", "инці", "піль", "поль"),
    *("пілля", "полье", "ivka", "ovka", "yne", "ynka", "pillia"),
)
#: Those that hardly any other word with a capital letter inside a sentence has.
_ONLY_VILLAGE_ENDINGS = ("івка", "ївка", "овка", "евка", "івці", "инці", "ivka", "ovka", "yntsi")
#: Minimum population of a place whose name of several words needs no other words around it.
_LEAST = 1000
#: The same for a word that is attacked or taken.
_TOWN = 5000
#: Endings that surnames have as well as names of villages.
_SURNAMES = (
    *("ко", "ук", "юк", "ак", "як", "ін", "їн", "ин", "ів", "їв", "ов", "ев", "ёв", "єв", "ий"),
    *("ой", "ик", "ло", "ас", "ko", "uk", "ak", "yk", "iv", "in", "yn", "ov", "ev", "yi"),
)
#: Endings of the genitive plural of villages, and of surnames.
_PLURALS = ("ов", "ев", "ёв", "ів", "їв", "ый")
#: A word with a capital letter that is one of these is no first name.
_RULE_WORDS = frozenset().union(*WORDS.values())
#: Prepositions after a word for an attack, and stems of such words: били по Дудчанах.
_STRIKE_PREPOSITIONS, _STRIKE = ("по", "на", "за", "on", "at"), tuple(WORDS["strike"])
#: Prepositions that take the genitive of what is rarely a person, and endings of the instrumental.
_OUT_OF, _INSTRUMENTAL = (
    ("из", "з", "із", "зі"),
    ("ом", "ем", "єм", "ою", "ею", "ой", "им", "ым", "ми"),
)
#: Endings that names of towns have, and few other words.
TOWN_ENDINGS = ("ськ", "цьк", "ск", "цк", "град", "піль", "поль", "sk", "hrad", "pil", "pol")
LOCATIVE = ("і", "ї", "у", "ю", "ах", "ях", "ому", "ім", "ом", "ой", "ій", "е")


def refers_to_place(text: str, name: Name, known: bool) -> bool:
    """Return whether the name counts, by itself or because of the words around it."""
    before = folded(name.before)
    if before == "of":
        before = folded(word_before(text, text.rindex(name.before, 0, name.start)))
        if before in WORDS["around"]:
            return True
    after = folded(name.after)
    kinds = WORDS["settlement"] - WORDS["city"] if name.rival else WORDS["settlement"]
    if (
        (before in kinds and (before != "с" or follows_settlement(text, name)))
        or before in WORDS["island"]
        or (after.isascii() and after in kinds | WORDS["plant"])
        or (is_in_region(text, name) and not _begins_like_word(text, name))
        or _REGION_BEFORE.search(text, max(0, name.start - CONTEXT), name.start)
        or _TOWARDS.search(text, max(0, name.start - CONTEXT), name.start)
    ):
        return True
    if name.rival:
        return False
    if is_alone_in_quotes(text, name) and is_at_border(text, name):
        return True
    is_inflected = folded(name.matches[0].matched) != folded(text[name.start : name.end])
    is_at = (
        before in WORDS["at"]
        or (before in WORDS["resident"] and is_inflected)
        or (_PREDICATE.match(text, name.end) is not None and _is_subject(text, name))
    )
    is_in = before in WORDS["in"] and not _is_quoted(text, name)
    if is_ordinary(name):
        spelling = folded(text[name.start : name.end])
        is_city = (name.matches[0].place.population or 0) >= CITY_POPULATION
        is_route = (
            is_city and before in WORDS["from"] and (spelling.isascii() or not is_person(name))
        )
        return (
            is_at
            or is_route
            or (is_inflected and not is_person(name) and _is_reached(text, name))
            or (not is_inflected and _is_like_town(text, name))
            or (is_in and (is_city or spelling.isascii() or spelling.endswith(LOCATIVE)))
        )
    return known or is_in or is_at or _is_attacked(text, name) or _is_village(text, name)


def _is_subject(text: str, name: Name) -> bool:
    """Return whether a name may be the subject of a sentence: not that of a hamlet like a word."""
    is_small = (name.matches[0].place.population or 0) < _LEAST
    return "inflected" not in name.matches[0].how and (
        not is_ordinary(name)
        or not (is_person(name) or (is_small and not is_inside_sentence(text, name.start)))
    )


def _is_like_town(text: str, name: Name) -> bool:
    """Return whether a word in the nominative is treated like a town: КАБ на Сарни; Ровно: взрывы.

    A person is attacked in another case, and speaks after a colon: Хмельницький: «Ні».
    """
    people = name.matches[0].place.population or 0
    is_city = people >= CITY_POPULATION
    return (
        (people >= _TOWN and (is_city or not is_person(name)) and _is_attacked(text, name))
        or (is_city and _PREDICATE.match(text, name.end) is not None)
        or (
            is_city
            and _HEADING.match(text, name.end) is not None
            and _SENTENCE_BEFORE.search(text, max(0, name.start - CONTEXT), name.start) is not None
        )
    )


def _is_reached(text: str, name: Name) -> bool:
    """Return whether an ordinary word is the name of a place: били по Межовій, із Зарічного."""
    spelling, before = folded(text[name.start : name.end]), folded(name.before)
    if before in _STRIKE_PREPOSITIONS:
        return _is_attacked(text, name)
    return before in _OUT_OF and not spelling.endswith(_INSTRUMENTAL)


def _is_attacked(text: str, name: Name) -> bool:
    """Return whether a word for taking, holding or attacking a place is before the name.

    Such words are before the names of persons too, so that the ending of the name decides.
    """
    before = folded(name.before)
    if before in _STRIKE_PREPOSITIONS:
        start = text.rindex(name.before, 0, name.start)
        word = folded(word_before(text, start))
        if not word.startswith(_STRIKE) and not (before == "на" and word[:1].isdigit()):
            return False
    elif before not in WORDS["taken"]:
        return False
    if is_ordinary(name):
        return True
    # A place is in the nominative where a person is in the accusative.
    matched = name.matches[0].matched
    is_nominative = "inflected" not in name.matches[0].how
    return is_nominative or has_typical_ending(name) or " " in matched


def _is_village(text: str, name: Name) -> bool:
    """Return whether the name of a village is a sentence, or follows a word such as *from*.

    It also has an ending of names of places: Роботине. Працюємо; вивезли з Оріхово-Василівки.
    Inside a sentence, some endings suffice: пам'ятаємо Оленівку.
    """
    matched = folded(name.matches[0].matched)
    if is_inside_sentence(text, name.start):
        spelling = folded(text[name.start : name.end])
        if folded(name.before) in _OUT_OF and not spelling.endswith(_INSTRUMENTAL):
            return True
        if folded(name.before) in WORDS["from"]:
            return has_typical_ending(name) or " " in matched or _is_only_place(text, name)
        if is_current_name(name.matches[0]) and not _is_quoted(text, name):
            return matched.endswith(_ONLY_VILLAGE_ENDINGS) or _is_only_place(text, name)
    return (
        (matched.endswith(_VILLAGE_ENDINGS) or _is_only_place(text, name))
        and matched == folded(text[name.start : name.end])
        and _SENTENCE_BEFORE.search(text, max(0, name.start - CONTEXT), name.start) is not None
        and _SENTENCE_AFTER.match(text, name.end) is not None
    )


def _is_only_place(text: str, name: Name) -> bool:
    """Return whether a name can only be that of one village of some size: Меджибіж, Коблеве.

    What has the ending of a surname, or another name next to it, may be a person's.
    """
    best = name.matches[0]
    if len(name.matches) > 1 or folded(best.matched) in WORDS["rivers"]:
        return False
    if " " in best.matched or "-" in best.matched:
        return True
    if (best.place.population or 0) < _LEAST:
        return False
    return not (
        folded(best.matched).endswith(_SURNAMES)
        or folded(text[name.start : name.end]).endswith(_PLURALS)
        or name.after[:1].isupper()
        or (name.before[:1].isupper() and folded(name.before) not in _RULE_WORDS)
    )


def _is_quoted(text: str, name: Name) -> bool:
    """Return whether a small place's name is in quotation marks, as that of a camp or a house."""
    people = name.matches[0].place.population or 0
    return people < TOWN_POPULATION and text[name.end : name.end + 1] in {"»", "”", '"'}


def is_in_region(text: str, name: Name) -> bool:
    """Return whether a region or district follows the name: Піски, Донецька область."""
    return (
        _WITHIN_NOUN.match(text, name.end) is not None
        or folded(word_after(text, name.end, _WITHIN)) in WORDS["region"]
    )


def _begins_like_word(text: str, name: Name) -> bool:
    """Return whether a word such as a hamlet's name begins a sentence: Пожежа на Сумщині."""
    is_small = not name.matches[0].place.population and not has_typical_ending(name)
    return (
        (is_small or is_ordinary(name))
        and " " not in name.matches[0].matched
        and text[name.end : name.end + 1] != ","
        and "(" not in text[name.end : name.end + 2]
        and not is_inside_sentence(text, name.start)
    )


def is_city_in_list(text: str, name: Name, neighbour: Name, *, after: bool) -> bool:
    """Return whether a surname such as Хмельницькому is also a city's.

    It must be after another name of the list, in the nominative like this, or in the locative.
    """
    spelling = folded(text[name.start : name.end])
    is_city = (name.matches[0].place.population or 0) >= CITY_POPULATION
    is_like_neighbour = after and (
        spelling.isascii() or "inflected" not in neighbour.matches[0].how
    )
    return is_city and (
        is_like_neighbour or (not spelling.isascii() and spelling.endswith(LOCATIVE))
    )


def has_typical_ending(name: Name) -> bool:
    """Return whether the name is current and has an ending that names of places have."""
    best = name.matches[0]
    return is_current_name(best) and folded(best.matched).endswith(_PLACE_ENDINGS)


def is_inside_sentence(text: str, at: int) -> bool:
    """Return whether a word with a capital letter does not begin a sentence."""
    before = text[max(0, at - CONTEXT) : at].rstrip(' \u00a0"«„“(')
    return before[-1:].isalnum() or before[-1:] in {",", ":", ";", "-", "–", "—", "/"}
