"""The same verbs for the shell: exit codes 0 done, 1 the work failed, 2 wrong call."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - typer reads what is annotated
from typing import Annotated

import typer

from foxgrape import (
    __version__,
    cli_chance,
    cli_data,
    cli_detect,
    cli_doors,
    cli_fetch,
    cli_places,
    cli_reports,
    cli_schedule,
)
from foxgrape.errors import FoxgrapeError

__all__ = ["app", "run"]

app = typer.Typer(
    help=f"foxgrape {__version__}: did posts hint at events before they were confirmed?",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
study_app = typer.Typer(help="Look after studies.", no_args_is_help=True)
cli_places.add_to(app)
cli_fetch.add_to(app)
cli_data.add_to(cli_places.data_app)
cli_doors.add_to(app, study_app)
cli_chance.add_to(app)
cli_detect.add_to(app)
cli_schedule.add_to(app, cli_reports.report)
app.add_typer(cli_reports.report, name="report")
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
