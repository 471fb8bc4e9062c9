"""DAG-CBOR: what is written is read back, and invalid bytes raise one error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from car_files import encode_cbor
from foxgrape.io.dag_cbor import Cid, decode_cbor
from foxgrape.io.stream import CorruptFileError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.binary()
    | TEXTS
    | st.binary(min_size=1).map(Cid),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)


@given(VALUES)
def test_a_written_value_is_read_back(value):
    decoded = decode_cbor(encode_cbor(value))
    assert decoded == value
    assert type(decoded) is type(value)


@given(st.binary(max_size=40))
def test_any_bytes_give_a_value_or_one_error(data):
    try:
        decode_cbor(data)
    except CorruptFileError as error:
        assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x00",  # two values
        b"\x9f\xff",  # an array of indefinite length
        b"\x5a\xff\xff\xff\xff",  # bytes that are cut off
        b"\x9b" + b"\xff" * 8,  # an array of 2**64 - 1 values
        b"\xd8\x2a\x00",  # a link to a number
        b"\xc1\x00",  # another tag
        b"\xf7",  # undefined
        b"\xa1\x80\x00",  # an array as a key
        b"\x61\xff",  # not UTF-8
        b"\x81" * 200 + b"\x00",  # nested too deeply
    ],
)
def test_invalid_bytes_are_an_error(data):
    with pytest.raises(CorruptFileError):
        decode_cbor(data)
