"""Commands for reports: list, new, build, rebuild, diff, prune, catalogue, serve."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foxgrape.cli.output import (
    AsJson,
    Pairs,
    handle_sigterm,
    parse_pairs,
    print_json,
    print_line,
    print_result,
)
from foxgrape.errors import FoxgrapeError

if TYPE_CHECKING:
    from foxgrape.reports import ReportRun

__all__ = ["OwnTemplates", "Pictures", "SharedAssets", "add_commands", "report_app"]

report_app = typer.Typer(help="Build reports.", no_args_is_help=True)
Out = Annotated[Path, typer.Option(help="Folder of the reports.")]
SharedAssets = Annotated[
    bool, typer.Option("--shared-assets", help="Store plotly.js once for all pages.")
]
Pictures = Annotated[
    bool, typer.Option("--pictures", help="Also write figures as images; needs kaleido.")
]
OwnTemplates = Annotated[
    Path | None,
    typer.Option(
        "--templates", envvar="FOXGRAPE_TEMPLATES", help="Folder with your own templates."
    ),
]


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(report_app, name="report")


@report_app.command("list")
def report_list(own: OwnTemplates = None, as_json: AsJson = False) -> None:
    """List the templates and their parameters."""
    from foxgrape.reports import templates

    available = templates() | (templates(own) if own is not None else {})
    rows = [
        {
            "template": template.name,
            "title": template.title,
            "tags": ", ".join(template.tags),
            "parameters": ", ".join(
                f"{name}={rule['default']}" if "default" in rule else f"{name} (required)"
                for name, rule in template.schema["properties"].items()
            ),
        }
        for template in available.values()
    ]
    print_result(rows, rows, as_json=as_json)


@report_app.command("new")
def report_new(
    name: Annotated[str, typer.Argument(help="Name of the template, such as my_report.")],
    folder: Annotated[
        Path, typer.Option(envvar="FOXGRAPE_TEMPLATES", help="Folder to write to.")
    ] = Path(),
) -> None:
    """Create your own template. Prints the path of its notebook."""
    from foxgrape.reports.templates.discovery import new_template

    print_line(new_template(name, folder))


@report_app.command("build")
def report_build(
    template: Annotated[str, typer.Argument(help="Template name, or path to a notebook.")],
    study: Annotated[Path | None, typer.Option(help="Folder of a study.")] = None,
    store: Annotated[str | None, typer.Option(help="Folder or URL of a store.")] = None,
    parameter: Pairs = None,
    own: OwnTemplates = None,
    out: Out = Path("reports"),
    force: Annotated[bool, typer.Option("--force", help="Build even if nothing changed.")] = False,
    shared_assets: SharedAssets = False,
    pictures: Pictures = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Also print the page as PDF; needs Chromium.")
    ] = False,
    cell_seconds: Annotated[float, typer.Option(min=0.1, help="Time limit per cell.")] = 600.0,
    run_seconds: Annotated[float, typer.Option(min=0.1, help="Time limit per run.")] = 3600.0,
    as_json: AsJson = False,
) -> int:
    """Build one report. Prints its findings and the path of its page."""
    from foxgrape.reports import run_report
    from foxgrape.reports.templates.discovery import find_template
    from foxgrape.reports.templates.parameters import parse_parameters

    if pdf:
        from foxgrape.reports.rendering.pdf import find_chromium

        find_chromium()  # say so before the work, not after it
    chosen = find_template(template, own)
    values = parse_parameters(chosen, parse_pairs(parameter))
    run = run_report(
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
        print_json(asdict(run))
    if run.error is not None:
        raise FoxgrapeError(f"the report failed: {run.error}", hint=f"see {run.notebook}")
    printed = _print_pdf(run.html, out) if pdf and run.html is not None else None
    if not as_json:
        _print_findings(run)
        print_line(f"{run.status}: {run.html}")
        if printed is not None:
            print_line(f"PDF: {printed}")
    return 0


def _print_pdf(page: Path, out: Path) -> Path:
    """Print a page as PDF, and list the PDF in the catalogue."""
    from foxgrape.reports.rendering.pdf import write_pdf
    from foxgrape.reports.rendering.run_index import write_catalogue

    try:
        printed = write_pdf(page)
        write_catalogue(out, now=datetime.now(UTC))
    except OSError as error:
        raise FoxgrapeError(
            f"cannot write the PDF: {error.strerror or error}", file=page.parent
        ) from None
    return printed


@report_app.command("rebuild")
def report_rebuild(
    run: Annotated[str, typer.Argument(help="Id or folder of a run.")],
    out: Out = Path("reports"),
    as_json: AsJson = False,
) -> int:
    """Build a run again and compare its outputs."""
    from foxgrape.reports.run import rebuild_report

    result = rebuild_report(run, out=out)
    if as_json:
        print_json(result.to_dict())
    if not result.same:
        raise FoxgrapeError(result.sentence(), hint=f"see {result.run.notebook}")
    if not as_json:
        print_line(result.sentence())
        print_line(result.run.html)
    return 0


@report_app.command("diff")
def report_diff(
    before: Annotated[str, typer.Argument(help="Id of the earlier run.")],
    after: Annotated[str, typer.Argument(help="Id of the later run.")],
    out: Out = Path("reports"),
    as_json: AsJson = False,
) -> None:
    """Compare two runs: signals added, removed and linked to other events, key figures, data."""
    from foxgrape.reports.changes import diff_runs

    diff = diff_runs(out, before, after)
    if not as_json:
        for change in diff.changes:
            print_line(change)
    if as_json or diff.rows():
        print_result(diff.rows(), diff.to_dict(), as_json=as_json)


@report_app.command("prune")
def report_prune(
    keep: Annotated[int, typer.Option(min=1, help="Number of runs to keep per template.")],
    template: Annotated[str | None, typer.Option(help="Delete only runs of this template.")] = None,
    out: Out = Path("reports"),
    as_json: AsJson = False,
) -> None:
    """Delete old runs. Prints the ids of deleted runs.

    The last successful run of each study or store is kept.
    """
    from foxgrape.reports.prune import prune

    deleted = prune(out, keep=keep, template=template)
    if as_json:
        print_json(deleted)
    else:
        for run_id in deleted:
            print_line(run_id)


@report_app.command("catalogue")
def report_catalogue(out: Out = Path("reports")) -> None:
    """Write the index page of all runs. Every build also writes it."""
    from foxgrape.reports.rendering.run_index import write_catalogue

    try:
        print_line(write_catalogue(out, now=datetime.now(UTC)))
    except OSError as error:
        raise FoxgrapeError(
            f"cannot write the index page: {error.strerror or error}", file=out
        ) from None


@report_app.command("serve")
def report_serve(
    out: Out = Path("reports"),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any free one.")] = 8000,
) -> None:
    """Serve the reports to a browser on this computer until Ctrl-C."""
    from foxgrape.reports.serve import server

    with handle_sigterm(), server(out, host=host, port=port) as serving:
        address, number = serving.server_address[:2]
        print_line(f"http://{address!s}:{number}/")
        serving.serve_forever()


def _print_findings(run: ReportRun) -> None:
    """Print the headline and the findings of a run's page."""
    from foxgrape.reports.key_points import read_key_points

    points = read_key_points(run.manifest.parents[1], run.manifest.parent.name)
    for line in (points.headline, *points.points):
        if line:
            print_line(line)
