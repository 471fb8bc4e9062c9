"""Where would anyone have looked then? The field of places on which the local null is built.

The field tells, for each moment, how likely each place was, as far as other events near in time
and place tell it. Posts have no say in it: a lead that was planted behind a post cannot pass for
a front by way of that post, and announcements and repetitions do not pass for news.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from foxgrape._util.jit import njit
from foxgrape.stats.inputs import median_neighbour_distance

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Whole = npt.NDArray[np.int64]
    Tried = tuple[tuple[float, ...], tuple[float, ...]]
    Fit = tuple[Floats, Floats, Floats]

__all__ = ["PlaceIntensity", "estimate_place_intensity", "place_distances"]

#: The field changes from one part of observation to the next, and is even within each. Parts are
#: of even length, and cut again so that none holds many events: busy days are told apart.
_EVEN, _BUSY = 40, 40
#: No part is shorter than this share of observation.
_SHORTEST = 1e-4
#: A front is smooth over so much of the map's diagonal, and is made of so many surfaces at most.
_WIDE, _SURFACES = 0.4, 14
#: Places in season on their own are alike over so many typical distances between neighbours.
_NARROW, _SEASONS = 1.5, 24
#: What is tried: standard deviations of the logarithm, and shares of observation over which the
#: field forgets. The events' evidence chooses, or chooses a field that does not change at all.
_FRONTS = ((2.0, 4.0, 8.0), (0.1, 0.3, 0.8))
_OWN = ((0.7, 1.4), (0.05,))
#: Newton's method ends once no log-share moves by so much, or after so many steps; what is left is
#: the square of it. A step moves no log-share by more than the longest.
_SETTLED, _STEPS, _LONGEST = 0.1, 30, 4.0


class PlaceIntensity(NamedTuple):
    """How likely places were.

    Attributes
    ----------
    log_share
        Slots times places: the logarithm of the share of each place, rows normalised.
    unsurprising
        For each event the share of its place when it happened, as all other events tell it.
    height, memory
        Standard deviation of what changes in the field, 0 where nothing does, and the share of
        observation over which it is forgotten.
    """

    log_share: Floats
    unsurprising: Floats
    height: float
    memory: float


@njit
def _moments(basis: Floats, liked: Floats, state: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the share of each place in one part, and mean and covariance of the surfaces."""
    share = liked + basis @ state
    share = np.exp(share - share.max())
    share /= share.sum()
    mean = share @ basis
    spread = (basis - mean) * np.sqrt(share).reshape(-1, 1)
    return share, mean, spread.T @ spread


@njit
def _step(
    basis: Floats, liked: Floats, happened: Floats, kept: Floats, state: Floats, spread: Floats
) -> Floats:
    """Return the states that one step of Newton's method leads to.

    One sweep forth and one back over the precision of all parts, which is block-tridiagonal;
    `spread` becomes the inverses of its pivots.
    """
    n, size = state.shape
    forth = np.zeros((n, size))
    sure, tie = 1.0 / (1.0 - kept**2), kept / (1.0 - kept**2)
    for part in range(n):
        count = happened[part].sum()
        _, mean, curve = _moments(basis, liked, state[part])
        curve *= count
        forth[part] = curve @ state[part] + happened[part] @ basis - count * mean
        held = sure[part] if part > 0 else 1.0
        if part < n - 1:
            held += kept[part + 1] * tie[part + 1]
        for k in range(size):
            curve[k, k] += held
        if part > 0:
            curve -= tie[part] ** 2 * spread[part - 1]
            forth[part] += tie[part] * (spread[part - 1] @ forth[part - 1])
        spread[part] = np.linalg.inv(curve)
    for part in range(n - 1, -1, -1):
        if part < n - 1:
            forth[part] += tie[part + 1] * forth[part + 1]
        forth[part] = spread[part] @ forth[part]
    return forth


@njit
def _evidence(
    basis: Floats, liked: Floats, happened: Floats, kept: Floats, state: Floats, spread: Floats
) -> float:
    """Return the log-probability of the events by Laplace's approximation around `state`."""
    n, size = state.shape
    sure = 1.0 / (1.0 - kept**2)
    evidence = -0.5 * (state[0] ** 2).sum()
    for part in range(n):
        share, _, _ = _moments(basis, liked, state[part])
        for place in range(len(share)):
            if happened[part, place] > 0:
                evidence += happened[part, place] * np.log(share[place])
        evidence += 0.5 * np.linalg.slogdet(spread[part])[1]
        if part > 0:
            moved = state[part] - kept[part] * state[part - 1]
            evidence += 0.5 * (size * np.log(sure[part]) - sure[part] * (moved**2).sum())
    return float(evidence)


@njit
def _mode(
    basis: Floats, liked: Floats, happened: Floats, kept: Floats
) -> tuple[Floats, Floats, float]:
    """Return the likeliest state of each part, its covariance, and the evidence of the events.

    A state-space model: the log-share of places is `liked` plus surfaces whose heights are
    autoregressive with unit variance; `kept` is how much of each is left from one part to the
    next, 0 in the first; `happened` counts events by part and place.
    """
    n, size = len(happened), basis.shape[1]
    state, spread = np.zeros((n, size)), np.zeros((n, size, size))
    for _ in range(_STEPS):
        step = _step(basis, liked, happened, kept, state, spread) - state
        change = 0.0
        for part in range(n):
            change = max(change, np.abs(basis @ step[part]).max())
        state += min(1.0, _LONGEST / max(change, _SETTLED)) * step
        if change < _SETTLED:
            break
    evidence = _evidence(basis, liked, happened, kept, state, spread)
    tie = kept / (1.0 - kept**2)
    for part in range(n - 2, -1, -1):
        gain = tie[part + 1] * spread[part]
        spread[part] += gain @ spread[part + 1] @ gain.T
    return state, spread, evidence


@njit
def _left_out(
    basis: Floats, liked: Floats, state: Floats, spread: Floats, part: Whole, place: Whole
) -> Floats:
    """Return the share of each event's place in its part, had it not happened."""
    n, size = state.shape
    out, even = np.empty(len(part)), np.eye(size)
    mean, pull = np.empty((n, size)), np.empty((n, size, size))
    for at in range(n):
        _, mean[at], curve = _moments(basis, liked, state[at])
        pull[at] = np.linalg.solve(even - spread[at] @ curve, spread[at])
    for j in range(len(part)):
        at, own = part[j], place[j]
        away = pull[at] @ (basis[own] - mean[at])
        share = liked + basis @ (state[at] - away)
        share[own] += np.log1p(-np.exp(-liked[own]))  # its place had one event less
        share = np.exp(share - share.max())
        out[j] = share[own] / share.sum()
    return out


def place_distances(xy: Floats) -> tuple[Floats, float]:
    """Return distances between places, infinite where one is unknown, and their spacing."""
    away = np.hypot(*(xy[:, None, k] - xy[None, :, k] for k in range(2)))
    away[np.isnan(away)] = np.inf
    np.fill_diagonal(away, 0.0)
    return away, median_neighbour_distance(away)


def _surfaces(alike: Floats, most: int) -> Floats:
    """Return places times surfaces, whose products make the covariance `alike` of contrasts."""
    even = np.eye(len(alike)) - 1.0 / len(alike)
    size, surface = np.linalg.eigh(even @ alike @ even)
    most = min(most, len(alike) - 1)
    return np.asarray(surface[:, ::-1][:, :most] * np.sqrt(np.maximum(size[::-1][:most], 0.0)))


def _kinds(xy: Floats) -> list[tuple[Floats, Tried]]:
    """Return the surfaces of a front, and of places in season on their own, with what is tried."""
    away, unit = place_distances(xy)
    known = np.isfinite(xy).all(axis=1)
    if unit <= 0:
        return [(_surfaces(np.eye(len(xy)), _SEASONS), _OWN)]
    wide = _WIDE * float(np.hypot(*np.ptp(xy[known], axis=0)))
    front = np.exp(-0.5 * (away / wide) ** 2)
    own = np.exp(-away / (_NARROW * unit))
    return [(_surfaces(front, _SURFACES), _FRONTS), (_surfaces(own, _SEASONS), _OWN)]


def estimate_place_intensity(
    at: Floats, event_at: Floats, event_place: Whole, xy: Floats, *, span: float
) -> PlaceIntensity:
    """Tell how likely each place was at each slot, as far as events tell.

    The log-share of a place is how many events it had, plus what changes: smooth surfaces over
    the map, or seasons of single places, that come and are forgotten. How high they are and how
    soon they are forgotten is what makes the events likeliest (empirical Bayes, by Laplace's
    approximation; Rasmussen and Williams 2006, ch. 3 and 5).

    Parameters
    ----------
    at
        Instant of each slot.
    event_at, event_place
        Instant and place of each event.
    xy
        Kilometres east and north of each place; NaN where unknown. Such a place has no
        neighbours: only what happened there itself makes it likely.
    span
        Length of observation; it and all instants are microseconds since its start.

    Returns
    -------
    Field
    """
    edges = _edges(event_at, span)
    slot, part = (
        np.searchsorted(edges[1:-1], instants, side="right") for instants in (at, event_at)
    )
    middle = (edges[1:] + edges[:-1]) / 2
    apart = np.diff(middle, prepend=-np.inf) / span
    happened = np.zeros((len(middle), len(xy)))
    np.add.at(happened, (part, event_place), 1.0)
    counts = np.log(happened.sum(axis=0) + 1.0)
    liked = counts - np.log(np.exp(counts).sum())
    found, height, memory = _likeliest(liked, happened, apart, xy)
    basis, state, spread = found
    raw = liked + state @ basis.T
    top = raw.max(axis=1, keepdims=True)
    share = raw - top - np.log(np.exp(raw - top).sum(axis=1, keepdims=True))
    left_out = _left_out(basis, counts, state, spread, part, event_place)
    return PlaceIntensity(np.ascontiguousarray(share[slot]), left_out, height, memory)


def _edges(event_at: Floats, span: float) -> Floats:
    """Return where the parts of observation begin and end."""
    even = np.linspace(0.0, span, _EVEN + 1)
    if not len(event_at):
        return even
    busy = np.quantile(event_at, np.linspace(0.0, 1.0, _BUSY + 1)[1:-1])
    edges = np.sort(np.concatenate([even, busy[(busy > 0.0) & (busy < span)]]))
    return edges[np.diff(edges, prepend=-np.inf) > span * _SHORTEST]


def _likeliest(
    liked: Floats, happened: Floats, apart: Floats, xy: Floats
) -> tuple[Fit, float, float]:
    """Return basis, state and its covariance of the field with most evidence, and what it is."""
    parts = len(happened)
    best = float((happened @ liked).sum())
    found = np.zeros((len(xy), 1)), np.zeros((parts, 1)), np.zeros((parts, 1, 1))
    height, memory = 0.0, 0.0
    for surfaces, (heights, memories) in _kinds(xy) if len(xy) > 1 else []:
        for long in memories:
            before = float((happened @ liked).sum())
            for high in heights:
                basis = np.ascontiguousarray(high * surfaces)
                state, spread, evidence = _mode(basis, liked, happened, np.exp(-apart / long))
                if evidence > best:
                    best, found, height, memory = evidence, (basis, state, spread), high, long
                if evidence <= before:
                    break  # evidence has one summit: higher is only worse
                before = evidence
    return found, height, memory
