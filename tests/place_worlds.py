"""Signals and events at numbered places, for tests of hazard and alarms."""

from __future__ import annotations

import numpy as np
import pandas as pd

from foxgrape.stats.hazard.risk_sets import DAY

START = pd.Timestamp("2022-03-01", tz="UTC")


def days(numbers):
    return START + pd.to_timedelta(np.asarray(numbers, dtype=float) * DAY, unit="us")


def events(at, places, **columns):
    """Return exact events, at these days, at these numbered places."""
    frame = {
        "event_id": [f"e{number}" for number in range(len(at))],
        "place_id": [f"my:{place}" for place in places],
        "occurred_at": days(at),
        "confirmed_at": days(at),
    }
    return pd.DataFrame(frame).assign(**columns)


def signals(at, places, **columns):
    frame = {
        "signal_id": [f"s{number}" for number in range(len(at))],
        "place_id": [f"my:{place}" for place in places],
        "posted_at": days(at),
    }
    return pd.DataFrame(frame).assign(**columns)


def planted(seed=0, number=80, places=12, led=0.5, located=True):
    """Return events at random places, and signals of which a share lead one by about a day."""
    rng = np.random.default_rng(seed)
    where = rng.uniform(40, 42, (places, 2))
    at, place = np.sort(rng.uniform(0, 300, number)), rng.integers(0, places, number)
    aim = rng.choice(number, number // 2, replace=False)
    leads = rng.random(len(aim)) < led
    post_at = np.where(
        leads, at[aim] - rng.uniform(0.5, 2, len(aim)), rng.uniform(0, 300, len(aim))
    )
    post_place = np.where(leads, place[aim], rng.integers(0, places, len(aim)))
    drawn = events(at, place)
    if located:
        drawn = drawn.assign(lat=where[place, 0], lon=where[place, 1])
    return signals(post_at, post_place), drawn


def moving(rng, step):
    """Return signals and events that share only a tempo and a front."""
    where = rng.uniform(0, 200, (25, 2))
    path = rng.uniform(50, 150, 2) + np.cumsum(rng.normal(0, step, (366, 2)), axis=0)
    path = 200 - np.abs(200 - path % 400)
    busy = np.exp(1.2 * np.sin(np.arange(365) / 20 + rng.uniform(0, 6)))

    def draw(number):
        at = np.sort(rng.choice(365, number, p=busy / busy.sum()) + rng.random(number))
        apart = ((where - path[at.astype(int)][:, None]) ** 2).sum(axis=2)
        weight = np.cumsum(np.exp(-apart / (2 * 25**2)) + 1e-12, axis=1)
        return at, (weight < rng.random((number, 1)) * weight[:, -1:]).sum(axis=1).clip(max=24)

    at, place = draw(120)
    drawn = events(at, place, lat=where[place, 1] / 111.195, lon=where[place, 0] / 111.195)
    return signals(*draw(60)), drawn


def molchan_trajectory(rate, measure, hits):
    """Return the fraction alarmed by level, and the level of each event.

    Cells with the highest rate are alarmed first, those of equal rate together.
    """
    level = np.unique(-np.asarray(rate), return_inverse=True)[1]
    alarmed = np.concatenate([[0.0], np.cumsum(np.bincount(level, measure)) / measure.sum()])
    return alarmed, np.repeat(level, hits)
