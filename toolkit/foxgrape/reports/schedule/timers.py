"""Run ``foxgrape report due`` regularly with systemd, cron, a container, GitHub Actions or Airflow.

Every timer runs the same command every few minutes. The schedule alone decides which reports are
due: the command ends at once if none is due, and builds all reports that missed calls left.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape._util.directories import directory_at
from foxgrape.errors import FoxgrapeError, ScheduleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from foxgrape.reports.schedule.due import DueResult

__all__ = ["FORMS", "ScheduledCommand", "install", "make_scheduler", "render_files"]

_NAME = "foxgrape-reports"
_MARK = "# foxgrape-reports"
_HOUR = 60
_FILES = Path(__file__).parent / "timer_files"
_PLACEHOLDER = re.compile("@[A-Z_]+@")
#: Files that each kind of timer needs, with the template file of each.
FORMS: Mapping[str, Mapping[str, str]] = {
    "systemd": {
        f"{_NAME}.service": "systemd.service.txt",
        f"{_NAME}.timer": "systemd.timer.txt",
    },
    "crontab": {},
    "container": {"Dockerfile": "dockerfile.txt"},
    "github": {f"{_NAME}.yml": "github.yml.txt"},
    "airflow": {"foxgrape_reports.py": "airflow.py.txt"},
}


@dataclass(frozen=True, slots=True)
class ScheduledCommand:
    """A ``foxgrape report due`` command and how often to run it.

    Attributes
    ----------
    schedule, out
        Paths of the schedule file and of the folder for reports.
    folder
        Working directory; relative paths in the schedule file are relative to it.
    every
        Minutes between two calls; a divisor of 60.
    python
        Python interpreter with foxgrape installed.
    """

    schedule: str
    out: str
    folder: str
    every: int = 10
    python: str = sys.executable

    def __post_init__(self) -> None:
        """Validate the interval and the paths."""
        if self.every not in range(1, _HOUR + 1) or _HOUR % self.every:
            raise ScheduleError("every must be a divisor of 60", got=self.every)
        for path in (self.schedule, self.out, self.folder, self.python):
            if not path.isprintable():
                raise ScheduleError("a path must contain printable characters only", got=path)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Arguments of the ``foxgrape`` command."""
        return ("report", "due", "--schedule", self.schedule, "--out", self.out)

    @property
    def shell(self) -> str:
        """The command for a POSIX shell."""
        command = shlex.join([self.python, "-m", "foxgrape", *self.arguments])
        return f"cd {shlex.quote(self.folder)} && {command}"

    @property
    def cron(self) -> str:
        """The interval as a cron expression."""
        return f"{'0' if self.every == _HOUR else f'*/{self.every}'} * * * *"


def render_files(form: str, command: ScheduledCommand) -> dict[str, str]:
    """Return the content of a timer's configuration files by name; for cron, the crontab line.

    Parameters
    ----------
    form
        ``systemd``, ``crontab``, ``container``, ``github`` or ``airflow``.
    command
        The command to run.

    Raises
    ------
    ScheduleError
        If the form is unknown.

    Examples
    --------
    >>> command = ScheduledCommand("schedule.toml", "reports", "/srv", python="/srv/bin/python")
    >>> print(render_files("crontab", command)["crontab"].split(" && ")[0])
    */10 * * * * cd /srv
    """
    if form not in FORMS:
        *forms, last = FORMS
        what = f"the timer must be {', '.join(forms)} or {last}"
        raise ScheduleError(what, got=form, argument=True)
    if form == "crontab":
        # An unescaped % ends the command in a crontab.
        line = command.shell.replace("%", "\\%")
        return {"crontab": f"{command.cron} {line} {_MARK}\n"}
    values = _placeholders(command)
    return {
        name: _PLACEHOLDER.sub(lambda match: values[match[0]], (_FILES / file).read_text("utf-8"))
        for name, file in FORMS[form].items()
    }


def install(
    form: str,
    command: ScheduledCommand,
    *,
    to: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[list[str], str]:
    """Write a timer's configuration files; return their paths and the user's next step.

    Parameters
    ----------
    form, command
        As for `render_files`.
    to
        Folder to write to; by default the systemd user folder, ``.github/workflows`` or ``dags``.
    environ
        Environment variables; `os.environ` by default.
    """
    variables = os.environ if environ is None else environ
    files = render_files(form, command)
    if form == "crontab":
        _update_crontab(files["crontab"])
        return ["crontab"], "To show the crontab: crontab -l"
    home = Path(variables.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    folders = {
        "systemd": home / "systemd" / "user",
        "container": Path(),
        "github": Path(".github") / "workflows",
        "airflow": Path("dags"),
    }
    folder = to or folders[form]
    try:
        with directory_at(folder, make=True) as directory:
            for name, text in files.items():
                directory.write(name, text.encode())
    except OSError as error:
        raise ScheduleError(f"cannot write: {error.strerror}", file=folder) from None
    return [str(folder / name) for name in files], _NEXT_STEP[form]


_NEXT_STEP = {
    "systemd": (
        f"Start it: systemctl --user daemon-reload && systemctl --user enable --now {_NAME}.timer; "
        "to keep it running after logout: loginctl enable-linger"
    ),
    "container": "Its first lines say how to build and run it; paths are relative to the folder.",
    "github": "Commit it, and add the variables of notification channels as repository secrets.",
    "airflow": "Move the file to Airflow's DAG folder.",
}


def _placeholders(command: ScheduledCommand) -> dict[str, str]:
    """Return the value of each placeholder in the template files, quoted for the file's format."""
    words = (command.python, "-m", "foxgrape", *command.arguments)
    return {
        "@CRON@": command.cron,
        "@JSON_COMMAND@": json.dumps(
            ["foxgrape", "schedule", "run", *command.arguments[2:]], ensure_ascii=False
        ),
        "@MINUTES@": str(command.every),
        "@PYTHON_COMMAND@": repr(command.shell),
        "@SYSTEMD_CALENDAR@": "*:00" if command.every == _HOUR else f"*:0/{command.every}",
        "@SYSTEMD_COMMAND@": " ".join(map(_quote_systemd, words)),
        "@SYSTEMD_FOLDER@": command.folder.replace("%", "%%"),
        "@YAML_COMMAND@": _quote_yaml(f"python -m foxgrape {shlex.join(command.arguments)}"),
        "@YAML_OUT@": _quote_yaml(command.out),
    }


def _quote_systemd(word: str) -> str:
    """Quote a word for a systemd ExecStart line, where % and $ are special characters."""
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{word}"' if not word or set(word) & set(" '\";") else word


def _quote_yaml(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _update_crontab(line: str) -> None:
    """Replace foxgrape's line in the user's crontab, or append it if the crontab lacks one."""
    try:
        current = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)  # noqa: S607
        # Exit code 1 without output means that the user has no crontab yet. Other failures are
        # raised, because existing lines may not have been read and would be lost.
        if current.returncode != 1 or current.stdout:
            current.check_returncode()
        others = [text for text in current.stdout.splitlines() if not text.endswith(_MARK)]
        text = "\n".join([*others, line])
        subprocess.run(["crontab", "-"], input=text, text=True, check=True, capture_output=True)  # noqa: S607
    except FileNotFoundError:
        raise ScheduleError("the crontab program is not installed", hint="--as systemd") from None
    except subprocess.CalledProcessError as error:
        raise ScheduleError(f"crontab failed: {error.stderr.strip()}") from None


def make_scheduler(
    path: str | Path,
    *,
    out: str | Path = "reports",
    workers: int = 1,
    every: int = 60,
    on_result: Callable[[DueResult | FoxgrapeError], object],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    run: Callable[..., Any] | None = None,
) -> Any:
    """Return an APScheduler that builds due reports; ``start()`` blocks until it is stopped.

    For machines with neither systemd nor cron. The schedule file is read before every call, and
    calls do not overlap.

    Parameters
    ----------
    path
        The schedule file.
    out, workers, run
        As for `run_due`.
    every
        Seconds between two calls.
    on_result
        Called with the result of each call, or with the error of an invalid schedule.
    clock
        Returns the current time.
    """
    from apscheduler.schedulers.blocking import BlockingScheduler
    from apscheduler.triggers.interval import IntervalTrigger

    from foxgrape.reports.prune import prune
    from foxgrape.reports.schedule.config import read_schedule
    from foxgrape.reports.schedule.due import run_due

    def build() -> None:
        try:
            schedule, now = read_schedule(path), clock()
            on_result(run_due(schedule, now=now, out=out, workers=workers, run=run, prune=prune))
        except FoxgrapeError as error:
            on_result(error)  # keep running: the next call reads the corrected file

    scheduler = BlockingScheduler(timezone="UTC")
    scheduler.add_job(
        build,
        IntervalTrigger(seconds=every, timezone="UTC"),
        next_run_time=datetime.now(UTC),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    return scheduler
