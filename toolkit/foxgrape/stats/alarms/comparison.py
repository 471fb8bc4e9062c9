"""Comparison of two alarm functions on the same events, such as codes and plain names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape._util.formatting import counted
from foxgrape._util.result import Result
from foxgrape._util.small_numbers import are_few, too_few
from foxgrape.errors import FoxgrapeError
from foxgrape.stats.coincidence.surrogates import validate_null
from foxgrape.stats.inputs import LEVEL, as_seed

if TYPE_CHECKING:
    from foxgrape.stats.alarms.molchan import Alarm

__all__ = ["ALARM_NULLS", "Comparison", "compare"]

ALARM_NULLS = ("local", "place", "uniform")
#: Number of random signs drawn per batch, to limit memory.
_CHUNK = 2_000_000


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Comparison(Result):
    """Difference in skill of two alarm functions on the same events.

    Attributes
    ----------
    difference
        Mean difference in area skill above chance, first minus second: positive if the first
        alarm function warned better.
    standard_error
        Standard error of the difference, clustered by place.
    p_value
        Two-sided p-value: how often the difference is at least as far from 0 when the two alarm
        functions are exchanged at random, place by place.
    n_events, n_places
        Number of events compared, and of their places.
    n_surrogates, seed
        Number of random exchanges, and their seed.
    n_signals
        Number of signals of the kind that has fewer.
    """

    difference: float
    standard_error: float
    p_value: float
    n_events: int
    n_places: int
    n_surrogates: int
    seed: int
    n_signals: int

    @property
    def warnings(self) -> tuple[str, ...]:
        """Caveats, in sentences."""
        smallest = 2.0 ** (1 - self.n_places)
        if smallest <= LEVEL:
            return ()
        places = counted(self.n_places, "place")
        return (f"With {places}, p cannot be smaller than {smallest:g}: too few to compare.",)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "warnings": list(self.warnings),
            "sentence": self.sentence(),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers as one row."""
        return pd.DataFrame([{name: getattr(self, name) for name in self.__slots__}])

    def sentence(
        self, first: str = "the first kind of signal", second: str = "the second kind"
    ) -> str:
        """Return the result in words, with the names of the two kinds of signal."""
        if are_few(self.n_signals):
            return f"{too_few(self.n_signals, 'to compare')}."
        statistics = (
            f"(standard error {self.standard_error:.3f}, p = {self.p_value:.2g}; "
            f"n = {counted(self.n_events, 'event')} at {counted(self.n_places, 'place')})"
        )
        if not self.difference:
            return f"Neither kind of signal warned better {statistics}."
        better, other = (first, second) if self.difference > 0 else (second, first)
        by = f"by {abs(self.difference):.3f} of area skill above chance {statistics}"
        if not self.p_value <= LEVEL:
            return (
                f"In these data {better} warned better than {other}, {by}. So large a difference "
                "is consistent with chance."
            )
        return f"{better[:1].upper()}{better[1:]} warned better than {other}, {by}."


def compare(
    first: Alarm,
    second: Alarm,
    *,
    n: int = 9999,
    rng: np.random.Generator | int | None = 0,
) -> Comparison:
    """Compare two alarm functions, event by event, by their skill above chance.

    A kind of signal with more posts raises more alarms, and these follow the front more closely.
    Therefore, the skill expected by chance under the alarms' null model is subtracted first.

    Parameters
    ----------
    first, second
        Alarms of two kinds of signals on the same events.
    n
        Number of random exchanges.
    rng
        Seed or generator of the exchanges; None draws a seed from fresh entropy.

    Returns
    -------
    Comparison

    Raises
    ------
    FoxgrapeError
        If the two alarms have different events or null models, or an option is invalid.

    Examples
    --------
    >>> from foxgrape import alarm
    >>> days = pd.date_range("2022-03-01", periods=40, freq="5D", tz="UTC")
    >>> places = [f"my:{n}" for n in np.random.default_rng(3).integers(0, 12, 40)]
    >>> events = pd.DataFrame({"event_id": [f"e{n}" for n in range(40)], "place_id": places,
    ...                        "occurred_at": days, "confirmed_at": days})
    >>> early, late = (alarm(pd.DataFrame({"signal_id": [f"s{n}" for n in range(40)],
    ...     "place_id": places, "posted_at": days + pd.Timedelta(shift)}), events,
    ...     window="2D", observed=("2022-03-01T00:00Z", "2022-09-12T00:00Z"))
    ...     for shift in ("-1D", "1D"))
    >>> compare(early, late).difference > 0
    True
    """
    validate_null(first.null, n, ALARM_NULLS)
    seed = as_seed(rng)
    if first.scores["event_id"].tolist() != second.scores["event_id"].tolist():
        raise FoxgrapeError(
            "the two alarms must have the same events; "
            f"got {first.n_events} and {second.n_events} events",
            hint="pass the same events and the same observed=(start, end) to both",
        )
    if first.null != second.null:
        raise FoxgrapeError(
            f"the two alarms must have the same null model; got {first.null} and {second.null}"
        )
    skills = [alarms.scores["score"] - alarms.scores["expected"] for alarms in (first, second)]
    by_place = (skills[0] - skills[1]).groupby(first.scores["place_id"]).sum().to_numpy()
    total, places = by_place.sum(), len(by_place)
    generator, reached = np.random.default_rng(seed), 0
    chunk = max(1, _CHUNK // places)
    for start in range(0, n, chunk):
        signs = generator.integers(0, 2, (min(chunk, n - start), places)) * 2 - 1
        # Equal sums may differ by rounding: count them as ties.
        reached += int((np.abs(signs @ by_place) >= abs(total) - 1e-9).sum())
    return Comparison(
        difference=float(total / first.n_events),
        standard_error=float(np.sqrt((by_place**2).sum()) / first.n_events),
        p_value=(reached + 1) / (n + 1),
        n_events=first.n_events,
        n_places=places,
        n_surrogates=n,
        seed=seed,
        n_signals=min(first.n_signals, second.n_signals),
    )
