"""`scan_emoji` equals `emoji.emoji_list` for every text and column type, on both paths."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import emoji
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from emoji import tokenizer
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from foxgrape import scan_emoji
from foxgrape.detection.emoji import scan, scan_numpy, trie
from foxgrape.errors import TableError

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
import corpus

EMOJI = list(emoji.EMOJI_DATA)
ZWJ, TEXT_STYLE, EMOJI_STYLE, KEY = "\u200d", "\ufe0e", "\ufe0f", "\u20e3"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
PAIR = re.compile("[🇦-🇿]{2}")


@pytest.fixture(params=["numba", "numpy"], autouse=True)
def path(request, monkeypatch):
    """Run each test with the compiled kernel, and with numpy alone."""
    monkeypatch.setattr(scan, "_MIN_KERNEL_BYTES", 0 if request.param == "numba" else 1 << 40)
    return request.param


def scan_rows(texts, **options):
    spans = scan_emoji(texts, **options)
    assert len(spans) == len(spans.row)
    columns = (spans.row, spans.start, spans.end, spans.emoji)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def without_invalid_flags(text):
    """Replace each pair that is not a flag by digits, which is the deliberate difference."""
    return PAIR.sub(lambda pair: pair[0] if pair[0] in emoji.EMOJI_DATA else "00", text)


def reference(texts):
    return [
        (row, span["match_start"], span["match_end"], span["emoji"])
        for row, text in enumerate(texts)
        for span in emoji.emoji_list(without_invalid_flags(text or ""))
    ]


ADVERSARIAL = [
    # joiners between emoji that form no sequence, at the ends, in a row
    f"🍇{ZWJ}🦊",
    f"🍇{ZWJ}",
    f"{ZWJ}🍇",
    f"🍇{ZWJ}{ZWJ}🦊",
    f"1{ZWJ}🍇",
    f"a{ZWJ}🍇{ZWJ}b",
    f"👩{ZWJ}🚀{ZWJ}👩",
    f"👨{ZWJ}❤",
    f"👨🏻{ZWJ}❤x",
    f"🧑{ZWJ}🤝{ZWJ}🦊",
    # the reference misses an emoji with U+FE0F before a joiner that joins nothing
    f"👁{EMOJI_STYLE}{ZWJ}x",
    f"🏳{EMOJI_STYLE}{ZWJ}🍇",
    f"❤{EMOJI_STYLE}{ZWJ}",
    f"✈{EMOJI_STYLE}{ZWJ}✈",
    # components: the second pass begins inside an emoji found before
    f"🍇🏽{ZWJ}",
    f"👍🏽{ZWJ}🏻{ZWJ}",
    f"👩{ZWJ}🚀{ZWJ}🏽{ZWJ}🦊",
    f"🦊👩🏽{ZWJ}🚀{ZWJ}🏽{ZWJ}🍇",
    f"👍🏽👩🏽{ZWJ}🚀{ZWJ}🏽{ZWJ}🍇",
    f"🏻{ZWJ}🏼{ZWJ}🏽{ZWJ}",
    f"{ZWJ}🏽{ZWJ}",
    "🏽",
    "🏽🏽🦰",
    # incomplete and complete tags
    ENGLAND,
    ENGLAND[:-1],
    ENGLAND[:3] + "x",
    f"{ENGLAND[:2]}{ZWJ}🍇",
    f"🏴{ZWJ}x",
    f"🏴{ZWJ}☠{EMOJI_STYLE}",
    ENGLAND + ENGLAND,
    # keycaps
    f"1{EMOJI_STYLE}{KEY}",
    f"1{KEY}2{EMOJI_STYLE}3{KEY}",
    f"11{KEY}#{EMOJI_STYLE}{KEY}*{KEY}",
    f"{KEY}{EMOJI_STYLE}",
    f"1{EMOJI_STYLE}{ZWJ}{KEY}",
    f"🍇1{EMOJI_STYLE}{KEY}{ZWJ}🦊",
    # presentation
    f"❤{TEXT_STYLE}",
    f"❤{EMOJI_STYLE}❤{EMOJI_STYLE}{EMOJI_STYLE}",
    f"✈{TEXT_STYLE}{ZWJ}✈",
    "©®™ ‼ 〰 ㊗",
    # flags in a row, and single regional indicators
    "🇺🇦🇵🇱🇺🇦",
    f"🇺🇦{ZWJ}🇺🇦",
    "🇦",
    "🇺a🇦",
    f"🇺🇦{ZWJ}🏽{ZWJ}",
    # characters whose bytes resemble those of emoji
    "« » “ ” — … № ’ \u00a0 Ѐ ߿ ࠀ \U0010ffff",
    "\x00🍇\x00",
    "",
]


@pytest.mark.parametrize("text", ADVERSARIAL, ids=ascii)
def test_adversarial_texts_equal_the_reference(text):
    assert scan_rows([text]) == reference([text])


def test_adversarial_texts_in_one_column_do_not_affect_one_another():
    for texts in (ADVERSARIAL, ADVERSARIAL[::-1]):
        assert scan_rows(texts) == reference(texts)


def test_every_emoji_is_found_alone_and_among_others():
    for texts in (EMOJI, [f"я{text} {text}" for text in EMOJI]):
        assert scan_rows(texts) == reference(texts)


def test_all_emoji_in_one_text_are_found_in_any_order():
    order = np.random.default_rng(4)
    for _ in range(5):
        text = "".join(order.permutation(EMOJI).tolist())
        assert scan_rows([text]) == reference([text])


def test_generated_posts_equal_the_reference():
    texts = corpus.texts(5000, seed=7)
    assert scan_rows(texts) == reference(texts)
    assert scan_rows(texts, threads=2) == scan_rows(texts)


def test_regional_indicators_are_paired_from_the_left():
    """The deliberate difference: the reference finds the flag of Ukraine at 1."""
    assert [span["match_start"] for span in emoji.emoji_list("🇺🇺🇦")] == [1]
    assert scan_rows(["🇺🇺🇦"]) == []
    assert scan_rows(["🇺🇦🇺🇺🇦"]) == [(0, 0, 2, "🇺🇦")]
    assert scan_rows(["🇺🇺🇺🇦"]) == [(0, 2, 4, "🇺🇦")]
    assert scan_rows(["🇺a🇺🇦"]) == [(0, 2, 4, "🇺🇦")]
    assert scan_rows(["🇺🇺🇦🇺🇦🍇"]) == [(0, 2, 4, "🇦🇺"), (0, 5, 6, "🍇")]
    assert scan_rows([f"🇺🇺🇦{ZWJ}🇺🇦"]) == [(0, 4, 6, "🇺🇦")]


PIECES = st.one_of(
    st.sampled_from(["👍", "👩", "🚀", "🏴", "👁", "❤", "1", "#", "a", "я", "’", "©", KEY, "🦰"]),
    st.sampled_from(["🏽", "🏻", ZWJ, ZWJ, ZWJ, EMOJI_STYLE, TEXT_STYLE, "🇺", "🇦", "\U000e0067"]),
    st.sampled_from(EMOJI),
    st.text(max_size=3),
)


@given(st.lists(st.lists(PIECES, max_size=12).map("".join), max_size=5))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_texts_equal_the_reference(texts):
    # A digit that replaces half a pair must not become a keycap.
    assume(not re.search(f"[🇦-🇿]{EMOJI_STYLE}?{KEY}", "".join(texts)))
    assert scan_rows(texts) == reference(texts)


BROKEN = [
    b"\xf0\x9f\x8d",
    b"\xf0\x9f\x8d\x87",
    b"\x87\xf0\x9f\x8d\x87\x87",
    b"\xe2\xf0\x9f\x8d\x87",
    b"abcdefgh\xd0\xd0\xb0\xf0\x9f\xa6\x8a ",
    b"\xed\xa0\x80\xf0\x9f\xa6\x8a",
    b"\xc0\x80\xe0\x80\x80\xf4\x90\x80\x80\xf0\x8f\xbf\xbf\xff\xf5\xf0\x9f\xa6\x8a",
    b"\xf0\x9f\xa6\xf0\x9f\xa6\x8a\xe2\x80\xf0\x9f\xa6\x8a",
    b"1\xef\xb8\xf0\x9f\xa6\x8a1\xef\xb8\x8f\xe2\x83",
    b"\xf0\x9f\x8d\x87\xe2\x80\x8d\xe2\x80\xf0\x9f\x8d\x87\xe2\x80\x8d\xf0\x9f",
    "ᄀ가힣ࠀ\U0001fabc\U000e0067🦊".encode(),
    "one two three four five six — сім вісім дев’ять 🦊 десять 🍇".encode(),
]


def column_of(texts):
    """Return bytes as a text column without validation."""
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int32)
    parts = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.string(), len(texts), parts)


def decode_all(texts):
    return [text.decode("utf-8", "replace") for text in texts]


def test_malformed_utf8_is_decoded_as_python_decodes_it():
    assert scan_rows(column_of(BROKEN)) == reference(decode_all(BROKEN))
    for text in BROKEN:
        assert scan_rows(column_of([text])) == reference(decode_all([text]))


@given(st.lists(st.lists(st.sampled_from([*BROKEN, b"\x80", b"\xe2", b"a"])).map(b"".join)))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_are_decoded_as_python_decodes_them(texts):
    assert scan_rows(column_of(texts)) == reference(decode_all(texts))


TEXTS = ["🍇", None, "", "no", "так 🦊🇺🇦", f"1{EMOJI_STYLE}{KEY} я{ZWJ}🏽{ZWJ}"]
EXPECTED = reference(TEXTS)
ARROW = pa.array(TEXTS)
FORMS = {
    "list": TEXTS,
    "iterator": iter(TEXTS),
    "tuple with NaN and numbers": ["🍇", float("nan"), "", 4, *TEXTS[4:]],
    "str": pd.Series(TEXTS, dtype="str"),
    "string": pd.Series(TEXTS, dtype="string"),
    "python strings": pd.Series(TEXTS, dtype="string[python]"),
    "object": pd.Series(TEXTS, dtype="object"),
    "categories": pd.Series(TEXTS, dtype="category"),
    "index": pd.Index(TEXTS),
    "another index": pd.Series(TEXTS, index=[3] * 6, dtype="str"),
    "numpy": np.array(TEXTS, dtype=object),
    "string array": ARROW,
    "large_string": ARROW.cast(pa.large_string()),
    "string_view": ARROW.cast(pa.string_view()),
    "dictionary": ARROW.dictionary_encode(),
    "chunked": pa.chunked_array([ARROW[:2], ARROW[2:2], ARROW[2:]]),
    "sliced": pa.array(["🦊🦊", *TEXTS, "🦊"])[1:-1],
    "sliced str": pd.Series(["🦊🦊", *TEXTS, "🦊"], dtype="str").iloc[1:-1],
    "sliced view": pa.array(["🦊" * 9, *TEXTS, "🦊"]).cast(pa.string_view())[1:-1],
    "missing first": pa.chunked_array([pa.array([], pa.string()), ARROW]),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_column_type_is_accepted(form):
    texts = FORMS[form]
    assert scan_rows(list(TEXTS) if form == "iterator" else texts) == EXPECTED


def test_an_iterator_is_accepted():
    assert scan_rows(iter(TEXTS)) == EXPECTED


def test_a_slice_of_a_column_is_scanned_alone():
    column = pa.array([None, *(f"{text}x{text}" for text in EMOJI[:40]), None])
    texts = column.to_pylist()
    for begin, end in ((0, 5), (3, 40), (17, 18), (41, 42), (9, 9)):
        assert scan_rows(column[begin:end]) == reference(texts[begin:end])


@pytest.mark.parametrize(
    "nothing", [[], [None], [""], pa.array([None, None]), pd.Series([], dtype="str")]
)
def test_columns_without_text_have_no_spans(nothing):
    spans = scan_emoji(nothing)
    assert len(spans) == 0
    assert spans.emoji.tolist() == []


def test_bytes_of_a_missing_text_are_not_scanned():
    column = pa.Array.from_buffers(
        pa.string(), 3, [pa.py_buffer(b"\x05"), *column_of(["🍇".encode()] * 3).buffers()[1:]]
    )
    assert scan_rows(column) == [(0, 0, 1, "🍇"), (2, 0, 1, "🍇")]


def test_lone_surrogates_count_as_one_code_point():
    assert scan_rows(["\ud83c🍇", "\udf47", 5]) == [(0, 1, 2, "🍇")]


def test_a_column_of_another_type_raises():
    with pytest.raises(TableError, match="expected text; got int64"):
        scan_emoji(pa.array([1, 2]))


def test_an_unaligned_buffer_is_copied():
    data = pa.py_buffer(b"x" + "a🍇".encode()).slice(1)
    offsets = pa.py_buffer(np.array([0, 5], np.int32).tobytes())
    assert scan_rows(pa.Array.from_buffers(pa.string(), 1, [None, offsets, data])) == [
        (0, 1, 2, "🍇")
    ]


def test_long_texts_are_scanned_completely_in_linear_time():
    """The reference takes quadratic time: 3 s for 8,000 links of this chain, 75 s for 40,000."""
    links = 40_000
    assert scan_rows(["🍇", f"🍇{ZWJ}" * links, "🦊"]) == [
        (0, 0, 1, "🍇"),
        *((1, 2 * at, 2 * at + 1, "🍇") for at in range(links)),
        (2, 0, 1, "🦊"),
    ]
    components = f"🏽{ZWJ}" * links
    assert len(scan_rows([components])) == links
    many = 150_000
    assert len(scan_emoji(["x", "🍇" * many, "🦊"])) == many + 1


def test_threads_find_the_same_spans_in_the_same_order(monkeypatch):
    monkeypatch.setattr(scan, "_MIN_THREAD_BYTES", 64)
    texts = pd.Series([*ADVERSARIAL, None] * 7, dtype="str")
    for threads in (2, 3):
        assert scan_rows(texts, threads=threads) == scan_rows(texts)


def test_without_numba_the_spans_are_the_same(path):
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from foxgrape.detection.emoji import scan\n"
        "from foxgrape import scan_emoji\n"
        "scan._MIN_KERNEL_BYTES = 0\n"
        "spans = scan_emoji(['🍇', None, '1\\ufe0f\\u20e3 👩\\u200d🚀'])\n"
        "assert spans.start.tolist() == [0, 0, 4], spans.start\n"
        "assert spans.emoji.tolist()[2] == '👩\\u200d🚀'\n"
    )
    if path == "numpy":
        subprocess.run([sys.executable, "-c", code], check=True)


def test_the_column_is_not_changed_and_the_arrays_are_writable():
    column = pd.Series(TEXTS, dtype="str")
    before = column.copy()
    scan_emoji(column).row[:] = 0
    pd.testing.assert_series_equal(column, before)


def test_emoji_of_a_later_package_version_are_found(monkeypatch):
    """Added here: two unassigned code points, a sequence, and one among the Cyrillic letters."""
    new = {"\U0001ffff": 2, "\U0001ffff\ufe0f": 2, f"\U0001ffff{ZWJ}🍇": 2, "Ѻ🏽": 4, "߷": 1}
    data = {**emoji.EMOJI_DATA, **{text: {"status": status} for text, status in new.items()}}
    monkeypatch.setattr(emoji, "EMOJI_DATA", data)
    monkeypatch.setattr(tokenizer.unicode_codes, "EMOJI_DATA", data)
    monkeypatch.setattr(tokenizer, "_SEARCH_TREE", {})
    extended = trie.build_trie(data)
    monkeypatch.setattr(scan, "emoji_trie", lambda: extended)
    monkeypatch.setattr(scan_numpy, "emoji_trie", lambda: extended)
    scan_numpy._edges.cache_clear()
    texts = [*new, "ѺѺ🏽я", f"\U0001ffff{ZWJ}🍇{ZWJ}🦊", "߷߷", f"߷{ZWJ}߷", "привіт"]
    spans = scan_rows(texts)
    scan_numpy._edges.cache_clear()
    assert spans == reference(texts)
    assert {text for *_, text in spans} >= set(new)
