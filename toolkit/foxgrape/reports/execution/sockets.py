"""The temporary folders in which kernels have their sockets, and those that killed runs left."""

from __future__ import annotations

import tempfile
from pathlib import Path

from foxgrape._util.directories import WorkFolder, clear_abandoned

__all__ = ["clear_abandoned_kernels", "socket_folder"]

_PREFIX = "foxgrape-"


def socket_folder() -> WorkFolder:
    """Make a temporary folder that is closed to others, and held by this process.

    Examples
    --------
    >>> folder = socket_folder()
    >>> folder.path.name.startswith("foxgrape-")
    True
    >>> folder.close()
    """
    return WorkFolder(Path(tempfile.gettempdir()), _PREFIX)


def clear_abandoned_kernels() -> list[str]:
    """Delete the folders whose processes were killed, and return their names.

    Examples
    --------
    >>> folder = socket_folder()
    >>> folder.path.name in clear_abandoned_kernels()
    False
    >>> folder.close()
    """
    return clear_abandoned(Path(tempfile.gettempdir()), _PREFIX)
