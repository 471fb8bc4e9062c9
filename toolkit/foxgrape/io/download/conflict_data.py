"""Coded events: ACLED, for which one logs in, and UCDP, which asks for a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

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


@dataclass(frozen=True, slots=True)
class Acled(Source):
    """Events of ACLED: ``GET /api/acled/read``, by country and days.

    Attributes
    ----------
    country
        As ACLED spells it; None for all.
    since, until
        First and last day, both included: ``2022-09-01``. Both or none.
    limit
        Rows a page.
    server
        Whom to ask, and to tell your password.

    Examples
    --------
    >>> source = Acled("Ukraine", since="2022-09-01", until="2022-09-30")
    >>> source.ask(None).params["event_date"]
    '2022-09-01|2022-09-30'
    """

    name: ClassVar[str] = "acled"
    items: ClassVar[str] = "events"
    country: str | None = None
    since: str | None = None
    until: str | None = None
    limit: int = 5000
    server: str = "https://acleddata.com"

    def __post_init__(self) -> None:
        validate_days(self.since, self.until)
        if (self.since is None) != (self.until is None):
            raise DownloadError("since and until go together", hint="give both days, or none")
        _check_limit(self.limit)

    def ask(self, cursor: str | None) -> Request:
        """Ask for a page by its number, from 1."""
        params = {"_format": "json", "limit": str(self.limit), "page": cursor or "1"}
        if self.country is not None:
            params["country"] = self.country
        if self.since is not None:
            params |= {
                "event_date": f"{self.since}|{self.until}",
                "event_date_where": "BETWEEN",
            }
        return Request("/api/acled/read", params)

    def page(self, body: bytes, cursor: str | None) -> Page:
        """Keep the envelope as a line; an empty one is the last.

        A short page need not be the last: a server may allow fewer rows than were asked for. Its
        `count` is that of the page; where it is more, it is taken as that of all pages.
        """
        value = parse_response(body)
        if isinstance(value, dict) and value.get("success") is False:
            raise InvalidResponseError(f"it says that it failed, status {_status(value)}")
        items = require_list(value, "data")
        total = None
        if value.get("count") is not None:
            count = require_count(value, "count")
            if count < len(items):
                raise InvalidResponseError(f"it says {count} rows and holds {len(items)}")
            total = count if count > len(items) else None
        ids = tuple(require_id(item, "event_id_cnty") for item in items)
        after = str(_number(cursor) + 1) if items else None
        return Page((json_line(body),), ids, after, total)

    def reread(self, line: bytes) -> Page:
        """Read an envelope back; the number of the page stands in its note alone."""
        page = self.page(line, None)
        return Page(page.lines, page.ids, None, page.total)


def _status(value: dict[str, Any]) -> str:
    """Return the number of a status: words may repeat what was sent."""
    status = value.get("status")
    return str(status) if isinstance(status, int) else "unknown"


@dataclass(frozen=True, slots=True)
class Ucdp(Source):
    """Events of the UCDP Georeferenced Event Dataset: ``GET /api/gedevents/VERSION``.

    Attributes
    ----------
    version
        Of the data set: ``25.1``; a candidate's such as ``22.0.9`` is September 2022.
    country
        Its number by Gleditsch and Ward; Ukraine is 369. None for all.
    since, until
        Days between which an event begins or ends; each may be missing.
    limit
        Events a page; the server allows 1,000.
    server
        Whom to ask, and to send your token.

    Examples
    --------
    >>> Ucdp("25.1", country=369).ask("2").params
    {'pagesize': '1000', 'page': '2', 'Country': '369'}
    """

    name: ClassVar[str] = "ucdp"
    items: ClassVar[str] = "events"
    version: str
    country: int | None = None
    since: str | None = None
    until: str | None = None
    limit: int = 1000
    server: str = "https://ucdpapi.pcr.uu.se"

    def __post_init__(self) -> None:
        object.__setattr__(self, "version", validate_name(self.version, "version"))
        validate_days(self.since, self.until)
        _check_limit(self.limit)

    def ask(self, cursor: str | None) -> Request:
        """Ask for the first page, then by the number that the server gave."""
        params = {"pagesize": str(self.limit)}
        told = {
            "page": cursor,
            "Country": self.country,
            "StartDate": self.since,
            "EndDate": self.until,
        }
        params |= {name: str(value) for name, value in told.items() if value is not None}
        return Request(f"/api/gedevents/{self.version}", params)

    def page(self, body: bytes, cursor: str | None) -> Page:  # noqa: ARG002
        """Keep a page as a line; one that names no next page is the last."""
        value = parse_response(body)
        items = require_list(value, "Result")
        after = _next_page(value.get("NextPageUrl"))
        if after is not None and not items:
            raise InvalidResponseError("it is empty, and another one is promised")
        ids = tuple(require_id(item, "id") for item in items)
        return Page((json_line(body),), ids, after, require_count(value, "TotalCount"))

    def reread(self, line: bytes) -> Page:
        """Read a page back."""
        return self.page(line, None)


def _next_page(address: Any) -> str | None:
    """Return the number of the next page; the address itself could lead anywhere."""
    if address is None or address == "":
        return None
    told: dict[str, str]
    try:
        told = dict(parse_qsl(urlsplit(address).query))
    except (ValueError, TypeError, AttributeError):
        told = {}
    number = told.get("page", "")
    if not (number.isascii() and number.isdecimal()):
        raise InvalidResponseError("the address of the next page has no number")
    return number


def _number(cursor: str | None) -> int:
    """Return the number of the page at a cursor, which may come from a note that was changed."""
    if cursor is not None and not cursor.isdecimal():
        raise InvalidResponseError("the note of the part names no page")
    return int(cursor or "1")


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= 5000:  # noqa: PLR2004 - the most that one of them allows
        raise DownloadError("bad limit", expected="1 to 5,000 rows a page", got=limit)
