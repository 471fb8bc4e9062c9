"""Records from JSON lines, arrays and documents of any size, in bounded memory.

JSON lines are parsed one by one with the standard library, so an invalid line is the only one lost.
Other documents are streamed with ijson, so everything after invalid JSON is lost.
"""

from __future__ import annotations

import codecs
import io
import json
import re
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

import ijson
from ijson.common import JSONError, ObjectBuilder

from foxgrape.io.stream import (
    CHUNK,
    MAX_DEPTH,
    MAX_RECORD,
    BadRecordError,
    CorruptFileError,
    Record,
    lines,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

__all__ = [
    "array_records",
    "document_records",
    "is_json_lines",
    "iter_records",
    "iter_values",
    "json_lines",
    "json_preview",
    "key_paths",
    "page_items",
    "repair_escapes",
]

Path = tuple[str, ...]

# Match surrogate pairs before halves, so that half of a pair is never taken for an unpaired one.
_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(
    b"(?P<pair>" + _HIGH + _LOW + b")|(?P<half>" + _HIGH + b"|" + _LOW + b")"
    rb"|(?P<hex>\\x[0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
_SUSPECT = re.compile(rb"\\x|\\u[dD][89a-fA-F]")
_LONGEST_ESCAPE = len(rb"\ud83d\ude00")
#: White space and commas between the elements of an array.
_BETWEEN = re.compile(r"[\s,]*")
#: More digits than any number has. ijson ends the process at integers of more than 4,300 digits,
#: which Python refuses to convert.
_MAX_DIGITS = 2_000
_BACKSLASHED = re.compile(rb"\\[\\\"]")
_LONG_NUMBER = re.compile(rb"[0-9]{%d}" % (_MAX_DIGITS + 1))
_STARTS = {"start_map", "start_array"}
_NO_VALUE = {"map_key", "end_map", "end_array"}
#: Number of characters of the text that `Record.raw` keeps.
_PREVIEW = 4_000


def repair_escapes(chunks: Iterator[bytes]) -> Iterator[bytes]:
    r"""Replace invalid escapes in chunks of JSON, even if an escape spans two chunks.

    Telegram Desktop writes control characters as ``\x0B``, which is not JSON; it becomes
    ``\u000B``. An unpaired surrogate becomes U+FFFF, so that its record is rejected later; some
    parsers would turn it into ``?``, or combine it with the next letter into an emoji.

    Examples
    --------
    >>> b"".join(repair_escapes(iter([rb'"a\x', rb'0Bb" "\\x0B"'])))
    b'"a\\u000Bb" "\\\\x0B"'
    """
    rest = b""
    for chunk in chunks:
        data = rest + chunk
        cut = _incomplete_escape(data)
        data, rest = data[:cut], data[cut:]
        if data:
            yield _ESCAPE.sub(_repair, data) if _SUSPECT.search(data) else data
    if rest:
        yield _ESCAPE.sub(_repair, rest)


def _repair(match: re.Match[bytes]) -> bytes:
    if match["hex"]:
        return rb"\u00" + match["hex"][2:]
    return rb"\uffff" if match["half"] else match[0]


def _incomplete_escape(data: bytes) -> int:
    """Return the start of an escape that may continue in the next chunk; else the data's length."""
    start = data.rfind(b"\\", max(0, len(data) - _LONGEST_ESCAPE))
    if start < 0 or not _starts_escape(data, start):
        return len(data)
    before = start - len(rb"\ud83d")
    if before >= 0 and re.fullmatch(_HIGH, data[before:start]) and _starts_escape(data, before):
        return before
    return start


def _starts_escape(data: bytes, position: int) -> bool:
    """Return whether the backslash at this position starts an escape, and is not itself escaped."""
    run = data[: position + 1]
    return (len(run) - len(run.rstrip(b"\\"))) % 2 == 1


class _RepairedStream:
    """Input stream for ijson that repairs escapes, and rejects too large records and numbers."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._chunks = repair_escapes(iter(lambda: stream.read(CHUNK), b""))
        self._quotes = 0
        self._error: CorruptFileError | None = None
        self.record_size = 0

    def read(self, size: int = -1) -> bytes:
        if size == 0:
            return b""
        if self._error is not None:
            raise self._error
        if self.record_size > MAX_RECORD:
            raise CorruptFileError(f"a record is larger than {MAX_RECORD >> 20} MB")
        chunk = self._before_long_number(next(self._chunks, b""))
        self.record_size += len(chunk)
        if self._error is not None and not chunk:
            raise self._error
        return chunk

    def read_several(self, count: int) -> list[bytes]:
        """Read several times; if a later read fails, return the parts before, and raise next."""
        parts = [self.read()]
        try:
            parts.extend(self.read() for _ in range(count - 1))
        except CorruptFileError as error:
            self._error = error
        return parts

    def _before_long_number(self, chunk: bytes) -> bytes:
        """Return what precedes a number that is too long; the next read raises an error for it.

        Digits in a string are no number.
        """
        for run in _LONG_NUMBER.finditer(chunk):
            if (self._quotes + _count_quotes(chunk[: run.start()])) % 2 == 0:
                self._error = CorruptFileError(f"a number has more than {_MAX_DIGITS:,} digits")
                return chunk[: run.start()]
        self._quotes += _count_quotes(chunk)
        return chunk


def _count_quotes(data: bytes) -> int:
    """Return the number of quotes that start or end a string."""
    return data.count(b'"') - _BACKSLASHED.findall(data).count(b'\\"')


def iter_values(
    stream: IO[bytes],
    wanted: Collection[Path],
    *,
    starts: Collection[Path] = (),
    several: bool = False,
) -> Iterator[tuple[Path, Any]]:
    """Yield the values at the wanted paths of a JSON document, in file order.

    Parameters
    ----------
    stream
        UTF-8 bytes.
    wanted
        Paths from the root; an element of an array is ``"item"``.
    starts
        Paths of objects and arrays to report when they start, with None as their value.
    several
        Whether the stream may contain several documents, one after another.

    Raises
    ------
    CorruptFileError
        If the JSON is cut off or invalid, nested too deeply, or a record is too large.

    Examples
    --------
    >>> import io
    >>> stream = io.BytesIO(b'{"name": "a", "posts": [{"id": 1}]}')
    >>> list(iter_values(stream, {("posts", "item")}))
    [(('posts', 'item'), {'id': 1})]
    """
    source = _RepairedStream(stream)
    lengths = {len(path) for path in wanted}
    builder, depth, target = None, 0, ()  # type: tuple[ObjectBuilder | None, int, Path]
    try:
        for path, event, value in _iter_events(source, several=several):
            if builder is None and event not in _NO_VALUE:
                if event in _STARTS and starts and tuple(path) in starts:
                    yield tuple(path), None
                if len(path) in lengths and (current := tuple(path)) in wanted:
                    builder, depth, target = ObjectBuilder(), len(path), current
            if builder is not None:
                builder.event(event, value)
                if len(path) == depth and event not in _STARTS:
                    yield target, builder.value
                    builder = None
                    source.record_size = 0
    except (JSONError, ValueError) as error:
        raise CorruptFileError(f"the JSON is invalid or cut off: {_first_line(error)}") from None


def _iter_events(source: _RepairedStream, *, several: bool) -> Iterator[tuple[list[str], str, Any]]:
    """Yield ijson's events with their paths; the path is a single list that is changed in place."""
    path: list[str] = []
    for event, value in ijson.basic_parse(source, multiple_values=several):
        if event == "map_key":
            path[-1] = value
        elif event in _NO_VALUE:
            path.pop()
        yield path, event, value
        if event in _STARTS:
            path.append("item" if event == "start_array" else "")
            if len(path) > MAX_DEPTH:
                raise CorruptFileError(f"a record is nested deeper than {MAX_DEPTH}")


def _first_line(error: Exception) -> str:
    """Return yajl's message, which may be the repr of bytes, without the excerpt of the input."""
    text = str(error).removeprefix("b'").removeprefix('b"')
    return text.split("\\n")[0].split("\n")[0].strip()


def json_lines(numbered: Iterable[tuple[int, bytes | None]]) -> Iterator[Record]:
    """Yield a record per line of `foxgrape.io.stream.lines`, with an error for an invalid line."""
    for number, line in numbered:
        if line is None:
            error = BadRecordError(f"the line is longer than {MAX_RECORD >> 20} MB")
            yield Record(number, error=error)
            continue
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError as invalid:
            raw = line[:_PREVIEW].decode("utf-8", "replace")
            yield Record(number, raw=raw, error=BadRecordError(f"not UTF-8: {invalid.reason}"))
            continue
        raw = text[:_PREVIEW]
        try:
            yield Record(number, json.loads(text), raw)
        except RecursionError:
            yield Record(number, raw=raw, error=BadRecordError("nested too deeply"))
        except ValueError as invalid:
            yield Record(number, raw=raw, error=BadRecordError(f"not JSON: {invalid}"))


def document_records(stream: IO[bytes], path: Path, *, several: bool = False) -> Iterator[Record]:
    """Yield a record for each value at `path`; raise `CorruptFileError` if its array is missing."""
    array = path[:-1]
    number, exists = 0, not path
    for current, value in iter_values(
        stream, {path}, starts={array} if path else (), several=several
    ):
        if path and current == array:
            exists = True
            continue
        number += 1
        yield Record(number, value, json_preview(value))
    if not exists:
        raise CorruptFileError(f"no array of records at {'.'.join(array) or 'the top level'}")


def array_records(stream: IO[bytes]) -> Iterator[Record]:
    """Yield a record for each element of a JSON array of small objects, or of several arrays.

    Several arrays result from appending the answers of an API to one file. Unlike
    `document_records`, this uses the standard library, so that numbers and ``NaN`` are read as in
    JSON lines.
    """
    chunks = _RepairedStream(stream)
    decoder, codec = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8")("surrogateescape")
    text, at, number, size = "", 0, 1, CHUNK
    ended, inside = False, False
    while True:
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr] # matches an empty text
        if text[at : at + 1] == ("]" if inside else "["):
            at, inside = at + 1, not inside
            continue
        if not inside and at < len(text):
            raise CorruptFileError("the file goes on after the end of the JSON array")
        if not inside and ended:
            return
        try:
            value, end = decoder.raw_decode(text, at)
            complete = ended or end < len(text)
        except RecursionError:
            raise CorruptFileError("a record is nested too deeply") from None
        except ValueError as error:
            complete = False
            if ended:
                raise CorruptFileError(f"the JSON is invalid or cut off: {error}") from None
        if complete:
            yield Record(number, value, text[at:end][:_PREVIEW])
            number, at, size = number + 1, end, CHUNK
            continue
        # Read twice as much after each failure, so that the time stays linear.
        chunks.record_size = 0
        parts = chunks.read_several(size // CHUNK)
        ended = not parts[-1]
        text, at, size = text[at:] + codec.decode(b"".join(parts), final=ended), 0, 2 * size
        if len(text) > MAX_RECORD + CHUNK:
            raise CorruptFileError(f"a record is larger than {MAX_RECORD >> 20} MB, or invalid")


def json_preview(value: Any) -> str:
    """Return the start of a value's JSON, for `Record.raw`."""
    return json.dumps(value, ensure_ascii=False, default=str)[:_PREVIEW]


def is_json_lines(head: bytes) -> bool:
    """Return whether the content is JSON lines: one of its first lines is a complete object.

    Examples
    --------
    >>> is_json_lines(b'{"id": 1}'), is_json_lines(b'{')
    (True, False)
    """
    content = head.lstrip()
    if content.startswith(b"["):
        return False
    # Without a line break, the head is part of one long line: pretty-printed JSON has early breaks.
    if b"\n" not in content and len(head) >= CHUNK:
        return content.startswith(b"{")
    # The first line may be invalid; an indented line belongs to a pretty-printed document.
    return any(_is_object(line) for line in content.split(b"\n")[:5] if line.startswith(b"{"))


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode("utf-8")), dict)
    except (ValueError, RecursionError):
        return False


def key_paths(head: bytes) -> frozenset[Path]:
    """Return the paths of all keys at the start of JSON; paths in a top-level array omit "item".

    Examples
    --------
    >>> sorted(key_paths(b'[{"post": {"uri": "at:'))
    [('post',), ('post', 'uri')]
    """
    paths: set[Path] = set()
    # Also parse from later lines, in case the first is invalid.
    for start in [head, *head.split(b"\n")[1:5]]:
        try:
            for path, event, _ in _iter_events(_RepairedStream(io.BytesIO(start)), several=True):
                if event == "map_key":
                    paths.add(tuple(path[1:] if path[0] == "item" else path))
        except (JSONError, ValueError, CorruptFileError):
            continue  # cut off or invalid; keep the keys before that
    return frozenset(paths)


def page_items(stream: IO[bytes], head: bytes, key: str) -> Iterator[Record]:
    """Yield the items of an API's pages, from the array under `key` in each page.

    Pages may be lines, elements of an array, or a single document. A record without the key is
    taken as an item, since some tools save items without their pages.
    """
    path = (key, "item") if (key,) in key_paths(head) else ()
    for record in iter_records(stream, head, path):
        page = record.value
        if record.error or not isinstance(page, dict) or key not in page:
            yield record
        elif not isinstance(page[key], list):
            yield replace(record, error=BadRecordError("expected an array", key))
        else:
            for item in page[key]:
                yield Record(record.number, item, json_preview(item))


def iter_records(stream: IO[bytes], head: bytes, path: Path = ()) -> Iterator[Record]:
    """Return the records of JSON lines, of a JSON array, or at `path` in a document."""
    if head.lstrip().startswith(b"["):
        return document_records(stream, ("item", *path), several=True)
    if is_json_lines(head):
        return json_lines(lines(stream))
    return document_records(stream, path, several=True)
