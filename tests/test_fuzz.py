"""A small version of `make fuzz`, which is guided by coverage: the same promises, fewer inputs."""

from __future__ import annotations

import random

import pytest

from fuzz_targets import TARGETS, seeds

#: Inputs that are tried of each target beside its seeds.
TRIES = 150
PIECES = (b"", b"\0", b"\xff", b"\n", b'"', b"{", b"]", b"null", b"-1", b"1e999", b"NaN", b"=1+1")


def changed(data, draw):
    """Return bytes with a few of them cut, doubled, flipped, or with a piece put in."""
    made = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at, end = sorted(draw.choices(range(len(made) + 1), k=2))
        kind = draw.randrange(4)
        if kind == 0:
            del made[at : min(end, at + 40)]
        elif kind == 1:
            made[at:at] = made[at : min(end, at + 200)]
        elif kind == 2 and made:
            made[min(at, len(made) - 1)] ^= 1 << draw.randrange(8)
        else:
            made[at:at] = draw.choice(PIECES)
    return bytes(made)


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_end_in_a_table_or_in_one_line(name, tmp_path):
    draw = random.Random(name)
    known = seeds(name)
    for number, data in enumerate(
        known + [changed(draw.choice(known), draw) for _ in range(TRIES)]
    ):
        try:
            TARGETS[name](data, tmp_path)
        except BaseException as error:
            error.add_note(f"input {number}: {data[:2000]!r}")
            raise
