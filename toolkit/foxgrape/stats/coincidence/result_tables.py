"""Rates and p-values of a test of coincidence, by window and by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foxgrape._util.small_numbers import MIN_SIGNALS
from foxgrape.stats.coincidence.significance import adjust_fdr

if TYPE_CHECKING:
    from foxgrape._util.typing import FloatArray
    from foxgrape.stats.coincidence.point_pattern import PointPattern, Rates

__all__ = ["groups_frame", "windows_frame"]


def windows_frame(
    pattern: PointPattern, rates: Rates, alone: FloatArray, adjusted: FloatArray
) -> pd.DataFrame:
    """Return one row per window, with its rates and p-values."""
    return pd.DataFrame(
        {
            "window": pd.to_timedelta(pattern.windows, unit="us").astype("timedelta64[us]"),
            "trigger_rate": rates.trigger[:, -1],
            "precursor_rate": rates.precursor[:, -1],
            "p_trigger": alone[:, -1, 0],
            "p_precursor": alone[:, -1, 1],
            "p_trigger_adjusted": adjusted[:, -1, 0],
            "p_precursor_adjusted": adjusted[:, -1, 1],
        }
    )


def groups_frame(
    pattern: PointPattern, rates: Rates, best: int, adjusted: FloatArray, *, grouped: bool
) -> pd.DataFrame:
    """Return one row per group, with its smallest p over windows adjusted for several groups."""
    names = pattern.group_names if grouped else ()
    p_trigger, p_precursor = (adjusted[:, : len(names), k].min(axis=0) for k in range(2))
    n_signals = np.bincount(pattern.group, minlength=len(names))[: len(names)]
    few = n_signals < MIN_SIGNALS
    return pd.DataFrame(
        {
            "group": pd.Series(names, dtype="str"),
            "n_signals": n_signals,
            "trigger_rate": rates.trigger[best, : len(names)],
            "precursor_rate": rates.precursor[best, : len(names)],
            "p_trigger": p_trigger,
            "p_precursor": p_precursor,
            "p_adjusted": adjust_fdr(np.where(few, np.nan, p_trigger)),
            "p_precursor_adjusted": adjust_fdr(np.where(few, np.nan, p_precursor)),
        }
    )
