"""Input files as byte streams, decompressed and split into numbered records in bounded memory.

Files come from other tools and may be damaged or malicious: the content decides how a file is
read, never its name, and no file is read into memory as a whole.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from foxgrape._util.regular_files import open_regular
from foxgrape.errors import TableError
from foxgrape.io.encoding import detect_encoding, get_encoding, open_as_utf8
from foxgrape.io.file_kinds import is_binary

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "CHUNK",
    "MAX_DEPTH",
    "MAX_RATIO",
    "MAX_RECORD",
    "MAX_UNPACKED",
    "UNREADABLE",
    "BadRecordError",
    "CorruptFileError",
    "InputFile",
    "Record",
    "is_spreadsheet",
    "lines",
    "max_unpacked_size",
]

#: Number of bytes to read at a time.
CHUNK = 2**16
#: Maximum size of a record in bytes. An API page of 500 posts with referenced posts and users has
#: about 3 MB.
MAX_RECORD = 16 * 2**20
#: Maximum nesting depth of a record; real exports stay below 20.
MAX_DEPTH = 100
#: Unpacked size in bytes that is allowed for any compressed file, however small.
MAX_UNPACKED = 128 * 2**20
#: Maximum ratio of unpacked to compressed size, for larger files; real exports have 5 to 30.
MAX_RATIO = 100

#: Number of bytes to read at a time when nothing is kept.
_BLOCK = 2**20
_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
_BOM = b"\xef\xbb\xbf"
_UTF8 = {"utf-8", "utf-8-sig"}
#: Exceptions raised for damaged files: by pyarrow OSError, by zipfile and tarfile the others.
UNREADABLE = (
    OSError,
    EOFError,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
    RuntimeError,
)


class BadRecordError(ValueError):
    """A record violates its format: `reason` is one line, and `column` is set if it is known."""

    def __init__(self, reason: str, column: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.column = column


class CorruptFileError(Exception):
    """The rest of a file cannot be read: it is cut off, damaged, or beyond a limit.

    Attributes
    ----------
    is_damaged
        Whether the content before may be wrong too, since a checksum does not match.
    """

    is_damaged = False


class _DamagedFileError(CorruptFileError):
    is_damaged = True


@dataclass(frozen=True, slots=True)
class Record:
    """A numbered record of a file: its parsed value, or the error from parsing it."""

    #: Counted from 1; in a file of lines, the line number.
    number: int
    value: Any = None
    #: The record's text, for the quarantine.
    raw: str = ""
    error: BadRecordError | None = None


class InputFile:
    """An input file: its first bytes, and its decompressed content.

    Attributes
    ----------
    compression
        ``"gzip"``, ``"zstd"``, ``"zip"`` (with a single member) or None; for a member of an
        archive, the archive's kind.
    sheet
        Name of the worksheet to read, for a workbook; None for the first one with a table.
    encoding
        Python's name of the text's encoding, and None if the content is not text or is UTF-8.
    encoding_is_guessed
        Whether the encoding was chosen because the text looks like it.
    head
        The first 64 kB of the content, as UTF-8 without a byte order mark.
    continued
        The other files of the same export, in order, such as ``messages2.html``.
    unread
        Names of the files of other exports in the same folder or archive.

    Raises
    ------
    TableError
        If the file does not exist, is empty, or cannot be decompressed, or if its content is not
        what was compressed. If it is cut off, what comes before can be read.

    Examples
    --------
    >>> from foxgrape._util.files import study_folder
    >>> InputFile(study_folder("izium-2022") / "posts.csv").head[:7]
    b'post_id'
    """

    compression: str | None = None
    sheet: str | None = None
    encoding: str | None = None
    encoding_is_guessed = encoding_is_given = False
    head = b""
    _replaced = ("", "")
    _handle: IO[bytes] | None = None
    continued: tuple[InputFile, ...] = ()
    unread: tuple[str, ...] = ()

    def __init__(
        self, path: str | Path, *, encoding: str | None = None, sheet: str | None = None
    ) -> None:
        self.path = Path(path)
        self.sheet = sheet
        try:
            with self._open_raw() as handle:
                start = handle.read(CHUNK)
        except FileNotFoundError:
            raise TableError("no such file", file=self.path) from None
        except OSError as error:
            raise TableError(f"cannot open the file: {error.strerror}", file=self.path) from None
        self.compression = self._find_compression(start)
        try:
            self._verify()
            with self.open() as stream:
                self.head = _read_start(stream)
            if not is_binary(self.head) and not is_spreadsheet(self.path):
                self._set_encoding(encoding)
        except CorruptFileError as error:
            raise TableError(str(error), file=self.path) from None
        if not self.head.strip():
            raise TableError("the file is empty", file=self.path)

    def _verify(self) -> None:
        """Raise `CorruptFileError` if compressed content is damaged, rather than cut off.

        Checksums follow the content: without this, its records would be used before they fail.
        """
        if self.compression is None:
            return
        try:
            with self.open() as stream:
                while stream.read1(_BLOCK):  # type: ignore[attr-defined] # of buffered readers
                    pass
        except CorruptFileError as error:
            if error.is_damaged:
                raise

    def _set_encoding(self, given: str | None) -> None:
        """Detect the encoding unless it is given, and transcode the head."""
        if given is not None:
            name, self.encoding_is_given = get_encoding(given, file=self.path), True
        else:
            name, self.encoding_is_guessed = detect_encoding(self.head, file=self.path)
        if b"\r" in self.head and b"\n" not in self.head:  # lines end so on an old Mac
            self._replaced = ("\r", "\n")
        elif self.head.startswith(b"\x1e{"):  # a text sequence of JSON, RFC 7464
            self._replaced = ("\x1e", "")
        if name in _UTF8 and not self._replaced[0]:
            return
        self.encoding = name
        with self.open() as stream:
            self.head = _read_start(stream)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the decompressed content, text as UTF-8; a failed read raises `CorruptFileError`."""
        limit = None if self.compression is None else max_unpacked_size(self._packed_size())
        with self._open_raw() as handle, _LimitedStream(self._decompress(handle), limit) as raw:
            self._handle = handle
            stream = _BufferedReader(raw, CHUNK)
            if stream.peek(len(_BOM)).startswith(_BOM):
                stream.read(len(_BOM))
            if self.encoding is None:
                yield stream
            else:
                yield open_as_utf8(stream, self.encoding, replaced=self._replaced)

    @property
    def fraction_read(self) -> float:
        """Fraction of the file's compressed bytes that has been read."""
        if self._handle is None or self._handle.closed:
            return 1.0
        return self._handle.tell() / max(self.path.stat().st_size, 1)

    def sibling(self, name: str) -> InputFile | None:
        """Return the file of this name beside this file; None if there is no such file."""
        path = self.path.with_name(name)
        return InputFile(path) if path.is_file() and not path.is_symlink() else None

    def _open_raw(self) -> AbstractContextManager[IO[bytes]]:
        return open(self.path, "rb", opener=open_regular)

    def _packed_size(self) -> int:
        return self.path.stat().st_size

    def _find_compression(self, start: bytes) -> str | None:
        return _compression(start, self.path)

    def _decompress(self, handle: IO[bytes]) -> Any:
        if self.compression == "gzip":
            return gzip.GzipFile(fileobj=handle)
        if self.compression == "zstd":
            # pyarrow raises an error for a truncated frame; the zstandard package does not.
            import pyarrow as pa

            return pa.CompressedInputStream(pa.PythonFile(handle, mode="r"), "zstd")
        if self.compression == "zip":
            return _open_only_member(handle, self.path)
        return handle


def _read_start(stream: IO[bytes]) -> bytes:
    """Return the first 64 kB, or what can be read of them if the stream is damaged after it."""
    start = b""
    try:
        while len(start) < CHUNK and (data := stream.read1(CHUNK - len(start))):  # type: ignore[attr-defined] # of buffered readers
            start += data
    except CorruptFileError:
        if not start:
            raise
    return start


def max_unpacked_size(size: int) -> int:
    """Return how many bytes a compressed file of this size may unpack to.

    The limit rejects decompression bombs: small files that unpack to gigabytes.

    Examples
    --------
    >>> max_unpacked_size(1_000) >> 20, max_unpacked_size(10_000_000)
    (128, 1000000000)
    """
    return max(MAX_UNPACKED, MAX_RATIO * size)


class _LimitedStream(io.RawIOBase):
    """A stream that raises `CorruptFileError` if reading fails or exceeds `limit` bytes."""

    def __init__(self, source: Any, limit: int | None) -> None:
        self._source = source
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            # read1 returns what precedes damage; read would lose it.
            data = getattr(self._source, "read1", self._source.read)(len(buffer))
        except UNREADABLE as error:
            if isinstance(error, EOFError) or "truncated" in str(error).lower():
                reason = f"the file cannot be decompressed or is cut off: {error}"
                raise CorruptFileError(reason) from None
            reason = f"the compressed file is damaged: {error}"
            raise _DamagedFileError(reason) from None
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise CorruptFileError(
                    f"the file unpacks to more than {MAX_RATIO} times its size; "
                    "if you trust it, decompress it first"
                )
        buffer[: len(data)] = data
        return len(data)


class _BufferedReader(io.BufferedReader):
    """A buffered stream whose `read` returns what precedes damage; the next call raises."""

    _error: CorruptFileError | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes; io.BufferedReader discards them if a later one is damaged."""
        if self._error is not None:
            raise self._error
        if size is None or size < 0:
            return super().read(size)
        pieces: list[bytes] = []
        try:
            while size > 0 and (piece := self.read1(size)):
                pieces.append(piece)
                size -= len(piece)
        except CorruptFileError as error:
            if not pieces:
                raise
            self._error = error
        return b"".join(pieces)


def _compression(start: bytes, path: Path) -> str | None:
    if start.startswith(_GZIP):
        return "gzip"
    if start.startswith(_ZSTD):
        return "zstd"
    # An Excel workbook is also a zip archive, but is not unpacked here.
    if start.startswith(_ZIP) and not is_spreadsheet(path):
        return "zip"
    return None


def is_spreadsheet(path: Path) -> bool:
    """Return whether a file is an Excel workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except UNREADABLE:
        return False


def _open_only_member(handle: IO[bytes], path: Path) -> IO[bytes]:
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
        raise TableError(f"cannot read the zip archive: {error}", file=path) from None
    raise TableError(
        "the zip archive must hold a single file",
        file=path,
        got=", ".join(names[:10]) or "none",
        hint="extract the file with the posts or events and read that one",
    )


def lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Yield the non-blank lines with their numbers, and None for a line that is too long.

    A line longer than `MAX_RECORD` is skipped in pieces, so that it is never in memory as a whole.
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
