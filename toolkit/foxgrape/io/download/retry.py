"""How long to wait before asking again: what the server says, else longer each time."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

__all__ = ["AGAIN", "backoff", "rate_limit_exhausted", "retry_after_seconds"]

#: Answers after which the same question may be answered later.
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
#: When the limit is lifted: Mastodon's is an ISO time, Bluesky's counts seconds since 1970.
_RESETS = ("x-ratelimit-reset", "ratelimit-reset")
_REMAINING = ("x-ratelimit-remaining", "ratelimit-remaining")
#: A number larger than this is an instant, a smaller one a span; both in seconds.
_INSTANT = 1e9
_FIRST, _LONGEST = 1.0, 60.0


def retry_after_seconds(
    headers: Mapping[str, str], now: float, *, limited: bool = True
) -> float | None:
    """Return for how many seconds a server wants to be left alone; None where it does not say.

    Parameters
    ----------
    headers
        Of its answer, names in small letters.
    now
        Seconds since 1970.
    limited
        Whether its limit is reached: when that is lifted stands in every answer of some servers,
        and means nothing in others.

    Examples
    --------
    >>> asked_to_wait({"retry-after": "7"}, now=1_662_811_200)
    7.0
    >>> asked_to_wait({"x-ratelimit-reset": "2022-09-10T12:05:00.000Z"}, now=1_662_811_200)
    300.0
    >>> asked_to_wait({"ratelimit-reset": "1662811260"}, now=1_662_811_200)
    60.0
    """
    told = headers.get("retry-after")
    if told is not None:
        return _seconds(told, now)
    for name in _RESETS if limited else ():
        if name in headers:
            return _seconds(headers[name], now)
    return None


def rate_limit_exhausted(headers: Mapping[str, str]) -> bool:
    """Tell whether this was the last question that the server allows for now."""
    return any(headers.get(name, "").strip() == "0" for name in _REMAINING)


def backoff(attempt: int, rng: np.random.Generator) -> float:
    """Return the seconds to wait after a failed attempt, the first being 0.

    It doubles up to a minute; the upper half of it is drawn, so that many who were cut off at
    once do not come back at once.

    Examples
    --------
    >>> import numpy as np
    >>> 2 <= backoff(2, np.random.default_rng(1)) <= 4
    True
    """
    longest = min(_FIRST * 2**attempt, _LONGEST)
    return float(rng.uniform(longest / 2, longest))


def _seconds(text: str, now: float) -> float | None:
    """Read a span, an instant in seconds, an ISO time or an HTTP date."""
    try:
        number = float(text)
    except ValueError:
        instant = _instant(text.strip())
        return None if instant is None else max(0.0, instant - now)
    if not math.isfinite(number):
        return None
    return max(0.0, number - now if number > _INSTANT else number)


def _instant(text: str) -> float | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            when = read(text)
            return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError, TypeError):
            continue
    return None
