"""Signals and events as arrays of instants, places and groups, and their coincidence rates."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foxgrape import schemas, times
from foxgrape.errors import TableError
from foxgrape.linking import signals_with_place
from foxgrape.stats.inputs import (
    as_seed,
    data_warnings,
    duration_us,
    durations_us,
    known_since,
    observation_of,
    place_coordinates,
    project,
    sort_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from foxgrape._util.typing import BoolArray, FloatArray, IntArray
    from foxgrape.observation import Observation
    from foxgrape.places import Gazetteer
    from foxgrape.stats.coincidence.kernels import KernelInput, PairTable
    from foxgrape.stats.coincidence.place_intensity import PlaceIntensity
    from foxgrape.stats.inputs import ObservationPeriod

__all__ = [
    "PointPattern",
    "Rates",
    "count_rates",
    "is_followed",
    "make_labels",
    "make_pattern",
    "overlaps",
]

#: Number of random draws of rough times over which observed statistics are averaged.
_DRAWS = 64
#: Signals with one label form one episode if the gaps are at most this many shortest windows.
_EPISODE = 0.75
#: Columns of signals that say what a signal names. A surrogate that exchanges places exchanges
#: these too: otherwise posts for a place with many events would be compared with those for others.
_NAMED = frozenset({"place_id", "place", "code"})


@dataclass(frozen=True, eq=False)
class PointPattern:
    """Signals and events within observation; instants are microseconds since its start.

    Attributes
    ----------
    low, high
        Earliest and latest instant of each signal.
    label
        Label of each signal: one label per distinct pair of place and instant of decoding, and per
        group if labels have groups.
    group, group_names
        Index of each signal's group, and the names of the groups.
    event_low, event_high, event_place, confirmed
        Earliest and latest instant, place, and latest instant of confirmation of each event;
        events are sorted by place.
    place_of_label, decoded
        For each label, its place and when its code was decoded; minus infinity if unknown.
    group_of_label
        For each label, its group, if signals are grouped by the place or code that they name: a
        surrogate then exchanges the groups too. Otherwise empty.
    xy
        Kilometres east and north of each place; NaN where unknown.
    start, span, lag
        Start of observation since 1970, length of observation, and lag, all in microseconds.
    windows
        Lengths of the windows, in microseconds.
    seed
        Seed of all random draws.
    n_unfollowed
        Signals left out because events were not recorded throughout their window.
    signal_span
        Length of the time in which signals are followed throughout their window; None for `span`.
    clock
        ``confirmed`` or ``occurred``.
    """

    low: FloatArray
    high: FloatArray
    label: IntArray
    group: IntArray
    group_names: tuple[str, ...]
    event_low: FloatArray
    event_high: FloatArray
    event_place: IntArray
    confirmed: FloatArray
    place_of_label: IntArray
    decoded: FloatArray
    xy: FloatArray
    start: float
    span: float
    lag: float
    windows: FloatArray
    seed: int
    group_of_label: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    n_unfollowed: int = 0
    signal_span: float | None = None
    clock: str = ""

    @property
    def n_places(self) -> int:
        """Number of places that signals or events name."""
        return len(self.xy)

    @property
    def n_signal_places(self) -> int:
        """Number of places that signals name."""
        return len(np.unique(self.place_of_label[self.label]))

    @property
    def map_size(self) -> float:
        """Longer side of the area that places with coordinates span, in km; 0 without any."""
        known = self.xy[np.isfinite(self.xy).all(axis=1)]
        return float(np.ptp(known, axis=0).max()) if len(known) else 0.0

    @property
    def observed(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First and last instant of observation."""
        first, last = (
            pd.Timestamp(int(instant), unit="us", tz="UTC")
            for instant in (self.start, self.start + self.span)
        )
        return first, last

    @property
    def posted(self) -> FloatArray:
        """Middle of each signal's interval."""
        return (self.low + self.high) / 2

    @property
    def happened(self) -> FloatArray:
        """Middle of each event's interval."""
        return (self.event_low + self.event_high) / 2

    @property
    def draws(self) -> int:
        """Number of draws over which observed statistics are averaged; 1 if all times are exact."""
        rough = (self.high > self.low).any() or (self.event_high > self.event_low).any()
        return _DRAWS if rough else 1

    @cached_property
    def instants(self) -> tuple[FloatArray, FloatArray]:
        """Instants drawn within the intervals of signals and events, one row per draw."""
        rng = np.random.default_rng(self.seed)
        posted = self.low + (self.high - self.low) * rng.random((self.draws, len(self.low)))
        width = self.event_high - self.event_low
        return posted, self.event_low + width * rng.random((self.draws, len(width)))

    @cached_property
    def event_start(self) -> IntArray:
        """Index of each place's first event, and the number of events as last entry."""
        return np.searchsorted(self.event_place, np.arange(self.n_places + 1))

    def kernel_input(self, *, unweighted: bool) -> KernelInput:
        """Return the arrays for `resample_statistics`, with signals sorted by place and time."""
        from foxgrape.stats.coincidence.kernels import KernelInput

        place = self.place_of_label[self.label]
        order = np.lexsort((self.posted, place))
        return KernelInput(
            signal_low=self.low[order],
            signal_high=self.high[order],
            signal_start=np.searchsorted(place[order], np.arange(self.n_places + 1)),
            decoded=self.decoded[self.label[order]],
            group=self.group[order],
            n_groups=len(self.group_names),
            event_low=self.event_low,
            event_high=self.event_high,
            event_start=self.event_start,
            confirmed=self.confirmed,
            span=self.span,
            signal_span=self.span if self.signal_span is None else self.signal_span,
            lag=self.lag,
            windows=self.windows,
            unweighted=unweighted,
        )

    def sorted_by_group(self) -> tuple[IntArray, IntArray]:
        """Return the order of signals by group, and each group's first position in this order."""
        order = np.argsort(self.group, kind="stable")
        return order, np.searchsorted(self.group[order], np.arange(len(self.group_names) + 1))

    def in_one_group(self) -> PointPattern:
        """Return the pattern with all signals in one group."""
        group = np.zeros_like(self.group)
        label, place_of_label, decoded, _ = make_labels(
            self.place_of_label[self.label], self.decoded[self.label], group
        )
        return replace(
            self,
            group=group,
            group_names=("all",),
            label=label,
            place_of_label=place_of_label,
            decoded=decoded,
            group_of_label=self.group_of_label[:0],
        )

    def episodes(self) -> tuple[IntArray, IntArray]:
        """Return each signal's episode, and each episode's first signal, in order of time.

        Signals of one group and one label, each within three quarters of the shortest window of the
        one before, form one episode: they mostly precede the same events, and so add little
        evidence to the first signal.
        """
        unit = np.empty(len(self.label), dtype=np.int64)
        first: list[int] = []
        latest: dict[tuple[int, int], tuple[float, int]] = {}
        gap = _EPISODE * float(self.windows.min())
        for signal in np.argsort(self.posted, kind="stable").tolist():
            instant = float(self.posted[signal])
            key = int(self.label[signal]), int(self.group[signal])
            before, episode = latest.get(key, (-np.inf, -1))
            if instant - before > gap:
                episode = len(first)
                first.append(signal)
            unit[signal] = episode
            latest[key] = instant, episode
        return unit, np.array(first, dtype=np.int64)

    def place_intensity(self, instants: FloatArray) -> PlaceIntensity:
        """Estimate how probable each place was at each instant, and at each event without it."""
        from foxgrape.stats.coincidence.place_intensity import estimate_place_intensity

        return estimate_place_intensity(
            instants, self.happened, self.event_place, self.xy, span=self.span
        )

    def pairs(self, expected: FloatArray | None, gain: float, floor: float) -> PairTable:
        """Return the events that follow, and their weights, for each window, signal and label.

        `expected` is, for each event, the share of events at that time expected at its place. If it
        is given, an event weighs more the fewer events were expected at its place.
        """
        from foxgrape.stats.coincidence.kernels import PairTable, pair_weights

        row_starts, events, weights = [], [], []
        before = 0
        for window in self.windows:
            row_start, event, weight = pair_weights(
                *self.instants, self.event_start, self.place_of_label, self.decoded,
                self.confirmed, self.lag, window, unweighted=False,
            )  # fmt: skip
            if expected is not None:
                key = np.repeat(np.arange(len(row_start) - 1), np.diff(row_start))
                signal = key // len(self.place_of_label)
                usual = self._events_ahead(window)[signal] * expected[event]
                weight = np.log1p(gain * weight / (usual + floor))
            row_starts.append(row_start + before)
            before += len(event)
            events.append(event)
            weights.append(weight)
        return PairTable(np.array(row_starts), np.concatenate(events), np.concatenate(weights))

    def _events_ahead(self, window: float) -> FloatArray:
        """Count, for each signal, the events at any place within its window."""
        happened = np.sort(self.happened)
        low = np.searchsorted(happened, self.posted + self.lag)
        high = np.searchsorted(happened, self.posted + self.lag + window, side="right")
        return (high - low).astype(float)


def make_pattern(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    *,
    window: str | pd.Timedelta | Iterable[str | pd.Timedelta],
    lag: str | pd.Timedelta = "0D",
    rng: np.random.Generator | int | None = 0,
    by: str | None = None,
    observed: ObservationPeriod | None = None,
    clock: times.Clock | None = None,
    hindsight: bool = False,
    gazetteer: Gazetteer | None = None,
) -> tuple[PointPattern, tuple[str, ...]]:
    """Return the point pattern of two tables, and caveats; parameters are as in `coincidence`."""
    windows = np.array(durations_us(window, "window"), dtype=float)
    signals = signals_with_place(signals)
    events = schemas.validate(events, "events", fill=True)
    chosen_clock = times.resolve_clock(events, clock)
    period = observation_of(observed, signals, events, chosen_clock)
    pattern = _pattern(
        signals,
        events,
        clock=chosen_clock,
        windows=windows,
        lag=float(duration_us(lag, "lag", zero=True)),
        by=by,
        observed=period,
        seed=as_seed(rng),
        hindsight=hindsight,
        gazetteer=gazetteer,
    )
    return pattern, data_warnings(signals, events, chosen_clock, period)


def _pattern(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    *,
    clock: str,
    windows: FloatArray,
    lag: float,
    by: str | None,
    observed: Observation,
    seed: int,
    hindsight: bool,
    gazetteer: Gazetteer | None = None,
) -> PointPattern:
    """Convert validated tables to arrays.

    Left out are events outside observation, and signals whose window is not observed throughout.
    """
    start, end = (float(times.microseconds(pd.Series([bound]))[0]) for bound in observed)
    signals = sort_rows(signals, "posted", "signal_id")
    events = sort_rows(events, clock, "event_id")
    reach = lag + float(windows.max())
    followed = is_followed(signals, observed, reach)
    n_unfollowed = int((overlaps(signals, "posted", observed) & ~followed).sum())
    signals = signals[followed]
    events = events[overlaps(events, clock, observed)]
    low, high = _clip(signals, "posted", start, end)
    event_low, event_high = _clip(events, clock, start, end)
    codes, ids = pd.factorize(pd.concat([signals["place_id"], events["place_id"]]))
    place, event_place = (part.astype(np.int64) for part in np.split(codes, [len(signals)]))
    decoded = _since(start, signals["decoded_at"], missing=-np.inf)
    if hindsight:
        decoded[:] = -np.inf
    group, names = _groups(signals, by)
    named = group if by in _NAMED else np.zeros_like(group)
    label, place_of_label, label_decoded, group_of_label = make_labels(place, decoded, named)
    order = np.lexsort((event_low, event_place))
    return PointPattern(
        low=low,
        high=high,
        label=label,
        group=group,
        group_names=names,
        event_low=event_low[order],
        event_high=event_high[order],
        event_place=event_place[order],
        confirmed=_since(start, known_since(events), missing=np.inf)[order],
        place_of_label=place_of_label,
        group_of_label=group_of_label if by in _NAMED else group_of_label[:0],
        decoded=label_decoded,
        xy=project(place_coordinates(ids, events, gazetteer)),
        start=start,
        span=end - start,
        lag=lag,
        windows=windows,
        seed=seed,
        n_unfollowed=n_unfollowed,
        signal_span=max(end - start - reach, float(high.max(initial=0.0)), 1.0),
        clock=clock,
    )


def is_followed(signals: pd.DataFrame, observed: Observation, reach: float) -> BoolArray:
    """Return whether events were recorded from each post until `reach` microseconds after it."""
    posted, posted_until = (
        times.microseconds(signals[f"posted_{side}"]) for side in ("at", "until")
    )
    return observed.covers(signals["place_id"], posted, posted_until + int(reach))


def overlaps(frame: pd.DataFrame, name: str, observed: Observation) -> BoolArray:
    """Return whether each row's interval overlaps the observation at its place."""
    at, until = (times.microseconds(frame[f"{name}_{side}"]) for side in ("at", "until"))
    return observed.overlaps(frame["place_id"], at, until)


def _clip(
    frame: pd.DataFrame, name: str, start: float, end: float
) -> tuple[FloatArray, FloatArray]:
    """Return intervals clipped to observation, relative to its start."""
    low, high = (
        np.clip(times.microseconds(frame[f"{name}_{side}"]).astype(float) - start, 0, end - start)
        for side in ("at", "until")
    )
    return low, high


def _since(start: float, column: pd.Series, *, missing: float) -> FloatArray:
    instants = times.microseconds(column)
    return np.where(instants == times.NAT, missing, instants.astype(float) - start)


def make_labels(
    place: IntArray, decoded: FloatArray, group: IntArray
) -> tuple[IntArray, IntArray, FloatArray, IntArray]:
    """Return each signal's label, and each label's place, instant of decoding and group."""
    if not len(place):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64)
    keys = pd.DataFrame({"place": place, "decoded": decoded, "group": group})
    label = keys.groupby([*keys], sort=True).ngroup()
    distinct = keys.assign(label=label).drop_duplicates("label").sort_values("label")
    # Copies, since pandas may return read-only arrays: numba compiles each kernel again for them.
    return (
        np.array(label, dtype=np.int64),
        np.array(distinct["place"], dtype=np.int64),
        np.array(distinct["decoded"], dtype=np.float64),
        np.array(distinct["group"], dtype=np.int64),
    )


def _groups(signals: pd.DataFrame, by: str | None) -> tuple[IntArray, tuple[str, ...]]:
    if by is None:
        return np.zeros(len(signals), np.int64), ("all",)
    if by not in signals:
        raise TableError.missing_column(by, signals.columns, table="signals")
    codes, names = pd.factorize(
        signals[by].astype("object").where(signals[by].notna(), "none"), sort=True
    )
    return codes.astype(np.int64), tuple(map(str, names)) or ("none",)


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """Coincidence rates, averaged over draws of rough times; NaN where undefined.

    Attributes
    ----------
    trigger, precursor
        Shape (windows, groups + 1); the last group is all signals.
    echo
        For each window, the share of signals that came within the window after an event.
    """

    trigger: FloatArray
    precursor: FloatArray
    echo: FloatArray


def count_rates(pattern: PointPattern) -> Rates:
    """Compute the trigger, precursor and echo rates."""
    from foxgrape.stats.coincidence.kernels import OBSERVED, KernelInput, resample_statistics

    data = pattern.kernel_input(unweighted=True)
    # Echo rates: exchange the roles of signals and events, without lag or decoding times.
    reverse = KernelInput(
        data.event_low, data.event_high, data.event_start,
        np.full(len(data.event_low), -np.inf), np.zeros(len(data.event_low), np.int64), 1,
        data.signal_low, data.signal_high, data.signal_start,
        np.full(len(data.signal_low), np.inf), data.span, data.span, 0.0, data.windows,
        unweighted=True,
    )  # fmt: skip
    counts, echoes = (
        resample_statistics(0, pattern.draws, pattern.seed, OBSERVED, arrays).mean(axis=0)
        for arrays in (data, reverse)
    )
    groups = np.bincount(pattern.group, minlength=len(pattern.group_names))
    signals = np.append(groups, len(pattern.label)).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Rates(
            trigger=counts[:, :, 0] / signals,
            precursor=counts[:, :, 1] / np.float64(len(pattern.event_place)),
            echo=echoes[:, -1, 1] / np.float64(len(pattern.label)),
        )
