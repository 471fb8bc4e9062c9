"""Find emoji in UTF-8 with numpy alone: for small columns, and where numba is not installed.

All code points of emoji are located at once, and the trie is walked from all of them in lockstep;
matches that begin inside an earlier match are then dropped. Only texts in which the reference reads
code points twice are rescanned one by one.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from foxgrape.detection.emoji import trie
from foxgrape.detection.emoji.trie import emoji_trie

if TYPE_CHECKING:
    import numpy.typing as npt

    from foxgrape._util.typing import BoolArray, Int32Array, IntArray
    from foxgrape.detection.arrow_text import TextBuffers


__all__ = ["scan_with_numpy"]

_ASCII, _TAIL, _THREE, _FOUR, _NO_LEAD, _BEYOND = 0x80, 0x80, 0xE0, 0xF0, 0xF5, 0x110000


class _Symbols(NamedTuple):
    """The code points of emoji in some texts, in reading order."""

    at: IntArray  # position in bytes
    size: IntArray  # in bytes
    row: IntArray
    symbol: IntArray
    adjacent: BoolArray  # directly after the previous symbol, in the same text


def scan_with_numpy(buffers: TextBuffers) -> Int32Array:
    """Return row, start, end and emoji of every span, as four rows.

    Examples
    --------
    >>> from foxgrape.detection.arrow_text import arrow_buffers
    >>> scan_with_numpy(next(arrow_buffers(["🍇, then 🦊"])))[:3].tolist()
    [[0, 0], [0, 8], [1, 9]]
    """
    table = emoji_trie().table
    symbols = _find_symbols(buffers)
    begins = symbols.symbol <= table[trie.N_FIRST]
    steps, match = _match_all(symbols, begins)
    inside = _inside_match(steps)
    behind_match = np.roll(inside | begins, 1)
    joiner = symbols.symbol == trie.symbol_of(table, trie.ZWJ)
    read_twice = np.unique(symbols.row[joiner & ~inside & symbols.adjacent & behind_match])
    kept = np.flatnonzero(~inside & (match >= 0) & ~np.isin(symbols.row, read_twice))
    row = symbols.row[kept]
    start = _code_points_before(buffers, row, symbols.at[kept])
    spans = np.stack([row, start, start + steps[kept], match[kept]], axis=1)
    if len(read_twice):
        spans = np.concatenate([spans, *(_rescan(buffers, row) for row in read_twice.tolist())])
        spans = spans[np.argsort(spans[:, 0], kind="stable")]
    return spans.T.astype(np.int32)


def _find_symbols(buffers: TextBuffers) -> _Symbols:
    """Find the symbols beyond ASCII, and ASCII symbols (keycaps) directly before one of these."""
    table, offsets, data = emoji_trie().table, buffers.offsets, buffers.data
    low, high = int(offsets[0]), int(offsets[-1])
    leads = table[table[trie.LEAD_BYTES] : table[trie.LEAD_BYTES] + 256] > 0
    leads[:_ASCII] = False
    at = np.flatnonzero(leads[data[low:high]]) + low
    row = np.searchsorted(offsets, at, "right") - 1
    if len(buffers.valid):
        at, row = at[buffers.valid[row]], row[buffers.valid[row]]
    point, size = _decode(buffers, at, offsets[row + 1])
    symbol = table[table[trie.PAGES + (point >> 8)] + (point & 255)]
    present = symbol > 0
    at, size, row, symbol = at[present], size[present], row[present], symbol[present]
    base = at - 1
    has_base = base >= offsets[row]
    byte = data[np.where(has_base, base, at)]
    base_symbol = table[table[trie.PAGES] + byte.astype(np.int64)]
    has_base &= (byte < _ASCII) & (base_symbol > 0) & (base_symbol <= table[trie.N_FIRST])
    order = np.argsort(np.concatenate([at, base[has_base]]), kind="stable")

    def merge(own: npt.NDArray[np.generic], bases: object) -> IntArray:
        spread = np.broadcast_to(bases, has_base.sum())  # type: ignore[call-overload]
        return np.concatenate([own, spread])[order].astype(np.int64)

    at, size = merge(at, base[has_base]), merge(size, 1)
    row, symbol = merge(row, row[has_base]), merge(symbol, base_symbol[has_base])
    adjacent = np.zeros(len(at), np.bool_)
    adjacent[1:] = (at[:-1] + size[:-1] == at[1:]) & (row[:-1] == row[1:])
    return _Symbols(at, size, row, symbol, adjacent)


def _decode(buffers: TextBuffers, at: IntArray, stop: IntArray) -> tuple[IntArray, IntArray]:
    """Return code points and their sizes in bytes; malformed ones become 0, which is no symbol."""
    data = buffers.data
    last = len(data) - 1
    lead, *tails = (data[np.minimum(at + k, last)].astype(np.int64) for k in range(4))
    size = 2 + (lead >= _THREE) + (lead >= _FOUR)
    point = lead & np.array([0, 0, 0x1F, 0x0F, 0x07])[size]
    valid = (at + size <= stop) & (lead < _NO_LEAD)
    for k, tail in enumerate(tails, start=2):
        needed = size >= k
        valid &= ~needed | ((tail & 0xC0) == _TAIL)
        point = np.where(needed, point << 6 | tail & 0x3F, point)
    least = np.array([0, 0, 0x80, 0x800, 0x10000])[size]
    valid &= (point >= least) & (point < _BEYOND)
    return np.where(valid, point, 0), size


@cache
def _edges() -> tuple[IntArray, IntArray]:
    """Return the trie's edges: sorted keys of parent node and symbol, and each key's child node."""
    table = emoji_trie().table.astype(np.int64)
    first, slots = table[trie.EDGES] + 1, table[table[trie.EDGES]] + 1
    edges = table[first : first + 3 * slots].reshape(-1, 3)
    edges = edges[edges[:, 0] > 0]
    keys = edges[:, 0] << 32 | edges[:, 1]
    order = np.argsort(keys)
    return keys[order], edges[order, 2]


def _match_all(symbols: _Symbols, begins: BoolArray) -> tuple[IntArray, IntArray]:
    """Match from every symbol; return each match's number of symbols, and its emoji or -1."""
    table = emoji_trie().table
    keys, children = _edges()
    steps = np.ones(len(symbols.at), np.int64)
    match = np.full(len(symbols.at), -1, np.int64)
    active = np.flatnonzero(begins)
    node = symbols.symbol[active]
    count = 1
    while len(active):
        after = active + count
        continues = after < len(symbols.at)
        after = np.where(continues, after, 0)
        continues &= symbols.adjacent[after]
        key = node << 32 | symbols.symbol[after]
        edge = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        continues &= keys[edge] == key
        ends = ~continues
        emoji_id = table[table[trie.TERMINALS] + node[ends]] >> 1
        match[active[ends]] = emoji_id
        steps[active[ends]] = np.where(emoji_id >= 0, count, 1)
        active, node = active[continues], children[edge[continues]]
        count += 1
    regional = table[table[trie.REGIONALS] + symbols.symbol] > 0
    pair = regional & np.roll(regional & symbols.adjacent, -1) & (match < 0)
    if len(pair):
        pair[-1] = False
    steps[pair] = 2
    return steps, match


def _inside_match(steps: IntArray) -> BoolArray:
    """Return which symbols an earlier match has consumed."""
    inside = np.zeros(len(steps), np.bool_)
    several = np.flatnonzero(steps > 1)
    free = 0
    for at, count in zip(several.tolist(), steps[several].tolist(), strict=True):
        if at >= free:
            free = at + count
            inside[at + 1 : free] = True
    return inside


def _code_points_before(buffers: TextBuffers, row: IntArray, at: IntArray) -> IntArray:
    """Return the number of code points in each row's text before byte position `at`."""
    low, high = int(buffers.offsets[0]), int(buffers.offsets[-1])
    data = buffers.data[low:high]
    begin = buffers.offsets[row]
    try:
        data.tobytes().decode()
    except UnicodeDecodeError:
        parts = zip(begin.tolist(), at.tolist(), strict=True)
        return np.array([_decoded_length(buffers, *part) for part in parts], np.int64)
    counted = np.zeros(len(data) + 1, np.int64)
    np.cumsum((data & 0xC0) != _TAIL, out=counted[1:])
    return counted[at - low] - counted[begin - low]


def _decoded_length(buffers: TextBuffers, begin: int, end: int) -> int:
    return len(buffers.data[begin:end].tobytes().decode("utf-8", "replace"))


def _rescan(buffers: TextBuffers, row: int) -> IntArray:
    """Return the spans of a text in which the reference reads code points twice."""
    start, stop = int(buffers.offsets[row]), int(buffers.offsets[row + 1])
    scratch = np.empty((2 * (stop - start) + 16, 5), np.int64)
    n = trie.rescan_like_reference(emoji_trie().table, buffers.data, start, stop, scratch)
    begin, length, match = scratch[:n, trie.BEGIN :].T
    return np.stack([np.full(n, row), begin, begin + length, match], axis=1)
