"""Analysis of a study: its signals, their links and lead times, and tests on them."""

from __future__ import annotations

import html
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from foxgrape import schemas, times
from foxgrape._util.formatting import counted, duration_in_words
from foxgrape.errors import FoxgrapeError, did_you_mean
from foxgrape.linking import are_leads, confirmed_by_side, link
from foxgrape.stats.survival.lead_times import LeadTimes, lead_times

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import plotly.graph_objects as go

    from foxgrape.observation import Observation
    from foxgrape.stats.alarms.molchan import Alarm
    from foxgrape.stats.coincidence.event_coincidence import Coincidence
    from foxgrape.stats.coincidence.sensitivity import Sensitivity
    from foxgrape.stats.hazard.hazard_ratio import Hazard
    from foxgrape.stats.verdict import Verdict
    from foxgrape.studies.groups import Groups
    from foxgrape.studies.study import Study

__all__ = ["Analysis", "SignalSource", "link_study"]

#: What counts as a signal: codes in the codebook, places mentioned by name, or both.
SignalSource = Literal["codes", "mentions", "both"]

_NO_SIGNALS = {
    "posts": "there are no posts; add an export of posts to the study or the store",
    "period": "there are no posts in this period; check its days",
    "codes": "no post {here} contains a code of the codebook; set signals to mentions, to use the "
    "places that posts name, or add codes to the codebook",
    "mentions": "no post {here} names a place of the gazetteer; check the language and the "
    "account of the posts",
    "both": "no post {here} contains a code or names a place; check the language and the account "
    "of the posts",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Analysis:
    """The signals of a study, linked to its events, with their lead times.

    Attributes
    ----------
    study
        The analysed study.
    signals, links
        The signals and links tables.
    lead_times
        The lead time estimate for all signals, grouped by kind of signal.
    read
        What counts as a signal: ``codes``, ``mentions`` or ``both``.
    horizon, clock, confirmed_by
        Options as in `foxgrape.link`.
    ambiguous
        Signals that do not count, because their name may mean several places of the study.
    """

    study: Study
    signals: pd.DataFrame
    links: pd.DataFrame
    lead_times: LeadTimes
    read: SignalSource
    horizon: pd.Timedelta
    clock: times.Clock
    confirmed_by: str | None
    ambiguous: pd.DataFrame = field(default_factory=pd.DataFrame)

    def table(self) -> pd.DataFrame:
        """Return one row per signal: the signal, its link, its event, and the post's text.

        Event columns are named as in the events table; its kind is ``event_kind``. The columns
        ``source`` and ``url`` describe the source of the confirmation if it is known, else of the
        event. Columns for the post's source have the prefix ``post_``.
        """
        study = self.study
        event_columns = ["event_id", "event_kind", "occurred_at", "occurred_until", "confirmed_at"]
        event_columns += ["confirmed_until", "confirmed_by", "source", "url"]
        confirmations = study.confirmations[["event_id", "confirmed_by", "source", "url"]]
        confirmations = confirmations.drop_duplicates(["event_id", "confirmed_by"])
        events = self.events.rename(columns={"kind": "event_kind"})[event_columns].merge(
            confirmations, on=["event_id", "confirmed_by"], how="left", suffixes=("_of_event", "")
        )
        for name in ("source", "url"):
            events[name] = events[name].fillna(events.pop(f"{name}_of_event"))
        # Posts read from an export have no source columns.
        source = ["source_title", "source_publisher", "source_url"]
        keys = schemas.KEYS["posts"][0]
        posts = study.posts.reindex(columns=[*keys, "text", "url", *source])
        posts["source_title"] = posts["source_title"].fillna(posts["source_publisher"])
        known = posts["source_url"].notna()
        posts["source_url"] = posts["source_url"].where(known, posts.pop("url"))
        posts = posts.rename(columns={name: f"post_{name}" for name in source})
        return (
            self.links.merge(self.signals.drop(columns="place_id"), on="signal_id")
            .merge(events, on="event_id", how="left")
            .merge(posts, on=keys)
            .sort_values(["posted_at", "signal_id"], ignore_index=True)
        )

    def filter(self, **values: str) -> Analysis:
        """Return the analysis restricted to signals whose columns have the given values.

        Parameters
        ----------
        values
            Values by column of the signals table, such as ``account="Andriy Yermak"``.

        Raises
        ------
        FoxgrapeError
            If the signals table has no such column.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().filter(code="🦊").lead_times.n_censored
        1
        """
        selected = pd.Series(data=True, index=self.signals.index)
        for name, value in values.items():
            if name not in self.signals:
                hint = did_you_mean(name, map(str, self.signals.columns))
                raise FoxgrapeError("signals have no such column", got=name, hint=hint)
            selected &= self.signals[name] == value
        other = self.ambiguous
        for name, value in values.items() if len(other) else ():
            other = other[other[name] == value]
        return replace(self.subset(self.signals.loc[selected, "signal_id"]), ambiguous=other)

    def subset(self, signal_ids: Iterable[str]) -> Analysis:
        """Return the analysis restricted to signals with the given ids."""
        ids = list(signal_ids)
        signals, links = (
            table[table["signal_id"].isin(ids)].reset_index(drop=True)
            for table in (self.signals, self.links)
        )
        return replace(self, signals=signals, links=links, lead_times=_by_kind(links, signals))

    def sides(self) -> dict[str, Analysis]:
        """Return one analysis per side, with leads measured to that side's own confirmations."""
        return {
            side: self._relink("confirmed", side)
            for side in sorted(self.study.confirmations["confirmed_by"].unique())
        }

    def clocks(self) -> dict[times.Clock, Analysis]:
        """Return one analysis per clock: leads to the confirmation, and leads to the occurrence.

        Left out is the clock of confirmations if no event has a confirmation. `confirmed_by`
        applies only to this clock.
        """
        return {
            clock: self._relink(clock, self.confirmed_by if clock == "confirmed" else None)
            for clock in times.CLOCKS
            if clock == "occurred" or self.study.events["confirmed_at"].notna().any()
        }

    def coincidence(self, *, window: str | Sequence[str] = "7D", **options: Any) -> Coincidence:
        """Test whether events follow the signals more often than chance allows.

        Uses this analysis's events, clock and observation period.

        Parameters
        ----------
        window, options
            As in `foxgrape.coincidence`; `clock`, `observed` and `repeated_until` override those
            of the analysis, and `by` may be ``"month"``, in the study's time zone.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().coincidence(n=99).n_signals
        5
        """
        from foxgrape.stats.coincidence.event_coincidence import coincidence
        from foxgrape.stats.coincidence.surrogates import EXCHANGING
        from foxgrape.studies.groups import with_month

        if options.get("null", "local") in EXCHANGING:
            options = {"repeated_until": self.study.repeated_until, **options}
        signals = with_month(self.signals, self.study.timezone)
        return coincidence(signals, self.events, window=window, **self._options(window, options))

    def by(self, by: str, *, window: str | Sequence[str] = "7D", **options: Any) -> Groups:
        """Return lead times and the test against chance for each group of signals.

        Groups with fewer than 20 signals are counted and not tested. For the others p is adjusted
        for the number of groups tested (false discovery rate, Benjamini and Hochberg 1995).

        Parameters
        ----------
        by
            ``"month"`` of the post in the study's time zone, or a column of the signals, such as
            ``"account"``, ``"place"``, ``"kind"`` or ``"code"``.
        window, options
            As in `coincidence`.

        Raises
        ------
        FoxgrapeError
            If the signals have no such column.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> table = open_study().analyse().by("month", n=99).to_frame()
        >>> table[["group", "n", "claim"]].values.tolist()[0]
        ['2022-09', 2, 'Too few to test']
        """
        from foxgrape.studies.groups import group_signals

        return group_signals(self, by, {"window": window, **options})

    def hazard(self, *, window: str | Sequence[str] = "7D", **options: Any) -> Hazard:
        """Estimate how a signal changes the odds of an event at its place.

        Uses this analysis's events, clock and observation period.

        Parameters
        ----------
        window, options
            As in `foxgrape.hazard`; `clock` and `observed` override those of the analysis.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().hazard().n_events > 0
        True
        """
        from foxgrape.stats.hazard.hazard_ratio import hazard

        return hazard(self.signals, self.events, window=window, **self._options(window, options))

    def alarm(self, *, window: str | Sequence[str] = "7D", **options: Any) -> Alarm:
        """Score the signals as alarms: share of events missed, share of time and places alarmed.

        Uses this analysis's events, clock and observation period.

        Parameters
        ----------
        window, options
            As in `foxgrape.alarm`; `clock` and `observed` override those of the analysis.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().alarm(n=99).n_signals
        5
        """
        from foxgrape.stats.alarms.molchan import alarm

        return alarm(self.signals, self.events, window=window, **self._options(window, options))

    def verdict(self, *, window: str = "7D", null: str = "local", n: int = 9999) -> Verdict:
        """Return one reading of `coincidence`, `hazard` and `alarm`: whether all make a claim.

        Uses this analysis's events, clock and observation period.

        Parameters
        ----------
        window, null, n
            As in `foxgrape.coincidence`; the null model and the number of surrogates apply to the
            alarms too.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().verdict(n=99).sentence()
        'Five signals are too few to test.'
        """
        from foxgrape.stats.verdict import Verdict

        options: dict[str, Any] = {"window": window, "null": null, "n": n}
        return Verdict(
            self.coincidence(**options), self.hazard(window=window), self.alarm(**options)
        )

    def sensitivity(
        self, *, window: str = "7D", null: Literal["place", "local"] = "local", **options: Any
    ) -> Sensitivity:
        """Find how far posts would have to prefer places whose events follow to explain a claim.

        Uses this analysis's events, clock and observation period.

        Parameters
        ----------
        window, null, options
            As in `foxgrape.stats.coincidence.sensitivity.sensitivity`.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().sensitivity(n=99).sentence()
        'There is no claim of a lead whose sensitivity could be given.'
        """
        from foxgrape.stats.coincidence.sensitivity import sensitivity

        return sensitivity(
            self.signals, self.events, window=window, null=null, **self._options(window, options)
        )

    def counts(self, *, window: str = "7D") -> pd.DataFrame:
        """Return how many posts and signals each step from the posts to a question leaves.

        Parameters
        ----------
        window
            Window of the chance test, as in `foxgrape.coincidence`.

        Returns
        -------
        DataFrame
            One row per step, with its question, step, `n` that remain, and `left_out`. Within a
            question, `n` and `left_out` of a step sum to `n` of the step before.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> counts = open_study().analyse().counts()
        >>> counts[counts["question"] == "posts"][["n", "left_out"]].to_numpy().tolist()
        [[61, 0], [5, 56]]
        """
        from foxgrape.studies.counts import count_steps

        return count_steps(self, window)

    def simulation_parameters(self, *, window: str = "7D", **options: Any) -> dict[str, Any]:
        """Return arguments of `simulate.world` for worlds that resemble this study."""
        from foxgrape.stats.power import world_parameters_from

        return world_parameters_from(self.coincidence(window=window, null="place", n=1, **options))

    @property
    def events(self) -> pd.DataFrame:
        """The study's events, with the confirmations by `confirmed_by` if it is set."""
        if self.confirmed_by is None:
            return self.study.events
        return confirmed_by_side(self.study.events, self.study.confirmations, self.confirmed_by)

    def events_of_period(self, events: pd.DataFrame) -> pd.DataFrame:
        """Return the events from the start of the study's period until the horizon after its end.

        Without a period, all of them. Later events cannot be those of a post of the period.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> analysis = open_study().between("2022-09-01", "2022-09-02").analyse(horizon="10D")
        >>> len(analysis.events), len(analysis.events_of_period(analysis.events))
        (64, 9)
        """
        since, until = self.study.period
        inside = pd.Series(data=True, index=events.index)
        if since is not None:
            last = events["confirmed_until"].fillna(events["occurred_until"])
            inside &= ~(last < since)
        if until is not None:
            inside &= ~(events["occurred_at"] >= until + self.horizon)
        return events[inside].reset_index(drop=True)

    def why_no_signals(self, here: str = "here") -> str:
        """Return why there may be no signals, and what to do, in one sentence.

        `here` says which posts have none, such as ``of this period``.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().why_no_signals()
        'No signals: no post here contains a code of the codebook; set signals to mentions, ...'
        """
        if not self.study.posts.empty:
            return f"No signals: {_NO_SIGNALS[self.read].format(here=here)}."
        return f"No signals: {_NO_SIGNALS['posts' if self.study.all_posts.empty else 'period']}."

    def leading_rows(self) -> pd.DataFrame:
        """Return the rows of `table` whose post certainly came before its event on the clock.

        Hindsight is left out.
        """
        table = self.table()
        return table[are_leads(table)]

    def findings(self) -> list[str]:
        """Return the results as a list of sentences."""
        from foxgrape.studies.findings import findings

        return findings(self)

    def figure(self) -> go.Figure:
        """Draw each signal, its event and the lead between them."""
        from foxgrape.plots.signals import timeline

        return timeline(self)

    def __repr__(self) -> str:
        side = f", confirmed by {self.confirmed_by}" if self.confirmed_by else ""
        leads = self.lead_times
        return (
            f"<Analysis of {self.study.name}: {counted(len(self.signals), 'signal')}; "
            f"{leads.n_observed:,} of the {leads.n:,} that count as leads with an event within "
            f"{duration_in_words(self.horizon)}; {self.clock} clock{side}>"
        )

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in self.findings())
        return f"<h4>{html.escape(self.study.title)}</h4><ul>{items}</ul>"

    def _relink(self, clock: times.Clock, side: str | None) -> Analysis:
        return link_study(self.study, self.signals, self.read, str(self.horizon), clock, side)

    def _options(self, window: str | Sequence[str], options: dict[str, Any]) -> dict[str, Any]:
        """Return the options for a test: the given options, with defaults from this analysis."""
        clock = times.resolve_clock(self.events, options.get("clock") or self.clock)
        own = {"observed": self.observed(clock, window), "gazetteer": self.study.codebook.gazetteer}
        return own | options | {"clock": clock}

    def observed(self, clock: str, window: str | Sequence[str] = ()) -> Observation | None:
        """Return when events were recorded, from the first signal or event on the clock on.

        In a study of a period, from its start until the longest window after its end. None if this
        is not known.
        """
        observed = self.study.observed
        since, until = self.study.period
        start = pd.concat([self.signals["posted_at"], self.events[f"{clock}_at"]]).min()
        start = max(start, observed[0], *([] if since is None else [since]))
        if until is not None:
            windows = [window] if isinstance(window, str) else window
            longest = max((times.parse_duration(text, "window") for text in windows), default=None)
            end = until if longest is None else until + longest
            observed = observed.bounded(observed_until=min(end, observed[1]))
        if not start < observed[1]:
            return None
        return observed.bounded(observed_from=start)


def link_study(
    study: Study,
    signals: pd.DataFrame,
    read: SignalSource,
    horizon: str,
    clock: times.Clock | None,
    confirmed_by: str | None,
) -> Analysis:
    """Link a study's signals to its events and estimate the lead times."""
    if clock is None:
        clock = times.resolve_clock(study.events, None if confirmed_by is None else "confirmed")
    links = link(
        signals,
        study.events,
        horizon=horizon,
        clock=clock,
        confirmed_by=confirmed_by,
        confirmations=study.confirmations,
        observed=study.observed,
    )
    return Analysis(
        study=study,
        signals=signals,
        links=links,
        lead_times=_by_kind(links, signals),
        read=read,
        horizon=pd.Timedelta(horizon),
        clock=clock,
        confirmed_by=confirmed_by,
    )


def _by_kind(links: pd.DataFrame, signals: pd.DataFrame) -> LeadTimes:
    return lead_times(links, by="kind", signals=signals)
