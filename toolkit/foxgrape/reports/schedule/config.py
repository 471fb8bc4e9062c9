"""A schedule: a TOML file that tells which reports are due when, checked when it is read."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from foxgrape.errors import ScheduleError, did_you_mean
from foxgrape.reports.schedule.channels import CHANNELS, Channel
from foxgrape.reports.schedule.cron import EXPECTED, Cron
from foxgrape.reports.schedule.ledger import Period
from foxgrape.reports.schedule.validation import ENTRY, TOP, validate_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Entry", "Job", "Schedule", "problems", "read_schedule"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Job:
    """A report that is built period by period.

    Attributes
    ----------
    name
        Names it in its folder, in messages and in errors.
    template
        Name of a template, or path of a notebook.
    study, store
        What it is about; None for the template's own default.
    parameters
        As the schedule tells them.
    period
        Which parameters get which bound of the period: ``start``, ``end``, ``last_day``.
    zone
        IANA name of the zone whose days count.
    retries
        How often a period is tried again after it failed; None for once in every call.
    retry_after
        How long after the start of an attempt that failed.
    """

    name: str
    template: str
    zone: str
    study: str | None = None
    store: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    period: Mapping[str, str] = field(default_factory=dict)
    retries: int | None = 2
    retry_after: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Entry:
    """One report of a schedule.

    Attributes
    ----------
    job
        What is built.
    cron
        When it is due.
    start
        Periods count that are due from here on; None for from when the entry was first seen.
    catch_up
        How many missed periods are built beside the latest one.
    keep
        How many of its runs are kept; None for all.
    notify
        Names of the channels that hear of failures and recoveries.
    """

    job: Job
    cron: Cron
    start: datetime | None = None
    catch_up: int = 7
    keep: int | None = None
    notify: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name."""
        return self.job.name

    def periods(self, now: datetime, count: int, since: datetime) -> list[Period]:
        """Return the last so many periods that are due by now, none due before `since`."""
        ends = self.cron.until(now, count, since)
        if not ends:
            return []
        far = ends[0] - timedelta(microseconds=1)
        before = self.cron.until(far, 1, _EPOCH)
        starts = [before[0] if before else ends[0], *ends[:-1]]
        return [Period(start, end) for start, end in zip(starts, ends, strict=True)]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which reports are due when.

    Attributes
    ----------
    path
        The file that tells it.
    entries
        Its reports, in order.
    channels
        Who hears of failures and recoveries, by name.
    """

    path: Path
    entries: tuple[Entry, ...]
    channels: Mapping[str, Channel]


def read_schedule(path: str | Path = "reports/schedule.toml") -> Schedule:
    """Read which reports are due when, and check every key.

    Parameters
    ----------
    path
        A TOML file: a table ``[[report]]`` for each report, ``[notify.NAME]`` for each channel.

    Returns
    -------
    Schedule

    Raises
    ------
    ScheduleError
        At the first thing that is wrong, with file, entry, key, what was expected and found.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "schedule.toml")
    ...     _ = file.write_text('''
    ...         timezone = "Europe/Kyiv"
    ...         [[report]]
    ...         name = "mornings"
    ...         template = "lead_times"
    ...         cron = "0 7 * * *"
    ...     ''')
    ...     schedule = read_schedule(file)
    >>> schedule.entries[0].cron.zone
    'Europe/Kyiv'
    """
    schedule, wrong = _read(Path(path))
    if schedule is None:
        raise wrong[0]
    return schedule


def problems(path: str | Path) -> list[ScheduleError]:
    """Return all that is wrong with a schedule file, in the order of the file.

    Examples
    --------
    >>> print(problems("none.toml")[0])
    none.toml: there is no such schedule. Hint: docs/how-to/schedule-reports.md shows one
    """
    return _read(Path(path))[1]


def _read(path: Path) -> tuple[Schedule | None, list[ScheduleError]]:
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "docs/how-to/schedule-reports.md shows one"
        return None, [ScheduleError("there is no such schedule", file=path, hint=hint)]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        return None, [ScheduleError(f"it cannot be read as TOML: {error}", file=path)]
    wrong: list[ScheduleError] = []
    top = validate_keys(told, TOP, None, path, wrong)
    told_channels = top.get("notify", {})
    channels = {
        name: channel
        for name, table in told_channels.items()
        if (channel := _channel(name, table, path, wrong)) is not None
    }
    entries: list[Entry] = []
    for number, table in enumerate(top.get("report", ()), start=1):
        made = _entry(table, number, top.get("timezone"), path, wrong)
        if made is None:
            continue
        bad = partial(ScheduleError.bad_key, entry=f"entry {made.name!r}", file=path)
        if made.name in {entry.name for entry in entries}:
            wrong.append(bad("name", what="stands twice", expected="each name once"))
        wrong += [
            bad("notify", what="no such channel", got=name, hint=_channel_hint(name, channels))
            for name in made.notify
            if name not in told_channels
        ]
        entries.append(made)
    if wrong:
        return None, wrong
    return Schedule(path, tuple(entries), MappingProxyType(channels)), []


def _entry(
    table: Mapping[str, Any], number: int, zone: str | None, path: Path, wrong: list[ScheduleError]
) -> Entry | None:
    shown = table.get("name")
    label = f"entry {shown!r}" if isinstance(shown, str) and shown else f"entry {number}"
    bad = partial(ScheduleError.bad_key, entry=label, file=path)
    before = len(wrong)
    got = validate_keys(table, ENTRY, label, path, wrong)
    zone = got.get("timezone") or zone
    if "timezone" not in table and zone is None:
        expected = "the IANA name of the zone whose clock cron means"
        hint = 'timezone = "Europe/Kyiv" at the top of the file serves for all entries'
        wrong.append(bad("timezone", what="is missing", expected=expected, hint=hint))
    if "study" in table and "store" in table:
        wrong.append(bad("store", what="there is a study as well", expected="one"))
    if len(wrong) > before or zone is None:
        return None
    try:
        cron = Cron(got["cron"], zone)
    except ValueError as error:
        wrong.append(bad("cron", expected=EXPECTED, got=got["cron"], hint=str(error)))
        return None
    start = got.get("start")
    if start is not None and start.tzinfo is None:
        start = start.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    names = ("template", "study", "store", "parameters", "period", "retries", "retry_after")
    job = Job(name=got["name"], zone=zone, **{name: got[name] for name in names if name in got})
    more = {name: got[name] for name in ("catch_up", "keep", "notify") if name in got}
    return Entry(job, cron, start, **more)


def _channel(name: str, table: object, path: Path, wrong: list[ScheduleError]) -> Channel | None:
    label = f"notify.{name}"
    got = table.get("kind") if isinstance(table, dict) else table
    if not isinstance(table, dict) or not isinstance(got, str) or got not in CHANNELS:
        expected = " or ".join(CHANNELS)
        wrong.append(
            ScheduleError.bad_key("kind", entry=label, file=path, expected=expected, got=got)
        )
        return None
    try:
        return CHANNELS[table["kind"]].from_table(name, table)
    except ScheduleError as error:
        wrong.append(ScheduleError(f"{label}, {error}", file=path))
        return None


def _channel_hint(name: str, channels: Mapping[str, object]) -> str:
    return did_you_mean(name, channels) if channels else f"add a table [notify.{name}]"
