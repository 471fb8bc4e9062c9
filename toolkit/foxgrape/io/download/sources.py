"""Requests to the APIs of Mastodon, Bluesky, ACLED and UCDP, and parsers for their responses.

This module opens no connections. Error messages never quote a response.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from foxgrape.errors import DownloadError

__all__ = [
    "Acled",
    "Bluesky",
    "InvalidResponseError",
    "Mastodon",
    "Page",
    "Request",
    "Source",
    "Ucdp",
    "json_line",
    "parse_response",
]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,319}")


class InvalidResponseError(ValueError):
    """A response does not have the form that its API documents."""


@dataclass(frozen=True, slots=True)
class Request:
    """Path and query of a GET request."""

    path: str
    params: dict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """The content of one response."""

    #: Lines to write to the output file, without line ends.
    lines: tuple[bytes, ...]
    #: Ids of the page's items; an id must not occur on another page.
    ids: tuple[str, ...]
    #: Cursor of the next page; None if this is the last page.
    cursor: str | None
    #: Number of items on all pages, if the server states it.
    total: int | None = None


class Source(ABC):
    """A query to a paginated API."""

    #: Format of the output file, as in ``read_posts(format=...)`` or ``read_events(format=...)``.
    name: ClassVar[str]
    #: Plural noun for the items.
    kind: ClassVar[str]
    server: str

    def query(self) -> dict[str, Any]:
        """Return the query as a dictionary without secrets, to identify a download on resuming."""
        return {"source": self.name, **asdict(self)}  # type: ignore[call-overload]

    @abstractmethod
    def request(self, cursor: str | None) -> Request:
        """Return the request for the page at a cursor; the cursor of the first page is None."""

    @abstractmethod
    def parse(self, body: bytes, cursor: str | None) -> Page:
        """Parse the response body as a page; raise `InvalidResponseError` if it is malformed."""

    def parse_line(self, line: bytes) -> Page:
        """Parse a line of the output file, which by default holds one page."""
        return self.parse(line, None)


def parse_response(body: bytes) -> Any:
    """Parse a response body as JSON; raise `InvalidResponseError` if it is not JSON."""
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        start = body[:64].lstrip().lower()
        is_html = start.startswith((b"<!doctype", b"<html"))
        got = "HTML" if is_html else f"{len(body):,} bytes of something else"
        raise InvalidResponseError(f"expected JSON; got {got}") from None


def json_line(body: bytes) -> bytes:
    r"""Return JSON without line breaks, otherwise unchanged.

    JSON strings escape line breaks as ``\n``, so every real line break is only formatting.

    Examples
    --------
    >>> json_line(b'{"a":\r\n "b\\n"}')
    b'{"a": "b\\n"}'
    """
    return body.strip().translate(None, b"\r\n")


def require_name(value: Any, what: str) -> str:
    """Return a name from a response; raise an error unless it is safe in a URL or cursor."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidResponseError(f"{what} is missing or malformed")
    return value


def require_list(page: Any, key: str) -> list[Any]:
    """Return the list under a JSON object's key; raise an error if it is not a list."""
    items = page.get(key) if isinstance(page, dict) else None
    if not isinstance(items, list):
        raise InvalidResponseError(f"{key!r} is not a list")
    return items


def require_count(page: dict[str, Any], key: str) -> int:
    """Return the non-negative integer under a key; raise an error if it is anything else."""
    value = page.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidResponseError(f"{key!r} is not a count")
    return value


def require_item_id(item: Any, key: str) -> str:
    """Return an item's id as text; raise an error if it is missing."""
    value = item.get(key) if isinstance(item, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise InvalidResponseError(f"an item has no {key!r}")
    return str(value)


def validate_name(value: str, what: str) -> str:
    """Return the caller's name for an account or version, validated, without a leading @."""
    name = value.strip().removeprefix("@")
    if not _NAME.fullmatch(name):
        raise DownloadError(
            f"bad {what}", expected="letters, digits, and any of . _ - : @", got=value
        )
    return name


def validate_days(since: str | None, until: str | None) -> None:
    """Raise an error if a day is malformed, or `until` is before `since`."""
    for day in (since, until):
        try:
            date.fromisoformat(day or "2022-09-10")
        except ValueError:
            expected = "a day such as 2022-09-10"
            raise DownloadError("bad day", expected=expected, got=day, argument=True) from None
    if since and until and since > until:
        expected = f"{since} or later"
        raise DownloadError("until is before since", expected=expected, got=until, argument=True)


#: The bracket or comma before an item of a JSON array.
_ITEM_START = re.compile(r"\s*[\[,]\s*(?!\s|\])")


@dataclass(frozen=True, slots=True)
class Mastodon(Source):
    """An account's public statuses, newest first: ``GET /api/v1/accounts/ID/statuses``.

    Attributes
    ----------
    server
        The account's server, such as ``https://mastodon.social``.
    account
        The account's user name, with or without an @.

    Examples
    --------
    >>> source = Mastodon("https://mastodon.example", "@minister")
    >>> source.request(None).params
    {'acct': 'minister'}
    >>> source.request("17/109").params
    {'limit': '40', 'max_id': '109'}
    """

    name: ClassVar[str] = "mastodon"
    kind: ClassVar[str] = "statuses"
    server: str
    account: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "account", validate_name(self.account, "account"))

    def request(self, cursor: str | None) -> Request:
        """Return the request for a page; the first request looks up the account's id."""
        if cursor is None:
            return Request("/api/v1/accounts/lookup", {"acct": self.account})
        account_id, _, last_id = cursor.partition("/")
        params = {"limit": "40"} | ({"max_id": last_id} if last_id else {})
        return Request(f"/api/v1/accounts/{account_id}/statuses", params)

    def parse(self, body: bytes, cursor: str | None) -> Page:
        """Return a page with one line per status; an empty page marks the end.

        A page with fewer statuses than the limit is not necessarily the last, because servers leave
        out hidden statuses.
        """
        value = parse_response(body)
        if cursor is None:
            return Page(
                (), (), require_name(require_item_id(value, "id"), "the account's id") + "/"
            )
        if not isinstance(value, list):
            raise InvalidResponseError("expected a list of statuses")
        ids = tuple(
            require_name(require_item_id(status, "id"), "a status's id") for status in value
        )
        account_id = cursor.partition("/")[0]
        return Page(_split_array(body), ids, f"{account_id}/{ids[-1]}" if ids else None)

    def parse_line(self, line: bytes) -> Page:
        """Return a page with one status."""
        return Page((line,), (require_item_id(parse_response(line), "id"),), None)


def _split_array(body: bytes) -> tuple[bytes, ...]:
    """Return the items of a JSON array as written in the response, without line breaks."""
    decoder, text = json.JSONDecoder(), body.decode("utf-8")
    end, items = text.index("["), []
    while match := _ITEM_START.match(text, end):
        end = decoder.raw_decode(text, match.end())[1]
        items.append(json_line(text[match.end() : end].encode("utf-8")))
    return tuple(items)


@dataclass(frozen=True, slots=True)
class Bluesky(Source):
    """An account's posts and reposts, newest first: ``app.bsky.feed.getAuthorFeed``.

    Attributes
    ----------
    actor
        The account's handle or DID.
    server
        Address of the API; the default needs no login.

    Examples
    --------
    >>> Bluesky("minister.example").request("2022-09-10T12:00:00Z").params["cursor"]
    '2022-09-10T12:00:00Z'
    """

    name: ClassVar[str] = "bluesky"
    kind: ClassVar[str] = "posts"
    actor: str
    server: str = "https://public.api.bsky.app"

    def __post_init__(self) -> None:
        object.__setattr__(self, "actor", validate_name(self.actor, "actor"))

    def request(self, cursor: str | None) -> Request:
        """Return the request for 100 posts, without pins: a pinned post would be listed twice."""
        params = {"actor": self.actor, "limit": "100", "includePins": "false"}
        page = {} if cursor is None else {"cursor": cursor}
        return Request("/xrpc/app.bsky.feed.getAuthorFeed", params | page)

    def parse(self, body: bytes, cursor: str | None) -> Page:  # noqa: ARG002
        """Return the page as one line; a page without a cursor is the last."""
        value = parse_response(body)
        items = require_list(value, "feed")
        following = value.get("cursor")
        if following is not None and not isinstance(following, str):
            raise InvalidResponseError("'cursor' is not a string")
        return Page((json_line(body),), tuple(map(_item_id, items)), following or None)


def _item_id(item: object) -> str:
    """Return a post's URI; for a repost, followed by the repost's type and time."""
    if not isinstance(item, dict):
        raise InvalidResponseError("an item is not an object")
    reason = item.get("reason")
    details = reason if isinstance(reason, dict) else {}
    repost = [str(details[key]) for key in ("$type", "indexedAt") if key in details]
    return " ".join([require_item_id(item.get("post"), "uri"), *repost])


_MAX_LIMIT = 5000


@dataclass(frozen=True, slots=True)
class Acled(Source):
    """ACLED events by country and period: ``GET /api/acled/read``.

    Attributes
    ----------
    country
        Country name as spelled by ACLED; None for all countries.
    since, until
        First and last day of the events, such as ``2022-09-01``. Set both or neither.
    limit
        Rows per page.
    server
        Address of the API. Your password is sent to this server.

    Examples
    --------
    >>> source = Acled("Ukraine", since="2022-09-01", until="2022-09-30")
    >>> source.request(None).params["event_date"]
    '2022-09-01|2022-09-30'
    """

    name: ClassVar[str] = "acled"
    kind: ClassVar[str] = "events"
    country: str | None = None
    since: str | None = None
    until: str | None = None
    limit: int = _MAX_LIMIT
    server: str = "https://acleddata.com"

    def __post_init__(self) -> None:
        validate_days(self.since, self.until)
        if (self.since is None) != (self.until is None):
            raise DownloadError("since and until must be given together")
        _validate_limit(self.limit)

    def request(self, cursor: str | None) -> Request:
        """Return the request for a page; the cursor is the page number, starting with 1."""
        params = {"_format": "json", "limit": str(self.limit), "page": cursor or "1"}
        if self.country is not None:
            params["country"] = self.country
        if self.since is not None:
            params |= {
                "event_date": f"{self.since}|{self.until}",
                "event_date_where": "BETWEEN",
            }
        return Request("/api/acled/read", params)

    def parse(self, body: bytes, cursor: str | None) -> Page:
        """Return the page as one line; an empty page marks the end.

        A page with fewer rows than the limit is not necessarily the last, because the server may
        have a lower limit. The
        response's ``count`` is usually the number of rows on the page; a larger number is the total
        over all pages.
        """
        value = parse_response(body)
        if isinstance(value, dict) and value.get("success") is False:
            # Quote the status only if it is a number: text could repeat the request.
            status = value.get("status")
            code = status if isinstance(status, int) else "unknown"
            raise InvalidResponseError(f"the server reports a failure, status {code}")
        items = require_list(value, "data")
        total = None
        if value.get("count") is not None:
            count = require_count(value, "count")
            if count < len(items):
                raise InvalidResponseError(f"'count' is {count}, but there are {len(items)} rows")
            total = count if count > len(items) else None
        ids = tuple(require_item_id(item, "event_id_cnty") for item in items)
        following = str(_page_number(cursor) + 1) if items else None
        return Page((json_line(body),), ids, following, total)

    def parse_line(self, line: bytes) -> Page:
        """Parse a page without setting its cursor: the line does not contain the page number."""
        return replace(self.parse(line, None), cursor=None)


@dataclass(frozen=True, slots=True)
class Ucdp(Source):
    """Events of the UCDP Georeferenced Event Dataset: ``GET /api/gedevents/VERSION``.

    Attributes
    ----------
    version
        Version of the data set, such as ``25.1``. Candidate events have monthly versions, such as
        ``22.0.9`` for September 2022.
    country
        Gleditsch and Ward number, such as 369 for Ukraine; None for all countries.
    since, until
        Only events that begin or end in this period; None for no limit.
    limit
        Events per page; the server allows 1,000.
    server
        Address of the API. Your token is sent to this server.

    Examples
    --------
    >>> Ucdp("25.1", country=369).request("2").params
    {'pagesize': '1000', 'page': '2', 'Country': '369'}
    """

    name: ClassVar[str] = "ucdp"
    kind: ClassVar[str] = "events"
    version: str
    country: int | None = None
    since: str | None = None
    until: str | None = None
    limit: int = 1000
    server: str = "https://ucdpapi.pcr.uu.se"

    def __post_init__(self) -> None:
        object.__setattr__(self, "version", validate_name(self.version, "version"))
        validate_days(self.since, self.until)
        _validate_limit(self.limit)

    def request(self, cursor: str | None) -> Request:
        """Return the request for a page; the cursor is the page number that the server stated."""
        params = {
            "pagesize": self.limit,
            "page": cursor,
            "Country": self.country,
            "StartDate": self.since,
            "EndDate": self.until,
        }
        given = {name: str(value) for name, value in params.items() if value is not None}
        return Request(f"/api/gedevents/{self.version}", given)

    def parse(self, body: bytes, cursor: str | None) -> Page:  # noqa: ARG002
        """Return the page as one line; a page without ``NextPageUrl`` is the last."""
        value = parse_response(body)
        items = require_list(value, "Result")
        following = _next_page(value.get("NextPageUrl"))
        if following is not None and not items:
            raise InvalidResponseError("the page is empty, but names a next page")
        ids = tuple(require_item_id(item, "id") for item in items)
        return Page((json_line(body),), ids, following, require_count(value, "TotalCount"))


def _next_page(url: Any) -> str | None:
    """Return a URL's page number; the URL is not requested, because it could lead anywhere."""
    if url is None or url == "":
        return None
    number: str
    try:
        number = parse_qs(urlsplit(url).query).get("page", [""])[-1]
    except (ValueError, TypeError, AttributeError):
        number = ""
    if not (number.isascii() and number.isdecimal()):
        raise InvalidResponseError("'NextPageUrl' has no page number")
    return number


def _page_number(cursor: str | None) -> int:
    """Return a cursor's page number; the cursor may come from an edited state file."""
    if cursor is not None and not cursor.isdecimal():
        raise InvalidResponseError("the saved cursor is not a page number")
    return int(cursor or "1")


def _validate_limit(limit: int) -> None:
    if not 1 <= limit <= _MAX_LIMIT:
        raise DownloadError("bad limit", expected=f"1 to {_MAX_LIMIT:,} rows per page", got=limit)
