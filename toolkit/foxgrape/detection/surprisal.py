"""How little an account's own past lets one expect a code."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from foxgrape import times

if TYPE_CHECKING:
    import numpy.typing as npt

    Whole = npt.NDArray[np.int64]

__all__ = ["CodeOccurrences", "PostHistory", "account_histories", "bits", "surprisals"]


def surprisals(posts: pd.DataFrame, row: Whole, code: Whole) -> npt.NDArray[np.float64]:
    """Return the bits of each signal's code, given what its account had posted before.

    ``-log2((k + ½)/(n + 1))``, where `k` of the account's `n` certainly earlier posts carry the
    code (Krichevsky and Trofimov 1981): with no past, one bit. What an account reposts is a past
    of its own. A post that was edited carries its code for certain only since then.

    Parameters
    ----------
    posts
        The posts table.
    row, code
        Of each signal, the position of its post and a number that tells codes apart.

    Examples
    --------
    >>> day = pd.to_datetime(["2022-09-01", "2022-09-02"], utc=True).as_unit("us")
    >>> posts = pd.DataFrame({"account": "me", "posted_at": day, "posted_until": day,
    ...                       "repost": False,
    ...                       "edited_at": pd.Series(pd.NaT, index=[0, 1], dtype=day.dtype)})
    >>> surprisals(posts, np.array([0, 1]), np.array([0, 0])).round(3).tolist()
    [1.0, 0.415]
    """
    past = account_histories(posts)
    sure = times.microseconds(posts["edited_at"].fillna(posts["posted_until"]))
    carried = np.maximum(past.end, sure)
    begin = times.microseconds(posts["posted_at"])
    return bits(past, CodeOccurrences(row, past.habit[row], begin[row], carried[row], code))


class PostHistory(NamedTuple):
    """What has been posted: by which account, as its own or another's, and until when."""

    habit: Whole
    end: Whole


class CodeOccurrences(NamedTuple):
    """What carries codes: row, habit, earliest time, time from which it is sure, and the code."""

    row: Whole
    habit: Whole
    begin: Whole
    sure: Whole
    code: Whole


def account_histories(posts: pd.DataFrame) -> PostHistory:
    """Return the past that posts make; habits are numbered as accounts appear."""
    account = pd.factorize(posts["account"])[0].astype(np.int64)
    habit = 2 * account + posts["repost"].fillna(value=False).to_numpy(dtype=np.bool_)
    return PostHistory(habit, times.microseconds(posts["posted_until"]))


def bits(past: PostHistory, carried: CodeOccurrences) -> npt.NDArray[np.float64]:
    """Return the bits of each code that is carried; see `surprisals`."""
    row, habit, begin, sure, code = carried
    if not len(row):
        return np.empty(0)
    pairs, kind = np.unique(habit * (code.max() + 1) + code, return_inverse=True)
    # A post that stands for two places by one code carries it once.
    once = np.unique(row * len(pairs) + kind, return_index=True)[1]
    alike = _earlier(kind[once], sure[once], kind, begin)
    used = np.isin(past.habit, np.unique(habit))
    before = _earlier(past.habit[used], past.end[used], habit, begin)
    found: npt.NDArray[np.float64] = -np.log2((alike + 0.5) / (before + 1))
    return found


def _earlier(group: Whole, when: Whole, asked: Whole, before: Whole) -> Whole:
    """Count, of what belongs to the group that is asked for, what lies before an instant."""
    instants = np.sort(when)
    # Ranks compare as instants do, and leave room for the group above them.
    size = len(instants) + 1
    keys = np.sort(group * size + np.searchsorted(instants, when))
    wanted = asked * size
    upper = np.searchsorted(keys, wanted + np.searchsorted(instants, before))
    return upper - np.searchsorted(keys, wanted)
