"""Null models and their surrogates; measures of the tempo and front that data share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foxgrape._util.formatting import to_json_value
from foxgrape.errors import FoxgrapeError, did_you_mean
from foxgrape.stats.inputs import LEVEL, median_neighbour_distance, planar_distances

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from foxgrape._util.typing import BoolArray, FloatArray, IntArray
    from foxgrape.stats.coincidence.kernels import ExchangeUnits, PairTable
    from foxgrape.stats.coincidence.point_pattern import PointPattern

__all__ = [
    "EXCHANGING",
    "NULLS",
    "Confounding",
    "Exchange",
    "NullModel",
    "Surrogates",
    "draw_surrogates",
    "measure_confounding",
    "prepare_exchange",
    "validate_null",
]

#: Number of swaps, per exchange unit, in the Metropolis chain that draws a surrogate.
_SWEEPS = 6
#: An event that follows a signal with weight w scores ln(1 + GAIN w / (expected + FLOOR)), like a
#: log likelihood ratio: more where few events were expected, and more if the event comes soon.
_GAIN, _FLOOR = 0.5, 0.1
#: Number of draws for a measure of confounding, and the smallest ratio reported as significant.
_DRAWS, _MIN_RATIO = 199, 1.05
_DAY = 86_400e6
#: Confounding is measured on at most this many signals and events, to save time.
_MAX_SAMPLE = 2_000


@dataclass(frozen=True, slots=True)
class NullModel:
    """A null model: what chance means in a test of coincidence.

    Attributes
    ----------
    name
        Value of `coincidence`'s parameter `null`.
    preserves
        Properties of the data that a surrogate keeps.
    randomizes
        Properties that a surrogate draws at random: the test asks whether they matter.
    fails_when
        Conditions under which the test is anti-conservative.
    """

    name: str
    preserves: str
    randomizes: str
    fails_when: str


#: The null models of `coincidence`.
NULLS = {
    null.name: null
    for null in (
        NullModel(
            "uniform",
            "how many signals and events each place has",
            "all times: signals and events are drawn uniformly over the observation period",
            "signals and events share a tempo, a front, or only a busy season",
        ),
        NullModel(
            "shuffle",
            "at each place, the waiting times between signals and between events, including those "
            "at both ends of the observation period",
            "the order of the waiting times",
            "signals and events share a tempo or a front",
        ),
        NullModel(
            "circular",
            "events, and the time differences between signals",
            "the position of the signals relative to the events: all signals are shifted by one "
            "random amount",
            "signals and events share a tempo, and more so a front; with few bursts there are few "
            "different shifts",
        ),
        NullModel(
            "place",
            "events, the signals' times, and how often each place is named",
            "which signal names which place",
            "signals and events share a moving front: what is near in time is then near in place",
        ),
        NullModel(
            "local",
            "events, the signals' times, how often each place is named, and how probable each "
            "place was at the time, as estimated from earlier and later events",
            "which signal names which place, among places about equally probable at the time",
            "signals and events follow something that events nearby in time and space do not "
            "show, such as a place that is in the news for a single day",
        ),
    )
}


#: Null models in which posts exchange places; the others draw new times.
EXCHANGING = ("place", "local")


@dataclass(frozen=True, slots=True, eq=False)
class Surrogates:
    """Observed and simulated statistics.

    Attributes
    ----------
    observed
        Shape (windows, groups + 1, 2): trigger and precursor; the last group is all signals.
    simulated
        Shape (surrogates, windows, groups + 1, 2): the statistics of each surrogate.
    """

    observed: FloatArray
    simulated: FloatArray


@dataclass(frozen=True, slots=True)
class Confounding:
    """Excess of nearby signal-event pairs over the number expected if the two were unrelated.

    Attributes
    ----------
    ratio
        Observed divided by expected number of pairs; NaN if no pairs are expected.
    p_value
        One-sided p-value.
    """

    ratio: float
    p_value: float

    @property
    def significant(self) -> bool:
        """Whether the excess is large enough to mislead null models that do not preserve it."""
        return self.p_value <= LEVEL and self.ratio >= _MIN_RATIO

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; NaN is None."""
        return {"ratio": to_json_value(self.ratio), "p_value": to_json_value(self.p_value)}


def validate_null(null: str, n: int, known: Iterable[str] = NULLS) -> None:
    """Raise FoxgrapeError unless the null model is known and there is at least one surrogate."""
    if null not in known:
        hint = did_you_mean(null, known)
        raise FoxgrapeError("unknown null model", got=null, hint=hint, argument=True)
    if n < 1:
        raise FoxgrapeError("the number of surrogates must be at least 1", got=n)


def draw_surrogates(
    pattern: PointPattern, null: str, n: int, seed: int, *, threads: int = 1
) -> Surrogates:
    """Draw surrogates of a pattern under a null model and compute their statistics.

    Under ``local``, episodes are formed within groups, so that the answer for a group does not
    depend on what the other groups posted about its places. For all signals together, they are
    formed across groups.
    """
    if null not in EXCHANGING:
        return _resample(pattern, null, n, seed, threads)
    drawn = prepare_exchange(pattern, null).draw(pattern, n, seed, threads)
    if null == "place" or len(pattern.group_names) == 1:
        return drawn
    pattern = pattern.in_one_group()
    together = prepare_exchange(pattern, null).draw(pattern, n, seed, threads)
    return Surrogates(
        np.concatenate([drawn.observed[:, :-1], together.observed[:, -1:]], axis=1),
        np.concatenate([drawn.simulated[:, :, :-1], together.simulated[:, :, -1:]], axis=2),
    )


def _run(kernel: Callable[[int, int], FloatArray], n: int, threads: int) -> FloatArray:
    """Run a kernel for surrogates 0 to n - 1, divided among threads."""
    if threads <= 1 or n == 0:
        return kernel(0, n)
    edges = np.linspace(0, n, threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(kernel, edges[:-1], edges[1:])))


def _resample(pattern: PointPattern, null: str, n: int, seed: int, threads: int) -> Surrogates:
    """Draw surrogates with new times."""
    from foxgrape.stats.coincidence import kernels

    kinds = {"uniform": kernels.UNIFORM, "shuffle": kernels.SHUFFLE, "circular": kernels.CIRCULAR}
    data = pattern.kernel_input(unweighted=False)

    def kernel(first: int, last: int) -> FloatArray:
        return np.asarray(kernels.resample_statistics(first, last, seed, kinds[null], data))

    simulated = _run(kernel, n, threads)
    # With rough times, the observed statistic is the mean over draws within the intervals.
    observed = kernels.resample_statistics(0, pattern.draws, seed, kernels.OBSERVED, data)
    return Surrogates(np.asarray(observed.mean(axis=0)), simulated)


@dataclass(frozen=True, slots=True, eq=False)
class Exchange:
    """What a surrogate with exchanged places is drawn from.

    Attributes
    ----------
    units
        Units that exchange their labels, with how probable each place is for each unit.
    pairs
        Events that follow each signal under each label, with their weights.
    """

    units: ExchangeUnits
    pairs: PairTable

    def tilt(self, log_preference: FloatArray) -> Exchange:
        """Return an exchange in which places are preferred, by unit and place."""
        units = self.units
        steps = units.steps or _SWEEPS * len(units.label)
        units = units._replace(log_share=units.log_share + log_preference, steps=steps)
        return Exchange(units, self.pairs)

    def draw(self, pattern: PointPattern, n: int, seed: int, threads: int) -> Surrogates:
        """Draw surrogates with exchanged places and the observed times."""
        from foxgrape.stats.coincidence.kernels import permutation_statistics

        order, group_start = pattern.sorted_by_group()

        def kernel(first: int, last: int) -> FloatArray:
            return np.asarray(
                permutation_statistics(
                    first, last, seed, self.units, pattern.place_of_label,
                    pattern.group_of_label, self.pairs, order, group_start,
                    max(len(pattern.event_place), 1),
                )
            )  # fmt: skip

        return Surrogates(kernel(-1, 0)[0], _run(kernel, n, threads))


def prepare_exchange(pattern: PointPattern, null: str) -> Exchange:
    """Return what surrogates are drawn from under a null model that exchanges places."""
    units, expected = _single_signals(pattern) if null == "place" else _episodes(pattern)
    return Exchange(units, pattern.pairs(expected, _GAIN, _FLOOR))


def _single_signals(pattern: PointPattern) -> tuple[ExchangeUnits, None]:
    """Let every signal exchange places with any other, and weigh events only by their time."""
    from foxgrape.stats.coincidence.kernels import ExchangeUnits

    n = len(pattern.label)
    no_preference = np.zeros((n, pattern.n_places))
    return ExchangeUnits(no_preference, pattern.label, np.arange(n), np.ones(n), 0), None


def _episodes(pattern: PointPattern) -> tuple[ExchangeUnits, FloatArray]:
    """Let episodes exchange places that are similarly probable; also return expected shares."""
    from foxgrape.stats.coincidence.kernels import ExchangeUnits

    unit, first = pattern.episodes()
    size = np.bincount(unit)
    intensity = pattern.place_intensity(np.bincount(unit, pattern.posted) / size)
    label = pattern.label[first]
    # The weights of an episode's signals sum to 1, so that a repeated signal adds no evidence.
    units = ExchangeUnits(intensity.log_share, label, unit, 1.0 / size[unit], _SWEEPS * len(label))
    return units, intensity.expected_share


def measure_confounding(pattern: PointPattern) -> tuple[Confounding, Confounding]:
    """Measure the tempo and the front that signals and events share.

    Tempo: number of pairs within three windows in time, at any places, compared with signals
    shifted circularly in the observation period. Front: number of pairs near in place, and within
    a month (or three windows) in time, compared with permuted places (Knox 1964). Pairs within one
    window are left out of the front, so that leads do not count as a front.
    """
    if not len(pattern.label) or not len(pattern.event_place):
        unknown = Confounding(float("nan"), float("nan"))
        return unknown, unknown
    rng = np.random.default_rng(pattern.seed)
    signal_step = -(-len(pattern.label) // _MAX_SAMPLE)
    event_step = -(-len(pattern.event_place) // _MAX_SAMPLE)
    posted, happened = pattern.posted[::signal_step], pattern.happened[::event_step]
    place = pattern.place_of_label[pattern.label][::signal_step]
    window, span = float(pattern.windows.min()), pattern.span
    tempo = _measure_tempo(rng, posted, np.sort(happened), span, min(3 * window, span / 12))
    gap = np.abs(happened[None] - posted[:, None])
    near = (gap > window) & (gap <= max(30 * _DAY, 3 * window))
    front = _measure_front(rng, near, place, pattern.event_place[::event_step], pattern.xy)
    return tempo, front


def _measure_tempo(
    rng: np.random.Generator, posted: FloatArray, happened: FloatArray, span: float, within: float
) -> Confounding:
    """Compare the number of pairs near in time with that after shifting all signals circularly."""

    def count_pairs(instants: FloatArray) -> int:
        last = np.searchsorted(happened, instants + within, side="right")
        return int((last - np.searchsorted(happened, instants - within)).sum())

    observed = count_pairs(posted)
    simulated = [count_pairs((posted + shift) % span) for shift in rng.random(_DRAWS) * span]
    return _compare(observed, np.array(simulated))


def _measure_front(
    rng: np.random.Generator,
    near: BoolArray,
    place: IntArray,
    event_place: IntArray,
    xy: FloatArray,
) -> Confounding:
    """Compare the number of pairs near in time and place with that after permuting places."""
    distance = planar_distances(xy)
    events_at = np.zeros((len(place), len(xy)))
    for signal, row in enumerate(near):
        events_at[signal] = np.bincount(event_place[row], minlength=len(xy))
    pairs = events_at @ (distance <= 1.5 * median_neighbour_distance(distance))
    signals = np.arange(len(place))
    simulated = [pairs[signals, rng.permutation(place)].sum() for _ in range(_DRAWS)]
    return _compare(float(pairs[signals, place].sum()), np.array(simulated))


def _compare(observed: float, simulated: FloatArray) -> Confounding:
    expected = float(np.mean(simulated))
    ratio = observed / expected if expected > 0 else float("nan")
    return Confounding(ratio, float((1 + (simulated >= observed).sum()) / (1 + len(simulated))))
