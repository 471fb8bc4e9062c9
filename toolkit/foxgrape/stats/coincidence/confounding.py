"""What do signals and events share without any foresight: a tempo, a front?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foxgrape._util.formatting import to_json_value
from foxgrape.stats.coincidence.place_intensity import place_distances

if TYPE_CHECKING:
    import numpy.typing as npt

    from foxgrape.stats.coincidence.point_pattern import PointPattern

    Floats = npt.NDArray[np.float64]

__all__ = ["Confounding", "measure_confounding"]

_DRAWS = 199
_LEVEL = 0.05
#: Less than this much more than by chance misleads no null noticeably.
_NOTABLE = 1.05
_DAY = 86_400e6
#: Pairs beyond so many say nothing new, and cost time.
_ENOUGH = 2_000


@dataclass(frozen=True, slots=True)
class Confounding:
    """How many more pairs of a signal and an event are near than if the two had nothing in common.

    Attributes
    ----------
    ratio
        Pairs observed over those expected; NaN where none can be.
    p_value
        One-sided.
    """

    ratio: float
    p_value: float

    @property
    def found(self) -> bool:
        """Whether there is enough of it to mislead a null that does not hold it."""
        return self.p_value <= _LEVEL and self.ratio >= _NOTABLE

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; NaN is None."""
        return {"ratio": to_json_value(self.ratio), "p_value": to_json_value(self.p_value)}


def measure_confounding(series: PointPattern) -> tuple[Confounding, Confounding]:
    """Measure the tempo and the front that signals and events share.

    Tempo: pairs within three windows in time, wherever they are, against signals shifted around
    observation. Front: pairs near in place and within a month in time but farther apart than the
    window, so that a lead is not taken for a front, against signals whose places are permuted
    (Knox 1964).
    """
    if not len(series.label) or not len(series.event_place):
        nothing = Confounding(float("nan"), float("nan"))
        return nothing, nothing
    rng = np.random.default_rng(series.seed)
    every = -(-len(series.label) // _ENOUGH), -(-len(series.event_place) // _ENOUGH)
    posted, happened = series.posted[:: every[0]], series.happened[:: every[1]]
    place = series.place_of_label[series.label][:: every[0]]
    window = float(series.windows.min())
    tempo = _tempo(rng, posted, np.sort(happened), series.span, min(3 * window, series.span / 12))
    apart = np.abs(happened[None] - posted[:, None])
    near = (apart > window) & (apart <= max(30 * _DAY, 3 * window))
    return tempo, _front(rng, near, place, series.event_place[:: every[1]], series.xy)


def _tempo(
    rng: np.random.Generator, posted: Floats, happened: Floats, span: float, within: float
) -> Confounding:
    """Count pairs near in time, and count again with all signals shifted around observation."""

    def pairs(at: Floats) -> int:
        last = np.searchsorted(happened, at + within, side="right")
        return int((last - np.searchsorted(happened, at - within)).sum())

    seen = pairs(posted)
    drawn = [pairs((posted + shift) % span) for shift in rng.random(_DRAWS) * span]
    return _compared(seen, np.array(drawn))


def _front(
    rng: np.random.Generator,
    near: npt.NDArray[np.bool_],
    place: npt.NDArray[np.int64],
    event_place: npt.NDArray[np.int64],
    xy: Floats,
) -> Confounding:
    """Count pairs near in time and place, and count again with the signals' places permuted."""
    away, spacing = place_distances(xy)
    by_place = np.zeros((len(place), len(xy)))
    for signal, row in enumerate(near):
        by_place[signal] = np.bincount(event_place[row], minlength=len(xy))
    worth = by_place @ (away <= 1.5 * spacing)
    slots = np.arange(len(place))
    drawn = [worth[slots, rng.permutation(place)].sum() for _ in range(_DRAWS)]
    return _compared(float(worth[slots, place].sum()), np.array(drawn))


def _compared(seen: float, drawn: Floats) -> Confounding:
    usual = float(np.mean(drawn))
    ratio = seen / usual if usual > 0 else float("nan")
    return Confounding(ratio, float((1 + (drawn >= seen).sum()) / (1 + len(drawn))))
