"""The periods of an entry that are due, and the parameters of the report of a period."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from foxgrape.errors import FoxgrapeError

if TYPE_CHECKING:
    from pathlib import Path

    from foxgrape.reports.schedule.config import Entry, Job
    from foxgrape.reports.schedule.ledger import Ledger, Period
    from foxgrape.reports.templates.discovery import Template

__all__ = ["build_command", "due_in_words", "due_periods", "first_seen", "values_for"]

_TICK = timedelta(microseconds=1)


def due_periods(
    entry: Entry, ledger: Ledger, now: datetime, *, record: bool = False
) -> list[Period]:
    """Return the periods of an entry that `run_due` would try to build at time `now`.

    Parameters
    ----------
    entry, ledger, now
        Entry of the schedule, period states and reference time.
    record
        Whether to store when the entry was first seen, if it has no `start`.
    """
    since = first_seen(entry, ledger, now, record=record)
    periods = []
    for period in entry.periods(now, entry.catch_up + 1, since):
        state = ledger.read_state(f"{entry.name}/{period.key}")
        if state.state == "running" or entry.job.next_action(state, now) == "run":
            periods.append(period)
    return periods


def first_seen(entry: Entry, ledger: Ledger, now: datetime, *, record: bool = False) -> datetime:
    """Return the instant from which the periods of an entry are built.

    This is the entry's `start`, or the time at which its cron expression and time zone were first
    seen.
    """
    if entry.start is not None:
        return entry.start
    digest = sha256(f"{entry.cron.expression} {entry.cron.zone}".encode()).hexdigest()[:8]
    name = f"{entry.name}/since-{digest}"
    default = {"since": now.astimezone(UTC).isoformat(), "cron": entry.cron.expression}
    content = ledger.setdefault(name, default) if record else ledger.read_json(name)
    since = datetime.fromisoformat(content.get("since", default["since"]))
    if since <= now:
        return since
    # It was seen while the clock was ahead.
    if record:
        ledger.write_json(name, default)
    return now


def values_for(template: Template, job: Job, period: Period) -> dict[str, Any]:
    """Return the validated parameters of a template; relative dates count from the period's end.

    A bound for `observed_until` only cuts observation off: it is left out if the data were recorded
    until an earlier instant, since a schedule does not know that events were recorded later.

    A report of a schedule is repeated. Unless the schedule says until when, it is until the end of
    the year: tests against chance then claim falsely in at most 5% of all years.

    Raises
    ------
    ParameterError
        If a parameter is unknown, missing or of the wrong type.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from foxgrape.reports.templates.discovery import find_template
    >>> from foxgrape.reports.schedule.config import Job
    >>> from foxgrape.reports.schedule.ledger import Period
    >>> job = Job("mine", "lead_times", "Europe/Kyiv", parameters={"horizon": "60D"})
    >>> day = Period(datetime(2022, 9, 9, 21, tzinfo=UTC), datetime(2022, 9, 10, 21, tzinfo=UTC))
    >>> values_for(find_template("lead_times"), job, day)["horizon"]
    '60D'
    """
    from foxgrape.reports.templates.parameters import validate_parameters

    rules = template.schema["properties"]
    bounds = {
        name: _format_bound(period, bound, rules.get(name, {}).get("format"), job.zone)
        for name, bound in job.period.items()
    }
    if "observed_until" in bounds and not _is_recorded(job, bounds["observed_until"]):
        del bounds["observed_until"]
    values = {**job.parameters, **bounds}
    if "repeated_until" in rules and "repeated_until" not in values:
        last = (period.end - _TICK).astimezone(ZoneInfo(job.zone))
        values["repeated_until"] = datetime(last.year + 1, 1, 1, tzinfo=last.tzinfo).isoformat()
    return validate_parameters(template, values, now=period.end, zone=job.zone)


def _is_recorded(job: Job, bound: str) -> bool:
    """Return whether the data of a job were recorded until the bound of a period, or later."""
    from foxgrape.studies.from_store import open_study_or_store

    instant = datetime.fromisoformat(bound)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=ZoneInfo(job.zone))
    try:
        recorded = open_study_or_store(job.study, job.store).observed[1]
    except FoxgrapeError:
        return True  # the report itself says why its data cannot be read
    # NaT, where nothing was recorded, is no earlier end.
    return not recorded < instant


def _format_bound(period: Period, bound: str, kind: str | None, zone: str) -> str:
    if bound == "last_day":
        return str((period.end - _TICK).astimezone(ZoneInfo(zone)).date())
    local = (period.start if bound == "start" else period.end).astimezone(ZoneInfo(zone))
    return str(local.date()) if kind == "date" else local.isoformat()


def build_command(job: Job, period: Period, out: Path) -> str:
    """Return the shell command that builds the report of a period.

    Examples
    --------
    >>> from pathlib import Path
    >>> from foxgrape.reports.schedule.config import Job
    >>> from foxgrape.reports.schedule.ledger import Period
    >>> week = Period(datetime(2022, 9, 5, 4, tzinfo=UTC), datetime(2022, 9, 12, 4, tzinfo=UTC))
    >>> job = Job("weekly", "weekly_brief", "Europe/Kyiv", store="my store")
    >>> build_command(job, week, Path("reports"))
    "foxgrape report build weekly_brief --store 'my store' -p until=2022-09-12 ..."
    """
    from foxgrape.reports.templates.discovery import find_template

    template = find_template(job.template)
    rules = template.schema["properties"]
    parts = ["foxgrape", "report", "build", job.template]
    for name in ("study", "store"):
        if (data := getattr(job, name)) is not None:
            parts += [f"--{name}", str(data)]
    for name, value in values_for(template, job, period).items():
        if value != rules.get(name, {}).get("default"):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            parts += ["-p", f"{name}={text}"]
    return shlex.join([*parts, "--out", str(out)])


def due_in_words(end: datetime, zone: str) -> str:
    """Return when a report was due, in its time zone.

    Examples
    --------
    >>> due_in_words(datetime(2022, 9, 12, 4, tzinfo=UTC), "Europe/Kyiv")
    '12 Sep 2022, 07:00, Europe/Kyiv'
    """
    local = end.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y, %H:%M}, {zone}"
