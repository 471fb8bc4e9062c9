"""GeoNames' files are downloaded, and a gazetteer is built from them."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from fake_http_server import Reply, serving
from foxgrape.cli.app import run
from foxgrape.errors import DownloadError
from foxgrape.io import geonames
from foxgrape.io.geonames import fetch_geonames

FILES = Path(__file__).parents[2] / "fixtures" / "geonames"


def zipped(name, file):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, (FILES / file).read_bytes())
        archive.writestr("readme.txt", b"a description")
    return content.getvalue()


REPLIES = {
    "/dump/SD.zip": zipped("SD.txt", "SD.txt"),
    "/dump/alternatenames/SD.zip": zipped("SD.txt", "alternate-SD.txt"),
    "/dump/admin1CodesASCII.txt": (FILES / "admin1CodesASCII.txt").read_bytes(),
    "/dump/admin2Codes.txt": b"SD.29.1\tExample\tExample\t9000005\n",
}


def respond(request):
    content = REPLIES.get(request.path)
    return Reply(status=404) if content is None else Reply(content)


def test_files_are_downloaded_once(tmp_path):
    with serving(respond) as server:
        options = {"folder": tmp_path, "server": f"{server.address}/dump/"}
        first = fetch_geonames(["sd"], **options)
        assert {request.path for request in server.requests} == set(REPLIES)
        assert fetch_geonames(["SD"], **options) == first
        assert len(server.requests) == len(REPLIES)
        fetch_geonames(["SD"], refresh=True, **options)
        assert len(server.requests) == 2 * len(REPLIES)
    assert [Path(path).name for path in first.dump] == ["geonames-SD.zip"]
    assert Path(first.dump[0]).read_bytes() == REPLIES["/dump/SD.zip"]
    assert (tmp_path / "geonames-SD.zip.sha256").exists()


def test_a_missing_file_and_a_wrong_code_are_errors(tmp_path):
    with serving(respond) as server, pytest.raises(DownloadError, match="404"):
        fetch_geonames(["TW"], folder=tmp_path, server=f"{server.address}/dump")
    with pytest.raises(DownloadError, match=r"ISO 3166-1.*got '\.\./X'"):
        fetch_geonames(["../x"], folder=tmp_path)


def test_a_gazetteer_is_built_from_the_download(tmp_path, monkeypatch, capsys):
    out = tmp_path / "sudan"
    with serving(respond) as server:
        monkeypatch.setattr(geonames, "_SERVER", f"{server.address}/dump")
        call = ["gazetteer", "build", "--country", "SD", "--from", "geonames", "--out", str(out)]
        assert run([*call, "--folder", str(tmp_path / "data"), "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)
    assert (result["places"], result["named"]["ar"]) == (5, 5)
    assert run(["find", "الخرطوم", "--gazetteer", str(out)]) == 0
    assert "Khartoum, Khartoum" in capsys.readouterr().out


def test_sources_exclude_each_other(tmp_path, capsys):
    call = ["gazetteer", "build", "--country", "SD", "--out", str(tmp_path / "sudan")]
    assert run([*call, "--from", "geonames", "--dump", str(FILES / "SD.txt")]) == 2
    assert "--from and --dump cannot be given together" in capsys.readouterr().err
