"""Records out of JSON: lines, arrays and documents of any size, in bounded memory.

JSON lines are read one by one with the standard library, so that a broken line costs that line.
A document is streamed with ijson, so a broken place costs what follows it.
"""

from __future__ import annotations

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
    "document",
    "is_lines",
    "items",
    "json_lines",
    "key_paths",
    "records_in",
    "repair_escapes",
    "values",
]

Path = tuple[str, ...]

# Escapes, pairs of surrogates before halves, so that a scan from the left meets each as it is.
_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(
    b"(?P<pair>" + _HIGH + _LOW + b")|(?P<half>" + _HIGH + b"|" + _LOW + b")"
    rb"|(?P<hex>\\x[0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
_SUSPECT = re.compile(rb"\\x|\\u[dD][89a-fA-F]")
_LONGEST_ESCAPE = len(rb"\ud83d\ude00")


def repair_escapes(chunks: Iterator[bytes]) -> Iterator[bytes]:
    r"""Mend the escapes in pieces of JSON, wherever the pieces were cut.

    Telegram Desktop writes control characters as ``\x0B``, which is no JSON; it becomes
    ``\u000B``. Half of a surrogate pair is no character: some parsers make it ``?``, or another
    emoji together with the letter that follows. It becomes U+FFFF, by which its record is refused.

    Examples
    --------
    >>> b"".join(mended(iter([rb'"a\x', rb'0Bb" "\\x0B"'])))
    b'"a\\u000Bb" "\\\\x0B"'
    """
    rest = b""
    for chunk in chunks:
        data = rest + chunk
        cut = _open_escape(data)
        data, rest = data[:cut], data[cut:]
        if data:
            yield _ESCAPE.sub(_mend, data) if _SUSPECT.search(data) else data
    if rest:
        yield _ESCAPE.sub(_mend, rest)


def _mend(match: re.Match[bytes]) -> bytes:
    if match["hex"]:
        return rb"\u00" + match["hex"][2:]
    return rb"\uffff" if match["half"] else match[0]


def _open_escape(data: bytes) -> int:
    """Return where an escape starts that the next piece may complete; the end if there is none."""
    start = data.rfind(b"\\", max(0, len(data) - _LONGEST_ESCAPE))
    if start < 0 or not _starts_escape(data, start):
        return len(data)
    before = start - len(rb"\ud83d")
    if before >= 0 and re.fullmatch(_HIGH, data[before:start]) and _starts_escape(data, before):
        return before
    return start


def _starts_escape(data: bytes, at: int) -> bool:
    """Tell whether this backslash is one itself, or the second of an escaped one."""
    run = data[: at + 1]
    return (len(run) - len(run.rstrip(b"\\"))) % 2 == 1


class _Feed:
    """What ijson reads from: mended pieces, and an end to records that are too large."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._pieces = repair_escapes(iter(lambda: stream.read(CHUNK), b""))
        self.since = 0

    def read(self, size: int = -1) -> bytes:
        if size == 0:
            return b""
        if self.since > MAX_RECORD:
            raise CorruptFileError(f"a record is larger than {MAX_RECORD >> 20} MB")
        piece = next(self._pieces, b"")
        self.since += len(piece)
        return piece


def values(
    stream: IO[bytes],
    wanted: Collection[Path],
    *,
    marks: Collection[Path] = (),
    several: bool = False,
) -> Iterator[tuple[Path, Any]]:
    """Return the values at the wanted paths of a JSON document, in the order of the file.

    Parameters
    ----------
    stream
        UTF-8.
    wanted
        Paths from the root; any element of an array is ``"item"``.
    marks
        Paths of objects and arrays whose beginning is told, with None for a value.
    several
        Whether documents may follow one another.

    Raises
    ------
    BrokenError
        If the JSON is cut off or broken, nested too deeply, or a record is too large.

    Examples
    --------
    >>> import io
    >>> list(values(io.BytesIO(b'{"name": "a", "posts": [{"id": 1}]}'), {("posts", "item")}))
    [(('posts', 'item'), {'id': 1})]
    """
    feed = _Feed(stream)
    lengths = {len(path) for path in wanted}
    builder, built, target = None, 0, ()  # type: tuple[ObjectBuilder | None, int, Path]
    try:
        for path, event, value in _walk(feed, several=several):
            if builder is None and event not in _NO_VALUE:
                if event in _STARTS and marks and tuple(path) in marks:
                    yield tuple(path), None
                if len(path) in lengths and (here := tuple(path)) in wanted:
                    builder, built, target = ObjectBuilder(), len(path), here
            if builder is not None:
                builder.event(event, value)
                if len(path) == built and event not in _STARTS:
                    yield target, builder.value
                    builder = None
                    feed.since = 0
    except (JSONError, ValueError) as error:
        raise CorruptFileError(f"the JSON is broken or cut off: {_first_line(error)}") from None


_STARTS = {"start_map", "start_array"}
_NO_VALUE = {"map_key", "end_map", "end_array"}


def _walk(feed: _Feed, *, several: bool) -> Iterator[tuple[list[str], str, Any]]:
    """Return ijson's events, each with the path at which it stands: one list, which changes."""
    path: list[str] = []
    for event, value in ijson.basic_parse(feed, multiple_values=several):
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
    """Return what yajl says, without its drawing of the place; it may be bytes as text."""
    text = str(error).removeprefix("b'").removeprefix('b"')
    return text.split("\\n")[0].split("\n")[0].strip()


def json_lines(numbered: Iterable[tuple[int, bytes | None]]) -> Iterator[Record]:
    """Return one record a line of `foxgrape.io.stream.lines`; bad JSON is a bad record."""
    for number, line in numbered:
        if line is None:
            bad = BadRecordError(f"the line is longer than {MAX_RECORD >> 20} MB")
            yield Record(number, bad=bad)
            continue
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raw = line[:4_000].decode("utf-8", "replace")
            yield Record(number, raw=raw, bad=BadRecordError(f"not UTF-8: {error.reason}"))
            continue
        try:
            yield Record(number, json.loads(text), text[:4_000])
        except RecursionError:
            yield Record(number, raw=text[:4_000], bad=BadRecordError("nested too deeply"))
        except ValueError as error:
            bad = BadRecordError(f"not JSON: {error}")
            yield Record(number, raw=text[:4_000], bad=bad)


def document(stream: IO[bytes], path: Path, *, several: bool = False) -> Iterator[Record]:
    """Return one record for each value at a path of a document."""
    array = path[:-1]
    number, there = 0, not path
    for at, value in values(stream, {path}, marks={array} if path else (), several=several):
        if path and at == array:
            there = True
            continue
        number += 1
        yield Record(number, value, json_preview(value))
    if not there:
        raise CorruptFileError(f"there is no array of records at {'.'.join(array) or 'the top'}")


def json_preview(value: Any) -> str:
    """Return a value as the start of its JSON."""
    return json.dumps(value, ensure_ascii=False, default=str)[:4_000]


def is_lines(head: bytes) -> bool:
    """Tell whether the content is JSON lines: one of its first lines is a whole object.

    Examples
    --------
    >>> is_lines(b'{"id": 1}'), is_lines(b'{')
    (True, False)
    """
    content = head.lstrip()
    # One line that is longer than the head: pretty-printed JSON breaks early, so it is none.
    if b"\n" not in content and len(head) >= CHUNK:
        return content.startswith(b"{")
    # The first line may be the broken one; what is indented is a part of a document.
    return any(_is_object(line) for line in content.split(b"\n")[:5] if line.startswith(b"{"))


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode("utf-8")), dict)
    except (ValueError, RecursionError):
        return False


def key_paths(head: bytes) -> frozenset[Path]:
    """Return the paths of the keys in the beginning of JSON, those of an array's items as theirs.

    Examples
    --------
    >>> sorted(shape(b'[{"post": {"uri": "at:'))
    [('post',), ('post', 'uri')]
    """
    found: set[Path] = set()
    # The first line may be the broken one.
    for start in [head, *head.split(b"\n")[1:5]]:
        try:
            for path, event, _ in _walk(_Feed(io.BytesIO(start)), several=True):
                if event == "map_key":
                    found.add(tuple(path[1:] if path[0] == "item" else path))
        except (JSONError, ValueError, CorruptFileError):
            continue  # the head is cut off somewhere: what stood before it counts
    return frozenset(found)


def items(stream: IO[bytes], head: bytes, key: str) -> Iterator[Record]:
    """Return what pages hold in the array under a key: pages a line, in an array, or one alone.

    A record that has no such key is returned itself: some tools keep the items without pages.
    """
    path = (key, "item") if (key,) in key_paths(head) else ()
    for record in records_in(stream, head, path):
        page = record.value
        if record.bad or not isinstance(page, dict) or key not in page:
            yield record
        elif not isinstance(page[key], list):
            yield replace(record, bad=BadRecordError(f"{key} is no array", key))
        else:
            for item in page[key]:
                yield Record(record.number, item, json_preview(item))


def records_in(stream: IO[bytes], head: bytes, path: Path = ()) -> Iterator[Record]:
    """Return the records of JSON lines, of an array, or of a document that holds them at `path`."""
    if head.lstrip().startswith(b"["):
        return document(stream, ("item", *path))
    if is_lines(head):
        return json_lines(lines(stream))
    return document(stream, path, several=True)
