"""Read and validate a schedule file, a TOML file that lists reports and when each is due."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from foxgrape._util.regular_files import read_regular
from foxgrape.errors import ScheduleError, did_you_mean
from foxgrape.reports.schedule.checks import parse_span
from foxgrape.reports.schedule.cron import CRON_FIELDS, Cron
from foxgrape.reports.schedule.ingest_sources import IngestSource
from foxgrape.reports.schedule.ledger import Period, PeriodState, next_action
from foxgrape.reports.schedule.notifications import CHANNELS, Channel
from foxgrape.reports.schedule.rules import Rule
from foxgrape.times import get_zone

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BOUNDS", "Entry", "Job", "Schedule", "find_problems", "parse_span", "read_schedule"]

_T = TypeVar("_T")
#: Names that no entry can have, since its pages are in a folder of its name.
_RESERVED = frozenset({"assets", "failed", "latest", "rebuilt"})
#: Bounds of a period that a template parameter can be set to.
BOUNDS = ("start", "end", "last_day")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOWTO = "write one with: foxgrape schedule new"


@dataclass(frozen=True, slots=True)
class Job:
    """A report that is built once per period.

    Attributes
    ----------
    name
        Identifies the report in the ledger, in messages and in errors.
    template
        Template name, or path to a notebook.
    zone
        IANA name of the time zone that defines days.
    study, store
        Study folder or store that the report reads; None for the template's default.
    parameters
        Parameter values from the schedule.
    period
        Bound of the period by parameter name: ``start``, ``end`` or ``last_day``.
    retries
        Maximum number of retries of a failed period; None for no limit.
    retry_after
        Minimum time between the start of a failed attempt and the next attempt.
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

    def next_action(self, state: PeriodState, now: datetime) -> str:
        """Return what to do with a period: ``run``, ``wait``, ``done`` or ``given up``."""
        return next_action(state, now, retries=self.retries, retry_after=self.retry_after)


@dataclass(frozen=True, slots=True)
class Entry:
    """One report of a schedule.

    Attributes
    ----------
    job
        The report to build.
    cron
        Cron expression that defines when the report is due.
    start
        Periods due before this instant are not built; None for the time when the schedule first
        contained this entry.
    catch_up
        Maximum number of missed periods to build in addition to the latest one.
    keep
        Number of the template's runs to keep; None to keep all.
    notify
        Names of the channels that receive alerts.
    deliver
        Names of the channels that receive the finished report.
    ingest
        Names of the sources that are added to the store first.
    if_nothing_new
        ``build``, or ``skip`` a period if the store has not changed since the previous report.
    """

    job: Job
    cron: Cron
    start: datetime | None = None
    catch_up: int = 7
    keep: int | None = None
    notify: tuple[str, ...] = ()
    deliver: tuple[str, ...] = ()
    ingest: tuple[str, ...] = ()
    if_nothing_new: str = "build"

    @property
    def name(self) -> str:
        """Name of the report."""
        return self.job.name

    def periods(self, now: datetime, count: int, since: datetime) -> list[Period]:
        """Return the last `count` periods that became due from `since` to `now`."""
        ends = self.cron.last_times(now, count, since)
        if not ends:
            return []
        before_first = ends[0] - timedelta(microseconds=1)
        previous = self.cron.last_times(before_first, 1, _EPOCH)
        starts = [previous[0] if previous else ends[0], *ends[:-1]]
        return [Period(start, end) for start, end in zip(starts, ends, strict=True)]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Reports and when each is due.

    Attributes
    ----------
    path
        The schedule file.
    entries
        Reports, in file order.
    channels
        Notification channels by name.
    base_url
        Address at which the reports folder is served, ending in a slash; None if it is not stated.
    pictures
        Whether pages and messages have static pictures of the figures.
    sources
        Sources of posts and events by name.
    rules
        Rules of alerts.
    """

    path: Path
    entries: tuple[Entry, ...]
    channels: Mapping[str, Channel]
    base_url: str | None = None
    pictures: bool = False
    sources: Mapping[str, IngestSource] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()


def read_schedule(path: str | Path = "reports/schedule.toml") -> Schedule:
    """Read a schedule file and validate every key.

    Parameters
    ----------
    path
        A TOML file with one ``[[report]]`` table per report and one ``[notify.NAME]`` table per
        notification channel.

    Returns
    -------
    Schedule

    Raises
    ------
    ScheduleError
        If the file is invalid. The message describes the first problem.

    See Also
    --------
    find_problems : Return all problems of a schedule file.

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
    schedule, errors = _read(Path(path))
    if schedule is None:
        raise errors[0]
    return schedule


def find_problems(path: str | Path) -> list[ScheduleError]:
    """Return all problems of a schedule file, in the order of the file.

    Examples
    --------
    >>> print(find_problems("none.toml")[0])
    none.toml: schedule file not found. Hint: write one with: foxgrape schedule new
    """
    return _read(Path(path))[1]


def _read(path: Path) -> tuple[Schedule | None, list[ScheduleError]]:
    try:
        text = read_regular(path).decode("utf-8")
    except FileNotFoundError:
        return None, [ScheduleError("schedule file not found", file=path, hint=_HOWTO)]
    except (UnicodeDecodeError, OSError) as error:
        return None, [ScheduleError(f"not a readable TOML file: {error}", file=path)]
    return parse_schedule(text, path)


def parse_schedule(text: str, path: Path) -> tuple[Schedule | None, list[ScheduleError]]:
    """Return the schedule in a text, or None, and all problems; `path` names its file."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, [ScheduleError(f"not a readable TOML file: {error}", file=path)]
    errors: list[ScheduleError] = []
    top = _Table(content, None, path, errors).parse(_TOP_KEYS)
    channel_tables = top.get("notify", {})
    channels = _read_named("notify", channel_tables, _channel, path, errors)
    sources = _read_named("ingest", top.get("ingest", {}), IngestSource.from_table, path, errors)
    rules = _read_named("alert", top.get("alert", {}), Rule.from_table, path, errors)
    entries: list[Entry] = []
    for number, values in enumerate(top.get("report", ()), start=1):
        entry = _read_entry(values, number, top.get("timezone"), path, errors)
        if entry is None:
            continue
        table = _Table(values, f"entry {entry.name!r}", path, errors)
        if entry.name in {other.name for other in entries}:
            table.add_error("name must be unique")
        for key in ("notify", "deliver"):
            table.check_names(key, getattr(entry, key), "notify", channel_tables)
        table.check_names("ingest", entry.ingest, "ingest", top.get("ingest", {}))
        entries.append(entry)
    for rule in rules.values():
        table = _Table({}, f"alert.{rule.name}", path, errors)
        table.check_names("notify", rule.notify, "notify", channel_tables)
        names = [str(values.get("name")) for values in top.get("report", ())]
        if rule.report is not None and rule.report not in names:
            hint = did_you_mean(rule.report, names)
            table.add_error("report names an unknown entry", got=rule.report, hint=hint)
    if errors:
        return None, errors
    options: dict[str, Any] = {key: top[key] for key in ("base_url", "pictures") if key in top}
    options |= {"sources": MappingProxyType(sources), "rules": tuple(rules.values())}
    return Schedule(path, tuple(entries), MappingProxyType(channels), **options), []


def _read_entry(
    values: Mapping[str, Any],
    number: int,
    default_zone: str | None,
    path: Path,
    errors: list[ScheduleError],
) -> Entry | None:
    name = values.get("name")
    label = f"entry {name!r}" if isinstance(name, str) and name else f"entry {number}"
    table = _Table(values, label, path, errors)
    count = len(errors)
    parsed = table.parse(_ENTRY_KEYS)
    zone = parsed.get("timezone") or default_zone
    if "timezone" not in values and zone is None:
        hint = 'timezone = "Europe/Kyiv" at the top of the file applies to all entries'
        table.add_error("timezone is missing", hint=hint)
    if "study" in values and "store" in values:
        table.add_error("store cannot be combined with study")
    if "store" not in values:
        for key in ("ingest", "if_nothing_new"):
            if key in values:
                table.add_error(f"{key} needs a store to add to", hint='store = "store"')
    if len(errors) > count or zone is None:
        return None
    try:
        cron = Cron(parsed["cron"], zone)
    except ValueError as error:
        table.add_error(f"cron must be {CRON_FIELDS}", got=parsed["cron"], hint=str(error))
        return None
    start = parsed.get("start")
    if start is not None and start.tzinfo is None:
        start = start.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    keys = ("template", "study", "store", "parameters", "period", "retries", "retry_after")
    job = Job(name=parsed["name"], zone=zone, **{key: parsed[key] for key in keys if key in parsed})
    options = {key: parsed[key] for key in _OPTIONS if key in parsed}
    return Entry(job, cron, start, **options)


def _read_named(
    section: str,
    tables: Mapping[str, Any],
    build: Callable[[str, Any], _T],
    path: Path,
    errors: list[ScheduleError],
) -> dict[str, _T]:
    """Return what the valid ``[SECTION.NAME]`` tables define, by name."""
    named = {}
    for name, values in tables.items():
        table = _Table({}, f"{section}.{name}", path, errors)
        if not _TABLE_NAME.fullmatch(name):
            table.add_error("the name of a table must be letters, digits, - and _", got=name)
        elif not isinstance(values, dict):
            table.add_error(f"must be a table [{section}.{name}]", got=values)
        else:
            try:
                named[name] = build(name, values)
            except ScheduleError as error:
                table.add_error(str(error))
    return named


def _channel(name: str, values: Mapping[str, Any]) -> Channel:
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in CHANNELS:
        *kinds, last = CHANNELS
        raise ScheduleError(f"kind must be {', '.join(kinds)} or {last}", got=kind)
    return CHANNELS[kind].from_table(name, values)


@dataclass(frozen=True, slots=True)
class _Table:
    """A TOML table of the schedule file; adds errors to a list that all tables share."""

    values: Mapping[str, Any]
    label: str | None
    path: Path
    errors: list[ScheduleError]

    def add_error(self, problem: str, *, got: object = None, hint: str | None = None) -> None:
        text = problem if self.label is None else f"{self.label}, {problem}"
        self.errors.append(ScheduleError(text, file=self.path, got=got, hint=hint))

    def check_names(
        self, key: str, names: tuple[str, ...], section: str, tables: Mapping[str, Any]
    ) -> None:
        """Add an error for each name without a ``[SECTION.NAME]`` table."""
        what = {"notify": "channel", "ingest": "source"}[section]
        for name in names:
            if name not in tables:
                hint = f"add a table [{section}.{name}]"
                hint = did_you_mean(name, tables) if tables else hint
                self.add_error(f"{key} names an unknown {what}", got=name, hint=hint)

    def parse(self, keys: Mapping[str, _Key]) -> dict[str, Any]:
        """Return valid values by key; add an error for each unknown, missing or invalid key."""
        for key in self.values:
            if key not in keys:
                self.add_error(f"unknown key {key}", hint=did_you_mean(key, keys))
        parsed = {}
        for key, (parse, expected, required) in keys.items():
            if key not in self.values:
                if required:
                    self.add_error(f"{key} is missing; it must be {expected}")
                continue
            value = self.values[key]
            try:
                parsed[key] = parse(value)
            except ValueError as error:
                self.add_error(f"{key} must be {expected}", got=value, hint=str(error) or None)
        return parsed


# A parser returns the parsed value or raises ValueError, whose text becomes the hint.

#: Parser of a key, description of valid values, and whether the key is required.
_Key = tuple[Callable[[Any], Any], str, bool]
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_TABLE_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
_OPTIONS = ("catch_up", "keep", "notify", "deliver", "ingest", "if_nothing_new")
#: Years allowed in `start`. Converting a time near year 1 or 9999 to UTC can overflow.
_YEARS = range(1970, 9999)
_MAX_COUNT = 10_000


def _require(condition: object) -> None:
    if not condition:
        raise ValueError


def _text(value: object) -> str:
    _require(isinstance(value, str) and value.strip())
    return str(value)


def _name(value: object) -> str:
    _require(_NAME.fullmatch(_text(value)))
    if value in _RESERVED:
        raise ValueError(f"{value} is the name of a folder that foxgrape uses")
    return str(value)


def _zone(value: object) -> str:
    return get_zone(_text(value)).key


def _address(value: object) -> str:
    parts = urlsplit(_text(value))
    _require(parts.scheme in {"http", "https"} and parts.hostname and str(value).isprintable())
    _require(not (parts.query or parts.fragment or parts.username or " " in str(value)))
    return f"{str(value).rstrip('/')}/"


def _switch(value: object) -> object:
    _require(isinstance(value, bool))
    return value


def _count(least: int) -> Callable[[object], object]:
    def parse(value: object) -> object:
        _require(type(value) is int and least <= value <= _MAX_COUNT)
        return value

    return parse


def _choice(*values: str) -> Callable[[object], object]:
    def parse(value: object) -> object:
        _require(value in values)
        return value

    return parse


def _instant(value: object) -> datetime:
    _require(isinstance(value, date) and value.year in _YEARS)
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, datetime.min.time())  # type: ignore[arg-type]


def _mapping(value: object) -> object:
    _require(isinstance(value, dict))
    return value


def _bounds(value: Any) -> object:
    _require(isinstance(value, dict) and all(bound in BOUNDS for bound in value.values()))
    return value


def _list_of(kind: type) -> Callable[[object], tuple[Any, ...]]:
    def parse(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
            raise ValueError
        return tuple(value)

    return parse


_ZONE_KEY: _Key = (_zone, "an IANA time zone such as Europe/Kyiv", False)
_TOP_KEYS: Mapping[str, _Key] = {
    "timezone": _ZONE_KEY,
    "base_url": (_address, "a URL such as https://reports.example.org/", False),
    "pictures": (_switch, "true or false", False),
    "report": (_list_of(dict), "one or more [[report]] tables", True),
    "notify": (_mapping, "[notify.NAME] tables", False),
    "ingest": (_mapping, "[ingest.NAME] tables", False),
    "alert": (_mapping, "[alert.NAME] tables", False),
}
_ENTRY_KEYS: Mapping[str, _Key] = {
    "name": (_name, "a name of lowercase letters, digits, - and _", True),
    "template": (_text, "the name of a template or the path of a notebook", True),
    "study": (_text, "the folder of a study", False),
    "store": (_text, "the folder or URL of a store", False),
    "parameters": (_mapping, "a table of template parameters", False),
    "period": (_bounds, f"a table that maps parameters to one of {', '.join(BOUNDS)}", False),
    "cron": (_text, CRON_FIELDS, True),
    "timezone": _ZONE_KEY,
    "start": (_instant, "an unquoted date or time since 1970, such as 2022-09-01", False),
    "retries": (_count(0), f"an integer from 0 to {_MAX_COUNT}", False),
    "retry_after": (parse_span, "a time span such as 90s, 10min, 6h or 1d", False),
    "catch_up": (_count(0), f"an integer from 0 to {_MAX_COUNT}", False),
    "keep": (_count(1), f"an integer from 1 to {_MAX_COUNT}", False),
    "notify": (_list_of(str), "a list of the names of [notify.NAME] tables", False),
    "deliver": (_list_of(str), "a list of the names of [notify.NAME] tables", False),
    "ingest": (_list_of(str), "a list of the names of [ingest.NAME] tables", False),
    "if_nothing_new": (_choice("build", "skip"), "build or skip", False),
}
