"""Partitions of posts in Parquet files or a store, and the detection of one partition's signals."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from foxgrape import schemas, times
from foxgrape._util.regular_files import open_regular
from foxgrape.detection.detect import CodeOccurrences, PostColumns, detect_without_surprisal
from foxgrape.errors import StoreError
from foxgrape.io.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape._util.typing import IntArray
    from foxgrape.detection.detect import Edits
    from foxgrape.places import Codebook

__all__ = [
    "Partition",
    "RowGroupRange",
    "detect_partition",
    "read_earlier_posts",
    "row_group_ranges",
]

_COLUMNS = ["post_id", "platform", "account", "posted_at", "posted_until", "text", "repost"]
_COLUMNS += ["edited_at"]


@dataclass(frozen=True, slots=True)
class RowGroupRange:
    """Row groups of a Parquet file that are read together."""

    file: str
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Partition:
    """The signals of some row groups, and what their surprisal depends on.

    Attributes
    ----------
    signals
        The signals table without surprisal.
    occurrences
        For each signal, the columns of `CodeOccurrences`; ``row`` counts from the partition's first
        post, and ``stream`` and ``code`` are hashes.
    history
        For each post, its stream, the latest instant at which it may have been posted (``end``) and
        the hash of its key.
    """

    signals: pd.DataFrame
    occurrences: pd.DataFrame
    history: pd.DataFrame


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
            os.close(open_regular(str(file), os.O_RDONLY))  # Arrow would wait for a named pipe
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
    """Raise `StoreError` with the file's name if Arrow cannot read the file."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StoreError("cannot be read as Parquet", file=file, got=error) from None


def _parquet_files(source: Path) -> list[Path]:
    if (source / "posts" / "_delta_log").is_dir():
        # The folder may also hold files of earlier versions; read only the current version's.
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


def read_earlier_posts(source: str | Path) -> pd.DataFrame | None:
    """Return the earlier versions of edited posts in a store; None if there are none."""
    if not (Path(source) / "earlier_posts" / "_delta_log").is_dir():
        return None
    return Store(source).read("earlier_posts")


def detect_partition(
    part: RowGroupRange,
    codebook: Codebook | None = None,
    *,
    mentions: bool = False,
    edits: Edits = "interval",
    known_from: pd.Series | None = None,
) -> Partition:
    """Detect the signals of one partition, in this process or on a worker."""
    with _parquet_errors(part.file), pq.ParquetFile(part.file) as file:
        names = [name for name in _COLUMNS if name in file.schema_arrow.names]
        table = file.read_row_groups(list(part.groups), columns=names)
    posts = PostColumns.from_table(table.to_pandas(), edits=edits)
    signals = detect_without_surprisal(posts, codebook, mentions=mentions, known_from=known_from)
    row = signals.pop("row").to_numpy()
    # Hashes of an account or a code agree across partitions; factorized numbers would not.
    repost = posts.table["repost"].fillna(value=False).to_numpy(dtype=np.bool_)
    stream = 2 * _hashes(posts.table["account"]) + repost
    occurrences = CodeOccurrences(
        row,
        stream[row],
        posts.posted_at[row],
        times.microseconds(signals["posted_until"]),
        _hashes(signals["code"]),
    )
    history = {
        "stream": stream,
        "end": times.microseconds(posts.table["posted_until"]),
        "post": _key_hashes(posts.table),
    }
    return Partition(signals, pd.DataFrame(occurrences._asdict()), pd.DataFrame(history))


def _hashes(column: pd.Series) -> IntArray:
    return pd.util.hash_array(column.to_numpy(dtype=object)).view(np.int64)


def _key_hashes(posts: pd.DataFrame) -> IntArray:
    """Return a hash of each post's key, in which missing values are equal."""
    keys = posts[schemas.KEYS["posts"][0]]
    return pd.util.hash_pandas_object(keys, index=False).to_numpy().view(np.int64)
