"""Commands for scheduled reports: report due, report backfill, and the group schedule."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foxgrape.cli.output import (
    AsJson,
    Pairs,
    handle_sigterm,
    parse_pairs,
    print_error,
    print_json,
    print_line,
    print_result,
    print_sentence,
    print_text,
    shell_message,
    status_spinner,
)
from foxgrape.cli.reports import OwnTemplates, Pictures, SharedAssets, report_app
from foxgrape.errors import FoxgrapeError

if TYPE_CHECKING:
    from foxgrape.reports.schedule.due import DueResult
    from foxgrape.reports.schedule.runner import PeriodRun
    from foxgrape.reports.schedule.status import EntryStatus

__all__ = ["add_commands"]

schedule_app = typer.Typer(help="Show, check and install the schedule.", no_args_is_help=True)

ScheduleFile = Annotated[Path, typer.Option("--schedule", help="The schedule file.")]
Out = Annotated[Path, typer.Option(help="Folder of the reports.")]
Now = Annotated[
    str | None,
    typer.Option("--now", help="Reference time: 2022-09-10T12:00Z; default: the current time."),
]
Workers = Annotated[int, typer.Option(min=1, help="Number of reports built in parallel.")]
_FILE, _OUT = Path("reports/schedule.toml"), Path("reports")
#: Exit code if messages wait to be sent: EX_TEMPFAIL of sysexits.h.
TRY_AGAIN = 75
_FIRST_YEAR, _LAST_YEAR = 1900, 9000


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    report_app.command("due")(due)
    report_app.command("backfill")(backfill)
    app.add_typer(schedule_app, name="schedule")


def due(
    schedule: ScheduleFile = _FILE,
    out: Out = _OUT,
    now: Now = None,
    workers: Workers = 1,
    shared_assets: SharedAssets = False,
    pictures: Pictures = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done; write and send nothing.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Build all due reports. Safe to repeat: a report is built once per period.

    The exit code is 1 if a report failed, a message was given up or an alert cannot be evaluated,
    and 75 if all is built but a message still waits to be sent.
    """
    from foxgrape.reports.prune import prune
    from foxgrape.reports.schedule.config import read_schedule
    from foxgrape.reports.schedule.due import run_due

    instant = _parse_now(now)
    content = read_schedule(schedule)
    if dry_run:
        from foxgrape.reports.schedule.status import check_rules, preview_due

        lines = preview_due(content, now=instant, out=out)
        problems, notes = check_rules(content, now=instant, out=out)
        would = {"would": lines, "problems": problems, "notes": notes}
        print_sentence("\n".join(lines), would, as_json=as_json)
        for text in (*problems, *notes):
            print_error(text)
        return 1 if problems else 0
    result = run_due(
        content,
        now=instant,
        out=out,
        workers=workers,
        **_builders(workers, shared_assets=shared_assets, pictures=pictures),
        prune=prune,
    )
    if not as_json:
        for ingested in result.ingested:
            print_line(shell_message(ingested.sentence()))
        print_result([_row(run) for run in result.runs], [], as_json=False)
    print_sentence(result.sentence(), result.to_dict(), as_json=as_json)
    _print_delivery(result)
    if result.failed:
        raise FoxgrapeError(_describe_failures(result.failed))
    if result.given_up or result.problems:
        return 1
    return TRY_AGAIN if result.waiting or result.undelivered else 0


def backfill(
    template: Annotated[str, typer.Argument(help="Template name, or path to a notebook.")],
    since: Annotated[str, typer.Option("--from", help="First day: 2022-09-01.")],
    until: Annotated[str, typer.Option("--to", help="First day after the range.")],
    every: Annotated[str, typer.Option(help="Length of a period: 6h, 1d, 1w, 1month, 1year.")],
    timezone: Annotated[str, typer.Option(help="IANA time zone that defines days.")],
    period: Annotated[
        list[str] | None,
        typer.Option(
            help="Set PARAMETER=start, end or last_day of the period; repeat for several."
        ),
    ] = None,
    parameter: Pairs = None,
    own: OwnTemplates = None,
    study: Annotated[str | None, typer.Option(help="Folder of a study.")] = None,
    store: Annotated[str | None, typer.Option(help="Folder or URL of a store.")] = None,
    out: Out = _OUT,
    workers: Workers = 1,
    shared_assets: SharedAssets = False,
    pictures: Pictures = False,
    as_json: AsJson = False,
) -> int:
    """Build a report for each period of a past date range. Safe to repeat."""
    from foxgrape.reports.schedule.due import backfill as build_past
    from foxgrape.reports.templates.discovery import find_template
    from foxgrape.reports.templates.parameters import parse_parameters

    chosen = find_template(template, own)
    with status_spinner("building…") as update:
        result = build_past(
            template if own is None else chosen.notebook,
            since=_parse_day(since, "--from"),
            until=_parse_day(until, "--to"),
            every=every,
            zone=timezone,
            period=parse_pairs(period),
            now=datetime.now(UTC),
            study=study,
            store=store,
            parameters=parse_parameters(chosen, parse_pairs(parameter)),
            out=out,
            workers=workers,
            **_builders(workers, shared_assets=shared_assets, pictures=pictures),
            progress=lambda run: update(f"{run.end:%Y-%m-%d %H:%M} {run.state}"),
        )
    print_sentence(result.sentence(), result.to_dict(), as_json=as_json)
    if result.failed:
        raise FoxgrapeError(_describe_failures(result.failed))
    return 0


@schedule_app.command("new")
def schedule_new(
    schedule: ScheduleFile = _FILE,
    name: Annotated[str | None, typer.Option(help="Name of the report: weekly.")] = None,
    template: Annotated[str | None, typer.Option(help="Template; see report list.")] = None,
    study: Annotated[str | None, typer.Option(help="Folder of a study.")] = None,
    store: Annotated[str | None, typer.Option(help="Folder or URL of a store.")] = None,
    every: Annotated[
        str | None, typer.Option(help="day, week or month, at 07:00; or use --cron.")
    ] = None,
    cron: Annotated[str | None, typer.Option(help="Cron expression: 0 7 * * MON.")] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA time zone: Europe/Kyiv.")] = None,
) -> int:
    """Add an entry to the schedule file; asks for what is not given."""
    from foxgrape.reports.schedule.new_entry import EVERY, add_entry

    name = name or _ask("Name of the report", "--name", "weekly")
    template = template or _ask("Template", "--template", "weekly_brief")
    if study is None and store is None:
        store = _ask("Store", "--store or --study", "store")
    if cron is None:
        every = every or _ask("Every day, week or month", "--every or --cron", "week")
        if every not in EVERY:
            raise typer.BadParameter(f"--every must be {', '.join(EVERY)}; got {every!r}")
        cron = EVERY[every]
    timezone = timezone or _ask("Time zone", "--timezone", "Europe/Kyiv")
    values = {"name": name, "template": template, "cron": cron, "timezone": timezone}
    data = {"study": study, "store": store}
    values |= {key: value for key, value in data.items() if value is not None}
    print_text(add_entry(schedule, values, now=datetime.now(UTC)))
    print_line(f"Added to {schedule}. Build what is due: foxgrape report due --schedule {schedule}")
    return 0


def _ask(question: str, option: str, default: str) -> str:
    """Ask on a terminal; elsewhere, raise an error that names the option."""
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{option} is missing; it can be asked for on a terminal only")
    return str(typer.prompt(question, default=default))


@schedule_app.command("show")
def schedule_show(
    schedule: ScheduleFile = _FILE, out: Out = _OUT, now: Now = None, as_json: AsJson = False
) -> int:
    """Show due, missed and failed periods of each report."""
    from foxgrape.reports.schedule.config import read_schedule
    from foxgrape.reports.schedule.status import entry_statuses

    instant = _parse_now(now)
    statuses = entry_statuses(read_schedule(schedule), now=instant, out=out)
    rows = [
        {
            "report": status.entry,
            "cron": f"{status.cron} ({status.zone})",
            "next": _local_time(status.next, status.zone),
            "last built": None if status.last is None else _local_time(status.last, status.zone),
            "waiting": _count_since(status.waiting, status.zone),
            "missed": _count_since(status.missed, status.zone),
            "given up": _count_since(status.given_up, status.zone),
            "state": _state(status),
            "delivery": status.delivery or "",
        }
        for status in statuses
    ]
    print_result(rows, [status.to_dict() for status in statuses], as_json=as_json)
    return 0


def _state(status: EntryStatus) -> str:
    if status.failing:
        return "failing"
    return f"{len(status.ahead)} built while the clock was ahead" if status.ahead else "ok"


@schedule_app.command("check")
def schedule_check(schedule: ScheduleFile = _FILE, out: Out = _OUT, now: Now = None) -> int:
    """Check a schedule file, with its report parameters and notification channels."""
    from foxgrape.reports.schedule.config import find_problems, read_schedule
    from foxgrape.reports.schedule.status import check_rules, check_schedule

    instant = _parse_now(now)
    problems: list[object] = list(find_problems(schedule))
    if not problems:
        content = read_schedule(schedule)
        of_rules, notes = check_rules(content, now=instant, out=out)
        problems = [*check_schedule(content, now=instant), *of_rules]
        for note in notes:
            print_error(note)
    for problem in problems:
        print_error(problem)
    if problems:
        return 1
    reports, channels = len(content.entries), len(content.channels)
    print_line(
        f"OK: {reports} {'report' if reports == 1 else 'reports'}, "
        f"{channels} notification {'channel' if channels == 1 else 'channels'}"
    )
    return 0


@schedule_app.command("install")
def schedule_install(
    schedule: ScheduleFile = _FILE,
    out: Out = _OUT,
    form: Annotated[
        str, typer.Option("--as", help="systemd, crontab, container, github or airflow.")
    ] = "systemd",
    every: Annotated[
        int, typer.Option(help="Minutes between two calls; must be a divisor of 60.")
    ] = 10,
    write: Annotated[
        bool, typer.Option("--write", help="Install the timer instead of printing it.")
    ] = False,
    to: Annotated[Path | None, typer.Option(help="With --write: folder to write to.")] = None,
) -> int:
    """Print or install a timer that regularly runs `foxgrape report due`."""
    from foxgrape.reports.schedule.config import read_schedule
    from foxgrape.reports.schedule.timers import ScheduledCommand, install, render_files

    read_schedule(schedule)
    local = form in {"systemd", "crontab", "airflow"}
    file, reports = (str(path.absolute()) if local else path.as_posix() for path in (schedule, out))
    command = ScheduledCommand(file, reports, folder=str(Path.cwd()), every=every)
    if write:
        written, next_step = install(form, command, to=to)
        for line in (*(f"written: {path}" for path in written), next_step):
            print_line(line)
        return 0
    files = render_files(form, command)
    for name, text in files.items():
        print_text(f"# {name}\n{text}" if len(files) > 1 else text, end="")
    return 0


@schedule_app.command("run")
def schedule_run(
    schedule: ScheduleFile = _FILE, out: Out = _OUT, workers: Workers = 1, as_json: AsJson = False
) -> int:
    """Build reports whenever they become due, until stopped."""
    from foxgrape.reports.schedule.config import read_schedule
    from foxgrape.reports.schedule.timers import make_scheduler

    read_schedule(schedule)

    def print_outcome(result: DueResult | FoxgrapeError) -> None:
        if isinstance(result, FoxgrapeError):
            print_error(result)
            return
        for run in result.runs:
            if as_json:
                print_json(run.to_dict())
            else:
                print_line("  ".join(map(str, _row(run).values())))
        _print_delivery(result)

    with handle_sigterm():
        make_scheduler(schedule, out=out, workers=workers, on_result=print_outcome).start()
    return 0


def _print_delivery(result: DueResult) -> None:
    for line in (*result.problems, *result.undelivered, *result.given_up, *result.repeated):
        print_error(line)


def _row(run: PeriodRun) -> dict[str, Any]:
    return {
        "report": run.entry,
        "due": f"{run.end:%Y-%m-%d %H:%M} UTC",
        "state": run.state,
        "run": run.run_id or "",
        "error": run.error or "",
    }


def _describe_failures(runs: tuple[PeriodRun, ...]) -> str:
    first = runs[0]
    others = f", and {len(runs) - 1} more" if len(runs) > 1 else ""
    return f"{first.entry}, due {first.end:%Y-%m-%d %H:%M} UTC: {first.error}{others}"


def _builders(workers: int, **options: Any) -> dict[str, Any]:
    """Return the `run` and `run_many` arguments of `run_due` that apply page options."""
    from foxgrape.reports.schedule.due import default_builder, run_many_builder

    run_many = partial(run_many_builder, **options) if workers > 1 else None
    return {"run": partial(default_builder(), **options), "run_many": run_many}


def _parse_now(text: str | None) -> datetime:
    from foxgrape.times import parse_instant

    try:
        now = datetime.now(UTC) if text is None else parse_instant(text)
    except ValueError as error:
        raise typer.BadParameter(f"--now: {error}") from None
    # Periods reach beyond now, and a calendar has an end.
    if not _FIRST_YEAR <= now.year <= _LAST_YEAR:
        expected = f"the year must be from {_FIRST_YEAR} to {_LAST_YEAR}"
        raise typer.BadParameter(f"--now: {expected}; got {now.isoformat()}")
    return now


def _parse_day(text: str, option: str) -> date:
    from foxgrape.times import parse_instant

    try:
        return parse_instant(text) if "T" in text else date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from None


def _local_time(instant: datetime, zone: str) -> str:
    from zoneinfo import ZoneInfo

    return f"{instant.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M}"


def _count_since(ends: tuple[datetime, ...], zone: str) -> str:
    return "" if not ends else f"{len(ends)} since {_local_time(ends[0], zone)}"
