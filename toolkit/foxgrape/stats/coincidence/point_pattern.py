"""Signals and events as arrays of instants, places and groups: what null models work on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import times
from foxgrape.errors import TableError
from foxgrape.stats.inputs import KM_A_DEGREE, place_coordinates, sort_rows

if TYPE_CHECKING:
    import numpy.typing as npt

    from foxgrape.stats.coincidence.place_intensity import PlaceIntensity

    Floats = npt.NDArray[np.float64]
    Whole = npt.NDArray[np.int64]

__all__ = ["PointPattern", "labels", "map_size", "point_pattern"]

#: Draws of instants within rough intervals over which what was observed is averaged.
_DRAWS = 64
#: A signal that names what was named less than so many windows ago tells the same tale.
_EPISODE = 0.75


@dataclass(frozen=True, eq=False)
class PointPattern:
    """Signals and events within observation; instants are microseconds since its start.

    Attributes
    ----------
    low, high
        Earliest and latest instant of each signal.
    label
        What each signal names: a place together with when its code was decoded in public.
    group, group_names
        Group of each signal, and their names.
    event_low, event_high, event_place, confirmed
        Events, sorted by place; `confirmed` is the latest instant of the confirmation.
    place_of_label, decoded
        Place of each label, and when its code was decoded; minus infinity where never.
    xy
        Kilometres east and north of each place; NaN where unknown.
    start, span, lag
        Start of observation since 1970, its length, and the lag.
    windows
        Lengths of the windows.
    seed
        For draws of instants within rough intervals.
    """

    low: Floats
    high: Floats
    label: Whole
    group: Whole
    group_names: tuple[str, ...]
    event_low: Floats
    event_high: Floats
    event_place: Whole
    confirmed: Floats
    place_of_label: Whole
    decoded: Floats
    xy: Floats
    start: float
    span: float
    lag: float
    windows: Floats
    seed: int

    @property
    def n_places(self) -> int:
        """Number of places that signals or events name."""
        return len(self.xy)

    @property
    def observed(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        """First and last instant of observation."""
        first, last = (
            pd.Timestamp(int(end), unit="us", tz="UTC")
            for end in (self.start, self.start + self.span)
        )
        return first, last

    @property
    def posted(self) -> Floats:
        """Middle of each signal's interval."""
        return (self.low + self.high) / 2

    @property
    def happened(self) -> Floats:
        """Middle of each event's interval."""
        return (self.event_low + self.event_high) / 2

    @property
    def draws(self) -> int:
        """How many draws of instants stand for what was observed: one where all are exact."""
        rough = (self.high > self.low).any() or (self.event_high > self.event_low).any()
        return _DRAWS if rough else 1

    @cached_property
    def instants(self) -> tuple[Floats, Floats]:
        """Instants drawn within the intervals of signals and events, one row a draw."""
        rng = np.random.default_rng(self.seed)
        posted = self.low + (self.high - self.low) * rng.random((self.draws, len(self.low)))
        width = self.event_high - self.event_low
        return posted, self.event_low + width * rng.random((self.draws, len(width)))

    @cached_property
    def event_start(self) -> Whole:
        """Where the events of each place begin."""
        return np.searchsorted(self.event_place, np.arange(self.n_places + 1))

    def by_place(self, *, counting: bool) -> tuple[Any, ...]:
        """Return what `redraw_kernels.redrawn` needs, signals sorted by place and time."""
        place = self.place_of_label[self.label]
        order = np.lexsort((self.posted, place))
        return (
            self.low[order],
            self.high[order],
            np.searchsorted(place[order], np.arange(self.n_places + 1)),
            self.decoded[self.label[order]],
            self.group[order],
            len(self.group_names),
            self.event_low,
            self.event_high,
            self.event_start,
            self.confirmed,
            self.span,
            self.lag,
            self.windows,
            counting,
        )

    def groups_in_order(self) -> tuple[Whole, Whole]:
        """Return signals sorted by group, and where each group begins."""
        order = np.argsort(self.group, kind="stable")
        return order, np.searchsorted(self.group[order], np.arange(len(self.group_names) + 1))

    def episodes(self) -> tuple[Whole, Whole]:
        """Return the episode of each signal, and the first signal of each, in order of time.

        Signals that name one thing again within three quarters of the shortest window are one
        episode: they share their events, and are little evidence beyond the first.
        """
        unit = np.empty(len(self.label), dtype=np.int64)
        first: list[int] = []
        last: dict[int, tuple[float, int]] = {}
        gap = _EPISODE * float(self.windows.min())
        for slot in np.argsort(self.posted, kind="stable").tolist():
            at, label = float(self.posted[slot]), int(self.label[slot])
            before, episode = last.get(label, (-np.inf, -1))
            if at - before > gap:
                episode = len(first)
                first.append(slot)
            unit[slot] = episode
            last[label] = at, episode
        return unit, np.array(first, dtype=np.int64)

    def field(self, at: Floats) -> PlaceIntensity:
        """Return how likely each place was at each instant, and at each event without itself."""
        from foxgrape.stats.coincidence.place_intensity import estimate_place_intensity

        return estimate_place_intensity(
            at, self.happened, self.event_place, self.xy, span=self.span
        )

    def pairs(
        self, expected: Floats | None, gain: float, floor: float
    ) -> tuple[Whole, Whole, Floats]:
        """Return for each window, slot and label the events that follow, and what each is worth.

        In compressed form: where the events of each slot and label begin, a row a window; then
        all events and all values.

        `expected` is for each event the share of the events of its time that its place may expect;
        with it, an event counts by its weight against what was expected there.
        """
        from foxgrape.stats.coincidence.permutation import pair_weights

        rows, found, values = [], [], []
        before = 0
        for window in self.windows:
            row, events, value = pair_weights(
                *self.instants,
                self.event_start,
                self.place_of_label,
                self.decoded,
                self.confirmed,
                self.lag,
                window,
                counting=False,
            )
            if expected is not None:
                key = np.repeat(np.arange(len(row) - 1), np.diff(row))
                usual = self._ahead(window)[key // len(self.place_of_label)] * expected[events]
                value = np.log1p(gain * value / (usual + floor))
            rows.append(row + before)
            before += len(events)
            found.append(events)
            values.append(value)
        return np.array(rows), np.concatenate(found), np.concatenate(values)

    def _ahead(self, window: float) -> Floats:
        """Return how many events, wherever they were, lie in the window of each signal."""
        happened = np.sort(self.happened)
        low = np.searchsorted(happened, self.posted + self.lag)
        high = np.searchsorted(happened, self.posted + self.lag + window, side="right")
        return (high - low).astype(float)


def point_pattern(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    *,
    clock: str,
    windows: Floats,
    lag: float,
    by: str | None,
    observed: tuple[int, int],
    seed: int,
    hindsight: bool,
) -> PointPattern:
    """Turn checked tables into arrays; what lies outside observation is left out."""
    start, end = map(float, observed)
    signals = sort_rows(signals, "posted", "signal_id")
    events = sort_rows(events, clock, "event_id")
    low, high, inside = _clipped(signals, "posted", start, end)
    event_low, event_high, inside_event = _clipped(events, clock, start, end)
    signals, events = signals[inside], events[inside_event]
    both, ids = pd.factorize(pd.concat([signals["place_id"], events["place_id"]]))
    place, event_place = both[: len(signals)], both[len(signals) :]
    decoded = _or_never(times.microseconds(signals["decoded_at"]), -np.inf, start)
    if hindsight:
        decoded[:] = -np.inf
    label, place_of_label, label_decoded = labels(place, decoded)
    group, names = _groups(signals, by)
    order = np.lexsort((event_low, event_place))
    confirmed = _or_never(times.microseconds(events["confirmed_until"]), np.inf, start)
    return PointPattern(
        low=low,
        high=high,
        label=label,
        group=group,
        group_names=names,
        event_low=event_low[order],
        event_high=event_high[order],
        event_place=event_place[order].astype(np.int64),
        confirmed=confirmed[order],
        place_of_label=place_of_label,
        decoded=label_decoded,
        xy=_kilometres(ids, events),
        start=start,
        # A single instant was watched for a tick: of no time nothing is a share.
        span=max(end - start, 1.0),
        lag=lag,
        windows=windows,
        seed=seed,
    )


def _clipped(
    frame: pd.DataFrame, name: str, start: float, end: float
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Return intervals as instants since the start, cut to observation, and which lie in it."""
    at, until = (times.microseconds(frame[f"{name}_{side}"]) for side in ("at", "until"))
    inside = (at != times.NAT) & (until >= start) & (at <= end)
    low, high = (
        np.clip(ends[inside].astype(float) - start, 0, end - start) for ends in (at, until)
    )
    return low, high, inside


def _or_never(instants: npt.NDArray[np.int64], never: float, start: float) -> Floats:
    return np.where(instants == times.NAT, never, instants.astype(float) - start)


def labels(place: npt.NDArray[np.intp], decoded: Floats) -> tuple[Whole, Whole, Floats]:
    """Return the label of each signal, and the place and decoding of each label."""
    if not len(place):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    pairs = pd.DataFrame({"place": place.astype(np.int64), "decoded": decoded})
    label: Any = pairs.groupby(["place", "decoded"], sort=True).ngroup().to_numpy(dtype=np.int64)
    distinct = pairs.assign(label=label).drop_duplicates("label").sort_values("label")
    return (
        label,
        distinct["place"].to_numpy(dtype=np.int64),
        distinct["decoded"].to_numpy(dtype=float),
    )


def map_size(series: PointPattern) -> float:
    """Return the longer side of the map that the known places span, in kilometres; 0 if none."""
    known = series.xy[np.isfinite(series.xy).all(axis=1)]
    return float(np.ptp(known, axis=0).max()) if len(known) else 0.0


def _groups(signals: pd.DataFrame, by: str | None) -> tuple[Whole, tuple[str, ...]]:
    if by is None:
        return np.zeros(len(signals), np.int64), ("all",)
    if by not in signals:
        raise TableError.missing_column(by, signals.columns, table="signals")
    codes, names = pd.factorize(
        signals[by].astype("object").where(signals[by].notna(), "none"), sort=True
    )
    return codes.astype(np.int64), tuple(map(str, names)) or ("none",)


def _kilometres(ids: pd.Index[str], events: pd.DataFrame) -> Floats:
    """Return kilometres east and north of each place, NaN where nobody knows."""
    degrees = place_coordinates(ids, events)
    middle = np.nanmean(degrees[:, 0]) if np.isfinite(degrees[:, 0]).any() else 0.0
    east = degrees[:, 1] * KM_A_DEGREE * np.cos(np.radians(middle))
    return np.column_stack([east, degrees[:, 0] * KM_A_DEGREE])
