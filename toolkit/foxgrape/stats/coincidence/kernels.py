"""Compiled loops that draw surrogates and compute their statistics.

Times are in microseconds as float64, which is exact up to 285 years, so that comparisons at the
edge of a window are exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from foxgrape._util.jit import njit

if TYPE_CHECKING:
    import numpy.typing as npt

    from foxgrape._util.typing import FloatArray, IntArray

    RandomState = npt.NDArray[np.uint64]

__all__ = ["CIRCULAR", "OBSERVED", "SHUFFLE", "UNIFORM"]
__all__ += ["ExchangeUnits", "KernelInput", "PairTable", "stream"]
__all__ += ["pair_weights", "permutation_statistics", "resample_statistics", "splitmix64"]

#: How times are resampled. OBSERVED keeps exact times and draws rough times in their intervals.
UNIFORM, SHUFFLE, CIRCULAR, OBSERVED = 0, 1, 2, 3

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S11 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53


class KernelInput(NamedTuple):
    """Arguments of `resample_statistics`: signals and events sorted by place.

    `low` and `high` are earliest and latest instants; `start` is the index of each place's first
    item, followed by the number of items. Events are drawn from 0 to `span`, and signals from 0 to
    `signal_span`, so that their windows are observed. If `unweighted`, each coincidence counts 1;
    otherwise its weight falls from 1 at the start of the window to 1/2 at the end.
    """

    signal_low: FloatArray
    signal_high: FloatArray
    signal_start: IntArray
    decoded: FloatArray
    group: IntArray
    n_groups: int
    event_low: FloatArray
    event_high: FloatArray
    event_start: IntArray
    confirmed: FloatArray
    span: float
    signal_span: float
    lag: float
    windows: FloatArray
    unweighted: bool


class ExchangeUnits(NamedTuple):
    """Units that exchange their labels: single signals, or episodes of several signals.

    `log_share` (units times places) is the log probability of each place at the unit's time, and
    `label` is each unit's observed label. `unit` and `weight` are each signal's unit and weight.
    `steps` is the number of swaps per surrogate; with 0, labels are permuted freely.
    """

    log_share: FloatArray
    label: IntArray
    unit: IntArray
    weight: FloatArray
    steps: int


class PairTable(NamedTuple):
    """Events following each signal and label, in compressed rows (one `row_start` per window)."""

    row_start: IntArray
    event: IntArray
    weight: FloatArray


@njit
def splitmix64(x: np.uint64) -> np.uint64:
    """Return the output function of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> _S30)) * _MIX1
    x = (x ^ (x >> _S27)) * _MIX2
    return x ^ (x >> _S31)


@njit
def stream(seed: int, number: int) -> RandomState:
    """Return a surrogate's initial random state.

    The state depends only on the seed and the surrogate's number, so that results do not depend on
    the number of threads.
    """
    state = np.empty(1, np.uint64)
    state[0] = splitmix64(np.uint64(seed) ^ splitmix64(np.uint64(number) * _GOLDEN + _GOLDEN))
    return state


@njit
def _draw_uniform(state: RandomState) -> float:
    """Return the next random number, uniform in [0, 1)."""
    state[0] += _GOLDEN
    return np.float64(splitmix64(state[0]) >> _S11) * _UNIT


@njit
def _draw_below(state: RandomState, n: int) -> int:
    """Return the next random integer, from 0 to `n` - 1."""
    return int(_draw_uniform(state) * n)


@njit
def _shuffle(state: RandomState, values: Any, low: int, high: int) -> None:
    """Shuffle `values[low:high]` (Fisher and Yates)."""
    for i in range(high - 1, low, -1):
        j = low + _draw_below(state, i - low + 1)
        values[i], values[j] = values[j], values[i]


@njit
def _coincidence_statistics(
    posted: FloatArray, decoded: FloatArray, happened: FloatArray, confirmed: FloatArray,
    lag: float, window: float, unweighted: bool,
) -> tuple[float, float]:  # fmt: skip
    """Return one place's trigger and precursor statistics; both series of times are sorted.

    The trigger statistic uses each signal's first subsequent event, the precursor statistic each
    event's last preceding signal, within the window. Hindsight is left out: pairs whose signal was
    decoded after the event was confirmed.
    """
    trigger, precursor = 0.0, 0.0
    n, m = len(posted), len(happened)
    j = 0
    for i in range(n):
        while j < m and happened[j] - posted[i] < lag:
            j += 1
        k = j
        while k < m and happened[k] - posted[i] - lag <= window:
            if decoded[i] <= confirmed[k]:
                after = happened[k] - posted[i] - lag
                trigger += 1.0 if unweighted else 1.0 - 0.5 * after / window
                break
            k += 1
    i = 0
    for k in range(m):
        while i < n and happened[k] - posted[i] >= lag:
            i += 1
        last = i - 1
        while last >= 0 and happened[k] - posted[last] - lag <= window:
            if decoded[last] <= confirmed[k]:
                after = happened[k] - posted[last] - lag
                precursor += 1.0 if unweighted else 1.0 - 0.5 * after / window
                break
            last -= 1
    return trigger, precursor


@njit
def _draw_within(state: RandomState, low: FloatArray, high: FloatArray, values: FloatArray) -> None:
    """Draw an instant within each interval."""
    for i in range(len(values)):
        values[i] = low[i]
        if high[i] > low[i]:
            values[i] += (high[i] - low[i]) * _draw_uniform(state)


@njit
def _draw_sorted(state: RandomState, values: FloatArray, low: int, high: int, span: float) -> None:
    """Fill `values[low:high]` with sorted uniform times, drawn as exponential spacings."""
    total = 0.0
    for i in range(low, high):
        total -= np.log(1.0 - _draw_uniform(state))
        values[i] = total
    total -= np.log(1.0 - _draw_uniform(state))
    for i in range(low, high):
        values[i] *= span / total


@njit
def _shuffle_waits(
    state: RandomState, values: FloatArray, low: int, high: int, span: float
) -> None:
    """Shuffle the waiting times between `values[low:high]`, including those to 0 and `span`."""
    n = high - low
    waits = np.empty(n + 1)
    before = 0.0
    for i in range(n):
        waits[i] = values[low + i] - before
        before = values[low + i]
    waits[n] = span - before
    _shuffle(state, waits, 0, n + 1)
    total = 0.0
    for i in range(n):
        total += waits[i]
        values[low + i] = total


@njit
def _sort_times(values: FloatArray, identity: IntArray, low: int, high: int) -> None:
    """Sort `values[low:high]` in place, and reorder `identity` alike."""
    for i in range(low + 1, high):
        if values[i] < values[i - 1]:
            order = np.argsort(values[low:high], kind="mergesort")
            values[low:high] = values[low:high][order]
            identity[low:high] = identity[low:high][order]
            return


@njit
def _resample_times(
    state: RandomState, null: int, low: FloatArray, high: FloatArray, start: IntArray,
    span: float, shift: float, values: FloatArray, identity: IntArray,
) -> None:  # fmt: skip
    """Write new times to `values` and their items to `identity`, sorted within places."""
    for i in range(len(identity)):
        identity[i] = i
    if null != UNIFORM:
        _draw_within(state, low, high, values)
    for place in range(len(start) - 1):
        a, b = start[place], start[place + 1]
        if a == b:
            continue
        if null == UNIFORM:
            _draw_sorted(state, values, a, b, span)
            _shuffle(state, identity, a, b)
        elif null == SHUFFLE:
            _sort_times(values, identity, a, b)
            _shuffle_waits(state, values, a, b, span)
        else:
            if null == CIRCULAR:
                for i in range(a, b):
                    values[i] = (values[i] + shift) % span
            _sort_times(values, identity, a, b)


@njit
def resample_statistics(
    first: int, last: int, seed: int, null: int, data: KernelInput
) -> FloatArray:
    """Return the statistics of surrogates `first` to `last` - 1, with resampled times.

    Shape (surrogates, windows, groups + 1, 2): trigger and precursor; the last group is all
    signals. Places are kept. Under CIRCULAR, only the signals are shifted.
    """
    signal_start, event_start = data.signal_start, data.event_start
    windows, group, groups, lag = data.windows, data.group, data.n_groups, data.lag
    n, m = len(data.signal_low), len(data.event_low)
    out = np.zeros((last - first, len(windows), groups + 1, 2))
    posted, happened = np.empty(n), np.empty(m)
    signal, event = np.empty(n, np.int64), np.empty(m, np.int64)
    for number in range(first, last):
        state = stream(seed, number + 1)
        shift = _draw_uniform(state) * data.signal_span if null == CIRCULAR else 0.0
        _resample_times(
            state, null, data.signal_low, data.signal_high, signal_start, data.signal_span,
            shift, posted, signal,
        )  # fmt: skip
        event_null = OBSERVED if null == CIRCULAR else null
        _resample_times(
            state, event_null, data.event_low, data.event_high, event_start, data.span, 0.0,
            happened, event,
        )  # fmt: skip
        for place in range(len(signal_start) - 1):
            a, b = signal_start[place], signal_start[place + 1]
            c, d = event_start[place], event_start[place + 1]
            if a == b or c == d:
                continue
            decoded = data.decoded[signal[a:b]]
            confirmed = data.confirmed[event[c:d]]
            for k in range(len(windows)):
                trigger, precursor = _coincidence_statistics(
                    posted[a:b], decoded, happened[c:d], confirmed, lag, windows[k], data.unweighted
                )
                out[number - first, k, groups, 0] += trigger
                out[number - first, k, groups, 1] += precursor
            if groups == 1:
                continue
            group_here = group[signal[a:b]]
            for g in np.unique(group_here):
                member = group_here == g
                for k in range(len(windows)):
                    trigger, precursor = _coincidence_statistics(
                        posted[a:b][member], decoded[member], happened[c:d], confirmed, lag,
                        windows[k], data.unweighted,
                    )  # fmt: skip
                    out[number - first, k, g, 0] += trigger
                    out[number - first, k, g, 1] += precursor
    if groups == 1:
        out[:, :, 0] = out[:, :, 1]
    return out


@njit
def _extremes(instants: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the earliest and the latest instant of each column."""
    low, high = instants[0].copy(), instants[0].copy()
    for draw in range(1, len(instants)):
        for i in range(len(low)):
            low[i] = min(low[i], instants[draw, i])
            high[i] = max(high[i], instants[draw, i])
    return low, high


@njit
def _total_weight(
    posted: FloatArray, i: int, happened: FloatArray, j: int, lag: float, window: float,
    unweighted: bool,
) -> float:  # fmt: skip
    """Return the weight of a pair, summed over draws."""
    total = 0.0
    for draw in range(len(posted)):
        after = happened[draw, j] - posted[draw, i] - lag
        if 0 <= after <= window:
            total += 1.0 if unweighted else 1.0 - 0.5 * after / window
    return total


@njit
def pair_weights(
    posted: FloatArray, happened: FloatArray, event_start: IntArray, place_of_label: IntArray,
    decoded: FloatArray, confirmed: FloatArray, lag: float, window: float, unweighted: bool,
) -> tuple[IntArray, IntArray, FloatArray]:  # fmt: skip
    """Return the events that follow each signal under each label within the window, with weights.

    `posted` and `happened` have one row per draw of instants; events are sorted by place. A pair's
    weight is its mean over draws: 0 outside the window, else 1 if `unweighted`, or a value falling
    from 1 at the start of the window to 1/2 at the end. Returns compressed rows: row starts
    (signals times labels + 1), events and weights.
    """
    draws, n = posted.shape
    labels = len(place_of_label)
    row = np.zeros(n * labels + 1, np.int64)
    event = np.empty(64, np.int64)
    weight = np.empty(64, np.float64)
    used = 0
    # Most pairs are outside the window in every draw: their extremes tell so at once.
    first_event, last_event = _extremes(happened)
    first_post, last_post = _extremes(posted)
    for i in range(n):
        for label in range(labels):
            place = place_of_label[label]
            for j in range(event_start[place], event_start[place + 1]):
                if (
                    decoded[label] > confirmed[j]
                    or last_event[j] - first_post[i] - lag < 0
                    or first_event[j] - last_post[i] - lag > window
                ):
                    continue
                total = _total_weight(posted, i, happened, j, lag, window, unweighted)
                if total > 0:
                    if used == len(event):
                        event = np.append(event, np.empty_like(event))
                        weight = np.append(weight, np.empty_like(weight))
                    event[used], weight[used] = j, total / draws
                    used += 1
            row[i * labels + label + 1] = used
    return row, event[:used].copy(), weight[:used].copy()


@njit
def _score(
    label: IntArray, units: ExchangeUnits, n_labels: int, row: IntArray, pairs: PairTable,
    order: IntArray, group_start: IntArray, best: FloatArray, best_in_group: FloatArray,
    out: FloatArray,
) -> None:  # fmt: skip
    """Write the trigger and precursor statistics, by group and for all signals, to `out`."""
    unit, signal_weight, event, weight = units.unit, units.weight, pairs.event, pairs.weight
    groups = len(group_start) - 1
    best[:] = 0.0
    all_trigger = 0.0
    for group in range(groups):
        trigger, precursor = 0.0, 0.0
        for at in range(group_start[group], group_start[group + 1]):
            signal = order[at]
            key = signal * n_labels + label[unit[signal]]
            largest = 0.0
            for k in range(row[key], row[key + 1]):
                j, value = event[k], weight[k]
                largest = max(largest, value)
                if value > best_in_group[j]:
                    precursor += value - best_in_group[j]
                    best_in_group[j] = value
                best[j] = max(best[j], value)
            trigger += largest * signal_weight[signal]
        for at in range(group_start[group], group_start[group + 1]):
            signal = order[at]
            key = signal * n_labels + label[unit[signal]]
            for k in range(row[key], row[key + 1]):
                best_in_group[event[k]] = 0.0
        out[group, 0], out[group, 1] = trigger, precursor
        all_trigger += trigger
    out[groups, 0], out[groups, 1] = all_trigger, best.sum()


@njit
def _swap_labels(
    state: RandomState, log_share: FloatArray, label: IntArray, place_of_label: IntArray, steps: int
) -> None:
    """Swap the labels of two random units `steps` times, preferring probable places.

    The swaps form a Metropolis chain. In its stationary distribution, a labelling's probability is
    proportional to the product over units of the probability of the unit's place.
    """
    n = len(label)
    for _ in range(steps):
        i, j = _draw_below(state, n), _draw_below(state, n)
        a, b = place_of_label[label[i]], place_of_label[label[j]]
        if a != b:
            gain = log_share[i, b] + log_share[j, a] - log_share[i, a] - log_share[j, b]
            if gain < 0 and _draw_uniform(state) >= np.exp(gain):
                continue
        label[i], label[j] = label[j], label[i]


@njit
def _sort_by_group(
    label: IntArray, unit: IntArray, group_of_label: IntArray, order: IntArray,
    group_start: IntArray,
) -> None:  # fmt: skip
    """Write the order of signals by the group of their label, and each group's first position."""
    group_start[:] = 0
    for signal in range(len(unit)):
        group_start[group_of_label[label[unit[signal]]] + 1] += 1
    for group in range(len(group_start) - 1):
        group_start[group + 1] += group_start[group]
    at = group_start.copy()
    for signal in range(len(unit)):
        group = group_of_label[label[unit[signal]]]
        order[at[group]] = signal
        at[group] += 1


@njit
def permutation_statistics(
    first: int, last: int, seed: int, units: ExchangeUnits, place_of_label: IntArray,
    group_of_label: IntArray, pairs: PairTable, order: IntArray, group_start: IntArray,
    n_events: int,
) -> FloatArray:  # fmt: skip
    """Return the statistics of surrogates `first` to `last` - 1, with labels exchanged.

    Groups consist of the signals in `order`, or if labels have groups, of the signals that have a
    label of the group in the surrogate.

    If `units.steps` is 0, labels are permuted freely. Otherwise a chain of `units.steps` swaps
    leads from the observed labels to a hub, and chains of the same length lead from the hub to the
    surrogates. The observed labels are then exchangeable with the surrogates however slowly the
    chain mixes (Besag and Clifford 1989). Surrogate -1 is the observed labelling.
    """
    windows, groups = len(pairs.row_start), len(group_start) - 1
    n_labels, steps = len(place_of_label), units.steps
    out = np.empty((last - first, windows, groups + 1, 2))
    best, best_in_group = np.zeros(n_events), np.zeros(n_events)
    order, group_start = order.copy(), group_start.copy()
    hub = units.label.copy()
    if steps:
        _swap_labels(stream(seed, 0), units.log_share, hub, place_of_label, steps)
    for number in range(first, last):
        label = hub.copy()
        state = stream(seed, number + 1)
        if number < 0:
            label[:] = units.label
        elif steps:
            _swap_labels(state, units.log_share, label, place_of_label, steps)
        else:
            _shuffle(state, label, 0, len(label))
        if len(group_of_label):
            _sort_by_group(label, units.unit, group_of_label, order, group_start)
        for k in range(windows):
            _score(
                label, units, n_labels, pairs.row_start[k], pairs, order, group_start,
                best, best_in_group, out[number - first, k],
            )  # fmt: skip
    return out
