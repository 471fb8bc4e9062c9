"""Public posts of an account: Mastodon statuses and the Bluesky author feed. No login needed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import ClassVar

from foxgrape.io.download.source import (
    InvalidResponseError,
    Page,
    Request,
    Source,
    json_line,
    parse_response,
    require_id,
    require_list,
    require_name,
    validate_name,
)

__all__ = ["Bluesky", "Mastodon"]

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
            return Page((), (), require_name(require_id(value, "id"), "the account's id") + "/")
        if not isinstance(value, list):
            raise InvalidResponseError("expected a list of statuses")
        ids = tuple(require_name(require_id(status, "id"), "a status's id") for status in value)
        account_id = cursor.partition("/")[0]
        return Page(_split_array(body), ids, f"{account_id}/{ids[-1]}" if ids else None)

    def parse_line(self, line: bytes) -> Page:
        """Return a page with one status."""
        return Page((line,), (require_id(parse_response(line), "id"),), None)


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
    return " ".join([require_id(item.get("post"), "uri"), *repost])
