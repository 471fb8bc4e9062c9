"""Run folders: built under a temporary name and a lock, then renamed to ``out/RUN_ID``.

Failed runs go to ``out/failed``. A folder whose name begins with a dot is work in progress. The
process that builds it holds a lock, which the system releases when that process ends, so an
unlocked folder was abandoned and can be deleted.

A folder belongs to foxgrape only if its name matches the run id in its manifest or page. Other
folders are neither moved nor deleted, except that a run may replace a folder of empty files.
Links are not followed, except the reports folder that the user named.
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

from foxgrape._util.directories import Directory, apply_umask, directory_at
from foxgrape._util.files import copy_file, file_sha256
from foxgrape._util.regular_files import read_regular
from foxgrape._util.unicode import replace_surrogates
from foxgrape.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from foxgrape._util.secrets import SecretFilter

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
    "read_notebook",
    "redact_files",
]

PAGE, NOTEBOOK, MANIFEST, LOG = "report.html", "notebook.ipynb", "manifest.json", "log.txt"
#: Subfolder of a run with copies of the files that it reads; deleted when the run ends.
INPUTS = "inputs"
#: Path of the template's copy in the run folder. It does not contain the template's name, since
#: papermill formats braces in a path.
TEMPLATE = f"{INPUTS}/template.ipynb"
#: Subfolders of the reports folder that contain runs.
_SUBFOLDERS = ("failed", "rebuilt")
#: Pattern of temporary folder names: the operation, the run id and a random suffix.
_REMNANT = re.compile(r"\.(building|replaced|deleting)-(.+)-[a-z0-9_]{8}")
#: Pattern of the temporary folder names of earlier versions, which moved the run folder into them.
_LEGACY_REMNANT = re.compile(r"\.(replaced|deleting)-[a-z0-9_]{8}")


class Manifest(TypedDict, total=False):
    """The content of ``manifest.json``; runs of earlier versions may lack some keys.

    ``study`` or ``store`` describes the data. ``about`` has the places, the period and the other
    parameters in words. ``key_figure`` has the name and value of the figure that the catalogue
    compares between runs. ``outputs`` has the SHA-256 of page and notebook. ``changes`` says in
    sentences what changed since the run ``compared_with``.
    """

    run_id: str
    status: str
    error: str | None
    template: str
    title: str
    notebook: dict[str, str]
    parameters: dict[str, Any]
    series: str
    files: dict[str, str]
    about: dict[str, Any]
    study: dict[str, Any]
    store: dict[str, Any]
    versions: dict[str, str]
    code: dict[str, Any]
    seed: int
    page: dict[str, Any]
    assets: list[str]
    outputs: dict[str, str]
    headline: str | None
    compared_with: str | None
    key_figure: dict[str, Any] | None
    changes: list[str]
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
        Path of the staging folder.
    out
        The reports folder, as the user named it.
    folder
        The staging folder as an open, locked directory; None once it is closed.
    moved
        Whether the staging folder was renamed to its final path.
    """

    path: Path
    out: Path
    folder: Directory | None
    moved: bool = False

    @classmethod
    def make(cls, out: Path, run_id: str) -> StagingFolder:
        """Delete what interrupted runs left in `out`, then create the folder of a new run."""
        out.mkdir(parents=True, exist_ok=True)
        with open_locked(out) as directory:
            clear_remnants(directory)
            path = Path(tempfile.mkdtemp(prefix=f".building-{run_id}-", dir=out.resolve()))
            staging = cls(path, out, directory.child(path.name))
            staging.mark(run_id)
        return staging

    def mark(self, run_id: str) -> None:
        """Lock the folder and write a preliminary manifest; ignore a write error (full disk)."""
        if self.folder is not None:
            self.folder.lock(wait=False)
            marker = {"run_id": run_id, "status": "running"}
            with suppress(OSError):
                self.folder.write(MANIFEST, json.dumps(marker).encode())

    def move(self, target: Path) -> None:
        """Rename the folder to `target` within `out`, replacing an older run of that name.

        The replacement is atomic where the system supports it.

        Raises
        ------
        OSError
            If a folder between `out` and `target` is a link, or `target` exists and is not a run.
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
        """Replace the older run `old` with this folder, and delete it."""
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
        """Delete the folder unless it was moved to its final path, and release its lock."""
        if self.folder is None:
            return
        if not self.moved and self.folder.clear(last=MANIFEST):
            with suppress(OSError), Directory.open(self.out) as out:
                out.rmdir(self.path.name)
        self.folder.close()
        self.folder = None


def redact_files(folder: Path, hidden: SecretFilter) -> None:
    """Redact secrets in the notebook and the log of a run; delete a file that cannot be redacted.

    In a notebook, strings are redacted after they are parsed, so that it stays valid.
    """
    if not hidden:
        return
    with directory_at(folder) as directory:
        for name in (NOTEBOOK, LOG):
            if directory.status(name) is None:
                continue
            try:
                text = directory.read(name).decode("utf-8", "replace")
                if name == NOTEBOOK:
                    cleaned = json.dumps(hidden.redact_json(json.loads(text)), indent=1)
                else:
                    cleaned = hidden.redact(text)
                directory.write(name, cleaned.encode())
            except (OSError, ValueError, RecursionError):
                directory.unlink(name)


def is_complete(folder: Path) -> bool:
    """Return whether a run folder has its page, notebook and manifest."""
    return all((folder / name).is_file() for name in (PAGE, NOTEBOOK, MANIFEST))


def is_locked(folder: Path) -> bool:
    """Return whether another process holds this staging folder's lock.

    Call with ``folder_lock(out)`` held.
    """
    with suppress(OSError), Directory.open(folder.parent) as out, out.child(folder.name) as staging:
        return not staging.lock(wait=False)
    return False


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a run's manifest, unvalidated; `Manifest` describes its keys.

    Raises
    ------
    ReportError
        If the folder has no manifest, or the manifest cannot be read.
    """
    file = folder / MANIFEST
    try:
        manifest = replace_surrogates(json.loads(read_regular(file).decode("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        raise ReportError("no run found", file=folder, hint=f"there is no {MANIFEST}") from None
    except (ValueError, RecursionError, OSError) as error:
        raise ReportError(f"cannot read the manifest: {error}", file=file) from None
    if not isinstance(manifest, dict):
        raise ReportError("cannot read the manifest", file=file, expected="a JSON object")
    return manifest


def read_notebook(file: Path) -> Any:
    """Return an executed notebook; raise ReportError if it cannot be read."""
    import nbformat

    try:
        notebook = nbformat.read(file, as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # noqa: BLE001 - nbformat raises errors of many kinds
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ReportError(f"cannot read the notebook: {reason}", file=file) from None
    return notebook


def matches_run_id(manifest: Mapping[str, Any], name: str) -> bool:
    """Return whether the run id in a manifest matches the name of the run's folder."""
    return manifest.get("run_id") in (name, name.removeprefix("rebuilt-"))


def _holds_run(folder: Directory, name: str) -> bool:
    """Return whether a folder contains the run `name`, according to its manifest or its page."""
    if matches_run_id(folder.read_json(MANIFEST), name):
        return True
    try:
        page = folder.read(PAGE)
    except OSError:
        return False
    # The markup of the run id in the page footer, see page.html.j2.
    return f"<dt>Run</dt><dd>{name.removeprefix('rebuilt-')}</dd>".encode() in page


def _is_blank(folder: Directory) -> bool:
    """Return whether a folder contains nothing but empty files, which a full disk can leave."""
    entries = [folder.status(name) for name in folder.names()]
    return all(
        entry is not None and stat.S_ISREG(entry.st_mode) and not entry.st_size for entry in entries
    )


def clear_remnants(out: Directory) -> None:
    """Delete the temporary folders of interrupted processes.

    If a process ended while it replaced a run, the older run is restored.
    """
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
            elif folder.is_blank(MANIFEST):  # its process died before it had written the manifest
                if folder.clear(last=MANIFEST):
                    parent.rmdir(name)
            elif _holds_run(folder, run := remnant[2]):
                if remnant[1] == "replaced" and parent.status(run) is None:
                    parent.rename(name, run)
                elif folder.clear(last=MANIFEST):
                    parent.rmdir(name)


def _clear_legacy_remnant(parent: Directory, folder: Directory, name: str) -> None:
    """Restore or delete the run in a temporary folder of an earlier version of foxgrape."""
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
    """Hold the lock of a reports folder, if the folder exists.

    Runs are created, moved and deleted only under this lock.
    """
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
    """Open a reports folder and hold its lock, as `folder_lock` does."""
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
        Path of the copy, relative to the run folder.
    sha256
        SHA-256 of the content; None for a folder.
    """

    source: str
    target: str
    sha256: str | None


@dataclass(slots=True)
class Inputs:
    """All files that a run reads, hashed when the run is planned and copied when it starts.

    The run reads only the copies, so the hashes in its manifest are those of the bytes it read,
    even if the originals change meanwhile.

    Attributes
    ----------
    files
        The files, and the folders that parameters name.
    originals
        Original paths by the paths of their copies. The paths of copies are relative to the run
        folder, so a rebuilt run prints the same paths.
    """

    files: list[RunInput] = field(default_factory=list)
    originals: dict[str, str] = field(default_factory=dict)

    def add_template(self, notebook: Path, sha256: str) -> None:
        """Add the notebook to run; its copy is `TEMPLATE`."""
        self.files.append(RunInput(str(notebook), TEMPLATE, sha256))

    def add_study(self, folder: str, hashes: Mapping[str, str]) -> str:
        """Add the files of a study, and return the path of the study's copy.

        The keys of `hashes` are paths in the study folder, its values their SHA-256.
        """
        copy = f"{INPUTS}/study/{Path(folder).name}"
        self.files += [
            RunInput(str(Path(folder, path)), f"{copy}/{path}", sha256)
            for path, sha256 in hashes.items()
        ]
        self.originals[copy] = folder
        return copy

    def add_path(self, path: str) -> str:
        """Add a file, or a folder with its content, and return the path of the copy.

        Raises
        ------
        ReportError
            If the file or folder cannot be read.
        """
        copy = f"{INPUTS}/parameters/{len(self.originals) + 1}/{Path(path).name}"
        try:
            self.files += _hash_tree(Path(path), copy, frozenset())
        except OSError as error:
            raise ReportError(f"cannot be read: {error.strerror}", file=path) from None
        self.originals[copy] = path
        return copy


def combined_sha256(files: Sequence[RunInput]) -> str:
    """Return the SHA-256 of a single file, or one over the names and hashes of several files."""
    if len(files) == 1 and files[0].sha256 is not None:
        return files[0].sha256
    content = json.dumps([(file.target, file.sha256) for file in files])
    return hashlib.sha256(content.encode()).hexdigest()


def _hash_tree(path: Path, target: str, parents: frozenset[Path]) -> Iterator[RunInput]:
    """Hash a file or a folder's content, following links except those to a parent folder."""
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
    """Copy the files that a run reads into its folder, and check that they are unchanged.

    Parameters
    ----------
    inputs
        As `Inputs.files`.
    folder
        The run folder.

    Returns
    -------
    str or None
        A one-line error with the first file that changed since the run was planned; None if all
        files are unchanged.

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
            same = copy_file(Path(str(source)), copy) == sha256
        except FileNotFoundError:
            same = False
        if not same:
            what = "the file changed while the report was built"
            return str(ReportError(what, file=source, hint="build it again"))
    return None
