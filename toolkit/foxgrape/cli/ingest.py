"""The verbs that bring files in: ingest, study new, and study check."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foxgrape.cli.output import AsJson, pairs, print_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.progress import Progress

    from foxgrape.io.ingest import IngestResult

__all__ = ["add_to"]

ingest_app = typer.Typer(help="Put files into a store, as often as liked.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="An export, a data set or a table.")]
StorePath = Annotated[str, typer.Option("--store", help="Folder or URL of the store.")]
Format = Annotated[
    str | None, typer.Option("--format", help="The file's format, if not to be told by content.")
]
Zone = Annotated[
    str | None, typer.Option("--timezone", help="IANA name of the zone of times without offset.")
]
Account = Annotated[
    str | None, typer.Option("--account", help="The account, where the file does not name it.")
]
Persistence = Annotated[
    str, typer.Option(help="For lists of who holds a place: a state counts if it lasted so long.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", "-c", help="For a table: OURS=THEIRS, as often as needed."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first bad record.")]
Quarantine = Annotated[
    Path | None, typer.Option(help="Where bad records are kept; by default in the store.")
]


def add_to(app: typer.Typer, study_app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.add_typer(ingest_app, name="ingest")
    study_app.command("new")(study_new)
    study_app.command("check")(study_check)


@ingest_app.command("posts")
def ingest_posts(
    file: File,
    store: StorePath,
    format_: Format = None,
    account: Account = None,
    timezone: Zone = None,
    column: Columns = None,
    strict: Strict = False,
    quarantine: Quarantine = None,
    as_json: AsJson = False,
) -> int:
    """Put an export of posts into a store; say what was new, changed, unchanged, quarantined."""
    options = {"account": account, "format": format_, "timezone": timezone}
    return _ingest("posts", file, store, options | _columns(column), strict, quarantine, as_json)


@ingest_app.command("events")
def ingest_events(
    file: File,
    store: StorePath,
    format_: Format = None,
    timezone: Zone = None,
    column: Columns = None,
    persistence: Persistence = "48h",
    strict: Strict = False,
    quarantine: Quarantine = None,
    as_json: AsJson = False,
) -> int:
    """Put a file of events into a store; say what was new, changed, unchanged, quarantined."""
    options = {"persistence": persistence, "format": format_, "timezone": timezone}
    return _ingest("events", file, store, options | _columns(column), strict, quarantine, as_json)


def study_new(
    folder: Annotated[Path, typer.Argument(help="The folder to make.")],
    posts: Annotated[list[Path], typer.Option(help="An export of posts, as often as needed.")],
    events: Annotated[list[Path], typer.Option(help="A file of events, as often as needed.")],
    title: Annotated[str | None, typer.Option(help="By default the folder's name.")] = None,
    timezone: Zone = None,
    account: Account = None,
    codebook: Annotated[Path | None, typer.Option(help="A codebook of your own, CSV.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only events of this kind are hinted at.")
    ] = None,
    persistence: Persistence = "48h",
    strict: Strict = False,
    as_json: AsJson = False,
) -> int:
    """Make a study from exports of posts and files of events."""
    from foxgrape.studies.create import new_study

    made = new_study(
        folder,
        posts=posts,
        events=events,
        title=title,
        timezone=timezone,
        account=account,
        codebook=codebook,
        kinds=kind or (),
        persistence=persistence,
        on_error="raise" if strict else "quarantine",
    )
    print_sentence(made.sentence(), [asdict(made)], as_json=as_json)
    return 0


def study_check(
    folder: Annotated[Path, typer.Argument(help="A folder with a datapackage.json.")],
) -> None:
    """Read a study whole; say what is in it, or what is wrong and where."""
    from foxgrape.studies.study import open_study

    read = open_study(folder)
    print(  # noqa: T201
        f"{read.name}: {len(read.posts)} posts, {len(read.events)} events, "
        f"{len(read.confirmations)} confirmations, {len(read.codebook)} codes"
    )


def _ingest(
    table: Any,
    file: Path,
    store: str,
    options: Mapping[str, Any],
    strict: bool,
    quarantine: Path | None,
    as_json: bool,
) -> int:
    from foxgrape.io.ingest import ingest
    from foxgrape.io.store import Store

    with _bar(file.name) as bar:
        task = bar.add_task("", total=1.0, records=0)

        def progress(done: float, told: IngestResult) -> None:
            bar.update(task, completed=done, records=told.records_read)

        told = ingest(
            table,
            file,
            Store(store),
            on_error="raise" if strict else "quarantine",
            quarantine=quarantine,
            progress=progress,
            **options,
        )
    taken = [f"{ours} from {theirs}" for ours, theirs in told.mapping.items() if ours != theirs]
    columns = f"\nColumns: {', '.join(taken)}." if taken else ""
    print_sentence(f"{told.sentence()}{columns}", [asdict(told)], as_json=as_json)
    return 0


def _bar(name: str) -> Progress:
    """Return a bar for somebody who looks at stderr; for nobody else it shows nothing."""
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        progress.TextColumn(name, markup=False),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TextColumn("{task.fields[records]:,} records"),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


def _columns(given: list[str] | None) -> dict[str, Any]:
    return {"columns": pairs(given, "OURS=THEIRS", empty=False)} if given else {}
