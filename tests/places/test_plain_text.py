"""Text without invisible characters, stress marks and look-alikes, and the original spans."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape.places.plain_text import plain_text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Слов`янськ, Слов´янськ", "Слов'янськ, Слов'янськ"),
        ("Слов*янськ", "Слов'янськ"),
        ('Куп"янськ', "Куп'янськ"),
        # These signs have other uses.
        ("**яблуко** і *ясен*", "**яблуко** і *ясен*"),
        ('він"є"', 'він"є"'),
        ("`code`", "`code`"),
        ("Чугуи\u0306", "Чугуй"),
        ("Чугуі\u0308в", "Чугуїв"),
        ("Ізю\u0301м", "Ізюм"),
        ("cafe\u0301", "cafe"),
        ("І\u200bзю\u00adм\ufeff", "Ізюм"),
        ("Iзюм", "Ізюм"),
        ("Кharkiv", "Kharkiv"),
        ("iPhoneом", "iPhoneом"),  # not only look-alikes
        ("#Ізюм_наш", "#Ізюм наш"),
        ("#КривийРіг2022", "#Кривий Ріг 2022"),
        ("#ЗСУ #NATO", "#ЗСУ #NATO"),
        ("snake_case", "snake_case"),
        ("", ""),
    ],
)
def test_what_hides_names_is_undone(text, plain):
    assert plain_text(text).text == plain


def test_a_span_covers_the_characters_that_were_replaced():
    text = "в І\u200bзю\u0301м\u200b, Чугуі\u0308в #КривийРіг_наш"
    plain = plain_text(text)
    spans = {
        word: plain.original_span(start, start + len(word))
        for word in ("Ізюм", "Чугуїв", "Кривий Ріг", "наш")
        for start in [plain.text.index(word)]
    }
    assert {word: text[slice(*span)] for word, span in spans.items()} == {
        "Ізюм": "І\u200bзю\u0301м",
        "Чугуїв": "Чугуі\u0308в",
        "Кривий Ріг": "КривийРіг",
        "наш": "наш",
    }


TEXTS = st.text(alphabet="Іиі аbАI9#_'`*яв\u0301\u0306\u0308\u00ad\u200b", max_size=40)


@given(TEXTS)
def test_spans_are_ordered_and_inside_the_text(text):
    plain = plain_text(text)
    spans = [plain.original_span(at, at + 1) for at in range(len(plain.text))]
    for edges in zip(*spans, strict=True):
        assert sorted(edges) == list(edges)
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    for sign, (start, end) in zip(plain.text, spans, strict=True):
        if sign.isalpha():
            assert any(letter.isalpha() for letter in text[start:end])


@given(TEXTS)
def test_a_plain_text_is_not_changed_again(text):
    once = plain_text(text).text
    assert plain_text(once).text == once


@given(st.text(alphabet="абвґєії АБВ.,!?—", max_size=40))
def test_an_ordinary_text_is_returned_as_it_is(text):
    plain = plain_text(text)
    assert (plain.text, plain.starts) == (text, None)
