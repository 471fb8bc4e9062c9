"""Fuzz the targets of tests/fuzz_targets.py, guided by coverage (atheris).

Run as `python scripts/fuzz.py [TARGET ...] [--seconds 600] [--workers 2]`, or by `make fuzz`.
Inputs that reach new code are kept in build/fuzz, from which the next run continues. Findings are
written to build/fuzz/found. Once one is fixed, move its input to tests/fixtures/found/TARGET: the
tests run every input in that folder again.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "fuzz"
#: Time limit in seconds and memory limit in megabytes for a single input.
MAX_SECONDS, MAX_MEMORY = 30, 4000
sys.path.insert(0, str(ROOT / "tests"))

with atheris.instrument_imports(include=["foxgrape"]):
    from fuzz_targets import TARGETS, seeds


def main() -> int:
    """Fuzz each target in its own process, `workers` at a time; return how many have findings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="targets at once")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    if options.inside:
        fuzz(options.targets[0], options.seconds)
    BUILD.mkdir(parents=True, exist_ok=True)
    names = options.targets or list(TARGETS)
    with ThreadPoolExecutor(options.workers) as pool:
        return sum(pool.map(has_findings, names, [options.seconds] * len(names)))


def has_findings(name: str, seconds: int) -> bool:
    """Fuzz one target in its own process, print the outcome, and return whether it has findings."""
    log = BUILD / f"{name}.log"
    command = [sys.executable, __file__, name, "--inside", "--seconds", str(seconds)]
    with log.open("w", encoding="utf-8") as handle:
        code = subprocess.run(command, check=False, stdout=handle, stderr=handle).returncode  # noqa: S603 - our own arguments
    runs = re.findall(r"number_of_executed_units: (\d+)", log.read_text("utf-8", "replace"))
    inputs = f"{int(runs[-1]):,} inputs" if runs else "unknown number of inputs"
    print(f"{name}: {inputs}, {f'failed, see {log}' if code else 'no findings'}", flush=True)
    return code != 0


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one target until a finding or the time limit; this never returns."""
    corpus = BUILD / "corpus" / name
    findings = BUILD / "found" / name
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for data in seeds(name):
        (corpus / sha256(data).hexdigest()[:16]).write_bytes(data)
    warnings.simplefilter("error")
    scratch = Path(tempfile.mkdtemp(prefix="foxgrape-fuzz-"))
    arguments = [
        sys.argv[0],
        str(corpus),
        f"-artifact_prefix={findings}/",
        f"-max_total_time={seconds}",
        f"-timeout={MAX_SECONDS}",
        f"-rss_limit_mb={MAX_MEMORY}",
        "-max_len=20000",
        "-len_control=0",
        "-print_final_stats=1",
    ]

    def run_target(data: bytes) -> None:
        try:
            TARGETS[name](data, scratch)
        except BaseException:
            # The fuzzer writes it too, unless the interpreter crashes.
            (findings / f"finding-{sha256(data).hexdigest()[:16]}").write_bytes(data)
            raise

    atheris.Setup(arguments, run_target)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
