"""What putting a file into a store costs, against `pyarrow.json` and `write_deltalake` alone.

Each call is a fresh process, because the peak of its memory is told too.
"""

from __future__ import annotations

import json
from itertools import count, repeat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from measuring import ChildClock, extra, tell
from peak import PEAK

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from pytest_benchmark.fixture import BenchmarkFixture

    from measuring import Size

CLOCK = ChildClock()
PROC = Path("/proc/self/status")
pytestmark = [
    pytest.mark.benchmark(timer=CLOCK),
    pytest.mark.skipif(not PROC.exists(), reason=f"the peak of memory is read from {PROC}"),
]

GROUP = "Putting {:,} posts of JSON lines into a store"
KEEPS_NOTHING = (
    "pyarrow and deltalake keep no keys, so that the same file twice is there twice; they check "
    "nothing, and hold the whole file in memory."
)
OURS = """
from foxgrape import Store, ingest
def run(file, folder):
    return ingest("posts", file, Store(folder)).read
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


def written(posts: pd.DataFrame, file: Path, rows: int) -> Path:
    """Write so many posts; they come again, under other numbers and a year later."""
    at = posts["posted_at"].dt.strftime("%m-%dT%H:%M:%S+00:00").tolist()
    made = list(zip(posts["account"].tolist(), at, posts["text"].tolist(), strict=True))
    with file.open("w", encoding="utf-8") as handle:
        for number in range(rows):
            again, which = divmod(number, len(made))
            account, when, text = made[which]
            post = {
                "id": f"{account}/{number}",
                "username": f"channel_{account}",
                "date": f"{2022 + again}-{when}",
                "text": text,
                "views": number % 99_991,
            }
            handle.write(json.dumps(post, ensure_ascii=False) + "\n")
    return file


@pytest.fixture(scope="module")
def file(posts: pd.DataFrame, size: Size, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of posts."""
    folder = tmp_path_factory.mktemp("lines")
    return written(posts.iloc[: size.rows], folder / "posts.jsonl", size.rows)


def put(
    benchmark: BenchmarkFixture,
    code: str,
    file: Path,
    rows: int,
    folders: Iterator[Path],
    times: int,
) -> None:
    """Put a file into one folder after another, each time in a fresh process."""
    done = []

    def elsewhere() -> tuple[tuple[Path], dict[str, object]]:
        return (next(folders),), {}

    benchmark.pedantic(
        lambda folder: done.append(CLOCK.run(code + TIMED, file, folder)),
        setup=elsewhere,
        rounds=times,
    )
    if {each["rows"] for each in done} != {rows}:
        pytest.fail(f"not what was to be measured: not {rows:,} rows in {done}")
    extra(benchmark, MB_at_the_peak=max(each["peak"] for each in done))


def fresh(folder: Path) -> Iterator[Path]:
    """Yield folders that are not there yet."""
    return (folder / str(number) for number in count())


def test_pyarrow(benchmark: BenchmarkFixture, file: Path, size: Size, tmp_path: Path) -> None:
    """Read at once, and write."""
    what = "pyarrow.json and write_deltalake"
    tell(benchmark, GROUP.format(size.rows), what, n=size.rows, peer=what, note=KEEPS_NOTHING)
    put(benchmark, PEER, file, size.rows, fresh(tmp_path), size.few)


def test_ingest(benchmark: BenchmarkFixture, file: Path, size: Size, tmp_path: Path) -> None:
    """Batch by batch, each row checked and once."""
    tell(benchmark, GROUP.format(size.rows), "ingest", n=size.rows)
    put(benchmark, OURS, file, size.rows, fresh(tmp_path), size.few)


def test_again(benchmark: BenchmarkFixture, file: Path, size: Size, tmp_path: Path) -> None:
    """The same file, which changes nothing."""
    folder = tmp_path / "store"
    CLOCK.run(OURS + TIMED, file, folder)
    tell(benchmark, GROUP.format(size.rows), "ingest, the same file again", n=size.rows)
    put(benchmark, OURS, file, size.rows, repeat(folder), size.few)


def test_large(
    benchmark: BenchmarkFixture, posts: pd.DataFrame, size: Size, tmp_path: Path
) -> None:
    """More rows, and hardly more memory."""
    rows = 4 * size.rows
    file = written(posts.iloc[: size.rows], tmp_path / "large.jsonl", rows)
    tell(benchmark, GROUP.format(size.rows), "ingest, four times the file", n=rows)
    put(benchmark, OURS, file, rows, fresh(tmp_path), 1)
