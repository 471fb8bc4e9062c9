"""Arguments shared by all statistics: durations, seed, observation period, coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import times
from foxgrape._util.formatting import counted, duration_in_words
from foxgrape.errors import FoxgrapeError
from foxgrape.observation import Observation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from foxgrape._util.typing import FloatArray, IntArray
    from foxgrape.places import Gazetteer

    ObservationPeriod = tuple[str | datetime, str | datetime] | Observation

__all__ = [
    "CHANCE",
    "EARTH_RADIUS_KM",
    "KM_PER_DEGREE",
    "LESS",
    "LEVEL",
    "MORE",
    "NOT_YET",
    "NO_CLAIM",
    "UNRELIABLE",
    "as_seed",
    "data_warnings",
    "duration_us",
    "durations_us",
    "great_circle_distances",
    "known_since",
    "median_neighbour_distance",
    "observation_of",
    "place_coordinates",
    "planar_distances",
    "project",
    "sort_rows",
    "window_in_words",
]

#: What a result can claim about leads.
MORE, LESS, CHANCE = "More than chance", "Less than chance", "Consistent with chance"
UNRELIABLE = "Unreliable"
#: Claims of a repeated test whose p would be a claim if the test were made once.
NOT_YET, NO_CLAIM = "No claim yet", "No claim"
#: Significance level: results with p up to this are called significant.
LEVEL = 0.05
KM_PER_DEGREE = 111.195
EARTH_RADIUS_KM = 6371.0
_DAY_US, _HOUR_US = 86_400_000_000, 3_600_000_000
#: Minimum number of instants, and of their days, and share with the same time of day, for which
#: instants are taken to be days.
_MIN_STAMPS, _STAMPED_SHARE = 10, 0.95


def duration_us(value: str | pd.Timedelta, name: str, *, zero: bool = False) -> int:
    """Return a duration in microseconds."""
    return int(times.parse_duration(value, name, zero=zero) // pd.Timedelta(1, "us"))


def durations_us(value: str | pd.Timedelta | Iterable[str | pd.Timedelta], name: str) -> list[int]:
    """Return one or several durations in microseconds, in order and without repetitions.

    Examples
    --------
    >>> durations_us(["2us", "1us", "2us"], "window"), durations_us("1us", "window")
    ([2, 1], [1])
    """
    scalar = isinstance(value, str) or not hasattr(value, "__iter__")
    values: Any = [value] if scalar else value
    durations = list(dict.fromkeys(duration_us(duration, name) for duration in values))
    if not durations:
        raise FoxgrapeError(f"{name} must be a duration such as 7D, or several; got none")
    return durations


def window_in_words(window: pd.Timedelta, tried: int) -> str:
    """Describe a result's window in words, and say whether it is the best of several.

    Examples
    --------
    >>> window_in_words(pd.Timedelta("7D"), 4)
    'within 7 days (best of 4 windows, adjusted)'
    """
    best = f" (best of {tried} windows, adjusted)" if tried > 1 else ""
    return f"within {duration_in_words(window)}{best}"


def as_seed(rng: np.random.Generator | int | None) -> int:
    """Return a seed unchanged; draw one from a generator, or from fresh entropy for None.

    Examples
    --------
    >>> as_seed(7), as_seed(None) != as_seed(None)
    (7, True)
    """
    if not isinstance(rng, int | np.integer):
        return int(np.random.default_rng(rng).integers(2**62))
    if not 0 <= rng < 2**63:
        raise FoxgrapeError("a seed must be from 0 to 2**63 - 1", got=int(rng))
    return int(rng)


def sort_rows(frame: pd.DataFrame, name: str, key: str) -> pd.DataFrame:
    """Return the rows sorted by interval and id.

    Random draws and rounding errors then do not depend on the row order in a file or store.
    """
    return frame.sort_values([f"{name}_at", f"{name}_until", key], ignore_index=True)


def observation_of(
    observed: ObservationPeriod | None, signals: pd.DataFrame, events: pd.DataFrame, clock: str
) -> Observation:
    """Return the observation, whose start and end are at least 1 µs apart.

    The default is the period from the earliest instant among all signals and events to the latest
    among the events, with event times measured by the clock named in `clock`: nothing shows that
    events were still recorded after the last one. Without events, it ends with the last signal.
    """
    if not (observed is None or isinstance(observed, Observation)):
        try:
            start, end = observed
            return Observation.stated(start, end)
        except (FoxgrapeError, ValueError, TypeError):
            raise FoxgrapeError(
                "observed must be (start, end) with start before end",
                got=observed,
                hint="give both with an offset, such as 2022-03-01T00:00Z",
            ) from None
    posted, happened = (
        np.concatenate([times.microseconds(frame[f"{name}_{side}"]) for side in ("at", "until")])
        for frame, name in ((signals, "posted"), (events, clock))
    )
    happened = happened[happened != times.NAT]
    instants = np.concatenate([posted, happened])
    ends = happened if len(happened) else posted
    low, high = (int(instants.min()), int(ends.max())) if len(instants) else (0, 0)
    # Use at least 1 µs so that rates do not divide by zero.
    start, end = pd.to_datetime([low, max(high, low + 1)], unit="us", utc=True)
    if observed is None or pd.isna(observed.observed_until):
        return Observation.stated(start, end)
    return observed.bounded(observed_from=start if pd.isna(observed.observed_from) else None)


def known_since(events: pd.DataFrame) -> pd.Series:
    """Return when each event was certainly known: confirmed, or if never confirmed, occurred.

    A code that was decoded only later is hindsight.

    Examples
    --------
    >>> days = pd.Series(pd.to_datetime(["2022-09-10", "2022-09-11"], utc=True))
    >>> events = pd.DataFrame({"occurred_until": days, "confirmed_until": [pd.NaT, days[1]]})
    >>> known_since(events).dt.day.tolist()
    [10, 11]
    """
    return events["confirmed_until"].fillna(events["occurred_until"])


def data_warnings(
    signals: pd.DataFrame, events: pd.DataFrame, clock: str, observed: Observation
) -> tuple[str, ...]:
    """Return sentences on signals outside observation, and on days that are given as instants.

    Examples
    --------
    >>> day = pd.Timestamp("2022-09-01", tz="UTC")
    >>> posts = pd.DataFrame({"posted_at": [day, day + pd.Timedelta("9D")]})
    >>> posts["posted_until"] = posts["posted_at"]
    >>> none = pd.DataFrame({"occurred_at": [], "occurred_until": []}, dtype=times.DTYPE)
    >>> posts["place_id"] = "geonames:1"
    >>> data_warnings(posts, none, "occurred", Observation.stated(day, day + pd.Timedelta("1h")))
    ('1 of 2 signals lies outside the observation period and was left out.',)
    """
    posted, posted_until = (times.microseconds(signals[f"posted_{end}"]) for end in ("at", "until"))
    undecided = observed.is_undecided(signals["place_id"])
    is_outside = ~observed.overlaps(signals["place_id"], posted, posted_until) & ~undecided
    outside, n_undecided = int(is_outside.sum()), int(undecided.sum())
    warnings = []
    if n_undecided:
        was, their = ("was", "its") if n_undecided == 1 else ("were", "their")
        warnings.append(
            f"{n_undecided} of {counted(len(signals), 'signal')} {was} left out, because an event "
            f"has the name of {their} place, and it could not be decided where it was."
        )
    if outside:
        lies, was = ("lies", "was") if outside == 1 else ("lie", "were")
        warnings.append(
            f"{outside} of {counted(len(signals), 'signal')} {lies} outside the observation period "
            f"and {was} left out."
        )
    for unit, frame, name in (("signals", signals, "posted"), ("events", events, clock)):
        at, until = (times.microseconds(frame[f"{name}_{end}"]) for end in ("at", "until"))
        exact = at[(at == until) & (at != times.NAT)]
        if _are_stamped_to_the_day(exact):
            warnings.append(
                f"{len(exact)} {unit} have the same time of day: they seem to be known to the day, "
                "but are given as instants, so that the order within a day is invented. Give such "
                "times as intervals."
            )
    return tuple(warnings)


def _are_stamped_to_the_day(instants: IntArray) -> bool:
    """Return whether nearly all instants share one time of day, or two an hour apart (summer)."""
    if len(instants) < _MIN_STAMPS:
        return False
    time_of_day, count = np.unique(instants % _DAY_US, return_counts=True)
    if len(np.unique(instants // _DAY_US)) < _MIN_STAMPS:
        return False
    apart = (time_of_day - time_of_day[count.argmax()]) % _DAY_US
    alike = (apart == 0) | (apart == _HOUR_US) | (apart == _DAY_US - _HOUR_US)
    return bool(count[alike].sum() >= _STAMPED_SHARE * len(instants))


def place_coordinates(
    places: Iterable[str], events: pd.DataFrame, gazetteer: Gazetteer | None = None
) -> FloatArray:
    """Return latitude and longitude of places, NaN where unknown.

    A place's coordinates are the mean over its events; a place whose events have no coordinates is
    looked up in the gazetteer, by default the packaged one.

    Examples
    --------
    >>> no_events = pd.DataFrame(columns=["place_id", "lat", "lon"])
    >>> place_coordinates(["geonames:707292", "my:1"], no_events).round().tolist()
    [[49.0, 37.0], [nan, nan]]
    """
    known = events.dropna(subset=["lat", "lon"]).groupby("place_id")[["lat", "lon"]].mean()
    ids = list(places)
    degrees = known.reindex(ids).to_numpy(dtype=float, copy=True)
    missing = np.isnan(degrees).any(axis=1)
    if missing.any():
        from foxgrape.places import Gazetteer

        gazetteer = gazetteer or Gazetteer.default()
        for row in missing.nonzero()[0]:
            if ids[row] in gazetteer:
                place = gazetteer[ids[row]]
                if place.lat is not None and place.lon is not None:
                    degrees[row] = place.lat, place.lon
    return degrees


def project(degrees: FloatArray) -> FloatArray:
    """Return kilometres east and north (equirectangular projection at the mean latitude).

    Examples
    --------
    >>> project(np.array([[0.0, 2.0], [np.nan, np.nan]])).tolist()
    [[222.39, 0.0], [nan, nan]]
    """
    latitude = np.nanmean(degrees[:, 0]) if np.isfinite(degrees[:, 0]).any() else 0.0
    east = degrees[:, 1] * KM_PER_DEGREE * np.cos(np.radians(latitude))
    return np.column_stack([east, degrees[:, 0] * KM_PER_DEGREE])


def planar_distances(xy: FloatArray) -> FloatArray:
    """Return distances between projected places, infinite where coordinates are unknown.

    Examples
    --------
    >>> planar_distances(np.array([[0.0, 0.0], [3.0, 4.0], [np.nan, np.nan]]))[0].tolist()
    [0.0, 5.0, inf]
    """
    distance = np.hypot(*(xy[:, None, axis] - xy[None, :, axis] for axis in range(2)))
    distance[np.isnan(distance)] = np.inf
    np.fill_diagonal(distance, 0.0)
    return distance


def great_circle_distances(degrees: FloatArray) -> FloatArray:
    """Return distances between places in kilometres, NaN where coordinates are unknown.

    Examples
    --------
    >>> great_circle_distances(np.array([[0.0, 0.0], [0.0, 90.0]])).round().tolist()
    [[0.0, 10008.0], [10008.0, 0.0]]
    """
    lat, lon = np.radians(degrees).T
    # The haversine formula is accurate for short distances; the arc cosine formula is not.
    haversine = (
        np.sin((lat[:, None] - lat) / 2) ** 2
        + np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    )
    distance: FloatArray = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(haversine, 0, 1)))
    np.fill_diagonal(distance, 0.0)
    return distance


def median_neighbour_distance(distance: FloatArray) -> float:
    """Return the median distance from a place to its nearest neighbour; 0 if none is known.

    Examples
    --------
    >>> near = np.array([[0.0, 3.0, np.inf], [3.0, 0.0, np.nan], [np.inf, np.nan, 0.0]])
    >>> median_neighbour_distance(near)
    3.0
    """
    nearest = np.where(distance > 0, distance, np.inf).min(axis=1, initial=np.inf)
    nearest = nearest[np.isfinite(nearest)]
    return float(np.median(nearest)) if len(nearest) else 0.0
