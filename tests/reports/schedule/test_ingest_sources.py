"""Sources that a schedule adds to a store before its reports, and new entries."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from fake_apis import FakeMastodon
from fake_http_server import Reply, serving
from fake_reports import FakeRun, lines, make_template
from foxgrape import Store
from foxgrape.cli.app import run
from foxgrape.reports.schedule.config import find_problems, read_schedule
from foxgrape.reports.schedule.due import run_due
from foxgrape.reports.schedule.ingest_sources import IngestSource, add_new_data
from foxgrape.reports.schedule.ledger import Ledger
from foxgrape.reports.schedule.new_entry import add_entry
from foxgrape.reports.schedule.status import check_schedule, preview_due

NOON = datetime(2022, 9, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def write_posts(file, *numbers):
    file.parent.mkdir(exist_ok=True)
    rows = [f"{number},me,2022-09-{number:02}T10:00:00Z,post {number}" for number in numbers]
    file.write_text("\n".join(["post_id,account,posted_at,text", *rows]), encoding="utf-8")


def build_store(template, *, parameters, out, store):  # noqa: ARG001 - as run_report
    """Create the folder of a run with the versions of the store that it read."""
    run_id = f"run-{parameters['end'][8:10]}"
    (out / run_id).mkdir(exist_ok=True)
    manifest = {"run_id": run_id, "store": {"versions": Store(store).latest_versions()}}
    (out / run_id / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with (out / "built.log").open("a", encoding="utf-8") as log:
        log.write(f"{run_id} {len(Store(store).read('posts'))}\n")
    return FakeRun(run_id)


@pytest.fixture
def schedule(tmp_path):
    template, out = make_template(tmp_path), tmp_path / "out"
    out.mkdir()

    def write(*more, source=""):
        file = tmp_path / "schedule.toml"
        source = source or f'table = "posts"\nfiles = ["{tmp_path}/exports/*.csv"]'
        text = f"""
timezone = "UTC"
[[report]]
name = "daily"
template = "{template}"
store = "{tmp_path}/store"
cron = "0 7 * * *"
period = {{ end = "end" }}
start = 2022-09-10
ingest = ["channel"]
retry_after = "1min"
{"".join(f"{line}{os.linesep}" for line in more)}
[ingest.channel]
{source}
"""
        file.write_text(text, encoding="utf-8")
        return file, out

    return write


def test_only_new_files_are_read_before_a_report(schedule, tmp_path):
    file, out = schedule()
    write_posts(tmp_path / "exports" / "a.csv", 1, 2)

    def due(now):
        return run_due(read_schedule(file), now=now, out=out, run=build_store)

    (first,) = due(NOON).ingested
    assert (first.new, first.error) == (2, None)
    assert due(NOON + timedelta(hours=1)).ingested == (), "nothing is due, so nothing is read"
    (second,) = due(NOON + DAY).ingested
    assert second.sentence() == "ingest channel: nothing new; 1 file is unchanged."
    write_posts(tmp_path / "exports" / "b.csv", 3)
    (third,) = due(NOON + 2 * DAY).ingested
    assert third.new == 1
    assert "a.csv" not in third.text
    write_posts(tmp_path / "exports" / "a.csv", 1, 2, 4)  # the file has grown
    (fourth,) = due(NOON + 3 * DAY).ingested
    assert (fourth.new, fourth.changed) == (1, 0)
    assert lines(out / "built.log") == ["run-10 2", "run-11 2", "run-12 3", "run-13 4"]


def test_a_period_without_new_data_is_skipped_if_asked(schedule, tmp_path):
    file, out = schedule('if_nothing_new = "skip"')
    write_posts(tmp_path / "exports" / "a.csv", 1)

    def due(now):
        return run_due(read_schedule(file), now=now, out=out, run=build_store)

    assert due(NOON).sentence() == "1 report was due: 1 built, 0 failed."
    skipped = due(NOON + DAY)
    assert skipped.sentence() == "1 report was due: 0 built, 0 failed, 1 skipped (nothing new)."
    assert not skipped.failed
    assert due(NOON + DAY).runs == ()
    write_posts(tmp_path / "exports" / "b.csv", 2)
    assert due(NOON + 2 * DAY).runs[0].state == "done"
    # Two periods at once are built: data that came with the first may belong to the second.
    assert [run.state for run in due(NOON + 4 * DAY).runs] == ["done", "done"]


def test_posts_are_fetched_from_a_service_before_a_report(schedule):
    services, broken = [FakeMastodon(3, page=2)], []

    def respond(request):
        return Reply(status=403) if broken else services[-1](request)

    with serving(respond) as server:
        server_key, account = f'server = "{server.address}"', 'account = "@minister"'
        fetch = f'fetch = {{ service = "mastodon", {server_key}, {account} }}'
        source = f'table = "posts"\n{fetch}'
        file, out = schedule(source=source)

        def due(days):
            return run_due(read_schedule(file), now=NOON + days * DAY, out=out, run=build_store)

        first = due(0)
        assert [run.state for run in first.runs] == ["done"]
        assert [(result.new, result.error) for result in first.ingested] == [(3, None)]
        assert [result.text for result in due(1).ingested] == ["nothing new."]
        services.append(FakeMastodon(5, page=2))
        assert [result.new for result in due(2).ingested] == [2]
        broken.append(True)
        (failed,) = due(3).runs
        assert failed.state == "failed"
        assert "ingest channel: " in failed.error
        assert "403" in failed.error
        broken.clear()
        again = run_due(
            read_schedule(file), now=NOON + 3 * DAY + timedelta(minutes=1), out=out, run=build_store
        )
        assert [(run.state, run.tries) for run in again.runs] == [("done", 2)]
    assert lines(out / "built.log") == ["run-10 3", "run-11 3", "run-12 5", "run-13 5"]
    assert not list((out / ".schedule" / ".ingest").glob("*.download*"))


def test_a_source_that_cannot_be_read_fails_the_report_until_it_can(schedule, tmp_path):
    file, out = schedule()
    call = {"out": out, "run": build_store}
    (failed,) = run_due(read_schedule(file), now=NOON, **call).runs
    assert failed.state == "failed"
    assert failed.error.startswith("ingest channel: no such file; got ")
    write_posts(tmp_path / "exports" / "a.csv", 1)
    (built,) = run_due(read_schedule(file), now=NOON + timedelta(minutes=2), **call).runs
    assert built.state == "done"


def test_a_file_is_read_again_if_its_reading_was_interrupted(tmp_path, monkeypatch):
    source = IngestSource("a", "posts", (str(tmp_path / "a.csv"),))
    write_posts(tmp_path / "a.csv", 1)
    ledger, store = Ledger(tmp_path / ".schedule"), str(tmp_path / "store")

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            add_new_data(source, store, ledger)
    again = add_new_data(source, store, ledger)
    assert (again.new, "1 unchanged" in again.text) == (0, True)
    assert len(Store(store).read("posts")) == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            'table = "post"\nfiles = ["a"]',
            "ingest.channel, table must be posts or events; got 'post'",
        ),
        ('table = "posts"', "files or fetch must be given, and not both"),
        ('table = "posts"\nfiles = "a"', "files must be a list of paths and patterns"),
        ('table = "posts"\nfils = ["a"]', "unknown key fils. Hint: did you mean 'files'"),
        ('table = "posts"\nfiles = ["a"]\noptions = { acount = "b" }', "did you mean 'account'"),
        ('table = "posts"\nfetch = { service = "mastodn" }', "did you mean 'mastodon'"),
        ('table = "posts"\nfetch = { service = "acled" }', "table must be events for acled"),
        ('table = "posts"\nfetch = { service = "bluesky" }', "missing 1 required .* 'actor'"),
        (
            'table = "posts"\nfetch = { service = "bluesky", actr = "a" }',
            "unknown key actr. Hint: did you mean 'actor'",
        ),
    ],
)
def test_errors_in_a_source_name_key_and_value(schedule, source, message):
    (problem,) = find_problems(schedule(source=source)[0])
    with pytest.raises(type(problem), match=message):
        raise problem


def test_an_unknown_source_and_a_missing_store_are_errors(schedule):
    file, _ = schedule()
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('["channel"]', '["chanel"]'), encoding="utf-8")
    assert "names an unknown source; got 'chanel'" in str(find_problems(file)[0])
    file.write_text(
        "\n".join(line for line in text.splitlines() if not line.startswith("store")),
        encoding="utf-8",
    )
    assert "ingest needs a store to add to" in str(find_problems(file)[0])


def test_check_and_dry_run_name_sources(schedule, tmp_path):
    file, out = schedule()
    (problem,) = check_schedule(read_schedule(file), now=NOON)
    assert "no such file" in str(problem)
    assert preview_due(read_schedule(file), now=NOON, out=out) == [
        f"ingest channel into {tmp_path}/store",
        "build daily, due 2022-09-10 07:00 UTC",
    ]
    assert not (out / ".schedule").exists()


def test_schedule_new_writes_an_entry_that_works(tmp_path, capfd):
    file = tmp_path / "reports" / "schedule.toml"
    call = ["schedule", "new", "--schedule", str(file), "--template", "weekly_brief"]
    call += ["--store", 'my "store"', "--timezone", "Europe/Kyiv"]
    assert run([*call, "--name", "weekly", "--every", "week"]) == 0
    assert run([*call, "--name", "daily", "--cron", "0 6 * * *"]) == 0
    assert "foxgrape report due" in capfd.readouterr().out
    weekly, daily = read_schedule(file).entries
    assert (weekly.cron.expression, weekly.job.store) == ("0 7 * * MON", 'my "store"')
    assert daily.cron.expression == "0 6 * * *"
    assert check_schedule(read_schedule(file), now=NOON) == []
    before = file.read_bytes()
    for wrong, message in [
        (["--name", "weekly", "--every", "week"], "name must be unique"),
        (["--name", "other", "--cron", "0 25 * * *"], "cron must be five fields"),
        (["--name", "other", "--every", "week", "--template", "wekly"], "weekly_brief"),
        (["--every", "week"], "--name"),
    ]:
        assert run([*call, *wrong]) in {1, 2}
        assert message in capfd.readouterr().err
        assert file.read_bytes() == before


def test_entries_that_are_added_at_once_are_all_in_the_schedule(tmp_path):
    """Each call reads the file and replaces it."""
    file = tmp_path / "schedule.toml"
    entry = {"template": "lead_times", "cron": "0 6 * * *", "timezone": "UTC"}
    with ThreadPoolExecutor(8) as pool:
        names = [f"entry{number}" for number in range(8)]
        values = [{"name": name, **entry} for name in names]
        list(pool.map(lambda value: add_entry(file, value, now=NOON), values))
    assert sorted(added.name for added in read_schedule(file).entries) == names


def test_a_killed_call_of_schedule_new_leaves_no_draft(tmp_path, monkeypatch):
    """An entry is checked in memory, not in a temporary file."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    entry = {"name": "a", "template": "lead_times", "cron": "0 6 * * *", "timezone": "UTC"}
    add_entry(tmp_path / "schedule.toml", entry, now=NOON)
    assert [path.name for path in tmp_path.iterdir()] == ["schedule.toml"]
