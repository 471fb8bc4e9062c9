"""Level at which a test that is repeated while data come in claims a lead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from foxgrape.stats.coincidence.surrogates import prepare_exchange

if TYPE_CHECKING:
    from foxgrape._util.typing import FloatArray
    from foxgrape.stats.coincidence.point_pattern import PointPattern

__all__ = ["repeated_level", "spent"]

#: Number of instants at which the test is assumed to be repeated, at most.
_READINGS = 100
#: Probability that is spent on false claims. Each reading estimates the field anew, so that more
#: series claim than the surrogates of any one reading show: less is spent than 5%.
_SPENT = 0.03


def spent(fraction: FloatArray) -> FloatArray:
    """Return the error probability spent until a fraction of the planned time has passed.

    The spending function of Lan and DeMets (1983) that imitates the boundary of O'Brien and
    Fleming: little at the beginning, 3% in all.

    Examples
    --------
    >>> spent(np.array([0.25, 0.5, 1.0])).round(4).tolist()
    [0.0, 0.0021, 0.03]
    """
    return np.asarray(2 * norm.sf(norm.isf(_SPENT / 2) / np.sqrt(fraction)))


def repeated_level(
    pattern: PointPattern, null: str, until: pd.Timestamp, *, n: int, threads: int = 1
) -> float:
    """Return the level to which p of all signals so far is compared.

    The test may be repeated as often as signals come in until they end at `until`. The joint
    distribution of the statistics is that of surrogates, each of which is read as if its signals
    had come in little by little.

    Parameters
    ----------
    pattern
        The data so far.
    null
        ``place`` or ``local``.
    until
        Planned end of the signals.
    n, threads
        Number of surrogates; number of threads.

    Returns
    -------
    float
        0 if there are no signals, or if they already end after `until`.
    """
    planned = (until - pattern.observed[0]) / pd.Timedelta(1, "us")
    so_far = pattern.span - pattern.lag - pattern.windows.max()
    if not len(pattern.high) or so_far > planned:
        return 0.0
    readings = so_far * np.arange(1, _READINGS + 1) / _READINGS
    used, group = np.unique(np.searchsorted(readings[:-1], pattern.high), return_inverse=True)
    readings[used[-1]] = so_far  # the last signals are read now
    together = pattern.in_one_group()
    by_reading = replace(together, group=group, group_names=tuple(map(str, used)))
    exchange = prepare_exchange(together, null)
    drawn = exchange.draw(by_reading, n, pattern.seed, threads)
    values = np.concatenate([drawn.observed[None], drawn.simulated])[:, :, :-1, 0].cumsum(axis=2)
    return _levels(_p_values(values), spent(readings[used] / planned))[-1]


def _p_values(values: FloatArray) -> FloatArray:
    """Return p of each row at each reading, among all rows, adjusted for choosing the window."""
    deviation = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    largest = scaled.max(axis=1).round(9)
    return rankdata(-largest, method="max", axis=0) / len(largest)


def _levels(p: FloatArray, budgets: FloatArray) -> list[float]:
    """Return the largest level at each reading that keeps the share of claims in the budget."""
    claimed, levels = np.zeros(len(p), dtype=bool), []
    for column, budget in zip(p.T, budgets, strict=True):
        allowed = int(budget * len(p) + 1e-9) - int(claimed.sum())
        # Rows with equal p claim together, or not at all. A row that has claimed may do so again.
        first_refused = np.append(np.sort(column[~claimed]), np.inf)[max(allowed, 0)]
        level = float(column[column < first_refused].max(initial=0.0))
        levels.append(level)
        claimed |= column <= level
    return levels
