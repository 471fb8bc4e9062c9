"""The emoji of the installed `emoji` package as arrays that a kernel can walk.

Built from the package's data alone, so that a later version's emoji are found without change here.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import emoji
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = [
    "COMPONENT",
    "DASHES",
    "EDGES",
    "LEADS",
    "PAGES",
    "REGIONAL",
    "ROOT",
    "SIGN",
    "WIDE",
    "EmojiTrie",
    "build_trie",
    "emoji_trie",
    "slot",
]

#: Where in a trie stands where in it is found what; `EmojiTrie` tells what.
ROOT, EDGES, SIGN, COMPONENT, REGIONAL, LEADS, WIDE, DASHES = range(8)
#: Where the pages of code points begin.
PAGES = 8
_PAGE = 256
_COUNT = 0x110000 // _PAGE
_MIDDLE = range(0x90, 0xB0)
_ZWJ = "\u200d"
_REGIONAL = range(0x1F1E6, 0x1F200)


class EmojiTrie(NamedTuple):
    """Every emoji, and how to walk to it.

    Attributes
    ----------
    signs
        The emoji, in the order of the package's data; spans name them by position.
    walk
        One array, because passing it on costs a kernel less than passing many. Of a code point `c`,
        ``walk[walk[PAGES + (c >> 8)] + (c & 255)]`` is the letter: 0 if it stands in no emoji. Then

        - ``walk[ROOT]`` is how many letters begin an emoji; they come first, and each is also the
          node after it;
        - from ``walk[EDGES]`` on there is an open hash table of the edges further down: how many
          slots less one, and then of each slot the node above, the letter and the node below;
        - ``walk[walk[SIGN] + node]`` is twice the emoji that ends at a node, -2 for none, and one
          more if the node has others below;
        - ``walk[walk[COMPONENT] + sign]`` tells a component, such as a skin tone by itself;
        - ``walk[walk[REGIONAL] + letter]`` tells a regional indicator;
        - ``walk[walk[LEADS] + byte]`` tells a byte that begins a letter in UTF-8;
        - ``walk[WIDE]`` tells whether 0xD0 to 0xDF, which begin Cyrillic, do so;
        - ``walk[DASHES]`` tells whether a letter lies in the middle of a block as U+2010 to U+202F,
          dashes and quotation marks, do.
    """

    signs: npt.NDArray[np.str_]
    walk: npt.NDArray[np.int32]


@cache
def emoji_trie() -> EmojiTrie:
    """Return the trie of the installed package's emoji."""
    return build_trie(emoji.EMOJI_DATA)


def build_trie(data: Mapping[str, Mapping[str, Any]]) -> EmojiTrie:
    """Build the trie of emoji as `emoji.EMOJI_DATA` describes them.

    Examples
    --------
    >>> built_trie({"🍇": {"status": 2}, "✈": {"status": 4}}).signs.tolist()
    ['🍇', '✈']
    """
    roots = sorted({text[0] for text in data})
    alphabet = [*roots, *sorted({*"".join(data), _ZWJ} - {*roots})]
    letter_of = {sign: number for number, sign in enumerate(alphabet, start=1)}
    edges = {(0, letter_of[sign]): letter_of[sign] for sign in roots}
    sign_at = {}
    for number, text in enumerate(data):
        node = 0
        for sign in text:
            node = edges.setdefault((node, letter_of[sign]), len(edges) + 1)
        sign_at[node] = number
    above = {node for node, _ in edges}
    spelt = [sign.encode() for sign in alphabet]
    leads = {sign[0] for sign in spelt}
    component = emoji.STATUS["component"]
    sections = {
        EDGES: _hashed({edge: node for edge, node in edges.items() if edge[0]}),
        SIGN: [2 * sign_at.get(node, -1) + (node in above) for node in range(len(edges) + 1)],
        COMPONENT: [each["status"] == component for each in data.values()],
        REGIONAL: [False, *(ord(sign) in _REGIONAL for sign in alphabet)],
        LEADS: [byte in leads for byte in range(256)],
    }
    walk = [0] * PAGES + _paged(letter_of)
    for name, section in sections.items():
        walk[name] = len(walk)
        walk += section
    walk[ROOT] = len(roots)
    walk[WIDE] = bool(leads & set(range(0xD0, 0xE0)))
    walk[DASHES] = any(sign[1:2] == b"\x80" and sign[2] in _MIDDLE for sign in spelt)
    return EmojiTrie(np.array(list(data), np.str_), np.array(walk, np.int32))


def _paged(letter_of: dict[str, int]) -> list[int]:
    """Return where the page of each code point lies, and the pages; most share the empty one."""
    first = PAGES + _COUNT
    page = [first] * _COUNT
    letters = [0] * _PAGE
    for sign, letter in letter_of.items():
        high, low = divmod(ord(sign), _PAGE)
        if page[high] == first:
            page[high] += len(letters)
            letters += [0] * _PAGE
        letters[page[high] - first + low] = letter
    return [*page, *letters]


def _hashed(edges: dict[tuple[int, int], int]) -> list[int]:
    """Return edges as an open hash table, at most half full; `child` of emoji_walk reads it."""
    mask = (1 << (2 * len(edges) + 1).bit_length()) - 1
    slots = [(0, 0, 0)] * (mask + 1)
    for (node, letter), below in edges.items():
        at = slot(node, letter) & mask
        while slots[at][0]:
            at = (at + 1) & mask
        slots[at] = node, letter, below
    return [mask, *(number for each in slots for number in each)]


def slot(node: int, letter: int) -> int:
    """Return where an edge is looked for first."""
    return letter ^ node * 37
