"""The verbs of the lookup library for the shell: lookup, find, codes, suggest, codebook, data."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foxgrape.cli.output import AsJson, print_result

if TYPE_CHECKING:
    from collections.abc import Sized

    from foxgrape.places import Gazetteer

__all__ = ["add_to", "codebook_app", "data_app"]

Country = Annotated[str | None, typer.Option(help="ISO 3166-1 alpha-2 code to stay within.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]
Folder = Annotated[
    Path | None,
    typer.Option("--gazetteer", help="Places: a CSV, or what data build-gazetteer wrote."),
]
Book = Annotated[Path | None, typer.Option(help="A codebook of your own, CSV.")]

codebook_app = typer.Typer(help="Look after codebooks.", no_args_is_help=True)
data_app = typer.Typer(
    help="Fetch public data sets; build data for the lookup library.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    for verb in (lookup, find, codes, suggest):
        app.command()(verb)
    app.add_typer(codebook_app, name="codebook")
    app.add_typer(data_app, name="data")


def lookup(
    code: Annotated[str, typer.Argument(help="An emoji, word or hashtag, or a text with some.")],
    at: Annotated[str | None, typer.Option(help="Only readings that hold on this day.")] = None,
    country: Country = None,
    codebook: Book = None,
    gazetteer: Folder = None,
    proposed: Annotated[
        bool, typer.Option("--proposed", help="Also readings that nobody attested.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Tell which places a code stands for, and says who."""
    from foxgrape.places import Codebook

    if codebook:
        book = Codebook.from_csv(codebook, _gazetteer(gazetteer))
    else:
        book = Codebook.default(proposed=proposed)
    try:
        matches = book.lookup(code, at=at, country=country)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    rows = [
        {
            "code": match.code.code,
            "place": str(match.place),
            "score": round(match.score, 2),
            "meaning": match.code.meaning,
            "basis": match.code.basis,
            "confidence": match.code.confidence,
            "place_id": match.place.id,
        }
        for match in matches
    ]
    print_result(rows, [{**asdict(match), "why": match.why} for match in matches], as_json=as_json)
    return _found(matches, code)


def find(
    name: Annotated[str, typer.Argument(help="A place name in any spelling or alphabet.")],
    country: Country = None,
    admin1: Annotated[
        str | None, typer.Option(help="First-level division to stay within, such as Kharkiv.")
    ] = None,
    near: Annotated[
        str | None, typer.Option(help="LAT,LON: of names that match alike, the nearest first.")
    ] = None,
    limit: Limit = 5,
    gazetteer: Folder = None,
    as_json: AsJson = False,
) -> int:
    """Tell which places a name may mean, best first."""
    matches = _gazetteer(gazetteer).find(
        name, country=country, admin1=admin1, near=_position(near), limit=limit
    )
    rows = [
        {
            "place": str(match.place),
            "district": match.place.admin2,
            "score": match.score,
            "how": match.how,
            "matched": match.matched,
            "population": match.place.population,
            "place_id": match.place.id,
        }
        for match in matches
    ]
    print_result(rows, [asdict(match) for match in matches], as_json=as_json)
    return _found(matches, name)


def codes(
    place: Annotated[str, typer.Argument(help="A place, by any name or by id.")],
    as_json: AsJson = False,
) -> int:
    """Tell which codes stand for a place."""
    from foxgrape.places import codes_for

    known = codes_for(place)
    rows = [
        {
            "code": code.code,
            "meaning": code.meaning,
            "basis": code.basis,
            "decoded": code.decoded_at,
            "confidence": code.confidence,
            "source": code.source_title,
        }
        for code in known
    ]
    print_result(rows, [asdict(code) for code in known], as_json=as_json)
    return _found(known, place)


def suggest(
    emoji: Annotated[str, typer.Argument(help="One emoji that nobody decoded.")],
    country: Country = None,
    limit: Limit = 10,
    as_json: AsJson = False,
) -> int:
    """Suggest which places an emoji could mean; chance is how many an unrelated one would match."""
    from foxgrape.places import suggest as suggest_places

    found = suggest_places(emoji, country=country, limit=limit)
    rows = [
        {
            "place": str(each.place),
            "score": each.score,
            "chance": each.chance,
            "because": each.because,
            "place_id": each.place.id,
        }
        for each in found
    ]
    print_result(rows, [asdict(each) for each in found], as_json=as_json)
    return _found(found, emoji)


@codebook_app.command("check")
def codebook_check(
    file: Annotated[Path, typer.Argument(help="A codebook, CSV.")],
    gazetteer: Folder = None,
    as_json: AsJson = False,
) -> int:
    """List every problem of a codebook with its row and column; exit 1 if there is any."""
    from foxgrape.places.codebook import check_codebook

    problems = check_codebook(file, _gazetteer(gazetteer))
    if as_json:
        told = [
            {"row": problem.row, "column": problem.column, "problem": str(problem)}
            for problem in problems
        ]
        print_result([], told, as_json=True)
    else:
        for problem in problems:
            print(problem, file=sys.stderr)  # noqa: T201
        print(f"{file}: {len(problems)} problems")  # noqa: T201
    return 1 if problems else 0


@data_app.command("build-gazetteer")
def data_build_gazetteer(
    country: Annotated[str, typer.Option(help="ISO 3166-1 alpha-2 code.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("gazetteer"),
    admin1: Annotated[
        Path | None, typer.Option(help="GeoNames' admin1CodesASCII.txt, for names of divisions.")
    ] = None,
) -> int:
    """Build a gazetteer of a country from GeoNames (needs the extra gazetteer)."""
    from foxgrape.places.build import build_gazetteer

    count = build_gazetteer(country, out, admin1=admin1)
    print(f"{out}: {count} places, GeoNames, CC BY 4.0")  # noqa: T201
    return 0


def _gazetteer(folder: Path | None) -> Gazetteer:
    from foxgrape.places import Gazetteer

    if folder is None:
        return Gazetteer.default()
    return Gazetteer.from_csv(folder) if folder.is_file() else Gazetteer.from_folder(folder)


def _position(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        lat, lon = map(float, text.split(","))
    except ValueError:
        raise typer.BadParameter(f"expected LAT,LON in degrees, got {text!r}") from None
    return lat, lon


def _found(matches: Sized, asked: str) -> int:
    """Return 0 if anything was found, else say so and return 1."""
    if matches:
        return 0
    print(f"foxgrape: nothing is known of {asked!r}", file=sys.stderr)  # noqa: T201
    return 1
