"""Turnbull's estimator of the distribution of interval-censored leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import times
from foxgrape._util.result import Result
from foxgrape.stats.survival.kaplan_meier import LogRank, validate_probability

if TYPE_CHECKING:
    import numpy.typing as npt

    from foxgrape._util.typing import BoolArray, FloatArray

__all__ = ["Turnbull", "interval_log_rank", "n_intervals", "turnbull"]

_MAX_STEPS = 20_000
#: Tolerance of the Gentleman–Geyer reduced gradient, as a share of n.
_TOLERANCE = 1e-7
_NO_MASS = 1e-12
#: Shares of signals that differ by less are equal.
_NO_SHARE = 1e-9
_SCORE_TEST = "interval-censored log-rank"
#: One microsecond, in days.
_JUST_BEFORE = 1 / 86.4e9
#: Every `_PRUNE_EVERY` steps, mass below `_VANISHING` is set to 0 where the gradient is below 1.
_VANISHING, _PRUNE_EVERY = 1e-8, 25


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Turnbull(Result):
    """Maximum likelihood estimate of the distribution of interval-censored leads.

    Attributes
    ----------
    n
        Number of leads.
    mass
        One row per innermost interval with mass: from, until (days; until is infinite if the
        interval has no end), mass (share of the leads). The data do not determine where within the
        interval the mass lies.
    log_likelihood
        Log likelihood of the estimate.
    gap
        Largest excess of the Gentleman–Geyer (1994) gradient over n, divided by n: 0 up to
        rounding error at the maximum of the likelihood.
    """

    n: int
    mass: pd.DataFrame
    log_likelihood: float
    gap: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """Caveats, in sentences."""
        if self.gap <= _TOLERANCE:
            return ()
        return (f"The estimate has not converged: its likelihood gap is {self.gap:.2g}.",)

    def quantile(self, p: float) -> tuple[pd.Timedelta, pd.Timedelta]:
        """Return the bounds of the `p` quantile of the leads; NaT for an infinite bound.

        Examples
        --------
        >>> leads = turnbull(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, np.inf]))
        >>> leads.quantile(0.5)
        (Timedelta('2 days 00:00:00'), Timedelta('2 days 00:00:00'))
        """
        reached = self.mass[self.mass["mass"].cumsum() >= validate_probability(p) - _NO_SHARE]
        if not len(reached):
            return pd.NaT, pd.NaT  # type: ignore[return-value]
        first, last = (float(reached[end].iloc[0]) for end in ("from", "until"))
        begin = times.from_days(first)
        return begin, times.from_days(last) if np.isfinite(last) else pd.NaT  # type: ignore[return-value]

    def knots(self) -> FloatArray:
        """Return the times in days, in order, at which `curve` bends or steps.

        Examples
        --------
        >>> turnbull(np.array([0.0, 2.0]), np.array([1.0, np.inf])).knots().tolist()
        [0.0, 1.0, 2.0]
        """
        first, last = (self.mass[name].to_numpy() for name in ("from", "until"))
        # The curve steps down at a point with mass: one knot just before it, one at it.
        before = (first - _JUST_BEFORE)[(first == last) & (first > _JUST_BEFORE)]
        ends = np.concatenate([before, first, last])
        knots: FloatArray = np.unique(ends[np.isfinite(ends)])
        return knots

    def curve(self, at: FloatArray) -> FloatArray:
        """Return the share of leads longer than `at` days, with mass spread over its intervals.

        Examples
        --------
        >>> turnbull(np.array([0.0, 2.0]), np.array([1.0, np.inf])).curve(np.array([0.5, 9]))
        array([0.75, 0.5 ])
        """
        first, last, mass = (self.mass[name].to_numpy() for name in ("from", "until", "mass"))
        width = last - first
        with np.errstate(invalid="ignore"):
            part = (at[:, None] - first) / np.where(width > 0, width, 1.0)
        # An infinite interval gives no share to any finite time; a point gives all of it at once.
        part = np.where(width > 0, np.clip(part, 0, 1), at[:, None] >= first)
        share: FloatArray = np.clip(1 - part @ mass, 0, 1)
        return share

    def interpolate(self, p: float) -> float:
        """Return the `p` quantile in days, with mass spread over its intervals; or infinity.

        Where the curve is level at `p`, the quantile is the middle of this part.

        Examples
        --------
        >>> turnbull(np.array([0.0, 2.0]), np.array([1.0, 4.0])).interpolate(0.75)
        3.0
        """
        total = self.mass["mass"].cumsum().to_numpy()
        reached = np.flatnonzero(total >= validate_probability(p) - _NO_SHARE)
        if not len(reached) or not np.isfinite(self.mass["until"].iloc[reached[0]]):
            return float("inf")
        row = int(reached[0])
        first, last, mass = self.mass.iloc[row][["from", "until", "mass"]]
        if total[row] - p <= _NO_SHARE and row + 1 < len(total):
            return float((last + self.mass["from"].iloc[row + 1]) / 2)
        return float(first + (last - first) * np.clip((p - total[row] + mass) / mass, 0, 1))

    def survival(self, at: float) -> tuple[float, float]:
        """Return the smallest and largest possible share of leads longer than `at` days.

        Examples
        --------
        >>> turnbull(np.array([0.0, 2.0]), np.array([1.0, 2.0])).survival(0.5)
        (0.5, 1.0)
        """
        share = self.mass["mass"]
        certain = float(share[self.mass["until"] <= at].sum())
        possible = float(share[self.mass["from"] <= at].sum())
        return max(1 - possible, 0.0), 1 - certain

    def to_frame(self) -> pd.DataFrame:
        """Return one row per innermost interval."""
        return self.mass.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; an infinite `until` becomes None."""
        rows = self.mass.astype(object).where(np.isfinite(self.mass), None)
        return {
            "n": self.n,
            "log_likelihood": self.log_likelihood,
            "gap": self.gap,
            "mass": rows.to_dict("records"),
            "warnings": list(self.warnings),
            "sentence": self.sentence(),
        }

    def sentence(self) -> str:
        """Return the estimate in words."""
        return f"Turnbull estimate, n = {self.n}."


def n_intervals(low: FloatArray, high: FloatArray) -> int:
    """Return the number of innermost intervals, which is the size of the estimate.

    Examples
    --------
    >>> n_intervals(np.array([0.0, 1.0, 4.0]), np.array([2.0, 3.0, 5.0]))
    2
    """
    return len(_innermost_intervals(low, high)[0])


def turnbull(low: FloatArray, high: FloatArray, *, left_open: bool = False) -> Turnbull:
    """Estimate the distribution of leads from lower and upper bounds.

    Parameters
    ----------
    low, high
        Bounds in days, equal for an exact lead. A lead with infinite `high` is right-censored:
        longer than `low`.
    left_open
        Whether the lower bounds of leads that are not exact are exclusive, as in ``(L, R]``, the
        notation of textbooks. By default both bounds are inclusive, as are those of times.

    Returns
    -------
    Turnbull

    Notes
    -----
    Mass can lie only in the innermost intervals (Turnbull 1976). Accelerated self-consistency (EM)
    steps (Varadhan and Roland 2008) are repeated until the gradient of Gentleman and Geyer (1994)
    shows that no shift of mass would raise the likelihood.

    Examples
    --------
    >>> turnbull(np.array([0.0, 1.0, 4.0]), np.array([2.0, 3.0, 5.0])).mass.values.tolist()
    [[1.0, 2.0, 0.6666666666666666], [4.0, 5.0, 0.3333333333333333]]
    """
    exclusive = np.isinf(high) | (left_open & (low < high))
    first, last = _innermost_intervals(low, high, exclusive)
    if not len(low):
        empty = pd.DataFrame({"from": [], "until": [], "mass": []}, dtype=float)
        return Turnbull(0, empty, 0.0, 0.0)
    inside = (low[:, None] <= first) & (last <= high[:, None])
    # A lead is strictly longer than an exclusive bound, such as the time it was censored at.
    inside &= ~(exclusive[:, None] & (last == low[:, None]))
    membership = inside.astype(float)
    mass = np.full(len(first), 1 / len(first))
    gap = np.inf
    for step in range(_MAX_STEPS):
        mass = _accelerated_step(membership, mass)
        gradient = membership.T @ (1 / (membership @ mass)) / len(low)
        gap = float(gradient.max() - 1)
        # At the maximum likelihood, the gradient is 1 where mass is positive, else at most 1.
        if gap <= _TOLERANCE and float((np.abs(gradient - 1) * mass).max()) < _TOLERANCE:
            break
        if step % _PRUNE_EVERY == 0:
            mass = np.where((mass < _VANISHING) & (gradient < 1 - _TOLERANCE), 0, mass)
            mass = mass / mass.sum()
    kept = mass > _NO_MASS
    return Turnbull(
        n=len(low),
        mass=pd.DataFrame({"from": first[kept], "until": last[kept], "mass": mass[kept]}),
        log_likelihood=_log_likelihood(membership, mass),
        gap=gap,
    )


def interval_log_rank(
    short: FloatArray, long: FloatArray, observed: BoolArray, group: npt.NDArray[np.str_]
) -> LogRank | None:
    """Compare the leads of groups by their intervals; None if the groups cannot be compared.

    The score test of proportional hazards under Turnbull's estimate of all leads (Finkelstein
    1986), with the variance of permutations (Fay 1999), which assumes that groups are observed
    alike.

    Examples
    --------
    >>> day = np.repeat([0.0, 9.0], 5)
    >>> interval_log_rank(day, day + 5, day >= 0, np.repeat(["a", "b"], 5)).p_value < 0.01
    True
    """
    from scipy.special import chdtrc

    names, row = np.unique(group, return_inverse=True)
    if len(names) < 2 or not observed.any():  # noqa: PLR2004 - nothing to compare
        return None
    high = np.where(observed, long, np.inf)
    mass = turnbull(short, high).mass
    total = np.concatenate([[0.0], mass["mass"].cumsum()])
    # The share of leads that are longer than the interval of each lead, and at least as long.
    first = np.searchsorted(mass["from"], np.where(observed, short, np.nextafter(short, np.inf)))
    first = np.where(np.isinf(high), np.searchsorted(mass["until"], short, side="right"), first)
    last = np.searchsorted(mass["until"], high, side="right")
    at_least, longer = 1 - total[first], np.clip(1 - total[last], 0, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        weighted = [np.where(s > _NO_SHARE, s * np.log(s), 0.0) for s in (at_least, longer)]
        score = (weighted[0] - weighted[1]) / (at_least - longer)
    score = score - score.mean()
    variance = float((score**2).sum()) / (len(score) - 1)
    if not variance > _NO_SHARE:
        return None
    sums, sizes = np.bincount(row, score), np.bincount(row)
    statistic = float((sums**2 / sizes).sum() / variance)
    degrees = len(names) - 1
    p_value = float(chdtrc(degrees, statistic))
    return LogRank(
        statistic, degrees, p_value, (p_value, p_value), tuple(map(str, names)), _SCORE_TEST
    )


def _innermost_intervals(
    low: FloatArray, high: FloatArray, exclusive: BoolArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return the bounds of Turnbull's innermost intervals.

    An innermost interval runs from a lower bound to an upper bound, with no other bound between.
    Lower bounds are `exclusive` by default if the upper bound is infinite.
    """
    exclusive = np.isinf(high) if exclusive is None else exclusive
    begins = np.unique(np.stack([low, np.where(exclusive, 2.0, 0.0)], axis=1), axis=0)
    ends = np.unique(high)
    # Order equal bounds: inclusive lower bounds, upper bounds, exclusive lower bounds.
    at = np.concatenate([begins[:, 0], ends])
    rank = np.concatenate([begins[:, 1], np.ones(len(ends))])
    order = np.lexsort((rank, at))
    at, is_end = at[order], rank[order] == 1
    inner = np.flatnonzero(~is_end[:-1] & is_end[1:])
    return at[inner], at[inner + 1]


def _accelerated_step(membership: FloatArray, mass: FloatArray) -> FloatArray:
    """Take two self-consistency steps; extrapolate them if that raises the likelihood."""
    once = _self_consistent(membership, mass)
    twice = _self_consistent(membership, once)
    change, curvature = once - mass, twice - 2 * once + mass
    size = np.sqrt((curvature**2).sum())
    if size < _NO_MASS:
        return twice
    length = max(1.0, float(np.sqrt((change**2).sum()) / size))
    leap = np.clip(mass + 2 * length * change + length**2 * curvature, 0, None)
    if not ((membership @ leap) > 0).all():
        return twice
    leap = _self_consistent(membership, leap / leap.sum())
    better = _log_likelihood(membership, leap) >= _log_likelihood(membership, twice)
    return leap if better else twice


def _self_consistent(membership: FloatArray, mass: FloatArray) -> FloatArray:
    """Distribute each lead over its possible intervals in proportion to their mass."""
    new: FloatArray = mass * (membership.T @ (1 / (membership @ mass))) / len(membership)
    return new


def _log_likelihood(membership: FloatArray, mass: FloatArray) -> float:
    with np.errstate(divide="ignore"):
        return float(np.log(membership @ mass).sum())
