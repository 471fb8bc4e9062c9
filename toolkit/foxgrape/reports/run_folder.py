"""Where runs lie: built aside under a lock, moved into place whole, cleared when they are left.

Each run is a folder ``out/RUN_ID``; failed ones are in ``out/failed``. A folder whose name begins
with a dot is somebody's work in progress. Its maker holds a lock on it, which ends with the maker
however that ends: so what bears such a name and is not locked is a remnant.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.files import apply_umask
from foxgrape.errors import ReportError
from foxgrape.reports.rendering.assets import remove_unused_assets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "LOG",
    "MANIFEST",
    "NOTEBOOK",
    "PAGE",
    "StagingFolder",
    "folder_lock",
    "is_complete",
    "is_locked",
    "prune",
    "read_manifest",
]

PAGE, NOTEBOOK, MANIFEST, LOG = "report.html", "notebook.ipynb", "manifest.json", "log.txt"
_REMNANTS = (".building-", ".replaced-", ".deleting-")
#: Seconds after which a remnant is one, where folders cannot be locked.
_OLD = 24 * 60 * 60


@dataclass(slots=True)
class StagingFolder:
    """A folder that only its maker works in, until it is moved into place.

    Attributes
    ----------
    path
        The folder.
    lock
        What `close` lets go.
    """

    path: Path
    lock: int | None

    @classmethod
    def make(cls, out: Path, run_id: str) -> StagingFolder:
        """Make the folder of a run; what others left in `out` is cleared first."""
        out.mkdir(parents=True, exist_ok=True)
        with folder_lock(out):
            _sweep(out)
            path = Path(tempfile.mkdtemp(prefix=f".building-{run_id}-", dir=out.resolve()))
            return cls(path, _lock(path, wait=False))

    def move(self, target: Path) -> None:
        """Move the folder to its place, in one step where the system knows how."""
        out = self.path.parent
        target.parent.mkdir(exist_ok=True)
        apply_umask(self.path)
        with folder_lock(out):
            if not target.exists():
                self.path.replace(target)
            elif _exchange(self.path, target):
                shutil.rmtree(self.path, ignore_errors=True)
            else:
                old = Path(tempfile.mkdtemp(prefix=".replaced-", dir=target.parent))
                target.replace(old / target.name)
                self.path.replace(target)
                shutil.rmtree(old, ignore_errors=True)

    def close(self) -> None:
        """Take away what was not moved, and let go of the lock."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None


def is_complete(folder: Path) -> bool:
    """Tell whether a run stands there with all that belongs to it."""
    return all((folder / name).is_file() for name in (PAGE, NOTEBOOK, MANIFEST))


def is_locked(folder: Path) -> bool:
    """Tell whether somebody is at a folder of work in progress; whoever asks is alone in `out`."""
    lock = _lock(folder, wait=False)
    if lock is not None:
        os.close(lock)
    return lock is None and folder.is_dir()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what a run was made from.

    Raises
    ------
    ReportError
        If no run lies there.
    """
    file = folder / MANIFEST
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ReportError("there is no run here", file=folder, hint=f"no {MANIFEST}") from None
    except (ValueError, RecursionError) as error:
        raise ReportError(f"the manifest cannot be read: {error}", file=file) from None
    if not isinstance(told, dict):
        raise ReportError("the manifest cannot be read", file=file, expected="a JSON object")
    return told


def prune(
    out: str | Path = "reports",
    *,
    keep: int,
    template: str | None = None,
    now: datetime | None = None,
) -> list[str]:
    """Delete old runs of each template, and return their ids.

    The newest `keep` runs of a template stay, and so does the last good run of each study or
    store, however old it is. Of failed runs the newest `keep` of a template stay as well. What
    pages share is deleted when no page needs it any more.

    Parameters
    ----------
    out
        Folder of the runs.
    keep
        How many to keep, at least 1.
    template
        Only runs of this template; by default of each.
    now
        The time to record in the catalogue; the clock's by default.

    Returns
    -------
    list of str

    Raises
    ------
    ReportError
        If `keep` is no such number.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> prune(mkdtemp(), keep=30)
    []
    """
    if keep < 1:
        raise ReportError("a last run is always kept", expected="keep of at least 1", got=keep)
    folder = Path(out)
    if not folder.is_dir():
        return []
    gone = []
    with folder_lock(folder):
        _sweep(folder)
        for place, good in ((folder, True), (folder / "failed", False)):
            for run in _too_old(_runs(place), keep, template, good=good):
                aside = Path(tempfile.mkdtemp(prefix=".deleting-", dir=folder))
                run.replace(aside / run.name)
                shutil.rmtree(aside, ignore_errors=True)
                gone.append(run.name)
        remove_unused_assets(folder)
    if gone:
        from foxgrape.reports.rendering.run_index import write_catalogue

        with suppress(OSError, ReportError):
            write_catalogue(folder, now=now or datetime.now(UTC))
    return gone


def _too_old(
    runs: list[tuple[Path, Mapping[str, Any]]], keep: int, template: str | None, *, good: bool
) -> Iterator[Path]:
    """Decide which runs go; they come newest first."""
    seen: dict[str, int] = {}
    sources: set[tuple[str, str]] = set()
    for run, told in runs:
        name = str(told.get("template"))
        # A manifest that somebody else wrote may say anything, and stops nothing.
        study, store = told.get("study"), told.get("store")
        if isinstance(study, dict):
            source = (name, str(study.get("name")))
        else:
            source = (name, str(store.get("path")) if isinstance(store, dict) else "")
        seen[name] = seen.get(name, 0) + 1
        last_of_its_source = good and source not in sources
        sources.add(source)
        if seen[name] > keep and not last_of_its_source and template in {None, name}:
            yield run


def _runs(folder: Path) -> list[tuple[Path, Mapping[str, Any]]]:
    """Return the runs of a folder, newest first; what cannot be read is no run."""
    found = []
    for path in folder.glob("*/" + MANIFEST):
        with suppress(ReportError):
            if not path.parent.name.startswith("."):
                found.append((path.parent, read_manifest(path.parent)))
    return sorted(found, key=lambda run: (str(run[1].get("built_at")), run[0].name), reverse=True)


def _sweep(out: Path) -> None:
    """Clear what a run left that was interrupted; what it was about to replace comes back."""
    for folder in (out, out / "failed"):
        for path in folder.glob(".*-*"):
            if not path.name.startswith(_REMNANTS) or not path.is_dir():
                continue
            lock = _lock(path, wait=False)
            left = lock is not None if _can_lock() else time.time() - path.stat().st_mtime > _OLD
            if left:
                for old in path.iterdir() if path.name.startswith(".replaced-") else ():
                    if not (folder / old.name).exists():
                        old.replace(folder / old.name)
                shutil.rmtree(path, ignore_errors=True)
            if lock is not None:
                os.close(lock)


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Wait until nobody else makes, moves or clears folders here."""
    lock = _lock(folder, wait=True)
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _can_lock() -> bool:
    return sys.platform != "win32"


def _lock(folder: Path, *, wait: bool) -> int | None:
    """Lock a folder; return what holds the lock, None if another has it or there are no locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        held = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return None
    return held


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step, so that there is never none; on Linux only."""
    if sys.platform != "linux":
        return False
    here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    if rename is None:
        return False
    return bool(rename(here, os.fsencode(one), here, os.fsencode(other), swap) == 0)
