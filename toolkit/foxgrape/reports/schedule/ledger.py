"""What has become of each period: a small file each, and a lock that dies with its process."""

from __future__ import annotations

import json
import os
import socket
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from foxgrape._util.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Attempt", "Ledger", "Period", "PeriodState", "next_action", "write_atomic"]

#: How often a period whose process died is taken up again: a report may be what kills it.
MAX_DEATHS = 3
#: Seconds to wait for somebody who writes a small file.
_PATIENCE = 10.0
DIED = "its process died"

Decision = Literal["run", "wait", "done", "given up"]


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A span of time that a report covers, from its start up to its end, in UTC.

    Attributes
    ----------
    start
        First instant.
    end
        The first instant after it; then its report is due.
    """

    start: datetime
    end: datetime

    @property
    def key(self) -> str:
        """Its name as a file."""
        return self.end.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to build the report of a period.

    Attributes
    ----------
    started
        The now of the call that made it, ISO 8601.
    pid, host
        Who made it.
    error
        Why it failed; None if it did not, or goes on.
    died
        Whether its process ended before it did.
    """

    started: str
    pid: int
    host: str
    error: str | None = None
    died: bool = False


@dataclass(frozen=True, slots=True)
class PeriodState:
    """What is known of a period.

    Attributes
    ----------
    state
        ``planned``, ``running``, ``done`` or ``failed``; one that is ``running`` while nobody
        holds its lock was interrupted.
    tries
        All attempts, in order.
    run_id
        The run that was built; None if there is none.
    """

    state: Literal["planned", "running", "done", "failed"] = "planned"
    tries: tuple[Attempt, ...] = ()
    run_id: str | None = None

    def begun(self, now: datetime) -> PeriodState:
        """Return it with one more attempt, which goes on."""
        made = Attempt(now.astimezone(UTC).isoformat(), os.getpid(), socket.gethostname())
        return replace(self, state="running", tries=(*self.tries, made))

    def ended(
        self, error: str | None, run_id: str | None = None, *, died: bool = False
    ) -> PeriodState:
        """Return it with its last attempt at an end."""
        last = replace(self.tries[-1], error=error, died=died)
        state: Literal["done", "failed"] = "done" if error is None else "failed"
        return replace(self, state=state, tries=(*self.tries[:-1], last), run_id=run_id)


def next_action(
    record: PeriodState, now: datetime, *, retries: int | None, retry_after: timedelta
) -> Decision:
    """Tell what is to be done about a period whose lock is ours.

    Parameters
    ----------
    record
        What is known of it; not ``running``.
    now
        The instant that counts as now.
    retries
        How often it is tried again after it failed; None for without end.
    retry_after
        How long after the start of an attempt that failed.

    Examples
    --------
    >>> now = datetime(2022, 9, 10, tzinfo=UTC)
    >>> failed = Record().begun(now).ended("division by zero")
    >>> decide(failed, now, retries=1, retry_after=timedelta(minutes=10))
    'wait'
    >>> decide(failed, now, retries=0, retry_after=timedelta(minutes=10))
    'given up'
    """
    if record.state == "done":
        return "done"
    deaths = sum(attempt.died for attempt in record.tries)
    failures = len(record.tries) - deaths
    if retries is not None and (failures > retries or deaths >= MAX_DEATHS):
        return "given up"
    if record.tries and not record.tries[-1].died:
        started = datetime.fromisoformat(record.tries[-1].started)
        if now < started + retry_after:
            return "wait"
    return "run"


class Ledger:
    """A folder in which the states of periods are kept, for any number of processes at once.

    Parameters
    ----------
    folder
        Made when something is written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     ledger = Ledger(folder)
    ...     with ledger.locked("mornings/20220910T040000Z") as mine:
    ...         with ledger.locked("mornings/20220910T040000Z") as theirs:
    ...             print(mine, theirs)
    True False
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def read(self, name: str) -> PeriodState:
        """Return what is known of a period; what a broken disk left half is not known."""
        told = self.told(name)
        try:
            tries = tuple(Attempt(**attempt) for attempt in told.get("tries", ()))
            return PeriodState(told.get("state", "planned"), tries, told.get("run_id"))
        except TypeError:
            return PeriodState()

    def told(self, name: str) -> dict[str, Any]:
        """Return a small file, empty where there is none that can be read."""
        try:
            read = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError, RecursionError):
            return {}
        return read if isinstance(read, dict) else {}

    def write(self, name: str, record: PeriodState) -> None:
        """Keep what is known of a period."""
        self.tell(name, asdict(record))

    def tell(self, name: str, told: dict[str, Any]) -> None:
        """Keep a small file, whole or not at all."""
        text = json.dumps(told, ensure_ascii=False, indent=1)
        write_atomic(self.folder / f"{name}.json", f"{text}\n")

    def first(self, name: str, told: dict[str, Any]) -> dict[str, Any]:
        """Keep a small file unless there is one; return the one that is there then."""
        if not self.told(name):
            with self.locked(name, wait=_PATIENCE):
                if not self.told(name):
                    self.tell(name, told)
        return self.told(name)

    @contextmanager
    def locked(self, name: str, *, wait: float = 0) -> Iterator[bool]:
        """Hold a lock while the block runs; False if another one holds it.

        The system takes a lock back when its process ends, however that ends. Lock files stay,
        but for those of periods that are done: see `forget`.
        """
        from filelock import FileLock, Timeout

        path = self.folder / f"{name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=wait, poll_interval=0.02)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def forget(self, name: str) -> None:
        """Remove the lock file of a period that is done, while its lock is held.

        Somebody who comes by this file, or by a new one, reads that the period is done.
        """
        with suppress(OSError):  # Windows keeps an open file
            (self.folder / f"{name}.lock").unlink()
