"""Doors: any file as a stream of bytes, cut into numbered records, in bounded memory.

What comes in was written by other tools, by people and sometimes by someone who means harm. So a
file is known by its first bytes and not by its name, and is never read whole.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from foxgrape.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "CHUNK",
    "MAX_DEPTH",
    "MAX_RECORD",
    "MAX_UNPACKED",
    "BadRecordError",
    "CorruptFileError",
    "InputFile",
    "Record",
    "lines",
    "max_unpacked_size",
]

#: How much is read at once.
CHUNK = 2**16
#: The largest record, in bytes. A page of 500 posts with everything they refer to has about 3 MB.
MAX_RECORD = 16 * 2**20
#: How deeply a record may be nested; real exports stay below 20.
MAX_DEPTH = 100
#: What any packed file may unpack to, in bytes, however small it is.
MAX_UNPACKED = 128 * 2**20
#: A larger one may unpack to so many times its size; real exports to 5 to 30 times.
MAX_RATIO = 100

_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
_BOM = b"\xef\xbb\xbf"
#: What a broken file makes the libraries raise: pyarrow raises OSError, zipfile also the rest.
UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError)


class BadRecordError(ValueError):
    """One record is not what its format promises.

    Attributes
    ----------
    reason
        What is wrong, as one line.
    column
        Where, if that is known.
    """

    def __init__(self, reason: str, column: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.column = column


class CorruptFileError(Exception):
    """From here on the file cannot be read: cut off, damaged, or beyond a limit."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record and its number; `bad` tells why it has no value.

    Attributes
    ----------
    number
        Counted from 1; for a file of lines, the line.
    value
        What was read.
    raw
        The record as it stands in the file, for the quarantine.
    bad
        Why it could not be read, None when it could.
    """

    number: int
    value: Any = None
    raw: str = ""
    bad: BadRecordError | None = None


class InputFile:
    """A file behind which records are: its first bytes, and its content through any compression.

    Parameters
    ----------
    path
        A plain file, or one packed with gzip, zstd or zip (of one member).

    Attributes
    ----------
    path
        As given.
    packing
        ``"gzip"``, ``"zstd"``, ``"zip"`` or None.
    head
        The first 64 kB of the content, without a byte order mark.

    Raises
    ------
    TableError
        If there is no such file, it is empty, or it cannot be unpacked.

    Examples
    --------
    >>> from foxgrape._util.resources import study_folder
    >>> Door(study_folder("izium-2022") / "posts.csv").head[:7]
    b'post_id'
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._handle: IO[bytes] | None = None
        try:
            with self.path.open("rb") as handle:
                start = handle.read(CHUNK)
        except FileNotFoundError:
            raise TableError("there is no such file", file=self.path) from None
        except OSError as error:
            raise TableError(f"cannot be opened: {error.strerror}", file=self.path) from None
        self.packing = _packing(start, self.path)
        try:
            with self.open() as stream:
                self.head = stream.read(CHUNK)
        except CorruptFileError as error:
            raise TableError(str(error), file=self.path) from None
        if not self.head.strip():
            raise TableError("the file is empty", file=self.path, expected="records")

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the content; what cannot be unpacked raises `BrokenError` where it is read."""
        with self.path.open("rb") as handle, _Unpacked(self._unpack(handle), self._most) as raw:
            self._handle = handle
            stream = io.BufferedReader(raw, CHUNK)
            if stream.peek(len(_BOM)).startswith(_BOM):
                stream.read(len(_BOM))
            yield stream

    @property
    def done(self) -> float:
        """Which share of the file, as it is packed, was read."""
        if self._handle is None or self._handle.closed:
            return 1.0
        return self._handle.tell() / max(self.path.stat().st_size, 1)

    @property
    def _most(self) -> int | None:
        return None if self.packing is None else max_unpacked_size(self.path.stat().st_size)

    def _unpack(self, handle: IO[bytes]) -> Any:
        if self.packing == "gzip":
            return gzip.GzipFile(fileobj=handle)
        if self.packing == "zstd":
            # pyarrow notices a frame that was cut off; the zstandard package ends silently.
            import pyarrow as pa

            return pa.CompressedInputStream(pa.PythonFile(handle, mode="r"), "zstd")
        if self.packing == "zip":
            return _only_member(handle, self.path)
        return handle


def max_unpacked_size(size: int) -> int:
    """Return how many bytes a packed file of this size may unpack to.

    Whoever means harm packs a thousand million blanks into a megabyte.

    Examples
    --------
    >>> most_unpacked(1_000) >> 20, most_unpacked(10_000_000)
    (128, 1000000000)
    """
    return max(MAX_UNPACKED, MAX_RATIO * size)


class _Unpacked(io.RawIOBase):
    """A stream whose every failure is a `BrokenError`, and so is unpacking to more than `most`."""

    def __init__(self, inner: Any, most: int | None) -> None:
        self._inner = inner
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._inner.read(len(buffer))
        except UNREADABLE as error:
            raise CorruptFileError(f"cannot be unpacked or is cut off: {error}") from None
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise CorruptFileError(
                    f"it unpacks to more than {MAX_RATIO} times its size; if that is what you "
                    "expect, unpack it yourself"
                )
        buffer[: len(data)] = data
        return len(data)


def _packing(start: bytes, path: Path) -> str | None:
    if start.startswith(_GZIP):
        return "gzip"
    if start.startswith(_ZSTD):
        return "zstd"
    # A spreadsheet is a zip archive too, and is read as what it is.
    if start.startswith(_ZIP) and not is_spreadsheet(path):
        return "zip"
    return None


def is_spreadsheet(path: Path) -> bool:
    """Tell whether a zip archive is an Excel workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except UNREADABLE:
        return False


def _only_member(handle: IO[bytes], path: Path) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(handle)
        names = [
            name
            for name in archive.namelist()
            if not name.endswith("/") and not name.startswith("__MACOSX/")
        ]
        if len(names) == 1:
            return archive.open(names[0])
    except UNREADABLE as error:
        raise TableError(f"the zip archive cannot be read: {error}", file=path) from None
    raise TableError(
        "the zip archive does not hold one file",
        file=path,
        expected="one file",
        got=", ".join(names[:10]) or "none",
        hint="unpack it and name the file that holds the posts or events",
    )


def lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Return the lines that are not blank, each with its number; None is one that is too long.

    A line longer than `MAX_RECORD` is passed over piece by piece, never held.
    """
    number = 0
    while line := stream.readline(MAX_RECORD + 1):
        number += 1
        if len(line) > MAX_RECORD and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = stream.readline(CHUNK)
            yield number, None
        elif line.strip():
            yield number, line
