"""Conditional logit over risk sets: which of the places that could have had the event had it?

McFadden's choice model (1974), which is also the partial likelihood of a Cox model whose strata are
the events. What is common to all places at an event, such as the tempo of a war, cancels out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

__all__ = [
    "LogitFit",
    "choice_probabilities",
    "clustered_covariance",
    "fit_logit",
    "inverse_information",
    "profile_bound",
]

_STEPS = 60
_THOUSAND = 1_000
#: Newton's method takes its last step when the log likelihood can gain half of this.
_ENOUGH = 1e-6
_HALVINGS = 30
#: How near the signed root of the profile must come to its goal, which is 1.96.
_CLOSE = 1e-3
#: A coefficient this large is a ratio of millions: the likelihood grows without end.
_LIMIT = 15.0
#: Multiplications in a block: few enough for the cache, and for a linear algebra library not to
#: split them over threads, which makes results depend on their number and waits on busy machines.
_BLOCK = 250_000


@dataclass(frozen=True, slots=True, eq=False)
class LogitFit:
    """A fitted choice model.

    Attributes
    ----------
    beta
        Coefficients: log ratios.
    log_likelihood
        At `beta`.
    information
        Minus its second derivative there.
    bounded
        False where the likelihood of the first term grows without end: it separates the cases.
    """

    beta: Floats
    log_likelihood: float
    information: Floats
    bounded: bool


def fit_logit(
    terms: Floats, case: Ints, *, offset: Floats | None = None, start: Floats | None = None
) -> LogitFit:
    """Fit by Newton's method with step halving; the likelihood is concave, so it is the maximum.

    Parameters
    ----------
    terms
        Shape (terms, events, places): what is known of each place at each event.
    case
        For each event, the index of the place that had it.
    offset
        Shape (events, places): added to the linear predictor, with coefficient 1.
    start
        Coefficients to begin with.

    Examples
    --------
    >>> exposed = np.array([[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    >>> float(np.exp(fit(exposed, np.array([0, 0, 0, 0])).beta[0]).round(6))  # 3 against 1
    3.0
    """
    beta = _start(terms, case, offset) if start is None else start.copy()
    value, share = _likelihood(terms, case, beta, offset)
    for _ in range(_STEPS):
        gradient, information = _derivatives(terms, case, share)
        step = np.linalg.lstsq(information, gradient, rcond=1e-12)[0]
        left = gradient @ step
        for _ in range(_HALVINGS):
            new, new_share = _likelihood(terms, case, beta + step, offset)
            if new >= value:
                break
            step = step / 2
        else:
            break
        beta, value, share = beta + step, new, new_share
        if left < _ENOUGH:
            break
    if offset is None:
        _, information = _derivatives(terms, case, share)
    return LogitFit(
        beta=beta,
        log_likelihood=value,
        information=information,
        bounded=bool(np.abs(beta[:1]).max(initial=0.0) <= _LIMIT),
    )


def _start(terms: Floats, case: Ints, offset: Floats | None) -> Floats:
    """Begin a fit of many events where a fit of a thousand of them ends."""
    every = len(case) // _THOUSAND
    if every <= 1:
        return np.zeros(len(terms))
    part = None if offset is None else offset[::every]
    beta = fit_logit(np.ascontiguousarray(terms[:, ::every]), case[::every], offset=part).beta
    if np.abs(beta).max(initial=0.0) > _LIMIT:
        return np.zeros(len(terms))
    return beta


def choice_probabilities(terms: Floats, beta: Floats) -> Floats:
    """Return each place's chance at each event; every row sums to 1.

    Examples
    --------
    >>> chances(np.array([[[0.0, 1.0]]]), np.array([np.log(3.0)])).round(6).tolist()
    [[0.25, 0.75]]
    """
    score: Floats = np.tensordot(beta, terms, axes=1)
    score -= score.max(axis=1, keepdims=True, initial=-np.inf)
    share: Floats = np.exp(score)
    share /= share.sum(axis=1, keepdims=True)
    return share


def profile_bound(terms: Floats, case: Ints, best: LogitFit, *, drop: float, side: int) -> float:
    """Return where the profile likelihood of the first term has fallen by `drop`, on one side.

    `side` is -1 for the lower bound and +1 for the upper one; infinite where the likelihood never
    falls so far. The other terms are fitted anew at each value (Venzon and Moolgavkar 1988 ask the
    same); the root is found by regula falsi on the signed root, which is nearly straight.
    """
    middle, spread = float(best.beta[0]), inverse_information(best.information)[0, 0]
    if not best.bounded:
        if side * middle > 0:
            return side * np.inf
        # The likelihood is level from here on outwards: begin where it still is.
        middle, spread = float(np.clip(middle, -_LIMIT, _LIMIT)), 1.0
    goal = float(np.sqrt(2 * drop))
    # How the other terms give way when the first is moved, at the maximum.
    slope = -inverse_information(best.information[1:, 1:]) @ best.information[1:, 0]
    width = float(np.clip(np.sqrt(max(spread, 0.0)), 0.01, 2.0))

    def root(at: float) -> float:
        start = best.beta[1:] + slope * (at - best.beta[0])
        told = fit_logit(terms[1:], case, offset=at * terms[0], start=start).log_likelihood
        return float(np.sqrt(max(2 * (best.log_likelihood - told), 0.0)))

    near, near_root = middle, 0.0
    far = near + side * goal * width
    far_root = root(far)
    while far_root < goal:
        if side * far > _LIMIT:
            return side * np.inf
        near, near_root = far, far_root
        far += side * width * max(goal - far_root, 0.5) * 1.5
        far_root = root(far)
    for _ in range(_STEPS):
        at = near + (far - near) * (goal - near_root) / (far_root - near_root)
        at_root = root(at)
        if abs(at_root - goal) < _CLOSE:
            break
        if at_root < goal:
            near, near_root = at, at_root
        else:
            far, far_root = at, at_root
    return at


def inverse_information(information: Floats) -> Floats:
    """Invert an information matrix; what never varies, or grows without end, gets no variance.

    Examples
    --------
    >>> inverse(np.array([[4.0, 0.0], [0.0, 0.0]])).tolist()
    [[0.25, 0.0], [0.0, 0.0]]
    """
    inverted = np.linalg.pinv(information, rcond=1e-10, hermitian=True)
    return np.asarray(inverted, dtype=np.float64)


def clustered_covariance(terms: Floats, case: Ints, best: LogitFit) -> Floats:
    """Return the covariance of the coefficients when the choices of one place hang together.

    The sandwich clustered by place (Lin and Wei 1989), with the usual J/(J - 1). With few places,
    or few of them exposed, it is too small: it is no basis for an interval of its own.

    Examples
    --------
    >>> exposed = np.array([[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    >>> case = np.array([0, 0, 0, 0])
    >>> float(clustered(exposed, case, fit(exposed, case))[0, 0].round(6))
    1.0
    """
    count, events, places = terms.shape
    share = choice_probabilities(terms, best.beta)
    missed = -share
    missed[np.arange(events), case] += 1
    by_place = np.empty((count, places))
    for row, term in enumerate(terms):
        by_place[row] = (term * missed).sum(axis=0) - (term * share).sum(axis=1) @ missed
    bread = inverse_information(best.information)
    spread: Floats = bread @ (by_place @ by_place.T) @ bread * (places / max(places - 1, 1))
    return spread


def _likelihood(
    terms: Floats, case: Ints, beta: Floats, offset: Floats | None
) -> tuple[float, Floats]:
    """Return the log likelihood and each place's chance at each event."""
    score = np.tensordot(beta, terms, axes=1)
    if offset is not None:
        score = score + offset
    score -= score.max(axis=1, keepdims=True, initial=-np.inf)
    of_case = score[np.arange(len(case)), case].sum()
    share = np.exp(score, out=score)
    total = share.sum(axis=1, keepdims=True)
    share /= total
    return float(of_case - np.log(total).sum()), share


def _derivatives(terms: Floats, case: Ints, share: Floats) -> tuple[Floats, Floats]:
    """Return gradient and information, block by block."""
    count, events, places = terms.shape
    gradient, information = np.zeros(count), np.zeros((count, count))
    block = max(1, _BLOCK // max(1, count * count * places))
    for first in range(0, events, block):
        rows = slice(first, first + block)
        part = np.ascontiguousarray(terms[:, rows])
        weighted = part * share[rows]
        mean = weighted.sum(axis=2)
        of_case = part[:, np.arange(part.shape[1]), case[rows]]
        gradient += (of_case - mean).sum(axis=1)
        flat = count, part.shape[1] * places
        information += weighted.reshape(flat) @ part.reshape(flat).T - mean @ mean.T
    return gradient, information
