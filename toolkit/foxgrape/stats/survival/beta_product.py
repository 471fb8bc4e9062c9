"""Quantiles and means of right-censored leads, with intervals that hold for small samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from foxgrape._util.typing import BoolArray, FloatArray

__all__ = ["mean_draws", "quantile", "quantile_interval", "spread_ties"]

_TAIL = 0.025
#: Shares that differ by less are equal.
_EQUAL = 1e-12
#: A bound is found to this part of the time between two leads.
_PRECISION = 1e-9
_NO_VARIANCE = 1e-300


def spread_ties(short: FloatArray, long: FloatArray, observed: BoolArray) -> FloatArray:
    """Return the middle of each rough lead, with equal middles spread over half of their width.

    Leads between two days are whole numbers of days in the middle. Spread, they are as dense as
    leads whose times of day are unknown, and quantiles can lie between whole days. Exact leads and
    censoring times (`long`) stay where they are.

    Examples
    --------
    >>> day = np.array([0.0, 0.0, 3.0])
    >>> spread_ties(day, day + 2, np.full(3, True)).tolist()
    [0.75, 1.25, 4.0]
    """
    middle = np.where(observed, (short + long) / 2, long)
    width = np.where(observed, long - short, 0.0)
    if not width.any():
        return middle
    order = np.lexsort((width, middle, width > 0))
    middle, width = middle[order], width[order]
    starts = (np.diff(middle, prepend=-1.0) != 0) | (np.diff(width > 0, prepend=False) != 0)
    group = np.cumsum(starts) - 1  # no lead is -1, so the first row starts a group
    number = np.bincount(group)
    rank = np.arange(len(middle)) - np.repeat(np.cumsum(number) - number, number)
    leads = np.empty(len(middle))
    leads[order] = middle + width / 2 * ((rank + 0.5) / number[group] - 0.5)
    return leads


def quantile(leads: FloatArray, observed: BoolArray, p: float) -> float:
    """Return the `p` quantile by the Kaplan–Meier curve; infinite if the curve does not reach it.

    This is the first lead at which the curve is below 1 - `p`. If the curve is equal to it, the
    quantile is the middle of this level part, as for the median of an even number of leads.

    Examples
    --------
    >>> quantile(np.array([1.0, 2.0, 3.0, 9.0]), np.array([True, True, True, False]), 0.5)
    2.5
    """
    times, at_risk = _failures(leads, observed)
    excess = np.cumprod((at_risk - 1) / at_risk) - (1 - p)
    reached = np.flatnonzero(excess <= _EQUAL)
    if not len(reached):
        return np.inf
    first = reached[0]
    if excess[first] >= -_EQUAL and first + 1 < len(times):
        return float((times[first] + times[first + 1]) / 2)
    return float(times[first])


def quantile_interval(leads: FloatArray, observed: BoolArray, p: float) -> tuple[float, float]:
    """Return the 95% interval of the `p` quantile; infinite if it has no upper bound.

    Notes
    -----
    Given the data, the share of signals still waiting at the k-th lead is distributed like a
    product of beta variables, one for each lead so far (the beta product of Fay, Brittain and
    Proschan 2013), here with the moments of a beta distribution. Without censoring, the interval is
    that of order statistics (Clopper–Pearson); between two leads the share is interpolated (Cui and
    Hannig 2019), since with few leads order statistics would reach only some levels. Beyond the
    last lead, the lower bound extends for as long as enough signals are still observed.

    Examples
    --------
    >>> leads = np.arange(1.0, 11.0)
    >>> low, high = quantile_interval(leads, leads > 0, 0.5)
    >>> 2 < low < 3 and 8 < high < 9
    True
    """
    if not len(leads):
        return 0.0, np.inf
    times, at_risk = _failures(leads, observed)
    first = np.concatenate([[1.0], np.cumprod(at_risk / (at_risk + 1))])
    second = np.concatenate([[1.0], np.cumprod(at_risk / (at_risk + 2))])
    reached = _share_below(first, second, 1 - p)
    bounds = [np.inf, np.inf]
    for side, level in enumerate((_TAIL, 1 - _TAIL)):
        after = int((reached < level).sum())
        if after < len(reached):
            share = _crossing(first[after - 1], second[after - 1], at_risk[after - 1], 1 - p, level)
            before = times[after - 2] if after > 1 else 0.0
            bounds[side] = float(before + share * (times[after - 1] - before))
    if np.isinf(bounds[0]):
        bounds[0] = _end_of_evidence(leads, times, (first[-1], second[-1]), 1 - p)
    return bounds[0], bounds[1]


def mean_draws(
    leads: FloatArray, observed: BoolArray, end: float, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Draw the mean lead up to `end` from the distribution that `quantile_interval` inverts.

    Examples
    --------
    >>> leads = np.arange(1.0, 100.0)
    >>> drawn = mean_draws(leads, leads > 0, 50.0, 500, np.random.default_rng(1))
    >>> bool(abs(drawn.mean() - np.minimum(leads, 50).mean()) < 1)
    True
    """
    times, at_risk = _failures(leads, observed)
    share = np.cumprod(rng.random((draws, len(times))) ** (1 / at_risk), axis=1)
    share = np.concatenate([np.ones((draws, 1)), share], axis=1)
    knots = np.concatenate([[0.0], times])
    inside = knots < end
    last = int(inside.sum()) - 1
    at_end = share[:, last]
    if last + 1 < len(knots):
        part = (end - knots[last]) / (knots[last + 1] - knots[last])
        at_end = at_end + part * (share[:, last + 1] - at_end)
    heights = np.concatenate([share[:, : last + 1], at_end[:, None]], axis=1)
    area: FloatArray = np.trapezoid(heights, np.append(knots[: last + 1], end), axis=1)
    return area


def _failures(leads: FloatArray, observed: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return the observed leads in order, and the number of signals at risk at each."""
    # At the same time, leads come before censoring.
    order = np.lexsort((~observed, leads))
    at_risk = len(leads) - np.arange(len(leads), dtype=float)
    seen = observed[order]
    return leads[order][seen], at_risk[seen]


def _share_below(first: FloatArray, second: FloatArray, share: float) -> FloatArray:
    """Return the probability that variables with these first two moments are at most `share`."""
    from scipy.special import betainc

    variance = np.maximum(second - first**2, _NO_VARIANCE)
    size = (first - second) / variance
    certain = first >= 1
    a, b = np.where(certain, 1.0, first * size), np.where(certain, 1.0, (1 - first) * size)
    below: FloatArray = np.where(certain, float(share >= 1), betainc(a, b, share))
    return below


def _crossing(first: float, second: float, at_risk: float, share: float, level: float) -> float:
    """Return how far between two leads the probability of `_share_below` reaches `level`."""
    from scipy.special import betainc

    low, high = 0.0, 1.0
    more, most = at_risk / (at_risk + 1), at_risk / (at_risk + 2)
    while high - low > _PRECISION:
        part = (low + high) / 2
        kept = 1 - part
        mean = first * (kept + part * more)
        square = second * (kept**2 + 2 * part * kept * more + part**2 * most)
        size = (mean - square) / max(square - mean**2, _NO_VARIANCE)
        if betainc(mean * size, (1 - mean) * size, share) < level:
            low = part
        else:
            high = part
    return high


def _end_of_evidence(
    leads: FloatArray, times: FloatArray, moments: tuple[float, float], share: float
) -> float:
    """Return until when the signals that were observed after the last lead exclude the quantile."""
    last = float(times[-1]) if len(times) else 0.0
    later = np.unique(leads[leads > last])
    at_risk = len(leads) - np.searchsorted(np.sort(leads), later).astype(float)
    first, second = moments
    # As if one of the signals still at risk had its event next.
    below = _share_below(first * at_risk / (at_risk + 1), second * at_risk / (at_risk + 2), share)
    excluded = later[below < _TAIL]
    return float(excluded[-1]) if len(excluded) else last
