"""Outcomes of signals in figures: one label, colour and mark for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foxgrape.plots.theme import BLUE, GREEN, ORANGE, PINK

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

__all__ = ["RELATION_MARKS", "by_main_outcome", "by_outcome", "outcome_labels", "outcomes"]

#: For each relation, and for hindsight: label, colour, plotly symbol, and a similar character for
#: legends in text.
RELATION_MARKS = {
    "anticipates": ("posted before the event", GREEN, "star", "★"),
    "announces": ("posted before confirmation", GREEN, "circle", "●"),
    "precedes": ("posted before confirmation", GREEN, "circle", "●"),
    "undetermined": ("order unknown", ORANGE, "triangle-up", "▲"),
    "follows": ("posted after the event", PINK, "square", "■"),
    "unconfirmed": ("no event (right-censored)", BLUE, "circle-open", "○"),
    "hindsight": ("decoded only afterwards (hindsight)", PINK, "x", "✕"),
}


def by_outcome(table: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, str, str, str, str]]:
    """Yield the rows of `Analysis.table` for each outcome, with its label, colour and symbols.

    Relations with the same label, such as *announces* and *precedes*, are one outcome.
    """
    yield from _by_label(table, outcome_labels(table))


def by_main_outcome(table: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, str, str, str, str]]:
    """Yield the rows of `Analysis.table` like `by_outcome`, but all rows of a place together.

    They are yielded with the outcome that most signals for the place have; of equally frequent
    outcomes, with that of the first signal.
    """
    labels = outcome_labels(table)
    main = {place: _most_frequent(part) for place, part in labels.groupby(table["place_id"])}
    yield from _by_label(table, table["place_id"].map(main))


def _most_frequent(labels: pd.Series) -> str:
    counts = labels.value_counts(sort=False)
    return str(counts.idxmax())


def outcome_labels(table: pd.DataFrame) -> pd.Series:
    """Return the label of each signal's outcome."""
    return outcomes(table).map(lambda name: RELATION_MARKS[str(name)][0])


def _by_label(
    table: pd.DataFrame, labels: pd.Series
) -> Iterator[tuple[pd.DataFrame, str, str, str, str]]:
    marks = {mark[0]: mark for mark in RELATION_MARKS.values()}
    for label, rows in table.groupby(labels, sort=False):
        yield rows, *marks[str(label)]


def outcomes(table: pd.DataFrame) -> pd.Series:
    """Return each signal's relation, or hindsight."""
    return table["relation"].where(~table["hindsight"], "hindsight")
