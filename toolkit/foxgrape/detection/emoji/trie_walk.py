"""Walking the trie of emoji, and what the reference makes of joiners that join nothing.

`emoji.emoji_list` walks greedily, and starts anew one code point on where a walk ends at no emoji.
After an emoji, a joiner that does not lengthen it makes it read again what was found already; that
is emulated step by step in `replayed`, and nothing else needs any memory of what went before.

Every function is plain Python, and means the same where emoji_kernels has it compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from foxgrape.detection.emoji.trie import COMPONENT, EDGES, LEADS, PAGES, REGIONAL, ROOT, SIGN, slot
from foxgrape.detection.emoji.utf8 import decode

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Walk = npt.NDArray[np.int32]
    Bytes = npt.NDArray[np.uint8]
    Scratch = npt.NDArray[np.int64]

__all__ = [
    "BEGIN",
    "LENGTH",
    "TOKEN",
    "ZWJ",
    "first_node",
    "letter_of",
    "longest_match",
    "rescan_like_reference",
]

ZWJ = 0x200D
_PRESENTATION = (0xFE0E, 0xFE0F)
#: Columns of the paper that `replayed` works on: code points, and beside them the tokens.
POINT, PASSED, BEGIN, LENGTH, TOKEN = range(5)


def letter_of(walk: Walk, point: int) -> int:
    """Return the letter of a code point, 0 if it stands in no emoji."""
    return int(walk[walk[PAGES + (point >> 8)] + (point & 255)])


def child(walk: Walk, node: int, letter: int) -> int:
    """Return the node below, 0 for none."""
    first = int(walk[EDGES])
    mask = int(walk[first])
    at = slot(node, letter) & mask
    while True:
        here = first + 1 + 3 * at
        if walk[here] == node and walk[here + 1] == letter:
            return int(walk[here + 2])
        if not walk[here]:
            return 0
        at = (at + 1) & mask


def first_node(walk: Walk, letter: int) -> int:
    """Return the node after one letter, 0 if no emoji begins so."""
    return letter if letter <= walk[ROOT] else 0


def code_point_at(walk: Walk, node: int) -> int:
    """Return which emoji ends at a node, -1 for none."""
    return int(walk[walk[SIGN] + node]) >> 1


def _paired(walk: Walk, letter: int, following: int) -> bool:
    """Tell whether both are regional indicators."""
    return bool(walk[walk[REGIONAL] + letter] and walk[walk[REGIONAL] + following])


def longest_match(
    walk: Walk, data: Bytes, letter: int, end: int, stop: int
) -> tuple[int, int, int]:
    """Walk down from a first letter that ends at `end`.

    Returns where what was read ends, how many code points it has, and its emoji or -1. Regional
    indicators are read in pairs, also those that are no flag.
    """
    node, after, count = first_node(walk, letter), end, 1
    # Most emoji are of one letter, which no longer one begins with.
    while after < stop and walk[walk[SIGN] + node] & 1 and walk[walk[LEADS] + data[after]]:
        point, size = decode(data, after, stop)
        following = letter_of(walk, point)
        under = child(walk, node, following) if following else 0
        if not under:
            if after == end and _paired(walk, letter, following):
                return end + size, 2, -1
            break
        node = under
        after += size
        count += 1
    sign = code_point_at(walk, node)
    return (after, count, sign) if sign >= 0 else (end, 1, -1)


def rescan_like_reference(walk: Walk, data: Bytes, start: int, stop: int, scratch: Scratch) -> int:
    """Do as the reference does with a text, step by step.

    A joiner after an emoji that it does not lengthen is passed over in a second reading, which
    begins at that emoji; after a component, at the emoji before it, whose length the reference
    takes to be that of both together. Each joiner is passed over once, so this ends, and is linear.

    Returns how many emoji there are, whose begin, length and sign are in the last three columns of
    `scratch`; -1 if that has too few rows.
    """
    n, at = 0, start
    while at < stop:
        if n == len(scratch):
            return -1
        scratch[n, POINT], size = decode(data, at, stop)
        scratch[n, PASSED] = 0
        n += 1
        at += size
    # Tokens are what was read since the reference last forgot; before them, emoji are kept.
    kept = top = i = 0
    while i < n:
        if top + 2 > len(scratch):
            return -1
        point = int(scratch[i, POINT])
        if scratch[i, PASSED]:
            i += 1
        elif first_node(walk, letter_of(walk, point)):
            i, top = _read(walk, scratch, n, i, top)
        elif point == ZWJ and top > kept and _lengthens(walk, scratch, top, i):
            scratch[i, PASSED] = 1
            i, top = _back(walk, scratch, kept, top, i)
        else:
            # What is no emoji is no longer needed.
            kept = top = _settled(scratch, kept, top)
            if point not in _PRESENTATION:
                top = _token(scratch, top, i, 1, -1)
            i += 1
    return _settled(scratch, kept, top)


def _read(walk: Walk, scratch: Scratch, n: int, i: int, top: int) -> tuple[int, int]:
    """Walk down from a first letter; return where to go on, and how many tokens there are."""
    letter = letter_of(walk, int(scratch[i, POINT]))
    node, j = first_node(walk, letter), i + 1
    while j < n and not scratch[j, PASSED]:
        under = child(walk, node, letter_of(walk, int(scratch[j, POINT])))
        if not under:
            break
        node = under
        j += 1
    sign = code_point_at(walk, node)
    if sign >= 0:
        return j, _token(scratch, top, i, j - i, sign)
    top = _token(scratch, top, i, 1, -1)
    free = i + 1 < n and not scratch[i + 1, PASSED]
    if free and _paired(walk, letter, letter_of(walk, int(scratch[i + 1, POINT]))):
        return i + 2, _token(scratch, top, i + 1, 1, -1)
    return i + 1, top


def _token(scratch: Scratch, top: int, begin: int, length: int, sign: int) -> int:
    scratch[top, BEGIN], scratch[top, LENGTH], scratch[top, TOKEN] = begin, length, sign
    return top + 1


def _whole(walk: Walk, scratch: Scratch, top: int) -> int:
    """Return which emoji the last token is; one read as plain may be one by itself."""
    sign = int(scratch[top - 1, TOKEN])
    if sign >= 0:
        return sign
    point = int(scratch[scratch[top - 1, BEGIN], POINT])
    return code_point_at(walk, first_node(walk, letter_of(walk, point)))


def _lengthens(walk: Walk, scratch: Scratch, top: int, i: int) -> bool:
    """Tell whether a joiner follows what the reference takes for an emoji that it may lengthen."""
    before = letter_of(walk, int(scratch[i - 1, POINT]))
    return first_node(walk, before) != 0 and _whole(walk, scratch, top) >= 0


def _back(walk: Walk, scratch: Scratch, kept: int, top: int, i: int) -> tuple[int, int]:
    """Return where the second reading begins, and how many tokens remain."""
    length = int(scratch[top - 1, LENGTH])
    if not walk[walk[COMPONENT] + _whole(walk, scratch, top)]:
        return i - length, top - 1
    first = top - 1
    if first > kept:
        first -= 1
        length += int(scratch[first, LENGTH])
    begin = i - length
    if scratch[begin, POINT] == ZWJ:
        return begin + 1, top - 1
    return begin, first


def _settled(scratch: Scratch, kept: int, top: int) -> int:
    """Keep the emoji of the tokens from `kept` on, and return how many are kept now."""
    for i in range(kept, top):
        if scratch[i, TOKEN] >= 0:
            for column in range(BEGIN, TOKEN + 1):
                scratch[kept, column] = scratch[i, column]
            kept += 1
    return kept
