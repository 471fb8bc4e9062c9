"""Codes and names in a text, with spans, by the rules of `detect`."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foxgrape import detect, scan_emoji
from foxgrape.places import Codebook, scan
from foxgrape.places.text_scan import _emoji_spans

BOOK = Codebook.default(proposed=True)
GRAPES = BOOK.codes[0]


def scanned(text, **options):
    return [
        (reference.start, reference.end, reference.matched, reference.places[0].name)
        for reference in scan(text, **options)
    ]


def test_every_occurrence_has_its_span_in_reading_order():
    text = "під Ізюмом 🍇, a BULLFINCH! 🍇️ У Херсоні"
    assert scanned(text) == [
        (4, 10, "Ізюмом", "Izium"),
        (11, 12, "🍇", "Izium"),
        (16, 25, "BULLFINCH", "Snihurivka"),
        (27, 28, "🍇", "Izium"),
        (32, 39, "Херсоні", "Kherson"),
    ]
    assert [reference.matched for reference in scan(text, mentions=False)] == [
        "🍇",
        "BULLFINCH",
        "🍇",
    ]
    assert scan("") == scan("nothing here") == scan("🪑 🌊") == []


def test_a_reference_has_kind_codes_and_confidence():
    grapes, izium = scan("🍇 Ізюм")
    assert (grapes.kind, grapes.confidence, grapes.codes) == ("emoji", "A", (GRAPES,))
    assert (izium.kind, izium.confidence, izium.codes) == ("mention", "B", ())
    (sea,) = scan("🌊", codebook=BOOK)
    assert (sea.places[0].name, sea.confidence) == ("Zaporizhzhia", "C")


def test_a_name_of_several_places_is_one_reference():
    (lyman,) = scan("Lyman")
    assert len(lyman.places) > 5
    assert lyman.confidence == "C"
    chosen = lyman.places[2]
    code = replace(GRAPES, code="Lyman", kind="mention", place_id=chosen.id)
    (lyman,) = scan("Lyman", codebook=Codebook([code]))
    assert (lyman.places, lyman.codes) == ((chosen,), (code,))


def test_a_code_counts_while_it_is_valid():
    book = Codebook([replace(GRAPES, valid_until=date(2022, 9, 12))])
    assert scanned("🍇", codebook=book, at="2022-09-12") == scanned("🍇", codebook=book)
    assert scanned("🍇", codebook=book, at=date(2022, 9, 13)) == []
    with pytest.raises(ValueError, match="neither a day"):
        scan("🍇", at="yesterday")


def test_emoji_of_a_longer_sequence_do_not_count():
    book = Codebook([GRAPES, replace(GRAPES, code="🍇🦊", place_id="geonames:702972")])
    assert scanned("🍇🦊🍇 🦊", codebook=book) == [
        (0, 2, "🍇🦊", "Lysychansk"),
        (2, 3, "🍇", "Izium"),
    ]
    assert scanned("🍇 🦊", codebook=book) == [(0, 1, "🍇", "Izium")]


PIECES = [
    "\ufe0f",
    "🇺🇺🇦",
    "🍇",
    "🦊",
    "🍇🦊",
    "👍🏽",
    "✈️",
    "🇺",
    "🇦",
    "🇺🇦",
    "👩‍🚀",
    " ",
    "x",
    "bullfinch",
    "Ізюмі",
    "в ",
]
TEXTS = st.lists(st.sampled_from([*PIECES, *(code.code for code in BOOK)]), max_size=8).map("".join)


@given(TEXTS)
def test_emoji_have_the_spans_of_the_scanner(text):
    spans = scan_emoji([text])
    assert _emoji_spans(text) == list(zip(spans.start.tolist(), spans.end.tolist(), strict=True))


@given(TEXTS)
@settings(max_examples=50, deadline=None)
def test_codes_and_names_are_those_of_detect(text):
    """`detect` yields the first occurrence of each code and place."""
    book = Codebook([*BOOK.codes, replace(GRAPES, code="🍇🦊")], BOOK.gazetteer)
    posts = pd.DataFrame(
        {
            "post_id": ["p"],
            "account": ["a"],
            "text": [text],
            "posted_at": [pd.Timestamp("2022-09-10T12:00Z")],
        }
    )
    expected = {
        (signal.matched, signal.start, signal.end, signal.kind, signal.place_id)
        for signal in detect(posts, codebook=book, mentions=True).itertuples()
    }
    seen, first = set(), set()
    for reference in scan(text, codebook=book):
        codes = [code.code for code in reference.codes] or [reference.places[0].name]
        for code, place in zip(codes, reference.places, strict=True):
            if (code, place.id) not in seen:
                seen.add((code, place.id))
                span = reference.matched, reference.start, reference.end
                first.add((*span, reference.kind, place.id))
    assert first == expected


def test_scanning_needs_no_pandas():
    code = (
        "import sys; from foxgrape.places import scan; scan('🍇 Ізюм bullfinch'); "
        "print(sorted({'pandas', 'numpy', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
