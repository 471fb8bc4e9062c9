"""The rule for few signals: they are counted; no median, percentage or p-value is stated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foxgrape._util.formatting import counted, number_in_words, percent

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MIN_SIGNALS", "TOO_FEW", "are_few", "mask_few", "share_in_words", "too_few"]

#: Minimum number of signals for a claim, whatever p is: small sets are usually hand-picked.
MIN_SIGNALS = 20
#: What a result claims if it has fewer.
TOO_FEW = "Too few to test"
_ROUNDING = 1e-9


def are_few(n: int) -> bool:
    """Return whether a number is too small for a median, a percentage or a p-value.

    Examples
    --------
    >>> are_few(19), are_few(20)
    (True, False)
    """
    return n < MIN_SIGNALS


def too_few(n: int, purpose: str, unit: str = "signal") -> str:
    """Return that a number is too small for a purpose, in words.

    Examples
    --------
    >>> too_few(5, "to test"), too_few(1, "to say")
    ('Five signals are too few to test', 'One signal is too few to say')
    """
    noun = counted(n, unit).split(" ", 1)[1]
    return f"{number_in_words(n).capitalize()} {noun} {'is' if n == 1 else 'are'} too few {purpose}"


def share_in_words(share: float, n: int, digits: int = 0) -> str:
    """Return a share in percent, or as a count if it is one of few; a dash if it is undefined.

    Rough times make shares of a count between two.

    Examples
    --------
    >>> share_in_words(0.25, 20), share_in_words(float("nan"), 5)
    ('25%', '–')
    >>> [share_in_words(share, 5) for share in (0, 0.02, 0.35, 0.4, 1)]
    ['0 of 5', 'fewer than 1 of 5', 'about 2 of 5', '2 of 5', '5 of 5']
    """
    if pd.isna(share) or not are_few(n):
        return percent(share, digits)
    count, nearest = share * n, round(share * n)
    if abs(count - nearest) < _ROUNDING:
        return f"{nearest} of {n}"
    return f"about {nearest} of {n}" if nearest else f"fewer than 1 of {n}"


def mask_few(table: pd.DataFrame, n: int | pd.Series, names: Iterable[object]) -> pd.DataFrame:
    """Return a table without the values of columns in the rows whose number of signals is small.

    Examples
    --------
    >>> groups = pd.DataFrame({"n": [5, 20], "p": [0.01, 0.01]})
    >>> mask_few(groups, groups["n"], ["p"])["p"].tolist()
    [nan, 0.01]
    """
    few = np.broadcast_to(np.asarray(n) < MIN_SIGNALS, len(table))
    return table.assign(**{str(name): table[name].mask(few) for name in names})
