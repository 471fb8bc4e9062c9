"""Public data sets: a registry without gaps, files that are whole and right or not there."""

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
from foxgrape.io.download.http import validate_server

ROOT = Path(__file__).parents[2]
CONTENT = "oblast,started_at\r\nХарківська,2022-09-10\r\n".encode() * 5_000
HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Put a registry of our own in place, with one file of ours in it."""

    def put(address, checksum):
        publisher = dict.fromkeys(("home", "licence", "licence_url", "citation"), "of ours")
        entry = {
            "publisher": "us",
            "what": "a test",
            "url": f"{address}/data/a.csv",
            "file": "a.csv",
            "format": "none",
            "checksum": checksum,
            "known": "all",
        }
        lines = ["[publishers.us]", *(f"{key} = {json.dumps(publisher[key])}" for key in publisher)]
        lines += ["[sets.ours]", "checked = true"]
        lines += [f"{key} = {json.dumps(entry[key])}" for key in entry]
        file = tmp_path / "registry.toml"
        file.write_text("\n".join(lines), encoding="utf-8")
        monkeypatch.setattr(datasets, "_REGISTRY", file)

    return put


@pytest.mark.parametrize("entry", list_datasets().values(), ids=lambda entry: entry.name)
def test_every_entry_says_all_that_it_must(entry):
    assert entry.name == entry.name.lower()
    assert all((entry.what, entry.licence, entry.citation, entry.known))
    for address in (entry.url, entry.home, entry.licence_url):
        validate_server("/".join(address.split("/")[:3]))
        assert address.startswith("https://")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}|none: \w.{10,}", entry.checksum)
    assert (entry.sha256 is None) == entry.checksum.startswith("none")
    assert re.fullmatch(r"[\w.-]+\.(csv|json|zip)", entry.file)
    assert entry.format == "none" or entry.format.isidentifier()
    if "githubusercontent" in entry.url:
        pinned = re.search(r"/[0-9a-f]{40}/", entry.url)
        assert pinned or entry.sha256 is None, "what is not pinned may change"
    if not entry.checked:
        assert re.match(r"\d{4}-\d\d-\d\d: ", entry.known), "when and why it was not checked"
    assert entry.licence in entry.attribution
    assert entry.citation in entry.attribution


def test_names_of_files_are_their_own():
    names = [entry.file for entry in list_datasets().values()]
    assert len({*names}) == len(names)


@pytest.mark.real
@pytest.mark.parametrize("kind", ["personnel", "equipment"])
def test_checksums_are_those_of_the_files_at_hand(kind, real_data):
    content = (real_data / f"russia_losses/russia_losses_{kind}.json").read_bytes()
    assert list_datasets()[f"losses-{kind}"].sha256 == hashlib.sha256(content).hexdigest()


def test_the_page_is_what_the_registry_makes_it():
    done = subprocess.run(
        [sys.executable, "scripts/build_datasets_page.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text = (ROOT / "docs/reference/datasets.md").read_text(encoding="utf-8")
    assert [*re.findall(r"^### (.*)", text, re.MULTILINE)] == [*list_datasets()]
    (python,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    compile(python, "docs/reference/datasets.md", "exec")
    for call in re.findall(r"^\$ foxgrape (.*)$", text, re.MULTILINE):
        assert run([*call.split(), "--help"]) == 0


def test_a_file_is_fetched_once_and_checked_each_time(registry, tmp_path):
    with serving(lambda _: Reply(CONTENT)) as server:
        registry(server.address, f"sha256:{HASH}")
        first, again = (fetch("ours", folder=tmp_path / "data") for _ in range(2))
        assert first == again
        assert len(server.asked) == 1
        Path(first.path).write_bytes(b"touched")
        assert fetch("ours", folder=tmp_path / "data") == first
        assert len(server.asked) == 2
    assert Path(first.path).read_bytes() == CONTENT
    assert first.sha256 == HASH
    assert list(first.to_frame()["licence"]) == ["of ours"]
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["a.csv"]


def test_another_file_than_the_one_that_was_meant_is_not_kept(registry, tmp_path):
    with serving(lambda _: Reply(b"<html>moved</html>")) as server:
        registry(server.address, f"sha256:{HASH}")
        got = hashlib.sha256(b"<html>moved</html>").hexdigest()
        with pytest.raises(DownloadError, match=f"expected SHA-256 {HASH}; got '{got}'") as caught:
            fetch("ours", folder=tmp_path / "data")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "data").iterdir()) == []


def faulty(faults):
    return lambda _: faults.pop(0) if faults else Reply(CONTENT)


@pytest.mark.parametrize("checksum", [f"sha256:{HASH}", "none: it is rewritten"])
@pytest.mark.parametrize(
    "fault", [Reply(CONTENT, cut=70_000), Reply(b"x" * 99, 503)], ids=["cut", "busy"]
)
def test_a_file_that_is_cut_off_is_asked_for_again(fault, checksum, registry, tmp_path):
    slept = []
    with serving(faulty([fault, fault])) as server:
        registry(server.address, checksum)
        done = fetch("ours", folder=tmp_path / "data", rng=1, sleep=slept.append)
    assert len(slept) == 2
    assert Path(done.path).read_bytes() == CONTENT
    assert done.sha256 == HASH


@pytest.mark.parametrize("checksum", [f"sha256:{HASH}", "none: it is rewritten"])
@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(CONTENT, cut=70_000), "failed after 2 tries: its answer is cut off or broken"),
        (Reply(status=404), "refused the request: 404 Not Found"),
        (
            Reply(status=302, headers={"location": "http://a.example/"}),
            "redirects to a.example, which is not followed",
        ),
    ],
)
def test_a_file_that_cannot_be_had_leaves_nothing(reply, words, checksum, registry, tmp_path):
    with serving(lambda _: reply) as server:
        registry(server.address, checksum)
        with pytest.raises(DownloadError, match=words):
            fetch("ours", folder=tmp_path / "data", tries=2, sleep=lambda _: None)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_file_without_a_checksum_is_noted_and_told_of_when_it_changes(registry, tmp_path):
    content = [CONTENT]
    with serving(lambda _: Reply(content[0])) as server:
        registry(server.address, "none: it is rewritten")
        folder = tmp_path / "data"
        assert fetch("ours", folder=folder).changed_from is None
        note = folder / "a.csv.sha256"
        assert note.read_text(encoding="utf-8") == f"{HASH}  a.csv\n"
        assert fetch("ours", folder=folder, refresh=True).changed_from is None
        content[0] = CONTENT + b"and more"
        assert fetch("ours", folder=folder).sha256 == HASH
        with pytest.warns(UserWarning, match="the publisher changed it: SHA-256 was"):
            fresh = fetch("ours", folder=folder, refresh=True)
        assert (fresh.changed_from, Path(fresh.path).read_bytes()) == (HASH, content[0])
        Path(fresh.path).write_bytes(b"touched")
        with pytest.warns(UserWarning, match="it was changed here"):
            assert fetch("ours", folder=folder).changed_from == fresh.sha256
        (folder / "a.csv.new").write_bytes(b"left behind by a call that was killed")
        with pytest.warns(UserWarning, match="the publisher changed it"):
            assert fetch("ours", folder=folder, refresh=True).sha256 == fresh.sha256
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "a.csv.sha256"]


def test_a_refresh_that_fails_leaves_the_file_of_before(registry, tmp_path):
    replies = [Reply(CONTENT), Reply(b"gone", 410)]
    with serving(lambda _: replies.pop(0)) as server:
        registry(server.address, "none: it is rewritten")
        done = fetch("ours", folder=tmp_path / "data")
        with pytest.raises(DownloadError, match="410"):
            fetch("ours", folder=tmp_path / "data", refresh=True)
    assert Path(done.path).read_bytes() == CONTENT


def test_plain_http_is_not_spoken_with_others(registry, tmp_path):
    registry("http://data.example", "none: it is rewritten")
    with pytest.raises(DownloadError, match="the server address cannot be used"):
        fetch("ours", folder=tmp_path / "data")


def test_where_data_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("FOXGRAPE_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    assert data_folder(tmp_path / "mine") == tmp_path / "mine"
    monkeypatch.delenv("FOXGRAPE_DATA")
    assert data_folder().name == "foxgrape"


def test_a_folder_that_is_none_is_one_line(registry, tmp_path):
    (tmp_path / "data").write_text("a file")
    registry("http://127.0.0.1:9", f"sha256:{HASH}")
    with pytest.raises(DownloadError, match="cannot be written"):
        fetch("ours", folder=tmp_path / "data")


def test_the_shell_lists_and_fetches(registry, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FOXGRAPE_DATA", str(tmp_path / "data"))
    assert run(["data", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in told] == [*list_datasets()]
    assert {each["here"] for each in told} == {None}
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
        assert json.loads(out)["changed_from"] == HASH
        assert len(err.strip().splitlines()) == 1
        assert run(["data", "list"]) == 0
        assert "yes" in capsys.readouterr().out
        registry(server.address, f"sha256:{HASH}")
        assert run(["data", "fetch", "ours"]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "has the wrong checksum" in line
    assert run(["data", "fetch", "nothing"]) == 1
    assert run(["data", "fetch"]) == 2
