"""The catalogue of runs: what it says of each, how it is searched, and that no worker loses it."""

from __future__ import annotations

import json
import multiprocessing
import time
from dataclasses import replace

import pytest

from accessibility import grave
from fake_runs import LINE, NOW, PLACES, fake, fill
from foxgrape import run_report
from foxgrape.cli.app import run
from foxgrape.reports.rendering.cards import run_summaries
from foxgrape.reports.rendering.run_index import catalogue_page, write_catalogue
from foxgrape.reports.rendering.sketch import safe, sketch
from foxgrape.reports.rendering.thumbnail import read_thumbnail
from foxgrape.reports.run_folder import StagingFolder, folder_lock, prune
from foxgrape.reports.templates.describe import describe_run
from report_templates import names, template


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Lay ten runs into a folder, and write its catalogue."""
    out = tmp_path_factory.mktemp("filled")
    for number in range(10):
        fake(out, number)
    return write_catalogue(out, now=NOW)


def test_a_card_tells_what_its_run_was_about(filled):
    first, second = run_summaries(filled.parent)[:2]
    assert (first.title, first.headline, first.status) == ("Report 0", "Found 0 leads", "done")
    assert (first.places, first.when) == (("Izium",), "1 Sep 2022 to 7 Sep 2022")
    assert first.built == "25 Nov 2026, 07:00 UTC"
    assert replace(first, built_at="2026-11-25T09:00:00+02:00").built == first.built
    assert first.links == {
        "page": "weekly_brief-0000/report.html",
        "notebook": "weekly_brief-0000/notebook.ipynb",
        "manifest": "weekly_brief-0000/manifest.json",
    }
    assert first.thumbnail == sketch(LINE)
    assert second.places == ("Lysychansk",)
    broken = next(card for card in run_summaries(filled.parent) if card.status == "failed")
    assert broken.error == "cell 3: it broke"
    assert broken.links["log"] == "failed/weekly_brief-0004/log.txt"


def test_parameters_are_told_in_words():
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
    told = describe_run(rules, values)
    assert told["places"] == ["Izium", "Lysychansk", "mine:1"]
    assert told["period"] == ["2022-09-01", "2022-09-10"]
    note = told["words"].pop("note")
    assert note == "x" * 159 + "…"
    assert told["words"] == {"horizon": "30 days", "baseline": "yes", "codes": "🍇, 🦊"}


def test_what_cannot_be_understood_spoils_nothing(tmp_path):
    fake(tmp_path, 1)
    for name, text in (("broken", "{"), ("list", "[]"), ("odd", '{"about": 1, "built_at": 7}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(text, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    told = {"words": 1, "places": "x", "period": ["soon", "later"]}
    fake(tmp_path, 2, about=told, title=None, status="no such status")
    found = {card.run_id: card for card in run_summaries(tmp_path)}
    assert set(found) == {"place_brief-0001", "weekly_brief-0002", "odd"}
    # Of a run of an earlier version only the parameters are known, as they are.
    assert found["weekly_brief-0002"].words["place"] == PLACES[0]
    assert found["weekly_brief-0002"].period is None
    assert found["odd"].built == "at a time that is not known"
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
    # 1 to 7 September is the first week, 8 to 14 the second: both have a day in common with this.
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
def test_axe_finds_no_serious_fault_in_the_catalogue(filled, opened, scheme, width):
    tab = opened(filled, drawn=False, width=width, color_scheme=scheme)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert grave(tab) == []


@pytest.mark.browser
def test_a_thousand_runs_are_no_burden(tmp_path, opened):
    for number in range(1000):
        fake(tmp_path, number)
    known = {}
    write_catalogue(tmp_path, now=NOW, known=known)
    begin = time.perf_counter()
    file = write_catalogue(tmp_path, now=NOW, known=known)
    assert time.perf_counter() - begin < 5, "what did not change is read again"
    tab = opened(file, drawn=False)
    search = tab.get_by_label("Search")
    took = search.evaluate(
        "box => { const begin = performance.now(); box.value = 'lysychansk';"
        "box.dispatchEvent(new Event('input', {bubbles: true}));"
        "return performance.now() - begin; }"
    )
    assert tab.locator("output").inner_text() == "500 of 1000 runs"
    assert took < 500, "typing would stutter, even on a machine ten times as slow"


def test_a_run_that_goes_on_is_shown_as_running_and_a_remnant_is_not(tmp_path):
    aside = StagingFolder.make(tmp_path, "going")
    told = {"run_id": "going", "title": "Going", "status": "running", "built_at": NOW.isoformat()}
    (aside.path / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    (tmp_path / ".building-left").mkdir()
    (tmp_path / ".building-left" / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    with folder_lock(tmp_path):
        (card,) = run_summaries(tmp_path)
    assert (card.status, card.title, card.links) == ("running", "Going", {})
    aside.close()


def test_a_run_writes_the_catalogue_and_so_does_pruning(tmp_path, capfd):
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
    assert "True" in printed, "it did not show the run while it went on"
    for number in (1, 3):
        fake(out, number, template="watching")
    # The newest of the template stays, and the last one of each source.
    assert prune(out, keep=1, now=NOW) == ["place_brief-0003"]
    text = (out / "index.html").read_text(encoding="utf-8")
    assert "place_brief-0001" in text
    assert "place_brief-0003" not in text
    (out / "index.html").unlink()
    assert run(["report", "catalogue", "--out", str(out)]) == 0
    assert capfd.readouterr().out.strip() == str(out / "index.html")
    assert run(["report", "catalogue", "--out", str(tmp_path / "none")]) == 1


def test_workers_that_write_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=fill, args=(tmp_path, 100 * n)) for n in range(3)]
    for worker in workers:
        worker.start()
    file = tmp_path / "index.html"
    while any(worker.is_alive() for worker in workers):
        text = file.read_text(encoding="utf-8") if file.is_file() else "</html>"
        assert text.rstrip().endswith("</html>"), "half a catalogue was seen"
        time.sleep(0.01)
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert file.read_text(encoding="utf-8").count("<li class=") == 45
    assert names(tmp_path) >= {"index.html", "failed"}
    assert not [name for name in names(tmp_path) if name.startswith(".")]


def bars(*, reverse=False, **trace):
    axis = {"range": [2, -1]} if reverse else {}
    return {"data": [{"type": "scatter", **trace}], "layout": {"yaxis": axis}}


@pytest.mark.parametrize(
    ("figure", "path"),
    [
        (bars(x=[0, 1], y=[0, 1]), "M14 186L306 14"),
        (bars(x=[0, 1], y=[0, 1], reverse=True), "M14 14L306 186"),
        (bars(x=[0, 1, None, 0, 1], y=["a", "a", None, "b", "b"]), "M14 186L306 186M14 14L306 14"),
        (bars(x=[0, 1], y=[1, 0], line={"shape": "hv"}), "M14 14L306 14L306 186"),
        (bars(x=[0, 1], y=[0, 1], mode="markers"), "M14 186h0M306 14h0"),
        (bars(x=["2022-01-01", "2022-01-03", "2022-01-02"], y=[0, 1, 0]), "M14 186L306 14L160 186"),
        ({"data": [{"type": "bar", "x": ["a", "b"], "y": [1, 2]}]},
         "M14 186L14 100M306 186L306 14"),
        (bars(x={"dtype": "i1", "bdata": "AAE="}, y={"dtype": "i2", "bdata": "AAABAA=="}),
         "M14 186L306 14"),
        # A map keeps its shape: twice as wide as high on the ground.
        ({**bars(x=[0, 2], y=[0, 1]), "layout": {"yaxis": {"scaleanchor": "x"}}}, "M14 173L306 27"),
    ],
)  # fmt: skip
def test_a_sketch_places_what_a_figure_shows(figure, path):
    drawn = sketch(figure)
    assert f'<path d="{path}"' in drawn
    assert safe(drawn) == drawn


@pytest.mark.parametrize(
    "figure",
    [
        {"data": []},
        {"data": [{"type": "table"}]},
        bars(x=[], y=[]),
        bars(x=[None], y=[1]),
        bars(x=[0, 1], y=[0, 1], visible="legendonly"),
        bars(x=[0, 1], y=[0, 1], yaxis="y2"),
        bars(x=[float("nan"), float("inf")], y=[0, 1]),
    ],
)
def test_what_cannot_be_sketched_has_no_sketch(figure):
    assert sketch(figure) is None


def test_a_sketch_of_much_is_small_and_colours_are_colours():
    many = list(range(20_000))
    attack = '#000000" onload="x()'
    drawn = sketch(bars(x=many, y=many, mode="lines+markers", line={"color": attack}))
    assert len(drawn) < 4_000
    assert "onload" not in drawn
    assert "#123abc" in sketch(bars(x=[0, 1], y=[0, 1], line={"color": "#123ABC"}))


def test_a_thumbnail_that_is_none_is_not_shown(tmp_path):
    (tmp_path / "thumbnail.svg").write_text("<svg onload=x()><script>x()</script></svg>", "utf-8")
    (tmp_path / "thumbnail.png").write_bytes(b"<script>x()</script>")
    assert read_thumbnail(tmp_path) is None
    (tmp_path / "thumbnail.svg").write_bytes(b"\xff")
    assert read_thumbnail(tmp_path) is None
