"""Place names in columns: the texts that are read give all the names."""

from __future__ import annotations

import csv
import json
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rule_patterns import patterns, pieces

from foxgrape.detection.arrow_text import arrow_buffers
from foxgrape.detection.names import contexts, scan, scan_numba, vocabulary
from foxgrape.places import Gazetteer, Place
from foxgrape.places.inflection import word_forms
from foxgrape.places.mention_context import WORDS
from foxgrape.places.mentions import find_mentions, read_names
from foxgrape.places.normalize import fold

DEFAULT = Gazetteer.default()
LABELS = Path(__file__).parents[1] / "labels"


def names_in(texts, gazetteer=DEFAULT):
    """Return what `find_names` finds with the kernel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "_MIN_KERNEL_BYTES", 0)
        names = scan.find_names(texts, gazetteer)
    columns = (names.row, names.start, names.end, names.number)
    return [
        (row, start, end, names.mentions[number][0][2:], names.mentions[number][1])
        for row, start, end, number in zip(*(column.tolist() for column in columns), strict=True)
    ]


def expected(texts, gazetteer=DEFAULT):
    """Return what `find_mentions` finds in each text."""
    return [
        (row, mention.start, mention.end, mention[2:], text[mention.start : mention.end])
        for row, text in enumerate(texts)
        if text is not None
        for mention in find_mentions(text, gazetteer)
    ]


def case_forms(name):
    first, _, last = name.rpartition(" ")
    return [name, *(f"{first} {form.title()}".strip() for form in sorted(word_forms(fold(last))))]


PLACES = sorted(DEFAULT.populated_places(), key=lambda place: -(place.population or 0))
NAMES = [
    form
    for place in [*PLACES[:60], *PLACES[-20:]]
    for language in ("uk", "ru", "en")
    for name in place.names_in(language)[:1]
    for form in case_forms(name)
]
SEVERAL_WORDS = [name for name in NAMES if " " in name]
CONTEXT = sorted(word for words in WORDS.values() for word in words)
#: The words in patterns of the rules, as they are and within longer words; and words in no rule.
IN_PATTERNS = sorted({piece for pattern in patterns().values() for piece, _, _ in pieces(pattern)})
ALIKE = ["хмара", "Хмара", "ХМАРА", "cloud", "Cloud", "CLOUD", "2022", "хмарами", "мо", "Мо", "12"]
OTHERS = [
    "Донецька область",
    "Киевской области",
    "Харківщині",
    "Kharkiv region",
    "О. В.",
    "м.",
    "і",
]
OTHERS += ["outskirts of", "of", "Піски", "Лимані", "Lyman", "in Lyman", "слово", "Слава", "під"]
BETWEEN = [" "] * 12 + ["", ", ", ". ", "! ", " — ", "\n", "-", "'", "’", "«", "» ", "#", "_", "`"]
BETWEEN += [
    "🔥",
    "❤️",
    "🔥🔥 ",
    "❤️‍🔥",
    " ©🔥 🔥",
    "\u200d",
    "\u200b",
    "\u0301",
    "\u0308",
    "\u00ad",
    "\u00a0",
    " (",
    ") ",
    "*",
]
BETWEEN += ['"', "“", "/", "©", "№ ", "…", "\u2011", "ё", "1", "\x00", "🄀", "❶"]
spellings = st.sampled_from(
    [
        str,
        str,
        str,
        str.upper,
        lambda word: unicodedata.normalize("NFD", word),
        lambda word: word.translate(str.maketrans("оаеісОАЕІС", "oaeicOAEIC")),
        lambda word: word.replace(" ", "\u00a0"),
        lambda word: word.replace(" ", "_"),
        lambda word: word[:2] + "\u200b" + word[2:],
        lambda word: word.replace("'", "*").replace("’", "`"),
    ]
)
words = st.one_of(
    st.builds(
        lambda spell, word: spell(word),
        spellings,
        st.sampled_from(NAMES) | st.sampled_from(SEVERAL_WORDS),
    ),
    st.builds(
        lambda spell, word: spell(word),
        st.sampled_from([str, str.title, str.upper]),
        st.sampled_from(CONTEXT),
    ),
    st.builds(
        lambda before, word, after: before + word + after,
        st.sampled_from(["", "", "Сум", "хмар"]),
        st.sampled_from(IN_PATTERNS),
        st.sampled_from(["", "", "ому", "ing"]),
    ),
    st.sampled_from(OTHERS),
    st.sampled_from(ALIKE),
    st.sampled_from(ALIKE),
)
texts = st.lists(st.tuples(words, st.sampled_from(BETWEEN)), max_size=16).map(
    lambda pieces: "".join(word + sign for word, sign in pieces)
)


@given(st.lists(texts | st.none() | st.text(max_size=20), max_size=6))
def test_the_names_are_those_of_each_text(column):
    assert names_in(column) == expected(column)


FAR = [*range(0, 40, 7), *range(60, 130)]


@pytest.mark.parametrize(
    "text",
    [
        "Fighting in Lyman{} in Kharkivska oblast",
        "Бої в селі Піски{} Донецька область",
        "у Кривому{} Розі",
        "Ізюм, {}Пісках та Лимані, Харківська область",
        "Ізюм\u0301{}, Донецька область. Лиман",
    ],
)
@pytest.mark.parametrize("filler", [" ", " x", " слово", " Слово,", "\u200b", "е\u0301", "🔥"])
def test_what_is_far_behind_a_name_counts_as_in_the_whole_text(text, filler):
    column = [text.format((filler * n)[:n]) for n in FAR]
    assert names_in(column) == expected(column)


@pytest.mark.parametrize("between", [" ", "  ", " «", " (", "\n", "\u00a0", " \u200b", ". ", " 🔥"])
def test_what_is_before_a_name_counts_as_in_the_whole_text(between):
    column = [f"the outskirts of{between}Luch", f"the outskirts{between}of Luch"]
    column += [f"outskirts of {sign}{between}Luch" for sign in "«(„*-—\u200b\u0301©"]
    assert names_in(column) == expected(column)
    assert len(names_in(["the outskirts of Luch"])) == 1
    assert names_in(["of Luch"]) == []


def test_labelled_texts_have_the_same_names():
    column = []
    for name in ("invented_texts.csv", "new_texts.csv"):
        with (LABELS / name).open(encoding="utf-8", newline="") as handle:
            column += [row.get("text") or "" for row in csv.DictReader(handle)]
    names = names_in(column)
    assert names == expected(column)
    assert len(names) > 100


@pytest.mark.real
def test_real_texts_have_the_same_names(real_data):
    file = real_data / "resistinua_addresses" / "addresses_2022-02_05.jsonl"
    records = map(json.loads, file.read_text("utf-8").splitlines())
    values = [value for record in records for value in record.values() if isinstance(value, str)]
    column = [*values, *(line for value in values for line in value.split("\n"))]
    assert names_in(column) == expected(column)


def test_missing_texts_and_parts_of_columns_keep_their_rows():
    column = pa.chunked_array(
        [
            pa.array(["Київ", None, "у Харкові"], pa.string()).slice(1),
            pa.array([None], pa.string()),
            pa.array([], pa.string()),
            pa.array(["", "🔥 Наші в Ізюмі"], pa.string()),
        ]
    )
    values = [None, "у Харкові", None, "", "🔥 Наші в Ізюмі"]
    assert names_in(column) == expected(values)
    assert [name[0] for name in names_in(column)] == [1, 4]


@given(st.lists(st.binary(max_size=3), max_size=6), st.integers(0, 6))
def test_malformed_bytes_are_read_as_replacement_characters(pieces, at):
    data = b"".join([*pieces[:at], " в Ізюмі ".encode(), *pieces[at:]])
    offsets = pa.py_buffer(np.array([0, len(data)], np.int64))
    column = pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(data))
    assert names_in(column) == expected([data.decode("utf-8", "replace")])


@pytest.mark.parametrize(
    ("constant", "value"),
    [
        ("_MAX_WORDS", 24),
        ("_MAX_DATA", 48),
        ("_MAX_CONTEXTS", 4),
        ("_MAX_FORMS", 32),
        ("_MAX_SPLIT", 16),
        ("_MAX_TEXTS", 1),
        ("_MAX_FOUND", 2),
    ],
)
def test_full_contexts_begin_anew(monkeypatch, constant, value):
    module = vocabulary if constant in {"_MAX_WORDS", "_MAX_DATA"} else contexts
    with monkeypatch.context() as patch:
        patch.setattr(module, constant, value)
        small = contexts.Contexts(DEFAULT)
    monkeypatch.setattr(contexts, "contexts", lambda _: small)
    many = " ".join(f"слово{chr(0x430 + number)}" for number in range(30))
    column = [f"Слово{number} в Ізюмі, Київ" for number in range(40)]
    column += [f"{many} у Харкові {many}", "Херсон", "Сумська область, Харківська область, Київ"]
    column += [f"{many.title()} у Харкові {many.title()}", "Херсон"]
    assert names_in(column) == expected(column)


def test_a_name_that_is_added_is_found():
    own = Gazetteer([Place("x:1", "Абвгд Еєжзи", ("Ґаздівка",), 49.0, 36.0, "UA", "", None)])
    column = ["Наші в Ґаздівці", "в Абвгд Еєжзі", "Ізюм"]
    assert [name[0] for name in names_in(column, own)] == [0, 1]
    assert names_in(column, own) == expected(column, own)


@pytest.fixture
def read(monkeypatch):
    """Return what is read from now on: contexts, which are forgotten before, and whole texts."""
    texts = []
    fresh = contexts.Contexts(DEFAULT)
    monkeypatch.setattr(contexts, "contexts", lambda _: fresh)
    scan._read_short.cache_clear()

    def record(function):
        def read_text(text, gazetteer):
            texts.append(text)
            return function(text, gazetteer)

        return read_text

    monkeypatch.setattr(contexts, "read_names", record(read_names))
    monkeypatch.setattr(scan, "find_mentions", record(find_mentions))
    return texts


def test_only_texts_with_names_are_read_and_equal_words_around_them_once(read):
    others = [f"Слово номер {number}." for number in range(50)]
    column = ["Наші 😀 в Ізюмі", *others, "Бої за Херсон", "Учора наші 😢 в Ізюмі"] * 3
    assert len(names_in(column)) == 9
    assert sorted(read) == [
        "Бої за Херсон",
        # Without what precedes three words before a name, if there are so many.
        "Наші ☆ в Ізюмі",
        "Ььь наші ☆ в Ізюмі",
    ]
    del read[:]
    assert names_in(column) == expected(column)
    assert read == []


@pytest.mark.parametrize("pair", [("хмару", "землю"), ("🔥 ні", "🇺🇦❤️‍🔥 ні")])
def test_words_and_symbols_at_which_no_rule_looks_are_alike(read, pair):
    column = [f"Вони {word} довго бачили в Ізюмі {word} ще довго" for word in pair]
    assert names_in(column) == expected(column)
    assert len(read) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Піски Харківська область",
        "Наші в Лимані. Донеччина! Потім в Авдіївці",
        "на Куп’янському напрямку біля села Піски",
        "regions including Donetsk and Lyman",
        "позиції під Лиманом, а потім уночі довго не було нічого нового, аж доки у Слов’янську",
        "В Ізюмі " + "дуже" * 20 + " в Лимані",
        "у містах Ізюм, Лиман та Сумській областях",
        "кораблі «Саратов» і «Азов»",
        "Наші חיפה в Ізюмі",
    ],
)
def test_texts_in_which_what_is_far_may_count_are_read_as_a_whole(read, text):
    assert names_in([text]) == expected([text])
    assert text in read


def test_long_texts_are_not_kept_in_memory(read):
    short, long = "Наші זה в Ізюмі", f"Наші זה в Ізюмі {'слово ' * 200} Київ"
    assert names_in([short, long, long]) == expected([short, long, long])
    assert scan._read_short.cache_info().currsize == 1
    assert sorted(read) == [short, long]


@pytest.mark.parametrize("text", ["في خان يونس", "בתל אביב ובחיפה", "今天在花蓮市", "Дощ 花蓮"])
def test_texts_in_scripts_without_capital_letters_are_read(text):
    gazetteer = Gazetteer(
        [
            Place("x:1", "Khan Yunis", ("خان يونس",), 31.3, 34.3, "PS", "", None),
            Place("x:2", "Tel Aviv", ("תל אביב",), 32.1, 34.8, "IL", "", None),
            Place("x:3", "Haifa", ("חיפה",), 32.8, 35.0, "IL", "", None),
            Place("x:4", "Hualien", ("花蓮",), 24.0, 121.6, "TW", "", None),
        ]
    )
    assert names_in([text, "слово"], gazetteer) == expected([text], gazetteer) != []


def test_every_capital_letter_is_marked():
    kinds = vocabulary.Vocabulary(DEFAULT).table.kinds
    points = [point for known in vocabulary._KNOWN for point in known]
    # Between others, since the last words of a column are marked as a whole.
    for point, kind in zip(points, kinds.tolist(), strict=True):
        if kind == scan_numba.CAPITAL and not 0xD800 <= point < 0xE000:
            data = f"ааа{chr(point)}аааа".encode() + bytes(16)
            words = np.frombuffer(data[: len(data) // 8 * 8], np.uint64)
            marks = np.zeros((2, scan_numba.BLOCK), np.uint64)
            scan_numba._mark_capitals(np.frombuffer(data, np.uint8), words, 0, 2, marks)
            assert marks[0, 0] >> np.uint64(8 * 6 + 7) & np.uint64(1), hex(point)


def test_small_columns_and_those_without_numba_are_read_text_by_text(monkeypatch):
    monkeypatch.setattr(contexts, "contexts", None)
    names = scan.find_names(["Слово", "Наші в Ізюмі"], DEFAULT)
    assert names.row.tolist() == [1]
    monkeypatch.setattr(scan, "_MIN_KERNEL_BYTES", 0)
    monkeypatch.setattr(scan, "find_spec", lambda _: None)
    assert scan.find_names(["Слово", "Наші в Ізюмі"], DEFAULT).row.tolist() == [1]


def test_no_texts_have_no_names():
    assert names_in([]) == names_in([None]) == names_in([""]) == []


def test_buffers_are_bounded_by_blocks(monkeypatch):
    monkeypatch.setattr(scan, "_BLOCK_BYTES", 64)
    column = ["Наші в Ізюмі", "", "Слово", "Бої за Херсон"] * 20
    assert len(list(next(iter(arrow_buffers(column))).split(64))) > 10
    assert names_in(column) == expected(column)
