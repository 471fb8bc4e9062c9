"""Who may read what we make: nobody but the maker while it is made, then whom the umask lets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["apply_umask"]


def apply_umask(folder: Path) -> None:
    """Give a folder that was made by `mkdtemp`, closed to others, the mode of any new folder.

    Parameters
    ----------
    folder
        What is about to be moved into its place.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> beside, made = Path(mkdtemp()), Path(mkdtemp())
    >>> (beside / "new").mkdir()
    >>> as_the_umask_says(made)
    >>> made.stat().st_mode == (beside / "new").stat().st_mode
    True
    """
    mask = os.umask(0)  # it can only be read by setting it
    os.umask(mask)
    folder.chmod(0o777 & ~mask)
