"""Build every template from a study and a store, open the pages in a browser, add new templates."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from foxgrape import ReportRequest, Store, open_study, run_report, run_reports
from foxgrape.cli.app import run
from foxgrape.errors import ReportError
from foxgrape.reports.templates.discovery import find_template, new_template
from report_templates import printed

WANTED = {
    "account_profile": {"account": "Andriy Yermak"},
    "chance": {"surrogates": 199, "windows": ["3D", "7D"]},
    "place_brief": {"place": "Izium"},
    "weekly_brief": {"until": "2022-11-14"},
}
OF_A_STORE = {
    "account_profile": {"account": "Andriy Yermak"},
    "place_brief": {"place": "Kherson"},
    "weekly_brief": {"until": "2022-11-14", "kinds": ["liberated"]},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Create a store with the embedded study."""
    kept = Store(tmp_path_factory.mktemp("store") / "war")
    for name in ("posts", "events", "confirmations"):
        kept.upsert(name, getattr(open_study(), name))
    return kept


@pytest.fixture(scope="module")
def built(store, tmp_path_factory):
    """Build every template but lead_times from the study, and from the store where supported."""
    out = tmp_path_factory.mktemp("reports")
    requests = [ReportRequest(name, parameters=given, out=out) for name, given in WANTED.items()]
    requests += [
        ReportRequest(name, store=store.path, parameters=given, out=out)
        for name, given in OF_A_STORE.items()
    ]
    runs = run_reports(requests, workers=2)
    assert [built_run.error for built_run in runs] == [None] * len(requests)
    names = [*WANTED, *(f"{name} of a store" for name in OF_A_STORE)]
    return dict(zip(names, runs, strict=True))


def headline(built_run):
    return json.loads(built_run.manifest.read_text(encoding="utf-8"))["headline"]


def test_each_template_has_a_headline(built):
    headlines = {name: headline(built_run) for name, built_run in built.items()}
    assert headlines["account_profile"].startswith("Andriy Yermak: 5 signals in 14 posts")
    assert headlines["chance"].startswith("Five signals are too few to test.")
    assert headlines["place_brief"].startswith("Izium: 1 event, 4 signals")
    assert headlines["place_brief of a store"].startswith("Kherson: 1 event")
    assert headlines["weekly_brief"].startswith("7 to 13 Nov 2022: 2 new signals")
    # The study's codebook has a code that the packaged one has not.
    assert headlines["account_profile of a store"].startswith(
        "Andriy Yermak: 4 signals in 14 posts"
    )
    assert headlines["weekly_brief of a store"] == headlines["weekly_brief"]


def test_no_cell_warned_or_printed(built):
    for name, built_run in built.items():
        assert printed(built_run.notebook) == "", name


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("account_profile", 3),
        ("chance", 2),  # no event was retracted: its outcomes are in lead_times
        ("place_brief", 2),
        ("weekly_brief", 2),
        ("account_profile of a store", 3),
        ("place_brief of a store", 2),
        ("weekly_brief of a store", 2),
    ],
)
def test_every_figure_of_every_template_is_drawn(built, opened, name, figures):
    page = opened(built[name].html)
    drawn = page.locator("figure.plot")
    assert drawn.count() == figures
    for number in range(figures):
        assert drawn.nth(number).locator(".trace, .heatmaplayer image").count() > 0
        assert len(drawn.nth(number).locator("figcaption").inner_text()) > 40
    assert page.requested_urls == [built[name].html.as_uri()]
    assert page.messages == []
    assert page.locator("h1").count() == 1


def test_a_new_template_builds_unchanged(tmp_path, capfd):
    folder = tmp_path / "mine"
    assert run(["report", "new", "my_towns", "--folder", str(folder)]) == 0
    assert capfd.readouterr().out.strip() == str(folder / "my_towns.ipynb")
    assert run(["report", "list", "--templates", str(folder), "--json"]) == 0
    listed = {row["template"]: row for row in json.loads(capfd.readouterr().out)}
    assert listed["my_towns"]["tags"] == "mine"
    assert "lead_times" in listed
    built_run = run_report(folder / "my_towns.ipynb", out=tmp_path / "out")
    assert built_run.error is None
    assert built_run.run_id.startswith("my_towns-")
    assert headline(built_run) == "5 signals, 0 certainly before their event."
    with pytest.raises(ReportError, match="the template exists already"):
        new_template("my_towns", folder)
    # YAML would read the unquoted name as null.
    assert find_template(new_template("null", folder)).title == "Null"
    for name in ("../up", "My towns", "", "9lives"):
        with pytest.raises(ReportError, match="bad name for a template"):
            new_template(name, folder)


def test_a_new_template_whose_process_was_killed_is_completed_by_the_next_call(tmp_path):
    notebook = new_template("mine", tmp_path)
    notebook.unlink()  # the sidecar is written first
    (tmp_path / ".mine.ipynb.999999999.part").write_text("{", encoding="utf-8")
    assert new_template("mine", tmp_path) == notebook
    assert {path.name for path in tmp_path.iterdir()} == {"mine.ipynb", "mine.yaml"}
    notebook.unlink()
    notebook.with_suffix(".yaml").write_text("title: My own", encoding="utf-8")
    with pytest.raises(ReportError, match=r"mine\.yaml: the template exists already"):
        new_template("mine", tmp_path)


def test_a_folder_of_own_templates_takes_precedence(tmp_path, monkeypatch, capfd):
    mine = new_template("lead_times", tmp_path)
    assert find_template("lead_times", tmp_path).notebook == mine
    assert find_template("chance", tmp_path).name == "chance"
    out = ["--templates", str(tmp_path), "--out", str(tmp_path / "out")]
    assert run(["report", "build", "lead_times", *out]) == 0
    headline, built = capfd.readouterr().out.splitlines()
    assert headline == "5 signals, 0 certainly before their event."
    assert built.startswith("done: ")
    monkeypatch.setenv("FOXGRAPE_TEMPLATES", str(tmp_path))
    assert run(["report", "build", "leadtimes"]) == 1
    assert "did you mean 'lead_times'" in capfd.readouterr().err


def test_required_parameters_are_listed_and_reported(capfd):
    assert run(["report", "list"]) == 0
    assert "place (required)" in re.sub(r"\s+", " ", capfd.readouterr().out)
    assert run(["report", "build", "place_brief"]) == 1
    assert "place" in capfd.readouterr().err


def test_every_template_takes_a_period(tmp_path):
    """Two of the five signals are of September; new templates have the same choice."""
    mine = new_template("mine", tmp_path)
    september = {"since": "2022-09-01", "until": "2022-10-01"}
    given = {name: {**WANTED.get(name, {}), **september} for name in ("lead_times", *WANTED)}
    given["weekly_brief"] = {"until": "2022-10-01", "days": 30}
    requests = [
        ReportRequest(name, parameters=values, out=tmp_path / "out")
        for name, values in (given | {mine: september}).items()
    ]
    texts = {}
    for built_run in run_reports(requests, workers=2):
        assert built_run.error is None
        page = re.sub(
            "<script.*?</script>", " ", built_run.html.read_text("utf-8"), flags=re.DOTALL
        )
        texts[built_run.run_id.split("-")[0]] = " ".join(re.sub("<[^>]+>", " ", page).split())
    assert "Of 2 signals" in texts["lead_times"]
    assert "2 signals in" in texts["account_profile"]
    assert "posts with a signal 2 11" in texts["chance"]
    assert "2 signals, 0 certainly" in texts["mine"]
    assert "2 new signals in 13 posts" in texts["weekly_brief"]
    for name in ("lead_times", "chance", "account_profile", "place_brief", "weekly_brief"):
        heading = texts[name].split("Skip to the content", 1)[1][:200]
        assert "1 to 30 Sep 2022" in heading, name


@pytest.mark.parametrize("name", ["lead_times", "chance"])
def test_the_end_of_observation_is_a_parameter(tmp_path, capfd, name):
    """The study states an end of August 2024."""
    until = "2022-09-20T00:00Z"
    if name == "lead_times":
        words = ["report", "build", name, "-p", f"observed_until={until}", "--out", str(tmp_path)]
        assert run(words) == 0
        shown = capfd.readouterr().out
        html = Path(shown.split(": ")[-1].strip())
        left_out = "Left out, posted after the end of observation, 20 Sep 2022: 3 ("
        assert left_out in shown
    else:
        parameters = {"observed_until": until} | WANTED[name]
        html = run_report(name, parameters=parameters, out=tmp_path).html
    page = html.read_text(encoding="utf-8")
    if name == "lead_times":
        assert "observed until 20 Sep 2022" in page
        assert "No event was confirmed so far, observed for less than 30 days (" in page
        assert left_out in page
    else:  # three of the five signals are later
        text = " ".join(re.sub("<[^>]+>", " ", page).split())
        assert text.count("posted while events were recorded 2 3") == 2
