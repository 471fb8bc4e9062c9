"""Build what is due: each period of each report once, whoever calls, however often, at once.

A period is taken under a lock of its own and its state is kept beside the reports. A process that
dies leaves the state ``running`` and no lock: the next call takes the period up.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.errors import ScheduleError
from foxgrape.reports.schedule.alerts import deliver
from foxgrape.reports.schedule.ledger import Ledger, next_action
from foxgrape.reports.schedule.results import DueResult
from foxgrape.reports.schedule.runner import PeriodTask, run_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from foxgrape.reports.schedule.config import Entry, Schedule
    from foxgrape.reports.schedule.ledger import Period
    from foxgrape.reports.schedule.results import PeriodRun

__all__ = ["LEDGER", "default_builder", "due_periods", "first_seen", "run_due"]

#: Where states are kept, in the folder of the reports.
LEDGER = ".schedule"


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
    """Build every report that is due and not yet built, missed periods included.

    Call it as often as you like, from as many places as you like: each period is built once. A
    failed one is tried again by later calls, as often as its entry tells.

    Parameters
    ----------
    schedule
        From `read_schedule`.
    now
        The instant that counts as now, with an offset. Reports of a period take its end for now.
    out
        Folder to build into; states are kept in it.
    workers
        How many processes build at once.
    run
        What builds one report; `run_report` by default. With several workers it must be a
        function of a module.
    run_many
        In place of `run`, what builds many reports better at once than one by one: called with a
        list of the arguments of single runs and with ``workers``, it returns what came of each.
    prune
        What deletes old runs of a template, called with the folder, ``keep`` and ``template`` for
        each entry that tells how many are kept and had a report built; None for nothing.
    environ
        Where the addresses of channels stand; the variables of this process by default.

    Returns
    -------
    Due

    Raises
    ------
    ScheduleError
        If states cannot be kept in `out`. A report that fails raises nothing.

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
    ...     build = lambda template, **more: None
    ...     print(run_due(read_schedule(file), now=noon, out=folder, run=build).sentence())
    ...     print(run_due(read_schedule(file), now=noon, out=folder, run=build).sentence())
    2 reports were due, 2 built, 0 failed.
    Nothing was due.
    """
    if now.tzinfo is None:
        raise ValueError("now needs an offset: a naive time is no instant")
    folder = Path(out) / LEDGER
    ledger = Ledger(folder)
    try:
        waiting = [
            PeriodTask(
                entry.job, period, folder, Path(out), now, run or default_builder(), entry.notify
            )
            for entry in schedule.entries
            for period in due_periods(entry, ledger, now, keep_since=True)
        ]
        waiting.sort(key=lambda task: task.period.end)
        runs = run_tasks(waiting, workers, run_many=run_many)
        if prune is not None:
            _tidy(schedule.entries, runs, Path(out), prune)
        where = os.environ if environ is None else environ
        return DueResult(tuple(runs), tuple(deliver(schedule.channels, ledger, now, where)))
    except OSError as error:
        raise ScheduleError(
            f"what was built cannot be kept there: {error.strerror or error}", file=folder
        ) from None


def due_periods(
    entry: Entry, ledger: Ledger, now: datetime, *, keep_since: bool = False
) -> list[Period]:
    """Return the periods of an entry that a call would take up now, as far as can be seen.

    Parameters
    ----------
    entry, ledger, now
        Whose periods, where their states are, and what counts as now.
    keep_since
        Keep when the entry was first seen, if it does not tell from when its periods count.
    """
    since = first_seen(entry, ledger, now, keep=keep_since)
    retries, after = entry.job.retries, entry.job.retry_after
    found = []
    for period in entry.periods(now, entry.catch_up + 1, since):
        record = ledger.read(f"{entry.name}/{period.key}")
        if record.state == "running" or (
            next_action(record, now, retries=retries, retry_after=after) == "run"
        ):
            found.append(period)
    return found


def _tidy(
    entries: Iterable[Entry], runs: list[PeriodRun], out: Path, prune: Callable[..., Any]
) -> None:
    """Delete old runs; where entries share a template, the one that keeps most is heard."""
    built = {run.entry for run in runs if run.state == "done"}
    sharing: dict[str, list[Entry]] = {}
    for entry in entries:
        # A template that is told by its path has the name of its notebook.
        sharing.setdefault(Path(entry.job.template).name.removesuffix(".ipynb"), []).append(entry)
    for template, some in sorted(sharing.items()):
        keeps = [entry.keep for entry in some if entry.keep is not None]
        if len(keeps) == len(some) and built & {entry.name for entry in some}:
            prune(out, keep=max(keeps), template=template)


def first_seen(entry: Entry, ledger: Ledger, now: datetime, *, keep: bool = False) -> datetime:
    """Return from when periods count: a new entry, or expression, begins when it is first seen."""
    if entry.start is not None:
        return entry.start
    mark = sha256(f"{entry.cron.expression} {entry.cron.zone}".encode()).hexdigest()[:8]
    name = f"{entry.name}/since-{mark}"
    fresh = {"since": now.astimezone(UTC).isoformat(), "cron": entry.cron.expression}
    told = ledger.first(name, fresh) if keep else ledger.told(name)
    return datetime.fromisoformat(told.get("since", fresh["since"]))


def default_builder() -> Callable[..., Any]:
    """Return what builds a report if nobody says otherwise."""
    from foxgrape.reports.run import run_report

    return run_report


def run_many_builder(asked: list[dict[str, Any]], *, workers: int, **made: Any) -> list[Any]:
    """Build many reports, each in a kernel of its own forked from one process.

    Parameters
    ----------
    asked
        The arguments of each.
    workers
        How many to build at once.
    made
        How their pages are made: ``shared_assets``, ``pictures``.
    """
    from foxgrape.reports.plan import ReportRequest
    from foxgrape.reports.run import run_reports

    return list(run_reports([ReportRequest(**one, **made) for one in asked], workers=workers))
