"""The verbs that download from public APIs: fetch mastodon, bluesky, acled, ucdp."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foxgrape.cli.output import AsJson, print_sentence, status_spinner

if TYPE_CHECKING:
    from foxgrape.io.download import Download
    from foxgrape.io.download.source import Source

__all__ = ["add_to", "fetch_app"]

fetch_app = typer.Typer(
    help="Download posts and events from public APIs; a download that was cut off goes on.",
    no_args_is_help=True,
)

Out = Annotated[Path, typer.Option(help="The file to make.")]
Restart = Annotated[
    bool, typer.Option("--restart", help="Begin again; drop what an earlier call left.")
]
Since = Annotated[str | None, typer.Option(help="First day: 2022-09-01.")]
Until = Annotated[str | None, typer.Option(help="Last day.")]
Server = Annotated[str, typer.Option(help="Whom to ask, and to tell who you are.")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.add_typer(fetch_app, name="fetch")


@fetch_app.command()
def mastodon(
    server: Annotated[str, typer.Argument(help="The account's server: mastodon.social.")],
    account: Annotated[str, typer.Argument(help="Its name there.")],
    out: Out,
    restart: Restart = False,
    as_json: AsJson = False,
) -> int:
    """Download the public statuses of a Mastodon account; no account of yours is needed."""
    from foxgrape.io.download import Mastodon

    return _fetch(Mastodon(server, account), out, restart=restart, as_json=as_json)


@fetch_app.command()
def bluesky(
    actor: Annotated[str, typer.Argument(help="Handle or DID of the account.")],
    out: Out,
    server: Annotated[str, typer.Option(help="Whom to ask.")] = "https://public.api.bsky.app",
    restart: Restart = False,
    as_json: AsJson = False,
) -> int:
    """Download the feed of a Bluesky account; no account of yours is needed."""
    from foxgrape.io.download import Bluesky

    return _fetch(Bluesky(actor, server), out, restart=restart, as_json=as_json)


@fetch_app.command()
def acled(
    out: Out,
    country: Annotated[str | None, typer.Option(help="As ACLED spells it.")] = None,
    since: Since = None,
    until: Until = None,
    server: Server = "https://acleddata.com",
    restart: Restart = False,
    as_json: AsJson = False,
) -> int:
    """Download events of ACLED; set FOXGRAPE_ACLED_USERNAME and FOXGRAPE_ACLED_PASSWORD."""
    from foxgrape.io.download import Acled

    source = Acled(country, since=since, until=until, server=server)
    return _fetch(source, out, restart=restart, as_json=as_json)


@fetch_app.command()
def ucdp(
    version: Annotated[str, typer.Argument(help="Of the data set: 25.1.")],
    out: Out,
    country: Annotated[
        int | None, typer.Option(help="Number by Gleditsch and Ward: 369 is Ukraine.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(help="Events a page.")] = 1000,
    server: Server = "https://ucdpapi.pcr.uu.se",
    restart: Restart = False,
    as_json: AsJson = False,
) -> int:
    """Download events of UCDP's Georeferenced Event Dataset; set FOXGRAPE_UCDP_TOKEN."""
    from foxgrape.io.download import Ucdp

    source = Ucdp(version, country, since, until, limit, server)
    return _fetch(source, out, restart=restart, as_json=as_json)


def _fetch(source: Source, out: Path, *, restart: bool, as_json: bool) -> int:
    from foxgrape.io.download import download

    def progress(so_far: Download) -> None:
        say(f"{so_far.items:,} {so_far.kind}, {so_far.pages:,} answers, {so_far.size:,} bytes")

    with status_spinner("asking…") as say:
        done = download(source, out, restart=restart, progress=progress)
    print_sentence(done.sentence(), done.to_dict(), as_json=as_json)
    return 0
