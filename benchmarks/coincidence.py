"""Cost of surrogates, compared with pyunicorn, and of the local null model.

Run as `python benchmarks/coincidence.py [PYTHON]`, where PYTHON is an interpreter with pyunicorn;
without it, only our own times are printed. Functions are compiled before they are timed.
"""

import json
import subprocess
import sys
import time

import numpy as np

from foxgrape.stats.coincidence.point_pattern import PointPattern
from foxgrape.stats.coincidence.surrogates import draw_surrogates
from foxgrape.stats.power import simulate_pattern
from foxgrape.stats.simulate import make_arrays

N, STEPS, WINDOW = 10_000, 100_000, 5
PEER = f"""
import json, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from pyunicorn.eventseries import EventSeries
rng = np.random.default_rng(0)
both = np.zeros(({STEPS}, 2), int)
for k in range(2):
    both[rng.choice({STEPS}, {N}, replace=False), k] = 1
series = EventSeries(both, taumax={WINDOW}.0, lag=0.0)
def seconds(n):
    before = time.perf_counter()
    series._empirical_percentiles(method="ECA", n_surr=n, window_type="retarded")
    return time.perf_counter() - before
seconds(1)
print(json.dumps((seconds(4) - seconds(1)) / 3))
"""


def large_pattern() -> PointPattern:
    """Return 10,000 signals and 10,000 events at one place."""
    rng = np.random.default_rng(0)
    posted, happened = (np.sort(rng.choice(STEPS, N, replace=False)).astype(float) for _ in "ab")
    zeros = np.zeros(N, np.int64)
    return PointPattern(
        low=posted, high=posted, label=zeros, group=zeros, group_names=("all",),
        event_low=happened, event_high=happened, event_place=zeros,
        confirmed=np.full(N, np.inf), place_of_label=np.zeros(1, np.int64),
        decoded=np.array([-np.inf]), xy=np.zeros((1, 2)), start=0.0, span=float(STEPS), lag=0.0,
        windows=np.array([float(WINDOW)]), seed=0,
    )  # fmt: skip


def measure(series: PointPattern, null: str, n: int) -> float:
    """Return the seconds of the fastest of three calls."""
    draw_surrogates(series, null, 2, 0)
    best = float("inf")
    for _ in range(3):
        before = time.perf_counter()
        draw_surrogates(series, null, n, 0)
        best = min(best, time.perf_counter() - before)
    return best


def measure_pyunicorn(python: str) -> float:
    """Return the seconds of pyunicorn per surrogate, without its fixed costs."""
    process = subprocess.run([python, "-c", PEER], capture_output=True, text=True, check=True)
    return float(json.loads(process.stdout.splitlines()[-1]))


def main() -> None:
    """Print the times, and the ratio to pyunicorn if it is available."""
    ours = {
        null: measure(large_pattern(), null, 1000) for null in ("uniform", "shuffle", "circular")
    }
    for null, seconds in ours.items():
        print(f"1,000 {null} surrogates of 10,000 x 10,000: {seconds:.2f} s")
    study = simulate_pattern(
        make_arrays(np.random.default_rng(1), tempo="bursts", front=6.0), (7.0,)
    )
    print(f"9,999 local surrogates of 60 x 120: {measure(study, 'local', 9999):.3f} s")
    if len(sys.argv) > 1:
        theirs = measure_pyunicorn(sys.argv[1]) * 1000
        print(f"pyunicorn, shuffle, extrapolated from three: {theirs:.0f} s")
        print(f"ratio, shuffle: {theirs / ours['shuffle']:,.0f}")


if __name__ == "__main__":
    main()
