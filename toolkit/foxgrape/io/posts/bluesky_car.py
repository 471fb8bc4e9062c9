"""Read the CAR file of a Bluesky account's repository, as ``com.atproto.sync.getRepo`` returns it.

A CAR file is a list of blocks, each named by its hash (CID) and written as DAG-CBOR: one is the
commit, which names the account; some are nodes of a search tree from keys to records; the others
are the records. Only records in the tree of the commit are current.
"""

from __future__ import annotations

import hashlib
import re
from typing import IO, TYPE_CHECKING, Any, ClassVar

from foxgrape.io.base import ReadContext, Reader
from foxgrape.io.convert import get_nested
from foxgrape.io.dag_cbor import Cid, decode_cbor
from foxgrape.io.json_records import json_preview
from foxgrape.io.posts.bluesky import BlueskyReader, record_rows
from foxgrape.io.stream import MAX_DEPTH, MAX_RECORD, CorruptFileError, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.io.stream import InputFile

__all__ = ["BlueskyCarReader"]

_START = re.compile(rb".{1,3}\xa2\x65roots[\x80-\x9f]", re.DOTALL)
#: CID, version 1, of DAG-CBOR, with a SHA-256 hash of 32 bytes.
_CID = b"\x01\x71\x12\x20"
_CID_SIZE = len(_CID) + 32
_POSTS = ("app.bsky.feed.post/", "app.bsky.feed.repost/")
#: Bit of a byte of a number that is set if more bytes follow.
_MORE = 0x80


class BlueskyCarReader(Reader):
    """Reads the posts and reposts of a repository, in the order of their keys."""

    name = "bluesky_car"
    extra: ClassVar = BlueskyReader.extra

    def matches(self, file: InputFile, paths: frozenset[tuple[str, ...]]) -> bool:  # noqa: ARG002
        """Return whether the file starts with the header of a CAR file."""
        return _START.match(file.head) is not None

    def records(self, file: InputFile, context: ReadContext) -> Iterator[Record]:  # noqa: ARG002
        """Yield the address and the record of each post and repost."""
        with file.open() as stream:
            header = decode_cbor(_read(stream, _varint(stream)))
            roots = get_nested(header, "roots")
            blocks = {cid: value for cid, value in _blocks(stream) if _is_wanted(value)}
        commit = blocks.get(roots[0]) if isinstance(roots, list) and roots else None
        did = get_nested(commit, "did")
        if not isinstance(did, str):
            raise CorruptFileError("the CAR file has no commit that names its account")
        number = 0
        for key, cid in _entries(get_nested(commit, "data"), blocks, 0):
            if key.startswith(_POSTS):
                number += 1
                value = (f"at://{did}/{key}", blocks.get(cid))
                yield Record(number, value, json_preview(value))

    def rows(self, value: Any, context: ReadContext) -> list[dict[str, Any]]:
        """Return the row of a post or repost."""
        return record_rows(value[0], value[1], context)


def _is_wanted(value: Any) -> bool:
    """Return whether a block is the commit, a node of the tree, a post or a repost."""
    if not isinstance(value, dict):
        return False
    return "$type" not in value or f"{value['$type']}/" in _POSTS


def _blocks(stream: IO[bytes]) -> Iterator[tuple[Cid, Any]]:
    """Yield each block with its CID, after comparing it with the hash."""
    while (size := _varint(stream, may_end=True)) >= 0:
        block = _read(stream, size)
        cid, data = block[:_CID_SIZE], block[_CID_SIZE:]
        if cid.startswith(_CID):  # other blocks are images and videos
            if hashlib.sha256(data).digest() != cid[len(_CID) :]:
                raise CorruptFileError("a block of the CAR file differs from its hash")
            yield Cid(cid), decode_cbor(data)


def _read(stream: IO[bytes], size: int) -> bytes:
    if size > MAX_RECORD:
        raise CorruptFileError(f"a block is larger than {MAX_RECORD >> 20} MB")
    block = stream.read(size)
    if len(block) != size:
        raise CorruptFileError("the CAR file is cut off")
    return block


def _varint(stream: IO[bytes], *, may_end: bool = False) -> int:
    """Read an unsigned LEB128 number; -1 at the end of the file, if it may end."""
    number = 0
    for shift in range(0, 63, 7):
        byte = stream.read(1)
        if not byte:
            if may_end and not shift:
                return -1
            break
        number |= (byte[0] & ~_MORE) << shift
        if not byte[0] & _MORE:
            return number
    raise CorruptFileError("the CAR file is cut off, or a length in it is invalid")


def _entries(node: Any, blocks: dict[Cid, Any], depth: int) -> Iterator[tuple[str, Cid]]:
    """Yield the keys and CIDs in a tree; each key of a node omits what it shares with the last."""
    if node is None:
        return
    tree = blocks.get(node) if isinstance(node, Cid) else None
    entries = get_nested(tree, "e")
    if not isinstance(tree, dict) or not isinstance(entries, list) or depth > MAX_DEPTH:
        raise CorruptFileError("a node of the repository's tree is missing or invalid")
    yield from _entries(tree.get("l"), blocks, depth + 1)
    key = b""
    for entry in entries:
        shared, rest, cid = (get_nested(entry, name) for name in "pkv")
        if not (isinstance(shared, int) and isinstance(rest, bytes) and isinstance(cid, Cid)):
            raise CorruptFileError("an entry of the repository's tree is invalid")
        key = key[:shared] + rest
        yield key.decode("utf-8", "replace"), cid
        yield from _entries(entry.get("t"), blocks, depth + 1)
