"""The heading of a report, and the line below it: how many posts of when, and what counts."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape._util.formatting import counted, describe_time, duration_in_words
from foxgrape.display.html import SUBJECT, Html
from foxgrape.places.geonames import country_names

if TYPE_CHECKING:
    from foxgrape.studies.analysis import Analysis
    from foxgrape.studies.study import Study

__all__ = ["Title", "period_in_words", "title"]

#: Beyond this number, accounts are counted and not named.
_MAX_ACCOUNTS = 3

#: What counts as a signal, as a sentence below the title.
_READ = {
    "codes": "Signals are codes for places in posts.",
    "mentions": "Signals are places that posts name, not codes.",
    "both": "Signals are codes for places, and places that posts name.",
}


class Title(Html):
    """The heading of a report, which also names what the report is about in the catalogue.

    Examples
    --------
    >>> Title("<h1>Izium</h1>", "Izium")._repr_mimebundle_()[SUBJECT]
    'Izium'
    """

    def __init__(self, markup: str, subject: str) -> None:
        """Set the heading as HTML, and the title of the study as text."""
        super().__init__(markup)
        self.subject = subject

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": self.markup, "text/plain": self.subject, SUBJECT: self.subject}


def title(
    study: Study, analysis: Analysis | None = None, report: str = "", *, heading: str = ""
) -> Title:
    """Return a report's heading and, with an analysis, whose posts of when about where it is.

    Parameters
    ----------
    study
        The data; with a period, the heading names it.
    analysis
        The analysis that the report shows.
    report
        Name of the report, which begins the heading: several reports are about the same data.
    heading
        What the report is about; by default, the study's title. The line below then does not count
        posts and events, because the report is not about all of them.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> study = open_study()
    >>> title(study, study.analyse(), "One place", heading="Izium").markup
    '<h1>One place: Izium</h1><p>Signals by account Andriy Yermak, of 31 accounts, places ...'
    """
    days = period_in_words(study)
    about = heading or study.title
    about = f"{report}: {about}" if report else about
    about = f"{about}, {days}" if days else about
    if analysis is None:
        return Title(f"<h1>{html.escape(about)}</h1>", study.title)
    part = f"Part of {study.title}." if heading and study.title not in heading else ""
    scope = _posts_of(analysis) if heading else _sizes(analysis)
    sentences = (_who_and_where(analysis), part, scope, _READ[analysis.read])
    words = " ".join(filter(None, sentences))
    return Title(f"<h1>{html.escape(about)}</h1><p>{html.escape(words)}</p>", study.title)


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


def _who_and_where(analysis: Analysis) -> str:
    """Return the accounts and the countries that a study is about, in one sentence."""
    who = _names_of(analysis.study.posts["account"])
    n = analysis.study.posts["account"].nunique()
    if n > _MAX_ACCOUNTS and len(analysis.signals):
        who = f"Signals by {_names_of(analysis.signals['account'])}, of {n:,} accounts"
    countries = country_names(analysis.study.codebook.gazetteer)
    where = f"places in {' and '.join(countries)}" if countries else ""
    words = ", ".join(filter(None, (who, where)))
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _names_of(accounts: pd.Series) -> str:
    """Return the names of accounts, or their number if they are many."""
    names = sorted(accounts.dropna().astype("str").unique())
    if len(names) > _MAX_ACCOUNTS:
        return f"{len(names):,} accounts"
    return f"account{'' if len(names) == 1 else 's'} {' and '.join(names)}" if names else ""


def _posts_of(analysis: Analysis) -> str:
    days = _days_of_posts(analysis)
    return f"Posts of {days}." if days else ""


def _days_of_posts(analysis: Analysis) -> str:
    posted = analysis.study.posts["posted_at"].dropna()
    if posted.empty:
        return ""
    days = describe_time(posted.min(), posted.max(), analysis.study.timezone)
    return days.removesuffix(", time unknown")


def _sizes(analysis: Analysis) -> str:
    """Return the size of the study and its period."""
    study = analysis.study
    days = _days_of_posts(analysis)
    period = f", posted {days}" if days else ""
    n_events = counted(len(analysis.events_of_period(study.events)), "event")
    if study.period[1] is not None:
        n_events += f" until {duration_in_words(analysis.horizon)} after the period"
    return f"{counted(len(study.posts), 'post')}{period}; {n_events}."
