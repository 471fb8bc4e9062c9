"""Downloads from servers that fail, contradict themselves or redirect; and the shell commands."""

from __future__ import annotations

import gzip
import json
import re
import time
from importlib import import_module
from pathlib import Path

import pytest

from fake_apis import (
    FAKE_APIS,
    TOKEN,
    FakeAcled,
    FakeBluesky,
    FakeClock,
    FakeMastodon,
    FakeUcdp,
    truncated,
)
from fake_http_server import Reply, json_reply, serving
from foxgrape.cli.app import run
from foxgrape.errors import DownloadError
from foxgrape.io.download import Bluesky, Mastodon, download
from foxgrape.io.download.credentials import _ACLED, _UCDP
from foxgrape.io.download.http import HttpClient, RetryPolicy

pytestmark = pytest.mark.usefixtures("credentials")


def failing(api, faults):
    """Respond with each fault once, then as the API does."""

    def respond(request):
        if not faults:
            return api(request)
        fault = faults.pop(0)
        return fault(api(request)) if callable(fault) else fault

    return respond


@pytest.mark.parametrize(
    "faults",
    [
        [Reply(b"<html>oh no", 500)],
        [Reply(status=502), Reply(status=503), Reply(status=504)],
        [truncated],
        [truncated, Reply(status=500), truncated],
        [lambda _: Reply(b"not gzip", headers={"content-encoding": "gzip"})],
    ],
)
@pytest.mark.parametrize("name", FAKE_APIS)
def test_a_failed_request_is_retried_and_leaves_no_trace(name, faults, tmp_path):
    api, clock = FAKE_APIS[name](130), FakeClock()
    with serving(failing(api, list(faults))) as server:
        source = api.source(server.address)
        download(source, tmp_path / "out", policy=clock.policy())
        download(source, tmp_path / "reference")
    assert len(clock.slept) == len(faults)
    for number, slept in enumerate(clock.slept):
        assert 2**number / 2 <= slept <= 2**number
    assert (tmp_path / "out").read_bytes() == (tmp_path / "reference").read_bytes()


def test_a_failing_server_is_given_up(tmp_path):
    clock = FakeClock()
    with serving(lambda _: Reply(b"sorry", 503)) as server:
        source = Bluesky("a.example", server.address)
        with pytest.raises(DownloadError, match=r"failed after 4 tries: 503 Service Unavailable$"):
            download(source, tmp_path / "out", policy=clock.policy(max_attempts=4))
        assert len(server.requests) == 4
    with pytest.raises(DownloadError, match=r"failed after 2 tries: the connection failed$"):
        download(source, tmp_path / "out", policy=clock.policy(max_attempts=2))
    assert not (tmp_path / "out").exists()


def test_a_silent_server_times_out(tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent_server:
        source = Bluesky("a.example", f"http://127.0.0.1:{silent_server.getsockname()[1]}")
        with pytest.raises(DownloadError, match="failed after 1 try: the response timed out"):
            download(source, tmp_path / "out", policy=RetryPolicy(max_attempts=1, timeout=0.2))


def test_a_slow_response_is_cut_off():
    """No read times out, but the response takes too long."""
    clock = FakeClock()

    def now():
        clock.time += 301
        return clock.time

    policy = RetryPolicy(now=now)
    with (
        serving(lambda _: Reply(b"x" * 2**20)) as server,
        HttpClient(server.address, policy) as client,
        pytest.raises(DownloadError, match="took more than 300 s"),
    ):
        client.get("/", {})


BIG = b" " * (65 * 2**20)


@pytest.mark.parametrize(
    "reply",
    [Reply(BIG), Reply(gzip.compress(BIG), headers={"content-encoding": "gzip"})],
    ids=["plain", "packed"],
)
def test_too_large_a_response_is_rejected(reply, tmp_path):
    with (
        serving(lambda _: reply) as server,
        pytest.raises(DownloadError, match="larger than 64 MB"),
    ):
        download(Bluesky("a.example", server.address), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def changed(api, change, at="1"):
    """Change the second page of an API."""

    def respond(request):
        reply = api(request)
        if request.query.get("page") == at or "cursor" in request.query:
            value = json.loads(reply.body)
            change(value)
            reply = json_reply(value)
        return reply

    return respond


CONTRADICTIONS = {
    "repeats": (
        FakeUcdp,
        lambda page: page["Result"].__setitem__(0, {"id": 7_000}),
        "1 of its 50 items were received before",
    ),
    "twice": (
        FakeUcdp,
        lambda page: page["Result"].__setitem__(0, page["Result"][1]),
        "were received before",
    ),
    "more": (
        FakeUcdp,
        lambda page: page.update(TotalCount=131),
        "the total is 131, but was 130",
    ),
    "fewer": (FakeUcdp, lambda page: page["Result"].pop(), "129 items received of 130"),
    "empty": (FakeUcdp, lambda page: page.update(Result=[]), "is empty, but names a next page"),
    "no list": (FakeUcdp, lambda page: page.update(Result={}), "'Result' is not a list"),
    "no total": (
        FakeUcdp,
        lambda page: page.update(TotalCount="many"),
        "'TotalCount' is not a count",
    ),
    "no number": (
        FakeUcdp,
        lambda page: page.update(NextPageUrl="/?page=²"),
        "'NextPageUrl' has no page number",
    ),
    "no text": (FakeUcdp, lambda page: page.update(NextPageUrl=7), "has no page number"),
    "early end": (
        FakeUcdp,
        lambda page: page.update(NextPageUrl=None),
        "100 items received of 130",
    ),
    "back": (
        FakeUcdp,
        lambda page: page.update(NextPageUrl="?page=1"),
        "its cursor is that of an earlier page",
    ),
    "no id": (FakeUcdp, lambda page: page["Result"][3].pop("id"), "an item has no 'id'"),
    "nothing": (FakeUcdp, lambda page: page.clear(), "'Result' is not a list"),
    "still": (
        FakeBluesky,
        lambda page: page.update(cursor="100"),
        "its cursor is that of an earlier page",
    ),
    "number": (FakeBluesky, lambda page: page.update(cursor=100), "'cursor' is not a string"),
    "no feed": (FakeBluesky, lambda page: page.pop("feed"), "'feed' is not a list"),
    "no post": (FakeBluesky, lambda page: page["feed"][0].pop("post"), "an item has no 'uri'"),
}


@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
def test_a_contradiction_ends_the_download(contradiction, tmp_path):
    fake, change, words = CONTRADICTIONS[contradiction]
    api = fake(130)
    with serving(changed(api, change)) as server, pytest.raises(DownloadError) as caught:
        download(api.source(server.address), tmp_path / "out")
    text = str(caught.value)
    assert words in text
    assert "kept in" in text
    assert "\n" not in text
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "out.part").read_bytes().count(b"\n") >= 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda page: page.update(count=3), "'count' is 3, but there are 60 rows"),
        (lambda page: page.update(count=200), "130 items received of 200"),
        (lambda page: page.update(success=False, status=403), "a failure, status 403"),
        (lambda page: page.update(data=None), "'data' is not a list"),
    ],
)
def test_a_contradiction_of_acled_ends_the_download(change, words, tmp_path):
    api = FakeAcled(130)
    with (
        serving(changed(api, change, at="2")) as server,
        pytest.raises(DownloadError, match=words),
    ):
        download(api.source(server.address), tmp_path / "out")


def test_the_count_of_acled_may_be_that_of_all_pages(tmp_path):
    api = FakeAcled(130)
    total = changed(api, lambda page: page.update(count=130), at="2")
    with serving(total) as server:
        assert download(api.source(server.address), tmp_path / "out").items == 130


@pytest.mark.parametrize("name", FAKE_APIS)
@pytest.mark.parametrize(
    ("body", "words"),
    [(b"<!DOCTYPE html><p>Log in</p>", "HTML"), (b"{", "1 bytes"), (b"[" * 10**5, "100,000 bytes")],
)
def test_a_response_that_is_not_json_is_rejected(name, body, words, tmp_path):
    api = FAKE_APIS[name](5)

    def respond(request):
        return api(request) if request.method == "POST" else Reply(body)

    with (
        serving(respond) as server,
        pytest.raises(DownloadError, match=f"page 1: expected JSON; got {words}"),
    ):
        download(api.source(server.address), tmp_path / "out")


def test_endless_empty_pages_end_the_download(tmp_path):
    count = [0]

    def respond(_):
        count[0] += 1
        return json_reply({"feed": [], "cursor": str(count[0])})

    with serving(respond) as server, pytest.raises(DownloadError, match="51 empty pages in a row"):
        download(Bluesky("a.example", server.address), tmp_path / "out")


@pytest.mark.parametrize("body", [{"id": "../../oauth"}, {"id": None}, {}, []])
def test_a_mastodon_id_cannot_change_the_path(body, tmp_path):
    with (
        serving(lambda _: json_reply(body)) as server,
        pytest.raises(DownloadError, match="page 1: "),
    ):
        download(Mastodon(server.address, "a"), tmp_path / "out")
    assert [request.path for request in server.requests] == ["/api/v1/accounts/lookup"]


def test_a_repeated_mastodon_page_ends_the_download(tmp_path):
    api = FakeMastodon(100)

    def respond(request):
        request.query.pop("max_id", None)
        return api(request)

    with serving(respond) as server, pytest.raises(DownloadError, match="40 of its 40 items were"):
        download(api.source(server.address), tmp_path / "out")


# Redirects.


def test_a_redirect_to_another_server_is_not_followed(tmp_path):
    api = FakeUcdp(3)
    with serving(api) as other:
        place = f"{other.address}/api/gedevents/25.1?pagesize=50&page=0"
        with (
            serving(lambda _: Reply(status=302, headers={"location": place})) as server,
            pytest.raises(DownloadError, match="redirects to another address, which is not"),
        ):
            download(api.source(server.address), tmp_path / "out")
        assert other.requests == []


def test_a_redirect_on_the_same_server_is_followed_with_credentials(tmp_path):
    api = FakeUcdp(3)

    def respond(request):
        if request.path != "/moved":
            return Reply(status=301, headers={"location": "/moved?pagesize=50&page=0"})
        request.path = "/api/gedevents/25.1"
        return api(request)

    with serving(respond) as server:
        assert download(api.source(server.address), tmp_path / "out").items == 3
        assert {request.headers["x-ucdp-access-token"] for request in server.requests} == {TOKEN}


def test_cookies_are_not_stored(tmp_path):
    api = FakeUcdp(130)

    def respond(request):
        reply = api(request)
        reply.headers["set-cookie"] = "session=abc; Path=/"
        return reply

    with serving(respond) as server:
        download(api.source(server.address), tmp_path / "out")
        assert len(server.requests) == 3
        assert not any("cookie" in request.headers for request in server.requests)


def test_a_redirect_loop_ends(tmp_path):
    with (
        serving(lambda _: Reply(status=302, headers={"location": "/"})) as server,
        pytest.raises(DownloadError, match="too many redirects"),
    ):
        download(
            FakeUcdp(1).source(server.address), tmp_path / "out", policy=RetryPolicy(max_attempts=1)
        )


def test_a_login_is_not_redirected_even_on_the_same_server(tmp_path):
    with (
        serving(lambda _: Reply(status=307, headers={"location": "/login"})) as server,
        pytest.raises(DownloadError, match="redirects to"),
    ):
        download(
            FakeAcled(1).source(server.address),
            tmp_path / "out",
            policy=RetryPolicy(max_attempts=1),
        )
    assert [request.path for request in server.requests] == ["/oauth/token"]


# In the shell.


def test_the_shell_prints_only_json_on_stdout(tmp_path, capsys):
    for name, arguments in {
        "mastodon": lambda at: [at, "@minister"],
        "bluesky": lambda at: ["minister.example", "--server", at],
        "acled": lambda at: ["--country", "Ukraine", "--server", at],
        "ucdp": lambda at: ["25.1", "--limit", "50", "--server", at],
    }.items():
        with serving(FAKE_APIS[name](70)) as server:
            out = tmp_path / name
            call = ["fetch", name, *arguments(server.address), "--out", str(out), "--json"]
            assert run(call) == 0
        result = json.loads(capsys.readouterr().out)
        assert (result["format"], result["items"], result["path"]) == (name, 70, str(out))


def test_the_shell_reports_success_and_failure_in_one_line(tmp_path, capsys):
    out = str(tmp_path / "out")
    with serving(FAKE_APIS["bluesky"](7)) as server:
        call = ["fetch", "bluesky", "a.example", "--server", server.address, "--out", out]
        assert run(call) == 0
        assert "7 posts in 1 response" in capsys.readouterr().out.replace("\n", " ")
        assert run(call) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert "the file exists already" in line
    with serving(lambda _: Reply(status=404)) as server:
        call = ["fetch", "mastodon", server.address, "minister", "--out", f"{out}2"]
        assert run(call) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert line.endswith("404 Not Found")
    assert run(["fetch", "mastodon", "--out", out]) == 2
    assert not (tmp_path / "out2.part").exists()
    assert run(["fetch", "ucdp", "25.1", "--country", "Ukraine", "--out", out]) == 2


def test_progress_is_shown_on_stderr_only(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    api = FakeBluesky(250)

    def respond(request):
        if request.query.get("cursor") == "200":
            time.sleep(0.8)  # much longer than the refresh interval of the display
        return api(request)

    with serving(respond) as server:
        call = ["fetch", "bluesky", "a.example", "--server", server.address, "--json"]
        assert run([*call, "--out", str(tmp_path / "out")]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["items"] == 250
    assert "200 posts, 2 pages" in err


def test_the_page_documents_every_command_and_secret():
    text = (Path(__file__).parents[3] / "docs/how-to/download-posts-and-events.md").read_text(
        encoding="utf-8"
    )
    for name in (*_ACLED, *_UCDP):
        assert f"`{name}`" in text
        assert name.removeprefix("FOXGRAPE_").lower() in text
    shown = re.findall(r"^\$ foxgrape (fetch .*)$", text, re.MULTILINE)
    assert {call.split()[1] for call in shown} == set(FAKE_APIS)
    for call in shown:
        assert run([*call.split(), "--help"]) == 0
    (python,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    compile(python, "docs/how-to/download-posts-and-events.md", "exec")
    for module, names in re.findall(r"from (\S+) import (.*)", python):
        home = import_module(module)
        assert all(hasattr(home, name) for name in names.split(", "))
