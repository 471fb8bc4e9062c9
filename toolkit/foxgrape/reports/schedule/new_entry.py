"""Add an entry to a schedule file, after checking that it works."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from foxgrape._util.directories import directory_at
from foxgrape._util.regular_files import read_regular
from foxgrape.errors import FoxgrapeError, ScheduleError
from foxgrape.reports.schedule.config import find_problems, read_schedule
from foxgrape.reports.schedule.status import check_schedule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

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
        before = read_regular(path).decode("utf-8")
    except FileNotFoundError:
        before = ""
    except (OSError, UnicodeDecodeError) as error:
        raise ScheduleError(f"not a readable TOML file: {error}", file=path) from None
    text = f"{before.rstrip()}\n\n{entry}" if before.strip() else entry
    with TemporaryDirectory() as folder:
        trial = Path(folder, "schedule.toml")
        trial.write_text(text, encoding="utf-8")
        problems: list[ScheduleError] = find_problems(trial)
        if not problems:
            # Problems of other entries, such as a variable that is not set, are theirs.
            label = f"entry {values.get('name')!r}"
            checked = check_schedule(read_schedule(trial), now=now, environ={})
            problems = [problem for problem in checked if label in str(problem)]
        if problems:
            reason = str(problems[0]).replace(f"{trial}: ", "").replace(str(trial), str(path))
            raise FoxgrapeError(f"the entry was not written: {reason}")
    try:
        with directory_at(path.parent, make=True) as directory:
            directory.write(path.name, text.encode())
    except OSError as error:
        raise ScheduleError(f"cannot write: {error.strerror}", file=path) from None
    return entry


def _quote(value: str) -> str:
    """Return a TOML string; JSON's escapes are valid in it."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
