"""Hashes of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["file_sha256"]


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
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
