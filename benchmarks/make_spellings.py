"""Make tests/data/spellings.csv and ordinary_words.csv: what `find` is measured on.

Run as `python benchmarks/make_spellings.py FOLDER`, FOLDER holding the real data that are not
part of this repository (resistinua_addresses, wiki_control), with pymorphy3 (MIT; its Russian
dictionary is OpenCorpora's, CC BY-SA) and wordfreq (Apache 2.0; its lists CC BY-SA) installed.
Only spellings are taken from them, one by one, and a spelling is a fact. Nothing here uses the
code that `find` inflects and compares with.

- officials: words of official addresses in Ukrainian (CC0) that share the beginning of a town
  that people tagged by hand; the town of that name with most inhabitants.
- press: names in an English table of who holds what (CC BY-SA), where the coordinates that the
  table carries lie within 2 km of one inhabited place that begins with the same letter.
- cases: a Russian name in another case, as pymorphy3 inflects it.
- romanized: the official name by DSTU 9112:2021, system B, as uklatn has it.
- garbled: a Ukrainian, Russian or English name with one error: two letters swapped, one left out,
  one doubled, a vowel mistaken or a soft sign lost; names of six letters and more.

A place whose Ukrainian name others bear too is asked for together with its oblast, and left out
where the oblast has several; so is a garbled spelling that is some other place's name.
"""

import csv
import gzip
import json
import math
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pymorphy3
import wordfreq
from uklatn import DSTU_9112_B, encode

from foxgrape.places import Gazetteer, Place

DATA = Path(__file__).parents[1] / "tests" / "data"
TOWN, SHORTEST = 5000, 6
COLUMNS = ["spelling", "place_id", "place", "admin1", "size", "class", "source"]
VOWELS = {"и": "і", "і": "и", "е": "и", "о": "а", "а": "о", "ы": "и", "i": "y", "y": "i", "e": "i"}
VOWELS |= {"o": "a", "a": "o"}
Drawn = Iterator[tuple[str, Place, str, str]]
CASES = ("gent", "datv", "ablt", "loct")


def size(place: Place) -> str:
    """Tell towns from villages."""
    return "town" if (place.population or 0) > TOWN else "village"


def own_name(place: Place) -> str:
    """Return the official name, in Ukrainian where it has one."""
    return (*place.names_in("uk"), place.name)[0]


def row(
    spelling: str, place: Place, kind: str, source: str, shared: Counter[str]
) -> dict[str, str]:
    """Make a row; a place with namesakes is asked for with its oblast."""
    narrowed = kind != "officials" and shared[own_name(place)] > 1
    return {
        "spelling": spelling,
        "place_id": place.id,
        "place": place.name,
        "admin1": place.admin1 if narrowed else "",
        "size": size(place),
        "class": kind,
        "source": source,
    }


def officials(folder: Path, places: list[Place]) -> Drawn:
    """Yield words of official addresses, with the town that the address was tagged with."""
    by_name: dict[str, Place] = {}
    for place in sorted(places, key=lambda place: place.population or 0):
        by_name |= {name.replace("’", "'"): place for name in place.names_in("uk")[:1]}
    seen = set()
    with (folder / "resistinua_addresses/addresses_2022-02_05.jsonl").open(
        encoding="utf-8"
    ) as file:
        for line in file:
            address = json.loads(line)
            if address["lang"] != "uk":
                continue
            words = set(re.findall(r"[А-ЯҐЄІЇ][а-яґєії'’ʼ]+", address["text"]))
            for city in address.get("cities", ()):
                place = by_name.get(city.strip())
                if place is None or " " in city or "-" in city:
                    continue
                start = city[: max(4, len(city) - 2)]
                # An adjective or the people of a town are not the town: Харківська, Маріупольці.
                for word in sorted(words):
                    same = word.startswith(start) and len(word) <= len(city) + 2
                    people = re.search("(ськ|цьк|ск|щин|ець$|ці$|ців$|цям)", word[len(start) :])
                    if same and not people and (word, place.id) not in seen:
                        seen.add((word, place.id))
                        yield word, place, "officials", "resistinua addresses, CC0"


def press(folder: Path, places: list[Place]) -> Drawn:
    """Yield the names of an English table, with the place at the table's coordinates."""
    located = [place for place in places if place.lat is not None and place.population]
    seen = set()
    with gzip.open(folder / "wiki_control/changes_2022-03_2024-08.csv.gz", "rt") as file:
        for entry in csv.DictReader(file):
            name = entry["name"].strip()
            if name in seen or not re.fullmatch(r"[A-Z][a-z'’]+([ -][A-Z][a-z'’]+)?", name):
                continue
            try:
                lat, lon = float(entry["lat"]), float(entry["lon"])
            except ValueError:
                continue
            seen.add(name)
            near = [
                place
                for place in located
                if math.hypot((place.lat - lat) * 111, (place.lon - lon) * 73) <= 2
            ]
            # The table's coordinates were joined by name, and are those of a neighbour at times.
            if len(near) == 1 and near[0].name[0] == name[0]:
                yield name, near[0], "press", "Wikipedia table by way of controlCitiesUkraine"


def cases(places: list[Place], pick: random.Random, count: int) -> Drawn:
    """Yield Russian names in a case each."""
    morph = pymorphy3.MorphAnalyzer(lang="ru")
    named = [place for place in places if place.names_in("ru") and place.country == "UA"]
    for place in pick.sample(named, count):
        name = pick.choice(place.names_in("ru"))
        if " " in name or "-" in name:
            continue
        nouns = [each for each in morph.parse(name) if each.tag.POS in {"NOUN", "ADJF"}]
        form = nouns[0].inflect({pick.choice(CASES)}) if nouns else None
        if form and form.word != name.casefold():
            yield form.word.capitalize(), place, "cases", "pymorphy3, OpenCorpora"


def romanized(places: list[Place], pick: random.Random, count: int) -> Drawn:
    """Yield official names by another system of romanization."""
    named = [place for place in places if place.names_in("uk") and place.country == "UA"]
    for place in pick.sample(named, count):
        yield (
            encode(place.names_in("uk")[0], DSTU_9112_B),
            place,
            "romanized",
            "uklatn, DSTU 9112 B",
        )


def garbled(places: list[Place], pick: random.Random, count: int, known: set[str]) -> Drawn:
    """Yield names with one error."""
    named = [place for place in places if place.names_in("uk") and place.country == "UA"]
    for place in pick.sample(named, count):
        first = [place.name, place.names_in("uk")[0], *place.names_in("ru")[:1]]
        name = pick.choice(first)
        wrong = garble(name, pick)
        if len(name) >= SHORTEST and wrong.casefold() not in known:
            yield wrong, place, "garbled", "one error made at random"


def garble(name: str, pick: random.Random) -> str:
    """Make one error after the first letter."""
    at = pick.randrange(1, len(name) - 1)
    ways = [
        name[:at] + name[at + 1] + name[at] + name[at + 2 :],
        name[:at] + name[at + 1 :],
        name[:at] + name[at] + name[at:],
    ]
    if name[at] in VOWELS:
        ways.append(name[:at] + VOWELS[name[at]] + name[at + 1 :])
    if "ь" in name:
        ways.append(name.replace("ь", ""))
    return pick.choice([way for way in ways if way != name])


def words(pick: random.Random, known: set[str]) -> Iterator[dict[str, str]]:
    """Yield frequent words of three languages that are not spelled as any place is."""
    for language, count in (("en", 120), ("uk", 120), ("ru", 120)):
        usual = [
            word
            for word in wordfreq.top_n_list(language, 4000)
            if len(word) > 3 and word.isalpha() and word not in known
        ]
        for word in pick.sample(usual, count):
            yield {"word": word, "language": language}


def main() -> None:
    """Write both files."""
    folder, pick = Path(sys.argv[1]), random.Random(20220910)  # noqa: S311
    gazetteer = Gazetteer.default()
    places = sorted(gazetteer, key=lambda place: place.id)
    known = {name.casefold() for place in places for name in (place.name, *place.names)}
    shared = Counter(map(own_name, places))
    nearby = Counter((own_name(place), place.admin1) for place in places)
    alone = [place for place in places if nearby[own_name(place), place.admin1] == 1]
    towns = [place for place in alone if size(place) == "town"]
    villages = [place for place in alone if size(place) == "village"]
    drawn = [*officials(folder, places), *press(folder, alone)]
    for group, count in ((towns, 250), (villages, 400)):
        drawn += cases(group, pick, min(count, 250))
        drawn += romanized(group, pick, count // 4)
        drawn += garbled(group, pick, count // 2, known)
    with (DATA / "spellings.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row(*each, shared) for each in drawn)
    with (DATA / "ordinary_words.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["word", "language"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(words(pick, known))


if __name__ == "__main__":
    main()
