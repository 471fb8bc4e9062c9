"""Pictures of figures, for viewers that do not draw plotly's data: nbconvert, nbviewer, GitHub.

A figure in a notebook is stored as plotly's data, which only JupyterLab and foxgrape's own pages
draw. Beside it, a notebook gets a PNG picture if kaleido and Chromium are installed, else a note
with the figure's description. Nothing is loaded from the network.
"""

from __future__ import annotations

import asyncio
import atexit
import base64
import html
import os
import threading
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

__all__ = ["PICTURES", "image_options", "open_kaleido", "picture_or_note"]

#: Environment variable; with the value 0, figures in notebooks get a note instead of a picture.
PICTURES = "FOXGRAPE_PICTURES"
#: Timeout in seconds for one picture, and for the first, for which the browser starts.
_SECONDS = 60
_WIDTH, _HEIGHT = 960, 450
#: Pixels of a picture for each pixel of its figure. JupyterLab shows the picture in its own size
#: first; a larger one would be cut at the right.
_SCALE = 1
#: Background of pictures; figures are transparent.
_BACKGROUND = {"paper_bgcolor": "#fff", "plot_bgcolor": "#fff"}


def image_options(figure: Mapping[str, Any], scale: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a figure on white, and kaleido's options for a PNG picture of it.

    Examples
    --------
    >>> image_options({"data": [], "layout": {"height": 300}}, 2)[1]
    {'format': 'png', 'scale': 2, 'width': 960, 'height': 300}
    """
    layout = figure["layout"]
    spec = {"data": figure["data"], "layout": {**layout, **_BACKGROUND}}
    size = {"width": layout.get("width", _WIDTH), "height": layout.get("height", _HEIGHT)}
    return spec, {"format": "png", "scale": scale, **size}


def open_kaleido(seconds: float) -> Any:
    """Return kaleido's context manager of a browser that loads nothing from the network."""
    kaleido = import_module("kaleido")  # optional
    # By default, kaleido loads MathJax from the network.
    page = kaleido.PageGenerator(mathjax=False)
    return kaleido.Kaleido(n=1, timeout=seconds, page_generator=page)


def picture_or_note(figure: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return what a notebook stores beside a figure's data: a picture, or a note without one.

    Parameters
    ----------
    figure
        The figure as plotly's JSON, with ``data`` and ``layout``.

    Returns
    -------
    tuple of dict
        Content and metadata by MIME type, as IPython displays them.

    Examples
    --------
    >>> figure = {"data": [], "layout": {"meta": {"alt": "No posts.", "empty": "No posts."}}}
    >>> picture_or_note(figure)
    ({'text/html': '<p>No posts.</p>'}, {})
    """
    meta = figure["layout"].get("meta")
    meta = meta if isinstance(meta, dict) else {}
    alt = str(meta.get("alt") or "Figure")
    if meta.get("empty"):
        return {"text/html": f"<p>{html.escape(alt)}</p>"}, {}
    spec, options = image_options(figure, _SCALE)
    png, reason = _browser().draw(spec, options)
    if png is None:
        return {"text/html": _note(alt, reason)}, {}
    size = {"width": options["width"], "height": options["height"]}
    encoded = base64.b64encode(png).decode()
    return {"image/png": encoded}, {"image/png": {"alt": alt, **size}}


def _note(alt: str, reason: str) -> str:
    return (
        f"<p>{html.escape(alt)}</p><p><em>This viewer does not draw the figure, and there is no "
        f"picture of it: {html.escape(reason)}. Open the notebook in JupyterLab, or build the page "
        "with <code>foxgrape report build</code>.</em></p>"
    )


class _Browser:
    """A browser in the background that draws one figure after the other.

    It is started for the first figure, since starting takes seconds, and ends with this process.
    After a failure it is not started again, so that a notebook does not wait for each figure.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kaleido: Any = None
        self._reason = ""

    def draw(self, spec: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[bytes | None, str]:
        """Return a PNG picture; if it cannot be drawn, None and the reason."""
        if os.environ.get(PICTURES) == "0":
            return None, f"it was built with {PICTURES}=0"
        if not self._reason and find_spec("kaleido") is None:
            self._reason = "kaleido is not installed"
        if not self._reason:
            try:
                return self._wait(self._draw(spec, options)), ""
            except Exception as error:  # noqa: BLE001 - a notebook must not fail for a picture
                self._reason = _describe(error)
                self.close()
        return None, self._reason

    async def _draw(self, spec: Mapping[str, Any], options: Mapping[str, Any]) -> bytes:
        if self._kaleido is None:
            kaleido = open_kaleido(_SECONDS)
            await kaleido.open()
            self._kaleido = kaleido
        return bytes(await self._kaleido.calc_fig(spec, options))

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        # A notebook's own event loop is already running, so another thread runs one for pictures.
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, daemon=True).start()
            atexit.register(self.close)
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)

    def close(self) -> None:
        """End the browser, if it was started."""
        kaleido, self._kaleido = self._kaleido, None
        if kaleido is not None:
            self._wait(kaleido.close())


@cache
def _browser() -> _Browser:
    return _Browser()


def _describe(error: Exception) -> str:
    if type(error).__name__ == "ChromeNotFoundError":
        return "no Chromium or Chrome was found"
    if isinstance(error, TimeoutError):
        return f"the browser did not answer within {_SECONDS} s"
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
