"""The verbs of reports: list, build, rebuild, prune, serve."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foxgrape._util.shutdown import handle_sigterm
from foxgrape.cli.output import AsJson, Pairs, pairs, print_result
from foxgrape.errors import FoxgrapeError

if TYPE_CHECKING:
    from foxgrape.studies.analysis import Analysis

__all__ = ["OwnTemplates", "Pictures", "SharedAssets", "report"]

report = typer.Typer(help="Build reports.", no_args_is_help=True)
Out = Annotated[Path, typer.Option(help="Folder of the reports.")]
SharedAssets = Annotated[
    bool, typer.Option("--shared-assets", help="One plotly.js for all pages of the folder.")
]
Pictures = Annotated[
    bool, typer.Option("--pictures", help="Pictures of figures too; they need kaleido.")
]


#: Where people keep templates of their own.
OwnTemplates = Annotated[
    Path | None,
    typer.Option(
        "--templates", envvar="FOXGRAPE_TEMPLATES", help="Folder of templates of your own."
    ),
]


@report.command("list")
def report_list(own: OwnTemplates = None, as_json: AsJson = False) -> None:
    """List the templates and their parameters."""
    from foxgrape.reports import templates

    known = templates() | (templates(own) if own is not None else {})
    rows = [
        {
            "template": template.name,
            "title": template.title,
            "tags": ", ".join(template.tags),
            "parameters": ", ".join(
                f"{name}={rule['default']}" if "default" in rule else f"{name} (needed)"
                for name, rule in template.schema["properties"].items()
            ),
        }
        for template in known.values()
    ]
    print_result(rows, rows, as_json=as_json)


@report.command("new")
def report_new(
    name: Annotated[str, typer.Argument(help="What it will be called, such as my_report.")],
    folder: Annotated[
        Path, typer.Option(envvar="FOXGRAPE_TEMPLATES", help="Where to put it.")
    ] = Path(),
) -> None:
    """Write a template of your own to start from; print the path of its notebook."""
    from foxgrape.reports.templates.discovery import new_template

    print(new_template(name, folder))  # noqa: T201


@report.command("build")
def report_build(
    template: Annotated[str, typer.Argument(help="A template's name, or a notebook's path.")],
    study: Annotated[Path | None, typer.Option(help="Folder of a study.")] = None,
    store: Annotated[str | None, typer.Option(help="Folder or URL of a store.")] = None,
    parameter: Pairs = None,
    own: OwnTemplates = None,
    out: Out = Path("reports"),
    force: Annotated[bool, typer.Option("--force", help="Build even if nothing changed.")] = False,
    shared_assets: SharedAssets = False,
    pictures: Pictures = False,
    cell_seconds: Annotated[float, typer.Option(min=0.1, help="How long a cell may take.")] = 600.0,
    run_seconds: Annotated[
        float, typer.Option(min=0.1, help="How long the whole run may take.")
    ] = 3600.0,
    as_json: AsJson = False,
) -> int:
    """Build one report; print its findings and the path of its page."""
    from foxgrape.reports import run_report
    from foxgrape.reports.templates.discovery import find_template
    from foxgrape.reports.templates.parameters import parse_parameters

    chosen = find_template(template, own)
    values = parse_parameters(chosen, pairs(parameter))
    built = run_report(
        chosen.notebook,
        study=study,
        store=store,
        parameters=values,
        out=out,
        force=force,
        shared_assets=shared_assets,
        pictures=pictures,
        cell_seconds=cell_seconds,
        run_seconds=run_seconds,
    )
    if as_json:
        print(json.dumps(asdict(built), default=str, ensure_ascii=False))  # noqa: T201
    if built.error is not None:
        raise FoxgrapeError(
            f"the report failed: {built.error}", hint=f"its notebook is {built.notebook}"
        )
    if not as_json:
        if chosen.notebook == find_template("lead_times").notebook:
            _print_findings(study, values)
        print(f"{built.status}: {built.html}")  # noqa: T201
    return 0


@report.command("rebuild")
def report_rebuild(
    run: Annotated[str, typer.Argument(help="A run's id, or its folder.")],
    out: Out = Path("reports"),
    as_json: AsJson = False,
) -> int:
    """Build a run again from its manifest; say whether every cell shows what it showed."""
    from foxgrape.reports.run import rebuild_report

    again = rebuild_report(run, out=out)
    if as_json:
        print(json.dumps(again.to_dict(), ensure_ascii=False))  # noqa: T201
    if not again.same:
        raise FoxgrapeError(again.sentence(), hint=f"its notebook is {again.run.notebook}")
    if not as_json:
        print(again.sentence())  # noqa: T201
        print(again.run.html)  # noqa: T201
    return 0


@report.command("prune")
def report_prune(
    keep: Annotated[int, typer.Option(min=1, help="How many runs of a template stay.")],
    template: Annotated[str | None, typer.Option(help="Only runs of this template.")] = None,
    out: Out = Path("reports"),
    as_json: AsJson = False,
) -> None:
    """Delete old runs, never the last good one of a study or store; print their ids."""
    from foxgrape.reports.prune import prune

    gone = prune(out, keep=keep, template=template)
    if as_json:
        print(json.dumps(gone))  # noqa: T201
    else:
        for name in gone:
            print(name)  # noqa: T201


@report.command("catalogue")
def report_catalogue(out: Out = Path("reports")) -> None:
    """Write the catalogue of the runs anew; print its path. Runs themselves do so as well."""
    from foxgrape.reports.rendering.run_index import write_catalogue

    try:
        print(write_catalogue(out, now=datetime.now(UTC)))  # noqa: T201
    except OSError as error:
        raise FoxgrapeError(
            f"the catalogue cannot be written: {error.strerror or error}", file=out
        ) from None


@report.command("serve")
def report_serve(
    out: Out = Path("reports"),
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
) -> None:
    """Show the reports to a browser on this machine, until Ctrl-C."""
    from foxgrape.reports.serve import server

    with handle_sigterm(), server(out, host=host, port=port) as serving:
        where, number = serving.server_address[:2]
        print(f"http://{where!s}:{number}/", flush=True)  # noqa: T201
        serving.serve_forever()


def _print_findings(study: Path | None, values: dict[str, Any]) -> None:
    from foxgrape.studies.study import open_study

    options = {
        name: values[name] for name in ("horizon", "clock", "confirmed_by") if name in values
    }
    analysis = open_study(study).analyse(**options)
    print_result(_findings(analysis), [], as_json=False)
    for line in (*analysis.findings(), analysis.coincidence(window="7D").sentence()):
        print(line)  # noqa: T201


def _findings(analysis: Analysis) -> list[dict[str, Any]]:
    from foxgrape._util.formatting import describe_time, lead_in_words
    from foxgrape.display.report_tables import describe_relation

    zone = analysis.study.timezone
    rows: list[Any] = list(analysis.table().itertuples())
    return [
        {
            "code": row.code,
            "place": row.place,
            "posted": describe_time(row.posted_at, row.posted_until, zone),
            "lead": lead_in_words(row),
            "relation": describe_relation(row),
        }
        for row in rows
    ]
