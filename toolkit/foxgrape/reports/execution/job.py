"""One run, in a process of its own: execute the notebook, make its page, say how it went.

Started as ``python -P -m foxgrape.reports.execution.job`` with its order as the first
line of stdin, or
called in a process that the nursery has forked. What it says goes up as lines of JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.directories import directory_at
from foxgrape.display.html import HEADLINE
from foxgrape.reports.execution.sockets import socket_folder
from foxgrape.reports.inputs import copy_inputs
from foxgrape.reports.run_folder import LOG, NOTEBOOK, PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from foxgrape.reports.execution.kernel import ForkedKernelProcess

__all__ = ["annotate_failed_cell", "redirect_output_to_log", "run_job", "send_message"]

#: A word of a run must fit into a pipe in one piece, 4 kB: others write to it as well.
_LONGEST, _SHORT = 2_000, 200
_APPENDING = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
#: A list of reports has room for so much of what each found.
_HEADLINE = 400


def run_job(
    order: Mapping[str, Any],
    tell: Callable[[dict[str, Any]], None],
    embryo: ForkedKernelProcess | None = None,
) -> None:
    """Do what an order says, in the order's folder, and tell what came of it.

    Parameters
    ----------
    order
        ``inputs``, ``originals``, ``notebook``, ``aside``, ``parameters``, ``shown``, ``seed``,
        ``cell_seconds``, ``title``, ``footer``, ``assets``, ``pictures``.
    tell
        Takes ``{"cell": …, "cells": …}`` as it goes on, and last ``{"result": …}`` with ``error``
        (None when all is well), the ``headline`` (None when the notebook has none), ``seconds`` a
        stage, and ``peak_mb`` of memory.
    embryo
        A process that waits to be the kernel; by default one is started.
    """
    aside, seconds, began = Path(order["aside"]), {}, time.monotonic()
    error = _told(lambda: copy_inputs(order.get("inputs", ()), aside), "the data cannot be copied")
    if error is None:
        error = _told(lambda: _execute(order, tell, embryo), "the notebook cannot be run")
    seconds["notebook"] = round(time.monotonic() - began, 2)
    result: dict[str, Any] = {"headline": None, "seconds": seconds}
    if error is None:
        began = time.monotonic()
        error = _told(lambda: _write_page(order, aside, result), "the page cannot be made")
        seconds["page"] = round(time.monotonic() - began, 2)
    tell({"result": {**result, "error": error, "peak_mb": _peak()}})


def _told(act: Callable[[], str | None], what: str) -> str | None:
    """Act; return what went wrong, in one line. The whole story goes into the log."""
    try:
        error = act()
    except OSError as failed:
        _log_trace()
        error = f"{what}: {failed.strerror or failed}"
    except Exception as failed:  # noqa: BLE001 - whatever it is, it ends this run and no other
        _log_trace()
        error = f"{what}: {type(failed).__name__}: {failed}"
    return error if error is None else _cut(error, _LONGEST)


def _cut(text: str, most: int) -> str:
    """Return a text as one line that is no longer than so many bytes when it is told."""
    line = " ".join(text.split())[:most]
    while (size := len(json.dumps(line))) > most:
        line = line[: len(line) * most // size]
    return line


def _log_trace() -> None:
    """Print what is being handled, if there is room for it on the disk."""
    with contextlib.suppress(OSError):
        traceback.print_exc()


def _execute(
    order: Mapping[str, Any],
    tell: Callable[[dict[str, Any]], None],
    embryo: ForkedKernelProcess | None,
) -> str | None:
    """Run the notebook in a kernel of its own; return what went wrong, if anything."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    from foxgrape.reports.execution.engine import ENGINE, OUTPUT_SECONDS, register
    from foxgrape.reports.execution.kernel import kernel_manager

    register()
    at = counted = 0

    def note(cell: Any, cell_index: int) -> None:
        nonlocal at, counted
        at = cell_index
        counted += cell.cell_type == "code" and bool(cell.source.strip())
        tell({"cell": cell_index})

    notebook, sockets = Path(order["aside"]) / NOTEBOOK, socket_folder()
    try:
        papermill.execute_notebook(
            order["notebook"],
            str(notebook),
            parameters=dict(order["parameters"]),
            engine_name=ENGINE,
            kernel_name="python3",
            kernel_manager_class=kernel_manager(order["seed"], embryo, sockets.path),
            resources={"metadata": {"path": order["aside"]}},
            execution_timeout=order["cell_seconds"],
            progress_bar=False,
            log_output=False,
            on_cell_start=note,
            shown=order["shown"],
        )
    except papermill.PapermillExecutionError as failed:
        error = f"cell {failed.exec_count}: {failed.ename}: {failed.evalue}".splitlines()[0]
        return _with_originals(error, order["originals"])
    except CellTimeoutError as late:
        error = f"cell {counted} took longer than {order['cell_seconds']:g} s"
        if "IOPub" in str(late):
            error = f"the output of cell {counted} did not come within {OUTPUT_SECONDS} s"
    except (DeadKernelError, RuntimeError) as died:
        # nbclient raises a bare RuntimeError where a kernel does not start in time.
        error = f"the kernel died: {died}".splitlines()[0]
    else:
        return None
    finally:
        # The process ends without collecting what is left, so this is done by hand.
        sockets.close()
    annotate_failed_cell(notebook, at, error)
    return error


def _with_originals(text: str, originals: Mapping[str, str]) -> str:
    """Name files as they were asked for, where a notebook names their copies."""
    for copy, original in originals.items():
        text = text.replace(copy, original)
    return text


def annotate_failed_cell(notebook: Path, at: int, error: str) -> None:
    """Show in a notebook which cell a run ended in, and why, if the notebook can be read."""
    import nbformat

    with contextlib.suppress(OSError, ValueError, IndexError, KeyError):
        read = nbformat.read(notebook, as_version=4)
        cell = read.cells[at]
        if cell.cell_type == "code":
            said = nbformat.v4.new_output(
                "error", ename="ReportError", evalue=error, traceback=[f"ReportError: {error}"]
            )
            cell.outputs.append(said)
        cell.metadata.setdefault("papermill", {})["status"] = "failed"
        nbformat.write(read, notebook)


def _write_page(order: Mapping[str, Any], aside: Path, result: dict[str, Any]) -> None:
    """Write page and thumbnail; what the notebook found, and came of pictures, is the result's."""
    import nbformat

    from foxgrape.reports.rendering.page import figure_scripts, render_page
    from foxgrape.reports.rendering.thumbnail import write_thumbnail

    notebook = nbformat.read(aside / NOTEBOOK, as_version=4)
    shown = figure_scripts(notebook)
    drawn = _draw(shown, result) if order["pictures"] else []
    told = {name: order[name] for name in ("title", "footer", "assets")}
    text = render_page(notebook, **told, pictures=drawn[:-1])
    with directory_at(aside) as folder:
        # The notebook worked in this folder, and may have left anything under this name.
        folder.write(PAGE, text.encode())
    write_thumbnail(aside, shown, drawn[-1] if drawn else None)
    found = (
        output.data[HEADLINE]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if isinstance(output.get("data", {}).get(HEADLINE), str)
    )
    result["headline"] = _cut(next(found, "")[:_LONGEST], _LONGEST)[:_HEADLINE] or None


def _draw(shown: list[Mapping[str, Any]], result: dict[str, Any]) -> list[bytes]:
    """Draw figures, and the thumbnail last; a failure is told, for the page is good without."""
    from foxgrape.reports.rendering.images import render_images

    drawn: list[bytes] = []

    def draw() -> None:
        drawn.extend(render_images(shown))

    failed = _told(draw, "the pictures cannot be made")
    result["pictures_failed"] = failed and _cut(failed, _SHORT)
    return drawn


def _peak() -> dict[str, float]:
    """Return the most memory that this process and its kernel had, MB."""
    if sys.platform == "win32":
        return {}
    import resource

    unit = 1e6 if sys.platform == "darwin" else 1e3
    asked = {"run": resource.RUSAGE_SELF, "kernel": resource.RUSAGE_CHILDREN}
    return {name: round(resource.getrusage(who).ru_maxrss / unit) for name, who in asked.items()}


def redirect_output_to_log(aside: Path) -> int:
    """Return where to say things: all else that this process prints goes into the run's log."""
    sys.stdout.flush()
    sys.stderr.flush()
    mouth = os.dup(1)
    log = os.open(aside / LOG, _APPENDING, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    return mouth


def send_message(mouth: int, word: Mapping[str, Any]) -> None:
    """Say one thing, in one piece."""
    os.write(mouth, f"{json.dumps(word)}\n".encode())


def _end_with(stream: Any) -> None:
    """End when nobody is left at the other end."""
    stream.read()
    os._exit(1)


def main() -> None:
    """Do the order that stdin brings."""
    order = json.loads(sys.stdin.readline())
    mouth = redirect_output_to_log(Path(order["aside"]))
    threading.Thread(target=_end_with, args=(sys.stdin,), daemon=True).start()
    run_job(order, lambda word: send_message(mouth, word))
    # The thread above still reads: an orderly end would wait for it.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
