"""Detect in more posts than fit into memory: here or on a cluster, going on where it stopped."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from foxgrape._util.directories import Directory, can_lock, clear_parts, directory_at
from foxgrape.detection.partitions import (
    MARKER,
    SIGNALS,
    RowGroupRange,
    clear,
    detect_partition,
    is_written,
    keep,
    merge_partitions,
    row_group_ranges,
)
from foxgrape.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from foxgrape.detection.partitions import Part
    from foxgrape.places import Codebook

__all__ = ["DetectionResult", "detect_all"]

#: Posts that are read at once, about.
BATCH = 250_000
#: Parts that wait at the cluster for each of its threads: enough to do, and few to hold.
_AHEAD = 2


@dataclass(frozen=True, slots=True)
class DetectionResult:
    """What detecting in many posts did.

    Attributes
    ----------
    source, signals_file
        What was read, and the file of signals.
    posts, signals
        How many there are.
    parts, resumed
        Parts in which it was done, and how many of them had been done before.
    """

    source: str
    signals_file: str
    posts: int
    signals: int
    parts: int
    resumed: int

    def sentence(self) -> str:
        """Say it in one sentence."""
        told = f"{self.source}: {self.signals:,} signals in {self.posts:,} posts"
        before = f", {self.resumed:,} of {self.parts:,} parts done before" if self.resumed else ""
        return f"{told}{before}; see {self.signals_file}."


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
    """Find the signals in a store or in files of Parquet, in bounded memory.

    The signals are those of `detect` over all posts at once, row for row, wherever they are
    found. What is done is kept beside until all is; a call that was stopped goes on from there.

    Parameters
    ----------
    source
        A store's folder, a folder of Parquet files, or one; in the columns of the posts table.
        Each post once.
    out
        The folder in which ``signals.parquet`` is written; made where there is none.
    codebook, mentions
        As in `detect`.
    scheduler
        The address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``, whose workers then do
        the work; they must have foxgrape, and see `source` under the same path.
    batch
        How many posts are read at once, about; a row group of a file is not divided.
    progress
        Is called with the number of parts done, and of all.

    Returns
    -------
    Detected

    Raises
    ------
    StoreError
        If `source` cannot be read, or `out` holds what another call has begun.
    TableError
        If posts break their schema, or one stands there twice.

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
    parts = row_group_ranges(source, batch)
    mark = _mark(parts, codebook, mentions=mentions)
    with ExitStack() as stack:
        folder, work = _begin(out, mark, stack)
        done, posts, signals = _detect(work, parts, codebook, mentions, scheduler, progress)
        work.rename(SIGNALS, SIGNALS, to=folder)
        clear(work)
        folder.rmdir(work.path.name)
    file = str(out / SIGNALS)
    return DetectionResult(str(source), file, posts, signals, len(parts), done)


def _detect(
    work: Directory,
    parts: list[RowGroupRange],
    codebook: Codebook | None,
    mentions: bool,
    scheduler: str | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[int, int, int]:
    """Do the parts that are not done, and join all; return how many were done, posts, signals."""
    todo = [number for number in range(len(parts)) if not is_written(work, number)]
    done = before = len(parts) - len(todo)
    tell = progress or (lambda *_: None)
    tell(done, len(parts))
    finished = _here if scheduler is None else partial(_on_cluster, scheduler)
    for number, part in finished(parts, todo, codebook, mentions):
        keep(part, work, number)
        done += 1
        tell(done, len(parts))
    return before, *merge_partitions(work, len(parts))


def _mark(parts: list[RowGroupRange], codebook: Codebook | None, *, mentions: bool) -> str:
    """Return what tells this detection from one of other files, codes or options."""
    if not parts:
        raise StoreError("there are no posts to detect in")
    files = {part.file: Path(part.file).stat() for part in parts}
    codes = None if codebook is None else [asdict(code) for code in codebook]
    told = {
        "parts": [asdict(part) for part in parts],
        "files": {name: [stat.st_size, stat.st_mtime_ns] for name, stat in files.items()},
        "codes": codes,
        "mentions": mentions,
    }
    return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()


def _begin(out: Path, mark: str, stack: ExitStack) -> tuple[Directory, Directory]:
    """Open the folder that the user named, and in it the one of parts, until the stack is left.

    No other process has it, and its marker is this detection's. What an earlier call of this very
    detection left half is cleared.
    """
    try:
        folder = stack.enter_context(directory_at(out, make=True))
        work = stack.enter_context(folder.child("parts", make=True))
        if _is_taken(work):
            raise StoreError("another process detects here", file=work.path)
        _check(work, mark)
        # Earlier versions wrote the signals there.
        clear_parts(folder, SIGNALS, b"PAR1")
    except OSError as error:
        why = f"signals cannot be kept: {error.strerror or error}"
        raise StoreError(why, file=error.filename or out) from None
    return folder, work


def _check(work: Directory, mark: str) -> None:
    """Make sure that a folder of parts is of the same files, codes and options, or new."""
    names, hint = set(work.names()), "remove this folder, or name another"
    if names <= {f".{MARKER}.writing"}:
        work.write(MARKER, mark.encode())
    elif MARKER not in names:
        why = "this folder is not of a detection, and is left alone"
        raise StoreError(why, file=work.path, hint=hint)
    elif work.read(MARKER) != mark.encode():
        why = "another detection was begun here: other files, codes or options"
        raise StoreError(why, file=work.path, hint=hint)


def _is_taken(work: Directory) -> bool:
    """Tell whether another process has a folder; locked, unless folders cannot be locked there."""
    try:
        return can_lock() and not work.lock(wait=False)
    except OSError:
        return False


def _here(
    parts: list[RowGroupRange], todo: list[int], codebook: Codebook | None, mentions: bool
) -> Iterator[tuple[int, Part]]:
    for number in todo:
        yield number, detect_partition(parts[number], codebook, mentions=mentions)


def _on_cluster(
    scheduler: str,
    parts: list[RowGroupRange],
    todo: list[int],
    codebook: Codebook | None,
    mentions: bool,
) -> Iterator[tuple[int, Part]]:
    """Have a cluster do the parts; those of a worker that is lost are done again."""
    from distributed import Client, as_completed

    with Client(scheduler, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        waiting, number_of = iter(todo), {}
        running = as_completed([], loop=client.loop, with_results=True)  # type: ignore[no-untyped-call]

        def ask_for(count: int) -> None:
            for number in islice(waiting, count):
                future = client.submit(
                    detect_partition, parts[number], codebook, mentions=mentions, pure=False
                )
                number_of[future.key] = number
                running.add(future)  # type: ignore[no-untyped-call]

        ask_for(_AHEAD * max(sum(client.nthreads().values()), 1))
        for future, part in running:
            yield number_of.pop(future.key), part
            ask_for(1)
