"""Count the outcomes of signals: each signal has exactly one, so the counts add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foxgrape._util.formatting import count_or_none, duration_in_words, happened, moment
from foxgrape.linking import order_on_clock
from foxgrape.stats.survival.counted_leads import reason_left_out

if TYPE_CHECKING:
    from foxgrape.studies.analysis import Analysis

__all__ = ["OUTCOMES", "count_outcomes", "others_in_words", "outcomes_in_words"]

#: Outcomes in the order of sentences.
OUTCOMES = ("before", "undetermined", "after", "none", "open", "hindsight", "outside", "undecided")


def count_outcomes(analysis: Analysis) -> dict[str, int]:
    """Return the number of signals of each outcome.

    Returns
    -------
    dict
        ``before``, ``undetermined`` and ``after`` their event on the clock of the analysis;
        ``none``: no event within the horizon; ``open``: none so far; ``hindsight``;
        ``outside``: posted while no events were recorded; and ``undecided``: for a place whose name
        an event has of which it could not be decided where it was.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> counts = count_outcomes(open_study().analyse())
    >>> {name: n for name, n in counts.items() if n}
    {'undetermined': 3, 'none': 1, 'hindsight': 1}
    """
    links = analysis.links
    reason, order = reason_left_out(links, hindsight=False), order_on_clock(links)
    is_complete = links["lead_min"] >= analysis.horizon
    undecided = pd.Series(analysis.study.observed.is_undecided(links["place_id"]), links.index)
    is_open = order == "no event"
    claims = [undecided, reason == "unfollowed", reason == "hindsight", is_open & is_complete]
    words = ["undecided", "outside", "hindsight", "none", "open"]
    names = np.select([*claims, is_open], words, "")
    outcome = order.where(names == "", pd.Series(names, index=order.index))
    return {name: int((outcome == name).sum()) for name in OUTCOMES}


def outcomes_in_words(analysis: Analysis) -> str:
    """Return how many signals certainly came before their event; empty without signals.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> outcomes_in_words(open_study().analyse())
    'none certainly came before the confirmation of an event'
    """
    if not len(analysis.links):
        return ""
    n_before = count_or_none(count_outcomes(analysis)["before"])
    return f"{n_before} certainly came before the {moment(analysis.clock)} of an event"


def others_in_words(analysis: Analysis) -> str:
    """Return how many signals had each other outcome that occurs, in a sentence; else empty.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> others_in_words(open_study().analyse())
    'Of the others: for 3, times are too rough to say whether the post or the confirmation of ...'
    """
    within = duration_in_words(analysis.horizon)
    event, came = f"the {moment(analysis.clock)} of an event", happened(analysis.clock)
    words = {
        "undetermined": (
            f"for {{}}, times are too rough to say whether the post or the "
            f"{moment(analysis.clock)} of its event came first"
        ),
        "after": f"{{}} came after {event}, with no later one within {within}",
        "none": f"for {{}}, no event {came} within {within}",
        "open": f"for {{}}, observed for less than {within}, no event {came} so far",
        "hindsight": "{} had a code that was decoded only after the event",
        "outside": "{} were posted while no events were recorded",
        "undecided": (
            "{} could not be followed, because an event has the name of the place, and it could "
            "not be decided where it was"
        ),
    }
    counts = count_outcomes(analysis)
    parts = [words[name].format(f"{n:,}") for name, n in counts.items() if n and name in words]
    of_others = "Of the others: " if counts["before"] or len(parts) > 1 else "Of these: "
    return f"{of_others}{'; '.join(parts)}." if parts else ""
