"""Power analysis: number of signals needed to detect an effect, by simulating similar data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape._util.formatting import counted
from foxgrape._util.result import Result
from foxgrape.errors import FoxgrapeError
from foxgrape.stats.coincidence.point_pattern import PointPattern, make_labels
from foxgrape.stats.coincidence.significance import p_values
from foxgrape.stats.coincidence.surrogates import draw_surrogates, validate_null
from foxgrape.stats.inputs import LEVEL, as_seed, duration_us
from foxgrape.stats.simulate import make_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from foxgrape.stats.coincidence.event_coincidence import Coincidence
    from foxgrape.stats.simulate import WorldArrays

__all__ = ["Power", "estimate_power", "simulate_pattern", "world_parameters_from"]

_DAY = 86_400e6
_TARGET = 0.8
#: With fewer simulated worlds, the standard error of a power of 80% exceeds 4 percentage points.
_MIN_WORLDS = 100
#: Assumed front speed (km per day) and minimum map size (km) of worlds that imitate a study.
_FRONT_SPEED, _MIN_SIZE = 2.5, 20.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Power(Result):
    """Share of simulated worlds in which leads are detected, by number of signals.

    Attributes
    ----------
    table
        One row per number of signals: ``signals``, ``power``.
    leads
        Effect size: share of signals followed by a planted event.
    world
        Arguments of `simulate.world`.
    null, worlds, seed
        Null model, number of simulated worlds per number of signals, and seed.
    """

    table: pd.DataFrame
    leads: float
    world: Mapping[str, Any]
    null: str
    worlds: int
    seed: int

    @property
    def needed(self) -> int | None:
        """Smallest number of signals tried that reached 80% power; None if none did."""
        enough = self.table.loc[self.table["power"] >= _TARGET, "signals"]
        return int(enough.iloc[0]) if len(enough) else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Caveats, in sentences."""
        if self.worlds >= _MIN_WORLDS:
            return ()
        return (f"{counted(self.worlds, 'world')} are too few for a precise estimate of power.",)

    def sentence(self) -> str:
        """Return a sentence with the number of signals needed."""
        effect = f"to detect events after {self.leads:.0%} of signals with 80% power"
        if self.needed is None:
            most = int(self.table["signals"].max())
            return f"{counted(most, 'signal')} {'is' if most == 1 else 'are'} too few {effect}."
        are = "is" if self.needed == 1 else "are"
        return f"About {counted(self.needed, 'signal')} {are} needed {effect}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per number of signals."""
        return self.table.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "needed": self.needed,
            "leads": self.leads,
            "null": self.null,
            "worlds": self.worlds,
            "seed": self.seed,
            "world": dict(self.world),
            "table": self.table.to_dict("records"),
            "warnings": list(self.warnings),
            "sentence": self.sentence(),
        }


def estimate_power(
    world: Mapping[str, Any],
    *,
    leads: float = 0.15,
    window: str | pd.Timedelta = "7D",
    signals: Sequence[int] = (10, 20, 40, 80, 160, 320),
    null: str = "local",
    worlds: int = 200,
    n: int = 199,
    rng: np.random.Generator | int | None = 0,
) -> Power:
    """Estimate in how many simulated worlds leads are detected, by number of signals.

    Parameters
    ----------
    world
        Arguments of `simulate.world`, for example from `world_parameters_from`.
    leads
        Share of signals followed by a planted event.
    window, null, n
        Window, null model and number of surrogates, as in `coincidence`.
    signals
        Numbers of signals to try.
    worlds
        Number of simulated worlds per number of signals.
    rng
        Seed or generator; None draws a seed from fresh entropy.

    Returns
    -------
    Power

    Examples
    --------
    >>> power = estimate_power({"events": 60, "places": 20}, leads=0.5, signals=(5, 60),
    ...                        worlds=20, n=99)
    >>> power.needed
    60
    """
    if not 0 < leads <= 1:
        raise FoxgrapeError("leads must be a share above 0 and at most 1", got=leads)
    validate_null(null, n)
    if worlds < 1 or not signals:
        raise FoxgrapeError(
            "power needs at least 1 world and 1 number of signals; "
            f"got {worlds} worlds and {len(signals)} numbers of signals"
        )
    days, seed = duration_us(window, "window") / _DAY, as_seed(rng)
    rows = []
    for count in signals:
        detected = 0
        for number in range(worlds):
            options = {**world, "signals": count, "leads": leads}
            arrays = make_arrays(np.random.default_rng([seed, count, number]), **options)
            pattern = simulate_pattern(arrays, (days,), options.get("days", 365))
            _, adjusted = p_values(draw_surrogates(pattern, null, n, number))
            detected += bool(adjusted[:, -1, 0].min() <= LEVEL)
        rows.append({"signals": count, "power": detected / worlds})
    return Power(pd.DataFrame(rows), leads, dict(world), null, worlds, seed)


def world_parameters_from(result: Coincidence) -> dict[str, Any]:
    """Return arguments of `simulate.world` that imitate the tested data.

    The simulated worlds have as many events and places as the data. They have bursts if signals
    and events share a tempo, and a front if both move along a front. The front's speed is
    unknown, so a slow front is assumed.
    """
    span = result.observed[1] - result.observed[0]
    return {
        "events": result.n_events,
        "places": max(1, result.n_places),
        "days": max(1, round(span / pd.Timedelta(days=1))),
        "size": round(max(_MIN_SIZE, result.map_size), 1),
        "tempo": "bursts" if result.tempo.significant else "even",
        "front": _FRONT_SPEED if result.front.significant else 0.0,
    }


def simulate_pattern(
    world: WorldArrays, windows: tuple[float, ...], days: int = 365
) -> PointPattern:
    """Convert a simulated world to a `PointPattern`; `windows` are in days.

    Examples
    --------
    >>> simulate_pattern(make_arrays(np.random.default_rng(0), signals=10), (7.0,)).draws
    1
    """
    n = len(world.place)
    one_group = np.zeros(n, np.int64)
    label, place_of_label, decoded, _ = make_labels(world.place, np.full(n, -np.inf), one_group)
    order = np.lexsort((world.happened[0], world.event_place))
    return PointPattern(
        low=world.posted[0] * _DAY,
        high=world.posted[1] * _DAY,
        label=label,
        group=one_group,
        group_names=("all",),
        event_low=world.happened[0][order] * _DAY,
        event_high=world.happened[1][order] * _DAY,
        event_place=world.event_place[order],
        confirmed=np.full(len(order), np.inf),
        place_of_label=place_of_label,
        decoded=decoded,
        xy=world.xy,
        start=0.0,
        span=days * _DAY,
        lag=0.0,
        windows=np.array(windows) * _DAY,
        seed=1,
    )
