"""Downloads from servers without faults: pages, rate limits, waits, and resuming."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from itertools import pairwise

import keyring
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keyring.backend import KeyringBackend

from fake_apis import FAKE_APIS, FakeAcled, FakeClock, FakeMastodon, FakeUcdp
from fake_http_server import Reply, json_reply, serving
from foxgrape import read_events, read_posts
from foxgrape.errors import DownloadError
from foxgrape.io.download import Bluesky, Mastodon, RetryPolicy, Ucdp, download
from foxgrape.io.download.credentials import Secret
from foxgrape.io.download.download import _PartialDownload
from foxgrape.io.download.http import backoff, retry_after_seconds, validate_server
from foxgrape.io.download.sources import _split_array

pytestmark = pytest.mark.usefixtures("credentials")


@pytest.mark.parametrize("name", FAKE_APIS)
def test_a_download_contains_every_item_unchanged(name, tmp_path):
    api = FAKE_APIS[name](205)
    with serving(api) as server:
        result = download(api.source(server.address), tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_bytes().splitlines()
    items = [item for line in lines for item in api.items_of(json.loads(line))]
    assert items == api.items
    assert (result.items, result.format, result.resumed) == (205, name, False)
    assert result.size == sum(map(len, lines)) + len(lines)
    assert f"205 {result.kind} in {result.pages}" in result.sentence()
    assert list(result.to_frame()["items"]) == [205]
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize("name", FAKE_APIS)
def test_an_empty_result_is_not_an_error(name, tmp_path):
    api = FAKE_APIS[name](0)
    with serving(api) as server:
        assert download(api.source(server.address), tmp_path / "out").items == 0
    assert (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["mastodon", "bluesky"])
def test_a_downloaded_file_is_read_as_posts(name, tmp_path):
    api = FAKE_APIS[name](90)
    with serving(api) as server:
        download(api.source(server.address), tmp_path / "feed")
    posts, report = read_posts(tmp_path / "feed", with_report=True)
    assert report.format == name
    assert len(posts) == 90
    assert posts["text"].str.endswith("🍇").all()


@pytest.mark.parametrize("name", ["acled", "ucdp"])
def test_a_downloaded_file_is_read_as_events(name, tmp_path):
    api = FAKE_APIS[name](130)
    with serving(api) as server:
        download(api.source(server.address), tmp_path / "pages")
    events, report = read_events(tmp_path / "pages", with_report=True)
    assert report.format == name
    assert len(events) == 130
    assert set(events["place"]) == {"Izium"}


def test_a_short_mastodon_page_is_not_taken_as_the_last(tmp_path):
    api = FakeMastodon(100, hidden=lambda number: number % 3 == 0)
    with serving(api) as server:
        result = download(api.source(server.address), tmp_path / "out")
    assert result.items == sum(number % 3 != 0 for number in range(100))


@pytest.mark.parametrize("first", [0, 1])
def test_ucdp_page_numbers_are_those_of_the_server(first, tmp_path):
    api = FakeUcdp(130, first=first)
    with serving(api) as server:
        assert download(api.source(server.address), tmp_path / "out").items == 130
        pages = [request.query.get("page") for request in server.requests]
    assert pages == [None, str(first + 1), str(first + 2)]


def test_an_edited_acled_cursor_is_rejected(tmp_path):
    api, repaired = FakeAcled(200), []

    def respond(request):
        if request.query.get("page") == "two":
            request.query["page"] = "2"
        return api(request) if repaired or request.query.get("page") != "2" else Reply(status=410)

    with serving(respond) as server:
        source = api.source(server.address)
        with pytest.raises(DownloadError, match="1 page is kept"):
            download(source, tmp_path / "out")
        repaired.append(1)
        state_file = tmp_path / "out.part.json"
        state_file.write_text(state_file.read_text().replace('"cursor": "2"', '"cursor": "two"'))
        with pytest.raises(DownloadError, match="cursor is not a page number"):
            download(source, tmp_path / "out")


def test_an_account_may_begin_with_an_at_sign_and_contains_no_path():
    assert Mastodon("https://a.example", "@minister@a.example").account == "minister@a.example"
    for name in ("", "a/b", "..", "a b", "a?b"):
        with pytest.raises(DownloadError, match="bad account"):
            Mastodon("https://a.example", name)
        with pytest.raises(DownloadError, match="bad version"):
            Ucdp(name)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"since": "2022-09-01"}, "must be given together"),
        ({"since": "2022-09-02", "until": "2022-09-01"}, "until is before since"),
        ({"since": "1 Sept", "until": "2 Sept"}, "bad day"),
        ({"limit": 0}, "bad limit"),
    ],
)
def test_an_invalid_query_is_rejected_before_any_request(wrong, text):
    with pytest.raises(DownloadError, match=text):
        FakeAcled(1).source("https://a.example", **wrong)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(max_examples=40)
@given(
    st.lists(st.dictionaries(st.text(max_size=3), JSON), max_size=5),
    st.sampled_from([None, 1]),
    st.sampled_from([",", " \n, "]),
)
def test_a_json_array_is_split_into_items_whatever_its_layout(items, indent, comma):
    layout = {"indent": indent, "separators": (comma, ": "), "ensure_ascii": False}
    lines = _split_array(json.dumps(items, **layout).encode("utf-8", "replace"))
    assert all(b"\n" not in line for line in lines)
    expected = json.dumps(items, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")
    assert [json.loads(line) for line in lines] == json.loads(expected)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "Sat, 10 Sep 2022 12:00:30 GMT"}, 30),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"x-ratelimit-reset": "2022-09-10T12:05:00.000000Z"}, 300),
        ({"x-ratelimit-reset": "2022-09-10T11:00:00.000000Z"}, 0),
        ({"ratelimit-reset": "1662811260"}, 60),
        ({}, None),
    ],
)
def test_the_wait_that_a_server_asks_for_is_parsed(headers, expected):
    assert retry_after_seconds(headers, now=1_662_811_200) == expected


def test_a_reset_time_is_ignored_unless_the_limit_is_reached():
    headers = {"x-ratelimit-reset": "1662811260"}
    assert retry_after_seconds(headers, 1_662_811_200, limited=False) is None


def test_backoff_doubles_up_to_a_minute_and_half_of_it_is_random():
    import numpy as np

    rng = np.random.default_rng(5)
    for attempt, longest in enumerate([1, 2, 4, 8, 16, 32, 60, 60]):
        drawn = [backoff(attempt, rng) for _ in range(200)]
        assert longest / 2 <= min(drawn) < longest * 0.55
        assert longest * 0.95 < max(drawn) <= longest


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"Retry-After": "40"}, 40),
        ({"X-RateLimit-Reset": "2022-09-10T12:01:40Z"}, 100),
        ({"ratelimit-reset": "1662811250"}, 50),
        ({"Retry-After": "0"}, 0.5),
    ],
)
def test_a_throttled_request_is_retried_after_the_wait(headers, waited, tmp_path):
    api, clock, throttled = FakeMastodon(50), FakeClock(), [1]

    def respond(request):
        if "max_id" in request.query and throttled:
            throttled.pop()
            return Reply(b"slow down", 429, headers)
        return api(request)

    with serving(respond) as server:
        result = download(api.source(server.address), tmp_path / "out", policy=clock.policy())
    assert result.items == 50
    (slept,) = clock.slept
    assert waited <= slept <= max(waited, 1)


def test_an_exhausted_limit_delays_only_the_next_request(tmp_path):
    api, clock = FAKE_APIS["bluesky"](150), FakeClock()

    def respond(request):
        reply = api(request)
        reply.headers |= {"ratelimit-remaining": "0", "ratelimit-reset": str(int(clock.time) + 9)}
        return reply

    with serving(respond) as server:
        result = download(api.source(server.address), tmp_path / "out", policy=clock.policy())
    assert result.pages == 2
    assert clock.slept == [9]


def test_too_long_a_wait_ends_the_download_and_keeps_its_pages(tmp_path):
    api, clock, unlimited = FakeMastodon(100), FakeClock(), []

    def respond(request):
        if request.query.get("max_id") and not unlimited:
            return Reply(status=429, headers={"Retry-After": "86400"})
        return api(request)

    with serving(respond) as server:
        source = api.source(server.address)
        with pytest.raises(DownloadError, match=r"wait 86,400 s.*2 pages are kept"):
            download(source, tmp_path / "out", policy=clock.policy())
        assert clock.slept == []
        unlimited.append(1)
        before = len(server.requests)
        result = download(source, tmp_path / "out")
    assert (result.items, result.resumed) == (100, True)
    assert [request.query.get("max_id") for request in server.requests[before:]][0]  # noqa: RUF015


@pytest.mark.parametrize("name", FAKE_APIS)
@settings(max_examples=8)
@given(st.lists(st.integers(0, 2), max_size=2), st.binary(max_size=30))
def test_an_interrupted_download_gives_the_same_file(name, tmp_path_factory, cuts, rest):
    """The server fails after some pages, and the part ends with an incomplete line."""
    api, folder = FAKE_APIS[name](170, page=30), tmp_path_factory.mktemp("cut")
    left = [0]

    def respond(request):
        if request.method == "GET":
            left[0] -= 1
        return api(request) if left[0] >= 0 else Reply(b"no", 410)

    with serving(respond) as server:
        source = api.source(server.address)
        for cut in cuts:
            left[0] = cut
            with pytest.raises(DownloadError, match="410"):
                download(source, folder / "out")
            if (folder / "out.part").exists():
                with (folder / "out.part").open("ab") as handle:
                    handle.write(rest)
        left[0] = 1_000
        result = download(source, folder / "out")
        download(source, folder / "reference")
    assert (folder / "out").read_bytes() == (folder / "reference").read_bytes()
    assert result.resumed == (sum(cuts) > 0)
    assert sorted(path.name for path in folder.iterdir()) == ["out", "reference"]


def test_a_killed_download_is_resumed(tmp_path):
    api, reached, killed = FakeUcdp(4_000, page=100), threading.Event(), threading.Event()

    def respond(request):
        if request.query.get("page") == "25":
            reached.set()
            killed.wait(60)  # the process is killed while it waits for this page
        return api(request)

    with serving(respond) as server:
        source = api.source(server.address)
        out = tmp_path / "out.jsonl"
        code = (
            "from foxgrape.io.download import Ucdp, download; "
            f"download(Ucdp('25.1', limit=100, server={server.address!r}), {str(out)!r})"
        )
        with subprocess.Popen([sys.executable, "-c", code]) as process:
            assert reached.wait(60)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            killed.set()
        assert not out.exists()
        assert json.loads((tmp_path / "out.jsonl.part.json").read_text())["pages"] == 25
        result = download(source, out)
        download(source, tmp_path / "reference")
    assert result.resumed
    # Once before the kill and once for the reference.
    assert [request.query.get("page") for request in server.requests].count("3") == 2
    assert out.read_bytes() == (tmp_path / "reference").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "reference"]


def interrupt(api, server, folder):
    """Leave a part with two pages."""
    with pytest.raises(DownloadError, match="kept"):
        download(api.source(server.address), folder / "out", policy=RetryPolicy(max_attempts=1))


@pytest.fixture
def interrupted_download(tmp_path):
    """Serve an API that fails at its third page until the first download has ended."""
    api, repaired = FAKE_APIS["ucdp"](100, page=20), []

    def respond(request):
        return (
            api(request) if repaired or int(request.query.get("page", 0)) < 2 else Reply(status=500)
        )

    with serving(respond) as server:
        interrupt(api, server, tmp_path)
        repaired.append(1)
        yield api, server


def test_a_part_of_another_query_is_rejected(interrupted_download, tmp_path):
    api, server = interrupted_download
    other = api.source(server.address, country=369)
    with pytest.raises(DownloadError, match=r"country was None and is 369.*--restart"):
        download(other, tmp_path / "out")
    assert download(other, tmp_path / "out", restart=True).resumed is False


def test_a_part_that_does_not_match_its_state_is_rejected(interrupted_download, tmp_path):
    api, server = interrupted_download
    part, state_file = tmp_path / "out.part", tmp_path / "out.part.json"
    source, content, state = api.source(server.address), part.read_bytes(), state_file.read_text()
    part.write_bytes(content[:-1])
    with pytest.raises(DownloadError, match="shorter than recorded in"):
        download(source, tmp_path / "out")
    part.write_bytes(content.replace(b"Result", b"result", 1))
    with pytest.raises(DownloadError, match="line 1 is not a response from 127"):
        download(source, tmp_path / "out")
    part.write_bytes(content)
    for broken in ("{", "[]", state.replace('"cursor": "2"', '"cursor": 2')):
        state_file.write_text(broken)
        with pytest.raises(DownloadError, match="is not the state of a download"):
            download(source, tmp_path / "out")
    state_file.write_text(state.replace('"cursor": "2"', '"cursor": "two"'))
    with pytest.raises(DownloadError, match="20 of its 20 items were received before"):
        download(source, tmp_path / "out")
    state_file.unlink()
    with pytest.raises(DownloadError, match=r"has no out\.part\.json"):
        download(source, tmp_path / "out")
    assert part.read_bytes() == content
    state_file.write_text(state)
    assert download(source, tmp_path / "out").items == 100


def test_two_downloads_do_not_write_to_the_same_part(tmp_path):
    api, intruders = FAKE_APIS["ucdp"](100, page=20), []

    def respond(request):
        if request.query.get("page") == "2" and not intruders:
            intruders.append((tmp_path / "out.part").open("ab"))
            intruders[0].write(b"from another process")
            intruders[0].close()
        return api(request)

    with (
        serving(respond) as server,
        pytest.raises(DownloadError, match="another process is writing to it"),
    ):
        download(api.source(server.address), tmp_path / "out")


def test_a_download_that_another_process_has_finished_leaves_no_part(tmp_path):
    api = FAKE_APIS["ucdp"](100, page=20)

    def respond(request):
        if request.query.get("page") == "2":
            (tmp_path / "out.part").replace(tmp_path / "out")
        return api(request)

    with serving(respond) as server:
        source = api.source(server.address)
        with pytest.raises(DownloadError, match="another process has finished it"):
            download(source, tmp_path / "out")
        assert not (tmp_path / "out.part").exists()
        # As if the other process had been killed before it deleted the state of the download.
        (tmp_path / "out.part.json.new").write_text("{", encoding="utf-8")
        with pytest.raises(DownloadError, match="the file exists already"):
            download(source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_pages_without_their_state_are_never_left_by_a_killed_restart(tmp_path, monkeypatch):
    """They could not be resumed; a state without pages is written again."""
    api = FAKE_APIS["ucdp"](100, page=20)

    def respond(request):
        return Reply(status=404) if request.query.get("page") == "2" else api(request)

    with serving(respond) as server:
        source = api.source(server.address)
        with pytest.raises(DownloadError):
            download(source, tmp_path / "out")
        with monkeypatch.context() as patch:
            patch.setattr(_PartialDownload, "_delete_state", _die)
            with pytest.raises(KeyboardInterrupt):
                download(source, tmp_path / "out", restart=True)
        assert [path.name for path in tmp_path.iterdir()] == ["out.part.json"]
    with serving(api) as server:
        assert download(api.source(server.address), tmp_path / "out").items == 100


def _die(_part):
    raise KeyboardInterrupt


def test_an_existing_file_is_never_overwritten(tmp_path):
    (tmp_path / "out").write_text("mine")
    with serving(FAKE_APIS["bluesky"](1)) as server:
        source = Bluesky("a.example", server.address)
        with pytest.raises(DownloadError, match="the file exists already"):
            download(source, tmp_path / "out", restart=True)
        with pytest.raises(DownloadError, match="cannot be written: No such file"):
            download(source, tmp_path / "nowhere" / "out")
        assert server.requests == []
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("mastodon.example", "https://mastodon.example"),
        ("https://mastodon.example:8443/", "https://mastodon.example:8443"),
        ("http://127.0.0.1:80", "http://127.0.0.1:80"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://localhost", "http://localhost"),
    ],
)
def test_the_origin_of_a_valid_server_is_returned(address, origin):
    assert validate_server(address) == origin


@pytest.mark.parametrize(
    "address",
    [
        "http://mastodon.example",
        "http://127.0.0.1.example",
        "http://localhost.example",
        "ftp://mastodon.example",
        "https://mastodon.example/api",
        "https://mastodon.example?x=1",
        "https://",
        "https://[::1",
        "https://a.example:port",
    ],
)
def test_an_invalid_server_is_rejected(address):
    with pytest.raises(DownloadError, match="the server address cannot be used"):
        validate_server(address)


def test_a_password_in_a_url_is_rejected_and_not_repeated():
    with pytest.raises(DownloadError, match="contains a user name or a password") as caught:
        validate_server("https://me:hunter2hunter2@a.example")
    assert "hunter2" not in str(caught.value)
    for address in ("https://a.example?token=hunter2", "http://a.example/hunter2", "//u:hunter2@["):
        with pytest.raises(DownloadError) as caught:
            validate_server(address)
        assert "hunter2" not in str(caught.value)


class MemoryKeyring(KeyringBackend):
    """A keyring in memory."""

    priority = 1
    held: dict[tuple[str, str], str] = {}  # noqa: RUF012

    def get_password(self, service, username):
        return self.held.get((service, username))

    def set_password(self, *_):
        raise AssertionError("the keyring must not be written")


def test_the_environment_takes_precedence_over_the_keyring(monkeypatch, tmp_path):
    api, before = FakeUcdp(3), keyring.get_keyring()
    monkeypatch.setattr(MemoryKeyring, "held", {("foxgrape", "ucdp_token"): "of-the-ring-456"})
    keyring.set_keyring(MemoryKeyring())
    try:
        with serving(api) as server:
            download(api.source(server.address), tmp_path / "a")
            monkeypatch.delenv("FOXGRAPE_UCDP_TOKEN")
            download(api.source(server.address), tmp_path / "b")
    finally:
        keyring.set_keyring(before)
    sent = [request.headers["x-ucdp-access-token"] for request in server.requests]
    assert sent == ["ucdp-token-0123456789", "of-the-ring-456"]


def test_missing_credentials_are_named_before_any_request(monkeypatch, tmp_path):
    monkeypatch.setattr(keyring, "get_password", lambda *_: None)
    monkeypatch.delenv("FOXGRAPE_ACLED_PASSWORD")
    monkeypatch.setenv("FOXGRAPE_UCDP_TOKEN", " ")
    with serving(lambda _: json_reply({})) as server:
        with pytest.raises(DownloadError, match=r"set .*_USERNAME and .*_PASSWORD.*acled_password"):
            download(FakeAcled(1).source(server.address), tmp_path / "out")
        with pytest.raises(DownloadError, match=r"FOXGRAPE_UCDP_TOKEN, or store ucdp_token"):
            download(FakeUcdp(1).source(server.address), tmp_path / "out")
        assert server.requests == []
    assert list(tmp_path.iterdir()) == []


def test_a_secret_is_not_shown_or_pickled():
    secret = Secret("hunter2hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError, match="cannot be pickled"):
        __import__("pickle").dumps(secret)


def test_a_resumed_download_requests_only_the_missing_pages(interrupted_download, tmp_path):
    api, server = interrupted_download
    before = len(server.requests)
    updates = []
    download(api.source(server.address), tmp_path / "out", progress=updates.append)
    assert [request.query["page"] for request in server.requests[before:]] == ["2", "3", "4"]
    assert [(state.pages, state.items) for state in updates] == [(3, 60), (4, 80), (5, 100)]
    assert all(first.size < second.size for first, second in pairwise(updates))
