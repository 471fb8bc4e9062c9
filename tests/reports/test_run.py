"""Reports: real kernels, real pages in a real browser, and what is left when something fails."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime

import nbformat
import pytest

from foxgrape import open_study, run_report
from foxgrape.cli.app import run
from foxgrape.errors import ParameterError, ReportError
from foxgrape.reports.templates.discovery import find_template, templates
from foxgrape.reports.templates.parameters import validate_parameters
from report_templates import names, printed, template

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build the embedded study's report."""
    return run_report("lead_times", out=tmp_path_factory.mktemp("reports"), now=NOW)


def test_a_run_leaves_page_notebook_and_manifest(built):
    assert (built.status, built.error) == ("done", None)
    assert {file.name for file in built.html.parent.iterdir()} == {
        "report.html",
        "notebook.ipynb",
        "manifest.json",
        "signals.parquet",
        "links.parquet",
        "events.parquet",
        "signals.csv",
        "baseline.csv",
    }
    assert built.html.stat().st_size < 5_500_000, "too large for an e-mail"
    manifest = json.loads(built.manifest.read_text(encoding="utf-8"))
    assert manifest["run_id"] == built.run_id
    assert manifest["built_at"] == "2026-01-01T00:00:00+00:00"
    assert manifest["study"]["sha256"] == dict(open_study().hashes)
    assert manifest["parameters"]["horizon"] == "30D"
    assert set(manifest["versions"]) >= {"python", "foxgrape", "pandas", "papermill", "plotly"}
    # Others may read the report: it is not left with the mode of a temporary folder.
    assert stat.S_IMODE(built.html.parent.stat().st_mode) & stat.S_IROTH


def test_the_page_shows_the_finding_and_no_code(built):
    text = built.html.read_text(encoding="utf-8")
    assert "up to 2 days" in text
    assert "n = 5" in text
    assert "open_study(" not in text
    assert "🍇" in text
    assert "🦊" in text
    assert printed(built.notebook) == "", "a cell warned"


@pytest.mark.browser
def test_every_figure_is_drawn_without_network_requests(built, opened):
    page = opened(built.html)
    figures = page.locator("figure.plot")
    # Timeline, survival curve, map, and the timeline of names.
    assert figures.count() == 4
    for number in range(figures.count()):
        figure = figures.nth(number)
        assert figure.locator(".scatterlayer .trace").count() > 0
        assert len(figure.locator("figcaption").inner_text()) > 40
        assert len(figure.locator(".drawing").get_attribute("aria-label")) > 10
    assert page.requested_urls == [built.html.as_uri()]
    assert page.messages == []


@pytest.mark.browser
def test_censored_signals_are_open_arrows(built, opened):
    page = opened(built.html)
    labels = page.locator("figure.plot").first.locator(".ytick").all_text_contents()
    assert any("🦊 → Lysychansk" in label for label in labels)
    row = page.get_by_role("row").filter(has_text="🦊").first
    assert "more than 30 days" in row.inner_text()
    assert "unconfirmed" in row.inner_text()
    grapes = page.get_by_role("row").filter(has_text="🍇").first
    assert "Izium" in grapes.inner_text()
    open_arrows = page.evaluate(
        "document.querySelector('figure.plot .drawing').data"
        ".filter(trace => trace.marker && trace.marker.symbol === 'triangle-right-open')"
        ".flatMap(trace => trace.x).filter(x => x !== null && !Number.isNaN(x)).length"
    )
    assert open_arrows == 1


@pytest.mark.browser
def test_a_phone_scrolls_tables_and_not_the_page(built, browser):
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(built.html.as_uri())
    page.wait_for_selector("figure.plot .main-svg")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_an_unchanged_run_is_recognised_and_a_forced_one_replaces_it(built):
    before = built.manifest.stat().st_mtime_ns
    again = run_report("lead_times", out=built.html.parents[1])
    assert (again.status, again.run_id) == ("unchanged", built.run_id)
    assert built.manifest.stat().st_mtime_ns == before
    page = built.html.read_bytes()
    forced = run_report("lead_times", out=built.html.parents[1], force=True, now=NOW)
    assert (forced.status, forced.run_id) == ("done", built.run_id)
    assert built.html.read_bytes() == page, "the same run gives the same page"
    assert names(built.html.parents[1]) == {built.run_id, "index.html"}


def test_a_failed_run_is_kept_and_never_replaces_the_good_one(tmp_path, study_copy, capfd):
    out = tmp_path / "out"
    # Outside the study: what a run reads of that is part of its identity.
    fails = f"from pathlib import Path\nif Path({str(tmp_path)!r}, 'fail').exists():\n    1 / 0"
    notebook = template(tmp_path, "mine", "print('fine')", fails)
    study = study_copy
    good = run_report(notebook, study=study, out=out)
    assert good.status == "done"
    page = good.html.read_bytes()

    (tmp_path / "fail").touch()
    options = [str(notebook), "--study", str(study), "--out", str(out), "--force"]
    assert run(["report", "build", *options]) == 1
    assert "ZeroDivisionError" in capfd.readouterr().err
    failed = run_report(notebook, study=study, out=out, force=True)
    assert (failed.status, failed.html) == ("failed", None)
    assert "division by zero" in failed.error
    assert good.html.read_bytes() == page
    content = nbformat.read(failed.notebook, as_version=4)
    assert any(o.output_type == "error" for c in content.cells for o in c.get("outputs", ()))
    assert json.loads(failed.manifest.read_text(encoding="utf-8"))["status"] == "failed"
    assert names(out) == {"failed", good.run_id, "index.html"}


def test_a_notebook_that_calls_sys_exit_is_a_failed_run(tmp_path):
    """Papermill stops there without an error, and half a report counted as done."""
    notebook = template(tmp_path, "exits", "import sys\nsys.exit(0)", "print('end')")
    run = run_report(notebook, out=tmp_path / "reports")
    assert run.status == "failed"
    assert run.error == "cell 3 called sys.exit: the cells after it did not run"


def test_a_notebook_need_not_state_its_language(tmp_path):
    notebook = template(tmp_path, "plain", "print('end')")
    content = nbformat.read(notebook, as_version=4)
    del content.metadata["kernelspec"]["language"]
    nbformat.write(content, notebook)
    assert run_report(notebook, out=tmp_path / "reports").status == "done"


def test_reports_are_not_written_to_a_url(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ReportError, match="to a folder, not to a URL; got 's3://bucket/reports'"):
        run_report("lead_times", out="s3://bucket/reports")
    assert list(tmp_path.iterdir()) == []


def test_a_kernel_that_dies_is_a_failed_run(tmp_path):
    notebook = template(tmp_path, "mine", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    failed = run_report(notebook, out=tmp_path / "out")
    assert failed.status == "failed"
    assert "died" in failed.error


def test_values_reach_the_notebook_exactly(tmp_path):
    notebook = template(tmp_path, "mine", "assert number == 12345678901234567890, number")
    run_ = run_report(notebook, parameters={"number": 12345678901234567890}, out=tmp_path / "out")
    assert run_.error is None


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"horzion": "3D"}, "did you mean 'horizon'"),
        ({"horizon": "soon"}, "a duration such as 30D"),
        ({"horizon": 30}, "a duration such as 30D"),
        ({"clock": "wall"}, "one of confirmed, occurred"),
        ({"baseline": "yes"}, "true or false"),
    ],
)
def test_bad_parameters_are_refused_before_anything_is_written(tmp_path, parameters, message):
    with pytest.raises(ParameterError, match=message):
        run_report("lead_times", parameters=parameters, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_every_template_has_valid_defaults():
    needed = {"account_profile": {"account": "Andriy Yermak"}, "place_brief": {"place": "Izium"}}
    known = templates()
    assert list(known) == [
        "account_profile",
        "chance",
        "lead_times",
        "place_brief",
        "weekly_brief",
    ]
    for known_template in known.values():
        values = needed.get(known_template.name, {})
        assert validate_parameters(known_template, values, now=NOW)
        assert known_template.title
        assert known_template.tags
        assert known_template.description


def test_unknown_templates_and_broken_sidecars_are_named(tmp_path):
    with pytest.raises(ReportError, match="did you mean 'lead_times'"):
        find_template("leadtimes")
    with pytest.raises(ReportError, match=r"there is no such notebook"):
        find_template(tmp_path / "none.ipynb")
    notebook = template(tmp_path, "mine")
    right = "title: A\ndescription: B\nparameters: "
    for text in ("title: [", "title: \udcff", f"{right}{{}}", f"{right}{{properties: {{a: 1}}}}"):
        sidecar = notebook.with_suffix(".yaml")
        sidecar.write_text(text, encoding="utf-8", errors="surrogateescape")
        with pytest.raises(ReportError, match=r"mine\.yaml: cannot read the sidecar") as caught:
            find_template(notebook)
        assert len(str(caught.value).splitlines()) == 1
    notebook.with_suffix(".yaml").unlink()
    with pytest.raises(ReportError, match="the notebook has no sidecar"):
        find_template(notebook)
