"""What did the signal add to what everyone already knew? Risk-set regression over places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape._util.formatting import counted, duration_in_words, sentence_with_table, to_json_value
from foxgrape.stats.hazard import conditional_logit
from foxgrape.stats.hazard.covariates import FIELD, fit_baseline
from foxgrape.stats.hazard.risk_sets import risk_sets
from foxgrape.stats.inputs import duration_us
from foxgrape.stats.survival.kaplan_meier import NORMAL

if TYPE_CHECKING:
    import numpy.typing as npt
    import plotly.graph_objects as go

    from foxgrape import times
    from foxgrape.stats.hazard.covariates import Covariates
    from foxgrape.stats.hazard.risk_sets import RiskSets
    from foxgrape.stats.inputs import ObservationPeriod

    Floats = npt.NDArray[np.float64]

__all__ = ["Hazard", "hazard"]

_LEVEL = 0.95
#: With fewer exposed events, or fewer events a term, the likelihood's approximations are poor.
_FEW_EXPOSED = 5
_FEW_EVENTS = 5
#: A clustered standard error so much larger than the model's tells of events that hang together.
_CLUSTERED = 1.5
#: An interval whose bounds are so many times apart says next to nothing.
_WIDE = 100.0
_NONE_BEFORE = "No signal certainly came within the window before any event."
_NOTHING_DIFFERS = (
    "At each event all places had a signal in the window before, or none had: nothing differs."
)
#: Chance below which the fields of the front are said to matter.
_SHARED = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Hazard:
    """How many times likelier an event was at a place to which a signal had pointed.

    Attributes
    ----------
    ratio
        Hazard ratio of the signal, all other terms held. Above 1: events came rather where a
        signal had pointed. NaN when no place's exposure can be compared, infinite when every
        event that could tell came after a signal.
    ratio_ci
        95% interval of the ratio, by its profile likelihood: it agrees with `p_value`, and holds
        with few events.
    robust_se
        Standard error of the log ratio, clustered by place (sandwich).
    p_value
        Likelihood-ratio test of the signal's term, two-sided. Its statistic is scaled by the share
        of events that the terms leave, and judged by the F law with so many degrees of freedom:
        chi-squared where events are many.
    statistic
        Twice the gain in log likelihood, not scaled.
    n_events, n_places, n_signals
        What was counted.
    n_exposed
        Events that certainly came within the window after a signal for their place.
    expected_exposed
        How many would be by the fit without the signal's term: front, base rates and recent
        events alone.
    n_hindsight
        Signals that did not count for their own event, whose code was decoded after it.
    n_left_out
        Events without a time on the clock, or outside of the window of observation.
    terms
        One row a term, the signal first: term, ratio, lower, upper, robust_se. For the other
        terms, the interval is from the clustered standard error; their logs are per unit.
    caution
        What a reader must know before believing the number, in words; empty when nothing.
    window, history, clock
        How it was asked.
    """

    ratio: float
    ratio_ci: tuple[float, float]
    robust_se: float
    p_value: float
    statistic: float
    n_events: int
    n_places: int
    n_signals: int
    n_exposed: int
    expected_exposed: float
    n_hindsight: int
    n_left_out: int
    terms: pd.DataFrame
    caution: tuple[str, ...]
    window: pd.Timedelta
    history: pd.Timedelta
    clock: str

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values; numbers that are not finite are None."""
        told = {
            name: to_json_value(getattr(self, name)) for name in self.__slots__ if name != "terms"
        }
        interval = [to_json_value(bound) for bound in self.ratio_ci]
        return told | {"ratio_ci": interval, "caution": list(self.caution)}

    def to_frame(self) -> pd.DataFrame:
        """Return one row a term, the signal first."""
        return self.terms.copy()

    def sentence(self) -> str:
        """Say the result in words, with what a reader must know."""
        found = (
            f"{self.n_exposed} of {counted(self.n_events, 'event')} came within "
            f"{duration_in_words(self.window)} after a signal for their place, of "
            f"{counted(self.n_places, 'place')}; {self.expected_exposed:.1f} would without "
            "foresight"
        )
        if np.isnan(self.ratio):
            said = f"No hazard ratio can be estimated ({found})."
        else:
            low, high = self.ratio_ci
            said = (
                f"Hazard ratio {self.ratio:.2f} (95% interval {low:.2f} to {high:.2f}, "
                f"p = {self.p_value:.2g}; {found})."
            )
        return " ".join([said, *self.caution])

    def figure(self) -> go.Figure:
        """Draw the ratios with their intervals, the signal first."""
        from foxgrape.plots.inference import forest

        return forest(self)

    def _repr_html_(self) -> str:
        return sentence_with_table(self.sentence(), self.to_frame())


def hazard(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    *,
    window: str | pd.Timedelta,
    history: str | pd.Timedelta = "30D",
    clock: times.Clock | None = None,
    observed: ObservationPeriod | None = None,
    hindsight: bool = False,
) -> Hazard:
    """Estimate what a signal adds to what everyone already knew about where events come next.

    At each event, the place that had it is compared with all places that could have had it. What
    they share at that time, the tempo, cancels out. The ratio of places with a signal in the
    window before is adjusted for base rates, recent events and mentions, the distance to the
    nearest recent event, and for the front: smooth fields of all other events and posts near in
    place and time.

    Parameters
    ----------
    signals, events
        The signals and events tables. Not changed. Coordinates of places come from the events,
        then from the gazetteer; a place without any is kept.
    window
        How long before an event a signal counts: its latest instant lies before the earliest of
        the event, at most so long. An order that is not certain does not count, for any place.
    history
        How long an event or mention is recent.
    clock
        Count to when events were ``confirmed`` or ``occurred``; events without a time on this
        clock are left out, and counted. By default ``confirmed``, or ``occurred`` where no event
        has a confirmation.
    observed
        Begin and end of observation, instants with offset; by default the span of the data.
    hindsight
        Whether a signal counts for an event although its code was decoded only after that event
        had been confirmed.

    Returns
    -------
    Hazard

    Raises
    ------
    TableError
        If a table breaks its schema.
    FoxgrapeError
        If an option makes no sense.

    Notes
    -----
    Conditional logit (McFadden 1974) on risk sets, a case-crossover over places; events of one
    instant are cases of risk sets of their own. A front that is narrower than the distances
    between places, or faster than the events tell, is held only in part: `docs/explanation/hazard.md` shows
    in how many worlds without foresight this test claims some.

    Examples
    --------
    >>> days = pd.date_range("2022-03-01", periods=40, freq="5D", tz="UTC")
    >>> places = [f"my:{n}" for n in np.random.default_rng(3).integers(0, 12, 40)]
    >>> events = pd.DataFrame({"event_id": [f"e{n}" for n in range(40)], "place_id": places,
    ...                        "occurred_at": days, "confirmed_at": days})
    >>> signals = pd.DataFrame({"signal_id": [f"s{n}" for n in range(20)],
    ...     "place_id": places[::2], "posted_at": days[::2] - pd.Timedelta("1D")})
    >>> found = hazard(signals, events, window="2D")
    >>> found.n_exposed, found.ratio > 1, found.p_value < 0.05
    (20, True, True)
    """
    wide, recent = duration_us(window, "window"), duration_us(history, "history")
    risk = risk_sets(signals, events, clock=clock, observed=observed)
    exposed = (risk.recency(hindsight=hindsight) <= wide).astype(float)
    around, without = fit_baseline(risk, window=wide, history=recent)
    told: dict[str, Any] = {
        "n_events": len(risk.case),
        "n_places": len(risk.places),
        "n_signals": len(risk.signal_place),
        "n_exposed": int(exposed[np.arange(len(risk.case)), risk.case].sum()),
        "n_hindsight": 0 if hindsight else risk.hindsight(wide),
        "n_left_out": risk.n_left_out,
        "window": pd.Timedelta(wide, "us"),
        "history": pd.Timedelta(recent, "us"),
        "clock": risk.clock,
    }
    return Hazard(**_estimate(exposed, around, without, risk), **told)


def _estimate(
    exposed: Floats, around: Covariates, without: conditional_logit.LogitFit, risk: RiskSets
) -> dict[str, Any]:
    """Fit with the signal's term, and compare with the fit without."""
    from scipy.stats import f as law

    chances = conditional_logit.choice_probabilities(around.terms, without.beta)
    found: dict[str, Any] = {"expected_exposed": float((chances * exposed).sum())}
    if not (exposed != exposed[:, :1]).any():
        empty = pd.DataFrame(columns=["term", "ratio", "lower", "upper", "robust_se"])
        return found | {
            "ratio": np.nan,
            "ratio_ci": (np.nan, np.nan),
            "robust_se": np.nan,
            "p_value": 1.0,
            "statistic": 0.0,
            "terms": empty,
            "caution": (_NOTHING_DIFFERS if exposed.any() else _NONE_BEFORE,),
        }
    terms = np.concatenate([exposed[None], around.terms])
    start = np.concatenate([[0.0], without.beta])
    best = conditional_logit.fit_logit(terms, risk.case, start=start)
    statistic = max(2 * (best.log_likelihood - without.log_likelihood), 0.0)
    # Each term spends an event: without this the interval is too narrow, and the test claims more.
    left = max(len(risk.case) - len(terms), 1)
    scale = left / len(risk.case)
    drop = law.ppf(_LEVEL, 1, left) / scale / 2
    low, high = (
        float(np.exp(conditional_logit.profile_bound(terms, risk.case, best, drop=drop, side=side)))
        for side in (-1, 1)
    )
    robust = conditional_logit.clustered_covariance(terms, risk.case, best)
    endless = np.inf if best.beta[0] > 0 else 0.0
    ratio = float(np.exp(best.beta[0])) if best.bounded else endless
    return found | {
        "ratio": ratio,
        "ratio_ci": (low, high),
        "robust_se": float(np.sqrt(max(robust[0, 0], 0))) if best.bounded else np.nan,
        "p_value": float(law.sf(statistic * scale, 1, left)),
        "statistic": statistic,
        "terms": _terms(around.names, best, robust, ratio, (low, high)),
        "caution": _cautions(exposed, around, risk, best, robust, without, (low, high)),
    }


def _terms(
    names: tuple[str, ...],
    best: conditional_logit.LogitFit,
    robust: Floats,
    ratio: float,
    interval: tuple[float, float],
) -> pd.DataFrame:
    error = np.sqrt(np.diag(robust).clip(min=0))
    with np.errstate(over="ignore"):
        frame = pd.DataFrame(
            {
                "term": ["signal in the window before", *names],
                "ratio": np.exp(best.beta),
                "lower": np.exp(best.beta - NORMAL * error),
                "upper": np.exp(best.beta + NORMAL * error),
                "robust_se": error,
            }
        )
    frame.loc[0, ["ratio", "lower", "upper"]] = [ratio, *interval]
    return frame


def _cautions(
    exposed: Floats,
    around: Covariates,
    risk: RiskSets,
    best: conditional_logit.LogitFit,
    robust: Floats,
    without: conditional_logit.LogitFit,
    interval: tuple[float, float],
) -> tuple[str, ...]:
    """Say what a reader must know before believing the ratio."""
    told = []
    cases = exposed[np.arange(len(risk.case)), risk.case].sum()
    if cases < _FEW_EXPOSED:
        told.append(
            f"Only {counted(int(cases), 'event')} followed a signal: too few to rest a claim on."
        )
    if len(risk.case) < _FEW_EVENTS * (1 + len(around.names)):
        told.append(
            f"{counted(len(risk.case), 'event')} for {counted(1 + len(around.names), 'term')}: "
            "the fit follows accidents of the data, and its interval is too narrow."
        )
    if around.unlocated:
        has = "has" if around.unlocated == 1 else "have"
        told.append(
            f"{around.unlocated} of {counted(len(risk.places), 'place')} {has} no known "
            "coordinates: a front that moves there is not seen."
        )
    if _front_matters(around, without):
        told.append(
            "Events follow a front that moves; it was held as far as events and posts tell it, "
            "and where it is fast or narrow, part of the ratio may still be the front's."
        )
    if interval[1] > _WIDE * interval[0]:
        told.append(
            "What the signals say can hardly be told from what was known without them: the "
            "interval is too wide for any claim on the size of the ratio."
        )
    model = np.sqrt(max(conditional_logit.inverse_information(best.information)[0, 0], 0.0))
    if best.bounded and np.sqrt(max(robust[0, 0], 0.0)) > _CLUSTERED * model > 0:
        told.append(
            "Events at one place hang together: by the standard error clustered by place, the "
            "interval is wider."
        )
    return tuple(told)


def _front_matters(around: Covariates, without: conditional_logit.LogitFit) -> bool:
    """Ask by a Wald test whether the front's fields say where events come."""
    from scipy.stats import chi2

    field = np.array([name.startswith(FIELD) for name in around.names], dtype=bool)
    if not field.any():
        return False
    spread = conditional_logit.inverse_information(without.information)[np.ix_(field, field)]
    statistic = (
        without.beta[field] @ conditional_logit.inverse_information(spread) @ without.beta[field]
    )
    return bool(chi2.sf(statistic, field.sum()) < _SHARED)
