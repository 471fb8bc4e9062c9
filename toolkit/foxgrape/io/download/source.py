"""Base of the API sources: which request fetches a page, and what a page must contain.

Nothing here opens a connection. `InvalidResponseError` never quotes a response.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, ClassVar

from foxgrape.errors import DownloadError

__all__ = ["InvalidResponseError", "Page", "Request", "Source", "json_line", "parse_response"]

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


def require_id(item: Any, key: str) -> str:
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
