"""Detect signals in more posts than fit into memory, on this machine or on a Dask cluster.

Each partition (some row groups of a Parquet file) yields its signals without surprisal, and what
its posts add to the histories of their accounts. Surprisal is computed when all partitions are
there, so the result equals that of one call of `detect`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from foxgrape import schemas, times
from foxgrape.detection.detect import PostColumns, detect_without_surprisal
from foxgrape.detection.surprisal import CodeOccurrences, PostHistory, surprisal_bits
from foxgrape.errors import StoreError, TableError
from foxgrape.io.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from foxgrape.places import Codebook

    Int64Array = npt.NDArray[np.int64]

__all__ = [
    "DetectionResult",
    "Partition",
    "RowGroupRange",
    "detect_all",
    "detect_partition",
    "merge_partitions",
    "row_group_ranges",
]

#: Posts that are read at once, about.
BATCH = 250_000
#: Posts whose histories are in memory at once when partitions are merged, about: some 3 GB.
SHARD_POSTS = 50_000_000
#: Partitions submitted to a cluster per thread: enough to keep it busy, few enough to hold.
_TASKS_PER_THREAD = 2
_COLUMNS = ["post_id", "platform", "account", "posted_at", "posted_until", "text", "repost"]
_COLUMNS += ["edited_at"]


@dataclass(frozen=True, slots=True)
class DetectionResult:
    """The outcome of `detect_all`.

    Attributes
    ----------
    source, signals_file
        What was read, and the file of signals.
    posts, signals
        Their numbers.
    parts, resumed
        The number of partitions, and how many of them an earlier call had completed.
    """

    source: str
    signals_file: str
    posts: int
    signals: int
    parts: int
    resumed: int

    def sentence(self) -> str:
        """Return the result in one sentence."""
        resumed = (
            f" ({self.resumed:,} of {self.parts:,} parts were done before)" if self.resumed else ""
        )
        return (
            f"{self.source}: {self.signals:,} signals in {self.posts:,} posts{resumed}; "
            f"see {self.signals_file}."
        )


@dataclass(frozen=True, slots=True)
class RowGroupRange:
    """Row groups of a Parquet file that are read together."""

    file: str
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Partition:
    """The signals of some row groups, and their posts' part of the account histories.

    Attributes
    ----------
    signals
        The signals without surprisal; ``row`` is the position of the post in the partition.
    history
        ``account``, ``repost``, ``posted_until`` and ``id_hash`` of every post.
    """

    signals: pd.DataFrame
    history: pd.DataFrame


def detect_all(
    source: str | Path,
    out: str | Path,
    *,
    codebook: Codebook | None = None,
    mentions: bool = False,
    scheduler: str | None = None,
    batch: int = BATCH,
    progress: Callable[[int, int], None] | None = None,
) -> DetectionResult:
    """Find the signals in a store or in Parquet files, in bounded memory.

    The signals equal those of one call of `detect` over all posts, row for row. A call that is
    stopped can be repeated: it continues with the partitions that are missing.

    Parameters
    ----------
    source
        A store, a folder of Parquet files, or one file, in the columns of the posts table. Each
        post must occur once.
    out
        The folder for ``signals.parquet``; created if needed.
    codebook, mentions
        As for `detect`.
    scheduler
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``, whose workers do the work.
        They need foxgrape, and must see `source` under the same path.
    batch
        The number of posts read at once, about; a row group of a file is not divided.
    progress
        Called with the number of partitions done and the total.

    Returns
    -------
    DetectionResult

    Raises
    ------
    StoreError
        If `source` cannot be read, or `out` holds an unfinished detection with other arguments.
    TableError
        If posts break their schema, or a post occurs twice.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from foxgrape import open_study
    >>> folder = Path(mkdtemp())
    >>> open_study().posts.to_parquet(folder / "posts.parquet")
    >>> detect_all(folder / "posts.parquet", folder).posts
    61
    """
    out = Path(out)
    ranges = row_group_ranges(source, batch)
    folder = out / "parts"
    _check_plan(folder, ranges, codebook, mentions=mentions)
    missing = [number for number in range(len(ranges)) if not _is_written(folder, number)]
    resumed = done = len(ranges) - len(missing)
    report = progress or (lambda *_: None)
    report(done, len(ranges))
    run = _run_here if scheduler is None else partial(_run_on_cluster, scheduler)
    for number, partition in run(ranges, missing, codebook, mentions):
        _write_partition(partition, folder, number)
        done += 1
        report(done, len(ranges))
    file = out / "signals.parquet"
    posts, signals = merge_partitions(folder, len(ranges), file)
    shutil.rmtree(folder)
    return DetectionResult(str(source), str(file), posts, signals, len(ranges), resumed)


def _check_plan(
    folder: Path, ranges: list[RowGroupRange], codebook: Codebook | None, *, mentions: bool
) -> None:
    """Check that partitions left by an earlier call are of the same files, codes and options."""
    if not ranges:
        raise StoreError("the source must contain posts", expected="one row group or more", got=0)
    folder.mkdir(parents=True, exist_ok=True)
    stats = {part.file: Path(part.file).stat() for part in ranges}
    plan = {
        "parts": [asdict(part) for part in ranges],
        "files": {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()},
        "codes": None if codebook is None else [asdict(code) for code in codebook],
        "mentions": mentions,
    }
    digest = hashlib.sha256(json.dumps(plan, default=str, sort_keys=True).encode()).hexdigest()
    file = folder / "plan.txt"
    if file.exists() and file.read_text(encoding="utf-8") != digest:
        raise StoreError(
            "an unfinished detection has other files, codes or options",
            file=folder,
            hint="remove this folder, or choose another output folder",
        )
    file.write_text(digest, encoding="utf-8")


def _run_here(
    ranges: list[RowGroupRange], missing: list[int], codebook: Codebook | None, mentions: bool
) -> Iterator[tuple[int, Partition]]:
    for number in missing:
        yield number, detect_partition(ranges[number], codebook, mentions=mentions)


def _run_on_cluster(
    scheduler: str,
    ranges: list[RowGroupRange],
    missing: list[int],
    codebook: Codebook | None,
    mentions: bool,
) -> Iterator[tuple[int, Partition]]:
    """Yield partitions as a cluster completes them; Dask repeats those of a lost worker."""
    from distributed import Client, as_completed

    with Client(scheduler, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        waiting, number_of = iter(missing), {}
        running = as_completed([], loop=client.loop, with_results=True)  # type: ignore[no-untyped-call]

        def submit(count: int) -> None:
            for number in islice(waiting, count):
                future = client.submit(
                    detect_partition, ranges[number], codebook, mentions=mentions, pure=False
                )
                number_of[future.key] = number
                running.add(future)  # type: ignore[no-untyped-call]

        submit(_TASKS_PER_THREAD * max(sum(client.nthreads().values()), 1))
        for future, partition in running:
            yield number_of.pop(future.key), partition
            submit(1)


def row_group_ranges(source: str | Path, batch: int) -> list[RowGroupRange]:
    """Divide Parquet files, or the posts of a store, into ranges of about `batch` posts.

    Raises
    ------
    StoreError
        If the file does not exist or is not Parquet.
    """
    ranges = []
    for file in _parquet_files(Path(source)):
        with _parquet_errors(file):
            metadata = pq.read_metadata(file)
        groups: list[int] = []
        rows = 0
        for number in range(metadata.num_row_groups):
            size = metadata.row_group(number).num_rows
            if groups and rows + size > batch:
                ranges.append(RowGroupRange(str(file), tuple(groups)))
                groups, rows = [], 0
            groups.append(number)
            rows += size
        if groups:
            ranges.append(RowGroupRange(str(file), tuple(groups)))
    return ranges


@contextmanager
def _parquet_errors(file: str | Path) -> Iterator[None]:
    """Raise `StoreError` with the file's name where Arrow cannot read it."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StoreError("cannot be read as Parquet", file=file, got=error) from None


def _parquet_files(source: Path) -> list[Path]:
    if (source / "posts" / "_delta_log").is_dir():
        # Only the files of the current version; the folder also holds those of earlier ones.
        uris = Store(source).files("posts")
        return sorted(Path(unquote(uri.removeprefix("file://"))) for uri in uris)
    if source.is_dir():
        files = sorted(source.rglob("*.parquet"))
        if not files:
            expected = "a store with posts, or Parquet files"
            raise StoreError("the folder has no posts", file=source, expected=expected)
        return files
    if not source.exists():
        raise StoreError("no such file or folder", file=source)
    return [source]


def detect_partition(
    part: RowGroupRange, codebook: Codebook | None = None, *, mentions: bool = False
) -> Partition:
    """Detect in one partition, in this process or on a worker."""
    with _parquet_errors(part.file), pq.ParquetFile(part.file) as file:
        names = [name for name in _COLUMNS if name in file.schema_arrow.names]
        table = file.read_row_groups(list(part.groups), columns=names)
    posts = PostColumns.from_table(table.to_pandas())
    signals = detect_without_surprisal(posts, codebook, mentions=mentions)
    ids = posts.table["post_id"].to_numpy(dtype=object)
    history = posts.table[["account", "repost", "posted_until"]].assign(
        id_hash=pd.util.hash_array(ids).view(np.int64)
    )
    return Partition(signals, history)


def _write_partition(partition: Partition, folder: Path, number: int) -> None:
    for name, frame in (("signals", partition.signals), ("history", partition.history)):
        path = _partition_file(folder, name, number)
        beside = _temporary(path)
        frame.to_parquet(beside, index=False)
        beside.replace(path)


def _is_written(folder: Path, number: int) -> bool:
    """Return whether a partition is complete: its history is written last."""
    return _partition_file(folder, "history", number).is_file()


def _partition_file(folder: Path, name: str, number: int) -> Path:
    return folder / f"{name}-{number:06}.parquet"


def _temporary(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}.part")


def merge_partitions(folder: Path, parts: int, out: Path) -> tuple[int, int]:
    """Add surprisal to the signals of all partitions; return the number of posts and of signals.

    Surprisal needs an account's entire history, so accounts are hashed into shards of about
    `SHARD_POSTS` posts; each shard reads every partition once.

    Raises
    ------
    TableError
        If a post occurs more than once.
    """
    posts, signals = (
        sum(pq.read_metadata(_partition_file(folder, name, part)).num_rows for part in range(parts))
        for name in ("history", "signals")
    )
    surprisal = np.empty(signals)
    shards = -(-posts // SHARD_POSTS) or 1
    for number in range(shards):
        shard = _Shard(folder, parts, number, shards)
        history = shard.history()
        rows, occurrences = shard.occurrences()
        surprisal[rows] = surprisal_bits(history, occurrences)
    _write_signals(folder, parts, surprisal, out)
    return posts, signals


def _write_signals(folder: Path, parts: int, surprisal: npt.NDArray[np.float64], out: Path) -> None:
    beside = _temporary(out)
    writer, at = None, 0
    for part in range(parts):
        path = _partition_file(folder, "signals", part)
        signals = pd.read_parquet(path).drop(columns="row")
        signals["surprisal"] = surprisal[at : at + len(signals)]
        at += len(signals)
        table = pa.Table.from_pandas(schemas.validate(signals, "signals"), preserve_index=False)
        if writer is None:
            writer = pq.ParquetWriter(beside, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
        beside.replace(out)


@dataclass(frozen=True, slots=True)
class _Shard:
    """Some of the accounts in all partitions, numbered as they appear."""

    folder: Path
    parts: int
    number: int
    shards: int
    accounts: dict[Any, int] = field(default_factory=dict)

    def history(self) -> PostHistory:
        """Return the history of the shard's accounts.

        Raises
        ------
        TableError
            If a post occurs more than once.
        """
        streams, ends, hashes = [], [], []
        for frame in self._frames("history", ["account", "repost", "posted_until", "id_hash"]):
            rows, stream = self._rows_and_streams(frame)
            streams.append(stream)
            ends.append(times.microseconds(frame["posted_until"])[rows])
            id_hash = frame["id_hash"].to_numpy()
            hashes.append(id_hash[self._includes(id_hash.view(np.uint64))])
        _check_unique(np.concatenate(hashes))
        return PostHistory(np.concatenate(streams), np.concatenate(ends))

    def occurrences(self) -> tuple[Int64Array, CodeOccurrences]:
        """Return the positions of the accounts' signals among all signals, and their codes."""
        codes: dict[Any, int] = {}
        blocks = []
        names = ["row", "account", "repost", "posted_at", "posted_until", "edited_at", "code"]
        signals = posts = 0
        for part, frame in enumerate(self._frames("signals", names)):
            rows, stream = self._rows_and_streams(frame)
            until = times.microseconds(frame["posted_until"])
            edited = times.microseconds(frame["edited_at"].fillna(frame["posted_until"]))
            position, distinct = pd.factorize(frame["code"])
            code = np.array([codes.setdefault(text, len(codes)) for text in distinct], np.int64)
            blocks.append(
                (
                    signals + rows,
                    posts + frame["row"].to_numpy()[rows],
                    stream,
                    times.microseconds(frame["posted_at"])[rows],
                    np.maximum(until, edited)[rows],
                    code[position[rows]],
                )
            )
            signals += len(frame)
            posts += pq.read_metadata(_partition_file(self.folder, "history", part)).num_rows
        at, *columns = (np.concatenate(column) for column in zip(*blocks, strict=True))
        return at, CodeOccurrences(*columns)

    def _frames(self, name: str, columns: list[str]) -> Iterator[pd.DataFrame]:
        for part in range(self.parts):
            yield pd.read_parquet(_partition_file(self.folder, name, part), columns=columns)

    def _includes(self, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Return which hashes belong to this shard."""
        included: npt.NDArray[np.bool_] = hashes % self.shards == self.number
        return included

    def _rows_and_streams(self, frame: pd.DataFrame) -> tuple[Int64Array, Int64Array]:
        """Return the rows of this shard's accounts, and the stream of each."""
        position, accounts = pd.factorize(frame["account"])
        included = self._includes(pd.util.hash_array(np.asarray(accounts, dtype=object)))
        numbers = [
            self.accounts.setdefault(account, len(self.accounts)) if mine else 0
            for account, mine in zip(accounts, included, strict=True)
        ]
        rows = np.flatnonzero(included[position])
        repost = frame["repost"].fillna(value=False).to_numpy(dtype=np.bool_)
        return rows, 2 * np.array(numbers, np.int64)[position[rows]] + repost[rows]


def _check_unique(id_hashes: Int64Array) -> None:
    id_hashes.sort()
    if (id_hashes[1:] == id_hashes[:-1]).any():
        raise TableError(
            "a post occurs in more than one partition",
            column="post_id",
            expected="each post_id once",
            hint="import the files into a store first: foxgrape ingest posts",
        )
