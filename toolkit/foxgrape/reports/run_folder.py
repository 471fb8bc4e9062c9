"""Folders of runs: built under a temporary name and a lock, then renamed to ``out/RUN_ID``.

Failed runs go to ``out/failed``. A folder whose name begins with a dot is work in progress; its
lock ends with the process that holds it, so an unlocked one was abandoned and can be deleted.

A folder is ours only if the run id in its manifest matches its name. Nothing else is moved or
deleted, and no link is followed except the folder of reports that the user named.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
import secrets
import stat
import tempfile
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from foxgrape._util.directories import Directory
from foxgrape._util.files import apply_umask, file_sha256
from foxgrape.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = [
    "INPUTS",
    "LOG",
    "MANIFEST",
    "NOTEBOOK",
    "PAGE",
    "TEMPLATE",
    "Inputs",
    "Manifest",
    "RunInput",
    "StagingFolder",
    "clear_remnants",
    "combined_sha256",
    "copy_inputs",
    "folder_lock",
    "is_complete",
    "is_locked",
    "matches_run_id",
    "open_locked",
    "read_manifest",
]

PAGE, NOTEBOOK, MANIFEST, LOG = "report.html", "notebook.ipynb", "manifest.json", "log.txt"
#: Copies of the files that a run reads, in its folder; deleted when the run ends.
INPUTS = "inputs"
#: The copy of the template. papermill formats braces in a path, so this path has none.
TEMPLATE = f"{INPUTS}/template.ipynb"
_CHUNK = 1 << 20
#: Subfolders of the folder of reports that contain runs.
_SUBFOLDERS = ("failed", "rebuilt")
#: Name of a folder in progress: the operation and the run id.
_REMNANT = re.compile(r"\.(building|replaced|deleting)-(.+)-[a-z0-9_]{8}")
#: The same as earlier versions named it; the run is a folder inside.
_LEGACY_REMNANT = re.compile(r"\.(replaced|deleting)-[a-z0-9_]{8}")


class Manifest(TypedDict, total=False):
    """The keys of ``manifest.json``; runs of earlier versions may lack some.

    ``study`` or ``store`` describes the data, and ``about`` the places, the period and the
    parameters in words.
    """

    run_id: str
    status: str
    error: str | None
    template: str
    title: str
    notebook: dict[str, str]
    parameters: dict[str, Any]
    files: dict[str, str]
    about: dict[str, Any]
    study: dict[str, Any]
    store: dict[str, Any]
    versions: dict[str, str]
    code: dict[str, Any]
    seed: int
    page: dict[str, Any]
    assets: list[str]
    headline: str | None
    built_at: str
    seconds: float
    stages: dict[str, float]
    peak_mb: dict[str, float]


@dataclass(slots=True)
class StagingFolder:
    """A locked temporary folder in which one process builds a run before publishing it.

    Attributes
    ----------
    path
        The folder.
    out
        The folder of reports, as the user named it.
    folder
        The open and locked directory; None when it is closed.
    moved
        Whether it was renamed to its final place.
    """

    path: Path
    out: Path
    folder: Directory | None
    moved: bool = False

    @classmethod
    def make(cls, out: Path, run_id: str) -> StagingFolder:
        """Create the folder of a run, after clearing what interrupted runs left in `out`."""
        out.mkdir(parents=True, exist_ok=True)
        with open_locked(out) as directory:
            clear_remnants(directory)
            path = Path(tempfile.mkdtemp(prefix=f".building-{run_id}-", dir=out.resolve()))
            staging = cls(path, out, directory.child(path.name))
            staging.mark(run_id)
        return staging

    def mark(self, run_id: str) -> None:
        """Lock the folder and write a first manifest, unless the disk is full."""
        if self.folder is not None:
            self.folder.lock(wait=False)
            marker = {"run_id": run_id, "status": "running"}
            with suppress(OSError):
                self.folder.write(MANIFEST, json.dumps(marker).encode())

    def move(self, target: Path) -> None:
        """Rename the folder to `target` within `out`, in one step where the system supports it.

        Raises
        ------
        OSError
            If there is a link on the way, or `target` exists and is not a run.
        """
        *parents, name = target.relative_to(self.out).parts
        apply_umask(self.path)
        with (
            open_locked(self.out) as out,
            out.child(parents[0], make=True) if parents else nullcontext(out) as parent,
        ):
            if parent.status(name) is None:
                out.rename(self.path.name, name, to=parent)
                self.moved = True
                return
            with parent.child(name) as old:
                if not _holds_run(old, name) and not _is_blank(old):
                    raise FileExistsError(errno.EEXIST, f"{name} is not a run of foxgrape's")
                self._replace(out, parent, name, old)

    def _replace(self, out: Directory, parent: Directory, name: str, old: Directory) -> None:
        """Replace an older run by this folder and delete the older one."""
        if out.exchange(self.path.name, name, to=parent):
            self.moved = True
            if old.clear(last=MANIFEST):
                out.rmdir(self.path.name)
            return
        replaced = f".replaced-{name}-{secrets.token_hex(4)}"
        parent.rename(name, replaced)
        out.rename(self.path.name, name, to=parent)
        self.moved = True
        if old.clear(last=MANIFEST):
            parent.rmdir(replaced)

    def close(self) -> None:
        """Release the lock, and delete the folder unless it was moved."""
        if self.folder is None:
            return
        if not self.moved and self.folder.clear(last=MANIFEST):
            with suppress(OSError), Directory.open(self.out) as out:
                out.rmdir(self.path.name)
        self.folder.close()
        self.folder = None


def is_complete(folder: Path) -> bool:
    """Return whether a run's page, notebook and manifest are all there."""
    return all((folder / name).is_file() for name in (PAGE, NOTEBOOK, MANIFEST))


def is_locked(folder: Path) -> bool:
    """Return whether another process holds this staging folder's lock.

    Call with ``folder_lock(out)`` held.
    """
    with suppress(OSError), Directory.open(folder.parent) as out, out.child(folder.name) as staging:
        return not staging.lock(wait=False)
    return False


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a run, as it was written: see `Manifest` for its keys.

    Raises
    ------
    ReportError
        If there is no run, or its manifest cannot be read.
    """
    file = folder / MANIFEST
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ReportError("no run found", file=folder, hint=f"there is no {MANIFEST}") from None
    except (ValueError, RecursionError) as error:
        raise ReportError(f"cannot read the manifest: {error}", file=file) from None
    if not isinstance(manifest, dict):
        raise ReportError("cannot read the manifest", file=file, expected="a JSON object")
    return manifest


def matches_run_id(manifest: Mapping[str, Any], name: str) -> bool:
    """Return whether a manifest names the run that a folder of this name contains."""
    return manifest.get("run_id") in {name, name.removeprefix("rebuilt-")}


def _holds_run(folder: Directory, name: str) -> bool:
    """Return whether a folder contains the run, judged by its manifest or else by its page."""
    if matches_run_id(folder.read_json(MANIFEST), name):
        return True
    try:
        page = folder.read(PAGE)
    except OSError:
        return False
    # As page.html.j2 writes it in the footer of each page.
    return f"<dt>Run</dt><dd>{name.removeprefix('rebuilt-')}</dd>".encode() in page


def _is_blank(folder: Directory) -> bool:
    """Return whether a folder has only empty files, as a full disk leaves them."""
    entries = [folder.status(name) for name in folder.names()]
    return all(
        entry is not None and stat.S_ISREG(entry.st_mode) and not entry.st_size for entry in entries
    )


def clear_remnants(out: Directory) -> None:
    """Delete what interrupted processes left, and restore a run that was being replaced."""
    _clear_remnants_in(out)
    for name in _SUBFOLDERS:
        with suppress(OSError), out.child(name) as subfolder:
            _clear_remnants_in(subfolder)


def _clear_remnants_in(parent: Directory) -> None:
    for name in parent.names():
        remnant = _REMNANT.fullmatch(name)
        if remnant is None and _LEGACY_REMNANT.fullmatch(name) is None:
            continue
        with suppress(OSError), parent.child(name) as folder:
            if not folder.is_abandoned():
                continue
            if remnant is None:
                _clear_legacy_remnant(parent, folder, name)
            elif not folder.names():
                parent.rmdir(name)
            elif _holds_run(folder, run := remnant[2]):
                if remnant[1] == "replaced" and parent.status(run) is None:
                    parent.rename(name, run)
                elif folder.clear(last=MANIFEST):
                    parent.rmdir(name)


def _clear_legacy_remnant(parent: Directory, folder: Directory, name: str) -> None:
    """Clear a folder of an earlier version, which has the run inside it."""
    for run in folder.names():
        with suppress(OSError), folder.child(run) as inside:
            if not _holds_run(inside, run):
                continue
            if name.startswith(".replaced-") and parent.status(run) is None:
                folder.rename(run, run, to=parent)
            elif inside.clear(last=MANIFEST):
                folder.rmdir(run)
    parent.rmdir(name)


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock under which runs are created, moved and deleted in a folder, if it exists."""
    try:
        directory = Directory.open(folder)
    except FileNotFoundError:
        yield
        return
    with directory:
        directory.lock(wait=True)
        yield


@contextmanager
def open_locked(folder: Path) -> Iterator[Directory]:
    """Open a folder of reports and hold the lock of `folder_lock`."""
    with Directory.open(folder) as directory:
        directory.lock(wait=True)
        yield directory


class RunInput(NamedTuple):
    """A file that a run reads.

    Attributes
    ----------
    source
        Path of the original.
    target
        Path of its copy, relative to the folder of the run.
    sha256
        Hash of its content; None for a folder.
    """

    source: str
    target: str
    sha256: str | None


@dataclass(slots=True)
class Inputs:
    """All files that a run reads, hashed when it is planned and copied when it starts.

    The run reads only the copies, so the hashes in its manifest are those of the bytes it read,
    even if the originals change meanwhile.

    Attributes
    ----------
    files
        Each file, and each folder of a parameter.
    originals
        The original path by the path of the copy. The latter is relative to the folder of the
        run, so that a rebuilt run shows the same.
    """

    files: list[RunInput] = field(default_factory=list)
    originals: dict[str, str] = field(default_factory=dict)

    def add_template(self, notebook: Path, sha256: str) -> None:
        """Add the notebook to run; its copy is `TEMPLATE`."""
        self.files.append(RunInput(str(notebook), TEMPLATE, sha256))

    def add_study(self, folder: str, hashes: Mapping[str, str]) -> str:
        """Add a study's files by their paths in it, and return the path of its copy."""
        copy = f"{INPUTS}/study/{Path(folder).name}"
        self.files += [
            RunInput(str(Path(folder, path)), f"{copy}/{path}", sha256)
            for path, sha256 in hashes.items()
        ]
        self.originals[copy] = folder
        return copy

    def add_path(self, path: str) -> str:
        """Add a file, or a folder with its content, and return the path of its copy.

        Raises
        ------
        ReportError
            If it cannot be read.
        """
        copy = f"{INPUTS}/parameters/{len(self.originals) + 1}/{Path(path).name}"
        try:
            self.files += _hash_tree(Path(path), copy, frozenset())
        except OSError as error:
            raise ReportError(f"cannot be read: {error.strerror}", file=path) from None
        self.originals[copy] = path
        return copy


def combined_sha256(files: Sequence[RunInput]) -> str:
    """Return the hash of one file, or a hash over the names and hashes of several."""
    if len(files) == 1 and files[0].sha256 is not None:
        return files[0].sha256
    content = json.dumps([(file.target, file.sha256) for file in files])
    return hashlib.sha256(content.encode()).hexdigest()


def _hash_tree(path: Path, target: str, parents: frozenset[Path]) -> Iterator[RunInput]:
    """Hash a file or a folder's content; links are followed unless they lead to a parent."""
    if path.is_file():
        yield RunInput(str(path), target, file_sha256(path))
    elif not path.is_dir():
        raise ReportError("neither a file nor a folder", file=path)
    elif (real := path.resolve()) not in parents:
        yield RunInput(str(path), target, None)
        for entry in sorted(path.iterdir()):
            if entry.is_file() or entry.is_dir():
                yield from _hash_tree(entry, f"{target}/{entry.name}", parents | {real})


def copy_inputs(inputs: Iterable[Sequence[str | None]], folder: Path) -> str | None:
    """Copy the files of a run into its folder and compare their hashes.

    Parameters
    ----------
    inputs
        As `Inputs.files`.
    folder
        The folder of the run.

    Returns
    -------
    str or None
        An error that names the first file that changed since the run was planned, in one line.

    Raises
    ------
    OSError
        If a file cannot be read, or the disk is full.
    """
    for source, target, sha256 in inputs:
        copy = folder / str(target)
        if sha256 is None:
            copy.mkdir(parents=True, exist_ok=True)
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            same = _copy(Path(str(source)), copy) == sha256
        except FileNotFoundError:
            same = False
        if not same:
            what = "the file changed while the report was built"
            return str(ReportError(what, file=source, hint="build it again"))
    return None


def _copy(source: Path, target: Path) -> str:
    """Copy a file and return the SHA-256 of the copied bytes."""
    sha256 = hashlib.sha256()
    with source.open("rb") as original, target.open("wb") as copy:
        while chunk := original.read(_CHUNK):
            sha256.update(chunk)
            copy.write(chunk)
    return sha256.hexdigest()
