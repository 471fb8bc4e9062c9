"""The foxgrape command.

Exit codes: 0 for success, 1 for a failure, 2 for a usage error. `foxgrape report due` exits with 75
if messages wait to be sent.
"""

from __future__ import annotations

import warnings
from typing import Annotated

import typer

from foxgrape.cli import analyse, fetch, gazetteer, ingest, places, reports, schedule, study
from foxgrape.cli.output import print_error, print_line, print_text, shell_message, show_warning
from foxgrape.errors import FoxgrapeError

__all__ = ["app", "run"]

app = typer.Typer(
    help="Did public posts hint at events before they were confirmed?",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,  # boxes take 0.3 s to load, and the docs show plain help
    pretty_exceptions_enable=False,
)
for module in (places, gazetteer, fetch, ingest, study, analyse, reports, schedule):
    module.add_commands(app)


def _print_version(*, requested: bool) -> None:
    if requested:
        import foxgrape

        print_line(f"foxgrape {foxgrape.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda requested: _print_version(requested=requested),
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """Accept options that precede the command."""


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; print an expected error as one line on stderr."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = show_warning
            code = app(arguments, prog_name="foxgrape", standalone_mode=False)
    except typer.Exit as exit_:
        return int(exit_.exit_code)
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group without a command
            print_text(error)
            return 2
        failure = _describe_error(error)
        if failure is None:
            raise
        print_error(failure[1])
        return failure[0]
    return code if isinstance(code, int) else 0


def _describe_error(error: Exception) -> tuple[int, str] | None:
    """Return exit code and message of an expected error; None for other errors, which are bugs."""
    if isinstance(error, FoxgrapeError):
        return 2 if error.argument else 1, shell_message(str(error))
    if isinstance(error, typer.Abort):
        return 1, "stopped"
    # typer bundles its own copy of click, so its exceptions are recognized by their methods.
    if hasattr(error, "exit_code") and hasattr(error, "format_message"):
        return int(error.exit_code), error.format_message()
    # The command needs an extra that is not installed.
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("foxgrape"):
        return 1, f"the package {error.name} is not installed. Hint: pip install 'foxgrape[all]'"
    # For example, a full disk or a folder without write permission.
    if isinstance(error, OSError) and error.strerror:
        path = f"{error.filename}: " if error.filename else ""
        return 1, f"{path}{error.strerror}"
    return None
