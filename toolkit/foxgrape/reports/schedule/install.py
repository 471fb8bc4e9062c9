"""Have a machine call ``foxgrape report due``: a systemd timer, cron, GitHub Actions, Airflow.

All of them call the same command, every few minutes. What is due, and since when, only the
schedule tells: a call with nothing to do ends at once, and one that was missed is made up for.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from foxgrape._util.files import write_atomic
from foxgrape.errors import ScheduleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FORMS", "ScheduledCommand", "install", "render_files"]

_NAME = "foxgrape-reports"
_MARK = "# foxgrape-reports"
_HOUR = 60


@dataclass(frozen=True, slots=True)
class ScheduledCommand:
    """The command that a machine is to call, and how often.

    Attributes
    ----------
    schedule, out
        The schedule file, and the folder to build into.
    folder
        The folder to work in: relative paths of the schedule start there.
    every
        Minutes between two calls; a divisor of 60.
    python
        The Python that foxgrape is installed in.
    """

    schedule: str
    out: str
    folder: str
    every: int = 10
    python: str = sys.executable

    def __post_init__(self) -> None:
        """Refuse what would not come at even steps, and what would end a line of a unit."""
        if self.every not in range(1, _HOUR + 1) or _HOUR % self.every:
            raise ScheduleError(
                "such steps do not fit into an hour", expected="a divisor of 60", got=self.every
            )
        for text in (self.schedule, self.out, self.folder, self.python):
            if not text.isprintable():
                raise ScheduleError("a path has signs that cannot be written", got=text)

    @property
    def words(self) -> tuple[str, ...]:
        """What comes after the program's name."""
        return ("report", "due", "--schedule", self.schedule, "--out", self.out)

    @property
    def command(self) -> str:
        """What a shell is told."""
        call = shlex.join([self.python, "-m", "foxgrape", *self.words])
        return f"cd {shlex.quote(self.folder)} && {call}"

    @property
    def cron(self) -> str:
        """When it is told, as a cron expression."""
        return f"{'0' if self.every == _HOUR else f'*/{self.every}'} * * * *"


def render_files(form: str, call: ScheduledCommand) -> dict[str, str]:
    """Return the files that make a machine call, by name; for cron, its one line.

    Parameters
    ----------
    form
        ``systemd``, ``crontab``, ``github`` or ``airflow``.
    call
        What is called, and how often.

    Raises
    ------
    ScheduleError
        If there is no such form.

    Examples
    --------
    >>> call = ScheduledCommand("schedule.toml", "reports", "/srv", python="/srv/bin/python")
    >>> print(render_files("crontab", call)["crontab"].split(" && ")[0])
    */10 * * * * cd /srv
    """
    if form not in FORMS:
        raise ScheduleError("no such form", expected=" or ".join(FORMS), got=form)
    return FORMS[form](call)


def install(
    form: str,
    call: ScheduledCommand,
    *,
    to: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[list[str], str]:
    """Write what makes a machine call; return what was written, and what is left to do.

    Parameters
    ----------
    form, call
        As for `texts`.
    to
        The folder to write into; by default where the machine looks.
    environ
        Variables that tell where that is; those of this process by default.
    """
    where = os.environ if environ is None else environ
    made = render_files(form, call)
    if form == "crontab":
        _change_crontab(made["crontab"])
        return ["crontab"], "crontab -l shows it."
    home = Path(where.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    folders = {
        "systemd": home / "systemd" / "user",
        "github": Path(".github") / "workflows",
        "airflow": Path("dags"),
    }
    folder = to or folders[form]
    try:
        for name, text in made.items():
            write_atomic(folder / name, text)
    except OSError as error:
        raise ScheduleError(f"cannot be written: {error.strerror}", file=folder) from None
    return [str(folder / name) for name in made], _NEXT[form]


_NEXT = {
    "systemd": (
        f"Start it: systemctl --user daemon-reload && systemctl --user enable --now {_NAME}.timer; "
        "to go on when nobody is logged in: loginctl enable-linger"
    ),
    "github": "Commit it; put secrets that the schedule names into the repository's settings.",
    "airflow": "Put it where Airflow looks for DAGs.",
}


def _systemd(call: ScheduledCommand) -> dict[str, str]:
    words = " ".join(_for_systemd(word) for word in (call.python, "-m", "foxgrape", *call.words))
    step = "*:00" if call.every == _HOUR else f"*:0/{call.every}"
    service = f"""[Unit]
Description=Build the reports that are due

[Service]
Type=oneshot
WorkingDirectory={call.folder.replace("%", "%%")}
EnvironmentFile=-%h/.config/foxgrape/environment
ExecStart={words}
"""
    timer = f"""[Unit]
Description=Ask every {call.every} minutes which reports are due

[Timer]
OnCalendar={step}
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {f"{_NAME}.service": service, f"{_NAME}.timer": timer}


def _for_systemd(word: str) -> str:
    """Quote a word for ExecStart, where % and $ stand for other things."""
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{word}"' if not word or set(word) & set(" '\";") else word


def _crontab(call: ScheduledCommand) -> dict[str, str]:
    # A bare % ends the command in a crontab.
    line = call.command.replace("%", "\\%")
    return {"crontab": f"{call.cron} {line} {_MARK}\n"}


def _github(call: ScheduledCommand) -> dict[str, str]:
    # On a runner every folder is new: the states of the periods come from a cache.
    text = f"""name: Reports
on:
  schedule:
    - cron: "{call.cron}"
  workflow_dispatch:
concurrency:
  group: {_NAME}
permissions:
  contents: read
jobs:
  due:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - uses: actions/cache/restore@v4
        with:
          path: {_quoted(call.out)}
          key: {_NAME}-${{{{ github.run_id }}}}
          restore-keys: {_NAME}-
      - run: python -m pip install "foxgrape[all]"
      - run: {_quoted(f"python -m foxgrape {shlex.join(call.words)}")}
      - uses: actions/cache/save@v4
        if: always()
        with:
          path: {_quoted(call.out)}
          key: {_NAME}-${{{{ github.run_id }}}}
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: reports
          path: {_quoted(call.out)}
"""
    return {f"{_NAME}.yml": text}


def _airflow(call: ScheduledCommand) -> dict[str, str]:
    # Braces are Jinja's in a bash_command; the blank keeps Airflow from taking it for a file.
    text = f'''"""Build the reports that are due: foxgrape knows which, Airflow only calls."""

from datetime import datetime, timezone

from airflow import DAG
from airflow.providers.standard.operators.bash import BashOperator

with DAG(
    dag_id="{_NAME}",
    schedule="{call.cron}",
    start_date=datetime(2022, 1, 1, tzinfo=timezone.utc),
    catchup=False,  # foxgrape makes up for what was missed
    max_active_runs=1,
):
    BashOperator(
        task_id="due",
        bash_command="{{% raw %}}" + {call.command!r} + "{{% endraw %}} ",
    )
'''
    return {f"{_NAME.replace('-', '_')}.py": text}


def _quoted(text: str) -> str:
    """Quote a text for YAML: one in single quotes has no signs of its own."""
    return "'" + text.replace("'", "''") + "'"


FORMS: Mapping[str, Callable[[ScheduledCommand], dict[str, str]]] = {
    "systemd": _systemd,
    "crontab": _crontab,
    "github": _github,
    "airflow": _airflow,
}


def _change_crontab(line: str) -> None:
    """Replace our line of the crontab, or add it."""
    try:
        read = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)  # noqa: S607
        # No crontab yet is code 1 and nothing on stdout; what else fails may hide lines.
        if read.returncode != 1 or read.stdout:
            read.check_returncode()
        rest = [other for other in read.stdout.splitlines() if not other.endswith(_MARK)]
        text = "\n".join([*rest, line])
        subprocess.run(["crontab", "-"], input=text, text=True, check=True, capture_output=True)  # noqa: S607
    except FileNotFoundError:
        raise ScheduleError("there is no crontab program", hint="--as systemd") from None
    except subprocess.CalledProcessError as error:
        raise ScheduleError(f"crontab refuses: {error.stderr.strip()}") from None
