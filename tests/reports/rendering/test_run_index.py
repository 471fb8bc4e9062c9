"""The catalogue of runs: entries, search and filters, and concurrent writers."""

from __future__ import annotations

import base64
import json
import multiprocessing
import time
from dataclasses import replace

import pytest

from accessibility import grave
from fake_runs import NOW, PLACES, PNG, fake, fill
from foxgrape import run_report
from foxgrape.cli.app import run
from foxgrape.reports.prune import prune
from foxgrape.reports.rendering.run_index import (
    catalogue_page,
    read_thumbnail,
    run_summaries,
    write_catalogue,
)
from foxgrape.reports.run_folder import StagingFolder, folder_lock
from foxgrape.reports.templates.discovery import describe_run
from hostile_strings import ATTACKS, seen
from report_templates import names, template


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Create a folder of ten runs with a catalogue."""
    out = tmp_path_factory.mktemp("filled")
    for number in range(10):
        fake(out, number)
    return write_catalogue(out, now=NOW)


def test_an_entry_has_title_headline_places_period_and_links(filled):
    first, second = run_summaries(filled.parent)[:2]
    assert (first.title, first.headline, first.status) == ("Report 0", "Found 0 leads", "done")
    assert (first.places, first.when) == (("Izium",), "1 to 6 Sep 2022")
    assert first.built == "25 Nov 2026, 07:00 UTC"
    assert replace(first, built_at="2026-11-25T09:00:00+02:00").built == first.built
    assert first.links == {
        "page": "weekly_brief-0000/report.html",
        "notebook": "weekly_brief-0000/notebook.ipynb",
        "manifest": "weekly_brief-0000/manifest.json",
    }
    assert first.thumbnail.startswith("data:image/png;base64,")
    assert second.places == ("Lysychansk",)
    broken = next(run for run in run_summaries(filled.parent) if run.status == "failed")
    assert broken.error == "cell 3: it broke"
    assert broken.links["log"] == "failed/weekly_brief-0004/log.txt"


def test_parameters_are_described_in_words():
    rules = {
        "horizon": {"format": "duration-of-time"},
        "baseline": {"type": "boolean"},
        "confirmed_by": {"type": ["string", "null"]},
        "token": {"format": "secret"},
        "codes": {"type": "array", "items": {"format": "code"}},
        "places": {"type": "array", "items": {"format": "place"}},
        "until": {"format": "date-time"},
        "since": {"format": "date"},
        "note": {"type": "string"},
    }
    values = {
        "horizon": "30D",
        "baseline": True,
        "confirmed_by": None,
        "token": "FOXGRAPE_TOKEN",
        "codes": ["🍇", "🦊"],
        "places": [*PLACES, "mine:1"],
        "until": "20220910T235900+0300",
        "since": "2022-09-01",
        "note": "x" * 500,
    }
    description = describe_run(rules, values)
    assert description["places"] == ["Izium", "Lysychansk", "mine:1"]
    assert description["period"] == ["2022-09-01", "2022-09-10"]
    note = description["words"].pop("note")
    assert note == "x" * 159 + "…"
    assert description["words"] == {"horizon": "30 days", "baseline": "yes", "codes": "🍇, 🦊"}


def test_unreadable_manifests_do_not_break_the_catalogue(tmp_path):
    fake(tmp_path, 1)
    for name, text in (("broken", "{"), ("list", "[]"), ("odd", '{"about": 1, "built_at": 7}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(text, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    about = {"words": 1, "places": "x", "period": ["soon", "later"]}
    fake(tmp_path, 2, about=about, title=None, status="no such status")
    entries = {run.run_id: run for run in run_summaries(tmp_path)}
    assert set(entries) == {"place_brief-0001", "weekly_brief-0002", "odd"}
    # The manifest of an earlier version has only plain values.
    assert entries["weekly_brief-0002"].words["place"] == PLACES[0]
    assert entries["weekly_brief-0002"].period is None
    assert entries["odd"].built == "at an unknown time"
    assert "place_brief-0001" in catalogue_page(tmp_path, now=NOW)


@pytest.mark.browser
def test_runs_are_searched_and_filtered(filled, opened):
    tab = opened(filled, drawn=False)
    shown = tab.locator("main li:visible")
    assert shown.count() == 10

    def only(wanted: int) -> None:
        assert shown.count() == wanted
        assert tab.locator("output").inner_text() == (f"{wanted} of 10 runs" if wanted < 10 else "")

    tab.get_by_label("Search").fill("found LEADS lysychansk")
    only(5)
    tab.locator("[name=status]").select_option("failed")
    only(1)
    tab.get_by_role("button", name="Show all").click()
    tab.wait_for_selector("output:empty", state="attached")
    only(10)
    tab.locator("[name=template]").select_option("place_brief")
    only(5)
    tab.locator("[name=place]").select_option("Izium")
    only(0)
    tab.locator("[name=template]").select_option("")
    only(5)
    tab.locator("[name=place]").select_option("")
    # Weeks of 1 to 7 and 8 to 14 September: both overlap this period.
    tab.get_by_label("Period to").fill("2022-09-08")
    only(2)
    tab.get_by_label("Period from").fill("2022-09-08")
    only(1)
    assert tab.messages == []
    assert tab.requested_urls == [filled.as_uri()]


@pytest.mark.browser
def test_without_scripts_it_is_a_plain_list(filled, opened):
    tab = opened(filled, drawn=False, java_script_enabled=False)
    assert tab.locator("main li:visible").count() == 10
    assert not tab.locator("form").is_visible()
    link = tab.get_by_role("link", name="Report 0")
    assert link.get_attribute("href") == "weekly_brief-0000/report.html"


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1200)])
def test_axe_reports_no_serious_violation_in_the_catalogue(filled, opened, scheme, width):
    tab = opened(filled, drawn=False, width=width, color_scheme=scheme)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert grave(tab) == []


@pytest.mark.browser
def test_a_thousand_runs_are_listed_and_searched_quickly(tmp_path, opened):
    for number in range(1000):
        fake(tmp_path, number)
    known = {}
    write_catalogue(tmp_path, now=NOW, known=known)
    begin = time.perf_counter()
    file = write_catalogue(tmp_path, now=NOW, known=known)
    assert time.perf_counter() - begin < 5, "unchanged runs are read again"
    tab = opened(file, drawn=False)
    search = tab.get_by_label("Search")
    took = search.evaluate(
        "box => { const begin = performance.now(); box.value = 'lysychansk';"
        "box.dispatchEvent(new Event('input', {bubbles: true}));"
        "return performance.now() - begin; }"
    )
    assert tab.locator("output").inner_text() == "500 of 1000 runs"
    assert took < 500, "typing would stutter, even on a machine ten times as slow"


def test_a_locked_run_is_listed_as_running_and_an_abandoned_folder_is_not(tmp_path):
    staging = StagingFolder.make(tmp_path, "going")
    manifest = {
        "run_id": "going",
        "title": "Going",
        "status": "running",
        "built_at": NOW.isoformat(),
    }
    (staging.path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (tmp_path / ".building-left").mkdir()
    (tmp_path / ".building-left" / "manifest.json").write_text(
        json.dumps(manifest), encoding="utf-8"
    )
    with folder_lock(tmp_path):
        (entry,) = run_summaries(tmp_path)
    assert (entry.status, entry.title, entry.links) == ("running", "Going", {})
    staging.close()


def test_building_and_pruning_update_the_catalogue(tmp_path, capfd):
    watching = template(
        tmp_path,
        "watching",
        "from pathlib import Path",
        "import json; print(json.loads(Path('manifest.json').read_text())['status'])",
        "print('<li class=\"running\"' in Path('../index.html').read_text())",
    )
    out = tmp_path / "out"
    built = run_report(watching, out=out, now=NOW)
    assert built.error is None
    text = (out / "index.html").read_text(encoding="utf-8")
    assert f'href="{built.run_id}/report.html"' in text
    printed = built.notebook.read_text(encoding="utf-8")
    assert "running" in printed
    assert "True" in printed, "the catalogue did not list the running report"
    for number in (1, 3):
        fake(out, number, template="watching")
    # The newest run of the template and the last one of each source are kept.
    assert prune(out, keep=1, now=NOW) == ["place_brief-0003"]
    text = (out / "index.html").read_text(encoding="utf-8")
    assert "place_brief-0001" in text
    assert "place_brief-0003" not in text
    (out / "index.html").unlink()
    assert run(["report", "catalogue", "--out", str(out)]) == 0
    assert capfd.readouterr().out.strip() == str(out / "index.html")
    assert run(["report", "catalogue", "--out", str(tmp_path / "none")]) == 1


def test_concurrent_writers_lose_no_entry(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=fill, args=(tmp_path, 100 * n)) for n in range(3)]
    for worker in workers:
        worker.start()
    file = tmp_path / "index.html"
    while any(worker.is_alive() for worker in workers):
        text = file.read_text(encoding="utf-8") if file.is_file() else "</html>"
        assert text.rstrip().endswith("</html>"), "an incomplete catalogue was visible"
        time.sleep(0.01)
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert file.read_text(encoding="utf-8").count("<li class=") == 45
    assert names(tmp_path) >= {"index.html", "failed"}
    assert not [name for name in names(tmp_path) if name.startswith(".")]


def test_a_thumbnail_that_is_not_a_small_png_is_not_shown(tmp_path):
    file = tmp_path / "thumbnail.png"
    for content in (b"<script>x()</script>", b"\xff", b"", PNG + bytes(60_000)):
        file.write_bytes(content)
        assert read_thumbnail(tmp_path) is None
    file.write_bytes(PNG)
    assert read_thumbnail(tmp_path) == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def test_runs_without_pictures_have_no_thumbnail_and_a_sketch_of_earlier_versions_is_ignored(
    tmp_path,
):
    folder = fake(tmp_path, 0)
    (folder / "thumbnail.png").unlink()
    (folder / "thumbnail.svg").write_text("<svg onload=x()></svg>", encoding="utf-8")
    page = catalogue_page(tmp_path, now=NOW)
    assert "thumbnail" not in page.partition("<main")[2]
    assert "<svg" not in page


@pytest.fixture(scope="module")
def weekly(tmp_path_factory):
    """Create a catalogue of one entry with four runs, and another with one."""
    out = tmp_path_factory.mktemp("weekly")
    for number in range(0, 8, 2):
        fake(
            out,
            number,
            title="Weekly brief: the war",
            key_figure={"name": "signals", "value": 10 - number},
            changes=[f"Headline then: {number - 2} leads", f"2 posts are new: {ATTACKS[number]}"],
            headline=f"{number} leads {ATTACKS[number + 1]}",
        )
    fake(out, 1, key_figure={"name": "signals", "value": 3})
    return write_catalogue(out, now=NOW)


@pytest.mark.browser
def test_runs_are_grouped_by_entry_with_a_sparkline_and_what_changed(weekly, opened):
    tab = opened(weekly, drawn=False)
    entries = tab.locator("section.entry")
    assert entries.count() == 2
    first = entries.first
    assert first.locator("h2").inner_text() == "Weekly brief: the war"
    # Week 4 failed: it is listed, and not in the line.
    line = first.get_by_role("img")
    assert line.get_attribute("aria-label") == "signals, oldest run first: 10, 8, 4"
    assert line.locator("polyline").get_attribute("points") == "2.0,2.0 60.0,8.7 118.0,22.0"
    assert first.locator("h3").all_inner_texts() == [
        "1 to 6 Sep 2022",
        "15 to 20 Sep 2022",
        "29 Sep to 4 Oct 2022",
        "13 to 18 Oct 2022",
    ]
    changes = first.locator(".changes").all_inner_texts()
    # The run before is in the catalogue, so that its headline is not repeated.
    assert changes[0].startswith("What changed: 2 posts are new: ")
    assert "Headline then" not in first.inner_text()
    text = seen(first.inner_text())
    for number in range(8):
        assert seen(ATTACKS[number]) in text
    assert entries.last.get_by_role("img").count() == 0
    assert grave(tab) == []
    tab.get_by_label("Search").fill("lysychansk")
    assert not first.is_visible()
    tab.get_by_label("Search").fill("brief the war")
    assert [first.is_visible(), entries.last.is_visible()] == [True, False]
    assert tab.messages == []
    assert tab.evaluate("window.ran") is None
    assert tab.requested_urls == [weekly.as_uri()]


@pytest.mark.parametrize("figure", [None, 1, {}, {"value": "2"}, {"value": True}, {"value": 1e999}])
def test_a_damaged_key_figure_gives_no_sparkline(tmp_path, figure):
    for number in (0, 2):
        fake(tmp_path, number, title="Same", key_figure=figure, changes=7)
    page = catalogue_page(tmp_path, now=NOW)
    assert "<svg" not in page
    assert "2 runs" in page


def test_a_run_records_its_key_figure(tmp_path):
    built = run_report("lead_times", parameters={"baseline": False}, out=tmp_path, now=NOW)
    manifest = json.loads(built.manifest.read_text(encoding="utf-8"))
    assert manifest["key_figure"] == {"name": "signals", "value": 5}


@pytest.mark.parametrize(
    ("values", "period"),
    [
        ({"since": "2022-09-01", "until": "2022-10-01"}, ["2022-09-01", "2022-09-30"]),
        ({"since": "2022-09-01"}, ["2022-09-01", "2022-09-01"]),
        ({"until": "2022-03-01"}, ["2022-02-28", "2022-02-28"]),
        ({"until": "2022-09-12", "days": 7}, ["2022-09-05", "2022-09-11"]),
        ({"until": None, "days": 7}, None),
    ],
)
def test_the_period_ends_on_the_day_before_until(values, period):
    rules = {"since": {"format": "date"}, "until": {"format": "date"}, "days": {"type": "integer"}}
    assert describe_run(rules, values)["period"] == period
