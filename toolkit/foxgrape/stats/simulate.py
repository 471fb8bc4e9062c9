"""Simulated worlds with known leads, to plan studies and to calibrate tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd

from foxgrape import schemas
from foxgrape.errors import FoxgrapeError, did_you_mean
from foxgrape.stats.inputs import KM_PER_DEGREE, as_seed

if TYPE_CHECKING:
    from foxgrape._util.typing import FloatArray, IntArray

__all__ = ["TEMPOS", "World", "WorldArrays", "make_arrays", "world"]

Tempo = Literal["even", "bursts", "waves", "growing"]
#: How events and signals are distributed over time.
TEMPOS: tuple[Tempo, ...] = ("even", "bursts", "waves", "growing")

_START = pd.Timestamp("2022-01-01T00:00Z")
#: Standard deviation of the log weight that an account gives to a place.
_PREFERENCE = 0.7
#: With tempo "bursts", share of events and signals whose times are drawn around an offensive.
_IN_OFFENSIVES = 0.75
#: South-western corner of the map.
_CORNER = (48.0, 35.0)


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Simulated posts, signals and events.

    Attributes
    ----------
    posts, signals, events
        Tables that follow the schemas of these names.
    truth
        One row per signal: ``signal_id``; ``leads``, the event planted after the signal, if any;
        ``announces``, the event after which the signal was written, if any; ``lead``, the time
        from the signal to the planted event.
    front
        Position of the front on each day, in kilometres east and north; empty without a front.
    observed
        First and last instant of observation.
    seed
        Seed that reproduces the world; None if `rng` was not a seed.
    """

    posts: pd.DataFrame
    signals: pd.DataFrame
    events: pd.DataFrame
    truth: pd.DataFrame
    front: FloatArray
    observed: tuple[pd.Timestamp, pd.Timestamp]
    seed: int | None


def world(
    *,
    signals: int = 60,
    events: int = 120,
    places: int = 25,
    days: int = 365,
    size: float = 200.0,
    tempo: Tempo = "even",
    front: float = 0.0,
    reach: float = 38.0,
    popularity: float = 0.0,
    accounts: int = 1,
    leads: float = 0.0,
    delay: float = 3.0,
    announced: float = 0.0,
    clustered: float = 0.0,
    edited: float = 0.0,
    rough: float = 0.0,
    rng: np.random.Generator | int | None = 0,
) -> World:
    """Simulate posts, signals and events that are related only as the options say.

    Parameters
    ----------
    signals, events, places, days
        Number of signals (one per post), events, places and days.
    size
        Side of the square map, in kilometres.
    tempo
        ``even``; ``bursts``: three quarters within a few offensives; ``waves`` of 120 days; or
        ``growing``, linearly.
    front
        Speed of the front, in kilometres per day and axis (standard deviation of a random walk
        within the map); 0 is no front. 2.5 is slow, 6 is fast.
    reach
        Width of the front, in kilometres: standard deviation of the Gaussian weight of places by
        distance from the front.
    popularity
        Standard deviation of the log popularity of places.
    accounts
        Number of accounts, each with a slight preference for some places.
    leads
        Share of signals followed by a planted event at their place.
    delay
        Mean time from such a signal to its event, in days (exponential).
    announced
        Share of signals written after an event at the same place, with a mean delay of 2 days.
    clustered
        Share of signals that repeat another signal's place, with a mean delay of 2 days.
    edited
        Share of posts that were edited later.
    rough
        Below 1, the share of times known only to the day; from 1 on, the resolution of all times,
        in days.
    rng
        Seed or generator; None uses fresh entropy.

    Returns
    -------
    World

    Raises
    ------
    FoxgrapeError
        If an option is invalid.

    Examples
    --------
    >>> small = world(signals=10, events=20, leads=0.5, rng=7)
    >>> len(small.signals), len(small.events), bool(small.truth["leads"].notna().any())
    (10, 20, True)
    """
    _validate(signals, events, places, days, tempo)
    for name, share in (
        ("leads", leads), ("announced", announced), ("clustered", clustered), ("edited", edited),
    ):  # fmt: skip
        if not 0 <= share <= 1:
            raise FoxgrapeError(f"{name} must be a share from 0 to 1", got=share)
    seed = as_seed(rng) if isinstance(rng, int | np.integer) else None
    generator = np.random.default_rng(rng)
    arrays = make_arrays(
        generator, signals=signals, events=events, places=places, days=days, size=size,
        tempo=tempo, front=front, reach=reach, popularity=popularity, accounts=accounts,
        leads=leads, delay=delay, announced=announced, clustered=clustered, rough=rough,
    )  # fmt: skip
    posts, signal_table, event_table = _tables(generator, arrays, edited)
    truth = pd.DataFrame(
        {
            "signal_id": signal_table["signal_id"],
            "leads": _event_ids(arrays.planted),
            "announces": _event_ids(arrays.source),
            "lead": _durations(arrays.lead),
        }
    )
    observed = (_START, _START + pd.Timedelta(days=days))
    return World(posts, signal_table, event_table, truth, arrays.front, observed, seed)


class WorldArrays(NamedTuple):
    """A simulated world as arrays, with times in days since its start and places as indices.

    Attributes
    ----------
    posted, happened
        Earliest and latest time of signals and of events.
    place, account, event_place
        Place and account of each signal, and place of each event.
    xy, front
        Positions of places, and of the front on each day, in kilometres east and north.
    planted, source
        Event planted after each signal, and event that each signal announces; -1 for none.
    lead
        Time from each signal to its planted event; NaN for none.
    """

    posted: tuple[FloatArray, FloatArray]
    place: IntArray
    account: IntArray
    happened: tuple[FloatArray, FloatArray]
    event_place: IntArray
    xy: FloatArray
    front: FloatArray
    planted: IntArray
    source: IntArray
    lead: FloatArray


def make_arrays(
    rng: np.random.Generator,
    *,
    signals: int = 60,
    events: int = 120,
    places: int = 25,
    days: int = 365,
    size: float = 200.0,
    tempo: Tempo = "even",
    front: float = 0.0,
    reach: float = 38.0,
    popularity: float = 0.0,
    accounts: int = 1,
    leads: float = 0.0,
    delay: float = 3.0,
    announced: float = 0.0,
    clustered: float = 0.0,
    rough: float = 0.0,
) -> WorldArrays:
    """Simulate a `world` as arrays, without tables: fast enough for thousands of worlds."""
    xy = rng.random((places, 2)) * size
    popular = np.exp(popularity * rng.standard_normal(places))
    offensives = rng.random(int(rng.integers(3, 7))) * days
    walk = _random_walk(rng, days, size, front)
    event_at = _draw_times(rng, events, days, tempo, offensives)
    event_place = _draw_places(rng, _place_weights(event_at, xy, popular, walk, reach))
    at = _draw_times(rng, signals, days, tempo, offensives)
    account = rng.integers(accounts, size=signals)
    preference = np.exp((accounts > 1) * _PREFERENCE * rng.standard_normal((accounts, places)))
    weights = _place_weights(at, xy, popular, walk, reach) * preference[account]
    place = _draw_places(rng, weights)
    _repeat(rng, at, place, clustered, days)
    source = _announce(rng, at, place, event_at, event_place, announced, days)
    planted = _plant(rng, at, place, event_at, event_place, leads, delay, days)
    known = planted >= 0
    lead = np.full(signals, np.nan)
    lead[known] = event_at[planted[known]] - at[known]
    posted, happened = (_round_times(rng, instants, rough, days) for instants in (at, event_at))
    return WorldArrays(
        posted, place, account, happened, event_place, xy, walk, planted, source, lead
    )


def _validate(signals: int, events: int, places: int, days: int, tempo: str) -> None:
    if tempo not in TEMPOS:
        raise FoxgrapeError("unknown tempo", got=tempo, hint=did_you_mean(tempo, TEMPOS))
    if min(signals, events) < 0 or min(places, days) < 1:
        raise FoxgrapeError(
            "a world needs at least 1 place, 1 day, 0 signals and 0 events; "
            f"got {places} places, {days} days, {signals} signals and {events} events"
        )


def _draw_times(
    rng: np.random.Generator, n: int, days: int, tempo: Tempo, offensives: FloatArray
) -> FloatArray:
    """Draw times in days, and redraw those outside the simulated period."""
    at = np.full(n, -1.0)
    while (left := (at < 0) | (at >= days)).any():
        k = int(left.sum())
        drawn = rng.random(k) * days
        if tempo == "bursts":
            burst = rng.choice(offensives, k) + 10.0 * rng.standard_normal(k)
            drawn = np.where(rng.random(k) < _IN_OFFENSIVES, burst, drawn)
        elif tempo == "waves":
            height = (0.5 + 0.5 * np.sin(2 * np.pi * drawn / 120 + offensives[0])) ** 1.5
            drawn = np.where(rng.random(k) < height, drawn, -1.0)
        elif tempo == "growing":
            drawn = days * np.sqrt(drawn / days)
        at[left] = drawn
    return at


def _random_walk(rng: np.random.Generator, days: int, size: float, speed: float) -> FloatArray:
    """Return the position of the front on each day, reflected at the edges of the map."""
    if speed <= 0:
        return np.empty((0, 2))
    steps = speed * rng.standard_normal((days, 2))
    free = rng.random(2) * size + np.cumsum(steps, axis=0)
    reflected: FloatArray = size - np.abs(free % (2 * size) - size)
    return reflected


def _place_weights(
    at: FloatArray, xy: FloatArray, popular: FloatArray, walk: FloatArray, reach: float
) -> FloatArray:
    """Return the weight of each place at each time."""
    if not len(walk):
        return np.broadcast_to(popular, (len(at), len(popular)))
    centre = walk[at.astype(int)]
    squared = ((xy[None] - centre[:, None]) ** 2).sum(axis=2)
    return np.asarray(popular * (np.exp(-squared / (2 * reach**2)) + 1e-9))


def _draw_places(rng: np.random.Generator, weights: FloatArray) -> IntArray:
    total = np.cumsum(weights, axis=1)
    drawn: IntArray = (total < rng.random((len(weights), 1)) * total[:, -1:]).sum(axis=1)
    return drawn


def _repeat(
    rng: np.random.Generator, at: FloatArray, place: IntArray, share: float, days: int
) -> None:
    """Make a share of the signals repeat another signal's place, shortly after it."""
    repeats = rng.random(len(at)) < share
    if repeats.all() or not repeats.any():
        return
    original = rng.choice((~repeats).nonzero()[0], int(repeats.sum()))
    at[repeats] = np.minimum(at[original] + rng.exponential(2.0, len(original)), days - 1e-6)
    place[repeats] = place[original]


def _announce(
    rng: np.random.Generator, at: FloatArray, place: IntArray, event_at: FloatArray,
    event_place: IntArray, share: float, days: int,
) -> IntArray:  # fmt: skip
    """Move a share of the signals after an event; return the event of each signal, or -1."""
    source = np.full(len(at), -1, np.int64)
    if not len(event_at):
        return source
    after = rng.random(len(at)) < share
    source[after] = rng.integers(len(event_at), size=int(after.sum()))
    at[after] = np.minimum(
        event_at[source[after]] + rng.exponential(2.0, int(after.sum())), days - 1e-6
    )
    place[after] = event_place[source[after]]
    return source


def _plant(
    rng: np.random.Generator, at: FloatArray, place: IntArray, event_at: FloatArray,
    event_place: IntArray, share: float, delay: float, days: int,
) -> IntArray:  # fmt: skip
    """Move an event after each of a share of the signals; return the event of each signal, or -1.

    An event that would fall after the end of observation is not planted: the signal is censored.
    """
    planted = np.full(len(at), -1, np.int64)
    chosen = (rng.random(len(at)) < share).nonzero()[0]
    free = rng.permutation(len(event_at))[: len(chosen)]
    for signal, event in zip(chosen, free, strict=False):
        then = at[signal] + rng.exponential(delay)
        if then < days:
            planted[signal] = event
            event_at[event], event_place[event] = then, place[signal]
    return planted


def _tables(
    rng: np.random.Generator, arrays: WorldArrays, edited: float
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the world as posts, signals and events tables."""
    xy, place, event_place = arrays.xy, arrays.place, arrays.event_place
    posted, happened = arrays.posted, arrays.happened
    n = len(place)
    ids = pd.Series([f"world:{number}" for number in range(len(xy))], dtype="str")
    edited_at = np.where(rng.random(n) < edited, posted[1] + rng.exponential(0.1, n), np.nan)
    posts = pd.DataFrame(
        {
            "post_id": [f"p{number}" for number in range(n)],
            "platform": "simulated",
            "account": [f"account {number}" for number in arrays.account],
            "posted_at": _instants(posted[0]),
            "posted_until": _instants(posted[1]),
            "text": [f"place {number}" for number in place],
            "edited_at": _instants(edited_at),
        }
    )
    signals = posts[["post_id", "account", "platform", "posted_at", "posted_until"]].copy()
    signals["signal_id"] = [f"s{number}" for number in range(n)]
    signals["code"] = posts["text"]
    signals["kind"] = "word"
    signals["place_id"] = ids.iloc[place].to_numpy()
    lat = _CORNER[0] + xy[:, 1] / KM_PER_DEGREE
    lon = _CORNER[1] + xy[:, 0] / (KM_PER_DEGREE * np.cos(np.radians(lat)))
    events = pd.DataFrame(
        {
            "event_id": [f"e{number}" for number in range(len(event_place))],
            "place_id": ids.iloc[event_place].to_numpy(),
            "lat": lat[event_place],
            "lon": lon[event_place],
            "kind": "simulated",
            "occurred_at": _instants(happened[0]),
            "occurred_until": _instants(happened[1]),
            "confirmed_at": _instants(happened[1] + 0.5),
            "confirmed_until": _instants(happened[1] + 0.5),
            "confirmed_by": "UA",
        }
    )
    return (
        schemas.validate(posts, "posts", fill=True),
        schemas.validate(signals, "signals", fill=True),
        schemas.validate(events, "events", fill=True),
    )


def _round_times(
    rng: np.random.Generator, at: FloatArray, rough: float, days: int
) -> tuple[FloatArray, FloatArray]:
    """Return the earliest and latest instant of each time; rough times span whole days."""
    if rough <= 0:
        return at, at.copy()
    width = max(1.0, round(rough))
    is_rough = rng.random(len(at)) < min(rough, 1.0)
    low = np.where(is_rough, np.floor(at / width) * width, at)
    return low, np.where(is_rough, np.minimum(low + width - 1e-8, days), at)


def _instants(days: FloatArray) -> pd.Series:
    return _START + _durations(days)


def _durations(days: FloatArray) -> pd.Series:
    return pd.Series(pd.to_timedelta(days, unit="D").astype("timedelta64[us]"))


def _event_ids(events: IntArray) -> pd.Series:
    return pd.Series([None if event < 0 else f"e{event}" for event in events], dtype="str")
