"""Worlds whose truth is known: to plan studies with, and to see whether a test holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd

from foxgrape import schemas
from foxgrape.errors import FoxgrapeError, did_you_mean
from foxgrape.stats.coincidence.surrogates import as_seed
from foxgrape.stats.inputs import KM_A_DEGREE

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Whole = npt.NDArray[np.int64]

__all__ = ["TEMPOS", "World", "_WorldArrays", "_make_arrays", "world"]

Tempo = Literal["even", "bursts", "waves", "growing"]
#: How events and signals are spread over time.
TEMPOS: tuple[Tempo, ...] = ("even", "bursts", "waves", "growing")

_START = pd.Timestamp("2022-01-01T00:00Z")
#: Standard deviation of the logarithm of how much more an account names a place than others do.
_HABIT = 0.7
#: Share of what happens in bursts that happens within the offensives.
_IN_OFFENSIVES = 0.75
#: Where the map lies: its south-western corner.
_CORNER = (48.0, 35.0)


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Posts, signals and events made by known rules.

    Attributes
    ----------
    posts, signals, events
        In the schemas of the tables.
    truth
        One row a signal: ``signal_id``; ``leads``, the event that was planted behind it, else
        none; ``announces``, the event that it was written after, else none; ``lead``, time from
        the signal to the planted event.
    front
        Kilometres east and north of the front on each day; empty where there is none.
    observed
        First and last instant of observation.
    seed
        Makes the same world again; None where a generator made it.
    """

    posts: pd.DataFrame
    signals: pd.DataFrame
    events: pd.DataFrame
    truth: pd.DataFrame
    front: Floats
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
    rng: np.random.Generator | int = 0,
) -> World:
    """Make a world in which posts and events share what you say, and no more.

    Parameters
    ----------
    signals, events, places, days
        How many. Each signal is a post of its own.
    size
        Length of the map's side, in kilometres.
    tempo
        ``even``; ``bursts``: three quarters within a few offensives; ``waves`` of 120 days; or
        ``growing``, linearly.
    front
        How fast the front wanders, in kilometres a day and axis (standard deviation of a random
        walk within the map); 0 is no front. 2.5 is slow, 6 is fast.
    reach
        Width of the front: standard deviation of places mentioned or hit around it, in kilometres.
    popularity
        Standard deviation of the logarithm of how popular places are.
    accounts
        Number of accounts. Each names places of its own liking a little more.
    leads
        Share of signals behind which an event is planted at their place.
    delay
        Mean time from such a signal to its event, in days (exponential).
    announced
        Share of signals written after an event at its place, 2 days on average.
    clustered
        Share of signals that repeat another's place within 2 days on average.
    edited
        Share of posts that were edited later.
    rough
        Below 1, the share of times that are known to the day only; from 1 on, all times are known
        to so many days only.
    rng
        Generator or seed.

    Returns
    -------
    World

    Raises
    ------
    FoxgrapeError
        If an option makes no sense.

    Examples
    --------
    >>> made = world(signals=10, events=20, leads=0.5, rng=7)
    >>> len(made.signals), len(made.events), bool(made.truth["leads"].notna().any())
    (10, 20, True)
    """
    _check(signals, events, places, days, tempo, (leads, announced, clustered, edited))
    generator = np.random.default_rng(rng)
    seed = as_seed(rng)
    numbers = _make_arrays(
        generator, signals=signals, events=events, places=places, days=days, size=size,
        tempo=tempo, front=front, reach=reach, popularity=popularity, accounts=accounts,
        leads=leads, delay=delay, announced=announced, clustered=clustered, rough=rough,
    )  # fmt: skip
    frames = _tables(generator, numbers, edited)
    told = pd.DataFrame(
        {
            "signal_id": frames[1]["signal_id"],
            "leads": _named(numbers.planted),
            "announces": _named(numbers.source),
            "lead": _span(numbers.lead),
        }
    )
    observed = (_START, _START + pd.Timedelta(days=days))
    return World(*frames, told, numbers.walk, observed, seed)


class _WorldArrays(NamedTuple):
    """A world in numbers: days since its start, and places by number."""

    posted: tuple[Floats, Floats]
    place: Whole
    account: Whole
    happened: tuple[Floats, Floats]
    event_place: Whole
    where: Floats
    walk: Floats
    planted: Whole
    source: Whole
    lead: Floats


def _make_arrays(
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
) -> _WorldArrays:
    """Make a `world` in numbers, without tables: fast, for thousands of them."""
    where = rng.random((places, 2)) * size
    liked = np.exp(popularity * rng.standard_normal(places))
    offensives = rng.random(int(rng.integers(3, 7))) * days
    walk = _walk(rng, days, size, front)
    event_at = _times(rng, events, days, tempo, offensives)
    event_place = _pick(rng, _shares(event_at, where, liked, walk, reach))
    at = _times(rng, signals, days, tempo, offensives)
    account = rng.integers(accounts, size=signals)
    habits = np.exp((accounts > 1) * _HABIT * rng.standard_normal((accounts, places)))
    place = _pick(rng, _shares(at, where, liked, walk, reach) * habits[account])
    _repeat(rng, at, place, clustered, days)
    source = _announce(rng, at, place, event_at, event_place, announced, days)
    planted = _plant(rng, at, place, event_at, event_place, leads, delay, days)
    known = planted >= 0
    lead = np.full(signals, np.nan)
    lead[known] = event_at[planted[known]] - at[known]
    posted, happened = (_rough(rng, instants, rough, days) for instants in (at, event_at))
    return _WorldArrays(
        posted, place, account, happened, event_place, where, walk, planted, source, lead
    )


def _check(
    signals: int, events: int, places: int, days: int, tempo: str, shares: tuple[float, ...]
) -> None:
    if tempo not in TEMPOS:
        raise FoxgrapeError("no such tempo", got=tempo, hint=did_you_mean(tempo, TEMPOS))
    if min(signals, events) < 0 or min(places, days) < 1:
        raise FoxgrapeError("a world needs places and days, and no negative number of anything")
    for share in shares:
        if not 0 <= share <= 1:
            raise FoxgrapeError("bad share", expected="a number from 0 to 1", got=share)


def _times(rng: np.random.Generator, n: int, days: int, tempo: Tempo, offensives: Floats) -> Floats:
    """Draw times in days; what falls outside the world is drawn again."""
    at = np.full(n, -1.0)
    while (left := (at < 0) | (at >= days)).any():
        k = int(left.sum())
        even = rng.random(k) * days
        if tempo == "bursts":
            busy = rng.choice(offensives, k) + 10.0 * rng.standard_normal(k)
            even = np.where(rng.random(k) < _IN_OFFENSIVES, busy, even)
        elif tempo == "waves":
            height = (0.5 + 0.5 * np.sin(2 * np.pi * even / 120 + offensives[0])) ** 1.5
            even = np.where(rng.random(k) < height, even, -1.0)
        elif tempo == "growing":
            even = days * np.sqrt(even / days)
        at[left] = even
    return at


def _walk(rng: np.random.Generator, days: int, size: float, speed: float) -> Floats:
    """Let the front wander within the map, and turn back at its edges."""
    if speed <= 0:
        return np.empty((0, 2))
    steps = speed * rng.standard_normal((days, 2))
    free = rng.random(2) * size + np.cumsum(steps, axis=0)
    within: Floats = size - np.abs(free % (2 * size) - size)
    return within


def _shares(at: Floats, where: Floats, liked: Floats, walk: Floats, reach: float) -> Floats:
    """Return how likely each place is at each time."""
    if not len(walk):
        return np.broadcast_to(liked, (len(at), len(liked)))
    centre = walk[at.astype(int)]
    squared = ((where[None] - centre[:, None]) ** 2).sum(axis=2)
    return np.asarray(liked * (np.exp(-squared / (2 * reach**2)) + 1e-9))


def _pick(rng: np.random.Generator, shares: Floats) -> Whole:
    total = np.cumsum(shares, axis=1)
    picked: Whole = (total < rng.random((len(shares), 1)) * total[:, -1:]).sum(axis=1)
    return picked


def _repeat(rng: np.random.Generator, at: Floats, place: Whole, share: float, days: int) -> None:
    """Turn a share of the signals into repetitions of the others."""
    again = rng.random(len(at)) < share
    if again.all() or not again.any():
        return
    told = rng.choice((~again).nonzero()[0], int(again.sum()))
    at[again] = np.minimum(at[told] + rng.exponential(2.0, len(told)), days - 1e-6)
    place[again] = place[told]


def _announce(
    rng: np.random.Generator, at: Floats, place: Whole, event_at: Floats, event_place: Whole,
    share: float, days: int,
) -> Whole:  # fmt: skip
    """Write a share of the signals after an event; return which, -1 for the others."""
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
    rng: np.random.Generator, at: Floats, place: Whole, event_at: Floats, event_place: Whole,
    share: float, delay: float, days: int,
) -> Whole:  # fmt: skip
    """Move events behind a share of the signals; return which, -1 where there is none.

    An event that would come after the end of observation is not seen: the signal is censored.
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
    rng: np.random.Generator, world: _WorldArrays, edited: float
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Word the world as tables."""
    where, place, event_place = world.where, world.place, world.event_place
    posted, happened, account = world.posted, world.happened, world.account
    n = len(place)
    ids = pd.Series([f"world:{number}" for number in range(len(where))], dtype="str")
    changed = np.where(rng.random(n) < edited, posted[1] + rng.exponential(0.1, n), np.nan)
    posts = pd.DataFrame(
        {
            "post_id": [f"p{number}" for number in range(n)],
            "platform": "simulated",
            "account": [f"account {number}" for number in account],
            "posted_at": _instant(posted[0]),
            "posted_until": _instant(posted[1]),
            "text": [f"place {number}" for number in place],
            "edited_at": _instant(changed),
        }
    )
    signals = posts[["post_id", "account", "platform", "posted_at", "posted_until"]].copy()
    signals["signal_id"] = [f"s{number}" for number in range(n)]
    signals["code"] = posts["text"]
    signals["kind"] = "word"
    signals["place_id"] = ids.iloc[place].to_numpy()
    lat = _CORNER[0] + where[:, 1] / KM_A_DEGREE
    lon = _CORNER[1] + where[:, 0] / (KM_A_DEGREE * np.cos(np.radians(lat)))
    events = pd.DataFrame(
        {
            "event_id": [f"e{number}" for number in range(len(event_place))],
            "place_id": ids.iloc[event_place].to_numpy(),
            "lat": lat[event_place],
            "lon": lon[event_place],
            "kind": "simulated",
            "occurred_at": _instant(happened[0]),
            "occurred_until": _instant(happened[1]),
            "confirmed_at": _instant(happened[1] + 0.5),
            "confirmed_until": _instant(happened[1] + 0.5),
            "confirmed_by": "UA",
        }
    )
    checked = [("posts", posts), ("signals", signals), ("events", events)]
    first, second, third = (schemas.validate(frame, name, fill=True) for name, frame in checked)
    return first, second, third


def _rough(rng: np.random.Generator, at: Floats, rough: float, days: int) -> tuple[Floats, Floats]:
    """Return intervals: those of rough times are whole days around the time, as told by day."""
    if rough <= 0:
        return at, at.copy()
    width = max(1.0, round(rough))
    told = rng.random(len(at)) < min(rough, 1.0)
    low = np.where(told, np.floor(at / width) * width, at)
    return low, np.where(told, np.minimum(low + width - 1e-8, days), at)


def _instant(days: Floats) -> pd.Series:
    return _START + _span(days)


def _span(days: Floats) -> pd.Series:
    return pd.Series(pd.to_timedelta(days, unit="D").astype("timedelta64[us]"))


def _named(events: Whole) -> pd.Series:
    return pd.Series([None if event < 0 else f"e{event}" for event in events], dtype="str")
