"""Cost of importing a file into a store, compared with `pyarrow.json` and `write_deltalake`.

Each call is a new process, because its peak memory is measured too.
"""

from __future__ import annotations

import json
from itertools import count, repeat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from measuring import SubprocessClock, add_columns, describe
from peak import PEAK

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from pytest_benchmark.fixture import BenchmarkFixture

    from measuring import Size

CLOCK = SubprocessClock()
PROC = Path("/proc/self/status")
pytestmark = [
    pytest.mark.benchmark(timer=CLOCK),
    pytest.mark.skipif(not PROC.exists(), reason=f"peak memory is read from {PROC}"),
]

GROUP = "Importing {:,} posts in JSON lines into a store"
NO_KEYS = (
    "pyarrow and deltalake have no keys, so that a file imported twice is stored twice; they do "
    "not validate, and hold the complete file in memory."
)
OURS = """
from foxgrape import Store, ingest
def run(file, folder):
    return ingest("posts", file, Store(folder)).records_read
"""
PEER = """
import pyarrow.json
from deltalake import write_deltalake
def run(file, folder):
    rows = pyarrow.json.read_json(file)
    write_deltalake(folder, rows)
    return len(rows)
"""
TIMED = f"""
import json, sys, time
{PEAK}
begin = time.perf_counter()
rows = run(*sys.argv[1:])
seconds = time.perf_counter() - begin
print(json.dumps(dict(seconds=seconds, peak=peak(), rows=rows)))
"""


def write_posts(posts: pd.DataFrame, file: Path, rows: int) -> Path:
    """Write `rows` posts; repeated posts have other ids and are a year later each time."""
    at = posts["posted_at"].dt.strftime("%m-%dT%H:%M:%S+00:00").tolist()
    records = list(zip(posts["account"].tolist(), at, posts["text"].tolist(), strict=True))
    with file.open("w", encoding="utf-8") as handle:
        for number in range(rows):
            year, position = divmod(number, len(records))
            account, date, text = records[position]
            post = {
                "id": f"{account}/{number}",
                "username": f"channel_{account}",
                "date": f"{2022 + year}-{date}",
                "text": text,
                "views": number % 99_991,
            }
            handle.write(json.dumps(post, ensure_ascii=False) + "\n")
    return file


@pytest.fixture(scope="module")
def file(posts: pd.DataFrame, size: Size, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a file of posts."""
    folder = tmp_path_factory.mktemp("lines")
    return write_posts(posts.iloc[: size.rows], folder / "posts.jsonl", size.rows)


def measure_import(
    benchmark: BenchmarkFixture,
    code: str,
    file: Path,
    rows: int,
    folders: Iterator[Path],
    rounds: int,
) -> None:
    """Import a file into each of the folders, each time in a new process."""
    runs: list[dict[str, float]] = []

    def setup() -> tuple[tuple[Path], dict[str, object]]:
        return (next(folders),), {}

    benchmark.pedantic(
        lambda folder: runs.append(CLOCK.run(code + TIMED, file, folder)),
        setup=setup,
        rounds=rounds,
    )
    if {run["rows"] for run in runs} != {rows}:
        pytest.fail(f"each run must import {rows:,} rows; got {[run['rows'] for run in runs]}")
    add_columns(benchmark, MB_at_the_peak=max(run["peak"] for run in runs))


def new_folders(folder: Path) -> Iterator[Path]:
    """Yield paths of folders that do not exist."""
    return (folder / str(number) for number in count())


def test_pyarrow(benchmark: BenchmarkFixture, file: Path, size: Size, tmp_path: Path) -> None:
    """Read the complete file, then write it."""
    what = "pyarrow.json and write_deltalake"
    describe(benchmark, GROUP.format(size.rows), what, n=size.rows, peer=what, note=NO_KEYS)
    measure_import(benchmark, PEER, file, size.rows, new_folders(tmp_path), size.few)


def test_ingest(benchmark: BenchmarkFixture, file: Path, size: Size, tmp_path: Path) -> None:
    """In batches, with each row validated and without duplicates."""
    describe(benchmark, GROUP.format(size.rows), "ingest", n=size.rows)
    measure_import(benchmark, OURS, file, size.rows, new_folders(tmp_path), size.few)


def test_again(benchmark: BenchmarkFixture, file: Path, size: Size, tmp_path: Path) -> None:
    """The same file again, which changes nothing."""
    folder = tmp_path / "store"
    CLOCK.run(OURS + TIMED, file, folder)
    describe(benchmark, GROUP.format(size.rows), "ingest, the same file again", n=size.rows)
    measure_import(benchmark, OURS, file, size.rows, repeat(folder), size.few)


def test_large(
    benchmark: BenchmarkFixture, posts: pd.DataFrame, size: Size, tmp_path: Path
) -> None:
    """Four times the rows, in hardly more memory."""
    rows = 4 * size.rows
    file = write_posts(posts.iloc[: size.rows], tmp_path / "large.jsonl", rows)
    describe(benchmark, GROUP.format(size.rows), "ingest, four times the file", n=rows)
    measure_import(benchmark, OURS, file, rows, new_folders(tmp_path), 1)
