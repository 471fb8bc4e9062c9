"""Fakes of the four APIs, to be served by `fake_http_server`."""

from __future__ import annotations

import json
from pathlib import Path

from fake_http_server import ReceivedRequest, Reply, json_reply
from foxgrape.io.download import Acled, Bluesky, Mastodon, RetryPolicy, Ucdp

_EVENTS = Path(__file__).parent / "fixtures" / "events"

#: Valid credentials.
USER, PASSWORD, TOKEN = "analyst@example.org", "a password, with 100% käse", "ucdp-token-0123456789"


def _first(file: str, key: str) -> dict:
    """Return the first event in a fixture of API pages."""
    return json.loads((_EVENTS / file).read_text("utf-8").splitlines()[0])[key][0]


def truncated(reply: Reply) -> Reply:
    """Return a reply that ends halfway."""
    return Reply(reply.body, cut=len(reply.body) // 2)


class FakeClock:
    """A clock that advances only by `sleep`."""

    def __init__(self, start: float = 1_662_811_200) -> None:
        self.time = start
        self.slept: list[float] = []

    def policy(self, **options) -> RetryPolicy:
        return RetryPolicy(sleep=self.sleep, now=lambda: self.time, **options)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class FakeMastodon:
    """Mastodon: each page is an array, indented."""

    def __init__(self, n: int, *, page: int = 40, hidden=lambda _: False) -> None:
        self.page_size, self.all_items = page, [self._item(number) for number in reversed(range(n))]
        self.hidden = {item["id"] for item in self.all_items if hidden(int(item["id"]) - 1_000)}
        self.items = [item for item in self.all_items if item["id"] not in self.hidden]

    @staticmethod
    def _item(number: int) -> dict:
        return {
            "id": str(1_000 + number),
            "uri": f"https://m.example/users/minister/statuses/{1_000 + number}",
            "url": None,
            "created_at": f"2022-09-10T{number // 60:02}:{number % 60:02}:00.000Z",
            "edited_at": None,
            "account": {"acct": "minister"},
            "visibility": "public",
            "content": f"<p>line\u2028one {number} 🍇</p>",
            "spoiler_text": "",
            "reblog": None,
            "language": "uk",
            "replies_count": 1.0,
            "reblogs_count": 0,
            "favourites_count": 0,
        }

    def source(self, address: str) -> Mastodon:
        return Mastodon(address, "@minister")

    @staticmethod
    def items_of(line) -> list:
        return [line]

    def __call__(self, request: ReceivedRequest) -> Reply:
        if request.path == "/api/v1/accounts/lookup":
            return json_reply({"id": "17", "acct": request.query["acct"]})
        assert request.path == "/api/v1/accounts/17/statuses"
        before = int(request.query.get("max_id", 10**9))
        page = [item for item in self.all_items if int(item["id"]) < before][: self.page_size]
        shown = [item for item in page if item["id"] not in self.hidden]
        return Reply(json.dumps(shown, indent=2).encode())


class FakeBluesky:
    """Bluesky: each page is an object with a cursor, except the last."""

    def __init__(self, n: int, *, page: int = 100) -> None:
        self.page_size = page
        self.items = [self._item(number) for number in reversed(range(n))]

    @staticmethod
    def _item(number: int) -> dict:
        time = f"2022-09-10T{number // 60:02}:{number % 60:02}:00.000Z"
        return {
            "post": {
                "uri": f"at://did:plc:a/app.bsky.feed.post/{number}",
                "author": {"did": "did:plc:a", "handle": "minister.example"},
                "record": {"text": f"{number} 🍇", "createdAt": time, "langs": ["uk"]},
                "indexedAt": time,
            }
        }

    def source(self, address: str) -> Bluesky:
        return Bluesky("minister.example", address)

    @staticmethod
    def items_of(line) -> list:
        return line["feed"]

    def __call__(self, request: ReceivedRequest) -> Reply:
        assert request.path == "/xrpc/app.bsky.feed.getAuthorFeed"
        at = int(request.query.get("cursor", 0))
        after = at + self.page_size
        more = {"cursor": str(after)} if after < len(self.items) else {}
        return json_reply({"feed": self.items[at:after], **more})


class FakeUcdp:
    """UCDP: numbered pages with the URL of the next page and a total; a token in a header."""

    def __init__(self, n: int, *, page: int = 50, first: int = 0) -> None:
        self.page_size, self.first = page, first
        event = _first("ucdp_api.jsonl", "Result")
        self.items = [event | {"id": 7_000 + number, "best": number} for number in range(n)]

    def source(self, address: str, **options) -> Ucdp:
        return Ucdp("25.1", limit=self.page_size, server=address, **options)

    @staticmethod
    def items_of(line) -> list:
        return line["Result"]

    def __call__(self, request: ReceivedRequest) -> Reply:
        assert request.path == "/api/gedevents/25.1"
        size, page = int(request.query["pagesize"]), request.query.get("page", "")
        number = int(page) - self.first if page.isdecimal() else 0
        pages = -(-len(self.items) // size)
        next_url = f"http://elsewhere.example/not-requested?page={number + self.first + 1}"
        return json_reply(
            {
                "TotalCount": len(self.items),
                "TotalPages": pages,
                "NextPageUrl": next_url if number + 1 < pages else "",
                "Result": self.items[number * size : (number + 1) * size],
            }
        )


class FakeAcled:
    """ACLED: a login, then pages, which have fewer rows than the request allows."""

    def __init__(self, n: int, *, page: int = 60) -> None:
        self.page_size = page
        event = _first("acled_api.jsonl", "data")
        self.items = [event | {"event_id_cnty": f"UKR{number}"} for number in range(n)]
        self.password = "a password, with 100% käse"  # noqa: S105
        self.access, self.refresh = ["access-token-0"], ["refresh-token-0"]
        self.token_lifetime = 86_400
        self.grants: list[str] = []

    def source(self, address: str, **options) -> Acled:
        return Acled("Ukraine", server=address, **options)

    @staticmethod
    def items_of(line) -> list:
        return line["data"]

    def token(self, form: dict[str, str]) -> Reply:
        self.grants.append(form["grant_type"])
        assert form["client_id"] == "acled"
        if form["grant_type"] == "password":
            assert form["scope"] == "authenticated"
            valid = (form["username"], form["password"]) == ("analyst@example.org", self.password)
        else:
            valid = form["refresh_token"] == self.refresh[-1]
        if not valid:
            return Reply(json.dumps({"error": f"bad {form}"}).encode(), 400)
        self.access.append(f"access-token-{len(self.access)}")
        self.refresh.append(f"refresh-token-{len(self.refresh)}")
        return json_reply(
            {
                "access_token": self.access[-1],
                "refresh_token": self.refresh[-1],
                "expires_in": self.token_lifetime,
                "token_type": "Bearer",
            }
        )

    def __call__(self, request: ReceivedRequest) -> Reply:
        if request.path == "/oauth/token":
            assert request.method == "POST"
            return self.token(request.form)
        assert request.path == "/api/acled/read"
        if request.headers.get("authorization") != f"Bearer {self.access[-1]}":
            return Reply(b"", 401)
        at = (int(request.query["page"]) - 1) * self.page_size
        rows = self.items[at : at + self.page_size]
        return json_reply({"status": 200, "success": True, "count": len(rows), "data": rows})


FAKE_APIS = {"mastodon": FakeMastodon, "bluesky": FakeBluesky, "ucdp": FakeUcdp, "acled": FakeAcled}
