"""Files that appear complete or not at all, and the mode of folders."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["apply_umask", "write_atomic"]


def write_atomic(path: Path, content: str | bytes | Callable[[Path], object]) -> None:
    """Write a file so that it has its name only when it is complete.

    The content goes to a temporary file in the same folder, is flushed to disk and replaces
    `path` in one step. If writing fails, the temporary file is removed and `path` stays as it was.
    Processes that write the same path do not mix their contents: the last one wins.

    Parameters
    ----------
    path
        The file; its folder is created.
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
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.unlink(missing_ok=True)  # of a process that was killed and had the same id
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


def apply_umask(folder: Path) -> None:
    """Give a folder made by `mkdtemp`, which only its owner can read, the mode of any new folder.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> parent, private = Path(mkdtemp()), Path(mkdtemp())
    >>> (parent / "new").mkdir()
    >>> apply_umask(private)
    >>> private.stat().st_mode == (parent / "new").stat().st_mode
    True
    """
    mask = os.umask(0)  # the umask can only be read by setting it
    os.umask(mask)
    folder.chmod(0o777 & ~mask)
