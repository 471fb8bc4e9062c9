"""What finding emoji and signals costs, against named peers in the same run; writes a page.

Run as `python benchmarks/scan.py [--posts N] [--big N] [--write docs/performance.md]`. Peers that
are not installed are left out. Every figure is the best of a few calls, after one that compiles,
in seconds of the processor, so that other work on the machine changes it little; where files are
read, in seconds of the clock, each side in turn.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import emoji
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import corpus
from foxgrape import detect, scan_emoji

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE = 10_000
FRESH = """
import time, pandas as pd
texts = pd.Series(["привіт 🍇"] * 200_000, dtype="str")
begin = time.process_time()
from foxgrape import scan_emoji
scan_emoji(texts)
print(time.process_time() - begin)
"""
MEMORY = """
import sys, tracemalloc, pandas as pd
texts = pd.read_parquet(sys.argv[1], columns=["text"])["text"]
from foxgrape import scan_emoji
scan_emoji(texts.iloc[:20_000])
tracemalloc.start(); scan_emoji(texts); print(tracemalloc.get_traced_memory()[1] / 1e6)
"""


def best(
    call: Callable[[], object], times: int = 5, clock: Callable[[], float] | None = None
) -> float:
    """Return the seconds of the best call, after one that is not timed."""
    clock = clock or time.process_time
    call()
    took = []
    for _ in range(times):
        begin = clock()
        call()
        took.append(clock() - begin)
    return min(took)


def fresh(code: str, *arguments: str) -> float:
    """Return what code printed last in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
    )
    return float(done.stdout.split()[-1])


def scanning(texts: pd.Series) -> list[tuple[str, float]]:
    """Return posts a second of each way to find emoji in a column."""
    n, some = len(texts), texts.iloc[:SAMPLE].tolist()
    reference = best(lambda: [emoji.emoji_list(text) for text in some], 3) / len(some)
    rows = [("emoji.emoji_list, on a sample", 1 / reference)]
    rows.append(("scan_emoji, a pandas str column", n / best(lambda: scan_emoji(texts))))
    listed = texts.tolist()
    rows.append(("scan_emoji, a list of texts", n / best(lambda: scan_emoji(listed), 3)))
    wall = best(lambda: scan_emoji(texts), clock=time.perf_counter)
    both = best(lambda: scan_emoji(texts, threads=2), clock=time.perf_counter)
    rows.append(("scan_emoji, two threads, by the clock", n / both))
    rows.append(("scan_emoji, one thread, by the clock", n / wall))
    if find_spec("polars"):
        polars = importlib.import_module("polars")
        frame = polars.DataFrame({"text": listed})
        found = polars.col("text").str.extract_many(list(emoji.EMOJI_DATA), leftmost=True)
        rows.append(("polars extract_many", n / best(lambda: frame.select(found), 3)))
    return rows


def arrays(texts: pd.Series) -> float:
    """Return posts a second where there is no numba."""
    from foxgrape import emoji_scan  # noqa: PLC0415 - it is changed for this

    small, emoji_scan._SMALL = emoji_scan._SMALL, 1 << 62
    took = best(lambda: scan_emoji(texts), 2)
    emoji_scan._SMALL = small
    return len(texts) / took


def detecting(posts: pd.DataFrame) -> list[tuple[str, float]]:
    """Return posts a second of detection, with codes and with names."""
    some = posts.iloc[:100_000]
    return [
        ("detect, the whole codebook", len(posts) / best(lambda: detect(posts), 3)),
        (
            "detect, and names of all places",
            len(some) / best(lambda: detect(some, mentions=True), 2),
        ),
    ]


def reading(path: Path) -> list[tuple[str, float]]:
    """Return the seconds to read a file of Parquet and find its emoji, by the clock."""

    def ours() -> int:
        batches = pq.ParquetFile(path).iter_batches(250_000, columns=["text"])
        return sum(len(scan_emoji(batch.column(0))) for batch in batches)

    rows = [("scan_emoji, in batches", best(ours, 2, time.perf_counter))]
    if find_spec("polars"):
        polars = importlib.import_module("polars")
        found = polars.col("text").str.extract_many(list(emoji.EMOJI_DATA), leftmost=True)

        def theirs() -> object:
            counted = polars.scan_parquet(path).select(found.list.len().sum())
            return counted.collect(engine="streaming")

        rows.append(("polars, streaming", best(theirs, 2, time.perf_counter)))
    return rows


def write_posts(folder: Path, n: int, block: int = 500_000) -> Path:
    """Write so many posts, block by block; after the first million they come again."""
    path = folder / "posts.parquet"
    tables = [corpus.posts(min(block, n), seed=seed) for seed in range(min(2, -(-n // block)))]
    with pq.ParquetWriter(path, pa.Table.from_pandas(tables[0]).schema) as writer:
        for number in range(-(-n // block)):
            writer.write_table(pa.Table.from_pandas(tables[number % len(tables)]))
    return path


def page(rows: list[tuple[str, str, str]], posts: int) -> str:
    """Return the page: a table, the machine, versions and the date."""
    names = ["emoji", "numba", "numpy", "pandas", "pyarrow", "polars"]
    told = ", ".join(f"{name} {version(name)}" for name in names if find_spec(name))
    lines = [
        "# Performance",
        "",
        f"Measured by `benchmarks/scan.py` on {posts:,} made posts (`benchmarks/corpus.py`): mixed",
        "Cyrillic and Latin, about 120 characters, a quarter with one to five emoji of all kinds.",
        "Each figure is the best of a few calls after one that compiles, on one thread and in",
        "seconds of the processor unless said otherwise; ratios are to the first line, in the same",
        "run, and of files to the first of them.",
        "",
        "| what | figure | ratio |",
        "|---|---:|---:|",
        *(f"| {what} | {figure} | {ratio} |" for what, figure, ratio in rows),
        "",
        f"{platform.system()}, {platform.machine()}, Python {platform.python_version()}; {told}.",
        f"{pd.Timestamp.now('UTC'):%d %B %Y}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--big", type=int, default=5_000_000)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    posts = corpus.posts(options.posts)
    speeds = scanning(posts["text"])
    speeds.append(("scan_emoji without numba", arrays(posts["text"])))
    speeds += detecting(posts)
    first = speeds[0][1]
    rows = [(what, f"{speed:,.0f} posts/s", f"{speed / first:,.0f}") for what, speed in speeds]
    with tempfile.TemporaryDirectory() as scratch:
        path = write_posts(Path(scratch), options.big)
        took = reading(path)
        rows += [
            (
                f"{options.big:,} posts of Parquet: {what}",
                f"{seconds:.1f} s",
                f"{took[0][1] / seconds:.2f}",
            )
            for what, seconds in took
        ]
        small = write_posts(Path(scratch), options.posts)
        rows.append(("memory beyond the column", f"{fresh(MEMORY, str(small)):.0f} MB", ""))
    start = min(fresh(FRESH) for _ in range(3))
    rows.append(("first call in a fresh process, compiled before", f"{start:.1f} s", ""))
    told = page(rows, options.posts)
    print(told)
    if options.write:
        options.write.write_text(told, encoding="utf-8")


if __name__ == "__main__":
    main()
