"""The verbs of the schedule: report due, report backfill, schedule show, check, install, run."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foxgrape._util.shutdown import handle_sigterm
from foxgrape.cli.output import AsJson, Pairs, pairs, print_result, print_sentence, status_spinner
from foxgrape.cli.reports import OwnTemplates, Pictures, SharedAssets  # noqa: TC001 - typer reads
from foxgrape.errors import FoxgrapeError

if TYPE_CHECKING:
    from foxgrape.reports.schedule.results import DueResult, PeriodRun

__all__ = ["add_to"]

schedule_app = typer.Typer(help="Tell when reports are due.", no_args_is_help=True)

ScheduleFile = Annotated[Path, typer.Option("--schedule", help="The schedule file.")]
Out = Annotated[Path, typer.Option(help="Folder to build into.")]
Now = Annotated[
    str | None, typer.Option("--now", help="What counts as now: 2022-09-10T12:00Z; the clock's.")
]
Workers = Annotated[int, typer.Option(min=1, help="So many processes build at once.")]
_FILE, _OUT = Path("reports/schedule.toml"), Path("reports")


def add_to(app: typer.Typer, report_app: typer.Typer) -> None:
    """Add the verbs to the command line."""
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
    as_json: AsJson = False,
) -> int:
    """Build every report that is due and not built yet; call it as often as you like."""
    from foxgrape.reports.prune import prune
    from foxgrape.reports.schedule.config import read_schedule
    from foxgrape.reports.schedule.due import run_due

    done = run_due(
        read_schedule(schedule),
        now=_now(now),
        out=out,
        workers=workers,
        **_builders(workers, shared_assets=shared_assets, pictures=pictures),
        prune=prune,
    )
    if not as_json:
        print_result([_row(run) for run in done.runs], [], as_json=False)
    print_sentence(done.sentence(), done.to_dict(), as_json=as_json)
    for line in done.untold:
        print(f"foxgrape: {line}", file=sys.stderr)  # noqa: T201
    if done.failed:
        raise FoxgrapeError(_failures(done.failed))
    return 0


def backfill(
    template: Annotated[str, typer.Argument(help="A template's name, or a notebook's path.")],
    since: Annotated[str, typer.Option("--from", help="First day: 2022-09-01.")],
    until: Annotated[str, typer.Option("--to", help="The day before which the last one ends.")],
    every: Annotated[str, typer.Option(help="Length of a period: 6h, 1d, 1w, 1month, 1year.")],
    timezone: Annotated[str, typer.Option(help="IANA name of the zone whose days count.")],
    period: Annotated[
        list[str] | None,
        typer.Option(help="PARAMETER=start, end or last_day of the period, as often as needed."),
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
    """Build a report for each period of a stretch of the past; what was stopped goes on."""
    from foxgrape.reports.schedule import backfill as fill
    from foxgrape.reports.templates.discovery import find_template
    from foxgrape.reports.templates.parameters import parse_parameters

    chosen = find_template(template, own)
    with status_spinner("building…") as say:
        done = fill.backfill(
            template if own is None else chosen.notebook,
            since=_day(since, "--from"),
            until=_day(until, "--to"),
            every=every,
            zone=timezone,
            period=pairs(period),
            now=datetime.now(UTC),
            study=study,
            store=store,
            parameters=parse_parameters(chosen, pairs(parameter)),
            out=out,
            workers=workers,
            **_builders(workers, shared_assets=shared_assets, pictures=pictures),
            progress=lambda run: say(f"{run.end:%Y-%m-%d %H:%M} {run.state}"),
        )
    print_sentence(done.sentence(), done.to_dict(), as_json=as_json)
    if done.failed:
        raise FoxgrapeError(_failures(done.failed))
    return 0


@schedule_app.command("show")
def schedule_show(
    schedule: ScheduleFile = _FILE, out: Out = _OUT, now: Now = None, as_json: AsJson = False
) -> int:
    """Tell what is due next, what waits, and what was missed or given up."""
    from foxgrape.reports.schedule.config import read_schedule
    from foxgrape.reports.schedule.status import entry_statuses

    standing = entry_statuses(read_schedule(schedule), now=_now(now), out=out)
    rows = [
        {
            "report": one.entry,
            "cron": f"{one.cron} ({one.zone})",
            "next": _in(one.next, one.zone),
            "last built": None if one.last is None else _in(one.last, one.zone),
            "waiting": _many(one.waiting, one.zone),
            "missed": _many(one.missed, one.zone),
            "given up": _many(one.given_up, one.zone),
            "state": "failing" if one.failing else "well",
        }
        for one in standing
    ]
    print_result(rows, [one.to_dict() for one in standing], as_json=as_json)
    return 0


@schedule_app.command("check")
def schedule_check(schedule: ScheduleFile = _FILE, now: Now = None) -> int:
    """Tell all that is wrong with a schedule, its parameters and its channels, a line each."""
    from foxgrape.reports.schedule.config import problems, read_schedule
    from foxgrape.reports.schedule.status import check_schedule

    wrong = problems(schedule) or check_schedule(read_schedule(schedule), now=_now(now))
    for problem in wrong:
        print(f"foxgrape: {problem}", file=sys.stderr)  # noqa: T201
    if not wrong:
        read = read_schedule(schedule)
        counts = f"reports: {len(read.entries)}, channels: {len(read.channels)}"
        print(f"{schedule}: {counts}, all well")  # noqa: T201
    return 1 if wrong else 0


@schedule_app.command("install")
def schedule_install(
    schedule: ScheduleFile = _FILE,
    out: Out = _OUT,
    form: Annotated[
        str, typer.Option("--as", help="systemd, crontab, github or airflow.")
    ] = "systemd",
    every: Annotated[int, typer.Option(help="Minutes between two calls; a divisor of 60.")] = 10,
    write: Annotated[
        bool, typer.Option("--write", help="Write it where it belongs; by default it is printed.")
    ] = False,
    to: Annotated[Path | None, typer.Option(help="With --write: into this folder.")] = None,
) -> int:
    """Have this or another machine call report due: print what it needs, or write it."""
    from foxgrape.reports.schedule.config import read_schedule
    from foxgrape.reports.schedule.install import ScheduledCommand, install, render_files

    read_schedule(schedule)
    here = form in {"systemd", "crontab", "airflow"}
    file, reports = (str(path.absolute()) if here else path.as_posix() for path in (schedule, out))
    call = ScheduledCommand(file, reports, folder=str(Path.cwd()), every=every)
    if write:
        written, left = install(form, call, to=to)
        print("\n".join([*(f"written: {name}" for name in written), left]))  # noqa: T201
        return 0
    made = render_files(form, call)
    for name, text in made.items():
        print(f"# {name}\n{text}" if len(made) > 1 else text, end="")  # noqa: T201
    return 0


@schedule_app.command("run")
def schedule_run(
    schedule: ScheduleFile = _FILE, out: Out = _OUT, workers: Workers = 1, as_json: AsJson = False
) -> int:
    """Stay, and build whatever becomes due; ends when it is told to."""
    from foxgrape.reports.schedule.config import read_schedule
    from foxgrape.reports.schedule.daemon import make_scheduler

    read_schedule(schedule)

    def tell(told: DueResult | FoxgrapeError) -> None:
        if isinstance(told, FoxgrapeError):
            print(f"foxgrape: {told}", file=sys.stderr, flush=True)  # noqa: T201
            return
        for run in told.runs:
            line = json.dumps(run.to_dict()) if as_json else "  ".join(map(str, _row(run).values()))
            print(line, flush=True)  # noqa: T201
        for line in told.untold:
            print(f"foxgrape: {line}", file=sys.stderr, flush=True)  # noqa: T201

    with handle_sigterm():
        make_scheduler(schedule, out=out, workers=workers, tell=tell).start()
    return 0


def _row(run: PeriodRun) -> dict[str, Any]:
    return {
        "report": run.entry,
        "period": f"{run.start:%Y-%m-%d %H:%M} to {run.end:%Y-%m-%d %H:%M} UTC",
        "state": run.state,
        "run": run.run_id or "",
        "error": run.error or "",
    }


def _failures(runs: tuple[PeriodRun, ...]) -> str:
    first = runs[0]
    more = f", and {len(runs) - 1} more" if len(runs) > 1 else ""
    return f"{first.entry}, period to {first.end:%Y-%m-%d %H:%M} UTC: {first.error}{more}"


def _builders(workers: int, **made: Any) -> dict[str, Any]:
    """Return what builds one report and, with several workers, many: pages made as asked."""
    from foxgrape.reports.schedule.due import default_builder, run_many_builder

    run = partial(default_builder(), **made)
    return {"run": run, "run_many": partial(run_many_builder, **made) if workers > 1 else None}


def _now(text: str | None) -> datetime:
    from foxgrape.times import parse_instant

    if text is None:
        return datetime.now(UTC)
    try:
        return parse_instant(text)
    except ValueError as error:
        raise typer.BadParameter(f"--now: {error}") from None


def _day(text: str, option: str) -> date:
    from foxgrape.times import parse_instant

    try:
        return parse_instant(text) if "T" in text else date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from None


def _in(instant: datetime, zone: str) -> str:
    from zoneinfo import ZoneInfo

    return f"{instant.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M}"


def _many(ends: tuple[datetime, ...], zone: str) -> str:
    return "" if not ends else f"{len(ends)} since {_in(ends[0], zone)}"
