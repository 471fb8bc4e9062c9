"""HTTP client for one server: HTTPS only, with retries, rate limits and size limits.

Error messages never quote a response or an httpx error, because both can contain a password or a
header. No error is raised while an httpx error is handled, because the httpx error would become its
context and give access to the request.
"""

from __future__ import annotations

import io
import ipaddress
import logging
import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import IO, TYPE_CHECKING, Any, ClassVar, Self, TypeAlias
from urllib.parse import urlsplit

from foxgrape._util.secrets import SecretFilter
from foxgrape.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx
    import numpy as np

__all__ = [
    "Auth",
    "HttpClient",
    "Response",
    "RetryPolicy",
    "backoff",
    "describe_error",
    "is_loopback",
    "rate_limit_exhausted",
    "retry_after_seconds",
    "validate_server",
]

#: HTTP statuses after which a request is retried.
RETRY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
#: Headers with the time at which the rate limit resets: Mastodon sends an ISO time, Bluesky
#: seconds since 1970.
_RESET_HEADERS = ("x-ratelimit-reset", "ratelimit-reset")
_REMAINING_HEADERS = ("x-ratelimit-remaining", "ratelimit-remaining")
#: In wait headers, larger numbers are seconds since 1970; others are durations in seconds.
_MIN_TIMESTAMP = 1e9
_FIRST_BACKOFF, _MAX_BACKOFF = 1.0, 60.0
_MAX_REDIRECTS = 5
_HTTPCORE_LOG = logging.getLogger("httpcore")
_USER_AGENT = "foxgrape (research on public posts; https only)"


def _new_rng() -> np.random.Generator:
    import numpy as np

    return np.random.default_rng()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retry, timeout and rate-limit settings, with injectable clock and RNG.

    Attributes
    ----------
    max_attempts
        Maximum number of attempts per request. The wait between attempts grows exponentially, and
        is at least as long as the server asks for.
    timeout
        Seconds without receiving data after which an attempt fails.
    max_wait
        Longest wait in seconds; if the server asks for more, the download fails.
    max_size
        Maximum size of a response in bytes, after decompression.
    max_duration
        Maximum duration of a response in seconds; a response that takes longer is an error.
    rng
        Random generator for the jitter of waits.
    sleep, now
        Functions that wait for a number of seconds, and that return the seconds since 1970.

    Raises
    ------
    DownloadError
        If `max_attempts` is less than 1.
    """

    max_attempts: int = 6
    timeout: float = 30
    max_wait: float = 900
    max_size: int = 64 * 2**20
    max_duration: float = 300
    rng: np.random.Generator = field(default_factory=_new_rng)
    sleep: Callable[[float], object] = time.sleep
    now: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise DownloadError("bad max_attempts", expected="at least 1", got=self.max_attempts)


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response whose representation shows only the status."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


#: A response, or the reason why an attempt got none.
Outcome: TypeAlias = Response | str


class Auth:
    """Base class of credentials for one server; sends no credentials itself."""

    #: Names of the environment variables that hold the secrets, for error messages.
    variables: ClassVar[tuple[str, ...]] = ()

    def headers(self, client: HttpClient) -> dict[str, str]:  # noqa: ARG002
        """Return the headers that authenticate a request."""
        return {}

    def refresh(self, client: HttpClient) -> bool:  # noqa: ARG002
        """Get a new token; return False if the credentials cannot be refreshed."""
        return False

    def secrets(self) -> list[str]:
        """Return the secrets that no content from the server may contain."""
        return []


def validate_server(address: str) -> str:
    """Return a server's origin, with ``https://`` if the address has no scheme.

    Plain HTTP is allowed only for servers on this computer. An address with a user name, path,
    query or fragment is an error.

    Examples
    --------
    >>> validate_server("mastodon.example/")
    'https://mastodon.example'
    """
    # Name only the host in errors, because user info, path and query may contain secrets.
    url = address if "://" in address else f"https://{address}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise DownloadError.bad_server(None, "malformed URL") from None
    if parts.username is not None or parts.password is not None:
        raise DownloadError.bad_server(host, "it contains a user name or a password")
    if not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise DownloadError.bad_server(host, "give only the server, without a path or query")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise DownloadError.bad_server(host, "the connection would not be encrypted")
    bracketed = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{bracketed}" + (f":{port}" if port else "")


def is_loopback(host: str) -> bool:
    """Return whether a host is ``localhost`` or a loopback address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class HttpClient:
    """HTTP client for one server, used as a context manager.

    With `follow_redirects` and without `auth`, redirects to other HTTPS servers are followed.
    """

    def __init__(
        self,
        server: str,
        policy: RetryPolicy,
        auth: Auth | None = None,
        *,
        follow_redirects: bool = False,
    ) -> None:
        import httpx

        self.server = validate_server(server)
        self.host = urlsplit(self.server).netloc
        self.policy = policy
        self._auth = auth or Auth()
        self._follow_redirects = follow_redirects and auth is None
        self._limited_until = 0.0
        self._log_level = logging.NOTSET
        self._client = httpx.Client(
            timeout=policy.timeout,
            headers={"user-agent": _USER_AGENT, "accept": "*/*"},
            # Accept no cookies: a login cookie would be another credential to protect.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            # Bypass the environment's proxy for this computer, which the proxy cannot reach.
            trust_env=not is_loopback(urlsplit(self.server).hostname or ""),
        )

    def __enter__(self) -> Self:
        # At DEBUG, httpcore logs response headers, which include login cookies.
        self._log_level = _HTTPCORE_LOG.level
        _HTTPCORE_LOG.setLevel(logging.INFO)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        _HTTPCORE_LOG.setLevel(self._log_level)

    def get(self, path: str, params: dict[str, str], sink: IO[bytes] | None = None) -> Response:
        """Send a GET request and return the response; write its body to `sink` if given."""
        self._sleep(self._limited_until - self.policy.now())
        url = self.server + path
        response = self._retry(lambda: self._get_authorized(url, params, sink))
        if response.status != HTTPStatus.OK:
            denied = response.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
            variables = self._auth.variables if denied else ()
            raise DownloadError.refused(self.host, describe_error(response.status), variables)
        if self._repeats_secret(response.body):
            raise DownloadError.repeats_credentials(self.host, self._auth.variables)
        if rate_limit_exhausted(response.headers):
            now = self.policy.now()
            self._limited_until = now + (retry_after_seconds(response.headers, now) or 0)
        return response

    def _repeats_secret(self, content: bytes) -> bool:
        return SecretFilter(self._auth.secrets()).found_in(content)

    def post(self, path: str, form: dict[str, str]) -> Response:
        """Post a form and return the response, including responses with an error status."""
        return self._retry(lambda: self._request("POST", self.server + path, None, {"data": form}))

    def _retry(self, request: Callable[[], Outcome]) -> Response:
        """Send a request, with retries, until its response has no status in `RETRY_STATUSES`."""
        outcome: Outcome = ""
        for attempt in range(self.policy.max_attempts):
            outcome = request()
            if isinstance(outcome, Response) and outcome.status not in RETRY_STATUSES:
                return outcome
            if attempt + 1 < self.policy.max_attempts:
                self._wait(outcome, attempt)
        reason = outcome if isinstance(outcome, str) else describe_error(outcome.status)
        raise DownloadError.gave_up(self.host, reason, self.policy.max_attempts)

    def _get_authorized(self, url: str, params: dict[str, str], sink: IO[bytes] | None) -> Outcome:
        """Send a GET request; after status 401, refresh the token and resend the request."""

        def request() -> Outcome:
            options = {"params": params, "headers": self._auth.headers(self)}
            return self._request("GET", url, sink, options)

        outcome = request()
        unauthorized = isinstance(outcome, Response) and outcome.status == HTTPStatus.UNAUTHORIZED
        return request() if unauthorized and self._auth.refresh(self) else outcome

    def _request(
        self, method: str, url: str, sink: IO[bytes] | None, options: dict[str, Any]
    ) -> Outcome:
        """Send a request without retries, following redirects."""
        target: str | None = url
        for _ in range(_MAX_REDIRECTS + 1):
            outcome, target = self._send(method, target or url, sink, options)
            if target is None:
                return outcome
            options = {**options, "params": None}  # the redirect's URL has its own query
        return "too many redirects"

    def _send(
        self, method: str, url: str, sink: IO[bytes] | None, options: dict[str, Any]
    ) -> tuple[Outcome, str | None]:
        """Send one request; return its outcome, and the target URL if it is a redirect."""
        import httpx

        buffer = io.BytesIO()
        store = buffer if sink is None else sink
        store.seek(0)
        store.truncate()
        try:
            with self._client.stream(method, url, **options) as response:
                if response.is_redirect:
                    return "", self._redirect_target(response, method)
                self._read_body(response, store)
                headers = dict(response.headers)
                return Response(response.status_code, headers, buffer.getvalue()), None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            # The text of these errors can quote a header.
            return describe_failure(error), None

    def _read_body(self, response: httpx.Response, store: IO[bytes]) -> None:
        policy, size = self.policy, 0
        start = policy.now()
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > policy.max_size:
                limit = f"{policy.max_size / 2**20:,.0f} MB"
                raise DownloadError.gave_up(self.host, f"the response is larger than {limit}", 1)
            if policy.now() - start > policy.max_duration:
                limit = f"{policy.max_duration:,.0f} s"
                raise DownloadError.gave_up(self.host, f"the response took more than {limit}", 1)
            store.write(chunk)

    def _redirect_target(self, response: httpx.Response, method: str) -> str:
        """Return the target URL of a redirect; raise `DownloadError` if it may not be followed."""
        target = response.next_request.url if response.next_request else response.url
        same_origin = _origin(target) == _origin(response.url)
        other_allowed = self._follow_redirects and target.scheme == "https"
        allowed = method == "GET" and (same_origin or other_allowed)
        if not allowed or self._repeats_secret(str(target).encode()):
            # Do not show the host name, into which a server could put the secret.
            shown = "another address" if self._auth.variables else target.host
            raise DownloadError.redirected(self.host, shown)
        return str(target)

    def _wait(self, outcome: Outcome, attempt: int) -> None:
        """Wait as long as the server asks, but at least the backoff of this attempt."""
        asked_for = None
        if isinstance(outcome, Response):
            limited = outcome.status == HTTPStatus.TOO_MANY_REQUESTS
            limited = limited or rate_limit_exhausted(outcome.headers)
            asked_for = retry_after_seconds(outcome.headers, self.policy.now(), limited=limited)
        self._sleep(max(asked_for or 0, backoff(attempt, self.policy.rng)))

    def _sleep(self, seconds: float) -> None:
        if seconds > self.policy.max_wait:
            raise DownloadError.wait_too_long(self.host, seconds, self.policy.max_wait)
        if seconds > 0:
            self.policy.sleep(seconds)


def _origin(url: httpx.URL) -> tuple[str, bytes]:
    return url.scheme, url.netloc


def describe_error(status: int) -> str:
    """Return an HTTP status with its reason phrase: 429 Too Many Requests."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def describe_failure(error: Exception) -> str:
    """Describe an httpx error by its type, without quoting its text."""
    import httpx

    kinds = {
        httpx.ConnectTimeout: "the connection timed out",
        httpx.TimeoutException: "the response timed out",
        httpx.ConnectError: "the connection failed",
        httpx.DecodingError: "the response cannot be decompressed",
        httpx.ProxyError: "the proxy refused the request",
        httpx.ProtocolError: "the response is incomplete or malformed",
        httpx.NetworkError: "the connection was lost",
    }
    matches = (words for kind, words in kinds.items() if isinstance(error, kind))
    return next(matches, f"the request failed ({type(error).__name__})")


def retry_after_seconds(
    headers: Mapping[str, str], now: float, *, limited: bool = True
) -> float | None:
    """Return the wait in seconds that a server asks for; None if it does not ask for a wait.

    Some servers state the reset time of the rate limit in every response. That time is ignored
    unless the limit was reached (`limited`). Header names must be in lower case.

    Examples
    --------
    >>> retry_after_seconds({"retry-after": "7"}, now=1_662_811_200)
    7.0
    >>> retry_after_seconds({"x-ratelimit-reset": "2022-09-10T12:05:00.000Z"}, now=1_662_811_200)
    300.0
    >>> retry_after_seconds({"ratelimit-reset": "1662811260"}, now=1_662_811_200)
    60.0
    """
    for name in ("retry-after", *(_RESET_HEADERS if limited else ())):
        if name in headers:
            return _parse_wait(headers[name], now)
    return None


def rate_limit_exhausted(headers: Mapping[str, str]) -> bool:
    """Return whether the rate limit allows no further request before it resets."""
    return any(headers.get(name, "").strip() == "0" for name in _REMAINING_HEADERS)


def backoff(attempt: int, rng: np.random.Generator) -> float:
    """Return the seconds to wait after failed attempt number `attempt`, counted from 0.

    The maximum wait doubles with each attempt, up to a minute. The wait is random between half the
    maximum and the maximum, so that clients that failed together do not retry together.

    Examples
    --------
    >>> import numpy as np
    >>> 2 <= backoff(2, np.random.default_rng(1)) <= 4
    True
    """
    longest = min(_FIRST_BACKOFF * 2**attempt, _MAX_BACKOFF)
    return float(rng.uniform(longest / 2, longest))


def _parse_wait(text: str, now: float) -> float | None:
    """Convert a duration, a Unix time, an ISO time or an HTTP date to the seconds to wait."""
    try:
        number = float(text)
    except ValueError:
        timestamp = _parse_date(text.strip())
        return None if timestamp is None else max(0.0, timestamp - now)
    if not math.isfinite(number):
        return None
    return max(0.0, number - now if number > _MIN_TIMESTAMP else number)


def _parse_date(text: str) -> float | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            date = parse(text)
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError, TypeError):
            continue
    return None
