"""Report the status of scheduled reports, and problems that would make them fail."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.errors import FoxgrapeError, ScheduleError
from foxgrape.reports.period_keys import parse_period_key, period_key
from foxgrape.reports.schedule.alerts import preview_rules, rule_problems
from foxgrape.reports.schedule.due import LEDGER
from foxgrape.reports.schedule.ledger import Ledger, Period
from foxgrape.reports.schedule.notifications import missing_variables
from foxgrape.reports.schedule.outbox import delivery_states
from foxgrape.reports.schedule.periods import due_periods, first_seen, values_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foxgrape.reports.schedule.config import Entry, Schedule
    from foxgrape.reports.schedule.ledger import PeriodState

__all__ = ["EntryStatus", "check_rules", "check_schedule", "entry_statuses", "preview_due"]

#: Maximum number of latest periods to examine per report.
_MAX_PERIODS = 100


@dataclass(frozen=True, slots=True)
class EntryStatus:
    """Status of one report of a schedule.

    Attributes
    ----------
    entry
        Name of the report.
    cron, zone
        Cron expression and IANA time zone that define when the report is due.
    next
        Next due time.
    last
        End of the latest period that was built, if any.
    waiting
        Ends of periods that will still be built, including those that are running or wait for a
        retry.
    given_up
        Ends of periods that failed and will not be retried.
    missed
        Ends of periods that will not be built because of the limit `catch_up`.
    failing
        Whether a period was given up and no later period has been built since.
    delivery
        State of the messages with finished reports, the one that needs attention most: ``given
        up``, ``maybe sent``, ``maybe sent twice``, ``waiting`` or ``sent``; None without messages.
    ahead
        Ends of later periods, which were built while the clock was ahead and are not built again.
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
    delivery: str | None = None
    ahead: tuple[datetime, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        lists = ("waiting", "given_up", "missed", "ahead")
        return asdict(self) | {
            "next": self.next.isoformat(),
            "last": None if self.last is None else self.last.isoformat(),
            **{name: [end.isoformat() for end in getattr(self, name)] for name in lists},
        }


def entry_statuses(
    schedule: Schedule, *, now: datetime, out: str | Path = "reports"
) -> list[EntryStatus]:
    """Return the status of each report of a schedule, without writing to the ledger.

    Parameters
    ----------
    schedule
        From `read_schedule`.
    now
        Reference time.
    out
        Folder of the reports.
    """
    ledger = Ledger(Path(out) / LEDGER)
    return [_entry_status(entry, ledger, now) for entry in schedule.entries]


def check_schedule(
    schedule: Schedule, *, now: datetime, environ: Mapping[str, str] | None = None
) -> list[ScheduleError]:
    """Return problems with templates, parameters and environment variables of channels.

    Parameters
    ----------
    schedule
        From `read_schedule`.
    now
        Reference time.
    environ
        Environment variables; `os.environ` by default.
    """
    from foxgrape.reports.rendering.assets import require_kaleido
    from foxgrape.reports.rendering.pdf import find_chromium
    from foxgrape.reports.templates.discovery import find_template

    problems = []
    if schedule.pictures:
        try:
            require_kaleido()
        except FoxgrapeError as error:
            problems.append(ScheduleError(f"pictures = true: {error}", file=schedule.path))
    if any("pdf" in channel.attachments.kinds for channel in schedule.channels.values()):
        try:
            find_chromium()
        except FoxgrapeError as error:
            problems.append(ScheduleError(f'attach = "pdf": {error}', file=schedule.path))
    for entry in schedule.entries:
        try:
            template = find_template(entry.job.template)
            due = entry.cron.next_times(now, 1)[0]
            values_for(template, entry.job, entry.periods(due, 1, due)[0])
        except FoxgrapeError as error:
            problems.append(ScheduleError(f"entry {entry.name!r}: {error}", file=schedule.path))
    for source in schedule.sources.values():
        try:
            source.paths()
        except ScheduleError as error:
            problems.append(ScheduleError(f"ingest.{source.name}: {error}", file=schedule.path))
    for name, channel in schedule.channels.items():
        problems += [
            ScheduleError(
                f"notify.{name}: the environment variable {variable} is not set",
                file=schedule.path,
                hint="set it in the environment of foxgrape report due",
            )
            for variable in missing_variables(channel, environ)
        ]
    return problems


def check_rules(
    schedule: Schedule, *, now: datetime, out: str | Path = "reports"
) -> tuple[list[str], list[str]]:
    """Return why rules of alerts cannot be evaluated, and notes about names without a match.

    A figure is looked up in the latest run, so before the first run it is not checked.

    Parameters
    ----------
    schedule, now, out
        As for `run_due`.
    """
    return rule_problems(schedule, Ledger(Path(out) / LEDGER), Path(out), now)


def preview_due(schedule: Schedule, *, now: datetime, out: str | Path = "reports") -> list[str]:
    """Return what `run_due` would build, read and alert about, without doing any of it.

    Rules are evaluated for the runs and data that exist, before anything is built or read.

    Parameters
    ----------
    schedule, now, out
        As for `run_due`.
    """
    ledger, lines = Ledger(Path(out) / LEDGER), []
    stores = set()
    for entry in schedule.entries:
        periods = due_periods(entry, ledger, now)
        if periods:
            lines += [f"ingest {name} into {entry.job.store}" for name in entry.ingest]
            stores |= {str(entry.job.store)} if entry.ingest else set()
        for period in periods:
            lines.append(f"build {entry.name}, due {period.end:%Y-%m-%d %H:%M} UTC")
    lines = list(dict.fromkeys(lines)) or ["No reports are due."]
    return lines + preview_rules(schedule, ledger, Path(out), now, stores)


def _entry_status(entry: Entry, ledger: Ledger, now: datetime) -> EntryStatus:
    periods = entry.periods(now, _MAX_PERIODS, first_seen(entry, ledger, now))
    reachable = set(periods[-entry.catch_up - 1 :])
    ends: dict[str, list[datetime]] = {"done": [], "waiting": [], "given up": [], "missed": []}
    for period in periods:
        record = ledger.read_state(f"{entry.name}/{period.key}")
        ends[_outlook(record, entry, reachable=period in reachable)].append(period.end)
    last = max(ends["done"], default=None)
    key = None if last is None else Period(last, last).key
    deliveries = delivery_states(ledger, entry.name, key)
    return EntryStatus(
        entry=entry.name,
        cron=entry.cron.expression,
        zone=entry.cron.zone,
        next=entry.cron.next_times(now, 1)[0],
        last=last,
        waiting=tuple(ends["waiting"]),
        given_up=tuple(ends["given up"]),
        missed=tuple(ends["missed"]),
        failing=bool(ledger.read_json(f"{entry.name}/health").get("failing_since")),
        delivery=deliveries[0] if deliveries else None,
        ahead=tuple(
            parse_period_key(key)
            for key in ledger.period_keys(entry.name)
            if key > period_key(now) and ledger.read_state(f"{entry.name}/{key}").state == "done"
        ),
    )


def _outlook(record: PeriodState, entry: Entry, *, reachable: bool) -> str:
    """Return whether a period is done, waiting, given up or missed."""
    if record.state == "done":
        return "done"
    if not reachable:
        return "given up" if record.state == "failed" else "missed"
    end_of_time = datetime.max.replace(tzinfo=UTC)
    if record.state == "failed" and entry.job.next_action(record, end_of_time) == "given up":
        return "given up"
    return "waiting"
