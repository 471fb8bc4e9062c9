"""Relative event intensity of places over time (Gaussian state-space model), for the `local` null.

The intensity is estimated from events only, so that posts cannot make a lead look like a front;
nor can announcements and repetitions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from foxgrape._util.jit import njit
from foxgrape.stats.inputs import median_neighbour_distance, planar_distances

if TYPE_CHECKING:
    from foxgrape._util.typing import FloatArray, IntArray

    Grid = tuple[tuple[float, ...], tuple[float, ...]]
    Posterior = tuple[FloatArray, FloatArray, FloatArray]

__all__ = ["PlaceIntensity", "estimate_place_intensity"]

#: The intensity is constant within a time bin. Bins of equal length are split further at quantiles
#: of the events' times, so that busy periods have shorter bins.
_EQUAL_BINS, _QUANTILE_BINS = 40, 40
#: Minimum length of a bin, as a share of observation.
_MIN_BIN = 1e-4
#: Length scale of a front, as a share of the map's diagonal, and maximum number of components.
_FRONT_SCALE, _FRONT_COMPONENTS = 0.4, 14
#: Length scale of local busy seasons, in median distances to the nearest neighbour, and maximum
#: number of components.
_SEASON_SCALE, _SEASON_COMPONENTS = 1.5, 24
#: Amplitudes (standard deviations of the log-share) and memories (shares of observation) to try.
#: The model with the largest evidence is used, which may be that of a constant intensity.
_FRONT_GRID: Grid = ((2.0, 4.0, 8.0), (0.1, 0.3, 0.8))
_SEASON_GRID: Grid = ((0.7, 1.4), (0.05,))
#: Newton's method stops when no log-share changes by the tolerance or more (the remaining error is
#: about its square), or after `_STEPS`; no step changes a log-share by more than `_MAX_CHANGE`.
_TOLERANCE, _STEPS, _MAX_CHANGE = 0.1, 30, 4.0


class PlaceIntensity(NamedTuple):
    """Estimated probability, over time, of each place being the one where an event occurs.

    Attributes
    ----------
    log_share
        Shape (instants, places): log probabilities; the probabilities in a row sum to 1.
    expected_share
        For each event, the probability of its place at its time, estimated without the event.
    amplitude, memory
        Standard deviation of the time-varying part of the log-share (0 if the intensity is
        constant), and the share of observation over which its autocorrelation decays.
    """

    log_share: FloatArray
    expected_share: FloatArray
    amplitude: float
    memory: float


@njit
def _moments(
    basis: FloatArray, base: FloatArray, state: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return each place's share in one bin, and the components' mean and covariance under it."""
    share = base + basis @ state
    share = np.exp(share - share.max())
    share /= share.sum()
    mean = share @ basis
    centred = (basis - mean) * np.sqrt(share).reshape(-1, 1)
    return share, mean, centred.T @ centred


@njit
def _newton_step(
    basis: FloatArray,
    base: FloatArray,
    counts: FloatArray,
    decay: FloatArray,
    state: FloatArray,
    covariance: FloatArray,
) -> FloatArray:
    """Return the states after one step of Newton's method.

    The joint precision matrix of all bins is block-tridiagonal, so one forward and one backward
    sweep solve for the step. `covariance` is overwritten with the inverses of the pivot blocks.
    """
    n, size = state.shape
    new = np.zeros((n, size))
    precision, coupling = 1.0 / (1.0 - decay**2), decay / (1.0 - decay**2)
    for b in range(n):
        count = counts[b].sum()
        _, mean, curvature = _moments(basis, base, state[b])
        curvature *= count
        new[b] = curvature @ state[b] + counts[b] @ basis - count * mean
        prior = precision[b] if b > 0 else 1.0
        if b < n - 1:
            prior += decay[b + 1] * coupling[b + 1]
        for k in range(size):
            curvature[k, k] += prior
        if b > 0:
            curvature -= coupling[b] ** 2 * covariance[b - 1]
            new[b] += coupling[b] * (covariance[b - 1] @ new[b - 1])
        covariance[b] = np.linalg.inv(curvature)
    for b in range(n - 1, -1, -1):
        if b < n - 1:
            new[b] += coupling[b + 1] * new[b + 1]
        new[b] = covariance[b] @ new[b]
    return new


@njit
def _log_evidence(
    basis: FloatArray,
    base: FloatArray,
    counts: FloatArray,
    decay: FloatArray,
    state: FloatArray,
    covariance: FloatArray,
) -> float:
    """Return the log probability of the events (Laplace's approximation around `state`)."""
    n, size = state.shape
    precision = 1.0 / (1.0 - decay**2)
    evidence = -0.5 * (state[0] ** 2).sum()
    for b in range(n):
        share, _, _ = _moments(basis, base, state[b])
        for place in range(len(share)):
            if counts[b, place] > 0:
                evidence += counts[b, place] * np.log(share[place])
        evidence += 0.5 * np.linalg.slogdet(covariance[b])[1]
        if b > 0:
            innovation = state[b] - decay[b] * state[b - 1]
            evidence += 0.5 * (size * np.log(precision[b]) - precision[b] * (innovation**2).sum())
    return float(evidence)


@njit
def _posterior_mode(
    basis: FloatArray, base: FloatArray, counts: FloatArray, decay: FloatArray
) -> tuple[FloatArray, FloatArray, float]:
    """Return each bin's most probable state and its covariance, and the log evidence.

    The log-share of places is `base` plus components whose states are autoregressive with unit
    variance. `decay` is the autocorrelation with the previous bin, 0 for the first bin; `counts`
    is the number of events by bin and place.
    """
    n, size = len(counts), basis.shape[1]
    state, covariance = np.zeros((n, size)), np.zeros((n, size, size))
    for _ in range(_STEPS):
        step = _newton_step(basis, base, counts, decay, state, covariance) - state
        change = 0.0
        for b in range(n):
            change = max(change, np.abs(basis @ step[b]).max())
        state += min(1.0, _MAX_CHANGE / max(change, _TOLERANCE)) * step
        if change < _TOLERANCE:
            break
    evidence = _log_evidence(basis, base, counts, decay, state, covariance)
    coupling = decay / (1.0 - decay**2)
    for b in range(n - 2, -1, -1):
        gain = coupling[b + 1] * covariance[b]
        covariance[b] += gain @ covariance[b + 1] @ gain.T
    return state, covariance, evidence


@njit
def _leave_one_out(
    basis: FloatArray,
    base: FloatArray,
    state: FloatArray,
    covariance: FloatArray,
    event_bin: IntArray,
    place: IntArray,
) -> FloatArray:
    """Return the share of each event's place in the event's bin, estimated without the event."""
    n, size = state.shape
    out, identity = np.empty(len(event_bin)), np.eye(size)
    mean, influence = np.empty((n, size)), np.empty((n, size, size))
    for b in range(n):
        _, mean[b], curvature = _moments(basis, base, state[b])
        influence[b] = np.linalg.solve(identity - covariance[b] @ curvature, covariance[b])
    for j in range(len(event_bin)):
        b, own = event_bin[j], place[j]
        change = influence[b] @ (basis[own] - mean[b])
        share = base + basis @ (state[b] - change)
        share[own] += np.log1p(-np.exp(-base[own]))  # leave the event out of its place's count
        share = np.exp(share - share.max())
        out[j] = share[own] / share.sum()
    return out


def _components(similarity: FloatArray, limit: int) -> FloatArray:
    """Return the scaled principal components of the centred similarity, by place and component."""
    centring = np.eye(len(similarity)) - 1.0 / len(similarity)
    variance, component = np.linalg.eigh(centring @ similarity @ centring)
    limit = min(limit, len(similarity) - 1)
    scale = np.sqrt(np.maximum(variance[::-1][:limit], 0.0))
    return np.asarray(component[:, ::-1][:, :limit] * scale)


def _candidates(xy: FloatArray) -> list[tuple[FloatArray, Grid]]:
    """Return components of a front and of local seasons, each with its parameter grid."""
    distance = planar_distances(xy)
    unit = median_neighbour_distance(distance)
    known = np.isfinite(xy).all(axis=1)
    if unit <= 0:
        return [(_components(np.eye(len(xy)), _SEASON_COMPONENTS), _SEASON_GRID)]
    scale = _FRONT_SCALE * float(np.hypot(*np.ptp(xy[known], axis=0)))
    front = np.exp(-0.5 * (distance / scale) ** 2)
    season = np.exp(-distance / (_SEASON_SCALE * unit))
    return [
        (_components(front, _FRONT_COMPONENTS), _FRONT_GRID),
        (_components(season, _SEASON_COMPONENTS), _SEASON_GRID),
    ]


def estimate_place_intensity(
    instants: FloatArray,
    event_at: FloatArray,
    event_place: IntArray,
    xy: FloatArray,
    *,
    span: float,
) -> PlaceIntensity:
    """Estimate from events how probable each place was at each instant.

    A place's log-share is the log of its smoothed share of all events plus a time-varying part: a
    smooth surface over the map, or local seasons. Amplitude and memory of the time-varying part
    maximize the evidence (empirical Bayes by Laplace's approximation; Rasmussen and Williams 2006,
    ch. 3 and 5).

    Parameters
    ----------
    instants
        Instants to estimate at.
    event_at, event_place
        Instant and place of each event.
    xy
        Kilometres east and north of each place; NaN where unknown. A place without coordinates has
        no neighbours: its probability depends on its own events only.
    span
        Length of observation, in microseconds. All instants are in microseconds since its start.

    Returns
    -------
    PlaceIntensity
    """
    if not len(xy):
        return PlaceIntensity(np.zeros((len(instants), 0)), np.zeros(0), 0.0, 0.0)
    edges = _bin_edges(event_at, span)
    instant_bin, event_bin = (
        np.searchsorted(edges[1:-1], values, side="right") for values in (instants, event_at)
    )
    middle = (edges[1:] + edges[:-1]) / 2
    gap = np.diff(middle, prepend=-np.inf) / span
    counts = np.zeros((len(middle), len(xy)))
    np.add.at(counts, (event_bin, event_place), 1.0)
    log_counts = np.log(counts.sum(axis=0) + 1.0)
    base = log_counts - np.log(np.exp(log_counts).sum())
    (basis, state, covariance), amplitude, memory = _select_model(base, counts, gap, xy)
    raw = base + state @ basis.T
    top = raw.max(axis=1, keepdims=True)
    log_share = raw - top - np.log(np.exp(raw - top).sum(axis=1, keepdims=True))
    expected = _leave_one_out(basis, log_counts, state, covariance, event_bin, event_place)
    return PlaceIntensity(np.ascontiguousarray(log_share[instant_bin]), expected, amplitude, memory)


def _bin_edges(event_at: FloatArray, span: float) -> FloatArray:
    """Return the edges of the time bins."""
    equal = np.linspace(0.0, span, _EQUAL_BINS + 1)
    if not len(event_at):
        return equal
    quantiles = np.quantile(event_at, np.linspace(0.0, 1.0, _QUANTILE_BINS + 1)[1:-1])
    inside = quantiles[(quantiles > 0.0) & (quantiles < span)]
    edges = np.sort(np.concatenate([equal, inside]))
    return edges[np.diff(edges, prepend=-np.inf) > span * _MIN_BIN]


def _select_model(
    base: FloatArray, counts: FloatArray, gap: FloatArray, xy: FloatArray
) -> tuple[Posterior, float, float]:
    """Return the posterior of the model with the largest evidence, its amplitude and its memory."""
    bins = len(counts)
    constant = float((counts @ base).sum())
    best = constant
    posterior = np.zeros((len(xy), 1)), np.zeros((bins, 1)), np.zeros((bins, 1, 1))
    amplitude, memory = 0.0, 0.0
    for components, (amplitudes, memories) in _candidates(xy) if len(xy) > 1 else []:
        for scale in memories:
            before = constant
            for height in amplitudes:
                basis = np.ascontiguousarray(height * components)
                state, covariance, evidence = _posterior_mode(
                    basis, base, counts, np.exp(-gap / scale)
                )
                if evidence > best:
                    best, posterior = evidence, (basis, state, covariance)
                    amplitude, memory = height, scale
                if evidence <= before:
                    break  # evidence is unimodal in the amplitude: stop at the first decrease
                before = evidence
    return posterior, amplitude, memory
