"""Shared plotly.js files, and static pictures of figures.

The name of a shared file contains its hash, so a page always loads the version it was built with.
A run's manifest lists the shared files that its page needs; `remove_unused_assets` deletes files
that no manifest lists. Pictures are rendered only on request, since they need kaleido and Chromium
and take about a second each.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.directories import Directory, directory_at
from foxgrape._util.regular_files import read_regular
from foxgrape.errors import ReportError
from foxgrape.plots.pictures import image_options, open_kaleido

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "FOLDER",
    "Asset",
    "assets_href",
    "csp_hash",
    "ensure_plotly_asset",
    "has_assets",
    "image_data_url",
    "message_figure",
    "plotly_asset",
    "remove_unused_assets",
    "render_images",
    "require_kaleido",
]

#: Name of the folder of shared files in the reports folder.
FOLDER = "assets"
_NAME = re.compile(r"plotly-([0-9a-f]{16})\.min\.js")
#: Timeout in seconds for rendering one picture; long, for busy machines.
_IMAGE_SECONDS = 90
#: Scale factors from the size of a figure to that of its picture, its picture for messages and its
#: thumbnail, in pixels.
_SCALE, _MESSAGE_SCALE, _THUMBNAIL_SCALE = 1.5, 2.0, 0.34
#: Width of the figure in a message, whose text is then as large as that of the message, and the
#: height above which another figure is preferred.
_MESSAGE_WIDTH, _MESSAGE_HEIGHT = 560, 600


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages share.

    Attributes
    ----------
    name
        File name, which contains the first 16 digits of the SHA-256.
    integrity
        SHA-256 in the format of the HTML attribute ``integrity``.
    text
        Content of the file.
    """

    name: str
    integrity: str
    text: str


@cache
def csp_hash(text: str) -> str:
    """Return the hash of a script or style sheet for a Content-Security-Policy or ``integrity``.

    Examples
    --------
    >>> csp_hash("x")
    'sha256-LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE='
    """
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def plotly_asset() -> Asset:
    """Return the plotly.js that the installed plotly package includes.

    Examples
    --------
    >>> plotly_asset().integrity.startswith("sha256-")
    True
    """
    from plotly.offline import get_plotlyjs

    text = str(get_plotlyjs())
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Asset(f"plotly-{digest[:16]}.min.js", csp_hash(text), text)


def assets_href(out: Path, page_folder: Path) -> str:
    """Return the path of the folder of shared files, relative to a page's folder.

    Examples
    --------
    >>> assets_href(Path("reports"), Path("reports/rebuilt/run"))
    '../../assets'
    """
    return Path(os.path.relpath(out / FOLDER, page_folder)).as_posix()


def ensure_plotly_asset(out: Path) -> str:
    """Write plotly.js to the folder of shared files if it is missing, and return the file name.

    Hold ``folder_lock(out)`` and write the manifest that lists the file before the call; otherwise
    `remove_unused_assets` may delete the file.

    Raises
    ------
    OSError
        If the file cannot be written, or the folder is a link.
    """
    asset = plotly_asset()
    content = asset.text.encode()
    with directory_at(out, FOLDER, make=True) as folder:
        if not _has_content(folder, asset.name, content):
            folder.write(asset.name, content)
    return asset.name


def _has_content(folder: Directory, name: str, content: bytes) -> bool:
    try:
        return folder.read(name) == content
    except OSError:
        return False


def has_assets(out: Path, manifest: Mapping[str, Any]) -> bool:
    """Return whether all shared files listed in a manifest exist.

    Examples
    --------
    >>> has_assets(Path("none-such"), {"assets": []})
    True
    >>> has_assets(Path("none-such"), {"assets": ["a.js"]})
    False
    """
    return all((out / FOLDER / str(name)).is_file() for name in manifest.get("assets", ()))


def remove_unused_assets(out: Path) -> list[str]:
    """Delete the shared files that no manifest lists, and return their names.

    The manifests of runs in progress are included. If a manifest cannot be read, nothing is
    deleted, since it may list any file. Files whose names do not contain the hash of their content
    were not written by foxgrape, and are kept.
    """
    with suppress(OSError), directory_at(out, FOLDER) as folder:
        existing = [name for name in folder.names() if _NAME.fullmatch(name)]
        used = _used_assets(out) if existing else None
        if used is not None:
            return [name for name in existing if name not in used and _delete(folder, name)]
    return []


def _delete(folder: Directory, name: str) -> bool:
    """Delete a shared file if its name contains the hash of its content.

    Return whether it was deleted.
    """
    with suppress(OSError):
        if name.split("-")[1].startswith(hashlib.sha256(folder.read(name)).hexdigest()[:16]):
            folder.unlink(name)
            return True
    return False


def _used_assets(out: Path) -> set[str] | None:
    """Return the names of shared files in all manifests; None if a manifest cannot be read."""
    names: set[str] = set()
    for pattern in ("*", "*/*"):
        for manifest in out.glob(f"{pattern}/manifest.json"):
            try:
                names.update(json.loads(read_regular(manifest).decode("utf-8")).get("assets", ()))
            except FileNotFoundError:
                continue
            except (OSError, ValueError, AttributeError, TypeError, RecursionError):
                return None
    return names


def require_kaleido() -> None:
    """Raise ReportError if kaleido, which renders the pictures, is not installed."""
    if find_spec("kaleido") is None:
        raise ReportError(
            "pictures of figures need kaleido, which is not installed",
            hint="pip install kaleido; it also needs Chromium or Chrome",
        )


def render_images(figures: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """Render figures as PNG images, one of them also for messages, and the first as a thumbnail.

    Parameters
    ----------
    figures
        Figures as plotly's JSON, with ``data`` and ``layout``.

    Returns
    -------
    list of bytes
        The picture of each figure, then that for messages and the thumbnail; empty if there are no
        figures.
    """
    if not figures:
        return []
    shown = message_figure(figures)
    narrow = {**shown, "layout": {**shown["layout"], "width": _MESSAGE_WIDTH}}
    sizes = [(figure, _SCALE) for figure in figures]
    sizes += [(narrow, _MESSAGE_SCALE), (figures[0], _THUMBNAIL_SCALE)]
    return asyncio.run(_render(sizes))


def message_figure(figures: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the figure that messages show: the first that is not taller than a screen.

    Examples
    --------
    >>> tall, low = ({"data": [], "layout": {"height": height}} for height in (1500, 400))
    >>> message_figure([tall, low])["layout"], message_figure([tall])["layout"]
    ({'height': 400}, {'height': 1500})
    """
    low = (figure for figure in figures if figure["layout"].get("height", 0) <= _MESSAGE_HEIGHT)
    return next(low, figures[0])


async def _render(sizes: Sequence[tuple[Mapping[str, Any], float]]) -> list[bytes]:
    async with open_kaleido(_IMAGE_SECONDS) as browser:
        return [await browser.calc_fig(*image_options(*size)) for size in sizes]


def image_data_url(png: bytes) -> str:
    """Return a PNG image as a data URL.

    Examples
    --------
    >>> image_data_url(b"a")
    'data:image/png;base64,YQ=='
    """
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
