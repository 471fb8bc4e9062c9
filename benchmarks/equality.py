"""Compare the scanner with its reference over many made posts, on both paths.

Run as `python benchmarks/equality.py [N]`; 200,000 by default, some 20 seconds.
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
    """Print how many spans were compared, or fail."""
    texts = corpus.texts(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000, seed=11)
    expected = [
        (row, span["match_start"], span["match_end"], span["emoji"])
        for row, text in enumerate(texts)
        # Two regional indicators that are no flag are a pair all the same.
        for span in emoji.emoji_list(
            PAIR.sub(lambda pair: pair[0] if pair[0] in emoji.EMOJI_DATA else "00", text)
        )
    ]
    for path, small in (("kernel", 0), ("arrays", 1 << 62)):
        scan._MIN_KERNEL_BYTES = small
        spans = scan_emoji(texts)
        columns = (spans.row, spans.start, spans.end, spans.emoji)
        found = list(zip(*(column.tolist() for column in columns), strict=True))
        if found != expected:
            sys.exit(f"{path}: not the same")
        print(
            f"{path}: {len(found):,} spans in {len(texts):,} posts, all as the reference has them"
        )


if __name__ == "__main__":
    main()
