"""Who we are: tokens that end and are renewed, and secrets that show nowhere, whatever fails."""

from __future__ import annotations

import json
import logging
import traceback

import pytest

from fake_apis import PASSWORD, TOKEN, USER, WORLDS, Acleds, Clock, Ucdps, cut
from fake_http_server import Reply, as_json, serving
from foxgrape.cli.app import run
from foxgrape.errors import DownloadError
from foxgrape.io.download import download

pytestmark = pytest.mark.usefixtures("credentials")

#: What must show nowhere, in the spellings in which it could.
SECRETS = [
    *(USER, PASSWORD, TOKEN, "a+password", "a%20password", "100%25", "k%C3%A4se", "käse"),
    *("access-token-", "refresh-token-"),
]


def test_an_access_token_that_ends_is_renewed_with_the_refresh_token(tmp_path):
    world, asked_for = Acleds(600), [0]

    def answer(asked):
        if asked.path == "/api/acled/read":
            asked_for[0] += 1
            if asked_for[0] in {4, 9}:
                world.access.append("ended")
        return world(asked)

    with serving(answer) as server:
        done = download(world.source(server.address), tmp_path / "out", rng=1)
    assert done.items == 600
    assert world.grants == ["password", "refresh_token", "refresh_token"]


def test_a_token_is_renewed_before_it_ends_where_the_server_said_when(tmp_path):
    world, clock = Acleds(300), Clock()
    world.lasts = 100

    def answer(asked):
        clock.time += 30
        return world(asked)

    with serving(answer) as server:
        download(world.source(server.address), tmp_path / "out", rng=1, **clock.arguments)
    assert world.grants[0] == "password"
    assert len(world.grants) > 2
    assert set(world.grants[1:]) == {"refresh_token"}


def test_the_password_serves_where_the_refresh_token_has_ended_too(tmp_path):
    world, asked_for = Acleds(300), [0]

    def answer(asked):
        if asked.path == "/api/acled/read":
            asked_for[0] += 1
            if asked_for[0] == 3:
                world.access.append("ended")
                world.refresh.append("ended")
        return world(asked)

    with serving(answer) as server:
        assert download(world.source(server.address), tmp_path / "out", rng=1).items == 300
    assert world.grants == ["password", "refresh_token", "password"]


def bad_login(_world, asked):
    return Reply(json.dumps(asked.form).encode(), 400) if asked.method == "POST" else None


def forbidden(_world, asked):
    said = json.dumps(asked.headers).encode()
    return Reply(said, 403) if asked.method == "GET" else None


def always_401(_world, asked):
    return (
        Reply(asked.headers.get("authorization", "").encode(), 401)
        if asked.method == "GET"
        else None
    )


def broken_token(_world, asked):
    return as_json({"access_token": "access-token-\n1"}) if asked.method == "POST" else None


def no_token(_world, asked):
    return as_json({"message": asked.form}) if asked.method == "POST" else None


def repeating(_world, asked):
    return as_json({"data": [], "debug": asked.headers}) if asked.method == "GET" else None


def leading_away(_world, asked):
    said = asked.headers.get("authorization", asked.headers.get("x-ucdp-access-token", ""))
    return Reply(status=307, headers={"location": f"http://{said.split(' ')[-1]}.example/{said}"})


def leading_round(_world, asked):
    said = asked.headers.get("authorization", asked.headers.get("x-ucdp-access-token", ""))
    headers = {"location": f"/again?said={said.split(' ')[-1]}", "set-cookie": f"session={said}"}
    return Reply(status=302, headers=headers) if asked.method == "GET" else None


def failing_always(_world, asked):
    return Reply(json.dumps(asked.headers).encode(), 500)


def cut_always(world, asked):
    return cut(world(asked))


LOGIN = [bad_login, broken_token, no_token]
ANY = [
    *(forbidden, always_401, repeating, leading_away, leading_round),
    *(failing_always, cut_always),
]
FAULTS = [(Acleds, fault) for fault in [*LOGIN, *ANY]] + [(Ucdps, fault) for fault in ANY]


def everything_in(error: BaseException) -> str:
    """Return all that an error tells, with all errors that it leads to."""
    told, waiting, seen = [], [error], set()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        told += [str(each), repr(each), repr(each.args), repr(vars(each))]
        waiting += [each.__cause__, each.__context__]
    return "\n".join([*told, *traceback.format_exception(error)])


@pytest.mark.parametrize(("make", "fault"), FAULTS, ids=lambda each: each.__name__)
def test_a_secret_shows_nowhere_whatever_fails(make, fault, tmp_path, caplog, capfd):
    world, clock = make(130), Clock()
    caplog.set_level(logging.DEBUG)

    def answer(asked):
        return fault(world, asked) or world(asked)

    with serving(answer) as server:
        with pytest.raises(DownloadError) as caught:
            download(
                world.source(server.address), tmp_path / "o", rng=1, tries=2, **clock.arguments
            )
        sent = json.dumps([asked.query for asked in server.asked])
    assert "httpx" in {record.name.split(".")[0] for record in caplog.records}
    files = [path.read_text() for path in tmp_path.iterdir()]
    logged = [record.getMessage() + repr(vars(record)) for record in caplog.records]
    shown = "\n".join([everything_in(caught.value), *logged, *files, sent, *capfd.readouterr()])
    assert not [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize("make", [Acleds, Ucdps])
def test_a_secret_shows_nowhere_when_all_is_well(make, tmp_path, caplog, capsys):
    world = make(130)
    caplog.set_level(logging.DEBUG)
    seen = []
    with serving(world) as server:
        done = download(world.source(server.address), tmp_path / "out", rng=1, progress=seen.append)
        sent = json.dumps([asked.query for asked in server.asked])
    files = [path.read_text() for path in tmp_path.iterdir()]
    logged = [record.getMessage() + repr(vars(record)) for record in caplog.records]
    shown = "\n".join([repr(done), repr(seen), *logged, *files, sent, *capsys.readouterr()])
    assert not [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize("token", ["two words and more", "line\nbreak", "käse-käse-käse"])
def test_a_token_that_no_header_can_carry_is_refused_unshown(token, monkeypatch, tmp_path):
    monkeypatch.setenv("FOXGRAPE_UCDP_TOKEN", token)
    with serving(Ucdps(1)) as server, pytest.raises(DownloadError, match="UCDP_TOKEN cannot") as no:
        download(Ucdps(1).source(server.address), tmp_path / "out")
    assert token not in everything_in(no.value)


@pytest.mark.parametrize("fault", [bad_login, forbidden, repeating, leading_away])
def test_a_secret_shows_nowhere_in_the_shell(fault, tmp_path, capfd):
    world = Acleds(70)
    with serving(lambda asked: fault(world, asked) or world(asked)) as server:
        call = ["fetch", "acled", "--server", server.address, "--out", str(tmp_path / "out")]
        assert run([*call, "--json"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert not [secret for secret in SECRETS if secret in err]


@pytest.mark.parametrize(("name", "more"), [("acled", []), ("ucdp", ["25.1"])])
def test_a_secret_shows_nowhere_in_the_shell_when_all_is_well(name, more, tmp_path, capfd):
    out = tmp_path / "out"
    with serving(WORLDS[name](70)) as server:
        call = ["fetch", name, *more, "--server", server.address, "--out", str(out), "--json"]
        assert run(call) == 0
    shown = "".join([*capfd.readouterr(), out.read_text(encoding="utf-8")])
    assert not [secret for secret in SECRETS if secret in shown]
