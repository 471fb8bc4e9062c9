"""Open the study or store of a report template, with the period that the report is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from foxgrape.io.store import Store
    from foxgrape.studies.study import Study

__all__ = ["open_data"]


def open_data(
    study: str | Path | None = None,
    store: str | Path | Store | None = None,
    *,
    since: str | date | None = None,
    until: str | date | None = None,
    **options: Any,
) -> Study:
    """Open the data of a report; figures are then stored in the notebook as data.

    The page of the report draws the figures itself, so the notebook needs no script.

    Parameters
    ----------
    study, store, options
        As in `foxgrape.studies.from_store.open_study_or_store`.
    since, until
        First day of the period of the posts, and first day after it; by default all posts. See
        `Study.between`.

    Returns
    -------
    Study

    Examples
    --------
    >>> len(open_data(since="2022-09-01", until="2022-10-01").posts)
    13
    """
    import plotly.io as pio

    from foxgrape.studies.from_store import open_study_or_store

    pio.renderers.default = "plotly_mimetype"
    data = open_study_or_store(study, store, **options)
    return data if since is until is None else data.between(since, until)
