"""A stream of random numbers for each surrogate.

Each surrogate has its own stream, made from the seed and the surrogate's number alone: it comes
out the same on one thread or two, in one piece or in many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from foxgrape._util.jit import njit

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Whole = npt.NDArray[np.int64]
    Draws = npt.NDArray[np.uint64]

__all__ = ["draw_below", "draw_uniform", "shuffle", "stream"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S11 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53


@njit
def _mixed(x: np.uint64) -> np.uint64:
    """Return the output function of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> _S30)) * _MIX1
    x = (x ^ (x >> _S27)) * _MIX2
    return x ^ (x >> _S31)


@njit
def stream(seed: int, number: int) -> Draws:
    """Return the state from which surrogate `number` draws."""
    state = np.empty(1, np.uint64)
    state[0] = _mixed(np.uint64(seed) ^ _mixed(np.uint64(number) * _GOLDEN + _GOLDEN))
    return state


@njit
def draw_uniform(state: Draws) -> float:
    """Return the next number in [0, 1)."""
    state[0] += _GOLDEN
    return np.float64(_mixed(state[0]) >> _S11) * _UNIT


@njit
def draw_below(state: Draws, n: int) -> int:
    """Return the next whole number below `n`."""
    return int(draw_uniform(state) * n)


@njit
def shuffle(state: Draws, values: Any, low: int, high: int) -> None:
    """Shuffle `values[low:high]` (Fisher and Yates)."""
    for i in range(high - 1, low, -1):
        j = low + draw_below(state, i - low + 1)
        values[i], values[j] = values[j], values[i]
