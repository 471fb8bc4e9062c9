"""Leads as a Weibull or log-normal law: a check on the curve, which assumes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foxgrape import times

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Truths = npt.NDArray[np.bool_]

__all__ = ["fit_parametric"]

#: Ten thousand years: a law fitted to signals that wait has no median to speak of.
_AGES = 3_652_500
#: A law has no mass at zero: a lead below a minute is known to be below a minute.
_MINUTE = 1 / 1440
_FEWEST = 3


def fit_parametric(short: Floats, long: Floats, observed: Truths) -> pd.DataFrame:
    """Fit Weibull and log-normal laws to leads in days, rough and right-censored ones as they are.

    Returns
    -------
    DataFrame
        One row a law: law, shape, scale (days), median (Timedelta; NaT
        beyond ten thousand years), log_likelihood, aic (lower is
        better). Empty with fewer than three observed leads, which fit any law,
        and where all could be one and the same, which a law fits the better
        the narrower it is.

    Notes
    -----
    Maximum likelihood by scipy's `CensoredData`. Weibull: share waiting exp(-(t / scale)^shape).
    Log-normal: shape is the standard deviation of the log, scale the median.

    Examples
    --------
    >>> lead = np.arange(1.0, 30.0)
    >>> fits(lead, lead, np.full(29, True))["law"].tolist()
    ['Weibull', 'log-normal']
    """
    from scipy.stats import CensoredData, lognorm, weibull_min

    names = ["law", "shape", "scale", "median", "log_likelihood", "aic"]
    low = np.where(long < _MINUTE, 0.0, short)
    high = np.where(observed, np.maximum(long, np.where(low == 0, _MINUTE, 0.0)), np.inf)
    if observed.sum() < _FEWEST or low[observed].max() <= high[observed].min():
        return pd.DataFrame(columns=names)
    exact = observed & (low == high)
    below, above = high[observed & ~exact & (low == 0)], low[~observed & (low > 0)]
    inside = np.stack([low, high], axis=1)[observed & ~exact & (low > 0)]
    data = CensoredData(uncensored=low[exact], left=below, right=above, interval=inside)
    start = float(np.median(np.maximum((low + np.where(observed, high, low)) / 2, _MINUTE)))
    rows = []
    for name, law in (("Weibull", weibull_min), ("log-normal", lognorm)):
        shape, _, scale = law.fit(data, 1.0, floc=0, scale=start)
        told = law(shape, 0.0, scale)
        middle = float(told.median())
        likelihood = float(
            told.logpdf(low[exact]).sum()
            + told.logcdf(below).sum()
            + told.logsf(above).sum()
            + np.log(told.cdf(inside[:, 1]) - told.cdf(inside[:, 0])).sum()
        )
        rows.append(
            {
                "law": name,
                "shape": float(shape),
                "scale": float(scale),
                "median": times.from_days(middle) if middle <= _AGES else pd.NaT,
                "log_likelihood": likelihood,
                "aic": 2 * 2 - 2 * likelihood,
            }
        )
    return pd.DataFrame(rows, columns=names)
