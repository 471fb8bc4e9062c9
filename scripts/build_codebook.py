"""Build the packaged codebooks' columns and proposals from the table of place-name meanings.

Run as `python scripts/build_codebook.py FACTS/places.csv`. It adds the meanings in Ukrainian and
Russian to toolkit/foxgrape/places/resources/codebook.csv, whose readings are kept by hand, and
writes proposed.csv beside it: every row graded C, as `proposed`. In those rows the link of emoji
and word is that of Unicode's CLDR annotations; that the name means the word is a reading that no
source was found for, and says so. Rows for a name that several places of the oblast bear, or that
name no oblast, are left out and printed. Run twice, it writes the same bytes.
"""

import csv
import sys
from pathlib import Path

from foxgrape.places import Gazetteer, Place, normal_emoji

RESOURCES = Path(__file__).parents[1] / "toolkit/foxgrape/places/resources"
COLUMNS = [
    "code",
    "kind",
    "place_id",
    "place",
    "meaning",
    "meaning_uk",
    "meaning_ru",
    "basis",
    "decoded_at",
    "valid_from",
    "valid_until",
    "confidence",
    "source_title",
    "source_publisher",
    "source_url",
    "source_date",
    "note",
]
UNSOURCED = "Unsourced reading: only the link of emoji and word is sourced."
CLDR = "Unicode CLDR annotations (emoji and word only)"
DIVISIONS = {"Crimea": "Autonomous Republic of Crimea"}


def read(path: Path) -> list[dict[str, str]]:
    """Read a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """Write a table whole."""
    scratch = path.with_suffix(".tmp")
    with scratch.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    scratch.replace(path)


def places(fact: dict[str, str]) -> list[Place]:
    """Return the one place of the name in each oblast that the row names."""
    found = []
    for oblast in fact["oblast"].split("/"):
        division = DIVISIONS.get(oblast, f"{oblast} Oblast")
        matches = Gazetteer.default().find(
            fact["place_uk"], admin1=division, country="UA", limit=None, exact=True
        )
        named = [match.place for match in matches if match.place.names[:1] == (match.matched,)]
        known = [place for place in named if place.population] or named
        if len(known) == 1:
            found += known
    return found


def meant(fact: dict[str, str]) -> dict[str, str]:
    """Return the meanings in three languages."""
    return {
        "meaning": fact["meaning_en"],
        "meaning_uk": fact["meaning_uk"].replace("; ", ", "),
        "meaning_ru": fact["meaning_ru"].replace("; ", ", "),
    }


def main() -> None:
    """Write both codebooks."""
    facts = read(Path(sys.argv[1]))
    told = {}
    proposals = []
    for fact in facts:
        if fact["confidence"] != "C":
            told[fact["place"].split(" (")[0]] = meant(fact)
            continue
        there = places(fact)
        if not there:
            print(f"left out: {fact['place']} ({fact['oblast']})")
        proposals += [
            {
                **meant(fact),
                "code": normal_emoji(fact["candidate_emoji"]),
                "kind": "emoji",
                "place_id": place.id,
                "place": place.name,
                "basis": "proposed",
                "confidence": "C",
                "source_title": CLDR,
                "note": UNSOURCED,
            }
            for place in there
        ]
    book = read(RESOURCES / "codebook.csv")
    for row in book:
        words = told.get(row["place"], {})
        row |= {name: words.get(name, "") for name in ("meaning_uk", "meaning_ru")}
    write(RESOURCES / "codebook.csv", book)
    write(RESOURCES / "proposed.csv", proposals)
    print(f"{len(book)} readings, {len(proposals)} proposals")


if __name__ == "__main__":
    main()
