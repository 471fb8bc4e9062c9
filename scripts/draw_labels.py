"""Draw the texts of tests/labels/new_texts.csv: kinds, order and seed are here."""

from __future__ import annotations

import csv
import json
import random
import re
import sys
from pathlib import Path

from foxgrape.places import Gazetteer

HERE = Path(__file__).parents[1] / "tests" / "labels"
SHORTEST = 30
#: A rare name is that of so few people at most, a town's in the middle of a sentence of more.
VILLAGE, TOWN = 20_000, 100_000
#: How many of each kind; the scarce ones weigh more than they do in the files.
FIRST = {
    "russian": 40,
    "rare": 30,
    "nameless": 20,
    "title": 30,
    "headline": 30,
    "town": 40,
    "where": 30,
}
#: Drawn when the program had been improved by what it had missed of the first.
SECOND = {"russian": 10, "rare": 10, "title": 10, "headline": 10, "town": 30, "where": 30}
#: The seed of each round, and what it draws.
ROUNDS = {1: (20261127, FIRST), 2: (20261128, SECOND)}
LONGEST = {"title": 400, "headline": 300, "where": 300}
#: A capitalised word; behind a small letter, no sentence begins with it.
CAPITAL = re.compile(r"(?<!\w)[A-ZА-ЯІЇЄҐ][\w’'ʼ-]{3,}")
INNER = re.compile(r"(?<=[a-zа-яіїєґё] )[A-ZА-ЯІЇЄҐ][\w’'ʼ-]{3,}")


def addresses(real: Path) -> list[dict]:
    """Return the rows of the addresses, in the file's order."""
    file = real / "resistinua_addresses" / "addresses_2022-02_05.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").split("\n")[:-1]]


def texts(real: Path) -> dict[tuple[str, str], str]:
    """Return every text by its id and the field that it stands in."""
    found = {}
    for number, row in enumerate(addresses(real), start=1):
        for field in ("text", "name", "description"):
            found[f"{row['id']}/{number}", field] = row[field]
    file = real / "ucdp_ged_ukraine_pre2022" / "conflict_data_ukr_2014-2021_hdx.csv"
    with file.open(encoding="utf-8", newline="") as handle:
        for row in list(csv.DictReader(handle))[1:]:
            for field in ("source_headline", "where_description"):
                found[f"ucdp/{row['id']}", field] = row[field]
    return found


def language(text: str) -> str:
    """Tell Russian from Ukrainian by the letters that only one of them has."""
    low = text.lower()
    if len(re.findall("[а-яіїєґё]", low)) < len(re.findall("[a-z]", low)):
        return "en"
    return "ru" if len(re.findall("[ыэъё]", low)) > len(re.findall("[іїєґ]", low)) else "uk"


def smallest(text: str, capital: re.Pattern[str], gazetteer: Gazetteer) -> int | None:
    """Return how many live in the smallest place that such a word may mean, or None."""
    known = []
    for word in capital.findall(text):
        matches = gazetteer.find_in_text(word)
        if matches:
            known.append(max(match.place.population or 0 for match in matches))
    return min(known) if known else None


def kinds(field: str, text: str, gazetteer: Gazetteer) -> list[str]:
    """Return the kinds that a text may be drawn as."""
    shorts = {"text": None, "source_headline": "headline", "where_description": "where"}
    short = shorts.get(field, "title")
    if short:
        return [short] if len(text) <= LONGEST[short] else []
    if language(text) == "ru":
        return ["russian"]
    people = smallest(text, CAPITAL, gazetteer)
    if people is None:
        return ["nameless"]
    inner = smallest(text, INNER, gazetteer)
    named = ["town"] if inner is not None and inner < TOWN else []
    return (["rare"] if people < VILLAGE else []) + named


def candidates(real: Path, read: set[str]) -> dict[str, list[tuple[str, str, int, int]]]:
    """Return what each kind is drawn from: no text twice, none that was read before."""
    gazetteer = Gazetteer.default()
    order = list(range(1, len(addresses(real)) + 1))
    random.Random(5).shuffle(order)  # noqa: S311
    ruled = set(order[:300])
    found: dict[str, list[tuple[str, str, int, int]]] = {name: [] for name in FIRST}
    seen = set(read)
    for (row, field), text in texts(real).items():
        if not row.startswith("ucdp/") and int(row.rpartition("/")[2]) in ruled:
            continue
        for match in re.finditer(r"[^\n]+", text):
            piece = match.group()
            if len(piece) < SHORTEST or piece in seen:
                continue
            seen.add(piece)
            for name in kinds(field, piece, gazetteer):
                found[name].append((row, field, match.start(), match.end()))
    return found


def main(real: Path) -> None:
    """Write new_texts.csv."""
    known = texts(real)
    with (HERE / "paragraphs.csv").open(encoding="utf-8", newline="") as handle:
        read = {
            known[row["post_id"], "text"][int(row["start"]) : int(row["end"])]
            for row in csv.DictReader(handle)
        }
    pools = candidates(real, read)
    taken: set[tuple[str, str, int, int]] = set()
    with (HERE / "new_texts.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["post_id", "field", "start", "end", "kind", "language", "round"])
        for number, (seed, wanted) in ROUNDS.items():
            choose = random.Random(seed)  # noqa: S311
            for name, many in wanted.items():
                pool = [one for one in pools[name] if one not in taken]
                print(f"round {number}, {name}: {many} of {len(pool)}")
                chosen = choose.sample(pool, many)
                taken.update(chosen)
                for row, field, start, end in chosen:
                    told = language(known[row, field][start:end])
                    writer.writerow([row, field, start, end, name, told, number])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
