"""Cost of finding codes and place names, compared with solutions in pandas and polars."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pandas as pd
import polars as pl
import pytest

from foxgrape import detect
from foxgrape.detection.names import contexts, scan
from foxgrape.places import Codebook, Gazetteer
from measuring import SubprocessClock, assert_close, describe

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

    from measuring import Size

pytestmark = pytest.mark.benchmark(timer=time.process_time)

CODES = "Detecting codes in {:,} posts"
NAMES = "Detecting place names in {:,} posts, a third of which have one"
ROWS = "The other methods find rows and codes only: no places, no validity of codes, no surprisal."
FRESH = "Detecting place names in the first call of a process"
CLOCK = SubprocessClock()
FIRST = """
import json, sys, time, pandas as pd
posts = pd.read_parquet(sys.argv[1])
begin = time.perf_counter()
from foxgrape import detect
detect(posts, mentions=sys.argv[2] == "names")
print(json.dumps({"seconds": time.perf_counter() - begin}))
"""
EXACT = (
    "The others find names only as the gazetteer spells them, not inflected, and also where they "
    "are ordinary words or parts of words; pandas finds only names of one word."
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


def test_automaton(benchmark: BenchmarkFixture, named: pd.DataFrame, size: Size) -> None:
    """The same in one text, as fast as a byte-wise automaton is; measured where it is installed."""
    daachorse = pytest.importorskip("daachorse", reason="not a dependency")
    names = sorted(spellings())
    automaton = daachorse.DoubleArrayAhoCorasick(
        [name.encode() for name in names], daachorse.MATCH_KIND_LEFTMOST_LONGEST
    )
    text = "\n".join(named["text"]).encode()
    what = "daachorse, all texts as one, positions only"
    describe(benchmark, NAMES.format(len(named)), what, n=len(named), peer="daachorse")
    matches = benchmark.pedantic(automaton.find, [text], rounds=size.few, warmup_rounds=1)
    n_uninflected = sum(names[number] == UNINFLECTED for _, _, number in matches)
    assert_close(n_uninflected, count_uninflected(len(named)), within=0)


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


@pytest.mark.parametrize("kind", ["", ", texts never read before", ", posts without place names"])
def test_mentions(
    benchmark: BenchmarkFixture, posts: pd.DataFrame, named: pd.DataFrame, size: Size, kind: str
) -> None:
    """Inflected names, where the words around them refer to a place."""
    subset = posts.iloc[: size.named] if "without" in kind else named
    describe(
        benchmark, NAMES.format(len(subset)), f"detect, codes and mentions{kind}", n=len(subset)
    )

    def forget() -> None:
        if "never" in kind:
            scan._read_short.cache_clear()
            contexts.contexts.cache_clear()

    detect(subset, mentions=True)
    signals = benchmark.pedantic(
        lambda: detect(subset, mentions=True), setup=forget, rounds=size.few
    )
    n_mentions = int((signals["kind"] == "mention").sum())
    expected = 0 if "without" in kind else -(-len(subset) // 3)
    if n_mentions != expected:
        pytest.fail(f"the number of mentions must be {expected:,}; got {n_mentions:,}")


@pytest.mark.benchmark(timer=CLOCK)
@pytest.mark.parametrize("kind", ["codes", "names"])
def test_fresh(
    benchmark: BenchmarkFixture, named: pd.DataFrame, size: Size, kind: str, tmp_path: Path
) -> None:
    """The delay of the first call, with compiled code in the cache."""
    what = "codes and mentions" if kind == "names" else "codes only"
    describe(benchmark, FRESH, f"import and detect, {len(named):,} posts, {what}")
    named.to_parquet(tmp_path / "posts.parquet")
    arguments = [FIRST, tmp_path / "posts.parquet", kind]
    benchmark.pedantic(CLOCK.run, arguments, rounds=size.few, warmup_rounds=1)
