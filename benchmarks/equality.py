"""Compare `scan_emoji` with its reference on many generated posts, with and without numba.

Run as `python benchmarks/equality.py [N]`; the default of 200,000 posts takes about 20 seconds.
"""

from __future__ import annotations

import re
import sys

import emoji

import corpus
from foxgrape import scan_emoji
from foxgrape.detection.emoji import scan

PAIR = re.compile("[🇦-🇿]{2}")


def main() -> None:
    """Print the number of spans compared, or exit at the first difference."""
    texts = corpus.texts(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000, seed=11)
    expected = [
        (row, span["match_start"], span["match_end"], span["emoji"])
        for row, text in enumerate(texts)
        # Two regional indicators form a pair even if it is not a flag.
        for span in emoji.emoji_list(
            PAIR.sub(lambda pair: pair[0] if pair[0] in emoji.EMOJI_DATA else "00", text)
        )
    ]
    for path, minimum in (("numba", 0), ("numpy", 1 << 62)):
        scan._MIN_KERNEL_BYTES = minimum
        spans = scan_emoji(texts)
        columns = (spans.row, spans.start, spans.end, spans.emoji)
        rows = list(zip(*(column.tolist() for column in columns), strict=True))
        if rows != expected:
            sys.exit(f"{path}: differs from the reference")
        print(f"{path}: {len(rows):,} spans in {len(texts):,} posts, equal to the reference")


if __name__ == "__main__":
    main()
