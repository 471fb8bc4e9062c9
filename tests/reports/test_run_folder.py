"""Rebuild runs from their manifests, prune them, and serve them."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foxgrape import ReportRequest, Store, open_study, run_report, run_reports
from foxgrape.cli.app import run
from foxgrape.errors import ReportError
from foxgrape.reports import rebuild_report, serve
from foxgrape.reports.plan import Software
from foxgrape.reports.prune import prune
from foxgrape.reports.rendering.page import content_security_policy, render_page, static_text
from foxgrape.reports.run import RebuildResult, _changed_cells, _changed_software
from foxgrape.reports.serve import server
from report_templates import names, printed, template

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    """Create a store with the events of the embedded study."""
    new_store = Store(tmp_path / "mine")
    new_store.upsert("events", open_study().events)
    return new_store


OF_STORE = "store = None\nversions = {}\nnumber = 1"
READS = """
from foxgrape import Store
events = Store(store).read("events", version=versions["events"])
import random
print(len(events), versions, random.random())
events
"""


def test_a_run_of_a_store_is_rebuilt_from_the_versions_it_read(tmp_path, store, capfd):
    reads = template(tmp_path, "reads", READS, first=OF_STORE)
    out = tmp_path / "out"
    first = run_report(reads, store=store.path, out=out)
    assert first.error is None
    size = len(open_study().events)
    assert printed(first.notebook).startswith(f"{size} {{'events': 0}}")
    content = json.loads(first.manifest.read_text(encoding="utf-8"))
    versions = {"events": 0}
    fingerprints = store.fingerprints(versions)
    assert content["store"] == {
        "path": store.path,
        "versions": versions,
        "fingerprints": fingerprints,
    }
    assert run_report(reads, store=store.path, out=out).status == "unchanged"

    store.upsert("events", open_study().events.head(1).assign(event_id="later"))
    second = run_report(reads, store=store.path, out=out)
    assert second.run_id != first.run_id
    assert printed(second.notebook).startswith(f"{size + 1} {{'events': 1}}")

    before = first.notebook.read_bytes()
    assert run(["report", "rebuild", first.run_id, "--out", str(out), "--json"]) == 0
    again = json.loads(capfd.readouterr().out)
    assert (again["same"], again["cells"], again["changed"]) == (True, [], [])
    rebuilt = out / "rebuilt" / first.run_id / "notebook.ipynb"
    assert again["notebook"] == str(rebuilt)
    # The table and the random numbers too.
    assert printed(rebuilt) == printed(first.notebook)
    assert first.notebook.read_bytes() == before

    # Two different runs, and another version of pandas.
    assert _changed_cells(first.notebook, second.notebook) == (3,)
    content["versions"]["pandas"] = "2.9"
    changed = _changed_software(content, Software.here())
    sentence = RebuildResult(second, same=False, cells=(3,), changed=changed).sentence()
    assert sentence.startswith("different output in cell 3; software changed: pandas 2.9 → 3.")


@pytest.mark.parametrize("content", ["{}", "[]", "{", "5", '{"nbformat": 99}', "[" * 100_000])
def test_a_run_with_a_damaged_notebook_is_not_rebuilt(tmp_path, capfd, content):
    out = tmp_path / "out"
    fake(out, "chance", 0)
    run_id = "chance-a-0000"
    (out / run_id / "notebook.ipynb").write_text(content, encoding="utf-8")
    assert run(["report", "rebuild", run_id, "--out", str(out)]) == 1
    err = capfd.readouterr().err
    assert "cannot read the notebook" in err
    assert err.count("\n") == 1
    assert not (out / "rebuilt").exists()


def test_a_run_whose_inputs_changed_cannot_be_rebuilt(tmp_path, study_copy):
    notebook = template(tmp_path, "mine", "print(number)")
    built = run_report(notebook, study=study_copy, out=tmp_path / "out")
    posts = study_copy / "posts.csv"
    original = posts.read_bytes()
    posts.write_bytes(original[: original.rstrip().rindex(b"\n") + 1])
    with pytest.raises(ReportError, match=r"the study has changed since the run: posts\.csv"):
        rebuild_report(built.html.parent)
    posts.write_bytes(original)
    notebook.write_text(
        notebook.read_text(encoding="utf-8").replace("print", "repr"), encoding="utf-8"
    )
    with pytest.raises(ReportError, match="the template has changed since the run"):
        rebuild_report(built.html.parent)
    content = json.loads(built.manifest.read_text(encoding="utf-8"))
    notebook.write_text(
        notebook.read_text(encoding="utf-8").replace("repr", "print"), encoding="utf-8"
    )
    broken = [{name: []} for name in ("parameters", "versions", "code", "study")]
    for manifest in ({}, *(content | fault for fault in broken)):
        built.manifest.write_text(json.dumps(manifest), encoding="utf-8")
        with pytest.raises(ReportError, match="the manifest is incomplete: "):
            rebuild_report(built.html.parent)


def test_a_template_is_not_run_on_data_that_it_does_not_read(tmp_path, store):
    studies_only = template(tmp_path, "studies_only", "1")
    with pytest.raises(ReportError, match="the template studies_only reads no store"):
        run_report(studies_only, store=store.path, out=tmp_path / "out")
    reads = template(tmp_path, "reads", READS, first=OF_STORE)
    with pytest.raises(ReportError, match="the template reads reads no study"):
        run_report(reads, out=tmp_path / "out")
    with pytest.raises(ReportError, match="a study or a store; got 'both'"):
        run_report(reads, store=store.path, study=tmp_path, out=tmp_path / "out")
    with pytest.raises(ReportError, match="the store is empty"):
        run_report(reads, store=tmp_path / "none", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_bad_request_stops_all_before_anything_is_written(tmp_path):
    good = ReportRequest("lead_times", out=tmp_path / "out")
    with pytest.raises(ReportError, match="no such template"):
        run_reports([good, ReportRequest("leadtimes", out=tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def fake(out: Path, name: str, days: int, source: str = "a", status: str = "done") -> None:
    folder = (out if status == "done" else out / "failed") / f"{name}-{source}-{days:04}"
    folder.mkdir(parents=True)
    content = {
        "run_id": folder.name,
        "template": name,
        "built_at": (NOW + timedelta(days=days)).isoformat(),
        "status": status,
        "study": {"name": source, "sha256": {"posts.csv": str(days)}},
    }
    (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")


def test_the_newest_runs_and_the_last_good_run_of_each_source_are_kept(tmp_path):
    for days in range(5):
        fake(tmp_path, "weekly", days)
        fake(tmp_path, "weekly", 10 + days, status="failed")
        fake(tmp_path, "chance", days)
    fake(tmp_path, "weekly", -9, source="old")
    fake(tmp_path, "weekly", -10, source="old")
    (tmp_path / "schedule.toml").touch()
    gone = prune(tmp_path, keep=2, template="weekly")
    assert set(gone) == {
        *(f"weekly-a-{days:04}" for days in range(3)),
        *(f"weekly-a-{days:04}" for days in (10, 11, 12)),
        "weekly-old--010",
    }
    assert names(tmp_path) == {
        *("failed", "schedule.toml", "weekly-a-0003", "weekly-a-0004", "weekly-old--009"),
        "index.html",
        *(f"chance-a-{days:04}" for days in range(5)),
    }
    assert prune(tmp_path, keep=2, template="weekly") == []
    assert run(["report", "prune", "--keep", "0", "--out", str(tmp_path)]) == 2
    with pytest.raises(ReportError, match="keep must be at least 1"):
        prune(tmp_path, keep=0)


@given(
    runs=st.lists(
        st.tuples(st.sampled_from("xy"), st.sampled_from("ab"), st.booleans()), max_size=12
    ),
    keep=st.integers(1, 4),
)
def test_pruning_never_deletes_the_last_good_run(tmp_path_factory, runs, keep):
    out = tmp_path_factory.mktemp("prune")
    for days, (name, source, good) in enumerate(runs):
        fake(out, name, days, source, "done" if good else "failed")
    gone = set(prune(out, keep=keep))
    for name in "xy":
        for source in "ab":
            good = [d for d, entry in enumerate(runs) if entry == (name, source, True)]
            if good:
                assert f"{name}-{source}-{good[-1]:04}" not in gone
        mine = [f"{name}-{run[1]}-{d:04}" for d, run in enumerate(runs) if run[0] == name]
        assert len(gone & set(mine)) <= max(0, len(mine) - keep)


@pytest.fixture
def serving(tmp_path):
    """Serve a folder with a page, a hidden folder, and a link that leads out."""
    out = tmp_path / "reports"
    (out / "run-1").mkdir(parents=True)
    (out / "run-1" / "report.html").write_text("🍇", encoding="utf-8")
    for name in ("notebook.ipynb", "manifest.json", "log.txt"):
        (out / "run-1" / name).write_text("{}", encoding="utf-8")
    (out / ".building-x").mkdir()
    (out / ".building-x" / "report.html").touch()
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    (out / "way-out").symlink_to(tmp_path)
    with server(out, port=0) as http_server:
        thread = threading.Thread(target=http_server.serve_forever)
        thread.start()
        yield http_server.server_address
        http_server.shutdown()
        thread.join()


def ask(where, path, **headers):
    connection = http.client.HTTPConnection(*where, timeout=10)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, body


def test_reports_are_served_with_their_types(serving):
    status, headers, body = ask(serving, "/run-1/report.html")
    assert (status, headers["Content-Type"], body) == (200, "text/html; charset=utf-8", "🍇")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert ask(serving, "/run-1/notebook.ipynb")[1]["Content-Type"] == "application/x-ipynb+json"
    assert ask(serving, "/run-1/manifest.json")[1]["Content-Type"] == "application/json"
    status, headers, body = ask(serving, "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert 'href="run-1/report.html"' in body
    assert ".building-x" not in body


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/run-1/..%2f..%2fsecret.txt",
        "/way-out/secret.txt",
        "/.building-x/report.html",
        "/run-1/",
        "/run-1",
        "/run-1/report.html/",
        "//secret.txt",
    ],
)
def test_nothing_else_is_served(serving, path):
    status, _, body = ask(serving, path)
    assert status == 404
    assert "secret" not in body.replace("secret.txt", "")


def test_malformed_requests_are_rejected(serving, capfd):
    assert ask(serving, "/a%00b")[0] == 400
    assert ask(serving, "/" + "a" * 300)[0] == 400
    assert ask(serving, "/" + "a/" * 5_000)[0] == 400
    assert ask(serving, "/%ff%fe")[0] == 404
    assert ask(serving, "/run-1/report.html", Host="[")[0] == 400
    assert capfd.readouterr().err == ""


def test_the_policy_of_a_page_is_sent_as_a_header(serving, tmp_path):
    page = render_page(nbformat.v4.new_notebook(), title="A", footer={}, assets="../assets")
    scripts = [static_text("downloads.js"), static_text("page.js")]
    policy = content_security_policy(scripts, loads_script=True)
    (tmp_path / "reports" / "run-1" / "report.html").write_text(page, encoding="utf-8")
    sent = ask(serving, "/run-1/report.html")[1]["Content-Security-Policy"]
    assert sent == f"{policy}; frame-ancestors 'none'"
    catalogue = ask(serving, "/")[1]["Content-Security-Policy"]
    assert "script-src 'sha256-" in catalogue
    assert "sandbox" not in catalogue


@pytest.mark.parametrize(
    "policy",
    [
        "default-src *",
        (
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        ),
        (
            "default-src 'none'; script-src 'sha256-AA=' https://evil.example; "
            "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
        ),
    ],
)
def test_other_files_are_sent_with_a_policy_that_runs_nothing(serving, tmp_path, policy):
    page = f'<meta http-equiv="Content-Security-Policy" content="{policy}"><script>1</script>'
    for name in ("report.html", "image.svg"):
        (tmp_path / "reports" / "run-1" / name).write_text(page, encoding="utf-8")
        sent = ask(serving, f"/run-1/{name}")[1]["Content-Security-Policy"]
        assert sent.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
        assert "sandbox" in sent
    assert "sandbox" in ask(serving, "/none")[1]["Content-Security-Policy"]


def test_a_connection_without_traffic_is_closed(serving, monkeypatch, capfd):
    monkeypatch.setattr(serve._Handler, "timeout", 0.2)
    for beginning in (b"", b"GET / HTTP/1.0\r\nHost: local"):
        with socket.create_connection(serving, timeout=10) as connection:
            connection.sendall(beginning)
            assert connection.recv(100) == b""
    assert ask(serving, "/")[0] == 200
    assert capfd.readouterr().err == ""


@pytest.mark.filterwarnings("error")
def test_a_title_with_half_a_surrogate_pair_is_displayed(serving, tmp_path):
    manifest = tmp_path / "reports" / "run-1" / "manifest.json"
    manifest.write_text('{"run_id": "run-1", "title": "half \\ud83d"}', encoding="utf-8")
    status, _, body = ask(serving, "/")
    assert status == 200
    assert "half \ufffd" in body
    assert run(["report", "catalogue", "--out", str(tmp_path / "reports")]) == 0


def test_requests_for_another_host_name_are_rejected(serving):
    assert serving[0] == "127.0.0.1"
    assert ask(serving, "/run-1/report.html", Host="example.org")[0] == 421
    assert ask(serving, "/run-1/report.html", Host="localhost:1")[0] == 200
    with pytest.raises(ReportError, match="cannot listen on"):
        server(".", port=serving[1])
    with pytest.raises(ReportError, match="there is no such folder"):
        server("no-such-folder", port=0)


def test_the_shell_serves_until_it_is_stopped(tmp_path):
    words = ["report", "serve", "--port", "0", "--out", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "foxgrape", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as serving:
        address = serving.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        port = int(address.rstrip("/").rpartition(":")[2])
        assert ask(("127.0.0.1", port), "/")[0] == 200
        serving.terminate()  # not SIGINT, as for schedule run
        assert serving.wait(10) == 0
