"""Competing risks: a signal's event may stand, or be claimed and then retracted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import schemas, times
from foxgrape._util.formatting import duration_in_words, happened, percent, to_json_records
from foxgrape._util.result import Result
from foxgrape._util.small_numbers import are_few, too_few
from foxgrape.errors import TableError
from foxgrape.stats.survival.counted_leads import counted_leads, middle_of_leads
from foxgrape.stats.survival.kaplan_meier import NORMAL

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from foxgrape._util.typing import FloatArray, IntArray

__all__ = ["CumulativeIncidence", "cumulative_incidence"]

STOOD, RETRACTED = "stood", "retracted"
#: Indicators of the outcomes stood and retracted (columns) for signals that leave the risk set
#: censored, with an event that stood, and with one that was retracted (rows).
_OUTCOMES = np.array([[0, 0], [1, 0], [0, 1]])


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CumulativeIncidence(Result):
    """Share of signals with an event that stood, and with one that was retracted, by lead.

    Attributes
    ----------
    n, n_censored
        Number of signals counted, and of those without an event.
    counts
        Number of signals by outcome.
    curve
        One row per distinct lead and outcome: outcome, time (Timedelta), incidence,
        standard_error, lower, upper (95% pointwise band, log-log), at_risk, events.
    clock
        ``confirmed`` or ``occurred``.
    """

    n: int
    n_censored: int
    counts: dict[str, int]
    curve: pd.DataFrame
    clock: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """Caveats, in sentences."""
        few = self.n and are_few(self.n)
        return (f"{too_few(self.n, 'for a reliable estimate')}.",) if few else ()

    def at(self, lead: str | pd.Timedelta) -> dict[str, float]:
        """Return, for each outcome, the share of signals that have reached it by `lead`.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> study = open_study()
        >>> outcomes = cumulative_incidence(study.analyse().links, study.events)
        >>> sorted(outcomes.at("30D"))
        ['retracted', 'stood']
        """
        upto = self.curve[self.curve["time"] <= pd.Timedelta(lead)]
        incidence = upto.groupby("outcome")["incidence"].max()
        return {name: float(incidence.get(name, 0.0)) for name in self.counts}

    def to_frame(self) -> pd.DataFrame:
        """Return the curves."""
        return self.curve.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; durations are ISO 8601 text."""
        return {
            "n": self.n,
            "n_censored": self.n_censored,
            "counts": dict(self.counts),
            "clock": self.clock,
            "curve": to_json_records(self.curve),
            "warnings": list(self.warnings),
            "sentence": self.sentence(),
        }

    def sentence(self) -> str:
        """Return the estimate in words."""
        if self.n == 0:
            return "There is no signal with a lead time (n = 0)."
        counts = (
            f"(n = {self.n:,}: {self.counts[STOOD]:,} stood, {self.counts[RETRACTED]:,} retracted, "
            f"{self.n_censored:,} right-censored)"
        )
        if are_few(self.n):
            return f"{too_few(self.n, 'to estimate shares')} {counts}."
        last = self.curve["time"].max()
        shares = self.at(last)
        event = f"an event that {happened(self.clock)}"
        return (
            f"Within {duration_in_words(last)} after the post, {percent(shares[STOOD])} of signals "
            f"had {event} and stood, and {percent(shares[RETRACTED])} one that was retracted "
            f"{counts}."
        )

    def figure(self) -> go.Figure:
        """Draw the curves with their bands."""
        from foxgrape.plots.inference import cumulative_incidence_figure

        return cumulative_incidence_figure(self)


def cumulative_incidence(
    links: pd.DataFrame, events: pd.DataFrame, *, hindsight: bool = False
) -> CumulativeIncidence:
    """Estimate the share of signals, by lead, whose event stood and whose event was retracted.

    A retracted claim is neither an event that the signal anticipated nor the absence of an event.
    Treating it as censored would assume that the signal could still be followed by an event that
    stands, like any other signal.

    Parameters
    ----------
    links
        The links table, with a single clock.
    events
        The events table. An optional column `retracted_at` has the instant at which a claim was
        retracted (the latest possible one in `retracted_until`); it is empty for events that stood.
    hindsight
        Whether to count links that are hindsight.

    Returns
    -------
    CumulativeIncidence

    Raises
    ------
    TableError
        If a table breaks its schema, or the links mix clocks or name an unknown event.

    Notes
    -----
    Aalen–Johansen estimate (1978); standard errors by the infinitesimal jackknife, as in R's
    package survival. Each rough lead is taken at the middle of its interval.

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
    >>> outcomes = cumulative_incidence(links, events)
    >>> {name: round(share, 3) for name, share in outcomes.at("7D").items()}
    {'stood': 0.333, 'retracted': 0.333}
    """
    links = schemas.validate(links, "links")
    events = schemas.validate(events, "events", fill=True)
    kept, leads = counted_leads(links, hindsight=hindsight)
    unknown = kept["observed"] & ~kept["event_id"].isin(events["event_id"])
    if unknown.any():
        raise TableError(
            "a link names an unknown event",
            column="event_id",
            got=str(kept.loc[unknown, "event_id"].iloc[0]),
            hint="pass the events from which the links were made",
        )
    withdrawn = events.get("retracted_at", pd.Series(pd.NaT, index=events.index)).notna()
    retracted = kept["event_id"].isin(events.loc[withdrawn, "event_id"]).to_numpy()
    observed = leads["observed"].to_numpy()
    cause = np.where(observed, np.where(retracted, 2, 1), 0).astype(np.int64)
    return CumulativeIncidence(
        n=len(kept),
        n_censored=int((~observed).sum()),
        counts={
            STOOD: int((observed & ~retracted).sum()),
            RETRACTED: int((observed & retracted).sum()),
        },
        curve=_curves(middle_of_leads(leads), cause),
        clock=str(links["clock"].iloc[0]) if len(links) else "",
    )


def _curves(leads: FloatArray, cause: IntArray) -> pd.DataFrame:
    """Return the Aalen–Johansen curves of both outcomes."""
    at, row = np.unique(leads, return_inverse=True)
    left = np.stack(
        [np.bincount(row[cause == code], minlength=len(at)) for code in (0, 1, 2)], axis=1
    )
    at_risk = left.sum(axis=1)[::-1].cumsum()[::-1]
    share, error = _incidence(left, at_risk)
    parts = []
    for code, name in enumerate((STOOD, RETRACTED)):
        low, high = _log_log_band(share[:, code], error[:, code])
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


def _incidence(left: IntArray, at_risk: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return share and standard error of each outcome (columns) at each time (rows).

    The variance is the infinitesimal jackknife's: the sum of squared influences of all signals.
    All signals at risk have the same influence; for signals that left, running sums suffice.
    """
    waiting, share = 1.0, np.zeros(2)
    # Influence of each signal at risk on the share still waiting, and on each outcome's share.
    waiting_influence, influence = 0.0, np.zeros(2)
    # Sums, over signals that left the risk set, of squares and products of their influences.
    waiting_squares, products, squares = 0.0, np.zeros(2), np.zeros(2)
    shares, errors = [], []
    for gone, number in zip(left, at_risk, strict=True):
        hazard = gone[1:] / number
        staying = 1 - hazard.sum()
        squares = squares + 2 * hazard * products + hazard**2 * waiting_squares
        products = (products + hazard * waiting_squares) * staying
        waiting_squares *= staying**2
        influence = influence + (waiting_influence - waiting / number) * hazard
        waiting_influence = waiting_influence * staying + waiting * hazard.sum() / number
        gone_influence = influence + _OUTCOMES * waiting / number
        gone_waiting = waiting_influence - _OUTCOMES.sum(axis=1) * waiting / number
        squares = squares + gone @ gone_influence**2
        products = products + (gone * gone_waiting) @ gone_influence
        waiting_squares += gone @ gone_waiting**2
        share = share + waiting * hazard
        waiting *= staying
        # Rounding can make the variance slightly negative once no signal is left.
        variance = np.maximum(squares + (number - gone.sum()) * influence**2, 0)
        shares.append(share)
        errors.append(np.sqrt(variance))
    return np.array(shares).reshape(-1, 2), np.array(errors).reshape(-1, 2)


def _log_log_band(share: FloatArray, error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the log-log band, which stays between 0 and 1."""
    inside = (share > 0) & (share < 1)
    safe = np.where(inside, share, 0.5)
    exponent = NORMAL * error / (safe * np.log(safe))
    low, high = safe ** np.exp(-exponent), safe ** np.exp(exponent)
    return np.where(inside, np.minimum(low, high), share), np.where(
        inside, np.maximum(low, high), share
    )
