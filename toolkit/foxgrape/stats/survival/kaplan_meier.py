"""Kaplan–Meier curves of leads, their quantiles and means, log-rank test, parametric fits."""

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
#: Longest median to report, in days: ten thousand years.
_MAX_MEDIAN = 3_652_500
#: One minute, in days. Shorter leads are treated as left-censored at one minute, because a
#: continuous distribution has no mass at zero.
_MINUTE = 1 / 1440
#: Minimum number of observed leads for a parametric fit.
_MIN_LEADS = 3


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Mean lead, with each lead counted up to a horizon.

    Attributes
    ----------
    mean
        Area under the survival curve up to the horizon.
    standard_error
        Standard error of the mean (Greenwood; of draws under Turnbull's estimate).
    interval
        95% interval, from the same distribution as the intervals of quantiles; with more than
        1,000 signals symmetric but clipped to 0 and the horizon.
    horizon
        Maximum value of a lead: longer leads count as the horizon.
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
        P-value: of Mantel's test with each rough lead at the middle of its interval, or of the
        score test, which uses the intervals.
    p_bounds
        Smallest and largest p-value of Mantel's test with all rough leads at their shortest, middle
        or longest value; for the score test, both are its p-value.
    groups
        Names of the groups compared.
    test
        ``log-rank``, Mantel's test; or ``interval-censored log-rank``, the score test.
    """

    statistic: float
    degrees: int
    p_value: float
    p_bounds: tuple[float, float]
    groups: tuple[str, ...]
    test: str = "log-rank"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "statistic": self.statistic,
            "degrees": self.degrees,
            "p_value": self.p_value,
            "p_bounds": list(self.p_bounds),
            "groups": list(self.groups),
            "test": self.test,
        }

    def sentence(self) -> str:
        """Return the result in words."""
        low, high = self.p_bounds
        rough = f" ({low:.3f} to {high:.3f} with rough times)" if high > low else ""
        return (
            f"{self.test.capitalize()} test of {len(self.groups)} groups: "
            f"chi-squared {self.statistic:.2f} with {self.degrees} degrees of freedom, "
            f"p = {self.p_value:.3f}{rough}."
        )


def validate_probability(p: float) -> float:
    """Return `p`, or raise ValueError unless it is between 0 and 1."""
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
        # The log-log band is undefined where the curve is 1 or 0. Where it is 1, both bounds are 1;
        # where it is 0, the lower bound is 0 and the upper bound keeps its last value.
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
    """Return the first time at which `column`, the curve or a bound, is at most 1 - `p`.

    Examples
    --------
    >>> quantile(kaplan_meier(np.array([1.0, 2.0]), np.array([True, True])), 0.5)
    Timedelta('1 days 00:00:00')
    """
    reached = curve.loc[curve[column] <= 1 - p + 1e-12, "time"]
    return reached.iloc[0] if len(reached) else pd.NaT  # type: ignore[return-value]


def restricted_mean(curve: pd.DataFrame, horizon: pd.Timedelta) -> RestrictedMean:
    """Return the area under a curve up to a horizon, with its standard error.

    See Klein and Moeschberger (2003, section 4.5). Beyond its last time, the curve is assumed to
    stay constant, so choose a horizon up to that time.

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
    # For each time, the area under the curve from this time to the horizon.
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
    """Compare the leads of groups by a log-rank test; None if the groups cannot be compared.

    Mantel's log-rank test for two or more groups, computed by statsmodels. Each rough lead is taken
    at the middle of its interval, and for the bounds of p also at its shortest and longest value.

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
            # The covariance is singular if a group is never at risk at the same event time as
            # any other group: no result.
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
    """Fit Weibull and log-normal distributions to interval- and right-censored leads in days.

    Returns
    -------
    DataFrame
        One row per distribution: law, shape, scale (days), median (Timedelta; NaT beyond ten
        thousand years), log_likelihood, aic (lower is better). Empty with fewer than three
        observed leads, and if all observed leads could be equal, because the narrowest
        distribution would then fit best.

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
