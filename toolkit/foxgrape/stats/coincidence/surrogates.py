"""Null models: what "chance" means when posts and events are said to coincide."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foxgrape.errors import FoxgrapeError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from foxgrape.stats.coincidence.point_pattern import PointPattern

    Floats = npt.NDArray[np.float64]

__all__ = ["NULLS", "NullModel", "Surrogates", "as_seed", "draw_surrogates", "validate_null"]

#: Sweeps of the chain that leads to a surrogate, in exchanges a unit.
_SWEEPS = 6
#: A signal weighs ln(1 + GAIN w / (expected + FLOOR)), a likelihood ratio's weight: an event is
#: worth more where the field expected few, and more when it came soon.
_GAIN, _FLOOR = 0.5, 0.1


@dataclass(frozen=True, slots=True)
class NullModel:
    """A null model, and when not to believe it.

    Attributes
    ----------
    name
        As `coincidence` takes it.
    holds
        What a surrogate keeps of the data.
    destroys
        What it does away with, which is what the test asks about.
    lies
        When the test claims a lead that is none.
    """

    name: str
    holds: str
    destroys: str
    lies: str


#: The null models that `coincidence` knows.
NULLS = {
    null.name: null
    for null in (
        NullModel(
            "uniform",
            "how many signals and events each place has",
            "all times: both series are drawn uniformly over observation",
            "whenever signals and events share a tempo, a front, or only a busy season",
        ),
        NullModel(
            "shuffle",
            "at each place, the waiting times of signals and of events, those at the edges of "
            "observation included",
            "the order in which waiting times follow each other",
            "whenever signals and events share a tempo or a front",
        ),
        NullModel(
            "circular",
            "events, and the signals' times to each other",
            "where the signals lie against the events: all are shifted around by one draw",
            "under a shared tempo, and more so under a front; and with few bursts it has little "
            "to draw from",
        ),
        NullModel(
            "place",
            "events, the signals' times, and how often each place is named",
            "which signal names which place",
            "under a front that moves: what is near in time is then near in place",
        ),
        NullModel(
            "local",
            "events, the signals' times, how often each place is named, and where anyone would "
            "have looked at the time, as estimated from events before and after alike",
            "which signal names which place, as far as the places were about as likely then",
            "when signals and events follow something that events nearby in time and space do not "
            "show, such as a place that is news for a day and never before or after",
        ),
    )
}


@dataclass(frozen=True, slots=True, eq=False)
class Surrogates:
    """Statistics of what was observed and of each surrogate.

    Attributes
    ----------
    observed
        Windows times groups (the last stands for all) times (trigger, precursor).
    drawn
        The same for each surrogate.
    """

    observed: Floats
    drawn: Floats


def validate_null(null: str, n: int, known: Iterable[str] = NULLS) -> None:
    """Make sure that there is such a null model, and that something is drawn."""
    if null not in known:
        raise FoxgrapeError("no such null model", got=null, hint=did_you_mean(null, known))
    if n < 1:
        raise FoxgrapeError("too few surrogates", expected="1 or more", got=n)


def as_seed(rng: np.random.Generator | int | None) -> int | None:
    """Return the seed that makes the same numbers again, None where a generator makes them."""
    if not isinstance(rng, int | np.integer):
        return None
    if not 0 <= rng < 2**63:
        raise FoxgrapeError("no such seed", expected="from 0 to 2**63 - 1", got=int(rng))
    return int(rng)


def draw_surrogates(
    series: PointPattern, null: str, n: int, seed: int, *, threads: int = 1
) -> Surrogates:
    """Draw surrogates of the series under a null model, and count coincidences in each."""
    make = (
        _exchanging(series, null, seed)
        if null in {"place", "local"}
        else _redrawing(series, null, seed)
    )
    return make(n, threads)


def _in_pieces(kernel: Callable[[int, int], Floats], n: int, threads: int) -> Floats:
    """Run a kernel over surrogates 0 to n, in as many pieces as there are threads."""
    if threads <= 1 or n == 0:
        return kernel(0, n)
    edges = np.linspace(0, n, threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(kernel, edges[:-1], edges[1:])))


def _redrawing(series: PointPattern, null: str, seed: int) -> Callable[[int, int], Surrogates]:
    """Return the maker of surrogates whose times are drawn anew."""
    from foxgrape.stats.coincidence import resampling as kernels

    kinds = {"uniform": kernels.UNIFORM, "shuffle": kernels.SHUFFLE, "circular": kernels.CIRCULAR}

    def run(kind: int, first: int, last: int) -> Floats:
        return np.asarray(
            kernels.resample_statistics(first, last, seed, kind, *series.by_place(counting=False))
        )

    def make(n: int, threads: int) -> Surrogates:
        drawn = _in_pieces(lambda first, last: run(kinds[null], first, last), n, threads)
        # Rough times: the mean over draws within the intervals, as each surrogate is one draw.
        observed = run(kernels.KEPT, 0, series.draws).mean(axis=0)
        return Surrogates(observed, drawn)

    return make


def _exchanging(series: PointPattern, null: str, seed: int) -> Callable[[int, int], Surrogates]:
    """Return the maker of surrogates whose places are exchanged and whose times are kept."""
    from foxgrape.stats.coincidence.permutation import permutation_statistics

    plan: Any = _free(series) if null == "place" else _local(series)
    rows, found, values = series.pairs(plan["expected"], _GAIN, _FLOOR)
    order, group_start = series.groups_in_order()

    def run(first: int, last: int) -> Floats:
        return np.asarray(
            permutation_statistics(
                first, last, seed, plan["field"], plan["label"], series.place_of_label,
                plan["unit"], plan["weight"], rows, found, values, order, group_start,
                max(len(series.event_place), 1), plan["steps"],
            )
        )  # fmt: skip

    def make(n: int, threads: int) -> Surrogates:
        return Surrogates(run(-1, 0)[0], _in_pieces(run, n, threads))

    return make


def _free(series: PointPattern) -> dict[str, Any]:
    """Let every signal take any place, and count each by the time of its event alone."""
    n = len(series.label)
    return {
        "field": np.zeros((n, series.n_places)),
        "label": series.label,
        "unit": np.arange(n),
        "weight": np.ones(n),
        "steps": 0,
        "expected": None,
    }


def _local(series: PointPattern) -> dict[str, Any]:
    """Let episodes take places about as likely at their time."""
    unit, first = series.episodes()
    size = np.bincount(unit)
    at = np.bincount(unit, series.posted) / size
    label = series.label[first]
    field = series.field(at)
    return {
        "field": field.log_share,
        "label": label,
        "unit": unit,
        # An episode counts once, however often it was told.
        "weight": 1.0 / size[unit],
        "steps": _SWEEPS * len(label),
        "expected": field.unsurprising,
    }
