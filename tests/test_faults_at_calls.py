"""A fault at every call: a seeded sample of what `make faults` does for all calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "inject_faults.py"


@pytest.mark.skipif(sys.platform != "linux", reason="needs fork and /proc")
@pytest.mark.parametrize(
    ("verb", "sample"),
    [("study new", 6), ("ingest", 3), ("detect", 2), ("data fetch", 3), ("report build", 1)],
)
def test_after_a_fault_at_any_call_nothing_is_lost_and_the_next_call_recovers(verb, sample):
    words = [sys.executable, str(SCRIPT), "--verb", verb, "--sample", str(sample), "--seed", "5"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(f"| `{verb}` |")
    assert done.stdout.splitlines()[-1].endswith("| 0 |")
