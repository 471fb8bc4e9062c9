"""Values written as DAG-CBOR: CBOR (RFC 8949) with definite lengths and links to other blocks."""

from __future__ import annotations

import struct
from typing import Any

from foxgrape.io.stream import MAX_DEPTH, CorruptFileError

__all__ = ["Cid", "decode_cbor"]

#: Major types of CBOR, in the first three bits of a value; the other five are its argument.
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
#: Arguments from 24 to 27 say how many bytes the argument has that follows.
_LONG = {24: ">B", 25: ">H", 26: ">I", 27: ">Q"}
_MIN_LONG, _FLOAT, _LINK = min(_LONG), 27, 42
_CONSTANTS = {20: False, 21: True, 22: None}


class Cid(bytes):
    """A link to a block: its hash, after the numbers of the formats of the block and the hash."""

    __slots__ = ()


def decode_cbor(data: bytes) -> Any:
    """Return the value that `data` encodes; raise `CorruptFileError` if it is invalid.

    Examples
    --------
    >>> decode_cbor(bytes.fromhex("a16474657874f6"))
    {'text': None}
    """
    decoder = _Decoder(data)
    try:
        value = decoder.value(0)
    except (IndexError, struct.error, UnicodeDecodeError, TypeError) as error:
        raise CorruptFileError(f"invalid DAG-CBOR: {error}") from None
    if decoder.position != len(data):
        raise CorruptFileError("invalid DAG-CBOR: more than one value")
    return value


class _Decoder:
    def __init__(self, data: bytes) -> None:
        self.position = 0
        self._data = data

    def value(self, depth: int) -> Any:
        """Return the value at the position, and move to its end."""
        if depth > MAX_DEPTH:
            raise CorruptFileError(f"a block is nested deeper than {MAX_DEPTH}")
        kind, argument = divmod(self._take(1)[0], 1 << 5)
        if kind == _SIMPLE:
            return self._simple(argument)
        number = self._number(argument)
        if kind in {_UNSIGNED, _NEGATIVE}:
            return number if kind == _UNSIGNED else -1 - number
        if kind in {_BYTES, _TEXT}:
            data = self._take(number)
            return data if kind == _BYTES else data.decode("utf-8")
        if kind == _TAG:
            return self._link(number, self.value(depth + 1))
        if kind == _ARRAY:
            return [self.value(depth + 1) for _ in range(number)]
        return {self.value(depth + 1): self.value(depth + 1) for _ in range(number)}

    def _take(self, size: int) -> bytes:
        start, self.position = self.position, self.position + size
        if self.position > len(self._data):
            raise IndexError("the block is cut off")
        return self._data[start : self.position]

    def _unpack(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _number(self, argument: int) -> int:
        if argument < _MIN_LONG:
            return argument
        if argument not in _LONG:
            raise CorruptFileError("invalid DAG-CBOR: an indefinite length")
        return int(self._unpack(_LONG[argument]))

    def _simple(self, argument: int) -> Any:
        if argument == _FLOAT:
            return self._unpack(">d")
        if argument not in _CONSTANTS:
            raise CorruptFileError(f"invalid DAG-CBOR: simple value {argument}")
        return _CONSTANTS[argument]

    @staticmethod
    def _link(tag: int, content: Any) -> Cid:
        # The bytes of a CID follow a zero.
        if tag != _LINK or not isinstance(content, bytes):
            raise CorruptFileError(f"invalid DAG-CBOR: tag {tag}")
        return Cid(content[1:])
