"""Detection part by part: what a worker does with one stretch of a file, and what joins them.

A part tells its signals without their surprisal, and what all its posts add to the past of their
accounts. The surprisal of all signals is told when every part is there, from the past of all
posts, so it is that of one call over them.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from foxgrape import schemas, times
from foxgrape._util.files import write_atomic
from foxgrape.detection.detect import detect_without_surprisal
from foxgrape.detection.surprisal import CodeOccurrences, PostHistory, bits
from foxgrape.errors import StoreError, TableError
from foxgrape.io.store import Store
from foxgrape.places import Codebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Whole = npt.NDArray[np.int64]

__all__ = [
    "Part",
    "RowGroupRange",
    "detect_partition",
    "is_written",
    "keep",
    "merge_partitions",
    "row_group_ranges",
]

_READ = ["post_id", "platform", "account", "posted_at", "posted_until", "text", "repost"]
_READ += ["edited_at"]
#: Posts whose past is held at once when parts are joined, about: some 3 GB of it.
AT_ONCE = 50_000_000


@dataclass(frozen=True, slots=True)
class RowGroupRange:
    """Row groups of a file of Parquet that are read together."""

    file: str
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What was found in a stretch.

    Attributes
    ----------
    signals
        Without surprisal; ``row`` is the post's position in the stretch.
    past
        Of every post ``account``, ``repost``, ``posted_until`` and the hash of its id.
    """

    signals: pd.DataFrame
    past: pd.DataFrame


def row_group_ranges(source: str | Path, batch: int) -> list[RowGroupRange]:
    """Return the stretches of a file or folder of Parquet, or of the posts of a store.

    Raises
    ------
    StoreError
        If there is no such file, or it is no Parquet.
    """
    found = []
    for file in _files(Path(source)):
        with _reading(file):
            metadata = pq.read_metadata(file)
        groups: list[int] = []
        rows = 0
        for number in range(metadata.num_row_groups):
            size = metadata.row_group(number).num_rows
            if groups and rows + size > batch:
                found.append(RowGroupRange(str(file), tuple(groups)))
                groups, rows = [], 0
            groups.append(number)
            rows += size
        if groups:
            found.append(RowGroupRange(str(file), tuple(groups)))
    return found


@contextmanager
def _reading(file: str | Path) -> Iterator[None]:
    """Say in one line what cannot be read while the block runs."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StoreError("cannot be read as Parquet", file=file, got=error) from None


def _files(source: Path) -> list[Path]:
    if (source / "posts" / "_delta_log").is_dir():
        # Those that hold what stands there now; the others are earlier versions'.
        uris = Store(source).files("posts")
        return sorted(Path(unquote(uri.removeprefix("file://"))) for uri in uris)
    if source.is_dir():
        files = sorted(source.rglob("*.parquet"))
        if not files:
            raise StoreError("no Parquet in this folder, and no posts of a store", file=source)
        return files
    if not source.exists():
        raise StoreError("there is no such file or folder", file=source)
    return [source]


def detect_partition(
    stretch: RowGroupRange, codebook: Codebook | None = None, *, mentions: bool = False
) -> Part:
    """Detect in one stretch; every worker calls this, here or elsewhere."""
    with _reading(stretch.file), pq.ParquetFile(stretch.file) as file:
        names = [name for name in _READ if name in file.schema_arrow.names]
        table = file.read_row_groups(list(stretch.groups), columns=names)
    posts = schemas.validate(table.to_pandas(), "posts", fill=True)
    signals, row = detect_without_surprisal(
        posts, Codebook.default() if codebook is None else codebook, mentions
    )
    marks = pd.util.hash_array(posts["post_id"].to_numpy(dtype=object)).view(np.int64)
    past = posts[["account", "repost", "posted_until"]].assign(mark=marks)
    return Part(signals.assign(row=row), past)


def keep(part: Part, folder: Path, number: int) -> None:
    """Write a part down, so that it bears its name only when it is whole."""
    for name, frame in (("signals", part.signals), ("past", part.past)):
        write_atomic(_path(folder, name, number), partial(frame.to_parquet, index=False))


def is_written(folder: Path, number: int) -> bool:
    """Tell whether a part has been written down; what it adds to the past comes last."""
    return _path(folder, "past", number).is_file()


def _path(folder: Path, name: str, number: int) -> Path:
    return folder / f"{name}-{number:06}.parquet"


def merge_partitions(folder: Path, parts: int, out: Path) -> tuple[int, int]:
    """Join parts into one file of signals; return how many posts there were, and signals.

    The past of an account is that account's alone: accounts are dealt out into shares, as many as
    keep the posts of each at about `AT_ONCE`, and each share reads all parts once.

    Raises
    ------
    TableError
        If a post stands in the parts more than once.
    """
    posts, found = (
        sum(pq.read_metadata(_path(folder, name, part)).num_rows for part in range(parts))
        for name in ("past", "signals")
    )
    surprisal = np.empty(found)
    shares = -(-posts // AT_ONCE) or 1
    for share in range(shares):
        mine = _Share(folder, parts, share, shares)
        past = _past(mine)
        rows, carried = _carried(mine)
        surprisal[rows] = bits(past, carried)
    _write(folder, parts, surprisal, out)
    return posts, found


def _write(folder: Path, parts: int, surprisal: npt.NDArray[np.float64], out: Path) -> None:
    beside = out.with_name(f"{out.name}.{os.getpid()}.part")
    writer, at = None, 0
    for part in range(parts):
        signals = pd.read_parquet(_path(folder, "signals", part)).drop(columns="row")
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
class _Share:
    """The accounts that are joined together, numbered across parts as they appear."""

    folder: Path
    parts: int
    share: int
    shares: int
    number: dict[Any, int] = field(default_factory=dict)

    def of(self, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Tell which hashes are dealt to this share."""
        ours: npt.NDArray[np.bool_] = hashes % self.shares == self.share
        return ours

    def frames(self, name: str, columns: list[str]) -> Iterator[tuple[int, pd.DataFrame]]:
        """Yield the rows of each part, and how many came before."""
        first = 0
        for part in range(self.parts):
            frame = pd.read_parquet(_path(self.folder, name, part), columns=columns)
            yield first, frame
            first += len(frame)

    def habits(self, frame: pd.DataFrame) -> tuple[Whole, Whole]:
        """Return the rows that are of this share's accounts, and the habit of each."""
        position, accounts = pd.factorize(frame["account"])
        ours = self.of(pd.util.hash_array(np.asarray(accounts, dtype=object)))
        numbers = [
            self.number.setdefault(each, len(self.number)) if mine else 0
            for each, mine in zip(accounts, ours, strict=True)
        ]
        rows = np.flatnonzero(ours[position])
        repost = frame["repost"].fillna(value=False).to_numpy(dtype=np.bool_)
        return rows, 2 * np.array(numbers, np.int64)[position[rows]] + repost[rows]


def _past(mine: _Share) -> PostHistory:
    """Return what all posts of these accounts make of the past."""
    habits, ends, marks = [], [], []
    for _, frame in mine.frames("past", ["account", "repost", "posted_until", "mark"]):
        rows, habit = mine.habits(frame)
        habits.append(habit)
        ends.append(times.microseconds(frame["posted_until"])[rows])
        mark = frame["mark"].to_numpy()
        marks.append(mark[mine.of(mark.view(np.uint64))])
    _check_once(np.concatenate(marks))
    return PostHistory(np.concatenate(habits), np.concatenate(ends))


def _check_once(marks: Whole) -> None:
    marks.sort()
    if (marks[1:] == marks[:-1]).any():
        raise TableError(
            "a post stands in more than one part",
            column="post_id",
            expected="each post_id once",
            hint="put the files into a store first: foxgrape ingest posts",
        )


def _carried(mine: _Share) -> tuple[Whole, CodeOccurrences]:
    """Return which of all signals are of these accounts, and what they carry."""
    codes: dict[Any, int] = {}
    told = []
    names = ["row", "account", "repost", "posted_at", "posted_until", "edited_at", "code"]
    posts = 0
    for part, (first, frame) in enumerate(mine.frames("signals", names)):
        rows, habit = mine.habits(frame)
        end = times.microseconds(frame["posted_until"])
        edited = times.microseconds(frame["edited_at"].fillna(frame["posted_until"]))
        position, these = pd.factorize(frame["code"])
        code = np.array([codes.setdefault(each, len(codes)) for each in these], np.int64)
        told.append(
            (
                first + rows,
                posts + frame["row"].to_numpy()[rows],
                habit,
                times.microseconds(frame["posted_at"])[rows],
                np.maximum(end, edited)[rows],
                code[position[rows]],
            )
        )
        posts += pq.read_metadata(_path(mine.folder, "past", part)).num_rows
    at, *carried = (np.concatenate(column) for column in zip(*told, strict=True))
    return at, CodeOccurrences(*carried)
