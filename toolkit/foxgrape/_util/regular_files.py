"""Open files that others may have put there: a named pipe or device would block or never end."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["open_regular", "read_regular", "require_regular_files", "require_replaceable"]

#: Without this flag, opening a named pipe waits until its other end is opened.
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def open_regular(path: str, flags: int) -> int:
    """Open a regular file; use as ``opener`` of `open`.

    Raises
    ------
    OSError
        If the file cannot be opened, or is a folder, named pipe, socket or device.

    Examples
    --------
    >>> open(os.devnull, opener=open_regular)
    Traceback (most recent call last):
    OSError: [Errno 22] is not a regular file: '/dev/null'
    """
    descriptor = os.open(path, flags | _NO_WAIT)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "is not a regular file", str(path))


def read_regular(path: object) -> bytes:
    """Return the content of a regular file; raise OSError as `open_regular` does."""
    with open(str(path), "rb", opener=open_regular) as file:
        return file.read()


def require_regular_files(paths: Iterable[Path]) -> None:
    """Raise OSError if a path is a named pipe, socket or device, which a library would wait for.

    Examples
    --------
    >>> from pathlib import Path
    >>> require_regular_files([Path("/none"), Path("/dev/null")])
    Traceback (most recent call last):
    OSError: null is not a regular file
    """
    for path in paths:
        with suppress(FileNotFoundError):
            mode = path.stat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise OSError(f"{path.name} is not a regular file")


def require_replaceable(path: Path) -> None:
    """Raise OSError if a path is a device, named pipe or socket, which a file must not replace.

    Examples
    --------
    >>> from pathlib import Path
    >>> require_replaceable(Path(os.devnull))
    Traceback (most recent call last):
    OSError: [Errno 22] is not a regular file: '/dev/null'
    """
    with suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if not any(is_kind(mode) for is_kind in (stat.S_ISREG, stat.S_ISLNK, stat.S_ISDIR)):
            raise OSError(errno.EINVAL, "is not a regular file", str(path))
