"""P-values of observed statistics against surrogates, and adjustment for several groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from foxgrape._util.typing import FloatArray
    from foxgrape.stats.coincidence.surrogates import Surrogates

__all__ = ["adjust_fdr", "p_values"]


def p_values(surrogates: Surrogates) -> tuple[FloatArray, FloatArray]:
    """Return p by window, group and statistic, unadjusted and adjusted for choosing the window.

    The standard deviations that scale the windows include the observed statistic, so that the
    maximum over windows is exchangeable between data and surrogates (Westfall and Young 1993).
    """
    observed = surrogates.observed
    values = np.concatenate([observed[None], surrogates.simulated])
    tolerance = 1e-9 * np.maximum(np.abs(observed), 1.0)
    alone = (values >= observed - tolerance).mean(axis=0)
    if len(observed) == 1:
        return alone, alone.copy()
    deviation = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    largest = scaled.max(axis=1, keepdims=True)
    return alone, (largest >= scaled[0] - 1e-9).mean(axis=0)


def adjust_fdr(p: FloatArray) -> FloatArray:
    """Adjust p-values for the false discovery rate (Benjamini and Hochberg 1995); NaN stays NaN."""
    adjusted = np.full(len(p), np.nan)
    known = ~np.isnan(p)
    if known.any():
        from statsmodels.stats.multitest import multipletests

        adjusted[known] = multipletests(p[known], method="fdr_bh")[1]
    return adjusted
