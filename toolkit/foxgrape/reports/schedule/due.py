"""Build due reports, and backfill past periods. Each period is built once.

Each period is built under its own lock, and its state is kept in the folder of the reports. If the
process that builds a period dies, the period stays ``running`` without a lock, and the next call
builds it again.
"""

from __future__ import annotations

import json
import os
import re
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.errors import ScheduleError
from foxgrape.reports.schedule.config import BOUNDS, Job
from foxgrape.reports.schedule.ledger import Ledger, Period
from foxgrape.reports.schedule.outbox import deliver
from foxgrape.reports.schedule.runner import PeriodRun, PeriodTask, run_tasks, values_for
from foxgrape.reports.templates.relative_dates import add_calendar_units
from foxgrape.times import get_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from zoneinfo import ZoneInfo

    import pandas as pd

    from foxgrape.reports.schedule.config import Entry, Schedule

__all__ = [
    "BackfillResult",
    "DueResult",
    "backfill",
    "backfill_range",
    "default_builder",
    "due_periods",
    "first_seen",
    "run_due",
    "run_many_builder",
]

#: Folders of period states, in the folder of the reports.
LEDGER, BACKFILL_LEDGER = ".schedule", ".backfill"
_EVERY = re.compile(r"([1-9]\d{0,3})\s?(h|d|w|month|year)s?")
_CALENDAR_UNITS = {"d": "day", "w": "week", "month": "month", "year": "year"}


class _Result(ABC):
    """Methods that the results of `run_due` and `backfill` share."""

    __slots__ = ()
    runs: tuple[PeriodRun, ...]

    @property
    def failed(self) -> tuple[PeriodRun, ...]:
        """Results of periods that were not built; a later call may retry them."""
        return tuple(run for run in self.runs if run.state != "done")

    @abstractmethod
    def sentence(self) -> str:
        """Return a summary in one sentence."""

    def to_frame(self) -> pd.DataFrame:
        """Return one row per period of this call."""
        import pandas as pd

        columns = list(PeriodRun.__dataclass_fields__)
        return pd.DataFrame([asdict(run) for run in self.runs], columns=columns)

    def _repr_html_(self) -> str:
        from foxgrape._util.formatting import sentence_with_table

        return sentence_with_table(self.sentence(), self.to_frame())


@dataclass(frozen=True, slots=True)
class DueResult(_Result):
    """Result of `run_due`.

    Attributes
    ----------
    runs
        One result per due period, oldest first; periods that another process had claimed are
        omitted.
    undelivered
        One error text per message that could not be sent; later calls try again.
    given_up
        One error text per message that could not be sent for seven days and is not tried again.
    repeated
        One text per message that may have been sent twice.
    sent
        Number of messages sent.
    """

    runs: tuple[PeriodRun, ...]
    undelivered: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    sent: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        texts = {
            name: list(getattr(self, name)) for name in ("undelivered", "given_up", "repeated")
        }
        return {"runs": [run.to_dict() for run in self.runs], **texts, "sent": self.sent}

    def sentence(self) -> str:
        """Return a summary in one sentence."""
        sent = f" {self.sent} {'message' if self.sent == 1 else 'messages'} sent." * (self.sent > 0)
        if not self.runs:
            return f"No reports were due.{sent}"
        count, failed = len(self.runs), len(self.failed)
        noun = "report was" if count == 1 else "reports were"
        return f"{count} {noun} due: {count - failed} built, {failed} failed.{sent}"


@dataclass(frozen=True, slots=True)
class BackfillResult(_Result):
    """Result of `backfill`.

    Attributes
    ----------
    periods
        Number of complete periods in the range.
    already_built
        Number of periods in the range that earlier calls had built.
    runs
        One result per period that this call built or failed to build, oldest first.
    """

    periods: int
    already_built: int
    runs: tuple[PeriodRun, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        runs = [run.to_dict() for run in self.runs]
        return {"periods": self.periods, "already_built": self.already_built, "runs": runs}

    def sentence(self) -> str:
        """Return a summary in one sentence."""
        built, failed = len(self.runs) - len(self.failed), len(self.failed)
        noun = "period" if self.periods == 1 else "periods"
        return (
            f"{self.periods} {noun}: {built} built, {self.already_built} already built, "
            f"{failed} failed."
        )


def run_due(
    schedule: Schedule,
    *,
    now: datetime,
    out: str | Path = "reports",
    workers: int = 1,
    run: Callable[..., Any] | None = None,
    run_many: Callable[..., Any] | None = None,
    prune: Callable[..., Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> DueResult:
    """Build every report that is due and not yet built, including missed periods.

    Safe to repeat and to run several times at once: each period is built once. Failed periods
    are retried by later calls, up to `retries` times.

    Parameters
    ----------
    schedule
        From `read_schedule`.
    now
        Reference time, with a UTC offset, that defines which periods are due. Relative dates in a
        report count from the end of its period instead.
    out
        Folder for reports and period states.
    workers
        Number of processes that build in parallel.
    run
        Function that builds one report; `run_report` by default. With several workers it must be
        defined at module level.
    run_many
        Function that builds several reports at once; replaces `run`. It receives a list of
        keyword arguments and ``workers``, and returns one result per report.
    prune
        Function that deletes old runs. It is called with the folder, ``keep`` and ``template`` for
        each template of which a report was built and whose entries all set `keep`.
    environ
        Environment variables that notification channels read; ``os.environ`` by default.

    Returns
    -------
    DueResult

    Raises
    ------
    ScheduleError
        If period states cannot be written to `out`. A failed report does not raise.

    Examples
    --------
    >>> import tempfile
    >>> from foxgrape.reports.schedule.config import read_schedule
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "schedule.toml")
    ...     _ = file.write_text('''
    ...         [[report]]
    ...         name = "mornings"
    ...         template = "lead_times"
    ...         cron = "0 7 * * *"
    ...         timezone = "Europe/Kyiv"
    ...         start = 2022-09-01
    ...     ''')
    ...     noon = datetime(2022, 9, 2, 9, tzinfo=UTC)
    ...     build = lambda template, **options: None
    ...     print(run_due(read_schedule(file), now=noon, out=folder, run=build).sentence())
    ...     print(run_due(read_schedule(file), now=noon, out=folder, run=build).sentence())
    2 reports were due: 2 built, 0 failed.
    No reports were due.
    """
    if now.tzinfo is None:
        raise ValueError("now must have a UTC offset; got a naive time")
    ledger, out = Ledger(Path(out) / LEDGER), Path(out)
    run = run or default_builder()
    if schedule.pictures:
        run = partial(run, pictures=True)
        run_many = run_many and partial(run_many, pictures=True)
    try:
        tasks = [
            PeriodTask(
                job=entry.job,
                period=period,
                ledger=ledger.folder,
                out=out,
                now=now,
                run=run,
                notify=entry.notify,
                deliver=entry.deliver,
                base_url=schedule.base_url,
                publish=True,
            )
            for entry in schedule.entries
            for period in due_periods(entry, ledger, now, record=True)
        ]
        tasks.sort(key=lambda task: task.period.end)
        runs = run_tasks(tasks, workers, run_many=run_many)
        if prune is not None:
            _prune_templates(schedule.entries, runs, out, prune)
        variables = os.environ if environ is None else environ
        delivery = deliver(schedule.channels, ledger, now, variables)
    except OSError as error:
        raise _not_writable(ledger, error) from None
    return DueResult(
        runs=tuple(runs),
        undelivered=tuple(delivery.undelivered),
        given_up=tuple(delivery.given_up),
        repeated=tuple(delivery.repeated),
        sent=delivery.sent,
    )


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
    return datetime.fromisoformat(content.get("since", default["since"]))


def _prune_templates(
    entries: Iterable[Entry], runs: list[PeriodRun], out: Path, prune: Callable[..., Any]
) -> None:
    """Delete old runs; if entries share a template, the largest of their `keep` applies."""
    built = {run.entry for run in runs if run.state == "done"}
    by_template: dict[str, list[Entry]] = {}
    for entry in entries:
        # A template given as a path is named after its notebook.
        name = Path(entry.job.template).name.removesuffix(".ipynb")
        by_template.setdefault(name, []).append(entry)
    for template, users in sorted(by_template.items()):
        limits = [entry.keep for entry in users if entry.keep is not None]
        if len(limits) == len(users) and built & {entry.name for entry in users}:
            prune(out, keep=max(limits), template=template)


def default_builder() -> Callable[..., Any]:
    """Return `run_report`, imported on first use."""
    from foxgrape.reports.run import run_report

    return run_report


def run_many_builder(requests: list[dict[str, Any]], *, workers: int, **options: Any) -> list[Any]:
    """Build several reports with `run_reports`.

    Parameters
    ----------
    requests
        Keyword arguments of `ReportRequest`, one dictionary per report.
    workers
        Number of reports built in parallel.
    options
        Page options for all reports: ``shared_assets``, ``pictures``.
    """
    from foxgrape.reports.plan import ReportRequest
    from foxgrape.reports.run import run_reports

    return list(
        run_reports([ReportRequest(**request, **options) for request in requests], workers=workers)
    )


def backfill(
    template: str | Path,
    *,
    since: date,
    until: date,
    every: str,
    zone: str,
    period: Mapping[str, str],
    now: datetime,
    study: str | None = None,
    store: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    out: str | Path = "reports",
    workers: int = 1,
    run: Callable[..., Any] | None = None,
    run_many: Callable[..., Any] | None = None,
    progress: Callable[[PeriodRun], object] | None = None,
) -> BackfillResult:
    """Build a report for each complete period of a past date range, oldest first.

    Safe to repeat, also with a later `until`: a call builds missing periods and retries failed
    ones. Calls that run at the same time share the work.

    Parameters
    ----------
    template
        Template name, or path to a notebook with a sidecar.
    since, until
        First day, and the day after the last period; or instants with a UTC offset.
    every
        Length of a period: ``6h``, ``1d``, ``1w``, ``1month``, ``1year``. Hours are elapsed time,
        all other units follow the calendar of the time zone.
    zone
        IANA name of the time zone that defines days.
    period
        Bound of the period by parameter name: ``start``, ``end`` or ``last_day``. Relative dates
        (``-7d``) in other parameters count from the end of the period.
    now
        Time to record as the start of each attempt.
    study, store
        Study folder or store that the reports read; None for the template's default.
    parameters
        Values of other template parameters.
    out, workers, run, run_many
        As for `run_due`.
    progress
        Called with the result of each period.

    Returns
    -------
    BackfillResult

    Raises
    ------
    FoxgrapeError
        If an argument is invalid, before anything is built.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     weeks = backfill("lead_times", since=date(2022, 9, 5), until=date(2022, 9, 26),
    ...         every="1w", zone="Europe/Kyiv", period={}, parameters={"horizon": "60D"},
    ...         now=datetime(2023, 1, 1, tzinfo=UTC), out=folder, run=lambda *_, **__: None)
    >>> weeks.sentence()
    '3 periods: 3 built, 0 already built, 0 failed.'
    """
    from foxgrape.reports.templates.discovery import find_template

    periods = backfill_range(since, until, every, zone)
    for bound in period.values():
        if bound not in BOUNDS:
            raise ScheduleError(f"a period bound must be {', '.join(BOUNDS)}", got=bound)
    job = Job(
        name=_backfill_name(template, study, store, parameters, period, every, zone),
        template=str(template),
        zone=zone,
        study=study,
        store=store,
        parameters=dict(parameters or {}),
        period=dict(period),
        retries=None,
        retry_after=timedelta(0),
    )
    values_for(find_template(template), job, periods[0])  # fail before anything is built
    ledger, out = Ledger(Path(out) / BACKFILL_LEDGER), Path(out)
    run = run or default_builder()
    tasks = [
        PeriodTask(job, span, ledger.folder, out, now, run)
        for span in periods
        if ledger.read_state(f"{job.name}/{span.key}").state != "done"
    ]
    try:
        runs = run_tasks(tasks, workers, progress, run_many)
    except OSError as error:
        raise _not_writable(ledger, error) from None
    return BackfillResult(len(periods), len(periods) - len(tasks), tuple(runs))


def backfill_range(since: date, until: date, every: str, zone: str) -> list[Period]:
    """Split a date range into complete periods; an incomplete last period is dropped.

    Raises
    ------
    ScheduleError
        If an argument is invalid, or the range has no complete period.

    Examples
    --------
    >>> for period in backfill_range(date(2022, 3, 26), date(2022, 3, 28), "1d", "Europe/Kyiv"):
    ...     print(period.end - period.start)
    1 day, 0:00:00
    23:00:00
    """
    match = _EVERY.fullmatch(every)
    if match is None:
        raise ScheduleError("every must be a span such as 6h, 1d, 1w, 1month or 1year", got=every)
    try:
        clock = get_zone(zone)
    except ValueError:
        raise ScheduleError.unknown_timezone(zone) from None
    try:
        first, last = _to_utc(since, clock), _to_utc(until, clock)
        bounds = [first]
        while bounds[-1] <= last:
            count = len(bounds) * int(match[1])
            bounds.append(_add(first, match[2], count, clock))
    except OverflowError:
        raise ScheduleError(f"{since} to {until} exceeds the range of the calendar") from None
    periods = [Period(start, end) for start, end in pairwise(bounds[:-1])]
    if not periods:
        raise ScheduleError(f"{since} to {until} contains no complete period of {every}")
    return periods


def _add(first: datetime, unit: str, count: int, clock: ZoneInfo) -> datetime:
    if unit == "h":
        return first + timedelta(hours=count)
    local = first.astimezone(clock)
    day = add_calendar_units(local.date(), _CALENDAR_UNITS[unit], count)
    return datetime.combine(day, local.time(), clock).astimezone(UTC)


def _to_utc(value: date, clock: ZoneInfo) -> datetime:
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), clock).astimezone(UTC)
    if value.tzinfo is None:
        raise ScheduleError("an instant must have a UTC offset", got=value)
    return value.astimezone(UTC)


def _backfill_name(template: str | Path, *parts: object) -> str:
    """Return a ledger name derived from the arguments, so that a repeated call resumes."""
    text = json.dumps([str(template), *parts], sort_keys=True, default=str)
    stem = "".join(char if char.isalnum() else "-" for char in Path(template).stem)[:40]
    return f"{stem}-{sha256(text.encode()).hexdigest()[:10]}"


def _not_writable(ledger: Ledger, error: OSError) -> ScheduleError:
    return ScheduleError(
        f"cannot write period states: {error.strerror or error}", file=ledger.folder
    )
