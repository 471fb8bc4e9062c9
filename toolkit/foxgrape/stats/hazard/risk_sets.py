"""Risk sets: for each event, all places where it could have occurred, with signals and covariates.

Used by `hazard` and `alarm`. A front attracts both posts and events to the same places without any
foresight, so the front is a covariate: smoothed counts of all events and posts near in place and
time, before and after the event, without the event itself. Counting later events and posts makes
the adjustment stricter: authors of posts may know of a front that events show only later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foxgrape import schemas, times
from foxgrape.linking import signals_with_place
from foxgrape.stats.hazard.conditional_logit import MIN_GAIN, ROUGH_GAIN, LogitFit, fit_logit
from foxgrape.stats.inputs import (
    data_warnings,
    great_circle_distances,
    known_since,
    median_neighbour_distance,
    observation_of,
    place_coordinates,
    sort_rows,
)

if TYPE_CHECKING:
    from foxgrape._util.typing import BoolArray, FloatArray, IntArray
    from foxgrape.observation import Observation
    from foxgrape.places import Gazetteer
    from foxgrape.stats.inputs import ObservationPeriod

__all__ = [
    "DAY",
    "FRONT",
    "NEVER",
    "Covariates",
    "RiskSets",
    "build_covariates",
    "fit_baseline",
    "other_events",
    "risk_sets",
]

#: Microseconds in a day.
DAY = 86_400_000_000
#: Stands for an instant or duration that does not exist; larger than any other.
NEVER = np.iinfo(np.int64).max
#: Prefix of the names of all front terms.
FRONT = "events and posts nearby"
_BASE_RATES = "other events at the place (log)", "signals for the place at other times (log)"
_RECENT_EVENT = "recent event at the place"

#: Added to smooth counts before the logarithm: a tenth of an event.
_FLOOR = 0.1
#: A term that never differs by more than this between two places is dropped.
_MIN_RANGE = 0.05
#: If any coefficient is larger than this, the next fit starts from zero.
_MAX_START = 10.0
#: Approximate size of the sample of events on which terms with negative coefficients are dropped.
_SAMPLE = 1_000
#: Widths of the front kernels, in median distances from a place to its nearest neighbour.
_SPOT, _NARROW, _MIDDLE, _WIDE = 0.5, 1.0, 2.0, 4.0
#: Items more than this many time scales away are ignored: their weight is below rounding error.
_MAX_SCALES = 40.0
#: Length of a chunk in time scales, small enough that no exponential overflows.
_CHUNK = 300.0


@dataclass(frozen=True, slots=True, eq=False)
class RiskSets:
    """Events in order of time, with all places and signals; instants are in microseconds.

    Attributes
    ----------
    places
        Ids of all places of observed signals or events, sorted.
    events
        Ids of the observed events, in order of their earliest instant.
    event_place
        For each event, the index of its place.
    event_at, event_until
        For each event, its earliest and latest instant on the clock.
    confirmed_until
        For each event, the latest instant of its confirmation; if unconfirmed, of its occurrence.
    signal_place, signal_at, signal_until, decoded_at
        For each signal, in order of latest instant: index of its place, earliest and latest
        instant, and when its code was decoded in public (`times.NAT` if unknown).
    distance
        Great-circle distances between places in kilometres; NaN where unknown, 0 on the diagonal.
    observed, observation
        Start and end of observation, and when in between events were recorded.
    n_left_out
        Events without a time on the clock, or outside observation.
    caveats
        Sentences on signals outside observation, and on days given as instants.
    clock
        ``confirmed`` or ``occurred``.
    """

    places: tuple[str, ...]
    events: tuple[str, ...]
    event_place: IntArray
    event_at: IntArray
    event_until: IntArray
    confirmed_until: IntArray
    signal_place: IntArray
    signal_at: IntArray
    signal_until: IntArray
    decoded_at: IntArray
    distance: FloatArray
    observed: tuple[int, int]
    observation: Observation
    n_left_out: int
    clock: times.Clock
    caveats: tuple[str, ...] = ()

    @property
    def located(self) -> BoolArray:
        """Whether each place has a known distance to some other place."""
        located: BoolArray = (~np.isnan(self.distance)).sum(axis=1) > 1
        return located

    def recency(self, *, hindsight: bool = False) -> IntArray:
        """Return the time from each place's last signal to each event; NEVER without a signal.

        A signal counts only if it certainly came before the event: the post's latest instant lies
        before the event's earliest instant. The rule is the same for the event's place and all
        other places, so that rough times cost power and add no bias. Unless `hindsight`, a signal
        whose code was decoded only after the event was confirmed does not count for this event at
        any place.
        """
        since = np.full((len(self.event_place), len(self.places)), NEVER)
        late = (self.decoded_at > self.signal_until) & (not hindsight)
        for place in range(len(self.places)):
            posted = self.signal_until[(self.signal_place == place) & ~late]
            last = np.searchsorted(posted, self.event_at, side="left") - 1
            any_before = last >= 0
            since[any_before, place] = self.event_at[any_before] - posted[last[any_before]]
        for signal in np.flatnonzero(late):
            posted_at = self.signal_until[signal]
            first = int(np.searchsorted(self.event_at, posted_at, side="right"))
            readable = self.confirmed_until[first:] >= self.decoded_at[signal]
            ago = np.where(readable, self.event_at[first:] - posted_at, NEVER)
            column = since[first:, self.signal_place[signal]]
            np.minimum(column, ago, out=column)
        return since

    def count_hindsight(self, window: int) -> int:
        """Count signals before an event at their place that were decoded after its confirmation."""
        count = 0
        for signal in np.flatnonzero(self.decoded_at > self.signal_until):
            ahead = self.event_at - self.signal_until[signal]
            near = (ahead > 0) & (ahead <= window)
            near &= self.event_place == self.signal_place[signal]
            count += bool((near & (self.decoded_at[signal] > self.confirmed_until)).any())
        return count

    def count_before(self, place: IntArray, until: IntArray, first: int, last: int) -> FloatArray:
        """Count, by event and place, the items that ended `first` to `last` before the event."""
        counts = np.zeros((len(self.event_place), len(self.places)))
        for index in np.unique(place):
            ends = np.sort(until[place == index])
            low = np.searchsorted(ends, self.event_at - last, side="left")
            high = np.searchsorted(ends, self.event_at - first, side="left")
            counts[:, index] = high - low
        return counts


def risk_sets(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    *,
    clock: times.Clock | None = None,
    observed: ObservationPeriod | None = None,
    gazetteer: Gazetteer | None = None,
) -> RiskSets:
    """Validate the tables and return the risk sets of the events in the observation period.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> study = open_study().analyse()
    >>> len(risk_sets(study.signals, study.study.events).places) > 50
    True
    """
    signals = signals_with_place(signals)
    events = schemas.validate(events, "events", fill=True)
    chosen_clock = times.resolve_clock(events, clock)
    signals = sort_rows(signals, "posted", "signal_id")
    events = sort_rows(events, chosen_clock, "event_id")
    at, until = (times.microseconds(events[f"{chosen_clock}_{side}"]) for side in ("at", "until"))
    posted, posted_until = (
        times.microseconds(signals[f"posted_{side}"]) for side in ("at", "until")
    )
    period = observation_of(observed, signals, events, chosen_clock)
    start, end = times.microseconds(pd.Series(list(period))).tolist()
    kept = np.flatnonzero((at != times.NAT) & period.covers(events["place_id"], at, until))
    # A signal in a gap counts for the events after it.
    undecided = period.is_undecided(signals["place_id"])
    seen = np.flatnonzero((posted_until >= start) & (posted <= end) & ~undecided)
    seen = seen[np.argsort(posted_until[seen], kind="stable")]
    place_ids = [*events["place_id"].to_numpy()[kept], *signals["place_id"].to_numpy()[seen]]
    names, index = np.unique(place_ids, return_inverse=True)
    places = tuple(map(str, names))
    confirmed = times.microseconds(known_since(events))[kept]
    return RiskSets(
        places=places,
        events=tuple(events["event_id"].iloc[kept]),
        event_place=index[: len(kept)].astype(np.int64),
        event_at=at[kept],
        event_until=until[kept],
        confirmed_until=confirmed,
        signal_place=index[len(kept) :].astype(np.int64),
        signal_at=posted[seen],
        signal_until=posted_until[seen],
        decoded_at=times.microseconds(signals["decoded_at"])[seen],
        distance=great_circle_distances(place_coordinates(places, events, gazetteer)),
        observed=(start, end),
        observation=period,
        n_left_out=len(events) - len(kept),
        caveats=data_warnings(signals, events, chosen_clock, period),
        clock=chosen_clock,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Covariates:
    """Covariates of each place at each event, without the term of the signal that is tested.

    Attributes
    ----------
    names
        Name of each term.
    terms
        Shape (terms, events, places).
    unlocated
        Number of places without coordinates, where a moving front cannot be seen.
    """

    names: tuple[str, ...]
    terms: FloatArray
    unlocated: int


def fit_baseline(risk: RiskSets, *, window: int, history: int) -> tuple[Covariates, LogitFit]:
    """Fit the model without the signal's term; drop base rate and front terms that are negative.

    Two front kernels of opposite sign can mimic a point effect and absorb the signal's effect. If
    each place had one event, a negative base rate would identify the event's place, because the
    event itself is left out of the count. The most negative term is dropped first.
    """
    covariates = build_covariates(risk, window=window, history=history)
    attracts = [name.startswith((FRONT, *_BASE_RATES)) for name in covariates.names]
    kept, start = np.arange(len(covariates.names)), None
    # Drop terms on a sample of the events first, which is fast, and then on all events.
    sample = max(1, len(risk.event_place) // _SAMPLE)
    for step in dict.fromkeys((sample, 1)):
        terms = np.ascontiguousarray(covariates.terms[:, ::step][kept])
        information = None
        while True:
            fit = fit_logit(
                terms,
                risk.event_place[::step],
                start=start,
                information=information,
                min_gain=MIN_GAIN if step == 1 else ROUGH_GAIN,
            )
            start = fit.beta if np.abs(fit.beta).max(initial=0.0) < _MAX_START else None
            negative = np.array(attracts, dtype=bool)[kept] & (fit.beta < 0)
            if not negative.any():
                break
            stay = np.arange(len(kept)) != np.where(negative, fit.beta, 0).argmin()
            kept, terms = kept[stay], terms[stay]
            information = None if start is None else fit.information[np.ix_(stay, stay)]
            start = None if start is None else start[stay]
    names = tuple(covariates.names[row] for row in kept)
    return Covariates(names, terms, covariates.unlocated), fit


def build_covariates(risk: RiskSets, *, window: int, history: int) -> Covariates:
    """Compute the covariates: base rates, recent events and signals, distance, and front.

    Parameters
    ----------
    risk
        The risk sets.
    window
        How long a signal counts, in microseconds; the front's time scales follow it.
    history
        How long an event or signal counts as recent, in microseconds.
    """
    recent = np.minimum(risk.count_before(risk.event_place, risk.event_until, 0, history), 1.0)
    earlier = risk.count_before(risk.signal_place, risk.signal_until, window, window + history)
    terms = {
        _BASE_RATES[0]: _log_other_events(risk),
        _BASE_RATES[1]: _log_other_signals(risk, window),
        _RECENT_EVENT: recent,
        "recent earlier signals for the place (log)": np.log1p(earlier),
    }
    unit = median_neighbour_distance(risk.distance)
    if unit > 0:
        terms |= _distance_terms(risk, unit, recent)
    terms |= _front_terms(risk, unit, window, history)
    varying = {name: term for name, term in terms.items() if _range(term) > _MIN_RANGE}
    stacked = np.empty((len(varying), len(risk.event_place), len(risk.places)))
    for row, term in zip(stacked, varying.values(), strict=True):
        row[:] = term
    return Covariates(tuple(varying), stacked, int((~risk.located).sum()))


def _range(term: FloatArray) -> float:
    """Return the largest difference between two places at one event."""
    low, high = term.min(axis=1, initial=np.inf), term.max(axis=1, initial=-np.inf)
    return float((high - low).max(initial=0.0))


def other_events(risk: RiskSets) -> FloatArray:
    """Return each place's number of events without the event itself, plus one half.

    Shape (events, places). The half keeps the logarithm of the count finite.
    """
    totals = np.bincount(risk.event_place, minlength=len(risk.places)) + 0.5
    counts: FloatArray = np.tile(totals, (len(risk.event_place), 1))
    counts[np.arange(len(risk.event_place)), risk.event_place] -= 1
    return counts


def _log_other_events(risk: RiskSets) -> FloatArray:
    logs: FloatArray = np.log(other_events(risk))
    return logs


def _log_other_signals(risk: RiskSets, window: int) -> FloatArray:
    """Return the log of each place's number of signals outside the window before the event.

    If signals in the window were included, and signals and events came in pairs, the event's place
    would be identified as the place with more signals than other events.
    """
    counts = np.bincount(risk.signal_place, minlength=len(risk.places)) + 0.5
    in_window = risk.count_before(risk.signal_place, risk.signal_until, 0, window)
    logs: FloatArray = np.log(counts - in_window)
    return logs


def _distance_terms(risk: RiskSets, unit: float, recent: FloatArray) -> dict[str, FloatArray]:
    """Return the log distance to the nearest recent event; the mean where it is unknown."""
    nearest = _nearest_recent(risk.distance, recent > 0)
    known = np.isfinite(nearest)
    logs = np.log1p(np.where(known, nearest, 0.0) / unit)
    mean = logs.sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    return {
        "distance to the nearest recent event (log)": np.where(known, logs, mean),
        "place without coordinates": np.tile((~risk.located).astype(float), (len(recent), 1)),
    }


def _nearest_recent(distance: FloatArray, recent: BoolArray) -> FloatArray:
    """Return, by event and place, the distance to the nearest recent event; infinite without one.

    Each place looks at its neighbours from the nearest on, twice as many at a time, since at most
    events one of the first few has a recent event.
    """
    distance = np.where(np.isnan(distance), np.inf, distance)
    nearest = np.full(recent.shape, np.inf)
    columns = np.asfortranarray(recent)
    for place, row in enumerate(distance):
        order = np.argsort(row)
        left = np.arange(len(recent))
        first, count = 0, 8
        while len(left) and first < len(order):
            neighbours = order[first : first + count]
            hit = columns[np.ix_(left, neighbours)]
            any_hit = hit.any(axis=1)
            nearest[left[any_hit], place] = row[neighbours[hit[any_hit].argmax(axis=1)]]
            left, first, count = left[~any_hit], first + count, 2 * count
    return nearest


def _front_terms(risk: RiskSets, unit: float, window: int, history: int) -> dict[str, FloatArray]:
    """Return logs of smoothed counts of events and posts near in place, before and after."""
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
    # Posts for places without coordinates carry no information about a front.
    located = risk.located[risk.signal_place]
    when = np.concatenate([event, signal[located]])
    place = np.concatenate([risk.event_place, risk.signal_place[located]])
    own = np.arange(len(event)), risk.event_place
    counts: dict[float, FloatArray] = {}
    terms = {}
    for width, scale in scales:
        if scale not in counts:
            counts[scale] = _smooth_in_time(event, when, place, len(risk.places), scale)
            # Subtract the event itself, whose weight is 1.
            counts[scale][own] = np.maximum(counts[scale][own] - 1, 0)
        name = f"{FRONT} (log), {width * unit:.0f} km and {scale / DAY:.1f} days"
        terms[name] = np.log(_FLOOR + counts[scale] @ _kernel(risk.distance, width * unit))
    return terms


def _kernel(distance: FloatArray, width: float) -> FloatArray:
    """Return Gaussian weights by distance; 0 where the distance is unknown."""
    if width <= 0:
        return np.eye(len(distance))
    known = np.where(np.isnan(distance), np.inf, distance)
    weight: FloatArray = np.exp(-0.5 * (known / width) ** 2)
    return weight


def _smooth_in_time(
    at: FloatArray, when: FloatArray, place: IntArray, places: int, scale: float
) -> FloatArray:
    """Sum, for each instant and place, the weights exp(-|time difference| / scale) of all items."""
    before = _decayed_sum(at, when, place, places, scale, "right")
    return before + _decayed_sum(-at, -when, place, places, scale, "left")


def _decayed_sum(
    at: FloatArray, when: FloatArray, place: IntArray, places: int, scale: float, side: str
) -> FloatArray:
    """Sum weights of items before each instant, including simultaneous items if `side` is right."""
    order = np.argsort(when, kind="stable")
    when, place = when[order], place[order]
    total = np.zeros((len(at), places))
    ranked = np.argsort(at, kind="stable")
    begin = 0
    while begin < len(at):
        origin = at[ranked[begin]]
        end = int(np.searchsorted(at[ranked], origin + _CHUNK * scale, side="right"))
        rows = ranked[begin:end]
        first = int(np.searchsorted(when, origin - _MAX_SCALES * scale, side="left"))
        last = int(np.searchsorted(when, at[rows[-1]], side="right"))
        # Add each item at the first instant that includes it; then sum over time.
        other = "left" if side == "right" else "right"
        start = np.searchsorted(at[rows], when[first:last], side=other)  # type: ignore[call-overload]
        weights = np.bincount(
            start * places + place[first:last],
            np.exp((when[first:last] - origin) / scale),
            minlength=(len(rows) + 1) * places,
        ).reshape(-1, places)
        sums = np.cumsum(weights[:-1], axis=0)
        total[rows] = sums * np.exp(-(at[rows] - origin) / scale)[:, None]
        begin = end
    return total
