"""Significance: exact Monte Carlo p, the price of choosing a window, and of asking many groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from foxgrape.stats.coincidence.surrogates import Surrogates

    Floats = npt.NDArray[np.float64]

__all__ = ["adjust_fdr", "p_values"]


def p_values(drawn: Surrogates) -> tuple[Floats, Floats]:
    """Return p of each window, group and statistic by itself, and with the choice of window paid.

    Standard deviations are taken over surrogates and what was observed alike, so that the greatest
    of several windows is as exchangeable as each is by itself (Westfall and Young 1993).
    """
    everything = np.concatenate([drawn.observed[None], drawn.drawn])
    ties = 1e-9 * np.maximum(np.abs(drawn.observed), 1.0)
    plain = (everything >= drawn.observed - ties).mean(axis=0)
    if len(drawn.observed) == 1:
        return plain, plain.copy()
    spread = everything.std(axis=0)
    scaled = (everything - everything.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    greatest = scaled.max(axis=1, keepdims=True)
    return plain, (greatest >= scaled[0] - 1e-9).mean(axis=0)


def adjust_fdr(p: Floats) -> Floats:
    """Adjust p for their number (Benjamini and Hochberg 1995); one that is NaN spoils no other."""
    adjusted = np.full(len(p), np.nan)
    told = ~np.isnan(p)
    if told.any():
        from statsmodels.stats.multitest import multipletests

        adjusted[told] = multipletests(p[told], method="fdr_bh")[1]
    return adjusted
