"""Serve a reports folder over HTTP, by default to this machine only."""

from __future__ import annotations

import html
import mimetypes
import re
import sys
from contextlib import suppress
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
    "feed.json": "application/feed+json",
    "feed.xml": "application/atom+xml; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".pdf": "application/pdf",
    ".ipynb": "application/x-ipynb+json",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "X-Frame-Options": "DENY",
}
#: Number of bytes in which a page states its policy.
_HEAD_BYTES = 4096
#: The policy in a page of foxgrape's; one that allows more is not taken over.
_POLICY = re.compile(
    r"""content="(default-src 'none'; """
    r"""script-src (?:'sha256-[A-Za-z0-9+/=]+' ?)+(?:'strict-dynamic')?; """
    r"""style-src (?:'unsafe-inline'|'sha256-[A-Za-z0-9+/=]+'); img-src data:(?: blob:)?; """
    r"""base-uri 'none'; form-action 'none')["]"""
)
#: The policy for all other files, which may be markup of others.
_STRICT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
#: Seconds after which a connection without traffic is closed.
_IDLE_SECONDS = 30


def server(
    out: str | Path = "reports", *, host: str = "127.0.0.1", port: int = 8000
) -> ThreadingHTTPServer:
    """Return an HTTP server for a reports folder; call its `serve_forever` to start serving.

    By default only this machine can connect. Files outside the folder and hidden files are not
    served. The root shows the current catalogue; other folders have no listing. The
    Content-Security-Policy of each page is also sent as a header; files that are not pages of
    foxgrape's may run nothing. A connection is closed after 30 seconds without traffic.

    Parameters
    ----------
    out
        Folder of the runs.
    host, port
        Address and port to listen on; port 0 selects a free port. Unless `host` is a loopback
        address, everyone who can reach this machine over the network can read the reports.

    Returns
    -------
    ThreadingHTTPServer

    Raises
    ------
    ReportError
        If the folder does not exist, or the server cannot listen on the address.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> with server(mkdtemp(), port=0) as reports:
    ...     reports.server_address[0]
    '127.0.0.1'
    """
    folder = Path(out)
    if not folder.is_dir():
        hint = "build a report first with foxgrape report build"
        raise ReportError("there is no such folder", file=folder, hint=hint)
    handler = partial(_Handler, directory=str(folder.resolve()), loopback=_is_loopback(host))
    try:
        return _Server((host, port), handler)
    except (OSError, OverflowError) as error:
        raise ReportError(
            f"cannot listen on {host}:{port}: {error}", hint="set another --port"
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close their connection or are too slow."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(SimpleHTTPRequestHandler):
    timeout = _IDLE_SECONDS
    policy: str | None = None

    def __init__(self, *args: Any, loopback: bool, **kwargs: Any) -> None:
        self._loopback = loopback
        super().__init__(*args, **kwargs)

    def send_head(self) -> Any:
        """Send the headers and return the file or catalogue; or send an error and return None."""
        self.policy = None
        root = Path(self.directory).resolve()
        try:
            host = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
            path = Path(self.translate_path(self.path)).resolve()
            is_file = path.is_file()
        except (ValueError, OSError):
            # An incomplete IPv6 address, a NUL in the path, too long a path, or no permission.
            return self._refuse(HTTPStatus.BAD_REQUEST)
        # DNS rebinding: a site whose name resolves to this machine must not read reports.
        if self._loopback and not _is_loopback(host):
            return self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
        if path in {root, root / CATALOGUE}:
            return self._catalogue(root)
        if not path.is_relative_to(root) or not is_file:
            return self._refuse(HTTPStatus.NOT_FOUND)
        if any(part.startswith(".") for part in path.relative_to(root).parts):
            return self._refuse(HTTPStatus.NOT_FOUND)
        with suppress(OSError), path.open("rb") as file:
            self.policy = _page_policy(file.read(_HEAD_BYTES))
        return super().send_head()

    def end_headers(self) -> None:
        """Add the headers that every response has, and end the headers."""
        policy = self.policy or _STRICT_POLICY
        headers = {**_HEADERS, "Content-Security-Policy": f"{policy}; frame-ancestors 'none'"}
        for name, value in headers.items():
            self.send_header(name, value)
        super().end_headers()

    def guess_type(self, path: str | os.PathLike[str]) -> str:
        """Return a file's media type; for the types of report files, ignore the system settings."""
        known = _TYPES.get(Path(path).name) or _TYPES.get(Path(path).suffix.lower())
        return known or mimetypes.guess_type(str(path))[0] or "application/octet-stream"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        """Do not log requests."""

    def _refuse(self, status: HTTPStatus) -> None:
        self.send_error(status)

    def _catalogue(self, root: Path) -> BytesIO | None:
        try:
            body = catalogue_page(root, now=datetime.now(UTC)).encode()
        except OSError:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return None
        self.policy = _page_policy(body)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", _TYPES[".html"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return BytesIO(body)


def _page_policy(content: bytes) -> str | None:
    """Return the policy that a page of foxgrape's states; None for other content."""
    match = _POLICY.search(html.unescape(content[:_HEAD_BYTES].decode("utf-8", "replace")))
    return None if match is None else match[1]
