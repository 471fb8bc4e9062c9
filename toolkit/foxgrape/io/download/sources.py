"""The APIs of Mastodon, Bluesky, ACLED and UCDP: which request fetches a page, and what is in it.

Nothing here opens a connection. Errors never repeat the text of a response.
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

    #: Lines for the output file, without line ends.
    lines: tuple[bytes, ...]
    #: Ids of the items; unique across all pages.
    ids: tuple[str, ...]
    #: Where the next page begins; None after the last.
    cursor: str | None
    #: Number of items on all pages, if the server states it.
    total: int | None = None


class Source(ABC):
    """A query to an API that returns pages."""

    #: Format of the output file, as in ``read_posts(format=...)`` or ``read_events(format=...)``.
    name: ClassVar[str]
    #: Plural noun for the items.
    kind: ClassVar[str]
    server: str

    def query(self) -> dict[str, Any]:
        """Return all that identifies this download; contains no secrets."""
        return {"source": self.name, **asdict(self)}  # type: ignore[call-overload]

    @abstractmethod
    def request(self, cursor: str | None) -> Request:
        """Return the request for the page at a cursor; None is the first page."""

    @abstractmethod
    def parse(self, body: bytes, cursor: str | None) -> Page:
        """Return the page in a response; raise `InvalidResponseError` if it is malformed."""

    def parse_line(self, line: bytes) -> Page:
        """Return the content of a line of the output file; by default, a line is a page."""
        return self.parse(line, None)


def parse_response(body: bytes) -> Any:
    """Return the value of a JSON text."""
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        start = body[:64].lstrip().lower()
        is_html = start.startswith((b"<!doctype", b"<html"))
        got = "HTML" if is_html else f"{len(body):,} bytes of something else"
        raise InvalidResponseError(f"expected JSON; got {got}") from None


def json_line(body: bytes) -> bytes:
    r"""Return JSON as one line, otherwise unchanged.

    JSON strings escape line ends as ``\n``, so only the layout contains real ones.

    Examples
    --------
    >>> json_line(b'{"a":\r\n "b\\n"}')
    b'{"a": "b\\n"}'
    """
    return body.strip().translate(None, b"\r\n")


def require_name(value: Any, what: str) -> str:
    """Return a name that is safe in a URL or a cursor."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidResponseError(f"{what} is missing or malformed")
    return value


def require_list(page: Any, key: str) -> list[Any]:
    """Return the list under a key of a JSON object."""
    items = page.get(key) if isinstance(page, dict) else None
    if not isinstance(items, list):
        raise InvalidResponseError(f"{key!r} is not a list")
    return items


def require_count(page: dict[str, Any], key: str) -> int:
    """Return the non-negative integer under a key."""
    value = page.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidResponseError(f"{key!r} is not a count")
    return value


def require_item_id(item: Any, key: str) -> str:
    """Return the id of an item."""
    value = item.get(key) if isinstance(item, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise InvalidResponseError(f"an item has no {key!r}")
    return str(value)


def validate_name(value: str, what: str) -> str:
    """Return a name from the caller without a leading @."""
    name = value.strip().removeprefix("@")
    if not _NAME.fullmatch(name):
        raise DownloadError(
            f"bad {what}", expected="letters, digits, and any of . _ - : @", got=value
        )
    return name


def validate_days(since: str | None, until: str | None) -> None:
    """Raise an error if a day is malformed, or the period ends before it begins."""
    for day in (since, until):
        try:
            date.fromisoformat(day or "2022-09-10")
        except ValueError:
            raise DownloadError("bad day", expected="a day such as 2022-09-10", got=day) from None
    if since and until and since > until:
        raise DownloadError("until is before since", expected=f"{since} or later", got=until)


#: What precedes an item of a JSON array.
_ITEM_START = re.compile(r"\s*[\[,]\s*(?!\s|\])")


@dataclass(frozen=True, slots=True)
class Mastodon(Source):
    """The public statuses of an account, newest first: ``GET /api/v1/accounts/ID/statuses``.

    Attributes
    ----------
    server
        The account's server: ``https://mastodon.social``.
    account
        Its name there, with or without an @.

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
        """Return the lookup of the account's id, then the requests for older statuses."""
        if cursor is None:
            return Request("/api/v1/accounts/lookup", {"acct": self.account})
        account_id, _, last_id = cursor.partition("/")
        params = {"limit": "40"} | ({"max_id": last_id} if last_id else {})
        return Request(f"/api/v1/accounts/{account_id}/statuses", params)

    def parse(self, body: bytes, cursor: str | None) -> Page:
        """Return a line for each status; an empty page is the last.

        A short page need not be the last, because servers leave out hidden statuses.
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
    """Return the items of a JSON array as they are written, each on one line."""
    decoder, text = json.JSONDecoder(), body.decode("utf-8")
    end, items = text.index("["), []
    while match := _ITEM_START.match(text, end):
        end = decoder.raw_decode(text, match.end())[1]
        items.append(json_line(text[match.end() : end].encode("utf-8")))
    return tuple(items)


@dataclass(frozen=True, slots=True)
class Bluesky(Source):
    """The posts and reposts of an account, newest first: ``app.bsky.feed.getAuthorFeed``.

    Attributes
    ----------
    actor
        Its handle or DID.
    server
        The default needs no login.

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
        """Return the request for 100 posts; a pinned post would be listed twice."""
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
    """Return the URI of a post; for a repost, with the time of the repost."""
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
        As ACLED spells it; None for all.
    since, until
        First and last day, both included: ``2022-09-01``. Give both or neither.
    limit
        Rows per page.
    server
        Your password is sent to this server.

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
        """Return the request for a page by its number, from 1."""
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
        """Return the page as one line; an empty page is the last.

        A short page need not be the last, because the server may limit the rows further. `count`
        is the number of rows on the page; if it is larger, it is the number on all pages.
        """
        value = parse_response(body)
        if isinstance(value, dict) and value.get("success") is False:
            # Only a number: text could repeat the request.
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
        """Return the page without a cursor: the line does not contain the page's number."""
        return replace(self.parse(line, None), cursor=None)


@dataclass(frozen=True, slots=True)
class Ucdp(Source):
    """Events of the UCDP Georeferenced Event Dataset: ``GET /api/gedevents/VERSION``.

    Attributes
    ----------
    version
        Of the data set: ``25.1``. Candidate events have versions such as ``22.0.9``, which is
        September 2022.
    country
        Gleditsch and Ward number; Ukraine is 369. None for all.
    since, until
        Only events that begin or end in this period; each may be None.
    limit
        Events per page; the server allows 1,000.
    server
        Your token is sent to this server.

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
        """Return the request for the first page, then for the page that the server named."""
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
        """Return the page as one line; a page that names no next page is the last."""
        value = parse_response(body)
        items = require_list(value, "Result")
        following = _next_page(value.get("NextPageUrl"))
        if following is not None and not items:
            raise InvalidResponseError("the page is empty, but names a next page")
        ids = tuple(require_item_id(item, "id") for item in items)
        return Page((json_line(body),), ids, following, require_count(value, "TotalCount"))


def _next_page(url: Any) -> str | None:
    """Return the page number in a URL; the URL itself is not used, as it could lead anywhere."""
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
    """Return the page number in a cursor, which may come from an edited state file."""
    if cursor is not None and not cursor.isdecimal():
        raise InvalidResponseError("the saved cursor is not a page number")
    return int(cursor or "1")


def _validate_limit(limit: int) -> None:
    if not 1 <= limit <= _MAX_LIMIT:
        raise DownloadError("bad limit", expected=f"1 to {_MAX_LIMIT:,} rows per page", got=limit)
