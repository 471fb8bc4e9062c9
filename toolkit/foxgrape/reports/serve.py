"""Show the folder of reports to a browser on this machine, and nothing else of it."""

from __future__ import annotations

import mimetypes
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from foxgrape.errors import ReportError
from foxgrape.reports.rendering.run_index import CATALOGUE, catalogue_page

if TYPE_CHECKING:
    import os

__all__ = ["server"]

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ipynb": "application/x-ipynb+json",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def server(
    out: str | Path = "reports", *, host: str = "127.0.0.1", port: int = 8000
) -> ThreadingHTTPServer:
    """Return a server of a folder of reports, which `serve_forever` starts.

    By default only this machine can ask it. Files outside the folder and those whose names begin
    with a dot are not shown, and neither are folders but the first, which shows the catalogue as
    it is at that moment.

    Parameters
    ----------
    out
        Folder of the runs.
    host, port
        Where to listen; port 0 takes a free one. On any but a loopback address, everybody who
        can reach this machine can read the reports.

    Returns
    -------
    ThreadingHTTPServer

    Raises
    ------
    ReportError
        If there is no such folder, or the address cannot be had.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> with server(mkdtemp(), port=0) as made:
    ...     made.server_address[0]
    '127.0.0.1'
    """
    folder = Path(out)
    if not folder.is_dir():
        raise ReportError("there is no such folder", file=folder, hint="foxgrape report build")
    handler = partial(_Handler, directory=str(folder.resolve()), loopback=_is_loopback(host))
    try:
        return ThreadingHTTPServer((host, port), handler)
    except (OSError, OverflowError) as error:
        raise ReportError(f"cannot listen on {host}:{port}: {error}", hint="--port") from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *given: Any, loopback: bool, **options: Any) -> None:
        self._loopback = loopback
        super().__init__(*given, **options)

    def send_head(self) -> Any:
        """Answer with a file of the folder, the catalogue, or no."""
        root = Path(self.directory).resolve()
        try:
            asked = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
            path = Path(self.translate_path(self.path)).resolve()
        except ValueError:  # half an address of IPv6, a path with a NUL
            return self._refuse(HTTPStatus.BAD_REQUEST)
        # A page from elsewhere whose name was made to point here must not read reports.
        if self._loopback and not _is_loopback(asked):
            return self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
        if path in {root, root / CATALOGUE}:
            return self._catalogue(root)
        if not path.is_relative_to(root) or not path.is_file():
            return self._refuse(HTTPStatus.NOT_FOUND)
        if any(part.startswith(".") for part in path.relative_to(root).parts):
            return self._refuse(HTTPStatus.NOT_FOUND)
        return super().send_head()

    def end_headers(self) -> None:
        """Add what every answer says."""
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def guess_type(self, path: str | os.PathLike[str]) -> str:
        """Name the type of a file, whatever this machine believes about endings."""
        known = _TYPES.get(Path(path).suffix.lower())
        return known or mimetypes.guess_type(str(path))[0] or "application/octet-stream"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's word
        """Say nothing of each request."""

    def _refuse(self, status: HTTPStatus) -> None:
        self.send_error(status)

    def _catalogue(self, root: Path) -> BytesIO:
        body = catalogue_page(root, now=datetime.now(UTC)).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", _TYPES[".html"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return BytesIO(body)
