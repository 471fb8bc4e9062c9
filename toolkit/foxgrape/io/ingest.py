"""Put a file into a store: in batches, so that it may be larger than memory, and as often as liked.

What a file says of a key first is what it says: a row that comes again with other content is a bad
record, wherever in the file it stands. So the same file twice ends in the same table.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Self, TypeVar

import numpy as np

from foxgrape import schemas
from foxgrape._util.directories import Directory, clear_parts, directory_at
from foxgrape.errors import StoreError, TableError
from foxgrape.io.events import read_events
from foxgrape.io.posts import iter_posts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt
    import pandas as pd

    from foxgrape.io.base import OnError
    from foxgrape.io.store import Store

__all__ = ["IngestResult", "ingest"]

T = TypeVar("T")

#: Rows a transaction: so many fit into a few hundred MB, whatever the size of the file.
BATCH = 100_000


@dataclass(slots=True)
class IngestResult:
    """What putting a file into a store did.

    Attributes
    ----------
    file, table, store
        What was put where.
    format
        Which format it was read as.
    read
        Records in the file. Each is one of what follows, or a part of several posts.
    passed
        Records that are none of the table's, such as service messages.
    new, changed, unchanged
        Rows put in, rows put in place of an earlier version of theirs, and rows already there.
    repeated
        Rows that stand in the file more than once, with the same content.
    quarantined
        Bad records.
    unresolved
        Events whose place no gazetteer knows; they are kept under an id of their source's own.
    quarantine
        The file with the bad records, None where there is none.
    version
        The store's version of the table that holds the file, None for a file without rows.
    mapping
        Of a table: which of its columns was taken for which of ours.
    """

    file: str
    table: str
    store: str
    format: str = ""
    read: int = 0
    passed: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: int = 0
    quarantined: int = 0
    unresolved: int = 0
    quarantine: str | None = None
    version: int | None = None
    mapping: dict[str, str] = field(default_factory=dict)

    def sentence(self) -> str:
        """Say it in one sentence.

        Examples
        --------
        >>> told = Ingested("a.json", "posts", "store", "telethon", read=3, new=2, quarantined=1)
        >>> told.sentence()
        'a.json (telethon): 3 records read; posts: 2 new, 0 changed, 0 unchanged; 1 quarantined.'
        """
        told = f"{self.file} ({self.format}): {self.read:,} records read; {self.table}: "
        told += f"{self.new:,} new, {self.changed:,} changed, {self.unchanged:,} unchanged"
        for count, what in (
            (self.repeated, "repeated in the file"),
            (self.passed, f"no {self.table}"),
            (self.unresolved, "in places that no gazetteer knows"),
            (self.quarantined, "quarantined"),
        ):
            told += f"; {count:,} {what}" if count else ""
        return f"{told}." if self.quarantine is None else f"{told}, see {self.quarantine}."


def ingest(
    table: Literal["posts", "events"],
    file: str | Path,
    store: Store,
    *,
    on_error: OnError = "quarantine",
    quarantine: str | Path | None = None,
    progress: Callable[[float, IngestResult], None] | None = None,
    batch: int = BATCH,
    **options: Any,
) -> IngestResult:
    """Put a file of posts or events into a store, batch by batch.

    Parameters
    ----------
    table
        ``posts`` or ``events``.
    file
        Any file that `read_posts` or `read_events` reads.
    store
        Where to.
    on_error
        ``"quarantine"`` keeps bad records in a file of JSON lines beside; ``"raise"`` stops at the
        first one. Batches before it are then in the store, and come to no harm by a second run.
    quarantine
        That file; by default it lies in the store's folder, under ``quarantine``, one for each
        file that was read. It is written when all is read, and is gone when a later run of the
        same file finds nothing bad.
    progress
        Is called after each batch with the share of the file that is read, and the counts so far.
    batch
        How many posts are put in at once, about: each batch is a version of the store.
    **options
        ``format``, ``timezone``, ``columns``, for posts ``account``, for events ``persistence``.

    Returns
    -------
    Ingested

    Raises
    ------
    TableError
        As `read_posts` and `read_events` do.
    StoreError
        If the store cannot be written, or its quarantine is in no folder.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from foxgrape import Store
    >>> from foxgrape._util.resources import study_folder
    >>> file, store = study_folder("izium-2022") / "posts.csv", Store(mkdtemp())
    >>> ingest("posts", file, store).new
    61
    >>> ingest("posts", file, store).unchanged
    61
    """
    told, key = IngestResult(str(file), table, store.path), schemas.KEYS[table][0][0]
    seen, aside = _RepeatFilter(), _QuarantineWriter(*_beside(file, store, quarantine))
    with aside:
        for rows, done in _ahead(_batches(table, file, on_error, batch, options)):
            told.format = rows.attrs.get("format", table)
            told.mapping = rows.attrs.get("mapping", {})
            told.read += rows.attrs.get("read", len(rows))
            told.passed += rows.attrs.get(f"no_{table}", 0)
            told.repeated += rows.attrs.get("repeated", 0)
            told.unresolved += sum(place["rows"] for place in rows.attrs.get("unresolved", []))
            aside.add(rows.attrs.get("quarantine", []))
            again = seen.perhaps(rows[key])
            if again.any():
                # What the file said before is in the store; of its own columns others may change.
                news = store.compare(table, rows.loc[again, schemas.columns(table)])
                again[again] = news != "new"
                differing = _bad(rows[again][(news[news != "new"] == "changed").to_numpy()], key)
                if differing and on_error == "raise":
                    raise TableError(differing[0]["reason"], file=file, got=differing[0]["raw"])
                told.repeated += int(again.sum()) - len(differing)
                aside.add(differing)
            _put(told, store, rows[~again])
            if progress is not None:
                progress(done, told)
    told.quarantined = aside.count
    told.quarantine = str(aside.path) if aside.count else None
    return told


def _batches(
    table: str, file: str | Path, on_error: OnError, batch: int, options: dict[str, Any]
) -> Iterator[tuple[pd.DataFrame, float]]:
    """Return the file's rows, and which share of the file is read so far."""
    if table == "events":
        yield read_events(file, on_error=on_error, **options), 1.0
        return
    if table != "posts":
        raise StoreError("no such table to ingest", got=table, expected="posts or events")
    done = [0.0]
    parts = iter_posts(file, on_error=on_error, batch=batch, progress=done.append, **options)
    for rows in parts:
        yield rows, done[-1]


def _ahead(parts: Iterator[T]) -> Iterator[T]:
    """Read one part ahead, while the one before is put in."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, parts, None)
        while (part := coming.result()) is not None:
            coming = reader.submit(next, parts, None)
            yield part


def _put(told: IngestResult, store: Store, rows: pd.DataFrame) -> None:
    if rows.empty:
        return
    put = store.upsert(told.table, rows)
    told.version = put.version
    told.new += put.new
    told.changed += put.changed
    told.unchanged += put.unchanged


def _bad(rows: pd.DataFrame, key: str) -> list[dict[str, Any]]:
    """Return rows that say something else than the file did before as bad records."""
    reason = f"this {key} stands in the file already, with other content"
    return [
        {"record": None, "column": key, "reason": reason, "raw": row.to_json(date_format="iso")}
        for _, row in rows.iterrows()
    ]


class _RepeatFilter:
    """The keys of a file by their hashes: a list of texts would outgrow the memory."""

    def __init__(self) -> None:
        self._runs: list[npt.NDArray[np.int64]] = []

    def perhaps(self, keys: pd.Series) -> npt.NDArray[np.bool_]:
        """Tell which keys may have stood in an earlier batch, and remember all."""
        marks = np.fromiter(map(hash, keys.tolist()), "int64", len(keys))
        again = np.zeros(len(marks), dtype="bool")
        for run in self._runs:
            again |= run[np.searchsorted(run, marks).clip(max=len(run) - 1)] == marks
        # Sorted runs, each much shorter than the one before, so that there are few.
        while self._runs and len(self._runs[-1]) <= 2 * len(marks):
            marks = np.append(self._runs.pop(), marks)
        if len(marks):
            self._runs.append(np.sort(marks))
        return again


class _QuarantineWriter:
    """A file of bad records, written beside and moved into place when all is read.

    Parameters
    ----------
    root, names
        The folder that the user named, and the folders and the file from there on. None of them
        may be a link.
    """

    def __init__(self, root: Path, *names: str) -> None:
        self.path = root.joinpath(*names)
        self.count = 0
        self._root = root
        self._folders, self._name = names[:-1], names[-1]
        self._part = f"{self._name}.{os.getpid()}.part"
        self._handle: IO[str] | None = None

    def __enter__(self) -> Self:
        with suppress(FileNotFoundError), self._folder() as folder:
            clear_parts(folder, self._name, b'{"record": ')
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._handle is not None:
            self._handle.close()
        with suppress(FileNotFoundError), self._folder() as folder:
            if kind is not None:
                folder.unlink(self._part)
            elif self.count:
                folder.rename(self._part, self._name)
            else:
                folder.unlink(self._name)

    def add(self, records: list[dict[str, Any]]) -> None:
        """Write bad records down."""
        if not records:
            return
        if self._handle is None:
            with self._folder(make=True) as folder:
                self._handle = io.TextIOWrapper(
                    folder.create(self._part), encoding="utf-8", errors="replace"
                )
        self._handle.writelines(
            json.dumps(record, ensure_ascii=False, default=str) + "\n" for record in records
        )
        self.count += len(records)

    @contextmanager
    def _folder(self, *, make: bool = False) -> Iterator[Directory]:
        try:
            with directory_at(self._root, *self._folders, make=make) as folder:
                yield folder
        except FileNotFoundError:
            raise
        except OSError as error:
            why = f"bad records cannot be kept: {error.strerror or error}"
            raise StoreError(why, file=self.path) from None


def _beside(
    file: str | Path, store: Store, quarantine: str | Path | None
) -> tuple[Path, *tuple[str, ...]]:
    """Return where bad records are kept: a folder of the user's, and the names from there on."""
    if quarantine is not None:
        return Path(quarantine).parent, Path(quarantine).name
    if "://" in store.path:
        raise StoreError(
            "the store is no folder, where shall bad records be kept?",
            file=store.path,
            hint="quarantine= names a file",
        )
    # Many exports are called result.json: the whole path tells one from another.
    mark = hashlib.sha256(str(Path(file).absolute()).encode("utf-8", "surrogateescape"))
    name = f"{Path(file).name}-{mark.hexdigest()[:8]}.jsonl"
    return Path(store.path), "quarantine", name
