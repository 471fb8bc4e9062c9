"""Build a report: check, run the notebook aside, make its page, and move it into place whole."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape import __version__
from foxgrape.reports.catalogue import Template, find_template
from foxgrape.reports.parameters import checked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from foxgrape.study import Study

__all__ = ["ReportRun", "run_report"]

_LIBRARIES = ("emoji", "nbconvert", "numpy", "pandas", "papermill", "plotly", "scipy")
_PAGE, _NOTEBOOK, _MANIFEST = "report.html", "notebook.ipynb", "manifest.json"


@dataclass(frozen=True, slots=True)
class ReportRun:
    """What came of building a report.

    Attributes
    ----------
    run_id
        Names template and study, and is a hash of template, parameters, code and data.
    status
        ``done``; ``unchanged`` when this very run was there already; ``failed``.
    html, notebook, manifest
        The page (None when failed), the executed notebook, and what it was made from.
    error
        Why it failed, in one line; None when it did not.
    """

    run_id: str
    status: str
    html: Path | None
    notebook: Path
    manifest: Path
    error: str | None


def run_report(
    template: str | Path,
    *,
    study: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    out: str | Path = "reports",
    force: bool = False,
    now: datetime | None = None,
) -> ReportRun:
    """Build one report of a study as a page that opens anywhere.

    Everything is checked before a kernel starts. The report is built aside and appears whole, as
    a folder ``out/run_id`` of page, executed notebook and manifest; a failed run is kept in
    ``out/failed`` and never replaces a good one.

    Parameters
    ----------
    template
        Name of a template, or path of a notebook with a sidecar.
    study
        Folder of a study; by default the embedded one.
    parameters
        The template's parameters; those left out take their defaults.
    out
        Folder to build into.
    force
        Build even if this very run is there already.
    now
        The time to record; the clock's by default.

    Returns
    -------
    ReportRun

    Raises
    ------
    FoxgrapeError
        If template, parameters or study cannot be used: then nothing is written.

    Examples
    --------
    >>> run_report("lead_times", parameters={"horizon": "soon"})
    Traceback (most recent call last):
    foxgrape.errors.ParameterError: bad value for the parameter horizon; expected a duration ...
    """
    from foxgrape.study import open_study  # noqa: PLC0415 - pandas, which listing needs not

    chosen = find_template(template)
    values = checked(chosen, parameters or {})
    opened = open_study(study)
    run_id = _run_id(chosen, values, opened)
    target = Path(out) / run_id
    if not force and _is_whole(target):
        return _run(run_id, "unchanged", target, None)

    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".building-{run_id}-", dir=out))
    try:
        started = time.monotonic()
        error = _execute(chosen, values, opened, aside)
        if error is None:
            _write_page(chosen, opened, run_id, aside)
        told = {
            "run_id": run_id,
            "status": "done" if error is None else "failed",
            "error": error,
            "template": chosen.name,
            "parameters": values,
            "study": {"name": opened.name, "sha256": dict(opened.hashes)},
            "versions": _versions(),
            "built_at": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - started, 1),
        }
        text = json.dumps(told, indent=2, ensure_ascii=False)
        (aside / _MANIFEST).write_text(f"{text}\n", encoding="utf-8")
        if error is not None:
            target = Path(out) / "failed" / run_id
            target.parent.mkdir(exist_ok=True)
        _replace(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return _run(run_id, "done" if error is None else "failed", target, error)


def _run(run_id: str, status: str, folder: Path, error: str | None) -> ReportRun:
    return ReportRun(
        run_id=run_id,
        status=status,
        html=None if status == "failed" else folder / _PAGE,
        notebook=folder / _NOTEBOOK,
        manifest=folder / _MANIFEST,
        error=error,
    )


def _run_id(template: Template, values: Mapping[str, Any], study: Study) -> str:
    """Hash all that the result depends on."""
    parts = [
        template.notebook.read_text(encoding="utf-8"),
        json.dumps(values, sort_keys=True),
        json.dumps(dict(study.hashes), sort_keys=True),
        *(file.read_text(encoding="utf-8") for file in _code()),
        json.dumps(_versions(), sort_keys=True),
    ]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"{_plain(template.name)}-{_plain(study.name)}-{digest[:10]}"


def _plain(name: str) -> str:
    """Return a name that is safe in a path: a study from elsewhere chooses its own."""
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name)[:60]


def _code() -> Iterator[Path]:
    root = Path(__file__).parents[1]
    yield from (
        path
        for path in sorted(root.rglob("*"))
        if path.suffix in {".py", ".css", ".js", ".j2", ".csv", ".geojson"}
    )


def _versions() -> dict[str, str]:
    libraries = {name: version(name) for name in _LIBRARIES}
    return {"foxgrape": __version__, "python": platform.python_version(), **libraries}


def _is_whole(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (_PAGE, _NOTEBOOK, _MANIFEST))


def _execute(
    template: Template, values: Mapping[str, Any], study: Study, aside: Path
) -> str | None:
    """Run the notebook in a kernel of its own; return what went wrong, if anything."""
    import papermill  # noqa: PLC0415 - 1.6 s
    from nbclient.exceptions import DeadKernelError  # noqa: PLC0415

    from foxgrape.reports.kernel import OwnKernelManager  # noqa: PLC0415

    try:
        papermill.execute_notebook(
            str(template.notebook),
            str(aside / _NOTEBOOK),
            parameters={**values, "study": str(study.folder.resolve())},
            kernel_name="python3",
            kernel_manager_class=OwnKernelManager,
            resources={"metadata": {"path": str(aside)}},
            progress_bar=sys.stderr.isatty(),
            log_output=False,
        )
    except papermill.PapermillExecutionError as failed:
        return f"cell {failed.exec_count}: {failed.ename}: {failed.evalue}".splitlines()[0]
    except (DeadKernelError, RuntimeError) as died:
        # nbclient raises a bare RuntimeError where a kernel does not start in time.
        return f"the kernel died: {died}".splitlines()[0]
    return None


def _write_page(template: Template, study: Study, run_id: str, aside: Path) -> None:
    import nbformat  # noqa: PLC0415

    from foxgrape.reports.html import page  # noqa: PLC0415

    notebook = nbformat.read(aside / _NOTEBOOK, as_version=4)
    footer = {
        "Run": run_id,
        "Software": ", ".join(f"{name} {number}" for name, number in _versions().items()),
        **{f"{file} (SHA-256)": digest[:16] for file, digest in study.hashes.items()},
    }
    title = f"{template.title}: {study.title}"
    (aside / _PAGE).write_text(page(notebook, title=title, footer=footer), encoding="utf-8")


def _replace(new: Path, target: Path) -> None:
    """Move a finished folder to its place; what stood there goes only once the new one can come."""
    # Folders made by mkdtemp are closed to others; reports are for them.
    new.chmod(0o777 & ~_umask())
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=".replaced-", dir=target.parent))
        target.replace(old / target.name)
        new.replace(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        new.replace(target)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
