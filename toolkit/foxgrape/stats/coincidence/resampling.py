"""Hot loops of the nulls that draw times anew: series of one place, redrawn and swept.

Times are float64 microseconds, as in `exchange_kernels`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foxgrape._util.jit import njit
from foxgrape.stats.coincidence.splitmix import draw_uniform, shuffle, stream

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Whole = npt.NDArray[np.int64]
    Draws = npt.NDArray[np.uint64]

__all__ = [
    "CIRCULAR",
    "KEPT",
    "SHUFFLE",
    "UNIFORM",
    "coincidence_statistics",
    "resample_statistics",
]

#: How times are drawn anew; the last keeps them, and only draws rough ones within their intervals.
UNIFORM, SHUFFLE, CIRCULAR, KEPT = 0, 1, 2, 3


@njit
def coincidence_statistics(
    post: Floats,
    decoded: Floats,
    event: Floats,
    confirmed: Floats,
    lag: float,
    window: float,
    counting: bool,
) -> tuple[float, float]:
    """Return trigger and precursor statistics of one place; both series are sorted.

    Each signal counts by the first event after it, each event by the last signal before it, that
    is within the window and no hindsight.
    """
    trigger, precursor = 0.0, 0.0
    n, m = len(post), len(event)
    j = 0
    for i in range(n):
        while j < m and event[j] - post[i] < lag:
            j += 1
        k = j
        while k < m and event[k] - post[i] - lag <= window:
            if decoded[i] <= confirmed[k]:
                after = event[k] - post[i] - lag
                trigger += 1.0 if counting else 1.0 - 0.5 * after / window
                break
            k += 1
    i = 0
    for k in range(m):
        while i < n and event[k] - post[i] >= lag:
            i += 1
        at = i - 1
        while at >= 0 and event[k] - post[at] - lag <= window:
            if decoded[at] <= confirmed[k]:
                after = event[k] - post[at] - lag
                precursor += 1.0 if counting else 1.0 - 0.5 * after / window
                break
            at -= 1
    return trigger, precursor


@njit
def _within(state: Draws, low: Floats, high: Floats, values: Floats) -> None:
    """Draw an instant within each interval."""
    for i in range(len(values)):
        values[i] = (
            low[i] + (high[i] - low[i]) * draw_uniform(state) if high[i] > low[i] else low[i]
        )


@njit
def _spread(state: Draws, values: Floats, low: int, high: int, span: float) -> None:
    """Fill `values[low:high]` with sorted uniform times: exponential spacings need no sorting."""
    total = 0.0
    for i in range(low, high):
        total -= np.log(1.0 - draw_uniform(state))
        values[i] = total
    total -= np.log(1.0 - draw_uniform(state))
    for i in range(low, high):
        values[i] *= span / total


@njit
def _rewait(state: Draws, values: Floats, low: int, high: int, span: float) -> None:
    """Shuffle the waiting times of `values[low:high]`, those at the edges of observation too."""
    n = high - low
    waits = np.empty(n + 1)
    before = 0.0
    for i in range(n):
        waits[i] = values[low + i] - before
        before = values[low + i]
    waits[n] = span - before
    shuffle(state, waits, 0, n + 1)
    total = 0.0
    for i in range(n):
        total += waits[i]
        values[low + i] = total


@njit
def _order(values: Floats, identity: Whole, low: int, high: int) -> None:
    """Sort a stretch of times, and what belongs to them along."""
    for i in range(low + 1, high):
        if values[i] < values[i - 1]:
            by = np.argsort(values[low:high], kind="mergesort")
            values[low:high] = values[low:high][by]
            identity[low:high] = identity[low:high][by]
            return


@njit
def _redraw(
    state: Draws,
    null: int,
    low: Floats,
    high: Floats,
    start: Whole,
    span: float,
    shift: float,
    values: Floats,
    identity: Whole,
) -> None:
    """Draw one series anew: times and which item each belongs to, sorted within places."""
    for i in range(len(identity)):
        identity[i] = i
    if null != UNIFORM:
        _within(state, low, high, values)
    for place in range(len(start) - 1):
        a, b = start[place], start[place + 1]
        if a == b:
            continue
        if null == UNIFORM:
            _spread(state, values, a, b, span)
            shuffle(state, identity, a, b)
        elif null == SHUFFLE:
            _order(values, identity, a, b)
            _rewait(state, values, a, b, span)
        else:
            if null == CIRCULAR:
                for i in range(a, b):
                    values[i] = (values[i] + shift) % span
            _order(values, identity, a, b)


@njit
def resample_statistics(
    first: int,
    last: int,
    seed: int,
    null: int,
    post_low: Floats,
    post_high: Floats,
    post_start: Whole,
    decoded: Floats,
    group: Whole,
    groups: int,
    event_low: Floats,
    event_high: Floats,
    event_start: Whole,
    confirmed: Floats,
    span: float,
    lag: float,
    windows: Floats,
    counting: bool,
) -> Floats:
    """Return the statistics of surrogates `first` to `last`: times drawn anew, places kept.

    Signals and events are sorted by place. Of `CIRCULAR`, signals are shifted and events kept.
    """
    n, m = len(post_low), len(event_low)
    out = np.zeros((last - first, len(windows), groups + 1, 2))
    post, event = np.empty(n), np.empty(m)
    who, what = np.empty(n, np.int64), np.empty(m, np.int64)
    for number in range(first, last):
        state = stream(seed, number + 1)
        shift = draw_uniform(state) * span if null == CIRCULAR else 0.0
        _redraw(state, null, post_low, post_high, post_start, span, shift, post, who)
        kind = KEPT if null == CIRCULAR else null
        _redraw(state, kind, event_low, event_high, event_start, span, 0.0, event, what)
        for place in range(len(post_start) - 1):
            a, b = post_start[place], post_start[place + 1]
            c, d = event_start[place], event_start[place + 1]
            if a == b or c == d:
                continue
            known = decoded[who[a:b]]
            told = confirmed[what[c:d]]
            for k in range(len(windows)):
                one = coincidence_statistics(
                    post[a:b], known, event[c:d], told, lag, windows[k], counting
                )
                out[number - first, k, groups, 0] += one[0]
                out[number - first, k, groups, 1] += one[1]
            if groups == 1:
                continue
            of_group = group[who[a:b]]
            for g in np.unique(of_group):
                mine = of_group == g
                for k in range(len(windows)):
                    one = coincidence_statistics(
                        post[a:b][mine], known[mine], event[c:d], told, lag, windows[k], counting
                    )
                    out[number - first, k, g, 0] += one[0]
                    out[number - first, k, g, 1] += one[1]
    if groups == 1:
        out[:, :, 0] = out[:, :, 1]
    return out
