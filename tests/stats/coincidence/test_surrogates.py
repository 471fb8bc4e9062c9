"""Null models: what each keeps and destroys, against pyunicorn where it is right, and where not."""

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
from foxgrape.stats.coincidence.surrogates import _episodes, draw_surrogates
from foxgrape.stats.inputs import median_neighbour_distance, planar_distances
from foxgrape.stats.power import simulate_pattern
from foxgrape.stats.simulate import make_arrays

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "golden" / "pyunicorn_rates.json").read_text("utf-8")
)
START = pd.Timestamp("2022-01-01T00:00Z")


def table(steps, name, at):
    """Return a table of events at one place, a time step being an hour."""
    hours = [START + pd.Timedelta(hours=step) for step in steps]
    ids = [f"{name}{number}" for number in range(len(steps))]
    return pd.DataFrame({f"{name}_id": ids, "place_id": "x:1", f"{at}_at": hours})


def ask(signals, events, window, steps, **options):
    observed = (START, START + pd.Timedelta(hours=steps - 1))
    return coincidence(
        table(signals, "signal", "posted"),
        table(events, "event", "occurred"),
        window=f"{window}h",
        observed=observed,
        **{"n": 9} | options,
    )


@pytest.mark.parametrize("case", GOLDEN["shared"])
def test_rates_equal_those_of_pyunicorn_where_its_edges_do_no_harm(case):
    """It does not count the sentinels at one end, which coincide with nothing."""
    signals, events = case["signals"], case["events"]
    result = ask(signals, events, case["window"], GOLDEN["steps"], lag=f"{case['lag']}h")
    n, m = len(signals), len(events)
    assert result.trigger_rate * n / (n - 1) == pytest.approx(case["trigger"], abs=1e-6)
    assert result.precursor_rate * m / (m - 1) == pytest.approx(case["precursor"], abs=1e-6)


def test_pyunicorn_has_p_0_where_all_coincides_and_we_have_the_true_one():
    """The chance that six of six coincide: 1 - (1 - w/T)^6 for each, by its own formula's terms."""
    case = GOLDEN["all_coincide"]
    assert (case["rate"], case["levels"]["analytic"]) == (1.0, 1.0)
    result = ask(
        case["signals"], case["events"], case["window"], case["steps"], null="uniform", n=20_000
    )
    assert result.trigger_rate == 1
    rng = np.random.default_rng(0)
    span, window = case["steps"] - 1, case["window"]
    posted = rng.random((20_000, 6, 1)) * span
    after = rng.random((20_000, 1, 6)) * span - posted
    weight = np.where((after >= 0) & (after <= window), 1 - 0.5 * after / window, 0).max(axis=2)
    reached = weight.sum(axis=1) >= 6 * (1 - 0.5 * 2 / window) - 1e-9
    assert reached.mean() > 0
    assert result.p_trigger == pytest.approx((1 + reached.sum()) / 20_001, abs=0.002)


def test_pyunicorn_says_p_is_0_where_no_surrogate_comes_near_and_we_never_do():
    case = GOLDEN["never_again"]
    assert case["level"] == 1.0
    result = ask(case["signals"], case["events"], case["window"], 112, null="shuffle", n=1000)
    assert result.p_trigger >= 1 / 1001


def test_pyunicorn_takes_its_edges_from_the_first_and_last_event():
    """It does not count a last signal, however well it was followed before observation ended."""
    result = ask([10, 50], [12, 52], 5, 1000)
    assert result.trigger_rate == 1
    assert result.n_censored == 0


def test_late_time_steps_are_as_good_as_early_ones():
    """Past step 32,767 pyunicorn's synchronisation wraps around; nothing of ours does."""
    case = GOLDEN["shifted"]
    assert case["early"] != case["late"]
    one, other = (np.array(steps) for steps in case["events"])
    early = ask(one.tolist(), other.tolist(), 5, 40_000, rng=1)
    late = ask((one + case["offset"]).tolist(), (other + case["offset"]).tolist(), 5, 40_000, rng=1)
    assert early.trigger_rate == late.trigger_rate == 1


def redrawn(null, posted, span=100.0):
    """Return one redrawn series of one place."""
    values, identity = np.array(posted, dtype=float), np.zeros(len(posted), np.int64)
    start = np.array([0, len(posted)])
    state = np.array([12345], dtype=np.uint64)
    low = np.array(posted, dtype=float)
    kernels._resample_times(state, null, low, low, start, span, 30.0, values, identity)
    return values, identity


def test_uniform_draws_lie_within_observation_in_order():
    values, identity = redrawn(kernels.UNIFORM, [1, 2, 3, 50])
    assert (np.diff(values) > 0).all()
    assert values[0] > 0
    assert values[-1] < 100
    assert sorted(identity) == [0, 1, 2, 3]


def test_shuffle_keeps_the_waiting_times_those_at_the_edges_too():
    posted = [1.0, 3.0, 8.0, 50.0]
    values, _ = redrawn(kernels.SHUFFLE, posted)
    waits = np.diff([0, *values, 100])
    assert sorted(waits) == pytest.approx(sorted(np.diff([0, *posted, 100])))


def test_circular_keeps_who_follows_whom_around_the_circle():
    values, identity = redrawn(kernels.CIRCULAR, [1, 2, 3, 80])
    assert values.tolist() == [10, 31, 32, 33]
    assert identity.tolist() == [3, 0, 1, 2]


def test_the_first_two_moments_of_the_uniform_null():
    """Mean and variance of the number followed, of one signal and one event, by hand."""
    one = np.array([50.0])
    nothing = np.zeros(1, np.int64)
    data = kernels.KernelInput(
        one, one, np.array([0, 1]), np.array([-np.inf]), nothing, 1, one, one, np.array([0, 1]),
        np.array([np.inf]), 100.0, 0.0, np.array([20.0]), unweighted=True,
    )  # fmt: skip
    out = kernels.resample_statistics(0, 40_000, 3, kernels.UNIFORM, data)
    share = 0.2 - 0.2**2 / 2
    assert out[:, 0, 1, 0].mean() == pytest.approx(share, abs=4 * np.sqrt(share / 40_000))


def share_unchanged(log_share, label, steps, n=4000):
    """Return the arrangements that the chain leads to, for two units and two places."""
    unchanged = []
    for number in range(n):
        new = label.copy()
        kernels._swap_labels(kernels.stream(7, number), log_share, new, np.arange(2), steps)
        unchanged.append(new[0] == 0)
    return np.mean(unchanged)


def test_the_chain_visits_arrangements_as_often_as_the_field_says():
    """Two units, two places: the odds of the two arrangements are those of the field."""
    log_share = np.log(np.array([[0.8, 0.2], [0.4, 0.6]]))
    odds = (0.8 * 0.6) / (0.2 * 0.4)
    share = share_unchanged(log_share, np.array([0, 1]), 40)
    assert share == pytest.approx(odds / (1 + odds), abs=0.02)


def test_episodes_are_exchanged_whole_and_count_once():
    world = make_arrays(np.random.default_rng(3), signals=40, clustered=0.7)
    pattern = simulate_pattern(world, (7.0,))
    units, _ = _episodes(pattern)
    assert units.unit.max() + 1 == len(units.label) < 40
    assert (pattern.label == units.label[units.unit]).all()
    assert np.bincount(units.unit, units.weight) == pytest.approx(1.0)


def test_surrogates_are_the_same_in_one_piece_or_many():
    pattern = simulate_pattern(make_arrays(np.random.default_rng(1)), (7.0,))
    for null in ("shuffle", "place", "local"):
        simulated = draw_surrogates(pattern, null, 50, 9).simulated
        assert (draw_surrogates(pattern, null, 50, 9, threads=3).simulated == simulated).all()
        assert len(np.unique(simulated)) > 5


def on_a_line(n=13):
    return np.column_stack([np.linspace(0, 300, n), np.zeros(n)])


def test_the_field_follows_the_front_and_is_still_where_there_is_none():
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


def test_an_event_has_no_say_in_how_much_it_was_expected():
    """Of a still field: the share of its place without it, by counting."""
    day = 86_400e6
    place = np.array([0, 0, 1])
    field = estimate_place_intensity(
        np.zeros(1), np.array([1.0, 60.0, 90.0]) * day, place, on_a_line(3), span=100 * day
    )
    assert field.amplitude == 0
    assert field.expected_share == pytest.approx([2 / 5, 2 / 5, 1 / 5])


def test_what_is_left_out_of_a_field_is_what_a_field_without_it_says():
    """The short cut for leaving one event out, against a fit without it."""
    rng = np.random.default_rng(4)
    happened = np.zeros((12, 4))
    part, place = np.repeat(np.arange(12), 4), rng.integers(4, size=48)
    np.add.at(happened, (part, place), 1.0)
    basis, liked = rng.standard_normal((4, 2)), np.log(np.full(4, 10.0))
    forgets = np.r_[0.0, np.full(11, 0.9)]
    state, spread, _ = _posterior_mode(basis, liked, happened, forgets)
    short = _leave_one_out(basis, liked, state, spread, part, place)
    for j in (0, 20, 47):
        without = happened.copy()
        without[part[j], place[j]] -= 1
        liked_without = liked.copy()
        liked_without[place[j]] = np.log(9.0)
        other, _, _ = _posterior_mode(basis, liked, without, forgets)
        share = np.exp(liked_without + basis @ other[part[j]])
        assert short[j] == pytest.approx(share[place[j]] / share.sum(), rel=0.03)


def test_the_evidence_of_a_field_is_what_integrating_says():
    """One surface, two places, two parts: Laplace's approximation against the integral."""
    basis, liked, forgets = np.array([[0.5], [-0.5]]), np.zeros(2), 0.6
    left = np.array([0.0, forgets])
    happened = np.array([[3.0, 1.0], [1.0, 2.0]])
    state, spread, evidence = _posterior_mode(basis, liked, happened, left)
    grid = np.linspace(-6, 6, 401)
    one, two = np.meshgrid(grid, grid, indexing="ij")
    prior = one**2 - 2 * forgets * one * two + two**2
    prior = -prior / (2 * (1 - forgets**2)) - np.log(2 * np.pi * np.sqrt(1 - forgets**2))
    said = prior - np.log1p(np.exp(-one)) * 3 - np.log1p(np.exp(one))
    said = said - np.log1p(np.exp(-two)) - np.log1p(np.exp(two)) * 2
    step = (grid[1] - grid[0]) ** 2
    assert evidence == pytest.approx(np.log(np.exp(said).sum() * step), abs=0.03)
    weight = np.exp(said - said.max())
    assert state[0, 0] == pytest.approx((weight * one).sum() / weight.sum(), abs=0.1)
    variance = (weight * one**2).sum() / weight.sum() - ((weight * one).sum() / weight.sum()) ** 2
    assert spread[0, 0, 0] == pytest.approx(variance, abs=0.05)


def test_places_without_coordinates_are_known_by_their_own_events():
    day = 86_400e6
    at = np.arange(0.0, 300.0, 2.5) * day
    place = (at / (60 * day)).astype(int)
    field = estimate_place_intensity(at, at, place, np.full((5, 2), np.nan), span=300 * day)
    assert field.amplitude > 0
    middle = (at / day % 60 > 10) & (at / day % 60 < 50)
    assert (field.log_share.argmax(axis=1) == place)[middle].all()


@pytest.mark.parametrize("places", [1, 2])
def test_a_field_of_one_place_or_two_and_of_no_event(places):
    xy = on_a_line(places)
    nothing = np.zeros(0)
    field = estimate_place_intensity(
        np.array([5.0]), nothing, nothing.astype(np.int64), xy, span=10.0
    )
    assert np.exp(field.log_share[0]) == pytest.approx(np.full(places, 1 / places))
    assert len(field.expected_share) == 0
    one = estimate_place_intensity(
        np.array([5.0]), np.array([3.0]), np.zeros(1, np.int64), xy, span=10.0
    )
    assert np.isfinite(one.log_share).all()
    assert one.expected_share == pytest.approx(1 / places)


def test_distances_between_places_known_and_unknown():
    distance = planar_distances(np.array([[0.0, 0.0], [3.0, 4.0], [np.nan, np.nan]]))
    assert distance[0, 1] == median_neighbour_distance(distance) == 5
    assert np.isinf(distance[0, 2])
    assert median_neighbour_distance(planar_distances(np.full((2, 2), np.nan))) == 0
