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
    inside = _PACKAGE / "_shipped" / "templates"
    return inside if inside.is_dir() else _CLONE / "notebooks" / "templates"


def study_folder(name: str) -> Path:
    """Return the folder of a study that comes with foxgrape.

    Raises
    ------
    FoxgrapeError
        If there is no study of this name.

    Examples
    --------
    >>> study_folder("izium-2022").name
    'izium-2022'
    """
    inside = _PACKAGE / "_shipped" / "studies"
    root = inside if inside.is_dir() else _CLONE / "data" / "studies"
    known = sorted(folder.name for folder in root.iterdir() if folder.is_dir())
    if name not in known:
        raise FoxgrapeError("unknown study", got=name, hint=did_you_mean(name, known))
    return root / name
