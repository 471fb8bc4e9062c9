"""How often signals were followed and events preceded: plain counts, rough times drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from foxgrape.stats.coincidence import resampling as kernels
from foxgrape.stats.coincidence.permutation import pair_weights

if TYPE_CHECKING:
    import numpy.typing as npt

    from foxgrape.stats.coincidence.point_pattern import PointPattern

    Floats = npt.NDArray[np.float64]

__all__ = ["Rates", "rates"]


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """Plain rates, the mean over draws where times are rough; NaN where nothing can be counted.

    Attributes
    ----------
    trigger, precursor
        Windows times groups; the last stands for all.
    echo
        For each window, share of signals that came within as long after an event.
    censored
        For each window, signals not followed before observation ended inside their window.
    """

    trigger: Floats
    precursor: Floats
    echo: Floats
    censored: npt.NDArray[np.int64]


def rates(series: PointPattern) -> Rates:
    """Count what was observed."""
    counts = kernels.resample_statistics(
        0, series.draws, series.seed, kernels.KEPT, *series.by_place(counting=True)
    ).mean(axis=0)
    groups = np.bincount(series.group, minlength=len(series.group_names))
    signals = np.append(groups, len(series.label)).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Rates(
            trigger=counts[:, :, 0] / signals,
            precursor=counts[:, :, 1] / np.float64(len(series.event_place)),
            echo=_echoes(series) / np.float64(len(series.label)),
            censored=_censored(series),
        )


def _echoes(series: PointPattern) -> Floats:
    """Return how many signals came within each window after an event: the same, turned round."""
    low, high, start, _, _, _, event_low, event_high, event_start, _, span, *_ = series.by_place(
        counting=True
    )
    never = np.full(len(event_low), -np.inf)
    counts = kernels.resample_statistics(
        0, series.draws, series.seed, kernels.KEPT, event_low, event_high, event_start, never,
        np.zeros(len(event_low), np.int64), 1, low, high, start, np.full(len(low), np.inf), span,
        0.0, series.windows, counting=True,
    )  # fmt: skip
    return np.asarray(counts.mean(axis=0)[:, -1, 1])


def _censored(series: PointPattern) -> npt.NDArray[np.int64]:
    """Count signals whose window outlasts observation and holds no event so far."""
    labels = len(series.place_of_label)
    posted, happened = series.instants
    told = []
    for window in series.windows:
        late = series.posted + series.lag + window > series.span
        row, _, _ = pair_weights(
            np.ascontiguousarray(posted[:, late]), happened, series.event_start,
            series.place_of_label, series.decoded, series.confirmed, series.lag, window,
            counting=True,
        )  # fmt: skip
        key = np.arange(late.sum()) * labels + series.label[late]
        told.append(int((row[key + 1] == row[key]).sum()))
    return np.array(told, dtype=np.int64)
