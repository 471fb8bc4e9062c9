"""Doors for posts: one reader an export format, all giving the posts table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foxgrape import tables

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["read_posts"]


def read_posts(path: str | Path) -> pd.DataFrame:
    """Read posts from a CSV file in the shape of the posts table.

    Parameters
    ----------
    path
        A UTF-8 file with every column of the table; others are kept. Times carry their offset.

    Returns
    -------
    DataFrame
        The posts table.

    Raises
    ------
    TableError
        Names file, row and column of the first bad cell.

    Examples
    --------
    >>> from foxgrape.shipped import study_folder
    >>> read_posts(study_folder("izium-2022") / "posts.csv")["account"].str.contains("Yermak").any()
    np.True_
    """
    return tables.read_csv(path, "posts")
