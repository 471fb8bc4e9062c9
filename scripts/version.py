"""The version of foxgrape, as hatchling asks for it: from the tags of git, where there is git.

A tag ``v0.2.0`` is version 0.2.0, and so is CITATION.cff of that commit. Three commits later it is
``0.2.0.post3+g1234567``, which no index takes. A source distribution has its version in PKG-INFO;
a clone without tags and an archive without git have that of CITATION.cff.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def told_by_git(described: str) -> str | None:
    """Return the version that ``git describe --long`` tells, None for what is no such tag.

    >>> told_by_git("v0.2.0-0-g1234567")
    '0.2.0'
    >>> told_by_git("v0.2.0-3-g1234567")
    '0.2.0.post3+g1234567'
    >>> told_by_git("nightly-3-g1234567")
    """
    found = re.fullmatch(r"v(\d+(?:\.\d+)+(?:(?:a|b|rc)\d+)?)-(\d+)-(g[0-9a-f]+)", described)
    if found is None:
        return None
    tagged, since, commit = found.groups()
    return tagged if since == "0" else f"{tagged}.post{since}+{commit}"


def line_in(file: Path, key: str) -> str | None:
    """Return what a file says after a key at the beginning of a line."""
    if not file.is_file():
        return None
    found = re.search(rf"^{key}: *(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    return found and found.group(1)


def described(root: Path) -> str:
    """Ask git, which must be that of this very folder; nothing where there is none."""
    if not (root / ".git").exists():
        return ""
    words = ["describe", "--tags", "--long", "--match", "v[0-9]*"]
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *words],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def version(root: Path = ROOT) -> str:
    """Return the version of what lies in a folder."""
    packed = line_in(root / "PKG-INFO", "Version")
    cited = line_in(root / "CITATION.cff", "version")
    return packed or told_by_git(described(root)) or str(cited)


if __name__ == "__main__":
    print(version())
