"""Detect the encoding of text, and transcode it to UTF-8 while it is read."""

from __future__ import annotations

import codecs
import io
import re
from typing import IO, TYPE_CHECKING, Any

from foxgrape.errors import TableError, require_str

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["detect_encoding", "get_encoding", "open_as_utf8"]

_CHUNK = 2**16
#: Byte order marks, the longest first: that of UTF-32 begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
#: Encodings that spreadsheets and older systems write. The detector may choose among these only:
#: with more candidates, it prefers rare encodings for short texts.
_EIGHT_BIT = ["cp1251", "cp1252", "cp1250", "koi8_u", "cp866", "mac_cyrillic", "iso8859_5"]
#: By how much the second-best guess must be worse; the detector's measure goes from 0 to 1.
_MIN_MARGIN = 0.05
#: Fewer bytes than this are single bad bytes in a UTF-8 file, not another encoding.
_MIN_FOREIGN = 4
_MULTIBYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_XML_ENCODING = re.compile(rb"""\s*<\?xml[^>]*\bencoding=["'](?P<name>[^"']+)["']""")
_HIGH = re.compile(rb"[\x80-\xff]")
#: What a byte that the encoding does not have becomes; readers reject records that contain it.
_NONCHARACTER = "\uffff"


def get_encoding(name: str, *, file: object) -> str:
    """Return Python's name of an encoding; raise `TableError` for an unknown one.

    Examples
    --------
    >>> get_encoding("Windows-1251", file="posts.csv")
    'cp1251'
    """
    require_str(name, "encoding")
    try:
        "x".encode(name)  # raises for codecs that are not text encodings, such as base64
        return codecs.lookup(name).name
    except (LookupError, UnicodeError):
        raise TableError(
            "unknown encoding",
            file=file,
            expected="a name such as utf-8 or cp1251",
            got=name,
            argument=True,
        ) from None


def detect_encoding(start: bytes, *, file: object) -> tuple[str, bool]:
    """Return the encoding of a text's first bytes, and whether it is a guess.

    A byte order mark or the declaration of XML decides; else the text is UTF-8, or UTF-16 if every
    other byte is zero. Text with many bytes that are not UTF-8 is in an eight-bit encoding, which
    charset-normalizer guesses.

    Raises
    ------
    TableError
        If several eight-bit encodings are about equally likely.

    Examples
    --------
    >>> detect_encoding("id;text".encode("utf-16"), file="posts.csv")
    ('utf-16', False)
    >>> detect_encoding("Сьогодні наші воїни звільнили місто".encode("cp1251"), file="posts.csv")
    ('cp1251', True)
    """
    for mark, name in _MARKS.items():
        if start.startswith(mark):
            return name, False
    unmarked = _utf16_without_mark(start)
    if unmarked is not None:
        return unmarked, False
    valid = len(_MULTIBYTE.findall(start))
    foreign = len(_HIGH.findall(_MULTIBYTE.sub(b"", start)))
    # Text that was converted to UTF-8 may still declare the encoding that it had.
    if foreign > valid and (declared := _XML_ENCODING.match(start)):
        return get_encoding(declared["name"].decode("ascii", "replace"), file=file), False
    if foreign < max(_MIN_FOREIGN, valid) or b"\0" in start:  # the second: not text
        return "utf-8", False
    return _guess_eight_bit(start, file), True


def _utf16_without_mark(start: bytes) -> str | None:
    """Return the byte order if nearly every other byte of the first line is zero."""
    first = start[:40]
    for position, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = first[position::2].count(0), first[1 - position :: 2].count(0)
        if len(first) >= 4 and not others and zeros > len(first) // 3:  # noqa: PLR2004
            return name
    return None


def _guess_eight_bit(start: bytes, file: object) -> str:
    from charset_normalizer import from_bytes

    # Only lines with such bytes count, since columns of numbers dilute the measure.
    lines = b"\n".join(line for line in start.split(b"\n") if _HIGH.search(line))
    guesses = list(from_bytes(lines, cp_isolation=_EIGHT_BIT))
    if guesses and (len(guesses) == 1 or guesses[1].chaos - guesses[0].chaos >= _MIN_MARGIN):
        return str(guesses[0].encoding)
    names = sorted([str(guess.encoding) for guess in guesses] or _EIGHT_BIT, key=_EIGHT_BIT.index)
    raise TableError(
        "the text is not UTF-8, and its encoding cannot be detected",
        file=file,
        got=f"text that may be {', '.join(names)}",
        hint=f"pass encoding={names[0]!r}, or save the file as UTF-8",
    )


def open_as_utf8(stream: IO[bytes], encoding: str, *, replaced: tuple[str, str]) -> IO[bytes]:
    r"""Return a stream of the text as UTF-8, without a byte order mark.

    In the text, the first string of `replaced` becomes the second.

    Examples
    --------
    >>> stream = io.BytesIO("є\r".encode("cp1251"))
    >>> open_as_utf8(stream, "cp1251", replaced=("\r", "\n")).read().decode()
    'є\n'
    """
    codec = codecs.getincrementaldecoder(encoding)(errors="foxgrape_nonchar")
    chunks = _transcode(stream, codec, replaced)
    return io.BufferedReader(_Chunks(chunks), _CHUNK)


def _transcode(
    stream: IO[bytes], codec: codecs.IncrementalDecoder, replaced: tuple[str, str]
) -> Iterator[bytes]:
    while True:
        data = stream.read(_CHUNK)
        text = codec.decode(data, final=not data)
        if replaced[0]:
            text = text.replace(*replaced)
        yield text.encode("utf-8", "surrogatepass")
        if not data:
            return


class _Chunks(io.RawIOBase):
    """A stream of the bytes that an iterator yields."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def _nonchar(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _NONCHARACTER, error.end


codecs.register_error("foxgrape_nonchar", _nonchar)
