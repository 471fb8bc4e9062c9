"""What finding emoji costs, against `emoji.emoji_list` and polars."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import emoji
import polars as pl
import pyarrow.parquet as pq
import pytest

from foxgrape import scan_emoji
from foxgrape.detection.emoji import scan
from measuring import ChildClock, alike, extra, tell

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from pytest_benchmark.fixture import BenchmarkFixture

    from measuring import Size

#: The machine is often shared, and one thread's time on a processor is its own.
pytestmark = pytest.mark.benchmark(timer=time.process_time)
by_the_clock = pytest.mark.benchmark(timer=time.perf_counter)

COLUMN = "Finding emoji in {:,} posts"
THREADS = "Finding emoji on two threads"
FILE = "Finding emoji in {:,} posts of Parquet, read included"
FRESH = "Finding emoji at the first call of a process"
CLOCK = ChildClock()
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
    """Return how many emoji the reference finds in the sample."""
    return sum(len(emoji.emoji_list(text)) for text in texts.iloc[: size.sample])


@pytest.fixture(scope="module")
def found(texts: pd.Series) -> int:
    """Return how many emoji there are in the column."""
    return len(scan_emoji(texts))


def extracted() -> pl.Expr:
    """Return what polars does to find emoji: all that there are, the longest first."""
    signs = sorted(emoji.EMOJI_DATA, key=len, reverse=True)
    return pl.col("text").str.extract_many(signs, leftmost=True)


def test_reference(benchmark: BenchmarkFixture, texts: pd.Series, size: Size) -> None:
    """The reference, which is slow, reads a sample."""
    some = texts.iloc[: size.sample].tolist()
    what = f"emoji.emoji_list, on {len(some):,} of them"
    tell(benchmark, COLUMN.format(size.posts), what, n=len(some), peer="emoji.emoji_list")
    benchmark.pedantic(
        lambda: [emoji.emoji_list(text) for text in some], rounds=size.few, warmup_rounds=1
    )


def test_polars(benchmark: BenchmarkFixture, texts: pd.Series, size: Size, found: int) -> None:
    """Aho and Corasick, in Rust."""
    frame = pl.DataFrame({"text": texts.tolist()})
    tell(benchmark, COLUMN.format(size.posts), "polars extract_many", n=len(texts), peer="polars")
    lists = benchmark.pedantic(frame.select, [extracted()], rounds=size.few, warmup_rounds=1)
    # It takes what the reference leaves: half a flag, a skin tone of no hand.
    alike(int(lists["text"].list.len().sum()), found, within=0.05)


def test_column(
    benchmark: BenchmarkFixture, texts: pd.Series, size: Size, expected: int, tmp_path: Path
) -> None:
    """The way that `detect` goes; and what it holds in memory besides the texts."""
    tell(benchmark, COLUMN.format(size.posts), "scan_emoji, a pandas str column", n=len(texts))
    spans = benchmark.pedantic(scan_emoji, [texts], rounds=size.rounds, warmup_rounds=1)
    alike(int((spans.row < size.sample).sum()), expected)
    texts.to_frame().to_parquet(tmp_path / "posts.parquet")
    extra(benchmark, MB_beyond_the_column=CLOCK.run(MEMORY, tmp_path / "posts.parquet")["peak"])


def test_list(benchmark: BenchmarkFixture, texts: pd.Series, size: Size, found: int) -> None:
    """Texts that are Python's have to become a column first."""
    listed = texts.tolist()
    tell(benchmark, COLUMN.format(size.posts), "scan_emoji, a list of texts", n=len(texts))
    spans = benchmark.pedantic(scan_emoji, [listed], rounds=size.few, warmup_rounds=1)
    alike(len(spans), found, within=0)


def test_without_numba(
    benchmark: BenchmarkFixture,
    texts: pd.Series,
    size: Size,
    found: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a platform that numba does not support."""
    monkeypatch.setattr(scan, "_MIN_KERNEL_BYTES", 1 << 62)
    tell(benchmark, COLUMN.format(size.posts), "scan_emoji without numba", n=len(texts))
    spans = benchmark.pedantic(scan_emoji, [texts], rounds=size.few, warmup_rounds=1)
    alike(len(spans), found, within=0)


@by_the_clock
@pytest.mark.parametrize("threads", [1, 2])
def test_threads(
    benchmark: BenchmarkFixture, texts: pd.Series, size: Size, threads: int, found: int
) -> None:
    """What a second thread brings."""
    what = "one thread" if threads == 1 else "two threads"
    peer = what if threads == 1 else None
    tell(benchmark, THREADS, f"scan_emoji, {what}", n=len(texts), peer=peer)
    spans = benchmark.pedantic(
        scan_emoji, [texts], {"threads": threads}, rounds=size.rounds, warmup_rounds=1
    )
    alike(len(spans), found, within=0)


@by_the_clock
def test_file_polars(benchmark: BenchmarkFixture, big_file: Path, size: Size) -> None:
    """Polars reads and finds in one plan."""
    counted = pl.scan_parquet(big_file).select(extracted().list.len().sum())
    what, group = "polars, streaming", FILE.format(size.big)
    tell(benchmark, group, what, n=size.big, peer=what)
    benchmark.pedantic(counted.collect, kwargs={"engine": "streaming"}, rounds=size.few)


@by_the_clock
def test_file(benchmark: BenchmarkFixture, big_file: Path, size: Size, found: int) -> None:
    """Batch by batch, so that the file may be larger than memory."""

    def ours() -> int:
        batches = pq.ParquetFile(big_file).iter_batches(250_000, columns=["text"])
        return sum(len(scan_emoji(batch.column(0))) for batch in batches)

    tell(benchmark, FILE.format(size.big), "pyarrow and scan_emoji, in batches", n=size.big)
    alike(benchmark.pedantic(ours, rounds=size.few), found * size.big // size.posts, within=0)


@pytest.mark.benchmark(timer=CLOCK)
def test_fresh(benchmark: BenchmarkFixture, size: Size) -> None:
    """What whoever starts a process waits for."""
    what = "import and scan_emoji of 200,000 short posts, compiled before"
    tell(benchmark, FRESH, what)
    benchmark.pedantic(CLOCK.run, [FIRST], rounds=size.few, warmup_rounds=1)
