"""Look for bytes that break a promise of tests/fuzz_targets.py, guided by coverage (atheris).

Run as `python scripts/fuzz.py [TARGET ...] [--seconds 600] [--workers 2]`, or by `make fuzz`. What
leads to new code is kept in build/fuzz, so that the next run goes on from there; what breaks a
promise is written to build/fuzz/found, and belongs, once mended, into tests/fixtures/found/TARGET,
where every run of the tests tries it again.
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
KEPT = ROOT / "build" / "fuzz"
#: Seconds after which one input counts as endless, and megabytes as boundless.
PATIENCE, MEMORY = 30, 4000
sys.path.insert(0, str(ROOT / "tests"))

with atheris.instrument_imports(include=["foxgrape"]):
    from fuzz_targets import TARGETS, seeds


def main() -> int:
    """Fuzz each target in a process of its own, as many at once as told; return how many broke."""
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
    KEPT.mkdir(parents=True, exist_ok=True)
    names = options.targets or list(TARGETS)
    with ThreadPoolExecutor(options.workers) as pool:
        return sum(pool.map(broke, names, [options.seconds] * len(names)))


def broke(name: str, seconds: int) -> bool:
    """Fuzz one target in a process of its own, and say what came of it; return whether it broke."""
    log = KEPT / f"{name}.log"
    command = [sys.executable, __file__, name, "--inside", "--seconds", str(seconds)]
    with log.open("w", encoding="utf-8") as handle:
        code = subprocess.run(command, check=False, stdout=handle, stderr=handle).returncode  # noqa: S603 - our own words
    runs = re.findall(r"number_of_executed_units: (\d+)", log.read_text("utf-8", "replace"))
    told = f"{int(runs[-1]):,} inputs" if runs else "it did not say how many inputs"
    print(f"{name}: {told}, {f'broken, see {log}' if code else 'nothing found'}", flush=True)
    return code != 0


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one target until something breaks or time is up; this never returns."""
    corpus = KEPT / "corpus" / name
    found = KEPT / "found" / name
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for data in seeds(name):
        (corpus / sha256(data).hexdigest()[:16]).write_bytes(data)
    warnings.simplefilter("error")
    scratch = Path(tempfile.mkdtemp(prefix="foxgrape-fuzz-"))
    words = [
        sys.argv[0],
        str(corpus),
        f"-artifact_prefix={found}/",
        f"-max_total_time={seconds}",
        f"-timeout={PATIENCE}",
        f"-rss_limit_mb={MEMORY}",
        "-max_len=20000",
        "-len_control=0",
        "-print_final_stats=1",
    ]

    def tried(data: bytes) -> None:
        try:
            TARGETS[name](data, scratch)
        except BaseException:
            # The fuzzer writes it down too, unless ending takes the interpreter with it.
            (found / f"broken-{sha256(data).hexdigest()[:16]}").write_bytes(data)
            raise

    atheris.Setup(words, tried)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
