"""Remember in a store from when to when each of its sources recorded events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from foxgrape.observation import Coverage, last_instant

if TYPE_CHECKING:
    from foxgrape.io.store import Store

__all__ = ["TABLE", "read_coverages", "record_coverage"]

#: Name of the table: one row per source.
TABLE = "observation"


def record_coverage(
    store: Store, source: str, events: pd.DataFrame, stated: Coverage | None
) -> Coverage:
    """Store what a source recorded, and return it.

    What is not stated is taken from the events: their kinds, and the last instant. A statement is
    kept until there is another one for the source: a guess does not replace it.

    Parameters
    ----------
    store
        The store that the events were added to.
    source
        Name of the source; one in `stated` comes first.
    events
        All events of the source that were read.
    stated
        What the user stated about the source, if anything.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from foxgrape import Store, open_study
    >>> events = open_study().events
    >>> record_coverage(Store(mkdtemp()), "kyiv.csv", events, None).guessed
    True
    """
    source = (stated and stated.source) or source
    before = {part.source: part for part in read_coverages(store)}.get(source)
    kinds = () if events["kind"].isna().any() else tuple(sorted(set(events["kind"])))
    if before is not None:
        kinds = tuple(sorted({*before.kinds, *kinds})) if before.kinds and kinds else ()
    if stated is None and before is not None and not before.guessed:
        stated = replace(before, kinds=())
    coverage = stated or Coverage()
    if coverage.observed_until is None:
        last = last_instant(events)
        ends = [last] if before is None else [last, before.observed_until]
        end = max((end for end in ends if end is not None), default=None)
        coverage = replace(coverage, observed_until=end, guessed=True)
    coverage = replace(coverage, source=source, kinds=coverage.kinds or kinds)
    store.upsert(TABLE, pd.DataFrame([coverage.to_row()]))
    return coverage


def read_coverages(store: Store, version: int | None = None) -> tuple[Coverage, ...]:
    """Return what the sources of a store recorded, at a version; none if it holds no such table.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from foxgrape import Store
    >>> read_coverages(Store(mkdtemp()))
    ()
    """
    if version is None and TABLE not in store.latest_versions():
        return ()
    rows = store.read(TABLE, version=version).sort_values("source")
    records = [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]
    return tuple(map(Coverage.from_row, records))
