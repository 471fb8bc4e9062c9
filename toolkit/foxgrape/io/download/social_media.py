"""Posts of public accounts: Mastodon's statuses and Bluesky's author feed. No account is needed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from foxgrape.io.download.source import (
    InvalidResponseError,
    Page,
    Request,
    Source,
    json_line,
    named,
    parse_response,
    require_id,
    require_list,
    validate_name,
)

__all__ = ["Bluesky", "Mastodon"]


@dataclass(frozen=True, slots=True)
class Mastodon(Source):
    """The public statuses of an account, newest first: ``GET /api/v1/accounts/ID/statuses``.

    Attributes
    ----------
    server
        The server that the account lives on: ``https://mastodon.social``.
    account
        Its name there, with or without an @.

    Examples
    --------
    >>> source = Mastodon("https://mastodon.example", "@minister")
    >>> source.ask(None).params
    {'acct': 'minister'}
    >>> source.ask("17/109").params
    {'limit': '40', 'max_id': '109'}
    """

    name: ClassVar[str] = "mastodon"
    items: ClassVar[str] = "statuses"
    server: str
    account: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "account", validate_name(self.account, "account"))

    def ask(self, cursor: str | None) -> Request:
        """Ask which id the name has, then for the statuses before the last one that came."""
        if cursor is None:
            return Request("/api/v1/accounts/lookup", {"acct": self.account})
        account, _, last = cursor.partition("/")
        before = {"max_id": last} if last else {}
        return Request(f"/api/v1/accounts/{account}/statuses", {"limit": "40"} | before)

    def page(self, body: bytes, cursor: str | None) -> Page:
        """Cut an array into a line a status; an empty one is the last.

        A short page is not the last one: what a server hides is missing from its page.
        """
        value = parse_response(body)
        if cursor is None:
            return Page((), (), named(require_id(value, "id"), "the account's id") + "/")
        if not isinstance(value, list):
            raise InvalidResponseError("the answer is no list of statuses")
        ids = tuple(named(require_id(status, "id"), "a status's id") for status in value)
        account = cursor.partition("/")[0]
        return Page(_items(body), ids, f"{account}/{ids[-1]}" if ids else None)

    def reread(self, line: bytes) -> Page:
        """Read one status."""
        return Page((line,), (require_id(parse_response(line), "id"),), None)


def _items(body: bytes) -> tuple[bytes, ...]:
    """Cut a JSON array into its items, each as it was written."""
    decoder, text = json.JSONDecoder(), body.decode("utf-8")
    at, items = text.index("[") + 1, []
    while (at := _skip(text, at)) < len(text) and text[at] != "]":
        end = decoder.raw_decode(text, at)[1]
        items.append(json_line(text[at:end].encode("utf-8")))
        at = end
    return tuple(items)


def _skip(text: str, at: int) -> int:
    """Return where the next item, or the end of the array, is."""
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


@dataclass(frozen=True, slots=True)
class Bluesky(Source):
    """The posts and reposts of an account, newest first: ``app.bsky.feed.getAuthorFeed``.

    Attributes
    ----------
    actor
        Its handle or DID.
    server
        Whom to ask; the public one needs no account.

    Examples
    --------
    >>> Bluesky("minister.example").ask("2022-09-10T12:00:00Z").params["cursor"]
    '2022-09-10T12:00:00Z'
    """

    name: ClassVar[str] = "bluesky"
    items: ClassVar[str] = "posts"
    actor: str
    server: str = "https://public.api.bsky.app"

    def __post_init__(self) -> None:
        object.__setattr__(self, "actor", validate_name(self.actor, "actor"))

    def ask(self, cursor: str | None) -> Request:
        """Ask for a hundred; the pinned post stays at its own place, or it would come twice."""
        params = {"actor": self.actor, "limit": "100", "includePins": "false"}
        after = {} if cursor is None else {"cursor": cursor}
        return Request("/xrpc/app.bsky.feed.getAuthorFeed", params | after)

    def page(self, body: bytes, cursor: str | None) -> Page:  # noqa: ARG002
        """Keep a page as a line; one without a cursor is the last."""
        value = parse_response(body)
        items = require_list(value, "feed")
        after = value.get("cursor")
        if after is not None and not isinstance(after, str):
            raise InvalidResponseError("the cursor is no text")
        return Page((json_line(body),), tuple(map(_post_id, items)), after or None)

    def reread(self, line: bytes) -> Page:
        """Read a page back."""
        return self.page(line, None)


def _post_id(item: object) -> str:
    """Return what tells an item of the feed apart: a post, or one act of passing it on."""
    if not isinstance(item, dict):
        raise InvalidResponseError("an item is no object")
    reason = item.get("reason")
    told = reason if isinstance(reason, dict) else {}
    passed_on = [str(told[key]) for key in ("$type", "indexedAt") if key in told]
    return " ".join([require_id(item.get("post"), "uri"), *passed_on])
