"""Simulated worlds have the requested tempo, announcements and observation period."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from foxgrape import FoxgrapeError, coincidence
from foxgrape.stats import simulate

DAY = pd.Timedelta(days=1)


def days_of(world):
    return ((world.signals["posted_at"] - world.observed[0]) / DAY).to_numpy()


def periodicity(at, length=120):
    """Return the periodicity of times: 0 for none, 1 if all have the same phase."""
    return float(np.abs(np.exp(2j * np.pi * at / length).mean()))


def test_a_growing_world_grows_linearly():
    """A density proportional to t has its median at 1/√2 and its mean at 2/3."""
    at = days_of(simulate.world(signals=2000, events=10, days=360, tempo="growing", rng=1)) / 360
    assert np.median(at) == pytest.approx(np.sqrt(0.5), abs=0.03)
    assert at.mean() == pytest.approx(2 / 3, abs=0.02)
    assert (at < 0.25).mean() == pytest.approx(1 / 16, abs=0.02)


def test_waves_come_every_120_days():
    """A density proportional to (1/2 + 1/2 sin)^1.5 has a periodicity of three fifths."""
    waves, even = (
        days_of(simulate.world(signals=2000, events=10, days=360, tempo=tempo, rng=1))
        for tempo in ("waves", "even")
    )
    assert periodicity(waves) == pytest.approx(0.6, abs=0.05)
    assert periodicity(even) < 0.07
    assert periodicity(waves, 90) < 0.1


def test_without_events_nothing_is_announced():
    lone = simulate.world(signals=20, events=0, announced=1.0, rng=1)
    assert len(lone.signals) == 20
    assert lone.events.empty


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tempo": "wave"}, "unknown tempo; got 'wave'. Hint: did you mean 'waves'?"),
        ({"leads": 1.5}, "leads must be a share from 0 to 1; got 1.5"),
        (
            {"places": 0},
            (
                "a world needs at least 1 place, 1 day, 0 signals and 0 events; got 0 places, "
                "365 days, 60 signals and 120 events"
            ),
        ),
    ],
)
def test_invalid_options_are_refused(options, message):
    with pytest.raises(FoxgrapeError) as refused:
        simulate.world(**options)
    assert str(refused.value) == message


def test_observation_defaults_to_the_first_and_last_instant():
    """Only times on the requested clock count."""
    start = pd.Timestamp("2022-01-01T00:00Z")
    posted = pd.DataFrame(
        {
            "signal_id": ["s0", "s1"],
            "place_id": "x:a",
            "posted_at": [start + 2 * DAY, start + 9 * DAY],
            "posted_until": [start + 3 * DAY, start + 11 * DAY],
        }
    )
    happened = pd.DataFrame(
        {
            "event_id": ["e0", "e1"],
            "place_id": "x:a",
            "occurred_at": [start + 1 * DAY, start + 10 * DAY],
            "occurred_until": [start + 4 * DAY, start + 12 * DAY],
            "confirmed_at": [start + 5 * DAY, start + 20 * DAY],
        }
    )
    options = {"window": "3D", "null": "place", "n": 9}
    by_clock = {
        clock: coincidence(posted, happened, clock=clock, **options).observed
        for clock in ("occurred", "confirmed")
    }
    assert by_clock == {
        "occurred": (start + 1 * DAY, start + 12 * DAY),
        "confirmed": (start + 2 * DAY, start + 20 * DAY),
    }
    nothing = coincidence(posted.iloc[:0], happened.iloc[:0], **options)
    assert (nothing.n_signals, nothing.n_events) == (0, 0)
    assert nothing.observed[0] < nothing.observed[1]
