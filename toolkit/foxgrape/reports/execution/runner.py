"""Runs that go on: begin each aside, hear how it fares, end it in its place with its manifest."""

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
from typing import TYPE_CHECKING, Any

from foxgrape._util.directories import directory_at
from foxgrape.errors import ReportError
from foxgrape.reports.execution.sockets import clear_abandoned_kernels
from foxgrape.reports.execution.workers import Workers, can_fork
from foxgrape.reports.inputs import INPUTS
from foxgrape.reports.plan import store_fault
from foxgrape.reports.rendering import assets
from foxgrape.reports.rendering.run_index import Catalogues
from foxgrape.reports.run_folder import (
    LOG,
    MANIFEST,
    NOTEBOOK,
    PAGE,
    StagingFolder,
    folder_lock,
    is_complete,
    read_manifest,
)
from foxgrape.reports.templates.describe import describe_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from foxgrape.reports.execution.progress import Progress
    from foxgrape.reports.plan import Plan, Software

__all__ = [
    "CELL_SECONDS",
    "RUN_SECONDS",
    "ReportRun",
    "build_reports",
    "is_up_to_date",
    "report_run_for",
]

CELL_SECONDS, RUN_SECONDS = 600.0, 3600.0
#: Seconds within which a run's process has to begin, on a machine however busy.
_START_SECONDS = 600.0
#: Seconds after which a clock is looked at again, whatever is heard.
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class ReportRun:
    """What came of building a report.

    Attributes
    ----------
    run_id
        Names template and study or store, and is a hash of template, parameters, code and data.
    status
        ``done``; ``unchanged`` when this very run was there already; ``failed``.
    html, notebook, manifest
        The page (None when failed), the executed notebook, and what it was made from. Where
        nothing could be written, as on a full disk, notebook and manifest are not there.
    error
        Why it failed, in one line; None when it did not.
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
    most: float = RUN_SECONDS,
) -> list[ReportRun]:
    """Do planned runs, `workers` at once, and return what came of them, in their order."""
    from foxgrape.reports.execution.progress import Progress

    if not plans:
        return []
    width = min(workers or _processors(), len(plans))
    waiting = deque(enumerate(plans))
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(Progress(len(plans)))
        clear_abandoned_kernels()
        # Also of what is ended here; once the processes have ended.
        stack.callback(clear_abandoned_kernels)
        works: dict[int, _ActiveRun] = {}
        catalogues = Catalogues(now)
        stack.callback(catalogues.write)
        # Once the processes have ended: they would go on writing.
        stack.callback(_clear, works)
        hands = stack.enter_context(Workers(fork=can_fork(), many=len(plans) > 1))
        floor = _RunPool(hands, progress, software, now, cell_seconds, most, works, catalogues)
        while waiting or floor.works:
            while waiting and len(floor.works) < width:
                floor.begin(*waiting.popleft())
            if floor.works:
                floor.hear()
    return [floor.ended[number] for number in range(len(plans))]


@dataclass(slots=True)
class _RunPool:
    """Where runs go on, and what has come of those that ended."""

    hands: Workers
    progress: Progress
    software: Software
    now: datetime | None
    cell_seconds: float
    most: float
    works: dict[int, _ActiveRun]
    catalogues: Catalogues
    ended: dict[int, ReportRun] = field(default_factory=dict)

    def begin(self, number: int, one: Plan) -> None:
        """Begin a run, or say at once that it cannot be."""
        try:
            work = _ActiveRun.begin(one)
        except OSError as failed:
            error = f"nothing can be written to {one.out}: {failed.strerror or failed}"
            self.ended[number] = report_run_for(one.run_id, "failed", one.failed, error)
            self.progress.end(number)
            return
        self.works[number] = work
        work.announce(self.software, self.now)
        self.catalogues.touch(one.out)
        self.hands.start(number, one.order(work.aside.path, self.software, self.cell_seconds))
        self.progress.begin(number, one.run_id, one.template.notebook)

    def hear(self) -> None:
        """Wait for the next word of any run, or for the end of one's time."""
        left = min(work.deadline for work in self.works.values()) - _clock()
        heard = self.hands.hear(min(max(left, 0.0), _PATIENCE))
        if heard is None:
            for number, work in self.works.items():
                if work.deadline <= _clock():
                    work.late(self.most)
                    self.hands.stop(number)
            return
        number, word = heard
        if number not in self.works:
            return
        self.progress.hear(number, word)
        if self.works[number].hear(word, self.most):
            work = self.works.pop(number)
            self.ended[number] = work.end(self.software, self.now)
            self.catalogues.touch(work.plan.out)
            self.progress.end(number)


def _clear(works: Mapping[int, _ActiveRun]) -> None:
    """Take away what was not brought to its end."""
    for work in works.values():
        work.aside.close()


@dataclass(slots=True)
class _ActiveRun:
    """A run that goes on."""

    plan: Plan
    aside: StagingFolder
    began: float
    deadline: float
    cell: int = 0
    error: str | None = None
    result: dict[str, Any] | None = None

    @classmethod
    def begin(cls, one: Plan) -> _ActiveRun:
        now = _clock()
        return cls(one, StagingFolder.make(one.out, one.run_id), now, now + _START_SECONDS)

    def announce(self, software: Software, now: datetime | None) -> None:
        """Say beside the run that it goes on, if there is room for it."""
        told = self._told(software, now or datetime.now(UTC)) | {"status": "running"}
        with contextlib.suppress(OSError):
            _write_manifest(self.aside.path, told)

    def late(self, most: float) -> None:
        """Take note that its time is over; it is being ended."""
        self.error = f"the run took longer than {most:g} s"
        self.deadline = float("inf")

    def hear(self, word: Mapping[str, Any], most: float) -> bool:
        """Take note of what it says; tell whether it has ended."""
        if "begun" in word and self.error is None:
            self.began = _clock()
            self.deadline = self.began + most
        self.cell = word.get("cell", self.cell)
        self.result = word.get("result", self.result)
        if "exit" not in word:
            return False
        if self.error is None and self.result is None:
            self.error = _death(word["exit"])
        elif self.error is None and self.result is not None:
            self.error = self.result["error"]
            return True
        # It could not say so itself.
        from foxgrape.reports.execution.job import annotate_failed_cell

        annotate_failed_cell(self.aside.path / NOTEBOOK, self.cell, str(self.error))
        return True

    def end(self, software: Software, now: datetime | None) -> ReportRun:
        """Write the manifest and move the run to where it belongs."""
        self.error = self.error or store_fault(self.plan.source)
        told = self._told(software, now or datetime.now(UTC))
        folder, target = self.aside.path, self.plan.target
        shutil.rmtree(folder / INPUTS, ignore_errors=True)
        if self.error is None:
            try:
                _write_manifest(folder, told)
                (folder / LOG).unlink(missing_ok=True)
                if self.plan.shared_assets:
                    with folder_lock(self.plan.out):
                        assets.ensure_plotly_asset(self.plan.out)
                self.aside.move(target)
            except OSError as failed:
                self.error = f"the run cannot be kept: {failed.strerror or failed}"
        if self.error is not None:
            # As much of it as there is room for.
            target = self.plan.failed
            told |= {"status": "failed", "error": self.error, "assets": []}
            with contextlib.suppress(OSError):
                (folder / PAGE).unlink(missing_ok=True)
                _write_manifest(folder, told)
            with contextlib.suppress(OSError):
                self.aside.move(target)
        status = "done" if self.error is None else "failed"
        self.aside.close()
        return report_run_for(self.plan.run_id, status, target, self.error)

    def _told(self, software: Software, at: datetime) -> dict[str, Any]:
        one = self.plan
        result = self.result or {}
        return {
            "run_id": one.run_id,
            "status": "done" if self.error is None else "failed",
            "error": self.error,
            "template": one.template.name,
            "title": one.title,
            "notebook": {
                "path": str(one.template.notebook.resolve()),
                "sha256": one.notebook_sha256,
            },
            "parameters": dict(one.values),
            "files": dict(one.files),
            "about": describe_run(one.template.schema["properties"], one.values),
            one.source.kind: dict(one.source.told),
            "versions": dict(software.versions),
            "code": {"sha256": software.sha256, "git": software.git},
            "seed": one.seed,
            "page": one.page | {"pictures_failed": result.get("pictures_failed")},
            "assets": [assets.plotly_asset().name] if one.shared_assets else [],
            "headline": result.get("headline"),
            "built_at": at.astimezone(UTC).isoformat(timespec="seconds"),
            "seconds": round(_clock() - self.began, 1),
            "stages": result.get("seconds", {}),
            "peak_mb": result.get("peak_mb", {}),
        }


def _write_manifest(folder: Path, told: Mapping[str, Any]) -> None:
    text = json.dumps(told, indent=2, ensure_ascii=False)
    with directory_at(folder) as held:
        held.write(MANIFEST, f"{text}\n".encode())


def is_up_to_date(one: Plan) -> bool:
    """Tell whether a run is there already, with its page made as it is asked for."""
    if not is_complete(one.target):
        return False
    try:
        told = read_manifest(one.target)
    except ReportError:
        return False
    made = told.get("page") or {}
    as_asked = all(made.get(name, False) is wanted for name, wanted in one.page.items())
    return as_asked and assets.has_all(one.out, told)


def report_run_for(run_id: str, status: str, folder: Path, error: str | None) -> ReportRun:
    """Return a run whose files lie in a folder."""
    return ReportRun(
        run_id=run_id,
        status=status,
        html=None if status == "failed" else folder / PAGE,
        notebook=folder / NOTEBOOK,
        manifest=folder / MANIFEST,
        error=error,
    )


def _death(code: int) -> str:
    """Say how a process ended that said nothing itself."""
    if code >= 0:
        return f"the run's process ended with {code} and said nothing"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    return f"the run's process was ended by {name}"


def _processors() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _clock() -> float:
    return time.monotonic()
