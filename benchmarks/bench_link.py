"""Cost of linking signals to events, compared with two partial solutions in pandas."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pytest

from foxgrape import link
from measuring import describe

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from measuring import Size

pytestmark = pytest.mark.benchmark(timer=time.process_time)

GROUP = "Linking {:,} signals to {:,} events at {:,} places"
ONLY = (
    "The other methods only find the next event within 30 days: no inexact times, no earlier "
    "events, no relation, no right-censoring, no hindsight."
)
HORIZON, YEAR = pd.Timedelta("30D"), 365 * 86_400_000_000
START = np.datetime64("2022-01-01", "us")


class World(NamedTuple):
    """Signals and events with exact times."""

    signals: pd.DataFrame
    events: pd.DataFrame


@pytest.fixture(scope="module")
def world(size: Size) -> World:
    """Return signals and events at random times in one year, in chronological order."""
    rng = np.random.default_rng(4)

    def make_table(n: int, key: str, time_column: str) -> pd.DataFrame:
        at = START + np.sort(rng.integers(YEAR, size=n)).astype("timedelta64[us]")
        numbers = pd.Series(np.arange(n)).astype("str")
        places = pd.Series(rng.integers(size.places, size=n)).astype("str")
        times = pd.Series(at).dt.tz_localize("UTC")
        return pd.DataFrame({key: numbers, "place_id": "geonames:" + places, time_column: times})

    events = make_table(size.events, "event_id", "confirmed_at")
    return World(
        make_table(size.signals, "signal_id", "posted_at"),
        events.assign(occurred_at=events["confirmed_at"]),
    )


@pytest.fixture(scope="module")
def expected(world: World) -> pd.Series:
    """Return the event of each signal that has a later one."""
    links = link(*world)
    later = links["lead_min"].where(links["observed"]) >= pd.Timedelta(0)
    return links[later].set_index("signal_id")["event_id"]


def title(world: World) -> str:
    """Return the title of the table."""
    return GROUP.format(len(world.signals), len(world.events), world.events["place_id"].nunique())


def assert_same_events(links: pd.DataFrame, expected: pd.Series) -> None:
    """Fail if any signal has another next event."""
    pd.testing.assert_series_equal(
        links.set_index("signal_id")["event_id"].sort_index(), expected.sort_index()
    )


def test_asof(benchmark: BenchmarkFixture, world: World, size: Size, expected: pd.Series) -> None:
    """The next event in one pass over tables that are sorted already."""

    def next_events() -> pd.DataFrame:
        return pd.merge_asof(
            *(world.signals, world.events),
            left_on="posted_at", right_on="confirmed_at", by="place_id",
            direction="forward", tolerance=HORIZON,
        ).dropna(subset="event_id")  # fmt: skip

    what = "pandas.merge_asof"
    describe(benchmark, title(world), what, n=len(world.signals), of="signal", peer=what, note=ONLY)
    assert_same_events(
        benchmark.pedantic(next_events, rounds=size.rounds, warmup_rounds=1), expected
    )


def test_merge(benchmark: BenchmarkFixture, world: World, size: Size, expected: pd.Series) -> None:
    """All events at the place within the horizon, then the first of them."""

    def next_events() -> pd.DataFrame:
        pairs = world.signals.merge(world.events, on="place_id")
        lead = pairs["confirmed_at"] - pairs["posted_at"]
        within = pairs[(lead >= pd.Timedelta(0)) & (lead <= HORIZON)]
        return within.sort_values("confirmed_at").drop_duplicates("signal_id")

    what, peer = "pandas merge, filter and first event", "merge and filter"
    describe(benchmark, title(world), what, n=len(world.signals), of="signal", peer=peer)
    assert_same_events(
        benchmark.pedantic(next_events, rounds=size.rounds, warmup_rounds=1), expected
    )


def test_link(benchmark: BenchmarkFixture, world: World, size: Size) -> None:
    """All columns of the links."""
    describe(benchmark, title(world), "link", n=len(world.signals), of="signal")
    links = benchmark.pedantic(link, world, rounds=size.rounds, warmup_rounds=1)
    if len(links) != len(world.signals):
        pytest.fail(f"there must be {len(world.signals):,} links; got {len(links):,}")
