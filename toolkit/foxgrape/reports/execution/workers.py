"""Processes that do runs: forked from the nursery where that can be, started afresh elsewhere."""

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

__all__ = ["Workers", "can_fork"]

#: Reports are small, and several run at once: threads of the linear algebra would only be in the
#: way, of each other and of the fork.
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def can_fork() -> bool:
    """Tell whether runs can be forked: not on Windows, and not safely with Apple's libraries."""
    return sys.platform == "linux"


class Workers:
    """Start and end the processes of runs, and hear what they say.

    Each word is ``(number of the run, what it says)``: first ``begun``, then ``cell``,
    ``result``, and last ``exit`` with the exit code of its process (negative: the signal that
    ended it).

    Parameters
    ----------
    fork
        Whether to fork runs from a nursery.
    many
        Whether there will be more than one run.
    """

    def __init__(self, *, fork: bool, many: bool) -> None:
        self._words: queue.Queue[tuple[int, dict[str, Any]]] = queue.Queue()
        self._orders: dict[int, Mapping[str, Any]] = {}
        self._begun: set[int] = set()
        self._plain: dict[int, subprocess.Popen[str]] = {}
        # Who starts what, when the nursery is found unfit at the same moment.
        self._turn = threading.Lock()
        self._ears: list[threading.Thread] = []
        self._over = False
        self._nursery: subprocess.Popen[str] | None = None
        if fork:
            self._nursery = _popen(
                "foxgrape.reports.execution.fork_server", *(["many"] if many else [])
            )
            self._listen(self._hear_nursery, self._nursery)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        with self._turn:
            self._over = True
            if self._nursery is not None:
                # It ends all that it has begun when nobody speaks to it any more.
                _shut(self._nursery)
            for process in self._plain.values():
                _kill(process)
        for ear in self._ears:
            ear.join()

    def start(self, number: int, order: Mapping[str, Any]) -> None:
        """Begin a run."""
        with self._turn:
            self._orders[number] = order
            if self._nursery is None or not _write(self._nursery, {"job": number, "order": order}):
                self._start_plain(number)

    def stop(self, number: int) -> None:
        """End a run and all that it has started."""
        with self._turn:
            if number in self._plain:
                _kill(self._plain[number])
            elif self._nursery is not None:
                _write(self._nursery, {"job": number})

    def hear(self, seconds: float | None = None) -> tuple[int, dict[str, Any]] | None:
        """Return the next word, None if none comes in time."""
        try:
            return self._words.get(timeout=seconds)
        except queue.Empty:
            return None

    def _listen(self, hear: Callable[..., None], *known: object) -> None:
        ear = threading.Thread(target=hear, args=known, daemon=True)
        self._ears.append(ear)
        ear.start()

    def _hear_nursery(self, nursery: subprocess.Popen[str]) -> None:
        for line in nursery.stdout or ():
            word = json.loads(line)
            number = word.pop("job", None)
            if number is None:
                continue
            if "begun" in word:
                self._begun.add(number)
            if "exit" in word:
                self._orders.pop(number, None)
            self._words.put((number, word))
        # It was unfit, or is gone: what it began has ended with it, the rest begins afresh.
        nursery.wait()
        with self._turn:
            self._nursery = None
            _shut(nursery)
            for number in () if self._over else list(self._orders):
                if number in self._begun:
                    self._words.put((number, {"exit": -int(signal.SIGKILL)}))
                elif number not in self._plain:
                    self._start_plain(number)

    def _start_plain(self, number: int) -> None:
        process = _popen("foxgrape.reports.execution.job")
        self._plain[number] = process
        _write(process, self._orders[number])
        self._words.put((number, {"begun": process.pid}))
        self._listen(self._hear_plain, number, process)

    def _hear_plain(self, number: int, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self._words.put((number, json.loads(line)))
        code = process.wait()
        _kill(process)
        _shut(process)
        self._words.put((number, {"exit": code}))


def _popen(module: str, *words: str) -> subprocess.Popen[str]:
    """Start one of our modules as a program, with this very package first on its path."""
    env = dict(os.environ)
    for name in _ONE_THREAD:
        env.setdefault(name, "1")
    ours = str(Path(__file__).parents[3])
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [ours, env.get("PYTHONPATH")]))
    return subprocess.Popen(  # noqa: S603 - our own words
        # -P: the folder that a report is built in is no place to import from.
        [sys.executable, "-P", "-m", module, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=env,
        text=True,
        encoding="utf-8",
        # Ctrl-C at a terminal is for us; we end them.
        start_new_session=True,
    )


def _write(process: subprocess.Popen[str], word: Mapping[str, Any]) -> bool:
    """Say something to a process; tell whether it could still be heard."""
    if process.stdin is None:
        return False
    try:
        process.stdin.write(f"{json.dumps(word)}\n")
        process.stdin.flush()
    except (BrokenPipeError, ValueError):
        return False
    return True


def _shut(process: subprocess.Popen[str]) -> None:
    """Say no more to a process, and hear no more of one that has ended."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()
    if process.returncode is not None and process.stdout is not None:
        process.stdout.close()


def _kill(process: subprocess.Popen[str]) -> None:
    """End a process and its group."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
