"""Cost of finding codes and place names, compared with solutions in pandas and polars."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pandas as pd
import polars as pl
import pytest

from foxgrape import detect
from foxgrape.places import Codebook, Gazetteer
from measuring import assert_close, describe

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from measuring import Size

pytestmark = pytest.mark.benchmark(timer=time.process_time)

CODES = "Detecting codes in {:,} posts"
NAMES = "Detecting place names in {:,} posts, a third of which have one"
ROWS = "The other methods find rows and codes only: no places, no validity of codes, no surprisal."
EXACT = (
    "Polars and pandas find names only as the gazetteer spells them, not inflected, and also where "
    "they are ordinary words; pandas finds only names of one word."
)
PHRASES = [
    "бої під Лисичанськом",
    "у Харкові",
    "near Kherson",
    "в Ізюмі",
    "из Бахмута",
    "в Купянске",
]
#: The only name in the phrases that the gazetteer spells in the same way.
UNINFLECTED = "Kherson"


@pytest.fixture(scope="module")
def codes() -> list[str]:
    """Return the codes of the packaged codebook, longest first."""
    return sorted({code.code for code in Codebook.default().codes}, key=lambda code: -len(code))


@pytest.fixture(scope="module")
def expected(posts: pd.DataFrame) -> int:
    """Return the number of distinct pairs of post and code."""
    return len(detect(posts)[["post_id", "code"]].drop_duplicates())


def test_contains(
    benchmark: BenchmarkFixture, texts: pd.Series, size: Size, codes: list[str], expected: int
) -> None:
    """One pass over the column for each code."""

    def count_rows() -> int:
        return sum(int(texts.str.contains(code, regex=False).sum()) for code in codes)

    what = f"pandas str.contains, once per code ({len(codes)})"
    describe(
        benchmark, CODES.format(size.posts), what, n=len(texts), peer="str.contains", note=ROWS
    )
    # It also finds a code that is part of a longer, different emoji.
    assert_close(benchmark.pedantic(count_rows, rounds=size.few), expected, within=0.1)


def test_extractall(
    benchmark: BenchmarkFixture, texts: pd.Series, size: Size, codes: list[str], expected: int
) -> None:
    """One regular expression for all codes."""
    pattern = f"({'|'.join(map(re.escape, codes))})"

    def count_rows() -> int:
        matches = texts.str.extractall(pattern).reset_index()
        return len(matches.drop_duplicates([matches.columns[0], 0]))

    what = "pandas str.extractall, one regular expression"
    describe(benchmark, CODES.format(size.posts), what, n=len(texts), peer="str.extractall")
    assert_close(benchmark.pedantic(count_rows, rounds=size.few), expected, within=0.1)


def test_detect(
    benchmark: BenchmarkFixture, posts: pd.DataFrame, size: Size, expected: int
) -> None:
    """All codes of the packaged codebook, and all columns of the signals."""
    describe(benchmark, CODES.format(size.posts), "detect, the whole codebook", n=len(posts))
    signals = benchmark.pedantic(detect, [posts], rounds=size.few, warmup_rounds=1)
    assert_close(len(signals.drop_duplicates(["post_id", "code"])), expected, within=0)


@pytest.fixture(scope="module")
def named(posts: pd.DataFrame, size: Size) -> pd.DataFrame:
    """Return posts of which every third names a place; the generated texts name none."""
    subset = posts.iloc[: size.named].copy()
    third = subset["text"].iloc[::3]
    texts = [f"{text} {PHRASES[number % len(PHRASES)]}" for number, text in enumerate(third)]
    subset.loc[third.index, "text"] = pd.array(texts, "str")
    return subset


def spellings() -> set[str]:
    """Return all spellings in the gazetteer."""
    return {name for place in Gazetteer.default() for name in (place.name, *place.names)}


def count_uninflected(n: int) -> int:
    """Return how many of `n` posts name a place as the gazetteer spells it."""
    phrases = [PHRASES[number % len(PHRASES)] for number in range(-(-n // 3))]
    return sum(UNINFLECTED in phrase for phrase in phrases)


def test_spellings(benchmark: BenchmarkFixture, named: pd.DataFrame, size: Size) -> None:
    """All spellings of all places in one automaton."""
    frame = pl.DataFrame({"text": named["text"].tolist()})
    names = sorted(spellings(), key=len, reverse=True)
    matches = pl.col("text").str.extract_many(names, leftmost=True)
    what = f"polars extract_many, {len(names):,} spellings"
    describe(benchmark, NAMES.format(len(frame)), what, n=len(frame), peer="polars", note=EXACT)
    lists = benchmark.pedantic(frame.select, [matches], rounds=size.few, warmup_rounds=1)
    assert_close(
        lists["text"].list.contains(UNINFLECTED).sum(), count_uninflected(len(named)), within=0
    )


def test_words(benchmark: BenchmarkFixture, named: pd.DataFrame, size: Size) -> None:
    """Each word is looked up in a set."""
    names = spellings()

    def find_words() -> pd.Series:
        words = named["text"].str.findall(r"[\w'’-]+").explode()
        return words[words.isin(names)]

    what = "pandas str.findall of words, and isin"
    describe(benchmark, NAMES.format(len(named)), what, n=len(named), peer="pandas")
    matches = benchmark.pedantic(find_words, rounds=size.few, warmup_rounds=1)
    assert_close(int((matches == UNINFLECTED).sum()), count_uninflected(len(named)), within=0)


@pytest.mark.parametrize("names", [True, False])
def test_mentions(
    benchmark: BenchmarkFixture, posts: pd.DataFrame, named: pd.DataFrame, size: Size, names: bool
) -> None:
    """Inflected names, where the words around them refer to a place."""
    subset = named if names else posts.iloc[: size.named]
    what = "detect, codes and mentions" + (", posts without place names" if not names else "")
    describe(benchmark, NAMES.format(len(subset)), what, n=len(subset))
    signals = benchmark.pedantic(
        detect, [subset], {"mentions": True}, rounds=size.few, warmup_rounds=1
    )
    n_mentions = int((signals["kind"] == "mention").sum())
    expected = -(-len(subset) // 3) if names else 0
    if n_mentions != expected:
        pytest.fail(f"the number of mentions must be {expected:,}; got {n_mentions:,}")
