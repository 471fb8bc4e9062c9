"""Every error that foxgrape raises on purpose: one line that says what to do about it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

__all__ = [
    "CONTROLS",
    "CodebookError",
    "DownloadError",
    "FoxgrapeError",
    "ParameterError",
    "ReportError",
    "ScheduleError",
    "StoreError",
    "StudyError",
    "TableError",
]


#: Signs that move a terminal's cursor or change its title, begin a line, or turn the order of those
#: around them; no text needs them in a line.
CONTROLS = dict.fromkeys(
    (*range(32), *range(127, 160), *range(0x2028, 0x202F), *range(0x2066, 0x206A)), " "
)
#: An error stays one line: of more names than this the first are told.
_MOST_NAMES = 20


def did_you_mean(got: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, or list them, if not too many."""
    from difflib import get_close_matches

    known = sorted(known)
    close = get_close_matches(got, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(known) - _MOST_NAMES} more" if len(known) > _MOST_NAMES else ""
    return f"one of {', '.join(known[:_MOST_NAMES])}{more}"


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
        super().__init__(" ".join(text.translate(CONTROLS).split()))

    @classmethod
    def no_zone(cls, got: object, *, file: object = None) -> Self:
        """Report a time zone that there is not."""
        expected = "an IANA name, such as Europe/Kyiv"
        return cls("no such time zone", file=file, expected=expected, got=got)


class TableError(FoxgrapeError):
    """A table breaks its schema: names file, row, column, what was expected and what was found."""

    @classmethod
    def named_twice(cls, name: str, *, file: object) -> Self:
        """Report two columns of one name."""
        return cls("columns have the same name", file=file, row=1, got=name)

    @classmethod
    def missing_column(
        cls, column: str, available: Iterable[str], *, table: str, file: object = None
    ) -> Self:
        """Report a required column that the table lacks."""
        available = list(available)
        return cls(
            f"the {table} table has no such column",
            file=file,
            row=None if file is None else 1,
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


class DownloadError(FoxgrapeError):
    """Something cannot be fetched; the text holds nothing that a server said in words.

    A server's words could repeat a password, so numbers and kinds of failures are told instead.
    """

    @classmethod
    def bad_server(cls, got: object, why: str) -> Self:
        """Report an address that is not to be asked."""
        return cls(
            f"not an address to ask: {why}",
            expected="https://HOST, or http:// on this computer itself",
            got=got,
        )

    @classmethod
    def no_credentials(cls, host: str, names: Iterable[str]) -> Self:
        """Report what the environment and the keyring lack."""
        names = list(names)
        keys = " and ".join(name.removeprefix("FOXGRAPE_").lower() for name in names)
        return cls(
            f"{host} asks who you are",
            hint=f"set {' and '.join(names)}, or put {keys} into the keyring under foxgrape",
        )

    @classmethod
    def bad_credential(cls, name: str) -> Self:
        """Report a secret that no request can carry; it is not shown."""
        return cls(
            f"{name} cannot be sent",
            expected="printable ASCII without blanks, as tokens are",
            hint="copy it again; what it holds is not shown here",
        )

    @classmethod
    def refused(cls, host: str, status: str, names: Iterable[str] = ()) -> Self:
        """Report that a server answers and says no."""
        asked = " and ".join(names)
        return cls(
            f"{host} refuses: {status}",
            hint=f"check {asked}, and on its page that your account may do this" if asked else None,
        )

    @classmethod
    def elsewhere(cls, host: str, other: str) -> Self:
        """Report a redirection that is not followed."""
        return cls(
            f"{host} sends on to {other}, which is not followed",
            hint="if you trust where it leads, ask there",
        )

    @classmethod
    def gave_up(cls, host: str, trouble: str, tries: int) -> Self:
        """Report a server that did not answer as it should, however often it was asked."""
        times = "once" if tries == 1 else f"{tries} times"
        return cls(f"{host} was asked {times}: {trouble}")

    @classmethod
    def too_long(cls, host: str, seconds: float, most: float) -> Self:
        """Report a server that wants to be left alone for longer than we may wait."""
        return cls(
            f"{host} asks to wait {seconds:,.0f} s", expected=f"at most {most:,.0f} s, or come back"
        )

    @classmethod
    def untrue(cls, host: str, page: int, why: str) -> Self:
        """Report an answer that cannot be what was asked for."""
        return cls(f"{host}, page {page}: {why}")

    @classmethod
    def kept(cls, error: FoxgrapeError, part: object, pages: int) -> Self:
        """Tell beside an error what has come, and how it goes on."""
        if not pages:
            return cls(str(error))
        return cls(
            f"{error}. {pages} {'answer is' if pages == 1 else 'answers are'} kept in {part}: "
            "the same call goes on from there, --restart (restart=True) begins again"
        )

    @classmethod
    def bad_part(cls, part: object, why: str) -> Self:
        """Report a half-finished download that cannot be gone on with."""
        return cls(
            why, file=part, hint="--restart (restart=True) begins again and drops what is there"
        )

    @classmethod
    def exists(cls, out: object) -> Self:
        """Report a file that stands where the download would."""
        return cls(
            "there is such a file already, and it is whole", file=out, hint="choose another name"
        )

    @classmethod
    def unwritable(cls, out: object, why: object) -> Self:
        """Report a file that cannot be written."""
        return cls(f"cannot be written: {why}", file=out)

    @classmethod
    def wrong_hash(cls, name: str, expected: str, got: str) -> Self:
        """Report a file that is not the one that the registry names; it is not kept."""
        return cls(
            f"{name} is not the file that was meant, and was not kept",
            expected=f"SHA-256 {expected}",
            got=got,
            hint="the download is damaged, or the publisher changed the file",
        )

    @classmethod
    def unknown_set(cls, name: str, known: Iterable[str]) -> Self:
        """Report a data set that the registry does not have."""
        return cls("no such data set", got=name, hint=did_you_mean(name, known))


class ParameterError(FoxgrapeError):
    """A report parameter is unknown or of the wrong type."""

    @classmethod
    def unknown(cls, name: str, known: Iterable[str], *, template: str) -> Self:
        """Report a parameter that the template does not have."""
        return cls(
            f"the template {template} has no parameter {name!r}", hint=did_you_mean(name, known)
        )

    @classmethod
    def missing(cls, name: str, *, template: str, expected: str) -> Self:
        """Report a parameter that has no default and was not given."""
        return cls(f"the template {template} needs the parameter {name}", expected=expected)

    @classmethod
    def bad_value(cls, name: str, got: object, *, expected: str, hint: str | None = None) -> Self:
        """Report a parameter whose value is not of its type."""
        return cls(
            f"bad value for the parameter {name}", expected=expected, got=got, hint=hint or None
        )

    @classmethod
    def bad_rule(cls, template: str, why: object) -> Self:
        """Report a sidecar whose rules are no JSON Schema."""
        return cls(f"the template {template} has a rule that is no JSON Schema: {why}")


class ReportError(FoxgrapeError):
    """A report cannot be built or found."""


class ScheduleError(FoxgrapeError):
    """A schedule cannot be used; the text names file, entry and key."""

    @classmethod
    def bad_key(
        cls,
        key: str,
        *,
        entry: str | None,
        file: object,
        expected: str | None = None,
        got: object = None,
        hint: str | None = None,
        what: str = "bad value",
    ) -> Self:
        """Report one key of one entry that cannot be used."""
        where = key if entry is None else f"{entry}, {key}"
        return cls(f"{where}: {what}", file=file, expected=expected, got=got, hint=hint)


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
        return cls(f"cannot open {what}: {_first_line(why)}", file=path)

    @classmethod
    def unwritable(cls, path: object, table: str, why: object) -> Self:
        """Report a table that cannot be written; what it held it still holds."""
        return cls(f"cannot write {table}, nothing was changed: {_first_line(why)}", file=path)

    @classmethod
    def crowded(cls, path: object, table: str, rounds: int) -> Self:
        """Report that other writers were always faster."""
        return cls(
            f"cannot write {table}: other writers came first {rounds} times, nothing was changed",
            file=path,
            hint="try again when fewer write at once",
        )


def _first_line(why: object) -> str:
    """Return what a library says, without the path through itself that may follow."""
    return str(why).partition("\n")[0]


def _short(value: object, limit: int = 120) -> str:
    if value == "":
        return "nothing"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
