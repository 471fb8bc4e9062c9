"""Downloads from servers that behave: pages, limits, waiting, and going on where it stopped."""

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

from fake_apis import WORLDS, Acleds, Clock, Statuses, Ucdps
from fake_http_server import Reply, as_json, serving
from foxgrape import read_events, read_posts
from foxgrape.errors import DownloadError
from foxgrape.io.download import Bluesky, Mastodon, Ucdp, download
from foxgrape.io.download.credentials import Secret
from foxgrape.io.download.http import validate_server
from foxgrape.io.download.retry import backoff, retry_after_seconds
from foxgrape.io.download.social_media import _items

pytestmark = pytest.mark.usefixtures("credentials")


@pytest.mark.parametrize("name", WORLDS)
def test_a_download_holds_every_item_as_it_was_given(name, tmp_path):
    world = WORLDS[name](205)
    with serving(world) as server:
        done = download(world.source(server.address), tmp_path / "out.jsonl", rng=1)
    lines = (tmp_path / "out.jsonl").read_bytes().splitlines()
    items = [item for line in lines for item in world.items_of(json.loads(line))]
    assert items == world.items
    assert (done.items, done.format, done.resumed) == (205, name, False)
    assert done.size == sum(map(len, lines)) + len(lines)
    assert f"205 {done.kind} in {done.pages}" in done.sentence()
    assert list(done.to_frame()["items"]) == [205]
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize("name", WORLDS)
def test_nothing_to_download_is_no_failure(name, tmp_path):
    world = WORLDS[name](0)
    with serving(world) as server:
        assert download(world.source(server.address), tmp_path / "out", rng=1).items == 0
    assert (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["mastodon", "bluesky"])
def test_what_came_is_read_as_posts(name, tmp_path):
    world = WORLDS[name](90)
    with serving(world) as server:
        download(world.source(server.address), tmp_path / "feed", rng=1)
    posts, report = read_posts(tmp_path / "feed", with_report=True)
    assert report.format == name
    assert len(posts) == 90
    assert posts["text"].str.endswith("🍇").all()


@pytest.mark.parametrize("name", ["acled", "ucdp"])
def test_what_came_is_read_as_events(name, tmp_path):
    world = WORLDS[name](130)
    with serving(world) as server:
        download(world.source(server.address), tmp_path / "pages", rng=1)
    events, report = read_events(tmp_path / "pages", with_report=True)
    assert report.format == name
    assert len(events) == 130
    assert set(events["place"]) == {"Izium"}


def test_a_short_page_of_mastodon_is_not_the_last(tmp_path):
    world = Statuses(100, hidden=lambda number: number % 3 == 0)
    with serving(world) as server:
        done = download(world.source(server.address), tmp_path / "out", rng=1)
    assert done.items == sum(number % 3 != 0 for number in range(100))


@pytest.mark.parametrize("first", [0, 1])
def test_pages_of_ucdp_are_numbered_as_its_server_numbers_them(first, tmp_path):
    world = Ucdps(130, first=first)
    with serving(world) as server:
        assert download(world.source(server.address), tmp_path / "out", rng=1).items == 130
        numbers = [asked.query.get("page") for asked in server.asked]
    assert numbers == [None, str(first + 1), str(first + 2)]


def test_a_note_of_acled_that_was_changed_is_told_of(tmp_path):
    world, mended = Acleds(200), []

    def answer(asked):
        if asked.query.get("page") == "two":
            asked.query["page"] = "2"
        return world(asked) if mended or asked.query.get("page") != "2" else Reply(status=410)

    with serving(answer) as server:
        source = world.source(server.address)
        with pytest.raises(DownloadError, match="1 page is kept"):
            download(source, tmp_path / "out", rng=1)
        mended.append(1)
        note = tmp_path / "out.part.json"
        note.write_text(note.read_text().replace('"cursor": "2"', '"cursor": "two"'))
        with pytest.raises(DownloadError, match="names no page"):
            download(source, tmp_path / "out", rng=1)


def test_an_account_may_have_an_at_before_it_and_no_path_in_it():
    assert Mastodon("https://a.example", "@minister@a.example").account == "minister@a.example"
    for name in ("", "a/b", "..", "a b", "a?b"):
        with pytest.raises(DownloadError, match="bad account"):
            Mastodon("https://a.example", name)
        with pytest.raises(DownloadError, match="bad version"):
            Ucdp(name)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"since": "2022-09-01"}, "go together"),
        ({"since": "2022-09-02", "until": "2022-09-01"}, "ends before"),
        ({"since": "1 Sept", "until": "2 Sept"}, "bad day"),
        ({"limit": 0}, "bad limit"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_before_anybody_is_asked(wrong, text):
    with pytest.raises(DownloadError, match=text):
        Acleds(1).source("https://a.example", **wrong)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.text(max_size=3), JSON), max_size=5), st.sampled_from([None, 1]))
def test_an_array_is_cut_into_its_items_however_it_is_laid_out(items, indent):
    lines = _items(json.dumps(items, ensure_ascii=False, indent=indent).encode("utf-8", "replace"))
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
def test_how_long_a_server_asks_to_wait(headers, expected):
    assert retry_after_seconds(headers, now=1_662_811_200) == expected


def test_when_a_limit_is_lifted_means_nothing_where_it_is_not_reached():
    assert (
        retry_after_seconds({"x-ratelimit-reset": "1662811260"}, 1_662_811_200, limited=False)
        is None
    )


def test_backoff_doubles_up_to_a_minute_and_half_of_it_is_drawn():
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
def test_a_throttled_question_is_asked_again_after_the_wait(headers, waited, tmp_path):
    world, clock, denied = Statuses(50), Clock(), [1]

    def answer(asked):
        if "max_id" in asked.query and denied:
            denied.pop()
            return Reply(b"slow down", 429, headers)
        return world(asked)

    with serving(answer) as server:
        done = download(world.source(server.address), tmp_path / "out", rng=1, **clock.arguments)
    assert done.items == 50
    (slept,) = clock.slept
    assert waited <= slept <= max(waited, 1)


def test_a_limit_that_is_used_up_is_waited_for_before_the_next_question_only(tmp_path):
    world, clock = WORLDS["bluesky"](150), Clock()

    def answer(asked):
        reply = world(asked)
        reply.headers |= {"ratelimit-remaining": "0", "ratelimit-reset": str(int(clock.time) + 9)}
        return reply

    with serving(answer) as server:
        done = download(world.source(server.address), tmp_path / "out", rng=1, **clock.arguments)
    assert done.pages == 2
    assert clock.slept == [9]


def test_a_server_that_asks_for_too_long_a_wait_is_left_and_its_pages_kept(tmp_path):
    world, clock, open_ = Statuses(100), Clock(), []

    def answer(asked):
        if asked.query.get("max_id") and not open_:
            return Reply(status=429, headers={"Retry-After": "86400"})
        return world(asked)

    with serving(answer) as server:
        source = world.source(server.address)
        with pytest.raises(DownloadError, match=r"wait 86,400 s.*2 pages are kept"):
            download(source, tmp_path / "out", rng=1, **clock.arguments)
        assert clock.slept == []
        open_.append(1)
        before = len(server.asked)
        done = download(source, tmp_path / "out", rng=1)
    assert (done.items, done.resumed) == (100, True)
    assert [asked.query.get("max_id") for asked in server.asked[before:]][0]  # noqa: RUF015


@pytest.mark.parametrize("name", WORLDS)
@settings(max_examples=8)
@given(st.lists(st.integers(0, 2), max_size=2), st.binary(max_size=30))
def test_however_often_it_is_cut_off_the_file_is_the_same(name, tmp_path_factory, cuts, rest):
    """The server dies after some pages, and something half-written stands at the end."""
    world, folder = WORLDS[name](170, page=30), tmp_path_factory.mktemp("cut")
    left = [0]

    def answer(asked):
        if asked.method == "GET":
            left[0] -= 1
        return world(asked) if left[0] >= 0 else Reply(b"no", 410)

    with serving(answer) as server:
        source = world.source(server.address)
        for cut in cuts:
            left[0] = cut
            with pytest.raises(DownloadError, match="410"):
                download(source, folder / "out", rng=1)
            if (folder / "out.part").exists():
                with (folder / "out.part").open("ab") as handle:
                    handle.write(rest)
        left[0] = 1_000
        done = download(source, folder / "out", rng=1)
        download(source, folder / "whole", rng=1)
    assert (folder / "out").read_bytes() == (folder / "whole").read_bytes()
    assert done.resumed == (sum(cuts) > 0)
    assert sorted(path.name for path in folder.iterdir()) == ["out", "whole"]


def test_a_process_that_is_killed_is_gone_on_with(tmp_path):
    world, reached, killed = Ucdps(4_000, page=100), threading.Event(), threading.Event()

    def answer(asked):
        if asked.query.get("page") == "25":
            reached.set()
            killed.wait(60)  # it dies while it waits for this one
        return world(asked)

    with serving(answer) as server:
        source = world.source(server.address)
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
        done = download(source, out, rng=1)
        download(source, tmp_path / "whole", rng=1)
    assert done.resumed
    assert [asked.query.get("page") for asked in server.asked].count("3") == 2  # killed, and whole
    assert out.read_bytes() == (tmp_path / "whole").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "whole"]


def interrupted(world, server, folder):
    """Leave a part of two pages behind."""
    with pytest.raises(DownloadError, match="kept"):
        download(world.source(server.address), folder / "out", rng=1, tries=1)


@pytest.fixture
def broken_off(tmp_path):
    """Serve a world that fails at its third page until it is mended."""
    world, mended = WORLDS["ucdp"](100, page=20), []

    def answer(asked):
        return world(asked) if mended or int(asked.query.get("page", 0)) < 2 else Reply(status=500)

    with serving(answer) as server:
        interrupted(world, server, tmp_path)
        mended.append(1)
        yield world, server


def test_a_part_of_another_query_is_refused_in_words(broken_off, tmp_path):
    world, server = broken_off
    other = world.source(server.address, country=369)
    with pytest.raises(DownloadError, match=r"country was None and is 369.*--restart"):
        download(other, tmp_path / "out", rng=1)
    assert download(other, tmp_path / "out", rng=1, restart=True).resumed is False


def test_a_part_without_a_note_or_shorter_than_it_is_refused(broken_off, tmp_path):
    world, server = broken_off
    part, note = tmp_path / "out.part", tmp_path / "out.part.json"
    source, whole, told = world.source(server.address), part.read_bytes(), note.read_text()
    part.write_bytes(whole[:-1])
    with pytest.raises(DownloadError, match="shorter than its note"):
        download(source, tmp_path / "out", rng=1)
    part.write_bytes(whole.replace(b"Result", b"result", 1))
    with pytest.raises(DownloadError, match="line 1 is not what 127"):
        download(source, tmp_path / "out", rng=1)
    part.write_bytes(whole)
    for broken in ("{", "[]", told.replace('"cursor": "2"', '"cursor": 2')):
        note.write_text(broken)
        with pytest.raises(DownloadError, match="is no note"):
            download(source, tmp_path / "out", rng=1)
    note.write_text(told.replace('"cursor": "2"', '"cursor": "two"'))
    with pytest.raises(DownloadError, match="20 of its 20 items came before"):
        download(source, tmp_path / "out", rng=1)
    note.unlink()
    with pytest.raises(DownloadError, match=r"has no out\.part\.json"):
        download(source, tmp_path / "out", rng=1)
    assert part.read_bytes() == whole
    note.write_text(told)
    assert download(source, tmp_path / "out", rng=1).items == 100


def test_two_who_write_the_same_part_do_not_mix(tmp_path):
    world, others = WORLDS["ucdp"](100, page=20), []

    def answer(asked):
        if asked.query.get("page") == "2" and not others:
            others.append((tmp_path / "out.part").open("ab"))
            others[0].write(b"of somebody else")
            others[0].close()
        return world(asked)

    with (
        serving(answer) as server,
        pytest.raises(DownloadError, match="somebody else writes to it"),
    ):
        download(world.source(server.address), tmp_path / "out", rng=1)


def test_a_file_that_is_there_is_never_written_over(tmp_path):
    (tmp_path / "out").write_text("mine")
    with serving(WORLDS["bluesky"](1)) as server:
        source = Bluesky("a.example", server.address)
        with pytest.raises(DownloadError, match="the file exists already"):
            download(source, tmp_path / "out", restart=True)
        with pytest.raises(DownloadError, match="cannot be written: No such file"):
            download(source, tmp_path / "nowhere" / "out")
        assert server.asked == []
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
def test_servers_that_may_be_asked(address, origin):
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
def test_servers_that_may_not_be_asked(address):
    with pytest.raises(DownloadError, match="the server address cannot be used"):
        validate_server(address)


def test_a_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(DownloadError, match="holds a name or a password") as caught:
        validate_server("https://me:hunter2hunter2@a.example")
    assert "hunter2" not in str(caught.value)
    for address in ("https://a.example?token=hunter2", "http://a.example/hunter2", "//u:hunter2@["):
        with pytest.raises(DownloadError) as caught:
            validate_server(address)
        assert "hunter2" not in str(caught.value)


class Ring(KeyringBackend):
    """A keyring in memory."""

    priority = 1
    held: dict[tuple[str, str], str] = {}  # noqa: RUF012

    def get_password(self, service, username):
        return self.held.get((service, username))

    def set_password(self, *_):
        raise AssertionError("nothing is ever put into the keyring")


def test_a_token_may_stand_in_the_keyring_and_the_environment_comes_first(monkeypatch, tmp_path):
    world, before = Ucdps(3), keyring.get_keyring()
    monkeypatch.setattr(Ring, "held", {("foxgrape", "ucdp_token"): "of-the-ring-456"})
    keyring.set_keyring(Ring())
    try:
        with serving(world) as server:
            download(world.source(server.address), tmp_path / "a", rng=1)
            monkeypatch.delenv("FOXGRAPE_UCDP_TOKEN")
            download(world.source(server.address), tmp_path / "b", rng=1)
    finally:
        keyring.set_keyring(before)
    sent = [asked.headers["x-ucdp-access-token"] for asked in server.asked]
    assert sent == ["ucdp-token-0123456789", "of-the-ring-456"]


def test_missing_credentials_are_named_before_anybody_is_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(keyring, "get_password", lambda *_: None)
    monkeypatch.delenv("FOXGRAPE_ACLED_PASSWORD")
    monkeypatch.setenv("FOXGRAPE_UCDP_TOKEN", " ")
    with serving(lambda _: as_json({})) as server:
        with pytest.raises(DownloadError, match=r"set .*_USERNAME and .*_PASSWORD.*acled_password"):
            download(Acleds(1).source(server.address), tmp_path / "out")
        with pytest.raises(DownloadError, match=r"FOXGRAPE_UCDP_TOKEN, or store ucdp_token"):
            download(Ucdps(1).source(server.address), tmp_path / "out")
        assert server.asked == []
    assert list(tmp_path.iterdir()) == []


def test_a_secret_shows_itself_to_nobody():
    secret = Secret("hunter2hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError, match="not stored"):
        __import__("pickle").dumps(secret)


def test_pages_of_a_resumed_download_follow_on_each_other(broken_off, tmp_path):
    world, server = broken_off
    before = len(server.asked)
    seen = []
    download(world.source(server.address), tmp_path / "out", rng=1, progress=seen.append)
    assert [asked.query["page"] for asked in server.asked[before:]] == ["2", "3", "4"]
    assert [(each.pages, each.items) for each in seen] == [(3, 60), (4, 80), (5, 100)]
    assert all(first.size < second.size for first, second in pairwise(seen))
