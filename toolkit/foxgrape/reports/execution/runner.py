"""Run planned reports in worker processes, and publish the runs with their manifests."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from foxgrape._util.directories import directory_at
from foxgrape._util.files import file_sha256
from foxgrape._util.secrets import SecretFilter
from foxgrape._util.unicode import json_bytes, replace_surrogates
from foxgrape.errors import ReportError
from foxgrape.reports.changes import fill_page
from foxgrape.reports.data_source import store_change
from foxgrape.reports.execution.job import annotate_failed_cell, clear_abandoned_kernels
from foxgrape.reports.execution.workers import Workers, can_fork
from foxgrape.reports.rendering import assets
from foxgrape.reports.rendering.run_index import CatalogueWriter
from foxgrape.reports.run_folder import (
    INPUTS,
    LOG,
    MANIFEST,
    NOTEBOOK,
    PAGE,
    Manifest,
    StagingFolder,
    folder_lock,
    is_complete,
    read_manifest,
    redact_files,
)
from foxgrape.reports.series import date_parameters, series_key
from foxgrape.reports.templates.discovery import describe_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from rich.progress import TaskID

    from foxgrape.reports.execution.job import JobResult, WorkerMessage
    from foxgrape.reports.plan import Plan, Software

__all__ = [
    "CELL_SECONDS",
    "RUN_SECONDS",
    "ReportRun",
    "build_reports",
    "is_up_to_date",
    "report_run_for",
]

CELL_SECONDS: Final[float] = 600.0
RUN_SECONDS: Final[float] = 3600.0
#: Timeout in seconds for a run's process to start; long, for busy machines.
_START_SECONDS = 600.0
#: Maximum time in seconds to wait for a message before checking the time limits.
_POLL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ReportRun:
    """The result of building a report.

    Attributes
    ----------
    run_id
        Names of template and study or store, and a hash of template, parameters, code and data.
    status
        ``done``, ``failed``, or ``unchanged`` if this run existed already.
    html, notebook, manifest
        Paths of the page (None if the run failed), the executed notebook and the manifest. After a
        failure notebook and manifest may not exist, for example if the disk was full.
    error
        One-line description of the failure; None if the run did not fail.
    """

    run_id: str
    status: str
    html: Path | None
    notebook: Path
    manifest: Path
    error: str | None


def build_reports(
    plans: Sequence[Plan],
    software: Software,
    workers: int | None,
    now: datetime | None,
    *,
    cell_seconds: float = CELL_SECONDS,
    run_seconds: float = RUN_SECONDS,
) -> list[ReportRun]:
    """Execute planned runs, up to `workers` at once, and return the results in order of `plans`."""
    if not plans:
        return []
    limit = min(workers or _cpu_count(), len(plans))
    pending = deque(enumerate(plans))
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(_Progress(len(plans)))
        clear_abandoned_kernels()
        # The stack exits in reverse order: first the processes end, then their folders are deleted.
        stack.callback(clear_abandoned_kernels)
        active: dict[int, _ActiveRun] = {}
        catalogues = CatalogueWriter(now)
        stack.callback(catalogues.write)
        stack.callback(_close_all, active)
        ended: dict[int, _ActiveRun] = {}
        stack.callback(_close_all, ended)
        processes = stack.enter_context(Workers(fork=can_fork(), preload=len(plans) > 1))
        series = [f"{plan.out} {_series(plan)}" for plan in plans]
        limits = cell_seconds, run_seconds
        pool = _RunPool(
            processes, progress, software, now, *limits, active, catalogues, ended, series
        )
        while pending or active:
            while pending and len(active) < limit:
                pool.start(*pending.popleft())
            if active:
                pool.process_message()
    return [pool.results[number] for number in range(len(plans))]


@dataclass(slots=True)
class _RunPool:
    """The active runs, and the results of the runs that have ended."""

    workers: Workers
    progress: _Progress
    software: Software
    now: datetime | None
    cell_seconds: float
    run_seconds: float
    active: dict[int, _ActiveRun]
    catalogues: CatalogueWriter
    ended: dict[int, _ActiveRun]
    series: Sequence[str]
    results: dict[int, ReportRun] = field(default_factory=dict)

    def start(self, number: int, plan: Plan) -> None:
        """Start a run; if its folder cannot be created, record the failure."""
        try:
            run = _ActiveRun.start(plan)
        except OSError as os_error:
            error = f"cannot write to {plan.out}: {os_error.strerror or os_error}"
            self.results[number] = report_run_for(plan.run_id, "failed", plan.failed, error)
            self.progress.end(number)
            self.publish_ended()
            return
        self.active[number] = run
        run.write_running_manifest(self.software, self.now)
        self.catalogues.notify(plan.out)
        spec = plan.job_spec(run.staging.path, self.software, self.cell_seconds)
        self.workers.start(number, spec)
        self.progress.start(number, plan.run_id, plan.template.notebook)

    def process_message(self) -> None:
        """Wait for the next message of a run and process it; stop runs that exceed their limit."""
        remaining = min(run.deadline for run in self.active.values()) - time.monotonic()
        received = self.workers.next_message(min(max(remaining, 0.0), _POLL_SECONDS))
        if received is None:
            for number, run in self.active.items():
                if run.deadline <= time.monotonic():
                    run.mark_timed_out(self.run_seconds)
                    self.workers.stop(number)
            return
        number, message = received
        if number not in self.active:
            return
        self.progress.update(number, message)
        if self.active[number].handle_message(message, self.run_seconds):
            self.ended[number] = self.active.pop(number)
            self.progress.end(number)
            self.publish_ended()

    def publish_ended(self) -> None:
        """Publish the runs that have ended, each after those that it may be compared with."""
        for number in sorted(self.ended):
            earlier = (
                other for other in range(number) if self.series[other] == self.series[number]
            )
            if all(other in self.results for other in earlier):
                run = self.ended.pop(number)
                self.results[number] = run.publish(self.software, self.now)
                self.catalogues.notify(run.plan.out)


def _series(plan: Plan) -> str:
    """Return what a run has in common with the runs that it may be compared with."""
    manifest = {
        "template": plan.template.name,
        plan.source.kind: plan.source.record,
        "parameters": plan.values,
    }
    return series_key(manifest, date_parameters(plan.template.schema["properties"]))


def _close_all(active: Mapping[int, _ActiveRun]) -> None:
    """Delete the staging folders of runs that have not ended."""
    for run in active.values():
        run.staging.close()


@dataclass(slots=True)
class _ActiveRun:
    """The state of a run that a worker process executes."""

    plan: Plan
    staging: StagingFolder
    started: float
    deadline: float
    cell: int = 0
    error: str | None = None
    result: JobResult | None = None

    @classmethod
    def start(cls, plan: Plan) -> _ActiveRun:
        now = time.monotonic()
        staging = StagingFolder.make(plan.out, plan.run_id)
        return cls(plan, staging, now, now + _START_SECONDS)

    def write_running_manifest(self, software: Software, now: datetime | None) -> None:
        """Write a manifest with the status ``running``; ignore an error, as on a full disk."""
        manifest = self._manifest(software, now or datetime.now(UTC))
        manifest["status"] = "running"
        with contextlib.suppress(OSError):
            _write_manifest(self.staging.path, manifest)

    def mark_timed_out(self, run_seconds: float) -> None:
        """Record that the run exceeded its time limit; the caller must stop its process."""
        self.error = f"the run took longer than {run_seconds:g} s"
        self.deadline = float("inf")

    def handle_message(self, message: WorkerMessage, run_seconds: float) -> bool:
        """Record a message from the run's process; return whether the run has ended."""
        if "started" in message and self.error is None:
            self.started = time.monotonic()
            self.deadline = self.started + run_seconds
        self.cell = message.get("cell", self.cell)
        self.result = message.get("result", self.result)
        if "exit" not in message:
            return False
        if self.error is None and self.result is None:
            self.error = _describe_exit(message["exit"])
        elif self.error is None and self.result is not None:
            self.error = self.result["error"]
            return True
        # The process was stopped or killed, so it could not annotate the cell itself.
        annotate_failed_cell(self.staging.path / NOTEBOOK, self.cell, str(self.error))
        return True

    def publish(self, software: Software, now: datetime | None) -> ReportRun:
        """Write the manifest and move the run to its final folder."""
        secrets = SecretFilter.of_variables(self.plan.secrets)
        self.error = self.error or store_change(self.plan.source)
        if self.error is not None:
            self.error = replace_surrogates(secrets.redact(self.error))
        manifest: Any = secrets.redact_json(self._manifest(software, now or datetime.now(UTC)))
        folder, target = self.staging.path, self.plan.target
        shutil.rmtree(folder / INPUTS, ignore_errors=True)
        if self.error is None:
            self._compare(manifest)
            try:
                manifest["outputs"] = {
                    name: file_sha256(folder / name) for name in (PAGE, NOTEBOOK)
                }
                _write_manifest(folder, manifest)
                (folder / LOG).unlink(missing_ok=True)
                if self.plan.shared_assets:
                    with folder_lock(self.plan.out):
                        assets.ensure_plotly_asset(self.plan.out)
                self.staging.move(target)
            except OSError as os_error:
                self.error = f"cannot save the run: {os_error.strerror or os_error}"
        if self.error is not None:
            # Save as much of the failed run as possible, even if the disk is full.
            target = self.plan.failed
            manifest["status"], manifest["error"], manifest["assets"] = "failed", self.error, []
            with contextlib.suppress(OSError):
                # The process may have ended before it redacted its files.
                redact_files(folder, secrets)
                (folder / PAGE).unlink(missing_ok=True)
                _write_manifest(folder, manifest)
            with contextlib.suppress(OSError):
                self.staging.move(target)
        status = "done" if self.error is None else "failed"
        self.staging.close()
        return report_run_for(self.plan.run_id, status, target, self.error)

    def _compare(self, manifest: dict[str, Any]) -> None:
        """Add what changed since the run before to the page and the manifest."""
        plan = self.plan
        if plan.target.parent != plan.out:
            return  # the run was built again to check that it is reproducible
        rules = plan.template.schema["properties"]
        try:
            before, changes = fill_page(self.staging.path, plan.out, manifest, rules)
            manifest |= {"compared_with": before, "changes": changes}
        except Exception as error:  # noqa: BLE001 - the earlier run may be damaged in any way
            reason = f"The run could not be compared with the run before: {type(error).__name__}."
            manifest |= {"compared_with": None, "changes": [reason]}

    def _manifest(self, software: Software, now: datetime) -> Manifest:
        plan, result = self.plan, self.result
        subject = result and result.get("subject")
        manifest: Manifest = {
            "run_id": plan.run_id,
            "status": "done" if self.error is None else "failed",
            "error": self.error,
            "template": plan.template.name,
            "title": f"{plan.template.title}: {subject}" if subject else plan.title,
            "notebook": {
                "path": str(plan.template.notebook.resolve()),
                "sha256": plan.notebook_sha256,
            },
            "parameters": dict(plan.values),
            "series": _series(plan),
            "files": dict(plan.files),
            "about": describe_run(
                plan.template.schema["properties"], plan.values, plan.source.gazetteer
            ),
            "versions": dict(software.versions),
            "code": {"sha256": software.sha256, "git": software.git},
            "seed": plan.seed,
            "page": plan.page | {"pictures_failed": result and result.get("pictures_failed")},
            "assets": [assets.plotly_asset().name] if plan.shared_assets else [],
            "headline": result and result["headline"],
            "compared_with": None,
            "changes": [],
            "key_figure": result and result.get("key_figure"),
            "built_at": now.astimezone(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - self.started, 1),
            "stages": result["seconds"] if result else {},
            "peak_mb": result["peak_mb"] if result else {},
        }
        if plan.source.kind == "store":
            manifest["store"] = dict(plan.source.record)
        else:
            manifest["study"] = dict(plan.source.record)
        return manifest


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    with directory_at(folder) as directory:
        directory.write(MANIFEST, json_bytes(manifest, indent=2) + b"\n")


def is_up_to_date(plan: Plan) -> bool:
    """Return whether a planned run exists already and its page has the requested options."""
    if not is_complete(plan.target):
        return False
    try:
        manifest = read_manifest(plan.target)
    except ReportError:
        return False
    page = manifest.get("page") or {}
    same_page = all(page.get(name, False) is wanted for name, wanted in plan.page.items())
    return (
        same_page and _is_undamaged(plan.target, manifest) and assets.has_assets(plan.out, manifest)
    )


def _is_undamaged(folder: Path, manifest: Mapping[str, Any]) -> bool:
    """Return whether page and notebook have the content that the run wrote, as far as is known."""
    outputs = manifest.get("outputs")  # runs of earlier versions have none
    try:
        return outputs is None or all(
            file_sha256(folder / name) == outputs[name] for name in (PAGE, NOTEBOOK)
        )
    except (OSError, LookupError, TypeError):
        return False


def report_run_for(run_id: str, status: str, folder: Path, error: str | None) -> ReportRun:
    """Return a result with the paths of the run's files in a folder."""
    return ReportRun(
        run_id=run_id,
        status=status,
        html=None if status == "failed" else folder / PAGE,
        notebook=folder / NOTEBOOK,
        manifest=folder / MANIFEST,
        error=error,
    )


def _describe_exit(code: int) -> str:
    """Return an error message for a process that ended without sending a result."""
    if code >= 0:
        return f"the run's process exited with code {code} and without a result"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    return f"the run's process was killed by {name}"


def _cpu_count() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Progress:
    """Progress bars for all runs and for each active run, shown if stderr is a terminal.

    Parameters
    ----------
    total
        Number of runs.
    """

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._enabled = sys.stderr.isatty()
        console = Console(stderr=True)
        self._bars = Progress(console=console, disable=not self._enabled, transient=True)
        self._tasks: dict[int, TaskID] = {}
        self._overall = self._bars.add_task("reports", total=total)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def start(self, number: int, run_id: str, notebook: Path) -> None:
        """Add a bar for a run that starts."""
        if self._enabled:
            # papermill inserts one cell, which sets the given parameters.
            cells = 1 + len(json.loads(notebook.read_text(encoding="utf-8"))["cells"])
            self._tasks[number] = self._bars.add_task(run_id, total=cells)

    def update(self, number: int, message: WorkerMessage) -> None:
        """Advance a run's bar if the message has the index of the current cell."""
        if number in self._tasks and "cell" in message:
            self._bars.update(self._tasks[number], completed=message["cell"])

    def end(self, number: int) -> None:
        """Remove a run's bar, and advance the bar for all runs."""
        if number in self._tasks:
            self._bars.remove_task(self._tasks.pop(number))
        self._bars.advance(self._overall)
