"""Make tests/data/spellings.csv and ordinary_words.csv, on which `find` is evaluated.

Run as `python benchmarks/make_spellings.py FOLDER`, where FOLDER has the real data that are not
part of this repository (resistinua_addresses, wiki_control), with pymorphy3 (MIT; its Russian
dictionary is OpenCorpora's, CC BY-SA) and wordfreq (Apache 2.0; its lists CC BY-SA) installed.
Only single spellings are taken from them, which are facts. Nothing here uses the code with which
`find` inflects and compares names.

- officials: words in official Ukrainian addresses (CC0) that begin like a town with which the
  address was tagged by hand; of several towns of the name, the largest.
- press: names in an English table of territorial control (CC BY-SA) whose coordinates lie within
  2 km of exactly one inhabited place that begins with the same letter.
- cases: Russian names inflected by pymorphy3.
- romanized: official names romanized by uklatn according to DSTU 9112:2021, system B.
- garbled: Ukrainian, Russian or English names of six letters or more with one error: two letters
  swapped, one omitted or doubled, a wrong vowel, or a missing soft sign.

A place that shares its Ukrainian name is looked up together with its oblast, and left out if the
oblast has several. Garbled spellings that are another place's name are left out too.
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
TOWN, MIN_LENGTH = 5000, 6
COLUMNS = ["spelling", "place_id", "place", "admin1", "size", "class", "source"]
VOWELS = {"и": "і", "і": "и", "е": "и", "о": "а", "а": "о", "ы": "и", "i": "y", "y": "i", "e": "i"}
VOWELS |= {"o": "a", "a": "o"}
Samples = Iterator[tuple[str, Place, str, str]]
CASES = ("gent", "datv", "ablt", "loct")


def size(place: Place) -> str:
    """Return "town" or "village"."""
    return "town" if (place.population or 0) > TOWN else "village"


def own_name(place: Place) -> str:
    """Return the official name, in Ukrainian if there is one."""
    return (*place.names_in("uk"), place.name)[0]


def row(
    spelling: str, place: Place, kind: str, source: str, shared: Counter[str]
) -> dict[str, str]:
    """Return a row; a place that shares its name has its oblast too."""
    ambiguous = kind != "officials" and shared[own_name(place)] > 1
    return {
        "spelling": spelling,
        "place_id": place.id,
        "place": place.name,
        "admin1": place.admin1 if ambiguous else "",
        "size": size(place),
        "class": kind,
        "source": source,
    }


def officials(folder: Path, places: list[Place]) -> Samples:
    """Yield words in official addresses, with the town with which the address was tagged."""
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
                # Adjectives and names of inhabitants do not count: Харківська, Маріупольці.
                for word in sorted(words):
                    same = word.startswith(start) and len(word) <= len(city) + 2
                    people = re.search("(ськ|цьк|ск|щин|ець$|ці$|ців$|цям)", word[len(start) :])
                    if same and not people and (word, place.id) not in seen:
                        seen.add((word, place.id))
                        yield word, place, "officials", "resistinua addresses, CC0"


def press(folder: Path, places: list[Place]) -> Samples:
    """Yield the names in an English table, with the place at the table's coordinates."""
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
            # The table's coordinates were joined by name and are sometimes those of a neighbour.
            if len(near) == 1 and near[0].name[0] == name[0]:
                yield name, near[0], "press", "Wikipedia table by way of controlCitiesUkraine"


def cases(places: list[Place], pick: random.Random, count: int) -> Samples:
    """Yield Russian names, each in a random case."""
    morph = pymorphy3.MorphAnalyzer(lang="ru")
    named = [place for place in places if place.names_in("ru") and place.country == "UA"]
    for place in pick.sample(named, count):
        name = pick.choice(place.names_in("ru"))
        if " " in name or "-" in name:
            continue
        nouns = [parse for parse in morph.parse(name) if parse.tag.POS in {"NOUN", "ADJF"}]
        form = nouns[0].inflect({pick.choice(CASES)}) if nouns else None
        if form and form.word != name.casefold():
            yield form.word.capitalize(), place, "cases", "pymorphy3, OpenCorpora"


def romanized(places: list[Place], pick: random.Random, count: int) -> Samples:
    """Yield official names in another romanization."""
    named = [place for place in places if place.names_in("uk") and place.country == "UA"]
    for place in pick.sample(named, count):
        yield (
            encode(place.names_in("uk")[0], DSTU_9112_B),
            place,
            "romanized",
            "uklatn, DSTU 9112 B",
        )


def garbled(places: list[Place], pick: random.Random, count: int, known: set[str]) -> Samples:
    """Yield names with one error."""
    named = [place for place in places if place.names_in("uk") and place.country == "UA"]
    for place in pick.sample(named, count):
        names = [place.name, place.names_in("uk")[0], *place.names_in("ru")[:1]]
        name = pick.choice(names)
        wrong = garble(name, pick)
        if len(name) >= MIN_LENGTH and wrong.casefold() not in known:
            yield wrong, place, "garbled", "one error made at random"


def garble(name: str, pick: random.Random) -> str:
    """Return the name with one error after its first letter."""
    at = pick.randrange(1, len(name) - 1)
    errors = [
        name[:at] + name[at + 1] + name[at] + name[at + 2 :],
        name[:at] + name[at + 1 :],
        name[:at] + name[at] + name[at:],
    ]
    if name[at] in VOWELS:
        errors.append(name[:at] + VOWELS[name[at]] + name[at + 1 :])
    if "ь" in name:
        errors.append(name.replace("ь", ""))
    return pick.choice([error for error in errors if error != name])


def words(pick: random.Random, known: set[str]) -> Iterator[dict[str, str]]:
    """Yield frequent words in three languages that are not the name of a place."""
    for language, count in (("en", 120), ("uk", 120), ("ru", 120)):
        frequent = [
            word
            for word in wordfreq.top_n_list(language, 4000)
            if len(word) > 3 and word.isalpha() and word not in known
        ]
        for word in pick.sample(frequent, count):
            yield {"word": word, "language": language}


def main() -> None:
    """Write both files."""
    folder, pick = Path(sys.argv[1]), random.Random(20220910)  # noqa: S311
    gazetteer = Gazetteer.default()
    places = sorted(gazetteer, key=lambda place: place.id)
    known = {name.casefold() for place in places for name in (place.name, *place.names)}
    shared = Counter(map(own_name, places))
    in_oblast = Counter((own_name(place), place.admin1) for place in places)
    unique = [place for place in places if in_oblast[own_name(place), place.admin1] == 1]
    towns = [place for place in unique if size(place) == "town"]
    villages = [place for place in unique if size(place) == "village"]
    samples = [*officials(folder, places), *press(folder, unique)]
    for group, count in ((towns, 250), (villages, 400)):
        samples += cases(group, pick, min(count, 250))
        samples += romanized(group, pick, count // 4)
        samples += garbled(group, pick, count // 2, known)
    with (DATA / "spellings.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row(*sample, shared) for sample in samples)
    with (DATA / "ordinary_words.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["word", "language"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(words(pick, known))


if __name__ == "__main__":
    main()
