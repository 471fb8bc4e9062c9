"""Build whole sections of reports: a figure with its table, or one sentence if there is no data."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from foxgrape._util.result import Result
from foxgrape._util.small_numbers import TOO_FEW
from foxgrape.display.html import Group, Html, finding_block, sentence
from foxgrape.display.report_tables import events_table, signals_table
from foxgrape.errors import FoxgrapeError
from foxgrape.plots.activity import event_timeline
from foxgrape.plots.signals import timeline
from foxgrape.plots.theme import empty_figure
from foxgrape.stats.survival.competing_risks import RETRACTED

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import plotly.graph_objects as go

    from foxgrape.stats.survival.competing_risks import CumulativeIncidence
    from foxgrape.studies.analysis import Analysis

__all__ = [
    "NoResult",
    "events_section",
    "outcomes_section",
    "result_or_reason",
    "result_section",
    "signals_section",
]


_R = TypeVar("_R")


class _Result(Protocol):
    """A test or an estimate with a figure."""

    def sentence(self) -> str: ...

    def figure(self) -> go.Figure: ...


@dataclass(frozen=True, slots=True)
class NoResult:
    """Why a test has no result.

    Attributes
    ----------
    reason
        A sentence that says why, and what to do.
    claim, ratio, p_value
        As those of a test with too few data.
    """

    reason: str
    claim: str = TOO_FEW
    ratio: float = nan
    p_value: float = nan
    warnings: tuple[str, ...] = ()

    def sentence(self) -> str:
        """Return the reason."""
        return self.reason

    def figure(self) -> go.Figure:
        """Return a figure that shows only the reason."""
        return empty_figure(self.reason)


def result_or_reason(test: Callable[[], _R]) -> _R | NoResult:
    """Return the result of a test, or why the data allow none.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> analysis = open_study().analyse()
    >>> result_or_reason(lambda: analysis.alarm(window="0D")).claim
    'Too few to test'
    """
    try:
        return test()
    except FoxgrapeError as error:
        return NoResult(sentence(str(error)))


def signals_section(
    analysis: Analysis,
    rows: pd.DataFrame | None = None,
    *,
    empty: str | None = None,
    csv_file: str | None = None,
) -> Group | Html:
    """Return the timeline and the table of signals, or a sentence if there are none.

    Parameters
    ----------
    analysis
        Analysis that contains the signals.
    rows
        Rows of `Analysis.table` to show; by default all rows.
    empty, csv_file
        As in `foxgrape.display.report_tables.signals_table`.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> len(signals_section(open_study().analyse()).parts)
    2
    """
    table = signals_table(analysis, rows, empty=empty, csv_file=csv_file)
    part = analysis if rows is None else analysis.subset(rows["signal_id"])
    return Group(timeline(part), table) if len(part.signals) else table


def events_section(analysis: Analysis, events: pd.DataFrame, *, empty: str) -> Group | Html:
    """Return events and signals by date, and the table of events; a sentence if there are none.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> analysis = open_study().analyse()
    >>> len(events_section(analysis, analysis.events, empty="No events.").parts)
    2
    """
    study = analysis.study
    table = events_table(events, study.confirmations, study.timezone, empty=empty)
    if events.empty and analysis.signals.empty:
        return table
    return Group(event_timeline(analysis, events), table)


def result_section(result: _Result, *tables: Callable[[Any], Html]) -> Group | Html:
    """Return a result's sentence, caveats, figure and tables; without data, only the sentence.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> len(result_section(open_study().analyse().lead_times).parts)
    2
    """
    warnings = result.caveats() if isinstance(result, Result) else ()
    figure = result.figure()
    if "empty" in (figure.layout.meta or {}):
        warnings = warnings if getattr(result, "n_signals", 1) else ()
        return finding_block(result.sentence(), warnings)
    finding = finding_block(result.sentence(), warnings)
    return Group(finding, figure, *(table(result) for table in tables))


def outcomes_section(outcomes: CumulativeIncidence) -> Group | Html:
    """Return the outcomes of signals; without a retracted event, that the lead times show them.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> from foxgrape.stats.survival.competing_risks import cumulative_incidence
    >>> study = open_study()
    >>> outcomes_section(cumulative_incidence(study.analyse().links, study.events)).markup
    '<p class="soft">No event was retracted: the report “Lead times of hints” has the share ...'
    """
    if outcomes.n and not outcomes.counts[RETRACTED]:
        return Html(
            '<p class="soft">No event was retracted: the report “Lead times of hints” has the '
            "share of signals with an event by time.</p>"
        )
    return result_section(outcomes)
