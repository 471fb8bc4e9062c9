"""Recall of `find` for many spellings, and the ordinary words that it takes for places.

Run as `python benchmarks/spellings.py [--misses]`. The spellings in tests/data/spellings.csv were
built by make_spellings.py, which names their sources.
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

from foxgrape.places import find

DATA = Path(__file__).parents[1] / "tests" / "data"
#: Size of the place -> the rank within which it must be found.
WITHIN = {"town": 1, "village": 3}


def read(name: str) -> list[dict[str, str]]:
    """Return the rows of a file."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rank(row: dict[str, str]) -> int | None:
    """Return the rank of the expected place, from 1; None if it is not found."""
    matches = find(row["spelling"], admin1=row["admin1"] or None, limit=5)
    ids = [match.place.id for match in matches]
    return ids.index(row["place_id"]) + 1 if row["place_id"] in ids else None


def recall() -> tuple[dict[tuple[str, str], list[bool]], list[tuple[dict[str, str], int | None]]]:
    """Return hits by size and class, and the rows that were missed with their ranks."""
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


def false_matches(*, capital: bool) -> list[tuple[str, str, float]]:
    """Return the ordinary words that match a place."""
    matches = []
    for row in read("ordinary_words.csv"):
        word = row["word"].capitalize() if capital else row["word"]
        best = find(word, limit=1)
        if best and best[0].score >= 0.8:
            matches.append((word, best[0].matched, best[0].score))
    return matches


def main() -> None:
    """Print recall and false matches."""
    hits, missed = recall()
    for (size, kind), outcomes in sorted(hits.items()):
        share = sum(outcomes) / len(outcomes)
        print(f"{size:8}{kind:12}{len(outcomes):5}  within {WITHIN[size]}: {share:6.1%}")
    words = read("ordinary_words.csv")
    for capital in (False, True):
        wrong = false_matches(capital=capital)
        print(f"ordinary words, capital {capital}: {len(wrong)} of {len(words)} match a place")
        if "--misses" in sys.argv:
            print(wrong)
    if "--misses" in sys.argv:
        for row, place in missed:
            best = [str(match.place) for match in find(row["spelling"], limit=3)]
            print(
                row["class"], row["size"], row["spelling"], row["place"], row["admin1"], place, best
            )


if __name__ == "__main__":
    main()
