"""Kaplan–Meier curves in days, what is read off them, and whether groups differ."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import times

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Truths = npt.NDArray[np.bool_]

__all__ = ["NORMAL", "LogRank", "RestrictedMean", "kaplan_meier", "log_rank", "quantile"]
__all__ += ["restricted_mean"]

_LEVEL = 0.95
#: How many standard errors a symmetric 95% interval reaches to either side.
NORMAL = 1.959964


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """The mean lead, each counted up to a horizon: what a curve that never ends still tells.

    Attributes
    ----------
    mean
        Area under the Kaplan–Meier curve up to the horizon.
    standard_error
        Of the mean (Greenwood).
    interval
        95% interval, symmetric.
    horizon
        Up to where leads count; a longer one counts as this.
    """

    mean: pd.Timedelta
    standard_error: pd.Timedelta
    interval: tuple[pd.Timedelta, pd.Timedelta]
    horizon: pd.Timedelta


@dataclass(frozen=True, slots=True)
class LogRank:
    """Do the leads of groups differ by more than chance?

    Attributes
    ----------
    statistic, degrees
        Chi-squared statistic and its degrees of freedom: groups less one.
    p_value
        With every rough lead at the middle of its interval.
    p_bounds
        The least and greatest p-value with all leads at their shortest, middle or longest.
    groups
        Names of the groups compared.
    """

    statistic: float
    degrees: int
    p_value: float
    p_bounds: tuple[float, float]
    groups: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the test as plain values."""
        return {
            "statistic": self.statistic,
            "degrees": self.degrees,
            "p_value": self.p_value,
            "p_bounds": list(self.p_bounds),
            "groups": list(self.groups),
        }

    def sentence(self) -> str:
        """Say the test in one sentence."""
        low, high = self.p_bounds
        rough = f", {low:.3f} to {high:.3f} as rough leads may have it" if high > low else ""
        return (
            f"Log-rank test of {len(self.groups)} groups, rough leads at mid-interval: "
            f"chi-squared {self.statistic:.2f} with {self.degrees} degrees of freedom, "
            f"p = {self.p_value:.3f}{rough}."
        )


def kaplan_meier(leads: Floats, observed: Truths) -> pd.DataFrame:
    """Return the Kaplan–Meier curve of leads in days, one row a distinct time.

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
            # scipy warns where the band is undefined; those places are filled below.
            warnings.simplefilter("ignore", RuntimeWarning)
            band = fit.confidence_interval(_LEVEL, method="log-log")
        # The log-log band is not defined where the curve is 1 or 0: before the first event both
        # edges are 1; once no signal waits the lower one is 0 and the upper one stays.
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


def quantile(curve: pd.DataFrame, p: float, of: str = "survival") -> pd.Timedelta:
    """Return the first time at which the curve, or an edge of its band, is down to 1 - p.

    Examples
    --------
    >>> quantile(kaplan_meier(np.array([1.0, 2.0]), np.array([True, True])), 0.5)
    Timedelta('1 days 00:00:00')
    """
    reached = curve.loc[curve[of] <= 1 - p + 1e-12, "time"]
    return reached.iloc[0] if len(reached) else pd.NaT  # type: ignore[return-value]


def restricted_mean(curve: pd.DataFrame, horizon: pd.Timedelta) -> RestrictedMean:
    """Return the area under a curve up to a horizon, with its standard error.

    Klein and Moeschberger (2003, section 4.5). Beyond the last lead known the curve is taken to
    stay where it is: a horizon later than that leans on no data.

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
    # What lies under the curve after each time: a death there would move all of it.
    later = areas.sum() - np.cumsum(areas)[:-1]
    events, at_risk = (curve[name].to_numpy(float)[inside] for name in ("events", "at_risk"))
    left = at_risk - events
    # Where nobody is left the area after it is 0, and so is what it adds.
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
    short: Floats, long: Floats, observed: Truths, group: npt.NDArray[np.str_]
) -> LogRank | None:
    """Compare the leads of groups; None where there is only one, or nothing to compare.

    Mantel's log-rank test for two or more groups, by statsmodels. Rough leads are taken at the
    middle of their interval, and for the bounds at their shortest and longest.

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
            # One of the groups was never at risk together with the others at anybody's event.
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
