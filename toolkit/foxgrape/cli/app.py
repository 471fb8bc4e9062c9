"""The same verbs for the shell: exit codes 0 done, 1 the work failed, 2 wrong call."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from foxgrape.cli import coincidence, datasets, detect, fetch, ingest, places, reports, schedule
from foxgrape.errors import FoxgrapeError

__all__ = ["app", "run"]

app = typer.Typer(
    help="Did public posts hint at events before they were confirmed?",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,  # boxes around help take a third of a second, and docs show it plain
    pretty_exceptions_enable=False,
)
study_app = typer.Typer(help="Look after studies.", no_args_is_help=True)
places.add_to(app)
fetch.add_to(app)
datasets.add_to(places.data_app)
ingest.add_to(app, study_app)
coincidence.add_to(app)
detect.add_to(app)
schedule.add_to(app, reports.report)
app.add_typer(reports.report, name="report")
app.add_typer(study_app, name="study")


def _say_version(*, asked: bool) -> None:
    if asked:
        import foxgrape

        print(f"foxgrape {foxgrape.__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def _before(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda asked: _say_version(asked=asked),
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """Take what goes before the verb."""


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors are one line on stderr."""
    try:
        code = app(arguments, prog_name="foxgrape", standalone_mode=False)
    except typer.Exit as left:
        return int(left.exit_code)
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a verb: that is help
            print(error)  # noqa: T201
            return 2
        said = _told(error)
        if said is None:
            raise
        print(f"foxgrape: {said[1]}", file=sys.stderr)  # noqa: T201
        return said[0]
    return code if isinstance(code, int) else 0


def _told(error: Exception) -> tuple[int, str] | None:
    """Return exit code and line for an error; None for a fault of our own, which is not hidden."""
    if isinstance(error, FoxgrapeError):
        return 1, str(error)
    if isinstance(error, typer.Abort):
        return 1, "stopped"
    # typer carries its own copy of click's exceptions; they know how to show themselves.
    if hasattr(error, "exit_code") and hasattr(error, "format_message"):
        return int(error.exit_code), error.format_message()
    # A verb beyond the extra that is installed.
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("foxgrape"):
        return 1, f"this needs the package {error.name}. Hint: pip install 'foxgrape[all]'"
    # A full disk, or a folder that is not ours to write into.
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return 1, f"{where}{error.strerror}"
    return None
