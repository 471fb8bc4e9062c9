"""The same spans from whole arrays at a time: for small columns, and where there is no numba.

Every letter of an emoji is found at once, and every walk down the trie is done side by side; what
one walk has consumed is then left out, in order. Only texts that the reference reads twice are
read one by one.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from foxgrape.detection.emoji.trie import EDGES, LEADS, PAGES, REGIONAL, ROOT, SIGN, emoji_trie
from foxgrape.detection.emoji.trie_walk import (
    BEGIN,
    LENGTH,
    TOKEN,
    ZWJ,
    first_node,
    letter_of,
    rescan_like_reference,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from foxgrape.detection.arrow_text import Buffers

    Whole = npt.NDArray[np.int64]
    Truths = npt.NDArray[np.bool_]

__all__ = ["scan_with_numpy"]

_ASCII, _TAIL, _THREE, _FOUR, _NO_LEAD, _BEYOND = 0x80, 0x80, 0xE0, 0xF0, 0xF5, 0x110000


class _Letters(NamedTuple):
    """The letters of emoji in a stretch: where, how many bytes, in which row, and which."""

    at: Whole
    size: Whole
    row: Whole
    letter: Whole
    joined: Truths  # directly behind the letter before


def scan_with_numpy(stretch: Buffers) -> npt.NDArray[np.int32]:
    """Return row, start, end and emoji of every span of a stretch, as four rows.

    Examples
    --------
    >>> from foxgrape.detection.arrow_text import buffers
    >>> spans_of(next(buffers(["🍇, then 🦊"])))[:3].tolist()
    [[0, 0], [0, 8], [1, 9]]
    """
    walk = emoji_trie().walk
    found = _letters(stretch)
    begins = found.letter <= walk[ROOT]
    steps, sign = _walked(found, begins)
    inside = _inside(steps)
    before = np.roll(inside | begins, 1)
    joiner = int(walk[walk[PAGES + (ZWJ >> 8)] + (ZWJ & 255)])
    joiners = np.flatnonzero((found.letter == joiner) & ~inside & found.joined & before)
    kept = ~inside & (sign >= 0)
    again = _runs(stretch, found, joiners)
    for begin, end in again:
        kept[begin : end + 1] = False
    first = np.flatnonzero(kept)
    row = found.row[first]
    start = _points(stretch, row, found.at[first])
    spans = [np.stack([row, start, start + steps[first], sign[first]], axis=1)]
    spans += [_again(stretch, found, begin, end) for begin, end in again]
    order = np.concatenate(
        [first, *(np.full(len(more), run[0]) for run, more in zip(again, spans[1:], strict=True))]
    )
    return np.concatenate(spans)[np.argsort(order, kind="stable")].T.astype(np.int32)


def _letters(stretch: Buffers) -> _Letters:
    """Find the letters beyond ASCII, and those of ASCII right before one of them."""
    walk, offsets, data = emoji_trie().walk, stretch.offsets, stretch.data
    low, high = int(offsets[0]), int(offsets[-1])
    leads = walk[walk[LEADS] : walk[LEADS] + 256] > 0
    leads[:_ASCII] = False
    at = np.flatnonzero(leads[data[low:high]]) + low
    row = np.searchsorted(offsets, at, "right") - 1
    if len(stretch.valid):
        at, row = at[stretch.valid[row]], row[stretch.valid[row]]
    point, size = _decoded(stretch, at, offsets[row + 1])
    letter = walk[walk[PAGES + (point >> 8)] + (point & 255)]
    there = letter > 0
    at, size, row, letter = at[there], size[there], row[there], letter[there]
    base = at - 1
    lies = base >= offsets[row]
    sign = data[np.where(lies, base, at)]
    base_letter = walk[walk[PAGES] + sign.astype(np.int64)]
    lies &= (sign < _ASCII) & (base_letter > 0) & (base_letter <= walk[ROOT])
    order = np.argsort(np.concatenate([at, base[lies]]), kind="stable")

    def merged(own: npt.NDArray[np.generic], bases: object) -> Whole:
        return np.concatenate([own, np.broadcast_to(bases, lies.sum())])[order].astype(np.int64)  # type: ignore[call-overload]

    at, size = merged(at, base[lies]), merged(size, 1)
    row, letter = merged(row, row[lies]), merged(letter, base_letter[lies])
    joined = np.zeros(len(at), np.bool_)
    joined[1:] = (at[:-1] + size[:-1] == at[1:]) & (row[:-1] == row[1:])
    return _Letters(at, size, row, letter, joined)


def _decoded(stretch: Buffers, at: Whole, stop: Whole) -> tuple[Whole, Whole]:
    """Return code points and their sizes; 0, which is no letter, for what is no UTF-8."""
    data = stretch.data
    last = len(data) - 1
    lead, *tails = (data[np.minimum(at + k, last)].astype(np.int64) for k in range(4))
    size = 2 + (lead >= _THREE) + (lead >= _FOUR)
    point = lead & np.array([0, 0, 0x1F, 0x0F, 0x07])[size]
    fine = (at + size <= stop) & (lead < _NO_LEAD)
    for k, tail in enumerate(tails, start=2):
        more = size >= k
        fine &= ~more | ((tail & 0xC0) == _TAIL)
        point = np.where(more, point << 6 | tail & 0x3F, point)
    least = np.array([0, 0, 0x80, 0x800, 0x10000])[size]
    fine &= (point >= least) & (point < _BEYOND)
    return np.where(fine, point, 0), size


@cache
def _edges() -> tuple[Whole, Whole]:
    """Return the edges of the trie, sorted, and the nodes below."""
    walk = emoji_trie().walk.astype(np.int64)
    first, slots = walk[EDGES] + 1, walk[walk[EDGES]] + 1
    table = walk[first : first + 3 * slots].reshape(-1, 3)
    table = table[table[:, 0] > 0]
    keys = table[:, 0] << 32 | table[:, 1]
    order = np.argsort(keys)
    return keys[order], table[order, 2]


def _walked(found: _Letters, begins: Truths) -> tuple[Whole, Whole]:
    """Walk down from every letter; return how many letters that takes, and the emoji or -1."""
    walk = emoji_trie().walk
    keys, nodes = _edges()
    steps = np.ones(len(found.at), np.int64)
    sign = np.full(len(found.at), -1, np.int64)
    live = np.flatnonzero(begins)
    node = found.letter[live]
    count = 1
    while len(live):
        after = live + count
        goes = after < len(found.at)
        after = np.where(goes, after, 0)
        goes &= found.joined[after]
        key = node << 32 | found.letter[after]
        slot = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        goes &= keys[slot] == key
        ends = ~goes
        told = walk[walk[SIGN] + node[ends]] >> 1
        sign[live[ends]] = told
        steps[live[ends]] = np.where(told >= 0, count, 1)
        live, node = live[goes], nodes[slot[goes]]
        count += 1
    regional = walk[walk[REGIONAL] + found.letter] > 0
    pair = regional & np.roll(regional & found.joined, -1) & (sign < 0)
    if len(pair):
        pair[-1] = False
    steps[pair] = 2
    return steps, sign


def _inside(steps: Whole) -> Truths:
    """Tell which letters an earlier walk has consumed."""
    inside = np.zeros(len(steps), np.bool_)
    several = np.flatnonzero(steps > 1)
    free = 0
    for at, count in zip(several.tolist(), steps[several].tolist(), strict=True):
        if at >= free:
            free = at + count
            inside[at + 1 : free] = True
    return inside


def _points(stretch: Buffers, row: Whole, at: Whole) -> Whole:
    """Return how many code points of their texts are before these bytes."""
    low, high = int(stretch.offsets[0]), int(stretch.offsets[-1])
    text = stretch.data[low:high]
    begin = stretch.offsets[row]
    try:
        text.tobytes().decode()
    except UnicodeDecodeError:
        parts = zip(begin.tolist(), at.tolist(), strict=True)
        return np.array([_decoded_length(stretch, *part) for part in parts], np.int64)
    counted = np.zeros(len(text) + 1, np.int64)
    np.cumsum((text & 0xC0) != _TAIL, out=counted[1:])
    return counted[at - low] - counted[begin - low]


def _decoded_length(stretch: Buffers, begin: int, end: int) -> int:
    return len(stretch.data[begin:end].tobytes().decode("utf-8", "replace"))


def _runs(stretch: Buffers, found: _Letters, joiners: Whole) -> list[tuple[int, int]]:
    """Return the first and last letter of the runs that the reference reads twice.

    It forgets at what begins no emoji; digits, which do begin some, are no letters here unless
    something that may belong to them follows.
    """
    runs: list[tuple[int, int]] = []
    for joiner in joiners.tolist():
        if runs and joiner <= runs[-1][1]:
            continue
        begin = end = joiner
        while begin > 0 and found.row[begin - 1] == found.row[begin]:
            after = int(found.at[begin - 1] + found.size[begin - 1])
            if _bases_back(stretch, int(found.at[begin]), after) > after:
                break
            begin -= 1
        while end + 1 < len(found.at) and found.joined[end + 1]:
            end += 1
        if runs and begin <= runs[-1][1]:
            begin = runs.pop()[0]
        runs.append((begin, end))
    return runs


def _bases_back(stretch: Buffers, at: int, least: int) -> int:
    """Return where the signs of ASCII that begin emoji, before a place, begin."""
    walk = emoji_trie().walk
    while at > least:
        sign = int(stretch.data[at - 1])
        if sign >= _ASCII or not first_node(walk, letter_of(walk, sign)):
            break
        at -= 1
    return at


def _again(stretch: Buffers, found: _Letters, begin: int, end: int) -> Whole:
    """Return the spans of a run that the reference reads twice, with the sign before it."""
    row = int(found.row[begin])
    least = int(stretch.offsets[row])
    alone = begin == 0 or found.row[begin - 1] != row
    free = least if alone else int(found.at[begin - 1] + found.size[begin - 1])
    start = _bases_back(stretch, int(found.at[begin]), free)
    for _ in range(4):
        if start == free:
            break
        start -= 1
        if int(stretch.data[start]) & 0xC0 != _TAIL:
            break
    stop = int(found.at[end] + found.size[end])
    scratch = np.empty((2 * (stop - start) + 16, 5), np.int64)
    n = rescan_like_reference(emoji_trie().walk, stretch.data, start, stop, scratch)
    at = _decoded_length(stretch, least, start) + scratch[:n, BEGIN]
    return np.stack([np.full(n, row), at, at + scratch[:n, LENGTH], scratch[:n, TOKEN]], axis=1)
