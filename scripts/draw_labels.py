"""Draw the texts of tests/labels/new_texts.csv by kind, with fixed seeds.

Run as ``python scripts/draw_labels.py FOLDER``, where FOLDER holds the real data that
tests/labels/README.md describes. The output is reproducible row for row.
"""

from __future__ import annotations

import csv
import json
import random
import re
import sys
from pathlib import Path

from foxgrape.places import Gazetteer

LABELS = Path(__file__).parents[1] / "tests" / "labels"
MIN_LENGTH = 30
MAX_LENGTH = {"title": 400, "headline": 300, "where": 300}
#: Upper limits of the population of a place, for the kinds "rare" and "town".
VILLAGE, TOWN = 20_000, 100_000
#: Number of texts per kind in the first round; scarce kinds are over-represented.
FIRST = {
    "russian": 40,
    "rare": 30,
    "nameless": 20,
    "title": 30,
    "headline": 30,
    "town": 40,
    "where": 30,
}
#: Number of texts per kind in the second round, which was drawn after the detection rules had been
#: changed because of errors found in the first round.
SECOND = {"russian": 10, "rare": 10, "title": 10, "headline": 10, "town": 30, "where": 30}
#: Round -> seed, and number of texts per kind.
ROUNDS = {1: (20261127, FIRST), 2: (20261128, SECOND)}
#: A capitalised word anywhere, and one after a lower-case letter, which begins no sentence.
CAPITALISED = re.compile(r"(?<!\w)[A-ZА-ЯІЇЄҐ][\w’'ʼ-]{3,}")
INNER = re.compile(r"(?<=[a-zа-яіїєґё] )[A-ZА-ЯІЇЄҐ][\w’'ʼ-]{3,}")


def read_addresses(folder: Path) -> list[dict]:
    """Return the rows of the addresses in the order of the file."""
    file = folder / "resistinua_addresses" / "addresses_2022-02_05.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").split("\n")[:-1]]


def read_texts(folder: Path) -> dict[tuple[str, str], str]:
    """Return every text by its id and field."""
    texts = {}
    for number, row in enumerate(read_addresses(folder), start=1):
        for field in ("text", "name", "description"):
            texts[f"{row['id']}/{number}", field] = row[field]
    file = folder / "ucdp_ged_ukraine_pre2022" / "conflict_data_ukr_2014-2021_hdx.csv"
    with file.open(encoding="utf-8", newline="") as handle:
        for row in list(csv.DictReader(handle))[1:]:
            for field in ("source_headline", "where_description"):
                texts[f"ucdp/{row['id']}", field] = row[field]
    return texts


def detect_language(text: str) -> str:
    """Return en, ru or uk, judged by the alphabet and by letters that only one language has."""
    lower = text.lower()
    if len(re.findall("[а-яіїєґё]", lower)) < len(re.findall("[a-z]", lower)):
        return "en"
    return "ru" if len(re.findall("[ыэъё]", lower)) > len(re.findall("[іїєґ]", lower)) else "uk"


def smallest_population(text: str, pattern: re.Pattern[str], gazetteer: Gazetteer) -> int | None:
    """Return the population of the smallest place named in a text; None if it names no place.

    A word that may name several places counts as the largest of them.
    """
    populations = []
    for word in pattern.findall(text):
        matches = gazetteer.find_in_text(word)
        if matches:
            populations.append(max(match.place.population or 0 for match in matches))
    return min(populations) if populations else None


def kinds_of(field: str, text: str, gazetteer: Gazetteer) -> list[str]:
    """Return the kinds to which a text belongs."""
    short_kinds = {"text": None, "source_headline": "headline", "where_description": "where"}
    short = short_kinds.get(field, "title")
    if short:
        return [short] if len(text) <= MAX_LENGTH[short] else []
    if detect_language(text) == "ru":
        return ["russian"]
    population = smallest_population(text, CAPITALISED, gazetteer)
    if population is None:
        return ["nameless"]
    inner = smallest_population(text, INNER, gazetteer)
    town = ["town"] if inner is not None and inner < TOWN else []
    return (["rare"] if population < VILLAGE else []) + town


def collect_candidates(
    folder: Path, already_read: set[str]
) -> dict[str, list[tuple[str, str, int, int]]]:
    """Return the candidates of each kind, without duplicates or texts that were read before."""
    gazetteer = Gazetteer.default()
    order = list(range(1, len(read_addresses(folder)) + 1))
    random.Random(5).shuffle(order)  # noqa: S311
    used_for_rules = set(order[:300])
    candidates: dict[str, list[tuple[str, str, int, int]]] = {kind: [] for kind in FIRST}
    seen = set(already_read)
    for (row, field), text in read_texts(folder).items():
        if not row.startswith("ucdp/") and int(row.rpartition("/")[2]) in used_for_rules:
            continue
        for match in re.finditer(r"[^\n]+", text):
            paragraph = match.group()
            if len(paragraph) < MIN_LENGTH or paragraph in seen:
                continue
            seen.add(paragraph)
            for kind in kinds_of(field, paragraph, gazetteer):
                candidates[kind].append((row, field, match.start(), match.end()))
    return candidates


def main(folder: Path) -> None:
    """Write new_texts.csv."""
    texts = read_texts(folder)
    with (LABELS / "paragraphs.csv").open(encoding="utf-8", newline="") as handle:
        already_read = {
            texts[row["post_id"], "text"][int(row["start"]) : int(row["end"])]
            for row in csv.DictReader(handle)
        }
    pools = collect_candidates(folder, already_read)
    drawn: set[tuple[str, str, int, int]] = set()
    with (LABELS / "new_texts.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["post_id", "field", "start", "end", "kind", "language", "round"])
        for number, (seed, counts) in ROUNDS.items():
            generator = random.Random(seed)  # noqa: S311
            for kind, count in counts.items():
                pool = [candidate for candidate in pools[kind] if candidate not in drawn]
                print(f"round {number}, {kind}: {count} of {len(pool)}")
                sample = generator.sample(pool, count)
                drawn.update(sample)
                for row, field, start, end in sample:
                    language = detect_language(texts[row, field][start:end])
                    writer.writerow([row, field, start, end, kind, language, number])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
