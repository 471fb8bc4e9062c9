"""Count posts and signals at each step from the posts of a study to its questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from foxgrape import schemas
from foxgrape._util.formatting import duration_in_words, moment
from foxgrape.stats.coincidence.point_pattern import is_followed, overlaps
from foxgrape.stats.inputs import duration_us, observation_of
from foxgrape.stats.survival.counted_leads import reason_left_out
from foxgrape.times import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.studies.analysis import Analysis

__all__ = ["count_steps"]

#: In the order of `reason_left_out`, so that what a step leaves has passed all steps before it.
_REASONS = {
    "undecided": "for a place whose events can be identified",
    "unfollowed": "posted while events were recorded",
    "hindsight": "not decoded only after their event",
    "follows": "not after the {moment} of their event",
}


def count_steps(analysis: Analysis, window: str) -> pd.DataFrame:
    """Return the table of `Analysis.counts`."""
    rows = [
        *_posts(analysis),
        _with_a_signal(analysis),
        ("signals", "in these posts", len(analysis.signals) + len(analysis.ambiguous), 0),
        ("signals", "for one place", len(analysis.signals), len(analysis.ambiguous)),
        *_leads(analysis),
        *_chance(analysis, window),
    ]
    return pd.DataFrame(rows, columns=["question", "step", "n", "left_out"])


def _posts(analysis: Analysis) -> Iterator[tuple[str, str, int, int]]:
    study = analysis.study
    n_all, n = len(study.all_posts), len(study.posts)
    if study.period == (None, None):
        yield "posts", "posts", n, 0
        return
    yield "posts", "posts", n_all, 0
    yield "posts", "in the period", n, n_all - n


def _with_a_signal(analysis: Analysis) -> tuple[str, str, int, int]:
    keys = schemas.KEYS["posts"][0]
    posts = analysis.study.posts
    tables = [table[keys] for table in (analysis.signals, analysis.ambiguous) if len(table)]
    n_posts = 0
    if tables:
        signals = schemas.key_index(pd.concat(tables), keys)
        n_posts = int(schemas.key_index(posts, keys).isin(signals).sum())
    return "posts", "with a signal", n_posts, len(posts) - n_posts


def _leads(analysis: Analysis) -> Iterator[tuple[str, str, int, int]]:
    n = len(analysis.links)
    reasons = reason_left_out(analysis.links, hindsight=False)
    undecided = analysis.study.observed.is_undecided(analysis.links["place_id"])
    counts = reasons.mask(undecided & (reasons == "unfollowed"), "undecided").value_counts()
    yield "lead times", "signals", n, 0
    for reason, step in _REASONS.items():
        left_out = int(counts.get(reason, 0))
        n -= left_out
        if left_out or reason != "undecided":
            yield "lead times", step.format(moment=moment(analysis.clock)), n, left_out


def _chance(analysis: Analysis, window: str) -> Iterator[tuple[str, str, int, int]]:
    signals, clock = analysis.signals, analysis.clock
    within = duration_in_words(parse_duration(window, "window"))
    question = f"chance within {within}"
    observed = observation_of(analysis.observed(clock, window), signals, analysis.events, clock)
    n_undecided = int(observed.is_undecided(signals["place_id"]).sum())
    n_decided = len(signals) - n_undecided
    n_inside = int(overlaps(signals, "posted", observed).sum())
    n_followed = int(is_followed(signals, observed, duration_us(window, "window")).sum())
    yield question, "signals", len(signals), 0
    if n_undecided:
        yield question, _REASONS["undecided"], n_decided, n_undecided
    yield question, _REASONS["unfollowed"], n_inside, n_decided - n_inside
    yield question, "followed throughout the window", n_followed, n_inside - n_followed
