"""Cost of finding emoji, compared with `emoji.emoji_list` and polars."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import emoji
import polars as pl
import pyarrow.parquet as pq
import pytest

from foxgrape import scan_emoji
from foxgrape.detection.emoji import scan
from measuring import SubprocessClock, add_columns, assert_close, describe

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from pytest_benchmark.fixture import BenchmarkFixture

    from measuring import Size

#: Processor time, because the machine may be shared.
pytestmark = pytest.mark.benchmark(timer=time.process_time)
wall_clock = pytest.mark.benchmark(timer=time.perf_counter)

COLUMN = "Finding emoji in {:,} posts"
THREADS = "Finding emoji on two threads"
FILE = "Finding emoji in {:,} posts in Parquet, reading included"
FRESH = "Finding emoji in the first call of a process"
CLOCK = SubprocessClock()
FIRST = """
import json, time, pandas as pd
texts = pd.Series(["привіт 🍇"] * 200_000, dtype="str")
begin = time.perf_counter()
from foxgrape import scan_emoji
scan_emoji(texts)
print(json.dumps({"seconds": time.perf_counter() - begin}))
"""
MEMORY = """
import json, sys, tracemalloc, pandas as pd
texts = pd.read_parquet(sys.argv[1], columns=["text"])["text"]
from foxgrape import scan_emoji
scan_emoji(texts.iloc[:20_000])
tracemalloc.start(); scan_emoji(texts)
print(json.dumps({"seconds": 0, "peak": tracemalloc.get_traced_memory()[1] / 1e6}))
"""


@pytest.fixture(scope="module")
def expected(texts: pd.Series, size: Size) -> int:
    """Return the number of emoji that the reference finds in the sample."""
    return sum(len(emoji.emoji_list(text)) for text in texts.iloc[: size.sample])


@pytest.fixture(scope="module")
def n_emoji(texts: pd.Series) -> int:
    """Return the number of emoji in the column."""
    return len(scan_emoji(texts))


def extract_emoji() -> pl.Expr:
    """Return a polars expression that finds all emoji, the longest first."""
    patterns = sorted(emoji.EMOJI_DATA, key=len, reverse=True)
    return pl.col("text").str.extract_many(patterns, leftmost=True)


def test_reference(benchmark: BenchmarkFixture, texts: pd.Series, size: Size) -> None:
    """The slow reference scans a sample."""
    sample = texts.iloc[: size.sample].tolist()
    what = f"emoji.emoji_list, sample of {len(sample):,}"
    describe(benchmark, COLUMN.format(size.posts), what, n=len(sample), peer="emoji.emoji_list")
    benchmark.pedantic(
        lambda: [emoji.emoji_list(text) for text in sample], rounds=size.few, warmup_rounds=1
    )


def test_polars(benchmark: BenchmarkFixture, texts: pd.Series, size: Size, n_emoji: int) -> None:
    """An Aho–Corasick automaton in Rust."""
    frame = pl.DataFrame({"text": texts.tolist()})
    describe(
        benchmark, COLUMN.format(size.posts), "polars extract_many", n=len(texts), peer="polars"
    )
    lists = benchmark.pedantic(frame.select, [extract_emoji()], rounds=size.few, warmup_rounds=1)
    # It also finds what the reference does not: half a flag, a skin tone alone.
    assert_close(int(lists["text"].list.len().sum()), n_emoji, within=0.05)


def test_column(
    benchmark: BenchmarkFixture, texts: pd.Series, size: Size, expected: int, tmp_path: Path
) -> None:
    """As `detect` calls it; also measures the memory besides the texts."""
    describe(benchmark, COLUMN.format(size.posts), "scan_emoji, a pandas str column", n=len(texts))
    spans = benchmark.pedantic(scan_emoji, [texts], rounds=size.rounds, warmup_rounds=1)
    assert_close(int((spans.row < size.sample).sum()), expected)
    texts.to_frame().to_parquet(tmp_path / "posts.parquet")
    add_columns(
        benchmark, MB_beyond_the_column=CLOCK.run(MEMORY, tmp_path / "posts.parquet")["peak"]
    )


def test_list(benchmark: BenchmarkFixture, texts: pd.Series, size: Size, n_emoji: int) -> None:
    """A list is converted to a column first."""
    values = texts.tolist()
    describe(benchmark, COLUMN.format(size.posts), "scan_emoji, a list of texts", n=len(texts))
    spans = benchmark.pedantic(scan_emoji, [values], rounds=size.few, warmup_rounds=1)
    assert_close(len(spans), n_emoji, within=0)


def test_without_numba(
    benchmark: BenchmarkFixture,
    texts: pd.Series,
    size: Size,
    n_emoji: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a platform that numba does not support."""
    monkeypatch.setattr(scan, "_MIN_KERNEL_BYTES", 1 << 62)
    describe(benchmark, COLUMN.format(size.posts), "scan_emoji without numba", n=len(texts))
    spans = benchmark.pedantic(scan_emoji, [texts], rounds=size.few, warmup_rounds=1)
    assert_close(len(spans), n_emoji, within=0)


@wall_clock
@pytest.mark.parametrize("threads", [1, 2])
def test_threads(
    benchmark: BenchmarkFixture, texts: pd.Series, size: Size, threads: int, n_emoji: int
) -> None:
    """The gain of a second thread."""
    what = "one thread" if threads == 1 else "two threads"
    peer = what if threads == 1 else None
    describe(benchmark, THREADS, f"scan_emoji, {what}", n=len(texts), peer=peer)
    spans = benchmark.pedantic(
        scan_emoji, [texts], {"threads": threads}, rounds=size.rounds, warmup_rounds=1
    )
    assert_close(len(spans), n_emoji, within=0)


@wall_clock
def test_file_polars(benchmark: BenchmarkFixture, big_file: Path, size: Size) -> None:
    """Polars reads and searches in one query."""
    query = pl.scan_parquet(big_file).select(extract_emoji().list.len().sum())
    what, group = "polars, streaming", FILE.format(size.big)
    describe(benchmark, group, what, n=size.big, peer=what)
    benchmark.pedantic(query.collect, kwargs={"engine": "streaming"}, rounds=size.few)


@wall_clock
def test_file(benchmark: BenchmarkFixture, big_file: Path, size: Size, n_emoji: int) -> None:
    """In batches, so that the file may be larger than memory."""

    def scan_batches() -> int:
        batches = pq.ParquetFile(big_file).iter_batches(250_000, columns=["text"])
        return sum(len(scan_emoji(batch.column(0))) for batch in batches)

    describe(benchmark, FILE.format(size.big), "pyarrow and scan_emoji, in batches", n=size.big)
    assert_close(
        benchmark.pedantic(scan_batches, rounds=size.few),
        n_emoji * size.big // size.posts,
        within=0,
    )


@pytest.mark.benchmark(timer=CLOCK)
def test_fresh(benchmark: BenchmarkFixture, size: Size) -> None:
    """The delay of the first call, with compiled code in the cache."""
    what = "import and scan_emoji of 200,000 short posts, code in cache"
    describe(benchmark, FRESH, what)
    benchmark.pedantic(CLOCK.run, [FIRST], rounds=size.few, warmup_rounds=1)
