"""The setting of a question: how long, since when and until when, and where its places lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import times
from foxgrape.errors import FoxgrapeError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    ObservationPeriod = tuple[str | datetime, str | datetime]

__all__ = [
    "KM_A_DEGREE",
    "duration_us",
    "durations_us",
    "median_neighbour_distance",
    "observation_period",
    "place_coordinates",
    "sort_rows",
]

KM_A_DEGREE = 111.195


def duration_us(value: str | pd.Timedelta, name: str, *, zero: bool = False) -> int:
    """Return a duration in microseconds, or say that it is none."""
    return int(times.parse_duration(value, name, zero=zero) // pd.Timedelta(1, "us"))


def durations_us(value: str | pd.Timedelta | Iterable[str | pd.Timedelta], name: str) -> list[int]:
    """Return one duration, or each of several once, in microseconds and in their order.

    Examples
    --------
    >>> lengths(["2us", "1us", "2us"], "window"), lengths("1us", "window")
    ([2, 1], [1])
    """
    alone = isinstance(value, str) or not hasattr(value, "__iter__")
    several: Any = [value] if alone else value
    found = list(dict.fromkeys(duration_us(each, name) for each in several))
    if not found:
        raise FoxgrapeError(f"no {name} was given", expected="a duration such as 7D, or several")
    return found


def sort_rows(frame: pd.DataFrame, name: str, key: str) -> pd.DataFrame:
    """Return the rows in order of their intervals, then of their ids.

    What is drawn, and how sums are rounded, then depends on what the rows say, and not on the
    order in which a file or a store happens to give them.
    """
    return frame.sort_values([f"{name}_at", f"{name}_until", key], ignore_index=True)


def observation_period(
    observed: ObservationPeriod | None, signals: pd.DataFrame, events: pd.DataFrame, clock: str
) -> tuple[int, int]:
    """Return start and end of observation, by default the first and last instant of the tables."""
    if observed is None:
        names = [(signals, "posted"), (events, clock)]
        every = np.concatenate(
            [
                times.microseconds(frame[f"{name}_{end}"])
                for frame, name in names
                for end in ("at", "until")
            ]
        )
        every = every[every != times.NAT]
        return (int(every.min()), int(every.max())) if len(every) else (0, 0)
    try:
        start, end = (
            times.parse_instant(end if isinstance(end, str) else end.isoformat())
            for end in observed
        )
        period = start < end
    except (ValueError, TypeError, AttributeError):
        period = False
    if not period:
        raise FoxgrapeError(
            "observed is no period",
            expected="two instants with their offsets, the earlier first",
            got=observed,
        )
    low, high = times.microseconds(pd.Series([start, end])).tolist()
    return low, high


def place_coordinates(places: Iterable[str], events: pd.DataFrame) -> Floats:
    """Return latitude and longitude: the mean of what events tell, else the gazetteer's, else NaN.

    Examples
    --------
    >>> nothing = pd.DataFrame(columns=["place_id", "lat", "lon"])
    >>> coordinates(["geonames:707292", "my:1"], nothing).round().tolist()
    [[49.0, 37.0], [nan, nan]]
    """
    known = events.dropna(subset=["lat", "lon"]).groupby("place_id")[["lat", "lon"]].mean()
    ids = list(places)
    degrees = known.reindex(ids).to_numpy(dtype=float, copy=True)
    lost = np.isnan(degrees).any(axis=1)
    if lost.any():
        from foxgrape.places import Gazetteer

        gazetteer = Gazetteer.default()
        for row in lost.nonzero()[0]:
            if ids[row] in gazetteer:
                place = gazetteer[ids[row]]
                if place.lat is not None and place.lon is not None:
                    degrees[row] = place.lat, place.lon
    return degrees


def median_neighbour_distance(away: Floats) -> float:
    """Return the median distance from a place to its nearest neighbour, 0 where none is known.

    Examples
    --------
    >>> spacing(np.array([[0.0, 3.0, np.inf], [3.0, 0.0, np.nan], [np.inf, np.nan, 0.0]]))
    3.0
    """
    nearest = np.where(away > 0, away, np.inf).min(axis=1, initial=np.inf)
    nearest = nearest[np.isfinite(nearest)]
    return float(np.median(nearest)) if len(nearest) else 0.0
