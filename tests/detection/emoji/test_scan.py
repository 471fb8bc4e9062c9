"""The scanner: the reference's spans for every text, in every form of column, on both paths."""

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


@pytest.fixture(params=["compiled", "arrays"], autouse=True)
def path(request, monkeypatch):
    """Run each test on the kernel, and on the path of small columns and of no numba."""
    monkeypatch.setattr(scan, "_MIN_KERNEL_BYTES", 0 if request.param == "compiled" else 1 << 40)
    return request.param


def told(texts, **options):
    spans = scan_emoji(texts, **options)
    assert len(spans) == len(spans.row)
    columns = (spans.row, spans.start, spans.end, spans.emoji)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def paired(text):
    """Return the text as the reference must be asked: pairs that are no flag are plain digits."""
    return PAIR.sub(lambda pair: pair[0] if pair[0] in emoji.EMOJI_DATA else "00", text)


def reference(texts):
    return [
        (row, span["match_start"], span["match_end"], span["emoji"])
        for row, text in enumerate(texts)
        for span in emoji.emoji_list(paired(text or ""))
    ]


ADVERSARIAL = [
    # joiners between what is no pair, at the ends, in a row
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
    # an emoji with U+FE0F before a joiner that joins nothing is lost by the reference
    f"👁{EMOJI_STYLE}{ZWJ}x",
    f"🏳{EMOJI_STYLE}{ZWJ}🍇",
    f"❤{EMOJI_STYLE}{ZWJ}",
    f"✈{EMOJI_STYLE}{ZWJ}✈",
    # components: the second reading begins in the middle of what was found
    f"🍇🏽{ZWJ}",
    f"👍🏽{ZWJ}🏻{ZWJ}",
    f"👩{ZWJ}🚀{ZWJ}🏽{ZWJ}🦊",
    f"🦊👩🏽{ZWJ}🚀{ZWJ}🏽{ZWJ}🍇",
    f"👍🏽👩🏽{ZWJ}🚀{ZWJ}🏽{ZWJ}🍇",
    f"🏻{ZWJ}🏼{ZWJ}🏽{ZWJ}",
    f"{ZWJ}🏽{ZWJ}",
    "🏽",
    "🏽🏽🦰",
    # tags that break off, and those that do not
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
    # what merely looks alike
    "« » “ ” — … № ’ \u00a0 Ѐ ߿ ࠀ \U0010ffff",
    "\x00🍇\x00",
    "",
]


@pytest.mark.parametrize("text", ADVERSARIAL, ids=ascii)
def test_adversarial_texts_are_read_as_the_reference_reads_them(text):
    assert told([text]) == reference([text])


def test_adversarial_texts_in_a_row_do_not_touch_one_another():
    for texts in (ADVERSARIAL, ADVERSARIAL[::-1]):
        assert told(texts) == reference(texts)


def test_every_emoji_is_found_alone_and_among_others():
    for texts in (EMOJI, [f"я{sign} {sign}" for sign in EMOJI]):
        assert told(texts) == reference(texts)


def test_all_emoji_in_one_text_and_in_any_order():
    order = np.random.default_rng(4)
    for _ in range(5):
        text = "".join(order.permutation(EMOJI).tolist())
        assert told([text]) == reference([text])


def test_made_posts_are_read_as_the_reference_reads_them():
    texts = corpus.texts(5000, seed=7)
    assert told(texts) == reference(texts)
    assert told(texts, threads=2) == told(texts)


def test_regional_indicators_are_paired_from_the_left():
    """The deliberate difference: the reference finds Ukraine at 1, which nobody wrote."""
    assert [span["match_start"] for span in emoji.emoji_list("🇺🇺🇦")] == [1]
    assert told(["🇺🇺🇦"]) == []
    assert told(["🇺🇦🇺🇺🇦"]) == [(0, 0, 2, "🇺🇦")]
    assert told(["🇺🇺🇺🇦"]) == [(0, 2, 4, "🇺🇦")]
    assert told(["🇺a🇺🇦"]) == [(0, 2, 4, "🇺🇦")]
    assert told(["🇺🇺🇦🇺🇦🍇"]) == [(0, 2, 4, "🇦🇺"), (0, 5, 6, "🍇")]
    assert told([f"🇺🇺🇦{ZWJ}🇺🇦"]) == [(0, 4, 6, "🇺🇦")]


PIECES = st.one_of(
    st.sampled_from(["👍", "👩", "🚀", "🏴", "👁", "❤", "1", "#", "a", "я", "’", "©", KEY, "🦰"]),
    st.sampled_from(["🏽", "🏻", ZWJ, ZWJ, ZWJ, EMOJI_STYLE, TEXT_STYLE, "🇺", "🇦", "\U000e0067"]),
    st.sampled_from(EMOJI),
    st.text(max_size=3),
)


@given(st.lists(st.lists(PIECES, max_size=12).map("".join), max_size=5))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spans_equal_the_reference(texts):
    # A digit in place of half a pair must not become a keycap.
    assume(not re.search(f"[🇦-🇿]{EMOJI_STYLE}?{KEY}", "".join(texts)))
    assert told(texts) == reference(texts)


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
    """Return bytes as a text column, whatever they are."""
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int32)
    parts = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"".join(texts))]
    return pa.Array.from_buffers(pa.string(), len(texts), parts)


def as_python_reads(texts):
    return [text.decode("utf-8", "replace") for text in texts]


def test_what_is_no_utf8_is_read_as_python_reads_it():
    assert told(column_of(BROKEN)) == reference(as_python_reads(BROKEN))
    for text in BROKEN:
        assert told(column_of([text])) == reference(as_python_reads([text]))


@given(st.lists(st.lists(st.sampled_from([*BROKEN, b"\x80", b"\xe2", b"a"])).map(b"".join)))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_as_python_reads_them(texts):
    assert told(column_of(texts)) == reference(as_python_reads(texts))


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
def test_every_form_of_column_is_read(form):
    texts = FORMS[form]
    assert told(list(TEXTS) if form == "iterator" else texts) == EXPECTED


def test_an_iterator_is_read_once():
    assert told(iter(TEXTS)) == EXPECTED


def test_a_part_of_a_column_is_read_as_such():
    column = pa.array([None, *(f"{sign}x{sign}" for sign in EMOJI[:40]), None])
    texts = column.to_pylist()
    for begin, end in ((0, 5), (3, 40), (17, 18), (41, 42), (9, 9)):
        assert told(column[begin:end]) == reference(texts[begin:end])


@pytest.mark.parametrize(
    "nothing", [[], [None], [""], pa.array([None, None]), pd.Series([], dtype="str")]
)
def test_no_text_no_spans(nothing):
    spans = scan_emoji(nothing)
    assert len(spans) == 0
    assert spans.emoji.tolist() == []


def test_what_lies_under_a_missing_text_is_not_read():
    column = pa.Array.from_buffers(
        pa.string(), 3, [pa.py_buffer(b"\x05"), *column_of(["🍇".encode()] * 3).buffers()[1:]]
    )
    assert told(column) == [(0, 0, 1, "🍇"), (2, 0, 1, "🍇")]


def test_lone_surrogates_count_as_one_sign_each():
    assert told(["\ud83c🍇", "\udf47", 5]) == [(0, 1, 2, "🍇")]


def test_another_column_than_text_is_refused():
    with pytest.raises(TableError, match="expected text; got int64"):
        scan_emoji(pa.array([1, 2]))


def test_a_buffer_that_cannot_be_read_by_eight_is_copied():
    data = pa.py_buffer(b"x" + "a🍇".encode()).slice(1)
    offsets = pa.py_buffer(np.array([0, 5], np.int32).tobytes())
    assert told(pa.Array.from_buffers(pa.string(), 1, [None, offsets, data])) == [(0, 1, 2, "🍇")]


def test_long_texts_are_read_whole_and_in_time_that_grows_with_them():
    """The reference needs 3 s for 8,000 links of this chain, and 25 times that for 40,000."""
    links = 40_000
    assert told(["🍇", f"🍇{ZWJ}" * links, "🦊"]) == [
        (0, 0, 1, "🍇"),
        *((1, 2 * at, 2 * at + 1, "🍇") for at in range(links)),
        (2, 0, 1, "🦊"),
    ]
    components = f"🏽{ZWJ}" * links
    assert len(told([components])) == links
    many = 150_000
    assert len(scan_emoji(["x", "🍇" * many, "🦊"])) == many + 1


def test_threads_find_the_same_in_the_same_order(monkeypatch):
    monkeypatch.setattr(scan, "_MIN_THREAD_BYTES", 64)
    texts = pd.Series([*ADVERSARIAL, None] * 7, dtype="str")
    for threads in (2, 3):
        assert told(texts, threads=threads) == told(texts)


def test_a_platform_without_numba_finds_the_same(path):
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from foxgrape.detection.emoji import scan\n"
        "from foxgrape import scan_emoji\n"
        "scan._MIN_KERNEL_BYTES = 0\n"
        "spans = scan_emoji(['🍇', None, '1\\ufe0f\\u20e3 👩\\u200d🚀'])\n"
        "assert spans.start.tolist() == [0, 0, 4], spans.start\n"
        "assert spans.emoji.tolist()[2] == '👩\\u200d🚀'\n"
    )
    if path == "arrays":
        subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_is_changed_and_arrays_may_be_written():
    column = pd.Series(TEXTS, dtype="str")
    before = column.copy()
    scan_emoji(column).row[:] = 0
    pd.testing.assert_series_equal(column, before)


def test_emoji_of_a_later_version_are_found_from_its_data_alone(monkeypatch):
    """New ones: two letters that are none today, a sequence, and one in the range of Cyrillic."""
    new = {"\U0001ffff": 2, "\U0001ffff\ufe0f": 2, f"\U0001ffff{ZWJ}🍇": 2, "Ѻ🏽": 4, "߷": 1}
    data = {**emoji.EMOJI_DATA, **{sign: {"status": status} for sign, status in new.items()}}
    monkeypatch.setattr(emoji, "EMOJI_DATA", data)
    monkeypatch.setattr(tokenizer.unicode_codes, "EMOJI_DATA", data)
    monkeypatch.setattr(tokenizer, "_SEARCH_TREE", {})
    monkeypatch.setattr(scan, "emoji_trie", lambda: small)
    small = trie.build_trie(data)
    monkeypatch.setattr(scan_numpy, "emoji_trie", lambda: small)
    scan_numpy._edges.cache_clear()
    texts = [*new, "ѺѺ🏽я", f"\U0001ffff{ZWJ}🍇{ZWJ}🦊", "߷߷", f"߷{ZWJ}߷", "привіт"]
    found = told(texts)
    scan_numpy._edges.cache_clear()
    assert found == reference(texts)
    assert {sign for *_, sign in found} >= set(new)
