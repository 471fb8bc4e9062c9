"""Conditional logit: at which of the places in its risk set did each event occur?

McFadden's choice model (1974), whose likelihood is also the partial likelihood of a Cox model
stratified by event. Anything that all places share at an event, such as the tempo, cancels out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from foxgrape._util.typing import FloatArray, IntArray

__all__ = [
    "MIN_GAIN",
    "ROUGH_GAIN",
    "LogitFit",
    "adjust_for_best",
    "choice_probabilities",
    "clustered_covariance",
    "fit_logit",
    "inverse_information",
    "profile_bound",
    "score_residuals",
]

_MAX_STEPS, _MAX_HALVINGS = 60, 30
#: The information matrix is computed again if a step gains more than this share of the one before.
_SLOW = 0.1
#: With an information matrix of an earlier step, the error that the last step leaves is larger: it
#: must gain this much less.
_STALE = 1e-5
#: Approximate size of the sample of events that gives the starting point of large fits.
_SAMPLE = 1_000
#: Newton's method stops after a step with a predicted gain in log likelihood below half of this.
MIN_GAIN = 1e-6
#: The same for fits to a sample, which give a starting point or the signs of coefficients.
ROUGH_GAIN = 1e-2
#: Tolerance of the signed root of the profile likelihood, whose target is about 2.
_ROOT_TOLERANCE = 1e-3
#: A larger coefficient, a ratio of millions, is taken to mean that the likelihood has no maximum.
_MAX_COEFFICIENT = 15.0
#: Multiplications per block: few enough to fit in the cache, and to keep the linear algebra library
#: single-threaded, since results would depend on the number of threads.
_BLOCK = 250_000
#: Number of draws from the joint distribution of several test statistics.
_DRAWS = 99_999


@dataclass(frozen=True, slots=True, eq=False)
class LogitFit:
    """A fitted choice model.

    Attributes
    ----------
    beta
        Coefficients, which are log ratios.
    log_likelihood
        Log likelihood at `beta`.
    information
        Minus the second derivative of the log likelihood at `beta`; with an offset, before the last
        step.
    bounded
        False if the first term separates the cases, so that its coefficient diverges.
    """

    beta: FloatArray
    log_likelihood: float
    information: FloatArray
    bounded: bool


def fit_logit(
    terms: FloatArray,
    case: IntArray,
    *,
    offset: FloatArray | None = None,
    start: FloatArray | None = None,
    information: FloatArray | None = None,
    min_gain: float = MIN_GAIN,
) -> LogitFit:
    """Fit a conditional logit by Newton's method with step halving.

    The information matrix is used for several steps and computed again where these become slow.

    Parameters
    ----------
    terms
        Shape (terms, events, places): covariates of each place at each event.
    case
        For each event, the index of the place where it occurred.
    offset
        Shape (events, places): term with a fixed coefficient of 1.
    start
        Initial coefficients.
    information
        Information matrix near `start`, if it is known.
    min_gain
        Stop after a step whose predicted gain in log likelihood is below half of this.

    Examples
    --------
    >>> exposed = np.array([[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    >>> fit = fit_logit(exposed, np.array([0, 0, 0, 0]))
    >>> float(np.exp(fit.beta[0]).round(4))  # 3 against 1
    3.0
    """
    beta = _initial_beta(terms, case, offset) if start is None else start.copy()
    value, share = _likelihood(terms, case, beta, offset)
    of_cases = terms[:, np.arange(len(case)), case].sum(axis=1)
    previous_gain = np.inf
    for _ in range(_MAX_STEPS):
        gradient = of_cases - np.einsum("tep,ep->t", terms, share)
        stale = information is not None
        if information is not None:
            step, gain = _newton_step(information, gradient)
            stale = gain <= _SLOW * previous_gain
        if not stale:
            information = _information(terms, share)
            step, gain = _newton_step(information, gradient)
        previous_gain = gain
        for _ in range(_MAX_HALVINGS):
            new, new_share = _likelihood(terms, case, beta + step, offset)
            if new >= value:
                break
            step = step / 2
        else:
            if not stale:
                break
            information, previous_gain = None, np.inf
            continue
        beta, value, share = beta + step, new, new_share
        if gain < min_gain * (_STALE if stale else 1.0):
            break
    if offset is None or information is None:
        information = _information(terms, share)
    return LogitFit(
        beta=beta,
        log_likelihood=value,
        information=information,
        bounded=bool(np.abs(beta[:1]).max(initial=0.0) <= _MAX_COEFFICIENT),
    )


def _initial_beta(terms: FloatArray, case: IntArray, offset: FloatArray | None) -> FloatArray:
    """Return coefficients fitted to a sample of the events, or zeros if there are few events."""
    step = len(case) // _SAMPLE
    if step <= 1:
        return np.zeros(len(terms))
    part = None if offset is None else offset[::step]
    sample = np.ascontiguousarray(terms[:, ::step])
    beta = fit_logit(sample, case[::step], offset=part, min_gain=ROUGH_GAIN).beta
    if np.abs(beta).max(initial=0.0) > _MAX_COEFFICIENT:
        return np.zeros(len(terms))
    return beta


def choice_probabilities(terms: FloatArray, beta: FloatArray) -> FloatArray:
    """Return the probability of each place at each event; rows sum to 1.

    Examples
    --------
    >>> choice_probabilities(np.array([[[0.0, 1.0]]]), np.array([np.log(3.0)])).round(6).tolist()
    [[0.25, 0.75]]
    """
    score: FloatArray = np.tensordot(beta, terms, axes=1)
    score -= score.max(axis=1, keepdims=True, initial=-np.inf)
    share: FloatArray = np.exp(score)
    share /= share.sum(axis=1, keepdims=True)
    return share


def profile_bound(
    terms: FloatArray, case: IntArray, best: LogitFit, *, drop: float, side: int
) -> float:
    """Return the first coefficient at which the profile log likelihood has fallen by `drop`.

    `side` is -1 for the lower and +1 for the upper bound; a bound is infinite if the likelihood
    does not fall that far. The other terms are refitted at each value (Venzon and Moolgavkar 1988).
    The bound is located by regula falsi on the signed root, which is nearly linear.
    """
    middle, variance = float(best.beta[0]), inverse_information(best.information)[0, 0]
    if not best.bounded:
        if side * middle > 0:
            return side * np.inf
        # The likelihood is flat beyond the maximum coefficient: start there.
        middle = float(np.clip(middle, -_MAX_COEFFICIENT, _MAX_COEFFICIENT))
        variance = 1.0
    target = float(np.sqrt(2 * drop))
    # How the other coefficients change with the first near the maximum.
    others = best.information[1:, 1:]
    slope = -inverse_information(others) @ best.information[1:, 0]
    width = float(np.clip(np.sqrt(max(variance, 0.0)), 0.01, 2.0))

    def root(value: float) -> float:
        start = best.beta[1:] + slope * (value - best.beta[0])
        fit = fit_logit(terms[1:], case, offset=value * terms[0], start=start, information=others)
        return float(np.sqrt(max(2 * (best.log_likelihood - fit.log_likelihood), 0.0)))

    near, near_root = middle, 0.0
    far = near + side * target * width
    far_root = root(far)
    while far_root < target:
        if side * far > _MAX_COEFFICIENT:
            return side * np.inf
        near, near_root = far, far_root
        far += side * width * max(target - far_root, 0.5) * 1.5
        far_root = root(far)
    for _ in range(_MAX_STEPS):
        bound = near + (far - near) * (target - near_root) / (far_root - near_root)
        bound_root = root(bound)
        if abs(bound_root - target) < _ROOT_TOLERANCE:
            break
        if bound_root < target:
            near, near_root = bound, bound_root
        else:
            far, far_root = bound, bound_root
    return bound


def inverse_information(information: FloatArray) -> FloatArray:
    """Return the pseudo-inverse of an information matrix; terms without information get variance 0.

    Examples
    --------
    >>> inverse_information(np.array([[4.0, 0.0], [0.0, 0.0]])).tolist()
    [[0.25, 0.0], [0.0, 0.0]]
    """
    inverse = np.linalg.pinv(information, rcond=1e-10, hermitian=True)
    return np.asarray(inverse, dtype=np.float64)


def clustered_covariance(terms: FloatArray, case: IntArray, best: LogitFit) -> FloatArray:
    """Return the covariance of the coefficients, clustered by place.

    The sandwich estimator of Lin and Wei (1989), times J/(J - 1) for J places. With few places, or
    few exposed places, it is too small for confidence intervals.

    Examples
    --------
    >>> exposed = np.array([[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    >>> case = np.array([0, 0, 0, 0])
    >>> float(clustered_covariance(exposed, case, fit_logit(exposed, case))[0, 0].round(4))
    1.0
    """
    count, events, places = terms.shape
    share = choice_probabilities(terms, best.beta)
    residual = -share
    residual[np.arange(events), case] += 1
    by_place = np.empty((count, places))
    for row, term in enumerate(terms):
        by_place[row] = (term * residual).sum(axis=0) - (term * share).sum(axis=1) @ residual
    bread = inverse_information(best.information)
    meat = by_place @ by_place.T
    covariance: FloatArray = bread @ meat @ bread * (places / max(places - 1, 1))
    return covariance


def score_residuals(
    term: FloatArray, terms: FloatArray, case: IntArray, fit: LogitFit
) -> FloatArray:
    """Return each event's efficient score for `term`, given a fit without this term."""
    share, events = choice_probabilities(terms, fit.beta), np.arange(len(case))
    weighted = terms * share
    mean, term_mean = weighted.sum(axis=2), (share * term).sum(axis=1)
    cross = np.tensordot(weighted, term, axes=2) - mean @ term_mean
    slope = inverse_information(fit.information) @ cross
    residual = term[events, case] - term_mean - slope @ (terms[:, events, case] - mean)
    return np.asarray(residual)


def adjust_for_best(p_values: list[float], residuals: FloatArray, seed: int) -> list[float]:
    """Adjust the p-values of several tests for choosing the best (Hothorn et al. 2008).

    `residuals` has one row of score residuals per test; the rows' correlations are those of the
    test statistics. Adjusted values are at least p and at most Bonferroni's bound.
    """
    if len(p_values) == 1:
        return p_values
    from scipy.stats import norm

    length = np.sqrt((residuals**2).sum(axis=1, keepdims=True))
    scores = np.divide(residuals, length, out=np.zeros_like(residuals), where=length > 0)
    variance, vectors = np.linalg.eigh(scores @ scores.T)
    draws = np.random.default_rng(seed).standard_normal((_DRAWS, len(p_values)))
    largest = np.sort(np.abs((draws * np.sqrt(variance.clip(min=0))) @ vectors.T).max(axis=1))
    adjusted = []
    for p in p_values:
        reached = _DRAWS - np.searchsorted(largest, norm.isf(p / 2))
        joint = float(reached + 1) / (_DRAWS + 1)
        adjusted.append(max(p, min(joint, len(p_values) * p, 1.0)))
    return adjusted


def _likelihood(
    terms: FloatArray, case: IntArray, beta: FloatArray, offset: FloatArray | None
) -> tuple[float, FloatArray]:
    """Return the log likelihood and the probability of each place at each event."""
    score = np.tensordot(beta, terms, axes=1)
    if offset is not None:
        score = score + offset
    score -= score.max(axis=1, keepdims=True, initial=-np.inf)
    case_score = score[np.arange(len(case)), case].sum()
    share = np.exp(score, out=score)
    total = share.sum(axis=1, keepdims=True)
    share /= total
    return float(case_score - np.log(total).sum()), share


def _newton_step(information: FloatArray, gradient: FloatArray) -> tuple[FloatArray, float]:
    """Return the step of Newton's method, and the gain in log likelihood that it predicts twice."""
    step = np.asarray(np.linalg.lstsq(information, gradient, rcond=1e-12)[0], dtype=np.float64)
    return step, float(gradient @ step)


def _information(terms: FloatArray, share: FloatArray) -> FloatArray:
    """Return minus the second derivative of the log likelihood, computed in blocks of events."""
    count, events, places = terms.shape
    information = np.zeros((count, count))
    block = max(1, _BLOCK // max(1, count * count * places))
    for first in range(0, events, block):
        rows = slice(first, first + block)
        part = np.ascontiguousarray(terms[:, rows])
        weighted = part * share[rows]
        mean = weighted.sum(axis=2)
        flat = count, part.shape[1] * places
        information += weighted.reshape(flat) @ part.reshape(flat).T - mean @ mean.T
    return information
