"""Pages of scheduled reports keep their addresses, and feeds list them."""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import pytest
from defusedxml import ElementTree

import fake_reports
from fake_reports import make_template
from feed_rules import atom_problems, json_problems
from foxgrape._util.directories import Directory
from foxgrape.errors import ScheduleError
from foxgrape.reports import addresses
from foxgrape.reports.addresses import publish
from foxgrape.reports.prune import prune
from foxgrape.reports.rendering.feeds import Feed, FeedItem, atom_feed, json_feed
from foxgrape.reports.rendering.run_index import run_summaries
from foxgrape.reports.schedule.config import read_schedule
from foxgrape.reports.schedule.due import run_due
from foxgrape.reports.schedule.status import entry_statuses
from foxgrape.reports.serve import server
from hostile_strings import ATTACKS

NOON = datetime(2022, 9, 10, 9, tzinfo=UTC)
DAY = timedelta(days=1)
ATOM = "{http://www.w3.org/2005/Atom}"
KEYS = [f"202209{day}T040000Z" for day in (10, 11, 12)]


@pytest.fixture
def schedule(tmp_path):
    """Return the schedule of one daily report, and the folder of its runs."""
    out = tmp_path / "out"
    out.mkdir()
    file = tmp_path / "schedule.toml"
    file.write_text(
        f'timezone = "Europe/Kyiv"\nbase_url = "https://r.example"\n[[report]]\nname = "daily"\n'
        f'template = "{make_template(tmp_path)}"\ncron = "0 7 * * *"\nstart = 2022-09-10\n'
        'parameters = { entry = "daily" }\nperiod = { start = "start", end = "end" }\n'
        "retries = 1\nretry_after = '1min'\n",
        encoding="utf-8",
    )
    return read_schedule(file), out


def build(schedule, days=3, run=fake_reports.build_page):
    read, out = schedule
    return [run_due(read, now=NOON + day * DAY, out=out, run=run) for day in range(days)]


def links(page):
    """Return the addresses in the navigation of a page, by text."""
    (nav,) = re.findall(r"<nav .*?</nav>", page.read_text(encoding="utf-8"))
    return {text: href for href, text in re.findall(r'<a href="([^"]*)"[^>]*>([^<]*)</a>', nav)}


def test_pages_link_to_their_neighbours_and_keep_their_addresses(schedule):
    build(schedule)
    _, out = schedule
    first, middle, last = (out / "daily" / f"{key}.html" for key in KEYS)
    more = {"All reports": "../index.html", "Feed": "../daily/feed.xml"}
    latest = {"Latest": "../latest/daily.html"}
    assert (
        links(first)
        == {"Next: 11 Sep 2022, 07:00, Europe/Kyiv": f"../daily/{KEYS[1]}.html"} | latest | more
    )
    assert links(middle) == (
        {"Previous: 10 Sep 2022, 07:00, Europe/Kyiv": f"../daily/{KEYS[0]}.html"}
        | {"Next: 12 Sep 2022, 07:00, Europe/Kyiv": f"../daily/{KEYS[2]}.html"}
        | latest
        | more
    )
    assert (
        links(last)
        == {"Previous: 11 Sep 2022, 07:00, Europe/Kyiv": f"../daily/{KEYS[1]}.html"} | more
    )
    assert (out / "latest" / "daily.html").read_bytes() == last.read_bytes()
    run = (out / "mine-daily-12" / "report.html").read_text(encoding="utf-8")
    assert re.sub(r"<nav .*?</nav>\n", "", last.read_text(encoding="utf-8")) == run
    assert not [path for path in out.rglob("*") if path.is_symlink()]
    # They are no runs.
    assert len(run_summaries(out)) == 3


def test_only_pages_that_change_are_written_again(schedule, monkeypatch):
    build(schedule)
    _, out = schedule
    written = []
    content = addresses._page_content
    monkeypatch.setattr(
        addresses,
        "_page_content",
        lambda *given: written.append(given[1].period) or content(*given),
    )
    build((schedule[0], out), days=4)
    # The new page, its neighbour, and the latest page.
    assert sorted(written) == [KEYS[2], "20220913T040000Z", "20220913T040000Z"]


def test_feeds_follow_the_rules_of_atom(schedule):
    build(schedule)
    _, out = schedule
    for folder, home in (("daily", "latest/daily.html"), ("latest", "index.html")):
        feed = ElementTree.fromstring((out / folder / "feed.xml").read_bytes())
        assert feed.tag == f"{ATOM}feed"
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", feed.findtext(f"{ATOM}id"))
        assert feed.findtext(f"{ATOM}author/{ATOM}name")
        assert {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")} == {
            "self": f"https://r.example/{folder}/feed.xml",
            "alternate": f"https://r.example/{home}",
        }
        entries = feed.findall(f"{ATOM}entry")
        assert [entry.find(f"{ATOM}link").get("href") for entry in entries] == [
            f"https://r.example/daily/{key}.html" for key in reversed(KEYS)
        ]
        updates = [entry.findtext(f"{ATOM}updated") for entry in entries]
        assert updates == [f"2022-09-{day}T09:00:00+00:00" for day in (12, 11, 10)]
        assert feed.findtext(f"{ATOM}updated") == updates[0]
        ids = [entry.findtext(f"{ATOM}id") for entry in entries]
        assert len({*ids, feed.findtext(f"{ATOM}id")}) == 4
        titles = [entry.findtext(f"{ATOM}title") for entry in entries]
        assert titles[0] == "daily: 12 signals <b>until</b> the 12th of September 🍇"
        assert entries[0].findtext(f"{ATOM}summary").splitlines() == [
            "posts: 61",
            "signals: 12",
            "Too few to test & claim.",
            "1 of 5 is hindsight.",
        ]
        content = json.loads((out / folder / "feed.json").read_text(encoding="utf-8"))
        assert content["version"] == "https://jsonfeed.org/version/1.1"
        assert content["feed_url"] == f"https://r.example/{folder}/feed.json"
        assert [item["id"] for item in content["items"]] == ids
        assert [item["date_modified"] for item in content["items"]] == updates


@pytest.mark.parametrize("base_url", ["https://r.example", "https://r.example/ü/x?a=1&b=<2>", None])
def test_all_feeds_are_valid(schedule, base_url):
    read, out = schedule
    build((replace(read, base_url=base_url and f"{quote(base_url, safe=':/?&=')}/"), out))
    for folder in ("daily", "latest"):
        assert atom_problems((out / folder / "feed.xml").read_bytes()) == []
        assert json_problems((out / folder / "feed.json").read_bytes()) == []


@pytest.mark.parametrize("text", [*ATTACKS, "", " ", "\x00\x1b[0m\ufffe", "]]>", "&amp;"])
def test_feeds_of_hostile_text_are_valid(text):
    item = FeedItem("urn:x:1", "weekly/1.html", f"weekly: {text}", text, "2022-09-12T04:00:00Z")
    feed = Feed("urn:x:0", f"weekly {text}", "weekly", "latest/weekly.html", [item])
    assert atom_problems(atom_feed(feed)) == []
    assert json_problems(json_feed(feed)) == []


def _valid_feeds():
    items = [
        FeedItem(f"urn:x:{n}", f"weekly/{n}.html", f"w{n}", f"s{n}", f"2022-09-0{n}T04:00:00+00:00")
        for n in (1, 2)
    ]
    feed = Feed("urn:x:0", "weekly", "weekly", "latest/weekly.html", items, "https://r.example/")
    return atom_feed(feed).decode(), json_feed(feed).decode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<feed ", "<rss "),
        ('xml:lang="en"', 'xml:lang="e n"'),
        ("<id>urn:x:0</id>", ""),
        ("<id>urn:x:0</id>", "<id>urn:x:0</id><id>urn:x:9</id>"),
        ("<id>urn:x:2</id>", "<id>urn:x:1</id>"),
        ("<id>urn:x:2</id>", "<id>../2</id>"),
        ("<title>weekly</title>", "<title> </title>"),
        ("<title>weekly</title>", "<title><b>weekly</b></title>"),
        ("<title>weekly</title>", '<title type="markdown">weekly</title>'),
        ("<updated>2022-09-02T04:00:00+00:00", "<updated>2022-09-02 04:00:00+00:00"),
        ("<updated>2022-09-02T04:00:00+00:00", "<updated>2022-09-02T04:00:00"),
        ("<updated>2022-09-02T04:00:00+00:00", "<updated>2022-13-02T04:00:00Z"),
        ("<author><name>foxgrape</name></author>", ""),
        ("<name>foxgrape</name>", ""),
        ("<name>foxgrape</name>", "<name> </name>"),
        ("<name>foxgrape</name>", "<name>a</name><nick>b</nick>"),
        ('rel="self"', 'rel="via"'),
        ('type="application/atom+xml"', 'type="text/html"'),
        ('type="application/atom+xml"', 'type="atom"'),
        ('rel="alternate" type="text/html" href="https://r.example/weekly/1', 'rel="up" href="1'),
        ("/weekly/1.html", "/weekly /1.html"),
        ('rel="alternate"', 'rel="Alternate page"'),
        ("<summary>s1</summary>", "<summary>s1</summary><summary>s1</summary>"),
        ("<summary>s1</summary>", "<pubDate>s1</pubDate>"),
        ("<entry>", "text<entry>"),
        ("</entry>\n</feed>", "</entry><subtitle>x</subtitle></feed>"),
        ("<summary>s1", '<link rel="alternate" type="text/html" href="x"/><summary>s1'),
    ],
)
def test_the_check_of_atom_feeds_finds_faults(old, new):
    text, _ = _valid_feeds()
    assert atom_problems(text.encode()) == []
    assert old in text
    broken = text.replace(old, new, 1)
    broken = broken.replace("</feed>", "</rss>") if "<rss" in broken else broken
    assert atom_problems(broken.encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version/1.1", "version/2"),
        ('"title": "weekly",', '"title": "",'),
        ('"https://r.example/latest/weekly.html"', '"latest/weekly.html"'),
        ('"https://r.example/weekly/1.html"', '"../weekly/1.html"'),
        ('"id": "urn:x:1"', '"id": 1'),
        ('"id": "urn:x:1"', '"id": "urn:x:2"'),
        ('"content_text": "s1"', '"content": "s1"'),
        ("2022-09-01T04:00:00+00:00", "2022-09-01"),
        ('"items": [', '"entries": ['),
        ('"name": "foxgrape"', '"nick": "foxgrape"'),
    ],
)
def test_the_check_of_json_feeds_finds_faults(old, new):
    _, text = _valid_feeds()
    assert json_problems(text.encode()) == []
    assert old in text
    assert json_problems(text.replace(old, new, 1).encode())


def test_ids_and_times_stay_when_a_report_is_built_again(schedule):
    build(schedule, days=2)
    read, out = schedule
    before = ElementTree.fromstring((out / "daily" / "feed.xml").read_bytes())
    (out / ".schedule" / "daily" / f"{KEYS[1]}.json").unlink()
    run_due(read, now=NOON + DAY + timedelta(hours=3), out=out, run=fake_reports.build_page)
    after = ElementTree.fromstring((out / "daily" / "feed.xml").read_bytes())
    assert ElementTree.tostring(after) == ElementTree.tostring(before)


@pytest.mark.parametrize("text", [*ATTACKS, "\x00\x1b[0m\ufffe", "]]>", "&amp;"])
def test_hostile_text_is_text_in_feeds(text):
    item = FeedItem("urn:x:1", "weekly/1.html", text, text, "2022-09-12T04:00:00+00:00")
    feed = Feed("urn:x", text, "weekly", "latest/weekly.html", [item])
    root = ElementTree.fromstring(atom_feed(feed))
    clean = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\ud800-\udfff]", " ", text)
    # XML reads a carriage return as a line feed.
    clean = clean.replace("\r\n", "\n").replace("\r", "\n")
    entry = root.find(f"{ATOM}entry")
    shown = [entry.findtext(f"{ATOM}{tag}") for tag in ("title", "summary")]
    assert [value.replace("\r\n", "\n").replace("\r", "\n") for value in shown] == [clean, clean]
    assert {element.tag.removeprefix(ATOM) for element in root.iter()} == {
        *("feed", "id", "title", "updated", "author", "name", "link", "entry", "summary")
    }
    content = json.loads(json_feed(feed))
    assert content["items"][0]["title"] == text
    assert "url" not in content["items"][0]


def test_pruning_deletes_the_copies_of_deleted_runs_and_keeps_the_latest(schedule):
    build(schedule)
    _, out = schedule
    # Another entry of the same template was built more often since.
    for day in (13, 14):
        end = f"2022-09-{day}"
        fake_reports.build_page("", parameters={"entry": "other", "end": end}, out=out)
    assert sorted(prune(out, keep=1)) == ["mine-daily-10", "mine-daily-11", "mine-other-13"]
    assert [path.name for path in sorted((out / "daily").glob("*.html"))] == [f"{KEYS[2]}.html"]
    assert "Previous" not in (out / "daily" / f"{KEYS[2]}.html").read_text(encoding="utf-8")
    assert (out / "latest" / "daily.html").is_file()
    content = json.loads((out / "latest" / "feed.json").read_text(encoding="utf-8"))
    assert len(content["items"]) == 1


def test_a_page_that_was_built_while_the_clock_was_ahead_is_not_the_latest_for_long(schedule):
    read, out = schedule
    run_due(read, now=NOON + 3650 * DAY, out=out, run=fake_reports.build_page)
    ahead = "20320907T040000Z"
    assert (out / "daily" / f"{ahead}.html").is_file()
    (status,) = entry_statuses(read, now=NOON, out=out)
    assert status.ahead[-1].year == 2032
    build(schedule, days=2)
    assert "12 signals" not in (out / "latest" / "daily.html").read_text(encoding="utf-8")
    assert "11 signals" in (out / "latest" / "daily.html").read_text(encoding="utf-8")
    prune(out, keep=100)
    assert "11 signals" in (out / "latest" / "daily.html").read_text(encoding="utf-8")
    run_due(read, now=NOON + 3650 * DAY, out=out, run=fake_reports.build_page)
    assert entry_statuses(read, now=NOON + 3650 * DAY, out=out)[0].ahead == ()


@pytest.mark.parametrize("name", ["daily", "latest"])
def test_a_foreign_folder_is_left_alone_and_named(schedule, name):
    read, out = schedule
    (out / name).mkdir()
    (out / name / "letter.html").write_text("a letter", encoding="utf-8")
    (run,) = run_due(read, now=NOON, out=out, run=fake_reports.build_page).runs
    assert run.state == "failed"
    assert f"{name}: is not a folder of foxgrape's pages" in run.error
    assert [path.name for path in (out / name).iterdir()] == ["letter.html"]
    (out / name).rename(out / "mine")
    later = NOON + timedelta(minutes=2)
    (run,) = run_due(read, now=later, out=out, run=fake_reports.build_page).runs
    assert run.state == "done"
    assert (out / "latest" / "daily.html").is_file()


def test_a_link_in_place_of_a_folder_of_pages_is_not_followed(schedule, tmp_path):
    read, out = schedule
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (out / "daily").symlink_to(elsewhere)
    (run,) = run_due(read, now=NOON, out=out, run=fake_reports.build_page).runs
    assert "is a link" in run.error
    assert not list(elsewhere.iterdir())
    prune(out, keep=1)
    assert not list(elsewhere.iterdir())


def test_other_files_in_the_folder_of_an_entry_stay(schedule):
    build(schedule, days=1)
    _, out = schedule
    (out / "daily" / "notes.html").write_text("mine", encoding="utf-8")
    (out / "daily" / "20200101T000000Z.html").write_text("left by a process", encoding="utf-8")
    build(schedule, days=2)
    assert (out / "daily" / "notes.html").is_file()
    assert not (out / "daily" / "20200101T000000Z.html").exists()


def test_a_process_that_dies_while_it_publishes_is_repeated(schedule, monkeypatch):
    """Nothing counts as built before its address exists."""
    read, out = schedule
    build(schedule, days=1)
    write, calls = addresses._write_index, []

    def die(*given):
        calls.append(given)
        raise KeyboardInterrupt

    monkeypatch.setattr(addresses, "_write_index", die)
    with pytest.raises(KeyboardInterrupt):
        run_due(read, now=NOON + DAY, out=out, run=fake_reports.build_page)
    monkeypatch.setattr(addresses, "_write_index", write)
    (run,) = run_due(read, now=NOON + DAY, out=out, run=fake_reports.build_page).runs
    assert run.state == "done"
    assert calls
    content = json.loads((out / "daily" / "feed.json").read_text(encoding="utf-8"))
    assert len(content["items"]) == 2


def test_a_full_disk_is_the_reason_of_the_failure_and_the_next_call_publishes(
    schedule, monkeypatch
):
    read, out = schedule
    build(schedule, days=1)
    before = (out / "latest" / "daily.html").read_bytes()
    write = Directory.write

    def fill(self, name, content):
        if name.endswith(".html"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, name, content)

    monkeypatch.setattr(Directory, "write", fill)
    (run,) = run_due(read, now=NOON + DAY, out=out, run=fake_reports.build_page).runs
    assert run.state == "failed"
    assert run.error == "cannot write the page to its address: No space left on device"
    assert (out / "latest" / "daily.html").read_bytes() == before
    monkeypatch.setattr(Directory, "write", write)
    later = NOON + DAY + timedelta(minutes=2)
    (run,) = run_due(read, now=later, out=out, run=fake_reports.build_page).runs
    assert run.state == "done"
    assert (out / "latest" / "daily.html").read_bytes() != before


def test_concurrent_entries_lose_no_page(tmp_path):
    for day in range(10, 20):
        end = f"2022-09-{day}"
        fake_reports.build_page("", parameters={"entry": "a", "end": end}, out=tmp_path)

    def publish_day(day):
        for entry in ("one", "two"):
            publish(
                tmp_path,
                entry,
                period=f"202209{day}T040000Z",
                label=str(day),
                run_id=f"mine-a-{day}",
                updated=f"2022-09-{day}T04:00:00+00:00",
            )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(publish_day, range(10, 20)))
    for entry in ("one", "two"):
        assert len(list((tmp_path / entry).glob("2022*.html"))) == 10
        assert "2022-09-19" not in links(tmp_path / "latest" / f"{entry}.html")
    content = json.loads((tmp_path / "latest" / "feed.json").read_text(encoding="utf-8"))
    assert len(content["items"]) == 20


def test_pages_and_feeds_are_served_and_the_index_is_not(schedule):
    build(schedule, days=1)
    _, out = schedule
    types = {
        "latest/daily.html": "text/html; charset=utf-8",
        f"daily/{KEYS[0]}.html": "text/html; charset=utf-8",
        "daily/feed.xml": "application/atom+xml; charset=utf-8",
        "latest/feed.json": "application/feed+json",
    }
    with server(out, port=0) as reports:
        thread = threading.Thread(target=reports.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{reports.server_address[1]}"
        try:
            for path, kind in types.items():
                assert httpx.get(f"{address}/{path}").headers["content-type"] == kind
            assert httpx.get(f"{address}/daily/.foxgrape-pages.json").status_code == 404
        finally:
            reports.shutdown()
            thread.join()


@pytest.mark.parametrize("name", ["latest", "failed", "assets"])
def test_an_entry_cannot_have_the_name_of_another_folder(tmp_path, name):
    file = tmp_path / "schedule.toml"
    file.write_text(
        f'timezone = "UTC"\n[[report]]\nname = "{name}"\ntemplate = "chance"\ncron = "0 7 * * *"',
        encoding="utf-8",
    )
    with pytest.raises(ScheduleError, match="is the name of a folder that foxgrape uses"):
        read_schedule(file)
