"""A trie of the emoji in the installed `emoji` package, packed into one array, and its traversal.

The trie is built from the package's data alone, so emoji of later versions are found without any
change here. `emoji.emoji_list` matches greedily and, where a walk ends at no emoji, restarts one
code point further on. It reads code points again only at a zero-width joiner that does not extend
the emoji before the joiner; `rescan_like_reference` emulates that step by step. The traversal is
plain Python that numba can compile.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import emoji
import numpy as np

from foxgrape.detection.arrow_text import decode_code_point

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foxgrape._util.typing import Int32Array, IntArray, StringArray, UInt8Array


__all__ = ["EmojiTrie", "build_trie", "emoji_trie", "first_node", "longest_match"]
__all__ += ["rescan_like_reference", "symbol_of"]

#: Header of the packed array; `EmojiTrie` describes each entry.
N_FIRST, EDGES, TERMINALS, COMPONENTS, REGIONALS, LEAD_BYTES, CYRILLIC, PUNCTUATION = range(8)
#: Index at which the table of code point pages begins, directly after the header.
PAGES = 8
_PAGE_SIZE = 256
_N_PAGES = 0x110000 // _PAGE_SIZE
ZWJ = 0x200D
_VARIATION_SELECTORS = (0xFE0E, 0xFE0F)
_REGIONAL_INDICATORS = range(0x1F1E6, 0x1F200)
_PUNCTUATION_TAILS = range(0x90, 0xB0)
#: Columns of the scratch array of `rescan_like_reference`: the first two hold code points, the
#: others tokens.
POINT, IGNORED, BEGIN, LENGTH, EMOJI = range(5)


class EmojiTrie(NamedTuple):
    """Every emoji, and the trie that finds them.

    Attributes
    ----------
    emoji
        The emoji in the order of the package's data; spans refer to them by position.
    table
        The trie in one array, because passing several to a kernel costs more. For a code point
        `c`, ``table[table[PAGES + (c >> 8)] + (c & 255)]`` is its symbol: its number in the trie's
        alphabet, or 0 if it occurs in no emoji. Then

        - ``table[N_FIRST]`` is the number of symbols that begin an emoji. These come first, and
          each is also the number of its node, a child of the root;
        - ``table[EDGES]`` is the start of an open-addressing hash table of all edges not from the
          root: the number of slots less one, then each slot's parent node, symbol and child;
        - ``table[table[TERMINALS] + node]`` is twice the emoji that ends at a node, or -2 if none
          does, plus one if the node has children;
        - ``table[table[COMPONENTS] + emoji]`` is 1 for a component, such as a skin tone alone;
        - ``table[table[REGIONALS] + symbol]`` is 1 for a regional indicator;
        - ``table[table[LEAD_BYTES] + byte]`` is 1 for a byte that begins a symbol in UTF-8;
        - ``table[CYRILLIC]`` is 1 if any symbol begins with a byte from 0xD0 to 0xDF, as Cyrillic
          letters do;
        - ``table[PUNCTUATION]`` is 1 if any symbol's second and third byte are those of a character
          from U+2010 to U+202F, which include dashes and quotation marks.
    """

    emoji: StringArray
    table: Int32Array


@cache
def emoji_trie() -> EmojiTrie:
    """Return the trie of the installed package's emoji."""
    return build_trie(emoji.EMOJI_DATA)


def build_trie(data: Mapping[str, Mapping[str, Any]]) -> EmojiTrie:
    """Build the trie of emoji described as in `emoji.EMOJI_DATA`.

    Examples
    --------
    >>> build_trie({"🍇": {"status": 2}, "✈": {"status": 4}}).emoji.tolist()
    ['🍇', '✈']
    """
    first = sorted({text[0] for text in data})
    alphabet = [*first, *sorted({*"".join(data), chr(ZWJ)} - {*first})]
    symbols = {character: number for number, character in enumerate(alphabet, start=1)}
    edges = {(0, symbols[character]): symbols[character] for character in first}
    emoji_at = {}
    for number, text in enumerate(data):
        node = 0
        for character in text:
            node = edges.setdefault((node, symbols[character]), len(edges) + 1)
        emoji_at[node] = number
    parents = {node for node, _ in edges}
    encoded = [character.encode() for character in alphabet]
    leads = {character[0] for character in encoded}
    component = emoji.STATUS["component"]
    sections = {
        EDGES: _hash_table({edge: node for edge, node in edges.items() if edge[0]}),
        TERMINALS: [
            2 * emoji_at.get(node, -1) + (node in parents) for node in range(len(edges) + 1)
        ],
        COMPONENTS: [entry["status"] == component for entry in data.values()],
        REGIONALS: [False, *(ord(character) in _REGIONAL_INDICATORS for character in alphabet)],
        LEAD_BYTES: [byte in leads for byte in range(256)],
    }
    table = [0] * PAGES + _code_point_pages(symbols)
    for name, section in sections.items():
        table[name] = len(table)
        table += section
    table[N_FIRST] = len(first)
    table[CYRILLIC] = bool(leads & set(range(0xD0, 0xE0)))
    table[PUNCTUATION] = any(
        character[1:2] == b"\x80" and character[2] in _PUNCTUATION_TAILS for character in encoded
    )
    return EmojiTrie(np.array(list(data), np.str_), np.array(table, np.int32))


def _code_point_pages(symbols: dict[str, int]) -> list[int]:
    """Return the index of each page of code points, then the pages; unused ones share one page."""
    empty = PAGES + _N_PAGES
    page_at = [empty] * _N_PAGES
    pages = [0] * _PAGE_SIZE
    for character, symbol in symbols.items():
        page, low = divmod(ord(character), _PAGE_SIZE)
        if page_at[page] == empty:
            page_at[page] += len(pages)
            pages += [0] * _PAGE_SIZE
        pages[page_at[page] - empty + low] = symbol
    return [*page_at, *pages]


def _hash_table(edges: dict[tuple[int, int], int]) -> list[int]:
    """Return the edges as an open-addressing hash table, at most half full; `_child` reads it."""
    mask = (1 << (2 * len(edges) + 1).bit_length()) - 1
    slots = [(0, 0, 0)] * (mask + 1)
    for (node, symbol), child in edges.items():
        slot = _edge_hash(node, symbol) & mask
        while slots[slot][0]:
            slot = (slot + 1) & mask
        slots[slot] = node, symbol, child
    return [mask, *(number for slot in slots for number in slot)]


def _edge_hash(node: int, symbol: int) -> int:
    """Return the hash of an edge."""
    return symbol ^ node * 37


def symbol_of(table: Int32Array, point: int) -> int:
    """Return the symbol of a code point, 0 if it occurs in no emoji."""
    return int(table[table[PAGES + (point >> 8)] + (point & 255)])


def first_node(table: Int32Array, symbol: int) -> int:
    """Return the root's child for a symbol, 0 if no emoji begins with the symbol."""
    return symbol if symbol <= table[N_FIRST] else 0


def _child(table: Int32Array, node: int, symbol: int) -> int:
    """Return the child of a node, 0 if it has none for the symbol."""
    first = int(table[EDGES])
    mask = int(table[first])
    slot = _edge_hash(node, symbol) & mask
    while True:
        edge = first + 1 + 3 * slot
        if table[edge] == node and table[edge + 1] == symbol:
            return int(table[edge + 2])
        if not table[edge]:
            return 0
        slot = (slot + 1) & mask


def _emoji_at_node(table: Int32Array, node: int) -> int:
    """Return the emoji that ends at a node, -1 if none does."""
    return int(table[table[TERMINALS] + node]) >> 1


def _is_regional_pair(table: Int32Array, symbol: int, following: int) -> bool:
    return bool(table[table[REGIONALS] + symbol] and table[table[REGIONALS] + following])


def longest_match(
    table: Int32Array, data: UInt8Array, symbol: int, end: int, stop: int
) -> tuple[int, int, int]:
    """Match the longest emoji whose first symbol ends at byte `end`.

    Returns the byte at which the match ends, its number of code points, and its emoji or -1.
    Regional indicators are consumed in pairs, whether or not the pair is a flag.
    """
    node, after, count = first_node(table, symbol), end, 1
    # Most emoji have one symbol and no longer emoji begins with them: the second condition is
    # then false at once.
    while (
        after < stop
        and table[table[TERMINALS] + node] & 1
        and table[table[LEAD_BYTES] + data[after]]
    ):
        point, size = decode_code_point(data, after, stop)
        following = symbol_of(table, point)
        child = _child(table, node, following) if following else 0
        if not child:
            if after == end and _is_regional_pair(table, symbol, following):
                return end + size, 2, -1
            break
        node = child
        after += size
        count += 1
    match = _emoji_at_node(table, node)
    return (after, count, match) if match >= 0 else (end, 1, -1)


def rescan_like_reference(
    table: Int32Array, data: UInt8Array, start: int, stop: int, scratch: IntArray
) -> int:
    """Find the emoji of one text in the steps of `emoji.emoji_list`.

    A joiner that does not extend the emoji before it is ignored in a second pass that begins at
    that emoji. If the emoji is a component, such as a skin tone, the reference goes back by the
    length of the token before it too. Each joiner is ignored once, so the time is linear.

    Returns the number of emoji, whose begin, length and emoji are written to the last three columns
    of `scratch`; -1 if `scratch` has too few rows.
    """
    n, at = 0, start
    while at < stop:
        if n == len(scratch):
            return -1
        scratch[n, POINT], size = decode_code_point(data, at, stop)
        scratch[n, IGNORED] = 0
        n += 1
        at += size
    # Rows before `kept` are final emoji; rows from `kept` to `top` are tokens that may be re-read.
    kept = top = i = 0
    while i < n:
        if top + 2 > len(scratch):
            return -1
        point = int(scratch[i, POINT])
        if scratch[i, IGNORED]:
            i += 1
        elif first_node(table, symbol_of(table, point)):
            i, top = _read_token(table, scratch, n, i, top)
        elif point == ZWJ and top > kept and _follows_emoji(table, scratch, top, i):
            scratch[i, IGNORED] = 1
            i, top = _rewind(table, scratch, kept, top, i)
        else:
            # The reference forgets its tokens at a code point that begins no emoji.
            kept = top = _keep_emoji(scratch, kept, top)
            if point not in _VARIATION_SELECTORS:
                top = _push_token(scratch, top, i, 1, -1)
            i += 1
    return _keep_emoji(scratch, kept, top)


def _read_token(table: Int32Array, scratch: IntArray, n: int, i: int, top: int) -> tuple[int, int]:
    """Match from code point `i`; return where to continue and the number of tokens."""
    symbol = symbol_of(table, int(scratch[i, POINT]))
    node, j = first_node(table, symbol), i + 1
    while j < n and not scratch[j, IGNORED]:
        child = _child(table, node, symbol_of(table, int(scratch[j, POINT])))
        if not child:
            break
        node = child
        j += 1
    match = _emoji_at_node(table, node)
    if match >= 0:
        return j, _push_token(scratch, top, i, j - i, match)
    top = _push_token(scratch, top, i, 1, -1)
    available = i + 1 < n and not scratch[i + 1, IGNORED]
    if available and _is_regional_pair(table, symbol, symbol_of(table, int(scratch[i + 1, POINT]))):
        return i + 2, _push_token(scratch, top, i + 1, 1, -1)
    return i + 1, top


def _push_token(scratch: IntArray, top: int, begin: int, length: int, match: int) -> int:
    scratch[top, BEGIN], scratch[top, LENGTH], scratch[top, EMOJI] = begin, length, match
    return top + 1


def _last_emoji(table: Int32Array, scratch: IntArray, top: int) -> int:
    """Return the emoji of the last token, or of the token's first code point; -1 without one."""
    match = int(scratch[top - 1, EMOJI])
    if match >= 0:
        return match
    point = int(scratch[scratch[top - 1, BEGIN], POINT])
    return _emoji_at_node(table, first_node(table, symbol_of(table, point)))


def _follows_emoji(table: Int32Array, scratch: IntArray, top: int, i: int) -> bool:
    """Return whether the reference takes the joiner at `i` to extend the emoji before it."""
    before = symbol_of(table, int(scratch[i - 1, POINT]))
    return first_node(table, before) != 0 and _last_emoji(table, scratch, top) >= 0


def _rewind(table: Int32Array, scratch: IntArray, kept: int, top: int, i: int) -> tuple[int, int]:
    """Return where the second pass begins, and how many tokens remain."""
    length = int(scratch[top - 1, LENGTH])
    if not table[table[COMPONENTS] + _last_emoji(table, scratch, top)]:
        return i - length, top - 1
    first = top - 1
    if first > kept:
        first -= 1
        length += int(scratch[first, LENGTH])
    begin = i - length
    if scratch[begin, POINT] == ZWJ:
        return begin + 1, top - 1
    return begin, first


def _keep_emoji(scratch: IntArray, kept: int, top: int) -> int:
    """Move tokens that are emoji, from `kept` to `top`, to the kept rows; return their number."""
    for i in range(kept, top):
        if scratch[i, EMOJI] >= 0:
            for column in range(BEGIN, EMOJI + 1):
                scratch[kept, column] = scratch[i, column]
            kept += 1
    return kept
