"""Cost of hazard and alarms, compared with statsmodels and pyCSEP on the same input.

Run as `python benchmarks/risk_sets.py [PART ...]`, where the parts are hazard, fits and alarms.
pyCSEP is compared only if it is installed. statsmodels is timed on a subset of the events, because
its cost grows with their number; the ratio is for that subset.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foxgrape import hazard
from foxgrape.stats.alarms.molchan import event_scores
from foxgrape.stats.hazard import conditional_logit

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS, PLACES, TERMS = 10_000, 100, 8
SUBSET = 300


def seconds(work: Callable[[], object], rounds: int = 3) -> float:
    """Return the median seconds of some rounds."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def tables(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return signals and events at many places."""
    where = rng.uniform(47, 50, (PLACES, 2))
    start = pd.Timestamp("2022-01-01", tz="UTC")

    def draw() -> tuple[pd.DatetimeIndex, np.ndarray]:
        at = start + pd.to_timedelta(np.sort(rng.uniform(0, 3650, EVENTS)), unit="D")
        return at, rng.integers(0, PLACES, EVENTS)

    (event_at, event_place), (post_at, post_place) = draw(), draw()
    events = pd.DataFrame(
        {
            "event_id": [f"e{number}" for number in range(EVENTS)],
            "place_id": [f"world:{place}" for place in event_place],
            "lat": where[event_place, 0],
            "lon": where[event_place, 1],
            "occurred_at": event_at,
            "confirmed_at": event_at,
        }
    )
    signals = pd.DataFrame(
        {
            "signal_id": [f"s{number}" for number in range(EVENTS)],
            "place_id": [f"world:{place}" for place in post_place],
            "posted_at": post_at,
        }
    )
    return signals, events


def fits(rng: np.random.Generator) -> None:
    """Compare the fit with two of statsmodels."""
    from statsmodels.discrete.conditional_models import ConditionalLogit
    from statsmodels.duration.hazard_regression import PHReg

    terms = rng.normal(size=(TERMS, SUBSET, PLACES))
    case = rng.integers(0, PLACES, SUBSET)
    long = np.moveaxis(terms, 0, 2).reshape(SUBSET * PLACES, TERMS)
    chosen = np.zeros((SUBSET, PLACES), dtype=int)
    chosen[np.arange(SUBSET), case] = 1
    chosen = chosen.reshape(-1)
    strata = np.repeat(np.arange(SUBSET), PLACES)
    ours = conditional_logit.fit_logit(terms, case)
    cost = seconds(lambda: conditional_logit.fit_logit(terms, case), 5)
    print(f"fit of {SUBSET} events x {PLACES} places x {TERMS} terms: {cost:.3f} s")
    logit = ConditionalLogit(chosen, long, groups=strata)
    cox = PHReg(np.ones(len(chosen)), long, status=chosen, strata=strata, ties="breslow")
    for name, model in (("ConditionalLogit", logit), ("PHReg", cox)):
        peer = model.fit(disp=0)
        np.testing.assert_allclose(peer.params, ours.beta, atol=1e-3)
        theirs = seconds(lambda model=model: model.fit(disp=0), 1)
        print(f"  statsmodels {name}: {theirs:.2f} s, {theirs / cost:,.0f} times as long")


def alarms(rng: np.random.Generator) -> None:
    """Compare the Molchan trajectory and area skill with pyCSEP, which also draws a figure."""
    cells = 4_000
    rate, hits = rng.gamma(0.8, size=cells), rng.poisson(0.05, size=cells)
    measure = np.ones(cells)

    def skill() -> float:
        level = np.unique(-rate, return_inverse=True)[1]
        alarmed = np.concatenate([[0.0], np.cumsum(np.bincount(level, measure)) / measure.sum()])
        return float(event_scores(alarmed[None], level[hits > 0][None]).mean())

    cost = seconds(skill, 50)
    print(f"Molchan and area skill of {cells} cells: {1000 * cost:.3f} ms")
    if importlib.util.find_spec("csep") is None:
        print("  pycsep is not installed: not compared")
        return
    import matplotlib as mpl

    mpl.use("Agg")
    from csep.plots import plot_Molchan_diagram

    class Counts:
        name, region = "counts", None

        def __init__(self, counts: np.ndarray) -> None:
            self.counts = counts

        def spatial_counts(self) -> np.ndarray:
            return self.counts

    begin = time.perf_counter()
    plot_Molchan_diagram(Counts(rate), Counts(hits), show=False)
    theirs = time.perf_counter() - begin
    print(f"  pycsep: {theirs:.1f} s, {theirs / cost:,.0f} times as long")


def complete_hazard(rng: np.random.Generator) -> None:
    """Time a complete call of `hazard`: tables, terms, fits and interval."""
    signals, events = tables(rng)
    hazard(signals.iloc[:50], events.iloc[:50], window="7D")  # imports
    cost = seconds(lambda: hazard(signals, events, window="7D"))
    begin = time.process_time()
    hazard(signals, events, window="7D")
    processor = time.process_time() - begin
    print(
        f"hazard of {EVENTS:,} events x {PLACES} places: {cost:.2f} s, "
        f"{processor:.2f} s of processor time"
    )


def main() -> None:
    """Print all parts, or those given: hazard, fits, alarms."""
    parts = {"hazard": complete_hazard, "fits": fits, "alarms": alarms}
    for name in sys.argv[1:] or parts:
        parts[name](np.random.default_rng(1))


if __name__ == "__main__":
    main()
