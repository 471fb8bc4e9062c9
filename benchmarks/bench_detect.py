"""What finding codes and names costs, against what one would write with pandas or polars."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pandas as pd
import polars as pl
import pytest

from foxgrape import detect
from foxgrape.places import Codebook, Gazetteer
from measuring import alike, tell

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from measuring import Size

pytestmark = pytest.mark.benchmark(timer=time.process_time)

CODES = "Detecting codes in {:,} posts"
NAMES = "Detecting names of places in {:,} posts, of which a third name one"
ROWS = (
    "The other ways find rows and codes only: no place, no day on which a code held, no surprisal."
)
EXACT = (
    "Polars and pandas find a name as it stands in the gazetteer only, in no other case form, and "
    "also where it is an ordinary word; pandas finds those of one word."
)
SAID = ["бої під Лисичанськом", "у Харкові", "near Kherson", "в Ізюмі", "из Бахмута", "в Купянске"]

#: The one of these in the form in which the gazetteer has it.
AS_IT_STANDS = "Kherson"


@pytest.fixture(scope="module")
def codes() -> list[str]:
    """Return the codes of the packaged codebook, the longest first."""
    return sorted({code.code for code in Codebook.default().codes}, key=lambda code: -len(code))


@pytest.fixture(scope="module")
def expected(posts: pd.DataFrame) -> int:
    """Return in how many posts how many codes are."""
    return len(detect(posts)[["post_id", "code"]].drop_duplicates())


def test_contains(
    benchmark: BenchmarkFixture, texts: pd.Series, size: Size, codes: list[str], expected: int
) -> None:
    """One pass over the column for each code."""

    def rows_of_codes() -> int:
        return sum(int(texts.str.contains(code, regex=False).sum()) for code in codes)

    what = f"pandas str.contains, for each of {len(codes)} codes"
    tell(benchmark, CODES.format(size.posts), what, n=len(texts), peer="str.contains", note=ROWS)
    # A code within a longer emoji is found too, which is another emoji.
    alike(benchmark.pedantic(rows_of_codes, rounds=size.few), expected, within=0.1)


def test_extractall(
    benchmark: BenchmarkFixture, texts: pd.Series, size: Size, codes: list[str], expected: int
) -> None:
    """One regular expression for all codes."""
    pattern = f"({'|'.join(map(re.escape, codes))})"

    def rows_of_codes() -> int:
        found = texts.str.extractall(pattern).reset_index()
        return len(found.drop_duplicates([found.columns[0], 0]))

    what = "pandas str.extractall, one regular expression"
    tell(benchmark, CODES.format(size.posts), what, n=len(texts), peer="str.extractall")
    alike(benchmark.pedantic(rows_of_codes, rounds=size.few), expected, within=0.1)


def test_detect(
    benchmark: BenchmarkFixture, posts: pd.DataFrame, size: Size, expected: int
) -> None:
    """The whole packaged codebook, and all that a signal says."""
    tell(benchmark, CODES.format(size.posts), "detect, the whole codebook", n=len(posts))
    signals = benchmark.pedantic(detect, [posts], rounds=size.few, warmup_rounds=1)
    alike(len(signals.drop_duplicates(["post_id", "code"])), expected, within=0)


@pytest.fixture(scope="module")
def named(posts: pd.DataFrame, size: Size) -> pd.DataFrame:
    """Return some posts, of which every third names a place; the made ones name none."""
    some = posts.iloc[: size.named].copy()
    third = some["text"].iloc[::3]
    added = [f"{text} {SAID[number % len(SAID)]}" for number, text in enumerate(third)]
    some.loc[third.index, "text"] = pd.array(added, "str")
    return some


def spellings() -> set[str]:
    """Return how the gazetteer writes its places."""
    return {name for place in Gazetteer.default() for name in (place.name, *place.names)}


def as_they_stand(n: int) -> int:
    """Return how many of so many posts name a place as the gazetteer writes it."""
    said = [SAID[number % len(SAID)] for number in range(-(-n // 3))]
    return sum(AS_IT_STANDS in each for each in said)


def test_spellings(benchmark: BenchmarkFixture, named: pd.DataFrame, size: Size) -> None:
    """All spellings of all places by one automaton."""
    frame = pl.DataFrame({"text": named["text"].tolist()})
    spelt = spellings()
    found = pl.col("text").str.extract_many(sorted(spelt, key=len, reverse=True), leftmost=True)
    what = f"polars extract_many, {len(spelt):,} spellings"
    tell(benchmark, NAMES.format(len(frame)), what, n=len(frame), peer="polars", note=EXACT)
    lists = benchmark.pedantic(frame.select, [found], rounds=size.few, warmup_rounds=1)
    alike(lists["text"].list.contains(AS_IT_STANDS).sum(), as_they_stand(len(named)), within=0)


def test_words(benchmark: BenchmarkFixture, named: pd.DataFrame, size: Size) -> None:
    """Every word, looked up in a set."""
    spelt = spellings()

    def words() -> pd.Series:
        found = named["text"].str.findall(r"[\w'’-]+").explode()
        return found[found.isin(spelt)]

    what = "pandas str.findall of words, and isin"
    tell(benchmark, NAMES.format(len(named)), what, n=len(named), peer="pandas")
    found = benchmark.pedantic(words, rounds=size.few, warmup_rounds=1)
    alike(int((found == AS_IT_STANDS).sum()), as_they_stand(len(named)), within=0)


@pytest.mark.parametrize("names", [True, False])
def test_mentions(
    benchmark: BenchmarkFixture, posts: pd.DataFrame, named: pd.DataFrame, size: Size, names: bool
) -> None:
    """Names in their case forms, read where the words around them speak of a place."""
    given = named if names else posts.iloc[: size.named]
    what = "detect with mentions, and codes" + (", where none names one" if not names else "")
    tell(benchmark, NAMES.format(len(given)), what, n=len(given))
    signals = benchmark.pedantic(
        detect, [given], {"mentions": True}, rounds=size.few, warmup_rounds=1
    )
    found = int((signals["kind"] == "mention").sum())
    if found != (-(-len(given) // 3) if names else 0):
        pytest.fail(f"not what was to be measured: {found:,} names")
