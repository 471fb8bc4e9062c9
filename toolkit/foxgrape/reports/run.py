"""Build reports: check, run each notebook aside, make its page, and move it into place whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from foxgrape.errors import ReportError
from foxgrape.reports.execution.runner import (
    CELL_SECONDS,
    RUN_SECONDS,
    ReportRun,
    build_reports,
    is_up_to_date,
    report_run_for,
)
from foxgrape.reports.plan import Plan, ReportRequest, Software, plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from foxgrape.reports.plan import Source

__all__ = ["ReportRun", "run_report", "run_reports"]


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
    """Build one report of a study or a store as a page that opens anywhere.

    Everything is checked before a kernel starts. The report is built aside and appears whole, as
    a folder ``out/run_id`` of page, executed notebook and manifest; a failed run is kept in
    ``out/failed``, with its log, and never replaces a good one.

    Parameters
    ----------
    template
        Name of a template, or path of a notebook with a sidecar.
    study, store
        Folder of a study, or path of a store; with neither, the embedded study. Of a store the
        notebook is told the path and the ``versions`` of its tables, which it must read.
    parameters
        The template's parameters; those left out take their defaults.
    out
        Folder to build into.
    force
        Build even if this very run is there already.
    shared_assets
        Have one plotly.js for all pages of the folder, in ``out/assets``, instead of one in each
        page: a page is then small, and needs the folder.
    pictures
        Have a picture of each figure in the page, for where no script runs. Needs kaleido and a
        Chromium, and takes about a second a picture.
    now
        The time to record, from which relative days count; the clock's by default.
    cell_seconds, run_seconds
        How long a cell and the whole run may take; beyond that the run has failed.

    Returns
    -------
    ReportRun

    Raises
    ------
    FoxgrapeError
        If template, parameters, study or store cannot be used: then nothing is written.

    Examples
    --------
    >>> run_report("lead_times", parameters={"horizon": "soon"})
    Traceback (most recent call last):
    foxgrape.errors.ParameterError: bad value for the parameter horizon; expected a duration ...
    """
    made = shared_assets, pictures
    request = ReportRequest(template, study, store, parameters or {}, out, force, *made)
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
    """Build many reports, several at once, each in a process and a kernel of its own.

    A report that fails stops no other. Nothing starts before every request has been checked.

    Parameters
    ----------
    requests
        What to build. Those that come to the same run are built once.
    workers
        How many to build at once; by default as many as there are processors.
    now
        The time to record, from which relative days count; the clock's by default.
    cell_seconds, run_seconds
        How long a cell and a whole run may take; beyond that the run has failed.

    Returns
    -------
    list of ReportRun
        In the order of the requests.

    Raises
    ------
    FoxgrapeError
        If any template, parameters, study or store cannot be used: then nothing is written.

    Examples
    --------
    >>> run_reports([])
    []
    >>> run_reports([ReportRequest("lead_times", parameters={"horizon": "soon"})])
    Traceback (most recent call last):
    foxgrape.errors.ParameterError: bad value for the parameter horizon; expected a duration ...
    """
    if workers is not None and workers < 1:
        raise ReportError("nobody would work", expected="workers of at least 1", got=workers)
    asked = list(requests)
    software = Software.here()
    plans = _plans(asked, software, now or datetime.now(UTC))
    wanted = {
        one.target: one
        for one, request in zip(plans, asked, strict=True)
        if request.force or not is_up_to_date(one)
    }
    built = build_reports(
        list(wanted.values()), software, workers, now, cell_seconds=cell_seconds, most=run_seconds
    )
    runs = dict(zip(wanted, built, strict=True))
    return [
        runs[one.target]
        if one.target in runs
        else report_run_for(one.run_id, "unchanged", one.target, None)
        for one in plans
    ]


def _plans(asked: Sequence[ReportRequest], software: Software, now: datetime) -> list[Plan]:
    """Check every request; a study or a store that several ask for is looked at once."""
    sources: dict[tuple[str, str], Source] = {}
    plans = []
    for request in asked:
        key = (str(request.study), str(request.store))
        one = plan(request, software, source=sources.get(key), now=now)
        sources[key] = one.source
        plans.append(one)
    return plans
