"""Summaries of a period (what became known) and of a place (all signals and events)."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from foxgrape import times
from foxgrape._util.formatting import counted, describe_time, duration_in_words, moment
from foxgrape._util.result import Described
from foxgrape.errors import FoxgrapeError
from foxgrape.linking import are_leads, order_on_clock
from foxgrape.places.resolution import place_id_of
from foxgrape.studies.analysis import link_study
from foxgrape.studies.earlier_events import leads_after_an_event
from foxgrape.studies.from_store import as_of
from foxgrape.studies.open_signals import OpenSignals
from foxgrape.studies.outcomes import others_in_words, outcomes_in_words

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from foxgrape.studies.analysis import Analysis, SignalSource
    from foxgrape.studies.study import Study

__all__ = ["PeriodBrief", "PlaceBrief", "period_brief", "place_brief"]

#: Names of counts of a period: signals that certainly came before an event of the period.
_NEW_LEADS, _EARLIER_LEADS = "leads of new signals", "leads of earlier signals"
_TICK = pd.Timedelta(1, "us")
#: Name of the count of signals that left open without having been followed to their horizon.
_UNFOLLOWED = "no longer followed"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PeriodBrief(Described):
    """What became known during a period.

    A post belongs to the period that contains the latest time at which it may have been posted; an
    event, to the period that contains the latest time at which it may have been confirmed. The
    tables of signals have the columns of `Analysis.table`.

    Attributes
    ----------
    analysis
        Analysis of everything known at the end of the period.
    since, until
        Start (inclusive) and end (exclusive) of the period.
    new
        Signals posted in the period.
    confirmed
        Signals whose event became known in the period and which had no event before, except
        signals certainly posted after it. Hindsight is included and marked.
    relinked
        Signals posted before the period that had an event already and are linked to another one
        that became known in the period. Most had been posted after their first event: a later
        event at the same place makes no confirmed lead of them, so they are counted apart.
    waiting
        Signals without an event whose horizon had not ended by the end of the period.
    overdue
        Signals whose horizon ended in the period without an event.
    unfollowed
        Signals whose horizon ended in the period, and for which events were not recorded until
        then: nothing shows whether they had one.
    open_signals
        Numbers of signals that were open when the period began, entered, left, and are open.
    events
        Events that became known in the period, of every kind.
    counts
        One row per quantity. Columns: what (the quantity), this (its value in the period), before
        (its value in the previous period of the same length).
    """

    analysis: Analysis
    since: pd.Timestamp
    until: pd.Timestamp
    new: pd.DataFrame
    confirmed: pd.DataFrame
    relinked: pd.DataFrame
    waiting: pd.DataFrame
    overdue: pd.DataFrame
    unfollowed: pd.DataFrame
    open_signals: OpenSignals
    events: pd.DataFrame
    counts: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of `counts`, with one row per quantity."""
        return self.counts.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the period, the counts and the signal ids as plain values."""
        parts = ("new", "confirmed", "relinked", "waiting", "overdue", "unfollowed")
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "counts": self.counts.to_dict("records"),
            "open_signals": self.open_signals.to_dict(),
            **{name: getattr(self, name)["signal_id"].tolist() for name in parts},
        }

    def sentence(self) -> str:
        """Return the period's counts in one sentence."""
        counts = self.counts.set_index("what")["this"]
        new, earlier = counts[_NEW_LEADS], counts[_EARLIER_LEADS]
        leads = f"{new:,} of them and {counted(earlier, 'earlier signal')}"
        leads = leads if new or earlier else "no signal"
        overdue = ""
        if n := counts["overdue"]:
            within = duration_in_words(self.analysis.horizon)
            overdue = f"; for {n:,}, {within} passed without an event"
        if n := counts[_UNFOLLOWED]:
            overdue += f"; {n:,} no longer followed"
        return (
            f"{self.describe_days()}: {counted(counts['signals'], 'new signal')} in "
            f"{counted(counts['posts'], 'post')}; {leads} certainly came before the "
            f"{moment(self.analysis.clock)} of an event that became known in these days; "
            f"{counts['still open']:,} still open{overdue}."
            f"{self._end_of_observation()}"
        )

    def caveats(self) -> list[str]:
        """Return what the counts leave out or include, in sentences; only what the data have."""
        flow = self.open_signals
        lines = [flow.sentence()] if flow.before and flow.left else []
        if n := len(self.relinked):
            first = self.relinked["posted_after_first"].sum()
            lines.append(
                f"Re-linked and not counted as leads: {counted(n, 'earlier signal')} that had an "
                f"event already, {first:,} of them posted after it. Their place now had a later "
                "event."
            )
        leads = self.confirmed[are_leads(self.confirmed)]
        lines += leads_after_an_event(self.analysis, leads)
        shown = pd.concat([self.new["decoded_at"], self.waiting["decoded_at"]]).to_frame()
        shown["signal_id"] = pd.concat([self.new["signal_id"], self.waiting["signal_id"]])
        late = shown.drop_duplicates("signal_id")["decoded_at"] >= self.until
        if n := int(late.sum()):
            lines.append(
                f"{counted(n, 'signal')} could not be read as such in these days: the code was "
                "first decoded in public only later."
            )
        return lines

    def _end_of_observation(self) -> str:
        """Return a sentence if observation ended before the period, else an empty string."""
        end = pd.Timestamp(self.analysis.study.observed_until or self.until)
        # An event of a whole day lasts until the last microsecond of that day.
        if end >= self.until - _TICK:
            return ""
        local = end.tz_convert(self.analysis.study.timezone)
        return f" Observation ended earlier, on {local:%-d %b %Y}."

    def describe_days(self) -> str:
        """Return the period's days in words, in the study's time zone."""
        last = self.until - _TICK
        words = describe_time(self.since, last, self.analysis.study.timezone)
        return words.removesuffix(", time unknown")

    def figure(self) -> go.Figure:
        """Draw the posts per day in this period and in the previous period."""
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
        return f"<p>{html.escape(self.sentence())}</p>{self.counts.to_html(index=False, border=0)}"


def period_brief(
    study: Study,
    *,
    until: str | date,
    days: int = 7,
    horizon: str = "30D",
    clock: times.Clock | None = None,
    signals: SignalSource | None = "codes",
) -> PeriodBrief:
    """Summarize the days before a date, using only what was known at the end of these days.

    Parameters
    ----------
    study
        A study, or a store read with `study_from_store`. It is not changed.
    until
        The period ends at the start of this day, in the study's time zone; the day is excluded.
    days
        Length of the period in days.
    horizon, clock, signals
        As in `Study.analyse`.

    Returns
    -------
    PeriodBrief

    Raises
    ------
    FoxgrapeError
        If `until` is not a date or `days` is below 1.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> period_brief(open_study(), until="2022-09-12").sentence()
    '5 to 11 Sep 2022: 2 new signals in 6 posts; no signal certainly came before the ...'
    """
    if days < 1:
        raise FoxgrapeError("days must be at least 1", got=days)
    try:
        end = until if isinstance(until, date) else date.fromisoformat(until)
        before, since, last = (
            pd.Timestamp(times.start_of_day(end - timedelta(days=back), study.timezone))
            for back in (2 * days, days, 0)
        )
    except (ValueError, OverflowError):
        raise FoxgrapeError(
            "until must be a date", expected="such as 2022-09-12", got=f"{until}, {days} days"
        ) from None
    options: dict[str, Any] = {"horizon": horizon, "clock": clock, "signals": signals}
    analysis = as_of(study, last).analyse(**options)
    # Both periods count the same kind of signal, on the same clock.
    options |= {"signals": analysis.read, "clock": analysis.clock}
    earlier = as_of(study, since).analyse(**options)
    parts = _parts(analysis, earlier.links, since, last)
    this = _counts(analysis, parts, since, last)
    links_before = _known_at(study, before, earlier)
    parts_before = _parts(earlier, links_before, before, since)
    previous = _counts(earlier, parts_before, before, since)
    counts = pd.DataFrame({"what": list(this), "this": this.values(), "before": previous.values()})
    events = analysis.study.all_events
    known = events["confirmed_until"].fillna(events["occurred_until"])
    return PeriodBrief(
        analysis=analysis,
        since=since,
        until=last,
        events=events[_within(known, since, last)].reset_index(drop=True),
        counts=counts,
        open_signals=OpenSignals.of(parts_before["waiting"], analysis.links, parts),
        **parts,
    )


def _known_at(study: Study, instant: pd.Timestamp, analysis: Analysis) -> pd.DataFrame:
    """Return the links at an instant of signals of a later analysis that were posted by then."""
    signals = analysis.signals
    posted = signals[signals["posted_until"] < instant].reset_index(drop=True)
    horizon = str(analysis.horizon)
    return link_study(
        as_of(study, instant), posted, analysis.read, horizon, analysis.clock, None
    ).links


def _parts(
    analysis: Analysis, links_before: pd.DataFrame, since: pd.Timestamp, until: pd.Timestamp
) -> dict[str, pd.DataFrame]:
    """Return the tables for a period; the analysis must end when the period ends.

    `links_before` are the links when the period began.
    """
    table = analysis.table()
    # An event becomes known when it is confirmed; if it was never confirmed, when it occurs.
    known = table["confirmed_until"].fillna(table["occurred_until"])
    deadline = table["posted_until"] + analysis.horizon
    is_open = ~table["observed"]
    # A signal that was not followed until its horizon ended is no evidence of a missing event.
    followed = table["lead_min"] >= analysis.horizon
    now_known = ~is_open & _within(known, since, until) & (order_on_clock(table) != "after")
    first = links_before.assign(order=order_on_clock(links_before)).set_index("signal_id")["order"]
    order_before = first.reindex(table["signal_id"], fill_value="no event").to_numpy()
    table = table.assign(posted_after_first=order_before == "after")
    had_event = order_before != "no event"
    selected = {
        "new": _within(table["posted_until"], since, until),
        "confirmed": now_known & ~had_event,
        "relinked": now_known & had_event,
        "waiting": is_open & (deadline >= until),
        "overdue": is_open & followed & _within(deadline, since, until),
        "unfollowed": is_open & ~followed & _within(deadline, since, until),
    }
    return {name: table[rows].reset_index(drop=True) for name, rows in selected.items()}


def _within(instants: pd.Series, since: pd.Timestamp, until: pd.Timestamp) -> pd.Series:
    return (instants >= since) & (instants < until)


def _counts(
    analysis: Analysis, parts: dict[str, pd.DataFrame], since: pd.Timestamp, until: pd.Timestamp
) -> dict[str, int]:
    confirmed, new = parts["confirmed"], parts["new"]
    lead, own = are_leads(confirmed), confirmed["signal_id"].isin(new["signal_id"])
    after = new[(order_on_clock(new) == "after")]
    hindsight = pd.concat([part[part["hindsight"]] for part in (confirmed, after)])
    return {
        "posts": int(_within(analysis.study.posts["posted_until"], since, until).sum()),
        "signals": len(new),
        _NEW_LEADS: int((lead & own).sum()),
        _EARLIER_LEADS: int((lead & ~own).sum()),
        "re-linked": len(parts["relinked"]),
        "hindsight": len(hindsight),
        "order unknown": int((~lead & ~confirmed["hindsight"]).sum()),
        "posted after their event": int((~after["hindsight"]).sum()),
        "still open": len(parts["waiting"]),
        "overdue": len(parts["overdue"]),
        _UNFOLLOWED: len(parts["unfollowed"]),
    }


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PlaceBrief(Described):
    """A place's signals and events.

    Attributes
    ----------
    place_id, name
        Id and name of the place.
    analysis
        Analysis of the signals that refer to the place.
    events
        Events at the place, of every kind; with a period, those of `Analysis.events_of_period`.
    """

    place_id: str
    name: str
    analysis: Analysis
    events: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return one row per signal, with the columns of `Analysis.table`."""
        return self.analysis.table()

    def to_dict(self) -> dict[str, Any]:
        """Return the place, the ids of its signals and events, and the sentence."""
        return {
            "place_id": self.place_id,
            "place": self.name,
            "signals": self.analysis.signals["signal_id"].tolist(),
            "events": self.events["event_id"].tolist(),
            "sentence": self.sentence(),
        }

    def sentence(self) -> str:
        """Return the place's counts."""
        return f"{self.finding()} {self.details()}".strip()

    def finding(self) -> str:
        """Return the numbers of events and signals, and how many certainly came before an event."""
        sizes = (
            f"{self.name}: {counted(len(self.events), 'event')}, "
            f"{counted(len(self.analysis.signals), 'signal')}"
        )
        outcomes = outcomes_in_words(self.analysis)
        return f"{sizes}; {outcomes}." if outcomes else f"{sizes}."

    def details(self) -> str:
        """Return the outcomes of the other signals; empty if there are none."""
        return others_in_words(self.analysis)

    def figure(self) -> go.Figure:
        """Draw the place's events and signals on a time axis."""
        from foxgrape.plots.activity import event_timeline

        return event_timeline(self.analysis, self.events)

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.sentence())}</p>"


def place_brief(analysis: Analysis, place: str) -> PlaceBrief:
    """Collect a place's signals and events.

    Parameters
    ----------
    analysis
        Analysis of a study or a store.
    place
        Place id such as ``geonames:707292``, or a name that only one place can have, such as
        ``Izium`` or ``Lyman, Donetsk``. A place without signals and events has an empty brief.

    Returns
    -------
    PlaceBrief

    Raises
    ------
    FoxgrapeError
        If the study's gazetteer does not contain the place, or several places have the name.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> place_brief(open_study().analyse(), "Lysychansk").sentence()
    'Lysychansk: 1 event, 1 signal; none certainly came before the confirmation of an event. ...'
    """
    study = analysis.study
    try:
        place_id = place_id_of(place, study.codebook.gazetteer)
    except ValueError as error:
        raise FoxgrapeError(
            "unknown place", got=place, hint=f"{error}; search with: foxgrape find NAME"
        ) from None
    events = study.all_events[study.all_events["place_id"] == place_id]
    return PlaceBrief(
        place_id=place_id,
        name=_name(study, place_id),
        analysis=analysis.filter(place_id=place_id),
        events=analysis.events_of_period(events),
    )


def _name(study: Study, place_id: str) -> str:
    """Return a place's name from the events or the study's gazetteer."""
    for name in study.all_events.query("place_id == @place_id")["place"].dropna():
        return str(name)
    gazetteer = study.codebook.gazetteer
    if place_id in gazetteer:
        return gazetteer[place_id].name
    raise FoxgrapeError("unknown place id", got=place_id, hint="search with: foxgrape find NAME")
