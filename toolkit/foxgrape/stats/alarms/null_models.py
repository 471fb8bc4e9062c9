"""What the area skill of alarms would be by chance, and how two alarm functions compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foxgrape.stats.hazard import conditional_logit
from foxgrape.stats.hazard.covariates import fit_baseline
from foxgrape.stats.hazard.risk_sets import DAY

if TYPE_CHECKING:
    import numpy.typing as npt

    from foxgrape.stats.hazard.risk_sets import RiskSets

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

__all__ = ["NULLS", "evaluate_null_models"]

NULLS = ("local", "place", "uniform")
#: How long an event or mention is recent, as in `hazard`.
_HISTORY = 30 * DAY
#: Beyond so many events their sum is normal to any digit that matters.
_MANY = 500


def evaluate_null_models(
    risk: RiskSets,
    step: Ints,
    covered: Floats,
    lengths: Ints,
    n: int,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, dict[str, Floats]]:
    """Return for each null model the area skill expected and its p-value; and each event's score.

    Parameters
    ----------
    risk
        The risk sets.
    step
        Shape (events, places): the first window, by index, in which a signal would meet an event
        there; the number of windows where none would.
    covered
        Shape (windows, places): share of observation alarmed.
    lengths
        The windows, in microseconds.
    """
    alarmed = _alarmed(risk, covered)
    score = 1 - (alarmed[:, :-1] + alarmed[:, 1:]) / 2
    rows = np.arange(len(risk.case))
    at_place = score[rows[:, None], step]
    own = at_place[rows, risk.case]
    told, scores = [], {"score": own}
    for null, chances, values in (
        ("local", _as_everyone_knew(risk, int(lengths[-1])), at_place),
        ("place", _base_rates(risk), at_place),
        ("uniform", np.diff(alarmed, axis=1), score),
    ):
        mean = (chances * values).sum(axis=1)
        scores[f"expected_{null}"] = mean
        p_value = _p_value((own - mean).sum(), chances, values, n, rng)
        told.append({"null": null, "expected": float(mean.mean()), "p_value": p_value})
    return pd.DataFrame(told), scores


def _as_everyone_knew(risk: RiskSets, window: int) -> Floats:
    """Return each place's chance at each event by base rates, recent events and the front."""
    around, fitted = fit_baseline(risk, window=window, history=max(_HISTORY, window))
    return conditional_logit.choice_probabilities(around.terms, fitted.beta)


def _alarmed(risk: RiskSets, covered: Floats) -> Floats:
    """Return for each event the fraction alarmed by window, weighted by all other events.

    Shape (events, windows + 2): from nothing alarmed to everything.
    """
    number = np.bincount(risk.case, minlength=len(risk.places))
    others = (covered @ number)[None] - covered[:, risk.case].T
    # A single event has no others: all places weigh the same.
    alone = len(risk.case) == 1
    others = covered.mean(axis=1)[None] if alone else others / (len(risk.case) - 1)
    ends = np.zeros((len(risk.case), 1)), np.ones((len(risk.case), 1))
    told: Floats = np.clip(np.concatenate([ends[0], others, ends[1]], axis=1), 0, 1)
    return told


def _base_rates(risk: RiskSets) -> Floats:
    """Return each place's share of all other events; half an event more for each, so none is 0."""
    number = np.bincount(risk.case, minlength=len(risk.places)) + 0.5
    share = np.tile(number, (len(risk.case), 1))
    share[np.arange(len(risk.case)), risk.case] -= 1
    share /= share.sum(axis=1, keepdims=True)
    return share


def _p_value(
    above: float, chances: Floats, score: Floats, n: int, rng: np.random.Generator
) -> float:
    """Return how often the sum of independent scores lies so far above its mean, or further."""
    mean = (chances * score).sum(axis=1)
    if len(score) > _MANY:
        from scipy.stats import norm

        spread = float(np.sqrt(((chances * score**2).sum(axis=1) - mean**2).clip(min=0).sum()))
        return float(norm.sf(above / spread)) if spread > 0 else 1.0
    sums = np.zeros(n)
    for upto, values, middle in zip(np.cumsum(chances, axis=1), score, mean, strict=True):
        drawn = np.searchsorted(upto[:-1], rng.random(n) * upto[-1], side="right")
        sums += values[drawn] - middle
    # Sums of the same scores in another order may differ by rounding: they are ties.
    return float(((sums >= above - 1e-9).sum() + 1) / (n + 1))
