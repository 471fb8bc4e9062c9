"""Pictures of figures, for where no script runs; made only where somebody asks for them.

They need kaleido and a Chromium, and take about a second each.
"""

from __future__ import annotations

import asyncio
import base64
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from foxgrape.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["image_data_urls", "render_images", "require_kaleido"]

#: Seconds for one picture, on a busy machine too.
_PATIENCE = 90
_WIDTH, _HEIGHT = 960, 450
#: How many dots of a picture a dot of the figure takes.
_SCALE, _SMALL = 1.5, 0.34
#: A figure has the page's paper behind it; a picture has to bring its own.
_PAPER = {"paper_bgcolor": "#fff", "plot_bgcolor": "#fff"}


def require_kaleido() -> None:
    """Make sure that pictures can be asked for.

    Raises
    ------
    ReportError
        If kaleido is not installed.
    """
    if find_spec("kaleido") is None:
        raise ReportError(
            "pictures of figures need kaleido, which is not installed",
            hint="pip install kaleido, and have Chromium or Chrome",
        )


def render_images(figures: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """Return each figure as PNG, and last the first once more, as a thumbnail.

    Parameters
    ----------
    figures
        Each as plotly's JSON: ``data`` and ``layout``.

    Returns
    -------
    list of bytes
        One more than there are figures; empty if there is none.
    """
    asked = [*((one, _SCALE) for one in figures), *((one, _SMALL) for one in figures[:1])]
    return asyncio.run(_drawn(asked)) if asked else []


async def _drawn(asked: Sequence[tuple[Mapping[str, Any], float]]) -> list[bytes]:
    kaleido = import_module("kaleido")  # optional
    # By default it asks another's server for MathJax.
    page = kaleido.PageGenerator(mathjax=False)
    async with kaleido.Kaleido(n=1, timeout=_PATIENCE, page_generator=page) as browser:
        return [await browser.calc_fig(*_told(figure, scale)) for figure, scale in asked]


def _told(figure: Mapping[str, Any], scale: float) -> tuple[dict[str, Any], dict[str, Any]]:
    layout = figure["layout"]
    spec = {"data": figure["data"], "layout": {**layout, **_PAPER}}
    size = {"width": layout.get("width", _WIDTH), "height": layout.get("height", _HEIGHT)}
    return spec, {"format": "png", "scale": scale, **size}


def image_data_urls(drawn: Sequence[bytes]) -> list[str]:
    """Return pictures as addresses that hold them.

    Examples
    --------
    >>> image_data_urls([b"a"])
    ['data:image/png;base64,YQ==']
    """
    return [f"data:image/png;base64,{base64.b64encode(one).decode()}" for one in drawn]
