"""Every error that foxgrape raises on purpose: one line that says what to do about it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

__all__ = [
    "CodebookError",
    "FoxgrapeError",
    "ParameterError",
    "ReportError",
    "StoreError",
    "StudyError",
    "TableError",
]


def did_you_mean(got: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, or list them all."""
    from difflib import get_close_matches  # noqa: PLC0415 - only an error needs it

    known = sorted(known)
    close = get_close_matches(got, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"one of {', '.join(known)}"


class FoxgrapeError(Exception):
    """Base of all errors raised by foxgrape; its text is one line.

    Examples
    --------
    >>> print(FoxgrapeError("the file is empty", file="posts.csv", row=2, hint="export it again"))
    posts.csv, row 2: the file is empty. Hint: export it again
    """

    def __init__(
        self,
        what: str,
        *,
        file: object = None,
        row: int | None = None,
        column: str | None = None,
        expected: str | None = None,
        got: object = None,
        hint: str | None = None,
    ) -> None:
        self.file = None if file is None else str(file)
        self.row = row
        self.column = column
        where = [
            part
            for part in (
                self.file,
                None if row is None else f"row {row}",
                None if column is None else f"column {column}",
            )
            if part
        ]
        text = f"{', '.join(where)}: {what}" if where else what
        if expected is not None:
            text += f"; expected {expected}"
        if got is not None:
            text += f"; got {_short(got)}"
        if hint is not None:
            text += f". Hint: {hint}"
        super().__init__(" ".join(text.split()))


class TableError(FoxgrapeError):
    """A table breaks its schema: names file, row, column, what was expected and what was found."""

    @classmethod
    def missing_column(
        cls, column: str, available: Iterable[str], *, table: str, file: object = None
    ) -> Self:
        """Report a required column that the table lacks."""
        available = list(available)
        return cls(
            f"the {table} table has no such column",
            file=file,
            row=1,
            column=column,
            got=", ".join(available),
            hint=did_you_mean(column, available),
        )

    @classmethod
    def bad_value(
        cls,
        got: object,
        *,
        expected: str,
        file: object = None,
        row: int | None = None,
        column: str | None = None,
        hint: str | None = None,
    ) -> Self:
        """Report one cell that is not what its column holds."""
        return cls(
            "bad value", file=file, row=row, column=column, expected=expected, got=got, hint=hint
        )

    @classmethod
    def repeated_key(
        cls, got: object, *, column: str, row: int, first_row: int, file: object = None
    ) -> Self:
        """Report a key that stands in two rows."""
        return cls(
            f"this {column} stands in row {first_row} already",
            file=file,
            row=row,
            column=column,
            expected=f"each {column} once",
            got=got,
            hint="an edited version is a row of its own: give it an id of its own and edited_at",
        )

    @classmethod
    def backward_interval(
        cls,
        earliest: object,
        latest: object,
        *,
        column: str,
        first: str,
        row: int,
        file: object = None,
    ) -> Self:
        """Report an interval whose latest instant lies before its earliest."""
        return cls(
            f"{column} is before {first}",
            file=file,
            row=row,
            column=column,
            expected=f"not before {earliest}",
            got=latest,
            hint=f"{first} is the earliest instant, {column} the latest; equal when exact",
        )


class CodebookError(TableError):
    """A codebook row cannot be used."""


class StudyError(FoxgrapeError):
    """A study folder cannot be read as one."""

    @classmethod
    def not_a_study(cls, folder: object, why: str) -> Self:
        """Report a folder that is no data package."""
        return cls(
            why,
            file=folder,
            expected="a folder with a datapackage.json that lists posts and events",
            hint="see data/studies/izium-2022 for one that works",
        )


class ParameterError(FoxgrapeError):
    """A report parameter is unknown or of the wrong type."""

    @classmethod
    def unknown(cls, name: str, known: Iterable[str], *, template: str) -> Self:
        """Report a parameter that the template does not have."""
        return cls(
            f"the template {template} has no parameter {name!r}", hint=did_you_mean(name, known)
        )

    @classmethod
    def bad_value(cls, name: str, got: object, *, expected: str) -> Self:
        """Report a parameter whose value is not of its type."""
        return cls(f"bad value for the parameter {name}", expected=expected, got=got)


class ReportError(FoxgrapeError):
    """A report cannot be built or found."""


class StoreError(FoxgrapeError):
    """A store cannot be read or written."""

    @classmethod
    def empty(cls, path: object, table: str) -> Self:
        """Report a table that nobody has written yet."""
        return cls(f"the store holds no {table} yet", file=path, hint="upsert some first")

    @classmethod
    def unreadable(cls, path: object, table: str, version: int | None, why: object) -> Self:
        """Report a table, or a version of it, that cannot be opened."""
        what = table if version is None else f"version {version} of {table}"
        return cls(f"cannot open {what}: {why}", file=path)

    @classmethod
    def unwritable(cls, path: object, table: str, why: object) -> Self:
        """Report a table that cannot be written; what it held it still holds."""
        return cls(f"cannot write {table}, nothing was changed: {why}", file=path)

    @classmethod
    def crowded(cls, path: object, table: str, rounds: int) -> Self:
        """Report that other writers were always faster."""
        return cls(
            f"cannot write {table}: other writers came first {rounds} times, nothing was changed",
            file=path,
            hint="try again when fewer write at once",
        )


def _short(value: object, limit: int = 120) -> str:
    if value == "":
        return "nothing"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
