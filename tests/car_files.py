"""Write DAG-CBOR and CAR files, for tests of their readers."""

from __future__ import annotations

import hashlib
import struct

from foxgrape.io.dag_cbor import Cid

__all__ = ["car_file", "encode_cbor"]

_PREFIX = b"\x01\x71\x12\x20"


def _head(kind, number):
    if number < 24:
        return bytes([kind << 5 | number])
    for argument, form in ((24, ">B"), (25, ">H"), (26, ">I"), (27, ">Q")):
        if number < 1 << 8 * struct.calcsize(form):
            return bytes([kind << 5 | argument]) + struct.pack(form, number)
    raise OverflowError(number)


def encode_cbor(value):
    """Return a value as DAG-CBOR."""
    for kind, write in _WRITERS.items():
        if isinstance(value, kind):
            return write(value)
    raise TypeError(value)


def _write_map(value):
    # Keys are sorted by length, then by their bytes.
    items = sorted((encode_cbor(key), encode_cbor(item)) for key, item in value.items())
    return _head(5, len(items)) + b"".join(key + item for key, item in items)


#: Subclasses before their base classes.
_WRITERS = {
    type(None): lambda _: b"\xf6",
    bool: lambda value: b"\xf5" if value else b"\xf4",
    float: lambda value: b"\xfb" + struct.pack(">d", value),
    int: lambda value: _head(0, value) if value >= 0 else _head(1, -1 - value),
    Cid: lambda value: _head(6, 42) + encode_cbor(b"\0" + bytes(value)),
    bytes: lambda value: _head(2, len(value)) + value,
    str: lambda value: _head(3, len(value.encode())) + value.encode(),
    list: lambda value: _head(4, len(value)) + b"".join(map(encode_cbor, value)),
    dict: _write_map,
}


def _varint(number):
    more, last = [], number
    while last >= 0x80:
        more.append(last & 0x7F | 0x80)
        last >>= 7
    return bytes([*more, last])


def _block(value):
    data = encode_cbor(value)
    cid = Cid(_PREFIX + hashlib.sha256(data).digest())
    return cid, _varint(len(cid) + len(data)) + cid + data


def car_file(did, records, stale=()):
    """Return a CAR file with records by key, in a tree of two levels, and records of no key."""
    blocks, links = [], {}
    for key, record in sorted(records.items()):
        links[key], block = _block(record)
        blocks.append(block)
    blocks += [_block(record)[1] for record in stale]

    def node(keys, left=None, right=None):
        entries, last = [], ""
        for key in keys:
            shared = next(
                (n for n, pair in enumerate(zip(key, last, strict=False)) if pair[0] != pair[1]),
                min(len(key), len(last)),
            )
            rest = key[shared:].encode()
            entries.append({"p": shared, "k": rest, "v": links[key], "t": None})
            last = key
        if entries:
            entries[-1]["t"] = right
        cid, block = _block({"l": left, "e": entries})
        blocks.append(block)
        return cid

    keys = sorted(links)
    middle = len(keys) // 2
    left = node(keys[: middle // 2]) if middle // 2 else None
    right = node(keys[middle:])
    root = node(keys[middle // 2 : middle], left, right) if middle else right
    commit, block = _block({"did": did, "version": 3, "data": root, "rev": "3k", "prev": None})
    header = encode_cbor({"roots": [commit], "version": 1})
    return _varint(len(header)) + header + block + b"".join(blocks)
