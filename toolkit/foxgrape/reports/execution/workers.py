"""Start the processes of runs, forked from a fork server where possible, and stop them."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from foxgrape.reports.execution.job import WorkerMessage
    from foxgrape.reports.plan import JobSpec

__all__ = ["Workers", "can_fork"]

#: Variables that limit linear algebra libraries to one thread: reports are small and run in
#: parallel, and threads do not survive a fork.
_THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def can_fork() -> bool:
    """Return whether runs can be forked, which Windows and Apple's libraries do not support."""
    return sys.platform == "linux"


class Workers:
    """Start and stop the processes of runs, and receive their messages.

    A run sends ``started``, then ``cell`` for each cell, ``result``, and finally ``exit``; see
    `WorkerMessage`.

    Parameters
    ----------
    fork
        Whether to fork runs from a fork server.
    preload
        Whether the fork server also imports the packages that notebooks use, which saves time if
        there are at least two runs.
    """

    def __init__(self, *, fork: bool, preload: bool) -> None:
        self._messages: queue.Queue[tuple[int, WorkerMessage]] = queue.Queue()
        self._specs: dict[int, JobSpec] = {}
        self._started: set[int] = set()
        self._processes: dict[int, subprocess.Popen[str]] = {}
        # `start` may be called while the thread that reads the fork server's messages handles
        # its end and starts runs too.
        self._lock = threading.Lock()
        self._readers: list[threading.Thread] = []
        self._closed = False
        self._fork_server: subprocess.Popen[str] | None = None
        if fork:
            arguments = ["preload"] if preload else []
            self._fork_server = _popen("foxgrape.reports.execution.fork_server", *arguments)
            self._read_in_thread(self._read_fork_server, self._fork_server)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._closed = True
            if self._fork_server is not None:
                # When its stdin is closed, the fork server kills its runs and exits.
                _close_pipes(self._fork_server)
            for process in self._processes.values():
                _kill(process)
        for reader in self._readers:
            reader.join()

    def start(self, number: int, spec: JobSpec) -> None:
        """Start a run."""
        with self._lock:
            self._specs[number] = spec
            request = {"job": number, "spec": spec}
            if self._fork_server is None or not _write(self._fork_server, request):
                self._start_process(number)

    def stop(self, number: int) -> None:
        """Kill a run and all processes that it started."""
        with self._lock:
            if number in self._processes:
                _kill(self._processes[number])
            elif self._fork_server is not None:
                _write(self._fork_server, {"job": number})

    def next_message(self, seconds: float | None = None) -> tuple[int, WorkerMessage] | None:
        """Return the next message with its run's number; None if no message arrives in time."""
        try:
            return self._messages.get(timeout=seconds)
        except queue.Empty:
            return None

    def _read_in_thread(self, read: Callable[..., None], *arguments: object) -> None:
        reader = threading.Thread(target=read, args=arguments, daemon=True)
        self._readers.append(reader)
        reader.start()

    def _read_fork_server(self, fork_server: subprocess.Popen[str]) -> None:
        for line in fork_server.stdout or ():
            message = json.loads(line)
            number = message.pop("job", None)
            if number is None:
                continue
            if "started" in message:
                self._started.add(number)
            if "exit" in message:
                self._specs.pop(number, None)
            self._messages.put((number, message))
        # The fork server was unusable or has died, and its runs with it. Report those runs as
        # killed, and start the runs that had not started as separate processes.
        fork_server.wait()
        with self._lock:
            self._fork_server = None
            _close_pipes(fork_server)
            for number in () if self._closed else list(self._specs):
                if number in self._started:
                    self._messages.put((number, {"exit": -int(signal.SIGKILL)}))
                elif number not in self._processes:
                    self._start_process(number)

    def _start_process(self, number: int) -> None:
        process = _popen("foxgrape.reports.execution.job")
        self._processes[number] = process
        _write(process, self._specs[number])
        self._messages.put((number, {"started": process.pid}))
        self._read_in_thread(self._read_process, number, process)

    def _read_process(self, number: int, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self._messages.put((number, json.loads(line)))
        code = process.wait()
        _kill(process)
        _close_pipes(process)
        self._messages.put((number, {"exit": code}))


def _popen(module: str, *arguments: str) -> subprocess.Popen[str]:
    """Run a module of this package in a new process that imports foxgrape from the same place."""
    env = dict(os.environ)
    for name in _THREAD_VARIABLES:
        env.setdefault(name, "1")
    package_parent = str(Path(__file__).parents[3])
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [package_parent, env.get("PYTHONPATH")]))
    return subprocess.Popen(  # noqa: S603 - fixed arguments
        # -P: do not import modules from the working folder.
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=env,
        text=True,
        encoding="utf-8",
        # Use a new session, so that Ctrl-C in a terminal interrupts only this process, which
        # then stops the worker processes.
        start_new_session=True,
    )


def _write(process: subprocess.Popen[str], message: Mapping[str, Any]) -> bool:
    """Write a message to a process's stdin; return False if the pipe is closed."""
    if process.stdin is None:
        return False
    try:
        process.stdin.write(f"{json.dumps(message)}\n")
        process.stdin.flush()
    except (BrokenPipeError, ValueError):
        return False
    return True


def _close_pipes(process: subprocess.Popen[str]) -> None:
    """Close a worker process's stdin and, if the process has ended, its stdout."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()
    if process.returncode is not None and process.stdout is not None:
        process.stdout.close()


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill a process and, except on Windows, its process group."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
