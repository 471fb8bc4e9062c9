"""Build a run again from its manifest, and compare: the same numbers, or what differs and why."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.hashing import file_sha256
from foxgrape.errors import ReportError
from foxgrape.reports.execution.runner import ReportRun, build_reports
from foxgrape.reports.plan import (
    Plan,
    ReportRequest,
    Software,
    Source,
    plan,
    store_source,
    study_source,
)
from foxgrape.reports.run_folder import NOTEBOOK, read_manifest
from foxgrape.reports.templates.discovery import templates

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["RebuildResult", "rebuild_report"]


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """What came of building a run again.

    Attributes
    ----------
    run
        The new run, in ``out/rebuilt``; the old one is as it was.
    same
        Whether every cell shows what it showed.
    cells
        The cells that show something else, counted from 1.
    changed
        What of the software is another than it was then.
    """

    run: ReportRun
    same: bool
    cells: tuple[int, ...]
    changed: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return {
            "run_id": self.run.run_id,
            "status": self.run.status,
            "error": self.run.error,
            "notebook": str(self.run.notebook),
            "same": self.same,
            "cells": list(self.cells),
            "changed": list(self.changed),
        }

    def sentence(self) -> str:
        """Say in words how it compares."""
        software = f"; since then changed: {', '.join(self.changed)}" if self.changed else ""
        if self.run.error is not None:
            return f"the run failed this time: {self.run.error}{software}"
        if self.same:
            return f"every cell shows what it showed{software}"
        told = ", ".join(map(str, self.cells))
        return f"another result in {'cell' if len(self.cells) == 1 else 'cells'} {told}{software}"


def rebuild_report(
    run: str | Path, *, out: str | Path = "reports", now: datetime | None = None
) -> RebuildResult:
    """Build a run again as its manifest tells: the same template, values, seed and data.

    Of a store the very versions are read that the run had read, whatever arrived since. Of the
    files of a study, or those that parameters name, no earlier version is kept: where they have
    changed, or another store lies at the path of the store, this is refused.

    Parameters
    ----------
    run
        Id of a run in `out`, or its folder.
    out
        Folder of the runs.
    now
        The time to record; the clock's by default.

    Returns
    -------
    Rebuilt

    Raises
    ------
    ReportError
        If there is no such run, or what it read is no longer what it was.
    FoxgrapeError
        If template, study or store cannot be used.

    Examples
    --------
    >>> rebuild_report("none-such")
    Traceback (most recent call last):
    foxgrape.errors.ReportError: reports/none-such: there is no run here. Hint: no manifest.json
    """
    folder = Path(run) if (Path(run) / NOTEBOOK).is_file() else Path(out) / run
    told = read_manifest(folder)
    software = Software.here()
    try:
        template = _template(told, folder)
        source = _source(told, folder)
        request = ReportRequest(
            template,
            study=told["study"]["folder"] if "study" in told else None,
            store=told["store"]["path"] if "store" in told else None,
            parameters=told["parameters"],
            out=out,
            shared_assets=bool(told.get("assets")),
        )
        planned = plan(request, software, source=source)
        _check_files(told, planned, folder)
        run_id, seed = str(told["run_id"]), int(told["seed"])
        changed = _changed(told, software)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReportError(f"the manifest lacks something: {error}", file=folder) from None
    rebuilt = Path(out) / "rebuilt" / run_id
    failed = Path(out) / "failed" / f"rebuilt-{run_id}"
    planned = replace(planned, run_id=run_id, seed=seed, target=rebuilt, failed=failed)
    (built,) = build_reports([planned], software, 1, now)
    cells = () if built.error is not None else _different(folder / NOTEBOOK, built.notebook)
    same = built.error is None and not cells
    return RebuildResult(built, same, cells, changed)


def _template(told: Mapping[str, Any], folder: Path) -> str | Path:
    """Return the template of a run, if it is still the same notebook."""
    name, notebook = str(told["template"]), Path(told["notebook"]["path"])
    known = templates()
    file = known[name].notebook if name in known and not notebook.is_file() else notebook
    try:
        sha256 = file_sha256(file)
    except OSError:
        raise ReportError("the template is gone", file=file) from None
    _check_template(told, sha256, file, folder)
    return file


def _check_template(told: Mapping[str, Any], sha256: str, file: Path, folder: Path) -> None:
    if sha256 != told["notebook"]["sha256"]:
        hint = f"the manifest {folder / 'manifest.json'} tells its SHA-256 and the git commit"
        raise ReportError("the template has changed since", file=file, hint=hint)


def _check_files(told: Mapping[str, Any], planned: Plan, folder: Path) -> None:
    """Check that the run would read the template and the files of parameters as they were."""
    _check_template(told, planned.notebook_sha256, planned.template.notebook, folder)
    if changed := _differing(told["files"], planned.files):
        raise ReportError(
            f"the files of parameters have changed since: {changed}",
            file=folder,
            hint=f"{folder / 'manifest.json'} tells their SHA-256",
        )


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Name what has another hash than before."""
    names = {*before, *after}
    return ", ".join(sorted(name for name in names if before.get(name) != after.get(name)))


def _source(told: Mapping[str, Any], folder: Path) -> Source:
    """Return the data of a run, as they were."""
    if "store" in told:
        store = told["store"]
        source = store_source(store["path"], store["versions"])
        if changed := _differing(store["fingerprints"], source.told["fingerprints"]):
            what = f"there is another store since: {changed}"
            raise ReportError(what, file=store["path"], hint="restore the one that was read")
        return source
    source = study_source(told["study"]["folder"])
    if changed := _differing(told["study"]["sha256"], source.told["sha256"]):
        raise ReportError(
            f"the study has changed since: {changed}",
            file=told["study"]["folder"],
            hint=f"{folder / 'manifest.json'} tells the SHA-256 of each file",
        )
    return source


def _changed(told: Mapping[str, Any], software: Software) -> tuple[str, ...]:
    before = told.get("versions", {})
    names = [
        f"{name} {before.get(name, 'none')} → {number}"
        for name, number in software.versions.items()
        if before.get(name) != number
    ]
    if told.get("code", {}).get("sha256") != software.sha256:
        names.append("the code of foxgrape")
    return tuple(names)


def _different(before: Path, after: Path) -> tuple[int, ...]:
    """Return the cells whose outputs are not the same."""
    pairs = enumerate(zip_longest(_outputs(before), _outputs(after)), start=1)
    return tuple(number for number, (old, new) in pairs if old != new)


def _outputs(notebook: Path) -> list[str]:
    """Return what each code cell shows, without numbers that only count."""
    import nbformat

    read = nbformat.read(notebook, as_version=4)
    return [
        json.dumps([_shown(output) for output in cell.outputs], sort_keys=True)
        for cell in read.cells
        if cell.cell_type == "code"
    ]


def _shown(output: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in output.items() if name != "execution_count"}
