"""How many spellings `find` reads rightly, and how many ordinary words it takes for places.

Run as `python benchmarks/spellings.py [--misses]`. The spellings are tests/data/spellings.csv;
make_spellings.py beside this file says where they are from.
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

from foxgrape.places import find

DATA = Path(__file__).parents[1] / "tests" / "data"
#: Size -> how far down the list the right place may stand.
WITHIN = {"town": 1, "village": 3}


def read(name: str) -> list[dict[str, str]]:
    """Read one of the files."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rank(row: dict[str, str]) -> int | None:
    """Return how far down the right place stands, from 1; None where it is not found."""
    found = find(row["spelling"], admin1=row["admin1"] or None, limit=5)
    ids = [match.place.id for match in found]
    return ids.index(row["place_id"]) + 1 if row["place_id"] in ids else None


def recall() -> tuple[dict[tuple[str, str], list[bool]], list[tuple[dict[str, str], int | None]]]:
    """Return hits by size and class, and what was missed."""
    hits: dict[tuple[str, str], list[bool]] = defaultdict(list)
    missed = []
    for row in read("spellings.csv"):
        place = rank(row)
        hit = place is not None and place <= WITHIN[row["size"]]
        hits[row["size"], row["class"]].append(hit)
        hits[row["size"], "all"].append(hit)
        if not hit:
            missed.append((row, place))
    return hits, missed


def taken(*, capital: bool) -> list[tuple[str, str, float]]:
    """Return the ordinary words that are answered as places."""
    found = []
    for row in read("ordinary_words.csv"):
        word = row["word"].capitalize() if capital else row["word"]
        best = find(word, limit=1)
        if best and best[0].score >= 0.8:
            found.append((word, best[0].matched, best[0].score))
    return found


def main() -> None:
    """Print both."""
    hits, missed = recall()
    for (size, kind), each in sorted(hits.items()):
        share = sum(each) / len(each)
        print(f"{size:8}{kind:12}{len(each):5}  within {WITHIN[size]}: {share:6.1%}")
    words = read("ordinary_words.csv")
    for capital in (False, True):
        wrong = taken(capital=capital)
        print(f"ordinary words, capital {capital}: {len(wrong)} of {len(words)} taken for a place")
        if "--misses" in sys.argv:
            print(wrong)
    if "--misses" in sys.argv:
        for row, place in missed:
            found = [str(m.place) for m in find(row["spelling"], limit=3)]
            print(
                row["class"],
                row["size"],
                row["spelling"],
                row["place"],
                row["admin1"],
                place,
                found,
            )


if __name__ == "__main__":
    main()
