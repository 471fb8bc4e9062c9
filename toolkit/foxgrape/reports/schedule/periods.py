"""The periods of an entry that are due."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foxgrape.reports.schedule.config import Entry
    from foxgrape.reports.schedule.ledger import Ledger, Period

__all__ = ["due_periods", "first_seen"]


def due_periods(
    entry: Entry, ledger: Ledger, now: datetime, *, record: bool = False
) -> list[Period]:
    """Return the periods of an entry that `run_due` would try to build at time `now`.

    Parameters
    ----------
    entry, ledger, now
        Entry of the schedule, period states and reference time.
    record
        Whether to store when the entry was first seen, if it has no `start`.
    """
    since = first_seen(entry, ledger, now, record=record)
    periods = []
    for period in entry.periods(now, entry.catch_up + 1, since):
        state = ledger.read_state(f"{entry.name}/{period.key}")
        if state.state == "running" or entry.job.next_action(state, now) == "run":
            periods.append(period)
    return periods


def first_seen(entry: Entry, ledger: Ledger, now: datetime, *, record: bool = False) -> datetime:
    """Return the instant from which the periods of an entry are built.

    This is the entry's `start`, or the time at which its cron expression and time zone were first
    seen.
    """
    if entry.start is not None:
        return entry.start
    digest = sha256(f"{entry.cron.expression} {entry.cron.zone}".encode()).hexdigest()[:8]
    name = f"{entry.name}/since-{digest}"
    default = {"since": now.astimezone(UTC).isoformat(), "cron": entry.cron.expression}
    content = ledger.setdefault(name, default) if record else ledger.read_json(name)
    since = datetime.fromisoformat(content.get("since", default["since"]))
    if since <= now:
        return since
    # It was seen while the clock was ahead.
    if record:
        ledger.write_json(name, default)
    return now
