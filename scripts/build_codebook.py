"""Build the codebooks' meanings and proposals from a table of place-name meanings.

Run as `python scripts/build_codebook.py FACTS/places.csv`. It fills the Ukrainian and Russian
meanings of the codes that are maintained by hand: those in codebook.csv, which are known to have
been used, and the proposals with a source in proposed.csv, both in
toolkit/foxgrape/places/resources. It writes the proposals without a source behind them. These have
confidence C: Unicode's CLDR annotations link the emoji to a word, but no source was found that
links the word to the place. Names that several places of an oblast share, and names without an
oblast, are left out and printed. The output is reproducible byte for byte.
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


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    """Write a CSV file atomically."""
    scratch = path.with_suffix(".tmp")
    with scratch.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    scratch.replace(path)


def find_places(fact: dict[str, str]) -> list[Place]:
    """Return, for each oblast of the fact, the place with the fact's name if only one has it."""
    places = []
    for oblast in fact["oblast"].split("/"):
        division = DIVISIONS.get(oblast, f"{oblast} Oblast")
        matches = Gazetteer.default().find(
            fact["place_uk"], admin1=division, country="UA", limit=None, exact=True
        )
        named = [match.place for match in matches if match.place.names[:1] == (match.matched,)]
        populated = [place for place in named if place.population] or named
        if len(populated) == 1:
            places += populated
    return places


def meanings(fact: dict[str, str]) -> dict[str, str]:
    """Return the codebook's meaning columns, in three languages."""
    return {
        "meaning": fact["meaning_en"],
        "meaning_uk": fact["meaning_uk"].replace("; ", ", "),
        "meaning_ru": fact["meaning_ru"].replace("; ", ", "),
    }


def propose(fact: dict[str, str], place: Place) -> dict[str, str]:
    """Return a row of proposed.csv."""
    return {
        **meanings(fact),
        "code": normal_emoji(fact["candidate_emoji"]),
        "kind": "emoji",
        "place_id": place.id,
        "place": place.name,
        "basis": "proposed",
        "confidence": "C",
        "source_title": CLDR,
        "note": UNSOURCED,
    }


def main() -> None:
    """Write codebook.csv and proposed.csv."""
    meanings_by_place = {}
    proposals = []
    for fact in read_table(Path(sys.argv[1])):
        if fact["confidence"] != "C":
            meanings_by_place[fact["place"].split(" (")[0]] = meanings(fact)
            continue
        places = find_places(fact)
        if not places:
            print(f"left out: {fact['place']} ({fact['oblast']})")
        proposals += [propose(fact, place) for place in places]
    codebook = read_table(RESOURCES / "codebook.csv")
    proposed = read_table(RESOURCES / "proposed.csv")
    sourced = [row for row in proposed if row["basis"] != "proposed"]
    for row in (*codebook, *sourced):
        words = meanings_by_place.get(row["place"], {})
        row |= {name: words.get(name, "") for name in ("meaning_uk", "meaning_ru")}
    write_table(RESOURCES / "codebook.csv", codebook)
    write_table(RESOURCES / "proposed.csv", [*sourced, *proposals])
    print(f"{len(codebook)} codes, {len(sourced) + len(proposals)} proposals")


if __name__ == "__main__":
    main()
