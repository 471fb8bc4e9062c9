"""Groups of signals by the place or code that they name are compared with the same place."""

import numpy as np
import pandas as pd
import pytest

from foxgrape import coincidence

DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2022-01-01", tz="UTC")
OBSERVED = (START, START + 365 * DAY)


def world(seed, *, leads=0):
    """Make a place with ten times as many events as the others, and posts that know nothing.

    `leads` of the posts for the place with most events come a day before one of its events.
    """
    rng = np.random.default_rng(seed)
    place = np.concatenate([np.zeros(60, int), np.repeat(np.arange(1, 11), 6)])
    happened = rng.uniform(0, 365, len(place))
    named = np.repeat(np.arange(11), 30)
    posted = rng.uniform(0, 350, len(named))
    posted[:leads] = np.clip(rng.permutation(happened[:60])[:leads] - 1, 0, 350)
    at = START + pd.to_timedelta(happened, unit="D").round("s")
    events = pd.DataFrame(
        {
            "event_id": [f"e{n}" for n in range(len(place))],
            "place_id": [f"my:{n}" for n in place],
            "lat": 48 + place % 4,
            "lon": 30 + place // 4,
            "occurred_at": at,
            "confirmed_at": at,
        }
    )
    signals = pd.DataFrame(
        {
            "signal_id": [f"s{n}" for n in range(len(named))],
            "place_id": [f"my:{n}" for n in named],
            "code": [f"c{n}" for n in named],
            "posted_at": START + pd.to_timedelta(posted, unit="D").round("s"),
        }
    )
    return signals, events


def p_of_most_events(seed, by, null, **options):
    result = coincidence(
        *world(seed, **options), window="7D", by=by, null=null, n=199, observed=OBSERVED
    )
    return result.groups.sort_values("trigger_rate")["p_trigger"].iloc[-1]


@pytest.mark.parametrize(
    ("by", "null"), [("place_id", "local"), ("place_id", "place"), ("code", "local")]
)
def test_a_place_with_many_events_is_no_evidence(by, null):
    """Its posts are followed more often than those for other places, whatever they know.

    If groups stayed with the posts, p would be 0.005 under `place` and 0.03 to 0.17 under `local`.
    """
    p = [p_of_most_events(seed, by, null) for seed in range(12)]
    assert np.median(p) > 0.2
    assert sum(value <= 0.05 for value in p) <= 3


@pytest.mark.parametrize("null", ["local", "place"])
def test_posts_that_lead_at_a_place_with_many_events_are_evidence(null):
    assert p_of_most_events(1, "place_id", null, leads=20) <= 0.02


def test_groups_of_places_sum_to_all_signals():
    signals, events = world(3)
    alone = coincidence(signals, events, window="7D", n=99, observed=OBSERVED)
    signals["code"] = np.where(np.arange(len(signals)) % 2, "a", "b")
    for by in ("place_id", "code"):
        grouped = coincidence(signals, events, window="7D", n=99, observed=OBSERVED, by=by)
        assert grouped.groups["n_signals"].sum() == alone.n_signals
        assert grouped.p_trigger == alone.p_trigger
