"""What the four APIs answer, as servers of the tests' own: small, honest, and counting."""

from __future__ import annotations

import json
from pathlib import Path

from fake_http_server import Asked, Reply, as_json
from foxgrape.io.download import Acled, Bluesky, Mastodon, Ucdp

_EVENTS = Path(__file__).parent / "fixtures" / "events"

#: Who we are to them.
USER, PASSWORD, TOKEN = "analyst@example.org", "a password, with 100% käse", "ucdp-token-0123456789"


def _first(file: str, key: str) -> dict:
    """Return the first event of a file of an API's pages."""
    return json.loads((_EVENTS / file).read_text("utf-8").splitlines()[0])[key][0]


def cut(reply: Reply) -> Reply:
    """Return half an answer."""
    return Reply(reply.body, cut=len(reply.body) // 2)


class Clock:
    """A clock that stands still unless somebody sleeps."""

    def __init__(self, start: float = 1_662_811_200) -> None:
        self.time = start
        self.slept: list[float] = []
        self.arguments = {"sleep": self.sleep, "now": lambda: self.time}

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class Statuses:
    """Mastodon: an array a page, laid out over several lines."""

    def __init__(self, n: int, *, page: int = 40, hidden=lambda _: False) -> None:
        self.size, self.all = page, [self._item(number) for number in reversed(range(n))]
        self.hidden = {item["id"] for item in self.all if hidden(int(item["id"]) - 1_000)}
        self.items = [item for item in self.all if item["id"] not in self.hidden]

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

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/api/v1/accounts/lookup":
            return as_json({"id": "17", "acct": asked.query["acct"]})
        assert asked.path == "/api/v1/accounts/17/statuses"
        before = int(asked.query.get("max_id", 10**9))
        page = [item for item in self.all if int(item["id"]) < before][: self.size]
        shown = [item for item in page if item["id"] not in self.hidden]
        return Reply(json.dumps(shown, indent=2).encode())


class Feed:
    """Bluesky: an object with a cursor, none on the last page."""

    def __init__(self, n: int, *, page: int = 100) -> None:
        self.size = page
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

    def __call__(self, asked: Asked) -> Reply:
        assert asked.path == "/xrpc/app.bsky.feed.getAuthorFeed"
        at = int(asked.query.get("cursor", 0))
        after = at + self.size
        more = {"cursor": str(after)} if after < len(self.items) else {}
        return as_json({"feed": self.items[at:after], **more})


class Ucdps:
    """UCDP: numbered pages, the address of the next one and a total; a token in a header."""

    def __init__(self, n: int, *, page: int = 50, first: int = 0) -> None:
        self.size, self.first = page, first
        event = _first("ucdp_api.jsonl", "Result")
        self.items = [event | {"id": 7_000 + number, "best": number} for number in range(n)]

    def source(self, address: str, **told) -> Ucdp:
        return Ucdp("25.1", limit=self.size, server=address, **told)

    @staticmethod
    def items_of(line) -> list:
        return line["Result"]

    def __call__(self, asked: Asked) -> Reply:
        assert asked.path == "/api/gedevents/25.1"
        size, page = int(asked.query["pagesize"]), asked.query.get("page", "")
        number = int(page) - self.first if page.isdecimal() else 0
        pages = -(-len(self.items) // size)
        place = f"http://elsewhere.example/never-asked?page={number + self.first + 1}"
        return as_json(
            {
                "TotalCount": len(self.items),
                "TotalPages": pages,
                "NextPageUrl": place if number + 1 < pages else "",
                "Result": self.items[number * size : (number + 1) * size],
            }
        )


class Acleds:
    """ACLED: a login, then envelopes; the server allows fewer rows a page than are asked for."""

    def __init__(self, n: int, *, page: int = 60) -> None:
        self.size = page
        event = _first("acled_api.jsonl", "data")
        self.items = [event | {"event_id_cnty": f"UKR{number}"} for number in range(n)]
        self.password = "a password, with 100% käse"  # noqa: S105
        self.access, self.refresh = ["access-token-0"], ["refresh-token-0"]
        self.lasts = 86_400
        self.grants: list[str] = []

    def source(self, address: str, **told) -> Acled:
        return Acled("Ukraine", server=address, **told)

    @staticmethod
    def items_of(line) -> list:
        return line["data"]

    def token(self, form: dict[str, str]) -> Reply:
        self.grants.append(form["grant_type"])
        assert form["client_id"] == "acled"
        if form["grant_type"] == "password":
            assert form["scope"] == "authenticated"
            fit = (form["username"], form["password"]) == ("analyst@example.org", self.password)
        else:
            fit = form["refresh_token"] == self.refresh[-1]
        if not fit:
            return Reply(json.dumps({"error": f"bad {form}"}).encode(), 400)
        self.access.append(f"access-token-{len(self.access)}")
        self.refresh.append(f"refresh-token-{len(self.refresh)}")
        return as_json(
            {
                "access_token": self.access[-1],
                "refresh_token": self.refresh[-1],
                "expires_in": self.lasts,
                "token_type": "Bearer",
            }
        )

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/oauth/token":
            assert asked.method == "POST"
            return self.token(asked.form)
        assert asked.path == "/api/acled/read"
        if asked.headers.get("authorization") != f"Bearer {self.access[-1]}":
            return Reply(b"", 401)
        at = (int(asked.query["page"]) - 1) * self.size
        rows = self.items[at : at + self.size]
        return as_json({"status": 200, "success": True, "count": len(rows), "data": rows})


WORLDS = {"mastodon": Statuses, "bluesky": Feed, "ucdp": Ucdps, "acled": Acleds}
