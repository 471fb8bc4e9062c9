"""Sizes of the benchmarks, descriptions for the page, and timing in subprocesses."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

__all__ = ["SIZES", "Size", "SubprocessClock", "add_columns", "assert_close", "describe"]


@dataclass(frozen=True)
class Size:
    """The size of the input of each benchmark.

    Attributes
    ----------
    posts, sample, named, big
        Posts in a column, for the slow reference, for the search for place names, and in a Parquet
        file.
    signals, events, places
        Sizes of the tables that are linked.
    rows
        Posts in a file that is imported into a store.
    reports
        Reports built in one call.
    rounds
        Repetitions of a fast call; slow ones are repeated at most three times.
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
        """Repetitions of a slow call."""
        return min(self.rounds, 3)


SIZES = {
    "full": Size(1_000_000, 10_000, 100_000, 5_000_000, 200_000, 20_000, 2000, 1_000_000, 20, 5),
    "small": Size(100_000, 2_000, 10_000, 500_000, 20_000, 2_000, 200, 100_000, 4, 2),
    "tiny": Size(2_000, 200, 2_000, 4_000, 1_000, 200, 20, 500, 1, 1),
}


class SubprocessClock:
    """A clock that advances by the time subprocesses report, which excludes their start.

    Each subprocess prints one line of JSON with its ``seconds``.
    """

    def __init__(self) -> None:
        self.__name__ = "fresh"
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return the total seconds so far."""
        return self.seconds

    def run(self, code: str, *arguments: object) -> dict[str, float]:
        """Run code in a new interpreter and return the figures that it prints."""
        command = [sys.executable, "-c", code, *map(str, arguments)]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        if process.returncode:
            pytest.fail(process.stderr)
        figures: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
        self.seconds += figures["seconds"]
        return figures


def describe(
    benchmark: BenchmarkFixture,
    group: str,
    what: str,
    *,
    n: int | None = None,
    of: str = "post",
    peer: str | None = None,
    note: str | None = None,
    **columns: float,
) -> None:
    """Set the texts of a benchmark on the page: the group is a table, `what` one of its rows.

    Parameters
    ----------
    benchmark
        The fixture, before it is used.
    group, what
        Titles of the table and of the row.
    n, of
        The number of items that one call processes, and their name; None if a call is one item.
    peer
        The name of the column that compares the other rows with this one.
    note
        A sentence below the table that is needed for a fair comparison.
    columns
        More columns of this row; underscores become spaces.
    """
    benchmark.group = group
    benchmark.extra_info.update(what=what, n=n, of=of, peer=peer, note=note)
    add_columns(benchmark, **columns)


def add_columns(benchmark: BenchmarkFixture, **columns: float) -> None:
    """Add columns to a row; also possible after it has been measured."""
    row: dict[str, Any] = benchmark.extra_info.setdefault("also", {})
    row.update({name.replace("_", " "): figure for name, figure in columns.items()})


def assert_close(count: int, expected: int, within: float = 0.02) -> None:
    """Fail if two methods that are compared do not find about the same number of items."""
    if count != pytest.approx(expected, rel=within) or not expected:
        pytest.fail(f"results must be about equal; got {count:,}, expected {expected:,}")
