"""Commands that bring data in: fetch, data, ingest, study."""

from __future__ import annotations

import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foxgrape.cli.output import (
    AsJson,
    parse_pairs,
    print_error,
    print_result,
    print_sentence,
    status_spinner,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.progress import Progress

    from foxgrape.io.download import Download
    from foxgrape.io.download.sources import Source
    from foxgrape.io.ingest import IngestResult

__all__ = ["add_commands"]

fetch_app = typer.Typer(
    help="Download posts and events from public APIs.",
    no_args_is_help=True,
)
data_app = typer.Typer(
    help="Download public data sets; build data for the lookup library.", no_args_is_help=True
)
ingest_app = typer.Typer(help="Add files to a store; safe to repeat.", no_args_is_help=True)
study_app = typer.Typer(help="Create and check studies.", no_args_is_help=True)

DownloadPath = Annotated[Path, typer.Option("--out", help="File to create.")]
Restart = Annotated[
    bool, typer.Option("--restart", help="Discard an interrupted download and start again.")
]
Since = Annotated[str | None, typer.Option(help="First day: 2022-09-01.")]
Until = Annotated[str | None, typer.Option(help="Last day.")]
Server = Annotated[str, typer.Option(help="API server, to which your credentials are sent.")]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--folder", help="Folder for data sets; default: $FOXGRAPE_DATA, or else a cache folder."
    ),
]
File = Annotated[Path, typer.Argument(help="An export, a data set or a table.")]
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
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first invalid record.")]
Quarantine = Annotated[
    Path | None, typer.Option(help="File for invalid records; by default in the store.")
]


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(data_app, name="data")
    app.add_typer(fetch_app, name="fetch")
    app.add_typer(ingest_app, name="ingest")
    app.add_typer(study_app, name="study")


@fetch_app.command()
def mastodon(
    server: Annotated[str, typer.Argument(help="Server of the account: mastodon.social.")],
    account: Annotated[str, typer.Argument(help="User name on that server.")],
    out: DownloadPath,
    restart: Restart = False,
    as_json: AsJson = False,
) -> int:
    """Download the public posts of a Mastodon account.

    Needs no login. An interrupted download resumes.
    """
    from foxgrape.io.download import Mastodon

    return _fetch(Mastodon(server, account), out, restart=restart, as_json=as_json)


@fetch_app.command()
def bluesky(
    actor: Annotated[str, typer.Argument(help="Handle or DID of the account.")],
    out: DownloadPath,
    server: Annotated[str, typer.Option(help="API server.")] = "https://public.api.bsky.app",
    restart: Restart = False,
    as_json: AsJson = False,
) -> int:
    """Download the feed of a Bluesky account.

    Needs no login. An interrupted download resumes.
    """
    from foxgrape.io.download import Bluesky

    return _fetch(Bluesky(actor, server), out, restart=restart, as_json=as_json)


@fetch_app.command()
def acled(
    out: DownloadPath,
    country: Annotated[str | None, typer.Option(help="Country name as in ACLED.")] = None,
    since: Since = None,
    until: Until = None,
    server: Server = "https://acleddata.com",
    restart: Restart = False,
    as_json: AsJson = False,
) -> int:
    """Download ACLED events.

    Set FOXGRAPE_ACLED_USERNAME and FOXGRAPE_ACLED_PASSWORD. An interrupted download resumes.
    """
    from foxgrape.io.download import Acled

    source = Acled(country, since=since, until=until, server=server)
    return _fetch(source, out, restart=restart, as_json=as_json)


@fetch_app.command()
def ucdp(
    version: Annotated[str, typer.Argument(help="Version of the data set: 25.1.")],
    out: DownloadPath,
    country: Annotated[
        int | None, typer.Option(help="Gleditsch and Ward country number: 369 is Ukraine.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(help="Events per page.")] = 1000,
    server: Server = "https://ucdpapi.pcr.uu.se",
    restart: Restart = False,
    as_json: AsJson = False,
) -> int:
    """Download events of the UCDP Georeferenced Event Dataset.

    Set FOXGRAPE_UCDP_TOKEN. An interrupted download resumes.
    """
    from foxgrape.io.download import Ucdp

    source = Ucdp(version, country, since, until, limit, server)
    return _fetch(source, out, restart=restart, as_json=as_json)


def _fetch(source: Source, out: Path, *, restart: bool, as_json: bool) -> int:
    from foxgrape.io.download import download

    def progress(state: Download) -> None:
        page = "page" if state.pages == 1 else "pages"
        update(f"{state.items:,} {state.kind}, {state.pages:,} {page}, {state.size:,} bytes")

    with status_spinner("connecting…") as update:
        result = download(source, out, restart=restart, progress=progress)
    print_sentence(result.sentence(), result.to_dict(), as_json=as_json)
    return 0


@data_app.command("list")
def data_list(folder: DataFolder = None, as_json: AsJson = False) -> None:
    """List public data sets, their licences and local copies."""
    from foxgrape.io.datasets import data_folder, list_datasets

    datasets, where = list_datasets().values(), data_folder(folder)
    paths = [where / dataset.filename for dataset in datasets]
    data = [
        dataset.to_dict() | {"here": str(path) if path.exists() else None}
        for dataset, path in zip(datasets, paths, strict=True)
    ]
    rows = [
        {
            "name": dataset.name,
            "description": dataset.description.partition(". ")[0].rstrip("."),
            "licence": dataset.licence,
            "checksum": dataset.checksum[:15] if dataset.sha256 else dataset.checksum,
            "here": "yes" if path.exists() else "no",
        }
        for dataset, path in zip(datasets, paths, strict=True)
    ]
    print_result(rows, data, as_json=as_json)


@data_app.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(help="Name of a data set, as shown by data list.")],
    folder: DataFolder = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Download again, in case the data set was updated.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Download a public data set. Prints its path, licence and citation."""
    from foxgrape.io.datasets import fetch

    with warnings.catch_warnings(record=True) as caught, status_spinner("downloading…"):
        warnings.simplefilter("always")
        result = fetch(name, folder=folder, refresh=refresh)
    for warning in caught:
        print_error(warning.message)
    print_sentence(result.sentence(), result.to_dict(), as_json=as_json)
    return 0


@data_app.command("build-gazetteer")
def data_build_gazetteer(
    country: Annotated[str, typer.Option(help="ISO 3166-1 alpha-2 code.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("gazetteer"),
    admin1: Annotated[
        Path | None,
        typer.Option(help="GeoNames file admin1CodesASCII.txt, for names of divisions."),
    ] = None,
) -> int:
    """Build a gazetteer of a country. Needs the gazetteer extra."""
    from foxgrape.places.build import build_gazetteer

    count = build_gazetteer(country, out, admin1=admin1)
    print(f"{out}: {count} {'place' if count == 1 else 'places'}, GeoNames, CC BY 4.0")
    return 0


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
    """Add an export of posts to a store. Safe to repeat.

    Prints how many posts are new, changed, unchanged and quarantined.
    """
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
    """Add a file of events to a store. Safe to repeat.

    Prints how many events are new, changed, unchanged and quarantined.
    """
    options = {"persistence": persistence, "format": format_, "timezone": timezone}
    return _ingest("events", file, store, options | _columns(column), strict, quarantine, as_json)


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

    with _progress_bar(file.name) as bar:
        task = bar.add_task("", total=1.0, records=0)

        def progress(fraction: float, state: IngestResult) -> None:
            bar.update(task, completed=fraction, records=state.records_read)

        result = ingest(
            table,
            file,
            Store(store),
            on_error="raise" if strict else "quarantine",
            quarantine=quarantine,
            progress=progress,
            **options,
        )
    mapped = [f"{ours} from {theirs}" for ours, theirs in result.mapping.items() if ours != theirs]
    columns = f"\nColumns: {', '.join(mapped)}." if mapped else ""
    print_sentence(f"{result.sentence()}{columns}", [asdict(result)], as_json=as_json)
    return 0


def _progress_bar(name: str) -> Progress:
    """Return a progress bar on stderr; hidden unless stderr is a terminal."""
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


def _columns(texts: list[str] | None) -> dict[str, Any]:
    return {"columns": parse_pairs(texts, "OURS=THEIRS", allow_empty=False)} if texts else {}


@study_app.command("new")
def study_new(
    folder: Annotated[Path, typer.Argument(help="Folder to create.")],
    posts: Annotated[list[Path], typer.Option(help="An export of posts; repeat for several.")],
    events: Annotated[list[Path], typer.Option(help="A file of events; repeat for several.")],
    title: Annotated[str | None, typer.Option(help="Title; default: the folder name.")] = None,
    timezone: Zone = None,
    account: Account = None,
    codebook: Annotated[Path | None, typer.Option(help="Your own codebook, a CSV file.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Use only events of this kind; repeat for several.")
    ] = None,
    persistence: Persistence = "48h",
    strict: Strict = False,
    as_json: AsJson = False,
) -> int:
    """Create a study from exports of posts and files of events."""
    from foxgrape.studies.create import new_study

    result = new_study(
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
    print_sentence(result.sentence(), [asdict(result)], as_json=as_json)
    return 0


@study_app.command("check")
def study_check(
    folder: Annotated[Path, typer.Argument(help="A folder with a datapackage.json.")],
) -> None:
    """Check a study. Prints its contents, or the first problem."""
    from foxgrape.studies.study import open_study

    study = open_study(folder)
    print(
        f"{study.name}: {len(study.posts)} posts, {len(study.events)} events, "
        f"{len(study.confirmations)} confirmations, {len(study.codebook)} codes"
    )
