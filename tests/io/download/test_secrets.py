"""Credentials: tokens are refreshed, and secrets appear nowhere, whatever fails."""

from __future__ import annotations

import json
import logging
import traceback

import pytest

from fake_apis import FAKE_APIS, PASSWORD, TOKEN, USER, FakeAcled, FakeClock, FakeUcdp, truncated
from fake_http_server import Reply, json_reply, serving
from foxgrape.cli.app import run
from foxgrape.errors import DownloadError
from foxgrape.io.download import download

pytestmark = pytest.mark.usefixtures("credentials")

#: Must not appear anywhere, in any encoding.
SECRETS = [
    *(USER, PASSWORD, TOKEN, "a+password", "a%20password", "100%25", "k%C3%A4se", "käse"),
    *("access-token-", "refresh-token-"),
]


def test_an_expired_access_token_is_renewed_with_the_refresh_token(tmp_path):
    api, n_requests = FakeAcled(600), [0]

    def respond(request):
        if request.path == "/api/acled/read":
            n_requests[0] += 1
            if n_requests[0] in {4, 9}:
                api.access.append("expired")
        return api(request)

    with serving(respond) as server:
        result = download(api.source(server.address), tmp_path / "out")
    assert result.items == 600
    assert api.grants == ["password", "refresh_token", "refresh_token"]


def test_a_token_is_renewed_before_its_stated_expiry(tmp_path):
    api, clock = FakeAcled(300), FakeClock()
    api.token_lifetime = 100

    def respond(request):
        clock.time += 30
        return api(request)

    with serving(respond) as server:
        download(api.source(server.address), tmp_path / "out", policy=clock.policy())
    assert api.grants[0] == "password"
    assert len(api.grants) > 2
    assert set(api.grants[1:]) == {"refresh_token"}


def test_the_password_is_used_when_the_refresh_token_has_expired_too(tmp_path):
    api, n_requests = FakeAcled(300), [0]

    def respond(request):
        if request.path == "/api/acled/read":
            n_requests[0] += 1
            if n_requests[0] == 3:
                api.access.append("expired")
                api.refresh.append("expired")
        return api(request)

    with serving(respond) as server:
        assert download(api.source(server.address), tmp_path / "out").items == 300
    assert api.grants == ["password", "refresh_token", "password"]


def bad_login(_api, request):
    return Reply(json.dumps(request.form).encode(), 400) if request.method == "POST" else None


def forbidden(_api, request):
    echo = json.dumps(request.headers).encode()
    return Reply(echo, 403) if request.method == "GET" else None


def always_401(_api, request):
    return (
        Reply(request.headers.get("authorization", "").encode(), 401)
        if request.method == "GET"
        else None
    )


def broken_token(_api, request):
    return json_reply({"access_token": "access-token-\n1"}) if request.method == "POST" else None


def no_token(_api, request):
    return json_reply({"message": request.form}) if request.method == "POST" else None


def echoing(_api, request):
    return json_reply({"data": [], "debug": request.headers}) if request.method == "GET" else None


def redirecting_away(_api, request):
    echo = request.headers.get("authorization", request.headers.get("x-ucdp-access-token", ""))
    return Reply(status=307, headers={"location": f"http://{echo.split(' ')[-1]}.example/{echo}"})


def redirecting_in_circles(_api, request):
    echo = request.headers.get("authorization", request.headers.get("x-ucdp-access-token", ""))
    headers = {"location": f"/again?echo={echo.split(' ')[-1]}", "set-cookie": f"session={echo}"}
    return Reply(status=302, headers=headers) if request.method == "GET" else None


def always_failing(_api, request):
    return Reply(json.dumps(request.headers).encode(), 500)


def always_truncated(api, request):
    return truncated(api(request))


LOGIN = [bad_login, broken_token, no_token]
ANY = [
    *(forbidden, always_401, echoing, redirecting_away, redirecting_in_circles),
    *(always_failing, always_truncated),
]
FAULTS = [(FakeAcled, fault) for fault in [*LOGIN, *ANY]] + [(FakeUcdp, fault) for fault in ANY]


def full_text_of(error: BaseException) -> str:
    """Return the text of an error, of its causes and contexts, and its traceback."""
    texts, pending, seen = [], [error], set()
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        texts += [str(current), repr(current), repr(current.args), repr(vars(current))]
        pending += [current.__cause__, current.__context__]
    return "\n".join([*texts, *traceback.format_exception(error)])


@pytest.mark.parametrize(("fake", "fault"), FAULTS, ids=lambda value: value.__name__)
def test_no_failure_reveals_a_secret(fake, fault, tmp_path, caplog, capfd):
    api, clock = fake(130), FakeClock()
    caplog.set_level(logging.DEBUG)

    def respond(request):
        return fault(api, request) or api(request)

    with serving(respond) as server:
        with pytest.raises(DownloadError) as caught:
            download(
                api.source(server.address), tmp_path / "o", policy=clock.policy(max_attempts=2)
            )
        sent = json.dumps([request.query for request in server.requests])
    assert "httpx" in {record.name.split(".")[0] for record in caplog.records}
    files = [path.read_text() for path in tmp_path.iterdir()]
    logged = [record.getMessage() + repr(vars(record)) for record in caplog.records]
    output = "\n".join([full_text_of(caught.value), *logged, *files, sent, *capfd.readouterr()])
    assert not [secret for secret in SECRETS if secret in output]


@pytest.mark.parametrize("fake", [FakeAcled, FakeUcdp])
def test_a_successful_download_reveals_no_secret(fake, tmp_path, caplog, capsys):
    api = fake(130)
    caplog.set_level(logging.DEBUG)
    seen = []
    with serving(api) as server:
        result = download(api.source(server.address), tmp_path / "out", progress=seen.append)
        sent = json.dumps([request.query for request in server.requests])
    files = [path.read_text() for path in tmp_path.iterdir()]
    logged = [record.getMessage() + repr(vars(record)) for record in caplog.records]
    output = "\n".join([repr(result), repr(seen), *logged, *files, sent, *capsys.readouterr()])
    assert not [secret for secret in SECRETS if secret in output]


@pytest.mark.parametrize("token", ["two words and more", "line\nbreak", "käse-käse-käse"])
def test_a_token_that_no_header_can_carry_is_rejected_without_showing_it(
    token, monkeypatch, tmp_path
):
    monkeypatch.setenv("FOXGRAPE_UCDP_TOKEN", token)
    with (
        serving(FakeUcdp(1)) as server,
        pytest.raises(DownloadError, match="UCDP_TOKEN must be printable ASCII") as no,
    ):
        download(FakeUcdp(1).source(server.address), tmp_path / "out")
    assert token not in full_text_of(no.value)


@pytest.mark.parametrize("fault", [bad_login, forbidden, echoing, redirecting_away])
def test_no_failure_in_the_shell_reveals_a_secret(fault, tmp_path, capfd):
    api = FakeAcled(70)
    with serving(lambda request: fault(api, request) or api(request)) as server:
        call = ["fetch", "acled", "--server", server.address, "--out", str(tmp_path / "out")]
        assert run([*call, "--json"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert not [secret for secret in SECRETS if secret in err]


@pytest.mark.parametrize(("name", "more"), [("acled", []), ("ucdp", ["25.1"])])
def test_a_successful_download_in_the_shell_reveals_no_secret(name, more, tmp_path, capfd):
    out = tmp_path / "out"
    with serving(FAKE_APIS[name](70)) as server:
        call = ["fetch", name, *more, "--server", server.address, "--out", str(out), "--json"]
        assert run(call) == 0
    output = "".join([*capfd.readouterr(), out.read_text(encoding="utf-8")])
    assert not [secret for secret in SECRETS if secret in output]
