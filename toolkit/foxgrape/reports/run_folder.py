"""Where runs lie: built aside under a lock, moved into place whole, cleared when they are left.

Each run is a folder ``out/RUN_ID``; failed ones are in ``out/failed``. A folder whose name begins
with a dot is work in progress. Its maker holds a lock on it, which ends with the maker however
that ends: what bears such a name and is not locked was abandoned.

A folder is ours if its manifest tells the id of the run that its name tells. Nothing else is moved
or deleted, and no link is followed but one that the user named as the folder of reports.
"""

from __future__ import annotations

import errno
import json
import re
import secrets
import stat
import tempfile
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.directories import Directory
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
#: Folders of runs within the folder of reports.
_PLACES = ("failed", "rebuilt")
#: Work in progress: what is done, and to the folder of which name.
_REMNANT = re.compile(r"\.(building|replaced|deleting)-(.+)-[a-z0-9_]{8}")
#: As earlier versions made them; the run is a folder inside.
_EARLIER = re.compile(r"\.(replaced|deleting)-[a-z0-9_]{8}")
_STATUSES = {"done", "failed", "running"}


@dataclass(slots=True)
class StagingFolder:
    """A folder that only its maker works in, until it is moved into place.

    Attributes
    ----------
    path
        The folder.
    out
        The folder of reports, as the user named it.
    folder
        Holds the folder open, and locked; None when it is closed.
    moved
        Whether it is in its place.
    """

    path: Path
    out: Path
    folder: Directory | None
    moved: bool = False

    @classmethod
    def make(cls, out: Path, run_id: str) -> StagingFolder:
        """Make the folder of a run; what others left in `out` is cleared first."""
        out.mkdir(parents=True, exist_ok=True)
        with _opened_alone(out) as place:
            _sweep(place)
            path = Path(tempfile.mkdtemp(prefix=f".building-{run_id}-", dir=out.resolve()))
            aside = cls(path, out, place.child(path.name))
            aside.mark(run_id)
        return aside

    def mark(self, run_id: str) -> None:
        """Lock the folder, and say in it whose it is, if there is room for it on the disk."""
        if self.folder is not None:
            self.folder.lock(wait=False)
            marker = {"run_id": run_id, "status": "running"}
            with suppress(OSError):
                self.folder.write(MANIFEST, json.dumps(marker).encode())

    def move(self, target: Path) -> None:
        """Move the folder to its place in `out`, in one step where the system knows how.

        Raises
        ------
        OSError
            If there is a link on the way, or what is there is no run, and cannot be replaced.
        """
        *places, name = target.relative_to(self.out).parts
        apply_umask(self.path)
        with (
            _opened_alone(self.out) as out,
            out.child(places[0], make=True) if places else nullcontext(out) as place,
        ):
            if place.status(name) is None:
                out.rename(self.path.name, name, to=place)
                self.moved = True
                return
            with place.child(name) as old:
                if not _holds_run(old, name) and not _holds_nothing(old):
                    raise FileExistsError(errno.EEXIST, f"{name} is not a run of foxgrape's")
                self._replace(out, place, name, old)

    def _replace(self, out: Directory, place: Directory, name: str, old: Directory) -> None:
        """Put the folder where an older run is, and delete that."""
        if out.exchange(self.path.name, name, to=place):
            self.moved = True
            if old.clear(last=MANIFEST):
                out.rmdir(self.path.name)
            return
        aside = f".replaced-{name}-{secrets.token_hex(4)}"
        place.rename(name, aside)
        out.rename(self.path.name, name, to=place)
        self.moved = True
        if old.clear(last=MANIFEST):
            place.rmdir(aside)

    def close(self) -> None:
        """Delete what was not moved, and let go of the lock."""
        if self.folder is None:
            return
        if not self.moved and self.folder.clear(last=MANIFEST):
            with suppress(OSError), Directory.open(self.out) as out:
                out.rmdir(self.path.name)
        self.folder.close()
        self.folder = None


def is_complete(folder: Path) -> bool:
    """Tell whether a run stands there with all that belongs to it."""
    return all((folder / name).is_file() for name in (PAGE, NOTEBOOK, MANIFEST))


def is_locked(folder: Path) -> bool:
    """Tell whether somebody is at a folder of work in progress; whoever asks is alone in `out`."""
    with suppress(OSError), Directory.open(folder.parent) as out, out.child(folder.name) as work:
        return not work.lock(wait=False)
    return False


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
    pages share is deleted when no page needs it any more. A folder whose manifest does not tell
    its own name as the id of a run is somebody else's, and stays; so does a link.

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
    with _opened_alone(folder) as out_folder:
        _sweep(out_folder)
        gone += _prune_place(out_folder, keep, template, good=True)
        with suppress(OSError), out_folder.child("failed") as failed:
            gone += _prune_place(failed, keep, template, good=False)
        remove_unused_assets(folder)
    if gone:
        from foxgrape.reports.rendering.run_index import write_catalogue

        with suppress(OSError, ReportError):
            write_catalogue(folder, now=now or datetime.now(UTC))
    return gone


def _too_old(
    runs: list[tuple[str, Mapping[str, Any]]], keep: int, template: str | None, *, good: bool
) -> Iterator[str]:
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


def _prune_place(place: Directory, keep: int, template: str | None, *, good: bool) -> list[str]:
    """Delete the old runs of a folder, and return their names."""
    gone = []
    for name in _too_old(_runs(place), keep, template, good=good):
        with suppress(OSError), place.child(name) as folder:
            if _is_run(folder.read_json(MANIFEST), name):
                aside = f".deleting-{name}-{secrets.token_hex(4)}"
                place.rename(name, aside)
                gone.append(name)
                if folder.clear(last=MANIFEST):
                    place.rmdir(aside)
    return gone


def _runs(place: Directory) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the runs of a folder, newest first, by their names; what is not ours is no run."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for name in place.names():
        if not name.startswith("."):
            with suppress(OSError), place.child(name) as folder:
                told = folder.read_json(MANIFEST)
                if _is_run(told, name):
                    found.append((name, told))
    return sorted(found, key=lambda run: (str(run[1]["built_at"]), run[0]), reverse=True)


def _is_run(told: Mapping[str, Any], name: str) -> bool:
    """Tell whether a manifest is one that a run of ours wrote for a folder of this name."""
    if not _is_of(told, name) or told.get("status") not in _STATUSES:
        return False
    try:
        datetime.fromisoformat(str(told.get("built_at")))
    except ValueError:
        return False
    return isinstance(told.get("template"), str)


def _is_of(told: Mapping[str, Any], name: str) -> bool:
    """Tell whether a manifest tells the id of the run that the name of a folder tells."""
    return told.get("run_id") in {name, name.removeprefix("rebuilt-")}


def _holds_run(folder: Directory, name: str) -> bool:
    """Tell whether a folder holds the run of this name, by its manifest or, damaged, its page."""
    if _is_of(folder.read_json(MANIFEST), name):
        return True
    try:
        page = folder.read(PAGE)
    except OSError:
        return False
    # As page.html.j2 writes it at the foot of each page.
    return f"<dt>Run</dt><dd>{name.removeprefix('rebuilt-')}</dd>".encode() in page


def _holds_nothing(folder: Directory) -> bool:
    """Tell whether a folder holds no byte, as that of a run for which the disk had no room."""
    held = [folder.status(name) for name in folder.names()]
    return all(one is not None and stat.S_ISREG(one.st_mode) and not one.st_size for one in held)


def _sweep(out: Directory) -> None:
    """Clear what a run left that was interrupted; what it was about to replace comes back."""
    _sweep_place(out)
    for name in _PLACES:
        with suppress(OSError), out.child(name) as place:
            _sweep_place(place)


def _sweep_place(place: Directory) -> None:
    for name in place.names():
        remnant = _REMNANT.fullmatch(name)
        if remnant is None and _EARLIER.fullmatch(name) is None:
            continue
        with suppress(OSError), place.child(name) as folder:
            if not folder.is_abandoned():
                continue
            if remnant is None:
                _clear_earlier(place, folder, name)
            elif not folder.names():
                place.rmdir(name)
            elif _holds_run(folder, run := remnant[2]):
                if remnant[1] == "replaced" and place.status(run) is None:
                    place.rename(name, run)
                elif folder.clear(last=MANIFEST):
                    place.rmdir(name)


def _clear_earlier(place: Directory, folder: Directory, name: str) -> None:
    """Clear a folder as earlier versions left it, with a run inside."""
    for run in folder.names():
        with suppress(OSError), folder.child(run) as inside:
            if not _holds_run(inside, run):
                continue
            if name.startswith(".replaced-") and place.status(run) is None:
                folder.rename(run, run, to=place)
            elif inside.clear(last=MANIFEST):
                folder.rmdir(run)
    place.rmdir(name)


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Wait until nobody else makes, moves or clears folders here."""
    try:
        place = Directory.open(folder)
    except FileNotFoundError:
        yield
        return
    with place:
        place.lock(wait=True)
        yield


@contextmanager
def _opened_alone(folder: Path) -> Iterator[Directory]:
    """Open the folder of reports, as `alone_in` does."""
    with Directory.open(folder) as place:
        place.lock(wait=True)
        yield place
