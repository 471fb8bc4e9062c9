"""How far posts would have to prefer places whose events follow for a claim to fall."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from foxgrape._util.formatting import to_json_value
from foxgrape._util.result import Described
from foxgrape._util.small_numbers import are_few
from foxgrape.stats.coincidence.point_pattern import make_pattern
from foxgrape.stats.coincidence.significance import p_values
from foxgrape.stats.coincidence.surrogates import EXCHANGING, prepare_exchange, validate_null
from foxgrape.stats.inputs import LEVEL

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from foxgrape._util.typing import FloatArray
    from foxgrape.stats.coincidence.point_pattern import PointPattern
    from foxgrape.stats.coincidence.surrogates import Exchange

__all__ = ["MAX_FACTOR", "Sensitivity", "sensitivity"]

#: Largest factor that is tried, and the relative precision of a factor.
MAX_FACTOR, _PRECISION = 100.0, 0.02
_HALF = 0.5


@dataclass(frozen=True, slots=True, repr=False)
class Sensitivity(Described):
    """How strong a preference for places whose events follow would explain the data.

    Attributes
    ----------
    limit
        Least factor Γ by which posts would have to prefer a place whose event follows within the
        window, beyond what the null model allows, for p to be above 0.05; 1 if p is above it
        without a preference, infinite if 100 is not enough.
    estimate
        Factor at which the observed statistic is the median of the surrogates; 1 at least.
    p_value
        P-value without a preference.
    n_signals, null, n_surrogates, seed
        Number of signals tested; null model; surrogates for each factor tried; their seed.
    warnings
        Caveats, in sentences.
    """

    limit: float
    estimate: float
    p_value: float
    n_signals: int
    null: str
    n_surrogates: int
    seed: int
    warnings: tuple[str, ...]

    def sentence(self) -> str:
        """Return the limit in words."""
        if are_few(self.n_signals) or not self.p_value <= LEVEL:
            return "There is no claim of a lead whose sensitivity could be given."
        factor = f"more than {MAX_FACTOR:.0f}" if np.isinf(self.limit) else f"{self.limit:.1f}"
        return (
            f"Without a lead, posts would have had to prefer places whose event followed by a "
            f"factor of {factor}, beyond what the {self.null} null model allows, for this result "
            f"to be consistent with chance (n = {self.n_signals:,})."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; an infinite factor is None."""
        return {
            **{name: to_json_value(getattr(self, name)) for name in self.__slots__},
            "warnings": list(self.warnings),
            "sentence": self.sentence(),
        }


def sensitivity(
    signals: pd.DataFrame,
    events: pd.DataFrame,
    *,
    window: str | pd.Timedelta,
    null: Literal["place", "local"] = "local",
    n: int = 499,
    rng: np.random.Generator | int | None = 0,
    threads: int = 1,
    **options: Any,
) -> Sensitivity:
    """Find the preference for places whose events follow that would explain a coincidence.

    The null models ``place`` and ``local`` assume that posts prefer no place whose event is about
    to come. Something that the events do not show, such as news of a single day, could cause such
    a preference without a lead. The stronger it would have to be, the firmer is the claim.

    Parameters
    ----------
    signals, events, window, options
        As in `foxgrape.coincidence`, with one window.
    null
        ``place`` or ``local``: null models in which posts exchange places.
    n
        Number of surrogates for each factor that is tried.
    rng, threads
        As in `foxgrape.coincidence`.

    Returns
    -------
    Sensitivity

    Raises
    ------
    TableError
        If a table breaks its schema.
    FoxgrapeError
        If an option is invalid.

    Notes
    -----
    In the manner of Rosenbaum (2002, ch. 4). The probability of an arrangement of places is
    multiplied by Γ for each exchange unit (a signal, or under ``local`` an episode) at whose place
    an event follows within the window. Rosenbaum bounds over all unmeasured covariates between 0
    and 1; here the covariate is the one that favours the claim most. p grows with Γ, and the
    factors are found by bisection, with the same random numbers for each factor, up to 2% and the
    simulation error of `n` surrogates.

    Examples
    --------
    >>> from foxgrape import simulate
    >>> world = simulate.world(leads=0.5, rng=1)
    >>> sensitivity(world.signals, world.events, window="7D", n=199,
    ...             observed=world.observed).limit > 1
    True
    """
    validate_null(null, n, EXCHANGING)
    pattern, caveats = make_pattern(signals, events, window=window, rng=rng, **options)
    n_signals = len(pattern.label)
    if not n_signals or not len(pattern.event_place):
        return Sensitivity(1.0, 1.0, float("nan"), n_signals, null, n, pattern.seed, caveats)
    exchange = prepare_exchange(pattern, null)
    follows = _follows(pattern, exchange)

    @cache  # both factors are searched for among the same ones
    def p_value(factor: float) -> float:
        tilted = exchange.tilt(np.log(factor) * follows)
        surrogates = tilted.draw(pattern, n, pattern.seed, threads)
        return float(p_values(surrogates)[1][0, -1, 0])

    return Sensitivity(
        limit=_factor(p_value, LEVEL),
        estimate=_factor(p_value, _HALF),
        p_value=p_value(1.0),
        n_signals=n_signals,
        null=null,
        n_surrogates=n,
        seed=pattern.seed,
        warnings=caveats,
    )


def _follows(pattern: PointPattern, exchange: Exchange) -> FloatArray:
    """Return, by exchange unit and place, 1 where an event would follow within the window."""
    labels = len(pattern.place_of_label)
    followed = (np.diff(exchange.pairs.row_start[0]) > 0).reshape(-1, labels)
    follows = np.zeros(exchange.units.log_share.shape)
    signal, label = np.nonzero(followed)
    follows[exchange.units.unit[signal], pattern.place_of_label[label]] = 1.0
    return follows


def _factor(p_value: Callable[[float], float], level: float) -> float:
    """Return the least factor at which p is above the level, up to `_PRECISION`."""
    if p_value(1.0) > level:
        return 1.0
    if p_value(MAX_FACTOR) <= level:
        return float("inf")
    low, high = 1.0, MAX_FACTOR
    while high / low > 1 + _PRECISION:
        middle = float(np.sqrt(low * high))
        if p_value(middle) > level:
            high = middle
        else:
            low = middle
    return high
