"""Measure the memory that reading takes, in a separate process."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import resource, sys
from foxgrape import iter_posts, read_posts
from foxgrape.errors import FoxgrapeError
import pyarrow.parquet
read_posts(sys.argv[2], account="a", timezone="UTC", on_error="quarantine", with_report=True)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = bad = 0
try:
    options = {"account": "a", "on_error": "quarantine", "batch": 5_000}
    for posts, report in iter_posts(sys.argv[1], with_report=True, **options):
        rows += len(posts)
        bad += len(report.quarantine)
except FoxgrapeError as error:
    print(error)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(rows, bad, (after - before) // 1024)
"""


def measure_reading(file, small):
    """Read in a separate process; return rows, bad records, and MB more than a small file."""
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(file), str(small)],
        check=True,
        capture_output=True,
        text=True,
    )
    return tuple(map(int, process.stdout.split()[-3:]))
