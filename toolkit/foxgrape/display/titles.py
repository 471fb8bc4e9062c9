"""The heading of a report, and the line below it: how many posts of when, and what counts."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import pandas as pd

from foxgrape._util.formatting import counted, describe_time, duration_in_words
from foxgrape.display.html import Html

if TYPE_CHECKING:
    from foxgrape.studies.analysis import Analysis
    from foxgrape.studies.study import Study

__all__ = ["period_in_words", "title"]

#: What counts as a signal, as a sentence below the title.
_READ = {
    "codes": "Signals are codes for places in posts.",
    "mentions": "Signals are places that posts name, not codes.",
    "both": "Signals are codes for places, and places that posts name.",
}


def title(study: Study, analysis: Analysis | None = None) -> Html:
    """Return the study's title as a heading and, with an analysis, what the page is about.

    With a period, the heading names it.
    """
    words = "" if analysis is None else f"<p>{html.escape(_scope(analysis))}</p>"
    days = period_in_words(study)
    heading = f"{study.title}, {days}" if days else study.title
    return Html(f"<h1>{html.escape(heading)}</h1>{words}")


def period_in_words(study: Study) -> str:
    """Return the days of the study's period; an empty string without a period.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> period_in_words(open_study().between("2022-09-01", "2022-10-01"))
    '1 to 30 Sep 2022'
    >>> period_in_words(open_study().between(since="2022-09-01"))
    'from 1 Sep 2022'
    """
    since, until = study.period
    last = None if until is None else until - pd.Timedelta(1, "us")
    if since is not None and last is not None:
        return describe_time(since, last, study.timezone).removesuffix(", time unknown")
    for word, day in (("from", since), ("until", last)):
        if day is not None:
            return f"{word} {day.tz_convert(study.timezone):%-d %b %Y}"
    return ""


def _scope(analysis: Analysis) -> str:
    """Return the size of the study, its period and what counts as a signal."""
    study = analysis.study
    posts = study.posts["posted_at"].dropna()
    period = ""
    if len(posts):
        days = describe_time(posts.min(), posts.max(), study.timezone)
        period = f", posted {days.removesuffix(', time unknown')}"
    n_events = counted(len(analysis.events_of_period(study.events)), "event")
    if study.period[1] is not None:
        n_events += f" until {duration_in_words(analysis.horizon)} after the period"
    return f"{counted(len(study.posts), 'post')}{period}; {n_events}. {_READ[analysis.read]}"
