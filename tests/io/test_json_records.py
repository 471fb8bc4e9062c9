"""JSON records: escapes are repaired wherever the chunks are cut, and limits hold."""

from __future__ import annotations

import io
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape.io import json_records, stream
from foxgrape.io.stream import CorruptFileError, lines

PIECES = st.sampled_from(
    [rb"\ud83d\ude00", rb"\ud83d", rb"\ude00", rb"\\", rb"\x0B", rb"\n", rb"\u0041", b"a", b"xB0"]
)


def expected(pieces):
    """Repair escapes one after the other, the slow and simple way."""
    data, out, at = b"".join(pieces), b"", 0
    while at < len(data):
        if data[at : at + 1] != b"\\":
            out, at = out + data[at : at + 1], at + 1
        elif data[at : at + 2] == rb"\x":
            out, at = out + rb"\u00" + data[at + 2 : at + 4], at + 4
        elif data[at : at + 12] == rb"\ud83d\ude00":
            out, at = out + data[at : at + 12], at + 12
        elif data[at : at + 4] in {rb"\ud8", rb"\ude"}:
            out, at = out + rb"\uffff", at + 6
        else:
            width = 6 if data[at : at + 2] == rb"\u" else 2
            out, at = out + data[at : at + width], at + width
    return out


@given(st.lists(PIECES, max_size=12), st.lists(st.integers(0, 100), max_size=8))
def test_escapes_are_repaired_wherever_the_chunks_are_cut(pieces, cuts):
    data = b"".join(pieces)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    chunks = [data[a:b] for a, b in pairwise(edges)]
    repaired = b"".join(json_records.repair_escapes(iter(chunks)))
    assert repaired == expected(pieces)
    json.loads(b'"' + repaired + b'"')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(st.lists(JSON))
def test_an_array_has_the_items_that_the_standard_library_reads(items):
    source = io.BytesIO(json.dumps(items).encode())
    assert [value for _, value in json_records.iter_values(source, {("item",)})] == items


@given(st.lists(st.lists(JSON), min_size=1), st.sampled_from(["", "\n", ",\n"]))
def test_several_arrays_are_read_as_one(arrays, between):
    content = between.join(map(json.dumps, arrays)).encode()
    records = list(json_records.array_records(io.BytesIO(content)))
    assert [record.value for record in records] == [item for items in arrays for item in items]
    assert [record.number for record in records] == list(range(1, len(records) + 1))


def test_an_array_after_another_that_is_cut_off_is_an_error():
    with pytest.raises(CorruptFileError, match="cut off"):
        list(json_records.array_records(io.BytesIO(b'[{"id": 1}]\n[{"id": 2},')))
    with pytest.raises(CorruptFileError, match="goes on after"):
        list(json_records.array_records(io.BytesIO(b'[{"id": 1}] {"id": 2}')))


@given(st.lists(st.dictionaries(st.text(max_size=3), JSON)))
def test_lines_have_the_values_that_the_standard_library_reads(items):
    source = io.BytesIO("\n\n".join(map(json.dumps, items)).encode())
    records = list(json_records.json_lines(lines(source)))
    assert [record.value for record in records] == items
    assert [record.number for record in records] == [1 + 2 * n for n in range(len(items))]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[" * 10_000, "nested deeper than 100"),
        (b'[{"a": 1}, {"a"', "cut off"),
        (b'[{"a": 1}, {"a": }]', "invalid"),
        (b'[{"a": 1}, "\xff"]', "UTF8"),
        (b"[{}] }", "garbage"),
    ],
)
def test_the_error_for_a_corrupt_document_has_the_reason(content, reason):
    with pytest.raises(CorruptFileError, match=reason):
        list(json_records.iter_values(io.BytesIO(content), {("item",)}))


def test_a_record_larger_than_the_limit_is_rejected(monkeypatch):
    monkeypatch.setattr(json_records, "MAX_RECORD", 3 * stream.CHUNK)
    small = [{"a": "x" * stream.CHUNK}] * 12
    source = io.BytesIO(json.dumps(small).encode())
    assert len(list(json_records.iter_values(source, {("item",)}))) == 12
    source = io.BytesIO(json.dumps([*small, {"a": "x" * 9 * stream.CHUNK}]).encode())
    with pytest.raises(CorruptFileError, match="larger than"):
        list(json_records.iter_values(source, {("item",)}))


@pytest.mark.parametrize("digits", [1, 2_000, 4_300, 4_301, 70_000, 200_000])
@pytest.mark.parametrize("before", [0, 65_500])
def test_a_number_of_too_many_digits_ends_the_file_and_not_the_process(digits, before):
    # ijson's parser crashes the interpreter at integers of more than 4,300 digits.
    content = f'[{{"id": 1}}, {{"text": "{"x" * before}", "id": {"1" * digits}}}, {{"id": 3}}]'
    items = json_records.iter_values(io.BytesIO(content.encode()), {("item",)})
    if digits <= 2_000:
        assert [value["id"] for _, value in items] == [1, int("1" * digits), 3]
        return
    assert next(items)[1] == {"id": 1}
    with pytest.raises(CorruptFileError, match="more than 2,000 digits"):
        list(items)


@pytest.mark.parametrize(
    "text", ["1" * 200_000, '\\" ' + "1" * 9_000, "\\\\" * 30_000 + "1" * 9_000]
)
@pytest.mark.parametrize("before", [0, 65_500, 65_520])
def test_digits_in_a_text_are_no_number(text, before):
    content = f'[{{"text": "{"x" * before}"}}, {{"text": "{text}"}}]'
    values = json_records.iter_values(io.BytesIO(content.encode()), {("item",)})
    assert [value for _, value in values] == json.loads(content)
