"""How often `suggest` names the place of a known code, its own row left out; and of a random emoji.

Run as `python benchmarks/suggestions.py`. Every emoji of the packaged codebook (grades A and B) is
asked for without what the codebook says of its place. The control asks as many random emoji for
the same places, many times over: what a guess that knows nothing would reach.
"""

import random

from foxgrape.places import Code, Codebook, suggest
from foxgrape.places.suggestions import _annotations

RANKS = (1, 5, 10)
REPEATS = 5


def place_rank(emoji: str, code: Code, book: Codebook) -> int | None:
    """Return how far down the code's place stands for an emoji, from 1."""
    without = Codebook((each for each in book if each.place_id != code.place_id), book.gazetteer)
    ids = [each.place.id for each in suggest(emoji, limit=max(RANKS), codebook=without)]
    return ids.index(code.place_id) + 1 if code.place_id in ids else None


def shares(ranks: list[int | None]) -> dict[int, float]:
    """Return the share within each rank."""
    return {
        within: sum(rank is not None and rank <= within for rank in ranks) / len(ranks)
        for within in RANKS
    }


def measured() -> dict[str, tuple[int, dict[int, float]]]:
    """Return how many were asked, and the share found, for codes and for random emoji."""
    book = Codebook.default(proposed=True)
    sourced = [code for code in Codebook.default() if code.kind == "emoji"]
    attested = [code for code in sourced if code.basis == "attested"]
    ranks = {code: place_rank(code.code, code, book) for code in sourced}
    pick, signs = random.Random(20220910), sorted(_annotations())  # noqa: S311
    control = [
        place_rank(pick.choice(signs), code, book) for code in sourced for _ in range(REPEATS)
    ]
    return {
        "attested": (len(attested), shares([ranks[code] for code in attested])),
        "all sourced": (len(sourced), shares(list(ranks.values()))),
        "random emoji": (len(control), shares(control)),
    }


def main() -> None:
    """Print the shares."""
    for name, (count, found) in measured().items():
        told = "  ".join(f"at {within}: {share:6.1%}" for within, share in found.items())
        print(f"{name:14}{count:4}  {told}")


if __name__ == "__main__":
    main()
