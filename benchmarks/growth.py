"""How time and memory grow with the size of the input, each size in a new process.

Run as `python benchmarks/growth.py [--share 0.1] [--write docs/explanation/growth.md]`; a share
below 1 makes a trial with smaller sizes. Each row has the wall-clock seconds, the peak memory of
the process, and the growth of time from the previous size, as a power of `n`.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import corpus
from foxgrape import (
    ReportRequest,
    Store,
    coincidence,
    detect,
    detect_all,
    hazard,
    lead_times,
    link,
    open_study,
    run_reports,
)
from peak import peak

if TYPE_CHECKING:
    from collections.abc import Callable

DAYS = 120
#: Size of the first call, which imports and compiles.
_WARM_UP = 40
PAGE = """# How cost grows

Measured by `benchmarks/growth.py`, each row once, in a new process after a small call that imports
and compiles: wall-clock seconds, and the peak memory of the process including its libraries. The
last column is the growth of time from the row above, as a power of *n*.

{trial}| what | n | seconds | MB | power |
|---|---:|---:|---:|---:|
{rows}

{machine}. {today}.
"""
_MICROSECONDS = 86_400_000_000
_START = np.datetime64("2022-03-01", "us")


def measure(call: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of a call, and the peak megabytes of this process."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin, peak()


def world(signals: int, events: int, places: int, days: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return signals and events at random places and times."""
    rng = np.random.default_rng(1)
    lat, lon = rng.uniform(47, 50, places), rng.uniform(32, 38, places)

    def make_table(n: int, key: str, time_column: str) -> pd.DataFrame:
        at = _START + rng.integers(days * _MICROSECONDS, size=n).astype("timedelta64[us]")
        place = rng.integers(places, size=n)
        return pd.DataFrame(
            {
                key: pd.Series(np.arange(n)).astype("str"),
                "place_id": "world:" + pd.Series(place).astype("str"),
                "lat": lat[place],
                "lon": lon[place],
                time_column: pd.Series(at).dt.tz_localize("UTC"),
            }
        )

    events_table = make_table(events, "event_id", "confirmed_at")
    signals_table = make_table(signals, "signal_id", "posted_at").drop(columns=["lat", "lon"])
    return signals_table, events_table.assign(occurred_at=events_table["confirmed_at"])


def measure_detect_all(n: int, scratch: Path) -> tuple[float, float]:
    """Detect codes in a folder of Parquet files, as `foxgrape detect` does."""
    block = corpus.posts(min(n, 500_000))
    for number, first in enumerate(range(0, n, len(block))):
        ids = pd.Series(range(first, first + len(block))).astype("str").str.zfill(10)
        later = block["posted_at"] + pd.Timedelta(days=number)
        file = scratch / f"{number:03}.parquet"
        block.assign(post_id=ids, posted_at=later).to_parquet(file, row_group_size=100_000)
    del block
    return measure(lambda: detect_all(scratch, scratch / "out"))


def measure_mentions(n: int, scratch: Path) -> tuple[float, float]:  # noqa: ARG001
    """Detect codes and place names in memory."""
    posts = corpus.posts(n)
    return measure(lambda: detect(posts, mentions=True))


def measure_upsert(n: int, scratch: Path) -> tuple[float, float]:
    """Add a tenth of the posts to a store that has all the others."""
    posts = corpus.posts(n).assign(platform="generated", lang=None, url=None, repost=False)
    posts = posts.assign(posted_until=posts["posted_at"], edited_at=pd.NaT)
    store = Store(scratch / "store")
    store.upsert("posts", posts.iloc[: n - n // 10])
    return measure(lambda: store.upsert("posts", posts.iloc[n - n // 10 :]))


def measure_link(n: int, scratch: Path) -> tuple[float, float]:  # noqa: ARG001
    """Link signals to a tenth as many events at 2,000 places."""
    tables = world(n, max(n // 10, 1), 2_000, DAYS)
    return measure(lambda: link(*tables))


def measure_lead_times(n: int, scratch: Path) -> tuple[float, float]:  # noqa: ARG001
    """Estimate the lead times of links."""
    links = link(*world(n, max(n // 10, 1), 2_000, DAYS))
    return measure(lambda: lead_times(links))


def measure_coincidence(n: int, scratch: Path) -> tuple[float, float]:  # noqa: ARG001
    """Test coincidence under the local null model with 999 surrogates."""
    tables = world(5 * n, 5 * n, n, DAYS)
    return measure(lambda: coincidence(*tables, window="7D", n=999, rng=1))


def measure_hazard(n: int, scratch: Path) -> tuple[float, float]:  # noqa: ARG001
    """Estimate the hazard ratio of as many signals as events at 100 places."""
    tables = world(n, n, 100, 3_650)
    return measure(lambda: hazard(*tables, window="7D"))


def measure_reports(n: int, scratch: Path) -> tuple[float, float]:
    """Build place briefs on two workers."""
    places = sorted(open_study().events["place_id"].unique())
    requests = [
        ReportRequest(
            "place_brief",
            parameters={
                "place": places[number % len(places)],
                "horizon": f"{30 + number // len(places)}D",
            },
            out=scratch,
        )
        for number in range(n)
    ]
    return measure(lambda: run_reports(requests, workers=2))


#: Row name -> function that measures it, and the sizes.
MEASUREMENTS: dict[str, tuple[Callable[[int, Path], tuple[float, float]], list[int]]] = {
    "posts in Parquet, codes detected": (measure_detect_all, [1_000_000, 3_000_000, 10_000_000]),
    "posts, codes and place names detected": (measure_mentions, [30_000, 100_000, 300_000]),
    "posts in a store, a tenth of them added": (measure_upsert, [100_000, 300_000, 1_000_000]),
    "signals linked": (measure_link, [100_000, 300_000, 1_000_000]),
    "links, lead times estimated": (measure_lead_times, [100_000, 300_000, 1_000_000]),
    f"places, coincidence with the local null model, {DAYS} days": (
        measure_coincidence,
        [30, 100, 300],
    ),
    "events, hazard at 100 places": (measure_hazard, [1_000, 3_000, 10_000]),
    "reports on two workers": (measure_reports, [4, 12, 36]),
}


def measure_warm(
    function: Callable[[int, Path], tuple[float, float]], n: int
) -> tuple[float, float]:
    """Measure in this process, after a call that imports and compiles."""
    with tempfile.TemporaryDirectory() as scratch:
        for turn, size in enumerate((_WARM_UP, n) if function is not measure_reports else (n,)):
            folder = Path(scratch, str(turn))
            folder.mkdir()
            result = function(size, folder)
    return result


def measure_all(share: float) -> list[tuple[str, int, float, float]]:
    """Return name, size, seconds and megabytes of each measurement, in a process of its own."""
    rows = []
    for what, (function, sizes) in MEASUREMENTS.items():
        for n in sorted({max(int(size * share), 4) for size in sizes}):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                seconds, megabytes = pool.submit(measure_warm, function, n).result()
            rows.append((what, n, seconds, megabytes))
            print(f"{what}: {n:,}: {seconds:.2f} s, {megabytes:,.0f} MB", flush=True)
    return rows


def page(rows: list[tuple[str, int, float, float]], share: float) -> str:
    """Return the page: the table, the machine and the date."""
    lines = []
    before: tuple[str, int, float] = ("", 0, 0.0)
    for what, n, seconds, megabytes in rows:
        power = name = ""
        if before[0] == what:
            power = f"{math.log(seconds / before[2]) / math.log(n / before[1]):.2f}"
        else:
            name = what
        lines.append(f"| {name} | {n:,} | {seconds:.2f} | {megabytes:,.0f} | {power} |")
        before = (what, n, seconds)
    machine = f"{platform.system()}, {platform.machine()}, {os.cpu_count()} cores"
    return PAGE.format(
        trial=f"**A trial: {share:g} of the sizes.**\n\n" if share < 1 else "",
        rows="\n".join(lines),
        machine=f"{machine}, Python {platform.python_version()}",
        today=f"{pd.Timestamp.now('UTC'):%d %B %Y}",
    )


def main() -> None:
    """Measure, print the page, and write it with `--write`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the sizes; 1 for the full sizes"
    )
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    text = page(measure_all(options.share), options.share)
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
