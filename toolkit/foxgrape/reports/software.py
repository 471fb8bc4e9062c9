"""The software that a report is made with: its hash, its versions, and where git stands."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import TZPATH

from foxgrape import __version__
from foxgrape._util.hashing import file_sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Software"]

_PACKAGE = Path(__file__).parents[1]
_LIBRARIES = ("emoji", "nbconvert", "numpy", "pandas", "papermill", "plotly", "scipy")


@dataclass(frozen=True, slots=True)
class Software:
    """What runs: a hash of our own files, the versions of the rest, and where git stands.

    Attributes
    ----------
    sha256
        Of all files of the package, gazetteer and codebook included.
    versions
        Of Python, the libraries that numbers and pages depend on, and the data base of time zones.
    git
        ``commit`` and whether it is ``dirty``; None where this is no clone.
    """

    sha256: str
    versions: Mapping[str, str]
    git: Mapping[str, Any] | None

    @classmethod
    def here(cls) -> Software:
        """Look at what is installed here."""
        digest = hashlib.sha256()
        for file in _package_files():
            digest.update(f"{file.relative_to(_PACKAGE).as_posix()} {file_sha256(file)}\n".encode())
        libraries = {name: version(name) for name in _LIBRARIES}
        versions = {"foxgrape": __version__, "python": platform.python_version(), **libraries}
        return cls(digest.hexdigest(), versions | {"tzdata": _time_zones()}, _git(_PACKAGE))


def _package_files() -> list[Path]:
    """Return the files of the package, but what Python has compiled of them."""
    return [
        path
        for path in sorted(_PACKAGE.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def _time_zones() -> str:
    """Return the version of the data base of time zones that Python reads here."""
    for folder in TZPATH:
        with suppress(OSError), Path(folder, "tzdata.zi").open(encoding="utf-8") as file:
            return file.readline().removeprefix("# version").strip()
    with suppress(PackageNotFoundError):
        return version("tzdata")
    return "unknown"


def _git(package: Path) -> dict[str, Any] | None:
    """Ask git, if there is one and these very files are in its care."""

    def ask(*words: str) -> str | None:
        try:
            done = subprocess.run(  # noqa: S603
                ["git", "-C", str(package), *words],  # noqa: S607
                capture_output=True,
                text=True,
                check=False,
                timeout=10,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    if ask("ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit, changes = ask("rev-parse", "HEAD"), ask("status", "--porcelain", "--", ".")
    return None if commit is None else {"commit": commit, "dirty": bool(changes)}
