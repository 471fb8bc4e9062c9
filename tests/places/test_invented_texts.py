"""Mentions in invented texts of four kinds, compared with labels; see tests/labels/README.md."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from scipy.stats import binomtest

from foxgrape.places import Gazetteer
from foxgrape.places.mentions import find_mentions

LABELS = Path(__file__).parents[1] / "labels"
KINDS = ("official-uk", "news-uk", "news-ru", "official-en")


def rows(name):
    with (LABELS / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def compare(text, labels):
    """Count mentions: right, a name of several places, wrong, and missed."""
    outcome = Counter()
    mentions = find_mentions(text, GAZETTEER)
    detected = {(mention.start, mention.end): mention for mention in mentions}
    for span, place_id in labels.items():
        places = [place.id for place in detected.pop(span).places] if span in detected else []
        if not places:
            outcome["missed"] += 1
        elif len(places) > 1 and place_id in places:
            outcome["ambiguous"] += 1
        else:
            outcome["right" if places == [place_id] else "wrong"] += 1
    outcome["false"] += len(detected)
    return outcome


GAZETTEER = Gazetteer.default()


@pytest.fixture(scope="module")
def outcomes():
    labels = {}
    for row in rows("invented_mentions.csv"):
        span = int(row["start"]), int(row["end"])
        labels.setdefault(row["text_id"], {})[span] = row["place_id"]
    totals = {}
    for row in rows("invented_texts.csv"):
        outcome = compare(row["text"], labels.get(row["text_id"], {}))
        totals.setdefault((row["round"], row["kind"]), Counter()).update(outcome)
    return totals


def rate(count, total):
    low, high = binomtest(count, total).proportion_ci(method="wilson")
    return f"{count}/{total} ({low:.2f} to {high:.2f})"


def test_places_are_found_in_every_kind_of_text(outcomes):
    assert {kind for _, kind in outcomes} == set(KINDS)
    for kind in KINDS:
        outcome = outcomes["1", kind] + outcomes["2", kind]
        right, ambiguous = outcome["right"], outcome["ambiguous"]
        n_signals = right + outcome["wrong"] + outcome["false"]
        n_labels = right + ambiguous + outcome["wrong"] + outcome["missed"]
        report = (
            f"{kind}: precision {rate(right, n_signals)}, recall "
            f"{rate(right + ambiguous, n_labels)}, ambiguous {ambiguous}"
        )
        assert right / n_signals >= 0.93, report
        assert (right + ambiguous) / n_labels >= 0.91, report
