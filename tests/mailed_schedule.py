"""Schedules of daily reports that are mailed, for tests of delivery."""

from __future__ import annotations

import email
from datetime import UTC, datetime, timedelta
from email.policy import default
from typing import TYPE_CHECKING

import fake_reports
from fake_reports import make_template
from foxgrape.reports.schedule.config import read_schedule
from foxgrape.reports.schedule.due import run_due

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2022, 9, 10, 9, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
ENVIRON = {"MAIL_USER": "me", "MAIL_PASSWORD": "hunter2"}
DESK = '[notify.desk]\nkind = "webhook"\nurl_env = "DESK_URL"\n'
MAIL = ('deliver = ["mail"]',)


def mail_table(port, *more):
    lines = [
        *('[notify.mail]\nkind = "smtp"\nhost = "127.0.0.1"\nfrom = "Reports <r@example.org>"',),
        *('to = ["a@example.org", "b@example.org"]', f"port = {port}", 'security = "none"'),
        *('user_env = "MAIL_USER"', 'password_env = "MAIL_PASSWORD"', *more, ""),
    ]
    return "\n".join(lines)


def schedule_writer(folder: Path):
    """Return a function that writes a schedule of daily reports, and returns file and folder."""
    template, out = make_template(folder), folder / "out"
    out.mkdir()

    def write(channels, *names, top="", more=()):
        entries = [
            "\n".join(
                [
                    "[[report]]",
                    f'name = "{name}"\ntemplate = "{template}"\ncron = "0 7 * * *"',
                    f'parameters = {{ entry = "{name}" }}',
                    'period = { start = "start", end = "end" }\nstart = 2022-09-10',
                    *more,
                ]
            )
            for name in names or ("daily",)
        ]
        file = folder / "schedule.toml"
        text = "\n".join(['timezone = "Europe/Kyiv"', top, *entries, channels])
        file.write_text(text, encoding="utf-8")
        return file, out

    return write


def due(file, out, now=NOON, environ=ENVIRON, run=fake_reports.build_page):
    return run_due(read_schedule(file), now=now, out=out, run=run, environ=environ)


def parsed(text):
    return email.message_from_string(text, policy=default)
