"""What the pages of a folder share: one plotly.js, under a name that carries its hash.

Another plotly writes another file, so a page finds the very one that it was made with. A run's
manifest names its files; `sweep` deletes those that no manifest names any more.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FOLDER",
    "Asset",
    "copy_beside",
    "ensure_plotly_asset",
    "has_all",
    "plotly_asset",
    "remove_unused_assets",
]

#: Where shared files lie, in the folder of the reports.
FOLDER = "assets"
_NAMES = "plotly-*.min.js"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages share.

    Attributes
    ----------
    name
        Of the file; it carries the first of the hash.
    integrity
        Its hash, as browsers take it.
    text
        What is in it.
    """

    name: str
    integrity: str
    text: str


@cache
def plotly_asset() -> Asset:
    """Return the plotly.js of the plotly that is installed here.

    Examples
    --------
    >>> plotly_asset().integrity.startswith("sha256-")
    True
    """
    from plotly.offline import get_plotlyjs

    text = str(get_plotlyjs())
    digest = hashlib.sha256(text.encode())
    integrity = f"sha256-{base64.b64encode(digest.digest()).decode()}"
    return Asset(f"plotly-{digest.hexdigest()[:16]}.min.js", integrity, text)


def copy_beside(out: Path, page: Path) -> str:
    """Return how a page in a folder below `out` names the folder of what is shared.

    Examples
    --------
    >>> beside(Path("reports"), Path("reports/rebuilt/run"))
    '../../assets'
    """
    return Path(os.path.relpath(out / FOLDER, page)).as_posix()


def ensure_plotly_asset(out: Path) -> str:
    """Have plotly.js in the folder of what is shared, whole, and return its name.

    Whoever calls holds the lock of `out`, and the manifest that names the file is in its place:
    nobody can take the file away between.
    """
    asset = plotly_asset()
    file = out / FOLDER / asset.name
    if not file.is_file() or file.read_bytes() != asset.text.encode():
        write_atomic(file, asset.text)
    return asset.name


def has_all(out: Path, told: Mapping[str, Any]) -> bool:
    """Tell whether all that a run's page shares is there.

    Examples
    --------
    >>> has_all(Path("none-such"), {"assets": []}), has_all(Path("none-such"), {"assets": ["a.js"]})
    (True, False)
    """
    return all((out / FOLDER / str(name)).is_file() for name in told.get("assets", ()))


def remove_unused_assets(out: Path) -> list[str]:
    """Delete the shared files that no run names, and return their names.

    Runs that are being built count as well: their manifests name what they will need. Where one
    manifest cannot be read nothing is deleted, for it may name anything.
    """
    there = sorted((out / FOLDER).glob(_NAMES))
    if not there:
        return []
    named: set[str] = set()
    for depth in ("*", "*/*"):
        for manifest in out.glob(f"{depth}/manifest.json"):
            try:
                named.update(json.loads(manifest.read_text(encoding="utf-8")).get("assets", ()))
            except FileNotFoundError:
                continue
            except (OSError, ValueError, AttributeError, TypeError, RecursionError):
                return []
    gone = [file for file in there if file.name not in named]
    for file in gone:
        with suppress(OSError):
            file.unlink()
    return [file.name for file in gone]
