"""Shared by all readers: detect a file's format, and turn its records into a checked table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pandas as pd

from foxgrape import schemas, times
from foxgrape.errors import TableError, did_you_mean, require_str
from foxgrape.io.convert import reject_invalid_unicode
from foxgrape.io.file_kinds import file_kind
from foxgrape.io.json_records import iter_records, json_preview, key_paths
from foxgrape.io.other_table import reject_other_table
from foxgrape.io.read_report import REST_UNREAD, Note, ReadReport
from foxgrape.io.row_batch import RowBatch
from foxgrape.io.stream import BadRecordError, CorruptFileError
from foxgrape.io.tabular import header, separator, table_kind

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

    from foxgrape.io.stream import InputFile, Record
    from foxgrape.io.written_times import DateOrder

__all__ = [
    "FilePart",
    "OnError",
    "ReadContext",
    "Reader",
    "choose_reader",
    "iter_frames",
    "make_post",
    "note_unread",
    "read_file",
]

OnError = Literal["raise", "quarantine"]

#: Number of records per part when a file is read into a single table.
_PART_SIZE = 50_000
#: No post of the platforms is older; earlier times come from empty cells and wrong clocks.
_FIRST_POST = datetime(1990, 1, 1, tzinfo=UTC)
_ENTITY = "a character is written as a number, as in HTML, and is not decoded: a code may be missed"


@dataclass(slots=True)
class ReadContext:
    """The caller's options for one file, and the reader's state while it reads the file."""

    #: Path of the file, for error messages.
    path: object
    account: str | None = None
    timezone: str | None = None
    #: For tables: the caller's dictionary from our column names to the file's; None or "" for a
    #: column that is not to be read.
    columns: Mapping[str, str | None] | None = None
    #: For tables: the order of numeric dates such as 10/09/2022.
    dates: DateOrder | None = None
    #: For tables: whether a time at midnight stands for the day, or is exact; None to decide from
    #: the column.
    midnight: Literal["day", "exact"] | None = None
    #: For lists of territorial control: how long a new state of control must last to count.
    persistence: timedelta = timedelta(0)
    #: For tables: the dictionary in use, from the caller's choice and from common column names.
    mapping: dict[str, str] = field(default_factory=dict)
    #: For tables: the types of the file's other columns, by name.
    extra_columns: dict[str, str] = field(default_factory=dict)
    #: Other values that a reader keeps between records, by name.
    state: dict[str, Any] = field(default_factory=dict)
    #: The file.
    file: InputFile | None = None
    #: Number of the record being converted.
    record: int | None = None
    #: What was left out, repaired or reinterpreted since the last batch, by `Note.what`.
    notes: dict[str, Note] = field(default_factory=dict)

    def note(self, what: str, example: object = "", count: int = 1, *, warn: bool = True) -> None:
        """Count something that the reader leaves out, repairs or reinterprets.

        With `warn`, a caller who asks for no report is warned, because the reader may be wrong.
        """
        if what not in self.notes:
            self.notes[what] = Note(what, 0, self.record, f"{example!s:.80}", warn)
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
    #: Whether the caller's `columns` apply, in formats other than ``table``.
    maps_columns: ClassVar[bool] = False
    #: Whether a record without rows is counted as one that is not a post or event.
    counts_skipped: ClassVar[bool] = True
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


def _validate_options(context: ReadContext, on_error: str) -> None:
    """Raise `TableError` if an option of a reader is invalid."""
    for name, option in (("account", context.account), ("timezone", context.timezone)):
        if option is not None and not isinstance(option, str):
            raise TableError(f"{name} must be text", file=context.path, got=option)
    if not isinstance(context.columns, (Mapping, NoneType)):
        raise TableError(
            "columns must be a dictionary from foxgrape's column names to the file's",
            file=context.path,
            got=context.columns,
        )
    file = context.file
    if file is not None and file.sheet is not None and table_kind(file) != "excel":
        raise TableError("sheet= applies to workbooks", file=context.path, got=file.sheet)
    choices = {
        "on_error": (on_error, ("raise", "quarantine")),
        "dates": (context.dates, (None, "dmy", "mdy")),
        "midnight": (context.midnight, (None, "day", "exact")),
    }
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            names = " or ".join(repr(choice) for choice in allowed if choice is not None)
            what = f"{name} must be {names}"
            raise TableError(what, file=context.path, got=value, argument=True)
    try:
        times.get_zone(context.timezone or "UTC")
    except ValueError:
        raise TableError.unknown_timezone(context.timezone, file=context.path) from None


def choose_reader(
    context: ReadContext,
    formats: Mapping[str, Reader],
    table: str,
    *,
    format: str | None,  # noqa: A002 - the name of the option
    on_error: str,
) -> Reader | None:
    """Check the options, and return the reader for the context's file, by name or by content.

    It is None for CSV in the table's own schema. If columns are given without a format, the reader
    is one that maps columns.
    """
    file = context.file
    assert file is not None  # noqa: S101 - set by all callers
    _validate_options(context, on_error)
    if file.head.strip() in {b"[]", b"{}"}:
        raise TableError("the file has no records", file=file.path, got=file.head.strip().decode())
    if format is not None:
        if require_str(format, "format") != table and format not in formats:
            raise TableError(
                f"unknown format of {table}",
                file=file.path,
                got=format,
                hint=did_you_mean(format, [*formats, table]),
                argument=True,
            )
        return formats.get(format)
    paths = key_paths(file.head) if file.head.lstrip()[:1] in {b"{", b"["} else frozenset()
    if context.columns is not None:
        return _reader_of_columns(file, paths, formats, context)
    if _has_schema_header(file, table):
        return None
    reader = _specific_reader(file, paths, formats)
    if reader is not None:
        return reader
    # Nearly any text looks like a table, so that known files of other kinds are rejected first.
    reject_other_table(file, paths, table)
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
        hint="remove the zero bytes: they do not occur in text"
        if b"\0" in file.head
        else "pass format= if you know it",
    )


def _specific_reader(
    file: InputFile, paths: frozenset[tuple[str, ...]], formats: Mapping[str, Reader]
) -> Reader | None:
    """Return the first reader that recognizes the file, other than the one of any table."""
    readers = (reader for name, reader in formats.items() if name != "table")
    return next((reader for reader in readers if reader.matches(file, paths)), None)


def _reader_of_columns(
    file: InputFile,
    paths: frozenset[tuple[str, ...]],
    formats: Mapping[str, Reader],
    context: ReadContext,
) -> Reader:
    """Return a reader that maps columns; note if a tool's own reader would know more."""
    reader = _specific_reader(file, paths, formats)
    if reader is None:
        return formats["table"]
    if reader.maps_columns:
        return reader
    if not formats["table"].matches(file, paths):
        raise TableError(
            f"columns= applies to tables, and this is {reader.name}",
            file=file.path,
            hint="leave columns= out",
        )
    what = f"columns= given: read as any table, not by the reader of {reader.name}"
    context.note(what, ", ".join(context.columns or ()))
    return formats["table"]


def read_file(
    context: ReadContext,
    formats: Mapping[str, Reader],
    table: str,
    *,
    format: str | None,  # noqa: A002 - the name of the option
    on_error: OnError,
) -> tuple[pd.DataFrame, ReadReport]:
    """Read all records of the context's file into one table.

    A CSV file in the table's own schema is read strictly, unless bad records are quarantined.
    """
    reader = choose_reader(context, formats, table, format=format, on_error=on_error)
    file = context.file
    assert file is not None  # noqa: S101 - set by all callers
    is_plain = file.compression is None and file.encoding is None
    if reader is None and on_error == "raise" and is_plain:
        frame = schemas.read_csv(file.path, table)
        return frame, ReadReport(table, len(frame))
    ((frame, report),) = iter_frames(
        file, reader or formats["table"], context, table, on_error=on_error
    )
    return frame, report


def _has_schema_header(file: InputFile, table: str) -> bool:
    """Return whether the file is comma-separated, with the table's key, place and time columns.

    A table of events with names of places, but without their ids, is read like any other table.
    """
    key, clock = schemas.KEYS[table]
    if table_kind(file) != "csv":
        return False
    names = set(header(file))
    required = {key[0], *(["place_id"] if table == "events" else [])}
    interval = {clock, clock.replace("_at", "_until")}
    return separator(file) == "," and required <= names and bool(interval & names)


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
    if file.encoding is not None and not file.encoding_is_given:
        what = "assumed because the text looks like it" if file.encoding_is_guessed else "detected"
        context.note(f"encoding {file.encoding} {what}", warn=file.encoding_is_guessed)
    for name in file.unread:
        context.note("another export beside this one was not read; pass its path to read it", name)
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
            if batch is None and not rows.records_read:
                context.note("the file has no records")
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
    # As a regular expression, because Arrow finds those faster than plain strings.
    likely = texts[texts.str.contains("&#", regex=True, na=False)]
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
        if frame is not None and not schemas.has_repeated_keys(frame, schemas.KEYS[table][0]):
            return [FilePart(frame=frame)]
    return [FilePart(reader.all_records(file, context))]


def _collect_rows(
    part: FilePart,
    reader: Reader,
    context: ReadContext,
    table: str,
    on_error: OnError,
    batch: int | None,
) -> Iterator[RowBatch]:
    """Yield the rows of a part's records, about `batch` rows and bad records at a time."""
    path = context.path if on_error == "raise" else None
    counts = reader.counts_skipped
    rows, number = RowBatch(table, path, counts_skipped=counts), part.offset
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
            except ValueError as error:  # of a library, such as a number of too many digits
                rows.reject(number, BadRecordError(f"cannot be read: {error}"), record.raw)
            if batch is not None and len(rows.rows) + len(rows.quarantine) >= batch:
                yield rows
                rows = RowBatch(table, path, counts_skipped=counts)
    except CorruptFileError as error:
        reason = f"the rest of the file cannot be read: {error}"
        rows.reject(number + 1, BadRecordError(reason), "")
        context.note(REST_UNREAD, error)
    for row in reader.finish(context):
        try:
            rows.add(number, [row])
        except BadRecordError as error:
            rows.reject(number, error, json_preview(row))
    yield rows


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
    if posted[0] < _FIRST_POST:
        raise BadRecordError(
            f"expected a time after {_FIRST_POST.year}; got {posted[0]}", "posted_at"
        )
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
