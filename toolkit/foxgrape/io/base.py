"""Shared by all readers: detect a file's format, and turn its records into a checked table."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pandas as pd

from foxgrape import schemas, times
from foxgrape._util.formatting import counted
from foxgrape.errors import TableError, did_you_mean
from foxgrape.io.convert import reject_invalid_unicode
from foxgrape.io.file_kinds import file_kind
from foxgrape.io.json_records import iter_records, json_preview, key_paths
from foxgrape.io.stream import BadRecordError, CorruptFileError
from foxgrape.io.tabular import header, separator, table_kind

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from foxgrape.io.stream import InputFile, Record

__all__ = [
    "FilePart",
    "Note",
    "OnError",
    "QuarantineWarning",
    "ReadContext",
    "ReadReport",
    "Reader",
    "detect_format",
    "iter_frames",
    "make_post",
    "note_unread",
    "validate_options",
    "warn_quarantined",
]

OnError = Literal["raise", "quarantine"]

#: Number of records per part when a file is read into a single table.
_PART_SIZE = 50_000
#: Number of characters of a bad record's text that the quarantine keeps.
_RAW = 2_000
_ENTITY = "a character is written as a number, as in HTML, and is not decoded: a code may be missed"
_QUARANTINE = {"record": "int64", "column": "str", "reason": "str", "raw": "str"}
_UNRESOLVED = {
    **dict.fromkeys(("place_id", "place", "admin1"), "str"),
    **dict.fromkeys(("lat", "lon"), "float64"),
    "rows": "int64",
    "reason": "str",
}


class QuarantineWarning(UserWarning):
    """Bad records were left out of a table, and the caller did not ask for a report of them."""


@dataclass(slots=True)
class Note:
    """What a reader left out, repaired or reinterpreted: how often, and the first example.

    Attributes
    ----------
    what
        What was done, in a few words, such as ``the text is cut off``.
    count
        How many records it concerns.
    record, example
        Number of the first such record, and the value there.
    """

    what: str
    count: int = 0
    record: int | None = None
    example: str = ""


@dataclass(frozen=True, slots=True)
class ReadReport:
    """How the records of a file, or of one batch of it, were read.

    Attributes
    ----------
    format
        Name of the format.
    records_read
        Number of records, good and bad.
    skipped
        Records that are not posts or events, such as service messages.
    repeated
        Rows left out because an earlier record has the same key and content.
    quarantine
        The bad records, as dictionaries with the keys ``record`` (the record's number; in a file of
        lines, the line number), ``column``, ``reason`` and ``raw`` (the record's first 2,000
        characters).
    mapping
        For tables of other tools: a dictionary from foxgrape's column names to the file's.
    unresolved
        For events: places that could not be matched to the gazetteer, the most frequent first, as
        dictionaries with the keys ``place_id`` (the source's id, or an id made from its name for
        the place), ``place``, ``admin1``, ``lat``, ``lon``, ``rows`` (the number of events there)
        and ``reason``.
    notes
        What was left out, repaired or reinterpreted, one `Note` per kind.

    Examples
    --------
    >>> from foxgrape import read_posts
    >>> from foxgrape._util.files import study_folder
    >>> file = study_folder("izium-2022") / "posts.csv"
    >>> posts, report = read_posts(file, with_report=True)
    >>> report.records_read, len(report.quarantine_frame())
    (61, 0)
    """

    format: str
    records_read: int = 0
    skipped: int = 0
    repeated: int = 0
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    mapping: dict[str, str] = field(default_factory=dict)
    unresolved: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def quarantine_frame(self) -> pd.DataFrame:
        """Return the bad records as a table with fixed columns."""
        columns = pd.Index(_QUARANTINE)
        return pd.DataFrame(self.quarantine, columns=columns).astype(_QUARANTINE)

    def unresolved_frame(self) -> pd.DataFrame:
        """Return the unresolved places as a table with fixed columns."""
        columns = pd.Index(_UNRESOLVED)
        return pd.DataFrame(self.unresolved, columns=columns).astype(_UNRESOLVED)


def warn_quarantined(path: object, count: int, first: Mapping[str, Any]) -> None:
    """Warn that bad records were left out; the warning points to the reader's caller."""
    column = f", column {first['column']}" if first["column"] else ""
    warnings.warn(
        f"{path}: {counted(count, 'bad record')} left out; the first is record "
        f"{first['record']}{column}: {first['reason']}. Pass with_report=True to get them.",
        QuarantineWarning,
        stacklevel=3,
    )


@dataclass(slots=True)
class ReadContext:
    """The caller's options for one file, and the reader's state while it reads the file."""

    #: Path of the file, for error messages.
    path: object
    account: str | None = None
    timezone: str | None = None
    #: For tables: the caller's dictionary from our column names to the file's.
    columns: Mapping[str, str] | None = None
    #: For lists of territorial control: how long a new state of control must last to count.
    persistence: timedelta = timedelta(0)
    #: For tables: the dictionary in use, from the caller's choice and from common column names.
    mapping: dict[str, str] = field(default_factory=dict)
    #: For tables: the types of the file's other columns, by name.
    extra_columns: dict[str, str] = field(default_factory=dict)
    #: Other values that a reader keeps between records, by name.
    state: dict[str, Any] = field(default_factory=dict)
    #: Number of the record being converted.
    record: int | None = None
    #: What was left out, repaired or reinterpreted since the last batch, by `Note.what`.
    notes: dict[str, Note] = field(default_factory=dict)

    def note(self, what: str, example: object = "", count: int = 1) -> None:
        """Count something that the reader leaves out, repairs or reinterprets."""
        if what not in self.notes:
            self.notes[what] = Note(what, 0, self.record, f"{example!s:.80}")
        self.notes[what].count += count

    def take_notes(self) -> list[Note]:
        """Return the notes since the last batch, and clear them."""
        notes, self.notes = list(self.notes.values()), {}
        return notes


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part of a file: either records to convert one by one, or a finished table."""

    records: Iterable[Record] = ()
    #: One row per record, in the table's schema; None if `records` are to be converted.
    frame: pd.DataFrame | None = None
    #: Number of the last record before this part.
    offset: int = 0


class Reader(ABC):
    """Reads one file format: recognizes it, splits it into records, and converts them to rows."""

    #: Name to pass as ``format`` to `read_posts` or `read_events`.
    name: ClassVar[str]
    #: Types of the columns that this format adds to the table's own.
    extra: ClassVar[Mapping[str, str]] = {}
    #: Names that the tool gives to the files of an export, to find them in a folder or archive.
    members: ClassVar[re.Pattern[str] | None] = None

    @abstractmethod
    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:
        """Return whether the file's first bytes or its JSON key paths identify this format."""

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Split the file into records; by default, JSON lines or the elements of a JSON array."""
        with file.open() as stream:
            yield from iter_records(stream, file.head)

    @abstractmethod
    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Convert a record to rows; no rows if the record is not a post or event."""

    def parts(self, file: InputFile, context: ReadContext, size: int) -> Iterator[FilePart]:  # noqa: ARG002
        """Split the file into parts of about `size` records; one part by default."""
        yield FilePart(self.all_records(file, context))

    def all_records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:
        """Yield the records of a file and of the files that continue it, numbered throughout."""
        number = 0
        for part in (file, *file.continued):
            offset = number
            for record in self.records(part, context):
                number = offset + record.number
                yield replace(record, number=number) if offset else record

    def finish(self, context: ReadContext) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return the rows that can be determined only after all records are read."""
        return []


def validate_options(file: InputFile, timezone: str | None, on_error: str) -> None:
    """Raise `TableError` if `timezone` or `on_error` is invalid."""
    if on_error not in {"raise", "quarantine"}:
        raise TableError("on_error must be 'raise' or 'quarantine'", file=file.path, got=on_error)
    try:
        times.get_zone(timezone or "UTC")
    except ValueError:
        raise TableError.unknown_timezone(timezone, file=file.path) from None


def detect_format(
    file: InputFile,
    name: str | None,
    columns: Mapping[str, str] | None,
    formats: Mapping[str, Reader],
    table: str,
) -> Reader | None:
    """Return the reader for a file, by name or by content; None for CSV in the table's own schema.

    If `columns` are given without a name, the format is ``table``.
    """
    if name is None and columns is not None:
        return formats["table"]
    if name is not None:
        if name != table and name not in formats:
            raise TableError(
                f"unknown format of {table}",
                file=file.path,
                got=name,
                hint=did_you_mean(name, [*formats, table]),
            )
        return formats.get(name)
    if _has_schema_header(file, table):
        return None
    paths = key_paths(file.head) if file.head.lstrip()[:1] in {b"{", b"["} else frozenset()
    for reader in formats.values():
        if reader.name != "table" and reader.matches(file, paths):
            return reader
    # Nearly any text looks like a table, so that known files of other kinds are rejected first.
    kind = None if table_kind(file) == "excel" else file_kind(file.head, paths)
    if kind is not None:
        raise TableError(f"cannot read {kind.name}", file=file.path, hint=kind.hint)
    if formats["table"].matches(file, paths):
        return formats["table"]
    raise TableError(
        "cannot detect the format",
        file=file.path,
        expected=f"one of {', '.join(formats)}",
        got=file.head[:40],
        hint="pass format=, and save text as UTF-8",
    )


def _has_schema_header(file: InputFile, table: str) -> bool:
    """Return whether the file is comma-separated, with the table's key column and a time column."""
    key, clock = schemas.KEYS[table]
    names = set(header(file))
    interval = {clock, clock.replace("_at", "_until")}
    return separator(file) == "," and key[0] in names and bool(interval & names)


def iter_frames(
    file: InputFile,
    reader: Reader,
    context: ReadContext,
    table: str,
    *,
    on_error: OnError,
    batch: int | None = None,
) -> Iterator[tuple[pd.DataFrame, ReadReport]]:
    """Yield validated tables of about `batch` records, with reports; by default a single table."""
    for part in _file_parts(file, reader, context, table, batch):
        if part.frame is not None:
            _note_entities(part.frame, table, context)
            yield (
                part.frame,
                ReadReport(
                    reader.name,
                    len(part.frame),
                    mapping=dict(context.mapping),
                    notes=context.take_notes(),
                ),
            )
            continue
        for rows in _collect_rows(part, reader, context, table, on_error, batch):
            # Skip an empty last batch of a part; without `batch`, yield even an empty table.
            if batch is not None and not rows.records_read and not rows.quarantine:
                continue
            dtypes = {**schemas.dtypes(table), **reader.extra, **context.extra_columns}
            frame = pd.DataFrame(
                {
                    name: pd.Series([row.get(name) for row in rows.rows], dtype=dtype)
                    for name, dtype in dtypes.items()
                }
            )
            _note_entities(frame, table, context)
            report = ReadReport(
                reader.name,
                rows.records_read,
                rows.skipped,
                rows.repeated,
                rows.quarantine,
                dict(context.mapping),
                notes=context.take_notes(),
            )
            yield schemas.validate(frame, table, file=file.path), report


def _note_entities(frame: pd.DataFrame, table: str, context: ReadContext) -> None:
    """Note the texts of posts with numbers of characters, such as ``&#127815;``, as in HTML."""
    if table != "posts":
        return
    texts = frame["text"]
    likely = texts[texts.str.contains("&#", regex=False, na=False)]
    encoded = likely[likely.str.contains(r"&#(?:\d+|[xX][0-9a-fA-F]+);", na=False)]
    if not encoded.empty:
        context.record = None
        context.note(_ENTITY, encoded.iloc[0], len(encoded))


def _file_parts(
    file: InputFile, reader: Reader, context: ReadContext, table: str, batch: int | None
) -> Iterable[FilePart]:
    """Return the parts of a file; without `batch`, a single part for the entire file.

    This part is a finished table if all parts are, and no key occurs in two of them.
    """
    if batch is not None:
        return reader.parts(file, context, batch)
    frames = []
    for part in reader.parts(file, context, _PART_SIZE):
        if part.frame is None:
            break
        frames.append(part.frame)
    else:
        frame = pd.concat(frames, ignore_index=True) if frames else None
        if frame is not None and frame[schemas.KEYS[table][0][0]].is_unique:
            return [FilePart(frame=frame)]
    return [FilePart(reader.all_records(file, context))]


def _collect_rows(
    part: FilePart,
    reader: Reader,
    context: ReadContext,
    table: str,
    on_error: OnError,
    batch: int | None,
) -> Iterator[_RowBatch]:
    """Yield the rows of a part's records, about `batch` rows and bad records at a time."""
    path = context.path if on_error == "raise" else None
    rows, number = _RowBatch(table, path), part.offset
    try:
        for record in part.records:
            number = context.record = record.number
            rows.records_read += 1
            try:
                if record.error is not None:
                    raise record.error
                rows.add(number, reader.rows(record.value, context))
            except BadRecordError as error:
                rows.reject(number, error, record.raw)
            except OverflowError as error:  # date arithmetic beyond year 9999
                rows.reject(number, BadRecordError(f"date out of range: {error}"), record.raw)
            if batch is not None and len(rows.rows) + len(rows.quarantine) >= batch:
                yield rows
                rows = _RowBatch(table, path)
    except CorruptFileError as error:
        reason = f"the rest of the file cannot be read: {error}"
        rows.reject(number + 1, BadRecordError(reason), "")
    for row in reader.finish(context):
        try:
            rows.add(number, [row])
        except BadRecordError as error:
            rows.reject(number, error, json_preview(row))
    yield rows


class _RowBatch:
    """Rows of one batch, its bad records and its counts.

    Two rows with the same key must agree in the columns of `table`; other columns, such as view
    counts, may differ. Keys are compared only within a batch, so that memory does not grow with the
    file. If `path` is given, the first bad record raises `TableError`, with `path` in its message.
    """

    def __init__(self, table: str, path: object | None) -> None:
        self.rows: list[dict[str, Any]] = []
        self.quarantine: list[dict[str, Any]] = []
        self.records_read = self.skipped = self.repeated = 0
        self._path = path
        self._key, self._compared = schemas.KEYS[table][0][0], schemas.columns(table)
        self._seen: dict[Any, tuple[int, dict[str, Any]]] = {}

    def add(self, number: int, rows: list[dict[str, Any]]) -> None:
        """Add a record's rows; if one of them is bad, raise `BadRecordError` and add none."""
        self.skipped += not rows
        new = []
        for row in rows:
            if row[self._key] not in self._seen:
                new.append(row)
                continue
            first_number, first = self._seen[row[self._key]]
            if any(first.get(name) != row.get(name) for name in self._compared):
                raise BadRecordError(
                    f"record {first_number} has the same {self._key} with other content", self._key
                )
            self.repeated += 1
        self._seen.update((row[self._key], (number, row)) for row in new)
        self.rows += new

    def reject(self, number: int, error: BadRecordError, raw: str) -> None:
        """Quarantine a record; if `path` was given, raise `TableError` instead."""
        if self._path is not None:
            hint = 'on_error="quarantine" keeps the good records and collects the bad ones'
            raise TableError(
                error.reason, file=self._path, row=number, column=error.column, hint=hint
            ) from None
        self.quarantine.append(
            {"record": number, "column": error.column, "reason": error.reason, "raw": raw[:_RAW]}
        )


def note_unread(file: InputFile, name: str, context: ReadContext) -> None:
    """Note that the next file of an export lies beside the file that the caller named."""
    if not file.continued and file.sibling(name) is not None:
        context.note(f"{name} beside the file was not read; pass the folder to read both", name)


def make_post(
    *,
    post_id: str,
    platform: str | None,
    account: object,
    posted: tuple[datetime, datetime],
    text: str | None,
    lang: object = None,
    url: object = None,
    repost: bool | None = None,
    edited_at: datetime | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """Return a row of the posts table; raise `BadRecordError` for invalid account or text."""
    if not isinstance(account, str) or not account.strip():
        raise BadRecordError("the record does not name its account; pass account=", "account")
    row = {
        "post_id": post_id,
        "platform": platform,
        "account": account,
        "posted_at": posted[0],
        "posted_until": posted[1],
        "text": text,
        "lang": lang if isinstance(lang, str) and lang else None,
        "url": url if isinstance(url, str) and url else None,
        "repost": repost,
        "edited_at": edited_at,
        **extra,
    }
    reject_invalid_unicode(row)
    return row
