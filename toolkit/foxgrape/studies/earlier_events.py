"""Find the signals that were posted after some event at their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from foxgrape._util.formatting import counted, duration_in_words, moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from foxgrape.studies.analysis import Analysis

__all__ = ["leads_after_an_event", "posted_after_an_event"]


def leads_after_an_event(analysis: Analysis, leads: pd.DataFrame) -> list[str]:
    """Return in a sentence how many of some leads came also after an earlier event, if any did.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> analysis = open_study().analyse()
    >>> leads_after_an_event(analysis, analysis.leading_rows())
    []
    """
    n = int(posted_after_an_event(analysis, leads["signal_id"]).sum())
    if not n:
        return []
    within = duration_in_words(analysis.horizon)
    were = "was" if n == 1 else "were"
    sentence = (
        f"{n:,} of {counted(len(leads), 'lead')} {were} also posted within {within} after the "
        f"{moment(analysis.clock)} of an earlier event at the same place, and may be about that "
        "one: a lead is the time to the next event, of whatever kind."
    )
    return [sentence]


def posted_after_an_event(analysis: Analysis, signal_ids: Iterable[str]) -> pd.Series:
    """Return, for each signal, whether it certainly came after some event at its place.

    The event is at most the horizon earlier, on the clock of the analysis. A lead is to the next
    event: where events are frequent, most posts that come before one also come after another.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> analysis = open_study().analyse()
    >>> posted_after_an_event(analysis, analysis.signals["signal_id"]).tolist()
    [False, False, False, False, False]
    """
    ids = pd.Index(list(signal_ids), dtype="str")
    until = f"{analysis.clock}_until"
    ends = analysis.events[["place_id", until]].dropna().sort_values(until).assign(after=True)
    posts = analysis.signals.set_index("signal_id").loc[ids, ["place_id", "posted_at"]]
    joined = pd.merge_asof(
        posts.reset_index().sort_values("posted_at"),
        ends,
        left_on="posted_at",
        right_on=until,
        by="place_id",
        tolerance=analysis.horizon,
        allow_exact_matches=False,
    )
    return joined.set_index("signal_id")["after"].reindex(ids).notna()
