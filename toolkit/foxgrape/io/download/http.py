"""Talking to one server: HTTPS only, bounded in time, size and patience, and never led elsewhere.

Nothing that a server says in words becomes part of an error, since it could repeat a password;
neither does the text of httpx's errors, which can quote a header. What a secret is in is dropped
before an error is raised, so that no traceback leads to it.
"""

from __future__ import annotations

import io
import ipaddress
import logging
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import IO, TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import urlsplit

from foxgrape.errors import DownloadError
from foxgrape.io.download.retry import AGAIN, backoff, rate_limit_exhausted, retry_after_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx
    import numpy as np

__all__ = [
    "MAX_BODY",
    "Auth",
    "HttpClient",
    "NoAuth",
    "Response",
    "RetryPolicy",
    "describe_error",
    "validate_server",
]

#: The largest page, in bytes, after unpacking.
MAX_BODY = 64 * 2**20
_REDIRECTS = 5
_WIRE = logging.getLogger("httpcore")
_AGENT = "foxgrape (research on public posts; https only)"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient we are, and with what clock and dice.

    Attributes
    ----------
    tries
        How often one question is asked before we give up.
    timeout
        Seconds without a byte after which an attempt has failed.
    max_wait
        The longest wait, in seconds, that a server may ask for.
    max_body
        The largest answer, in bytes.
    longest
        Seconds after which an answer that still comes, a byte now and then, is cut off.
    rng
        Draws the jitter.
    sleep, now
        To wait so many seconds, and to tell the seconds since 1970.
    """

    rng: np.random.Generator
    tries: int = 6
    timeout: float = 30
    max_wait: float = 900
    max_body: int = MAX_BODY
    longest: float = 300
    sleep: Callable[[float], object] = time.sleep
    now: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Auth(Protocol):
    """Who we are: headers for a request, and new ones when they are refused."""

    #: The names under which its secrets are looked up, for errors.
    names: tuple[str, ...]

    def headers(self, talk: HttpClient) -> dict[str, str]:
        """Return what a request carries."""

    def renew(self, talk: HttpClient) -> bool:
        """Get new ones; False if there are none to be had."""

    def holds(self, body: bytes) -> bool:
        """Tell whether an answer repeats a secret."""


class NoAuth:
    """Nobody in particular."""

    names: tuple[str, ...] = ()

    def headers(self, talk: HttpClient) -> dict[str, str]:  # noqa: ARG002, D102
        return {}

    def renew(self, talk: HttpClient) -> bool:  # noqa: ARG002, D102
        return False

    def holds(self, body: bytes) -> bool:  # noqa: ARG002, D102
        return False


def validate_server(address: str) -> str:
    """Return the origin of a server that may be asked, ``https://`` being understood.

    Raises
    ------
    DownloadError
        If it is not HTTPS (but for this computer itself), or more than an origin.

    Examples
    --------
    >>> checked_server("mastodon.example/")
    'https://mastodon.example'
    """
    # What stands before an @ or after a ? may be secret: an error repeats the host alone.
    full = address if "://" in address else f"https://{address}"
    try:
        parts = urlsplit(full)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise DownloadError.bad_server(None, "it is malformed") from None
    if parts.username is not None or parts.password is not None:
        raise DownloadError.bad_server(host, "it holds a name or a password")
    if not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise DownloadError.bad_server(host, "only the server is meant, without a path or query")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise DownloadError.bad_server(host, "anybody on the way could read it")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


def is_loopback(host: str) -> bool:
    """Tell whether a host is the loopback interface."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class HttpClient:
    """A connection to one server.

    Parameters
    ----------
    server
        Its origin.
    manners
        How patient we are.
    auth
        Who we are.
    follow
        Whether to follow to other HTTPS servers; never together with an `auth`.
    """

    def __init__(
        self, server: str, manners: RetryPolicy, auth: Auth | None = None, *, follow: bool = False
    ) -> None:
        import httpx

        self.server = validate_server(server)
        self.host = urlsplit(self.server).netloc
        self.manners = manners
        self._auth = auth or NoAuth()
        self._follow = follow and auth is None
        self._free_at = 0.0
        self._level = logging.NOTSET
        self._client = httpx.Client(
            timeout=manners.timeout,
            headers={"user-agent": _AGENT, "accept": "*/*"},
            # A login's cookies are not needed, and would be one more thing that says who we are.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            # A proxy of the environment cannot reach this computer's own servers.
            trust_env=not is_loopback(urlsplit(self.server).hostname or ""),
        )

    def __enter__(self) -> Self:
        # It logs the headers of answers, in which the cookies of a login are.
        self._level = _WIRE.level
        _WIRE.setLevel(logging.INFO)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        _WIRE.setLevel(self._level)

    def get(self, path: str, params: dict[str, str], sink: IO[bytes] | None = None) -> Response:
        """Ask until there is an answer; its body goes into `sink`, else into the answer.

        Raises
        ------
        DownloadError
            If the server refuses, leads elsewhere, or keeps failing.
        """
        self._sleep(self._free_at - self.manners.now())

        def ask() -> Response | str:
            told = {"params": params, "headers": self._auth.headers(self)}
            return self._once("GET", self.server + path, sink, told)

        def ask_as_somebody() -> Response | str:
            got = ask()
            refused = isinstance(got, Response) and got.status == HTTPStatus.UNAUTHORIZED
            return ask() if refused and self._auth.renew(self) else got

        answer = self._patiently(ask_as_somebody)
        if answer.status != HTTPStatus.OK:
            ours = answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
            names = self._auth.names if ours else ()
            raise DownloadError.refused(self.host, describe_error(answer.status), names)
        if self._auth.holds(answer.body):
            raise DownloadError.gave_up(self.host, "its answer repeats a secret", 1)
        if rate_limit_exhausted(answer.headers):
            now = self.manners.now()
            self._free_at = now + (retry_after_seconds(answer.headers, now) or 0)
        return answer

    def post(self, path: str, form: dict[str, str]) -> Response:
        """Send a form, and return whatever the server answers to it."""
        return self._patiently(lambda: self._once("POST", self.server + path, None, {"data": form}))

    def _patiently(self, ask: Callable[[], Response | str]) -> Response:
        """Ask until there is an answer that asking again would not change."""
        got: Response | str = ""
        for attempt in range(self.manners.tries):
            got = ask()
            if isinstance(got, Response) and got.status not in AGAIN:
                return got
            if attempt + 1 < self.manners.tries:
                self._wait(got, attempt)
        trouble = got if isinstance(got, str) else describe_error(got.status)
        raise DownloadError.gave_up(self.host, trouble, self.manners.tries)

    def _once(
        self, method: str, url: str, sink: IO[bytes] | None, told: dict[str, Any]
    ) -> Response | str:
        """Ask once; return the answer, or in words why there is none."""
        target: str | None = url
        for _ in range(_REDIRECTS + 1):
            got, target = self._send(method, target or url, sink, told)
            if target is None:
                return got
            told = {**told, "params": None}  # what the new address needs stands in it
        return "it sends us round in circles"

    def _send(
        self, method: str, url: str, sink: IO[bytes] | None, told: dict[str, Any]
    ) -> tuple[Response | str, str | None]:
        """Send one request; return its answer, or where it sends on to."""
        import httpx

        held = io.BytesIO()
        store = held if sink is None else sink
        store.seek(0)
        store.truncate()
        try:
            with self._client.stream(method, url, **told) as response:
                if response.is_redirect:
                    return "", self._led_to(response, method)
                self._read(response, store)
                return Response(response.status_code, dict(response.headers), held.getvalue()), None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            # Only the kind: the text of these errors can quote a header.
            return _kind(error), None

    def _read(self, response: httpx.Response, store: IO[bytes]) -> None:
        most, start, size = self.manners.max_body, self.manners.now(), 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > most:
                raise DownloadError.gave_up(
                    self.host, f"its answer is larger than {most / 2**20:,.0f} MB", 1
                )
            if self.manners.now() - start > self.manners.longest:
                raise DownloadError.gave_up(self.host, "its answer comes too slowly", 1)
            store.write(chunk)

    def _led_to(self, response: httpx.Response, method: str) -> str:
        """Return where an answer leads, if we may go there with what we carry."""
        there = response.next_request.url if response.next_request else response.url
        same = _origin(there) == _origin(response.url)
        may = method == "GET" and (same or (self._follow and there.scheme == "https"))
        if not may or self._auth.holds(str(there).encode()):
            # A server that knows a secret could send on to an address that repeats it.
            other = "another address" if self._auth.names else there.host
            raise DownloadError.redirected(self.host, other)
        return str(there)

    def _wait(self, got: Response | str, attempt: int) -> None:
        """Wait as long as we are asked to, and longer each time in any case."""
        told = None
        if isinstance(got, Response):
            limited = got.status == HTTPStatus.TOO_MANY_REQUESTS or rate_limit_exhausted(
                got.headers
            )
            told = retry_after_seconds(got.headers, self.manners.now(), limited=limited)
        self._sleep(max(told or 0, backoff(attempt, self.manners.rng)))

    def _sleep(self, seconds: float) -> None:
        if seconds > self.manners.max_wait:
            raise DownloadError.wait_too_long(self.host, seconds, self.manners.max_wait)
        if seconds > 0:
            self.manners.sleep(seconds)


def _origin(url: httpx.URL) -> tuple[str, bytes]:
    return url.scheme, url.netloc


def describe_error(status: int) -> str:
    """Name a status: 429 Too Many Requests."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _kind(error: Exception) -> str:
    """Say what kind of failure it was."""
    import httpx

    kinds = {
        httpx.ConnectTimeout: "it cannot be reached in time",
        httpx.TimeoutException: "it does not answer in time",
        httpx.ConnectError: "it cannot be reached",
        httpx.DecodingError: "its answer cannot be unpacked",
        httpx.ProxyError: "the proxy refuses",
        httpx.ProtocolError: "its answer is cut off or broken",
        httpx.NetworkError: "the connection broke",
    }
    found = (words for kind, words in kinds.items() if isinstance(error, kind))
    return next(found, f"it cannot be asked ({type(error).__name__})")
