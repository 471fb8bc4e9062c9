"""Doors for events: one reader an export format, all giving the events table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foxgrape import tables

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["read_events"]


def read_events(path: str | Path) -> pd.DataFrame:
    """Read events from a CSV file in the shape of the events table.

    Parameters
    ----------
    path
        A UTF-8 file with every column of the table; others are kept. Times carry their offset.

    Returns
    -------
    DataFrame
        The events table.

    Raises
    ------
    TableError
        Names file, row and column of the first bad cell.

    Examples
    --------
    >>> from foxgrape.shipped import study_folder
    >>> events = read_events(study_folder("izium-2022") / "events.csv")
    >>> events.set_index("event_id").loc["izium-2022-09", "confirmed_by"]
    'RU'
    """
    return tables.read_csv(path, "events")
