"""Sizes, the posts that all benchmarks share, and what the record says of the machine."""

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

#: What a figure depends on, most of all.
VERSIONS = (
    *("emoji", "numba", "numpy", "pandas", "pyarrow", "polars", "deltalake"),
    *("papermill", "nbconvert", "pytest-benchmark"),
)
#: What is measured in which order: that of the data. The rest of a name is the file's.
STREET = ("scan", "detect", "link", "store", "report")
_BLOCK = 500_000
_LOAD = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let one option set all sizes, and one more the number of reports."""
    parser.addoption("--size", choices=list(SIZES), default="full", help="of all benchmarks")
    parser.addoption("--reports", type=int, help="how many are built in one call")


def pytest_configure(config: pytest.Config) -> None:
    """Note how busy the machine was before this began."""
    config.stash[_LOAD] = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Go down the street, and not through the alphabet."""
    items.sort(key=lambda item: STREET.index(item.path.stem.removeprefix("bench_")))


def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Add to the record how large it all was, on what, and how busy the machine was."""
    output_json["foxgrape"] = {
        "size": config.getoption("size"),
        "load": config.stash[_LOAD],
        "versions": {name: version(name) for name in ("foxgrape", *VERSIONS)},
    }


@pytest.fixture(scope="session")
def size(pytestconfig: pytest.Config) -> Size:
    """Return how large everything is."""
    chosen = SIZES[pytestconfig.getoption("size")]
    reports = pytestconfig.getoption("reports")
    return chosen if reports is None else replace(chosen, reports=reports)


@pytest.fixture(scope="session")
def posts(size: Size) -> pd.DataFrame:
    """Return made posts in the order of time."""
    return corpus.posts(size.posts)


@pytest.fixture(scope="session")
def texts(posts: pd.DataFrame) -> pd.Series:
    """Return their texts, a pandas column."""
    return posts["text"]


@pytest.fixture(scope="session")
def big_file(posts: pd.DataFrame, size: Size, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write more posts than are made, block by block: they come again."""
    path = tmp_path_factory.mktemp("big") / "posts.parquet"
    table = pa.Table.from_pandas(posts, preserve_index=False)
    block = min(_BLOCK, len(posts))
    with pq.ParquetWriter(path, table.schema) as writer:
        for first in range(0, size.big, block):
            writer.write_table(table.slice(first % len(posts), min(block, size.big - first)))
    return path
