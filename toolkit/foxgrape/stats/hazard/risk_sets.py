"""Risk sets: at each event, every place that could have had it, and what had been posted there.

Hazard and alarms ask the same of their tables: which place had the event, how long ago a signal
last pointed to each place, and which of these orders is certain. That is worked out here once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from foxgrape import schemas, times
from foxgrape.stats.inputs import observation_period, place_coordinates, sort_rows

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from foxgrape.stats.inputs import ObservationPeriod

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

__all__ = ["DAY", "NEVER", "RiskSets", "risk_sets"]

#: Microseconds in a day, the unit of what is counted here.
DAY = 86_400_000_000
#: Longer ago than anything: no signal has pointed there.
NEVER = np.iinfo(np.int64).max
_EARTH_KM = 6371.0


@dataclass(frozen=True, slots=True, eq=False)
class RiskSets:
    """Events in order of time, the places known, and the signals; instants are microseconds.

    Attributes
    ----------
    places
        Ids of all places that stand in the signals or events observed, sorted.
    events
        Ids of the events observed, in order of their earliest instant.
    case
        For each event, the index of its place.
    event_at, event_until
        Its earliest and latest instant on the clock.
    known_at
        When it had been confirmed for certain; NEVER for one that nobody confirmed.
    signal_place, signal_at, signal_until, decoded_at
        For each signal, in order of its latest instant; `decoded_at` is `times.NAT` where unknown.
    kilometres
        Great-circle distances between places; NaN where coordinates are unknown, 0 to itself.
    observed
        The window of observation.
    n_left_out
        Events without a time on the clock, or outside of the window.
    clock
        When events count as there.
    """

    places: tuple[str, ...]
    events: tuple[str, ...]
    case: Ints
    event_at: Ints
    event_until: Ints
    known_at: Ints
    signal_place: Ints
    signal_at: Ints
    signal_until: Ints
    decoded_at: Ints
    kilometres: Floats
    observed: tuple[int, int]
    n_left_out: int
    clock: times.Clock

    @property
    def located(self) -> npt.NDArray[np.bool_]:
        """Which places have known coordinates: those with a distance to some other place."""
        known: npt.NDArray[np.bool_] = (~np.isnan(self.kilometres)).sum(axis=1) > 1
        return known

    def recency(self, *, hindsight: bool = False) -> Ints:
        """Return for each event and place how long before it a signal last pointed there.

        Only certain orders count: the latest instant of the post lies before the earliest of the
        event. The same rule holds for the place that had the event and for those that had not, so
        that rough times cost power and bring no bias. A signal whose code was first decoded after
        the event had been confirmed does not count for this event, at any place, unless
        `hindsight`: nobody could read it by then.
        """
        since = np.full((len(self.case), len(self.places)), NEVER)
        late = (self.decoded_at > self.signal_until) & (not hindsight)
        for place in range(len(self.places)):
            here = self.signal_until[(self.signal_place == place) & ~late]
            last = np.searchsorted(here, self.event_at, side="left") - 1
            seen = last >= 0
            since[seen, place] = self.event_at[seen] - here[last[seen]]
        for one in np.flatnonzero(late):
            first = int(np.searchsorted(self.event_at, self.signal_until[one], side="right"))
            readable = self.known_at[first:] >= self.decoded_at[one]
            ago = np.where(readable, self.event_at[first:] - self.signal_until[one], NEVER)
            column = since[first:, self.signal_place[one]]
            np.minimum(column, ago, out=column)
        return since

    def hindsight(self, window: int) -> int:
        """Count the signals that would precede an event at their place, but for their decoding."""
        count = 0
        for one in np.flatnonzero(self.decoded_at > self.signal_until):
            ahead = self.event_at - self.signal_until[one]
            near = (ahead > 0) & (ahead <= window) & (self.case == self.signal_place[one])
            count += bool((near & (self.decoded_at[one] > self.known_at)).any())
        return count

    def counted(self, place: Ints, until: Ints, first: int, last: int) -> Floats:
        """Count for each event and place the items that ended `first` to `last` before it."""
        found = np.zeros((len(self.case), len(self.places)))
        for index in np.unique(place):
            here = np.sort(until[place == index])
            low = np.searchsorted(here, self.event_at - last, side="left")
            high = np.searchsorted(here, self.event_at - first, side="left")
            found[:, index] = high - low
        return found


def risk_sets(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    *,
    clock: times.Clock | None = None,
    observed: ObservationPeriod | None = None,
) -> RiskSets:
    """Check the tables and set out the risk sets of the events within the window of observation.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> study = open_study().analyse()
    >>> len(risk_sets(study.signals, study.study.events).places) > 50
    True
    """
    signals = schemas.validate(signals, "signals", fill=True)
    events = schemas.validate(events, "events", fill=True)
    on = times.resolve_clock(events, clock)
    signals = sort_rows(signals, "posted", "signal_id")
    events = sort_rows(events, on, "event_id")
    at, until = (times.microseconds(events[f"{on}_{end}"]) for end in ("at", "until"))
    posted, posted_until = (times.microseconds(signals[f"posted_{end}"]) for end in ("at", "until"))
    start, end = observation_period(observed, signals, events, on)
    kept = np.flatnonzero((at != times.NAT) & (at >= start) & (until <= end))
    seen = np.flatnonzero((posted_until >= start) & (posted <= end))
    seen = seen[np.argsort(posted_until[seen], kind="stable")]
    case_id = events["place_id"].to_numpy()[kept]
    signal_id = signals["place_id"].to_numpy()[seen]
    places, index = np.unique([*case_id, *signal_id], return_inverse=True)
    confirmed = times.microseconds(events["confirmed_until"])[kept]
    return RiskSets(
        places=tuple(map(str, places)),
        events=tuple(events["event_id"].iloc[kept]),
        case=index[: len(kept)].astype(np.int64),
        event_at=at[kept],
        event_until=until[kept],
        known_at=np.where(confirmed == times.NAT, NEVER, confirmed),
        signal_place=index[len(kept) :].astype(np.int64),
        signal_at=posted[seen],
        signal_until=posted_until[seen],
        decoded_at=times.microseconds(signals["decoded_at"])[seen],
        kilometres=_kilometres(tuple(map(str, places)), events),
        observed=(start, end),
        n_left_out=len(events) - len(kept),
        clock=on,
    )


def _kilometres(places: tuple[str, ...], events: pd.DataFrame) -> Floats:
    """Return great-circle distances between places."""
    lat, lon = np.radians(place_coordinates(places, events)).T
    # Haversine: exact for places next door, where the arc cosine is not.
    half = (
        np.sin((lat[:, None] - lat) / 2) ** 2
        + np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    )
    apart: Floats = 2 * _EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    np.fill_diagonal(apart, 0.0)
    return apart
