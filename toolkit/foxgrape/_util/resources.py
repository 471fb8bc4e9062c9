"""Locate the studies and report templates that come with foxgrape.

A clone has them at its top level, a wheel inside the package.
"""

from __future__ import annotations

from pathlib import Path

from foxgrape.errors import FoxgrapeError, did_you_mean

__all__ = ["study_folder", "template_folder"]

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
