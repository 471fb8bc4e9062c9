"""The nursery: one process that has imported everything once, and forks each run from itself.

A kernel with pandas and plotly takes 1.6 s to start, importing papermill and nbconvert 5 s more.
Here all that happens once; each run is a fork of the nursery, and its kernel a fork of the run
before the run has done anything: neither has seen another report.

Threads do not survive a fork. So the nursery has one only (but jemalloc's, which is made for
this), never touches deltalake, which starts threads when it is imported, and says that it is
unfit where that is not so.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.reports.execution.job import redirect_output_to_log, run_job, send_message
from foxgrape.reports.execution.kernel import ForkedKernelProcess, die_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main"]

#: Threads that know about forks.
_FORK_PROOF = {"jemalloc_bg_thd"}
#: Others import it where it is installed, and it starts a thread when it is imported.
_THREADED = "polars"
#: Seconds between looks at who has ended.
_LOOK = 0.02


def main(*, many: bool) -> None:
    """Take orders from stdin and fork a run for each, until stdin ends.

    Parameters
    ----------
    many
        Whether to import, besides what runs the notebooks, what they themselves may import: for
        one run that would be no gain.
    """
    with _hidden(_THREADED):
        _prepare()
        if many:
            _warm()
    # What is here stays here: a collection in a fork would copy every page of it.
    gc.collect()
    gc.freeze()
    others = _threads()
    if others:
        send_message(1, {"unfit": ", ".join(sorted(others))})
        return
    send_message(1, {"ready": True})
    jobs: dict[int, int] = {}
    waiting = b""
    try:
        while True:
            if select.select([0], [], [], _LOOK if jobs else None)[0]:
                got = os.read(0, 65536)
                if not got:
                    return
                *lines, waiting = (waiting + got).split(b"\n")
                for line in lines:
                    _handle_message(json.loads(line), jobs)
            _reap(jobs)
    finally:
        for pid in jobs.values():
            _end(pid)


@contextlib.contextmanager
def _hidden(module: str) -> Iterator[None]:
    """Make a module look as if it were not installed; runs may import it again."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


def _prepare() -> None:
    """Import what runs a notebook and makes its page."""
    import nbformat
    import papermill  # noqa: F401

    import foxgrape.reports.execution.engine
    import foxgrape.reports.execution.kernel_process  # noqa: F401
    from foxgrape.reports.rendering.page import render_page

    render_page(nbformat.v4.new_notebook(), title="", footer={})


def _warm() -> None:
    """Import what notebooks use: half of it is imported by the first call of something."""
    import foxgrape.display.show  # noqa: F401
    from foxgrape.plots.signals import place_map, survival, timeline
    from foxgrape.studies.study import open_study

    analysis = open_study().analyse()
    for figure in (timeline(analysis), survival(analysis.lead_times), place_map(analysis)):
        figure.to_plotly_json()


def _threads() -> set[str]:
    """Return the names of threads that would be lost in a fork."""
    if threading.active_count() > 1:
        return {thread.name for thread in threading.enumerate()}
    tasks = Path("/proc/self/task")
    names = {
        (task / "comm").read_text(encoding="utf-8").strip()
        for task in tasks.iterdir()
        if task.name != str(os.getpid())
    }
    return names - _FORK_PROOF


def _handle_message(word: dict[str, Any], jobs: dict[int, int]) -> None:
    number = word["job"]
    if "order" not in word:
        if number in jobs:
            _end(jobs[number])
        return
    pid = os.fork()
    if pid == 0:
        _run_forked_job(number, word["order"])
    with contextlib.suppress(OSError):
        # As the run does itself: whoever comes first, it can be ended from now on.
        os.setpgid(pid, pid)
    jobs[number] = pid
    send_message(1, {"job": number, "begun": pid})


def _run_forked_job(number: int, order: dict[str, Any]) -> None:
    """Do one order and end; in the forked process."""
    code = 1
    try:
        # A group of its own, kernel and all that cells start included: it can be ended as one.
        os.setpgid(0, 0)
        die_with_parent()
        # The nursery's orders are not ours.
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        mouth = redirect_output_to_log(Path(order["aside"]))
        # Before zmq and asyncio have started anything here.
        embryo = ForkedKernelProcess(order["seed"], closing=(mouth,))
        run_job(order, lambda word: send_message(mouth, {"job": number, **word}), embryo)
        code = 0
    finally:
        # Whatever is left to be said may find no room on the disk; end all the same.
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _reap(jobs: dict[int, int]) -> None:
    for number, pid in list(jobs.items()):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            del jobs[number]
            # What cells started and left running ends with them.
            _end(pid)
            send_message(1, {"job": number, "exit": os.waitstatus_to_exitcode(status)})


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    # The thread that Python means is jemalloc's.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    main(many="many" in sys.argv)
