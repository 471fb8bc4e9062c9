"""Commands that add files to a store: ingest."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foxgrape.cli.output import (
    AsJson,
    parse_pairs,
    print_error,
    print_line,
    print_result,
    shell_message,
)
from foxgrape.errors import CONTROLS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.progress import Progress

    from foxgrape.io.ingest import IngestResult
    from foxgrape.io.read_report import Note

__all__ = [
    "Account",
    "Columns",
    "Dates",
    "Encoding",
    "Gaps",
    "Midnight",
    "ObservedFrom",
    "ObservedUntil",
    "Persistence",
    "Strict",
    "Zone",
    "add_commands",
    "print_notes",
]

ingest_app = typer.Typer(help="Add files to a store; safe to repeat.", no_args_is_help=True)

Files = Annotated[list[Path], typer.Argument(help="Exports, data sets or tables.")]
StorePath = Annotated[str, typer.Option("--store", help="Folder or URL of the store.")]
Format = Annotated[
    str | None, typer.Option("--format", help="Format of the file; detected by default.")
]
Zone = Annotated[
    str | None, typer.Option("--timezone", help="IANA time zone of times without a UTC offset.")
]
Account = Annotated[
    str | None,
    typer.Option("--account", help="Account of the posts, if the file does not contain it."),
]
Encoding = Annotated[
    str | None, typer.Option(help="Encoding of a text file, such as cp1251; detected by default.")
]
Sheet = Annotated[str | None, typer.Option(help="Worksheet to read; by default the first table.")]
Dates = Annotated[str | None, typer.Option(help="Order of dates such as 10/09/2022: dmy or mdy.")]
Midnight = Annotated[
    str | None, typer.Option(help="Whether midnight stands for the day or is exact: day or exact.")
]
Persistence = Annotated[
    str, typer.Option(help="For territorial control data: minimum duration of a change.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        "-c",
        help="For a table: foxgrape's and the file's column name, OURS=THEIRS; repeat for several.",
    ),
]
ObservedFrom = Annotated[
    str | None,
    typer.Option(
        "--observed-from", help="From when on events were recorded: 2022-03-01T00:00+02:00."
    ),
]
ObservedUntil = Annotated[
    str | None,
    typer.Option(
        "--observed-until",
        help="Until when events were recorded: 2022-12-31T23:59+02:00; default: the last event.",
    ),
]
Gaps = Annotated[
    list[str] | None,
    typer.Option("--gap", help="Time without records: START/END, both with an offset; repeat."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first invalid record.")]
Quarantine = Annotated[
    Path | None, typer.Option(help="File for invalid records; by default in the store.")
]


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(ingest_app, name="ingest")


@ingest_app.command("posts")
def ingest_posts(
    files: Files,
    store: StorePath,
    format_: Format = None,
    account: Account = None,
    timezone: Zone = None,
    column: Columns = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    dates: Dates = None,
    midnight: Midnight = None,
    strict: Strict = False,
    quarantine: Quarantine = None,
    as_json: AsJson = False,
) -> int:
    """Add exports of posts to a store. Safe to repeat.

    Prints how many posts are new, changed, unchanged and quarantined, and what was assumed.
    """
    options = {"account": account, "format": format_, "timezone": timezone, "encoding": encoding}
    options |= {"sheet": sheet, "dates": dates, "midnight": midnight}
    return _ingest("posts", files, store, options | _columns(column), strict, quarantine, as_json)


@ingest_app.command("events")
def ingest_events(
    files: Files,
    store: StorePath,
    format_: Format = None,
    timezone: Zone = None,
    column: Columns = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    dates: Dates = None,
    midnight: Midnight = None,
    persistence: Persistence = "48h",
    observed_from: ObservedFrom = None,
    observed_until: ObservedUntil = None,
    gap: Gaps = None,
    observed_place: Annotated[
        list[str] | None,
        typer.Option(help="Id of a place where events were recorded; repeat; default: all places."),
    ] = None,
    observed_by: Annotated[
        str | None, typer.Option(help="Name of who recorded them; default: the file's name.")
    ] = None,
    gazetteer: Annotated[
        Path | None,
        typer.Option(
            help="CSV file of places, or output of gazetteer build; the store keeps a copy."
        ),
    ] = None,
    strict: Strict = False,
    quarantine: Quarantine = None,
    as_json: AsJson = False,
) -> int:
    """Add files of events to a store. Safe to repeat.

    Prints how many events are new, changed, unchanged and quarantined, what was assumed, and from
    when to when events are taken to be recorded.
    """
    if gazetteer is not None:
        from foxgrape.io.gazetteers import keep_gazetteer
        from foxgrape.io.store import Store

        keep_gazetteer(Store(store), gazetteer)
    observation = {
        "observed_from": observed_from,
        "observed_until": observed_until,
        "gaps": gap,
        "places": observed_place,
        "source": observed_by,
    }
    options: dict[str, Any] = {"persistence": persistence, "format": format_}
    options |= {
        "timezone": timezone,
        "encoding": encoding,
        "sheet": sheet,
        "dates": dates,
        "midnight": midnight,
    }
    options |= _columns(column) | {
        "observation": observation if any(observation.values()) else None
    }
    return _ingest("events", files, store, options, strict, quarantine, as_json)


def _ingest(
    table: Any,
    files: list[Path],
    store: str,
    options: Mapping[str, Any],
    strict: bool,
    quarantine: Path | None,
    as_json: bool,
) -> int:
    from foxgrape.io.ingest import ingest
    from foxgrape.io.read_report import REST_UNREAD
    from foxgrape.io.store import Store

    if quarantine is not None and len(files) > 1:
        raise typer.BadParameter("--quarantine names one file; leave it out for several files")
    results = []
    for file in files:
        with _progress_bar() as bar:
            task = bar.add_task(file.name.translate(CONTROLS), total=1.0, records=0)

            def progress(fraction: float, state: IngestResult) -> None:
                bar.update(task, completed=fraction, records=state.records_read)  # noqa: B023

            result = ingest(
                table,
                file,
                Store(store),
                on_error="raise" if strict else "quarantine",
                quarantine=quarantine,
                progress=progress,
                **options,
            )
        results.append(result)
        if not as_json:
            _print_ingested(result)
    if as_json:
        print_result([], [asdict(result) for result in results], as_json=True)
    empty = [result for result in results if not result.rows_read]
    for result in empty:
        reason = f"; most often: {result.reason}" if result.reason else ""
        message = (
            f"{result.file}: no {table} were read; {result.quarantined:,} of "
            f"{result.records_read:,} records are bad{reason}"
        )
        print_error(shell_message(message))
    cut_off = any(note.what == REST_UNREAD for result in results for note in result.notes)
    return 1 if empty or cut_off else 0


def _print_ingested(result: IngestResult) -> None:
    print_line(shell_message(result.sentence()))
    mapped = [f"{ours} from {theirs}" for ours, theirs in result.mapping.items() if ours != theirs]
    if mapped:
        print_line(f"Columns: {', '.join(mapped)}.")
    print_notes(result.notes)
    if result.observation:
        print_line(shell_message(f"Events recorded by {result.observation}."))


def print_notes(notes: list[Note]) -> None:
    """Print what a reader left out, repaired or reinterpreted, one line each."""
    for note in notes:
        print_line(shell_message(f"Note: {note}"))


def _progress_bar() -> Progress:
    """Return a progress bar on stderr; hidden unless stderr is a terminal."""
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TextColumn("{task.fields[records]:,} records"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


def _columns(texts: list[str] | None) -> dict[str, Any]:
    """Return the option ``columns`` of a reader; an empty name leaves a column out."""
    return {"columns": parse_pairs(texts, "OURS=THEIRS")} if texts else {}
