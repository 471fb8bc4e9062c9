"""Records to rows: every record of a file is either good, or told with its number and a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foxgrape.errors import TableError
from foxgrape.io.json_records import json_preview
from foxgrape.io.stream import BadRecordError, CorruptFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from foxgrape.io.stream import Record

__all__ = ["RowBatch", "collect_rows"]

#: How much of a bad record is kept, in signs.
_RAW = 2_000


def collect_rows(
    records: Iterable[Record],
    convert: Callable[[Any], list[dict[str, Any]]],
    closing: Callable[[], list[dict[str, Any]]] = list,
    *,
    key: str,
    own: Sequence[str],
    file: object,
    quarantine: bool,
    batch: int | None = None,
    after: int = 0,
) -> Iterator[RowBatch]:
    """Turn records into rows, batch by batch, and keep what is bad apart.

    Parameters
    ----------
    records
        In the order of the file. It may raise `BrokenError`: what was read until then stands.
    convert
        Makes the rows of one record, none for a record that is not asked for; raises
        `BadRecordError`.
    closing
        Makes the rows that only the whole file tells.
    key
        The column that names a row. A row that comes twice is kept once; two rows under one key
        that differ are not both true, so the second is a bad record.
    own
        The columns in which two rows must agree to be the same; others, such as counts, change.
    file
        Named in errors.
    quarantine
        Keep bad records beside the rows; otherwise the first one raises.
    batch
        How many rows and bad records together, about; by default all. Keys are compared within a
        batch, so that memory does not grow with the file.
    after
        The number of the last record before these.

    Raises
    ------
    TableError
        At the first bad record, with its number, if they are not put into quarantine.
    """
    gathered = RowBatch(key, own)
    last, named = after, None if quarantine else file
    try:
        for record in records:
            last = record.number
            gathered.read += 1
            try:
                if record.bad is not None:
                    raise record.bad
                gathered.add(record.number, convert(record.value))
            except BadRecordError as bad:
                gathered.refuse(record.number, bad, record.raw, named)
            except OverflowError as error:  # of days and instants, wherever a reader adds to them
                beyond = BadRecordError(f"beyond the calendar: {error}")
                gathered.refuse(record.number, beyond, record.raw, named)
            if batch is not None and len(gathered.rows) + len(gathered.quarantine) >= batch:
                yield gathered
                gathered = RowBatch(key, own)
    except CorruptFileError as error:
        end = BadRecordError(f"nothing can be read from here on: {error}")
        gathered.refuse(last + 1, end, "", named)
    for row in closing():
        try:
            gathered.add(last, [row])
        except BadRecordError as bad:
            gathered.refuse(last, bad, json_preview(row), named)
    yield gathered


class RowBatch:
    """Rows, quarantined records and counts of one batch.

    Attributes
    ----------
    rows
        Good rows.
    quarantine
        Bad records: record number, column, reason, and the record as it stands in the file.
    read, passed, repeated
        Records read; those that are no rows at all; rows that came again.
    """

    def __init__(self, key: str = "", own: Sequence[str] = ()) -> None:
        self.rows: list[dict[str, Any]] = []
        self.quarantine: list[dict[str, Any]] = []
        self.read = self.passed = self.repeated = 0
        self._key, self._own = key, own
        self._seen: dict[Any, tuple[int, int]] = {}

    def add(self, number: int, rows: list[dict[str, Any]]) -> None:
        """Add the rows of a record, all or none of them."""
        self.passed += not rows
        fresh = []
        for row in rows:
            earlier = self._seen.get(row[self._key])
            if earlier is None:
                fresh.append(row)
                continue
            record, position = earlier
            if any(self.rows[position].get(name) != row.get(name) for name in self._own):
                raise BadRecordError(
                    f"this {self._key} stands in record {record} already, with other content",
                    self._key,
                )
            self.repeated += 1
        for row in fresh:
            self._seen[row[self._key]] = (number, len(self.rows))
            self.rows.append(row)

    def refuse(self, number: int, bad: BadRecordError, raw: str, file: object | None) -> None:
        """Put a record into quarantine, or raise where a file is named."""
        if file is not None:
            hint = 'on_error="quarantine" keeps the good records and tells all bad ones'
            raise TableError(
                bad.reason, file=file, row=number, column=bad.column, hint=hint
            ) from None
        self.quarantine.append(
            {"record": number, "column": bad.column, "reason": bad.reason, "raw": raw[:_RAW]}
        )
