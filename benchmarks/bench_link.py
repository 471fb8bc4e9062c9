"""What linking signals to events costs, against two ways to do a part of it with pandas."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pytest

from foxgrape import link
from measuring import tell

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from measuring import Size

pytestmark = pytest.mark.benchmark(timer=time.process_time)

GROUP = "Linking {:,} signals to {:,} events at {:,} places"
ONLY = (
    "The other ways find the next event within 30 days and no more: no rough times, no event that "
    "came before, no relation, no right-censoring, no hindsight."
)
WAIT, YEAR = pd.Timedelta("30D"), 365 * 86_400_000_000
START = np.datetime64("2022-01-01", "us")


class World(NamedTuple):
    """Signals and events whose times are known exactly."""

    signals: pd.DataFrame
    events: pd.DataFrame


@pytest.fixture(scope="module")
def world(size: Size) -> World:
    """Return signals and events, each anywhere in a year, both in the order of time."""
    rng = np.random.default_rng(4)

    def made(n: int, key: str, when: str) -> pd.DataFrame:
        at = START + np.sort(rng.integers(YEAR, size=n)).astype("timedelta64[us]")
        numbers = pd.Series(np.arange(n)).astype("str")
        places = pd.Series(rng.integers(size.places, size=n)).astype("str")
        stands = pd.Series(at).dt.tz_localize("UTC")
        return pd.DataFrame({key: numbers, "place_id": "geonames:" + places, when: stands})

    events = made(size.events, "event_id", "confirmed_at")
    return World(
        made(size.signals, "signal_id", "posted_at"),
        events.assign(occurred_at=events["confirmed_at"]),
    )


@pytest.fixture(scope="module")
def expected(world: World) -> pd.Series:
    """Return the event of each signal that has one ahead."""
    links = link(*world)
    ahead = links["lead_min"].where(links["observed"]) >= pd.Timedelta(0)
    return links[ahead].set_index("signal_id")["event_id"]


def told(world: World, group: str = GROUP) -> str:
    """Return what stands over the table."""
    return group.format(len(world.signals), len(world.events), world.events["place_id"].nunique())


def same(found: pd.DataFrame, expected: pd.Series) -> None:
    """Fail where the next event is another."""
    pd.testing.assert_series_equal(
        found.set_index("signal_id")["event_id"].sort_index(), expected.sort_index()
    )


def test_asof(benchmark: BenchmarkFixture, world: World, size: Size, expected: pd.Series) -> None:
    """The next event by one sweep; both sides have to be sorted, and are."""

    def following() -> pd.DataFrame:
        return pd.merge_asof(
            *(world.signals, world.events),
            left_on="posted_at", right_on="confirmed_at", by="place_id",
            direction="forward", tolerance=WAIT,
        ).dropna(subset="event_id")  # fmt: skip

    what = "pandas.merge_asof"
    tell(benchmark, told(world), what, n=len(world.signals), of="signal", peer=what, note=ONLY)
    same(benchmark.pedantic(following, rounds=size.rounds, warmup_rounds=1), expected)


def test_merge(benchmark: BenchmarkFixture, world: World, size: Size, expected: pd.Series) -> None:
    """All events at the place, those in the window, and of them the first."""

    def following() -> pd.DataFrame:
        pairs = world.signals.merge(world.events, on="place_id")
        lead = pairs["confirmed_at"] - pairs["posted_at"]
        within = pairs[(lead >= pd.Timedelta(0)) & (lead <= WAIT)]
        return within.sort_values("confirmed_at").drop_duplicates("signal_id")

    what, peer = "pandas merge, filter, and the first of each", "merge and filter"
    tell(benchmark, told(world), what, n=len(world.signals), of="signal", peer=peer)
    same(benchmark.pedantic(following, rounds=size.rounds, warmup_rounds=1), expected)


def test_link(benchmark: BenchmarkFixture, world: World, size: Size) -> None:
    """All that a link says."""
    tell(benchmark, told(world), "link", n=len(world.signals), of="signal")
    links = benchmark.pedantic(link, world, rounds=size.rounds, warmup_rounds=1)
    if len(links) != len(world.signals):
        pytest.fail("a signal without its row")
