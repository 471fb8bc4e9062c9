"""What each API is asked, and what its answers promise: pages, a cursor, and often a total.

Nothing here talks to anybody. A source says what to ask at a cursor, and reads a page: the lines
that go into the file as the server gave them, the ids in them, and where the next page begins.
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
    """An answer is not what its API promises; the text says how, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the path on the server, and the query."""

    path: str
    params: dict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """What one answer holds.

    Attributes
    ----------
    lines
        As they go into the file, without line ends.
    ids
        Of the items in them; no item stands in two pages.
    cursor
        Where the next page begins; None after the last.
    total
        How many items there are in all, by the server's word; None where it does not say.
    """

    lines: tuple[bytes, ...]
    ids: tuple[str, ...]
    cursor: str | None
    total: int | None = None


class Source(ABC):
    """Something that can be downloaded page by page.

    Attributes
    ----------
    name
        The format of the file, as `read_posts` or `read_events` call it.
    items
        What its items are called.
    """

    name: ClassVar[str]
    items: ClassVar[str]
    server: str

    def query(self) -> dict[str, Any]:
        """Return all that tells this download from another one; nothing secret."""
        return {"source": self.name, **asdict(self)}  # type: ignore[call-overload]

    @abstractmethod
    def ask(self, cursor: str | None) -> Request:
        """Return what to ask for the page at a cursor, None being the first."""

    @abstractmethod
    def page(self, body: bytes, cursor: str | None) -> Page:
        """Read the answer to that; raise `UntrueError` if it is none."""

    @abstractmethod
    def reread(self, line: bytes) -> Page:
        """Read a line of the file back: its ids, and the cursor and total if it tells them."""


def parse_response(body: bytes) -> Any:
    """Return the value of a JSON text."""
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        start = body[:64].lstrip().lower()
        kind = "HTML" if start.startswith((b"<!doctype", b"<html")) else f"{len(body):,} bytes"
        raise InvalidResponseError(f"the answer is no JSON but {kind}") from None


def json_line(body: bytes) -> bytes:
    r"""Return JSON as one line, and otherwise as it is.

    Inside a text JSON writes a line end as ``\n``, so a real one stands between its parts only.

    Examples
    --------
    >>> in_lines(b'{"a":\r\n "b\\n"}')
    b'{"a": "b\\n"}'
    """
    return body.strip().translate(None, b"\r\n")


def named(value: Any, what: str) -> str:
    """Return a name that may stand in an address, or as a cursor."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidResponseError(f"{what} is missing or no name")
    return value


def require_list(page: Any, key: str) -> list[Any]:
    """Return the items of a page that is an object."""
    items = page.get(key) if isinstance(page, dict) else None
    if not isinstance(items, list):
        raise InvalidResponseError(f"the answer has no list {key!r}")
    return items


def require_count(page: dict[str, Any], key: str) -> int:
    """Return a number of things that a page tells."""
    value = page.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidResponseError(f"the answer has no count {key!r}")
    return value


def require_id(item: Any, key: str) -> str:
    """Return the id of an item."""
    value = item.get(key) if isinstance(item, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise InvalidResponseError(f"an item has no {key!r}")
    return str(value)


def validate_name(value: str, what: str) -> str:
    """Return a name that the caller gave, without an @ before it."""
    name = value.strip().removeprefix("@")
    if not _NAME.fullmatch(name):
        raise DownloadError(f"bad {what}", expected="a name as its pages show it", got=value)
    return name


def validate_days(since: str | None, until: str | None) -> None:
    """Refuse a span of days that is none."""
    for day in (since, until):
        try:
            date.fromisoformat(day or "2022-09-10")
        except ValueError:
            raise DownloadError("bad day", expected="such as 2022-09-10", got=day) from None
    if since and until and since > until:
        raise DownloadError("the span ends before it begins", got=f"{since} to {until}")
