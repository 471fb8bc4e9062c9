"""The same verbs for the shell: exit codes 0 done, 1 the work failed, 2 wrong call."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from foxgrape import __version__
from foxgrape.errors import FoxgrapeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from foxgrape.study import Analysis

__all__ = ["app", "run"]

app = typer.Typer(
    help=f"foxgrape {__version__}: did posts hint at events before they were confirmed?",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
report = typer.Typer(help="Build reports.", no_args_is_help=True)
study_app = typer.Typer(help="Look after studies.", no_args_is_help=True)
app.add_typer(report, name="report")
app.add_typer(study_app, name="study")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Country = Annotated[str | None, typer.Option(help="ISO 3166-1 alpha-2 code to stay within.")]


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors are one line on stderr."""
    try:
        code = app(arguments, prog_name="foxgrape", standalone_mode=False)
    except FoxgrapeError as error:
        print(f"foxgrape: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except typer.Exit as left:
        return int(left.exit_code)
    except typer.Abort:
        print("foxgrape: stopped", file=sys.stderr)  # noqa: T201
        return 1
    except Exception as error:
        # typer carries its own copy of click's exceptions; they know how to show themselves.
        if not hasattr(error, "exit_code") or not hasattr(error, "format_message"):
            raise
        print(f"foxgrape: {error.format_message()}", file=sys.stderr)  # noqa: T201
        return int(error.exit_code)
    return code if isinstance(code, int) else 0


@app.command()
def lookup(
    code: Annotated[str, typer.Argument(help="An emoji, word or hashtag, or a text with some.")],
    at: Annotated[str | None, typer.Option(help="Only readings that hold on this day.")] = None,
    country: Country = None,
    codebook: Annotated[Path | None, typer.Option(help="A codebook of your own, CSV.")] = None,
    as_json: AsJson = False,
) -> int:
    """Tell which places a code stands for, and says who."""
    from foxgrape.places import Codebook  # noqa: PLC0415

    book = Codebook.from_csv(codebook) if codebook else Codebook.default()
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
    _show(rows, [asdict(match) for match in matches], as_json=as_json)
    return _found(matches, code)


@app.command()
def find(
    name: Annotated[str, typer.Argument(help="A place name in any spelling or alphabet.")],
    country: Country = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 5,
    as_json: AsJson = False,
) -> int:
    """Tell which places a name may mean, best first."""
    from foxgrape.places import find as find_places  # noqa: PLC0415

    matches = find_places(name, country=country, limit=limit)
    rows = [
        {
            "place": str(match.place),
            "score": match.score,
            "matched": match.matched,
            "population": match.place.population,
            "place_id": match.place.id,
        }
        for match in matches
    ]
    _show(rows, [asdict(match) for match in matches], as_json=as_json)
    return _found(matches, name)


@app.command()
def codes(
    place: Annotated[str, typer.Argument(help="A place, by any name or by id.")],
    as_json: AsJson = False,
) -> int:
    """Tell which codes stand for a place."""
    from foxgrape.places import codes_for  # noqa: PLC0415

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
    _show(rows, [asdict(code) for code in known], as_json=as_json)
    return _found(known, place)


@study_app.command("check")
def study_check(
    folder: Annotated[Path, typer.Argument(help="A folder with a datapackage.json.")],
) -> None:
    """Read a study whole; say what is in it, or what is wrong and where."""
    from foxgrape.study import open_study  # noqa: PLC0415

    read = open_study(folder)
    print(  # noqa: T201
        f"{read.name}: {len(read.posts)} posts, {len(read.events)} events, "
        f"{len(read.confirmations)} confirmations, {len(read.codebook)} codes"
    )


@report.command("list")
def report_list(as_json: AsJson = False) -> None:
    """List the templates and their parameters."""
    from foxgrape.reports import templates  # noqa: PLC0415

    rows = [
        {
            "template": template.name,
            "title": template.title,
            "parameters": ", ".join(
                f"{name}={rule['default']}" for name, rule in template.schema["properties"].items()
            ),
        }
        for template in templates().values()
    ]
    _show(rows, rows, as_json=as_json)


@report.command("build")
def report_build(
    template: Annotated[str, typer.Argument(help="A template's name, or a notebook's path.")],
    study: Annotated[Path | None, typer.Option(help="Folder of a study.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE, as often as needed.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to build into.")] = Path("reports"),
    force: Annotated[bool, typer.Option("--force", help="Build even if nothing changed.")] = False,
    as_json: AsJson = False,
) -> int:
    """Build one report; print its findings and the path of its page."""
    from foxgrape.reports import run_report  # noqa: PLC0415
    from foxgrape.reports.catalogue import find_template  # noqa: PLC0415
    from foxgrape.reports.parameters import from_text  # noqa: PLC0415

    chosen = find_template(template)
    values = from_text(chosen, _pairs(parameter or []))
    built = run_report(template, study=study, parameters=values, out=out, force=force)
    if as_json:
        print(json.dumps(asdict(built), default=str, ensure_ascii=False))  # noqa: T201
    if built.error is not None:
        raise FoxgrapeError(
            f"the report failed: {built.error}", hint=f"its notebook is {built.notebook}"
        )
    if not as_json:
        _print_findings(study, values)
        print(f"{built.status}: {built.html}")  # noqa: T201
    return 0


def _print_findings(study: Path | None, values: dict[str, Any]) -> None:
    from foxgrape.study import open_study  # noqa: PLC0415

    options = {
        name: values[name] for name in ("horizon", "clock", "confirmed_by") if name in values
    }
    analysis = open_study(study).analyse(**options)
    _show(_findings(analysis), [], as_json=False)
    for line in analysis.findings():
        print(line)  # noqa: T201


def _findings(analysis: Analysis) -> list[dict[str, Any]]:
    from foxgrape.leadtime import lead_in_words  # noqa: PLC0415
    from foxgrape.show import time_in_words  # noqa: PLC0415

    zone = analysis.study.timezone
    rows: list[Any] = list(analysis.table().itertuples())
    return [
        {
            "code": row.code,
            "place": row.place,
            "posted": time_in_words(row.posted_at, row.posted_until, zone),
            "lead": lead_in_words(row),
            "relation": f"{row.relation}, hindsight" if row.hindsight else row.relation,
        }
        for row in rows
    ]


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"expected NAME=VALUE, got {text!r}")
        pairs[name] = value
    return pairs


def _show(rows: list[dict[str, Any]], data: list[Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(data, default=str, ensure_ascii=False, indent=2))  # noqa: T201
    elif rows:
        table = Table(*rows[0], box=None, pad_edge=False)
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row.values()))
        Console(width=None if sys.stdout.isatty() else 160).print(table)


def _found(matches: Iterable[object], asked: str) -> int:
    """Return 0 if anything was found, else say so and return 1."""
    if any(True for _ in matches):
        return 0
    print(f"foxgrape: nothing is known of {asked!r}", file=sys.stderr)  # noqa: T201
    return 1
