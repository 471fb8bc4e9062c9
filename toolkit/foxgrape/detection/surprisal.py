"""Surprisal of a code, given the earlier posts of its account."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from foxgrape import times

if TYPE_CHECKING:
    from foxgrape._util.typing import FloatArray, IntArray


__all__ = ["CodeOccurrences", "PostHistory", "account_histories", "surprisal_bits"]


class PostHistory(NamedTuple):
    """All posts: the stream of each, and the last instant at which it may have been posted.

    A stream is an account's own posts, or what it reposts.
    """

    stream: IntArray
    end: IntArray


class CodeOccurrences(NamedTuple):
    """Posts that carry codes, and which code.

    Attributes
    ----------
    row, stream
        The post and its stream.
    begin
        The first instant at which the post may have been posted.
    certain_from
        The instant from which the post certainly carries the code: later, if it was edited.
    code
        A number for each distinct code.
    """

    row: IntArray
    stream: IntArray
    begin: IntArray
    certain_from: IntArray
    code: IntArray


def account_histories(posts: pd.DataFrame) -> PostHistory:
    """Return the history of a posts table; streams are numbered as their accounts appear."""
    account = pd.factorize(posts["account"])[0].astype(np.int64)
    stream = 2 * account + posts["repost"].fillna(value=False).to_numpy(dtype=np.bool_)
    return PostHistory(stream, times.microseconds(posts["posted_until"]))


def surprisal_bits(history: PostHistory, occurrences: CodeOccurrences) -> FloatArray:
    """Return the surprisal of each occurrence in bits, given the earlier posts of its stream.

    ``-log2((k + ½)/(n + 1))``, where `k` of the stream's `n` certainly earlier posts carry the
    code (Krichevsky and Trofimov 1981); one bit for a first post.

    Examples
    --------
    >>> stream, day, code = np.array([0, 0]), np.array([1, 2]), np.array([7, 7])
    >>> posts = PostHistory(stream, day)
    >>> surprisal_bits(posts, CodeOccurrences(np.arange(2), stream, day, day, code)).round(3)
    array([1.   , 0.415])
    """
    row, stream, begin, certain_from, code = occurrences
    if not len(row):
        return np.empty(0)
    pairs, pair = np.unique(stream * (code.max() + 1) + code, return_inverse=True)
    # A post whose code stands for two places carries that code once.
    distinct = np.unique(row * len(pairs) + pair, return_index=True)[1]
    n_with_code = _count_earlier(pair[distinct], certain_from[distinct], pair, begin)
    used = np.isin(history.stream, np.unique(stream))
    n_posts = _count_earlier(history.stream[used], history.end[used], stream, begin)
    bits: FloatArray = -np.log2((n_with_code + 0.5) / (n_posts + 1))
    return bits


def _count_earlier(
    group: IntArray, instant: IntArray, query_group: IntArray, before: IntArray
) -> IntArray:
    """Count, for each query, the members of its group whose instant lies before `before`."""
    instants = np.sort(instant)
    # Sort by group, then by the rank of the instant, in one key.
    size = len(instants) + 1
    keys = np.sort(group * size + np.searchsorted(instants, instant))
    first = query_group * size
    upper = np.searchsorted(keys, first + np.searchsorted(instants, before))
    return upper - np.searchsorted(keys, first)
