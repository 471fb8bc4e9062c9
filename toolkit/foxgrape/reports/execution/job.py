"""Run one report in its own process: execute the notebook, render the page, send the result.

The module is started as ``python -P -m foxgrape.reports.execution.job`` with the specification as
the first line of stdin, or called in a fork of the fork server. Messages are lines of JSON, written
to stdout.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from foxgrape._util.directories import WorkFolder, clear_abandoned, directory_at
from foxgrape._util.secrets import SecretFilter
from foxgrape._util.unicode import replace_surrogates
from foxgrape.display.html import HEADLINE, SUBJECT
from foxgrape.display.key_figures import KEY_FIGURE
from foxgrape.errors import ReportError
from foxgrape.reports.key_points import CAPTION, FIGURE
from foxgrape.reports.run_folder import (
    LOG,
    NOTEBOOK,
    PAGE,
    copy_inputs,
    read_notebook,
    redact_files,
)
from foxgrape.reports.run_tables import take_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from foxgrape.reports.execution.kernel import ForkedKernelProcess, RunKernelManager
    from foxgrape.reports.plan import JobSpec

__all__ = [
    "JobResult",
    "WorkerMessage",
    "annotate_failed_cell",
    "clear_abandoned_kernels",
    "redirect_output_to_log",
    "run_job",
    "send_message",
]

#: Maximum length of texts in a message, in bytes. Several processes write to one pipe, and only
#: messages shorter than PIPE_BUF (4 kB on Linux) are written atomically.
_MAX_TEXT, _MAX_SHORT_TEXT = 2_000, 200
#: Maximum number of characters of a headline in the list of runs.
_MAX_HEADLINE = 400
_LOG_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
_SOCKET_PREFIX = "foxgrape-"


class JobResult(TypedDict):
    """The result of a job.

    ``error`` is None on success, and ``headline`` is None if the notebook has no headline;
    ``subject`` is what the report is about, if the notebook says so.
    ``seconds`` has the duration by stage, ``peak_mb`` the peak memory in MB by process.
    """

    error: str | None
    headline: str | None
    seconds: dict[str, float]
    peak_mb: dict[str, float]
    subject: NotRequired[str | None]
    key_figure: NotRequired[dict[str, Any] | None]
    pictures_failed: NotRequired[str | None]


class WorkerMessage(TypedDict, total=False):
    """A message about a run, which has exactly one of these keys.

    ``started`` is the id of the run's process, and ``cell`` the index of the current cell. ``exit``
    is the exit code of the process; if negative, the number of the signal that killed it.
    """

    started: int
    cell: int
    result: JobResult
    exit: int


def run_job(
    spec: JobSpec,
    send: Callable[[WorkerMessage], None],
    kernel_process: ForkedKernelProcess | None = None,
) -> None:
    """Execute a job in its folder and send its progress and result.

    Parameters
    ----------
    spec
        The specification of the run.
    send
        Function to call with each message: one before each cell, then the result.
    kernel_process
        A pre-forked process that becomes the kernel; by default, a new process is started.
    """
    folder, started = Path(spec["folder"]), time.monotonic()
    secrets = SecretFilter.of_variables(spec["secrets"])
    result: JobResult = {"error": None, "headline": None, "seconds": {}, "peak_mb": {}}
    error = _catch(
        lambda: copy_inputs(spec.get("inputs", ()), folder), "cannot copy the data", secrets
    )
    if error is None:
        error = _catch(
            lambda: _execute(spec, send, kernel_process), "cannot run the notebook", secrets
        )
        redact_files(folder, secrets)
    result["seconds"]["notebook"] = round(time.monotonic() - started, 2)
    if error is None:
        started = time.monotonic()
        error = _catch(lambda: _write_page(spec, folder, result), "cannot render the page", secrets)
        result["seconds"]["page"] = round(time.monotonic() - started, 2)
    result["error"], result["peak_mb"] = error, _peak_memory()
    send({"result": result})


def _catch(
    function: Callable[[], str | None], what: str, secrets: SecretFilter | None = None
) -> str | None:
    """Call a function. Return the error that it returns or raises, as one line; None without one.

    The traceback of an exception is written to the log. Secrets in the error are redacted before it
    is truncated, since a part of a secret cannot be found.
    """
    try:
        error = function()
    except OSError as raised:
        _log_traceback()
        error = f"{what}: {raised.strerror or raised}"
    except Exception as raised:  # noqa: BLE001 - an error of any kind fails this run only
        _log_traceback()
        error = f"{what}: {type(raised).__name__}: {raised}"
    if error is None:
        return None
    return _truncate(error if secrets is None else secrets.redact(error), _MAX_TEXT)


def _truncate(text: str, max_bytes: int) -> str:
    """Join the lines of a text, and truncate it so that its JSON has at most `max_bytes` bytes."""
    line = " ".join(text.split())[:max_bytes]
    while (size := len(json.dumps(line))) > max_bytes:
        line = line[: len(line) * max_bytes // size]
    return line


def _log_traceback() -> None:
    with contextlib.suppress(OSError):  # a full disk
        traceback.print_exc()


def _execute(
    spec: JobSpec,
    send: Callable[[WorkerMessage], None],
    kernel_process: ForkedKernelProcess | None,
) -> str | None:
    """Execute the notebook in a new kernel; return an error, or None on success."""
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill import PapermillExecutionError

    from foxgrape.reports.execution import kernel

    kernel.register_engine()
    index = code_cells = 0

    def on_cell_start(cell: Any, cell_index: int) -> None:
        nonlocal index, code_cells
        index = cell_index
        code_cells += cell.cell_type == "code" and bool(cell.source.strip())
        send({"cell": cell_index})

    notebook = Path(spec["folder"]) / NOTEBOOK
    # A temporary folder that other users cannot open, see `RunKernelManager`.
    sockets = WorkFolder(Path(tempfile.gettempdir()), _SOCKET_PREFIX)
    try:
        manager = kernel.kernel_manager(spec["seed"], kernel_process, sockets.path)
        _call_papermill(spec, notebook, manager, on_cell_start)
    except PapermillExecutionError as failed:
        error = f"cell {failed.exec_count}: {failed.ename}: {failed.evalue}".splitlines()[0]
        return _restore_paths(error, spec["originals"])
    except CellTimeoutError as timeout:
        error = f"cell {code_cells} took longer than {spec['cell_seconds']:g} s"
        if "IOPub" in str(timeout):
            seconds = kernel.OUTPUT_SECONDS
            error = f"the output of cell {code_cells} did not arrive within {seconds} s"
    except (DeadKernelError, RuntimeError) as died:
        # nbclient raises a bare RuntimeError when a kernel does not start in time.
        error = f"the kernel died: {died}".splitlines()[0]
    else:
        return _describe_exit(notebook)
    finally:
        # Delete the folder now: the process ends with os._exit, which skips finalizers.
        sockets.close()
    annotate_failed_cell(notebook, index, error)
    return error


def _describe_exit(notebook: Path) -> str | None:
    """Return an error if a cell called ``sys.exit``, for which papermill stops without an error."""
    import nbformat

    cells = [
        cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"
    ]
    for number, cell in enumerate(cells, start=1):
        if any(output.get("ename") == "SystemExit" for output in cell.outputs):
            return f"cell {number} called sys.exit: the cells after it did not run"
    return None


def _call_papermill(
    spec: JobSpec, output: Path, manager: type[RunKernelManager], on_cell_start: Callable[..., None]
) -> None:
    import papermill

    from foxgrape.reports.execution.kernel import ENGINE

    papermill.execute_notebook(
        spec["notebook"],
        str(output),
        parameters=dict(spec["parameters"]),
        engine_name=ENGINE,
        kernel_name="python3",
        language="python",  # a notebook need not state it: the kernel is ours
        kernel_manager_class=manager,
        resources={"metadata": {"path": spec["folder"]}},
        execution_timeout=spec["cell_seconds"],
        progress_bar=False,
        log_output=False,
        on_cell_start=on_cell_start,
        display=spec["display"],
    )


def clear_abandoned_kernels() -> list[str]:
    """Delete the folders with kernel sockets that killed runs left; return the folder names."""
    return clear_abandoned(Path(tempfile.gettempdir()), _SOCKET_PREFIX)


def _restore_paths(text: str, originals: Mapping[str, str]) -> str:
    """Replace the paths of copies in a text with the paths of the original files."""
    for copy, original in originals.items():
        text = text.replace(copy, original)
    return text


def annotate_failed_cell(notebook: Path, index: int, error: str) -> None:
    """Add an error output to the last cell that a run started, if the notebook can be read."""
    import nbformat

    with contextlib.suppress(OSError, ReportError, IndexError):
        content = read_notebook(notebook)
        cell = content.cells[index]
        if cell.cell_type == "code":
            output = nbformat.v4.new_output(
                "error", ename="ReportError", evalue=error, traceback=[f"ReportError: {error}"]
            )
            cell.outputs.append(output)
        cell.metadata.setdefault("papermill", {})["status"] = "failed"
        nbformat.write(content, notebook)


def _write_page(spec: JobSpec, folder: Path, result: JobResult) -> None:
    """Write the page, tables and pictures; add the headline and picture errors to the result."""
    import nbformat

    from foxgrape.reports.rendering.assets import message_figure
    from foxgrape.reports.rendering.page import notebook_figures, render_page
    from foxgrape.reports.rendering.run_index import THUMBNAIL

    notebook = nbformat.read(folder / NOTEBOOK, as_version=4)
    figures = notebook_figures(notebook)
    images = _render_pictures(figures, result) if spec["pictures"] else []
    tables = take_tables(notebook)
    text = render_page(
        notebook,
        title=spec["title"],
        footer=spec["footer"],
        assets=spec["assets"],
        pictures=images[:-2],
    )
    with directory_at(folder) as directory:
        # Cells ran in this folder and may have created files or links with these names.
        directory.write(PAGE, text.encode())
        for name, content in tables.items():
            directory.write(name, content)
        if tables:
            directory.write(NOTEBOOK, nbformat.writes(notebook).encode())
        for name in (FIGURE, CAPTION, THUMBNAIL):
            directory.unlink(name)
        if images:
            caption = str(message_figure(figures)["layout"].get("meta", {}).get("alt", "Figure"))
            directory.write(CAPTION, replace_surrogates(caption).encode())
            directory.write(FIGURE, images[-2])
            directory.write(THUMBNAIL, images[-1])
    shown = [
        output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ())
    ]
    result["headline"] = _first_text(shown, HEADLINE)[:_MAX_HEADLINE] or None
    result["subject"] = _first_text(shown, SUBJECT)[:_MAX_SHORT_TEXT] or None
    result["key_figure"] = next(filter(None, (_key_figure(data) for data in shown)), None)


def _first_text(shown: Sequence[Mapping[str, Any]], mimetype: str) -> str:
    """Return the first text of a type in the outputs, on one line; empty without any."""
    texts = (data[mimetype] for data in shown if isinstance(data.get(mimetype), str))
    return _truncate(next(texts, "")[:_MAX_TEXT], _MAX_TEXT)


def _key_figure(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the figure in an output that the catalogue compares; None if it has none."""
    figure = data.get(KEY_FIGURE)
    if not isinstance(figure, dict):
        return None
    value = figure.get("value")
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return {"name": _truncate(str(figure.get("name", "")), _MAX_SHORT_TEXT), "value": value}


def _render_pictures(figures: list[Mapping[str, Any]], result: JobResult) -> list[bytes]:
    """Return pictures of the figures, one for messages, and a thumbnail.

    An error is recorded in the result but does not fail the run: the page works without pictures.
    """
    from foxgrape.reports.rendering.assets import render_images

    images: list[bytes] = []
    error = _catch(lambda: images.extend(render_images(figures)), "cannot render the pictures")
    result["pictures_failed"] = error and _truncate(error, _MAX_SHORT_TEXT)
    return images


def _peak_memory() -> dict[str, float]:
    """Return the peak memory in MB of this process and of its kernel."""
    if sys.platform == "win32":
        return {}
    import resource

    unit = 1e6 if sys.platform == "darwin" else 1e3
    processes = {"run": resource.RUSAGE_SELF, "kernel": resource.RUSAGE_CHILDREN}
    return {
        name: round(resource.getrusage(process).ru_maxrss / unit)
        for name, process in processes.items()
    }


def redirect_output_to_log(folder: Path) -> int:
    """Redirect stdout and stderr to the run's log; return a duplicate of the original stdout."""
    sys.stdout.flush()
    sys.stderr.flush()
    stdout = os.dup(1)
    log = os.open(folder / LOG, _LOG_FLAGS, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    return stdout


def send_message(descriptor: int, message: Mapping[str, Any]) -> None:
    """Write a message as one line of JSON, in one system call."""
    os.write(descriptor, f"{json.dumps(message)}\n".encode())


def _exit_at_end_of(stream: Any) -> None:
    """End this process when the parent process closes the stream or ends."""
    stream.read()
    os._exit(1)


def main() -> None:
    """Run the job whose specification is on stdin."""
    spec = json.loads(sys.stdin.readline())
    stdout = redirect_output_to_log(Path(spec["folder"]))
    threading.Thread(target=_exit_at_end_of, args=(sys.stdin,), daemon=True).start()
    run_job(spec, lambda message: send_message(stdout, message))
    # Exit without waiting for the thread, which still reads from stdin.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
