"""Take periods and build their reports: one by one, in processes, or many in one go.

A period is taken under a lock of its own; its state says that somebody is at it, and what came of
it, before the lock is let go.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from foxgrape.errors import FoxgrapeError
from foxgrape.reports.schedule.alerts import record_outcome
from foxgrape.reports.schedule.ledger import DIED, Ledger, Period, PeriodState, next_action
from foxgrape.reports.schedule.results import PeriodRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

    from foxgrape.reports.schedule.config import Job
    from foxgrape.reports.templates.discovery import Template

__all__ = ["PeriodTask", "run_period", "run_periods", "run_tasks", "values_for"]

#: Seconds to wait for somebody who only looks at a period.
_GLANCE = 0.2
#: How many reports a worker builds in one go; while they are built nobody else can take them.
_AT_ONCE = 8
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PeriodTask:
    """A period to be taken, as it goes to a process that does it."""

    job: Job
    period: Period
    ledger: Path
    out: Path
    now: datetime
    run: Callable[..., Any]
    notify: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its state."""
        return f"{self.job.name}/{self.period.key}"


@dataclass(slots=True)
class _ClaimedPeriod:
    """A period whose lock is ours, and which we have said that we build."""

    task: PeriodTask
    ledger: Ledger
    record: PeriodState
    before: PeriodState
    secrets: list[str] = field(default_factory=list)

    def request(self) -> dict[str, Any]:
        """Return the arguments of its run."""
        from foxgrape.reports.templates.discovery import find_template
        from foxgrape.reports.templates.parameters import secret_values

        job = self.task.job
        about = {name: getattr(job, name) for name in ("study", "store") if getattr(job, name)}
        template = find_template(job.template)
        values = values_for(template, job, self.task.period)
        self.secrets = secret_values(template, values)
        return {"template": job.template, **about, "parameters": values, "out": self.task.out}

    def end(self, built: object) -> PeriodRun:
        """Keep what came of it: a run, or why there is none."""
        from foxgrape.reports.schedule.channels import redact

        run_id = getattr(built, "run_id", None)
        error = getattr(built, "error", None)
        if isinstance(built, FoxgrapeError):
            error = str(built)
        elif isinstance(built, Exception):
            error = f"{type(built).__name__}: {built}"
        if error is not None:
            error = " ".join(redact(error, self.secrets).split())
        self.record = self.record.ended(error, run_id)
        return self.close()

    def give_back(self) -> None:
        """Say that nobody builds it: who ends us by hand has nothing against the report."""
        self.ledger.write(self.task.name, self.before)

    def close(self) -> PeriodRun:
        """Keep its record, tell who is to be told, and return what came of it."""
        task, record = self.task, self.record
        # An attempt that failed is given up if it would not be tried again however late.
        far = task.now + max(task.job.retry_after, _TICK)
        given_up = next_action(record, far, **_rules(task)) == "given up"
        made = PeriodRun(
            entry=task.job.name,
            start=task.period.start,
            end=task.period.end,
            state="given up" if given_up else record.state,
            tries=len(record.tries),
            run_id=record.run_id,
            error=record.tries[-1].error,
        )
        # Told before it is kept: what is told twice is better than what is never told.
        record_outcome(self.ledger, task, made)
        self.ledger.write(task.name, record)
        if record.state == "done":
            self.ledger.forget(task.name)
        return made


def run_tasks(
    tasks: Iterable[PeriodTask],
    workers: int,
    progress: Callable[[PeriodRun], object] | None = None,
    run_many: Callable[..., Any] | None = None,
) -> list[PeriodRun]:
    """Take each task that nobody else has taken; return what came of them, in order."""
    tasks = list(tasks)
    tell = progress or (lambda _: None)
    if run_many is None and workers > 1 and len(tasks) > 1:
        return _in_processes(tasks, workers, tell)
    told: list[PeriodRun] = []
    for part in _parts(tasks, 1 if run_many is None else workers * _AT_ONCE):
        runs = [run_period(part[0])] if run_many is None else run_periods(part, workers, run_many)
        for run in runs:
            if run is not None:
                tell(run)
                told.append(run)
    return told


def run_period(task: PeriodTask) -> PeriodRun | None:
    """Build the report of a period, unless somebody else does or did."""

    def run_one(requests: list[dict[str, Any]], workers: int) -> list[Any]:  # noqa: ARG001
        request = dict(requests[0])
        return [task.run(request.pop("template"), **request)]

    return run_periods([task], 1, run_one)[0]


def run_periods(
    tasks: list[PeriodTask], workers: int, run_many: Callable[..., Any]
) -> list[PeriodRun | None]:
    """Build the reports of periods in one go; None for those that somebody else does or did."""
    made: list[PeriodRun | None] = [None] * len(tasks)
    with ExitStack() as stack:
        asked: dict[int, tuple[_ClaimedPeriod, dict[str, Any]]] = {}
        for number, task in enumerate(tasks):
            held = _claim(task, stack)
            if not isinstance(held, _ClaimedPeriod):
                made[number] = held
                continue
            try:
                asked[number] = held, held.request()
            except Exception as failed:  # noqa: BLE001 - one report's fault stops no other
                made[number] = held.end(failed)
        try:
            built = _built([request for _, request in asked.values()], workers, run_many)
        except BaseException:
            for held, _ in asked.values():
                held.give_back()
            raise
        for (number, (held, _)), one in zip(asked.items(), built, strict=True):
            made[number] = held.end(one)
    return made


def _claim(task: PeriodTask, stack: ExitStack) -> _ClaimedPeriod | PeriodRun | None:
    """Lock a period and say that it is built; return it, or what is known, if it is not to be."""
    ledger = Ledger(task.ledger)
    if not stack.enter_context(ledger.locked(task.name, wait=_GLANCE)):
        return None
    record = ledger.read(task.name)
    died = record.state == "running"
    if died:
        record = record.ended(DIED, died=True)
    decision = next_action(record, task.now, **_rules(task))
    if decision != "run":
        return (
            _ClaimedPeriod(task, ledger, record, record).close()
            if died and decision == "given up"
            else None
        )
    begun = record.begun(task.now)
    ledger.write(task.name, begun)
    return _ClaimedPeriod(task, ledger, begun, record)


def _built(
    requests: list[dict[str, Any]], workers: int, run_many: Callable[..., Any]
) -> list[object]:
    """Build all; if that cannot even begin, build each alone, to find out whose fault it is."""
    if not requests:
        return []
    try:
        return list(run_many(requests, workers=workers))
    except Exception as failed:  # noqa: BLE001 - one report's fault stops no other
        if len(requests) == 1:
            return [failed]
        return [_built([one], workers, run_many)[0] for one in requests]


def _parts(tasks: list[PeriodTask], size: int) -> list[list[PeriodTask]]:
    """Cut tasks into parts; one whose process has died before may be to blame, and is alone."""
    parts: list[list[PeriodTask]] = []
    mixes = False
    for task in tasks:
        record = Ledger(task.ledger).read(task.name)
        healthy = record.state != "running" and not any(one.died for one in record.tries)
        if parts and healthy and mixes and len(parts[-1]) < size:
            parts[-1].append(task)
        else:
            parts.append([task])
        mixes = healthy
    return parts


def _rules(task: PeriodTask) -> Any:
    return {"retries": task.job.retries, "retry_after": task.job.retry_after}


def values_for(template: Template, job: Job, period: Period) -> dict[str, Any]:
    """Return the parameters of a template for a period, checked; its end counts as now.

    Raises
    ------
    ParameterError
        If a parameter is unknown, missing or not of its type.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from foxgrape.reports.templates.discovery import find_template
    >>> from foxgrape.reports.schedule.config import Job
    >>> job = Job("mine", "lead_times", "Europe/Kyiv", parameters={"horizon": "60D"})
    >>> day = Period(datetime(2022, 9, 9, 21, tzinfo=UTC), datetime(2022, 9, 10, 21, tzinfo=UTC))
    >>> values_for(find_template("lead_times"), job, day)["horizon"]
    '60D'
    """
    from foxgrape.reports.templates.parameters import validate_parameters

    rules = template.schema["properties"]
    bounds = {
        name: _bound(period, bound, rules.get(name, {}).get("format"), job.zone)
        for name, bound in job.period.items()
    }
    return validate_parameters(
        template, {**job.parameters, **bounds}, now=period.end, zone=job.zone
    )


def _bound(period: Period, bound: str, kind: str | None, zone: str) -> str:
    if bound == "last_day":
        return str((period.end - _TICK).astimezone(ZoneInfo(zone)).date())
    instant = period.start if bound == "start" else period.end
    shown = instant.astimezone(ZoneInfo(zone))
    return str(shown.date()) if kind == "date" else shown.isoformat()


def _in_processes(
    tasks: list[PeriodTask], workers: int, tell: Callable[[PeriodRun], object]
) -> list[PeriodRun]:
    """Take tasks in fresh processes: neither deltalake nor a notebook's client survives a fork."""
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context
    from queue import SimpleQueue

    # A pool of one for each: where a process of a larger pool dies, all the others are ended too,
    # also one that has built a report and has yet to say so.
    pools: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()

    def fresh() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def build(task: PeriodTask) -> PeriodRun | None:
        pool = pools.get()
        try:
            return pool.submit(run_period, task).result()
        except BrokenProcessPool:
            pool.shutdown()
            pool = fresh()
            return _interrupted(task)
        finally:
            pools.put(pool)

    made: dict[int, PeriodRun] = {}
    for _ in range(workers):
        pools.put(fresh())
    threads = ThreadPoolExecutor(workers)
    try:
        futures = {threads.submit(build, task): number for number, task in enumerate(tasks)}
        for future in as_completed(futures):
            run = future.result()
            if run is not None:
                made[futures[future]] = run
                tell(run)
    finally:
        threads.shutdown(cancel_futures=True)
        while not pools.empty():
            pools.get().shutdown()
    return [made[number] for number in sorted(made)]


def _interrupted(task: PeriodTask) -> PeriodRun:
    """Tell of a task whose process died."""
    tries = len(Ledger(task.ledger).read(task.name).tries)
    period = task.period
    return PeriodRun(task.job.name, period.start, period.end, "interrupted", tries, None, DIED)
