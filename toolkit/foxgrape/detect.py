"""Find signals: posts in which a code, or a place's own name, stands for a place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from foxgrape import tables, times
from foxgrape.emoji_scan import scan_emoji
from foxgrape.places import Codebook, fold, normal_emoji
from foxgrape.places.names import whole_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from foxgrape.places import Code, Gazetteer

__all__ = ["detect"]

# A name is up to three capitalised words; Velyka Oleksandrivka, Kupiansk-Vuzlovyi, Давидів Брід.
_WORD = r"[^\W\d_a-zа-яґєії][\w'’ʼ-]*"
_NAME = re.compile(rf"{_WORD}(?:[ ]{_WORD}){{0,2}}")


class _Hit(NamedTuple):
    """One reading found in one post; `row` is the post's position."""

    row: int
    code: str
    kind: str
    place_id: str
    confidence: str
    decoded_at: pd.Timestamp | None


def detect(
    posts: pd.DataFrame, *, codebook: Codebook | None = None, mentions: bool = False
) -> pd.DataFrame:
    """Find the signals in posts: one row for each post, code and place that the code stands for.

    A code that stands for several places yields a signal for each, and repeating a code in a post
    changes nothing. Codes are read only on days on which the codebook says they hold.

    Parameters
    ----------
    posts
        The posts table; times known exactly may leave out ``posted_until``.
    codebook
        The packaged one by default.
    mentions
        Also find places called by name, in the spellings of the codebook's gazetteer (not
        inflected): the baseline that any code must beat. A name that several places bear yields
        a signal for each, with confidence C.

    Returns
    -------
    DataFrame
        The signals table. ``decoded_at`` is when the reading certainly stood in public.
        ``surprisal`` is in bits, more for what the account rarely posts: ``-log2((k + ½)/(n + 1))``
        where `k` of the account's `n` certainly earlier posts carry the code (Krichevsky and
        Trofimov 1981).

    Raises
    ------
    TableError
        If `posts` breaks its schema.

    Examples
    --------
    >>> posts = pd.DataFrame({"post_id": ["p1"], "account": ["Andriy Yermak"], "text": ["🍇"],
    ...                       "posted_at": [pd.Timestamp("2022-09-10T12:00Z")]})
    >>> detect(posts)[["code", "place", "confidence"]].to_dict("records")
    [{'code': '🍇', 'place': 'Izium', 'confidence': 'A'}]
    """
    codebook = Codebook.default() if codebook is None else codebook
    posts = tables.check(posts, "posts", fill=True)
    hits = list(dict.fromkeys(_hits(posts, codebook, mentions=mentions)))
    found = pd.DataFrame(hits, columns=pd.Index(_Hit._fields))
    rows = found.pop("row").to_numpy(dtype="int64")
    carried = posts[["post_id", "account", "platform", "posted_at", "posted_until"]]
    signals = pd.concat([carried.iloc[rows].reset_index(drop=True), found], axis=1)
    signals["place"] = [codebook.gazetteer[place_id].name for place_id in signals["place_id"]]
    signals["signal_id"] = signals["post_id"] + ":" + signals["code"] + ":" + signals["place_id"]
    signals["surprisal"] = _surprisal(posts, rows, signals["code"].to_numpy())
    return tables.check(signals, "signals")


def _hits(posts: pd.DataFrame, codebook: Codebook, *, mentions: bool) -> Iterator[_Hit]:
    texts = posts["text"].fillna("").tolist()
    days = posts["posted_at"].tolist()
    written: dict[str, list[Code]] = {}
    named: dict[str, list[Code]] = {}
    for code in codebook:
        by_key = named if code.kind == "mention" else written
        by_key.setdefault(fold(code.code), []).append(code)
    for row, key in (*_emoji_in(texts), *_words_in(texts, codebook)):
        for code in written.get(key, ()):
            if code.valid_at(days[row]):
                yield _hit(row, code)
    if mentions:
        for row, name in _names_in(texts):
            yield from _mentions(row, name, days[row], named, codebook.gazetteer)


def _hit(row: int, code: Code) -> _Hit:
    public = None if code.public_by is None else pd.Timestamp(code.public_by)
    return _Hit(row, code.code, code.kind, code.place_id, code.confidence, public)


def _emoji_in(texts: list[str]) -> Iterator[tuple[int, str]]:
    spans = scan_emoji(texts)
    for row, sign in zip(spans.row.tolist(), spans.emoji.tolist(), strict=True):
        yield row, fold(normal_emoji(sign))


def _words_in(texts: list[str], codebook: Iterable[Code]) -> Iterator[tuple[int, str]]:
    pattern = whole_words(fold(code.code) for code in codebook if code.kind in {"word", "hashtag"})
    if pattern is None:
        return
    for row, text in enumerate(texts):
        for key in pattern.findall(fold(text)):
            yield row, key


def _names_in(texts: list[str]) -> Iterator[tuple[int, str]]:
    """Yield every run of one to three capitalised words, longer ones first."""
    for row, text in enumerate(texts):
        for match in _NAME.finditer(text):
            words = match.group().split(" ")
            for length in range(len(words), 0, -1):
                for first in range(len(words) - length + 1):
                    yield row, " ".join(words[first : first + length])


def _mentions(
    row: int, name: str, when: pd.Timestamp, named: dict[str, list[Code]], gazetteer: Gazetteer
) -> Iterator[_Hit]:
    """Read a name as the place that the codebook says, else as each place that bears it."""
    told = [code for code in named.get(fold(name), ()) if code.valid_at(when)]
    if told:
        yield from (_hit(row, code) for code in told)
        return
    places = [match.place for match in gazetteer.find(name, limit=None, exact=True)]
    for place in places:
        yield _Hit(row, place.name, "mention", place.id, "B" if len(places) == 1 else "C", None)


def _surprisal(
    posts: pd.DataFrame, rows: npt.NDArray[np.int64], codes: npt.NDArray[np.object_]
) -> npt.NDArray[np.float64]:
    """Return the bits of each signal's code, given what its account had posted before."""
    begins = times.microseconds(posts["posted_at"])
    ends = times.microseconds(posts["posted_until"])
    accounts = posts["account"].to_numpy()
    all_posts = {account: np.sort(ends[accounts == account]) for account in set(accounts[rows])}
    carrying: dict[tuple[str, str], list[int]] = {}
    for row, code in dict.fromkeys(zip(rows.tolist(), codes, strict=True)):
        carrying.setdefault((accounts[row], code), []).append(ends[row])
    with_code = {key: np.sort(np.array(value)) for key, value in carrying.items()}
    bits = np.empty(len(rows))
    for position, (row, code) in enumerate(zip(rows.tolist(), codes, strict=True)):
        earlier = np.searchsorted(all_posts[accounts[row]], begins[row])
        alike = np.searchsorted(with_code[accounts[row], code], begins[row])
        bits[position] = -np.log2((alike + 0.5) / (earlier + 1))
    return bits
