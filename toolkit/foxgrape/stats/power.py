"""How many signals does it take to see a given effect? Power, in worlds like the study's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape._util.formatting import counted
from foxgrape.errors import FoxgrapeError
from foxgrape.stats.coincidence.point_pattern import PointPattern, labels
from foxgrape.stats.coincidence.significance import p_values
from foxgrape.stats.coincidence.surrogates import draw_surrogates, validate_null
from foxgrape.stats.inputs import duration_us
from foxgrape.stats.simulate import _make_arrays, _WorldArrays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from foxgrape.stats.coincidence.event_coincidence import Coincidence

__all__ = ["Power", "estimate_power", "simulate_pattern", "world_parameters_from"]

_DAY = 86_400e6
_LEVEL = 0.05
_ENOUGH = 0.8
_SLOW = 2.5
_SMALLEST = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Power:
    """In how many made worlds a lead is seen, by the number of signals.

    Attributes
    ----------
    table
        One row a number of signals: ``signals``, ``power``.
    leads
        The effect: share of signals behind which an event is planted.
    world
        What the worlds are like: arguments of `simulate.world`.
    null, worlds, seed
        How it was tested, in how many worlds each, and the seed.
    """

    table: pd.DataFrame
    leads: float
    world: Mapping[str, Any]
    null: str
    worlds: int
    seed: int

    @property
    def needed(self) -> int | None:
        """Fewest of the signals tried that see the effect four times in five; None if none do."""
        enough = self.table.loc[self.table["power"] >= _ENOUGH, "signals"]
        return int(enough.iloc[0]) if len(enough) else None

    def sentence(self) -> str:
        """Say how many signals it takes."""
        effect = f"events behind {self.leads:.0%} of the signals"
        if self.needed is None:
            most = int(self.table["signals"].max())
            do = "does" if most == 1 else "do"
            return f"{counted(most, 'signal')} {do} not see {effect} four times in five."
        return (
            f"It takes about {counted(self.needed, 'signal')} to see {effect} four times in five."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a number of signals."""
        return self.table.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "needed": self.needed,
            "leads": self.leads,
            "null": self.null,
            "worlds": self.worlds,
            "seed": self.seed,
            "world": dict(self.world),
            "table": self.table.to_dict("records"),
            "sentence": self.sentence(),
        }


def estimate_power(
    world: Mapping[str, Any],
    *,
    leads: float = 0.15,
    window: str = "7D",
    signals: Sequence[int] = (10, 20, 40, 80, 160, 320),
    null: str = "local",
    worlds: int = 200,
    n: int = 199,
    rng: int = 0,
) -> Power:
    """Tell in how many made worlds a lead is seen, for each number of signals.

    Parameters
    ----------
    world
        What the worlds are like: arguments of `simulate.world`, as from `like`.
    leads
        Share of signals behind which an event is planted.
    window, null, n
        As `coincidence` takes them.
    signals
        Numbers of signals to try.
    worlds
        How many worlds for each.
    rng
        Seed.

    Returns
    -------
    Power

    Examples
    --------
    >>> told = power({"events": 60, "places": 20}, leads=0.5, signals=(5, 60), worlds=20, n=99)
    >>> told.needed
    60
    """
    if not 0 < leads <= 1:
        raise FoxgrapeError("bad share of leads", expected="above 0, at most 1", got=leads)
    validate_null(null, n)
    if worlds < 1 or not signals:
        raise FoxgrapeError("nothing to try", expected="a number of signals, and 1 world or more")
    days = duration_us(window, "window") / _DAY
    rows = []
    for count in signals:
        seen = 0
        for number in range(worlds):
            options = {**world, "signals": count, "leads": leads}
            generator = np.random.default_rng([rng, count, number])
            one = simulate_pattern(
                _make_arrays(generator, **options), (days,), options.get("days", 365)
            )
            p = p_values(draw_surrogates(one, null, n, number))[1][:, -1, 0].min()
            seen += bool(p <= _LEVEL)
        rows.append({"signals": count, "power": seen / worlds})
    return Power(pd.DataFrame(rows), leads, dict(world), null, worlds, rng)


def world_parameters_from(found: Coincidence) -> dict[str, Any]:
    """Describe a world like the one that was tested: as many events and places, tempo and front.

    Where signals and events share a front its speed is not known; a slow one is taken.
    """
    span = found.observed[1] - found.observed[0]
    return {
        "events": found.n_events,
        "places": max(1, found.n_places),
        "days": max(1, round(span / pd.Timedelta(days=1))),
        "size": round(max(_SMALLEST, found.map_size), 1),
        "tempo": "bursts" if found.tempo.found else "even",
        "front": _SLOW if found.front.found else 0.0,
    }


def simulate_pattern(
    world: _WorldArrays, windows: tuple[float, ...], days: int = 365
) -> PointPattern:
    """Turn a world in numbers into what null models work on; windows are in days.

    Examples
    --------
    >>> made_series(made(np.random.default_rng(0), signals=10), (7.0,)).draws
    1
    """
    label, place_of_label, decoded = labels(world.place, np.full(len(world.place), -np.inf))
    order = np.lexsort((world.happened[0], world.event_place))
    return PointPattern(
        low=world.posted[0] * _DAY,
        high=world.posted[1] * _DAY,
        label=label,
        group=np.zeros(len(label), np.int64),
        group_names=("all",),
        event_low=world.happened[0][order] * _DAY,
        event_high=world.happened[1][order] * _DAY,
        event_place=world.event_place[order],
        confirmed=np.full(len(order), np.inf),
        place_of_label=place_of_label,
        decoded=decoded,
        xy=world.where,
        start=0.0,
        span=days * _DAY,
        lag=0.0,
        windows=np.array(windows) * _DAY,
        seed=1,
    )
