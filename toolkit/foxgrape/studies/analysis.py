"""An analysis: the signals of a study, their links and lead times, and what they say in words."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from foxgrape import times
from foxgrape._util.formatting import counted, duration_in_words, lead_in_words
from foxgrape.linking import confirmed_by_side, link
from foxgrape.stats.survival.lead_times import LeadTimes, lead_times

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import plotly.graph_objects as go

    from foxgrape.stats.coincidence.event_coincidence import Coincidence
    from foxgrape.studies.study import Study

__all__ = ["Analysis", "Read", "link_study"]

#: What is read as signals: what the codebook reads, places called by name, or both.
Read = Literal["codes", "mentions", "both"]


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """What a study shows: its signals, their links and their lead times.

    Attributes
    ----------
    study
        What was analysed.
    signals, links
        The tables.
    lead_times
        The estimate over all signals, with one group a kind of signal.
    read
        What was read as signals: ``codes``, ``mentions`` or ``both``.
    horizon, clock, confirmed_by
        How it was linked.
    """

    study: Study
    signals: pd.DataFrame
    links: pd.DataFrame
    lead_times: LeadTimes
    read: Read
    horizon: pd.Timedelta
    clock: times.Clock
    confirmed_by: str | None

    def table(self) -> pd.DataFrame:
        """Return one row a signal: the signal, its link, its event, and the post's text and source.

        Columns of the event are those of the events table, with the confirmation that counted and
        its source; columns of the post's source are prefixed with ``post_``.
        """
        study = self.study
        of_event = ["event_id", "occurred_at", "occurred_until", "confirmed_at", "confirmed_until"]
        of_event += ["confirmed_by", "source", "url"]
        said = study.confirmations[["event_id", "confirmed_by", "source", "url"]]
        said = said.drop_duplicates(["event_id", "confirmed_by"])
        events = self.events[of_event].merge(
            said, on=["event_id", "confirmed_by"], how="left", suffixes=("_of_event", "")
        )
        for name in ("source", "url"):
            events[name] = events[name].fillna(events.pop(f"{name}_of_event"))
        # A study's posts may come from an export, which knows no source but itself.
        source = ["source_title", "source_publisher", "source_url"]
        of_post = study.posts.reindex(columns=["post_id", "text", *source])
        of_post["source_title"] = of_post["source_title"].fillna(of_post["source_publisher"])
        of_post = of_post.rename(columns={name: f"post_{name}" for name in source})
        return (
            self.links.merge(self.signals.drop(columns="place_id"), on="signal_id")
            .merge(events, on="event_id", how="left")
            .merge(of_post, on="post_id")
            .sort_values(["posted_at", "signal_id"], ignore_index=True)
        )

    def only(self, **values: str) -> Analysis:
        """Return the same analysis of those signals that have these values.

        Parameters
        ----------
        values
            By column of the signals table: ``account="Andriy Yermak"``, ``place_id=…``.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> open_study().analyse().only(code="🦊").lead_times.n_censored
        1
        """
        chosen = pd.Series(data=True, index=self.signals.index)
        for name, value in values.items():
            chosen &= self.signals[name] == value
        return self.of(self.signals.loc[chosen, "signal_id"])

    def of(self, signal_ids: Iterable[str]) -> Analysis:
        """Return the same analysis of some of the signals."""
        wanted = list(signal_ids)
        signals, links = (
            table[table["signal_id"].isin(wanted)].reset_index(drop=True)
            for table in (self.signals, self.links)
        )
        return replace(self, signals=signals, links=links, lead_times=_by_kind(links, signals))

    def sides(self) -> dict[str, Analysis]:
        """Return the same analysis against each side's own confirmations."""
        return {
            side: link_study(
                self.study, self.signals, self.read, str(self.horizon), "confirmed", side
            )
            for side in sorted(self.study.confirmations["confirmed_by"].unique())
        }

    def clocks(self) -> dict[times.Clock, Analysis]:
        """Return the same analysis on both clocks: to when events were confirmed, and occurred.

        Who confirmed an event does not matter for when it occurred.
        """
        return {
            clock: link_study(
                self.study,
                self.signals,
                self.read,
                str(self.horizon),
                clock,
                self.confirmed_by if clock == "confirmed" else None,
            )
            for clock in times.CLOCKS
        }

    def coincidence(
        self,
        *,
        window: str | Sequence[str] = "7D",
        clock: times.Clock | None = None,
        **options: Any,
    ) -> Coincidence:
        """Test whether events follow the signals more often than chance would have it.

        Parameters
        ----------
        window, clock, options
            As `foxgrape.coincidence` takes them; the clock is that of the analysis by default.
        """
        from foxgrape.stats.coincidence.event_coincidence import coincidence

        events = self.events
        clock = clock or self.clock
        return coincidence(
            self.signals, events, window=window, clock=clock,
            **{"observed": self._observed(events, clock)} | options,
        )  # fmt: skip

    def world(self, *, window: str = "7D", clock: times.Clock | None = None) -> dict[str, Any]:
        """Describe worlds like this study, for `planning.power`."""
        from foxgrape.stats.power import world_parameters_from

        return world_parameters_from(
            self.coincidence(window=window, clock=clock, null="place", n=1)
        )

    @property
    def events(self) -> pd.DataFrame:
        """The events that the hints are about, as the counted side confirmed them."""
        study, side = self.study, self.confirmed_by
        events = _hinted_at(study)
        return events if side is None else confirmed_by_side(events, study.confirmations, side)

    def _observed(
        self, events: pd.DataFrame, clock: str
    ) -> tuple[str | pd.Timestamp, str | pd.Timestamp] | None:
        """Return the period of observation, where the study says when it ended."""
        begins = pd.concat([self.signals["posted_at"], events[f"{clock}_at"]]).min()
        end = self.study.observed_until
        return None if end is None or pd.isna(begins) else (begins, end)

    def before(self) -> pd.DataFrame:
        """Return the rows of `table` whose post certainly came before the confirmation.

        Hindsight does not count.
        """
        return _certain(self.table())

    def findings(self) -> list[str]:
        """Say in words what was found; plain text, one finding an item."""
        table = self.table()
        before = _certain(table)
        first = (
            f"{counted(len(table), 'signal')} in {counted(len(self.study.posts), 'post')}. "
            f"{len(before)} certainly came before their event was confirmed{_leads(before)}"
        )
        told = [first]
        if self.clock == "confirmed" and self.confirmed_by is None:
            told += [
                f"Counted to what {side} itself confirmed, {len(rows)} did{_leads(rows)}"
                for side, rows in ((side, part.before()) for side, part in self.sides().items())
            ]
        valid = table[~table["hindsight"]]
        for words, rows in (
            ("The order cannot be told for", valid[valid["relation"] == "undetermined"]),
            ("Came after the confirmation:", valid[valid["relation"] == "follows"]),
            (
                f"Right-censored, no event within {duration_in_words(self.horizon)}:",
                valid[valid["relation"] == "unconfirmed"],
            ),
            ("Decoded only afterwards, hindsight:", table[table["hindsight"]]),
        ):
            if len(rows):
                told.append(f"{words} {len(rows)}{_listed(rows, _name)}")
        return [*told, self.lead_times.sentence()]

    def figure(self) -> go.Figure:
        """Draw each signal with its event and the interval between."""
        from foxgrape.plots.signals import timeline

        return timeline(self)

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in self.findings())
        return f"<h4>{html.escape(self.study.title)}</h4><ul>{items}</ul>"


def link_study(
    study: Study,
    signals: pd.DataFrame,
    read: Read,
    horizon: str,
    clock: times.Clock,
    confirmed_by: str | None,
) -> Analysis:
    """Link the signals of a study to its events and estimate their lead times."""
    links = link(
        signals,
        _hinted_at(study),
        horizon=horizon,
        clock=clock,
        confirmed_by=confirmed_by,
        confirmations=study.confirmations,
        observed_until=study.observed_until,
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


def _hinted_at(study: Study) -> pd.DataFrame:
    """Return the events of the kinds that hints are about."""
    events = study.events
    return events[events["kind"].isin(study.kinds)] if study.kinds else events


def _by_kind(links: pd.DataFrame, signals: pd.DataFrame) -> LeadTimes:
    return lead_times(links, by="kind", signals=signals)


def _certain(table: pd.DataFrame) -> pd.DataFrame:
    return table[~table["hindsight"] & table["relation"].isin(times.BEFORE_CONFIRMATION)]


def _name(row: Any) -> str:
    sign = row.code if row.kind == "emoji" else f"“{row.code}”"
    return f"{sign} for {row.place}" if row.code != row.place else str(row.place)


def _leads(rows: pd.DataFrame) -> str:
    return _listed(rows, lambda row: f"{_name(row)}, lead {lead_in_words(row)}")


def _listed(rows: pd.DataFrame, word: Any) -> str:
    names = "; ".join(word(row) for row in rows.itertuples())
    return f" ({names})." if names else "."
