"""A short version of `make fuzz`: the same targets with random inputs, without coverage."""

from __future__ import annotations

import random

import pytest

from fuzz_targets import TARGETS, seeds

#: Random inputs per target, besides its seeds.
TRIES = 150
PIECES = (b"", b"\0", b"\xff", b"\n", b'"', b"{", b"]", b"null", b"-1", b"1e999", b"NaN", b"=1+1")


def mutate(data, draw):
    """Return bytes with a few of them deleted, repeated or flipped, or with a piece inserted."""
    mutated = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at, end = sorted(draw.choices(range(len(mutated) + 1), k=2))
        kind = draw.randrange(4)
        if kind == 0:
            del mutated[at : min(end, at + 40)]
        elif kind == 1:
            mutated[at:at] = mutated[at : min(end, at + 200)]
        elif kind == 2 and mutated:
            mutated[min(at, len(mutated) - 1)] ^= 1 << draw.randrange(8)
        else:
            mutated[at:at] = draw.choice(PIECES)
    return bytes(mutated)


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_give_a_result_or_a_one_line_error(name, tmp_path):
    draw = random.Random(name)
    known = seeds(name)
    for number, data in enumerate(known + [mutate(draw.choice(known), draw) for _ in range(TRIES)]):
        try:
            TARGETS[name](data, tmp_path)
        except BaseException as error:
            error.add_note(f"input {number}: {data[:2000]!r}")
            raise
