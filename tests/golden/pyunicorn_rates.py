"""Golden coincidence rates of pyunicorn, and three cases in which it is wrong.

Run with a Python that has pyunicorn 1.0.0, and redirect the output to pyunicorn_rates.json. Series
are time steps of events. Each begins and ends with a sentinel far from all others, since pyunicorn
takes the edges of observation from the first and last event.
"""

import json
import sys
import warnings
from importlib.metadata import version

import numpy as np

STEPS = 1000


def _peer():
    """Import pyunicorn, which is not installed where the tests run."""
    from pyunicorn.eventseries import EventSeries

    return EventSeries


def binary(steps, length):
    """Return a series as pyunicorn takes it: one number per time step."""
    series = np.zeros(length, dtype=int)
    series[steps] = 1
    return series


def shared_case(rng):
    """Return two random series between sentinels, and pyunicorn's rates."""
    window, lag = int(rng.integers(2, 20)), int(rng.integers(0, 4))
    signals, events = (
        sorted({0, STEPS - 1, *rng.choice(np.arange(100, 900), int(n), replace=False).tolist()})
        for n in rng.integers(5, 80, 2)
    )
    events[0], events[-1] = 40, STEPS - 40  # sentinels do not coincide with each other
    rates = _peer().event_coincidence_analysis(
        binary(events, STEPS), binary(signals, STEPS), window, lag=float(lag)
    )
    precursor, trigger = map(float, rates)
    case = {"signals": signals, "events": events, "window": window, "lag": lag}
    return case | {"precursor": precursor, "trigger": trigger}


def all_coincide():
    """Return 1 - p by its formula and its surrogates where all events coincide."""
    np.random.seed(0)  # noqa: NPY002 - pyunicorn draws from the global state
    signals = [10, 20, 30, 40, 50, 60]
    events = [step + 2 for step in signals]
    steps, window = 72, 5
    both = np.array([binary(events, steps), binary(signals, steps)]).T
    series = _peer()(both, taumax=float(window), lag=0.0)
    rate = series.event_series_analysis(method="ECA", window_type="retarded")
    levels = {
        kind: float(
            series.event_analysis_significance(
                method="ECA", surrogate=kind, n_surr=1000, window_type="retarded"
            )[0][1]
        )
        for kind in ("analytic", "shuffle")
    }
    return {
        "signals": signals, "events": events, "steps": steps, "window": window,
        "rate": float(rate[0][1]), "levels": levels,
    }  # fmt: skip


def never_again():
    """Return 1 - p of a coincidence that none of its 1,000 surrogates reaches."""
    np.random.seed(0)  # noqa: NPY002
    signals = [10 * number for number in range(1, 11)]
    events = [step + 2 for step in signals]
    both = np.array([binary(events, 112), binary(signals, 112)]).T
    series = _peer()(both, taumax=3.0, lag=0.0)
    level = series.event_analysis_significance(
        method="ECA", surrogate="shuffle", n_surr=1000, window_type="retarded"
    )
    return {"signals": signals, "events": events, "window": 3, "level": float(level[0][1])}


def shifted():
    """Return the synchronization of the same events, early and past step 32,767."""
    early = [[5, 15, 30, 47, 60], [6, 16, 31, 49, 61]]
    results = []
    for offset in (0, 32_737):
        first, second = (binary(np.array(steps) + offset, 40_000) for steps in early)
        synchronization = _peer().event_synchronization(first, second)
        results.append([float(value) for value in synchronization])
    return {"events": early, "offset": 32_737, "early": results[0], "late": results[1]}


def main():
    """Print the golden numbers as JSON."""
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(2022)
    golden = {
        "pyunicorn": version("pyunicorn"),
        "steps": STEPS,
        "shared": [shared_case(rng) for _ in range(25)],
        "all_coincide": all_coincide(),
        "never_again": never_again(),
        "shifted": shifted(),
    }
    json.dump(golden, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
