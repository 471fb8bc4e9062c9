"""Where would anyone have looked then? The field of places on which the local null is built.

The field tells, for each moment, how likely each place was to be mentioned, given when and where
events and other mentions were. It is estimated with no regard to whether an event came before or
after, so that a shared tempo and a shared front go into it, and foresight does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foxgrape.surrogate_random import compiled

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Whole = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

__all__ = ["FEATURES", "mention_field", "place_distances"]

#: What the field is made of: density of events and mentions on three scales of time and space,
#: closeness to their centre of gravity on two scales of time, and popularity.
FEATURES = ("short", "middle", "long", "centre, short", "centre, middle", "popularity")
#: Spatial widths of the three densities, in typical distances between neighbouring places.
_WIDTHS = (1.0, 1.5, 2.0)
_RIDGE = 1.0
_SETTLED = 1e-6
#: The field is no finer in time than this, in microseconds: a scale as short as a short window
#: would make every event its own front.
_WEEK = 7 * 86_400e6
#: What is known of the front is known roughly, and coefficients of rough features come out too
#: small (attenuation): a field left as flat as the fit says lets surrogates stray from the front.
_SHARPENED = 1.75
#: At most so many slots times places enter the fit; more would only make it slow.
_ENOUGH = 400_000


@compiled
def _nearby(
    at: Floats, times: Floats, places: Whole, n_places: int, scale: float, own: bool
) -> Floats:
    """Return for each instant the exponentially weighted number of `times` at each place.

    `times` are sorted. With `own`, `at` are the same sorted times, and each leaves itself out.
    """
    counts = np.zeros((len(at), n_places))
    first = 0
    for i in range(len(at)):
        while first < len(times) and times[first] < at[i] - 5 * scale:
            first += 1
        for j in range(first, len(times)):
            away = times[j] - at[i]
            if away > 5 * scale:
                break
            if not (own and i == j):
                counts[i, places[j]] += np.exp(-abs(away) / scale)
    return counts


@compiled
def _own_ahead(
    at: Floats, times: Floats, places: Whole, n_places: int, scale: float, window: float
) -> Floats:
    """Return the part of `_nearby` that lies within the window after each instant."""
    counts = np.zeros((len(at), n_places))
    first = 0
    for i in range(len(at)):
        while first < len(times) and times[first] < at[i]:
            first += 1
        for j in range(first, len(times)):
            away = times[j] - at[i]
            if away > min(window, 5 * scale):
                break
            counts[i, places[j]] += np.exp(-away / scale)
    return counts


@compiled
def _slopes(features: Floats, place: Whole, beta: Floats, slope: Floats, curve: Floats) -> None:
    """Add the first and second derivatives of the log-likelihood to `slope` and `curve`."""
    n, n_places, n_features = features.shape
    mean = np.empty(n_features)
    for i in range(n):
        share = np.zeros(n_places)
        for p in range(n_places):
            for f in range(n_features):
                share[p] += beta[f] * features[i, p, f]
        share = np.exp(share - share.max())
        share /= share.sum()
        mean[:] = 0.0
        for p in range(n_places):
            for f in range(n_features):
                mean[f] += share[p] * features[i, p, f]
        for f in range(n_features):
            slope[f] += features[i, place[i], f] - mean[f]
        for p in range(n_places):
            for f in range(n_features):
                part = share[p] * (features[i, p, f] - mean[f])
                for g in range(n_features):
                    curve[f, g] += part * (features[i, p, g] - mean[g])


@compiled
def _newton(features: Floats, place: Whole, ridge: float, free: Flags) -> Floats:
    """Fit a conditional logit of the place held by each slot; `free` coefficients only."""
    n_features = features.shape[2]
    beta = np.zeros(n_features)
    beta[-1] = 1.0
    for _ in range(20):
        slope = -ridge * beta
        slope[-1] += ridge
        curve = ridge * np.eye(n_features)
        _slopes(features, place, beta, slope, curve)
        for f in range(n_features):
            if not free[f]:
                slope[f] = 0.0
                curve[f, :] = 0.0
                curve[:, f] = 0.0
                curve[f, f] = 1.0
        step = np.linalg.solve(curve, slope)
        for f in range(n_features):
            beta[f] += min(1.0, max(-1.0, step[f]))
        if np.abs(step).max() < _SETTLED:
            break
    return beta


def _fit(features: Floats, place: Whole) -> Floats:
    """Fit the logit with no coefficient but that of popularity below zero.

    A place that was in the news is never less likely to be mentioned for it: without this bound,
    chance gaps in small samples pull surrogates away from where events were.
    """
    free = np.ones(features.shape[2], dtype=np.bool_)
    while True:
        beta = _newton(features, place, _RIDGE, free)
        beta[~free] = 0.0
        worst = int(np.argmin(beta[:-1]))
        if beta[worst] >= 0:
            return np.asarray(beta)
        free[worst] = False


def place_distances(xy: Floats) -> tuple[Floats, float]:
    """Return distances between places, infinite where one is unknown, and their typical spacing.

    The spacing is the median distance to the nearest other place, 0 where fewer than two places
    have coordinates.
    """
    away = np.hypot(*(xy[:, None, k] - xy[None, :, k] for k in range(2)))
    away[np.isnan(away)] = np.inf
    np.fill_diagonal(away, 0.0)
    others = np.where(away > 0, away, np.inf).min(axis=1, initial=np.inf)
    near = others[np.isfinite(others)]
    return away, float(np.median(near)) if len(near) else 0.0


def mention_field(
    at: Floats,
    place: Whole,
    event_at: Floats,
    event_place: Whole,
    xy: Floats,
    *,
    window: float,
    span: float,
) -> tuple[Floats, Floats]:
    """Return the log-probability of each place at each slot, and the coefficients it came from.

    Parameters
    ----------
    at, place
        Instant and place of each slot, sorted by instant.
    event_at, event_place
        The same for events.
    xy
        Kilometres east and north of each place; NaN where unknown. Such a place has no
        neighbours: only what happened there itself makes it likely.
    window, span
        Length of the window and of observation; all instants and lengths are microseconds.

    Returns
    -------
    tuple of ndarray
        Slots times places, each row normalised; one coefficient for each of `FEATURES`.
    """
    named = np.bincount(place, minlength=len(xy)) + np.bincount(event_place, minlength=len(xy))
    popularity = (named + 1.0) / (named + 1.0).sum()
    order = np.argsort(event_at, kind="stable")
    happened = event_at[order], event_place[order]
    short, long = min(max(window, _WEEK), span / 50), span / 6
    scales = (short, np.sqrt(short * long), long)

    def nearby(scale: float) -> Floats:
        events = _nearby(at, *happened, len(xy), scale, own=False)
        return np.asarray(events + _nearby(at, at, place, len(xy), scale, own=True))

    every = max(1, -(-len(at) * len(xy) // _ENOUGH))
    fitted = slice(None, None, every)
    away, spacing = place_distances(xy)
    parts, samples = [], []
    for scale, width in zip(scales, _WIDTHS, strict=True):
        counts = nearby(scale)
        ahead = _own_ahead(at, *happened, len(xy), scale, window)
        kernel = _kernel(popularity, away, width * spacing)
        parts.append(_density(counts, popularity, kernel))
        samples.append(_density(counts[fitted], popularity, kernel, ahead[fitted]))
    for scale in (0.7 * scales[0], 0.75 * scales[1]):
        counts = nearby(scale)
        ahead = _own_ahead(at, *happened, len(xy), scale, window)
        parts.append(_closeness(counts, popularity, xy))
        samples.append(_closeness(counts[fitted], popularity, xy, ahead[fitted]))
    parts.append(np.broadcast_to(np.log(popularity), parts[0].shape))
    samples.append(parts[-1][fitted])
    sample = np.stack(samples, axis=2)
    beta = _fit(np.ascontiguousarray(sample), place[::every])
    field = _SHARPENED * sum(weight * part for weight, part in zip(beta, parts, strict=True))
    top = field.max(axis=1, keepdims=True)
    field = field - top - np.log(np.exp(field - top).sum(axis=1, keepdims=True))
    return np.ascontiguousarray(field), beta


def _kernel(popularity: Floats, away: Floats, width: float) -> Floats:
    """Return how what happened at a place (row) is shared out over places."""
    near = np.exp(-0.5 * (away / width) ** 2) if width > 0 else np.eye(len(away))
    kernel = near * popularity
    return np.asarray(kernel / kernel.sum(axis=1, keepdims=True))


def _density(
    counts: Floats, popularity: Floats, kernel: Floats, ahead: Floats | None = None
) -> Floats:
    """Return the log-density of what was nearby over that of popularity alone.

    With `ahead`, each place does without its own events ahead.
    """
    mixed = popularity + counts @ kernel
    total = 1.0 + counts.sum(axis=1, keepdims=True)
    if ahead is not None:
        mixed = mixed - ahead * kernel.diagonal()
    return np.asarray(np.log(mixed / total / popularity))


def _closeness(
    counts: Floats, popularity: Floats, xy: Floats, ahead: Floats | None = None
) -> Floats:
    """Return minus the squared distance to the centre of what was nearby, over the map's spread."""
    known = np.isfinite(xy).all(axis=1)
    if known.sum() < 2:  # noqa: PLR2004 - one place is its own centre
        return np.zeros_like(counts)
    where, weight = xy[known], popularity[known] / popularity[known].sum()
    middle = weight @ where
    spread = float((weight @ (where - middle) ** 2).mean())
    total = np.repeat(1.0 + counts[:, known].sum(axis=1, keepdims=True), len(where), axis=1)
    moment = (middle + counts[:, known] @ where)[:, None, :]
    if ahead is not None:
        total = total - ahead[:, known]
        moment = moment - ahead[:, known, None] * where
    squared = ((where - moment / total[:, :, None]) ** 2).sum(axis=2)
    result = np.empty_like(counts)
    result[:, known] = -squared / (2 * max(spread, 1e-9))
    # A place that nobody can put on the map is neither nearer nor farther than the others.
    result[:, ~known] = result[:, known].mean(axis=1, keepdims=True)
    return result
