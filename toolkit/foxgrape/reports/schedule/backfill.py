"""Build a report for each period of a stretch of the past; a call that was stopped goes on."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.errors import ScheduleError
from foxgrape.reports.schedule.config import Job
from foxgrape.reports.schedule.due import default_builder
from foxgrape.reports.schedule.ledger import Ledger, Period
from foxgrape.reports.schedule.results import BackfillResult
from foxgrape.reports.schedule.runner import PeriodTask, run_tasks, values_for
from foxgrape.reports.schedule.validation import BOUNDS
from foxgrape.reports.templates.relative_dates import add_calendar_units
from foxgrape.times import get_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from zoneinfo import ZoneInfo

    from foxgrape.reports.schedule.results import PeriodRun

__all__ = ["backfill", "backfill_range"]

#: Where states are kept, in the folder of the reports.
LEDGER = ".backfill"
_EVERY = re.compile(r"([1-9]\d{0,3})\s?(h|d|w|month|year)s?")
_CALENDAR = {"d": "day", "w": "week", "month": "month", "year": "year"}
_EXPECTED = "a span such as 6h, 1d, 1w, 1month, 1year"


def backfill(
    template: str | Path,
    *,
    since: date,
    until: date,
    every: str,
    zone: str,
    period: Mapping[str, str],
    now: datetime,
    study: str | None = None,
    store: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    out: str | Path = "reports",
    workers: int = 1,
    run: Callable[..., Any] | None = None,
    run_many: Callable[..., Any] | None = None,
    progress: Callable[[PeriodRun], object] | None = None,
) -> BackfillResult:
    """Build a report for each whole period of a stretch of time, the oldest first.

    What was built stays built: the same call again, also one with a later `until`, builds what is
    missing and tries again what failed. Calls at the same time share the work.

    Parameters
    ----------
    template
        Name of a template, or path of a notebook with a sidecar.
    since, until
        First day, and the day before which the last period ends; or instants with an offset.
    every
        How long a period is: ``6h``, ``1d``, ``1w``, ``1month``, ``1year``. Hours are real ones,
        all else goes by the calendar of the zone.
    zone
        IANA name of the zone whose days count.
    period
        Which parameters of the template get which bound of a period: ``start``, ``end`` or
        ``last_day``. Days from now on (``-7d``) count from its end in any case.
    now
        The instant to note for attempts.
    study, store
        What it is about.
    parameters
        The template's other parameters.
    out
        Folder to build into; states are kept in it.
    workers
        How many processes build at once.
    run
        What builds one report; `run_report` by default. With several workers it must be a
        function of a module.
    run_many
        In place of `run`, what builds many reports at once: see `run_due`.
    progress
        Called with each period that has come to an end.

    Returns
    -------
    Backfill

    Raises
    ------
    FoxgrapeError
        If template, parameters, bounds or stretch cannot be used: then nothing is built.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     weeks = backfill("lead_times", since=date(2022, 9, 5), until=date(2022, 9, 26),
    ...         every="1w", zone="Europe/Kyiv", period={}, parameters={"horizon": "60D"},
    ...         now=datetime(2023, 1, 1, tzinfo=UTC), out=folder, run=lambda *_, **__: None)
    >>> weeks.sentence()
    'Of 3 periods 3 were built, 0 were there already, 0 failed.'
    """
    from foxgrape.reports.templates.discovery import find_template

    spans = backfill_range(since, until, every, zone)
    wrong = [bound for bound in period.values() if bound not in BOUNDS]
    if wrong:
        expected = f"one of {', '.join(BOUNDS)}"
        raise ScheduleError("a period has no such bound", expected=expected, got=wrong[0])
    job = Job(
        name=_name(template, study, store, parameters, period, every, zone),
        template=str(template),
        zone=zone,
        study=study,
        store=store,
        parameters=dict(parameters or {}),
        period=dict(period),
        retries=None,
        retry_after=timedelta(0),
    )
    values_for(find_template(template), job, spans[0])  # what is wrong is wrong for all: say it now
    ledger = Ledger(Path(out) / LEDGER)
    waiting = [
        PeriodTask(job, span, ledger.folder, Path(out), now, run or default_builder())
        for span in spans
        if ledger.read(f"{job.name}/{span.key}").state != "done"
    ]
    try:
        runs = run_tasks(waiting, workers, progress, run_many)
    except OSError as error:
        raise ScheduleError(
            f"what was built cannot be kept there: {error.strerror or error}", file=ledger.folder
        ) from None
    return BackfillResult(len(spans), len(spans) - len(waiting), tuple(runs))


def backfill_range(since: date, until: date, every: str, zone: str) -> list[Period]:
    """Cut a stretch of time into whole periods; what is left at its end is left out.

    Raises
    ------
    ScheduleError
        If it cannot be cut, or has not one whole period.

    Examples
    --------
    >>> for period in backfill_range(date(2022, 3, 26), date(2022, 3, 28), "1d", "Europe/Kyiv"):
    ...     print(period.end - period.start)
    1 day, 0:00:00
    23:00:00
    """
    match = _EVERY.fullmatch(every)
    if match is None:
        raise ScheduleError("no such length of a period", expected=_EXPECTED, got=every)
    try:
        clock = get_zone(zone)
    except ValueError:
        raise ScheduleError.unknown_timezone(zone) from None
    try:
        first, last = _instant(since, clock), _instant(until, clock)
        bounds = [first]
        while bounds[-1] <= last:
            step = len(bounds) * int(match[1])
            bounds.append(_stepped(first, match[2], step, clock))
    except OverflowError:
        raise ScheduleError(f"from {since} until {until} reaches beyond the calendar") from None
    periods = [Period(start, end) for start, end in pairwise(bounds[:-1])]
    if not periods:
        raise ScheduleError(f"from {since} until {until} there is no whole period of {every}")
    return periods


def _stepped(first: datetime, unit: str, count: int, clock: ZoneInfo) -> datetime:
    if unit == "h":
        return first + timedelta(hours=count)
    shown = first.astimezone(clock)
    day = add_calendar_units(shown.date(), _CALENDAR[unit], count)
    return datetime.combine(day, shown.time(), clock).astimezone(UTC)


def _instant(told: date, clock: ZoneInfo) -> datetime:
    if not isinstance(told, datetime):
        return datetime.combine(told, time(), clock).astimezone(UTC)
    if told.tzinfo is None:
        raise ScheduleError("an instant needs its offset", got=told)
    return told.astimezone(UTC)


def _name(template: str | Path, *parts: object) -> str:
    """Name the states of a backfill: the same report, cut in the same way, goes on."""
    text = json.dumps([str(template), *parts], sort_keys=True, default=str)
    plain = "".join(sign if sign.isalnum() else "-" for sign in Path(template).stem)[:40]
    return f"{plain}-{sha256(text.encode()).hexdigest()[:10]}"
