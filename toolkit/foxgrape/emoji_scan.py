"""Find the emoji in a column of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import emoji
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = ["EmojiSpans", "scan_emoji"]


@dataclass(frozen=True, slots=True, eq=False)
class EmojiSpans:
    """Where emoji stand in a column of texts: four arrays of one length, in reading order.

    Attributes
    ----------
    row
        Position of the text in the column, from 0.
    start, end
        Span in code points: ``text[start:end]`` is the emoji.
    emoji
        The emoji as written.
    """

    row: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    emoji: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.row)


def scan_emoji(texts: Iterable[str | None]) -> EmojiSpans:
    """Find every emoji in every text, as `emoji.emoji_list` defines them.

    Parameters
    ----------
    texts
        A pandas text column or any iterable of texts; missing texts have no emoji.

    Returns
    -------
    EmojiSpans

    Examples
    --------
    >>> spans = scan_emoji(["no fruit", "🍇, then 🦊"])
    >>> list(zip(spans.row.tolist(), spans.start.tolist(), spans.emoji.tolist()))
    [(1, 0, '🍇'), (1, 8, '🦊')]
    """
    found = [
        (row, span["match_start"], span["match_end"], span["emoji"])
        for row, text in enumerate(texts)
        if isinstance(text, str)
        for span in emoji.emoji_list(text)
    ]
    row, start, end, signs = zip(*found, strict=True) if found else ((), (), (), ())
    return EmojiSpans(
        np.array(row, dtype=np.int64),
        np.array(start, dtype=np.int64),
        np.array(end, dtype=np.int64),
        np.array(signs, dtype=np.str_),
    )
