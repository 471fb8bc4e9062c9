"""Each due report is built once, despite parallel calls, clock changes, crashes and failures."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

import fake_reports
from fake_http_server import Reply, serving
from fake_reports import append, build, lines, make_template
from fake_smtp_server import serve_smtp
from foxgrape.errors import FoxgrapeError, ScheduleError
from foxgrape.reports.schedule.config import read_schedule
from foxgrape.reports.schedule.due import backfill, run_due
from foxgrape.reports.schedule.ledger import Ledger
from foxgrape.reports.schedule.notifications import AppriseService
from foxgrape.reports.schedule.status import entry_statuses
from foxgrape.reports.templates.discovery import find_template
from shell import run_shell

KYIV = ZoneInfo("Europe/Kyiv")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime(2022, 9, 10, 9, tzinfo=UTC)


def entry(name, template, cron, *more):
    return "\n".join(
        [
            "[[report]]",
            f'name = "{name}"',
            f'template = "{template}"',
            f'cron = "{cron}"',
            f'parameters = {{ entry = "{name}" }}',
            'period = { start = "start", end = "end" }',
            *more,
        ]
    )


@pytest.fixture
def write_schedule(tmp_path):
    """Return a function that writes a schedule and returns its file and the output folder."""
    template = make_template(tmp_path)
    out = tmp_path / "out"
    out.mkdir()

    def write(*entries, top=""):
        file = tmp_path / "schedule.toml"
        reports = [entry(name, template, cron, *more) for name, cron, *more in entries]
        text = "\n".join(['timezone = "Europe/Kyiv"', *reports, top])
        file.write_text(text, encoding="utf-8")
        return file, out

    return write


@pytest.fixture(scope="module")
def processes():
    """Start processes from a fork server that has the imports loaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["fake_reports"])
    return context


def built(out):
    return lines(out / "built.log")


# ---- two schedulers over two simulated weeks


class Scheduler:
    """A process that builds due reports; it is restarted when it dies."""

    def __init__(self, processes, file, out):
        self.make = lambda calls: processes.Process(
            target=fake_reports.serve, args=(calls, file, out)
        )
        self.processes = processes
        self.deaths = 0
        self.start()

    def start(self):
        self.calls, theirs = self.processes.Pipe()
        self.process = self.make(theirs)
        self.process.start()
        theirs.close()

    def call(self, now):
        self.calls.send(now)

    def wait(self):
        try:
            self.calls.recv()
        except EOFError:
            self.process.join()
            assert self.process.exitcode == -signal.SIGKILL
            self.deaths += 1
            self.start()

    def stop(self):
        self.calls.send(None)
        self.process.join()


def weeks(first):
    """Yield an instant every two hours for two weeks, without two days and another one."""
    now, end = first, first + 14 * DAY
    while now < end:
        yield now
        now += 2 * HOUR
        if now in {first + 3 * DAY, first + 9 * DAY + 8 * HOUR}:
            now += (2 if now < first + 5 * DAY else 1) * DAY


def expected(first, last):
    """Return the due times found by counting minutes."""
    due, minute, days = set(), first, set()
    while minute <= last:
        local = minute.astimezone(KYIV)
        if minute.minute == 0:
            due.add(("hourly", minute))
        if (local.hour, local.minute) >= (3, 30) and local.date() not in days:
            days.add(local.date())
            due.add(("nightly", minute))
        if (local.weekday(), local.hour, local.minute) == (0, 8, 0):
            due.add(("weekly", minute))
        minute += timedelta(minutes=1)
    return due


@pytest.mark.parametrize(
    "first",
    [datetime(2022, 3, 18, 22, tzinfo=UTC), datetime(2022, 10, 21, 21, tzinfo=UTC)],
    ids=["spring", "autumn"],
)
def test_two_schedulers_build_each_due_period_once(write_schedule, processes, first):
    """From local midnight to midnight; the clocks in Kyiv change on the ninth day."""
    more = [f"start = {first:%Y-%m-%dT%H:%M:%SZ}", "catch_up = 60", 'retry_after = "30min"']
    file, out = write_schedule(
        ("hourly", "0 * * * *", *more),
        ("nightly", "30 3 * * *", *more),
        ("weekly", "0 8 * * MON", *more),
    )
    pair = [Scheduler(processes, file, out) for _ in range(2)]
    for now in weeks(first):
        for scheduler in pair:
            scheduler.call(now)
        for scheduler in pair:
            scheduler.wait()
    last = now + 2 * HOUR
    for later in (last, last + HOUR / 2, last + HOUR - HOUR / 60):  # failed reports are retried
        for scheduler in pair:
            scheduler.call(later)
            scheduler.wait()
    for scheduler in pair:
        scheduler.stop()

    counts = Counter(built(out))
    assert set(counts.values()) == {1}
    got = {(name, datetime.fromisoformat(end)) for name, end in map(str.split, counts)}
    assert got == expected(first, last)
    # Processes died, reports failed, and both schedulers built some.
    assert sum(scheduler.deaths for scheduler in pair) >= 3
    assert len(lines(out / "tried.log")) > len(counts) + 10
    assert min(Counter(lines(out / "by.log")).values()) > 0
    assert len(Counter(lines(out / "by.log"))) >= 2


# ---- one call


def test_due_reports_are_built_oldest_first_and_once(write_schedule):
    file, out = write_schedule(
        ("daily", "0 7 * * *", "start = 2022-09-01", "catch_up = 2"),
        ("weekly", "0 8 * * MON", "start = 2022-09-01"),
    )
    schedule = read_schedule(file)
    done = run_due(schedule, now=NOON, out=out, run=build)
    assert [(run.entry, run.end.day, run.state) for run in done.runs] == [
        ("weekly", 5, "done"),
        ("daily", 8, "done"),
        ("daily", 9, "done"),
        ("daily", 10, "done"),
    ]
    assert done.runs[-1].start == done.runs[-2].end
    assert done.sentence() == "4 reports were due: 4 built, 0 failed."
    json.dumps(done.to_dict())
    assert done.to_frame()["entry"].tolist() == ["weekly", "daily", "daily", "daily"]
    assert run_due(schedule, now=NOON, out=out, run=build).runs == ()
    assert len(built(out)) == 4


def test_a_new_entry_counts_from_when_it_is_first_seen(write_schedule):
    file, out = write_schedule(("daily", "0 7 * * *"))
    assert run_due(read_schedule(file), now=NOON, out=out, run=build).runs == ()
    later = run_due(read_schedule(file), now=NOON + 2 * DAY, out=out, run=build)
    assert [run.end.day for run in later.runs] == [11, 12]
    # A changed cron expression counts from when the change is first seen.
    file, out = write_schedule(("daily", "0 8 * * *"))
    assert run_due(read_schedule(file), now=NOON + 2 * DAY, out=out, run=build).runs == ()


def test_an_entry_first_seen_while_the_clock_was_ahead_counts_from_now(write_schedule):
    file, out = write_schedule(("daily", "0 7 * * *"))
    read = read_schedule(file)
    run_due(read, now=NOON + timedelta(days=3650), out=out, run=build)
    assert run_due(read, now=NOON, out=out, run=build).runs == ()
    assert len(run_due(read, now=NOON + timedelta(days=1), out=out, run=build).runs) == 1


def test_many_calls_at_once_build_once(write_schedule):
    file, out = write_schedule(("daily", "0 7 * * *", "start = 2022-09-01"))
    schedule = read_schedule(file)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(run_due, schedule, now=NOON, out=out, run=build) for _ in range(8)]
        done = [run for call in calls for run in call.result().runs]
    assert len(done) == len(built(out)) == 8
    assert set(Counter(built(out)).values()) == {1}


def test_retries_follow_the_schedule_and_end(write_schedule):
    file, out = write_schedule(
        ("daily", "0 7 * * *", "start = 2022-09-10", "retries = 1", 'retry_after = "10min"')
    )
    schedule = read_schedule(file)
    (out / "fail").write_text("no\nway")

    def call(minutes):
        now = NOON + timedelta(minutes=minutes)
        runs = run_due(schedule, now=now, out=out, run=fake_reports.build_or_fail).runs
        return [(run.state, run.tries, run.error) for run in runs]

    assert call(0) == [("failed", 1, "RuntimeError: no way")]
    assert call(9) == []
    assert entry_statuses(schedule, now=NOON + 9 * HOUR / 60, out=out)[0].waiting
    assert call(10) == [("given up", 2, "RuntimeError: no way")]
    assert call(1000) == []
    (status,) = entry_statuses(schedule, now=NOON + DAY / 2, out=out)
    assert [end.day for end in status.given_up] == [10]
    assert (status.waiting, status.failing) == ((), True)


def test_a_missing_template_fails_its_own_report_only(write_schedule):
    more = ("start = 2022-09-10", "catch_up = 0")
    file, out = write_schedule(("bad", "0 7 * * *", *more), ("good", "0 7 * * *", *more))
    text = file.read_text(encoding="utf-8").replace("mine.ipynb", "gone.ipynb", 1)
    file.write_text(text, encoding="utf-8")
    bad, good = run_due(read_schedule(file), now=NOON, out=out, run=build).runs
    assert (bad.state, good.state) == ("failed", "done")
    assert "there is no such notebook" in bad.error


def test_a_faulty_report_does_not_stop_its_batch(write_schedule):
    more = ("start = 2022-09-01", "catch_up = 9", 'retry_after = "0s"')
    file, out = write_schedule(("daily", "0 7 * * *", *more), ("other", "0 7 * * *", *more))
    text = file.read_text(encoding="utf-8").replace("mine.ipynb", "gone.ipynb", 1)
    file.write_text(text, encoding="utf-8")
    batches = []

    def run_many(requests, *, workers):
        batches.append((len(requests), workers))
        if any("2022-09-05" in request["parameters"]["end"] for request in requests):
            raise FoxgrapeError("cannot build")
        return [fake_reports.build_or_fail(**request) for request in requests]

    def call():
        options = {"now": NOON, "out": out, "run_many": run_many, "workers": 2}
        runs = run_due(read_schedule(file), **options).runs
        return Counter((run.entry, run.error and run.error.split(":")[-1]) for run in runs)

    gone = ("daily", " there is no such notebook")
    assert call() == {gone: 10, ("other", None): 9, ("other", "cannot build"): 1}
    # 20 tasks in batches of 16: the reports of the failed batch are then built alone.
    assert [count for count, _ in batches] == [8, *[1] * 8, 2]
    assert {workers for _, workers in batches} == {2}
    assert call() == {gone: 10, ("other", "cannot build"): 1}
    assert set(Counter(built(out)).values()) == {1}
    assert len(built(out)) == 9


def test_old_runs_are_pruned_to_the_largest_keep(write_schedule):
    more = ("start = 2022-09-10", "catch_up = 0")
    file, out = write_schedule(
        ("one", "0 7 * * *", *more, "keep = 3"),
        ("other", "0 7 * * *", *more, "keep = 30"),
    )
    calls = []

    def prune(folder, **options):
        calls.append((folder, options))

    options = {"out": out, "run": build, "prune": prune}
    run_due(read_schedule(file), now=NOON, **options)
    assert calls == [(out, {"keep": 30, "template": "mine"})]
    run_due(read_schedule(file), now=NOON, **options)
    assert len(calls) == 1, "nothing was built"
    # An entry without keep keeps all runs.
    text = file.read_text(encoding="utf-8").replace("keep = 30", "")
    file.write_text(text, encoding="utf-8")
    run_due(read_schedule(file), now=NOON + DAY, **options)
    assert len(calls) == 1


def test_a_template_by_name_and_by_path_is_the_same(tmp_path):
    """Otherwise, pruning for one entry would delete runs that the other keeps."""
    file, calls = tmp_path / "schedule.toml", []
    for keep, wanted in (("", []), ("keep = 5", [{"keep": 5, "template": "lead_times"}])):
        entries = (
            ("one", "lead_times", keep),
            ("other", find_template("lead_times").notebook, "keep = 3"),
        )
        reports = [
            f'[[report]]\nname = "{name}"\ntemplate = "{template}"\ncron = "0 7 * * *"\n'
            f'timezone = "UTC"\nstart = 2022-09-10\n{more}'
            for name, template, more in entries
        ]
        file.write_text("\n".join(reports), encoding="utf-8")
        options = {"run": build_nothing, "prune": lambda _, **keywords: calls.append(keywords)}
        run_due(read_schedule(file), now=NOON, out=tmp_path / f"out{keep}", **options)
        assert calls == wanted


def build_nothing(*_, **__):
    """Build nothing."""


def test_errors_are_escaped_in_html(write_schedule):
    file, out = write_schedule(("daily", "0 7 * * *", "start = 2022-09-10"))
    (out / "fail").write_text("<script>alert(1)</script>")
    result = run_due(read_schedule(file), now=NOON, out=out, run=fake_reports.build_or_fail)
    assert "&lt;script&gt;" in result._repr_html_()
    assert "<script>" not in result._repr_html_()


def test_a_folder_that_cannot_be_written_is_one_line(write_schedule, tmp_path):
    file, _ = write_schedule(("daily", "0 7 * * *", "start = 2022-09-10"))
    (tmp_path / "file").touch()
    with pytest.raises(ScheduleError, match="cannot write period states"):
        run_due(read_schedule(file), now=NOON, out=tmp_path / "file", run=build)


def test_now_needs_an_offset(write_schedule):
    file, out = write_schedule(("daily", "0 7 * * *"))
    with pytest.raises(ValueError, match="must have a UTC offset"):
        run_due(read_schedule(file), now=datetime(2022, 9, 10), out=out, run=build)  # noqa: DTZ001


# ---- processes that die


def kill_while_building(processes, file, out, now):
    process = processes.Process(
        target=fake_reports.build_once, args=(file, out, now, fake_reports.build_slowly)
    )
    before = len(lines(out / "started.log"))
    process.start()
    deadline = time.monotonic() + 30
    while len(lines(out / "started.log")) == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    return int(lines(out / "started.log")[-1])


def test_a_period_whose_process_was_killed_is_built_by_the_next_call(write_schedule, processes):
    file, out = write_schedule(("daily", "0 7 * * *", "start = 2022-09-10", "retries = 0"))
    child = kill_while_building(processes, file, out, NOON)
    try:
        # The child process is still alive but does not hold the lock.
        assert Ledger(out / ".schedule").read_state("daily/20220910T040000Z").state == "running"
        assert entry_statuses(read_schedule(file), now=NOON, out=out)[0].waiting
        (run,) = run_due(read_schedule(file), now=NOON, out=out, run=build).runs
        assert (run.state, run.tries) == ("done", 2)
        record = Ledger(out / ".schedule").read_state("daily/20220910T040000Z")
        assert [(attempt.died, attempt.error) for attempt in record.tries] == [
            (True, "its process died"),
            (False, None),
        ]
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_lock_file_whose_process_died_when_its_period_was_done_is_deleted(write_schedule):
    file, out = write_schedule(("daily", "0 7 * * *", "start = 2022-09-10"))
    run_due(read_schedule(file), now=NOON, out=out, run=fake_reports.build)
    folder = out / ".schedule" / "daily"
    (state,) = folder.glob("2*.json")
    state.with_suffix(".lock").touch()
    (folder / "20220101T000000Z.lock").touch()  # of a period without a state
    run_due(read_schedule(file), now=NOON, out=out, run=fake_reports.build)
    assert [path.name for path in folder.glob("2*.lock")] == ["20220101T000000Z.lock"]


def test_an_interrupt_by_hand_is_not_a_failed_attempt(write_schedule):
    file, out = write_schedule(("daily", "0 7 * * *", "start = 2022-09-10", "retries = 0"))

    def stopped(*_, **__):
        raise KeyboardInterrupt

    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            run_due(read_schedule(file), now=NOON, out=out, run=stopped)
    (run,) = run_due(read_schedule(file), now=NOON, out=out, run=build).runs
    assert (run.state, run.tries) == ("done", 1)


def test_a_period_that_is_being_built_is_left_alone(write_schedule, processes):
    file, out = write_schedule(("daily", "0 7 * * *", "start = 2022-09-10"))
    process = processes.Process(
        target=fake_reports.build_once, args=(file, out, NOON, fake_reports.build_slowly)
    )
    process.start()
    while not lines(out / "started.log"):
        time.sleep(0.01)
    assert run_due(read_schedule(file), now=NOON, out=out, run=build).runs == ()
    process.kill()
    process.join()
    os.kill(int(lines(out / "started.log")[0]), signal.SIGKILL)


def test_a_report_that_kills_its_process_three_times_is_given_up(write_schedule, processes):
    file, out = write_schedule(("daily", "0 7 * * *", "start = 2022-09-10"))
    for _ in range(3):
        os.kill(kill_while_building(processes, file, out, NOON), signal.SIGKILL)
    (run,) = run_due(read_schedule(file), now=NOON, out=out, run=build).runs
    assert (run.state, run.tries, run.error) == ("given up", 3, "its process died")
    assert built(out) == []


@pytest.mark.parametrize("left", ["", "{", "[]", '{"state": "done", "tries": [{"x": 1}]}'])
def test_a_period_with_a_corrupt_state_is_built_again(write_schedule, left):
    file, out = write_schedule(("daily", "0 7 * * *", "start = 2022-09-10"))
    state = out / ".schedule" / "daily" / "20220910T040000Z.json"
    state.parent.mkdir(parents=True)
    state.write_text(left, encoding="utf-8")
    (run,) = run_due(read_schedule(file), now=NOON, out=out, run=build).runs
    assert run.state == "done"


# ---- alerts

DESK = '[notify.desk]\nkind = "webhook"\nurl_env = "DESK_URL"'
ONCE = ("start = 2022-09-09", "retries = 0", 'notify = ["desk"]')


def test_failure_and_recovery_are_reported_once_each(write_schedule):
    file, out = write_schedule(("daily", "0 7 * * *", *ONCE), top=DESK)
    schedule = read_schedule(file)
    with serving(lambda _: Reply(status=204)) as server:
        environ = {"DESK_URL": f"{server.address}/hooks/hunter2"}

        def call(days):
            now = NOON + days * DAY
            return run_due(
                schedule, now=now, out=out, run=fake_reports.build_or_fail, environ=environ
            ).undelivered

        (out / "fail").write_text("broken")
        assert call(0) == ()
        call(1)
        (out / "fail").unlink()
        call(2)
        call(3)
        messages = [json.loads(request.body) for request in server.requests]
    assert [message["kind"] for message in messages] == ["failed", "recovered"]
    assert {request.path for request in server.requests} == {"/hooks/hunter2"}
    assert messages[0]["period_end"] == "2022-09-09T04:00:00+00:00"
    assert messages[0]["error"] == "RuntimeError: broken"
    assert messages[0]["text"] == (
        "The report daily failed, and this period is not tried again.\n"
        "Due 9 Sep 2022, 07:00, Europe/Kyiv.\n"
        "- Reason: RuntimeError: broken\n"
        "- It was tried once.\n"
        "- Later periods are built when they are due; a message follows when one succeeds.\n"
        f"- {how_to_build('8', '9', file, out)}"
    )
    assert messages[1]["period_end"] == "2022-09-12T04:00:00+00:00"
    # All periods that were abandoned in the meantime.
    days = ("8", "9", "10", "11")
    assert messages[1]["points"] == [how_to_build(*pair, file, out) for pair in pairwise(days)]
    health = Ledger(out / ".schedule").read_json("daily/health")
    assert health == {"failing_since": None, "abandoned": {}}


def how_to_build(start, end, file, out):
    """Return the line of a message about the report of a day of September that was not built."""
    template = file.with_name("mine.ipynb")
    begins, ends = (f"2022-09-{int(day):02}T07:00:00+03:00" for day in (start, end))
    return (
        f"The report due {end} Sep 2022, 07:00, Europe/Kyiv was not built. To build it: "
        f"foxgrape report build {template} -p entry=daily -p start={begins} -p end={ends} "
        f"--out {out}"
    )


def test_a_message_that_could_not_be_sent_is_sent_by_a_later_call(write_schedule):
    file, out = write_schedule(("daily", "0 7 * * *", *ONCE), top=DESK)
    schedule = read_schedule(file)
    (out / "fail").write_text("broken")
    answers = [Reply(status=500), Reply(status=302, headers={"location": "http://x/"}), Reply()]

    def call(environ, minutes=0):
        now = NOON + timedelta(minutes=minutes)
        return run_due(
            schedule, now=now, out=out, run=fake_reports.build_or_fail, environ=environ
        ).undelivered

    # An attempt counts only if a server was contacted.
    assert call({}) == ("cannot notify desk: the environment variable DESK_URL is not set",)
    plain = call({"DESK_URL": "http://chat.example/hunter2"})
    assert plain == ("cannot notify desk: DESK_URL must be an https:// URL",)
    assert call({"DESK_URL": "http://127.0.0.1:9/hunter2"}) == (
        "cannot notify desk: the connection failed",
    )
    with serving(lambda _: answers[len(server.requests) - 1]) as server:
        environ = {"DESK_URL": f"{server.address}/hunter2"}
        assert call(environ, 4) == ()
        assert call(environ, 5) == (
            "cannot notify desk: the server answered 500 Internal Server Error",
        )
        assert call(environ, 14) == ()
        assert call(environ, 15) == ("cannot notify desk: the server answered 302 Found",)
        assert call(environ, 34) == ()
        assert len(server.requests) == 2
        assert call(environ, 35) == ()
        assert call(environ, 100) == ()
        assert len(server.requests) == 3


def test_messages_that_cannot_be_sent_for_a_week_are_given_up_visibly(write_schedule):
    file, out = write_schedule(("daily", "0 7 * * *", *ONCE, "catch_up = 0"), top=DESK)
    (out / "fail").write_text("broken")
    schedule = read_schedule(file)
    assert run_due(
        schedule, now=NOON, out=out, run=fake_reports.build_or_fail, environ={}
    ).undelivered
    later = NOON + 8 * DAY
    done = run_due(schedule, now=later, out=out, run=fake_reports.build_or_fail, environ={})
    assert done.undelivered == ()
    (line,) = done.given_up
    assert line == (
        "cannot notify desk: the environment variable DESK_URL is not set; "
        "daily, due 2022-09-10 04:00 UTC given up after 7 days"
    )
    assert list((out / ".schedule" / ".waiting").glob("*.json")) == []
    again = run_due(schedule, now=later, out=out, run=fake_reports.build_or_fail, environ={})
    assert again.given_up == ()


def mail_table(port, security="none"):
    return (
        '[notify.desk]\nkind = "smtp"\nhost = "127.0.0.1"\nfrom = "reports@example.org"\n'
        f'to = ["a@example.org", "b@example.org"]\nport = {port}\nsecurity = "{security}"\n'
        'user_env = "MAIL_USER"\npassword_env = "MAIL_PASSWORD"'
    )


def test_a_mail_describes_the_failure(write_schedule):
    with serve_smtp("me", "hunter2") as smtp:
        file, out = write_schedule(("daily", "0 7 * * *", *ONCE), top=mail_table(smtp.port))
        (out / "fail").write_text("broken\nSubject: evil\n.\nQUIT")
        environ = {"MAIL_USER": "me", "MAIL_PASSWORD": "hunter2"}
        done = run_due(
            read_schedule(file), now=NOON, out=out, run=fake_reports.build_or_fail, environ=environ
        )
        assert done.undelivered == ()
    (mail,) = smtp.mails
    assert "Subject: daily failed: RuntimeError: broken Subject: evil . QUIT" in mail
    assert "To: a@example.org, b@example.org" in mail
    assert "RuntimeError: broken Subject: evil . QUIT" in mail
    assert len([line for line in smtp.commands if line.lower().startswith("rcpt")]) == 2


def test_a_server_without_encryption_gets_neither_password_nor_mail(write_schedule):
    with serve_smtp("me", "hunter2") as smtp:
        file, out = write_schedule(
            ("daily", "0 7 * * *", *ONCE), top=mail_table(smtp.port, "starttls")
        )
        (out / "fail").write_text("broken")
        environ = {"MAIL_USER": "me", "MAIL_PASSWORD": "hunter2"}
        done = run_due(
            read_schedule(file), now=NOON, out=out, run=fake_reports.build_or_fail, environ=environ
        )
    assert done.undelivered == (
        "cannot notify desk: the server does not support this security or login",
    )
    assert smtp.mails == []
    assert not [line for line in smtp.commands if line.upper().startswith("AUTH")]


CHAT = '[notify.desk]\nkind = "apprise"\nurl_env = "CHAT_URL"'


def test_apprise_services_receive_the_text_and_redirects_are_not_followed(write_schedule):
    file, out = write_schedule(("daily", "0 7 * * *", *ONCE), top=CHAT)
    schedule = read_schedule(file)
    (out / "fail").write_text("broken")
    answers = [Reply(status=302, headers={"location": "/elsewhere"}), Reply()]
    with serving(lambda _: answers[len(server.requests) - 1]) as server:
        environ = {"CHAT_URL": server.address.replace("http", "json") + "/hunter2"}

        def call():
            run = fake_reports.build_or_fail
            return run_due(schedule, now=NOON, out=out, run=run, environ=environ).undelivered

        assert call() == ("cannot notify desk: the service did not accept the message",)
        assert call() == ()
        assert {request.path for request in server.requests} == {"/hunter2"}
        message = json.loads(server.requests[-1].body)
    assert message["title"] == "daily failed: RuntimeError: broken"
    assert "report daily failed" in message["message"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("json://chat.example/hunter2", "must be an encrypted URL"),
        ("jsons://chat.example/hunter2?verify=no", "must be an encrypted URL"),
        ("mailto://me:hunter2@mail.example", "must be an encrypted URL"),
        ("mailtos://me:hunter2@mail.example?mode=insecure", "must be an encrypted URL"),
        ("hunter2", "must be an apprise URL"),
    ],
)
def test_an_unencrypted_or_invalid_apprise_url_is_refused(url, message):
    channel = AppriseService("desk", "CHAT_URL")
    with pytest.raises(ScheduleError, match=message) as error:
        channel.send({"text": "", "entry": "daily", "kind": "failed"}, {"CHAT_URL": url})
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("kind", ["webhook", "smtp", "apprise"])
def test_secrets_never_appear_in_output_logs_or_states(write_schedule, kind, caplog, capfd):
    """The server repeats the password, logs are verbose, and the report prints its secret."""
    caplog.set_level(logging.DEBUG)
    with (
        serve_smtp("me", "hunter2") as smtp,
        serving(lambda _: Reply(b"hunter2", status=403)) as server,
    ):
        top = {"webhook": DESK, "smtp": mail_table(smtp.port), "apprise": CHAT}[kind]
        file, out = write_schedule(("daily", "0 7 * * *", *ONCE), top=top)
        template = make_template(file.parent).with_suffix(".yaml")
        append(template, "    token: {type: string, format: secret, default: TOKEN}")
        (out / "fail").write_text("the token sesame was refused")
        environ = {
            "DESK_URL": f"{server.address}/hunter2",
            "CHAT_URL": server.address.replace("http", "json") + "/hunter2",
            "MAIL_USER": "hunter2",
            "MAIL_PASSWORD": "hunter2 but wrong",
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TOKEN", "sesame")
            done = run_due(
                read_schedule(file),
                now=NOON,
                out=out,
                run=fake_reports.build_or_fail,
                environ=environ,
            )
    reason = {
        "webhook": "the server answered 403 Forbidden",
        "smtp": "the server answered 535: user name or password is wrong",
        "apprise": "the service did not accept the message",
    }
    assert done.undelivered == (f"cannot notify desk: {reason[kind]}",)
    assert done.runs[0].error == "RuntimeError: the token ... was refused"
    states = "".join(
        path.read_text(encoding="utf-8") for path in out.rglob("*.json") if path.is_file()
    )
    output = capfd.readouterr()
    everything = states + caplog.text + output.out + output.err + str(done)
    assert "the token ... was refused" in states
    assert "hunter2" not in everything
    assert "sesame" not in everything


# ---- backfill


def run_backfill(template, out, **more):
    options = {
        "since": date(2022, 9, 5),
        "until": date(2022, 10, 6),
        "every": "1w",
        "zone": "Europe/Kyiv",
        "period": {"end": "end"},
        "parameters": {"entry": "weeks"},
        "now": NOON,
        "out": out,
        "run": build,
    }
    return backfill(template, **options | more)


def test_a_backfill_resumes_and_can_be_extended(tmp_path):
    template, out = make_template(tmp_path), tmp_path / "out"
    out.mkdir()
    reported = []
    done = run_backfill(template, out, until=date(2022, 9, 20), progress=reported.append)
    assert (done.periods, done.already_built, len(done.runs)) == (2, 0, 2)
    assert list(done.runs) == reported
    assert built(out) == ["weeks 2022-09-12T00:00:00+03:00", "weeks 2022-09-19T00:00:00+03:00"]
    done = run_backfill(template, out)
    assert done.sentence() == "4 periods: 2 built, 2 already built, 0 failed."
    assert run_backfill(template, out).runs == ()
    assert len(run_backfill(template, out, parameters={"entry": "others"}).runs) == 4
    assert set(Counter(built(out)).values()) == {1}


def test_a_backfill_retries_failed_periods(tmp_path):
    template, out = make_template(tmp_path), tmp_path / "out"
    out.mkdir()
    (out / "fail").write_text("broken")
    for _ in range(5):
        assert len(run_backfill(template, out, run=fake_reports.build_or_fail).failed) == 4
    (out / "fail").unlink()
    assert len(run_backfill(template, out, run=fake_reports.build_or_fail).runs) == 4


def test_a_backfill_survives_a_worker_that_dies(tmp_path):
    template, out = make_template(tmp_path), tmp_path / "out"
    out.mkdir()
    options = {"every": "1d", "workers": 2, "run": fake_reports.build_badly}
    states = Counter()
    for _ in range(10):
        done = run_backfill(template, out, **options)
        states.update(run.state for run in done.runs)
        if not done.failed:
            break
    assert set(Counter(built(out)).values()) == {1}
    assert len(built(out)) == done.periods == 31
    assert states["failed"] > 0
    # A worker that dies does not end the others.
    die = sum(fake_reports.fate_of(name) < fake_reports.DIES for name in set(built(out)))
    assert states["interrupted"] == die > 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"period": {"ned": "end"}}, "no parameter 'ned'. Hint: did you mean 'end'"),
        ({"period": {"end": "finish"}}, "a period bound must be"),
        ({"parameters": {"entry": 1}}, "bad value for the parameter entry"),
        ({"zone": "Europe/Kiew"}, "unknown time zone"),
        ({"until": date(2022, 9, 6)}, "no complete period"),
        ({"since": datetime(2022, 9, 5)}, "an instant must have a UTC offset"),  # noqa: DTZ001
    ],
)
def test_a_backfill_with_invalid_arguments_builds_nothing(tmp_path, more, message):
    template = make_template(tmp_path)
    with pytest.raises(FoxgrapeError, match=message):
        run_backfill(template, tmp_path / "out", **more)
    assert not (tmp_path / "out").exists()


# ---- the shell, with a real report


def test_report_due_builds_reports_and_prints_failures(write_schedule, tmp_path, capfd):
    file, out = write_schedule(("daily", "0 7 * * *", "start = 2022-09-10"))
    text = file.read_text(encoding="utf-8")
    text = text.replace('parameters = { entry = "daily" }\n', "")
    text = text.replace('period = { start = "start", end = "end" }\n', "")
    text = text.replace(str(tmp_path / "mine.ipynb"), "lead_times")
    file.write_text(text, encoding="utf-8")
    call = ["report", "due", "--schedule", file, "--out", out, "--now", "2022-09-10T09:00Z"]
    code, output, err = run_shell(capfd, *call, "--json")
    assert (code, err) == (0, "")
    (run,) = json.loads(output)["runs"]
    assert (out / run["run_id"] / "report.html").is_file()
    code, output, _ = run_shell(capfd, *call)
    assert (code, output) == (0, "No reports were due.\n")

    file.write_text(f"{text}\nparameters = {{ horizon = 'soon' }}\n", encoding="utf-8")
    code, output, err = run_shell(capfd, *call[:-1], "2022-09-11T09:00Z")
    assert (code, err.count("\n")) == (1, 1)
    assert "daily, due 2022-09-11 04:00 UTC: bad value for the parameter horizon" in err
    assert "1 report was due: 0 built, 1 failed." in output


def test_report_backfill_prints_a_summary_and_failures(tmp_path, capfd):
    template, out = make_template(tmp_path), tmp_path / "out"
    call = [
        *("report", "backfill", template, "--from", "2022-09-05", "--to", "2022-09-07"),
        *("--every", "1d", "--timezone", "Europe/Kyiv", "--period", "end=end", "--out", out),
    ]
    code, output, err = run_shell(capfd, *call)
    assert code == 1, "an empty notebook cannot run"
    assert "2 periods: 0 built, 0 already built, 2 failed." in output
    assert (err.count("\n"), "and 1 more" in err) == (1, True)
