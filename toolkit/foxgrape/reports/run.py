"""Build reports, and rebuild runs from their manifests to check that they are reproducible."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.files import file_sha256
from foxgrape.errors import ReportError
from foxgrape.reports.data_source import store_source, study_source
from foxgrape.reports.execution.runner import (
    CELL_SECONDS,
    RUN_SECONDS,
    ReportRun,
    build_reports,
    is_up_to_date,
    report_run_for,
)
from foxgrape.reports.plan import Plan, ReportRequest, Software, plan
from foxgrape.reports.run_folder import NOTEBOOK, read_manifest, read_notebook
from foxgrape.reports.templates.discovery import templates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from foxgrape.reports.data_source import DataSource

__all__ = ["RebuildResult", "ReportRun", "rebuild_report", "run_report", "run_reports"]


def run_report(
    template: str | Path,
    *,
    study: str | Path | None = None,
    store: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    out: str | Path = "reports",
    force: bool = False,
    shared_assets: bool = False,
    pictures: bool = False,
    now: datetime | None = None,
    cell_seconds: float = CELL_SECONDS,
    run_seconds: float = RUN_SECONDS,
) -> ReportRun:
    """Build one report of a study or a store as a self-contained page.

    All arguments are checked before a kernel starts. A successful run is published atomically as
    the folder ``out/run_id`` with page, executed notebook and manifest. A failed run is kept in
    ``out/failed`` with its log, and never replaces a successful run.

    Parameters
    ----------
    template
        Name of a template, or path of a notebook with a sidecar.
    study, store
        Folder of a study, or path of a store; with neither, the embedded study. A notebook that
        reads a store gets the store's path and the ``versions`` of the tables that it must read.
    parameters
        Values of the template's parameters; omitted parameters take their defaults.
    out
        Folder to build into.
    force
        Build even if this run exists already.
    shared_assets
        Link all pages of the folder to one plotly.js file in ``out/assets`` instead of embedding
        it in each page: pages are smaller, but do not work outside the folder.
    pictures
        Add a static picture of each figure for readers without scripts. Needs kaleido and
        Chromium, and takes about a second per picture.
    now
        The time to record, and the reference time of relative dates; the current time by default.
    cell_seconds, run_seconds
        Time limits in seconds for each cell and for the run; a run that exceeds one fails.

    Returns
    -------
    ReportRun

    Raises
    ------
    FoxgrapeError
        If template, parameters, study or store cannot be used. Nothing is written in that case.

    Examples
    --------
    >>> run_report("lead_times", parameters={"horizon": "soon"})
    Traceback (most recent call last):
    foxgrape.errors.ParameterError: bad value for the parameter horizon; expected a duration ...
    """
    request = ReportRequest(
        template, study, store, parameters or {}, out, force, shared_assets, pictures
    )
    limits = {"cell_seconds": cell_seconds, "run_seconds": run_seconds}
    return run_reports([request], workers=1, now=now, **limits)[0]


def run_reports(
    requests: Iterable[ReportRequest],
    *,
    workers: int | None = None,
    now: datetime | None = None,
    cell_seconds: float = CELL_SECONDS,
    run_seconds: float = RUN_SECONDS,
) -> list[ReportRun]:
    """Build many reports in parallel, each in its own process and kernel.

    All requests are checked before the first run starts. A report that fails does not stop the
    others.

    Parameters
    ----------
    requests
        The reports to build. If several requests specify the same run, it is built once.
    workers
        Number of reports to build at once; by default, the number of processors.
    now
        The time to record, and the reference time of relative dates; the current time by default.
    cell_seconds, run_seconds
        Time limits in seconds for each cell and for each run; a run that exceeds one fails.

    Returns
    -------
    list of ReportRun
        In the order of the requests.

    Raises
    ------
    FoxgrapeError
        If a template, parameter, study or store cannot be used. Nothing is written in that case.

    Examples
    --------
    >>> run_reports([])
    []
    >>> run_reports([ReportRequest("lead_times", parameters={"horizon": "soon"})])
    Traceback (most recent call last):
    foxgrape.errors.ParameterError: bad value for the parameter horizon; expected a duration ...
    """
    if workers is not None and workers < 1:
        raise ReportError("workers must be at least 1", got=workers)
    requests = list(requests)
    software = Software.here()
    plans = _plan_all(requests, software, now or datetime.now(UTC))
    pending = {
        planned.target: planned
        for planned, request in zip(plans, requests, strict=True)
        if request.force or not is_up_to_date(planned)
    }
    limits = {"cell_seconds": cell_seconds, "run_seconds": run_seconds}
    built = build_reports(list(pending.values()), software, workers, now, **limits)
    runs = dict(zip(pending, built, strict=True))
    return [
        runs.get(planned.target)
        or report_run_for(planned.run_id, "unchanged", planned.target, None)
        for planned in plans
    ]


def _plan_all(requests: Sequence[ReportRequest], software: Software, now: datetime) -> list[Plan]:
    """Plan the runs of all requests, reading each study and store only once."""
    sources: dict[tuple[str, str], DataSource] = {}
    plans = []
    for request in requests:
        key = (str(request.study), str(request.store))
        planned = plan(request, software, source=sources.get(key), now=now)
        sources[key] = planned.source
        plans.append(planned)
    return plans


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """The result of rebuilding a run.

    Attributes
    ----------
    run
        The new run, in ``out/rebuilt``, or in ``out/failed`` if it failed. The original run is
        not changed.
    same
        Whether all cells have the same outputs as in the original run.
    cells
        Numbers of the code cells whose outputs differ, counted from 1.
    changed
        Software that has changed since the original run.
    """

    run: ReportRun
    same: bool
    cells: tuple[int, ...]
    changed: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as a dictionary that can be written as JSON."""
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
        """Return the result of the comparison as text."""
        software = f"; software changed: {', '.join(self.changed)}" if self.changed else ""
        if self.run.error is not None:
            return f"the run failed this time: {self.run.error}{software}"
        if self.same:
            return f"all cells have the same output{software}"
        numbers = ", ".join(map(str, self.cells))
        noun = "cell" if len(self.cells) == 1 else "cells"
        return f"different output in {noun} {numbers}{software}"


def rebuild_report(
    run: str | Path, *, out: str | Path = "reports", now: datetime | None = None
) -> RebuildResult:
    """Rebuild a run with the template, parameters, seed and data in its manifest, and compare.

    A store is read at the versions of the original run, even if data were added afterwards. Earlier
    versions of a template, a study, or files that parameters name are not kept: if one of these
    has changed, or another store is at the same path, the run is not rebuilt.

    Parameters
    ----------
    run
        Id of a run in `out`, or its folder.
    out
        Folder of the runs.
    now
        The time to record; the current time by default.

    Returns
    -------
    RebuildResult

    Raises
    ------
    ReportError
        If there is no such run, its manifest cannot be used, or its template or data have changed.
    FoxgrapeError
        If template, study or store cannot be used.

    Examples
    --------
    >>> rebuild_report("none-such")
    Traceback (most recent call last):
    foxgrape.errors.ReportError: reports/none-such: no run found. Hint: there is no manifest.json
    """
    folder = Path(run) if (Path(run) / NOTEBOOK).is_file() else Path(out) / run
    manifest = read_manifest(folder)
    read_notebook(folder / NOTEBOOK)  # the comparison needs it
    software = Software.here()
    try:
        template = _original_template(manifest, folder)
        source = _original_source(manifest, folder)
        request = ReportRequest(
            template,
            study=manifest["study"]["folder"] if "study" in manifest else None,
            store=manifest["store"]["path"] if "store" in manifest else None,
            parameters=manifest["parameters"],
            out=out,
            shared_assets=bool(manifest.get("assets")),
        )
        planned = plan(request, software, source=source)
        _check_files(manifest, planned, folder)
        run_id, seed = str(manifest["run_id"]), int(manifest["seed"])
        changed = _changed_software(manifest, software)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReportError(f"the manifest is incomplete: {error}", file=folder) from None
    rebuilt = Path(out) / "rebuilt" / run_id
    failed = Path(out) / "failed" / f"rebuilt-{run_id}"
    planned = replace(planned, run_id=run_id, seed=seed, target=rebuilt, failed=failed)
    (built,) = build_reports([planned], software, 1, now)
    cells = () if built.error is not None else _changed_cells(folder / NOTEBOOK, built.notebook)
    same = built.error is None and not cells
    return RebuildResult(built, same, cells, changed)


def _original_template(manifest: Mapping[str, Any], folder: Path) -> str | Path:
    """Return the notebook of a run's template; raise ReportError if it has changed."""
    name, notebook = str(manifest["template"]), Path(manifest["notebook"]["path"])
    known = templates()
    file = known[name].notebook if name in known and not notebook.is_file() else notebook
    try:
        sha256 = file_sha256(file)
    except OSError:
        raise ReportError("the template no longer exists", file=file) from None
    _check_template(manifest, sha256, file, folder)
    return file


def _check_template(manifest: Mapping[str, Any], sha256: str, file: Path, folder: Path) -> None:
    if sha256 != manifest["notebook"]["sha256"]:
        hint = f"the original SHA-256 and git commit are in {folder / 'manifest.json'}"
        raise ReportError("the template has changed since the run", file=file, hint=hint)


def _check_files(manifest: Mapping[str, Any], planned: Plan, folder: Path) -> None:
    """Check that the template and the files that parameters name are unchanged."""
    _check_template(manifest, planned.notebook_sha256, planned.template.notebook, folder)
    if changed := _changed_names(manifest["files"], planned.files):
        raise ReportError(
            f"files that parameters name have changed since the run: {changed}",
            file=folder,
            hint=f"their original SHA-256 is in {folder / 'manifest.json'}",
        )


def _changed_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return the names whose hashes differ, including names in only one of the mappings."""
    names = {*before, *after}
    return ", ".join(sorted(name for name in names if before.get(name) != after.get(name)))


def _original_source(manifest: Mapping[str, Any], folder: Path) -> DataSource:
    """Return the data source of a run; raise ReportError if it has changed."""
    if "store" in manifest:
        store = manifest["store"]
        source = store_source(store["path"], store["versions"])
        if changed := _changed_names(store["fingerprints"], source.record["fingerprints"]):
            raise ReportError(
                f"this is not the store that the run read; tables that differ: {changed}",
                file=store["path"],
                hint="restore the original store",
            )
        return source
    study = manifest["study"]
    source = study_source(study["folder"])
    if changed := _changed_names(study["sha256"], source.record["sha256"]):
        raise ReportError(
            f"the study has changed since the run: {changed}",
            file=study["folder"],
            hint=f"the original SHA-256 of each file is in {folder / 'manifest.json'}",
        )
    return source


def _changed_software(manifest: Mapping[str, Any], software: Software) -> tuple[str, ...]:
    before = manifest.get("versions", {})
    names = [
        f"{name} {before.get(name, 'none')} → {number}"
        for name, number in software.versions.items()
        if before.get(name) != number
    ]
    if manifest.get("code", {}).get("sha256") != software.sha256:
        names.append("foxgrape's code")
    return tuple(names)


def _changed_cells(before: Path, after: Path) -> tuple[int, ...]:
    """Return the numbers of the code cells whose outputs differ, counted from 1."""
    pairs = enumerate(zip_longest(_outputs(before), _outputs(after)), start=1)
    return tuple(number for number, (old, new) in pairs if old != new)


def _outputs(notebook: Path) -> list[str]:
    """Return the outputs of each code cell as JSON, without execution counts."""
    return [
        json.dumps([{**output, "execution_count": None} for output in cell.outputs], sort_keys=True)
        for cell in read_notebook(notebook).cells
        if cell.cell_type == "code"
    ]
