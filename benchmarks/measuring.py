"""What the benchmarks share: how large they are, what is told of each, and the clock of others."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

__all__ = ["SIZES", "ChildClock", "Size", "alike", "tell"]


@dataclass(frozen=True)
class Size:
    """How many of everything.

    Attributes
    ----------
    posts, sample, named, big
        Posts in a column; those that the slow reference reads; those in which names are looked
        for; those in a file of Parquet.
    signals, events, places
        What is linked.
    rows
        Posts in a file that is put into a store.
    reports
        Reports built in one call.
    rounds
        Times that a quick call is repeated; slow ones at most three times.
    """

    posts: int
    sample: int
    named: int
    big: int
    signals: int
    events: int
    places: int
    rows: int
    reports: int
    rounds: int

    @property
    def few(self) -> int:
        """How often a slow call is repeated."""
        return min(self.rounds, 3)


SIZES = {
    "full": Size(1_000_000, 10_000, 100_000, 5_000_000, 200_000, 20_000, 2000, 1_000_000, 20, 5),
    "small": Size(100_000, 2_000, 10_000, 500_000, 20_000, 2_000, 200, 100_000, 4, 2),
    "tiny": Size(2_000, 200, 2_000, 4_000, 1_000, 200, 20, 500, 1, 1),
}


class ChildClock:
    """A clock that fresh processes move on by what they say they took, without their own start.

    Each prints one line of JSON, in which ``seconds`` is what counts.
    """

    def __init__(self) -> None:
        self.__name__ = "fresh"
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return the seconds so far."""
        return self.seconds

    def run(self, code: str, *arguments: object) -> dict[str, float]:
        """Run code in a fresh interpreter; return what it told."""
        command = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(done.stderr)
        told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        self.seconds += told["seconds"]
        return told


def tell(
    benchmark: BenchmarkFixture,
    group: str,
    what: str,
    *,
    n: int | None = None,
    of: str = "post",
    peer: str | None = None,
    note: str | None = None,
    **also: float,
) -> None:
    """Say what is measured: the group is a table, `what` a row of it.

    Parameters
    ----------
    benchmark
        The fixture, before it is used.
    group, what
        Heads of table and row.
    n, of
        How many of what one call does; None for a call that is one thing.
    peer
        The name under which the other rows of the table are compared with this one.
    note
        What a reader has to know to compare fairly: a sentence under the table.
    also
        More columns of this row; an underscore is a space.
    """
    benchmark.group = group
    benchmark.extra_info.update(what=what, n=n, of=of, peer=peer, note=note)
    extra(benchmark, **also)


def extra(benchmark: BenchmarkFixture, **also: float) -> None:
    """Add columns to a row, also after it has been measured."""
    columns: dict[str, Any] = benchmark.extra_info.setdefault("also", {})
    columns.update({name.replace("_", " "): figure for name, figure in also.items()})


def alike(found: int, expected: int, within: float = 0.02) -> None:
    """Fail where two ways that should find about the same did not: then no ratio means anything."""
    if found != pytest.approx(expected, rel=within) or not expected:
        pytest.fail(f"not what was to be measured: found {found:,}, expected about {expected:,}")
