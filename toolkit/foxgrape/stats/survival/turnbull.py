"""Turnbull's estimator: the curve of leads that are known only as intervals."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import times

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["Turnbull", "turnbull"]

_STEPS = 20_000
#: How far the Gentleman–Geyer reduced gradient, a share of n, may be from its bound.
_TOLERANCE = 1e-7
_NO_MASS = 1e-12
#: Mass that is so small and would gain nothing by growing is on its way to none: look so often.
_FADING, _PRUNED = 1e-8, 25


@dataclass(frozen=True, slots=True, eq=False)
class Turnbull:
    """The maximum likelihood estimate where every lead is an interval.

    Attributes
    ----------
    n
        Leads counted.
    mass
        One row an innermost interval that holds mass: from, until (days; until is infinite for
        what lies beyond all that was watched), mass (share of the leads). Where within it the
        mass lies, no data can tell.
    log_likelihood
        At the estimate.
    gap
        By how much the estimate may fall short: the greatest excess of the Gentleman–Geyer (1994)
        gradient, as a share of n. At most 0 up to rounding when it is the maximum.
    """

    n: int
    mass: pd.DataFrame
    log_likelihood: float
    gap: float

    def quantile(self, p: float) -> tuple[pd.Timedelta, pd.Timedelta]:
        """Return the interval in which the share `p` of the leads is reached; NaT for no bound.

        Examples
        --------
        >>> told = turnbull(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, np.inf]))
        >>> told.quantile(0.5)
        (Timedelta('2 days 00:00:00'), Timedelta('2 days 00:00:00'))
        """
        if not 0 <= p <= 1:
            raise ValueError(f"a quantile lies between 0 and 1, not {p}")
        reached = self.mass[self.mass["mass"].cumsum() >= p - 1e-9]
        if not len(reached):
            return pd.NaT, pd.NaT  # type: ignore[return-value]
        first, last = (float(reached[end].iloc[0]) for end in ("from", "until"))
        begin = times.from_days(first)
        return begin, times.from_days(last) if np.isfinite(last) else pd.NaT  # type: ignore[return-value]

    def survival(self, at: float) -> tuple[float, float]:
        """Return the least and greatest share of leads longer than `at` days.

        Examples
        --------
        >>> turnbull(np.array([0.0, 2.0]), np.array([1.0, 2.0])).survival(0.5)
        (0.5, 1.0)
        """
        share = self.mass["mass"]
        surely = float(share[self.mass["until"] <= at].sum())
        perhaps = float(share[self.mass["from"] <= at].sum())
        return max(1 - perhaps, 0.0), 1 - surely

    def to_frame(self) -> pd.DataFrame:
        """Return one row an innermost interval."""
        return self.mass.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain values; None for an interval without end."""
        rows = self.mass.astype(object).where(np.isfinite(self.mass), None)
        return {
            "n": self.n,
            "log_likelihood": self.log_likelihood,
            "gap": self.gap,
            "mass": rows.to_dict("records"),
        }

    def _repr_html_(self) -> str:
        shown = self.to_frame().to_html(index=False, border=0)
        return f"<p>{html.escape(f'Turnbull estimate, n = {self.n}.')}</p>{shown}"


def turnbull(low: Floats, high: Floats) -> Turnbull:
    """Estimate the distribution of leads of which each is known to lie between two bounds.

    Parameters
    ----------
    low, high
        Bounds in days, both possible; equal for an exact lead. A lead whose `high` is infinite is
        right-censored: longer than `low`.

    Returns
    -------
    Turnbull

    Notes
    -----
    Turnbull (1976): mass can lie only in the innermost intervals. Self-consistency (EM) steps,
    accelerated (Varadhan and Roland 2008), until Gentleman and Geyer's (1994) gradient tells that
    no mass anywhere would raise the likelihood.

    Examples
    --------
    >>> turnbull(np.array([0.0, 1.0, 4.0]), np.array([2.0, 3.0, 5.0])).mass.values.tolist()
    [[1.0, 2.0, 0.6666666666666666], [4.0, 5.0, 0.3333333333333333]]
    """
    first, last = _innermost(low, high)
    if not len(low):
        empty = pd.DataFrame({"from": [], "until": [], "mass": []}, dtype=float)
        return Turnbull(0, empty, 0.0, 0.0)
    censored = np.isinf(high)
    inside = (low[:, None] <= first) & (last <= high[:, None])
    # A right-censored lead is longer than it was watched: an exact one of that length is none.
    inside &= ~(censored[:, None] & (last == low[:, None]))
    holds = inside.astype(float)
    mass = np.full(len(first), 1 / len(first))
    gap = np.inf
    for step in range(_STEPS):
        mass = _accelerated(holds, mass)
        gradient = holds.T @ (1 / (holds @ mass)) / len(low)
        gap = float(gradient.max() - 1)
        # Where mass lies, the gradient is 1 at the maximum; nowhere is it more.
        if gap <= _TOLERANCE and float((np.abs(gradient - 1) * mass).max()) < _TOLERANCE:
            break
        if step % _PRUNED == 0:
            mass = np.where((mass < _FADING) & (gradient < 1 - _TOLERANCE), 0, mass)
            mass = mass / mass.sum()
    kept = mass > _NO_MASS
    return Turnbull(
        n=len(low),
        mass=pd.DataFrame({"from": first[kept], "until": last[kept], "mass": mass[kept]}),
        log_likelihood=float(np.log(holds @ mass).sum()),
        gap=gap,
    )


def _innermost(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return Turnbull's intervals: a begin that is followed by an end before any other begin."""
    begins = np.unique(np.stack([low, np.where(np.isinf(high), 2.0, 0.0)], axis=1), axis=0)
    ends = np.unique(high)
    # At one instant the begins of closed intervals come first, then ends, then open begins.
    at = np.concatenate([begins[:, 0], ends])
    rank = np.concatenate([begins[:, 1], np.ones(len(ends))])
    order = np.lexsort((rank, at))
    at, is_end = at[order], rank[order] == 1
    inner = np.flatnonzero(~is_end[:-1] & is_end[1:])
    return at[inner], at[inner + 1]


def _accelerated(holds: Floats, mass: Floats) -> Floats:
    """Take two self-consistency steps, and go on along their curve if that is likelier."""
    one = _consistent(holds, mass)
    two = _consistent(holds, one)
    change, bend = one - mass, two - 2 * one + mass
    size = np.sqrt((bend**2).sum())
    if size < _NO_MASS:
        return two
    length = max(1.0, float(np.sqrt((change**2).sum()) / size))
    leap = np.clip(mass + 2 * length * change + length**2 * bend, 0, None)
    leap = _consistent(holds, leap / leap.sum()) if ((holds @ leap) > 0).all() else two
    return leap if _likelihood(holds, leap) >= _likelihood(holds, two) else two


def _consistent(holds: Floats, mass: Floats) -> Floats:
    """Share each lead out over the intervals that it may lie in, by their mass."""
    told: Floats = mass * (holds.T @ (1 / (holds @ mass))) / len(holds)
    return told


def _likelihood(holds: Floats, mass: Floats) -> float:
    with np.errstate(divide="ignore"):
        return float(np.log(holds @ mass).sum())
