"""What putting a file into a store costs, against pyarrow.json and write_deltalake alone.

Run as `python benchmarks/ingest.py [rows]`. Each side runs in a fresh process, in turns, on the
same file of JSON lines; the peer keeps no keys, checks nothing and is read at once.
"""

import json
import random
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROUNDS = 3
OURS = """
from foxgrape import Store, ingest
def run(file, folder):
    assert ingest("posts", file, Store(folder)).quarantined == 0
"""
PEER = """
import pyarrow.json
from deltalake import write_deltalake
def run(file, folder):
    write_deltalake(folder, pyarrow.json.read_json(file))
"""
TIMED = """
import re, sys, time
from pathlib import Path
begin = time.perf_counter()
run(*sys.argv[1:])
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(time.perf_counter() - begin, int(peak) / 1024)
"""
WORDS = ["ворог", "сили", "Ізюм", "вночі", "область", "ситуація", "the", "of", "forces", "near"]
WORDS += ["Kherson", "відбито", "атаки", "🔥", "🦊", "🇺🇦", "🍇", "слава", "update", "повідомляє"]


def posts(count: int, file: Path) -> Path:
    """Write posts of about 120 characters in a year and a half."""
    draw = random.Random(7)  # noqa: S311 - the same file each time
    at = datetime(2022, 3, 1, tzinfo=UTC)
    with file.open("w", encoding="utf-8") as handle:
        for number in range(count):
            at += timedelta(seconds=draw.random() * 2 * 47_000_000 / count)
            post = {
                "id": f"{1500 + number % 50}/{number}",
                "username": f"channel_{number % 50}",
                "date": at.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
                "text": " ".join(draw.choices(WORDS, k=draw.randrange(8, 28))),
                "views": draw.randrange(100_000),
            }
            handle.write(json.dumps(post, ensure_ascii=False) + "\n")
    return file


def timed(code: str, file: Path, folder: Path) -> tuple[float, float]:
    """Return seconds and peak megabytes of a fresh process."""
    command = [sys.executable, "-c", code + TIMED, str(file), str(folder)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, peak = map(float, out.split())
    return seconds, peak


def main() -> None:
    """Print the ratio of times, and of memory for four times the file."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        file = posts(count, folder / "posts.jsonl")
        runs = [
            (timed(PEER, file, folder / f"peer{n}"), timed(OURS, file, folder / f"ours{n}"))
            for n in range(ROUNDS)
        ]
        ratios = [ours[0] / peer[0] for peer, ours in runs]
        for name, at in (("pyarrow.json + write_deltalake", 0), ("foxgrape.ingest", 1)):
            seconds = statistics.median(run[at][0] for run in runs)
            print(f"{name:32}{seconds:7.2f} s {max(run[at][1] for run in runs):7.0f} MB")
        print(f"ratio, median of {ROUNDS} turns {statistics.median(ratios):14.2f}")
        again = timed(OURS, file, folder / "ours0")
        print(f"{'foxgrape.ingest, a second time':32}{again[0]:7.2f} s")
        large = posts(4 * count, folder / "large.jsonl")
        seconds, peak = timed(OURS, large, folder / "large")
        small = max(ours[1] for _, ours in runs)
        print(f"{'four times the file':32}{seconds:7.2f} s {peak:7.0f} MB")
        print(f"memory, four times the file {peak / small:17.2f}")


if __name__ == "__main__":
    main()
