"""Startup time of shell commands, compared with a bare interpreter and with other tools.

Each command runs `--times` times, in turn with the others; prints the median and the minimum.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent
OURS = [sys.executable, "-m", "foxgrape"]
CALLS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "foxgrape --help": [*OURS, "--help"],
    "foxgrape lookup 🍇": [*OURS, "lookup", "🍇"],
    "foxgrape find Izyum": [*OURS, "find", "Izyum"],
    "foxgrape report list": [*OURS, "report", "list"],
    "import foxgrape.reports": [sys.executable, "-c", "import foxgrape.reports"],
    "papermill --help": [str(BIN / "papermill"), "--help"],
    "jupyter --version": [str(BIN / "jupyter"), "--version"],
}


def seconds(call: list[str]) -> float:
    """Return the wall-clock seconds of a command."""
    start = time.perf_counter()
    subprocess.run(call, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=15)
    times = parser.parse_args().times
    calls = {name: call for name, call in CALLS.items() if shutil.which(call[0])}
    for call in calls.values():
        seconds(call)  # fills the disk cache and writes bytecode
    timings: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(times):
        for name, call in calls.items():
            timings[name].append(seconds(call))
    bare = statistics.median(timings["python -c pass"])
    print(f"median of {times}, minimum, and ratio to a bare interpreter")
    for name, values in timings.items():
        median = statistics.median(values)
        print(f"{name:26} {median:6.3f} s {min(values):6.3f} s {median / bare:6.1f}")


if __name__ == "__main__":
    main()
