"""Build due reports, and backfill past periods. Each period is built once.

Each period is built under its own lock, and its state is kept in the folder of the reports. If the
process that builds a period dies, the period stays ``running`` without a lock, and the next call
builds it again.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.errors import ScheduleError
from foxgrape.reports.schedule.alerts import apply_rules
from foxgrape.reports.schedule.config import BOUNDS, Job
from foxgrape.reports.schedule.ingest_sources import SourceResult, add_new_data
from foxgrape.reports.schedule.ledger import Ledger, Period
from foxgrape.reports.schedule.outbox import deliver
from foxgrape.reports.schedule.periods import due_periods, first_seen, values_for
from foxgrape.reports.schedule.results import BackfillResult, DueResult
from foxgrape.reports.schedule.runner import PeriodRun, PeriodTask, run_tasks
from foxgrape.reports.templates.relative_dates import add_calendar_units
from foxgrape.times import get_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

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
    entries = schedule.entries
    try:
        due = {entry.name: due_periods(entry, ledger, now, record=True) for entry in entries}
        ingested = _ingest(schedule, due, ledger)
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
                problem=_problem(entry, ingested),
                # Of several periods, a later one may have data that came with an earlier one.
                skip_unchanged=entry.if_nothing_new == "skip" and len(due[entry.name]) == 1,
            )
            for entry in entries
            for period in due[entry.name]
        ]
        tasks.sort(key=lambda task: task.period.end)
        runs = run_tasks(tasks, workers, run_many=run_many)
        for entry in entries:
            ledger.clear_locks(entry.name)
        if prune is not None:
            _prune_templates(schedule.entries, runs, out, prune)
        problems = apply_rules(schedule, ledger, out, now)
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
        waiting=delivery.waiting,
        ingested=tuple(ingested.values()),
        problems=tuple(problems),
    )


def _ingest(
    schedule: Schedule, due: Mapping[str, Sequence[Period]], ledger: Ledger
) -> dict[tuple[str, str], SourceResult]:
    """Add the new data of the sources of all due entries, each once per store."""
    results: dict[tuple[str, str], SourceResult] = {}
    for entry in schedule.entries:
        store = entry.job.store
        for name in entry.ingest if due[entry.name] and store is not None else ():
            if (name, str(store)) not in results:
                source = schedule.sources[name]
                results[name, str(store)] = add_new_data(source, str(store), ledger)
    return results


def _problem(entry: Entry, ingested: Mapping[tuple[str, str], SourceResult]) -> str | None:
    """Return why the sources of an entry could not be read, or None."""
    results = (ingested.get((name, str(entry.job.store))) for name in entry.ingest)
    errors = [result.sentence() for result in results if result and result.error]
    return "; ".join(errors) or None


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
        what = "every must be a span such as 6h, 1d, 1w, 1month or 1year"
        raise ScheduleError(what, got=every, argument=True)
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
