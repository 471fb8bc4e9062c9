"""What was going on where: smooth fields of events and posts, which follow a front that moves.

Posts and events that share a front fall on the same places without any foresight. To tell the two
apart, the front must be in the model. It is read from all that happened near in place and time,
before and after, except for the event itself: a stricter measure than what could be known then,
since posts may know of a front that the events show only later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from foxgrape.stats.hazard import conditional_logit
from foxgrape.stats.hazard.risk_sets import DAY
from foxgrape.stats.inputs import median_neighbour_distance

if TYPE_CHECKING:
    import numpy.typing as npt

    from foxgrape.stats.hazard.risk_sets import RiskSets

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

__all__ = ["FIELD", "Covariates", "build_covariates", "fit_baseline"]

#: How the names of the front's terms begin.
FIELD = "events and posts nearby"
_BASE_RATES = "other events at the place (log)", "signals for the place at other times (log)"

#: What a field counts where nothing was near: a tenth of an event.
_FLOOR = 0.1
#: A term that differs by less between any two places tells nothing.
_LEVEL_GROUND = 0.05
#: Coefficients beyond this are no place to begin the next fit.
_WILD = 10.0
_THOUSAND = 1_000
#: Widths of the fields, in median distances from a place to its nearest neighbour.
_SPOT, _NARROW, _MIDDLE, _WIDE = 0.5, 1.0, 2.0, 4.0
#: A weight beyond so many time scales is below rounding.
_FAR = 40.0
#: At most so many time scales a chunk, so that no exponential overflows.
_CHUNK = 300.0


@dataclass(frozen=True, slots=True, eq=False)
class Covariates:
    """What is known of each place at each event, but for its signals.

    Attributes
    ----------
    names
        What each term is, in words.
    terms
        Shape (terms, events, places).
    unlocated
        Places without coordinates: the front is not seen there.
    """

    names: tuple[str, ...]
    terms: Floats
    unlocated: int


def fit_baseline(
    risk: RiskSets, *, window: int, history: int
) -> tuple[Covariates, conditional_logit.LogitFit]:
    """Fit where events come without asking for signals; what draws events may never repel them.

    A field that repels, set against one that draws, would be a point again: it could stand for the
    very signals whose worth is asked. A base rate that repels, where each place had its one event,
    would tell the place by its event being left out. Such terms are dropped, the strongest first.
    """
    around = build_covariates(risk, window=window, history=history)
    # Which terms repel shows in a thousand events; all of them then confirm it.
    every = max(1, len(risk.case) // _THOUSAND)
    for step in dict.fromkeys((every, 1)):
        start = None
        while True:
            part = np.ascontiguousarray(around.terms[:, ::step])
            fitted = conditional_logit.fit_logit(part, risk.case[::step], start=start)
            draws = [name.startswith((FIELD, *_BASE_RATES)) for name in around.names]
            repels = np.array(draws, dtype=bool)
            repels &= fitted.beta < 0
            if not repels.any():
                break
            kept = np.arange(len(around.names)) != np.where(repels, fitted.beta, 0).argmin()
            names = tuple(name for name, keep in zip(around.names, kept, strict=True) if keep)
            around = Covariates(names, around.terms[kept], around.unlocated)
            start = fitted.beta[kept] if np.abs(fitted.beta).max() < _WILD else None
    return around, fitted


def build_covariates(risk: RiskSets, *, window: int, history: int) -> Covariates:
    """Set out base rates, recent events and mentions, distance to events, and the front's fields.

    Parameters
    ----------
    risk
        The risk sets.
    window
        How long a signal counts, in microseconds: the fields' time scales follow it.
    history
        How long an event or mention is recent.
    """
    told = {
        _BASE_RATES[0]: _others(risk),
        _BASE_RATES[1]: _popular(risk, window),
        "recent event at the place": np.minimum(
            risk.counted(risk.case, risk.event_until, 0, history), 1.0
        ),
        "recent earlier signals for the place (log)": np.log1p(
            risk.counted(risk.signal_place, risk.signal_until, window, window + history)
        ),
    }
    unit = median_neighbour_distance(risk.kilometres)
    if unit > 0:
        told |= _distances(risk, unit, told["recent event at the place"])
    told |= _fields(risk, unit, window, history)
    varies = {name: term for name, term in told.items() if _spread(term) > _LEVEL_GROUND}
    shape = (len(varies), len(risk.case), len(risk.places))
    terms = np.empty(shape)
    for row, term in zip(terms, varies.values(), strict=True):
        row[:] = term
    return Covariates(tuple(varies), terms, int((~risk.located).sum()))


def _spread(term: Floats) -> float:
    """Return by how much a term differs between places, at the event where it differs most."""
    low, high = term.min(axis=1, initial=np.inf), term.max(axis=1, initial=-np.inf)
    return float((high - low).max(initial=0.0))


def _others(risk: RiskSets) -> Floats:
    """Return the log of how many events each place had, the event at hand left out."""
    count = np.tile(np.bincount(risk.case, minlength=len(risk.places)) + 0.5, (len(risk.case), 1))
    count[np.arange(len(risk.case)), risk.case] -= 1
    logs: Floats = np.log(count)
    return logs


def _popular(risk: RiskSets, window: int) -> Floats:
    """Return the log of how many signals each place had, those of the window at hand left out.

    Were they counted, places with more signals than other events would be those of the event at
    hand wherever signals and events go in pairs.
    """
    count = np.bincount(risk.signal_place, minlength=len(risk.places)) + 0.5
    logs: Floats = np.log(count - risk.counted(risk.signal_place, risk.signal_until, 0, window))
    return logs


def _distances(risk: RiskSets, unit: float, recent: Floats) -> dict[str, Floats]:
    """Return the distance to the nearest recent event; places without coordinates get a mean."""
    apart = np.where(np.isnan(risk.kilometres), np.inf, risk.kilometres)
    near = np.empty(recent.shape)
    for place, distance in enumerate(apart):
        order = np.argsort(distance)
        hit = recent[:, order] > 0
        near[:, place] = np.where(hit.any(axis=1), distance[order][hit.argmax(axis=1)], np.inf)
    known = np.isfinite(near)
    logs = np.log1p(np.where(known, near, 0.0) / unit)
    mean = logs.sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    logs = np.where(known, logs, mean)
    lost = np.tile((~risk.located).astype(float), (len(recent), 1))
    return {
        "distance to the nearest recent event (log)": logs,
        "place without coordinates": lost,
    }


def _fields(risk: RiskSets, unit: float, window: int, history: int) -> dict[str, Floats]:
    """Return logs of smooth counts of events and posts near in place and time, on both sides."""
    between = np.sqrt(window * float(history))
    scales = [
        (_SPOT, window / 2),
        (_NARROW, window / 3),
        (_NARROW, float(window)),
        (_MIDDLE, window / 2),
        (_MIDDLE, between),
        (_WIDE, float(window)),
    ]
    event = (risk.event_at + risk.event_until) / 2
    signal = (risk.signal_at + risk.signal_until) / 2
    # A post for a place that lies nowhere tells of no front: it would only stand for itself.
    seen = risk.located[risk.signal_place]
    when = np.concatenate([event, signal[seen]])
    place = np.concatenate([risk.case, risk.signal_place[seen]])
    near: dict[float, Floats] = {}
    fields = {}
    own = np.arange(len(event)), risk.case
    for width, scale in scales:
        if scale not in near:
            near[scale] = _smooth_in_time(event, when, place, len(risk.places), scale)
            # The event itself is no part of what surrounds it.
            near[scale][own] = np.maximum(near[scale][own] - 1, 0)
        name = f"{FIELD} (log), {width * unit:.0f} km and {scale / DAY:.1f} days"
        fields[name] = np.log(_FLOOR + near[scale] @ _kernel(risk.kilometres, width * unit))
    return fields


def _kernel(apart: Floats, width: float) -> Floats:
    """Return Gaussian weights by distance; a place at an unknown distance is near itself only."""
    if width <= 0:
        return np.eye(len(apart))
    weight: Floats = np.exp(-0.5 * (np.where(np.isnan(apart), np.inf, apart) / width) ** 2)
    return weight


def _smooth_in_time(at: Floats, when: Floats, place: Ints, places: int, scale: float) -> Floats:
    """Return for each instant and place the items weighted exp(-distance in time / scale)."""
    before = _decayed(at, when, place, places, scale, "right")
    return before + _decayed(-at, -when, place, places, scale, "left")


def _decayed(at: Floats, when: Floats, place: Ints, places: int, scale: float, side: str) -> Floats:
    """Weight the items before each instant; with `side` right, those at it count."""
    order = np.argsort(when, kind="stable")
    when, place = when[order], place[order]
    total = np.zeros((len(at), places))
    ranked = np.argsort(at, kind="stable")
    begin = 0
    while begin < len(at):
        origin = at[ranked[begin]]
        end = int(np.searchsorted(at[ranked], origin + _CHUNK * scale, side="right"))
        rows = ranked[begin:end]
        first = int(np.searchsorted(when, origin - _FAR * scale, side="left"))
        last = int(np.searchsorted(when, at[rows[-1]], side="right"))
        weights = np.zeros((last - first + 1, places))
        weights[np.arange(1, last - first + 1), place[first:last]] = np.exp(
            (when[first:last] - origin) / scale
        )
        sums = np.cumsum(weights, axis=0)
        upto = np.searchsorted(when[first:last], at[rows], side=side)  # type: ignore[call-overload]
        total[rows] = sums[upto] * np.exp(-(at[rows] - origin) / scale)[:, None]
        begin = end
    return total
