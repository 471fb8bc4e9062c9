"""Halves of surrogate pairs, in JSON and in file names that are not UTF-8: no tracebacks."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from foxgrape import Store, new_study, open_study, read_posts, run_report
from foxgrape._util.files import study_folder
from foxgrape.cli.app import run
from foxgrape.detection.batch import detect_all
from foxgrape.errors import ParameterError, ReportError, StoreError
from foxgrape.reports.plan import ReportRequest, Software, plan
from report_templates import SIDECAR, template

#: The name of a file that is not UTF-8, as Python represents it.
BAD = "a\udcff"
SOURCE = study_folder("izium-2022")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="all names are Unicode")


def test_a_study_with_half_a_pair_in_its_title_is_reported_on(study_copy, tmp_path, capfd):
    package = json.loads((study_copy / "datapackage.json").read_text(encoding="utf-8"))
    package |= {"title": "half \ud83d", "name": "\ud83d"}
    (study_copy / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    assert open_study(study_copy).title == "half \ufffd"
    notebook, out = template(tmp_path, "mine", "number"), tmp_path / "out"
    sidecar = SIDECAR.replace("title: A test", 'title: "also \\ud83d"')
    notebook.with_suffix(".yaml").write_text(sidecar, encoding="utf-8")
    built = run_report(notebook, study=study_copy, out=out)
    assert built.error is None
    for page in (built.html, out / "index.html"):
        assert "also \ufffd: half \ufffd" in page.read_text(encoding="utf-8")
    schedule = tmp_path / "schedule.toml"
    schedule.write_text(
        'timezone = "UTC"\n[[report]]\nname = "daily"\ncron = "0 7 * * *"\nstart = 2022-09-10\n'
        f'template = "{notebook}"\nstudy = "{study_copy}"\n',
        encoding="utf-8",
    )
    words = ["report", "due", "--schedule", str(schedule), "--out", str(out)]
    assert run([*words, "--now", "2022-09-10T12:00Z"]) == 0
    assert capfd.readouterr().err == ""


@on_linux
def test_posts_in_a_file_whose_name_is_not_utf8_are_read(tmp_path):
    file = Path(shutil.copy(SOURCE / "posts.csv", tmp_path / f"{BAD}.csv"))
    assert len(read_posts(file)) == 61
    assert set(read_posts([file, SOURCE / "posts.csv"])["source_file"]) == {"a\ufffd.csv"}
    new_study(tmp_path / BAD, posts=[file], events=[SOURCE / "events.csv"])
    assert open_study(tmp_path / BAD).title == "a\ufffd"
    assert run(["ingest", "posts", str(file), "--store", str(tmp_path / "store")]) == 0


@on_linux
def test_other_paths_must_be_utf8(tmp_path):
    shutil.copytree(SOURCE, tmp_path / BAD)
    software = Software("", {}, None)
    for request in (
        ReportRequest("lead_times", tmp_path / BAD),
        ReportRequest("lead_times", out=tmp_path / BAD),
    ):
        with pytest.raises(ReportError, match="the path is not UTF-8"):
            plan(request, software)
    with pytest.raises(StoreError, match="the path is not UTF-8"):
        Store(tmp_path / BAD)
    for source, out in ((tmp_path / BAD, tmp_path), (tmp_path, tmp_path / BAD)):
        with pytest.raises(StoreError, match="the path is not UTF-8"):
            detect_all(source, out)


def test_a_parameter_must_be_utf8():
    request = ReportRequest("lead_times", parameters={"horizon": "30D\udcff"})
    with pytest.raises(ParameterError, match="bad value for the parameter horizon"):
        plan(request, Software("", {}, None))
