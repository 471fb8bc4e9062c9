"""How the cost of each room grows with what it is given, each size in a fresh process.

Run as `python benchmarks/growth.py [--share 0.1] [--write docs/explanation/growth.md]`; the share makes a trial
of smaller sizes. A row tells the seconds of the clock, the peak memory of the process with all that
it has loaded, and how time grew from the size before: as `n` to that power.
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
#: What is done once before: small, and enough for each kind of thing to be there.
_WARM = 40
PAGE = """# How cost grows

Measured by `benchmarks/growth.py`, each row once, in a fresh process after a small call that
imports and compiles: seconds of the clock, and the peak memory of the process with all that it has
loaded. The last column tells how time grew from the row above: as *n* to that power.

{trial}| what | n | seconds | MB | power |
|---|---:|---:|---:|---:|
{rows}

{machine}. {today}.
"""
_MICROSECONDS = 86_400_000_000
_START = np.datetime64("2022-03-01", "us")


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Return seconds, and the megabytes that this process ever held."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin, peak()


def world(signals: int, events: int, places: int, days: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return signals and events, anywhere and at any time."""
    rng = np.random.default_rng(1)
    lat, lon = rng.uniform(47, 50, places), rng.uniform(32, 38, places)

    def made(n: int, key: str, when: str) -> pd.DataFrame:
        at = _START + rng.integers(days * _MICROSECONDS, size=n).astype("timedelta64[us]")
        where = rng.integers(places, size=n)
        return pd.DataFrame(
            {
                key: pd.Series(np.arange(n)).astype("str"),
                "place_id": "world:" + pd.Series(where).astype("str"),
                "lat": lat[where],
                "lon": lon[where],
                when: pd.Series(at).dt.tz_localize("UTC"),
            }
        )

    told = made(events, "event_id", "confirmed_at")
    posts = made(signals, "signal_id", "posted_at").drop(columns=["lat", "lon"])
    return posts, told.assign(occurred_at=told["confirmed_at"])


def posts_detected(n: int, scratch: Path) -> tuple[float, float]:
    """Find codes in a folder of Parquet, as `foxgrape detect` does."""
    block = corpus.posts(min(n, 500_000))
    for number, first in enumerate(range(0, n, len(block))):
        ids = pd.Series(range(first, first + len(block))).astype("str").str.zfill(10)
        later = block["posted_at"] + pd.Timedelta(days=number)
        file = scratch / f"{number:03}.parquet"
        block.assign(post_id=ids, posted_at=later).to_parquet(file, row_group_size=100_000)
    del block
    return timed(lambda: detect_all(scratch, scratch / "found"))


def posts_named(n: int, scratch: Path) -> tuple[float, float]:  # noqa: ARG001
    """Find names of places too."""
    posts = corpus.posts(n)
    return timed(lambda: detect(posts, mentions=True))


def rows_stored(n: int, scratch: Path) -> tuple[float, float]:
    """Put a tenth of so many posts into a store that holds all the others."""
    posts = corpus.posts(n).assign(platform="made", lang=None, url=None, repost=False)
    posts = posts.assign(posted_until=posts["posted_at"], edited_at=pd.NaT)
    store = Store(scratch / "store")
    store.upsert("posts", posts.iloc[: n - n // 10])
    return timed(lambda: store.upsert("posts", posts.iloc[n - n // 10 :]))


def signals_linked(n: int, scratch: Path) -> tuple[float, float]:  # noqa: ARG001
    """Link so many signals to a tenth as many events, at 2,000 places."""
    told = world(n, max(n // 10, 1), 2_000, DAYS)
    return timed(lambda: link(*told))


def leads_estimated(n: int, scratch: Path) -> tuple[float, float]:  # noqa: ARG001
    """Estimate the lead times of so many links."""
    links = link(*world(n, max(n // 10, 1), 2_000, DAYS))
    return timed(lambda: lead_times(links))


def places_tested(n: int, scratch: Path) -> tuple[float, float]:  # noqa: ARG001
    """Test coincidence at so many places under the local null, 999 surrogates."""
    told = world(5 * n, 5 * n, n, DAYS)
    return timed(lambda: coincidence(*told, window="7D", n=999, rng=1))


def events_at_risk(n: int, scratch: Path) -> tuple[float, float]:  # noqa: ARG001
    """Ask what signals added at 100 places, for so many events."""
    told = world(n, n, 100, 3_650)
    return timed(lambda: hazard(*told, window="7D"))


def reports_built(n: int, scratch: Path) -> tuple[float, float]:
    """Build so many briefs of a place on two workers."""
    places = sorted(open_study().events["place_id"].unique())
    requests = [
        ReportRequest(
            "place_brief",
            parameters={"place": places[k % len(places)], "horizon": f"{30 + k // len(places)}D"},
            out=scratch,
        )
        for k in range(n)
    ]
    return timed(lambda: run_reports(requests, workers=2))


#: What is counted, how it is measured, and at which sizes.
ROOMS: dict[str, tuple[Callable[[int, Path], tuple[float, float]], list[int]]] = {
    "posts in Parquet, codes detected": (posts_detected, [1_000_000, 3_000_000, 10_000_000]),
    "posts, names of places detected too": (posts_named, [30_000, 100_000, 300_000]),
    "posts in a store, a tenth put in": (rows_stored, [100_000, 300_000, 1_000_000]),
    "signals linked": (signals_linked, [100_000, 300_000, 1_000_000]),
    "links, lead times estimated": (leads_estimated, [100_000, 300_000, 1_000_000]),
    f"places, coincidence under the local null, {DAYS} days": (places_tested, [30, 100, 300]),
    "events, hazard at 100 places": (events_at_risk, [1_000, 3_000, 10_000]),
    "reports on two workers": (reports_built, [4, 12, 36]),
}


def alone(measure: Callable[[int, Path], tuple[float, float]], n: int) -> tuple[float, float]:
    """Measure in this process, after a call that imports and compiles."""
    with tempfile.TemporaryDirectory() as scratch:
        for turn, size in enumerate((_WARM, n) if measure is not reports_built else (n,)):
            folder = Path(scratch, str(turn))
            folder.mkdir()
            told = measure(size, folder)
    return told


def measured(share: float) -> list[tuple[str, int, float, float]]:
    """Return room, size, seconds and megabytes, each from a process of its own."""
    rows = []
    for what, (measure, sizes) in ROOMS.items():
        for n in sorted({max(int(size * share), 4) for size in sizes}):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                seconds, held = pool.submit(alone, measure, n).result()
            rows.append((what, n, seconds, held))
            print(f"{what}: {n:,}: {seconds:.2f} s, {held:,.0f} MB", flush=True)
    return rows


def page(rows: list[tuple[str, int, float, float]], share: float) -> str:
    """Return the page: a table, machine and date."""
    lines = []
    before: tuple[str, int, float] = ("", 0, 0.0)
    for what, n, seconds, held in rows:
        same = before[0] == what
        power = f"{math.log(seconds / before[2]) / math.log(n / before[1]):.2f}" if same else ""
        lines.append(f"| {'' if same else what} | {n:,} | {seconds:.2f} | {held:,.0f} | {power} |")
        before = (what, n, seconds)
    machine = f"{platform.system()}, {platform.machine()}, {os.cpu_count()} cores"
    return PAGE.format(
        trial=f"**A trial: {share:g} of the sizes.**\n\n" if share < 1 else "",
        rows="\n".join(lines),
        machine=f"{machine}, Python {platform.python_version()}",
        today=f"{pd.Timestamp.now('UTC'):%d %B %Y}",
    )


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the sizes; 1 is all")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    told = page(measured(options.share), options.share)
    print(told)
    if options.write:
        options.write.write_text(told, encoding="utf-8")


if __name__ == "__main__":
    main()
