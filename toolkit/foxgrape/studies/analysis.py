"""Analysis of a study: its signals, their links and lead times, and tests on them."""

from __future__ import annotations

import html
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from foxgrape import schemas, times
from foxgrape._util.formatting import counted, duration_in_words, lead_in_words
from foxgrape.errors import FoxgrapeError, did_you_mean
from foxgrape.linking import confirmed_by_side, link, order_on_clock
from foxgrape.stats.survival.lead_times import LeadTimes, lead_times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import plotly.graph_objects as go

    from foxgrape.stats.alarms.molchan import Alarm
    from foxgrape.stats.coincidence.event_coincidence import Coincidence
    from foxgrape.stats.hazard.hazard_ratio import Hazard
    from foxgrape.stats.verdict import Verdict
    from foxgrape.studies.groups import Groups
    from foxgrape.studies.study import Study

__all__ = ["Analysis", "SignalSource", "link_study"]

#: What counts as a signal: codes in the codebook, places mentioned by name, or both.
SignalSource = Literal["codes", "mentions", "both"]

#: Findings name at most this many signals, and count the rest.
_MAX_NAMED = 5


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

        Event columns are named as in the events table. The columns ``source`` and ``url`` describe
        the source of the confirmation if it is known, else of the event. Columns for the post's
        source have the prefix ``post_``.
        """
        study = self.study
        event_columns = ["event_id", "occurred_at", "occurred_until", "confirmed_at"]
        event_columns += ["confirmed_until", "confirmed_by", "source", "url"]
        confirmations = study.confirmations[["event_id", "confirmed_by", "source", "url"]]
        confirmations = confirmations.drop_duplicates(["event_id", "confirmed_by"])
        events = self.events[event_columns].merge(
            confirmations, on=["event_id", "confirmed_by"], how="left", suffixes=("_of_event", "")
        )
        for name in ("source", "url"):
            events[name] = events[name].fillna(events.pop(f"{name}_of_event"))
        # Posts read from an export have no source columns.
        source = ["source_title", "source_publisher", "source_url"]
        keys = schemas.KEYS["posts"][0]
        posts = study.posts.reindex(columns=[*keys, "text", *source])
        posts["source_title"] = posts["source_title"].fillna(posts["source_publisher"])
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
            As in `foxgrape.coincidence`; `clock` and `observed` override those of the analysis,
            and `by` may be ``"month"``, in the study's time zone.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().coincidence(n=99).n_signals
        5
        """
        from foxgrape.stats.coincidence.event_coincidence import coincidence
        from foxgrape.studies.groups import with_month

        signals = with_month(self.signals, self.study.timezone)
        return coincidence(signals, self.events, window=window, **self._options(options))

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

        return hazard(self.signals, self.events, window=window, **self._options(options))

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

        return alarm(self.signals, self.events, window=window, **self._options(options))

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

    def leading_rows(self) -> pd.DataFrame:
        """Return the rows of `table` whose post certainly came before its event on the clock.

        Hindsight is left out.
        """
        return _certain(self.table())

    def findings(self) -> list[str]:
        """Return the results as a list of sentences."""
        table = self.table()
        leading = _certain(table)
        posts = counted(len(self.study.posts), "post")
        verb = "came before its event" if len(leading) == 1 else "came before their event"
        happened = "was confirmed" if self.clock == "confirmed" else "occurred"
        certain = f"{len(leading)} certainly {verb} {happened}{_leads(leading)}"
        sentences = [
            f"{counted(len(table), 'signal')} in {posts}. {certain}",
            *self._clock_limits(),
        ]
        if self.clock == "confirmed" and self.confirmed_by is None:
            sentences += [
                f"Measured against {side}'s own confirmations: {len(rows) or 'none'}{_leads(rows)}"
                for side, rows in (
                    (side, analysis.leading_rows()) for side, analysis in self.sides().items()
                )
            ]
        if n_edited := self._edited():
            sentences.append(
                f"In edited posts, timed from the post to the edit: {counted(n_edited, 'signal')}."
            )
        if len(self.ambiguous):
            names = _first_names(self.ambiguous["code"].value_counts().index.tolist())
            sentences.append(
                f"Names that may mean several places, not counted: {len(self.ambiguous)} ({names})."
            )
        for words, rows in self._other_outcomes(table):
            if len(rows):
                sentences.append(f"{words} {len(rows)}{_listed(rows, _name)}")
        return [*sentences, self.lead_times.sentence()]

    def _clock_limits(self) -> list[str]:
        """Return sentences on the events that cannot end a lead, if there are any."""
        events = self.events
        of_all = counted(len(events), "event")
        lines = []
        n_unconfirmed = int(events["confirmed_at"].isna().sum())
        if n_unconfirmed == len(events) > 0:
            lines.append(
                "Leads are measured to when events occurred: no event has a confirmation."
                if self.clock == "occurred"
                else "No event has a confirmation: no lead can be measured to one."
            )
        elif n_unconfirmed and self.clock == "confirmed":
            have = "has" if n_unconfirmed == 1 else "have"
            by = f" by {self.confirmed_by}" if self.confirmed_by else ""
            lines.append(
                f"{n_unconfirmed} of {of_all} {have} no confirmation{by} and cannot end a lead."
            )
        if n_late := int((events[f"{self.clock}_at"] > self.study.observed[1]).sum()):
            lines.append(
                f"{n_late} of {of_all} came after the end of observation and do not count."
            )
        return lines

    def _other_outcomes(self, table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
        """Return the rows of signals that did not certainly come before their event, by outcome."""
        valid = table[~table["hindsight"]]
        order = order_on_clock(valid)
        is_open = order == "no event"
        unfollowed = is_open & (valid["lead_min"] <= pd.Timedelta(0))
        end = self.study.observed[1]
        day = "" if pd.isna(end) else f", {end.tz_convert(self.study.timezone):%-d %b %Y}"
        after = "confirmation" if self.clock == "confirmed" else "event"
        return [
            ("Times too rough to say which came first:", valid[order == "undetermined"]),
            (f"Posted after the {after}:", valid[order == "after"]),
            (
                f"Right-censored, no event within {duration_in_words(self.horizon)}:",
                valid[is_open & ~unfollowed],
            ),
            (f"Left out, posted after the end of observation{day}:", valid[unfollowed]),
            ("Hindsight, decoded only after the event:", table[table["hindsight"]]),
        ]

    def _edited(self) -> int:
        """Return the number of signals whose interval is longer than that of their post."""
        keys = schemas.KEYS["posts"][0]
        posts = self.study.posts[[*keys, "posted_until"]]
        ends = self.signals.merge(posts, on=keys, suffixes=("", "_of_post"))
        return int((ends["posted_until"] > ends["posted_until_of_post"]).sum())

    def figure(self) -> go.Figure:
        """Draw each signal, its event and the lead between them."""
        from foxgrape.plots.signals import timeline

        return timeline(self)

    def __repr__(self) -> str:
        side = f", confirmed by {self.confirmed_by}" if self.confirmed_by else ""
        return (
            f"<Analysis of {self.study.name}: {counted(len(self.signals), 'signal')}, "
            f"{int(self.links['observed'].sum())} with an event within "
            f"{duration_in_words(self.horizon)}; {self.clock} clock{side}>"
        )

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in self.findings())
        return f"<h4>{html.escape(self.study.title)}</h4><ul>{items}</ul>"

    def _relink(self, clock: times.Clock, side: str | None) -> Analysis:
        return link_study(self.study, self.signals, self.read, str(self.horizon), clock, side)

    def _options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options for a test: the given options, with defaults from this analysis."""
        clock = times.resolve_clock(self.events, options.get("clock") or self.clock)
        return {"observed": self._observed(clock)} | options | {"clock": clock}

    def _observed(self, clock: str) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        """Return the observation period; None if its start or end is unknown."""
        start = pd.concat([self.signals["posted_at"], self.events[f"{clock}_at"]]).min()
        end = self.study.observed[1]
        return (start, end) if start < end else None


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
    end = study.observed[1]
    links = link(
        signals,
        study.events,
        horizon=horizon,
        clock=clock,
        confirmed_by=confirmed_by,
        confirmations=study.confirmations,
        observed_until=None if pd.isna(end) else end,
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


def _certain(table: pd.DataFrame) -> pd.DataFrame:
    return table[~table["hindsight"] & (order_on_clock(table) == "before")]


def _name(row: Any) -> str:
    code = row.code if row.kind == "emoji" else f"“{row.code}”"
    return f"{code} for {row.place}" if row.code != row.place else str(row.place)


def _leads(rows: pd.DataFrame) -> str:
    return _listed(rows, lambda row: f"{_name(row)}, lead {lead_in_words(row)}")


def _listed(rows: pd.DataFrame, describe: Callable[[Any], str]) -> str:
    names = _first_names([describe(row) for row in rows.itertuples()])
    return f" ({names})." if names else "."


def _first_names(names: Sequence[str]) -> str:
    """Return the first five names, and the number of further ones."""
    more = f"; and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return "; ".join(names[:_MAX_NAMED]) + more
