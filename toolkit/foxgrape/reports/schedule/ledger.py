"""Store period states in a folder: one small JSON file and one lock file per period."""

from __future__ import annotations

import json
import os
import re
import socket
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from foxgrape._util.directories import Directory, directory_at
from foxgrape._util.regular_files import read_regular
from foxgrape._util.unicode import json_bytes
from foxgrape.reports.period_keys import period_key

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Attempt", "Ledger", "Period", "PeriodState", "next_action"]

#: Number of attempts ended by the death of their process after which a period is not retried.
MAX_DEATHS = 3
#: Error text of an attempt whose process died.
DIED = "its process died"
#: Pattern of the names of state and lock files, which contain the key of the period.
_STATE_FILE = re.compile(r"(\d{8}T\d{6}Z)\.json")
_LOCK_FILE = re.compile(r"(\d{8}T\d{6}Z)\.lock")
#: Maximum seconds to wait for the lock of a JSON file.
_LOCK_TIMEOUT = 10.0

Action = Literal["run", "wait", "done", "given up"]


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The time span that a report covers, in UTC.

    Attributes
    ----------
    start
        First instant.
    end
        First instant after the span, at which the report becomes due.
    """

    start: datetime
    end: datetime

    @property
    def key(self) -> str:
        """Name of the period's state file, without suffix."""
        return period_key(self.end)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to build the report of a period.

    Attributes
    ----------
    started
        Reference time (`now`) of the call that started the attempt, in ISO 8601.
    pid, host
        Process and machine that made the attempt.
    error
        Why the attempt failed; None while it is running and if it succeeded.
    died
        Whether the attempt ended because its process died.
    """

    started: str
    pid: int
    host: str
    error: str | None = None
    died: bool = False


@dataclass(frozen=True, slots=True)
class PeriodState:
    """Build state of a period.

    Attributes
    ----------
    state
        ``planned``, ``running``, ``done`` or ``failed``. ``running`` without a held lock means
        that the attempt was interrupted.
    tries
        All attempts, in order.
    run_id
        Id of the run that was built, if any.
    """

    state: Literal["planned", "running", "done", "failed"] = "planned"
    tries: tuple[Attempt, ...] = ()
    run_id: str | None = None

    def start_attempt(self, now: datetime) -> PeriodState:
        """Return the state with a new, running attempt."""
        attempt = Attempt(now.astimezone(UTC).isoformat(), os.getpid(), socket.gethostname())
        return replace(self, state="running", tries=(*self.tries, attempt))

    def finish_attempt(
        self, error: str | None, run_id: str | None = None, *, died: bool = False
    ) -> PeriodState:
        """Return the state with its last attempt finished."""
        last = replace(self.tries[-1], error=error, died=died)
        state: Literal["done", "failed"] = "done" if error is None else "failed"
        return replace(self, state=state, tries=(*self.tries[:-1], last), run_id=run_id)


def next_action(
    record: PeriodState, now: datetime, *, retries: int | None, retry_after: timedelta
) -> Action:
    """Return what to do with a period; the caller must hold its lock.

    Parameters
    ----------
    record
        State of the period; must not be ``running``.
    now
        Reference time.
    retries
        Maximum number of retries after failures; None for no limit.
    retry_after
        Minimum time between the start of a failed attempt and the next attempt.

    Examples
    --------
    >>> now = datetime(2022, 9, 10, tzinfo=UTC)
    >>> failed = PeriodState().start_attempt(now).finish_attempt("division by zero")
    >>> next_action(failed, now, retries=1, retry_after=timedelta(minutes=10))
    'wait'
    >>> next_action(failed, now, retries=0, retry_after=timedelta(minutes=10))
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
    """A folder of period states, safe to use from several processes at once.

    Parameters
    ----------
    folder
        Created on the first write.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     ledger = Ledger(folder)
    ...     with ledger.lock("mornings/20220910T040000Z") as first:
    ...         with ledger.lock("mornings/20220910T040000Z") as second:
    ...             print(first, second)
    True False
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def read_state(self, name: str) -> PeriodState:
        """Return the state of a period; a missing or corrupt file counts as ``planned``."""
        content = self.read_json(name)
        try:
            tries = tuple(Attempt(**attempt) for attempt in content.get("tries", ()))
            return PeriodState(content.get("state", "planned"), tries, content.get("run_id"))
        except TypeError:
            return PeriodState()

    def period_keys(self, entry: str) -> list[str]:
        """Return the keys of an entry's periods that have a state, oldest first."""
        return self._keys(entry, _STATE_FILE)

    def _keys(self, entry: str, pattern: re.Pattern[str]) -> list[str]:
        try:
            with self.open_folder(f"{entry}/any") as (folder, _):
                names = folder.names()
        except FileNotFoundError:
            return []
        return [match[1] for name in names if (match := pattern.fullmatch(name))]

    def clear_locks(self, entry: str) -> None:
        """Delete lock files of periods that are done, whose processes died before they did so."""
        for name in (f"{entry}/{key}" for key in self._keys(entry, _LOCK_FILE)):
            if self.read_state(name).state == "done":
                with self.lock(name) as acquired:
                    if acquired:
                        self.remove_lock_file(name)

    def write_state(self, name: str, record: PeriodState) -> None:
        """Write the state of a period."""
        self.write_json(name, asdict(record))

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the object in a JSON file; empty if it is missing or corrupt."""
        try:
            content = json.loads(read_regular(self.folder / f"{name}.json").decode("utf-8"))
        except (FileNotFoundError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file atomically."""
        with self.open_folder(name, make=True) as (folder, stem):
            folder.write(f"{stem}.json", json_bytes(content, indent=1) + b"\n")

    def setdefault(self, name: str, default: dict[str, Any]) -> dict[str, Any]:
        """Return the content of a JSON file; write `default` first if it is missing."""
        if not self.read_json(name):
            with self.lock(name, wait=_LOCK_TIMEOUT):
                if not self.read_json(name):
                    self.write_json(name, default)
        return self.read_json(name)

    @contextmanager
    def open_folder(self, name: str, *, make: bool = False) -> Iterator[tuple[Directory, str]]:
        """Open the folder of a file; yield it with the last part of the file's name.

        Symbolic links are refused at the ledger's folder and below, and followed above.
        """
        *folders, stem = name.split("/")
        root, *folders = self.folder.parent, self.folder.name, *folders
        with directory_at(root, *folders, make=make) as folder:
            yield folder, stem

    @contextmanager
    def lock(self, name: str, *, wait: float = 0) -> Iterator[bool]:
        """Hold a lock while the block runs; yield whether the lock was acquired.

        The operating system releases the lock when the process ends. The lock file stays until
        `remove_lock_file` deletes it.
        """
        from filelock import FileLock, Timeout

        with self.open_folder(name, make=True) as (folder, stem):
            folder.refuse_link(f"{stem}.lock")
        lock = FileLock(self.folder / f"{name}.lock")
        try:
            lock.acquire(timeout=wait, poll_interval=0.02)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def remove_lock_file(self, name: str) -> None:
        """Delete the lock file of a period that is done, while holding its lock.

        This is safe: a process that waits for this lock file, or creates a new one, then reads
        that the period is done.
        """
        # Windows refuses to delete an open file.
        with suppress(OSError), self.open_folder(name) as (folder, stem):
            folder.unlink(f"{stem}.lock")
