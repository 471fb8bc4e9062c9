"""Commands that download posts, events and data sets: fetch, data."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foxgrape.cli.output import (
    AsJson,
    print_error,
    print_result,
    print_sentence,
    status_spinner,
)

if TYPE_CHECKING:
    from foxgrape.io.download import Download
    from foxgrape.io.download.sources import Source

__all__ = ["add_commands"]

fetch_app = typer.Typer(
    help="Download posts and events from public APIs.",
    no_args_is_help=True,
)
data_app = typer.Typer(help="Download public data sets.", no_args_is_help=True)

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


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(data_app, name="data")
    app.add_typer(fetch_app, name="fetch")


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
