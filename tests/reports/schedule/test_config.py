"""Schedule files, status, timers, and the schedule commands of the shell."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from foxgrape import Store, open_study
from foxgrape.errors import ScheduleError
from foxgrape.io.store_observation import record_coverage
from foxgrape.observation import Coverage
from foxgrape.reports.schedule.config import Job, find_problems, read_schedule
from foxgrape.reports.schedule.due import backfill_range, run_due
from foxgrape.reports.schedule.ledger import Period
from foxgrape.reports.schedule.rules import _KEYS
from foxgrape.reports.schedule.runner import values_for
from foxgrape.reports.schedule.status import check_schedule, entry_statuses
from foxgrape.reports.schedule.timers import (
    FORMS,
    ScheduledCommand,
    install,
    make_scheduler,
    render_files,
)
from foxgrape.reports.templates.discovery import Template, find_template
from shell import run_shell

FULL = """
timezone = "Europe/Kyiv"

[[report]]
name = "mornings"
template = "lead_times"
study = "data/studies/izium-2022"
cron = "0 7 * * *"
start = 2022-09-01
retries = 1
retry_after = "5min"
catch_up = 3
keep = 30
notify = ["desk", "mail"]
parameters = { clock = "occurred", confirmed_by = "UA" }

[[report]]
name = "weekly"
template = "lead_times"
cron = "0 8 * * MON"
timezone = "UTC"

[notify.desk]
kind = "webhook"
url_env = "FOXGRAPE_DESK"

[notify.mail]
kind = "smtp"
host = "mail.example"
from = "reports@example.org"
to = ["desk@example.org"]
user_env = "FOXGRAPE_MAIL_USER"
password_env = "FOXGRAPE_MAIL_PASSWORD"
"""
NOON = datetime(2022, 9, 10, 9, tzinfo=UTC)


@pytest.fixture
def schedule_file(tmp_path):
    def write(text: str = FULL, *changes: tuple[str, str]) -> Path:
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "schedule.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_all_keys_of_a_schedule_are_read(schedule_file):
    schedule = read_schedule(schedule_file())
    mornings, weekly = schedule.entries
    assert mornings.job.retry_after == timedelta(minutes=5)
    assert (mornings.job.retries, mornings.catch_up, mornings.keep) == (1, 3, 30)
    assert mornings.start == datetime(2022, 8, 31, 21, tzinfo=UTC), (
        "a date is a day in its time zone"
    )
    assert mornings.job.parameters == {"clock": "occurred", "confirmed_by": "UA"}
    assert mornings.notify == ("desk", "mail")
    assert (weekly.cron.zone, weekly.job.zone, weekly.start) == ("UTC", "UTC", None)
    assert schedule.channels["mail"].port == 587


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('cron = "0 7 * * *"', 'cron = "0 25 * * *"', "entry 'mornings', cron must be five fields"),
        ('cron = "0 7 * * *"', "", "entry 'mornings', cron is missing"),
        (
            'cron = "0 7 * * *"',
            'crno = "0 7 * * *"',
            "unknown key crno. .*'cron'",
        ),
        ("retries = 1", "retries = -1", "retries must be an integer from 0 to 10000; got -1"),
        ("retries = 1", "retries = true", "retries must be an integer"),
        ("retries = 1", 'retries = "1"', "retries must be an integer"),
        ('"5min"', '"5 minutes"', "retry_after must be .*90s, 10min"),
        ('name = "mornings"', 'name = "../mornings"', "name must be a name of lowercase"),
        ('name = "mornings"', 'name = "weekly"', "entry 'weekly', name must be unique"),
        ('name = "mornings"', "", "entry 1, name is missing"),
        ('["desk", "mail"]', '["dsek"]', "notify names an unknown channel; got 'dsek'. .*'desk'"),
        ("start = 2022-09-01", 'start = "2022-09-01"', "start must be an unquoted date"),
        ("start = 2022-09-01", "start = 0001-01-01", "start must be .*since 1970"),
        ("start = 2022-09-01", "start = 9999-12-31", "start must be .*since 1970"),
        ('timezone = "Europe/Kyiv"', "", "entry 'mornings', timezone is missing"),
        (
            '"Europe/Kyiv"',
            '"Europe/Kiew"',
            "timezone must be an IANA time zone .*got 'Europe/Kiew'",
        ),
        ("keep = 30", "keep = 0", "keep must be an integer from 1"),
        ("keep = 30", 'store = "mine"', "store cannot be combined with study"),
        ("keep = 30", 'period = { since = "begin" }', "period must be .*start, end, last_day"),
        (
            'kind = "webhook"',
            'kind = "pigeon"',
            "desk, kind must be webhook, smtp or apprise; got 'pigeon'",
        ),
        ('kind = "webhook"', 'kind = ["webhook"]', "desk, kind must be .*smtp or apprise; got"),
        ('to = ["desk@example.org"]', "to = []", "notify.mail, to must be addresses"),
        (
            'to = ["desk@example.org"]',
            'to = ["a@b\\nBcc: c@d"]',
            "notify.mail, to must be addresses",
        ),
        (
            'password_env = "FOXGRAPE_MAIL_PASSWORD"',
            "",
            "user_env and password_env must be given together",
        ),
        ('host = "mail.example"', 'host = "mail.example"\nsecurity = "none"', "another computer"),
        (
            'host = "mail.example"',
            'host = "mail.example"\nport = 587.0',
            "mail, port must be a port number",
        ),
        ("catch_up = 3", "catch_up = ", "not a readable TOML file"),
    ],
)
def test_an_invalid_key_is_named_in_one_line(schedule_file, old, new, message):
    file = schedule_file(FULL, (old, new))
    with pytest.raises(ScheduleError, match=message) as error:
        read_schedule(file)
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)


def test_a_schedule_needs_report_tables(schedule_file):
    for text, message in (("report = 1", "report must be one or more"), ("", "report is missing")):
        with pytest.raises(ScheduleError, match=message):
            read_schedule(schedule_file(text))
    with pytest.raises(ScheduleError, match="schedule file not found"):
        read_schedule("none.toml")


@pytest.mark.parametrize("key", ["url_env", "password_env"])
def test_a_secret_in_the_file_is_refused_and_not_repeated(schedule_file, key):
    file = schedule_file(
        FULL.replace('"FOXGRAPE_DESK"', '"https://chat.example/hunter2"').replace(
            '"FOXGRAPE_MAIL_PASSWORD"', '"hunter2"'
        )
    )
    errors = [str(problem) for problem in find_problems(file)]
    assert any(f", {key} must be the name of an environment variable" in text for text in errors)
    assert "hunter2" not in "".join(errors)


def test_all_problems_are_reported_at_once(schedule_file):
    file = schedule_file(FULL, ("retries = 1", "retries = -1"), ('"0 8 * * MON"', '"never"'))
    assert len(find_problems(file)) == 2


def test_check_reports_what_would_fail_later(schedule_file):
    file = schedule_file(
        FULL, ('"occurred"', '"wall"'), ('template = "lead_times"\ncron', 'template = "x"\ncron')
    )
    errors = [str(error) for error in check_schedule(read_schedule(file), now=NOON, environ={})]
    assert len(errors) == 5
    assert "entry 'mornings': bad value for the parameter clock" in errors[0]
    assert "entry 'weekly': no such template" in errors[1]
    assert "notify.desk: the environment variable FOXGRAPE_DESK is not set" in errors[2]


RULES = {
    "since": {"type": "string", "format": "date"},
    "until": {"type": "string", "format": "date"},
    "at": {"type": "string", "format": "date-time", "default": "now"},
    "before": {"type": "string", "format": "date", "default": "-7d"},
}
MINE = Template("mine", "Mine", "For tests.", Path("mine.ipynb"), {"properties": RULES})


def test_parameters_receive_the_bounds_of_a_period():
    week = Period(datetime(2022, 9, 4, 21, tzinfo=UTC), datetime(2022, 9, 11, 21, tzinfo=UTC))
    job = Job("mine", "mine", "Europe/Kyiv", period={"since": "start", "until": "last_day"})
    assert values_for(MINE, job, week) == {
        "since": "2022-09-05",
        "until": "2022-09-11",
        "at": "2022-09-11T21:00:00+00:00",
        "before": "2022-09-05",
    }
    job = Job("mine", "mine", "UTC", period={"since": "start", "until": "end", "at": "start"})
    assert values_for(MINE, job, week) == {
        "since": "2022-09-04",
        "until": "2022-09-11",
        "at": "2022-09-04T21:00:00+00:00",
        "before": "2022-09-04",
    }


@pytest.mark.parametrize(
    ("recorded", "bound", "expected"),
    [
        ("2022-09-11T12:00:00+03:00", "end", None),
        ("2022-09-12T00:00:00+03:00", "end", "2022-09-12T00:00:00+03:00"),
        ("2022-10-01T00:00:00+03:00", "end", "2022-09-12T00:00:00+03:00"),
        ("2022-09-04T12:00:00+03:00", "start", None),
        ("2022-09-11T12:00:00+03:00", "start", "2022-09-05T00:00:00+03:00"),
    ],
)
def test_a_bound_of_the_period_does_not_prolong_observation(tmp_path, recorded, bound, expected):
    store, events = Store(tmp_path / "store"), open_study().events[:1]
    store.upsert("events", events)
    record_coverage(store, "a.csv", events, Coverage.parse({"observed_until": recorded}))
    week = Period(datetime(2022, 9, 4, 21, tzinfo=UTC), datetime(2022, 9, 11, 21, tzinfo=UTC))
    period = {"until": "end", "observed_until": bound}
    job = Job("mine", "lead_times", "Europe/Kyiv", store=str(tmp_path / "store"), period=period)
    values = values_for(find_template("lead_times"), job, week)
    assert values["observed_until"] == expected
    # A statement in the parameters is one: events were recorded until then.
    stated = "2022-09-20T00:00:00+03:00"
    job = replace(job, parameters={"observed_until": stated}, period={"until": "end"})
    assert values_for(find_template("lead_times"), job, week)["observed_until"] == stated


@pytest.mark.parametrize("name", ["lead_times", "chance", "account_profile", "place_brief"])
def test_a_scheduled_report_of_each_template_gets_its_period(name):
    week = Period(datetime(2022, 9, 4, 21, tzinfo=UTC), datetime(2022, 9, 11, 21, tzinfo=UTC))
    bounds = {"since": "start", "until": "end", "observed_until": "end"}
    given = {"account_profile": {"account": "river"}, "place_brief": {"place": "Izium"}}
    parameters = given.get(name, {})
    job = Job("mine", name, "Europe/Kyiv", parameters=parameters, period=bounds)
    values = values_for(find_template(name), job, week)
    assert (values["since"], values["until"]) == ("2022-09-05", "2022-09-12")
    assert values["observed_until"] == "2022-09-12T00:00:00+03:00"


def test_a_scheduled_report_is_repeated_until_the_end_of_the_year_unless_stated():
    last_week = Period(
        datetime(2022, 12, 24, 22, tzinfo=UTC), datetime(2022, 12, 31, 22, tzinfo=UTC)
    )
    chance = find_template("chance")
    job = Job("mine", "chance", "Europe/Kyiv")
    assert values_for(chance, job, last_week)["repeated_until"] == "2023-01-01T00:00:00+02:00"
    job = Job("mine", "chance", "Europe/Kyiv", parameters={"repeated_until": "2025-01-01T00:00Z"})
    assert values_for(chance, job, last_week)["repeated_until"] == "2025-01-01T00:00Z"
    other = Job(
        "mine", "mine", "UTC", period={"since": "start"}, parameters={"until": "2022-12-31"}
    )
    assert "repeated_until" not in values_for(MINE, other, last_week)


def build(template, **more):
    """Build nothing."""


def test_status_shows_waiting_missed_and_built_periods(schedule_file, tmp_path):
    file = schedule_file(FULL, ("catch_up = 3", "catch_up = 1"))
    schedule = read_schedule(file)
    before = entry_statuses(schedule, now=NOON, out=tmp_path / "out")
    assert not (tmp_path / "out").exists(), "status changes nothing"
    mornings, weekly = before
    assert [end.day for end in mornings.waiting] == [9, 10]
    assert [end.day for end in mornings.missed] == list(range(1, 9))
    assert (weekly.waiting, weekly.missed) == ((), ()), "the entry was never seen before"
    assert weekly.next == datetime(2022, 9, 12, 8, tzinfo=UTC)
    run_due(schedule, now=NOON, out=tmp_path / "out", run=build)
    after = entry_statuses(schedule, now=NOON, out=tmp_path / "out")[0]
    assert (after.waiting, after.last) == ((), datetime(2022, 9, 10, 4, tzinfo=UTC))
    assert [end.day for end in after.missed] == list(range(1, 9))
    json.dumps(after.to_dict())


@pytest.mark.parametrize(
    ("every", "lengths"),
    [
        ("1d", [24, 23, 24]),
        ("12h", [12] * 5),
        ("1w", []),
    ],
)
def test_a_range_is_split_by_the_calendar_of_its_time_zone(every, lengths):
    """Three days in Kyiv, one of which has 23 hours: 71 hours."""
    call = (date(2022, 3, 26), date(2022, 3, 29), every, "Europe/Kyiv")
    if not lengths:
        with pytest.raises(ScheduleError, match="no complete period of 1w"):
            backfill_range(*call)
        return
    periods = backfill_range(*call)
    assert [(period.end - period.start) / timedelta(hours=1) for period in periods] == lengths
    assert all(first.end == second.start for first, second in pairwise(periods))


def test_months_start_on_the_same_day_or_the_last_of_the_month():
    months = backfill_range(date(2022, 1, 31), date(2022, 6, 1), "1month", "UTC")
    assert [month.start.strftime("%m-%d") for month in months] == [
        "01-31",
        "02-28",
        "03-31",
        "04-30",
    ]


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (date(9990, 1, 1), date(9999, 12, 31)),
        (date(1, 1, 1), date(3, 1, 1)),
    ],
)
def test_a_range_beyond_the_calendar_is_refused(since, until):
    with pytest.raises(ScheduleError, match="exceeds the range of the calendar"):
        backfill_range(since, until, "1year", "Europe/Kyiv")


@pytest.mark.parametrize("every", ["0d", "1", "week", "1 fortnight", "-1d"])
def test_an_invalid_period_length_is_refused(every):
    with pytest.raises(ScheduleError, match="every must be a span"):
        backfill_range(date(2022, 1, 1), date(2023, 1, 1), every, "UTC")


# ---- timers

ODD = ScheduledCommand(
    "it's/schedule 100%.toml", "out $HOME", "/srv/my reports", python="/opt/my env/python"
)


def shell_arguments(command: str, folder: Path) -> list[str]:
    """Return the arguments that a shell passes to the Python of a command."""
    seen = folder / "seen"
    program = folder / "python"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:])\n")
    program.chmod(0o755)
    command = command.replace("'/opt/my env/python'", str(program))
    command = command.replace("'/srv/my reports'", str(folder))
    with seen.open("w") as out:
        subprocess.run(["sh", "-c", command], check=True, stdout=out)
    return ast.literal_eval(seen.read_text())


WORDS = ["-m", "foxgrape", "report", "due", "--schedule", "it's/schedule 100%.toml"]


def test_a_crontab_line_runs_the_command(tmp_path):
    line = render_files("crontab", ODD)["crontab"]
    assert line.count("\n") == 1
    minute, *stars, command = line.rstrip("\n").split(" ", 5)
    assert (minute, stars) == ("*/10", ["*"] * 4)
    assert re.findall(r"(?<!\\)%", command) == [], "an unescaped % ends the command"
    got = shell_arguments(command.replace("\\%", "%"), tmp_path)
    assert got == [*WORDS, "--out", "out $HOME"]


def test_the_crontab_keeps_other_lines_and_one_of_foxgrape(tmp_path, monkeypatch):
    kept = tmp_path / "tab"
    program = tmp_path / "crontab"
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = -l ]; then [ -f {kept} ] || exit 1; cat {kept}\n'
        f"else cat > {kept}.new && mv {kept}.new {kept}; fi\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    install("crontab", ODD)
    kept.write_text(f"@daily mine\n{kept.read_text()}")
    install("crontab", ScheduledCommand("other.toml", "out", "/srv", every=30))
    lines = kept.read_text().splitlines()
    assert (len(lines), lines[0]) == (2, "@daily mine")
    assert lines[1].startswith("*/30 ")
    assert "other.toml" in lines[1]


@pytest.mark.parametrize("fails", ["echo half; exit 1", "echo no such disk >&2; exit 2"])
def test_a_crontab_that_cannot_be_read_is_left_alone(tmp_path, monkeypatch, fails):
    program = tmp_path / "crontab"
    program.write_text(f'#!/bin/sh\n[ "$1" = -l ] || touch {tmp_path}/written\n{fails}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(ScheduleError, match="crontab failed"):
        install("crontab", ODD)
    assert not (tmp_path / "written").exists()


def test_a_missing_crontab_program_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ScheduleError, match="the crontab program is not installed"):
        install("crontab", ODD)


def test_systemd_accepts_the_units(tmp_path):
    call = ScheduledCommand(
        "it's/schedule 100%.toml", "out $HOME", str(tmp_path), python=sys.executable
    )
    written, next_step = install("systemd", call, environ={"XDG_CONFIG_HOME": str(tmp_path)})
    assert "enable --now foxgrape-reports.timer" in next_step
    service, timer = (Path(name).read_text() for name in written)
    assert Path(written[0]).parent == tmp_path / "systemd" / "user"
    assert "Persistent=true" in timer
    assert '"it\'s/schedule 100%%.toml" --out "out $$HOME"' in service
    if shutil.which("systemd-analyze"):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--user", "--man=no", *written],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        )
        assert not [line for line in done.stderr.splitlines() if "foxgrape" in line]
        calendar = subprocess.run(
            ["systemd-analyze", "calendar", "*:0/10"], capture_output=True, text=True, check=True
        )
        assert "Normalized form: *-*-* *:00/10:00" in calendar.stdout


def test_a_container_runs_the_scheduler():
    text = render_files("container", ODD)["Dockerfile"]
    command = json.loads(text.rpartition("CMD ")[2])
    assert command[:3] == ["foxgrape", "schedule", "run"]
    assert command[3:] == [*WORDS[-2:], "--out", "out $HOME"]
    assert "@" not in text


def test_github_restores_the_cache_and_runs_the_same_command(tmp_path):
    workflow = yaml.safe_load(render_files("github", ODD)["foxgrape-reports.yml"])
    steps = workflow["jobs"]["due"]["steps"]
    uses = [step.get("uses", "").split("@")[0] for step in steps]
    # A tag can be moved to other code; a commit cannot.
    pins = [step["uses"].partition("@")[2] for step in steps if "uses" in step]
    assert all(re.fullmatch("[0-9a-f]{40}", pin) for pin in pins)
    assert uses.index("actions/cache/restore") < uses.index("actions/cache/save")
    assert {step["with"]["path"] for step in steps if "path" in step.get("with", {})} == {
        "out $HOME"
    }
    assert workflow[True] == {"schedule": [{"cron": "*/10 * * * *"}], "workflow_dispatch": None}
    command = next(step["run"] for step in steps if "report due" in step.get("run", ""))
    got = shell_arguments(command.replace("python ", "'/opt/my env/python' ", 1), tmp_path)
    assert got == [*WORDS, "--out", "out $HOME"]


def test_airflow_runs_the_same_command(tmp_path):
    text = render_files("airflow", ODD)["foxgrape_reports.py"]
    given = {}

    class DAG:
        def __init__(self, **options):
            given.update(options)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    body = text.split("import BashOperator\n")[1]
    exec(  # noqa: S102 - as Airflow does
        body,
        {
            "DAG": DAG,
            "BashOperator": lambda **options: given.update(options),
            "datetime": datetime,
            "timezone": __import__("datetime").timezone,
        },
    )
    assert given["catchup"] is False
    assert given["max_active_runs"] == 1
    raw = re.fullmatch(r"\{% raw %\}(.*)\{% endraw %\} ", given["bash_command"])
    assert shell_arguments(raw[1], tmp_path) == [*WORDS, "--out", "out $HOME"]


@pytest.mark.parametrize("form", FORMS)
def test_the_interval_must_divide_an_hour(form):
    assert render_files(form, ScheduledCommand("a", "b", "c", every=60))
    with pytest.raises(ScheduleError, match="a divisor of 60"):
        ScheduledCommand("a", "b", "c", every=7)


def test_a_path_cannot_add_lines():
    with pytest.raises(ScheduleError, match="printable characters only"):
        ScheduledCommand("a\nExecStart=evil", "b", "c")


# ---- the scheduler process


def test_the_scheduler_survives_an_invalid_schedule(schedule_file, tmp_path):
    file = schedule_file()
    valid = file.read_text(encoding="utf-8")
    results, built = [], []

    def on_result(result):
        results.append(result)
        if len(results) == 1:
            file.write_text("invalid", encoding="utf-8")
        elif len(results) == 2:
            file.write_text(valid, encoding="utf-8")
        elif len(results) == 3:
            scheduler.shutdown(wait=False)

    scheduler = make_scheduler(
        file,
        out=tmp_path / "out",
        every=1,
        on_result=on_result,
        clock=lambda: NOON,
        run=lambda *_, **more: built.append(more),
    )
    scheduler.start()
    assert len(results[0].runs) == len(built) == 4
    assert isinstance(results[1], ScheduleError)
    assert results[2].runs == ()


# ---- the shell


def test_schedule_check_and_show(schedule_file, capfd, monkeypatch, tmp_path):
    for name in ("FOXGRAPE_DESK", "FOXGRAPE_MAIL_USER", "FOXGRAPE_MAIL_PASSWORD"):
        monkeypatch.setenv(name, "x")
    file = schedule_file()
    code, out, err = run_shell(capfd, "schedule", "check", "--schedule", file)
    assert (code, err) == (0, "")
    assert "OK: 2 reports, 2 notification channels" in out
    call = ["--schedule", file, "--out", tmp_path / "out", "--now", "2022-09-10T09:00Z"]
    code, out, _ = run_shell(capfd, "schedule", "show", *call)
    assert code == 0
    assert "Sun 2022-09-11 07:00" in out
    assert "4 since Wed 2022-09-07 07:00" in out
    code, out, _ = run_shell(capfd, "schedule", "show", *call, "--json")
    assert json.loads(out)[0]["next"] == "2022-09-11T04:00:00+00:00"
    file.write_text(FULL.replace("keep = 30", "kepp = 30"), encoding="utf-8")
    code, out, err = run_shell(capfd, "schedule", "check", "--schedule", file)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "did you mean 'keep'" in err


def test_schedule_install_prints_or_writes_the_timer(schedule_file, capfd, tmp_path):
    file = schedule_file()
    for form in FORMS:
        code, out, err = run_shell(capfd, "schedule", "install", "--as", form, "--schedule", file)
        assert (code, err) == (0, "")
        assert ('"schedule", "run"' if form == "container" else "report due") in out
    assert (run_shell(capfd, "schedule", "install", "--as", "at", "--schedule", file))[0] == 2
    to = ["--write", "--to", tmp_path / "units"]
    code, out, _ = run_shell(capfd, "schedule", "install", "--schedule", file, *to)
    assert code == 0
    mode = stat.S_IMODE((tmp_path / "units" / "foxgrape-reports.timer").stat().st_mode)
    assert "daemon-reload" in out
    assert mode & stat.S_IRUSR


@pytest.mark.parametrize(
    "call",
    [
        "report due --now soon",
        "report due --now 2022-09-10T09:00",
        "report due --workers 0",
        "report backfill lead_times --to 2022-09-02 --every 1d --timezone UTC",
        "report backfill lead_times --from x --to y --every 1d --timezone UTC",
        "report backfill lead_times -p x --from 2022-09-01 --to 2022-09-02 --every 1d --timezone Z",
    ],
)
def test_a_wrong_call_is_2_and_one_line(capfd, call):
    code, _, err = run_shell(capfd, *call.split())
    assert (code, err.count("\n")) == (2, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_schedule_run_ends_on_sigterm(schedule_file, tmp_path):
    file = schedule_file(FULL, ("start = 2022-09-01", "start = 2999-01-01"))
    command = ["schedule", "run", "--schedule", str(file), "--out", str(tmp_path / "out")]
    seen = tmp_path / "out" / ".schedule" / "weekly"
    deadline = time.monotonic() + 60
    with subprocess.Popen(
        [sys.executable, "-m", "foxgrape", *command], stderr=subprocess.PIPE, text=True
    ) as process:
        while not list(seen.glob("since-*.json")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        # Not SIGINT, which background jobs of a shell ignore.
        process.terminate()
        assert process.wait(30) == 0
        assert process.stderr.read() == "foxgrape: stopped\n"


# ---- documentation


def test_the_schedule_of_the_project_is_valid(capfd, monkeypatch):
    monkeypatch.chdir(DOCS.parent)
    code, out, err = run_shell(capfd, "schedule", "check")
    assert (code, err) == (0, "")
    assert "OK: 1 report, 0 notification channels" in out


DOCS = Path(__file__).parents[3] / "docs"


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)


def test_the_schedule_of_the_guide_is_valid(schedule_file):
    example, period, ingest, alert = blocks("how-to/schedule-reports.md", "toml")
    complete = read_schedule(schedule_file(f"{example}\n{ingest}\n{alert}"))
    assert set(complete.sources) == {"channel", "acled"}
    assert {rule.when for rule in complete.rules} == set(_KEYS)
    schedule = read_schedule(schedule_file(example))
    assert [entry.name for entry in schedule.entries] == ["mornings"]
    assert set(schedule.channels) == {"desk", "mail", "chat"}
    keys = {key[1] for line in example.splitlines() if (key := re.match(r"(\w+) = ", line))}
    assert keys >= {"catch_up", "retries", "retry_after", "start", "security", "url_env"}
    file = schedule_file(example.replace("retries = 2", period))
    assert read_schedule(file).entries[0].job.period
    (python,) = blocks("how-to/schedule-reports.md", "python")
    compile(python, "docs/how-to/schedule-reports.md", "exec")


def test_the_commands_of_the_guide_exist(capfd):
    calls = set(
        re.findall(
            r"foxgrape ((?:schedule|report) [a-z]+)",
            (DOCS / "how-to/schedule-reports.md").read_text(),
        )
    )
    assert len(calls) >= 6
    for call in calls:
        assert run_shell(capfd, *call.split(), "--help")[0] == 0, call


def test_the_parameters_of_the_guide_are_valid(monkeypatch):
    monkeypatch.setenv("FOXGRAPE_PLACES_TOKEN", "x")
    (sidecar,) = blocks("reference/parameters.md", "yaml")
    content = yaml.safe_load(sidecar)
    title, description = content["title"], content["description"]
    mine = Template("mine", title, description, Path("x"), content["parameters"])
    job = Job("mine", "mine", "Europe/Kyiv", parameters={"place": "Ізюм", "codes": ["🍇"]})
    assert values_for(mine, job, Period(NOON - timedelta(days=1), NOON)) == {
        "place": "geonames:707292",
        "since": "2022-08-01",
        "codes": ["🍇"],
        "clock": "confirmed",
        "own_codes": None,
        "token": "FOXGRAPE_PLACES_TOKEN",
    }
