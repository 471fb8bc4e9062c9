"""Schedules: a file checked key by key, how it stands, what calls it, what the shell says."""

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
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from foxgrape.errors import ScheduleError
from foxgrape.reports.schedule.backfill import backfill_range
from foxgrape.reports.schedule.config import Job, problems, read_schedule
from foxgrape.reports.schedule.daemon import make_scheduler
from foxgrape.reports.schedule.due import run_due
from foxgrape.reports.schedule.install import FORMS, ScheduledCommand, install, render_files
from foxgrape.reports.schedule.ledger import Period
from foxgrape.reports.schedule.runner import values_for
from foxgrape.reports.schedule.status import check_schedule, entry_statuses
from foxgrape.reports.templates.discovery import Template
from shell import said

WHOLE = """
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
    def write(text: str = WHOLE, *changes: tuple[str, str]) -> Path:
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "schedule.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_a_schedule_is_read_whole(schedule_file):
    read = read_schedule(schedule_file())
    mornings, weekly = read.entries
    assert mornings.job.retry_after == timedelta(minutes=5)
    assert (mornings.job.retries, mornings.catch_up, mornings.keep) == (1, 3, 30)
    assert mornings.start == datetime(2022, 8, 31, 21, tzinfo=UTC), "a day is one of its zone"
    assert mornings.job.parameters == {"clock": "occurred", "confirmed_by": "UA"}
    assert mornings.notify == ("desk", "mail")
    assert (weekly.cron.zone, weekly.job.zone, weekly.start) == ("UTC", "UTC", None)
    assert read.channels["mail"].port == 587


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('cron = "0 7 * * *"', 'cron = "0 25 * * *"', "entry 'mornings', cron: .*five fields"),
        ('cron = "0 7 * * *"', "", "entry 'mornings', cron: is missing"),
        (
            'cron = "0 7 * * *"',
            'crno = "0 7 * * *"',
            "crno: no such key. .*'cron'",
        ),
        ("retries = 1", "retries = -1", "retries: bad value; .*0 to 10000; got -1"),
        ("retries = 1", "retries = true", "retries: bad value"),
        ("retries = 1", 'retries = "1"', "retries: bad value"),
        ('"5min"', '"5 minutes"', "retry_after: .*90s, 10min"),
        ('name = "mornings"', 'name = "../mornings"', "name: bad value; expected a name of small"),
        ('name = "mornings"', 'name = "weekly"', "entry 'weekly', name: stands twice"),
        ('name = "mornings"', "", "entry 1, name: is missing"),
        ('["desk", "mail"]', '["dsek"]', "notify: no such channel; got 'dsek'. .*'desk'"),
        ("start = 2022-09-01", 'start = "2022-09-01"', "start: .*not in quotes"),
        ("start = 2022-09-01", "start = 0001-01-01", "start: .*since 1970"),
        ("start = 2022-09-01", "start = 9999-12-31", "start: .*since 1970"),
        ('timezone = "Europe/Kyiv"', "", "entry 'mornings', timezone: is missing"),
        ('"Europe/Kyiv"', '"Europe/Kiew"', "timezone: .*unknown time zone 'Europe/Kiew'"),
        ("keep = 30", "keep = 0", "keep: bad value"),
        ("keep = 30", 'store = "mine"', "store: there is a study as well"),
        ("keep = 30", 'period = { since = "begin" }', "period: .*start, end, last_day"),
        (
            'kind = "webhook"',
            'kind = "pigeon"',
            "desk, kind: .*webhook or smtp; got 'pigeon'",
        ),
        ('kind = "webhook"', 'kind = ["webhook"]', "desk, kind: .*webhook or smtp; got"),
        ('to = ["desk@example.org"]', "to = []", "notify.mail, to: bad value; expected a list"),
        ('to = ["desk@example.org"]', 'to = ["a@b\\nBcc: c@d"]', "notify.mail, to: bad value"),
        ('password_env = "FOXGRAPE_MAIL_PASSWORD"', "", "user_env and password_env together"),
        ('host = "mail.example"', 'host = "mail.example"\nsecurity = "none"', "another computer"),
        ('host = "mail.example"', 'host = "mail.example"\nport = 587.0', "mail, port: bad value"),
        ("catch_up = 3", "catch_up = ", "cannot be read as TOML"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(schedule_file, old, new, says):
    file = schedule_file(WHOLE, (old, new))
    with pytest.raises(ScheduleError, match=says) as told:
        read_schedule(file)
    assert str(told.value).startswith(f"{file}: ")
    assert "\n" not in str(told.value)


def test_reports_are_tables(schedule_file):
    for text, says in (("report = 1", "report: bad value; expected tables"), ("", "is missing")):
        with pytest.raises(ScheduleError, match=says):
            read_schedule(schedule_file(text))
    with pytest.raises(ScheduleError, match="there is no such schedule"):
        read_schedule("none.toml")


@pytest.mark.parametrize("key", ["url_env", "password_env"])
def test_a_secret_that_stands_in_the_file_is_refused_and_not_repeated(schedule_file, key):
    file = schedule_file(
        WHOLE.replace('"FOXGRAPE_DESK"', '"https://chat.example/hunter2"').replace(
            '"FOXGRAPE_MAIL_PASSWORD"', '"hunter2"'
        )
    )
    told = [str(problem) for problem in problems(file)]
    assert any(f", {key}: bad value; expected the name of an environment var" in t for t in told)
    assert "hunter2" not in "".join(told)


def test_all_problems_are_told_at_once(schedule_file):
    file = schedule_file(WHOLE, ("retries = 1", "retries = -1"), ('"0 8 * * MON"', '"never"'))
    assert len(problems(file)) == 2


def test_what_would_fail_later_is_told_now(schedule_file):
    file = schedule_file(
        WHOLE, ('"occurred"', '"wall"'), ('template = "lead_times"\ncron', 'template = "x"\ncron')
    )
    told = [str(fault) for fault in check_schedule(read_schedule(file), now=NOON, environ={})]
    assert len(told) == 5
    assert "entry 'mornings': bad value for the parameter clock" in told[0]
    assert "entry 'weekly': no such template" in told[1]
    assert "notify.desk: the environment has no FOXGRAPE_DESK" in told[2]


RULES = {
    "since": {"type": "string", "format": "date"},
    "until": {"type": "string", "format": "date"},
    "at": {"type": "string", "format": "date-time", "default": "now"},
    "before": {"type": "string", "format": "date", "default": "-7d"},
}
MINE = Template("mine", "Mine", "For tests.", Path("mine.ipynb"), {"properties": RULES})


def test_bounds_of_a_period_reach_the_parameters():
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


def build(template, **more):
    """Build nothing."""


def test_how_a_schedule_stands(schedule_file, tmp_path):
    file = schedule_file(WHOLE, ("catch_up = 3", "catch_up = 1"))
    schedule = read_schedule(file)
    before = entry_statuses(schedule, now=NOON, out=tmp_path / "out")
    assert not (tmp_path / "out").exists(), "looking changes nothing"
    mornings, weekly = before
    assert [end.day for end in mornings.waiting] == [9, 10]
    assert [end.day for end in mornings.missed] == list(range(1, 9))
    assert (weekly.waiting, weekly.missed) == ((), ()), "it was never seen before"
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
def test_a_stretch_is_cut_by_the_calendar_of_its_zone(every, lengths):
    """Three days in Kyiv, one of which has 23 hours: 71 hours."""
    call = (date(2022, 3, 26), date(2022, 3, 29), every, "Europe/Kyiv")
    if not lengths:
        with pytest.raises(ScheduleError, match="no whole period of 1w"):
            backfill_range(*call)
        return
    periods = backfill_range(*call)
    assert [(one.end - one.start) / timedelta(hours=1) for one in periods] == lengths
    assert all(one.end == two.start for one, two in pairwise(periods))


def test_months_of_a_stretch_begin_on_one_day_or_the_last_there_is():
    months = backfill_range(date(2022, 1, 31), date(2022, 6, 1), "1month", "UTC")
    assert [one.start.strftime("%m-%d") for one in months] == ["01-31", "02-28", "03-31", "04-30"]


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (date(9990, 1, 1), date(9999, 12, 31)),
        (date(1, 1, 1), date(3, 1, 1)),
    ],
)
def test_a_stretch_at_an_end_of_the_calendar_is_refused_in_one_line(since, until):
    with pytest.raises(ScheduleError, match="beyond the calendar"):
        backfill_range(since, until, "1year", "Europe/Kyiv")


@pytest.mark.parametrize("every", ["0d", "1", "week", "1 fortnight", "-1d"])
def test_lengths_that_are_none(every):
    with pytest.raises(ScheduleError, match="no such length of a period"):
        backfill_range(date(2022, 1, 1), date(2023, 1, 1), every, "UTC")


# ---- what calls it

ODD = ScheduledCommand(
    "it's/schedule 100%.toml", "out $HOME", "/srv/my reports", python="/opt/my env/python"
)


def unquoted(command: str, folder: Path) -> list[str]:
    """Return the arguments that a shell hands to the Python of a command."""
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


def test_a_crontab_line_calls_what_is_meant(tmp_path):
    line = render_files("crontab", ODD)["crontab"]
    assert line.count("\n") == 1
    minute, *stars, command = line.rstrip("\n").split(" ", 5)
    assert (minute, stars) == ("*/10", ["*"] * 4)
    assert re.findall(r"(?<!\\)%", command) == [], "a bare % ends the command"
    got = unquoted(command.replace("\\%", "%"), tmp_path)
    assert got == [*WORDS, "--out", "out $HOME"]


def test_the_crontab_keeps_its_other_lines_and_one_of_ours(tmp_path, monkeypatch):
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
    with pytest.raises(ScheduleError, match="crontab refuses"):
        install("crontab", ODD)
    assert not (tmp_path / "written").exists()


def test_a_machine_without_crontab_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ScheduleError, match="there is no crontab program"):
        install("crontab", ODD)


def test_systemd_takes_the_units(tmp_path):
    call = ScheduledCommand(
        "it's/schedule 100%.toml", "out $HOME", str(tmp_path), python=sys.executable
    )
    written, left = install("systemd", call, environ={"XDG_CONFIG_HOME": str(tmp_path)})
    assert "enable --now foxgrape-reports.timer" in left
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
        read = subprocess.run(
            ["systemd-analyze", "calendar", "*:0/10"], capture_output=True, text=True, check=True
        )
        assert "Normalized form: *-*-* *:00/10:00" in read.stdout


def test_github_restores_what_was_built_and_calls_the_same_command(tmp_path):
    made = yaml.safe_load(render_files("github", ODD)["foxgrape-reports.yml"])
    steps = made["jobs"]["due"]["steps"]
    uses = [step.get("uses", "").split("@")[0] for step in steps]
    assert uses.index("actions/cache/restore") < uses.index("actions/cache/save")
    assert {step["with"]["path"] for step in steps if "path" in step.get("with", {})} == {
        "out $HOME"
    }
    assert made[True] == {"schedule": [{"cron": "*/10 * * * *"}], "workflow_dispatch": None}
    command = next(step["run"] for step in steps if "report due" in step.get("run", ""))
    got = unquoted(command.replace("python ", "'/opt/my env/python' ", 1), tmp_path)
    assert got == [*WORDS, "--out", "out $HOME"]


def test_airflow_calls_the_same_command(tmp_path):
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
    exec(  # noqa: S102 - what Airflow does with it
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
    assert unquoted(raw[1], tmp_path) == [*WORDS, "--out", "out $HOME"]


@pytest.mark.parametrize("form", FORMS)
def test_an_hour_has_only_even_steps(form):
    assert render_files(form, ScheduledCommand("a", "b", "c", every=60))
    with pytest.raises(ScheduleError, match="a divisor of 60"):
        ScheduledCommand("a", "b", "c", every=7)


def test_a_path_cannot_add_lines():
    with pytest.raises(ScheduleError, match="signs that cannot be written"):
        ScheduledCommand("a\nExecStart=evil", "b", "c")


# ---- a process that stays


def test_a_process_that_stays_builds_and_outlives_a_broken_schedule(schedule_file, tmp_path):
    file = schedule_file()
    whole = file.read_text(encoding="utf-8")
    told, built = [], []

    def tell(what):
        told.append(what)
        if len(told) == 1:
            file.write_text("broken", encoding="utf-8")
        elif len(told) == 2:
            file.write_text(whole, encoding="utf-8")
        elif len(told) == 3:
            scheduler.shutdown(wait=False)

    scheduler = make_scheduler(
        file,
        out=tmp_path / "out",
        every=1,
        tell=tell,
        clock=lambda: NOON,
        run=lambda *_, **more: built.append(more),
    )
    scheduler.start()
    assert len(told[0].runs) == len(built) == 4
    assert isinstance(told[1], ScheduleError)
    assert told[2].runs == ()


# ---- the shell


def test_the_shell_checks_and_shows(schedule_file, capfd, monkeypatch, tmp_path):
    for name in ("FOXGRAPE_DESK", "FOXGRAPE_MAIL_USER", "FOXGRAPE_MAIL_PASSWORD"):
        monkeypatch.setenv(name, "x")
    file = schedule_file()
    code, out, err = said(capfd, "schedule", "check", "--schedule", file)
    assert (code, err) == (0, "")
    assert "reports: 2, channels: 2" in out
    call = ["--schedule", file, "--out", tmp_path / "out", "--now", "2022-09-10T09:00Z"]
    code, out, _ = said(capfd, "schedule", "show", *call)
    assert code == 0
    assert "Sun 2022-09-11 07:00" in out
    assert "4 since Wed 2022-09-07 07:00" in out
    code, out, _ = said(capfd, "schedule", "show", *call, "--json")
    assert json.loads(out)[0]["next"] == "2022-09-11T04:00:00+00:00"
    file.write_text(WHOLE.replace("keep = 30", "kepp = 30"), encoding="utf-8")
    code, out, err = said(capfd, "schedule", "check", "--schedule", file)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "did you mean 'keep'" in err


def test_the_shell_prints_what_calls_it(schedule_file, capfd, tmp_path):
    file = schedule_file()
    for form in FORMS:
        code, out, err = said(capfd, "schedule", "install", "--as", form, "--schedule", file)
        assert (code, err) == (0, "")
        assert "report due" in out
    assert (said(capfd, "schedule", "install", "--as", "at", "--schedule", file))[0] == 1
    to = ["--write", "--to", tmp_path / "units"]
    code, out, _ = said(capfd, "schedule", "install", "--schedule", file, *to)
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
def test_wrong_calls(capfd, call):
    code, _, err = said(capfd, *call.split())
    assert (code, err.count("\n")) == (2, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="a console there is stopped otherwise")
def test_a_process_that_stays_ends_when_it_is_told_to(schedule_file, tmp_path):
    file = schedule_file(WHOLE, ("start = 2022-09-01", "start = 2999-01-01"))
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
        # Not SIGINT, which whatever runs in the background of a shell ignores.
        process.terminate()
        assert process.wait(30) == 0
        assert process.stderr.read() == "foxgrape: stopped\n"


# ---- what the pages say


def test_the_schedule_of_the_project_is_well(capfd, monkeypatch):
    monkeypatch.chdir(DOCS.parent)
    code, out, err = said(capfd, "schedule", "check")
    assert (code, err) == (0, "")
    assert "reports: 1, channels: 0, all well" in out


DOCS = Path(__file__).parents[3] / "docs"


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)


def test_the_schedule_of_the_page_is_one_and_so_are_its_calls(schedule_file):
    whole, period = blocks("how-to/schedule-reports.md", "toml")
    read = read_schedule(schedule_file(whole))
    assert [entry.name for entry in read.entries] == ["mornings"]
    assert set(read.channels) == {"desk", "mail"}
    told = {key for line in whole.splitlines() if (key := re.match(r"(\w+) = ", line))}
    known = {key[1] for key in told}
    assert known >= {"catch_up", "retries", "retry_after", "start", "security", "url_env"}
    assert read_schedule(schedule_file(whole.replace("retries = 2", period))).entries[0].job.period
    (python,) = blocks("how-to/schedule-reports.md", "python")
    compile(python, "docs/how-to/schedule-reports.md", "exec")


def test_the_shell_of_the_page_is_known(capfd):
    calls = set(
        re.findall(
            r"foxgrape ((?:schedule|report) [a-z]+)",
            (DOCS / "how-to/schedule-reports.md").read_text(),
        )
    )
    assert len(calls) >= 6
    for call in calls:
        assert said(capfd, *call.split(), "--help")[0] == 0, call


def test_the_parameters_of_the_page_are_checked(monkeypatch):
    monkeypatch.setenv("FOXGRAPE_PLACES_TOKEN", "x")
    (sidecar,) = blocks("reference/parameters.md", "yaml")
    told = yaml.safe_load(sidecar)
    mine = Template("mine", told["title"], told["description"], Path("x"), told["parameters"])
    job = Job("mine", "mine", "Europe/Kyiv", parameters={"place": "Ізюм", "codes": ["🍇"]})
    assert values_for(mine, job, Period(NOON - timedelta(days=1), NOON)) == {
        "place": "geonames:707292",
        "since": "2022-08-01",
        "codes": ["🍇"],
        "clock": "confirmed",
        "own_codes": None,
        "token": "FOXGRAPE_PLACES_TOKEN",
    }
