"""The same verbs for the shell: exit codes 0 done, 1 the work failed, 2 wrong call."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foxgrape import (
    __version__,
    cli_chance,
    cli_data,
    cli_doors,
    cli_fetch,
    cli_places,
    cli_schedule,
)
from foxgrape.cli_places import AsJson, show
from foxgrape.errors import FoxgrapeError

if TYPE_CHECKING:
    from foxgrape.analysis import Analysis

__all__ = ["app", "run"]

app = typer.Typer(
    help=f"foxgrape {__version__}: did posts hint at events before they were confirmed?",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
report = typer.Typer(help="Build reports.", no_args_is_help=True)
study_app = typer.Typer(help="Look after studies.", no_args_is_help=True)
cli_places.add_to(app)
cli_fetch.add_to(app)
cli_data.add_to(cli_places.data_app)
cli_doors.add_to(app, study_app)
cli_chance.add_to(app)
cli_schedule.add_to(app, report)
app.add_typer(report, name="report")
app.add_typer(study_app, name="study")


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors are one line on stderr."""
    try:
        code = app(arguments, prog_name="foxgrape", standalone_mode=False)
    except FoxgrapeError as error:
        print(f"foxgrape: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except ModuleNotFoundError as error:
        # A verb beyond the extra that is installed; a fault of our own is not hidden.
        if (error.name or "").startswith("foxgrape"):
            raise
        hint = "pip install 'foxgrape[all]'"
        print(f"foxgrape: this needs the package {error.name}. Hint: {hint}", file=sys.stderr)  # noqa: T201
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
    show(rows, rows, as_json=as_json)


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
    show(_findings(analysis), [], as_json=False)
    for line in (*analysis.findings(), analysis.coincidence(window="7D").sentence()):
        print(line)  # noqa: T201


def _findings(analysis: Analysis) -> list[dict[str, Any]]:
    from foxgrape.leadtime import lead_in_words  # noqa: PLC0415
    from foxgrape.show import relation_in_words, time_in_words  # noqa: PLC0415

    zone = analysis.study.timezone
    rows: list[Any] = list(analysis.table().itertuples())
    return [
        {
            "code": row.code,
            "place": row.place,
            "posted": time_in_words(row.posted_at, row.posted_until, zone),
            "lead": lead_in_words(row),
            "relation": relation_in_words(row),
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
