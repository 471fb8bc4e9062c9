"""What detection in more posts than memory costs: here, and on a Dask cluster of two processes.

Run as `python benchmarks/scale.py [--share 0.01]`; the share makes a trial of smaller sizes. Each
row is measured once, in fresh processes; the cluster's time is told with and without that of its
start. Joining is what the process that asked does alone, when all parts are there. Peak memory is
that of a process with all that it has loaded: the one that detects here, and the larger of two
workers.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

import corpus
from peak import PEAK

FILE = 500_000
#: How many posts, and whether names of places are found too.
ROWS = [
    (1_000_000, False),
    (5_000_000, False),
    (20_000_000, False),
    (100_000, True),
    (500_000, True),
    (2_000_000, True),
]
HEAD = (
    "| posts | found | here | of it joining | two processes | with their start | ratio "
    "| MB here | MB a worker |"
)
HERE = f"""{PEAK}
import json, sys, time
from foxgrape import detect_all
begin = time.perf_counter()
ticks = []
told = detect_all(
    sys.argv[1],
    sys.argv[2],
    mentions=sys.argv[3] == "names",
    progress=lambda done, of: ticks.append(time.perf_counter()),
)
end = time.perf_counter()
print(json.dumps([end - begin, peak(), told.signals, end - ticks[-1]]))
"""
APART = f"""{PEAK}
import json, sys, time
import distributed
from foxgrape import detect_all
if __name__ == "__main__":
    begin = time.perf_counter()
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1) as cluster:
        ready = time.perf_counter()
        names, address = sys.argv[3] == "names", cluster.scheduler_address
        told = detect_all(sys.argv[1], sys.argv[2], mentions=names, scheduler=address)
        took = time.perf_counter() - ready
        with distributed.Client(cluster) as client:
            most = max(client.run(peak).values())
    print(json.dumps([took, most, told.signals, ready - begin]))
"""


def written(folder: Path, n: int) -> None:
    """Write so many posts; the texts of each file are those of the first, the posts are not."""
    block = corpus.posts(min(n, FILE))
    for number, first in enumerate(range(0, n, len(block))):
        ids = pd.Series(range(first, first + len(block))).astype("str").str.zfill(10)
        later = block["posted_at"] + pd.Timedelta(days=number)
        posts = block.assign(post_id=ids, posted_at=later)
        posts.to_parquet(folder / f"{number:03}.parquet", row_group_size=50_000, index=False)


def run(code: str, folder: Path, *words: str) -> list[float]:
    """Run code from a file in a fresh process, as a spawned worker needs; return what it told."""
    script = folder / "script.py"
    script.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), *words], check=True, capture_output=True, text=True
    )
    told: list[float] = json.loads(done.stdout.splitlines()[-1])
    return told


def row(n: int, names: bool) -> str:
    """Measure a size both ways, and fail where the signals differ."""
    with tempfile.TemporaryDirectory() as made:
        scratch = Path(made)
        source = scratch / "posts"
        source.mkdir()
        written(source, n)
        words = (str(source), "names" if names else "codes")
        here, there = scratch / "here", scratch / "there"
        took, peak, signals, joining = run(HERE, scratch, words[0], str(here), words[1])
        apart, most, _, start = run(APART, scratch, words[0], str(there), words[1])
        both = [pd.read_parquet(folder / "signals.parquet") for folder in (here, there)]
    if not both[0].equals(both[1]):
        raise SystemExit("not the same signals")
    what = "codes and names" if names else "codes"
    return (
        f"| {n:,} | {what}: {signals:,} signals | {took:.0f} s | {joining:.1f} s "
        f"| {apart:.0f} s | {apart + start:.0f} s | {(apart + start) / took:.2f} "
        f"| {peak:,.0f} | {most:,.0f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the sizes; 1 is all")
    options = parser.parse_args()
    print(HEAD, re.sub(r"[^|]+", "---:", HEAD), sep="\n")
    for n, names in ROWS:
        print(row(int(n * options.share), names), flush=True)


if __name__ == "__main__":
    main()
