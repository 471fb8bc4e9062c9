"""Delete old runs in a reports folder."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.errors import ReportError
from foxgrape.reports.addresses import latest_runs, refresh_addresses
from foxgrape.reports.rendering.assets import remove_unused_assets
from foxgrape.reports.rendering.run_index import write_catalogue
from foxgrape.reports.run_folder import MANIFEST, clear_remnants, matches_run_id, open_locked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from foxgrape._util.directories import Directory

__all__ = ["prune"]

_STATUSES = {"done", "failed", "running"}


def prune(
    out: str | Path = "reports",
    *,
    keep: int,
    template: str | None = None,
    now: datetime | None = None,
) -> list[str]:
    """Delete old runs of each template, and return the names of their folders.

    For each template, the newest `keep` successful runs, the newest `keep` failed runs, and the
    last successful run for each study or store are kept, and so are the latest runs of the entries
    of a schedule. Shared assets that no page uses any more, and the copies of deleted pages at the
    addresses of a schedule, are deleted. Links, and folders that do not match the run id in their
    manifest, are kept.

    Parameters
    ----------
    out
        Folder of the runs.
    keep
        Number of runs to keep per template, at least 1.
    template
        Delete only runs of this template; by default, of all templates.
    now
        The time to record in the catalogue; the current time by default.

    Returns
    -------
    list of str

    Raises
    ------
    ReportError
        If `keep` is less than 1.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> prune(mkdtemp(), keep=30)
    []
    """
    if keep < 1:
        raise ReportError("keep must be at least 1", got=keep)
    folder = Path(out)
    if not folder.is_dir():
        return []
    with open_locked(folder) as directory:
        clear_remnants(directory)
        latest = latest_runs(directory)
        deleted = _prune_directory(directory, keep, template, successful=True, latest=latest)
        with suppress(OSError), directory.child("failed") as failed:
            deleted += _prune_directory(failed, keep, template, successful=False)
        if deleted:
            refresh_addresses(directory)
        remove_unused_assets(folder)
    if deleted:
        with suppress(OSError, ReportError):
            write_catalogue(folder, now=now or datetime.now(UTC))
    return deleted


def _prune_directory(
    parent: Directory,
    keep: int,
    template: str | None,
    *,
    successful: bool,
    latest: Collection[str] = (),
) -> list[str]:
    """Delete the old runs in a folder, and return the names of the run folders."""
    deleted = []
    for name in _expired(_runs(parent), keep, template, successful=successful):
        if name in latest:
            continue
        with suppress(OSError), parent.child(name) as folder:
            if _is_run(folder.read_json(MANIFEST), name):
                doomed = f".deleting-{name}-{secrets.token_hex(4)}"
                parent.rename(name, doomed)
                deleted.append(name)
                if folder.clear(last=MANIFEST):
                    parent.rmdir(doomed)
    return deleted


def _expired(
    runs: list[tuple[str, Mapping[str, Any]]], keep: int, template: str | None, *, successful: bool
) -> Iterator[str]:
    """Yield the names of the run folders to delete; `runs` must be sorted, newest first."""
    counts: dict[str, int] = {}
    sources: set[tuple[str, str]] = set()
    for run, manifest in runs:
        name = str(manifest.get("template"))
        # Another program may have written the manifest, so its values can have any type.
        study, store = manifest.get("study"), manifest.get("store")
        if isinstance(study, dict):
            source = (name, str(study.get("name")))
        else:
            source = (name, str(store.get("path")) if isinstance(store, dict) else "")
        counts[name] = counts.get(name, 0) + 1
        last_of_its_source = successful and source not in sources
        sources.add(source)
        if counts[name] > keep and not last_of_its_source and template in {None, name}:
            yield run


def _runs(parent: Directory) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the folder names and manifests of the runs in a folder, newest first."""
    runs: list[tuple[str, Mapping[str, Any]]] = []
    for name in parent.names():
        if not name.startswith("."):
            with suppress(OSError), parent.child(name) as folder:
                manifest = folder.read_json(MANIFEST)
                if _is_run(manifest, name):
                    runs.append((name, manifest))
    return sorted(runs, key=lambda run: (str(run[1]["built_at"]), run[0]), reverse=True)


def _is_run(manifest: Mapping[str, Any], name: str) -> bool:
    """Return whether a manifest has the fields of a foxgrape run, and a run id for this folder."""
    status = manifest.get("status")
    # Values of any type, which need not have a hash.
    if not matches_run_id(manifest, name) or not isinstance(status, str):
        return False
    if status not in _STATUSES:
        return False
    try:
        datetime.fromisoformat(str(manifest.get("built_at")))
    except ValueError:
        return False
    return isinstance(manifest.get("template"), str)
