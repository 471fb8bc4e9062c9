"""Add an entry to a schedule file, after checking that it works."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from foxgrape._util.directories import directory_at
from foxgrape._util.regular_files import read_regular
from foxgrape.errors import FoxgrapeError, ScheduleError
from foxgrape.reports.schedule.config import parse_schedule
from foxgrape.reports.schedule.status import check_schedule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

__all__ = ["EVERY", "add_entry"]

#: Cron expressions by a word for how often a report is due.
EVERY = {"day": "0 7 * * *", "week": "0 7 * * MON", "month": "0 7 1 * *"}


def add_entry(path: Path, values: Mapping[str, str], *, now: datetime) -> str:
    """Append a ``[[report]]`` table to a schedule file, and return its text.

    Parameters
    ----------
    path
        The schedule file; created if it is missing.
    values
        Text values of the entry by key.
    now
        Reference time of the check.

    Raises
    ------
    FoxgrapeError
        For the first problem that the file would have with the entry; it is not changed then.
    """
    lines = (f"{key} = {_quote(value)}" for key, value in values.items())
    entry = "\n".join(["[[report]]", *lines, ""])
    try:
        with directory_at(path.parent, make=True) as directory:
            directory.lock(wait=True)  # so that two calls at once add both entries
            text = f"{_text_of(path)}{entry}"
            _check(text, path, values.get("name"), now)
            directory.write(path.name, text.encode())
    except OSError as error:
        raise ScheduleError(f"cannot write: {error.strerror}", file=path) from None
    return entry


def _text_of(path: Path) -> str:
    """Return what a new entry is appended to."""
    try:
        text = read_regular(path).decode("utf-8").rstrip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ScheduleError(f"not a readable TOML file: {error}", file=path) from None
    return f"{text}\n\n" if text else ""


def _check(text: str, path: Path, name: str | None, now: datetime) -> None:
    """Raise an error for the first problem of a schedule that concerns its new entry."""
    schedule, problems = parse_schedule(text, path)
    if schedule is not None:
        # Problems of other entries, such as a variable that is not set, are theirs.
        label = f"entry {name!r}"
        checked = check_schedule(schedule, now=now, environ={})
        problems = [problem for problem in checked if label in str(problem)]
    if problems:
        raise FoxgrapeError(f"the entry was not written: {problems[0]}")


def _quote(value: str) -> str:
    """Return a TOML string; JSON's escapes are valid in it."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
