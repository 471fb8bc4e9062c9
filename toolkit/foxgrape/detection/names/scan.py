"""Find the place names in a column of texts.

`find_mentions` reads one text in Python. In large columns, one pass over the bytes finds the words
that may name a place; only texts with such words are read, and equal texts only once.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from foxgrape.detection.arrow_text import arrow_buffers
from foxgrape.detection.codes import repeat_counts
from foxgrape.places.mentions import find_mentions

if TYPE_CHECKING:
    from foxgrape._util.typing import IntArray
    from foxgrape.detection.arrow_text import TextBuffers
    from foxgrape.places import Gazetteer
    from foxgrape.places.mentions import Mention

__all__ = ["NamedPlaces", "find_names"]

#: Size in bytes below which loading the compiled kernel costs more than it saves, and of the texts
#: that are searched together.
_MIN_KERNEL_BYTES, _BLOCK_BYTES = 1 << 21, 1 << 25
#: Maximum size in bytes of a text whose mentions are cached, so that the cache stays small.
_MAX_SHORT = 1 << 9


class NamedPlaces(NamedTuple):
    """The place names in a column: arrays of equal length, in reading order.

    Attributes
    ----------
    row
        Position of the text in the column.
    start, end
        Span in code points.
    number
        Position in `mentions`.
    mentions
        Mentions, each with the name as it is written in the text.
    """

    row: IntArray
    start: IntArray
    end: IntArray
    number: IntArray
    mentions: list[tuple[Mention, str]]


def find_names(column: Any, gazetteer: Gazetteer) -> NamedPlaces:
    """Return what `find_mentions` finds in each text.

    Parameters
    ----------
    column
        Texts in any form that `scan_emoji` accepts.
    gazetteer
        The places to look for.

    Examples
    --------
    >>> from foxgrape.places import Gazetteer
    >>> names = find_names(["", "Наші в Ізюмі"], Gazetteer.default())
    >>> names.row.tolist(), names.start.tolist(), [text for _, text in names.mentions]
    ([1], [7], ['Ізюмі'])
    """
    mentions: list[tuple[Mention, str]] = []
    blocks = [np.empty((4, 0), np.int64)]
    for buffers in arrow_buffers(column):
        is_small = buffers.n_bytes < _MIN_KERNEL_BYTES or find_spec("numba") is None
        find = _read_all if is_small else _find_in_block
        for block in buffers.split(_BLOCK_BYTES):
            names = find(block, gazetteer, mentions)
            names[0] += block.first_row
            blocks.append(names[:, np.argsort(names[0], kind="stable")])
    row, start, end, number = np.concatenate(blocks, axis=1)
    return NamedPlaces(row, start, end, number, mentions)


def _read_all(
    texts: TextBuffers, gazetteer: Gazetteer, mentions: list[tuple[Mention, str]]
) -> IntArray:
    """Append the mentions in all texts; return row, start, end and number of each name."""
    rows = np.flatnonzero(texts.valid) if len(texts.valid) else np.arange(len(texts))
    return _read_rows(texts, rows, gazetteer, mentions)


def _find_in_block(
    texts: TextBuffers, gazetteer: Gazetteer, mentions: list[tuple[Mention, str]]
) -> IntArray:
    """Do the same, but read only the words around possible names, and each of these once."""
    from foxgrape.detection.names.contexts import contexts

    names, some, rest = contexts(gazetteer).find(texts)
    names[3] += len(mentions)
    mentions += some
    return np.concatenate([names, _read_rows(texts, rest, gazetteer, mentions)], axis=1)


def _read_rows(
    texts: TextBuffers,
    rows: IntArray,
    gazetteer: Gazetteer,
    mentions: list[tuple[Mention, str]],
) -> IntArray:
    """Append the mentions in all distinct texts; return row, start, end and number of each name."""
    buffers = [None, pa.py_buffer(texts.offsets), pa.py_buffer(texts.data)]
    column = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(texts), buffers)
    distinct = column.take(pa.array(rows, pa.int64())).dictionary_encode()
    named = [_read(content, gazetteer) for content in distinct.dictionary.to_pylist()]
    counts = np.array([len(names) for names in named], np.int64)
    first = np.cumsum(counts) - counts
    encoded = distinct.indices.to_numpy().astype(np.int64)
    name, at = repeat_counts(first[encoded], counts[encoded])
    spans_of_names = [(mention.start, mention.end) for names in named for mention, _ in names]
    start, end = np.array(spans_of_names, np.int64).reshape(-1, 2)[name].T
    number = name + len(mentions)
    mentions += [name for names in named for name in names]
    return np.stack([rows[at], start, end, number])


def _read(content: bytes, gazetteer: Gazetteer) -> list[tuple[Mention, str]]:
    read = _read_short if len(content) <= _MAX_SHORT else _read_short.__wrapped__
    return read(content, gazetteer)


@lru_cache(maxsize=1 << 14)
def _read_short(content: bytes, gazetteer: Gazetteer) -> list[tuple[Mention, str]]:
    text = content.decode("utf-8", "replace")
    mentions = find_mentions(text, gazetteer)
    return [(mention, text[mention.start : mention.end]) for mention in mentions]
