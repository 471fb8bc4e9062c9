"""Name events that came into a store only after the report of their period."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foxgrape._util.wording import join_items
from foxgrape.errors import FoxgrapeError
from foxgrape.reports.earlier_periods import end_of, record_of
from foxgrape.reports.run_tables import RunTables

if TYPE_CHECKING:
    from foxgrape.reports.key_points import KeyPoints

__all__ = ["late_events"]

#: Number of late events that a sentence names, and maximum length of their names.
_NAMED, _MAX_NAMES = 5, 260
_UNKNOWN = "Events that came in late are not known: an earlier version of the store cannot be read."


def late_events(before: KeyPoints, after: KeyPoints, tables: RunTables) -> list[str]:
    """Return sentences about events of earlier periods that the run before could not have.

    An event belongs to the period in which it became known. One that was added to the store only
    after the report of that period is in the list of no report, so it is named here.

    Parameters
    ----------
    before, after
        The run before, and the later run, of the same store; both have the parameter ``until``.
    tables
        Tables of the later run.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> from foxgrape.reports.key_points import KeyPoints
    >>> analysis = open_study().analyse()
    >>> run = KeyPoints({}, "", (), {})
    >>> late_events(run, run, RunTables(analysis.signals, analysis.links))
    []
    """
    import pandas as pd

    from foxgrape import times
    from foxgrape._util.formatting import counted
    from foxgrape.io.store import Store
    from foxgrape.linking import are_leads

    end, zone = end_of(before), tables.timezone or "UTC"
    old, new = (record_of(points.manifest, "store") for points in (before, after))
    was, now = (record_of(store, "versions").get("events") for store in (old, new))
    if end is None or was is None or now is None or old.get("path") != new.get("path"):
        return []
    store = Store(str(new["path"]))
    try:
        if (
            store.fingerprints({"events": was})["events"]
            != record_of(old, "fingerprints")["events"]
        ):
            return []  # another store at the same path
        events, had = store.read("events", version=now), store.read("events", version=was)
    except (FoxgrapeError, KeyError):
        return [_UNKNOWN]
    known = events["confirmed_until"].fillna(events["occurred_until"])
    limit = pd.Timestamp(times.start_of_day(end, zone))
    late = events[~events["event_id"].isin(had["event_id"]) & (known < limit)]
    if late.empty:
        return []
    names = list(RunTables(tables.signals, tables.links, late).event_names(zone).values())
    count = counted(len(late), "event")
    listed = join_items(names, _MAX_NAMES, _NAMED)
    came = f"came into the store only after the report before: {listed}."
    linked = tables.links[tables.links["event_id"].isin(late["event_id"])]
    leads = counted(int(are_leads(linked).sum()), "signal")
    text = f"{leads} certainly came before one of them."
    if "days" in record_of(after.manifest, "parameters") and end != end_of(after):
        text = f"{text[:-1]}; these are not among the leads and events of these days."
    return [f"{count} from before {end.day} {end:%b %Y} {came}", text]
