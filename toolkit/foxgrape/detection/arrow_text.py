# ruff: noqa: PLR2004 - the byte values are those of RFC 3629
"""Columns of text as Arrow buffers, and decoding of the UTF-8 in them.

Arrow columns, and the pandas text columns that wrap them, are not copied; a list is copied once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from foxgrape.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from foxgrape._util.typing import BoolArray, IntArray, UInt8Array, UInt64Array


__all__ = [
    "TextBuffers",
    "arrow_buffers",
    "as_arrow",
    "decode_code_point",
    "decode_malformed",
    "texts_at",
]

_SURROGATE = re.compile("[\ud800-\udfff]")
_ALL_VALID = np.zeros(0, np.bool_)
_REPLACEMENT = 0xFFFD


@dataclass(frozen=True, slots=True, eq=False)
class TextBuffers:
    """The buffers of consecutive texts of a column.

    Attributes
    ----------
    first_row
        The row, in the column, of the first text in these buffers.
    data
        Bytes; text `i` is ``data[offsets[i]:offsets[i + 1]]``.
    words
        The same bytes as 64-bit words, without the incomplete word at the end.
    offsets
        Positions in `data` at which each text begins, then the end of the last text.
    valid
        Whether each text is present; empty if no text is missing.
    """

    first_row: int
    data: UInt8Array
    words: UInt64Array
    offsets: IntArray
    valid: BoolArray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_bytes(self) -> int:
        """The size of the texts in bytes."""
        return int(self.offsets[-1] - self.offsets[0])

    def split(self, size: int) -> Iterator[TextBuffers]:
        """Yield parts of about `size` bytes, with at least one text each."""
        begin = 0
        while begin < len(self):
            end = int(np.searchsorted(self.offsets, self.offsets[begin] + size, "right")) - 1
            end = min(max(end, begin + 1), len(self))
            yield replace(
                self,
                first_row=self.first_row + begin,
                offsets=self.offsets[begin : end + 1],
                valid=self.valid[begin:end],
            )
            begin = end


def arrow_buffers(texts: Any) -> Iterator[TextBuffers]:
    """Yield the buffers of each chunk of a column; skip chunks in which all texts are missing.

    Parameters
    ----------
    texts
        A pandas text column, an Arrow array or chunked array of text, any object with the Arrow C
        stream interface, or any iterable, in which values other than texts count as missing.

    Raises
    ------
    TableError
        If `texts` is an Arrow column of a type other than text.

    Examples
    --------
    >>> [buffers.offsets.tolist() for buffers in arrow_buffers(["ab", None, "🍇"])]
    [[0, 2, 2, 6]]
    """
    column = as_arrow(texts)
    first_row = 0
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        buffers = _chunk_buffers(chunk, first_row)
        if buffers is not None:
            yield buffers
        first_row += len(chunk)


def texts_at(column: Any, rows: IntArray) -> list[str]:
    """Return the texts at some rows of an Arrow column; a missing text is empty.

    Examples
    --------
    >>> texts_at(as_arrow(["a", None, "🍇"]), np.array([1, 2]))
    ['', '🍇']
    """
    values = column.take(pa.array(rows)).cast(pa.large_binary()).to_pylist()
    return ["" if value is None else value.decode("utf-8", "replace") for value in values]


def as_arrow(texts: Any) -> Any:
    """Return a column of texts as an Arrow array; see `arrow_buffers` for the types accepted."""
    if isinstance(texts, pd.Series | pd.Index):
        texts = texts.array
    if isinstance(texts, pa.Array | pa.ChunkedArray):
        return texts
    if isinstance(texts, pd.api.extensions.ExtensionArray):
        if str(texts.dtype) != "object" and hasattr(texts, "__arrow_array__"):
            return texts.__arrow_array__()
    elif hasattr(texts, "__arrow_c_stream__"):
        return pa.chunked_array(texts)
    return _from_list(list(texts))


def _from_list(texts: Iterable[Any]) -> pa.Array:
    """Convert a list to Arrow; replace lone surrogates, which UTF-8 cannot encode, by U+FFFD."""
    try:
        return pa.array(texts, pa.large_string(), from_pandas=True)
    except (pa.ArrowException, UnicodeEncodeError):
        clean = [
            _SURROGATE.sub("\ufffd", text) if isinstance(text, str) else None for text in texts
        ]
        return pa.array(clean, pa.large_string())


def _chunk_buffers(chunk: Any, first_row: int) -> TextBuffers | None:
    dtype = chunk.type
    if pa.types.is_dictionary(dtype):
        chunk, dtype = chunk.dictionary_decode(), dtype.value_type
    if pa.types.is_null(dtype) or len(chunk) == chunk.null_count:
        return None
    if pa.types.is_string_view(dtype):
        chunk, dtype = chunk.cast(pa.large_string()), pa.large_string()
    if not (pa.types.is_string(dtype) or pa.types.is_large_string(dtype)):
        raise TableError("the column must hold text", expected="text", got=dtype)
    _, offsets, data = chunk.buffers()
    width = np.int32 if pa.types.is_string(dtype) else np.int64
    chunk_offsets = np.frombuffer(offsets, width)[chunk.offset : chunk.offset + len(chunk) + 1]
    aligned = _aligned(data)
    return TextBuffers(
        first_row,
        aligned,
        aligned[: len(aligned) // 8 * 8].view(np.uint64),
        _read_only(chunk_offsets.astype(np.int64, copy=False)),
        chunk.is_valid().to_numpy(zero_copy_only=False) if chunk.null_count else _ALL_VALID,
    )


def _aligned(data: Any) -> Any:
    """Return the bytes aligned to 64-bit words; Arrow's own buffers are aligned and not copied."""
    array = np.frombuffer(b"" if data is None else data, np.uint8)
    return _read_only(array if array.ctypes.data % 8 == 0 else array.copy())


def _read_only(array: Any) -> Any:
    """Return a read-only view, so that numba compiles the kernels for one array type only."""
    array = array.view()
    array.flags.writeable = False
    return array


def decode_code_point(data: UInt8Array, at: int, stop: int) -> tuple[int, int]:
    """Return the code point at byte `at` and its size in bytes.

    Malformed bytes are read as ``bytes.decode(errors="replace")`` reads them: one U+FFFD for each
    longest prefix of a valid code point. Plain Python that numba can compile.
    """
    lead = int(data[at])
    if lead < 0x80:
        return lead, 1
    if lead >= 0xE0 and at + 4 <= stop:
        second, third, fourth = int(data[at + 1]), int(data[at + 2]), int(data[at + 3])
        tails = (second ^ 0x80) | (third ^ 0x80)
        point = (lead & 15) << 12 | (second & 63) << 6 | third & 63
        if lead < 0xF0:
            if tails < 0x40 and point >= 0x800 and not 0xD800 <= point < 0xE000:
                return point, 3
        else:
            point = (point & 0x7FFF) << 6 | fourth & 63
            if (tails | fourth ^ 0x80) < 0x40 and lead < 0xF5 and 0x10000 <= point < 0x110000:
                return point, 4
    return decode_malformed(data, at, stop)


def decode_malformed(data: UInt8Array, at: int, stop: int) -> tuple[int, int]:
    """Return the same result as `decode_code_point` for any lead byte beyond ASCII, but slower."""
    lead = int(data[at])
    if lead < 0xC2 or lead > 0xF4:
        return _REPLACEMENT, 1
    needed = 1 + (lead >= 0xE0) + (lead >= 0xF0)
    point = lead & (0x3F >> needed)
    low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
    high = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
    for size in range(1, needed + 1):
        if at + size >= stop:
            return _REPLACEMENT, size
        byte = int(data[at + size])
        if byte < low or byte > high:
            return _REPLACEMENT, size
        low, high = 0x80, 0xBF
        point = point << 6 | byte & 0x3F
    return point, needed + 1
