"""Hot loops of the nulls that exchange places: which events follow, and what chains lead to.

Times are float64 microseconds, exact up to 285 years, so that a window's edge is exact as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foxgrape._util.jit import njit
from foxgrape.stats.coincidence.splitmix import draw_below, draw_uniform, shuffle, stream

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Whole = npt.NDArray[np.int64]
    Draws = npt.NDArray[np.uint64]

__all__ = ["pair_weights", "permutation_statistics"]


@njit
def pair_weights(
    post: Floats,
    event: Floats,
    start: Whole,
    place_of_label: Whole,
    decoded: Floats,
    confirmed: Floats,
    lag: float,
    window: float,
    counting: bool,
) -> tuple[Whole, Whole, Floats]:
    """Return for each slot and label the events that follow within the window, with weights.

    `post` and `event` hold one row a draw of instants; events are sorted by place and begin at
    `start[place]`. A weight is the mean over the draws of 1 falling to 1/2 over the window, or of
    1 when `counting`. Rows are in compressed form: slot times labels, then events and weights.
    """
    draws, n = post.shape
    labels = len(place_of_label)
    row = np.zeros(n * labels + 1, np.int64)
    found = np.empty(64, np.int64)
    weight = np.empty(64, np.float64)
    used = 0
    for i in range(n):
        for label in range(labels):
            place = place_of_label[label]
            for j in range(start[place], start[place + 1]):
                if decoded[label] > confirmed[j]:
                    continue
                total = 0.0
                for draw in range(draws):
                    after = event[draw, j] - post[draw, i] - lag
                    if 0 <= after <= window:
                        total += 1.0 if counting else 1.0 - 0.5 * after / window
                if total > 0:
                    if used == len(found):
                        found = np.append(found, np.empty_like(found))
                        weight = np.append(weight, np.empty_like(weight))
                    found[used] = j
                    weight[used] = total / draws
                    used += 1
            row[i * labels + label + 1] = used
    return row, found[:used].copy(), weight[:used].copy()


@njit
def _score(
    arrangement: Whole,
    unit: Whole,
    weight: Floats,
    labels: int,
    row: Whole,
    found: Whole,
    value: Floats,
    order: Whole,
    group_start: Whole,
    best: Floats,
    best_of_group: Floats,
    out: Floats,
) -> None:
    """Write the trigger and precursor statistics of each group, and of all, into `out`."""
    groups = len(group_start) - 1
    best[:] = 0.0
    all_trigger = 0.0
    for group in range(groups):
        trigger, precursor = 0.0, 0.0
        for at in range(group_start[group], group_start[group + 1]):
            slot = order[at]
            key = slot * labels + arrangement[unit[slot]]
            most = 0.0
            for k in range(row[key], row[key + 1]):
                j, v = found[k], value[k]
                most = max(most, v)
                if v > best_of_group[j]:
                    precursor += v - best_of_group[j]
                    best_of_group[j] = v
                best[j] = max(best[j], v)
            trigger += most * weight[slot]
        for at in range(group_start[group], group_start[group + 1]):
            slot = order[at]
            key = slot * labels + arrangement[unit[slot]]
            for k in range(row[key], row[key + 1]):
                best_of_group[found[k]] = 0.0
        out[group, 0], out[group, 1] = trigger, precursor
        all_trigger += trigger
    out[groups, 0], out[groups, 1] = all_trigger, best.sum()


@njit
def _exchange(
    state: Draws, field: Floats, arrangement: Whole, place_of_label: Whole, steps: int
) -> None:
    """Swap the labels of two units, `steps` times, more often where the field expects them.

    A Metropolis chain over arrangements, reversible for weights that are the product over units
    of the field at the place each unit holds.
    """
    n = len(arrangement)
    for _ in range(steps):
        i, j = draw_below(state, n), draw_below(state, n)
        a, b = place_of_label[arrangement[i]], place_of_label[arrangement[j]]
        if a != b:
            gain = field[i, b] + field[j, a] - field[i, a] - field[j, b]
            if gain < 0 and draw_uniform(state) >= np.exp(gain):
                continue
        arrangement[i], arrangement[j] = arrangement[j], arrangement[i]


@njit
def permutation_statistics(
    first: int,
    last: int,
    seed: int,
    field: Floats,
    label: Whole,
    place_of_label: Whole,
    unit: Whole,
    weight: Floats,
    rows: Whole,
    found: Whole,
    values: Floats,
    order: Whole,
    group_start: Whole,
    n_events: int,
    steps: int,
) -> Floats:
    """Return the statistics of surrogates `first` to `last`: labels exchanged between units.

    A unit is one slot or several that keep one label; a slot counts by its weight.

    With `steps` 0 the labels are permuted freely. Otherwise a chain of so many swaps leads from
    what was observed to a hub, and as many from the hub to each surrogate, which makes the
    observed one of the exchangeable set however badly the chain mixes (Besag and Clifford 1989).
    Surrogate -1 is what was observed.
    """
    windows = len(rows)
    groups = len(group_start) - 1
    labels = len(place_of_label)
    out = np.empty((last - first, windows, groups + 1, 2))
    best, best_of_group = np.zeros(n_events), np.zeros(n_events)
    hub = label.copy()
    if steps:
        _exchange(stream(seed, 0), field, hub, place_of_label, steps)
    for number in range(first, last):
        arrangement = hub.copy()
        state = stream(seed, number + 1)
        if number < 0:
            arrangement[:] = label
        elif steps:
            _exchange(state, field, arrangement, place_of_label, steps)
        else:
            shuffle(state, arrangement, 0, len(arrangement))
        for k in range(windows):
            _score(
                arrangement,
                unit,
                weight,
                labels,
                rows[k],
                found,
                values,
                order,
                group_start,
                best,
                best_of_group,
                out[number - first, k],
            )
    return out
