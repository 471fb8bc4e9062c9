# ruff: noqa: PLR2004 - what bytes mean is told by RFC 3629, not by names of ours
"""Code points read from UTF-8 as it lies in a column's buffer, and what is broken in it.

Broken bytes are read as Python replaces them: one U+FFFD for the longest beginning of a code point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

__all__ = ["decode", "decode_pure_python"]

_BROKEN = 0xFFFD


def decode(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    """Return a code point and how many bytes it takes; U+FFFD for what is no UTF-8."""
    lead = int(data[at])
    if lead < 0x80:
        return lead, 1
    if lead >= 0xE0 and at + 4 <= stop:
        one, two, three = int(data[at + 1]), int(data[at + 2]), int(data[at + 3])
        tails = (one ^ 0x80) | (two ^ 0x80)
        point = (lead & 15) << 12 | (one & 63) << 6 | two & 63
        if lead < 0xF0:
            if tails < 0x40 and point >= 0x800 and not 0xD800 <= point < 0xE000:
                return point, 3
        else:
            point = (point & 0x7FFF) << 6 | three & 63
            if (tails | three ^ 0x80) < 0x40 and lead < 0xF5 and 0x10000 <= point < 0x110000:
                return point, 4
    return decode_pure_python(data, at, stop)


def decode_pure_python(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    """Do as `decoded` does, with what is less common."""
    lead = int(data[at])
    if lead < 0xC2 or lead > 0xF4:
        return _BROKEN, 1
    needed = 1 + (lead >= 0xE0) + (lead >= 0xF0)
    point = lead & (0x3F >> needed)
    low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
    high = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
    for size in range(1, needed + 1):
        if at + size >= stop:
            return _BROKEN, size
        byte = int(data[at + size])
        if byte < low or byte > high:
            return _BROKEN, size
        low, high = 0x80, 0xBF
        point = point << 6 | byte & 0x3F
    return point, needed + 1
