"""Coverage of the 95% interval of the median lead, and bias of the median, in simulated worlds.

Run as `make medians`, or `python benchmarks/median_coverage.py --worlds 2000`. A cell
is a precision of the times, a number of signals and a way of censoring. Its result is appended to a
file as soon as it is known, so that an interrupted run can continue. Cells of enough signals to
state a median, whose coverage is below the target or whose bias is above it, are run again with
more worlds: of a hundred cells, some miss a target by chance. Writes the table of
docs/explanation/rough-times.md. Batches of worlds have the seed (first world, cell).
"""

from __future__ import annotations

import argparse
import json
import zlib
from itertools import product
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape import link
from foxgrape._util.small_numbers import are_few
from foxgrape.stats.survival.counted_leads import counted_leads
from foxgrape.stats.survival.estimates import TURNBULL, Leads
from foxgrape.times import in_days

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "rough-times.md"
START, END = "<!-- coverage -->\n", "<!-- end of coverage -->"
MEDIAN, HOUR = 5.3, 1 / 24
#: End of observation, in days; a midnight, as for a study that ends with a day.
LAST = 20_000.0
ORIGIN = pd.Timestamp("1970-01-01", tz="UTC")
SIGNALS = (5, 10, 20, 60, 200)
#: Width of the interval of each post and of its event, in days: one of these.
PRECISION: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "exact": ((0.0,), (0.0,)),
    "hourly": ((HOUR,), (HOUR,)),
    "daily": ((1.0,), (1.0,)),
    "mixed": ((0.0, HOUR, 1.0), (0.0, HOUR, 1.0)),
    "edited": ((0.0,), (0.0,)),
    "events by week": ((0.0,), (7.0,)),
}
#: Share of signals that are censored by the end of observation, and horizon in days.
CENSORING: dict[str, tuple[float, float]] = {
    "none": (0.0, 1000.0),
    "20%": (0.2, 1000.0),
    "40%": (0.4, 1000.0),
    "60%": (0.6, 1000.0),
    "90%": (0.9, 1000.0),
    "horizon 7 days": (0.0, 7.0),
    "20%, horizon 7 days": (0.2, 7.0),
    "horizon 3 days": (0.0, 3.0),
}
#: Share of edited posts, the mean time to the edit in days, and the share that had the code before.
EDITED, DELAY, HAD_CODE = 0.3, 2.0, 0.5
#: Coverage at least, and bias of the median at most; and the worlds that decide a miss.
COVERAGE, BIAS, DECIDING = 0.94, 0.02, 10_000
#: Worlds that are linked at once, and have one seed.
BATCH = 100


def widen(
    rng: np.random.Generator, at: np.ndarray, widths: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of the intervals of a grid that hold the instants."""
    width = rng.choice(widths, len(at))
    grid = np.where(width > 0, width, 1.0)
    low = np.where(width > 0, np.floor(at / grid) * grid, at)
    # The last microsecond of a stated day belongs to it, the first of the next does not.
    return low, np.where(width > 0, low + grid - 1 / 86.4e9, at)


def instants(days: np.ndarray) -> pd.DatetimeIndex:
    """Return instants of days since the start."""
    return ORIGIN + pd.to_timedelta(np.rint(days * 86.4e9), unit="us")


def world(
    rng: np.random.Generator, signals: int, precision: str, censored: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return signals with log-normal leads, each at a place of its own, and their events.

    Signals are posted so long before the end of observation that a share is censored.
    """
    lead = MEDIAN * np.exp(rng.normal(0, 1, signals))
    # The ratio of lead and follow-up is log-normal: this shift censors the share.
    shift = np.sqrt(2) * NormalDist().inv_cdf(1 - censored) if censored else 7.0
    posted = LAST - MEDIAN * np.exp(rng.normal(shift, 1, signals))
    of_posts, of_events = PRECISION[precision]
    post, event = widen(rng, posted, of_posts), widen(rng, posted + lead, of_events)
    if precision == "edited":
        delay = np.where(rng.random(signals) < EDITED, rng.exponential(DELAY, signals), 0.0)
        had_code = rng.random(signals) < HAD_CODE
        post = posted - np.where(had_code, 0.0, delay), posted + np.where(had_code, delay, 0.0)
    places = [f"world:{number}" for number in range(signals)]
    ids = [f"s{number}" for number in range(signals)]
    posts = pd.DataFrame({"signal_id": ids, "place_id": places})
    posts["posted_at"], posts["posted_until"] = map(instants, post)
    events = pd.DataFrame({"event_id": [f"e{number}" for number in ids], "place_id": places})
    events["occurred_at"], events["occurred_until"] = map(instants, event)
    return posts, events[posted + lead <= LAST]


def worlds_of(
    rng: np.random.Generator, worlds: int, signals: int, precision: str, censoring: str
) -> Iterator[Leads]:
    """Yield the leads of worlds, as `foxgrape.lead_times` counts them."""
    censored, horizon = CENSORING[censoring]
    # Each signal has a place of its own, so many worlds can be linked at once.
    posts, events = world(rng, worlds * signals, precision, censored)
    end = instants(np.array([LAST]))[0].isoformat()
    links = link(posts, events, horizon=f"{horizon}D", clock="occurred", observed_until=end)
    kept = counted_leads(links)[1]
    short, long = (in_days(kept[side]).to_numpy() for side in ("shortest", "longest"))
    observed = kept["observed"].to_numpy()
    number = kept["signal_id"].str[1:].astype(int).to_numpy() // signals
    for rows in np.split(np.arange(len(kept)), np.searchsorted(number, np.arange(1, worlds))):
        if len(rows):
            yield Leads.of(short[rows], long[rows], observed[rows])


def cell(worlds: int, precision: str, signals: int, censoring: str) -> dict[str, Any]:
    """Return the coverage of the interval, and the bias of the median, in one cell."""
    key = zlib.crc32(f"{precision}, {signals}, {censoring}".encode())
    medians, lows, highs, wide = [], [], [], 0
    for batch in range(0, worlds, BATCH):
        rng = np.random.default_rng([batch, key])
        for leads in worlds_of(rng, min(BATCH, worlds - batch), signals, precision, censoring):
            low, high = leads.quantile_interval(0.5)
            medians.append(leads.quantile(0.5))
            lows.append(low)
            highs.append(high)
            wide += leads.method == TURNBULL
    median, low, high = (np.array(values) for values in (medians, lows, highs))
    return {
        "precision": precision,
        "signals": signals,
        "censoring": censoring,
        "worlds": worlds,
        "covered": float(((low <= MEDIAN) & (high >= MEDIAN)).mean()),
        "too_high": float((low > MEDIAN).mean()),
        "too_low": float((high < MEDIAN).mean()),
        "reached": float(np.isfinite(median).mean()),
        "bounded": float(np.isfinite(high).mean()),
        "bias": bias(median),
        "turnbull": wide / len(median),
    }


def bias(medians: np.ndarray) -> float | None:
    """Return the mean bias of the middle half of the medians, on the log scale.

    A median that is not reached is longer than all others. None if more than a quarter are.
    """
    quarter = len(medians) // 4
    middle = np.sort(medians)[quarter : len(medians) - quarter]
    if not np.isfinite(middle).all():
        return None
    return float(np.exp(np.log(np.maximum(middle, 1e-9)).mean()) / MEDIAN - 1)


def run(worlds: int, done: Path) -> list[dict[str, Any]]:
    """Run the cells that the file `done` lacks, or has with fewer worlds, and return all."""
    lines = done.read_text("utf-8").splitlines() if done.exists() else []
    rows = {_key(row): row for row in map(json.loads, lines) if row["worlds"] >= worlds}
    for precision, signals, censoring in product(PRECISION, SIGNALS, CENSORING):
        key = (precision, signals, censoring)
        if key not in rows:
            rows[key] = _kept(cell(worlds, *key), done)
        if misses(rows[key]) and rows[key]["worlds"] < DECIDING <= 5 * worlds:
            rows[key] = _kept(cell(DECIDING, *key), done)
    return list(rows.values())


def misses(row: dict[str, Any]) -> bool:
    """Return whether a cell of enough signals misses a target, rounded as in the table."""
    bias_of_median = round(abs(row["bias"] or 0.0), 3)
    return not are_few(row["signals"]) and (
        round(row["covered"], 3) < COVERAGE or bias_of_median > BIAS
    )


def _kept(row: dict[str, Any], done: Path) -> dict[str, Any]:
    with done.open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """Return the coverage as a Markdown table, one column per number of signals."""
    by_key = {_key(row): row for row in rows}
    sizes = [n for n in SIGNALS if any(key[1] == n for key in by_key)]
    caption = (
        "Share of simulated worlds whose 95% interval contains the true "
        f"median of {MEDIAN} days, by number of signals, and in brackets the bias of the estimated "
        "median. “–”: the median is not reached in a quarter of the worlds or more. *: "
        f"{DECIDING:,} worlds, because the cell missed a target with fewer."
    )
    lines = [
        caption,
        "",
        "| times | censored | worlds a cell | " + " | ".join(f"{n} signals" for n in sizes) + " |",
        "|---|---|---|" + "---|" * len(sizes),
    ]
    for precision, censoring in product(PRECISION, CENSORING):
        cells = [by_key.get((precision, n, censoring)) for n in sizes]
        if any(cells):
            least = min(row["worlds"] for row in cells if row is not None)
            words = " | ".join("" if row is None else _in_words(row) for row in cells)
            lines.append(f"| {precision} | {censoring} | {least:,} | {words} |")
    return "\n".join(lines)


def _in_words(row: dict[str, Any]) -> str:
    bias_of_median = "–" if row["bias"] is None else f"{row['bias']:+.1%}"
    mark = "*" if row["worlds"] == DECIDING else ""
    return f"{row['covered']:.1%}{mark} ({bias_of_median})"


def write(rows: list[dict[str, Any]], page: Path) -> None:
    """Write the table between the markers of the page."""
    before, rest = page.read_text("utf-8").split(START)
    page.write_text(f"{before}{START}{table(rows)}\n{END}{rest.split(END)[1]}", "utf-8")


def _key(row: dict[str, Any]) -> tuple[str, int, str]:
    return row["precision"], row["signals"], row["censoring"]


def main() -> None:
    """Run the missing cells and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=2000)
    parser.add_argument("--done", type=Path, default=Path("build/median_coverage.jsonl"))
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    given.done.parent.mkdir(parents=True, exist_ok=True)
    write(run(given.worlds, given.done), given.page)


if __name__ == "__main__":
    main()
