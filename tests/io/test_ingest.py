"""Adding files to a store: no row is lost or counted twice, whatever interrupts it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from foxgrape import Store, ingest, read_events, read_posts
from foxgrape.cli.app import run
from foxgrape.errors import StoreError, TableError
from foxgrape.io.ingest import IngestResult

FIXTURES = Path(__file__).parents[1] / "fixtures"


def lines(file, rows):
    with file.open("w", encoding="utf-8") as handle:
        handle.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return file


def post(number, text="Скоро 🍇", **more):
    day = pd.Timestamp("2022-01-01T12:00Z") + pd.Timedelta(number, "h")
    return {"id": f"p{number}", "user": "me", "date": day.isoformat(), "text": text, **more}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def counts(result):
    return result.new, result.changed, result.unchanged


def test_the_same_file_twice_changes_nothing(tmp_path, store):
    file = lines(tmp_path / "posts.jsonl", map(post, range(25)))
    assert counts(ingest("posts", file, store, batch=10)) == (25, 0, 0)
    before = store.versions("posts")
    again = ingest("posts", file, store, batch=10)
    assert counts(again) == (0, 0, 25)
    pd.testing.assert_frame_equal(store.versions("posts"), before)
    assert again.sentence().endswith("posts: 0 new, 0 changed, 25 unchanged.")


def test_an_edited_post_replaces_the_earlier_version_which_stays_readable(tmp_path, store):
    ingest("posts", lines(tmp_path / "a", [post(1), post(2)]), store)
    edited = lines(tmp_path / "b", [post(1, "Сьогодні 🍇"), post(2), post(3)])
    assert counts(ingest("posts", edited, store)) == (1, 1, 1)
    assert store.read("posts")["text"].tolist()[0] == "Сьогодні 🍇"
    assert store.read("posts", version=0)["text"].tolist()[0] == "Скоро 🍇"


def test_an_older_export_does_not_replace_a_newer_edit(tmp_path, store):
    before = post(1, "soon", edited_at=None)
    after = post(1, "Скоро 🍇", edited_at="2022-01-02T12:00:00Z")
    newer, older = lines(tmp_path / "b", [after]), lines(tmp_path / "a", [before, post(2)])
    ingest("posts", newer, store)
    for new in (1, 0):
        result = ingest("posts", older, store)
        assert counts(result) == (new, 0, 1 - new)
        assert result.older == 1
        assert "; 1 older than the stored version, kept in earlier_posts" in result.sentence()
        kept = store.read("posts").set_index("post_id")
        assert kept.loc["p1", "text"] == "Скоро 🍇"
        assert kept.loc["p1", "edited_at"] == pd.Timestamp("2022-01-02T12:00Z")
        assert store.read("earlier_posts")["text"].tolist() == ["soon"]
    assert len(store.versions("earlier_posts")) == 1


def test_the_same_posts_under_another_account_are_noted(tmp_path, store):
    posts = [post(1), post(2, "🦊")]
    ingest("posts", lines(tmp_path / "a", posts), store)
    other = [{**item, "user": "other name"} for item in [*posts, post(3)]]
    result = ingest("posts", lines(tmp_path / "b", other), store)
    assert counts(result) == (3, 0, 0)
    assert [str(note) for note in result.notes] == [
        "2 × also stored under the account 'me'; state one name with account="
    ]
    assert ingest("posts", lines(tmp_path / "b", other), store).notes == []


def acled_event(kind, timestamp):
    return (
        "event_id_cnty,event_date,time_precision,sub_event_type,location,admin1,latitude,"
        "longitude,geo_precision,country,timestamp\n"
        f"UKR1,2022-09-10,1,{kind},Izium,Kharkiv,49.2,37.26,1,Ukraine,{timestamp}\n"
    )


def test_an_older_list_of_events_does_not_replace_a_newer_one(tmp_path, store):
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text(acled_event("Attack", 1_663_000_000))
    new.write_text(acled_event("Armed clash", 1_664_000_000))
    ingest("events", new, store)
    result = ingest("events", old, store)
    assert (result.older, result.changed) == (1, 0)
    assert "1 older than the stored version, left out" in result.sentence()
    assert store.read("events")["kind"].tolist() == ["armed clash"]
    merged, report = read_events([new, old], with_report=True)
    assert merged["kind"].tolist() == ["armed clash"]
    assert "1 × older versions of events left out" in map(str, report.notes)


def test_repeated_rows_are_counted_if_the_stored_version_is_newer(tmp_path, store):
    ingest(
        "posts", lines(tmp_path / "b", [post(1, "new", edited_at="2022-01-02T12:00:00Z")]), store
    )
    rows = [post(1, "old"), post(2), post(1, "old"), post(3), post(1, "other")]
    file = lines(tmp_path / "a", [row | {"edited_at": None} for row in rows])
    result = ingest("posts", file, store, batch=1)
    assert (result.new, result.older, result.repeated, result.quarantined) == (2, 1, 1, 1)


def test_a_post_with_a_corrected_time_moves_to_another_month(tmp_path, store):
    ingest("posts", lines(tmp_path / "a", [post(1), post(2)]), store)
    moved = post(1) | {"date": "2022-07-01T12:00:00Z"}
    assert counts(ingest("posts", lines(tmp_path / "b", [moved]), store)) == (0, 1, 0)
    kept = store.read("posts").set_index("post_id")["posted_at"]
    assert kept["p1"] == pd.Timestamp("2022-07-01T12:00Z")
    assert len(kept) == 2
    assert len(store.read("posts", since="2022-07-01T00:00:00Z")) == 1


def test_the_first_row_for_a_key_counts_wherever_another_one_is(tmp_path, store):
    """Otherwise each run would store the other row."""
    rows = [post(n) for n in range(30)] + [post(3, "something else"), post(4), post(5, views=7)]
    file = lines(tmp_path / "a", rows)
    for new in (30, 0):
        result = ingest("posts", file, store, batch=10)
        assert counts(result) == (new, 0, 30 - new)
        assert (result.repeated, result.quarantined) == (2, 1)
        assert set(store.read("posts")["text"]) == {"Скоро 🍇"}
    bad = [json.loads(line) for line in Path(result.quarantine).read_text("utf-8").splitlines()]
    assert len(bad) == 1
    assert "same post_id with other content" in bad[0]["reason"]
    assert "something else" in bad[0]["raw"]
    with pytest.raises(TableError, match="same post_id with other content"):
        ingest("posts", file, store, batch=10, on_error="raise")


def test_bad_records_are_written_to_a_file_with_number_and_reason(tmp_path, store):
    file = lines(tmp_path / "a.jsonl", [post(1), {"id": "x"}, post(2)])
    file.write_text(file.read_text("utf-8") + "{broken\n")
    result = ingest("posts", file, store)
    assert (result.records_read, result.new, result.quarantined) == (4, 2, 2)
    bad = [json.loads(line) for line in Path(result.quarantine).read_text("utf-8").splitlines()]
    assert [record["record"] for record in bad] == [2, 4]
    assert all(record["reason"] for record in bad)
    # Another file of the same name has its own quarantine.
    (tmp_path / "other").mkdir()
    other = ingest("posts", lines(tmp_path / "other" / "a.jsonl", [post(9)]), store)
    assert other.quarantine is None
    assert Path(result.quarantine).exists()
    # A later run without bad records removes the file.
    lines(file, [post(1), post(2)])
    assert ingest("posts", file, store).quarantine is None
    assert not list((tmp_path / "store" / "quarantine").iterdir())
    with pytest.raises(StoreError, match="quarantine="):
        ingest("posts", file, Store("memory://somewhere"))


def test_the_counts_add_up_for_every_format(store):
    for file in sorted((FIXTURES / "posts").iterdir()):
        options = {"account": "me", "timezone": "Europe/Kyiv"}
        result = ingest("posts", file, store, **options)
        posts, report = read_posts(file, on_error="quarantine", with_report=True, **options)
        # Two fixtures are exports of one channel, before and after an edit.
        assert sum(counts(result)) + result.older == len(posts)
        assert result.quarantined == len(report.quarantine)
        assert result.format == report.format


def test_events_are_added_once_from_csv_and_from_the_api(store):
    file = FIXTURES / "events" / "acled_new.csv"
    result = ingest("events", file, store)
    assert (result.new, result.unresolved) == (4, 1)
    assert counts(ingest("events", file, store)) == (0, 0, 4)
    # The same events from the API, which writes days in another way.
    assert counts(ingest("events", FIXTURES / "events" / "acled_api.jsonl", store)) == (0, 0, 4)


INGEST = """
import sys
from foxgrape import Store, ingest
print("ready", flush=True)
result = ingest("posts", sys.argv[1], Store(sys.argv[2]), batch=150)
print(result.new, result.changed)
"""


def test_a_killed_run_leaves_a_readable_store_and_the_next_completes_it(tmp_path):
    """Kill 20 runs on one store: the store is always readable and has no duplicates."""
    rows = [post(n, views=n) for n in range(1_500)]
    file = lines(tmp_path / "a", [*rows, post(7, "something else"), {"id": "bad"}])
    path = str(tmp_path / "store")
    moments = random.Random(4)
    for _ in range(20):
        arguments = [sys.executable, "-c", INGEST, str(file), path]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as running:
            running.stdout.readline()
            time.sleep(moments.uniform(0, 0.8))
            running.kill()
        if (tmp_path / "store" / "posts" / "_delta_log").exists():
            assert Store(path).read("posts")["post_id"].is_unique
    subprocess.run([sys.executable, "-c", INGEST, str(file), path], check=True, capture_output=True)
    expected = Store(tmp_path / "uninterrupted")
    ingest("posts", file, expected)
    pd.testing.assert_frame_equal(Store(path).read("posts"), expected.read("posts"))
    kept = list((tmp_path / "store" / "quarantine").glob("*.jsonl"))
    assert len(kept) == 1
    assert len(kept[0].read_text("utf-8").splitlines()) == 2


def test_two_runs_at_once_lose_no_row(tmp_path):
    first = lines(tmp_path / "first", [post(n, views=n) for n in range(1_000)])
    second = lines(tmp_path / "second", [post(n, views=n) for n in range(500, 1_500)])
    path = str(tmp_path / "store")
    both = [
        subprocess.Popen([sys.executable, "-c", INGEST, str(file), path], stdout=subprocess.PIPE)
        for file in (first, second)
    ]
    outputs = [running.communicate()[0].split() for running in both]
    assert [running.returncode for running in both] == [0, 0]
    assert sum(int(new) for _, new, _ in outputs) == 1_500
    assert [changed for *_, changed in outputs] == [b"0", b"0"]
    kept = Store(path).read("posts")
    assert sorted(kept["views"].astype(int)) == list(range(1_500))


SCRIPT = r"""
import re, sys
from pathlib import Path
from foxgrape import Store, ingest
result = ingest("posts", sys.argv[1], Store(sys.argv[2]), batch=20_000)
# Not getrusage, whose maximum includes the memory of the parent process before exec.
print(result.new, re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/self/status")
def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for count in (100_000, 400_000):
        file = lines(tmp_path / f"{count}.jsonl", (post(n, "🍇 " * 60) for n in range(count)))
        arguments = [sys.executable, "-c", SCRIPT, str(file), str(tmp_path / f"store{count}")]
        out = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
        new, peak = map(int, out.split())
        assert new == count
        peaks.append(peak)
    assert peaks[1] < 1.3 * peaks[0]


def run_shell(capfd, *arguments):
    code = run(list(map(str, arguments)))
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def test_the_shell_commands(tmp_path, capfd):
    file = lines(tmp_path / "a.jsonl", [post(1), {"id": "x"}])
    store = tmp_path / "store"
    code, out, err = run_shell(capfd, "ingest", "posts", file, "--store", store)
    assert (code, err) == (0, "")
    assert "2 records read; posts: 1 new, 0 changed, 0 unchanged; 1 quarantined" in out
    assert "(50% of the records), most often: column posted_at: expected a time; got nothing" in out
    assert "Columns: post_id from id, account from user, posted_at from date." in out
    code, out, _ = run_shell(capfd, "ingest", "posts", file, "--store", store, "--json")
    assert (code, json.loads(out)[0]["unchanged"]) == (0, 1)
    code, out, err = run_shell(capfd, "ingest", "posts", file, "--store", store, "--strict")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "row 2" in err
    table = FIXTURES / "events" / "table.csv"
    arguments = ["--store", store, "--timezone", "Europe/Kyiv", "-c", "place=Town"]
    code, out, _ = run_shell(capfd, "ingest", "events", table, *arguments)
    assert (code, "2 new" in out, "1 at unknown places (" in out) == (0, True, True)
    code, _, err = run_shell(capfd, "ingest", "events", table, "--store", store, "-c", "place")
    assert (code, err.count("\n")) == (2, 1)


def test_unknown_places_of_one_name_are_counted_together():
    result = IngestResult("a.csv", "events", "store", "table")
    result.add_unresolved([("Лиман", 2), ("Оріхів", 1), ("Лиман", 3)])
    other = IngestResult("b.csv", "events", "store", "table")
    other.add_unresolved([("Лиман", 1)])
    result.add(other)
    assert (result.unresolved, result.unresolved_places) == (7, {"Лиман": 6, "Оріхів": 1})
    assert "7 at unknown places (Лиман: 6, Оріхів: 1)" in result.sentence()
