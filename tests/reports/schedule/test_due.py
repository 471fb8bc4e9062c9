"""What is due is built once: by two schedulers at once, across clock changes, deaths, failures."""

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
from zoneinfo import ZoneInfo

import pytest

import fake_reports
from fake_http_server import Reply, serving
from fake_reports import append, build, lines, make_template
from fake_smtp_server import mailing
from foxgrape.errors import FoxgrapeError, ScheduleError
from foxgrape.reports.schedule.backfill import backfill
from foxgrape.reports.schedule.config import read_schedule
from foxgrape.reports.schedule.due import run_due
from foxgrape.reports.schedule.ledger import Ledger
from foxgrape.reports.schedule.status import entry_statuses
from foxgrape.reports.templates.discovery import find_template
from shell import said

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
def written(tmp_path):
    """Write a schedule of these entries; give its file, and the folder to build into."""
    template = make_template(tmp_path)
    out = tmp_path / "out"
    out.mkdir()

    def write(*entries, top=""):
        file = tmp_path / "schedule.toml"
        told = [entry(name, template, cron, *more) for name, cron, *more in entries]
        file.write_text("\n".join(['timezone = "Europe/Kyiv"', *told, top]), encoding="utf-8")
        return file, out

    return write


@pytest.fixture(scope="module")
def processes():
    """Start processes that have the imports already and share nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["fake_reports"])
    return context


def built(out):
    return lines(out / "built.log")


# ---- two schedulers, simulated weeks


class Scheduler:
    """A process that builds what is due; one that died is started again."""

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

    def ask(self, now):
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
    """Go through two weeks by two hours; two days and one more are missed."""
    now, end = first, first + 14 * DAY
    while now < end:
        yield now
        now += 2 * HOUR
        if now in {first + 3 * DAY, first + 9 * DAY + 8 * HOUR}:
            now += (2 if now < first + 5 * DAY else 1) * DAY


def expected(first, last):
    """Count minutes: each hour, the first minute of each day from 03:30 on, Mondays at eight."""
    found, minute, days = set(), first, set()
    while minute <= last:
        wall = minute.astimezone(KYIV)
        if minute.minute == 0:
            found.add(("hourly", minute))
        if (wall.hour, wall.minute) >= (3, 30) and wall.date() not in days:
            days.add(wall.date())
            found.add(("nightly", minute))
        if (wall.weekday(), wall.hour, wall.minute) == (0, 8, 0):
            found.add(("weekly", minute))
        minute += timedelta(minutes=1)
    return found


@pytest.mark.parametrize(
    "first",
    [datetime(2022, 3, 18, 22, tzinfo=UTC), datetime(2022, 10, 21, 21, tzinfo=UTC)],
    ids=["spring", "autumn"],
)
def test_two_schedulers_build_each_due_period_once(written, processes, first):
    """Local midnight to midnight; the clocks of Kyiv change on the ninth day."""
    more = [f"start = {first:%Y-%m-%dT%H:%M:%SZ}", "catch_up = 60", 'retry_after = "30min"']
    file, out = written(
        ("hourly", "0 * * * *", *more),
        ("nightly", "30 3 * * *", *more),
        ("weekly", "0 8 * * MON", *more),
    )
    pair = [Scheduler(processes, file, out) for _ in range(2)]
    for now in weeks(first):
        for one in pair:
            one.ask(now)
        for one in pair:
            one.wait()
    last = now + 2 * HOUR
    for later in (last, last + HOUR / 2, last + HOUR - HOUR / 60):  # what failed is tried again
        for one in pair:
            one.ask(later)
            one.wait()
    for one in pair:
        one.stop()

    counts = Counter(built(out))
    assert set(counts.values()) == {1}
    got = {(name, datetime.fromisoformat(end)) for name, end in map(str.split, counts)}
    assert got == expected(first, last)
    # It was no easy run: processes died, reports failed, both did their share.
    assert sum(one.deaths for one in pair) >= 3
    assert len(lines(out / "tried.log")) > len(counts) + 10
    assert min(Counter(lines(out / "by.log")).values()) > 0
    assert len(Counter(lines(out / "by.log"))) >= 2


# ---- one call


def test_what_is_due_is_built_oldest_first_and_once(written):
    file, out = written(
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
    assert done.sentence() == "4 reports were due, 4 built, 0 failed."
    json.dumps(done.to_dict())
    assert done.to_frame()["entry"].tolist() == ["weekly", "daily", "daily", "daily"]
    assert run_due(schedule, now=NOON, out=out, run=build).runs == ()
    assert len(built(out)) == 4


def test_a_new_entry_begins_when_it_is_first_seen(written):
    file, out = written(("daily", "0 7 * * *"))
    assert run_due(read_schedule(file), now=NOON, out=out, run=build).runs == ()
    later = run_due(read_schedule(file), now=NOON + 2 * DAY, out=out, run=build)
    assert [run.end.day for run in later.runs] == [11, 12]
    # Another hour is another schedule: yesterday's eight o'clock was never promised.
    file, out = written(("daily", "0 8 * * *"))
    assert run_due(read_schedule(file), now=NOON + 2 * DAY, out=out, run=build).runs == ()


def test_many_calls_at_once_build_once(written):
    file, out = written(("daily", "0 7 * * *", "start = 2022-09-01"))
    schedule = read_schedule(file)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(run_due, schedule, now=NOON, out=out, run=build) for _ in range(8)]
        done = [run for call in calls for run in call.result().runs]
    assert len(done) == len(built(out)) == 8
    assert set(Counter(built(out)).values()) == {1}


def test_retries_come_as_told_and_end(written):
    file, out = written(
        ("daily", "0 7 * * *", "start = 2022-09-10", "retries = 1", 'retry_after = "10min"')
    )
    schedule = read_schedule(file)
    (out / "fail").write_text("no\nway")

    def call(minutes):
        now = NOON + timedelta(minutes=minutes)
        made = run_due(schedule, now=now, out=out, run=fake_reports.build_or_fail).runs
        return [(run.state, run.tries, run.error) for run in made]

    assert call(0) == [("failed", 1, "RuntimeError: no way")]
    assert call(9) == []
    assert entry_statuses(schedule, now=NOON + 9 * HOUR / 60, out=out)[0].waiting
    assert call(10) == [("given up", 2, "RuntimeError: no way")]
    assert call(1000) == []
    (one,) = entry_statuses(schedule, now=NOON + DAY / 2, out=out)
    assert ([end.day for end in one.given_up], one.waiting, one.failing) == ([10], (), True)


def test_a_template_that_is_gone_is_a_failed_period_and_stops_no_other(written):
    more = ("start = 2022-09-10", "catch_up = 0")
    file, out = written(("bad", "0 7 * * *", *more), ("good", "0 7 * * *", *more))
    text = file.read_text(encoding="utf-8").replace("mine.ipynb", "gone.ipynb", 1)
    file.write_text(text, encoding="utf-8")
    bad, good = run_due(read_schedule(file), now=NOON, out=out, run=build).runs
    assert (bad.state, good.state) == ("failed", "done")
    assert "there is no such notebook" in bad.error


def test_many_are_built_in_one_go_and_one_fault_stops_no_other(written):
    more = ("start = 2022-09-01", "catch_up = 9", 'retry_after = "0s"')
    file, out = written(("daily", "0 7 * * *", *more), ("other", "0 7 * * *", *more))
    text = file.read_text(encoding="utf-8").replace("mine.ipynb", "gone.ipynb", 1)
    file.write_text(text, encoding="utf-8")
    asked = []

    def run_many(requests, *, workers):
        asked.append((len(requests), workers))
        if any("2022-09-05" in one["parameters"]["end"] for one in requests):
            raise FoxgrapeError("this one cannot be")
        return [fake_reports.build_or_fail(**one) for one in requests]

    def call():
        options = {"now": NOON, "out": out, "run_many": run_many, "workers": 2}
        runs = run_due(read_schedule(file), **options).runs
        return Counter((run.entry, run.error and run.error.split(":")[-1]) for run in runs)

    gone = ("daily", " there is no such notebook")
    assert call() == {gone: 10, ("other", None): 9, ("other", "this one cannot be"): 1}
    # Twenty tasks in parts of sixteen; the bad one broke its part, and was found out alone.
    assert [count for count, _ in asked] == [8, *[1] * 8, 2]
    assert {workers for _, workers in asked} == {2}
    assert call() == {gone: 10, ("other", "this one cannot be"): 1}
    assert set(Counter(built(out)).values()) == {1}
    assert len(built(out)) == 9


def test_old_runs_go_as_the_entries_tell(written):
    more = ("start = 2022-09-10", "catch_up = 0")
    file, out = written(
        ("one", "0 7 * * *", *more, "keep = 3"),
        ("other", "0 7 * * *", *more, "keep = 30"),
    )
    asked = []

    def prune(folder, **told):
        asked.append((folder, told))

    options = {"out": out, "run": build, "prune": prune}
    run_due(read_schedule(file), now=NOON, **options)
    assert asked == [(out, {"keep": 30, "template": "mine"})]
    run_due(read_schedule(file), now=NOON, **options)
    assert len(asked) == 1, "nothing was built"
    # Who does not tell keeps all.
    text = file.read_text(encoding="utf-8").replace("keep = 30", "")
    file.write_text(text, encoding="utf-8")
    run_due(read_schedule(file), now=NOON + DAY, **options)
    assert len(asked) == 1


def test_a_template_by_its_name_and_by_its_path_is_one(tmp_path):
    """Or pruning what one entry tells would take what the other keeps."""
    file, asked = tmp_path / "schedule.toml", []
    for keep, wanted in (("", []), ("keep = 5", [{"keep": 5, "template": "lead_times"}])):
        entries = (
            ("one", "lead_times", keep),
            ("other", find_template("lead_times").notebook, "keep = 3"),
        )
        told = [
            f'[[report]]\nname = "{name}"\ntemplate = "{template}"\ncron = "0 7 * * *"\n'
            f'timezone = "UTC"\nstart = 2022-09-10\n{more}'
            for name, template, more in entries
        ]
        file.write_text("\n".join(told), encoding="utf-8")
        options = {"run": build_nothing, "prune": lambda _, **told: asked.append(told)}
        run_due(read_schedule(file), now=NOON, out=tmp_path / f"out{keep}", **options)
        assert asked == wanted


def build_nothing(*_, **__):
    """Build nothing."""


def test_an_outcome_is_shown_as_text(written):
    file, out = written(("daily", "0 7 * * *", "start = 2022-09-10"))
    (out / "fail").write_text("<script>alert(1)</script>")
    shown = run_due(read_schedule(file), now=NOON, out=out, run=fake_reports.build_or_fail)
    assert "&lt;script&gt;" in shown._repr_html_()
    assert "<script>" not in shown._repr_html_()


def test_a_folder_that_cannot_be_written_is_one_line(written, tmp_path):
    file, _ = written(("daily", "0 7 * * *", "start = 2022-09-10"))
    (tmp_path / "file").touch()
    with pytest.raises(ScheduleError, match="cannot be kept there"):
        run_due(read_schedule(file), now=NOON, out=tmp_path / "file", run=build)


def test_now_needs_an_offset(written):
    file, out = written(("daily", "0 7 * * *"))
    with pytest.raises(ValueError, match="offset"):
        run_due(read_schedule(file), now=datetime(2022, 9, 10), out=out, run=build)  # noqa: DTZ001


# ---- processes that die


def killed_while_it_builds(processes, file, out, now):
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


def test_a_period_whose_process_was_killed_is_taken_up(written, processes):
    file, out = written(("daily", "0 7 * * *", "start = 2022-09-10", "retries = 0"))
    child = killed_while_it_builds(processes, file, out, NOON)
    try:
        # Its child is alive, and holds no lock for it.
        assert Ledger(out / ".schedule").read("daily/20220910T040000Z").state == "running"
        assert entry_statuses(read_schedule(file), now=NOON, out=out)[0].waiting
        (made,) = run_due(read_schedule(file), now=NOON, out=out, run=build).runs
        assert (made.state, made.tries) == ("done", 2)
        record = Ledger(out / ".schedule").read("daily/20220910T040000Z")
        assert [(one.died, one.error) for one in record.tries] == [
            (True, "its process died"),
            (False, None),
        ]
    finally:
        os.kill(child, signal.SIGKILL)


def test_who_ends_it_by_hand_has_nothing_against_the_report(written):
    file, out = written(("daily", "0 7 * * *", "start = 2022-09-10", "retries = 0"))

    def stopped(*_, **__):
        raise KeyboardInterrupt

    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            run_due(read_schedule(file), now=NOON, out=out, run=stopped)
    (made,) = run_due(read_schedule(file), now=NOON, out=out, run=build).runs
    assert (made.state, made.tries) == ("done", 1)


def test_a_period_that_is_being_built_is_left_alone(written, processes):
    file, out = written(("daily", "0 7 * * *", "start = 2022-09-10"))
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


def test_a_report_that_kills_its_process_three_times_is_given_up(written, processes):
    file, out = written(("daily", "0 7 * * *", "start = 2022-09-10"))
    for _ in range(3):
        os.kill(killed_while_it_builds(processes, file, out, NOON), signal.SIGKILL)
    (made,) = run_due(read_schedule(file), now=NOON, out=out, run=build).runs
    assert (made.state, made.tries, made.error) == ("given up", 3, "its process died")
    assert built(out) == []


@pytest.mark.parametrize("left", ["", "{", "[]", '{"state": "done", "tries": [{"x": 1}]}'])
def test_a_state_that_a_broken_disk_left_is_built_again(written, left):
    file, out = written(("daily", "0 7 * * *", "start = 2022-09-10"))
    state = out / ".schedule" / "daily" / "20220910T040000Z.json"
    state.parent.mkdir(parents=True)
    state.write_text(left, encoding="utf-8")
    (made,) = run_due(read_schedule(file), now=NOON, out=out, run=build).runs
    assert made.state == "done"


# ---- who is told

DESK = '[notify.desk]\nkind = "webhook"\nurl_env = "DESK_URL"'
ONCE = ("start = 2022-09-09", "retries = 0", 'notify = ["desk"]')


def test_failure_and_recovery_are_told_once_each(written):
    file, out = written(("daily", "0 7 * * *", *ONCE), top=DESK)
    schedule = read_schedule(file)
    with serving(lambda _: Reply(status=204)) as server:
        environ = {"DESK_URL": f"{server.address}/hooks/hunter2"}

        def call(days):
            now = NOON + days * DAY
            return run_due(
                schedule, now=now, out=out, run=fake_reports.build_or_fail, environ=environ
            ).untold

        (out / "fail").write_text("broken")
        assert call(0) == ()
        call(1)
        (out / "fail").unlink()
        call(2)
        call(3)
        told = [json.loads(request.body) for request in server.requests]
    assert [one["kind"] for one in told] == ["failed", "recovered"]
    assert {request.path for request in server.requests} == {"/hooks/hunter2"}
    assert told[0]["period_end"] == "2022-09-09T04:00:00+00:00"
    assert told[0]["error"] == "RuntimeError: broken"
    assert told[0]["text"] == (
        "foxgrape: the report daily failed, period 2022-09-08 04:00 to 2022-09-09 04:00 UTC: "
        "RuntimeError: broken"
    )
    assert told[1]["period_end"] == "2022-09-12T04:00:00+00:00"


def test_what_could_not_be_told_is_told_by_a_later_call(written):
    file, out = written(("daily", "0 7 * * *", *ONCE), top=DESK)
    schedule = read_schedule(file)
    (out / "fail").write_text("broken")
    answers = [Reply(status=500), Reply(status=302, headers={"location": "http://x/"}), Reply()]

    def call(environ):
        return run_due(
            schedule, now=NOON, out=out, run=fake_reports.build_or_fail, environ=environ
        ).untold

    assert call({}) == ("desk could not be told: the environment has no DESK_URL",)
    plain = call({"DESK_URL": "http://chat.example/hunter2"})
    assert plain == ("desk could not be told: DESK_URL holds no https:// address",)
    assert call({"DESK_URL": "http://127.0.0.1:9/hunter2"}) == (
        "desk could not be told: ConnectError",
    )
    with serving(lambda _: answers[len(server.requests) - 1]) as server:
        environ = {"DESK_URL": f"{server.address}/hunter2"}
        assert call(environ) == (
            "desk could not be told: the server answers 500 Internal Server Error",
        )
        assert call(environ) == ("desk could not be told: the server answers 302 Found",)
        assert call(environ) == ()
        assert call(environ) == ()
        assert len(server.requests) == 3


def test_old_news_is_dropped(written):
    file, out = written(("daily", "0 7 * * *", *ONCE, "catch_up = 0"), top=DESK)
    (out / "fail").write_text("broken")
    schedule = read_schedule(file)
    assert run_due(schedule, now=NOON, out=out, run=fake_reports.build_or_fail, environ={}).untold
    later = NOON + 8 * DAY
    assert not run_due(
        schedule, now=later, out=out, run=fake_reports.build_or_fail, environ={}
    ).untold
    assert list((out / ".schedule" / ".waiting").glob("*.json")) == []


def mail_table(port, security="none"):
    return (
        '[notify.desk]\nkind = "smtp"\nhost = "127.0.0.1"\nfrom = "reports@example.org"\n'
        f'to = ["a@example.org", "b@example.org"]\nport = {port}\nsecurity = "{security}"\n'
        'user_env = "MAIL_USER"\npassword_env = "MAIL_PASSWORD"'
    )


def test_a_mail_says_what_failed(written):
    with mailing("me", "hunter2") as post:
        file, out = written(("daily", "0 7 * * *", *ONCE), top=mail_table(post.port))
        (out / "fail").write_text("broken\nSubject: evil\n.\nQUIT")
        environ = {"MAIL_USER": "me", "MAIL_PASSWORD": "hunter2"}
        done = run_due(
            read_schedule(file), now=NOON, out=out, run=fake_reports.build_or_fail, environ=environ
        )
        assert done.untold == ()
    (mail,) = post.mails
    assert "Subject: foxgrape: daily failed" in mail
    assert "To: a@example.org, b@example.org" in mail
    assert "error: RuntimeError: broken Subject: evil . QUIT" in mail
    assert len([line for line in post.said if line.lower().startswith("rcpt")]) == 2


def test_a_server_without_encryption_gets_neither_password_nor_mail(written):
    with mailing("me", "hunter2") as post:
        file, out = written(("daily", "0 7 * * *", *ONCE), top=mail_table(post.port, "starttls"))
        (out / "fail").write_text("broken")
        environ = {"MAIL_USER": "me", "MAIL_PASSWORD": "hunter2"}
        done = run_due(
            read_schedule(file), now=NOON, out=out, run=fake_reports.build_or_fail, environ=environ
        )
    assert done.untold == ("desk could not be told: SMTPNotSupportedError",)
    assert post.mails == []
    assert not [line for line in post.said if line.upper().startswith("AUTH")]


@pytest.mark.parametrize("kind", ["webhook", "smtp"])
def test_secrets_show_nowhere_whatever_fails(written, kind, caplog, capfd):
    """A server that repeats the password, a loud logger, a report that says it."""
    caplog.set_level(logging.DEBUG)
    with (
        mailing("me", "hunter2") as post,
        serving(lambda _: Reply(b"hunter2", status=403)) as server,
    ):
        top = DESK if kind == "webhook" else mail_table(post.port)
        file, out = written(("daily", "0 7 * * *", *ONCE), top=top)
        template = make_template(file.parent).with_suffix(".yaml")
        append(template, "    token: {type: string, format: secret, default: TOKEN}")
        (out / "fail").write_text("the token sesame was refused")
        environ = {
            "DESK_URL": f"{server.address}/hunter2",
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
    answer = "403 Forbidden" if kind == "webhook" else "535"
    assert done.untold == (f"desk could not be told: the server answers {answer}",)
    assert done.runs[0].error == "RuntimeError: the token ... was refused"
    kept = "".join(
        path.read_text(encoding="utf-8") for path in out.rglob("*.json") if path.is_file()
    )
    shown = capfd.readouterr()
    everything = kept + caplog.text + shown.out + shown.err + str(done)
    assert "the token ... was refused" in kept
    assert "hunter2" not in everything
    assert "sesame" not in everything


# ---- backfill


def fill(template, out, **more):
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


def test_a_backfill_builds_whole_periods_goes_on_and_grows(tmp_path):
    template, out = make_template(tmp_path), tmp_path / "out"
    out.mkdir()
    seen = []
    done = fill(template, out, until=date(2022, 9, 20), progress=seen.append)
    assert (done.periods, done.before, len(done.runs)) == (2, 0, 2)
    assert list(done.runs) == seen
    assert built(out) == ["weeks 2022-09-12T00:00:00+03:00", "weeks 2022-09-19T00:00:00+03:00"]
    done = fill(template, out)
    assert done.sentence() == "Of 4 periods 2 were built, 2 were there already, 0 failed."
    assert fill(template, out).runs == ()
    assert len(fill(template, out, parameters={"entry": "others"}).runs) == 4
    assert set(Counter(built(out)).values()) == {1}


def test_a_backfill_tries_again_what_failed(tmp_path):
    template, out = make_template(tmp_path), tmp_path / "out"
    out.mkdir()
    (out / "fail").write_text("broken")
    for _ in range(5):
        assert len(fill(template, out, run=fake_reports.build_or_fail).failed) == 4
    (out / "fail").unlink()
    assert len(fill(template, out, run=fake_reports.build_or_fail).runs) == 4


def test_a_backfill_in_processes_survives_one_that_dies(tmp_path):
    template, out = make_template(tmp_path), tmp_path / "out"
    out.mkdir()
    options = {"every": "1d", "workers": 2, "run": fake_reports.build_badly}
    states = Counter()
    for _ in range(10):
        done = fill(template, out, **options)
        states.update(run.state for run in done.runs)
        if not done.failed:
            break
    assert set(Counter(built(out)).values()) == {1}
    assert len(built(out)) == done.periods == 31
    assert states["failed"] > 0
    # One that dies takes no other with it.
    die = sum(fake_reports.fate_of(name) < fake_reports.DIES for name in set(built(out)))
    assert states["interrupted"] == die > 0


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"period": {"ned": "end"}}, "no parameter 'ned'. Hint: did you mean 'end'"),
        ({"period": {"end": "finish"}}, "no such bound"),
        ({"parameters": {"entry": 1}}, "bad value for the parameter entry"),
        ({"zone": "Europe/Kiew"}, "unknown time zone"),
        ({"until": date(2022, 9, 6)}, "no whole period"),
        ({"since": datetime(2022, 9, 5)}, "an instant needs its offset"),  # noqa: DTZ001
    ],
)
def test_a_backfill_that_cannot_work_builds_nothing(tmp_path, more, says):
    template = make_template(tmp_path)
    with pytest.raises(FoxgrapeError, match=says):
        fill(template, tmp_path / "out", **more)
    assert not (tmp_path / "out").exists()


# ---- the shell, with the report that it is for


def test_the_shell_builds_what_is_due_and_says_what_failed(written, tmp_path, capfd):
    file, out = written(("daily", "0 7 * * *", "start = 2022-09-10"))
    text = file.read_text(encoding="utf-8")
    text = text.replace('parameters = { entry = "daily" }\n', "")
    text = text.replace('period = { start = "start", end = "end" }\n', "")
    text = text.replace(str(tmp_path / "mine.ipynb"), "lead_times")
    file.write_text(text, encoding="utf-8")
    call = ["report", "due", "--schedule", file, "--out", out, "--now", "2022-09-10T09:00Z"]
    code, told, err = said(capfd, *call, "--json")
    assert (code, err) == (0, "")
    (made,) = json.loads(told)["runs"]
    assert (out / made["run_id"] / "report.html").is_file()
    code, told, _ = said(capfd, *call)
    assert (code, told) == (0, "Nothing was due.\n")

    file.write_text(f"{text}\nparameters = {{ horizon = 'soon' }}\n", encoding="utf-8")
    code, told, err = said(capfd, *call[:-1], "2022-09-11T09:00Z")
    assert (code, err.count("\n")) == (1, 1)
    assert "daily, period to 2022-09-11 04:00 UTC: bad value for the parameter horizon" in err
    assert "1 report was due, 0 built, 1 failed." in told


def test_the_shell_fills_the_past(tmp_path, capfd):
    template, out = make_template(tmp_path), tmp_path / "out"
    call = [
        *("report", "backfill", template, "--from", "2022-09-05", "--to", "2022-09-07"),
        *("--every", "1d", "--timezone", "Europe/Kyiv", "--period", "end=end", "--out", out),
    ]
    code, told, err = said(capfd, *call)
    assert code == 1, "an empty notebook cannot be run"
    assert "Of 2 periods 0 were built, 0 were there already, 2 failed." in told
    assert (err.count("\n"), "and 1 more" in err) == (1, True)
