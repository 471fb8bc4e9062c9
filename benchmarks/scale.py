"""What detection in more posts than memory costs: here, and on a Dask cluster of two processes.

Run as `python benchmarks/scale.py [--posts N]`. Files are written once into a scratch folder; peak
memory is that of a process of its own, with all that it has loaded.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import distributed
import pandas as pd

import corpus
from foxgrape import detect_all

FILE = 500_000
HERE = """
import json, resource, sys, time
from foxgrape import detect_all
begin = time.perf_counter()
told = detect_all(sys.argv[1], sys.argv[2])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([time.perf_counter() - begin, peak, told.posts, told.signals]))
"""


def written(folder: Path, n: int) -> None:
    """Write so many posts; the texts of each file are those of the first, the posts are not."""
    block = corpus.posts(FILE)
    for number in range(-(-n // FILE)):
        ids = pd.Series(range(number * FILE, (number + 1) * FILE)).astype("str").str.zfill(10)
        shift = pd.Timedelta(days=number)
        posts = block.assign(post_id=ids, posted_at=block["posted_at"] + shift)
        posts.to_parquet(folder / f"{number:03}.parquet", row_group_size=100_000, index=False)


def main() -> None:
    """Print times, memory, and whether both found the same."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, default=20_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "posts"
        source.mkdir()
        written(source, options.posts)
        size = sum(file.stat().st_size for file in source.iterdir()) / 1e9
        print(f"{options.posts:,} posts, {size:.1f} GB of Parquet")
        here, there = Path(scratch) / "here", Path(scratch) / "there"
        command = [sys.executable, "-c", HERE, str(source), str(here)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds, peak, posts, signals = json.loads(out.splitlines()[-1])
        print(f"here: {seconds:.0f} s, {peak:,.0f} MB; {signals:,} signals in {posts:,} posts")
        with distributed.LocalCluster(n_workers=2, threads_per_worker=1) as cluster:
            begin = time.perf_counter()
            detect_all(source, there, scheduler=cluster.scheduler_address)
            apart = time.perf_counter() - begin
        print(f"on two processes: {apart:.0f} s, {apart / seconds:.2f} times as long")
        same = pd.read_parquet(here / "signals.parquet").equals(
            pd.read_parquet(there / "signals.parquet")
        )
        print(f"the same signals, row for row: {same}")


if __name__ == "__main__":
    main()
