"""A column of texts as it lies in memory: UTF-8 back to back, and where each text begins.

Arrow columns, and pandas text columns, which are such, are not copied; a list is, once.
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

    import numpy.typing as npt

__all__ = ["Buffers", "arrow_buffers", "as_arrow", "texts_at"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_NONE_MISSING = np.zeros(0, np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Buffers:
    """A stretch of a column.

    Attributes
    ----------
    first
        The row of its first text.
    data
        Bytes; text `i` of the stretch is ``data[offsets[i]:offsets[i + 1]]``.
    words
        The same bytes by eight, but for the last few.
    offsets
        Where texts begin, and the end of the last.
    valid
        Which texts are not missing; empty if none is.
    """

    first: int
    data: npt.NDArray[np.uint8]
    words: npt.NDArray[np.uint64]
    offsets: npt.NDArray[np.int64]
    valid: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def part(self, begin: int, end: int) -> Buffers:
        """Return the texts from one to before another."""
        offsets, valid = self.offsets[begin : end + 1], self.valid[begin:end]
        return replace(self, first=self.first + begin, offsets=offsets, valid=valid)

    def split(self, size: int) -> Iterator[Buffers]:
        """Return parts of about so many bytes, of one text at least."""
        begin = 0
        while begin < len(self):
            wanted = self.offsets[begin] + size
            end = int(np.searchsorted(self.offsets, wanted, "right")) - 1
            end = min(max(end, begin + 1), len(self))
            yield self.part(begin, end)
            begin = end


def arrow_buffers(texts: Any) -> Iterator[Buffers]:
    """Return the stretches of a column that hold any text.

    Parameters
    ----------
    texts
        A pandas text column, an Arrow array or chunked array of text, anything that speaks Arrow's
        C stream interface, or any iterable; what is no text in one is missing.

    Raises
    ------
    TableError
        If it is an Arrow column of something else.

    Examples
    --------
    >>> [stretch.offsets.tolist() for stretch in buffers(["ab", None, "🍇"])]
    [[0, 2, 2, 6]]
    """
    column = as_arrow(texts)
    first = 0
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        stretch = _stretch(chunk, first)
        if stretch is not None:
            yield stretch
        first += len(chunk)


def texts_at(column: Any, rows: npt.NDArray[np.int64]) -> list[str]:
    """Return the texts of some rows of an Arrow column; of missing ones, an empty text.

    Examples
    --------
    >>> texts_at(as_arrow(["a", None, "🍇"]), np.array([1, 2]))
    ['', '🍇']
    """
    held = column.take(pa.array(rows)).cast(pa.large_binary()).to_pylist()
    return ["" if each is None else each.decode("utf-8", "replace") for each in held]


def as_arrow(texts: Any) -> Any:
    """Return a column of texts as Arrow holds it; see `buffers`."""
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
    """Return a list as a column; lone surrogates, which UTF-8 lacks, as what stands for broken."""
    try:
        return pa.array(texts, pa.large_string(), from_pandas=True)
    except (pa.ArrowException, UnicodeEncodeError):
        clean = [
            _SURROGATE.sub("\ufffd", text) if isinstance(text, str) else None for text in texts
        ]
        return pa.array(clean, pa.large_string())


def _stretch(chunk: Any, first: int) -> Buffers | None:
    kind = chunk.type
    if pa.types.is_dictionary(kind):
        chunk, kind = chunk.dictionary_decode(), kind.value_type
    if pa.types.is_null(kind) or len(chunk) == chunk.null_count:
        return None
    if pa.types.is_string_view(kind):
        chunk, kind = chunk.cast(pa.large_string()), pa.large_string()
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise TableError("this is no column of texts", expected="text", got=kind)
    _, offsets, data = chunk.buffers()
    width = np.int32 if pa.types.is_string(kind) else np.int64
    begins = np.frombuffer(offsets, width)[chunk.offset : chunk.offset + len(chunk) + 1]
    held = _aligned(data)
    return Buffers(
        first,
        held,
        held[: len(held) // 8 * 8].view(np.uint64),
        _locked(begins.astype(np.int64, copy=False)),
        chunk.is_valid().to_numpy(zero_copy_only=False) if chunk.null_count else _NONE_MISSING,
    )


def _aligned(data: Any) -> Any:
    """Return bytes that can be read by eight; what came by another way than Arrow's is copied."""
    held = np.frombuffer(b"" if data is None else data, np.uint8)
    return _locked(held if held.ctypes.data % 8 == 0 else held.copy())


def _locked(array: Any) -> Any:
    """Return an array that cannot be written, so that a kernel is compiled for one kind."""
    array = array.view()
    array.flags.writeable = False
    return array
