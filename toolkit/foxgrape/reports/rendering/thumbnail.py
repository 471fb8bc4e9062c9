"""The thumbnail of a run, a file beside its page: a sketch, or a picture where there are some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foxgrape.reports.rendering.images import image_data_urls
from foxgrape.reports.rendering.sketch import safe, sketch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["read_thumbnail", "write_thumbnail"]

_SKETCH, _PICTURE = "thumbnail.svg", "thumbnail.png"
_PNG = b"\x89PNG\r\n\x1a\n"
#: Characters or bytes beyond which a thumbnail is none.
_LARGEST = 60_000


def write_thumbnail(
    folder: Path, figures: Sequence[Mapping[str, Any]], picture: bytes | None = None
) -> None:
    """Write the thumbnail of the first figure that can be sketched, or the picture that is given.

    Parameters
    ----------
    folder
        The run's.
    figures
        Each as plotly's JSON.
    picture
        A small PNG to take instead.
    """
    # A notebook works in this folder, and may have left anything under these names.
    for name in (_SKETCH, _PICTURE):
        (folder / name).unlink(missing_ok=True)
    if picture is not None:
        (folder / _PICTURE).write_bytes(picture)
        return
    drawn = next(filter(None, map(sketch, figures)), None)
    if drawn is not None:
        (folder / _SKETCH).write_text(f"{drawn}\n", encoding="utf-8")


def read_thumbnail(folder: Path) -> str | None:
    """Return the markup of a run's thumbnail, made anew so that nothing else is in it.

    Examples
    --------
    >>> from pathlib import Path
    >>> read_thumbnail(Path("none")) is None
    True
    """
    try:
        picture = (folder / _PICTURE).read_bytes()
    except OSError:
        picture = b""
    if picture.startswith(_PNG) and len(picture) <= _LARGEST:
        return f'<img alt="" loading="lazy" src="{image_data_urls([picture])[0]}">'
    try:
        text = (folder / _SKETCH).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    return safe(text) if len(text) <= _LARGEST else None
