"""The factor by which posts would have to prefer places whose events follow."""

import numpy as np
import pandas as pd
import pytest

from foxgrape import FoxgrapeError, open_study, simulate
from foxgrape.stats.coincidence.sensitivity import _factor, sensitivity

DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2022-01-01", tz="UTC")
OBSERVED = (START, START + 400 * DAY)


def biased_world(factor, seed, *, n_signals=300, n_events=150, n_places=12):
    """Make posts that name a place `factor` times as often where an event follows within a week."""
    rng = np.random.default_rng(seed)
    happened, place = rng.uniform(0, 400, n_events), rng.integers(0, n_places, n_events)
    posted = rng.uniform(0, 390, n_signals)
    after = happened - posted[:, None]
    soon = ((after >= 0) & (after <= 7)).astype(float)
    follows = (soon @ (place[:, None] == np.arange(n_places))) > 0
    weight = np.where(follows, factor, 1.0)
    named = [rng.choice(n_places, p=row / row.sum()) for row in weight]
    signals = pd.DataFrame(
        {
            "signal_id": [f"s{n}" for n in range(n_signals)],
            "place_id": [f"my:{n}" for n in named],
            "posted_at": START + pd.to_timedelta(posted, unit="D").round("s"),
        }
    )
    at = START + pd.to_timedelta(happened, unit="D").round("s")
    events = pd.DataFrame(
        {
            "event_id": [f"e{n}" for n in range(n_events)],
            "place_id": [f"my:{n}" for n in place],
            "lat": 48 + place / 10,
            "lon": 37 + (place % 4) / 3,
            "occurred_at": at,
            "confirmed_at": at,
        }
    )
    return signals, events


def of(world, **options):
    return sensitivity(*world, window="7D", observed=OBSERVED, **{"n": 199, **options})


def test_factor_is_where_p_crosses_the_level():
    assert _factor(lambda factor: 0.01 * factor, 0.05) == pytest.approx(5, rel=0.021)
    assert _factor(lambda _: 0.06, 0.05) == 1
    assert _factor(lambda _: 0.01, 0.05) == np.inf


@pytest.mark.parametrize("null", ["place", "local"])
def test_estimate_recovers_the_planted_preference(null):
    """Medians of 40 worlds with Γ = 1.5, 2, 3 and 6 are within 8%; this is a small sample."""
    worlds = (
        biased_world(3.0, seed, n_signals=120, n_events=200, n_places=40) for seed in range(9)
    )
    assert np.median([of(world, null=null).estimate for world in worlds]) == pytest.approx(
        3.0, rel=0.15
    )


def test_limit_is_below_the_estimate_and_above_1_only_with_a_claim():
    strong, none = of(biased_world(4.0, 1)), of(biased_world(1.0, 2))
    assert 1 < strong.limit < strong.estimate
    assert strong.p_value <= 0.05 < none.p_value
    assert none.limit == 1
    assert "by a factor of " in strong.sentence()
    assert none.sentence() == "There is no claim of a lead whose sensitivity could be given."


def test_too_few_signals_claim_nothing():
    signals, events = biased_world(50.0, 3)
    few = of((signals.head(15), events))
    assert few.sentence() == "There is no claim of a lead whose sensitivity could be given."


def test_without_signals_or_events_nothing_is_claimed():
    signals, events = biased_world(3.0, 4)
    for world in ((signals.head(0), events), (signals, events.head(0))):
        result = of(world)
        assert (result.limit, result.estimate) == (1, 1)
        assert np.isnan(result.p_value)


def test_same_seed_same_factors_for_any_number_of_threads():
    world = biased_world(3.0, 5)
    assert of(world) == of(world, threads=3)
    assert of(world).to_dict()["limit"] == of(world).limit


def test_null_models_without_exchange_are_refused():
    with pytest.raises(FoxgrapeError, match="unknown null model"):
        of(biased_world(3.0, 6), null="circular")


def test_a_planted_lead_needs_a_strong_preference():
    world = simulate.world(signals=120, leads=0.5, rng=3)
    result = sensitivity(world.signals, world.events, window="7D", observed=world.observed, n=199)
    assert result.limit > 1.5


def test_an_analysis_uses_its_clock_and_observation():
    analysis = open_study().analyse()
    assert analysis.sensitivity(n=99).n_signals == analysis.coincidence(n=99).n_signals
