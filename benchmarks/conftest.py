"""Options, shared posts, and the machine data in the benchmark record."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import corpus
from measuring import SIZES

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from measuring import Size

#: Packages on whose versions the figures depend most.
VERSIONS = (
    *("emoji", "numba", "numpy", "pandas", "pyarrow", "polars", "deltalake"),
    *("papermill", "nbconvert", "pytest-benchmark"),
)
#: Order of the files, which is that of the data flow, without the prefix bench_.
ORDER = ("scan", "detect", "link", "store", "report")
_BLOCK = 500_000
_LOAD = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options for the sizes and for the number of reports."""
    parser.addoption("--size", choices=list(SIZES), default="full", help="size of all inputs")
    parser.addoption("--reports", type=int, help="reports built in one call")


def pytest_configure(config: pytest.Config) -> None:
    """Record the load of the machine before the benchmarks start."""
    config.stash[_LOAD] = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the benchmarks by the data flow."""
    items.sort(key=lambda item: ORDER.index(item.path.stem.removeprefix("bench_")))


def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Add the size, the load of the machine and the versions to the record."""
    output_json["foxgrape"] = {
        "size": config.getoption("size"),
        "load": config.stash[_LOAD],
        "versions": {name: version(name) for name in ("foxgrape", *VERSIONS)},
    }


@pytest.fixture(scope="session")
def size(pytestconfig: pytest.Config) -> Size:
    """Return the sizes of the inputs."""
    chosen = SIZES[pytestconfig.getoption("size")]
    reports = pytestconfig.getoption("reports")
    return chosen if reports is None else replace(chosen, reports=reports)


@pytest.fixture(scope="session")
def posts(size: Size) -> pd.DataFrame:
    """Return generated posts in chronological order."""
    return corpus.posts(size.posts)


@pytest.fixture(scope="session")
def texts(posts: pd.DataFrame) -> pd.Series:
    """Return the texts of the posts as a pandas column."""
    return posts["text"]


@pytest.fixture(scope="session")
def big_file(posts: pd.DataFrame, size: Size, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a large file of posts by repeating the generated ones."""
    path = tmp_path_factory.mktemp("big") / "posts.parquet"
    table = pa.Table.from_pandas(posts, preserve_index=False)
    block = min(_BLOCK, len(posts))
    with pq.ParquetWriter(path, table.schema) as writer:
        for first in range(0, size.big, block):
            writer.write_table(table.slice(first % len(posts), min(block, size.big - first)))
    return path
