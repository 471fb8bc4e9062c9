"""What the test against chance says about the signals of a report, in its headline."""

from __future__ import annotations

import html
from functools import lru_cache
from typing import TYPE_CHECKING

from foxgrape._util.small_numbers import are_few, too_few

if TYPE_CHECKING:
    from foxgrape.stats.coincidence.event_coincidence import Coincidence
    from foxgrape.studies.analysis import Analysis

__all__ = ["chance_claim", "within_a_week"]

#: Beyond this number of signals, fewer surrogates estimate a p-value well enough.
_MANY_SIGNALS = 500


@lru_cache(maxsize=2)
def within_a_week(analysis: Analysis) -> Coincidence:
    """Test for coincidence within 7 days; cached, because several parts of a report use it."""
    n_surrogates = 1999 if len(analysis.signals) > _MANY_SIGNALS else 9999
    return analysis.coincidence(window="7D", n=n_surrogates)


def chance_claim(analysis: Analysis, signals: str) -> str:
    """Return as HTML what the test against chance says about signals; empty without signals.

    Counts of signals that an event followed say nothing about chance, so no report has only these.

    Parameters
    ----------
    analysis
        The signals that are tested.
    signals
        What these signals are, such as *all signals of the account*.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> chance_claim(open_study().analyse(), "all signals")
    '<p class="claim">Test against chance, all signals: Five signals are too few to test.</p>'
    """
    n = len(analysis.signals)
    if not n:
        return ""
    if are_few(n):
        answer = f"{too_few(n, 'to test')}."
    else:
        answer = f"{within_a_week(analysis).sentence()} The report “Test against chance” has more."
    sentence = f"Test against chance, {signals}: {answer}"
    return f'<p class="claim">{html.escape(sentence)}</p>'
