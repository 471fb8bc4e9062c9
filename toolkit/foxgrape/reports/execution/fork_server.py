"""Fork server: import heavy dependencies once, then fork one process per report.

Starting a kernel with pandas and plotly takes 1.6 s, and importing papermill and nbconvert another
5 s. Each run's process is a fork of the server, and its kernel is forked from that process before
the run does anything else, so reports share no state.

Threads do not survive a fork. The server therefore has a single thread, besides jemalloc's, which
supports forks. It never imports deltalake, which starts threads on import, and reports itself as
unusable if it finds other threads.
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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.reports.plan import JobSpec

__all__ = ["main"]

#: Names of background threads of libraries that support forks.
_FORK_SAFE_THREADS = {"jemalloc_bg_thd"}
#: Package that starts a thread on import, and that other packages import if it is installed.
_THREADED_MODULE = "polars"
#: Interval in seconds between checks for ended runs.
_REAP_SECONDS = 0.02


def main(*, preload: bool) -> None:
    """Read requests from stdin and fork a process for each run, until stdin is closed.

    Parameters
    ----------
    preload
        Whether to import the packages that notebooks use, besides those that execute notebooks.
    """
    with _hidden(_THREADED_MODULE):
        _import_execution()
        if preload:
            _import_analysis()
    # Exempt all current objects from garbage collection, which writes to objects and would make
    # each fork copy their memory pages.
    gc.collect()
    gc.freeze()
    others = _unsafe_threads()
    if others:
        send_message(1, {"unusable": ", ".join(sorted(others))})
        return
    send_message(1, {"ready": True})
    jobs: dict[int, int] = {}
    buffer = b""
    try:
        while True:
            if select.select([0], [], [], _REAP_SECONDS if jobs else None)[0]:
                received = os.read(0, 65536)
                if not received:
                    return
                *lines, buffer = (buffer + received).split(b"\n")
                for line in lines:
                    _handle_message(json.loads(line), jobs)
            _reap(jobs)
    finally:
        for pid in jobs.values():
            _kill_group(pid)


@contextlib.contextmanager
def _hidden(module: str) -> Iterator[None]:
    """Make importing a module fail within the block, unless it is already imported."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


def _import_execution() -> None:
    """Import the packages that execute a notebook and render its page."""
    import nbformat

    import foxgrape.reports.execution.kernel
    import foxgrape.reports.execution.kernel_process  # noqa: F401
    from foxgrape.reports.rendering.page import render_page

    render_page(nbformat.v4.new_notebook(), title="", footer={})


def _import_analysis() -> None:
    """Import the packages that notebooks use, and call functions that import others lazily."""
    import foxgrape.display.show  # noqa: F401
    from foxgrape.plots.place_map import place_map
    from foxgrape.plots.signals import survival, timeline
    from foxgrape.studies.study import open_study

    analysis = open_study().analyse()
    for figure in (timeline(analysis), survival(analysis.lead_times), place_map(analysis)):
        figure.to_plotly_json()


def _unsafe_threads() -> set[str]:
    """Return the names of other threads, which would not survive a fork."""
    if threading.active_count() > 1:
        return {thread.name for thread in threading.enumerate()}
    tasks = Path("/proc/self/task")
    names = {
        (task / "comm").read_text(encoding="utf-8").strip()
        for task in tasks.iterdir()
        if task.name != str(os.getpid())
    }
    return names - _FORK_SAFE_THREADS


def _handle_message(message: dict[str, Any], jobs: dict[int, int]) -> None:
    """Start the job in a message; if the message has no specification, kill the job."""
    number = message["job"]
    if "spec" not in message:
        if number in jobs:
            _kill_group(jobs[number])
        return
    pid = os.fork()
    if pid == 0:
        _run_forked_job(number, message["spec"])
    with contextlib.suppress(OSError):
        # The child calls this too. The group must exist before either process continues.
        os.setpgid(pid, pid)
    jobs[number] = pid
    send_message(1, {"job": number, "started": pid})


def _run_forked_job(number: int, spec: JobSpec) -> None:
    """Run a job in the forked process, and exit."""
    from foxgrape.reports.execution.kernel import ForkedKernelProcess, die_with_parent

    code = 1
    try:
        # Make this process the leader of a new process group, so that the run, its kernel and
        # the processes that cells start can be killed together.
        os.setpgid(0, 0)
        die_with_parent()
        # Replace stdin, so that the run cannot read the server's requests.
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        stdout = redirect_output_to_log(Path(spec["folder"]))
        # Fork the kernel before zmq and asyncio start threads in this process.
        kernel_process = ForkedKernelProcess(spec["seed"], close_descriptors=(stdout,))
        run_job(spec, lambda msg: send_message(stdout, {"job": number, **msg}), kernel_process)
        code = 0
    finally:
        # Exit even if the disk is too full to flush the buffered output.
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _reap(jobs: dict[int, int]) -> None:
    """Report the jobs that have ended."""
    for number, pid in list(jobs.items()):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            del jobs[number]
            # Kill the processes that cells started and that are still running.
            _kill_group(pid)
            send_message(1, {"job": number, "exit": os.waitstatus_to_exitcode(status)})


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    # Python warns about forking a multi-threaded process. The only other thread here is
    # jemalloc's, which supports forks.
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    main(preload="preload" in sys.argv)
