"""The words at which the rules for mentions look, and how far they look."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rule_patterns import ends_at_end, inline, n_words, patterns, pieces, searched, sees

from foxgrape import places
from foxgrape.places import Gazetteer, mention_reach, settlement_types
from foxgrape.places.mention_context import WORDS
from foxgrape.places.mention_reach import (
    REACH,
    RULES,
    abstract_separator,
    abstract_word,
    begins_distant_rule,
    decides_about_quoted,
    ends_distant_rule,
    needs_whole_text,
)
from foxgrape.places.mentions import begins_longer_name, has_name

PATTERNS = patterns()
#: Patterns that are looked for far from a name. What they look for is found by other means.
DISTANT = {
    "_DIVISION",
    "_SECTOR",
    "_REGIONS_INCLUDING",
    "_THINGS",
    "_AFTER_LIST",
    "_CHECKPOINT",
    "_WATER_LEVEL",
    "_NUCLEAR_LIST",
}
#: These find the names themselves, or what may be between a name and a region.
OTHERS = {"_RUN", "_CAPITALISED", "_UP_TO_DIVISION", "_ANY_ASCII"}
#: Patterns of names only.
OF_NAMES = {"_ADJECTIVE", "_BARE_SECTOR", "_SEA"}
SUBSTITUTES = [substitute for _, substitute in mention_reach._ALIKE]
NEAR = sorted(PATTERNS.keys() - DISTANT - OTHERS - OF_NAMES)


def test_all_modules_of_the_rules_are_known():
    names = {path.stem for path in Path(places.__file__).parent.glob("mention*.py")}
    assert names - {"mention_reach"} == {
        module.__name__.rpartition(".")[2] for module in RULES if module is not settlement_types
    }


@pytest.mark.parametrize("name", NEAR)
def test_rules_look_no_farther_than_the_reach(name):
    limit = REACH[0] if ends_at_end(PATTERNS[name]) else REACH[1]
    assert n_words(PATTERNS[name]) <= limit


def test_what_is_searched_for_is_distant_or_ends_at_the_name():
    near = {name for name in searched() & PATTERNS.keys() if not ends_at_end(PATTERNS[name])}
    assert near <= DISTANT | OTHERS | {"_ADJECTIVE", "_STATED"}
    assert inline() == []


@pytest.mark.parametrize("name", ["_WATER", "_OVERFLOW", "_INITIALS_AFTER", "_GOES_ON"])
def test_the_words_of_a_pattern_are_counted(name):
    expected = {"_WATER": 3, "_OVERFLOW": 3, "_INITIALS_AFTER": 2, "_GOES_ON": 1}
    assert n_words(PATTERNS[name]) == expected[name]


@pytest.mark.parametrize("pattern", ["a.*b", r"«[^»]+»", r"(?:\s+\w+)+", "[^.;]{0,30}"])
def test_patterns_without_end_are_seen(pattern):
    assert n_words(re.compile(pattern)) > max(REACH)


@pytest.mark.parametrize("name", NEAR)
def test_words_of_patterns_are_kept(name):
    for piece, begins, ends in pieces(PATTERNS[name]):
        before = [""] if begins else ["абв", "abc"]
        for word in (f"{some}{piece}{after}" for some in before for after in ("", "ь", "z")):
            if word.endswith(piece) or not ends:
                kept = {abstract_word(word), abstract_word(word.title())} <= {word, word.title()}
                assert kept or begins_distant_rule(word.title()), (piece, begins, ends)


@pytest.mark.parametrize("group", sorted(WORDS))
def test_words_of_the_lists_are_kept(group):
    for word in WORDS[group]:
        assert abstract_word(word) == word
        assert abstract_word(word.title()) == word.title()
        assert len(word) < mention_reach._STEM or abstract_word(f"{word}ь") == f"{word}ь"


def test_distant_patterns_are_seen_by_a_word():
    for name in sorted(DISTANT & PATTERNS.keys() - {"_AFTER_LIST"}):

        @given(st.from_regex(PATTERNS[name]))
        def check(text):
            words = re.findall(r"[\w'’ʼ-]+|\W+", text)
            assert any(
                begins_distant_rule(word) or needs_whole_text(word) or decides_about_quoted(word)
                for word in words
            )

        check()


def test_lists_of_regions_are_seen():
    for word in WORDS["regions"]:
        assert begins_distant_rule(word)
        assert ends_distant_rule(f"Сумській {word}")
    assert not ends_distant_rule("цих областях")


@pytest.mark.parametrize("word", SUBSTITUTES)
def test_substitutes_are_no_words_of_rules_and_no_names(word):
    assert abstract_word(word) == word
    assert not needs_whole_text(word)
    assert not begins_distant_rule(word)
    assert not has_name(word, Gazetteer.default())
    assert not begins_longer_name(word, Gazetteer.default())
    others = [pattern.fullmatch(word) for pattern, _ in mention_reach._ALIKE]
    assert any(others)


def test_signs_of_rules_are_kept_and_others_are_alike():
    assert abstract_separator("» — “x…”\n \u00a0№ 🔥") == "» — “x…”\n \u00a0☆ ☆"
    assert abstract_separator("№❤️\u200d🔥, 👍🏻") == "☆, ☆"
    assert "☆" not in mention_reach._signs()


def test_no_rule_counts_symbols():
    # The first two look for what needs the whole text, or for a quotation with anything in it.
    seen = {name for name, pattern in PATTERNS.items() if sees(pattern, "☆")}
    assert seen == {"_REGIONS_INCLUDING", "_THINGS", "_SENTENCE_BEFORE"}
