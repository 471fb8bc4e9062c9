"""Build the reports of periods: one at a time, in worker processes, or in batches.

Each period is built under its own lock, and its state is written before the lock is released.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from foxgrape._util.secrets import SecretFilter
from foxgrape._util.unicode import replace_surrogates
from foxgrape.errors import FoxgrapeError, ScheduleError
from foxgrape.reports.key_points import read_key_points
from foxgrape.reports.schedule.ingest_sources import store_versions
from foxgrape.reports.schedule.ledger import DIED, Ledger, Period, PeriodState
from foxgrape.reports.schedule.messages import previous_run
from foxgrape.reports.schedule.outbox import record_outcome
from foxgrape.reports.schedule.periods import due_in_words, values_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from foxgrape.reports.schedule.config import Job

__all__ = ["PeriodRun", "PeriodTask", "run_period", "run_periods", "run_tasks", "values_for"]

#: Maximum seconds to wait for the lock of a period.
_LOCK_TIMEOUT = 0.2
#: Number of reports per worker in one batch. A batch locks all of its periods until it ends, so
#: larger batches leave less work for calls that run at the same time.
_BATCH = 8
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PeriodRun:
    """Result of one attempt to build the report of a period.

    Attributes
    ----------
    entry
        Name of the report.
    start, end
        The period.
    state
        ``done``; ``skipped`` if there is nothing new, as asked; ``failed`` if it will be retried;
        ``given up`` if it will not; ``interrupted`` if the process died, in which case the next
        call retries it.
    tries
        Attempts so far, including those of earlier calls.
    run_id
        Id of the run that was built, if any.
    error
        Why the attempt failed, in one line; None if it succeeded.
    """

    entry: str
    start: datetime
    end: datetime
    state: str
    tries: int
    run_id: str | None
    error: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return asdict(self) | {"start": self.start.isoformat(), "end": self.end.isoformat()}


@dataclass(frozen=True, slots=True)
class PeriodTask:
    """A period to build, with all data that a worker process needs.

    Attributes
    ----------
    notify, deliver
        Names of the channels that receive alerts, and of those that receive the finished report.
    base_url
        Address at which the reports folder is served, ending in a slash; None if unknown.
    publish
        Whether the page is copied to the stable addresses of the entry.
    problem
        Why the period fails without being built; None to build it.
    skip_unchanged
        Whether the period is skipped if the store has not changed since the entry's previous run.
    """

    job: Job
    period: Period
    ledger: Path
    out: Path
    now: datetime
    run: Callable[..., Any]
    notify: tuple[str, ...] = ()
    deliver: tuple[str, ...] = ()
    base_url: str | None = None
    publish: bool = False
    problem: str | None = None
    skip_unchanged: bool = False

    @property
    def name(self) -> str:
        """Name of the period's state in the ledger."""
        return f"{self.job.name}/{self.period.key}"


@dataclass(slots=True)
class _ClaimedPeriod:
    """A period that this process has locked and marked as running."""

    task: PeriodTask
    ledger: Ledger
    record: PeriodState
    before: PeriodState
    secrets: SecretFilter = field(default_factory=SecretFilter)

    def request(self) -> dict[str, Any]:
        """Return the arguments of `run_report`."""
        from foxgrape.reports.templates.discovery import find_template
        from foxgrape.reports.templates.parameters import secret_variables

        job = self.task.job
        if self.task.problem is not None:
            raise ScheduleError(self.task.problem)
        data = {name: getattr(job, name) for name in ("study", "store") if getattr(job, name)}
        template = find_template(job.template)
        values = values_for(template, job, self.task.period)
        self.secrets = SecretFilter.of_variables(secret_variables(template, values))
        return {"template": job.template, **data, "parameters": values, "out": self.task.out}

    def finish(self, result: object) -> PeriodRun:
        """Record the outcome: a run, or the exception that the build raised."""
        run_id = getattr(result, "run_id", None)
        error = getattr(result, "error", None)
        if isinstance(result, FoxgrapeError):
            error = str(result)
        elif isinstance(result, Exception):
            error = f"{type(result).__name__}: {result}"
        if error is None and run_id is not None and self.task.publish:
            error = self._publish(run_id)
        if error is not None:
            error = " ".join(replace_surrogates(self.secrets.redact(error)).split())
        self.record = self.record.finish_attempt(error, run_id)
        return self.close()

    def _publish(self, run_id: str) -> str | None:
        """Copy the page to its stable addresses; return an error, or None on success."""
        from foxgrape.reports.addresses import publish

        task = self.task
        label = read_key_points(task.out, run_id).days
        try:
            publish(
                task.out,
                task.job.name,
                period=task.period.key,
                label=label or due_in_words(task.period.end, task.job.zone),
                run_id=run_id,
                updated=task.now.astimezone(UTC).isoformat(timespec="seconds"),
                base_url=task.base_url,
            )
        except FoxgrapeError as error:
            return str(error)
        except OSError as error:
            return f"cannot write the page to its address: {error.strerror or error}"
        return None

    def has_nothing_new(self) -> bool:
        """Return whether the period is to be skipped, because the store has not changed."""
        task = self.task
        if not task.skip_unchanged or task.problem is not None or task.job.store is None:
            return False
        previous = previous_run(self.ledger, task)
        if previous is None:
            return False
        store = read_key_points(task.out, previous).manifest.get("store")
        before = store.get("versions") if isinstance(store, dict) else None
        return bool(before) and before == store_versions(task.job.store)

    def skip(self) -> PeriodRun:
        """Record that the period needs no report."""
        self.record = self.record.finish_attempt(None)
        self.ledger.write_state(self.task.name, self.record)
        self.ledger.remove_lock_file(self.task.name)
        period, tries = self.task.period, len(self.record.tries)
        name = self.task.job.name
        return PeriodRun(name, period.start, period.end, "skipped", tries, None, None)

    def release(self) -> None:
        """Undo the claim, because an interrupted call does not count as a failed attempt."""
        self.ledger.write_state(self.task.name, self.before)

    def close(self) -> PeriodRun:
        """Write the state, queue messages and return the result."""
        task, record = self.task, self.record
        # The period has failed for good if no later call would retry it.
        later = task.now + max(task.job.retry_after, _TICK)
        given_up = task.job.next_action(record, later) == "given up"
        run = PeriodRun(
            entry=task.job.name,
            start=task.period.start,
            end=task.period.end,
            state="given up" if given_up else record.state,
            tries=len(record.tries),
            run_id=record.run_id,
            error=record.tries[-1].error,
        )
        # Queue messages first: if the process dies in between, the period is built again, and what
        # is queued or sent already is not queued again.
        record_outcome(self.ledger, task, run)
        self.ledger.write_state(task.name, record)
        if record.state == "done":
            self.ledger.remove_lock_file(task.name)
        return run


def run_tasks(
    tasks: Iterable[PeriodTask],
    workers: int,
    progress: Callable[[PeriodRun], object] | None = None,
    run_many: Callable[..., Any] | None = None,
) -> list[PeriodRun]:
    """Run all tasks that no other process has claimed; return their results in order."""
    tasks = list(tasks)
    report = progress or (lambda _: None)
    if run_many is None and workers > 1 and len(tasks) > 1:
        return _run_in_processes(tasks, workers, report)
    results: list[PeriodRun] = []
    for batch in _batches(tasks, 1 if run_many is None else workers * _BATCH):
        runs = [run_period(batch[0])] if run_many is None else run_periods(batch, workers, run_many)
        for run in runs:
            if run is not None:
                report(run)
                results.append(run)
    return results


def run_period(task: PeriodTask) -> PeriodRun | None:
    """Build the report of a period; None if another process has built or claimed it."""

    def run_one(requests: list[dict[str, Any]], workers: int) -> list[Any]:  # noqa: ARG001
        request = dict(requests[0])
        return [task.run(request.pop("template"), **request)]

    return run_periods([task], 1, run_one)[0]


def run_periods(
    tasks: list[PeriodTask], workers: int, run_many: Callable[..., Any]
) -> list[PeriodRun | None]:
    """Build a batch of reports; None for a period that another process built or claimed."""
    results: list[PeriodRun | None] = [None] * len(tasks)
    with ExitStack() as stack:
        claimed: dict[int, tuple[_ClaimedPeriod, dict[str, Any]]] = {}
        for number, task in enumerate(tasks):
            period = _claim(task, stack)
            if not isinstance(period, _ClaimedPeriod):
                results[number] = period
                continue
            try:
                if period.has_nothing_new():
                    results[number] = period.skip()
                    continue
                claimed[number] = period, period.request()
            except Exception as error:  # noqa: BLE001 - one faulty report must not stop the others
                results[number] = period.finish(error)
        try:
            outcomes = _build([request for _, request in claimed.values()], workers, run_many)
        except BaseException:
            for period, _ in claimed.values():
                period.release()
            raise
        for (number, (period, _)), outcome in zip(claimed.items(), outcomes, strict=True):
            results[number] = period.finish(outcome)
    return results


def _claim(task: PeriodTask, stack: ExitStack) -> _ClaimedPeriod | PeriodRun | None:
    """Claim a period: lock it and mark it as running.

    Return None if another process holds the lock, or if the period does not need to be built.
    Return the final result if the period is given up because its processes died.
    """
    ledger = Ledger(task.ledger)
    if not stack.enter_context(ledger.lock(task.name, wait=_LOCK_TIMEOUT)):
        return None
    record = ledger.read_state(task.name)
    died = record.state == "running"
    if died:
        record = record.finish_attempt(DIED, died=True)
    action = task.job.next_action(record, task.now)
    if action == "run":
        running = record.start_attempt(task.now)
        ledger.write_state(task.name, running)
        return _ClaimedPeriod(task, ledger, running, record)
    if died and action == "given up":
        return _ClaimedPeriod(task, ledger, record, record).close()
    return None


def _build(
    requests: list[dict[str, Any]], workers: int, run_many: Callable[..., Any]
) -> list[object]:
    """Build a batch; if the batch fails, build each report alone to find the faulty one."""
    if not requests:
        return []
    try:
        return list(run_many(requests, workers=workers))
    except Exception as error:  # noqa: BLE001 - one faulty report must not stop the others
        if len(requests) == 1:
            return [error]
        return [_build([request], workers, run_many)[0] for request in requests]


def _batches(tasks: list[PeriodTask], size: int) -> list[list[PeriodTask]]:
    """Split tasks into batches; a period that may kill its process again gets its own batch."""
    batches: list[list[PeriodTask]] = []
    extendable = False
    for task in tasks:
        record = Ledger(task.ledger).read_state(task.name)
        healthy = record.state != "running" and not any(attempt.died for attempt in record.tries)
        if batches and healthy and extendable and len(batches[-1]) < size:
            batches[-1].append(task)
        else:
            batches.append([task])
        extendable = healthy
    return batches


def _run_in_processes(
    tasks: list[PeriodTask], workers: int, report: Callable[[PeriodRun], object]
) -> list[PeriodRun]:
    """Run tasks in spawned processes; deltalake and kernel clients do not survive a fork."""
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context
    from queue import SimpleQueue

    # One pool per worker: when a process dies, a larger pool would end its other processes too,
    # including one that has built a report and not yet returned it.
    pools: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()

    def new_pool() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def build(task: PeriodTask) -> PeriodRun | None:
        pool = pools.get()
        try:
            return pool.submit(run_period, task).result()
        except BrokenProcessPool:
            pool.shutdown()
            pool = new_pool()
            return _interrupted(task)
        finally:
            pools.put(pool)

    results: dict[int, PeriodRun] = {}
    for _ in range(workers):
        pools.put(new_pool())
    threads = ThreadPoolExecutor(workers)
    try:
        futures = {threads.submit(build, task): number for number, task in enumerate(tasks)}
        for future in as_completed(futures):
            run = future.result()
            if run is not None:
                results[futures[future]] = run
                report(run)
    finally:
        threads.shutdown(cancel_futures=True)
        while not pools.empty():
            pools.get().shutdown()
    return [results[number] for number in sorted(results)]


def _interrupted(task: PeriodTask) -> PeriodRun:
    """Return the result of a task whose process died."""
    tries = len(Ledger(task.ledger).read_state(task.name).tries)
    period = task.period
    return PeriodRun(task.job.name, period.start, period.end, "interrupted", tries, None, DIED)
