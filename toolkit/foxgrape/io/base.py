"""Formats: what all readers share, from an opened door to a checked table with its quarantine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pandas as pd

from foxgrape import schemas, times
from foxgrape.errors import TableError, did_you_mean
from foxgrape.io.batches import RowBatch, collect_rows
from foxgrape.io.json_records import key_paths
from foxgrape.io.tabular import header, separator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from foxgrape.io.stream import InputFile, Record

__all__ = [
    "FilePart",
    "OnError",
    "ReadContext",
    "Reader",
    "detect_format",
    "iter_frames",
    "quarantined",
    "validate_options",
]

OnError = Literal["raise", "quarantine"]


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What the caller knows and the file may not.

    Attributes
    ----------
    path
        Named in errors.
    account
        For posts: the account, where the file does not name it.
    timezone
        The zone of times without an offset.
    columns
        For tables: their column for each of ours.
    persistence
        For changes of control: how long a change must last to count.
    told
        What a reader found out about the file, for the frame's attrs.
    """

    path: object
    account: str | None = None
    timezone: str | None = None
    columns: Mapping[str, str] | None = None
    persistence: timedelta = timedelta(0)
    told: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part of a file: records to be read one by one, or rows that are read already.

    Attributes
    ----------
    records
        In the order of the file.
    rows
        One for each record, in the table's schema; None where records are to be read.
    after
        The number of the last record before this part.
    """

    records: Iterable[Record] = ()
    rows: pd.DataFrame | None = None
    after: int = 0


class Reader(ABC):
    """A format: how to know it, cut it into records, and turn one into rows of its table.

    Attributes
    ----------
    name
        As in ``read_posts(format=...)`` and ``read_events(format=...)``.
    extra
        Columns beyond the table's own, with their types.
    """

    name: ClassVar[str]
    extra: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def recognise(self, door: InputFile, shape: frozenset[tuple[str, ...]]) -> bool:
        """Tell whether the content is in this format, by its beginning."""

    @abstractmethod
    def records(self, door: InputFile, context: ReadContext) -> Iterator[Record]:
        """Cut the content into records."""

    @abstractmethod
    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Turn a record into rows: none where it is none of the table's."""

    def parts(self, door: InputFile, context: ReadContext, size: int) -> Iterator[FilePart]:  # noqa: ARG002
        """Cut the content into parts of about `size` records; by default there is one."""
        yield FilePart(self.records(door, context))

    def closing(self, context: ReadContext) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return the rows that only the whole file tells, once it is read."""
        return []


def validate_options(door: InputFile, timezone: str | None, on_error: str) -> None:
    """Refuse options that cannot work, whatever the file holds."""
    if on_error not in {"raise", "quarantine"}:
        raise TableError(
            "no such on_error", file=door.path, got=on_error, expected="raise or quarantine"
        )
    try:
        times.get_zone(timezone or "UTC")
    except ValueError:
        raise TableError.unknown_timezone(timezone, file=door.path) from None


def detect_format(
    door: InputFile,
    name: str | None,
    columns: Mapping[str, str] | None,
    formats: Mapping[str, Reader],
    table: str,
) -> Reader | None:
    """Return the format of a file by its name or content; None for CSV of the table itself.

    Where the caller tells columns, it is a table.

    Raises
    ------
    TableError
        If there is no such format, or the content is in none of them.
    """
    if name is None and columns is not None:
        return formats["table"]
    if name is not None:
        if name != table and name not in formats:
            raise TableError(
                f"no such format of {table}",
                file=door.path,
                got=name,
                hint=did_you_mean(name, [*formats, table]),
            )
        return formats.get(name)
    if _is_own(door, table):
        return None
    paths = key_paths(door.head) if door.head.lstrip()[:1] in {b"{", b"["} else frozenset()
    for found in formats.values():
        if found.recognise(door, paths):
            return found
    raise TableError(
        "the format cannot be told from the content",
        file=door.path,
        expected=f"one of {', '.join(formats)}",
        got=door.head[:40],
        hint="text must be UTF-8; format= names the format",
    )


def _is_own(door: InputFile, table: str) -> bool:
    """Tell whether a CSV file's header is that of the table itself: its key and an interval."""
    key, clock = schemas.KEYS[table]
    names = set(header(door))
    interval = {clock, clock.replace("_at", "_until")}
    return separator(door) == "," and key[0] in names and bool(interval & names)


def iter_frames(
    door: InputFile,
    found: Reader,
    context: ReadContext,
    table: str,
    *,
    on_error: OnError,
    batch: int | None = None,
) -> Iterator[pd.DataFrame]:
    """Return the rows of a file as checked frames of about `batch` records, by default as one.

    Their attrs say the ``format``, how many records were ``read``, how many of them were none of
    the table's (``no_posts``, ``no_events``) or ``repeated`` a row, and the ``quarantine``.
    """
    if batch is None:
        plain = _plain(door, found, context, table)
        whole = FilePart(found.records(door, context)) if plain is None else FilePart(rows=plain)
        parts: Iterable[FilePart] = [whole]
    else:
        parts = found.parts(door, context, batch)
    for part in parts:
        if part.rows is not None:
            yield _told(part.rows, RowBatch(), found, context, table, read=len(part.rows))
            continue
        for gathered in collect_rows(
            part.records,
            lambda value: found.rows(value, context),
            lambda: found.closing(context),
            key=schemas.KEYS[table][0][0],
            own=schemas.columns(table),
            file=door.path,
            quarantine=on_error == "quarantine",
            batch=batch,
            after=part.after,
        ):
            # What ends together with its part leaves nothing behind it; what breaks there, a word.
            if batch is not None and not gathered.read and not gathered.quarantine:
                continue
            extra = {**found.extra, **context.told.get("extra", {})}
            rows = _frame_of(gathered.rows, extra, table, door.path)
            yield _told(rows, gathered, found, context, table, read=gathered.read)


#: How many records are read at once where all are asked for.
_PART = 50_000


def _plain(door: InputFile, found: Reader, context: ReadContext, table: str) -> pd.DataFrame | None:
    """Return the rows of a file of plain parts only, in which no key stands twice; else None."""
    read = []
    for part in found.parts(door, context, _PART):
        if part.rows is None:
            return None
        read.append(part.rows)
    rows = pd.concat(read, ignore_index=True) if read else None
    return rows if rows is not None and rows[schemas.KEYS[table][0][0]].is_unique else None


def _told(
    rows: pd.DataFrame,
    gathered: RowBatch,
    found: Reader,
    context: ReadContext,
    table: str,
    read: int,
) -> pd.DataFrame:
    """Return the rows with what is told of their reading in the attrs."""
    told: dict[str, Any] = {
        "format": found.name,
        "read": read,
        f"no_{table}": gathered.passed,
        "repeated": gathered.repeated,
        "quarantine": gathered.quarantine,
    }
    if "mapping" in context.told:
        told["mapping"] = dict(context.told["mapping"])
    rows.attrs.update(told)
    return rows


def _frame_of(
    rows: list[dict[str, Any]], extra: Mapping[str, str], table: str, file: object
) -> pd.DataFrame:
    """Return rows as a checked table, with the format's own columns after the table's."""
    frame = pd.DataFrame(
        {
            name: pd.Series([made.get(name) for made in rows], dtype=dtype)
            for name, dtype in {**schemas.dtypes(table), **extra}.items()
        }
    )
    return schemas.validate(frame, table, file=file)


def quarantined(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the bad records beside a frame as a table of their own.

    Parameters
    ----------
    frame
        As `read_posts` or `read_events` returned it; ``pd.concat`` keeps attrs only where all
        frames have the same.

    Returns
    -------
    DataFrame
        ``record`` (its number; for files of lines the line), ``column``, ``reason``, ``raw``
        (the start of the record).

    Examples
    --------
    >>> len(quarantined(pd.DataFrame()))
    0
    """
    dtypes = {"record": "int64", "column": "str", "reason": "str", "raw": "str"}
    return pd.DataFrame(frame.attrs.get("quarantine", []), columns=pd.Index(dtypes)).astype(dtypes)
