"""Did one kind of signal warn better than another of the same events? Codes against plain names."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape._util.formatting import counted
from foxgrape.errors import FoxgrapeError
from foxgrape.stats.alarms.null_models import NULLS
from foxgrape.stats.coincidence.surrogates import as_seed, validate_null

if TYPE_CHECKING:
    from foxgrape.stats.alarms.molchan_test import Alarm

__all__ = ["Comparison", "compare"]

_CHUNK = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two alarm functions on the same events.

    Attributes
    ----------
    difference
        Mean difference of their skill above what chance would give each: above 0, the first
        warned better.
    standard_error
        Of the difference, clustered by place.
    p_value
        How often the difference would be as far from 0, were the two exchanged at random, place by
        place; two-sided.
    n_events, n_places
        Events compared, and the places at which they were: the number of exchanges rests on these.
    n_surrogates, seed
        How often they were exchanged, and from which seed.
    """

    difference: float
    standard_error: float
    p_value: float
    n_events: int
    n_places: int
    n_surrogates: int
    seed: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}

    def to_frame(self) -> pd.DataFrame:
        """Return the result as one row."""
        return pd.DataFrame([self.to_dict()])

    def sentence(self) -> str:
        """Say the result in words."""
        found = (
            f"(standard error {self.standard_error:.3f}, p = {self.p_value:.2g}; "
            f"n = {counted(self.n_events, 'event')} at {counted(self.n_places, 'place')})"
        )
        if not self.difference:
            return f"Neither warned better {found}."
        which, by = "first" if self.difference > 0 else "second", abs(self.difference)
        return f"The {which} warned better by {by:.3f} of area skill above chance {found}."

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.sentence())}</p>"


def compare(
    one: Alarm, other: Alarm, *, n: int = 9999, rng: int | np.random.Generator | None = 0
) -> Comparison:
    """Compare two alarm functions, event by event, by their skill above chance.

    More posts alarm more, and follow the front more: what chance would give each is taken off
    first, under the null model that each was judged by.

    Parameters
    ----------
    one, other
        Alarms of two kinds of signals on the same events.
    n, rng
        How many exchanges, and their seed or generator.

    Returns
    -------
    Comparison

    Raises
    ------
    FoxgrapeError
        If the two were not judged on the same events by the same null model, or an option makes no
        sense.

    Examples
    --------
    >>> from foxgrape import alarm
    >>> days = pd.date_range("2022-03-01", periods=40, freq="5D", tz="UTC")
    >>> places = [f"my:{n}" for n in np.random.default_rng(3).integers(0, 12, 40)]
    >>> events = pd.DataFrame({"event_id": [f"e{n}" for n in range(40)], "place_id": places,
    ...                        "occurred_at": days, "confirmed_at": days})
    >>> early, late = (alarm(pd.DataFrame({"signal_id": [f"s{n}" for n in range(40)],
    ...     "place_id": places, "posted_at": days + pd.Timedelta(shift)}), events,
    ...     windows=["2D"], observed=("2022-03-01T00:00Z", "2022-09-12T00:00Z"))
    ...     for shift in ("-1D", "1D"))
    >>> compare(early, late).difference > 0
    True
    """
    validate_null(one.null, n, NULLS)
    seed = as_seed(rng)
    if one.scores["event_id"].tolist() != other.scores["event_id"].tolist():
        raise FoxgrapeError(
            "the two alarms were not judged on the same events",
            expected=f"{one.n_events} events, the same",
            got=f"{other.n_events} events",
            hint="give both the same events and the same observed=(begin, end)",
        )
    if one.null != other.null:
        raise FoxgrapeError(
            "the two alarms were judged by different null models",
            expected=one.null,
            got=other.null,
        )
    above = [alarms.scores["score"] - alarms.scores["expected"] for alarms in (one, other)]
    by_place = (above[0] - above[1]).groupby(one.scores["place_id"]).sum().to_numpy()
    total, places = by_place.sum(), len(by_place)
    generator, reached = np.random.default_rng(rng), 0
    for first in range(0, n, max(1, _CHUNK // places)):
        draws = min(max(1, _CHUNK // places), n - first)
        signs = generator.integers(0, 2, (draws, places)) * 2 - 1
        # Sums of the same parts in another order may differ by rounding: they are ties.
        reached += int((np.abs(signs @ by_place) >= abs(total) - 1e-9).sum())
    events = one.n_events
    return Comparison(
        difference=float(total / events),
        standard_error=float(np.sqrt((by_place**2).sum()) / events),
        p_value=(reached + 1) / (n + 1),
        n_events=events,
        n_places=places,
        n_surrogates=n,
        seed=seed,
    )
