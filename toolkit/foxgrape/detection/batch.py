"""Detect signals in more posts than fit into memory, on this machine or on a Dask cluster.

Each partition (some row groups of a Parquet file) yields its signals without surprisal, and the
data that its posts add to their accounts' histories. Surprisal is computed once all partitions are
complete, so that the result equals that of a single `detect` call.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from foxgrape import schemas
from foxgrape._util.directories import Directory, can_lock, clear_parts, directory_at
from foxgrape._util.unicode import require_utf8
from foxgrape.detection.detect import (
    CodeOccurrences,
    PostHistory,
    find_earlier_signals,
    surprisal_bits,
)
from foxgrape.detection.partitions import (
    Partition,
    RowGroupRange,
    detect_partition,
    read_earlier_posts,
    row_group_ranges,
)
from foxgrape.errors import StoreError, TableError
from foxgrape.io.gazetteers import kept_path
from foxgrape.places import Codebook, Gazetteer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from foxgrape._util.typing import FloatArray
    from foxgrape.detection.detect import Edits

__all__ = [
    "DetectionResult",
    "detect_all",
    "merge_partitions",
]

#: Approximate number of posts per partition.
BATCH = 250_000
#: Approximate number of posts whose histories are in memory at once while partitions are merged;
#: this many take about 3 GB.
SHARD_POSTS = 50_000_000
#: File names: the hash that identifies a detection, its result, and a file still being written.
_PLAN, _SIGNALS, _DRAFT = "plan.txt", "signals.parquet", "draft"
#: Files that a detection writes, including the per-process drafts of earlier versions.
_OWN_FILES = re.compile(
    r"draft|((signals|occurrences|history|past)-[0-9]{6}|signals)\.parquet(\.[0-9]+\.part)?"
)
#: Number of partitions submitted at a time per thread of a cluster: enough to keep it busy, few
#: enough to hold their results in memory.
_TASKS_PER_THREAD = 2


@dataclass(frozen=True, slots=True)
class DetectionResult:
    """The outcome of `detect_all`.

    Attributes
    ----------
    source, signals_file
        The store, folder or file that was read, and the signals file that was written.
    posts, signals
        The number of posts and of signals.
    ambiguous
        The number of signals without a place: names that may mean several places.
    parts, resumed
        The number of partitions, and how many of them an earlier call had completed.
    """

    source: str
    signals_file: str
    posts: int
    signals: int
    ambiguous: int
    parts: int
    resumed: int

    def sentence(self) -> str:
        """Return the result in one sentence."""
        resumed = (
            f" ({self.resumed:,} of {self.parts:,} parts were done before)" if self.resumed else ""
        )
        ambiguous = (
            f", {self.ambiguous:,} of them names that may mean several places"
            if self.ambiguous
            else ""
        )
        return (
            f"{self.source}: {self.signals:,} signals in {self.posts:,} posts{ambiguous}{resumed}; "
            f"see {self.signals_file}."
        )


def detect_all(
    source: str | Path,
    out: str | Path,
    *,
    codebook: Codebook | None = None,
    mentions: bool = False,
    edits: Edits = "interval",
    scheduler: str | None = None,
    batch: int = BATCH,
    progress: Callable[[int, int], None] | None = None,
) -> DetectionResult:
    """Find the signals in a store or in Parquet files, in bounded memory.

    The signals equal those of a single `detect` call over all posts, row for row; of a store, with
    its earlier versions of posts. Repeat an interrupted call to continue with the partitions that
    are missing.

    Parameters
    ----------
    source
        A store, a folder of Parquet files, or one Parquet file, with the columns of the posts
        table. Each post must occur only once.
    out
        The folder for ``signals.parquet``; created if needed.
    codebook, mentions, edits
        As for `detect`.
    scheduler
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``, whose workers detect the
        signals. Each worker needs foxgrape, and access to `source` under the same path.
    batch
        Approximate number of posts per partition; row groups are never divided.
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
    for path in (source, out):
        require_utf8(path, StoreError)
    if codebook is None and (kept := kept_path(source)) is not None:
        codebook = Codebook.for_gazetteer(Gazetteer.open(kept))
    ranges = row_group_ranges(source, batch)
    earlier = None if edits == "ignore" else read_earlier_posts(source)
    digest = _plan_digest(ranges, codebook, earlier, mentions=mentions, edits=edits)
    task = partial(detect_partition, codebook=codebook, mentions=mentions, edits=edits)
    if earlier is not None:
        known_from = find_earlier_signals(earlier, codebook, mentions=mentions)
        task = partial(task, known_from=known_from)
    run = _run_here if scheduler is None else partial(_run_on_cluster, scheduler)
    report = progress or (lambda *_: None)
    with ExitStack() as stack:
        folder, parts = _open_folders(out, digest, stack)
        missing = [number for number in range(len(ranges)) if not _is_written(parts, number)]
        resumed = done = len(ranges) - len(missing)
        report(done, len(ranges))
        for number, partition in run(ranges, missing, task):
            _write_partition(partition, parts, number)
            done += 1
            report(done, len(ranges))
        posts, signals, ambiguous = merge_partitions(parts, len(ranges))
        parts.rename(_SIGNALS, _SIGNALS, to=folder)
        _clear(parts)
        folder.rmdir(parts.path.name)
    file = str(out / _SIGNALS)
    return DetectionResult(str(source), file, posts, signals, ambiguous, len(ranges), resumed)


def _plan_digest(
    ranges: list[RowGroupRange],
    codebook: Codebook | None,
    earlier: pd.DataFrame | None,
    *,
    mentions: bool,
    edits: Edits,
) -> str:
    """Return a hash of the files, codes and options of a detection."""
    if not ranges:
        raise StoreError("the source must contain posts", expected="one row group or more", got=0)
    stats = {part.file: Path(part.file).stat() for part in ranges}
    plan = {
        "parts": [asdict(part) for part in ranges],
        "files": {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()},
        "codes": [asdict(code) for code in codebook or Codebook.default()],
        "gazetteer": [asdict(info) for info in codebook.gazetteer.infos] if codebook else None,
        "mentions": mentions,
        "edits": edits,
        "earlier": None if earlier is None else earlier.to_csv(index=False),
    }
    return hashlib.sha256(json.dumps(plan, default=str, sort_keys=True).encode()).hexdigest()


def _open_folders(out: Path, digest: str, stack: ExitStack) -> tuple[Directory, Directory]:
    """Open the output folder and its folder of partitions, locked for this process.

    Removes unfinished files that an earlier call of the same detection left behind.
    """
    try:
        folder = stack.enter_context(directory_at(out, make=True))
        parts = stack.enter_context(folder.child("parts", make=True))
        if _is_locked(parts):
            raise StoreError("another process is detecting in this folder", file=parts.path)
        _check_plan(parts, digest)
        clear_parts(folder, _SIGNALS, b"PAR1")
    except OSError as error:
        reason = f"cannot write signals: {error.strerror or error}"
        raise StoreError(reason, file=error.filename or out) from None
    return folder, parts


def _check_plan(parts: Directory, digest: str) -> None:
    """Check that a partitions folder is new, or has the same files, codes and options."""
    names = set(parts.names())
    hint = "remove this folder, or choose another output folder"
    if names <= {f".{_PLAN}.writing"}:
        parts.write(_PLAN, digest.encode())
    elif _PLAN not in names:
        raise StoreError("the folder was not made by a detection", file=parts.path, hint=hint)
    elif parts.read(_PLAN) != digest.encode():
        reason = "an unfinished detection has other files, codes or options"
        raise StoreError(reason, file=parts.path, hint=hint)


def _is_locked(parts: Directory) -> bool:
    """Try to lock a folder; return whether another process holds the lock."""
    try:
        return can_lock() and not parts.lock(wait=False)
    except OSError:
        return False


def _clear(parts: Directory) -> None:
    """Delete only the files of a detection; the plan last, since a folder without it is refused."""
    for name in parts.names():
        if _OWN_FILES.fullmatch(name):
            parts.unlink(name)
    parts.unlink(_PLAN)


def _run_here(
    ranges: list[RowGroupRange], missing: list[int], task: Callable[[RowGroupRange], Partition]
) -> Iterator[tuple[int, Partition]]:
    for number in missing:
        yield number, task(ranges[number])


def _run_on_cluster(
    scheduler: str,
    ranges: list[RowGroupRange],
    missing: list[int],
    task: Callable[[RowGroupRange], Partition],
) -> Iterator[tuple[int, Partition]]:
    """Yield partitions as a cluster completes them; Dask recomputes a lost worker's partitions."""
    from distributed import Client, as_completed

    with Client(scheduler, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        waiting, number_of = iter(missing), {}
        running = as_completed([], loop=client.loop, with_results=True)  # type: ignore[no-untyped-call]

        def submit(count: int) -> None:
            for number in islice(waiting, count):
                future = client.submit(task, ranges[number], pure=False)
                number_of[future.key] = number
                running.add(future)  # type: ignore[no-untyped-call]

        submit(_TASKS_PER_THREAD * max(sum(client.nthreads().values()), 1))
        for future, partition in running:
            yield number_of.pop(future.key), partition
            submit(1)


def _write_partition(partition: Partition, folder: Directory, number: int) -> None:
    """Write a partition's tables, each to a draft that is renamed once it is complete."""
    for name in ("signals", "occurrences", "history"):
        with folder.create(_DRAFT) as draft:
            getattr(partition, name).to_parquet(draft, index=False)
        folder.rename(_DRAFT, _file_name(name, number))


def _is_written(folder: Directory, number: int) -> bool:
    """Return whether a partition is complete: whether its last file, the history, exists."""
    status = folder.status(_file_name("history", number))
    return status is not None and stat.S_ISREG(status.st_mode)


def _file_name(name: str, number: int) -> str:
    return f"{name}-{number:06}.parquet"


def _partition_file(folder: Directory, name: str, number: int) -> Path:
    return folder.path / _file_name(name, number)


def merge_partitions(folder: Directory, parts: int) -> tuple[int, int, int]:
    """Add surprisal to the signals of all partitions.

    Returns the number of posts, of signals, and of signals without a place.

    Surprisal needs an account's entire history, so accounts are divided by hash into shards of
    about `SHARD_POSTS` posts; all partitions are read again for each shard.

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
    for shard in range(shards):
        read = partial(_read_shard, folder, parts, shard, shards)
        _check_unique(read("history", ["post"]))
        history = read("history", ["stream", "end"])
        occurrences = read("occurrences", ["stream", "row", "begin", "certain_from", "code"])
        position = occurrences.pop("position").to_numpy()
        surprisal[position] = surprisal_bits(*_number_hashes(history, occurrences))
    return posts, signals, _write_signals(folder, parts, surprisal)


def _write_signals(folder: Directory, parts: int, surprisal: FloatArray) -> int:
    """Write the signals of all partitions; return how many have no place."""
    writer, at, ambiguous = None, 0, 0
    with folder.create(_DRAFT) as draft:
        for part in range(parts):
            signals = pd.read_parquet(_partition_file(folder, "signals", part))
            signals["surprisal"] = surprisal[at : at + len(signals)]
            at += len(signals)
            ambiguous += int(signals["place_id"].isna().sum())
            table = pa.Table.from_pandas(schemas.validate(signals, "signals"), preserve_index=False)
            if writer is None:
                writer = pq.ParquetWriter(draft, table.schema)
            writer.write_table(table)
        if writer is not None:
            writer.close()
    folder.rename(_DRAFT, _SIGNALS)
    return ambiguous


def _read_shard(
    folder: Directory, parts: int, shard: int, shards: int, name: str, columns: list[str]
) -> pd.DataFrame:
    """Return the rows of all partitions whose hash in the first column belongs to a shard.

    In occurrences, ``row`` becomes the post's row among the posts of all partitions, and
    ``position``, the signal's row among the signals of all partitions, is added.
    """
    frames: list[pd.DataFrame] = []
    posts = position = 0
    for part in range(parts):
        frame = pd.read_parquet(_partition_file(folder, name, part), columns=columns)
        if "row" in columns:
            frame["row"] += posts
            frame["position"] = np.arange(position, position + len(frame))
            posts += pq.read_metadata(_partition_file(folder, "history", part)).num_rows
        position += len(frame)
        # The lowest bit of a stream marks reposts; the other bits identify the account.
        hashes = frame[columns[0]].to_numpy().view(np.uint64) >> np.uint64(1)
        frames.append(frame[hashes % np.uint64(shards) == shard])
    rows: pd.DataFrame = pd.concat(frames, ignore_index=True)
    return rows


def _number_hashes(
    history: pd.DataFrame, occurrences: pd.DataFrame
) -> tuple[PostHistory, CodeOccurrences]:
    """Replace the hashes of streams and codes by consecutive numbers."""
    streams = np.concatenate([history["stream"], occurrences["stream"]])
    stream = pd.factorize(streams)[0].astype(np.int64)
    occurrences["stream"] = stream[len(history) :]
    occurrences["code"] = pd.factorize(occurrences["code"])[0].astype(np.int64)
    columns = (occurrences[name].to_numpy() for name in CodeOccurrences._fields)
    end = history["end"].to_numpy()
    return PostHistory(stream[: len(history)], end), CodeOccurrences(*columns)


def _check_unique(posts: pd.DataFrame) -> None:
    ids = np.sort(posts["post"].to_numpy())
    if (ids[1:] == ids[:-1]).any():
        raise TableError(
            "a post occurs more than once in the partitions",
            column="post_id",
            expected="each post_id of an account once",
            hint="import the files into a store first: foxgrape ingest posts",
        )
