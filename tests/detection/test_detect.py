"""Detection: codes in any form while they are valid, mentions, and surprisal."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foxgrape import Codebook, detect
from foxgrape.detection.codes import find_codes
from foxgrape.errors import TableError
from foxgrape.places import Gazetteer, fold
from foxgrape.places.normalize import find_words, word_pattern

BOOK = Codebook.default()
GRAPES = BOOK.lookup("🍇")[0].code


def posts(*texts, account="me", start="2022-09-10T12:00Z", step="1h"):
    times = pd.date_range(start, periods=len(texts), freq=step)
    ids = [f"{account}-{number}" for number in range(len(texts))]
    return pd.DataFrame(
        {"post_id": ids, "account": account, "text": list(texts), "posted_at": times}
    )


def detected(*texts, codebook=BOOK, **options):
    signals = detect(posts(*texts), codebook=codebook, **options)
    return list(zip(signals["post_id"], signals["code"], signals["place"], strict=True))


def book(*codes):
    return Codebook(codes)


@pytest.mark.parametrize(
    "text", ["🍇", "soon 🍇!", "🍇🍇🍇", "🍇\ufe0f", "привіт🍇", "🦊no, 🍇".replace("🦊", "")]
)
def test_an_emoji_code_yields_one_signal_per_post(text):
    assert detected(text) == [("me-0", "🍇", "Izium")]


def test_two_codes_yield_two_signals_and_other_emoji_none():
    signals = detected("🍇🦊 🪑👩‍👩‍👧🇺🇦", None, "")
    assert sorted(place for _, _, place in signals) == ["Izium", "Lysychansk"]


def test_skin_tones_and_variation_selectors_make_no_difference():
    code = replace(GRAPES, code="👍")
    assert detected("👍🏽", codebook=book(code)) == [("me-0", "👍", "Izium")]
    plane = replace(GRAPES, code="✈")
    assert detected("✈️", "✈", codebook=book(plane)) == [
        ("me-0", "✈", "Izium"),
        ("me-1", "✈", "Izium"),
    ]


def test_a_word_must_be_complete_and_may_have_any_case():
    code = replace(GRAPES, code="raisins", kind="word")
    signals = detected(
        "Raisins!", "raisin", "braisins", "raisinsx", "(raisins)", codebook=book(code)
    )
    assert [post for post, _, _ in signals] == ["me-0", "me-4"]


def test_a_hashtag_is_not_a_word():
    tag = replace(GRAPES, code="#Izium", kind="hashtag")
    word = replace(GRAPES, code="izium", kind="word")
    signals = detected("free #izium now", "izium", codebook=book(tag, word))
    assert [(post, code) for post, code, _ in signals] == [("me-0", "#Izium"), ("me-1", "izium")]


def test_a_code_counts_only_on_the_days_it_is_valid():
    day = pd.Timestamp("2022-09-10").date()
    code = replace(GRAPES, valid_from=day, valid_until=day)
    # Posted at noon on 8 to 12 September.
    signals = detect(
        posts(*"🍇🍇🍇🍇🍇", start="2022-09-08T12:00Z", step="1D"), codebook=book(code)
    )
    assert signals["post_id"].tolist() == ["me-2"]


def test_a_code_for_two_places_yields_a_signal_for_each():
    signals = detected("🍲", codebook=Codebook.default(proposed=True))
    assert [place for _, _, place in signals] == ["Borshchi", "Borshchi"]


def test_mentions_are_place_names_in_any_known_spelling():
    signals = detected("Izyum and Ізюм and изюм", "КУПЯНСЬК", mentions=True)
    assert signals == [("me-0", "Izium", "Izium"), ("me-1", "Kupiansk", "Kupiansk")]


def test_the_longest_name_in_a_text_counts():
    assert ("me-0", "Velyka Oleksandrivka", "Velyka Oleksandrivka") in detected(
        "in Velyka Oleksandrivka today", mentions=True
    )


def test_a_shared_name_has_confidence_c_unless_the_codebook_decides():
    (signal,) = detect(posts("Lyman"), mentions=True).to_dict("records")
    assert (signal["code"], signal["confidence"]) == ("Lyman", "C")
    assert signal["signal_id"] == "/me/me-0:Lyman:"
    assert pd.isna(signal["place_id"])
    assert pd.isna(signal["place"])
    candidates = signal["candidates"].split(" ")
    assert len(candidates) > 5
    assert "geonames:704204" in candidates
    assert {BOOK.gazetteer[place].name for place in candidates} == {"Lyman"}
    lyman = next(place for place in BOOK.gazetteer if place.id == "geonames:704204")
    code = replace(GRAPES, code="Lyman", kind="mention", place_id=lyman.id, confidence="B")
    signals = detect(posts("Lyman"), mentions=True, codebook=book(code))
    assert signals[["place_id", "confidence"]].to_numpy().tolist() == [[lyman.id, "B"]]
    assert detect(posts("Lyman"), codebook=book(code)).empty


def test_a_custom_gazetteer_narrows_the_mentions():
    own = Codebook([GRAPES], Gazetteer([BOOK.gazetteer["geonames:707292"]]))
    assert detected("Izium and Kherson", codebook=own, mentions=True) == [
        ("me-0", "Izium", "Izium")
    ]


def test_decoded_at_is_when_the_meaning_was_certainly_public():
    """Decoded on 10 September in Kyiv: by the last instant of that day."""
    signal = detect(posts("🍇")).iloc[0]
    assert signal["decoded_at"] == pd.Timestamp("2022-09-10T20:59:59.999999Z")


def test_surprisal_depends_on_the_accounts_own_earlier_posts():
    """By hand: half an occurrence is added to the count, and one post to the number of posts."""
    daily = book(replace(GRAPES, code="🔥"), replace(GRAPES, code="🦊"))
    signals = detect(posts("🔥", "🔥", "none", "🔥", "🦊"), codebook=daily)
    bits = [-math.log2(share) for share in (0.5 / 1, 1.5 / 2, 2.5 / 4, 0.5 / 5)]
    assert signals["surprisal"].tolist() == pytest.approx(bits)


def test_surprisal_ignores_later_posts_and_other_accounts():
    first = posts("🍇", account="a")
    alone = detect(first)["surprisal"].item()
    later = posts("🍇", "🍇", account="a", start="2023-01-01T00:00Z")
    later["post_id"] = ["x", "y"]
    others = posts("🍇", "🍇", account="b", start="2021-01-01T00:00Z")
    signals = detect(pd.concat([first, later, others]))
    assert signals.set_index("post_id").loc["a-0", "surprisal"] == alone


def test_posts_without_an_account_or_with_equal_ids_raise():
    with pytest.raises(TableError, match="account"):
        detect(posts("🍇").drop(columns="account"))
    with pytest.raises(TableError, match="post_id"):
        detect(pd.concat([posts("🍇"), posts("🍇")]))


def test_no_posts_yield_no_signals():
    assert detect(posts()).empty


def test_a_sequence_that_is_a_code_does_not_yield_its_parts():
    pair, long = replace(GRAPES, code="🍇🦊"), replace(GRAPES, code="🍇🦊✈️")
    own = book(GRAPES, pair, long)
    assert detected("🍇🦊", "🍇 🦊", "🦊🍇", "🍇🍇🦊", codebook=own) == [
        ("me-0", "🍇🦊", "Izium"),
        ("me-1", "🍇", "Izium"),
        ("me-2", "🍇", "Izium"),
        ("me-3", "🍇", "Izium"),
        ("me-3", "🍇🦊", "Izium"),
    ]
    assert detected("🍇🦊✈", "🍇🦊✈️", codebook=own) == [
        ("me-0", "🍇🦊✈️", "Izium"),
        ("me-1", "🍇🦊✈️", "Izium"),
    ]
    assert detected("🍇", "🦊", codebook=book(pair)) == []


def test_a_sequence_does_not_continue_in_the_next_post():
    assert detected("🍇", "🦊", "🍇🦊", codebook=book(replace(GRAPES, code="🍇🦊"))) == [
        ("me-2", "🍇🦊", "Izium")
    ]


WORDS = ["raisin", "#Izium", "Куп’янськ-Вузловий", "straße", "ізюм", "й", "ice cream"]
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *WORDS,
                "RAISIN",
                "rai\u0483sin",
                "#",
                "STRASSE",
                "купянськ  вузловий",
                "ІЗЮМ",
                "и\u0306",
            ]
        ),
        st.sampled_from([*"\u0301\ufe0f\u0483\u00ad\u200b'’\"* -_.\nx1ﬁÉ"]),
        st.text(max_size=2),
    ),
    max_size=8,
).map("".join)


@given(st.lists(TEXTS, min_size=1, max_size=4))
@settings(max_examples=200)
def test_words_equal_the_pattern_over_the_folded_text(texts):
    """The automaton only skips texts; it must skip none that contains a word."""
    codes = [
        replace(GRAPES, code=word, kind="hashtag" if word[0] == "#" else "word") for word in WORDS
    ]
    pattern = word_pattern(fold(word) for word in WORDS)
    expected = {(row, key) for row, text in enumerate(texts) for key in pattern.findall(fold(text))}
    hits = find_codes(texts, codes)
    pairs = zip(hits.row.tolist(), hits.code.tolist(), strict=True)
    assert {(row, fold(codes[number].code)) for row, number in pairs} == expected


def test_many_words_and_long_words_are_found():
    """They need more than one automaton."""
    words = [f"слово{chr(ord('а') + n % 26)}{chr(ord('а') + n // 26)}" for n in range(600)]
    words += ["izium" * 400]
    codes = [replace(GRAPES, code=word, kind="word") for word in words]
    hits = find_codes([*words, "слово", "izium" * 399], codes)
    assert hits.row.tolist() == hits.code.tolist() == list(range(len(words)))


def test_words_in_letters_beyond_the_automaton_are_found():
    code = replace(GRAPES, code="葡萄", kind="word")
    assert detected("葡萄", "葡", None, "(葡萄)", codebook=book(code)) == [
        ("me-0", "葡萄", "Izium"),
        ("me-3", "葡萄", "Izium"),
    ]


def test_signals_are_unique_and_in_the_order_of_posts():
    word = replace(GRAPES, code="raisin", kind="word")
    twice = replace(GRAPES, valid_from=pd.Timestamp("2022-01-01").date())
    signals = detected("a raisin 🍇", "🍇🍇", "raisin", codebook=book(GRAPES, twice, word))
    assert signals == [
        ("me-0", "🍇", "Izium"),
        ("me-0", "raisin", "Izium"),
        ("me-1", "🍇", "Izium"),
        ("me-2", "raisin", "Izium"),
    ]


def test_a_picture_code_is_not_searched_for_in_texts():
    assert (
        detected("bullfinch", codebook=book(replace(GRAPES, code="bullfinch", kind="image"))) == []
    )


def test_a_frequent_code_has_low_surprisal_and_a_first_one_high():
    """An account that posts fire daily: by hand, k = n = 99 and k = 0."""
    fire = book(replace(GRAPES, code="🔥"), replace(GRAPES, code="🦊"))
    signals = detect(posts(*["🔥"] * 99, "🔥🦊", step="1D"), codebook=fire)
    last = signals[signals["post_id"] == "me-99"].set_index("code")["surprisal"]
    assert last["🔥"] == pytest.approx(-math.log2(99.5 / 100))
    assert last["🦊"] == pytest.approx(-math.log2(0.5 / 100))


def test_reposts_have_a_history_of_their_own():
    frame = posts("🍇", "🍇", "🍇", "🍇")
    frame["repost"] = pd.array([False, True, None, True], dtype="boolean")
    signals = detect(frame)
    # Own: the first, then the third after one with the code; reposts alike.
    shares = (0.5 / 1, 0.5 / 1, 1.5 / 2, 1.5 / 2)
    assert signals["surprisal"].tolist() == pytest.approx([-math.log2(share) for share in shares])
    assert signals["repost"].tolist() == [False, True, pd.NA, True]


def test_an_edited_post_carries_its_code_only_since_the_edit():
    frame = posts("🍇", "🍇", "🍇")
    frame["edited_at"] = pd.Series(
        [pd.Timestamp("2022-09-10T13:30Z"), pd.NaT, pd.NaT], dtype="datetime64[us, UTC]"
    )
    signals = detect(frame)
    # At 13:00 the first post may not have had its code yet; at 14:00 both had.
    shares = (0.5 / 1, 0.5 / 2, 2.5 / 3)
    assert signals["surprisal"].tolist() == pytest.approx([-math.log2(share) for share in shares])
    assert signals["edited_at"].notna().tolist() == [True, False, False]


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.integers(0, 6),
            st.integers(0, 3),
            st.sampled_from(["🍇", "🦊", ""]),
        ),
        max_size=12,
    )
)
def test_surprisal_equals_counting_post_by_post(rows):
    """Also with inexact times: a post counts as earlier only if it certainly was."""
    hour = pd.Timedelta("1h")
    begin = pd.Timestamp("2022-09-10T00:00Z")
    frame = pd.DataFrame(
        [
            (f"p{number}", account, begin + first * hour, begin + (first + wide) * hour, text)
            for number, (account, first, wide, text) in enumerate(rows)
        ],
        columns=["post_id", "account", "posted_at", "posted_until", "text"],
    ).astype({"posted_at": "datetime64[us, UTC]", "posted_until": "datetime64[us, UTC]"})
    frame = frame.astype({"post_id": "str", "account": "str", "text": "str"})
    for signal in detect(frame).itertuples():
        own = frame[frame["account"] == signal.account]
        past = own[own["posted_until"] < signal.posted_at]
        share = ((past["text"] == signal.code).sum() + 0.5) / (len(past) + 1)
        assert signal.surprisal == pytest.approx(-math.log2(share))


def test_proposals_are_detected_on_request_and_marked():
    everyday = ("Гарного дня 😊", "Море 🌊 і сонце", "🐍 import this", "З днем народження 🍷")
    assert detected(*everyday, codebook=None) == []
    signals = detect(posts("😊 🍇"), codebook=Codebook.default(proposed=True))
    rows = signals[["code", "place", "confidence", "basis"]].apply(tuple, axis="columns").tolist()
    assert ("😊", "Shchastia", "C", "etymology") in rows
    assert ("🍇", "Izium", "A", "attested") in rows
    assert set(signals.loc[signals["basis"] != "attested", "confidence"]) == {"C"}


def test_region_and_neighbours_decide_between_namesakes():
    texts = "Лиман, Донецька область", "Бої за Лиман, Краматорськ і Слов'янськ"
    signals = detect(posts(*texts), mentions=True)
    lymans = signals[signals["code"] == "Lyman"]
    assert lymans["place_id"].tolist() == ["geonames:704204"] * 2
    assert lymans["candidates"].isna().all()


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ("soon 🍇!", ["🍇"]),
        ("🦊🍇 🍇", ["🦊", "🍇"]),
        ("a\u200b BULL\u00adFINCH\u0301, in", ["BULL\u00adFINCH\u0301"]),
        ("Наші в Ізю\u0301мі та під #Лисичанськом", ["Ізю\u0301мі", "Лисичанськом"]),
        ("біля Лиману", ["Лиману"]),
    ],
)
def test_signals_have_the_matched_text_and_its_span(text, matched):
    signals = detect(posts("no", text), mentions=True)
    assert signals["matched"].tolist() == matched
    spans = zip(signals["start"], signals["end"], strict=True)
    assert [text[start:end] for start, end in spans] == matched


def test_the_span_of_a_sequence_is_that_of_all_its_emoji():
    code = replace(GRAPES, code="🍇🦊")
    (signal,) = detect(posts("x 🦊🍇🦊"), codebook=book(code)).to_dict("records")
    assert (signal["matched"], signal["start"], signal["end"]) == ("🍇🦊", 3, 5)


@given(st.text('aB ’\u0301\u00ad\u200b-"бя#йЇ', max_size=30), st.text("aб", max_size=3))
def test_words_have_the_span_of_their_text(before, after):
    pattern = word_pattern(["raisin", "#день"])
    text = f"{before} RAI’SIN, {after}#День {before}"
    words = list(find_words(pattern, text))
    assert words
    for word, start, end in words:
        assert fold(text[start:end]) == word


def test_a_table_without_texts_is_refused():
    """Without the column, every post would silently have no text and no signal."""
    with pytest.raises(TableError, match="text: the posts table has no such column; got"):
        detect(posts("🍇").rename(columns={"text": "message"}))
