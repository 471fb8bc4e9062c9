"""Determine the version of foxgrape for hatchling, from git tags where possible.

At the tag ``v0.2.0`` the version is 0.2.0, as in CITATION.cff. Three commits later it is
``0.2.0.post3+g1234567``, which package indexes reject. A source distribution reads its version from
PKG-INFO; a clone without tags or an archive without git reads its version from CITATION.cff.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def version_from_git(described: str) -> str | None:
    """Return the version from ``git describe --long`` output, or None if no version tag matches.

    >>> version_from_git("v0.2.0-0-g1234567")
    '0.2.0'
    >>> version_from_git("v0.2.0-3-g1234567")
    '0.2.0.post3+g1234567'
    >>> version_from_git("nightly-3-g1234567")
    """
    match = re.fullmatch(r"v(\d+(?:\.\d+)+(?:(?:a|b|rc)\d+)?)-(\d+)-(g[0-9a-f]+)", described)
    if match is None:
        return None
    tag, commits, sha = match.groups()
    return tag if commits == "0" else f"{tag}.post{commits}+{sha}"


def field_value(file: Path, key: str) -> str | None:
    """Return the value of the first ``key: value`` line of a file, or None."""
    if not file.is_file():
        return None
    match = re.search(rf"^{key}: *(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    return match and match.group(1)


def describe(root: Path) -> str:
    """Return ``git describe`` output for a folder, or '' if it is not the root of a repository."""
    if not (root / ".git").exists():
        return ""
    words = ["describe", "--tags", "--long", "--match", "v[0-9]*"]
    try:
        result = subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *words],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip()


def version(root: Path = ROOT) -> str:
    """Return the version of the project in a folder."""
    packed = field_value(root / "PKG-INFO", "Version")
    cited = field_value(root / "CITATION.cff", "version")
    return packed or version_from_git(describe(root)) or str(cited)


if __name__ == "__main__":
    print(version())
