"""Write files atomically, hash files, and locate the files that come with foxgrape."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from foxgrape._util.directories import clear_parts, directory_at
from foxgrape._util.regular_files import open_regular, require_replaceable
from foxgrape.errors import FoxgrapeError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "IN_RUN_FOLDER",
    "copy_file",
    "file_sha256",
    "open_private",
    "study_folder",
    "template_folder",
    "write_atomic",
]

#: Environment variable, set while foxgrape builds a report: the working folder is the run's own.
IN_RUN_FOLDER = "FOXGRAPE_IN_RUN_FOLDER"


def write_atomic(path: Path, content: str | bytes | Callable[[Path], object]) -> None:
    """Write a file atomically: `path` never holds incomplete content.

    The content goes to a temporary file in the same folder, is flushed to disk and replaces
    `path` in one step. If writing fails, the temporary file is removed and `path` stays as it was.
    Temporary files of processes that were killed while they wrote `path` are removed.
    If several processes write the same path, the content of the last one to finish remains.

    Parameters
    ----------
    path
        The file; missing parent folders are created.
    content
        Text, written as UTF-8; bytes; or a function that writes the file at the path it is given.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "notes" / "note.txt"
    >>> write_atomic(path, "grapes")
    >>> path.read_text()
    'grapes'
    """
    require_replaceable(path)
    with directory_at(path.parent, make=True) as folder:
        clear_parts(folder, f".{path.name}")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.unlink(missing_ok=True)  # left by a killed process with the same id
        if callable(content):
            content(temporary)
        else:
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def open_private(path: str, flags: int) -> int:
    """Open a file that only its owner can read if it is new; use as ``opener`` of `open`.

    A link in place of the file is not followed.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> with open(f"{mkdtemp()}/note.txt", "w", opener=open_private) as file:
    ...     oct(os.fstat(file.fileno()).st_mode & 0o777)
    '0o600'
    """
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content as hexadecimal digits.

    Parameters
    ----------
    path
        The file; it is read in chunks, so it may be larger than memory.

    Raises
    ------
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile() as empty:
    ...     file_sha256(empty.name)[:16]
    'e3b0c44298fc1c14'
    """
    with open(path, "rb", opener=open_regular) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_file(source: Path, target: Path) -> str:
    """Copy a file and return the SHA-256 of the copied bytes.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> source = Path(mkdtemp()) / "note.txt"
    >>> source.write_text("grapes")
    6
    >>> copy_file(source, source.with_name("copy.txt")) == file_sha256(source)
    True
    """
    sha256 = hashlib.sha256()
    with open(source, "rb", opener=open_regular) as original, target.open("wb") as copy:
        while chunk := original.read(_CHUNK):
            sha256.update(chunk)
            copy.write(chunk)
    return sha256.hexdigest()


_CHUNK = 1 << 20
_PACKAGE = Path(__file__).parents[1]
_CLONE = _PACKAGE.parents[1]


def template_folder() -> Path:
    """Return the folder of the report templates."""
    return _locate("templates", _CLONE / "notebooks" / "templates")


def study_folder(name: str) -> Path:
    """Return the folder of a study that comes with foxgrape.

    Examples
    --------
    >>> study_folder("izium-2022").name
    'izium-2022'
    """
    root = _locate("studies", _CLONE / "data" / "studies")
    known = sorted(folder.name for folder in root.iterdir() if folder.is_dir())
    if name not in known:
        raise FoxgrapeError("unknown study", got=name, hint=did_you_mean(name, known))
    return root / name


def _locate(name: str, in_clone: Path) -> Path:
    packaged = _PACKAGE / "_shipped" / name
    return packaged if packaged.is_dir() else in_clone
