"""The words around a name in a text: a name in context, and what else than a place it may name.

Regions, streets, rivers, institutions, clubs and persons share their names with places.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from foxgrape.places.namesakes import TOWN_POPULATION
from foxgrape.places.normalize import fold

if TYPE_CHECKING:
    from foxgrape.places import Place, PlaceMatch

__all__ = [
    "AFTER",
    "CONTEXT",
    "WORDS",
    "Name",
    "folded",
    "follows_settlement",
    "is_alone_in_quotes",
    "is_at_border",
    "is_before_person",
    "is_ordinary",
    "is_person",
    "names_other",
    "word_after",
    "word_before",
]

#: Words by which to decide whether a name refers to a place, grouped by role.
WORDS: dict[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in tomllib.loads(
        (files("foxgrape") / "resources" / "mention_words.toml").read_text(encoding="utf-8")
    ).items()
}
#: Between the ends of a route: the Odesa–Reni highway, поезд Харьков — Ясиня.
_ROUTE, _ROUTE_AFTER = re.compile(r"\w ?[-–—] ?$"), re.compile(r" ?[-–—] ?[^\W\d_a-zа-яґєії]")
_NOT_BEFORE = WORDS["street"] | WORDS["monument"] | WORDS["thing"] | WORDS["nature"]
_BEFORE_TOWN = (
    WORDS["mayor"]
    | WORDS["in"]
    | WORDS["at"]
    | WORDS["settlement"]
    | WORDS["resident"]
    | WORDS["with_genitive"]
    | {"of"}
)
#: A form of a first name or of its patronymic, but not a place named after a person: Артёмовск.
_FIRST_NAME = re.compile(
    rf"(?:{'|'.join(sorted(WORDS['first_names']))})"
    r"(?:[аеиіїєоуыьюяйaeiouy]{0,3}[мйm]?|[оеє]ві|(?:ович|евич|євич|івн|ївн|овн|евн|євн|ovych|ivn)\w*)"
)
#: Words of a phrase about water before the name of a river: уровень воды в Днепре.
_WATER = re.compile(rf"(?<!\w)(?:{'|'.join(sorted(WORDS['water']))})\w*(?: \w+)? \w{{1,2}}$")
_NEXT_NAME = re.compile(r", [А-ЯІЇЄҐ]")
#: Before rivers of any name: рівень води в Тисі та Боржаві.
_WATER_LEVEL = re.compile(
    r"(?:рівн|рівен|уровн|уровен|підйом|підняття|подъ[её]м)\w* вод[иы] "
    r"\w{1,2} (?:\w+ (?:та|і|й|и) )?$",
    re.IGNORECASE,
)
#: Behind a river: Інгулець вийшов з берегів.
_OVERFLOW = re.compile(
    r" (?:\w+ (?:з|із|у|в|из) берег|обмел|обміл|мелеет|міліє|разлил|розлил|замерз|скресл|вскрыл)"
)
_BRIDGE_OVER = re.compile(r"\b(?:міст|мост|брід|брод)\w* через $", re.IGNORECASE)
_FEMININE = re.compile(
    r"(?:облас|район|держав|військов|народн|окружн|міськ|селищ|сільськ|громадськ|націонал|прокур"
    r"|правоохорон|медичн|залізн|митн|податков|гімназ|філармон|лікарн|атомн|телев|виборч|наступ"
    r"|оборон|фронт|шахт|губерн|єпарх|духовн|семінар|битв|операц|груп|агломер|рад)\w*"
)
_SEA = re.compile(r"(?:[сц]ь?к|н)(?:е|ое|ого|ому|им|ім|ом)$")
_STRIKE = tuple(WORDS["strike"])
_CROSSING, _NAMED = tuple(WORDS["crossing"]), tuple(WORDS["named"])
_ORDINARY = WORDS["ordinary"] | WORDS["persons"]
_WORD_REVERSED = re.compile(r"[\w'’ʼ]*")
#: Characters that may stand between a word and the name that follows it, besides blanks.
_OPENING = '«„“"*('
AFTER = re.compile(r"[\s»”\"*)]+([\w'’ʼ]+)")
#: A list of regions before its names: all regions, including Luhansk and Donetsk.
_REGIONS_INCLUDING = re.compile(
    r"(?:regions|област(?:і|ей|ях|и)|регіон\w+|регион\w+)[^.;:]{0,30}"
    r"\b(?:including|зокрема|включно з|в том числе|у тому числі) (?:(?:in|у|в) )?[^.;:]*$"
)
_THINGS = re.compile(r"([\w'’ʼ]+) (?:«[^»]+»(?:, | (?:и|та|і|й) ))+«$")
#: A list of nuclear plants: the Khmelnytskyi, Rivne and South Ukraine nuclear power plants.
_NUCLEAR_LIST = re.compile(r"(?:(?:,| and) [A-Z]\w+(?: [A-Z]\w+)?)+ (?:nuclear|NPP)")
#: The adjective of a sector of a front whose noun was left out: на Лиманському.
_BARE_SECTOR = re.compile(r"\w+[сц]ь?к(?:ому|ом)")
_AFTER_COMMA = re.compile(r",? \(?([\w'’ʼ]+)")
#: The words of the list are names: not Семенівку та прикордонні громади.
_AFTER_LIST = re.compile(
    r"(?:(?:,|\s+(?:та|і|й|и|and))\s+(?!(?!other|інш|друг)[a-zа-яґєії])[\w'’ʼ-]+)+\s+([\w'’ʼ]+)"
)
#: Number of characters before a name that are searched for other words; up to twice as many after.
CONTEXT = 40
#: Endings of the locative and the instrumental of rivers, and of adjectives.
_ON, _BEYOND = ("і", "е", "у"), ("ом", "ем", "ою", "ой", "ю")
_ADJECTIVE_ENDINGS = (
    *("ий", "ый", "ій", "ого", "ому", "им", "ым", "ом", "ім", "а", "ая", "у", "ую", "ої", "ой"),
    *("ою", "е", "ое", "і", "ие", "ые", "их", "ых", "ними", "ными"),
)
_VOWELS = tuple("аеєиіїйоуыэюяaeiouy")
_NOUN_ENDINGS = ("ові", "еві", "єві", "ці")
#: Endings of nouns after case forms of adjectives: у Центральному парку, але: у Вітовому лікарня.
_AGREEING = {
    "ого": ("а", "у", "ю", "ря"),
    "ому": ("у", "ю", "і", "ї"),
    "им": ("ом", "ем", "єм", "м"),
    "ою": ("ою", "ею", "єю"),
    "ої": ("и", "і", "ї"),
    "ій": ("і", "ї"),
}
_FEMININE_OF_TOWN = {"ську": ("у", "ю"), "цьку": ("у", "ю"), "ська": ("а", "я"), "цька": ("а", "я")}
_VERB_ENDINGS = ("ть", "ться", "тся", "ли", "ла", "лася", "лись", "лися", "лось")
_SURNAME_ENDINGS = ("ов", "ев", "єв", "ин", "ін", "їн", "ий", "ко", "ov", "ev", "in", "yi")
#: A club's name in quotation marks right before the name of a place.
_QUOTES, _CLOSING = ("«", "„", "“", '"'), ("»", "”", "“", '"')
#: Other words with a capital letter up to the end of a quotation: «Артемівськ Вайнері».
_TITLE_GOES_ON = re.compile(r"(?: [^\W\d_a-zа-яґєії][\w'’ʼ-]*){1,2}[»”\"]")
#: Words before names in quotation marks that are places.
_CHECKPOINT = re.compile(
    r"пропуск|кордон|черг|очеред|границ|погран|аеропорт|аэропорт|КПВВ|КПП|checkpoint|crossing|airport",
    re.IGNORECASE,
)
_CLUB = re.compile(r"([\w-]+)([»”\"][ \u00a0]\(?)$")
#: Initials next to a surname: О. Васильков, but not М. Київ or Г. Киев, which are kinds of place.
_INITIAL_BEFORE = re.compile(r"(?<!\w)(?![МмГгСсПпРр])[^\W\d_a-zа-яґєії]\.[ \u00a0]?$")
_INITIALS_AFTER = re.compile(r"[ \u00a0][^\W\d_a-zа-яґєії]\.[ \u00a0]?[^\W\d_a-zа-яґєії]\.")
#: Cached, because folding costs as much as matching, and words recur.
folded = lru_cache(maxsize=1 << 16)(fold)
_PREPOSITION = "с"
_ABBREVIATED = frozenset(("м", "с", "смт", "г", "п", "пгт", "вул", "ул", "просп", "р"))


class Name(NamedTuple):
    """A name in a text, with the words before and after it."""

    start: int
    end: int
    matches: tuple[PlaceMatch, ...]
    before: str
    after: str
    #: Whether a city abroad, or a quarter of a city, is larger than the place.
    rival: bool = False


def is_ordinary(name: Name) -> bool:
    """Return whether the name is also an ordinary word, a first name or a surname."""
    return folded(name.matches[0].matched) in _ORDINARY


def is_before_person(name: Name) -> bool:
    """Return whether a first name follows the name: У Брусилові Іван Коваль."""
    return name.after[:1].isupper() and _FIRST_NAME.fullmatch(folded(name.after)) is not None


def is_person(name: Name) -> bool:
    """Return whether the name is also a first name or a surname, or a point of the compass."""
    return folded(name.matches[0].matched) in WORDS["persons"]


def follows_settlement(text: str, name: Name) -> bool:
    """Return whether a word for a settlement is before the name.

    Without a full stop, *с* is also a Russian preposition, before a case form: с Изюмом.
    """
    before = folded(name.before)
    return before in WORDS["settlement"] and (
        before != _PREPOSITION
        or "." in text[max(0, name.start - 3) : name.start]
        or folded(text[name.start : name.end]) == folded(name.matches[0].matched)
    )


def word_before(text: str, at: int) -> str:
    """Return the word before a name; with a full stop, only an abbreviation, as in "м. Ізюм"."""
    before = text[max(0, at - CONTEXT) : at]
    while (shorter := before.rstrip().rstrip(_OPENING)) != before:
        before = shorter
    stopped = before.endswith(".")
    # Matching the reversed text finds the last word without a search.
    match = _WORD_REVERSED.match(before[::-1], int(stopped))
    word = match[0][::-1] if match else ""
    return word if not stopped or folded(word) in _ABBREVIATED else ""


def word_after(text: str, at: int, pattern: re.Pattern[str]) -> str:
    """Return the word in the first group of a pattern that matches right behind a name, or ""."""
    match = pattern.match(text, at, at + 2 * CONTEXT)
    return match[1] if match else ""


def names_other(text: str, name: Name) -> bool:
    """Return whether the words around a name show that it means a region, a street or a person."""
    before, after = folded(name.before), folded(name.after)
    is_route = _ROUTE.search(text, max(0, name.start - CONTEXT), name.start) is not None
    is_of_route = before in WORDS["vehicle"] and _ROUTE_AFTER.match(text, name.end) is not None
    if (
        (after in WORDS["region"] and _may_name_region(text, name, after, is_route=is_route))
        or (before in _NOT_BEFORE and not is_of_route and not _are_streets_of(text, name))
        or (after in WORDS["titled"] and name.after[:1].isupper())
        or _is_in_list_of_things(text, name)
        or folded(word_after(text, name.end, _AFTER_COMMA)) in WORDS["abroad_regions"]
        or (
            folded(name.matches[0].matched) in WORDS["lands"]
            and before not in WORDS["settlement"] | {"of"}
        )
        or (before == "на" and _is_region_with_on(text, name))
        or (
            (after in WORDS["nuclear"] or _NUCLEAR_LIST.match(text, name.end))
            and _names_its_region(name.matches[0].place)
        )
        or _is_in_list_of_regions(text, name)
        or (before in WORDS["honoured"] and name.before[:1].isupper())
        or _names_body(text, name)
        or (before == "на" and _BARE_SECTOR.fullmatch(text, name.start, name.end))
        or _REGIONS_INCLUDING.search(text, max(0, name.start - 2 * CONTEXT), name.start)
    ):
        return True
    kinds = (_names_river, _names_institution, _names_club, _names_surname, _names_brand)
    if any(is_of_kind(text, name) for is_of_kind in kinds):
        return True
    if before in _BEFORE_TOWN and not (
        before in WORDS["mayor"] and folded(text[name.start : name.end]).endswith(_SURNAME_ENDINGS)
    ):
        return False  # у Харкові Ігор Терехов: a person next to a place
    return any(
        word[:1].isupper() and _FIRST_NAME.fullmatch(folded(word))
        for word in (name.before, name.after)
    )


def _is_region_with_on(text: str, name: Name) -> bool:
    """Return whether *на* before a name makes it a region's: на Запоріжжі, but КАБ на Запоріжжя."""
    spelling = folded(text[name.start : name.end])
    before = folded(word_before(text, text.rindex(name.before, 0, name.start)))
    is_target = before.startswith(_STRIKE) and not spelling.endswith("і")
    return folded(name.matches[0].matched) in WORDS["region_with_on"] and not is_target


def _are_streets_of(text: str, name: Name) -> bool:
    """Return whether streets are those of a town in the genitive: вулиці Бучі, улицы Харькова."""
    matched = folded(name.matches[0].matched)
    return (
        folded(name.before) in WORDS["streets"]
        and (name.matches[0].place.population or 0) >= TOWN_POPULATION
        and folded(text[name.start : name.end]) != matched
        and not is_ordinary(name)
        and not matched.endswith(_ADJECTIVE_ENDINGS[:5])
    )


def _may_name_region(text: str, name: Name, after: str, *, is_route: bool) -> bool:
    """Return whether a name before such a word is a region's: not the Odesa–Reni highway.

    Before *sea*, it is an adjective: Азовське море, but not: в Ялте море остыло.
    """
    if after in WORDS["sea"]:
        spelling = folded(text[name.start : name.end])
        return spelling.isascii() or _SEA.search(spelling) is not None
    return not (is_route and after in WORDS["road"])


def _names_body(text: str, name: Name) -> bool:
    """Return whether a name is a feminine adjective, the form of a genitive: Донецька обласна.

    After a word that takes the genitive, it is a town's: з Краматорська можна виїхати.
    """
    spelling = folded(text[name.start : name.end])
    return (
        spelling.endswith(("ська", "цька"))
        and _FEMININE.fullmatch(name.after) is not None
        and folded(name.before) not in WORDS["with_genitive"] | WORDS["resident"] | WORDS["mayor"]
    )


def _is_in_list_of_regions(text: str, name: Name) -> bool:
    """Return whether a name is in a list before *regions*: Kharkiv and Sumy regions.

    In Cyrillic, the names of regions are adjectives: не Нікополь і Мирівську громади.
    """
    if folded(word_after(text, name.end, _AFTER_LIST)) not in WORDS["regions"]:
        return False
    spelling = folded(text[name.start : name.end])
    return spelling.isascii() or spelling.endswith(_ADJECTIVE_ENDINGS)


def _is_in_list_of_things(text: str, name: Name) -> bool:
    """Return whether a name in quotation marks is in a list: корабли «Саратов» и «Азов»."""
    if text[name.start - 1 : name.start] != "«":
        return False
    things = _THINGS.search(text, max(0, name.start - 2 * CONTEXT), name.start)
    return things is not None and folded(things[1]) in WORDS["thing"]


def _names_club(text: str, name: Name) -> bool:
    """Return whether a name follows that of a club: Dynamo Kyiv, «Шахтёр» (Донецк), «Рух» Львів."""
    if folded(name.before) in WORDS["club"]:
        return True
    if not text[max(0, name.start - 3) : name.start].rstrip(" \u00a0(").endswith(_CLOSING):
        return False
    before = _CLUB.search(text, max(0, name.start - CONTEXT), name.start)
    if before is None:
        return False
    is_nominative = folded(text[name.start : name.end]) == folded(name.matches[0].matched)
    return folded(before[1]) in WORDS["club"] or (is_nominative and before[2] in {"» ", "»\u00a0"})


def _names_brand(text: str, name: Name) -> bool:
    """Return whether only the name is in quotation marks, as that of a club, a shop or a ship.

    Checkpoints and airports are places nevertheless.
    """
    if _is_foreign_title(text[name.start : name.end], name):
        return True
    if text[: name.start][-1:] in _QUOTES and _TITLE_GOES_ON.match(text, name.end):
        return True
    if not is_alone_in_quotes(text, name) or is_at_border(text, name):
        return False
    return not follows_settlement(text, name) and folded(name.before) not in WORDS["at"]


def _is_foreign_title(spelling: str, name: Name) -> bool:
    """Return whether a name in Latin capitals is between Cyrillic words: кліп KALUSH зняли."""
    around = name.before + name.after
    return spelling.isascii() and spelling.isupper() and around != "" and not around.isascii()


def is_alone_in_quotes(text: str, name: Name) -> bool:
    """Return whether quotation marks have only the name between them."""
    before, behind = text[: name.start][-1:], text[name.end : name.end + 1]
    return before in _QUOTES and behind in _CLOSING


def is_at_border(text: str, name: Name) -> bool:
    """Return whether a word for a checkpoint, a queue or an airport is before the name."""
    return _CHECKPOINT.search(text, max(0, name.start - 2 * CONTEXT), name.start) is not None


def _names_surname(text: str, name: Name) -> bool:
    """Return whether a name is a surname: after a title in the nominative, or next to initials."""
    spelling = folded(text[name.start : name.end])
    if _INITIALS_AFTER.match(text, name.end):
        return True
    if "." in text[max(0, name.start - 2) : name.start] and _INITIAL_BEFORE.search(
        text, max(0, name.start - CONTEXT), name.start
    ):
        return True
    before = folded(name.before)
    return before in WORDS["courtesy"] or (
        before in WORDS["person"] and spelling.endswith(_SURNAME_ENDINGS)
    )


def _names_river(text: str, name: Name) -> bool:
    """Return whether the words around a name show that it means a river."""
    before, after = folded(name.before), folded(name.after)
    # Ukrainian and Russian have the word before the name: У Бритівці річка вийшла з берегів.
    is_behind = after in WORDS["river"] and (after.isascii() or after.startswith("буг"))
    if before in WORDS["river"] or is_behind or _OVERFLOW.match(text, name.end):
        return True
    words_before = text[max(0, name.start - CONTEXT) : name.start]
    if before in WORDS["over"] and _BRIDGE_OVER.search(words_before):
        return True
    is_small = (name.matches[0].place.population or 0) < TOWN_POPULATION
    if is_small and _WATER_LEVEL.search(words_before):
        return True
    if folded(name.matches[0].matched) not in WORDS["rivers"]:
        return False
    spelling = folded(text[name.start : name.end])
    return (
        before.startswith(_CROSSING)
        or _WATER.search(folded(words_before)) is not None
        # A road leads through towns: через Дніпро, П’ятихатки.
        or (before in WORDS["over"] and not _NEXT_NAME.match(text, name.end))
        or (before in WORDS["on_the_river"] and spelling.endswith(_ON))
        or (before in WORDS["beyond"] and spelling.endswith(_BEYOND))
    )


def _names_institution(text: str, name: Name) -> bool:
    """Return whether a name is an adjective before a noun such as bank: Центральный банк.

    Not before a verb: У Брусилові судять.
    """
    after = folded(name.after)
    return (
        after.startswith(_NAMED)
        and not after.endswith(_VERB_ENDINGS)
        and _may_agree(folded(text[name.start : name.end]), after, name)
        and (is_ordinary(name) or (name.matches[0].place.population or 0) < TOWN_POPULATION)
    )


def _may_agree(spelling: str, after: str, name: Name) -> bool:
    """Return whether a name may be an adjective in the case of the noun behind it."""
    if not folded(name.matches[0].matched).endswith(
        _VOWELS
    ):  # Святогірську лавру is of Святогірськ
        ending, before = spelling[-4:], folded(name.before)
        return ending in _FEMININE_OF_TOWN and (
            before not in WORDS["with_genitive"] and after.endswith(_FEMININE_OF_TOWN[ending])
        )
    return (
        spelling.endswith(_ADJECTIVE_ENDINGS)
        and not spelling.endswith(_NOUN_ENDINGS)
        and all(
            after.endswith(endings)
            for ending, endings in _AGREEING.items()
            if spelling.endswith(ending)
        )
    )


def _names_its_region(place: Place) -> bool:
    return place.admin1.startswith(f"{place.name} ")
