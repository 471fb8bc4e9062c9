"""Hazard ratio of signals: do they predict events beyond base rates and a moving front?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape._util.formatting import (
    counted,
    duration_in_words,
    to_json_records,
    to_json_value,
    unlimited_or,
)
from foxgrape._util.result import Result
from foxgrape._util.small_numbers import MIN_SIGNALS, TOO_FEW, are_few, mask_few, too_few
from foxgrape.stats.hazard.conditional_logit import (
    LogitFit,
    adjust_for_best,
    choice_probabilities,
    clustered_covariance,
    fit_logit,
    inverse_information,
    profile_bound,
    score_residuals,
)
from foxgrape.stats.hazard.risk_sets import FRONT, fit_baseline, risk_sets
from foxgrape.stats.inputs import (
    CHANCE,
    LESS,
    LEVEL,
    MORE,
    as_seed,
    duration_us,
    durations_us,
    window_in_words,
)
from foxgrape.stats.survival.kaplan_meier import NORMAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    import plotly.graph_objects as go

    from foxgrape import times
    from foxgrape._util.typing import FloatArray, IntArray
    from foxgrape.places import Gazetteer
    from foxgrape.stats.hazard.risk_sets import Covariates, RiskSets
    from foxgrape.stats.inputs import ObservationPeriod

__all__ = ["Hazard", "hazard"]

#: With fewer exposed events, or fewer events per term, likelihood-based inference is unreliable.
_MIN_EXPOSED, _MIN_EVENTS_PER_TERM = 5, 5
#: Warn that events at a place are correlated if clustering raises the standard error by more than
#: this factor.
_CLUSTERED = 1.5
#: Warn that an interval is too wide if the ratio of its bounds exceeds this.
_WIDE = 100.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Hazard(Result):
    """Estimate of how many times as likely an event is at a place after a signal for the place.

    Attributes
    ----------
    ratio
        Hazard ratio of the signal, adjusted for all other terms. Above 1: events were more likely
        after a signal. NaN when exposure never differs between places, infinite when all
        informative events came after a signal.
    ratio_ci
        95% profile likelihood interval of the ratio, which agrees with `p_value` and is valid with
        few events. With several windows, the best window's interval, not adjusted for choosing it.
    robust_se
        Standard error of the log ratio, clustered by place (sandwich).
    p_value
        P-value of the two-sided likelihood-ratio test of the signal's term. The statistic is
        scaled by the share of degrees of freedom left and compared with the F distribution. With
        several windows, the best window's p-value, adjusted for choosing it.
    statistic
        Likelihood-ratio statistic, not scaled: twice the gain in log likelihood.
    n_events, n_places, n_signals
        Events, places and signals within observation.
    n_exposed, expected_exposed
        Number of events that certainly came within the window after a signal for their place, and
        the number expected by the fit without the signal's term.
    n_hindsight
        Signals that do not count for an event at their place because their code was decoded only
        after the event was confirmed.
    n_left_out
        Events without a time on the clock, or outside observation.
    terms
        One row per term, the signal first: term, ratio, lower, upper, robust_se. The intervals of
        the other terms use the clustered standard error.
    windows
        One row per window: window, ratio, lower, upper, p_value, p_value_adjusted, n_exposed,
        expected_exposed.
    warnings
        Caveats, in sentences.
    window, history, clock, seed
        The window, or the best of several; how long events and mentions count as recent; the
        clock; and the seed of the adjustment for several windows.
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
    windows: pd.DataFrame
    warnings: tuple[str, ...]
    window: pd.Timedelta
    history: pd.Timedelta
    clock: str
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; durations are ISO 8601 text, and non-finite numbers are None."""
        names = [name for name in self.__slots__ if name not in {"terms", "windows"}]
        return {
            **{name: to_json_value(getattr(self, name)) for name in names},
            "ratio_ci": [to_json_value(bound) for bound in self.ratio_ci],
            "windows": to_json_records(self.windows),
            "warnings": list(self.warnings),
            "sentence": self.sentence(),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per window."""
        return self.windows.copy()

    def shown(self) -> pd.DataFrame:
        """Return the table to show to readers: counts only if there are too few to test.

        Examples
        --------
        >>> from foxgrape import open_study
        >>> shown = open_study().analyse().hazard().shown()
        >>> bool(shown["ratio"].isna().item()), int(shown["n_exposed"].item())
        (True, 0)
        """
        names = ["ratio", "lower", "upper", "p_value", "p_value_adjusted"]
        return mask_few(self.windows, 0 if self.claim == TOO_FEW else MIN_SIGNALS, names)

    @property
    def claim(self) -> str:
        """What the result claims: more or less than chance, consistent with it, or too few."""
        few = are_few(self.n_signals) or self.n_exposed < _MIN_EXPOSED
        if np.isnan(self.ratio) or few:
            return TOO_FEW
        if self.p_value > LEVEL:
            return CHANCE
        return MORE if self.ratio > 1 else LESS

    def sentence(self) -> str:
        """Return the result in words."""
        within = window_in_words(self.window, len(self.windows))
        came = "were confirmed" if self.clock == "confirmed" else "occurred"
        exposed = (
            f"{self.n_exposed:,} of {counted(self.n_events, 'event')} {came} {within} after a "
            "signal for the same place"
        )
        if are_few(self.n_signals):
            return f"{too_few(self.n_signals, 'to test')}. {exposed}."
        exposed += f"; {self.expected_exposed:.1f} would be expected without foresight"
        if np.isnan(self.ratio):
            return f"No hazard ratio can be estimated: {exposed}."
        if self.claim == TOO_FEW:
            return f"Too few events after a signal to test: {exposed}."
        low, high = (unlimited_or(bound) for bound in self.ratio_ci)
        return (
            f"{self.claim}: hazard ratio {unlimited_or(self.ratio)} (95% interval: {low} to "
            f"{high}; p = {self.p_value:.2g}). {exposed}."
        )

    def figure(self) -> go.Figure:
        """Draw the ratios with their intervals, the signal first."""
        from foxgrape.plots.inference import forest

        return forest(self)


def hazard(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    *,
    window: str | pd.Timedelta | Iterable[str | pd.Timedelta],
    history: str | pd.Timedelta = "30D",
    rng: np.random.Generator | int | None = 0,
    observed: ObservationPeriod | None = None,
    clock: times.Clock | None = None,
    hindsight: bool = False,
    gazetteer: Gazetteer | None = None,
) -> Hazard:
    """Estimate how much more likely events are at places with a recent signal.

    Each event's place is compared with all places where the event could have occurred. Anything
    that places share at that time, such as tempo, cancels out. The hazard ratio of places with a
    signal in the window before is adjusted for base rates, recent events and mentions, the distance
    to the nearest recent event, and the front: smoothed counts of events and posts near in place
    and time.

    Parameters
    ----------
    signals, events
        The signals and events tables. Not changed. Coordinates of places come from the events,
        then from the gazetteer; places without coordinates are kept.
    window
        How long before an event a signal counts: the signal's latest instant must lie before the
        event's earliest instant, by at most this duration. At no place does a signal count if the
        order is uncertain. Of several windows, the one with the smallest p is reported, with p
        adjusted for choosing it.
    history
        How long an event or mention counts as recent.
    rng
        Seed or generator for the adjustment of several windows; None draws a seed from fresh
        entropy.
    observed
        When events were recorded: first and last instant with UTC offsets, or with gaps, as in
        ``study.observed``. By default from the earliest instant in the tables
        to the last event.
    clock
        Which time of an event to use: when it was ``confirmed`` or when it ``occurred``. Events
        without this time are left out and counted in `n_left_out`. By default ``confirmed``, or
        ``occurred`` if no event has a confirmation.
    hindsight
        Also count signals whose code was decoded in public after the event was confirmed.
    gazetteer
        Where to look up places whose events have no coordinates; by default the packaged one.

    Returns
    -------
    Hazard

    Raises
    ------
    TableError
        If a table breaks its schema.
    FoxgrapeError
        If an option is invalid.

    Notes
    -----
    Conditional logit (McFadden 1974) on risk sets, a case-crossover design over places;
    simultaneous events have separate risk sets. A front that is narrower than the distance between
    places, or faster than the events show, is adjusted for only in part:
    `docs/explanation/hazard.md` reports how often this gives false claims. With several windows, p
    is adjusted by the joint distribution of their score statistics (single-step, Hothorn, Bretz and
    Westfall 2008).

    Examples
    --------
    >>> days = pd.date_range("2022-03-01", periods=40, freq="5D", tz="UTC")
    >>> places = [f"my:{n}" for n in np.random.default_rng(3).integers(0, 12, 40)]
    >>> events = pd.DataFrame({"event_id": [f"e{n}" for n in range(40)], "place_id": places,
    ...                        "occurred_at": days, "confirmed_at": days})
    >>> signals = pd.DataFrame({"signal_id": [f"s{n}" for n in range(20)],
    ...     "place_id": places[::2], "posted_at": days[::2] - pd.Timedelta("1D")})
    >>> result = hazard(signals, events, window="2D")
    >>> result.n_exposed, result.ratio > 1, result.p_value < 0.05
    (20, True, True)
    """
    windows, recent = durations_us(window, "window"), duration_us(history, "history")
    seed = as_seed(rng)
    risk = risk_sets(signals, events, clock=clock, observed=observed, gazetteer=gazetteer)
    since = risk.recency(hindsight=hindsight)
    fits = [_fit_window(risk, since, length, recent) for length in windows]
    residuals = np.array([fit.residuals for fit in fits])
    adjusted = adjust_for_best([fit.p_value for fit in fits], residuals, seed)
    best = min(range(len(fits)), key=lambda k: fits[k].p_value)
    fit = fits[best]
    several = ("The interval is that of the best window, not adjusted for choosing it.",)
    return Hazard(
        ratio=fit.ratio,
        ratio_ci=fit.ratio_ci,
        robust_se=fit.robust_se,
        p_value=adjusted[best],
        statistic=fit.statistic,
        n_events=len(risk.event_place),
        n_places=len(risk.places),
        n_signals=len(risk.signal_place),
        n_exposed=fit.n_exposed,
        expected_exposed=fit.expected_exposed,
        n_hindsight=0 if hindsight else risk.count_hindsight(windows[best]),
        n_left_out=risk.n_left_out,
        terms=fit.terms,
        windows=_windows_frame(windows, fits, adjusted),
        warnings=fit.warnings + several * (len(fits) > 1) + risk.caveats,
        window=pd.Timedelta(windows[best], "us"),
        history=pd.Timedelta(recent, "us"),
        clock=risk.clock,
        seed=seed,
    )


@dataclass(frozen=True, slots=True)
class _WindowFit:
    """Result for one window; `residuals` are the score residuals of the signal's term."""

    n_exposed: int
    expected_exposed: float
    warnings: tuple[str, ...]
    terms: pd.DataFrame
    residuals: FloatArray
    ratio: float = np.nan
    ratio_ci: tuple[float, float] = (np.nan, np.nan)
    robust_se: float = np.nan
    p_value: float = 1.0
    statistic: float = 0.0


def _fit_window(risk: RiskSets, since: IntArray, window: int, history: int) -> _WindowFit:
    """Fit the model with the signal's term, and compare it with the model without."""
    exposed = (since <= window).astype(float)
    covariates, baseline = fit_baseline(risk, window=window, history=history)
    share = choice_probabilities(covariates.terms, baseline.beta)
    n_exposed = int(exposed[np.arange(len(exposed)), risk.event_place].sum())
    expected = float((share * exposed).sum())
    if not (exposed != exposed[:, :1]).any():
        days = duration_in_words(pd.Timedelta(window, "us"))
        warning = (
            f"At each event, all places or none had a signal in the {days} before: there is "
            "nothing to compare."
        )
        empty = pd.DataFrame(columns=["term", "ratio", "lower", "upper", "robust_se"])
        return _WindowFit(n_exposed, expected, (warning,), empty, np.zeros(len(exposed)))
    terms = np.concatenate([exposed[None], covariates.terms])
    start = np.concatenate([[0.0], baseline.beta])
    best = fit_logit(terms, risk.event_place, start=start)
    statistic = max(2 * (best.log_likelihood - baseline.log_likelihood), 0.0)
    p_value, interval = _test(terms, risk.event_place, best, statistic)
    robust = clustered_covariance(terms, risk.event_place, best)
    limit = np.inf if best.beta[0] > 0 else 0.0
    ratio = float(np.exp(best.beta[0])) if best.bounded else limit
    return _WindowFit(
        n_exposed=n_exposed,
        expected_exposed=expected,
        warnings=_warnings(n_exposed, covariates, risk, best, robust, baseline, interval),
        terms=_terms_frame(covariates.names, best, robust, ratio, interval),
        residuals=score_residuals(exposed, covariates.terms, risk.event_place, baseline),
        ratio=ratio,
        ratio_ci=interval,
        robust_se=float(np.sqrt(max(robust[0, 0], 0))) if best.bounded else np.nan,
        p_value=p_value,
        statistic=statistic,
    )


def _test(
    terms: FloatArray, case: IntArray, best: LogitFit, statistic: float
) -> tuple[float, tuple[float, float]]:
    """Return the p-value and the profile likelihood interval of the first term."""
    from scipy.stats import f

    # Account for the number of terms: otherwise the interval is too narrow and p too small.
    freedom = max(len(case) - len(terms), 1)
    scale = freedom / len(case)
    drop = f.ppf(1 - LEVEL, 1, freedom) / scale / 2
    low, high = (
        float(np.exp(profile_bound(terms, case, best, drop=drop, side=side))) for side in (-1, 1)
    )
    return float(f.sf(statistic * scale, 1, freedom)), (low, high)


def _windows_frame(
    windows: list[int], fits: list[_WindowFit], adjusted: list[float]
) -> pd.DataFrame:
    rows = [
        (window, fit.ratio, *fit.ratio_ci, fit.p_value, p, fit.n_exposed, fit.expected_exposed)
        for window, fit, p in zip(windows, fits, adjusted, strict=True)
    ]
    names = "window ratio lower upper p_value p_value_adjusted n_exposed expected_exposed"
    frame = pd.DataFrame(rows, columns=names.split())
    return frame.assign(window=pd.to_timedelta(frame["window"], unit="us"))


def _terms_frame(
    names: tuple[str, ...],
    best: LogitFit,
    robust: FloatArray,
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


def _warnings(
    n_exposed: int,
    covariates: Covariates,
    risk: RiskSets,
    best: LogitFit,
    robust: FloatArray,
    baseline: LogitFit,
    interval: tuple[float, float],
) -> tuple[str, ...]:
    warnings = []
    n_events, n_terms = len(risk.event_place), 1 + len(covariates.names)
    if n_exposed < _MIN_EXPOSED:
        events = counted(n_exposed, "event")
        came = "confirmed" if risk.clock == "confirmed" else "that occurred"
        warnings.append(f"Only {events} {came} after a signal: too few to base a claim on.")
    if n_events < _MIN_EVENTS_PER_TERM * n_terms:
        warnings.append(
            f"{counted(n_events, 'event')} for {counted(n_terms, 'term')}: the fit is "
            "overfitted, and its interval is too narrow."
        )
    if covariates.unlocated and len(risk.places) > 1:
        places = f"{covariates.unlocated} of {counted(len(risk.places), 'place')}"
        has = "has" if covariates.unlocated == 1 else "have"
        warnings.append(
            f"{places} {has} no known coordinates: how near the front was is not known there."
        )
    if _front_matters(covariates, baseline):
        warnings.append(
            "Events follow a moving front. The ratio is adjusted for it as far as events and "
            "posts show it; where the front is fast or narrow, part of the ratio may be due to it."
        )
    if interval[1] > _WIDE * interval[0]:
        warnings.append(
            "Signals carry almost no information beyond the other terms: the interval is too wide "
            "for any claim on the size of the ratio."
        )
    model = np.sqrt(max(inverse_information(best.information)[0, 0], 0.0))
    if best.bounded and np.sqrt(max(robust[0, 0], 0.0)) > _CLUSTERED * model > 0:
        warnings.append(
            "Events at one place are correlated: clustered by place, the interval is wider."
        )
    return tuple(warnings)


def _front_matters(covariates: Covariates, baseline: LogitFit) -> bool:
    """Return whether a Wald test shows that events follow the front."""
    from scipy.stats import chi2

    front = np.array([name.startswith(FRONT) for name in covariates.names], dtype=bool)
    if not front.any():
        return False
    covariance = inverse_information(baseline.information)[np.ix_(front, front)]
    statistic = baseline.beta[front] @ inverse_information(covariance) @ baseline.beta[front]
    return bool(chi2.sf(statistic, front.sum()) < LEVEL)
