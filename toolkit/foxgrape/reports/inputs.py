"""The files that a run reads: hashed when it is planned, copied into its folder when it begins.

A run reads the copies and nothing else. Each is hashed while it is copied, and one that is no
longer what was planned fails the run: so the hashes of a manifest are of the very bytes that the
run has read, whoever edits the files meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from foxgrape._util.hashing import file_sha256
from foxgrape.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["INPUTS", "TEMPLATE", "Input", "Inputs", "copy_inputs", "digest"]

#: The folder of the copies, in the folder of the run; it is deleted when the run has ended.
INPUTS = "inputs"
#: The copy of the template: papermill fills in what stands in braces in a path, this has none.
TEMPLATE = f"{INPUTS}/template.ipynb"
_CHUNK = 1 << 20


class Input(NamedTuple):
    """A file that a run reads.

    Attributes
    ----------
    source
        Where it lies.
    target
        Where its copy goes, within the folder of the run.
    sha256
        Of its content; None for a folder.
    """

    source: str
    target: str
    sha256: str | None


@dataclass(slots=True)
class Inputs:
    """All files that a run reads.

    Attributes
    ----------
    files
        Each file, and each folder of a parameter.
    originals
        The path that was asked for, by the path of the copy as the notebook gets it. That one is
        relative to the folder of the run, so that a rebuilt run shows the same.
    """

    files: list[Input] = field(default_factory=list)
    originals: dict[str, str] = field(default_factory=dict)

    def add_template(self, notebook: Path, sha256: str) -> None:
        """Add the notebook that is run; its copy is `TEMPLATE`."""
        self.files.append(Input(str(notebook), TEMPLATE, sha256))

    def add_study(self, folder: str, hashes: Mapping[str, str]) -> str:
        """Add a study's files by their paths in it, and return the path of its copy."""
        copy = f"{INPUTS}/study/{Path(folder).name}"
        self.files += [
            Input(str(Path(folder, path)), f"{copy}/{path}", sha256)
            for path, sha256 in hashes.items()
        ]
        self.originals[copy] = folder
        return copy

    def add_path(self, path: str) -> str:
        """Add a file, or a folder with all that is in it, and return the path of its copy.

        Raises
        ------
        ReportError
            If it cannot be read.
        """
        copy = f"{INPUTS}/parameters/{len(self.originals) + 1}/{Path(path).name}"
        try:
            self.files += _inputs(Path(path), copy, frozenset())
        except OSError as error:
            raise ReportError(f"cannot be read: {error.strerror}", file=path) from None
        self.originals[copy] = path
        return copy


def digest(files: Sequence[Input]) -> str:
    """Return the hash of a file; of several, of their names and hashes."""
    if len(files) == 1 and files[0].sha256 is not None:
        return files[0].sha256
    content = json.dumps([(file.target, file.sha256) for file in files])
    return hashlib.sha256(content.encode()).hexdigest()


def _inputs(path: Path, target: str, parents: frozenset[Path]) -> Iterator[Input]:
    """Hash a file or all that is in a folder; links are followed, but into no parent folder."""
    if path.is_file():
        yield Input(str(path), target, file_sha256(path))
    elif not path.is_dir():
        raise ReportError("this is neither a file nor a folder", file=path)
    elif (real := path.resolve()) not in parents:
        yield Input(str(path), target, None)
        for entry in sorted(path.iterdir()):
            if entry.is_file() or entry.is_dir():
                yield from _inputs(entry, f"{target}/{entry.name}", parents | {real})


def copy_inputs(inputs: Iterable[Sequence[str | None]], folder: Path) -> str | None:
    """Copy the files of a run into its folder, and hash them on the way.

    Parameters
    ----------
    inputs
        As `Inputs.files`.
    folder
        The folder of the run.

    Returns
    -------
    str or None
        Which file is no longer what was planned, in one line; None if all are.

    Raises
    ------
    OSError
        If a file cannot be read, or there is no room for its copy.
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
    """Copy a file, and return the SHA-256 of what was copied."""
    sha256 = hashlib.sha256()
    with source.open("rb") as original, target.open("wb") as copy:
        while chunk := original.read(_CHUNK):
            sha256.update(chunk)
            copy.write(chunk)
    return sha256.hexdigest()
