"""How a schedule stands: what comes next, what waits, what was given up, what was missed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.errors import FoxgrapeError, ScheduleError
from foxgrape.reports.schedule.channels import missing_variables
from foxgrape.reports.schedule.due import LEDGER, first_seen
from foxgrape.reports.schedule.ledger import Ledger, next_action
from foxgrape.reports.schedule.runner import values_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foxgrape.reports.schedule.config import Entry, Schedule
    from foxgrape.reports.schedule.ledger import Period, PeriodState

__all__ = ["EntryStatus", "check_schedule", "entry_statuses"]

#: How far back is looked for periods that nothing will build any more.
_LOOK = 100


@dataclass(frozen=True, slots=True)
class EntryStatus:
    """How one report of a schedule stands.

    Attributes
    ----------
    entry
        Its name.
    cron, zone
        When it is due.
    next
        When it is due next.
    last
        The end of the latest period that was built; None if there is none.
    waiting
        Ends of periods that the next call takes up, those included that are being built or
        wait to be tried again.
    given_up
        Ends of periods that failed as often as they may.
    missed
        Ends of periods that nothing will build: beyond what `catch_up` allows.
    failing
        Whether it is known to fail, and has not recovered.
    """

    entry: str
    cron: str
    zone: str
    next: datetime
    last: datetime | None
    waiting: tuple[datetime, ...]
    given_up: tuple[datetime, ...]
    missed: tuple[datetime, ...]
    failing: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        many = ("waiting", "given_up", "missed")
        return {
            "entry": self.entry,
            "cron": self.cron,
            "zone": self.zone,
            "next": self.next.isoformat(),
            "last": None if self.last is None else self.last.isoformat(),
            **{name: [end.isoformat() for end in getattr(self, name)] for name in many},
            "failing": self.failing,
        }


def entry_statuses(
    schedule: Schedule, *, now: datetime, out: str | Path = "reports"
) -> list[EntryStatus]:
    """Return how each report of a schedule stands; nothing is changed.

    Parameters
    ----------
    schedule
        From `read_schedule`.
    now
        The instant that counts as now.
    out
        The folder of the reports.
    """
    ledger = Ledger(Path(out) / LEDGER)
    return [_standing(entry, ledger, now) for entry in schedule.entries]


def check_schedule(
    schedule: Schedule, *, now: datetime, environ: Mapping[str, str] | None = None
) -> list[ScheduleError]:
    """Return what would fail: templates, parameters, and variables that channels need.

    Parameters
    ----------
    schedule
        From `read_schedule`.
    now
        The instant that counts as now.
    environ
        Where the variables stand; those of this process by default.
    """
    from foxgrape.reports.templates.discovery import find_template

    found = []
    for entry in schedule.entries:
        try:
            template = find_template(entry.job.template)
            values_for(template, entry.job, _next_period(entry, now))
        except FoxgrapeError as error:
            found.append(ScheduleError(f"entry {entry.name!r}: {error}", file=schedule.path))
    for name, channel in schedule.channels.items():
        found += [
            ScheduleError(
                f"notify.{name}: the environment has no {variable}",
                file=schedule.path,
                hint="set it where foxgrape report due runs",
            )
            for variable in missing_variables(channel, environ)
        ]
    return found


def _next_period(entry: Entry, now: datetime) -> Period:
    end = entry.cron.after(now, 1)[0]
    return entry.periods(end, 1, end)[0]


def _standing(entry: Entry, ledger: Ledger, now: datetime) -> EntryStatus:
    periods = entry.periods(now, _LOOK, first_seen(entry, ledger, now))
    reach = set(periods[-entry.catch_up - 1 :])
    ends: dict[str, list[datetime]] = {"done": [], "waiting": [], "given up": [], "missed": []}
    for period in periods:
        record = ledger.read(f"{entry.name}/{period.key}")
        ends[_fate(record, entry, within=period in reach)].append(period.end)
    return EntryStatus(
        entry=entry.name,
        cron=entry.cron.expression,
        zone=entry.cron.zone,
        next=entry.cron.after(now, 1)[0],
        last=max(ends["done"], default=None),
        waiting=tuple(ends["waiting"]),
        given_up=tuple(ends["given up"]),
        missed=tuple(ends["missed"]),
        failing=bool(ledger.told(f"{entry.name}/health").get("failing_since")),
    )


def _fate(record: PeriodState, entry: Entry, *, within: bool) -> str:
    """Tell what will become of a period, `within` reach of the catch-up or not."""
    if record.state == "done":
        return "done"
    if not within:
        return "given up" if record.state == "failed" else "missed"
    far = datetime.max.replace(tzinfo=UTC)
    rules: Any = {"retries": entry.job.retries, "retry_after": entry.job.retry_after}
    if record.state == "failed" and next_action(record, far, **rules) == "given up":
        return "given up"
    return "waiting"
