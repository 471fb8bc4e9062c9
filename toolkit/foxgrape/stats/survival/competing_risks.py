"""Competing outcomes: an event that was claimed and stood, or was claimed and then retracted."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import schemas, times
from foxgrape.errors import TableError
from foxgrape.stats.survival.kaplan_meier import NORMAL
from foxgrape.stats.survival.lead_times import counted_leads

if TYPE_CHECKING:
    import numpy.typing as npt
    import plotly.graph_objects as go

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

__all__ = ["CumulativeIncidence", "cumulative_incidence"]

STOOD, RETRACTED = "stood", "retracted"
#: Of those who leave the risk set censored, with an event that stood, and with one that did not:
#: which outcome has come to them.
_COME = np.array([[0, 0], [1, 0], [0, 1]])


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
        One row a distinct lead and outcome: outcome, time (Timedelta), incidence, standard_error,
        lower, upper (95% pointwise band, log-log), at_risk, events.
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
        from foxgrape.plots.inference import cumulative_incidence_figure

        return cumulative_incidence_figure(self)

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
    links = schemas.validate(links, "links")
    events = schemas.validate(events, "events", fill=True)
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
    at, row = np.unique(leads, return_inverse=True)
    left = np.stack([np.bincount(row[cause == of], minlength=len(at)) for of in (0, 1, 2)], axis=1)
    at_risk = left.sum(axis=1)[::-1].cumsum()[::-1]
    share, error = _incidence(left, at_risk)
    parts = []
    for code, name in enumerate((STOOD, RETRACTED)):
        low, high = _band(share[:, code], error[:, code])
        parts.append(
            pd.DataFrame(
                {
                    "outcome": name,
                    "time": times.from_days(at),
                    "incidence": share[:, code],
                    "standard_error": error[:, code],
                    "lower": low,
                    "upper": high,
                    "at_risk": at_risk,
                    "events": left[:, code + 1],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _incidence(left: Ints, at_risk: Ints) -> tuple[Floats, Floats]:
    """Return the share and the standard error of each outcome (columns) at each time (rows).

    The squared error is a sum over signals: of what one of a little more weight would change. All
    that are at risk would change the same, and of those that left, sums of products are enough.
    """
    waiting, share = 1.0, np.zeros(2)
    # What a signal at risk would change: in the share waiting, and in each outcome.
    moved, shift = 0.0, np.zeros(2)
    # The same, squared and multiplied, of all that left.
    moves, products, squares = 0.0, np.zeros(2), np.zeros(2)
    told = []
    for gone, number in zip(left, at_risk, strict=True):
        hazard = gone[1:] / number
        staying = 1 - hazard.sum()
        squares = squares + 2 * hazard * products + hazard**2 * moves
        products = (products + hazard * moves) * staying
        moves *= staying**2
        shift = shift + (moved - waiting / number) * hazard
        moved = moved * staying + waiting * hazard.sum() / number
        theirs = shift + _COME * waiting / number
        move = moved - _COME.sum(axis=1) * waiting / number
        squares = squares + gone @ theirs**2
        products = products + (gone * move) @ theirs
        moves += gone @ move**2
        share = share + waiting * hazard
        waiting *= staying
        # Where nobody waits any more it is nothing, give or take a rounding.
        squared = np.maximum(squares + (number - gone.sum()) * shift**2, 0)
        told.append((share, np.sqrt(squared)))
    shares, errors = np.array(told).reshape(-1, 2, 2).swapaxes(0, 1)
    return shares, errors


def _band(share: Floats, error: Floats) -> tuple[Floats, Floats]:
    """Return the log-log band: within 0 and 1 at any size."""
    inside = (share > 0) & (share < 1)
    safe = np.where(inside, share, 0.5)
    spread = NORMAL * error / (safe * np.log(safe))
    low, high = safe ** np.exp(-spread), safe ** np.exp(spread)
    return np.where(inside, np.minimum(low, high), share), np.where(
        inside, np.maximum(low, high), share
    )
