"""Configuration of plotly.js without controls that leave the page: no upload, no link.

Figures hold account names. plotly.js offers by default to send a figure to a cloud service; that
opens a window, and no Content-Security-Policy prevents it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["CLOUD_BUTTONS", "MIMETYPE", "OFFLINE_CONFIG", "offline_config"]

#: The MIME type of a figure in a notebook.
MIMETYPE = "application/vnd.plotly.v1+json"
#: Options that remove every control that leaves the page. Without a server address, the upload does
#: nothing even if a user adds its button.
OFFLINE_CONFIG: Mapping[str, Any] = {
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "displaylogo": False,
    "watermark": False,
}
#: Buttons to remove by ``layout.modebar.remove``, which is part of the figure in every export.
CLOUD_BUTTONS = ("sendChartToCloud",)
# Options of plotly.js before version 4. plotly.py 7 warns if any of them is set, so they
# are removed; they are off by default.
_FORMER = {"showEditInChartStudio", "showLink", "linkText", "sendData"}


def offline_config(config: object = None) -> dict[str, Any]:
    """Return a configuration of plotly.js with every control that leaves the page off.

    Parameters
    ----------
    config
        Options to keep; those that would show such a control are overridden. A value that is not a
        mapping is ignored.

    Examples
    --------
    >>> offline_config({"scrollZoom": True, "showSendToCloud": True})["showSendToCloud"]
    False
    """
    options = config if isinstance(config, Mapping) else {}
    kept = {name: value for name, value in options.items() if name not in _FORMER}
    return {**kept, **OFFLINE_CONFIG}
