"""Exceptions raised by foxgrape: a base class, and one subclass per area of the package.

A message is one line: "posts.csv, row 2: what is wrong; expected X; got Y. Hint: Z".
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self, TypedDict, Unpack

    class Location(TypedDict, total=False):
        """File, row and column of an error."""

        file: object
        row: int | None
        column: str | None


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
    "did_you_mean",
    "require_str",
]


#: Table for `str.translate` that replaces with a space every character that controls a terminal,
#: breaks a line or changes the direction of text, and with ``�`` every surrogate, which no file can
#: contain.
CONTROLS = {
    **dict.fromkeys((*range(32), *range(127, 160), 0x061C, 0x200E, 0x200F), " "),
    **dict.fromkeys((*range(0x2028, 0x202F), *range(0x2066, 0x206A)), " "),
    **dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}"),
}
#: Part of the message of a write that failed alone.
_UNCHANGED = ", nothing was changed"
#: Maximum number of known names that a hint lists, to keep the message short.
_MAX_NAMES = 20


def require_str(value: object, name: str) -> str:
    """Return an argument if it is text; else raise `FoxgrapeError` with the argument's name.

    Examples
    --------
    >>> require_str("Izium", "name")
    'Izium'
    """
    if not isinstance(value, str):
        raise FoxgrapeError(f"{name} must be text", got=f"{value!r:.40}")
    return value


def did_you_mean(got: str, known: Iterable[str]) -> str:
    """Return a hint with the known name closest to `got`, or all known names if none is close.

    Examples
    --------
    >>> did_you_mean("confirmd", ["confirmed", "occurred"])
    "did you mean 'confirmed'?"
    """
    from difflib import get_close_matches

    known = sorted(known)
    close = get_close_matches(got, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(known) - _MAX_NAMES} more" if len(known) > _MAX_NAMES else ""
    return f"choose from {', '.join(known[:_MAX_NAMES])}{more}"


class FoxgrapeError(Exception):
    """Base class of the errors raised by foxgrape; the message is one line.

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
        argument: bool = False,
    ) -> None:
        #: Whether an argument is wrong whatever the data are: a usage error in the shell.
        self.argument = argument
        self.file = None if file is None else str(file)
        self.row = row
        self.column = column
        location = {"": self.file, "row ": row, "column ": column}
        where = [f"{word}{value}" for word, value in location.items() if value is not None]
        text = f"{', '.join(where)}: {what}" if where else what
        if expected is not None:
            text += f"; expected {expected}"
        if got is not None:
            text += f"; got {_short(got)}"
        if hint is not None:
            text += f". Hint: {hint}"
        super().__init__(" ".join(text.translate(CONTROLS).split()))

    @classmethod
    def unknown_timezone(cls, got: object, *, file: object = None) -> Self:
        """Report an unknown time zone."""
        from difflib import get_close_matches
        from zoneinfo import available_timezones

        close = get_close_matches(str(got), available_timezones(), n=1)
        return cls(
            "unknown time zone",
            file=file,
            expected="an IANA name, such as Europe/Kyiv",
            got=got,
            hint=f"did you mean {close[0]!r}?" if close else None,
            argument=True,
        )


class TableError(FoxgrapeError):
    """A table does not match its schema."""

    @classmethod
    def duplicate_column(cls, name: str, *, file: object) -> Self:
        """Report a column name that occurs more than once."""
        return cls("column names must be unique", file=file, row=1, got=name)

    @classmethod
    def missing_column(
        cls, column: str, available: Iterable[str], *, table: str, file: object = None
    ) -> Self:
        """Report a required column that the table does not have."""
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
        cls, got: object, *, expected: str, hint: str | None = None, **where: Unpack[Location]
    ) -> Self:
        """Report a cell with a value that its column does not allow."""
        return cls("bad value", expected=expected, got=got, hint=hint, **where)

    @classmethod
    def duplicate_key(
        cls, got: object, *, column: str, row: int, first_row: int, file: object = None
    ) -> Self:
        """Report a key that an earlier row already has."""
        return cls(
            f"this {column} is already in row {first_row}",
            file=file,
            row=row,
            column=column,
            expected=f"each {column} once",
            got=got,
            hint="if the row is an edited version, give it its own id and set edited_at",
        )

    @classmethod
    def backward_interval(
        cls, earliest: object, latest: object, *, first: str, **where: Unpack[Location]
    ) -> Self:
        """Report an interval whose latest instant is before its earliest instant."""
        column = where["column"]
        hint = f"{first} is the earliest instant, {column} the latest; if exact, they are equal"
        if column == "confirmed_until" and first == "occurred_at":
            hint = "an event cannot be confirmed before it occurred; correct one of the times"
        return cls(
            f"{column} is before {first}",
            expected=f"not before {earliest}",
            got=latest,
            hint=hint,
            **where,
        )


class CodebookError(TableError):
    """A codebook row cannot be used."""


class StudyError(FoxgrapeError):
    """A folder cannot be read as a study."""

    @classmethod
    def not_a_study(cls, folder: object, why: str) -> Self:
        """Report a folder that is not a data package."""
        return cls(
            why,
            file=folder,
            expected="a folder with a datapackage.json that lists posts and events",
            hint="see data/studies/izium-2022 for an example",
        )


class DownloadError(FoxgrapeError):
    """A download failed.

    Messages give status codes and numbers, but never quote a server's response, which could contain
    a password.
    """

    @classmethod
    def bad_server(cls, got: object, why: str) -> Self:
        """Report a server address that must not be used."""
        return cls(
            f"the server address cannot be used: {why}",
            expected="https://HOST, or http:// on this computer",
            got=got,
            argument=True,
        )

    @classmethod
    def no_credentials(cls, host: str, names: Iterable[str]) -> Self:
        """Report credentials that are neither in the environment nor in the keyring."""
        names = list(names)
        keys = " and ".join(name.removeprefix("FOXGRAPE_").lower() for name in names)
        return cls(
            f"{host} requires credentials",
            hint=f"set {' and '.join(names)}, or store {keys} in the keyring under foxgrape",
        )

    @classmethod
    def bad_credential(cls, name: str) -> Self:
        """Report a secret that cannot be sent in a request; the message does not show it."""
        return cls(
            f"{name} must be printable ASCII without spaces",
            hint="copy it again; its value is not shown here",
        )

    @classmethod
    def refused(cls, host: str, status: str, names: Iterable[str] = ()) -> Self:
        """Report a request that the server refused."""
        secrets = " and ".join(names)
        hint = f"check {secrets}, and that your account may use this service" if secrets else None
        return cls(f"{host} refused the request: {status}", hint=hint)

    @classmethod
    def repeats_credentials(cls, host: str, names: Iterable[str]) -> Self:
        """Report a response with the user's credentials, which is not kept."""
        return cls(
            f"{host} sent a response that contains your credentials; it was not kept",
            hint=f"if a word of the data is the value of {' or '.join(names)}, change that value",
        )

    @classmethod
    def redirected(cls, host: str, other: str) -> Self:
        """Report a redirect that is not followed."""
        return cls(
            f"{host} redirects to {other}, which is not followed",
            hint="if you trust that address, request it directly",
        )

    @classmethod
    def gave_up(cls, host: str, trouble: str, tries: int) -> Self:
        """Report a server that sent no valid response within the given number of tries."""
        times = "1 try" if tries == 1 else f"{tries} tries"
        return cls(f"{host} failed after {times}: {trouble}")

    @classmethod
    def wait_too_long(cls, host: str, seconds: float, most: float) -> Self:
        """Report a server that asks for a longer wait than is allowed."""
        return cls(
            f"{host} asks to wait {seconds:,.0f} s",
            expected=f"at most {most:,.0f} s",
            hint="try again later",
        )

    @classmethod
    def bad_response(cls, host: str, page: int, why: str) -> Self:
        """Report a response that does not match the request."""
        return cls(f"{host}, page {page}: {why}")

    @classmethod
    def resumable(cls, error: FoxgrapeError, part: object, pages: int) -> Self:
        """Return the error with instructions for resuming the download."""
        if not pages:
            return cls(str(error))
        return cls(
            f"{error}. {pages} {'page is' if pages == 1 else 'pages are'} kept in {part}: "
            "repeat the call to resume, or use --restart (restart=True) to start over"
        )

    @classmethod
    def bad_partial(cls, part: object, why: str) -> Self:
        """Report a partial download that cannot be resumed."""
        return cls(why, file=part, hint="--restart (restart=True) deletes it and starts over")

    @classmethod
    def file_exists(cls, out: object) -> Self:
        """Report that the output file already exists and is complete."""
        return cls("the file exists already and is complete", file=out, hint="choose another name")

    @classmethod
    def unwritable(cls, out: object, why: object) -> Self:
        """Report a file that cannot be written."""
        return cls(f"cannot be written: {why}", file=out)

    @classmethod
    def wrong_hash(cls, name: str, expected: str, got: str) -> Self:
        """Report a file that was deleted because its checksum differs from the registry's."""
        return cls(
            f"{name} has the wrong checksum and was deleted",
            expected=f"SHA-256 {expected}",
            got=got,
            hint="the download is damaged, or the publisher changed the file",
        )

    @classmethod
    def unknown_dataset(cls, name: str, known: Iterable[str]) -> Self:
        """Report a data set that the registry does not have."""
        return cls("unknown data set", got=name, hint=did_you_mean(name, known))


class ParameterError(FoxgrapeError):
    """A report parameter is unknown or has a bad value."""

    @classmethod
    def unknown(cls, name: str, known: Iterable[str], *, template: str) -> Self:
        """Report a parameter that the template does not have."""
        return cls(
            f"the template {template} has no parameter {name!r}", hint=did_you_mean(name, known)
        )

    @classmethod
    def missing(cls, name: str, *, template: str, expected: str) -> Self:
        """Report a parameter that has no default and was given no value."""
        return cls(f"the template {template} needs the parameter {name}", expected=expected)

    @classmethod
    def bad_value(cls, name: str, got: object, *, expected: str, hint: str | None = None) -> Self:
        """Report a value that the parameter does not allow."""
        return cls(
            f"bad value for the parameter {name}", expected=expected, got=got, hint=hint or None
        )

    @classmethod
    def bad_rule(cls, template: str, why: object) -> Self:
        """Report a template's sidecar file whose rules are not valid JSON Schema."""
        return cls(f"the template {template} has a rule that is not valid JSON Schema: {why}")


class ReportError(FoxgrapeError):
    """A report cannot be built or found."""


class ScheduleError(FoxgrapeError):
    """A schedule cannot be used; the message names file, entry and key."""


class StoreError(FoxgrapeError):
    """A store cannot be read or written."""

    @classmethod
    def empty(cls, path: object, table: str) -> Self:
        """Report a table that the store does not have yet."""
        return cls(f"the store has no {table} yet", file=path, hint="add some with upsert")

    @classmethod
    def unreadable(cls, path: object, table: str, version: int | None, why: object) -> Self:
        """Report a table, or a version of it, that cannot be opened."""
        what = table if version is None else f"version {version} of {table}"
        return cls(f"cannot open {what}: {_first_line(why)}", file=path)

    @classmethod
    def unwritable(cls, path: object, table: str, why: object) -> Self:
        """Report a table that cannot be written; its content is unchanged."""
        return cls(f"cannot write {table}{_UNCHANGED}: {_first_line(why)}", file=path)

    @classmethod
    def conflict(cls, path: object, table: str, tries: int) -> Self:
        """Report a write that conflicted with other writers in every try."""
        return cls(
            f"cannot write {table}{_UNCHANGED}: {tries} conflicts with other writers",
            file=path,
            hint="try again when fewer processes write at once",
        )

    def after(self, stored: int) -> Self:
        """Return the error of a write that follows earlier writes of `stored` rows."""
        if not stored:
            return self
        return type(self)(
            str(self).replace(_UNCHANGED, ""),
            hint=f"{stored:,} rows before these were stored; repeat the call to add the rest",
        )


def _first_line(why: object) -> str:
    """Return a library's error message without the stack trace that may follow."""
    return str(why).partition("\n")[0]


def _short(value: object, limit: int = 120) -> str:
    if value == "":
        return "nothing"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
