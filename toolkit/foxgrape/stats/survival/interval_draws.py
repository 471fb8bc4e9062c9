"""Draws from the distribution of interval-censored leads, for intervals of its quantiles.

The share of signals with a shorter lead is uniform for each signal, and in the order of the leads
where their intervals show it. A Gibbs sampler draws such shares (Cui, Hannig and Kosorok 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from foxgrape._util.jit import njit

if TYPE_CHECKING:
    from foxgrape._util.typing import BoolArray, FloatArray, IntArray

__all__ = ["IntervalDraws", "draw_curves"]

_DRAWS, _WARM_UP = 2000, 200
_TAIL = 0.025
_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class IntervalDraws:
    """Draws of quantiles and curves, one row each.

    Attributes
    ----------
    low, high
        Quantiles, one column per probability: equal, or the longest time before the quantile and
        infinity where no lead is known to be longer.
    at_most, at_least
        Smallest and largest share of signals with a lead up to each time.
    """

    low: FloatArray
    high: FloatArray
    at_most: FloatArray
    at_least: FloatArray

    def interval(self, column: int = 0) -> tuple[float, float]:
        """Return the 95% interval of a quantile.

        Examples
        --------
        >>> leads = np.arange(1.0, 11.0)
        >>> low, high = draw_curves(leads, leads, leads > 0, (0.5,)).interval()
        >>> bool(2 < low < 3 and 8 < high < 9)
        True
        """
        skipped = int(_TAIL * len(self.low))
        low, high = np.sort(self.low[:, column]), np.sort(self.high[:, column])
        return float(low[skipped]), float(high[len(high) - skipped - 1])

    def band(self) -> tuple[FloatArray, FloatArray]:
        """Return the 95% pointwise band of the share of signals still waiting at each time.

        Examples
        --------
        >>> leads = np.arange(1.0, 11.0)
        >>> lower, upper = draw_curves(leads, leads, leads > 0, (0.5,), np.array([5.0])).band()
        >>> bool(lower[0] < 0.5 < upper[0])
        True
        """
        lower, upper = (
            np.quantile(1 - share, level, axis=0)
            for share, level in ((self.at_least, _TAIL), (self.at_most, 1 - _TAIL))
        )
        return lower, upper


def draw_curves(
    low: FloatArray,
    high: FloatArray,
    observed: BoolArray,
    probabilities: tuple[float, ...],
    at: FloatArray | None = None,
) -> IntervalDraws:
    """Draw quantiles, and the shares of signals with a lead up to each time `at`.

    Leads lie between `low` and `high`, both inclusive, or beyond `low` if they are not `observed`.

    Examples
    --------
    >>> day = np.arange(0.0, 20.0)
    >>> low, high = draw_curves(day, day + 2, day >= 0, (0.5,)).interval()
    >>> bool(5 < low < 10 < high < 16)
    True
    """
    # A censored lead is longer than its bound, so it comes after a lead of exactly this length.
    first = np.where(observed, low, np.nextafter(low, np.inf))
    last = np.where(observed, high, np.inf)
    # Random numbers are dealt out in this order, so the order of the rows does not matter.
    order = np.lexsort((last, first))
    first, last = first[order], last[order]
    by_first, by_last = (np.argsort(bound, kind="stable") for bound in (first, last))
    start = np.argsort(first + np.minimum(last, first.max(initial=0) + 1), kind="stable")
    return IntervalDraws(
        *_sample(
            first,
            last,
            by_first,
            by_last,
            # Signals before one are a prefix in the order of upper bounds; those after it are a
            # suffix in the order of lower bounds.
            np.searchsorted(last[by_last], first, side="left"),
            np.searchsorted(first[by_first], last, side="right"),
            start,
            np.array(probabilities, dtype=float),
            np.sort(np.empty(0) if at is None else at),
            np.random.default_rng(_SEED),
        )
    )


@njit
def _sample(
    low: FloatArray,
    high: FloatArray,
    by_low: IntArray,
    by_high: IntArray,
    n_before: IntArray,
    first_after: IntArray,
    order: IntArray,
    probabilities: FloatArray,
    at: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    n = len(low)
    in_high, in_low = np.empty(n, np.int64), np.empty(n, np.int64)
    for rank in range(n):
        in_high[by_high[rank]] = in_low[by_low[rank]] = rank
    largest, negated = np.zeros(2 * n), np.full(2 * n, -1.0)
    share = np.zeros(n)
    _redraw(share, order, rng)
    shape = (_DRAWS, len(probabilities))
    quantile_low, quantile_high = np.zeros(shape), np.full(shape, np.inf)
    at_most, at_least = np.zeros((_DRAWS, len(at))), np.ones((_DRAWS, len(at)))
    for step in range(_WARM_UP + _DRAWS):
        for i in range(n):
            largest[n + in_high[i]], negated[n + in_low[i]] = share[i], -share[i]
        for node in range(n - 1, 0, -1):
            largest[node] = max(largest[2 * node], largest[2 * node + 1])
            negated[node] = max(negated[2 * node], negated[2 * node + 1])
        for i in range(n):
            start = max(_range_max(largest, n, 0, n_before[i]), 0.0)
            end = -max(_range_max(negated, n, first_after[i], n), -1.0)
            share[i] = start + (end - start) * rng.random()
            _set(largest, n, in_high[i], share[i])
            _set(negated, n, in_low[i], -share[i])
        # Given their order, the shares are sorted uniform numbers: draw all anew.
        _sort(order, share)
        _redraw(share, order, rng)
        draw = step - _WARM_UP
        if draw >= 0:
            for k in range(len(probabilities)):
                quantile_low[draw, k], quantile_high[draw, k] = _quantile(
                    low, high, share, probabilities[k]
                )
            _curve(share, high, by_high, at, at_most[draw])
            _curve_from_above(share, low, by_low, at, at_least[draw])
    return quantile_low, quantile_high, at_most, at_least


@njit
def _sort(order: IntArray, share: FloatArray) -> None:
    """Sort the order by share: by insertion, because few signals have moved far."""
    for i in range(1, len(order)):
        row, k = order[i], i
        while k > 0 and share[order[k - 1]] > share[row]:
            order[k] = order[k - 1]
            k -= 1
        order[k] = row


@njit
def _redraw(share: FloatArray, order: IntArray, rng: np.random.Generator) -> None:
    """Draw sorted uniform numbers and assign them in the given order."""
    total = 0.0
    for i in order:
        total -= np.log(1 - rng.random())
        share[i] = total
    total -= np.log(1 - rng.random())
    for i in range(len(share)):
        share[i] /= total


@njit
def _range_max(tree: FloatArray, n: int, start: int, end: int) -> float:
    """Return the largest leaf from `start` to before `end` of a segment tree; -2 if none."""
    best, left, right = -2.0, start + n, end + n
    while left < right:
        if left & 1:
            best = max(best, tree[left])
            left += 1
        if right & 1:
            right -= 1
            best = max(best, tree[right])
        left >>= 1
        right >>= 1
    return best


@njit
def _set(tree: FloatArray, n: int, leaf: int, value: float) -> None:
    """Change a leaf of a segment tree of maxima."""
    node = leaf + n
    tree[node] = value
    node >>= 1
    while node >= 1:
        tree[node] = max(tree[2 * node], tree[2 * node + 1])
        node >>= 1


@njit
def _quantile(
    low: FloatArray, high: FloatArray, share: FloatArray, p: float
) -> tuple[float, float]:
    """Return the bounds of a quantile: interpolated between the signals on both sides."""
    before, after, start, end = 0.0, 1.0, 0.0, np.inf
    for i in range(len(share)):
        if share[i] <= p:
            before, start = max(before, share[i]), max(start, low[i])
        else:
            after, end = min(after, share[i]), min(end, high[i])
    if end == np.inf:
        return start, end
    value = start + (end - start) * (p - before) / (after - before)
    return value, value


@njit
def _curve(
    share: FloatArray, high: FloatArray, by_high: IntArray, at: FloatArray, row: FloatArray
) -> None:
    """Fill the share of signals that had their event by each time at the latest."""
    largest, i = 0.0, 0
    for k in range(len(at)):
        while i < len(share) and high[by_high[i]] <= at[k]:
            largest = max(largest, share[by_high[i]])
            i += 1
        row[k] = largest


@njit
def _curve_from_above(
    share: FloatArray, low: FloatArray, by_low: IntArray, at: FloatArray, row: FloatArray
) -> None:
    """Fill the largest share of signals that can have had their event by each time."""
    smallest, i = 1.0, len(share) - 1
    for k in range(len(at) - 1, -1, -1):
        while i >= 0 and low[by_low[i]] > at[k]:
            smallest = min(smallest, share[by_low[i]])
            i -= 1
        row[k] = smallest
