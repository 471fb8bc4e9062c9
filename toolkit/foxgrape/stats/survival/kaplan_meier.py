"""Kaplan–Meier curves of leads in days, and what is derived from them or checks them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import times

if TYPE_CHECKING:
    import numpy.typing as npt

    from foxgrape._util.typing import BoolArray, FloatArray

__all__ = [
    "NORMAL",
    "LogRank",
    "RestrictedMean",
    "fit_parametric",
    "kaplan_meier",
    "log_rank",
    "quantile",
    "restricted_mean",
    "validate_probability",
]

_CONFIDENCE = 0.95
#: Half-width of a symmetric 95% interval, in standard errors.
NORMAL = 1.959964
#: Medians beyond ten thousand years (in days) are not reported.
_MAX_MEDIAN = 3_652_500
#: A continuous distribution has no mass at zero: a lead below a minute (in days) is left-censored.
_MINUTE = 1 / 1440
#: Fewer observed leads fit any distribution.
_MIN_LEADS = 3


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Mean lead, with each lead counted up to a horizon.

    Attributes
    ----------
    mean
        Area under the Kaplan–Meier curve up to the horizon.
    standard_error
        Of the mean (Greenwood).
    interval
        95% interval, symmetric.
    horizon
        Longer leads count as this long.
    """

    mean: pd.Timedelta
    standard_error: pd.Timedelta
    interval: tuple[pd.Timedelta, pd.Timedelta]
    horizon: pd.Timedelta


@dataclass(frozen=True, slots=True)
class LogRank:
    """Log-rank test of whether the leads of groups differ.

    Attributes
    ----------
    statistic, degrees
        Chi-squared statistic and its degrees of freedom: groups minus one.
    p_value
        With rough leads at the middle of their intervals.
    p_bounds
        Smallest and largest p-value with all leads at their shortest, middle or longest.
    groups
        Names of the groups compared.
    """

    statistic: float
    degrees: int
    p_value: float
    p_bounds: tuple[float, float]
    groups: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "statistic": self.statistic,
            "degrees": self.degrees,
            "p_value": self.p_value,
            "p_bounds": list(self.p_bounds),
            "groups": list(self.groups),
        }

    def sentence(self) -> str:
        """Return the result in words."""
        low, high = self.p_bounds
        rough = f" ({low:.3f} to {high:.3f} with rough times)" if high > low else ""
        return (
            f"Log-rank test of {len(self.groups)} groups: chi-squared {self.statistic:.2f} with "
            f"{self.degrees} degrees of freedom, p = {self.p_value:.3f}{rough}."
        )


def validate_probability(p: float) -> float:
    """Return a probability, or raise ValueError."""
    if not 0 <= p <= 1:
        raise ValueError(f"a quantile must be between 0 and 1; got {p}")
    return p


def kaplan_meier(leads: FloatArray, observed: BoolArray) -> pd.DataFrame:
    """Return the Kaplan–Meier curve of leads in days, one row per distinct time.

    Columns: time (Timedelta), survival, lower, upper (95% pointwise band, log-log), at_risk,
    events, censored.

    Examples
    --------
    >>> kaplan_meier(np.array([1.0, 2.0]), np.array([True, False]))["survival"].tolist()
    [0.5, 0.5]
    """
    from scipy.stats import CensoredData, ecdf

    at, row = np.unique(leads, return_inverse=True)
    share, lower, upper = np.ones(len(at)), np.ones(len(at)), np.ones(len(at))
    if observed.any():
        fit = ecdf(CensoredData.right_censored(leads, ~observed)).sf
        share = fit.evaluate(at)
        with warnings.catch_warnings():
            # scipy warns where the band is undefined; those values are replaced below.
            warnings.simplefilter("ignore", RuntimeWarning)
            band = fit.confidence_interval(_CONFIDENCE, method="log-log")
        # The log-log band is undefined where the curve is 1 or 0: before the first event both
        # bounds are 1; once all had an event the lower one is 0 and the upper one stays.
        inside = (share > 0) & (share < 1)
        low, high = band.low.evaluate(at), band.high.evaluate(at)  # type: ignore[attr-defined, unused-ignore]
        lower = np.where(inside, low, share)
        upper = np.minimum.accumulate(np.where(inside, high, 1.0))
    events = np.bincount(row, weights=observed, minlength=len(at)).astype(int)
    total = np.bincount(row, minlength=len(at))
    return pd.DataFrame(
        {
            "time": times.from_days(at),
            "survival": share,
            "lower": lower,
            "upper": upper,
            "at_risk": len(leads) - np.cumsum(total) + total,
            "events": events,
            "censored": total - events,
        }
    )


def quantile(curve: pd.DataFrame, p: float, column: str = "survival") -> pd.Timedelta:
    """Return the first time at which the curve, or a bound of its band, is at most 1 - p.

    Examples
    --------
    >>> quantile(kaplan_meier(np.array([1.0, 2.0]), np.array([True, True])), 0.5)
    Timedelta('1 days 00:00:00')
    """
    reached = curve.loc[curve[column] <= 1 - p + 1e-12, "time"]
    return reached.iloc[0] if len(reached) else pd.NaT  # type: ignore[return-value]


def restricted_mean(curve: pd.DataFrame, horizon: pd.Timedelta) -> RestrictedMean:
    """Return the area under a curve up to a horizon, with its standard error.

    Klein and Moeschberger (2003, section 4.5). Beyond the last known lead the curve is taken to
    stay constant, which no data support.

    Examples
    --------
    >>> curve = kaplan_meier(np.array([1.0, 3.0]), np.array([True, True]))
    >>> restricted_mean(curve, pd.Timedelta("2D")).mean
    Timedelta('1 days 12:00:00')
    """
    end = horizon / pd.Timedelta(days=1)
    at = times.in_days(curve["time"]).to_numpy()
    inside = at < end
    edges = np.concatenate([[0.0], at[inside], [end]])
    heights = np.concatenate([[1.0], curve["survival"].to_numpy()[inside]])
    areas = heights * np.diff(edges)
    # Area under the curve after each time.
    later = areas.sum() - np.cumsum(areas)[:-1]
    events, at_risk = (curve[name].to_numpy(float)[inside] for name in ("events", "at_risk"))
    left = at_risk - events
    terms = np.divide(later**2 * events, at_risk * left, out=np.zeros(len(left)), where=left > 0)
    mean, error = float(areas.sum()), float(np.sqrt(terms.sum()))
    return RestrictedMean(
        mean=times.from_days(mean),
        standard_error=times.from_days(error),
        interval=(
            times.from_days(max(mean - NORMAL * error, 0.0)),
            times.from_days(min(mean + NORMAL * error, end)),
        ),
        horizon=horizon,
    )


def log_rank(
    short: FloatArray, long: FloatArray, observed: BoolArray, group: npt.NDArray[np.str_]
) -> LogRank | None:
    """Compare the leads of groups; None where there is nothing to compare.

    Mantel's log-rank test for two or more groups, by statsmodels. Rough leads are taken at the
    middle of their intervals, and for the bounds at their shortest and longest.

    Examples
    --------
    >>> lead = np.array([1.0, 2.0, 8.0, 9.0])
    >>> log_rank(lead, lead, np.full(4, True), np.array(list("aabb"))).p_value < 0.1
    True
    """
    from statsmodels.duration.survfunc import survdiff

    names = np.unique(group)
    if len(names) < 2 or not observed.any():  # noqa: PLR2004 - nothing to compare
        return None
    tests = []
    for leads in ((short + long) / 2, short, long):
        if len(np.unique(leads[observed])) == 1 and (leads >= leads[observed][0]).sum() == 1:
            return None
        try:
            with np.errstate(invalid="ignore", divide="ignore"):
                tests.append(survdiff(leads, observed.astype(int), group))
        except np.linalg.LinAlgError:
            # A group is never at risk together with the others at an event.
            return None
    p_values = [float(p_value) for _, p_value in tests]
    if not np.isfinite(p_values).all():
        return None
    return LogRank(
        statistic=float(tests[0][0]),
        degrees=len(names) - 1,
        p_value=p_values[0],
        p_bounds=(min(p_values), max(p_values)),
        groups=tuple(map(str, names)),
    )


def fit_parametric(short: FloatArray, long: FloatArray, observed: BoolArray) -> pd.DataFrame:
    """Fit Weibull and log-normal distributions to rough and right-censored leads in days.

    Returns
    -------
    DataFrame
        One row per distribution: law, shape, scale (days), median (Timedelta; NaT beyond ten
        thousand years), log_likelihood, aic (lower is better). Empty with fewer than three
        observed leads, and where all leads could be equal, so that the narrowest distribution
        fits best.

    Notes
    -----
    Maximum likelihood by scipy's `CensoredData`. Weibull: survival exp(-(t / scale)^shape).
    Log-normal: shape is the standard deviation of the log, scale the median.

    Examples
    --------
    >>> lead = np.arange(1.0, 30.0)
    >>> fit_parametric(lead, lead, np.full(29, True))["law"].tolist()
    ['Weibull', 'log-normal']
    """
    from scipy.stats import CensoredData, lognorm, weibull_min

    columns = ["law", "shape", "scale", "median", "log_likelihood", "aic"]
    low = np.where(long < _MINUTE, 0.0, short)
    high = np.where(observed, np.maximum(long, np.where(low == 0, _MINUTE, 0.0)), np.inf)
    if observed.sum() < _MIN_LEADS or low[observed].max() <= high[observed].min():
        return pd.DataFrame(columns=columns)
    exact = observed & (low == high)
    below, above = high[observed & ~exact & (low == 0)], low[~observed & (low > 0)]
    inside = np.stack([low, high], axis=1)[observed & ~exact & (low > 0)]
    data = CensoredData(uncensored=low[exact], left=below, right=above, interval=inside)
    start = float(np.median(np.maximum((low + np.where(observed, high, low)) / 2, _MINUTE)))
    rows = []
    for name, law in (("Weibull", weibull_min), ("log-normal", lognorm)):
        shape, _, scale = law.fit(data, 1.0, floc=0, scale=start)
        fit = law(shape, 0.0, scale)
        median = float(fit.median())
        likelihood = float(
            fit.logpdf(low[exact]).sum()
            + fit.logcdf(below).sum()
            + fit.logsf(above).sum()
            + np.log(fit.cdf(inside[:, 1]) - fit.cdf(inside[:, 0])).sum()
        )
        rows.append(
            {
                "law": name,
                "shape": float(shape),
                "scale": float(scale),
                "median": times.from_days(median) if median <= _MAX_MEDIAN else pd.NaT,
                "log_likelihood": likelihood,
                "aic": 2 * 2 - 2 * likelihood,
            }
        )
    return pd.DataFrame(rows, columns=columns)
