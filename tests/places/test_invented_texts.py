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


GAZETTEER = Gazetteer.default()


def compare(text, labels):
    """Count mentions by outcome and grade, and signals: pairs of a text and the place it means.

    A label has several ids where the text does not decide; each of them is right.
    """
    outcome = Counter()
    mentions = find_mentions(text, GAZETTEER)
    detected = {(mention.start, mention.end): mention for mention in mentions}
    for span, ids in labels.items():
        mention = detected.pop(span, None)
        places = [place.id for place in mention.places] if mention else []
        if not places:
            outcome["missed"] += 1
        elif len(places) > 1 and not ids.isdisjoint(places):
            outcome["ambiguous"] += 1
        else:
            is_right = len(places) == 1 and places[0] in ids
            outcome["right" if is_right else "wrong"] += 1
            outcome[mention.confidence, is_right] += 1
    outcome["false"] += len(detected)
    outcome.update((mention.confidence, False) for mention in detected.values())
    signals = {mention.places[0].id for mention in mentions if len(mention.places) == 1}
    outcome["signals"] += len(signals)
    outcome["right signals"] += len(signals & set().union(*labels.values()))
    return outcome


@pytest.fixture(scope="module")
def outcomes():
    labels = {}
    for row in rows("invented_mentions.csv"):
        span = int(row["start"]), int(row["end"])
        labels.setdefault(row["text_id"], {})[span] = frozenset(row["place_id"].split(" "))
    totals = {}
    for row in rows("invented_texts.csv"):
        outcome = compare(row["text"], labels.get(row["text_id"], {}))
        totals.setdefault((row["round"], row["kind"]), Counter()).update(outcome)
    return totals


def rate(count, total):
    low, high = binomtest(count, total).proportion_ci(method="wilson")
    return f"{count}/{total} ({low:.2f} to {high:.2f})"


@pytest.mark.parametrize("kind", KINDS)
def test_places_are_found_in_every_kind_of_text(outcomes, kind):
    """Precision at least 0.95 by name and by signal, and recall at least 0.93, in all rounds."""
    assert {known for _, known in outcomes} == set(KINDS)
    outcome = sum((outcomes[key] for key in outcomes if key[1] == kind), Counter())
    right, ambiguous = outcome["right"], outcome["ambiguous"]
    n_mentions = right + outcome["wrong"] + outcome["false"]
    n_labels = right + ambiguous + outcome["wrong"] + outcome["missed"]
    report = (
        f"{kind}: precision {rate(right, n_mentions)}, by signal "
        f"{rate(outcome['right signals'], outcome['signals'])}, recall "
        f"{rate(right + ambiguous, n_labels)}, ambiguous {ambiguous}"
    )
    print(report)  # noqa: T201 - shown by -rP
    assert right / n_mentions >= 0.95, report
    assert outcome["right signals"] / outcome["signals"] >= 0.95, report
    assert (right + ambiguous) / n_labels >= 0.93, report


@pytest.mark.parametrize(("grade", "least"), [("A", 0.98), ("B", 0.93)])
def test_mentions_of_a_grade_are_right_as_often_as_it_states(outcomes, grade, least):
    outcome = sum(outcomes.values(), Counter())
    right, wrong = outcome[grade, True], outcome[grade, False]
    print(f"{grade}: {rate(right, right + wrong)}")  # noqa: T201 - shown by -rP
    assert right / (right + wrong) >= least
