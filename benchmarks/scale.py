"""Cost of `detect_all` in one process and on a Dask cluster of two processes.

Run as `python benchmarks/scale.py [--share 0.01]`; a share below 1 makes a smaller trial. Each row
is measured once, in new processes; the time of the cluster is given with and without its start.
Merging is the work of the calling process when all partitions are there. Peak memory includes the
libraries: of the one process, and of the larger of the two workers.
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
#: The number of posts, and whether place names are detected too.
ROWS = [
    (1_000_000, False),
    (5_000_000, False),
    (20_000_000, False),
    (100_000, True),
    (500_000, True),
    (2_000_000, True),
]
HEAD = (
    "| posts | found | one process | of it merging | two processes | with their start | ratio "
    "| MB | MB per worker |"
)
ONE_PROCESS = f"""{PEAK}
import json, sys, time
from foxgrape import detect_all
begin = time.perf_counter()
ticks = []
result = detect_all(
    sys.argv[1],
    sys.argv[2],
    mentions=sys.argv[3] == "names",
    progress=lambda done, of: ticks.append(time.perf_counter()),
)
end = time.perf_counter()
print(json.dumps([end - begin, peak(), result.signals, end - ticks[-1]]))
"""
CLUSTER = f"""{PEAK}
import json, sys, time
import distributed
from foxgrape import detect_all
if __name__ == "__main__":
    begin = time.perf_counter()
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1) as cluster:
        ready = time.perf_counter()
        names, address = sys.argv[3] == "names", cluster.scheduler_address
        result = detect_all(sys.argv[1], sys.argv[2], mentions=names, scheduler=address)
        seconds = time.perf_counter() - ready
        with distributed.Client(cluster) as client:
            most = max(client.run(peak).values())
    print(json.dumps([seconds, most, result.signals, ready - begin]))
"""


def write_posts(folder: Path, n: int) -> None:
    """Write `n` posts; each file has the texts of the first one, with other ids and times."""
    block = corpus.posts(min(n, FILE))
    for number, first in enumerate(range(0, n, len(block))):
        ids = pd.Series(range(first, first + len(block))).astype("str").str.zfill(10)
        later = block["posted_at"] + pd.Timedelta(days=number)
        posts = block.assign(post_id=ids, posted_at=later)
        posts.to_parquet(folder / f"{number:03}.parquet", row_group_size=50_000, index=False)


def run(code: str, folder: Path, *words: str) -> list[float]:
    """Run code from a file, as spawned workers require; return the figures that it prints."""
    script = folder / "script.py"
    script.write_text(code, encoding="utf-8")
    process = subprocess.run(
        [sys.executable, str(script), *words], check=True, capture_output=True, text=True
    )
    figures: list[float] = json.loads(process.stdout.splitlines()[-1])
    return figures


def row(n: int, names: bool) -> str:
    """Measure one size both ways; exit if the signals differ."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        source = scratch / "posts"
        source.mkdir()
        write_posts(source, n)
        mode = "names" if names else "codes"
        outs = scratch / "one", scratch / "cluster"
        alone, peak, signals, merging = run(ONE_PROCESS, scratch, str(source), str(outs[0]), mode)
        together, most, _, start = run(CLUSTER, scratch, str(source), str(outs[1]), mode)
        first, second = (pd.read_parquet(out / "signals.parquet") for out in outs)
    if not first.equals(second):
        raise SystemExit("the signals of both ways must be equal")
    what = "codes and names" if names else "codes"
    return (
        f"| {n:,} | {what}: {signals:,} signals | {alone:.0f} s | {merging:.1f} s "
        f"| {together:.0f} s | {together + start:.0f} s | {(together + start) / alone:.2f} "
        f"| {peak:,.0f} | {most:,.0f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the sizes; 1 for the full sizes"
    )
    options = parser.parse_args()
    print(HEAD, re.sub(r"[^|]+", "---:", HEAD), sep="\n")
    for n, names in ROWS:
        print(row(int(n * options.share), names), flush=True)


if __name__ == "__main__":
    main()
