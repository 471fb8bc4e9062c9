"""The rows of one batch of records, without repetitions, and its bad records."""

from __future__ import annotations

from typing import Any

from foxgrape import schemas
from foxgrape.errors import TableError
from foxgrape.io.stream import BadRecordError

__all__ = ["RowBatch"]

#: Number of characters of a bad record's text that the quarantine keeps.
_RAW = 2_000


class RowBatch:
    """Rows of one batch, its bad records and its counts.

    Two rows with the same key must agree in the columns of `table`; other columns, such as view
    counts, may differ. Keys are compared only within a batch, so that memory does not grow with the
    file. If `path` is given, the first bad record raises `TableError`, with `path` in its message.
    """

    def __init__(self, table: str, path: object | None, *, counts_skipped: bool) -> None:
        self.rows: list[dict[str, Any]] = []
        self.quarantine: list[dict[str, Any]] = []
        self.records_read = self.skipped = self.repeated = 0
        self._path, self._counts_skipped = path, counts_skipped
        self._keys, self._compared = schemas.KEYS[table][0], schemas.columns(table)
        self._seen: dict[Any, tuple[int, dict[str, Any]]] = {}

    def add(self, number: int, rows: list[dict[str, Any]]) -> None:
        """Add a record's rows; if one of them is bad, raise `BadRecordError` and add none."""
        self.skipped += self._counts_skipped and not rows
        new = []
        for row in rows:
            key = tuple(row[name] for name in self._keys)
            if key not in self._seen:
                new.append((key, row))
                continue
            first_number, first = self._seen[key]
            if any(first.get(name) != row.get(name) for name in self._compared):
                name = self._keys[0]
                raise BadRecordError(
                    f"record {first_number} has the same {name} with other content", name
                )
            self.repeated += 1
        self._seen.update((key, (number, row)) for key, row in new)
        self.rows += [row for _, row in new]

    def reject(self, number: int, error: BadRecordError, raw: str) -> None:
        """Quarantine a record; if `path` was given, raise `TableError` instead."""
        if self._path is not None:
            hint: str | None = 'on_error="quarantine" keeps the good records and collects the bad'
            if "pass " in error.reason:  # an option is missing, and most records need it
                hint = None
            raise TableError(
                error.reason, file=self._path, row=number, column=error.column, hint=hint
            ) from None
        self.quarantine.append(
            {"record": number, "column": error.column, "reason": error.reason, "raw": raw[:_RAW]}
        )
