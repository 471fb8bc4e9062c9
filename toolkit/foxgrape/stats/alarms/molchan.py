"""The Molchan diagram: what share of events is missed when so much of space and time is alarmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foxgrape.errors import FoxgrapeError

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

__all__ = ["area_skill", "trajectory"]


def trajectory(level: Floats, measure: Floats, hits: Floats) -> tuple[Floats, Floats]:
    """Return the Molchan trajectory of an alarm function over cells of space and time.

    Parameters
    ----------
    level
        The alarm function: cells with the highest level are alarmed first. Cells of one level are
        alarmed together.
    measure
        How much each cell counts: its share of what chance would expect.
    hits
        How many events fell into each cell.

    Returns
    -------
    tuple of ndarray
        Fraction of the measure alarmed, rising from 0 to 1, and the share of events missed,
        falling from 1 to 0; one point a distinct level.

    Notes
    -----
    Molchan (1991); Zechar and Jordan (2008).

    Examples
    --------
    >>> alarmed, missed = trajectory(np.array([3.0, 1.0, 2.0]), np.ones(3), np.array([2, 1, 1]))
    >>> alarmed.round(2).tolist(), missed.tolist()
    ([0.0, 0.33, 0.67, 1.0], [1.0, 0.5, 0.25, 0.0])
    """
    if not measure.sum() > 0 or not hits.sum() > 0:
        raise FoxgrapeError(
            "a Molchan trajectory needs cells and events",
            expected="sums above 0",
            got=f"measure {measure.sum():g}, hits {hits.sum():g}",
        )
    order = np.argsort(-level, kind="stable")
    ordered = level[order]
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    alarmed = np.cumsum(measure[order])[last] / measure.sum()
    hit = np.cumsum(hits[order])[last] / hits.sum()
    return np.concatenate([[0.0], alarmed]), np.concatenate([[1.0], 1 - hit])


def area_skill(alarmed: Floats, missed: Floats) -> float:
    """Return the area above a Molchan trajectory: 1 at best, 1/2 by chance, 0 at worst.

    Zechar and Jordan's (2008) area skill score of the whole trajectory. Events within a tie count
    as spread evenly over it, so a score below 1/2 stays one: alarms can be worse than chance.

    Examples
    --------
    >>> area_skill(np.array([0.0, 0.25, 1.0]), np.array([1.0, 0.0, 0.0]))
    0.875
    """
    return float(1 - np.trapezoid(missed, alarmed))
