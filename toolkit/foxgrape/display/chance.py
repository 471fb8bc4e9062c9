"""What the test against chance says about the signals of a report, in its headline."""

from __future__ import annotations

import html
from functools import lru_cache
from math import isnan
from typing import TYPE_CHECKING

from foxgrape._util.small_numbers import TOO_FEW, are_few, too_few
from foxgrape.stats.inputs import UNRELIABLE

if TYPE_CHECKING:
    from foxgrape.stats.coincidence.event_coincidence import Coincidence
    from foxgrape.studies.analysis import Analysis

__all__ = ["chance_claim", "chance_in_words", "p_in_words", "verdict_in_words", "within_a_week"]

#: Beyond this number of signals, fewer surrogates estimate a p-value well enough.
_MANY_SIGNALS = 500


@lru_cache(maxsize=2)
def within_a_week(analysis: Analysis) -> Coincidence:
    """Test for coincidence within 7 days; cached, because several parts of a report use it."""
    n_surrogates = 1999 if len(analysis.signals) > _MANY_SIGNALS else 9999
    return analysis.coincidence(window="7D", n=n_surrogates)


def verdict_in_words(result: Coincidence) -> str:
    """Return as a sentence what a test claims, or why it makes no claim.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> verdict_in_words(within_a_week(open_study().analyse()))
    'Five signals are too few to test.'
    """
    if result.claim != TOO_FEW:
        return f"{result.claim}."
    if not result.n_signals or not result.n_events:
        return result.sentence()
    if result.has_one_place and not are_few(result.n_signals):
        return f"{result.sentence().split('. ')[0]}."
    return f"{too_few(result.n_signals, 'to test')}."


def p_in_words(p: float) -> str:
    """Return what a p-value says, in plain words.

    Examples
    --------
    >>> p_in_words(0.12)
    'Without a lead, as much would be seen in about 12 of 100 cases.'
    >>> p_in_words(0.0001)
    'Without a lead, as much would be seen in fewer than 1 of 100 cases.'
    """
    often = "fewer than 1" if p < 0.01 else f"about {100 * p:.0f}"  # noqa: PLR2004 - 1 of 100
    return f"Without a lead, as much would be seen in {often} of 100 cases."


def chance_in_words(result: Coincidence, *, claim: bool = True) -> str:
    """Return the sentence of a coincidence test, and what its p-value says.

    Without `claim`, the sentence does not begin with what the test claims.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> chance_in_words(within_a_week(open_study().analyse()))
    'Five signals are too few to test.'
    """
    if result.claim == TOO_FEW:
        return verdict_in_words(result)
    says_nothing = result.claim == UNRELIABLE or isnan(result.p_trigger)
    meaning = "" if says_nothing else f" {p_in_words(result.p_trigger)}"
    words = result.sentence() if claim else result.sentence().removeprefix(f"{result.claim}: ")
    return f"{words}{meaning}"


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
    '<p class="claim"><strong>More than chance?</strong> Five signals are too few to test. ...'
    """
    if not len(analysis.signals):
        return ""
    result = within_a_week(analysis)
    more = "" if result.claim == TOO_FEW else " The report “Test against chance” has more."
    words = f"{chance_in_words(result)} Tested: {signals}.{more}"
    return f'<p class="claim"><strong>More than chance?</strong> {html.escape(words)}</p>'
