"""Null models: what each preserves and randomizes, and comparison with pyunicorn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foxgrape import coincidence
from foxgrape.stats.coincidence import kernels
from foxgrape.stats.coincidence.place_intensity import (
    _leave_one_out,
    _posterior_mode,
    estimate_place_intensity,
)
from foxgrape.stats.coincidence.point_pattern import make_labels
from foxgrape.stats.coincidence.surrogates import _episodes, draw_surrogates
from foxgrape.stats.inputs import median_neighbour_distance, planar_distances
from foxgrape.stats.power import simulate_pattern
from foxgrape.stats.simulate import make_arrays

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "golden" / "pyunicorn_rates.json").read_text("utf-8")
)
START = pd.Timestamp("2022-01-01T00:00Z")


def table(steps, name, at):
    """Return a table of one place, with an hour per time step."""
    hours = [START + pd.Timedelta(hours=step) for step in steps]
    ids = [f"{name}{number}" for number in range(len(steps))]
    return pd.DataFrame({f"{name}_id": ids, "place_id": "x:1", f"{at}_at": hours})


def ask(signals, events, window, steps, *, after=0, **options):
    observed = (START, START + pd.Timedelta(hours=steps - 1 + after))
    return coincidence(
        table(signals, "signal", "posted"),
        table(events, "event", "occurred"),
        window=f"{window}h",
        observed=observed,
        **{"n": 9} | options,
    )


@pytest.mark.parametrize("case", GOLDEN["shared"])
def test_rates_equal_pyunicorn_where_its_edges_do_not_matter(case):
    """It does not count the sentinels at one end, which do not coincide with anything.

    Observation goes on until the last window has ended: pyunicorn counts signals of which the
    window is not observed as not followed, and foxgrape leaves them out.
    """
    signals, events = case["signals"], case["events"]
    after = case["lag"] + case["window"]
    options = {"lag": f"{case['lag']}h", "after": after}
    result = ask(signals, events, case["window"], GOLDEN["steps"], **options)
    assert result.n_signals == len(signals)
    n, m = len(signals), len(events)
    assert result.trigger_rate * n / (n - 1) == pytest.approx(case["trigger"], abs=1e-6)
    assert result.precursor_rate * m / (m - 1) == pytest.approx(case["precursor"], abs=1e-6)


def test_p_is_exact_where_all_coincide_and_pyunicorn_has_0():
    """The expected p is simulated: the probability that six of six coincide as soon."""
    case = GOLDEN["all_coincide"]
    assert (case["rate"], case["levels"]["analytic"]) == (1.0, 1.0)
    result = ask(
        case["signals"], case["events"], case["window"], case["steps"], null="uniform", n=20_000
    )
    assert result.trigger_rate == 1
    rng = np.random.default_rng(0)
    span, window = case["steps"] - 1, case["window"]
    posted = rng.random((20_000, 6, 1)) * (span - window)  # where the window is observed
    after = rng.random((20_000, 1, 6)) * span - posted
    weight = np.where((after >= 0) & (after <= window), 1 - 0.5 * after / window, 0).max(axis=2)
    reached = weight.sum(axis=1) >= 6 * (1 - 0.5 * 2 / window) - 1e-9
    assert reached.mean() > 0
    assert result.p_trigger == pytest.approx((1 + reached.sum()) / 20_001, abs=0.002)


def test_p_is_positive_where_no_surrogate_coincides_as_much():
    case = GOLDEN["never_again"]
    assert case["level"] == 1.0
    result = ask(case["signals"], case["events"], case["window"], 112, null="shuffle", n=1000)
    assert result.p_trigger >= 1 / 1001


def test_observation_does_not_depend_on_the_first_and_last_event():
    """A last signal that is followed counts, unlike in pyunicorn."""
    result = ask([10, 50], [12, 52], 5, 1000)
    assert result.trigger_rate == 1
    assert result.n_unfollowed == 0


def test_late_time_steps_count_like_early_ones():
    """Past step 32,767 pyunicorn's event synchronization overflows."""
    case = GOLDEN["shifted"]
    assert case["early"] != case["late"]
    first, second = (np.array(steps) for steps in case["events"])
    early = ask(first.tolist(), second.tolist(), 5, 40_000, rng=1)
    late = ask(
        (first + case["offset"]).tolist(), (second + case["offset"]).tolist(), 5, 40_000, rng=1
    )
    assert early.trigger_rate == late.trigger_rate == 1


def resample(null, posted, span=100.0):
    """Return resampled times of one place, and the item of each."""
    values, identity = np.array(posted, dtype=float), np.zeros(len(posted), np.int64)
    start = np.array([0, len(posted)])
    state = np.array([12345], dtype=np.uint64)
    low = np.array(posted, dtype=float)
    kernels._resample_times(state, null, low, low, start, span, 30.0, values, identity)
    return values, identity


def test_uniform_draws_are_sorted_within_observation():
    values, identity = resample(kernels.UNIFORM, [1, 2, 3, 50])
    assert (np.diff(values) > 0).all()
    assert values[0] > 0
    assert values[-1] < 100
    assert sorted(identity) == [0, 1, 2, 3]


def test_shuffle_draws_keep_all_waiting_times():
    posted = [1.0, 3.0, 8.0, 50.0]
    values, _ = resample(kernels.SHUFFLE, posted)
    waits = np.diff([0, *values, 100])
    assert sorted(waits) == pytest.approx(sorted(np.diff([0, *posted, 100])))


def test_circular_draws_keep_the_cyclic_order():
    values, identity = resample(kernels.CIRCULAR, [1, 2, 3, 80])
    assert values.tolist() == [10, 31, 32, 33]
    assert identity.tolist() == [3, 0, 1, 2]


@pytest.mark.parametrize(("signal_span", "share"), [(100.0, 0.2 - 0.2**2 / 2), (80.0, 0.2)])
def test_the_uniform_null_has_the_right_mean(signal_span, share):
    """The mean number of signals followed, of one signal and one event.

    It is the window's share of the time, unless windows may end after observation.
    """
    instant = np.array([50.0])
    nothing = np.zeros(1, np.int64)
    data = kernels.KernelInput(
        instant, instant, np.array([0, 1]), np.array([-np.inf]), nothing, 1, instant, instant,
        np.array([0, 1]),
        np.array([np.inf]), 100.0, signal_span, 0.0, np.array([20.0]), unweighted=True,
    )  # fmt: skip
    out = kernels.resample_statistics(0, 40_000, 3, kernels.UNIFORM, data)
    assert out[:, 0, 1, 0].mean() == pytest.approx(share, abs=4 * np.sqrt(share / 40_000))


def share_unchanged(log_share, label, steps, n=4000):
    """Return how often the chain keeps the labels of two units and two places."""
    unchanged = []
    for number in range(n):
        new = label.copy()
        kernels._swap_labels(kernels.stream(7, number), log_share, new, np.arange(2), steps)
        unchanged.append(new[0] == 0)
    return np.mean(unchanged)


def test_the_chain_has_the_stationary_distribution_of_the_field():
    """With two units and two places, the odds of the two arrangements are those of the field."""
    log_share = np.log(np.array([[0.8, 0.2], [0.4, 0.6]]))
    odds = (0.8 * 0.6) / (0.2 * 0.4)
    share = share_unchanged(log_share, np.array([0, 1]), 40)
    assert share == pytest.approx(odds / (1 + odds), abs=0.02)


def test_episodes_exchange_as_a_unit_and_count_once():
    world = make_arrays(np.random.default_rng(3), signals=40, clustered=0.7)
    pattern = simulate_pattern(world, (7.0,))
    units, _ = _episodes(pattern)
    assert units.unit.max() + 1 == len(units.label) < 40
    assert (pattern.label == units.label[units.unit]).all()
    assert np.bincount(units.unit, units.weight) == pytest.approx(1.0)


def test_surrogates_do_not_depend_on_threads():
    pattern = simulate_pattern(make_arrays(np.random.default_rng(1)), (7.0,))
    for null in ("shuffle", "place", "local"):
        simulated = draw_surrogates(pattern, null, 50, 9).simulated
        assert (draw_surrogates(pattern, null, 50, 9, threads=3).simulated == simulated).all()
        assert len(np.unique(simulated)) > 5


def on_a_line(n=13):
    return np.column_stack([np.linspace(0, 300, n), np.zeros(n)])


def test_the_field_follows_a_front_and_is_constant_without_one():
    day = 86_400e6
    at, xy = np.arange(0.0, 300.0, 2.5) * day, on_a_line()
    nearest = np.abs(xy[:, 0][None] - at[:, None] / day).argmin(axis=1)
    field = estimate_place_intensity(at, at, nearest, xy, span=300 * day)
    assert np.exp(field.log_share).sum(axis=1) == pytest.approx(1.0)
    assert np.abs(field.log_share[10:-10].argmax(axis=1) - nearest[10:-10]).max() <= 1
    assert field.amplitude > 0
    anywhere = np.random.default_rng(0).integers(13, size=120)
    still = estimate_place_intensity(at, at, anywhere, xy, span=300 * day)
    assert still.amplitude == 0
    assert np.ptp(still.log_share, axis=0).max() == 0
    counts = np.bincount(anywhere, minlength=13) + 1
    assert np.exp(still.log_share[0]) == pytest.approx(counts / counts.sum())


def test_the_field_leaves_an_event_out_of_its_own_expectation():
    """In a constant field this is the share of its place among the other events."""
    day = 86_400e6
    place = np.array([0, 0, 1])
    field = estimate_place_intensity(
        np.zeros(1), np.array([1.0, 60.0, 90.0]) * day, place, on_a_line(3), span=100 * day
    )
    assert field.amplitude == 0
    assert field.expected_share == pytest.approx([2 / 5, 2 / 5, 1 / 5])


def test_leaving_an_event_out_of_the_field_equals_a_refit():
    """Compare the leave-one-out approximation with a fit without the event."""
    rng = np.random.default_rng(4)
    happened = np.zeros((12, 4))
    part, place = np.repeat(np.arange(12), 4), rng.integers(4, size=48)
    np.add.at(happened, (part, place), 1.0)
    basis, base = rng.standard_normal((4, 2)), np.log(np.full(4, 10.0))
    decay = np.r_[0.0, np.full(11, 0.9)]
    state, spread, _ = _posterior_mode(basis, base, happened, decay)
    short = _leave_one_out(basis, base, state, spread, part, place)
    for j in (0, 20, 47):
        without = happened.copy()
        without[part[j], place[j]] -= 1
        base_without = base.copy()
        base_without[place[j]] = np.log(9.0)
        other, _, _ = _posterior_mode(basis, base, without, decay)
        share = np.exp(base_without + basis @ other[part[j]])
        assert short[j] == pytest.approx(share[place[j]] / share.sum(), rel=0.03)


def test_the_evidence_of_the_field_equals_numerical_integration():
    """Compare Laplace's approximation with the integral: one component, two places, two bins."""
    basis, base, decay = np.array([[0.5], [-0.5]]), np.zeros(2), 0.6
    left = np.array([0.0, decay])
    happened = np.array([[3.0, 1.0], [1.0, 2.0]])
    state, spread, evidence = _posterior_mode(basis, base, happened, left)
    grid = np.linspace(-6, 6, 401)
    first, second = np.meshgrid(grid, grid, indexing="ij")
    prior = first**2 - 2 * decay * first * second + second**2
    prior = -prior / (2 * (1 - decay**2)) - np.log(2 * np.pi * np.sqrt(1 - decay**2))
    density = prior - np.log1p(np.exp(-first)) * 3 - np.log1p(np.exp(first))
    density = density - np.log1p(np.exp(-second)) - np.log1p(np.exp(second)) * 2
    step = (grid[1] - grid[0]) ** 2
    assert evidence == pytest.approx(np.log(np.exp(density).sum() * step), abs=0.03)
    weight = np.exp(density - density.max())
    assert state[0, 0] == pytest.approx((weight * first).sum() / weight.sum(), abs=0.1)
    variance = (weight * first**2).sum() / weight.sum() - (
        (weight * first).sum() / weight.sum()
    ) ** 2
    assert spread[0, 0, 0] == pytest.approx(variance, abs=0.05)


def test_places_without_coordinates_depend_on_their_own_events():
    day = 86_400e6
    at = np.arange(0.0, 300.0, 2.5) * day
    place = (at / (60 * day)).astype(int)
    field = estimate_place_intensity(at, at, place, np.full((5, 2), np.nan), span=300 * day)
    assert field.amplitude > 0
    middle = (at / day % 60 > 10) & (at / day % 60 < 50)
    assert (field.log_share.argmax(axis=1) == place)[middle].all()


@pytest.mark.parametrize("places", [1, 2])
def test_a_field_of_few_places_or_no_events(places):
    xy = on_a_line(places)
    nothing = np.zeros(0)
    field = estimate_place_intensity(
        np.array([5.0]), nothing, nothing.astype(np.int64), xy, span=10.0
    )
    assert np.exp(field.log_share[0]) == pytest.approx(np.full(places, 1 / places))
    assert len(field.expected_share) == 0
    single = estimate_place_intensity(
        np.array([5.0]), np.array([3.0]), np.zeros(1, np.int64), xy, span=10.0
    )
    assert np.isfinite(single.log_share).all()
    assert single.expected_share == pytest.approx(1 / places)


def test_distances_to_unknown_places_are_infinite():
    distance = planar_distances(np.array([[0.0, 0.0], [3.0, 4.0], [np.nan, np.nan]]))
    assert distance[0, 1] == median_neighbour_distance(distance) == 5
    assert np.isinf(distance[0, 2])
    assert median_neighbour_distance(planar_distances(np.full((2, 2), np.nan))) == 0


def weights_pair_by_pair(posted, happened, event_start, place_of_label, decoded, confirmed, window):
    """Return the weight of each signal, label and event by its definition."""
    weights = {}
    for i, label in np.ndindex(posted.shape[1], len(place_of_label)):
        place = place_of_label[label]
        for j in range(event_start[place], event_start[place + 1]):
            after = happened[:, j] - posted[:, i]
            inside = (after >= 0) & (after <= window)
            if decoded[label] <= confirmed[j] and inside.any():
                weights[i, label, j] = np.where(inside, 1 - after / window / 2, 0).mean()
    return weights


@pytest.mark.parametrize("draws", [1, 8])
@pytest.mark.parametrize("width", [0.0, 3.0, 40.0])
def test_pair_weights_equal_those_computed_pair_by_pair(draws, width):
    rng = np.random.default_rng(draws)
    posted = rng.uniform(0, 90, 25) + rng.uniform(0, width, (draws, 25))
    happened = rng.uniform(0, 90, 40) + rng.uniform(0, width, (draws, 40))
    event_start = np.array([0, 10, 10, 40])
    place_of_label, decoded = np.array([0, 1, 2, 2]), np.array([-np.inf, 0.0, 20.0, -np.inf])
    confirmed = rng.uniform(0, 90, 40)
    arrays = posted, happened, event_start, place_of_label, decoded, confirmed
    row, event, weight = kernels.pair_weights(*arrays, 0.0, 7.0, unweighted=False)
    weights = {}
    for key in range(len(row) - 1):
        for k in range(row[key], row[key + 1]):
            weights[key // 4, key % 4, int(event[k])] = weight[k]
    expected = weights_pair_by_pair(*arrays, 7.0)
    assert len(expected) > 20
    assert weights == pytest.approx(expected)


def test_labels_are_writable_so_that_kernels_are_compiled_once():
    labels = make_labels(
        np.array([2, 0, 2, 1]), np.array([0.0, -np.inf, 5.0, 3.0]), np.zeros(4, np.int64)
    )
    assert all(array.flags.writeable and array.flags.c_contiguous for array in labels)
