"""Commands that look up codes and places: lookup, find, codes, suggest, codebook."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foxgrape.cli.output import AsJson, print_error, print_line, print_result

if TYPE_CHECKING:
    from collections.abc import Sized

    from foxgrape.places import Codebook, Gazetteer

__all__ = ["GazetteerPath", "Proposed", "add_commands", "read_codebook"]

Country = Annotated[str | None, typer.Option(help="Only this country: an ISO 3166-1 alpha-2 code.")]
Limit = Annotated[int, typer.Option(min=1, help="Maximum number of results.")]
GazetteerPath = Annotated[
    Path | None,
    typer.Option("--gazetteer", help="CSV file of places, or output of gazetteer build."),
]
CodebookPath = Annotated[Path | None, typer.Option(help="Your own codebook, a CSV file.")]

Proposed = Annotated[
    bool,
    typer.Option("--proposed", help="Include emoji that are only proposed: no use is known."),
]

codebook_app = typer.Typer(help="List and check codebooks.", no_args_is_help=True)


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (lookup, find, codes, suggest):
        app.command()(command)
    app.add_typer(codebook_app, name="codebook")


def lookup(
    code: Annotated[
        str, typer.Argument(help="An emoji, word or hashtag, or a text that contains codes.")
    ],
    at: Annotated[
        str | None, typer.Option(help="Only meanings that are valid on this day.")
    ] = None,
    country: Country = None,
    codebook: CodebookPath = None,
    gazetteer: GazetteerPath = None,
    proposed: Proposed = False,
    as_json: AsJson = False,
) -> int:
    """Show which places a code stands for, with sources."""
    book = read_codebook(codebook, gazetteer, proposed=proposed)
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
    hint = "" if codebook or proposed else _proposals_hint(code)
    return _exit_code(matches, code, hint)


def _proposals_hint(code: str) -> str:
    """Return how to see the proposals for a code; empty if there are none."""
    from foxgrape.places import Codebook

    n_places = len(Codebook.default(proposed=True).lookup(code))
    if not n_places:
        return ""
    plural = "" if n_places == 1 else "s"
    return f"; {n_places} proposal{plural} of which no use is known: foxgrape lookup --proposed"


def find(
    name: Annotated[str, typer.Argument(help="A place name in any spelling or alphabet.")],
    country: Country = None,
    admin1: Annotated[
        str | None, typer.Option(help="Only this region or district, in any spelling.")
    ] = None,
    near: Annotated[
        str | None,
        typer.Option(help="Position as LAT,LON; list the nearest of equally good matches first."),
    ] = None,
    limit: Limit = 5,
    gazetteer: GazetteerPath = None,
    as_json: AsJson = False,
) -> int:
    """Show which places a name may mean, best match first."""
    from foxgrape.places.divisions import read_divisions
    from foxgrape.places.resolution import resolve

    searched = open_gazetteer(gazetteer)
    if admin1 and read_divisions(admin1, searched).unread:
        print_error(f"the region or district {admin1!r} is unknown, so it is not used")
        admin1 = None
    matches = searched.find(
        name, country=country, admin1=admin1, near=_parse_position(near), limit=limit
    )
    if len(matches) > 1 and near is None:
        resolution = resolve(name, admin1=admin1 or "", country=country, gazetteer=searched)
        why = "; ".join(resolution.notes) or "no other name matches as well"
        decision = (
            f"{name} means {resolution.place}: {why}"
            if resolution.place
            else f"{name} cannot be resolved: {resolution.reason}"
        )
        print_line(decision, error=True)
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
    return _exit_code(matches, name)


def codes(
    place: Annotated[str, typer.Argument(help="Name or id of a place.")],
    codebook: CodebookPath = None,
    gazetteer: GazetteerPath = None,
    proposed: Proposed = False,
    as_json: AsJson = False,
) -> int:
    """Show which codes stand for a place."""
    known = read_codebook(codebook, gazetteer, proposed=proposed).codes_for(place)
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
    return _exit_code(known, place)


def suggest(
    emoji: Annotated[str, typer.Argument(help="One emoji without a known meaning.")],
    country: Country = None,
    limit: Limit = 10,
    gazetteer: GazetteerPath = None,
    as_json: AsJson = False,
) -> int:
    """Suggest places that an emoji could stand for.

    The column chance is the expected number of equally good matches for an unrelated emoji.
    """
    from foxgrape.places import suggest as suggest_places

    book = None if gazetteer is None else read_codebook(None, gazetteer, proposed=True)
    suggestions = suggest_places(emoji, country=country, limit=limit, codebook=book)
    rows = [
        {
            "place": str(suggestion.place),
            "score": suggestion.score,
            "chance": suggestion.chance,
            "because": suggestion.because,
            "place_id": suggestion.place.id,
        }
        for suggestion in suggestions
    ]
    print_result(rows, [asdict(suggestion) for suggestion in suggestions], as_json=as_json)
    return _exit_code(suggestions, emoji)


@codebook_app.command("list")
def codebook_list(
    codebook: CodebookPath = None,
    gazetteer: GazetteerPath = None,
    proposed: Proposed = False,
    as_json: AsJson = False,
) -> int:
    """List the codes of the packaged codebook, or of your own."""
    entries = read_codebook(codebook, gazetteer, proposed=proposed).to_dict()["codes"]
    columns = ("code", "place", "meaning", "basis", "decoded_at", "confidence", "place_id")
    rows = [{column: entry[column] for column in columns} for entry in entries]
    print_result(rows, entries, as_json=as_json)
    return 0


@codebook_app.command("check")
def codebook_check(
    file: Annotated[Path, typer.Argument(help="A codebook, a CSV file.")],
    gazetteer: GazetteerPath = None,
    as_json: AsJson = False,
) -> int:
    """List all problems of a codebook. The exit code is 1 if there are any."""
    from foxgrape.places.codebook import check_codebook

    problems = check_codebook(file, open_gazetteer(gazetteer))
    if as_json:
        data = [
            {"row": problem.row, "column": problem.column, "problem": str(problem)}
            for problem in problems
        ]
        print_result([], data, as_json=True)
    else:
        for problem in problems:
            print_line(problem, error=True)
        print_line(f"{file}: {len(problems)} {'problem' if len(problems) == 1 else 'problems'}")
    return 1 if problems else 0


def read_codebook(
    path: Path | None, gazetteer: Path | None = None, *, proposed: bool = False
) -> Codebook:
    """Return the codebook in a file, by default the packaged one.

    Raises
    ------
    typer.BadParameter
        If proposals are requested for a file: they belong to the packaged codebook.
    """
    from foxgrape.places import Codebook

    if path is None:
        return Codebook.for_gazetteer(open_gazetteer(gazetteer), proposed=proposed)
    if proposed:
        raise typer.BadParameter("--proposed and --codebook cannot be given together")
    return Codebook.from_csv(path, open_gazetteer(gazetteer))


def open_gazetteer(path: Path | None) -> Gazetteer:
    """Return the gazetteer in a file or folder, by default the packaged one."""
    from foxgrape.places import Gazetteer

    return Gazetteer.default() if path is None else Gazetteer.open(path)


def _parse_position(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        lat, lon = map(float, text.split(","))
    except ValueError:
        raise typer.BadParameter(f"--near must be LAT,LON in degrees; got {text!r}") from None
    return lat, lon


def _exit_code(results: Sized, query: str, hint: str = "") -> int:
    """Return 0 if there are results; else print an error and return 1."""
    if results:
        return 0
    print_error(f"no results for {query!r}{hint}")
    return 1
