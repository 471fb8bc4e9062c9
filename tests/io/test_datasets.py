"""Public data sets: complete registry entries, and files that are verified or not kept."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fake_http_server import Reply, serving
from foxgrape.cli.app import run
from foxgrape.errors import DownloadError
from foxgrape.io import datasets
from foxgrape.io.datasets import data_folder, fetch, list_datasets
from foxgrape.io.download.http import RetryPolicy, validate_server

ROOT = Path(__file__).parents[2]
CONTENT = "oblast,started_at\r\nХарківська,2022-09-10\r\n".encode() * 5_000
HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Replace the registry by one with a single test file."""

    def put(address, checksum):
        publisher = dict.fromkeys(("homepage", "licence", "licence_url", "citation"), "of ours")
        entry = {
            "publisher": "us",
            "description": "a test",
            "url": f"{address}/data/a.csv",
            "filename": "a.csv",
            "format": "none",
            "checksum": checksum,
            "url_note": "all",
        }
        lines = ["[publishers.us]", *(f"{key} = {json.dumps(publisher[key])}" for key in publisher)]
        lines += ["[sets.ours]", "url_checked = true"]
        lines += [f"{key} = {json.dumps(entry[key])}" for key in entry]
        file = tmp_path / "registry.toml"
        file.write_text("\n".join(lines), encoding="utf-8")
        monkeypatch.setattr(datasets, "_REGISTRY", file)

    return put


@pytest.mark.parametrize("entry", list_datasets().values(), ids=lambda entry: entry.name)
def test_every_entry_is_complete(entry):
    assert entry.name == entry.name.lower()
    assert all((entry.description, entry.licence, entry.citation, entry.url_note))
    for address in (entry.url, entry.homepage, entry.licence_url):
        validate_server("/".join(address.split("/")[:3]))
        assert address.startswith("https://")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}|none: \w.{10,}", entry.checksum)
    assert (entry.sha256 is None) == entry.checksum.startswith("none")
    assert re.fullmatch(r"[\w.-]+\.(csv|json|zip)", entry.filename)
    assert entry.format == "none" or entry.format.isidentifier()
    if "githubusercontent" in entry.url:
        pinned = re.search(r"/[0-9a-f]{40}/", entry.url)
        assert pinned or entry.sha256 is None, "a file without a pinned commit may change"
    if not entry.url_checked:
        assert re.match(r"\d{4}-\d\d-\d\d: ", entry.url_note), "when and why it was not checked"
    assert entry.licence in entry.attribution
    assert entry.citation in entry.attribution


def test_filenames_are_unique():
    names = [entry.filename for entry in list_datasets().values()]
    assert len({*names}) == len(names)


@pytest.mark.real
@pytest.mark.parametrize("kind", ["personnel", "equipment"])
def test_checksums_match_real_files(kind, real_data):
    content = (real_data / f"russia_losses/russia_losses_{kind}.json").read_bytes()
    assert list_datasets()[f"losses-{kind}"].sha256 == hashlib.sha256(content).hexdigest()


def test_the_page_matches_the_registry():
    result = subprocess.run(
        [sys.executable, "scripts/build_datasets_page.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    text = (ROOT / "docs/reference/datasets.md").read_text(encoding="utf-8")
    assert [*re.findall(r"^### (.*)", text, re.MULTILINE)] == [*list_datasets()]
    (python,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    compile(python, "docs/reference/datasets.md", "exec")
    for call in re.findall(r"^\$ foxgrape (.*)$", text, re.MULTILINE):
        assert run([*call.split(), "--help"]) == 0


def test_a_file_is_downloaded_once_and_verified_on_each_use(registry, tmp_path):
    with serving(lambda _: Reply(CONTENT)) as server:
        registry(server.address, f"sha256:{HASH}")
        first, second = (fetch("ours", folder=tmp_path / "data") for _ in range(2))
        assert first == second
        assert len(server.requests) == 1
        Path(first.path).write_bytes(b"edited")
        assert fetch("ours", folder=tmp_path / "data") == first
        assert len(server.requests) == 2
    assert Path(first.path).read_bytes() == CONTENT
    assert first.sha256 == HASH
    assert list(first.to_frame()["licence"]) == ["of ours"]
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["a.csv"]


def test_a_file_with_the_wrong_checksum_is_not_kept(registry, tmp_path):
    with serving(lambda _: Reply(b"<html>moved</html>")) as server:
        registry(server.address, f"sha256:{HASH}")
        got = hashlib.sha256(b"<html>moved</html>").hexdigest()
        with pytest.raises(DownloadError, match=f"expected SHA-256 {HASH}; got '{got}'") as caught:
            fetch("ours", folder=tmp_path / "data")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "data").iterdir()) == []


def failing_first(faults):
    return lambda _: faults.pop(0) if faults else Reply(CONTENT)


@pytest.mark.parametrize("checksum", [f"sha256:{HASH}", "none: it is rewritten"])
@pytest.mark.parametrize(
    "fault", [Reply(CONTENT, cut=70_000), Reply(b"x" * 99, 503)], ids=["cut", "busy"]
)
def test_a_failed_download_is_retried(fault, checksum, registry, tmp_path):
    slept = []
    with serving(failing_first([fault, fault])) as server:
        registry(server.address, checksum)
        result = fetch("ours", folder=tmp_path / "data", policy=RetryPolicy(sleep=slept.append))
    assert len(slept) == 2
    assert Path(result.path).read_bytes() == CONTENT
    assert result.sha256 == HASH


@pytest.mark.parametrize("checksum", [f"sha256:{HASH}", "none: it is rewritten"])
@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            Reply(CONTENT, cut=70_000),
            "failed after 2 tries: the response is incomplete or malformed",
        ),
        (Reply(status=404), "refused the request: 404 Not Found"),
        (
            Reply(status=302, headers={"location": "http://a.example/"}),
            "redirects to a.example, which is not followed",
        ),
    ],
)
def test_a_download_that_keeps_failing_leaves_no_file(reply, message, checksum, registry, tmp_path):
    with serving(lambda _: reply) as server:
        registry(server.address, checksum)
        with pytest.raises(DownloadError, match=message):
            fetch(
                "ours",
                folder=tmp_path / "data",
                policy=RetryPolicy(max_attempts=2, sleep=lambda _: None),
            )
    assert list((tmp_path / "data").iterdir()) == []


def test_a_change_of_a_file_without_a_registered_checksum_is_reported(registry, tmp_path):
    content = [CONTENT]
    with serving(lambda _: Reply(content[0])) as server:
        registry(server.address, "none: it is rewritten")
        folder = tmp_path / "data"
        assert fetch("ours", folder=folder).previous_sha256 is None
        note = folder / "a.csv.sha256"
        assert note.read_text(encoding="utf-8") == f"{HASH}  a.csv\n"
        assert fetch("ours", folder=folder, refresh=True).previous_sha256 is None
        content[0] = CONTENT + b"and more"
        assert fetch("ours", folder=folder).sha256 == HASH
        with pytest.warns(UserWarning, match="the file was changed by its publisher; SHA-256 was"):
            refreshed = fetch("ours", folder=folder, refresh=True)
        assert (refreshed.previous_sha256, Path(refreshed.path).read_bytes()) == (HASH, content[0])
        Path(refreshed.path).write_bytes(b"edited")
        with pytest.warns(UserWarning, match="changed on this computer"):
            assert fetch("ours", folder=folder).previous_sha256 == refreshed.sha256
        (folder / ".a.csv.999999999.part").write_bytes(b"from a call that was killed")
        with pytest.warns(UserWarning, match="changed by its publisher"):
            assert fetch("ours", folder=folder, refresh=True).sha256 == refreshed.sha256
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "a.csv.sha256"]


def test_a_failed_refresh_keeps_the_old_file(registry, tmp_path):
    replies = [Reply(CONTENT), Reply(b"gone", 410)]
    with serving(lambda _: replies.pop(0)) as server:
        registry(server.address, "none: it is rewritten")
        result = fetch("ours", folder=tmp_path / "data")
        with pytest.raises(DownloadError, match="410"):
            fetch("ours", folder=tmp_path / "data", refresh=True)
    assert Path(result.path).read_bytes() == CONTENT


def test_plain_http_to_another_host_is_rejected(registry, tmp_path):
    registry("http://data.example", "none: it is rewritten")
    with pytest.raises(DownloadError, match="the server address cannot be used"):
        fetch("ours", folder=tmp_path / "data")


def test_the_data_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("FOXGRAPE_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    assert data_folder(tmp_path / "mine") == tmp_path / "mine"
    monkeypatch.delenv("FOXGRAPE_DATA")
    assert data_folder().name == "foxgrape"


def test_a_data_folder_that_is_a_file_is_an_error(registry, tmp_path):
    (tmp_path / "data").write_text("a file")
    registry("http://127.0.0.1:9", f"sha256:{HASH}")
    with pytest.raises(DownloadError, match="cannot be written"):
        fetch("ours", folder=tmp_path / "data")


def test_the_shell_lists_and_fetches_data_sets(registry, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FOXGRAPE_DATA", str(tmp_path / "data"))
    assert run(["data", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [*list_datasets()]
    assert {row["here"] for row in rows} == {None}
    content = [CONTENT]
    with serving(lambda _: Reply(content[0])) as server:
        registry(server.address, "none: it is rewritten")
        assert run(["data", "fetch", "ours"]) == 0
        out, err = capsys.readouterr()
        assert str(tmp_path / "data/a.csv") in out
        assert out.count("of ours") == 4
        assert err == ""
        content[0] = b"another"
        assert run(["data", "fetch", "ours", "--refresh", "--json"]) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["previous_sha256"] == HASH
        assert len(err.strip().splitlines()) == 1
        assert run(["data", "list"]) == 0
        assert "yes" in capsys.readouterr().out
        registry(server.address, f"sha256:{HASH}")
        assert run(["data", "fetch", "ours"]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "has the wrong checksum and was deleted" in line
    assert run(["data", "fetch", "nothing"]) == 1
    assert run(["data", "fetch"]) == 2
