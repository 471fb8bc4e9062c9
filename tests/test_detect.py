"""Detection: codes in any form, on their days, names as a baseline, and surprisal."""

from __future__ import annotations

import math
from dataclasses import replace

import emoji
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape import Codebook, detect, scan_emoji
from foxgrape.errors import TableError
from foxgrape.places import Gazetteer

BOOK = Codebook.default()
GRAPES = BOOK.lookup("🍇")[0].code


def posts(*texts, account="me", start="2022-09-10T12:00Z", step="1h"):
    times = pd.date_range(start, periods=len(texts), freq=step)
    ids = [f"{account}-{number}" for number in range(len(texts))]
    return pd.DataFrame(
        {"post_id": ids, "account": account, "text": list(texts), "posted_at": times}
    )


def found(*texts, codebook=BOOK, **options):
    signals = detect(posts(*texts), codebook=codebook, **options)
    return list(zip(signals["post_id"], signals["code"], signals["place"], strict=True))


def book(*codes):
    return Codebook(codes)


@pytest.mark.parametrize(
    "text",
    ["🍇", "soon 🍇!", "🍇🍇🍇", "🍇\ufe0f", "привіт🍇", "🦊no, 🍇".replace("🦊", "")],
)
def test_an_emoji_code_is_found_once_a_post(text):
    assert found(text) == [("me-0", "🍇", "Izium")]


def test_two_codes_are_two_signals_and_other_emoji_none():
    told = found("🍇🦊 🪑👩‍👩‍👧🇺🇦", None, "")
    assert sorted(place for _, _, place in told) == ["Izium", "Lysychansk"]


def test_skin_tones_and_variation_selectors_make_no_difference():
    code = replace(GRAPES, code="👍")
    assert found("👍🏽", codebook=book(code)) == [("me-0", "👍", "Izium")]
    plane = replace(GRAPES, code="✈")
    assert found("✈️", "✈", codebook=book(plane)) == [("me-0", "✈", "Izium"), ("me-1", "✈", "Izium")]


def test_a_word_is_found_whole_and_in_any_case():
    code = replace(GRAPES, code="raisins", kind="word")
    told = found("Raisins!", "raisin", "braisins", "raisinsx", "(raisins)", codebook=book(code))
    assert [post for post, _, _ in told] == ["me-0", "me-4"]


def test_a_hashtag_is_no_word():
    tag = replace(GRAPES, code="#Izium", kind="hashtag")
    word = replace(GRAPES, code="izium", kind="word")
    told = found("free #izium now", "izium", codebook=book(tag, word))
    assert [(post, code) for post, code, _ in told] == [("me-0", "#Izium"), ("me-1", "izium")]


def test_a_code_is_read_only_on_its_days():
    day = pd.Timestamp("2022-09-10").date()
    code = replace(GRAPES, valid_from=day, valid_until=day)
    # Noon of the 8th to the 12th of September.
    told = detect(posts(*"🍇🍇🍇🍇🍇", start="2022-09-08T12:00Z", step="1D"), codebook=book(code))
    assert told["post_id"].tolist() == ["me-2"]


def test_a_code_for_two_places_yields_a_signal_for_each():
    told = found("🐺")
    assert {place for _, _, place in told} == {"Vovchansk", "Kiliia"}


def test_mentions_are_names_of_places_in_any_spelling_known():
    told = found("Izyum and Ізюм and изюм", "КУПЯНСЬК", mentions=True)
    assert told == [("me-0", "Izium", "Izium"), ("me-1", "Kupiansk", "Kupiansk")]


def test_the_longest_name_in_a_text_is_read():
    assert ("me-0", "Velyka Oleksandrivka", "Velyka Oleksandrivka") in found(
        "in Velyka Oleksandrivka today", mentions=True
    )


def test_a_name_that_several_places_bear_is_less_sure_unless_the_codebook_reads_it():
    signals = detect(posts("Lyman"), mentions=True)
    assert len(signals) > 1
    assert set(signals["confidence"]) == {"C"}
    lyman = next(place for place in BOOK.gazetteer if place.id == "geonames:704204")
    told = replace(GRAPES, code="Lyman", kind="mention", place_id=lyman.id, confidence="B")
    signals = detect(posts("Lyman"), mentions=True, codebook=book(told))
    assert signals[["place_id", "confidence"]].to_numpy().tolist() == [[lyman.id, "B"]]
    assert detect(posts("Lyman"), codebook=book(told)).empty


def test_a_place_list_of_ones_own_narrows_the_mentions():
    own = Codebook([GRAPES], Gazetteer([BOOK.gazetteer["geonames:707292"]]))
    assert found("Izium and Kherson", codebook=own, mentions=True) == [("me-0", "Izium", "Izium")]


def test_decoded_at_is_when_the_reading_certainly_stood_in_public():
    """Decoded on 10 September in Kyiv: by the last instant of that day."""
    signal = detect(posts("🍇")).iloc[0]
    assert signal["decoded_at"] == pd.Timestamp("2022-09-10T20:59:59.999999Z")


def test_surprisal_is_that_of_the_accounts_own_past():
    """Half a sign more than was seen, over one post more: by hand."""
    daily = book(replace(GRAPES, code="🔥"), replace(GRAPES, code="🦊"))
    told = detect(posts("🔥", "🔥", "none", "🔥", "🦊"), codebook=daily)
    bits = [-math.log2(share) for share in (0.5 / 1, 1.5 / 2, 2.5 / 4, 0.5 / 5)]
    assert told["surprisal"].tolist() == pytest.approx(bits)


def test_surprisal_knows_neither_the_future_nor_other_accounts():
    first = posts("🍇", account="a")
    alone = detect(first)["surprisal"].item()
    later = posts("🍇", "🍇", account="a", start="2023-01-01T00:00Z")
    later["post_id"] = ["x", "y"]
    others = posts("🍇", "🍇", account="b", start="2021-01-01T00:00Z")
    signals = detect(pd.concat([first, later, others]))
    assert signals.set_index("post_id").loc["a-0", "surprisal"] == alone


def test_posts_without_account_or_of_one_id_are_refused():
    with pytest.raises(TableError, match="account"):
        detect(posts("🍇").drop(columns="account"))
    with pytest.raises(TableError, match="post_id"):
        detect(pd.concat([posts("🍇"), posts("🍇")]))


def test_no_posts_no_signals():
    assert detect(posts()).empty


@given(st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=5))
def test_spans_equal_the_reference(texts):
    spans = scan_emoji(texts)
    expected = [
        (row, span["match_start"], span["match_end"], span["emoji"])
        for row, text in enumerate(texts)
        for span in emoji.emoji_list(text or "")
    ]
    told = zip(spans.row, spans.start, spans.end, spans.emoji, strict=True)
    assert [(int(a), int(b), int(c), str(d)) for a, b, c, d in told] == expected
    assert len(spans) == len(expected)
