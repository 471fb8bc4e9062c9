"""Outcomes of signals in figures: one label, colour and mark for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foxgrape.plots.theme import BLUE, GREEN, ORANGE, PINK

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

__all__ = ["RELATION_MARKS", "by_outcome", "outcomes"]

#: For each relation, and for hindsight: label, colour, plotly symbol, and a similar character for
#: legends in text.
RELATION_MARKS = {
    "anticipates": ("posted before the event", GREEN, "star", "★"),
    "announces": ("posted before confirmation", GREEN, "circle", "●"),
    "precedes": ("posted before confirmation", GREEN, "circle", "●"),
    "undetermined": ("order unknown", ORANGE, "diamond", "◆"),
    "follows": ("posted after the event", PINK, "square", "■"),
    "unconfirmed": ("no event (right-censored)", BLUE, "circle-open", "○"),
    "hindsight": ("decoded only afterwards (hindsight)", PINK, "x", "✕"),
}


def by_outcome(table: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, str, str, str, str]]:
    """Yield the rows of `Analysis.table` for each outcome, with its label, colour and symbols.

    Relations with the same label, such as *announces* and *precedes*, are one outcome.
    """
    labels = outcomes(table).map(lambda name: RELATION_MARKS[str(name)][0])
    marks = {mark[0]: mark for mark in RELATION_MARKS.values()}
    for label, rows in table.groupby(labels, sort=False):
        yield rows, *marks[str(label)]


def outcomes(table: pd.DataFrame) -> pd.Series:
    """Return each signal's relation, or hindsight."""
    return table["relation"].where(~table["hindsight"], "hindsight")
