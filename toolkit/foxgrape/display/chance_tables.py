"""Tables of the report *Test against chance*, and what they say in a sentence."""

from __future__ import annotations

from math import isinf, isnan, nan
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape._util.formatting import counted, duration_in_words, moment, percent
from foxgrape._util.small_numbers import TOO_FEW, are_few, share_in_words, too_few
from foxgrape.display.html import Headline, Html, bullets, finding_block, sentence, table
from foxgrape.stats.coincidence.sensitivity import MAX_FACTOR
from foxgrape.stats.inputs import LEVEL, MORE, window_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from foxgrape.stats.alarms.molchan import Alarm
    from foxgrape.stats.coincidence.event_coincidence import Coincidence
    from foxgrape.stats.verdict import Verdict
    from foxgrape.studies.analysis import Analysis

__all__ = [
    "alarms_table",
    "groups_table",
    "nulls_answer",
    "nulls_table",
    "sensitivity_block",
    "verdict_headline",
    "windows_table",
]


def windows_table(result: Coincidence) -> Html:
    """Return a table of rates and p-values by window, with and without adjustment.

    The adjustment is for the number of windows tried.
    """
    few = are_few(result.n_signals)
    rows = [
        [
            duration_in_words(row.window),
            share_in_words(row.trigger_rate, result.n_signals),
            "–" if few else share_in_words(row.precursor_rate, result.n_events),
            _p(row.p_trigger, result.n_signals),
            _p(row.p_trigger_adjusted, result.n_signals),
        ]
        for row in _rows(result.windows)
    ]
    adjusted = f"p, adjusted for trying {len(rows)} windows" if len(rows) > 1 else "p, adjusted"
    followed = f"Signals followed by {moment(result.clock)}"
    heads = ["Window", followed, f"{moment(result.clock).capitalize()}s preceded", "p", adjusted]
    sizes = f"{counted(result.n_signals, 'signal')}, {counted(result.n_events, 'event')}"
    return table(heads, rows, f"{sizes}; null model {result.null}.")


def groups_table(result: Coincidence) -> Html:
    """Return a table of rates and p-values by group of signals, unadjusted and FDR-adjusted."""
    rows = [
        [
            str(row.group),
            f"{row.n_signals:,}",
            share_in_words(row.trigger_rate, row.n_signals),
            _p(row.p_trigger, row.n_signals),
            _p(row.p_adjusted, row.n_signals),
        ]
        for row in _rows(result.groups)
    ]
    followed = f"Followed by {moment(result.clock)}"
    heads = ["Signals", "n", followed, "p", "p, false discovery rate controlled"]
    return table(heads, rows, _groups_note(result))


def _groups_note(result: Coincidence) -> str:
    """Return for which window the groups are, and how many of them claim a lead."""
    within = duration_in_words(result.window)
    n = len(result.groups)
    n_tested = int(result.groups["p_adjusted"].notna().sum())
    if not n_tested:
        return (
            f"{counted(n, 'group')}, each with too few signals to test. Followed within {within}."
        )
    n_below = int((result.groups["p_adjusted"] <= LEVEL).sum())
    reached = "in none of them" if not n_below else f"in {n_below} of them"
    chance = (
        ""
        if n_below
        else " Without the control, about 1 of 20 groups has p up to 0.05 by chance alone."
    )
    return (
        f"{counted(n, 'group')}, {n_tested} of them with enough signals to test; the controlled p "
        f"is at most {LEVEL:g} {reached}.{chance} Followed within {within}."
    )


def verdict_headline(verdict: Verdict, reason: str = "") -> Headline:
    """Return the verdict of three tests as a headline: what each of them asks and answers.

    Parameters
    ----------
    verdict
        The results.
    reason
        Why there is nothing to test; by default, nothing is added.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> verdict_headline(open_study().analyse().verdict(n=19)).text
    'Five signals are too few to test.'
    """
    first = verdict.coincidence
    if are_few(first.n_signals) or not first.n_events:
        return Headline(verdict.sentence(), more=reason)
    within = window_in_words(first.window, len(first.windows))
    ratio = getattr(verdict.hazard, "ratio", nan)
    is_stated = verdict.claims["hazard"] != TOO_FEW and not isnan(ratio) and not isinf(ratio)
    size = f" (hazard ratio {ratio:.2f})" if is_stated else ""
    questions = {
        "coincidence": f"Were signals followed by the {moment(first.clock)} of an event {within} "
        "more often than by chance?",
        "hazard": f"Were events at a place more likely after a signal{size}?",
        "alarm": "Did signals warn of events better than alarms at random?",
    }
    answers = [
        f"{questions[row.result]} {row.claim}{_p_in_brackets(row.p_value)}."
        for row in _rows(verdict.to_frame())
    ]
    more = " ".join(filter(None, (f"Tested: {verdict.sizes()}.", verdict.reasons(), reason)))
    return Headline(verdict.agreement(), bullets(answers), more=more)


def _p_in_brackets(p: float) -> str:
    return "" if isnan(p) else f" (p = {p:.2g})"


def nulls_answer(results: Sequence[Coincidence]) -> str:
    """Return in a sentence whether the null models agree; empty if nothing can be tested.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> analysis = open_study().analyse()
    >>> nulls_answer([analysis.coincidence(window="7D", null="shuffle", n=19)])
    'Five signals are too few to test, whatever the null model.'
    """
    tested = [result for result in results if result.n_signals and result.n_events]
    if not tested:
        return ""
    if are_few(tested[0].n_signals):
        return f"{too_few(tested[0].n_signals, 'to test')}, whatever the null model."
    tested = [result for result in tested if not result.has_one_place]
    if not tested:
        return "The signals name one place, too few to test."
    p_values = [result.p_trigger for result in tested]
    span = f"p from {min(p_values):.2g} to {max(p_values):.2g}"
    above = [result.null for result in tested if not result.p_trigger <= LEVEL]
    if len(above) == len(tested):
        return f"No: with each of the {len(tested)}, the result is consistent with chance ({span})."
    if not above:
        return f"No: with each of the {len(tested)}, p is at most {LEVEL:g} ({span})."
    below = [result.null for result in tested if result.p_trigger <= LEVEL]
    return (
        f"Yes: p is at most {LEVEL:g} with {', '.join(below)}, and above it with "
        f"{', '.join(above)} ({span})."
    )


def nulls_table(results: Sequence[Coincidence]) -> Html:
    """Return a table of p-values by null model, with each test's warnings as caveats."""
    rows = [
        [
            result.null,
            _p(result.p_trigger, result.n_signals),
            f"{result.n_surrogates:,}",
            " ".join(map(sentence, result.warnings)) or "–",
        ]
        for result in results
        if result.n_signals and result.n_events
    ]
    empty = "Null models cannot be compared, because there is nothing to test."
    return table(["Null model", "p", "Surrogates", "Caveats"], rows, "", empty=empty)


def alarms_table(result: Alarm) -> Html:
    """Return a table of alarmed share, miss rate, recall, gain and precision by window."""
    few = are_few(result.n_signals)
    rows = [
        [
            duration_in_words(row.window),
            percent(row.alarmed, 1),
            "–" if few else share_in_words(row.missed, result.n_events),
            "–" if few else share_in_words(row.recall, result.n_events),
            "–" if pd.isna(row.gain) or few else f"{row.gain:.1f}",
            share_in_words(row.precision, row.signals),
        ]
        for row in _rows(result.windows)
    ]
    heads = ["Window", "Alarmed", "Missed", "Recall", "Probability gain", "Precision"]
    sizes = f"{counted(result.n_signals, 'signal')}, {counted(result.n_events, 'event')}."
    return table(heads, rows, sizes)


def _p(value: float, n_signals: int) -> str:
    return "–" if are_few(n_signals) or pd.isna(value) else f"{value:.4f}"


def sensitivity_block(analysis: Analysis, result: Coincidence) -> Html | None:
    """Return how strong a hidden cause would have to be to explain a claim; None without one.

    Parameters
    ----------
    analysis
        The analysis that was tested.
    result
        Its coincidence test; only ``place`` and ``local`` can be questioned in this way.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> analysis = open_study().analyse()
    >>> sensitivity_block(analysis, analysis.coincidence(window="7D", n=19)) is None
    True
    """
    if result.claim != MORE or result.null not in {"local", "place"}:
        return None
    null: Any = result.null
    preference = analysis.sensitivity(window=str(result.window), null=null, rng=result.seed)
    factor = f"more than {MAX_FACTOR:.0f}" if isinf(preference.limit) else f"{preference.limit:.1f}"
    within = duration_in_words(result.window)
    claim = f"How firm is this? It holds up to a hidden preference by a factor of {factor}."
    meaning = (
        "Something that the events do not show, such as news of a single day, could make posts "
        f"prefer places with an event within {within}, without any lead. To make the result "
        f"consistent with chance, posts would have to choose such places {factor} times as readily "
        "as the null model expects (Γ, after Rosenbaum; for this window alone). A factor near 1 is "
        "easily reached: the claim is then weak. The larger it is, the firmer is the claim."
    )
    return finding_block(claim, more=meaning)


def _rows(frame: pd.DataFrame) -> list[Any]:
    """Return the rows as named tuples, typed as Any because their fields are dynamic."""
    return list(frame.itertuples())
