"""Conflict events: ACLED (login with a password) and UCDP (access token)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from foxgrape.errors import DownloadError
from foxgrape.io.download.source import (
    InvalidResponseError,
    Page,
    Request,
    Source,
    json_line,
    parse_response,
    require_count,
    require_id,
    require_list,
    validate_days,
    validate_name,
)

__all__ = ["Acled", "Ucdp"]

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
        ids = tuple(require_id(item, "event_id_cnty") for item in items)
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
        ids = tuple(require_id(item, "id") for item in items)
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
