"""How much memory reading takes, measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys

MEASURED = """
import resource, sys
from foxgrape import iter_posts, read_posts
from foxgrape.errors import FoxgrapeError
import pyarrow.parquet, pandera.pandas
read_posts(sys.argv[2], account="a", timezone="UTC", on_error="quarantine")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = bad = 0
try:
    for part in iter_posts(sys.argv[1], account="a", on_error="quarantine", batch=5_000):
        rows += len(part)
        bad += len(part.attrs["quarantine"])
except FoxgrapeError as error:
    print(error)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(rows, bad, (after - before) // 1024)
"""


def measured(file, small):
    """Read in a process of its own; return rows, bad records and MB beyond a small file's."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(file), str(small)],
        check=True,
        capture_output=True,
        text=True,
    )
    return tuple(map(int, done.stdout.split()[-3:]))
