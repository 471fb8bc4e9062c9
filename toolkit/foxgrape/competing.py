"""Competing outcomes: an event that was claimed and stood, or was claimed and then retracted."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import tables, times
from foxgrape.errors import TableError
from foxgrape.leadtime import counted_leads

if TYPE_CHECKING:
    import numpy.typing as npt
    import plotly.graph_objects as go

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

__all__ = ["CumulativeIncidence", "cumulative_incidence"]

_NORMAL = 1.959964
STOOD, RETRACTED = "stood", "retracted"


@dataclass(frozen=True, slots=True, eq=False)
class CumulativeIncidence:
    """By when which share of signals had an event that stood, or one that was retracted.

    Attributes
    ----------
    n, n_censored
        Signals counted; those without any event.
    counts
        Signals by outcome.
    curve
        One row a distinct lead and outcome: outcome, time (Timedelta), incidence, lower, upper
        (95% pointwise band, log-log), at_risk, events.
    clock
        ``confirmed`` or ``occurred``.
    """

    n: int
    n_censored: int
    counts: dict[str, int]
    curve: pd.DataFrame
    clock: str

    def at(self, lead: str | pd.Timedelta) -> dict[str, float]:
        """Return each outcome's share by a lead.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> study = open_study()
        >>> told = cumulative_incidence(study.analyse().links, study.events)
        >>> sorted(told.at("30D"))
        ['retracted', 'stood']
        """
        upto = self.curve[self.curve["time"] <= pd.Timedelta(lead)]
        last = upto.groupby("outcome")["incidence"].max()
        return {name: float(last.get(name, 0.0)) for name in self.counts}

    def to_frame(self) -> pd.DataFrame:
        """Return the curves."""
        return self.curve.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain values; durations are ISO 8601 text."""
        curve = self.curve.assign(time=[one.isoformat() for one in self.curve["time"]])
        return {
            "n": self.n,
            "n_censored": self.n_censored,
            "counts": dict(self.counts),
            "clock": self.clock,
            "curve": curve.to_dict("records"),
        }

    def sentence(self) -> str:
        """Say the estimate in one sentence."""
        if self.n == 0:
            return "No signal can be counted (n = 0)."
        said = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        ends = self.curve.groupby("outcome", sort=False)["incidence"].max()
        shares = ", ".join(f"{name} {ends.get(name, 0.0):.0%}" for name in self.counts)
        return (
            f"Of n = {self.n} signals, {said}, {self.n_censored} right-censored; cumulative "
            f"incidence at the longest lead: {shares}."
        )

    def figure(self) -> go.Figure:
        """Draw the curves with their bands."""
        from foxgrape.chance_figures import incidence  # noqa: PLC0415 - plotly is not needed here

        return incidence(self)

    def _repr_html_(self) -> str:
        shown = self.to_frame().to_html(index=False, border=0, float_format="{:.3g}".format)
        return f"<p>{html.escape(self.sentence())}</p>{shown}"


def cumulative_incidence(
    links: pd.DataFrame, events: pd.DataFrame, *, hindsight: bool = False
) -> CumulativeIncidence:
    """Estimate by when signals had an event that stood, and by when one that was retracted.

    A claim that was taken back is no event that the signal foretold, nor is it the same as none.
    To count it as censored would pretend that the signal could still come true as others do.

    Parameters
    ----------
    links
        The links table, of one clock.
    events
        The events table. An optional column `retracted_at` says when a claim was taken back (an
        instant, in `retracted_until` its latest; empty: it stood).
    hindsight
        Whether links that are hindsight count.

    Returns
    -------
    CumulativeIncidence

    Raises
    ------
    TableError
        If a table breaks its schema, the links mix clocks, or name an event that is not there.

    Notes
    -----
    Aalen and Johansen (1978); standard errors by the infinitesimal jackknife, as in R's survival.
    Rough leads are taken at the middle of their interval.

    Examples
    --------
    >>> days = pd.to_timedelta([1, 2, 30], unit="D")
    >>> links = pd.DataFrame({"signal_id": list("abc"), "event_id": ["e", "f", None],
    ...     "place_id": "geonames:1", "clock": "confirmed", "lead_min": days, "lead_max": days,
    ...     "observed": [True, True, False], "hindsight": False,
    ...     "relation": ["precedes", "precedes", "unconfirmed"]})
    >>> day = pd.Timestamp("2022-09-10", tz="UTC")
    >>> events = pd.DataFrame({"event_id": ["e", "f"], "place_id": "geonames:1",
    ...     "occurred_at": day, "confirmed_at": day, "retracted_at": [pd.NaT, day]})
    >>> told = cumulative_incidence(links, events)
    >>> {name: round(share, 3) for name, share in told.at("7D").items()}
    {'stood': 0.333, 'retracted': 0.333}
    """
    links = tables.check(links, "links")
    events = tables.check(events, "events", fill=True)
    kept, leads = counted_leads(links, hindsight=hindsight)
    unknown = kept["observed"] & ~kept["event_id"].isin(events["event_id"])
    if unknown.any():
        raise TableError(
            "the events have no such event",
            column="event_id",
            got=str(kept.loc[unknown, "event_id"].iloc[0]),
            hint="give the events that the links were made of",
        )
    taken_back = events.get("retracted_at", pd.Series(pd.NaT, index=events.index)).notna()
    retracted = kept["event_id"].isin(events.loc[taken_back, "event_id"]).to_numpy()
    observed = leads["observed"].to_numpy()
    middle = times.in_days((leads["shortest"] + leads["longest"]) / 2).to_numpy()
    cause = np.where(observed, np.where(retracted, 2, 1), 0).astype(np.int64)
    return CumulativeIncidence(
        n=len(kept),
        n_censored=int((cause == 0).sum()),
        counts={STOOD: int((cause == 1).sum()), RETRACTED: int((cause == 2).sum())},  # noqa: PLR2004
        curve=_curves(middle, cause),
        clock=str(links["clock"].iloc[0]) if len(links) else "",
    )


def _curves(leads: Floats, cause: Ints) -> pd.DataFrame:
    """Return the Aalen–Johansen curves of both outcomes."""
    at = np.unique(leads)
    rows = []
    share = {code: np.zeros(len(at)) for code in (1, 2)}
    error = {code: np.zeros(len(at)) for code in (1, 2)}
    # What a signal of a little more weight would change: in the share waiting, and of each outcome.
    waiting, moved = 1.0, np.zeros(len(leads))
    shifts = {code: np.zeros(len(leads)) for code in (1, 2)}
    for row, time in enumerate(at):
        in_risk = leads >= time
        number = in_risk.sum()
        hazards, changes = {}, {}
        for code in (1, 2):
            now = (leads == time) & (cause == code)
            hazards[code] = now.sum() / number
            changes[code] = (now - in_risk * hazards[code]) / number
            shifts[code] = shifts[code] + moved * hazards[code] + waiting * changes[code]
            before = share[code][row - 1] if row else 0.0
            share[code][row] = before + waiting * hazards[code]
            error[code][row] = np.sqrt((shifts[code] ** 2).sum())
        total = sum(hazards.values())
        moved = moved * (1 - total) - waiting * sum(changes.values())
        waiting *= 1 - total
    for code, name in ((1, STOOD), (2, RETRACTED)):
        low, high = _band(share[code], error[code])
        rows.append(
            pd.DataFrame(
                {
                    "outcome": name,
                    "time": pd.to_timedelta(at, unit="D").astype("timedelta64[us]"),
                    "incidence": share[code],
                    "standard_error": error[code],
                    "lower": low,
                    "upper": high,
                    "at_risk": [int((leads >= time).sum()) for time in at],
                    "events": [int(((leads == time) & (cause == code)).sum()) for time in at],
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def _band(share: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Return the log-log band: within 0 and 1 at any size."""
    inside = (share > 0) & (share < 1)
    safe = np.where(inside, share, 0.5)
    spread = _NORMAL * error / (safe * np.log(safe))
    low, high = safe ** np.exp(-spread), safe ** np.exp(spread)
    return np.where(inside, np.minimum(low, high), share), np.where(
        inside, np.maximum(low, high), share
    )
