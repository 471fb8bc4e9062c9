"""Credentials: tokens are refreshed, and secrets appear nowhere, whatever fails."""

from __future__ import annotations

import base64
import html
import json
import logging
import stat
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from fake_apis import FAKE_APIS, PASSWORD, TOKEN, USER, FakeAcled, FakeClock, FakeUcdp, truncated
from fake_http_server import Reply, json_reply, serving
from foxgrape._util.secrets import SecretFilter
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


def escaped(text: str) -> str:
    """Return the JSON escape of each character."""
    units = text.encode("utf-16-be")
    return "".join(f"\\u{units[n] << 8 | units[n + 1]:04X}" for n in range(0, len(units), 2))


#: Usual notations of a text.
NOTATIONS = {
    "plain": str,
    "json": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json in json": lambda text: json.dumps(json.dumps(text))[2:-2],
    "slash": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "escapes": escaped,
    "percent": quote,
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "form": lambda text: quote(text, safe="").replace("%20", "+").lower(),
    "html": html.escape,
    "html in html": lambda text: html.escape(html.escape(text)),
    "references": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    "hexadecimal references": lambda text: "".join(f"&#x{ord(sign):X};" for sign in text),
    "bytes": lambda text: repr(text.encode())[2:-1],
    "hexadecimal": lambda text: text.encode().hex().upper(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 with a name": lambda text: base64.b64encode(f"me:{text}!".encode()).decode(),
    "base64 of a query": lambda text: base64.urlsafe_b64encode(f"x={text}&y".encode()).decode(),
    "base64 in json": lambda text: base64.b64encode(text.encode()).decode().replace("/", r"\/"),
}


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("secret", [PASSWORD, TOKEN, "a/b+c?d>e~f", "p\"a's<s>&w\\o🍇rd", "ÿþ/ÿ?ÿ"])
def test_a_secret_is_found_and_redacted_in_any_notation(secret, notation):
    written, hidden = NOTATIONS[notation](secret), SecretFilter([secret])
    assert hidden.found_in(f"x {written} y".encode())
    redacted = hidden.redact(f"x {written} y")
    assert redacted.startswith("x ")
    assert redacted.endswith(" y")
    assert "..." in redacted
    # In base64, up to three characters before the secret and six behind it may stay.
    assert len(redacted) <= len("x ... y") + 9
    assert not hidden.found_in(redacted.encode())


@pytest.mark.parametrize("text", ["", "x", "the data", "hunter", "aHVudGVy", "68756e746572"])
def test_other_text_is_neither_found_nor_redacted(text):
    hidden = SecretFilter(["hunter2", "", "\n"])
    assert not hidden.found_in(text.encode())
    assert hidden.redact(text) == text


@pytest.mark.parametrize("notation", ["plain", "slash", "escapes", "percent", "base64"])
@pytest.mark.parametrize("fake", [FakeAcled, FakeUcdp])
def test_a_response_that_repeats_a_credential_is_not_kept(fake, notation, tmp_path, capfd):
    """The answer is otherwise valid, so that only the check keeps it out of the file."""
    api, secret = fake(20), PASSWORD if fake is FakeAcled else TOKEN

    def respond(request):
        reply = api(request)
        if request.method == "GET":
            # Not by json.dumps, which would add another level of quoting.
            written = NOTATIONS[notation](secret).encode()
            key = b'"data":' if fake is FakeAcled else b'"Result":'
            at = reply.body.index(key)
            return Reply(reply.body[:at] + b'"debug": "' + written + b'", ' + reply.body[at:])
        return reply

    name, more = ("acled", []) if fake is FakeAcled else ("ucdp", ["25.1"])
    with serving(respond) as server:
        call = ["fetch", name, *more, "--server", server.address, "--out", str(tmp_path / "out")]
        assert run(call) == 1
    assert "contains your credentials; it was not kept" in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such modes")
@pytest.mark.parametrize(("name", "mode"), [("acled", 0o600), ("mastodon", 0o644)])
def test_a_file_downloaded_with_credentials_is_private(name, mode, tmp_path):
    api, seen = FAKE_APIS[name](130), []

    def look(_progress):
        seen.extend((path.name, stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.iterdir())

    with serving(api) as server:
        download(api.source(server.address), tmp_path / "out", progress=look)
    assert {shown for _, shown in seen} == {0o600}
    assert {name for name, _ in seen} == {"out.part", "out.part.json"}
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == mode


def test_a_download_does_not_write_through_a_link(tmp_path):
    target, api = tmp_path / "mine.txt", FakeUcdp(10)
    target.write_text("mine", encoding="utf-8")
    for name in ("out.part", "out.part.json", "out.part.json.new"):
        Path(tmp_path / name).symlink_to(target)
        with serving(api) as server, suppress(DownloadError):
            download(api.source(server.address), tmp_path / "out")
        assert target.read_text(encoding="utf-8") == "mine"
        (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / "out").unlink(missing_ok=True)
