"""Files into a store: nothing twice, nothing lost, whatever happens on the way."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from foxgrape import Store, ingest, read_posts
from foxgrape.cli.app import run
from foxgrape.errors import StoreError, TableError

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


def counts(told):
    return told.new, told.changed, told.unchanged


def test_the_same_file_twice_changes_nothing_and_says_so(tmp_path, store):
    file = lines(tmp_path / "posts.jsonl", map(post, range(25)))
    assert counts(ingest("posts", file, store, batch=10)) == (25, 0, 0)
    before = store.versions("posts")
    again = ingest("posts", file, store, batch=10)
    assert counts(again) == (0, 0, 25)
    pd.testing.assert_frame_equal(store.versions("posts"), before)
    assert again.sentence().endswith("posts: 0 new, 0 changed, 25 unchanged.")


def test_an_edit_is_kept_and_so_is_what_it_replaced(tmp_path, store):
    ingest("posts", lines(tmp_path / "a", [post(1), post(2)]), store)
    edited = lines(tmp_path / "b", [post(1, "Сьогодні 🍇"), post(2), post(3)])
    assert counts(ingest("posts", edited, store)) == (1, 1, 1)
    assert store.read("posts")["text"].tolist()[0] == "Сьогодні 🍇"
    assert store.read("posts", version=0)["text"].tolist()[0] == "Скоро 🍇"


def test_a_post_whose_time_is_put_right_moves_to_its_month(tmp_path, store):
    ingest("posts", lines(tmp_path / "a", [post(1), post(2)]), store)
    moved = post(1) | {"date": "2022-07-01T12:00:00Z"}
    assert counts(ingest("posts", lines(tmp_path / "b", [moved]), store)) == (0, 1, 0)
    kept = store.read("posts").set_index("post_id")["posted_at"]
    assert kept["p1"] == pd.Timestamp("2022-07-01T12:00Z")
    assert len(kept) == 2
    assert len(store.read("posts", since="2022-07-01T00:00:00Z")) == 1


def test_what_a_file_says_first_counts_wherever_it_says_otherwise(tmp_path, store):
    """Else each run would put the other one in."""
    rows = [post(n) for n in range(30)] + [post(3, "something else"), post(4), post(5, views=7)]
    file = lines(tmp_path / "a", rows)
    for new in (30, 0):
        told = ingest("posts", file, store, batch=10)
        assert counts(told) == (new, 0, 30 - new)
        assert (told.repeated, told.quarantined) == (2, 1)
        assert set(store.read("posts")["text"]) == {"Скоро 🍇"}
    bad = [json.loads(line) for line in Path(told.quarantine).read_text("utf-8").splitlines()]
    assert len(bad) == 1
    assert "stands in the file already, with other content" in bad[0]["reason"]
    assert "something else" in bad[0]["raw"]
    with pytest.raises(TableError, match="stands in the file already"):
        ingest("posts", file, store, batch=10, on_error="raise")


def test_bad_records_are_kept_beside_with_number_and_reason(tmp_path, store):
    file = lines(tmp_path / "a.jsonl", [post(1), {"id": "x"}, post(2)])
    file.write_text(file.read_text("utf-8") + "{broken\n")
    told = ingest("posts", file, store)
    assert (told.read, told.new, told.quarantined) == (4, 2, 2)
    bad = [json.loads(line) for line in Path(told.quarantine).read_text("utf-8").splitlines()]
    assert [one["record"] for one in bad] == [2, 4]
    assert all(one["reason"] for one in bad)
    # Another file of the same name has its own.
    (tmp_path / "other").mkdir()
    other = ingest("posts", lines(tmp_path / "other" / "a.jsonl", [post(9)]), store)
    assert other.quarantine is None
    assert Path(told.quarantine).exists()
    # A later run that finds nothing bad leaves nothing behind.
    lines(file, [post(1), post(2)])
    assert ingest("posts", file, store).quarantine is None
    assert not list((tmp_path / "store" / "quarantine").iterdir())
    with pytest.raises(StoreError, match="quarantine="):
        ingest("posts", file, Store("memory://somewhere"))


def test_every_count_adds_up_for_real_shapes(store):
    for file in sorted((FIXTURES / "posts").iterdir()):
        options = {"account": "me", "timezone": "Europe/Kyiv"}
        told = ingest("posts", file, store, **options)
        read = read_posts(file, on_error="quarantine", **options)
        assert told.new + told.unchanged + told.changed == len(read)
        assert told.quarantined == len(read.attrs["quarantine"])
        assert told.format == read.attrs["format"]


def test_events_go_in_too(store):
    file = FIXTURES / "events" / "acled_new.csv"
    told = ingest("events", file, store)
    assert (told.new, told.unresolved) == (4, 1)
    assert counts(ingest("events", file, store)) == (0, 0, 4)
    # The same events by the API, whose days are written otherwise.
    assert counts(ingest("events", FIXTURES / "events" / "acled_api.jsonl", store)) == (0, 0, 4)


INGEST = """
import sys
from foxgrape import Store, ingest
print("ready", flush=True)
told = ingest("posts", sys.argv[1], Store(sys.argv[2]), batch=150)
print(told.new, told.changed)
"""


def test_a_run_that_dies_leaves_a_readable_store_and_the_next_ends_alike(tmp_path):
    """Killed at 20 moments, in one store: what is there is whole, and nothing comes twice."""
    rows = [post(n, views=n) for n in range(1_500)]
    file = lines(tmp_path / "a", [*rows, post(7, "otherwise"), {"id": "bad"}])
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
    whole = Store(tmp_path / "undisturbed")
    ingest("posts", file, whole)
    pd.testing.assert_frame_equal(Store(path).read("posts"), whole.read("posts"))
    kept = list((tmp_path / "store" / "quarantine").glob("*.jsonl"))
    assert len(kept) == 1
    assert len(kept[0].read_text("utf-8").splitlines()) == 2


def test_two_at_once_lose_nothing(tmp_path):
    one = lines(tmp_path / "one", [post(n, views=n) for n in range(1_000)])
    two = lines(tmp_path / "two", [post(n, views=n) for n in range(500, 1_500)])
    path = str(tmp_path / "store")
    both = [
        subprocess.Popen([sys.executable, "-c", INGEST, str(file), path], stdout=subprocess.PIPE)
        for file in (one, two)
    ]
    told = [running.communicate()[0].split() for running in both]
    assert [running.returncode for running in both] == [0, 0]
    assert sum(int(new) for _, new, _ in told) == 1_500
    assert [changed for *_, changed in told] == [b"0", b"0"]
    kept = Store(path).read("posts")
    assert sorted(kept["views"].astype(int)) == list(range(1_500))


MEASURED = r"""
import re, sys
from pathlib import Path
from foxgrape import Store, ingest
told = ingest("posts", sys.argv[1], Store(sys.argv[2]), batch=20_000)
# Not getrusage: what it tells begins with the memory of whoever started this process.
print(told.new, re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for count in (100_000, 400_000):
        file = lines(tmp_path / f"{count}.jsonl", (post(n, "🍇 " * 60) for n in range(count)))
        arguments = [sys.executable, "-c", MEASURED, str(file), str(tmp_path / f"store{count}")]
        out = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
        new, peak = map(int, out.split())
        assert new == count
        peaks.append(peak)
    assert peaks[1] < 1.3 * peaks[0]


def said(capfd, *arguments):
    code = run(list(map(str, arguments)))
    told = capfd.readouterr()
    return code, told.out, told.err


def test_the_shell(tmp_path, capfd):
    file = lines(tmp_path / "a.jsonl", [post(1), {"id": "x"}])
    store = tmp_path / "store"
    code, out, err = said(capfd, "ingest", "posts", file, "--store", store)
    assert (code, err) == (0, "")
    assert "2 records read; posts: 1 new, 0 changed, 0 unchanged; 1 quarantined, see" in out
    assert "Columns: post_id from id, account from user, posted_at from date." in out
    code, out, _ = said(capfd, "ingest", "posts", file, "--store", store, "--json")
    assert (code, json.loads(out)[0]["unchanged"]) == (0, 1)
    code, out, err = said(capfd, "ingest", "posts", file, "--store", store, "--strict")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "row 2" in err
    table = FIXTURES / "events" / "table.csv"
    arguments = ["--store", store, "--timezone", "Europe/Kyiv", "-c", "place=Town"]
    code, out, _ = said(capfd, "ingest", "events", table, *arguments)
    assert (code, "2 new" in out, "1 in places that no gazetteer knows" in out) == (0, True, True)
    code, _, err = said(capfd, "ingest", "events", table, "--store", store, "-c", "place")
    assert (code, err.count("\n")) == (2, 1)
