"""What a period brought, against the one before: new signals, confirmed leads, what still waits."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape import times
from foxgrape._util.formatting import counted, describe_time, duration_in_words
from foxgrape.errors import FoxgrapeError
from foxgrape.studies.from_store import as_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from foxgrape.studies.analysis import Analysis, Read
    from foxgrape.studies.study import Study

__all__ = ["PeriodBrief", "period_brief"]


@dataclass(frozen=True, slots=True, eq=False)
class PeriodBrief:
    """What was known at the end of a period that was not known at its beginning.

    A post belongs to the period in which it was certainly posted, an event to the one in which it
    was certainly confirmed. Each table has the rows of `Analysis.table`.

    Attributes
    ----------
    analysis
        All that was known at the end.
    since, until
        The period: from `since` up to, and without, `until`.
    new
        Signals posted in it.
    confirmed
        Signals whose event was confirmed in it, and which did not certainly come after it. Those
        that are hindsight are among them, marked.
    waiting
        Signals without an event that have waited no longer than the horizon.
    overdue
        Signals whose horizon ran out in the period, without an event.
    counts
        One row a kind of news: what, this (period), before (the same as of `since`).
    """

    analysis: Analysis
    since: pd.Timestamp
    until: pd.Timestamp
    new: pd.DataFrame
    confirmed: pd.DataFrame
    waiting: pd.DataFrame
    overdue: pd.DataFrame
    counts: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return one row a kind of news: what, this, before."""
        return self.counts.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain values, and the ids of the signals."""
        parts = ("new", "confirmed", "waiting", "overdue")
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "counts": self.counts.to_dict("records"),
            **{name: getattr(self, name)["signal_id"].tolist() for name in parts},
        }

    def sentence(self) -> str:
        """Say in one sentence what the period brought."""
        told = self.counts.set_index("what")["this"]
        waits = "waits" if told["still waiting"] == 1 else "wait"
        return (
            f"{self.days_in_words()}: {counted(told['signals'], 'new signal')} in "
            f"{counted(told['posts'], 'post')}; {counted(told['leads confirmed'], 'lead')} "
            f"confirmed; {told['still waiting']} still {waits} for an event; "
            f"{told['overdue']} overdue, no event within "
            f"{duration_in_words(self.analysis.horizon)}.{self._ended()}"
        )

    def _ended(self) -> str:
        """Say so if nobody watched any more when the period ended."""
        end = pd.Timestamp(self.analysis.study.observed_until or self.until)
        if end >= self.until:
            return ""
        local = end.tz_convert(self.analysis.study.timezone)
        return f" Observation ended before that, on {local:%-d %b %Y}."

    def days_in_words(self) -> str:
        """Name the days of the period, as lived where the study is at home."""
        last = self.until - pd.Timedelta(1, "us")
        words = describe_time(self.since, last, self.analysis.study.timezone)
        return words.removesuffix(", time unknown")

    def figure(self) -> go.Figure:
        """Draw the posts of the period and of the one before, day by day."""
        from foxgrape.plots.activity import activity

        return activity(
            self.analysis.study.posts,
            self.analysis.signals,
            zone=self.analysis.study.timezone,
            since=self.since - (self.until - self.since),
            until=self.until,
            mark=self.since,
        )

    def _repr_html_(self) -> str:
        shown = self.counts.to_html(index=False, border=0)
        return f"<p>{html.escape(self.sentence())}</p>{shown}"


def period_brief(
    study: Study,
    *,
    until: str | date,
    days: int = 7,
    horizon: str = "30D",
    clock: times.Clock = "confirmed",
    signals: Read = "codes",
) -> PeriodBrief:
    """Tell what the days before a day brought, with nothing that was known only later.

    Parameters
    ----------
    study
        A study, or a store as `stored_study` reads it. Not changed.
    until
        The day, where the study is at home, with whose beginning the period ends.
    days
        How many days the period has.
    horizon, clock, signals
        As `Study.analyse` takes them.

    Returns
    -------
    Brief

    Raises
    ------
    FoxgrapeError
        If the period is none.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> brief(open_study(), until="2022-09-12").sentence()
    '5 to 11 Sep 2022: 2 new signals in 6 posts; 0 leads confirmed; 1 still waits for an event; ...'
    """
    if days < 1:
        raise FoxgrapeError("no such period", expected="at least 1 day", got=days)
    try:
        end = until if isinstance(until, date) else date.fromisoformat(until)
        before, since, last = (
            _midnight(end - timedelta(days=back), study.timezone) for back in (2 * days, days, 0)
        )
    except (ValueError, OverflowError):
        expected = "until as a day, such as 2022-09-12"
        raise FoxgrapeError(
            "no such period", expected=expected, got=f"{until}, {days} days"
        ) from None
    options: dict[str, Any] = {"horizon": horizon, "clock": clock, "signals": signals}
    analysis = as_of(study, last).analyse(**options)
    earlier = as_of(study, since).analyse(**options)
    parts = _parts(analysis, since, last)
    told = _counts(analysis, parts, since, last)
    then = _counts(earlier, _parts(earlier, before, since), before, since)
    counts = pd.DataFrame({"what": list(told), "this": told.values(), "before": then.values()})
    return PeriodBrief(analysis=analysis, since=since, until=last, counts=counts, **parts)


def _midnight(day: date, zone: str) -> pd.Timestamp:
    return pd.Timestamp(times.parse_stated_time(day.isoformat(), zone)[0])


def _parts(analysis: Analysis, since: pd.Timestamp, until: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Return the signals that are news of a period that ends with the analysis."""
    table = analysis.table()
    # An event becomes known when it is confirmed; one that nobody confirms, when it occurs.
    known = table["confirmed_until"].fillna(table["occurred_until"])
    ran_out = table["posted_until"] + analysis.horizon
    open_ = ~table["observed"]
    chosen = {
        "new": _within(table["posted_until"], since, until),
        "confirmed": ~open_ & _within(known, since, until) & (table["relation"] != "follows"),
        "waiting": open_ & (ran_out >= until),
        "overdue": open_ & _within(ran_out, since, until),
    }
    return {name: table[rows].reset_index(drop=True) for name, rows in chosen.items()}


def _within(instants: pd.Series, since: pd.Timestamp, until: pd.Timestamp) -> pd.Series:
    return (instants >= since) & (instants < until)


def _counts(
    analysis: Analysis, parts: dict[str, pd.DataFrame], since: pd.Timestamp, until: pd.Timestamp
) -> dict[str, int]:
    confirmed, new = parts["confirmed"], parts["new"]
    certain = confirmed["relation"].isin(times.BEFORE_CONFIRMATION)
    return {
        "posts": int(_within(analysis.study.posts["posted_until"], since, until).sum()),
        "signals": len(new),
        "leads confirmed": int((certain & ~confirmed["hindsight"]).sum()),
        "hindsight": int(confirmed["hindsight"].sum()),
        "order cannot be told": int((~certain & ~confirmed["hindsight"]).sum()),
        "came after their event": int((new["relation"] == "follows").sum()),
        "still waiting": len(parts["waiting"]),
        "overdue": len(parts["overdue"]),
    }
