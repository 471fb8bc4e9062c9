"""Mentions in real posts, against labels made by hand; tests/labels tells how."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from foxgrape.mentions import mentions_in
from foxgrape.places import Gazetteer

LABELS = Path(__file__).parent / "labels"


def rows(name):
    with (LABELS / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def compared(texts):
    """Return right, wrong and missed mentions of the paragraphs that were read."""
    labels = {
        (row["post_id"], int(row["start"]), int(row["end"])): row["place_id"]
        for row in rows("mentions.csv")
    }
    told: dict[tuple[str, int, int], set[str]] = {}
    for row in rows("paragraphs.csv"):
        post, begin, end = row["post_id"], int(row["start"]), int(row["end"])
        for mention in mentions_in(texts[post], Gazetteer.default()):
            if begin <= mention.start and mention.end <= end:
                span = (post, mention.start, mention.end)
                told[span] = {place.id for place in mention.places}
    right = [span for span, places in told.items() if labels.get(span) in places]
    return right, sorted(set(told) - set(right)), sorted(set(labels) - set(right)), told


@pytest.mark.real
def test_mentions_are_those_that_a_reader_finds(real_data):
    """Precision at least 0.95 and recall at least 0.90; a name of several places counts as one."""
    file = real_data / "resistinua_addresses" / "addresses_2022-02_05.jsonl"
    texts = {}
    for number, line in enumerate(file.read_text("utf-8").split("\n")[:-1], start=1):
        post = json.loads(line)
        texts[f"{post['id']}/{number}"] = post["text"]
    right, wrong, missed, told = compared(texts)
    named = [[texts[post][begin:end] for post, begin, end in spans] for spans in (wrong, missed)]
    assert len(right) / (len(right) + len(wrong)) >= 0.95, named[0]
    assert len(right) / (len(right) + len(missed)) >= 0.90, named[1]
    # Most names mean one place, not one of several.
    assert Counter(len(told[span]) for span in right)[1] / len(right) >= 0.95
