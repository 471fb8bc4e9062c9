"""Downloads from servers that fail, lie, or send us elsewhere; and the verbs of the shell."""

from __future__ import annotations

import gzip
import json
import re
import time
from importlib import import_module
from pathlib import Path

import pytest

from fake_apis import TOKEN, WORLDS, Acleds, Clock, Feed, Statuses, Ucdps, cut
from fake_http_server import Reply, as_json, serving
from foxgrape.cli.app import run
from foxgrape.errors import DownloadError
from foxgrape.io.download import Bluesky, Mastodon, download
from foxgrape.io.download.credentials import _ACLED, _UCDP
from foxgrape.io.download.http import HttpClient, RetryPolicy

pytestmark = pytest.mark.usefixtures("credentials")


def failing(world, faults):
    """Answer with the faults first, one a question, then as the world does."""

    def answer(asked):
        if not faults:
            return world(asked)
        fault = faults.pop(0)
        return fault(world(asked)) if callable(fault) else fault

    return answer


@pytest.mark.parametrize(
    "faults",
    [
        [Reply(b"<html>oh no", 500)],
        [Reply(status=502), Reply(status=503), Reply(status=504)],
        [cut],
        [cut, Reply(status=500), cut],
        [lambda _: Reply(b"not gzip", headers={"content-encoding": "gzip"})],
    ],
)
@pytest.mark.parametrize("name", WORLDS)
def test_a_failure_is_asked_about_again_and_leaves_no_trace(name, faults, tmp_path):
    world, clock = WORLDS[name](130), Clock()
    with serving(failing(world, list(faults))) as server:
        source = world.source(server.address)
        download(source, tmp_path / "out", rng=1, **clock.arguments)
        download(source, tmp_path / "whole", rng=1)
    assert len(clock.slept) == len(faults)
    for number, slept in enumerate(clock.slept):
        assert 2**number / 2 <= slept <= 2**number
    assert (tmp_path / "out").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_server_that_keeps_failing_is_given_up(tmp_path):
    clock = Clock()
    with serving(lambda _: Reply(b"sorry", 503)) as server:
        source = Bluesky("a.example", server.address)
        with pytest.raises(DownloadError, match=r"failed after 4 tries: 503 Service Unavailable$"):
            download(source, tmp_path / "out", rng=1, tries=4, **clock.arguments)
        assert len(server.asked) == 4
    with pytest.raises(DownloadError, match=r"failed after 2 tries: it cannot be reached$"):
        download(source, tmp_path / "out", rng=1, tries=2, **clock.arguments)
    assert not (tmp_path / "out").exists()


def test_a_silent_server_is_given_up_in_time(tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        source = Bluesky("a.example", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        with pytest.raises(DownloadError, match="failed after 1 try: it does not answer in time"):
            download(source, tmp_path / "out", tries=1, timeout=0.2)


def test_a_server_that_drips_is_cut_off():
    """Each byte comes in time, and the whole never would."""
    import numpy as np

    clock = Clock()

    def now():
        clock.time += 301
        return clock.time

    manners = RetryPolicy(np.random.default_rng(1), now=now)
    with (
        serving(lambda _: Reply(b"x" * 2**20)) as server,
        HttpClient(server.address, manners) as talk,
        pytest.raises(DownloadError, match="too slowly"),
    ):
        talk.get("/", {})


BIG = b" " * (65 * 2**20)


@pytest.mark.parametrize(
    "reply",
    [Reply(BIG), Reply(gzip.compress(BIG), headers={"content-encoding": "gzip"})],
    ids=["plain", "packed"],
)
def test_an_answer_that_is_too_large_is_not_taken_in(reply, tmp_path):
    with (
        serving(lambda _: reply) as server,
        pytest.raises(DownloadError, match="larger than 64 MB"),
    ):
        download(Bluesky("a.example", server.address), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def changed(world, change, at="1"):
    """Change what the second page of a world says."""

    def answer(asked):
        reply = world(asked)
        if asked.query.get("page") == at or "cursor" in asked.query:
            value = json.loads(reply.body)
            change(value)
            reply = as_json(value)
        return reply

    return answer


LIES = {
    "repeats": (Ucdps, lambda page: page["Result"].__setitem__(0, {"id": 7_000}), "1 of its 50"),
    "twice": (Ucdps, lambda page: page["Result"].__setitem__(0, page["Result"][1]), "came before"),
    "more": (
        Ucdps,
        lambda page: page.update(TotalCount=131),
        "131 items in all, and before it was",
    ),
    "fewer": (Ucdps, lambda page: page["Result"].pop(), "129 items came, and 130 were promised"),
    "empty": (Ucdps, lambda page: page.update(Result=[]), "it is empty, and another"),
    "no list": (Ucdps, lambda page: page.update(Result={}), "no list 'Result'"),
    "no total": (Ucdps, lambda page: page.update(TotalCount="many"), "no count 'TotalCount'"),
    "no number": (
        Ucdps,
        lambda page: page.update(NextPageUrl="/?page=²"),
        "no number",
    ),
    "no text": (Ucdps, lambda page: page.update(NextPageUrl=7), "no number"),
    "early end": (Ucdps, lambda page: page.update(NextPageUrl=None), "100 items came, and 130"),
    "back": (Ucdps, lambda page: page.update(NextPageUrl="?page=1"), "cursor does not move on"),
    "no id": (Ucdps, lambda page: page["Result"][3].pop("id"), "an item has no 'id'"),
    "nothing": (Ucdps, lambda page: page.clear(), "no list 'Result'"),
    "still": (Feed, lambda page: page.update(cursor="100"), "its cursor does not move on"),
    "number": (Feed, lambda page: page.update(cursor=100), "the cursor is no text"),
    "no feed": (Feed, lambda page: page.pop("feed"), "no list 'feed'"),
    "no post": (Feed, lambda page: page["feed"][0].pop("post"), "an item has no 'uri'"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_server_that_lies_is_caught_at_its_word(lie, tmp_path):
    make, change, words = LIES[lie]
    world = make(130)
    with serving(changed(world, change)) as server, pytest.raises(DownloadError) as caught:
        download(world.source(server.address), tmp_path / "out", rng=1)
    text = str(caught.value)
    assert words in text
    assert "kept in" in text
    assert "\n" not in text
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "out.part").read_bytes().count(b"\n") >= 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda page: page.update(count=3), "it says 3 rows and holds 60"),
        (lambda page: page.update(count=200), "130 items came, and 200 were promised"),
        (lambda page: page.update(success=False, status=403), "it failed, status 403"),
        (lambda page: page.update(data=None), "no list 'data'"),
    ],
)
def test_acled_is_caught_too(change, words, tmp_path):
    world = Acleds(130)
    with (
        serving(changed(world, change, at="2")) as server,
        pytest.raises(DownloadError, match=words),
    ):
        download(world.source(server.address), tmp_path / "out", rng=1)


def test_acled_may_count_all_rows_or_those_of_the_page(tmp_path):
    world = Acleds(130)
    total = changed(world, lambda page: page.update(count=130), at="2")
    with serving(total) as server:
        assert download(world.source(server.address), tmp_path / "out", rng=1).items == 130


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize(
    ("body", "words"),
    [(b"<!DOCTYPE html><p>Log in</p>", "HTML"), (b"{", "1 bytes"), (b"[" * 10**5, "100,000 bytes")],
)
def test_what_is_no_json_is_told_apart(name, body, words, tmp_path):
    world = WORLDS[name](5)

    def answer(asked):
        return world(asked) if asked.method == "POST" else Reply(body)

    with (
        serving(answer) as server,
        pytest.raises(DownloadError, match=f"page 1: the answer is no JSON but {words}"),
    ):
        download(world.source(server.address), tmp_path / "out", rng=1)


def test_a_server_that_leads_on_and_on_is_left(tmp_path):
    count = [0]

    def answer(_):
        count[0] += 1
        return as_json({"feed": [], "cursor": str(count[0])})

    with serving(answer) as server, pytest.raises(DownloadError, match="51th in a row"):
        download(Bluesky("a.example", server.address), tmp_path / "out", rng=1)


@pytest.mark.parametrize("body", [{"id": "../../oauth"}, {"id": None}, {}, []])
def test_an_id_of_mastodon_cannot_lead_to_another_path(body, tmp_path):
    with serving(lambda _: as_json(body)) as server, pytest.raises(DownloadError, match="page 1: "):
        download(Mastodon(server.address, "a"), tmp_path / "out", rng=1)
    assert [asked.path for asked in server.asked] == ["/api/v1/accounts/lookup"]


def test_a_mastodon_page_that_repeats_itself_is_caught(tmp_path):
    world = Statuses(100)

    def answer(asked):
        asked.query.pop("max_id", None)
        return world(asked)

    with serving(answer) as server, pytest.raises(DownloadError, match="40 of its 40 items came"):
        download(world.source(server.address), tmp_path / "out", rng=1)


# Being sent on.


def test_a_redirection_to_another_server_is_not_followed(tmp_path):
    world = Ucdps(3)
    with serving(world) as other:
        place = f"{other.address}/api/gedevents/25.1?pagesize=50&page=0"
        with (
            serving(lambda _: Reply(status=302, headers={"location": place})) as server,
            pytest.raises(DownloadError, match="redirects to another address, which is not"),
        ):
            download(world.source(server.address), tmp_path / "out", rng=1)
        assert other.asked == []


def test_a_redirection_on_the_same_server_is_followed_with_what_it_asks_for(tmp_path):
    world = Ucdps(3)

    def answer(asked):
        if asked.path != "/moved":
            return Reply(status=301, headers={"location": "/moved?pagesize=50&page=0"})
        asked.path = "/api/gedevents/25.1"
        return world(asked)

    with serving(answer) as server:
        assert download(world.source(server.address), tmp_path / "out", rng=1).items == 3
        assert {asked.headers["x-ucdp-access-token"] for asked in server.asked} == {TOKEN}


def test_cookies_are_not_kept(tmp_path):
    world = Ucdps(130)

    def answer(asked):
        reply = world(asked)
        reply.headers["set-cookie"] = "session=abc; Path=/"
        return reply

    with serving(answer) as server:
        download(world.source(server.address), tmp_path / "out", rng=1)
        assert len(server.asked) == 3
        assert not any("cookie" in asked.headers for asked in server.asked)


def test_going_round_in_circles_ends(tmp_path):
    with (
        serving(lambda _: Reply(status=302, headers={"location": "/"})) as server,
        pytest.raises(DownloadError, match="round in circles"),
    ):
        download(Ucdps(1).source(server.address), tmp_path / "out", tries=1)


def test_a_password_is_not_sent_on_even_on_the_same_server(tmp_path):
    with (
        serving(lambda _: Reply(status=307, headers={"location": "/login"})) as server,
        pytest.raises(DownloadError, match="redirects to"),
    ):
        download(Acleds(1).source(server.address), tmp_path / "out", tries=1)
    assert [asked.path for asked in server.asked] == ["/oauth/token"]


# In the shell.


def test_the_shell_fetches_and_tells_in_json_on_stdout_alone(tmp_path, capsys):
    for name, arguments in {
        "mastodon": lambda at: [at, "@minister"],
        "bluesky": lambda at: ["minister.example", "--server", at],
        "acled": lambda at: ["--country", "Ukraine", "--server", at],
        "ucdp": lambda at: ["25.1", "--limit", "50", "--server", at],
    }.items():
        with serving(WORLDS[name](70)) as server:
            out = tmp_path / name
            call = ["fetch", name, *arguments(server.address), "--out", str(out), "--json"]
            assert run(call) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["format"], told["items"], told["path"]) == (name, 70, str(out))


def test_the_shell_says_in_a_line_what_came_and_what_did_not(tmp_path, capsys):
    out = str(tmp_path / "out")
    with serving(WORLDS["bluesky"](7)) as server:
        call = ["fetch", "bluesky", "a.example", "--server", server.address, "--out", out]
        assert run(call) == 0
        assert "7 posts in 1 answer" in capsys.readouterr().out.replace("\n", " ")
        assert run(call) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert "the file exists already" in line
    with serving(lambda _: Reply(status=404)) as server:
        call = ["fetch", "mastodon", server.address, "nobody", "--out", f"{out}2"]
        assert run(call) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert line.endswith("404 Not Found")
    assert run(["fetch", "mastodon", "--out", out]) == 2
    assert not (tmp_path / "out2.part").exists()
    assert run(["fetch", "ucdp", "25.1", "--country", "Ukraine", "--out", out]) == 2


def test_progress_is_shown_on_stderr_alone(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    world = Feed(250)

    def answer(asked):
        if asked.query.get("cursor") == "200":
            time.sleep(0.8)  # much longer than the display takes to come round
        return world(asked)

    with serving(answer) as server:
        call = ["fetch", "bluesky", "a.example", "--server", server.address, "--json"]
        assert run([*call, "--out", str(tmp_path / "out")]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["items"] == 250
    assert "200 posts, 2 answers" in err


def test_the_page_names_every_verb_and_secret_and_shows_calls_that_parse():
    text = (Path(__file__).parents[3] / "docs/how-to/download-posts-and-events.md").read_text(
        encoding="utf-8"
    )
    for name in (*_ACLED, *_UCDP):
        assert f"`{name}`" in text
        assert name.removeprefix("FOXGRAPE_").lower() in text
    shown = re.findall(r"^\$ foxgrape (fetch .*)$", text, re.MULTILINE)
    assert {call.split()[1] for call in shown} == set(WORLDS)
    for call in shown:
        assert run([*call.split(), "--help"]) == 0
    (python,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    compile(python, "docs/how-to/download-posts-and-events.md", "exec")
    for module, names in re.findall(r"from (\S+) import (.*)", python):
        home = import_module(module)
        assert all(hasattr(home, name) for name in names.split(", "))
