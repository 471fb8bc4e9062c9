"""How often `suggest` names the place of a known code, compared with a random emoji.

Run as `python benchmarks/suggestions.py`. Each emoji of the packaged codebook with a source
is looked up in a codebook without its place. The control looks up random emoji for the same places,
several times: the share that guessing reaches.
"""

import random

from foxgrape.places import Code, Codebook, suggest
from foxgrape.places.suggestions import _annotations

RANKS = (1, 5, 10)
REPEATS = 5


def place_rank(emoji: str, code: Code, book: Codebook) -> int | None:
    """Return the rank of the code's place among the suggestions for an emoji, from 1."""
    others = Codebook((other for other in book if other.place_id != code.place_id), book.gazetteer)
    suggestions = suggest(emoji, limit=max(RANKS), codebook=others)
    ids = [suggestion.place.id for suggestion in suggestions]
    return ids.index(code.place_id) + 1 if code.place_id in ids else None


def shares(ranks: list[int | None]) -> dict[int, float]:
    """Return the share of ranks up to each of `RANKS`."""
    return {
        within: sum(rank is not None and rank <= within for rank in ranks) / len(ranks)
        for within in RANKS
    }


def measure() -> dict[str, tuple[int, dict[int, float]]]:
    """Return the number of look-ups and the shares by rank, for codes and for random emoji."""
    book = Codebook.default(proposed=True)
    sourced = [code for code in book if code.kind == "emoji" and code.basis != "proposed"]
    attested = [code for code in sourced if code.attested]
    ranks = {code: place_rank(code.code, code, book) for code in sourced}
    generator, emoji = random.Random(20220910), sorted(_annotations())  # noqa: S311
    control = [
        place_rank(generator.choice(emoji), code, book) for code in sourced for _ in range(REPEATS)
    ]
    return {
        "attested": (len(attested), shares([ranks[code] for code in attested])),
        "all sourced": (len(sourced), shares(list(ranks.values()))),
        "random emoji": (len(control), shares(control)),
    }


def main() -> None:
    """Print the shares."""
    for name, (count, by_rank) in measure().items():
        text = "  ".join(f"at {rank}: {share:6.1%}" for rank, share in by_rank.items())
        print(f"{name:14}{count:4}  {text}")


if __name__ == "__main__":
    main()
